"""Reports of whole instances in a browser: Chromium opens the page from disk, as a reader would."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from browsers import NEEDED, launched
from click.testing import CliRunner

from gpufleet import load_plan
from gpufleet.cli.app import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

pytestmark = NEEDED
BODY_TEXT, LARGE_TEXT = 4.5, 3.0
"""Contrast that WCAG 2 asks for at level AA."""
CONTRAST = """
(elements) => {
  const parse = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const found = parse(getComputedStyle(e).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found.slice(0, 3);
    }
    return [255, 255, 255];
  };
  return elements.map((element) => {
    const style = getComputedStyle(element);
    const ink = parse(element instanceof SVGElement ? style.fill : style.color).slice(0, 3);
    const [a, b] = [light(ink), light(ground(element))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
}
"""


def run(*arguments: object) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def pages(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of three instances, made as a user makes them."""
    folder, found = tmp_path_factory.mktemp("reports"), {}
    for place in ("reference/bank-assistant", "estate/day-and-night", "estate/three-years"):
        file, name = root / "instances" / f"{place}.yaml", place.rpartition("/")[2]
        run("solve", file, "--out", folder / f"{name}.yaml")
        more: list[object] = []
        if name == "bank-assistant":
            curve = folder / "curve.json"
            curve.write_text(run("whatif", file, "--budget", "usd_per_day=60:120:20", "--json"))
            more = ["--budget-curve", curve, "--bound"]
        found[name] = folder / f"{name}.html"
        run("report", file, folder / f"{name}.yaml", "--out", found[name], *more)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@contextmanager
def opened(browser: Browser, path: Path, **settings: Any) -> Iterator[Tab]:
    """The page in a window of its own; nothing may go wrong in it, and nothing be asked of a network."""
    wrong: list[str] = []
    asked: list[str] = []
    context = browser.new_context(**settings)
    tab = context.new_page()
    tab.on("console", lambda message: wrong.append(message.text))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(path.as_uri())
    yield tab
    context.close()
    assert wrong == []
    assert asked == [path.as_uri()]


def column(tab: Tab, caption: str, number: int) -> list[str]:
    """The cells of one column of a table, from top to bottom."""
    cells = f"table:has(caption:text-is('{caption}')) > tbody > tr > td:nth-child({number})"
    return [text.strip() for text in tab.locator(cells).all_text_contents()]


@pytest.mark.parametrize("name", ["bank-assistant", "day-and-night", "three-years"])
def test_page_has_one_heading_links_that_lead_somewhere_and_charts(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    with opened(browser, pages[name]) as tab:
        assert tab.locator("h1").count() == 1
        for link in tab.locator("nav a").all():
            assert tab.locator(str(link.get_attribute("href"))).count() == 1
        assert tab.locator("svg[role=img]").count() >= 4
        assert tab.locator("svg text").first.is_visible()
        assert "Verified: every rule is kept" in tab.locator(".banner").inner_text()


def test_tables_sort_by_mouse_and_by_keyboard(browser: Browser, pages: dict[str, Path]) -> None:
    caption = "What each rule eliminated"
    with opened(browser, pages["bank-assistant"]) as tab:
        head = tab.locator(f"table:has(caption:text-is('{caption}')) th").nth(2)
        before = column(tab, caption, 3)
        numbers = sorted(int(text.replace(",", "")) for text in before)
        assert head.get_attribute("aria-sort") == "none"
        head.get_by_role("button").click()
        assert [int(text.replace(",", "")) for text in column(tab, caption, 3)] == numbers
        assert head.get_attribute("aria-sort") == "ascending"
        head.get_by_role("button").focus()
        tab.keyboard.press("Enter")
        assert [int(text.replace(",", "")) for text in column(tab, caption, 3)] == numbers[::-1]
        assert head.get_attribute("aria-sort") == "descending"
        tab.keyboard.press("Space")
        assert column(tab, caption, 3) == before


def test_funnel_shows_its_numbers_as_text(browser: Browser, pages: dict[str, Path]) -> None:
    plan = load_plan(pages["bank-assistant"].with_suffix(".yaml"))
    with opened(browser, pages["bank-assistant"]) as tab:
        drawn = " ".join(tab.locator("#candidates svg text").all_text_contents())
        table = column(tab, "What each rule eliminated", 4)
    for step in plan.funnel:
        if step.rule != "kept":
            assert f"{step.before - step.eliminated:,} (−{step.eliminated:,})" in drawn
    assert table == [f"{step.eliminated:,}" for step in plan.funnel]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast_in_both_schemes(browser: Browser, pages: dict[str, Path], scheme: str) -> None:
    with opened(browser, pages["day-and-night"], color_scheme=scheme) as tab:
        ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
        for selector in ("p, li, td, th, dt, dd, caption, summary, a, h1, h2, h3", "svg text"):
            ratios = tab.locator(selector).evaluate_all(CONTRAST)
            assert len(ratios) > 50
            assert min(ratios) >= BODY_TEXT, f"{selector}: {min(ratios):.2f}"
        bars = tab.locator("svg [style*='--series']:not([style*='opacity'])").evaluate_all(CONTRAST)
        assert bars
        assert min(bars) >= LARGE_TEXT


def test_page_fits_a_narrow_window(browser: Browser, pages: dict[str, Path]) -> None:
    for path in pages.values():
        with opened(browser, path, viewport={"width": 400, "height": 800}) as tab:
            assert tab.evaluate("document.documentElement.scrollWidth") <= 400


def test_printing_is_light_even_in_the_dark_and_gives_pages(browser: Browser, pages: dict[str, Path]) -> None:
    for path in pages.values():
        with opened(browser, path, color_scheme="dark") as tab:
            tab.emulate_media(media="print")
            assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(27, 30, 34)"
            assert not tab.locator("nav").is_visible()
            # A4 less margins: no table is wider than the paper
            tab.set_viewport_size({"width": 688, "height": 900})
            assert tab.evaluate("document.documentElement.scrollWidth") <= 688
            assert tab.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_page_is_whole_without_scripts(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["bank-assistant"], java_script_enabled=False) as tab:
        assert tab.locator("th button").count() == 0
        assert tab.locator("main section").count() == 12
