"""Overlay files: read, and known by the digest of what they say."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gpufleet.library.reader import read_document, read_text
from gpufleet.library.validation import validate
from gpufleet.schema.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpufleet.library.fields import Loc

ENVIRONMENT: Final = "GPUFLEET_OVERLAY"
"""Environment variable with the path of the overlay that counts where none is given."""


@dataclass(frozen=True)
class LoadedOverlay:
    """An overlay with its file."""

    path: str
    record: Overlay
    digest: str
    """SHA-256 of its canonical JSON: comments and the order of keys do not count."""
    line_of: Callable[[Loc], int]


def overlay_of_environment() -> str | None:
    """The overlay that GPUFLEET_OVERLAY names, if it names one."""
    return os.environ.get(ENVIRONMENT) or None


def load_overlay(path: Path | str) -> LoadedOverlay:
    """Read an overlay file (YAML, or JSON by suffix). Raises InputError with every problem, each with its line."""
    return _parsed(str(path), read_text(path))


@lru_cache(maxsize=8)
def _parsed(path: str, text: str) -> LoadedOverlay:
    """By content, because sweeps and libraries ask again and again."""
    del text
    document = read_document(path)
    record = validate(Overlay, document.value, document)
    said = json.dumps(record.model_dump(mode="json", exclude_defaults=True), sort_keys=True, separators=(",", ":"))
    return LoadedOverlay(path, record, hashlib.sha256(said.encode()).hexdigest(), document.line_of)
