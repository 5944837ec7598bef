"""How long does the judge take? All checks of each exercise, on its solution.

Nothing of nbgrader or of the worker is in these times: the function runs in the judge's
own process. A correct answer takes the longest, because no check is skipped. It needs
``solutions/`` and ``tests/``.
"""

from itertools import count
from typing import Any

import numpy as np

from autograder.contract.exercise import Exercise, all_exercises
from autograder.grading.run import grade_functions
from benchmarks import timing
from tests import bank

ROUNDS = 7
#: What the project promises for the median exercise, in seconds.
PROMISE = 0.15


def run(rounds: int) -> dict[str, Any]:
    """Return the seconds that judging each exercise's solution takes: the median over
    rounds, each with its own seed; and the median of these over the exercises."""
    exercises = all_exercises()
    for exercise in exercises:
        bank.solution(exercise.chapter)
    seconds = timing.side_by_side({e.name: judging(e) for e in exercises}, rounds)
    medians = {name: float(np.median(times)) for name, times in seconds.items()}
    return {
        "command": "python -m benchmarks judging_time",
        "rounds": rounds,
        "machine": timing.machine(),
        "seconds": {name: round(time, 4) for name, time in medians.items()},
        "median": round(float(np.median(list(medians.values()))), 4),
        "promise": PROMISE,
    }


def judging(exercise: Exercise) -> Any:
    """Return a function that judges the exercise's solution, each time with a new seed.

    It raises ``ValueError`` where the solution loses a point."""
    seeds, functions = count(), bank.solution(exercise.chapter)

    def judge() -> None:
        result = grade_functions(exercise, functions, next(seeds))
        if result.score != result.max_score:
            raise ValueError(f"{exercise.name}: {result.message}")

    return judge


def describe(result: dict[str, Any]) -> str:
    """Return the result as a table for a terminal."""
    lines = [
        f"Judging an exercise's solution, {result['rounds']} rounds",
        timing.on(result["machine"]),
    ]
    lines += [f"{name:34s} {s:6.3f} s" for name, s in result["seconds"].items()]
    lines.append(
        f"{'median over exercises':34s} {result['median']:6.3f} s  "
        f"(promised: at most {result['promise']} s)"
    )
    return "\n".join(lines)
