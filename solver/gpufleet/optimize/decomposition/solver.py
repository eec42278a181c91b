"""The decomposition engine, as a back end: prices by column generation, a first plan, a search around it."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from ortools import __version__ as ortools_version

from gpufleet.optimize.backends.interface import BackendResult
from gpufleet.optimize.bounds.lagrangian import Prices, lower_bound
from gpufleet.optimize.bounds.matrix import matrix_of
from gpufleet.optimize.decomposition.blocks import Blocks
from gpufleet.optimize.decomposition.generation import generate
from gpufleet.optimize.decomposition.incumbent import is_solution
from gpufleet.optimize.decomposition.neighbourhoods import Neighbourhoods
from gpufleet.optimize.decomposition.search import Search, solve_part
from gpufleet.optimize.decomposition.start import first_parts

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from gpufleet.optimize.backends.interface import Outcome, SolverLimits
    from gpufleet.optimize.decomposition.generation import Generated
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.monitor import Monitor

    Ints = NDArray[np.int64]

logger = logging.getLogger(__name__)

DENOMINATOR = 2**48
"""Of the prices in a certificate."""
GENERATION_SHARE = 0.5
"""Share of the time that column generation may take."""
START_EFFORT = 4.0
"""Deterministic time for each attempt at a first plan with CP-SAT."""
START_GAP = 1e-4
"""Relative gap at which an attempt is good enough: the search goes on from there."""
SMALL = 100
"""Variables up to which CP-SAT makes the first plan; beyond it HiGHS, whose heuristics find better ones (measured)."""


class Decomposition:
    """Column generation and neighbourhood search."""

    name = "decomposition"

    def __init__(self, executor: Executor | None = None) -> None:
        self._executor = executor

    def version(self) -> str:
        """`CP-SAT and HiGHS (OR-Tools x.y.z)`."""
        return f"CP-SAT (OR-Tools {ortools_version}) over column generation"

    def solve(
        self,
        model: LinearModel,
        limits: SolverLimits,
        hint: list[int] | None = None,
        monitor: Monitor | None = None,
    ) -> BackendResult:
        """Minimise the model's objective."""
        started = time.monotonic()
        until = started + limits.seconds
        matrix = matrix_of(model)
        blocks = Blocks(matrix)

        def stopped() -> bool:
            return monitor is not None and monitor.stopped

        def told(bound: float, columns: int) -> None:
            if monitor is not None:
                monitor.report("prices", bound=max(0, int(bound)), columns=columns)

        generated = generate(blocks, started + GENERATION_SHARE * limits.seconds, told, stopped)
        if generated is None:
            return BackendResult("unknown", None, None, 0)
        prices = as_prices(blocks, generated)
        bound = lower_bound(matrix, prices)
        if bound is None:
            return BackendResult("infeasible", None, None, None)
        near = Neighbourhoods(blocks, generated.prices, np.random.default_rng(limits.seed))
        logger.debug("bound %d in %.2f s", bound, time.monotonic() - started)
        values = self._first(blocks, generated, near, limits, until, stopped)
        if values is None:
            return BackendResult("unknown", None, None, max(bound, 0), prices)
        search = Search(matrix, near, values, limits, until, float(bound))
        logger.debug(
            "first plan %d, %.4f%%, in %.2f s", search.cost, 100 * (search.cost / bound - 1), time.monotonic() - started
        )

        def found(cost: int) -> None:
            if monitor is not None:
                monitor.report("search", objective=cost, bound=bound)

        def done() -> bool:
            return stopped() or search.cost - bound <= limits.relative_gap * search.cost

        found(search.cost)
        search.run(done, found, self._executor)
        best = [int(value) for value in search.values]
        outcome: Outcome = "optimal" if search.cost <= bound else "feasible"
        return BackendResult(outcome, best, search.cost, min(bound, search.cost), prices)

    def _first(
        self,
        blocks: Blocks,
        generated: Generated,
        near: Neighbourhoods,
        limits: SolverLimits,
        until: float,
        stopped: Callable[[], bool],
    ) -> Ints | None:
        for base, part in first_parts(blocks, generated, near):
            seconds = until - time.monotonic()
            if stopped() or seconds <= 0:
                return None
            seconds = min(seconds, max(3.0, 0.1 * limits.seconds))
            asked = replace(limits, seconds=seconds, relative_gap=START_GAP, effort=START_EFFORT)
            small = len(part.model.variables) <= SMALL
            result = solve_part(part.model, asked, None, "cpsat" if small else "highs")
            logger.debug("first plan: %d variables, %s", len(part.model.variables), result.outcome)
            if result.values is not None:
                values = base + part.moved(result.values, base)
                if is_solution(blocks.matrix, values):
                    return values
        return None


def as_prices(blocks: Blocks, generated: Generated) -> Prices:
    """The prices as exact rationals."""
    pairs = zip(blocks.links.tolist(), generated.prices.tolist(), strict=True)
    return Prices({row: round(price * DENOMINATOR) for row, price in pairs if price}, DENOMINATOR)
