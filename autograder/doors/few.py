"""What lies below the folder of a class, as far as it is looked at: whoever unpacks a million
files there makes nobody else wait, or fail."""

import itertools
import os
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path, PurePath

from autograder.contract.here import is_link
from autograder.isolation.folders import walk
from autograder.wire.litter import is_litter

#: Files of one student that are looked at, and characters of their names.
EACH_FILES, EACH_NAMES = 1_000, 2**18
#: Students in all, or files where these lie together, and characters of all names.
MOST_STUDENTS, MOST_NAMES = 100_000, 2**24

#: The files that are looked at, by their names below the folder, and how many more of the
#: same student there are.
Names = list[tuple[str, int]]


class TooMany(Exception):
    """So many files are none of a class; the message says so."""


def names_below(folder: Path, endings: Collection[str]) -> tuple[int, Names, Names]:
    """Return in how many folders all files lie together, the files with one of the endings,
    and the links to folders and the folders that cannot be read.

    Hidden folders are not looked into, and hidden files passed over. Raises ``TooMany``."""
    shared, of_rest = _shared(folder, endings)
    work, rest = Few(shared), Few(of_rest)
    for name, is_work in _names(folder, endings):
        (work if is_work else rest).add(name)
    return shared, work.names(), rest.names()


def _names(folder: Path, endings: Collection[str]) -> Iterator[tuple[str, bool]]:
    """Yield what lies below a folder, and whether it is work: not links to folders, nor
    folders that cannot be read."""
    closed: list[str] = []
    for place, folders, files in walk(folder, closed.append):
        below = name_below(folder, place)
        # A student's own name may begin with __.
        passed = (".", "__") if below else "."
        folders[:] = [
            name for name in folders if not (name.startswith(passed) or is_litter(name))
        ]
        if closed:
            closed.clear()
            if below:
                yield below, False
        start = f"{below}/" if below else ""
        for name in folders:
            if is_link(Path(place, name)):
                yield start + name, False
        for name in files:
            if PurePath(name).suffix in endings and not name.startswith("."):
                yield start + name, True


def name_below(folder: Path, place: str) -> str:
    """Return how ``walk(folder)``'s place is called below it: "" for itself."""
    return place[len(os.fspath(folder)) :].replace(os.sep, "/").strip("/")


def _shared(folder: Path, endings: Collection[str]) -> tuple[int, int]:
    """Return in how many folders all that counts lies together, and in how many with the
    rest: how deep one's work lies says nothing of another's links."""
    common: dict[bool, list[str] | None] = {True: None, False: None}
    for name, is_work in _names(folder, endings):
        common[is_work] = common_start(common[is_work], name.split("/")[:-1])
    work, rest = common[True], common[False]
    if work is None:
        return len(rest or []), len(rest or [])
    # Whose work is there, of them no link counts.
    if rest is not None and work[:1] != rest[:1]:
        return 0, 0
    return len(work), len(common_start(rest, work))


def common_start(one: list[str] | None, other: list[str]) -> list[str]:
    """Return what two paths begin with; None begins with anything."""
    if one is None:
        return other
    pairs = itertools.takewhile(
        lambda pair: pair[0] == pair[1], zip(one, other, strict=False)
    )
    return [part for part, _ in pairs]


class Few:
    """Keeps of each student's files below a folder the least deep ones, and of those the
    first by name, up to ``EACH_FILES`` and ``EACH_NAMES``; of the others it knows how many
    they are.

    ``shared`` is how many folders are several students'."""

    def __init__(self, shared: int) -> None:
        self._shared = shared
        self._kept: dict[str, list[tuple[int, str]]] = {}
        self._more, self._size = Counter[str](), Counter[str]()
        self._total = 0

    def key(self, name: str) -> str:
        """Return the student's folder of a file, or where there is none the file."""
        return "/".join(name.split("/")[: self._shared + 1])

    def add(self, name: str) -> None:
        """Keep a file for now. Raises ``TooMany``."""
        key = self.key(name)
        kept = self._kept.setdefault(key, [])
        kept.append((name.count("/"), name))
        self._size[key] += len(name)
        self._total += len(name)
        # Not at each file: the rest has its turn when as much again has come.
        if len(kept) > 2 * EACH_FILES or self._size[key] > 2 * EACH_NAMES:
            self._cut(key)
        if len(self._kept) > MOST_STUDENTS or self._total > MOST_NAMES:
            raise TooMany(
                f"more than {MOST_STUDENTS:,} students' files, or {MOST_NAMES >> 20} MB of "
                "their names, lie there: remove what is nobody's work."
            )

    def _cut(self, key: str) -> None:
        kept = sorted(self._kept[key])
        sizes = itertools.accumulate(len(name) for _, name in kept)
        few = kept[: min(EACH_FILES, sum(size <= EACH_NAMES for size in sizes))]
        self._more[key] += len(kept) - len(few)
        self._total -= self._size[key]
        self._kept[key], self._size[key] = few, sum(len(name) for _, name in few)
        self._total += self._size[key]

    def names(self) -> list[tuple[str, int]]:
        """Return the names that are kept; with the last of each student's the number of
        those that are not, 0 with all others."""
        found = []
        for key in self._kept:
            self._cut(key)
            names = sorted(name for _, name in self._kept[key])
            found += [(name, 0) for name in names[:-1]]
            found.append((names[-1], self._more[key]))
        return found
