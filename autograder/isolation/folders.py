"""Looks through, and removes, folders that a student filled, however deep they nest."""

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from autograder.isolation.locks import HAS_LOCKS, lock

#: What our folders are called, and how old, in seconds, one must be to be nobody's: a new
#: one is not locked yet.
_NAME, _LEFT_BEHIND = "dropout-{}-locked-", 60.0


def new_folder(use: str = "worker") -> tuple[str, int | None]:
    """Return a new temporary folder, and the lock that says it is in use.

    The lock ends with this process, however that ends: a folder without one was left by a
    process that was killed, and goes when another process makes its first folder."""
    _remove_left_behind(tempfile.gettempdir())
    path = tempfile.mkdtemp(prefix=_NAME.format(use))
    return path, _locked(path)


def give_up(folder: str, held: int | None) -> None:
    """Remove a new folder, and then its lock."""
    remove_folder(folder)
    if held is not None:
        os.close(held)


@contextlib.contextmanager
def lent_folder(use: str) -> Iterator[Path]:
    """Yield a new temporary folder that goes with the context, or, where this process is
    killed, with a later one."""
    folder, held = new_folder(use)
    try:
        yield Path(folder)
    finally:
        give_up(folder, held)


def _locked(path: str) -> int | None:
    """Return a locked descriptor of a folder; None where another process holds the lock,
    or folders have none."""
    if not HAS_LOCKS:
        return None
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    if lock(folder):
        return folder
    os.close(folder)
    return None


@cache
def _remove_left_behind(place: str) -> None:
    """Remove the folders of processes that were killed; once in a process."""
    if not HAS_LOCKS:  # nobody knows whose they are
        return
    with contextlib.suppress(OSError):
        for path in Path(place).glob(_NAME.format("*") + "*"):
            if _is_old_and_ours(path) and (held := _locked(str(path))) is not None:
                remove_folder(str(path))
                os.close(held)


def _is_old_and_ours(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return ours and time.time() - found.st_mtime > _LEFT_BEHIND


def walk(
    folder: str | Path, unread: Callable[[str], object] = lambda place: None
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield like ``os.walk``, which in Python 3.11 ends at the depth of Python's stack.

    Links to folders are named and not followed; what cannot be looked into is passed over,
    and ``unread`` is called with its path. Who takes a name out of the list of folders
    keeps this from looking there. Of what waits the names are held, and no paths: a
    thousand siblings may lie 4,000 characters deep."""
    waiting: list[tuple[str, list[str]]] = [("", [os.fspath(folder)])]
    while waiting:
        above, names = waiting[-1]
        if not names:
            waiting.pop()
            continue
        place = os.path.join(above, names.pop())  # noqa: PTH118
        folders: list[str] = []
        files: list[str] = []
        real: set[str] = set()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    (folders if _is_folder(entry) else files).append(entry.name)
                    if not _is_link(entry):
                        real.add(entry.name)
        except (OSError, ValueError):
            unread(place)
        yield place, folders, files
        waiting.append((place, [name for name in folders if name in real]))


def _is_link(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_symlink()
    except OSError:  # where the system does not tell it with the name
        return True


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def remove_folder(path: str) -> None:
    """Remove a folder and what is in it; what cannot be removed stays, without error.

    ``shutil.rmtree`` recurses, and ends at the depth of Python's stack. Here each folder
    in ``path`` hands its own folders up to ``path`` before it goes, so that none is deep.
    """
    if os.rename not in os.supports_dir_fd or os.scandir not in os.supports_fd:
        with contextlib.suppress(RecursionError):
            shutil.rmtree(path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        top = _opened(path)
        try:
            _empty(top)
        finally:
            os.close(top)
        Path(path).rmdir()


def _opened(name: str, parent: int | None = None) -> int:
    """Return a descriptor of a folder, never of what a link leads to, and let its owner
    read and change it."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        folder = os.open(name, flags, dir_fd=parent)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=parent)
        folder = os.open(name, flags, dir_fd=parent)
    with contextlib.suppress(OSError):
        os.fchmod(folder, 0o700)
    return folder


def _empty(top: int) -> None:
    """Remove what is in an open folder."""
    while names := _folders(top):
        before = set(names)
        for name in names:
            with contextlib.suppress(OSError):
                inner = _opened(name, top)
                try:
                    for child in _folders(inner):
                        new = os.urandom(16).hex()
                        os.chmod(child, 0o700, dir_fd=inner)
                        os.rename(child, new, src_dir_fd=inner, dst_dir_fd=top)
                finally:
                    os.close(inner)
                os.rmdir(name, dir_fd=top)
        if before <= set(_folders(top)):
            return  # nothing gives way


def _folders(folder: int) -> list[str]:
    """Remove all that is not a folder from an open folder; return the folders in it."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=folder)
    return [name for name, is_folder in found if is_folder]
