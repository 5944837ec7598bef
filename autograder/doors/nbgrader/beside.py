"""What lies beside a student's notebook stays there, and does no harm by its name."""

import logging
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import base

from autograder.wire.text import clean, names_of, one_name


def keep_to_notebooks(converter: Any) -> None:
    """Have nbgrader copy no file but the notebook. No exercise asks for another.

    nbgrader copies all of them, follows links, opens pipes, and ends at the depth of
    Python's stack; and formgrader shows what was copied, scripts too, with the rights of
    whoever grades."""

    def none(source: str, exclude: Collection[str] | None = None) -> list[str]:
        converter.log.info("Files beside the notebook are not copied: %s", source)
        return []

    base.find_all_files = none


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


def plain() -> Callable[[logging.LogRecord], bool]:
    """Return a filter of a log that leaves nothing in it that would steer a terminal."""

    def cleaned(record: logging.LogRecord) -> bool:
        record.msg, record.args = clean(record.getMessage()), ()
        return True

    return cleaned
