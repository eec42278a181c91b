"""The blocks of a model: covering rows that prices separate from each other, and everything around them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array

from gpufleet.optimize.bounds.knapsack import MOST, NOTHING
from gpufleet.optimize.decomposition.pricing import Fixed, Pricing

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.matrix import Matrix

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Blocks:
    """The covering rows of a matrix, one after the other."""

    matrix: Matrix
    executor: Executor | None = None
    """Where many blocks may be priced; None = here."""

    @cached_property
    def items(self) -> Ints:
        """Variables of the blocks, block by block."""
        rows = self.matrix.by_row
        parts = [rows.indices[rows.indptr[row] : rows.indptr[row + 1]] for row in self.matrix.exact]
        return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)

    @cached_property
    def capacity(self) -> Ints:
        """Coefficient of every item in its row."""
        rows = self.matrix.by_row
        parts = [rows.data[rows.indptr[row] : rows.indptr[row + 1]] for row in self.matrix.exact]
        return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)

    @cached_property
    def start(self) -> Ints:
        """Where the items of each block begin, and one past the last."""
        return np.concatenate(([0], np.cumsum(np.diff(self.matrix.by_row.indptr)[self.matrix.exact]))).astype(np.int64)

    @cached_property
    def demand(self) -> Ints:
        """What each block must cover."""
        return np.array([self.matrix.row_lower[row] for row in self.matrix.exact], np.int64)

    @cached_property
    def most(self) -> Ints:
        """Upper bound of every item."""
        return self.matrix.upper[self.items]

    @cached_property
    def owner(self) -> Ints:
        """Block of every item."""
        return np.repeat(np.arange(len(self.demand)), np.diff(self.start))

    @cached_property
    def links(self) -> Ints:
        """Rows that are not blocks."""
        return np.setdiff1d(np.arange(self.matrix.by_row.shape[0]), self.matrix.exact)

    @cached_property
    def others(self) -> Ints:
        """Variables outside all blocks."""
        return np.flatnonzero(self.matrix.block < 0)

    @cached_property
    def item_links(self) -> csc_array:
        """(links, items): coefficients of the items in the other rows."""
        return csc_array(self.matrix.by_row[self.links][:, self.items])

    def reduced(self, prices: Floats) -> Floats:
        """Reduced cost of every item at prices of the links."""
        return np.asarray(self.matrix.cost[self.items] - self.item_links.T @ prices, np.float64)

    def cheapest(self, costs: Floats, demand: Ints | None = None, most: Ints | None = None) -> tuple[Floats, Ints]:
        """(cost of the cheapest cover of every block, count of every item), at costs per item; of another demand, with
        other bounds, if given.

        Infinite where a block cannot be covered at all.
        """
        scale = self._scale(costs)
        cheap = np.floor(costs * scale).astype(np.int64)
        if demand is None and most is None:
            least, counts = self._pricing.price(cheap)
        else:
            bounds = self.most if most is None else most
            least, counts = Fixed(self.start, self.capacity, bounds, self.demand if demand is None else demand).price(
                cheap
            )
        return np.where(least == NOTHING, np.inf, least / scale), counts

    @cached_property
    def _pricing(self) -> Pricing:
        return Pricing(Fixed(self.start, self.capacity, self.most, self.demand), self.executor)

    def _scale(self, costs: Floats) -> float:
        """What turns costs into whole numbers whose sums in one block stay below the knapsack's limit."""
        enough = np.minimum(self.most, -(-self.demand[self.owner] // self.capacity))
        each = np.bincount(self.owner, np.abs(costs) * np.where(costs < 0, self.most, enough), len(self.demand))
        return MOST / 4 / max(float(each.max(initial=0.0)), 1e-9)

    def activity(self, counts: Ints) -> csc_array:
        """(links, blocks): what each block's cover takes of the other rows."""
        cover = csc_array((counts, np.arange(len(self.items)), self.start), shape=(len(self.items), len(self.demand)))
        return csc_array(self.item_links @ cover)
