"""Looks at a worker from outside that no limit of the kernel's takes: they end it."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from autograder.isolation.disk import FOLDER_BYTES, FOLDER_ENTRIES

#: Seconds between two looks, and how many in a row may be disturbed: code that moves its
#: files without end hides them.
INTERVAL, DISTURBED = 0.1, 30
#: So many times as long as the looks took nobody looks: they are the judge's own time.
PAUSE = 9
#: Threads that a worker may have at a time. RLIMIT_NPROC does not bind root, and outside
#: a user namespace it counts those of the whole account, other students' among them.
MOST_THREADS = 64
#: What is said of a worker of which there was too much, by the look that found it.
TOO_MUCH = {
    "disk": f"it wrote more than {FOLDER_BYTES // 2**20} MB, or {FOLDER_ENTRIES:,} files, "
    "into its folder",
    "threads": f"it had more than {MOST_THREADS} threads at a time",
}

#: Returns whether something is too much; None for a disturbed look.
Look = Callable[[], bool | None]


def has_too_many_threads(pid: int) -> bool:
    """Return whether a process has more than ``MOST_THREADS`` (Linux; elsewhere False)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_bytes()
        return int(status.partition(b"\nThreads:")[2].split()[0]) > MOST_THREADS
    return False


class Watch:
    """Looks at a worker in a thread of its own, until something is too much or ``stop``."""

    def __init__(self, looks: Mapping[str, Look], end: Callable[[], None]) -> None:
        """``looks`` are named as in ``TOO_MUCH``; ``end`` is called once, from the
        thread, when one of them finds too much."""
        #: The name of the look that found too much.
        self.found: str | None = None
        self._stopped = threading.Event()
        self._looks, self._end = looks, end
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        disturbed, pause = dict.fromkeys(self._looks, 0), INTERVAL
        while not self._stopped.wait(pause):
            began = time.thread_time()
            for name, look in self._looks.items():
                full = _looked(look)
                disturbed[name] = disturbed[name] + 1 if full is None else 0
                much = full or disturbed[name] > DISTURBED
                if much and not self._stopped.is_set():
                    self.found = name
                    self._end()
                    return
            pause = max(INTERVAL, PAUSE * (time.thread_time() - began))


def _looked(look: Look) -> bool | None:
    """Return what the look says; what takes more memory than there is is too much."""
    try:
        return look()
    except MemoryError:
        return True
