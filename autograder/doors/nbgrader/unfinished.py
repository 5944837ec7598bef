"""What an interrupted ``nbgrader autograde`` leaves is marked, and graded again.

nbgrader takes a student for graded as soon as there is a folder in ``autograded/``. Here a
mark (``marks``) stands beside it from the first change to the last one.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, NbGraderException
from nbgrader.utils import remove, rmtree

from autograder.contract.here import is_there
from autograder.doors.nbgrader.beside import keep_beside
from autograder.doors.nbgrader.gradebook import UNUSABLE, HeldGradebook
from autograder.doors.nbgrader.marks import (
    BRIEFLY,
    InOtherHands,
    Mark,
    mark_path,
    next_path,
)
from autograder.doors.nbgrader.measure import (
    Graded,
    Held,
    class_held,
    graded_by,
    measures_in_force,
    measures_of,
    old_scores,
    replay_of,
    scores_in,
)
from autograder.doors.nbgrader.penalties import to_be_taken_anew
from autograder.doors.nbgrader.timestamps import time_in
from autograder.grading.secret import Secret
from autograder.wire.text import listed, one_name

# ---- The run ------------------------------------------------------------------------


class NotWritten(Exception):
    """The gradebook could not be read or written; the student's turn is for another run."""


class WholeAutograde(Autograde):
    """nbgrader's ``Autograde``: of each student the whole is written, or it is marked."""

    mark: Mark | None
    #: The notebooks in hand.
    taken: set[str]
    #: What is written at the end of the turn: step, notebook, resources.
    later: list[tuple[Any, NotebookNode, Any]]
    #: The students who could not be marked, by their names as ``one_name`` shows them.
    untouched: list[str]
    #: What ends with the run, however that ends.
    closing: contextlib.ExitStack
    secret: Secret
    #: By what each of our notebooks is graded.
    measures: dict[str, str]
    #: What the gradebook held, by student, when the run began.
    held: dict[str, Held]
    #: Whose late penalty was another than it would be by then.
    penalized: set[str]
    book: HeldGradebook | None

    @classmethod
    def take_over(cls, converter: Any, secret: Secret) -> None:
        """Have nbgrader's converter be one of these: its application makes no other.

        Raises ``NbGraderException`` where the gradebook differs from the grader."""
        if type(converter) is Autograde:
            converter.measures = measures_in_force(converter)
            converter.secret = secret
            course = converter.coursedir
            converter.held = class_held(course, course.assignment_id)
            converter.penalized = to_be_taken_anew(converter)
            converter.__class__ = cls
            converter.mark, converter.book, converter.taken = None, None, set()
            converter.later, converter.untouched = [], []
            converter.closing = contextlib.ExitStack()

    def convert_notebooks(self) -> None:
        self.closing.callback(self._leave)
        in_hand = {Path(folder).parts[-2] for folder in self.assignments}
        if told := old_scores(self.coursedir, self.coursedir.assignment_id, in_hand):
            self.log.warning("%s", told)
        with self.closing:
            super().convert_notebooks()
        if self.untouched:
            names = listed(self.untouched)
            message = f"Not graded, see above: {names}. Run nbgrader autograde again."
            self.log.error(message)
            raise NbGraderException(message)

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        self._leave()
        if student_id in self.coursedir.student_id_exclude.split(","):
            return False
        folder = Path(os.path.normpath(self._format_dest(assignment_id, student_id)))
        if not self._take(folder, one_name(student_id)):
            return False
        assert self.mark is not None
        if self._is_left(folder) or self._is_outdated(folder, assignment_id):
            self._clear(folder)
        with self._gradebook_in_use():
            begins = bool(super().init_destination(assignment_id, student_id))
        if not begins:
            # Of an earlier version of the grader, which left them out.
            with contextlib.suppress(OSError):
                keep_beside(self._format_source(assignment_id, student_id), folder)
            self.mark.remove()
        return begins

    def _is_outdated(self, folder: Path, assignment_id: str) -> bool:
        """Return whether what was graded is not what would be graded now, and say so."""
        student = folder.parent.name
        if not self._differs(folder, assignment_id, student):
            return False
        # Another run may have graded the student since this one began.
        self.held |= class_held(self.coursedir, assignment_id, student)
        self.penalized -= {student}
        self.penalized |= to_be_taken_anew(self, student)
        if not self._differs(folder, assignment_id, student):
            return False
        self.log.warning(
            "%s is graded again: what was handed in, its time, when it was due, the "
            "grader, the points or the gradebook changed since.",
            one_name(student),
        )
        return True

    def _differs(self, folder: Path, assignment_id: str, student: str) -> bool:
        held = self.held.get(student, Held())
        paths = [p for p in map(Path, self.notebooks) if is_there(folder / p.name)]
        for path in paths:
            made, measure = folder / path.name, self.measures.get(path.stem)
            now = Graded(measure or "", replay_of(path.absolute(), self.secret))
            if measure and (graded_by(made) != now or scores_in(made) != held.scores):
                return True
        time = time_in(self._format_source(assignment_id, student))
        moved = time != held.time or student in self.penalized
        return bool(paths) and student in self.held and moved

    def _take(self, folder: Path, student: str) -> bool:
        """Set the mark; return whether that worked."""
        self.taken = {Path(path).stem for path in self.notebooks}
        try:
            self.mark = Mark.take(mark_path(folder), BRIEFLY)
            self.mark.write(self.taken | (self.mark.earlier or set()))
        except InOtherHands:
            self.log.warning("%s is in the hands of another run; left to it.", student)
            self.untouched.append(student)
            return False
        except OSError as error:
            # In nbgrader's hands the error would remove what an earlier run wrote.
            self.log.error(
                "NOT GRADED: %s cannot be written (%s); expected a folder with room.",
                mark_path(folder),
                error.strerror or error,
            )
            self.untouched.append(student)
            if self.mark is not None and self.mark.earlier is None:
                self.mark.remove()
            return False
        if self._is_left(folder):
            self.log.warning(
                "%s was being graded when an earlier run ended, or points changed "
                "since; graded again.",
                student,
            )
        return True

    def _is_left(self, folder: Path) -> bool:
        """Whether an earlier run did not come to its end with this student, or one of the
        whole class before the gradebook took it."""
        assert self.mark is not None
        return self.mark.earlier is not None or is_there(next_path(folder))

    def _leave(self) -> None:
        """End the turn before; what did not come to its end stays marked."""
        self.later.clear()
        if self.mark is not None:
            self.mark.release()
            self.mark = None

    def _clear(self, folder: Path) -> None:
        """Remove what an earlier run left, as far as this run writes it anew."""
        if self.coursedir.notebook_id == "*":
            if is_there(folder):
                rmtree(folder)
            return
        for path in self.notebooks:
            half = folder / Path(path).name
            if is_there(half):
                remove(half)

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy the files and see that all is there; the gradebook stays as it is."""
        with self._gradebook_in_use(to_write=True):
            super().init_assignment(assignment_id, student_id)
        names = assignment_id, student_id
        keep_beside(self._format_source(*names), self._format_dest(*names))

    def convert_single_notebook(self, notebook_filename: str) -> None:
        with self._gradebook_in_use():
            super().convert_single_notebook(notebook_filename)

    def set_permissions(self, assignment_id: str, student_id: str) -> None:
        """Do the last of nbgrader's steps, and then write the gradebook."""
        super().set_permissions(assignment_id, student_id)
        with self._gradebook_in_use(to_write=True) as gradebook:
            if measures_of(self.coursedir, assignment_id) != self.measures:
                raise NotWritten(
                    "The points changed since this run began; nothing was entered. Run "
                    "nbgrader autograde again."
                )
            self._enter(assignment_id, student_id, gradebook)
            for step, notebook, resources in self.later:
                step.write(notebook, resources, gradebook)
            gradebook.keep()
        waits = next_path(self._format_dest(assignment_id, student_id))
        waits.unlink(missing_ok=True)
        assert self.mark is not None
        left = (self.mark.earlier or set()) - self.taken
        if left:
            self.mark.write(left)
        else:
            self.mark.remove()

    def _enter(
        self, assignment_id: str, student_id: str, gradebook: HeldGradebook
    ) -> None:
        """Let nbgrader enter the submission; its files are in place, its words said."""
        ignored, quiet = self.coursedir.ignore, self.log.disabled
        self.coursedir.ignore, self.log.disabled = ["*"], True
        try:
            super().init_assignment(assignment_id, student_id)
        finally:
            self.coursedir.ignore, self.log.disabled = ignored, quiet
        # nbgrader lets the time of earlier work be where this has none.
        time = time_in(self._format_source(assignment_id, student_id))
        gradebook.update_or_create_submission(assignment_id, student_id, timestamp=time)

    @contextlib.contextmanager
    def _gradebook_in_use(self, to_write: bool = False) -> Iterator[HeldGradebook]:
        """Lend nbgrader the run's one gradebook; let none that is busy, and no full disk,
        end the run for the students after this."""
        try:
            if self.book is None:
                course = self.coursedir
                self.book = HeldGradebook(course.db_url, course.course_id)
                self.closing.callback(Gradebook.close, self.book)
            with self.book.lent(to_write):
                yield self.book
        except UNUSABLE as error:
            # An error in the question itself, as after an upgrade, is nbgrader's to tell.
            name = getattr(error.orig, "sqlite_errorname", "SQLITE_ERROR")
            if name == "SQLITE_ERROR":
                raise
            raise NotWritten(
                f"The gradebook could not be used ({error.orig}); it stays as it was. "
                "Run nbgrader autograde again when it can."
            ) from None
