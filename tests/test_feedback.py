"""The students' pages are made in bounded time, and an honest one looks as it should."""

import html
import json
import random
import re
import time
from pathlib import Path
from typing import Any

import pytest

nbgrader = pytest.importorskip("nbgrader")

import nbformat  # noqa: E402
from bs4 import BeautifulSoup  # noqa: E402
from nbconvert.exporters import HTMLExporter  # noqa: E402
from nbformat import v4  # noqa: E402
from traitlets.config import PyFileConfigLoader  # noqa: E402

from autograder.course.source import METADATA  # noqa: E402
from autograder.doors.nbgrader.feedback import OfflineFeedback  # noqa: E402
from autograder.doors.nbgrader.handed_in import handed_in, restored  # noqa: E402
from autograder.doors.nbgrader.images import MAX_IMAGES  # noqa: E402
from autograder.submission.cells import MAX_CELLS, SubmissionError  # noqa: E402
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


@pytest.mark.parametrize("made_by", ["feedback", "formgrader"])
@pytest.mark.parametrize(
    "hides", ["<!-- ", "<!--> ", "<![CDATA[ ", "<?php ", "<!x ", "</ ", "x <!-- "]
)
def test_no_text_is_hidden_by_what_looks_like_a_comment(
    hides: str, made_by: str
) -> None:
    made_of = v4.new_markdown_cell(f"{hides}a proof\n\nand its end")
    shown = {"feedback": page, "formgrader": formgraded}[made_by](made_of)
    body = BeautifulSoup(shown, "html.parser").body
    assert body is not None
    text = body.get_text()  # which has no comments
    assert "a proof" in text and "and its end" in text and hides.strip() in text


#: Texts on which Markdown or the colours spend the square of their length, or much.
LONG = {
    "blanks": v4.new_markdown_cell("x" + " " * 100_000 + "y"),
    "brackets": v4.new_markdown_cell("[" * 100_000),
    "brackets by turns": v4.new_markdown_cell("[x" * 20_000),
    "begun formulas": v4.new_markdown_cell("\\begin{a}\n" * 40_000),
    "begun comments": v4.new_markdown_cell("<!-- a\n" * 40_000),
    "code": v4.new_code_cell('"%s' * 90_000),
    "code in blanks": v4.new_code_cell("x = 1" + " " * 250_000 + "y"),
    "lines of blanks": v4.new_code_cell(" \n" * 10_000),
    "open tags": v4.new_markdown_cell(
        "<div>" + "".join(f"<b t{i}>" for i in range(700)) + "</div>" + "<p>x</p>" * 700
    ),
    "tags in a raw cell": v4.new_raw_cell("<b>" * 2_000 + "<p>x</p>" * 2_000),
}


@pytest.mark.parametrize("what", LONG)
@pytest.mark.parametrize("made_by", ["feedback", "formgrader"])
def test_a_page_is_made_quickly(what: str, made_by: str) -> None:
    began = time.process_time()
    made = {"feedback": page, "formgrader": formgraded}[made_by](LONG[what])
    assert time.process_time() - began < 20
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
    assert len(handed_in(path, {})[0].cells) == MAX_CELLS
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


#: Written answers that act in the name of whoever opens formgrader's page.
ACTING = {
    "script": "<script>acts()</script>",
    "handler": '<img src="x" onerror="acts()">',
    "handler in a line": 'an answer <b onclick="acts()">here</b>',
    "link": "[a](javascript:acts())",
    "frame": '<iframe srcdoc="acts()"></iframe>',
    "form": '<form action="/acts()"><button>Go</button></form>',
    "drawing": '<svg onload="acts()"></svg>',
    "comment": "<!--><script>acts()</script>-->",
    "style": "<style>@import 'acts()'</style>",
    "a page of the server's": "[my figure](acts().html)",
    "an address of the server's": '<a href="/acts()">a</a>',
    "an image of the server's": "![a](/acts())",
    "an input of the page's": '<span id="acts()" class="acts() score"></span>',
}


def formgraded(*cells: Any) -> str:
    """Return formgrader's page of a notebook, with the settings of the course."""
    from nbgrader.apps import NbGrader
    from nbgrader.server_extensions.formgrader import handlers

    root = Path(__file__).parents[1]
    app = NbGrader()
    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    app.update_config(config)
    app.config.HTMLExporter.template_name = "formgrade"
    app.config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    made = v4.new_notebook(cells=list(cells), metadata=nbformat.from_dict(METADATA))
    about = {"index": 0, "total": 1}
    return HTMLExporter(config=app.config).from_notebook_node(made, about)[0]


@pytest.mark.parametrize("what", ACTING)
def test_nothing_in_an_answer_acts_on_formgraders_page(what: str) -> None:
    answer = {
        "nbgrader": {"grade_id": "a", "grade": True, "solution": True, "points": 1}
    }
    for metadata in ({}, answer):
        made = formgraded(v4.new_markdown_cell(ACTING[what], metadata=metadata))
        assert not re.search(r"<[^>]*acts\(\)|<(script|style)>\W*(acts|@)", made)


def test_a_raw_cell_is_no_html_on_formgraders_page() -> None:
    trick = '<div class="modal-backdrop full-credit" id="acts()"></div>'
    made = formgraded(v4.new_raw_cell(trick))
    assert "&lt;div class=" in made
    assert '<div class="modal-backdrop' not in made


@pytest.mark.parametrize(
    "written",
    [
        "![x](attachment:a.png)\n",
        "![x][a]\n",
        "![x](attachment&#58;a.png)\n",
        "![x](<attachment:a.png>)\n",
    ],
)
@pytest.mark.parametrize("page", ["feedback", "formgrader"])
def test_images_have_room_however_often_they_are_shown(page: str, written: str) -> None:
    """One of 11 MB, shown a hundred times, took feedback to some gigabytes."""
    image = {"a.png": {"image/png": "A" * (2 * MAX_IMAGES // 5)}}
    text = f"{written * 60}\n[a]: attachment:a.png\n\nThe end of it."
    cells = [v4.new_markdown_cell(text, attachments=image) for _ in range(2)]
    if page == "feedback":
        made = OfflineFeedback().from_notebook_node(v4.new_notebook(cells=cells))[0]
    else:
        made = formgraded(*cells)
    assert len(made) < MAX_IMAGES + 10**6
    assert made.count("The end of it.") == 2
    assert made.count("base64,AAA") == 2  # the third has no room, in any cell
    assert made.count('alt="x"') == 120


def test_an_honest_answer_looks_in_formgrader_as_it_should() -> None:
    image = {"a.png": {"image/png": "iVBORw0KGgo="}}
    text = "# Why\n\n**Units** are $a<b$, H<sub>2</sub>O\n\n![a](attachment:a.png)\n\n"
    text += "[a](https://example.org/x) [b](#part)\n\n"
    text += "|a|b|\n|-|-|\n|1|2|\n\n```python\nx = 1\n```\n"
    made = formgraded(v4.new_markdown_cell(text, attachments=image))
    for part in (
        "<strong>Units</strong>",
        "<sub>2</sub>",
        'src="data:image/png;base64,iVBORw0KGgo="',
        "<td>1</td>",
        'href="https://example.org/x"',
        'href="#part"',
        '<span class="o">=</span>',
        "$a&lt;b$",
    ):
        assert part in made
