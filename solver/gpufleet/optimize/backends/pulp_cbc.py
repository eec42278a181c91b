"""PuLP: the second opinion (its CBC solves the same model), and the exporter of LP and MPS files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pulp

from gpufleet.errors import MissingBackendError
from gpufleet.optimize.backends.cpsat import CpSat
from gpufleet.optimize.backends.interface import BackendResult
from gpufleet.optimize.backends.scaled_rows import finish, scaled

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel, Row


class PulpCbc:
    """CBC through PuLP, in floating point; shares are continuous here and return to their grid afterwards."""

    name = "pulp"

    def version(self) -> str:
        """`CBC (PuLP x.y.z)`."""
        return f"CBC (PuLP {pulp.__version__})"

    def solve(self, model: LinearModel, limits: SolverLimits, hint: list[int] | None = None) -> BackendResult:
        """Minimise the model's objective; `hint` is not used."""
        divisor = math.gcd(*model.objective.values()) or 1
        problem, variables = to_pulp(model, divisor, relax_shares=True, scale_rows=True)
        command = pulp.PULP_CBC_CMD(msg=False, timeLimit=max(limits.seconds, 1), gapRel=limits.relative_gap)
        if not command.available():
            raise MissingBackendError("PuLP comes without its CBC solver here; reinstall it with: pip install pulp")
        problem.solve(command)
        if problem.status == pulp.LpStatusInfeasible:
            return BackendResult("infeasible", None, None, None)
        if problem.status != pulp.LpStatusOptimal or problem.sol_status not in (1, 2):
            return BackendResult("unknown", None, None, 0)
        floats = [float(variable.value() or 0) for variable in variables]
        proven = problem.sol_status == pulp.LpSolutionOptimal and limits.relative_gap == 0
        return finish(model, floats, proven, 0, CpSat(), limits)


def to_pulp(
    model: LinearModel, divisor: int = 1, *, relax_shares: bool = False, scale_rows: bool = False
) -> tuple[pulp.LpProblem, list[pulp.LpVariable]]:
    """The model as a `pulp.LpProblem`, objective divided by `divisor`."""
    problem = pulp.LpProblem("gpufleet", pulp.LpMinimize)
    variables = [
        pulp.LpVariable(v.name, v.lower, v.upper, "Continuous" if relax_shares and v.kind == "share" else "Integer")
        for v in model.variables
    ]
    problem += pulp.LpAffineExpression([(variables[i], c // divisor) for i, c in model.objective.items()])
    for row in model.rows:
        _add(problem, variables, row, scale_rows)
    return problem, variables


def _add(problem: pulp.LpProblem, variables: list[pulp.LpVariable], row: Row, scale_rows: bool) -> None:
    terms, lower, upper = scaled(row) if scale_rows else (row.terms, row.lower, row.upper)
    expression = pulp.LpAffineExpression([(variables[i], c) for i, c in terms])
    if lower is not None and lower == upper:
        problem += expression == lower, row.name
        return
    if lower is not None:
        problem += expression >= lower, row.name if upper is None else f"{row.name}_lower"
    if upper is not None:
        problem += expression <= upper, row.name if lower is None else f"{row.name}_upper"


def write_lp(model: LinearModel, path: Path) -> None:
    """Write the model in CPLEX LP format."""
    to_pulp(model)[0].writeLP(str(path))


def write_mps(model: LinearModel, path: Path) -> None:
    """Write the model in free MPS format."""
    to_pulp(model)[0].writeMPS(str(path))
