"""Prices of a plan in words: terms of your own beside list prices, and prices to ask for again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gpufleet.report.format import money, percent, price
from gpufleet.report.table import table
from gpufleet.schema.overlay import COMMITTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.prices import PlannedPrice, PriceWarning


def overlay_lines(plan: Plan) -> Iterator[RenderableType]:
    """What an overlay changed, and which of its rules did nothing; nothing without an overlay."""
    overlay = plan.overlay
    if overlay is None:
        return
    yield Text(f"{overlay.file}, sha256 {overlay.digest[:16]}", style="dim")
    changed = [entry for entry in plan.offer_prices if entry.rules]
    if changed:
        yield _changes(changed)
    yield from (Text(words) for words in overlay_words(plan))


def overlay_words(plan: Plan) -> Iterator[str]:
    """What there is to say of an overlay beside the prices that it changed."""
    overlay = plan.overlay
    if overlay is None:
        return
    committed = [nodes for nodes in plan.nodes if nodes.offer.startswith(COMMITTED)]
    if not committed and not any(entry.rules for entry in plan.offer_prices):
        yield "None of its rules is about an offer of this plan."
    for nodes in committed:
        yield f"{nodes.offer}: {nodes.count} in use, paid for already"
    for left_out in overlay.expired:
        yield f"Left out: {left_out}, before the planning date."
    if overlay.unused:
        yield f"About no offer of this instance: {', '.join(overlay.unused)}."
    if overlay.committed_usd is not None:
        yield (
            f"Committed nodes cost {money(overlay.committed_usd)} USD over the horizon, used or not; that is no part "
            "of the cost of the plan."
        )


def _changes(entries: Sequence[PlannedPrice]) -> RenderableType:
    grid = table("offer", "list USD", "paid USD", "less", "by", numeric=("list USD", "paid USD", "less"))
    for entry in entries:
        listed, paid = entry.list_usd or 0.0, entry.paid_usd or 0.0
        less = percent(1 - paid / listed) if listed and paid <= listed else "more" if listed else ""
        grid.add_row(entry.offer, price(listed), price(paid), less, ", ".join(entry.rules))
    return grid


def stale_lines(warnings: Sequence[PriceWarning], undated: Sequence[str]) -> Iterator[RenderableType]:
    """One line per warning; prices of unknown age in one."""
    for warning in warnings:
        yield Text(f"{warning.offer}: {warning.message}", style="yellow")
    if undated:
        yield Text(f"Not dated, so of unknown age: {', '.join(undated)}", style="dim")
