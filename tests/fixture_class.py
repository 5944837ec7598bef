"""A course in a temporary folder, and a class that hands in all sorts of files."""

import contextlib
import copy
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from autograder.__main__ import main
from autograder.course.build import build
from autograder.course.source import source_notebook
from tests.bank import ROOT

CHAPTER = "conventions"

Notebook = dict[str, Any]


def new_course(folder: Path, chapter: str = CHAPTER) -> Path:
    """Return a course root with settings, solutions, and the chapter's notebooks."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "solutions", folder / "solutions")
    build(folder, [chapter])
    return folder


def run(
    course: Path, *arguments: str, patience: float = 300, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run ``python -m …`` in the course, without anybody's Jupyter settings.

    ``variables`` are added to the environment; ``patience`` is in seconds."""
    nowhere = str(course / "nowhere")
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=course,
        env=os.environ
        | {
            "JUPYTER_CONFIG_DIR": nowhere,
            "JUPYTER_NO_CONFIG": "1",
            "IPYTHONDIR": nowhere,
            "PYTHONUTF8": "1",
        }
        | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=patience,
    )


# ---- What the students write --------------------------------------------------------

FORGETS = """
def inverted_dropout(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    mask = rng.random(x.shape) < keep_prob
    return x * mask, mask
"""
SWAPS = """
def classic_dropout(x, keep_prob, rng, training=True):
    if not training:
        return (1 - keep_prob) * x, None
    mask = rng.random(x.shape) > keep_prob
    return x * mask, mask
"""
IN_PLACE = """
def classic_settings(weights, learning_rate, weight_decay, keep_prob):
    weights /= keep_prob
    return weights, learning_rate / keep_prob, weight_decay
"""
WARNS = """
import sys
import warnings

import numpy as np

print("a word")
print("a word of warning", file=sys.stderr)
warnings.warn("this cell is old")

def inverted_dropout(x, keep_prob, rng, training=True):
    warnings.warn("this function is old")
    np.log(np.zeros(1))
    print("called", file=sys.stderr)
    if not training:
        return x, None
    mask = (rng.random(x.shape) < keep_prob) / keep_prob
    return x * mask, mask
"""
SYNTAX = """
def classic_dropout(x, keep_prob, rng, training=True):
    return x *
"""
EXITS = """
import os

def inverted_dropout(x, keep_prob, rng, training=True):
    os._exit(0)
"""
PLOTS = """
import matplotlib.pyplot as plt

plt.plot([0.2, 0.8], [5, 1.25])
print("<script>alert('printed')</script>")

def classic_settings(weights, learning_rate, weight_decay, keep_prob):
    return 1 / 0

len("value")
"""
MARKUP = "Because <script>alert(1)</script> <img src=http://host.invalid/x.png>"


def answering(notebook: Notebook, grade_id: str, source: str) -> Notebook:
    """Return the notebook with another text in the cell of that identity."""
    notebook = copy.deepcopy(notebook)
    cell_of(notebook, grade_id)["source"] = source.strip()
    return notebook


def cell_of(notebook: Notebook, grade_id: str) -> dict[str, Any]:
    return next(
        cell
        for cell in notebook["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id
    )


def rearranged(notebook: Notebook) -> Notebook:
    """Return the notebook after much pasting: one answer twice, an answer made text, one
    check cell gone, one with code in it, one with another identity."""
    notebook = copy.deepcopy(notebook)
    twice = copy.deepcopy(cell_of(notebook, "inverted_dropout")) | {"id": "a-copy"}
    notebook["cells"].insert(3, twice)
    settings = cell_of(notebook, "classic_settings")
    settings["cell_type"] = "markdown"
    del settings["outputs"], settings["execution_count"]
    gone = cell_of(notebook, "check-classic_dropout")
    notebook["cells"].remove(gone)
    cell_of(notebook, "check-inverted_dropout")["source"] = "4.0  # full marks, please"
    renamed = cell_of(notebook, "check-classic_settings")
    renamed["metadata"]["nbgrader"]["grade_id"] = "mine"
    return notebook


def script(notebook: Notebook) -> str:
    """Return the notebook's own code as a .py file with ``# %%`` parts."""
    parts = [
        "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and "check(" not in "".join(cell["source"])
    ]
    imports = "# %%\nimport numpy as np\n\n"
    return imports + "\n\n".join(f"# %%\n{part}" for part in parts) + "\n"


def plain(notebook: Notebook) -> Notebook:
    """Return the notebook as an editor leaves it that knows no nbgrader."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    return notebook | {"metadata": {}, "nbformat_minor": 4}


def hand_in(course: Path, folder: Path) -> dict[str, Path]:
    """Write the class's files to a folder; return them by student."""
    released = course / "exercises" / CHAPTER / f"{CHAPTER}.ipynb"
    starter = json.loads(released.read_text(encoding="utf-8"))
    perfect = solved(course, starter)
    question = free_response(starter)
    three = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}
    files: dict[str, Any] = {
        "perfect.ipynb": perfect,
        "starter.ipynb": starter,
        "forgets.ipynb": answering(perfect, "inverted_dropout", FORGETS),
        "swaps.ipynb": answering(perfect, "classic_dropout", SWAPS),
        "in-place.ipynb": answering(perfect, "classic_settings", IN_PLACE),
        "warns.ipynb": answering(perfect, "inverted_dropout", WARNS),
        "syntax.ipynb": answering(perfect, "classic_dropout", SYNTAX),
        "exits.ipynb": answering(perfect, "inverted_dropout", EXITS),
        "plots.ipynb": answering(
            answering(perfect, "classic_settings", PLOTS), question, MARKUP
        ),
        "rearranged.ipynb": rearranged(perfect),
        "plain.ipynb": plain(answering(perfect, "classic_dropout", SWAPS)),
        "script.py": script(answering(perfect, "inverted_dropout", FORGETS)),
        "torn.py": script(answering(perfect, "inverted_dropout", FORGETS + SYNTAX)),
        "truncated.ipynb": json.dumps(perfect)[:-700],
        "empty.ipynb": "",
        "three.ipynb": three,
    }
    folder.mkdir(parents=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text, encoding="utf-8")
    return {Path(name).stem: folder / name for name in files}


def solved(course: Path, starter: Notebook) -> Notebook:
    """Return the students' notebook with the solutions in its answer cells."""
    notebook = copy.deepcopy(starter)
    answers = {
        cell.id: cell.source
        for cell in source_notebook(course / "solutions" / f"{CHAPTER}.md").cells
        if cell.cell_type == "code" and "BEGIN SOLUTION" in cell.source
    }
    for cell in notebook["cells"]:
        cell["source"] = answers.get(cell["id"], cell["source"])
    return notebook


def other(notebook: Notebook, number: int) -> bytes:
    """Return the notebook with a remark, so that every student's file is another one."""
    metadata = notebook["metadata"] | {"student": number}
    return json.dumps(notebook | {"metadata": metadata}).encode()


def free_response(notebook: Notebook) -> str:
    return next(
        cell["metadata"]["nbgrader"]["grade_id"]
        for cell in notebook["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade")
        and cell["cell_type"] == "markdown"
    )


#: The students whose file is no notebook, and what they must read.
UNREADABLE = {
    "truncated": "is not a complete notebook",
    "empty": "is empty",
    "three": "is a notebook of format 3",
}


# ---- The doors ----------------------------------------------------------------------


def by_command_line(path: Path) -> float:
    """Return the score that ``python -m autograder check FILE --json -`` states."""
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        code = main(["check", str(path), "--json", "-"])
    report = json.loads(stdout.getvalue())
    assert code == (0 if report["error"] is None else 1)
    return float(report["score"])


def by_pytest(path: Path) -> float:
    """Return the score that ``pytest --submission FILE`` states."""
    # Other plugins only take time; one student's run has them.
    alone = {} if path.stem == "perfect" else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugin = ("-p", "autograder.doors.pytest_plugin") if alone else ()
    command = ("pytest", *plugin, "--submission", path.name, "-q")
    done = run(path.parent, *command, "-p", "no:cacheprovider", **alone)
    score = re.search(r"^\S+: (\S+) of \S+ \(grader", done.stdout, re.MULTILINE)
    assert score, done.stdout + done.stderr
    return float(score[1])
