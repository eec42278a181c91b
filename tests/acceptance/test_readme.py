"""README.md is true: its commands run, exit with the code stated, and print what is shown; its Python runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from page_runs import PageRun, copy_checkout
from pages import ROOT, blocks, commands

from gpufleet.cli.app import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

README = ROOT / "README.md"


def test_every_block_does_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_checkout(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("GPUFLEET_LIBRARY", raising=False)
    page = PageRun("README.md")
    page.run()
    assert "optimal" in page.printed


def test_nothing_is_left_out_and_every_file_has_a_name() -> None:
    for block in blocks("README.md"):
        assert not block.long, f"{block.place}: README is run whole"
        assert block.file or block.language not in ("csv", "yaml"), f"{block.place}: say before it which file this is"


def test_every_kind_of_command_is_shown() -> None:
    console = [block for block in blocks("README.md") if block.language == "console"]
    shown = {command.arguments[0] for block in console for command in commands(block) if command.ours}
    assert shown == set(COMMANDS)


def test_the_table_of_savings_follows_from_its_costs() -> None:
    rows = re.findall(r"\| ([\d,.]+) \| [^|]+ \| ([\d,.]+) \| ([\d.]+) % \|$", README.read_text(), re.MULTILINE)
    assert len(rows) == 4
    for theirs, ours, saving in rows:
        share = 1 - float(ours.replace(",", "")) / float(theirs.replace(",", ""))
        assert f"{share:.1%}" == f"{saving}%"
