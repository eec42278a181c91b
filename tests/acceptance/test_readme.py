"""README.md is true: its commands run, exit with the code stated, and print what is shown; its Python runs."""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from gpufleet.cli.app import COMMANDS, main

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_BEFORE = re.compile(r"`([\w./-]+\.(?:csv|yaml))`:\s*$")
OMISSION = "..."
"""A line of output that stands for any number of lines."""


@dataclass(frozen=True)
class Command:
    """One `$ gpufleet` line with what is shown below it."""

    line: int
    arguments: list[str]
    exit_code: int
    shown: list[str]


def blocks(language: str) -> list[tuple[int, str]]:
    """(line number of the first line, text) of the fenced blocks of a language."""
    text = README.read_text(encoding="utf-8")
    found = [match for match in BLOCK.finditer(text) if match[1] == language]
    return [(text[: match.start(2)].count("\n") + 1, match[2]) for match in found]


def commands() -> list[Command]:
    """Every command of the page, in order."""
    found: list[Command] = []
    for start, text in blocks("console"):
        for number, line in enumerate(text.splitlines(), start):
            if line.startswith("$ gpufleet"):
                code = re.search(r"# exit code (\d)", line)
                arguments = shlex.split(line.removeprefix("$ gpufleet"), comments=True)
                found.append(Command(number, arguments, int(code[1]) if code else 0, []))
            else:
                found[-1].shown.append(line)
    return found


@pytest.fixture
def copy(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the instances and the files that the page spells out; the page's commands run in it."""
    for name in ("reference", "profiled", "invalid", "estate"):
        shutil.copytree(root / "instances" / name, tmp_path / "instances" / name)
    (tmp_path / "instances" / "scale").mkdir()
    large = "instances/scale/covering-100x30-ample.json"
    shutil.copy(root / large, tmp_path / large)
    shutil.copytree(root / "benchmarks" / "measured", tmp_path / "benchmarks" / "measured")
    for language in ("csv", "yaml"):
        for start, text in blocks(language):
            before = "\n".join(README.read_text(encoding="utf-8").splitlines()[: start - 2])
            name = FILE_BEFORE.search(before)
            assert name, f"README.md:{start}: say before the block which file this is"
            (tmp_path / name[1]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name[1]).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("GPUFLEET_LIBRARY", raising=False)
    return tmp_path


def assert_shown(command: Command, printed: str) -> None:
    """What is shown stands in the output: line after line, except where dots stand for omitted lines."""
    lines = [line.rstrip() for line in printed.splitlines()]
    position, skipping = 0, False
    for wanted in (line.rstrip() for line in command.shown):
        if wanted == OMISSION:
            skipping = True
            continue
        where = lines.index(wanted, position) if wanted in lines[position:] else -1
        if where < 0 or (where > position and not skipping):
            got = lines[position] if position < len(lines) else "nothing more"
            pytest.fail(f"README.md, command of line {command.line} shows {wanted!r}; it prints {got!r} there")
        position, skipping = where + 1, False
    if command.shown and not skipping:
        assert not lines[position:], f"README.md, command of line {command.line} prints more than is shown"


@pytest.mark.usefixtures("copy")
def test_every_command_does_what_the_page_says() -> None:
    runner = CliRunner()
    for command in commands():
        result = runner.invoke(main, command.arguments)
        where = f"README.md:{command.line}: {shlex.join(command.arguments)}"
        assert result.exit_code == command.exit_code, f"{where}\n{result.output}"
        assert_shown(command, result.stdout + result.stderr * bool(command.exit_code))


def test_every_kind_of_command_is_shown() -> None:
    shown = {command.arguments[0] for command in commands()}
    assert shown == set(COMMANDS)


@pytest.mark.usefixtures("copy")
def test_every_python_block_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for start, text in blocks("python"):
        exec(compile(text, f"README.md:{start}", "exec"), {})
    assert "optimal" in capsys.readouterr().out


def test_the_table_of_savings_follows_from_its_costs() -> None:
    rows = re.findall(r"\| ([\d,.]+) \| [^|]+ \| ([\d,.]+) \| ([\d.]+) % \|$", README.read_text(), re.MULTILINE)
    assert len(rows) == 4
    for theirs, ours, saving in rows:
        share = 1 - float(ours.replace(",", "")) / float(theirs.replace(",", ""))
        assert f"{share:.1%}" == f"{saving}%"


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), target
