"""The public surface: nothing changes by accident, and everything says what it is."""

from __future__ import annotations

import difflib
import inspect
import re
from pathlib import Path

import pytest

import gpufleet
from api_surface import FILE, surface

PUBLIC = [name for name in gpufleet.__all__ if not name.startswith("_")]
RAISED = re.compile(r"raise (\w+Error)\(")


def test_the_public_surface_is_as_recorded() -> None:
    recorded = FILE.read_text(encoding="utf-8")
    changes = "\n".join(difflib.unified_diff(recorded.splitlines(), surface().splitlines(), lineterm="", n=1))
    assert not changes, (
        "the public surface has changed. If that is meant, run `python tests/api_surface.py`, and write a line for "
        f"users into CHANGELOG.md (a name or parameter that goes is a breaking change):\n{changes}"
    )


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_public_says_what_it_is(name: str) -> None:
    value = getattr(gpufleet, name)
    assert inspect.getdoc(value), name
    for member, target in vars(value).items() if inspect.isclass(value) else ():
        target = target.__func__ if isinstance(target, classmethod | staticmethod) else target
        if not member.startswith("_") and (inspect.isfunction(target) or isinstance(target, property)):
            assert inspect.getdoc(target), f"{name}.{member}"


@pytest.mark.parametrize("name", [name for name in PUBLIC if inspect.isfunction(getattr(gpufleet, name))])
def test_public_functions_say_what_they_raise_and_in_which_unit(name: str) -> None:
    function = getattr(gpufleet, name)
    text = inspect.getdoc(function) or ""
    for error in RAISED.findall(inspect.getsource(function)):
        assert error in text, f"{name} raises {error}"
    for parameter in inspect.signature(function).parameters:
        unit = parameter.rpartition("_")[2]
        assert unit not in ("time", "limit", "cost", "price"), f"{name}: {parameter} has no unit in its name"


def test_the_package_tells_type_checkers_that_it_is_typed() -> None:
    assert (Path(gpufleet.__file__).parent / "py.typed").is_file()


def test_every_lazy_name_is_there_for_type_checkers_too() -> None:
    source = Path(gpufleet.__file__).read_text(encoding="utf-8")
    imported = re.findall(r"^    from (\S+) import (\w+) as \2$", source, re.MULTILINE)
    assert {name for _, name in imported} == set(PUBLIC)
    homes = [name for _, name in imported]
    assert len(homes) == len(set(homes))
