"""weight_scaled_prediction: predict in one pass with a network trained by classic dropout."""

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checks.conventions.classic_dropout import Wrong as WrongClassic
from autograder.checks.ensembles import shared
from autograder.contract import domain
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.trial import Trial
from autograder.families import corners, ensemble, layer_magnitudes
from autograder.families.ensemble import Case, softmax
from autograder.families.rivals import Rivals

exercise = Exercise(
    "weight_scaled_prediction",
    chapter="ensembles",
    title="Predict in one pass with a network trained by classic dropout",
    signature="weight_scaled_prediction(x, weights, bias, keep_prob) -> probabilities",
    section="ens-geometric",
    takes={
        "x": domain.floats("`x` is a float array (N, D)", 2, 2),
        "weights": shared.WEIGHTS,
        "bias": shared.BIAS,
        "keep_prob": domain.keep_probs(smallest=corners.SMALLEST),
        domain.TOGETHER: shared.LOGITS,
    },
)


class Wrong(Mistakes, section="ens-geometric"):
    scales_the_probabilities = """you multiply probabilities by keep_prob; the factor
        belongs to the inputs or the weights, before the softmax."""
    takes_the_root_at_test = at(
        "conv-test-time",
        "you multiply by the square root of keep_prob, which preserves the expected "
        "squared norm; the mean logits take keep_prob itself.",
    )
    gives_the_arithmetic_mean = """you average the members' probabilities; weight
        scaling is one pass without masks."""


def _inside(trial: Trial) -> list[Case]:
    return [
        ensemble.ordinary(trial, 3, 4, 3, 0.8),
        ensemble.ordinary(trial, 6, 5, 2, 0.3, zeros=0.2),
        ensemble.ordinary(trial, 1, 1, 2, 0.6543),
        ensemble.ordinary(trial, 2, 4, 4, 0.95),
        ensemble.ordinary(trial, 5, 30, 10, 0.4),
        ensemble.ordinary(trial, 3, 4, 3, 1.0),
    ]


def _cases(trial: Trial) -> list[Case]:
    def factor(keep_prob: float) -> float:
        return keep_prob

    cases = _inside(trial) + ensemble.at_corners(trial, factor)
    cases += ensemble.all_over(trial, factor, 150)
    cases.append(ensemble.cancelling(cases[0], cases[0].keep_prob))
    cases += _of_every_magnitude(trial, loud=False)
    return cases + ensemble.close_to_the_ends(trial, factor)


def _of_every_magnitude(trial: Trial, loud: bool = True) -> list[Case]:
    """Return layers of every magnitude whose logits are ``loud``, or moderate."""
    return [
        case
        for case in layer_magnitudes.softmaxes(trial, 0)
        if layer_magnitudes.is_loud(case.logits(case.keep_prob)) == loud
    ]


def _large(trial: Trial) -> list[Case]:
    kinds = itertools.cycle((ensemble.shifted, ensemble.spread))
    keep_probs = 0.8, 0.8, 0.02, 0.02, *corners.spread_keep_probs(trial)
    return [logits(trial, p, p) for logits, p in zip(kinds, keep_probs, strict=False)]


def _right(case: Case) -> np.ndarray:
    """The prediction is that of the logits' mean over classic dropout's masks."""
    return softmax(case.logits(case.keep_prob))


def _rivals(case: Case) -> Rivals:
    p = case.keep_prob
    right = case.logits(p)
    factors = {
        WrongClassic.forgets_the_test_factor: 1,
        WrongClassic.divides_at_classic_test: 1 / p,
        WrongClassic.squares_the_test_factor: p**2,
        WrongClassic.multiplies_by_drop_probability_at_test: 1 - p,
        Wrong.takes_the_root_at_test: math.sqrt(p),
    }
    rivals: dict[str, Any] = {
        name: softmax(case.logits(factor)) for name, factor in factors.items()
    }
    rivals |= {
        shared.Wrong.rescales_the_bias: softmax(p * case.logits()),
        shared.Wrong.forgets_the_bias: softmax(right - case.bias),
        Wrong.scales_the_probabilities: p * case.scaled,
    }
    rivals |= shared.misread(right, case.logits())
    if case.x.shape[1] <= 6:
        classic = replace(case, x=p * case.x)
        rivals[Wrong.gives_the_arithmetic_mean] = shared.arithmetic(classic)
    return rivals


_ROWS = "returns_a_row_of_floats_for_each_input"
_MEAN = "is_the_softmax_of_the_mean_logits"
_KIND = shared.kind("The result is a float array of shape (N, C)", _inside)
_SURVIVES = shared.survives(_large, _right, more=_of_every_magnitude)
_PURE = shared.unchanged(_inside)
exercise.asks(0.25, _ROWS, _KIND)
exercise.asks(0.75, _MEAN, shared.equals(_cases, _right, _rivals), _ROWS)
exercise.asks(0.25, "the_prediction_survives_large_logits", _SURVIVES, _MEAN)
exercise.asks(0.25, "scaling_leaves_the_arguments_alone", _PURE, _MEAN)
