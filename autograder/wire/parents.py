"""Ends a process when the one that started it is gone, or when a signal says so."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int | None = None) -> None:
    """Have this process killed when its parent ends; end now if that is gone already.

    ``parent`` is the parent's process id as the parent told it; by default the present
    one, which misses a parent that ended before this call. On Linux the kernel sees to
    it, and takes the *thread* that started this process for the parent: that thread must
    live as long. On other POSIX systems a thread looks twice a second. On Windows nothing
    happens: there a process must watch a pipe from its parent."""
    if os.name != "posix":
        return
    known = os.getppid() if parent is None else parent
    asked = sys.platform == "linux" and _ask_the_kernel()
    if os.getppid() != known:
        os._exit(1)
    if not asked:
        threading.Thread(target=_watch, args=(known,), daemon=True).start()


def _ask_the_kernel() -> bool:
    import ctypes

    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return bool(libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


#: Seconds between two calls of the main thread.
_INTERVAL = 0.05


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Have the main thread run the handler of every signal at once (POSIX).

    Of its waits a signal ends only one that it comes *into*, and *there*: not one that
    begins a moment later, nor if another thread gets it. So a thread hears of all signals
    and sends SIGURG, which says nothing, until the handlers have run."""
    main = threading.main_thread()
    if threading.current_thread() is not main or not _is_free():
        return (yield)
    calls, ended = 0, False

    def called(number: int, frame: object) -> None:
        nonlocal calls
        calls += 1

    def listen() -> None:
        while (numbers := os.read(reading, 4096)) and not ended:
            # The first may be of a round of handlers that began before the signal came.
            enough = calls + 2
            while set(numbers) != {signal.SIGURG} and calls < enough and not ended:
                signal.pthread_kill(main.ident or 0, signal.SIGURG)
                time.sleep(_INTERVAL)

    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    signal.signal(signal.SIGURG, called)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield
    finally:
        ended = True
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGURG, signal.SIG_DFL)
        os.close(writing)
        listener.join()
        os.close(reading)


def _is_free() -> bool:
    """Whether nobody hears of this process's signals yet, as an event loop may."""
    if os.name != "posix" or signal.getsignal(signal.SIGURG) is not signal.SIG_DFL:
        return False
    if (theirs := signal.set_wakeup_fd(-1)) >= 0:
        signal.set_wakeup_fd(theirs)
    return theirs < 0
