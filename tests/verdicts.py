"""Writes the verdicts on all mutants and correct styles, and compares two such files.

    python -m tests.verdicts before.json [EXERCISE …]
    python -m tests.verdicts --compare before.json after.json

A change that should change no verdict (a rebuild, a shorter family) is compared with the
tree before it, at one seed: exercises with their points, checks, dependence and looks;
mistakes with their texts; and the whole report on every answer.
"""

import argparse
import contextlib
import io
import itertools
import json
import random
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from autograder.contract.exercise import Exercise, all_exercises
from autograder.contract.mistakes import all_mistakes
from autograder.grading.run import grade_functions
from tests import bank

SEED = 1
_LINE = re.compile(r"\(line(?: \d+)?: .*?\)(?=[.;])")
_default_rng = np.random.default_rng


@contextlib.contextmanager
def quiet_and_seeded() -> Iterator[None]:
    """Let answers that draw from sources of their own draw the same at each run."""
    seeds = itertools.count(1000)

    def seeded(seed: Any = None) -> np.random.Generator:
        return _default_rng(next(seeds) if seed is None else seed)

    random.seed(1)
    np.random.seed(1)
    with (
        mock.patch.object(np.random, "default_rng", seeded),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def terms(exercise: Exercise) -> dict[str, Any]:
    """Return what an exercise asks for, and on what terms."""
    checks = [
        {
            "name": check.name,
            "summary": check.summary,
            "points": check.points,
            "after": list(check.after),
            "looks": {name: repr(law) for name, law in sorted(check.looks.items())},
        }
        for check in exercise.checks
    ]
    return {
        "chapter": exercise.chapter,
        "title": exercise.title,
        "signature": exercise.signature,
        "section": exercise.section,
        "needs": list(exercise.needs),
        "opaque": list(exercise.opaque),
        "checks": checks,
    }


def verdict(answer: bank.Answer) -> dict[str, Any]:
    """Return the report on an answer."""
    with quiet_and_seeded():
        report = grade_functions(answer.exercise, answer.functions, SEED).as_dict()
    return dict(report)


def collected(names: list[str]) -> dict[str, dict[str, Any]]:
    """Return the terms of the exercises of these names (none: all) and the verdicts."""
    exercises = [e for e in all_exercises() if not names or e.name in names]
    answers = [*bank.mutants(), *bank.correct_answers()]
    wanted = {e.name for e in exercises}
    return {
        "exercises": {e.name: terms(e) for e in exercises},
        "mistakes": {m.name: [m.says, m.section] for m in all_mistakes().values()},
        "answers": {str(a): verdict(a) for a in answers if a.exercise in wanted},
    }


def differences(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """Yield a line for each value that differs, with its place."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            if key not in before or key not in after:
                yield f"{at}/{key}: only {'after' if key in after else 'before'}"
            else:
                yield from differences(before[key], after[key], f"{at}/{key}")
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield f"{at}: {len(before)} items before, {len(after)} after"
        for i, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from differences(one, other, f"{at}[{i}]")
    elif before != after:
        yield f"{at}:\n  before {before!r}\n  after  {after!r}"


def compare(old: Path, new: Path) -> int:
    """Print what differs in what both files hold; return 1 if anything does."""
    # The line that an error quotes is of the answer's own file, which may be rewritten.
    texts = (path.read_text(encoding="utf-8") for path in (old, new))
    before, after = (json.loads(_LINE.sub("(line)", text)) for text in texts)
    # A file of some exercises is compared for these alone.
    chosen = before["exercises"].keys() & after["exercises"].keys()
    for data in (before, after):
        for part in ("exercises", "answers"):
            data[part] = {k: v for k, v in data[part].items() if _of(k) in chosen}
    found = list(differences(before, after))
    print("\n".join(found) or f"{len(after['answers'])} verdicts, all the same")
    return int(bool(found))


def _of(label: str) -> str:
    """Return the exercise in the label of an answer, or of an exercise."""
    return label.partition("-")[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "rest", nargs="*", help="exercises, or the file to compare with"
    )
    arguments = parser.parse_args()
    if arguments.compare:
        return compare(arguments.file, Path(arguments.rest[0]))
    data = collected(arguments.rest)
    text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False)
    arguments.file.write_text(text, encoding="utf-8")
    print(f"{len(data['answers'])} verdicts in {arguments.file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
