"""Results of the benchmark suite: rows, best values known, performance profiles and the table."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from suite import page, profile, results, run
from suite.results import Best, Row

if TYPE_CHECKING:
    from pathlib import Path

ROW = Row("routed-20x40", "highs", 5.0, 2.0, 100.0, "optimal", 801.76, 801.76, True)
KNOWN = {"routed-20x40": Best(801.76, "x", 801.76, "x"), "routed-20x400": Best(669.89, "x", 600.0, "x")}


def row(instance: str, engine: str, seconds: float, cost: float | None, verified: bool = True) -> Row:
    return Row(instance, engine, 5.0, seconds, 100.0, "feasible", cost, None, verified)


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [ROW, replace(ROW, engine="pulp", objective_usd=None, bound_usd=None, verified=False, status="none")]
    results.write(tmp_path / "results.csv", rows)
    assert results.read(tmp_path / "results.csv") == rows


def test_a_new_row_takes_the_place_of_the_old_one() -> None:
    other = replace(ROW, engine="pulp")
    assert results.merged([ROW, other], [replace(ROW, seconds=1.0)]) == [replace(ROW, seconds=1.0), other]


def test_only_verified_plans_become_best_known() -> None:
    assert results.improved(Best(), replace(ROW, verified=False), "new").objective_usd is None
    assert results.improved(Best(900.0, "old"), ROW, "new").objective_usd == 801.76
    assert results.improved(Best(801.0, "old"), ROW, "new").objective_by == "old"


def test_a_bound_above_the_best_plan_is_not_believed() -> None:
    assert results.improved(Best(801.0, "old", 790.0, "old"), ROW, "new").bound_usd == 790.0
    assert results.improved(Best(801.76, "old", 790.0, "old"), ROW, "new").bound_by == "new"


def test_a_verified_plan_below_a_bound_disproves_it() -> None:
    found = results.improved(Best(802.0, "old", 801.9, "old"), replace(ROW, bound_usd=None), "new")
    assert (found.objective_usd, found.bound_usd) == (801.76, None)


def test_the_fastest_engine_has_ratio_one_and_unsolved_is_infinite() -> None:
    rows = [
        row("routed-20x40", "highs", 2.0, 801.76),
        row("routed-20x40", "pulp", 6.0, 801.9),
        row("routed-20x400", "highs", 1.0, 900.0),
        row("routed-20x400", "pulp", 4.0, 669.89),
    ]
    assert profile.ratios(profile.times(rows, KNOWN)) == {"highs": [1.0, math.inf], "pulp": [1.0, 3.0]}


def test_a_profile_compares_what_two_engines_were_run_on() -> None:
    """Who was not run on an instance did not fail at it, and who was alone did not win."""
    seconds = {"gpufleet": {"a": 2.0, "b": 3.0, "alone": 1.0}, "highs": {"a": 4.0, "b": 1.5}, "pulp": {"b": math.inf}}
    assert profile.ratios(seconds) == {"gpufleet": [1.0, 2.0], "highs": [1.0, 2.0], "pulp": [math.inf]}


def test_a_plan_that_the_verifier_refuses_solves_nothing() -> None:
    assert profile.times([row("routed-20x40", "highs", 2.0, 801.76, False)], KNOWN) == {
        "highs": {"routed-20x40": math.inf}
    }


def test_shares_of_a_profile_count_instances() -> None:
    ratios = [1.0, 2.0, 2.0, math.inf]
    assert [profile.share(ratios, multiple) for multiple in (0.5, 1.0, 2.0, 100.0)] == [0.0, 0.25, 0.75, 0.75]


def test_equal_figures_give_an_equal_picture(tmp_path: Path) -> None:
    curves = {"highs": [1.0, 1.0, math.inf], "pulp": [1.5, 2.0, 3.0]}
    for name in ("a.svg", "b.svg"):
        profile.draw(curves, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_table_follows_the_order_of_the_suite() -> None:
    lines = page.table(
        [replace(ROW, engine="pulp"), ROW, replace(ROW, instance="covering-20x20-ample")], {}
    ).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| covering-20x20-ample",
        "| routed-20x40",
        "| routed-20x40",
    ]
    assert "HiGHS" in lines[3]
    assert "0.000%" in lines[3]


def test_a_process_that_does_not_end_is_killed() -> None:
    done = run.run([sys.executable, "-c", "import time; time.sleep(60)"], 0.3)
    assert done.code < 0
    assert done.seconds < 10


def test_a_process_is_measured() -> None:
    done = run.run([sys.executable, "-c", "x = bytearray(50_000_000); raise SystemExit(4)"], 30)
    assert done.code == 4
    assert done.peak_mb > 40
