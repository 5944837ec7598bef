"""Locks of files and folders, which end with the process that holds them."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: Whether the system has such locks; some of its disks may not.
HAS_LOCKS = fcntl is not None


def lock(file: Any) -> bool | None:
    """Return whether an open file or folder, or its descriptor, is locked for this process
    from now on until it is closed; None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True


@contextlib.contextmanager
def in_turn(folder: Path, patience: float) -> Iterator[None]:
    """Let whoever does the same with this folder end first, for ``patience`` seconds at
    most: another account may hold it for no good reason. Where there are no locks, or the
    folder cannot be opened, nobody waits."""
    try:
        held = os.open(folder, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        end = time.monotonic() + patience
        while lock(held) is False and time.monotonic() < end:
            time.sleep(0.05)
        yield
    finally:
        os.close(held)
