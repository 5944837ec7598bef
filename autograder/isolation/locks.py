"""Locks of files and folders, which end with the process that holds them."""

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
