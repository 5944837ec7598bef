"""probit_prediction: come near the arithmetic mean of a sigmoid unit in one pass."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograder.checks.ensembles import shared
from autograder.checks.expectation import shared as expectation_shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import ensemble
from autograder.families.ensemble import Case, sigmoid

exercise = Exercise(
    "probit_prediction",
    chapter="ensembles",
    title="Come near the arithmetic mean of a sigmoid unit in one pass",
    signature="probit_prediction(x, weights, bias, keep_prob) -> probability",
    section="ens-probit",
)


class Wrong(Mistakes, section="ens-probit"):
    leaves_out_the_correction = (
        "your answer is weight scaling, the sigmoid of the mean logit; the correction "
        "divides that logit by a number above 1."
    )
    puts_in_the_standard_deviation = at(
        "ens-mistakes",
        "you put the logit's standard deviation where the formula has its variance s².",
    )
    another_factor_of_the_variance = (
        "your s² has the right sum and another factor than (1 − keep_prob) / keep_prob."
    )
    another_sum_in_the_variance = (
        "your s² is made of another sum than that of (x_i w_i)² over the units of the "
        "row: each unit has a term, the bias has none, and no row enters another's."
    )
    squares_the_sum_of_the_terms = (
        "your s² squares the sum of the x_i w_i; independent units add their "
        "variances, so square each term and sum then."
    )
    another_constant_than_pi_over_eight = (
        "your formula has another constant than π / 8 in front of s²."
    )
    forgets_the_square_root = "you divide by 1 + π s² / 8; divide by its square root."
    multiplies_by_the_correction = (
        "you multiply the mean logit by the square root; divide, since noise makes "
        "the mean less sure."
    )
    leaves_the_bias_outside = (
        "you divide x · w and add the bias after that; the mean logit has the bias in "
        "it, and is divided as a whole."
    )
    rescales_the_mean_logit = (
        "you scale the mean logit by keep_prob or its inverse; inverted dropout's "
        "mean logit is that of the network without dropout."
    )
    leaves_the_normal_distribution_function = (
        "you end with the normal distribution function; the last step reads it as a "
        "sigmoid again."
    )
    gives_the_other_class = (
        "you return 1 minus the probability: the logit has the wrong sign."
    )
    enumerates_the_members = (
        "you return the mean itself, over all masks; the probit formula comes near it "
        "in one pass, for any number of units."
    )
    expands_to_second_order = at(
        "ens-jensen",
        "you use the second-order expansion of the mean; the probit formula stays "
        "between 0 and 1 and is closer.",
    )


#: What an exercise on a sigmoid unit is given: x, weights (D,), bias, keep_prob.
Unit = tuple[np.ndarray, np.ndarray, float, float]


def _units(trial: Trial) -> list[Unit]:
    """Return sigmoid units of several sizes, keep probabilities on both sides of 0.5."""
    rng = trial.rng
    shapes = ((6, 4, 0.8), (5, 6, 0.3), (1, 1, 0.6543), (3, 40, 0.4), (4, 3, 1.0))
    return [
        (
            trial.inputs(n, d, zeros=0.1 if d > 1 else 0),
            rng.uniform(-1, 1, d) / math.sqrt(d) * 2,
            float(rng.uniform(0.4, 1.2)),
            keep_prob,
        )
        for n, d, keep_prob in shapes
    ]


def _unit_call(unit: Unit) -> str:
    x, _, bias, keep_prob = unit
    return f"probit_prediction(x of shape {x.shape}, weights, {bias:.4g}, {keep_prob})"


def _corrected(unit: Unit) -> np.ndarray:
    x, weights, bias, p = unit
    variance = (1 - p) / p * (x * weights) ** 2 @ np.ones(len(weights))
    return sigmoid((x @ weights + bias) / np.sqrt(1 + math.pi / 8 * variance))


def _unit_answer(function: StudentFunction, unit: Unit) -> np.ndarray:
    return facts.float_array(function(*unit), (len(unit[0]),), _unit_call(unit))


@exercise.check(points=0.25)
def returns_one_float_for_each_row(
    probit_prediction: StudentFunction, trial: Trial
) -> None:
    """The result is a float array of shape (N,), the same at every call."""
    for unit in _units(trial):
        first = _unit_answer(probit_prediction, unit)
        again = _unit_answer(probit_prediction, unit)
        trial.expect(
            ensemble.same(first, again),
            f"{_unit_call(unit)} gave two different answers in two calls; expected the "
            "same one.",
            expectation_shared.Wrong.answers_at_random,
        )


def _probit_mistakes(unit: Unit) -> shared.Named:
    """Yield what wrong formulas give, by name."""
    x, w, b, p = unit
    q, terms, k = 1 - p, x * w, math.pi / 8
    mu, v = terms.sum(axis=1) + b, (terms**2).sum(axis=1)
    s2 = q / p * v

    def by(variance: Any, constant: float = k, mean: np.ndarray = mu) -> np.ndarray:
        return sigmoid(mean / np.sqrt(1 + constant * variance))

    yield Wrong.leaves_out_the_correction, sigmoid(mu)
    yield Wrong.puts_in_the_standard_deviation, by(np.sqrt(s2))
    yield Wrong.forgets_the_square_root, sigmoid(mu / (1 + k * s2))
    yield Wrong.multiplies_by_the_correction, sigmoid(mu * np.sqrt(1 + k * s2))
    yield shared.Wrong.forgets_the_bias, by(s2, mean=mu - b)
    yield Wrong.leaves_the_bias_outside, sigmoid((mu - b) / np.sqrt(1 + k * s2) + b)
    for factor in (p * q, q, 1, 1 / p, p / max(q, 1e-9), q / p**2, math.sqrt(q / p)):
        yield Wrong.another_factor_of_the_variance, by(factor * v)
    other = terms.sum(axis=1)
    for total in (other, mu):
        yield Wrong.squares_the_sum_of_the_terms, by(q / p * total**2)
    sums: Mapping[str, Any] = {
        "bias": v + b**2,
        "all rows": v.sum(),
        "mean": v / len(w),
        "inputs": (x**2).sum(axis=1),
        "weights": (w**2).sum(),
        "apart": (x**2).sum(axis=1) * (w**2).sum(),
        "one square": (x * w**2).sum(axis=1).clip(0),
        "other square": (x**2 * w).sum(axis=1).clip(0),
    }
    for variance in sums.values():
        yield Wrong.another_sum_in_the_variance, by(q / p * variance)
    for constant in (
        1,
        math.pi,
        math.pi / 4,
        math.pi / 2,
        1 / 8,
        3 / math.pi**2,
        1 / k,
    ):
        yield Wrong.another_constant_than_pi_over_eight, by(s2, constant)
    yield Wrong.another_constant_than_pi_over_eight, by(s2, math.pi**2 / 8)
    for scale in (p, 1 / p):
        yield Wrong.rescales_the_mean_logit, by(s2, mean=scale * (mu - b) + b)
        yield Wrong.rescales_the_mean_logit, by(s2, mean=scale * mu)
    root = math.sqrt(k) * mu / np.sqrt(1 + k * s2)
    normal = np.array([0.5 * math.erfc(-z / math.sqrt(2)) for z in root])
    yield Wrong.leaves_the_normal_distribution_function, normal
    yield shared.Wrong.returns_logits, mu / np.sqrt(1 + k * s2)
    yield Wrong.gives_the_other_class, 1 - by(s2)
    at = sigmoid(mu)
    yield Wrong.expands_to_second_order, at + at * (1 - at) * (1 - 2 * at) * s2 / 2
    if len(w) <= 6:
        two = Case(x, np.stack([w, 0 * w], axis=1), np.array([b, 0.0]), p)
        yield Wrong.enumerates_the_members, shared.arithmetic(two)[:, 0]


@exercise.check(points=1.0, after="returns_one_float_for_each_row")
def is_the_sigmoid_of_the_corrected_logit(
    probit_prediction: StudentFunction, trial: Trial
) -> None:
    """The probability is σ(μ / √(1 + π s² / 8)), for every row."""
    for unit in _units(trial):
        found, expected = _unit_answer(probit_prediction, unit), _corrected(unit)
        if not ensemble.same(found, expected):
            trial.fail(
                f"{_unit_call(unit)}: the probability is not right; "
                f"{facts.worst(found, expected)}.",
                shared.first(found, _probit_mistakes(unit)),
            )


@exercise.check(points=0.25, after="is_the_sigmoid_of_the_corrected_logit")
def the_sigmoid_survives_large_logits(
    probit_prediction: StudentFunction, trial: Trial
) -> None:
    """Mean logits up to ±1000 give a probability: no overflow."""
    rng = trial.rng
    for keep_prob in (0.8, 1.0):
        x = np.array([[1.0, 0.5], [-1.0, 0.5], [0.0, 1.0]]) * 900
        unit: Unit = x, np.array([1.0, 0.1]), float(rng.uniform(0.4, 1.2)), keep_prob
        found, expected = probit_prediction(*unit), _corrected(unit)
        call = _unit_call(unit)
        shared.expect_finite(trial, found, call, 1000)
        trial.expect(
            facts.close(found, expected, rtol=1e-3, atol=1e-6),
            f"{call}, with mean logits up to ±1000: the probability is not right; "
            f"{facts.worst(np.asarray(found), expected)}.",
            shared.Wrong.clips_large_logits,
        )


@exercise.check(points=0.25, after="is_the_sigmoid_of_the_corrected_logit")
def the_correction_leaves_its_arguments_alone(
    probit_prediction: StudentFunction, trial: Trial
) -> None:
    """x and weights are the same after the call as before."""
    unit = _units(trial)[0]
    shared.leaves_alone(probit_prediction, _unit_call(unit), *unit)
