"""The overlay: what you pay where it differs from the price lists, and what you have already committed to."""

from __future__ import annotations

import datetime
from typing import Any, Final, Literal, Self

from pydantic import field_validator, model_validator

from gpufleet.schema.base import Flag, Fraction01, Name, NonNegative, Positive, PositiveCount, Record, Sourced, Text
from gpufleet.schema.offers import HOURLY_TERMS, Term

COMMITTED: Final = "committed/"
"""What names of offers of committed nodes start with."""


class Rule(Record):
    """Which offers a rule is about: all that fit every field given. Texts are names or patterns with `*` and `?`."""

    provider: Text | None = None
    """Who sells them, e.g. `AWS`."""
    region: Text | None = None
    """The region of the site (of the price, where the site has none), e.g. `us-*`."""
    terms: tuple[Term, ...] | None = None
    """Terms, e.g. `[on_demand, reserved_1y]`; empty = all but `owned`."""
    node_types: tuple[Text, ...] | None = None
    """Node types, e.g. `[aws-g5.*]`."""
    offers: tuple[Text, ...] | None = None
    """Names of offers, e.g. `[AWS/*/aws-g5.xlarge/on_demand]`."""
    valid_until: datetime.date | None = None
    """The last day on which it holds; after it, counted at the instance's `planning_date`, the list price counts."""
    source: Text | None = None
    """Where it is agreed; empty = the overlay's source."""
    as_of: datetime.date | None = None
    """The day on which it was agreed; empty = the overlay's date."""
    note: Text | None = None
    """Anything a reader must know."""


class Discount(Rule):
    """A share taken off list prices: rents, and purchase prices with the maintenance that is a share of them."""

    discount_fraction: Fraction01
    """Share taken off; 12 % is written 0.12."""
    on_top: Flag = False
    """Does it come on top of another discount (of what that leaves)? Otherwise two discounts on one offer are an
    error."""


class PrivatePrice(Rule):
    """A price of your own instead of the list price. Discounts of the overlay are not taken off it."""

    usd_per_hour: Positive | None = None
    """Rent per node, USD/hour (reserved and rented terms)."""
    capex_usd: Positive | None = None
    """Purchase price per node, USD (term `purchase`)."""

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        if (self.usd_per_hour is None) == (self.capex_usd is None):
            raise ValueError("give usd_per_hour (rents) or capex_usd (purchases), one of them")
        return self

    def fits(self, term: Term) -> bool:
        """Is it a price of this term?"""
        return (term in HOURLY_TERMS) == (self.usd_per_hour is not None)


class CommittedNodes(Record):
    """Nodes that are reserved already and paid for whether they are used or not: using them costs nothing more."""

    name: Name
    """Name of the commitment; its offer is called `committed/NAME`."""
    site: Name
    """The site of the instance where the nodes stand."""
    node_type: Name
    """Their node type."""
    nodes: PositiveCount
    """How many nodes."""
    until: datetime.date
    """The last day on which they are paid for and there; not before the end of the horizon."""
    usd_per_hour: Positive | None = None
    """What one node costs anyway, USD/hour: said beside the plan, and no part of its cost."""
    term: Literal["reserved_1y", "reserved_3y"] = "reserved_1y"
    """How they were reserved."""
    source: Text | None = None
    """Where it is agreed; empty = the overlay's source."""
    as_of: datetime.date | None = None
    """The day on which it was agreed; empty = the overlay's date."""


class Overlay(Sourced):
    """An overlay file: your terms, laid over the price lists. `--overlay FILE` or GPUFLEET_OVERLAY applies it."""

    schema_version: Literal[1]
    """Version of this format; `1`."""
    discounts: tuple[Discount, ...] = ()
    """Discounts."""
    private_prices: tuple[PrivatePrice, ...] = ()
    """Prices of your own."""
    committed_nodes: tuple[CommittedNodes, ...] = ()
    """Nodes that are reserved and paid for already."""
    committed_spend_usd_per_year: NonNegative | None = None
    """A minimum spend, USD a year; refused, because the formulation cannot express it."""

    @field_validator("committed_spend_usd_per_year", mode="before")
    @classmethod
    def _no_minimum_spend(cls, value: Any) -> Any:
        if value is not None:
            raise ValueError(
                "a minimum spend cannot be expressed: what is missing to it would be a cost of the bill as a whole; "
                "write nodes that are reserved already as committed_nodes, and what the spend brings as a discount"
            )
        return value
