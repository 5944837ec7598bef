"""The bound on what a worker may keep in its folder.

RLIMIT_FSIZE bounds one file, and nothing bounds their number: without bubblewrap, whose
/tmp is small, the judge measures the folder and ends a worker that fills it.
"""

import contextlib
import os
import stat
import threading
from collections.abc import Callable

#: Bytes on the disk, and files and folders, that a worker may have at a time.
FOLDER_BYTES, FOLDER_ENTRIES = 64 * 2**20, 4_000
#: Seconds between two measurements, and how many in a row may be disturbed: code that
#: moves its files without end hides them.
INTERVAL, DISTURBED = 0.1, 30


def is_full(folder: str, pid: int | None = None) -> bool | None:
    """Return whether a folder holds more than a worker may keep, and with it the files
    that the process ``pid`` has open after it removed them (Linux only).

    None means that something moved away meanwhile and the rest is no more than allowed.
    A folder that cannot be looked into counts as full: its contents are hidden, or its
    path is too long to be read."""
    size, entries, moved = 0, 0, False
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    entries += 1
                    size += _size(entry.stat(follow_symlinks=False))
                    if entries > FOLDER_ENTRIES or size > FOLDER_BYTES:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except FileNotFoundError:
            moved = True
        except OSError:
            return True
    if size + _removed_but_open(pid) > FOLDER_BYTES:
        return True
    return None if moved else False


def _size(found: os.stat_result) -> int:
    blocks = getattr(found, "st_blocks", None)
    return found.st_size if blocks is None else 512 * blocks


def _removed_but_open(pid: int | None) -> int:
    size, seen = 0, set()
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as descriptors:
        for entry in descriptors:
            with contextlib.suppress(OSError):
                found = entry.stat()
                if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
                    size += 0 if found.st_ino in seen else _size(found)
                    seen.add(found.st_ino)
    return size


class Watch:
    """Measures a worker's folder in a thread of its own, until it is full or ``stop``."""

    def __init__(self, folder: str, pid: int, end: Callable[[], None]) -> None:
        """``end`` is called once, from the thread, when the folder is full."""
        self.full = False
        self._stopped = threading.Event()
        self._about = folder, pid, end
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        folder, pid, end = self._about
        disturbed = 0
        while not self._stopped.wait(INTERVAL):
            full = is_full(folder, pid)
            disturbed = disturbed + 1 if full is None else 0
            if (full or disturbed > DISTURBED) and not self._stopped.is_set():
                self.full = True
                end()
                return
