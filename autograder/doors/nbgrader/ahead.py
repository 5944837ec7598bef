"""Grades a class's next notebooks while nbgrader still writes down this one's scores.

The judges work in processes beside it. What is graded ahead is used only if nbgrader then
asks for the very same code, from the very same file.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from autograder.grading.grade import grade
from autograder.grading.judges import JudgeLost, Judges
from autograder.grading.report import Report
from autograder.isolation.clocks import TryAgain
from autograder.submission.cells import Submission
from autograder.wire.parents import heard

#: How many notebooks after the one in hand are begun.
WINDOW = 3


class GradedAhead:
    """Reports of notebooks that are next in line.

    ``line`` are the notebooks' keys in nbgrader's order; ``read(key)`` returns the
    submission that nbgrader is expected to ask for, or None; ``options`` go to ``grade``.
    """

    def __init__(
        self,
        line: list[Any],
        read: Callable[[Any], Submission | None],
        options: Mapping[str, Any],
    ) -> None:
        self._line = line
        self._read = read
        self._options = dict(options)
        self._judges = Judges(2)
        self._begun: dict[Any, tuple[Submission, Future[Report]]] = {}

    def report(self, key: Any, submission: Submission) -> Report:
        """Return the report on the notebook in hand, and begin those after it.

        What may have been the machine's doing is graded again while nothing else is.
        Raises ``JudgeLost`` when the judge's process ends in both tries."""
        with heard():
            return self._report(key, submission)

    def _report(self, key: Any, submission: Submission) -> Report:
        expected, future = self._begun.pop(key, (None, None))
        same = expected is not None and (
            (expected.name, expected.code, expected.script, expected.digest)
            == (submission.name, submission.code, submission.script, submission.digest)
        )
        if future is None or not same:
            future = self._begin(submission)
        self._begin_after(key)
        try:
            return future.result()
        except TryAgain as doubt:
            again = doubt
        except JudgeLost as lost:
            again = TryAgain(str(lost), 0.0)
        quiet = self._judges.alone(grade, submission, again=again, **self._options)
        report: Report = quiet.result()
        return report

    def end(self) -> None:
        """End the judges, whatever they are doing."""
        self._judges.end()

    def _begin(self, submission: Submission) -> "Future[Report]":
        return self._judges.begin(grade, submission, defer=True, **self._options)

    def _begin_after(self, key: Any) -> None:
        if key not in self._line:
            return
        start = self._line.index(key) + 1
        for following in self._line[start : start + WINDOW]:
            if following not in self._begun:
                submission = self._read(following)
                if submission is not None:
                    self._begun[following] = submission, self._begin(submission)
