"""Price files and node type files of a library, written from records; older price files set aside."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.tables import read_table
from gpufleet.library.writer import write_text
from gpufleet.schema.hardware import NodeType
from gpufleet.schema.offers import CatalogOffer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pydantic import BaseModel

FIRST: Final = ("provider", "region", "name", "node_type", "term")
LAST: Final = ("source", "as_of", "valid_until", "note")
ARCHIVE: Final = "archive"
"""Folder beside price files for those that newer ones replace; a library does not read it, `catalog diff` does."""


def table_text(records: Sequence[BaseModel]) -> str:
    """Records as CSV, with the columns that some record fills; the same records give the same bytes."""
    fields = type(records[0]).model_fields
    middle = [name for name in fields if name not in (*FIRST, *LAST)]
    rows = [record.model_dump(mode="json", exclude_defaults=True) for record in records]
    columns = [name for name in (*FIRST, *middle, *LAST) if any(name in row for row in rows)]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def _cell(value: object) -> object:
    """Numbers as a person writes them."""
    if isinstance(value, bool):
        return str(value).lower()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def superseded_by(offers: Iterable[CatalogOffer], out: Path) -> dict[Path, list[str]]:
    """Other price files beside `out` that hold prices of the same names, with the names that `offers` does not hold.

    Raises InputError where one of them cannot be read.
    """
    new = {offer.name for offer in offers}
    found: dict[Path, list[str]] = {}
    for path in sorted(out.parent.glob("*.csv")):
        if path.name != out.name:
            names = [record.name for _, record in read_table(path, CatalogOffer)]
            if new.intersection(names):
                found[path] = [name for name in names if name not in new]
    return found


def write_prices(offers: Sequence[CatalogOffer], out: Path, *, archive: bool) -> dict[Path, list[str]]:
    """Write a price file, whole or not at all; with `archive`, files that it replaces move to the folder `archive`.

    Returns the files that moved, with the names in them that the new file lacks. Raises InputError where the file
    cannot be written, or where others beside it hold the same prices and `archive` is not asked for.
    """
    older = superseded_by(offers, out)
    targets = {path: path.parent / ARCHIVE / path.name for path in older}
    problems = [] if archive else [_already(path, out) for path in older]
    problems += [
        InputProblem(str(target), 0, "", "is there already; rename it, so that nothing is lost")
        for target in targets.values()
        if archive and target.exists()
    ]
    if problems:
        raise InputError(problems)
    _make_folder(out.parent)
    write_text(table_text(offers), out)
    for path, target in targets.items():
        _make_folder(target.parent)
        path.replace(target)
    return older


def write_node_types(records: Sequence[NodeType], out: Path) -> int:
    """Add node types to a file, or start it, whole or not at all; those that it has already stay as they are.

    Returns how many were added. Raises InputError.
    """
    known = [record for _, record in read_table(out, NodeType)] if out.exists() else []
    names = {record.name for record in known}
    new = [record for record in records if record.name not in names]
    if new:
        _make_folder(out.parent)
        write_text(table_text([*known, *new]), out)
    return len(new)


def _already(path: Path, out: Path) -> InputProblem:
    message = (
        f"holds prices that {out.name} would hold too, and a library takes each price once; move it to "
        f"{path.parent / ARCHIVE} with --archive, or write {out.name} to another library"
    )
    return InputProblem(str(path), 0, "", message)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError([InputProblem(str(folder), 0, "", f"cannot be made: {error.strerror}")]) from None
