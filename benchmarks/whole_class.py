"""How many notebooks a second: ``grade`` with one job and with two, beside stock nbgrader.

The same class, each file another, is graded in one run by ``nbgrader autograde`` with
nbgrader's own kernel, and by ``python -m autograder grade … --gradebook``, confined: the
whole commands, with start and gradebook, by the clock on the wall. Beside it stands the
memory that all processes of the command hold at once, each shared page counted once
(PSS; Linux). It needs the course's packages, ``solutions/`` and ``tests/``.
"""

import contextlib
import json
import math
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks import timing
from benchmarks.nbgrader_autograde import descendants, gradebook_scores, hand_in, load
from tests import fixture_class
from tests.fixture_class import CHAPTER
from tests.fixture_class import run as run_module
from tests.test_doors import STOCK

#: A round takes ten minutes.
ROUNDS = 1
STUDENTS = 200
_GRADE = ("autograder", "grade", "course/submitted", "--gradebook", CHAPTER, "-j")
#: The command of each way, and what its course's settings add to ours.
WAYS = {
    "stock nbgrader autograde": (("nbgrader", "autograde", CHAPTER), STOCK),
    "grade, one job": ((*_GRADE, "1"), ""),
    "grade, two jobs": ((*_GRADE, "2"), ""),
}
_FIRST, *_OURS = WAYS


def run(rounds: int) -> dict[str, Any]:
    """Return the notebooks a second of each way, and the megabytes that its processes
    hold at their peak: medians over rounds."""
    found: dict[str, list[tuple[float, float | None]]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS:
            said = f"round {number + 1} of {rounds}: {STUDENTS} notebooks, {way} …"
            print(said, file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                found[way].append(graded(Path(folder) / "course", *WAYS[way]))
    speed = {way: STUDENTS / _median([s for s, _ in found[way]]) for way in WAYS}
    peak = {way: _median([m or math.nan for _, m in found[way]]) for way in WAYS}
    return {
        "command": "python -m benchmarks whole_class",
        "students": STUDENTS,
        "rounds": rounds,
        "machine": timing.machine() | {"load": load()},
        "per_second": {way: round(value, 2) for way, value in speed.items()},
        "times_stock": {way: round(speed[way] / speed[_FIRST], 2) for way in WAYS},
        "peak_mb": {way: round(m) for way, m in peak.items() if m == m},
    }


def graded(
    course: Path, command: tuple[str, ...], settings: str
) -> tuple[float, float | None]:
    """Make a course and its class and grade it; return the seconds that the command took
    and the megabytes that it held, None where nobody tells.

    Raises ``RuntimeError`` where it fails or a perfect notebook loses a point."""
    fixture_class.new_course(course)
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text(encoding="utf-8") + settings, encoding="utf-8")
    perfect = hand_in(course, STUDENTS)
    for number, path in enumerate(sorted(course.glob("course/submitted/**/*.ipynb"))):
        notebook = json.loads(path.read_bytes())
        notebook["metadata"]["student"] = number
        path.write_text(json.dumps(notebook), encoding="utf-8")
    released = run_module(course, "nbgrader", "generate_assignment", CHAPTER)
    start = time.perf_counter()
    with Memory() as memory:
        done = run_module(course, *command, patience=7200)
    seconds = time.perf_counter() - start
    scores = gradebook_scores(course) if done.returncode == 0 else {}
    if len(scores) != STUDENTS or any(scores[student] != 10 for student in perfect):
        said = released.stderr + done.stderr
        raise RuntimeError(f"the class was not graded as it should be: {said[-3000:]}")
    return seconds, memory.megabytes


class Memory:
    """Notes the most that this process's descendants hold at once, while it is open."""

    interval = 0.2

    def __init__(self) -> None:
        self.megabytes: float | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        if sys.platform == "linux":
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._closing.wait(self.interval):
            now = sum(_held(pid) for pid in descendants()) / 1000
            self.megabytes = max(now, self.megabytes or 0.0)


def _held(pid: str) -> int:
    """Return a process's share of the memory, in kB; 0 of one that has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def describe(result: dict[str, Any]) -> str:
    """Return the result as a table for a terminal."""
    machine = ", ".join(f"{key} {value}" for key, value in result["machine"].items())
    lines = [
        f"A class of {result['students']} notebooks, {result['rounds']} rounds",
        f"on {machine}",
        f"{'':26s} notebooks a second   times stock   peak memory",
    ]
    for way in WAYS:
        peak = result["peak_mb"].get(way, math.nan)
        lines.append(
            f"{way:26s} {result['per_second'][way]:18.2f} "
            f"{result['times_stock'][way]:13.1f} {peak:10.0f} MB"
        )
    one, two = (result["per_second"][way] for way in _OURS)
    lines.append(f"two jobs are {two / one:.2f} times as fast as one")
    return "\n".join(lines)
