"""Grades correct answers many times and counts false failures.

    python -m tests.calibration --gradings 100000 --processes 2

The gradings go round all correct styles and solutions of the chapters' exercises, each
with a seed of its own; an answer that takes k times 20 ms joins in every k-th round. The
result is printed, and written to ``tests/results/calibration.txt`` with
``--write``.
"""

import argparse
import contextlib
import datetime
import io
import itertools
import math
import multiprocessing
import platform
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from autograder import __version__
from autograder.contract.budget import BUDGET
from autograder.contract.exercise import all_chapters, all_exercises, find_exercise
from autograder.grading.run import grade_functions
from tests import bank

RESULT = Path(__file__).parent / "results" / "calibration.txt"

#: Seconds of one grading for which an answer joins in every round.
SHARE = 0.02


@cache
def answers(chapters: tuple[str, ...]) -> list[bank.Answer]:
    """Return every correct answer: the solutions, and the other styles."""
    solutions = [bank.Answer(e.name, "solution", {}) for e in all_exercises()]
    return [
        answer
        for answer in [*solutions, *bank.correct_answers()]
        if find_exercise(answer.exercise).chapter in chapters
    ]


def grade_once(task: tuple[bank.Answer, int]) -> tuple[str, list[str]]:
    """Return the answer's label and what a correct answer lost."""
    answer, seed = task
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = grade_functions(answer.exercise, answer.functions, seed)
    lost = [
        f"seed {seed}, {c.name}: {c.message}"
        for c in result.checks
        if c.status != "passed"
    ]
    return str(answer), lost


def period(answer: bank.Answer) -> int:
    """Return in which rounds an answer joins: every k-th."""
    grade_once((answer, 0))
    start = time.process_time()
    grade_once((answer, 1))
    return math.ceil((time.process_time() - start) / SHARE)


def by_number(task: tuple[tuple[str, ...], int, int]) -> tuple[str, list[str]]:
    """Grade the answer of that number; functions do not travel between processes."""
    chapters, number, seed = task
    return grade_once((answers(chapters)[number], seed))


def tasks(
    chapters: tuple[str, ...], first_seed: int
) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Yield what ``by_number`` takes without end, round after round."""
    periods = [period(answer) for answer in answers(chapters)]
    for turn in itertools.count():
        for number, every in enumerate(periods):
            if turn % every == 0:
                yield chapters, number, first_seed + turn


def run(
    gradings: int, processes: int, first_seed: int, chapters: tuple[str, ...]
) -> str:
    """Grade, and return the result as text.

    Progress goes to stderr on a terminal; what a correct answer lost, always and at once.
    """
    work = itertools.islice(tasks(chapters, first_seed), gradings)
    done: Counter[str] = Counter()
    failures: list[str] = []
    start = time.monotonic()
    with multiprocessing.Pool(processes) as pool:
        for label, lost in pool.imap_unordered(by_number, work, chunksize=50):
            done[label] += 1
            new = [f"{label}: {line}" for line in lost]
            print(
                "".join(f"{line}\n" for line in new),
                end="",
                file=sys.stderr,
                flush=True,
            )
            failures += new
            if sys.stderr.isatty() and done.total() % 200 == 0:
                print(f"\r{done.total():,} of {gradings:,}", end="", file=sys.stderr)
    minutes = (time.monotonic() - start) / 60
    lines = [
        f"command: python -m tests.calibration --gradings {gradings} "
        f"--first-seed {first_seed} --chapters {' '.join(chapters)}",
        f"date: {datetime.date.today()}, {minutes:.0f} minutes, {processes} processes",
        f"grader {__version__}, Python {platform.python_version()}, {platform.machine()}",
        f"correct answers: {len(answers(chapters))} (solutions and other styles)",
        f"gradings: {done.total():,} ({min(done.values()):,} to "
        f"{max(done.values()):,} of each answer)",
        f"false failures: {len(failures)}",
        f"stated bound for a whole assignment: {BUDGET:g}",
        *failures,
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gradings", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=1_000_000)
    parser.add_argument("--chapters", nargs="+", default=all_chapters())
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    arguments = parser.parse_args()
    text = run(
        arguments.gradings,
        arguments.processes,
        arguments.first_seed,
        tuple(arguments.chapters),
    )
    print(text, end="")
    if arguments.write:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(text, encoding="utf-8")
    return 0 if "\nfalse failures: 0\n" in text else 1


if __name__ == "__main__":
    sys.exit(main())
