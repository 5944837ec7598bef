"""What one check leaves to the others, one of them tells: no error, and no result of another
kind, goes unpunished because it comes where each check thinks that another looks."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograder.contract.exercise import all_exercises
from autograder.families import everywhere
from autograder.grading.report import ExerciseResult
from autograder.grading.run import CHECK_STOPPED, grade_functions
from tests import bank

NAMES = [e.name for e in all_exercises() if e.name != "is_inverted_dropout"]
Answer = Callable[..., Any]


def graded(name: str, answer: Answer, seed: int = 3) -> ExerciseResult:
    functions = bank.Answer(name, "solution", {}).functions
    result = grade_functions(name, {**functions, name: answer}, seed)
    assert not any(CHECK_STOPPED in check.message for check in result.checks)
    return result


def solution(name: str) -> Answer:
    found: Answer = bank.Answer(name, "solution", {}).functions[name]
    return found


def with_a_nan(result: Any) -> Any:
    """Return a result one number of which is none."""
    if isinstance(result, tuple):
        return (with_a_nan(result[0]), *result[1:])
    if isinstance(result, dict):
        return {name: with_a_nan(value) for name, value in result.items()}
    odd = np.array(result, float)
    odd.flat[:1] = np.nan
    return odd


def raises(result: Any) -> Any:
    raise ValueError("not for such")


ODD: dict[str, Answer] = {
    "raises": raises,
    "None": lambda result: None,
    "text": lambda result: "no thanks",
    "dict": lambda result: {"a": result},
    "nan": with_a_nan,
}


#: A mask, a layer, one with weights, a count of bits, and a network.
TELLING = [
    "bernoulli_mask",
    "inverted_dropout",
    "dropconnect_forward",
    "exact_count_dropout",
    "mc_dropout_prediction",
]
CASES = [
    (name, what) for what in ODD for name in (NAMES if what == "raises" else TELLING)
]


@pytest.mark.parametrize(("name", "what"), CASES)
def test_odd_results_in_the_calls_of_every_kind_cost_something(
    name: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, inside, right = everywhere._made, [False], solution(name)
    seen = []

    def marked(*args: Any, **how: Any) -> Any:
        inside[0] = True
        try:
            return made(*args, **how)
        finally:
            inside[0] = False

    def answer(*args: Any, **how: Any) -> Any:
        result = right(*args, **how)
        if inside[0]:
            seen.append(name)
        return ODD[what](result) if inside[0] else result

    monkeypatch.setattr(everywhere, "_made", marked)
    result = graded(name, answer)
    assert (result.score == result.max_score) == (not seen)
    assert seen or name not in TELLING


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_that_raises_in_one_call_never_has_all_points(name: str) -> None:
    right, count, at = solution(name), [0], [0]

    def answer(*args: Any, **how: Any) -> Any:
        count[0] += 1
        return raises(None) if count[0] == at[0] else right(*args, **how)

    result = graded(name, answer)
    assert result.score == result.max_score
    calls = count[0]
    for which in random.Random(name).sample(range(1, calls + 1), 3):
        count[0], at[0] = 0, which
        result = graded(name, answer)
        assert result.score < result.max_score, f"call {which} of {calls}"


def test_one_cause_still_costs_one_check() -> None:
    """Where another check tells it, the one that left it there keeps its points."""
    right = solution("inverted_dropout")

    def answer(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
        return raises(None) if x.ndim == 1 else right(x, keep_prob, rng, training)

    result = graded("inverted_dropout", answer)
    failed = [check for check in result.checks if check.status == "failed"]
    assert len(failed) == 1 and "not for such" in failed[0].message
