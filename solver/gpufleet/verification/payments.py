"""What one node of the plan is paid for, year by year, from the instance's prices alone."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.units import exact
from gpufleet.verification.contracts import YEARS_BOUND, bound_until, stage_numbers
from gpufleet.verification.slices import growth, share_of, stage_bounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.instance import Measure
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.plan import PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance

    Payments = Iterator[tuple[int, str, Fraction]]

YEAR = Fraction(365 * 24)
FORGONE = "value today"
"""What an owned node would bring if it were sold at once: a cost of keeping it, but no payment."""
ASSET_ITEMS = ("purchase", "resale", "value left", FORGONE)


def price_share(resolved: ResolvedInstance, nodes: PlannedNodes, ordered: int) -> Fraction:
    """What is left of the price after the volume discount for so many nodes, and after trends."""
    offer = resolved.offers[nodes.offer]
    discounts = [step.discount_fraction for step in offer.price_steps if ordered >= step.from_count]
    share = 1 - exact(discounts[-1]) if discounts else Fraction(1)
    start = stage_bounds(resolved)[stage_numbers(resolved, nodes)[0]][0]
    unit = resolved.accelerator_of(offer.node_type)
    for trend in resolved.instance.trends:
        if trend.families is not None and unit.family not in trend.families:
            continue
        if trend.accelerators is not None and unit.name not in trend.accelerators:
            continue
        if trend.terms is None or offer.term in trend.terms:
            share *= growth(trend.price_change_per_year, start)
    return share


def node_payments(resolved: ResolvedInstance, nodes: PlannedNodes, ordered: int) -> Payments:
    """(year, item, USD) for one node, when this many are ordered together; received money is negative."""
    offer = resolved.offers[nodes.offer]
    bounds = stage_bounds(resolved)
    first, last = stage_numbers(resolved, nodes)
    start, end, horizon = bounds[first][0], bounds[last][1], bounds[-1][1]
    share = price_share(resolved, nodes, ordered)
    if offer.usd_per_hour is not None:
        hourly = exact(offer.usd_per_hour) * share * share_of(resolved, nodes.period)
        stop, bound = end, end
        if offer.term in YEARS_BOUND:
            stop, bound = _reserved(bounds[first], YEARS_BOUND[offer.term] * YEAR, horizon)
        yield from _by_year("rent", hourly, start, stop)
        yield from _by_year("committed", hourly, stop, bound)
        return
    if offer.capex_usd is not None:
        price = exact(offer.capex_usd) * share
        yield from _asset(offer, "purchase", price, start, end, horizon)
        yield from _by_year("maintenance", price * exact(offer.maintenance_fraction_per_year) / YEAR, start, end)
    if offer.resale_usd is not None:
        yield from _asset(offer, FORGONE, exact(offer.resale_usd), start, end, horizon)
    yield from _by_year("running", exact(offer.running_usd_per_hour), start, end)
    site, node = resolved.sites[offer.site], resolved.node_types[offer.node_type]
    if site.electricity_usd_per_kwh is not None and node.power_kw is not None:
        per_hour = exact(node.power_kw) * exact(site.pue) * exact(site.electricity_usd_per_kwh)
        yield from _by_year("energy", per_hour, start, end)


def _reserved(stage: tuple[Fraction, Fraction], term: Fraction, horizon: Fraction) -> tuple[Fraction, Fraction]:
    """(until when it is paid within the horizon, until when it binds)."""
    bound = bound_until(stage, term)
    return min(bound, horizon), bound


def _by_year(item: str, usd_per_hour: Fraction, start: Fraction, end: Fraction) -> Payments:
    clock = start
    while clock < end and usd_per_hour:
        year = clock // YEAR
        stop = min(end, (year + 1) * YEAR)
        yield int(year), item, usd_per_hour * (stop - clock)
        clock = stop


def measure_payments(resolved: ResolvedInstance, measure: Measure) -> Payments:
    """A measure is paid at once; with a life, it is bought anew, and what is left at the end of the horizon counts."""
    end = stage_bounds(resolved)[-1][1]
    cost = exact(measure.cost_usd)
    if measure.life_years is None:
        yield 0, "measure", cost
    else:
        yield from _lives("measure", cost, exact(measure.life_years) * YEAR, Fraction(0), (Fraction(0), end), end)


def _asset(offer: Offer, item: str, price: Fraction, start: Fraction, end: Fraction, horizon: Fraction) -> Payments:
    assert offer.life_years is not None
    life, kept = exact(offer.life_years) * YEAR, exact(offer.residual_fraction)
    yield from _lives(item, price, life, kept, (start, end), horizon, exact(offer.resale_fraction))


def _lives(
    item: str,
    price: Fraction,
    life: Fraction,
    kept: Fraction,
    stay: tuple[Fraction, Fraction],
    horizon: Fraction,
    early: Fraction = Fraction(1),
) -> Payments:
    """One after the other, each written off evenly over its life; `early` is the share that a sale before brings."""
    start, end = stay
    count = max(1, math.ceil((end - start) / life))
    for number in range(count):
        bought = start + number * life
        gone = min(bought + life, end)
        value = price - price * (1 - kept) * (gone - bought) / life
        yield int(bought // YEAR), item, price
        if gone == horizon and number == count - 1:
            yield int(gone // YEAR), "value left", -value
        else:
            yield int(gone // YEAR), "resale", -value * (early if gone < bought + life else 1)
