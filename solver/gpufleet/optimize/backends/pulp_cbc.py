"""PuLP: the second opinion (its CBC solves the same model), and the exporter of LP and MPS files."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pulp

from gpufleet.errors import MissingBackendError
from gpufleet.optimize.backends.children import child
from gpufleet.optimize.backends.cpsat import CpSat
from gpufleet.optimize.backends.interface import BackendResult
from gpufleet.optimize.backends.scaled_rows import finish, scaled, units

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.monitor import Monitor

STOP_SECONDS = 3.0
"""Time that CBC has to write down its best plan once it was asked to stop."""


class PulpCbc:
    """CBC through PuLP, in floating point; shares are continuous here and return to their grid afterwards."""

    name = "pulp"

    def version(self) -> str:
        """`CBC (PuLP x.y.z)`."""
        return f"CBC (PuLP {pulp.__version__})"

    def solve(
        self,
        model: LinearModel,
        limits: SolverLimits,
        hint: list[int] | None = None,
        monitor: Monitor | None = None,
    ) -> BackendResult:
        """Minimise the model's objective; `hint` is not used."""
        started = time.monotonic()
        divisor = model.unit
        problem, variables = _relaxed(model, divisor)
        if monitor is not None and monitor.stopped:
            return BackendResult("unknown", None, None, 0)
        try:
            problem.solve(_command(limits, monitor))
        except pulp.PulpSolverError:
            if monitor is None or not monitor.stopped:
                raise
            return BackendResult("unknown", None, None, 0)  # stopped before it had anything to say
        if problem.status == pulp.LpStatusInfeasible:
            return BackendResult("infeasible", None, None, None)
        if problem.status != pulp.LpStatusOptimal or problem.sol_status not in (1, 2):
            return BackendResult("unknown", None, None, 0)
        floats = [float(variable.value() or 0) * u for variable, u in zip(variables, units(model), strict=True)]
        proven = problem.sol_status == pulp.LpSolutionOptimal and limits.relative_gap == 0
        return finish(model, floats, proven, 0, CpSat(), limits, started, monitor)


def _command(limits: SolverLimits, monitor: Monitor | None) -> pulp.PULP_CBC_CMD:
    """CBC with these limits."""
    options = {"msg": False, "timeLimit": max(limits.seconds, 1), "gapRel": limits.relative_gap}
    command = pulp.PULP_CBC_CMD(**options) if monitor is None else _StoppableCbc(monitor, options)
    if not command.available():
        raise MissingBackendError("PuLP comes without its CBC solver here; reinstall it with: pip install pulp")
    return command


class _StoppableCbc(pulp.PULP_CBC_CMD):  # type: ignore[misc]
    """CBC that ends when a monitor says so, with the best plan that it has: an interrupt makes it write that down.

    PuLP waits for CBC without a way to reach it, hence this way of running it. CBC reports nothing on its way.
    """

    def __init__(self, monitor: Monitor, options: dict[str, Any]) -> None:
        super().__init__(**options)
        self._monitor = monitor

    def solve_CBC(self, problem: pulp.LpProblem, use_mps: bool = True) -> int:  # noqa: N802 (PuLP's name)
        """Write the problem, run CBC, read its solution."""
        model, solution = self.create_tmp_files(problem.name, "mps", "sol")
        try:
            columns, variables, constraints, _ = problem.writeMPS(model, rename=1)
            self._run(model, solution)
            status, values, *_, sol_status = self.readsol_MPS(solution, problem, columns, variables, constraints)
        finally:
            self.delete_tmp_files(model, solution)
        problem.assignVarsVals(values)
        problem.assignStatus(status, sol_status)
        return int(status)

    def _run(self, model: str, solution: str) -> None:
        words = [word for option in self.getOptions() for word in f"-{option}".split()]
        limit = ["-sec", str(self.timeLimit)]
        command = [self.path, model, *limit, *words, "-solve", "-printingOptions", "all", "-solution", solution]
        nowhere = subprocess.DEVNULL
        with (
            child(command, stdin=nowhere, stdout=nowhere, stderr=nowhere) as process,
            self._monitor.watching(_Interrupt(process)),
        ):
            code = process.wait()
        if code != 0 or not os.path.isfile(solution):  # noqa: PTH113 (pulp hands out plain names)
            raise pulp.PulpSolverError(f"CBC ended without a solution file, with exit code {code}")


class _Interrupt:
    """Interrupts CBC once, as from the keyboard (a second time would cost its answer), and ends it if that is in vain.

    Where there are no such signals, it is ended at once and its plan is lost.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._since: float | None = None

    def __call__(self) -> None:
        now = time.monotonic()
        if os.name != "posix" or (self._since is not None and now - self._since > STOP_SECONDS):
            self._process.terminate()
        elif self._since is None:
            self._since = now
            self._process.send_signal(signal.SIGINT)


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
