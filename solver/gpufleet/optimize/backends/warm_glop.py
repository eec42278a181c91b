"""A linear program that is solved again and again with other bounds and more rows, each time from the last basis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gpufleet.optimize.backends.glop import Glop

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


class WarmProgram:
    """min cost x  subject to  row_lower <= A x <= row_upper,  x within bounds; nan = no side."""

    def __init__(self, cost: Floats, rows: csr_array, row_lower: Floats, row_upper: Floats) -> None:
        self._lower, self._upper = np.zeros(len(cost)), np.zeros(len(cost))
        self._program = Glop(cost.tolist(), self._lower.tolist(), self._upper.tolist())
        self._rows: list[Any] = []
        for i in range(len(row_lower)):
            first, last = rows.indptr[i], rows.indptr[i + 1]
            self.add_row(rows.indices[first:last].astype(np.int64), rows.data[first:last], row_lower[i], row_upper[i])

    def add_row(self, indices: Ints, values: Floats, lower: float, upper: float = np.nan) -> int:
        """One row more; its number."""
        terms = zip(indices.tolist(), values.tolist(), strict=True)
        self._rows.append(self._program.add_row(terms, lower, upper))
        return len(self._rows) - 1

    def set_side(self, row: int, lower: float) -> None:
        """Another lower side for a row."""
        self._rows[row].SetLb(float(lower))

    def set_bounds(self, lower: Floats, upper: Floats) -> None:
        """Other bounds of the variables."""
        for j in np.flatnonzero((lower != self._lower) | (upper != self._upper)).tolist():
            self._program.limit(j, lower[j], upper[j])
        self._lower, self._upper = lower.copy(), upper.copy()

    def solve(self, seconds: float, variables: int, rows: int) -> tuple[float, Floats, Floats, Floats] | None:
        """(objective, values, reduced costs, prices), of so many of the first variables and rows; None without an
        optimum in time."""
        objective = self._program.solve(seconds)
        if objective is None:
            return None
        values = self._lower[:variables].copy()
        reduced = np.zeros(variables)
        for j in np.flatnonzero(values < self._upper[:variables]).tolist():
            values[j], reduced[j] = self._program.at(j)
        prices = np.array([row.dual_value() for row in self._rows[:rows]])
        return objective, values, reduced, prices
