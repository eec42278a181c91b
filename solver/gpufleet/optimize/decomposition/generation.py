"""Column generation: prices for the linking rows, and the covers that are cheapest at them.

Starts at the prices of the plain relaxation, which are close already. Every round prices all blocks exactly, which
gives a bound (the Lagrangian one, `bounds.lagrangian`) whatever the prices are, and new covers for the master. The next
prices lie between those of the master and the best ones so far, which keeps them from swinging.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.interruption import Stopped
from gpufleet.optimize.decomposition.linear_programs import LinearProgram, sides
from gpufleet.optimize.decomposition.master import Master

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gpufleet.optimize.decomposition.blocks import Blocks
    from gpufleet.optimize.decomposition.master import MasterSolution

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

logger = logging.getLogger(__name__)

CLOSE = 1e-6
"""Relative distance of bound and master at which column generation ends."""
STUCK, PATIENT_ROUNDS, NEAR = 1e-6, 4, 0.01
"""It also ends when the bound has not risen by so much for so many rounds and the master is so near."""
SETTLE = 1e-4
"""Share of full prices that decides between covers of equal cost."""
ROUNDS = 200
KEEP_FIRST, KEEP_LATER = 0.6, 0.3
"""Weight of the best prices so far in the next ones: in the first ten rounds, and after."""


@dataclass(frozen=True)
class Generated:
    """Where column generation ended."""

    prices: Floats
    """Of the linking rows: those of the best bound."""
    bound: float
    """The bound that they give, in floating point."""
    master: Master
    solution: MasterSolution | None
    """Of the last master that was solved without anything missing."""
    dear: Floats
    """`dear_prices` of the linking rows."""


def generate(
    blocks: Blocks, until: float, tell: Callable[[float, int], None], stopped: Callable[[], bool]
) -> Generated | None:
    """Run column generation until it converges or the clock shows `until`; None when the relaxation has no solution.

    `tell` hears of (bound, columns) after every round.
    """
    started = time.monotonic()
    relaxed = LinearProgram.of(blocks.matrix).solve(until - started)
    if relaxed is None:
        return None
    prices = relaxed.prices[blocks.links]
    master, dear = Master(blocks), dear_prices(blocks)
    master.add(_rounded_up(blocks, relaxed.values, prices, dear))
    penalties = np.maximum(2 * np.abs(prices), np.abs(dear))
    best_prices, best, stuck = prices, -np.inf, 0
    solution = None
    for number in range(ROUNDS):
        values, counts = blocks.cheapest(blocks.reduced(prices))
        bound = _bound(blocks, prices, values)
        stuck = stuck + 1 if bound <= best + STUCK * abs(best) else 0
        if bound > best:
            best, best_prices = bound, prices
        fresh = master.add(counts) + master.add(blocks.cheapest(settled_costs(blocks, prices, dear))[1])
        tell(best, len(master))
        found = _solved(master, penalties, until)
        if found is None or stopped():
            break
        if found.missing <= 1e-6:
            solution = found
        gap = (found.objective - best) / max(abs(found.objective), 1e-9)
        logger.debug(
            "round %d: bound %.6g, master %.6g, missing %.3g, new %d",
            number,
            best,
            found.objective,
            found.missing,
            fresh,
        )
        if gap <= CLOSE:
            if found.missing <= 1e-6:
                break
            penalties = penalties * 4
        keep = KEEP_FIRST if number < 10 else KEEP_LATER
        if not fresh and gap > CLOSE:
            keep = 0.0 if keep == KEEP_LATER else keep / 2
        prices = keep * best_prices + (1 - keep) * found.prices
        now = time.monotonic()
        if now > until or (stuck >= PATIENT_ROUNDS and gap <= NEAR and now > started + 0.2 * (until - started)):
            break
    return Generated(best_prices, best, master, solution, dear)


def _solved(master: Master, penalties: Floats, until: float) -> MasterSolution | None:
    """The master's optimum; None when there is none in time, or the search is stopped."""
    try:
        return master.solve(penalties, until - time.monotonic())
    except Stopped:
        return None


def settled_costs(blocks: Blocks, prices: Floats, dear: Floats) -> Floats:
    """Reduced costs with a little of what things cost at all, which decides between covers that cost the same: where
    capacity is idle, prices are 0 and every cover would do."""
    return blocks.reduced(prices + SETTLE * dear)


def _rounded_up(blocks: Blocks, values: Floats, prices: Floats, dear: Floats) -> Ints:
    """Covers near a solution of the relaxation: its counts rounded down, and the cheapest cover of what is left."""
    kept = np.floor(values[blocks.items] + 1e-6).astype(np.int64)
    left = blocks.demand - np.bincount(blocks.owner, kept * blocks.capacity, len(blocks.demand)).astype(np.int64)
    _, more = blocks.cheapest(settled_costs(blocks, prices, dear), left, blocks.most - kept)
    return kept + more


def _bound(blocks: Blocks, prices: Floats, values: Floats) -> float:
    """The Lagrangian bound in floating point."""
    matrix, links, others = blocks.matrix, blocks.links, blocks.others
    low, high = sides([matrix.row_lower[row] for row in links]), sides([matrix.row_upper[row] for row in links])
    side = np.where(prices > 0, low, high)
    used = np.where(np.isnan(side), 0.0, prices)
    reduced = matrix.cost[others] - matrix.by_row[links][:, others].T @ used
    box = np.where(reduced > 0, matrix.lower[others], matrix.upper[others])
    return float(np.nansum(np.where(used != 0, used * side, 0.0)) + values.sum() + reduced @ box)


def dear_prices(blocks: Blocks) -> Floats:
    """A price per linking row, with its sign: what its units cost where variables outside the blocks supply them."""
    matrix, others = blocks.matrix, blocks.others
    rows = matrix.by_row[blocks.links][:, others].tocoo()
    each = np.abs(matrix.cost[others][rows.coords[1]] / rows.data)
    dear = np.zeros(len(blocks.links))
    np.maximum.at(dear, rows.coords[0], each)
    is_upper = np.array([matrix.row_lower[row] is None for row in blocks.links], np.bool_)
    return np.where(is_upper, -dear, dear)
