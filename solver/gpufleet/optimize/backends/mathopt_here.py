"""HiGHS and SCIP through MathOpt, in this process: what the child of `mathopt_highs` runs."""

from __future__ import annotations

import datetime
import math
import re
import time
from typing import TYPE_CHECKING

from ortools.math_opt.python import mathopt
from ortools.math_opt.solvers import highs_pb2
from ortools.util.python import solve_interrupter

from gpufleet.optimize.backends.highs_process import FloatResult
from gpufleet.optimize.backends.scaled_rows import scaled, units, whole_bound

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.monitor import Monitor

_SOLVERS = {"highs": mathopt.SolverType.HIGHS, "scip": mathopt.SolverType.GSCIP}
_LOG_LINE = re.compile(r" .? +\d+ +\d+ +\d+ +[\d.]+% +(?P<bound>\S+) +(?P<best>\S+) +\S+")
"""A line of HiGHS's log: source, nodes, queue, leaves, explored, best bound, best solution, gap."""
_INFINITE = 1e20
"""What these solvers take for infinite; not smaller than a number that is none (`nan < x` is false)."""


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
    interrupter, divisor = solve_interrupter.SolveInterrupter(), model.unit

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
    divisor = model.unit

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
        bound=whole_bound(bound, divisor) if bound is not None and abs(bound) < _INFINITE else None,
    )


def _translate(model: LinearModel) -> tuple[mathopt.Model, list[mathopt.Variable]]:
    target = mathopt.Model(name="gpufleet")
    unit, divisor = units(model), model.unit
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
