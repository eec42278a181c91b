"""Which limit alone stands in the way of a plan: each is lifted in turn, and the instance solved again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.schema.instance import Budgets, FleetRules
from gpufleet.solving import NO_ENGINE, solve_candidates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


RULES = {
    "quotas": ("quotas",),
    "shares": ("max_vendor_share", "max_accelerator_share", "max_site_share", "min_country_share"),
    "limit on node types": ("max_node_types",),
}
"""Groups of fleet rules, in the words of the answer, and their fields."""


@dataclass(frozen=True)
class Relief:
    """A limit without which there is a plan, and that plan."""

    limit: str
    plan: Plan


def without_options(plan: Plan) -> bool:
    """Is the plan infeasible because some workload, or a class of it, has no option at all (see `plan.reason`)?

    Then no solver was asked.
    """
    return plan.status == "infeasible" and plan.certificate is not None and plan.certificate.engine == NO_ENGINE


def single_reliefs(resolved: ResolvedInstance, time_limit_s: float = 20.0) -> Iterator[Relief]:
    """Every group of limits whose removal alone makes the instance feasible, with the cheapest plan then."""
    candidates = build_candidates(resolved)
    limits = SolverLimits(time_limit_s)
    for name, lifted in _lifted(resolved):
        # of all limits, candidates know stock alone
        options = build_candidates(lifted) if name == "stock" else candidates
        plan = solve_candidates(lifted, options, limits)
        if plan.status in ("optimal", "feasible"):
            yield Relief(name, plan)


def _lifted(resolved: ResolvedInstance) -> Iterator[tuple[str, ResolvedInstance]]:
    instance = resolved.instance
    if instance.budgets != Budgets():
        yield "budgets", replace(resolved, instance=instance.model_copy(update={"budgets": Budgets()}))
    for name, fields in RULES.items():
        plain = {field: FleetRules.model_fields[field].get_default() for field in fields}
        rules = instance.rules.model_copy(update=plain)
        if rules != instance.rules:
            yield name, replace(resolved, instance=instance.model_copy(update={"rules": rules}))
    for field, name, none in (
        ("spare_nodes", "spare nodes", 0),
        ("survive_site_loss", "survival of a site loss", False),
    ):
        if any(getattr(workload.redundancy, field) for workload in instance.workloads):
            workloads = tuple(
                workload.model_copy(update={"redundancy": workload.redundancy.model_copy(update={field: none})})
                for workload in instance.workloads
            )
            yield name, replace(resolved, instance=instance.model_copy(update={"workloads": workloads}))
    for field, name in (("power_cap_kw", "power caps"), ("rack_units", "rack units")):
        if any(getattr(site, field) is not None for site in instance.sites):
            sites = tuple(site.model_copy(update={field: None}) for site in instance.sites)
            changed = instance.model_copy(update={"sites": sites})
            yield name, replace(resolved, instance=changed, sites={site.name: site for site in sites})
    if any(offer.min_order for offer in resolved.offers.values()):
        yield "minimum orders", _with_offers(resolved, min_order=0)
    if any(offer.stock is not None and offer.term != "owned" for offer in resolved.offers.values()):
        yield "stock", _with_offers(resolved, stock=None)


def _with_offers(resolved: ResolvedInstance, **fields: object) -> ResolvedInstance:
    """All offers changed but those of owned nodes."""
    offers = {
        name: offer if offer.term == "owned" else offer.model_copy(update=fields)
        for name, offer in resolved.offers.items()
    }
    return replace(resolved, offers=offers)
