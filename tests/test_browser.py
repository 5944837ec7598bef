"""The book as a browser shows it, over file:// and over HTTP, light and dark."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dev
from tests import browser


@pytest.fixture(scope="module", params=["file", "http"])
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "file":
        yield dev.HTML.as_uri() + "/"
        return
    with browser.serve(dev.HTML) as address:
        yield address


@pytest.fixture(scope="module", params=["light", "dark"])
def visit(
    request: pytest.FixtureRequest, chromium: browser.Browser, base: str
) -> Iterator[browser.Visit]:
    opened = browser.Visit(chromium, base, request.param)
    yield opened
    opened.close()


@pytest.mark.parametrize("name", dev.pages())
def test_a_page_loads_alone_and_without_a_complaint(
    visit: browser.Visit, name: str
) -> None:
    visit.complaints.clear()
    visit.open(name)
    wide, narrow = visit.answer(browser.WIDE), visit.answer(browser.NARROW)
    assert visit.complaints == []
    assert wide["theme"] == visit.scheme
    assert wide["mathFont"] == (wide["formulas"] > 0)
    assert wide["overflow"] <= 0
    assert narrow["overflow"] <= 0
    assert min(visit.letters(), default=9) >= 9


def test_small_letters_are_noticed(chromium: browser.Browser, tmp_path: Path) -> None:
    drawing = '<svg viewBox="0 0 684 9"><text style="font-size: 11px">a</text></svg>'
    (tmp_path / "small.html").write_text(
        f'<details><figure style="width: 342px">{drawing}</figure></details>'
    )
    visit = browser.Visit(chromium, tmp_path.as_uri() + "/", "light")
    visit.open("small")
    assert visit.letters() == [pytest.approx(5.5)]
    visit.close()


def test_search_finds_a_page(visit: browser.Visit) -> None:
    visit.complaints.clear()
    visit.open("search")
    visit.page.goto(f"{visit.base}search.html?q=mask")
    visit.page.wait_for_selector("#search-results li a")


def test_a_visit_notices_foreign_requests_and_errors(
    chromium: browser.Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("bad")
    (folder / "bad.html").write_text(
        '<script src="https://example.org/a.js"></script><img src="gone.png">'
        '<script>console.error("told"); undefined.x</script>'
        '<div style="width: 5000px">wide</div>'
    )
    with browser.serve(folder) as address:
        visit = browser.Visit(chromium, address, "light")
        visit.open("bad")
        assert visit.answer(browser.NARROW)["overflow"] > 0
        told = " ".join(visit.complaints)
        visit.close()
    for part in (
        "foreign: https://example.org",
        "HTTP 404",
        "console: told",
        "script:",
    ):
        assert part in told


class Hesitant(browser.Quiet):
    """Keeps an icon back until ``left`` is set; hangs up on a torn picture."""

    left = threading.Event()

    def do_GET(self) -> None:
        if "icon" in self.path:
            self.left.wait(60)
        elif "torn" not in self.path:
            super().do_GET()


def test_an_icon_still_on_its_way_is_no_fault_of_the_next_page(
    chromium: browser.Browser, tmp_path: Path
) -> None:
    (tmp_path / "early.html").write_text('<link rel="icon" href="icon.svg">early')
    (tmp_path / "late.html").write_text('<img src="torn.png">late')
    with browser.serve(tmp_path, Hesitant) as address:
        visit = browser.Visit(chromium, address, "light")
        with visit.page.expect_request("**/icon.svg"):
            visit.open("early")
        visit.open("late")
        # Playwright from 1.65 on tells that the icon was cancelled; ours does not.
        cancelled: Any = SimpleNamespace(url="icon.svg", failure="net::ERR_ABORTED")
        visit._failed(cancelled)
        visit.close()
        Hesitant.left.set()
    failed = [told for told in visit.complaints if told.startswith("failed")]
    assert failed == [f"failed: {address}torn.png (net::ERR_EMPTY_RESPONSE)"]
