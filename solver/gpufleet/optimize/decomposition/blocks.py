"""The blocks of a model: covering rows that prices separate from each other, and everything around them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array

from gpufleet.optimize.bounds.covers import Covers
from gpufleet.optimize.bounds.knapsack import MOST, NOTHING
from gpufleet.optimize.decomposition.pricing import Fixed, Pricing

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Blocks(Covers):
    """The covering rows of a matrix, and what links them."""

    executor: Executor | None = None
    """Where many blocks may be priced; None = here."""

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
    def item_links(self) -> csc_array:
        """(links, items): coefficients of the items in the other rows."""
        return csc_array(self.matrix.by_row[self.links][:, self.items])

    def reduced(self, prices: Floats) -> Floats:
        """Reduced cost of every item at prices of the links."""
        return np.asarray(self.matrix.cost[self.items] - self.item_links.T @ prices, np.float64)

    def cheapest(self, costs: Floats, demand: Ints | None = None, most: Ints | None = None) -> tuple[Floats, Ints]:
        """(cost of the cheapest cover of every block, count of every item), at costs per item; of another demand with
        other bounds, if both are given.

        Infinite where a block cannot be covered at all.
        """
        scale = self._scale(costs)
        cheap = np.floor(costs * scale).astype(np.int64)
        if demand is None or most is None:
            least, counts = self._pricing.price(cheap)
        else:
            least, counts = Fixed(self.start, self.capacity, most, demand).price(cheap)
        return np.where(least == NOTHING, np.inf, least / scale), counts

    @cached_property
    def _pricing(self) -> Pricing:
        return Pricing(Fixed(self.start, self.capacity, self.most, self.demand), self.executor)

    def _scale(self, costs: Floats) -> float:
        """What turns costs into whole numbers whose sums in one block stay below the knapsack's limit."""
        enough = np.minimum(self.most, -(-self.demand[self.owner] // self.capacity))
        each = np.bincount(self.owner, np.abs(costs) * np.where(costs < 0, self.most, enough), len(self.demand))
        return MOST / 4 / max(float(each.max(initial=0.0)), 1e-9)

    def as_columns(self, counts: Ints) -> csc_array:
        """(items, blocks): one cover of every block."""
        return csc_array((counts, np.arange(len(self.items)), self.start), shape=(len(self.items), len(self.demand)))

    @cached_property
    def touches(self) -> csc_array:
        """(links, blocks): not 0 where an item of the block is in the row."""
        return csc_array(abs(self.item_links) @ self.as_columns(np.ones(len(self.items), np.int64)))
