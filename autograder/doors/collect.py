"""Collects what a class handed in to where nbgrader looks for it."""

import json
import re
from pathlib import Path
from typing import Any

from autograder.contract.exercise import all_chapters
from autograder.doors.classroom import ClassError, HandedIn, find_handed_in
from autograder.isolation.atomic import write_whole
from autograder.submission.cells import SubmissionError
from autograder.submission.file import MAX_BYTES, leads_out, own_folder, read_submission
from autograder.wire.text import one_line


def collect(folder: str | Path, chapter: str, submitted: str | Path) -> list[str]:
    """Copy each student's file to where nbgrader expects it, and return what happened,
    a line for each student.

    ``submitted/<student>/<chapter>/<chapter>.ipynb`` gets the notebook, whatever it is
    named, or the script as a notebook. A student with two files gets neither: the line
    says so. Raises ``ClassError``."""
    if chapter not in all_chapters():
        known = ", ".join(all_chapters())
        raise ClassError(f"There is no chapter {chapter!r}; there are {known}.")
    students: dict[str, list[HandedIn]] = {}
    for handed_in in find_handed_in(folder):
        if handed_in.assignment in (None, chapter):
            students.setdefault(handed_in.student, []).append(handed_in)
    lines = []
    for student, files in students.items():
        target = Path(submitted) / student / chapter / f"{chapter}.ipynb"
        lines.append(one_line(_collected(student, files, target)))
    return lines


#: In a student's name: of these nbgrader makes patterns, which find the files of others or
#: none; at a line's end it stops, and grades nobody after; pages show others as HTML, and
#: tables take the first ones for a formula.
_UNFIT = re.compile('^[=+@-]|[*?\\[\\]<>"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')


def _collected(student: str, files: list[HandedIn], target: Path) -> str:
    """Copy a student's file to its target, and return what happened."""
    names = ", ".join(file.name for file in files)
    if unfit := _UNFIT.search(student):
        return (
            f"✗ {student}: nbgrader takes no student whose name holds {unfit[0]!a}; "
            "rename the file."
        )
    if len(files) > 1:
        return f"✗ {student}: {len(files)} files ({names}); keep one."
    path, own = files[0].path, files[0].own
    # The folder may hold links, of an archive that was unpacked there.
    if leads_out(target, own_folder(target.parent)):
        return f"✗ {student}: {target} lies behind a link to another place; remove the link."
    if leads_out(path, own):
        return (
            f"✗ {student}: {names} is a link out of the student's own folder; "
            "expected the file itself."
        )
    try:
        content = as_notebook(path)
        again = ", which replaces an earlier one" if target.exists() else ""
        write_whole(target, content)
    except OSError as error:
        return f"✗ {student}: {names} was not copied ({error.strerror or error})."
    return f"✓ {student}: {names}{again}."


def as_notebook(path: Path) -> bytes:
    """Return the bytes of a notebook: the file's own, or a script's parts as cells.

    What cannot be read stays as it is, for nbgrader's door to say so. Raises ``OSError``
    for what is no file: a pipe would be waited for without end."""
    if not path.is_file():
        raise OSError("it is not a file")
    if path.stat().st_size > MAX_BYTES:
        raise OSError(f"it is larger than {MAX_BYTES >> 20} MB")
    if path.suffix != ".py":
        return path.read_bytes()
    try:
        parts = read_submission(path).cells
    except SubmissionError:
        return path.read_bytes()
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"part-{number}",
            "metadata": {},
            "outputs": [],
            "source": part.source,
        }
        for number, part in enumerate(parts, start=1)
    ]
    notebook = {
        "cells": cells,
        "metadata": {"autograder": {"script": True}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()
