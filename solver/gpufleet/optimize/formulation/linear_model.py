"""A small integer linear model that any back end can take."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Kind = Literal["count", "share"]
"""`count`: an integer that costs or occupies something. `share`: routing, on a grid so fine that a back end based on
linear programming may treat it as continuous, as long as it returns to the grid in the end."""

CUT = "cut"
"""Family of rows that every solution with whole counts keeps anyway; they tighten the relaxation alone."""


@dataclass(frozen=True)
class Variable:
    """An integer variable with bounds."""

    index: int
    name: str
    lower: int
    upper: int
    kind: Kind
    group: int | None = None
    """The workload that it is about (the index of its part in a period; for a run, of the first one), which says what
    belongs together; None = the fleet's."""


@dataclass(frozen=True)
class Row:
    """lower <= sum of coefficient x variable <= upper; a missing side is None."""

    family: str
    name: str
    terms: tuple[tuple[int, int], ...]
    """(index of the variable, coefficient)."""
    lower: int | None
    upper: int | None


@dataclass
class LinearModel:
    """Variables, rows and a linear objective to minimise; all numbers are integers."""

    variables: list[Variable] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    objective: dict[int, int] = field(default_factory=dict)
    """Coefficient by index of the variable; absent = 0."""

    def add_variable(self, name: str, lower: int, upper: int, kind: Kind = "count", group: int | None = None) -> int:
        """Add a variable and return its index."""
        self.variables.append(Variable(len(self.variables), name, lower, upper, kind, group))
        return len(self.variables) - 1

    def add_row(
        self,
        family: str,
        name: str,
        terms: Iterable[tuple[int, int]],
        lower: int | None = None,
        upper: int | None = None,
    ) -> None:
        """Add a row; zero coefficients are left out."""
        self.rows.append(Row(family, name, tuple((index, value) for index, value in terms if value), lower, upper))

    @property
    def unit(self) -> int:
        """Every value of the objective is a whole number of these."""
        return math.gcd(*self.objective.values()) or 1

    def value(self, coefficients: Mapping[int, int], values: Mapping[int, int] | list[int]) -> int:
        """A linear expression at a point, exactly."""
        return sum(coefficient * values[index] for index, coefficient in coefficients.items())

    def violated(self, values: list[int]) -> list[Row]:
        """Rows that a point breaks, by integer arithmetic."""
        return [row for row in self.rows if not _holds(row, values)]


def _holds(row: Row, values: list[int]) -> bool:
    total = sum(coefficient * values[index] for index, coefficient in row.terms)
    return (row.lower is None or total >= row.lower) and (row.upper is None or total <= row.upper)
