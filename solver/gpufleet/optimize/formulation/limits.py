"""Families `budget`, `power`, `rack`, `quota`, `stock`, `share`: upper limits on weighted node counts.

sum_f weight_f y_f + sum_m weight_m z_m <= limit

The weight of nodes is cost (budgets per day or horizon), purchase price (capex), power, rack units, or accelerators;
that of measures is their cost in budgets on the whole plan, else 0. The sum runs over all offers, one site's, or one
provider's. A share of the fleet (vendor, accelerator type, site, spot: at most s; country: at least s) is the group's
accelerators minus s times those of all, over the denominator of s. Stock is the upper bound of y_f itself; where an
offer can be taken from several stages on, also a row over what is there at a time.

Rows whose sum could leave the signed 64-bit range are divided by what all their weights have in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.units import INT64_MAX

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILIES = ("budget", "power", "rack", "quota", "stock", "share")


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One row per limit of the problem."""
    for index, limit in enumerate(problem.limits):
        terms = [(variables.nodes[f], weight) for f, weight in limit.coefficients]
        terms += [(variables.measures[m], weight) for m, weight in limit.measures]
        most = sum(abs(weight) * model.variables[variable].upper for variable, weight in terms)
        divisor = limit.divisor if most > INT64_MAX else 1
        scaled = [(variable, weight // divisor) for variable, weight in terms]
        model.add_row(limit.family, f"{limit.family}_{index}", scaled, upper=limit.limit // divisor)
