"""How long does ``nbgrader autograde`` take: our judge beside nbgrader's own kernel?

A class of 40 notebooks, right and wrong ones, is graded by both, one after the other:
the whole command, from its start to its end, with the processor time of all processes
that it started (on Linux). It needs the course's packages, ``solutions/`` and ``tests/``.
"""

import contextlib
import json
import math
import os
import sys
import tempfile
import threading
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
    seconds: dict[str, list[tuple[float, float | None]]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way, settings in WAYS.items():
            said = f"round {number + 1} of {rounds}: {STUDENTS} notebooks, {way} …"
            print(said, file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                seconds[way].append(autograde(Path(folder) / "course", settings))
    wall = {way: _median([w for w, _ in pairs]) for way, pairs in seconds.items()}
    known = all(c is not None for pairs in seconds.values() for _, c in pairs)
    cpu = {way: _median([c or 0.0 for _, c in seconds[way]]) for way in WAYS if known}
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
    seconds of ``nbgrader autograde``.

    Raises ``RuntimeError`` where nbgrader fails or a perfect notebook loses a point."""
    fixture_class.new_course(course)
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text(encoding="utf-8") + settings, encoding="utf-8")
    perfect = hand_in(course)
    nbgrader(course, "generate_assignment", CHAPTER)
    start = time.perf_counter()
    with ProcessorTime() as processor:
        nbgrader(course, "autograde", CHAPTER)
    wall = time.perf_counter() - start
    scores = gradebook_scores(course)
    if len(scores) != STUDENTS or any(scores[student] != 10 for student in perfect):
        raise RuntimeError(f"the class was not graded as it should be: {scores}")
    return wall, processor.seconds


def hand_in(course: Path, number: int = STUDENTS) -> list[str]:
    """Hand in so many notebooks; return who handed in a perfect one."""
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


class ProcessorTime:
    """Counts the processor seconds of this process's descendants while it is open.

    Looks into /proc at intervals, because the system itself loses the time of what a
    killed sandbox held; up to an interval of each process is missed. Linux only."""

    interval = 0.05

    def __init__(self) -> None:
        self._spent: dict[tuple[str, str], int] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "ProcessorTime":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    @property
    def seconds(self) -> float | None:
        """The seconds counted so far; None where there is no /proc."""
        if sys.platform != "linux":
            return None
        return sum(self._spent.values()) / os.sysconf("SC_CLK_TCK")

    def _watch(self) -> None:
        while not self._closing.wait(self.interval):
            self._look()

    def _look(self) -> None:
        for pid, fields in descendants().items():
            spent = int(fields[11]) + int(fields[12])
            self._spent[pid, fields[19]] = spent


def descendants() -> dict[str, list[str]]:
    """Return what /proc says of each descendant of this process, by its number."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # After the name, which may hold anything: state, parent, …
            found[path.parent.name] = path.read_text().rpartition(")")[2].split()
    family, grown = {str(os.getpid())}, True
    while grown:
        children = {pid for pid, fields in found.items() if fields[1] in family}
        grown = not children <= family
        family |= children
    return {pid: found[pid] for pid in family & found.keys() - {str(os.getpid())}}


def load() -> str:
    """Return how busy the machine was in the last minute."""
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
        wall, cpu = result["wall"][way], result["cpu"].get(way, math.nan)
        lines.append(f"{label:30s} {wall:8.1f} s  {cpu:8.1f} s")
    wall, cpu = result["times"]["wall"], result["times"]["cpu"] or math.nan
    lines.append(f"{'times as long as our judge':30s} {wall:8.1f}    {cpu:8.1f}")
    return "\n".join(lines)
