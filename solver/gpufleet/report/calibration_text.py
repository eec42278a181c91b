"""Errors of the performance model on measurements, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table as Grid

from gpufleet.calibration.score import Errors, Prediction, errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType

    from gpufleet.calibration.calibrate import Reading
    from gpufleet.schema.calibration import Calibration

Grouping = tuple[str, ...]
MOST_REASONS = 12


def groups(predictions: Sequence[Prediction], key: Callable[[Prediction], Grouping]) -> dict[Grouping, Errors]:
    """Errors by group, sorted."""
    found: dict[Grouping, list[Prediction]] = {}
    for prediction in predictions:
        found.setdefault(key(prediction), []).append(prediction)
    return {group: errors(members) for group, members in sorted(found.items())}


def by_domain(prediction: Prediction) -> Grouping:
    """What was predicted."""
    return (prediction.observation.domain,)


def by_kind(prediction: Prediction) -> Grouping:
    """Domain and kind of measurement."""
    return prediction.observation.domain, prediction.observation.kind


def by_model(prediction: Prediction) -> Grouping:
    """Domain, model and accelerator."""
    return prediction.observation.domain, *prediction.observation.group


def check_text(
    calibration: Calibration, predictions: Sequence[Prediction], reading: Reading
) -> Iterator[RenderableType]:
    """Errors by kind, by model and accelerator, and the rows about which the model says nothing."""
    yield f"Calibration {calibration.name}: {len(predictions):,} figures of {len(reading.tables)} tables predicted."
    if predictions:
        yield _table("Errors by kind of measurement", groups(predictions, by_kind), groups(predictions, by_domain))
        yield _table("Errors by model and accelerator", groups(predictions, by_model), {})
    yield from _skipped(reading)


def _table(title: str, rows: dict[Grouping, Errors], totals: dict[Grouping, Errors]) -> Grid:
    grid = Grid(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    grid.add_column("what")
    for column in ("rows", "median", "90 %", "bias", "in interval"):
        grid.add_column(column, justify="right", no_wrap=True)
    for group, found in (*rows.items(), *totals.items()):
        grid.add_row(": ".join((group[0], ", ".join(group[1:]) or "all")), *_cells(found))
    return grid


def _cells(found: Errors) -> tuple[str, ...]:
    share = "-" if found.coverage is None else f"{found.coverage:.0%}"
    return f"{found.rows:,}", f"{found.median:.1%}", f"{found.p90:.1%}", f"{found.bias:+.1%}", share


def _skipped(reading: Reading) -> Iterator[RenderableType]:
    reasons: dict[str, int] = {}
    for row in reading.skipped:
        reasons[row.reason] = reasons.get(row.reason, 0) + 1
    if reasons:
        yield f"Not predicted: {len(reading.skipped):,} rows."
        for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_REASONS]:
            yield f"  {count:>5,}  {reason}"
        if len(reasons) > MOST_REASONS:
            yield f"         and {len(reasons) - MOST_REASONS:,} other reasons (see --json)"


def check_json(calibration: Calibration, predictions: Sequence[Prediction], reading: Reading) -> str:
    """The same, and every row, as JSON text."""
    content: dict[str, Any] = {
        "calibration": calibration.name,
        "domains": _listed(groups(predictions, by_domain), ("domain",)),
        "kinds": _listed(groups(predictions, by_kind), ("domain", "kind")),
        "groups": _listed(groups(predictions, by_model), ("domain", "model", "accelerator")),
        "skipped": [{"table": row.table, "line": row.line, "reason": row.reason} for row in reading.skipped],
        "rows": [_row(prediction) for prediction in predictions],
    }
    return json.dumps(content, indent=1, allow_nan=False)


def _listed(found: dict[Grouping, Errors], names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        dict(zip(names, group, strict=True))
        | {
            "rows": each.rows,
            "median_error": each.median,
            "p90_error": each.p90,
            "bias": each.bias,
            "coverage": each.coverage,
        }
        for group, each in found.items()
    ]


def _row(prediction: Prediction) -> dict[str, Any]:
    seen = prediction.observation
    return {
        "table": seen.table,
        "line": seen.line,
        "domain": seen.domain,
        "kind": seen.kind,
        "model": seen.model,
        "accelerator": seen.accelerator,
        "engine": seen.engine,
        "setting": seen.setting,
        "measured": seen.measured,
        "predicted": _finite(prediction.predicted),
        "low": _finite(prediction.low),
        "high": _finite(prediction.high),
        "source": seen.source,
    }


def predictions_csv(predictions: Sequence[Prediction]) -> str:
    """Rows as CSV text, in the order of the tables."""
    import pandas as pd

    rows = [_row(prediction) | {"table": Path(prediction.observation.table).name} for prediction in predictions]
    frame = pd.DataFrame(rows).sort_values(["domain", "table", "line", "setting"], kind="stable")
    text: str = frame.drop(columns=["low", "high"]).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    return text


def _finite(value: float) -> float | None:
    """None for an unbounded interval, or for what the model says cannot run."""
    return value if abs(value) < float("inf") else None


def fit_text(made: Calibration, reading: Reading, as_json: bool, out: str | None) -> Iterator[RenderableType]:
    """What was fitted, and the cross-validated errors."""
    if as_json:
        yield json.dumps([interval.model_dump(mode="json") for interval in made.intervals], indent=1)
        return
    fitted = [figure for figure in made.figures if figure.rows]
    yield f"{len(fitted)} figures fitted to {len(reading.batches)} groups of rows in {len(reading.tables)} tables."
    grid = Grid(title="Cross-validated errors", box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    grid.add_column("what")
    for column in ("rows", "groups", "median", "90 %", "measured / predicted"):
        grid.add_column(column, justify="right", no_wrap=True)
    for each in made.intervals:
        span = f"{each.low:.2f} to {each.high:.2f}"
        grid.add_row(
            each.domain, f"{each.rows:,}", f"{each.groups:,}", f"{each.median_error:.1%}", f"{each.p90_error:.1%}", span
        )
    yield grid
    yield from _skipped(reading)
    yield f"Written to {out}." if out else "Nothing written: give --out FILE to keep it."
