"""Runs the blocks of a page in a sandbox."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from click.testing import CliRunner
from pages import ROOT, Block, assert_shown, blocks, commands, expected_output
from shell_lines import problems

from gpufleet.cli.app import main
from gpufleet.schema.base import Record

COPIED = ("instances", "benchmarks/measured", "models", "catalog", "calibration", "examples")
"""Folders of a checkout that commands of the docs read."""


def copy_checkout(target: Path) -> None:
    """Such a sandbox, in an empty folder."""
    for name in COPIED:
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("generated", "__pycache__"))


class PageRun:
    """One page, block by block, in the current directory."""

    def __init__(self, page: str) -> None:
        self._blocks = blocks(page)
        self._expected = expected_output(self._blocks)
        self._names: dict[str, Any] = {"__name__": "__page__"}
        self.printed = ""
        """By the Python of the page, so far."""

    def run(self) -> None:
        """Everything but what takes long."""
        for block in self._blocks:
            step = getattr(self, f"_{block.language}", None)
            if step is not None and not block.skipped:
                step(block)

    def _console(self, block: Block) -> None:
        for command in commands(block):
            if not command.ours:
                wrong = problems(command.line)
                assert not wrong, f"{command.place}: {'; '.join(wrong)}"
                continue
            result = CliRunner().invoke(main, command.arguments)
            where = f"{command.place}: {command.line}"
            if result.exit_code != command.exit_code:
                raise AssertionError(f"{where}\nends with {result.exit_code}\n{result.output}") from result.exception
            assert_shown(where, command.shown, result.stdout + result.stderr * bool(command.exit_code))

    def _sh(self, block: Block) -> None:
        wrong = [problem for line in block.text.replace("\\\n", " ").splitlines() for problem in problems(line)]
        assert not wrong, f"{block.place}: {'; '.join(wrong)}"

    def _python(self, block: Block) -> None:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * (block.line - 1) + block.text, block.page, "exec"), self._names)
        self.printed += printed.getvalue()
        assert_shown(block.place, self._expected.get(block.line, []), printed.getvalue())

    def _yaml(self, block: Block) -> None:
        self._file(block)
        content = yaml.safe_load(block.text)
        if block.file is None and isinstance(content, dict):
            unknown = set(content) - known_keys()
            assert not unknown, (
                f"{block.place}: {sorted(unknown)}: no field of an instance; name the file, or call it text"
            )

    def _json(self, block: Block) -> None:
        assert json.loads(block.text) is not None
        self._file(block)

    def _csv(self, block: Block) -> None:
        assert len(pd.read_csv(io.StringIO(block.text))), f"{block.place}: a table without rows"
        self._file(block)

    def _file(self, block: Block) -> None:
        if block.file is not None:
            target = Path(block.file)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")


def known_keys(record: type[Record] = Record) -> set[str]:
    """Every field of every record of the schema."""
    inherited = (known_keys(child) for child in record.__subclasses__())
    return set(record.model_fields).union(*inherited)
