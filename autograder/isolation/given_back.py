"""Memory that is freed goes back to the system."""

import contextlib
import sys

#: Of glibc's ``mallopt``: blocks of so many bytes have pages of their own.
_MMAP_THRESHOLD, _BYTES = -3, 2**20


def give_back_memory() -> None:
    """Have the C library (glibc) give back each megabyte that is freed. What it would keep
    for the next text lies in pieces between others, and that next text seldom fits."""
    if sys.platform != "linux":
        return
    import ctypes

    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _BYTES)
