"""The lower bound that prices prove.

L(pi) = sum_i pi_i b_i + sum_{covering rows} min { r x : covers } + sum_{other j} min(r_j l_j, r_j u_j),   r = c - pi A

over all rows but those that are treated exactly (`Matrix.exact`). Any prices give a valid bound: a price of the wrong
sign, or on a side that a row does not have, counts as 0. All arithmetic is in whole numbers; only the knapsacks'
costs are rounded, downwards, to fit 52 bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.optimize.bounds.knapsack import MOST, NODES, NOTHING, cheapest_covers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpufleet.optimize.bounds.matrix import Matrix


@dataclass(frozen=True)
class Prices:
    """Prices of rows: `numerators[row] / denominator` units of the objective per unit of the row."""

    numerators: Mapping[int, int]
    denominator: int


def lower_bound(matrix: Matrix, prices: Prices) -> int | None:
    """No solution costs less; None when the prices show that there is no solution at all."""
    total, reduced = priced(matrix, prices)
    inside = matrix.block >= 0
    for j in np.flatnonzero(~inside):
        value = reduced[j]
        total += value * int(matrix.lower[j] if value > 0 else matrix.upper[j])
    covered = _covered(matrix, [reduced[j] for j in _items(matrix)])
    if covered is None:
        return None
    # every cost is a whole number of these
    unit = math.gcd(*matrix.cost.tolist()) or 1
    return -(-(total + covered) // (prices.denominator * unit)) * unit


def priced(matrix: Matrix, prices: Prices) -> tuple[int, list[int]]:
    """Denominator times (what the rows' sides are worth, the reduced costs)."""
    reduced = [int(value) * prices.denominator for value in matrix.cost]
    total = 0
    rows = matrix.by_row
    exact = set(matrix.exact.tolist())
    for row, price in prices.numerators.items():
        side = matrix.row_lower[row] if price > 0 else matrix.row_upper[row]
        if side is None or row in exact:
            continue
        total += price * side
        first, last = rows.indptr[row], rows.indptr[row + 1]
        for j, value in zip(rows.indices[first:last].tolist(), rows.data[first:last].tolist(), strict=True):
            reduced[j] -= price * value
    return total, reduced


def _items(matrix: Matrix) -> list[int]:
    """Variables of the covering rows, row by row."""
    rows = matrix.by_row
    return [int(j) for row in matrix.exact for j in rows.indices[rows.indptr[row] : rows.indptr[row + 1]]]


def _covered(matrix: Matrix, costs: Sequence[int]) -> int | None:
    """Sum of the cheapest covers at these costs, rounded down; None when some row cannot be covered."""
    if not len(matrix.exact):
        return 0
    rows = matrix.by_row
    most = matrix.upper[_items(matrix)]
    # what a cover can cost at most decides how many bits must go
    reach = max(abs(cost) * int(count) for cost, count in zip(costs, most, strict=True))
    shift = max(0, (reach * len(costs)).bit_length() - MOST.bit_length() + 1)
    start = np.concatenate(([0], np.cumsum(np.diff(rows.indptr)[matrix.exact])))
    capacity = np.concatenate([rows.data[rows.indptr[row] : rows.indptr[row + 1]] for row in matrix.exact])
    demand = np.array([matrix.row_lower[row] for row in matrix.exact], np.int64)
    least = np.empty(len(matrix.exact), np.int64)
    counts = np.zeros(len(costs), np.int64)
    cheap = np.array([cost >> shift for cost in costs], np.int64)
    cheapest_covers(start.astype(np.int64), capacity.astype(np.int64), cheap, most, demand, NODES, least, counts)
    return None if (least == NOTHING).any() else sum(least.tolist()) << shift
