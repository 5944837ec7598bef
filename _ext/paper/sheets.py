"""The pages of the built book as sheets of one whole, in the order of ``_toc.yml``.

A sheet is a page without what only a screen needs: click-boxes are open, places to type
and buttons are gone. Names of places are unique in the whole book, and links among pages
lead to them.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup
from bs4.element import Tag
from sphinx_external_toc.parsing import parse_toc_yaml

#: What a page shows to work with, what leads to a page below it, and code that nobody
#: reads along with the text: it draws the figures, and stands behind a click.
_FOR_SCREENS = (
    ".headerlink, .toctree-wrapper, .live, .sd-btn, .sd-summary-state-marker, "
    ".tag_hide-input > details, details.hide > summary, script, style, button"
)
#: Attributes that say something to scripts and keyboards alone.
_IDLE = re.compile(r"data-|tabindex$|download$")
_NAMING = ("aria-labelledby", "aria-describedby", "for", "headers")


class PaperError(Exception):
    """The book cannot be put together; the message says why, and what to do."""


@dataclass
class Sheet:
    """One page: its place in the contents, and what it says."""

    page: str
    part: str
    below: bool
    article: Tag

    @property
    def name(self) -> str:
        """The page's name as an anchor or a file name."""
        return slug(self.page)

    @property
    def title(self) -> str:
        heading = self.article.find("h1")
        return words(heading) if isinstance(heading, Tag) else self.page

    def sections(self) -> Iterator[tuple[str, str]]:
        """Yield anchor and title of the page's sections."""
        for section in self.article.select("section[id] > h2"):
            assert section.parent is not None
            yield str(section.parent["id"]), words(section)


def slug(page: str) -> str:
    return page.replace("/", "-")


def words(tag: Tag) -> str:
    return " ".join(spoken(tag).split())


def spoken(tag: Tag) -> str:
    """Return the text of a heading, with each formula once (KaTeX writes it twice)."""
    copy = BeautifulSoup(str(tag), "html.parser")
    for shown in copy.select(".katex-html"):
        shown.decompose()
    return copy.get_text()


# ---- The order ----------------------------------------------------------------------


def contents(toc: Path) -> Iterator[tuple[str, str, bool]]:
    """Yield page, caption of its part ("" for the first page), and whether it belongs
    below the page before it."""
    site = parse_toc_yaml(toc)
    yield site.root.docname, "", False

    def pages_of(
        trees: list, part: str, below: bool
    ) -> Iterator[tuple[str, str, bool]]:
        for tree in trees:
            caption = part or tree.caption or ""
            for page in map(str, tree.items):
                yield page, caption, below
                if page in site:
                    yield from pages_of(site[page].subtrees, caption, True)

    yield from pages_of(site.root.subtrees, "", False)


def sheets(html: Path, toc: Path) -> list[Sheet]:
    """Return the sheets of the book in the folder ``html``; ``linked`` finishes links.

    Raises ``PaperError`` if a page is not built."""
    listed = list(contents(toc))
    names = {page for page, _, _ in listed}
    colours = palette((html / "_static/book.css").read_text(encoding="utf-8"))
    made = []
    for page, part, below in listed:
        path = html / f"{page}.html"
        if not path.is_file():
            raise PaperError(f"{path} is missing: run python dev.py book first.")
        text = resolved(path.read_text(encoding="utf-8"), colours)
        article = BeautifulSoup(text, "html.parser").select_one("article")
        if article is None:
            raise PaperError(
                f"{path} has no <article>: the theme's pages have changed."
            )
        tidy(article)
        rename(article, slug(page))
        relink(article, page, names)
        made.append(Sheet(page, part, below, article))
    return made


# ---- A page -------------------------------------------------------------------------


def tidy(article: Tag) -> None:
    """Take out what only a screen needs, and open every click-box."""
    for idle in article.select(_FOR_SCREENS):
        idle.decompose()
    for nothing in article.select("path:not([d])"):
        nothing.decompose()
    for box in article.select("details"):
        box.name = "div"
        box["class"] = ["opened", *box.get("class", [])]
        if (title := box.find("summary")) is not None:
            title.name = "p"
            title["class"] = ["opened-title"]
    for tag in article.find_all(True):
        for name in [name for name in tag.attrs if _IDLE.match(name)]:
            del tag[name]


def rename(article: Tag, name: str) -> None:
    """Put the page's name before every anchor on it, and before what refers to one."""
    for tag in article.find_all(True):
        if "id" in tag.attrs:
            tag["id"] = f"{name}--{tag['id']}"
        for naming in _NAMING:
            if naming in tag.attrs:
                old = tag.get_attribute_list(naming)
                tag[naming] = " ".join(f"{name}--{each}" for each in old)
        for key, value in tag.attrs.items():
            if isinstance(value, str) and "url(#" in value:
                tag[key] = value.replace("url(#", f"url(#{name}--")
        for key in ("href", "xlink:href"):
            if tag.name != "a" and str(tag.get(key, "")).startswith("#"):
                tag[key] = f"#{name}--{tag[key][1:]}"


def relink(article: Tag, page: str, names: set[str]) -> None:
    """Let links lead to the sheets; a link to a file beside the pages becomes text."""
    for link in article.find_all("a", href=True):
        parts = urlsplit(str(link["href"]))
        if parts.scheme or parts.netloc:
            continue
        target = page
        if parts.path:
            folder = posixpath.dirname(page)
            path = posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
            target = path.removesuffix(".html")
        if target in names and not parts.path.endswith((".ipynb", ".whl")):
            there = slug(target)
            anchor = f"{there}--{unquote(parts.fragment)}" if parts.fragment else ""
            link["href"] = f"sheet:{there}#{anchor}"
        else:
            link.name = "span"
            link.attrs = {}


def linked(text: str, address: Callable[[str, str], str]) -> str:
    """Return the text of sheets with finished links. ``address`` says how to link to a
    sheet: called with its name and an anchor, which may be empty."""
    return re.sub(
        r'href="sheet:([\w-]+)#([^"]*)"',
        lambda match: f'href="{address(match[1], match[2])}"',
        text,
    )


def licence(article: Tag) -> str:
    """Return the paragraph of the first page that states the licence, as HTML.

    Raises ``PaperError`` if there is none."""
    for strong in article.find_all("strong"):
        if strong.get_text().startswith("Licence") and strong.parent is not None:
            return strong.parent.decode()
    raise PaperError("index.md has no paragraph that begins with **Licence.**")


# ---- Looks --------------------------------------------------------------------------


def palette(css: str) -> dict[str, str]:
    """Return the variables that a stylesheet declares, the first value of each."""
    found: dict[str, str] = {}
    for name, value in re.findall(r"(?m)^\s*(--[\w-]+):\s*([^;]+);", css):
        found.setdefault(name, value)
    return found


def resolved(text: str, variables: Mapping[str, str]) -> str:
    """Return ``text`` with the values of CSS variables in their place: many readers of
    EPUB know no variables."""

    def value(match: re.Match[str]) -> str:
        return variables.get(match[1], match[2] or match[0])

    return re.sub(r"var\((--[\w-]+)(?:,\s*([^()]*))?\)", value, text)


def stylesheet(html: Path) -> str:
    """Return the looks of both outputs: ours, the figures', and those of code."""
    own = (Path(__file__).parent / "paper.css").read_text(encoding="utf-8")
    static = html / "_static"
    book = (static / "book.css").read_text(encoding="utf-8")
    figures = (static / "figures/figures.css").read_text(encoding="utf-8")
    code = (static / "pygments.css").read_text(encoding="utf-8")
    light = re.findall(r'(?m)^html\[data-theme="light"\] (.*)$', code)
    variables = palette(book) | palette(own)
    still = figures.partition("/* ---- What can be dragged")[0]
    return resolved("\n".join([spelled_out(still), *light, own]), variables)


def spelled_out(css: str) -> str:
    """Return rules for ``a :is(b, c)`` as rules for ``a b, a c``."""
    return re.sub(
        r"(?m)^(.*?):is\(([^()]*)\)(.*) \{$",
        lambda rule: (
            ", ".join(
                f"{rule[1]}{each.strip()}{rule[3]}" for each in rule[2].split(",")
            )
            + " {"
        ),
        css,
    )
