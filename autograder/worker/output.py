"""A student's output, as text and figures of bounded size."""

import base64
import io
import sys
from typing import Any

TEXT_LIMIT = 100_000
#: Of base64, for the figures of one cell; with its text they fit into a frame.
IMAGES_LIMIT = 4 * 2**20


class BoundedText(io.TextIOBase):
    """A text stream that keeps its first ``TEXT_LIMIT`` characters and drops the rest."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._left = TEXT_LIMIT
        self.dropped = False
        # print(..., file=sys.stdout.buffer)-style output is text for us as well.
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        part = text[: self._left]
        if part:
            self._parts.append(part)
        self._left -= len(part)
        self.dropped = self.dropped or len(part) < len(text)
        return len(text)

    def writable(self) -> bool:
        return True

    def text(self) -> str:
        cut = "\n… (the rest of the output was cut)\n" if self.dropped else ""
        return "".join(self._parts) + cut


class _Bytes(io.RawIOBase):
    def __init__(self, text: BoundedText) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        # No character takes more than four bytes; one more shows that there was more.
        start = bytes(memoryview(data).cast("B")[: 4 * TEXT_LIMIT + 4])
        self._text.write(start.decode("utf-8", "replace"))
        return len(data)


def open_figures() -> list[str]:
    """Return the open matplotlib figures as base64 PNG (at most 8, and as many as the
    limit lets through), and close them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return []
    images: list[str] = []
    left = IMAGES_LIMIT
    try:
        for number in pyplot.get_fignums()[:8]:
            buffer = io.BytesIO()
            pyplot.figure(number).savefig(buffer, format="png", dpi=72)
            image = base64.b64encode(buffer.getvalue()).decode()
            if buffer.tell() < 2**20 and len(image) <= left:
                images.append(image)
                left -= len(image)
        pyplot.close("all")
    except Exception:
        return images
    return images
