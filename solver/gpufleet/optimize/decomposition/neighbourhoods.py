"""What is set free while the rest of the best plan stays: neighbourhoods of two kinds.

`counts`: the replica counts of some workloads, over the options that their prices make worth looking at.
`covers`: for many blocks at once, the choice among their near-optimal covers.
Both come with the variables of the fleet (nodes and the like) that share a row with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from gpufleet.optimize.decomposition.generation import settled_costs
from gpufleet.optimize.decomposition.parts import part_of
from gpufleet.optimize.decomposition.patterns import columns_of, near_optimal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.decomposition.blocks import Blocks
    from gpufleet.optimize.decomposition.parts import Part

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

WORTH_A_LOOK = 1.5
"""Options whose price per capacity is within this factor of the block's best are looked at."""
LEAST_OPTIONS = 4
LOCAL = 0.7
"""How often workloads are drawn from one component, or from the users of a few rows, instead of from all."""


@dataclass
class Neighbourhoods:
    """Draws neighbourhoods around a plan, at the prices of the bound."""

    blocks: Blocks
    prices: Floats
    dear: Floats
    """`generation.dear_prices`."""
    random: np.random.Generator
    _near: dict[tuple[int, int], tuple[Ints, Floats]] = field(default_factory=dict)

    @cached_property
    def costs(self) -> Floats:
        """Reduced cost of every item."""
        return self.blocks.reduced(self.prices)

    @cached_property
    def settled(self) -> Floats:
        """The same, with ties decided."""
        return settled_costs(self.blocks, self.prices, self.dear)

    @cached_property
    def least(self) -> Floats:
        """Cost of the cheapest cover of every block."""
        return self.blocks.cheapest(self.costs)[0]

    @cached_property
    def groups(self) -> list[Ints]:
        """Variables by workload."""
        group = self.blocks.matrix.group
        order = np.argsort(group, kind="stable")
        cuts = np.flatnonzero(np.diff(group[order])) + 1
        return [part for part in np.split(order, cuts) if len(part) and group[part[0]] >= 0]

    @cached_property
    def worth(self) -> NDArray[np.bool_]:
        """(variables,) worth a look: in a block if the price per capacity is near the best, elsewhere always."""
        blocks = self.blocks
        worth = np.ones(len(blocks.matrix.cost), np.bool_)
        each = np.maximum(self.settled, 0.0) / np.minimum(blocks.capacity, blocks.demand[blocks.owner])
        for first, last in zip(blocks.start[:-1], blocks.start[1:], strict=True):
            own = each[first:last]
            worth[blocks.items[first:last]] = own <= max(
                WORTH_A_LOOK * own.min(), np.partition(own, min(LEAST_OPTIONS, len(own)) - 1)[:LEAST_OPTIONS].max()
            )
        return worth

    @cached_property
    def _is_fleet(self) -> NDArray[np.bool_]:
        return self.blocks.matrix.group < 0

    def extra(self, values: Ints) -> Floats:
        """By block: what its present cover costs more than the cheapest, at the prices."""
        spent = np.bincount(self.blocks.owner, self.costs * values[self.blocks.items], len(self.blocks.demand))
        return np.maximum(spent - self.least, 0.0)

    def counts(self, values: Ints, size: int) -> Part:
        """`size` workloads with their counts free: drawn by what there is to gain, or as users of one or two rows."""
        chosen = self._draw(values, size)
        free = np.concatenate([self.groups[g] for g in chosen])
        free = free[self.worth[free] | (values[free] > 0)]
        free = np.concatenate((free, self._fleet_around(free)))
        return part_of(self.blocks.matrix, values, np.sort(free))

    def covers(self, values: Ints, size: int, each: int, most_extra: float) -> Part:
        """`size` blocks, each with about `each` near-optimal covers beside its present one."""
        blocks = self.blocks
        chosen = self._blocks_of_one(values, size)
        covers = [self._covers_of(block, values, each, most_extra) for block in chosen.tolist()]
        columns, owner = columns_of(blocks, chosen.tolist(), covers)
        free = self._fleet_around(np.unique(columns.indices))
        return part_of(blocks.matrix, values, np.sort(free), (columns, owner))

    @cached_property
    def components(self) -> list[Ints]:
        """Blocks by what connects them: those of one period share the rows of its pools."""
        blocks = self.blocks
        touches = csr_array(blocks.touches.T)
        number, label = connected_components(touches @ touches.T, directed=False)
        return [np.flatnonzero(label == which) for which in range(number)]

    def _blocks_of_one(self, values: Ints, size: int) -> Ints:
        """Up to `size` blocks that are connected, where there is something to gain."""
        gain = self._to_gain(values) if len(self.components) > 1 else np.ones(1)
        part = self.components[int(self.random.choice(len(gain), p=gain / gain.sum()))]
        return part if len(part) <= size else np.sort(self.random.choice(part, size, replace=False))

    def _to_gain(self, values: Ints) -> Floats:
        """By component: what its covers cost too much, what the slack in its rows is worth, and what is taken of the
        fleet for it alone although the prices say that it does not pay."""
        extra, slack, fleet = self.extra(values), self._slack(values), self._overpaid(values)
        places = zip(self.components, self._rows, self._own_fleet, strict=True)
        gain = [extra[part].sum() + slack[rows].sum() + fleet[own].sum() for part, rows, own in places]
        return np.asarray(np.array(gain) + 1e-9 + 0.01 * sum(gain) / len(gain), np.float64)

    @cached_property
    def _rows(self) -> list[Ints]:
        """By component: positions of the linking rows that its blocks take part in."""
        touches = self.blocks.touches
        return [np.unique(touches[:, part].indices).astype(np.int64) for part in self.components]

    @cached_property
    def _own_fleet(self) -> list[Ints]:
        """By component: positions in `blocks.others` of the variables that are in its linking rows and no other's."""
        links, others = self.blocks.links, self.blocks.others
        touches = abs(self.blocks.matrix.by_row[links][:, others]).sign()
        member = np.zeros((len(self.components), len(links)))
        for number, rows in enumerate(self._rows):
            member[number, rows] = 1
        inside = (csr_array(member) @ touches).toarray() > 0
        alone = inside.sum(axis=0) == 1
        return [np.flatnonzero(row & alone) for row in inside]

    def _overpaid(self, values: Ints) -> Floats:
        """By variable outside the blocks: its reduced cost times its distance from where that wants it."""
        matrix, others = self.blocks.matrix, self.blocks.others
        reduced = matrix.cost[others] - matrix.by_row[self.blocks.links][:, others].T @ self.prices
        wanted = np.where(reduced > 0, matrix.lower[others], matrix.upper[others])
        return np.asarray(reduced * (values[others] - wanted), np.float64)

    def _slack(self, values: Ints) -> Floats:
        """By linking row: what its slack is worth at the prices."""
        done = (self.blocks.matrix.by_row @ values)[self.blocks.links]
        return np.asarray(np.abs(np.nan_to_num(self._priced_sides - done)) * np.abs(self.prices), np.float64)

    @cached_property
    def _priced_sides(self) -> Floats:
        """By linking row: the side that its price is about; nan = none."""
        matrix = self.blocks.matrix
        pairs = zip(self.blocks.links, self.prices, strict=True)
        return np.array(
            [(matrix.row_lower if price > 0 else matrix.row_upper)[row] for row, price in pairs], np.float64
        )

    def _covers_of(self, block: int, values: Ints, each: int, most_extra: float) -> Ints:
        """The present cover first, then the near-optimal ones."""
        if (block, each) not in self._near:
            self._near[block, each] = near_optimal(self.blocks, block, self.settled, each, most_extra)
        near, extra = self._near[block, each]
        first, last = self.blocks.start[block], self.blocks.start[block + 1]
        own = values[self.blocks.items[first:last]]
        others = near[(extra <= most_extra) & (near != own).any(axis=1)]
        return np.vstack((own[None, :], others))

    def _draw(self, values: Ints, size: int) -> list[int]:
        groups = len(self.groups)
        if size >= groups:
            return list(range(groups))
        weight = self._weights(values)
        if self.random.random() < LOCAL:
            several = len(self.components) > 1
            around = self._of_one_component(values) if several else self._users_of_rows(values)
            if len(around) >= 2:
                outside = np.setdiff1d(np.arange(groups), around)
                weight[outside] *= 1e-9
        drawn: list[int] = self.random.choice(groups, size, replace=False, p=weight / weight.sum()).tolist()
        return drawn

    @cached_property
    def _group_of_block(self) -> Ints:
        """Position in `groups` of every block's workload; -1 = none."""
        position = {int(self.blocks.matrix.group[part[0]]): number for number, part in enumerate(self.groups)}
        firsts = self.blocks.items[self.blocks.start[:-1]]
        return np.array([position.get(int(self.blocks.matrix.group[j]), -1) for j in firsts], np.int64)

    def _weights(self, values: Ints) -> Floats:
        """By workload: half by what its cover costs too much, half by the root of what it costs at all."""
        extra, least = self.extra(values), np.sqrt(np.maximum(self.least, 0.0))
        block = extra / max(extra.sum(), 1e-9) + least / max(least.sum(), 1e-9) + 1e-6
        weight = np.full(len(self.groups), block.mean() if len(block) else 1.0)
        known = self._group_of_block >= 0
        weight[self._group_of_block[known]] = block[known]
        return weight

    def _of_one_component(self, values: Ints) -> Ints:
        """Workloads of one component."""
        groups = self._group_of_block[self._blocks_of_one(values, len(self.blocks.demand))]
        return np.unique(groups[groups >= 0])

    def _users_of_rows(self, values: Ints) -> Ints:
        """Workloads with options worth a look in a few linking rows, drawn by what their slack is worth."""
        matrix, links = self.blocks.matrix, self.blocks.links
        worth = self._slack(values)
        priced = np.flatnonzero(self.prices)
        if not len(priced):
            return np.empty(0, np.int64)
        weight = worth[priced] + worth[priced].mean() + 1e-9
        rows = self.random.choice(priced, min(3, len(priced)), replace=False, p=weight / weight.sum())
        touched = np.unique(matrix.by_row[links[rows]].indices)
        touched = touched[self.worth[touched]]
        groups = np.unique(matrix.group[touched])
        known = {int(matrix.group[part[0]]): number for number, part in enumerate(self.groups)}
        return np.array([known[g] for g in groups.tolist() if g >= 0], np.int64)

    def _fleet_around(self, variables: Ints) -> Ints:
        """Fleet variables that share a row with these, and those that share one with them."""
        matrix = self.blocks.matrix
        near = variables
        for _ in range(2):
            rows = np.unique(matrix.by_column[:, near].indices)
            touched = np.unique(matrix.by_row[rows].indices).astype(np.int64)
            near = touched[self._is_fleet[touched]]
        return near
