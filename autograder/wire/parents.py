"""Ends a process when the one that started it is gone, however that came to its end."""

import os
import signal
import sys
import threading
import time

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
