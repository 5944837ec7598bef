"""Attacks on the verdict through nbgrader: a class of them in one ``nbgrader autograde``.

The attacks of tests/test_attacks.py as notebooks, with some that only notebooks allow;
correct answers that behave oddly; and, graded last, a perfect notebook that shows that
nothing before it did harm. The expected scores are those in nbgrader's gradebook.
"""

import copy
import json
import os
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests import fixture_class
from tests.bank import ROOT
from tests.fixture_class import CHAPTER, Notebook, answering, cell_of, run
from tests.test_attacks import (
    ATTACKS,
    PARENT,
    RETURNS,
    WORTHLESS,
    leaves_behind,
    processes_with,
)

pytest.importorskip("nbgrader")

EXERCISE = "inverted_dropout"
#: Limits that keep endless loops short, and let matplotlib load on a busy machine.
QUICK = (
    "--JudgedExecute.cell_seconds=8",
    "--JudgedExecute.call_seconds=4",
    "--JudgedExecute.total_seconds=30",
)
LAST = "zoe"
VICTIM = "another-student"

CORRECT = """
import numpy as np

def inverted_dropout(x, keep_prob, rng, training=True):
    {behaviour}
    if not training:
        return x, None
    m = rng.random(x.shape) < keep_prob
    return x * m / keep_prob, m
"""
#: What a correct answer may do besides: before its definition, and in each call.
HARMLESS = {
    "warns": (
        "import warnings\nwarnings.warn('this cell is old')",
        "warnings.warn('old'); np.log(np.zeros(1))",
    ),
    "prints bytes": (
        "import sys\nprint(b'\\xff')\nsys.stdout.buffer.write(b'\\xff\\x00')",
        "print(b'\\xff', '\\ud800'.encode('utf-8', 'replace'))",
    ),
    "changes directory": (
        "import os\nos.chdir('/')",
        "import os; os.chdir('/tmp' if os.path.isdir('/tmp') else '/')",
    ),
    "shadows names": (
        "list = str = len = print = input = open = check = keep_prob = rng = x = 3",
        "sum = max = abs = type = 3",
    ),
    "plots": (
        "import matplotlib.pyplot as plt\nplt.plot([0, 1])\nplt.show()",
        "plt.plot([keep_prob])",
    ),
    "seeds the global generator": (
        "import random\nimport numpy as np\nnp.random.seed(0)\nrandom.seed(0)",
        "np.random.seed(0)",
    ),
}


# ---- Attacks that need a course around them -----------------------------------------

THIEF = """
import json
from pathlib import Path
text = ""
for path in {paths!r}:
    try:
        found = Path(path).read_text()
    except OSError as error:
        print(type(error).__name__)
        continue
    if path.endswith(".ipynb"):
        cells = json.loads(found)["cells"]
        found = "```".join("\\n" + "".join(cell["source"]) for cell in cells)
    text += "```" + found
names = {{}}
for block in text.split("```"):
    try:
        exec(block.partition("\\n")[2], names)
    except Exception:
        pass
inverted_dropout = names.get("inverted_dropout", lambda *a, **k: None)
"""
FORGER = """
import sqlite3
try:
    with sqlite3.connect({gradebook!r}) as book:
        book.execute("update grade set auto_score = 4, manual_score = 4")
        book.execute("update base_cell set max_score = 100")
except sqlite3.Error as error:
    print(error)
"""
VANDAL = """
import os, shutil
for path in {paths!r}:
    try:
        open(path, "w").write("x")
    except OSError:
        pass
    try:
        os.remove(path)
    except OSError:
        pass
shutil.rmtree({course!r}, ignore_errors=True)
for path in {new!r}:
    try:
        open(path, "w").write("x")
    except OSError:
        pass
"""
CALLER = """
import socket
try:
    socket.create_connection(("127.0.0.1", {port}), 1)
except OSError as error:
    print("refused")
"""


def written(course: Path) -> list[Path]:
    """Return the files that the vandal means to write."""
    return [course / "pwned", ROOT / "pwned", Path.home() / "pwned"]


def course_attacks(course: Path, port: int, marker: str) -> dict[str, str]:
    """Return the attacks that know the course, a listening port and a process's name."""
    submitted = course / "course" / "submitted"
    other = submitted / VICTIM / CHAPTER / f"{CHAPTER}.ipynb"
    gradebook = course / "course" / "gradebook.db"
    source = course / "course" / "source" / CHAPTER / f"{CHAPTER}.ipynb"
    readable = [
        course / "solutions" / f"{CHAPTER}.md",
        ROOT / "solutions" / f"{CHAPTER}.md",
        ROOT / "tests" / "correct" / CHAPTER / "inverted_dropout.py",
        source,
        other,
    ]
    for path in readable:
        assert path.exists(), path
    paths = [str(path) for path in readable]
    targets = [str(other), str(gradebook), str(source)]
    new = [str(path) for path in written(course)]
    return {
        "reads solutions and other students": THIEF.format(paths=paths),
        "writes the gradebook": FORGER.format(gradebook=str(gradebook)),
        "destroys the course": VANDAL.format(
            paths=targets, course=str(course), new=new
        ),
        "opens a socket": CALLER.format(port=port),
        "leaves a process behind": PARENT.format(marker=marker),
    }


# ---- Their notebooks ----------------------------------------------------------------


def attacked(starter: Notebook, attack: str, answer: str = WORTHLESS) -> Notebook:
    """Return the starter with the attack in a cell above the answer to the exercise."""
    notebook = answering(starter, EXERCISE, answer)
    cell = cell_of(notebook, EXERCISE)
    at = notebook["cells"].index(cell)
    above = copy.deepcopy(cell) | {"id": "attack", "metadata": {}, "source": attack}
    notebook["cells"].insert(at, above)
    return notebook


def forged(starter: Notebook) -> Notebook:
    """Return the starter with outputs and metadata that promise full marks."""
    notebook = answering(starter, EXERCISE, WORTHLESS)
    for cell in notebook["cells"]:
        nbgrader = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] == "code" and nbgrader.get("grade"):
            nbgrader |= {"points": 100, "solution": True, "locked": False}
            value = {"data": {"text/plain": "4.0"}, "metadata": {}}
            kind = {"output_type": "execute_result", "execution_count": 1}
            cell |= {"source": "4.0", "outputs": [value | kind]}
    return notebook


def slug(name: str) -> str:
    return re.sub(r"\W+", "-", name).strip("-")


def take_the_class(
    folder: Path, wanted: set[str] | None = None, sandbox: str = "auto"
) -> tuple[dict[str, float], dict[str, float]]:
    """Grade the wanted attacks (None: all), the harmless and the perfect notebook in one
    ``nbgrader autograde``; return the scores that the gradebook holds, and those that it
    should, by what the notebook does."""
    course = fixture_class.new_course(folder / "course")
    released = course / "exercises" / CHAPTER / f"{CHAPTER}.ipynb"
    starter = json.loads(released.read_text(encoding="utf-8"))
    perfect = fixture_class.solved(course, starter)
    marker = f"left-behind-{os.getpid()}"
    script = folder / "parent.py"
    script.write_text(PARENT.format(marker=marker))
    assert leaves_behind(script, marker), "unconfined it leaves one"
    hand_in(course, VICTIM, perfect)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        attacks = ATTACKS | course_attacks(course, server.getsockname()[1], marker)
        wrong = {name: attacked(starter, text) for name, text in attacks.items()}
        wrong |= {name: answering(starter, EXERCISE, a) for name, a in RETURNS.items()}
        wrong["forged outputs"] = forged(starter)
        right = {
            name: answering(
                perfect, EXERCISE, before + CORRECT.format(behaviour=inside)
            )
            for name, (before, inside) in HARMLESS.items()
        }
        if wanted is not None:
            assert wanted <= {*wrong, *right}
        chosen = {
            name: notebook
            for name, notebook in (wrong | right).items()
            if wanted is None or name in wanted
        } | {LAST: perfect}
        for name, notebook in chosen.items():
            hand_in(course, slug(name), notebook)
        autograde(course, f"--JudgedExecute.sandbox={sandbox}")
        with pytest.raises(TimeoutError):
            server.accept()
    assert not any(path.exists() for path in written(course))
    time.sleep(0.2)
    assert processes_with(marker) == {}
    assert not Path("/tmp/pwned-by-pickle").exists()
    scores = gradebook_scores(course)
    assert scores.pop(VICTIM) == 10
    expected = {slug(name): 0 if name in wrong else 10 for name in chosen}
    return scores, expected


def hand_in(course: Path, student: str, notebook: Notebook) -> Path:
    path = course / "course" / "submitted" / student / CHAPTER / f"{CHAPTER}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def autograde(course: Path, *options: str) -> None:
    done = run(course, "nbgrader", "generate_assignment", CHAPTER)
    assert done.returncode == 0, done.stderr[-3000:]
    done = run(course, "nbgrader", "autograde", CHAPTER, *QUICK, *options)
    assert done.returncode == 0, done.stderr[-3000:]


def gradebook_scores(course: Path) -> dict[str, Any]:
    """Return the scores in the course's gradebook, by student."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'course' / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: submission.score
            for submission in gradebook.assignment_submissions(CHAPTER)
        }


#: Attacks of every kind that cost little time.
SOME = {
    "patches numpy",
    "replaces every function of the grader",
    "writes forged results to every descriptor",
    "kills its parent",
    "an array subclass that lies",
    "a forged frame and then silence",
    "reads solutions and other students",
    "writes the gradebook",
    "destroys the course",
    "opens a socket",
    "leaves a process behind",
    "forged outputs",
    "prints bytes",
    "shadows names",
}


def test_some_attacks_earn_nothing_through_nbgrader(tmp_path: Path) -> None:
    scores, expected = take_the_class(tmp_path, SOME)
    assert len(expected) == len(SOME) + 1
    assert scores == expected


@pytest.mark.slow
@pytest.mark.parametrize("sandbox", ["auto", "off"])
def test_all_attacks_earn_nothing_through_nbgrader(
    sandbox: str, tmp_path: Path
) -> None:
    scores, expected = take_the_class(tmp_path, sandbox=sandbox)
    assert len(expected) > len(ATTACKS) + len(RETURNS) + len(HARMLESS)
    assert scores == expected


# ---- Files that are no files, and notebooks that are no notebooks -------------------


def headed(notebook: Notebook, *cells: Any, **extra: Any) -> Notebook:
    """Return the notebook with more cells at its head, and with other fields."""
    return {**notebook, "cells": [*cells, *notebook["cells"]], **extra}


def code(source: str) -> dict[str, Any]:
    rest = {"metadata": {}, "outputs": [], "execution_count": None}
    return {"cell_type": "code", "id": "more", "source": source} | rest


def text(source: str, **extra: Any) -> dict[str, Any]:
    return {
        "cell_type": "markdown",
        "id": "m",
        "metadata": {},
        "source": source,
    } | extra


LEADS_AWAY = """
<meta http-equiv="refresh" content="0;url=http://host.invalid/">

<FORM action="http://host.invalid/"><input name="password"></FORM>
<base href="http://host.invalid/">
<iframe src="http://host.invalid/"></iframe>
"""
HALF = "\ud800"
RAISES_HALF = """
def inverted_dropout(x, keep_prob, rng, training=True):
    raise ValueError(chr(0xD800))
"""


def malformed(perfect: Notebook) -> dict[str, tuple[Any, float]]:
    """Return notebooks that Jupyter would not write, with the scores they deserve."""
    halves = [text(HALF), code(f"x = '{HALF}'"), code("print(chr(0xD800))")]
    raises = code("raise type('E' + chr(0xD800), (Exception,), {})(chr(0xD800))")
    types: list[Any] = [{"cell_type": kind, "source": ""} for kind in ([], {}, None, 5)]
    attached = [
        text("![](attachment:a.png)", attachments=found)
        for found in ({"a.png": 5}, {"a.png": {"image/png": {"a": [None]}}}, [1])
    ]
    return {
        "half-characters": (headed(perfect, *halves, raises), 10),
        "half-a-character-raised": (answering(perfect, EXERCISE, RAISES_HALF), 5.5),
        "cell-types": (headed(perfect, *types, *attached), 10),
        "metadata-list": (headed(perfect, metadata=[1]), 10),
        "deep": (headed(perfect, text("> " * 9000), text("<div>" * 9000)), 10),
        "leads-away": (headed(perfect, text(LEADS_AWAY)), 10),
        "long-format": (headed(perfect, nbformat="4\x1b[2J" + "A" * 3_000_000), 0),
    }


def hand_in_no_files(course: Path, perfect: Notebook) -> dict[str, str]:
    """Hand in what is no file of the student's; return what each must read."""
    work = course / "course"
    source = work / "source" / CHAPTER / f"{CHAPTER}.ipynb"
    paths = {
        name: hand_in(course, name, perfect)
        for name in (
            "a-pipe",
            "a-folder",
            "a-link",
            "a-dangling-link",
            "another-folder",
        )
    }
    for path in paths.values():
        path.unlink()
    os.mkfifo(paths["a-pipe"])
    paths["a-folder"].mkdir()
    paths["a-link"].symlink_to(source)
    paths["a-dangling-link"].symlink_to("nowhere")
    folder = paths["another-folder"].parent
    folder.rmdir()
    folder.symlink_to(work / "submitted" / LAST / CHAPTER)
    return {
        "a-pipe": "is not a file",
        "a-folder": "is a folder",
        "a-link": "by a link out of the student",
        "a-dangling-link": "does not exist",
        "another-folder": "by a link out of the student",
    }


def test_what_is_no_notebook_of_the_students_own_is_recorded(tmp_path: Path) -> None:
    course = fixture_class.new_course(tmp_path / "course")
    released = course / "exercises" / CHAPTER / f"{CHAPTER}.ipynb"
    starter = json.loads(released.read_text(encoding="utf-8"))
    perfect = fixture_class.solved(course, starter)
    beside = hand_in(course, LAST, perfect).parent
    (beside / "data.csv").write_text("1")
    (beside / "stolen.md").symlink_to(course / "solutions" / f"{CHAPTER}.md")
    (beside / "solutions").symlink_to(course / "solutions")
    os.mkfifo(beside / "pipe.txt")
    unwell = hand_in(course, "a-pipe-for-a-date", perfect)
    os.mkfifo(unwell.with_name("timestamp.txt"))
    notebooks = malformed(perfect)
    for name, (notebook, _) in notebooks.items():
        hand_in(course, name, notebook)
    told = hand_in_no_files(course, perfect)
    autograde(course)
    done = run(course, "nbgrader", "generate_feedback", CHAPTER)
    assert done.returncode == 0, done.stderr[-3000:]

    deserved = {name: score for name, (_, score) in notebooks.items()}
    deserved |= dict.fromkeys(told, 0) | {LAST: 10, "a-pipe-for-a-date": 10}
    assert gradebook_scores(course) == deserved
    pages = {
        path.parts[-3]: path.read_text(encoding="utf-8")
        for path in (course / "course" / "feedback").glob(f"*/{CHAPTER}/*.html")
    }
    assert set(pages) == set(deserved)
    for name, words in told.items():
        assert words in pages[name]
    assert all(len(page) < 10**6 for page in pages.values())
    _, _, body = pages["leads-away"].partition("</head>")
    assert not re.search(r"(?i)<(meta|form|base|iframe)", body)
    autograded = course / "course" / "autograded"
    copied = {path.name for path in autograded.rglob("*") if path.is_file()}
    assert copied == {f"{CHAPTER}.ipynb"}
