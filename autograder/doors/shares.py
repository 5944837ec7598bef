"""Whose room in an archive each of its files takes, and which are looked at at all."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath

from autograder.doors.classroom import ENDINGS, ClassError
from autograder.doors.contents import UTF_8, Contents
from autograder.doors.few import common_start
from autograder.doors.gradescope_download import EXPORT, SUBMISSION
from autograder.doors.platforms import Owner, owner_by
from autograder.wire.litter import is_litter

#: Bytes of a folder's or a file's name, and of a path, that a disk takes, and folders that a
#: path may lead through: no pattern is tried on more.
LONGEST_NAME, LONGEST_PATH, DEEPEST = 255, 3_000, 100
_TOO_MANY = (
    "The archive holds more than {}: unpack it, remove what is nobody's work, and collect "
    "the folder."
)
#: Things at the top by whose names the platform is told.
_MOST_TOPS = 500_000
#: The parts of a path in the archive, and whether it is a folder's.
_Path = tuple[tuple[str, ...], bool]


def parts_of(name: str, flags: int) -> tuple[str, ...]:
    """Return the parts of a name, none of which leads out of a folder."""
    parts = re.split(r"[/\\]", name)
    # Each by itself: a part that a student chose says nothing of how others are written.
    known = flags & UTF_8 or len(parts) > DEEPEST
    read = parts if known else map(_read, parts)
    return tuple(part for part in read if part not in ("", ".", ".."))


def _read(part: str) -> str:
    """Return a name as it was meant: macOS and Info-ZIP write UTF-8 without a flag, which
    zipfile takes for cp437."""
    if part.isascii():
        return part
    try:
        return part.encode("cp437").decode("utf-8")
    except UnicodeError:
        return part


def fits(parts: tuple[str, ...]) -> bool:
    """Return whether a disk may take such a path, and somebody may have made it."""
    if len(parts) > DEEPEST:
        return False
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    return max(sizes, default=0) <= LONGEST_NAME and sum(sizes) <= LONGEST_PATH


class Shares:
    """Whose each file of an archive is. The paths are gone through twice, and none is held."""

    def __init__(self, contents: Contents, pattern: str | None) -> None:
        self._contents = contents
        common: list[str] | None = None
        for parts, folder in self._paths():
            # A list of grades that lies beside the folder of a class is in nobody's.
            beside = not parts[1:] and PurePath(*parts).suffix not in ENDINGS
            if not folder and parts and not beside:
                common = common_start(common, list(parts[:-1]))
        self._below = len(common or [])
        self._owner = owner_by(self._names(), pattern)
        #: Whose files are too many, or too long names, of all that were left out.
        self.over = set[Owner]()

    def _paths(self) -> Iterator[_Path]:
        for entry in self._contents:
            parts = parts_of(entry.name, entry.flags)
            if not any(map(is_litter, parts)):
                yield parts, entry.name.endswith("/")

    def _names(self) -> Iterator[str]:
        """Yield a name below each of the things that lie at the top. Of these marks are
        held, and not the names."""
        seen = set[int]()
        for parts, folder in self._paths():
            if parts and not folder and fits(parts):
                top = self._top(parts)
                if hash(top) not in seen and len(seen) < _MOST_TOPS:
                    seen.add(hash(top))
                    yield "/".join(parts[self._below :]) or top

    def _top(self, parts: tuple[str, ...]) -> str:
        return parts[min(self._below, len(parts) - 1)] if parts else ""

    def of(self, parts: tuple[str, ...]) -> tuple[Owner, int]:
        """Return whose room in the archive this takes: a student's, a submission's; and how
        many parts the path of the folder has that may be one's own."""
        outside = parts[1:] if parts and EXPORT.fullmatch(parts[0]) else parts
        if outside and SUBMISSION.fullmatch(outside[0]):
            return (outside[0],), len(parts) - len(outside) + 1
        top = self._top(parts)
        if not fits((top,)):
            return (top[:LONGEST_NAME],), 1
        name = "/".join(parts[self._below :]) if fits(parts) else f"{top}/_"
        return self._owner(name or top, top), 1

    def table(self, each: tuple[int, int], most: tuple[int, int]) -> list[bytes]:
        """Return the entries of the table of contents, without what is beyond ``each`` one's
        share of files and of their names' bytes. Raises ``ClassError`` for what is more than
        ``most``."""
        files, names, folders = (Counter[Owner]() for _ in range(3))
        kept, size, seen = list[bytes](), 0, set[tuple[str, ...]]()
        for name, flags, data in self._contents:
            parts = parts_of(name, flags)
            litter = next((i for i, p in enumerate(parts) if is_litter(p)), None)
            if litter is not None or name.endswith("/"):
                # Of folders it only counts that somebody has one.
                parts = parts[:litter]
                own, depth = self.of(parts)
                if parts[:depth] in seen or not depth <= len(parts) <= DEEPEST:
                    continue
                folders[own] += 1
                if folders[own] > each[0] or not fits(parts):
                    continue
                seen.add(parts[:depth])
            else:
                own, _ = self.of(parts)
                files[own] += 1
                names[own] += len(data)
                if files[own] > each[0] or names[own] > each[1]:
                    self.over.add(own)
                    continue
            kept.append(data)
            size += len(data)
            if len(kept) > most[0]:
                raise ClassError(_TOO_MANY.format(f"{most[0]:,} files"))
            if size > most[1]:
                raise ClassError(_TOO_MANY.format(f"{most[1] >> 20} MB of names"))
        return kept
