"""The staircase of estates over many periods, where every workload is served as a whole or not at all.

A question about the whole program is hard: which workloads, on which fleet, hour by hour. It is taken apart:

- the *master* asks it over merged periods (`optimize.periods.merging`), with a switch o_w per workload that is left
  out; its answers are lower bounds, whatever workloads it names;
- what serving just those workloads S costs is found exactly, by the engines;
- that cost holds for all that contains them, and becomes a row of the master:
  cost + cost(S) sum_{w in S} o_w >= cost(S).

Once the master's answer is what its workloads cost, it is the answer to the whole question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpufleet.optimize.backends.interface import BackendResult
from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.choice import MERGED_PERIODS, Approach, answer
from gpufleet.optimize.formulation.build import build_model
from gpufleet.optimize.formulation.linear_model import Row
from gpufleet.optimize.frontier import FAMILY, Goal, Point, Staircase
from gpufleet.optimize.periods.merging import Merging, same_stage
from gpufleet.optimize.periods.solver import Periods
from gpufleet.optimize.reduction import completed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.optimize.periods.merging import Groups
    from gpufleet.problem.data import Problem, WorkloadData

SETTLED = ("optimal", "infeasible")
SMALL, SMALL_EFFORT = 8_000, 5.0
"""Variables, and deterministic time (about seconds), up to which CP-SAT is asked about a whole model first."""
FILL_EFFORT = 2.0
"""Deterministic time (about seconds), for each period, for replicas on a fleet that is known."""


@dataclass(frozen=True)
class Served:
    """What serving some workloads costs."""

    cost: int | None
    """None where no plan was found, or none exists."""
    bound: int | None
    """Proven; None where no plan exists."""
    nodes: tuple[int, ...] = ()
    """By offer."""


def can_be_taken_apart(problem: Problem) -> bool:
    """Are there periods to merge, and nothing that merging would leave out?"""
    return len(problem.periods) >= MERGED_PERIODS and problem.moves is None and problem.robust is None


class WholeService(Staircase):
    """The points of a program whose axis is the cost, and whose goals are sums over the workloads left out."""

    def __init__(
        self,
        strict: Problem,
        model: LinearModel,
        variables: FleetVariables,
        switches: Mapping[str, int],
        goals: Sequence[Goal],
        limits: SolverLimits,
        approach: Approach | None = None,
    ) -> None:
        """`model` is the program with a switch per workload (1 = left out), `strict` the problem that serves all."""
        super().__init__(strict, model, model.objective, goals, limits, approach, variables=variables)
        self.nodes, self.switches = variables.nodes, dict(switches)
        self._known: dict[frozenset[str], Served] = {}
        self._sure: int | None = None
        """What costs more than this is not proven; None = everything is."""
        everything = frozenset(switches)
        self._groups = same_stage(strict)
        full = self.cost_of(everything)
        self.master = self._master(self._groups)
        self._learn(everything, full)
        for name in switches:
            alone = frozenset([name])
            self._learn(alone, self.cost_of(alone))

    def best(self, cap: int | None, axis_bound: int = 0, hint: list[int] | None = None) -> Point | None:
        """As `Staircase.best`."""
        while True:
            point = self._asked(self.master.best(cap, axis_bound))
            if point is None:
                return None
            served = self._served(point.values)
            found = self.cost_of(served)
            if found.cost is not None and found.cost <= point.axis:
                return self._filled(point, served, found)
            if not self._learn(served, found, point.axis):
                return None  # no plan of them was found, nor proven not to exist

    def steps(self, first: Point, below: int | None = None) -> Iterator[Point]:
        """As `Staircase.steps`."""
        point: Point | None = first
        while point is not None:
            point = self._next(point, below)
            if point is not None:
                yield point

    def _next(self, point: Point, below: int | None) -> Point | None:
        """The least cost at which something better is served, and the best that this cost allows."""
        while True:
            found = self._asked(self.master.cheapest_better(point, below))
            if found is None:
                return None
            served = self._served(found.values)
            exact = self.cost_of(served)
            if exact.cost is not None and exact.cost <= found.axis:
                return self.best(found.axis, found.axis_bound)
            if not self._learn(served, exact, found.axis):
                return None

    def _asked(self, point: Point | None) -> Point | None:
        self.settled = self.master.settled
        return point

    def cost_of(self, served: frozenset[str]) -> Served:
        """What serving just these workloads costs."""
        if served not in self._known:
            problem = _without(self.problem, self.switches.keys() - served)
            model, variables = build_model(problem)
            self.solves += 1
            result = self._solved(problem, model, variables, served)
            nodes = () if result.values is None else tuple(result.values[y] for y in variables.nodes)
            bound = None if result.outcome == "infeasible" else result.bound or 0
            self._known[served] = Served(result.objective, bound, nodes)
        return self._known[served]

    def _solved(
        self, problem: Problem, model: LinearModel, variables: FleetVariables, served: frozenset[str]
    ) -> BackendResult:
        """By CP-SAT as a whole where few are served, period by period where many are."""
        limits, everything = replace(self.limits, relative_gap=0.0), len(served) == len(self.switches)
        result = BackendResult("unknown", None, None, 0)
        if len(model.variables) <= SMALL and not everything:
            result = backend("cpsat").solve(model, replace(limits, effort=SMALL_EFFORT))
        if result.outcome not in SETTLED:
            periods = Periods(problem, variables)
            result = periods.solve(model, replace(limits, seconds=limits.seconds / 2), result.values)
            if everything:
                self._groups = periods.groups
        if result.outcome not in SETTLED:
            result = answer(problem, model, None, limits, self.approach, result.values).result
        return result

    def _master(self, groups: Groups) -> Staircase:
        """The merged problem with its switches and goals."""
        merged = Merging(self.problem).merged(groups).problem
        parts = tuple(replace(part, unserved_units=_units(part)) for part in merged.workloads)
        model, variables = build_model(replace(merged, workloads=parts))
        switch = {name: model.add_variable(f"out_{n}", 0, 1) for n, name in enumerate(self.switches)}
        for w, part in enumerate(parts):
            for c, d in variables.unserved[w].items():
                terms = [(d, 1), (switch[part.name], -(part.unserved_units or 0))]
                model.add_row(FAMILY, f"whole_{w}_{c}", terms, lower=0, upper=0)
        name_of = {index: name for name, index in self.switches.items()}
        goals = [
            Goal(goal.name, {switch[name_of[index]]: value for index, value in goal.coefficients.items()}, goal.step)
            for goal in self.goals
        ]
        self._switch = switch
        exact = Approach("cpsat", "whole")
        return Staircase(merged, model, model.objective, goals, self.limits, exact)

    def _served(self, values: list[int]) -> frozenset[str]:
        return frozenset(name for name, index in self._switch.items() if not values[index])

    def _learn(self, served: frozenset[str], found: Served, at: int = 0) -> bool:
        """Tell the master what these workloads cost at least; False where that is no news at a cost of `at`.

        A cost that is not proven is taken for the least; from then on nothing that costs more than `at` is proven.
        """
        switches = [(self._switch[name], 1) for name in sorted(served)]
        rows = self.master.model.rows
        if found.bound is None:
            rows.append(Row(FAMILY, f"never_{len(rows)}", tuple(switches), 1, None))
            return True
        least = found.bound
        if least <= at and found.cost is not None:
            least = found.cost
            self._sure = at if self._sure is None else min(self._sure, at)
        cost = [(index, value) for index, value in self.master.axis.items() if value]
        rows.append(Row(FAMILY, f"served_{len(rows)}", (*cost, *((i, least) for i, _ in switches)), least, None))
        if least > at:
            return True
        self.settled = False
        return False

    def _filled(self, point: Point, served: frozenset[str], found: Served) -> Point | None:
        """The point with the values of the whole program: the fleet that is known, and what runs on it."""
        fixed = dict(zip(self.nodes, found.nodes, strict=True))
        fixed |= {index: int(name not in served) for name, index in self.switches.items()}
        effort = FILL_EFFORT * len(self.problem.periods)
        values = completed(self.model, fixed, replace(self.limits, effort=effort))
        self.solves += 1
        if values is None:
            self.settled = False
            return None
        spent = self.model.value(self.axis, values)
        reached = tuple(self.model.value(goal.coefficients, values) for goal in self.goals)
        bounds = point.goal_bounds
        if self._sure is not None and spent > self._sure:
            bounds = (0,) * len(bounds)
        proven = min(point.axis_bound, spent) if self._sure is None else min(point.axis_bound, spent, self._sure)
        return Point(spent, reached, values, proven, bounds)


def _units(part: WorkloadData) -> int | None:
    """Units of what stays unserved: those of routing, or all and nothing."""
    if not part.demand:
        return None
    return part.demand if part.routed else 1


def _without(problem: Problem, names: Collection[str]) -> Problem:
    """The problem without some workloads."""
    kept = [w for w, part in enumerate(problem.workloads) if part.name not in names]
    place = {w: number for number, w in enumerate(kept)}
    charges = tuple(
        replace(row, coefficients=tuple((place[w], k, charge) for w, k, charge in row.coefficients))
        for row in problem.charges
        if row.workload not in names
    )
    return replace(problem, workloads=tuple(problem.workloads[w] for w in kept), charges=charges)
