"""Every other command as a user runs it: what it prints, where, and its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml
from cli_runs import BANK, REFERENCE, ROOT, TWO_SITES, edited, run

from gpufleet import load_instance, load_plan, verify

if TYPE_CHECKING:
    from pathlib import Path


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


def test_restricting_the_accelerator_and_comparing_with_the_brief() -> None:
    result = run("solve", REFERENCE / "ecommerce-recommender.yaml", "--accelerator", "T4")
    assert result.exit_code == 0
    assert "int8-ptq" in result.stdout
    assert "20x aws-g4dn.xlarge" in result.stdout
    missing = run("solve", REFERENCE / "ecommerce-recommender.yaml", "--accelerator", "T44")
    assert missing.exit_code == 2
    assert "no offer of the instance carries T44" in missing.stderr


def test_solve_shows_what_may_fail_and_what_is_charged() -> None:
    result = run("solve", TWO_SITES)
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "without dublin, assistant runs at frankfurt, at up to 100.0 % utilisation" in lines
    assert "summaries usd_per_day 96.00 100.00 96.0 %" in lines
    assert max(map(len, result.stdout.splitlines())) <= 80
    spare = " ".join(run("solve", ROOT / "instances" / "estate" / "n-plus-one.yaml").stdout.split())
    assert "any 1 of the 6 nodes l40s-4x-2u at campus may fail: room for chat, code, search on 5" in spare
    assert "may fail" not in run("solve", BANK).stdout


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
