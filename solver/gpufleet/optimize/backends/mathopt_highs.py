"""HiGHS through MathOpt: for models with many routing shares, where linear programming shows its strength."""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING

from ortools import __version__ as ortools_version
from ortools.math_opt.python import mathopt

from gpufleet.optimize.backends.cpsat import CpSat
from gpufleet.optimize.backends.highs_process import FloatResult, solve_apart
from gpufleet.optimize.backends.interface import BackendResult
from gpufleet.optimize.backends.scaled_rows import finish, scaled, units

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel


class MathOptHighs:
    """HiGHS, in floating point; shares are continuous here and return to their grid afterwards."""

    name = "highs"

    def version(self) -> str:
        """`HiGHS (OR-Tools MathOpt x.y.z)`."""
        return f"HiGHS (OR-Tools MathOpt {ortools_version})"

    def solve(self, model: LinearModel, limits: SolverLimits, hint: list[int] | None = None) -> BackendResult:
        """Minimise the model's objective; `hint` is not used."""
        result = solve_apart(model, limits)
        if result is None:
            return BackendResult("unknown", None, None, 0)
        if result.infeasible:
            return BackendResult("infeasible", None, None, None)
        bound = _bound(result.bound, _divisor(model))
        if result.values is None:
            return BackendResult("unknown", None, None, bound)
        return finish(model, result.values, result.proven, bound, CpSat(), limits)


def solve_here(model: LinearModel, limits: SolverLimits) -> FloatResult:
    """Solve in this process. HiGHS may write to standard output; see `highs_process`."""
    target, variables = _translate(model)
    parameters = mathopt.SolveParameters(
        time_limit=datetime.timedelta(seconds=max(limits.seconds, 0.01)),
        relative_gap_tolerance=limits.relative_gap,
        absolute_gap_tolerance=0.0,
        random_seed=limits.seed,
    )
    result = mathopt.solve(target, mathopt.SolverType.HIGHS, params=parameters)
    reason = result.termination.reason
    # every variable is bounded, so "infeasible or unbounded" is infeasible
    infeasible = reason in (mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED)
    values = None
    if result.has_primal_feasible_solution():
        found = result.variable_values()
        values = [found[v] * u for v, u in zip(variables, units(model), strict=True)]
    proven = reason == mathopt.TerminationReason.OPTIMAL and limits.relative_gap == 0
    return FloatResult(infeasible, proven, values, result.dual_bound())


def _divisor(model: LinearModel) -> int:
    """What the objective is divided by: the common divisor of its coefficients."""
    return math.gcd(*model.objective.values()) or 1


def _bound(dual: float, divisor: int) -> int:
    """The float dual bound of an integer objective, rounded up unless it is within 1e-6 of the integer below."""
    return max(0, math.ceil(dual - 1e-6 * max(1.0, abs(dual)))) * divisor if math.isfinite(dual) else 0


def _translate(model: LinearModel) -> tuple[mathopt.Model, list[mathopt.Variable]]:
    target = mathopt.Model(name="gpufleet")
    unit, divisor = units(model), _divisor(model)
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
