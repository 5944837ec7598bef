"""Pages for everybody (axe-core, WCAG 2.2 AA), search, downloads and paper."""

from collections.abc import Iterator

import pytest

import dev
from tests import axe, browser

#: A page of each kind; the slow test has them all.
SAMPLE = ["chapters/why", "exercises/energy/energy"]


@pytest.mark.parametrize("width", [browser.WIDE, browser.NARROW])
@pytest.mark.parametrize("name", SAMPLE)
def test_a_page_of_each_kind_is_for_everybody(
    visit: browser.Visit, name: str, width: int
) -> None:
    assert axe.offences(visit, name, width) == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [browser.WIDE, browser.NARROW])
@pytest.mark.parametrize("name", [*dev.pages(), "search", "genindex"])
def test_every_page_is_for_everybody(
    visit: browser.Visit, name: str, width: int
) -> None:
    assert axe.offences(visit, name, width) == []


def test_axe_notices_a_picture_without_words(visit: browser.Visit) -> None:
    visit.open("index")
    visit.page.evaluate("document.querySelector('article').append(new Image())")
    found = axe.violations(visit)
    assert any(each.startswith("image-alt") for each in found)


def test_a_table_that_scrolls_is_reached_by_keys(visit: browser.Visit) -> None:
    boxes = ".pst-scrollable-table-container"
    stops = f"""() => [...document.querySelectorAll("{boxes}")].map((box) =>
      [box.scrollWidth > box.clientWidth, box.tabIndex === 0])"""
    found = {}
    for width in (browser.NARROW, browser.WIDE):
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.open("chapters/experiments")
        found[width] = visit.page.evaluate(stops)
        assert all(wide == stop for wide, stop in found[width])
    assert [True, True] in found[browser.NARROW]
    assert [False, False] in found[browser.WIDE]


# ---- Search -------------------------------------------------------------------------


@pytest.fixture(params=["file", "http"])
def searching(
    request: pytest.FixtureRequest, chromium: browser.Browser
) -> Iterator[browser.Visit]:
    """A visit of the book over file:// and over HTTP."""
    with browser.serve(dev.HTML) as address:
        base = address if request.param == "http" else dev.HTML.as_uri() + "/"
        opened = browser.Visit(chromium, base, "light")
        yield opened
        opened.close()


def test_search_shows_the_passage_and_lands_at_it(searching: browser.Visit) -> None:
    page = searching.page
    page.goto(f"{searching.base}search.html?q=mask")
    passage = page.locator("#search-results li .context").first
    passage.wait_for()
    assert "mask" in passage.inner_text().lower()
    assert passage.locator(".highlighted").count() > 0
    link = page.locator("#search-results li:has(.context) a").first
    anchor = (link.get_attribute("href") or "").partition("#")[2]
    assert anchor
    link.click()
    page.wait_for_selector("article .highlighted")
    assert page.url.endswith(f"#{anchor}")
    assert page.locator(f"[id='{anchor}']").count() == 1
    assert searching.complaints == []


def test_passages_have_no_code() -> None:
    passages = (dev.HTML / "search-passages.js").read_text(encoding="utf-8")
    assert "The effective count" in passages
    for code in ("import numpy", "np.random.default_rng(", "plt.subplots("):
        assert code not in passages, code


def test_the_magnifier_covers_no_letter(searching: browser.Visit) -> None:
    searching.page.goto(f"{searching.base}search.html?q=mask")
    box = searching.page.locator("article form.bd-search, .bd-search-container form")
    icon = box.first.locator("i, svg").first.bounding_box()
    field = box.first.locator("input[type=search]").first
    padding = field.evaluate("(e) => parseFloat(getComputedStyle(e).paddingLeft)")
    place = field.bounding_box()
    assert icon and place
    assert icon["x"] + icon["width"] <= place["x"] + padding


# ---- Take away ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("chapters/why", "a.btn-download-source-button"),
        ("chapters/why", "a.btn-download-notebooks-button"),
        ("exercises/energy/energy", "a.btn-download-source-button"),
    ],
)
def test_a_download_brings_the_file(
    searching: browser.Visit, name: str, link: str
) -> None:
    searching.open(name)
    searching.page.locator(".dropdown-download-buttons > button").first.click()
    button = searching.page.locator(link).first
    address = (button.get_attribute("href") or "").lstrip("./")
    with searching.page.expect_download() as awaited:
        button.click()
    assert awaited.value.suggested_filename == address.rpartition("/")[2]
    assert awaited.value.path().read_bytes() == (dev.HTML / address).read_bytes()
    assert searching.complaints == []


def test_paper_has_no_navigation_and_every_box_open(visit: browser.Visit) -> None:
    visit.open("chapters/why")
    visit.page.emulate_media(media="print")
    theme = "document.documentElement.dataset.theme"
    visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert visit.page.evaluate(theme) == "light"
    assert visit.page.locator(".bd-article details:not([open])").count() == 0
    for hidden in (".bd-sidebar-primary", ".bd-header-article", ".prev-next-footer"):
        assert not visit.page.locator(hidden).first.is_visible(), hidden
    visit.page.evaluate("dispatchEvent(new Event('afterprint'))")
    visit.page.emulate_media(media="screen")
    assert visit.page.evaluate(theme) == visit.scheme
    assert visit.page.locator(".bd-article details:not([open])").count() > 0
