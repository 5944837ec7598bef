"""nbgrader's door: its ``autograde`` with our judge in the place of the kernel.

``nbgrader_config.py`` names ``JudgedExecute``, which replaces nbgrader's ``Execute`` step, and
``handed_in.JudgedExporter``; all else of nbgrader stays its own.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from nbformat import NotebookNode
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Enum, Float

from autograder.doors.nbgrader.ahead import GradedAhead
from autograder.doors.nbgrader.handed_in import course_root, handed_in, identity
from autograder.doors.nbgrader.measure import Graded, measure_of
from autograder.doors.nbgrader.released import Released, is_ours, released_cells
from autograder.doors.nbgrader.unfinished import WholeAutograde
from autograder.doors.nbgrader.verdict import VERDICT, Verdict
from autograder.grading.grade import grade
from autograder.grading.report import Report
from autograder.isolation.bubblewrap import MODES
from autograder.isolation.limits import Limits
from autograder.submission.cells import Submission
from autograder.submission.notebook import read_notebook


class JudgedExecute(NbGraderPreprocessor):
    """Runs the student's cells in the worker, and grades in the judge.

    Each code cell gets its outputs. Each grade cell gets the verdict as text and the
    score as its value, which is how nbgrader takes a partial score. Which cells grade,
    and what, the gradebook says, never the student's file."""

    sandbox = Enum(MODES, "auto", help="How the student's code is confined.").tag(
        config=True
    )
    cell_seconds = Float(
        Limits.cell_seconds, help="What a cell may take, in seconds of processor time."
    ).tag(config=True)
    call_seconds = Float(
        Limits.call_seconds,
        help="What a call of a function may take, in seconds of processor time.",
    ).tag(config=True)
    total_seconds = Float(
        Limits.total_seconds,
        help="What a notebook may take, in seconds of processor time.",
    ).tag(config=True)
    idle_seconds = Float(
        Limits.idle_seconds,
        help="How long a cell or a call may go without computing, in seconds.",
    ).tag(config=True)

    @property
    def limits(self) -> Limits:
        """The limits that the settings say."""
        return Limits(
            cell_seconds=self.cell_seconds,
            call_seconds=self.call_seconds,
            total_seconds=self.total_seconds,
            idle_seconds=self.idle_seconds,
        )

    def confined(self, asked: str) -> str:
        """Return how code is confined: as the settings say, unless a command asks for
        another way, and with bubblewrap where either requires it."""
        required = "required" in (self.sandbox, asked)
        return "required" if required else self.sandbox if asked == "auto" else asked

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        # The application that nbgrader runs; alone, the exporter has none above it.
        application = getattr(self.parent, "parent", None)
        released = released_cells(resources, application)
        if not is_ours(released):
            return Execute(parent=self.parent).preprocess(nb, resources)
        unreadable: dict[tuple[str, ...], str] = getattr(self.parent, "unreadable", {})
        error = unreadable.pop(identity(resources), None)
        digests: dict[tuple[str, ...], str] = getattr(self.parent, "digests", {})
        digest = digests.pop(identity(resources), "")
        measure = measure_of(released)
        if error is not None:
            replays: dict[tuple[str, ...], str] = getattr(self.parent, "replays", {})
            graded = Graded(measure, replays.pop(identity(resources), ""))
            verdict = Verdict.refusal(released, error, graded)
        else:
            name = f"{resources['nbgrader']['notebook']}.ipynb"
            submission = read_notebook(nb, name, digest)
            report = self._grade(submission, identity(resources), released, application)
            verdict = Verdict.of(report, measure)
        verdict.write(nb)
        resources[VERDICT] = verdict
        return nb, resources

    def _grade(
        self,
        submission: Submission,
        who: tuple[str, ...],
        released: dict[str, Released],
        application: Any,
    ) -> Report:
        options = {
            "exercises": [cell.exercise for cell in released.values() if cell.exercise],
            "sandbox": self.sandbox,
            "limits": self.limits,
            "ahead": True,
            "course": course_root(application),
        }
        found = getattr(application, "assignments", None)
        if not found:
            return grade(submission, **options)
        if application not in _ahead:
            paths = {
                key: path for key, path in _class_files(found) if key[1:] == who[1:]
            }

            def read(who: tuple[str, ...]) -> Submission | None:
                try:
                    notebook, digest = handed_in(paths[who], released)
                    return read_notebook(notebook, submission.name, digest)
                except Exception:
                    # Its own turn will say what is wrong with it; not somebody else's.
                    return None

            _ahead[application] = GradedAhead(sorted(paths), read, options)
            if isinstance(application, WholeAutograde):
                application.closing.callback(_ahead[application].end)
        return _ahead[application].report(who, submission)


def _class_files(
    found: dict[str, list[str]],
) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Yield (student, assignment, notebook) and the file of each, as nbgrader found
    them."""
    for folder, files in found.items():
        for file in files:
            yield (*Path(folder).parts[-2:], Path(file).stem), Path(file)


#: What is graded ahead, by nbgrader application; each grades one assignment.
_ahead: WeakKeyDictionary[Any, GradedAhead] = WeakKeyDictionary()
