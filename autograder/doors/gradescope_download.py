"""What Gradescope lets one download of an assignment: ``submission_12345/…`` for each
submission, and beside those folders ``submission_metadata.yml``, which says whose they are.
"""

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from autograder.contract.here import is_file, is_folder
from autograder.doors.classroom import ClassError, HandedIn
from autograder.doors.platforms import (
    BY_NUMBER,
    GRADESCOPE,
    METADATA,
    Named,
    time_in,
    told_apart,
)
from autograder.wire.text import composed

#: The folders may lie in the export's own; what any other folder holds is some student's,
#: whatever it is called.
EXPORT, SUBMISSION = re.compile(r"assignment_\d+_export"), re.compile(r"submission_\d+")
_FOLDER = re.compile(rf"(?:{EXPORT.pattern}/)?(?P<folder>{SUBMISSION.pattern})")
_NAME = re.compile(rf"{_FOLDER.pattern}/.+", re.DOTALL)
#: How far a time is ahead of UTC.
_OFFSET = re.compile(r":\d\d(?:\.\d+)? ?([+-])(\d\d):?(\d\d)?\s*$")

#: How deep the metadata may be nested (Gradescope's are, by a handful), how many bytes and
#: how many of YAML's events they may be: half a minute's; and texts that stand elsewhere,
#: too, and characters of one.
MOST_DEPTH, MOST_BYTES, MOST_EVENTS = 100, 256 * 2**20, 20_000_000
MOST_NAMES, LONGEST = 100_000, 1_000


def read_export(
    files: Sequence[HandedIn], strays: Sequence[HandedIn] = ()
) -> list[Named] | None:
    """Return whose the files are, and those of the ``strays`` that lie in their folders,
    once for each of several submitters, and when they were handed in; None for files that
    are no download from Gradescope.

    Raises ``ClassError`` where what says so is missing, or cannot be read."""
    if not files or not all(_NAME.fullmatch(file.name) for file in files):
        return None
    named: list[Named] = []
    said: dict[Path, _Said] = {}
    for file in [*files, *strays]:
        match = _NAME.fullmatch(file.name)
        if match is None and is_folder(file.path):
            match = _FOLDER.fullmatch(file.name)
        if match is None:
            continue
        below = file.name[match.end("folder") :].count("/")
        path = file.path.parents[below] / METADATA
        if path not in said:
            said[path] = _Said(_read(path))
        named += said[path].submitters(file, match["folder"])
    return told_apart(named)


def submission_in(name: str) -> str:
    """Return the submission's folder in the name of a file of a download, "" in others."""
    match = _NAME.fullmatch(name)
    return match["folder"] if match else ""


class _Said:
    """What the metadata say of each submission."""

    def __init__(self, metadata: dict[str, Any]) -> None:
        self._metadata = metadata
        #: Who says so of each name and number.
        self._addresses: dict[tuple[str, str], set[str]] = defaultdict(set)
        for folder in metadata:
            for student, number, address in self._people(folder):
                self._addresses[student, number].add(address)

    def _people(self, folder: str) -> list[tuple[str, str, str]]:
        about = self._metadata.get(folder)
        people = about.get(":submitters") if isinstance(about, dict) else None
        return [_about(each) for each in people] if isinstance(people, list) else []

    def submitters(self, file: HandedIn, folder: str) -> list[Named]:
        """Return whose a file of a submission is, once for each of them."""
        if not (people := self._people(folder)):
            # Its name says nothing; the line on it does.
            return [Named(file, "")]
        time = _in_utc(self._metadata[folder].get(":created_at"))
        found = []
        for student, number, address in people:
            platform, account = GRADESCOPE, address.casefold()
            if not address:
                platform, account = BY_NUMBER, number
            if len(self._addresses[student, number]) > 1:
                # Whoever has an account may give any name and number as the own.
                number = f"{number}_{address}"
            found.append(Named(file, student, number, time, platform, account))
        return found


def _text(value: Any) -> str:
    """Return a value that is a text. What is none may stand for any number of others."""
    return value if isinstance(value, str) else ""


def _in_utc(told: Any) -> datetime | None:
    """Return a time, from a text that may end in its distance from UTC, or from what Ruby
    makes of one in a time zone."""
    text = _text(told.get("utc") if isinstance(told, dict) else told)
    time, ahead = time_in(text), _OFFSET.search(text)
    if time is None or ahead is None:
        return time
    sign, hours, minutes = ahead.groups("0")
    distance = timedelta(hours=int(hours), minutes=int(minutes))
    with contextlib.suppress(OverflowError):
        return time - distance if sign == "+" else time + distance
    return None


def _about(person: Any) -> tuple[str, str, str]:
    """Return a submitter's name, number and address, as far as they are told."""
    known = person if isinstance(person, dict) else {}
    name, number, address = (
        _text(known.get(f":{k}")) for k in ("name", "sid", "email")
    )
    return composed((name or address).strip()), number or address, address


def _read(path: Path) -> dict[str, Any]:
    """Return of the metadata what is looked at, every value a text, a list or a dict."""
    try:
        import yaml
    except ImportError:
        raise ClassError(
            "Gradescope's download needs pyyaml: pip install pyyaml."
        ) from None
    if not is_file(path):
        raise ClassError(
            f"There is no {METADATA} beside the folders submission_…: expected what "
            "Gradescope's Export Submissions downloads, whole."
        )
    if path.stat().st_size > MOST_BYTES:
        raise ClassError(f"{path.name} is larger than {MOST_BYTES >> 20} MB.")
    # No tag of the file makes an object of this loader's, and events make none at all.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        with path.open("rb") as file:
            return _Kept(yaml).of(yaml.parse(file, loader))
    except (yaml.YAMLError, ValueError, OSError) as error:
        told = " ".join(str(error).split())[:200]
        raise ClassError(f"{path.name} cannot be read ({told}).") from None


class _Kept:
    """What is kept of a YAML text while it is read, which takes the rest no memory: a
    submission's history is as long as its student makes it."""

    def __init__(self, yaml: Any) -> None:
        self._yaml = yaml
        #: The lists and dicts around the place, with the key that waits for its value.
        self._around: list[tuple[list[Any] | dict[str, Any], list[str]]] = []
        self._names: dict[str, Any] = {}
        #: How deep the place is, and how much of that in what is not kept.
        self._depth = self._beside = 0
        self._whole: Any = None

    def of(self, events: Iterable[Any]) -> dict[str, Any]:
        """Return what is kept. Raises ``ValueError`` and what the events raise."""
        for number, event in enumerate(events):
            if number > MOST_EVENTS:
                raise ValueError(f"it holds more than {MOST_EVENTS:,} texts and lists")
            self._take(event)
        return self._whole if isinstance(self._whole, dict) else {}

    def _take(self, event: Any) -> None:
        yaml = self._yaml
        if isinstance(event, yaml.ScalarEvent):
            text = event.value if len(event.value) <= LONGEST else ""
            self._note(event.anchor, text)
            self._put(text)
        elif isinstance(event, yaml.AliasEvent):
            self._put(self._names.get(event.anchor, ""))
        elif isinstance(event, yaml.CollectionStartEvent):
            self._enter({} if isinstance(event, yaml.MappingStartEvent) else [], event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._depth -= 1
            if self._beside:
                self._beside -= 1
            else:
                self._around.pop()

    def _note(self, anchor: str | None, value: Any) -> None:
        if anchor is not None and len(self._names) < MOST_NAMES:
            self._names[anchor] = value

    def _enter(self, new: list[Any] | dict[str, Any], event: Any) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise ValueError(f"it is nested more than {MOST_DEPTH} deep")
        wanted = not self._beside and self._is_wanted()
        self._note(event.anchor, new if wanted else "")
        if not self._beside:
            self._put(new if wanted else "")
        if wanted:
            self._around.append((new, []))
        else:
            self._beside += 1

    def _is_wanted(self) -> bool:
        """Return whether the list or dict that begins here is looked at: the whole, each
        submission, its time, its submitters, and each of these."""
        keys = [key[0] if key else None for _, key in self._around]
        lists = [isinstance(each, list) for each, _ in self._around]
        return (
            len(keys) < 2
            or (len(keys) == 2 and keys[1] in (":submitters", ":created_at"))
            or (len(keys) == 3 and keys[1] is None and lists[2])
        )

    def _put(self, value: Any) -> None:
        """Put a value where it belongs: a key first, and then what it stands for."""
        if self._beside:
            return
        if not self._around:
            self._whole = value
            return
        place, key = self._around[-1]
        if isinstance(place, list):
            place.append(value)
        elif not key:
            key.append(value if isinstance(value, str) else "")
        else:
            place[key.pop()] = value
