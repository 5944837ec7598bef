"""What a person is told of an exception of their code."""

import re
from collections.abc import Iterable
from typing import Any

from autograder.wire.text import one_line, shortened

#: Characters of an error's own text, and of the line that raised it.
_TEXT, _LINE = 400, 200
#: So long a sentence about an error may be; a report has one for each check.
LONGEST_ERROR = _TEXT + _LINE + 120


def describe_error(error: BaseException, filename: str | None = None) -> str:
    """Return one sentence for an exception: type, text, and the student's line.

    Addresses are left out, which are others in every process. An exception of a class of
    the student's own may raise another one wherever it is asked for something."""
    try:
        return _described(error, filename)
    except KeyboardInterrupt:
        raise
    except BaseException as inner:
        return f"{_kind(error)}, which cannot be shown ({_kind(inner)})"


def _kind(error: BaseException) -> str:
    """Return the name of its class, whatever a metaclass says."""
    return str(type.__dict__["__name__"].__get__(type(error)))


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as inner:
        return f"its text cannot be shown, which raises {_kind(inner)}"


def _described(error: BaseException, filename: str | None) -> str:
    import linecache
    import traceback

    # A syntax error's own text names the place, too.
    placed = error if isinstance(error, SyntaxError) and error.lineno else None
    # Cut first: the text may have any length, and what is cut is not shown.
    text = f"{_kind(error)}: {placed.msg if placed else _text(error)}"[:2000]
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", text)
    text = shortened(one_line(text).rstrip(":"), _TEXT)
    if isinstance(error, ModuleNotFoundError):
        text += "; answers need NumPy and Python's own library alone"
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if filename is None or f.filename.startswith(filename)]
    if placed:
        line = shortened(one_line((placed.text or "")[:2000]), _LINE)
        return f"{text} (line {placed.lineno}: {line})"
    if own:
        found = linecache.getline(own[-1].filename, own[-1].lineno or 0)
        line = shortened(one_line(found[:2000]), _LINE)
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
