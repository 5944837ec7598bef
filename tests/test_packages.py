"""A score does not depend on what is installed beside NumPy where an answer is graded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder import check
from autograder.contract import outside
from autograder.grading.grade import grade
from autograder.grading.report import ExerciseResult
from autograder.grading.text import report_text
from autograder.submission.cells import Submission
from autograder.submission.notebook import read_notebook
from tests.test_attacks import MODES

NAME = "effective_count"
HEAD = f"def {NAME}(x):\n"
BODY = """\
    x = np.asarray(x, float) / np.abs(x).max()
    result = x.sum() ** 2 / (x**2).sum()
"""
RETURN = "    return float(result)\n"
RIGHT = f"import numpy as np\n{HEAD}{BODY}{RETURN}"
#: Installed here, and nothing that NumPy or Python's own library brings along.
OTHER = "scipy"
SENTENCE = (
    f"No module named '{OTHER}'; answers need NumPy and Python's own library alone"
)


def with_lines(below: str, above: str = "") -> str:
    return above + RIGHT.replace(HEAD, f"{HEAD}    {below}\n")


USES = {
    "above": with_lines(f"{OTHER}.__name__", f"import {OTHER}\n"),
    "from": with_lines("gammaln(x)", f"from {OTHER}.special import gammaln\n"),
    "in the function": with_lines(f"import {OTHER}.stats"),
    "in a helper": with_lines("_help()", f"def _help():\n    import {OTHER}\n"),
}
AROUND = with_lines(f"import importlib; importlib.import_module('{OTHER}')")
DOES_WITHOUT = {
    "never used": f"import {OTHER}\nfrom {OTHER} import stats\n{RIGHT}",
    "falls back": f"try:\n    import {OTHER}\nexcept ImportError:\n    pass\n{RIGHT}",
    "draws": f"import matplotlib.pyplot as plt\n{RIGHT}",
    "Python's own": f"import collections, math, sqlite3\n{RIGHT}",
}


@pytest.fixture(autouse=True)
def _as_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pytest.importorskip(OTHER)
    monkeypatch.delenv(outside.PACKAGES, raising=False)
    yield


def as_notebook(source: str) -> Submission:
    cells = [{"cell_type": "code", "source": source, "metadata": {}}]
    return read_notebook({"nbformat": 4, "cells": cells}, "n.ipynb")


def graded(submission: Submission | Path, mode: str) -> tuple[ExerciseResult, str]:
    """Return the verdict, and all that the report says."""
    report = grade(submission, exercises=[NAME], sandbox=mode)
    return report.exercises[0], report_text(report)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", [*USES, "around"])
def test_another_package_is_not_there(how: str, mode: str) -> None:
    result, text = graded(as_notebook({**USES, "around": AROUND}[how]), mode)
    assert result.score == 0
    assert SENTENCE in " ".join(text.split())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", DOES_WITHOUT)
def test_who_does_without_it_loses_nothing(how: str, mode: str, tmp_path: Path) -> None:
    (script := tmp_path / "n.py").write_text(DOES_WITHOUT[how], encoding="utf-8")
    for submission in (as_notebook(DOES_WITHOUT[how]), script):
        result, text = graded(submission, mode)
        assert result.score == result.max_score, text


@pytest.mark.parametrize("mode", MODES)
def test_a_course_may_allow_a_package(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(outside.PACKAGES, f"pandas, {OTHER}")
    for source in USES.values():
        result, text = graded(as_notebook(source), mode)
        assert result.score == result.max_score, text


@pytest.mark.parametrize("how", [*USES, *DOES_WITHOUT])
def test_a_notebooks_own_check_says_so(
    how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {"__name__": "__main__", "check": check}
    exec({**USES, **DOES_WITHOUT}[how], names)
    assert eval(f"check('{NAME}')", names) > 0
    said = f"Your code uses {OTHER}" in capsys.readouterr().out
    assert said == (how in USES)
