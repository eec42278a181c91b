"""Periods merged until the cheapest fleet for the merged ones serves every period as it is.

Each round solves the merged problem, whose optimum is a lower bound, then every period alone, with its committed nodes.
Where a period needs more than its share of the merged rents, it leaves its group. Once none does, bound and cost meet.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.interruption import Stopped
from gpufleet.optimize.backends.interface import BackendResult
from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.formulation.build import build_model
from gpufleet.optimize.periods.alone import cheapest_rents
from gpufleet.optimize.periods.merging import Merging, is_rent, same_stage
from gpufleet.optimize.reduction import completed

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import Outcome, SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.optimize.monitor import Monitor
    from gpufleet.optimize.periods.alone import Rents
    from gpufleet.optimize.periods.merging import Groups, Merged
    from gpufleet.problem.data import Problem

logger = logging.getLogger(__name__)

ROUND_EFFORT = 20.0
"""Deterministic time (about seconds) for a merged problem."""
ALONE_EFFORT = 1.0
"""The same for one period, and for replicas on a fleet that is known, for each of its periods."""
MOST_SHARE = 0.75
"""Share of all periods that merged ones may make up: beyond, the whole model is hardly larger."""


class Periods:
    """Merges the periods of a problem; CP-SAT solves what comes of it."""

    name = "periods"

    def __init__(self, problem: Problem, variables: FleetVariables) -> None:
        self._problem = problem
        self._variables = variables
        self.groups: Groups = same_stage(problem)
        """The finest groups that the last solve came to."""

    def version(self) -> str:
        """The solver inside, with its version."""
        return f"{backend('cpsat').version()}, periods merged and alone"

    def solve(
        self,
        model: LinearModel,
        limits: SolverLimits,
        hint: list[int] | None = None,
        monitor: Monitor | None = None,
    ) -> BackendResult:
        """Minimise the cost of the problem, whose whole model is `model`; `hint` counts if it is a solution."""
        run = _Run(self._problem, self._variables, model, limits, monitor)
        if hint is not None and not model.violated(hint):
            run.take(hint)
        result = run.result()
        self.groups = run.groups
        return result


@dataclass
class _Run:
    """One solve: what is known so far."""

    problem: Problem
    variables: FleetVariables
    model: LinearModel
    limits: SolverLimits
    monitor: Monitor | None
    values: list[int] | None = None
    cost: int | None = None
    bound: int = 0
    alone: dict[tuple[object, ...], Rents | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.until = time.monotonic() + self.limits.seconds
        self.quiet = None if self.monitor is None else self.monitor.quiet()
        self.merging = Merging(self.problem)
        self.groups = same_stage(self.problem)
        self.tried: set[tuple[tuple[int, int], ...]] = set()

    def result(self) -> BackendResult:
        """Rounds until bound and cost meet, the groups are too many, or the time is up; what is known when stopped."""
        try:
            return self._result()
        except Stopped:
            return self._ended()

    def _result(self) -> BackendResult:
        groups: Groups | None = same_stage(self.problem)
        while groups is not None and len(groups) <= MOST_SHARE * len(self.problem.periods) and not self._is_over():
            self.groups = groups
            merged = self.merging.merged(groups)
            model, variables = build_model(merged.problem)
            found = backend("cpsat").solve(model, self._limits(ROUND_EFFORT), None, self.quiet)
            if found.outcome == "infeasible":
                return BackendResult("infeasible", None, None, None)
            self._raise(found.bound or 0)
            logger.debug("%d groups: %s, bound %s", len(groups), found.outcome, found.bound)
            if found.values is None:
                break
            nodes = [found.values[y] for y in variables.nodes]
            taken = frozenset(m for m, z in enumerate(variables.measures) if found.values[z])
            groups = self._round(groups, merged, nodes, taken)
        return self._ended()

    def _round(self, groups: Groups, merged: Merged, nodes: list[int], taken: frozenset[int]) -> Groups | None:
        """The plan on the committed nodes of a merged problem, and the groups for the next one; None: no finer ones."""
        committed: dict[int, int] = {}
        rate = [Fraction(0)] * len(groups)
        for offer, sources, count in zip(merged.problem.offers, merged.sources, nodes, strict=True):
            if is_rent(self.problem.offers[sources[0]]):
                assert offer.periods is not None
                hours = merged.problem.periods[offer.periods[0]].hours
                rate[offer.periods[0]] += count * Fraction(offer.cost) / hours
            elif count:
                committed[sources[0]] = count
        rents = [self._alone(t, committed, taken) for t in range(len(self.problem.periods))]
        if all(rent is not None for rent in rents):
            self._complete(committed, [rent for rent in rents if rent is not None])
        finer = [part for group, share in zip(groups, rate, strict=True) for part in self._split(group, share, rents)]
        return tuple(finer) if len(finer) > len(groups) else None

    def _split(self, group: tuple[int, ...], rate: Fraction, rents: list[Rents | None]) -> list[tuple[int, ...]]:
        """Periods that need no more than the merged one, and the others; in halves where all need more."""
        each = {t: self._rate(t, rents[t]) for t in group}
        enough = tuple(t for t in group if (found := each[t]) is not None and found <= rate)
        others = tuple(t for t in group if t not in enough)
        if not enough and len(group) > 1:
            known = sorted(group, key=lambda t: (each[t] is None, each[t] or 0, t))
            half = len(group) // 2
            enough, others = tuple(sorted(known[:half])), tuple(sorted(known[half:]))
        return [part for part in (enough, others) if part]

    def _rate(self, t: int, rents: Rents | None) -> Fraction | None:
        """Rent per hour, micro-USD."""
        return None if rents is None else Fraction(rents.cost) / self.problem.periods[t].hours

    def _alone(self, t: int, committed: dict[int, int], taken: frozenset[int]) -> Rents | None:
        key = (t, tuple(committed.items()), taken)
        if key not in self.alone and not self._is_over():
            limits = self._limits(ALONE_EFFORT)
            self.alone[key] = cheapest_rents(self.problem, t, committed, taken, limits, self.quiet)
        return self.alone.get(key)

    def _complete(self, committed: dict[int, int], rents: list[Rents]) -> None:
        """The whole plan on these nodes, if it would be the best: runs and limits have their say here."""
        nodes = {**committed, **{f: count for rent in rents for f, count in rent.nodes.items()}}
        key = tuple(sorted(nodes.items()))
        cost = sum(self.problem.offers[f].cost * count for f, count in key)
        if key in self.tried or (self.cost is not None and cost >= self.cost):
            return
        self.tried.add(key)
        fixed = {y: nodes.get(f, 0) for f, y in enumerate(self.variables.nodes)}
        limits = self._limits(ALONE_EFFORT * len(self.problem.periods))
        values = completed(self.model, fixed, limits, self.quiet)
        if values is not None:
            self.take(values)

    def take(self, values: list[int]) -> None:
        """Keep a solution if it is the best so far."""
        cost = self.model.value(self.model.objective, values)
        if self.cost is None or cost < self.cost:
            self.values, self.cost = values, cost
            if self.monitor is not None:
                self.monitor.report(self.monitor.phase, objective=cost)

    def _raise(self, bound: int) -> None:
        self.bound = max(self.bound, bound)
        if self.monitor is not None:
            self.monitor.report(self.monitor.phase, bound=self.bound)

    def _limits(self, effort: float) -> SolverLimits:
        rest = self.limits.seconds if self.limits.deterministic else max(self.until - time.monotonic(), 0.01)
        return replace(self.limits, seconds=rest, effort=effort, relative_gap=0.0)

    def _is_over(self) -> bool:
        """Is the time up, is the search to stop, or is the plan good enough?"""
        if self.monitor is not None and self.monitor.stopped:
            return True
        if not self.limits.deterministic and time.monotonic() >= self.until:
            return True
        return self.cost is not None and self.cost - self.bound <= self.limits.relative_gap * self.cost

    def _ended(self) -> BackendResult:
        if self.values is None or self.cost is None:
            return BackendResult("unknown", None, None, self.bound)
        bound = min(self.bound, self.cost)
        outcome: Outcome = "optimal" if bound == self.cost else "feasible"
        return BackendResult(outcome, self.values, self.cost, bound)
