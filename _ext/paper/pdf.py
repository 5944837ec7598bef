"""The book as a PDF: one HTML file of all sheets, printed by Chromium."""

import html
import re
import shutil
import tempfile
from itertools import groupby
from pathlib import Path

from playwright.sync_api import Browser, Error, sync_playwright
from sheets import PaperError, Sheet, linked, slug

#: Milliseconds that Chromium may take to print.
_PATIENCE = 600_000

_PAGES = """
@page {
  size: A4;
  margin: 22mm 20mm;
  @bottom-center { content: counter(page); font: 9pt sans-serif; color: #48566b; }
}
@page front { @bottom-center { content: none; } }
html { font-size: 10pt; }
* { box-sizing: border-box; }
body { margin: 0; font-family: "Charis SIL", Charter, Georgia, "Liberation Serif",
  "DejaVu Serif", serif; }
.front { page: front; }
.sheet, .front, nav { break-before: page; }
.title-page { break-before: auto; padding-top: 60mm; }
nav li { display: flow-root; }
nav li b { float: right; font-weight: normal; }
.sd-row { display: flex; gap: 1em; }
.sd-row > .sd-col { flex: 1 1 0; }
h1, h2, h3, h4, h5, h6 { white-space: pre-wrap; }
:is(h1, h2, h3, h4, h5, h6) .katex-mathml { display: none; }
.katex { font-size: 1.1em; }
.katex-display { margin: 0; }
p, li { orphans: 2; widows: 2; }
.part > h1 { padding-top: 70mm; font-size: 2.2em; text-align: center; }
a.external[href^="http"]::after { content: " (" attr(href) ")"; font-size: 0.75em;
  overflow-wrap: anywhere; }
"""


def find_chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
    return next(filter(None, map(shutil.which, names)), None)


def anchor(name: str, place: str) -> str:
    """Return a link to an anchor, or to the sheet itself, in one file."""
    return f"#{place or name}"


def lowered(body: str, by: int) -> str:
    """Return a sheet with its headings lowered: those of a chapter in a part, or of what
    is below a chapter."""
    return re.sub(
        r"<(/?)h([1-6])\b", lambda m: f"<{m[1]}h{min(int(m[2]) + by, 6)}", body
    )


def running_head(sheet: Sheet) -> str:
    """Return the style of a sheet's pages: its title stands above the text."""
    title = sheet.title.replace("\\", "\\\\").replace('"', '\\"')
    look = "font: 9pt sans-serif; color: #48566b;"
    return (
        f'@page {sheet.name} {{ @top-right {{ content: "{title}"; {look} }} }}\n'
        f"#{sheet.name} {{ page: {sheet.name}; }}\n"
    )


def list_of(book: list[Sheet]) -> str:
    """Return the contents as nested lists: parts, their pages, and pages below these."""
    lines = ["<nav class='front'><h1>Contents</h1><ol>"]
    for part, members in groupby(book, key=lambda sheet: sheet.part):
        if part:
            lines.append(f"<li class='part'>{html.escape(part)}</li>")
        for sheet in members:
            # The <b> waits for the page number.
            entry = f'<a href="#{sheet.name}">{html.escape(sheet.title)}</a><b></b>'
            entry = f"<ol><li>{entry}</li></ol>" if sheet.below else entry
            lines.append(f"<li>{entry}</li>")
    return "\n".join([*lines, "</ol></nav>"])


def one_file(book: list[Sheet], looks: str, katex: str, title: str, front: str) -> str:
    """Return the sheets as one HTML file; their headings then have its levels. ``looks``
    is the stylesheet, ``katex`` the address of KaTeX's, ``front`` the title page."""
    heads = "".join(running_head(sheet) for sheet in book)
    pieces = [front, list_of(book)]
    for part, members in groupby(book, key=lambda sheet: sheet.part):
        if part:
            name = f"part-{slug(part.lower().replace(' ', '-'))}"
            heading = f"<h1>{html.escape(part)}</h1>"
            pieces.append(f'<div class="part front" id="{name}">{heading}</div>')
        for sheet in members:
            body = sheet.article.decode_contents(formatter="minimal")
            body = lowered(body, bool(part) + sheet.below)
            pieces.append(f'<div class="sheet" id="{sheet.name}">{body}</div>')
    return linked(
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title>"
        f'<link rel="stylesheet" href="{katex}">'
        f"<style>{looks}{_PAGES}{heads}</style></head>"
        f"<body>{''.join(pieces)}</body></html>",
        anchor,
    )


def page_numbers(pdf: bytes) -> dict[str, int]:
    """Return the page, from 1, of every anchor that a link of a PDF of Chromium leads to.

    Chromium writes both as plain text: the catalogue's ``/Dests``, and the tree of pages
    (ISO 32000-1, 7.7.3 and 12.3.2.3)."""
    objects = dict(re.findall(rb"(?s)(?<=\n)(\d+) 0 obj\n(<<.*?)\nendobj", pdf))

    def leaves(number: bytes) -> list[bytes]:
        kids = re.search(rb"/Kids\s*\[([^\]]*)\]", objects[number])
        if kids is None:
            return [number]
        inner = re.findall(rb"(\d+) 0 R", kids[1])
        return [leaf for kid in inner for leaf in leaves(kid)]

    catalogue = re.search(rb"/Type /Catalog\s*/Pages (\d+) 0 R\s*/Dests (\d+) 0 R", pdf)
    if catalogue is None:
        return {}
    order = {leaf: place for place, leaf in enumerate(leaves(catalogue[1]), start=1)}
    named = re.findall(rb"/([\w-]+) \[(\d+) 0 R /XYZ", objects[catalogue[2]])
    return {name.decode(): order[page] for name, page in named if page in order}


def with_numbers(page: str, numbers: dict[str, int]) -> str:
    """Put page numbers behind the entries of the contents."""
    return re.sub(
        r'(<a href="#([\w-]+)">[^<]*</a>)<b></b>',
        lambda m: f"{m[1]}<b>{numbers.get(m[2], '')}</b>",
        page,
    )


def print_pdf(page: str, path: Path) -> None:
    """Let Chromium print an HTML text to ``path``, with an outline and tags. It prints
    twice: the first time shows which pages the contents must name.

    Raises ``PaperError`` without Chromium, or with its complaint."""
    program = find_chromium()
    if program is None:
        raise PaperError(
            "The PDF needs Chromium or Chrome, and none is on the PATH: install one (on "
            "Debian and Ubuntu: apt install chromium), then run the same command again."
        )
    arguments = ["--no-sandbox", "--disable-gpu"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        source = Path(folder, "book.html")
        try:
            browser = playwright.chromium.launch(
                executable_path=program, args=arguments
            )
            draft = printed(browser, page, source, final=False)
            numbered = with_numbers(page, page_numbers(draft))
            path.write_bytes(printed(browser, numbered, source, final=True))
            browser.close()
        except Error as error:
            raise PaperError(f"Chromium could not print: {error.message}") from error


def printed(browser: Browser, page: str, source: Path, *, final: bool) -> bytes:
    """Return an HTML text, written to ``source``, as a PDF; the outline and the tags are
    in the ``final`` one alone."""
    source.write_text(page, encoding="utf-8")
    tab = browser.new_page()
    tab.set_default_timeout(_PATIENCE)
    tab.goto(source.as_uri(), wait_until="load")
    tab.evaluate("document.fonts.ready.then(() => true)")
    pdf = tab.pdf(
        prefer_css_page_size=True, print_background=True, outline=final, tagged=final
    )
    tab.close()
    return pdf
