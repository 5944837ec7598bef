"""How many notebooks a second: ``grade`` with one job and with two, beside stock nbgrader.

The same class, each file another, is graded in one run by ``nbgrader autograde`` with
nbgrader's own kernel, and by ``python -m autograder grade … --gradebook``, confined: the
whole commands, with start and gradebook, by the clock on the wall. Beside it stands the
memory that all processes of the command hold at once, each shared page counted once
(PSS; Linux). It needs the course's packages, ``solutions/`` and ``tests/``.
"""

import math
import sys
import tempfile
from pathlib import Path
from statistics import median_high
from typing import Any

from benchmarks import timing
from benchmarks.nbgrader_autograde import graded
from benchmarks.processes import Memory, load
from tests.fixture_class import CHAPTER
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
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS:
            said = f"round {number + 1} of {rounds}: {STUDENTS} notebooks, {way} …"
            print(said, file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                found[way].append(held(Path(folder) / "course", way))
    speed = {way: STUDENTS / median_high([s for s, _ in found[way]]) for way in WAYS}
    peak = {way: median_high([m for _, m in found[way]]) for way in WAYS}
    return {
        "command": "python -m benchmarks whole_class",
        "students": STUDENTS,
        "rounds": rounds,
        "machine": timing.machine() | {"load": load()},
        "per_second": {way: round(value, 2) for way, value in speed.items()},
        "times_stock": {way: round(speed[way] / speed[_FIRST], 2) for way in WAYS},
        "peak_mb": {way: round(m) for way, m in peak.items() if m == m},
    }


def held(course: Path, way: str) -> tuple[float, float]:
    """Make a course and its class and grade it; return the seconds that the command took
    and the megabytes that it held, NaN where nobody tells."""
    memory, (command, settings) = Memory(), WAYS[way]
    seconds = graded(course, settings, STUDENTS, command, memory)
    return seconds, memory.megabytes or math.nan


def describe(result: dict[str, Any]) -> str:
    """Return the result as a table for a terminal."""
    lines = [
        f"A class of {result['students']} notebooks, {result['rounds']} rounds",
        timing.on(result["machine"]),
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
