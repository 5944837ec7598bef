"""The energy of a dropped layer, the variance that it leaves, and AlphaDropout."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import mistake
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import elementwise
from autograder.laws.binomial import Proportion

SIMULATES = mistake(
    "simulates_an_expectation",
    "your answer changes from call to call, as a simulation's does; the expectation over "
    "all masks has a formula.",
    "energy-norm",
)

# --------------------------------------------------------------- expected_energy

energy = Exercise(
    "expected_energy",
    chapter="energy",
    title="State the expected squared norm of a dropped layer",
    signature="expected_energy(x, keep_prob, scaling) -> float",
    section="energy-norm",
)

SCALINGS = ("none", "mean", "norm")
_BOTH_SIDES = (0.8, 0.3)
#: More digits than a rounded keep probability has.
_MANY_DIGITS = 0.5617
#: Where a keep probability that is clipped shows.
_NEAR_THE_ENDS = (0.985, 0.02)

GIVES_THE_NORM = mistake(
    "gives_the_norm",
    "you take a square root; the energy is the squared norm, and the root of its "
    "expectation is not the expected norm either.",
    "energy-norm",
)
GIVES_THE_MEAN_SQUARE = mistake(
    "gives_the_mean_square",
    "you average the squares over the units; the energy is their sum.",
    "energy-norm",
)
SQUARES_THE_SUM = mistake(
    "squares_the_sum_of_x",
    "you square the sum of x; the energy is the sum of the squares.",
    "energy-norm",
)
SUMS_WITHOUT_SQUARES = mistake(
    "sums_without_squares",
    "you sum x, or its absolute values, without squaring.",
    "energy-norm",
)
CENTRES_X = mistake(
    "centres_x",
    "you subtract the mean of x first, as a variance does; the energy is the sum of the "
    "squares of x itself.",
    "energy-norm",
)
TAKES_A_MATRIX_NORM = mistake(
    "takes_a_matrix_norm",
    "you take the matrix norm of order 2, the largest singular value; the energy sums the "
    "squares of all entries.",
    "energy-norm",
)
ENERGY_OF_THE_MEAN = mistake(
    "gives_the_energy_of_the_mean",
    "you give the energy of the mean output, with keep_prob squared; because m² = m, the "
    "mean of m² is keep_prob.",
    "energy-norm",
)
LEAVES_THE_SCALE_UNSQUARED = mistake(
    "leaves_the_scale_unsquared",
    "you multiply the energy by the scale; a factor c on the units enters their squares "
    "as c².",
    "energy-norm",
)
FORGETS_THE_MASK = mistake(
    "forgets_that_units_are_dropped",
    "you scale the energy and forget the mask, which keeps a share keep_prob of it.",
    "energy-norm",
)
BELIEVES_ENERGY_IS_KEPT = mistake(
    "believes_that_inverted_dropout_keeps_the_energy",
    "you say that division by keep_prob keeps the energy; it keeps the mean, and the "
    "energy comes out 1 / keep_prob times as large.",
    "energy-mistakes",
)
GIVES_THE_NOISE_ALONE = mistake(
    "gives_the_energy_of_the_noise",
    "you give the variance that the masks add; a mean square is the variance plus the "
    "square of the mean.",
    "energy-norm",
)
SWAPS_MEAN_AND_NORM = mistake(
    "swaps_the_scalings_mean_and_norm",
    "your answers for 'mean' and 'norm' stand in each other's place.",
    "energy-norm",
)
SWAPS_NONE_AND_MEAN = mistake(
    "swaps_the_scalings_none_and_mean",
    "your answers for 'none' and 'mean' stand in each other's place: without rescaling "
    "the energy falls.",
    "energy-norm",
)
IGNORES_THE_SCALING = mistake(
    "ignores_the_scaling",
    "your answer is the same for all three scalings.",
    "energy-norm",
)
DROP_PROBABILITY_IN_ENERGY = mistake(
    "computes_the_energy_with_the_drop_probability",
    "you use 1 − keep_prob where keep_prob belongs.",
    "energy-norm",
)
ANOTHER_ENERGY_FACTOR = mistake(
    "multiplies_the_energy_by_another_factor",
    "your answer is a multiple of Σx², and the factor is not the right one, c² keep_prob.",
    "energy-norm",
)
ENERGY_DEPENDS_ON_SIZE = mistake(
    "rounds_or_pads_the_energy",
    "your answer is right for numbers of ordinary size and wrong for very small, very "
    "large or zero x, as when it is rounded or a small constant is added.",
    "energy-norm",
)


def _energy_call(x: np.ndarray, keep_prob: float, scaling: str) -> str:
    return f"expected_energy(x of shape {x.shape}, {keep_prob}, {scaling!r})"


def _energy(
    function: StudentFunction, x: np.ndarray, keep_prob: float, scaling: str
) -> float:
    call = _energy_call(x, keep_prob, scaling)
    return facts.number(function(x, keep_prob, scaling), call)


def _right_factor(keep_prob: float, scaling: str) -> float:
    return {"none": keep_prob, "mean": 1 / keep_prob, "norm": 1.0}[scaling]


#: What wrong answers multiply the energy with, for "none", "mean" and "norm".
_WRONG_FACTORS: Mapping[str, Sequence[Callable[[float], tuple[float, ...]]]] = {
    ENERGY_OF_THE_MEAN: [lambda p: (p**2, 1, p)],
    LEAVES_THE_SCALE_UNSQUARED: [lambda p: (p, 1, p**0.5)],
    FORGETS_THE_MASK: [lambda p: (1, p**-2, 1 / p)],
    BELIEVES_ENERGY_IS_KEPT: [lambda p: (p, 1, 1)],
    GIVES_THE_NOISE_ALONE: [lambda p: (p * (1 - p), (1 - p) / p, 1 - p)],
    SWAPS_MEAN_AND_NORM: [lambda p: (p, 1, 1 / p)],
    SWAPS_NONE_AND_MEAN: [lambda p: (1 / p, p, 1)],
    IGNORES_THE_SCALING: [
        lambda p: (p,) * 3,
        lambda p: (1 / p,) * 3,
        lambda p: (1.0,) * 3,
    ],
    DROP_PROBABILITY_IN_ENERGY: [lambda p: (1 - p, 1 / (1 - p), 1)],
}


def _wrong_measures(x: np.ndarray) -> dict[str, list[float]]:
    """Return what wrong answers take for the energy of a matrix, by mistake."""
    return {
        GIVES_THE_NORM: [math.sqrt((x**2).sum())],
        GIVES_THE_MEAN_SQUARE: [(x**2).mean(), (x**2).sum() / len(x)],
        SQUARES_THE_SUM: [x.sum() ** 2],
        SUMS_WITHOUT_SQUARES: [np.abs(x).sum(), x.sum()],
        CENTRES_X: [((x - x.mean()) ** 2).sum(), x.var()],
        TAKES_A_MATRIX_NORM: [np.linalg.norm(x, 2) ** 2, np.linalg.norm(x, 2)],
    }


def _energy_mistake(function: StudentFunction, trial: Trial) -> str | None:
    """Return what is behind wrong energies, from two matrices, both sides of 0.5 and all
    three scalings."""
    # The second matrix has the first one's energy and another sum.
    first = np.abs(trial.inputs(6, 5))
    matrices = first, first * np.where(np.arange(30).reshape(6, 5) % 3, 1, -1)
    try:
        found = np.array(
            [
                [[_energy(function, x, p, s) for s in SCALINGS] for p in _BOTH_SIDES]
                for x in matrices
            ]
        )
    except (StudentError, CheckFailure):
        return None
    right = np.array(
        [[_right_factor(p, scaling) for scaling in SCALINGS] for p in _BOTH_SIDES]
    )
    factors = found / (first**2).sum()
    for name, laws in _WRONG_FACTORS.items():
        for law in laws:
            if facts.close(factors, np.array([law(p) for p in _BOTH_SIDES])):
                return name
    measures = zip(*(_wrong_measures(x).items() for x in matrices), strict=True)
    for (name, one), (_, two) in measures:
        for sizes in zip(one, two, strict=True):
            shares = found / np.reshape(sizes, (2, 1, 1))
            if facts.close(shares, right) or facts.close(shares, right**0.5):
                return name
    if not facts.close(factors[0], factors[1]) or facts.close(factors[0], right):
        return None
    # A factor is one only if a third matrix, of another energy, shows the same.
    third = trial.inputs(6, 5)
    share = _energy(function, third, 0.8, "mean") / (third**2).sum()
    alike = facts.close(share, factors[0][0][1])
    return ANOTHER_ENERGY_FACTOR if alike else None


def _factor_mistake(
    function: StudentFunction, trial: Trial, keep_prob: float, scaling: str
) -> str | None:
    """Return the name of a factor that is wrong at this keep_prob alone."""
    shares = [
        _energy(function, x, keep_prob, scaling) / (x**2).sum()
        for x in (trial.inputs(6, 5), trial.inputs(6, 5))
    ]
    wrong = not facts.close(shares[0], _right_factor(keep_prob, scaling))
    return ANOTHER_ENERGY_FACTOR if wrong and facts.close(*shares) else None


def _energy_inputs(trial: Trial) -> list[np.ndarray]:
    return [
        trial.inputs(6, 5, zeros=0.2),
        trial.inputs(12),
        trial.inputs(3, 2, 4),
        trial.inputs(2, 3, 2, 3),
        trial.inputs(1),
    ]


@energy.check(points=0.25)
def returns_one_finite_number(expected_energy: StudentFunction, trial: Trial) -> None:
    """The energy is one finite number, the same at every call."""
    for x in _energy_inputs(trial):
        for dtype in (np.float64, np.float32):
            for scaling in SCALINGS:
                args = x.astype(dtype), 0.8, scaling
                first = _energy(expected_energy, *args)
                again = _energy(expected_energy, *args)
                trial.expect(
                    facts.close(first, again),
                    f"{_energy_call(*args)} gave {first:.6g} and {again:.6g} for the "
                    "same x.",
                    SIMULATES,
                )


def _expect_energy(function: StudentFunction, trial: Trial, scaling: str) -> None:
    for x in _energy_inputs(trial):
        for keep_prob in (*_BOTH_SIDES, _MANY_DIGITS):
            found = _energy(function, x, keep_prob, scaling)
            expected = (x**2).sum() * _right_factor(keep_prob, scaling)
            if facts.close(found, expected):
                continue
            trial.fail(
                f"{_energy_call(x, keep_prob, scaling)}: found {found:.6g}, expected "
                f"{expected:.6g}; the sum of squares of this x is {(x**2).sum():.6g}.",
                _energy_mistake(function, trial)
                or _factor_mistake(function, trial, keep_prob, scaling),
            )


@energy.check(points=0.75, after="returns_one_finite_number")
def falls_without_rescaling(expected_energy: StudentFunction, trial: Trial) -> None:
    """With scaling "none", the energy is keep_prob times that of x."""
    _expect_energy(expected_energy, trial, "none")


@energy.check(points=0.75, after="returns_one_finite_number")
def grows_when_the_mean_is_kept(expected_energy: StudentFunction, trial: Trial) -> None:
    """With scaling "mean", the energy is 1 / keep_prob times that of x."""
    _expect_energy(expected_energy, trial, "mean")


@energy.check(points=0.25, after="returns_one_finite_number")
def stays_when_the_norm_is_kept(expected_energy: StudentFunction, trial: Trial) -> None:
    """With scaling "norm", the energy is that of x."""
    _expect_energy(expected_energy, trial, "norm")


_ALL_ENERGIES = (
    "falls_without_rescaling",
    "grows_when_the_mean_is_kept",
    "stays_when_the_norm_is_kept",
)


@energy.check(points=0.25, after=_ALL_ENERGIES)
def holds_at_the_edges(expected_energy: StudentFunction, trial: Trial) -> None:
    """At keep_prob = 1 nothing changes, zeros have no energy, and x may have any size."""
    x = trial.inputs(6, 5)
    cases = [(x, 1.0), (0 * x, 0.3), (1e-6 * x, 0.3), (1e6 * x, 0.8), (x, 0.01)]
    cases += [(x, 0.0004)]
    for x, keep_prob in cases:
        for scaling in SCALINGS:
            found = _energy(expected_energy, x, keep_prob, scaling)
            expected = (x**2).sum() * _right_factor(keep_prob, scaling)
            trial.expect(
                facts.close(found, expected, atol=0),
                f"{_energy_call(x, keep_prob, scaling)}, the largest entry of x being "
                f"{np.abs(x).max():.3g}: found {found:.6g}, expected {expected:.6g}.",
                _factor_mistake(expected_energy, trial, keep_prob, scaling)
                or ENERGY_DEPENDS_ON_SIZE,
            )


@energy.check(points=0.25, after=_ALL_ENERGIES)
def the_energy_leaves_x_alone(expected_energy: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before."""
    for scaling in SCALINGS:
        x = trial.inputs(6, 5)
        _, after = expected_energy.observe(x, 0.8, scaling)
        _expect_same(trial, x, after[0], _energy_call(x, 0.8, scaling), "x")


def _expect_same(
    trial: Trial, given: np.ndarray, now: np.ndarray, call: str, what: str
) -> None:
    trial.expect(
        np.array_equal(given, now),
        f"{call} changed {what} in place; {what}**2 makes a new array, {what} **= 2 does "
        "not.",
        elementwise.CHANGES_ITS_INPUT,
    )


# ------------------------------------------------------ batchnorm_variance_ratio

ratio = Exercise(
    "batchnorm_variance_ratio",
    chapter="energy",
    title="Compare a unit's variance at test with what batch normalisation stored",
    signature="batchnorm_variance_ratio(weights, x, keep_prob) -> array",
    section="energy-batchnorm",
)

GIVES_TRAINING_OVER_TEST = mistake(
    "gives_training_over_test",
    "you divide the training variance by the test variance; the ratio asked for is the "
    "other way round and at most 1.",
    "energy-batchnorm",
)
GIVES_A_RATIO_OF_DEVIATIONS = mistake(
    "gives_a_ratio_of_deviations",
    "you take a square root; the ratio is one of variances.",
    "energy-batchnorm",
)
NOISE_FROM_THE_VARIANCE = mistake(
    "takes_the_noise_from_the_variance_of_x",
    "your noise holds the variance of x; dropping a unit that is always on makes noise "
    "too, so it holds the mean square.",
    "energy-batchnorm",
)
NOISE_FROM_THE_MEAN = mistake(
    "takes_the_noise_from_the_mean_of_x",
    "your noise holds the square of the mean of x; it holds the mean of the square.",
    "energy-batchnorm",
)
IGNORES_CORRELATIONS = mistake(
    "treats_inputs_as_uncorrelated",
    "your test variance adds up w² Var[x], as if the inputs were uncorrelated; take the "
    "variance of x @ weights over the rows.",
    "energy-batchnorm",
)
TAKES_KEEP_PROB_FOR_THE_RATIO = mistake(
    "takes_keep_prob_for_the_ratio",
    "your ratio is keep_prob itself, which holds only for uncorrelated inputs of mean 0.",
    "energy-batchnorm",
)
DESCRIBES_UNSCALED_DROPOUT = mistake(
    "describes_unscaled_dropout",
    "your noise is that of mask * x, with (1 − keep_prob) keep_prob; inverted dropout "
    "divides by keep_prob, its noise has (1 − keep_prob) / keep_prob.",
    "energy-batchnorm",
)
SWAPS_IN_THE_NOISE = mistake(
    "swaps_keep_and_drop_in_the_noise",
    "your noise has keep_prob / (1 − keep_prob); it has (1 − keep_prob) / keep_prob.",
    "energy-batchnorm",
)
NOISE_KEEPS_THE_SQUARED_MEAN = mistake(
    "leaves_the_squared_mean_in_the_noise",
    "your noise has 1 / keep_prob, the mean square of mask / keep_prob; its variance is "
    "1 / keep_prob − 1.",
    "energy-batchnorm",
)
ONE_BATCH_OR_N_MINUS_ONE = mistake(
    "divides_by_n_minus_one_or_looks_at_one_batch",
    "either you divide a variance by N − 1, or you average the variance inside single "
    "batches, which lacks a part 1/N of the noise; divide by N, over all rows and masks.",
    "energy-batchnorm",
)
ANOTHER_NOISE_FACTOR = mistake(
    "multiplies_the_noise_by_another_factor",
    "you add a multiple of Σ w² E[x²], and the factor is not the right one, "
    "(1 − keep_prob) / keep_prob.",
    "energy-batchnorm",
)
COMPARES_MEAN_SQUARES = mistake(
    "compares_mean_squares",
    "you compare mean squares; batch normalisation subtracts the mean before squaring.",
    "energy-batchnorm",
)
WEIGHTS_UNSQUARED = mistake(
    "leaves_the_weights_unsquared",
    "the weights enter your noise without being squared.",
    "energy-batchnorm",
)
POOLS_THE_UNITS = mistake(
    "pools_the_units",
    "all units get the same ratio, one for the layer; each output unit has its own.",
    "energy-batchnorm",
)
NOISE_FOR_TRAINING = mistake(
    "takes_the_noise_for_the_training_variance",
    "you divide by the noise; the training variance is the test variance plus the noise.",
    "energy-batchnorm",
)
GIVES_THE_SHARE_OF_NOISE = mistake(
    "gives_the_share_of_noise",
    "you give the noise's share of the training variance; the ratio is 1 minus that.",
    "energy-batchnorm",
)
MULTIPLIES_SUMS = mistake(
    "multiplies_sums_in_the_noise",
    "you multiply the sum of w² with the sum of E[x²]; each input's w² belongs with its "
    "own E[x²].",
    "energy-batchnorm",
)
DROPS_THE_PREACTIVATION = mistake(
    "drops_the_pre_activation",
    "your noise is that of dropping the pre-activation as a whole; each input has a mask "
    "of its own, so the noises w² E[x²] add up.",
    "energy-batchnorm",
)
RATIO_DEPENDS_ON_SCALE = mistake(
    "adds_a_constant_to_a_variance",
    "your ratio depends on the scale of x and weights, as when a small constant is added "
    "to a variance.",
    "energy-batchnorm",
)
NOISE_AT_ONE = mistake(
    "adds_noise_at_keep_prob_one",
    "at keep_prob = 1 nothing is dropped, so both variances are equal.",
    "energy-batchnorm",
)
CONSTANT_UNIT = mistake(
    "makes_an_exception_of_constant_units",
    "a unit that is the same for every row has variance 0 at test and a positive one in "
    "training; its ratio is 0.",
    "energy-batchnorm",
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
        GIVES_TRAINING_OVER_TEST: [training / test],
        GIVES_A_RATIO_OF_DEVIATIONS: [np.sqrt(test / training)],
        NOISE_FROM_THE_VARIANCE: [with_noise(uncorrelated)],
        NOISE_FROM_THE_MEAN: [with_noise(x.mean(axis=0) ** 2 @ w2)],
        IGNORES_CORRELATIONS: [uncorrelated / (uncorrelated + noise)],
        TAKES_KEEP_PROB_FOR_THE_RATIO: [p * same],
        DESCRIBES_UNSCALED_DROPOUT: [test / (p**2 * training), test / (p * training)],
        COMPARES_MEAN_SQUARES: [square / (square + noise)],
        WEIGHTS_UNSQUARED: [
            with_noise(x2 @ weights),
            with_noise(x2 @ np.abs(weights)),
        ],
        POOLS_THE_UNITS: [
            same * test.sum() / training.sum(),
            same * (test / training).mean(),
        ],
        NOISE_FOR_TRAINING: [test / noise],
        GIVES_THE_SHARE_OF_NOISE: [noise / training],
        MULTIPLIES_SUMS: [with_noise(w2.sum(axis=0) * x2.sum())],
        DROPS_THE_PREACTIVATION: [with_noise(square), with_noise(test * same)],
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
        DESCRIBES_UNSCALED_DROPOUT: p**2,
        SWAPS_IN_THE_NOISE: (p / q) ** 2,
        NOISE_KEEPS_THE_SQUARED_MEAN: 1 / q,
        ONE_BATCH_OR_N_MINUS_ONE: (n - 1) / n,
    }
    fits = (name for name, value in named.items() if facts.close(factor, value))
    return next(fits, ANOTHER_NOISE_FACTOR)


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
        return RATIO_DEPENDS_ON_SCALE
    if facts.close(found, test / (test + noise)):
        if not facts.close(at_one, 1):
            return NOISE_AT_ONE
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


@ratio.check(points=0.25)
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
                SIMULATES,
            )


@ratio.check(points=1.0, after="returns_one_ratio_for_each_unit")
def adds_the_noise_of_inputs_around_zero(
    batchnorm_variance_ratio: StudentFunction, trial: Trial
) -> None:
    """For correlated inputs of mean 0 the ratio is test over test plus noise."""
    for size in _SIZES:
        for keep_prob in (*_BOTH_SIDES, _MANY_DIGITS, *_NEAR_THE_ENDS):
            layer = _layer(trial, *size, centred=True)
            _expect_ratio(batchnorm_variance_ratio, trial, layer, keep_prob)


@ratio.check(points=0.75, after="adds_the_noise_of_inputs_around_zero")
def counts_the_mean_of_the_inputs_as_noise(
    batchnorm_variance_ratio: StudentFunction, trial: Trial
) -> None:
    """An input's mean adds nothing to the test variance, and to the noise."""
    for size in _SIZES:
        for keep_prob in (*_BOTH_SIDES, _MANY_DIGITS):
            layer = _layer(trial, *size, centred=False)
            _expect_ratio(batchnorm_variance_ratio, trial, layer, keep_prob)


@ratio.check(points=0.25, after="counts_the_mean_of_the_inputs_as_noise")
def does_not_depend_on_the_size_of_x_and_weights(
    batchnorm_variance_ratio: StudentFunction, trial: Trial
) -> None:
    """Multiplying x or weights by a constant changes nothing."""
    weights, x = _layer(trial, 9, 4, 5, centred=False)
    for scale in (1e-4, 1e4):
        for layer in ((scale * weights, x), (weights, scale * x)):
            _expect_ratio(batchnorm_variance_ratio, trial, layer, 0.8)


@ratio.check(points=0.25, after="counts_the_mean_of_the_inputs_as_noise")
def is_one_without_dropout(
    batchnorm_variance_ratio: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1 every ratio is 1."""
    layer = _layer(trial, 9, 4, 5, centred=False)
    _expect_ratio(batchnorm_variance_ratio, trial, layer, 1.0)


@ratio.check(points=0.25, after="counts_the_mean_of_the_inputs_as_noise")
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
            CONSTANT_UNIT,
        )


@ratio.check(points=0.25, after="adds_the_noise_of_inputs_around_zero")
def leaves_weights_and_x_alone(
    batchnorm_variance_ratio: StudentFunction, trial: Trial
) -> None:
    """weights and x are the same after the call as before."""
    layer = _layer(trial, 9, 4, 5, centred=False)
    _, after = batchnorm_variance_ratio.observe(*layer, 0.8)
    for given, now, what in zip(layer, after, ("weights", "x"), strict=False):
        _expect_same(trial, given, now, _ratio_call(*layer, 0.8), what)


# ----------------------------------------------------------------- alpha_dropout

alpha = Exercise(
    "alpha_dropout",
    chapter="energy",
    title="Drop units without changing the mean and the variance of the layer",
    signature="alpha_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="energy-alpha",
)

#: What a dropped unit is replaced with: SELU's value for very negative input.
OFF = -1.0507009873554805 * 1.6732632423543772

CHANGES_NOTHING = mistake(
    "alpha_dropout_changes_nothing",
    "in training x comes back unchanged; dropped units have to be replaced.",
    "energy-alpha",
)
NOTHING_IN_COMMON = mistake(
    "dropped_units_have_no_common_value",
    "no two units come back with the same value; all dropped units take one value, "
    "whatever x was.",
    "energy-alpha",
)
ALL_UNITS_ALIKE = mistake(
    "all_units_come_back_alike",
    "every unit comes back with the same value; kept units follow x.",
    "energy-alpha",
)
DROPS_TO_ZERO = mistake(
    "drops_to_zero",
    "you replace dropped units by 0; AlphaDropout replaces them by d = −λα.",
    "energy-alpha",
)
IS_INVERTED_DROPOUT = mistake(
    "writes_inverted_dropout_for_alpha_dropout",
    "this is inverted dropout: dropped units are 0 and kept ones x / keep_prob; the mean "
    "stays and the variance grows.",
    "energy-alpha",
)
FORGETS_THE_AFFINE_MAP = mistake(
    "forgets_the_affine_map",
    "you replace dropped units by d and stop there; A and B bring mean and variance back.",
    "energy-alpha",
)
FORGETS_B = mistake(
    "forgets_the_shift",
    "you multiply by A and do not add B; the mean of the layer moves.",
    "energy-alpha",
)
FORGETS_A = mistake(
    "forgets_the_factor_a",
    "you shift the layer and do not multiply it by A; its variance changes.",
    "energy-alpha",
)
SHIFT_LACKS_A = mistake(
    "shift_lacks_the_factor_a",
    "your B is −q d for q = 1 − keep_prob; the bracket's mean q d is multiplied by A, so "
    "B is −A q d.",
    "energy-alpha",
)
SHIFTS_THE_WRONG_WAY = mistake(
    "shifts_the_wrong_way",
    "your B has the wrong sign: B takes the bracket's mean away.",
    "energy-alpha",
)
SHIFTS_BY_KEEP_PROB = mistake(
    "shifts_by_keep_prob",
    "your B holds keep_prob; the bracket's mean comes from the dropped units, so B holds "
    "1 − keep_prob.",
    "energy-alpha",
)
A_WITHOUT_ROOT = mistake(
    "forgets_the_root_in_a",
    "your A is one over the bracket's variance; it is one over the square root of it.",
    "energy-alpha",
)
A_FROM_THE_MEAN_SQUARE = mistake(
    "takes_a_from_the_mean_square",
    "your A comes from the bracket's mean square p + q d²; the variance is p + p q d².",
    "energy-alpha",
)
A_INVERTED = mistake(
    "inverts_the_factor_a",
    "your A is the square root of the bracket's variance; divide by it.",
    "energy-alpha",
)
DIVIDES_AS_WELL = mistake(
    "divides_by_keep_prob_as_well",
    "you divide kept units by keep_prob as well; A does all the scaling that is needed.",
    "energy-alpha",
)
AFFINE_FOR_KEPT_ONLY = mistake(
    "leaves_the_dropped_out_of_the_affine_map",
    "kept units come back as A x + B, and dropped units as d; the affine map is for "
    "both, A d + B.",
    "energy-alpha",
)
DROPS_AFTER_THE_AFFINE_MAP = mistake(
    "drops_after_the_affine_map",
    "kept units come back as A x + B, and dropped units as 0; drop first, then apply the "
    "affine map to the whole layer.",
    "energy-alpha",
)
SWAPS_IN_THE_CONSTANTS = mistake(
    "swaps_keep_and_drop_in_the_constants",
    "A and B are those of 1 − keep_prob.",
    "energy-alpha",
)
DROPS_TO_ANOTHER_VALUE = mistake(
    "drops_to_another_value",
    "A and B follow their formulas, and the value d that you put in place of dropped "
    "units is another than −λα = −1.7581.",
    "energy-alpha",
)
STANDARDISES_THE_OUTPUT = mistake(
    "standardises_the_output",
    "you subtract the mean of what came out and divide by its standard deviation; A and "
    "B depend on keep_prob alone.",
    "energy-alpha",
)
OTHER_CONSTANTS = mistake(
    "has_other_constants",
    "kept units come back as a x + b and dropped units as one value, but these three "
    "numbers are not A, B and A d + B.",
    "energy-alpha",
)
NOT_AFFINE = mistake(
    "kept_units_follow_no_affine_map",
    "kept units do not come back as a x + b with the same two numbers a and b "
    "everywhere.",
    "energy-alpha",
)
ALPHA_AT_ONE = mistake(
    "is_wrong_at_keep_prob_one",
    "at keep_prob = 1 nothing is dropped; then A = 1, B = 0 and out equals x.",
    "energy-alpha",
)
AFFINE_MAP_AT_TEST = mistake(
    "applies_the_affine_map_at_test",
    "at test you still apply A and B; at test AlphaDropout is the identity.",
    "energy-alpha",
)
SCALES_AT_ALPHA_TEST = mistake(
    "scales_at_alpha_test",
    "at test x comes back multiplied by a constant; at test AlphaDropout is the identity.",
    "energy-alpha",
)


def _constants(keep_prob: float, off: float = OFF) -> tuple[float, float]:
    """Return A and B."""
    q = 1 - keep_prob
    factor = (keep_prob + keep_prob * q * off**2) ** -0.5
    return factor, -factor * q * off


def _away_from_off(x: np.ndarray) -> np.ndarray:
    """Return inputs of ``Trial.inputs`` moved out of the neighbourhood of ``OFF``, signs
    kept, so that a dropped unit is told from a kept one."""
    return np.where(x < 0, x / 2, x).astype(x.dtype)


def _dropped(out: np.ndarray, keep_prob: float) -> np.ndarray:
    """Return where units were dropped: where many outputs share a value.

    Meant for hundreds of units. The right value is tried first; other values serve the
    diagnosis."""
    factor, shift = _constants(keep_prob)
    near = np.abs(out - (factor * OFF + shift)) < 1e-5 * max(1, factor)
    if np.count_nonzero(near) > max(1, 1e-4 * out.size):
        return near
    values, counts = np.unique(out, return_counts=True)
    if counts.max() < 3:
        return np.zeros(out.shape, bool)
    shared = values[np.argmax(counts)]
    tolerance = 1e-6 * max(1e-6, float(np.abs(values).max()))
    return np.abs(out - shared) < tolerance


class _Masking:
    """A student's AlphaDropout as a mask: what it drops comes back as 0, the rest as x.

    With it the checks of ``masks`` on rates and independence apply."""

    def __init__(self, function: StudentFunction) -> None:
        self.name = function.name
        self._function = function

    def __call__(self, x: np.ndarray, keep_prob: float, rng: Any, **mode: Any) -> Any:
        return self.observe(x, keep_prob, rng, **mode)[0]

    def observe(
        self, x: np.ndarray, keep_prob: float, rng: Any, **mode: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        call = elementwise.call_text(
            self.name, x.shape, keep_prob, mode.get("training", True)
        )
        result = self._function(_away_from_off(x), keep_prob, rng, **mode)
        out, cache = facts.pair(result, call)
        out = facts.float_array(out, x.shape, call, "out")
        return (np.where(_dropped(out, keep_prob), 0.0, x), cache), (x,)


@dataclass(frozen=True)
class _Reading:
    """A large forward pass read as a x + b for kept units, and a value for dropped."""

    x: np.ndarray
    out: np.ndarray
    dropped: np.ndarray

    @property
    def value(self) -> float:
        return float(np.median(self.out[self.dropped]))

    @property
    def line(self) -> tuple[float, float] | None:
        """a and b, or None where kept units do not lie on one line."""
        x, out = self.x[~self.dropped], self.out[~self.dropped].astype(float)
        a, b = np.polyfit(x, out, 1)
        fits = facts.close(a * x + b, out, atol=1e-6 * float(np.abs(out).max()))
        return (float(a), float(b)) if fits else None


def _read(
    function: StudentFunction,
    trial: Trial,
    keep_prob: float,
    training: bool = True,
) -> _Reading:
    x = _away_from_off(trial.inputs(60, 60))
    call = elementwise.call_text(function.name, x.shape, keep_prob, training)
    mode = {} if training else {"training": False}
    result = function(x, keep_prob, trial.generator(), **mode)
    out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
    return _Reading(x, out, _dropped(out, keep_prob))


def _consistent(p: float, off: float) -> tuple[float, float, float]:
    factor, shift = _constants(p, off)
    return factor, shift, factor * off + shift


def _with(factor: float, shift: float) -> tuple[float, float, float]:
    return factor, shift, factor * OFF + shift


def _wrong_lines(p: float) -> dict[str, list[tuple[float, float, float]]]:
    """Return a, b and the dropped units' value as wrong answers have them."""
    factor, shift = _constants(p)
    q = 1 - p
    variance, square = p + p * q * OFF**2, p + q * OFF**2
    return {
        IS_INVERTED_DROPOUT: [(1 / p, 0, 0)],
        DROPS_AFTER_THE_AFFINE_MAP: [(factor, shift, 0)],
        DROPS_TO_ZERO: [(factor, shift, shift), (p**-0.5, 0, 0), (1, 0, 0)],
        FORGETS_THE_AFFINE_MAP: [(1, 0, OFF)],
        FORGETS_B: [_with(factor, 0)],
        FORGETS_A: [_with(1, -q * OFF), _with(1, shift)],
        SHIFT_LACKS_A: [_with(factor, -q * OFF)],
        SHIFTS_THE_WRONG_WAY: [_with(factor, -shift)],
        SHIFTS_BY_KEEP_PROB: [_with(factor, -factor * p * OFF)],
        A_WITHOUT_ROOT: [_with(1 / variance, k * q * OFF) for k in (-1 / variance, -1)]
        + [_with(1 / variance, shift)],
        A_FROM_THE_MEAN_SQUARE: [_with(square**-0.5, -(square**-0.5) * q * OFF)],
        A_INVERTED: [_with(variance**0.5, -(variance**0.5) * q * OFF)],
        DIVIDES_AS_WELL: [
            (factor / p, shift, factor * OFF + shift),
            (factor / p, shift / p, (factor * OFF + shift) / p),
            _with(factor / p, shift),
        ],
        AFFINE_FOR_KEPT_ONLY: [(factor, shift, OFF)],
        SWAPS_IN_THE_CONSTANTS: [_with(*_constants(q))],
    }


def _line_mistake(function: StudentFunction, trial: Trial) -> str | None:
    """Return what is behind wrong values, from two large forward passes."""
    try:
        got = {p: _read(function, trial, p) for p in _BOTH_SIDES}
    except (StudentError, CheckFailure):
        return None
    if any(reading.dropped.mean() in (0, 1) for reading in got.values()):
        return None
    if all(
        facts.close(reading.out.mean(), 0, atol=1e-5)
        and facts.close(reading.out.std(), 1)
        for reading in got.values()
    ):
        return STANDARDISES_THE_OUTPUT
    found = {p: (*(got[p].line or ()), got[p].value) for p in _BOTH_SIDES}
    if any(len(numbers) < 3 for numbers in found.values()):
        return NOT_AFFINE
    if all(_fits(found[p], _consistent(p, OFF)) for p in _BOTH_SIDES):
        return None
    for name in _wrong_lines(0.5):
        if all(
            any(_fits(found[p], wrong) for wrong in _wrong_lines(p)[name])
            for p in _BOTH_SIDES
        ):
            return name
    offs = [(found[p][2] - found[p][1]) / found[p][0] for p in _BOTH_SIDES]
    if facts.close(offs[0], offs[1]) and all(
        _fits(found[p], _consistent(p, offs[0])) for p in _BOTH_SIDES
    ):
        return DROPS_TO_ANOTHER_VALUE
    return OTHER_CONSTANTS


def _fits(found: Sequence[float], wrong: Sequence[float]) -> bool:
    return facts.close(found, wrong, rtol=1e-4, atol=1e-5)


@alpha.check(points=0.25)
def returns_alpha_float_arrays(alpha_dropout: StudentFunction, trial: Trial) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    elementwise.returns_float_arrays(alpha_dropout, trial)


@alpha.check(points=0.25, after="returns_alpha_float_arrays")
def replaces_some_units_by_one_value(
    alpha_dropout: StudentFunction, trial: Trial
) -> None:
    """In training, which is the default, some units take one common value, others not."""
    for keep_prob in _BOTH_SIDES:
        got = _read(alpha_dropout, trial, keep_prob)
        share = got.dropped.mean()
        if 0 < share < 1:
            continue
        call = elementwise.call_text(alpha_dropout.name, got.x.shape, keep_prob)
        seen = "all units share a value" if share else "no value comes back repeatedly"
        trial.fail(
            f"{call}: {seen}; expected about {1 - keep_prob:.0%} of the units to come "
            "back as one value.",
            _nothing_dropped_mistake(alpha_dropout, trial, got),
        )


def _nothing_dropped_mistake(
    function: StudentFunction, trial: Trial, got: _Reading
) -> str:
    """Return what is behind an output without a mixture of kept and dropped units."""
    named = (
        elementwise.ONE_BIT_FOR_ALL,
        elementwise.TESTS_BY_DEFAULT,
        elementwise.TRAINING_REVERSED,
    )
    try:
        elementwise.drops_some(_Masking(function), trial)
    except CheckFailure as failure:
        if failure.mistake in named:
            return failure.mistake
    if got.dropped.all():
        return ALL_UNITS_ALIKE
    return CHANGES_NOTHING if facts.close(got.out, got.x) else NOTHING_IN_COMMON


@alpha.check(points=0.25, after="replaces_some_units_by_one_value")
def leaves_the_layer_alone(alpha_dropout: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before."""
    elementwise.leaves_input_alone(alpha_dropout, trial)


@alpha.check(points=0.5, after="replaces_some_units_by_one_value")
def alpha_is_the_identity_at_test(alpha_dropout: StudentFunction, trial: Trial) -> None:
    """With training=False, out equals x."""

    def name_of(factor: str | None) -> str | None:
        try:
            got = _read(alpha_dropout, trial, 0.8, training=False)
        except (StudentError, CheckFailure):
            return None
        if 0 < got.dropped.mean() < 1:
            return elementwise.STILL_DROPS_AT_TEST
        if got.line is None:
            return NOT_AFFINE
        return AFFINE_MAP_AT_TEST if abs(got.line[1]) > 1e-6 else SCALES_AT_ALPHA_TEST

    elementwise.test_mode(alpha_dropout, trial, lambda keep_prob: 1.0, name_of)


@alpha.check(points=0.75, after="replaces_some_units_by_one_value")
def gives_dropped_units_the_right_value(
    alpha_dropout: StudentFunction, trial: Trial
) -> None:
    """Dropped units come back as A d + B."""
    for keep_prob in (*_BOTH_SIDES, _MANY_DIGITS, *_NEAR_THE_ENDS):
        got = _with_dropped(alpha_dropout, trial, keep_prob)
        call = elementwise.call_text(alpha_dropout.name, got.x.shape, keep_prob)
        trial.expect(
            got.dropped.any(),
            f"{call}: no unit is dropped in {_ATTEMPTS} calls.",
            elementwise.ROUNDS_KEEP_PROB,
        )
        factor, shift = _constants(keep_prob)
        expected = factor * OFF + shift
        if not facts.close(got.value, expected):
            trial.fail(
                f"{call}: dropped units come back as {got.value:.6g}; expected "
                f"{expected:.6g}.",
                _line_mistake(alpha_dropout, trial) or OTHER_CONSTANTS,
            )


_ATTEMPTS = 30


def _with_dropped(
    function: StudentFunction, trial: Trial, keep_prob: float
) -> _Reading:
    """Return a reading with a dropped unit if there is one in ``_ATTEMPTS`` calls: near
    keep_prob = 1 a mask that whole rows share may drop nothing, which is judged elsewhere."""
    for _ in range(_ATTEMPTS):
        got = _read(function, trial, keep_prob)
        if got.dropped.any():
            break
    return got


@alpha.check(points=0.75, after="replaces_some_units_by_one_value")
def scales_and_shifts_kept_units(alpha_dropout: StudentFunction, trial: Trial) -> None:
    """Kept units come back as A x + B, for x of every size and shape."""
    sizes: list[tuple[Sequence[int], float, Any]] = [((60, 60), 1.0, np.float64)]
    sizes += [((60, 60), size, np.float64) for size in (1e-3, 1e3)]
    sizes += [(shape, 1.0, np.float32) for shape in (*elementwise.SHAPES, (1,), (1, 5))]
    for keep_prob in (*_BOTH_SIDES, _MANY_DIGITS):
        dropped_value = _read(alpha_dropout, trial, keep_prob).value
        factor, shift = _constants(keep_prob)
        for shape, size, dtype in sizes:
            x = (size * _away_from_off(trial.inputs(*shape, zeros=0.1))).astype(dtype)
            call = elementwise.call_text(alpha_dropout.name, x.shape, keep_prob)
            result = alpha_dropout(x, keep_prob, trial.generator())
            out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
            expected = factor * x + shift
            slack = 1e-5 * max(1, factor)
            dropped = np.isclose(out, dropped_value, rtol=1e-5, atol=slack)
            wrong = ~dropped & ~np.isclose(out, expected, rtol=1e-5, atol=slack)
            if wrong.any():
                place = int(np.flatnonzero(wrong)[0])
                trial.fail(
                    f"{call}: a unit of {x.flat[place]:.6g} comes back as "
                    f"{out.flat[place]:.6g}; expected {expected.flat[place]:.6g} when it "
                    f"is kept (and {dropped_value:.6g} means dropped here).",
                    _line_mistake(alpha_dropout, trial) or NOT_AFFINE,
                )


@alpha.check(points=0.25, after="replaces_some_units_by_one_value")
def alpha_changes_nothing_at_keep_prob_one(
    alpha_dropout: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, out equals x."""
    x = trial.inputs(50, 40)
    call = elementwise.call_text(alpha_dropout.name, x.shape, 1.0)
    result = alpha_dropout(x, 1.0, trial.generator())
    out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
    if facts.close(out, x, atol=1e-6):
        return
    name = ALPHA_AT_ONE
    if np.median(np.abs(out - x)) < 0.05:
        name = elementwise.ROUNDS_KEEP_PROB
    elif abs(_read(alpha_dropout, trial, 0.8).dropped.mean() - 0.8) < 0.06:
        name = elementwise.KEEPS_WITH_DROP_PROBABILITY
    trial.fail(
        f"{call}: nothing is dropped at keep_prob = 1, so out equals x; "
        f"{facts.worst(out, x)}.",
        name,
    )


@alpha.check(points=0.25, after="replaces_some_units_by_one_value")
def drops_each_unit_by_itself(alpha_dropout: StudentFunction, trial: Trial) -> None:
    """Rows, columns and calls do not share bits, and the kept count varies."""
    elementwise.gives_each_unit_its_own_bit(_Masking(alpha_dropout), trial)


_ZEROS = "zero x kept at 0.8"


@alpha.check(
    points=0.5,
    after="drops_each_unit_by_itself",
    looks={**elementwise.RATE_LOOKS, _ZEROS: Proportion(0.8, detects=0.05)},
)
def keeps_alpha_units_at_the_stated_rate(
    alpha_dropout: StudentFunction, trial: Trial
) -> None:
    """Every unit is kept with probability keep_prob, whatever its value and place."""
    elementwise.keeps_at_rate(_Masking(alpha_dropout), trial)
    x = trial.inputs(2 * -(-trial.size(_ZEROS) // 40), 40)
    x[:, ::2] = 0
    call = elementwise.call_text(alpha_dropout.name, x.shape, 0.8)
    result = alpha_dropout(_away_from_off(x), 0.8, trial.generator())
    out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
    # Kept zeros share a value as well, and more of them than of the dropped.
    dropped = _dropped(out[x != 0], 0.8)
    value = np.median(out[x != 0][dropped]) if dropped.any() else np.nan
    kept = ~np.isclose(out[x == 0], value, rtol=1e-5, atol=1e-5)
    what = "units with x = 0 kept at keep_prob = 0.8"
    trial.judge(_ZEROS, kept, kept.size, what, elementwise.DEPENDS_ON_VALUE)


@alpha.check(
    points=0.5,
    after="keeps_alpha_units_at_the_stated_rate",
    looks=elementwise.INDEPENDENCE_LOOKS,
)
def drops_alpha_units_independently(
    alpha_dropout: StudentFunction, trial: Trial
) -> None:
    """Bits in pairs of rows, columns and calls are independent, and so are counts."""
    elementwise.is_independent(_Masking(alpha_dropout), trial)


@alpha.check(points=0.25, after="replaces_some_units_by_one_value")
def draws_alpha_masks_from_the_given_rng(
    alpha_dropout: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    elementwise.draws_from_rng(alpha_dropout, trial)
