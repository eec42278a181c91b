"""HiGHS through MathOpt: for models with many routing shares, where linear programming shows its strength."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ortools import __version__ as ortools_version

from gpufleet.optimize.backends.cpsat import CpSat
from gpufleet.optimize.backends.highs_process import solve_apart
from gpufleet.optimize.backends.interface import BackendResult
from gpufleet.optimize.backends.scaled_rows import finish, whole_bound

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.monitor import Monitor


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
        bound = whole_bound(result.bound, model.unit)
        if result.values is None:
            return BackendResult("unknown", None, None, bound)
        return finish(model, result.values, result.proven, bound, CpSat(), limits, started, monitor, self._floats)

    def _floats(self, model: LinearModel, limits: SolverLimits, monitor: Monitor | None) -> list[float] | None:
        """The best solution that is found, as it is."""
        result = solve_apart(model, limits, self.name, monitor)
        return None if result is None else result.values
