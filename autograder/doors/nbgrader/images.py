"""The images that students attach to their text cells, on the pages that nbgrader makes.

Markdown shows one image as often as it likes, and names it in many ways. So marks stand for
images while a page is made, and images take the places of marks at the end, as long as there
is room on the page.
"""

import re
import secrets
from collections.abc import MutableMapping
from typing import Any

#: Characters of images that a notebook may have, and a page may show: three large
#: photographs.
MAX_IMAGES = 12 * 2**20
#: Where a page's resources keep how many are left.
_LEFT = "autograder_images_left"


class Images:
    """The images of the text cell that nbconvert's ``context`` is about."""

    def __init__(self, context: Any) -> None:
        self._mark = secrets.token_hex(16)
        self._data: list[str] = []
        self._resources: MutableMapping[str, Any] = context.get("resources", {})
        attached = context.get("cell", {}).get("attachments", {})
        marked = {
            name: {kind: self._marked(data) for kind, data in image.items()}
            for name, image in attached.items()
        }
        #: What nbconvert needs to know of the cell.
        self.context = {
            "cell": {"attachments": marked},
            "resources": self._resources,
        }

    def _marked(self, data: str) -> str:
        self._data.append(data)
        return f"{self._mark}x{len(self._data) - 1}x"

    def shown(self, page: str) -> str:
        """Return a page of this cell with its images, the first that there is room for;
        in the place of others browsers show what the student wrote of them."""
        left = self._resources.get(_LEFT, MAX_IMAGES)

        def image(found: re.Match[str]) -> str:
            nonlocal left
            data = self._data[int(found[1])]
            if len(data) > left:
                return ""
            left -= len(data)
            return data

        page = re.sub(rf"{self._mark}x(\d+)x", image, page)
        self._resources[_LEFT] = left
        return page
