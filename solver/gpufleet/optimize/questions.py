"""Questions that are easier than the cheapest plan: is there any at all, and how little of an amount will do?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpufleet.optimize.choice import MERGED_PERIODS, Approach, answer
from gpufleet.optimize.formulation.build import build_model
from gpufleet.units import INT64_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.problem.data import Problem

Amount = tuple[tuple[int, int], ...]
"""(index of the variable, coefficient)."""
WHOLE = Approach(engine="whole")
"""The other engines earn their keep on costs."""


def has_plan(problem: Problem, limits: SolverLimits) -> bool | None:
    """Is there any plan? The first one ends the search; None where time ran out before one was found or ruled out."""
    model, variables = build_model(problem)
    if len(problem.periods) >= MERGED_PERIODS:  # plans period by period, from the cheapest fleets of merged ones
        outcome = answer(problem, model, variables, replace(limits, relative_gap=1.0), Approach()).result.outcome
    else:
        model.objective = {}
        outcome = answer(problem, model, None, limits, WHOLE).result.outcome
    return None if outcome == "unknown" else outcome != "infeasible"


def least_amount(problem: Problem, families: Sequence[str], lifted: Problem, limits: SolverLimits) -> int | None:
    """The smallest limit, in the rows' own units, at which the rows that `lifted` lacks leave a plan; None where that
    was not proven.

    The rows are of these families of the formulation; the problems are alike but for them.
    """
    amounts = list(_rows_without(problem, lifted, families))
    model, _ = build_model(lifted)
    if not amounts:
        return None
    largest = _maximum(model, amounts)
    model.objective = {largest: 1}
    result = answer(lifted, model, None, limits, WHOLE).result
    return result.objective if result.outcome == "optimal" else None


def _rows_without(problem: Problem, lifted: Problem, families: Sequence[str]) -> Iterable[Amount]:
    """Rows of these families that only the first of the problems has."""
    ours, theirs = (build_model(known)[0] for known in (problem, lifted))
    left = [(row.family, row.terms, row.upper) for row in theirs.rows]
    for row in ours.rows:
        key = (row.family, row.terms, row.upper)
        if row.family not in families:
            continue
        if key in left:
            left.remove(key)
        else:
            yield row.terms


def _maximum(model: LinearModel, amounts: Sequence[Amount]) -> int:
    """A new variable that is at least every amount."""
    bounds = [sum(weight * model.variables[index].upper for index, weight in terms) for terms in amounts]
    largest = model.add_variable("least_amount", 0, min(max(bounds), INT64_MAX // 4))
    for number, terms in enumerate(amounts):
        model.add_row("least_amount", f"amount_{number}", (*terms, (largest, -1)), upper=0)
    return largest
