"""The budget frontier: every cost at which more is served, up to full service, each with its plan."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.caps import Cap, with_cap
from gpufleet.edits.changes import with_fields
from gpufleet.edits.relaxed import relaxations, with_relaxed
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.units import HOURS_PER_DAY, INT64_MAX, MICRO_USD_PER_USD, exact
from gpufleet.whatif.program import Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.edits.relaxed import Relaxation
    from gpufleet.optimize.choice import Approach
    from gpufleet.optimize.frontier import Point
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


@dataclass(frozen=True)
class FrontierPoint:
    """One breakpoint: from this budget on, this is the best that the money buys."""

    at: float
    """On the axis of the frontier, e.g. USD per day, rounded up to a millionth."""
    plan: Plan
    question: ResolvedInstance
    """The instance with this budget, which the plan was verified against."""
    full: bool
    """Is everything served, at the requirements as they stand?"""
    proven: bool
    """Is the point exact: no smaller budget serves as much, and none of this size serves more?"""
    at_bound: float
    """Proven: a smaller budget than this serves no better than the point before."""
    relaxed: tuple[Relaxation, ...] = ()
    """Requirements that it keeps only as relaxed."""

    @property
    def unserved(self) -> tuple[float, ...]:
        """What stays unserved by priority, as in the certificate."""
        service = self.plan.certificate.service if self.plan.certificate else ()
        return tuple(level.unserved for level in service)


@dataclass(frozen=True)
class Frontier:
    """A staircase of points, the cheapest first."""

    axis: str
    """What was varied, e.g. `usd_per_day`."""
    points: tuple[FrontierPoint, ...]
    complete: bool
    """Was it followed to its end: to full service, or to the highest budget asked for?"""
    step: float
    """Improvements of a priority by less than this share of it were not looked for; 0 = every single one was."""
    solves: int
    """Integer programs solved."""
    seconds: float
    reason: str | None = None
    """Why it is not complete."""

    @property
    def proven(self) -> bool:
        """Are all its points exact?"""
        return all(point.proven for point in self.points)


def budget_frontier(
    resolved: ResolvedInstance,
    cap: str = "usd_per_day",
    *,
    start: float = 0.0,
    stop: float | None = None,
    step: float = 0.0,
    time_limit_s: float = 60.0,
    approach: Approach | None = None,
) -> Frontier:
    """Every budget between `start` and `stop` at which something more is served, each with its verified plan.

    `cap` is a field of `budgets` (`usd_per_day`, `sites.NAME.capex_usd`, ...); the instance's own value of it is set
    aside, all other rules hold. Below full service, as little as possible stays unserved, by priority and then by
    weight or value, and only then the cost is minimised; requirements are relaxed as far as the instance permits.
    `step` (a share of each priority, 0 to 1) leaves out smaller improvements; every point found is exact all the same.
    `time_limit_s` holds for each integer program.

    Raises InputError when the instance has no such site, workload or stage; ValueError for a cap that does not exist.
    """
    began = time.monotonic()
    climb = Climb(resolved, Cap.parse(cap), SolverLimits(time_limit_s), approach, step)
    points = tuple(climb.points(start, stop))
    return Frontier(cap, points, climb.reason is None, step, climb.solves, time.monotonic() - began, climb.reason)


@dataclass
class Climb:
    """From budget to budget: partial service at relaxed requirements first, then full service as required."""

    resolved: ResolvedInstance
    cap: Cap
    limits: SolverLimits
    approach: Approach | None = None
    step: float = 0.0
    reason: str | None = field(default=None, init=False)
    """Why the end was not reached."""

    def __post_init__(self) -> None:
        candidates = build_candidates(self.resolved)
        free = with_cap(self.resolved, self.cap, None)
        loose = with_relaxed(free)
        known = candidates if loose is free else build_candidates(loose)
        at = {"approach": self.approach, "step": self.step}
        self.strict = Program.of_cap(free, candidates, self.cap, self.limits, partial=False, **at)  # type: ignore[arg-type]
        self.partial = Program.of_cap(loose, known, self.cap, self.limits, partial=True, **at)  # type: ignore[arg-type]
        self.as_required = (
            self.partial
            if loose is free
            else Program.of_cap(free, candidates, self.cap, self.limits, partial=True, **at)  # type: ignore[arg-type]
        )
        self._first: Point | None = None
        self._looked = False

    @property
    def solves(self) -> int:
        """Integer programs solved."""
        programs = {id(program): program for program in (self.strict, self.partial, self.as_required)}
        return sum(program.staircase.solves for program in programs.values())

    @property
    def unit(self) -> Fraction:
        """What one unit of the axis (a micro-dollar over the horizon) is of the cap's field."""
        days = self.resolved.instance.hours / HOURS_PER_DAY
        return Fraction(1, MICRO_USD_PER_USD) / (days if self.cap.field == "usd_per_day" else 1)

    @property
    def full(self) -> Point | None:
        """The cheapest full service at the requirements as they stand; None where there is none."""
        if not self._looked:
            self._first, self._looked = self.strict.staircase.best_axis(), True
            if self._first is None and not self.strict.staircase.settled:
                self.reason = "full service: no plan within the time limit, and no proof that there is none"
        return self._first

    def units(self, value: float) -> int:
        """A budget in units of the axis, rounded down."""
        return min(math.floor(exact(value) / self.unit), INT64_MAX)

    def points(self, start: float, stop: float | None) -> Iterator[FrontierPoint]:
        """Every breakpoint with a budget between `start` and `stop`; at `start` itself, what it buys."""
        low, high = self.units(start), None if stop is None else self.units(stop)
        full = self.full
        if full is None or low < full.axis:
            below = min((edge for edge in (full.axis if full else None, high + 1 if high else None) if edge), default=None)
            first = self.partial.staircase.best(low)
            if first is not None:
                yield self.point(self.partial, first)
                for found in self.partial.staircase.steps(first, below):
                    yield self.point(self.partial, found)
            self._note(self.partial)
        if full is None or (high is not None and full.axis > high):
            return
        found = full if low <= full.axis else self.strict.staircase.best(low)
        assert found is not None
        yield self.point(self.strict, found)
        for later in self.strict.staircase.steps(found, None if high is None else high + 1):
            yield self.point(self.strict, later)
        self._note(self.strict)

    def point(self, program: Program, point: Point, question: ResolvedInstance | None = None) -> FrontierPoint:
        """A point with its plan; at the requirements as they stand where that serves as much for as much money."""
        if program is self.partial and self.partial is not self.as_required:
            values = self.as_required.staircase.reaches(point)
            if values is not None:
                program, point = self.as_required, point.of(self.as_required.staircase, values)
        asked = self.question(program, point) if question is None else question
        plan = program.plan(point, asked)
        at = point.axis * self.unit
        return FrontierPoint(
            at=_up(at),
            plan=plan,
            question=asked,
            full=program is self.strict or (program is self.as_required and not any(point.goals[: len(program.levels)])),
            proven=point.proven,
            at_bound=_up(point.axis_bound * self.unit),
            relaxed=relaxations(self.resolved, plan) if program is self.partial else (),
        )

    def question(self, program: Program, point: Point) -> ResolvedInstance:
        """The instance that asks for just this point: over the horizon, a budget in whole micro-dollars is exact."""
        exactly = Cap("horizon_usd", self.cap.part, self.cap.name) if self.cap.field == "usd_per_day" else self.cap
        asked = with_cap(with_cap(program.resolved, self.cap, None), exactly, point.axis / MICRO_USD_PER_USD)
        return with_fields(asked, allow_unserved=bool(program.levels))

    def _note(self, program: Program) -> None:
        if not program.staircase.settled and self.reason is None:
            self.reason = "the time limit ended the search for the next point"


def _up(value: Fraction) -> float:
    return math.ceil(value * MICRO_USD_PER_USD) / MICRO_USD_PER_USD
