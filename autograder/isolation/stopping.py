"""Sees to it that a signal is obeyed, whatever the main thread waits for."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

#: Seconds between two calls of the main thread.
_INTERVAL = 0.05


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Have the main thread run the handler of every signal at once (POSIX).

    Python runs handlers in the main thread, and a wait of that thread's ends for a signal
    only if it arrives *there* and *in* the wait: one that another thread got, or that came
    a moment before the wait, is not seen until what is waited for is there. So a thread
    hears of all signals, and calls the main thread until it has run the handlers; SIGURG,
    which says so, does nothing where nobody waits for it."""
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
