"""Demand factors from a CSV file: one row per period, one column per workload (or `all`).

    period,hours,all,search        hours: of the horizon; left out = equal parts
    night,2920,0.2,0.5
    day,5840,1,1

Where the instance has `periods` of its own, the file gives their factors alone, and has no column `hours`.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gpufleet.errors import InputError, InputProblem
from gpufleet.library import wording
from gpufleet.library.reader import read_text
from gpufleet.library.scalars import FLOAT
from gpufleet.library.tables import RowPlace
from gpufleet.library.validation import validate
from gpufleet.schema.instance import Instance
from gpufleet.schema.time import Period
from gpufleet.schema.workloads import Training
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERYTHING: Final = "all"
OTHER_COLUMNS: Final = ("period", "hours", EVERYTHING)
"""Columns that are no workload's, even where a workload has such a name."""
MAX_PROBLEMS: Final = 20


@dataclass(frozen=True)
class _Row:
    """One period of the file."""

    line: int
    period: str
    numbers: dict[str, float]
    """By column: hours and factors."""


class _Table:
    """The rows of the file, and what is wrong with it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.header: list[str] = []
        self.rows: list[_Row] = []
        self.problems: list[InputProblem] = []

    def refuse(self, line: int, field: str, message: str) -> None:
        self.problems.append(InputProblem(self.path, line, field, message))

    def stop(self) -> None:
        if self.problems:
            raise InputError(self.problems[:MAX_PROBLEMS])


def with_demand_profile(instance: Instance, instance_path: str) -> Instance:
    """The instance with the factors of its `demand_profile` written out, and that field empty; itself without one.

    Raises InputError with the problems of the file, each with its line.
    """
    if instance.demand_profile is None:
        return instance
    table = _read(str(Path(instance_path).parent / instance.demand_profile))
    _check_columns(instance, table)
    table.stop()
    _check_periods(instance, table)
    table.stop()
    return _filled(instance, table)


def _read(path: str) -> _Table:
    table = _Table(path)
    lines = csv.reader(io.StringIO(read_text(path)), strict=True)
    try:
        table.header = [cell.strip() for cell in next(lines)]
        rows = [(lines.line_num, cells) for cells in lines if cells]
    except csv.Error as error:
        raise InputError([InputProblem(path, lines.line_num, "", f"not valid CSV: {error}")]) from None
    for number, column in enumerate(table.header):
        if column in table.header[:number]:
            table.refuse(1, "", f"column {wording.show(column)} is there twice")
    if "period" not in table.header:
        table.refuse(1, "", "the header has no column period")
    table.stop()
    table.rows = [row for line, cells in rows if (row := _row(table, line, cells)) is not None]
    return table


def _row(table: _Table, line: int, cells: list[str]) -> _Row | None:
    if len(cells) != len(table.header):
        table.refuse(line, "", f"{len(cells)} cells, but the header has {len(table.header)} columns")
        return None
    named = dict(zip(table.header, (cell.strip() for cell in cells), strict=True))
    numbers = {column: _number(table, line, column, cell) for column, cell in named.items() if column != "period"}
    return _Row(line, named["period"], numbers)


def _number(table: _Table, line: int, column: str, cell: str) -> float:
    """A factor or hours; 0 where the cell is refused."""
    value = float(cell) if FLOAT.match(cell) else math.nan
    if not math.isfinite(value):
        table.refuse(line, column, f"expected a number, got {wording.show(cell) if cell else 'an empty cell'}")
    elif value < 0 or (value == 0 and column == "hours"):
        table.refuse(line, column, f"must be {'above' if column == 'hours' else 'at least'} 0, got {value:g}")
    else:
        return value
    return 0.0


def _check_columns(instance: Instance, table: _Table) -> None:
    """Every column means something that the instance does not say itself."""
    workloads = {workload.name: workload for workload in instance.workloads}
    known = [n for n, workload in workloads.items() if not isinstance(workload, Training) and n not in OTHER_COLUMNS]
    factors = [column for column in table.header if column not in ("period", "hours")]
    for column in factors:
        workload = workloads.get(column)
        if column == EVERYTHING:
            if any("demand_factor" in period.model_fields_set for period in instance.periods):
                table.refuse(1, column, "the periods of the instance have a demand_factor; give one or the other")
        elif workload is None:
            hint = wording.did_you_mean(column, known) or f"; there are: {', '.join(known)}, or {EVERYTHING}"
            table.refuse(1, "", f"column {wording.show(column)}: the instance has no such workload{hint}")
        elif isinstance(workload, Training):
            table.refuse(1, "", f"column {wording.show(column)}: training has no demand that varies; remove it")
        elif workload.demand_factors:
            table.refuse(1, column, "the workload has demand_factors in the instance; give one or the other")
    if not factors:
        table.refuse(1, "", f"no column of factors; give {EVERYTHING}, or one called as a workload")
    if instance.periods and "hours" in table.header:
        table.refuse(1, "hours", "the instance says how long its periods are; give periods there or hours here")


def _check_periods(instance: Instance, table: _Table) -> None:
    """Every period once; where the instance has periods, these and no others."""
    first: dict[str, int] = {}
    known = [period.name for period in instance.periods]
    for row in table.rows:
        if row.period in first:
            message = f"period {wording.show(row.period)} is there twice; line {first[row.period]} has it already"
            table.refuse(row.line, "period", message)
        elif known and row.period not in known:
            hint = wording.did_you_mean(row.period, known) or "; the instance has no period of that name"
            table.refuse(row.line, "period", f"unknown period {wording.show(row.period)}{hint}")
        first.setdefault(row.period, row.line)
    if not table.rows:
        table.refuse(1, "", "no rows: give one for each period")
    for name in known:
        if name not in first:
            table.refuse(0, "period", f"no row for period {name} of the instance")


def _filled(instance: Instance, table: _Table) -> Instance:
    fields = {name: getattr(instance, name) for name in instance.model_fields_set - {"demand_profile"}}
    fields["periods"] = _changed(instance, table) if instance.periods else tuple(_made(instance, table))
    fields["workloads"] = tuple(
        workload.model_copy(update={"demand_factors": {row.period: row.numbers[workload.name] for row in table.rows}})
        if workload.name in table.header and workload.name not in OTHER_COLUMNS
        else workload
        for workload in instance.workloads
    )
    return Instance.model_validate(fields)


def _changed(instance: Instance, table: _Table) -> tuple[Period, ...]:
    """The instance's own periods with the factors for every workload."""
    if EVERYTHING not in table.header:
        return instance.periods
    factors = {row.period: row.numbers[EVERYTHING] for row in table.rows}
    return tuple(period.model_copy(update={"demand_factor": factors[period.name]}) for period in instance.periods)


def _made(instance: Instance, table: _Table) -> Iterator[Period]:
    """Periods as the file has them."""
    for row in table.rows:
        hours = row.numbers["hours"] if "hours" in row.numbers else _equal_part(instance, table)
        fields = {"name": row.period, "hours": hours}
        if EVERYTHING in row.numbers:
            fields["demand_factor"] = row.numbers[EVERYTHING]
        yield validate(Period, fields, RowPlace(table.path, row.line))


def _equal_part(instance: Instance, table: _Table) -> float:
    part = instance.hours / len(table.rows)
    if exact(float(part)) != part:
        message = (
            f"a horizon of {float(instance.hours):g} hours cannot be written as {len(table.rows)} equal parts; "
            "give a column hours"
        )
        raise InputError([InputProblem(table.path, 1, "hours", message)])
    return float(part)
