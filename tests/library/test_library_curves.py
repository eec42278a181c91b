"""Budget curves read back: frontiers, trade-offs, sweeps, and what is wrong with files that are none of these."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gpufleet import InputError
from gpufleet.library import load_budget_curve

if TYPE_CHECKING:
    from pathlib import Path

POINT = {
    "at": 10.0,
    "objective_usd": 5.0,
    "service": "partial",
    "proven": True,
    "unserved": {"chat": 0.5},
    "fleet": "1x n",
}
SWEEP = {
    "usd_per_day": 10.0,
    "status": "optimal",
    "objective_usd": 5.0,
    "unserved": {},
    "service": "full",
    "fleet": "1x n",
}


def read(tmp_path: Path, content: Any, *workloads: str) -> Any:
    file = tmp_path / "curve.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    return load_budget_curve(file, workloads or ("chat",))


def refused(tmp_path: Path, content: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    return str(caught.value)


def test_frontier(tmp_path: Path) -> None:
    points = [{**POINT, "at": 20.0, "unserved": {}}, POINT]
    curve = read(tmp_path, {"axis": "usd_per_day", "complete": True, "points": points})
    assert [point.at for point in curve.points] == [10.0, 20.0]
    assert curve.points[0].unserved == {"chat": 0.5}
    assert curve.points[0].cost_usd == 5.0
    assert curve.complete
    assert not curve.trade_off
    assert curve.source == "curve.json"


def test_trade_off(tmp_path: Path) -> None:
    curve = read(tmp_path, {"axis": "co2", "unit": "kg", "points": [{"co2": 3.0, "cost_usd": 9.0, "proven": False}]})
    assert curve.trade_off
    assert (curve.points[0].at, curve.points[0].cost_usd, curve.points[0].proven) == (3.0, 9.0, False)


def test_sweep_names_its_cap_itself(tmp_path: Path) -> None:
    curve = read(tmp_path, [SWEEP, {**SWEEP, "usd_per_day": 1.0, "status": "infeasible", "objective_usd": None}])
    assert curve.axis == "usd_per_day"
    assert [(point.at, point.cost_usd, point.proven) for point in curve.points] == [
        (1.0, None, True),
        (10.0, 5.0, True),
    ]


def test_every_wrong_value_is_reported_with_its_line(tmp_path: Path) -> None:
    said = refused(
        tmp_path, {"axis": "usd_per_day", "points": [{**POINT, "at": "ten"}, {**POINT, "unserved": {"chat": 7}}]}
    )
    assert "curve.json:5: points[0].at: expected a number, got the text 'ten'" in said
    assert "points[1].unserved" in said


def test_curve_of_another_instance(tmp_path: Path) -> None:
    said = refused(tmp_path, {"axis": "usd_per_day", "points": [{**POINT, "unserved": {"video": 1.0}}]})
    assert said.endswith("the curve is of another instance: it names video; this one has chat")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "no JSON"),
        ({"schema_version": 1}, "no budget curve"),
        ([1, 2], "no budget curve"),
        ([{"status": "optimal"}], "each budget must name one cap such as usd_per_day, but there is none"),
        ({"axis": "usd_per_day", "points": []}, "the curve has no points"),
    ],
)
def test_what_is_no_curve(tmp_path: Path, content: Any, words: str) -> None:
    said = refused(tmp_path, content)
    assert words in said
    assert "gpufleet frontier FILE --json > curve.json" in said
