"""`stress`, `solve --robust` and `solve --from` as a user runs them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from builders import instance, offer, option, profiled, resolved
from gpufleet import load_plan, solve, write_plan
from gpufleet.cli.app import main

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet.schema.instance import Instance

OPTIONS = [option("one", rates={"all": 3.0}), option("four", "n4", 4, rates={"all": 13.0})]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def question(**changes: object) -> Instance:
    return instance([profiled(OPTIONS, 20.0)], [offer(), offer("o4", "n4", 3.5)], **changes)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """An instance, and a plan with two nodes of 4 for it."""
    asked, plan = tmp_path / "asked.json", tmp_path / "today.json"
    asked.write_text(question().model_dump_json(exclude_defaults=True))
    large = resolved(instance([profiled(OPTIONS[1:], 20.0)], [offer("o4", "n4", 3.5)]))
    write_plan(solve(large), plan)
    return asked, plan


def test_stress_prints_tables_and_writes_files(files: tuple[Path, Path], tmp_path: Path) -> None:
    asked, plan = files
    chart, table = tmp_path / "unmet.svg", tmp_path / "rows.csv"
    result = run("stress", asked, plan, "--compare", "--samples", 50, "--chart", chart, "--csv", table)
    assert result.exit_code == 0, result.output
    for words in ("today.json", "cost-optimal", "p90", "N+1", "50 scenarios (seed 1)", "All plans met the same"):
        assert words in result.output
    assert chart.read_text().startswith("<?xml")
    assert len(table.read_text().splitlines()) == 1 + 4 * 2
    again = run("stress", asked, plan, "--samples", 50, "--json")
    found = json.loads(again.output)
    assert found["settings"]["availability"] == 0.9962
    assert found["plans"][0]["workloads"][0]["workload"] == "w"
    assert again.output == run("stress", asked, plan, "--samples", 50, "--json").output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give one PLAN or more, or --compare"),
        (("--demand", "2:1"), "the smaller one first"),
        (("--demand", "much"), "no range of factors"),
        (("--chart", "x.gif"), "must end in .png, .svg or .pdf"),
        (("--json", "--csv", "-"), "not both"),
    ],
)
def test_stress_says_what_is_wrong(files: tuple[Path, Path], arguments: tuple[str, ...], words: str) -> None:
    asked, plan = files
    result = run("stress", asked, *([plan] if arguments else []), *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_solve_from_today(files: tuple[Path, Path], tmp_path: Path) -> None:
    asked, plan = files
    out = tmp_path / "next.json"
    moving = ("--from", plan, "--move-cost", "node=0.1,accelerator=0.01")
    result = run("solve", asked, *moving, "--out", out, "--no-progress")
    assert result.exit_code == 0, result.output
    assert "Changes of today's fleet" in result.output
    assert "paid for themselves after" in result.output
    found = load_plan(out)
    assert found.certificate is not None
    assert (found.certificate.fleet_usd, found.certificate.moves_usd) == (6.5, 0.43)
    assert run("verify", asked, out, *moving).exit_code == 0
    assert run("verify", asked, out).exit_code == 5  # another question: nobody said where it starts


def test_today_can_stand_in_the_instance(files: tuple[Path, Path]) -> None:
    asked, plan = files
    fields = json.loads(asked.read_text())
    asked.write_text(json.dumps({**fields, "migration": {"plan": plan.name, "usd_per_node": 9.0}}))
    result = run("solve", asked, "--no-progress")
    assert result.exit_code == 0, result.output
    assert "nothing changes" in result.output
    assert "Changes" in run("solve", asked, "--move-cost", "0", "--no-progress").output


def test_solve_robust(files: tuple[Path, Path], tmp_path: Path) -> None:
    asked, _ = files
    out = tmp_path / "robust.json"
    result = run("solve", asked, "--robust", "10%", "--samples", 20, "--out", out)
    assert result.exit_code == 0, result.output
    assert "The price of robustness is" in result.output
    verdict = run("verify", asked, out)
    assert verdict.exit_code == 0, verdict.output
    assert "robust" in verdict.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--robust", "150%"), "no share below 100 %"),
        (("--robust", "5%", "--engine", "whole"), "--engine does not go with --robust"),
        (("--samples", "5"), "--samples needs --robust"),
        (("--move-cost", "200"), "--move-cost needs --from PLAN"),
        (("--from", "PLAN"), "--from needs --move-cost"),
        (("--from", "PLAN", "--move-cost", "rack=2"), "no price of changes"),
    ],
)
def test_solve_says_what_is_wrong(files: tuple[Path, Path], arguments: tuple[str, ...], words: str) -> None:
    asked, plan = files
    result = run("solve", asked, *(plan if argument == "PLAN" else argument for argument in arguments))
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
