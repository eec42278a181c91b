"""The sheets that calculate: a bill of materials with numbers of nodes and prices to change, and the cost that follows.

Every line of the plan's bill is nodes x price x quantity: hours for rents and running costs, kWh for energy, the share
of the purchase price for write-offs and maintenance, at present value. The quantity is what the plan's own cost of a
node leaves over its price, so the sheet gives the plan's total; it is proportional to the price, so another price may
be tried. Limits, volume discounts and the choice of the fleet are not calculated: for these the plan is solved again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gpufleet.report.procurement.cash import flow_table
from gpufleet.report.procurement.material import TERMS
from gpufleet.report.procurement.prices import quoted
from gpufleet.report.procurement.sheets import INPUT, Sheet

if TYPE_CHECKING:
    from openpyxl import Workbook

    from gpufleet.report.procurement.material import Material
    from gpufleet.schema.plan import CostLine, PlannedNodes

BILL: Final = "Bill of materials"
COST: Final = "Cost"
BILL_HEAD: Final = (
    "Row", "Offer", "Node type", "Site", "Term", "Period", "Stages", "Nodes", "Price", "Unit", "USD in all",
    "Price as of", "Status", "Source",
)  # fmt: skip
COST_HEAD: Final = (
    "Bill row", "Item", "Offer or measure", "Nodes", "Price", "Quantity", "Unit", "USD a node", "USD in all", "Source",
)  # fmt: skip
NODES, PRICE = "H", "I"
"""Columns of the bill of materials that may be changed."""
HINT: Final = (
    "Yellow cells may be changed, and totals follow; limits, volume discounts and the choice of the fleet do not."
)
OF_THE_OFFER: Final = frozenset({"rent", "write-off", "maintenance"})
"""Items that are proportional to the price that the offer states."""


@dataclass(frozen=True)
class Priced:
    """A line of the bill, taken apart."""

    price: float
    quantity: float
    unit: str
    from_offer: bool
    """Is the price that of the offer, which stands in the bill of materials?"""


def write_costs(book: Workbook, material: Material) -> str:
    """Both sheets, and the payments by year; returns the cell with the total, for other sheets."""
    bill, cost = Sheet.new(book, BILL), Sheet.new(book, COST)
    first = 4
    lines = {_key(nodes): first + number for number, nodes in enumerate(material.plan.nodes)}
    last = _costs(cost, material, lines)
    _bill(bill, material, last)
    if material.plan.cash_flow:
        Sheet.new(book, "Cash flow").table(flow_table(material))
    return f"{COST}!I{last + 1}"


def _key(entry: PlannedNodes | CostLine) -> tuple[str, str | None, str | None, str | None]:
    """What ties a line of the bill to its nodes."""
    return (entry.offer, entry.period, entry.first_stage, entry.last_stage)


def _bill(sheet: Sheet, material: Material, last: int) -> None:
    sheet.line(BILL, bold=True)
    sheet.line(HINT)
    sheet.head(BILL_HEAD)
    start = sheet.next
    for nodes in material.plan.nodes:
        _bill_row(sheet, material, nodes, last)
    sheet.put(1, "Total", bold=True)
    sheet.formula(11, f"SUM(K{start}:K{sheet.next - 1})", "usd", bold=True)
    sheet.widths()


def _bill_row(sheet: Sheet, material: Material, nodes: PlannedNodes, last: int) -> None:
    offer = material.resolved.offers.get(nodes.offer)
    price, unit = quoted(offer)
    term = offer.term if offer else nodes.term or ""
    stay = "" if nodes.first_stage is None else f"{nodes.first_stage} to {nodes.last_stage}"
    place = (offer.node_type, offer.site) if offer else (nodes.node_type or "", nodes.site or "")
    for column, value in enumerate((nodes.offer, *place, TERMS.get(term, term), nodes.period or "", stay), 2):
        sheet.put(column, value)
    sheet.put(1, sheet.next, "count")
    sheet.put(8, nodes.count, "count").fill = INPUT
    sheet.put(9, price, "price").fill = INPUT
    sheet.put(10, unit)
    sheet.formula(11, f"SUMIF({COST}!$A$4:$A${last},A{sheet.next},{COST}!$I$4:$I${last})", "usd")
    if offer is not None:
        status = "assumed" if offer.assumed else "as stated"
        for column, value in enumerate(
            (offer.as_of.isoformat() if offer.as_of else "not dated", status, offer.source), 12
        ):
            sheet.put(column, value)
    sheet.next += 1


def _costs(sheet: Sheet, material: Material, lines: dict[tuple[str, str | None, str | None, str | None], int]) -> int:
    """Writes the cost sheet; returns its last line of costs."""
    sheet.line(COST, bold=True)
    sheet.line(HINT)
    sheet.head(COST_HEAD)
    start = sheet.next
    for line in material.plan.costs:
        _cost_row(sheet, material, line, lines.get(_key(line)))
    if material.plan.moves is not None:
        moves = material.plan.moves.cost_usd
        _row(sheet, "changes of today's fleet", "all", 1, None, Priced(moves, 1.0, "USD in all", False), "the instance")
    last = max(sheet.next - 1, start)
    sheet.next = last + 1
    sheet.put(1, "Total", bold=True)
    sheet.formula(9, f"SUM(I{start}:I{last})", "usd", bold=True)
    sheet.next += 1
    _per_day(sheet, material, last + 1)
    sheet.widths()
    return last


def _cost_row(sheet: Sheet, material: Material, line: CostLine, bill: int | None) -> None:
    _row(sheet, line.item, line.offer, line.quantity, bill, taken_apart(material, line), line.source)


def _row(sheet: Sheet, item: str, offer: str, count: int, bill: int | None, priced: Priced, source: str) -> None:
    """Nodes and price come from the row of the bill of materials, where there is one."""
    row = sheet.next
    sheet.put(2, item)
    sheet.put(3, offer)
    if bill is None:
        sheet.put(4, count, "count").fill = INPUT
    else:
        sheet.put(1, bill, "count")
        sheet.formula(4, f"'{BILL}'!{NODES}{bill}", "count")
    if bill is not None and priced.from_offer:
        sheet.formula(5, f"'{BILL}'!{PRICE}{bill}", "price")
    else:
        sheet.put(5, priced.price, "price").fill = INPUT
    sheet.put(6, priced.quantity, "number")
    sheet.put(7, priced.unit)
    sheet.formula(8, f"E{row}*F{row}", "usd")
    sheet.formula(9, f"D{row}*E{row}*F{row}", "usd")
    sheet.put(10, source)
    sheet.next += 1


def _per_day(sheet: Sheet, material: Material, total: int) -> None:
    """The cost of a day, and what the plan itself says."""
    sheet.put(1, "Hours of the horizon")
    sheet.put(9, material.hours, "number")
    sheet.next += 1
    sheet.put(1, "USD a day", bold=True)
    sheet.formula(9, f"I{total}/I{total + 1}*24", "usd", bold=True)
    sheet.next += 1
    sheet.put(1, "The plan's total, for comparison")
    sheet.put(9, material.cost_usd, "usd")
    sheet.next += 1


def taken_apart(material: Material, line: CostLine) -> Priced:
    """Price and quantity of a cost line; their product is its cost of a node."""
    price, unit, from_offer = _price(material, line)
    if not price:
        return Priced(line.unit_usd, 1.0, "USD a node", False)
    quantity = line.unit_usd / price
    # whole hours as they are, where that changes nothing but the last digit of a float
    if round(price * round(quantity, 6), 6) == round(line.unit_usd, 6):
        quantity = round(quantity, 6)
    return Priced(price, quantity, unit, from_offer)


def _price(material: Material, line: CostLine) -> tuple[float | None, str, bool]:
    """(price, unit of the quantity, is it the offer's own); None where nothing states a price."""
    offer = material.resolved.offers.get(line.offer)
    if offer is None:
        return None, "", False
    if line.item in OF_THE_OFFER:
        return quoted(offer)[0], "hours" if line.item == "rent" else "of the price", True
    if line.item == "energy":
        return material.resolved.sites[offer.site].electricity_usd_per_kwh, "kWh", False
    return (offer.running_usd_per_hour, "hours", False) if line.item == "running" else (None, "", False)
