"""An error of a student's code says with which arguments the function was called."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograder.contract.student import StudentError, StudentFunction
from autograder.grading.calls import Calls
from autograder.grading.local import LocalFunction
from autograder.grading.run import grade_functions
from autograder.grading.unwritten import Watched
from autograder.isolation.remote_function import RemoteFunction
from autograder.isolation.worker_handle import RemoteWorker
from tests import bank


def message(exercise: str, check: str, function: Callable[..., Any]) -> str:
    """Return what a check says of this function, beside the solution's others."""
    functions = {**bank.solution(chapter_of(exercise)), exercise: function}
    result = grade_functions(exercise, functions, seed=2)
    return next(c.message for c in result.checks if c.name == check)


def chapter_of(exercise: str) -> str:
    return "expectation" if exercise == "bernoulli_mask" else "conventions"


def matrices_only(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
    _, _ = x.shape
    return bank.solution("conventions")["inverted_dropout"](x, keep_prob, rng, training)


def train_only(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
    if not training:
        raise RuntimeError("no test mode")
    return bank.solution("conventions")["inverted_dropout"](x, keep_prob, rng)


def many_units_only(shape: Any, keep_prob: float, rng: Any) -> Any:
    if np.prod(shape) == 1:
        raise IndexError("one unit")
    return rng.random(shape) < keep_prob


@pytest.mark.parametrize(
    ("exercise", "check", "function", "call"),
    [
        (
            "inverted_dropout",
            "returns_float_arrays_of_the_input_shape",
            matrices_only,
            r"inverted_dropout(x of shape (50,), 0.8, rng) raised ValueError",
        ),
        (
            "inverted_dropout",
            "returns_float_arrays_of_the_input_shape",
            train_only,
            r"rng, training=False) raised RuntimeError: no test mode",
        ),
        (
            "bernoulli_mask",
            "keeps_units_at_the_stated_rate",
            many_units_only,
            r"bernoulli_mask((1,), 0.85, rng) raised IndexError: one unit",
        ),
    ],
)
def test_an_error_says_which_call_it_was(
    exercise: str, check: str, function: Callable[..., Any], call: str
) -> None:
    assert call in message(exercise, check, function)


def nan_for_float32(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
    right = bank.solution("conventions")["inverted_dropout"]
    out, cache = right(x, keep_prob, rng, training)
    return out * np.nan if x.dtype == np.float32 else out, cache


def float64_only(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
    if x.dtype == np.float32:
        raise TypeError("float32")
    return bank.solution("conventions")["inverted_dropout"](x, keep_prob, rng, training)


@pytest.mark.parametrize("function", [nan_for_float32, float64_only])
def test_a_call_says_which_floats_it_was_given_if_not_the_usual_ones(
    function: Callable[..., Any],
) -> None:
    told = message(
        "inverted_dropout", "returns_float_arrays_of_the_input_shape", function
    )
    assert "inverted_dropout(x of shape (50,) and dtype float32, 0." in told


def test_a_call_that_looks_like_one_of_other_floats_is_left_as_it_is() -> None:
    calls = Calls("f", ("x", "keep_prob", "rng", "training"))
    small, usual = np.zeros((3, 2), "float32"), np.zeros((3, 2))
    calls.note([(small, 0.5, None), (small, np.array(0.25), None)], {})
    calls.note([(usual, 0.5, None), (small, 0.25, None)], {})
    calls.note([(small, 0.5, None)], {"training": False})
    for told, whole in {
        "f(x of shape (3, 2), 0.5, rng) is wrong": "",
        "of_f(x of shape (3, 2), 0.25, rng) is wrong": "",
        "f(x of shape (3, 2), 0.25, rng) is wrong": (
            "f(x of shape (3, 2) and dtype float32, 0.25, rng) is wrong"
        ),
        "f(x of shape (3, 2), 0.5, rng, training=False): no": (
            "f(x of shape (3, 2) and dtype float32, 0.5, rng, training=False): no"
        ),
    }.items():
        assert calls.completed(told) == (whole or told)


@pytest.mark.parametrize("where", ["here", "worker"])
def test_of_calls_that_are_handed_over_together_the_one_that_failed_is_shown(
    where: str,
) -> None:
    source = (
        "def f(x, p):\n    if p > 0.5:\n        raise ValueError('no')\n    return x\n"
    )
    x = np.zeros(3)

    def told(function: StudentFunction) -> str:
        with pytest.raises(StudentError) as caught:
            Watched(function, ("x", "p")).each([(x, 0.25), (x, 0.75)])
        return caught.value.call

    if where == "here":
        names: dict[str, Any] = {}
        exec(source, names)
        call = told(LocalFunction("f", names["f"]))
    else:
        with RemoteWorker() as worker:
            worker.run_cell(1, source)
            call = told(RemoteFunction(worker, "f"))
    assert call == "f(x of shape (3,), 0.75)"


def test_the_place_shown_is_the_one_furthest_beyond_its_digits() -> None:
    """Where x is 0 the variance is wrong by more than it may be, elsewhere it is not."""
    functions = dict(bank.solution("expectation"))
    moments = functions["dropout_moments"]

    def a_little_less(x: np.ndarray, keep_prob: float) -> tuple[Any, Any]:
        mean, variance = moments(x, keep_prob)
        return mean, variance - 1e-9

    functions["dropout_moments"] = a_little_less
    checks = grade_functions("dropout_moments", functions, 1000).checks
    (failed,) = (check for check in checks if check.status == "failed")
    assert failed.message.endswith("expected 0 at (5,), found -1e-09.")
