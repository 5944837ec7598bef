"""Prints the audit with what the tests know: mutants killed, and times on the solutions.

    python -m tests.audit [CHAPTER …]

``python -m autograder audit`` prints the promises alone.
"""

import argparse
import time

from autograder.contract.exercise import Check, Exercise, all_exercises, find_exercise
from autograder.doors.promises import Evidence, audit_text
from autograder.grading.local import LocalFunction
from autograder.grading.run import run_check
from tests import bank

REPEATS = 3


def seconds(exercise: Exercise, check: Check) -> float:
    """Return the median time of a check on the chapter's solution."""
    solution = bank.solution(exercise.chapter)
    functions = {
        name: LocalFunction(name, solution[name], find_exercise(name).opaque)
        for name in exercise.functions
    }
    times = []
    for seed in range(REPEATS):
        start = time.perf_counter()
        run_check(check, functions, seed)
        times.append(time.perf_counter() - start)
    return sorted(times)[REPEATS // 2]


def evidence(chapter: str) -> dict[tuple[str, str], Evidence]:
    """Return, by exercise and check, the mutants that must fail it and its time."""
    return {
        (exercise.name, check.name): Evidence(
            sum(check.name in mutant.fails for mutant in bank.mutants(exercise.name)),
            seconds(exercise, check),
        )
        for exercise in all_exercises(chapter)
        for check in exercise.checks
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chapters", nargs="*")
    print(audit_text(parser.parse_args().chapters, evidence))
