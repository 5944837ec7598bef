"""A submission: its code cells, and the bounds that all kinds of files share."""

from dataclasses import dataclass

from autograder.wire.text import one_line

#: Python's parser takes about a thousand times the memory of the code it reads.
MAX_CODE = 300_000
#: An exercise's notebook has about forty, and each is run, copied and shown by itself.
MAX_CELLS = 1_000


class SubmissionError(Exception):
    """The file cannot be graded at all. The message says why and what to do, in one line."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


@dataclass(frozen=True)
class Cell:
    """A code cell. ``graded`` cells call ``check`` and are not the student's."""

    number: int
    source: str
    graded: str | None = None


@dataclass(frozen=True)
class Submission:
    """A student's file. ``script`` is true for a .py file, whose statements run one by
    one, so that a statement that raises does not take those below with it. ``digest``,
    in hexadecimal, follows from every byte of the file, and from nothing else."""

    name: str
    cells: tuple[Cell, ...]
    script: bool = False
    digest: str = ""

    @property
    def code(self) -> tuple[Cell, ...]:
        """The student's own cells."""
        return tuple(cell for cell in self.cells if cell.graded is None)


def bound(found: int, limit: int, holds: str, advice: str, name: str) -> None:
    """Raise ``SubmissionError`` where the file ``name`` holds more than the limit.

    ``holds`` says of what ("characters of code"), ``advice`` what to take out."""
    if found > limit:
        raise SubmissionError(
            f"{name} holds {found:,} {holds}; expected at most {limit:,}. {advice}, "
            "save the file and submit it again."
        )


def bound_code(characters: int, name: str) -> None:
    """Raise ``SubmissionError`` for more code than a submission may have."""
    advice = "Was data or output pasted into it? Take it out"
    bound(characters, MAX_CODE, "characters of code", advice, name)


def bound_cells(cells: int, name: str) -> None:
    """Raise ``SubmissionError`` for more cells than a submission may have."""
    bound(cells, MAX_CELLS, "cells", "Take out those that hold nothing", name)
