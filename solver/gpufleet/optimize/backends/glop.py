"""Linear programs that change a little and are solved again: GLOP (OR-Tools), in this process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ortools.linear_solver import pywraplp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Glop:
    """min cost x over rows and bounds; a solve begins where the last one ended, by the dual simplex method."""

    def __init__(self, costs: Sequence[float], lower: Sequence[float], upper: Sequence[float]) -> None:
        self._solver = pywraplp.Solver.CreateSolver("GLOP")
        # its preprocessing would forget where the last program ended
        self._solver.SetSolverSpecificParametersAsString("use_dual_simplex:true use_preprocessing:false")
        self._variables = [self._solver.NumVar(low, high, "") for low, high in zip(lower, upper, strict=True)]
        for variable, cost in zip(self._variables, costs, strict=True):
            self._solver.Objective().SetCoefficient(variable, cost)
        self._solver.Objective().SetMinimization()

    def add_row(self, terms: Iterable[tuple[int, float]], lower: float, upper: float) -> pywraplp.Constraint:
        """Add a row over (position of the variable, coefficient); nan = no side."""
        infinity = self._solver.infinity()
        row = self._solver.Constraint(
            -infinity if math.isnan(lower) else float(lower), infinity if math.isnan(upper) else float(upper)
        )
        for position, coefficient in terms:
            row.SetCoefficient(self._variables[position], float(coefficient))
        return row

    def limit(self, position: int, lower: float, upper: float) -> None:
        """New bounds of a variable."""
        self._variables[position].SetBounds(float(lower), float(upper))

    def solve(self, seconds: float | None = None) -> float | None:
        """The optimum; None where there is none, or not in time."""
        if seconds is not None:
            self._solver.SetTimeLimit(max(1, int(seconds * 1000)))
        if self._solver.Solve() != pywraplp.Solver.OPTIMAL:
            return None
        return float(self._solver.Objective().Value())

    def values(self) -> list[float]:
        """Of the last solve."""
        return [variable.solution_value() for variable in self._variables]

    def at(self, position: int) -> tuple[float, float]:
        """(value, reduced cost) of one variable in the last solve."""
        variable = self._variables[position]
        return variable.solution_value(), variable.reduced_cost()
