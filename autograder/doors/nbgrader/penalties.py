"""Late penalties follow from what holds now: the due date, the time, the points. nbgrader
takes them once, while it grades."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from nbgrader.api import Assignment, Gradebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import or_
from traitlets.utils.importstring import import_item


def no_longer_so(
    gradebook: Any, assignment: str, step: Any, *students: str
) -> set[str]:
    """Return the students, of these or of all, whose late penalty in an assignment is not
    what nbgrader's ``step`` would take now; never one for whom the course's plugin fails."""
    plugin = step.plugin_class(parent=step)
    plugin.log = logging.Logger("unheard", logging.CRITICAL)  # it is only asked
    submitted, found = SubmittedNotebook, set[str]()
    rows = (
        gradebook.db.query(submitted)
        .join(SubmittedAssignment, SubmittedAssignment.id == submitted.assignment_id)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .filter(Assignment.name == assignment)
        .filter(
            or_(
                SubmittedAssignment.timestamp > Assignment.duedate,
                submitted.late_submission_penalty.is_not(None),
            )
        )
    )
    if students:
        rows = rows.filter(SubmittedAssignment.student_id.in_(students))
    for notebook in rows:
        with suppress(Exception):
            if notebook.late_submission_penalty != _taken(notebook, plugin):
                found.add(notebook.assignment.student_id)
    return found


def to_penalize(
    gradebook: Any, assignment: str, steps: Sequence[Any]
) -> list[tuple[str, Any]]:
    """Return the same with the step, one of several of nbgrader's, that takes it."""
    return [
        (student, step)
        for step in steps
        if isinstance(step, AssignLatePenalties)
        for student in no_longer_so(gradebook, assignment, step)
    ]


def to_be_taken_anew(converter: Any, *students: str) -> set[str]:
    """Return the same of the assignment and the steps of a run of nbgrader's ``autograde``."""
    course, found = converter.coursedir, set[str]()
    with Gradebook(course.db_url, course.course_id) as gradebook:
        for named in converter.autograde_preprocessors:
            step = import_item(named) if isinstance(named, str) else named
            if issubclass(step, AssignLatePenalties):
                own = step(parent=converter)
                found |= no_longer_so(gradebook, course.assignment_id, own, *students)
    return found


def _taken(notebook: Any, plugin: Any) -> float | None:
    """Return the penalty as ``AssignLatePenalties`` takes it."""
    late = notebook.assignment.total_seconds_late
    if not late > 0:
        return None
    student, score = notebook.assignment.student_id, notebook.score
    penalty = plugin.late_submission_penalty(student, score, late)
    return None if penalty is None else min(max(penalty, 0), score)
