"""Whatever a student hands in: one clear sentence, a recorded zero, nothing else lost."""

import functools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from autograder import check
from autograder.grading.grade import grade
from autograder.grading.report import ExerciseResult, Report
from autograder.grading.run import grade_functions
from autograder.isolation.folders import remove_folder
from autograder.isolation.limits import Limits
from autograder.isolation.outcome import CellOutcome
from autograder.isolation.worker_handle import RemoteWorker
from autograder.submission.cells import Cell, Submission, SubmissionError
from autograder.submission.notebook import read_notebook

QUICK = Limits(cell_seconds=4, call_seconds=4, total_seconds=60)

#: A second exercise in each file, correct: it must never lose a point.
BYSTANDER = """
def classic_settings(weights, learning_rate, weight_decay, keep_prob):
    return (
        weights / keep_prob,
        learning_rate / keep_prob**2,
        weight_decay * keep_prob**2,
    )
"""
HEAD = "import numpy as np\n"
DEF = "def inverted_dropout(x, keep_prob, rng, training=True):\n"


def graded(tmp_path: Path, code: str) -> tuple[ExerciseResult, Report]:
    path = tmp_path / "answer.py"
    path.write_text(HEAD + BYSTANDER + "\n# %%\n" + code, encoding="utf-8")
    report = grade(path, limits=QUICK)
    results = {exercise.name: exercise for exercise in report.exercises}
    bystander = results["classic_settings"]
    assert bystander.score == bystander.max_score, bystander
    assert report.error is None
    return results["inverted_dropout"], report


BODY = """    m = rng.random(x.shape) < keep_prob
    out = x * m / keep_prob if training else x
"""

#: What the answer does → (code, a part of the sentence that the student reads).
ANSWERS = {
    "a syntax error": (DEF + "    return x *\n", "SyntaxError"),
    "an unclosed bracket": (DEF + "    return (x\n", "SyntaxError"),
    "a wrong indent": (DEF + "return x\n", "IndentationError"),
    "no function": ("answer = 42\n", "defines no function named inverted_dropout"),
    "a misspelt name": (
        "def inverted_droput(x, keep_prob, rng, training=True):\n    return x, None\n",
        "There is one named inverted_droput: rename it",
    ),
    "a misspelt name with capitals": (
        "def Inverted_Dropout(x, keep_prob, rng, training=True):\n    return x, None\n",
        "There is one named Inverted_Dropout: rename it",
    ),
    "another signature": (
        "def inverted_dropout(x, p):\n    return x, None\n",
        "TypeError",
    ),
    "no training parameter": (
        "def inverted_dropout(x, keep_prob, rng):\n    return x, None\n",
        "unexpected keyword argument 'training'",
    ),
    "None": (DEF + BODY, "returned None: is a return statement missing?"),
    "only out": (DEF + BODY + "    return out\n", "expected the tuple (out, cache)"),
    "a list": (DEF + BODY + "    return out.tolist(), m\n", "out is a list"),
    "a list of two": (DEF + BODY + "    return [out, m]\n", "a list of 2"),
    "a wrong shape": (DEF + BODY + "    return out.ravel(), m\n", "out has shape"),
    "an array of size one": (
        DEF + BODY + "    return out.mean(keepdims=True), m\n",
        "out has shape",
    ),
    "integers": (DEF + BODY + "    return out.astype(int), m\n", "out has dtype int64"),
    "NaN": (DEF + BODY + "    return out * np.nan, m\n", "out holds nan in"),
    "infinity": (DEF + BODY + "    return out / 0.0, m\n", "expected finite numbers"),
    "strings": (DEF + BODY + "    return out.astype(str), m\n", "dtype <U"),
    "objects": (DEF + BODY + "    return out.astype(object), m\n", "dtype object"),
    "a changed input": (
        DEF + BODY + "    x *= m / keep_prob if training else 1\n    return x, m\n",
        "changed x in place",
    ),
    "an exception": (DEF + "    return x / undefined, None\n", "NameError"),
    "an assertion": (DEF + "    assert False, 'todo'\n", "AssertionError: todo"),
    "an endless loop": (
        DEF + "    while True: pass\n",
        "did not finish within 4 seconds",
    ),
    "endless recursion": (
        DEF + "    return inverted_dropout(x, keep_prob, rng)\n",
        "RecursionError",
    ),
    "exit() in the call": (DEF + "    exit()\n", "SystemExit"),
    "sys.exit in the call": ("import sys\n" + DEF + "    sys.exit(0)\n", "SystemExit"),
    "os._exit in the call": (
        "import os\n" + DEF + "    os._exit(0)\n",
        "ended the Python process",
    ),
    "a class": ("class inverted_dropout:\n    pass\n", "takes no arguments"),
    "an array of that name": ("inverted_dropout = np.ones(3)\n", "defines no function"),
    "too much memory": (
        DEF + "    return np.ones(10**12), None\n",
        "MemoryError",
    ),
    "a result of 10^12 elements": (
        DEF + "    return np.broadcast_to(1.0, (10**6, 10**6)), None\n",
        "larger than an answer may be",
    ),
    "tuples in tuples": (
        DEF + "    t = ()\n    for _ in range(10**5): t = (t,)\n    return t, None\n",
        "nested deeper",
    ),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_of_this_kind_gets_its_sentence_and_no_point(
    what: str, tmp_path: Path
) -> None:
    code, sentence = ANSWERS[what]
    result, _ = graded(tmp_path, code)
    first = result.checks[0]
    assert sentence in result.message, result.message
    if what == "a changed input":
        assert result.score < result.max_score
    else:
        assert (result.score, first.status) in {(0, "failed"), (0, "skipped")}
    assert result.message.count("\n") == 0


BACKWARD = "def inverted_dropout_backward(dout, cache):\n    return dout * cache\n"


def missing(tmp_path: Path, code: str, exercise: str) -> str:
    path = tmp_path / "answer.py"
    path.write_text(code, encoding="utf-8")
    (result,) = grade(path, exercises=[exercise], limits=QUICK).exercises
    assert result.score == 0
    return result.message


def test_a_function_that_another_needs_is_missing_itself(tmp_path: Path) -> None:
    """No function is to be renamed that has the name of an exercise, or is rather like it."""
    name = "inverted_dropout_backward"
    told = "The file defines no function named inverted_dropout, which {} needs."
    assert missing(tmp_path, BACKWARD, name) == told.format(name)
    other = BACKWARD.replace("backward", "bakward")
    assert "rename" not in missing(tmp_path, other, "inverted_dropout")
    assert "one named inverted_droput: rename it" in missing(
        tmp_path, BACKWARD + "def inverted_droput(x): pass\n", name
    )
    # A cell that fails is that of the function it defines, and of no longer name.
    broken = "def inverted_dropout_backward(dout, cache)\n    return dout\n"
    assert "which defines" not in missing(tmp_path, broken, "inverted_dropout")


#: Cells that do harm before or beside a correct answer.
CORRECT = DEF + BODY + "    return out, m\n"
CELLS = {
    "raises": ("1 / 0\n", "ZeroDivisionError"),
    "exits": ("exit()\n", "SystemExit"),
    "ends the process": ("import os\nos._exit(1)\n", "ended the Python process"),
    "loops": ("while True: pass\n", "did not finish within 4 seconds"),
    "raises KeyboardInterrupt": ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
    "imports what is missing": (
        "import no_such_module\n",
        "ModuleNotFoundError: No module named 'no_such_module'; answers need NumPy and "
        "Python's own library alone (line ",
    ),
    "is no Python": ("x = (1\n", "SyntaxError: '(' was never closed (line "),
}


@pytest.mark.parametrize("what", CELLS)
def test_a_cell_that_does_this_costs_nothing_but_itself(
    what: str, tmp_path: Path
) -> None:
    code, sentence = CELLS[what]
    result, report = graded(tmp_path, code + "\n# %%\n" + CORRECT)
    assert result.score == result.max_score, result
    assert any(sentence in note for note in report.notes), report.notes


HARMLESS = {
    "prints a gigabyte": "    for _ in range(2000): print('x' * 500_000)\n",
    "prints bytes": "    import sys; sys.stdout.buffer.write(b'\\xff\\x00')\n",
    "writes to descriptor 1": "    import os; os.write(1, b'score: 100\\n')\n",
    "warns": "    import warnings; warnings.warn('careful')\n",
    "divides by zero": "    np.ones(2) / 0\n",
    "changes directory": "    import os; os.chdir('/')\n",
    "seeds the global generator": "    np.random.seed(0)\n",
    "shadows names": "    global check, np_, print_\n    check = np_ = print_ = None\n",
    "closes its output": "    import sys; sys.stdout.close()\n",
    "reads its input": "    import sys; sys.stdin.read()\n",
    "filters warnings": "    import warnings; warnings.simplefilter('error')\n",
    "sets NumPy's errors": "    np.seterr(all='raise')\n",
}


@pytest.mark.parametrize("what", HARMLESS)
def test_a_correct_answer_that_does_this_loses_nothing(
    what: str, tmp_path: Path
) -> None:
    result, _ = graded(tmp_path, DEF + HARMLESS[what] + BODY + "    return out, m\n")
    lost = [check for check in result.checks if check.status != "passed"]
    assert not lost


FIGURES = """import matplotlib.pyplot as plt
for _ in range(8):
    plt.figure(figsize=(9, 6))
    plt.axes([0, 0, 1, 1])
    plt.imshow(np.random.rand(432, 648, 3), interpolation="nearest", aspect="auto")
"""

#: What Jupyter knows and plain Python does not, in one cell with a correct answer.
CELLS_OF_JUPYTER = {
    "%%time": "%%time\n{}",
    "%%timeit with options": "%%timeit -n 1 -r 1\n{}",
    "%%capture": "%%capture output\n{}",
    "%%time as a script": "get_ipython().run_cell_magic('time', '', {!r})\n",
    "a question": "{}\ninverted_dropout?\n",
    "an answer of the shell": "files = !ls\n{}",
    "%time": "{}\n%time y = np.ones(3)\n%timeit -n 10 y + 1\nassert y.sum() == 3\n",
    "a percent sign that begins a line": "number = (7\n% 4)\nassert number == 3\n{}",
    "the shell's events": "get_ipython().events.register('post_execute', print)\n{}",
    "where it runs": "'IPKernelApp' in get_ipython().config or [*get_ipython().user_ns]\n{}",
    "a command's output": "files = !ls\nfirst, n = files[:1], len(files)\n{}",
    "a command's lines": "for line in get_ipython().getoutput('ls'):\n    print(line)\n{}",
    "display": "display('seen', 1)\n{}",
    "await": "import asyncio\nawait asyncio.sleep(0)\n{}",
    "input": "name = input('Your name? ')\n{}",
    "the results above": "assert _ == Out[1] == 2 and In[1] == '1 + 1'\n{}",
    "annotations that name nothing": "from __future__ import annotations\n"
    "def note(x: Undefined) -> Nothing: pass\n{}",
    "eight figures of noise": "{}\n" + FIGURES,
    "a line that goes on": "{}\n!ls \\\n  here\nassert _ == 2\n",
    "calls without brackets": "/print 1 2\n,print a b\n;print a b\n{}",
    "a command that is no text of Python": "!echo it's (\n{}\n%env A='",
    "text like magics": "text = '''\n%pwd\n!ls\nwhy?\n'''\n%pwd\n"
    "assert text.split() == ['%pwd', '!ls', 'why?']\n{}",
    "a value of a magic": "here = %pwd\nn = %time 1 + 1\n"
    "assert (here, n) == (None, 2)\n{}",
    "an empty line above %%time": "\n%%time -q\n{}",
    "%%time above a block": "%%time\n  %pwd\n  a = 'b' # why?\n%pwd\nassert a\n{}",
    "no IPython, wherever it runs": "%pwd\nimport sys\n"
    "assert 'IPython' not in sys.modules\n{}",
}


def begun(source: str, *begins: str) -> str:
    """Return the lines, the first and all others begun so."""
    first, *others = source.strip().split("\n")
    return "\n".join([begins[0] + first, *(begins[-1] + line for line in others)])


#: What Jupyter takes off before it runs a cell.
PASTED = {
    "indented": ("    ",),
    "out of Python's session": (">>> ", "... "),
    "out of IPython's session": ("In [12]: ", "   ....: "),
    "out of a session, indented": ("  >>> ", "  ... "),
}


@pytest.mark.parametrize("what", PASTED)
def test_a_pasted_cell_keeps_its_answer(what: str, tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(notebook("import numpy as np", begun(CORRECT, *PASTED[what])))
    report = grade(path, exercises=["inverted_dropout"])
    assert report.notes == ()
    assert report.score == report.max_score


@pytest.mark.parametrize("magic", ["%%html", "%%writefile a.py", "%%bash", "%%python3"])
def test_a_cell_that_is_not_run_as_python_has_no_answer(
    magic: str, tmp_path: Path
) -> None:
    """It had, where IPython is not installed, and none where it is."""
    path = tmp_path / "n.ipynb"
    path.write_text(notebook(f"{magic}\n{HEAD + CORRECT}"))
    [result] = grade(path, exercises=["inverted_dropout"]).exercises
    assert result.score == 0
    assert f"begins with {magic.split()[0]}, and is not run" in result.message


@pytest.mark.parametrize("what", CELLS_OF_JUPYTER)
def test_a_cell_of_jupyter_keeps_its_answer(what: str, tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    cell = CELLS_OF_JUPYTER[what].format(HEAD + CORRECT)
    path.write_text(notebook("1 + 1", cell))
    report = grade(path, exercises=["inverted_dropout"])
    assert report.notes == ()
    assert report.score == report.max_score


ODD_ERRORS = """
class Odd(Exception):
    def __str__(self):
        return "keep_prob is " + 0.5

class Odder(SyntaxError):
    lineno, msg, text = 1, "odd", 7

class Oddest(BaseException):
    pass
"""


@pytest.mark.parametrize("name", ["Odd", "Odder", "Oddest", "GeneratorExit"])
def test_an_error_that_cannot_be_shown_costs_what_it_stops_alone(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.py"
    path.write_text(HEAD + ODD_ERRORS + CORRECT + f"\nraise {name}()\n")
    report = grade(path, exercises=["inverted_dropout"])
    assert report.score == report.max_score
    assert name in str(report.notes)
    raises = f"def inverted_dropout(x, keep_prob, rng, training=True): raise {name}()\n"
    path.write_text(HEAD + ODD_ERRORS + raises)
    said = grade(path, exercises=["inverted_dropout"]).exercises[0].message
    assert f"raised {name}" in said, said
    names: dict[str, object] = {}
    exec(HEAD + ODD_ERRORS + raises, names)
    assert f"raised {name}" in grade_functions("inverted_dropout", names, 1).message


def test_cells_that_end_the_process_cost_themselves_alone(tmp_path: Path) -> None:
    path, ends = tmp_path / "n.ipynb", "import os\nos._exit(3)"
    path.write_text(notebook(HEAD + CORRECT, *[ends] * 6))
    report = grade(path, exercises=["inverted_dropout"])
    assert report.score == report.max_score
    assert str(report.notes).count("ended the Python process") == 6
    path.write_text(notebook(HEAD + CORRECT, *[ends] * 41))
    said = grade(path, exercises=["inverted_dropout"]).exercises[0].message
    assert "was not asked for inverted_dropout: its Python process ended 40" in said


def test_a_file_that_cannot_be_asked_for_its_functions_is_said_so(
    tmp_path: Path,
) -> None:
    loops = """
class Endless:
    @property
    def __signature__(self):
        while True:
            pass
    def __call__(self):
        pass
endless = Endless()
"""
    path = tmp_path / "a.py"
    path.write_text(HEAD + CORRECT + loops)
    limits = Limits(call_seconds=1, cell_seconds=2)
    report = grade(path, exercises=["inverted_dropout"], limits=limits)
    assert "was not asked for inverted_dropout: it did not finish" in str(report)


def test_a_cell_that_is_not_run_is_said_to_hold_the_function(tmp_path: Path) -> None:
    path, answer = tmp_path / "n.ipynb", HEAD + CORRECT
    found = json.loads(notebook("1 + 1", answer))
    found["cells"][1]["metadata"] = {
        "nbgrader": {"grade": True, "grade_id": "check-inverted_dropout"}
    }
    path.write_text(json.dumps(found))
    report = grade(path, exercises=["inverted_dropout"])
    assert "Cell 2 defines inverted_dropout, but it is the check's" in str(report)
    path.write_text(notebook("1 + 1", "%%writefile a.py\n" + answer))
    report = grade(path, exercises=["inverted_dropout"])
    assert "begins with %%writefile, and is not run: take that out" in str(report)


def test_a_future_import_holds_for_the_statements_and_cells_below(
    tmp_path: Path,
) -> None:
    path = tmp_path / "future.py"
    annotated = DEF.replace("(x,", "(x: Undefined,")
    path.write_text(
        f"from __future__ import annotations\n{HEAD}\n# %%\n{annotated}"
        + CORRECT.removeprefix(DEF)
    )
    report = grade(path, exercises=["inverted_dropout"], limits=QUICK)
    assert report.score == report.max_score


def outcome_of(source: str, seed: int = 0) -> CellOutcome:
    with RemoteWorker(limits=QUICK, seed=seed) as worker:
        return worker.run_cell(1, source)


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        ("10 %\r50 %\r100 %\ndone\n", "100 %\ndone\n"),
        ("a line of Windows\r\n", "a line of Windows\n"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07\n", "red \n"),
        ("\x1b[1A\x1b[2K10 of 10\n", "10 of 10\n"),
        ("bell\x07 \ud800 \u202e\ttab\n", "bell\ufffd \ufffd \ufffd\ttab\n"),
    ],
    ids=["a progress bar", "Windows", "colours", "a forged line", "the rest"],
)
def test_an_output_is_kept_as_a_terminal_leaves_it(printed: str, seen: str) -> None:
    assert outcome_of(f"print({printed!r}, end='')").stdout == seen


def test_an_error_is_one_line_without_addresses_and_escapes() -> None:
    error = outcome_of("raise ValueError(f'a\\n  {object()} \\x1b[2J \\ud800')").error
    assert error is not None
    assert error.startswith("ValueError: a <object object> \ufffd[2J \ufffd (line 1")


def test_equal_seeds_give_equal_numbers_even_from_the_global_generators() -> None:
    source = "import random, numpy as np\n(np.random.rand(), random.random())"
    values = [outcome_of(source, seed).value for seed in (5, 5, 2**63 - 1)]
    assert values[0] == values[1] != values[2]


def test_own_functions_are_found_among_thousands_of_imported_ones() -> None:
    source = """
for i in range(3000):
    exec(f"def f{i}(): pass")
    globals()[f"f{i}"].__module__ = "elsewhere"
def own(x): pass
"""
    with RemoteWorker(limits=QUICK) as worker:
        worker.run_cell(1, source)
        assert worker.functions()["own"] == "(x)"


def test_a_folder_is_removed_however_deep_it_is(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("")
    top = tmp_path / "top"
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "link").symlink_to(outside)
    (top / "a" / "file").write_text("")
    inner = os.open(top, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=inner)
        outer, inner = inner, os.open("d", os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)
    remove_folder(str(top))
    assert not top.exists()
    assert (outside / "kept").exists()


def test_a_file_of_endless_loops_ends_with_a_verdict(tmp_path: Path) -> None:
    path = tmp_path / "loops.py"
    path.write_text(
        "".join(
            f"def {name}(*a, **k):\n    while True: pass\n"
            for name in ("classic_dropout", "inverted_dropout", "classic_settings")
        )
    )
    limits = Limits(cell_seconds=2, call_seconds=1, total_seconds=2.5)
    report = grade(path, limits=limits)
    assert report.score == 0
    assert report.error is None
    assert all("did not finish" in e.message for e in report.exercises)


def notebook(*sources: object, **fields: object) -> str:
    cells = [
        {
            "cell_type": "code",
            "id": f"c{i}",
            "metadata": {},
            "source": s,
            "outputs": [],
            "execution_count": None,
        }
        for i, s in enumerate(sources)
    ]
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells} | fields
    )


FILES = {
    "missing.ipynb": (None, "does not exist"),
    "empty.ipynb": ("", "is empty"),
    "blank.py": (" \n", "is empty"),
    "truncated.ipynb": (notebook("x = 1")[:60], "is not a complete notebook"),
    "list.ipynb": ("[]", "not a notebook"),
    "old.ipynb": (
        json.dumps({"nbformat": 3, "worksheets": [{"cells": []}]}),
        "of format 3; expected format 4",
    ),
    "cells.ipynb": (notebook(cells=None), "without a list of cells"),
    "deep.ipynb": ("[" * 100_000, "is not a complete notebook"),
    "answer.txt": ("x = 1", "expected .ipynb or .py"),
    "latin.py": ("# caf\xe9".encode("latin-1"), "not UTF-8"),
    "nothing.ipynb": (notebook("x = 1"), "defines none of the exercises' functions"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_graded_is_reported(name: str, tmp_path: Path) -> None:
    content, sentence = FILES[name]
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        path.write_text(content, encoding="utf-8")
    report = grade(path, limits=QUICK)
    assert report.error is not None
    assert sentence in report.error
    assert report.score == 0
    assert json.loads(report.as_json())["error"] == report.error


def test_a_folder_is_no_submission(tmp_path: Path) -> None:
    assert "is a folder" in (grade(tmp_path).error or "")


def test_a_notebook_with_magics_and_a_broken_cell_is_graded(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(
        notebook("%matplotlib inline\n!ls\n" + HEAD, "def broken(:\n", HEAD + CORRECT)
    )
    report = grade(path, limits=QUICK)
    result = next(e for e in report.exercises if e.name == "inverted_dropout")
    assert result.score == result.max_score
    assert "Cell 2 failed: SyntaxError" in report.notes[0]


def test_a_syntax_error_in_a_plain_script_costs_only_its_own_function(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s.py"
    path.write_text(HEAD + DEF + "    return x *\n\n" + BYSTANDER)
    scores = {
        e.name: e.score == e.max_score for e in grade(path, limits=QUICK).exercises
    }
    assert scores["classic_settings"]
    assert not scores["inverted_dropout"]


BROKEN = """import os
@staticmethod
@property
def f(x):
    return x *

if True:
    y = 1
else:
    y = 2
def g():
    \"""A text
that begins a line
again\"""
    return (1
def h(): pass
try:
    undefined
except NameError:
    pass
z = dict(
a=1)
"""


def test_a_broken_block_of_a_script_costs_itself_alone_and_says_its_line() -> None:
    source = BROKEN + "sorted([y, z['a'], *(n for n in ('f', 'g') if n in globals())])"
    with RemoteWorker(limits=QUICK) as worker:
        outcome = worker.run_cell(1, source, go_on=True)
        assert set(worker.functions()) - {"get_ipython"} == {"h"}
        assert worker.run_cell(2, "y, z, __import__('sys') and os.name").error is None
    assert outcome.error is not None
    first, second = outcome.error.split("; ")
    assert "(line 5: return x *)" in first
    assert "'(' was never closed" in second
    assert "(line 15: return (1)" in second


def test_half_a_character_in_a_source_costs_no_point(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(notebook("# \ud800\n" + HEAD, "'\ud800'", CORRECT))
    report = grade(path, limits=QUICK)
    result = next(e for e in report.exercises if e.name == "inverted_dropout")
    assert result.score == result.max_score


def test_tabs_and_form_feeds_stay_in_sources() -> None:
    source = "x = '\t\x0c\x1b'\r\n\x0cy = 1\n"
    data = json.loads(notebook(source))
    assert read_notebook(data, "n.ipynb").cells[0].source == source


@pytest.mark.parametrize("found", ["4\x1b[2J" + "x" * 10**6, [[3]], None], ids=type)
def test_a_format_from_the_file_is_quoted_with_care(found: object) -> None:
    with pytest.raises(SubmissionError, match="expected format 4") as caught:
        read_notebook({"nbformat": found, "cells": []}, "n\n.ipynb")
    message = str(caught.value)
    assert len(message) < 200
    assert message.isprintable()


@pytest.mark.parametrize("name", ["huge.py", "huge.ipynb"])
def test_more_code_than_anybody_writes_is_not_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(
        "a;" * 10**6 if name == "huge.py" else notebook(*["a;" * 10**5] * 9)
    )
    report = grade(path)
    assert "characters of code; expected at most 300,000" in (report.error or "")
    assert report.score == 0


@pytest.mark.parametrize("source", [None, 5, {}, [[["x = 1"]]], ["x = 1", 7]], ids=str)
def test_a_source_that_is_no_text_is_empty(source: object) -> None:
    text = read_notebook(json.loads(notebook(source)), "n.ipynb").cells[0].source
    assert text in ("", "x = 1")


def test_a_cell_larger_than_a_frame_costs_only_itself() -> None:
    large = Cell(1, f"data = '{'x' * 9_000_000}'\n")
    submission = Submission("n.ipynb", (large, Cell(2, HEAD + CORRECT)))
    report = grade(submission, exercises=["inverted_dropout"], limits=QUICK)
    assert report.score == report.max_score
    assert "holds 9.0 MB of text" in report.notes[0]


@pytest.mark.parametrize("what", [functools.partial(print), 5, None])
def test_check_of_what_has_no_name_says_so(
    what: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(what) == 0
    assert f"no exercise named {type(what).__name__!r}" in capsys.readouterr().out
