"""Looks through, and removes, folders that a student filled, however deep they nest."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def walk(folder: str | Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield like ``os.walk``, which in Python 3.11 ends at the depth of Python's stack.

    Links to folders are named and not followed; what cannot be looked into is passed over.
    Who takes a name out of the list of folders keeps this from looking there."""
    waiting = [os.fspath(folder)]
    while waiting:
        place = waiting.pop()
        folders: list[str] = []
        files: list[str] = []
        paths: dict[str, str] = {}
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                (folders if _is_folder(entry) else files).append(entry.name)
                if not entry.is_symlink():
                    paths[entry.name] = entry.path
        yield place, folders, files
        waiting += [paths[name] for name in folders if name in paths]


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
    """Return a descriptor of a folder, never of what a link leads to."""
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)


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
