"""One question as an integer program with an axis, whose staircase becomes plans."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gpufleet.edits.caps import with_cap
from gpufleet.edits.changes import with_fields
from gpufleet.optimize.formulation.build import build_model
from gpufleet.optimize.formulation.unserved import service_objectives
from gpufleet.optimize.frontier import Goal, Point, Staircase
from gpufleet.optimize.results import EngineResult, LevelResult, by_meaning
from gpufleet.optimize.ties import break_ties
from gpufleet.problem.build import build_problem
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
    ) -> None:
        self.resolved, self.candidates, self.problem, self.variables = resolved, candidates, problem, variables
        self.cost = {index: value for index, value in model.objective.items() if value}
        self.axis, self.limits = dict(axis), limits
        self.is_cost = self.axis == self.cost
        self.levels = tuple(service_objectives(problem, variables))
        self.whole = tuple(sum(c * model.variables[i].upper for i, c in level.items()) for level in self.levels)
        goals = [Goal(f"priority_{n}", level, _step(step, self.whole[n])) for n, level in enumerate(self.levels)]
        if not self.is_cost:
            goals.append(Goal("cost", self.cost))
        self.staircase = Staircase(problem, model, axis, goals, limits, approach)

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
    ) -> Program:
        """With what a budget caps as the axis; with `partial`, demand may stay unserved."""
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
        return cls(question, candidates, problem, model, variables, axis, limits, approach, step)

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
        elif result.outcome == "feasible":
            reason = "stopped by the time limit before this point was proven"
        return verified(question, self.candidates, self.problem, result, self.limits, reason)

    def _result(self, point: Point, values: list[int], tie_break: str) -> EngineResult:
        cost = self.staircase.model.value(self.cost, values)
        bound = point.axis_bound if self.is_cost else point.goal_bounds[-1]
        levels = zip(point.goals, point.goal_bounds, strict=True)
        service = tuple(LevelResult(value, least) for value, least in levels)[: len(self.levels)]
        optimal = point.goals == point.goal_bounds and bound == cost
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


def _step(part: float, whole: int) -> int:
    """A step of a level in its units."""
    return max(1, int(part * whole))
