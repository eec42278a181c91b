"""The site of the docs builds without a warning, and needs nothing but its own files to be read."""

from __future__ import annotations

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from browsers import NEEDED, launched
from pages import ROOT

import gpufleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOADS = {"img": "src", "link": "href", "script": "src", "iframe": "src", "source": "src"}
"""Elements that make a browser load something, with the attribute that says what."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(target)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"}
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "WARNING" not in result.stderr, result.stderr
    return target


class Loaded(HTMLParser):
    """What a page loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get(LOADS.get(tag, ""))
        if address and given.get("rel") not in ("canonical", "next", "prev"):
            self.addresses.append(address)


def test_every_page_loads_files_of_the_site_alone(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        for address in Loaded(page.read_text(encoding="utf-8")).addresses:
            assert not re.match(r"(https?:)?//", address), f"{page.relative_to(site)} loads {address}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet.name


def test_every_public_name_is_described(site: Path) -> None:
    text = (site / "reference" / "api.html").read_text(encoding="utf-8")
    headings = set(re.findall(r'id="(gpufleet\.[\w.]+)"', text))
    for name in gpufleet.__all__:
        if not name.startswith("_"):
            value = getattr(gpufleet, name)
            assert f"{value.__module__}.{value.__qualname__}" in headings, name


def test_files_that_pages_link_to_are_part_of_the_site(site: Path) -> None:
    copy = (site / "repository" / "instances" / "reference" / "bank-assistant.yaml.html").read_text(encoding="utf-8")
    assert "min_replicas" in copy
    assert "bank-assistant.yaml.html" in (site / "tutorial.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site on the loopback."""
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server without a log."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("served", [True, False], ids=["served", "from files"])
@NEEDED
def test_a_browser_reads_it_without_errors_or_other_hosts(site: Path, address: str, served: bool) -> None:
    base = address if served else f"{site.as_uri()}/"
    wrong: list[str] = []
    with launched() as browser:
        page = browser.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: None if _local(request.url, base) else wrong.append(request.url))
        for name in ("index", "tutorial", "formulation", "reference/api", "reference/cli"):
            page.goto(f"{base}{name}.html")
            page.wait_for_load_state("networkidle")
        query = page.locator("[data-md-component=search-query]")
        query.click()
        query.press_sequentially("breakeven", delay=20)
        page.wait_for_selector(".md-search-result__link", timeout=20_000)
    assert not wrong


def _local(url: str, base: str) -> bool:
    return url.startswith((base, "about:", "data:", "blob:"))
