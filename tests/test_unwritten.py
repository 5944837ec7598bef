"""An exercise that still raises NotImplementedError is "not written yet": one line."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autograder import check
from autograder.contract.exercise import all_chapters, all_exercises
from autograder.grading.grade import grade
from autograder.grading.report import ExerciseResult
from autograder.grading.run import grade_functions
from autograder.grading.text import exercise_text, report_text
from autograder.submission.cells import Submission
from autograder.submission.notebook import read_notebook
from tests import bank
from tests.bank import ROOT

NAME = "inverted_dropout"
HEAD = "def inverted_dropout(x, keep_prob, rng, training=True):\n"
RIGHT = """\
    if not training:
        return x, None
    mask = (rng.random(x.shape) < keep_prob) / keep_prob
    return x * mask, mask
"""
UNWRITTEN = {
    "the starter": HEAD + '    """Drop units."""\n    raise NotImplementedError()\n',
    "no parentheses": HEAD + "    raise NotImplementedError\n",
    "comments and prints": (
        HEAD + "    # TODO: draw a mask\n    print(x.shape)\n"
        "    raise NotImplementedError()\n"
    ),
    "a text": HEAD + "    raise NotImplementedError('inverted: “tomorrow” (or so)')\n",
    "a long text": HEAD + "    raise NotImplementedError('tomorrow\\n' * 999)\n",
    "a kind of its own": (
        f"class Later(NotImplementedError):\n    pass\n\n{HEAD}    raise Later('x')\n"
    ),
    "a helper": (
        f"def draw(x):\n    raise NotImplementedError\n\n{HEAD}    return draw(x), None\n"
    ),
    "after partial work": (
        f"{HEAD}    mask = rng.random(x.shape) < keep_prob\n"
        "    raise NotImplementedError('the scale is missing')\n"
    ),
    "work below the line": f"{HEAD}    raise NotImplementedError()\n{RIGHT}",
}


def notebook(*sources: str) -> Submission:
    cells = [{"cell_type": "code", "source": s, "metadata": {}} for s in sources]
    return read_notebook({"nbformat": 4, "cells": cells}, "n.ipynb")


def graded(source: str, exercise: str = NAME) -> ExerciseResult:
    (result,) = grade(notebook(source), exercises=[exercise]).exercises
    return result


def assert_is_one_line(result: ExerciseResult) -> None:
    text = exercise_text(result)
    assert "\n" not in text
    assert len(text) <= 79
    assert "not written yet" in text
    assert result.score == 0
    data = result.as_dict()
    assert data["status"] == "unwritten"
    assert data["mistake"] is None
    assert "not written yet" in data["message"].lower()
    assert {c["status"] for c in data["checks"]} == {"skipped"}
    assert {c["message"] for c in data["checks"]} == {""}


@pytest.mark.parametrize("what", UNWRITTEN)
def test_it_is_said_in_one_line(
    what: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = graded(UNWRITTEN[what])
    assert_is_one_line(result)
    line = next(
        number
        for number, text in enumerate(UNWRITTEN[what].splitlines(), start=1)
        if "raise" in text
    )
    assert f"line {line}" in exercise_text(result)
    names: dict[str, Any] = {"__name__": "__main__", "check": check}
    exec(UNWRITTEN[what], names)
    assert eval(f"check('{NAME}')", names) == 0
    assert capsys.readouterr().out == exercise_text(result) + "\n"


@pytest.mark.parametrize("chapter", all_chapters())
def test_each_students_notebook_says_it_of_every_exercise(chapter: str) -> None:
    report = grade(ROOT / "exercises" / chapter / f"{chapter}.ipynb")
    assert [e.name for e in report.exercises] == [
        e.name for e in all_exercises(chapter)
    ]
    for result in report.exercises:
        assert_is_one_line(result)
    assert len(report_text(report).splitlines()) == len(report.exercises) + 1


BACKWARD = "def inverted_dropout_backward(dout, cache):\n    {}\n"
LATER = "raise NotImplementedError()"


def test_a_needed_function_that_is_not_written_is_named() -> None:
    forward, name = HEAD + f"    {LATER}\n", "inverted_dropout_backward"
    result = graded(forward + BACKWARD.format("return dout * cache"), name)
    assert_is_one_line(result)
    assert "needs inverted_dropout, not written yet" in exercise_text(result)
    result = graded(
        HEAD
        + "    m = (rng.random(x.shape) < keep_prob) / keep_prob if training else 1.0\n"
        + "    return x * m, m\n"
        + BACKWARD.format(LATER),
        name,
    )
    assert_is_one_line(result)
    assert "needs" not in exercise_text(result)


def test_a_mode_that_is_not_written_fails_a_check_like_any_error() -> None:
    source = HEAD + RIGHT.replace("return x, None", "raise NotImplementedError('test')")
    result = graded(source)
    assert result.status == "graded"
    assert result.score < result.max_score
    failed = [check for check in result.checks if check.status == "failed"]
    for one in failed:
        assert "not written yet" in one.message
        assert "line 3" in one.message
    assert "not written yet" in result.message
    assert result.mistake is None
    assert "Likely cause" not in exercise_text(result)


def test_a_check_that_expects_errors_says_it_too() -> None:
    solution = bank.solution("backward")["dropout_ridge"]

    def dropout_ridge(x: Any, y: Any, keep_prob: float) -> Any:
        if x.shape[1] > x.shape[0]:
            raise NotImplementedError
        return solution(x, y, keep_prob)

    result = grade_functions("dropout_ridge", {"dropout_ridge": dropout_ridge}, 1)
    (failed,) = [check for check in result.checks if check.status == "failed"]
    assert failed.name == "works_with_more_columns_than_rows"
    assert "not written yet" in failed.message
    assert result.mistake is None


def test_a_mode_of_a_needed_function_is_named() -> None:
    source = (
        HEAD
        + "    if not training:\n        raise NotImplementedError\n"
        + "    m = (rng.random(x.shape) < keep_prob) / keep_prob\n"
        + "    return x * m, m\n"
        + BACKWARD.format("return dout * cache")
    )
    result = graded(source, "inverted_dropout_backward")
    assert result.status == "graded"
    assert "not written yet: inverted_dropout(x of shape" in result.message
    assert "training=False) raised NotImplementedError" in result.message


def test_a_case_that_is_not_written_costs_one_check_where_matrices_pass() -> None:
    """As any other exception does; a function that raises it always is not asked again."""
    case = "    if x.ndim == 4 and not training:\n        raise NotImplementedError\n"
    result = graded(HEAD + case + RIGHT)
    (lost,) = [check for check in result.checks if check.status != "passed"]
    assert lost.name == result.checks[0].name
    assert "training=False) raised NotImplementedError (line 3" in lost.message
    assert "With matrices it passes." in lost.message
    assert result.mistake is None


OTHER = {
    "an error before it": HEAD + f"    y = x.no_such\n    {LATER}\n",
    "an error of a library": (
        f"import fractions\nimport numbers\n\n{HEAD}    numbers.Complex.real.fget(x)\n"
    ),
    "caught": (
        HEAD + "    try:\n        raise NotImplementedError\n"
        "    except NotImplementedError:\n        return None\n"
    ),
    "returned": HEAD + "    return NotImplemented\n",
}


@pytest.mark.parametrize("what", OTHER)
def test_other_errors_are_explained_as_before(what: str) -> None:
    result = graded(OTHER[what])
    assert result.status == "graded"
    assert result.score == 0
    assert result.mistake is not None
    assert "not written yet" not in exercise_text(result)


def test_the_other_exercises_of_a_file_are_graded() -> None:
    file = notebook(HEAD + RIGHT, f"def classic_dropout(*args):\n    {LATER}")
    first, second, third = grade(file).exercises
    assert [first.status, second.status, third.status] == [
        "unwritten",
        "graded",
        "missing",
    ]
    assert second.score == second.max_score


def test_command_line_and_pytest_say_it_once(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(UNWRITTEN["the starter"], encoding="utf-8")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
        )
        return done.stdout

    said = run("autograder", "check", "my.py", "--exercise", NAME, "--json", "o.json")
    assert len(said.splitlines()) == 2
    (found,) = json.loads((tmp_path / "o.json").read_text("utf-8"))["exercises"]
    assert found["status"] == "unwritten"
    said = run("pytest", "--submission", "my.py", "-q", "-p", "no:cacheprovider")
    assert re.search(r"_ inverted_dropout _+\nNot written yet \(line 3 ", said)
    assert "Likely cause" not in said and "Waits" not in said
    assert "my.py: 0 of 10 (grader" in said


def test_the_feedback_page_says_it_in_one_line() -> None:
    door = pytest.importorskip("autograder.doors.nbgrader.outputs")
    printed, score = door.verdict_outputs(graded(UNWRITTEN["the starter"]), "", 1)
    assert printed.text == f"{NAME}: 0 of 4.5, not written yet (line 3)\n"
    assert score.data["text/plain"] == "0.0"
