"""README.md and the pages of docs/ as scripts: their blocks of code, in the order of the page.

| block | what is done with it |
|---|---|
| ```console | `$ gpufleet ...` runs and must print what is shown; any other `$ ...` is only looked at |
| ```sh | only looked at (`shell_lines.py`): targets of make, extras, files, options must exist |
| ```yaml, ```csv, ```json | after "`path`:" written to the sandbox; else a fragment, which must be well-formed |
| ```python | runs, in one namespace a page; a ```text block straight after it is what it must print |

`# exit code N` at the end of a command says how it ends, a line of dots stands for any number of lines of output, and
`<!-- long -->` before a block says that it runs only where GPUFLEET_LONG_DOCS is set.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
LONG = "GPUFLEET_LONG_DOCS"
OMISSION = "..."
"""A line of output that stands for any number of lines."""

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_FILE_BEFORE = re.compile(r"`([\w./-]+\.(?:csv|json|yaml))`:\s*$")
_LONG_BEFORE = re.compile(r"<!-- long -->\s*$")
_CODE = re.compile(r"# exit code (\d)")
_HELPERS = {"validation-intro.md"}
"""Parts of generated pages."""


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    page: str
    line: int
    """Line of the page on which its text begins."""
    language: str
    text: str
    file: str | None
    """Where it is written, for blocks that show a file."""
    long: bool

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.page}:{self.line}"

    @property
    def skipped(self) -> bool:
        """Whether it takes too long for every run."""
        return self.long and not os.environ.get(LONG)


@dataclass(frozen=True)
class Command:
    """One `$` line with what is shown below it."""

    place: str
    line: str
    exit_code: int
    shown: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> list[str]:
        """What follows `gpufleet`."""
        return shlex.split(self.line, comments=True)[1:]

    @property
    def ours(self) -> bool:
        """Whether it is run."""
        return self.line.split()[0] == "gpufleet"


def all_pages() -> list[str]:
    """README.md, CONTRIBUTING.md and every page of docs/, as paths from the root."""
    pages = sorted(path for path in (ROOT / "docs").rglob("*.md") if path.name not in _HELPERS)
    return ["README.md", "CONTRIBUTING.md", *(path.relative_to(ROOT).as_posix() for path in pages)]


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        before = text[: match.start()]
        line = before.count("\n") + 2
        name = _FILE_BEFORE.search(before)
        file = name[1] if name and match[2] in ("csv", "json", "yaml") else None
        found.append(Block(page, line, match[2], dedent(match[3]), file, bool(_LONG_BEFORE.search(before))))
    return found


def commands(block: Block) -> list[Command]:
    """The `$` lines of a console block; a backslash at the end of a line continues it."""
    found: list[Command] = []
    unfinished = ""
    for number, line in enumerate(block.text.splitlines(), block.line):
        if unfinished or line.startswith("$ "):
            unfinished += line.removeprefix("$ ").strip()
            if unfinished.endswith("\\"):
                unfinished = unfinished[:-1]
                continue
            code = _CODE.search(unfinished)
            found.append(Command(f"{block.page}:{number}", unfinished, int(code[1]) if code else 0))
            unfinished = ""
        elif not found:
            raise AssertionError(f"{block.place}: output without a command; begin the block with $ gpufleet ...")
        else:
            found[-1].shown.append(line)
    return found


def expected_output(page: list[Block]) -> dict[int, list[str]]:
    """First line of a python block to what it must print, for those with a ```text block straight after them."""
    follow = {}
    for first, second in pairwise(page):
        gap = second.line - first.line - len(first.text.splitlines())
        if first.language == "python" and second.language == "text" and gap <= 3:
            follow[first.line] = second.text.splitlines()
    return follow


def assert_shown(place: str, shown: list[str], printed: str) -> None:
    """What is shown stands in the output: line after line, except where dots stand for omitted lines."""
    lines = [line.rstrip() for line in printed.splitlines()]
    position, skipping = 0, False
    for wanted in (line.rstrip() for line in shown):
        if wanted == OMISSION:
            skipping = True
            continue
        where = lines.index(wanted, position) if wanted in lines[position:] else -1
        if where < 0 or (where > position and not skipping):
            got = "\n".join(lines[position : position + 12]) or "nothing more"
            raise AssertionError(f"{place} shows {wanted!r}; it prints there:\n{got}")
        position, skipping = where + 1, False
    if shown and not skipping:
        more = "\n".join(lines[position : position + 12])
        assert not more, f"{place} prints more than is shown:\n{more}"
