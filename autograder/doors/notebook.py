"""``check("name")`` in a notebook: the student's own, immediate verdict."""

import contextlib
import io
import os
import secrets
import sys
import warnings
from collections.abc import Callable
from typing import Any

from autograder import __version__
from autograder.contract.exercise import find_exercise
from autograder.contract.outside import ExercisesError
from autograder.doors.other_packages import other_package
from autograder.grading.run import grade_functions, not_graded
from autograder.grading.text import exercise_text


def check(exercise: str | Callable[..., Any]) -> float:
    """Judge the function of that name in the caller's namespace; print what was found.

    Returns the score, a number from 0 to the exercise's points. The inputs come from
    fresh entropy at every call. Here the student's code and the checks share a process:
    this verdict is for learning, and the grader judges again in a process of its own.
    """
    named = getattr(exercise, "__name__", type(exercise).__name__)
    name = exercise if isinstance(exercise, str) else str(named)
    try:
        found = find_exercise(name)
    except KeyError as error:
        _tell(
            f"{error.args[0]} This is autograder {__version__}: does the notebook come "
            "from another edition of the book? Install that one's grader, or download "
            "the notebook again."
        )
        return 0.0
    except ExercisesError as error:
        _tell(str(error))
        return 0.0
    names = sys._getframe(1).f_globals
    if missing := [f for f in found.functions if not callable(names.get(f))]:
        where = "the cell above" if missing[0] == name else "the cell that defines it"
        message = f"There is no function named {missing[0]} yet: run {where} first."
        result = not_graded(found, "missing", message)
    else:
        functions = {f: names[f] for f in found.functions}
        # nbgrader gives a grade cell 0 for one line on stderr: a warning costs nothing.
        quiet = contextlib.redirect_stderr(io.StringIO())
        with (
            quiet,
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            result = grade_functions(found, functions, secrets.randbits(63))
    _tell(exercise_text(result), passed=result.score == result.max_score)
    _tell_of_packages([names.get(name) for name in found.functions])
    return float(result.score)


def _tell(text: str, passed: bool = False) -> None:
    """Print the text. nbgrader's Validate shows no reason but what is on stderr, and calls
    failed whatever has a line there."""
    validating = os.environ.get("NBGRADER_VALIDATING") == "1"
    print(text, file=sys.stderr if validating and not passed else sys.stdout)


def _tell_of_packages(functions: list[Any]) -> None:
    """Print which package these functions will not have when they are graded."""
    if package := other_package(functions):
        print(
            f"Your code uses {package}, which it has not where it is graded: there, answers "
            "have NumPy and Python's own library alone."
        )
