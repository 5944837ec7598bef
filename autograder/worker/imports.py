"""Refuses packages beside NumPy to a student's own code, as if they were not installed.

This is no wall: who goes around it finds what is installed. It keeps the score of an honest
answer from depending on that.
"""

import sys
from collections.abc import Collection
from types import FrameType
from typing import Any

from autograder.wire.packages import may_be_imported

_MACHINERY = {"importlib", "_frozen_importlib", "_frozen_importlib_external"}


class OnlyNumpy:
    """The first of Python's finders of modules: finds none, and ends the search for those
    that an answer may not import."""

    def __init__(self, more: Collection[str]) -> None:
        self._more = frozenset(more)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if not may_be_imported(name, self._more) and _student_asks(sys._getframe(1)):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _student_asks(frame: FrameType | None) -> bool:
    """Return whether the code that imports is no module's: a cell's, or a text's that a
    cell runs. What a package imports in its turn is its own business."""
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in _MACHINERY:
            return frame.f_globals.get("__spec__") is None
        frame = frame.f_back
    return False


def install(more: Collection[str]) -> None:
    """Refuse packages beside NumPy and these to the cells that run from now on."""
    sys.meta_path.insert(0, OnlyNumpy(more))
