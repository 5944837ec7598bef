"""Results that no check foresaw: each ends in a sentence for the student, never in an
error of the check itself, and never in a warning of NumPy's on the instructor's screen."""

import contextlib
import itertools
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from autograder.contract.exercise import Exercise, all_exercises, find_exercise
from autograder.grading.local import LocalFunction
from autograder.grading.run import CHECK_STOPPED, grade_functions, run_check
from autograder.grading.unwritten import Watched
from tests import bank

Odd = Callable[[Any], Any]


class Sub(np.ndarray):
    """A subclass that adds nothing."""


class Whole(int):
    """A number of a class of its own."""


def mapped(change: Callable[[np.ndarray], Any]) -> Odd:
    """Return what changes every array and number in a result, and leaves the rest."""

    def odd(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return type(value)(odd(item) for item in value)
        if isinstance(value, dict):
            return {key: odd(item) for key, item in value.items()}
        if isinstance(value, np.ndarray | np.generic | int | float):
            return change(np.asarray(value))
        return value

    return odd


def constant(value: Any) -> Odd:
    return lambda _: value


def one_place(bad: float) -> Callable[[np.ndarray], Any]:
    def change(a: np.ndarray) -> np.ndarray:
        a = a.astype(float)
        a.reshape(-1)[:1] = bad
        return a

    return change


ODD: dict[str, Odd] = {
    "a huge number": constant(10**400),
    "a number of 5,000 digits": constant(-(10**5000)),
    "a ragged list": constant([1.0, [2.0]]),
    **{
        f"constant {i}": constant(value)
        for i, value in enumerate(
            (
                None,
                True,
                0,
                1,
                -1,
                2,
                10**400,
                -(10**5000),
                0.0,
                0.5,
                1e308,
                -1e308,
                5e-324,
                float("nan"),
                float("inf"),
                -float("inf"),
                1j,
                complex("nan"),
                "",
                "text",
                "0.8",
                b"bytes",
                (),
                [],
                {},
                set(),
                (None,),
                (None, None),
                [1.0, [2.0]],
                ((1.0, 2.0), 3.0),
                {"W": 1.0},
                {"W1": None},
                object,
                Ellipsis,
                Whole(3),
                np.float64(0.8),
                np.float32(0.8),
                np.float16(0.8),
                np.longdouble(0.8),
                np.bool_(True),
                np.int8(-1),
                np.complex128(1j),
                np.datetime64("2020-01-01"),
                np.timedelta64(3, "s"),
                np.str_("x"),
                np.array(1.0),
                np.array(None),
                np.array("x"),
                np.array([]),
                np.zeros((0, 3)),
                np.zeros((3, 0)),
                np.zeros(1),
                np.ones((1, 1, 1, 1, 1)),
                np.zeros(2, [("a", float), ("b", int)]),
            )
        )
    },
    "a list of arrays": lambda v: [np.asarray(1.0), v],
    "a pair too many": lambda v: (v, v),
    "a triple": lambda v: (v, None, v),
    "itself in a tuple": lambda v: (v,),
    "without its last": lambda v: v[:-1] if isinstance(v, tuple) else None,
    "turned round": lambda v: v[::-1] if isinstance(v, tuple) else v,
    "complex": mapped(lambda a: a.astype(complex)),
    "complex with a part": mapped(lambda a: a * 1j),
    "text": mapped(lambda a: a.astype(str)),
    "objects": mapped(lambda a: a.astype(object)),
    "objects that are None": mapped(lambda a: np.full(a.shape, None)),
    "booleans": mapped(lambda a: a.astype(bool)),
    "integers": mapped(lambda a: a.astype(np.int64)),
    "small integers": mapped(lambda a: np.nan_to_num(a).astype(np.int8)),
    "unsigned": mapped(lambda a: np.abs(a).astype(np.uint8)),
    "half precision": mapped(lambda a: a.astype(np.float16)),
    "half precision, too large": mapped(lambda a: (a * 1e5).astype(np.float16)),
    "single precision": mapped(lambda a: a.astype(np.float32)),
    "single precision, too large": mapped(lambda a: (a * 1e39).astype(np.float32)),
    "long doubles": mapped(lambda a: a.astype(np.longdouble)),
    "long doubles, too large": mapped(lambda a: a.astype(np.longdouble) * 1e308 * 1e10),
    "dates": mapped(lambda a: a.astype("datetime64[s]")),
    "structures": mapped(lambda a: np.zeros(a.shape, [("a", float)])),
    "a subclass": mapped(lambda a: a.view(Sub)),
    "a matrix": mapped(lambda a: np.matrix(a) if a.ndim == 2 else a),
    "masked": mapped(lambda a: np.ma.masked_array(a, np.ones(a.shape, bool))),
    "half masked": mapped(lambda a: np.ma.masked_less(a, 1)),
    "lists": mapped(lambda a: a.tolist()),
    "scalars": mapped(lambda a: a.reshape(-1)[0] if a.size else 0.0),
    "sums": mapped(lambda a: a.sum()),
    "of rank 0": mapped(lambda a: np.asarray(a.sum())),
    "flat": mapped(lambda a: a.reshape(-1)),
    "transposed": mapped(lambda a: a.T),
    "an axis more": mapped(lambda a: a[None]),
    "another axis more": mapped(lambda a: a[..., None]),
    "empty": mapped(lambda a: a.reshape(-1)[:0]),
    "one short": mapped(lambda a: a[:-1] if a.ndim else a),
    "rank 6": mapped(lambda a: a.reshape(a.shape + (1,) * (6 - min(a.ndim, 6)))),
    "zeros": mapped(np.zeros_like),
    "minus zeros": mapped(lambda a: np.zeros(a.shape) * -1.0),
    "ones": mapped(np.ones_like),
    "all 1e308": mapped(lambda a: np.full(a.shape, 1e308)),
    "all -1e308": mapped(lambda a: np.full(a.shape, -1e308)),
    "all 1e-308": mapped(lambda a: np.full(a.shape, 1e-308)),
    "all 5e-324": mapped(lambda a: np.full(a.shape, 5e-324)),
    "all 1e200": mapped(lambda a: np.full(a.shape, 1e200)),
    "all 1e19": mapped(lambda a: np.full(a.shape, 1e19)),
    "alternating huge": mapped(
        lambda a: np.where(np.arange(a.size).reshape(a.shape) % 2, 1e308, -1e308)
    ),
    "all nan": mapped(lambda a: np.full(a.shape, np.nan)),
    "all inf": mapped(lambda a: np.full(a.shape, np.inf)),
    "one nan": mapped(one_place(np.nan)),
    "one inf": mapped(one_place(np.inf)),
    "one 1e308": mapped(one_place(1e308)),
    "one 0": mapped(one_place(0.0)),
    "negated": mapped(lambda a: -a.astype(float)),
    "times 1e308": mapped(lambda a: a * 1e308),
    "times 1e150": mapped(lambda a: a * 1e150),
    "times 1e-308": mapped(lambda a: a * 1e-308),
    "times 1e-200": mapped(lambda a: a * 1e-200),
    "times 0": mapped(lambda a: a * 0.0),
    "plus 1e16": mapped(lambda a: a + 1e16),
    "plus a half": mapped(lambda a: a + 0.5),
    "sorted": mapped(lambda a: np.sort(a.reshape(-1)).reshape(a.shape)),
    "rounded": mapped(np.round),
    "huge whole numbers": mapped(lambda a: np.full(a.shape, 2**62)),
    "the largest unsigned": mapped(lambda a: np.full(a.shape, 2**64 - 1, np.uint64)),
    "read-only": mapped(lambda a: np.broadcast_to(a.sum(), a.shape)),
    "big endian": mapped(lambda a: a.astype(">f8")),
}

#: From which call on a result is odd, and how often.
WHEN: dict[str, Callable[[int], bool]] = {
    "always": lambda call: True,
    "from the second call": lambda call: call >= 1,
    "at the second call": lambda call: call == 1,
    "at every third call": lambda call: call % 3 == 2,
    "from the tenth call": lambda call: call >= 9,
    "from the fiftieth call": lambda call: call >= 49,
}
PLACES = (None, 0, 1, 2)


def changed(result: Any, odd: Odd, place: int | None) -> Any:
    if place is None:
        return odd(result)
    if not isinstance(result, tuple) or place >= len(result):
        return result
    return (*result[:place], odd(result[place]), *result[place + 1 :])


def oddly(function: Callable[..., Any], odd: str, when: str, place: int | None) -> Any:
    """Return the function with some of its results, or one place of them, made odd."""
    calls = itertools.count()

    def answer(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            result = function(*args, **kwargs)
            if not WHEN[when](next(calls)):
                return result
            try:
                return changed(result, ODD[odd], place)
            except (TypeError, ValueError, OverflowError):
                return result  # no such oddity of this result

    return answer


def places(exercise: Exercise) -> Iterator[int | None]:
    returned = exercise.signature.partition("->")[2].count(",")
    return iter(PLACES[: returned + 2] if returned else PLACES[:1])


def stopped(exercise: Exercise, odd: str, when: str, place: int | None) -> list[str]:
    """Return the messages of checks that ended in their own error."""
    functions = bank.solution(exercise.chapter)
    own = {
        exercise.name: oddly(functions[exercise.name], odd, when, place),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = grade_functions(exercise, {**functions, **own}, seed=7)
    assert all(check.message or check.status == "passed" for check in result.checks)
    return [
        f"{exercise.name}: {odd}, {when}, place {place}: {check.message}"
        for check in result.checks
        if check.message.startswith(CHECK_STOPPED)
    ]


def by_name(exercise: Exercise) -> str:
    return exercise.name


#: What ended in an error of a check's own before.
FOUND = [
    *(("alpha_dropout", "half precision", 0),),
    *(("dropout_moments", "a huge number", place) for place in (0, 1)),
    *(("dropout_moments", "a ragged list", place) for place in (0, 1)),
    *(("dropout_moments", "a list of arrays", 1), ("dropout_moments", "a triple", 1)),
    *(("inverted_dropout", "a number of 5,000 digits", 0),),
    *(("inverted_dropout", "all 1e308", 0), ("expected_energy", "all 1e308", None)),
]


@pytest.mark.parametrize(("name", "odd", "place"), FOUND)
def test_a_result_that_stopped_a_check_is_judged(
    name: str, odd: str, place: int | None
) -> None:
    assert not stopped(find_exercise(name), odd, "always", place)


@pytest.mark.parametrize("exercise", all_exercises(), ids=by_name)
def test_an_odd_result_is_judged(exercise: Exercise) -> None:
    found = [
        text
        for odd in list(ODD)[len(exercise.name) % 7 :: 7]
        for text in stopped(exercise, odd, "always", list(places(exercise))[-1])
    ]
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("exercise", all_exercises(), ids=by_name)
def test_an_odd_result_is_judged_whenever_it_comes(
    exercise: Exercise, when: str
) -> None:
    found = [
        text
        for odd in ODD
        for place in places(exercise)
        for text in stopped(exercise, odd, when, place)
    ]
    assert not found, "\n".join(found)


#: In which calls of one check a result is odd.
WITHIN: dict[str, Callable[[int, tuple[Any, ...]], bool]] = {
    "all": lambda call, args: True,
    "every second": lambda call, args: call % 2 == 0,
    "but every second": lambda call, args: call % 2 == 1,
    "at keep_prob 0 and 1": lambda call, args: any(
        type(arg) is float and arg in (0.0, 1.0) for arg in args
    ),
}


def stopped_within(exercise: Exercise, check: str, odd: str, when: str) -> list[str]:
    """Return the message of this check if it ends in its own error: in all others the
    function is right."""
    functions, calls = bank.solution(exercise.chapter), itertools.count()
    right, place = functions[exercise.name], [*places(exercise)][:2][-1]

    def answer(*args: Any, **kwargs: Any) -> Any:
        result = right(*args, **kwargs)
        if not WITHIN[when](next(calls), args):
            return result
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            return changed(result, ODD[odd], place)
        return result

    own = {
        name: Watched(
            LocalFunction(
                name,
                answer if name == exercise.name else functions[name],
                find_exercise(name).opaque,
            ),
            find_exercise(name).arguments,
        )
        for name in exercise.functions
    }
    [judged] = [each for each in exercise.checks if each.name == check]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result = run_check(judged, own, 7, {})
    said = f"{exercise.name}: {odd}, {when} of {check}: {result.message}"
    return [said] if result.message.startswith(CHECK_STOPPED) else []


@pytest.mark.parametrize(
    ("name", "check", "odd", "when"),
    [
        (
            "kept_count_distribution",
            "one_count_is_certain_at_zero_and_one",
            "a ragged list",
            "at keep_prob 0 and 1",
        ),
        (
            "exact_count_dropout",
            "counts_kept_units_whose_input_is_zero",
            "zeros",
            "all",
        ),
        (
            "rescaled_sum_distribution",
            "has_one_outcome_at_keep_prob_one",
            "read-only",
            "but every second",
        ),
    ],
)
def test_a_result_that_stopped_one_check_is_judged(
    name: str, check: str, odd: str, when: str
) -> None:
    assert not stopped_within(find_exercise(name), check, odd, when)


@pytest.mark.slow
@pytest.mark.parametrize("exercise", all_exercises(), ids=by_name)
def test_an_odd_result_in_one_check_alone_is_judged(exercise: Exercise) -> None:
    found = [
        text
        for check in exercise.checks
        for odd in ODD
        for when in WITHIN
        for text in stopped_within(exercise, check.name, odd, when)
    ]
    assert not found, "\n".join(found)


LATE: dict[str, Odd] = {
    "an array of no axes": mapped(lambda a: a.reshape(-1)[:1].sum()),
    "an empty array": mapped(lambda a: a[..., :0] if a.ndim else np.zeros(0)),
    "an axis more": mapped(lambda a: np.stack([a, a, a])),
    "a last axis more": mapped(lambda a: np.stack([a, a], axis=-1)),
    "one row": mapped(lambda a: a[:1] if a.ndim else a[None]),
    "no entries in an axis more": mapped(lambda a: np.stack([a])[:0]),
}


def odd_from(function: Callable[..., Any], first: int, odd: Odd) -> Any:
    """Return a function that is right until its call of this number; it counts calls."""

    def later(*args: Any, **kwargs: Any) -> Any:
        later.calls += 1  # type: ignore[attr-defined]
        result = function(*args, **kwargs)
        return odd(result) if later.calls > first else result  # type: ignore[attr-defined]

    later.calls = 0  # type: ignore[attr-defined]
    return later


def arrays(name: str) -> bool:
    """Return whether an exercise's result holds arrays, not numbers alone."""
    numbers = ("effective_count", "expected_energy", "annealed_keep_prob")
    return name not in (*numbers, "is_inverted_dropout")


def test_a_mask_that_is_none_at_the_edge_alone_is_told_as_none() -> None:
    def bernoulli_mask(shape: Any, keep_prob: float, rng: Any) -> Any:
        return rng.random(shape) < keep_prob if keep_prob else None

    result = grade_functions("bernoulli_mask", {"bernoulli_mask": bernoulli_mask}, 1)
    failed = [check.name for check in result.checks if check.status == "failed"]
    assert failed[0] == "returns_booleans" and result.mistake == "returns_nothing"
    assert "0.0, rng) returned None: is a return statement missing?" in result.message


@pytest.mark.parametrize("name", [e.name for e in all_exercises()])
@pytest.mark.parametrize("parts", [4, pytest.param(25, marks=pytest.mark.slow)])
def test_results_that_become_odd_late_end_in_a_sentence_and_cost_points(
    name: str, parts: int
) -> None:
    """What a first check looked at, a later one does not take for granted."""
    exercise = find_exercise(name)
    solution = bank.solution(exercise.chapter)
    right = odd_from(solution[name], 10**9, constant(None))
    grade_functions(exercise, {**solution, name: right}, 1)
    # An array of no axes counts as a number, and some results are numbers.
    fair = (
        {**LATE} if arrays(name) else {k: LATE[k] for k in LATE if "no axes" not in k}
    )
    starts = range(parts if arrays(name) else 2)
    for part, (what, odd) in itertools.product(starts, fair.items()):
        answer = odd_from(solution[name], part * right.calls // len(starts), odd)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            report = grade_functions(exercise, {**solution, name: answer}, 1)
        told = [c.message for c in report.checks if CHECK_STOPPED in c.message]
        assert not told, (what, part, told)
        assert report.score < report.max_score, (what, part)


def lists_of(length: int) -> Callable[..., Any]:
    """Return a right answer that repeats its sums, so often that there are so many."""
    right = bank.solution("expectation")["rescaled_sum_distribution"]

    def rescaled_sum_distribution(x: Any, keep_prob: float) -> Any:
        values, chances = right(x, keep_prob)
        more = length - len(values)
        return np.resize(values, length), np.append(chances, np.zeros(more))

    return rescaled_sum_distribution


def test_right_lists_may_be_long_but_not_so_long_that_sorting_them_takes_minutes() -> (
    None
):
    name = "rescaled_sum_distribution"
    result = grade_functions(name, {name: lists_of(2**14)}, 1)
    assert result.score == result.max_score
    began = time.process_time()
    result = grade_functions(name, {name: lists_of(2**14 + 1)}, 1)
    assert result.score < 1 and result.mistake == "returns_another_shape"
    told = "returned 16,385 values; expected at most 16,384, for 16 masks."
    assert told in result.message
    assert time.process_time() - began < 1


#: Any answer that is no bool is wrong there, and none is looked at.
LOOKED_AT = [e.name for e in all_exercises() if e.name != "is_inverted_dropout"]


@pytest.mark.slow
@pytest.mark.parametrize("name", LOOKED_AT)
def test_no_exercise_works_at_length_on_what_is_too_long(name: str) -> None:
    long = np.random.default_rng(1).random(2_000_000)
    exercise = find_exercise(name)
    solution = bank.solution(exercise.chapter)
    began = time.process_time()
    grade_functions(exercise, solution, 1)
    usual = time.process_time() - began
    for start in (0, 5, 30):
        for odd in (mapped(constant(long)), constant(long)):
            answer = odd_from(solution[name], start, odd)
            began = time.process_time()
            grade_functions(exercise, {**solution, name: answer}, 1)
            assert time.process_time() - began < usual + 1, start
