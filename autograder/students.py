"""A student's function as a check sees it, wherever it runs.

``autograder.local.LocalFunction`` calls a function of this process,
``autograder.remote.RemoteFunction`` one of the worker. Both hand over copies, and a check
never knows which it has.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from autograder.text import one_line, shortened


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
