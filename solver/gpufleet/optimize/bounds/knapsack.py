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
    Floats = NDArray[np.float64]

NODES = 2_000_000
"""Branches after which a knapsack is given up; its bound is then that of the relaxation."""
MOST = 2**52
"""Costs add up to less than this, so that floating point counts them exactly."""
NOTHING = 2**62
"""Cost of a cover that does not exist."""


@njit(cache=True, nogil=True)
def _down(i: int, state: Ints, rate: Floats, capacity: Ints, cost: Ints, most: Ints, count: Ints, ceiling: int) -> int:
    """From item i on take as many of each as can be of use, until the demand is covered or the ceiling is in the way.

    `state` is (demand left, spent, items looked at), in and out. The next item.
    """
    while i < len(cost) and state[0] > 0 and state[1] + rate[i] * state[0] < ceiling:
        take = min(-(-state[0] // capacity[i]), most[i])
        count[i] = take
        state[0] -= take * capacity[i]
        state[1] += take * cost[i]
        state[2] += 1
        i += 1
    return i


@njit(cache=True, nogil=True)
def _up(i: int, state: Ints, rate: Floats, capacity: Ints, cost: Ints, count: Ints, ceiling: int) -> int:
    """Before item i find the last one of which one fewer can be made up for below the ceiling; take it away.

    The item after it; 0 when there is none.
    """
    while i > 0:
        i -= 1
        if count[i] > 0:
            count[i] -= 1
            state[0] += capacity[i]
            state[1] -= cost[i]
            if state[1] + rate[i + 1] * state[0] < ceiling:
                return i + 1
            state[0] += count[i] * capacity[i]
            state[1] -= count[i] * cost[i]
            count[i] = 0
    return 0


@njit(cache=True, nogil=True)
def covers_below(
    demand: int, capacity: Ints, cost: Ints, most: Ints, ceiling: int, cheapest: bool, limit: int, found: Ints
) -> tuple[int, int, int]:
    """(least cost, rows of `found` that are filled, items looked at) of covers that cost less than `ceiling`.

    Items must come by cost per capacity. With `cheapest` only ever cheaper ones, the last of them in `found[0]`; else
    all of them, as long as there are rows and the limit allows. No cover goes on after the demand is met.
    """
    items = len(capacity)
    rate = np.empty(items + 1)
    rate[:items] = cost / capacity * (1 - 1e-12)
    rate[items] = np.inf
    count = np.zeros(items, np.int64)
    state = np.array([demand, 0, 0], np.int64)
    best, filled, i = NOTHING, 0, 0
    while True:
        i = _down(i, state, rate, capacity, cost, most, count, ceiling)
        if state[0] <= 0 and state[1] < ceiling:
            best = min(best, state[1])
            found[filled, :i] = count[:i]
            found[filled, i:] = 0
            if cheapest:
                ceiling = state[1]
            else:
                filled += 1
        i = _up(i, state, rate, capacity, cost, count, ceiling)
        if i == 0 or filled == len(found) or state[2] > limit:
            return best, filled, state[2]


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
        value, _, nodes = covers_below(rest, size, cost[order], most[order], NOTHING, True, limit, found)
        if value == NOTHING and nodes <= limit:
            least[b] = NOTHING
            continue
        for position, k in enumerate(order):
            counts[k] = found[0, position]
        least[b] = base + (value if nodes <= limit else np.int64(rest * (cost[order[0]] / size[0]) * (1 - 1e-12)))


def compiled() -> None:
    """Have everything above compiled, or read from numba's cache: 10 s the first time after an installation."""
    one, result = np.ones(1, np.int64), np.zeros(1, np.int64)
    cheapest_covers(np.array([0, 1], np.int64), one, one, one, one, NODES, result, np.zeros(1, np.int64))
