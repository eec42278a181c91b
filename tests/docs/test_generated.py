"""Generated pages are current."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from gpufleet.cli.app import COMMANDS, main
from gpufleet.library.unsupported import UNSUPPORTED
from gpufleet.optimize import formulation
from gpufleet.schema import estimate, hardware, instance, measurements, models, offers, plan, workloads
from gpufleet.schema.base import Record, Sourced

if TYPE_CHECKING:
    from types import ModuleType


def script(root: Path, name: str) -> ModuleType:
    """A file of docs/, which is no part of the package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", root / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generator(root: Path) -> ModuleType:
    """docs/generate.py."""
    return script(root, "generate")


@pytest.fixture(scope="module")
def reference(root: Path) -> dict[str, str]:
    """Name to text of the pages that docs/reference.py writes."""
    return {path.stem: text for path, text in script(root, "reference").pages().items()}


def test_instance_format_is_current(generator: ModuleType) -> None:
    current = generator.TARGET.read_text(encoding="utf-8")
    assert current == generator.document(), "docs/instance-format.md is not current; run: make docs"


def test_every_record_and_field_is_described(generator: ModuleType) -> None:
    text = generator.document()
    abstract = {Record, Sourced, offers.Price, workloads.WorkloadBase, workloads.ServingBase, workloads.RequestClass}
    for module in (estimate, hardware, instance, measurements, models, offers, plan, workloads):
        for name, record in inspect.getmembers(module, inspect.isclass):
            if issubclass(record, Record) and record not in abstract:
                assert f"\n### {name}\n" in text
                undescribed = [field for field, info in record.model_fields.items() if not info.description]
                assert not undescribed, f"{name}: no docstring under {undescribed}"


def test_every_refused_feature_is_listed(generator: ModuleType) -> None:
    text = generator.document()
    assert all(f"\n- {message}" in text for _, message in UNSUPPORTED)


@pytest.mark.parametrize("name", ["api", "cli", "constraints"])
def test_reference_is_current(root: Path, reference: dict[str, str], name: str) -> None:
    current = (root / "docs" / "reference" / f"{name}.md").read_text(encoding="utf-8")
    assert current == reference[name], f"docs/reference/{name}.md is not current; run: make docs"


def test_every_command_and_option_is_in_the_reference(reference: dict[str, str]) -> None:
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        section = reference["cli"].partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert section
        for option in command.params:
            assert option.opts[-1] in section or option.human_readable_name in section, f"{name} {option.opts}"


def test_every_file_of_rows_has_its_formula_in_the_reference(reference: dict[str, str]) -> None:
    for file in sorted(Path(inspect.getfile(formulation)).parent.glob("*.py")):
        source = file.read_text(encoding="utf-8")
        if "def add_rows(" not in source and "def set_objective(" not in source:
            continue
        section = reference["constraints"].partition(f"\n## {file.stem}\n")[2].partition("\n## ")[0]
        formula = section.partition("```text\n")[2].partition("```")[0]
        assert re.search(r"<=|>=|= |min ", formula), f"{file.name}: no formula in its docstring"


def test_every_family_has_a_row_in_the_formulation(root: Path) -> None:
    page = (root / "docs" / "formulation.md").read_text(encoding="utf-8")
    table = page.partition("## 3. Objective")[2].partition("## 4.")[0]
    named = {
        name for cell in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    }
    files = [file.stem for file in Path(inspect.getfile(formulation)).parent.glob("*.py")]
    declared = {
        name
        for stem in files
        for module in [importlib.import_module(f"gpufleet.optimize.formulation.{stem}")]
        for name in [*getattr(module, "FAMILIES", ()), getattr(module, "FAMILY", None)]
        if name
    }
    assert declared == named
