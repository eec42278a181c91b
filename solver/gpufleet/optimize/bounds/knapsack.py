"""The covering knapsack, solved exactly by branch and bound in compiled integer arithmetic.

min sum_i cost_i n_i   subject to   sum_i capacity_i n_i >= demand,  0 <= n_i <= most_i,  n integer

Items stand by cost per capacity; a branch is cut when what it costs so far and the rest at the next item's rate (in
floating point and 1e-12 short, which is exact while all costs stay below `MOST`) cannot be better. Hundreds of nodes
are usual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

NODES = 2_000_000
"""Branches after which a knapsack is given up; its bound is then that of the relaxation."""
MOST = 2**52
"""Costs add up to less than this, so that floating point counts them exactly."""
NOTHING = 2**62
"""Cost of a cover that does not exist."""


@njit(cache=True, nogil=True)
def covers_within(
    demand: int, capacity: Ints, cost: Ints, most: Ints, allowance: int, limit: int, found: Ints
) -> tuple[int, int, int]:
    """(least cost found, rows of `found` that are filled, nodes). Items must come by cost per capacity.

    With `allowance` < 0: one cheapest cover, in `found[0]`. Else every cover that costs at most `allowance`, as long
    as there are rows; no cover has an item that could be left out at the end of the order.
    """
    items = len(capacity)
    rate = np.empty(items + 1)
    for i in range(items):
        rate[i] = cost[i] / capacity[i] * (1 - 1e-12)
    rate[items] = 1e300
    count = np.zeros(items, np.int64)
    best = NOTHING
    filled = 0
    nodes = 0
    i = 0
    rest = demand
    spent = 0
    while True:
        # down: as many of each item as can be of use
        while i < items:
            if allowance < 0:
                if spent + rate[i] * rest >= best:
                    break
            elif spent + rate[i] * rest > allowance:
                break
            nodes += 1
            take = min(-(-rest // capacity[i]), most[i])
            count[i] = take
            rest -= take * capacity[i]
            spent += take * cost[i]
            i += 1
            if rest <= 0:
                if (allowance < 0 and spent < best) or (allowance >= 0 and spent <= allowance):
                    best = min(best, spent)
                    for j in range(items):
                        found[filled, j] = count[j] if j < i else 0
                    if allowance >= 0:
                        filled += 1
                        if filled == len(found):
                            return best, filled, nodes
                break
        if nodes > limit:
            return best, filled, nodes
        # up: one fewer of the last item that has any, if the next items can make up for it
        i -= 1
        while i >= 0:
            if count[i] > 0:
                count[i] -= 1
                rest += capacity[i]
                spent -= cost[i]
                ahead = spent + rate[i + 1] * rest
                if (allowance < 0 and ahead < best) or (allowance >= 0 and ahead <= allowance):
                    break
                rest += count[i] * capacity[i]
                spent -= count[i] * cost[i]
                count[i] = 0
            i -= 1
        if i < 0:
            return best, filled, nodes
        i += 1


@njit(cache=True, nogil=True)
def cheapest_covers(
    start: Ints, capacity: Ints, cost: Ints, most: Ints, demand: Ints, limit: int, least: Ints, counts: Ints
) -> None:
    """One knapsack after the other: items `start[b]` to `start[b + 1]` cover `demand[b]`. Fills `least` with lower
    bounds (exact unless the limit is hit) and `counts` with the cheapest covers found."""
    for b in range(len(demand)):
        first, last = start[b], start[b + 1]
        order = np.argsort(cost[first:last] / capacity[first:last], kind="mergesort") + first
        found = np.zeros((1, last - first), np.int64)
        rest, base, kept = demand[b], 0, 0
        for k in order:
            if cost[k] < 0:  # pays for itself
                counts[k] = most[k]
                base += most[k] * cost[k]
                rest -= most[k] * capacity[k]
                kept += 1
        if rest <= 0:
            least[b] = base
            continue
        order = order[kept:]
        # a knapsack is smaller without capacity beyond the demand
        size = np.minimum(capacity[order], rest)
        order = order[np.argsort(cost[order] / size, kind="mergesort")]
        size = np.minimum(capacity[order], rest)
        value, _, nodes = covers_within(rest, size, cost[order], most[order], -1, limit, found)
        if value == NOTHING and nodes <= limit:
            least[b] = NOTHING
            continue
        for position, k in enumerate(order):
            counts[k] = found[0, position]
        least[b] = base + (value if nodes <= limit else np.int64(rest * (cost[order[0]] / size[0]) * (1 - 1e-12)))
