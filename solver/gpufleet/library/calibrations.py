"""Calibration files: figures of the performance model, read and written."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gpufleet.library.reader import read_document, read_text
from gpufleet.library.search_path import bundled_root
from gpufleet.library.validation import validate
from gpufleet.library.writer import write_record
from gpufleet.schema.calibration import Calibration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILE: Final = "bundled.yaml"


def load_calibration(path: Path | str) -> Calibration:
    """Read a calibration file. Raises InputError with every problem of the file."""
    return _parsed(path, read_text(path))


@lru_cache(maxsize=8)
def _parsed(path: Path | str, text: str) -> Calibration:
    """By content, because every question needs the bundled one."""
    del text
    document = read_document(path)
    return validate(Calibration, document.value, document)


def default_calibration(roots: Sequence[Path]) -> Calibration:
    """The calibration of the first library folder that has one, else the bundled one. Raises InputError."""
    paths = [root / "calibration" / FILE for root in roots]
    return load_calibration(next((path for path in paths if path.is_file()), bundled_root() / "calibration" / FILE))


def write_calibration(calibration: Calibration, path: Path | str) -> None:
    """Write a calibration file, whole or not at all. Raises InputError when it cannot be written."""
    write_record(calibration, path)
