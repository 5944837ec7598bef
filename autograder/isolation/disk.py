"""The bound on what a worker may keep in its folder.

RLIMIT_FSIZE bounds one file, and nothing bounds their number: the judge measures the
folder, or counts the files in the small /tmp that bubblewrap makes, and ends a worker that
fills it.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from autograder.isolation.limits import Limits

#: Bytes on the disk, and files and folders, that a worker may have at a time.
FOLDER_BYTES, FOLDER_ENTRIES = 64 * 2**20, 4_000
#: Bytes of the kernel's list of what a worker has mapped: honest code's has a tenth of
#: that, and one of a hundred times as many would cost the judge's memory.
_MAPS_BYTES = 2 * 2**20


def is_full(folder: str, pid: int | None = None) -> bool | None:
    """Return whether a folder holds more than a worker may keep, and with it the files
    that the process ``pid`` has open, or mapped, after it removed them (Linux only).

    None means that something moved away meanwhile and the rest is no more than allowed.
    A folder that cannot be looked into counts as full: its contents are hidden, or its
    path is too long to be read; so does one of a process with more mappings than are read."""
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
    held = _removed_but_held(folder, pid)
    if held is None or size + held > FOLDER_BYTES:
        return True
    return None if moved else False


def _size(found: os.stat_result) -> int:
    blocks = getattr(found, "st_blocks", None)
    return found.st_size if blocks is None else 512 * blocks


def _removed_but_held(folder: str, pid: int | None) -> int | None:
    """Return the bytes; None where there is too much to be looked through."""
    sizes: dict[int, int] = {}
    mapped: set[int] = set()
    for descriptor in _descriptors(pid):
        with contextlib.suppress(OSError):
            found = descriptor.stat()
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
                sizes[found.st_ino] = _size(found)
    # A mapping holds a file that has no name and no descriptor any more.
    if len(listed := _mappings(pid)) > _MAPS_BYTES:
        return None
    real = os.path.realpath(folder)
    for line in listed.decode(errors="replace").splitlines():
        if line.endswith("(deleted)") and real in line:
            mapped.add(int(line.split(maxsplit=5)[4]))
    # Nobody says how large the file is of which a page is mapped.
    unknown = len(mapped - sizes.keys()) * Limits.file_bytes
    return sum(sizes.values()) + unknown


def _mappings(pid: int | None) -> bytes:
    """Return the beginning of the kernel's list; of a thread that runs, for one that has
    ended, as a process's first may have, has none."""
    listed = b""
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError), (thread / "maps").open("rb") as maps:
                if listed := maps.read(_MAPS_BYTES + 1):
                    break
    return listed


def _descriptors(pid: int | None) -> Iterator[Path]:
    """Yield what each thread has open: one may have descriptors of its own."""
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                yield from (thread / "fd").iterdir()


def private_tmp(pid: int) -> str | None:
    """Return where this process sees the /tmp that bubblewrap made for the process
    ``pid``, None where it may not look.

    Its size is bubblewrap's affair; the number of files in it, each of which takes the
    kernel's memory, is not."""
    path = f"/proc/{pid}/root/tmp"
    try:
        own = Path("/tmp").stat().st_dev
        return path if Path(path).stat().st_dev != own else None
    except OSError:
        return None


def is_crowded(folder: str) -> bool:
    """Return whether more files were made in the folder's file system than allowed; a
    folder that is gone, with its process, is not crowded."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_files - found.f_ffree > FOLDER_ENTRIES
