"""A student's function in the worker."""

from typing import Any

import numpy as np

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
        return self._worker.call(self.name, args, kwargs, self._opaque, False)[0]

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return the result and the arguments as the call left them.

        What is said of the arguments is the worker's word: code that replaces the
        worker's own functions can hide a change in place, and nothing else by it."""
        result, after = self._worker.call(self.name, args, kwargs, self._opaque, True)
        # Arrays and dicts come back; the other arguments are as they were.
        return result, tuple(
            now if isinstance(arg, np.ndarray | dict) else arg
            for arg, now in zip(args, after, strict=True)
        )
