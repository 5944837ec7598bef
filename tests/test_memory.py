"""What a function reads without having written it is told, whatever lay in memory."""

import inspect
import textwrap

import numpy as np
import pytest

from autograder import wire
from autograder.grading.grade import grade
from autograder.grading.run import grade_functions
from autograder.submission.notebook import read_notebook
from tests import bank

UNWRITTEN = ("exact_divides_without_out", "writes_the_kept_units_alone")
_MUTANTS = {m.name: m for m in bank.mutants() if m.name in UNWRITTEN}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(60, 2), (7,), (1, 1), (6, 5), (2, 3, 1, 4)])
def test_what_a_call_makes_and_does_not_write_shows_marks(
    shape: tuple[int, ...], dtype: type
) -> None:
    x = np.ones(shape, dtype)
    wire.Marks().leave((0.5, x))
    rows = [np.empty(len(x), dtype) for _ in range(5)]
    assert all(np.isnan(row).all() and wire.shows_marks(row) for row in rows)
    assert wire.shows_marks(0 * rows[0]) and wire.shows_marks(1 - 2 * rows[0])


def test_other_numbers_show_no_marks() -> None:
    for value in (np.nan, -np.nan, np.inf, 0.0, 1.0):
        for dtype in (np.float64, np.float32, np.float16, np.int64, bool):
            with np.errstate(invalid="ignore"):
                assert not wire.shows_marks(np.full(3, value).astype(dtype))


@pytest.mark.parametrize("name", UNWRITTEN)
def test_unwritten_memory_is_told_at_every_seed(name: str) -> None:
    mutant = _MUTANTS[name]
    for seed in range(5):
        report = grade_functions(mutant.exercise, mutant.functions, seed)
        failed = {c.name for c in report.checks if c.status == "failed"}
        assert (failed, report.mistake) == (set(mutant.fails), mutant.mistake)


def test_a_worker_leaves_marks_too() -> None:
    mutant = _MUTANTS[UNWRITTEN[0]]
    function = textwrap.dedent(inspect.getsource(mutant.own[mutant.exercise]))
    source = "import numpy as np\n" + function.partition("\n")[2]
    source = source.replace(mutant.name, mutant.exercise)
    cells = [{"cell_type": "code", "source": source, "metadata": {}}]
    submission = read_notebook({"nbformat": 4, "cells": cells}, "n.ipynb")
    (result,) = grade(submission, exercises=[mutant.exercise]).exercises
    failed = {c.name for c in result.checks if c.status == "failed"}
    assert (failed, result.mistake) == (set(mutant.fails), mutant.mistake)
