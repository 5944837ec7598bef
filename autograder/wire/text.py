"""Text from outside, made fit for files, terminals and pages."""

import itertools
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence

from autograder.wire.litter import is_litter

#: Control characters besides tab and newline, line separators, and marks that turn the
#: reading direction or that nobody sees.
UNFIT = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e"
    "\u2060\u2066-\u2069\ufeff\ud800-\udfff"
)
_UNFIT = re.compile(f"[{UNFIT}]")


def clean(text: str) -> str:
    """Return ``text`` with U+FFFD for what cannot be written as UTF-8 or would steer a
    terminal; tabs and newlines stay."""
    return _UNFIT.sub("\ufffd", text)


def one_line(text: str) -> str:
    """Return ``clean(text)`` with each run of white space as one blank."""
    return " ".join(clean(text).split())


#: Of Unicode's ``Default_Ignorable_Code_Point`` those that are fit for other texts: joiners,
#: fillers, selectors of variants, tags.
_IGNORED = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u2061-\u206f\u3164"
    "\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
_NOT_SHOWN = re.compile(f"[{UNFIT}{_IGNORED}]")
#: In a name: what nobody sees, or takes for another; each blank but a single one inside;
#: and what looks like the escape of one.
_UNSEEN = re.compile(rf"[{UNFIT}{_IGNORED}]|[^\S ]|(?<=\s)\s|^\s|\s$|\\(?=[xuU])")


def one_name(name: str) -> str:
    """Return the name of a student or a file on one line, two names never as the same: what
    ``one_line`` would drop or replace stands there as Python writes it, ``\\x20``."""
    return _UNSEEN.sub(lambda unseen: _escaped(unseen[0]), name)


def composed(name: str) -> str:
    """Return the name in the one way of Unicode's ways to write it that all of them stand
    for: one machine's ``é`` is a character, another's two."""
    return unicodedata.normalize("NFC", name)


def without_unseen(name: str) -> str:
    """Return the name without what nobody sees in it, as people compare it."""
    return _NOT_SHOWN.sub("", name)


def _escaped(character: str) -> str:
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


#: Colours, cursor movements and titles.
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?)")


def printed(text: str) -> str:
    """Return an output as a terminal leaves it, without colours: a progress bar is its
    last state. Takes time in proportion to the text's length, whatever is in it."""
    lines = _ESCAPES.sub("", text).split("\n")
    return clean("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))


def listed(names: Iterable[str], between: str = ", ") -> str:
    """Return names that are fit to be shown beside each other: in quotes where one holds
    what may stand between two, or quotes."""
    return between.join(
        json.dumps(name, ensure_ascii=False) if '"' in name or between in name else name
        for name in names
    )


def names_of(names: Sequence[str], besides: int = 0) -> str:
    """Return a few names, and how many there are besides, with those of no name here."""
    told = listed(map(one_name, names[:3]))
    more = len(names[3:]) + besides
    return f"{told} and {more} more" if more > 0 else told


def shortened(text: str, limit: int) -> str:
    """Return the text, or its first ``limit`` characters and a mark that it went on."""
    return text if len(text) <= limit else text[:limit] + " …"


#: A JSON text in quotes, once what is escaped in it is gone; or the start of an item.
_TOKEN = re.compile(rb'"[^"]*"?|[\[{,]')


def holds_more_items(data: bytes, limit: int) -> bool:
    """Return whether a JSON text announces more than ``limit`` items.

    Parsed, each takes up to 250 bytes of memory, however few it takes in the text; commas
    and brackets in quotes take none."""
    if sum(data.count(mark) for mark in (b"[", b"{", b",")) <= limit:
        return False
    # Two backslashes are one that escapes nothing.
    plain = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = (found for found in _TOKEN.finditer(plain) if found[0][:1] != b'"')
    return sum(1 for _ in itertools.islice(marks, limit + 1)) > limit


#: In a student's name: of these nbgrader makes patterns, which find the files of others or
#: none; at a line's end it stops, and grades nobody after; pages show others as HTML, or
#: link to another student's; and tables take the first ones for a formula.
_UNFIT_NAME = re.compile(f'^[=+@-]|[*?#\\[\\]<>"\t\n{UNFIT}]|%(?=[0-9A-Fa-f]{{2}})')


#: What to do about a name that file names in UTF-8 alone can hold.
NOT_UTF_8 = (
    f"names of files are {sys.getfilesystemencoding()} here, which cannot hold this one; set "
    "the environment variable PYTHONUTF8=1 and run the same command again."
)


def unfit_name(student: str, what: str = "folder") -> str:
    """Return why nbgrader can take no student of this name, or nothing."""
    if student.startswith(".") or is_litter(student):
        return (
            f"{one_name(student)}: nbgrader, and this grader, pass over folders that begin "
            f"with a dot or are a system's; rename the {what}."
        )
    if not (unfit := _UNFIT_NAME.search(student)):
        return ""
    if "\ud800" <= unfit[0] <= "\udfff" and sys.getfilesystemencoding() != "utf-8":
        return f"{one_name(student)}: {NOT_UTF_8}"
    return (
        f"{one_name(student)}: nbgrader takes no student whose name holds "
        f"{unfit[0]!a}; rename the {what}."
    )
