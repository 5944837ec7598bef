"""Facts and exact tests of noise that multiplies: the factors out / x of every unit."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.families.bit_tests import FINE_KEEP_PROBS, wide
from autograder.families.elementwise import call_text


class _Factors(Mistakes, section="noise-multiplicative"):
    adds_instead_of_multiplying = """a unit that is 0 does not stay 0: either you add noise
        to x, where it should multiply, or another number takes the place of 0 or is added
        to all."""
    changes_x_without_noise = """at test out is not x, without noise: entries are bounded,
        rounded or shifted, or some shapes or values have a case of their own."""
    scales_at_test = """at test you multiply x by a number; the factors of training have
        mean 1, so there is nothing to make up for."""
    factors_have_mean_zero = """your factors have mean 0, so the signal is gone;
        multiply by 1 plus the noise."""
    factors_have_mean_keep_prob = """your factors have mean keep_prob, as a mask before
        rescaling; they should have mean 1."""
    factors_preserve_the_norm = """your factors have mean √keep_prob: out is scaled so
        that its norm is that of x. The mean should be preserved, not the norm."""
    factors_have_another_mean = "the mean of your factors is not 1."
    divides_the_noise_too = """your factors have mean 1 / keep_prob: you divide by
        keep_prob as well, which the rescaled mask needs and noise of mean 1 does
        not."""
    uses_the_spread_of_the_raw_mask = """the standard deviation of your factors is that
        of a mask of 0 and 1, the root of keep_prob (1 − keep_prob); a mask divided by
        keep_prob varies more."""
    noise_depends_on_the_value = """the law of out / x depends on the value x: either
        the factors are drawn with a look at x, or large or small x are bounded, rounded
        or dropped first."""
    noise_depends_on_the_place = """the law of a factor depends on its place in the
        array; all have the same."""


class _Draws(Mistakes, section="noise-mistakes"):
    one_factor_for_the_whole_array = """a call multiplies all units by one random
        number; draw one for each unit, of the shape of x."""
    same_noise_every_call = """every call draws the same noise, as if a seed were set
        inside the function; draw fresh numbers from rng at each call."""
    reuses_noise = """some calls get the noise of an earlier call (stored numbers, or a
        seed that takes few values); draw fresh numbers from rng at each call."""
    one_noise_for_all_rows = """all rows share one row of noise; each row (example)
        needs its own."""
    one_factor_for_each_row = """all units of a row are multiplied by one number; each
        unit needs its own."""
    shares_factors_along_an_axis = """units along an axis share one factor; each unit of
        the array needs its own."""
    fixes_the_moments_of_a_sample = """the mean or the spread of a sample is exactly the
        wanted one: either you shift or scale the noise to get there, or you use each
        number with both signs. Then no number is independent of the others."""
    clips_negative_factors = """negative factors are replaced by 0; N(1, (1 − keep_prob)
        / keep_prob) has negative values, and without them its mean is no longer 1."""
    factors_are_never_negative = """none of your factors is negative: either you take
        absolute values, or you draw from a law of positive numbers (log-normal, gamma).
        Normal numbers are negative now and then."""
    factors_are_bounded = """no factor lies far from 1: either large values are cut off,
        or the law is bounded as the uniform one is. The normal law has no bounds."""
    factors_depend_on_each_other = """your factors are not independent: either one
        tells something about another, of its row, column or call, or noise is drawn again
        until its mean or spread is near."""


class Wrong(_Factors, _Draws, section="noise-gaussian"):
    adds_no_noise = """in training as well every unit is multiplied by the same number;
        each needs a normal number of its own."""
    noise_flag_reversed = """your noise comes with training=False and not in training;
        the flag is read the wrong way round."""
    factors_take_few_values = """your factors take a few values only, as those of a mask
        do (0 and 1 / keep_prob); normal numbers practically never repeat."""
    still_noisy_at_test = "your function makes noise although training is False."
    noisy_at_keep_prob_one = """at keep_prob = 1 out differs from x, where the variance
        is 0 and the mean 1: either there is noise, or x is scaled, shifted, bounded,
        rounded or dropped."""
    drops_units_as_well = """many units come back as 0: you multiply by a mask, with or
        without noise. Gaussian dropout drops no unit."""
    takes_the_variance_for_the_standard_deviation = """the standard deviation of your
        factors is (1 − keep_prob) / keep_prob; that is the variance, and the generator
        wants its root."""
    uses_the_root_of_the_drop_probability = """the variance of your factors is 1 −
        keep_prob; divide it by keep_prob."""
    uses_the_drop_probability_as_standard_deviation = """the standard deviation of your
        factors is 1 − keep_prob; it should be the root of (1 − keep_prob) /
        keep_prob."""
    swaps_keep_and_drop_in_the_factors = """the variance of your factors is keep_prob /
        (1 − keep_prob): keep_prob is read as the drop probability."""
    ignores_keep_prob_in_the_noise = """the standard deviation of your factors is the
        same whatever keep_prob is."""
    factors_are_not_normal = """mean and standard deviation are right, the shape is not:
        either the law is not normal, or the numbers are bounded or rounded."""
    some_calls_have_other_factors = """in calls of some kind (a dtype, a size or number of
        axes, entries of some kind, a range of keep_prob, training=True where it is passed)
        the factors follow another law, or there is no noise; only keep_prob decides on
        their law."""
    factors_have_another_spread = """the spread of your factors does not fit: either the
        standard deviation is not the root of (1 − keep_prob) / keep_prob, or the law is
        not normal."""


#: A shape on which nothing of 3,600 independent numbers happens by chance.
SMALL = (60, 60)


@dataclass(frozen=True)
class Noisy:
    """A forward pass: its input, without zeros, and its output."""

    x: np.ndarray
    out: np.ndarray

    @property
    def factors(self) -> np.ndarray:
        found: np.ndarray = self.out / self.x
        return found


def deviation(keep_prob: Any) -> Any:
    """Return the standard deviation that the factors should have."""
    return np.sqrt((1 - keep_prob) / keep_prob)


def near_above(x: np.ndarray, out: np.ndarray, keep_prob: float) -> np.ndarray:
    """Return where factors lie above 1 by less than 1.5 standard deviations, if x is not 0."""
    with np.errstate(all="ignore"):  # of an x of 0 nothing is read
        z: np.ndarray = (out / x - 1) / deviation(keep_prob)
    return np.abs(z - 0.75) < 0.75


def forward(
    function: StudentFunction,
    x: np.ndarray,
    keep_prob: float,
    rng: np.random.Generator,
    training: bool | None = None,
) -> np.ndarray:
    """Return the output of one forward pass, checked to be a float array shaped like x;
    ``training`` is not passed when None. Raises ``CheckFailure``."""
    mode = {} if training is None else {"training": training}
    call = call_text(function.name, x.shape, keep_prob, training is not False)
    return output_of(function(x, keep_prob, rng, **mode), call, x.shape)


def output_of(result: Any, call: str, shape: Sequence[int]) -> np.ndarray:
    """Return the output of what a forward pass returned, a float array of this shape.
    Raises ``CheckFailure``."""
    return facts.float_array(facts.pair(result, call)[0], tuple(shape), call, "out")


def noisy(
    function: StudentFunction,
    trial: Trial,
    shape: Sequence[int],
    keep_prob: float,
    rng: np.random.Generator | None = None,
    training: bool | None = None,
    x: np.ndarray | None = None,
) -> Noisy:
    """Return one forward pass on inputs without zeros, or on ``x``, as ``forward`` does."""
    x = trial.inputs(*shape) if x is None else x
    rng = trial.generator() if rng is None else rng
    return Noisy(x, forward(function, x, keep_prob, rng, training))


def expect_no_constant(trial: Trial, call: str, out: np.ndarray) -> None:
    """Check that an output is no single number, which is x times varying factors, too."""
    trial.expect(
        np.ptp(out) > 0,
        f"{call}: all units came back as {out.flat[0]:.4g}; expected multiples of x.",
    )


def expect_noise_in_calls(trial: Trial, name: str, factors: Sequence[float]) -> None:
    """Check that factors, one of each call, differ, as one does that serves a whole call."""
    trial.expect(
        np.ptp(factors) > 0,
        f"{name}: in each of {len(factors)} calls a unit came back {factors[0]:.4g} times "
        "as large; expected noise, which multiplies.",
    )


#: In so many calls with other inputs not all outputs are 0, nor the same otherwise.
_MANY = 20


def several(
    function: StudentFunction,
    trial: Trial,
    shape: Sequence[int],
    keep_prob: float,
    calls: int,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Return the factors of forward passes as of ``noisy``, handed over together, with an
    axis of calls first."""
    rng = trial.generator() if rng is None else rng
    inputs = trial.inputs(calls, *shape)
    call = call_text(function.name, shape, keep_prob)
    results = function.each([(x, keep_prob, rng) for x in inputs])
    outs = np.array([output_of(r, call, shape) for r in results])
    trial.expect(
        calls < _MANY or np.ptp(outs, axis=0).any(),
        f"{calls} calls {call} gave the same output, each for another x.",
    )
    found: np.ndarray = np.divide(outs, inputs)
    return found


def constant_mistake(function: StudentFunction, trial: Trial) -> str:
    """Return what is behind an output that is a number times x."""
    first, second = (noisy(function, trial, SMALL, 0.7).factors for _ in range(2))
    if not facts.close(first, second):
        return Wrong.one_factor_for_the_whole_array
    for training, name in (
        (True, elementwise.Wrong.does_not_train_by_default),
        (False, Wrong.noise_flag_reversed),
    ):
        factors = noisy(function, trial, SMALL, 0.7, training=training).factors
        if not facts.close(factors, factors.flat[0]):
            return name
    return Wrong.adds_no_noise


def one_mistake(function: StudentFunction, trial: Trial, out: np.ndarray) -> str:
    """Return what is behind an output that is not x at keep_prob = 1."""
    if not out.any():
        factors = noisy(function, trial, (400, 400), FINE_KEEP_PROBS[0]).factors
        # Of 160,000 factors of mean 1 the mean is not as near to 0 by chance.
        if abs(factors.mean()) < 0.5:
            return Wrong.factors_have_mean_zero
    return Wrong.noisy_at_keep_prob_one


def expect_varying_moments(trial: Trial, factors: np.ndarray, call: str) -> None:
    """Check that noise reaches every row and column, and that means and spreads of
    samples vary, as those of independent numbers do: 40 or more of them are not within
    0.0001 of each other by chance. ``factors`` has the axes call, row, column."""
    for axis, where in ((1, "row"), (2, "column")):
        quiet = np.ptp(factors, axis=(0, 3 - axis)) < 1e-6
        trial.expect(
            not quiet.any(),
            f"{call}: {where} {int(np.argmax(quiet))} gets no noise.",
            Wrong.noise_depends_on_the_place,
        )
    for axes, where in (((1, 2), "call"), ((2,), "row"), ((1,), "column")):
        for moment, what in ((np.mean, "mean"), (np.std, "standard deviation")):
            values = moment(factors, axis=axes)
            trial.expect(
                np.ptp(values) > 1e-4,
                f"{call}: the {what} of the factors of a {where} is always "
                f"{values.flat[0]:.4f}; expected a number that varies.",
                Wrong.fixes_the_moments_of_a_sample,
            )


def law_mistake(function: StudentFunction, trial: Trial, share: float) -> str:
    """Return what is behind factors of a wrong law, measured on 160,000 fresh ones at
    each of two keep probabilities.

    Thresholds are at least five standard errors of what is compared with them."""
    shape = (400, 400)
    draws = [noisy(function, trial, shape, p) for p in FINE_KEEP_PROBS]
    of_all_sizes = [
        noisy(function, trial, shape, p, x=wide(trial, *shape)) for p in FINE_KEEP_PROBS
    ]
    p = np.array(FINE_KEEP_PROBS)
    factors = np.array([got.factors.ravel() for got in draws])
    spread = factors.std(axis=1)
    zeros = (factors == 0).mean(axis=1)

    def mean_is(value: np.ndarray) -> bool:
        return bool((np.abs(factors.mean(axis=1) - value) < 0.0125 * spread).all())

    shown = {
        Wrong.noise_depends_on_the_value: _differ(of_all_sizes, "positive", "large"),
        Wrong.factors_have_mean_zero: mean_is(0 * p),
        Wrong.factors_have_mean_keep_prob: mean_is(p),
        Wrong.divides_the_noise_too: mean_is(1 / p),
        Wrong.factors_preserve_the_norm: mean_is(p**0.5),
        Wrong.drops_units_as_well: zeros.min() > 0.1,
        Wrong.clips_negative_factors: zeros.max() > 0.1,
        Wrong.noise_depends_on_the_place: _differ(draws, "front", "left"),
        **_shape_signs(factors, spread, p, mean_is(p**0)),
    }
    return next(name for name, holds in shown.items() if holds)


def _shape_signs(
    factors: np.ndarray, spread: np.ndarray, p: np.ndarray, mean_is_one: bool
) -> dict[str, bool]:
    """Return what may be wrong with a law that is the same everywhere, in order; one of
    the values is true. The rows of ``factors`` are for the keep probabilities p."""

    def is_spread(value: np.ndarray) -> bool:
        return facts.close(spread, value, rtol=0.015)

    rivals = {
        Wrong.takes_the_variance_for_the_standard_deviation: (1 - p) / p,
        Wrong.uses_the_root_of_the_drop_probability: (1 - p) ** 0.5,
        Wrong.uses_the_drop_probability_as_standard_deviation: 1 - p,
        Wrong.uses_the_spread_of_the_raw_mask: (p * (1 - p)) ** 0.5,
        Wrong.swaps_keep_and_drop_in_the_factors: (p / (1 - p)) ** 0.5,
        Wrong.ignores_keep_prob_in_the_noise: spread[1],
    }
    farthest = np.abs(factors.T - factors.mean(axis=1)).max(axis=0)
    return {
        **{name: mean_is_one and is_spread(value) for name, value in rivals.items()},
        # Of 160,000 normal numbers of mean 1 and this spread, thousands are negative.
        Wrong.factors_are_never_negative: spread[1] > 0.6 and factors[1].min() >= 0,
        Wrong.factors_have_another_mean: not mean_is_one,
        Wrong.factors_are_bounded: bool((farthest < 3 * spread).all()),
        Wrong.factors_are_not_normal: is_spread(deviation(p)),
        Wrong.factors_have_another_spread: True,
    }


#: Halves of the units; a look of which this is the first word counts in that half only.
HALVES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "large": lambda x: np.abs(x) > 1.75,
    "positive": lambda x: x > 0,
    "front": lambda x: np.arange(x.size).reshape(x.shape) < x.size // 2,
    "left": lambda x: np.indices(x.shape)[-1] < x.shape[-1] // 2,
}


def _differ(draws: Sequence[Noisy], *halves: str) -> bool:
    """Return whether 160,000 factors differ in location or spread from half to half."""
    for got, name in itertools.product(draws, halves):
        half = HALVES[name](got.x)
        one, other = got.factors[half], got.factors[~half]
        near = [np.abs(part - 1).mean() for part in (one, other)]
        if abs((one > 1).mean() - (other > 1).mean()) > 0.02 or np.ptp(
            near
        ) > 0.05 * min(near):
            return True
    return False
