"""Writes docs/reference/: commands from click, public names, rows of the integer program. Run: make docs."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import gpufleet
from gpufleet.cli.app import main
from gpufleet.optimize import formulation

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent / "reference"
WIDTH = 100

CLI = """\
# Commands

<!-- Generated from the commands themselves by docs/reference.py. Change their help, then run `make docs`. -->

`gpufleet COMMAND --help` prints the same. Results go to standard output, progress and errors to standard error.

| exit code | meaning |
|---|---|
| 0 | a plan was found, or the question was answered |
| 1 | a bug in gpufleet |
| 2 | bad input or usage |
| 3 | proven infeasible |
| 4 | no plan within the time limit, and no proof that there is none |
| 5 | the plan breaks a rule |
"""

API = """\
# Python

<!-- Generated from gpufleet.__all__ by docs/reference.py. -->

Every public name of the package, as in `from gpufleet import solve`. `import gpufleet` takes a few
milliseconds: each name is loaded when it is first used. Units stand in the names of fields and parameters; money is in
US dollars.
"""

CONSTRAINTS = """\
# Rows of the integer program

<!-- Generated from the docstrings of optimize/formulation by docs/reference.py. Change them, then run `make docs`. -->

What each file of `solver/gpufleet/optimize/formulation/` adds to the program, as its docstring says it.
[formulation.md](../formulation.md) has sets, variables and reasons; the golden files of
[tests/formulation/golden](../../tests/formulation/golden) have the rows of small instances.
"""

KINDS = ("Functions", "Records and results", "Errors")


def pages() -> dict[Path, str]:
    """File to text, of every page of this folder."""
    return {
        FOLDER / "cli.md": "\n".join([CLI, *_commands(main, [])]),
        FOLDER / "api.md": "\n".join([API, *_names()]),
        FOLDER / "constraints.md": "\n".join([CONSTRAINTS, *_families()]),
    }


def _commands(group: click.Group, path: list[str]) -> Iterator[str]:
    """Every command of a group, and of the groups in it."""
    outer = click.Context(group, info_name="gpufleet")
    for name in group.list_commands(outer):
        command = group.get_command(outer, name)
        assert command is not None
        yield from _command(command, [*path, name])
        if isinstance(command, click.Group):
            yield from _commands(command, [*path, name])


def _command(command: click.Command, path: list[str]) -> Iterator[str]:
    """Usage, description and options of one command."""
    context = click.Context(command, info_name=" ".join(["gpufleet", *path]), max_content_width=WIDTH)
    yield f"{'#' * (len(path) + 1)} {' '.join(path)}\n"
    yield f"`{_one_line(command.get_usage(context).removeprefix('Usage: '))}`\n"
    yield inspect.cleandoc(command.help or "").replace("\b\n", "") + "\n"
    options = [option for option in command.params if isinstance(option, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context))]
    if records:
        yield "| option | meaning |\n|---|---|"
        yield from (f"| `{_one_line(names)}` | {_plain(meaning)} |" for names, meaning in records)
        yield ""


def _one_line(text: str) -> str:
    """Choices are separated by strokes: a bar would end the cell of the table."""
    return " ".join(text.split()).replace("|", "/")


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return re.sub(r"([\[\]*_])", r"\\\1", _one_line(text)).replace("<", "&lt;")


def _names() -> Iterator[str]:
    """A directive for every public name, by kind."""
    public = [getattr(gpufleet, name) for name in gpufleet.__all__ if not name.startswith("_")]
    for kind in KINDS:
        yield f"## {kind}\n"
        yield from (f"::: {_home(value)}\n" for value in public if _kind(value) == kind)


def _home(value: Any) -> str:
    """Where it is defined: `gpufleet.resolve` alone could be the module of that name."""
    return f"{value.__module__}.{value.__qualname__}"


def _kind(value: object) -> str:
    if inspect.isclass(value):
        return "Errors" if issubclass(value, Exception) else "Records and results"
    return "Functions"


def _families() -> Iterator[str]:
    """The docstring of every file of the formulation: formulas stand in code, in its own words."""
    for file in sorted(Path(inspect.getfile(formulation)).parent.glob("*.py")):
        docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        title, _, rest = (docstring or "").partition("\n\n")
        if rest:
            yield f"## {file.stem}\n\n{' '.join(title.split())}\n"
            yield from (_paragraph(part) for part in rest.split("\n\n"))


def _paragraph(text: str) -> str:
    """Text, or a block of code where lines are formulas: they hold relations, or columns of explanations."""
    formula = re.search(r"^.*(<=|>=| = |  {2,}).*$", text.splitlines()[0]) or text.startswith(("min ", "sum_"))
    return f"```text\n{text}\n```\n" if formula else f"{text}\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for target, text in pages().items():
        target.write_text(text, encoding="utf-8")
