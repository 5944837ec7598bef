"""The whole book as an EPUB and as a PDF: order, links, formulas, figures."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import dev

sys.path.insert(0, str(dev.ROOT / "_ext/paper"))

import epub
import pdf
import sheets

TOC = """\
format: jb-book
root: index
parts:
  - caption: First & last
    chapters:
      - file: chapters/one
        sections:
          - file: exercises/one/one
  - caption: To look things up
    chapters:
      - file: chapters/two
"""
ONE = """<html><body><nav>not this</nav><article>
<section id="one"><h1><span class="section-number">1. </span>One<a
class="headerlink" href="#one">#</a></h1>
<section id="half"><h2>A half of <span class="katex"><span class="katex-mathml"
><math><mi>p</mi></math></span><span class="katex-html">p</span></span></h2>
<div class="live" data-exercise="x"></div>
<div class="cell tag_hide-input"><details><summary>Show code</summary><pre>plot()</pre>
</details><figure><svg viewBox="0 0 1 1"><defs><clipPath id="c"/></defs>
<path/><path d="M0 0" style="fill:var(--series-1)" clip-path="url(#c)"/>
<use href="#c"/></svg></figure></div>
<details class="sd-dropdown"><summary>Answer</summary><p>Seven.</p></details>
<p>See <a href="two.html#half">there</a>, <a href="#half">here</a>, <a
href="../exercises/one/one.html">the exercises</a>, <a class="download" download=""
href="../exercises/one/one.ipynb">the notebook</a>, <a href="https://example.org">x</a>,
<a href="../genindex.html">the index</a>.</p></section></section></article></body></html>
"""
PLAIN = """<article><section id="{0}"><h1>{0}</h1><p><strong>Licence.</strong> Free.</p>
<section id="half"><h2>Half</h2></section></section></article>"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A built book of four pages, with ``_toc.yml`` beside them."""
    pages = {"chapters/one": ONE}
    for name in ("index", "chapters/two", "exercises/one/one"):
        pages[name] = PLAIN.format(name.rpartition("/")[2])
    for name, text in pages.items():
        path = tmp_path / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in ("figures/figures.css", "pygments.css", "katex/katex.css"):
        path = tmp_path / "_static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('html[data-theme="light"] .k { color: #00f }\n')
    (tmp_path / "_static/book.css").write_text("html {\n  --series-1: #1f6fb4;\n}\n")
    (tmp_path / "_toc.yml").write_text(TOC)
    return tmp_path


def read(folder: Path) -> list[sheets.Sheet]:
    return sheets.sheets(folder, folder / "_toc.yml")


def test_sheets_come_in_the_order_of_the_contents(small: Path) -> None:
    book = read(small)
    assert [(each.page, each.part, each.below) for each in book] == [
        ("index", "", False),
        ("chapters/one", "First & last", False),
        ("exercises/one/one", "First & last", True),
        ("chapters/two", "To look things up", False),
    ]
    assert book[1].title == "1. One"
    assert list(book[1].sections()) == [("chapters-one--half", "A half of p")]


def test_a_sheet_shows_answers_and_nothing_to_click(small: Path) -> None:
    article = read(small)[1].article
    assert not article.select("details, summary, .live, .headerlink, button")
    assert "Seven." in article.get_text()
    assert "plot()" not in article.get_text()
    assert "#1f6fb4" in str(article)
    assert "var(" not in str(article)


def test_links_lead_to_sheets_or_are_text(small: Path) -> None:
    article = sheets.linked(str(read(small)[1].article), pdf.anchor)
    assert re.findall(r'<a [^>]*href="([^"]*)"', article) == [
        "#chapters-two--half",
        "#chapters-one--half",
        "#exercises-one-one",
        "https://example.org",
    ]
    assert "the notebook" in article
    assert "the index" in article


def test_a_missing_page_is_named(small: Path) -> None:
    (small / "chapters/two.html").unlink()
    with pytest.raises(
        sheets.PaperError, match=r"two\.html is missing: run python dev"
    ):
        read(small)


def test_rules_are_spelled_out() -> None:
    css = "a :is(b, .c) {\n  fill: none;\n}\nd { e: f }"
    assert sheets.spelled_out(css).startswith("a b, a .c {\n  fill")


# ---- EPUB ---------------------------------------------------------------------------


def write(folder: Path, toc: Path, path: Path) -> Path:
    config: dict[str, Any] = {"title": "T & T", "author": "we", "copyright": "2026"}
    built = datetime(2026, 1, 2, tzinfo=UTC)
    book, looks = sheets.sheets(folder, toc), sheets.stylesheet(folder)
    epub.write_epub(path, book, looks, config, "<h1>T</h1>", built)
    return path


def offences(path: Path) -> list[str]:
    """Return what is wrong with an EPUB: files, names of places, and links."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        texts = {n: archive.read(n).decode() for n in names if n.startswith("book/")}
        first = archive.infolist()[0]
    found = (
        [] if (first.filename, first.compress_type) == ("mimetype", 0) else ["first"]
    )
    trees = {n: ElementTree.fromstring(t) for n, t in texts.items() if n[-3:] != "css"}
    package = trees.pop("book/package.opf")
    items = [e for e in package.iter() if e.tag.endswith("}item")]
    if {f"book/{item.get('href')}" for item in items} != texts.keys() - {
        "book/package.opf"
    }:
        found.append("the manifest lists other files than there are")
    places = {n: [i for e in t.iter() if (i := e.get("id"))] for n, t in trees.items()}
    for name, ids in places.items():
        found += [
            f"{name}: {i} twice" for i, count in Counter(ids).items() if count > 1
        ]
    for name, tree in trees.items():
        for link in (e.get("href", "") for e in tree.iter() if e.get("href")):
            file, _, place = link.partition("#")
            target = f"book/{file}" if file else name
            lands = target in places and (not place or place in places[target])
            if not (":" in link or lands or file == "book.css"):
                found.append(f"{name}: {link}")
        found += [f"{name}: {v}" for v in re.findall(r"var\(--[\w-]+\)", texts[name])]
    return found


def test_an_epub_is_whole(small: Path, tmp_path: Path) -> None:
    path = write(small, small / "_toc.yml", tmp_path / "small.epub")
    assert offences(path) == []
    with zipfile.ZipFile(path) as archive:
        one = archive.read("book/chapters-one.xhtml").decode()
        listed = archive.read("book/contents.xhtml").decode()
        package = archive.read("book/package.opf").decode()
    assert 'xmlns="http://www.w3.org/1998/Math/MathML"' in one
    assert "viewBox=" in one
    assert "<clipPath " in one
    assert "katex" not in one
    assert re.findall(r">([^<>]+)</a>", listed) == [
        *("index", "Half", "First &amp; last", "1. One", "A half of p", "one", "Half"),
        *("To look things up", "two", "Half"),
    ]
    assert 'href="chapters-one.xhtml" media-type="application/xhtml+xml" ' in package
    assert 'properties="mathml svg"' in package
    assert "<dc:title>T &amp; T</dc:title>" in package


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book that was built, as an EPUB."""
    if not (dev.HTML / "index.html").is_file():
        pytest.fail("The book is not built: run `make book` first.")
    folder = tmp_path_factory.mktemp("epub")
    return write(dev.HTML, dev.ROOT / "_toc.yml", folder / "book.epub")


def test_the_books_epub_is_whole(whole: Path) -> None:
    assert offences(whole) == []
    with zipfile.ZipFile(whole) as archive:
        names = {name for name in archive.namelist() if name.endswith(".xhtml")}
        texts = [archive.read(name).decode() for name in names]
    listed = {f"book/{sheets.slug(page)}.xhtml" for page in dev.pages()}
    assert names == listed | {"book/title.xhtml", "book/contents.xhtml"}
    built = [(dev.HTML / f"{p}.html").read_text("utf-8") for p in dev.pages()]
    formulas = sum(page.count('class="katex"') for page in built)
    assert sum(text.count("</math>") for text in texts) == formulas
    figures = sum(page.count("</figure>") for page in built)
    assert sum(text.count("</figure>") for text in texts) == figures


@pytest.mark.slow
def test_epubcheck_finds_nothing(whole: Path) -> None:
    program, java = Path("/usr/bin/epubcheck"), shutil.which("java")
    if not program.is_file() or java is None:
        pytest.skip("no epubcheck (on Debian: apt install epubcheck)")
    command = [java, "-jar", str(program), str(whole)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- PDF ----------------------------------------------------------------------------


def test_a_pdf_has_an_outline_and_the_contents_its_pages(
    small: Path, tmp_path: Path
) -> None:
    if pdf.find_chromium() is None:
        pytest.skip("no Chromium or Chrome on the PATH")
    katex = (small / "_static/katex/katex.css").as_uri()
    looks = sheets.stylesheet(small)
    front = '<div class="title-page front"><h1>T</h1></div>'
    text = pdf.one_file(read(small), looks, katex, "T", front)
    path = tmp_path / "small.pdf"
    pdf.print_pdf(text, path)
    data = path.read_bytes()
    outline = re.findall(rb"/Title \(([^)]*)\)\s*/Dest", data)
    wanted = b"T/Contents/index/First & last/1. One/A half of p/one/Half/two/Half"
    assert sorted(outline) == sorted(
        [*wanted.split(b"/"), b"To look things up", b"Half"]
    )
    assert b"/StructTreeRoot" in data
    numbers = pdf.page_numbers(data)
    order = ["index", "chapters-one", "exercises-one-one", "chapters-two"]
    # Title, contents, and a page with a part's name before each part.
    assert [numbers[name] for name in order] == [3, 5, 6, 8]
    filled = pdf.with_numbers(text, numbers)
    assert '<a href="#chapters-two">two</a><b>8</b>' in filled


def test_headings_are_lowered_and_code_is_not() -> None:
    assert pdf.lowered("<h1>A</h1><h6>&lt;h1&gt;</h6>", 1) == (
        "<h2>A</h2><h6>&lt;h1&gt;</h6>"
    )


def test_without_chromium_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "find_chromium", lambda: None)
    with pytest.raises(sheets.PaperError, match="apt install chromium"):
        pdf.print_pdf("<p>x</p>", tmp_path / "x.pdf")
