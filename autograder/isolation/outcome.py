"""What comes of a cell, as far as it is kept."""

from dataclasses import dataclass
from typing import Any

from autograder import wire
from autograder.wire.errors import LONGEST_ERROR
from autograder.wire.text import clean, one_line, printed

#: Characters of output, and of figures in base64, that are kept of one submission.
OUTPUT_LIMIT, FIGURES_LIMIT = 10**6, 12 * 2**20
#: Characters of one output's text that are looked at.
TEXT_LIMIT = 200_000


@dataclass(frozen=True)
class CellOutcome:
    """What came of a cell: its output as text, base64 PNG images, an error sentence."""

    stdout: str = ""
    stderr: str = ""
    value: str | None = None
    images: tuple[str, ...] = ()
    error: str | None = None


class Room:
    """The room that a submission has for its outputs; text is cleaned when it enters."""

    def __init__(self) -> None:
        self._output_left, self._figures_left = OUTPUT_LIMIT, FIGURES_LIMIT

    def outcome(self, answer: dict[str, Any]) -> CellOutcome:
        """Return what a worker's answer says of a cell. Raises ``WireError`` for one that
        says it in another form."""
        text = str | None
        wire.expect_fields(
            answer, error=text, value=text, stdout=str, stderr=str, images=list
        )
        value, error = answer["value"], answer["error"]
        return CellOutcome(
            stdout=self._kept(printed(answer["stdout"][:TEXT_LIMIT])),
            stderr=self._kept(printed(answer["stderr"][:TEXT_LIMIT])),
            value=None if value is None else self._kept(clean(value[:TEXT_LIMIT])),
            images=tuple(filter(self._holds, answer["images"])),
            error=None if error is None else one_line(error[:LONGEST_ERROR]),
        )

    def _kept(self, text: str) -> str:
        """Return as much of an output as the submission has left."""
        kept = text[: self._output_left]
        self._output_left -= len(kept)
        return kept

    def _holds(self, image: Any) -> bool:
        """Whether there is room for a figure, which then takes it."""
        if not isinstance(image, str):
            raise wire.WireError("a figure that is no text")
        # In base64 a character is a byte; one that is not would make all others four.
        fits = image.isascii() and 0 < len(image) <= self._figures_left
        self._figures_left -= len(image) if fits else 0
        return fits


def changed_arguments(pairs: Any, reader: wire.Reader, places: range) -> dict[int, Any]:
    """Return the arguments that a call changed, by place, as an answer tells them. Raises
    ``WireError``."""
    if not isinstance(pairs, list) or len(pairs) > len(places):
        raise wire.WireError("changed arguments that are none")
    found = {}
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or type(pair[0]) is not int:
            raise wire.WireError("a changed argument without a place")
        if pair[0] not in places or pair[0] in found:
            raise wire.WireError("a changed argument that was not there")
        found[pair[0]] = reader.decode(pair[1])
    return found
