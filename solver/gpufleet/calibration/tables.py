"""Tables of measurements: CSV files whose columns tell what they hold."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.reader import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TableKind = Literal["llm_serving", "mlperf_inference", "mlperf_single_stream", "training"]

NEEDED: Mapping[TableKind, tuple[str, ...]] = MappingProxyType(
    {
        "llm_serving": ("model", "accelerator", "tp", "pp", "precision", "engine", "isl", "osl", "kind", "source"),
        "mlperf_single_stream": ("accelerator_norm", "model", "samples_per_query", "mean_latency_ms", "source"),
        "mlperf_inference": ("accelerator_norm", "accelerators_n", "model", "scenario", "metric", "value", "source"),
        "training": ("model", "accelerator", "accelerators_n", "measured_iter_s", "kind", "source"),
    }
)
"""Columns by which a table is recognised, and which it must have."""


@dataclass(frozen=True)
class Row:
    """One row of a table, as text."""

    table: str
    line: int
    values: Mapping[str, str]

    def text(self, column: str) -> str:
        """The cell, stripped; empty when the table has no such column."""
        return (self.values.get(column) or "").strip()

    def number(self, column: str) -> float | None:
        """The cell as a number; None when empty. Raises InputError for text and for numbers below zero."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not 0.0 <= value < float("inf"):
            message = f"{text} is no number from 0 up; leave the cell empty if it is not known"
            raise InputError([InputProblem(self.table, self.line, column, message)])
        return value

    def count(self, column: str, default: int = 1) -> int:
        """The cell as a whole number, at least 1. Raises InputError."""
        value = self.number(column)
        if value is None:
            return default
        if value < 1 or value != int(value):
            raise InputError([InputProblem(self.table, self.line, column, f"{value:g} is no count from 1 up")])
        return int(value)


@dataclass(frozen=True)
class Table:
    """A file of measurements."""

    path: str
    kind: TableKind
    rows: tuple[Row, ...]
    sha256: str

    @property
    def name(self) -> str:
        """File name without folders."""
        return Path(self.path).name


def read_table(path: Path | str) -> Table:
    """Read a table of measurements. Raises InputError if it is none of the known kinds, or malformed."""
    text = read_text(path)
    reader = csv.DictReader(io.StringIO(text), strict=True)
    kind = _kind(str(path), reader.fieldnames or ())
    rows: list[Row] = []
    try:
        for values in reader:
            if None in values or None in values.values():
                message = f"not {len(reader.fieldnames or ())} cells, as the header has"
                raise InputError([InputProblem(str(path), reader.line_num, "", message)])
            rows.append(Row(str(path), reader.line_num, values))
    except csv.Error as error:
        raise InputError([InputProblem(str(path), reader.line_num, "", f"not valid CSV: {error}")]) from None
    return Table(str(path), kind, tuple(rows), hashlib.sha256(text.encode()).hexdigest())


def _kind(path: str, header: Sequence[str]) -> TableKind:
    for kind, columns in NEEDED.items():
        if set(columns) <= set(header):
            return kind
    missing = min((sorted(set(columns) - set(header)) for columns in NEEDED.values()), key=len)
    message = f"no known table of measurements: column {', '.join(missing)} is missing"
    raise InputError([InputProblem(path, 1, "", message)])
