"""The students' pages are made in bounded time, and an honest one looks as it should."""

import html
import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

nbgrader = pytest.importorskip("nbgrader")

import nbformat  # noqa: E402
from nbformat import v4  # noqa: E402

from autograder.feedback import OfflineFeedback  # noqa: E402
from autograder.nbgrader_execute import MAX_IMAGES, handed_in, restored  # noqa: E402
from autograder.notebooks import METADATA  # noqa: E402
from autograder.submission import MAX_CELLS, SubmissionError  # noqa: E402
from tests.test_bad_input import notebook  # noqa: E402


def page(*cells: Any) -> str:
    metadata = nbformat.from_dict(METADATA)
    made = v4.new_notebook(cells=list(cells), metadata=metadata)
    return OfflineFeedback().from_notebook_node(made)[0]


def test_an_essay_of_5000_words_is_shown_as_markdown_and_code_in_colours() -> None:
    rng = random.Random(1)
    words = ["dropout", "**unit**", "$p$", "`x`", "the", "[a](b)", "mean\n\n"]
    essay = " ".join(rng.choice(words) for _ in range(5000))
    made = page(v4.new_markdown_cell(essay), v4.new_code_cell("x = 1"))
    assert "<strong>unit</strong>" in made
    assert '<span class="o">=</span>' in made


#: Texts on which Markdown or the colours spend the square of their length, or much.
LONG = {
    "blanks": v4.new_markdown_cell("x" + " " * 100_000 + "y"),
    "brackets": v4.new_markdown_cell("[" * 100_000),
    "brackets by turns": v4.new_markdown_cell("[x" * 20_000),
    "begun formulas": v4.new_markdown_cell("\\begin{a}\n" * 40_000),
    "begun comments": v4.new_markdown_cell("<!-- a\n" * 40_000),
    "code": v4.new_code_cell('"%s' * 90_000),
    "code in blanks": v4.new_code_cell("x = 1" + " " * 250_000 + "y"),
}


@pytest.mark.parametrize("what", LONG)
def test_a_page_is_made_quickly(what: str) -> None:
    began = time.process_time()
    made = page(LONG[what])
    assert time.process_time() - began < 4
    shown = html.unescape(made)
    assert LONG[what].source[:3] in shown


def test_many_slow_texts_take_no_longer_than_a_page_may() -> None:
    slow = "".join(f"\\begin{{a}} {i}\n" for i in range(4000))
    began = time.process_time()
    page(*(v4.new_markdown_cell(slow) for _ in range(10)))
    assert time.process_time() - began < 25


def test_a_thousand_cells_are_handed_on_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "n" / "a" / "n.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(notebook(*["x = 1"] * MAX_CELLS))
    assert len(handed_in(path, {}).cells) == MAX_CELLS
    path.write_text(notebook(*["x = 1"] * (MAX_CELLS + 1)))
    with pytest.raises(SubmissionError, match="1,001 cells; expected at most 1,000"):
        handed_in(path, {})


def test_attached_images_are_handed_on_as_far_as_there_is_room() -> None:
    half = "a" * (MAX_IMAGES // 2)
    attached = {f"{i}.png": {"image/png": half} for i in range(3)}
    cell = {"cell_type": "markdown", "source": "", "attachments": attached}
    found = restored({"cells": [cell, cell]}, {})
    assert "attachments" not in found.cells[0]
    assert sorted(found.cells[1].attachments) == ["0.png", "1.png"]
    many = {f"{i}.png": {"image/png": "aaaa"} for i in range(100_000)}
    found = restored({"cells": [cell | {"attachments": many}]}, {})
    assert len(found.cells[0].attachments) == 100
    assert len(json.dumps(found)) < 10_000
