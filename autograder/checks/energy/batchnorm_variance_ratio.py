"""batchnorm_variance_ratio: by how much dropout shifts the variance behind a layer."""

from typing import Any

import numpy as np

from autograder.checks.energy import shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial

exercise = Exercise(
    "batchnorm_variance_ratio",
    chapter="energy",
    title="Compare a unit's variance at test with what batch normalisation stored",
    signature="batchnorm_variance_ratio(weights, x, keep_prob) -> array",
    section="energy-batchnorm",
)


class Wrong(Mistakes, section="energy-batchnorm"):
    gives_training_over_test = (
        "you divide the training variance by the test variance; the ratio asked for "
        "is the other way round and at most 1."
    )
    gives_a_ratio_of_deviations = (
        "you take a square root; the ratio is one of variances."
    )
    takes_the_noise_from_the_variance_of_x = (
        "your noise holds the variance of x; dropping a unit that is always on makes "
        "noise too, so it holds the mean square."
    )
    takes_the_noise_from_the_mean_of_x = (
        "your noise holds the square of the mean of x; it holds the mean of the square."
    )
    treats_inputs_as_uncorrelated = (
        "your test variance adds up w² Var[x], as if the inputs were uncorrelated; "
        "take the variance of x @ weights over the rows."
    )
    takes_keep_prob_for_the_ratio = (
        "your ratio is keep_prob itself, which holds only for uncorrelated inputs of "
        "mean 0."
    )
    describes_unscaled_dropout = (
        "your noise is that of mask * x, with (1 − keep_prob) keep_prob; inverted "
        "dropout divides by keep_prob, its noise has (1 − keep_prob) / keep_prob."
    )
    swaps_keep_and_drop_in_the_noise = (
        "your noise has keep_prob / (1 − keep_prob); it has (1 − keep_prob) / "
        "keep_prob."
    )
    leaves_the_squared_mean_in_the_noise = (
        "your noise has 1 / keep_prob, the mean square of mask / keep_prob; its "
        "variance is 1 / keep_prob − 1."
    )
    divides_by_n_minus_one_or_looks_at_one_batch = (
        "either you divide a variance by N − 1, or you average the variance inside "
        "single batches, which lacks a part 1/N of the noise; divide by N, over all "
        "rows and masks."
    )
    multiplies_the_noise_by_another_factor = (
        "you add a multiple of Σ w² E[x²], and the factor is not the right one, (1 − "
        "keep_prob) / keep_prob."
    )
    compares_mean_squares = (
        "you compare mean squares; batch normalisation subtracts the mean before "
        "squaring."
    )
    leaves_the_weights_unsquared = "the weights enter your noise without being squared."
    pools_the_units = (
        "all units get the same ratio, one for the layer; each output unit has its own."
    )
    takes_the_noise_for_the_training_variance = (
        "you divide by the noise; the training variance is the test variance plus the "
        "noise."
    )
    gives_the_share_of_noise = (
        "you give the noise's share of the training variance; the ratio is 1 minus "
        "that."
    )
    multiplies_sums_in_the_noise = (
        "you multiply the sum of w² with the sum of E[x²]; each input's w² belongs "
        "with its own E[x²]."
    )
    drops_the_pre_activation = (
        "your noise is that of dropping the pre-activation as a whole; each input has "
        "a mask of its own, so the noises w² E[x²] add up."
    )
    adds_a_constant_to_a_variance = (
        "your ratio depends on the scale of x and weights, as when a small constant "
        "is added to a variance."
    )
    adds_noise_at_keep_prob_one = (
        "at keep_prob = 1 nothing is dropped, so both variances are equal."
    )
    makes_an_exception_of_constant_units = (
        "a unit that is the same for every row has variance 0 at test and a positive "
        "one in training; its ratio is 0."
    )


Layer = tuple[np.ndarray, np.ndarray]


def _ratio_call(weights: np.ndarray, x: np.ndarray, keep_prob: float) -> str:
    return (
        f"batchnorm_variance_ratio(weights of shape {weights.shape}, x of shape "
        f"{x.shape}, {keep_prob})"
    )


def _ratio(
    function: StudentFunction, weights: np.ndarray, x: np.ndarray, keep_prob: float
) -> np.ndarray:
    call = _ratio_call(weights, x, keep_prob)
    found = function(weights, x, keep_prob)
    return facts.float_array(found, (weights.shape[1],), call)


def _layer(trial: Trial, n: int, d: int, c: int, centred: bool) -> Layer:
    """Return weights and correlated inputs, of column means 0 or far from it."""
    x = trial.inputs(n, d) @ (np.eye(d) + 0.4 * trial.rng.uniform(-1, 1, (d, d)))
    x -= x.mean(axis=0)
    if not centred:
        x += trial.inputs(d)
    return trial.inputs(d, c), x


def _variances(layer: Layer, keep_prob: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the test variance, and the noise that training adds."""
    weights, x = layer
    noise = (1 - keep_prob) / keep_prob * (x**2).mean(axis=0) @ weights**2
    return np.var(x @ weights, axis=0), noise


def _wrong_ratios(layer: Layer, p: float) -> dict[str, list[np.ndarray]]:
    """Return the ratios that wrong formulas give, by mistake."""
    weights, x = layer
    odds, w2, x2 = (1 - p) / p, weights**2, (x**2).mean(axis=0)
    test, noise = _variances(layer, p)
    training = test + noise
    square = ((x @ weights) ** 2).mean(axis=0)
    uncorrelated = x.var(axis=0) @ w2
    same = np.ones(len(test))

    def with_noise(other: Any) -> np.ndarray:
        return test / (test + odds * other)

    return {
        Wrong.gives_training_over_test: [training / test],
        Wrong.gives_a_ratio_of_deviations: [np.sqrt(test / training)],
        Wrong.takes_the_noise_from_the_variance_of_x: [with_noise(uncorrelated)],
        Wrong.takes_the_noise_from_the_mean_of_x: [
            with_noise(x.mean(axis=0) ** 2 @ w2)
        ],
        Wrong.treats_inputs_as_uncorrelated: [uncorrelated / (uncorrelated + noise)],
        Wrong.takes_keep_prob_for_the_ratio: [p * same],
        Wrong.describes_unscaled_dropout: [
            test / (p**2 * training),
            test / (p * training),
        ],
        Wrong.compares_mean_squares: [square / (square + noise)],
        Wrong.leaves_the_weights_unsquared: [
            with_noise(x2 @ weights),
            with_noise(x2 @ np.abs(weights)),
        ],
        Wrong.pools_the_units: [
            same * test.sum() / training.sum(),
            same * (test / training).mean(),
        ],
        Wrong.takes_the_noise_for_the_training_variance: [test / noise],
        Wrong.gives_the_share_of_noise: [noise / training],
        Wrong.multiplies_sums_in_the_noise: [with_noise(w2.sum(axis=0) * x2.sum())],
        Wrong.drops_the_pre_activation: [with_noise(square), with_noise(test * same)],
    }


def _noise_factor_mistake(found: np.ndarray, layer: Layer, p: float) -> str | None:
    """Return the mistake behind test / (test + factor * noise), if found is that."""
    test, noise = _variances(layer, p)
    if (found <= 0).any():
        return None
    factors = (test / found - test) / noise
    factor, n, q = float(np.median(factors)), len(layer[1]), 1 - p
    if not facts.close(factors, factor) or facts.close(factor, 1):
        return None
    named = {
        Wrong.describes_unscaled_dropout: p**2,
        Wrong.swaps_keep_and_drop_in_the_noise: (p / q) ** 2,
        Wrong.leaves_the_squared_mean_in_the_noise: 1 / q,
        Wrong.divides_by_n_minus_one_or_looks_at_one_batch: (n - 1) / n,
    }
    fits = (name for name, value in named.items() if facts.close(factor, value))
    return next(fits, Wrong.multiplies_the_noise_by_another_factor)


def _ratio_mistake(
    function: StudentFunction, trial: Trial, keep_prob: float
) -> str | None:
    """Return what is behind wrong ratios, from a layer on which formulas differ, at 0.8
    and at the ``keep_prob`` at which they were seen."""
    layer, p = _layer(trial, 9, 4, 5, centred=False), 0.8
    weights, x = layer
    test, noise = _variances(layer, p)
    try:
        found = _ratio(function, *layer, p)
        small = _ratio(function, 1e-3 * weights, 1e-3 * x, p)
        at_one = _ratio(function, *layer, 1.0)
        there = _ratio(function, *layer, keep_prob)
    except (StudentError, CheckFailure):
        return None
    for name, candidates in _wrong_ratios(layer, p).items():
        if any(facts.close(found, wrong) for wrong in candidates):
            return name
    if not facts.close(found, small):
        return Wrong.adds_a_constant_to_a_variance
    if facts.close(found, test / (test + noise)):
        if not facts.close(at_one, 1):
            return Wrong.adds_noise_at_keep_prob_one
        return _noise_factor_mistake(there, layer, keep_prob)
    return _noise_factor_mistake(found, layer, p)


def _expect_ratio(
    function: StudentFunction, trial: Trial, layer: Layer, keep_prob: float
) -> None:
    found = _ratio(function, *layer, keep_prob)
    test, noise = _variances(layer, keep_prob)
    expected = test / (test + noise)
    if facts.close(found, expected, atol=1e-7):
        return
    trial.fail(
        f"{_ratio_call(*layer, keep_prob)}: {facts.worst(found, expected)}.",
        _ratio_mistake(function, trial, keep_prob),
    )


_SIZES = ((9, 4, 5), (30, 6, 2), (7, 1, 3), (12, 5, 1))


@exercise.check(points=0.25)
def returns_one_ratio_for_each_unit(
    batchnorm_variance_ratio: StudentFunction, trial: Trial
) -> None:
    """The result is a float array with an entry for each column of weights, the same at
    every call."""
    for n, d, c in _SIZES:
        layer = _layer(trial, n, d, c, centred=False)
        for dtype in (np.float64, np.float32):
            weights, x = (array.astype(dtype) for array in layer)
            first = _ratio(batchnorm_variance_ratio, weights, x, 0.8)
            again = _ratio(batchnorm_variance_ratio, weights, x, 0.8)
            trial.expect(
                facts.close(first, again),
                f"{_ratio_call(weights, x, 0.8)} gave two different answers in two calls; "
                "expected the same one.",
                shared.Wrong.simulates_an_expectation,
            )


@exercise.check(points=1.0, after="returns_one_ratio_for_each_unit")
def adds_the_noise_of_inputs_around_zero(
    batchnorm_variance_ratio: StudentFunction, trial: Trial
) -> None:
    """For correlated inputs of mean 0 the ratio is test over test plus noise."""
    for size in _SIZES:
        for keep_prob in (
            *shared.BOTH_SIDES,
            shared.MANY_DIGITS,
            *shared.NEAR_THE_ENDS,
        ):
            layer = _layer(trial, *size, centred=True)
            _expect_ratio(batchnorm_variance_ratio, trial, layer, keep_prob)


@exercise.check(points=0.75, after="adds_the_noise_of_inputs_around_zero")
def counts_the_mean_of_the_inputs_as_noise(
    batchnorm_variance_ratio: StudentFunction, trial: Trial
) -> None:
    """An input's mean adds nothing to the test variance, and to the noise."""
    for size in _SIZES:
        for keep_prob in (*shared.BOTH_SIDES, shared.MANY_DIGITS):
            layer = _layer(trial, *size, centred=False)
            _expect_ratio(batchnorm_variance_ratio, trial, layer, keep_prob)


@exercise.check(points=0.25, after="counts_the_mean_of_the_inputs_as_noise")
def does_not_depend_on_the_size_of_x_and_weights(
    batchnorm_variance_ratio: StudentFunction, trial: Trial
) -> None:
    """Multiplying x or weights by a constant changes nothing."""
    weights, x = _layer(trial, 9, 4, 5, centred=False)
    for scale in (1e-4, 1e4):
        for layer in ((scale * weights, x), (weights, scale * x)):
            _expect_ratio(batchnorm_variance_ratio, trial, layer, 0.8)


@exercise.check(points=0.25, after="counts_the_mean_of_the_inputs_as_noise")
def is_one_without_dropout(
    batchnorm_variance_ratio: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1 every ratio is 1."""
    layer = _layer(trial, 9, 4, 5, centred=False)
    _expect_ratio(batchnorm_variance_ratio, trial, layer, 1.0)


@exercise.check(points=0.25, after="counts_the_mean_of_the_inputs_as_noise")
def is_zero_for_a_constant_unit(
    batchnorm_variance_ratio: StudentFunction, trial: Trial
) -> None:
    """A unit that is the same for all rows, or sees one row only, has ratio 0."""
    weights, x = _layer(trial, 9, 4, 5, centred=False)
    x[:, :2] = x[0, :2]
    weights[2:, 1] = 0
    for layer in ((weights, x), (weights, x[:1]), (weights, np.tile(x[:1], (6, 1)))):
        call = _ratio_call(*layer, 0.8)
        found = _ratio(batchnorm_variance_ratio, *layer, 0.8)
        test, noise = _variances(layer, 0.8)
        expected = test / (test + noise)
        trial.expect(
            facts.close(found, expected, atol=1e-7),
            f"{call} with constant units: {facts.worst(found, expected)}.",
            Wrong.makes_an_exception_of_constant_units,
        )


@exercise.check(points=0.25, after="adds_the_noise_of_inputs_around_zero")
def leaves_weights_and_x_alone(
    batchnorm_variance_ratio: StudentFunction, trial: Trial
) -> None:
    """weights and x are the same after the call as before."""
    layer = _layer(trial, 9, 4, 5, centred=False)
    _, after = batchnorm_variance_ratio.observe(*layer, 0.8)
    for given, now, what in zip(layer, after, ("weights", "x"), strict=False):
        shared.expect_same(trial, given, now, _ratio_call(*layer, 0.8), what)
