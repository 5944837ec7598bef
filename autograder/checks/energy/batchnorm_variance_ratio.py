"""batchnorm_variance_ratio: by how much dropout shifts the variance behind a layer."""

from collections.abc import Iterator, Mapping
from itertools import cycle, product
from typing import Any

import numpy as np

from autograder.checks.energy import shared
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial, usual
from autograder.families import corners, magnitudes
from autograder.families.formula import Formula, Given
from autograder.families.rivals import Rivals, first


def _nearly(given: Mapping[str, Any]) -> bool:
    """Return whether a unit is nearly the same for every row, and not quite."""
    units = given["x"].astype(float) @ given["weights"]
    share = units.var(axis=0) / (units**2).mean(axis=0)
    return bool(((share > 1e-8) & (share < 1e-6)).any())


exercise = Exercise(
    "batchnorm_variance_ratio",
    chapter="energy",
    title="Compare a unit's variance at test with what batch normalisation stored",
    signature="batchnorm_variance_ratio(weights, x, keep_prob) -> array",
    section="moments-batchnorm",
    takes={
        "weights": domain.floats("float array of shape (D, C)", 2, 2, 1e6, 1e-5),
        "x": domain.floats("`x` a float array of shape (N, D)", 2, 2, 1e6, 1e-5).also(
            one_row=lambda x: len(x) == 1
        ),
        "keep_prob": domain.keep_probs(smallest=corners.SMALLEST),
        domain.TOGETHER: domain.Range(
            "least 1e-8 of its mean square at test",
            {"a variance below 1e-6 of the mean square": lambda given: _nearly(given)},
        ),
    },
)


class Wrong(Mistakes, section="moments-batchnorm"):
    gives_training_over_test = """you divide the training variance by the test variance;
        the ratio asked for is the other way round and at most 1."""
    gives_a_ratio_of_deviations = """you take a square root; the ratio is one of
        variances."""
    takes_the_noise_from_the_variance_of_x = """your noise holds the variance of x;
        dropping a unit that is always on makes noise too, so it holds the mean
        square."""
    takes_the_noise_from_the_mean_of_x = """your noise holds the square of the mean of
        x; it holds the mean of the square."""
    treats_inputs_as_uncorrelated = """your test variance adds up w² Var[x], as if the
        inputs were uncorrelated; take the variance of x @ weights over the rows."""
    takes_keep_prob_for_the_ratio = """your ratio is keep_prob itself, which holds only
        for uncorrelated inputs of mean 0."""
    describes_unscaled_dropout = """your noise is that of mask * x, with (1 − keep_prob)
        keep_prob; inverted dropout divides by keep_prob, its noise has (1 − keep_prob)
        / keep_prob."""
    swaps_keep_and_drop_in_the_noise = """your noise has keep_prob / (1 − keep_prob); it
        has (1 − keep_prob) / keep_prob."""
    leaves_the_squared_mean_in_the_noise = """your noise has 1 / keep_prob, the mean
        square of mask / keep_prob; its variance is 1 / keep_prob − 1."""
    divides_by_n_minus_one_or_looks_at_one_batch = """either you divide a variance by N
        − 1, or you average the variance inside single batches, which lacks a part 1/N
        of the noise; divide by N, over all rows and masks."""
    multiplies_the_noise_by_another_factor = """you add a multiple of Σ w² E[x²], and
        the factor is not the right one, (1 − keep_prob) / keep_prob. If it is for
        other values of keep_prob, you bound, round or shift keep_prob."""
    compares_mean_squares = """you compare mean squares; batch normalisation subtracts
        the mean before squaring."""
    leaves_the_weights_unsquared = "the weights enter your noise without being squared."
    takes_one_test_variance = """your test variance is one number for all units, the
        variance of all entries of x @ weights; each unit has its own, over the rows."""
    pools_the_units = """all units get the same ratio, one for the layer; each output
        unit has its own."""
    takes_the_noise_for_the_training_variance = """you divide by the noise; the training
        variance is the test variance plus the noise."""
    gives_the_share_of_noise = """you give the noise's share of the training variance;
        the ratio is 1 minus that."""
    multiplies_sums_in_the_noise = """you multiply the sum of w² with the sum of E[x²];
        each input's w² belongs with its own E[x²]."""
    drops_the_pre_activation = """your noise is that of dropping the pre-activation as a
        whole; each input has a mask of its own, so the noises w² E[x²] add up."""
    adds_a_constant_to_a_variance = """your ratio depends on the scale of x and weights,
        as when a small constant is added to a variance, or a small variance is taken
        for 0."""
    adds_a_constant_to_the_ratio = """a number is added to your ratio, the same for every
        unit, as for stability; it shows where the ratio is small."""
    adds_noise_at_keep_prob_one = """at keep_prob = 1 nothing is dropped, so both
        variances are equal."""
    makes_an_exception_of_constant_units = """a unit that is the same for every row has
        variance 0 at test and a positive one in training; its ratio is 0."""


Layer = tuple[np.ndarray, np.ndarray]


def _layer(
    trial: Trial, n: int = 9, d: int = 4, c: int = 5, centred: bool = False
) -> Layer:
    """Return weights and correlated inputs, of column means 0 or far from it."""
    rng = trial.rng
    x = usual(rng, (n, d)) @ (np.eye(d) + 0.4 * rng.uniform(-1, 1, (d, d)))
    x -= x.mean(axis=0)
    if not centred:
        x += usual(rng, (d,))
    return usual(rng, (d, c)), x


def _variances(
    weights: np.ndarray, x: np.ndarray, keep_prob: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the test variance, and the noise that training adds, in double precision."""
    weights, x = weights.astype(float), x.astype(float)
    noise = (1 - keep_prob) / keep_prob * (x**2).mean(axis=0) @ weights**2
    return np.var(x @ weights, axis=0), noise


def _right(*given: Any) -> np.ndarray:
    test, noise = _variances(*given)
    found: np.ndarray = test / (test + noise)
    return found


def _same(found: Any, expected: Any, weights: Any, x: np.ndarray, _: float) -> bool:
    """Return whether ratios are right to five digits, or three in single precision.

    A test variance may be a difference of mean squares, which is right to 1e-15 of the
    training variance; a constant unit's may be one in single precision, right to 1e-7."""
    digits = 1e-3 if x.dtype == np.float32 else 1e-5
    slack = np.where(np.asarray(expected) < 1e-12, 1e-7, 1e-12)
    return bool(np.all(np.abs(found - expected) <= digits * np.abs(expected) + slack))


_FORMULA = Formula(
    exercise,
    _right,
    shared.Wrong.simulates_an_expectation,
    shape=lambda weights, x, keep_prob: weights.shape[1:],
    same=_same,
)
_ratio = _FORMULA.read


def _rivals(weights: np.ndarray, x: np.ndarray, p: float) -> Rivals:
    odds, w2, x2 = (1 - p) / p, weights**2, (x**2).mean(axis=0)
    test, noise = _variances(weights, x, p)
    training, same = test + noise, np.ones(len(test))
    square = ((x @ weights) ** 2).mean(axis=0)
    uncorrelated = x.var(axis=0) @ w2

    def with_noise(other: Any) -> np.ndarray:
        found: np.ndarray = test / (test + odds * other)
        return found

    return {
        Wrong.gives_training_over_test: training / test,
        Wrong.gives_a_ratio_of_deviations: np.sqrt(test / training),
        Wrong.takes_the_noise_from_the_variance_of_x: with_noise(uncorrelated),
        Wrong.takes_the_noise_from_the_mean_of_x: with_noise(x.mean(axis=0) ** 2 @ w2),
        Wrong.treats_inputs_as_uncorrelated: uncorrelated / (uncorrelated + noise),
        Wrong.takes_keep_prob_for_the_ratio: p,
        Wrong.describes_unscaled_dropout: [test / (p**k * training) for k in (2, 1)],
        Wrong.compares_mean_squares: square / (square + noise),
        Wrong.leaves_the_weights_unsquared: [
            with_noise(x2 @ w) for w in (weights, np.abs(weights))
        ],
        Wrong.takes_one_test_variance: [
            same_test / (same_test + noise) for same_test in (np.var(x @ weights),)
        ],
        Wrong.pools_the_units: [test.sum() / training.sum(), (test / training).mean()],
        Wrong.takes_the_noise_for_the_training_variance: test / noise,
        Wrong.gives_the_share_of_noise: noise / training,
        Wrong.multiplies_sums_in_the_noise: with_noise(w2.sum(axis=0) * x2.sum()),
        Wrong.drops_the_pre_activation: [with_noise(square), with_noise(test * same)],
    }


def _noise_factor_mistake(found: np.ndarray, *given: Any) -> str | None:
    """Return the mistake behind test / (test + factor * noise), if found is that."""
    _, x, p = given
    test, noise = _variances(*given)
    if (found <= 0).any() or not noise.all():
        return None
    factors = (test / found - test) / noise
    factor, n, q = float(np.median(factors)), len(x), 1 - p
    if not facts.close(factors, factor) or facts.close(factor, 1):
        return None
    named = {
        Wrong.describes_unscaled_dropout: p**2,
        Wrong.swaps_keep_and_drop_in_the_noise: (p / q) ** 2,
        Wrong.leaves_the_squared_mean_in_the_noise: 1 / q,
        Wrong.divides_by_n_minus_one_or_looks_at_one_batch: (n - 1) / n,
    }
    return first(factor, named) or Wrong.multiplies_the_noise_by_another_factor


def _mistake(function: StudentFunction, trial: Trial, *given: Any) -> str | None:
    """Return what is behind wrong ratios, from a layer on which formulas differ, at 0.8
    and at the keep_prob at which they were seen."""
    weights, x = layer = _layer(trial)
    there = *layer, given[-1]
    try:
        found = _ratio(function, *layer, 0.8)
        small = _ratio(function, 1e-3 * weights, 1e-3 * x, 0.8)
        found_there = _ratio(function, *there)
    except (StudentError, CheckFailure):
        return None
    if name := first(found, _rivals(*layer, 0.8)):
        return name
    if not facts.close(found, small):
        return Wrong.adds_a_constant_to_a_variance
    if not facts.close(found, right := _right(*layer, 0.8)):
        near = facts.close(found, right, rtol=0.1)
        other = shared.Wrong.comes_near_an_expectation if near else None
        return _noise_factor_mistake(found, *layer, 0.8) or other
    try:
        at_one = _ratio(function, *layer, 1.0)
    except (StudentError, CheckFailure):
        return None
    if not facts.close(at_one, 1):
        return Wrong.adds_noise_at_keep_prob_one
    added = found_there - _right(*there)
    if facts.close(added, added[0], rtol=1e-3) and not _same(
        found_there, _right(*there), *there
    ):
        return Wrong.adds_a_constant_to_the_ratio
    return _noise_factor_mistake(found_there, *there)


#: N, D and C, each of them 1 somewhere, and all three alike.
_SIZES = ((9, 4, 5), (30, 6, 2), (7, 1, 3), (12, 5, 1), (8, 1, 1), (2, 3, 2), (5, 5, 5))
#: Larger ones, up to hundreds of rows, inputs and units, one of them at a time.
_LARGE = (
    *((700, 5, 3), (20, 150, 2), (25, 21, 150), (150, 45, 12)),
    *((9, 2, 21), (40, 2, 1), (12, 12, 12), (8, 1, 30)),
)
_INSIDE = (*shared.BOTH_SIDES, shared.MANY_DIGITS)
_CENTRED = "adds_the_noise_of_inputs_around_zero"
_SHIFTED = "counts_the_mean_of_the_inputs_as_noise"


def _spread(trial: Trial, *, centred: bool) -> Iterator[Given]:
    """Yield layers of all sizes, in each pair of dtypes, with spread keep probabilities."""
    rng = trial.rng
    drawn = rng.integers((40, 3, 6), (200, 8, 20), (5, 3)).tolist()
    sizes = [*_SIZES, *_LARGE, *drawn]
    dtypes = cycle(product((np.float64, np.float32), repeat=2))
    keep_probs = [0.5, *corners.spread_keep_probs(trial, len(sizes) - 1)]
    given = zip(rng.permutation(sizes).tolist(), keep_probs, dtypes, strict=False)
    for (n, d, c), p, (one, other) in given:
        weights, x = _layer(trial, n, d, c, centred)
        if n > 2:  # a unit may be nearly the same for both of two rows
            weights, x = weights.astype(one), x.astype(other)
        yield weights, x, p
    if not centred:
        yield weights, -np.abs(x), 0.4
    yield from _of_other_entries(trial, centred)


def _half_zero(trial: Trial, a: np.ndarray) -> np.ndarray:
    """Return an array with half of each column 0: of a unit without any weight the ratio
    has a check of its own."""
    kept = np.tile(np.arange(len(a))[:, None] % 2, a.shape[1])
    return np.asarray(a * trial.rng.permuted(kept, axis=0))


def _of_other_entries(trial: Trial, centred: bool) -> Iterator[Given]:
    """Yield layers of whole numbers, and of many zeros, in the weights, in x and in both."""
    for changed, p in zip(((1, 0), (0, 1), (1, 1)), (0.3, 0.6, 0.85), strict=True):
        pair = _layer(trial, 60, 8, 3, centred)
        both = [*zip(pair, changed, strict=True)]
        whole = [np.rint(5 * a) if of else a for a, of in both]
        few = [_half_zero(trial, a) if of else a for a, of in both]
        for weights, x in (whole, few):
            x = np.vstack([x, -x]) if centred else x
            yield weights, x, p


def _of_every_magnitude(trial: Trial) -> Iterator[Given]:
    """Yield layers with x and weights of every kind and of all sizes, and keep
    probabilities from all over the range."""
    # Where keep_prob is next to 0 a ratio of 1e-4, say, becomes too small to be judged.
    rng = trial.rng
    near = [p for p in magnitudes.near_the_ends(rng) if p > 1e-6]
    shares = cycle(near + corners.spread_keep_probs(trial))
    for x, weights in magnitudes.layers(rng, 1e-5, 1e6):
        if len(weights) > 1 and not np.ptp(weights, axis=0).any():
            weights[0] *= 0.5  # else units behind one-hot rows do not vary
        noise = (x**2).mean(axis=0) @ weights**2
        if not noise.any():
            weights[:], noise = np.abs(weights).max(), np.ones_like(noise)
        yield weights[:, noise > 0], x, next(shares)


@_FORMULA.kind(0.25)
def returns_one_ratio_for_each_unit(trial: Trial) -> Iterator[Given]:
    """The result is a float array with an entry for each column of weights, the same at
    every call."""
    return ((*_layer(trial, *size), 0.8) for size in _SIZES)


@_FORMULA.equals(1.0, after="returns_one_ratio_for_each_unit", probe=_mistake)
def adds_the_noise_of_inputs_around_zero(trial: Trial) -> Iterator[Given]:
    """For correlated inputs of mean 0 the ratio is test over test plus noise."""
    for keep_prob in (*_INSIDE, *shared.NEAR_THE_ENDS, 0.0004, 1e-9):
        yield *_layer(trial, centred=True), keep_prob
    yield from _spread(trial, centred=True)


@_FORMULA.equals(0.75, after=_CENTRED, probe=_mistake)
def counts_the_mean_of_the_inputs_as_noise(trial: Trial) -> Iterator[Given]:
    """An input's mean adds nothing to the test variance, and to the noise."""
    yield *_layer(trial), 0.8
    weights, x = _layer(trial)
    # A silent input and a silent weight, and inputs that are alike.
    x[:, 0] = weights[1, 1] = 0
    x[:, 2] = x[:, 3]
    yield weights, x, shared.MANY_DIGITS
    yield np.full_like(weights, -0.5), x, 0.3
    weights, x = map(corners.transposed, _layer(trial))
    yield weights, x, 0.8
    yield from _spread(trial, centred=False)


# Without a name, a later check has the word: small variances may be taken for 0.
@_FORMULA.equals(0.25, after=_SHIFTED, probe=_mistake, otherwise=None)
def does_not_depend_on_the_size_of_x_and_weights(trial: Trial) -> Iterator[Given]:
    """Multiplying x or weights by a constant changes nothing."""
    weights, x = _layer(trial)
    for scale in (1e-6, 1e-3, 1e3, 1e6):
        for a, b in ((scale, 1), (1, scale), (scale, scale), (scale, 1 / scale)):
            yield a * weights, b * x, 0.8
    yield from _of_every_magnitude(trial)
    # Zeros stay zeros, also among small entries.
    yield weights, 1e-3 * x * (trial.rng.random(x.shape) < 0.8), 0.8
    # Units whose variances lie far from each other.
    yield weights * 10.0 ** np.arange(-6, 9, 3), x, 0.8


@_FORMULA.equals(0.25, after=_SHIFTED, probe=_mistake)
def is_one_without_dropout(trial: Trial) -> Iterator[Given]:
    """At keep_prob = 1 every ratio is 1, and just below not yet, whatever the mean."""
    for size in _SIZES:
        yield *_layer(trial, *size), 1.0
    yield *_layer(trial), 0.9997
    # Where units are nearly the same for every row, and what is dropped shows close to 1.
    for keep_prob in (1.0, 0.3, *corners.close_keep_probs()):
        weights, x = _layer(trial, centred=True)
        yield np.abs(weights), x + 2e3, keep_prob


@_FORMULA.equals(
    0.25,
    after=_SHIFTED,
    probe=_mistake,
    otherwise=Wrong.makes_an_exception_of_constant_units,
    gap=lambda found, expected, *_: (
        f" with constant units: {facts.worst(found, expected)}"
    ),
)
def is_zero_for_a_constant_unit(trial: Trial) -> Iterator[Given]:
    """A unit that is the same for all rows, or sees one row only, has ratio 0."""
    weights, x = _layer(trial)
    x[:, :2] = x[0, :2]
    weights[2:, 1] = 0
    several = x, x[:1], np.tile(x[:1], (6, 1)), 1e-6 * x, 1e6 * x
    keep_probs = 0.8, *corners.spread_keep_probs(trial)
    for rows, keep_prob in zip(cycle(several), keep_probs):
        yield weights, rows, keep_prob
    yield weights, np.full_like(x, 1.5), 0.3
    yield weights[:, :1], x[:1], 0.8
    yield weights[:1, :1], x[:1, :1], 0.8


@_FORMULA.unchanged(0.25, "weights", "x", after=_CENTRED, hint=shared.SQUARED)
def leaves_weights_and_x_alone(trial: Trial) -> list[Given]:
    """weights and x are the same after the call as before."""
    return [(*_layer(trial), 0.8)]
