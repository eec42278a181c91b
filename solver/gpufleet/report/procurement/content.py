"""What a document holds, whatever it is written as: sections of paragraphs, facts, lists, tables and charts.

Values in tables stay numbers. How they are written follows from the kind of their column, so that a page can sort by
them and a workbook can calculate with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gpufleet.report.format import figure, money, percent, price

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal["text", "count", "usd", "price", "share", "load", "number"]
"""What a column holds: words, whole numbers, USD to the cent, USD as quoted, fractions shown as percent, fractions
of which a tenth of a percent is enough, figures."""
Tone = Literal["plain", "good", "warning", "bad", "muted"]
Value = str | int | float | None


def load_words(value: float) -> str:
    """A utilisation: nobody asks for more than tenths of a percent.

    >>> load_words(0.963), load_words(0.000012)
    ('96.3 %', '<0.1 %')
    """
    return f"{value * 100:.1f} %" if value >= 0.001 or value <= 0 else "<0.1 %"


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    kind: Kind = "text"

    @property
    def numeric(self) -> bool:
        """Is it aligned to the right, and sorted by value?"""
        return self.kind != "text"

    def shown(self, value: Value) -> str:
        """A value as people read it; empty for None. Words in a numeric column stay words: `1-3`."""
        if value is None or isinstance(value, str):
            return value or ""
        match self.kind:
            case "count":
                return f"{value:,}"
            case "usd":
                return money(value)
            case "price":
                return price(value)
            case "share":
                return percent(value)
            case "load":
                return load_words(value)
            case _:
                return figure(value)


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    text: str
    tone: Tone = "plain"
    block: str = "paragraph"


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str
    block: str = "heading"


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]
    block: str = "bullets"


@dataclass(frozen=True)
class Facts:
    """Labels with what there is to say of them."""

    rows: tuple[tuple[str, str], ...]
    block: str = "facts"


@dataclass(frozen=True)
class Table:
    """A table with a caption; `total` is its last row, which is not sorted."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    total: tuple[Value, ...] | None = None
    folded: bool = False
    """Is it closed on a page until somebody opens it?"""
    block: str = "table"


@dataclass(frozen=True)
class Bars:
    """Horizontal bars of (label, value, what stands behind the bar), with a line at the limit."""

    rows: tuple[tuple[str, float, str], ...]
    unit: str
    limit: float | None = None


@dataclass(frozen=True)
class Stacked:
    """Amounts per time, one colour per part; what is negative goes below zero."""

    times: tuple[str, ...]
    parts: Mapping[str, Sequence[float]]
    unit: str


@dataclass(frozen=True)
class Field:
    """Shares over time, one row per label; None where there is nothing."""

    labels: tuple[str, ...]
    times: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Steps:
    """Lines that change at breakpoints, with a mark at one value of the axis; single points where others may lie
    between."""

    at: tuple[float, ...]
    lines: Mapping[str, Sequence[float]]
    axis: str
    unit: str
    mark: tuple[float, str] | None = None
    complete: bool = True


@dataclass(frozen=True)
class Chart:
    """A picture, what it shows in a sentence, and the same numbers as a table."""

    title: str
    words: str
    drawing: Bars | Stacked | Field | Steps
    table: Table | None = None
    """None where the section has the numbers in a table anyway."""
    block: str = "chart"


@dataclass(frozen=True)
class SignOff:
    """Lines to sign on, below the digests of what is signed."""

    roles: tuple[str, ...]
    digests: tuple[tuple[str, str], ...]
    block: str = "sign_off"


Block = Paragraph | Heading | Bullets | Facts | Table | Chart | SignOff


@dataclass(frozen=True)
class Section:
    """A part of the document."""

    key: str
    """Where links lead."""
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """The whole of it."""

    title: str
    subtitle: str
    banner: Paragraph
    """The verdict in a sentence, above everything else."""
    sections: tuple[Section, ...]
    footer: str
