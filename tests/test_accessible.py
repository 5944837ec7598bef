"""Every page for everybody: WCAG 2.2 AA by axe-core, both themes, wide and narrow."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

import dev
from tests import browser

if browser.find_chromium() is None:
    pytest.skip("no Chromium or Chrome on the PATH", allow_module_level=True)

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],
}
#: One page of each kind; `make test-all` looks at all.
SAMPLE = {
    "index",
    "chapters/expectation",
    "chapters/errors",
    "exercises/expectation/expectation",
    "search",
}
PAGES = [
    pytest.param(name, marks=() if name in SAMPLE else pytest.mark.slow)
    for name in [*dev.pages(), "search"]
]


@pytest.fixture(scope="module", params=["light", "dark"])
def visit(request: pytest.FixtureRequest) -> Iterator[browser.Visit]:
    if not (dev.HTML / "index.html").is_file():
        pytest.fail("The book is not built: run `make book` first.")
    with browser.open_browser() as opened:
        visit = browser.Visit(opened, dev.HTML.as_uri() + "/", request.param)
        yield visit
        visit.close()


def violations(visit: browser.Visit) -> list[str]:
    """Return what axe-core finds on the open page: rule, and the first elements."""
    found: list[dict[str, Any]] = (
        Axe().run(visit.page, options=RULES).response["violations"]
    )
    return [
        f"{each['id']}: {each['help']}: {[n['html'][:160] for n in each['nodes'][:3]]}"
        for each in found
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_barrier(visit: browser.Visit, name: str) -> None:
    for width in (browser.WIDE, browser.NARROW):
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.open(name)
        assert violations(visit) == [], width


def test_a_barrier_is_noticed(visit: browser.Visit) -> None:
    visit.open("index")
    visit.page.evaluate(
        "() => document.querySelector('article').insertAdjacentHTML('beforeend',"
        "'<button></button><p style=\"color:#777;background:#888\">dim</p>')"
    )
    assert {each.partition(":")[0] for each in violations(visit)} >= {
        "button-name",
        "color-contrast",
    }
