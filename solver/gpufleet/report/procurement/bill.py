"""The bill of materials: what is bought and rented, at which prices, and where these come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.report.format import span_of_counts
from gpufleet.report.partition_words import partition_words
from gpufleet.report.pools import varying_pools
from gpufleet.report.procurement.content import Block, Bullets, Column, Heading, Section, Table, Value
from gpufleet.report.procurement.material import TERMS
from gpufleet.report.procurement.prices import offers_of, price_blocks, quoted
from gpufleet.report.timetable import schedule, timetable
from gpufleet.schema.offers import RENTED_TERMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.procurement.material import Material
    from gpufleet.schema.plan import PlannedNodes


@dataclass(frozen=True)
class Holding:
    """Nodes of one offer and one stay; those rented by the period or stage together."""

    offer: str
    node_type: str
    accelerators: int
    accelerator: str
    site: str
    term: str
    stay: str
    """Stages in which they are there; empty = all."""
    counts: tuple[int, ...]
    """Over periods and stages where they are rented by these, else one number."""
    when: str
    """When they are there, where that changes."""
    unit_usd: float | None
    total_usd: float | None

    @property
    def count_words(self) -> str:
        """One number, or the smallest and the largest."""
        return span_of_counts(self.counts)


def holdings(material: Material) -> tuple[Holding, ...]:
    """The fleet, in the plan's order, what is rented by the period or stage last."""
    nodes = material.plan.nodes
    rented: dict[str, list[PlannedNodes]] = {}
    for entry in nodes:
        if _varies(entry):
            rented.setdefault(entry.offer, []).append(entry)
    fixed = [_holding(material, [entry], (entry.count,), "") for entry in nodes if not _varies(entry)]
    for entries in rented.values():
        counts = schedule(material.resolved, entries)
        fixed.append(_holding(material, entries, tuple(counts), timetable(material.resolved, counts)))
    return tuple(fixed)


def _varies(nodes: PlannedNodes) -> bool:
    return nodes.period is not None or (nodes.first_stage is not None and nodes.term in RENTED_TERMS)


def _holding(material: Material, entries: list[PlannedNodes], counts: tuple[int, ...], when: str) -> Holding:
    """What the offer says counts, not what the plan repeats of it; of an offer that does not exist, the plan's."""
    first, offer = entries[0], material.resolved.offers.get(entries[0].offer)
    kind = offer.node_type if offer else first.node_type or "unknown"
    node = material.resolved.node_types.get(kind)
    totals = [entry.total_cost_usd for entry in entries if entry.total_cost_usd is not None]
    return Holding(
        offer=first.offer,
        node_type=kind,
        accelerators=node.accelerators if node else 0,
        accelerator=node.accelerator if node else "unknown",
        site=offer.site if offer else first.site or "unknown",
        term=offer.term if offer else first.term or "unknown",
        stay="" if when else _stay(first),
        counts=counts,
        when=when,
        unit_usd=None if when else first.unit_cost_usd,
        total_usd=sum(totals) if totals else None,
    )


def _stay(nodes: PlannedNodes) -> str:
    if nodes.first_stage == nodes.last_stage:
        return nodes.first_stage or ""
    return f"{nodes.first_stage or 'start'} to {nodes.last_stage or 'end'}"


def bill(material: Material) -> Section:
    """The section."""
    return Section("bill-of-materials", "Bill of materials", tuple(_blocks(material)))


def _blocks(material: Material) -> Iterator[Block]:
    yield bill_table(material)
    rented = [f"{row.offer}: {row.when}" for row in holdings(material) if row.when]
    if rented:
        yield Heading("When rented nodes are there")
        yield Bullets(tuple(rented))
    if material.kept:
        pools = [f"{pool}: {words}" for pool, words in varying_pools(material.resolved, material.plan)]
        parts = [f"{where}: {words}" for where, words in partition_words(material.resolved, material.plan)]
        yield from _named("Base and burst by pool", pools)
        yield from _named("Partitions", parts)
    if material.plan.measures:
        yield _measures(material)
    yield from price_blocks(material)
    discounts = [
        f"{offer.name}: {'; '.join(f'{s.discount_fraction * 100:g} % off from {s.from_count} nodes' for s in steps)}"
        for offer, steps in ((offer, offer.price_steps) for offer in offers_of(material))
        if steps
    ]
    yield from _named("Volume discounts", discounts)


def _named(title: str, items: list[str]) -> Iterator[Block]:
    if items:
        yield Heading(title)
        yield Bullets(tuple(items))


def bill_table(material: Material) -> Table:
    """One row per offer and stay."""
    staged = any(row.stay for row in holdings(material))
    columns = [Column("Node type"), Column("Accelerators"), Column("Site"), Column("Term")]
    columns += [Column("Stages")] if staged else []
    columns += [
        Column("Nodes", "count"),
        Column("Price", "price"),
        Column("Unit"),
        Column("USD a node", "usd"),
        Column("USD in all", "usd"),
    ]
    rows: list[tuple[Value, ...]] = []
    for row in holdings(material):
        price, unit = quoted(material.resolved.offers.get(row.offer))
        stay = (row.stay or "all",) if staged else ()
        count = row.counts[0] if len(set(row.counts)) == 1 else row.count_words
        what = f"{row.accelerators} × {row.accelerator}"
        term = TERMS.get(row.term, row.term)
        rows.append((row.node_type, what, row.site, term, *stay, count, price, unit, row.unit_usd, row.total_usd))
    known = [row.total_usd for row in holdings(material) if row.total_usd is not None]
    total = ("Total", *[None] * (len(columns) - 2), sum(known)) if known else None
    return Table("Nodes to buy and rent", tuple(columns), tuple(rows), total)


def _measures(material: Material) -> Table:
    rows = tuple((e.measure, "taken" if e.taken else "not taken", e.cost_usd) for e in material.plan.measures)
    return Table("Measures", (Column("Measure"), Column("Decision"), Column("USD", "usd")), rows)
