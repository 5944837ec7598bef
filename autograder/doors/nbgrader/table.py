"""The table that ``nbgrader export`` writes."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbgrader.plugins import CsvExportPlugin

from autograder.doors.class_reports import name_cell
from autograder.doors.nbgrader.marks import unfinished_of
from autograder.doors.nbgrader.measure import forgotten, old_scores


class CarefulExport(CsvExportPlugin):
    """nbgrader's table of scores, and a word about those that are not final."""

    def export(self, gradebook: Any) -> None:
        course = self.parent.coursedir
        everyone = course.format_path(course.autograded_directory, "*", "*")
        for folder in unfinished_of(everyone, course.root):
            self.log.warning(
                "The scores from %s are not final: its grading did not come to an end, or "
                "points changed since. Run nbgrader autograde again, then this.",
                folder,
            )
        graded = Path(course.root).glob(os.path.relpath(everyone, course.root))
        names = {each.name for each in gradebook.assignments}
        for name in sorted(names | {path.name for path in graded}):
            old = old_scores(course, name, set()) if name in names else ""
            for told in filter(None, (old, forgotten(course, name))):
                self.log.warning("%s", told)
        try:
            super().export(_AsCells(gradebook))
        except OSError as error:
            told = f"{self.to or 'grades.csv'}: {error.strerror or error}."
            raise SystemExit(f"{told} Nothing was exported.") from None


class _Cell(str):
    """A name that is written as one cell of the table, and as no formula.

    nbgrader writes lines by ``format`` alone: a comma in a name would move the scores to
    other columns."""

    def __format__(self, how: str) -> str:
        text = name_cell(str(self))
        return f'"{text}"' if "," in text else text


class _AsCells:
    """A gradebook whose students' names are cells."""

    def __init__(self, gradebook: Any) -> None:
        self.assignments = gradebook.assignments
        self.find_submission = gradebook.find_submission
        self.students = [
            SimpleNamespace(
                id=_Cell(student.id),
                last_name=_Cell(student.last_name or ""),
                first_name=_Cell(student.first_name or ""),
                email=_Cell(student.email or ""),
            )
            for student in gradebook.students
        ]
