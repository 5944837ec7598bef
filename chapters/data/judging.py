"""Runs the public suites and this book's grader on right and wrong dropouts.

    cd chapters && python -m data.judging

writes ``judging.json`` beside this file (about an hour, most of it for the confusion
matrix, which needs the project's ``tests/``; without them, its part of the file stays
as it is).
"""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from suites import SUITES, Implementation, implementations, rejections

from autograder.grading.run import grade_functions

RESULT = Path(__file__).with_suffix(".json")
SEED = 8
#: Runs of a suite on each implementation: fewer where one takes long.
REPEATS = {"Flax": 60, "tinygrad": 20, "CS231n": 20}
MOST_REPEATS = 400
GRADINGS = 10
MUTANT_SEEDS = range(3)


def suite_matrix() -> dict[str, Any]:
    """Return for each suite its number of runs and its rejection rates."""
    subjects = implementations()
    out = {}
    for name, suite in SUITES.items():
        repeats = REPEATS.get(name, MOST_REPEATS)
        rates = rejections(suite, subjects, repeats, SEED)
        out[name] = {"repeats": repeats, "rejected": rates}
    return out


def grader_rejects(subject: Implementation, seed: int) -> bool:
    """Return whether the grader takes a point for the forward or the backward pass."""
    functions = {
        "inverted_dropout": subject.forward,
        "inverted_dropout_backward": subject.backward,
    }
    for exercise in functions:
        result = grade_functions(exercise, functions, seed)
        if result.score < result.max_score:
            return True
    return False


def grader_row(subjects: Sequence[Implementation], repeats: int) -> dict[str, Any]:
    """Return the grader's number of runs and its rejection rates."""
    rates = [
        sum(grader_rejects(subject, seed) for seed in range(repeats)) / repeats
        for subject in subjects
    ]
    return {"repeats": repeats, "rejected": rates}


def confusion() -> dict[str, Any]:
    """Return how often each intended mistake of a mutant was diagnosed as which: rows
    [chapter, intended, diagnosed, count]."""
    from autograder.contract.exercise import find_exercise
    from tests import bank

    counts: Counter[tuple[str, str, str]] = Counter()
    for mutant in bank.mutants():
        chapter = find_exercise(mutant.exercise).chapter
        for seed in MUTANT_SEEDS:
            found = grade_functions(mutant.exercise, mutant.functions, seed).mistake
            counts[chapter, mutant.mistake or "", found or ""] += 1
    return {
        "seeds": len(MUTANT_SEEDS),
        "counts": [[*row, count] for row, count in sorted(counts.items())],
    }


def main() -> None:
    """Measure everything and write ``judging.json``."""
    subjects = implementations()
    result = {
        "command": "cd chapters && python -m data.judging",
        "subjects": [subject.name for subject in subjects],
        "errs": [subject.pass_ for subject in subjects],
        "suites": suite_matrix() | {"this book": grader_row(subjects, GRADINGS)},
    }
    try:
        result["confusion"] = confusion()
    except ImportError:
        result["confusion"] = json.loads(RESULT.read_text("utf-8"))["confusion"]
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
