"""The bound of `lagrangian` where variables have tighter bounds, quickly: prices are worked out once, and every box of
variable bounds after that costs some sums and the knapsacks.

Knapsacks with lower bounds are shifted: what must be taken is taken, and the rest covers what is left. All arithmetic
is in whole numbers: 64 bits where nothing can overflow, Python's otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gpufleet.optimize.bounds.covers import Covers
from gpufleet.optimize.bounds.knapsack import NODES, NOTHING, cheapest_covers
from gpufleet.optimize.bounds.lagrangian import bits_to_cut, priced

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from gpufleet.optimize.bounds.lagrangian import Prices

    Ints = NDArray[np.int64]

SAFE = 2.0**61
"""Sums that are below this in floating point fit 64 bits."""


@dataclass(frozen=True)
class Priced:
    """A set of prices, worked out."""

    denominator: int
    total: int
    """What the rows' sides are worth, times the denominator."""
    reduced: NDArray[Any]
    """Reduced costs, times the denominator: int64, or Python's whole numbers."""
    shift: int
    """Bits by which the knapsacks' costs are cut."""
    least: Ints
    """Cheapest cover of every block within the model's own bounds, after the cut."""


class Boxes(Covers):
    """Bounds of a model within boxes of its variables."""

    @cached_property
    def widest(self) -> NDArray[np.float64]:
        """(n,) largest size of every variable."""
        return np.maximum(np.abs(self.matrix.lower), np.abs(self.matrix.upper)).astype(np.float64)

    def price(self, prices: Prices) -> Priced:
        """Reduced costs, and what the blocks cost at them."""
        total, reduced = self._reduced(prices)
        inside = [int(value) for value in reduced[self.items]]
        shift = bits_to_cut(inside, self.matrix.upper[self.items].tolist())
        found = Priced(prices.denominator, total, reduced, shift, np.zeros(len(self.demand), np.int64))
        every = np.arange(len(self.demand))
        found.least[:] = self._covers(found, every, self.matrix.lower, self.matrix.upper)
        return found

    def _reduced(self, prices: Prices) -> tuple[int, NDArray[Any]]:
        """`lagrangian.priced`, in 64 bits where they suffice."""
        matrix = self.matrix
        used = {row: price for row, price in prices.numerators.items() if self._side(row, price) is not None}
        total = sum(price * (self._side(row, price) or 0) for row, price in used.items())
        floats = np.zeros(len(matrix.row_lower))
        floats[list(used)] = [min(abs(float(price)), 1e300) for price in used.values()]
        each = np.abs(matrix.cost) * float(prices.denominator) + self._absolute.T @ floats
        if not float(each @ np.maximum(self.widest, 1.0)) < SAFE:
            return total, np.array(priced(matrix, prices, matrix.exact)[1], object)
        numerators = np.zeros(len(floats), np.int64)
        numerators[list(used)] = list(used.values())
        return total, matrix.cost * prices.denominator - matrix.by_column.T @ numerators

    def _side(self, row: int, price: int) -> int | None:
        """The side of a row that a price is about; None = it counts for nothing."""
        if row in self._exact:
            return None
        return self.matrix.row_lower[row] if price > 0 else self.matrix.row_upper[row]

    @cached_property
    def _exact(self) -> frozenset[int]:
        return frozenset(self.matrix.exact.tolist())

    @cached_property
    def _absolute(self) -> csr_array:
        return abs(self.matrix.by_row).astype(np.float64)

    def bound(self, found: Priced, lower: Ints, upper: Ints) -> int | None:
        """No solution within this box costs less; None when the box has none at all."""
        reduced = found.reduced[self.others]
        low, high = lower[self.others], upper[self.others]
        total = found.total + int((reduced * np.where(reduced > 0, low, high)).sum())
        changed = (lower[self.items] != self.matrix.lower[self.items]) | (
            upper[self.items] != self.matrix.upper[self.items]
        )
        least = found.least
        if changed.any():
            blocks = np.unique(self.matrix.block[self.items[changed]])
            least = least.copy()
            least[blocks] = self._covers(found, blocks, lower, upper)
        if (least == NOTHING).any():
            return None
        taken = found.reduced[self.items] * lower[self.items]
        total += (sum(least.tolist()) << found.shift) + int(taken.sum())
        unit = self.matrix.unit
        whole: int = -(-total // (found.denominator * unit)) * unit
        return whole

    def _covers(self, found: Priced, blocks: Ints, lower: Ints, upper: Ints) -> Ints:
        """Cheapest covers of some blocks, beyond what the lower bounds take; `NOTHING` = there is none."""
        least = np.empty(len(blocks), np.int64)
        if not len(blocks):
            return least
        lengths = np.diff(self.start)[blocks]
        start = np.concatenate(([0], np.cumsum(lengths)))
        chosen = np.repeat(self.start[blocks] - start[:-1], lengths) + np.arange(start[-1])
        items, capacity = self.items[chosen], self.capacity[chosen]
        owner = np.repeat(np.arange(len(blocks)), lengths)
        demand = self.demand[blocks].copy()
        np.subtract.at(demand, owner, capacity * lower[items])
        cheap = (found.reduced[items] >> found.shift).astype(np.int64)
        counts = np.zeros(len(items), np.int64)
        cheapest_covers(start, capacity, cheap, upper[items] - lower[items], demand, NODES, least, counts)
        return least

    def is_empty(self, lower: Ints, upper: Ints) -> bool:
        """Does a variable have no value left, or can some row not be kept, whatever the others do?"""
        if (lower > upper).any():
            return True
        if self._sums_overflow:
            return False
        highest = self._positive @ upper + self._negative @ lower
        lowest = self._positive @ lower + self._negative @ upper
        return bool((highest < self._row_lower).any() or (lowest > self._row_upper).any())

    @cached_property
    def _sums_overflow(self) -> bool:
        return not float((self._absolute @ self.widest).max(initial=0.0)) < SAFE

    @cached_property
    def _positive(self) -> csr_array:
        return self.matrix.by_row.maximum(0)

    @cached_property
    def _negative(self) -> csr_array:
        return self.matrix.by_row.minimum(0)

    @cached_property
    def _row_lower(self) -> Ints:
        return np.array([-(2**62) if side is None else max(side, -(2**62)) for side in self.matrix.row_lower], np.int64)

    @cached_property
    def _row_upper(self) -> Ints:
        return np.array([2**62 if side is None else min(side, 2**62) for side in self.matrix.row_upper], np.int64)
