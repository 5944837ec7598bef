"""By what a notebook was graded: the grader, the cells and their points.

What was graded by another measure is graded again, and told of until then.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Gradebook,
    MissingEntry,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.converters import NbGraderException

from autograder import __version__
from autograder.contract.exercise import all_chapters, all_exercises
from autograder.doors.nbgrader.released import Released, is_ours, recorded_cells
from autograder.grading.draws import replay_code
from autograder.grading.report import grader
from autograder.grading.secret import Secret
from autograder.submission.cells import SubmissionError
from autograder.submission.file import digest_of, own_folder
from autograder.submission.notebook import GRADE_PREFIX
from autograder.wire.text import names_of, one_line

#: The name of what we say of a graded notebook in its metadata.
KEY = "autograder"


#: Scores by cell that grades, as the gradebook holds them.
Scores = dict[str, float | None]


@dataclass(frozen=True)
class Graded:
    """By what a notebook was graded, and the replay code, which stands for the bytes that
    were handed in. Both may be empty."""

    measure: str = ""
    replay: str = ""


def measure_of(released: dict[str, Released]) -> str:
    """Return what stands for the grader and for all cells that have points."""
    points = {
        cell.grade_id: float(cell.metadata["points"])
        for cell in released.values()
        if "points" in cell.metadata
    }
    text = json.dumps([grader(), sorted(points.items())])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def graded_by(path: Path) -> Graded:
    """Return by what an autograded notebook was graded; nothing for one of which that is
    not known, as it is not there or an earlier version of this door wrote it."""
    said = _metadata(path)
    return Graded(str(said.get("measure", "")), str(said.get("replay", "")))


def scores_in(path: Path) -> Scores:
    """Return the scores that an autograded notebook holds; none where that is not known."""
    found = _metadata(path).get("scores", {})
    return dict(found) if isinstance(found, dict) else {}


def _metadata(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_bytes())["metadata"][KEY]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return said if isinstance(said, dict) else {}


@dataclass
class Held:
    """What the gradebook holds of a student: scores of the cells that the judge grades, and
    when the work was handed in."""

    scores: Scores = field(default_factory=dict)
    time: datetime | None = None


def class_held(coursedir: Any, assignment: str, *students: str) -> dict[str, Held]:
    """Return what the gradebook holds of an assignment, by student: of these, or of all."""
    held: dict[str, Held] = {}
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        # Lists of columns: a thousand students' objects take seconds.
        submitted = SubmittedAssignment
        rows = (
            gradebook.db.query(
                submitted.student_id,
                submitted.timestamp,
                BaseCell.name,
                Grade.auto_score,
            )
            .select_from(submitted)
            .join(Assignment, Assignment.id == submitted.assignment_id)
            .outerjoin(
                SubmittedNotebook, SubmittedNotebook.assignment_id == submitted.id
            )
            .outerjoin(Grade, Grade.notebook_id == SubmittedNotebook.id)
            .outerjoin(BaseCell, BaseCell.id == Grade.cell_id)
            .filter(Assignment.name == assignment)
        )
        if students:
            rows = rows.filter(submitted.student_id.in_(students))
        for student, time, cell, score in rows:
            found = held.setdefault(student, Held(time=time))
            if cell is not None and cell.startswith(GRADE_PREFIX):
                found.scores[cell] = score
    return held


def measures_of(coursedir: Any, assignment: str) -> dict[str, str]:
    """Return what stands for the grader and the points of each of an assignment's notebooks
    that the judge grades, by the points that the gradebook has now."""
    found = cells_of(coursedir, assignment)
    return {notebook: measure_of(cells) for notebook, cells in found}


def disagreements(released: dict[str, Released], assignment: str) -> list[str]:
    """Return where the gradebook differs from what the grader grades, a phrase each."""
    there = {cell.exercise: cell for cell in released.values() if cell.exercise}
    here = {
        exercise.name: exercise.max_score
        for chapter in all_chapters()
        for exercise in all_exercises(chapter)
    }
    found = []
    for name, cell in there.items():
        points = cell.metadata["points"]
        if name not in here:
            found.append(f"the exercise {one_line(name)} is no longer there")
        elif points != here[name]:
            found.append(f"{name} has {here[name]:g} points, and had {points:g}")
    if assignment in all_chapters():
        new = [e.name for e in all_exercises(assignment) if e.name not in there]
        found += [f"the exercise {name} is new" for name in new]
    return found


def _missing(coursedir: Any, assignment: str) -> str:
    """Return what to do where the gradebook has no such assignment, or none of its
    notebooks, as formgrader enters one; "" where it has."""
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        try:
            if gradebook.find_assignment(assignment).notebooks:
                return ""
            lacks = f"no notebook of assignment {one_line(assignment)}. This enters it"
        except MissingEntry:
            lacks = f"no assignment {one_line(assignment)}. This enters it"
    return forgotten(coursedir, assignment) or (
        f"the gradebook has {lacks}, then run this again: nbgrader generate_assignment "
        f"{one_line(assignment)}"
    )


def forgotten(coursedir: Any, assignment: str) -> str:
    """Return a sentence on students whose work was graded, and of whom the gradebook, lost
    or from an older backup, holds nothing, and how to mend that; "" where there are none."""
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        known = set(known_in(gradebook, assignment))
    root, step = Path(coursedir.root), coursedir.autograded_directory
    everyone = Path(coursedir.format_path(step, "*", assignment), "*.ipynb")
    lost = {
        path.parts[-3]
        for path in root.glob(os.path.relpath(everyone, root))
        if path.parts[-3] not in known and graded_by(path).measure
    }
    if not lost:
        return ""
    return (
        f"{assignment}: the gradebook holds nothing of {counted(sorted(lost))}, "
        f"whose work is graded. This writes it there: {command(assignment)}"
    )


def counted(students: list[str]) -> str:
    """Return how many students there are, and who."""
    whose = "1 student" if len(students) == 1 else f"{len(students)} students"
    return f"{whose} ({names_of(students)})"


def known_in(gradebook: Any, assignment: str) -> list[str]:
    """Return the students of whom the gradebook has a submission of an assignment."""
    submitted = SubmittedAssignment
    rows = (
        gradebook.db.query(submitted.student_id)
        .join(Assignment, Assignment.id == submitted.assignment_id)
        .filter(Assignment.name == assignment)
    )
    return [student for (student,) in rows]


def command(assignment: str) -> str:
    """Return the command that grades everybody again."""
    return f"python -m autograder grade course/submitted --gradebook {assignment}"


def replay_of(path: Path, secret: Secret) -> str:
    """Return the replay code of a file that was handed in; "" where it has none."""
    try:
        digest = digest_of(path, own_folder(path.parent))
    except (SubmissionError, OSError):
        return ""
    return replay_code(secret.key, __version__, digest) if secret.lasting else ""


def refusal(assignment: str, differences: list[str]) -> str:
    """Return why nobody is graded while the gradebook and the grader differ."""
    return (
        f"{assignment} changed since it was handed out: {'; '.join(differences)}. "
        f"This brings the gradebook up to date and grades everybody again: "
        f"{command(assignment)}"
    )


def cells_of(
    coursedir: Any, assignment: str
) -> Iterator[tuple[str, dict[str, Released]]]:
    """Yield an assignment's notebooks that the judge grades, with what the gradebook knows
    of their cells."""
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        try:
            found = gradebook.find_assignment(assignment).notebooks
            names = [notebook.name for notebook in found]
        except MissingEntry:
            return
    for name in names:
        about = {"db_url": coursedir.db_url, "assignment": assignment, "notebook": name}
        cells = recorded_cells(about)
        if is_ours(cells):
            yield name, cells


def measures_in_force(converter: Any) -> dict[str, str]:
    """Return by what the notebooks of the assignment in hand are graded. Raises
    ``NbGraderException`` where the gradebook has other exercises or points, or lost all."""
    course = converter.coursedir
    measures = {}
    for notebook, cells in cells_of(course, course.assignment_id):
        if differences := disagreements(cells, course.assignment_id):
            told = refusal(course.assignment_id, differences)
            converter.log.error("NOBODY IS GRADED: %s", told)
            raise NbGraderException(told)
        measures[notebook] = measure_of(cells)
    if not measures and (told := _missing(course, course.assignment_id)):
        converter.log.error("NOBODY IS GRADED: %s", told)
        raise NbGraderException(told)
    return measures


def graded_otherwise(coursedir: Any, assignment: str) -> list[str]:
    """Return the students whose scores in an assignment are of another grader, or of other
    points, than is in force."""
    found = set()
    for notebook, cells in cells_of(coursedir, assignment):
        now, root = measure_of(cells), Path(coursedir.root)
        step = coursedir.autograded_directory
        everyone = Path(coursedir.format_path(step, "*", assignment))
        for path in root.glob(os.path.relpath(everyone / f"{notebook}.ipynb", root)):
            if graded_by(path).measure != now:
                found.add(path.parts[-3])
    return sorted(found)


def old_scores(coursedir: Any, assignment: str, beside: set[str]) -> str:
    """Return a sentence on scores that are of another measure, and how to mend that; ""
    where there are none but those of the students ``beside``."""
    old = [s for s in graded_otherwise(coursedir, assignment) if s not in beside]
    if not old:
        return ""
    return (
        f"{assignment}: the scores of {counted(old)} are from another version "
        f"of the grader, or with other points. This grades everybody again: "
        f"{command(assignment)}"
    )
