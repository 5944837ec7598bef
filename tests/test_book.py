"""The built book: complete, self-contained, readable, without a dead link."""

import math
import re
from pathlib import Path

import pytest

import dev
from autograder.contract.exercise import Exercise, all_exercises
from autograder.contract.mistakes import Mistake, all_mistakes, page_of
from tests import pages

NAMES = [*dev.pages(), "search", "genindex"]
#: Formulas and figures are in the page itself, so it cannot be very small.
MOST_BYTES = 300_000
every_page = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="session", autouse=True)
def built_book() -> None:
    if not (dev.HTML / "index.html").is_file():
        pytest.fail("The book is not built: run `make book` first.")


def path_of(name: str) -> Path:
    return dev.HTML / f"{name}.html"


def read(name: str) -> str:
    return path_of(name).read_text(encoding="utf-8")


@every_page
def test_every_page_of_the_contents_exists(name: str) -> None:
    assert path_of(name).is_file()


def test_every_file_of_pages_is_in_the_contents() -> None:
    built = {p.relative_to(dev.HTML).with_suffix("").as_posix() for p in all_pages()}
    assert built == set(NAMES)


def all_pages() -> list[Path]:
    found = dev.HTML.rglob("*.html")
    return [p for p in found if "_static" not in p.parts and "_sources" not in p.parts]


@every_page
def test_a_page_asks_no_other_host(name: str) -> None:
    assert pages.foreign_requests(read(name)) == []


def test_no_stylesheet_asks_another_host() -> None:
    sheets = list((dev.HTML / "_static").rglob("*.css"))
    assert sheets
    for sheet in sheets:
        addresses = pages.fetched_by_css(sheet.read_text(encoding="utf-8"))
        assert [a for a in addresses if pages.is_foreign(a)] == [], sheet


def test_every_font_and_picture_of_our_stylesheets_is_there() -> None:
    for sheet in (dev.HTML / "_static/katex/katex.css", dev.HTML / "_static/book.css"):
        for address in pages.fetched_by_css(sheet.read_text(encoding="utf-8")):
            assert (sheet.parent / address).is_file(), address


@every_page
def test_all_math_is_set(name: str) -> None:
    assert pages.unset_math(read(name)) == []


@every_page
def test_pictures_have_words(name: str) -> None:
    assert pages.without_words(read(name)) == []


@every_page
def test_no_internal_link_is_dead(name: str) -> None:
    assert pages.dead_links(read(name), path_of(name), dev.HTML) == []


@every_page
def test_figures_find_their_parts(name: str) -> None:
    assert pages.lost_in_figures(read(name)) == []


@every_page
def test_no_cell_printed_a_warning(name: str) -> None:
    assert pages.printed_trouble(read(name)) == []


@every_page
def test_a_page_is_not_too_heavy(name: str) -> None:
    assert len(read(name).encode()) <= MOST_BYTES


@every_page
def test_a_page_names_no_path_of_the_machine_that_built_it(name: str) -> None:
    assert str(dev.ROOT) not in read(name)


@pytest.mark.parametrize("name", dev.pages())
def test_a_page_has_one_title_and_a_language(name: str) -> None:
    soup = pages.parse(read(name))
    assert soup.html is not None and soup.html.get("lang") == "en"
    assert len(soup.select("article h1")) == 1


@pytest.mark.parametrize("exercise", all_exercises(), ids=lambda e: e.name)
def test_the_page_that_explains_an_exercise_is_in_the_book(exercise: Exercise) -> None:
    assert f"chapters/{exercise.chapter}" in NAMES
    assert f"exercises/{exercise.chapter}/{exercise.chapter}" in NAMES
    assert_is_in_the_book(page_of(exercise.section))


@pytest.mark.parametrize("mistake", all_mistakes().values(), ids=lambda m: m.name)
def test_the_section_that_a_verdict_points_to_is_in_the_book(mistake: Mistake) -> None:
    if mistake.section is not None:  # then the exercise's own section serves
        assert_is_in_the_book(page_of(mistake.section))


def assert_is_in_the_book(address: str) -> None:
    file, _, target = address.partition("#")
    html = (dev.HTML / file).read_text(encoding="utf-8")
    assert pages.parse(html).find(id=target) is not None, address


@every_page
def test_every_caption_has_its_number(name: str) -> None:
    soup = pages.parse(read(name))
    title = soup.select_one("h1 .section-number")
    chapter = title.get_text().strip() if title else ""
    for place, caption in enumerate(soup.select("figcaption"), start=1):
        number = caption.select_one(".caption-number")
        assert number is not None
        assert number.get_text().strip() == f"Figure {chapter}{place}."


def test_chapters_are_numbered_in_order() -> None:
    numbers = [
        title.get_text().strip()
        for name in dev.pages()
        if (title := pages.parse(read(name)).select_one("h1 .section-number"))
    ]
    assert len(numbers) >= 10
    assert numbers == [f"{place}." for place in range(1, len(numbers) + 1)]


def test_formulas_are_there_to_be_set() -> None:
    assert any('class="katex"' in read(name) for name in NAMES)


def test_series_colours_stand_out_in_light_and_dark() -> None:
    css = (dev.ROOT / "assets/book.css").read_text(encoding="utf-8")
    light, dark = css.split('html[data-theme="dark"]', maxsplit=1)
    for theme, background, text in (
        (light, "#ffffff", "#222832"),
        (dark, "#121212", "#ced6dd"),
    ):
        colours = re.findall(r"--series-\d: (#[0-9a-f]{6});", theme)
        assert len(set(colours)) == 6
        for colour in colours:
            assert pages.contrast(colour, background) >= 3, colour
            # Not to be taken for an axis or a letter.
            assert math.dist(parts(colour), parts(text)) >= 60, colour


def parts(colour: str) -> bytes:
    """Return red, green and blue of "#rrggbb"."""
    return bytes.fromhex(colour[1:])


# ---- The checks themselves ----------------------------------------------------------


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://example.org/a.js"></script>',
        '<script src="//example.org/a.js"></script>',
        '<link rel="stylesheet" href="http://example.org/a.css">',
        '<link rel="preconnect" href="https://example.org">',
        '<img alt="words" src="https://example.org/a.png">',
        '<img alt="words" srcset="https://example.org/a.png 2x">',
        '<iframe src="https://example.org"></iframe>',
        '<svg><use href="https://example.org/a.svg#b"/></svg>',
        "<style>@import 'https://example.org/a.css';</style>",
        "<style>p { background: url(https://example.org/a.png) }</style>",
        '<p style="background: url(https://example.org/a.png)">text</p>',
        '<script>const URL = "https://unpkg.com/thebe";</script>',
    ],
)
def test_a_foreign_request_is_noticed(html: str) -> None:
    assert pages.foreign_requests(html)


def test_links_and_local_files_are_no_foreign_requests() -> None:
    html = (
        '<a href="https://example.org">there</a><script src="../a.js?v=1"></script>'
        '<link rel="next" href="https://example.org"><img src="data:image/png;base64,">'
    )
    assert pages.foreign_requests(html) == []


@pytest.mark.parametrize(
    "html",
    [
        r'<span class="math">\(p\)</span>',
        r"<p>Let \(p\) be</p>",
        r"<p>\[ a \]</p>",
        r"<p>the \frac{a}{b} of</p>",
        "<p>Let $p$ be</p>",
        "<p>$$ a $$</p>",
        "<p>see {eq}`here`</p>",
        "<p>about {glue:text}`exp_sum`</p>",
        '<span class="katex-error">\\fra</span>',
    ],
)
def test_unset_math_is_noticed(html: str) -> None:
    assert pages.unset_math(html)


def test_set_math_and_code_are_no_unset_math() -> None:
    html = (
        '<span class="math"><span class="katex"><annotation>\\frac{a}{b}</annotation>'
        "</span></span><code>$HOME \\n \\frac</code><pre>print('$a$')</pre>"
    )
    assert pages.unset_math(html) == []


@pytest.mark.parametrize(
    "html",
    [
        '<img src="_images/3f2a.png">',
        '<img src="_images/3f2a.png" alt=" ">',
        '<img src="_images/3f2a.png" alt="3f2a.png">',
        '<img src="a/b.png" alt="_images/3f2a.png">',
        '<figure class="themed"><div role="img"><svg></svg></div></figure>',
        '<figure class="themed"><div role="img" aria-label="Figure"></div></figure>',
        '<figure class="themed"><svg></svg></figure>',
    ],
)
def test_a_picture_without_words_is_noticed(html: str) -> None:
    assert pages.without_words(html)


def test_a_picture_with_words_is_fine() -> None:
    html = (
        '<img src="a.png" alt="Two heaps, one at 0."><figure class="themed wide">'
        '<div role="img" aria-label="Two heaps, and one of them at 0."></div></figure>'
    )
    assert pages.without_words(html) == []


def test_dead_links_are_noticed_and_live_ones_are_not(tmp_path: Path) -> None:
    other = tmp_path / "b/other.html"
    other.parent.mkdir()
    other.write_text('<h1 id="top">x</h1><a name="old"></a>')
    page = tmp_path / "page.html"
    page.write_text("")
    live = ["b/other.html", "b/other.html#top", "b/other.html#old", "#", "page.html"]
    dead = ["c.html", "b/other.html#gone", "#gone", "../outside.html", "b"]
    html = "".join(f'<a href="{a}">x</a>' for a in [*live, "https://example.org/x"])
    assert pages.dead_links(html, page, tmp_path) == []
    for address in dead:
        assert pages.dead_links(f'<a href="{address}">x</a>', page, tmp_path), address
    assert pages.dead_links('<img alt="x" src="gone.png">', page, tmp_path)


@pytest.mark.parametrize(
    "html",
    [
        '<svg><use href="#mark"/></svg>',
        '<svg><path style="fill:url(#hatch)"/></svg>',
        '<svg><path id="mark"/></svg><svg><use href="#mark"/></svg>',
        '<svg><path id="mark"/><path id="mark"/></svg>',
    ],
)
def test_a_lost_part_of_a_figure_is_noticed(html: str) -> None:
    assert pages.lost_in_figures(f'<figure class="themed">{html}</figure>')


def test_a_figure_with_all_its_parts_is_fine() -> None:
    svg = '<svg><path id="a" clip-path="url(#b)"/><clipPath id="b"/><use href="#a"/></svg>'
    assert not pages.lost_in_figures(f'<figure class="themed">{svg}</figure>')


def test_printed_warnings_are_noticed() -> None:
    assert pages.printed_trouble('<div class="output stderr">Warning: x</div>')
    assert pages.printed_trouble('<div class="output traceback">Error</div>')
    assert not pages.printed_trouble('<div class="output stream">fine</div>')


def test_contrast_is_that_of_the_guidelines() -> None:
    assert pages.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert pages.contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
