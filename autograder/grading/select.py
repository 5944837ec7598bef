"""Which exercises a file is about, and why one is not there, or did not run."""

import re
from collections.abc import Iterable

from autograder.contract.exercise import Exercise, all_exercises, find_exercise
from autograder.contract.nearest import nearest
from autograder.grading.session import Session
from autograder.submission.cells import Cell, Submission
from autograder.wire.magics import is_run
from autograder.wire.text import clean

#: So many cells that failed are told of one by one.
_NOTES = 20


def touched(names: Iterable[str]) -> list[Exercise]:
    """Return the exercises of the chapters that a file touches, in the book's order.

    A chapter is touched by each of its functions that the file defines, but not by one
    that only serves another exercise there (the forward of a backward)."""
    defined = [e for e in all_exercises() if e.name in set(names)]
    serving = {
        need
        for e in defined
        for need in e.needs
        if find_exercise(need).chapter != e.chapter
    }
    chapters = {e.chapter for e in defined if e.name not in serving}
    if not chapters:
        chapters = {e.chapter for e in defined}
    return [e for e in all_exercises() if e.chapter in chapters]


#: A function's definition at the start of a line.
_DEFINES = re.compile(r"(?m)^(?:async[ \t]+)?def[ \t]+(\w+)")


def mentioned(submission: Submission) -> set[str]:
    """Return what the file means, exercises among it: functions it tries to define, cells
    that check them. What it means counts, even where the code does not run."""
    found: set[str] = set()
    for cell in submission.cells:
        if cell.graded is not None:
            found |= set(re.findall(r"\w+", cell.source))
            continue
        found |= set(_DEFINES.findall(cell.source))
    return found


def nothing_found(submission: Submission, session: Session) -> str:
    known = ", ".join(e.name for e in all_exercises())
    failed = "".join(f" {note}" for note in notes_on(session)[:1])
    return f"It defines none of the exercises' functions ({known}).{failed}"


def explain_missing(name: str, session: Session, by: Exercise) -> tuple[str, str]:
    """Return "error" or "missing", and why no function of this name, which an exercise
    needs, is there."""
    for cell in session.submission.code:
        outcome = session.outcomes.get(cell.number)
        defines = re.search(rf"\bdef[ \t]+{name}\b", cell.source)
        if outcome is not None and outcome.error and defines:
            where = _place(cell, session.submission)
            return "error", f"{where}, which defines {name}, failed: {outcome.error}."
    if session.unnamed is not None:
        return "error", f"The file was not asked for {name}: {session.unnamed}."
    if told := _not_run(name, session.submission):
        return "missing", told
    meant = _meant(name, session.names)
    hint = f" There is one named {meant}: rename it." if meant else ""
    if not meant:
        for cell in session.submission.code:
            outcome = session.outcomes.get(cell.number)
            if outcome is not None and outcome.error:
                hint = f" {_place(cell, session.submission)} failed: {outcome.error}."
                break
    needed = "" if name == by.name else f", which {by.name} needs"
    return "missing", f"The file defines no function named {name}{needed}.{hint}"


def _not_run(name: str, submission: Submission) -> str | None:
    """Return a sentence about a cell that holds the function and is not run as Python."""
    for cell in submission.cells:
        if not re.search(rf"(?m)^def[ \t]+{name}\b", cell.source):
            continue
        first = cell.source.lstrip().partition("\n")[0]
        holds = f"{_place(cell, submission)} defines {name}, but "
        if cell.graded is not None:
            return f"{holds}it is the check's, which is not run: write it above."
        if not is_run(first):
            return (
                f"{holds}begins with {first.split()[0]}, and is not run: take that out."
            )
    return None


#: How many of the names most like one are looked at.
_LIKE = 3


def _meant(name: str, defined: Iterable[str]) -> str | None:
    """Return the function that was to have this name, if one is like it, and like the name
    of no other exercise more."""
    known = [exercise.name for exercise in all_exercises()]
    others = [each for each in defined if each not in known]
    for _ in range(_LIKE):
        each = nearest(name, others)
        if each is None or nearest(each, known) == name:
            return each
        others.remove(each)
    return None


def _place(cell: Cell, submission: Submission) -> str:
    return f"Part {cell.number}" if submission.script else f"Cell {cell.number}"


def notes_on(session: Session) -> list[str]:
    doubts = [
        f"Graded twice, for this may have been the machine's doing: {doubt}; it came to "
        "that again."
        for doubt in session.worker.doubts[:1]
    ]
    notes = [
        clean(f"{_place(cell, session.submission)} failed: {outcome.error}.")
        for cell in session.submission.code
        if (outcome := session.outcomes.get(cell.number)) is not None and outcome.error
    ]
    if len(notes) > _NOTES:
        notes[_NOTES:] = [f"{len(notes) - _NOTES} others failed as well."]
    return doubts + notes
