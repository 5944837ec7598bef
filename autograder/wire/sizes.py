"""How much of the judge's memory the results of many calls may take together."""

import sys
from typing import Any

import numpy as np

from autograder.wire.frames import WireError
from autograder.wire.values import Foreign, Handle

#: Bytes of what one batch of calls returned; honest answers to a check take a few million.
MAX_HELD = 64 * 2**20
_OF_AN_ARRAY = 128


class Held:
    """Counts the bytes of results that are kept until all are there."""

    def __init__(self) -> None:
        self._bytes = 0

    def add(self, results: list[Any]) -> None:
        """Count these, too. Raises ``WireError`` once all are more than ``MAX_HELD``."""
        for value in results:
            if type(value) is np.ndarray:
                self._bytes += value.nbytes + _OF_AN_ARRAY
            else:
                self._bytes += _size(value)
        if self._bytes > MAX_HELD:
            raise WireError(f"together they take more than {MAX_HELD >> 20} MB")


def _size(value: Any) -> int:
    """Return about how many bytes a decoded value takes."""
    if type(value) is np.ndarray:  # its bytes may be those of a larger one
        return value.nbytes + _OF_AN_ARRAY
    size = sys.getsizeof(value)
    if isinstance(value, tuple | list):
        return size + sum(map(_size, value))
    if isinstance(value, dict):
        return size + sum(_size(key) + _size(item) for key, item in value.items())
    if isinstance(value, Foreign | Handle):
        return size + sys.getsizeof(value.type_name)
    return size
