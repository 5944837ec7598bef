"""Whose each file of a class is, as folders say, or the names that a platform gave; and
which of a student's files count."""

from collections import defaultdict
from collections.abc import Collection, Container, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import NamedTuple

from autograder.contract.here import is_folder
from autograder.doors.classroom import ENDINGS, ClassError, HandedIn
from autograder.doors.few import Few, TooMany, common_start, name_below
from autograder.doors.folder_names import folded
from autograder.doors.gradescope_download import read_export, submission_in
from autograder.doors.platforms import Named, by_itself, read_names
from autograder.doors.sheets import told_of_doubtful, told_of_sheets
from autograder.isolation.folders import walk
from autograder.wire.litter import is_litter
from autograder.wire.text import names_of, one_name


class Whose(NamedTuple):
    """Whose each file below a folder is: those whose names say it, the others, and what of
    both is no work."""

    named: list[Named]
    others: list[HandedIn]
    strays: set[HandedIn]


def whose_below(
    folder: Path,
    files: list[HandedIn],
    shown: str | Path,
    pattern: str | None = None,
    sheets: Collection[str] = (),
) -> Whose:
    """Return whose the files below a folder are, by a ``pattern`` of one's own or the names
    that a platform gave, of ``sheets`` that are known. Raises ``ClassError``, of the folder
    as it is ``shown``."""
    try:
        strays = _strays(folder, files)
    except TooMany as error:
        raise ClassError(f"{shown}: {error}") from None
    exported = read_export(files, strays) if pattern is None else None
    if exported:
        return Whose(exported, [], set(strays))
    named, others = read_names(files, pattern, strays, sheets)
    return Whose(named, others, set(strays))


def of_a_platform(
    folder: Path, files: list[HandedIn], shown: str | Path
) -> tuple[list[HandedIn], list[str]]:
    """Return the files of a download that count, called after their students, and a line
    for each that does not; all of them as they are where no platform gave the names.

    Raises ``ClassError``, of the folder as it is ``shown``."""
    named, others, strays = whose_below(folder, files, shown)
    students = by_student(named, others)
    lines = without_work(students, strays)
    lines += told_of_sheets(named) + told_of_doubtful(named)
    if not any(each.platform for each in named):
        return files, lines
    counting = by_folders([file for file in others if file not in strays], students)
    for student, attempts in students.items():
        last = last_attempts(attempts)
        if len(last) < len(attempts):
            names = [each.handed_in.name for each in attempts if each not in last]
            later = (
                f"{one_name(student)}: a later attempt counts, not {names_of(names)}."
            )
            lines.append(later)
        counting += [replace(each.handed_in, called=student) for each in last]
    return sorted(counting, key=lambda file: file.name), lines


def spelled_apart(files: list[HandedIn]) -> list[HandedIn]:
    """Return the files; of students whose names are one name in two of Unicode's spellings,
    as nbgrader knows them, those in the other spelling are called as they are written."""
    spellings = defaultdict(set)
    for file in files:
        spellings[file.student].add(file.spelled)
    return [
        replace(file, called=file.spelled)
        if len(spellings[file.student]) > 1 and file.spelled != file.student
        else file
        for file in files
    ]


def by_folders(files: list[HandedIn], students: Collection[str]) -> list[HandedIn]:
    """Return files whose names do not say whose they are, called by their folders, or as they
    are themselves; but by no name of the ``students``, who may have chosen one of these."""
    own = {file: submission_in(file.name) or file.student for file in files}
    used = {folded(name) for name in (*students, *own.values())}
    taken, names = {folded(name) for name in students}, dict[str, str]()
    for name in sorted(set(own.values())):
        apart = name
        while folded(apart) in (used if apart != name else taken):
            apart = by_itself(apart)
        used.add(folded(apart))
        names[name] = apart
    return [
        file if names[name] == file.student else replace(file, called=names[name])
        for file, name in own.items()
    ]


def of_whom_is_nothing(
    folder: Path, files: list[HandedIn], shown: str | Path
) -> list[str]:
    """Return a line for each student's folder below one in which none of the files lies.

    Raises ``ClassError``, of the folder as it is ``shown``."""
    try:
        strays = _strays(folder, files)
    except TooMany as error:
        raise ClassError(f"{shown}: {error}") from None
    have, students = {file.top for file in files}, dict[str, list[Named]]()
    for file in strays:
        if file.top not in have and ("/" in file.name or is_folder(file.path)):
            students.setdefault(file.student, []).append(Named(file, file.student))
    return without_work(students, set(strays))


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


def _strays(folder: Path, files: list[HandedIn]) -> list[HandedIn]:
    """Return all else below a folder: what is no notebook and no script, what is hidden,
    the work of other chapters, and folders with nothing in them."""
    taken, work = {file.name for file in files}, Few(files[0].shared if files else 0)
    cut = {work.key(file.name) for file in files if file.more}
    common: list[str] | None = None
    for name in (*taken, *_all_below(folder, taken)):
        if "/" in name and not name.startswith("."):
            common = common_start(common, name.split("/")[:-1])
        elif PurePath(name).suffix in ENDINGS:
            common = []
    # How deep the only work lies says nothing of whose all else is.
    few = Few(len(common or []))
    for name in _all_below(folder, taken):
        if not (work.key(name) in cut and PurePath(name).suffix in ENDINGS):
            few.add(name)
    return sorted(
        (HandedIn(folder / name, name, more=more) for name, more in few.names()),
        key=lambda file: file.name,
    )


def _all_below(folder: Path, taken: Container[str]) -> Iterator[str]:
    """Yield the names of all files below a folder that are not ``taken``, and of the folders
    with nothing in them."""
    for place, folders, names in walk(folder):
        folders[:] = [name for name in folders if not is_litter(name)]
        below, beside = name_below(folder, place), set(names)
        names = [name for name in names if not is_litter(name, beside)]
        if below and not (folders or names or below in taken):
            yield below
        for each in names:
            name = f"{below}/{each}" if below else each
            if name not in taken:
                yield name


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
        files = [each.handed_in for each in theirs]
        if any(each.platform for each in theirs) or any(map(_is_a_students, files)):
            lines.append(_nothing_of(student, files))
    return lines


def _is_a_students(file: HandedIn) -> bool:
    """Return whether what is no work, and of no platform, is a student's: not a table that
    lies beside the folders, nor a tool's hidden folder."""
    if file.top.startswith("."):
        return file.path.suffix in ENDINGS
    return "/" in file.name or is_folder(file.path) or _is_like_work(file)


def _is_like_work(file: HandedIn) -> bool:
    return file.path.suffix.lower() in ENDINGS


def _nothing_of(student: str, files: Sequence[HandedIn]) -> str:
    """Return a line on a student who handed in these files, and no work."""
    names, more = [file.name for file in files], sum(file.more for file in files)
    found = f"found {names_of(names, more)}."
    if all(is_folder(file.path) for file in files):
        found = f"nothing is in {names_of(names, more)}."
    elif any(_is_like_work(f) and f.path.suffix not in ENDINGS for f in files):
        found += " Names end in .ipynb or .py, in small letters."
    return (
        f"✗ {one_name(student)}: no notebook and no .py file; {found}"
        f"{_passed_over(names)}"
    )


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


def last_attempts(attempts: list[Named]) -> list[Named]:
    """Return the files of the last time, where all tell one; else all."""
    times = [each.time for each in attempts if each.time is not None]
    if len({each.id for each in attempts}) > 1 or len(times) < len(attempts):
        return attempts  # of several students, too, whom nothing tells apart
    return [each for each in attempts if each.time == max(times)]
