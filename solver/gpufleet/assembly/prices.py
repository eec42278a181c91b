"""Where the prices of a plan come from, and which of them are stale at the instance's planning date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.edits.changes import price_field
from gpufleet.library.price_age import price_warnings
from gpufleet.schema.prices import PlannedPrice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.schema.plan import PlannedNodes
    from gpufleet.schema.prices import PriceWarning
    from gpufleet.schema.resolved import ResolvedInstance


def planned_prices(resolved: ResolvedInstance, nodes: Sequence[PlannedNodes]) -> Iterator[PlannedPrice]:
    """One record per offer, in the order of the fleet."""
    overlay = resolved.overlay
    for name in dict.fromkeys(entry.offer for entry in nodes):
        offer, file = resolved.offers[name], resolved.price_files.get(name)
        unit = price_field(offer)
        paid = None if unit is None else getattr(offer, unit)
        yield PlannedPrice(
            offer=name,
            unit=unit,
            list_usd=paid if overlay is None else overlay.list_prices.get(name, paid),
            paid_usd=paid,
            rules=() if overlay is None else overlay.rules.get(name, ()),
            file=None if file is None else file.file,
            file_digest=None if file is None else file.digest,
            as_of=offer.as_of,
        )


def warnings_in_plan(resolved: ResolvedInstance, nodes: Sequence[PlannedNodes]) -> tuple[PriceWarning, ...]:
    """Stale prices at the planning date; none without one, so that a plan never hangs on the day it was made."""
    day = resolved.instance.planning_date
    return () if day is None else price_warnings(resolved, [entry.offer for entry in nodes], day)
