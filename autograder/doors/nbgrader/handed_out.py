"""``nbgrader generate_assignment`` that removes no notebook which was handed out, and lets
exercises come and go while there are submissions.

Stock nbgrader empties the folder first, and gives up afterwards if a cell was added to an
assignment that somebody handed in.
"""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.api import Comment, Grade, MissingEntry, Notebook
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import SaveCells

from autograder.contract.here import is_file, is_there
from autograder.doors.collect import PATIENCE
from autograder.doors.nbgrader.gradebook import HeldGradebook, Waiting
from autograder.doors.nbgrader.marks import BRIEFLY, InOtherHands, Mark, mark_path
from autograder.doors.one_part import is_part
from autograder.isolation.atomic import write_whole
from autograder.isolation.folders import lent_folder
from autograder.isolation.locks import in_turn
from autograder.submission.notebook import GRADE_PREFIX


class KeptRelease(GenerateAssignment):
    """nbgrader's ``GenerateAssignment``: what it makes takes the place of what is there at
    the end, file by file; until then nothing is touched."""

    #: Where it is made.
    beside: Path | None
    #: What ends with it.
    closing: contextlib.ExitStack
    #: What the system said of the place where it belongs.
    refused: OSError | None

    @classmethod
    def take_over(cls, converter: Any) -> None:
        """Have nbgrader's converter be one of these: its application makes no other."""
        if type(converter) is GenerateAssignment:
            converter.__class__ = cls
            converter.beside, converter.closing = None, contextlib.ExitStack()
            converter.refused = None

    def _format_dest(
        self, assignment_id: str, student_id: str, escape: bool = False
    ) -> str:
        if self.beside is not None:
            return str(self.beside / assignment_id)
        return str(super()._format_dest(assignment_id, student_id, escape))

    def convert_notebooks(self) -> None:
        course, names = self.coursedir, (".", self.coursedir.assignment_id)
        source = course.format_path(course.source_directory, *names)
        # Two at once would both find that the gradebook has no such assignment.
        with in_turn(Path(source), PATIENCE):
            try:
                super().convert_notebooks()
            except NbGraderException:
                # nbgrader's own text is that there is a traceback above.
                if self.refused is None:
                    raise
                raise NbGraderException(f"Not written: {self.refused}") from None
            finally:
                self._leave()

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        self._leave()
        place = Path(self._format_dest(assignment_id, student_id))
        if is_there(place) and not self.force:
            self.log.info("Skipping existing assignment: %s", place)
            return False
        # Not in the course: whoever kills this leaves it behind.
        self.beside = self.closing.enter_context(lent_folder("release"))
        return bool(super().init_destination(assignment_id, student_id))

    def set_permissions(self, assignment_id: str, student_id: str) -> None:
        """Do the last of nbgrader's steps, and put what was made in its place."""
        # Where groups share a course it looks at the folder above, which may be new.
        above = Path(self._format_dest(".", "."))
        above.mkdir(parents=True, exist_ok=True)
        super().set_permissions(assignment_id, student_id)
        made = Path(self._format_dest(assignment_id, student_id))
        # Not by taking ``beside`` away: where this fails nbgrader removes what it made.
        place = Path(super()._format_dest(assignment_id, student_id))
        try:
            for path in sorted(p for p in made.rglob("*") if is_file(p)):
                target = place / path.relative_to(made)
                write_whole(target, path.read_bytes())
                target.chmod(path.stat().st_mode)
        except OSError as error:
            self.refused = error
            raise

    def _leave(self) -> None:
        self.beside = None
        self.closing.close()


class ReleaseExporter(NotebookExporter):
    """nbgrader's exporter, which it makes before it touches a file."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.parent is not None:
            KeptRelease.take_over(self.parent)


class GradedByHand(Exception):
    """A cell is to go of which a person graded answers."""


class KeptCells(Waiting, SaveCells):
    """nbgrader's ``SaveCells`` in one transaction. Cells come and go though there are
    submissions; only what somebody graded by hand may not go. Whoever was graded with
    other points is marked as unfinished."""

    #: The students whose scores are of other points than are written now.
    _old: Iterable[str] = ()

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        with HeldGradebook.of(self.parent.parent.coursedir) as gradebook:
            self._held, self._old = gradebook, ()
            try:
                made = SaveCells.preprocess(self, nb, resources)
            finally:
                self._held = None
            # Before, for what is killed in between would leave no sign.
            self._mark()
            gradebook.keep()
        found: tuple[NotebookNode, Any] = made
        return found

    def _create_notebook(self, nb: NotebookNode) -> None:
        names = self.notebook_id, self.assignment_id
        try:
            notebook = self.gradebook.find_notebook(*names)
        except MissingEntry:
            notebook = None
        if notebook is not None and notebook.submissions:
            if self._has_other_points(notebook):
                self._old = [each.student.id for each in notebook.submissions]
            self._remove(notebook)
            self._add(notebook)
        super()._create_notebook(nb)

    def _has_other_points(self, notebook: Notebook) -> bool:
        """Whether a notebook that the judge grades has other points from now on."""
        cells = [*notebook.grade_cells, *notebook.task_cells]
        before = {cell.name: cell.max_score for cell in cells}
        new = self.new_grade_cells | self.new_task_cells
        now = {name: about["max_score"] for name, about in new.items()}
        ours = any(name.startswith(GRADE_PREFIX) for name in before | now)
        return ours and before != now

    def _mark(self) -> None:
        """Mark the students whose scores are of other points. Raises ``OSError``."""
        course = self.parent.parent.coursedir
        for student in filter(is_part, self._old):  # nobody else has a folder
            step = course.autograded_directory
            folder = course.format_path(step, student, self.assignment_id)
            # A run that has the student in hand has set the mark itself, and finds out.
            with contextlib.suppress(InOtherHands):
                mark = Mark.take(mark_path(folder), BRIEFLY)
                try:
                    mark.write({self.notebook_id} | (mark.earlier or set()))
                finally:
                    mark.release()

    def _remove(self, notebook: Notebook) -> None:
        """Remove the cells that are no longer there. Raises ``GradedByHand``."""
        gradebook: HeldGradebook = self.gradebook
        gone = [
            *_others(notebook.grade_cells, self.new_grade_cells),
            *_others(notebook.solution_cells, self.new_solution_cells),
            *_others(notebook.task_cells, self.new_task_cells),
        ]
        for cell in gone:
            answers = [*(cell.grades or ()), *(cell.comments or ())]
            if any(map(_is_by_hand, answers)):
                raise GradedByHand(
                    f"The cell {cell.name} is no longer in {self.notebook_id}, and was "
                    "graded by hand: nothing was changed. Put it back, or remove what "
                    "was graded."
                )
            for answer in answers:
                gradebook.db.delete(answer)
        gradebook.db.flush()
        for cell in [*gone, *_others(notebook.source_cells, self.new_source_cells)]:
            self.log.warning("Removing the cell %s from the gradebook", cell.name)
            gradebook.db.delete(cell)
        gradebook.db.commit()

    def _add(self, notebook: Notebook) -> None:
        """Add the new cells, and a place for each submission's score and comment."""
        gradebook: HeldGradebook = self.gradebook
        names = self.notebook_id, self.assignment_id
        for new, there, add, places in (
            (
                *(self.new_grade_cells, notebook.grade_cells),
                *(gradebook.add_grade_cell, [Grade]),
            ),
            (
                *(self.new_solution_cells, notebook.solution_cells),
                *(gradebook.add_solution_cell, [Comment]),
            ),
            (
                *(self.new_task_cells, notebook.task_cells),
                *(gradebook.add_task_cell, [Grade, Comment]),
            ),
            (
                *(self.new_source_cells, notebook.source_cells),
                *(gradebook.add_source_cell, []),
            ),
        ):
            for name in new.keys() - {cell.name for cell in there}:
                self.log.warning("Adding the cell %s to the gradebook", name)
                cell = add(name, *names, **new[name])
                for submission in notebook.submissions:
                    for place in places:
                        gradebook.db.add(place(cell=cell, notebook=submission))
            gradebook.db.commit()


def _others(cells: Iterable[Any], names: Iterable[str]) -> list[Any]:
    known = set(names)
    return [cell for cell in cells if cell.name not in known]


def _is_by_hand(answer: Any) -> bool:
    """Whether somebody wrote a score or a comment."""
    if isinstance(answer, Grade):
        return answer.manual_score is not None or bool(answer.extra_credit)
    return bool(answer.manual_comment)
