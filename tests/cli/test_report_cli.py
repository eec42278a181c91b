"""`report` as a user runs it: files and formats, exit codes, what is refused."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
import yaml
from cli_runs import BANK, REFERENCE, run

from builders import instance, offer, option, profiled, resolved
from gpufleet import solve, write_plan
from gpufleet.library import write_instance

if TYPE_CHECKING:
    from pathlib import Path

BY_HAND = REFERENCE / "bank-assistant.brief-plan.yaml"


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, Path]:
    """A small instance and its plan."""
    asked = instance([profiled([option("one", rates={"all": 3.0})], 5.0)], [offer()])
    write_instance(asked, tmp_path / "small.yaml")
    write_plan(solve(resolved(asked), certify=True), tmp_path / "plan.yaml")
    return tmp_path / "small.yaml", tmp_path / "plan.yaml"


def test_markdown_is_printed_without_a_file_and_compares_with_the_baseline() -> None:
    result = run("report", BANK, BY_HAND)
    assert result.exit_code == 0
    assert result.stdout.startswith("# Bilingual bank assistant")
    assert "Take 4 × h100-pcie-1x-2u (1 × H100-PCIe-80GB) at bank-cloud, reserved for 1 year." in result.stdout
    assert "costs 116,788.32 USD; this plan costs the same." in result.stdout
    assert hashlib.sha256(BY_HAND.read_bytes()).hexdigest() in result.stdout


def test_suffix_decides_and_format_overrules(tmp_path: Path, small: tuple[Path, Path]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert run("report", *small, "--out", out / "a.HTML").exit_code == 0
    assert (out / "a.HTML").read_text().startswith("<!DOCTYPE html>")
    assert run("report", *small, "--out", out / "a.txt", "--format", "md").exit_code == 0
    assert (out / "a.txt").read_text().startswith("# ")
    assert run("report", *small, "--out", out / "a.xlsx").exit_code == 0
    assert (out / "a.xlsx").read_bytes()[:2] == b"PK"
    assert sorted(path.name for path in out.iterdir()) == ["a.HTML", "a.txt", "a.xlsx"]


def test_bound_is_recomputed_when_asked_for(small: tuple[Path, Path]) -> None:
    assert "which report --bound checks" in run("report", *small).stdout
    assert "Its prices prove, without a solver: no plan costs less than 2.00 USD." in run(
        "report", *small, "--bound"
    ).stdout.replace("\\", "")


def test_a_broken_plan_is_reported_with_exit_code_5(tmp_path: Path, small: tuple[Path, Path]) -> None:
    fields = yaml.safe_load(small[1].read_text())
    fields["nodes"][0]["count"] = 1
    wrong, out = tmp_path / "wrong.yaml", tmp_path / "report.md"
    wrong.write_text(yaml.safe_dump(fields))
    assert run("report", small[0], wrong, "--out", out).exit_code == 5
    assert "**Do not sign: the plan failed verification." in out.read_text()


def test_a_plan_that_was_not_found_keeps_its_exit_code(tmp_path: Path, small: tuple[Path, Path]) -> None:
    wrong = tmp_path / "none.yaml"
    wrong.write_text("schema_version: 1\ninstance: test\nstatus: infeasible\nreason: nothing fits\n")
    result = run("report", small[0], wrong)
    assert result.exit_code == 3
    assert "No plan: infeasible. Nothing fits." in result.stdout


def test_what_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    for arguments, words in (
        (("--out", "report.pdf"), "must end in .html, .md or .xlsx, as in --out report.html"),
        (("--format", "xlsx"), "--format xlsx needs a file: --out report.xlsx"),
        (("--format", "html"), "--format html needs a file: --out report.html"),
    ):
        result = run("report", tmp_path / "missing.yaml", "plan.yaml", *arguments)
        assert result.exit_code == 2
        assert words in " ".join(result.stderr.split())


def test_a_curve_of_something_else_is_refused_and_nothing_written(tmp_path: Path, small: tuple[Path, Path]) -> None:
    curve = tmp_path / "curve.json"
    curve.write_text(json.dumps({"axis": "usd_per_day", "points": [{"at": 1.0, "unserved": {"video": 1.0}}]}))
    result = run("report", *small, "--out", tmp_path / "report.html", "--budget-curve", curve)
    assert result.exit_code == 2
    assert "the curve is of another instance: it names video; this one has w" in result.stderr
    assert not (tmp_path / "report.html").exists()
