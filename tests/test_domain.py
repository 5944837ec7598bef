"""What a statement allows, the judge tries: every corner of every range is visited by a
check, and the statement says the range in the register's words."""

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from autograder.contract import domain
from autograder.contract.exercise import Exercise, all_exercises, find_exercise
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.grading.local import LocalFunction
from autograder.grading.run import grade_functions, run_check
from tests import bank

#: What a caller passes that has no range: a generator, a switch, what the student made.
NO_RANGE = {"rng", "training", "cache", "dropout"}


def corners(takes: Mapping[str, domain.Range]) -> Iterator[tuple[str, str]]:
    """Yield argument and corner, for all arguments of an exercise."""
    for argument, of in takes.items():
        for corner in of.corners:
            yield argument, corner


class Visits:
    """Calls a function, and notes at which corners of its range it was called."""

    def __init__(
        self, function: Callable[..., Any], takes: Mapping[str, domain.Range]
    ) -> None:
        self._function, self._takes = function, takes
        self._signature = inspect.signature(function)
        self.seen: set[tuple[str, str]] = set()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        bound = self._signature.bind(*args, **kwargs)
        for argument, of in self._takes.items():
            together = argument == domain.TOGETHER
            if together or argument in bound.arguments:
                value = bound.arguments if together else bound.arguments[argument]
                at = {corner for corner, fits in of.corners.items() if fits(value)}
                self.seen |= {(argument, corner) for corner in at}
        return self._function(*args, **kwargs)


def by_name(exercise: Exercise) -> str:
    return exercise.name


def visits(exercise: Exercise) -> Mapping[str, set[tuple[str, str]]]:
    """Return, for each check, the corners at which it calls the solution."""
    solution = bank.solution(exercise.chapter)
    found: dict[str, set[tuple[str, str]]] = {}
    for check in exercise.checks:
        watched = {
            name: Visits(solution[name], exercise.takes) for name in exercise.functions
        }
        functions = {
            name: LocalFunction(name, function, find_exercise(name).opaque)
            for name, function in watched.items()
        }
        assert run_check(check, functions, seed=3).status == "passed"
        found[check.name] = set().union(*(w.seen for w in watched.values()))
    return found


@pytest.mark.parametrize("exercise", all_exercises(), ids=by_name)
def test_every_corner_of_the_range_is_visited(exercise: Exercise) -> None:
    seen = set().union(*visits(exercise).values())
    missed = [f"{a}: {c}" for a, c in corners(exercise.takes) if (a, c) not in seen]
    assert not missed


@pytest.mark.parametrize("exercise", all_exercises(), ids=by_name)
def test_every_argument_has_a_range(exercise: Exercise) -> None:
    named = {a for name in exercise.functions for a in find_exercise(name).arguments}
    assert set(exercise.takes) - {domain.TOGETHER} == named - NO_RANGE


@pytest.mark.parametrize("exercise", all_exercises(), ids=by_name)
def test_the_statement_says_the_range(exercise: Exercise) -> None:
    text = " ".join(bank.statement(exercise.name).split())
    missing = [of.says for of in exercise.takes.values() if of.says not in text]
    assert not missing


def test_a_corner_that_no_check_visits_is_found() -> None:
    of = domain.floats("1 to 2 axes", 1, 2)
    watched = Visits(lambda x, keep_prob=0.5: x, {"x": of})
    for x in (np.ones((1, 3), np.float32), np.array([0.0, -2e6])):
        watched(x)
    missed = set(corners({"x": of})) - watched.seen
    expected = {"a single entry", "small entries", "transposed"}
    assert {corner for _, corner in missed} == expected


@pytest.mark.parametrize(
    ("keep_prob", "corner"),
    [(1.0, "1"), (0.97, "0.95 to 1"), (0.1, "0.05 to 0.25"), (0.01, "below 0.05")],
)
def test_a_keep_probability_has_its_corner(keep_prob: float, corner: str) -> None:
    fits: Mapping[str, Any] = domain.keep_probs().corners
    assert [name for name, fit in fits.items() if fit(keep_prob)] == [corner]


@pytest.mark.parametrize("shape", [(2,), (2, 3, 1, 4)])
def test_where_zeros_are_asked_for_there_is_one_at_every_seed(
    shape: tuple[int, ...],
) -> None:
    """By chance alone 24 entries have none once in 200 seeds."""
    check = find_exercise("spatial_dropout").checks[0]
    for seed in range(100):
        for x in (
            Trial(check, seed).inputs(*shape, zeros=0.2),
            elementwise.wide(Trial(check, seed), shape, zeros=0.1),
        ):
            assert not x.all()


def test_a_floor_that_shows_at_zeros_alone_is_seen_at_every_seed() -> None:
    """At seed 7 no array of images had a zero."""
    (floor,) = (
        m for m in bank.mutants("spatial_dropout") if m.name[8:] == "with_a_floor"
    )
    for seed in (6, 7):
        result = grade_functions("spatial_dropout", floor.functions, seed)
        assert result.score < result.max_score


#: Whose keep_prob is the rate of the mask and nothing else: that is told apart as exactly as
#: its looks say.
RATES_ALONE = {"exact_count_dropout"}

#: Floors and caps as close to the ends of the range as the judge promises to see.
BOUNDS = ((0.0025, 1.0), (0.0, 0.9998))


def of_layers() -> list[Exercise]:
    """Return the exercises whose layers draw, and are told keep_prob themselves."""
    says = domain.keep_probs().says
    return [
        exercise
        for exercise in all_exercises()
        if "keep_prob" in exercise.arguments
        and exercise.takes["keep_prob"].says == says
        and exercise.name not in RATES_ALONE
    ]


def bounded(exercise: Exercise, low: float, high: float) -> dict[str, Any]:
    """Return the solution's functions, to whom keep_prob is never below ``low`` nor,
    but for 1, above ``high``."""
    functions = {n: bank.solution(exercise.chapter)[n] for n in exercise.functions}
    solved, place = functions[exercise.name], exercise.arguments.index("keep_prob")

    def answer(*args: Any, **kwargs: Any) -> Any:
        given = list(args)
        if given[place] < 1:
            given[place] = min(max(given[place], low), high)
        return solved(*given, **kwargs)

    return {**functions, exercise.name: answer}


@pytest.mark.parametrize("exercise", of_layers(), ids=by_name)
def test_floors_and_caps_close_to_the_ends_are_seen(exercise: Exercise) -> None:
    for (low, high), seed in itertools.product(BOUNDS, (1, 2)):
        result = grade_functions(exercise, bounded(exercise, low, high), seed)
        assert result.score < result.max_score, (low, high, seed)


def test_layers_that_draw_are_known() -> None:
    assert len(of_layers()) >= 10


@pytest.mark.parametrize("kind", ["inverted_dropout", "classic_dropout"])
@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_a_backward_pass_with_a_floor_or_cap_is_seen(
    kind: str, low: float, high: float
) -> None:
    forward = bank.solution("backward")[kind]

    def dropout(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
        out, factor = forward(x, keep_prob, rng, training)
        scale = np.max(factor)  # 1 / keep_prob, keep_prob at test, or 1
        shown = min(scale, 1 / scale) if scale else 1.0
        kept = min(max(shown, low), high) if shown < 1 else 1.0
        return out, factor * ((kept / shown) if scale < 1 else (shown / kept))

    def backward(dout: np.ndarray, cache: np.ndarray) -> np.ndarray:
        return dout * cache

    for seed in (1, 2):
        functions = {kind: dropout, f"{kind}_backward": backward}
        result = grade_functions(f"{kind}_backward", functions, seed)
        assert result.score < result.max_score
