"""Calls that did not return: which call it was, and whether all that is wrong with the
function is that it is not written yet.

Unwritten functions raise ``NotImplementedError``, as starters do. That is no mistake to
explain, so it is told apart from every other error.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from autograder.contract.facts import call_shown
from autograder.contract.student import (
    Call,
    StudentError,
    StudentFunction,
    changed_by,
    foresee,
)
from autograder.grading.calls import Calls
from autograder.isolation.worker_handle import WorkerLost


class Watched:
    """A student's function that remembers whether any call found it written, and tells
    errors which call it was. ``arguments`` are the names of its parameters."""

    def __init__(self, function: StudentFunction, arguments: Sequence[str]) -> None:
        self.name, self._arguments = function.name, arguments
        #: What the first call said that found it unwritten, as ``unwritten_at`` does.
        self.unwritten: str | None = None
        #: Those of the check that runs.
        self.calls = Calls(self.name, arguments)
        self._function = function
        self._others = 0

    @property
    def never_ran(self) -> bool:
        """Whether it was called, and is unwritten for all that it was called with."""
        return self.unwritten is not None and not self._others

    def told_change(self) -> tuple[str, bool] | None:
        """Return, as "f(x of shape (3,), 0.5) changed x in place", the first of all calls
        so far that changed an argument, and False; or the result of the call before, and
        True."""
        if (seen := changed_by(self._function)) is None:
            return None
        call = call_shown(self.name, self._arguments, seen.args, seen.kwargs)
        if earlier := seen.place < 0:
            return f"{call} changed what the call before it had returned", earlier
        return f"{call} changed {self._arguments[seen.place]} in place", earlier

    def check_begins(self) -> None:
        """Forget the calls of the check before."""
        self.calls = Calls(self.name, self._arguments)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls.note([args], kwargs)
        return self._watch(self._function, args, kwargs)

    def each(self, calls: Sequence[tuple[Any, ...]], **kwargs: Any) -> list[Any]:
        self.calls.note(calls, kwargs)
        shown = calls[0] if calls else ()
        found: list[Any] = self._watch(self._function.each, (calls,), kwargs, shown)
        return found

    def foresee(self, calls: Sequence[Call]) -> None:
        foresee(self._function, calls)

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        self.calls.note([args], kwargs)
        result: tuple[Any, tuple[Any, ...]]
        result = self._watch(self._function.observe, args, kwargs)
        return result

    def _watch(
        self,
        call: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        shown: tuple[Any, ...] | None = None,
    ) -> Any:
        self._others += 1
        try:
            return call(*args, **kwargs)
        except (StudentError, WorkerLost) as error:
            given = args if shown is None else shown, kwargs
            if isinstance(error, StudentError):
                given = error.given or given
            error.call = error.call or call_shown(self.name, self._arguments, *given)
            if isinstance(error, StudentError) and error.unwritten is not None:
                self._others -= 1
                self.unwritten = self.unwritten or error.unwritten
                error.function = self.name
            raise


def unwritten_in(error: BaseException | None) -> StudentError | None:
    """Return the call of an unwritten function behind a check's failure, if there is one:
    the failure itself, or what the check was handling when it raised that."""
    while error is not None:
        if isinstance(error, StudentError) and error.unwritten is not None:
            return error
        error = error.__context__
    return None


def not_written_yet(exercise: str, functions: Iterable[Watched]) -> str | None:
    """Return the sentence for an exercise one of whose functions is not written at all;
    None when each was found written, at least for some arguments."""
    for function in functions:
        if function.never_ran:
            if function.name == exercise:
                return f"Not written yet ({function.unwritten})."
            return f"Needs {function.name}, not written yet."
    return None
