"""Sites and offers: where nodes stand, and on which terms they can be had."""

from __future__ import annotations

import datetime
import re
from typing import Literal, Self

from pydantic import model_validator

from gpufleet.schema.base import (
    Count,
    Country,
    Flag,
    Fraction01,
    Name,
    NonNegative,
    Positive,
    PositiveCount,
    Record,
    Sourced,
    Text,
)

SiteKind = Literal["on_prem", "private_cloud", "public_cloud"]
Term = Literal["owned", "purchase", "reserved_1y", "reserved_3y", "on_demand", "spot"]
RENTED_TERMS: frozenset[Term] = frozenset({"on_demand", "spot"})
"""Terms that are taken by the period."""
TERM_YEARS: dict[Term, int] = {"reserved_1y": 1, "reserved_3y": 3}
"""Years for which a reservation binds."""
HOURLY_TERMS: frozenset[Term] = RENTED_TERMS | frozenset(TERM_YEARS)


class Site(Record):
    """A place where nodes stand."""

    name: Name
    """Unique name, e.g. `hospital-basement` or `aws-us-east-1`."""
    kind: SiteKind
    """`on_prem` (own building), `private_cloud` (single tenant) or `public_cloud` (shared)."""
    country: Country
    """Country it stands in; privacy rules refer to it."""
    provider: Name | None = None
    """Who runs it, e.g. `AWS`; empty for your own."""
    region: Name | None = None
    """The provider's region name, e.g. `us-east-1`; needed to take offers from the catalogue."""
    certifications: tuple[Name, ...] = ()
    """Certificates it holds, e.g. `PCI-DSS`; privacy rules refer to them."""
    power_cap_kw: Positive | None = None
    """Most power that all nodes here may draw, kW, before PUE."""
    rack_units: Positive | None = None
    """Rack units free here."""
    pue: Positive = 1.0
    """Power usage effectiveness: facility power over IT power, at least 1."""
    electricity_usd_per_kwh: NonNegative | None = None
    """Electricity price, USD/kWh; empty when the price of the nodes includes it (clouds)."""
    grid_gco2_per_kwh: NonNegative | None = None
    """Carbon intensity of the electricity, grams of CO2 equivalent per kWh; only `frontier --over co2` asks for it."""
    grid_source: Text | None = None
    """Where that figure comes from, and as of when."""

    @model_validator(mode="after")
    def _intensity_has_a_source(self) -> Self:
        if self.grid_gco2_per_kwh is not None and self.grid_source is None:
            raise ValueError("grid_source is missing; say where grid_gco2_per_kwh comes from, or that it is assumed")
        return self

    @model_validator(mode="after")
    def _pue_is_possible(self) -> Self:
        if self.pue < 1:
            raise ValueError(f"pue is {self.pue:g}; facility power is never below IT power, so it is at least 1")
        return self


class Price(Sourced):
    """What one node costs on one term. Which fields are needed depends on `term`."""

    node_type: Name
    """The node type that is offered."""
    term: Term
    """`owned`, `purchase`, `reserved_1y`, `reserved_3y`, `on_demand` or `spot`."""
    usd_per_hour: NonNegative | None = None
    """Rent per node, USD/hour (reserved and rented terms; an up-front payment spread over the term)."""
    capex_usd: NonNegative | None = None
    """Purchase price per node, USD (term `purchase`)."""
    life_years: Positive | None = None
    """Years over which a purchase is written off (term `purchase`); years that nodes are left (term `owned`)."""
    residual_fraction: Fraction01 = 0.0
    """Share of the purchase price (owned: of `resale_usd`) left at the end of its life."""
    resale_usd: NonNegative | None = None
    """What an owned node brings when it is sold at the start of the horizon, USD (term `owned`); empty = nothing."""
    resale_fraction: Fraction01 = 1.0
    """Share of the written-off value that a sale before the end of its life brings (terms `owned` and `purchase`)."""
    maintenance_fraction_per_year: Fraction01 = 0.0
    """Maintenance and support per year, as a share of the purchase price."""
    running_usd_per_hour: NonNegative = 0.0
    """Running cost per node beyond electricity (rack space, staff), USD/hour (terms `owned` and `purchase`)."""
    interruptions_per_month: NonNegative | None = None
    """Expected interruptions per node and month (term `spot`)."""
    hours_lost_per_interruption: Positive = 0.5
    """Hours of work that a node loses by one: waiting for another node, loading, work since the last checkpoint."""
    assumed: Flag = False
    """True when the price is an estimate of ours, not a quotation or list price."""
    valid_until: datetime.date | None = None
    """The last day on which the price can be had, e.g. of a quotation; empty = not stated."""

    @model_validator(mode="after")
    def _fields_fit_term(self) -> Self:
        if self.term in HOURLY_TERMS:
            self._need("usd_per_hour")
            self._refuse("capex_usd", "life_years", "resale_usd")
        elif self.term == "purchase":
            self._need("capex_usd", "life_years")
            self._refuse("usd_per_hour", "resale_usd")
        else:
            self._refuse("usd_per_hour", "capex_usd")
            if self.resale_usd is not None:
                self._need("life_years")
        return self

    def _need(self, *fields: str) -> None:
        missing = [field for field in fields if getattr(self, field) is None]
        if missing:
            raise ValueError(f"term {self.term} needs {' and '.join(missing)}; a missing price is never taken as 0")

    def _refuse(self, *fields: str) -> None:
        extra = [field for field in fields if getattr(self, field) is not None]
        if extra:
            raise ValueError(f"term {self.term} takes no {' or '.join(extra)}")


class PriceStep(Record):
    """A volume discount: from this many nodes on, every node of the offer costs less."""

    from_count: PositiveCount
    """Smallest order at which the step applies."""
    discount_fraction: Fraction01
    """Share taken off the price of every node."""


def _check_order(stock: int | None, min_order: int, steps: tuple[PriceStep, ...]) -> None:
    if stock is not None and min_order > stock:
        raise ValueError(f"min_order is {min_order} but stock is only {stock}")
    counts = [step.from_count for step in steps]
    if counts != sorted(set(counts)):
        raise ValueError(f"price_steps start at {counts}; each must start at more nodes than the one before")


class Offer(Price):
    """One way to get one node type at one site."""

    name: Name
    """Unique name of the offer; plans refer to it."""
    site: Name
    """The site where the nodes stand."""
    stock: Count | None = None
    """Most nodes that can be had on this offer; empty = no limit."""
    min_order: Count = 0
    """Fewest nodes that must be ordered if any are."""
    price_steps: tuple[PriceStep, ...] = ()
    """Volume discounts."""

    @model_validator(mode="after")
    def _counts_are_possible(self) -> Self:
        _check_order(self.stock, self.min_order, self.price_steps)
        if self.term == "owned" and (self.min_order or self.price_steps):
            raise ValueError("owned nodes are already there; they take no min_order and no price_steps")
        if self.term == "owned" and self.stock is None:
            raise ValueError("term owned needs stock: how many nodes stand there already")
        return self


class CatalogOffer(Price):
    """A price of the catalogue: like an offer, but at a provider's region instead of a site of yours."""

    provider: Name
    """Who sells it, e.g. `AWS`."""
    region: Name
    """The provider's region; `any` when the price is the same everywhere."""
    stock: Count | None = None
    """Most nodes that can be had at this price; empty = not stated."""
    min_order: Count = 0
    """Fewest nodes that must be ordered if any are."""
    volume_discounts: Text | None = None
    """Volume discounts as `NODES:SHARE` with semicolons between: `10:0.05; 50:0.08` is 5 % off every node from 10 nodes
    on, and 8 % from 50 on."""

    @model_validator(mode="after")
    def _order_is_possible(self) -> Self:
        _check_order(self.stock, self.min_order, self.price_steps)
        return self

    @property
    def price_steps(self) -> tuple[PriceStep, ...]:
        """The volume discounts."""
        return tuple(_step(part) for part in (self.volume_discounts or "").split(";") if part.strip())

    @property
    def name(self) -> str:
        """The name that the offer gets in an instance: `provider/region/node type/term`."""
        return f"{self.provider}/{self.region}/{self.node_type}/{self.term}"


def _step(text: str) -> PriceStep:
    match = re.fullmatch(r"\s*(\d{1,9})\s*:\s*(0?\.\d+|0|1)\s*", text)
    if match is None:
        raise ValueError(
            f"volume_discounts: {text.strip()!r} is no discount; write NODES:SHARE, as in 10:0.05; 50:0.08"
        )
    return PriceStep(from_count=int(match[1]), discount_fraction=float(match[2]))


class OfferSelection(Record):
    """Offers taken from the catalogue for one site; every given filter must hold."""

    site: Name
    """The site of the instance at which the nodes would stand."""
    provider: Name | None = None
    """Whose prices to take, e.g. `list-price` for purchases; empty = the site's own provider, in the site's region."""
    terms: tuple[Term, ...] = ("on_demand",)
    """Terms to take."""
    accelerators: tuple[Name, ...] | None = None
    """Only node types with these accelerators; empty = all."""
    node_types: tuple[Name, ...] | None = None
    """Only these node types; empty = all."""
    stock: Count | None = None
    """Stock to assume for each offer taken; empty = no limit."""
    interruptions_per_month: NonNegative | None = None
    """Interruptions per node and month to assume for spot prices that state none."""
