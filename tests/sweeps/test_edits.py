"""Edits by path: what they change, and what they say when they lead nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from gpufleet import InputError, load_edited, load_instance, parse_edit
from gpufleet.cli.app import main
from gpufleet.edits.questions import parse_axis
from gpufleet.schema.workloads import Training

if TYPE_CHECKING:
    from gpufleet.library.document_edits import Edit

ROOT = Path(__file__).parents[2]
BANK = ROOT / "instances" / "reference" / "bank-assistant.yaml"
ESTATE = ROOT / "instances" / "estate" / "regional-bank.yaml"


def edit(text: str) -> Edit:
    action, _, rest = text.partition(" ")
    return parse_edit("set" if action == "set" else "scale", rest)


def failure(text: str, path: Path = ESTATE) -> str:
    with pytest.raises(InputError) as error:
        load_edited(path, [edit(text)])
    return str(error.value)


def test_a_field_is_set_and_the_digest_follows() -> None:
    plain, changed = load_instance(ESTATE), load_edited(ESTATE, [edit("set budgets.usd_per_day=200")])
    assert changed.instance.budgets.usd_per_day == 200
    assert plain.digest != changed.digest
    again = load_edited(ESTATE, [edit("set budgets.usd_per_day=150")])
    assert again.digest == plain.digest


def test_members_of_lists_go_by_name_number_and_pattern() -> None:
    for path in ("workloads.chat.classes.turn", "workloads[0].classes[0]", "workloads[ch*t].classes[*]"):
        resolved = load_edited(ESTATE, [edit(f"scale {path}.requests_per_s=1.5")])
        assert resolved.workloads["chat"].classes[0].requests_per_s == 3.0
        assert resolved.workloads["search"].classes[0].requests_per_s == 40
    owned = load_edited(ESTATE, [edit("set offers[old-*].stock=3")])
    assert [owned.offers[name].stock for name in ("old-t4", "old-a100", "old-v100")] == [3, 3, 3]


def test_values_are_read_as_in_a_file() -> None:
    resolved = load_edited(ESTATE, [edit("set sites.cloud.certifications=[PCI-DSS, ISO-27001]")])
    assert resolved.sites["cloud"].certifications == ("PCI-DSS", "ISO-27001")
    assert load_edited(ESTATE, [edit("set budgets.usd_per_day=null")]).instance.budgets.usd_per_day is None
    assert load_edited(ESTATE, [edit("set allow_unserved=true")]).instance.allow_unserved


def test_scaling_is_exact() -> None:
    resolved = load_edited(ESTATE, [edit("scale workloads.chat.classes.turn.requests_per_s=0.1")])
    assert resolved.workloads["chat"].classes[0].requests_per_s == 0.2
    assert load_edited(ESTATE, [edit("scale offers.old-t4.stock=2")]).offers["old-t4"].stock == 4


def test_shorthands_reach_the_catalogue() -> None:
    plain, cheap = load_instance(ESTATE), load_edited(ESTATE, [edit("scale prices.A100-*40GB*=0.9")])
    changed = {name for name, offer in plain.offers.items() if offer != cheap.offers[name]}
    assert changed
    assert all("a100" in name or "a2-highgpu" in name for name in changed)
    name = sorted(changed)[0]
    before, after = plain.offers[name], cheap.offers[name]
    price = before.usd_per_hour or before.capex_usd
    assert (after.usd_per_hour or after.capex_usd) == pytest.approx(0.9 * (price or 0))


def test_stock_and_demand_shorthands() -> None:
    half = load_edited(ESTATE, [edit("scale stock=0.5")])
    assert half.offers["old-t4"].stock == 2  # what is owned stays
    assert {offer.stock for offer in half.offers.values() if offer.term == "purchase"} == {3, 2}
    assert {o.stock for o in load_edited(ESTATE, [edit("set stock.spot=1")]).offers.values() if o.term == "spot"} == {1}
    more = load_edited(ESTATE, [edit("scale demand=2")])
    run = more.workloads["weekly-risk-model"]
    assert isinstance(run, Training)
    assert run.samples == 6_000_000
    one = load_edited(ESTATE, [edit("scale demand.chat=2")])
    assert (one.workloads["chat"].classes[0].requests_per_s, one.workloads["search"].classes[0].requests_per_s) == (
        4,
        40,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("set budgets.usd_per_dy=1", "budgets: unknown key 'usd_per_dy'; did you mean usd_per_day"),
        ("scale demnd=2", "unknown path 'demnd'; did you mean demand?"),
        ("scale demand.chta=2", "no workload is called 'chta'; did you mean chat?"),
        ("scale prices.a1000=0.9", "no offer matches 'a1000'; did you mean a100-4x?"),
        ("set offers[old-x].stock=3", "nothing in offers is called 'old-x'; did you mean old-t4?"),
        ("set workloads[99].name=x", "workloads has 12 entries, numbered from 0; there is no 99"),
        ("scale offers.old-t4.source=3", "'Assumed; already there'; only numbers can be scaled"),
        ("scale budgets.horizon_usd=2", "budgets.horizon_usd is not given in the file, so there is nothing to scale"),
        ("set a..b=1", "'a..b' is no path"),
        ("set title.x=1", "so there is no x in it"),
        ("set prices=3", "prices cannot be set, only scaled"),
        ("scale stock.owned=2", "none of the 3 offers that match has stock to change"),
        # what the checks of the file find names the option that caused it
        ("set workloads.chat.slo[0].limit_ms=-5", "limit_ms=-5: workloads[0].slo[0].limit_ms: must be above 0, got -5"),
        ("scale offers[old-*].stock=0.6", "offers[1].stock: expected a whole number, got the number 0.6"),
        ("set budgets.sites.clod.usd_per_day=1", "budgets.sites.clod: unknown site 'clod'; did you mean cloud?"),
    ],
)  # fmt: skip
def test_errors_name_the_option(text: str, words: str) -> None:
    message = failure(text)
    assert words in message
    assert f"--{text}" in message


def test_ranges_and_lists() -> None:
    assert parse_axis("set", "x=1:2:0.25") == ("x", (1, 1.25, 1.5, 1.75, 2))
    assert parse_axis("set", "x=a,'b, c',[d, e],null") == ("x", ("a", "b, c", ["d", "e"], None))
    for text in ("x", "=3", "x=", "x=2:1:1", "x=1:2:0", "x=1:9999:1", "x=1,,2", "x=[1"):
        with pytest.raises(ValueError, match=r"\w"):
            parse_axis("set", text)
    for text in ("demand=abc", "demand=-1", "demand=true"):
        with pytest.raises(ValueError, match="no factor"):
            parse_axis("scale", text)


def test_solve_and_verify_take_edits(tmp_path: Path) -> None:
    plan = str(tmp_path / "plan.json")
    asked = [str(BANK), "--scale", "demand=0.8"]
    solved = CliRunner().invoke(main, ["solve", *asked, "--out", plan, "--no-certify"])
    assert solved.exit_code == 0
    assert "31,536.00 USD over 365 days" in solved.output
    assert CliRunner().invoke(main, ["verify", str(BANK), plan, "--scale", "demand=0.8"]).exit_code == 0
    assert CliRunner().invoke(main, ["verify", str(BANK), plan]).exit_code == 5
    wrong = CliRunner().invoke(main, ["solve", str(BANK), "--set", "budgets.usd_per_day=1,2"])
    assert wrong.exit_code == 2
    assert "one is wanted here" in wrong.output
