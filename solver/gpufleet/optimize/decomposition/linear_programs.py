"""Linear programs with their dual prices: HiGHS as it comes with SciPy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, diags_array, vstack

from gpufleet.interruption import aside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.matrix import Matrix

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LinearSolution:
    """Optimum of a linear program."""

    values: Floats
    prices: Floats
    """By row: what one unit more on its side would cost; positive for lower sides, negative for upper ones."""
    objective: float


@dataclass(frozen=True)
class LinearProgram:
    """min cost x  subject to  row_lower <= A x <= row_upper,  lower <= x <= upper; nan = no side."""

    cost: Floats
    rows: csr_array
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats

    @classmethod
    def of(cls, matrix: Matrix) -> LinearProgram:
        """The relaxation of a whole model."""
        return cls(
            cost=matrix.cost.astype(np.float64),
            rows=matrix.by_row.astype(np.float64),
            row_lower=sides(matrix.row_lower),
            row_upper=sides(matrix.row_upper),
            lower=matrix.lower.astype(np.float64),
            upper=matrix.upper.astype(np.float64),
        )

    def solve(self, seconds: float) -> LinearSolution | None:
        """The optimum with its prices; None where there is none, or not in time. Raises Stopped (`interruption`)."""
        unit = units(self.rows)
        rows = csr_array(diags_array(1 / unit) @ self.rows)
        equal = self.row_lower == self.row_upper
        above = ~np.isnan(self.row_lower) & ~equal
        below = ~np.isnan(self.row_upper) & ~equal
        money = float(np.abs(self.cost).max(initial=0.0)) / 1e4 or 1.0
        ends = np.concatenate((-(self.row_lower / unit)[above], (self.row_upper / unit)[below]))
        solve: Any = partial(
            linprog,
            self.cost / money,
            A_ub=vstack([-rows[above], rows[below]]) if len(ends) else None,
            b_ub=ends if len(ends) else None,
            A_eq=rows[equal] if equal.any() else None,
            b_eq=(self.row_lower / unit)[equal] if equal.any() else None,
            bounds=np.column_stack((self.lower, self.upper)),
            method="highs",
            options={"time_limit": max(seconds, 0.1)},
        )
        found: Any = aside(solve)
        if found.status != 0:
            return None
        prices = np.zeros(len(unit))
        if len(ends):
            prices[above] -= found.ineqlin.marginals[: above.sum()]
            prices[below] += found.ineqlin.marginals[above.sum() :]
        if equal.any():
            prices[equal] = found.eqlin.marginals
        return LinearSolution(found.x, prices / unit * money, found.fun * money)


def units(rows: csr_array) -> Floats:
    """Largest coefficient of every row, so that a row of watts looks like one of nodes."""
    largest = abs(rows).max(axis=1).toarray().ravel().astype(float)
    return np.where(largest > 0, largest, 1.0)


def sides(values: Sequence[int | None]) -> Floats:
    """Sides of rows as numbers; nan where there is none."""
    return np.array([np.nan if value is None else value for value in values], np.float64)
