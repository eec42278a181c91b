"""Options that no plan below a known cost uses, by prices alone, in whole numbers.

With prices pi of all rows but the carriers, the Lagrangian bound is a sum over carriers: each takes the number n of
replicas at which `r_n n - max{sum_c -r_c x_c : sum_c load_c x_c <= capacity n, x <= u}` is least, r = c - pi A, or none
at all. Say h_k is the least for n >= 1. Taking option k then costs at least bound - min(0, h_k) + h_k, and if that is
more than a plan that is known, no better plan uses k.

h_k is bounded below with a price mu of the carrier row (any mu >= 0 will do): for every n,
`r_n n - mu capacity n - sum_c max(0, -r_c - mu load_c) u_c`, which is linear in n. Floating point only proposes pi, and
mu for numbers up to the best one and for those above it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gpufleet.optimize.bounds.lagrangian import DENOMINATOR, Prices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.matrix import Matrix
    from gpufleet.optimize.routed.carriers import Carriers

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]
    Exact = NDArray[Any]
    """Python's whole numbers, which have no limit."""


@dataclass(frozen=True)
class Forced:
    """What prices say; everything times `DENOMINATOR`."""

    bound: int
    """No solution costs less."""
    extra: Exact
    """(k,) by how much the bound rises where the count of carrier k is 1 or more; not negative."""
    unit: int
    """Every cost is a whole number of these (not multiplied)."""

    def excluded(self, ceiling: int) -> Bools:
        """(k,) carriers whose count is 0 in every solution that costs less than `ceiling`."""
        return np.array(self.extra > (ceiling - 1) // self.unit * self.unit * DENOMINATOR - self.bound, np.bool_)

    @property
    def cost_bound(self) -> int:
        """The bound as a cost, rounded up to the next whole unit."""
        return -(-self.bound // (DENOMINATOR * self.unit)) * self.unit


def force(matrix: Matrix, carriers: Carriers, prices: Floats, free: Bools | None = None) -> Forced:
    """The bound at prices of all rows, and what each carrier adds to it. Prices of carrier rows do not count.

    With `free` the bound is that of solutions in which all other variables are 0.
    """
    exact = _exact_prices(matrix, carriers, prices)
    reduced = _reduced(matrix, exact)
    alone = ~np.isin(np.arange(len(matrix.cost)), np.concatenate((carriers.count, carriers.share)))
    total = sum(price * _side(matrix, row, price) for row, price in exact.items())
    least = _least(matrix, carriers, reduced)
    if free is not None:
        alone &= free
        least[~free[carriers.count]] = 0
    box = np.where(reduced > 0, matrix.lower.astype(object), matrix.upper.astype(object))
    total += sum((reduced * box)[alone].tolist())
    total += sum(min(0, value) for value in least.tolist())
    return Forced(int(total), np.maximum(least, 0), matrix.unit)


def _exact_prices(matrix: Matrix, carriers: Carriers, prices: Floats) -> dict[int, int]:
    """Numerators by row; without those on a side that a row does not have."""
    skipped = set(carriers.row.tolist())
    exact = Prices.rounded(enumerate(prices[: len(matrix.row_lower)].tolist())).numerators
    sides = {row: matrix.row_lower[row] if price > 0 else matrix.row_upper[row] for row, price in exact.items()}
    return {row: price for row, price in exact.items() if row not in skipped and sides[row] is not None}


def _side(matrix: Matrix, row: int, price: int) -> int:
    side = matrix.row_lower[row] if price > 0 else matrix.row_upper[row]
    assert side is not None
    return side


def _reduced(matrix: Matrix, prices: dict[int, int]) -> Exact:
    """(n,) reduced costs, times the denominator."""
    reduced = matrix.cost.astype(object) * DENOMINATOR
    rows = matrix.by_row
    for row, price in prices.items():
        inside = slice(rows.indptr[row], rows.indptr[row + 1])
        reduced[rows.indices[inside]] -= rows.data[inside].astype(object) * price
    return reduced


def _least(matrix: Matrix, carriers: Carriers, reduced: Exact) -> Exact:
    """(k,) lower bounds of h_k. Where carriers have a count in common, the first one bears its cost."""
    own = reduced[carriers.count].copy()
    first = np.unique(carriers.count, return_index=True)[1]
    repeated = np.setdiff1d(np.arange(len(own)), first)
    own[repeated] = 0
    most = np.where(own < 0, matrix.upper[carriers.count], np.maximum(matrix.upper[carriers.count], 1))
    best = _best_count(matrix, carriers, own.astype(np.float64), reduced, most)
    gain = -reduced[carriers.share]
    prices = (_critical(matrix, carriers, gain, best), _critical(matrix, carriers, gain, best + 1))
    low = _line(matrix, carriers, own, gain, prices[0], np.ones_like(best), best)
    high = _line(matrix, carriers, own, gain, prices[1], np.minimum(best + 1, most), most)
    return np.where(best < most, np.minimum(low, high), low)


def _line(matrix: Matrix, carriers: Carriers, own: Exact, gain: Exact, price: Exact, least: Ints, most: Ints) -> Exact:
    """(k,) lower bound for counts between `least` and `most`, with a price of the carrier row."""
    slope = own - price * carriers.capacity
    each = np.repeat(price, np.diff(carriers.start))
    earned = np.maximum(gain - each * carriers.load, 0) * matrix.upper[carriers.share]
    return slope * np.where(slope < 0, most, least) - np.add.reduceat(earned, carriers.start[:-1])


def _order(matrix: Matrix, carriers: Carriers, gain: Exact) -> tuple[Ints, Floats, Ints]:
    """(shares by carrier and falling gain per load, their cumulative full loads, the carrier of each)."""
    owner = np.repeat(np.arange(len(carriers.count)), np.diff(carriers.start))
    order = np.lexsort((-(gain.astype(np.float64) / carriers.load), owner))
    full = (carriers.load.astype(np.float64) * matrix.upper[carriers.share])[order]
    done = np.cumsum(full)
    before = np.concatenate(([0.0], done))[carriers.start[:-1]]
    return order, done - before[owner], owner


def _critical(matrix: Matrix, carriers: Carriers, gain: Exact, counts: Ints) -> Exact:
    """(k,) gain per load of the share that is the last to find room in so many replicas; 0 where all do."""
    order, done, owner = _order(matrix, carriers, gain)
    room = (carriers.capacity.astype(np.float64) * counts)[owner]
    fitting = np.bincount(owner, done <= room, len(counts)).astype(np.int64)
    at = carriers.start[:-1] + fitting
    inside = fitting < np.diff(carriers.start)
    last = order[np.minimum(at, len(order) - 1)]
    ratio = np.maximum(gain[last] // carriers.load[last].astype(object), 0)
    return np.where(inside, ratio, 0)


def _best_count(matrix: Matrix, carriers: Carriers, own: Floats, reduced: Exact, most: Ints) -> Ints:
    """(k,) the whole number, from 1 on, below the count at which one replica more no longer pays."""
    gain = -reduced[carriers.share].astype(np.float64)
    owner = np.repeat(np.arange(len(carriers.count)), np.diff(carriers.start))
    pays = gain * carriers.capacity[owner] > own[owner] * carriers.load
    load = np.bincount(owner, pays * carriers.load.astype(np.float64) * matrix.upper[carriers.share], len(own))
    return np.clip((load // carriers.capacity).astype(np.int64), 1, np.maximum(most, 1))
