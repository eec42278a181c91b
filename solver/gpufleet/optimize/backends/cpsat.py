"""CP-SAT (OR-Tools): the default engine. Integers in, integers out, proof included."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ortools import __version__ as ortools_version
from ortools.sat.python import cp_model

from gpufleet.errors import GpufleetError
from gpufleet.optimize.backends.interface import BackendResult

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import Outcome, SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel

_OUTCOMES: dict[cp_model.CpSolverStatus, Outcome] = {
    cp_model.OPTIMAL: "optimal",
    cp_model.FEASIBLE: "feasible",
    cp_model.INFEASIBLE: "infeasible",
    cp_model.UNKNOWN: "unknown",
}


class CpSat:
    """Whole-model CP-SAT."""

    name = "cpsat"

    def version(self) -> str:
        """`CP-SAT (OR-Tools x.y.z)`."""
        return f"CP-SAT (OR-Tools {ortools_version})"

    def solve(self, model: LinearModel, limits: SolverLimits, hint: list[int] | None = None) -> BackendResult:
        """Minimise the model's objective."""
        divisor = math.gcd(*model.objective.values()) or 1
        proto_model = _translate(model, divisor, hint)
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = max(limits.seconds, 0.01)
        solver.parameters.relative_gap_limit = limits.relative_gap
        solver.parameters.num_workers = limits.workers
        solver.parameters.random_seed = limits.seed
        if limits.effort is not None:
            solver.parameters.max_deterministic_time = limits.effort
        status = solver.solve(proto_model)
        if status not in _OUTCOMES:
            raise GpufleetError(f"CP-SAT refuses the model (a bug in gpufleet): {proto_model.validate()}")
        return _result(model, solver, _OUTCOMES[status], divisor)


def _translate(model: LinearModel, divisor: int, hint: list[int] | None) -> cp_model.CpModel:
    """The same model in CP-SAT's own form; the objective is divided by its coefficients' common divisor."""
    target = cp_model.CpModel()
    variables = [target.new_int_var(v.lower, v.upper, v.name) for v in model.variables]
    for row in model.rows:
        expression = cp_model.LinearExpr.weighted_sum([variables[i] for i, _ in row.terms], [c for _, c in row.terms])
        lower = cp_model.INT_MIN if row.lower is None else row.lower
        upper = cp_model.INT_MAX if row.upper is None else row.upper
        target.add_linear_constraint(expression, lower, upper)
    weights = [(variables[i], c // divisor) for i, c in model.objective.items()]
    target.minimize(cp_model.LinearExpr.weighted_sum([v for v, _ in weights], [c for _, c in weights]))
    if hint is not None:
        for variable, value in zip(variables, hint, strict=True):
            target.add_hint(variable, value)
    return target


def _result(model: LinearModel, solver: cp_model.CpSolver, outcome: Outcome, divisor: int) -> BackendResult:
    if outcome == "infeasible":
        return BackendResult(outcome, None, None, None)
    # the bound is a float of an integer quantity: round up only when it is clearly above the integer below
    bound = math.ceil(solver.best_objective_bound - 1e-6) * divisor
    if outcome == "unknown":
        return BackendResult(outcome, None, None, max(bound, 0))
    values = [int(value) for value in solver.response_proto.solution]
    objective = model.value(model.objective, values)
    # with a gap limit CP-SAT calls "optimal" what is only within the gap
    bound = min(bound, objective)
    return BackendResult("optimal" if bound == objective else "feasible", values, objective, bound)
