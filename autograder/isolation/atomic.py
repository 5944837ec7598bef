"""Writes files whole: a reader finds the old one or the new one, whenever this ends."""

import contextlib
import errno
import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from autograder.contract.here import is_file, is_folder, is_link, is_there
from autograder.isolation.locks import HAS_LOCKS, lock

_PART = re.compile(r"\.dropout-[0-9a-f]{16}\.part")
#: How old, in seconds, what is not whole must be to be nobody's, where no lock tells.
_LEFT_BEHIND = 60.0
#: The mode of a file that anybody may read whom the account lets (by its umask), and of
#: one that holds a secret, or a lock.
USUAL, PRIVATE = 0o666, 0o600


def write_whole(path: Path, content: str | bytes, mode: int = USUAL) -> None:
    """Write a file, and its folder if need be, in the place of one that is there.

    Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _part_of(path, content, mode) as part:
        part.replace(path)


def write_in_turn(files: Sequence[tuple[Path, str | bytes | None]]) -> None:
    """Write files of one folder that belong together, None for one that is to go. Where one
    cannot be written all stay as they are; of a run that is killed the later ones may be
    gone, and none is there that belongs to another than it lies beside.

    Raises ``OSError``."""
    (first, _), *later = files
    first.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        parts = [
            (stack.enter_context(_part_of(path, content, USUAL)), path)
            for path, content in files
            if content is not None
        ]
        for path, _ in later:
            path.unlink(missing_ok=True)
        for part, path in parts:
            part.replace(path)


def write_out(place: str | Path, content: str | bytes, mode: int = USUAL) -> None:
    """Write what somebody asked for where they said: whole, but to a device, a pipe or
    what a link leads to as it is: ``/dev/stdout`` is all of these. Its folder is there, or
    what they said was misspelt. Raises ``OSError``."""
    path = Path(place)
    if is_link(path) or (is_there(path) and not is_file(path)):
        with _opened(path, mode, os.O_TRUNC) as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            if mode == PRIVATE and regular and HAS_LOCKS:
                os.fchmod(file.fileno(), mode)
            with _named(path):
                file.write(_encoded(content))
                file.flush()
    elif is_folder(path.parent):
        write_whole(path, content, mode)
    else:
        raise FileNotFoundError(errno.ENOENT, "There is no such folder", path.parent)


def write_new(path: Path, text: str) -> None:
    """Write a file for this account alone, where there is none; of two that try, the
    first wins. Raises ``OSError``."""
    with _part_of(path, text, PRIVATE) as part:
        try:
            os.link(part, path)
        except FileExistsError:
            return
        except OSError:  # a disk without links; who reads too soon waits
            with contextlib.suppress(FileExistsError), _opened(path, PRIVATE) as file:
                _fill(file, text)


@contextlib.contextmanager
def _part_of(path: Path, content: str | bytes, mode: int) -> Iterator[Path]:
    """Write the content to a file beside ``path``, which ends with the context; what was
    left there by writers that were killed goes, too."""
    _remove_left_behind(path.parent)
    with _named(path):
        part, file = _new_part(path.parent)
    try:
        with file:
            with _named(path):
                _fill(file, content)
            if mode != PRIVATE:
                _open_to_others(file, mode)
            if HAS_LOCKS:
                yield part
        if not HAS_LOCKS:  # Windows, which renames no open file
            yield part
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _new_part(folder: Path) -> tuple[Path, BinaryIO]:
    """Return a new file, whose lock says that its writer lives: another account that
    could open it could lock it."""
    while True:
        part = folder / f".dropout-{os.urandom(8).hex()}.part"
        file = _opened(part, PRIVATE)
        # Without a lock for a moment, it may have been taken for one left behind.
        if lock(file) is not False and os.fstat(file.fileno()).st_nlink:
            return part, file
        file.close()


def _opened(path: Path, mode: int, how: int = os.O_EXCL) -> BinaryIO:
    """Open a file to write it: one that is not there yet, if not ``how`` says otherwise."""
    flags = os.O_WRONLY | os.O_CREAT | how | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, mode), "wb")


def _open_to_others(file: BinaryIO, mode: int) -> None:
    """Give a file, which was private until now, the mode of a file that is made."""
    if not hasattr(os, "fchmod"):  # Windows, where a file has none
        return
    with contextlib.suppress(OSError):  # a disk without modes
        os.fchmod(file.fileno(), mode & ~_umask())


def _umask() -> int:
    """Return the mask; to set it, in order to know it, would be seen by other threads."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
        found = next(line for line in lines if line.startswith("Umask:"))
        return int(found.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _encoded(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode("utf-8", "replace")


def _fill(file: BinaryIO, content: str | bytes) -> None:
    """Write a file, down to the disk."""
    file.write(_encoded(content))
    file.flush()
    os.fsync(file.fileno())


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in the system's errors: of a write to one that is open it knows none,
    and a part's name says nothing."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def _remove_left_behind(folder: Path) -> None:
    """Remove what runs left that were killed while they wrote there."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if _PART.fullmatch(path.name):
                _remove_if_nobodys(path)


def _remove_if_nobodys(part: Path) -> None:
    with contextlib.suppress(OSError):
        if is_link(part) or not is_file(part):
            return
        with part.open("rb") as file:
            held = lock(file)
            old = time.time() - os.fstat(file.fileno()).st_mtime > _LEFT_BEHIND
            if held:
                part.unlink()
        if held is None and old:
            part.unlink()
