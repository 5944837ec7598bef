"""nbgrader's ``generate_solution``: what students get when all have handed in."""

import json
from pathlib import Path

import pytest

from tests import fixture_class
from tests.fixture_class import CHAPTER, run

pytest.importorskip("nbgrader")


def test_it_is_made_with_the_answers_and_no_mark_scheme(tmp_path: Path) -> None:
    course = fixture_class.new_course(tmp_path / "course")
    source = course / "course/source" / CHAPTER / f"{CHAPTER}.ipynb"
    assert "BEGIN MARK SCHEME" in source.read_text("utf-8")
    for command in ("generate_assignment", "generate_solution"):
        done = run(course, "nbgrader", command, CHAPTER)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    made = course / "course/solution" / CHAPTER / f"{CHAPTER}.ipynb"
    text = made.read_text("utf-8")
    assert "MARK SCHEME" not in text
    cells = [
        "".join(cell["source"])
        for path in (source, made)
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]
    assert cells[: len(cells) // 2] == cells[len(cells) // 2 :]
