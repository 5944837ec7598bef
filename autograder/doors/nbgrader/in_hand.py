"""A student in hand for a moment, to be entered or to have a notebook put in its place.

Between the two nobody is in hand, as a class has more students than a process may have
open files: what another run did meanwhile is seen by what was entered.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from autograder.doors.nbgrader.marks import BRIEFLY, InOtherHands, Mark
from autograder.wire.text import one_name


class LeftAlone(Exception):
    """A student is for another run, or for the next; the sentence says why."""


@contextmanager
def in_hand(mark: Path, student: str) -> Iterator[Mark]:
    """Hold the student's mark. Raises ``LeftAlone``."""
    try:
        held = Mark.take(mark, BRIEFLY)
    except InOtherHands:
        raise LeftAlone(
            f"{one_name(student)} is in the hands of another run; left to it."
        ) from None
    except OSError as error:
        leave(student, mark, error)
    try:
        yield held
    finally:
        if held.words or held.file < 0:
            held.release()
        else:  # it is nobody's but this run's
            held.remove()


def leave(student: str, path: Path, error: OSError) -> NoReturn:
    """Raise ``LeftAlone`` over a file."""
    raise LeftAlone(
        f"{one_name(student)} is left for the next run: {path}: "
        f"{error.strerror or error}."
    ) from None


@dataclass(frozen=True)
class Entered:
    """What was entered of a student: which file, and under which words of a mark. It is
    kept for a whole class: nothing in it grows with the file."""

    file: tuple[int, ...]
    words: bytes

    @classmethod
    def of(cls, path: Path, mark: Mark) -> tuple["Entered", str]:
        """Read a notebook, and return what is in it as well. Raises ``OSError``."""
        with path.open("rb") as file:
            found = _which(os.fstat(file.fileno()))
            return cls(found, mark.words), file.read().decode("utf-8")

    def is_at(self, path: Path) -> bool:
        return _which(path.stat()) == self.file


def _which(found: os.stat_result) -> tuple[int, ...]:
    return found.st_ino, found.st_size, found.st_mtime_ns
