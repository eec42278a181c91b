"""A table with described columns, as a pandas frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

    from gpufleet.report.tables.columns import Column, ColumnType

DTYPES: dict[ColumnType, str] = {"string": "string", "integer": "Int64", "number": "float64", "boolean": "boolean"}
"""Kinds of pandas that know an empty cell without turning counts into floats."""


@dataclass(frozen=True)
class Table:
    """One table of a plan."""

    name: str
    description: str
    columns: tuple[Column, ...]
    rows: tuple[dict[str, object], ...]
    """By column name; a missing cell is empty."""
    key: tuple[str, ...] = ()
    """Columns that tell rows apart, where there are such."""
    refers: dict[str, str] = field(default_factory=dict)
    """Column to the table whose column of that name it refers to."""

    def frame(self) -> pandas.DataFrame:
        """The table with the right kind of every column, also when it has no rows."""
        import pandas  # slow to import, and not needed to solve

        data: dict[str, Any] = {
            column.name: pandas.Series([row.get(column.name) for row in self.rows], dtype=DTYPES[column.type])
            for column in self.columns
        }
        return pandas.DataFrame(data, columns=[column.name for column in self.columns])
