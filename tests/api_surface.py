"""Writes `tests/api_surface.txt` anew: `python tests/api_surface.py`. What stands there is promised to users."""

from __future__ import annotations

import inspect
from dataclasses import fields, is_dataclass
from pathlib import Path

from pydantic import BaseModel

import gpufleet

FILE = Path(__file__).with_suffix(".txt")


def surface() -> str:
    """Every public name with its signature, its fields or its base, a line each."""
    return "".join(f"{line}\n" for name in gpufleet.__all__ for line in _lines(name, getattr(gpufleet, name)))


def _lines(name: str, value: object) -> list[str]:
    if inspect.isfunction(value):
        return [f"{name}{inspect.signature(value)}"]
    if not inspect.isclass(value):
        return [name]
    if issubclass(value, BaseModel):
        return [f"class {name}: record", *(f"    {field}" for field in value.model_fields), *_methods(value)]
    if is_dataclass(value):
        return [f"class {name}", *(f"    {field.name}: {field.type}" for field in fields(value)), *_methods(value)]
    return [f"class {name}({value.__bases__[0].__name__})", *_methods(value)]


def _methods(value: type) -> list[str]:
    """What the class itself defines: methods with their signatures, properties by name."""
    found = []
    for name, member in vars(value).items():
        if name.startswith(("_", "model_")):
            continue
        target = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if inspect.isfunction(target) and target.__module__.startswith("gpufleet"):
            found.append(f"    {name}{inspect.signature(target)}")
        elif isinstance(member, property) or type(member).__name__ == "cached_property":
            found.append(f"    {name} (property)")
    return found


if __name__ == "__main__":
    FILE.write_text(surface(), encoding="utf-8")
