"""What the deployment options of a question hang on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gpufleet.edits.changes import redigest
from gpufleet.schema.instance import Budgets, FleetRules
from gpufleet.schema.workloads import Training

if TYPE_CHECKING:
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload


def about_candidates(resolved: ResolvedInstance) -> str:
    """A digest that is the same where budgets, fleet rules, prices and rates of requests alone differ: candidates do
    not hang on them."""
    fields = {
        "budgets": Budgets(),
        "rules": FleetRules(),
        "workloads": tuple(_with_equal_rates(workload) for workload in resolved.instance.workloads),
    }
    offers = {name: _without_price(offer) for name, offer in resolved.offers.items()}
    instance = resolved.instance.model_copy(update={**fields, "offers": ()})
    return redigest(replace(resolved, instance=instance, offers=offers)).digest


def _with_equal_rates(workload: Workload) -> Workload:
    if isinstance(workload, Training):
        return workload
    changes: dict[str, Any] = {"requests_per_s": 1.0, "demand_factors": {}}
    classes = tuple(group.model_copy(update=changes) for group in workload.classes)
    return workload.model_copy(update={"classes": classes, "demand_factors": {}})


def _without_price(offer: Offer) -> Offer:
    prices = {name: 0.0 for name in ("usd_per_hour", "capex_usd") if getattr(offer, name) is not None}
    return offer.model_copy(update=prices)
