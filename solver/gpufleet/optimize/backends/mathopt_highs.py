"""HiGHS through MathOpt: for models with many routing shares, where linear programming shows its strength."""

from __future__ import annotations

import datetime
import math
import re
import time
from typing import TYPE_CHECKING

from ortools import __version__ as ortools_version
from ortools.math_opt.python import mathopt
from ortools.math_opt.solvers import highs_pb2
from ortools.util.python import solve_interrupter

from gpufleet.optimize.backends.cpsat import CpSat
from gpufleet.optimize.backends.highs_process import FloatResult, solve_apart
from gpufleet.optimize.backends.interface import BackendResult
from gpufleet.optimize.backends.scaled_rows import finish, scaled, units

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.monitor import Monitor

_SOLVERS = {"highs": mathopt.SolverType.HIGHS, "scip": mathopt.SolverType.GSCIP}
_LOG_LINE = re.compile(r" .? +\d+ +\d+ +\d+ +[\d.]+% +(?P<bound>\S+) +(?P<best>\S+) +\S+")
"""A line of HiGHS's log: source, nodes, queue, leaves, explored, best bound, best solution, gap."""
_INFINITE = 1e20
"""What these solvers take for infinite; not smaller than a number that is none (`nan < x` is false)."""


class MathOptHighs:
    """HiGHS, in floating point; shares are continuous here and return to their grid afterwards."""

    name = "highs"

    def __init__(self, *, starts_at_hint: bool = False) -> None:
        """`starts_at_hint`: the hint is a solution, from which the search starts."""
        self._starts_at_hint = starts_at_hint

    def version(self) -> str:
        """`HiGHS (OR-Tools MathOpt x.y.z)`."""
        return f"HiGHS (OR-Tools MathOpt {ortools_version})"

    def solve(
        self,
        model: LinearModel,
        limits: SolverLimits,
        hint: list[int] | None = None,
        monitor: Monitor | None = None,
    ) -> BackendResult:
        """Minimise the model's objective; `hint` is only used as said at the start."""
        if monitor is not None and monitor.stopped:
            return BackendResult("unknown", None, None, 0)
        started = time.monotonic()
        if self._starts_at_hint and hint is not None:
            result = solve_apart(model, limits, self.name, monitor, hint)
        else:
            result = solve_apart(model, limits, self.name, monitor)
        if result is None:
            return BackendResult("unknown", None, None, 0)
        if result.infeasible:
            return BackendResult("infeasible", None, None, None)
        bound = _bound(result.bound, scale(model))
        if result.values is None:
            return BackendResult("unknown", None, None, bound)
        return finish(model, result.values, result.proven, bound, CpSat(), limits, started, monitor, self._floats)

    def _floats(self, model: LinearModel, limits: SolverLimits, monitor: Monitor | None) -> list[float] | None:
        """The best solution that is found, as it is."""
        result = solve_apart(model, limits, self.name, monitor)
        return None if result is None else result.values


def solve_here(
    model: LinearModel,
    limits: SolverLimits,
    solver: str = "highs",
    monitor: Monitor | None = None,
    found: str | None = None,
    start: list[int] | None = None,
) -> FloatResult:
    """Solve in this process, which may be written to; see `highs_process`.

    SCIP stops when the monitor says so, HiGHS only at its limit; it writes the plans that it finds to the file `found`.
    Both begin with the solution `start`, if there is one. The translation counts in the time limit.
    """
    started = time.monotonic()
    target, variables = _translate(model)
    parameters = mathopt.SolveParameters(
        time_limit=datetime.timedelta(seconds=max(limits.seconds - (time.monotonic() - started), 0.01)),
        relative_gap_tolerance=limits.relative_gap,
        absolute_gap_tolerance=0.0,
        random_seed=limits.seed,
    )
    model_parameters = _beginning(model, variables, start)
    if monitor is None:
        result = mathopt.solve(target, _SOLVERS[solver], params=parameters, model_params=model_parameters)
    elif solver == "scip":
        result = _scip_watched(model, target, parameters, model_parameters, monitor)
    else:
        result = _highs_watched(model, target, parameters, model_parameters, monitor, found)
    reason = result.termination.reason
    # every variable is bounded, so "infeasible or unbounded" is infeasible
    infeasible = reason in (mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED)
    values = None
    if result.has_primal_feasible_solution():
        floats = result.variable_values()
        values = [floats[v] * u for v, u in zip(variables, units(model), strict=True)]
    proven = reason == mathopt.TerminationReason.OPTIMAL and limits.relative_gap == 0
    return FloatResult(infeasible, proven, values, result.dual_bound())


def _beginning(
    model: LinearModel, variables: list[mathopt.Variable], start: list[int] | None
) -> mathopt.ModelSolveParameters:
    """The solution to begin with, in the solver's units."""
    if start is None:
        return mathopt.ModelSolveParameters()
    values = {v: value / u for v, value, u in zip(variables, start, units(model), strict=True)}
    return mathopt.ModelSolveParameters(solution_hints=[mathopt.SolutionHint(variable_values=values)])


def _scip_watched(
    model: LinearModel,
    target: mathopt.Model,
    parameters: mathopt.SolveParameters,
    model_parameters: mathopt.ModelSolveParameters,
    monitor: Monitor,
) -> mathopt.SolveResult:
    """SCIP reports at every plan that it finds, and can be interrupted."""
    interrupter, divisor = solve_interrupter.SolveInterrupter(), scale(model)

    def found(data: mathopt.CallbackData) -> mathopt.CallbackResult:
        _report(monitor, divisor, data.mip_stats.primal_bound, data.mip_stats.dual_bound)
        return mathopt.CallbackResult()

    # no values are asked for, which would take longer than the search on large models
    events = mathopt.CallbackRegistration(
        events={mathopt.Event.MIP_SOLUTION}, mip_solution_filter=mathopt.VariableFilter(filtered_items=())
    )
    with monitor.watching(interrupter.interrupt):
        return mathopt.solve(
            target,
            mathopt.SolverType.GSCIP,
            params=parameters,
            model_params=model_parameters,
            callback_reg=events,
            cb=found,
            interrupter=interrupter,
        )


def _highs_watched(
    model: LinearModel,
    target: mathopt.Model,
    parameters: mathopt.SolveParameters,
    model_parameters: mathopt.ModelSolveParameters,
    monitor: Monitor,
    found: str | None,
) -> mathopt.SolveResult:
    """HiGHS has no callbacks here: its log says how far it is."""
    if found is not None:
        parameters.highs = highs_pb2.HighsOptionsProto(
            bool_options={"mip_improving_solution_save": True},
            string_options={"mip_improving_solution_file": found},
        )
    divisor = scale(model)

    def read(lines: list[str]) -> None:
        for line in lines:
            if (match := _LOG_LINE.match(line)) is not None:
                _report(monitor, divisor, _number(match["best"]), _number(match["bound"]))

    return mathopt.solve(
        target, mathopt.SolverType.HIGHS, params=parameters, model_params=model_parameters, msg_cb=read
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _report(monitor: Monitor, divisor: int, best: float | None, bound: float | None) -> None:
    """Tell the monitor what a floating-point solver says of the scaled objective."""
    monitor.report(
        monitor.phase,
        objective=round(best) * divisor if best is not None and abs(best) < _INFINITE else None,
        bound=_bound(bound, divisor) if bound is not None and abs(bound) < _INFINITE else None,
    )


def scale(model: LinearModel) -> int:
    """What the objective is divided by: the common divisor of its coefficients."""
    return math.gcd(*model.objective.values()) or 1


def _bound(dual: float, divisor: int) -> int:
    """The float dual bound of an integer objective, rounded up unless it is within 1e-6 of the integer below."""
    return max(0, math.ceil(dual - 1e-6 * max(1.0, abs(dual)))) * divisor if math.isfinite(dual) else 0


def _translate(model: LinearModel) -> tuple[mathopt.Model, list[mathopt.Variable]]:
    target = mathopt.Model(name="gpufleet")
    unit, divisor = units(model), scale(model)
    variables = [
        target.add_variable(lb=v.lower / u, ub=v.upper / u, is_integer=v.kind == "count", name=v.name)
        for v, u in zip(model.variables, unit, strict=True)
    ]
    for row in model.rows:
        terms, lower, upper = scaled(row, unit)
        target.add_linear_constraint(
            lb=-math.inf if lower is None else lower,
            ub=math.inf if upper is None else upper,
            expr=mathopt.LinearSum(c * variables[i] for i, c in terms),
            name=row.name,
        )
    target.minimize(mathopt.LinearSum((c // divisor) * variables[i] for i, c in model.objective.items()))
    return target, variables
