"""A student's function in the worker."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder import wire
from autograder.contract.student import StudentError
from autograder.isolation.worker_handle import RemoteWorker


class RemoteFunction:
    """A student's function in the worker, called like any other.

    Results hold plain arrays, numbers and containers; a cache is a ``Handle``."""

    def __init__(
        self, worker: RemoteWorker, name: str, opaque: tuple[int, ...] = ()
    ) -> None:
        self.name = name
        self._worker = worker
        self._opaque = opaque

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._worker.call(self.name, [args], kwargs, self._opaque)[0][0]

    def each(self, calls: Sequence[tuple[Any, ...]], **kwargs: Any) -> list[Any]:
        results: list[Any] = []
        held = wire.Held()
        most = min(map(_at_once, calls), default=0)
        while len(results) < len(calls):
            rest = calls[len(results) : len(results) + most]
            # The worker answers with as many as it has after a short time, one or more;
            # what it has no time for is sent again, so not much more than that.
            got = self._worker.call(self.name, rest, kwargs, self._opaque)[0]
            most = min(most, 2 * len(got))
            try:
                held.add(got)
            except wire.WireError as error:
                raise StudentError(f"its results cannot be used: {error}") from None
            results += got
        return results

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return the result and the arguments as the call left them.

        What is said of the arguments is the worker's word: code that replaces the
        worker's own functions can hide a change in place, and nothing else by it."""
        (result,), (changed,) = self._worker.call(
            self.name, [args], kwargs, self._opaque
        )
        return result, tuple(changed.get(i, arg) for i, arg in enumerate(args))


def _at_once(args: tuple[Any, ...]) -> int:
    """Return how many calls like this one go into a frame: about a megabyte."""
    size = sum(arg.nbytes for arg in args if isinstance(arg, np.ndarray))
    return max(1, min(256, 2**20 // max(size, 1)))
