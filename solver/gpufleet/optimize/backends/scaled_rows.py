"""Rows for floating-point solvers, and the way back from floats to integers."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from gpufleet.interruption import aside, heeding, look
from gpufleet.optimize.backends.interface import BackendResult, SolverLimits
from gpufleet.optimize.formulation.linear_model import CUT
from gpufleet.optimize.limits import left
from gpufleet.optimize.reduction import without_fixed

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import Backend
    from gpufleet.optimize.formulation.linear_model import LinearModel, Row
    from gpufleet.optimize.monitor import Monitor

FINISH_SHARE = 0.1
"""Of the time limit, for the way back to integers, when a floating-point solver has used it up."""
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
    model: LinearModel,
    floats: list[float],
    exact: Backend,
    limits: SolverLimits,
    monitor: Monitor | None = None,
    *,
    moves: bool = True,
) -> list[int] | None:
    """Integer values from a floating-point solution: counts to the nearest integer, shares back onto their grid.

    With the counts fixed, the shares are a small feasibility problem: small moves, and
    an exact solver where those find nothing. None when the counts only looked feasible inside a floating-point
    tolerance. Without `moves` the solver is asked at once: compiling them takes two seconds, once.
    """
    values = [round(value) for value in floats]
    if not model.violated(values):
        return values
    free = [v.index for v in model.variables if v.kind == "share"]
    rest = _with_counts_fixed(model, values, free)
    if rest is None:
        return None
    shares = aside(lambda: _moved(rest)) if moves else None
    if shares is None:
        shares = exact.solve(rest, limits, None, monitor).values
    if shares is None:
        return None
    for index, share in zip(free, shares, strict=True):
        values[index] = share
    return values


def _moved(model: LinearModel) -> list[int] | None:
    """Small moves, compiled (or read from numba's cache) on their first use."""
    from gpufleet.optimize.backends.small_moves import fitted

    return fitted(model)


def _with_counts_fixed(model: LinearModel, values: list[int], free: list[int]) -> LinearModel | None:
    """The model over its shares alone, without cuts; None when a row without shares is already broken."""
    rest = type(model)()
    position = {
        index: rest.add_variable(model.variables[index].name, 0, model.variables[index].upper) for index in free
    }
    for row in model.rows:
        look()
        if row.family == CUT:
            continue
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
    started: float,
    monitor: Monitor | None = None,
) -> BackendResult:
    """The result of a floating-point solver in integers; an exact solver takes over if they do not hold exactly.

    `limits` are those of the whole solve, which began at `started` (`time.monotonic`): what is left of them, and
    `FINISH_SHARE` at least, is for that.
    """
    rest = left(limits, started)
    limits = replace(rest, seconds=max(rest.seconds, FINISH_SHARE * limits.seconds))
    is_stopped = monitor is not None and monitor.stopped
    if is_stopped:
        brief = replace(limits, seconds=min(limits.seconds, STOPPED_SECONDS))
        with heeding(None):  # what was found is worth that moment
            values = return_to_grid(model, floats, exact, brief, moves=False)
    else:
        values = return_to_grid(model, floats, exact, limits)
    if values is None:
        hint = [min(max(round(f), v.lower), v.upper) for f, v in zip(floats, model.variables, strict=True)]
        return _bounded(_near(model, hint, exact, limits, monitor), bound)
    objective = model.value(model.objective, values)
    if proven or (bound is not None and bound >= objective):
        return BackendResult("optimal", values, objective, objective)
    return BackendResult("feasible", values, objective, bound)


def _near(
    model: LinearModel, hint: list[int], exact: Backend, limits: SolverLimits, monitor: Monitor | None
) -> BackendResult:
    """What an exact solver finds on the options that the hint uses, whose optimum proves nothing; or on all."""
    started = time.monotonic()
    small = without_fixed(model, dict.fromkeys(_idle(model, hint), 0))
    found = exact.solve(small.model, limits, [hint[index] for index in small.kept], monitor)
    values = None if found.values is None else small.restored(found.values)
    if values is None or model.violated(values):
        return exact.solve(model, left(limits, started), hint, monitor)
    return BackendResult("feasible", values, model.value(model.objective, values), 0)


def _idle(model: LinearModel, values: list[int]) -> set[int]:
    """Counts that are 0, and what cannot be more than 0 without them."""
    idle = {v.index for v in model.variables if v.kind == "count" and v.lower == 0 and values[v.index] == 0}
    without = set[int]()
    for row in model.rows:
        rest = [(index, value) for index, value in row.terms if index not in idle]
        if row.lower is None and row.upper == 0 and all(value > 0 for _, value in rest):
            without |= {index for index, _ in rest if model.variables[index].lower == 0}
    return idle | without


def _bounded(result: BackendResult, bound: int | None) -> BackendResult:
    """An exact solver's result beside the better of its bound and the one known before."""
    if result.objective is None or bound is None or bound <= (result.bound or 0):
        return result
    least = min(bound, result.objective)
    return replace(result, outcome="optimal" if least == result.objective else result.outcome, bound=least)
