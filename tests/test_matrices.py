"""Code that knows matrices only loses the check that says so, and what else is wrong."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograder.contract.exercise import Exercise, all_exercises, find_exercise
from autograder.contract.mistakes import find_mistake
from autograder.grading.grade import grade
from autograder.grading.local import LocalFunction
from autograder.grading.matrices import OnMatrices, other_axes_asked_for
from autograder.grading.report import ExerciseResult
from autograder.grading.run import grade_functions
from autograder.submission.file import submission_of
from tests import bank

SEEDS = range(2)
Function = Callable[..., Any]


def on_matrices_only(function: Function) -> Function:
    """Return the function with a line that unpacks the first argument's shape as two."""

    def answer(x: Any, *args: Any, **kwargs: Any) -> Any:
        _, _ = x.shape if isinstance(x, np.ndarray) else x
        return function(x, *args, **kwargs)

    return answer


def graded(exercise: Exercise, own: dict[str, Function], seed: int) -> ExerciseResult:
    functions = bank.solution(exercise.chapter) | own
    narrow = {name: on_matrices_only(functions[name]) for name in exercise.functions}
    return grade_functions(exercise, functions | narrow, seed)


def lost(result: ExerciseResult) -> list[str]:
    return [check.name for check in result.checks if check.status != "passed"]


OF_MANY_AXES = [e for e in all_exercises() if other_axes_asked_for(e)]


def test_exercises_of_many_axes_are_known() -> None:
    assert len(OF_MANY_AXES) == 11
    assert "spatial_dropout" not in {e.name for e in OF_MANY_AXES}


@pytest.mark.parametrize("exercise", OF_MANY_AXES, ids=lambda e: e.name)
def test_a_right_answer_for_matrices_loses_one_check(exercise: Exercise) -> None:
    for seed in SEEDS:
        result = graded(exercise, {}, seed)
        assert lost(result) == [exercise.checks[0].name]
        assert result.mistake == "knows_matrices_only"
        assert "With matrices it passes." in result.message


#: What a function does with vectors → the mistake that its message is told with.
OWN_NAMES = {
    "raise ValueError('no')": "raises_an_error",
    "assert False, 'matrices alone'": "raises_an_error",
    "return None": "returns_nothing",
    "return x.tolist(), None": "returns_another_kind",
    "return x.astype(int), None": "returns_no_floats",
    "return x[:1], None": "knows_matrices_only",
    "rows, columns = x.shape": "knows_matrices_only",
}


@pytest.mark.parametrize("does", OWN_NAMES)
def test_only_what_may_come_of_reading_a_shape_is_told_to_read_it(does: str) -> None:
    source = f"""
import numpy as np
def inverted_dropout(x, keep_prob, rng, training=True):
    if x.ndim == 1: {does}
    if not training:
        return x, None
    mask = (rng.random(x.shape) < keep_prob) / keep_prob
    return x * mask, mask
"""
    file = submission_of("a.py", source.encode())
    (result,) = grade(file, exercises=["inverted_dropout"]).exercises
    assert lost(result) == [result.checks[0].name]
    assert "With matrices it passes." in result.message
    assert result.mistake == OWN_NAMES[does], result.message


def test_no_argument_is_named_that_a_function_may_not_have() -> None:
    """Mistakes of any exercise are told to all: of masks, of gradients, of layers."""
    told = find_mistake("knows_matrices_only").says
    assert not re.search(r"\bx\b|\bdout\b", told)


#: Mutants whose fault matrices show.
WRONG_TOO = [
    ("inverted_dropout", "does_not_rescale"),
    ("inverted_dropout", "divides_by_the_kept_fraction"),
    ("inverted_dropout", "drops_at_test"),
    ("classic_dropout", "classic_drops_with_keep_prob"),
    ("classic_dropout", "classic_shares_a_mask"),
    ("inverted_dropout_backward", "forgets_the_scale"),
    ("inverted_dropout_backward", "reads_the_mask_off_the_output"),
    ("dropout_moments", "forgets_to_square"),
    ("expected_energy", "scales_once"),
    ("alpha_dropout", "forgets_the_value_of_the_dropped"),
    ("gaussian_dropout", "noise_of_spread_q"),
    ("gaussian_dropout", "noise_shared_by_rows"),
    ("byte_dropout", "byte_takes_255_for_256"),
    ("stochastic_depth", "depth_unscaled"),
]


@pytest.mark.parametrize(("exercise", "name"), WRONG_TOO)
def test_a_wrong_answer_for_matrices_loses_its_own_checks_too(
    exercise: str, name: str
) -> None:
    (mutant,) = (m for m in bank.mutants(exercise) if m.name == name)
    of = find_exercise(exercise)
    for seed in SEEDS:
        as_it_is = grade_functions(of, mutant.functions, seed)
        result = graded(of, dict(mutant.functions), seed)
        assert lost(result) == [of.checks[0].name, *lost(as_it_is)]
        assert result.mistake == mutant.mistake
        own = next(check for check in result.checks if check.mistake == mutant.mistake)
        assert own.message.endswith("(Arrays came as matrices.)")


@pytest.mark.parametrize("axis", [0, 1])
def test_bits_that_an_axis_shares_do_not_pass_for_draws_from_elsewhere(
    axis: int,
) -> None:
    def shares(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
        n, d = x.shape
        if not training:
            return x, None
        mask = rng.random(((n, 1), (1, d))[axis]) < keep_prob
        return x * mask / keep_prob, mask

    of = find_exercise("inverted_dropout")
    for seed in SEEDS:
        result = grade_functions(of, {"inverted_dropout": shares}, seed)
        assert [check.name for check in result.checks if check.status == "failed"] == [
            "returns_float_arrays_of_the_input_shape",
            "gives_every_unit_and_call_its_own_bit",
        ]


def test_what_comes_back_has_the_shape_that_was_given() -> None:
    def double(x: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
        n, d = x.shape
        return 2 * x, (n, d)

    on_matrices = OnMatrices(LocalFunction("double", double))
    for shape in ((7,), (2, 3), (2, 3, 4), (2, 3, 4, 5)):
        x = np.arange(np.prod(shape), dtype=float).reshape(shape)
        for out, (n, d) in (on_matrices(x), *on_matrices.each([(x,)])):
            assert np.array_equal(out, 2 * x)
            assert n * d == x.size
        _, (after,) = on_matrices.observe(x)
        assert np.array_equal(after, x)


@pytest.mark.parametrize("fails", [(4,), (1,), (3, 4)])
def test_who_fails_with_some_arrays_is_judged_by_the_others(
    fails: tuple[int, ...],
) -> None:
    """An exception for some arrays is no way to be asked for matrices alone."""

    def answer(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
        if x.ndim in fails:
            raise ValueError("not for these")
        if x.ndim != 2 or not training:  # which is wrong elsewhere in training
            return x.copy(), None
        mask = rng.random(x.shape) < keep_prob
        return x * mask / keep_prob, mask

    result = grade_functions("inverted_dropout", {"inverted_dropout": answer}, 3)
    failed = [check for check in result.checks if check.status == "failed"]
    assert len(failed) > 2 and result.score < 2
    which = " or ".join(map(str, fails))
    assert f"a matrix in place of each array of {which} axes." in failed[0].message
