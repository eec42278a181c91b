"""PuLP: the second opinion (its CBC solves the same model), and the exporter of LP and MPS files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pulp

from gpufleet.errors import MissingBackendError
from gpufleet.optimize.backends.cpsat import CpSat
from gpufleet.optimize.backends.interface import BackendResult
from gpufleet.optimize.backends.scaled_rows import finish, scaled, units

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel


class PulpCbc:
    """CBC through PuLP, in floating point; shares are continuous here and return to their grid afterwards."""

    name = "pulp"

    def version(self) -> str:
        """`CBC (PuLP x.y.z)`."""
        return f"CBC (PuLP {pulp.__version__})"

    def solve(self, model: LinearModel, limits: SolverLimits, hint: list[int] | None = None) -> BackendResult:
        """Minimise the model's objective; `hint` is not used."""
        divisor = math.gcd(*model.objective.values()) or 1
        problem, variables = _relaxed(model, divisor)
        command = pulp.PULP_CBC_CMD(msg=False, timeLimit=max(limits.seconds, 1), gapRel=limits.relative_gap)
        if not command.available():
            raise MissingBackendError("PuLP comes without its CBC solver here; reinstall it with: pip install pulp")
        problem.solve(command)
        if problem.status == pulp.LpStatusInfeasible:
            return BackendResult("infeasible", None, None, None)
        if problem.status != pulp.LpStatusOptimal or problem.sol_status not in (1, 2):
            return BackendResult("unknown", None, None, 0)
        floats = [float(variable.value() or 0) * u for variable, u in zip(variables, units(model), strict=True)]
        proven = problem.sol_status == pulp.LpSolutionOptimal and limits.relative_gap == 0
        return finish(model, floats, proven, 0, CpSat(), limits)


def _relaxed(model: LinearModel, divisor: int) -> tuple[pulp.LpProblem, list[pulp.LpVariable]]:
    """The model for a floating-point solver: shares continuous between 0 and 1, rows scaled."""
    unit = units(model)
    variables = [
        pulp.LpVariable(v.name, v.lower / u, v.upper / u, "Continuous" if v.kind == "share" else "Integer")
        for v, u in zip(model.variables, unit, strict=True)
    ]
    problem = _problem(model, variables, divisor)
    for row in model.rows:
        _add(problem, variables, row.name, *scaled(row, unit))
    return problem, variables


def to_pulp(model: LinearModel) -> pulp.LpProblem:
    """The model, number by number, as a `pulp.LpProblem`."""
    variables = [pulp.LpVariable(v.name, v.lower, v.upper, "Integer") for v in model.variables]
    problem = _problem(model, variables, 1)
    for row in model.rows:
        _add(problem, variables, row.name, row.terms, row.lower, row.upper)
    return problem


def _problem(model: LinearModel, variables: list[pulp.LpVariable], divisor: int) -> pulp.LpProblem:
    problem = pulp.LpProblem("gpufleet", pulp.LpMinimize)
    problem += pulp.LpAffineExpression([(variables[i], c // divisor) for i, c in model.objective.items()])
    return problem


def _add(
    problem: pulp.LpProblem,
    variables: list[pulp.LpVariable],
    name: str,
    terms: Iterable[tuple[int, float]],
    lower: float | None,
    upper: float | None,
) -> None:
    expression = pulp.LpAffineExpression([(variables[i], c) for i, c in terms])
    if lower is not None and lower == upper:
        problem += expression == lower, name
        return
    if lower is not None:
        problem += expression >= lower, name if upper is None else f"{name}_lower"
    if upper is not None:
        problem += expression <= upper, name if lower is None else f"{name}_upper"


def write_lp(model: LinearModel, path: Path) -> None:
    """Write the model in CPLEX LP format."""
    to_pulp(model).writeLP(str(path))


def write_mps(model: LinearModel, path: Path) -> None:
    """Write the model in free MPS format."""
    to_pulp(model).writeMPS(str(path))
