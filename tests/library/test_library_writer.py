"""Writing: round trips, the same bytes, and all or nothing."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet.errors import InputError
from gpufleet.library import Library, load_instance, load_plan, write_instance, write_plan, write_text
from gpufleet.library.parsers import parse_yaml
from gpufleet.library.writer import _yaml
from gpufleet.schema.plan import Certificate, Deployment, Parallelism, Plan, PlannedNodes, Route

if TYPE_CHECKING:
    from pathlib import Path

PLAN = Plan(
    schema_version=1,
    instance="tiny",
    status="optimal",
    note="1e6",
    certificate=Certificate(
        objective_usd=2160.000001,
        bound_usd=None,
        gap=0.0,
        engine="whole model",
        engine_reason="small",
        versions={"gpufleet": "0.1.0"},
        seed=0,
        workers=2,
        instance_digest="0" * 64,
        price_dates={"rented": "2026-01-31"},
        rounding_error_usd=1e-06,
        capacity_rounding_relative=1e-09,
        tie_break="by name",
    ),
    nodes=(PlannedNodes(offer="rented", count=2, unit_cost_usd=1080.0, total_cost_usd=2160.0),),
    deployments=(
        Deployment(workload="chat", site="cloud", node_type="node-a", replicas=2, parallelism=Parallelism(tensor=8)),
    ),
    routing=(Route(workload="chat", request_class="NO", deployment=0, share=1 / 3),),
)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("name", ["plan.json", "plan.yaml"])
def test_plan_round_trip(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_plan(PLAN, path)
    assert load_plan(path) == PLAN
    first = path.read_bytes()
    write_plan(load_plan(path), path)
    assert path.read_bytes() == first
    assert names_in(tmp_path) == [name]


def test_money_has_six_decimals_and_defaults_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    node = PlannedNodes(offer="rented", count=1, unit_cost_usd=0.1 + 0.2)
    write_plan(Plan(schema_version=1, instance="tiny", nodes=(node,)), path)
    assert json.loads(path.read_text()) == {
        "schema_version": 1,
        "instance": "tiny",
        "nodes": [{"offer": "rented", "count": 1, "unit_cost_usd": 0.3}],
    }


def test_instance_round_trip(tmp_path: Path, valid: Path, empty_library: Library) -> None:
    before = load_instance(valid, empty_library)
    for name in ("copy.yaml", "copy.json"):
        write_instance(before.instance, tmp_path / name)
        after = load_instance(tmp_path / name, empty_library)
        assert after.instance == before.instance
        assert after.digest == before.digest


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff"))
    | st.sampled_from(["1e6", "NO", "null", "", "<<", "- a", "a: b", "#", ".5", "2026-01-31", "|", "line\nline\n"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc <:#1e", min_size=1), inner),
    max_leaves=8,
)  # fmt: skip


@given(VALUES)
def test_what_yaml_we_write_we_read(value: object) -> None:
    root = parse_yaml(_yaml({"value": value})).root
    assert root is not None
    assert root.value == {"value": value}


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"plan\.json: cannot be written: No space left on device"):
        write_plan(PLAN, path)
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["plan.json"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old")

    def interrupt(fd: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_plan(PLAN, path)
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["plan.json"]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the folder .*nowhere does not exist"):
        write_text("x", tmp_path / "nowhere" / "plan.json")
    with pytest.raises(InputError, match="this is a folder"):
        write_text("x", tmp_path)
