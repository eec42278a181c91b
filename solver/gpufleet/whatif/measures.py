"""The value of measures: the cheapest plan without one and with it for nothing, and the volume from which it pays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.changes import with_free_measure, with_rates, without_measure
from gpufleet.errors import InputError, InputProblem
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.problem.costs import measure_bill
from gpufleet.problem.horizon import horizon_of
from gpufleet.schema.workloads import Training
from gpufleet.solving import solve_candidates
from gpufleet.units import usd

if TYPE_CHECKING:
    from gpufleet.candidates.option import Candidates
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

LESS: Final = tuple(2.0**power for power in range(-6, 0))
MORE: Final = tuple(2.0**power for power in range(1, 7))
"""Volumes from 1/64 of today's to 64 times today's are looked at."""
CLOSE: Final = 1.02
"""The volume from which a measure pays is found to 2 %."""
SETTLED: Final = frozenset({"optimal", "infeasible"})


@dataclass(frozen=True)
class VolumePoint:
    """The value of measures at one volume."""

    factor: float
    """Rates over today's (training: samples)."""
    without: Plan
    """The cheapest plan that does without them."""
    free: Plan
    """The cheapest plan when they cost nothing."""
    cost_usd: float
    """What they cost over the horizon, at present value, USD."""

    @property
    def value_usd(self) -> float | None:
        """What they save over the horizon, their own cost aside, USD; None where a plan is missing."""
        without, free = cost_of(self.without), cost_of(self.free)
        return None if without is None or free is None else round(without - free, 6)

    @property
    def needed(self) -> bool:
        """Is there no plan without them, but one with them?"""
        return self.without.status == "infeasible" and cost_of(self.free) is not None

    @property
    def pays(self) -> bool | None:
        """Is the value at least the cost? None where there is no plan, or where none was found."""
        if self.needed:
            return True
        return None if self.value_usd is None else self.value_usd >= self.cost_usd

    @property
    def proven(self) -> bool:
        """Are both plans proven optimal (or proven not to exist)?"""
        return {self.without.status, self.free.status} <= SETTLED


@dataclass(frozen=True)
class MeasureValue:
    """What one measure, or all of them together, are worth."""

    measures: tuple[str, ...]
    workloads: tuple[str, ...]
    """The workloads that they name, whose volume is changed."""
    cost_usd: float
    """Over the horizon, at present value, USD."""
    points: tuple[VolumePoint, ...]
    """Every volume looked at, the smallest first."""

    @property
    def today(self) -> VolumePoint:
        """The volume of the instance."""
        return next(point for point in self.points if point.factor == 1)

    @property
    def known(self) -> tuple[VolumePoint, ...]:
        """The points at which there is an answer."""
        return tuple(point for point in self.points if point.pays is not None)

    @property
    def pays_from(self) -> float | None:
        """The smallest volume looked at from which on they pay at all volumes looked at; None where there is none."""
        paying = list(takewhile(lambda point: point.pays, reversed(self.known)))
        return paying[-1].factor if paying else None

    @property
    def does_not_pay_at(self) -> float | None:
        """The largest volume looked at at which they do not pay; None where they always do."""
        return max((point.factor for point in self.known if not point.pays), default=None)


def cost_of(plan: Plan) -> float | None:
    """Cost of a plan over the horizon, USD; None without a fleet."""
    return plan.certificate.objective_usd if plan.certificate else None


def value_measures(resolved: ResolvedInstance, time_limit_s: float = 60.0) -> tuple[MeasureValue, ...]:
    """Every measure of the instance, then all of them together where there are several.

    The other measures can be taken at their cost. A measure that is free counts in no budget. Whether it pays is looked
    up at volumes from 1/64 to 64 times today's, doubling or halving until the answer changes, then by bisection.
    `time_limit_s` holds for each of the plans.

    Raises InputError when the instance has no measures.
    """
    names = tuple(measure.name for measure in resolved.instance.measures)
    if not names:
        message = "the instance has no measures to value; give some under measures"
        raise InputError([InputProblem(resolved.path, 0, "--measures", message)])
    groups = [*((name,) for name in names), *([names] if len(names) > 1 else [])]
    limits, candidates = SolverLimits(time_limit_s), build_candidates(resolved)
    return tuple(_Search(resolved, group, candidates, limits).result() for group in groups)


class _Search:
    """The volumes at which some measures have been looked at."""

    def __init__(
        self, resolved: ResolvedInstance, names: tuple[str, ...], candidates: Candidates, limits: SolverLimits
    ) -> None:
        measures = [measure for measure in resolved.instance.measures if measure.name in names]
        horizon = horizon_of(resolved.instance)
        self.names = names
        self.workloads = tuple(dict.fromkeys(name for measure in measures for name in measure.workloads))
        self.cost_usd = usd(sum(measure_bill(measure, horizon).cost for measure in measures))
        self.without, self.free = without_measure(resolved, *names), with_free_measure(resolved, *names)
        self.limits = limits
        # what a measure costs does not change candidates, nor do rates; only a training run's samples do
        self.known = (build_candidates(self.without), candidates)
        self.trains = any(isinstance(resolved.workloads[name], Training) for name in self.workloads)
        self.points: dict[float, VolumePoint] = {}

    def result(self) -> MeasureValue:
        """All points, after the search."""
        self._scan()
        points = tuple(self.points[factor] for factor in sorted(self.points))
        return MeasureValue(self.names, self.workloads, self.cost_usd, points)

    def _scan(self) -> None:
        """Away from today's volume until the answer changes, then into the gap."""
        pays = self._pays(1.0)
        if pays is None:
            return
        before = 1.0
        for factor in reversed(LESS) if pays else MORE:
            if self._pays(factor) is not pays:
                break
            before = factor
        else:
            return
        if self._pays(factor) is not None:
            self._bisect(min(before, factor), max(before, factor))

    def _bisect(self, low: float, high: float) -> None:
        """They do not pay at `low` and do at `high`."""
        while high / low > CLOSE:
            middle = float(f"{math.sqrt(low * high):.4g}")
            pays = self._pays(middle)
            if pays is None:
                return
            low, high = (low, middle) if pays else (middle, high)

    def _pays(self, factor: float) -> bool | None:
        if factor not in self.points:
            self.points[factor] = self._point(factor)
        return self.points[factor].pays

    def _point(self, factor: float) -> VolumePoint:
        plans = [self._plan(self.without, self.known[0], factor), self._plan(self.free, self.known[1], factor)]
        return VolumePoint(factor, plans[0], plans[1], self.cost_usd)

    def _plan(self, resolved: ResolvedInstance, known: Candidates, factor: float) -> Plan:
        question = resolved if factor == 1 else with_rates(resolved, self.workloads, factor)
        candidates = build_candidates(question) if self.trains and factor != 1 else known
        return solve_candidates(question, candidates, self.limits)
