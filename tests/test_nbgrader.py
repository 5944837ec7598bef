"""nbgrader's door, piece by piece; tests/test_doors.py opens it as a whole."""

import base64
import json
import logging
import os
import re
from pathlib import Path
from typing import Any

import pytest

nbgrader = pytest.importorskip("nbgrader")

import nbformat  # noqa: E402
from nbgrader.converters import Autograde, base  # noqa: E402
from nbgrader.preprocessors import Execute  # noqa: E402
from nbgrader.utils import determine_grade  # noqa: E402
from traitlets.utils.importstring import import_item  # noqa: E402

from autograder.contract.exercise import find_exercise  # noqa: E402
from autograder.course.release import settings  # noqa: E402
from autograder.doors.nbgrader.beside import keep_to_notebooks  # noqa: E402
from autograder.doors.nbgrader.execute import JudgedExecute  # noqa: E402
from autograder.doors.nbgrader.feedback import OfflineFeedback  # noqa: E402
from autograder.doors.nbgrader.handed_in import as_handed_out, restored  # noqa: E402
from autograder.doors.nbgrader.outputs import (  # noqa: E402
    cell_outputs,
    verdict_outputs,
    write_outputs,
)
from autograder.doors.nbgrader.released import Released  # noqa: E402
from autograder.grading.grade import grade  # noqa: E402
from autograder.grading.report import CheckResult, ExerciseResult  # noqa: E402
from autograder.grading.run import not_graded  # noqa: E402
from autograder.isolation.outcome import CellOutcome  # noqa: E402
from autograder.submission.notebook import read_notebook  # noqa: E402
from tests.bank import ROOT  # noqa: E402

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n rest").decode()


def released(grade_id: str, source: str, kind: str = "code", **flags: Any) -> Released:
    metadata = {
        "cell_type": kind,
        "checksum": "0",
        "grade": False,
        "grade_id": grade_id,
        "locked": False,
        "schema_version": 3,
        "solution": False,
        "task": False,
    }
    return Released(grade_id, kind, source, metadata | flags)


KNOWN = {
    cell.grade_id: cell
    for cell in (
        released("about", "# Exercises", "markdown", locked=True),
        released("f", "def f(): raise NotImplementedError()", solution=True),
        released("check-f", 'check("f")', grade=True, locked=True, points=2.0),
        released("why", "*Answer.*", "markdown", grade=True, solution=True, points=1),
    )
}


def code(source: Any, grade_id: str | None = None, **extra: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if grade_id is not None:
        metadata = {"nbgrader": {"grade_id": grade_id, "cell_type": "code"}}
    return {"cell_type": "code", "source": source, "metadata": metadata} | extra


def notebook(*cells: Any, **extra: Any) -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [*cells],
    } | extra


def grade_ids(cells: Any) -> list[str | None]:
    return [c["metadata"].get("nbgrader", {}).get("grade_id") for c in cells]


# ---- The settings -------------------------------------------------------------------


def test_the_settings_replace_execute_and_no_other_step() -> None:
    def step(named: Any) -> Any:
        return import_item(named) if isinstance(named, str) else named

    ours = settings(ROOT).Autograde.autograde_preprocessors
    stock = Autograde.class_traits()["autograde_preprocessors"].default()
    replaced = [JudgedExecute if step is Execute else step for step in stock]
    assert len(ours) == len(replaced)
    # Those that write scores wait, and are nbgrader's own.
    assert all(
        issubclass(step(o), step(s)) for o, s in zip(ours, replaced, strict=True)
    )
    assert "sanitize_preprocessors" not in settings(ROOT).Autograde


def test_the_settings_keep_everything_but_the_exercises_in_course() -> None:
    course = settings(ROOT).CourseDirectory
    assert course.release_directory == "exercises"
    for step in ("source", "submitted", "autograded", "feedback", "solution"):
        assert course[f"{step}_directory"] == f"course/{step}"
    assert course.db_url == f"sqlite:///{ROOT / 'course' / 'gradebook.db'}"


# ---- Reading ------------------------------------------------------------------------


def test_cells_get_back_what_they_were_handed_out_with() -> None:
    submitted = notebook(
        code(["def f():\n", "    return 1"], "f"),
        code("0", "check-f", outputs=[{"output_type": "junk"}]),
    )
    submitted["cells"][1]["metadata"]["nbgrader"]["points"] = 1000
    made = restored(submitted, KNOWN)
    nbformat.validate(made)
    assert made.cells[0].source == "def f():\n    return 1"
    assert made.cells[1].metadata.nbgrader == KNOWN["check-f"].metadata
    assert made.cells[1].outputs == []


def test_missing_grade_cells_are_added_with_a_notice() -> None:
    made = restored(notebook(code("def f(): return 1", "f")), KNOWN)
    assert grade_ids(made.cells) == ["f", None, "check-f", "why"]
    assert "were missing" in made.cells[1].source
    assert made.cells[3].source == "*Answer.*"


def test_of_copies_the_last_is_the_cell_and_strangers_have_no_identity() -> None:
    submitted = notebook(
        code("1", "f"), code("2", "f"), code("3", "g"), code("4", "check-f")
    )
    made = restored(submitted, KNOWN)
    assert grade_ids(made.cells)[:4] == [None, "f", None, "check-f"]
    read = read_notebook(submitted, "n")
    assert [c.graded for c in read.cells] == [None, None, None, "check-f"]


def test_an_answer_that_became_text_is_code_again_in_every_door() -> None:
    submitted = notebook(code("def f(): return 1", "f") | {"cell_type": "markdown"})
    assert restored(submitted, KNOWN).cells[0].cell_type == "code"
    assert len(read_notebook(submitted, "n").code) == 1


CLAIMS = {
    "a text that says that it is code": code("f", "mine") | {"cell_type": "markdown"},
    "code that says that it is a text": code("f")
    | {"metadata": {"nbgrader": {"grade_id": "mine", "cell_type": "markdown"}}},
    "code that says that it is a check": code("f", "check-zzz"),
    "an answer of another assignment": code("f", "other") | {"cell_type": "markdown"},
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_cells_of_nobodys_say_of_themselves_counts_in_no_door(claim: str) -> None:
    """`grade` ran what `nbgrader autograde` did not, and the other way round."""
    submitted = notebook(CLAIMS[claim])
    theirs = restored(submitted, KNOWN).cells[0]
    ours = read_notebook(submitted, "n", known={"f"})
    assert len(ours.code) == (theirs.cell_type == "code")
    assert all(cell.graded is None for cell in ours.cells)


ANSWER = """
def classic_settings(weights, learning_rate, weight_decay, keep_prob):
    c = keep_prob
    return weights * c, learning_rate * c**2, weight_decay / c**2
"""


@pytest.mark.parametrize("claim", ["a text that says that it is code", "none"])
def test_the_grader_knows_whose_word_counts(claim: str, tmp_path: Path) -> None:
    path = tmp_path / "conventions.ipynb"
    cell = CLAIMS.get(claim, code("")) | {"source": ANSWER}
    path.write_text(json.dumps(notebook(cell)))
    [found] = grade(path, exercises=["classic_settings"], seed=1).exercises
    assert (found.status == "graded") == (claim == "none")


def test_both_readers_see_the_same_code() -> None:
    submitted = notebook(
        code("import numpy", None),
        "junk",
        {"cell_type": "code"},
        {"cell_type": "heading", "source": "x", "metadata": {}},
        {"cell_type": "markdown", "source": "x", "metadata": {"nbgrader": "no"}},
        code("def f(): return 1", "f"),
        code("# mine", "check-f"),
        metadata={"kernelspec": 3, "autograder": {"script": True}},
    )
    made = restored(submitted, KNOWN)
    nbformat.validate(made)
    straight = read_notebook(submitted, "n")
    around = read_notebook(made, "n")
    assert straight.code == around.code
    assert straight.script and around.script
    assert [c.number for c in straight.code] == [c.number for c in around.code]


def picture(attachments: Any) -> dict[str, Any]:
    source = "![](attachment:a.png)"
    return code(source) | {"cell_type": "markdown", "attachments": attachments}


@pytest.mark.parametrize(
    "submitted",
    [
        notebook({"cell_type": [], "source": "x"}),
        notebook({"cell_type": {}, "source": "x"}),
        notebook(picture({"a.png": 5})),
        notebook(picture({"a.png": {"image/png": {"a": [None, 1]}}})),
        notebook(picture({"a.png": {"image/png": '"><h1>'}})),
        notebook(picture([1])),
        notebook(code("x = '\ud800'")),
        notebook(picture({"\ud800": {"image/png": PNG}})),
        notebook(code("x"), metadata=[1]),
        notebook(code("x"), metadata="x"),
        notebook(code("x") | {"metadata": {"nbgrader": {"grade_id": ["f"]}}}),
    ],
)
def test_what_jupyter_would_not_write_is_mended_or_left_out(submitted: Any) -> None:
    made = restored(submitted, KNOWN)
    nbformat.validate(made)
    assert "<h1>" not in nbformat.writes(made).encode().decode()
    straight = read_notebook(submitted, "n")
    around = read_notebook(made, "n")
    assert straight.code == around.code


def test_attached_images_stay() -> None:
    made = restored(notebook(picture({"a.png": {"image/png": PNG}})), {})
    assert made.cells[0].attachments == {"a.png": {"image/png": PNG}}


def test_no_file_beside_the_notebook_is_copied(tmp_path: Path) -> None:
    class Converter:
        log = logging.getLogger("copied")

    (tmp_path / "figure.html").write_text("<script>")
    os.mkfifo(tmp_path / "pipe")
    before = base.find_all_files
    try:
        keep_to_notebooks(Converter())
        assert base.find_all_files(str(tmp_path), ["*.ipynb"]) == []
    finally:
        base.find_all_files = before


def test_a_raw_cell_is_shown_as_text() -> None:
    trick = {"cell_type": "raw", "metadata": {}, "source": "<b id='score'>```</b>"}
    (cell,) = restored(notebook(trick), {}).cells
    assert cell.cell_type == "markdown"
    assert cell.source == "````\n<b id='score'>```</b>\n````"


def test_an_unreadable_file_becomes_the_notebook_that_was_handed_out() -> None:
    made = as_handed_out(KNOWN, "It is empty.")
    nbformat.validate(made)
    assert "It is empty." in made.cells[0].source
    assert grade_ids(made.cells[1:]) == list(KNOWN)


def test_the_reason_is_text_and_no_markup() -> None:
    made = as_handed_out(KNOWN, "It is of format '4<base href=//host.invalid>'.")
    assert "<base" not in made.cells[0].source


# ---- Writing ------------------------------------------------------------------------


def result(score: float, of: float, message: str = "") -> ExerciseResult:
    check = CheckResult("is_right", "failed", score, of, message)
    return ExerciseResult("f", "conventions", "graded", (check,), message)


@pytest.mark.parametrize("score", [0.0, 0.25, 2.0])
def test_nbgrader_reads_the_score_from_the_outputs(score: float) -> None:
    cell = KNOWN["check-f"].cell()
    cell.outputs = verdict_outputs(result(score, 2.0), "Told.", 3)
    assert determine_grade(cell) == (score, 2.0)
    assert "Told." in cell.outputs[0].text


def test_a_score_never_exceeds_the_points() -> None:
    checks = tuple(CheckResult(f"c{i}", "passed", 0.1, 0.1, "") for i in range(3))
    total = ExerciseResult("f", "conventions", "graded", checks)
    outputs = verdict_outputs(total, "", 1)
    assert float(outputs[1].data["text/plain"]) <= total.max_score


def test_a_long_message_is_broken_into_lines() -> None:
    outputs = verdict_outputs(result(0, 1, "word " * 60), "", 1)
    assert max(map(len, outputs[0].text.splitlines())) <= 90


def test_an_exercise_that_was_not_graded_scores_zero() -> None:
    exercise = find_exercise("inverted_dropout")
    outputs = verdict_outputs(not_graded(exercise, "error", "It is empty."), "", 1)
    assert "It is empty." in outputs[0].text
    assert outputs[1].data["text/plain"] == "0.0"


def test_a_cells_outcome_becomes_outputs() -> None:
    outcome = CellOutcome("out", "err", "3", (PNG,), "NameError: no x (line 1: x)")
    outputs = cell_outputs(outcome, 7)
    kinds = [output.output_type for output in outputs]
    assert kinds == ["stream", "stream", "display_data", "execute_result", "error"]
    assert outputs[4].ename == "NameError"
    assert outputs[4].traceback == ["NameError: no x (line 1: x)"]
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("x", outputs=outputs, execution_count=7)]
    )
    nbformat.validate(made)


def test_no_answer_becomes_an_error() -> None:
    (output,) = cell_outputs(CellOutcome(error="it did not finish within 4 s"), 1)
    assert output.ename == "NoAnswer"
    assert "did not finish" in output.evalue


@pytest.mark.parametrize(
    "image", ['"><script>alert(1)</script>', "bm90IGEgcG5n", PNG + "\n<b>", ""]
)
def test_what_is_no_image_is_dropped(image: str) -> None:
    assert cell_outputs(CellOutcome(images=(image,)), 1) == []


def test_only_the_gradebooks_cells_get_a_verdict() -> None:
    cells = [
        code('check("f")'),
        KNOWN["check-f"].cell(),
        code("1 + 1", outputs=[], execution_count=None),
    ]
    made = nbformat.from_dict(notebook(*cells))
    write_outputs(
        made, {"f": result(1, 2)}, {1: CellOutcome(), 3: CellOutcome("", "", "2")}
    )
    assert made.cells[0].outputs == []
    assert made.cells[1].outputs[1].data["text/plain"] == "1.0"
    assert made.cells[2].outputs[0].data["text/plain"] == "2"
    assert [cell.execution_count for cell in made.cells] == [1, 2, 3]


def test_a_notebook_round_trip_through_json_keeps_the_identity(tmp_path: Path) -> None:
    made = restored(notebook(code("x = 1", "f")), KNOWN)
    again = restored(json.loads(nbformat.writes(made)), KNOWN)
    assert grade_ids(again.cells) == grade_ids(made.cells)


# ---- The feedback page --------------------------------------------------------------


def feedback(markdown: str) -> str:
    """Return the body of the page for a notebook of one Markdown cell."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(markdown)])
    page, _ = OfflineFeedback().from_notebook_node(made)
    head, _, body = page.partition("</head>")
    assert "form-action 'none'; base-uri 'none'" in head
    return str(body)


@pytest.mark.parametrize(
    "tag",
    [
        '<meta http-equiv="refresh" content="0;url=http://host.invalid">',
        '<META\nhttp-equiv="refresh" content="0;url=http://host.invalid">',
        '<form action="http://host.invalid"><input></form>',
        '<base href="http://host.invalid">',
        '<iframe src="http://host.invalid"></iframe>',
        '<link rel="dns-prefetch" href="//host.invalid">',
    ],
)
def test_no_tag_leads_away_from_the_page(tag: str) -> None:
    body = feedback(f"before\n\n{tag}\n\n<b title='{tag[:5]}'>after</b>")
    assert not re.search(r"(?i)<(meta|form|base|iframe|link)\b", body)
    assert "before" in body
    assert "after" in body


def test_markdown_that_cannot_be_shown_is_shown_as_written() -> None:
    assert "![](attachment:a.png)" in feedback("![](attachment:a.png)")
    assert "<b>kept</b>" in feedback("<b>kept</b>")
