"""Names that learning platforms give to what students handed in, and their archives.

Moodle: ``Ann Lee_1234_assignsubmission_file_/x.ipynb``, or without the folder. Canvas:
``leeann_LATE_123_4567_x.ipynb``. Blackboard:
``Sheet 1_alee_attempt_2026-11-27-18-30-05_x.ipynb``, an attempt each.
"""

import contextlib
import lzma
import re
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from autograder.doors.classroom import ENDINGS, ClassError, HandedIn
from autograder.isolation.folders import lent_folder
from autograder.submission.file import MAX_BYTES

#: Groups: ``student``, and optionally ``id``, which tells namesakes apart, and ``time``.
#: They say whose a file is by the first part of its path alone, up to where the student
#: chose how it goes on: with a folder, too, for an archive's names may hold backslashes.
PATTERNS = {
    "Moodle": r"(?s)(?P<student>[^/]+?)_(?P<id>\d+)_assignsubmission_file.*",
    "Blackboard": (
        r"(?s)(?P<student>[^/]+?_[^/]+?)_attempt_(?P<time>\d{4}(?:-\d\d){5})[_.].*"
    ),
    "Canvas": r"(?s)(?P<student>[^/_]+)(?:_LATE)?_(?P<id>\d+)_\d+_.+",
}
#: One of the two is a student's choice, and nothing says which.
_TWICE = re.compile(r"(?:_\d+_assignsubmission_file.*){2}", re.DOTALL)
#: What beside Gradescope's folders says whose they are (``gradescope_download``).
METADATA = "submission_metadata.yml"
#: An archive's files, and bytes of them, that are looked at: 1,000 notebooks have 100 MB.
MOST_FILES, MOST_BYTES = 100_000, 4 * 2**30

#: What zipfile raises for a member that is damaged, encrypted or of an unknown kind, and
#: the system for its name.
_NOT_UNPACKED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(OSError, ValueError, MemoryError),
    RuntimeError,  # also NotImplementedError
)


@dataclass(frozen=True)
class Named:
    """What a file's name says: whose it is, and when it was handed in, if it says so."""

    handed_in: HandedIn
    student: str
    id: str = ""
    time: datetime | None = None


def read_names(
    handed_in: Sequence[HandedIn],
    pattern: str | None = None,
    strays: Sequence[HandedIn] = (),
) -> tuple[list[Named], list[HandedIn]]:
    """Return what the names say, those of ``strays`` too, by a pattern of one's own, else
    by the platform that gave them, else by folders; and the files that the pattern does
    not fit: all of them where the names are those of two platforms alike.

    Raises ``ClassError`` for a pattern that is no regular expression with a group
    ``student``."""
    everything = [*handed_in, *strays]
    if pattern is None:
        platforms = _platforms(handed_in)
        if not platforms:
            return [Named(file, file.student) for file in everything], []
        if len(platforms) > 1:
            return [], everything
        [known] = platforms
        clear, unclear = list[HandedIn](), list[HandedIn]()
        for file in everything:
            twice = known == "Moodle" and _TWICE.search(file.top)
            (unclear if twice else clear).append(file)
        named, others = _read(clear, re.compile(PATTERNS[known]))
        others += unclear
        if known == "Blackboard":
            named = _without_sheet(named)
    else:
        named, others = _read(everything, _compiled(pattern))
    return told_apart(named), others


def _read(
    files: Sequence[HandedIn], pattern: re.Pattern[str]
) -> tuple[list[Named], list[HandedIn]]:
    """Return what the pattern finds in the files' names, and the files it does not fit."""
    named: list[Named] = []
    others: list[HandedIn] = []
    for file in files:
        match = pattern.fullmatch(file.name)
        if match is None:
            others.append(file)
            continue
        found = match.groupdict()
        student = (found["student"] or "").strip()
        time = time_in(found.get("time"))
        named.append(Named(file, student, found.get("id") or "", time))
    return named, others


def _platforms(handed_in: Sequence[HandedIn]) -> list[str]:
    """Return the platform whose pattern fits most of what lies at the top, if one does;
    several, where nothing tells which of them gave the names.

    A folder counts once, however many files its owner put there: no student's files say
    how those of others are read. Nor do their names: each fits the platform that gave it,
    and another one only by its student's choice."""
    names = {file.top: file.name for file in handed_in}
    fits = {
        known: sum(bool(re.fullmatch(each, name)) for name in names.values())
        for known, each in PATTERNS.items()
    }
    most = max(fits.values())
    return [known for known in fits if fits[known] == most and 2 * most > len(names)]


def _without_sheet(named: list[Named]) -> list[Named]:
    """Return the same without the assignment's name, which stands before each student's.

    Both may hold underscores: what all names begin with belongs to the first, so that no
    two students become one."""
    words = [each.student.split("_") for each in named]
    if len({tuple(each) for each in words}) == 1:
        common = len(words[0]) - 1
    else:
        most = min(map(len, words)) - 1
        rows = enumerate(zip(*words, strict=False))
        common = next((i for i, row in rows if len(set(row)) > 1 or i == most), most)
    return [
        replace(each, student="_".join(own[common:]))
        for each, own in zip(named, words, strict=True)
    ]


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        own = re.compile(pattern)
    except re.error as error:
        raise ClassError(f"{pattern!r} is no regular expression ({error}).") from None
    if "student" not in own.groupindex:
        raise ClassError(
            f"{pattern!r} has no group (?P<student>…), which says whose a file is."
        )
    return own


def time_in(text: str | None) -> datetime | None:
    """Return the time in a name: six numbers, from the year to the second."""
    with contextlib.suppress(ValueError, TypeError):
        return datetime(*map(int, re.findall(r"\d+", text or "")[:6]))  # type: ignore[arg-type]
    return None


def told_apart(named: list[Named]) -> list[Named]:
    """Return the same with numbers behind the names of students who share one, be it
    another's name with its number."""
    names = {(each.student, each.id): each.student for each in named if each.student}
    while True:
        shared = Counter(map(_folded, names.values()))
        longer = {
            key: "_".join(key)
            for key, name in names.items()
            if shared[_folded(name)] > 1
        }
        if longer.items() <= names.items():
            break
        names |= longer
    return [
        replace(each, student=names.get((each.student, each.id), "")) for each in named
    ]


def _folded(name: str) -> str:
    """Return the name as file systems compare it that know no capitals, or drop what is
    at its end."""
    return unicodedata.normalize("NFKC", name).casefold().rstrip(" .")


@contextlib.contextmanager
def unpacked(source: str | Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield the folder, or one with the notebooks and scripts of a .zip archive, and an
    empty file for each other one, which is removed at the end; and what of the archive
    could not be unpacked, a line each.

    Raises ``ClassError`` for an archive that cannot be read."""
    source = Path(source)
    if source.suffix.lower() != ".zip" or not source.is_file():
        yield source, []
        return
    with lent_folder("collect") as folder:
        try:
            with zipfile.ZipFile(source) as archive:
                failures = _unpack(archive, folder)
        except _NOT_UNPACKED as error:
            raise ClassError(f"{source} cannot be unpacked ({error}).") from None
        yield folder, failures


def _is_wanted(path: PurePosixPath) -> bool:
    return path.suffix in ENDINGS or path.name == METADATA


def _unpack(archive: zipfile.ZipFile, folder: Path) -> list[str]:
    """Write an archive's notebooks and scripts below a folder, and of all else no more than
    that it is there; return what failed."""
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > MOST_FILES:
        raise ClassError(f"The archive holds more than {MOST_FILES:,} files.")
    taken, failures = 0, []
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        target = folder.joinpath(*(p for p in parts if p not in ("/", "..", ".")))
        try:
            data = b""
            if _is_wanted(PurePosixPath(member.filename)):
                with archive.open(member) as file:
                    # What an archive says of its files' sizes may be wrong.
                    data = file.read(MAX_BYTES + 1)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        except _NOT_UNPACKED as error:
            failures.append(f"✗ {member.filename}: it was not unpacked ({error}).")
            continue
        taken += len(data)
        if taken > MOST_BYTES:
            raise ClassError(f"The archive holds more than {MOST_BYTES >> 30} GB.")
    return failures
