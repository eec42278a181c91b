"""Rows for floating-point solvers, and the way back from floats to integers."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from gpufleet.interruption import aside, heeding, look
from gpufleet.optimize.backends.interface import BackendResult, SolverLimits
from gpufleet.optimize.formulation.linear_model import CUT, LinearModel
from gpufleet.optimize.limits import left
from gpufleet.optimize.reduction import without_fixed

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.optimize.backends.interface import Backend
    from gpufleet.optimize.formulation.linear_model import Row
    from gpufleet.optimize.monitor import Monitor

    Again = Callable[[LinearModel, SolverLimits, Monitor | None], list[float] | None]

FINISH_SHARE = 0.1
"""Of the time limit, for the way back to integers, when a floating-point solver has used it up."""
STOPPED_SECONDS = 0.5
"""Time for the shares of the best plan so far, once the search was asked to stop."""
NEAR_SHARE, AGAIN_SHARE = 0.5, 0.5
"""Of the time that is left, for plans on the options in use; and of that, for those with slack."""


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


def whole_bound(dual: float, divisor: int) -> int:
    """The float dual bound of an integer objective, rounded up unless it is within 1e-6 of the integer below."""
    return max(0, math.ceil(dual - 1e-6 * max(1.0, abs(dual)))) * divisor if math.isfinite(dual) else 0


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

    With the counts fixed, the shares are a small feasibility problem: small moves, and an exact solver where those
    find nothing. None when the counts only looked feasible inside a floating-point tolerance. Without `moves` the
    solver is asked at once: compiling them takes two seconds, once.
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
    again: Again | None = None,
) -> BackendResult:
    """The result of a floating-point solver in integers; an exact solver takes over if they do not hold exactly.

    `limits` are those of the whole solve, which began at `started` (`time.monotonic`): what is left of them, and
    `FINISH_SHARE` at least, is for that. `again` asks the floating-point solver about another model.
    """
    rest = _way_back(limits, started)
    is_stopped = monitor is not None and monitor.stopped
    if is_stopped:
        brief = replace(rest, seconds=min(rest.seconds, STOPPED_SECONDS))
        with heeding(None):  # what was found is worth that moment
            values = return_to_grid(model, floats, exact, brief, moves=False)
    else:
        values = return_to_grid(model, floats, exact, rest)
    if values is None:
        hint = [min(max(round(f), v.lower), v.upper) for f, v in zip(floats, model.variables, strict=True)]
        return _bounded(_exactly(model, hint, exact, limits, started, monitor, again), bound)
    return _bounded(BackendResult("feasible", values, model.value(model.objective, values), 0), bound, proven=proven)


def _way_back(limits: SolverLimits, started: float, part: float = 1.0) -> SolverLimits:
    """A part of what is left, and `FINISH_SHARE` of the whole at least."""
    rest = left(limits, started)
    return replace(rest, seconds=max(part * rest.seconds, FINISH_SHARE * limits.seconds))


def _exactly(
    model: LinearModel,
    hint: list[int],
    exact: Backend,
    limits: SolverLimits,
    started: float,
    monitor: Monitor | None,
    again: Again | None,
) -> BackendResult:
    """A plan on the options that the hint uses, and what an exact solver makes of it on all while time is left."""
    quiet = None if monitor is None else monitor.quiet()  # a bound on few options is none on all
    near = _near(model, hint, exact, _way_back(limits, started, NEAR_SHARE), quiet, again)
    if near is None:
        return exact.solve(model, _way_back(limits, started), hint, monitor)
    first = BackendResult("feasible", near, model.value(model.objective, near), 0)
    rest = left(limits, started)
    if rest.seconds <= 0:
        return first
    found = exact.solve(model, rest, near, monitor)
    return first if found.values is None else found


def _near(
    model: LinearModel,
    hint: list[int],
    exact: Backend,
    limits: SolverLimits,
    monitor: Monitor | None,
    again: Again | None,
) -> list[int] | None:
    """A plan on the options in use: of the floating-point solver, with some slack, or of the exact one."""
    started = time.monotonic()
    small = without_fixed(model, dict.fromkeys(_idle(model, hint), 0))
    begin = [hint[index] for index in small.kept]
    values = None
    if again is not None and any(v.kind == "share" for v in small.model.variables):
        floats = again(with_slack(small.model, begin), replace(limits, seconds=AGAIN_SHARE * limits.seconds), monitor)
        values = None if floats is None else return_to_grid(small.model, floats, exact, left(limits, started), monitor)
    if values is None:
        values = exact.solve(small.model, left(limits, started), begin, monitor).values
    found = None if values is None else small.restored(values)
    return None if found is None or model.violated(found) else found


def with_slack(model: LinearModel, near: list[int]) -> LinearModel:
    """The model with less room for shares: a grid step less where counts are as in `near`, which rounding then fills.

    A step is what the row's median class takes of it. On `routed-60x4000-budget` that costs 0.03 %; a 50,000th part
    less room is not enough there for shares to return to their grid (measured).
    """
    shares = {v.index for v in model.variables if v.kind == "share"}
    return LinearModel(model.variables, [_with_slack(row, shares, near) for row in model.rows], model.objective)


def _with_slack(row: Row, shares: set[int], near: list[int]) -> Row:
    """The row with slack if it holds loads of shares to what counts give."""
    is_room = row.lower is None and row.upper == 0 and all((index in shares) == (c > 0) for index, c in row.terms)
    loads = [c for _, c in row.terms if c > 0]
    if not is_room or not loads:
        return row
    given = max(1, sum(near[index] for index, c in row.terms if c < 0))
    less = math.ceil(statistics.median(loads) / given)
    return replace(row, terms=tuple((index, c if c > 0 else min(c + less, 0)) for index, c in row.terms))


def _idle(model: LinearModel, values: list[int]) -> set[int]:
    """Counts that are 0, and what cannot be more than 0 without them."""
    idle = {v.index for v in model.variables if v.kind == "count" and v.lower == 0 and values[v.index] == 0}
    without = set[int]()
    for row in model.rows:
        rest = [(index, value) for index, value in row.terms if index not in idle]
        if row.lower is None and row.upper == 0 and all(value > 0 for _, value in rest):
            without |= {index for index, _ in rest if model.variables[index].lower == 0}
    return idle | without


def _bounded(result: BackendResult, bound: int | None, *, proven: bool = False) -> BackendResult:
    """A result beside the better of its bound and the one known before; `proven`: there is nothing better."""
    if result.objective is None:
        return result
    least = result.objective if proven else min(max(bound or 0, result.bound or 0), result.objective)
    return replace(result, outcome="optimal" if least == result.objective else result.outcome, bound=least)
