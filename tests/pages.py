"""What must hold for a page of the book, as functions that list what does not.

Each takes the page's HTML (and, for links, the folder that holds all pages) and
returns the offences as short texts: an empty list is a good page.
"""

import re
from collections import Counter
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

#: Attributes whose address a browser fetches by itself, by element; "*" is any element.
FETCHED = {
    "*": ["src", "srcset", "poster", "background"],
    "link": ["href"],
    "use": ["href", "xlink:href"],
    "image": ["href", "xlink:href"],
    "object": ["data"],
}
#: Kinds of <link> that fetch nothing.
UNFETCHED = {"next", "prev", "index", "search", "canonical", "author", "license"}
CDN = re.compile(
    r"unpkg\.com|jsdelivr|cdnjs|googleapis|gstatic|mathjax|require\.min\.js"
)
ADDRESS_IN_CSS = re.compile(
    r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""", re.IGNORECASE
)
LEFT_TEX = re.compile(r"\\[(\[]|\\[a-zA-Z]{2,}|\$\$|\$[^$\s][^$\n]*\$|\{[a-z:]+\}`")


def parse(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def is_foreign(address: str) -> bool:
    """Tell whether a browser would ask another host, or name a scheme, for it."""
    parts = urlsplit(address.strip())
    return bool(parts.netloc or (parts.scheme and parts.scheme != "data"))


def fetched_by_css(css: str) -> list[str]:
    """Return the addresses that a stylesheet makes the browser fetch."""
    return [url or imported for url, imported in ADDRESS_IN_CSS.findall(css)]


def fetched_by(element: Tag) -> list[str]:
    """Return the addresses that the browser fetches because of ``element``."""
    if element.name == "link" and set(element.get("rel", [])) <= UNFETCHED:
        return []
    names = FETCHED["*"] + FETCHED.get(element.name, [])
    addresses = [str(element[name]) for name in names if element.get(name)]
    css = element.get_text() if element.name == "style" else ""
    return addresses + fetched_by_css(f"{css} {element.get('style', '')}")


def foreign_requests(html: str) -> list[str]:
    """Everything that the browser would load from another host, and scripts of CDNs."""
    soup = parse(html)
    found = [a for each in soup.find_all(True) for a in fetched_by(each)]
    scripts = [each.get_text() for each in soup.find_all("script")]
    return [address for address in found if is_foreign(address)] + [
        f"script names {match[0]}" for text in scripts if (match := CDN.search(text))
    ]


def unset_math(html: str) -> list[str]:
    """Formulas that KaTeX did not set, and TeX or roles that are left in the text."""
    soup = parse(html)
    found = [
        f"not set: {each.get_text()[:60]}"
        for each in soup.select("span.math, div.math")
        if each.select_one(".katex") is None
    ]
    found += [f"error: {each.get_text()[:60]}" for each in soup.select(".katex-error")]
    for hidden in soup.select("script, style, pre, code, .katex"):
        hidden.decompose()
    found += [f"left: {match[0][:60]}" for match in LEFT_TEX.finditer(soup.get_text())]
    return found


def without_words(html: str) -> list[str]:
    """Images and figures that say nothing to those who cannot see them."""
    soup = parse(html)
    found = []
    for image in soup.find_all("img"):
        alt = str(image.get("alt", "")).strip()
        path = PurePosixPath(unquote(urlsplit(str(image.get("src", ""))).path))
        if alt in ("", path.name, path.stem) or alt.startswith("_images/"):
            found.append(f"alt of {path.name}: {alt!r}")
    for figure in soup.select("figure.themed, figure.interactive"):
        image = figure.select_one("[role=img]")
        if image is None or len(str(image.get("aria-label", "")).strip()) < 20:
            found.append(f"aria-label of a figure: {figure.get_text()[:60]!r}")
    return found


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the fragments that a page can be opened at."""
    elements = parse(page.read_text(encoding="utf-8")).find_all(True)
    names = (each.get(name) for each in elements for name in ("id", "name"))
    return frozenset(str(name) for name in names if name)


def has_anchor(page: Path, fragment: str) -> bool:
    """Tell whether ``page`` can be opened at ``fragment``, which may be empty."""
    return not fragment or unquote(fragment) in anchors(page)


def dead_links(html: str, page: Path, root: Path) -> list[str]:
    """Internal addresses on ``page`` without a file below ``root``, or a fragment."""
    soup = parse(html)
    addresses = [str(each["href"]) for each in soup.find_all("a", href=True)]
    addresses += [a for each in soup.find_all(True) for a in fetched_by(each)]
    found = []
    for address in dict.fromkeys(addresses):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        if not (target.is_file() and target.is_relative_to(root)):
            found.append(f"no file: {address}")
        elif target.suffix == ".html" and not has_anchor(target, parts.fragment):
            found.append(f"no fragment: {address}")
    return found


def lost_in_figures(html: str) -> list[str]:
    """What a figure's markers, hatches and clips are called by without being there, and
    what they are called by and stands twice on the page."""
    soup = parse(html)
    found, named = [], set()
    for figure in soup.select("figure.themed svg"):
        names = {str(each["id"]) for each in figure.find_all(id=True)}
        named |= names
        called = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', str(figure))
        found += [one or other for one, other in called if (one or other) not in names]
    ids = Counter(str(each["id"]) for each in soup.find_all(id=True))
    return found + [f"twice: {name}" for name in named if ids[name] > 1]


def printed_trouble(html: str) -> list[str]:
    """Warnings and tracebacks that a page's cells printed."""
    boxes = parse(html).select(".output.stderr, .output.traceback")
    return [each.get_text().strip()[:80] for each in boxes]


def luminance(colour: str) -> float:
    """Return the relative luminance (0 black to 1 white) of "#rrggbb", after WCAG 2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast, 1 to 21, of two colours "#rrggbb"."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
