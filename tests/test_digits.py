"""Keep probabilities that are asked for have many digits, and few: in each mode."""

import inspect
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograder.contract.exercise import Exercise, all_exercises
from autograder.families import corners
from autograder.grading.run import grade_functions
from tests import bank

#: How often a sort is asked for at least.
_OFTEN = 8


CLOSED_FORMS = (
    "annealed_keep_prob",
    "batchnorm_variance_ratio",
    "dropout_moments",
    "dropout_ridge",
    "expected_energy",
    "probit_prediction",
    "rescaled_sum_distribution",
    "weight_scaled_prediction",
)


def _sort(keep_prob: float) -> str:
    return "few digits" if keep_prob == round(keep_prob, 5) else "many digits"


def _asked(exercise: str) -> Counter[tuple[str, bool]]:
    """Return how often a correct answer is asked for keep probabilities of each sort, in
    training and at test."""
    functions = bank.Answer(exercise, "solution", {}).functions
    signature = inspect.signature(functions[exercise])
    asked: Counter[tuple[str, bool]] = Counter()

    def counting(right: Callable[..., Any]) -> Callable[..., Any]:
        def answer(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs).arguments
            (keep_prob,) = (given[name] for name in given if "keep_prob" in name)
            asked[_sort(float(keep_prob)), given.get("training", True)] += 1
            asked["one half", True] += keep_prob == 0.5
            return right(*args, **kwargs)

        return answer

    grade_functions(exercise, {**functions, exercise: counting(functions[exercise])}, 1)
    return asked


def _has_keep_prob(exercise: Exercise) -> bool:
    return "keep_prob" in exercise.signature.partition(" ->")[0].partition("(")[2]


def test_both_sorts_of_keep_probs_are_drawn():
    rng = np.random.default_rng(0)
    near = np.linspace(0.02, 0.98, 400)
    found = corners.of_all_digits(rng, near)
    assert Counter(map(_sort, found))["few digits"] >= 100
    assert Counter(map(_sort, found))["many digits"] >= 200
    assert all(type(share) is float for share in found)
    assert np.abs(found - near).max() <= 0.01
    assert sum(share * 128 % 1 == 0 for share in found) >= 20


@pytest.mark.parametrize(
    "exercise", [each.name for each in all_exercises() if _has_keep_prob(each)]
)
def test_both_sorts_are_asked_for_in_each_mode(exercise: str) -> None:
    asked = _asked(exercise)
    for mode in {mode for _, mode in asked}:
        for sort in ("few digits", "many digits"):
            assert asked[sort, mode] >= _OFTEN, (sort, mode, asked)


@pytest.mark.parametrize("exercise", CLOSED_FORMS)
def test_closed_forms_are_asked_for_at_one_half(exercise: str) -> None:
    assert _asked(exercise)["one half", True]
