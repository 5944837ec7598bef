"""What stands under the cells of a graded notebook: verdicts, and what the cells showed."""

import base64
import binascii
import re
from typing import Any

from nbformat import NotebookNode, v4

from autograder.grading.report import ExerciseResult
from autograder.grading.text import exercise_text, wrapped
from autograder.isolation.outcome import CellOutcome
from autograder.submission.notebook import GRADE_PREFIX


def write_outputs(
    notebook: NotebookNode,
    results: dict[str, ExerciseResult],
    outcomes: dict[int, CellOutcome],
    told: str = "",
) -> None:
    """Fill the notebook's code cells: verdicts where it grades, else what came of them.

    ``results`` are by exercise, ``outcomes`` by cell number from 1; ``told`` is a line
    that ends each verdict."""
    count = 0
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        count += 1
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id") or ""
        result = results.get(grade_id.removeprefix(GRADE_PREFIX))
        if grade_id.startswith(GRADE_PREFIX) and result is not None:
            cell.outputs = verdict_outputs(result, told, count)
            cell.execution_count = count
        elif number in outcomes:
            cell.outputs = cell_outputs(outcomes[number], count)
            cell.execution_count = count
        else:
            cell.outputs, cell.execution_count = [], None


def score_of(result: ExerciseResult) -> float:
    """Return the score as nbgrader takes it: sums of steps such as 0.1 may end above the
    maximum, which it refuses."""
    return min(float(result.score), float(result.max_score))


def verdict_outputs(result: ExerciseResult, told: str, count: int) -> list[Any]:
    """Return a grade cell's outputs: the verdict, and the score for nbgrader to read."""
    text = "\n".join([exercise_text(result), *([wrapped(told, 2)] if told else []), ""])
    score = score_of(result)
    return [
        v4.new_output("stream", name="stdout", text=text),
        v4.new_output(
            "execute_result", {"text/plain": repr(score)}, execution_count=count
        ),
    ]


def cell_outputs(outcome: CellOutcome, count: int) -> list[Any]:
    """Return the outputs of a student's cell; nothing but text and PNG images."""
    outputs = [
        v4.new_output("stream", name=name, text=text)
        for name, text in (("stdout", outcome.stdout), ("stderr", outcome.stderr))
        if text
    ]
    for image in filter(_is_png, outcome.images):
        outputs.append(v4.new_output("display_data", {"image/png": image}))
    if outcome.value is not None:
        value = {"text/plain": outcome.value}
        outputs.append(v4.new_output("execute_result", value, execution_count=count))
    if outcome.error is not None:
        kind = re.match(r"([A-Za-z_][\w.]*)(?:: |$)", outcome.error)
        name = kind[1] if kind else "NoAnswer"
        text = outcome.error[kind.end() :] if kind else outcome.error
        trace = [f"{name}: {text}" if text else name]
        outputs.append(v4.new_output("error", ename=name, evalue=text, traceback=trace))
    return outputs


def _is_png(image: str) -> bool:
    """Whether this is a PNG in base64 and nothing else: it goes into a page as it is."""
    try:
        start = base64.b64decode(image, validate=True)[:8]
    except (binascii.Error, ValueError):
        return False
    return start == b"\x89PNG\r\n\x1a\n"
