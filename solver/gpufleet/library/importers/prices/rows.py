"""Rows of price lists, whatever the format, and what is wrong with them."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.reader import read_text
from gpufleet.library.wording import did_you_mean, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gpufleet.schema.offers import Term

MIB_PER_GIB: Final = 1024
_NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\Z")


@dataclass(frozen=True)
class PriceRow:
    """One price of one instance type in one region."""

    line: int
    """Line of the file, row of the sheet; 0 where the format has none."""
    provider: str
    region: str
    instance: str
    """The provider's name of the instance; empty where the row is not of an instance."""
    term: Term
    column: str
    """Where the price stands."""
    price: str
    """As written; checked once the row is known to be wanted."""
    accelerator: str = ""
    """As the source calls it; empty = none."""
    count: float | None = None
    """Accelerators per instance; some instances have a fraction of one."""
    memory_gb: float | None = None
    """Memory of one accelerator."""
    hint: str = ""
    """More words about the accelerator, such as its form."""
    vcpus: float | None = None
    host_memory_gb: float | None = None
    whole: bool = False
    """Is it known that the price covers the accelerators too?"""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the price that the source states beside it."""
    source: str | None = None
    """Where this row comes from, where rows differ in that."""
    note: str | None = None


@dataclass
class Problems:
    """What is wrong in one file."""

    file: str
    found: list[InputProblem] = field(default_factory=list)

    def add(self, line: int, column: str, message: str) -> None:
        """Note one problem."""
        self.found.append(InputProblem(self.file, line, column, message))

    def stop(self) -> None:
        """Raise InputError if there are any."""
        if self.found:
            raise InputError(self.found)


@dataclass(frozen=True)
class Cells:
    """One row by column name; columns that the file lacks are empty."""

    line: int
    values: Mapping[str, str]
    problems: Problems

    def text(self, column: str) -> str:
        """The cell without blanks around it."""
        return self.values.get(column, "").strip()

    def number(self, column: str) -> float | None:
        """A number; None where the cell is empty, or where it is none (which is noted)."""
        text = self.text(column)
        if not text or text.lower() == "none":
            return None
        if _NUMBER.match(text):
            return float(text)
        self.problems.add(self.line, column, f"expected a number, got {show(text)}; write it alone, without a unit")
        return None

    def count(self, column: str) -> int | None:
        """A whole number, `8.0` included."""
        value = self.number(column)
        if value is None or (value.is_integer() and 0 <= value < 1e9):
            return None if value is None else int(value)
        self.problems.add(self.line, column, f"expected a whole number, got {show(self.text(column))}")
        return None


def read_rows(path: Path | str, needed: Sequence[str], problems: Problems, what: str) -> Iterator[Cells]:
    """The rows of a CSV file. Raises InputError where it is none, or lacks a needed column."""
    lines = csv.reader(io.StringIO(read_text(path).removeprefix("\ufeff")), strict=True)
    try:
        header = next(lines, [])
        check_header([name.strip() for name in header], needed, problems, what, 1)
        for cells in lines:
            if any(cell.strip() for cell in cells):
                yield _cells(lines.line_num, header, cells, problems)
    except csv.Error as error:
        problems.add(lines.line_num, "", f"not valid CSV: {error}")
        problems.stop()


def check_header(header: Sequence[str], needed: Sequence[str], problems: Problems, what: str, line: int) -> None:
    """Raise InputError for columns that are missing."""
    for name in needed:
        if name not in header:
            hint = did_you_mean(name, header) or f"; it has {', '.join(header[:8]) or 'nothing'}"
            problems.add(line, name, f"the header has no column {name}, so this is no {what}{hint}")
    problems.stop()


def _cells(line: int, header: Sequence[str], cells: Sequence[str], problems: Problems) -> Cells:
    if len(cells) != len(header):
        problems.add(line, "", f"{len(cells)} cells, but the header has {len(header)} columns")
    return Cells(line, {name.strip(): cell for name, cell in zip(header, cells, strict=False)}, problems)


def usd_price(row: PriceRow, problems: Problems) -> float | None:
    """The price as a number above 0, USD; None where it is none, which is noted with what would be right."""
    text = row.price.strip()
    what = f"{row.instance or row.accelerator} in {row.region}"
    if re.search(r"[€£¥]|\b[A-Z]{3}\b", text) and "NAN" not in text.upper():
        message = f"the price of {what} is {show(text)}; only US dollars are read: convert it, and write the number"
    elif not _NUMBER.match(text) or not math.isfinite(float(text)):
        message = f"the price of {what} is {show(text)}; expected a number such as 3.25"
    elif float(text) <= 0:
        kind = "0" if float(text) == 0 else "negative"
        message = f"the price of {what} is {kind} ({show(text)}); remove the row, or state the price: nothing is free"
    else:
        return float(text)
    problems.add(row.line, row.column, message)
    return None
