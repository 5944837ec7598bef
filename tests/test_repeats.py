"""Noise that no check of values sees makes no new output of one that came before."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from autograder.contract.exercise import find_exercise
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import (
    follows_rng,
    ordinary_batches,
    ordinary_calls,
    repeats,
)
from autograder.grading.run import grade_functions
from tests import bank
from tests.mutants.backward import dropout_mlp_gradients as mlp
from tests.mutants.ordinary_batches import is_mini_batch


def noisy(value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an array with noise far below the accuracy that is asked for."""
    size = 1e-6 if value.dtype == np.float32 else 1e-12
    return (value * (1 + size * rng.standard_normal(value.shape))).astype(value.dtype)


def solution(name: str) -> Callable[..., Any]:
    answer: Callable[..., Any] = bank.solution(find_exercise(name).chapter)[name]
    return answer


def noisy_seeds(name: str, values: int) -> Callable[..., Any]:
    """Return an answer that draws from a seed of so few values, and adds noise."""

    def answer(*args: Any) -> Any:
        *given, rng = args
        found = solution(name)(*given, np.random.default_rng(int(rng.integers(values))))
        if isinstance(found, np.ndarray):
            return noisy(found, rng)
        loss, grads = found
        return loss, {key: noisy(grads[key], rng) for key in ("W1", "b1", "W2", "b2")}

    return answer


def failed(name: str, answer: Callable[..., Any], seed: int) -> set[str]:
    result = grade_functions(name, {name: answer}, seed)
    return {check.name for check in result.checks if check.status == "failed"}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "name, values, check",
    [
        ("mc_dropout_prediction", 100_000, "the_masks_come_from_the_given_rng"),
        ("mc_dropout_prediction", 100, "the_masks_come_from_the_given_rng"),
        ("dropout_mlp_gradients", 100_000, "draws_the_mask_from_the_given_rng"),
        ("dropout_mlp_gradients", 1_000, "draws_the_mask_from_the_given_rng"),
    ],
)
def test_noise_hides_no_short_seed(
    name: str, values: int, check: str, seed: int
) -> None:
    assert check in failed(name, noisy_seeds(name, values), seed)


def one_noisy_mask_in_mini_batches(
    params: Any, x: Any, y: Any, keep_prob: float, rng: np.random.Generator
) -> Any:
    """Has a mask for each mini-batch, and draws it from nothing else."""
    of_batch = np.random.default_rng(int(1e6 * np.abs(x).max()))
    own = of_batch if is_mini_batch(params, x) else rng
    kept = mlp.bits(params, x, keep_prob, own)
    loss, grads = mlp.right(params, x, y, kept / keep_prob)
    return loss, grads | {"W2": noisy(grads["W2"], rng)}


def the_loss_at_test_with_noise(
    params: Any, x: Any, y: Any, keep_prob: float, rng: np.random.Generator
) -> Any:
    """What is wrong in mini-batches may not be taken for a draw from elsewhere."""
    kept = mlp.bits(params, x, keep_prob, rng)
    loss, grads = mlp.right(params, x, y, kept / keep_prob)
    if is_mini_batch(params, x):
        loss = mlp.right(params, x, y, np.ones(kept.shape))[0]
    noise = np.random.default_rng()
    return loss, grads | {"W2": noisy(grads["W2"], noise)}


def test_noise_hides_no_mask_that_comes_again_in_mini_batches() -> None:
    found = failed("dropout_mlp_gradients", one_noisy_mask_in_mini_batches, 1)
    assert "drops_hidden_units_independently" in found


def test_noise_is_no_mask_that_does_not_follow_from_rng() -> None:
    found = failed("dropout_mlp_gradients", the_loss_at_test_with_noise, 1)
    assert "one_mask_explains_loss_and_gradients" in found


@pytest.mark.parametrize("shared", ["rows", "calls"])
def test_noise_beside_shared_noise_is_no_noise_of_its_own(shared: str) -> None:
    """Where factors are drawn, no value tells that a little is added to each."""

    def answer(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
        if not training:
            return x, None
        shape = x.shape if shared == "calls" else (1, *x.shape[1:])
        own = np.random.default_rng(3) if shared == "calls" else rng
        z = own.standard_normal(shape) + 0.01 * rng.standard_normal(x.shape)
        noise = 1 + ((1 - keep_prob) / keep_prob) ** 0.5 * z
        return x * noise, noise

    found = failed("gaussian_dropout", answer, 3)
    assert "gives_every_unit_its_own_factor" in found
    assert "draws_its_noise_from_rng_alone" in found


def outputs(values: int, calls: int = 200) -> list[np.ndarray]:
    """Return noisy outputs of so many values."""
    rng = np.random.default_rng(4)
    own = rng.normal(size=(values, 5, 20))
    return [noisy(own[i], rng) for i in rng.integers(values, size=calls)]


class Given:
    """A function whose calls give these results."""

    def __init__(self, results: list[np.ndarray]) -> None:
        self.results = results

    def each(self, calls: list[Any]) -> list[np.ndarray]:
        return self.results[: len(calls)]


@pytest.mark.parametrize("values", [5, 50, 1_000])
def test_noise_hides_no_output_that_returns_in_many_calls(values: int) -> None:
    trial = Trial(find_exercise("gaussian_dropout").checks[0], seed=5)
    x = np.ones((5, 20))
    given: Any = Given(outputs(values))
    with pytest.raises(CheckFailure, match="different outputs; expected 200"):
        follows_rng.expect_many(given, trial, [x], lambda x, p: "f(x)", "few")
    given = Given(list(np.random.default_rng(6).normal(size=(200, 5, 20))))
    follows_rng.expect_many(given, trial, [x], lambda x, p: "f(x)", "few")


def test_what_is_the_same_and_what_is_not() -> None:
    rng = np.random.default_rng(1)
    one, other, third = rng.normal(size=(3, 6, 7))
    assert repeats.of_first(one, [noisy(one, rng), other]) == [True, False]
    assert repeats.of_first(one, [one, one]) == [True, True]
    assert repeats.any_two([one, other, third, noisy(other, rng)])
    assert not repeats.any_two([one, other, third])
    assert not repeats.are_same(one, one[:3]) and not repeats.are_same(one, None)
    bits = other > 0
    assert repeats.are_same(bits, bits.copy()) and not repeats.are_same(bits, one > 0)
    one[0, 0] = np.nan
    assert repeats.of_first(one, [one, other]) == [False, False]


@pytest.mark.parametrize("values", [1, 3, 40, 10_000])
def test_outputs_are_counted_as_they_would_be_without_noise(values: int) -> None:
    rng = np.random.default_rng(4)
    rng.normal(size=(values, 5, 20))
    drawn = []
    for i in range(200):
        drawn.append(i % values)
    own = rng.normal(size=(values, 5, 20))
    assert repeats.different([noisy(own[i], rng) for i in drawn]) == len(set(drawn))
    assert repeats.different([own[i] > 0 for i in drawn]) == len(set(drawn))


def test_right_calls_are_the_nearest_ones_as_seldom_as_is_said() -> None:
    """Of 33 outputs of one law, the first five have the nearest two in 20 of 1,056 cases."""
    rng, times = np.random.default_rng(2), 3_000
    asked, others = ordinary_calls._ASKED, 28
    found = 0
    for _ in range(times):
        # Some are equal but for the rounding, as where a single row counts.
        each = rng.integers(3, size=(asked + others, 2, 1)) + 0.3 * rng.random(
            (33, 2, 1)
        )
        first = [{"W2": one} for one in each[:asked]]
        found += ordinary_calls._are_nearest(first, {"W2": each[asked:]})
    assert found / times < 20 / 1056 + 0.01
    batches = ordinary_batches.CALLS
    assert stats.binom.sf(ordinary_calls._NEAREST - 1, batches, 20 / 1056) < 1e-21


def test_constant_numbers_are_shared_whatever_rounding_adds() -> None:
    rng = np.random.default_rng(1)
    ones = 1 + 1e-15 * rng.normal(size=(4, 30, 20))
    assert repeats.shared_axes(ones, 0.1) == (0, 1, 2)
    assert repeats.shared_axes(rng.normal(1, 0.6, (4, 30, 20)), 0.1) == ()
    rows = rng.normal(1, 0.6, (4, 1, 20)) + 0.01 * rng.normal(size=(4, 30, 20))
    assert repeats.shared_axes(rows, 0.1) == (1,)
