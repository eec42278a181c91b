"""The relaxation of a model within a box of variable bounds, from which branch and bound takes its prices.

Rows, and knapsack cuts: at any prices, the reduced costs of a block's items weigh no less than its cheapest cover. With
the cuts of the right prices the relaxation is as good as the Lagrangian bound. Every row can be missed at a penalty
beyond the cost of a known plan, so that prices of cases without a solution are large but finite.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack

from gpufleet.optimize.backends.warm_glop import WarmProgram
from gpufleet.optimize.bounds.lagrangian import Prices
from gpufleet.optimize.decomposition.linear_programs import sides

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.decomposition.blocks import Blocks

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

PENALTY = 4.0
"""What missing a row by its largest coefficient costs, in costs of the known plan."""
CUT_FROM = 1e-7
"""A cut is worth it when it is missed by this share of the known plan's cost."""
FINEST = 2**48
"""Largest denominator of prices."""
BITS = 60
"""Prices are so coarse that sums of reduced costs fit so many bits."""


@dataclass(frozen=True)
class Relaxed:
    """Optimum of the relaxation."""

    objective: float
    values: Floats
    prices: Floats
    """By row of the model; 0 for the blocks' own."""


class Relaxation:
    """One warm linear program for all boxes."""

    def __init__(self, blocks: Blocks, cost: int, until: float) -> None:
        matrix = blocks.matrix
        self.blocks, self.cost, self.until = blocks, cost, until
        self.money = max(cost, 1) / 1e3
        largest = abs(matrix.by_row).max(axis=1).toarray().ravel().astype(float)
        self.unit = np.where(largest > 0, largest, 1.0)
        rows = csr_array(diags_array(1 / self.unit) @ matrix.by_row)
        low, high = sides(matrix.row_lower) / self.unit, sides(matrix.row_upper) / self.unit
        above, below = np.flatnonzero(~np.isnan(low)), np.flatnonzero(~np.isnan(high))
        spare = csr_array(
            (
                np.concatenate((np.ones(len(above)), -np.ones(len(below)))),
                (np.concatenate((above, below)), np.arange(len(above) + len(below))),
            ),
            shape=(len(low), len(above) + len(below)),
        )
        column = np.full(len(low), -1)
        column[above] = len(matrix.cost) + np.arange(len(above))
        self.spare_of_block = column[matrix.exact]
        penalty = PENALTY * cost / self.money
        self.program = WarmProgram(
            np.concatenate((matrix.cost / self.money, np.full(spare.shape[1], penalty))),
            csr_array(hstack((rows, spare))),
            low,
            high,
        )
        self.more = spare.shape[1]
        self.cuts = 0
        self.solved = 0
        # the costs decide how fine prices may be
        reach = float(np.abs(matrix.cost) @ np.maximum(np.abs(matrix.upper), 1)) + PENALTY * cost
        self.denominator = min(FINEST, 2 ** max(0, BITS - math.ceil(math.log2(max(reach, 2.0)))))

    def solve(self, lower: Ints, upper: Ints) -> Relaxed | None:
        """The optimum within a box; None when none was found in time."""
        self.solved += 1
        self.program.set_bounds(
            np.concatenate((lower, np.zeros(self.more))), np.concatenate((upper, np.full(self.more, np.inf)))
        )
        found = self.program.solve(max(self.until - time.monotonic(), 0.05))
        if found is None:
            return None
        objective, values, prices = found
        rows = prices[: len(self.unit)] / self.unit * self.money
        rows[self.blocks.matrix.exact] = 0.0
        return Relaxed(objective * self.money, values[: len(lower)], rows)

    def cut(self, relaxed: Relaxed, share: float = CUT_FROM) -> int:
        """Add the knapsack cuts that this optimum misses; how many."""
        blocks = self.blocks
        if not len(blocks.demand):
            return 0
        reduced = blocks.reduced(relaxed.prices[blocks.links])
        least, _ = blocks.cheapest(reduced)
        now = np.bincount(blocks.owner, reduced * relaxed.values[blocks.items], len(least))
        missed = np.flatnonzero(now < least - share * self.cost)
        for b in missed.tolist():
            part = slice(blocks.start[b], blocks.start[b + 1])
            scale = float(np.abs(reduced[part]).max()) or 1.0
            indices = np.concatenate((blocks.items[part], [self.spare_of_block[b]]))
            self.program.add_row(indices, np.concatenate((reduced[part] / scale, [1.0])), least[b] / scale)
        self.cuts += len(missed)
        return len(missed)

    def rounded(self, relaxed: Relaxed) -> Prices:
        """The prices as exact rationals."""
        exact = np.rint(relaxed.prices * self.denominator)
        rows = np.flatnonzero(exact)
        return Prices({int(row): int(exact[row]) for row in rows}, self.denominator)
