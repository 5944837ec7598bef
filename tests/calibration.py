"""Grades correct answers many times and counts false failures.

    python -m tests.calibration --gradings 100000 --processes 2

The gradings are spread evenly over every correct style and solution of every exercise,
each with a seed of its own. The result is printed, and written to
``tests/results/calibration.txt`` with ``--write``.
"""

import argparse
import datetime
import itertools
import multiprocessing
import platform
import sys
import time
from collections import Counter
from pathlib import Path

from autograder import __version__
from autograder.exercise import BUDGET, all_chapters, all_exercises
from autograder.grading import grade_functions
from tests import bank

RESULT = Path(__file__).parent / "results" / "calibration.txt"


def answers() -> list[bank.Answer]:
    """Return every correct answer: the styles, and the solutions themselves."""
    solutions = [bank.Answer(e.name, "solution", {}) for e in all_exercises()]
    return [*solutions, *bank.correct_answers()]


def grade_once(task: tuple[int, int]) -> tuple[str, list[str]]:
    """Return the answer's label and the checks that a correct answer lost."""
    number, seed = task
    answer = answers()[number]
    result = grade_functions(answer.exercise, answer.functions, seed)
    lost = [
        f"{check.name}: {check.message}"
        for check in result.checks
        if check.status != "passed"
    ]
    return str(answer), lost


def run(gradings: int, processes: int, first_seed: int) -> str:
    """Grade and return the result as text. Progress goes to stderr on a terminal."""
    styles = len(answers())
    tasks = itertools.islice(
        (
            (number, first_seed + turn)
            for turn in itertools.count()
            for number in range(styles)
        ),
        gradings,
    )
    done: Counter[str] = Counter()
    failures: list[str] = []
    start = time.monotonic()
    with multiprocessing.Pool(processes) as pool:
        for label, lost in pool.imap_unordered(grade_once, tasks, chunksize=50):
            done[label] += 1
            failures += [f"{label}: {line}" for line in lost]
            if sys.stderr.isatty() and done.total() % 200 == 0:
                print(f"\r{done.total():,} of {gradings:,}", end="", file=sys.stderr)
    minutes = (time.monotonic() - start) / 60
    lines = [
        f"command: python -m tests.calibration --gradings {gradings} "
        f"--processes {processes} --first-seed {first_seed}",
        f"date: {datetime.date.today()}  grader: {__version__}  "
        f"Python {platform.python_version()}, {platform.machine()}",
        f"correct answers: {styles} (styles and solutions of {len(all_exercises())} exercises "
        f"in {len(all_chapters())} chapters)",
        f"gradings: {done.total():,} in {minutes:.0f} minutes, "
        f"{min(done.values()):,} to {max(done.values()):,} of each answer",
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
    parser.add_argument(
        "--write", action="store_true", help=f"also write {RESULT.name}"
    )
    arguments = parser.parse_args()
    text = run(arguments.gradings, arguments.processes, arguments.first_seed)
    print(text, end="")
    if arguments.write:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(text, encoding="utf-8")
    return 1 if "false failures: 0" not in text else 0


if __name__ == "__main__":
    sys.exit(main())
