"""Generated pages are current."""

from __future__ import annotations

import importlib.util
import inspect
from typing import TYPE_CHECKING

import pytest

from gpufleet.library.unsupported import UNSUPPORTED
from gpufleet.schema import estimate, hardware, instance, measurements, models, offers, plan, workloads
from gpufleet.schema.base import Record, Sourced

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


@pytest.fixture(scope="module")
def generator(root: Path) -> ModuleType:
    """docs/generate.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("generate_docs", root / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
