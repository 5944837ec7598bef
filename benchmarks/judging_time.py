"""How long does the judge take? All checks of each exercise, on its solution.

Nothing of nbgrader or of the worker is in these times: the function runs in the judge's
own process, and what it takes itself is told apart, for in a grading that is the worker's;
so is what the clock takes. A correct answer takes the longest, because no check is skipped.
It needs ``solutions/`` and ``tests/``.
"""

import functools
import gc
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from autograder.contract.exercise import Exercise, all_exercises
from autograder.grading.run import grade_functions
from benchmarks import timing
from tests import bank

ROUNDS = 7
#: Of nothing, by which the clock's share in a call is told.
CALLS = 10_000
#: What the project promises for the median exercise, in seconds of the judge's.
PROMISE = 0.05


def run(rounds: int) -> dict[str, Any]:
    """Return the seconds that judging each exercise's solution takes, without and with the
    solution's own: the medians over rounds, each with its own seed; and the medians of
    these over the exercises."""
    exercises = all_exercises()
    ways = {exercise.name: Judging(exercise) for exercise in exercises}
    gc.freeze()  # what the tests hold is in no judge's memory, where collections walk
    seconds = timing.side_by_side(ways, rounds)
    clock = next(iter(ways.values())).clocks_share()
    own = {
        name: np.array(way.own[1:]) + clock * np.array(way.calls[1:])
        for name, way in ways.items()
    }
    whole = {name: float(np.median(times)) for name, times in seconds.items()}
    judge = {
        name: float(np.median(times - own[name])) for name, times in seconds.items()
    }
    return {
        "command": "python -m benchmarks judging_time",
        "rounds": rounds,
        "machine": timing.machine(),
        "seconds": {name: round(time, 4) for name, time in judge.items()},
        "with the solution": {name: round(time, 4) for name, time in whole.items()},
        "median": round(float(np.median(list(judge.values()))), 4),
        "median with the solution": round(float(np.median(list(whole.values()))), 4),
        "promise": PROMISE,
    }


class Judging:
    """Judges the exercise's solution, each time with a new seed; ``own`` has the seconds
    that the solution took of each, ``calls`` how often it was called."""

    def __init__(self, exercise: Exercise) -> None:
        self.own: list[float] = []
        self.calls: list[int] = []
        self._exercise, self._seeds = exercise, count()
        solution = bank.solution(exercise.chapter)
        self._functions = {
            name: self._timed(solution[name]) for name in exercise.functions
        }

    def __call__(self) -> None:
        """Raises ``ValueError`` where the solution loses a point."""
        self.own.append(0.0)
        self.calls.append(0)
        result = grade_functions(self._exercise, self._functions, next(self._seeds))
        if result.score != result.max_score:
            raise ValueError(f"{self._exercise.name}: {result.message}")

    def _timed(self, function: Callable[..., Any], sign: int = 1) -> Callable[..., Any]:
        """Return the function, whose seconds are added to the last of ``own``; those of
        what the judge lends it, with the other ``sign``, are the judge's."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = timing.clock()
            if sign > 0:
                args = tuple([self._timed(a, -1) if callable(a) else a for a in args])
            try:
                return function(*args, **kwargs)
            finally:
                self.calls[-1] += 1
                self.own[-1] += sign * (timing.clock() - start)

        return timed

    def clocks_share(self) -> float:
        """Return the seconds of a timed call that lie outside of its two readings."""
        self.own.append(0.0)
        self.calls.append(0)
        timed, start = self._timed(lambda: None), timing.clock()
        for _ in range(CALLS):
            timed()
        return (timing.clock() - start - self.own.pop()) / self.calls.pop()


def describe(result: dict[str, Any]) -> str:
    """Return the result as a table for a terminal."""
    lines = [
        f"Judging an exercise's solution, {result['rounds']} rounds",
        timing.on(result["machine"]),
    ]
    whole = result["with the solution"]
    lines += [f"{'':34s}   judge   and the solution"]
    lines += [
        f"{name:34s} {s:6.3f} s  {whole[name]:6.3f} s"
        for name, s in result["seconds"].items()
    ]
    lines.append(
        f"{'median over exercises':34s} {result['median']:6.3f} s  "
        f"{result['median with the solution']:6.3f} s  "
        f"(promised of the judge: at most {result['promise']} s)"
    )
    return "\n".join(lines)
