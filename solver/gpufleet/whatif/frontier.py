"""The budget frontier: every cost at which more is served, up to full service, each with its plan."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.caps import Cap, with_cap
from gpufleet.edits.relaxed import relaxations, with_relaxed
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.units import HOURS_PER_DAY, INT64_MAX, MICRO_USD_PER_USD, exact
from gpufleet.whatif.program import Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.candidates.option import Candidates
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
    whole: bool
    """Were workloads only served as a whole or not at all?"""
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
    whole: bool = False,
    time_limit_s: float = 60.0,
    approach: Approach | None = None,
) -> Frontier:
    """Every budget between `start` and `stop` at which something more is served, each with its verified plan.

    `cap` is a field of `budgets` (`usd_per_day`, `sites.NAME.capex_usd`, ...); the instance's own value of it is set
    aside, all other rules hold. Below full service, as little as possible stays unserved, by priority and then by
    weight or value, and only then the cost is minimised; requirements are relaxed as far as the instance permits.
    `step` (a share of each priority, 0 to 1) leaves out smaller improvements; every point found is exact all the same.
    With `whole`, every workload is served as a whole or not at all: a coarser question, for large estates.
    `time_limit_s` holds for each integer program.

    Raises InputError when the instance has no such site, workload or stage; ValueError for a cap that does not exist.
    """
    began = time.monotonic()
    climb = Climb(resolved, Cap.parse(cap), SolverLimits(time_limit_s), approach, step, whole)
    points = tuple(climb.points(start, stop))
    seconds = time.monotonic() - began
    return Frontier(cap, points, climb.reason is None, step, whole, climb.solves, seconds, climb.reason)


@dataclass
class Climb:
    """From budget to budget: partial service at relaxed requirements first, then full service as required."""

    resolved: ResolvedInstance
    cap: Cap
    limits: SolverLimits
    approach: Approach | None = None
    step: float = 0.0
    whole: bool = False
    """Are workloads served as a whole or not at all?"""
    reason: str | None = field(default=None, init=False)
    """Why the end was not reached."""

    def __post_init__(self) -> None:
        candidates = build_candidates(self.resolved)
        free = with_cap(self.resolved, self.cap, None)
        loose = with_relaxed(free)
        known = candidates if loose is free else build_candidates(loose)
        self.strict = self._program(free, candidates, partial=False)
        self.partial = self._program(loose, known, partial=True)
        self.as_required = self.partial if loose is free else self._program(free, candidates, partial=True)
        self._first: Point | None = None
        self._looked = False

    def _program(self, resolved: ResolvedInstance, candidates: Candidates, *, partial: bool) -> Program:
        return Program.of_cap(
            resolved,
            candidates,
            self.cap,
            self.limits,
            partial=partial,
            approach=self.approach,
            step=self.step,
            whole=self.whole,
        )

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
        low, high = self.units(start), INT64_MAX if stop is None else self.units(stop)
        full = self.full
        edge = high + 1 if full is None else min(full.axis, high + 1)
        if low < edge:
            yield from self._from(self.partial, self.partial.staircase.best(low), edge)
        if full is not None and full.axis <= high:
            first = full if low <= full.axis else self.strict.staircase.best(low)
            yield from self._from(self.strict, first, high + 1)

    def _from(self, program: Program, first: Point | None, below: int) -> Iterator[FrontierPoint]:
        """The points of one program from the first on, with less than `below` on the axis."""
        if first is not None:
            yield self.point(program, first)
            for found in program.staircase.steps(first, min(below, INT64_MAX)):
                yield self.point(program, found)
        if not program.staircase.settled and self.reason is None:
            self.reason = "the time limit ended the search for the next point"

    def point(self, program: Program, point: Point, budget: float | None = None) -> FrontierPoint:
        """A point with its plan; at the requirements as they stand where that serves as much for as much money.

        The question that the plan answers has a budget of so much, or of just what the point takes.
        """
        if program is self.partial and self.partial is not self.as_required:
            values = self.as_required.staircase.reaches(point)
            if values is not None:
                program, point = self.as_required, point.of(self.as_required.staircase, values)
        asked = self._just_this(program, point) if budget is None else with_cap(program.resolved, self.cap, budget)
        plan = program.plan(point, asked)
        return FrontierPoint(
            at=self.value(point.axis),
            plan=plan,
            question=asked,
            full=program is self.strict or (program is self.as_required and not plan.unserved),
            proven=point.proven,
            at_bound=self.value(point.axis_bound),
            relaxed=relaxations(self.resolved, plan) if program is self.partial else (),
        )

    def _just_this(self, program: Program, point: Point) -> ResolvedInstance:
        """The instance that asks for just this point: over the horizon, a budget in whole micro-dollars is exact."""
        exactly = Cap("horizon_usd", self.cap.part, self.cap.name) if self.cap.field == "usd_per_day" else self.cap
        return with_cap(with_cap(program.resolved, self.cap, None), exactly, point.axis / MICRO_USD_PER_USD)

    def value(self, units: int) -> float:
        """Units of the axis in the unit of the cap, rounded up to a millionth."""
        return math.ceil(units * self.unit * MICRO_USD_PER_USD) / MICRO_USD_PER_USD
