"""Which limit alone stands in the way of a plan: each is lifted in turn, and the instance solved again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpufleet.schema.instance import Budgets, FleetRules
from gpufleet.solving import solve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


@dataclass(frozen=True)
class Relief:
    """A limit without which there is a plan, and that plan."""

    limit: str
    plan: Plan


def single_reliefs(resolved: ResolvedInstance, time_limit_s: float = 20.0) -> Iterator[Relief]:
    """Every group of limits whose removal alone makes the instance feasible, with the cheapest plan then."""
    for name, lifted in _lifted(resolved):
        plan = solve(lifted, time_limit_s=time_limit_s)
        if plan.status in ("optimal", "feasible"):
            yield Relief(name, plan)


def _lifted(resolved: ResolvedInstance) -> Iterator[tuple[str, ResolvedInstance]]:
    instance = resolved.instance
    if instance.budgets != Budgets():
        yield "budgets", replace(resolved, instance=instance.model_copy(update={"budgets": Budgets()}))
    if instance.rules != FleetRules():
        yield "quotas", replace(resolved, instance=instance.model_copy(update={"rules": FleetRules()}))
    for field, name in (("power_cap_kw", "power caps"), ("rack_units", "rack units")):
        if any(getattr(site, field) is not None for site in instance.sites):
            sites = tuple(site.model_copy(update={field: None}) for site in instance.sites)
            changed = instance.model_copy(update={"sites": sites})
            yield name, replace(resolved, instance=changed, sites={site.name: site for site in sites})
    if any(offer.stock is not None and offer.term != "owned" for offer in resolved.offers.values()):
        offers = {
            name: offer if offer.term == "owned" else offer.model_copy(update={"stock": None})
            for name, offer in resolved.offers.items()
        }
        yield "stock", replace(resolved, offers=offers)
