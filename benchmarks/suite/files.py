"""Instance files: parts that all generated instances share, and writing them so that equal content is equal bytes."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
STORED = ROOT / "instances" / "scale"
"""Instances that are part of the repository."""
GENERATED = STORED / "generated"
"""Large ones, made on demand and never stored."""
ORIGIN = "Generated at random with seed 1; heterogeneous estate of the covering and routing benchmarks"

Fields = dict[str, Any]


def instance(
    name: str, title: str, origin: str, node_types: Sequence[Fields], offers: Sequence[Fields], workloads: list[Fields]
) -> Fields:
    """An instance of one hour at one site whose accelerators differ by their node types alone."""
    return {
        "schema_version": 1,
        "uid": name,
        "title": title,
        "origin": origin,
        "horizon_hours": 1,
        "sites": [{"name": "cloud", "kind": "public_cloud", "country": "US", "provider": "generated"}],
        "accelerators": [_accelerator(origin)],
        "node_types": list(node_types),
        "offers": list(offers),
        "workloads": workloads,
    }


def _accelerator(origin: str) -> Fields:
    return {
        "name": "unit",
        "vendor": "generated",
        "country": "US",
        "kind": "gpu",
        "family": "generated",
        "memory_gb": 80,
        "memory_bandwidth_gb_s": 1000,
        "peak": {},
        "verification": "derived",
        "source": origin,
    }


def node_type(name: str, accelerators: int, origin: str) -> Fields:
    """A node type of so many accelerators."""
    return {"name": name, "accelerator": "unit", "accelerators": accelerators, "source": origin}


def on_demand(name: str, cents: int, origin: str, stock: int | None = None) -> Fields:
    """Nodes of the node type of the same name for rent, cents an hour."""
    price: Fields = {
        "name": name,
        "site": "cloud",
        "node_type": name,
        "term": "on_demand",
        "usd_per_hour": cents / 100,
    }
    return price | ({} if stock is None else {"stock": stock}) | {"source": origin}


def text_of(fields: Fields) -> bytes:
    """The file of an instance, not compressed."""
    return json.dumps(fields, separators=(",", ":")).encode()


def digest_of(content: bytes) -> str:
    """SHA-256 of a file's text, hex; of compressed files, of what is in them."""
    return hashlib.sha256(content).hexdigest()


def write(fields: Fields, path: Path) -> None:
    """Write an instance, compressed where the name ends in `.gz`, all or nothing."""
    content = text_of(fields)
    if path.suffix == ".gz":
        content = gzip.compress(content, 9, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def read(path: Path) -> Fields:
    """An instance as it was written."""
    content = path.read_bytes()
    fields: Fields = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    return fields
