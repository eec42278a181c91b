"""The relaxation of a model within a box of variable bounds, from which branch and bound takes its prices.

Rows, and knapsack cuts: at any prices, the reduced costs of a block's items weigh no less than its cheapest cover. With
the cuts of the right prices the relaxation is as good as the Lagrangian bound. Within a box covers cost more, so the
sides of the cuts are worked out anew for every box. Every row can be missed at a penalty
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
from gpufleet.optimize.bounds.knapsack import MOST, NODES, NOTHING, cheapest_covers
from gpufleet.optimize.bounds.lagrangian import DENOMINATOR, Prices
from gpufleet.optimize.decomposition.linear_programs import sides, units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.decomposition.blocks import Blocks

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

PENALTY = 4.0
"""What missing a row by its largest coefficient costs, in costs of the known plan."""
CUT_FROM = 1e-7
"""A cut is worth it when it is missed by this share of the known plan's cost."""
LEAST_S = 0.05
"""Seconds that a linear program may take at the end of the time."""
UNCOVERED = 1e3
"""Side of a cut whose block cannot be covered within the box."""
BITS = 60
"""Prices are so coarse that sums of reduced costs fit so many bits."""


@dataclass(frozen=True)
class Cut:
    """Reduced costs of a block's items in whole numbers, `factor` of them to the unit of the row."""

    costs: Ints
    factor: float


@dataclass(frozen=True)
class Relaxed:
    """Optimum of the relaxation."""

    objective: float
    values: Floats
    reduced: Floats
    """Reduced costs, those of the cuts in them."""
    prices: Floats
    """By row of the model; 0 for the blocks' own."""


class Relaxation:
    """One linear program for all boxes, each solved from where the last one ended."""

    def __init__(self, blocks: Blocks, cost: int, until: float) -> None:
        matrix = blocks.matrix
        self.blocks, self.cost, self.until = blocks, cost, until
        self.solved = 0
        """Linear programs so far."""
        self._money = max(cost, 1) / 1e3
        self._unit = units(matrix.by_row)
        self._cuts: dict[int, list[tuple[int, Cut]]] = {}
        self._boxes: dict[int, tuple[bytes, bytes]] = {}
        self._denominator = _denominator(blocks, cost)
        self._program, self._missing = self._built()

    def _built(self) -> tuple[WarmProgram, Ints]:
        """(program, column of what is missing of every block): the rows, scaled, each with what it may be missed by."""
        matrix = self.blocks.matrix
        rows = csr_array(diags_array(1 / self._unit) @ matrix.by_row)
        low, high = sides(matrix.row_lower) / self._unit, sides(matrix.row_upper) / self._unit
        above, below = np.flatnonzero(~np.isnan(low)), np.flatnonzero(~np.isnan(high))
        missed = np.concatenate((above, below))
        signs = np.concatenate((np.ones(len(above)), -np.ones(len(below))))
        missing = csr_array((signs, (missed, np.arange(len(missed)))), shape=(len(low), len(missed)))
        penalties = np.full(len(missed), PENALTY * self.cost / self._money)
        program = WarmProgram(
            np.concatenate((matrix.cost / self._money, penalties)), csr_array(hstack((rows, missing))), low, high
        )
        self._spare = len(missed)
        column = np.full(len(low), -1)
        column[above] = len(matrix.cost) + np.arange(len(above))
        return program, column[matrix.exact]

    def solve(self, lower: Ints, upper: Ints) -> Relaxed | None:
        """The optimum within a box; None when none was found in time."""
        self.solved += 1
        self._move_sides(lower, upper)
        spare = np.zeros(self._spare)
        self._program.set_bounds(np.concatenate((lower, spare)), np.concatenate((upper, spare + np.inf)))
        seconds = max(self.until - time.monotonic(), LEAST_S)
        found = self._program.solve(seconds, len(lower), len(self._unit))
        if found is None:
            return None
        objective, values, reduced, prices = found
        prices = prices / self._unit * self._money
        prices[self.blocks.matrix.exact] = 0.0
        return Relaxed(objective * self._money, values, reduced * self._money, prices)

    def cut(self, relaxed: Relaxed, lower: Ints, upper: Ints, share: float = CUT_FROM) -> int:
        """Add the knapsack cuts that this optimum within a box misses by a share of the plan's cost; how many."""
        blocks = self.blocks
        if not len(blocks.demand):
            return 0
        reduced = blocks.reduced(relaxed.prices[blocks.links])
        low, high = lower[blocks.items], upper[blocks.items]
        taken = np.bincount(blocks.owner, blocks.capacity * low, len(blocks.demand)).astype(np.int64)
        least, _ = blocks.cheapest(reduced, blocks.demand - taken, high - low)
        beyond = np.bincount(blocks.owner, reduced * (relaxed.values[blocks.items] - low), len(least))
        missed = np.flatnonzero((beyond < least - share * self.cost) & np.isfinite(least))
        for block in missed.tolist():
            self._add_cut(block, reduced)
        return len(missed)

    def _add_cut(self, block: int, reduced: Floats) -> None:
        """A row whose side `_move_sides` knows."""
        blocks = self.blocks
        part = slice(blocks.start[block], blocks.start[block + 1])
        costs = reduced[part] / (float(np.abs(reduced[part]).max()) or 1.0)
        factor = MOST / 4 / max(float(np.abs(costs) @ blocks.most[part]), 1e-9)
        indices = np.concatenate((blocks.items[part], [self._missing[block]]))
        row = self._program.add_row(indices, np.concatenate((costs, [1.0])), 0.0)
        self._cuts.setdefault(block, []).append((row, Cut(np.floor(costs * factor).astype(np.int64), factor)))
        self._boxes.pop(block, None)

    def _move_sides(self, lower: Ints, upper: Ints) -> None:
        """What the cuts' blocks cost at least within this box, where it has changed."""
        for block, cuts in self._cuts.items():
            items = self.blocks.items[self.blocks.start[block] : self.blocks.start[block + 1]]
            low, high = lower[items], upper[items]
            box = (low.tobytes(), high.tobytes())
            if self._boxes.get(block) != box:
                self._boxes[block] = box
                for (row, _), side in zip(cuts, self._sides(block, cuts, low, high), strict=True):
                    self._program.set_side(row, side)

    def _sides(self, block: int, cuts: list[tuple[int, Cut]], low: Ints, high: Ints) -> list[float]:
        """Cheapest cover of a block at the costs of each cut."""
        blocks, count, items = self.blocks, len(cuts), len(low)
        capacity = blocks.capacity[blocks.start[block] : blocks.start[block + 1]]
        demand = np.full(count, blocks.demand[block] - capacity @ low)
        costs = np.concatenate([cut.costs for _, cut in cuts])
        least, covers = np.empty(count, np.int64), np.zeros(count * items, np.int64)
        start = np.arange(count + 1) * items
        cheapest_covers(
            start, np.tile(capacity, count), costs, np.tile(high - low, count), demand, NODES, least, covers
        )
        return [
            UNCOVERED if value == NOTHING else (value + int(cut.costs @ low)) / cut.factor
            for value, (_, cut) in zip(least.tolist(), cuts, strict=True)
        ]

    def rounded(self, relaxed: Relaxed) -> Prices:
        """The prices as exact rationals."""
        exact = np.rint(relaxed.prices * self._denominator)
        return Prices({row: int(exact[row]) for row in np.flatnonzero(exact).tolist()}, self._denominator)


def _denominator(blocks: Blocks, cost: int) -> int:
    """As fine as sums of reduced costs allow in `BITS` bits."""
    matrix = blocks.matrix
    reach = float(np.abs(matrix.cost) @ np.maximum(np.abs(matrix.upper), 1)) + PENALTY * cost
    return int(min(DENOMINATOR, 2 ** max(0, BITS - math.ceil(math.log2(max(reach, 2.0))))))
