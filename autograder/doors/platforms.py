"""Names that learning platforms give to what students handed in.

Moodle: ``Ann Lee_1234_assignsubmission_file_/x.ipynb``, or without the folder; what was
typed is ``Ann Lee_1234_assignsubmission_onlinetext_/onlinetext.html``. Canvas:
``leeann_LATE_123_4567_x.ipynb``. Blackboard:
``Sheet 1_alee_attempt_2026-11-27-18-30-05_x.ipynb``, an attempt each.
"""

import contextlib
import hashlib
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from autograder.doors.classroom import ClassError, HandedIn
from autograder.doors.folder_names import folded
from autograder.wire.text import composed

#: Groups: ``student``, and optionally ``id``, which tells namesakes apart, and ``time``.
#: They say whose a file is by the first part of its path alone, up to where the student
#: chose how it goes on: with a folder, too, for an archive's names may hold backslashes.
PATTERNS = {
    "Moodle": r"(?s)(?P<student>[^/]+?)_(?P<id>\d+)_assignsubmission_[a-z].*",
    "Blackboard": (
        r"(?s)(?P<student>[^/]+?_[^/]+?)_attempt_(?P<time>\d{4}(?:-\d\d){5})[_.].*"
    ),
    "Canvas": r"(?s)(?P<student>[^/_]+)(?:_LATE)?_(?P<id>\d+)_\d+_.+",
}
#: One of the two is a student's choice, and nothing says which.
_TWICE = re.compile(r"(?:_\d+_assignsubmission_[a-z].*){2}", re.DOTALL)
#: In an archive all such names share one room, however many somebody makes.
_OF_TWO = ("Names that may be two students'",)
#: A name and what tells it apart, or what lies at the top: no two make another's.
Owner = tuple[str, ...]
#: What beside Gradescope's folders says whose they are (``gradescope_download``).
METADATA = "submission_metadata.yml"


#: Where there is no address on Gradescope, the number is the user's to edit: it may be
#: another's address.
GRADESCOPE, BY_NUMBER = "Gradescope", "Gradescope, by number"
#: Whose numbers stand for the same account in each assignment.
LASTING = ("Canvas", GRADESCOPE, BY_NUMBER)


@dataclass(frozen=True)
class Named:
    """What a file's name says: whose it is, and when it was handed in, if it says so.

    ``account`` is what nobody can change of the own account on a ``platform``, if told;
    ``name`` the student's there, which ``student`` tells apart from others."""

    handed_in: HandedIn
    student: str
    id: str = ""
    time: datetime | None = None
    platform: str = ""
    account: str = ""
    name: str = ""
    #: Whether the name is a sheet's and a user's, and nothing says where the first ends.
    doubtful: bool = False


def read_names(
    handed_in: Sequence[HandedIn],
    pattern: str | None = None,
    strays: Sequence[HandedIn] = (),
    sheets: Collection[str] = (),
) -> tuple[list[Named], list[HandedIn]]:
    """Return what the names say, those of ``strays`` too, by a pattern of one's own, else
    by the platform that gave them, else by folders; and the files that the pattern does
    not fit: all of them where the names are those of two platforms alike. Of Blackboard's
    ``sheets`` one may know what they are called.

    Raises ``ClassError`` for a pattern that is no regular expression with a group
    ``student``."""
    everything = [*handed_in, *strays]
    known = "pattern"
    if pattern is None:
        platforms = _platforms({file.top: file.name for file in handed_in}.values())
        if not platforms:
            return [Named(f, f.student, name=f.student) for f in everything], []
        if len(platforms) > 1:
            return [], everything
        [known] = platforms
        clear, unclear = list[HandedIn](), list[HandedIn]()
        for file in everything:
            (unclear if _is_unclear(known, file.top) else clear).append(file)
        named, others = _read(clear, re.compile(PATTERNS[known]))
        others += unclear
        if known == "Blackboard":
            named = _without_sheets(named, sheets)
    else:
        named, others = _read(everything, _compiled(pattern))
    return told_apart([replace(n, platform=known, account=n.id) for n in named]), others


def _is_unclear(platform: str, top: str) -> bool:
    """Return whether nothing says which of a name's ends the platform wrote."""
    return platform == "Moodle" and bool(_TWICE.search(top))


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
        student = composed((found["student"] or "").strip())
        time = time_in(found.get("time"))
        named.append(Named(file, student, found.get("id") or "", time))
    return named, others


def owner_by(
    names: Iterable[str], own: str | None = None
) -> Callable[[str, str], Owner]:
    """Return what tells whose a file is, by its name and what of it lies at the top: by a
    pattern of one's own, or by the platform that gave the ``names``. One of whose name
    neither says anything is its own.

    There is a name below each of the things at the top, as files of one student share the
    room that an archive gives to each."""
    known, pattern = "pattern", None if own is None else _compiled(own)
    if pattern is None and len(platforms := _platforms(names)) == 1:
        [known] = platforms
        pattern = re.compile(PATTERNS[known])

    def owner(name: str, top: str) -> Owner:
        if _is_unclear(known, top):
            return _OF_TWO
        if not (match := pattern and pattern.fullmatch(name)):
            return (composed(top),)
        parts = match.groupdict()
        return composed(parts["student"] or ""), composed(parts.get("id") or "")

    return owner


def _platforms(names: Iterable[str]) -> list[str]:
    """Return the platform whose pattern fits most of what lies at the top, if one does;
    several, where nothing tells which of them gave the names.

    A folder counts once, however many files its owner put there: no student's files say
    how those of others are read. Nor do their names: each fits the platform that gave it,
    and another one only by its student's choice."""
    fits, count, users = dict.fromkeys(PATTERNS, 0), 0, set[str]()
    for name in names:
        count += 1
        for known, pattern in PATTERNS.items():
            if match := re.fullmatch(pattern, name):
                fits[known] += 1
                if known == "Blackboard" and len(users) < 2:
                    users.add(match["student"])
    # Names that all fit Blackboard's pattern are its, though they fit Canvas's, too:
    # ``HW_1_11234_attempt_…``, where user names are numbers. One student of Canvas can name
    # all of the own files so, and not those of others.
    if fits["Blackboard"] == count and len(users) > 1:
        return ["Blackboard"]
    most = max(fits.values())
    return [known for known in fits if fits[known] == most and 2 * most > count]


def _without_sheets(named: list[Named], known: Collection[str]) -> list[Named]:
    """Return the same without the sheets' names, which stand before each student's.

    Both may hold underscores. A sheet's name ends at the first one where somebody's user
    name has none, or two begin with different words; where all begin with the same, it may
    be the sheet's as well as theirs. Nobody's name depends on who else is there: it is the
    user's, or a doubtful whole."""
    seconds: dict[str, set[str]] = defaultdict(set)
    for each in named:
        sheet, _, rest = each.student.partition("_")
        user, more, _ = rest.partition("_")
        seconds[sheet] |= {user} if more else {user, ""}
    sure = {*known, *(sheet for sheet, words in seconds.items() if len(words) > 1)}
    return [_without_sheet(each, sure) for each in named]


def _without_sheet(each: Named, sheets: Collection[str]) -> Named:
    ends = [at for at, mark in enumerate(each.student) if mark == "_"]
    for end in reversed(ends):
        if each.student[:end] in sheets and each.student[end + 1 :]:
            return replace(each, student=each.student[end + 1 :])
    # What tells it apart from a user of just this name.
    return replace(each, id="whole", doubtful=True)


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


def told_apart(named: Sequence[Named], taken: Collection[str] = ()) -> list[Named]:
    """Return the same with numbers behind the names of students who share one, be it
    another's name with its number, or one of those that are ``taken``.

    Where nothing tells a number, it is one of the name's own characters: nobody's name
    depends on who else is there."""
    real = [each.name or each.student for each in named]
    keys = [(name, each.id) for name, each in zip(real, named, strict=True)]
    names = {key: key[0] for key in keys if key[0]}
    others = [folded(name) for name in taken]
    while True:
        shared = Counter([*map(folded, names.values()), *others])
        longer = {
            key: "_".join(key) if key[1] else by_itself(key[0])
            for key, name in names.items()
            if shared[folded(name)] > 1
        }
        if longer.items() <= names.items():
            break
        names |= longer
    used = Counter([*map(folded, names.values()), *others])
    for key in longer:
        # A name and a number that students chose may together be another's, or a folder.
        numbers = itertools.count(2)
        while used[folded(names[key])] > 1:
            used[folded(names[key])] -= 1
            names[key] = f"{longer[key]}_{next(numbers)}"
            used[folded(names[key])] += 1
    return [
        replace(each, student=names.get(key, ""), name=key[0])
        for key, each in zip(keys, named, strict=True)
    ]


def by_itself(name: str) -> str:
    """Return a name with what tells it apart from those that look like it."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name}_{digest[:8]}"
