"""Every command as a user runs it: what it prints, where, and its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

import fake_aiconfigurator
from gpufleet import load_instance, load_plan, verify
from gpufleet.cli.app import main
from gpufleet.library.sources import aiconfigurator

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "instances" / "reference"
BANK = REFERENCE / "bank-assistant.yaml"
FEW_IN_THE_CLOUD = [{"site": "aws-us-east-1", "terms": ["on_demand"], "accelerators": ["L4"], "stock": 20}]
"""Enough for a question of `bank-assistant` that is asked many times over."""
MELANGE = {
    "gpu_info": {
        "A10G": {"cost": 1.01, "tputs": [[2, 1], [5, 2]]},
        "A100-80GB": {"cost": 3.67, "tputs": [[20, 20], [40, 20]]},
    },
    "workload_distribution": [[0.2, 0.1], [0.5, 0.2]],
    "total_request_rate": 30.0,
    "slice_factor": 1,
}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def edited(tmp_path: Path, source: Path, **changes: object) -> Path:
    """A copy of an instance with top-level fields replaced, and without its baseline."""
    fields = {**yaml.safe_load(source.read_text()), **changes}
    fields.pop("baseline_plan", None)
    target = tmp_path / source.name
    target.write_text(yaml.safe_dump(fields, sort_keys=False))
    return target


def test_help_lists_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for command in (
        "solve",
        "verify",
        "schedule",
        "validate",
        "explain",
        "whatif",
        "frontier",
        "estimate",
        "catalog",
        "schema",
        "import",
    ):
        assert f"  {command} " in result.stdout


def test_solve_prints_every_section_within_80_columns() -> None:
    result = run("solve", BANK)
    assert result.exit_code == 0
    for part in ("proven optimal", "Fleet", "Deployments", "Costs over the horizon", "Certificate", "gap        0"):
        assert part in result.stdout
    for part in ("limit 2,000 ms", "privacy", "Compared with bank-assistant.brief-plan.yaml", "this plan saves"):
        assert part in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_json_is_all_that_stdout_holds_and_has_the_promised_order() -> None:
    result = run("solve", BANK, "--json")
    answer = json.loads(result.stdout)
    assert answer["status"] == "optimal"
    assert answer["certificate"]["objective_usd"] == answer["certificate"]["bound_usd"]
    assert answer["certificate"]["gap"] == 0
    keys = list(answer)
    order = [keys.index(key) for key in ("status", "certificate", "nodes", "deployments", "routing", "costs", "funnel")]
    assert order == sorted(order)


def test_performance_is_part_of_the_question(tmp_path: Path) -> None:
    """The flag overrides the instance; `verify` needs the same; caution is priced unless it is told not to be."""
    counted, out = BANK.parents[1] / "estate" / "counted-on.yaml", tmp_path / "plan.json"
    shown = run("solve", counted, "--out", out).stdout
    assert "Caution costs 28.80 USD a day, +25.0 % (at p50: 3,456.00 USD over the horizon)." in shown
    assert run("verify", counted, out).exit_code == 0
    assert run("verify", counted, out, "--performance", "p50").exit_code == 5
    answer = json.loads(run("solve", counted, "--json").stdout)
    assert answer["caution"] == {"p50_usd": 3456.0, "extra_usd": 864.0, "proven": True, "note": None}
    assert json.loads(run("solve", counted, "--no-price-of-caution", "--json").stdout)["caution"] is None
    usual = json.loads(run("solve", counted, "--performance", "p50", "--json").stdout)
    assert (usual["performance"], usual["certificate"]["objective_usd"]) == ("p50", 3456.0)


@pytest.mark.parametrize("name", ["plan.json", "plan.yaml"])
def test_out_writes_a_plan_that_verifies(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    assert run("solve", BANK, "--out", out).exit_code == 0
    assert verify(load_instance(BANK), load_plan(out)).ok
    verdict = run("verify", BANK, out)
    assert verdict.exit_code == 0
    assert "keeps every rule" in verdict.stdout
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("out", ["plan.txt", "plan", "no-such-folder/plan.json"])
def test_out_that_cannot_be_written_is_refused_before_solving(tmp_path: Path, out: str) -> None:
    result = run("solve", BANK, "--out", tmp_path / out)
    assert result.exit_code == 2
    assert "--out" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_verify_says_what_is_broken_and_exits_5(tmp_path: Path) -> None:
    plan = yaml.safe_load((REFERENCE / "bank-assistant.brief-plan.yaml").read_text())
    plan["nodes"][0]["count"] = 3
    broken = tmp_path / "plan.yaml"
    broken.write_text(yaml.safe_dump(plan))
    result = run("verify", BANK, broken)
    assert result.exit_code == 5
    assert "breaks packing" in result.stdout
    assert "need 4 nodes" in result.stdout
    verdict = json.loads(run("verify", BANK, broken, "--json").stdout)
    assert verdict["ok"] is False
    assert verdict["violations"][0]["excess"] == 1


DAY_AND_NIGHT = ROOT / "instances" / "estate" / "day-and-night.yaml"


@pytest.fixture(scope="module")
def day_plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan of a day with 24 hours; what `solve` printed stands beside it."""
    out = tmp_path_factory.mktemp("day") / "plan.yaml"
    solved = run("solve", DAY_AND_NIGHT, "--out", out)
    assert solved.exit_code == 0
    out.with_name("printed.txt").write_text(solved.stdout)
    return out


def test_verify_says_in_one_line_when_a_deployment_runs(day_plan: Path) -> None:
    """46 deployments over 24 hours are four forms; figures are the highest of them."""
    plan = load_plan(day_plan)
    assert len(plan.deployments) > 40
    result = run("verify", DAY_AND_NIGHT, day_plan)
    assert max(map(len, result.stdout.splitlines())) <= 80
    said = " ".join(result.stdout.split())
    assert said.count(" x chat on ") + said.count(" x fine-tuning on ") == 4
    assert said.count("replicas: ") == 4
    loads = verify(load_instance(DAY_AND_NIGHT), plan).utilisation
    rented = [loads[i] for i, d in enumerate(plan.deployments) if d.node_type == "aws-p4d.24xlarge"]
    assert f"up to 1 x chat on aws-p4d.24xlarge: utilisation up to {max(rented) * 100:.1f} %" in said
    assert "replicas: 00h to 09h: 0, 10h to 12h: 1, 13h: 0, 14h to 17h: 1, 18h to 23h: 0" in said


def test_verify_of_a_plan_with_a_period_that_does_not_exist(tmp_path: Path, day_plan: Path) -> None:
    fields = yaml.safe_load(day_plan.read_text())
    fields["deployments"][0] |= {"period": "24h"}
    fields["deployments"][1] |= {"stage": "2030"}
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump(fields))
    result = run("verify", DAY_AND_NIGHT, wrong)
    assert result.exit_code == 5
    assert "the instance has no period 24h" in " ".join(result.stdout.split())
    assert "the instance has no stage 2030" in " ".join(result.stdout.split())


def test_schedule_prints_text_csv_and_json(day_plan: Path) -> None:
    shown = run("schedule", DAY_AND_NIGHT, day_plan)
    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "aws-p4d.24xlarge at aws-us-east-1: base 0, burst up to 1 more" in shown.stdout
    assert "dgx-a100-640gb at own: base 2" in shown.stdout
    rows = json.loads(run("schedule", DAY_AND_NIGHT, day_plan, "--json").stdout)
    # 24 periods of 3 pools and 4 deployments
    assert len(rows) == 24 * 7
    at_ten = [row for row in rows if row["period"] == "10h" and row["node_type"] == "aws-p4d.24xlarge"]
    assert [(row["kind"], row.get("burst"), row.get("replicas")) for row in at_ten] == [
        ("nodes", 1, None),
        ("replicas", None, 1),
    ]
    lines = run("schedule", DAY_AND_NIGHT, day_plan, "--csv").stdout.splitlines()
    assert len(lines) == 1 + len(rows)
    assert lines[0].startswith("kind,stage,period,site,node_type")
    assert "base 0, burst up to 1 more" in " ".join(day_plan.with_name("printed.txt").read_text().split())


def test_schedule_refuses_what_cannot_be_relied_on(tmp_path: Path, day_plan: Path) -> None:
    fields = yaml.safe_load(day_plan.read_text())
    fields["nodes"][0]["count"] -= 1
    broken = tmp_path / "broken.yaml"
    broken.write_text(yaml.safe_dump(fields))
    refused = run("schedule", DAY_AND_NIGHT, broken)
    assert refused.exit_code == 5
    assert "packing" in refused.stderr
    assert refused.stdout == ""
    poor = edited(tmp_path, BANK, budgets={"usd_per_day": 50})
    nothing = tmp_path / "nothing.json"
    run("solve", poor, "--out", nothing)
    none = run("schedule", poor, nothing)
    assert none.exit_code == 3
    assert "no fleet to schedule (infeasible" in none.stderr
    both = run("schedule", DAY_AND_NIGHT, day_plan, "--json", "--csv")
    assert both.exit_code == 2


def test_restricting_the_accelerator_and_comparing_with_the_brief() -> None:
    result = run("solve", REFERENCE / "ecommerce-recommender.yaml", "--accelerator", "T4")
    assert result.exit_code == 0
    assert "int8-ptq" in result.stdout
    assert "20x aws-g4dn.xlarge" in result.stdout
    missing = run("solve", REFERENCE / "ecommerce-recommender.yaml", "--accelerator", "T44")
    assert missing.exit_code == 2
    assert "no offer of the instance carries T44" in missing.stderr


def test_infeasible_exits_3_and_explain_names_the_budget(tmp_path: Path) -> None:
    file = edited(tmp_path, BANK, budgets={"usd_per_day": 50}, catalog_offers=FEW_IN_THE_CLOUD)
    solved = run("solve", file)
    assert solved.exit_code == 3
    assert "INFEASIBLE" in solved.stdout
    assert json.loads(run("solve", file, "--json").stdout)["status"] == "infeasible"
    explained = run("explain", file)
    assert explained.exit_code == 3
    words = " ".join(explained.stdout.split())
    assert "bank-assistant.yaml:" in words
    assert ": budget of 50 USD per day" in words
    assert "raise the budget to 99.6 USD per day (now 50): 36,354.00 USD (99.60 USD a day)" in words
    found = json.loads(run("explain", file, "--json").stdout)
    assert [known["field"] for known in found["conflict"]["requirements"]][-1] == "budgets.usd_per_day"
    assert found["conflict"]["irreducible"]
    lines = file.read_text().splitlines()
    assert all(lines[known["line"] - 1].strip() for known in found["conflict"]["requirements"])
    assert "usd_per_day: 50" in lines[found["conflict"]["requirements"][-1]["line"] - 1]


def test_explain_names_the_nearest_miss_of_a_workload_without_options(tmp_path: Path) -> None:
    fields = yaml.safe_load(BANK.read_text())
    fields["workloads"][0]["slo"][0]["limit_ms"] = 20
    file = edited(tmp_path, BANK, workloads=fields["workloads"], catalog_offers=FEW_IN_THE_CLOUD)
    result = run("explain", file)
    assert result.exit_code == 3
    assert "assistant: no deployment option is left" in " ".join(result.stdout.split())
    assert "the limit is 20 (ms end_to_end p95, idle)" in " ".join(result.stdout.split())
    assert "p95 end-to-end latency of assistant at most 20 ms" in " ".join(result.stdout.split())
    assert "No plan keeps all of these" in " ".join(result.stdout.split())
    assert "ms as p95 end-to-end latency of assistant (now 20)" in " ".join(result.stdout.split())


def test_whatif_finds_the_cap_at_which_the_answer_appears() -> None:
    rows = json.loads(run("whatif", BANK, "--budget", "usd_per_day=92:102:2", "--json").stdout)
    assert [row["usd_per_day"] for row in rows] == [92, 94, 96, 98, 100, 102]
    # the cheapest plan costs 99.60 a day; below that, the best that the money buys
    assert [row["service"] for row in rows] == ["partial"] * 4 + ["full"] * 2
    assert {row["status"] for row in rows} == {"optimal"}
    assert rows[3]["next"]["at"] == 99.6
    assert rows[3]["next"]["full_service"]
    strict = json.loads(run("whatif", BANK, "--budget", "usd_per_day=92:102:10", "--full-service", "--json").stdout)
    assert [row["status"] for row in strict] == ["infeasible", "optimal"]
    table = run("whatif", BANK, "--budget", "usd_per_day=92:102:10")
    assert table.exit_code == 0
    assert "1x a30-4x-2u reserved_1y" in table.stdout


@pytest.mark.parametrize(
    "budget",
    [
        "usd=1:2:1",
        "usd_per_day",
        "usd_per_day=2:1:1",
        "usd_per_day=1:2:0",
        "capex_usd=1:nan:1",
        "workloads.assistant.capex_usd=1:2:1",
        "sites.usd_per_day=1:2:1",
        "stages.first.usd_per_day=1:2:1",
    ],
)
def test_whatif_refuses_budgets_that_make_no_sense(budget: str) -> None:
    result = run("whatif", BANK, "--budget", budget)
    assert result.exit_code == 2
    assert "usd_per_day" in result.stderr or "FROM" in result.stderr or "can be capped" in result.stderr


def test_frontier_prints_writes_and_draws(tmp_path: Path) -> None:
    table, picture = tmp_path / "steps.csv", tmp_path / "steps.svg"
    shop = ("frontier", REFERENCE / "ecommerce-recommender.yaml", "--from", "100")
    result = run(*shop, "--csv", str(table), "--chart", str(picture), "--step", "0.05")
    assert result.exit_code == 0, result.output
    assert "Every one is exact" in " ".join(result.stdout.split())
    assert max(map(len, result.stdout.splitlines())) <= 80
    rows = table.read_text().splitlines()
    assert rows[0].startswith("usd_per_day,cost_usd,service,proven,unserved_ranking,")
    assert picture.read_text().startswith("<?xml")
    answer = json.loads(run(*shop, "--json").stdout)
    assert len(answer["points"]) > len(rows) - 1
    assert answer["complete"]
    assert answer["proven"]
    # at 100 what it buys, and from the last step on everything
    assert answer["points"][0]["at"] == 96.749928
    assert answer["points"][-1]["service"] == "full"
    assert answer["points"][-1]["at"] == pytest.approx(117.722544)
    assert all(before["at"] < after["at"] for before, after in pairwise(answer["points"]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--over", "speed"), "'speed' is no budget"),
        (("--over", "sites.moon.usd_per_day"), "the instance has no site moon; it has frankfurt, dublin"),
        (("--over", "latency:nobody"), "the instance has no workload nobody"),
        (("--over", "energy", "--step", "0.1"), "are for budgets"),
        (("--step", "0.1", "--points", "5"), "give --step or --points"),
        (("--from", "9", "--to", "3"), "--from 9 is above --to 3"),
        (("--chart", "steps.gif"), "must end in .png or .svg"),
    ],
)
def test_frontier_says_what_to_write(arguments: tuple[str, ...], message: str) -> None:
    result = run("frontier", TWO_SITES, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


TWO_SITES = ROOT / "instances" / "estate" / "two-sites.yaml"


def test_solve_shows_what_may_fail_and_what_is_charged() -> None:
    result = run("solve", TWO_SITES)
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "without dublin, assistant runs at frankfurt, at up to 100.0 % utilisation" in lines
    assert "summaries usd_per_day 96.00 100.00 96.0 %" in lines
    assert max(map(len, result.stdout.splitlines())) <= 80
    spare = " ".join(run("solve", ROOT / "instances" / "estate" / "n-plus-one.yaml").stdout.split())
    assert "any 1 of the 6 nodes l40s-4x-2u at campus may fail: room for chat, code, search on 5" in spare
    assert "may fail" not in run("solve", BANK).stdout


def test_whatif_prices_requirements() -> None:
    rows = json.loads(run("whatif", TWO_SITES, "--without", "redundancy", "--without", "budgets", "--json").stdout)
    assert [(row["without"], row["price_usd"]) for row in rows] == [
        (None, None),
        ("redundancy", 28_800.0),
        ("budgets", 5_760.0),
    ]
    assert [row["objective_usd"] for row in rows] == [51_840.0, 23_040.0, 46_080.0]
    assert all(row["proven"] for row in rows)
    table = run("whatif", TWO_SITES, "--without", "redundancy")
    assert table.exit_code == 0
    assert max(map(len, table.stdout.splitlines())) <= 80
    said = " ".join(table.stdout.split())
    assert "The price of redundancy is 28,800.00 USD over 30 days (960.00 USD a day), 55.6 % of the cost." in said


def test_whatif_values_measures(tmp_path: Path) -> None:
    fields = yaml.safe_load((ROOT / "instances" / "estate" / "measures.yaml").read_text())
    fields["workloads"] = [work for work in fields["workloads"] if work["name"] == "terms"]
    fields["measures"] = [measure for measure in fields["measures"] if measure["name"] == "int4-fine-tune"]
    small = tmp_path / "terms.yaml"
    small.write_text(yaml.safe_dump(fields))
    (row,) = json.loads(run("whatif", small, "--measures", "--json").stdout)
    assert row["measures"] == ["int4-fine-tune"]
    assert (row["cost_usd"], row["pays"], row["proven"]) == (9000, True, True)
    # 3 nodes of 0.8048 USD/h
    assert row["value_usd"] == pytest.approx(3 * 0.8048 * 8760)
    assert 0.48 < row["pays_from"] <= 0.48 * 1.02
    assert [point["factor"] for point in row["points"]] == sorted(point["factor"] for point in row["points"])
    table = run("whatif", small, "--measures")
    assert table.exit_code == 0
    assert max(map(len, table.stdout.splitlines())) <= 80
    assert "int4-fine-tune (terms): pays from about 0.4" in " ".join(table.stdout.split())
    none = run("whatif", BANK, "--measures")
    assert none.exit_code == 2
    assert "the instance has no measures to value" in none.stderr


def test_whatif_says_why_a_price_is_not_known(tmp_path: Path) -> None:
    capped = edited(tmp_path, TWO_SITES, budgets={"horizon_usd": 1000})
    said = " ".join(run("whatif", capped, "--without", "budgets").stdout.split())
    assert "The price of budgets is not known: there is no plan with it (infeasible:" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--without", "redundnacy"), "write one of redundancy, budgets"),
        (("--without", "privacy"), "it has: redundancy, budgets, stock"),
        (("--without", "budgets", "--budget", "usd_per_day=1:2:1"), "give either --budget"),
        (("--without", "budgets", "--measures"), "give either --budget"),
        ((), "give either --budget"),
    ],
)
def test_whatif_says_what_to_write(arguments: tuple[str, ...], message: str) -> None:
    result = run("whatif", TWO_SITES, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_validate_lists_the_problems_of_all_files_at_once(tmp_path: Path) -> None:
    bad = edited(tmp_path, BANK, horizon_days=-1, uid="")
    result = run("validate", BANK, bad)
    assert result.exit_code == 2
    assert "valid (2 workloads" in result.stdout
    assert "horizon_days" in result.stderr
    assert "uid" in result.stderr


def test_catalog_lists_and_shows() -> None:
    listed = run("catalog", "list", "accelerators", "--match", "h100")
    assert "H100-SXM-80GB" in listed.stdout
    assert "T4" not in listed.stdout
    assert "memory_gb: 16" in run("catalog", "show", "T4").stdout
    assert "llama-3.1-8b" in run("catalog", "list", "models").stdout
    assert "AWS/us-east-1" in run("catalog", "list", "offers").stdout
    assert "dgx-h100" in run("catalog", "list", "node-types").stdout
    missing = run("catalog", "show", "T44")
    assert missing.exit_code == 2
    assert "did you mean T4" in missing.stderr


@pytest.mark.parametrize("kind", ["instance", "plan", "model", "accelerator", "node-type", "offer"])
def test_schema_is_json_schema_with_a_description_for_every_field(kind: str) -> None:
    schema = json.loads(run("schema", kind).stdout)
    for record in [schema, *schema.get("$defs", {}).values()]:
        for name, field in record.get("properties", {}).items():
            assert field.get("description"), f"{record['title']}.{name} has no description"


def test_import_melange_writes_an_instance_whose_optimum_is_known(tmp_path: Path) -> None:
    source = tmp_path / "melange.json"
    source.write_text(json.dumps(MELANGE))
    out = tmp_path / "melange.yaml"
    result = run("import", "melange", source, "--out", out, "--accelerator", "A100-80GB=A100-SXM-80GB")
    assert result.exit_code == 0, result.stderr
    assert json.loads(run("solve", out, "--json").stdout)["certificate"]["objective_usd"] == 4.68
    assert run("import", "melange", source).stdout == out.read_text()
    bad = run("import", "melange", source, "--out", out, "--accelerator", "A100-80GB")
    assert bad.exit_code == 2


def test_import_hf_config_writes_a_card_that_a_library_can_hold(tmp_path: Path) -> None:
    sizes = {"hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16}
    more = {"num_key_value_heads": 8, "vocab_size": 151936, "head_dim": 128, "tie_word_embeddings": True}
    source = tmp_path / "Qwen--Qwen3-0.6B_config.json"
    source.write_text(json.dumps({"model_type": "qwen3", **sizes, **more}))
    out = tmp_path / "models" / "mine.yaml"
    out.parent.mkdir()
    result = run("import", "hf-config", source, "--name", "mine", "--as-of", "2025-04-29", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "596,049,920 parameters" in result.stderr
    assert "parameters: 596049920\n" in out.read_text()
    assert "as_of: '2025-04-29'" in run("catalog", "show", "mine", "--library", tmp_path).stdout
    assert run("import", "hf-config", source).stdout.startswith("name: qwen3-0.6b\n")
    bad = run("import", "hf-config", source, "--ignore-key", "nothing")
    assert bad.exit_code == 2
    assert "no key 'nothing' to ignore" in bad.stderr


def test_python_m_gpufleet_runs_and_missing_files_exit_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gpufleet", "solve", str(tmp_path / "nothing.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "no such file" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_import_measurements_and_solve_with_them(tmp_path: Path) -> None:
    """From the result files of a benchmark to a plan that rests on them."""
    for streams, rate in ((1, 0.5), (32, 12.0)):
        result = {
            "completed": 500, "failed": 0, "request_rate": "inf", "max_concurrency": streams, "date": "20250619-101500",
            "total_input_tokens": 256000, "total_output_tokens": 128000, "request_throughput": rate,
            "median_ttft_ms": 50.0, "p99_ttft_ms": 400.0, "median_tpot_ms": 9.0, "p99_tpot_ms": 12.0,
        }  # fmt: skip
        (tmp_path / f"c{streams}.json").write_text(json.dumps(result))
    table = tmp_path / "table.csv"
    machine = ("--model", "llama-3.1-8b", "--variant", "fp8", "--accelerator", "L40S", "--engine", "vLLM 0.8.5")
    files = sorted(tmp_path.glob("c*.json"))
    made = run("import", "measurements", "vllm", *files, *machine, "--out", table)
    assert made.exit_code == 0, made.stderr
    assert "2 operating points" in made.stdout
    printed = run("import", "measurements", "vllm", *files, *machine)
    assert printed.stdout == table.read_text()
    fields = yaml.safe_load((ROOT / "instances/profiled/own-measurements.yaml").read_text())
    fields |= {"measurements": ["table.csv"], "measurements_policy": "only"}
    fields["workloads"][0]["classes"] = fields["workloads"][0]["classes"][:1]
    question = tmp_path / "question.yaml"
    question.write_text(yaml.safe_dump(fields))
    answer = run("solve", question)
    assert answer.exit_code == 0, answer.stderr
    assert "from vLLM 0.8.5 (table.csv:2-3); memory and bound are the model's" in answer.stdout
    assert "2 x fp8 on 1x-L40S" in answer.stdout, "0.9 x 12 = 10.8 requests/s each"
    assert max(map(len, answer.stdout.splitlines())) <= 80
    refused = run("import", "measurements", "vllm", *files, *machine[:-2])
    assert refused.exit_code == 2
    assert "--engine" in refused.stderr


def test_a_performance_source_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table from it, a plan by it that fits 80 columns, its verdict, and the message without the package."""
    fake_aiconfigurator.install(monkeypatch)
    monkeypatch.setattr(aiconfigurator, "SYSTEMS", {"L40S": "l40s"})
    table, plan = tmp_path / "table.csv", tmp_path / "plan.json"
    asked = ("--model", "llama-3.1-8b", "--variant", "fp8", "--accelerator", "L40S", "--tensor", "1,2")
    size = ("--input-tokens", "500", "--output-tokens", "250")
    made = run("import", "measurements", "aiconfigurator", *asked, *size, "--out", table)
    assert made.exit_code == 0, made.stderr
    assert ",true," in table.read_text()
    fields = yaml.safe_load((ROOT / "instances/profiled/own-measurements.yaml").read_text())
    del fields["measurements"]
    fields.pop("measurements_policy", None)
    question = tmp_path / "question.yaml"
    question.write_text(yaml.safe_dump(fields))
    source = ("--performance-source", "aiconfigurator")
    partly = run("solve", question, *source).stdout
    assert "Not covered by aiconfigurator: the performance model stands" in partly
    assert "H100-SXM-80GB: no tables for this accelerator" in partly
    fields["workloads"][0] |= {"accelerators": ["L40S"], "precisions": ["fp8"]}
    question.write_text(yaml.safe_dump(fields))
    answer = run("solve", question, *source, "--out", plan)
    assert answer.exit_code == 0, answer.stderr
    assert "modelled by aiconfigurator 0.12.0 (trtllm 1.0); memory and bound by" in answer.stdout
    assert "Not covered" not in answer.stdout
    assert max(map(len, answer.stdout.splitlines())) <= 80
    assert run("verify", question, plan, *source).exit_code == 0
    assert run("verify", question, plan).exit_code == 5
    assert run("import", "measurements", "vllm", table, *asked).exit_code == 2
    assert run("import", "measurements", "aiconfigurator", table, *asked, *size).exit_code == 2
    fake_aiconfigurator.remove(monkeypatch)
    refused = run("solve", question, *source)
    assert refused.exit_code == 2
    assert "pip install 'gpufleet[aiconfigurator]'" in refused.stderr
