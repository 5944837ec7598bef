"""A student's function as a check sees it, wherever it runs.

``LocalFunction`` calls a function of this process (a notebook's kernel, a page, our own
mutants). The judge's counterpart is ``autograder.remote.RemoteFunction``. Both hand over
copies, and a check never knows which it has.
"""

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from autograder.text import one_line


class StudentFunction(Protocol):
    """A student's function: call it, or observe what it did to its arguments."""

    name: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return the result and the positional arguments as the call left them."""


class StudentError(Exception):
    """The student's function did not return: what happened, in one sentence.

    ``unwritten`` says where, if what happened is that the function, or this part of it,
    is still to be written; ``function`` is its name, where that is known."""

    def __init__(self, message: str, unwritten: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.unwritten = unwritten
        self.function = "your code"


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

    text = re.sub(r" at 0x[0-9a-fA-F]+", "", f"{type(error).__name__}: {error}")
    text = one_line(text).rstrip(":")
    if len(text) > 400:
        text = text[:400] + " …"
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if filename is None or f.filename.startswith(filename)]
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f"{text} (line {error.lineno}: {one_line(error.text or '')})"
    if own:
        line = one_line(linecache.getline(own[-1].filename, own[-1].lineno or 0))
        return f"{text} (line {own[-1].lineno}{': ' + line if line else ''})"
    return text


def unwritten_at(error: BaseException, namespaces: Iterable[Any]) -> str | None:
    """Return "line 9 raises NotImplementedError" if the student's own code raised this,
    or a kind of it; None for any other error.

    ``namespaces`` are the globals of the student's code: a library that raises
    ``NotImplementedError`` does not say that the exercise is still to be written."""
    step = error.__traceback__
    if not isinstance(error, NotImplementedError) or step is None:
        return None
    while step.tb_next is not None:
        step = step.tb_next
    if not any(step.tb_frame.f_globals is names for names in namespaces):
        return None
    return f"line {step.tb_lineno} raises {one_line(type(error).__name__)[:40]}"


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
            own = getattr(self._function, "__globals__", None)
            unwritten = unwritten_at(error, [own, sys.modules["__main__"].__dict__])
            raise StudentError(describe_error(error), unwritten) from None
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
