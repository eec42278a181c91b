"""A small valid instance and a small library folder, written out where a test can change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from library_samples import VALID, make_folder

from gpufleet.library import Library

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def empty_library() -> Library:
    """A library without any folder."""
    return Library(())


@pytest.fixture
def valid(tmp_path: Path) -> Path:
    """The path of a valid instance file that refers to nothing outside itself."""
    path = tmp_path / "valid.yaml"
    path.write_text(VALID)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A library folder."""
    return make_folder(tmp_path / "library")
