"""The price of a requirement: the cheapest plan with it and without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.changes import redigest
from gpufleet.edits.requirements import GROUPS, without_group
from gpufleet.errors import InputError, InputProblem
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.solving import solve_candidates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

REQUIREMENTS: Final = tuple(GROUPS)
"""What can be taken away as a whole. Stock of owned nodes stays: there are no more of them."""
SAME_CANDIDATES = frozenset({"redundancy", "budgets", "shares", "quotas"})
"""Requirements that couple options, so that the candidates are the same without them."""


@dataclass(frozen=True)
class RequirementPrice:
    """The answer without one requirement."""

    requirement: str
    plan: Plan
    """The cheapest plan without it."""
    price_usd: float | None
    """What the requirement costs over the horizon, USD; None where there is no plan with or without it, or where the
    one leaves more unserved than the other."""
    proven: bool
    """Are both plans proven optimal?"""


def price_requirements(
    resolved: ResolvedInstance, names: Sequence[str], time_limit_s: float = 60.0
) -> tuple[Plan, tuple[RequirementPrice, ...]]:
    """The cheapest plan with all requirements, and for each named one the cheapest plan without it alone.

    Raises InputError for a requirement that the instance does not have.
    """
    changed = [(name, take_away(resolved, name)) for name in dict.fromkeys(names)]
    candidates = build_candidates(resolved)
    limits = SolverLimits(time_limit_s)
    whole = solve_candidates(resolved, candidates, limits)
    prices = []
    for name, question in changed:
        known = candidates if name in SAME_CANDIDATES else build_candidates(question)
        prices.append(_price(name, whole, solve_candidates(question, known, limits)))
    return whole, tuple(prices)


def take_away(resolved: ResolvedInstance, name: str) -> ResolvedInstance:
    """The instance without one requirement.

    Raises InputError when the instance has no such requirement.
    """
    changed = without_group(resolved, name)
    if changed is resolved:
        there = ", ".join(_present(resolved)) or "none"
        message = f"the instance has no {name} to take away; of {', '.join(REQUIREMENTS)} it has: {there}"
        raise InputError([InputProblem(resolved.path, 0, "--without", message)])
    return redigest(changed)


def _present(resolved: ResolvedInstance) -> Iterator[str]:
    return (name for name in REQUIREMENTS if without_group(resolved, name) is not resolved)


def _price(name: str, whole: Plan, without: Plan) -> RequirementPrice:
    costs = [plan.certificate.objective_usd if plan.certificate else None for plan in (whole, without)]
    price = None if costs[0] is None or costs[1] is None else round(costs[0] - costs[1], 6)
    if _service(whole) != _service(without):
        price = None
    return RequirementPrice(name, without, price, whole.status == without.status == "optimal")


def _service(plan: Plan) -> list[tuple[int, float]]:
    """What stays unserved by priority: plans that differ in it have no price in common."""
    return [(entry.priority, entry.unserved) for entry in plan.certificate.service] if plan.certificate else []
