"""The example pipeline runs in one process, checks what it made, and publishes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas
import pytest

import gpufleet
from gpufleet import Report, from_json

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process and a DAGSTER_HOME of its own."""
    (folder / "home").mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(folder / "home"),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": os.pathsep.join((str(Path(gpufleet.__file__).parents[1]), str(ROOT))),
    }
    command = [sys.executable, "-m", "examples.pipeline", "--out", str(folder / "report"), *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)


def test_the_pipeline_publishes_a_plan_that_is_proven(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    assert "keeps_every_rule: passed" in done.stdout
    assert "gap_is_small: passed" in done.stdout
    folder = tmp_path / "report"
    resolved = gpufleet.load_instance(folder / "instance.yaml")
    plan = gpufleet.load_plan(folder / "plan.json")
    verdict = gpufleet.verify(resolved, plan)
    assert verdict.ok
    assert from_json(Report, (folder / "verification.json").read_text(encoding="utf-8")) == verdict
    assert gpufleet.confirm(resolved, plan).gap == pytest.approx(0, abs=0.01)
    assert plan.certificate is not None
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert (folder / "report.xlsx").read_bytes().startswith(b"PK")
    assert f"{plan.certificate.objective_usd:,.2f} USD over 90 days" in text
    budgets = pandas.read_csv(folder / "budgets.csv")
    assert budgets["full_service"].tolist() == [False, False, True, True]
    assert pandas.read_csv(folder / "nodes.csv")["count"].sum() == sum(nodes.count for nodes in plan.nodes)


def test_a_trace_that_is_none_fails_and_publishes_nothing(tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_text("when,what\n1,2\n", encoding="utf-8")
    done = run(tmp_path, "--trace", str(tmp_path / "trace.csv"))
    assert done.returncode == 1
    assert not (tmp_path / "report").exists()


def test_the_bundled_trace_is_what_its_maker_makes() -> None:
    code = "from examples.pipeline.make_trace import *; assert TRACE.read_text(encoding='utf-8') == text()"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
