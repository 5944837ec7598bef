"""What lies beside a student's notebook stays there, and does no harm by its name."""

import logging
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import base
from nbgrader.utils import remove

from autograder.contract.here import is_link, is_there
from autograder.course.settings import unusable
from autograder.doors.nbgrader.inbound import bytes_in
from autograder.doors.nbgrader.timestamps import time_in
from autograder.isolation.atomic import write_whole
from autograder.submission.file import leads_out, own_folder
from autograder.wire.text import clean, names_of, one_name


def keep_to_notebooks(converter: Any) -> None:
    """Have nbgrader copy no file but the notebook. No exercise asks for another, and for
    the time and the secret beside it there is ``keep_beside``.

    nbgrader copies all of them, follows links, opens pipes, and ends at the depth of
    Python's stack; and formgrader shows what was copied, scripts too, with the rights of
    whoever grades."""

    def none(source: str, exclude: Collection[str] | None = None) -> list[str]:
        converter.log.info("Files beside the notebook are not copied: %s", source)
        return []

    base.find_all_files = none


#: What ``release_feedback`` reads beside a page: by the secret, which nbgrader's ``submit``
#: made, a student fetches it.
_TIME, _SECRET = "timestamp.txt", "submission_secret.txt"
_LONGEST = 1_000


def keep_beside(source: str | Path, target: str | Path) -> None:
    """Have beside a notebook, or a page, the time and the secret of the work that it is of;
    none where that has none. Raises ``OSError``."""
    source, target = Path(source), Path(target)
    for name, text in ((_TIME, _time_text(source)), (_SECRET, secret_in(source))):
        path = target / name
        if text == _text_in(path):
            continue
        if is_there(path) or is_link(path):
            remove(str(path))
        if text is not None:
            write_whole(path, text)


def secret_in(folder: Path) -> str | None:
    """Return the secret in a folder, None where there is none, or what nobody made by
    nbgrader."""
    text = _text_in(folder / _SECRET)
    return text if text and re.fullmatch(r"[!-~]+\n?", text) else None


def _time_text(folder: Path) -> str | None:
    return None if time_in(folder) is None else _text_in(folder / _TIME)


def _text_in(path: Path) -> str | None:
    """Return what a small file of a submission holds."""
    try:
        if leads_out(path, own_folder(path.parent)):
            return None
        content = bytes_in(path, _LONGEST)
        return None if content is None else content.decode()
    except (OSError, ValueError):
        return None


def keep_to_known(converter: Any) -> None:
    """Have nbgrader look at the assignment's own notebooks alone. It asks the gradebook for
    each of the others, which takes no name that is not UTF-8, and so grades nothing."""
    course = converter.coursedir
    with Gradebook(course.db_url, course.course_id) as gradebook:
        try:
            found = gradebook.find_assignment(course.assignment_id).notebooks
            known = {f"{notebook.name}.ipynb" for notebook in found}
        except MissingEntry:
            return
    for folder, paths in list(converter.assignments.items()):
        others = sorted(name for p in paths if (name := Path(p).name) not in known)
        if not others:
            continue
        student = one_name(Path(folder).parts[-2])
        converter.log.warning("%s: passed over: %s.", student, names_of(others))
        theirs = [path for path in paths if Path(path).name in known]
        converter.assignments[folder] = theirs
        if not theirs:
            converter.log.error(
                "NOT GRADED: %s handed in no %s; rename the notebook.",
                student,
                " or ".join(sorted(known)),
            )
            converter.untouched.append(student)
            del converter.assignments[folder]


#: What nbgrader logs of an error that says all itself: ours, or the system's of a full disk,
#: or of a folder in which nobody may write.
_OURS = re.compile(r"Traceback .*\nautograder\.[\w.]+: (.+?)\s*", re.DOTALL)
_SYSTEMS = re.compile(r"Traceback .*\n\w*Error: \[Errno \d+\] (.+?)\s*", re.DOTALL)
#: The same of a gradebook, before a guess at its reason.
_GRADEBOOKS = re.compile(
    r"Traceback .*\nsqlalchemy\.exc\.\w*Error: \(sqlite3\.\w+\) ([^\n]+)\n"
    r"(?:(?!Traceback ).)*",
    re.DOTALL,
)
_GUESS = "There was an error accessing the nbgrader database."


def plain() -> Callable[[logging.LogRecord], bool]:
    """Return a filter of a log that leaves nothing in it that would steer a terminal, and
    of errors that say all themselves no traceback."""

    def cleaned(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if found := _OURS.fullmatch(text):
            text = found[1]
        elif found := _SYSTEMS.fullmatch(text):
            text = f"Not written: {found[1]}. Mend that; run the same command again."
        elif found := _GRADEBOOKS.fullmatch(text):
            text = unusable(found[1])
        elif text.startswith(_GUESS):
            return False
        record.msg, record.args = clean(text), ()
        return True

    return cleaned
