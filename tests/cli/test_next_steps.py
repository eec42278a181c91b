"""Whatever ends without its answer says what to do next: every error, every exit code, and only on standard error."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING

import click
import pytest
from cli_runs import ROOT, run

from gpufleet import errors
from gpufleet.cli import app
from gpufleet.cli.next_steps import Call, NextStep
from gpufleet.errors import GpufleetError, InputError, InputProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE = ROOT / "instances" / "scale" / "covering-100x30-tight.json"
OVERLAY = ROOT / "examples" / "prices" / "terms.yaml"
SMALL = "prefix-cache"


def subclasses(kind: type[GpufleetError] = GpufleetError) -> Iterator[type[GpufleetError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from subclasses(below)


OURS = sorted({kind for kind in subclasses() if kind.__module__ == errors.__name__}, key=lambda kind: kind.__name__)
CODES = {name: code for name, code in vars(app).items() if name.startswith("EXIT_")}


def raised(kind: type[GpufleetError]) -> GpufleetError:
    return kind([InputProblem("x.yaml", 3, "a", "is wrong")]) if issubclass(kind, InputError) else kind("is wrong")


def ending(monkeypatch: pytest.MonkeyPatch, end: BaseException) -> click.testing.Result:
    """`gpufleet solve` where the work ends like this."""

    def work(**_: object) -> None:
        raise end

    solve = app.main.get_command(click.Context(app.main), "solve")
    assert solve is not None
    monkeypatch.setattr(solve, "callback", work)
    return run("solve", SMALL, "--json")


def next_commands(stderr: str) -> list[list[str]]:
    """The commands that are suggested, which must exist with their options."""
    found = [shlex.split(line) for line in stderr.partition("Next: ")[2].splitlines() if line.startswith("  gpufleet")]
    for words in found:
        command: click.Command | None = app.main.get_command(click.Context(app.main), words[1])
        assert command is not None, words
        known = {name for param in command.params for name in param.opts}
        assert {word for word in words if word.startswith("--")} <= known, words
    return found


@pytest.mark.parametrize("kind", OURS)
def test_every_error_is_followed_by_the_next_step(kind: type[GpufleetError], monkeypatch: pytest.MonkeyPatch) -> None:
    result = ending(monkeypatch, raised(kind))
    assert result.exit_code == (1 if kind is errors.VerificationError else 2)
    assert result.stdout == ""
    assert "is wrong\nNext: " in result.stderr
    next_commands(result.stderr)


def test_no_class_of_errors_is_left_out() -> None:
    assert len(OURS) >= 7


@pytest.mark.parametrize("name", sorted(set(CODES) - {"EXIT_BUG", "EXIT_INPUT", "EXIT_INTERRUPTED"}))
def test_every_exit_code_is_followed_by_the_next_step(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = ending(monkeypatch, SystemExit(CODES[name]))
    assert result.exit_code == CODES[name]
    assert result.stdout == ""
    assert result.stderr.startswith("Next: ")
    assert next_commands(result.stderr)


def test_an_interrupt_has_its_own_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    result = ending(monkeypatch, KeyboardInterrupt())
    assert (result.exit_code, result.stdout) == (130, "")
    assert "Interrupted.\nNext: " in result.stderr


def test_a_package_that_is_gone_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    result = ending(monkeypatch, ModuleNotFoundError("No module named 'numba'", name="numba"))
    assert (result.exit_code, result.stdout) == (CODES["EXIT_UNFIT"], "")
    assert result.stderr.startswith("A package that gpufleet needs cannot be imported: No module named 'numba'\nNext: ")
    assert next_commands(result.stderr) == [["gpufleet", "doctor"]]
    ours = ending(monkeypatch, ModuleNotFoundError("No module named 'gpufleet.gone'", name="gpufleet.gone"))
    assert isinstance(ours.exception, ModuleNotFoundError)


def test_a_bug_says_that_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The traceback stays: it is what a report needs."""
    result = ending(monkeypatch, ZeroDivisionError("division by zero"))
    assert result.exit_code == CODES["EXIT_BUG"]
    assert isinstance(result.exception, ZeroDivisionError)
    (note,) = result.exception.__notes__
    assert "bug in gpufleet. Next: gpufleet doctor" in note


def test_an_answer_has_no_next_step() -> None:
    assert run("validate", SMALL).stderr == ""


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("slove", "x.yaml"), "did you mean solve?"),
        (("validat",), "did you mean validate?"),
        ((str(ROOT / "README.md"),), f"did you mean: gpufleet solve {ROOT / 'README.md'}"),
        (("solve", SMALL, "--time-limt", "3"), "Did you mean '--time-limit'?"),
        (("solve",), "Missing argument 'FILE'"),
        (("catalog", "show", "H10"), "did you mean A10?"),
    ],
)
def test_what_is_mistyped_gets_a_suggestion(typed: tuple[str, ...], said: str) -> None:
    result = run(*typed)
    assert result.exit_code == 2
    assert said.lower() in result.stderr.lower()


@pytest.mark.parametrize(
    ("typed", "next_ones"),
    [
        (("solve", "nothing-here.yaml"), ["gpufleet init nothing-here.yaml", "gpufleet examples"]),
        (("solve", "bank-asistant"), ["gpufleet solve bank-assistant"]),
        (("verify", SMALL, "plan.yaml"), [f"gpufleet solve {SMALL} --out plan.yaml"]),
        (("solve", SMALL, "--library", "no-folder"), ["gpufleet doctor"]),
        (("import", "hf-config", "no-config.json"), []),
        (("calibrate", ROOT / "instances/invalid/nan.yaml"), []),
        (
            ("estimate", "bert-larg", "T4"),
            [f"gpufleet catalog list {kind}" for kind in ("models", "accelerators", "node-types")],
        ),
        (("solve", ROOT / "instances/invalid/nan.yaml"), [f"gpufleet validate {ROOT}/instances/invalid/nan.yaml"]),
        (("validate", ROOT / "instances/invalid/nan.yaml"), ["gpufleet schema instance"]),
        (("solve", ROOT / "instances/invalid/syntax-error.yaml"), ["gpufleet examples bank-assistant"]),
        (
            ("solve", SMALL, "--set", "budgets.usd_per_day=1", "--overlay", OVERLAY),
            [f"gpufleet explain {SMALL} --set budgets.usd_per_day=1 --overlay {OVERLAY}"],
        ),
        (("solve", SMALL, "--set", "budgets.usd_per_day=1"), [f"gpufleet explain {SMALL} --set budgets.usd_per_day=1"]),
        (
            ("solve", LARGE, "--time-limit=0.000001", "--gap", "0", "--seed", "3"),
            [f"gpufleet solve {LARGE} --seed 3 --time-limit 60 --gap 0.01"],
        ),
        (
            ("estimate", "llama-3.1-405b", "T4", "--tensor", "1", "--pipeline", "1"),
            ["gpufleet catalog list accelerators"],
        ),
    ],
)
def test_the_next_command(
    typed: tuple[object, ...], next_ones: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*typed)
    assert result.exit_code in (2, 3, 4)
    assert "Next: " in result.stderr
    assert [shlex.join(words) for words in next_commands(result.stderr)] == next_ones
    assert list(tmp_path.iterdir()) == []


def test_json_stays_json(tmp_path: Path) -> None:
    result = run("solve", SMALL, "--set", "budgets.usd_per_day=1", "--json")
    assert json.loads(result.stdout)["status"] == "infeasible"
    assert result.stderr.startswith("Next: ")
    plan = tmp_path / "plan.yaml"
    assert run("solve", SMALL, "--out", plan, "--no-certify").exit_code == 0
    broken = run("verify", SMALL, plan, "--set", "budgets.usd_per_day=1", "--json")
    assert (broken.exit_code, json.loads(broken.stdout)["ok"]) == (5, False)
    assert next_commands(broken.stderr) == [
        ["gpufleet", "solve", SMALL, "--out", "new-plan.yaml", "--set", "budgets.usd_per_day=1"]
    ]


def test_the_question_is_carried_on_to_commands_that_take_it_otherwise() -> None:
    call = Call("explain", {"file": "x.yaml", "performance": "p90", "sets": ("a=1",), "libraries": ("my lib",)})
    assert call.like_this("explain") == "gpufleet explain x.yaml --set a=1 --performance p90 --library 'my lib'"
    assert call.like_this("whatif") == "gpufleet whatif x.yaml --set a=1 --set performance=p90 --library 'my lib'"


def test_words_are_wrapped_and_commands_are_not() -> None:
    step = NextStep("say " + "what can be said " * 8, (f"gpufleet solve {'x' * 90}.yaml",))
    *words, command = str(step).splitlines()
    assert max(map(len, words)) <= 80
    assert command.endswith(f"{'x' * 90}.yaml")


def test_the_table_of_exit_codes_in_the_readme_is_whole() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [code for code in CODES.values() if f"\n| {code} | " not in text]
    assert sys.modules["gpufleet.cli.app"].__doc__
