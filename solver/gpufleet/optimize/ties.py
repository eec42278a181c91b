"""Among equally cheap plans, always the same one."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.formulation.tie_break import add_forms, secondary_objectives, unused
from gpufleet.optimize.limits import begin, left
from gpufleet.optimize.reduction import without_fixed

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import Outcome, SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.optimize.monitor import Monitor
    from gpufleet.problem.data import Problem

TIE_BREAK_LIMIT = 5_000
"""Variables beyond which ties are left as the solver decides them."""
TIE_BREAK_EFFORT = 2.0
"""Deterministic time (about seconds) that each step of the tie-break may take."""
TIDY_EFFORT = 1.0
"""The same for using fewer deployment options where ties are left as they are."""


def break_ties(
    problem: Problem,
    model: LinearModel,
    variables: FleetVariables,
    values: list[int],
    limits: SolverLimits,
    outcome: Outcome,
    monitor: Monitor | None = None,
) -> tuple[list[int], str]:
    """Among equally cheap plans, the one with fewer nodes, then less power, then by name."""
    begin(monitor, "ties", about_cost=False, keep=True)
    if outcome != "optimal":
        return _tidied(problem, model, variables, values, limits, "none: the cost is not proven optimal", monitor)
    if len(model.variables) > TIE_BREAK_LIMIT:
        reason = f"by the solver: more than {TIE_BREAK_LIMIT:,} variables"
        return _tidied(problem, model, variables, values, limits, reason, monitor)
    exact = backend("cpsat")
    started = time.monotonic()
    cost = model.objective
    model.add_row("tie_break", "tie_cost", cost.items(), upper=model.value(cost, values))
    values = list(values)
    forms = add_forms(model, problem, variables, values)
    for what, coefficients in secondary_objectives(problem, variables, forms):
        model.objective = coefficients
        begin(monitor, f"ties: {what}", about_cost=False, keep=True)
        rest = replace(left(limits, started), relative_gap=0.0, effort=TIE_BREAK_EFFORT)
        result = exact.solve(model, rest, values, monitor) if rest.seconds > 0 else None
        if result is None or result.values is None or result.outcome != "optimal":
            if monitor is not None and monitor.stopped:
                return values, f"by the solver from here on: {what}, because the search was stopped"
            return values, f"by the solver from here on: {what}, which took too long to settle"
        values = result.values
        model.add_row("tie_break", f"tie_{what}", coefficients.items(), upper=model.value(coefficients, values))
    return values, "fewest nodes, then least power, then names; proven"


def _tidied(
    problem: Problem,
    model: LinearModel,
    variables: FleetVariables,
    values: list[int],
    limits: SolverLimits,
    why: str,
    monitor: Monitor | None = None,
) -> tuple[list[int], str]:
    """The same fleet over several periods with fewer changes: fewest of the deployment options that it uses anyway."""
    if monitor is not None and monitor.stopped:
        return values, why
    forms = add_forms(model, problem, variables, values := list(values))
    if not forms or limits.seconds <= 0:
        return values, why
    model.objective = dict.fromkeys(forms, 1)
    small = without_fixed(model, unused(problem, variables, values))
    hint = [values[index] for index in small.kept]
    result = backend("cpsat").solve(small.model, replace(limits, relative_gap=0.0, effort=TIDY_EFFORT), hint, monitor)
    if result.values is None:
        return values, why
    return small.restored(result.values), f"{why}; on this fleet, few of the deployment options that it used"
