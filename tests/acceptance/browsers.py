"""Debian's Chromium for the tests of pages; without one they are left out, but never where they are the point."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

PATH = shutil.which("chromium")
NEEDED = pytest.mark.skipif(
    PATH is None and not os.environ.get("CI"), reason="needs Debian's chromium; .ci/run installs it"
)


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser without a window."""
    assert PATH is not None, "CI must have chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PATH, args=["--no-sandbox"])
        yield browser
        browser.close()
