"""CP-SAT (OR-Tools): the default engine. Integers in, integers out, proof included."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from ortools import __version__ as ortools_version
from ortools.sat.python import cp_model

from gpufleet.errors import GpufleetError
from gpufleet.interruption import look
from gpufleet.optimize.backends.interface import BackendResult

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import Outcome, SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.monitor import Monitor

_OUTCOMES: dict[cp_model.CpSolverStatus, Outcome] = {
    cp_model.OPTIMAL: "optimal",
    cp_model.FEASIBLE: "feasible",
    cp_model.INFEASIBLE: "infeasible",
    cp_model.UNKNOWN: "unknown",
}
_WRAPS_FROM = 1 << 31
"""OR-Tools 9.15 adds up coefficients of boolean terms in 32 bits in one step of presolve, and a sum that wraps can cut
off the optimum (https://github.com/google/or-tools/issues/5293, with the remedy); newer ones use 64."""
_INFINITE = 9e18
"""Bounds from here on say nothing."""


class CpSat:
    """Whole-model CP-SAT."""

    name = "cpsat"

    def version(self) -> str:
        """`CP-SAT (OR-Tools x.y.z)`."""
        return f"CP-SAT (OR-Tools {ortools_version})"

    def solve(
        self,
        model: LinearModel,
        limits: SolverLimits,
        hint: list[int] | None = None,
        monitor: Monitor | None = None,
    ) -> BackendResult:
        """Minimise the model's objective."""
        divisor = model.unit
        proto_model = _translate(model, divisor, hint)
        if monitor is not None and monitor.stopped:
            return BackendResult("unknown", None, None, 0)
        solver = cp_model.CpSolver()
        _set(solver.parameters, limits)
        if _may_wrap(model):
            solver.parameters.presolve_inclusion_work_limit = 0
        status = solver.solve(proto_model) if monitor is None else _watched(solver, proto_model, divisor, monitor)
        if status not in _OUTCOMES:
            raise GpufleetError(f"CP-SAT refuses the model (a bug in gpufleet): {proto_model.validate()}")
        return _result(model, solver, _OUTCOMES[status], divisor)


def _set(parameters: cp_model.SatParameters, limits: SolverLimits) -> None:
    """Limits as CP-SAT has them; for a repeatable run with several workers none of them is about the clock."""
    parameters.relative_gap_limit = limits.relative_gap
    parameters.num_workers = limits.workers
    parameters.random_seed = limits.seed
    # interrupts are the main thread's; CP-SAT would take the handler from the whole process and leave none behind
    parameters.catch_sigint_signal = threading.current_thread() is threading.main_thread()
    seconds = max(limits.seconds, 0.01)
    if limits.deterministic:
        parameters.interleave_search = limits.workers > 1
        parameters.max_deterministic_time = seconds if limits.effort is None else min(limits.effort, seconds)
        return
    parameters.max_time_in_seconds = seconds
    if limits.effort is not None:
        parameters.max_deterministic_time = limits.effort


def _may_wrap(model: LinearModel) -> bool:
    """Has some row coefficients whose sum does not fit into 32 bits? Presolve makes any variable boolean that has two
    values left, so all terms count."""
    return any(sum(abs(value) for _, value in row.terms) >= _WRAPS_FROM for row in model.rows)


class _Model(cp_model.CpModel):  # type: ignore[misc]
    """Without the old names of all methods, which nothing here calls: making them takes longer than a small model."""

    def _add_pre_pep8_methods(self) -> None:
        """Nothing."""


class _Found(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
    """Tells the monitor of every better solution."""

    def __init__(self, monitor: Monitor, divisor: int) -> None:
        super().__init__()
        self._monitor, self._divisor = monitor, divisor

    def on_solution_callback(self) -> None:
        """Called by CP-SAT, from a thread of its own."""
        self._monitor.report(self._monitor.phase, objective=round(self.objective_value) * self._divisor)


def _watched(
    solver: cp_model.CpSolver, proto_model: cp_model.CpModel, divisor: int, monitor: Monitor
) -> cp_model.CpSolverStatus:
    """Solve while a monitor hears of solutions and bounds, and may ask to stop."""

    def better_bound(bound: float) -> None:
        if abs(bound) < _INFINITE:
            monitor.report(monitor.phase, bound=_rounded_up(bound) * divisor)

    solver.best_bound_callback = better_bound
    # who watches decides about interrupts from the keyboard; CP-SAT would take the handler from the whole process
    solver.parameters.catch_sigint_signal = False
    with monitor.watching(solver.stop_search):
        return solver.solve(proto_model, _Found(monitor, divisor))


def _rounded_up(bound: float) -> int:
    """The bound is a float of an integer quantity: round up only when it is clearly above the integer below."""
    return math.ceil(bound - 1e-6)


def _translate(model: LinearModel, divisor: int, hint: list[int] | None) -> cp_model.CpModel:
    """The same model in CP-SAT's own form; the objective is divided by its coefficients' common divisor."""
    target = _Model()
    variables = [target.new_int_var(v.lower, v.upper, v.name) for v in model.variables]
    for row in model.rows:
        look()
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
    bound = _rounded_up(solver.best_objective_bound) * divisor
    if outcome == "unknown":
        return BackendResult(outcome, None, None, max(bound, 0))
    values = [int(value) for value in solver.response_proto.solution]
    objective = model.value(model.objective, values)
    # with a gap limit CP-SAT calls "optimal" what is only within the gap
    bound = min(bound, objective)
    return BackendResult("optimal" if bound == objective else "feasible", values, objective, bound)
