"""The points of a sweep as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from gpufleet.report.format import money, percent
from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from gpufleet.whatif.answers import Answer
    from gpufleet.whatif.grid import Point, Sweep


def sweep_table_text(sweep: Sweep, answers: Sequence[Answer], relative_gap: float) -> Iterator[RenderableType]:
    """One row per point, then how they were answered and what is proven."""
    lost = any(answer.served not in ("", "all") for answer in answers)
    numeric = [name.replace(".", ".\n") for name in sweep.columns if _is_numeric(sweep.points, name)]
    figures = ("USD/day", "gap", *(("served",) if lost else ()), "fleet")
    named = (name.replace(".", ".\n") for name in sweep.columns)  # a path folds where a person would fold it
    grid = table(*named, "status", *figures, numeric=(*numeric, "USD/day", "gap"))
    for column in grid.columns[: len(sweep.columns)]:
        column.no_wrap = False
    for point, answer in zip(sweep.points, answers, strict=True):
        cells = [_edit(point, name) for name in sweep.columns]
        per_day = "" if answer.usd_per_day is None else money(answer.usd_per_day)
        row = (answer.status, per_day, _gap(answer), *((answer.served,) if lost else ()), answer.fleet)
        grid.add_row(*cells, *row, style=None if answer.cost_usd is not None else "red")
    yield grid
    yield Text()
    yield Text(_summary(answers, relative_gap))


def _is_numeric(points: Sequence[Point], column: str) -> bool:
    values = [value for point in points for name, value in point.coordinates if name == column]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _edit(point: Point, column: str) -> str:
    """The value of an edit as it was given."""
    value: Any = point.scenario if column == "scenario" else dict(point.coordinates).get(column)
    if value is None:
        return ""
    return (
        str(value).lower() if isinstance(value, bool) else f"{value:,.10g}" if isinstance(value, float) else str(value)
    )


def _gap(answer: Answer) -> str:
    return "" if answer.gap is None else percent(answer.gap) if answer.gap else "0"


def _summary(answers: Sequence[Answer], relative_gap: float) -> str:
    """How many points there are, what is proven of them, and how many a solver was asked about."""
    solved = sum(answer.how == "solved" for answer in answers)
    proven = sum(answer.is_proven(relative_gap) for answer in answers)
    refused = sum(answer.status == "infeasible" for answer in answers)
    largest = max((answer.gap for answer in answers if answer.gap is not None), default=0.0)
    plural = "s" if len(answers) != 1 else ""
    words = f"{len(answers)} point{plural}, {proven} proven{f' ({refused} infeasible)' if refused else ''}"
    words += f"; the largest gap is {percent(largest)}" if largest else ""
    if solved == len(answers):
        return f"{words}."
    return f"{words}. {solved} {'was' if solved == 1 else 'were'} solved, the others follow."
