"""Model cards and accelerator files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.reader import read_document
from gpufleet.library.validation import validate
from gpufleet.schema.base import Record
from gpufleet.schema.hardware import Accelerator
from gpufleet.schema.models import ModelCard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class AcceleratorFile(Record):
    """A file of the catalogue's `accelerators` folder."""

    accelerators: tuple[Accelerator, ...]
    """The accelerators it defines."""


def read_accelerators(path: Path) -> Iterator[tuple[int, Accelerator]]:
    """The accelerators of a file with their lines. Raises InputError with every problem of the file."""
    document = read_document(path)
    records = validate(AcceleratorFile, document.value, document).accelerators
    for number, record in enumerate(records):
        yield document.line_of(("accelerators", number)), record


def load_model_card(path: Path | str) -> ModelCard:
    """Read a model card from a YAML or JSON file. Raises InputError with every problem of the file."""
    document = read_document(path)
    return validate(ModelCard, document.value, document)
