"""What Gradescope lets one download of an assignment: ``submission_12345/…`` for each
submission, and beside those folders ``submission_metadata.yml``, which says whose they are.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograder.doors.classroom import ClassError, HandedIn
from autograder.doors.platforms import METADATA, Named, time_in, told_apart
from autograder.submission.file import MAX_BYTES

#: The folders may lie in the export's own; what any other folder holds is some student's,
#: whatever it is called.
_NAME = re.compile(
    r"(?:assignment_\d+_export/)?(?P<folder>submission_\d+)/.+", re.DOTALL
)


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
    said: dict[Path, dict[str, Any]] = {}
    for file in [*files, *strays]:
        if (match := _NAME.fullmatch(file.name)) is None:
            continue
        below = file.name[match.end("folder") :].count("/")
        path = file.path.parents[below] / METADATA
        if path not in said:
            said[path] = _read(path)
        named += _submitters(file, match["folder"], said[path])
    return told_apart(named)


def _submitters(file: HandedIn, folder: str, said: dict[str, Any]) -> list[Named]:
    about = said.get(folder)
    people = about.get(":submitters") if isinstance(about, dict) else None
    if not isinstance(about, dict) or not isinstance(people, list) or not people:
        # Its name says nothing; the line on it does.
        return [Named(file, "")]
    time = time_in(str(about.get(":created_at", "")))
    found = []
    for person in people:
        known = person if isinstance(person, dict) else {}
        name, number = known.get(":name"), known.get(":sid") or known.get(":email")
        student = str(name or known.get(":email") or "").strip()
        found.append(Named(file, student, str(number or ""), time))
    return found


def _read(path: Path) -> dict[str, Any]:
    """Return the metadata, every value a text, a list or a dict."""
    try:
        import yaml
    except ImportError:
        raise ClassError(
            "Gradescope's download needs pyyaml: pip install pyyaml."
        ) from None
    if not path.is_file():
        raise ClassError(
            f"There is no {METADATA} beside the folders submission_…: expected what "
            "Gradescope's Export Submissions downloads, whole."
        )
    if path.stat().st_size > MAX_BYTES:
        raise ClassError(f"{path.name} is larger than {MAX_BYTES >> 20} MB.")
    # No tag of the file makes an object of this loader's.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), loader)
    except (yaml.YAMLError, ValueError, OSError, RecursionError) as error:
        told = " ".join(str(error).split())[:200]
        raise ClassError(f"{path.name} cannot be read ({told}).") from None
    return found if isinstance(found, dict) else {}
