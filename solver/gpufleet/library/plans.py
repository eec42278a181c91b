"""Plan files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.reader import read_document
from gpufleet.library.validation import validate
from gpufleet.library.writer import write_record
from gpufleet.schema.plan import Plan

if TYPE_CHECKING:
    from pathlib import Path


def load_plan(path: Path | str) -> Plan:
    """Read a plan file (YAML, or JSON by suffix). Raises InputError with every problem found, each with its line."""
    document = read_document(path)
    return validate(Plan, document.value, document)


def write_plan(plan: Plan, path: Path | str) -> None:
    """Write a plan as JSON or YAML by suffix, atomically and without its defaults; `load_plan` reads the same plan.

    Money is written with at most six decimals. Raises InputError when the file cannot be written.
    """
    write_record(plan, path)
