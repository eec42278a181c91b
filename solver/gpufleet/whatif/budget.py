"""What each of a series of budgets buys: full service at least cost, and below its cost the best that there is."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from gpufleet.edits.caps import Cap, with_cap
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.solving import solve_candidates
from gpufleet.whatif.frontier import Climb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.edits.relaxed import Relaxation
    from gpufleet.optimize.frontier import Point
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.program import Program

MOST_POINTS = 1000


@dataclass(frozen=True)
class BudgetSweep:
    """Which cap is moved, and through which values."""

    cap: str
    values: tuple[float, ...]

    @classmethod
    def parse(cls, text: str) -> BudgetSweep:
        """From `CAP=FROM:TO:STEP`, both ends included.

        Raises ValueError with a message for the user.

        >>> BudgetSweep.parse("usd_per_day=200:300:50").values
        (200.0, 250.0, 300.0)
        """
        cap, _, span = text.rpartition("=")
        Cap.parse(cap)
        try:
            start, stop, step = (Decimal(part) for part in span.split(":"))
        except (ValueError, InvalidOperation):
            raise ValueError(f"{span!r} is no range; write FROM:TO:STEP, as in {cap}=200:600:25") from None
        if not (start.is_finite() and stop.is_finite() and step.is_finite()) or start < 0 or stop < start or step <= 0:
            raise ValueError(
                f"{span!r} is no range; FROM must not be above TO, nor negative, and STEP must be positive"
            )
        count = int((stop - start) / step) + 1
        if count > MOST_POINTS:
            raise ValueError(f"{span!r} has {count:,} points; at most {MOST_POINTS:,} are solved in one sweep")
        return cls(cap, tuple(float(start + index * step) for index in range(count)))


@dataclass(frozen=True)
class NextStep:
    """The next breakpoint of the frontier above a budget."""

    at: float
    """The smallest budget that buys more, in the unit of the cap."""
    extra_usd: float
    """What it takes more than the step that the budget stands on, USD (over the horizon, or in purchase prices)."""
    gains: tuple[tuple[int, float], ...]
    """(priority, how much less of it stays unserved), the highest first; negative where a lower one gives way."""
    full: bool
    """Is everything served then, at the requirements as they stand?"""
    proven: bool
    """Is it proven that less money brings nothing?"""

    @property
    def per_usd(self) -> float | None:
        """What the next dollar is worth: what the highest priority that gains, gains per USD; None where only cost or
        relaxed requirements change."""
        gain = next((gain for _, gain in self.gains if gain > 0), None)
        return None if gain is None else gain / self.extra_usd


@dataclass(frozen=True)
class BudgetPoint:
    """One budget and what it buys."""

    cap: float
    plan: Plan
    full: bool = True
    """Is everything served, at the requirements as they stand?"""
    relaxed: tuple[Relaxation, ...] = ()
    """Requirements that are kept only as relaxed."""
    next: NextStep | None = None
    """What more money brings; None where it brings nothing (or where the time limit hid it)."""


def sweep_budget(
    resolved: ResolvedInstance, sweep: BudgetSweep, time_limit_s: float = 60.0, *, partial: bool = True
) -> Iterator[BudgetPoint]:
    """What every budget buys, from the lowest to the highest; `time_limit_s` holds for each integer program.

    Where a budget cannot pay for full service, as little as possible stays unserved, by priority and then by weight or
    value, whether the instance says `allow_unserved` or not, and requirements are relaxed as far as it permits. Without
    `partial` such budgets are infeasible. Candidates do not depend on budgets and are enumerated once, as the integer
    programs are built once.

    Raises InputError when the instance has no such site, workload or stage.
    """
    return _Sweep(resolved, Cap.parse(sweep.cap), time_limit_s, partial).run(sweep.values)


class _Sweep:
    """The step of the frontier that the present budget stands on."""

    def __init__(self, resolved: ResolvedInstance, cap: Cap, time_limit_s: float, partial: bool) -> None:
        self.climb = Climb(resolved, cap, SolverLimits(time_limit_s))
        self.allowed = partial
        self.program: Program = self.climb.strict
        self.here: Point | None = None
        self.after: Point | None = None
        self.after_program: Program = self.climb.strict

    def run(self, values: tuple[float, ...]) -> Iterator[BudgetPoint]:
        for value in values:
            budget = self.climb.units(value)
            if self.here is None or self.after is None or self.after.axis <= budget:
                self._step_to(budget)
            yield self._point(value)

    def _step_to(self, budget: int) -> None:
        """Find the step of a budget, and the one after it."""
        climb = self.climb
        full = climb.full
        is_full = full is not None and full.axis <= budget
        self.program = climb.strict if is_full else climb.partial
        if not is_full and not self.allowed:
            self.here = self.after = None
            return
        if is_full and self.program.is_cost:
            self.here, self.after = full, None
            return
        self.here = self.program.staircase.best(budget)
        if self.here is None:
            self.after = None
            return
        below = full.axis if full is not None and not is_full else None
        self.after, self.after_program = self.program.staircase.after(self.here, below), self.program
        if self.after is None and not is_full and self.program.staircase.settled:
            self.after, self.after_program = full, climb.strict

    def _point(self, value: float) -> BudgetPoint:
        if self.here is None:
            return BudgetPoint(value, self._nothing(value), full=False)
        found = self.climb.point(self.program, self.here, value)
        return BudgetPoint(value, found.plan, found.full, found.relaxed, self._next())

    def _nothing(self, value: float) -> Plan:
        """Why there is no plan, in the words of a solve."""
        program = self.climb.partial if self.allowed else self.climb.strict
        question = with_cap(program.resolved, self.climb.cap, value)
        return solve_candidates(question, program.candidates, self.climb.limits)

    def _next(self) -> NextStep | None:
        if self.here is None or self.after is None:
            return None
        levels = self.program.problem.service
        reached = [*self.after.goals[: len(self.after_program.levels)], *([0] * len(levels))]
        gains = tuple(
            (level.priority, float((before - later) * level.unit))
            for level, before, later in zip(levels, self.here.goals, reached, strict=False)
            if before != later
        )
        spent = self.after.axis - self.here.axis
        return NextStep(
            at=self.climb.value(self.after.axis),
            extra_usd=spent / 1e6,
            gains=gains,
            full=self.after_program is self.climb.strict,
            proven=self.after.proven,
        )
