"""probit_prediction: come near the arithmetic mean of a sigmoid unit in one pass."""

import math
from typing import Any

import numpy as np

from autograder.checks.ensembles import shared
from autograder.contract import domain
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.trial import Trial
from autograder.families import corners, ensemble, layer_magnitudes
from autograder.families.ensemble import Case, sigmoid
from autograder.families.rivals import Rivals

exercise = Exercise(
    "probit_prediction",
    chapter="ensembles",
    title="Come near the arithmetic mean of a sigmoid unit in one pass",
    signature="probit_prediction(x, weights, bias, keep_prob) -> probability",
    section="ens-probit",
    takes={
        "x": domain.floats("`x` is a float array (N, D)", 2, 2),
        "weights": domain.arrays("`weights` a float array (D,)", 1, 1),
        "bias": domain.Range("`bias` a float", {"0": lambda bias: bias == 0}),
        "keep_prob": domain.keep_probs(smallest=corners.SMALLEST),
        domain.TOGETHER: shared.LOGITS,
    },
)


class Wrong(Mistakes, section="ens-probit"):
    leaves_out_the_correction = """your answer is weight scaling, the sigmoid of the
        mean logit; the correction divides that logit by a number above 1."""
    puts_in_the_standard_deviation = at(
        "ens-mistakes",
        "you put the logit's standard deviation where the formula has its variance s².",
    )
    another_factor_of_the_variance = """your s² has the right sum and another factor
        than (1 − keep_prob) / keep_prob."""
    another_sum_in_the_variance = """your s² is made of another sum than that of (x_i
        w_i)² over the units of the row: each unit has a term, the bias has none, and no
        row enters another's."""
    squares_the_sum_of_the_terms = """your s² squares the sum of the x_i w_i;
        independent units add their variances, so square each term and sum then."""
    another_constant_than_pi_over_eight = """your formula has another constant than π /
        8 in front of s²."""
    forgets_the_square_root = "you divide by 1 + π s² / 8; divide by its square root."
    multiplies_by_the_correction = """you multiply the mean logit by the square root;
        divide, since noise makes the mean less sure."""
    leaves_the_bias_outside = """you divide x · w and add the bias after that; the mean
        logit has the bias in it, and is divided as a whole."""
    rescales_the_mean_logit = """you scale the mean logit by keep_prob or its inverse;
        inverted dropout's mean logit is that of the network without dropout."""
    leaves_the_normal_distribution_function = """you end with the normal distribution
        function; the last step reads it as a sigmoid again."""
    gives_the_other_class = """you return 1 minus the probability: the logit has the
        wrong sign."""
    sigmoid_overflows = """the exponential of a large logit overflows, and infinity over
        infinity is NaN; 1 / (1 + exp(−z)) is 0 where exp(−z) overflows."""
    clips_large_mean_logits = """the mean logit is cut off, or the exponential of it
        overflows and is replaced; a sigmoid takes logits of any size."""
    enumerates_the_members = """you return the mean itself, over all masks; the probit
        formula comes near it in one pass, for any number of units."""
    expands_to_second_order = at(
        "ens-jensen",
        "you use the second-order expansion of the mean; the probit formula stays "
        "between 0 and 1 and is closer.",
    )


def _inside(trial: Trial) -> list[Case]:
    """Return sigmoid units of several sizes, keep probabilities on both sides of 0.5."""
    rng = trial.rng
    shapes = ((6, 4, 0.8), (5, 6, 0.3), (1, 1, 0.6543), (3, 40, 0.4), (4, 3, 1.0))
    return [
        Case(
            trial.inputs(n, d, zeros=0.1 if d > 1 else 0),
            rng.uniform(-1, 1, d) / math.sqrt(d) * 2,
            float(rng.uniform(0.4, 1.2)),
            keep_prob,
        )
        for n, d, keep_prob in shapes
    ]


def _units(trial: Trial) -> list[Case]:
    """Return units inside the range, and at its corners with one column of weights."""
    cases = ensemble.at_corners(trial, lambda keep_prob: 1)
    cases += ensemble.all_over(trial, lambda keep_prob: 1, 3100)
    units = [
        Case(case.x, case.weights[:, 0], float(case.bias[0]), case.keep_prob)
        for case in [*cases, ensemble.cancelling(cases[0], 1)]
    ]
    units += _of_every_magnitude(trial, large=False)
    return [*_inside(trial), *units, *_close(trial)]


def _close(trial: Trial) -> list[Case]:
    """Return units at keep probabilities close to 0 and to 1, where the correction shows:
    weights are small at the one end, nearly cancel each other at the other."""
    cases = []
    for keep_prob in corners.close_keep_probs():
        x, weights = trial.inputs(3, 2), trial.rng.uniform(1, 2, 2)
        if keep_prob > 0.5:
            x[:, 1] = x[:, 0] + trial.rng.uniform(-0.05, 0.05, 3)
            weights = 20 * np.array([1.0, -1.0])
        else:
            weights *= np.sqrt(keep_prob)
        bias = float(trial.rng.uniform(0.4, 1.2))
        cases.append(Case(x, weights, bias, keep_prob))
    return cases


def _of_every_magnitude(trial: Trial, large: bool = True) -> list[Case]:
    """Return units of every magnitude: those of whom a term of a mean logit is ``large``,
    or the others. All checks of one grading share them."""
    if "units" not in trial.notes:
        trial.notes["units"] = layer_magnitudes.sigmoids(trial)
    return [
        unit
        for unit in trial.notes["units"]
        if (max(abs(unit.bias), np.abs(unit.logits()).max()) > _LOUD) == large
    ]


def _large(trial: Trial) -> list[Case]:
    rng, x = trial.rng, np.array([[1.0, 0.5], [-1.0, 0.5], [0.0, 1.0]]) * 900
    return [
        Case(x, np.array([1.0, 0.1]), float(rng.uniform(0.4, 1.2)), keep_prob)
        for keep_prob in (0.8, 0.02, 1.0, *corners.spread_keep_probs(trial))
    ]


def _corrected(unit: Case) -> np.ndarray:
    """The probability is σ(μ / √(1 + π s² / 8)), for every row."""
    p = unit.keep_prob
    variance = (1 - p) / p * ((unit.x * unit.weights) ** 2).sum(axis=1)
    return sigmoid(unit.logits() / np.sqrt(1 + math.pi / 8 * variance))


def _rivals(unit: Case) -> Rivals:
    x, w, b, p = unit.given
    q, terms, k = 1 - p, x * w, math.pi / 8
    mu, v = unit.logits(), (terms**2).sum(axis=1)
    s2 = q / p * v
    root, at = np.sqrt(1 + k * s2), sigmoid(mu)
    probits = 0.5 * np.vectorize(math.erfc)(-math.sqrt(k / 2) * mu / root)

    def by(variance: Any, constant: float = k, mean: np.ndarray = mu) -> np.ndarray:
        return sigmoid(mean / np.sqrt(1 + constant * variance))

    rivals = {
        Wrong.leaves_out_the_correction: at,
        Wrong.puts_in_the_standard_deviation: by(np.sqrt(s2)),
        Wrong.forgets_the_square_root: sigmoid(mu / root**2),
        Wrong.multiplies_by_the_correction: sigmoid(mu * root),
        shared.Wrong.forgets_the_bias: by(s2, mean=mu - b),
        Wrong.leaves_the_bias_outside: sigmoid((mu - b) / root + b),
        Wrong.another_factor_of_the_variance: [by(f * v) for f in _factors(p)],
        Wrong.squares_the_sum_of_the_terms: [
            by(q / p * total**2) for total in (mu - b, mu)
        ],
        Wrong.another_sum_in_the_variance: [by(s) for s in _sums(unit)],
        Wrong.another_constant_than_pi_over_eight: [by(s2, c) for c in _CONSTANTS],
        Wrong.rescales_the_mean_logit: [
            by(s2, mean=mean)
            for scale in (p, 1 / p)
            for mean in (scale * (mu - b) + b, scale * mu)
        ],
        Wrong.leaves_the_normal_distribution_function: probits,
        shared.Wrong.returns_logits: mu / root,
        Wrong.gives_the_other_class: 1 - by(s2),
        Wrong.expands_to_second_order: at + at * (1 - at) * (1 - 2 * at) * s2 / 2,
    }
    if len(w) <= 6:
        members = sigmoid(unit.members())
        rivals[Wrong.enumerates_the_members] = shared.mean(unit, members)
    return rivals


#: Instead of π / 8.
_CONSTANTS = [1, 1 / 8, 8 / math.pi, 8 * math.pi, math.pi**2 / 8, 3 / math.pi**2]
_CONSTANTS += [math.pi / divisor for divisor in (1, 2, 4)]


def _factors(p: float) -> tuple[float, ...]:
    """Return wrong factors of the variance."""
    q = 1 - p
    return p * q, q, 1, 1 / p, p / max(q, 1e-9), q / p**2, math.sqrt(q / p)


def _sums(unit: Case) -> list[np.ndarray]:
    """Return what else is added up for a row's variance."""
    x, w, b, p = unit.given
    v, inputs = ((x * w) ** 2).sum(axis=1), (x**2).sum(axis=1)
    sums = (
        v + b**2,
        v.sum(),
        v.mean(),
        (x @ w).var(),
        v / len(w),
        inputs,
        (w**2).sum(),
        inputs * (w**2).sum(),
        (x * w**2).sum(axis=1).clip(0),
        (x**2 * w).sum(axis=1).clip(0),
    )
    # The logits' spread over the rows is no matter of masks at all.
    return [*((1 - p) / p * each for each in sums), (x @ w).var()]


#: From which size on a sigmoid's exponentials are very large or small.
_LOUD = 10
_ROWS = "returns_one_float_for_each_row"
_RIGHT = "is_the_sigmoid_of_the_corrected_logit"
_KIND = shared.kind("The result is a float array of shape (N,)", _inside)
_SURVIVES = shared.survives(
    _large,
    _corrected,
    "probability",
    "mean logits",
    Wrong.sigmoid_overflows,
    Wrong.clips_large_mean_logits,
    _of_every_magnitude,
)
_PURE = shared.unchanged(_inside, "x and weights")
exercise.asks(0.25, _ROWS, _KIND)
exercise.asks(
    1.0, _RIGHT, shared.equals(_units, _corrected, _rivals, "probability"), _ROWS
)
exercise.asks(0.25, "the_sigmoid_survives_large_logits", _SURVIVES, _RIGHT)
exercise.asks(0.25, "the_correction_leaves_its_arguments_alone", _PURE, _RIGHT)
