"""Collects what a class handed in to where nbgrader looks for it."""

import json
from pathlib import Path
from typing import Any

from autograder.contract.exercise import all_chapters, expect_chapter
from autograder.contract.here import is_file, is_folder, is_there, real_path
from autograder.doors.archives import unpacked
from autograder.doors.classroom import ENDINGS, ClassError, HandedIn, find_handed_in
from autograder.doors.one_part import is_part, wants_utf_8
from autograder.doors.platforms import Named
from autograder.doors.sheets import sheets_of, told_of_doubtful, told_of_sheets
from autograder.doors.students import (
    by_student,
    last_attempts,
    later_ones,
    whose_below,
    without_work,
)
from autograder.doors.whose import AnothersWork, Folders
from autograder.isolation.atomic import write_in_turn, write_whole
from autograder.isolation.locks import in_turn
from autograder.submission.cells import SubmissionError
from autograder.submission.file import MAX_BYTES, leads_out, own_folder, read_submission
from autograder.wire.text import NOT_UTF_8, names_of, one_line, one_name, unfit_name

#: Seconds that another ``collect`` in the same course is waited for.
PATIENCE = 60.0


def collect(
    source: str | Path,
    chapter: str,
    submitted: str | Path,
    pattern: str | None = None,
) -> list[str]:
    """Copy each student's file to where nbgrader expects it, and return what happened,
    a line for each student and each file that belongs to none.

    ``source`` is a folder, or a .zip archive of one; whose a file is its name says, as in
    ``read_names``. ``submitted/<student>/<chapter>/<chapter>.ipynb`` gets the notebook,
    whatever it is named, or the script as a notebook, and ``timestamp.txt`` beside it the
    time that the name tells. Of several attempts with a time the last one with work in it
    counts; a student with two files otherwise gets neither, and the line says so. Raises
    ``ClassError``."""
    _expect_chapter(chapter)
    # What is written down of whose folders are whose is one file for the course.
    course = next(filter(is_folder, Path(submitted).absolute().parents))
    with in_turn(course, PATIENCE), unpacked(source, pattern) as (folder, lines):
        found = _found(folder, source, pattern, lines)
        files = [file for file in found if file.assignment in (None, chapter)]
        folders = Folders(submitted, chapter)
        try:
            whose = whose_below(folder, files, source, pattern, folders.sheets)
        except ClassError as error:
            raise ClassError("\n".join([str(error), *lines])) from None
        lines += _of_sheets(whose.named)
        folders.learn(sheets_of(whose.named))
        named, doubts = folders.keep([n for n in whose.named if not n.doubtful])
        everything = by_student(named, whose.others)
        students = dict(everything)
        lines += doubts + without_work(students, whose.strays)
        for student, theirs in students.items():
            target = Path(submitted) / student / chapter / f"{chapter}.ipynb"
            later = later_ones(theirs, everything[student], chapter)
            lines.append(_collected(student, theirs, target, folders) + later)
        if len(students) == 1:
            lines[-1] += _of_class(files[0], lines[-1])
        lines += _of_nobody(whose.others, whose.strays)
    return [one_line(line) for line in lines]


def _of_sheets(named: list[Named]) -> list[str]:
    """Return lines on how Blackboard's names were read, and on those that were not."""
    return [
        *(f"✓ {line}" for line in told_of_sheets(named)),
        *(f"✗ {line}" for line in told_of_doubtful(named)),
    ]


def _of_nobody(others: list[HandedIn], no_work: set[HandedIn]) -> list[str]:
    return [
        f"✗ {file.shown}: its name does not say whose it is; --pattern can."
        for file in others
        if file not in no_work or file.path.suffix in ENDINGS
    ]


def _expect_chapter(name: str) -> None:
    try:
        expect_chapter(name)
    except KeyError as error:
        raise ClassError(error.args[0]) from None


def _found(
    folder: Path, source: str | Path, pattern: str | None, failures: list[str]
) -> list[HandedIn]:
    """Return the work below a folder. Raises ``ClassError`` where there is none, with the
    ``failures`` before, and where all that would be students are chapters, as in the
    folder of one student in ``submitted/``."""
    try:
        found = find_handed_in(folder, source)
    except ClassError as error:
        raise ClassError("\n".join([str(error), *failures])) from None
    folders = {file.top for file in found if "/" in file.name}
    students = folders or {file.student for file in found}
    if pattern is None and students <= set(all_chapters()):
        raise ClassError(
            f"{source} holds {names_of(sorted(students))}, named after chapters; expected "
            "files or folders named after students: collect the folder that holds those, "
            "further up if this is one student's."
        )
    return found


def _of_class(file: HandedIn, line: str) -> str:
    """Return what is to be said where the folder of the only student may be a class's."""
    if "/" not in file.name or not line.endswith("one."):
        return ""
    return f" If {file.top} is the folder of a class, collect that folder."


def _collected(
    student: str, attempts: list[Named], target: Path, folders: Folders
) -> str:
    """Copy a student's file to its target, and return what happened."""
    shown, unfit = one_name(student), unfit_name(student, "file")
    if wants_utf_8(student):
        return f"✗ {shown}: {NOT_UTF_8}"
    if not student.strip(".") or not (unfit or is_part(student)):
        return f"✗ {attempts[0].handed_in.shown}: its name does not say whose it is."
    if unfit:
        return f"✗ {unfit}"
    last = last_attempts(attempts)
    files = [each.handed_in for each in last]
    names = names_of([file.name for file in files], sum(file.more for file in files))
    if len(files) > 1:
        count = sum(1 + file.more for file in files)
        return f"✗ {shown}: {count} files ({names}); keep one."
    if refused := _behind_links(files[0], target, names):
        return f"✗ {shown}: {refused}"
    try:
        again = _copied(last[0], target, folders)
    except AnothersWork as work:
        return (
            f"✗ {shown}: {names} was not copied: what lies there came from {work}, and "
            "nothing says that both are one student's. Where they are, remove "
            f"{one_name(str(target))}, and collect again; else rename one of the two."
        )
    except OSError as error:
        stays = "; the earlier file stays, with its time" if is_there(target) else ""
        return f"✗ {shown}: {names} was not copied ({error.strerror or error}){stays}."
    count = len({each.time for each in attempts})
    of = f", the last of {count} attempts" if count > 1 else ""
    return f"✓ {shown}: {names}{of}{again}.{folders.note(last[0])}"


def _behind_links(file: HandedIn, target: Path, names: str) -> str:
    """Return what is wrong where a file, or its target, lies behind a link out of the
    student's own folder."""
    # The folder may hold links, of an archive that was unpacked there.
    if leads_out(target, own_folder(target.parent)):
        place = one_name(str(target))
        return f"{place} lies behind a link to another place; remove the link."
    if leads_out(file.path, file.own):
        text = "is a link out of the student's own folder; expected the file itself."
        return f"{names} {text}"
    return ""


def _copied(attempt: Named, target: Path, folders: Folders) -> str:
    """Copy a file to its target, and the time that its name tells, for late penalties;
    return what became of an earlier one there.

    However this ends, no file has the time of another one: it has its own, or none."""
    path, time = attempt.handed_in.path, target.with_name("timestamp.txt")
    content = as_notebook(path)
    again, same = "", _holds(target, content)
    if same:
        again = ", unchanged"
    elif is_there(target):
        folders.expect_own(attempt)
        named = " that came under the name alone"
        of = named if folders.came_by_name(attempt) else ""
        again = f", which replaces an earlier one{of}"
    folders.write(attempt, same)
    text = "" if attempt.time is None else f"{attempt.time:%Y-%m-%d %H:%M:%S}"
    if text:
        write_in_turn([(target, content), (time, text)])
    elif same or _lies_below(path, target.parent):
        write_whole(target, content)
    else:
        write_in_turn([(target, content), (time, None)])
    return again


def _holds(target: Path, content: bytes) -> bool:
    return (
        is_file(target)
        and target.stat().st_size == len(content)
        and target.read_bytes() == content
    )


def _lies_below(path: Path, folder: Path) -> bool:
    return real_path(folder) in real_path(path).parents


def as_notebook(path: Path) -> bytes:
    """Return the bytes of a notebook: the file's own, or a script's parts as cells.

    What cannot be read stays as it is, for nbgrader's door to say so. Raises ``OSError``
    for what is no file: a pipe would be waited for without end."""
    if not is_file(path):
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
