"""Marks of the students whom a run has in hand, beside their autograded folders.

A run holds a lock on each of its marks: one without a lock is of a run that did not come to
an end, or of points that changed (``handed_out``).
"""

import contextlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from autograder.contract.here import is_there
from autograder.isolation.atomic import PRIVATE
from autograder.isolation.locks import HAS_LOCKS, lock

if not HAS_LOCKS:  # Windows
    import msvcrt

#: On Windows a lock keeps others from reading, so it lies far behind the text.
_FAR_BEHIND = 2**30

ENDING = ".unfinished"

#: Seconds that a student is waited for whom a run has in hand only to enter what is graded.
BRIEFLY = 1.0


def mark_path(folder: str | Path) -> Path:
    """Return where the mark of an ``autograded/<student>/<assignment>`` is; nbgrader's
    patterns pass over it, and it is not in the folder that is handed back."""
    folder = Path(folder)
    return folder.with_name(f".{folder.name}{ENDING}")


def next_path(folder: str | Path) -> Path:
    """Return where a notebook waits that is to take the place of the one in the folder,
    when the gradebook takes the whole class."""
    folder = Path(folder)
    return folder.with_name(f".{folder.name}.next")


def is_unfinished(folder: str | Path) -> bool:
    """Whether an autograded folder is half-written, or what is to take its place waits:
    by a run now, or by one that ended."""
    try:
        return is_there(next_path(folder)) or mark_path(folder).stat().st_size > 0
    except OSError:
        return False


def unfinished_of(folders: str | Path, root: str | Path) -> list[Path]:
    """Return the unfinished ones of autograded folders, by a pattern as nbgrader makes it,
    below ``root``."""
    found = set()
    for path_of in (mark_path, next_path):
        mark = path_of(folders)
        for path in Path(root).glob(os.path.relpath(mark, root)):
            name = path.name.removeprefix(".").removesuffix(mark.suffix)
            found.add(path.with_name(name))
    return sorted(filter(is_unfinished, found))


class InOtherHands(Exception):
    """Another run is at work on this student."""


@dataclass
class Mark:
    """A mark that this run holds; its file says who works on which notebooks."""

    path: Path
    file: int
    #: What an earlier run left in it: nothing where there was no such run.
    words: bytes

    @property
    def earlier(self) -> set[str] | None:
        """The notebooks that an earlier run left unfinished; None: there was no such run."""
        try:
            return set(json.loads(self.words)["notebooks"]) if self.words else None
        except (ValueError, KeyError, TypeError):
            return set()

    @classmethod
    def take(cls, path: Path, patience: float = 0.0) -> "Mark":
        """Return the mark, without a word in it if it is new. Raises ``InOtherHands`` after
        so many seconds."""
        end = time.monotonic() + patience
        while True:
            try:
                return cls._take_now(path)
            except InOtherHands:
                if time.monotonic() >= end:
                    raise
            time.sleep(0.02)

    @classmethod
    def _take_now(cls, path: Path) -> "Mark":
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            # Another account that could open it could lock it, and nobody would grade.
            file = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE)
            try:
                _make_private(file)
                _lock(file)
                if _is_at(file, path):
                    os.lseek(file, 0, os.SEEK_SET)
                    return cls(path, file, os.read(file, 2**20))
            except BaseException:
                os.close(file)
                raise
            # The run that held it has just removed it.
            os.close(file)

    def write(self, notebooks: set[str]) -> None:
        """Say that these are unfinished from now on."""
        words = {"process": os.getpid(), "notebooks": sorted(notebooks)}
        text = json.dumps(words).encode()
        os.lseek(self.file, 0, os.SEEK_SET)
        # In the place of the old words: a full disk takes none of them.
        os.write(self.file, text)
        os.ftruncate(self.file, len(text))
        os.fsync(self.file)

    def remove(self) -> None:
        """All is written."""
        # Empty it means nothing, should its removal fail.
        os.ftruncate(self.file, 0)
        if os.name == "nt":  # which removes no open file
            self.release()
        with contextlib.suppress(OSError):
            self.path.unlink()
        self.release()

    def release(self) -> None:
        """Give the lock back; a mark that is still there stays."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1


def _make_private(file: int) -> None:
    """Close a mark to others that an earlier version of the grader left open to them."""
    if HAS_LOCKS:
        with contextlib.suppress(OSError):  # another account's, or a disk without modes
            os.fchmod(file, PRIVATE)


def _lock(file: int) -> None:
    """Lock a mark. Raises ``InOtherHands``.

    On a file system without locks two runs at once are the teacher's to avoid."""
    if (lock(file) if HAS_LOCKS else _lock_for_windows(file)) is False:
        raise InOtherHands


def _lock_for_windows(file: int) -> bool | None:
    try:
        os.lseek(file, _FAR_BEHIND, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
