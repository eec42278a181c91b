"""Model cards, read and written, and accelerator files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.reader import read_document
from gpufleet.library.validation import validate
from gpufleet.library.writer import fields_text, write_fields
from gpufleet.schema.base import Record
from gpufleet.schema.hardware import Accelerator
from gpufleet.schema.models import ModelCard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


FIRST: Final = ("name", "title", "source", "as_of", "note")
"""What a card starts with: what it is of, and where that comes from."""


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


def model_card_text(card: ModelCard) -> str:
    """A model card as YAML text, with the fields that were set."""
    return fields_text(_fields(card))


def write_model_card(card: ModelCard, path: Path | str) -> None:
    """Write a model card to a YAML file (or JSON, by suffix `.json`), atomically. Raises InputError."""
    write_fields(_fields(card), path)


def _fields(card: ModelCard) -> dict[str, Any]:
    fields = _whole(card.model_dump(mode="json", exclude_unset=True))
    return {name: fields[name] for name in (*FIRST, *fields) if name in fields}


def _whole(value: Any) -> Any:
    """Counts that the schema keeps as floats, without `.0`."""
    if isinstance(value, dict):
        return {name: _whole(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_whole(member) for member in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
