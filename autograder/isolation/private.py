"""Whether a file is this account's alone: who else may read it, change it or replace it.

Only on systems with owners and modes; elsewhere everything counts as private. An account's
own group, of its name and with nobody else in it, is the account itself.
"""

import contextlib
import functools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

try:
    import grp
    import pwd
except ImportError:  # Windows
    grp = pwd = None  # type: ignore[assignment]

#: Links that lead to links may go in a circle.
_MOST_LINKS = 40


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are not there, for this account alone;
    ``Path.mkdir`` has a mode for the last one only. Raises ``OSError``."""
    missing = []
    while not os.path.lexists(folder) and folder != folder.parent:
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def exposed(file: Path) -> str:
    """Return how others could know or replace what is in a file, and what to do, as a
    clause; nothing if they cannot. Raises ``OSError``."""
    if pwd is None:
        return ""
    if told := replaceable(file):
        return told
    found = file.stat()
    if found.st_uid != os.geteuid():
        return f"{file} belongs to another account ({_name(found.st_uid)}); replace it"
    if found.st_mode & 0o077:
        return f"{file} can be read by other accounts; chmod 600 it"
    return ""


def replaceable(path: Path) -> str:
    """Return which folder above lets others put something else in this path's place, as a
    clause; nothing if none does. What is not there yet is not looked at. Raises
    ``OSError``."""
    if pwd is None:
        return ""
    for folder, name in _steps(path):
        found, below = folder.stat(), folder / name
        if found.st_uid not in _trusted():
            return f"{folder} belongs to another account ({_name(found.st_uid)})"
        if not _others_write(found):
            continue
        # In a sticky folder only its owner and the thing's may move it.
        protects = found.st_mode & stat.S_ISVTX and os.path.lexists(below)
        if not protects or below.lstat().st_uid not in _trusted():
            return f"other accounts can change {folder}; chmod go-w it"
    return ""


def _steps(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folders that a path leads through, links followed, each without a link in
    it and with the name that is looked up there; as far as they are there."""
    folder, waiting, links = Path(path.anchor), list(path.parts[1:]), 0
    while waiting:
        name = waiting.pop(0)
        if name == os.pardir:
            folder = folder.parent
            continue
        yield folder, name
        if (folder / name).is_symlink():
            links += 1
            if links > _MOST_LINKS:
                return
            target = (folder / name).readlink()
            folder = Path(target.anchor) if target.is_absolute() else folder
            waiting[:0] = target.parts[1:] if target.is_absolute() else target.parts
        elif (folder / name).is_dir():
            folder = folder / name
        else:
            return


def _others_write(found: os.stat_result) -> bool:
    """Whether accounts besides the owner and this one may write in a folder."""
    if found.st_mode & 0o002:
        return True
    return bool(found.st_mode & 0o020) and not _is_own(found.st_gid)


@functools.cache
def _is_own(group: int) -> bool:
    """Whether a group is this account's, or root's, alone."""
    try:
        known = grp.getgrgid(group)
        accounts = {pwd.getpwuid(number).pw_name for number in (os.geteuid(), 0)}
    except KeyError:
        return False
    return known.gr_name in accounts and set(known.gr_mem) <= accounts


@functools.cache
def _trusted() -> frozenset[int]:
    """Return the accounts that could do anything: this one and the system's. In a name
    space of users the system's files belong to a number that stands for all outside."""
    found = {0, os.geteuid()}
    with contextlib.suppress(OSError, ValueError):
        mapped = Path("/proc/self/uid_map").read_text().split()
        if sum(map(int, mapped[2::3])) < 2**32 - 1:
            found.add(int(Path("/proc/sys/kernel/overflowuid").read_text()))
    return frozenset(found)


def _name(account: int) -> str:
    try:
        return pwd.getpwuid(account).pw_name
    except KeyError:
        return str(account)
