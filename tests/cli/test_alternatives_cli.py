"""`gpufleet alternatives` and `gpufleet breakeven` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gpufleet import load_instance, load_plan, verify
from gpufleet.cli.app import main

ROOT = Path(__file__).parents[2]
SECOND = ROOT / "instances" / "estate" / "second-sourcing.yaml"
TWO_SITES = ROOT / "instances" / "estate" / "two-sites.yaml"
MEDICAL = ROOT / "instances" / "reference" / "medical-imaging.yaml"
CSV = ROOT / "instances" / "estate" / "profile-from-csv.yaml"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_alternatives_say_what_they_take_and_why_the_list_ends(tmp_path: Path) -> None:
    result = run("alternatives", SECOND, "--within", "10%", "--max-vendor-share", "0.5", "--out", tmp_path / "plans")
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    assert "2,784.00 USD over 1 day, proven optimal; 1 other fleet within 10.0 %." in words
    assert "takes H20-96GB reserved_1y instead of MI300X-192GB reserved_1y; 48.00 USD more" in words
    assert "vendors Huawei, NVIDIA instead of AMD, Huawei" in words
    assert "within 10.0 %, proven: the next costs 34.5 % more (Ascend-910B3 reserved_1y)" in words
    assert "At most 50.0 % of the accelerators from one vendor" in words
    asked = load_instance(SECOND)
    plans = {path.name: load_plan(path) for path in (tmp_path / "plans").iterdir()}
    assert sorted(plans) == ["alternative-1.yaml", "optimum.yaml"]
    assert all(verify(asked, plan).ok for plan in plans.values())
    assert plans["alternative-1.yaml"].status == "feasible"


def test_alternatives_as_json() -> None:
    found = json.loads(run("alternatives", SECOND, "--by", "vendor", "--within", "0.5", "-k", "2", "--json").stdout)
    assert [fleet["signature"] for fleet in found["alternatives"]] == [["Huawei", "NVIDIA"], ["Huawei"]]
    assert found["alternatives"][0]["more_usd"] == 48.0
    assert found["alternatives"][0]["fleet"] == [{"offer": "ascend", "count": 4}, {"offer": "h20", "count": 7}]
    assert found["ended"] == "number"


def test_alternatives_end_where_there_are_none() -> None:
    result = run("alternatives", TWO_SITES, "--within", "0")
    assert "Proven: no other fleet with other accelerators and terms keeps the rules" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--within", "a lot"), "'a lot' is no share; write it as in 3% or 0.03"),
        (("--within", "-1%"), "is no share"),
        (("-k", "0"), "range"),
        (("--by", "price"), "price"),
        (("--max-vendor-share", "0"), "range"),
        (("--out", "/dev/null/plans"), "cannot be made a folder"),
    ],
)
def test_alternatives_refuse_what_makes_no_sense(arguments: tuple[str, ...], says: str) -> None:
    result = run("alternatives", SECOND, *arguments)
    assert result.exit_code == 2
    assert says in result.stderr


def test_break_even_prices_with_a_chart(tmp_path: Path) -> None:
    chart = tmp_path / "prices.svg"
    result = run("breakeven", SECOND, "--chart", chart)
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    assert "mi300x stays up to 16.40 USD/h (today 16.00)." in words
    assert "At 16.40 the cheapest fleet costs 2,832.00 USD: 3x ascend-8x reserved_1y, 5x mi300x-8x reserved_1y" in words
    assert "ascend is needed: without it no plan keeps the rules" in words
    assert "16.40 USD/h" in chart.read_text()


def test_break_even_prices_as_json() -> None:
    found = json.loads(run("breakeven", MEDICAL, "--offer", "list-price/any/h100-4x/purchase", "--json").stdout)
    (one,) = found["offers"]
    assert (one["in_at_usd"], one["out_at_usd"], one["is_in"]) == (93555.61, 93555.62, False)
    assert one["inside"]["nodes"] == [{"offer": "list-price/any/h100-4x/purchase", "count": 5}]
    taken = [row["offer"] for row in found["accelerator_hours"] if row["accelerator_hours"]]
    assert taken == ["list-price/any/l40s-4x-2u/purchase"]


def test_flips_over_demand_with_a_chart(tmp_path: Path) -> None:
    chart = tmp_path / "demand.png"
    result = run("breakeven", CSV, "--demand", "0.5:1:0.25", "--chart", chart)
    words = " ".join(result.stdout.split())
    assert "0.67-1" in words
    assert "At 0.66 times today's demand 4x gcp-g2-standard-4 reserved_1y; at 0.67" in words
    assert chart.read_bytes().startswith(b"\x89PNG")
    found = json.loads(run("breakeven", CSV, "--demand", "0.5:1:0.5", "--json").stdout)
    assert [segment["mix"] for segment in found["segments"]] == [["L4 reserved_1y"], ["L4 on_demand", "L4 reserved_1y"]]


def test_flips_over_months() -> None:
    result = run("breakeven", MEDICAL, "--horizon-months", "11:13", "--for-good")
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    assert "11-13" in words
    assert "The mix does not change. The need ends then" in words


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--offer", "h20", "--demand", "1:2"), "one at a time"),
        (("--for-good",), "give both"),
        (("--demand", "2:1"), "is no range"),
        (("--horizon-months", "1.5:3"), "whole months"),
        (("--chart", "prices.gif"), "must end in .png, .svg or .pdf"),
        (("--offer", "nothing"), "the instance has no offer 'nothing'"),
        (("--step", "0"), "range"),
    ],
)
def test_breakeven_refuses_what_makes_no_sense(arguments: tuple[str, ...], says: str) -> None:
    result = run("breakeven", SECOND, *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
