"""SkyPilot catalogues (skypilot-org/skypilot-catalog, `catalogs/v*/CLOUD/vms.csv`): an instance type by region.

`Price` is on demand, `SpotPrice` spot, USD an hour; an empty cell is no price. `GpuInfo` is a Python dictionary with
the memory of one GPU in MiB; some clouds write GiB there. Google's rows without an instance type price an accelerator
alone, and its rows without an accelerator the host alone.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.importers.prices.rows import MIB_PER_GIB, PriceRow, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gpufleet.library.importers.prices.rows import Problems
    from gpufleet.schema.offers import Term

NEEDED: Final = ("InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "Region")
PRICES: Final[tuple[tuple[str, Term], ...]] = (("Price", "on_demand"), ("SpotPrice", "spot"))


def skypilot_rows(path: Path | str, provider: str, problems: Problems) -> Iterator[PriceRow]:
    """On-demand and spot prices of every row."""
    for cells in read_rows(path, NEEDED, problems, "SkyPilot catalogue"):
        memory, form = _gpu_info(cells.text("GpuInfo"))
        for column, term in PRICES:
            if cells.text(column):
                yield PriceRow(
                    line=cells.line,
                    provider=provider,
                    region=cells.text("Region"),
                    instance=cells.text("InstanceType"),
                    term=term,
                    column=column,
                    price=cells.text(column),
                    accelerator=cells.text("AcceleratorName"),
                    count=cells.number("AcceleratorCount"),
                    memory_gb=memory,
                    hint=form,
                    vcpus=cells.number("vCPUs"),
                    host_memory_gb=cells.number("MemoryGiB"),
                )


@lru_cache(maxsize=1024)
def _gpu_info(text: str) -> tuple[float | None, str]:
    """Memory of one GPU, GB, and the name that the cloud gives it; nothing where the cell says neither."""
    try:
        info = ast.literal_eval(text or "None")
        gpu: Any = info["Gpus"][0]
        mib = gpu.get("MemoryInfo", {}).get("SizeInMiB")
        # RunPod's rows hold GiB under that name
        memory = None if not mib else float(mib) / MIB_PER_GIB if float(mib) >= MIB_PER_GIB else float(mib)
        return memory, str(gpu.get("Name", ""))
    except (ValueError, SyntaxError, TypeError, KeyError, IndexError, AttributeError):
        return None, text  # TPUs have a plain name there
