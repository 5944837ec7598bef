"""How long does ``nbgrader autograde`` take: our judge beside nbgrader's own kernel?

A class of 40 notebooks, right and wrong ones, is graded by both, one after the other:
the whole command, from its start to its end, with the processor time of all processes
that it started. It needs the course's packages, ``solutions/`` and ``tests/``.
"""

import contextlib
import ctypes
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import timing
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
    adopt_orphans()
    seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way, settings in WAYS.items():
            said = f"round {number + 1} of {rounds}: {STUDENTS} notebooks, {way} …"
            print(said, file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                seconds[way].append(autograde(Path(folder) / "course", settings))
    wall, cpu = (
        {way: _median([pair[i] for pair in pairs]) for way, pairs in seconds.items()}
        for i in (0, 1)
    )
    return {
        "command": "python -m benchmarks nbgrader_autograde",
        "students": STUDENTS,
        "rounds": rounds,
        "machine": timing.machine() | {"load": _load()},
        "wall": wall,
        "cpu": cpu,
        "times": {
            "wall": round(wall["kernel"] / wall["judge"], 2),
            "cpu": round(cpu["kernel"] / cpu["judge"], 2) if cpu["judge"] else None,
        },
    }


def autograde(course: Path, settings: str) -> tuple[float, float]:
    """Make a course and its class and grade it; return the wall-clock and the processor
    seconds of ``nbgrader autograde``.

    Raises ``RuntimeError`` where nbgrader fails or a perfect notebook loses a point."""
    fixture_class.new_course(course)
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text(encoding="utf-8") + settings, encoding="utf-8")
    perfect = hand_in(course)
    nbgrader(course, "generate_assignment", CHAPTER)
    before = _processor_seconds(), time.perf_counter()
    nbgrader(course, "autograde", CHAPTER)
    wall = time.perf_counter() - before[1]
    cpu = _processor_seconds() - before[0]
    scores = gradebook_scores(course)
    if len(scores) != STUDENTS or any(scores[student] != 10 for student in perfect):
        raise RuntimeError(f"the class was not graded as it should be: {scores}")
    return wall, cpu


def hand_in(course: Path) -> list[str]:
    """Hand in the class's notebooks; return who handed in a perfect one."""
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
    students = [f"student-{number:02d}" for number in range(STUDENTS)]
    for number, student in enumerate(students):
        notebook = notebooks[number % len(notebooks)]
        path = course / "course" / "submitted" / student / CHAPTER
        path.mkdir(parents=True)
        (path / f"{CHAPTER}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return students[:: len(notebooks)]


def nbgrader(course: Path, *arguments: str) -> None:
    done = run_module(course, "nbgrader", *arguments, patience=3600)
    if done.returncode != 0:
        raise RuntimeError(f"nbgrader {arguments[0]} failed:\n{done.stderr[-3000:]}")


def gradebook_scores(course: Path) -> dict[str, float]:
    """Return the scores in the course's gradebook, by student."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'course' / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: submission.score
            for submission in gradebook.assignment_submissions(CHAPTER)
        }


# ---- Processor time -----------------------------------------------------------------


def adopt_orphans() -> None:
    """Become the parent of descendants whose parent ends before them, as a worker's does
    when it is killed: the system counts a process's time when its parent takes leave of
    it. Linux only."""
    set_child_subreaper = 36
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def _processor_seconds() -> float:
    """Return the processor seconds of all descendants that have ended; 0 on Windows."""
    with contextlib.suppress(AttributeError, ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    times = os.times()
    return times.children_user + times.children_system


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _median(values: list[float]) -> float:
    return round(sorted(values)[len(values) // 2], 2)


def describe(result: dict[str, Any]) -> str:
    """Return the result as a table for a terminal."""
    machine = ", ".join(f"{key} {value}" for key, value in result["machine"].items())
    lines = [
        f"nbgrader autograde, {result['students']} notebooks, {result['rounds']} rounds",
        f"on {machine}",
        f"{'':30s} wall clock   processor",
    ]
    for way, label in (("judge", "our judge"), ("kernel", "nbgrader's own Execute")):
        wall, cpu = result["wall"][way], result["cpu"][way]
        lines.append(f"{label:30s} {wall:8.1f} s  {cpu:8.1f} s")
    wall, cpu = result["times"]["wall"], result["times"]["cpu"]
    told = "unknown" if cpu is None else f"{cpu:.1f}"
    lines.append(f"{'times as long as our judge':30s} {wall:8.1f}    {told:>8s}")
    return "\n".join(lines)
