"""Families `budget`, `power`, `rack`, `quota`: upper limits on weighted node counts.

sum_f weight_f y_f <= limit

The weight is cost (budgets per day or horizon), purchase price (capex), watts, thousandths of a rack unit, or
accelerators; the sum runs over all offers, one site's, or one provider's. Stock is the upper bound of y_f itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILIES = ("budget", "power", "rack", "quota")


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One row per limit of the problem."""
    for index, limit in enumerate(problem.limits):
        terms = [(variables.nodes[f], weight) for f, weight in limit.coefficients]
        model.add_row(limit.family, f"{limit.family}_{index}", terms, upper=limit.limit)
