"""An error of a student's code says with which arguments the function was called."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograder.grading.run import grade_functions
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
