"""What commands print: results, and what whoever grades should know."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from autograder.wire.text import one_line


def say(text: str, end: str = "\n") -> None:
    """Print a result. What reads it may have had enough; that is no failure.

    Raises ``SystemExit`` when it cannot be written for another reason."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        _silence(sys.stdout)
    except OSError as error:
        _silence(sys.stdout)
        print(f"The result could not be printed ({error}).", file=sys.stderr)
        raise SystemExit(2) from None


def _silence(stream: Any) -> None:
    """Lead a stream nowhere, with what it still holds, which Python flushes at its end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def lacks(error: ImportError) -> str:
    """Return what to say where a package of the course is not installed."""
    return f"This needs the course's packages ({error}): see README.md."


def tell_of_secret(course: Path | None = None) -> None:
    """Say what whoever grades should know about the secret; ``course`` is as in
    ``find_secret``. Raises ``SecretError``."""
    from autograder.grading.secret import find_secret

    for remark in find_secret(course).remarks:
        print(f"Note: {one_line(remark)}", file=sys.stderr)
