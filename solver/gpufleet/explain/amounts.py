"""How little of a capped amount (money, power, space, a quota) will do: exactly, by minimising it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.optimize.questions import least_amount
from gpufleet.problem.build import build_problem
from gpufleet.units import HOURS_PER_DAY, MICRO_USD_PER_USD, exact

if TYPE_CHECKING:
    from gpufleet.edits.requirement import Requirement
    from gpufleet.explain.oracle import Oracle
    from gpufleet.problem.data import Problem
    from gpufleet.schema.resolved import ResolvedInstance

FAMILIES = {
    "budget": "budget",
    "site_budget": "budget",
    "stage_budget": "budget",
    "workload_budget": "workload_budget",
    "power": "power",
    "rack_units": "rack",
    "quota": "quota",
}
"""The family of rows that a requirement makes."""


def least_value(resolved: ResolvedInstance, requirement: Requirement, oracle: Oracle) -> Fraction | None:
    """The smallest value of a cap that leaves a plan, in the requirement's unit; None where that was not proven."""
    if not oracle.left_s:
        return None
    lifted = requirement.lift(resolved)
    problem, without = (build_problem(known, oracle.candidates(known)) for known in (resolved, lifted))
    oracle.solves += 1
    least = least_amount(problem, (FAMILIES[requirement.kind],), without, oracle.limits())
    return None if least is None else least / _scale(resolved, requirement, problem)


def _scale(resolved: ResolvedInstance, requirement: Requirement, problem: Problem) -> Fraction:
    """How much of the rows' own unit one of the requirement's unit is."""
    if requirement.kind == "quota":
        return Fraction(1)
    if FAMILIES[requirement.kind] in ("power", "rack"):
        limits = [row.limit for row in problem.limits if row.name == _row_name(resolved, requirement)]
        assert requirement.value is not None
        return Fraction(limits[0]) / exact(requirement.value)
    days = resolved.instance.hours / HOURS_PER_DAY if requirement.loc[-1] == "usd_per_day" else Fraction(1)
    return days * MICRO_USD_PER_USD


def _row_name(resolved: ResolvedInstance, requirement: Requirement) -> str:
    site = resolved.instance.sites[int(requirement.loc[1])]
    return f"power of {site.name}" if requirement.kind == "power" else f"rack units of {site.name}"
