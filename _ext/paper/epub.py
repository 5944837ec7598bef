"""The book as an EPUB 3: a ZIP archive of the sheets in XHTML, with formulas in MathML.

Rules: EPUB 3.3, W3C Recommendation; the names of SVG that have capitals: the HTML
standard, "The rules for parsing tokens in foreign content".
"""

import html
import uuid
import zipfile
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from bs4.element import Tag
from sheets import Sheet, linked

_MIMETYPE = "application/epub+zip"
_CONTAINER = """\
<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles>
    <rootfile full-path="book/package.opf"
      media-type="application/oebps-package+xml"/>
  </rootfiles>
</container>
"""
_PAGE = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"
  lang="en" xml:lang="en">
<head>
<title>{title}</title>
<link rel="stylesheet" type="text/css" href="book.css"/>
</head>
<body>
{body}
</body>
</html>
"""
_PACKAGE = """\
<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" xml:lang="en"
  unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:uuid:{identifier}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:language>en</dc:language>
<dc:creator>{author}</dc:creator>
<dc:rights>{rights}</dc:rights>
<meta property="dcterms:modified">{modified}</meta>
</metadata>
<manifest>
<item id="css" href="book.css" media-type="text/css"/>
{items}
</manifest>
<spine>
{spine}
</spine>
</package>
"""
_SVG, _MATHML = "http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"
#: The names of SVG with capitals that figures use.
_CAPITALS = ("viewBox", "preserveAspectRatio", "clipPath", "clipPathUnits")
_CAPITALS += ("patternUnits", "patternTransform", "gradientUnits", "linearGradient")
_CAPITALS += (
    "markerWidth",
    "markerHeight",
    "markerUnits",
    "refX",
    "refY",
    "textLength",
)
_SPELLED = {name.lower(): name for name in _CAPITALS}


def link(name: str, place: str) -> str:
    """Return a link to an anchor, or to the sheet itself, among files."""
    return f"{name}.xhtml" + (f"#{place}" if place else "")


def as_xhtml(article: Tag) -> str:
    """Return the article's content as XHTML."""
    for formula in article.select(".katex"):
        if (math := formula.find("math")) is not None:
            formula.replace_with(math.extract())
    for math in article.find_all("math"):
        math["xmlns"] = _MATHML
    for svg in article.find_all("svg"):
        svg["xmlns"] = _SVG
        for tag in [svg, *svg.find_all(True)]:
            tag.name = _SPELLED.get(tag.name, tag.name)
            tag.attrs = {_SPELLED.get(key, key): tag[key] for key in tag.attrs}
    return linked(article.decode_contents(formatter="minimal"), link)


def page(title: str, body: str) -> str:
    return _PAGE.format(title=html.escape(title), body=body)


def navigation(book: list[Sheet]) -> str:
    """Return the contents: parts, their pages, pages below these, and sections."""
    lines = ['<nav epub:type="toc" id="toc"><h1>Contents</h1>', "<ol>"]
    for part, members in groupby(book, key=lambda sheet: sheet.part):
        tops: list[tuple[Sheet, list[Sheet]]] = []
        for sheet in members:
            if sheet.below and tops:
                tops[-1][1].append(sheet)
            else:
                tops.append((sheet, []))
        entries = [entry(top, below) for top, below in tops]
        if part:
            first = tops[0][0]
            label = f'<a href="{link(first.name, "")}">{html.escape(part)}</a>'
            entries = [f"<li>{label}<ol>{''.join(entries)}</ol></li>"]
        lines += entries
    return "\n".join([*lines, "</ol></nav>"])


def entry(sheet: Sheet, below: list[Sheet]) -> str:
    """Return a page's line of the contents, with what is below it."""
    inner = [
        f'<li><a href="{link(sheet.name, place)}">{html.escape(title)}</a></li>'
        for place, title in sheet.sections()
    ]
    inner += [entry(each, []) for each in below]
    label = f'<a href="{link(sheet.name, "")}">{html.escape(sheet.title)}</a>'
    return f"<li>{label}" + (f"<ol>{''.join(inner)}</ol>" if inner else "") + "</li>"


def package(config: dict[str, Any], pages: dict[str, str], modified: datetime) -> str:
    """Return the package document: what the book is, its files, and their order."""
    items = []
    for name, text in pages.items():
        has = [("nav", name == "contents"), ("mathml", "<math" in text)]
        has.append(("svg", "<svg" in text))
        properties = " ".join(word for word, there in has if there)
        said = f' properties="{properties}"' if properties else ""
        kind = 'media-type="application/xhtml+xml"'
        items.append(f'<item id="{name}" href="{name}.xhtml" {kind}{said}/>')
    title, author = html.escape(config["title"]), html.escape(config["author"])
    return _PACKAGE.format(
        identifier=uuid.uuid5(uuid.NAMESPACE_URL, f"{title}, {author}"),
        title=title,
        author=author,
        rights=html.escape(f"© {config['copyright']} {config['author']}"),
        modified=modified.strftime("%Y-%m-%dT%H:%M:%SZ"),
        items="\n".join(items),
        spine="\n".join(f'<itemref idref="{name}"/>' for name in pages),
    )


def write_epub(
    path: Path, book: list[Sheet], looks: str, config: dict[str, Any], front: str,
    built: datetime,
) -> None:  # fmt: skip
    """Write the sheets, which then have the form of XHTML, to ``path``. ``looks`` is the
    stylesheet, ``config`` the book's, ``front`` the title page."""
    pages = {"title": page(config["title"], front)}
    pages["contents"] = page("Contents", navigation(book))
    pages |= {each.name: page(each.title, as_xhtml(each.article)) for each in book}
    files = {
        "META-INF/container.xml": _CONTAINER,
        "book/package.opf": package(config, pages, built),
        "book/book.css": looks,
        **{f"book/{name}.xhtml": text for name, text in pages.items()},
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        # First, and as it is: by it programs know the format.
        archive.writestr(zipfile.ZipInfo("mimetype"), _MIMETYPE)
        for name, text in files.items():
            archive.writestr(name, text.encode("utf-8"), zipfile.ZIP_DEFLATED)
