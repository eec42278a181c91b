"""The linear relaxation with capacity cuts, over a part of the variables."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, vstack

from gpufleet.optimize.bounds.carriers import carriers_of
from gpufleet.optimize.bounds.lagrangian import Prices
from gpufleet.optimize.decomposition.linear_programs import LinearProgram, sides
from gpufleet.optimize.routed.capacity_cuts import violated_cuts

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.carriers import Carriers
    from gpufleet.optimize.bounds.matrix import Matrix
    from gpufleet.optimize.decomposition.linear_programs import LinearSolution
    from gpufleet.optimize.routed.capacity_cuts import Cut

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

ROUNDS = 20
"""Rounds of cuts at most."""
RISE = 2e-5
"""Relative rise of the bound in a round below which cuts are no longer sought."""


def prices_with_cuts(matrix: Matrix, seconds: float) -> Prices | None:
    """Prices of the rows in the relaxation with capacity cuts; None without carriers, or when time was too short."""
    carriers = carriers_of(matrix)
    if not len(carriers.count):
        return None
    everything = np.ones(len(matrix.cost), np.bool_)
    found = Relaxation(matrix, carriers).tighten(everything, time.monotonic() + seconds, lambda: False)
    return None if found is None else row_prices(found, matrix)


def row_prices(found: LinearSolution, matrix: Matrix) -> Prices:
    """Of the rows of the model, without those of cuts, which the checker of a bound makes up for itself."""
    return Prices.rounded(enumerate(found.prices[: len(matrix.row_lower)].tolist()))


@dataclass
class Relaxation:
    """A matrix, its carriers, and the cuts found so far."""

    matrix: Matrix
    carriers: Carriers
    cuts: list[Cut] = field(default_factory=list)

    def solve(self, free: Bools, seconds: float) -> LinearSolution | None:
        """The optimum where all variables that are not free are 0; values and prices are those of the whole matrix,
        those of the cuts last."""
        matrix, columns = self.matrix, np.flatnonzero(free)
        if not empty_rows_hold(matrix, free):
            return None
        lower = np.concatenate((sides(matrix.row_lower), np.full(len(self.cuts), np.nan)))
        upper = np.concatenate((sides(matrix.row_upper), [float(cut.upper) for cut in self.cuts]))
        rows = csr_array(self._rows()[:, columns])
        kept = np.flatnonzero(np.diff(rows.indptr) > 0)
        program = LinearProgram(
            cost=matrix.cost[columns].astype(np.float64),
            rows=csr_array(rows[kept]),
            row_lower=lower[kept],
            row_upper=upper[kept],
            lower=matrix.lower[columns].astype(np.float64),
            upper=matrix.upper[columns].astype(np.float64),
        )
        found = program.solve(seconds)
        if found is None:
            return None
        values, prices = np.zeros(len(free)), np.zeros(rows.shape[0])
        values[columns], prices[kept] = found.values, found.prices
        return type(found)(values, prices, found.objective)

    def tighten(self, free: Bools, until: float, stopped: Callable[[], bool]) -> LinearSolution | None:
        """Solve, add what is violated, and again, as long as the bound rises."""
        found, best = self.solve(free, until - time.monotonic()), -np.inf
        for _ in range(ROUNDS):
            if found is None or stopped() or time.monotonic() > until or found.objective <= best + RISE * abs(best):
                break
            best = found.objective
            new = violated_cuts(self.matrix, self.carriers, found.values)
            if not new:
                break
            self.cuts += new
            found = self.solve(free, until - time.monotonic())
        return found

    def drop_slack(self, prices: Floats) -> None:
        """Forget the cuts that cost nothing at these prices of all rows."""
        mine = prices[len(self.matrix.row_lower) :]
        self.cuts = [cut for cut, price in zip(self.cuts, mine.tolist(), strict=True) if price < -1e-12]

    def _rows(self) -> csr_array:
        rows = self.matrix.by_row.astype(np.float64)
        if not self.cuts:
            return rows
        data = [float(value) for cut in self.cuts for _, value in cut.terms]
        indices = [index for cut in self.cuts for index, _ in cut.terms]
        start = np.cumsum([0, *(len(cut.terms) for cut in self.cuts)])
        added = csr_array((data, indices, start), shape=(len(self.cuts), rows.shape[1]))
        return csr_array(vstack([rows, added], format="csr"))


def empty_rows_hold(matrix: Matrix, free: Bools) -> bool:
    """Do the rows hold in which all variables are 0?"""
    rows = matrix.by_row
    owner = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    empty = np.bincount(owner, free[rows.indices], rows.shape[0]) == 0
    low, high = sides(matrix.row_lower), sides(matrix.row_upper)
    return not ((low[empty] > 0).any() or (high[empty] < 0).any())
