"""Upper limits on weighted node counts: budgets, power, rack units, quotas, shares, stock.

Without stages, stock is a bound on each offer alone.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from gpufleet.problem.data import LimitRow
from gpufleet.problem.scaling import check_int64
from gpufleet.schema.offers import RENTED_TERMS
from gpufleet.units import HOURS_PER_DAY, INT64_MAX, MICRO_USD_PER_USD, exact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction

    from gpufleet.problem.data import MeasureData, OfferData
    from gpufleet.problem.horizon import Horizon
    from gpufleet.schema.instance import BudgetCaps
    from gpufleet.schema.resolved import ResolvedInstance

MOST_PARTS = 10**6
"""Power and rack units are counted exactly, down to milliwatts and millionths; finer figures are rounded."""


def limit_rows(
    resolved: ResolvedInstance, offers: tuple[OfferData, ...], measures: tuple[MeasureData, ...], horizon: Horizon
) -> tuple[LimitRow, ...]:
    """Every limit of the instance as a row over offers, and measures where they cost money."""
    standing = (*_site_limits(resolved, offers), *_quotas(resolved, offers), *_shares(resolved, offers))
    if len(horizon.stages) > 1:
        standing = (*standing, *_stocks(resolved, offers))
    rows = (*_budgets(resolved, offers, measures), *_in_every_period(standing, offers, len(horizon.periods)))
    for row in rows:
        divisor = row.divisor
        check_int64((value * offers[index].most // divisor for index, value in row.coefficients), row.name)
    return rows


def _in_every_period(rows: tuple[LimitRow, ...], offers: tuple[OfferData, ...], periods: int) -> Iterator[LimitRow]:
    """Limits on what stands there at a time: one row per period, over the nodes that are there then."""
    for row in rows:
        parts = {
            tuple((f, weight) for f, weight in row.coefficients if offers[f].there(period)) for period in range(periods)
        }
        yield from (replace(row, coefficients=part) for part in sorted(parts))


def _stocks(resolved: ResolvedInstance, offers: tuple[OfferData, ...]) -> Iterator[LimitRow]:
    """Stock limits what an offer's contracts have there at a time; a single contract is limited by its bound alone."""
    for name, source in resolved.offers.items():
        if source.stock is not None and source.term not in RENTED_TERMS:

            def counts(offer: OfferData, name: str = name) -> int:
                return int(offer.name == name)

            yield _row("stock", f"stock of {name}", offers, counts, source.stock)


def _row(
    family: str, name: str, offers: tuple[OfferData, ...], weight: Callable[[OfferData], int], limit: int
) -> LimitRow:
    weights = ((index, weight(offer)) for index, offer in enumerate(offers))
    row = tuple((index, value) for index, value in weights if value)
    return LimitRow(family, name, row, min(limit, INT64_MAX))


def _budgets(
    resolved: ResolvedInstance, offers: tuple[OfferData, ...], measures: tuple[MeasureData, ...]
) -> Iterator[LimitRow]:
    """Measures belong to no site; they count in caps on the whole plan, and in those of the first stage."""
    budgets = resolved.instance.budgets
    once = tuple((m, measure.capex) for m, measure in enumerate(measures) if measure.capex)
    over_time = tuple((m, measure.cost) for m, measure in enumerate(measures) if measure.cost)
    for row in _caps(resolved, budgets, "budget", offers, None):
        yield replace(row, measures=once if row.name.endswith("capex_usd") else over_time)
    for site, caps in budgets.sites.items():
        yield from _caps(resolved, caps, f"budget of {site}", offers, site)
    for number, stage in enumerate(resolved.instance.stages):
        if stage.name in budgets.stages:

            def bought(offer: OfferData, number: int = number) -> int:
                return offer.capex if offer.contract is not None and offer.contract.first == number else 0

            cap = math.floor(exact(budgets.stages[stage.name].capex_usd) * MICRO_USD_PER_USD)
            row = _row("budget", f"budget of {stage.name} capex_usd", offers, bought, cap)
            yield row if number else replace(row, measures=once)


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
        here = {name: resolved.node_types[o.node_type] for name, o in resolved.offers.items() if o.site == site.name}
        if site.power_cap_kw is not None:
            power = {name: exact(node.power_kw or 0) for name, node in here.items()}
            yield _physical("power", f"power of {site.name}", offers, power, exact(site.power_cap_kw))
        if site.rack_units is not None:
            units = {name: exact(node.rack_units or 0) for name, node in here.items()}
            yield _physical("rack", f"rack units of {site.name}", offers, units, exact(site.rack_units))


def _physical(
    family: str, name: str, offers: tuple[OfferData, ...], needs: dict[str, Fraction], cap: Fraction
) -> LimitRow:
    """A row over needs per node, over their common denominator; if that is too large, needs go up and the cap down."""
    parts = min(math.lcm(cap.denominator, *(need.denominator for need in needs.values())), MOST_PARTS)
    weights = {offer: math.ceil(need * parts) for offer, need in needs.items()}
    return _row(family, name, offers, lambda offer: weights.get(offer.name, 0), math.floor(cap * parts))


def _quotas(resolved: ResolvedInstance, offers: tuple[OfferData, ...]) -> Iterator[LimitRow]:
    for quota in resolved.instance.rules.quotas:

        def accelerators(offer: OfferData, provider: str = quota.provider, accelerator: str = quota.accelerator) -> int:
            source = resolved.offers[offer.name]
            node = resolved.node_types[source.node_type]
            matches = resolved.sites[source.site].provider == provider and node.accelerator == accelerator
            return node.accelerators if matches else 0

        name = f"quota {quota.provider} {quota.accelerator}"
        yield _row("quota", name, offers, accelerators, quota.accelerators)


def _shares(resolved: ResolvedInstance, offers: tuple[OfferData, ...]) -> Iterator[LimitRow]:
    """Shares of all accelerators: group <= share x all, or share x all <= group; exact, as share is a fraction."""
    rules = resolved.instance.rules
    groups: dict[str, dict[str, str]] = {"vendor": {}, "country": {}, "accelerator": {}, "site": {}, "term": {}}
    for name, offer in resolved.offers.items():
        unit = resolved.accelerator_of(offer.node_type)
        members = (unit.vendor, unit.country, unit.name, offer.site, offer.term)
        for group, member in zip(groups.values(), members, strict=True):
            group[name] = member
    for kind, shares, sign in (
        ("vendor", rules.max_vendor_share, 1),
        ("accelerator", rules.max_accelerator_share, 1),
        ("site", rules.max_site_share, 1),
        ("country", rules.min_country_share, -1),
        ("term", {} if rules.max_spot_share is None else {"spot": rules.max_spot_share}, 1),
    ):
        for member, share in shares.items():
            part = exact(share)

            def weight(
                offer: OfferData,
                sign: int = sign,
                part: Fraction = part,
                inside: frozenset[str] = frozenset(name for name, value in groups[kind].items() if value == member),
            ) -> int:
                count = resolved.node_types[resolved.offers[offer.name].node_type].accelerators
                return sign * count * ((part.denominator if offer.name in inside else 0) - part.numerator)

            yield _row("share", f"{kind} share of {member}", offers, weight, 0)
