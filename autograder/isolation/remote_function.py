"""A student's function in the worker."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder import wire
from autograder.contract.student import Call, Changed, StudentError
from autograder.isolation.returned import Outcome
from autograder.isolation.worker_handle import RemoteWorker, WorkerLost

#: Bytes of arguments, and calls, that go into a frame.
FRAME_BYTES, FRAME_CALLS = 2**20, 256


class RemoteFunction:
    """A student's function in the worker, called like any other.

    Results hold plain arrays, numbers and containers; a cache is a ``Handle``."""

    def __init__(
        self, worker: RemoteWorker, name: str, opaque: tuple[int, ...] = ()
    ) -> None:
        self.name = name
        self.changed: Changed | None = None
        self._worker = worker
        self._opaque = opaque
        self._foreseen: list[Call] = []
        self._places: dict[Any, int] = {}
        self._known: dict[int, Outcome] = {}
        self._made_to, self._most = 0, FRAME_CALLS

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._made(args, kwargs)[0]

    def each(self, calls: Sequence[tuple[Any, ...]], **kwargs: Any) -> list[Any]:
        results: list[Any] = []
        held = wire.Held()
        todo: list[Call] = [(args, kwargs) for args in calls]
        most = len(todo)
        while len(results) < len(todo):
            got = self._some(todo[len(results) :], most)
            made = [
                self._noted(outcome, *call)[0]
                for outcome, call in zip(got, todo[len(results) :], strict=False)
            ]
            try:
                held.add(made)
            except wire.WireError as error:
                raise StudentError(f"its results cannot be used: {error}") from None
            results += made
            # The worker answers with as many as it has after a short time, one or more;
            # what it has no time for is sent again, so not much more than that.
            most = 2 * len(got)
        return results

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return the result and the arguments as the call left them.

        What is said of the arguments is the worker's word: code that replaces the
        worker's own functions can hide a change in place, and nothing else by it."""
        result, changed = self._made(args, kwargs)
        return result, tuple(changed.get(i, arg) for i, arg in enumerate(args))

    def foresee(self, calls: Sequence[Call]) -> None:
        """Have these calls made together, once the first of them is asked for."""
        self._foreseen = list(calls)  # their objects' numbers are nobody else's so long
        self._places = {_key(*call): i for i, call in enumerate(self._foreseen)}
        self._known, self._made_to, self._most = {}, 0, FRAME_CALLS

    def _made(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, dict[int, Any]]:
        place = self._places.pop(_key(args, kwargs), None)
        if place in self._known:
            return self._noted(self._known.pop(place), args, kwargs)
        if place is None or place < self._made_to:
            (outcome,) = self._some([(args, kwargs)], 1)
            return self._noted(outcome, args, kwargs)
        rest = self._foreseen[place:]  # those before it were not asked for
        try:
            got = self._some(rest, self._most)
        except WorkerLost as lost:
            if len(rest) > 1:  # nobody knows which
                lost.call = f"One of the calls of {self.name}"
            raise
        self._made_to, self._most = place + len(got), 2 * len(got)  # as in ``each``
        self._known |= dict(enumerate(got, place))
        return self._noted(self._known.pop(place), args, kwargs)

    def _noted(
        self, outcome: Outcome, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, dict[int, Any]]:
        """Return what came of a call, and remember the first that changed an argument.
        Raises ``StudentError`` where that came of it."""
        if isinstance(outcome, StudentError):
            outcome.given = args, kwargs
            raise outcome
        for place in outcome[1]:
            self.changed = self.changed or Changed(args, kwargs, place)
        return outcome

    def _some(self, calls: Sequence[Call], most: int) -> list[Outcome]:
        """Make the first of these calls and as many after it as fit into a frame, but no
        more than ``most``; return what came of one or more."""
        size, number = 0, 0
        for args, _ in calls[: min(most, FRAME_CALLS)]:
            size += sum(arg.nbytes for arg in args if isinstance(arg, np.ndarray))
            if number and size > FRAME_BYTES:
                break
            number += 1
        return self._worker.call(self.name, calls[:number], self._opaque)


def _key(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return tuple(map(id, args)), tuple(kwargs.items())
