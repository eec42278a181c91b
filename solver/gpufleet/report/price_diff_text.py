"""What changed between two states of prices, for a terminal and as rows."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.text import Text

from gpufleet.report.format import money, percent, price
from gpufleet.report.table import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from gpufleet.library.price_diff import PriceChange, PriceDiff, RepricedPlan

COLUMNS = (
    *("kind", "provider", "region", "node_type", "term", "unit", "before_usd", "after_usd", "relative"),
    *("before_as_of", "after_as_of"),
)


def price_diff_text(names: tuple[str, str], diff: PriceDiff) -> Iterator[RenderableType]:
    """Counts, then one table per provider and region."""
    yield Text(f"From {names[0]} to {names[1]}", style="bold")
    counts = {kind: sum(change.kind == kind for change in diff.changes) for kind in ("changed", "appeared", "vanished")}
    yield Text(f"{', '.join(f'{count} {kind}' for kind, count in counts.items())}, {diff.same} the same.")
    if diff.undated:
        yield Text(f"{diff.undated} without a date, so in no state of a day.", style="yellow")
    for (provider, region), group in groupby(diff.changes, key=lambda change: (change.provider, change.region)):
        yield Text()
        yield Text(f"{provider} {region}", style="bold")
        yield _table(list(group))


def _table(changes: list[PriceChange]) -> RenderableType:
    grid = table(
        "node type", "term", "before USD", "after USD", "change", numeric=("before USD", "after USD", "change")
    )
    for entry in changes:
        cells = (_cell(entry.before_usd), _cell(entry.after_usd), _word(entry))
        grid.add_row(entry.node_type, entry.term, *cells)
    return grid


def _cell(usd: float | None) -> str:
    return "" if usd is None else price(usd)


def _word(change: PriceChange) -> str:
    return change.kind if change.relative is None else _signed(change.relative)


def _signed(share: float) -> str:
    return f"{'+' if share > 0 else '-'}{percent(abs(share))}"


def repriced_text(plan: str, repriced: RepricedPlan) -> Iterator[RenderableType]:
    """What the change means for the bill of a plan."""
    yield Text()
    yield Text(f"{plan} at the new prices, with the same fleet", style="bold")
    if not repriced.offers:
        yield Text(f"None of its prices changed: {money(repriced.before_usd)} USD.")
        return
    grid = table("offer", "before USD", "after USD", "change", numeric=("before USD", "after USD", "change"))
    for entry in repriced.offers:
        after = "no price" if entry.after_usd is None else money(entry.after_usd)
        grid.add_row(
            entry.offer, money(entry.before_usd), after, "" if entry.relative is None else _signed(entry.relative)
        )
    yield grid
    difference = repriced.after_usd - repriced.before_usd
    share = f" ({_signed(difference / repriced.before_usd)})" if repriced.before_usd and difference else ""
    yield Text(f"{money(repriced.before_usd)} to {money(repriced.after_usd)} USD over the horizon{share}.")
    if any(entry.after_usd is None for entry in repriced.offers):
        yield Text("Offers without a new price count at the old one.", style="yellow")
    yield Text("Another fleet may be cheaper now: solve again.")


def price_diff_rows(diff: PriceDiff) -> list[dict[str, Any]]:
    """One record per change, with the columns of COLUMNS; dates as text."""
    return [{name: _plain({**asdict(change), **_derived(change)}[name]) for name in COLUMNS} for change in diff.changes]


def _derived(change: PriceChange) -> dict[str, Any]:
    return {"kind": change.kind, "relative": None if change.relative is None else round(change.relative, 9)}


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
