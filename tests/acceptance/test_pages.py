"""The pages of docs/ are true: what they show is run, and prints what is shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from page_runs import PageRun, copy_checkout
from pages import ROOT, all_pages, blocks
from shell_lines import gpufleet

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [page for page in all_pages() if page != "README.md"]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
INLINE = re.compile(r"`gpufleet ([^`]+)`")
LANGUAGES = {"console", "csv", "json", "python", "sh", "text", "yaml"}


@pytest.mark.parametrize("page", PAGES)
def test_every_block_does_what_the_page_says(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not any(block.language in LANGUAGES - {"text"} for block in blocks(page)):
        return
    copy_checkout(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("GPUFLEET_LIBRARY", raising=False)
    PageRun(page).run()


@pytest.mark.parametrize("page", all_pages())
def test_every_block_says_what_it_is(page: str) -> None:
    for block in blocks(page):
        assert block.language in LANGUAGES, f"{block.place}: one of {sorted(LANGUAGES)}, not {block.language!r}"
        if block.language == "text":
            assert not re.search(r"^(\$ )?gpufleet ", block.text, re.MULTILINE), f"{block.place}: a console block"


@pytest.mark.parametrize("page", all_pages())
def test_commands_in_the_text_exist(page: str) -> None:
    for line in INLINE.findall((ROOT / page).read_text(encoding="utf-8")):
        wrong = gpufleet(line.replace("\n", " ").split()) if line[0].islower() else []
        assert not wrong, f"{page}: {line}: {wrong}"


@pytest.mark.parametrize("page", all_pages())
def test_links_lead_somewhere(page: str) -> None:
    for target in LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        if not target.startswith(("https://", "http://")):
            assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"


def test_few_blocks_are_long() -> None:
    long = [block.place for page in all_pages() for block in blocks(page) if block.long]
    assert len(long) <= 6, long
