"""What Gradescope lets one download of an assignment: ``submission_12345/…`` for each
submission, and beside those folders ``submission_metadata.yml``, which says whose they are.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograder.contract.here import is_file
from autograder.doors.classroom import ClassError, HandedIn
from autograder.doors.platforms import (
    BY_NUMBER,
    GRADESCOPE,
    METADATA,
    Named,
    time_in,
    told_apart,
)
from autograder.submission.file import MAX_BYTES

#: The folders may lie in the export's own; what any other folder holds is some student's,
#: whatever it is called.
_NAME = re.compile(
    r"(?:assignment_\d+_export/)?(?P<folder>submission_\d+)/.+", re.DOTALL
)

#: How deep the metadata may be nested (Gradescope's are, by a handful), and how many of
#: YAML's events they may be: 0.8 GB when parsed.
MOST_DEPTH, MOST_EVENTS = 100, 2_000_000


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
        if (match := _NAME.fullmatch(file.name)) is None:
            continue
        below = file.name[match.end("folder") :].count("/")
        path = file.path.parents[below] / METADATA
        if path not in said:
            said[path] = _Said(_read(path))
        named += said[path].submitters(file, match["folder"])
    return told_apart(named)


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
        time = time_in(_text(self._metadata[folder].get(":created_at")))
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


def _about(person: Any) -> tuple[str, str, str]:
    """Return a submitter's name, number and address, as far as they are told."""
    known = person if isinstance(person, dict) else {}
    name, number, address = (
        _text(known.get(f":{k}")) for k in ("name", "sid", "email")
    )
    return (name or address).strip(), number or address, address


def _read(path: Path) -> dict[str, Any]:
    """Return the metadata, every value a text, a list or a dict."""
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
    if path.stat().st_size > MAX_BYTES:
        raise ClassError(f"{path.name} is larger than {MAX_BYTES >> 20} MB.")
    # No tag of the file makes an object of this loader's.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        text = path.read_text(encoding="utf-8")
        # The loader goes down by recursion, in C; what reads events does not.
        depth = 0
        for number, event in enumerate(yaml.parse(text, loader)):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MOST_DEPTH:
                raise ValueError(f"it is nested more than {MOST_DEPTH} deep")
            if number > MOST_EVENTS:
                raise ValueError(f"it holds more than {MOST_EVENTS:,} texts and lists")
        found = yaml.load(text, loader)
    except (yaml.YAMLError, ValueError, OSError, RecursionError) as error:
        told = " ".join(str(error).split())[:200]
        raise ClassError(f"{path.name} cannot be read ({told}).") from None
    return found if isinstance(found, dict) else {}
