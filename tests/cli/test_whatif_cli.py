"""`explain`, `whatif` and `frontier` as a user runs them: what they print, where, and their exit codes."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import yaml
from cli_runs import BANK, REFERENCE, ROOT, TWO_SITES, edited, run

if TYPE_CHECKING:
    from pathlib import Path

FEW_IN_THE_CLOUD = [{"site": "aws-us-east-1", "terms": ["on_demand"], "accelerators": ["L4"], "stock": 20}]
"""Enough for a question of `bank-assistant` that is asked many times over."""


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


def test_whatif_finds_the_cap_at_which_the_answer_appears(tmp_path: Path) -> None:
    bank = edited(tmp_path, BANK, catalog_offers=FEW_IN_THE_CLOUD)
    rows = json.loads(run("whatif", bank, "--budget", "usd_per_day=92:102:2", "--json").stdout)
    assert [row["usd_per_day"] for row in rows] == [92, 94, 96, 98, 100, 102]
    # the cheapest plan costs 99.60 a day; below that, the best that the money buys
    assert [row["service"] for row in rows] == ["partial"] * 4 + ["full"] * 2
    assert {row["status"] for row in rows} == {"optimal"}
    assert rows[3]["next"]["at"] == 99.6
    assert rows[3]["next"]["full_service"]
    strict = json.loads(run("whatif", bank, "--budget", "usd_per_day=92:102:10", "--full-service", "--json").stdout)
    assert [row["status"] for row in strict] == ["infeasible", "optimal"]
    table = run("whatif", bank, "--budget", "usd_per_day=92:102:10")
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
