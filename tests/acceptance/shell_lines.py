"""Commands of the docs that are not run: what they name must exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpufleet.cli.app import COMMANDS, main

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
_ASSIGNMENT = re.compile(r"^[A-Z][A-Z0-9_]*=")
_EXTRA = re.compile(r"\[([a-z,-]+)\]")


def problems(line: str) -> list[str]:
    """What is wrong with a line of shell; nothing for comments."""
    words = shlex.split(line, comments=True)
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    if not words:
        return []
    name = words[0].removeprefix(".venv/bin/")
    if name not in _CHECKS:
        return [f"{words[0]}: say in tests/acceptance/shell_lines.py how this command is checked"]
    return _CHECKS[name](words[1:])


def gpufleet(words: list[str]) -> list[str]:
    """The command exists, and every option is one of its own."""
    if not words or words[0].startswith("-"):
        return []
    if words[0] not in COMMANDS:
        return [f"gpufleet has no command {words[0]!r}"]
    known = _options(words[0])
    asked = [word.partition("=")[0] for word in words if word.startswith("--")]
    return [f"gpufleet {words[0]} has no option {option}" for option in asked if option not in known]


@cache
def _options(name: str) -> frozenset[str]:
    """The options of a command and of its subcommands."""
    context = click.Context(main)
    command = main.get_command(context, name)
    assert command is not None
    inner = [command]
    if isinstance(command, click.Group):
        inner += [sub for sub in (command.get_command(context, n) for n in command.list_commands(context)) if sub]
    found = {opt for one in inner for param in one.params for opt in (*param.opts, *param.secondary_opts)}
    return frozenset(found | {"--help"})


def _make(words: list[str]) -> list[str]:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    return [f"make {word}: no such target" for word in words if "=" not in word and word not in targets]


def _pip(words: list[str]) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = set(project["optional-dependencies"])
    asked = [extra for word in words if (match := _EXTRA.search(word)) for extra in match[1].split(",")]
    return [f"pip: no extra {extra!r}" for extra in asked if extra not in known]


def _python(words: list[str]) -> list[str]:
    """A file of the repository, or a module: `-m pytest tests/...` names files too."""
    files = [word for word in words if "/" in word and not word.startswith(("-", "/"))]
    return [f"python: no file {file}" for file in files if not (ROOT / file).exists()]


def _script(_: list[str]) -> list[str]:
    return [] if (ROOT / ".ci" / "run").exists() else [".ci/run: no such file"]


def _elsewhere(_: list[str]) -> list[str]:
    """Other people's programs."""
    return []


_CHECKS: dict[str, Callable[[list[str]], list[str]]] = {
    ".ci/run": _script,
    "cat": _python,
    "cd": _elsewhere,
    "cp": _elsewhere,
    "dagster": _elsewhere,
    "dask": _elsewhere,
    "git": _elsewhere,
    "gpufleet": gpufleet,
    "kubectl": _elsewhere,
    "ls": _elsewhere,
    "make": _make,
    "mkdir": _elsewhere,
    "pip": _pip,
    "pipx": _pip,
    "python": _python,
    "python3": _python,
    "python3.11": _python,
    "source": _elsewhere,
    "uv": _elsewhere,
}
"""Program to the check of its arguments."""
