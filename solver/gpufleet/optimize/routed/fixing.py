"""Options that no plan below a known cost uses, by prices alone, in whole numbers.

The Lagrangian bound is a sum over carriers (`bounds.carried`), each of which takes its best number of replicas or none.
Taking option k costs at least bound - min(0, h_k) + h_k, and if that is more than a plan that is known, no better plan
uses k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gpufleet.optimize.bounds.carried import least_with_one
from gpufleet.optimize.bounds.lagrangian import DENOMINATOR, Prices, priced

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.carriers import Carriers
    from gpufleet.optimize.bounds.matrix import Matrix

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
    total, costs = priced(matrix, Prices.rounded(enumerate(prices[: len(matrix.row_lower)].tolist())), carriers.row)
    reduced = np.array(costs, object)
    alone = ~np.isin(np.arange(len(matrix.cost)), np.concatenate((carriers.count, carriers.share)))
    least = least_with_one(matrix, carriers, reduced)
    if free is not None:
        alone &= free
        least[~free[carriers.count]] = 0
    box = np.where(reduced > 0, matrix.lower.astype(object), matrix.upper.astype(object))
    total += sum((reduced * box)[alone].tolist())
    total += sum(min(0, value) for value in least.tolist())
    return Forced(int(total), np.maximum(least, 0), matrix.unit)
