"""nbgrader's settings in a course: its ``nbgrader_config.py`` calls ``configure``."""

import os
import sys
from pathlib import Path
from typing import Any

from autograder.contract import outside
from autograder.contract.here import is_folder
from autograder.contract.mistakes import BOOK
from autograder.isolation.programs import whole_paths

#: nbgrader makes patterns, an address and an Alembic's configuration of paths.
_NOT_IN_A_PATH = frozenset("*?[]%")


def odd_in(folder: Path) -> str:
    """Return what a folder's path has that nbgrader takes for something else, in words."""
    if odd := sorted(_NOT_IN_A_PATH.intersection(str(folder))):
        its = f"{' and '.join(odd)} in its path, which nbgrader takes for a pattern"
        return f"{its} or a part of an address"
    return ""


def configure(c: Any, root: Path) -> None:
    """Set nbgrader's settings for the course in the folder ``root``; whatever the file sets
    after this call comes before it.

    A folder ``checks`` in the root holds the course's own exercises, unless
    DROPOUT_EXERCISES names other folders."""
    try:
        outside.expect_docstrings()
    except outside.ExercisesError as error:
        raise SystemExit(str(error)) from None
    if odd := odd_in(root):
        raise SystemExit(
            f"The course's folder {root} has {odd}; move it, or give it another name."
        )
    _environment(root)
    _folders(c, root)
    # What students find where the answers were.
    c.ClearSolutions.code_stub = {
        "python": "# Your code goes here.\nraise NotImplementedError()"
    }
    c.ClearSolutions.text_stub = "*Your answer goes here.*"
    _release(c)
    _solution(c)
    _grading(c)
    _pages(c)
    _exchange(c)
    # A file's name that a student chose steers no terminal.
    c.Application.logging_config = {
        "filters": {"plain": {"()": "autograder.doors.nbgrader.beside.plain"}},
        "handlers": {"console": {"filters": ["plain"]}},
    }
    # The table of scores says which of them are not final.
    c.ExportApp.plugin_class = "autograder.doors.nbgrader.table.CarefulExport"
    _say_that_the_gradebook_is_busy()


def _say_that_the_gradebook_is_busy() -> None:
    """Have a command that ends as its gradebook is locked, broken or has no room do so with
    a sentence, and no traceback of the database's."""
    before = sys.excepthook

    def told(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        its = kind.__module__ == "sqlalchemy.exc" and getattr(error, "orig", None)
        if not (its and kind.__name__ in ("OperationalError", "DatabaseError")):
            before(kind, error, trace)
            return
        sys.stderr.write(f"{unusable(its)}\n")

    if before.__module__ != __name__:
        sys.excepthook = told


def unusable(reason: object) -> str:
    """Return what to do where a gradebook cannot be used for this reason."""
    return (
        f"The gradebook could not be used ({reason}). Run the same command again when it "
        "can; after an upgrade of nbgrader, nbgrader db upgrade first."
    )


def _environment(root: Path) -> None:
    # nbgrader makes its gradebook with the program alembic, which stands beside this
    # Python and is otherwise found only where the virtual environment is activated.
    os.environ["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), whole_paths()]
    )
    os.environ.setdefault(BOOK, "")
    own = root / outside.FOLDER
    if is_folder(own) and not os.environ.get(outside.VARIABLE):
        outside.use([own])


def _folders(c: Any, root: Path) -> None:
    """Say where things are: students' notebooks are committed, all else stays in course/."""
    c.CourseDirectory.root = str(root)
    c.CourseDirectory.source_directory = "course/source"
    c.CourseDirectory.release_directory = "exercises"
    c.CourseDirectory.submitted_directory = "course/submitted"
    c.CourseDirectory.autograded_directory = "course/autograded"
    c.CourseDirectory.feedback_directory = "course/feedback"
    c.CourseDirectory.solution_directory = "course/solution"
    c.CourseDirectory.db_url = f"sqlite:///{root / 'course' / 'gradebook.db'}"


def _release(c: Any) -> None:
    """Let what is made take the place of the old at the end, and cells be added though
    there are submissions."""
    # exercises/ is generated and committed: making it again fills the gradebook.
    c.GenerateAssignment.force = True
    c.GenerateAssignment.exporter_class = (
        "autograder.doors.nbgrader.handed_out.ReleaseExporter"
    )
    c.GenerateAssignment.preprocessors = [
        "nbgrader.preprocessors.IncludeHeaderFooter",
        "nbgrader.preprocessors.InstantiateTests",
        "nbgrader.preprocessors.LockCells",
        "nbgrader.preprocessors.ClearSolutions",
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.CheckCellMetadata",
        "nbgrader.preprocessors.ComputeChecksums",
        "autograder.doors.nbgrader.handed_out.KeptCells",
        "nbgrader.preprocessors.ClearHiddenTests",
        "nbgrader.preprocessors.ClearMarkScheme",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]


def _solution(c: Any) -> None:
    """Let a written answer, which is no task cell, have a mark scheme."""
    c.GenerateSolution.preprocessors = [
        "nbgrader.preprocessors.IncludeHeaderFooter",
        "nbgrader.preprocessors.LockCells",
        "nbgrader.preprocessors.ClearOutput",
        "autograder.doors.nbgrader.mark_scheme.WithoutMarkScheme",
        "nbgrader.preprocessors.Execute",
    ]


def _grading(c: Any) -> None:
    """Let our judge take the place of the kernel. The two steps that write scores are
    nbgrader's own; they wait until the student's notebooks are written."""
    c.Autograde.autograde_preprocessors = [
        "autograder.doors.nbgrader.execute.JudgedExecute",
        "nbgrader.preprocessors.IgnorePattern",
        "nbconvert.preprocessors.ClearMetadataPreprocessor",
        "nbgrader.preprocessors.LimitOutput",
        "autograder.doors.nbgrader.gradebook.WaitingAutoGrades",
        "autograder.doors.nbgrader.gradebook.WaitingLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    # Reads whatever was handed in; stock nbgrader stops at a file that is no notebook.
    c.Autograde.exporter_class = "autograder.doors.nbgrader.handed_in.JudgedExporter"


def _pages(c: Any) -> None:
    """Let pages of feedback load nothing, and no page run a student's HTML: in formgrader
    it could change every score."""
    c.GenerateFeedback.exporter_class = (
        "autograder.doors.nbgrader.feedback.OfflineFeedback"
    )
    c.HTMLExporter.filters = {
        "markdown2html": "autograder.doors.nbgrader.feedback.harmless_markdown",
        "highlight_code": "autograder.doors.nbgrader.feedback.bounded_highlight",
        "strip_files_prefix": "autograder.doors.nbgrader.feedback.unchanged",
        "clean_html": "autograder.doors.nbgrader.feedback.shown_or_text",
        "ansi2html": "autograder.doors.nbgrader.feedback.with_links",
    }
    # The mark scheme stands below each written answer in formgrader, and on no other page.
    c.HTMLExporter.preprocessors = [
        "autograder.doors.nbgrader.mark_scheme.ShownMarkScheme"
    ]


def _exchange(c: Any) -> None:
    """Let nothing that any account of the machine may put into nbgrader's exchange be
    another's work, or stop the class."""
    exchange = "autograder.doors.nbgrader.exchange"
    c.ExchangeFactory.collect = f"{exchange}.CarefulCollect"
    c.ExchangeFactory.list = f"{exchange}.CarefulList"
    c.ExchangeFactory.release_feedback = f"{exchange}.CarefulReleaseFeedback"
