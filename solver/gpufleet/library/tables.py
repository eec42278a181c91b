"""CSV files to records: the header holds field names, an empty cell is an absent field."""

from __future__ import annotations

import csv
import io
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from gpufleet.errors import InputError, InputProblem
from gpufleet.library import wording
from gpufleet.library.fields import bare
from gpufleet.library.reader import read_text
from gpufleet.library.scalars import FLOAT, INTEGER, MAX_DIGITS
from gpufleet.library.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gpufleet.library.fields import Loc

R = TypeVar("R", bound=BaseModel)


class RowPlace:
    """Places every problem of a row on its line."""

    def __init__(self, path: str, line: int) -> None:
        self.path, self.line = path, line

    def line_of(self, loc: Loc) -> int:
        """The row's line."""
        return self.line


def read_table(path: Path, record: type[R]) -> Iterator[tuple[int, R]]:
    """The records of a CSV file with their lines. Raises InputError with every problem of the file."""
    name = str(path)
    lines = csv.reader(io.StringIO(read_text(path)), strict=True)
    try:
        header = _header(name, next(lines), record)
        rows = [(lines.line_num, cells) for cells in lines if cells]
    except csv.Error as error:
        raise InputError([InputProblem(name, lines.line_num, "", f"not valid CSV: {error}")]) from None
    problems: list[InputProblem] = []
    for line, cells in rows:
        try:
            yield line, _record(RowPlace(name, line), header, cells, record)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)


def _header(name: str, header: list[str], record: type[BaseModel]) -> list[str]:
    problems = [f"the header has no column {field}" for field in _required(record) if field not in header]
    for number, column in enumerate(header):
        if column not in record.model_fields:
            problems.append(f"unknown column {wording.show(column)}{wording.did_you_mean(column, record.model_fields)}")
        elif column in header[:number]:
            problems.append(f"column {column} is there twice")
    if problems:
        raise InputError(InputProblem(name, 1, "", message) for message in problems)
    return header


def _required(record: type[BaseModel]) -> list[str]:
    return [name for name, field in record.model_fields.items() if field.is_required()]


def _record(row: RowPlace, header: list[str], cells: list[str], record: type[R]) -> R:
    if len(cells) != len(header):
        message = f"{len(cells)} cells, but the header has {len(header)} columns"
        raise InputError([InputProblem(row.path, row.line, "", message)])
    kinds = _kinds(record)
    values = {column: _value(cell, kinds[column]) for column, cell in zip(header, cells, strict=True) if cell}
    return validate(record, values, row)


@cache
def _kinds(record: type[BaseModel]) -> dict[str, Any]:
    return {name: bare(field.annotation) for name, field in record.model_fields.items()}


def _value(cell: str, kind: Any) -> Any:
    """The cell as the field's type; text that does not fit stays text, for the schema to refuse."""
    text = cell.strip()
    if kind is float and FLOAT.match(text):
        return float(text)
    if kind is int and INTEGER.match(text) and len(text) <= MAX_DIGITS:
        return int(text)
    if kind is bool and text in ("true", "false"):
        return text == "true"
    return text
