"""What one node costs: payments year by year, and the bill at present value, in whole micro-dollars.

Every line of the bill is rounded once, to nearest; the unit cost of an offer is the sum of its rounded lines, so cost
lines add up to the objective exactly.

A purchase is paid when the node arrives; what it is still worth when it leaves, or when the horizon ends, is written
off evenly over its life and comes back. A node that outlives its life within one stage is replaced. A node draws its
maximum power all the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.schema.offers import HOURLY_TERMS
from gpufleet.units import HOURS_PER_YEAR, exact, micro_usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.problem.contracts import Contract
    from gpufleet.problem.horizon import Horizon, Span
    from gpufleet.schema.hardware import NodeType
    from gpufleet.schema.instance import Measure
    from gpufleet.schema.offers import Offer, Site

WRITE_OFF = frozenset({"purchase", "resale", "value left", "value today"})
"""Payments and values that together are the cost line `write-off`."""
NO_CASH = frozenset({"value today"})
"""What is no payment at all: an owned node that is kept is a sale forgone."""


@dataclass(frozen=True)
class UnitCost:
    """One cost line of one node over the horizon, at present value."""

    item: str
    """`rent`, `write-off`, `maintenance`, `running` or `energy`."""
    micro_usd: int


@dataclass(frozen=True)
class Payment:
    """One payment for one node, not discounted."""

    year: int
    """Year of the horizon, counted from 0."""
    item: str
    usd: Fraction
    """Positive when paid, negative when received."""


@dataclass(frozen=True)
class Bill:
    """Everything about the money of one node."""

    lines: tuple[UnitCost, ...]
    """Non-zero cost lines."""
    payments: tuple[tuple[int, str, int], ...]
    """(year, item, micro-USD), not discounted."""

    @property
    def cost(self) -> int:
        """All lines together, micro-USD."""
        return sum(line.micro_usd for line in self.lines)


def bill_of(
    offer: Offer, node: NodeType, site: Site, contract: Contract, horizon: Horizon, factor: Fraction = Fraction(1)
) -> Bill:
    """Bill of one node under a contract; `factor` on its price is what discounts and trends leave of it."""
    payments = list(_payments(offer, node, site, contract, horizon, factor))
    present: dict[str, Fraction] = {}
    for payment in payments:
        if payment.item != "committed" or horizon.commitments == "term":
            line = _line(payment.item)
            present[line] = present.get(line, Fraction(0)) + payment.usd * horizon.present(payment.year)
    lines = (UnitCost(item, micro_usd(value)) for item, value in present.items())
    return Bill(tuple(line for line in lines if line.micro_usd), tuple(_by_year(payments)))


def measure_bill(measure: Measure, horizon: Horizon) -> Bill:
    """Bill of a measure: paid at the start, and anew at the end of each life; the horizon bears its share."""
    span = horizon.whole
    if measure.life_years is None:
        payments = [Payment(0, "measure", exact(measure.cost_usd))]
    else:
        life = exact(measure.life_years) * HOURS_PER_YEAR
        payments = list(_asset("measure", exact(measure.cost_usd), life, Fraction(0), span, horizon.end))
    present = sum((payment.usd * horizon.present(payment.year) for payment in payments), Fraction(0))
    return Bill((UnitCost("measure", micro_usd(present)),), tuple(_by_year(payments)))


def _line(item: str) -> str:
    if item == "committed":
        return "rent"
    return "write-off" if item in WRITE_OFF else item


def _by_year(payments: list[Payment]) -> Iterator[tuple[int, str, int]]:
    """Payments of the same year and item added up."""
    sums: dict[tuple[int, str], Fraction] = {}
    for payment in payments:
        if payment.item not in NO_CASH:
            key = (payment.year, payment.item)
            sums[key] = sums.get(key, Fraction(0)) + payment.usd
    yield from ((year, item, micro_usd(value)) for (year, item), value in sums.items() if micro_usd(value))


def _payments(
    offer: Offer, node: NodeType, site: Site, contract: Contract, horizon: Horizon, factor: Fraction
) -> Iterator[Payment]:
    if offer.term in HOURLY_TERMS:
        assert offer.usd_per_hour is not None
        rent = exact(offer.usd_per_hour) * factor * contract.share
        yield from _hourly("rent", rent, contract.paid)
        yield from _hourly("committed", rent, contract.committed)
        return
    if offer.term == "purchase":
        yield from _nodes(offer, "purchase", purchase_price(offer, factor), contract.span, horizon.end)
        kept = purchase_price(offer, factor) * exact(offer.maintenance_fraction_per_year)
        yield from _hourly("maintenance", kept / HOURS_PER_YEAR, contract.span)
    elif offer.resale_usd is not None:
        yield from _nodes(offer, "value today", exact(offer.resale_usd), contract.span, horizon.end)
    yield from _hourly("running", exact(offer.running_usd_per_hour), contract.span)
    if site.electricity_usd_per_kwh is not None and node.power_kw is not None:
        facility_kw = exact(node.power_kw) * exact(site.pue)
        yield from _hourly("energy", facility_kw * exact(site.electricity_usd_per_kwh), contract.span)


def _hourly(item: str, usd_per_hour: Fraction, span: Span) -> Iterator[Payment]:
    if usd_per_hour:
        yield from (Payment(year, item, usd_per_hour * hours) for year, hours in span.by_year())


def _nodes(offer: Offer, item: str, price: Fraction, span: Span, end: Fraction) -> Iterator[Payment]:
    assert offer.life_years is not None
    life = exact(offer.life_years) * HOURS_PER_YEAR
    yield from _asset(item, price, life, exact(offer.residual_fraction), span, end, exact(offer.resale_fraction))


def _asset(
    item: str,
    price: Fraction,
    life: Fraction,
    residual: Fraction,
    span: Span,
    end: Fraction,
    brings: Fraction = Fraction(1),
) -> Iterator[Payment]:
    """Bought (or not sold) at the start, replaced at the end of each life; in the end sold, or left at the `end`."""
    arrival = span.start
    while True:
        yield Payment(_year(arrival), item, price)
        age = min(span.end - arrival, life)
        value = price * (1 - (1 - residual) * age / life)
        if arrival + life >= span.end:
            break
        yield Payment(_year(arrival + life), "resale", -value)
        arrival += life
    if span.end == end:
        yield Payment(_year(end), "value left", -value)
    else:
        yield Payment(_year(span.end), "resale", -value * (brings if age < life else 1))


def _year(hours: Fraction) -> int:
    return math.floor(hours / HOURS_PER_YEAR)


def purchase_price(offer: Offer, factor: Fraction = Fraction(1)) -> Fraction:
    """Purchase price of one node, USD; 0 for every other term."""
    return exact(offer.capex_usd) * factor if offer.capex_usd is not None else Fraction(0)
