"""The judge's memory stays below 400 MB, and its time is bounded, whatever file comes."""

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.grading.grade import grade
from autograder.submission import file as submission_file
from autograder.submission.file import MAX_BYTES
from autograder.wire.errors import LONGEST_ERROR, describe_error
from tests.test_attacks import spent
from tests.test_bad_input import CORRECT, DEF, HEAD, notebook

#: Grades a file; says how much memory the judge had at its peak, how much processor time
#: it and its workers took, and what it found.
JUDGE = """
import json, os, re, sys
from pathlib import Path
from autograder.grading.grade import grade
from autograder.isolation.limits import Limits
limits = Limits(cell_seconds=10, call_seconds=5, total_seconds=40)
report = grade(sys.argv[1], exercises=["inverted_dropout"], limits=limits)
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
spent = sum(os.times()[:4])
print(json.dumps([int(peak[1]) / 1024, spent, report.score, report.error, report.notes]))
"""
MOST_MB = 400

linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


def judged(path: Path) -> tuple[float, float, float, str, list[str]]:
    """Return the judge's peak in MB, the processor time that was spent, for the machine
    may be busy, the score, the error and the notes."""
    done = subprocess.run(
        [sys.executable, "-c", JUDGE, str(path)],
        capture_output=True,
        text=True,
        timeout=900,
        check=True,
    )
    peak, spent, score, error, notes = json.loads(done.stdout)
    return peak, spent, score, error or "", notes


def cells(count: int, kind: str = "code") -> str:
    one = json.dumps({"cell_type": kind, "metadata": {}, "source": ""})
    return f'{{"nbformat": 4, "cells": [{", ".join([one] * count)}]}}'


def data(items: str, count: int) -> str:
    """Return a notebook whose metadata hold a list of so many items."""
    listed = ",".join([items] * count)
    return f'{{"nbformat": 4, "cells": [], "metadata": {{"a": [{listed}]}}}}'


#: What the file holds → (its name, its text, a part of the sentence it gets).
FILES: dict[str, tuple[str, Callable[[], str], str]] = {
    "a name with 40,000 dots": (
        "n.py",
        lambda: HEAD + CORRECT + "# %%\nimport a" + ".a" * 40_000,
        "Part 2 failed",
    ),
    "a cell with 40,000 dots": (
        "n.ipynb",
        lambda: notebook(HEAD + CORRECT, "import a" + ".a" * 40_000),
        "Cell 2 failed",
    ),
    "100,000 signs": (
        "n.py",
        lambda: HEAD + CORRECT + "# %%\n" + "-" * 10**5 + "1",
        "",
    ),
    "100,000 brackets": (
        "n.py",
        lambda: HEAD + CORRECT + "# %%\n" + "(" * 10**5,
        "Part 2 failed: SyntaxError",
    ),
    "a formula of 100,000 terms": (
        "n.py",
        lambda: HEAD + CORRECT + "# %%\n" + "1+" * 10**5 + "1",
        "",
    ),
    "100,000 broken blocks": (
        "n.py",
        lambda: HEAD + CORRECT + "# %%\n" + "a(\n" * 90_000,
        "Part 2 failed",
    ),
    "120,000 empty cells": ("n.ipynb", lambda: cells(120_000), "more than 400,000"),
    "60,000 empty text cells": (
        "n.ipynb",
        lambda: cells(60_000, "markdown"),
        "60,000 cells",
    ),
    "60,000 empty parts": ("n.py", lambda: "# %%\n" * 60_000, "60,000 cells"),
    "5 million lists": ("n.ipynb", lambda: data("[]", 5_000_000), "more than 400,000"),
    "2 million objects": (
        "n.ipynb",
        lambda: data('{"a": {}}', 2_000_000),
        "more than 400,000",
    ),
    "objects with names of their own": (
        "n.ipynb",
        lambda: data("{" + ",".join(f'"{i}":1.5' for i in range(390_000)) + "}", 1),
        "",
    ),
    "a text of 19 MB with one rare character": (
        "n.ipynb",
        lambda: notebook("\U0001f600" + "a" * 19 * 2**20).replace(
            "\\ud83d\\ude00", "\U0001f600"
        ),
        "characters of code",
    ),
    "20 MB of lines": ("n.ipynb", lambda: notebook(["a"] * 390_000), "of code"),
    "1 MB of blanks as text": (
        "n.ipynb",
        lambda: cells(1, "markdown").replace('""', f'"{" " * 10**6}"'),
        "in its text cells",
    ),
}


@linux
@pytest.mark.parametrize("what", FILES)
def test_a_file_takes_bounded_memory_and_time(what: str, tmp_path: Path) -> None:
    name, text, sentence = FILES[what]
    path = tmp_path / name
    path.write_text(text(), encoding="utf-8")
    assert path.stat().st_size <= MAX_BYTES
    peak, seconds, _, error, notes = judged(path)
    print(what, round(peak), round(seconds, 1), error[:90], notes[:1])
    assert peak < MOST_MB
    assert 0 < seconds < 60
    assert sentence in " ".join([error, *notes])


#: Writes a frame of the student's making to whatever leads to the judge.
FORGED = """
import os, struct
def send(header, body=b""):
    frame = struct.pack("<II", len(header), len(body)) + header + body
    for descriptor in range(3, 64):
        at = 0
        try:
            while at < len(frame):
                at += os.write(descriptor, frame[at:])
        except OSError:
            pass
"""
START = '{"error": null, "changed": [[]], "results": ['
LARGEST = 8 * 2**20 - 100

#: What the student's code does → the code, run as the body of ``inverted_dropout``.
CODE = {
    "returns four million numbers": "return np.ones(4_000_000), None",
    "returns twelve arrays of four million": (
        "return tuple(np.ones(4_000_000, bool) for _ in range(12))"
    ),
    "returns a wide array of nothing": "return np.ones((0, 2**40)), None",
    "returns broadcast numbers": "return np.broadcast_to(1.0, (10**5, 10**5)), None",
    "returns 9,000 long texts": "return ['x' * 800] * 9_000, None",
    "returns 9,000 dicts": "return [{'a': {}}] * 9_000, None",
    "raises a long text": "raise ValueError('x\\n ' * 10**8)",
    "raises a text of blanks": "raise ValueError(' ' * 10**8)",
    "sends eight megabytes of objects": (
        f"send(('{START}[' + '{{}},' * {LARGEST // 3 - 100} + '1]]}}').encode())"
    ),
    "sends eight megabytes of dicts": (
        f"send(('{START}[' + '{{\"a\":{{}}}},' * {LARGEST // 9 - 100} + '1]]}}').encode())"
    ),
    "sends as many dicts as are let through": (
        f"send(('{START}[' + '{{\"a\":{{}}}},' * 99_000 + '1]]}}').encode())"
    ),
    "sends text": (
        f"send(('{START}\"\U0001f600' + 'x' * {LARGEST - 200} + '\"]}}').encode())"
    ),
    "sends the largest body": (
        "header = [{'is': 'array', 'dtype': '|b1', 'shape': [4_000_000],"
        " 'at': i * 4_000_000} for i in range(12)]\n"
        f'    send((\'{START}{{"is": "tuple", "items": \' + json.dumps(header)'
        " + '}]}').encode(), bytes(48 * 2**20))"
    ),
    "sends a larger body": f"send(b'{START}1]}}', bytes(256 * 2**20))",
}


@linux
@pytest.mark.parametrize("what", CODE)
def test_an_answer_takes_bounded_memory(what: str, tmp_path: Path) -> None:
    path = tmp_path / "n.py"
    path.write_text(
        HEAD
        + "import json\n"
        + FORGED
        + DEF
        + f"    {CODE[what]}\n    return x, None\n"
    )
    peak, _, score, error, notes = judged(path)
    print(what, round(peak), score, error, notes)
    assert peak < MOST_MB
    assert (score, error, notes) == (0, "", [])


#: What the cells do, 400 of them.
CELLS = {
    "print much": "print('\\u20ac, ' * 30_000)",
    "define many names": "for i in range(3000): globals()[f'f{len(globals())}'] = print",
    "fail at length": "raise ValueError('x' * 10**6)",
    "print in small steps": "for i in range(20_000): print(end='x')",
    "print one line after another anew": "print('x\\r' * 50_000)",
}


@linux
@pytest.mark.slow
@pytest.mark.parametrize("what", CELLS)
def test_four_hundred_cells_take_bounded_memory_and_cost_no_point(
    what: str, tmp_path: Path
) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(notebook(HEAD + CORRECT, *[CELLS[what]] * 400))
    peak, _, score, _, notes = judged(path)
    print(what, round(peak), len(notes))
    assert peak < MOST_MB
    assert score == 4.5
    assert len(notes) <= 21


def test_an_honest_answer_that_prints_three_long_lists_loses_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "n.ipynb"
    lists = "print(list(range(30_000)))\n" * 3 + "list(range(30_000))\n"
    path.write_text(notebook(HEAD + CORRECT, lists, *["print('=' * 10**5)"] * 3))
    began = spent()
    report = grade(path, exercises=["inverted_dropout"])
    assert report.score == report.max_score
    assert report.notes == ()
    assert spent() - began < 20


#: Takes memory as `check` and `pytest --submission` may; says how much it was at its peak.
FILLED = """
import re
from pathlib import Path
import numpy as np
from autograder.grading import grade
from autograder.grading.judges import bounded_memory
held = []
with bounded_memory():
    try:
        while len(held) < 1000:
            held.append(np.ones(2**18))
    except MemoryError:
        pass
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(int(peak[1]) / 1024, len(held) * 2)
"""


@linux
def test_a_program_that_judges_by_itself_holds_no_more_than_a_judge() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILLED], capture_output=True, text=True, check=True
    )
    peak, held = map(float, done.stdout.split())
    assert peak < MOST_MB * 10**6 / 2**20
    assert held > 250  # twice what honest work takes


@pytest.mark.parametrize("ending", [".py", ".ipynb"])
def test_a_wide_character_makes_no_copies_four_times_a_files_size(
    ending: str, tmp_path: Path
) -> None:
    size = 2 * 2**20
    path = tmp_path / f"a{ending}"
    path.write_bytes(b'\r\n{"x":\r"' + "\U0001f600".encode() + size * b"a" + b'"}\r')
    tracemalloc.start()
    try:
        if ending == ".py":
            text = submission_file._text(path.read_bytes(), path.name)
        else:
            data = path.read_bytes().replace(b"\r", b" ")
            text = str(submission_file.skim(data, None)["x"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    begins = '\n{"x":\n"\U0001f600a' if ending == ".py" else "\U0001f600aaa"
    assert text.startswith(begins)
    assert peak < 8 * size


#: Holds 300 MB for a moment; then says whether two works were done by one judge.
ONCE_LARGE = """
import os
held = b"a" * (300 * 2**20)
del held
from autograder.grading.judges import Judges
judges = Judges(1)
print(len({judges.begin(os.getpid).result() for _ in range(2)}))
judges.end()
"""


@linux
def test_a_judge_answers_for_its_own_memory_alone() -> None:
    """After a class's own peak every judge was replaced after each file."""
    done = subprocess.run(
        [sys.executable, "-c", ONCE_LARGE], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1"]


#: Tells the judge at length, whatever happens.
LONG_WINDED = """
import sys
sys.modules["autograder.worker.namespace"].describe_error = (
    lambda *a: chr(0x1F600) * 2000
)
# %%
raise ValueError
# %%
def inverted_dropout(x, keep_prob, rng, training=True):
    raise ValueError
"""


def test_a_report_is_short_whatever_a_worker_says_of_errors(tmp_path: Path) -> None:
    """Those of a class are in memory together: 40 files of a student's took 28 MB."""
    path = tmp_path / "long.py"
    path.write_text(LONG_WINDED, encoding="utf-8")
    report = grade(path)
    texts = [*report.notes, *(each.message for each in report.exercises)]
    assert "\U0001f600" in texts[0]
    assert "\U0001f600" in texts[-1]
    assert max(map(len, texts)) < LONGEST_ERROR + 100
    honest = describe_error(ValueError("x" * 10_000))
    assert 400 <= len(honest) <= LONGEST_ERROR
