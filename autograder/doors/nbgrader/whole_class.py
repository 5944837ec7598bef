"""A whole class into nbgrader's gradebook, in one transaction.

What ``nbgrader autograde`` would write of each student waits in a file of its own, and
when all are there the gradebook takes all at once: whenever the run ends, it holds the old
scores of everybody, or the new ones.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.converters import Autograde, GenerateAssignment, NbGraderException
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import DatabaseError
from traitlets.utils.importstring import import_item

from autograder.contract.here import is_there, real_path
from autograder.course.build import build
from autograder.course.release import settings
from autograder.course.source import BuildError
from autograder.doors import classroom
from autograder.doors.classroom import ClassError, HandedIn
from autograder.doors.collect import PATIENCE
from autograder.doors.nbgrader.beside import keep_beside, secret_in
from autograder.doors.nbgrader.execute import JudgedExecute
from autograder.doors.nbgrader.gradebook import HeldGradebook, Waiting
from autograder.doors.nbgrader.handed_in import as_handed_out, handed_in, refusal_reason
from autograder.doors.nbgrader.in_hand import Entered, LeftAlone, in_hand, leave
from autograder.doors.nbgrader.marks import mark_path, next_path
from autograder.doors.nbgrader.measure import (
    KEY,
    Graded,
    Held,
    cells_of,
    class_held,
    disagreements,
    graded_by,
    measure_of,
    measures_of,
    replay_of,
    scores_in,
)
from autograder.doors.nbgrader.penalties import to_penalize
from autograder.doors.nbgrader.released import Released
from autograder.doors.nbgrader.timestamps import odd_time, read_dates_carefully, time_in
from autograder.doors.nbgrader.verdict import Verdict
from autograder.doors.nbgrader.written import written
from autograder.grading.secret import find_secret
from autograder.isolation.atomic import write_whole
from autograder.isolation.locks import in_turn
from autograder.submission.cells import SubmissionError
from autograder.wire.text import names_of, one_line, one_name, unfit_name


def _unusable(error: DatabaseError) -> ClassError:
    return ClassError(
        f"The gradebook could not be used ({error.orig}); it is as it was. Run the same "
        "command again when it can."
    )


@contextmanager
def _in_use() -> Iterator[None]:
    """Raise ``ClassError`` where the gradebook is busy, broken or has no room."""
    try:
        yield
    except DatabaseError as error:
        raise _unusable(error) from None


class ClassGradebook:
    """The gradebook's entry of a chapter, of which each student's notebook has its name."""

    def __init__(self, chapter: str, folder: str | Path, root: Path) -> None:
        """Open the course in ``root``, whose submitted work is in ``folder``.

        An entry that is not there, or differs from what the grader grades, is made anew;
        ``told`` says so. Raises ``ClassError``."""
        try:
            config = settings(root)
        except BuildError as error:
            raise ClassError(str(error)) from None
        config.CourseDirectory.assignment_id = chapter
        self.chapter, self.root, self.config = chapter, root, config
        self.course = course = CourseDirectory(config=config)
        submitted = Path(course.format_path(course.submitted_directory, "", ""))
        if real_path(folder) != real_path(submitted):
            raise ClassError(
                f"nbgrader reads what was handed in below {submitted}; expected that "
                f"folder, found {folder}. collect puts work there."
            )
        self.converter = Autograde(coursedir=self.course, config=config)
        read_dates_carefully(self.converter)
        self.secret = find_secret(root)
        self.execute = JudgedExecute(parent=self.converter)
        #: Students whom the settings leave out, as nbgrader's own commands do.
        self.left_out = {*self.course.student_id_exclude.split(",")} - {""}
        self.told = ""
        # Two runs at a new gradebook would both make its tables, and the assignment.
        with in_turn(root, PATIENCE), _in_use():
            self.cells = self._up_to_date()
            self.book = HeldGradebook(self.course.db_url, self.course.course_id)
        self.measure = measure_of(self.cells)
        #: Lines on students of whom nothing is graded, and on what is odd of others.
        self.left: list[str] = []
        self.absent: list[str] = []
        self.before = self._steps(self.converter.sanitize_preprocessors)
        self.after = self._steps(self.converter.autograde_preprocessors)
        self.writing = self._steps(self.converter.autograde_preprocessors, own=True)

    def _up_to_date(self) -> dict[str, Released]:
        differences = self._differences()
        if differences:
            differ, kept = f"{self.chapter}: {'; '.join(differences)}", list[str]()
            try:
                build(self.root, [self.chapter], kept.append)
                GenerateAssignment(coursedir=self.course, config=self.config).start()
            except (BuildError, NbGraderException, KeyError, OSError) as error:
                failed = (
                    f"{differ}. But {self._came_to_nothing(differences)}: "
                    f"{one_line(str(error))}"
                )
                raise ClassError("\n".join([failed, *kept])) from None
            if left := self._differences():
                raise ClassError(
                    f"{self.chapter}: {'; '.join(left)}, after it was built. Expected the "
                    f"same exercises in solutions/{self.chapter}.md and in the grader."
                )
            self.told = "\n".join([f"{differ}. Everybody is graded.", *kept])
        return dict(cells_of(self.course, self.chapter))[self.chapter]

    def _came_to_nothing(self, differences: list[str]) -> str:
        """Return what became of the gradebook where the assignment could not be made."""
        if self._differences() == differences:
            return "the gradebook is as it was, and nobody was graded now"
        return (
            "the gradebook has that already, and nobody was graded now; hand the notebook "
            f"out anew (nbgrader generate_assignment {self.chapter}), then run this again"
        )

    def _differences(self) -> list[str]:
        known = dict(cells_of(self.course, self.chapter))
        if self.chapter not in known:
            return ["it is new in the gradebook"]
        return disagreements(known[self.chapter], self.chapter)

    # ---- Which files -------------------------------------------------------------------

    def mine(self, files: Sequence[HandedIn]) -> list[HandedIn]:
        """Return the chapter's notebooks among the files; ``left`` and ``absent`` name the
        students who handed in nothing of that name."""
        excluded = sorted({file.top for file in files} & self.left_out)
        files = [file for file in files if file.top not in excluded]
        # A link that stands for a student, say, belongs to no assignment.
        theirs = [file for file in files if file.assignment in (self.chapter, None)]
        found = [
            file
            for file in theirs
            if file.name == f"{file.top}/{self.chapter}/{self.chapter}.ipynb"
            and not unfit_name(file.top)
        ]
        have, others = {file.top for file in found}, dict[str, list[HandedIn]]()
        for file in theirs:
            if file.top not in have:
                others.setdefault(file.top, []).append(file)
        self.left = [self._passed_over(*each) for each in others.items()]
        elsewhere = {file.top for file in files} - {file.top for file in theirs}
        self.absent = [
            f"{one_name(student)}: left out, as student_id_exclude says."
            for student in excluded
        ]
        self.absent += [
            f"{one_name(student)}: no {self.chapter}, only other chapters; not graded now."
            for student in sorted(elsewhere)
        ]
        if not found:
            unfit = dict.fromkeys(unfit_name(file.top) for file in theirs)
            raise ClassError(
                f"Nobody handed in {self.chapter}/{self.chapter}.ipynb there. Run collect. "
                + " ".join(filter(None, unfit))
            )
        return found

    def _passed_over(self, student: str, files: list[HandedIn]) -> str:
        """Return a line on a student of whom no file is graded, however many there are."""
        more = sum(file.more for file in files)
        names = names_of([file.name for file in files], more)
        verb = "is" if len(files) + more == 1 else "are"
        return unfit_name(student) or (
            f"{names} {verb} not graded: expected {self.chapter}.ipynb there; run collect."
        )

    def is_ready(self, file: HandedIn) -> bool:
        """Return whether a file's notebook, with its outputs and verdict, is written, and
        is what it would be now."""
        now = Graded(self.measure, replay_of(file.path.absolute(), self.secret))
        waits, made = self._paths(file.top)
        there = waits if is_there(waits) else made
        return bool(now.replay) and graded_by(there) == now

    def _paths(self, student: str) -> tuple[Path, Path]:
        """Return where a student's notebook waits, and where it belongs."""
        step = self.course.autograded_directory
        folder = Path(self.course.format_path(step, student, self.chapter))
        return next_path(folder), folder / f"{self.chapter}.ipynb"

    # ---- Grading -----------------------------------------------------------------------

    def keep(self, graded: classroom.Graded) -> None:
        """Write a student's notebook as it will be, beside its place."""
        report, file = graded.report, graded.handed_in
        if report is None:
            return
        waits, _ = self._paths(file.top)
        path = file.path.absolute()
        try:
            if report.error is not None:
                raise SubmissionError(report.error)
            notebook, _ = handed_in(path, self.cells)
            made = self._made(notebook, Verdict.of(report, self.measure), file.top)
        except DatabaseError as error:
            raise _unusable(error) from None
        except Exception as error:
            # As in nbgrader's own run: it is this student's file and nobody else's.
            reason = refusal_reason(path, error)
            by = Graded(self.measure, replay_of(path, self.secret))
            verdict = Verdict.refusal(self.cells, reason, by)
            made = self._made(as_handed_out(self.cells, reason), verdict, file.top)
        try:
            write_whole(waits, made)
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            self.left.append(f"✗ {one_name(file.top)}: {waits}: {error.strerror}.")

    def _made(self, notebook: NotebookNode, verdict: Verdict, student: str) -> str:
        """Return a notebook as it comes out of nbgrader's steps, the verdict in it."""
        resources = self._resources(student)
        with self.book.lent():
            for step in self.before:
                notebook, resources = step(notebook, resources)
            verdict.write(notebook)
            for step in self.after:
                notebook, resources = step(notebook, resources)
        notebook.metadata[KEY] = verdict.as_metadata()
        return written(notebook)

    def _steps(self, named: Sequence[Any], own: bool = False) -> list[Any]:
        """Return nbgrader's steps of these names: ``own`` or not, those that write scores;
        never the one that runs the code."""
        classes = [import_item(n) if isinstance(n, str) else n for n in named]
        return [
            each(parent=self.converter)
            for each in classes
            if issubclass(each, Waiting) == own and not issubclass(each, JudgedExecute)
        ]

    def _resources(self, student: str) -> dict[str, Any]:
        about = {
            "student": student,
            "assignment": self.chapter,
            "notebook": self.chapter,
            "db_url": self.course.db_url,
        }
        return {"nbgrader": about, "unique_key": self.chapter}

    # ---- Writing -----------------------------------------------------------------------

    def write(self, files: Sequence[HandedIn]) -> str:
        """Write what waits of these files' students into the gradebook, and put the
        notebooks in their place. Return what was done, in a sentence.

        Raises ``ClassError`` where the gradebook cannot be used; it is as it was then."""
        with _in_use():
            held = class_held(self.course, self.chapter)
        students = [
            file.top
            for file in files
            if is_there(self._paths(file.top)[0])
            or self._differs(file.top, held)
            or (is_there(self._mark(file.top)) and self.is_ready(file))
        ]
        entered, moved = self._entered(students)
        for student, what in entered.items():
            try:
                self._put_in_place(student, what)
            except LeftAlone as why:
                self.left.append(str(why))
        for file in files:
            self._complete(file)
        self.absent += filter(None, (odd_time(self._submitted(s)) for s in students))
        same = len(files) - len(students)
        told = (
            f"{self.chapter} in the gradebook: {len(entered)} written, {same} unchanged"
        )
        if moved:
            told += f"; late penalties anew: {names_of(moved)}"
        return f"{told}."

    def _entered(self, students: list[str]) -> tuple[dict[str, Entered], list[str]]:
        """Enter all who are in nobody's hands, and return what was entered of each, and
        whose late penalties changed."""
        with _in_use(), self.book.lent() as gradebook:
            if not (students or to_penalize(gradebook, self.chapter, self.writing)):
                return {}, []
        found = {}
        with _in_use(), self.book.lent(to_write=True) as gradebook:
            if measures_of(self.course, self.chapter) != {self.chapter: self.measure}:
                raise ClassError(
                    f"The points of {self.chapter} changed while it was graded; nothing "
                    "was entered. Run the same command again."
                )
            for student in students:
                try:
                    found[student] = self._enter(student, gradebook)
                except LeftAlone as why:
                    self.left.append(str(why))
            moved = to_penalize(gradebook, self.chapter, self.writing)
            for student, step in moved:
                about = self._resources(student)
                step.write(NotebookNode(cells=[]), about, gradebook)
            gradebook.keep()
        return found, sorted(student for student, _ in moved)

    def _complete(self, file: HandedIn) -> None:
        """Put what feedback is fetched by beside a notebook of an earlier version of the
        grader, which left it out, if it is of this work."""
        student, made = file.top, self._paths(file.top)[1].parent
        submitted = Path(self._submitted(student))
        if secret_in(submitted) and not secret_in(made) and self.is_ready(file):
            with suppress(OSError):
                keep_beside(submitted, made)

    def _differs(self, student: str, held: dict[str, Held]) -> bool:
        """Return whether the gradebook lacks what a notebook in its place holds, or has
        another time than what was handed in."""
        _, made = self._paths(student)
        if not is_there(made):
            return False
        now = Held(scores_in(made), time_in(self._submitted(student)))
        return now != held.get(student)

    def _submitted(self, student: str) -> str:
        step = self.course.submitted_directory
        return str(self.course.format_path(step, student, self.chapter))

    def _mark(self, student: str) -> Path:
        return mark_path(self._paths(student)[1].parent)

    def _enter(self, student: str, gradebook: HeldGradebook) -> Entered:
        """Enter a student. Raises ``LeftAlone``."""
        with in_hand(self._mark(student), student) as mark:
            waits, made = self._paths(student)
            path = waits if is_there(waits) else made
            try:
                entered, text = Entered.of(path, mark)
            except OSError as error:
                leave(student, path, error)
            notebook = nbformat.v4.reads(text)
            time = self.course.get_existing_timestamp(self._submitted(student))
            gradebook.update_or_create_student(student)
            # None, too: the time of earlier work is none of this one's.
            gradebook.update_or_create_submission(self.chapter, student, timestamp=time)
            for writes in self.writing:
                writes.write(notebook, self._resources(student), gradebook)
            return entered

    def _put_in_place(self, student: str, entered: Entered) -> None:
        """Put what was entered where it belongs, if no other run has the student in hand,
        or has been there meanwhile. Raises ``LeftAlone``."""
        waits, made = self._paths(student)
        with in_hand(self._mark(student), student) as mark:
            try:
                if is_there(waits):
                    if not entered.is_at(waits):
                        raise LeftAlone(
                            f"{one_name(student)} was graded by another run meanwhile, "
                            "which enters that, or the next one."
                        )
                    self._replace(waits, made)
            except OSError as error:
                leave(student, made, error)
            with suppress(OSError):  # without them no page can be fetched, no more
                keep_beside(self._submitted(student), made.parent)
            if mark.words != entered.words:
                raise LeftAlone(
                    f"{one_name(student)} was marked by another run meanwhile, which did "
                    "not come to an end, or changed points; run the same command again."
                )
            # Of a run that was killed; all it would have written is there now.
            mark.remove()

    def _replace(self, waits: Path, made: Path) -> None:
        made.parent.mkdir(parents=True, exist_ok=True)
        waits.chmod(int(str(self.converter.permissions), 8))
        if os.name == "nt" and is_there(made):  # which replaces no read-only file
            made.chmod(0o644)
        waits.replace(made)
