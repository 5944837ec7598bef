"""Writes files whole: a reader finds the old one or the new one, whenever this ends."""

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

#: What a file is called that is not whole yet, and how old, in seconds, one must be to be
#: nobody's work any more.
_PART, _LEFT_BEHIND = re.compile(r"\.dropout-[0-9a-f]{16}\.part"), 60.0


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, and its folder if need be, in the place of one that is there.

    Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _part_of(path, content, 0o666) as part:
        part.replace(path)


def write_new(path: Path, text: str) -> None:
    """Write a file for this account alone, where there is none; of two that try, the
    first wins. Raises ``OSError``."""
    with _part_of(path, text, 0o600) as part:
        try:
            os.link(part, path)
        except FileExistsError:
            return
        except OSError:  # a disk without links; who reads too soon waits
            with contextlib.suppress(FileExistsError):
                _write(path, text, 0o600)


@contextlib.contextmanager
def _part_of(path: Path, content: str | bytes, mode: int) -> Iterator[Path]:
    """Write the content to a file beside ``path``, which ends with the context."""
    part = path.with_name(f".dropout-{os.urandom(8).hex()}.part")
    try:
        _write(part, content, mode)
        yield part
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _write(path: Path, content: str | bytes, mode: int) -> None:
    """Write a file that is not there yet, down to the disk."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def remove_parts(files: Iterable[Path]) -> None:
    """Remove, of these files, those that runs left that were killed while they wrote."""
    for part in filter(lambda path: _PART.fullmatch(path.name), files):
        with contextlib.suppress(OSError):
            if time.time() - part.lstat().st_mtime > _LEFT_BEHIND and part.is_file():
                part.unlink()
