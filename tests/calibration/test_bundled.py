"""The bundled calibration is what `gpufleet calibrate` makes of the tables, and keeps its promises."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from gpufleet.calibration import calibrate as steps
from gpufleet.calibration.fit import Problem
from gpufleet.calibration.tables import read_table
from gpufleet.cli import main
from gpufleet.library import Library
from gpufleet.performance.calibration import Efficiency

MEASURED = Path(__file__).parents[2] / "benchmarks" / "measured"
GOALS = {
    "llm_rate": (0.10, 0.30),
    "llm_ttft": (0.15, 0.45),
    "request_rate": (0.10, 0.30),
    "training_step": (0.08, 0.24),
}
"""Median and 90th percentile of cross-validated errors."""


@cache
def library() -> Library:
    """The bundled library."""
    return Library.open()


def _reading() -> steps.Reading:
    names = [table.name for table in library().calibration.tables]
    return steps.read([read_table(MEASURED / name) for name in names], library())


def test_it_was_made_from_these_tables() -> None:
    for table in library().calibration.tables:
        content = (MEASURED / table.name).read_text(encoding="utf-8")
        assert hashlib.sha256(content.encode()).hexdigest() == table.sha256, table.name
    assert sum(table.rows for table in library().calibration.tables) >= 1_000


@pytest.mark.parametrize("part", range(len(steps.PARTS)), ids=[part.name for part in steps.PARTS])
def test_no_other_figures_fit_better(part: int) -> None:
    """From the bundled figures, the step that should improve the fit most improves it by next to nothing."""
    spec, batches = _reading().parts[part]
    efficiency = Efficiency.of(library().calibration)
    free = [entry for entry, _ in steps.used(spec.free, batches, efficiency)]
    problem = Problem([batch for batch in batches if batch.fitted], free, efficiency)
    here = np.clip(np.log([efficiency.figures[entry.key] / entry.start for entry in free]), *problem.bounds)
    move, cost = problem.step(here), problem.cost(here)
    best = min(problem.cost(np.clip(here + share * move, *problem.bounds)) for share in (0.25, 1.0))
    assert best > 0.98 * cost
    worse = here + 0.1 * np.where(here + 0.1 < problem.bounds[1], 1.0, -1.0)
    assert problem.cost(worse) > 1.1 * cost


def test_every_fitted_figure_is_in_its_range_and_says_on_how_many_rows_it_stands() -> None:
    free = {entry.key: entry for part in steps.PARTS for entry in part.free}
    fitted = [figure for figure in library().calibration.figures if figure.rows]
    assert len(fitted) > 80
    for figure in fitted:
        entry = free[steps.key_of(figure)]
        assert entry.low * 0.999 <= figure.value <= entry.high * 1.001, figure


@pytest.mark.parametrize("domain", GOALS)
def test_cross_validated_errors_meet_the_goals(domain: str) -> None:
    stated = next(i for i in library().calibration.intervals if i.domain == domain)
    assert (stated.median_error, stated.p90_error) <= GOALS[domain]
    assert stated.p90_error <= GOALS[domain][1]


def test_the_stated_errors_are_those_of_the_recorded_predictions() -> None:
    frame = pd.read_csv(MEASURED / "cross_validated.csv")
    for stated in library().calibration.intervals:
        rows = frame[frame.domain == stated.domain]
        off = (rows.predicted / rows.measured - 1.0).abs()
        assert len(rows) == stated.rows
        assert off.median() == pytest.approx(stated.median_error, rel=0.01)
        inside = (rows.measured >= stated.low * rows.predicted) & (rows.measured <= stated.high * rows.predicted)
        assert 0.85 <= inside.mean() <= 0.95


def _table(tmp_path: Path, rows: int) -> str:
    lines = (MEASURED / "llm_serving.csv").read_text(encoding="utf-8").splitlines()
    file = tmp_path / "mine.csv"
    file.write_text("\n".join(lines[: rows + 1]) + "\n", encoding="utf-8")
    return str(file)


def test_check_scores_a_table(tmp_path: Path) -> None:
    table = _table(tmp_path, 30)
    text = CliRunner().invoke(main, ["calibrate", "--check", table])
    assert text.exit_code == 0
    assert "30 figures of 1 tables predicted" in text.output
    found = json.loads(CliRunner().invoke(main, ["calibrate", "--check", "--json", table]).output)
    (domain,) = found["domains"]
    assert (domain["domain"], domain["rows"]) == ("llm_rate", 30)
    off = [abs(row["predicted"] / row["measured"] - 1.0) for row in found["rows"]]
    assert domain["median_error"] == pytest.approx(float(np.median(off)))
    inside = np.mean([row["low"] <= row["measured"] <= row["high"] for row in found["rows"]])
    assert domain["coverage"] == pytest.approx(float(inside))


def test_a_table_of_ones_own_moves_the_figures(tmp_path: Path) -> None:
    table, out = _table(tmp_path, 30), tmp_path / "mine" / "calibration" / "bundled.yaml"
    out.parent.mkdir(parents=True)
    (tmp_path / "mine" / "catalog").mkdir()
    text = Path(table).read_text(encoding="utf-8").splitlines()
    column = text[0].split(",").index("output_tokens_per_s")
    frame = pd.read_csv(table)
    frame.iloc[:, column] *= 0.7
    frame.to_csv(table, index=False)
    made = CliRunner().invoke(main, ["calibrate", table, "--out", str(out)])
    assert made.exit_code == 0, made.output
    before = json.loads(CliRunner().invoke(main, ["calibrate", "--check", "--json", table]).output)
    options = ["calibrate", "--check", "--json", table, "--library", str(tmp_path / "mine")]
    after = json.loads(CliRunner().invoke(main, options).output)
    assert before["domains"][0]["bias"] > 0.3
    assert after["domains"][0]["median_error"] < 0.6 * before["domains"][0]["median_error"]


def test_options_that_exclude_each_other(tmp_path: Path) -> None:
    found = CliRunner().invoke(main, ["calibrate", "--check", "--from-scratch", _table(tmp_path, 3)])
    assert found.exit_code == 2
    assert "fits nothing" in found.output
