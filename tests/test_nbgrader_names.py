"""Names that students choose, of files and of their own: they steer no terminal, move no
score to another column, and cost nobody a verdict."""

import csv
import json
import os
from pathlib import Path

import pytest

from tests import fixture_class
from tests.fixture_class import CHAPTER, run

pytest.importorskip("nbgrader")
pytestmark = pytest.mark.skipif(
    os.name == "nt" or os.uname().sysname == "Darwin",
    reason="the system takes no names that are not UTF-8",
)

NOTEBOOK = f"{CHAPTER}.ipynb".encode()
#: What each student handed in.
CLASS = {
    b"beside": [NOTEBOOK, b"\xff.ipynb", b"\x1b[31mred.ipynb"],
    b"misnamed": [b"\x1b[31mred.ipynb"],
    b"unnamed": [b"\xff.ipynb"],
    b"Lee, Ann": [NOTEBOOK],
    b"x,,,,99,0,99,10": [NOTEBOOK],
    b"z;=1+1": [NOTEBOOK],
    "＝1+1".encode(): [NOTEBOOK],
    b"{0}%s": [NOTEBOOK],
    b"zoe": [NOTEBOOK],
    b"d\nl": [NOTEBOOK],
    b"Ann Lee": [NOTEBOOK],
    b"Ann  Lee": [NOTEBOOK],
    "Ann\u1680Lee".encode(): [NOTEBOOK],
    b" Ann Lee": [NOTEBOOK],
    b"Ann \\x20Lee": [NOTEBOOK],
}
#: Those whom nothing was handed in from that nbgrader knows.
NOTHING = ("misnamed", "unnamed")
#: A name as a spreadsheet takes it for text.
SHOWN = {
    "z;=1+1": "z;'=1+1",
    "＝1+1": "'＝1+1",
    "Ann  Lee": r"Ann \x20Lee",
    "Ann\u1680Lee": r"Ann\u1680Lee",
    " Ann Lee": r"\x20Ann Lee",
    r"Ann \x20Lee": r"Ann \x5cx20Lee",
}


def test_names_do_no_harm(tmp_path: Path) -> None:
    course = fixture_class.new_course(tmp_path / "course")
    assert run(course, "nbgrader", "generate_assignment", CHAPTER).returncode == 0
    released = course / "exercises" / CHAPTER / f"{CHAPTER}.ipynb"
    notebook = fixture_class.solved(course, json.loads(released.read_text("utf-8")))
    for student, files in CLASS.items():
        folder = course / "course/submitted" / os.fsdecode(student) / CHAPTER
        folder.mkdir(parents=True)
        for name in files:
            (folder / os.fsdecode(name)).write_text(json.dumps(notebook), "utf-8")

    done = run(course, "nbgrader", "autograde", CHAPTER)
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr
    for student in NOTHING:
        told = f"NOT GRADED: {student} handed in no {CHAPTER}.ipynb; rename"
        assert told in done.stderr
    assert r"NOT GRADED: d\x0al: nbgrader takes no student" in done.stderr
    # Each name is shown as it was above, once.
    names = done.stderr.partition("see above: ")[2].partition(". Run")[0].split(", ")
    assert sorted(names) == sorted([*NOTHING, r"d\x0al"])
    assert r"beside: passed over: \x1b[31mred.ipynb, \udcff.ipynb." in done.stderr

    assert run(course, "nbgrader", "export", "--to", "grades.csv").returncode == 0
    with (course / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    graded = {os.fsdecode(student) for student in CLASS} - {*NOTHING, "d\nl"}
    assert {row["student_id"] for row in rows} == {SHOWN.get(n, n) for n in graded}
    for row in rows:
        assert (row["raw_score"], row["score"], row["max_score"]) == (
            "10.0",
            "10.0",
            "12.0",
        )
        assert None not in row, "a row has as many cells as there are columns"
