"""Search that shows passages: from a disk, where a page cannot read another, too.

The build writes ``search-passages.js``, the words of every section; only the search page
loads it. ``assets/search.js`` shows the passage under each result.
"""

import json
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from bs4.element import Tag
from sphinx.application import Sphinx

DATA = "search-passages.js"
#: What a reader does not read as words: code, too; a formula's MathML stays.
_WORDLESS = (
    "script, style, svg, .headerlink, .katex-html, .toctree-wrapper, "
    "div[class^='highlight-']"
)

#: One section: its anchor, its heading, its own words (without those of sections in it).
Passage = tuple[str, str, str]


def words(tag: Tag) -> str:
    """Return the text in ``tag`` with single spaces."""
    return " ".join(tag.get_text().split())


def passages(html: str) -> list[Passage]:
    """Return the sections of a finished page, in order."""
    soup = BeautifulSoup(html, "html.parser")
    article = soup.select_one("article")
    if article is None:
        return []
    for wordless in article.select(_WORDLESS):
        wordless.decompose()
    for block in article.select("dt, p, td, th, pre"):
        block.append(" ")
    found = []
    # Innermost first: what is taken out of a section is not in the one around it.
    for section in reversed(article.select("section[id]")):
        heading = section.find(["h1", "h2", "h3", "h4", "h5", "h6"], recursive=False)
        title = words(heading.extract()) if isinstance(heading, Tag) else ""
        found.append((str(section["id"]), title, words(section)))
        section.extract()
    return found[::-1]


def load_on_search_page(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Give the search page alone the script, which loads the passages for a query."""
    if page == "search":
        app.add_js_file("search.js", loading_method="defer")


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the words of all pages beside them."""
    if exception is not None or app.builder.name != "html":
        return
    output = Path(app.outdir)
    book = {
        name: passages((output / f"{name}.html").read_text(encoding="utf-8"))
        for name in sorted(app.env.found_docs)
    }
    data = json.dumps(book, ensure_ascii=False, separators=(",", ":"))
    text = f"const SEARCH_PASSAGES = {data};\n"
    (output / DATA).write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", load_on_search_page)
    app.connect("build-finished", write, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
