"""Routed services, as a back end: cuts and prices, a plan on the few best options, the proof on what prices leave."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.interruption import Stopped, look
from gpufleet.optimize.backends.interface import BackendResult
from gpufleet.optimize.backends.mathopt_highs import MathOptHighs
from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.backends.scaled_rows import return_to_grid
from gpufleet.optimize.bounds.carriers import carriers_of
from gpufleet.optimize.bounds.matrix import matrix_of
from gpufleet.optimize.formulation.linear_model import CUT
from gpufleet.optimize.monitor import Monitor
from gpufleet.optimize.reduction import without_fixed
from gpufleet.optimize.routed.fixing import force
from gpufleet.optimize.routed.relaxation import Relaxation, empty_rows_hold, row_prices
from gpufleet.optimize.routed.spare import without_spare
from gpufleet.optimize.routed.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gpufleet.optimize.backends.interface import Outcome, SolverLimits
    from gpufleet.optimize.bounds.lagrangian import Prices
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.reduction import Reduced
    from gpufleet.optimize.routed.fixing import Forced

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

logger = logging.getLogger(__name__)

FEW = 25
"""Options for the first plan: the cheapest by prices."""
FIRST_WORK, PROOF_WORK = 600_000, 4_000_000
"""Linear programs times variables that the tree may take: for the first plan, for the proof."""
TREE_COLUMNS = 1_500
"""Variables up to which the tree tries the proof; beyond it HiGHS (measured)."""
MANY = 20
"""Replicas of an option, on average over those in the relaxation, from which HiGHS has the model as it is, after or
beside a plan on the few: a part of a replica more or less then matters little, and what rounding costs lies between
options, where capacity cuts do not see it (measured: `joint-20x20x20`)."""
SHARE = 0.25
"""Share of the time for the relaxation."""
WIDE = 20_000
"""Variables left beyond which HiGHS looks for better plans on some of the options, the cheapest by prices: on all of
them it finds no good one in a minute and a half (measured: `routed-60x4000`)."""
SOME = ((150, 0.25), (300, 1.0))
"""How many, and the part of the time that is left for each. The first ones are looked at without the plan that the few
gave, 7 % above the bound, from which HiGHS found worse ones than from nothing (measured)."""
MORE = 500
"""Options on which a second worker looks for plans meanwhile."""


class Routed:
    """Capacity cuts, fixing by prices, and branch and bound."""

    name = "routed"

    def version(self) -> str:
        """The solvers inside, with their versions."""
        return f"{backend('highs').version()}, capacity cuts and prices"

    def solve(
        self,
        model: LinearModel,
        limits: SolverLimits,
        hint: list[int] | None = None,
        monitor: Monitor | None = None,
    ) -> BackendResult:
        """Minimise the model's objective, from `hint` if that is a solution."""
        return _Run(model, limits, hint, monitor or Monitor(), watched=monitor is not None).result()


@dataclass
class _Run:
    """One solve: what is known so far."""

    model: LinearModel
    limits: SolverLimits
    hint: list[int] | None
    monitor: Monitor
    watched: bool
    values: list[int] | None = None
    cost: int | None = None
    bound: int = 0
    prices: Prices | None = None
    started: float = field(default_factory=time.monotonic)
    taking: threading.Lock = field(default_factory=threading.Lock)
    """Two workers may find a plan at once."""

    def __post_init__(self) -> None:
        self.until = self.started + self.limits.seconds
        self.matrix = matrix_of(self.model)
        self.carriers = carriers_of(self.matrix)
        self.relaxation = Relaxation(self.matrix, self.carriers)

    def result(self) -> BackendResult:
        """Relaxation, first plan, fixing, proof; what is known when it is stopped."""
        try:
            return self._result()
        except Stopped:
            return self._ended()

    def _result(self) -> BackendResult:
        if self.hint is not None and not self.model.violated(self.hint):
            self._take(self.hint)
        everything = np.ones(len(self.matrix.cost), np.bool_)
        plain = self.relaxation.solve(everything, SHARE * self.limits.seconds)
        if plain is None or not len(self.carriers.count):
            return self._by_highs(everything)
        self.prices = row_prices(plain, self.matrix)
        used = plain.values[np.unique(self.carriers.count)]
        if used.sum() > MANY * (used > 1e-6).sum():
            return self._many_replicas(everything, plain.prices)
        forced = self._raise_bound(everything, plain.prices)
        self._first_plan(forced)
        if self._is_enough():
            return self._ended()
        left = everything if self.cost is None else self._left(forced, self.cost)
        if left.sum() > WIDE:
            left = self._better_plans(forced)
        if self.cost is not None and left.sum() > TREE_COLUMNS:
            left = self._left_again(left, self.cost)
        logger.debug("%d of %d variables left, %d cuts", left.sum(), len(left), len(self.relaxation.cuts))
        if self.cost is not None and left.sum() <= TREE_COLUMNS and self._grow(left, PROOF_WORK):
            self.bound = self.cost
            return self._ended()
        return self._by_highs(left)

    def _raise_bound(self, everything: Bools, prices: Floats) -> Forced:
        """Cuts over the options that are cheapest at plain prices, then over all."""
        until = self.started + SHARE * self.limits.seconds
        look()
        forced = force(self.matrix, self.carriers, prices)
        self.relaxation.tighten(self._cheapest(forced, 4 * FEW), until, self._stopped)
        found = self.relaxation.solve(everything, max(until - time.monotonic(), 0.1))
        if found is not None:
            self.relaxation.drop_slack(found.prices)
            look()
            better = force(self.matrix, self.carriers, found.prices)
            if better.bound > forced.bound:
                forced, self.prices = better, row_prices(found, self.matrix)
        self.bound = max(self.bound, forced.cost_bound)
        self.monitor.report(self.monitor.phase, bound=self.bound)
        return forced

    def _cheapest(self, forced: Forced, number: int) -> Bools:
        """Variables without all options but the cheapest by prices."""
        out = np.ones(len(self.carriers.count), np.bool_)
        out[np.argsort(forced.extra.astype(np.float64), kind="stable")[:number]] = False
        return self._without(out)

    def _left(self, forced: Forced, ceiling: int) -> Bools:
        """Variables that a plan cheaper than `ceiling` can use."""
        return self._without(forced.excluded(ceiling))

    def _left_again(self, left: Bools, ceiling: int) -> Bools:
        """The same, with the cuts and prices of what is left alone."""
        found = self.relaxation.tighten(left, self.started + SHARE * self.limits.seconds, self._stopped)
        if found is None:
            return left
        self.relaxation.drop_slack(found.prices)
        look()
        forced = force(self.matrix, self.carriers, found.prices, left)
        self.bound = max(self.bound, min(forced.cost_bound, ceiling))
        return left & self._left(forced, ceiling)

    def _without(self, out: Bools) -> Bools:
        """Variables without those of the carriers that are out, and what nobody needs then."""
        free = np.ones(len(self.matrix.cost), np.bool_)
        gone = np.isin(self.carriers.count, self.carriers.count[out])
        free[self.carriers.count[gone]] = False
        free[self.carriers.share[np.repeat(gone, np.diff(self.carriers.start))]] = False
        return without_spare(self.matrix, free)

    def _first_plan(self, forced: Forced) -> None:
        self._grow(self._cheapest(forced, FEW), FIRST_WORK)

    def _better_plans(self, forced: Forced) -> Bools:
        """Plans from HiGHS on some of the options; its bounds say nothing of the others. What is left then."""
        left, more = np.ones(len(self.matrix.cost), np.bool_), self._cheapest(forced, MORE)
        with ExitStack() as stack:
            stop = threading.Event()
            if self.limits.workers > 1 and self._can_leave_out(more):
                stack.enter_context(self._beside(more, stop))
            for start, (number, part) in enumerate(SOME):
                free = self._cheapest(forced, number)
                if self._stopped() or not self._can_leave_out(free):
                    break
                limits = replace(self._rest(), seconds=part * self._rest().seconds)
                self._take_from_highs(free, limits, self._quiet(), begins=start > 0)
                left = left if self.cost is None else self._left(forced, self.cost)
                if left.sum() <= WIDE:
                    stop.set()
                    break
        return left

    def _many_replicas(self, everything: Bools, prices: Floats) -> BackendResult:
        """A plan from HiGHS on the few options that are cheapest by prices, the proof on all."""
        few = self._cheapest(self._raise_bound(everything, prices), FEW)
        self.relaxation.cuts.clear()  # HiGHS is quicker without them here (measured)
        if self._stopped() or not self._can_leave_out(few):
            return self._by_highs(everything)
        if self.limits.workers == 1:
            self._take_from_highs(few, replace(self._rest(), seconds=SHARE * self._rest().seconds), self._quiet())
            return self._ended() if self._is_enough() else self._by_highs(everything, begins=False)
        stop = threading.Event()
        with self._beside(few, stop):
            found = self._by_highs(everything, begins=False)
            if found.outcome == "infeasible" or self._is_enough():
                stop.set()
        return found if found.outcome == "infeasible" else self._ended()

    @contextmanager
    def _beside(self, free: Bools, stop: threading.Event) -> Iterator[None]:
        """While the block runs, and on until it is asked to stop, a second worker has HiGHS look for plans in these
        variables."""
        small = self._reduced(free)

        def look_for_plans() -> None:
            values = MathOptHighs().solve(small.model, self._rest(), None, Monitor(None, stop)).values
            if values is not None:
                self._take(small.restored(values))

        with ThreadPoolExecutor(1) as worker, self.monitor.watching(stop.set):
            asked = worker.submit(look_for_plans)
            try:
                yield
            finally:
                asked.result()

    def _can_leave_out(self, free: Bools) -> bool:
        """Can all variables that are not free be 0?"""
        return not self.matrix.lower[~free].any() and empty_rows_hold(self.matrix, free)

    def _grow(self, free: Bools, work: int) -> bool:
        """Let a tree grow over these variables; True when it has come to its end, and its plan holds exactly."""
        if self.matrix.lower[~free].any():
            return False
        look()
        tree = Tree(self.relaxation, free, self.cost, self.matrix.unit)
        grown = tree.grow(work // max(len(tree.columns), 1), self.until, self._stopped)
        logger.debug("%d linear programs, finished: %s", tree.programs, grown.finished)
        if grown.values is None:
            return grown.finished
        values = return_to_grid(self.model, grown.values.tolist(), backend("cpsat"), self._rest(), self._quiet())
        if values is None:
            return False
        self._take(values)
        return grown.finished and self.cost is not None

    def _take(self, values: list[int]) -> None:
        """Keep a plan if it holds in whole numbers and is the best so far."""
        if self.model.violated(values):
            return
        cost = self.model.value(self.model.objective, values)
        with self.taking:
            if self.cost is None or cost < self.cost:
                self.values, self.cost = values, cost
                self.monitor.report(self.monitor.phase, objective=cost)

    def _by_highs(self, left: Bools, *, begins: bool = True) -> BackendResult:
        """What is left, with the cuts, in HiGHS."""
        if self._stopped() or time.monotonic() >= self.until:
            return self._ended()
        if not empty_rows_hold(self.matrix, left):  # without those variables there is no plan
            return self._proven_by_exclusion()
        found = self._take_from_highs(left, self._rest(), self.monitor if self.watched else None, begins=begins)
        if found.outcome == "infeasible":
            return self._proven_by_exclusion()
        # what is not left costs at least as much as the plan that was known when it was ruled out
        self.bound = max(self.bound, found.bound or 0)
        return self._ended()

    def _take_from_highs(
        self, free: Bools, limits: SolverLimits, monitor: Monitor | None, *, begins: bool = True
    ) -> BackendResult:
        """What HiGHS says of the model in the free variables alone; its plan is kept. `begins`: from the best."""
        small = self._reduced(free)
        best = self.values if begins else None
        hint = None
        if best is not None and not any(best[index] for index in small.fixed):
            hint = [best[index] for index in small.kept]
        found = MathOptHighs(starts_at_hint=True).solve(small.model, limits, hint, monitor)
        if found.values is not None:
            self._take(small.restored(found.values))
        return found

    def _reduced(self, free: Bools) -> Reduced:
        """The model in the free variables alone, with the cuts."""
        small = without_fixed(self.model, dict.fromkeys(np.flatnonzero(~free).tolist(), 0))
        for number, cut in enumerate(self.relaxation.cuts):
            terms = [(small.kept[index], value) for index, value in cut.terms if index in small.kept]
            small.model.add_row(CUT, f"{CUT}_{number}", terms, upper=cut.upper)
        return small

    def _proven_by_exclusion(self) -> BackendResult:
        """Nothing else is left: the plan that is known is optimal, and without one there is none."""
        if self.cost is None:
            return BackendResult("infeasible", None, None, None)
        self.bound = self.cost
        return self._ended()

    def _rest(self) -> SolverLimits:
        return replace(self.limits, seconds=max(self.until - time.monotonic(), 0.01))

    def _quiet(self) -> Monitor | None:
        """For steps whose figures mean nothing outside."""
        return self.monitor.quiet() if self.watched else None

    def _stopped(self) -> bool:
        return self.monitor.stopped

    def _is_enough(self) -> bool:
        if self.cost is None:
            return False
        return self.cost - self.bound <= self.limits.relative_gap * self.cost

    def _ended(self) -> BackendResult:
        if self.values is None or self.cost is None:
            return BackendResult("unknown", None, None, self.bound, self.prices)
        bound = min(self.bound, self.cost)
        outcome: Outcome = "optimal" if bound == self.cost else "feasible"
        return BackendResult(outcome, self.values, self.cost, bound, self.prices)
