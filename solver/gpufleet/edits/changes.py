"""Changes that make another question of a resolved instance; the digest follows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from gpufleet.errors import InputError, InputProblem
from gpufleet.library import digest
from gpufleet.schema.workloads import Training
from gpufleet.units import HOURS_PER_YEAR, exact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload


def redigest(resolved: ResolvedInstance) -> ResolvedInstance:
    """The same instance with the digest of its present contents."""
    parts = (resolved.accelerators, resolved.node_types, resolved.offers, resolved.models)
    return replace(
        resolved, digest=digest(resolved.instance, *parts, calibration=resolved.calibration, profiles=resolved.profiles)
    )


def only_accelerators(resolved: ResolvedInstance, names: Sequence[str]) -> ResolvedInstance:
    """Keep only the offers whose node type carries one of these accelerators.

    Raises InputError when no offer carries one of them.
    """
    carried = {name: resolved.accelerator_of(offer.node_type).name for name, offer in resolved.offers.items()}
    for name in names:
        if name not in carried.values():
            known = ", ".join(sorted(set(carried.values())))
            message = f"no offer of the instance carries {name}; the offers carry {known}"
            raise InputError([InputProblem(resolved.path, 0, "--accelerator", message)])
    kept = {name: offer for name, offer in resolved.offers.items() if carried[name] in names}
    types = {offer.node_type for offer in kept.values()}
    node_types = {n: node for n, node in resolved.node_types.items() if n in types or node.partition_of in types}
    carrying = {node.accelerator for node in node_types.values()}
    accelerators = {name: unit for name, unit in resolved.accelerators.items() if name in carrying}
    return redigest(replace(resolved, offers=kept, node_types=node_types, accelerators=accelerators))


def with_fields(resolved: ResolvedInstance, **fields: object) -> ResolvedInstance:
    """The instance with some of its fields replaced."""
    return redigest(replace(resolved, instance=resolved.instance.model_copy(update=fields)))


def with_vendor_share(resolved: ResolvedInstance, most: float) -> ResolvedInstance:
    """The instance in which no vendor of its offers may have more than this share of all accelerators; smaller shares
    that it states itself stay."""
    rules = resolved.instance.rules
    vendors = {resolved.accelerator_of(offer.node_type).vendor for offer in resolved.offers.values()}
    shares = {name: min(most, rules.max_vendor_share.get(name, 1.0)) for name in sorted(vendors)}
    changed = rules.model_copy(update={"max_vendor_share": {**rules.max_vendor_share, **shares}})
    return with_fields(resolved, rules=changed)


def with_workloads(resolved: ResolvedInstance, **fields: object) -> ResolvedInstance:
    """The instance with some fields of every workload that has them replaced."""
    workloads = tuple(
        workload.model_copy(update={name: value for name, value in fields.items() if hasattr(workload, name)})
        for workload in resolved.instance.workloads
    )
    return with_fields(resolved, workloads=workloads)


def with_price(resolved: ResolvedInstance, name: str, price: float) -> ResolvedInstance:
    """The instance with another price of one offer, in its own unit (`price_field`), USD.

    Raises KeyError for an offer that it does not have, ValueError for one without a price.
    """
    offer = resolved.offers[name]
    field = price_field(offer)
    if field is None:
        raise ValueError(f"{name} has no price: its nodes are owned")
    changed = {**resolved.offers, name: offer.model_copy(update={field: price})}
    return redigest(replace(resolved, offers=changed))


def price_field(offer: Offer) -> Literal["usd_per_hour", "capex_usd"] | None:
    """The field that holds the price of a node: rent, or purchase price; None for owned nodes."""
    if offer.term == "owned":
        return None
    return "capex_usd" if offer.term == "purchase" else "usd_per_hour"


def with_rates(resolved: ResolvedInstance, workloads: Sequence[str], factor: float) -> ResolvedInstance:
    """The instance with the rates of some workloads (training: its samples) times a factor, in exact decimals."""
    scaled = tuple(
        scaled_workload(known, factor) if known.name in workloads else known for known in resolved.instance.workloads
    )
    return with_fields(resolved, workloads=scaled)


def scaled_workload(workload: Workload, factor: float) -> Workload:
    """A workload with its rates (training: its samples) times a factor, in exact decimals."""
    if isinstance(workload, Training):
        return workload.model_copy(update={"samples": _times(workload.samples, factor)})
    classes = tuple(
        group.model_copy(update={"requests_per_s": _times(group.requests_per_s, factor)}) for group in workload.classes
    )
    return workload.model_copy(update={"classes": classes})


def _times(value: float, factor: float) -> float:
    return float(exact(value) * exact(factor))


def with_horizon(resolved: ResolvedInstance, hours: int) -> ResolvedInstance:
    """The instance over another horizon; it must not have periods or stages, whose lengths fill the old one."""
    return with_fields(resolved, horizon_days=None, horizon_hours=float(hours))


def ended_for_good(resolved: ResolvedInstance) -> ResolvedInstance:
    """The instance whose need ends with the horizon: reservations are paid to the end of their terms, and nodes are
    sold for `resale_fraction` of what they are still worth.

    Raises ValueError where the horizon is longer than the life of nodes that are sold then.
    """
    hours = resolved.instance.hours
    offers = {name: _sold_after(offer, hours) for name, offer in resolved.offers.items()}
    return with_fields(replace(resolved, offers=offers), commitments="term")


def _sold_after(offer: Offer, hours: Fraction) -> Offer:
    """The offer written off over so many hours, down to what the sale then brings."""
    worth = offer.capex_usd if offer.term == "purchase" else offer.resale_usd
    if worth is None or offer.life_years is None:
        return offer
    share = hours / (exact(offer.life_years) * HOURS_PER_YEAR)
    if share > 1:
        raise ValueError(f"{offer.name} lasts {offer.life_years:g} years, less than the horizon")
    left = 1 - (1 - exact(offer.residual_fraction)) * share
    life = float(hours / HOURS_PER_YEAR)
    if exact(life) * HOURS_PER_YEAR < hours:  # never a moment too short, which would be another node
        life = math.nextafter(life, math.inf)
    brings = float(exact(offer.resale_fraction) * left)
    return offer.model_copy(update={"life_years": life, "residual_fraction": brings})


def without_measure(resolved: ResolvedInstance, *names: str) -> ResolvedInstance:
    """The instance in which some measures cannot be used: they work on no accelerator.

    They are not taken out, because then the variants that they unlock would need nothing.
    """
    return _with_measures(resolved, names, accelerators=())


def with_free_measure(resolved: ResolvedInstance, *names: str) -> ResolvedInstance:
    """The instance in which some measures cost nothing, so that budgets do not feel them either."""
    return _with_measures(resolved, names, cost_usd=0.0)


def _with_measures(resolved: ResolvedInstance, names: Sequence[str], **fields: object) -> ResolvedInstance:
    measures = tuple(
        known.model_copy(update=fields) if known.name in names else known for known in resolved.instance.measures
    )
    return with_fields(resolved, measures=measures)
