"""weight_scaled_prediction: predict in one pass with a network trained by classic dropout."""

import math

import numpy as np

from autograder.checks.conventions import classic_dropout
from autograder.checks.ensembles import shared
from autograder.checks.expectation import shared as expectation_shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import ensemble
from autograder.families.ensemble import Case, softmax

exercise = Exercise(
    "weight_scaled_prediction",
    chapter="ensembles",
    title="Predict in one pass with a network trained by classic dropout",
    signature="weight_scaled_prediction(x, weights, bias, keep_prob) -> probabilities",
    section="ens-geometric",
)


class Wrong(Mistakes, section="ens-geometric"):
    scales_the_probabilities = (
        "you multiply probabilities by keep_prob; the factor belongs to the inputs or "
        "the weights, before the softmax."
    )
    takes_the_root_at_test = at(
        "conv-test-time",
        "you multiply by the square root of keep_prob, which preserves the expected "
        "squared norm; the mean logits take keep_prob itself.",
    )
    gives_the_arithmetic_mean = (
        "you average the members' probabilities; weight scaling is one pass without "
        "masks."
    )


def _scaled_cases(trial: Trial) -> list[Case]:
    return [
        ensemble.ordinary(trial, 3, 4, 3, 0.8),
        ensemble.ordinary(trial, 6, 5, 2, 0.3, zeros=0.2),
        ensemble.ordinary(trial, 1, 1, 2, 0.6543),
        ensemble.ordinary(trial, 2, 4, 4, 0.95),
        ensemble.ordinary(trial, 5, 30, 10, 0.4),
        ensemble.ordinary(trial, 3, 4, 3, 1.0),
    ]


@exercise.check(points=0.25)
def returns_a_row_of_floats_for_each_input(
    weight_scaled_prediction: StudentFunction, trial: Trial
) -> None:
    """The result is a float array of shape (N, C), the same at every call."""
    for case in _scaled_cases(trial):
        first, call = shared.one_prediction(weight_scaled_prediction, case)
        again, _ = shared.one_prediction(weight_scaled_prediction, case)
        trial.expect(
            ensemble.same(first, again),
            f"{call} gave two different answers in two calls; expected the same one.",
            expectation_shared.Wrong.answers_at_random,
        )


def _scaling_mistake(case: Case, found: np.ndarray) -> str | None:
    p, q = case.keep_prob, 1 - case.keep_prob
    right = case.logits(p)

    def candidates() -> shared.Named:
        yield classic_dropout.Wrong.forgets_the_test_factor, case.scaled
        yield classic_dropout.Wrong.divides_at_classic_test, softmax(case.logits(1 / p))
        yield classic_dropout.Wrong.squares_the_test_factor, softmax(case.logits(p**2))
        yield (
            classic_dropout.Wrong.multiplies_by_drop_probability_at_test,
            softmax(case.logits(q)),
        )
        yield Wrong.takes_the_root_at_test, softmax(case.logits(math.sqrt(p)))
        yield shared.Wrong.rescales_the_bias, softmax(p * case.logits())
        yield shared.Wrong.forgets_the_bias, softmax(right - case.bias)
        yield Wrong.scales_the_probabilities, p * case.scaled
        yield from shared.misread(right)
        yield from shared.misread(case.logits())
        if case.x.shape[1] <= 6:
            every = softmax(p * (case.members() - case.bias) + case.bias)
            yield (
                Wrong.gives_the_arithmetic_mean,
                np.tensordot(case.chances(), every, 1),
            )

    return shared.first(found, candidates())


@exercise.check(points=0.75, after="returns_a_row_of_floats_for_each_input")
def is_the_softmax_of_the_mean_logits(
    weight_scaled_prediction: StudentFunction, trial: Trial
) -> None:
    """The prediction is that of the logits' mean over classic dropout's masks."""
    for case in _scaled_cases(trial):
        found, call = shared.one_prediction(weight_scaled_prediction, case)
        expected = softmax(case.logits(case.keep_prob))
        if not ensemble.same(found, expected):
            trial.fail(
                f"{call}: the prediction is not right; {facts.worst(found, expected)}.",
                _scaling_mistake(case, found),
            )


@exercise.check(points=0.25, after="is_the_softmax_of_the_mean_logits")
def the_prediction_survives_large_logits(
    weight_scaled_prediction: StudentFunction, trial: Trial
) -> None:
    """Logits up to ±1000 give a prediction: no overflow."""
    for case in (ensemble.shifted(trial, 0.8), ensemble.spread(trial, 0.8)):
        call = case.call("weight_scaled_prediction")
        found = weight_scaled_prediction(*case.given)
        shared.expect_finite(trial, found, call, 1000)
        found, expected = np.asarray(found), softmax(case.logits(case.keep_prob))
        trial.expect(
            facts.close(found, expected, rtol=1e-3, atol=1e-6),
            f"{call}, with logits up to ±1000: the prediction is not right; "
            f"{facts.worst(found, expected)}.",
            shared.Wrong.clips_large_logits,
        )


@exercise.check(points=0.25, after="is_the_softmax_of_the_mean_logits")
def scaling_leaves_the_arguments_alone(
    weight_scaled_prediction: StudentFunction, trial: Trial
) -> None:
    """x, weights and bias are the same after the call as before."""
    case = ensemble.ordinary(trial, 3, 4, 3, 0.8)
    call = case.call("weight_scaled_prediction")
    shared.leaves_alone(weight_scaled_prediction, call, *case.given)
