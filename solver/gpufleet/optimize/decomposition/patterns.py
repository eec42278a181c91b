"""The covers of a block that cost least at given prices: what the integer master may choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array

from gpufleet.optimize.bounds.knapsack import MOST, NOTHING, covers_below

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.decomposition.blocks import Blocks

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

WIDENINGS = 40
"""How often the allowance is changed in search of the number of covers asked for."""
NODES = 200_000


def near_optimal(blocks: Blocks, block: int, costs: Floats, wanted: int, most_extra: float) -> tuple[Ints, Floats]:
    """(covers x items of the block, what each costs more than the cheapest), cheapest first: about `wanted` of them,
    and none that costs `most_extra` more.

    Items that pay for themselves or cost nothing at these prices are taken as far as they are of use, not beyond.
    """
    first, last = blocks.start[block], blocks.start[block + 1]
    demand = blocks.demand[block]
    capacity = np.minimum(blocks.capacity[first:last], demand)
    most = blocks.most[first:last]
    each = np.maximum(costs[first:last], 0.0)
    scale = MOST / 4 / max(float((each * np.minimum(most, -(-demand // capacity))).sum()), 1e-9)
    cost = np.floor(each * scale).astype(np.int64)
    order = np.argsort(cost / capacity, kind="stable")
    found = _widening(int(demand), capacity[order], cost[order], most[order], wanted, most_extra * scale)
    covers = np.zeros_like(found)
    covers[:, order] = found
    extra = covers @ each
    rank = np.argsort(extra, kind="stable")[:wanted]
    return covers[rank], extra[rank] - extra[rank].min(initial=np.inf)


def _widening(demand: int, capacity: Ints, cost: Ints, most: Ints, wanted: int, widest: float) -> Ints:
    """Covers within an allowance that leaves at least `wanted` and fewer than four times as many, if there is one."""
    one = np.zeros((1, len(cost)), np.int64)
    least, _, _ = covers_below(demand, capacity, cost, most, NOTHING, True, NODES, one)
    if least == NOTHING:
        return one[:0]
    room = np.zeros((4 * wanted, len(cost)), np.int64)
    narrow, wide, width = 0.0, None, max(least * 1e-4, 1.0)
    kept, widest = one, min(widest, float(MOST))
    for _ in range(WIDENINGS):
        width = min(width, widest)
        _, filled, nodes = covers_below(demand, capacity, cost, most, least + int(width) + 1, False, NODES, room)
        if filled == len(room) or nodes > NODES:
            wide = width
        else:
            kept, narrow = room[:filled].copy(), width
            if filled >= wanted or width >= widest:
                break
        width = width * 4 if wide is None else (narrow + wide) / 2
        if wide is not None and (wide - narrow) <= 0.02 * wide:
            break
    return kept


def columns_of(blocks: Blocks, chosen: list[int], covers: list[Ints]) -> tuple[csc_array, Ints]:
    """(variables x columns, block of every column): covers of the chosen blocks as columns over all variables."""
    rows, cols, data, owner = [], [], [], []
    column = 0
    for block, patterns in zip(chosen, covers, strict=True):
        first = blocks.start[block]
        which, item = np.nonzero(patterns)
        rows.append(blocks.items[first + item])
        cols.append(which + column)
        data.append(patterns[which, item])
        owner.append(np.full(len(patterns), block))
        column += len(patterns)
    shape = (blocks.matrix.by_row.shape[1], column)
    if not rows:
        return csc_array(shape, dtype=np.int64), np.empty(0, np.int64)
    matrix = csc_array((np.concatenate(data), (np.concatenate(rows), np.concatenate(cols))), shape=shape)
    return matrix, np.concatenate(owner)
