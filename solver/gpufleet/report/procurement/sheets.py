"""Sheets of a workbook in the house style: frozen headings, widths by content, text that stays text."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

    from gpufleet.report.procurement.content import Kind, Table, Value

FORMATS: Final[dict[str, str]] = {
    "count": "#,##0",
    "usd": "#,##0.00",
    "price": "#,##0.00####",
    "share": "0.0%",
    "load": "0.0%",
    "number": "#,##0.####",
    "text": "@",
}
STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet may take for the start of a formula."""
HEAD: Final = PatternFill("solid", fgColor="E9EDF2")
INPUT: Final = PatternFill("solid", fgColor="FFF8DC")
LINE: Final = Border(bottom=Side("thin", color="8A929C"))
NARROWEST, WIDEST = 9, 60
LONGEST: Final = 120
"""Letters of a sentence in one row."""


@dataclass
class Sheet:
    """A sheet that is filled from the top."""

    page: Worksheet
    next: int = 1
    """The first free row."""

    @classmethod
    def new(cls, book: Workbook, name: str) -> Sheet:
        """Another sheet of the book."""
        page = book.create_sheet(name)
        page.sheet_view.showGridLines = False
        page.page_setup.orientation, page.page_setup.paperSize = "landscape", 9
        page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
        page.sheet_properties.pageSetUpPr.fitToPage = True
        return cls(page)

    def _cell(self, column: int) -> Cell:
        cell = self.page.cell(self.next, column)
        assert isinstance(cell, Cell)  # no cells are merged
        return cell

    def put(self, column: int, value: Value, kind: Kind = "text", *, bold: bool = False) -> Cell:
        """A value in the row that is being written; text is never taken for a formula."""
        cell = self._cell(column)
        if isinstance(value, str):
            cell.value = ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)
            cell.data_type = "s"
            if value.startswith(STARTS):
                cell.quotePrefix = True
        else:
            cell.value = value
            cell.number_format = FORMATS[kind]
        cell.font = Font(bold=bold)
        cell.alignment = Alignment(vertical="top", wrap_text=isinstance(value, str) and len(value) > WIDEST)
        return cell

    def formula(self, column: int, text: str, kind: Kind, *, bold: bool = False) -> Cell:
        """A formula of ours, without the equals sign."""
        cell = self._cell(column)
        cell.value, cell.number_format, cell.font = f"={text}", FORMATS[kind], Font(bold=bold)
        cell.alignment = Alignment(vertical="top")
        return cell

    def row(self, values: Sequence[Value], *, bold: tuple[int, ...] = ()) -> None:
        """Values side by side."""
        for column, value in enumerate(values, 1):
            self.put(column, value, bold=column in bold)
        self.next += 1

    def line(self, text: str, *, bold: bool = False) -> None:
        """A sentence over the whole width; a long one in several rows."""
        for part in textwrap.wrap(text, LONGEST) or [""]:
            self.put(1, part, bold=bold).alignment = Alignment(vertical="top")
            self.next += 1

    def gap(self) -> None:
        """An empty row."""
        self.next += 1

    def head(self, names: Sequence[str], *, freeze: bool = True) -> None:
        """Headings; what is above stays in sight when the sheet is scrolled."""
        for column, name in enumerate(names, 1):
            cell = self.put(column, name, bold=True)
            cell.fill, cell.border, cell.alignment = HEAD, LINE, Alignment(vertical="bottom", wrap_text=True)
        self.next += 1
        if freeze:
            self.page.freeze_panes = f"A{self.next}"
            self.page.print_title_rows = f"{self.next - 1}:{self.next - 1}"

    def table(self, table: Table, *, freeze: bool = True) -> None:
        """A table with its caption, and its total as it stands."""
        self.line(table.caption, bold=True)
        self.head([column.name for column in table.columns], freeze=freeze)
        first = self.next - 1
        for row in (*table.rows, *((table.total,) if table.total is not None else ())):
            for number, (column, value) in enumerate(zip(table.columns, row, strict=True), 1):
                self.put(number, value, column.kind, bold=row is table.total)
            self.next += 1
        if freeze and table.rows:
            last = get_column_letter(len(table.columns))
            self.page.auto_filter.ref = f"A{first}:{last}{first + len(table.rows)}"
        self.gap()
        self.widths()

    def widths(self) -> None:
        """As wide as the content, within reason; sentences of one cell do not count."""
        for number, cells in enumerate(self.page.iter_cols(), 1):
            plain = (cell for cell in cells if isinstance(cell, Cell) and not _alone(self.page, cell))
            widest = max(map(_width, plain), default=0)
            self.page.column_dimensions[get_column_letter(number)].width = min(max(widest + 2, NARROWEST), WIDEST)


def _width(cell: Cell) -> int:
    if isinstance(cell.value, float | int):
        return len(f"{cell.value:,.2f}")
    # a formula shows a sum of money
    return 14 if cell.data_type == "f" else len(str(cell.value or ""))


def _alone(page: Worksheet, cell: Cell) -> bool:
    """A sentence in the first column runs on over the empty cells beside it."""
    return cell.column == 1 and page.cell(cell.row, 2).value is None
