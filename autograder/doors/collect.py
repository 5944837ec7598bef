"""Collects what a class handed in to where nbgrader looks for it."""

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from autograder.contract.exercise import all_chapters, expect_chapter
from autograder.contract.here import is_file, is_folder, is_there, real_path
from autograder.doors.archives import unpacked
from autograder.doors.classroom import ENDINGS, ClassError, HandedIn, find_handed_in
from autograder.doors.few import Few, TooMany, name_below
from autograder.doors.gradescope_download import read_export
from autograder.doors.platforms import Named, read_names
from autograder.doors.whose import Folders
from autograder.isolation.atomic import write_whole
from autograder.isolation.folders import walk
from autograder.isolation.locks import in_turn
from autograder.submission.cells import SubmissionError
from autograder.submission.file import MAX_BYTES, leads_out, own_folder, read_submission
from autograder.wire.text import names_of, one_line, one_name, unfit_name

#: Seconds that another ``collect`` in the same course is waited for.
_PATIENCE = 60.0


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
    with in_turn(course, _PATIENCE), unpacked(source, pattern) as (folder, lines):
        found = _found(folder, source, pattern, lines)
        files = [file for file in found if file.assignment in (None, chapter)]
        try:
            strays = _strays(folder, files)
        except TooMany as error:
            raise ClassError(f"{source}: {error}") from None
        named, others = _named(files, strays, pattern)
        folders = Folders(submitted, chapter)
        named, doubts = folders.keep(named)
        everything, no_work = _by_student(named, others), set(strays)
        students = dict(everything)
        lines += doubts + _without_work(students, no_work)
        for student, theirs in students.items():
            target = Path(submitted) / student / chapter / f"{chapter}.ipynb"
            later = _later(theirs, everything[student], chapter)
            lines.append(_collected(student, theirs, target, folders) + later)
        if len(students) == 1:
            lines[-1] += _of_class(files[0], lines[-1])
        lines += _of_nobody(others, no_work)
    return [one_line(line) for line in lines]


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


def _named(
    files: list[HandedIn], strays: list[HandedIn], pattern: str | None
) -> tuple[list[Named], list[HandedIn]]:
    """Return whose each file is, and the files whose names do not say it."""
    exported = read_export(files, strays) if pattern is None else None
    return (exported, []) if exported else read_names(files, pattern, strays)


def _by_student(named: list[Named], others: list[HandedIn]) -> dict[str, list[Named]]:
    """Return each student's files; those that are nobody's join the ``others``."""
    students: dict[str, list[Named]] = {}
    owners: dict[str, set[str]] = defaultdict(set)
    for each in named:
        for folder in _folders(each):
            owners[folder].add(each.student)
    for each in named:
        shared = sum(len(owners[folder]) > 1 for folder in _folders(each))
        each = replace(each, handed_in=replace(each.handed_in, shared=shared))
        if each.student:
            students.setdefault(each.student, []).append(each)
        else:
            others.append(each.handed_in)
    return students


def _folders(named: Named) -> list[str]:
    """Return the folders that a file lies in, from the first one on."""
    parts = named.handed_in.name.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


#: What systems and tools leave in folders; nobody handed it in.
_LITTER = {
    *("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"),
    *("__pycache__", ".ipynb_checkpoints", ".git"),
}


def _strays(folder: Path, files: list[HandedIn]) -> list[HandedIn]:
    """Return all other files below a folder: what is no notebook and no script, what is
    hidden, and the work of other chapters."""
    few = Few(files[0].shared if files else 0)
    taken = {file.name for file in files}
    cut = {few.key(file.name) for file in files if file.more}
    for place, folders, names in walk(folder):
        folders[:] = [name for name in folders if name not in _LITTER]
        below = name_below(folder, place)
        for each in names:
            # macOS keeps what its disk cannot hold of a file beside it.
            beside = each.startswith("._") and is_there(Path(place, each[2:]))
            name = f"{below}/{each}" if below else each
            work = few.key(name) in cut and PurePath(name).suffix in ENDINGS
            if not (name in taken or each in _LITTER or beside or work):
                few.add(name)
    return sorted(
        (HandedIn(folder / name, name, more=more) for name, more in few.names()),
        key=lambda file: file.name,
    )


def _passed_over(names: list[str]) -> str:
    """Return why notebooks and scripts among what is no work are none."""
    if not any(Path(name).suffix in ENDINGS for name in names):
        return ""
    return " What begins with . or __, or lies in another chapter's folder, is passed over."


def _without_work(students: dict[str, list[Named]], strays: set[HandedIn]) -> list[str]:
    """Take out what is no work, and whoever handed in nothing else; a line for each."""
    lines = []
    for student, theirs in list(students.items()):
        work = [each for each in theirs if each.handed_in not in strays]
        students[student] = work
        if work:
            continue
        del students[student]
        names = [each.handed_in.name for each in theirs]
        passed = _passed_over(names)
        top = [Path(name).stem for name in names if "/" not in name]
        if student in top and not passed:
            continue  # of no folder and no platform: nobody's
        lines.append(
            f"✗ {one_name(student)}: no notebook and no .py file; found "
            f"{names_of(names)}.{passed}"
        )
    return lines


def _later(work: list[Named], everything: list[Named], chapter: str) -> str:
    """Return what is to be said of attempts after the last one with work in it."""
    times = [each.time for each in work if each.time is not None]
    names = [
        each.handed_in.name
        for each in everything
        if each.handed_in.assignment in (None, chapter)
        if times and each.time is not None and each.time > max(times)
    ]
    if not names:
        return ""
    return (
        f" A later attempt ({names_of(names)}) holds no notebook and no .py file; an "
        f"earlier one counts until one does.{_passed_over(names)}"
    )


def _collected(
    student: str, attempts: list[Named], target: Path, folders: Folders
) -> str:
    """Copy a student's file to its target, and return what happened."""
    if not student or student in (".", "..") or {"/", "\\"} & set(student):
        return f"✗ {attempts[0].handed_in.shown}: its name does not say whose it is."
    last = _last(attempts)
    files = [each.handed_in for each in ([last] if last else attempts)]
    names = names_of([file.name for file in files], sum(file.more for file in files))
    shown = one_name(student)
    if unfit := unfit_name(student, "file"):
        return f"✗ {unfit}"
    if len(files) > 1:
        count = sum(1 + file.more for file in files)
        return f"✗ {shown}: {count} files ({names}); keep one."
    if refused := _behind_links(files[0], target, names):
        return f"✗ {shown}: {refused}"
    try:
        again = _copied(files[0].path, attempts[0], last, target, folders)
    except OSError as error:
        return f"✗ {shown}: {names} was not copied ({error.strerror or error})."
    of = f", the last of {len(attempts)} attempts" if len(attempts) > 1 else ""
    return f"✓ {shown}: {names}{of}{again}.{folders.note(attempts[0])}"


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


def _copied(
    path: Path, attempt: Named, last: Named | None, target: Path, folders: Folders
) -> str:
    """Copy a file to its target, and return what became of an earlier one there."""
    content = as_notebook(path)
    again = ", which replaces an earlier one" if is_there(target) else ""
    if same := _holds(target, content):
        again = ", unchanged"
    folders.write(attempt)
    if not (same or _lies_below(path, target.parent)):
        # First: whenever this ends, no file is taken for as late as the one before.
        target.with_name("timestamp.txt").unlink(missing_ok=True)
    write_whole(target, content)
    _write_time(target.parent, last)
    return again


def _last(attempts: list[Named]) -> Named | None:
    """Return the only file, or the last of attempts that all tell another time."""
    if len(attempts) == 1:
        return attempts[0]
    if len({each.id for each in attempts}) > 1:
        return None  # of several students, whom nothing tells apart
    by_time = {each.time: each for each in attempts if each.time is not None}
    return by_time[max(by_time)] if len(by_time) == len(attempts) else None


def _holds(target: Path, content: bytes) -> bool:
    return (
        is_file(target)
        and target.stat().st_size == len(content)
        and target.read_bytes() == content
    )


def _lies_below(path: Path, folder: Path) -> bool:
    return real_path(folder) in real_path(path).parents


def _write_time(folder: Path, last: Named | None) -> None:
    """Write, for late penalties, when a file was handed in, if its name tells."""
    if last is not None and last.time is not None:
        write_whole(folder / "timestamp.txt", f"{last.time:%Y-%m-%d %H:%M:%S}")


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
