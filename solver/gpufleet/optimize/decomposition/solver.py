"""The decomposition engine, as a back end: prices by column generation, a first plan, a search around it.

Small models are also given to another solver as a whole, beside the search where there are several workers, after it
otherwise: it can raise the bound above that of the prices.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.interruption import Stopped, look
from gpufleet.optimize.backends.interface import BackendResult
from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.bounds.lagrangian import Prices, lower_bound
from gpufleet.optimize.bounds.matrix import matrix_of
from gpufleet.optimize.decomposition.blocks import Blocks
from gpufleet.optimize.decomposition.generation import generate
from gpufleet.optimize.decomposition.incumbent import cost_of, is_solution
from gpufleet.optimize.decomposition.neighbourhoods import Neighbourhoods
from gpufleet.optimize.decomposition.search import Search
from gpufleet.optimize.decomposition.start import first_parts
from gpufleet.optimize.decomposition.tasks import solve_part, stopping
from gpufleet.optimize.executors import steady
from gpufleet.optimize.monitor import Monitor

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from gpufleet.optimize.backends.interface import Backend, Outcome, SolverLimits
    from gpufleet.optimize.bounds.matrix import Matrix
    from gpufleet.optimize.decomposition.generation import Generated
    from gpufleet.optimize.decomposition.parts import Part
    from gpufleet.optimize.formulation.linear_model import LinearModel

    Ints = NDArray[np.int64]

logger = logging.getLogger(__name__)

GENERATION_SHARE = 0.5
"""Share of the time that column generation may take."""
START_EFFORT = 4.0
"""Deterministic time for each attempt at a first plan with CP-SAT."""
START_GAP = 1e-4
"""Relative gap at which an attempt is good enough: the search goes on from there."""
SMALL = 100
"""Variables up to which CP-SAT makes the first plan; beyond it HiGHS, whose heuristics find better ones (measured)."""
WHOLE_LIMIT = 2_500
"""Variables up to which another solver also works on the model as a whole."""
TINY = 300
"""Variables up to which that is CP-SAT; beyond it HiGHS."""
IDLE_S, TINY_IDLE_S = 5.0, 0.2
"""Seconds without anything better after which the other solver has its turn, where it has to wait."""
SEARCH_SHARE = 0.35
"""Share of the time for the search, where the other solver has to wait for it."""


class Decomposition:
    """Column generation and neighbourhood search."""

    name = "decomposition"

    def __init__(self, executor: Executor | None = None) -> None:
        self._executor = executor

    def version(self) -> str:
        """The solvers inside, with their versions."""
        return f"{backend('cpsat').version()} and HiGHS, column generation"

    def solve(
        self,
        model: LinearModel,
        limits: SolverLimits,
        hint: list[int] | None = None,
        monitor: Monitor | None = None,
    ) -> BackendResult:
        """Minimise the model's objective, from `hint` if that is a solution."""
        monitor = monitor or Monitor()
        with (
            steady(self._executor, limits.workers) as executor,
            stopping() as (stop, event),
            monitor.watching(event.set),
        ):
            return _Run(model, limits, hint, monitor, executor, stop).result()


def prices_of(matrix: Matrix, seconds: float) -> Prices | None:
    """Prices that prove a good bound; None when none were found in time."""
    blocks = Blocks(matrix)
    generated = generate(blocks, time.monotonic() + seconds, lambda _bound, _columns: None, lambda: False)
    return None if generated is None else _as_prices(blocks, generated)


def _as_prices(blocks: Blocks, generated: Generated) -> Prices:
    """The prices as exact rationals."""
    return Prices.rounded(zip(blocks.links.tolist(), generated.prices.tolist(), strict=True))


@dataclass
class _Run:
    """One solve: what is known so far."""

    model: LinearModel
    limits: SolverLimits
    hint: list[int] | None
    monitor: Monitor
    executor: Executor
    stop: str
    """Name of what stops its tasks."""
    bound: int = 0
    prices: Prices | None = None
    price_bound: int | None = None
    best: Ints | None = None
    started: float = field(default_factory=time.monotonic)
    phase: str = ""
    impossible: bool = False
    """The whole model was shown to have no solution."""

    def __post_init__(self) -> None:
        self.phase = self.monitor.phase
        self.until = self.started + self.limits.seconds
        self.blocks = Blocks(matrix_of(self.model), self.executor if self.limits.workers > 1 else None)

    def result(self) -> BackendResult:
        """Prices, first plan, search, and the whole model if it is small; what is known when it is stopped."""
        try:
            return self._result()
        except Stopped:
            return self._known()

    def _known(self) -> BackendResult:
        """The best plan so far, beside bound and prices."""
        proven, price_bound = self.bound, self.price_bound
        if self.best is None:
            return BackendResult("unknown", None, None, proven, self.prices, price_bound)
        cost = cost_of(self.blocks.matrix, self.best)
        outcome: Outcome = "optimal" if cost <= proven else "feasible"
        return BackendResult(
            outcome, [int(value) for value in self.best], cost, min(proven, cost), self.prices, price_bound
        )

    def _result(self) -> BackendResult:
        generated = generate(self.blocks, self._at(GENERATION_SHARE), self._priced, lambda: self.monitor.stopped)
        if generated is None:
            return self._without_prices()
        self.prices = _as_prices(self.blocks, generated)
        bound = lower_bound(self.blocks.matrix, self.prices)
        if bound is None:
            return BackendResult("infeasible", None, None, None)
        self.bound = self.price_bound = max(bound, 0)
        look()
        near = Neighbourhoods(self.blocks, generated.prices, generated.dear, np.random.default_rng(self.limits.seed))
        values = self._first(generated, near)
        if values is None:
            if self.impossible:
                return BackendResult("infeasible", None, None, None, self.prices, self.price_bound)
            return self._known()
        self.best = values
        look()
        search = Search(
            self.blocks.matrix,
            near,
            values,
            self.limits,
            self.until,
            float(max(self.bound, 1)),
            lambda: self.monitor.stopped,
            self.stop,
        )
        self._report(search.cost)
        whole = self._searched(search)
        return self._ended(search, whole)

    def _at(self, share: float) -> float:
        """The clock when a share of the time is over."""
        return self.started + share * self.limits.seconds

    def _priced(self, bound: float, columns: int) -> None:
        self.monitor.report(self.phase, bound=max(0, int(bound * (1 - 1e-9))), columns=columns)

    def _report(self, cost: int) -> None:
        self.monitor.report(self.phase, objective=cost, bound=self.bound)

    def _is_close(self, cost: int) -> bool:
        return self.monitor.stopped or cost - self.bound <= self.limits.relative_gap * cost

    def _without_prices(self) -> BackendResult:
        """The relaxation has no solution, or it took too long: another solver says which, if anything does."""
        seconds = self.until - time.monotonic()
        if self.monitor.stopped or seconds <= 0:
            return BackendResult("unknown", None, None, 0)
        return self._other().solve(self.model, replace(self.limits, seconds=seconds), None, self.monitor)

    def _other(self) -> Backend:
        """The solver for the model as a whole."""
        return backend("cpsat" if len(self.model.variables) <= TINY else "highs")

    def _first(self, generated: Generated, near: Neighbourhoods) -> Ints | None:
        """The best of the hint, the rounded master, and the first part around it that has a solution."""
        matrix = self.blocks.matrix
        best = None if self.hint is None else np.array(self.hint, np.int64)
        if best is not None and not is_solution(matrix, best):
            best = None
        for base, part, rough in first_parts(self.blocks, generated, near):
            seconds = self.until - time.monotonic()
            if self.monitor.stopped or seconds <= 0:
                break
            found = self._attempt(part, seconds)
            if found.values is not None:
                values = base + part.moved(found.values, base)
                if is_solution(matrix, values) and (best is None or cost_of(matrix, values) < cost_of(matrix, best)):
                    best = self.best = values
                    self._report(cost_of(matrix, values))
            if best is not None and not rough:
                break
            self.impossible = found.outcome == "infeasible" and len(part.free) == len(matrix.cost)
        return best

    def _attempt(self, part: Part, seconds: float) -> BackendResult:
        """A first plan need not be a good one."""
        small = len(part.model.variables) <= SMALL
        seconds = min(seconds, max(3.0, 0.1 * self.limits.seconds))
        asked = replace(self.limits, seconds=seconds, relative_gap=START_GAP, effort=START_EFFORT)
        found = solve_part(part.model, asked, None, "cpsat" if small else "highs", stop=self.stop)
        logger.debug("first plan: %d variables, %s", len(part.model.variables), found.outcome)
        return found

    def _searched(self, search: Search) -> BackendResult | None:
        """Search, with another solver on the whole model beside or after it; its result, if it was asked."""
        if len(self.model.variables) > WHOLE_LIMIT or self._is_close(search.cost):
            search.run(lambda: self._is_close(search.cost), self._report, self.executor)
            return None
        if self.limits.workers == 1:
            search.until = max(self._at(SEARCH_SHARE), time.monotonic())
            idle = TINY_IDLE_S if len(self.model.variables) <= TINY else IDLE_S
            search.run(lambda: self._is_close(search.cost) or search.idle_s() > idle, self._report, self.executor)
            if self._is_close(search.cost):
                return None
            return self._whole(Monitor(None, None))
        enough = threading.Event()
        search.limits = replace(self.limits, workers=self.limits.workers - 1)
        with ThreadPoolExecutor(1) as beside:
            whole = beside.submit(self._whole, Monitor(None, enough))
            search.run(lambda: self._is_close(search.cost) or whole.done(), self._report, self.executor)
            enough.set()
            return whole.result()

    def _whole(self, monitor: Monitor) -> BackendResult:
        seconds = max(self.until - time.monotonic(), 0.01)
        with self.monitor.watching(monitor.stop):
            return self._other().solve(self.model, replace(self.limits, seconds=seconds, workers=1), None, monitor)

    def _ended(self, search: Search, whole: BackendResult | None) -> BackendResult:
        """The better plan beside the better bound."""
        self.best = search.values
        if whole is not None:
            self.bound = max(self.bound, whole.bound or 0)
            if whole.values is not None and whole.objective is not None and whole.objective < search.cost:
                self.best = np.array(whole.values, np.int64)
        return self._known()
