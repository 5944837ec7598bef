"""Search results with excerpts that land at the passage, from a disk too.

Sphinx's search page fetches every page it finds in order to quote it, which browsers
refuse over file://. Here the text of all sections is written once as a script that the
search page loads (``assets/search.js`` uses it).
"""

import json
import re
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.application import Sphinx

#: Marks for links, pictures, controls, and what formulas say twice.
_SILENT = (
    ".headerlink, svg, script, style, button, annotation, .katex-html, .toctree-wrapper"
)
Passage = tuple[str, str, str]


def own_text(section: Tag) -> str:
    """Return the text of a section without that of the sections inside it."""
    parts = (
        string
        for string in section.find_all(string=True)
        if string.find_parent("section") is section
        and string.find_parent(re.compile("h[1-6]")) is None
    )
    return " ".join("".join(parts).split())


def passages(html: str) -> list[Passage]:
    """Return (anchor, title, text) of each section of a finished page, in order. The
    first section's anchor is empty: the page itself."""
    soup = BeautifulSoup(html, "html.parser")
    article = soup.select_one("article")
    if article is None:
        return []
    for element in article.select(_SILENT):
        element.decompose()
    found = []
    for section in article.select("section"):
        heading = section.find(re.compile("h[1-6]"))
        title = " ".join(heading.get_text().split()) if heading else ""
        anchor = str(section.get("id", "")) if found else ""
        found.append((anchor, title, own_text(section)))
    return found


def write_passages(app: Sphinx, exception: Exception | None) -> None:
    """Write the sections of all pages for the search page."""
    if exception is not None or app.builder.name != "html":
        return
    output = Path(app.outdir)
    book = {
        name: passages((output / f"{name}.html").read_text(encoding="utf-8"))
        for name in sorted(app.env.found_docs)
    }
    text = json.dumps(book, ensure_ascii=False, separators=(",", ":"))
    script = output / "_static/passages.js"
    script.write_text(f"window.bookPassages = {text};\n", encoding="utf-8")


def add_script(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Let the search page load its script."""
    if pagename == "search":
        app.add_js_file("search.js")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write_passages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
