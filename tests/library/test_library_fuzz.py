"""Whatever the bytes: an instance, or InputError."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from library_samples import VALID

from gpufleet.errors import InputError
from gpufleet.library import Library, load_instance, load_plan
from gpufleet.library.parsers import parse_yaml

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ROOT = parse_yaml(VALID).root
assert ROOT is not None
DATA: dict[str, Any] = ROOT.value
# fmt: off
FRAGMENTS = [b"\t", b"&a ", b"*a", b"[", b"}", b": ", b"- ", b"!!x ", b'"', b"|\n", b"---\n", b"%YAML 9\n", b"\0",
             b"\xff", b"<<: ", b"? ", b"#", b"1e999", b".nan", b"9" * 5000, b"\\ud800", b"\xe2\x80\xa8", b"\r"]
VALUES = [None, True, 0, -1, 1e308, 5e-324, float("nan"), float("inf"), 10**400, "", "\ud800", "\0", "50 ms", [],
          {}, [[]], {"a": 1}, ["x"], "A" * 5000, "../x", "2026-02-30", "node-b"]
# fmt: on


def survives(path: Path) -> None:
    for load in (lambda: load_instance(path, Library(())), lambda: load_plan(path)):
        try:
            load()
        except InputError as error:
            str(error).encode()


@SETTINGS
@given(content=st.binary(max_size=300), suffix=st.sampled_from([".yaml", ".json"]))
def test_random_bytes(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"random{suffix}"
    path.write_bytes(content)
    survives(path)


@SETTINGS
@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(VALID)), st.integers(0, 8), st.sampled_from(FRAGMENTS)), min_size=1, max_size=5
    )
)
def test_damaged_text(tmp_path: Path, edits: list[tuple[int, int, bytes]]) -> None:
    content = bytearray(VALID.encode())
    for start, removed, inserted in edits:
        content[start : start + removed] = inserted
    path = tmp_path / "damaged.yaml"
    path.write_bytes(content)
    survives(path)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container and key in a value."""
    keys = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in keys for place in [(value, key), *places(inner)]]


@SETTINGS
@given(data=st.data(), suffix=st.sampled_from([".yaml", ".json"]))
def test_damaged_values(tmp_path: Path, data: st.DataObject, suffix: str) -> None:
    damaged = copy.deepcopy(DATA)
    for _ in range(data.draw(st.integers(1, 3))):
        if not (options := places(damaged)):
            break
        container, key = options[data.draw(st.integers(0, len(options) - 1))]
        container[key] = copy.deepcopy(data.draw(st.sampled_from(VALUES)))
        if isinstance(container, dict) and data.draw(st.booleans()):
            container[data.draw(st.sampled_from(["", "name", "limit_s", "\ud800", "x" * 300]))] = container.pop(key)
    path = tmp_path / f"damaged{suffix}"
    path.write_text(json.dumps(damaged))
    survives(path)
