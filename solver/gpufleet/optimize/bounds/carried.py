"""What a carrier costs at least with one replica or more, at reduced costs, in whole numbers.

With prices pi of all rows but the carriers (`sum_c load_c x_c <= capacity n`, x <= u), the Lagrangian bound is a sum
over carriers. Each takes the number n of replicas at which

r_n n - max{sum_c -r_c x_c : sum_c load_c x_c <= capacity n}

is least, r = c - pi A, or none at all. Say h is the least for n >= 1.

h is bounded below with a price mu of the carrier row (any mu >= 0 will do): for every n,
`r_n n - mu capacity n - sum_c max(0, -r_c - mu load_c) u_c`, which is linear in n. Floating point only proposes mu, for
numbers up to the best one and for those above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.carriers import Carriers
    from gpufleet.optimize.bounds.matrix import Matrix

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Exact = NDArray[Any]
    """Python's whole numbers, which have no limit."""


def least_with_one(matrix: Matrix, carriers: Carriers, reduced: Exact) -> Exact:
    """(k,) lower bounds of h at (n,) reduced costs; where carriers have a count in common, the first bears its cost."""
    own = reduced[carriers.count].copy()
    first = np.unique(carriers.count, return_index=True)[1]
    repeated = np.setdiff1d(np.arange(len(own)), first)
    own[repeated] = 0
    most = np.where(own < 0, matrix.upper[carriers.count], np.maximum(matrix.upper[carriers.count], 1))
    best = _best_count(matrix, carriers, own.astype(np.float64), reduced, most)
    gain = -reduced[carriers.share]
    prices = (_critical(matrix, carriers, gain, best), _critical(matrix, carriers, gain, best + 1))
    low = _line(matrix, carriers, own, gain, prices[0], np.ones_like(best), best)
    high = _line(matrix, carriers, own, gain, prices[1], np.minimum(best + 1, most), most)
    return np.where(best < most, np.minimum(low, high), low)


def _line(matrix: Matrix, carriers: Carriers, own: Exact, gain: Exact, price: Exact, least: Ints, most: Ints) -> Exact:
    """(k,) lower bound for counts between `least` and `most`, with a price of the carrier row."""
    slope = own - price * carriers.capacity
    each = np.repeat(price, np.diff(carriers.start))
    earned = np.maximum(gain - each * carriers.load, 0) * matrix.upper[carriers.share]
    return slope * np.where(slope < 0, most, least) - np.add.reduceat(earned, carriers.start[:-1])


def _order(matrix: Matrix, carriers: Carriers, gain: Exact) -> tuple[Ints, Floats, Ints]:
    """(shares by carrier and falling gain per load, their cumulative full loads, the carrier of each)."""
    owner = np.repeat(np.arange(len(carriers.count)), np.diff(carriers.start))
    order = np.lexsort((-(gain.astype(np.float64) / carriers.load), owner))
    full = (carriers.load.astype(np.float64) * matrix.upper[carriers.share])[order]
    done = np.cumsum(full)
    before = np.concatenate(([0.0], done))[carriers.start[:-1]]
    return order, done - before[owner], owner


def _critical(matrix: Matrix, carriers: Carriers, gain: Exact, counts: Ints) -> Exact:
    """(k,) gain per load of the share that is the last to find room in so many replicas; 0 where all do."""
    order, done, owner = _order(matrix, carriers, gain)
    room = (carriers.capacity.astype(np.float64) * counts)[owner]
    fitting = np.bincount(owner, done <= room, len(counts)).astype(np.int64)
    at = carriers.start[:-1] + fitting
    inside = fitting < np.diff(carriers.start)
    last = order[np.minimum(at, len(order) - 1)]
    ratio = np.maximum(gain[last] // carriers.load[last].astype(object), 0)
    return np.where(inside, ratio, 0)


def _best_count(matrix: Matrix, carriers: Carriers, own: Floats, reduced: Exact, most: Ints) -> Ints:
    """(k,) the whole number, from 1 on, below the count at which one replica more no longer pays."""
    gain = -reduced[carriers.share].astype(np.float64)
    owner = np.repeat(np.arange(len(carriers.count)), np.diff(carriers.start))
    pays = gain * carriers.capacity[owner] > own[owner] * carriers.load
    load = np.bincount(owner, pays * carriers.load.astype(np.float64) * matrix.upper[carriers.share], len(own))
    return np.clip((load // carriers.capacity).astype(np.int64), 1, np.maximum(most, 1))
