"""When a submission was handed in, from a file that may hold anything."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dateutil.parser import parse
from dateutil.tz import gettz
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import parse_utc

from autograder.contract.here import is_file, is_link, is_there, real_path
from autograder.submission.file import leads_out

#: No date as people and nbgrader write it is longer.
_LONGEST = 100
#: A clock may be in another time zone by so much; one that is wrong, and by how much no one
#: knows, may cost no penalty, and is told of. No work lies a hundred years ahead.
_AHEAD, _NEVER = timedelta(days=1), timedelta(days=36525)
#: What nbgrader takes for the name of a time zone may be that of any file, for its parser
#: to open: "/proc/self/cwd/large". Names have no dots, and begin with no slash or colon.
_ZONE = re.compile(r"[+-]?\d{1,6}|[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")


#: What stands in that place and belongs to the date: "PM", or "+0100".
_HALF_OR_OFFSET = re.compile(r"(?i)[ap]\.?m\.?|z|[+-]\d{2}:?\d{2}")


class NotADate(ValueError):
    """The sentence says what a ``timestamp.txt`` is instead of a date."""


def handed_in_at(path: Path) -> datetime:
    """Return the date in a ``timestamp.txt``, in UTC. Raises ``NotADate``."""
    try:
        if not is_file(path) or leads_out(path, real_path(path.parent)):
            raise NotADate("it is not a file of the submission")
        with path.open("rb") as file:
            text = file.read(_LONGEST + 1).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        if isinstance(error, NotADate):
            raise
        raise NotADate("it holds something else") from None
    return date_in(text)


def date_in(text: str) -> datetime:
    """Return the date that a text is, in UTC. Raises ``NotADate``."""
    text = text.strip()
    try:
        if not text:
            raise NotADate("it is empty")
        if len(text) > _LONGEST:
            raise NotADate("it is too long")
        if not re.search(r"\d{4}", text):
            # A parser takes "3" for the third of this month.
            raise NotADate("it holds no year")
        # The third of three words, which single blanks part.
        words = text.split(" ")
        own = len(words) == 3 and _HALF_OR_OFFSET.fullmatch(words[2])
        if len(words) == 3 and not own and not _is_zone(words[2]):
            raise NotADate("it names no time zone that is known")
        if not _names_a_day(" ".join(words[:2]) if len(words) == 3 else text):
            raise NotADate("it does not name a year, a month and a day")
        # Of half a day, or an offset, nbgrader's own way makes a time zone.
        found = parse_utc(parse(text) if own else text)
        ahead = _ahead(found)
    except NotADate:
        raise
    except Exception:
        # A parser of dates, fed with anything, raises anything.
        raise NotADate("it holds something else") from None
    if ahead > _NEVER:
        raise NotADate("it lies in the future")
    if ahead < -_NEVER:
        # Of the first day of all formgrader cannot tell what it was in another zone.
        raise NotADate("it lies more than a hundred years back")
    return found


def _is_zone(word: str) -> bool:
    return bool(_ZONE.fullmatch(word)) and gettz(word) is not None


def _names_a_day(text: str) -> bool:
    """Return whether a date is whole: a parser takes what is not named from today's."""
    others = (datetime(2000, 1, 1), datetime(2001, 2, 2))
    one, other = (parse(text, default=each, ignoretz=True).date() for each in others)
    return bool(one == other)


def _ahead(date: datetime) -> timedelta:
    """Return by how much a date in UTC lies after this computer's."""
    return date - datetime.now(UTC).replace(tzinfo=None)


def time_in(folder: str | Path) -> datetime | None:
    """Return when the work in a folder was handed in, in UTC, if a date there says so."""
    try:
        return handed_in_at(Path(folder, "timestamp.txt"))
    except (NotADate, OSError):
        return None


def odd_time(folder: str | Path) -> str:
    """Return a sentence on a date of the work in a folder that is none, or lies in the
    future; "" for others."""
    path = Path(folder, "timestamp.txt")
    if not is_there(path) and not is_link(path):
        return ""
    try:
        found = handed_in_at(path)
    except (NotADate, OSError) as error:
        return (
            f"{path} is no date ({error}); expected one such as 2026-11-21 15:52:11 UTC. "
            "The work counts as handed in without a date, and so not late."
        )
    if _ahead(found) <= _AHEAD:
        return ""
    return (
        f"{path} lies {_ahead(found).days} days after this computer's date. It counts as it "
        "is: see which of them is wrong."
    )


class CarefulDirectory(CourseDirectory):
    """nbgrader's course, in which a bad ``timestamp.txt`` is as good as none."""

    def get_existing_timestamp(self, dest_path: str) -> datetime | None:
        path = Path(dest_path, "timestamp.txt")
        if not is_there(path) and not is_link(path):
            return None
        if told := odd_time(dest_path):
            self.log.warning("%s", told)
        return time_in(dest_path)


def read_dates_carefully(converter: Any) -> None:
    """Have a converter of nbgrader go on where a student's date cannot be read."""
    if type(converter.coursedir) is CourseDirectory:
        converter.coursedir.__class__ = CarefulDirectory
