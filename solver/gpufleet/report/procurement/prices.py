"""Prices of the bill: where they come from, what was agreed on top of them, and which to ask for again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.format import money, percent
from gpufleet.report.prices_text import overlay_words
from gpufleet.report.procurement.content import Block, Bullets, Column, Heading, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.procurement.material import Material
    from gpufleet.schema.offers import Offer


def price_blocks(material: Material) -> Iterator[Block]:
    """Prices and their sources, then the reader's own terms and stale prices, where there are such."""
    yield price_table(material)
    yield from _own_terms(material)
    if material.plan.price_warnings:
        yield Heading("Prices to ask for again")
        yield Bullets(tuple(f"{warning.offer}: {warning.message}" for warning in material.plan.price_warnings))


def quoted(offer: Offer | None) -> tuple[float | None, str]:
    """(price of one node, its unit) as the offer states it."""
    if offer is None:
        return None, ""
    if offer.usd_per_hour is not None:
        return offer.usd_per_hour, "USD/h"
    if offer.capex_usd is not None:
        return offer.capex_usd, "USD"
    return (offer.resale_usd, "USD if sold") if offer.resale_usd is not None else (None, "no price")


def offers_of(material: Material) -> list[Offer]:
    """The offers that the plan takes, in its order."""
    names = dict.fromkeys(nodes.offer for nodes in material.plan.nodes)
    return [material.resolved.offers[name] for name in names if name in material.resolved.offers]


def _own_terms(material: Material) -> Iterator[Block]:
    """What an overlay made of list prices."""
    overlay = material.plan.overlay
    if overlay is None:
        return
    columns = (Column("Offer"), Column("List price", "price"), Column("Paid", "price"), Column("Unit"), Column("Rules"))
    units = {"usd_per_hour": "USD/h", "capex_usd": "USD"}
    rows = tuple(
        (entry.offer, entry.list_usd, entry.paid_usd, units.get(entry.unit or "", ""), ", ".join(entry.rules))
        for entry in material.plan.offer_prices
        if entry.rules
    )
    if rows:
        yield Table("Terms of your own: prices listed and paid", columns, rows)
    else:
        yield Heading("Terms of your own")
    yield Paragraph(f"{overlay.file}, SHA-256 {overlay.digest}.", "muted")
    facts = tuple(overlay_words(material.plan))
    if facts:
        yield Bullets(facts)


def price_table(material: Material) -> Table | Paragraph:
    """Every price that is paid: the day on which it held, its source, and whether it is assumed."""
    columns = (
        Column("Offer"),
        Column("Price", "price"),
        Column("Unit"),
        Column("As of"),
        Column("Status"),
        Column("Source"),
    )
    files = {entry.offer: f". Price file: {entry.file}" for entry in material.plan.offer_prices if entry.file}
    rows = tuple(
        (
            offer.name,
            *quoted(offer),
            offer.as_of.isoformat() if offer.as_of else "not dated",
            "assumed" if offer.assumed else "as stated",
            f"{offer.source}{f' ({offer.note})' if offer.note else ''}{files.get(offer.name, '')}",
        )
        for offer in offers_of(material)
    )
    return (
        Table("Prices and where they come from", columns, rows) if rows else Paragraph("No prices are paid.", "muted")
    )


def assumed_words(material: Material) -> str | None:
    """How much of the cost rests on assumed prices."""
    assumed = {offer.name for offer in offers_of(material) if offer.assumed}
    total = sum(line.total_usd for line in material.plan.costs)
    part = sum(line.total_usd for line in material.plan.costs if line.offer in assumed)
    if not assumed or not total:
        return None
    share = f"{money(part)} of {money(total)} USD ({percent(part / total)})"
    return f"{share} rest on assumed prices: {', '.join(sorted(assumed))}."
