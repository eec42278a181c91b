"""Mélange configurations (tyler-griggs/melange-release) to profiled instances.

Mélange asks which GPUs to rent for one hour. Its JSON file gives per GPU type the cost per hour and a matrix of
measured throughputs (requests/s; rows are input-size buckets, columns output-size buckets), the share of the traffic in
each bucket, and the total rate. A bucket with rate r on a GPU of throughput t loads it with r / t. Mélange cuts every
bucket into `slice_factor` equal slices, each served by one GPU type; our shares are continuous, so our optimum is never
dearer.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.findings import Findings
from gpufleet.library.library import Library
from gpufleet.library.reader import read_document
from gpufleet.library.validation import validate
from gpufleet.library.wording import did_you_mean, show
from gpufleet.schema.base import Fraction01, Name, NonNegative, Positive, PositiveCount, Record
from gpufleet.schema.instance import Instance
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Mapping

KNOWN: Final[dict[str, str]] = {
    "A100-40GB": "A100-SXM-40GB",
    "A100-80GB": "A100-SXM-80GB",
    "H100": "H100-SXM-80GB",
    "H100-80GB": "H100-SXM-80GB",
}
"""What Mélange's users call accelerators, and what the catalogue calls them, where that differs."""


class MelangeGpu(Record):
    """One GPU type."""

    cost: NonNegative
    """Rent, USD/hour."""
    tputs: tuple[tuple[NonNegative, ...], ...]
    """Highest throughput per bucket, requests/s; 0 = cannot serve it."""


class MelangeConfig(Record):
    """Mélange's configuration file."""

    gpu_info: dict[Name, MelangeGpu]
    """GPU types by name."""
    workload_distribution: tuple[tuple[Fraction01, ...], ...]
    """Share of the requests per bucket."""
    total_request_rate: Positive
    """Requests per second over all buckets."""
    slice_factor: PositiveCount = 1
    """Slices per bucket; not needed here."""


def import_melange(
    path: Path | str, library: Library | None = None, accelerators: Mapping[str, str] | None = None
) -> Instance:
    """Read a Mélange configuration as a profiled instance with a horizon of one hour.

    `accelerators` maps Mélange's GPU names to names of the catalogue, where they differ. Buckets without traffic are
    left out (the instance's note says how many). The instance carries its accelerators, so it needs no catalogue.
    Raises InputError for anything wrong in the file, and for GPU names that the catalogue does not know.
    """
    document = read_document(path)
    config = validate(MelangeConfig, document.value, document)
    findings = Findings(document.path, document.line_of)
    _check_shapes(config, findings)
    library = library or Library.open()
    names = _accelerator_names(config, library, accelerators or {}, findings)
    findings.stop()
    return validate(Instance, _fields(config, names, library, Path(path).name), document)


def _check_shapes(config: MelangeConfig, findings: Findings) -> None:
    shape = [len(row) for row in config.workload_distribution]
    if not config.gpu_info:
        findings.add(("gpu_info",), "no GPU types: give at least one")
    if not any(any(row) for row in config.workload_distribution):
        findings.add(("workload_distribution",), "no demand: every share is 0")
    for name, gpu in config.gpu_info.items():
        if [len(row) for row in gpu.tputs] != shape:
            message = f"must have the shape of workload_distribution (columns per row: {shape})"
            findings.add(("gpu_info", name, "tputs"), message)


def _accelerator_names(
    config: MelangeConfig, library: Library, mapping: Mapping[str, str], findings: Findings
) -> dict[str, str]:
    """Catalogue name by Mélange's name."""
    names = {
        gpu: mapping.get(gpu) or (gpu if gpu in library.accelerators else KNOWN.get(gpu, gpu))
        for gpu in config.gpu_info
    }
    for gpu, name in names.items():
        if name not in library.accelerators:
            hint = did_you_mean(name, library.accelerators)
            remedy = f"say which one it is with --accelerator {gpu}=CATALOGUE_NAME"
            findings.add(("gpu_info", gpu), f"the catalogue has no accelerator {show(name)}{hint}; {remedy}")
    for gpu in mapping:
        if gpu not in config.gpu_info:
            findings.unknown((), "GPU type in --accelerator", gpu, config.gpu_info, "the file has none of that name")
    return names


def _fields(config: MelangeConfig, names: dict[str, str], library: Library, file: str) -> dict[str, Any]:
    source = f"Mélange configuration {file}"
    return {
        "schema_version": 1,
        "uid": "melange",
        "title": f"Mélange: {config.total_request_rate:g} requests/s on {', '.join(config.gpu_info)}",
        "origin": source,
        "note": _note(config, names),
        "horizon_hours": 1.0,
        "sites": [{"name": "cloud", "kind": "public_cloud", "country": "US"}],
        "offers": [_offer(gpu, info.cost, source) for gpu, info in config.gpu_info.items()],
        "accelerators": [library.accelerators[name] for name in dict.fromkeys(names.values())],
        "node_types": [
            {"name": f"1x-{gpu}", "accelerator": name, "accelerators": 1, "source": source}
            for gpu, name in names.items()
        ],
        "workloads": [_workload(config, source)],
    }


def _note(config: MelangeConfig, names: dict[str, str]) -> str:
    empty = sum(not share for row in config.workload_distribution for share in row)
    renamed = ", ".join(f"{gpu} as {name}" for gpu, name in names.items() if gpu != name)
    return (
        "One hour at the full rate: the objective is the cost per hour. The site's country is assumed; Mélange has no "
        f"sites. Shares of a bucket are continuous; slice_factor {config.slice_factor} is not needed."
        f"{f' Buckets without traffic, left out: {empty}.' if empty else ''}"
        f"{f' Accelerators taken: {renamed}.' if renamed else ''}"
    )


def _offer(gpu: str, cost: float, source: str) -> dict[str, Any]:
    return {
        "name": gpu,
        "site": "cloud",
        "node_type": f"1x-{gpu}",
        "term": "on_demand",
        "usd_per_hour": cost,
        "source": source,
    }


def _workload(config: MelangeConfig, source: str) -> dict[str, Any]:
    rate = exact(config.total_request_rate)
    buckets = {
        f"in{row}-out{column}": (row, column, float(exact(share) * rate))
        for row, shares in enumerate(config.workload_distribution)
        for column, share in enumerate(shares)
        if share
    }
    return {
        "name": "requests",
        "kind": "profiled",
        "note": "Classes are Mélange's buckets: in<row>-out<column>, counted from 0.",
        "classes": [{"name": name, "requests_per_s": bucket[2]} for name, bucket in buckets.items()],
        "options": [
            {
                "name": gpu,
                "node_type": f"1x-{gpu}",
                "accelerators": 1,
                "rates": {name: info.tputs[row][column] for name, (row, column, _) in buckets.items()},
                "source": source,
            }
            for gpu, info in config.gpu_info.items()
        ],
    }
