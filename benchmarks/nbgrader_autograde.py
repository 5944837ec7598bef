"""How long does ``nbgrader autograde`` take: our judge beside nbgrader's own kernel?

A class of 40 notebooks, right and wrong ones, is graded by both, one after the other:
the whole command, from its start to its end, with the processor time of all processes
that it started (on Linux). It needs the course's packages, ``solutions/`` and ``tests/``.
"""

import contextlib
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median_high
from typing import Any

from benchmarks import timing
from benchmarks.processes import ProcessorTime, load
from tests import fixture_class
from tests.fixture_class import CHAPTER, answering
from tests.fixture_class import run as run_module
from tests.test_doors import STOCK

#: A round takes minutes.
ROUNDS = 1
STUDENTS = 40
#: Ways to grade, and what their courses' settings add to ours.
WAYS = {"judge": "", "kernel": STOCK}


def run(rounds: int) -> dict[str, Any]:
    """Return the seconds of each way, by the clock and of the processors, each a median
    over rounds; and how many times as long as the judge the kernel takes."""
    seconds: dict[str, list[tuple[float, float | None]]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way, settings in WAYS.items():
            said = f"round {number + 1} of {rounds}: {STUDENTS} notebooks, {way} …"
            print(said, file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                seconds[way].append(autograde(Path(folder) / "course", settings))
    wall = {way: _middle([w for w, _ in pairs]) for way, pairs in seconds.items()}
    known = all(c is not None for pairs in seconds.values() for _, c in pairs)
    cpu = {way: _middle([c or 0.0 for _, c in seconds[way]]) for way in WAYS if known}
    return {
        "command": "python -m benchmarks nbgrader_autograde",
        "students": STUDENTS,
        "rounds": rounds,
        "machine": timing.machine() | {"load": load()},
        "wall": wall,
        "cpu": cpu,
        "times": {
            "wall": round(wall["kernel"] / wall["judge"], 2),
            "cpu": round(cpu["kernel"] / cpu["judge"], 2) if cpu else None,
        },
    }


def autograde(course: Path, settings: str) -> tuple[float, float | None]:
    """Make a course and its class and grade it; return the wall-clock and the processor
    seconds of ``nbgrader autograde``. Raises ``RuntimeError`` like ``graded``."""
    processor = ProcessorTime()
    command = ("nbgrader", "autograde", CHAPTER)
    wall = graded(course, settings, STUDENTS, command, processor)
    return wall, processor.seconds


def graded(
    course: Path,
    settings: str,
    students: int,
    command: Sequence[str],
    watch: contextlib.AbstractContextManager[object],
) -> float:
    """Make a course and a class of so many, and grade it by ``python -m command`` under
    ``watch``; return the seconds of that by the clock on the wall.

    Raises ``RuntimeError`` where it fails or a perfect notebook loses a point."""
    fixture_class.new_course(course)
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text(encoding="utf-8") + settings, encoding="utf-8")
    perfect = hand_in(course, students)
    run_or_raise(course, "nbgrader", "generate_assignment", CHAPTER)
    start = time.perf_counter()
    with watch:
        run_or_raise(course, *command)
    seconds = time.perf_counter() - start
    scores = gradebook_scores(course)
    if len(scores) != students or any(scores[student] != 10 for student in perfect):
        raise RuntimeError(f"the class was not graded as it should be: {scores}")
    return seconds


def hand_in(course: Path, number: int) -> list[str]:
    """Hand in so many notebooks, each another; return who handed in a perfect one."""
    released = course / "exercises" / CHAPTER / f"{CHAPTER}.ipynb"
    starter = json.loads(released.read_text(encoding="utf-8"))
    perfect = fixture_class.solved(course, starter)
    notebooks = [
        perfect,
        starter,
        answering(perfect, "inverted_dropout", fixture_class.FORGETS),
        answering(perfect, "classic_dropout", fixture_class.SWAPS),
        answering(perfect, "classic_settings", fixture_class.IN_PLACE),
    ]
    students = [f"student-{place:03d}" for place in range(number)]
    for place, student in enumerate(students):
        notebook = notebooks[place % len(notebooks)]
        path = course / "course" / "submitted" / student / CHAPTER
        path.mkdir(parents=True)
        (path / f"{CHAPTER}.ipynb").write_bytes(fixture_class.other(notebook, place))
    return students[:: len(notebooks)]


def run_or_raise(course: Path, *arguments: str) -> None:
    done = run_module(course, *arguments, patience=7200)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")


def gradebook_scores(course: Path) -> dict[str, float]:
    """Return the scores in the course's gradebook, by student."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'course' / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: submission.score
            for submission in gradebook.assignment_submissions(CHAPTER)
        }


def _middle(values: list[float]) -> float:
    return round(median_high(values), 2)


def describe(result: dict[str, Any]) -> str:
    """Return the result as a table for a terminal."""
    lines = [
        f"nbgrader autograde, {result['students']} notebooks, {result['rounds']} rounds",
        timing.on(result["machine"]),
        f"{'':30s} wall clock   processor",
    ]
    for way, label in (("judge", "our judge"), ("kernel", "nbgrader's own Execute")):
        wall, cpu = result["wall"][way], result["cpu"].get(way, math.nan)
        lines.append(f"{label:30s} {wall:8.1f} s  {cpu:8.1f} s")
    wall, cpu = result["times"]["wall"], result["times"]["cpu"] or math.nan
    lines.append(f"{'times as long as our judge':30s} {wall:8.1f}    {cpu:8.1f}")
    return "\n".join(lines)
