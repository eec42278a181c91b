"""Vendors' quotes in the form of our template, as CSV or Excel: purchases, reservations, and rents by the hour."""

from __future__ import annotations

import csv
import datetime
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.importers.prices.rows import Cells, PriceRow, check_header
from gpufleet.library.reader import read_text
from gpufleet.library.wording import did_you_mean, show
from gpufleet.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.library.importers.prices.rows import Problems
    from gpufleet.schema.offers import Term

EXAMPLE: Final = "EXAMPLE"
"""Quote reference of the template's example row, which is refused."""
TERMS: Final[dict[str, Term]] = {name: name for name in ("purchase", "reserved_1y", "reserved_3y", "on_demand", "spot")}
YEARS: Final = {"reserved_1y": 1, "reserved_3y": 3}


@dataclass(frozen=True)
class Column:
    """A column of the template."""

    name: str
    meaning: str
    example: str = ""
    needed: bool = False


COLUMNS: Final = (
    Column("provider", "Who sells it, as the sites of your instances name their provider.", "my-colo", True),
    Column("region", "The provider's region; any = the same price everywhere.", "any", True),
    Column("node_type", "A node type of the catalogue; gpufleet catalog list node-types shows them.", "dgx-h100", True),
    Column("term", "purchase, reserved_1y, reserved_3y, on_demand or spot.", "purchase", True),
    Column("currency", "USD. Other currencies are refused: convert them first.", "USD", True),
    Column("usd_per_node_hour", "Rent of one whole node, USD an hour (all terms but purchase)."),
    Column("upfront_usd_per_node", "Paid at the start of a reservation, per node; spread over its term."),
    Column("usd_per_node", "Purchase price of one whole node.", "285000"),
    Column("life_years", "Purchases: years over which a node is written off.", "5"),
    Column("residual_fraction", "Purchases: share of the price left after that, e.g. 0.1.", "0.1"),
    Column("maintenance_fraction_per_year", "Purchases: support a year as a share of the price, e.g. 0.05.", "0.05"),
    Column("min_order", "Fewest nodes that are sold; empty = one.", "2"),
    Column("available", "Most nodes that can be had; empty = no limit.", "16"),
    Column("volume_discounts", "NODES:SHARE with semicolons between: 10:0.05; 50:0.08.", "10:0.05; 50:0.08"),
    Column("interruptions_per_month", "Spot: expected interruptions of one node a month."),
    Column("quoted_on", "Date of the quote, as in 2026-09-30.", "2026-09-30", True),
    Column("valid_until", "Last day on which it can be ordered; empty = not stated.", "2026-12-31"),
    Column("quote_reference", "Number of the quote; the plan names it as the source of the price.", EXAMPLE, True),
    Column("note", "Anything a reader must know.", "An example with made-up figures: delete this row."),
)
NEEDED: Final = tuple(column.name for column in COLUMNS if column.needed)
INSTRUCTIONS: Final = (
    "One row per price. Prices are of whole nodes (servers), in US dollars, without tax.",
    "Delete the example row. Import it with: gpufleet catalog import quote FILE "
    "--out my-library/catalog/offers/NAME_DATE.csv",
)
SHEET: Final = "Quote"


def quote_rows(path: Path | str, problems: Problems) -> Iterator[PriceRow]:
    """The rows of a quote. Raises InputError where the file cannot be read, or lacks a column."""
    excel = Path(path).suffix.lower() == ".xlsx"
    rows = _sheet_rows(path) if excel else _csv_rows(path)
    line, header = next(rows, (1, []))
    check_header(header, NEEDED, problems, "quote", line)
    for name in header:
        known = [column.name for column in COLUMNS]
        if name and name not in known:
            problems.add(
                line, name, f"unknown column {show(name)}{did_you_mean(name, known)}; known: {', '.join(known)}"
            )
    problems.stop()
    for line, cells in rows:
        row = Cells(line, dict(zip(header, cells, strict=False)), problems)
        if row.text("quote_reference").upper() == EXAMPLE:
            message = "this is the example of the template; delete the row, or write the reference of your quote"
            problems.add(line, "quote_reference", message)
        elif (found := _row(row)) is not None:
            yield found


def _csv_rows(path: Path | str) -> Iterator[tuple[int, list[str]]]:
    """Rows with their lines; lines that start with # are comments."""
    lines = csv.reader(io.StringIO(read_text(path).removeprefix("\ufeff")), strict=True)
    try:
        for cells in lines:
            if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
                yield lines.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise InputError([InputProblem(str(path), lines.line_num, "", f"not valid CSV: {error}")]) from None


def _sheet_rows(path: Path | str) -> Iterator[tuple[int, list[str]]]:
    """Rows of the sheet `Quote`, of the only sheet, or of the first, with their numbers."""
    from openpyxl import load_workbook  # slow to import

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except OSError as error:
        raise InputError([InputProblem(str(path), 0, "", f"cannot be read: {error.strerror}")]) from None
    except Exception as error:  # whatever openpyxl and zipfile say of a file that is no workbook
        raise InputError([InputProblem(str(path), 0, "", f"no Excel workbook (.xlsx): {error}")]) from None
    sheet = book[SHEET] if SHEET in book.sheetnames else book.worksheets[0]
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        texts = [_text(cell) for cell in cells]
        if any(texts):
            yield number, texts
    book.close()


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _row(cells: Cells) -> PriceRow | None:
    before = len(cells.problems.found)
    for name in NEEDED:
        if not cells.text(name):
            meaning = next(column.meaning for column in COLUMNS if column.name == name)
            cells.problems.add(cells.line, name, f"is empty. {meaning}")
    currency = cells.text("currency")
    if currency and currency.upper() != "USD":
        message = f"is {show(currency)}; only USD is read: convert the prices, and note the rate"
        cells.problems.add(cells.line, "currency", message)
    term = TERMS.get(cells.text("term"))
    if cells.text("term") and term is None:
        hint = did_you_mean(cells.text("term"), TERMS)
        cells.problems.add(
            cells.line, "term", f"expected one of {', '.join(TERMS)}; got {show(cells.text('term'))}{hint}"
        )
    dates = {name: _date(cells, name) for name in ("quoted_on", "valid_until")}
    price = None if term is None else _price(cells, term)
    extra = _extra(cells)
    if len(cells.problems.found) > before or term is None or price is None:
        return None
    return PriceRow(
        line=cells.line,
        provider=cells.text("provider"),
        region=cells.text("region"),
        instance=cells.text("node_type"),
        term=term,
        column="usd_per_node" if term == "purchase" else "usd_per_node_hour",
        price=price,
        whole=True,
        extra={**extra, "as_of": dates["quoted_on"], **({"valid_until": d} if (d := dates["valid_until"]) else {})},
        source=f"Quote {cells.text('quote_reference')} of {cells.text('provider')}",
        note=cells.text("note") or None,
    )


def _date(cells: Cells, name: str) -> str | None:
    text = cells.text(name)
    try:
        return datetime.date.fromisoformat(text).isoformat() if text else None
    except ValueError:
        cells.problems.add(cells.line, name, f"expected a date such as 2026-09-30, got {show(text)}")
        return None


def _price(cells: Cells, term: Term) -> str | None:
    """The price in the unit of the term; an up-front payment is spread over the hours of the reservation."""
    needed = "usd_per_node" if term == "purchase" else "usd_per_node_hour"
    other = "usd_per_node_hour" if term == "purchase" else "usd_per_node"
    upfront = cells.text("upfront_usd_per_node")
    if cells.text(other):
        cells.problems.add(cells.line, other, f"does not belong to term {term}, whose price stands in {needed}")
    if upfront and term not in YEARS:
        cells.problems.add(cells.line, "upfront_usd_per_node", f"belongs to reservations, not to term {term}")
        return None
    if not upfront:
        if not cells.text(needed):
            cells.problems.add(
                cells.line, needed, f"is empty; term {term} needs it: a missing price is never taken as 0"
            )
        return cells.text(needed) or None
    amounts = (cells.number("upfront_usd_per_node"), cells.number(needed) if cells.text(needed) else 0.0)
    if amounts[0] is None or amounts[1] is None:
        return None
    return repr(round(amounts[0] / (YEARS[term] * HOURS_PER_YEAR) + amounts[1], 9))


def _extra(cells: Cells) -> dict[str, Any]:
    """Terms of the order; shares of a purchase only where they are given."""
    names: Sequence[str] = (
        "life_years",
        "residual_fraction",
        "maintenance_fraction_per_year",
        "interruptions_per_month",
    )
    fields: dict[str, Any] = {name: cells.number(name) for name in names}
    fields["min_order"], fields["stock"] = cells.count("min_order"), cells.count("available")
    fields["volume_discounts"] = cells.text("volume_discounts") or None
    return {name: value for name, value in fields.items() if value is not None}


def template_csv() -> str:
    """The template as CSV, with comments and an example."""
    out = io.StringIO()
    for line in (*INSTRUCTIONS, *(f"{column.name}: {column.meaning}" for column in COLUMNS)):
        out.write(f"# {line}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in COLUMNS])
    writer.writerow([column.example for column in COLUMNS])
    return out.getvalue()


def template_xlsx() -> bytes:
    """The template as an Excel workbook: a sheet to fill in, and one that explains its columns."""
    from openpyxl import Workbook
    from openpyxl.styles import Font, PatternFill
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = SHEET
    sheet.append([column.name for column in COLUMNS])
    sheet.append([_cell(column.example) for column in COLUMNS])
    sheet.freeze_panes = "B2"
    for number, column in enumerate(COLUMNS, 1):
        sheet.cell(1, number).font = Font(bold=True)
        sheet.cell(2, number).fill = PatternFill("solid", fgColor="FFF2CC")
        sheet.column_dimensions[get_column_letter(number)].width = max(12, len(column.name) + 2)
    place = {column.name: get_column_letter(number) for number, column in enumerate(COLUMNS, 1)}
    for name, choices in (("term", ",".join(TERMS)), ("currency", "USD")):
        rule = DataValidation(type="list", formula1=f'"{choices}"', allow_blank=True)
        sheet.add_data_validation(rule)
        rule.add(f"{place[name]}2:{place[name]}500")
    help_sheet = book.create_sheet("Instructions")
    for line in INSTRUCTIONS:
        help_sheet.append([line])
    help_sheet.append([])
    help_sheet.append(["column", "needed", "meaning"])
    for column in COLUMNS:
        help_sheet.append([column.name, "yes" if column.needed else "", column.meaning])
    help_sheet.column_dimensions["A"].width, help_sheet.column_dimensions["C"].width = 32, 90
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(text: str) -> Any:
    """Numbers and dates as such, so that the sheet can be computed with."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return float(text) if text.replace(".", "", 1).isdigit() else text or None
