"""Gaussian, weight and channel noise, and a keep probability that grows."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from autograder import continuous, facts, masks
from autograder.exercise import Exercise
from autograder.masks import KEEP_PROBS, call_text
from autograder.mistakes import mistake
from autograder.statistics import Law, Proportion, agreement, exact_count
from autograder.students import StudentError, StudentFunction
from autograder.trial import CheckFailure, Trial

gaussian = Exercise(
    "gaussian_dropout",
    chapter="noise",
    title="Multiply every unit by its own normal number",
    signature="gaussian_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="noise-gaussian",
)
dropconnect = Exercise(
    "dropconnect_forward",
    chapter="noise",
    title="Drop weights instead of units, afresh for every row",
    signature="dropconnect_forward(x, weights, keep_prob, rng) -> out",
    section="noise-dropconnect",
)
spatial = Exercise(
    "spatial_dropout",
    chapter="noise",
    title="Drop whole channels of images",
    signature="spatial_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="noise-spatial",
)
annealed = Exercise(
    "annealed_keep_prob",
    chapter="noise",
    title="Let the keep probability grow to 1",
    signature="annealed_keep_prob(step, total_steps, initial_keep_prob) -> float",
    section="noise-schedules",
)

# ---- What the random exercises share -------------------------------------------------


def _expect_unchanged(trial: Trial, x: np.ndarray, now: np.ndarray, call: str) -> None:
    trial.expect(
        np.array_equal(now, x),
        f"{call} changed its input in place; x * noise makes a new array, "
        "x *= noise does not.",
        masks.CHANGES_ITS_INPUT,
    )


def _follows_rng(
    trial: Trial, name: str, output: Callable[[np.random.Generator], Any], same: str
) -> None:
    """Check that equal generators give equal outputs, and different ones different;
    ``same`` is the mistake of a function that always draws the same."""
    seed = trial.new_seed()
    trial.expect(
        np.array_equal(output(trial.generator(seed)), output(trial.generator(seed))),
        f"{name}: two generators in the same state gave different outputs; expected "
        "equal ones.",
        masks.NOT_FROM_RNG,
    )
    # Hundreds of independent random numbers do not agree by chance.
    trial.expect(
        not np.array_equal(output(trial.generator(seed)), output(trial.generator())),
        f"{name}: generators in different states gave the same output; expected "
        "different ones.",
        same,
    )


def _pair_looks(axes: Sequence[str], law: Law, kind: str = "") -> dict[str, Law]:
    """Return the looks of ``_judge_pairs`` for these axes behind that of the calls."""
    names = ["successive calls", "mirrored places"]
    names += [
        f"{where} {axis}" for axis in axes for where in ("neighbouring", "distant")
    ]
    return {kind + name: law for name in names}


def _judge_pairs(
    trial: Trial,
    bits: np.ndarray,
    axes: Sequence[str],
    what: str,
    mistake: str,
    kind: str = "",
) -> None:
    """Test that bits of two calls, of shape (2, …), agree in pairs as independent ones
    do: of the two calls, of neighbours and of the halves along each of ``axes``, and of
    places that mirror each other. All lengths are even."""
    half = bits[0].size // 2
    flat = bits.reshape(2, -1)
    pairs = {
        "successive calls": (bits[0], bits[1]),
        "mirrored places": (flat[:, :half], flat[:, ::-1][:, :half]),
    }
    for axis, name in enumerate(axes, start=1):
        even = np.arange(0, bits.shape[axis], 2)
        pairs[f"neighbouring {name}"] = (
            bits.take(even, axis),
            bits.take(even + 1, axis),
        )
        first, second = np.split(bits, 2, axis)
        pairs[f"distant {name}"] = (first, second)
    for name, (a, b) in pairs.items():
        trial.judge(kind + name, a == b, a.size, f"{name}: {what} that agree", mistake)


def _constant_axes(bits: np.ndarray) -> tuple[int, ...]:
    """Return the axes along which the values do not change."""
    return tuple(
        axis for axis in range(bits.ndim) if facts.close(bits, bits.take([0], axis))
    )


# ---- gaussian_dropout ----------------------------------------------------------------

NO_NOISE = mistake(
    "adds_no_noise",
    "in training as well every unit is multiplied by the same number; each needs a "
    "normal number of its own.",
    "noise-gaussian",
)
NOISE_FLAG_REVERSED = mistake(
    "noise_flag_reversed",
    "your noise comes with training=False and not in training; the flag is read the "
    "wrong way round.",
    "noise-gaussian",
)
ONE_FACTOR_FOR_ALL = mistake(
    "one_factor_for_the_whole_array",
    "a call multiplies all units by one random number; draw one for each unit, of the "
    "shape of x.",
    "noise-mistakes",
)
FEW_VALUES = mistake(
    "factors_take_few_values",
    "your factors take a few values only, as those of a mask do (0 and 1 / keep_prob); "
    "normal numbers practically never repeat.",
    "noise-gaussian",
)
ADDS_INSTEAD = mistake(
    "adds_instead_of_multiplying",
    "you add noise to x; here it multiplies x, so a unit that is 0 stays 0.",
    "noise-multiplicative",
)
STILL_NOISY_AT_TEST = mistake(
    "still_noisy_at_test",
    "your function makes noise although training is False.",
    "noise-gaussian",
)
SCALES_AT_TEST = mistake(
    "scales_at_test",
    "at test you multiply x by a number; the factors of training have mean 1, so there "
    "is nothing to make up for.",
    "noise-multiplicative",
)
NOISY_AT_ONE = mistake(
    "noisy_at_keep_prob_one",
    "at keep_prob = 1 out differs from x; the variance (1 − keep_prob) / keep_prob is 0 "
    "there.",
    "noise-gaussian",
)
SAME_NOISE_EVERY_CALL = mistake(
    "same_noise_every_call",
    "every call draws the same noise, as if a seed were set inside the function; draw "
    "fresh numbers from rng at each call.",
    "noise-mistakes",
)
REUSES_NOISE = mistake(
    "reuses_noise",
    "some calls get the noise of an earlier call (stored numbers, or a seed that takes "
    "few values); draw fresh numbers from rng at each call.",
    "noise-mistakes",
)
ONE_NOISE_FOR_ALL_ROWS = mistake(
    "one_noise_for_all_rows",
    "all rows share one row of noise; each row (example) needs its own.",
    "noise-mistakes",
)
ONE_FACTOR_PER_ROW = mistake(
    "one_factor_for_each_row",
    "all units of a row are multiplied by one number; each unit needs its own.",
    "noise-mistakes",
)
SHARES_FACTORS = mistake(
    "shares_factors_along_an_axis",
    "units along an axis share one factor; each unit of the array needs its own.",
    "noise-mistakes",
)
FIXES_MOMENTS = mistake(
    "fixes_the_moments_of_a_sample",
    "the mean or the spread of a sample is exactly the wanted one: either you shift or "
    "scale the noise to get there, or you use each number with both signs. Then no "
    "number is independent of the others.",
    "noise-mistakes",
)
ZERO_MEAN = mistake(
    "factors_have_mean_zero",
    "your factors have mean 0, so the signal is gone; multiply by 1 plus the noise.",
    "noise-multiplicative",
)
MEAN_KEEP_PROB = mistake(
    "factors_have_mean_keep_prob",
    "your factors have mean keep_prob, as a mask before rescaling; they should have "
    "mean 1.",
    "noise-multiplicative",
)
MEAN_INVERSE = mistake(
    "divides_the_noise_too",
    "your factors have mean 1 / keep_prob: you divide by keep_prob as well, which the "
    "rescaled mask needs and noise of mean 1 does not.",
    "noise-multiplicative",
)
VARIANCE_FOR_STD = mistake(
    "takes_the_variance_for_the_standard_deviation",
    "the standard deviation of your factors is (1 − keep_prob) / keep_prob; that is the "
    "variance, and the generator wants its root.",
    "noise-gaussian",
)
ROOT_OF_DROP = mistake(
    "uses_the_root_of_the_drop_probability",
    "the variance of your factors is 1 − keep_prob; divide it by keep_prob.",
    "noise-gaussian",
)
DROP_AS_STD = mistake(
    "uses_the_drop_probability_as_standard_deviation",
    "the standard deviation of your factors is 1 − keep_prob; it should be the root of "
    "(1 − keep_prob) / keep_prob.",
    "noise-gaussian",
)
SPREAD_OF_RAW_MASK = mistake(
    "uses_the_spread_of_the_raw_mask",
    "the standard deviation of your factors is that of a mask of 0 and 1, the root of "
    "keep_prob (1 − keep_prob); a mask divided by keep_prob varies more.",
    "noise-multiplicative",
)
SWAPPED_SPREAD = mistake(
    "swaps_keep_and_drop_in_the_factors",
    "the variance of your factors is keep_prob / (1 − keep_prob): keep_prob is read as "
    "the drop probability.",
    "noise-gaussian",
)
UNIT_SPREAD = mistake(
    "ignores_keep_prob_in_the_noise",
    "the standard deviation of your factors is the same whatever keep_prob is.",
    "noise-gaussian",
)
CLIPS_NEGATIVE = mistake(
    "clips_negative_factors",
    "negative factors are replaced by 0; N(1, (1 − keep_prob) / keep_prob) has negative "
    "values, and without them its mean is no longer 1.",
    "noise-mistakes",
)
NEVER_NEGATIVE = mistake(
    "factors_are_never_negative",
    "none of your factors is negative: either you take absolute values, or you draw "
    "from a law of positive numbers (log-normal, gamma). Normal numbers are negative "
    "now and then.",
    "noise-mistakes",
)
BOUNDED = mistake(
    "factors_are_bounded",
    "no factor lies far from 1: either large values are cut off, or the law is bounded "
    "as the uniform one is. The normal law has no bounds.",
    "noise-mistakes",
)
NOT_NORMAL = mistake(
    "factors_are_not_normal",
    "mean and standard deviation are right, the shape is not: the numbers do not come "
    "from a normal law.",
    "noise-gaussian",
)
ANOTHER_SPREAD = mistake(
    "factors_have_another_spread",
    "the spread of your factors does not fit: either the standard deviation is not the "
    "root of (1 − keep_prob) / keep_prob, or the law is not normal.",
    "noise-gaussian",
)
NOISE_DEPENDS_ON_VALUE = mistake(
    "noise_depends_on_the_value",
    "the law of a factor depends on the value that it multiplies; the factors are drawn "
    "without a look at x.",
    "noise-multiplicative",
)
NOISE_DEPENDS_ON_PLACE = mistake(
    "noise_depends_on_the_place",
    "the law of a factor depends on its place in the array; all have the same.",
    "noise-multiplicative",
)
DEPENDENT_NOISE = mistake(
    "factors_depend_on_each_other",
    "your factors are not independent: one tells something about another, of its row, "
    "column or call.",
    "noise-mistakes",
)

_NAME = "gaussian_dropout"
_SMALL = (60, 60)
_GAUSSIAN_SHAPES = ((7,), (1,), (6, 5), (2, 3, 4, 3))


@dataclass(frozen=True)
class Noisy:
    """A forward pass: its input, without zeros, and its output."""

    x: np.ndarray
    out: np.ndarray

    @property
    def factors(self) -> np.ndarray:
        return self.out / self.x


def _deviation(keep_prob: float) -> float:
    """Return the standard deviation that the factors should have."""
    return float(np.sqrt((1 - keep_prob) / keep_prob))


def _noisy(
    function: StudentFunction,
    trial: Trial,
    shape: Sequence[int],
    keep_prob: float,
    rng: np.random.Generator | None = None,
    training: bool | None = None,
    x: np.ndarray | None = None,
) -> Noisy:
    """Return one forward pass on ``x``, by default inputs without zeros; ``training`` is
    not passed when None. Raises ``CheckFailure``."""
    x = trial.inputs(*shape) if x is None else x
    call = call_text(function.name, shape, keep_prob, training is not False)
    mode = {} if training is None else {"training": training}
    result = function(x, keep_prob, trial.generator() if rng is None else rng, **mode)
    out = facts.float_array(facts.pair(result, call)[0], tuple(shape), call, "out")
    return Noisy(x, out)


@gaussian.check(points=0.25)
def returns_noisy_float_arrays(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    masks.returns_float_arrays(gaussian_dropout, trial)


@gaussian.check(points=0.25, after="returns_noisy_float_arrays")
def multiplies_by_varying_factors(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """In training, which is the default, x is multiplied by many different numbers."""
    for keep_prob in KEEP_PROBS:
        factors = _noisy(gaussian_dropout, trial, _SMALL, keep_prob).factors
        # Of 3,600 normal numbers, fewer than 30 agree in their first five digits.
        different = len(np.unique(np.round(factors, 5)))
        call = call_text(_NAME, _SMALL, keep_prob)
        if facts.close(factors, factors.flat[0]):
            trial.fail(
                f"{call}: out is {factors.flat[0]:.4g} times x in every place; expected "
                "factors that vary.",
                _constant_mistake(gaussian_dropout, trial),
            )
        trial.expect(
            different > 20,
            f"{call}: the {factors.size} factors out / x take {different} different "
            "values; expected about as many values as units.",
            FEW_VALUES,
        )


def _constant_mistake(function: StudentFunction, trial: Trial) -> str:
    """Return what is behind an output that is a number times x."""
    first, second = (_noisy(function, trial, _SMALL, 0.7).factors for _ in range(2))
    if not facts.close(first, second):
        return ONE_FACTOR_FOR_ALL
    for training, name in (
        (True, masks.TESTS_BY_DEFAULT),
        (False, NOISE_FLAG_REVERSED),
    ):
        factors = _noisy(function, trial, _SMALL, 0.7, training=training).factors
        if not facts.close(factors, factors.flat[0]):
            return name
    return NO_NOISE


@gaussian.check(points=0.25, after="multiplies_by_varying_factors")
def leaves_its_noisy_input_alone(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """x is the same after the call as before, in both modes."""
    for training in (True, False):
        x = trial.inputs(30, 20, zeros=0.2)
        _, after = gaussian_dropout.observe(
            x, 0.3, trial.generator(), training=training
        )
        _expect_unchanged(trial, x, after[0], call_text(_NAME, x.shape, 0.3, training))


@gaussian.check(points=0.25, after="multiplies_by_varying_factors")
def makes_no_noise_at_test(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """With training=False, out equals x."""
    for shape, keep_prob in itertools.product(
        (_SMALL, *_GAUSSIAN_SHAPES), (*KEEP_PROBS, 1.0)
    ):
        got = _noisy(gaussian_dropout, trial, shape, keep_prob, training=False)
        if facts.close(got.out, got.x):
            continue
        one_factor = facts.close(got.factors, got.factors.flat[0])
        trial.fail(
            f"{call_text(_NAME, shape, keep_prob, training=False)}: "
            f"{facts.worst(got.out, got.x)}; at test out equals x.",
            SCALES_AT_TEST if one_factor else STILL_NOISY_AT_TEST,
        )


@gaussian.check(points=0.25, after="multiplies_by_varying_factors")
def makes_no_noise_at_keep_prob_one(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, out equals x."""
    got = _noisy(gaussian_dropout, trial, (50, 40), 1.0)
    trial.expect(
        facts.close(got.out, got.x),
        f"{call_text(_NAME, (50, 40), 1.0)}: {facts.worst(got.out, got.x)}; without "
        "noise out equals x.",
        NOISY_AT_ONE,
    )


@gaussian.check(points=0.25, after="multiplies_by_varying_factors")
def leaves_zeros_at_zero(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """In training out is 0 wherever x is 0: the noise multiplies."""
    for x in (trial.inputs(30, 20, zeros=0.5), np.zeros((30, 20)), np.zeros(1)):
        call = call_text(_NAME, x.shape, 0.3)
        out = _noisy(gaussian_dropout, trial, x.shape, 0.3, x=x).out
        moved = int(np.count_nonzero(out[x == 0]))
        trial.expect(
            not moved,
            f"{call}: of {int((x == 0).sum())} units that are 0, {moved} came back as "
            "another number.",
            ADDS_INSTEAD,
        )


_CALLS, _SIDE = 40, 20


@gaussian.check(points=0.5, after="multiplies_by_varying_factors")
def gives_every_unit_its_own_factor(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """Rows, columns and calls do not share noise, whose mean and spread vary."""
    rng = trial.generator()
    call = f"{_CALLS} calls {call_text(_NAME, (_SIDE, _SIDE), 0.7)}"
    factors = np.array(
        [
            _noisy(gaussian_dropout, trial, (_SIDE, _SIDE), 0.7, rng).factors
            for _ in range(_CALLS)
        ]
    )
    shared = _constant_axes(factors)
    trial.expect(
        0 not in shared,
        f"{call}: every call drew the same noise.",
        SAME_NOISE_EVERY_CALL,
    )
    trial.expect(
        1 not in shared, f"{call}: all rows share their noise.", ONE_NOISE_FOR_ALL_ROWS
    )
    trial.expect(
        2 not in shared,
        f"{call}: a row has one factor for all units.",
        ONE_FACTOR_PER_ROW,
    )
    ordered = factors[np.argsort(factors[:, 0, 0])]
    repeated = np.isclose(ordered[1:], ordered[:-1]).all(axis=(1, 2)).sum()
    trial.expect(
        not repeated,
        f"{call}: {repeated} of them repeat another's noise.",
        REUSES_NOISE,
    )
    for shape in ((400,), (5, 6, 7, 8)):
        got = _noisy(gaussian_dropout, trial, shape, 0.7).factors
        trial.expect(
            not (axes := _constant_axes(got)),
            f"{call_text(_NAME, shape, 0.7)}: the factors are the same all along axis "
            f"{axes[:1]}.",
            SHARES_FACTORS,
        )
    _expect_varying_moments(trial, factors, call)


def _expect_varying_moments(trial: Trial, factors: np.ndarray, call: str) -> None:
    """Check that means and spreads of samples vary, as those of independent numbers do:
    40 or more of them are not within 0.0001 of each other by chance."""
    for axes, where in (((1, 2), "call"), ((2,), "row"), ((1,), "column")):
        for moment, what in ((np.mean, "mean"), (np.std, "standard deviation")):
            values = moment(factors, axis=axes)
            trial.expect(
                np.ptp(values) > 1e-4,
                f"{call}: the {what} of the factors of a {where} is always "
                f"{values.flat[0]:.4f}; expected a number that varies.",
                FIXES_MOMENTS,
            )


# What the mean and the standard deviation of wrong factors are, for keep_prob p.
_MEANS: Mapping[str, Callable[[float], float]] = {
    ZERO_MEAN: lambda p: 0.0,
    MEAN_KEEP_PROB: lambda p: p,
    MEAN_INVERSE: lambda p: 1 / p,
}
_DEVIATIONS: tuple[tuple[str, Callable[[float], float]], ...] = (
    (VARIANCE_FOR_STD, lambda p: (1 - p) / p),
    (ROOT_OF_DROP, lambda p: (1 - p) ** 0.5),
    (DROP_AS_STD, lambda p: 1 - p),
    (SPREAD_OF_RAW_MASK, lambda p: (p * (1 - p)) ** 0.5),
    (SWAPPED_SPREAD, lambda p: (p / (1 - p)) ** 0.5),
)


def _law_mistake(function: StudentFunction, trial: Trial, share: float) -> str:
    """Return what is behind factors of a wrong law, measured on fresh draws.

    Each threshold is at least six standard errors of what it is compared with."""
    draws = {p: _noisy(function, trial, (200, 200), p) for p in KEEP_PROBS}
    factors = {p: got.factors for p, got in draws.items()}
    for name, value in _MEANS.items():
        if all(abs(f.mean() - value(p)) < 0.06 for p, f in factors.items()):
            return name
    for name, halves in (
        (NOISE_DEPENDS_ON_VALUE, lambda x: (x > 0, np.abs(x) > 1.75)),
        (NOISE_DEPENDS_ON_PLACE, _places),
    ):
        if any(_differ(g.factors, h) for g in draws.values() for h in halves(g.x)):
            return name
    spread = {p: float(f.std()) for p, f in factors.items()}
    for name, value in _DEVIATIONS:
        if all(facts.close(s, value(p), rtol=0.03) for p, s in spread.items()):
            return name
    if facts.close(spread[0.8], spread[0.3], rtol=0.03):
        return UNIT_SPREAD
    if (factors[0.3] >= 0).all():
        return CLIPS_NEGATIVE if (factors[0.3] == 0).mean() > 0.1 else NEVER_NEGATIVE
    if all(np.abs(f - f.mean()).max() < 3 * spread[p] for p, f in factors.items()):
        return BOUNDED
    right = all(facts.close(s, _deviation(p), rtol=0.05) for p, s in spread.items())
    return NOT_NORMAL if right else ANOTHER_SPREAD


def _places(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.indices(x.shape)
    return rows < x.shape[0] // 2, columns < x.shape[1] // 2


def _differ(factors: np.ndarray, half: np.ndarray) -> bool:
    """Return whether two halves of 40,000 factors differ in location or spread."""
    one, other = factors[half], factors[~half]
    near_one, near_other = (np.median(np.abs(f - 1)) for f in (one, other))
    return bool(
        abs((one > 1).mean() - (other > 1).mean()) > 0.035
        or abs(near_one - near_other) > 0.08 * min(near_one, near_other)
    )


def _judge_factors(
    function: StudentFunction,
    trial: Trial,
    keep_prob: float,
    events: Mapping[str, tuple[str, Callable[[np.ndarray], np.ndarray]]],
) -> None:
    """Draw as many factors as the looks need and count events in each of them.

    ``events`` maps a look to what is counted and a function of the standardised factors
    z. A look whose first word is in ``_HALVES`` counts in that half of the units only."""
    # Halves by value are halves on average: 4 % more is 16 standard errors.
    units = max(
        trial.size(look) * (2.08 if look.split(" ")[0] in _HALVES else 1)
        for look in events
    )
    x = np.tile(trial.inputs(100, 400), (int(units // 40_000) + 1, 1))
    got = _noisy(function, trial, x.shape, keep_prob, x=x)
    z = (got.factors - 1) / _deviation(keep_prob)
    for look, (what, event) in events.items():
        half = _HALVES.get(look.split(" ")[0])
        found = event(z if half is None else z[half(x)])
        where = "" if half is None else f", {look.split(',')[0]}"
        what = f"keep_prob = {keep_prob}{where}: factors {what}"
        name = partial(_law_mistake, function, trial)
        trial.judge(look, found, found.size, what, name)


_HALVES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "large": lambda x: np.abs(x) > 1.75,
    "positive": lambda x: x > 0,
    "front": lambda x: np.arange(x.size).reshape(x.shape) < x.size // 2,
}
_ABOVE = ("above 1", lambda z: z > 0)
_BEYOND = (
    "more than 1.5 standard deviations from 1",
    lambda z: np.abs(z) > continuous.SCALE_DISTANCE,
)


@gaussian.check(
    points=0.25,
    after=("gives_every_unit_its_own_factor", "leaves_zeros_at_zero"),
    looks={
        "above 1, keep_prob 0.8": continuous.location(0.04),
        "positive x, above 1": continuous.location(0.06),
        "above 1, keep_prob 0.3": continuous.location(0.04),
        "front half, above 1": continuous.location(0.06),
    },
)
def its_factors_have_mean_one(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """Half of the factors lie above 1, whatever the value and place of the unit."""
    for keep_prob, part in ((0.8, "positive x"), (0.3, "front half")):
        events = {
            f"above 1, keep_prob {keep_prob}": _ABOVE,
            f"{part}, above 1": _ABOVE,
        }
        _judge_factors(gaussian_dropout, trial, keep_prob, events)


@gaussian.check(
    points=0.5,
    after=("gives_every_unit_its_own_factor", "leaves_zeros_at_zero"),
    looks={
        "spread, keep_prob 0.8": continuous.scale(0.02),
        "large x, spread": continuous.scale(0.03),
        "spread, keep_prob 0.3": continuous.scale(0.03),
        "front half, spread": continuous.scale(0.04),
    },
)
def its_factors_have_the_right_variance(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """The factors have variance (1 - keep_prob) / keep_prob, in every half of x."""
    for keep_prob, part in ((0.8, "large x"), (0.3, "front half")):
        events = {
            f"spread, keep_prob {keep_prob}": _BEYOND,
            f"{part}, spread": _BEYOND,
        }
        _judge_factors(gaussian_dropout, trial, keep_prob, events)


@gaussian.check(
    points=0.25,
    after=("its_factors_have_mean_one", "its_factors_have_the_right_variance"),
    looks={
        "beyond 3": continuous.beyond(3.0, 0.0007),
        "within the quartiles": Proportion(0.5, 0.0125),
        "above 2": continuous.above(2.0, 0.0025),
    },
)
def its_factors_are_normal(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """The factors have the tails and the middle of a normal law, on both sides."""
    events = {
        "beyond 3": (
            "more than 3 standard deviations from 1",
            lambda z: np.abs(z) > 3,
        ),
        "within the quartiles": (
            "nearer to 1 than 0.6745 standard deviations",
            lambda z: np.abs(z) < continuous.QUARTILE,
        ),
        "above 2": ("more than 2 standard deviations above 1", lambda z: z > 2),
    }
    _judge_factors(gaussian_dropout, trial, 0.8, events)


_SIGN = Proportion(0.5, detects=0.02)
_BALANCE = Proportion(exact_count(_SIDE, 0.5).probability, detects=0.05)
_SIGN_AXES = ("rows", "columns")


@gaussian.check(
    points=0.25,
    after=("its_factors_have_mean_one", "its_factors_have_the_right_variance"),
    looks={
        **_pair_looks(_SIGN_AXES, _SIGN, "signs, "),
        **_pair_looks(_SIGN_AXES, _SIGN, "sizes, "),
        "signs, balanced rows": _BALANCE,
        "signs, balanced columns": _BALANCE,
        "sizes, balanced rows": _BALANCE,
        "sizes, balanced columns": _BALANCE,
    },
)
def its_factors_are_independent(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """Factors in pairs of rows, columns and calls agree in side and size half the time."""
    rng, keep_prob = trial.generator(), 0.3
    size = max(
        trial.size("signs, successive calls"), 10 * trial.size("signs, balanced rows")
    )
    blocks = -(-size // _SIDE**2)
    shape = (_SIDE * blocks, _SIDE)
    z = np.array(
        [
            _noisy(gaussian_dropout, trial, shape, keep_prob, rng).factors - 1
            for _ in range(2)
        ]
    ) / _deviation(keep_prob)
    kinds = {
        "signs, ": (z > 0, "factors above 1"),
        "sizes, ": (np.abs(z) > continuous.QUARTILE, "factors far from 1"),
    }
    for kind, (bits, what) in kinds.items():
        _judge_pairs(trial, bits, _SIGN_AXES, what, DEPENDENT_NOISE, kind)
        square = bits.reshape(2, blocks, _SIDE, _SIDE)
        for axis, name in ((3, "rows"), (2, "columns")):
            balanced = square.sum(axis=axis) == _SIDE // 2
            message = f"{name} of {_SIDE} with exactly {_SIDE // 2} {what}"
            trial.judge(
                f"{kind}balanced {name}",
                balanced,
                balanced.size,
                message,
                DEPENDENT_NOISE,
            )


@gaussian.check(points=0.25, after="multiplies_by_varying_factors")
def draws_its_noise_from_rng_alone(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    x, call = trial.inputs(40, 25), call_text(_NAME, (40, 25), 0.7)

    def output(rng: np.random.Generator) -> Any:
        return facts.pair(gaussian_dropout(x, 0.7, rng), call)[0]

    _follows_rng(trial, call, output, SAME_NOISE_EVERY_CALL)


# ---- dropconnect_forward -------------------------------------------------------------

DROPS_UNITS = mistake(
    "drops_units_instead_of_weights",
    "all weights of an input are dropped together: you drop units of x. DropConnect "
    "gives every weight its own bit.",
    "noise-dropconnect",
)
ONE_WEIGHT_MASK = mistake(
    "one_weight_mask_for_the_batch",
    "all rows share one mask of the weights; each row (example) needs its own.",
    "noise-dropconnect",
)
DROPS_OUTPUTS = mistake(
    "drops_outputs_instead_of_weights",
    "all weights of an output are dropped together: you drop units of x @ weights. "
    "DropConnect gives every weight its own bit.",
    "noise-dropconnect",
)
SUM_NOT_RESCALED = mistake(
    "forgets_to_rescale_the_weights",
    "the kept weights are not divided by keep_prob, so out is too small on average.",
    "noise-dropconnect",
)
SUM_SCALED_WRONGLY = mistake(
    "rescales_the_weights_wrongly",
    "the kept weights are multiplied by another number than 1 / keep_prob; only that one "
    "keeps the mean of out at x @ weights.",
    "noise-dropconnect",
)
SUM_OVER_DROP = mistake(
    "divides_the_weights_by_drop_probability",
    "you divide the kept weights by 1 − keep_prob; divide by keep_prob.",
    "noise-dropconnect",
)
SUM_OVER_KEPT = mistake(
    "divides_by_the_kept_weights",
    "you divide by the share of weights that happened to be kept, which varies; divide "
    "by keep_prob.",
    "noise-dropconnect",
)
NO_SUM_OF_KEPT = mistake(
    "no_sum_of_kept_weights",
    "no choice of kept weights gives such outputs: either the weights are multiplied by "
    "something else than 0 and 1 / keep_prob, or something is added.",
    "noise-dropconnect",
)
BIASED_AT_ONE = mistake(
    "differs_from_the_product_at_keep_prob_one",
    "at keep_prob = 1 no weight is dropped, and out is x @ weights; you compute another "
    "product.",
    "noise-dropconnect",
)

_INPUTS, _OUTPUTS = 10, 20


@dataclass(frozen=True)
class Connections:
    """A forward pass whose weights' mask can be read off the outputs.

    Row n, input d and output c contribute ``unit[n, c] * 2**exponents[d]`` when the
    weight is kept: a binary number with a digit for each input."""

    x: np.ndarray
    weights: np.ndarray
    unit: np.ndarray
    exponents: np.ndarray
    out: np.ndarray

    def digits(self, factor: float) -> np.ndarray | None:
        """Return the mask, of shape (N, D, C), if kept weights are multiplied with
        ``factor`` and the others with 0; else None."""
        values = self.out / self.unit / factor
        whole = np.rint(values)
        # Arithmetic in float32 is off by less than 0.001.
        fits = (np.abs(values - whole) < 0.01) & (whole >= 0) & (whole < 2**_INPUTS)
        if not fits.all():
            return None
        digits = whole.astype(np.int64)[:, None, :] >> self.exponents[:, None] & 1
        return digits.astype(bool)


def _call_weights(x: np.ndarray, weights: np.ndarray, keep_prob: float) -> str:
    """Return a call as it is shown in messages."""
    return (
        f"dropconnect_forward(x of shape {x.shape}, weights of shape {weights.shape}, "
        f"{keep_prob}, rng)"
    )


def _product(
    function: StudentFunction,
    trial: Trial,
    x: np.ndarray,
    weights: np.ndarray,
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Return the output, a finite float array of shape (N, C), or raise."""
    out = function(x, weights, keep_prob, trial.generator() if rng is None else rng)
    shape = (len(x), weights.shape[1])
    return facts.float_array(out, shape, _call_weights(x, weights, keep_prob), "out")


def _connect(
    function: StudentFunction,
    trial: Trial,
    rows: int,
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> Connections:
    """Return a forward pass on inputs that make its mask readable."""
    exponents = trial.rng.permutation(_INPUTS)
    row, column = trial.inputs(rows, 1), trial.inputs(1, _OUTPUTS)
    entry = trial.inputs(_INPUTS)
    x, weights = row * entry, 2.0 ** exponents[:, None] * column / entry[:, None]
    out = _product(function, trial, x, weights, keep_prob, rng)
    return Connections(x, weights, row * column, exponents, out)


def _weight_mask(
    function: StudentFunction,
    trial: Trial,
    rows: int,
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Return the mask of a forward pass, of shape (rows, inputs, outputs)."""
    got = _connect(function, trial, rows, keep_prob, rng)
    mask = got.digits(1 / keep_prob)
    if mask is None:
        call = _call_weights(got.x, got.weights, keep_prob)
        raise CheckFailure(f"{call}: out is not a sum of kept products / keep_prob.")
    return mask


@dropconnect.check(points=0.25)
def returns_a_float_matrix(dropconnect_forward: StudentFunction, trial: Trial) -> None:
    """out has shape (N, C) and holds finite floating point numbers."""
    for n, d, c in ((30, 12, 5), (1, 4, 3), (6, 1, 2), (3, 40, 1)):
        for keep_prob in KEEP_PROBS:
            for dtype in (np.float64, np.float32):
                x = trial.inputs(n, d).astype(dtype)
                weights = trial.inputs(d, c).astype(dtype)
                _product(dropconnect_forward, trial, x, weights, keep_prob)


@dropconnect.check(points=0.25, after="returns_a_float_matrix")
def multiplies_fully_at_keep_prob_one(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, out equals x @ weights."""
    for n, d, c in ((30, 12, 5), (1, 4, 3), (6, 1, 2), (5, 5, 5)):
        x, weights = trial.inputs(n, d, zeros=0.2), trial.inputs(d, c, zeros=0.2)
        out = _product(dropconnect_forward, trial, x, weights, 1.0)
        if facts.close(out, x @ weights, atol=1e-4):
            continue
        trial.fail(
            f"{_call_weights(x, weights, 1.0)}: {facts.worst(out, x @ weights)}; without "
            "dropped weights out equals x @ weights.",
            BIASED_AT_ONE if out.any() else _zeros_mistake(dropconnect_forward, trial),
        )


def _zeros_mistake(function: StudentFunction, trial: Trial) -> str:
    """Return what is behind outputs that are all 0 at keep_prob = 1."""
    x, weights = trial.inputs(20, 12), trial.inputs(12, 5)
    if _product(function, trial, x, weights, 0.5).any():
        return masks.TAKES_ONE_FOR_DROP_PROBABILITY
    return masks.DROPS_EVERYTHING


@dropconnect.check(points=0.25, after="multiplies_fully_at_keep_prob_one")
def leaves_x_and_weights_alone(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """x and weights are the same after the call as before."""
    x, weights = trial.inputs(30, 12, zeros=0.2), trial.inputs(12, 5)
    _, after = dropconnect_forward.observe(x, weights, 0.3, trial.generator())
    for given, now in ((x, after[0]), (weights, after[1])):
        _expect_unchanged(trial, given, now, _call_weights(x, weights, 0.3))


@dropconnect.check(points=0.75, after="multiplies_fully_at_keep_prob_one")
def sums_kept_products_over_keep_prob(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """Each output is a sum of products x * weight, some left out, over keep_prob."""
    for keep_prob in KEEP_PROBS:
        got = _connect(dropconnect_forward, trial, 60, keep_prob)
        mask = got.digits(1 / keep_prob)
        call = _call_weights(got.x, got.weights, keep_prob)
        if mask is None:
            full = got.x @ got.weights
            trial.fail(
                f"{call}: no choice of kept weights, divided by keep_prob, sums up to "
                f"out; its mean share of x @ weights is {np.mean(got.out / full):.4g}.",
                _sum_mistake(dropconnect_forward, trial),
            )
        trial.expect(
            not mask.all(), f"{call}: no weight is dropped.", masks.DROPS_NOTHING
        )
        trial.expect(mask.any(), f"{call}: no weight is kept.", masks.DROPS_EVERYTHING)
    x, weights = np.zeros((20, 8)), trial.inputs(8, 3)
    out = _product(dropconnect_forward, trial, x, weights, 0.3)
    trial.expect(
        not out.any(),
        f"{_call_weights(x, weights, 0.3)}: x is 0 and out is not.",
        NO_SUM_OF_KEPT,
    )


def _sum_mistake(function: StudentFunction, trial: Trial) -> str:
    """Return what is behind outputs that are no rescaled sums of kept products."""
    draws = {p: _connect(function, trial, 60, p) for p in KEEP_PROBS}
    named = {"1": SUM_NOT_RESCALED, "1/q": SUM_OVER_DROP}
    for factor, value in masks.FACTORS.items():
        found = {p: got.digits(value(p)) for p, got in draws.items()}
        # All digits 0: the outputs are zeros, which every factor explains.
        if all(mask is not None and mask.any() for mask in found.values()):
            everything = all(mask is not None and mask.all() for mask in found.values())
            if factor == "1" and everything:
                return masks.DROPS_NOTHING
            return named.get(factor, SUM_SCALED_WRONGLY)
    if all(_over_kept(got) for got in draws.values()):
        return SUM_OVER_KEPT
    return NO_SUM_OF_KEPT


def _over_kept(got: Connections) -> bool:
    """Return whether sums are divided by a kept share: of each output's own weights, or
    of the whole mask."""
    values = got.out / got.unit
    whole = np.arange(1, 2**_INPUTS)
    counts = (whole[:, None] >> np.arange(_INPUTS) & 1).sum(axis=1)
    own = np.sort(np.append(0.0, whole * _INPUTS / counts))
    nearest = own[np.clip(np.searchsorted(own, values - 1e-3), 0, len(own) - 1)]
    if (np.abs(nearest - values) < 2e-3).all():
        return True
    total = values.size * _INPUTS
    for kept in range(1, total):
        if (mask := got.digits(total / kept)) is not None and mask.sum() == kept:
            return True
    return False


_FEW = 0.7


@dropconnect.check(points=0.5, after="sums_kept_products_over_keep_prob")
def gives_every_weight_and_row_its_own_bit(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """Rows, inputs, outputs and calls do not share bits, and the kept count varies."""
    rng = trial.generator()
    bits = np.array(
        [_weight_mask(dropconnect_forward, trial, 20, _FEW, rng) for _ in range(40)]
    )
    call = f"40 calls with x of shape (20, {_INPUTS}), weights of shape "
    call += f"({_INPUTS}, {_OUTPUTS}), keep_prob = {_FEW}"
    named = {
        (1, 2, 3): masks.ONE_BIT_FOR_ALL,
        (2, 3): masks.ONE_BIT_PER_ROW,
        (1, 3): DROPS_UNITS,
        (3,): DROPS_UNITS,
        (1, 2): DROPS_OUTPUTS,
        (2,): DROPS_OUTPUTS,
        (1,): ONE_WEIGHT_MASK,
    }
    shared = tuple(axis for axis in _constant_axes(bits) if axis > 0)
    words = {1: "row", 2: "input", 3: "output"}
    trial.expect(
        not shared,
        f"{call}: the bit of a weight is the same for every "
        f"{' and '.join(words[axis] for axis in shared)}.",
        named.get(shared),
    )
    counts = {
        "row": bits.sum(axis=(2, 3)),
        "output of a row": bits.sum(axis=2),
        "input of a row": bits.sum(axis=3),
    }
    _expect_own_calls(trial, bits, call)
    _expect_varying_counts(trial, counts, call)


def _expect_own_calls(trial: Trial, bits: np.ndarray, call: str) -> None:
    """Check that no two calls have the same mask; ``bits`` has an axis of calls first."""
    different = len({mask.tobytes() for mask in bits})
    trial.expect(
        different > 1,
        f"{call}: every call drew the same mask.",
        masks.SAME_MASK_EVERY_CALL,
    )
    trial.expect(
        different == len(bits),
        f"{call}: {different} different masks; expected {len(bits)}.",
        masks.REUSES_MASKS,
    )


def _expect_varying_counts(
    trial: Trial, counts: Mapping[str, np.ndarray], call: str
) -> None:
    """Check that kept counts vary, as those of hundreds of independent bits do."""
    for where, count in counts.items():
        trial.expect(
            np.ptp(count) > 0,
            f"{call}: each {where} keeps exactly {count.flat[0]}; expected a number that "
            "varies.",
            masks.SAME_COUNT_EVERY_TIME,
        )


def _judge_rates(
    trial: Trial,
    bits: np.ndarray,
    keep_prob: float,
    parts: Mapping[str, np.ndarray],
    measure: Callable[[float], float],
) -> None:
    """Count kept bits, all and those of each part: a look named "<part> at <keep_prob>".

    ``measure`` gives the share of about 10,000 bits that are kept at another keep
    probability. The parts are boolean arrays that broadcast to ``bits``, half of it each; those whose
    name begins with "large" are chosen by value, the others by place."""
    halves = {part: np.broadcast_to(where, bits.shape) for part, where in parts.items()}

    def name(share: float) -> str:
        for part, where in halves.items():
            if abs(bits[where].mean() - bits[~where].mean()) > 0.02:
                by_value = part.startswith("large")
                return masks.DEPENDS_ON_VALUE if by_value else masks.DEPENDS_ON_PLACE
        return masks.share_name(share, keep_prob, measure)

    look = f"all at {keep_prob}"
    trial.judge(look, bits, bits.size, f"kept at keep_prob = {keep_prob}", name)
    for part, where in halves.items():
        look = f"{part} at {keep_prob}"
        what = f"{part} kept at keep_prob = {keep_prob}"
        if look in trial.check.looks:
            trial.judge(look, bits[where], int(where.sum()), what, name)


@dropconnect.check(
    points=0.5,
    after="gives_every_weight_and_row_its_own_bit",
    looks={
        "all at 0.8": Proportion(0.8, detects=0.01),
        "all at 0.3": Proportion(0.3, detects=0.01),
        "large weights at 0.8": Proportion(0.8, detects=0.02),
        "first rows at 0.3": Proportion(0.3, detects=0.02),
        "first inputs at 0.3": Proportion(0.3, detects=0.02),
        "first outputs at 0.3": Proportion(0.3, detects=0.02),
    },
)
def keeps_weights_with_keep_prob(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """Every weight is kept with probability keep_prob, whatever its value and place."""

    def share(keep_prob: float) -> float:
        return float(_weight_mask(dropconnect_forward, trial, 60, keep_prob).mean())

    for keep_prob in KEEP_PROBS:
        rows = -(-trial.size(f"all at {keep_prob}") // (_INPUTS * _OUTPUTS))
        got = _connect(dropconnect_forward, trial, rows, keep_prob)
        bits = got.digits(1 / keep_prob)
        if bits is None:
            trial.fail("out is not a sum of kept products / keep_prob.", NO_SUM_OF_KEPT)
        size = np.abs(got.weights)
        first_row, first_input, first_output = (
            np.arange(length) < length // 2 for length in bits.shape
        )
        parts = {
            "large weights": size > np.median(size),
            "first rows": first_row[:, None, None],
            "first inputs": first_input[:, None],
            "first outputs": first_output,
        }
        _judge_rates(trial, bits, keep_prob, parts, share)


_WEIGHT_AXES = ("rows", "inputs", "outputs")
_AGREE = agreement(_FEW, detects=0.02)
_TYPICAL_COUNT = Proportion(exact_count(_INPUTS, _FEW).probability, detects=0.05)


@dropconnect.check(
    points=0.25,
    after="keeps_weights_with_keep_prob",
    looks={
        **_pair_looks(_WEIGHT_AXES, _AGREE),
        "count of an output": _TYPICAL_COUNT,
        "count of an input": Proportion(exact_count(_OUTPUTS, _FEW).probability, 0.05),
    },
)
def drops_weights_independently(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """Bits in pairs of rows, inputs, outputs and calls are independent; so are counts."""
    rng = trial.generator()
    bits_needed = max(
        trial.size("successive calls") * 2,
        trial.size("count of an output") * _INPUTS,
        trial.size("count of an input") * _OUTPUTS,
    )
    rows = 2 * -(-bits_needed // (4 * _INPUTS * _OUTPUTS))
    bits = np.array(
        [_weight_mask(dropconnect_forward, trial, rows, _FEW, rng) for _ in range(2)]
    )
    what = f"bits at keep_prob = {_FEW}"
    _judge_pairs(trial, bits, _WEIGHT_AXES, what, masks.DEPENDENT_BITS)
    for axis, of, width in ((2, "an output", _INPUTS), (3, "an input", _OUTPUTS)):
        mean = round(_FEW * width)
        usual = bits.sum(axis=axis) == mean
        what = f"{width} weights of {of}, in a row: exactly {mean} kept"
        trial.judge(f"count of {of}", usual, usual.size, what, masks.DEPENDENT_BITS)


@dropconnect.check(points=0.25, after="sums_kept_products_over_keep_prob")
def draws_its_weights_from_rng_alone(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    x, weights = trial.inputs(40, 12), trial.inputs(12, 10)

    def output(rng: np.random.Generator) -> Any:
        return dropconnect_forward(x, weights, 0.7, rng)

    call = _call_weights(x, weights, 0.7)
    _follows_rng(trial, call, output, masks.SAME_MASK_EVERY_CALL)


# ---- spatial_dropout -----------------------------------------------------------------

DROPS_PIXELS = mistake(
    "does_not_drop_whole_channels",
    "within one channel some pixels are dropped and others are not; a channel is kept or "
    "dropped as a whole.",
    "noise-spatial",
)
DROPS_POSITIONS = mistake(
    "drops_positions_in_all_channels",
    "you drop a pixel in all channels at once: the mask has the shape (N, 1, H, W). It "
    "should have one bit for each channel, (N, C, 1, 1).",
    "noise-spatial",
)
CHANNELS_LAST = mistake(
    "takes_the_last_axis_for_the_channels",
    "you drop whole columns w of all channels, as if x had the shape (N, H, W, C); here "
    "channels are axis 1.",
    "noise-spatial",
)
SAME_CHANNELS = mistake(
    "drops_the_same_channels_in_every_sample",
    "all samples of a batch lose the same channels; each draws its own.",
    "noise-spatial",
)
WHOLE_SAMPLES = mistake(
    "drops_whole_samples",
    "all channels of a sample are kept or dropped together; each channel needs its own "
    "bit.",
    "noise-spatial",
)
CHANNEL_NOT_RESCALED = mistake(
    "forgets_to_rescale_the_channels",
    "kept channels come back unchanged in training; divide them by keep_prob.",
    "noise-spatial",
)
CHANNEL_SCALED_WRONGLY = mistake(
    "rescales_the_channels_wrongly",
    "kept channels are multiplied by another number than 1 / keep_prob.",
    "noise-spatial",
)
SCALES_IMAGES_AT_TEST = mistake(
    "scales_images_at_test",
    "at test you multiply x by a number; the kept channels were rescaled in training "
    "already.",
    "noise-spatial",
)

_IMAGES = (60, 20, 3, 4)
_SPATIAL = "spatial_dropout"


def _images(
    function: StudentFunction,
    trial: Trial,
    shape: Sequence[int],
    keep_prob: float,
    rng: np.random.Generator | None = None,
    training: bool | None = None,
) -> masks.Draw:
    """Return one forward pass on images without zeros."""
    return masks.draw(function, trial, shape, keep_prob, rng, training=training)


@spatial.check(points=0.25)
def returns_float_images(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    for shape in (_IMAGES, (40, 3, 7, 5), (2, 30, 1, 6)):
        for keep_prob in (0.8, 0.6):
            for dtype in (np.float64, np.float32):
                for training in (None, False):
                    mode: dict[str, Any] = {"training": training, "dtype": dtype}
                    masks.draw(spatial_dropout, trial, shape, keep_prob, **mode)


@spatial.check(points=0.25, after="returns_float_images")
def drops_some_images_parts(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """In training, which is the default, some pixels come back as 0 and some do not."""
    for keep_prob in KEEP_PROBS:
        mask = _images(spatial_dropout, trial, _IMAGES, keep_prob).mask
        kept = int(mask.sum())
        if 0 < kept < mask.size:
            continue
        trial.fail(
            f"{call_text(_SPATIAL, _IMAGES, keep_prob)}: {kept or 'none'} of {mask.size} "
            f"pixels came back other than 0; expected about {keep_prob:.0%}.",
            _spatial_constant_mistake(spatial_dropout, trial),
        )


def _spatial_constant_mistake(function: StudentFunction, trial: Trial) -> str:
    """Return what is behind images that are kept, or dropped, altogether."""
    # A bit for the whole array shows one face in all calls with probability 0.7 ** 60.
    small = (5, 4, 2, 2)
    shares = {
        float(_images(function, trial, small, 0.7).mask.mean()) for _ in range(60)
    }
    if shares == {0.0}:
        return masks.DROPS_EVERYTHING
    if shares != {1.0}:
        return masks.ONE_BIT_FOR_ALL
    for training, name in (
        (True, masks.TESTS_BY_DEFAULT),
        (False, masks.TRAINING_REVERSED),
    ):
        if not _images(function, trial, _IMAGES, 0.7, training=training).mask.all():
            return name
    return masks.DROPS_NOTHING


@spatial.check(points=0.5, after="drops_some_images_parts")
def drops_whole_channels(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """Each channel of each sample is kept or dropped as a whole, on its own."""
    named = {
        (1,): DROPS_POSITIONS,
        (1, 2): CHANNELS_LAST,
        (0, 2, 3): SAME_CHANNELS,
        (1, 2, 3): WHOLE_SAMPLES,
    }
    for shape in (_IMAGES, (20, 30, 5, 7)):
        mask = _images(spatial_dropout, trial, shape, 0.7).mask
        shared = _constant_axes(mask)
        axes = ", ".join(map(str, shared)) or "none"
        trial.expect(
            shared == (2, 3),
            f"{call_text(_SPATIAL, shape, 0.7)}: the axes along which the mask does not "
            f"change are {axes}; expected 2, 3.",
            named.get(shared, DROPS_PIXELS),
        )


@spatial.check(points=0.25, after="drops_some_images_parts")
def kept_pixels_are_rescaled(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """A kept pixel is divided by keep_prob; at keep_prob = 1 out equals x."""
    shapes = (_IMAGES, (1, 1, 1, 1), (3, 1, 4, 2), (2, 5, 1, 1))
    for shape, keep_prob in itertools.product(shapes, (*KEEP_PROBS, 1.0)):
        got = _images(spatial_dropout, trial, shape, keep_prob)
        kept = got.mask
        call = call_text(_SPATIAL, shape, keep_prob)
        trial.expect(
            keep_prob < 1 or kept.all(),
            f"{call}: {int((~kept).sum())} of {kept.size} pixels are dropped; expected "
            "none.",
            masks.TAKES_ONE_FOR_DROP_PROBABILITY,
        )
        ratios = (got.out / got.x)[kept]
        if facts.close(ratios, 1 / keep_prob):
            continue
        trial.fail(
            f"{call}: a kept pixel comes back {np.median(ratios):.4g} times as large "
            f"(median); expected {1 / keep_prob:.4g} times.",
            CHANNEL_NOT_RESCALED if facts.close(ratios, 1) else CHANNEL_SCALED_WRONGLY,
        )


@spatial.check(points=0.25, after="drops_some_images_parts")
def returns_images_unchanged_at_test(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """With training=False, out equals x."""
    for shape, keep_prob in itertools.product(
        (_IMAGES, (1, 1, 1, 1), (2, 5, 1, 1)), (*KEEP_PROBS, 1.0)
    ):
        got = _images(spatial_dropout, trial, shape, keep_prob, training=False)
        dropped = int((~got.mask).sum())
        call = call_text(_SPATIAL, shape, keep_prob, training=False)
        trial.expect(
            not dropped,
            f"{call}: {dropped} of {got.x.size} pixels came back 0; at test nothing is "
            "dropped.",
            masks.STILL_DROPS_AT_TEST,
        )
        trial.expect(
            facts.close(got.out, got.x),
            f"{call}: {facts.worst(got.out, got.x)}; at test out equals x.",
            SCALES_IMAGES_AT_TEST,
        )


@spatial.check(points=0.25, after="drops_some_images_parts")
def leaves_its_images_alone(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before, in both modes."""
    for training in (True, False):
        x = trial.inputs(*_IMAGES, zeros=0.2)
        _, after = spatial_dropout.observe(x, 0.3, trial.generator(), training=training)
        call = call_text(_SPATIAL, x.shape, 0.3, training)
        _expect_unchanged(trial, x, after[0], call)


def _channel_bits(
    function: StudentFunction,
    trial: Trial,
    samples: int,
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return bits of shape (samples, 20), one for each channel, and which channels hold
    large values."""
    got = _images(function, trial, (samples, 20, 2, 1), keep_prob, rng)
    size = np.abs(got.x).mean(axis=(2, 3))
    return got.mask[:, :, 0, 0], size > np.median(size)


@spatial.check(
    points=0.25,
    after="drops_whole_channels",
    looks={
        "all at 0.8": Proportion(0.8, detects=0.015),
        "all at 0.3": Proportion(0.3, detects=0.015),
        "large channels at 0.8": Proportion(0.8, detects=0.025),
        "first samples at 0.3": Proportion(0.3, detects=0.025),
        "first channels at 0.3": Proportion(0.3, detects=0.025),
    },
)
def keeps_channels_with_keep_prob(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """Every channel is kept with probability keep_prob, whatever its values and place."""

    def share(keep_prob: float) -> float:
        return float(_channel_bits(spatial_dropout, trial, 600, keep_prob)[0].mean())

    for keep_prob in KEEP_PROBS:
        samples = 2 * -(-trial.size(f"all at {keep_prob}") // 40)
        bits, large = _channel_bits(spatial_dropout, trial, samples, keep_prob)
        first_sample, first_channel = (
            np.arange(length) < length // 2 for length in bits.shape
        )
        parts = {
            "large channels": large,
            "first samples": first_sample[:, None],
            "first channels": first_channel,
        }
        _judge_rates(trial, bits, keep_prob, parts, share)


_CHANNEL_AXES = ("samples", "channels")
_COUNT_OF_20 = Proportion(exact_count(20, _FEW).probability, detects=0.05)


@spatial.check(
    points=0.25,
    after="keeps_channels_with_keep_prob",
    looks={
        **_pair_looks(_CHANNEL_AXES, _AGREE),
        "count of a sample": _COUNT_OF_20,
        "count of a channel": _COUNT_OF_20,
    },
)
def drops_channels_independently(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """Bits in pairs of samples, channels and calls are independent; so are counts."""
    rng = trial.generator()
    call = f"40 calls {call_text(_SPATIAL, (20, 20, 2, 1), _FEW)}"
    small = np.array(
        [_channel_bits(spatial_dropout, trial, 20, _FEW, rng)[0] for _ in range(40)]
    )
    _expect_own_calls(trial, small, call)
    counts = {"sample": small.sum(axis=2), "channel": small.sum(axis=1)}
    _expect_varying_counts(trial, counts, call)
    needed = max(trial.size("successive calls"), 10 * trial.size("count of a sample"))
    blocks = -(-needed // 400)
    bits = np.array(
        [
            _channel_bits(spatial_dropout, trial, 20 * blocks, _FEW, rng)[0]
            for _ in range(2)
        ]
    )
    what = f"bits at keep_prob = {_FEW}"
    _judge_pairs(trial, bits, _CHANNEL_AXES, what, masks.DEPENDENT_BITS)
    square = bits.reshape(2, blocks, 20, 20)
    for axis, of in ((3, "a sample"), (2, "a channel")):
        usual = square.sum(axis=axis) == 14
        what = f"20 bits of {of}: exactly 14 kept"
        trial.judge(f"count of {of}", usual, usual.size, what, masks.DEPENDENT_BITS)


@spatial.check(points=0.25, after="drops_some_images_parts")
def draws_its_channels_from_rng_alone(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    x, call = trial.inputs(*_IMAGES), call_text(_SPATIAL, _IMAGES, 0.7)

    def output(rng: np.random.Generator) -> Any:
        return facts.pair(spatial_dropout(x, 0.7, rng), call)[0]

    _follows_rng(trial, call, output, masks.SAME_MASK_EVERY_CALL)


# ---- annealed_keep_prob --------------------------------------------------------------

STARTS_AT_ONE = mistake(
    "anneals_the_wrong_way",
    "your schedule starts at 1 and ends at the initial value, as a curriculum does; "
    "annealing starts with dropout and ends without.",
    "noise-schedules",
)
ANNEALS_TO_ZERO = mistake(
    "anneals_to_zero",
    "your keep probability falls to 0: that is a drop probability that is annealed. The "
    "keep probability grows to 1.",
    "noise-schedules",
)
RETURNS_DROP_PROBABILITY = mistake(
    "returns_the_drop_probability",
    "you return 1 minus the keep probability of the schedule.",
    "noise-schedules",
)
OFF_BY_ONE = mistake(
    "counts_steps_off_by_one",
    "your schedule runs one step early or late: it is at the initial value at step 0 and "
    "at 1 at step total_steps.",
    "noise-schedules",
)
EXCEEDS_ONE = mistake(
    "goes_on_after_the_last_step",
    "after total_steps your value goes on, and is no keep probability any more; it stays "
    "at 1.",
    "noise-schedules",
)
STARTS_OVER = mistake(
    "starts_over_after_the_last_step",
    "after total_steps your schedule falls back below 1; it stays at 1.",
    "noise-schedules",
)
DIVIDES_INTEGERS = mistake(
    "divides_integers",
    "your value stays at its start until the last step: step // total_steps is 0 up to "
    "there; divide with /.",
    "noise-schedules",
)
NOT_LINEAR = mistake(
    "does_not_grow_linearly",
    "both ends are right, and between them your schedule bends or jumps; it is linear in "
    "step.",
    "noise-schedules",
)
STOPS_SHORT = mistake(
    "does_not_reach_one",
    "at step total_steps your value is not 1.",
    "noise-schedules",
)
STARTS_ELSEWHERE = mistake(
    "starts_from_another_value",
    "at step 0 your value is not initial_keep_prob.",
    "noise-schedules",
)

_SCHEDULES = ((10, 0.3), (7, 0.8), (1, 0.45), (1000, 0.05), (50, 1.0))


def _kept(
    function: StudentFunction, step: int, total_steps: int, initial: float
) -> tuple[float, str]:
    """Return the value, a finite number, and the call as it is shown in messages."""
    call = f"annealed_keep_prob({step}, {total_steps}, {initial})"
    return facts.number(function(step, total_steps, initial), call), call


def _expect_schedule(
    function: StudentFunction, trial: Trial, steps: Callable[[int], Sequence[int]]
) -> None:
    """Check the values at ``steps(total_steps)`` of every schedule."""
    for total_steps, initial in _SCHEDULES:
        for step in steps(total_steps):
            value, call = _kept(function, step, total_steps, initial)
            expected = initial + (1 - initial) * min(step / total_steps, 1.0)
            if not facts.close(value, expected):
                trial.fail(
                    f"{call} is {value:.6g}; expected {expected:.6g}.",
                    _schedule_mistake(function, total_steps, initial),
                )


def _schedule_mistake(
    function: StudentFunction, total_steps: int, initial: float
) -> str | None:
    """Return what is behind a wrong schedule of at least five steps, by its values up to
    half as many steps again."""
    if total_steps < 5:
        total_steps, initial = _SCHEDULES[0]
    steps = np.arange(total_steps * 3 // 2)
    try:
        found = np.array(
            [_kept(function, int(s), total_steps, initial)[0] for s in steps]
        )
    except (StudentError, CheckFailure):
        return None

    def line(step: np.ndarray, total: int = total_steps) -> np.ndarray:
        return initial + (1 - initial) * np.clip(step / total, 0, 1)

    right, before = line(steps), steps < total_steps
    if facts.close(found, 1 - right):
        return RETURNS_DROP_PROBABILITY
    if facts.close(found[0], 1) and found[total_steps] < 1:
        return STARTS_AT_ONE
    if facts.close(found[total_steps], 0):
        return ANNEALS_TO_ZERO
    shifted = [line(steps + 1), line(steps - 1)]
    shifted += [line(steps, total_steps + shift) for shift in (-1, 1)]
    if any(facts.close(found[before], s[before]) for s in shifted):
        return OFF_BY_ONE
    if facts.close(found[before], right[before]) and facts.close(found[total_steps], 1):
        return EXCEEDS_ONE if found.max() > 1.001 else STARTS_OVER
    if not facts.close(found[0], initial):
        return STARTS_ELSEWHERE
    if not facts.close(found[total_steps], 1):
        return STOPS_SHORT
    return DIVIDES_INTEGERS if facts.close(found[before], initial) else NOT_LINEAR


@annealed.check(points=0.25)
def starts_at_the_initial_value(
    annealed_keep_prob: StudentFunction, trial: Trial
) -> None:
    """A number comes back, and at step 0 it is initial_keep_prob."""
    _expect_schedule(annealed_keep_prob, trial, lambda total: (0,))


@annealed.check(points=0.5, after="starts_at_the_initial_value")
def grows_linearly_to_one(annealed_keep_prob: StudentFunction, trial: Trial) -> None:
    """Up to total_steps the value grows in equal steps, and is 1 there."""
    _expect_schedule(annealed_keep_prob, trial, lambda total: _sample(total))


def _sample(total_steps: int) -> Sequence[int]:
    """Return steps from 1 to ``total_steps``: all of them, or 21 when there are many."""
    return sorted({round(s) for s in np.linspace(1, total_steps, 21)})


@annealed.check(points=0.25, after="starts_at_the_initial_value")
def stays_at_one_afterwards(annealed_keep_prob: StudentFunction, trial: Trial) -> None:
    """After total_steps the value is 1."""
    _expect_schedule(
        annealed_keep_prob,
        trial,
        lambda total: (total + 1, total + 2, 2 * total, 2 * total + 3, 10 * total + 7),
    )
