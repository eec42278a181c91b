"""Sweeps: the table, what points make of each other, processes, kills and resumption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas
import pytest
from click.testing import CliRunner, Result
from sweep_samples import many_hours, written

from gpufleet import InputError, load_edited, parse_edit, solve, sweep
from gpufleet.cli.app import main
from gpufleet.edits.order import is_as_hard
from gpufleet.library.journal import Journal

GRID = ("--set", "budgets.horizon_usd=6:20:2", "--scale", "demand=0.5:1.5:0.25")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("sweep"), many_hours(1))


def test_every_point_is_what_solving_it_alone_gives(question: Path) -> None:
    axes = {"budgets.horizon_usd": [8, 14, 30], "workloads.a.min_replicas": [0, 2]}
    frame = sweep(question, set=axes, scale={"demand": [0.5, 1], "prices": [1, 1.25]})
    assert len(frame) == 24
    assert set(frame["how"]) == {"solved", "shared", "bound"}
    for _, row in frame.iterrows():
        edits = [parse_edit("set", f"{path}={row[path]}") for path in axes]
        edits += [parse_edit("scale", f"{path}={row[f'scale {path}']}") for path in ("demand", "prices")]
        alone = solve(load_edited(question, edits))
        assert alone.certificate is not None
        assert row["status"] == alone.status
        assert row["proven"]
        cost = None if pandas.isna(row["cost_usd"]) else row["cost_usd"]
        assert cost == alone.certificate.objective_usd
        assert row["digest"] == alone.certificate.instance_digest


def test_other_executors_give_the_same_table(question: Path) -> None:
    axes = {"set": {"budgets.horizon_usd": "6:20:2"}, "scale": {"demand": [0.5, 1, 1.5]}}
    serial = sweep(question, **axes)  # type: ignore[arg-type]
    with ThreadPoolExecutor(3) as executor:
        threads = sweep(question, **axes, workers=3, executor=executor)  # type: ignore[arg-type]
    pandas.testing.assert_frame_equal(serial, threads)


def test_a_killed_sweep_goes_on_and_ends_with_the_same_table(question: Path, tmp_path: Path) -> None:
    whole, part = tmp_path / "whole", tmp_path / "part"
    command = [sys.executable, "-m", "gpufleet", "whatif", str(question), *GRID]
    assert run("whatif", question, *GRID, "--out", whole).exit_code == 0
    killed = subprocess.Popen([*command, "--out", str(part), "--workers", "2"], stderr=subprocess.DEVNULL)
    points = part / "points.jsonl"
    limit = time.monotonic() + 60
    while not (points.exists() and points.read_bytes().count(b"\n") >= 5) and time.monotonic() < limit:
        time.sleep(0.005)
    workers = _children(killed.pid)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    kept = points.read_bytes()
    assert 5 <= kept.count(b"\n") < 40, "the kill must come in the middle"
    points.write_bytes(kept + b'{"key": "torn')
    again = run("whatif", question, *GRID, "--resume", part)
    assert again.exit_code == 0
    assert points.read_bytes().startswith(kept)
    assert (part / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()
    limit = time.monotonic() + 20
    while any(map(_lives, workers)) and time.monotonic() < limit:
        time.sleep(0.1)
    assert workers
    assert not any(map(_lives, workers)), "workers end when their program is killed"
    # nothing is left to do now
    before = points.read_bytes()
    assert run("whatif", question, *GRID, "--resume", part).exit_code == 0
    assert points.read_bytes() == before


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _lives(process: int) -> bool:
    """Running, and not only waiting for somebody to take note of its end."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_journal_is_only_appended(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "points.jsonl")
    journal.add("a", {"x": 1})
    journal.add("a", {"x": 2})
    assert Journal(journal.path).get("a") == {"x": 1}
    with journal.path.open("a") as file:
        file.write("no json\n")
    with pytest.raises(InputError, match=r"points.jsonl:2: this is no line"):
        Journal(journal.path)


def test_which_question_is_the_harder_one(question: Path) -> None:
    def asked(*edits: str) -> object:
        return load_edited(question, [parse_edit("scale" if e[0] == "*" else "set", e.lstrip("*")) for e in edits])

    plain = asked()
    for harder in ("*demand=1.1", "*prices=2", "budgets.horizon_usd=9", "offers.n1-kept.stock=0", "stock=1"):
        assert is_as_hard(asked(harder), plain), harder  # type: ignore[arg-type]
        assert not is_as_hard(plain, asked(harder)), harder  # type: ignore[arg-type]
    for other in ("workloads.a.max_utilisation=0.5", "horizon_hours=9.5", "allow_unserved=true"):
        neither = asked(other) if other != "horizon_hours=9.5" else asked("workloads.b.max_spot_share=0.5")
        assert not is_as_hard(neither, plain)  # type: ignore[arg-type]
        assert not is_as_hard(plain, neither)  # type: ignore[arg-type]
    assert not is_as_hard(asked("*demand=2", "*prices=0.5"), plain)  # type: ignore[arg-type]


def test_scenarios_and_grids(question: Path, tmp_path: Path) -> None:
    path = tmp_path / "scenarios.yaml"
    path.write_text(
        "scenarios:\n  today:\n  tight:\n    set: {budgets.horizon_usd: 9}\n"
        "  growth:\n    scale: {prices: 0.9}\n    grid:\n      scale: {demand: '1:2:0.5'}\n"
    )
    frame = sweep(question, scenarios=path)
    assert list(frame["scenario"]) == ["today", "tight", *["growth"] * 3]
    assert list(frame["scale demand"])[2:] == [1, 1.5, 2]
    assert frame["cost_usd"][2] == pytest.approx(0.9 * frame["cost_usd"][0], abs=1e-5)


def test_errors_of_scenarios_have_lines(question: Path, tmp_path: Path) -> None:
    path = tmp_path / "scenarios.yaml"
    path.write_text(
        "scenarios:\n  a:\n    sets: {x: 1}\n    scale: {demand: much}\n    grid:\n      set: {y: '3:1:1'}\n"
    )
    with pytest.raises(InputError) as error:
        sweep(question, scenarios=path)
    words = str(error.value)
    assert f"{path}:3: scenarios.a.sets: unknown key 'sets'; did you mean set?" in words
    assert f"{path}:4: scenarios.a.scale.demand: expected a factor" in words
    assert f"{path}:6: scenarios.a.grid.set.y: '3:1:1' is no range" in words
    path.write_text("scenarios:\n  a:\n    set:\n      budgets.horizn_usd: 3\n")
    with pytest.raises(InputError, match=r"set budgets.horizn_usd=3 \(.*scenarios.yaml:4\): budgets: unknown key"):
        sweep(question, scenarios=path)


def test_outputs(question: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    targets = {name: tmp_path / f"t.{name}" for name in ("csv", "parquet", "svg", "png")}
    axes = ("--set", "budgets.horizon_usd=8:20:4", "--scale", "demand=0.5,1")
    files = ("--csv", targets["csv"], "--parquet", targets["parquet"], "--chart", targets["svg"])
    result = run("whatif", question, *axes, *files)
    assert result.exit_code == 0, result.output
    assert "8 points, 8 proven" in result.output
    csv, parquet = pandas.read_csv(targets["csv"]), pandas.read_parquet(targets["parquet"])
    assert list(csv.columns) == list(parquet.columns)
    assert list(csv["cost_usd"].fillna(-1)) == list(parquet["cost_usd"].fillna(-1))
    assert "USD per day" in targets["svg"].read_text()
    single = run("whatif", question, "--scale", "demand=0.5,1,1.5", "--json", "--chart", targets["png"])
    assert [row["scale demand"] for row in json.loads(single.stdout)] == [0.5, 1, 1.5]
    assert targets["png"].read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "or a sweep by --set PATH=VALUES"),
        (("--set", "budgets.horizon_usd=3", "--without", "budgets", "--csv", "x.csv"), "--csv goes with"),
        (("--set", "x"), "'x' is no edit"),
        (("--scale", "demand=1,2", "--chart", "x.pdf"), "must end in .png or .svg"),
        (("--scale", "demand=1,2", "--resume", "nowhere"), "does not exist; begin with --out"),
        (("--scale", "demand=1,2", "--csv", "nowhere/x.csv"), "does not exist"),
        (("--scale", "demand=1,2", "--scale", "demand=2,3"), "scale demand is given twice"),
        (
            ("--scale", "demand=1,2", "--scale", "prices=1,2", "--set", "stock=1,2", "--chart", "x.png"),
            "at most 2 axes",
        ),
    ],
)
def test_usage(question: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run("whatif", question, *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_parquet_without_the_extra(question: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = run("whatif", question, "--scale", "demand=1,2", "--parquet", "x.parquet")
    assert result.exit_code == 2
    assert 'pip install "gpufleet[parquet]"' in result.output


def test_single_edits_change_the_file_of_the_other_questions(question: Path) -> None:
    half = sweep(question, scale={"demand": [0.5]})["cost_usd"][0]
    result = run(
        "whatif", question, "--budget", "horizon_usd=1:100:99", "--full-service", "--scale", "demand=0.5", "--json"
    )
    assert result.exit_code == 0
    assert [row["objective_usd"] for row in json.loads(result.stdout)] == [None, half]


def test_the_same_question_is_solved_once(question: Path) -> None:
    frame = sweep(question, set={"title": ["one", "two", "three"], "workloads.a.max_utilisation": [1, 1.0]})
    assert frame["digest"].nunique() == 3  # the title is in the digest, the way that 1 is written is not
    assert os.environ["OMP_NUM_THREADS"] == "1"
