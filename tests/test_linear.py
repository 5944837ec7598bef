"""Whatever text comes from outside, the time spent on it grows with its length, not with
its square: one student's text must not take the time of the others."""

import contextlib
import gc
import itertools
import json
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from autograder import wire
from autograder.contract.exercise import find_exercise
from autograder.doors.class_reports import harmless
from autograder.grading import select
from autograder.grading import text as report
from autograder.grading.report import CheckResult, ExerciseResult
from autograder.grading.session import Session
from autograder.isolation.outcome import CellOutcome
from autograder.submission.cells import Cell, Submission, SubmissionError
from autograder.submission.notebook import read_notebook
from autograder.submission.script import script_cells
from autograder.wire import errors, magics, text, values
from autograder.worker import output, parts

DROPOUT = find_exercise("inverted_dropout")

#: What some regular expression or parser of ours, or of Python, takes for special.
BITS = [
    *"a0_ \t\n\r\x0c\x1b\x00[](){}<>%!?=#@\\'\"`*&;:,.-/",
    "\x1b[", "\x1b]", "\x1b[0", "\r\n", "# %%", "# %%\n", "def ", "async def ", "@a\n",
    "a\n", "else:\n", "elif a:\n b\n", '"""', "'''", '"""\n', "a(\n", "check(", " at 0x",
    "? ", "= ", "%a\n", "-a ", "é", "\u2028", "\ud800", "\U0001f600", "\\\\", '\\"', "http://a",
]  # fmt: skip
SIZE = 30_000


def repeated(size: int) -> Iterator[str]:
    """Yield texts of this length: a bit again and again, alone or within something."""
    for bit in BITS:
        yield (bit * size)[:size]
        yield "x" + (bit * size)[: size - 2] + "y"


def paired(size: int) -> Iterator[str]:
    """Yield texts of this length: two bits by turns, one after the other has ended, and
    one after a beginning that it may never end."""
    for first, second in itertools.pairwise([*BITS, *BITS[::3], *BITS[::5]]):
        yield ((first + second) * size)[:size]
        yield (first * size)[: size // 2] + (second * size)[: size // 2]
        yield (first + second * size)[:size]


def session(source: str, error: str = "") -> Any:
    """Return a session whose one cell, the names in it and its error are from outside."""
    one = Submission("n.py", (Cell(1, source),), script=True)
    worker: Any = SimpleNamespace(doubts=[error[:200]], spent=None)
    found = Session(one, worker=worker)
    found.outcomes[1] = CellOutcome(error=error[:2000] or None)
    found.names = {source[i : i + 50]: "" for i in range(0, len(source), 50)}
    return found


def verdict(message: str) -> ExerciseResult:
    check = CheckResult("runs", "failed", 0.0, 1.0, message)
    return ExerciseResult("inverted_dropout", "conventions", "graded", (check,))


def cell(source: object) -> Any:
    return {"nbformat": 4, "cells": [{"cell_type": "code", "source": source}]}


def parsed(source: str) -> list[Any]:
    return list(parts.statements(source, "<cell 1>"))


def syntax_error(source: str) -> str:
    return errors.describe_error(SyntaxError(source, ("f", 1, 1, source)))


#: Each function that looks at text from outside, as that text comes to it.
FUNCTIONS: dict[str, Callable[[str], Any]] = {
    "text.printed": text.printed,
    "text.clean": text.clean,
    "text.one_line": text.one_line,
    "text.holds_more_items": lambda t: text.holds_more_items(
        t.encode("utf-8", "replace"), 100
    ),
    "students.describe_error": lambda t: errors.describe_error(ValueError(t)),
    "students.describe_error of syntax": syntax_error,
    "wire.text_of": lambda t: values.text_of(t, 10**6),
    "wire.Reader": lambda t: wire.Reader(b"").decode({"is": "str", "value": t}),
    "submission.read_notebook": lambda t: read_notebook(cell(t), t),
    "submission.read_notebook of lines": lambda t: read_notebook(
        cell(list(t)), "n.ipynb"
    ),
    "submission._script_cells": lambda t: script_cells(t, "f.py"),
    "grading._mentioned": lambda t: select.mentioned(session(t).submission),
    "grading._mentioned in a check": lambda t: select.mentioned(
        Submission("n", (Cell(1, t, "check-a"),))
    ),
    "grading._explain_missing": lambda t: select.explain_missing(
        "a", session(t, t), DROPOUT
    ),
    "grading._notes": lambda t: select.notes_on(session(t, t)),
    "report.wrapped": lambda t: report.wrapped(t, 4),
    "report.exercise_text": lambda t: report.exercise_text(verdict(t)),
    "class_reports.harmless": harmless,
    "output.BoundedText": lambda t: output.BoundedText().write(t),
    "magics.MAY_BE": magics.MAY_BE.search,
    "magics.plain": magics.plain,
    "parts.statements": parsed,
    "parts.blocks": parts.blocks,
}

try:
    from autograder.doors.nbgrader import feedback, handed_in, outputs
except ImportError:  # nbgrader is not installed
    pass
else:
    FUNCTIONS |= {
        "nbgrader_execute._is_image": lambda t: handed_in._is_image("image/png", t),
        "nbgrader_outputs.cell_outputs": lambda t: outputs.cell_outputs(
            CellOutcome(stdout=t, error=t, images=(t,)), 1
        ),
        "feedback._RUN": feedback._RUN.search,
        "feedback._LEADS_AWAY": lambda t: feedback._LEADS_AWAY.sub("", t),
    }


def seconds(function: Callable[[str], Any], argument: str) -> float:
    """Return the processor time that a call takes, whatever comes of it."""
    gc.disable()  # it takes time for whatever else lives in this process
    began = time.process_time()
    with contextlib.suppress(wire.WireError, SubmissionError):
        function(argument)
    spent = time.process_time() - began
    gc.enable()
    return spent


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "adversaries", [repeated, pytest.param(paired, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_time_grows_with_the_length_of_a_text(
    name: str, adversaries: Callable[[int], Iterator[str]]
) -> None:
    function = FUNCTIONS[name]
    pairs = zip(adversaries(SIZE // 4), adversaries(SIZE), strict=True)
    for short, long in pairs:
        spent = seconds(function, long)
        # What is quick at this length is quick; else it is compared with a quarter.
        if spent > 0.4:
            before = min(seconds(function, short) for _ in range(3))
            spent = min(spent, *(seconds(function, long) for _ in range(2)))
            assert spent < max(8 * before, 0.4), (long[:20], len(long), before, spent)


def test_a_million_small_writes_keep_what_one_large_write_keeps() -> None:
    small, large = output.BoundedText(), output.BoundedText()
    for _ in range(10**6):
        small.write("x")
    large.write("x" * 10**6)
    large.buffer.write(b"x" * 10**6)
    assert small.text() == large.text()
    assert len(small._parts) <= output.TEXT_LIMIT


def test_two_thousand_names_are_compared_quickly() -> None:
    found = session("")
    found.names = {f"inverted_drop_out_of_{i:030}": "" for i in range(2000)}
    began = time.process_time()
    select.explain_missing("inverted_dropout", found, DROPOUT)
    assert time.process_time() - began < 2


def test_items_are_counted_outside_texts_alone() -> None:
    found = {"a": ['",[{', "\\", '\\"', "[" * 100], "b": [1, 2, {}]}
    data = json.dumps(found).encode()
    # Two objects, two lists, and the commas: three, one and two.
    assert not text.holds_more_items(data, 10)
    assert text.holds_more_items(data, 9)
