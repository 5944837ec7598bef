"""The measure of pages: it counts what a page loads, and finds a fault."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

import dev
from tests import browser, measure

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path, chromium: browser.Browser) -> Iterator[tuple[str, Path]]:
    with browser.serve(tmp_path, measure.Compressed) as base:
        yield base, tmp_path


def test_it_counts_what_a_page_loads_before_fonts(
    folder: tuple[str, Path], chromium: browser.Browser
) -> None:
    base, place = folder
    page = "<link rel=icon href=data:,><link rel=stylesheet href=a.css><p>Words"
    style = "@font-face { font-family: F; src: url(f.woff2) } p { font-family: F }"
    for name, text in (("index.html", page), ("a.css", style), ("f.woff2", "0" * 9000)):
        (place / name).write_text(text, encoding="utf-8")
    found = measure.load(chromium, base, "index")
    texts = [page.encode(), style.encode()]
    assert found["unpacked"] == pytest.approx(sum(map(len, texts)) / 1000)
    assert found["sent"] == pytest.approx(
        sum(len(gzip.compress(each)) for each in texts) / 1000, abs=0.05
    )
    assert found["requests"] == 3
    assert 0 < found["ready"] <= found["loaded"]


def test_it_finds_faults(folder: tuple[str, Path], chromium: browser.Browser) -> None:
    base, place = folder
    text = "<link rel=icon href=data:,><img src=http://host.invalid/a.png width=900>"
    (place / "index.html").write_text(text, encoding="utf-8")
    visit = browser.Visit(chromium, base, "dark")
    found = measure.faults([visit], "index")
    for sign in ("foreign: http", "image-alt", "scrolls sideways", "html-has-lang"):
        assert any(sign in each for each in found), sign
    visit.close()


@pytest.mark.parametrize("page", [*dev.pages(), "search"])
def test_no_page_is_too_heavy(chromium: browser.Browser, page: str) -> None:
    with browser.serve(dev.HTML, measure.Compressed) as base:
        assert measure.load(chromium, base, page)["sent"] <= measure.HEAVIEST
