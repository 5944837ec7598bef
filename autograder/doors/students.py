"""Whose each file of a class is, as folders say, or the names that a platform gave; and
which of a student's files count."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path, PurePath
from typing import NamedTuple

from autograder.contract.here import is_there
from autograder.doors.classroom import ENDINGS, ClassError, HandedIn
from autograder.doors.few import Few, TooMany, name_below
from autograder.doors.gradescope_download import read_export
from autograder.doors.platforms import Named, read_names
from autograder.isolation.folders import walk
from autograder.wire.text import names_of, one_name


class Whose(NamedTuple):
    """Whose each file below a folder is: those whose names say it, the others, and what of
    both is no work."""

    named: list[Named]
    others: list[HandedIn]
    strays: set[HandedIn]


def whose_below(
    folder: Path, files: list[HandedIn], shown: str | Path, pattern: str | None = None
) -> Whose:
    """Return whose the files below a folder are, by a ``pattern`` of one's own or the names
    that a platform gave. Raises ``ClassError``, of the folder as it is ``shown``."""
    try:
        strays = _strays(folder, files)
    except TooMany as error:
        raise ClassError(f"{shown}: {error}") from None
    exported = read_export(files, strays) if pattern is None else None
    named, others = (exported, []) if exported else read_names(files, pattern, strays)
    return Whose(named, others, set(strays))


def of_a_platform(
    folder: Path, files: list[HandedIn], shown: str | Path
) -> tuple[list[HandedIn], list[str]]:
    """Return the files of a download that count, called after their students, and a line
    for each that does not; all of them as they are where no platform gave the names.

    Raises ``ClassError``, of the folder as it is ``shown``."""
    named, others, strays = whose_below(folder, files, shown)
    if not any(each.platform for each in named):
        return files, []
    students = by_student(named, others)
    lines = without_work(students, strays)
    counting = [file for file in others if file not in strays]
    for student, attempts in students.items():
        last = last_attempt(attempts)
        if last and len(attempts) > 1:
            names = [each.handed_in.name for each in attempts if each is not last]
            later = (
                f"{one_name(student)}: a later attempt counts, not {names_of(names)}."
            )
            lines.append(later)
        for each in [last] if last else attempts:
            counting.append(replace(each.handed_in, called=student))
    return sorted(counting, key=lambda file: file.name), lines


def by_student(named: list[Named], others: list[HandedIn]) -> dict[str, list[Named]]:
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


def without_work(students: dict[str, list[Named]], strays: set[HandedIn]) -> list[str]:
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


def later_ones(work: list[Named], everything: list[Named], chapter: str) -> str:
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


def last_attempt(attempts: list[Named]) -> Named | None:
    """Return the only file, or the last of attempts that all tell another time."""
    if len(attempts) == 1:
        return attempts[0]
    if len({each.id for each in attempts}) > 1:
        return None  # of several students, whom nothing tells apart
    by_time = {each.time: each for each in attempts if each.time is not None}
    return by_time[max(by_time)] if len(by_time) == len(attempts) else None
