"""``nbgrader generate_feedback`` that leaves no page which says what is no longer so.

nbgrader makes a page again where ``timestamp.txt`` is newer. Here a page says, behind its
end, from what it was made: the graded notebook, and what the gradebook holds of it.
"""

import contextlib
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.converters import GenerateFeedback, NbGraderException
from nbgrader.utils import remove
from sqlalchemy.exc import OperationalError

from autograder.contract.here import is_there
from autograder.course.settings import unusable
from autograder.doors.nbgrader.beside import keep_beside
from autograder.doors.nbgrader.marks import is_unfinished
from autograder.doors.nbgrader.measure import command, counted, known_in
from autograder.wire.text import one_line

#: What the gradebook holds, by student and notebook.
Entries = dict[tuple[str, str], list[Any]]

#: Behind all that a student wrote; a page that was not written to its end has none.
_NOTE = "\n<!-- made from {} -->\n"
_NOTED = re.compile(rb"<!-- made from ([0-9a-f]{64}) -->\s*\Z")


class CurrentFeedback(GenerateFeedback):
    """nbgrader's ``GenerateFeedback``; what is outdated is made again, without --force."""

    entries: Entries
    #: The students of whom the gradebook holds anything.
    known: set[str]
    #: What the page in hand is made from.
    note: str
    #: The students without one.
    without: list[str]

    @classmethod
    def take_over(cls, converter: Any) -> None:
        """Have nbgrader's converter be one of these: its application makes no other."""
        if type(converter) is GenerateFeedback:
            converter.__class__ = cls
            converter.entries, converter.known = {}, set()
            converter.note, converter.without = "", []

    def convert_notebooks(self) -> None:
        try:
            course = self.coursedir
            self.entries = entries_of(course, course.assignment_id)
            with Gradebook(course.db_url, course.course_id) as gradebook:
                self.known = set(known_in(gradebook, course.assignment_id))
        except OperationalError as error:
            told = f"NO FEEDBACK. {unusable(error.orig)}"
            self.log.error("%s", told)
            raise NbGraderException(told) from None
        super().convert_notebooks()
        if self.without:
            told = f"No feedback for {counted(self.without)}, see above."
            self.log.error("%s", told)
            raise NbGraderException(told)

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        if student_id in self.coursedir.student_id_exclude.split(","):
            return False
        if student_id not in self.known:
            return self._none(
                student_id,
                self._format_source(assignment_id, student_id),
                "the gradebook holds nothing of it; what was made stays. Run this, then "
                f"feedback again: {command(assignment_id)}",
            )
        outdated = self._outdated(assignment_id, student_id)
        for page in outdated:
            if is_there(page):
                self.log.warning(
                    "Removing %s: it was not made from what the notebook and the "
                    "gradebook hold now.",
                    one_line(str(page)),
                )
                remove(str(page))
        folder = self._format_source(assignment_id, student_id)
        if is_unfinished(folder):
            return self._none(
                student_id,
                folder,
                "its grading did not come to an end, or points changed since. Run "
                "nbgrader autograde again, then this.",
            )
        if outdated and not self.force:
            return True
        begins = bool(super().init_destination(assignment_id, student_id))
        if not begins:
            self._keep_beside(assignment_id, student_id)
        return begins

    def _none(self, student: str, folder: str, why: str) -> bool:
        """Say why no page is made of a student."""
        self.log.error("NO FEEDBACK from %s: %s", folder, why)
        self.without.append(student)
        return False

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        super().init_assignment(assignment_id, student_id)
        self._keep_beside(assignment_id, student_id)

    def _keep_beside(self, *names: str) -> None:
        """Have the page's time and secret be those of the notebook that was graded."""
        keep_beside(self._format_source(*names), self._format_dest(*names))

    def _outdated(self, assignment_id: str, student_id: str) -> list[Path]:
        """Return where a student's pages belong that are not there, or say what is no
        longer so."""
        folder = Path(self._format_dest(assignment_id, student_id))
        pages = {
            path: folder / f"{path.stem}{self.exporter.file_extension}"
            for path in map(Path, self.notebooks)
        }
        return [
            page
            for path, page in pages.items()
            if not is_there(page) or noted(page) != self._note(path, student_id)
        ]

    def _note(self, notebook: Path, student_id: str) -> str:
        """Return what stands for all that a page is made from."""
        entries = self.entries.get((student_id, notebook.stem), [])
        found = hashlib.sha256(json.dumps(entries).encode())
        # A run that has the student in hand may have removed it.
        with contextlib.suppress(FileNotFoundError):
            found.update(notebook.read_bytes())
        return found.hexdigest()

    def convert_single_notebook(self, notebook_filename: str) -> None:
        path = Path(notebook_filename)
        # Before it is read: of what changes meanwhile the next run makes another page.
        self.note = self._note(path, path.parts[-3])
        super().convert_single_notebook(notebook_filename)

    def write_single_notebook(self, output: str, resources: Any) -> None:
        super().write_single_notebook(output + _NOTE.format(self.note), resources)


def noted(page: Path) -> str:
    """Return from what a page was made; "" where it does not say."""
    with page.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 200))
        found = _NOTED.search(file.read())
    return found[1].decode() if found else ""


def entries_of(coursedir: Any, assignment: str) -> Entries:
    """Return what the gradebook holds of an assignment that is on pages, those that are
    given by hand, too: penalties, scores, points and comments."""
    held: Entries = {}
    about = Grade.score, Grade.max_score
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        for kind, columns in ((Grade, about), (Comment, (Comment.comment,))):
            # Lists of columns: a thousand students' objects take seconds.
            rows = (
                gradebook.db.query(
                    SubmittedAssignment.student_id,
                    Notebook.name,
                    SubmittedNotebook.late_submission_penalty,
                    BaseCell.name,
                    *columns,
                )
                .select_from(kind)
                .join(BaseCell, BaseCell.id == kind.cell_id)
                .join(SubmittedNotebook, SubmittedNotebook.id == kind.notebook_id)
                .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
                .join(
                    SubmittedAssignment,
                    SubmittedAssignment.id == SubmittedNotebook.assignment_id,
                )
                .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
                .filter(Assignment.name == assignment)
                .order_by(BaseCell.name)
            )
            for student, notebook, *found in rows:
                held.setdefault((student, notebook), []).append(found)
    return held
