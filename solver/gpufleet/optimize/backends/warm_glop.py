"""A linear program that is solved again and again with other bounds and more rows, each time from the last basis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ortools.linear_solver import pywraplp

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_PARAMETERS = "use_preprocessing: false use_dual_simplex: true"
"""Presolve would throw the basis away; bounds and rows that change leave it dual feasible."""


class WarmProgram:
    """min cost x  subject to  row_lower <= A x <= row_upper,  x within bounds; nan = no side (GLOP)."""

    def __init__(self, cost: Floats, rows: csr_array, row_lower: Floats, row_upper: Floats) -> None:
        self._solver = pywraplp.Solver.CreateSolver("GLOP")
        self._solver.SetSolverSpecificParametersAsString(_PARAMETERS)
        self._variables = [self._solver.NumVar(0.0, 0.0, "") for _ in cost]
        self._lower, self._upper = np.zeros(len(cost)), np.zeros(len(cost))
        objective = self._solver.Objective()
        for j in np.flatnonzero(cost):
            objective.SetCoefficient(self._variables[j], float(cost[j]))
        objective.SetMinimization()
        self._rows: list[pywraplp.Constraint] = []
        for i in range(len(row_lower)):
            first, last = rows.indptr[i], rows.indptr[i + 1]
            self.add_row(rows.indices[first:last].astype(np.int64), rows.data[first:last], row_lower[i], row_upper[i])

    def add_row(self, indices: Ints, values: Floats, lower: float, upper: float = np.nan) -> int:
        """One row more; its number."""
        infinite = self._solver.infinity()
        row = self._solver.Constraint(
            -infinite if np.isnan(lower) else float(lower), infinite if np.isnan(upper) else float(upper)
        )
        for j, value in zip(indices.tolist(), values.tolist(), strict=True):
            row.SetCoefficient(self._variables[j], float(value))
        self._rows.append(row)
        return len(self._rows) - 1

    def set_side(self, row: int, lower: float) -> None:
        """Another lower side for a row."""
        self._rows[row].SetLb(float(lower))

    def set_bounds(self, lower: Floats, upper: Floats) -> None:
        """Other bounds of the variables."""
        for j in np.flatnonzero((lower != self._lower) | (upper != self._upper)):
            self._variables[j].SetBounds(float(lower[j]), float(upper[j]))
        self._lower, self._upper = lower.copy(), upper.copy()

    def solve(self, seconds: float, variables: int, rows: int) -> tuple[float, Floats, Floats, Floats] | None:
        """(objective, values, reduced costs, prices), of so many of the first variables and rows; None without an
        optimum in time."""
        self._solver.SetTimeLimit(max(1, int(seconds * 1000)))
        if self._solver.Solve() != pywraplp.Solver.OPTIMAL:
            return None
        values = self._lower[:variables].copy()
        reduced = np.zeros(variables)
        for j in np.flatnonzero(values < self._upper[:variables]).tolist():
            values[j] = self._variables[j].solution_value()
            reduced[j] = self._variables[j].reduced_cost()
        prices = np.array([row.dual_value() for row in self._rows[:rows]])
        return self._solver.Objective().Value(), values, reduced, prices
