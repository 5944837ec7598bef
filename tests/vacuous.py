"""Answers that say nothing while one check runs, and are right in all others.

    python -m tests.vacuous [EXERCISE …] [--way WAY …] [--seed N] [--mutants]

grades each solution, whose results are replaced while one check runs: by zeros, or zeros where
they are not x (``zeros but x``), by ones, NaN, x itself, the first result of that check, or an
exception. An answer that keeps all points shows a check that passes without evidence: whoever
knows when it runs, by counting calls, has its points for nothing. Such checks are printed, but
for those that ask for no more (``ENOUGH``), and checks that such results stop. ``--mutants``
does the same with each wrong answer that fails one check alone, while this runs: one that
knows no factor, for example, and drops all units while factors are looked at.
"""

import argparse
import contextlib
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

import numpy as np

from autograder.contract.exercise import Check, Exercise, all_exercises, find_exercise
from autograder.grading import run
from autograder.grading.report import CheckResult
from tests import bank

SEED = 5
#: ``is_inverted_dropout`` is asked about the judge's own functions, yes or no: each check of
#: it asks about some of either kind, and what it returns has no zeros, and no x.
NAMES = [e.name for e in all_exercises() if e.name != "is_inverted_dropout"]
_NUMBERS = {"zeros": 0.0, "zeros but x": 0.0, "ones": 1.0, "nan": np.nan}
WAYS = (*_NUMBERS, "x", "earlier", "raises")
#: What checks need not see, by a pattern of exercise, check and way, with the reason.
ENOUGH: dict[str, str] = {
    r"\w+ \w*leaves?_\w*: .*": "Arguments are looked at after the call, and no result.",
    r"\w+ returns_\w+: (zeros|zeros but x|ones|x|earlier)": (
        "Shape and dtype are asked for; any numbers have them."
    ),
    r"\w+ (drops|replaces)_some_\w+: earlier": "Some are dropped and some not: so they were.",
    r"rescaled_sum_distribution the_probabilities_sum_to_one: earlier": (
        "Those of any distribution do; which it is, others ask."
    ),
    r"classic_settings translates_the_(learning_rate|weight_decay): x": (
        "x stands for the weights, which another check looks at."
    ),
    r"byte_dropout rounds_to_the_nearest_keep_prob_of_a_byte: x": (
        "x stands for the layer; this check looks at the number beside it."
    ),
}

Function = Callable[..., Any]


def enough(what: str) -> bool:
    """Return whether a check need not see it."""
    return any(re.fullmatch(pattern, what) for pattern in ENOUGH)


def filled(result: Any, opaque: tuple[int, ...], number: float) -> Any:
    """Return a result of the same kind in which all numbers are this one; what a tuple has
    at the ``opaque`` places stays."""
    if isinstance(result, tuple):
        return tuple(
            item if place in opaque else filled(item, (), number)
            for place, item in enumerate(result)
        )
    if isinstance(result, dict):
        return {name: filled(item, (), number) for name, item in result.items()}
    if isinstance(result, np.ndarray):
        holds = result.dtype.kind == "f" or np.isfinite(number)
        return np.full(result.shape, number, result.dtype if holds else float)
    if isinstance(result, int) and np.isfinite(number):
        return type(result)(number)
    return float(number)


def with_x(result: Any, x: Any) -> Any:
    """Return a result whose first array is x, if that has its shape."""
    if isinstance(result, tuple):
        return (with_x(result[0], x), *result[1:])
    fits = isinstance(result, np.ndarray) and np.shape(x) == result.shape
    return np.array(x).astype(result.dtype) if fits else result


def _same(one: Any, other: Any) -> bool:
    """Return whether two results of one kind hold the same numbers."""
    if isinstance(one, tuple):
        return all(map(_same, one, other))
    if isinstance(one, dict):
        return all(_same(value, other[name]) for name, value in one.items())
    numbers = isinstance(one, np.ndarray | float | int)
    return np.array_equal(one, other) if numbers else one is other


def _kind_of(result: Any, opaque: tuple[int, ...]) -> Any:
    """Return what results have in common that may stand for each other."""
    if isinstance(result, tuple):
        return tuple(
            _kind_of(item, ()) for n, item in enumerate(result) if n not in opaque
        )
    if isinstance(result, dict):
        return tuple((name, _kind_of(item, ())) for name, item in result.items())
    return type(result), np.shape(result), getattr(result, "dtype", None)


class Answer:
    """Functions whose results are replaced in one ``way`` while it is ``silent``."""

    def __init__(self, exercise: Exercise, functions: dict[str, Function], way: str):
        self.silent = False
        self._calls = self._replaced = 0
        self._right, self._way = functions[exercise.name], way
        self._opaque = exercise.opaque
        self._first: dict[Any, Any] = {}
        self.functions = {**functions, exercise.name: self._call}

    @property
    def says_nothing(self) -> bool:
        """Return whether most results were replaced by others."""
        return 2 * self._replaced > self._calls

    def _call(self, *args: Any, **how: Any) -> Any:
        if not self.silent:
            return self._right(*args, **how)
        self._calls += 1
        if self._way == "raises":
            self._replaced += 1
            raise ValueError("not now")
        result = self._right(*args, **how)
        other = self._other(result, args[0] if args else next(iter(how.values())))
        self._replaced += not _same(result, other)
        return other

    def _other(self, result: Any, x: Any) -> Any:
        if self._way == "zeros but x" and _same(result, with_x(result, x)):
            return result
        if self._way in _NUMBERS:
            return filled(result, self._opaque, _NUMBERS[self._way])
        if self._way == "x":
            return with_x(result, x)
        return self._first.setdefault(_kind_of(result, self._opaque), result)


class _Lost(BaseException):
    """Points are lost: the rest need not be graded."""


_Run = Callable[[Check, Any, int, dict[str, Any]], CheckResult]


class Grading:
    """The grading of an answer that says nothing while some check runs."""

    def __init__(self, name: str, functions: dict[str, Function], way: str) -> None:
        self._exercise = find_exercise(name)
        self._answer = Answer(self._exercise, functions, way)
        self._run: _Run = run.run_check
        self.stopped = False
        #: The check while which it says nothing.
        self.check = ""

    def silent_in(self, check: str, seed: int) -> bool:
        """Return whether the answer keeps all points that says nothing in this check, where
        most of its results are to be others."""
        self.check = check

        def marked(check: Check, *rest: Any) -> CheckResult:
            return self._result(check.name == self.check, check, *rest)

        return self._keeps_all(marked, seed)

    def silent_where_wrong(self, seed: int) -> bool:
        """Return whether the answer, which is wrong, keeps all points if it says nothing in
        the one check that it fails."""

        def marked(check: Check, functions: Any, seed: int, notes: Any) -> CheckResult:
            before = dict(notes)
            if self.check:
                return self._result(False, check, functions, seed, notes)
            with contextlib.suppress(_Lost):
                return self._result(False, check, functions, seed, notes)
            self.check = check.name
            notes.clear()
            notes.update(before)
            return self._result(True, check, functions, seed, notes)

        return self._keeps_all(marked, seed)

    def _result(self, silent: bool, *given: Any) -> CheckResult:
        self._answer.silent = silent
        try:
            result = self._run(*given)
        finally:
            self._answer.silent = False
        self.stopped |= run.CHECK_STOPPED in result.message
        if result.status == "failed":
            raise _Lost
        return result

    def _keeps_all(self, marked: _Run, seed: int) -> bool:
        exercise, functions = self._exercise, self._answer.functions
        with (
            mock.patch.object(run, "run_check", marked),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.suppress(_Lost),
        ):
            warnings.simplefilter("ignore")
            result = run.grade_functions(exercise, functions, seed)
            return result.score == result.max_score and self._answer.says_nothing
        return False


def passes(
    name: str, ways: Sequence[str] = WAYS, seed: int = SEED, mutants: bool = False
) -> Iterator[str]:
    """Yield the checks of an exercise, with the ways, in which an answer may say nothing and
    keep all points: the solution, or ``mutants`` in the check that they fail."""
    right = bank.Answer(name, "solution", {}).functions
    for way in ways:
        for check in find_exercise(name).checks:
            grading = Grading(name, right, way)
            kept = not mutants and grading.silent_in(check.name, seed)
            if grading.stopped:
                yield f"{name} {check.name}: {way} stop the check"
            if kept and not enough(what := f"{name} {check.name}: {way}"):
                yield what
        for mutant in bank.mutants(name) if mutants else ():
            grading = Grading(name, mutant.functions, way)
            if grading.silent_where_wrong(seed) and not enough(
                f"{name} {grading.check}: {way}"
            ):
                yield f"{mutant} {grading.check}: {way}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.vacuous")
    parser.add_argument("names", nargs="*", metavar="EXERCISE")
    parser.add_argument("--way", nargs="*", choices=WAYS, default=WAYS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--mutants", action="store_true")
    given = parser.parse_args()
    for name in given.names or NAMES:
        for each in passes(name, given.way, given.seed, given.mutants):
            print(each, flush=True)


if __name__ == "__main__":
    main()
