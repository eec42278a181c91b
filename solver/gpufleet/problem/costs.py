"""What one node costs over the horizon, line by line, in whole micro-dollars.

Every line is rounded once, to nearest; the unit cost of an offer is the sum of its rounded lines, so cost lines add
up to the objective exactly.

Costs are steady-state averages: a purchase is written off evenly over its life, a reservation costs its hourly
price, a node draws its maximum power in every hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.schema.offers import HOURLY_TERMS
from gpufleet.units import HOURS_PER_YEAR, exact, micro_usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.hardware import NodeType
    from gpufleet.schema.offers import Offer, Site

NO_DISCOUNT = Fraction(0)


@dataclass(frozen=True)
class UnitCost:
    """One cost line of one node over the horizon."""

    item: str
    """`rent`, `write-off`, `maintenance`, `running` or `energy`."""
    micro_usd: int


def unit_costs(
    offer: Offer, node: NodeType, site: Site, hours: Fraction, discount: Fraction = NO_DISCOUNT
) -> tuple[UnitCost, ...]:
    """The non-zero cost lines of one node over a horizon of `hours`, its price reduced by a volume discount."""
    return tuple(
        UnitCost(item, amount)
        for item, value in _amounts(offer, node, site, hours, 1 - discount)
        if (amount := micro_usd(value))
    )


def _amounts(
    offer: Offer, node: NodeType, site: Site, hours: Fraction, paid: Fraction
) -> Iterator[tuple[str, Fraction]]:
    """Lines before rounding; `paid` is the share of the price that is left after discounts."""
    years = hours / HOURS_PER_YEAR
    if offer.term in HOURLY_TERMS:
        assert offer.usd_per_hour is not None
        yield "rent", exact(offer.usd_per_hour) * paid * hours
        return
    if offer.term == "purchase":
        assert offer.capex_usd is not None
        assert offer.life_years is not None
        price = exact(offer.capex_usd) * paid
        lost = price * (1 - exact(offer.residual_fraction))
        yield "write-off", lost * years / exact(offer.life_years)
        yield "maintenance", price * exact(offer.maintenance_fraction_per_year) * years
    yield "running", exact(offer.running_usd_per_hour) * hours
    if site.electricity_usd_per_kwh is not None and node.power_kw is not None:
        facility_kw = exact(node.power_kw) * exact(site.pue)
        yield "energy", facility_kw * hours * exact(site.electricity_usd_per_kwh)


def capex_micro_usd(offer: Offer, discount: Fraction = NO_DISCOUNT) -> int:
    """Purchase price of one node; 0 for every other term."""
    return micro_usd(exact(offer.capex_usd) * (1 - discount)) if offer.capex_usd is not None else 0
