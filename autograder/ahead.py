"""Grades a class's next notebooks while nbgrader still writes down this one's scores.

nbgrader takes one notebook at a time, and most of that time is its own. The judge works
in processes beside it. What is graded ahead is used only if nbgrader then asks for the
very same code, from the very same file.
"""

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from autograder.grading import grade
from autograder.report import Report
from autograder.submission import Submission

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
        # Spawned, because nbgrader's process has threads, which a fork would lose.
        self._pool = ProcessPoolExecutor(2, mp_context=get_context("spawn"))
        self._begun: dict[Any, tuple[Submission, Future[Report]]] = {}

    def report(self, key: Any, submission: Submission) -> Report:
        """Return the report on the notebook in hand, and begin those after it."""
        expected, future = self._begun.pop(key, (None, None))
        self._begin_after(key)
        same = expected is not None and (
            (expected.name, expected.code, expected.script, expected.digest)
            == (submission.name, submission.code, submission.script, submission.digest)
        )
        if future is not None and same:
            with contextlib.suppress(BrokenExecutor):
                return future.result()
        return grade(submission, **self._options)

    def _begin_after(self, key: Any) -> None:
        if key not in self._line:
            return
        start = self._line.index(key) + 1
        for following in self._line[start : start + WINDOW]:
            if following not in self._begun:
                submission = self._read(following)
                if submission is not None:
                    with contextlib.suppress(BrokenExecutor):
                        future = self._pool.submit(grade, submission, **self._options)
                        self._begun[following] = submission, future
