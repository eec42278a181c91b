"""Budget curves: what `frontier --json` and `whatif --budget --json` wrote, read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.reader import Document, read_text
from gpufleet.library.validation import validate
from gpufleet.schema.curve import BudgetCurve, CurvePoint

if TYPE_CHECKING:
    from collections.abc import Collection

HOW: Final = (
    "write it with `gpufleet frontier FILE --json > curve.json` or "
    "`gpufleet whatif FILE --budget usd_per_day=200:600:25 --json > curve.json`"
)
_SWEEP: Final = {"status", "objective_usd", "fleet", "service", "unserved", "relaxed", "next"}
"""What a point of a budget sweep says beside the value of its cap."""


def load_budget_curve(path: Path | str, workloads: Collection[str]) -> BudgetCurve:
    """Read the JSON of a frontier, a trade-off or a budget sweep of an instance with these workloads.

    Raises InputError with every problem found: a file that is none of these, values that cannot be, and workloads that
    the instance does not have.
    """
    name, text = str(path), read_text(path)
    try:
        value = json.loads(text)
    except ValueError as error:
        _refuse(name, getattr(error, "lineno", 0), f"no JSON: {error}; {HOW}")
    document = Document(name, value if isinstance(value, dict) else {}, text=text)
    if isinstance(value, dict) and isinstance(value.get("points"), list) and isinstance(value.get("axis"), str):
        curve = _staircase(value, document)
    elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        curve = _sweep(value, document)
    else:
        _refuse(name, 1, f"no budget curve: a frontier has `axis` and `points`, a sweep is a list of budgets; {HOW}")
    _same_workloads(name, curve, workloads)
    return curve


def _refuse(name: str, line: int, message: str) -> NoReturn:
    raise InputError([InputProblem(name, line, "", message)])


def _staircase(value: dict[str, Any], document: Document) -> BudgetCurve:
    """A frontier over a budget, or a trade-off, which has a unit."""
    trade_off = "unit" in value
    key = value["axis"] if trade_off else "at"
    raw = [row if isinstance(row, dict) else {} for row in value["points"]]
    if not raw:
        _refuse(document.path, document.line_of(("points",)), f"the curve has no points; {HOW}")
    rows = [(("points", number), _point(row, key)) for number, row in enumerate(raw)]
    return _curve(document, rows, axis=value["axis"], unit=value.get("unit", ""), trade_off=trade_off,
                  complete=value.get("complete", False))  # fmt: skip


def _sweep(value: list[dict[str, Any]], document: Document) -> BudgetCurve:
    """A list of budgets; the field that no point has otherwise is the cap."""
    caps = sorted({name for row in value for name in row} - _SWEEP)
    if len(caps) != 1:
        found = f"the fields {', '.join(caps[:4])}" if caps else "none"
        _refuse(document.path, 1, f"each budget must name one cap such as usd_per_day, but there is {found}; {HOW}")
    rows: list[tuple[tuple[str | int, ...], dict[str, Any]]] = [
        ((number,), _point(row, caps[0])) for number, row in enumerate(value)
    ]
    return _curve(document, rows, axis=caps[0], unit="", trade_off=False, complete=False)


def _point(row: dict[str, Any], key: str) -> dict[str, Any]:
    """A point's fields, whatever the command called them."""
    given = {"at": row.get(key), "cost_usd": row.get("objective_usd", row.get("cost_usd"))}
    given |= {name: row[name] for name in ("service", "proven", "unserved", "fleet") if name in row}
    if "status" in row:
        given["proven"] = row["status"] in ("optimal", "infeasible")
    return {name: value for name, value in given.items() if value is not None}


def _curve(document: Document, rows: list[tuple[Any, dict[str, Any]]], **fields: Any) -> BudgetCurve:
    points: list[CurvePoint] = []
    problems: list[InputProblem] = []
    for place, row in rows:
        try:
            points.append(validate(CurvePoint, row, document, place))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    points.sort(key=lambda point: point.at)
    return validate(
        BudgetCurve,
        {**fields, "source": Path(document.path).name, "points": tuple(points)},
        document,
    )


def _same_workloads(name: str, curve: BudgetCurve, workloads: Collection[str]) -> None:
    """A curve of another instance says nothing about this plan."""
    strangers = sorted({name for point in curve.points for name in point.unserved} - set(workloads))
    if strangers:
        known = ", ".join(workloads)
        message = f"the curve is of another instance: it names {', '.join(strangers)}; this one has {known}"
        raise InputError([InputProblem(name, 0, "", message)])
