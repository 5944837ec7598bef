"""The images on the pages that nbgrader makes: figures, and what students attach.

Markdown shows one image as often as it likes, and names it in many ways; nbconvert makes
several copies of a page, and one character beyond ASCII makes all others of a copy take four
bytes. So marks stand for images while a page is made, and images take the places of marks at
the end, in ASCII, as long as there is room on the page.
"""

import copy
import gc
import re
import secrets
from collections.abc import MutableMapping
from typing import Any

from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode

from autograder.doors.nbgrader.tags import bounded_tags
from autograder.isolation.given_back import give_back_memory

#: Characters of attached images that a notebook may have, and a page may show: three large
#: photographs.
MAX_IMAGES = 12 * 2**20
#: Where a page's resources keep its images.
_KEY = "autograder_images"


class PageImages:
    """The images of a page, and the marks that stand for them. Without ``wait`` they take
    the marks' places in each cell by itself."""

    def __init__(self, wait: bool = False) -> None:
        self.wait = wait
        self._mark = secrets.token_hex(16)
        self._data: list[str] = []
        self._figures: set[int] = set()
        self._left = MAX_IMAGES

    def __deepcopy__(self, memo: Any) -> "PageImages":
        return self  # nbconvert copies what it hands to templates

    @property
    def are_large(self) -> bool:
        """Whether there are more images than an honest notebook has as a rule."""
        return sum(map(len, self._data)) > 2**20

    def marked(self, data: str, figure: bool = False) -> str:
        """Return the mark of an image; a figure has room of its own, when it is drawn."""
        if figure:
            self._figures.add(len(self._data))
        self._data.append(data)
        return f"{self._mark}x{len(self._data) - 1}x"

    def without_figures(self, notebook: NotebookNode) -> NotebookNode:
        """Return a copy with marks in the places of what the cells drew."""
        made = copy.deepcopy(notebook)  # which shares the texts
        for cell in made.cells:
            for output in cell.get("outputs", ()):
                data = output.get("data", {})
                if isinstance(data.get("image/png"), str):
                    data["image/png"] = self.marked(data["image/png"], figure=True)
        return made

    def shown(self, page: str) -> str:
        """Return a page with its images, the first that there is room for; in the place of
        others browsers show what the student wrote of them."""
        parts = re.split(rf"{self._mark}x(\d+)x", page)
        parts[1::2] = [self._taken(int(number)) for number in parts[1::2]]
        return "".join(parts)

    def _taken(self, number: int) -> str:
        data = self._data[number]
        if number in self._figures:
            return data
        if len(data) > self._left:
            return ""
        self._left -= len(data)
        return data


class Images:
    """The images of the text cell that nbconvert's ``context`` is about."""

    def __init__(self, context: Any) -> None:
        resources: MutableMapping[str, Any] = context.get("resources", {})
        self._page = resources.get(_KEY) or PageImages()
        resources[_KEY] = self._page
        attached = context.get("cell", {}).get("attachments", {})
        marked = {
            name: {kind: self._page.marked(data) for kind, data in image.items()}
            for name, image in attached.items()
        }
        #: What nbconvert needs to know of the cell.
        self.context = {"cell": {"attachments": marked}, "resources": resources}

    def shown(self, cell: str) -> str:
        """Return a cell's HTML with its images, if they are not to wait for the page."""
        return cell if self._page.wait else self._page.shown(cell)


class PageExporter(HTMLExporter):
    """nbconvert's page, with its images put in at the end. It is formgrader's, too."""

    @classmethod
    def take_over(cls, exporter: Any) -> None:
        """Have formgrader's exporter be one of these."""
        if type(exporter) is HTMLExporter:
            exporter.__class__ = cls

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[str, Any]:
        give_back_memory()
        images = PageImages(wait=True)
        resources = ResourcesDict() if resources is None else resources
        resources[_KEY] = images
        nb = images.without_figures(nb)
        with bounded_tags():
            page, resources = super().from_notebook_node(nb, resources, **kw)
        resources.pop(_KEY, None)
        if images.are_large:
            gc.collect()  # what the page was made of points to itself, notebook and all
        return images.shown(self.finished(page)), resources

    def finished(self, page: str) -> str:
        """Return the page, in ASCII, as it is to be but for its images."""
        return _OWN_OR_WIDE.sub(_in_ascii, page)


#: Scripts and styles, in which there are no character references; other text beyond ASCII.
_OWN_OR_WIDE = re.compile(r"(?s)<(script|style)\b.*?</\1>|[^\x00-\x7f]+")


def _in_ascii(found: re.Match[str]) -> str:
    return found[0] if found[1] else in_references(found[0])


def in_references(page: str) -> str:
    """Return HTML in ASCII."""
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")
