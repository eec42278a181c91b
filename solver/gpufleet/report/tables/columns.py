"""Columns of a table, read from a record's fields: type, description, unit."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from gpufleet.schema.base import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ColumnType = Literal["string", "integer", "number", "boolean"]
"""Types of the Data Package standard."""
SEPARATOR = ";"
"""Between the names of a list in one cell; no name can hold it."""
UNITS = {
    "usd": "USD",
    "ms": "ms",
    "gb": "GB",
    "days": "days",
    "hours": "hours",
    "share": "1 = all",
    "utilisation": "1 = no headroom left",
    "percentile": "%",
}
"""By the last word of a column's name."""


@dataclass(frozen=True)
class Column:
    """One column."""

    name: str
    type: ColumnType
    description: str
    required: bool = False
    """Is there a value in every row?"""

    @property
    def unit(self) -> str | None:
        """What numbers count; None for words and plain counts."""
        return None if self.type == "string" else UNITS.get(self.name.rsplit("_", 1)[-1])


def columns_of(record: type[Record], prefix: str = "", *, inside: bool = False) -> Iterator[Column]:
    """Columns of a record's plain fields; those of a record within it carry its name. Lists of records have tables of
    their own, and are left out here."""
    for name, field in record.model_fields.items():
        kind, optional = _kind(field.annotation)
        about = " ".join((field.description or "").split())
        if isinstance(kind, type) and issubclass(kind, Record):
            yield from columns_of(kind, f"{prefix}{name}_", inside=inside or optional)
        elif kind in ("string", "integer", "number", "boolean"):
            yield Column(f"{prefix}{name}", kind, about, required=not (optional or inside))


def cells_of(record: Record, prefix: str = "") -> dict[str, object]:
    """A record's plain fields by column."""
    cells: dict[str, object] = {}
    for name, field in type(record).model_fields.items():
        value = getattr(record, name)
        kind, _ = _kind(field.annotation)
        if isinstance(value, Record):
            cells |= cells_of(value, f"{prefix}{name}_")
        elif isinstance(value, tuple) and kind == "string":
            cells[f"{prefix}{name}"] = SEPARATOR.join(value) or None
        elif kind == "string" and value is not None:
            cells[f"{prefix}{name}"] = str(value)
        elif kind in ("integer", "number", "boolean"):
            cells[f"{prefix}{name}"] = value
    return cells


def _kind(annotation: Any) -> tuple[Any, bool]:
    """(column type, a record, or None for what is no column; may it be empty?)."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(inner[0])
    if origin is Literal:
        return _plain({type(value) for value in inner}), False
    if origin in (Union, types.UnionType):
        kinds = [_kind(part)[0] for part in inner if part is not type(None)]
        return (kinds[0] if len(set(kinds)) == 1 else "string"), type(None) in inner
    if origin is tuple:
        return ("string" if _kind(inner[0])[0] == "string" else None), True
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return annotation, False
    return _plain({annotation}), False


def _plain(found: Iterable[Any]) -> ColumnType | None:
    """The column type of a plain type; None where it is none."""
    names: dict[Any, ColumnType] = {str: "string", bool: "boolean", int: "integer", float: "number"}
    kinds = {names.get(kind) for kind in found}
    return kinds.pop() if len(kinds) == 1 else "string"
