"""Rows for floating-point solvers, and the way back from floats to integers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpufleet.interruption import heeding, look
from gpufleet.optimize.backends.interface import BackendResult, SolverLimits

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import Backend
    from gpufleet.optimize.formulation.linear_model import LinearModel, Row
    from gpufleet.optimize.monitor import Monitor

STOPPED_SECONDS = 0.5
"""Time for the shares of the best plan so far, once the search was asked to stop."""


def units(model: LinearModel) -> list[int]:
    """What 1 means per variable for a floating-point solver: all of it for a share, one of it for a count."""
    return [v.upper if v.kind == "share" else 1 for v in model.variables]


def scaled(row: Row, unit: list[int]) -> tuple[list[tuple[int, float]], float | None, float | None]:
    """(terms, lower, upper) in those units, divided by the largest coefficient, so that tolerances mean the same
    everywhere."""
    wide = [(i, c * unit[i]) for i, c in row.terms]
    divisor = max((abs(c) for _, c in wide), default=1)
    terms = [(i, c / divisor) for i, c in wide]
    return terms, _divided(row.lower, divisor), _divided(row.upper, divisor)


def _divided(side: int | None, divisor: int) -> float | None:
    return None if side is None else side / divisor


def return_to_grid(
    model: LinearModel, floats: list[float], exact: Backend, limits: SolverLimits, monitor: Monitor | None = None
) -> list[int] | None:
    """Integer values from a floating-point solution: counts to the nearest integer, shares back onto their grid.

    With the counts fixed, the shares are a small feasibility problem, solved exactly. None when the counts only
    looked feasible inside a floating-point tolerance.
    """
    values = [round(value) for value in floats]
    if not model.violated(values):
        return values
    free = [v.index for v in model.variables if v.kind == "share"]
    rest = _with_counts_fixed(model, values, free)
    if rest is None:
        return None
    outcome = exact.solve(rest, limits, None, monitor)
    if outcome.values is None:
        return None
    for position, index in enumerate(free):
        values[index] = outcome.values[position]
    return values


def _with_counts_fixed(model: LinearModel, values: list[int], free: list[int]) -> LinearModel | None:
    """The model over its shares alone; None when a row without shares is already broken."""
    rest = type(model)()
    position = {
        index: rest.add_variable(model.variables[index].name, 0, model.variables[index].upper) for index in free
    }
    for row in model.rows:
        look()
        constant = sum(c * values[i] for i, c in row.terms if i not in position)
        terms = [(position[i], c) for i, c in row.terms if i in position]
        lower = None if row.lower is None else row.lower - constant
        upper = None if row.upper is None else row.upper - constant
        if terms:
            rest.add_row(row.family, row.name, terms, lower, upper)
        elif (lower is not None and lower > 0) or (upper is not None and upper < 0):
            return None
    return rest


def finish(
    model: LinearModel,
    floats: list[float],
    proven: bool,
    bound: int | None,
    exact: Backend,
    limits: SolverLimits,
    monitor: Monitor | None = None,
) -> BackendResult:
    """The result of a floating-point solver in integers; an exact solver takes over if they do not hold exactly."""
    is_stopped = monitor is not None and monitor.stopped
    if is_stopped:
        brief = replace(limits, seconds=min(limits.seconds, STOPPED_SECONDS))
        with heeding(None):  # what was found is worth that moment
            values = return_to_grid(model, floats, exact, brief)
    else:
        values = return_to_grid(model, floats, exact, limits)
    if values is None:
        hint = [min(max(round(f), v.lower), v.upper) for f, v in zip(floats, model.variables, strict=True)]
        return exact.solve(model, limits, hint, monitor)
    objective = model.value(model.objective, values)
    if proven or (bound is not None and bound >= objective):
        return BackendResult("optimal", values, objective, objective)
    return BackendResult("feasible", values, objective, bound)
