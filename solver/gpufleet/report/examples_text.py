"""The bundled instances as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table


def examples_table(titles: Mapping[str, str]) -> Table:
    """Name and title of each, for a terminal."""
    grid = table("name", "what it asks")
    for name, title in titles.items():
        grid.add_row(name, title)
    return grid
