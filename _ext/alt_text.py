"""A picture without words for those who cannot see it is a warning."""

import re
from pathlib import PurePosixPath

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)


def lacks_alt(alt: str | None, uri: str) -> bool:
    """Tell whether an image's alternative text is missing or only its file's name."""
    words = (alt or "").strip()
    path = PurePosixPath(uri)
    return words in ("", uri, path.name, path.stem)


def unlabelled_figures(html: str) -> int:
    """Return how many themed figures in ``html`` have no words in their aria-label."""
    figures = re.findall(
        r'<figure\b[^>]*class="[^"]*\bthemed\b[^>]*>.*?</figure>', html, re.DOTALL
    )
    return sum(not re.search(r'aria-label="\s*[^"\s]', figure) for figure in figures)


def warn(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for image in doctree.findall(nodes.image):
        if lacks_alt(image.get("alt"), image["uri"]):
            logger.warning("image without alt text", location=image, type="alt_text")
    for raw in doctree.findall(nodes.raw):
        if unlabelled_figures(raw.astext()):
            logger.warning("figure without aria-label", location=raw, type="alt_text")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-resolved", warn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
