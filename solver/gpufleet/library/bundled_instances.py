"""The instances that come with the package: found by name, from any folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.reader import read_document
from gpufleet.library.search_path import bundled_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDERS: Final = ("reference", "estate")
"""Folders of `instances/` that are in the package."""
BESIDE: Final = ("baseline_plan", "demand_profile", "measurements")
"""Fields of an instance that name files beside it."""


def bundled_instances() -> dict[str, Path]:
    """Paths of the bundled instances by name, the reference cases first."""
    folders = (bundled_root() / "instances" / folder for folder in FOLDERS)
    files = (path for folder in folders for path in sorted(folder.glob("*.yaml")))
    return {path.stem: path for path in files if not path.stem.endswith("-plan")}


def files_of(path: Path) -> tuple[Path, ...]:
    """An instance file and the files beside it that it names. Raises InputError where it cannot be read."""
    fields = read_document(path).value
    return (path, *(path.parent / name for key in BESIDE for name in _names(fields.get(key))))


def _names(value: Any) -> Iterator[str]:
    """One name or a list of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (name for name in value if isinstance(name, str))


def title_of(path: Path) -> str:
    """The title of an instance file. Raises InputError where it cannot be read."""
    return str(read_document(path).value.get("title", ""))
