"""Stale prices: too old, no longer valid, or valid for a part of the horizon only."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from gpufleet.schema.prices import PriceWarning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpufleet.schema.resolved import ResolvedInstance


def price_warnings(resolved: ResolvedInstance, offers: Iterable[str], day: datetime.date) -> tuple[PriceWarning, ...]:
    """What to ask again about the prices of these offers, on a day; in the order given."""
    return tuple(found for name in dict.fromkeys(offers) for found in _of(resolved, name, day))


def undated(resolved: ResolvedInstance, offers: Iterable[str]) -> list[str]:
    """Offers with a price whose age nobody knows."""
    known = (resolved.offers[name] for name in dict.fromkeys(offers))
    return [offer.name for offer in known if offer.as_of is None and offer.term != "owned"]


def _of(resolved: ResolvedInstance, name: str, day: datetime.date) -> Iterator[PriceWarning]:
    offer = resolved.offers[name]
    most = resolved.instance.max_price_age_days
    if offer.as_of is not None and (day - offer.as_of).days > most:
        message = f"as of {offer.as_of}, {(day - offer.as_of).days} days before {day} (at most {most})"
        yield PriceWarning(offer=name, kind="old", message=message)
    agreed = None if resolved.overlay is None else resolved.overlay.valid_until.get(name)
    for what, until in (("price", offer.valid_until), ("discount", agreed)):
        if until is None or (what == "discount" and until == offer.valid_until):
            continue
        if until < day:
            yield PriceWarning(offer=name, kind="expired", message=f"the {what} was valid until {until}, before {day}")
        elif until < _end(resolved, day) and offer.term in ("on_demand", "spot"):
            message = f"the {what} is valid until {until}; the plan counts on it to {_end(resolved, day)}"
            yield PriceWarning(offer=name, kind="ends_early", message=message)


def _end(resolved: ResolvedInstance, day: datetime.date) -> datetime.date:
    """The last day of the horizon."""
    return day + datetime.timedelta(hours=float(resolved.instance.hours)) - datetime.timedelta(days=1)
