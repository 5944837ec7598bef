"""What an interrupted ``nbgrader autograde`` leaves is marked, and graded again.

nbgrader takes a student for graded as soon as there is a folder in ``autograded/``. Here a
mark stands beside it from the first change to the last one, and its run holds a lock on it:
a mark without a lock is one of a run that did not come to an end, or of points that changed
(``handed_out``).
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, NbGraderException
from nbgrader.utils import remove, rmtree
from sqlalchemy.exc import OperationalError

from autograder.contract.here import is_there
from autograder.doors.nbgrader.beside import keep_beside
from autograder.doors.nbgrader.gradebook import HeldGradebook
from autograder.doors.nbgrader.measure import (
    Graded,
    Held,
    class_held,
    graded_by,
    measures_in_force,
    old_scores,
    replay_of,
    scores_in,
)
from autograder.doors.nbgrader.penalties import to_be_taken_anew
from autograder.doors.nbgrader.timestamps import time_in
from autograder.grading.secret import Secret
from autograder.isolation.atomic import PRIVATE
from autograder.isolation.locks import HAS_LOCKS, lock
from autograder.wire.text import listed, one_name

if not HAS_LOCKS:  # Windows
    import msvcrt

#: On Windows a lock keeps others from reading, so it lies far behind the text.
_FAR_BEHIND = 2**30

ENDING = ".unfinished"


def mark_path(folder: str | Path) -> Path:
    """Return where the mark of an ``autograded/<student>/<assignment>`` is; nbgrader's
    patterns pass over it, and it is not in the folder that is handed back."""
    folder = Path(folder)
    return folder.with_name(f".{folder.name}{ENDING}")


def next_path(folder: str | Path) -> Path:
    """Return where a notebook waits that is to take the place of the one in the folder,
    when the gradebook takes the whole class."""
    folder = Path(folder)
    return folder.with_name(f".{folder.name}.next")


def is_unfinished(folder: str | Path) -> bool:
    """Whether an autograded folder is half-written, or what is to take its place waits:
    by a run now, or by one that ended."""
    try:
        return is_there(next_path(folder)) or mark_path(folder).stat().st_size > 0
    except OSError:
        return False


class InOtherHands(Exception):
    """Another run is at work on this student."""


@dataclass
class Mark:
    """A mark that this run holds; its file says who works on which notebooks."""

    path: Path
    file: int
    #: The notebooks that an earlier run left unfinished; None: there was no such run.
    earlier: set[str] | None

    @classmethod
    def take(cls, path: Path) -> "Mark":
        """Return the mark, without a word in it if it is new. Raises ``InOtherHands``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            # Another account that could open it could lock it, and nobody would grade.
            file = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE)
            try:
                _make_private(file)
                _lock(file)
                if _is_at(file, path):
                    return cls(path, file, _told(file))
            except BaseException:
                os.close(file)
                raise
            # The run that held it has just removed it.
            os.close(file)

    def write(self, notebooks: set[str]) -> None:
        """Say that these are unfinished from now on."""
        words = {"process": os.getpid(), "notebooks": sorted(notebooks)}
        text = json.dumps(words).encode()
        os.lseek(self.file, 0, os.SEEK_SET)
        # In the place of the old words: a full disk takes none of them.
        os.write(self.file, text)
        os.ftruncate(self.file, len(text))
        os.fsync(self.file)

    def remove(self) -> None:
        """All is written."""
        # Empty it means nothing, should its removal fail.
        os.ftruncate(self.file, 0)
        if os.name == "nt":  # which removes no open file
            self.release()
        with contextlib.suppress(OSError):
            self.path.unlink()
        self.release()

    def release(self) -> None:
        """Give the lock back; a mark that is still there stays."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1


def _make_private(file: int) -> None:
    """Close a mark to others that an earlier version of the grader left open to them."""
    if HAS_LOCKS:
        with contextlib.suppress(OSError):  # another account's, or a disk without modes
            os.fchmod(file, PRIVATE)


def _lock(file: int) -> None:
    """Lock a mark. Raises ``InOtherHands``.

    On a file system without locks two runs at once are the teacher's to avoid."""
    if (lock(file) if HAS_LOCKS else _lock_for_windows(file)) is False:
        raise InOtherHands


def _lock_for_windows(file: int) -> bool | None:
    try:
        os.lseek(file, _FAR_BEHIND, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _told(file: int) -> set[str] | None:
    os.lseek(file, 0, os.SEEK_SET)
    text = os.read(file, 2**20)
    try:
        return set(json.loads(text)["notebooks"]) if text else None
    except (ValueError, KeyError, TypeError):
        return set()


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
        if self.mark.earlier is not None or self._is_outdated(folder, assignment_id):
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
        held = self.held.get(student, Held())
        paths = [p for p in map(Path, self.notebooks) if is_there(folder / p.name)]
        for path in paths:
            made, measure = folder / path.name, self.measures.get(path.stem)
            now = Graded(measure or "", replay_of(path.absolute(), self.secret))
            if measure and (graded_by(made) != now or scores_in(made) != held.scores):
                break
        else:
            time = time_in(self._format_source(assignment_id, student))
            same = time == held.time and student not in self.penalized
            if not paths or student not in self.held or same:
                return False
        self.log.warning(
            "%s is graded again: what was handed in, its time, when it was due, the "
            "grader, the points or the gradebook changed since.",
            one_name(student),
        )
        return True

    def _take(self, folder: Path, student: str) -> bool:
        """Set the mark; return whether that worked."""
        self.taken = {Path(path).stem for path in self.notebooks}
        try:
            self.mark = Mark.take(mark_path(folder))
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
        if self.mark.earlier is not None:
            self.log.warning(
                "%s was being graded when an earlier run ended, or points changed "
                "since; graded again.",
                student,
            )
        return True

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
        with self._gradebook_in_use():
            super().init_assignment(assignment_id, student_id)
        names = assignment_id, student_id
        keep_beside(self._format_source(*names), self._format_dest(*names))

    def convert_single_notebook(self, notebook_filename: str) -> None:
        with self._gradebook_in_use():
            super().convert_single_notebook(notebook_filename)

    def set_permissions(self, assignment_id: str, student_id: str) -> None:
        """Do the last of nbgrader's steps, and then write the gradebook."""
        super().set_permissions(assignment_id, student_id)
        with self._gradebook_in_use() as gradebook:
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
    def _gradebook_in_use(self) -> Iterator[HeldGradebook]:
        """Lend nbgrader the run's one gradebook; let none that is busy, and no full disk,
        end the run for the students after this."""
        try:
            if self.book is None:
                course = self.coursedir
                self.book = HeldGradebook(course.db_url, course.course_id)
                self.closing.callback(Gradebook.close, self.book)
            with self.book.lent():
                yield self.book
        except OperationalError as error:
            # An error in the question itself, as after an upgrade, is nbgrader's to tell.
            name = getattr(error.orig, "sqlite_errorname", "SQLITE_ERROR")
            if name == "SQLITE_ERROR":
                raise
            raise NotWritten(
                f"The gradebook could not be used ({error.orig}); it stays as it was. "
                "Run nbgrader autograde again when it can."
            ) from None
