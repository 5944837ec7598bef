"""So much time for what a student wrote, and no more.

Parsers of others take, for texts that nobody writes, the square of their length. An alarm
ends a renderer, whatever it is at, in the main thread of systems with signals, where
nbgrader and formgrader render; elsewhere the time is only counted.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType


class TooLong(BaseException):
    """The time is up. No handler of ``Exception`` on the way keeps it."""


class Patience:
    """Seconds that may be spent in all; what is not spent for a while comes back."""

    def __init__(self, seconds: float) -> None:
        self.seconds = self.left = seconds
        self._ended = time.monotonic()

    @contextlib.contextmanager
    def spend(self) -> Iterator[None]:
        """Count what the body takes. Raises ``TooLong`` once nothing is left."""
        began = time.monotonic()
        self.left = min(self.seconds, self.left + began - self._ended)
        self._ended = began  # what came back is counted once
        if self.left <= 0:
            raise TooLong
        try:
            with _alarm(self.left):
                yield
        finally:
            self._ended = time.monotonic()
            self.left -= self._ended - began


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    main = threading.current_thread() is threading.main_thread()
    if not (main and hasattr(signal, "setitimer")):
        yield
        return

    armed = [True]

    def ring(number: int, frame: FrameType | None) -> None:
        if armed:
            raise TooLong

    theirs = signal.getitimer(signal.ITIMER_REAL)
    before = signal.signal(signal.SIGALRM, ring)
    try:
        try:
            # Again and again, for code that keeps even this exception to itself. Where
            # next to nothing is left it rings at once, before the body begins.
            signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
            yield
        finally:
            armed.clear()  # what follows is not to be interrupted
    finally:
        signal.setitimer(signal.ITIMER_REAL, *theirs)
        signal.signal(signal.SIGALRM, before)
