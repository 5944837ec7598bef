"""dropout_moments: state the mean and the variance of each dropped unit."""

import math
from typing import Any

import numpy as np

from autograder.checks.expectation import shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial

exercise = Exercise(
    "dropout_moments",
    chapter="expectation",
    title="State the mean and the variance of each dropped unit",
    signature="dropout_moments(x, keep_prob) -> (mean, variance)",
    section="exp-variance",
)


class Wrong(Mistakes, section="exp-variance"):
    forgets_the_division = (
        "you describe mask * x; inverted dropout's output is mask * x / keep_prob."
    )
    gives_the_kept_value_as_mean = at(
        "exp-mean",
        "your mean is x / keep_prob, what the unit gives when it is kept; when it is "
        "dropped it gives 0, and the mean weighs both.",
    )
    averages_over_the_units = at(
        "exp-mean",
        "you average over the units of x; mean and variance are over the masks, one "
        "for each unit.",
    )
    gives_the_second_moment = (
        "your variance is x² / keep_prob, the mean of the square; subtract the square "
        "of the mean."
    )
    gives_the_standard_deviation = (
        "you give the standard deviation; the variance is its square."
    )
    divides_the_variance_once = (
        "you divide the variance of mask * x by keep_prob once; a constant factor "
        "enters a variance squared."
    )
    swaps_keep_and_drop_in_the_variance = (
        "your variance is x² p / (1 − p) for p = keep_prob, which grows as fewer "
        "units are dropped; it is x² (1 − p) / p."
    )
    forgets_to_square_x = (
        "your variance is proportional to x; it is proportional to x²."
    )


def _moments_call(x: np.ndarray, keep_prob: float) -> str:
    return f"dropout_moments(x of shape {x.shape}, {keep_prob})"


def _moments(
    function: StudentFunction, x: np.ndarray, keep_prob: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the variance as arrays shaped like x. Raises ``CheckFailure``."""
    call = _moments_call(x, keep_prob)
    items = facts.pair(function(x, keep_prob), call, "(mean, variance)")
    for item, what in zip(items, ("mean", "variance"), strict=True):
        if _is_one_number(item):
            found = facts.number(item, call, what)
            over_units = x.mean() if what == "mean" else x.var()
            raise CheckFailure(
                f"{call}: {what} is the single number {found:.4g}; expected an "
                f"array of shape {x.shape}.",
                Wrong.averages_over_the_units
                if facts.close(found, over_units)
                else facts.Wrong.returns_another_shape,
            )
    mean, variance = (
        facts.float_array(item, x.shape, call, what)
        for item, what in zip(items, ("mean", "variance"), strict=True)
    )
    return mean, variance


def _is_one_number(item: Any) -> bool:
    if isinstance(item, np.ndarray):
        return item.ndim == 0 and item.dtype.kind in "iuf"
    return isinstance(item, int | float) and not isinstance(item, bool)


def _moment_inputs(trial: Trial) -> list[tuple[np.ndarray, float]]:
    """Return inputs of several shapes and scales, with zeros, and keep probabilities."""
    return [
        (trial.inputs(12, zeros=0.2), 0.8),
        (trial.inputs(6, 5, zeros=0.2), 0.3),
        (1e-4 * trial.inputs(3, 2, 4), 0.95),
        (1e4 * trial.inputs(7), 0.1),
    ]


@exercise.check(points=0.25)
def returns_two_float_arrays_of_the_input_shape(
    dropout_moments: StudentFunction, trial: Trial
) -> None:
    """Mean and variance are float arrays shaped like x, the same at every call."""
    for x, keep_prob in _moment_inputs(trial):
        for dtype in (np.float64, np.float32):
            x = x.astype(dtype)
            first = _moments(dropout_moments, x, keep_prob)
            again = _moments(dropout_moments, x, keep_prob)
            same = facts.close(first[0], again[0]) and facts.close(first[1], again[1])
            trial.expect(
                same,
                f"{_moments_call(x, keep_prob)} gave two different answers in two "
                "calls; expected the same one.",
                shared.Wrong.answers_at_random,
            )


@exercise.check(points=0.25, after="returns_two_float_arrays_of_the_input_shape")
def moments_leave_x_alone(dropout_moments: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before."""
    x = trial.inputs(6, 5)
    shared.leaves_x_alone(dropout_moments, _moments_call(x, 0.8), x, 0.8)


def _matches(found: np.ndarray, expected: np.ndarray, size: np.ndarray) -> bool:
    """Return whether arrays agree to 1e-5 of ``size``, which rounding errors follow."""
    return bool((np.abs(found - expected) <= 1e-5 * np.abs(size)).all())


@exercise.check(points=0.25, after="returns_two_float_arrays_of_the_input_shape")
def the_mean_is_x(dropout_moments: StudentFunction, trial: Trial) -> None:
    """The mean of each unit over the masks is what it was without dropout."""
    for x, keep_prob in _moment_inputs(trial):
        mean, _ = _moments(dropout_moments, x, keep_prob)
        named = {
            Wrong.forgets_the_division: keep_prob * x,
            Wrong.gives_the_kept_value_as_mean: x / keep_prob,
            Wrong.averages_over_the_units: np.full_like(x, x.mean()),
        }
        if not _matches(mean, x, x):
            trial.fail(
                f"{_moments_call(x, keep_prob)}: mean is not right; "
                f"{facts.worst(mean, x)}.",
                next(
                    (n for n, wrong in named.items() if _matches(mean, wrong, x)),
                    _name_of_near(mean, x),
                ),
            )


def _name_of_near(found: np.ndarray, expected: np.ndarray) -> str | None:
    """Return the mistake behind numbers that are within a fifth of the exact ones."""
    near = np.abs(found - expected) <= 0.2 * np.abs(expected)
    return shared.Wrong.close_but_not_exact if near.all() else None


@exercise.check(points=1.25, after="returns_two_float_arrays_of_the_input_shape")
def the_variance_is_that_of_the_rescaled_unit(
    dropout_moments: StudentFunction, trial: Trial
) -> None:
    """The variance of each unit over the masks is x² (1 − keep_prob) / keep_prob."""
    for x, p in _moment_inputs(trial):
        _, variance = _moments(dropout_moments, x, p)
        q = 1 - p
        expected = x**2 * q / p
        named = {
            Wrong.forgets_the_division: x**2 * p * q,
            Wrong.gives_the_second_moment: x**2 / p,
            Wrong.gives_the_standard_deviation: np.abs(x) * math.sqrt(q / p),
            Wrong.divides_the_variance_once: x**2 * q,
            Wrong.swaps_keep_and_drop_in_the_variance: x**2 * p / q,
            Wrong.forgets_to_square_x: x * q / p,
            Wrong.averages_over_the_units: np.full_like(x, x.var()),
        }
        if not _matches(variance, expected, x**2 / p):
            fits = (n for n, wrong in named.items() if facts.close(variance, wrong))
            trial.fail(
                f"{_moments_call(x, p)}: variance is not right; "
                f"{facts.worst(variance, expected)}.",
                next(fits, _name_of_near(variance, expected)),
            )


@exercise.check(
    points=0.25,
    after=("the_mean_is_x", "the_variance_is_that_of_the_rescaled_unit"),
)
def there_is_no_noise_at_keep_prob_one(
    dropout_moments: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1 the mean is x and the variance is 0."""
    x = trial.inputs(6, 5, zeros=0.2)
    mean, variance = _moments(dropout_moments, x, 1.0)
    call = _moments_call(x, 1.0)
    trial.expect(_matches(mean, x, x), f"{call}: mean: {facts.worst(mean, x)}.")
    trial.expect(
        _matches(variance, 0 * x, x**2),
        f"{call}: variance: {facts.worst(variance, 0 * x)}.",
    )
