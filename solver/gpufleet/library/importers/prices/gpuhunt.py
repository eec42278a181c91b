"""Catalogues of gpuhunt (dstackai/gpuhunt): one file per provider, named after it, one offer a row.

Columns of its format 2: instance_name, location (region or zone), price (USD an hour), cpu, memory (GB), gpu_count,
gpu_name, gpu_memory (GB a GPU), spot (True or False), disk_size, gpu_vendor, flags, cpu_arch, provider_data. Tables
that `gpuhunt` itself prints have a column `provider` too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gpufleet.library.importers.prices.rows import PriceRow, read_rows
from gpufleet.library.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.library.importers.prices.rows import Problems

NEEDED: Final = ("instance_name", "location", "price", "gpu_count", "gpu_name", "spot")
SPOT: Final = {"true": True, "false": False}


def gpuhunt_rows(path: Path | str, provider: str | None, problems: Problems) -> Iterator[PriceRow]:
    """The price of every row; a row's own provider counts before the one given, and that before the file's name."""
    for cells in read_rows(path, NEEDED, problems, "gpuhunt catalogue"):
        spot = SPOT.get(cells.text("spot").lower())
        if spot is None:
            problems.add(cells.line, "spot", f"expected True or False, got {show(cells.text('spot'))}")
            continue
        seller = cells.text("provider") or provider or Path(path).stem
        yield PriceRow(
            line=cells.line,
            provider=seller,
            region=_region(seller, cells.text("location")),
            instance=cells.text("instance_name"),
            term="spot" if spot else "on_demand",
            column="price",
            price=cells.text("price"),
            accelerator=cells.text("gpu_name") if cells.text("gpu_name").lower() != "none" else "",
            count=cells.count("gpu_count"),
            memory_gb=cells.number("gpu_memory"),
            hint=cells.text("instance_name"),
            vcpus=cells.number("cpu"),
            host_memory_gb=cells.number("memory"),
        )


def _region(provider: str, location: str) -> str:
    """Google's locations are zones: `us-central1-a` is in `us-central1`."""
    return re.sub(r"-[a-z]\Z", "", location) if provider.lower() == "gcp" else location
