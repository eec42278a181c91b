"""Upper limits on weighted node counts: budgets, power, rack units, quotas. Stock is a bound on each offer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gpufleet.problem.data import LimitRow
from gpufleet.units import HOURS_PER_DAY, MICRO_USD_PER_USD, WATTS_PER_KW, exact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpufleet.problem.data import OfferData
    from gpufleet.schema.instance import BudgetCaps
    from gpufleet.schema.resolved import ResolvedInstance

RACK_PARTS = 1000
"""Rack units are counted in thousandths."""


def limit_rows(resolved: ResolvedInstance, offers: tuple[OfferData, ...]) -> tuple[LimitRow, ...]:
    """Every limit of the instance as a row over offers."""
    return (*_budgets(resolved, offers), *_site_limits(resolved, offers), *_quotas(resolved, offers))


def _row(
    family: str, name: str, offers: tuple[OfferData, ...], weight: Callable[[OfferData], int], limit: int
) -> LimitRow:
    weights = ((index, weight(offer)) for index, offer in enumerate(offers))
    return LimitRow(family, name, tuple((index, value) for index, value in weights if value), limit)


def _budgets(resolved: ResolvedInstance, offers: tuple[OfferData, ...]) -> Iterator[LimitRow]:
    budgets = resolved.instance.budgets
    yield from _caps(resolved, budgets, "budget", offers, None)
    for site, caps in budgets.sites.items():
        yield from _caps(resolved, caps, f"budget of {site}", offers, site)


def _caps(
    resolved: ResolvedInstance,
    caps: BudgetCaps,
    label: str,
    offers: tuple[OfferData, ...],
    site: str | None,
) -> Iterator[LimitRow]:
    """The caps on one site's offers, or on all. Caps are rounded down, so a plan within the row is within the cap."""
    days = resolved.instance.hours / HOURS_PER_DAY

    def counts(offer: OfferData) -> bool:
        return site is None or resolved.offers[offer.name].site == site

    def cost(offer: OfferData) -> int:
        return offer.cost if counts(offer) else 0

    def capex(offer: OfferData) -> int:
        return offer.capex if counts(offer) else 0

    if caps.usd_per_day is not None:
        limit = math.floor(exact(caps.usd_per_day) * days * MICRO_USD_PER_USD)
        yield _row("budget", f"{label} usd_per_day", offers, cost, limit)
    if caps.horizon_usd is not None:
        yield _row(
            "budget", f"{label} horizon_usd", offers, cost, math.floor(exact(caps.horizon_usd) * MICRO_USD_PER_USD)
        )
    if caps.capex_usd is not None:
        yield _row("budget", f"{label} capex_usd", offers, capex, math.floor(exact(caps.capex_usd) * MICRO_USD_PER_USD))


def _site_limits(resolved: ResolvedInstance, offers: tuple[OfferData, ...]) -> Iterator[LimitRow]:
    for site in resolved.instance.sites:

        def power(offer: OfferData, name: str = site.name) -> int:
            return offer.power_w if resolved.offers[offer.name].site == name else 0

        def racks(offer: OfferData, name: str = site.name) -> int:
            source = resolved.offers[offer.name]
            units = resolved.node_types[source.node_type].rack_units
            return math.ceil(exact(units or 0) * RACK_PARTS) if source.site == name else 0

        if site.power_cap_kw is not None:
            limit = math.floor(exact(site.power_cap_kw) * WATTS_PER_KW)
            yield _row("power", f"power of {site.name}", offers, power, limit)
        if site.rack_units is not None:
            limit = math.floor(exact(site.rack_units) * RACK_PARTS)
            yield _row("rack", f"rack units of {site.name}", offers, racks, limit)


def _quotas(resolved: ResolvedInstance, offers: tuple[OfferData, ...]) -> Iterator[LimitRow]:
    for quota in resolved.instance.rules.quotas:

        def accelerators(offer: OfferData, provider: str = quota.provider, accelerator: str = quota.accelerator) -> int:
            source = resolved.offers[offer.name]
            node = resolved.node_types[source.node_type]
            matches = resolved.sites[source.site].provider == provider and node.accelerator == accelerator
            return node.accelerators if matches else 0

        name = f"quota {quota.provider} {quota.accelerator}"
        yield _row("quota", name, offers, accelerators, quota.accelerators)
