"""What it costs, line by line, and when it is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.format import money, percent
from gpufleet.report.procurement.content import (
    Bars,
    Block,
    Bullets,
    Chart,
    Column,
    Heading,
    Paragraph,
    Section,
    Stacked,
    Table,
    Value,
)
from gpufleet.report.resilience_text import charge_rows
from gpufleet.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.procurement.material import Material
    from gpufleet.schema.plan import CostLine, Plan

UPFRONT = frozenset({"purchase", "measure"})
"""Items that are paid when something is bought, not while it runs."""
UNPAID = frozenset({"value left", "committed"})
"""Items that lie beyond the horizon."""
MOST_BARS = 14


def upfront_usd(plan: Plan) -> float:
    """Purchases and measures of the first year, USD."""
    return sum(flow.usd for flow in plan.cash_flow if flow.year == 0 and flow.item in UPFRONT)


def cash(material: Material) -> Section:
    """The section."""
    return Section("cost", "Cost and cash flow", tuple(_blocks(material)))


def _blocks(material: Material) -> Iterator[Block]:
    plan = material.plan
    if not plan.costs:
        yield Paragraph(f"The plan states no cost lines; the verifier's figure is {money(material.cost_usd)} USD.")
        return
    yield _chart(material)
    yield cost_table(material)
    if plan.moves is not None:
        yield Paragraph(f"Beside the bill, changes of today's fleet cost {money(plan.moves.cost_usd)} USD.")
        heads = (Column("Offer"), Column("Nodes today", "count"), Column("Nodes then", "count"))
        rows = tuple((move.offer, move.before, move.after) for move in plan.moves.nodes)
        yield Table("Changes of today's fleet", heads, rows)
    yield from _stages(material)
    yield from _flow(material)
    charges = tuple(charge_rows(material.resolved, plan)) if material.kept else ()
    if charges:
        columns = (Column("Workload"), Column("Cap"), *(Column(n) for n in ("USD charged", "USD limit", "Used")))
        yield Table("Charges to workloads with budgets of their own", columns, charges)


def grouped(plan: Plan) -> dict[tuple[str, str], list[CostLine]]:
    """Lines of the bill by item and offer."""
    groups: dict[tuple[str, str], list[CostLine]] = {}
    for line in plan.costs:
        groups.setdefault((line.item, line.offer), []).append(line)
    return groups


def cost_table(material: Material) -> Table:
    """The bill; lines of one item and offer, by period or stage, are added up."""
    total = sum(line.total_usd for line in material.plan.costs)
    rows: list[tuple[Value, ...]] = []
    for (item, offer), lines in grouped(material.plan).items():
        amount = sum(line.total_usd for line in lines)
        single = len(lines) == 1 and lines[0].period is None
        share = amount / total if total else None
        count: tuple[Value, Value] = (lines[0].quantity, lines[0].unit_usd) if single else ("several", None)
        rows.append((item, offer, *count, amount, share))
    columns = (
        Column("Item"),
        Column("Offer or measure"),
        Column("Nodes", "count"),
        Column("USD a node", "usd"),
        Column("USD in all", "usd"),
        Column("Share", "share"),
    )
    return Table("Bill over the horizon", columns, tuple(rows), ("Total", None, None, None, total, None))


def _chart(material: Material) -> Chart:
    groups = grouped(material.plan)
    amounts = sorted(((sum(line.total_usd for line in lines), key) for key, lines in groups.items()), reverse=True)
    total = sum(amount for amount, _ in amounts)
    rows = [(f"{item}, {offer}", amount, money(amount)) for amount, (item, offer) in amounts[:MOST_BARS]]
    rest = sum(amount for amount, _ in amounts[MOST_BARS:])
    rows += [(f"{len(amounts) - MOST_BARS} more", rest, money(rest))] if rest else []
    largest = f"{rows[0][0]} is {percent(rows[0][1] / total)} of it" if total else "nothing is paid"
    words = f"The bill of {money(total)} USD by item and offer; {largest}."
    return Chart("What the money goes to", words, Bars(tuple(rows), "USD"))


def _stages(material: Material) -> Iterator[Block]:
    """The bill by the stages in which nodes stay."""
    if not any(line.first_stage for line in material.plan.costs):
        return
    stays: dict[str, float] = {}
    for line in material.plan.costs:
        first, last = line.first_stage or "start", line.last_stage or "end"
        stay = first if first == last else f"{first} to {last}"
        stays[stay] = stays.get(stay, 0.0) + line.total_usd
    columns = (Column("Stages"), Column("USD", "usd"))
    yield Table("Bill by the stages that it is for", columns, tuple(stays.items()))


def _flow(material: Material) -> Iterator[Block]:
    """Payments by year: before the table, what is paid at once and what while it runs."""
    flow = material.plan.cash_flow
    if not flow:
        return
    yield Heading("Cash flow")
    paid = [entry for entry in flow if entry.item not in UNPAID]
    upfront = sum(entry.usd for entry in paid if entry.item in UPFRONT)
    received = -sum(entry.usd for entry in paid if entry.usd < 0)
    running = sum(entry.usd for entry in paid) - upfront + received
    first = upfront_usd(material.plan)
    left = -sum(entry.usd for entry in flow if entry.item == "value left")
    committed = sum(entry.usd for entry in flow if entry.item == "committed")
    sentences = [
        f"Purchases and measures: {money(upfront)} USD, of which {money(first)} USD in the first year.",
        f"Rent, energy and running costs: {money(running)} USD.",
        *([f"Received from sales: {money(received)} USD."] if received else []),
        *(
            [f"Still there at the end of the horizon: {money(left)} USD of value, which the bill leaves out."]
            if left
            else []
        ),
        *([f"Still to be paid for reservations after the horizon: {money(committed)} USD."] if committed else []),
    ]
    yield Bullets(tuple(sentences))
    table = flow_table(material)
    years = [row for row in table.rows if row[0] != "after"]
    if len(years) > 1:
        names = [column.name for column in table.columns[1:-1] if column.name not in UNPAID]
        places = [[column.name for column in table.columns].index(name) for name in names]
        parts = {name: [float(row[place] or 0.0) for row in years] for name, place in zip(names, places, strict=True)}
        words = "Payments of each year of the horizon, not discounted; what is received stands below zero."
        yield Chart("Payments by year", words, Stacked(tuple(f"year {row[0]}" for row in years), parts, "USD"))
    yield table


def flow_table(material: Material) -> Table:
    """One row per year, one column per item; what lies beyond the horizon comes last."""
    flow = material.plan.cash_flow
    years = float(material.resolved.instance.hours) / HOURS_PER_YEAR
    items = list(dict.fromkeys(entry.item for entry in flow))
    rows: list[tuple[Value, ...]] = []
    for year in sorted({entry.year for entry in flow}):
        paid = {entry.item: entry.usd for entry in flow if entry.year == year}
        label = str(year + 1) if year < years else "after"
        rows.append((label, *(paid.get(item) for item in items), sum(paid.values())))
    columns = (Column("Year"), *(Column(item, "usd") for item in items), Column("USD", "usd"))
    return Table("Payments by year, not discounted", columns, tuple(rows))
