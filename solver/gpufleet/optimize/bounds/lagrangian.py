"""The lower bound that prices prove.

L(pi) = sum_i pi_i b_i + sum_{covering rows} min { r x : covers } + sum_{other j} min(r_j l_j, r_j u_j),   r = c - pi A

over all rows but those that are treated exactly (`Matrix.exact`), and once more with carriers treated exactly too
(`bounds.carried`): what routing shares and the count that carries them cost together. The better one holds. Any prices
give a valid bound: a price of the wrong sign, or on a side that a row does not have, counts as 0. All arithmetic is in
whole numbers; only the knapsacks' costs are rounded, downwards, to fit 52 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.optimize.bounds.carried import least_with_one
from gpufleet.optimize.bounds.carriers import carriers_of
from gpufleet.optimize.bounds.covers import Covers
from gpufleet.optimize.bounds.knapsack import MOST, NODES, NOTHING, cheapest_covers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.carriers import Carriers
    from gpufleet.optimize.bounds.matrix import Matrix

DENOMINATOR = 2**48
"""Of prices that are rounded: rows of scaled capacities have prices of 1e-4 micro-USD per unit."""


@dataclass(frozen=True)
class Prices:
    """Prices of rows: `numerators[row] / denominator` units of the objective per unit of the row."""

    numerators: Mapping[int, int]
    denominator: int

    @classmethod
    def rounded(cls, prices: Iterable[tuple[int, float]]) -> Prices:
        """(row, price) in floating point, as exact rationals over `DENOMINATOR`."""
        exact = ((row, round(price * DENOMINATOR)) for row, price in prices)
        return cls({row: price for row, price in exact if price}, DENOMINATOR)


def lower_bound(matrix: Matrix, prices: Prices) -> int | None:
    """No solution costs less; None when the prices show that there is no solution at all."""
    plain = _bound(matrix, prices, None)
    carriers = carriers_of(matrix)
    free = matrix.block[carriers.share] < 0
    apart = np.logical_and.reduceat(free, carriers.start[:-1]) if len(free) else np.empty(0, np.bool_)
    carriers = carriers.only(apart & (matrix.block[carriers.count] < 0))
    if plain is None or not len(carriers.count):
        return plain
    carried = _bound(matrix, prices, carriers)
    return plain if carried is None else max(plain, carried)


def _bound(matrix: Matrix, prices: Prices, carriers: Carriers | None) -> int | None:
    """The bound with covering rows treated exactly, and the rows of carriers too, whose prices then do not count."""
    rows = matrix.exact if carriers is None else np.concatenate((matrix.exact, carriers.row))
    total, reduced = priced(matrix, prices, rows)
    covers = Covers(matrix)
    others = covers.others
    if carriers is not None:
        least = least_with_one(matrix, carriers, np.array(reduced, object))
        total += sum(min(0, value) for value in least.tolist())
        others = np.setdiff1d(others, np.concatenate((carriers.count, carriers.share)))
    for j in others:
        value = reduced[j]
        total += value * int(matrix.lower[j] if value > 0 else matrix.upper[j])
    covered = _covered(covers, reduced)
    if covered is None:
        return None
    return -(-(total + covered) // (prices.denominator * matrix.unit)) * matrix.unit


def priced(matrix: Matrix, prices: Prices, skipped: NDArray[np.int64]) -> tuple[int, list[int]]:
    """Denominator times (what the rows' sides are worth, the reduced costs); prices of `skipped` rows do not count."""
    reduced = [int(value) * prices.denominator for value in matrix.cost]
    total = 0
    rows = matrix.by_row
    without = set(skipped.tolist())
    for row, price in prices.numerators.items():
        side = matrix.row_lower[row] if price > 0 else matrix.row_upper[row]
        if side is None or row in without:
            continue
        total += price * side
        first, last = rows.indptr[row], rows.indptr[row + 1]
        for j, value in zip(rows.indices[first:last].tolist(), rows.data[first:last].tolist(), strict=True):
            reduced[j] -= price * value
    return total, reduced


def bits_to_cut(costs: Sequence[int], most: Sequence[int]) -> int:
    """How many bits the costs of items must lose so that what covers of up to `most` of each can cost stays exact."""
    reach = max((abs(cost) * count for cost, count in zip(costs, most, strict=True)), default=0)
    return max(0, (reach * len(costs)).bit_length() - MOST.bit_length() + 1)


def _covered(covers: Covers, reduced: Sequence[int]) -> int | None:
    """Sum of the cheapest covers at these reduced costs, rounded down; None when some row cannot be covered."""
    costs = [reduced[j] for j in covers.items.tolist()]
    most = covers.matrix.upper[covers.items]
    shift = bits_to_cut(costs, most.tolist())
    least = np.empty(len(covers.demand), np.int64)
    counts = np.zeros(len(costs), np.int64)
    cheap = np.array([cost >> shift for cost in costs], np.int64)
    cheapest_covers(covers.start, covers.capacity, cheap, most, covers.demand, NODES, least, counts)
    return None if (least == NOTHING).any() else sum(least.tolist()) << shift
