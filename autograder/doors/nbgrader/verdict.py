"""What the judge found, as nbgrader's steps take it: outputs, scores and comments."""

from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from autograder.contract.exercise import find_exercise
from autograder.doors.nbgrader.measure import Graded
from autograder.doors.nbgrader.outputs import score_of, write_outputs
from autograder.doors.nbgrader.released import Released
from autograder.grading.report import ExerciseResult, Report
from autograder.grading.run import not_graded
from autograder.grading.text import reason
from autograder.isolation.outcome import CellOutcome
from autograder.submission.notebook import GRADE_PREFIX

#: Where nbgrader's steps find it in their resources.
VERDICT = "autograder_verdict"


@dataclass(frozen=True)
class Verdict:
    """The verdict on a notebook. ``comments`` say, by grade_id, why an answer lost points,
    or that nothing could be read; none where nbgrader's own comment says enough."""

    results: tuple[ExerciseResult, ...]
    graded: Graded
    comments: dict[str, str]
    cells: dict[int, CellOutcome] = field(default_factory=dict)
    told: str = ""

    @classmethod
    def of(cls, report: Report, measure: str) -> "Verdict":
        """Return the verdict that a report holds."""
        told = f"Grader {report.version}, {report.draws}."
        graded = Graded(measure, report.replay or "")
        said = {result.name: reason(result) for result in report.exercises}
        comments = {name: text for name, text in said.items() if text}
        return cls(report.exercises, graded, comments, report.cells, told)

    @classmethod
    def refusal(
        cls, released: dict[str, Released], error: str, graded: Graded
    ) -> "Verdict":
        """Return the verdict on a file that could not be read."""
        names = [cell.exercise for cell in released.values() if cell.exercise]
        results = tuple(not_graded(find_exercise(n), "error", error) for n in names)
        told = f"This file could not be graded. {error}"
        answers = [c.grade_id for c in released.values() if c.metadata["solution"]]
        return cls(results, graded, dict.fromkeys(answers, told))

    def write(self, notebook: NotebookNode) -> None:
        """Fill the notebook's code cells."""
        results = {result.name: result for result in self.results}
        write_outputs(notebook, results, self.cells, self.told)

    def as_metadata(self) -> dict[str, Any]:
        """Return what the graded notebook says of itself."""
        return {
            "measure": self.graded.measure,
            "replay": self.graded.replay,
            "comments": self.comments,
            "scores": {GRADE_PREFIX + r.name: score_of(r) for r in self.results},
        }
