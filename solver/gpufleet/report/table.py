"""Tables in the house style."""

from __future__ import annotations

from rich.table import Table


def table(*columns: str, numeric: tuple[str, ...] = ()) -> Table:
    """A table in the house style: no frame, numbers to the right."""
    grid = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        grid.add_column(name, justify="right" if name in numeric else "left", no_wrap=name in numeric, overflow="fold")
    return grid
