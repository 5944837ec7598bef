"""A student's function as a check sees it, wherever it runs.

``LocalFunction`` (of ``grading.local``) calls a function of this process,
``RemoteFunction`` (of ``isolation.worker_handle``) one of the worker. Both hand over
copies, and a check never knows which it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

#: The arguments of a call, those without a name and those with one.
Call = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Changed:
    """A call that changed an argument in place: its arguments as they were given, and the
    place of the one that changed; -1 is the result of the call before."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    place: int


class StudentFunction(Protocol):
    """A student's function: call it, once or many times, or observe what it did to its
    arguments."""

    name: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

    def each(self, calls: Sequence[tuple[Any, ...]], **kwargs: Any) -> list[Any]:
        """Return the results of calls with these arguments, and with the same keywords,
        one after the other. They are handed over together, which is many times as fast
        for short calls."""

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return the result and the positional arguments as the call left them."""


def changed_by(function: StudentFunction) -> Changed | None:
    """Return the first of all calls so far that changed an argument, or the result of the
    call before, whoever made it and whatever for; None where there is none, or where the
    function does not look."""
    found: Changed | None = getattr(function, "changed", None)
    return found


def foresee(function: StudentFunction, calls: Sequence[Call]) -> None:
    """Tell a function which calls are to come, with these very objects; in their order,
    or fewer. Where that saves time they are handed over together.

    Each call is made as before, and its result, or its error, is there when it is made.
    A function that only wraps a student's may not care."""
    if (tell := getattr(function, "foresee", None)) is not None:
        tell(calls)


class Refused(ValueError):
    """A call that a function of the judge's, lent to a student's code, does not answer.

    Its text goes to that code, and is all that does: that of any other exception may tell
    of the judge's own code, by a name or by where it fails."""


class StudentError(Exception):
    """The student's function did not return: what happened, in one sentence.

    ``unwritten`` says where, if what happened is that the function, or this part of it,
    is still to be written; ``function`` is its name, where that is known, and ``call``
    the call as messages show it, or ``given`` its arguments, where it was one of several
    that were handed over together."""

    def __init__(self, message: str, unwritten: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.unwritten = unwritten
        self.function = "your code"
        self.call = ""
        self.given: Call | None = None
