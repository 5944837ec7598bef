"""A student's function of this process: a notebook's kernel, a page, our own mutants.

What it returns is encoded and decoded as if it came from a worker: one rule says what a
check may look at, wherever the function runs.
"""

import sys
from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

import numpy as np

from autograder import wire
from autograder.contract.student import Changed, StudentError
from autograder.wire import Foreign
from autograder.wire.errors import describe_error, unwritten_at

#: Types of most arguments: no call changes them, or a call is to get the very same.
_AS_THEY_ARE = {float, int, bool, str, type(None), np.random.Generator}
_CHANGEABLE = np.ndarray, dict


def copied(value: Any) -> Any:
    """Return the value with every array in it copied, generators kept as they are."""
    if isinstance(value, np.ndarray):
        return np.array(value)
    if isinstance(value, tuple | list):
        return type(value)(copied(item) for item in value)
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, Foreign):
        raise StudentError(
            f"what it returned cannot be passed on: a value of type {value.type_name}"
        )
    return value


class LocalFunction:
    """A function of this process. ``opaque`` positions of a returned tuple are handles."""

    def __init__(
        self, name: str, function: Callable[..., Any], opaque: tuple[int, ...] = ()
    ) -> None:
        self.name = name
        self.changed: Changed | None = None
        self._function = function
        self._opaque = opaque
        self._last, self._marks = wire.Last(), wire.Marks()
        self._errors = np.geterr()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # NumPy warns of the student's numbers as it did before the check began.
        with np.errstate(**self._errors):
            return self._sent_back(self._called(args, kwargs)[0])

    def each(self, calls: Sequence[tuple[Any, ...]], **kwargs: Any) -> list[Any]:
        results: list[Any] = []
        held = wire.Held()
        with np.errstate(**self._errors):
            for args in calls:
                try:
                    result = self._called(args, kwargs)[0]
                    array = wire.copy_of_plain(result)  # most are, and calls are many
                    results.append(self._sent_back(result) if array is None else array)
                    held.add(results[-1:])
                except StudentError as error:
                    error.given = args, kwargs
                    raise
                except wire.WireError as error:
                    raise StudentError(f"its results cannot be used: {error}") from None
        return results

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        with np.errstate(**self._errors):
            result, after = self._called(args, kwargs)
        return self._sent_back(result), tuple(
            self._sent_back(arg) if isinstance(arg, _CHANGEABLE) else arg
            for arg in after
        )

    def _called(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, tuple[Any, ...]]:
        """Return the result and the arguments as the call left them, both as they are."""
        own = tuple([a if type(a) in _AS_THEY_ARE else _opened(a) for a in args])
        named = {key: _opened(arg) for key, arg in kwargs.items()} if kwargs else {}
        self._marks.leave(own)
        try:
            result = self._function(*own, **named)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            names = getattr(self._function, "__globals__", None)
            unwritten = unwritten_at(error, [names, sys.modules["__main__"].__dict__])
            # The line that made the call is ours, not the student's.
            below = error.__traceback__ and error.__traceback__.tb_next
            said = describe_error(error.with_traceback(below))
            raise StudentError(said, unwritten) from None
        if not all(map(is_, own, args)):
            for place, (now, then) in enumerate(zip(own, args, strict=True)):
                changeable = now is not then and isinstance(then, _CHANGEABLE)
                if changeable and not wire.same(now, then):
                    self.changed = self.changed or Changed(args, kwargs, place)
        if self._last.is_overwritten():
            self.changed = self.changed or Changed(args, kwargs, wire.EARLIER_RESULT)
        self._last.keep(result, self._opaque)
        return result, own

    def _sent_back(self, value: Any) -> Any:
        try:
            return _crossed(value, self._opaque)
        except (wire.WireError, MemoryError) as error:
            raise StudentError(f"its result cannot be used: {error}") from None
        except Exception as error:  # of a student's own class
            text = describe_error(error)
            raise StudentError(f"its result cannot be used: {text}") from None


def _opened(value: Any) -> Any:
    """Return the call's own copy of an argument."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is np.ndarray:
        return value.copy(order="K")
    if kind is tuple and _AS_THEY_ARE.issuperset(map(type, value)):
        return value
    if isinstance(value, _LocalHandle):
        # A shallow copy would share the cache's arrays between calls; so may students.
        return value.value
    return copied(value)


def _crossed(value: Any, opaque: tuple[int, ...] = ()) -> Any:
    """Return what a check may look at of a value; items at the ``opaque`` places of a
    tuple are handles. Raises ``WireError`` for what is too deep, too long or too large."""
    if (array := wire.copy_of_plain(value)) is not None:
        return array
    two = opaque == (1,) and type(value) is tuple and len(value) == 2
    if two and (array := wire.copy_of_plain(value[0])) is not None:
        return array, _LocalHandle(value[1])
    handles: list[_LocalHandle] = []

    def handle(item: Any) -> dict[str, Any]:
        handles.append(_LocalHandle(item))
        return {"is": "handle", "number": len(handles) - 1}

    writer = wire.Writer(wire.foreign)
    with np.errstate(all="ignore"):
        node = writer.encode_result(value, opaque, handle)
    return wire.Reader(writer.body, lambda n: handles[n["number"]]).decode(node)


class _LocalHandle:
    """A cache in this process, unopened by checks."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.type_name = type(value).__name__
