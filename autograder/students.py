"""A student's function as a check sees it, wherever it runs.

``LocalFunction`` calls a function of this process (a notebook's kernel, a page, our own
mutants). The judge's counterpart is ``autograder.remote.RemoteFunction``. Both hand over
copies, and a check never knows which it has.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from autograder.text import one_line, shortened


class StudentFunction(Protocol):
    """A student's function: call it, or observe what it did to its arguments."""

    name: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return the result and the positional arguments as the call left them."""


class StudentError(Exception):
    """The student's function did not return: what happened, in one sentence."""

    def __init__(self, message: str, kind: str = "raised") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind


@dataclass(frozen=True)
class Handle:
    """An object that stays on the student's side (a cache); checks hand it back."""

    number: int
    type_name: str


@dataclass(frozen=True)
class Foreign:
    """A result that is neither a number, an array nor a plain container of them."""

    type_name: str


def copied(value: Any) -> Any:
    """Return the value with every array in it copied, generators kept as they are."""
    if isinstance(value, np.ndarray):
        return np.array(value)
    if isinstance(value, tuple | list):
        return type(value)(copied(item) for item in value)
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return value


def plain(value: Any) -> Any:
    """Return what a check may look at: plain arrays (copied), numbers, containers."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biufc":
            return Foreign(f"array of dtype {value.dtype}")
        return np.array(value, subok=False)
    if isinstance(value, np.generic):
        return (
            value.item() if value.dtype.kind in "biufc" else Foreign(str(value.dtype))
        )
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str | Handle):
        return value
    return Foreign(type(value).__name__)


def describe_error(error: BaseException, filename: str | None = None) -> str:
    """Return one sentence for an exception: type, text, and the student's line.

    Addresses are left out, which are others in every process."""
    import linecache
    import traceback

    # Cut first: the text may have any length, and what is cut is not shown.
    text = f"{type(error).__name__}: {error}"[:2000]
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", text)
    text = shortened(one_line(text).rstrip(":"), 400)
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if filename is None or f.filename.startswith(filename)]
    if isinstance(error, SyntaxError) and error.lineno is not None:
        line = shortened(one_line((error.text or "")[:2000]), 200)
        return f"{text} (line {error.lineno}: {line})"
    if own:
        found = linecache.getline(own[-1].filename, own[-1].lineno or 0)
        line = shortened(one_line(found[:2000]), 200)
        return f"{text} (line {own[-1].lineno}{': ' + line if line else ''})"
    return text


class LocalFunction:
    """A function of this process. ``opaque`` positions of a returned tuple are handles."""

    def __init__(
        self, name: str, function: Callable[..., Any], opaque: tuple[int, ...] = ()
    ) -> None:
        self.name = name
        self._function = function
        self._opaque = opaque

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.observe(*args, **kwargs)[0]

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        args = tuple(self._opened(copied(arg)) for arg in args)
        kwargs = {key: self._opened(copied(arg)) for key, arg in kwargs.items()}
        try:
            result = self._function(*args, **kwargs)
        except (Exception, SystemExit) as error:
            raise StudentError(describe_error(error)) from None
        return self._closed(result), tuple(plain(arg) for arg in args)

    def _opened(self, value: Any) -> Any:
        if isinstance(value, _LocalHandle):
            # A shallow copy would share the cache's arrays between calls; so may students.
            return value.value
        return value

    def _closed(self, result: Any) -> Any:
        if not isinstance(result, tuple):
            return plain(result)
        return tuple(
            _LocalHandle(item) if i in self._opaque else plain(item)
            for i, item in enumerate(result)
        )


class _LocalHandle:
    """A cache in this process, unopened by checks."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.type_name = type(value).__name__
