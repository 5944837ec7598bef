"""What lies in the inbound folder of nbgrader's exchange, which every account may write to:
names, owners, links, pipes and sizes are whatever somebody made them."""

import heapq
import os
import stat
from collections.abc import Callable, Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PurePath
from typing import NamedTuple

from autograder.doors.archives import EACH_BYTES, EACH_FILES
from autograder.doors.classroom import ENDINGS
from autograder.doors.nbgrader.timestamps import NotADate, date_in
from autograder.submission.file import MAX_BYTES
from autograder.wire.text import unfit_name

try:
    import pwd
except ImportError:  # Windows, where nbgrader has no exchange
    pwd = None  # type: ignore[assignment]

#: A link is not followed, and a pipe not waited for.
_CAREFULLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_FOLDER = _CAREFULLY | getattr(os, "O_DIRECTORY", 0)
#: Folders within each other that are looked into: each is open meanwhile.
_DEEPEST = 20


class Submitted(NamedTuple):
    """A folder that says by its name whose it is, and of when."""

    name: str
    student: str
    time: datetime
    #: The account that made it.
    owner: int


class NotTaken(Exception):
    """A submission is not what it should be; the message says why."""


def submitted_in(
    inbound: str | Path, assignment: str, students: str = "*"
) -> tuple[list[Submitted], list[str]]:
    """Return what was handed in of an assignment by the students of a pattern, and the
    names there that say of themselves to be of it, and are odd or no folders'."""
    found, odd = [], []
    with os.scandir(inbound) as entries:
        for entry in entries:
            student, mark, rest = entry.name.partition(f"+{assignment}+")
            if not mark or not fnmatchcase(student, students):
                continue
            time = _time_in(rest)
            try:
                look = entry.stat(follow_symlinks=False)
            except OSError:  # removed meanwhile
                continue
            fit = student and not unfit_name(student) and stat.S_ISDIR(look.st_mode)
            if fit and time is not None:
                found.append(Submitted(entry.name, student, time, look.st_uid))
            else:
                odd.append(entry.name)
    return sorted(found), sorted(odd)


def _time_in(rest: str) -> datetime | None:
    """Return the date that a name ends in, before a ``+`` and a word that nobody guesses;
    without it in older versions of nbgrader."""
    for text in (rest.rpartition("+")[0], rest):
        try:
            return date_in(text)
        except NotADate:
            continue
    return None


@cache
def account(number: int) -> str:
    """Return the name of an account on this machine."""
    try:
        return pwd.getpwuid(number).pw_name
    except (KeyError, AttributeError):
        return f"an account without a name ({number})"


class Taken:
    """The files of one submission that were copied; ``left`` names all others."""

    def __init__(
        self,
        owner: int | None,
        passed: Callable[[str, bool], bool],
        most: int = MAX_BYTES,
        total: int = EACH_BYTES,
    ) -> None:
        """Take an ``owner``'s files only, None: of anybody. Names, and whether they are
        files', for which ``passed`` is true are none of the submission; a file may have
        ``most`` bytes, and all ``total``."""
        self._owner, self._passed = owner, passed
        self._most, self._total = min(most, MAX_BYTES), min(total, EACH_BYTES)
        self._files = self._bytes = self._work = 0
        self.left: list[str] = []

    def copy(self, source: Path, target: Path) -> None:
        """Copy a folder to a new one. Raises ``NotTaken``, and ``OSError`` where nothing
        can be written."""
        try:
            folder = os.open(source, _FOLDER)
        except OSError as error:
            told = f"it cannot be read ({error.strerror})"
            raise NotTaken(told) from None
        try:
            self._copy(folder, target, "", 0)
        finally:
            os.close(folder)
        if notebooks := [n for n in self.left if PurePath(n).suffix == ".ipynb"]:
            told = f"{notebooks[0]} is no file of theirs that can be copied"
            raise NotTaken(told)
        if not self._work:
            raise NotTaken("it holds no notebook and no .py file")

    def _copy(self, folder: int, target: Path, below: str, depth: int) -> None:
        if self._owner not in (None, os.fstat(folder).st_uid):
            raise NotTaken("it is another's by now")
        target.mkdir(parents=True)
        for name in _first_names(folder):
            self._files += 1
            if self._files > EACH_FILES:
                self.left.append(below + name)
                return
            self._copy_one(folder, name, target / name, below + name, depth)

    def _copy_one(
        self, folder: int, name: str, target: Path, shown: str, depth: int
    ) -> None:
        try:
            look = os.stat(name, dir_fd=folder, follow_symlinks=False)
            is_folder = stat.S_ISDIR(look.st_mode)
            if self._passed(name, not is_folder):
                return
            inner = None
            if is_folder and depth < _DEEPEST:
                inner = os.open(name, _FOLDER, dir_fd=folder)
            content = None if is_folder else self._read(folder, name)
        except (OSError, ValueError):
            inner = content = None
        if inner is not None:
            try:
                self._copy(inner, target, f"{shown}/", depth + 1)
            except NotTaken:
                self.left.append(shown)
            finally:
                os.close(inner)
        elif content is not None:
            target.write_bytes(content)
            self._work += _is_work(name)
        else:
            self.left.append(shown)

    def _read(self, folder: int, name: str) -> bytes | None:
        """Return what a file holds, within bounds; None for what is none of theirs: a hard
        link may be to another's."""
        limit = min(self._most, self._total - self._bytes)
        content = bytes_in(name, limit, folder, self._owner)
        self._bytes += len(content or b"")
        return content


def has_work(folder: Path) -> bool:
    """Whether a folder holds work by its names: one whose copying was cut off has none, or
    not yet. Of a folder that cannot be read the answer is no."""
    try:
        with os.scandir(folder) as entries:
            return any(_is_work(entry.name) for entry in entries)
    except OSError:
        return False


def _is_work(name: str) -> bool:
    return PurePath(name).suffix in ENDINGS


def bytes_in(
    path: str | Path, limit: int, folder: int | None = None, owner: int | None = None
) -> bytes | None:
    """Return what a file holds; None for what is no file, an ``owner``'s where one is
    named, or larger than ``limit``. Links are not followed, but those on the way there.

    Raises ``OSError``."""
    if not stat.S_ISREG(os.stat(path, dir_fd=folder, follow_symlinks=False).st_mode):
        return None  # to open a device may do something
    with os.fdopen(os.open(path, _CAREFULLY, dir_fd=folder), "rb") as file:
        look = os.fstat(file.fileno())
        theirs = owner in (None, look.st_uid)
        if not theirs or not stat.S_ISREG(look.st_mode) or look.st_size > limit:
            return None
        content = file.read(limit + 1)
    return content if len(content) <= limit else None


def _first_names(folder: int) -> list[str]:
    """Return as many names in an open folder as are looked at: notebooks first."""

    def names() -> Iterator[str]:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield entry.name

    def last(name: str) -> tuple[bool, str]:
        return not (_is_work(name) or name.endswith(".txt")), name

    return heapq.nsmallest(EACH_FILES + 1, names(), key=last)
