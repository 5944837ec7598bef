"""One class, all doors, the same scores."""

import copy
import csv
import json
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import fixture_class
from tests.fixture_class import (
    CHAPTER,
    UNREADABLE,
    by_command_line,
    by_pytest,
    cell_of,
    run,
)

pytest.importorskip("nbgrader")


def nbgrader(course: Path, *arguments: str) -> None:
    done = run(course, "nbgrader", *arguments)
    assert done.returncode == 0, done.stderr[-3000:]


def exported(course: Path) -> dict[str, float]:
    """Return the scores that ``nbgrader export`` writes, by student."""
    nbgrader(course, "export", "--to", "grades.csv")
    with (course / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def test_the_class_gets_the_same_scores_through_every_door(tmp_path: Path) -> None:
    course = fixture_class.new_course(tmp_path / "course")
    files = fixture_class.hand_in(course, tmp_path / "handed in")
    line = {name: by_command_line(path) for name, path in files.items()}
    readable = [name for name in files if name not in UNREADABLE]
    with ThreadPoolExecutor(2) as pool:
        scores = list(pool.map(by_pytest, (files[name] for name in readable)))
    tests = dict(zip(readable, scores, strict=True))
    assert tests == {name: line[name] for name in readable}

    done = run(course, "autograder", "grade", "../handed in", "--json", "reports")
    assert done.returncode == 0, done.stderr
    with (course / "reports" / "summary.csv").open(encoding="utf-8") as file:
        together = {r["student"]: float(r["score"]) for r in csv.DictReader(file)}
    assert together == line

    done = run(course, "autograder", "collect", "../handed in", CHAPTER)
    assert done.returncode == 0, done.stdout
    nbgrader(course, "generate_assignment", CHAPTER)
    nbgrader(course, "autograde", CHAPTER)
    nbgrader(course, "generate_feedback", CHAPTER)
    assert exported(course) == line

    assert line["perfect"] == line["warns"] == line["rearranged"] == 10
    assert line["starter"] == 0
    for wrong in ("forgets", "swaps", "in-place", "syntax", "exits", "script", "torn"):
        assert 0 < line[wrong] < 10, wrong
    assert line["forgets"] == line["script"]
    assert line["swaps"] == line["plain"]
    assert all(line[student] == 0 for student in UNREADABLE)

    the_feedback_tells_everyone_why(course, files)
    the_gradebook_asks_for_hand_grading_where_there_is_text(course)


def the_feedback_tells_everyone_why(course: Path, files: dict[str, Path]) -> None:
    pages = {
        student: (course / "course" / "feedback" / student / CHAPTER)
        .joinpath(f"{CHAPTER}.html")
        .read_text(encoding="utf-8")
        for student in files
    }
    for student, sentence in UNREADABLE.items():
        assert sentence in pages[student], student
        assert "This file could not be graded." in pages[student]
    for student, page in pages.items():
        head, _, body = page.partition("</head>")
        assert "<script" not in head, student
        assert "Content-Security-Policy" in head
        assert not re.search(r"src=|@import|url\([\"']?https?:", head), student
        assert student not in ("starter", "empty") or "rng.random" not in body
    assert "data:image/png;base64," in pages["plots"]
    assert "&lt;script&gt;alert" in pages["plots"]
    assert "ZeroDivisionError" in pages["plots"]
    assert "a word of warning" in pages["warns"]
    assert "SyntaxError" in pages["syntax"]
    assert "were missing from the file" in pages["script"]


def the_gradebook_asks_for_hand_grading_where_there_is_text(course: Path) -> None:
    with sqlite3.connect(course / "course" / "gradebook.db") as database:
        rows = database.execute(
            "select sa.student_id, g.needs_manual_grade, g.auto_score"
            " from grade g join submitted_notebook sn on g.notebook_id = sn.id"
            " join submitted_assignment sa on sn.assignment_id = sa.id"
            " join base_cell c on g.cell_id = c.id where c.name not like 'check-%'"
        ).fetchall()
    waiting = {student for student, needs, _ in rows if needs}
    assert waiting == {"plots"}
    assert all(score == 0 for student, _, score in rows if student != "plots")


def as_if_text(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook with its answers in code cells that say they are text: two with
    the identity of text, whose own cells are gone, one with its own identity. A wrong one
    is a text cell with the identity of a later cell."""
    notebook = copy.deepcopy(notebook)
    question = fixture_class.free_response(notebook)
    text = {"classic_dropout": "about-classic_dropout", "inverted_dropout": question}
    cells = notebook["cells"]
    for answer, grade_id in text.items():
        cells.remove(cell_of(notebook, grade_id))
        cell_of(notebook, answer)["metadata"]["nbgrader"]["grade_id"] = grade_id
    settings = cell_of(notebook, "classic_settings")
    copied = {k: copy.deepcopy(settings[k]) for k in ("metadata", "source")}
    copied |= {"cell_type": "markdown", "id": "copied"}
    copied["source"] = "raise SystemExit"
    cells.insert(0, copied)
    settings["metadata"]["nbgrader"]["cell_type"] = "markdown"
    return notebook


def test_code_that_says_it_is_text_is_code_through_every_door(tmp_path: Path) -> None:
    """It was text to nbgrader's commands, and code to the others, or the other way round."""
    course = fixture_class.new_course(tmp_path / "course")
    released = course / "exercises" / CHAPTER / f"{CHAPTER}.ipynb"
    starter = json.loads(released.read_text(encoding="utf-8"))
    question = fixture_class.free_response(starter)
    perfect = fixture_class.solved(course, starter)
    essay = fixture_class.answering(perfect, question, "It is the same network.")
    becomes_code(cell_of(essay, question))
    work = {"perfect": perfect, "hidden": as_if_text(perfect), "essay": essay}
    nbgrader(course, "generate_assignment", CHAPTER)
    for student, notebook in work.items():
        path = course / "course" / "submitted" / student / CHAPTER / released.name
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")
        assert by_command_line(path) == 10
    nbgrader(course, "autograde", CHAPTER)
    assert exported(course) == dict.fromkeys(work, 10)
    grade = ["grade", "course/submitted", "--gradebook", CHAPTER, "--again"]
    done = run(course, "autograder", *grade)
    assert done.returncode == 0, done.stderr
    assert exported(course) == dict.fromkeys(work, 10)
    made = course / "course" / "autograded"
    texts = {
        student: (made / student / CHAPTER / released.name).read_text(encoding="utf-8")
        for student in work
    }
    assert texts["hidden"].count("def inverted_dropout") > 1, (
        "to be graded by hand, too"
    )
    assert texts["hidden"].count("def classic_dropout") == 1
    graded = cell_of(json.loads(texts["essay"]), question)
    assert (graded["cell_type"], graded["source"]) == (
        "markdown",
        ["It is the same network."],
    )


def becomes_code(cell: dict[str, Any]) -> None:
    cell |= {"cell_type": "code", "outputs": [], "execution_count": None}


STOCK = """
del c.Autograde.autograde_preprocessors
del c.Autograde.exporter_class
"""


@pytest.mark.slow
def test_stock_execution_in_a_kernel_gives_the_same_scores(tmp_path: Path) -> None:
    course = fixture_class.new_course(tmp_path / "course")
    files = fixture_class.hand_in(course, tmp_path / "handed in")
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text(encoding="utf-8") + STOCK, encoding="utf-8")
    for student in ("perfect", "starter", "warns", "forgets"):
        target = course / "course" / "submitted" / student / CHAPTER
        target.mkdir(parents=True)
        (target / f"{CHAPTER}.ipynb").write_bytes(files[student].read_bytes())
    nbgrader(course, "generate_assignment", CHAPTER)
    nbgrader(course, "autograde", CHAPTER)
    path = course / "course/autograded/perfect" / CHAPTER / f"{CHAPTER}.ipynb"
    outputs = [c.get("outputs") for c in json.loads(path.read_text())["cells"]]
    assert not any("replay" in json.dumps(o) for o in outputs), "the judge graded"
    line = {s: by_command_line(files[s]) for s in ("perfect", "starter", "warns")}
    scores = exported(course)
    assert (
        {s: scores[s] for s in line}
        == line
        == {
            "perfect": 10,
            "starter": 0,
            "warns": 10,
        }
    )
    assert 0 < scores["forgets"] < 10


def replay_codes(course: Path, *students: str) -> dict[str, str]:
    """Return the replay code on each student's feedback page."""
    found = {}
    for student in students:
        page = course / "course" / "feedback" / student / CHAPTER / f"{CHAPTER}.html"
        shown = set(re.findall(r"replay ([\w-]+)", page.read_text(encoding="utf-8")))
        assert len(shown) == 1, (student, shown)
        found[student] = shown.pop()
    return found


@pytest.mark.slow
def test_every_door_shows_the_same_replay_code(tmp_path: Path) -> None:
    """Without a secret in the environment, in a new course, for the bytes that were
    handed in: nbgrader's door sees other ones, and grades some files ahead."""
    course = fixture_class.new_course(tmp_path / "course")
    text = (course / "exercises" / CHAPTER / f"{CHAPTER}.ipynb").read_text("utf-8")
    students = {"ann": text, "ben": "\ufeff" + text, "cem": text + "\n ", "dan": text}
    for student, found in students.items():
        path = course / "course" / "submitted" / student / CHAPTER
        path.mkdir(parents=True)
        (path / f"{CHAPTER}.ipynb").write_text(found, encoding="utf-8")
    home = {name: str(tmp_path) for name in ("XDG_STATE_HOME", "LOCALAPPDATA", "HOME")}
    home["DROPOUT_COURSE_SECRET"] = ""

    def door(*arguments: str) -> str:
        done = run(course, *arguments, **home)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    submitted = f"course/submitted/ben/{CHAPTER}/{CHAPTER}.ipynb"
    before = json.loads(door("autograder", "check", submitted, "--json", "-"))
    door("nbgrader", "generate_assignment", CHAPTER)
    door("nbgrader", "autograde", CHAPTER)
    door("nbgrader", "generate_feedback", CHAPTER)
    assert (course / "course" / "secret").is_file()
    shown = replay_codes(course, *students)
    door("autograder", "grade", "course/submitted", "--json", "reports")
    with (course / "reports" / "summary.csv").open(encoding="utf-8") as file:
        assert {r["student"]: r["replay"] for r in csv.DictReader(file)} == shown
    assert before["replay"] == shown["ben"]
    assert shown["ann"] == shown["dan"] and len(set(shown.values())) == 3

    (course / "course" / "secret").write_text("")
    done = run(course, "nbgrader", "autograde", CHAPTER, "--force", **home)
    assert done.returncode != 0
    assert "NOBODY IS GRADED" in done.stderr and "is damaged" in done.stderr
    kept = course / "course" / "autograded" / "ann" / CHAPTER / f"{CHAPTER}.ipynb"
    assert kept.is_file(), "nothing was touched"
