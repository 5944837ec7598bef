"""Figures with numbers: the chapter's, and the figure's place in it.

Sphinx numbers chapters (`numbered` in _toc.yml), but not our figures, which are HTML that a
cell returns (chapters/figures.py): here each caption gets its number.
"""

import itertools
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

#: A caption, and the paragraph that it may begin with: there the number stands.
_CAPTION = re.compile(r"<figcaption\b[^>]*>(?:\s*<p>)?")


def number_captions(body: str, chapter: str) -> str:
    """Return a page's HTML with "Figure 3.2" before its captions, in order.

    ``chapter`` is the chapter's number; without one (a page outside the numbered
    parts) figures are counted alone.
    """
    count = itertools.count(1)
    prefix = f"{chapter}." if chapter else ""

    def number(match: re.Match[str]) -> str:
        label = f"Figure {prefix}{next(count)}"
        return f'{match.group()}<span class="caption-number">{label}. </span>'

    return _CAPTION.sub(number, body)


def number_figures(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Number the captions of the page that is about to be written."""
    sections = app.env.toc_secnumbers.get(pagename, {})
    if context.get("body"):
        chapter = ".".join(map(str, sections.get("", ())))
        context["body"] = number_captions(context["body"], chapter)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", number_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
