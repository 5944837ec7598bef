"""The book in Debian's Firefox, network blocked: every page, every figure, an exercise.

A phone's width, both themes and WCAG are looked at in Chromium; here it is what another
engine might do otherwise: its layout, its keys, its numbers, its WebAssembly.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Locator

import dev
from tests import browser, test_live
from tests.test_figures_browser import FIGURE, PAGES, open_at, readouts

pytestmark = pytest.mark.slow

#: Buttons that run by themselves: how far depends on the machine.
RUNNING = {"Play", "Go on"}
#: Keys that a reader presses on a control, one after the other.
KEYS = ("ArrowRight", "ArrowRight", "End", "ArrowLeft", "Home", "ArrowRight")


@pytest.fixture(scope="module")
def firefox() -> Iterator[browser.Browser]:
    if browser.find_firefox() is None:
        pytest.skip("no Firefox on the PATH (Debian: apt-get install firefox-esr)")
    if not (dev.HTML / "index.html").is_file():
        pytest.fail("The book is not built: run `make book` first.")
    with browser.open_firefox() as opened:
        yield opened


@pytest.fixture(scope="module")
def visit(firefox: browser.Browser) -> Iterator[browser.Visit]:
    with browser.serve(dev.HTML) as base:
        opened = browser.Visit(firefox, base, "light")
        yield opened
        opened.close()


@pytest.mark.parametrize("name", [*dev.pages(), "search", "genindex"])
def test_every_page_is_quiet_and_fits_a_phone(visit: browser.Visit, name: str) -> None:
    visit.complaints.clear()
    visit.open(name)
    told = visit.answer(browser.NARROW)
    assert told["mathFont"] == (told["formulas"] > 0)
    assert told["overflow"] <= 0
    assert visit.complaints == []


def played(figure: Locator) -> list[dict[str, str]]:
    """Press keys on every control of a figure; return its numbers after each."""
    found = [readouts(figure)]
    sliders = figure.locator("input[type=range]").all()
    for control in sliders + figure.locator("[role=slider]").all()[:3]:
        for key in KEYS:
            control.press(key)
            found.append(readouts(figure))
    for choice in figure.locator("input[type=radio]").all():
        choice.press(" ")
        found.append(readouts(figure))
    for button in figure.locator("button").all():
        if button.inner_text() not in RUNNING:
            button.press("Enter")
            found.append(readouts(figure))
    return found


Numbers = dict[str, list[list[dict[str, str]]]]


def played_in_chromium() -> Numbers:
    """Return what ``played`` finds there, by page, for each figure of it."""
    with browser.open_browser() as chromium, browser.serve(dev.HTML) as base:
        other = browser.Visit(chromium, base, "light")
        found = {
            page: [played(each) for each in open_at(other, page)] for page in PAGES
        }
        other.close()
    return found


@pytest.fixture(scope="module")
def in_chromium() -> Numbers:
    if browser.find_chromium() is None:
        pytest.skip("no Chromium or Chrome on the PATH to compare with")
    # A thread has one Playwright, and Firefox has this one's.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(played_in_chromium).result()


@pytest.mark.parametrize("page", PAGES)
def test_figures_show_the_numbers_that_chromium_shows(
    in_chromium: Numbers, visit: browser.Visit, page: str
) -> None:
    figures = open_at(visit, page)
    assert [played(each) for each in figures] == in_chromium[page]
    assert visit.page.locator(FIGURE).count() > 0
    assert visit.complaints == []


def test_an_exercise_answers(firefox: browser.Browser, address: str) -> None:
    visit = browser.Visit(firefox, address, "light")
    test_live.opened_panel(visit)
    assert "not written yet" in test_live.said(visit, "check", "unwritten")
    page, panel = visit.page, test_live.PANEL
    for source, state in ((test_live.REVERSED, "failed"), (test_live.RIGHT, "passed")):
        page.locator(f"{panel} .cm-content").click()
        page.keyboard.press("Control+a")
        # The editor indents the second line.
        page.keyboard.type(source.replace("    ", "").strip())
        text = test_live.said(visit, "check", state)
        if state == "failed":
            assert "your mask keeps a unit with probability" in text
    assert visit.complaints == []
    visit.close()
