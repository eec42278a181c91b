"""What `gpufleet solve` says while it runs, and what an interrupt does to it."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from builders import instance, near_ties, offer, option, profiled
from gpufleet import solving
from gpufleet.cli import command_solve
from gpufleet.cli.app import main
from gpufleet.cli.live import JsonLines, LiveLine, PlainLines, words
from gpufleet.cli.watched import INTERRUPTED, watched
from gpufleet.optimize.progress import ProgressEvent

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet.schema.instance import Instance

EVENT = ProgressEvent(1.5, "ties: deployment options", 26_002_552.01, 24_422_046.34, 0.06078, 18_326)


def file_of(question: Instance, folder: Path) -> Path:
    file = folder / "question.json"
    file.write_text(question.model_dump_json(exclude_none=True, exclude_defaults=True))
    return file


def small(folder: Path) -> Path:
    return file_of(instance([profiled([option("one", rates={"all": 3.0})], 9.0)], [offer()]), folder)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


# ------------------------------------------------------------------------------------------- what is written


def test_a_state_fits_one_line() -> None:
    assert words(EVENT, 61.7) == (
        "ties: deployment options, best 26,002,552.01 USD, bound 24,422,046.34, gap 6.08 %, 18,326 columns, 62 s"
    )
    assert words(ProgressEvent(0.0, "model", None, None, None, 0), 3.0) == "model, 3 s"
    assert words(None, 2.0) == "2 s"


def test_the_live_line_appears_after_a_second_and_is_gone_at_the_end() -> None:
    file = io.StringIO()
    line = LiveLine(Console(file=file, force_terminal=True, width=80))
    line.event(EVENT)
    line.tick(0.5)
    assert not file.getvalue()
    line.tick(1.5)
    line.stopping(2.0)
    line.tick(2.0)
    line.done(None, 2.5)
    shown = file.getvalue()
    assert "ties: deployment options, best 26,002,552.01 USD" in shown
    assert "stopping: ties" in shown
    assert "\x1b[2K" in shown.rpartition("stopping: ties")[2], "the line is taken away"


def test_plain_lines_come_every_five_seconds_and_only_with_news(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PlainLines()
    for second in range(1, 31):
        if second < 14:
            lines.event(EVENT)
        lines.tick(float(second))
    lines.stopping(30.0)
    lines.done(None, 31.0)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.rsplit(", ", 1)[1] for line in err.splitlines()[:-1]] == ["5 s", "10 s", "15 s"]
    assert err.splitlines()[-1] == "stopping the search; interrupt again to end at once"


def test_a_quick_solve_says_nothing_on_its_way(tmp_path: Path) -> None:
    result = run("solve", small(tmp_path))
    assert (result.exit_code, result.stderr) == (0, "")


def test_progress_as_json_lines(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    result = run("solve", small(tmp_path), "--json", "--log-json", log)
    plan = json.loads(result.stdout)
    *events, last = [json.loads(line) for line in log.read_text().splitlines()]
    assert all(list(event) == ["time_s", "phase", "objective_usd", "bound_usd", "gap", "columns"] for event in events)
    assert events[0]["phase"] == "candidates"
    assert [event["time_s"] for event in events] == sorted(event["time_s"] for event in events)
    assert (last["status"], last["gap"]) == ("optimal", 0.0)
    assert last["objective_usd"] == plan["certificate"]["objective_usd"] == events[-1]["objective_usd"]
    mixed = run("solve", small(tmp_path), "--log-json", "-")
    assert json.loads(mixed.stderr.splitlines()[-1])["status"] == "optimal"
    assert "proven optimal" in mixed.stdout


def test_a_log_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    result = run("solve", small(tmp_path), "--log-json", tmp_path / "nowhere" / "log")
    assert result.exit_code == 2
    assert "--log-json" in result.stderr
    assert "cannot be written: No such file or directory" in result.stderr


def test_the_engine_asked_for_and_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = run("solve", small(tmp_path), "--engine", "decomposition", "--log-json", log)
    assert result.exit_code == 0
    assert "decomposition: asked for" in " ".join(result.stdout.split())
    assert json.loads(log.read_text().splitlines()[-1])["status"] == "optimal"


def test_a_deterministic_plan_says_so(tmp_path: Path) -> None:
    result = run("solve", small(tmp_path), "--deterministic", "--workers", "2")
    assert "workers 2, deterministic" in " ".join(result.stdout.split())


# -------------------------------------------------------------------------------------------- interrupts


def test_an_interrupt_prints_the_best_plan_so_far(tmp_path: Path) -> None:
    """A real process and a real signal: exit code 0, a verified plan with its gap, pure JSON on standard output."""
    command = [
        sys.executable,
        "-m",
        "gpufleet",
        "solve",
        file_of(near_ties(), tmp_path),
        "--backend",
        "cpsat",
        "--time-limit",
        "50",
    ]
    with subprocess.Popen(
        [*map(str, command), "--json", "--log-json", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if json.loads(line)["gap"] is not None:
                break
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert process.returncode == 0
    plan, last = json.loads(out), json.loads(err.splitlines()[-1])
    assert plan["status"] == last["status"] == "feasible"
    assert plan["reason"] == last["reason"] == "stopped on request before optimality was proven"
    assert 0 < plan["certificate"]["gap"] < 1
    assert plan["nodes"]


def test_a_second_interrupt_ends_at_once() -> None:
    """Also where the search does not listen."""
    code = (
        "import time\n"
        "from gpufleet.cli.live import PlainLines\n"
        "from gpufleet.cli.watched import watched\n"
        "def deaf(progress, cancel):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(30)\n"
        "watched(deaf, [PlainLines()])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert "interrupt again" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=5) == INTERRUPTED


def test_interrupted_before_there_is_a_plan_the_exit_code_is_4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates are ready only after the interrupt has come."""
    came, enumerate_all = threading.Event(), solving.build_candidates

    class Interrupting(PlainLines):
        def event(self, event: ProgressEvent) -> None:
            if not came.is_set():
                signal.raise_signal(signal.SIGINT)
                came.set()

    def later(*arguments: Any) -> Any:
        assert came.wait(10)
        return enumerate_all(*arguments)

    monkeypatch.setattr(solving, "build_candidates", later)
    monkeypatch.setattr(command_solve, "on_screen", Interrupting)
    before = signal.getsignal(signal.SIGINT)
    result = run("solve", small(tmp_path))
    assert result.exit_code == 4
    assert "stopped on request before a plan was found" in " ".join(result.stdout.split())
    assert signal.getsignal(signal.SIGINT) is before


def test_what_the_search_raises_is_raised() -> None:
    said = io.StringIO()

    def fail(**_: object) -> Any:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        watched(fail, [JsonLines(said)])
    assert json.loads(said.getvalue())["status"] == "error"


def test_another_thread_than_the_main_one_leaves_signals_alone() -> None:
    before, plans = signal.getsignal(signal.SIGINT), list[object]()
    worker = threading.Thread(target=lambda: plans.append(watched(lambda **_: "plan", [])))  # type: ignore[arg-type]
    worker.start()
    worker.join()
    assert plans == ["plan"]
    assert signal.getsignal(signal.SIGINT) is before
