"""What a plan says of its prices: from which file and day they are, what was agreed on top, and what is stale."""

from __future__ import annotations

import datetime
from typing import Literal

from gpufleet.schema.base import Money, Name, Record, Text

PriceUnit = Literal["usd_per_hour", "capex_usd"]


class PlannedPrice(Record):
    """The price of one offer of the plan."""

    offer: Name
    """The offer."""
    unit: PriceUnit | None = None
    """What the price is of: `usd_per_hour` (rent of a node) or `capex_usd` (purchase of a node); empty for owned nodes,
    which have none."""
    list_usd: Money | None = None
    """The price as the price list or the instance states it."""
    paid_usd: Money | None = None
    """The price counted on, after the overlay."""
    rules: tuple[Text, ...] = ()
    """Rules of the overlay that made the one of the other, e.g. `discounts[0]`."""
    file: Text | None = None
    """The price file, relative to its library folder; empty = written in the instance (or in the overlay)."""
    file_digest: Text | None = None
    """SHA-256 of that file."""
    as_of: datetime.date | None = None
    """The day on which the price held; empty = not dated."""


class PlannedOverlay(Record):
    """The overlay that a plan was made with; `verify` needs the same."""

    file: Text
    """Name of its file."""
    digest: Text
    """SHA-256 of what it says; comments and the order of keys do not count."""
    expired: tuple[Text, ...] = ()
    """Rules that were left out, because they end before the instance's `planning_date`."""
    unused: tuple[Text, ...] = ()
    """Rules that are about offers which the instance does not have."""
    committed_usd: Money | None = None
    """What committed nodes cost over the horizon whether they are used or not, USD; no part of the plan's cost."""


class PriceWarning(Record):
    """A price that should be asked for again before anything is bought."""

    offer: Name
    """The offer."""
    kind: Literal["old", "expired", "ends_early"]
    """`old`: its date is longer ago than `max_price_age_days`. `expired`: it is no longer valid. `ends_early`: it ends
    before the horizon, which is counted on at this price to its end."""
    message: Text
    """The same in words."""
