"""One question as an integer program with an axis, whose staircase becomes plans."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from gpufleet.edits.caps import with_cap
from gpufleet.edits.changes import with_fields
from gpufleet.optimize.formulation.build import build_model
from gpufleet.optimize.formulation.unserved import service_objectives
from gpufleet.optimize.frontier import Goal, Point, Staircase
from gpufleet.optimize.results import EngineResult, LevelResult, by_meaning
from gpufleet.optimize.ties import break_ties
from gpufleet.optimize.whole_service import WholeService, can_be_taken_apart
from gpufleet.problem.build import build_problem
from gpufleet.problem.service import ROUNDED_SERVICE
from gpufleet.solving import verified

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.candidates.option import Candidates
    from gpufleet.edits.caps import Cap
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.choice import Approach
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

ROOMY = 1e15
"""USD: a cap that nothing reaches, so that its row is made."""
ENGINE = "frontier"


class Program:
    """The integer program of a question, built once, and what its points are as plans."""

    def __init__(
        self,
        resolved: ResolvedInstance,
        candidates: Candidates,
        problem: Problem,
        model: LinearModel,
        variables: FleetVariables,
        axis: Mapping[int, int],
        limits: SolverLimits,
        approach: Approach | None = None,
        step: float = 0.0,
        *,
        whole: bool = False,
    ) -> None:
        self.resolved, self.candidates, self.problem, self.variables = resolved, candidates, problem, variables
        self.cost = {index: value for index, value in model.objective.items() if value}
        self.axis, self.limits = dict(axis), limits
        self.is_cost = self.axis == self.cost
        self.levels = tuple(service_objectives(problem, variables))
        self.whole = whole and bool(self.levels)
        switches: dict[str, int] = {}
        counted = self.levels
        if self.whole:
            switches, counted = whole_workloads(problem, model, variables)
        goals = [Goal(f"priority_{n}", level, _step(step, model, level)) for n, level in enumerate(counted)]
        if not self.is_cost:
            goals.append(Goal("cost", self.cost))
        strict = _all_served(resolved, candidates, problem) if self.whole and self.is_cost else None
        if strict is not None and can_be_taken_apart(strict):
            self.staircase: Staircase = WholeService(strict, model, variables, switches, goals, limits, approach)
        else:
            plain = variables if self.is_cost and not self.levels else None
            self.staircase = Staircase(problem, model, axis, goals, limits, approach, few=self.whole, variables=plain)

    @classmethod
    def of_cap(
        cls,
        resolved: ResolvedInstance,
        candidates: Candidates,
        cap: Cap,
        limits: SolverLimits,
        *,
        partial: bool,
        approach: Approach | None = None,
        step: float = 0.0,
        whole: bool = False,
    ) -> Program:
        """With what a budget caps as the axis; with `partial`, demand may stay unserved, with `whole` that of a
        workload altogether or not at all."""
        question = with_fields(with_cap(resolved, cap, ROOMY), allow_unserved=partial)
        problem = build_problem(question, candidates)
        limit = next((row for row in problem.limits if cap.part != "workloads" and row.name == cap.row), None)
        charges = [row for row in problem.charges if (row.workload, row.cap) == (cap.name, cap.field)]
        free = replace(
            problem,
            limits=tuple(row for row in problem.limits if row is not limit),
            charges=tuple(row for row in problem.charges if row not in charges),
        )
        model, variables = build_model(free)
        if limit is not None:
            axis = {variables.nodes[f]: weight for f, weight in limit.coefficients}
            axis |= {variables.measures[m]: weight for m, weight in limit.measures}
        else:
            axis = {variables.replicas[w][k]: charge for w, k, charge in charges[0].coefficients}
        return cls(question, candidates, problem, model, variables, axis, limits, approach, step, whole=whole)

    def plan(self, point: Point, question: ResolvedInstance, bound: int | None = None) -> Plan:
        """A point as a plan of a question, verified; `bound`: proven of that question's cost, if the point is not its
        optimum."""
        values, tie_break = break_ties(
            self.problem,
            self.staircase.at(point),
            self.variables,
            list(point.values),
            self.limits,
            "optimal" if point.proven else "feasible",
        )
        result = self._result(point, values, tie_break)
        reason = None
        if bound is not None and result.objective is not None and bound < result.objective:
            result = replace(result, bound=bound, outcome="feasible")
            reason = "the cheapest plan with as little on the axis of the frontier; cheaper ones have more"
        elif self.whole and result.outcome == "feasible":
            reason = "workloads were only served as a whole or not at all"
        elif result.outcome == "feasible":
            reason = "stopped by the time limit before this point was proven"
        return verified(question, self.candidates, self.problem, result, self.limits, reason)

    def _result(self, point: Point, values: list[int], tie_break: str) -> EngineResult:
        cost = self.staircase.model.value(self.cost, values)
        bound = point.axis_bound if self.is_cost else point.goal_bounds[-1]
        optimal = point.goals == point.goal_bounds and bound == cost
        levels = zip(point.goals, point.goal_bounds, strict=True)
        service = tuple(LevelResult(value, least) for value, least in levels)[: len(self.levels)]
        if self.whole:
            # whether parts of workloads would bring more, or cost less, was not asked
            left = [self.staircase.model.value(level, values) for level in self.levels]
            service, optimal, bound = tuple(LevelResult(value, 0) for value in left), False, 0
        meaning: dict[str, Any] = by_meaning(self.variables, values)
        return EngineResult(
            outcome="optimal" if optimal else "feasible",
            objective=cost,
            bound=min(bound, cost),
            service=service,
            engine=ENGINE,
            reason="a point of a frontier: the least on its axis for these goals, and the best goals for it",
            solver="see the engine",
            tie_break=tie_break,
            **meaning,
        )


def _all_served(resolved: ResolvedInstance, candidates: Candidates, partial: Problem) -> Problem:
    """The problem of the same question in which nothing may stay unserved."""
    strict = build_problem(with_fields(resolved, allow_unserved=False), candidates)
    return replace(strict, limits=partial.limits)


def whole_workloads(
    problem: Problem, model: LinearModel, variables: FleetVariables
) -> tuple[dict[str, int], tuple[dict[int, int], ...]]:
    """Tie all that a workload leaves unserved to one switch: (switches by workload, the levels over these switches,
    exactly weighted)."""
    switches: dict[str, int] = {}
    levels = []
    for level in problem.service:
        weights: dict[str, Fraction] = {}
        for (w, c, _), count in zip(level.coefficients, level.counts, strict=True):
            name, units = problem.workloads[w].name, problem.workloads[w].unserved_units or 0
            if name not in switches:
                switches[name] = model.add_variable(f"out_{len(switches)}", 0, 1)
            weights[name] = weights.get(name, Fraction(0)) + units * count
            terms = [(variables.unserved[w][c], 1), (switches[name], -units)]
            model.add_row("frontier", f"whole_{w}_{c}", terms, lower=0, upper=0)
        factor = Fraction(math.lcm(*(weight.denominator for weight in weights.values())))
        if factor * sum(weights.values()) > ROUNDED_SERVICE:
            factor = ROUNDED_SERVICE / sum(weights.values(), Fraction(0))
        levels.append({switches[name]: max(1, round(weight * factor)) for name, weight in weights.items()})
    return switches, tuple(levels)


def _step(part: float, model: LinearModel, level: Mapping[int, int]) -> int:
    """A step of a level in its units."""
    return max(1, int(part * sum(value * model.variables[index].upper for index, value in level.items())))
