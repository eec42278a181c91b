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


def generate(
    blocks: Blocks, until: float, tell: Callable[[float, int], None], stopped: Callable[[], bool]
) -> Generated | None:
    """Run column generation until it converges or the clock shows `until`; None when the relaxation has no solution.

    `tell` hears of (bound, columns) after every round.
    """
    prices = _relaxed(blocks, until - time.monotonic())
    if prices is None:
        return None
    master = Master(blocks)
    penalties = np.maximum(2 * np.abs(prices), _dear(blocks))
    best_prices, best = prices, -np.inf
    solution = None
    for number in range(ROUNDS):
        costs = blocks.reduced(prices)
        values, counts = blocks.cheapest(costs)
        bound = _bound(blocks, prices, values)
        if bound > best:
            best, best_prices = bound, prices
        fresh = master.add(counts)
        tell(best, len(master))
        found = master.solve(penalties, until - time.monotonic())
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
        if time.monotonic() > until:
            break
    return Generated(best_prices, best, master, solution)


def _bound(blocks: Blocks, prices: Floats, values: Floats) -> float:
    """The Lagrangian bound in floating point."""
    matrix, links, others = blocks.matrix, blocks.links, blocks.others
    low, high = sides([matrix.row_lower[row] for row in links]), sides([matrix.row_upper[row] for row in links])
    side = np.where(prices > 0, low, high)
    used = np.where(np.isnan(side), 0.0, prices)
    reduced = matrix.cost[others] - matrix.by_row[links][:, others].T @ used
    box = np.where(reduced > 0, matrix.lower[others], matrix.upper[others])
    return float(np.nansum(np.where(used != 0, used * side, 0.0)) + values.sum() + reduced @ box)


def _relaxed(blocks: Blocks, seconds: float) -> Floats | None:
    """Prices of the linking rows in the relaxation of the whole model."""
    matrix = blocks.matrix
    program = LinearProgram(
        cost=matrix.cost.astype(np.float64),
        rows=matrix.by_row.astype(np.float64),
        row_lower=sides(matrix.row_lower),
        row_upper=sides(matrix.row_upper),
        lower=matrix.lower.astype(np.float64),
        upper=matrix.upper.astype(np.float64),
    )
    found = program.solve(seconds)
    return None if found is None else found.prices[blocks.links]


def _dear(blocks: Blocks) -> Floats:
    """A price per linking row above what its units cost where variables outside the blocks can supply them."""
    matrix, others = blocks.matrix, blocks.others
    rows = abs(matrix.by_row[blocks.links][:, others]).tocoo()
    dear = np.zeros(len(blocks.links))
    each = matrix.cost[others][rows.coords[1]] / rows.data
    np.maximum.at(dear, rows.coords[0], np.abs(each))
    return dear
