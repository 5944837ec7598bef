"""Facts and exact tests of noise that multiplies: the factors out / x of every unit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from autograder.contract import facts
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.families.elementwise import call_text


class Wrong(Mistakes, section="noise-gaussian"):
    adds_no_noise = (
        "in training as well every unit is multiplied by the same number; each needs "
        "a normal number of its own."
    )
    noise_flag_reversed = (
        "your noise comes with training=False and not in training; the flag is read "
        "the wrong way round."
    )
    one_factor_for_the_whole_array = at(
        "noise-mistakes",
        "a call multiplies all units by one random number; draw one for each unit, of "
        "the shape of x.",
    )
    factors_take_few_values = (
        "your factors take a few values only, as those of a mask do (0 and 1 / "
        "keep_prob); normal numbers practically never repeat."
    )
    adds_instead_of_multiplying = at(
        "noise-multiplicative",
        "you add noise to x; here it multiplies x, so a unit that is 0 stays 0.",
    )
    still_noisy_at_test = "your function makes noise although training is False."
    scales_at_test = at(
        "noise-multiplicative",
        "at test you multiply x by a number; the factors of training have mean 1, so "
        "there is nothing to make up for.",
    )
    noisy_at_keep_prob_one = (
        "at keep_prob = 1 out differs from x; the variance (1 − keep_prob) / "
        "keep_prob is 0 there."
    )
    same_noise_every_call = at(
        "noise-mistakes",
        "every call draws the same noise, as if a seed were set inside the function; "
        "draw fresh numbers from rng at each call.",
    )
    reuses_noise = at(
        "noise-mistakes",
        "some calls get the noise of an earlier call (stored numbers, or a seed that "
        "takes few values); draw fresh numbers from rng at each call.",
    )
    one_noise_for_all_rows = at(
        "noise-mistakes",
        "all rows share one row of noise; each row (example) needs its own.",
    )
    one_factor_for_each_row = at(
        "noise-mistakes",
        "all units of a row are multiplied by one number; each unit needs its own.",
    )
    shares_factors_along_an_axis = at(
        "noise-mistakes",
        "units along an axis share one factor; each unit of the array needs its own.",
    )
    fixes_the_moments_of_a_sample = at(
        "noise-mistakes",
        "the mean or the spread of a sample is exactly the wanted one: either you "
        "shift or scale the noise to get there, or you use each number with both "
        "signs. Then no number is independent of the others.",
    )
    factors_have_mean_zero = at(
        "noise-multiplicative",
        "your factors have mean 0, so the signal is gone; multiply by 1 plus the "
        "noise.",
    )
    factors_have_mean_keep_prob = at(
        "noise-multiplicative",
        "your factors have mean keep_prob, as a mask before rescaling; they should "
        "have mean 1.",
    )
    factors_preserve_the_norm = at(
        "noise-multiplicative",
        "your factors have mean √keep_prob: out is scaled so that its norm is that of "
        "x. The mean should be preserved, not the norm.",
    )
    factors_have_another_mean = at(
        "noise-multiplicative",
        "the mean of your factors is not 1.",
    )
    drops_units_as_well = (
        "many units come back as 0: you multiply by a mask, with or without noise. "
        "Gaussian dropout drops no unit."
    )
    divides_the_noise_too = at(
        "noise-multiplicative",
        "your factors have mean 1 / keep_prob: you divide by keep_prob as well, which "
        "the rescaled mask needs and noise of mean 1 does not.",
    )
    takes_the_variance_for_the_standard_deviation = (
        "the standard deviation of your factors is (1 − keep_prob) / keep_prob; that "
        "is the variance, and the generator wants its root."
    )
    uses_the_root_of_the_drop_probability = (
        "the variance of your factors is 1 − keep_prob; divide it by keep_prob."
    )
    uses_the_drop_probability_as_standard_deviation = (
        "the standard deviation of your factors is 1 − keep_prob; it should be the "
        "root of (1 − keep_prob) / keep_prob."
    )
    uses_the_spread_of_the_raw_mask = at(
        "noise-multiplicative",
        "the standard deviation of your factors is that of a mask of 0 and 1, the "
        "root of keep_prob (1 − keep_prob); a mask divided by keep_prob varies more.",
    )
    swaps_keep_and_drop_in_the_factors = (
        "the variance of your factors is keep_prob / (1 − keep_prob): keep_prob is "
        "read as the drop probability."
    )
    ignores_keep_prob_in_the_noise = (
        "the standard deviation of your factors is the same whatever keep_prob is."
    )
    clips_negative_factors = at(
        "noise-mistakes",
        "negative factors are replaced by 0; N(1, (1 − keep_prob) / keep_prob) has "
        "negative values, and without them its mean is no longer 1.",
    )
    factors_are_never_negative = at(
        "noise-mistakes",
        "none of your factors is negative: either you take absolute values, or you "
        "draw from a law of positive numbers (log-normal, gamma). Normal numbers are "
        "negative now and then.",
    )
    factors_are_bounded = at(
        "noise-mistakes",
        "no factor lies far from 1: either large values are cut off, or the law is "
        "bounded as the uniform one is. The normal law has no bounds.",
    )
    factors_are_not_normal = (
        "mean and standard deviation are right, the shape is not: the numbers do not "
        "come from a normal law."
    )
    factors_have_another_spread = (
        "the spread of your factors does not fit: either the standard deviation is "
        "not the root of (1 − keep_prob) / keep_prob, or the law is not normal."
    )
    noise_depends_on_the_value = at(
        "noise-multiplicative",
        "the law of a factor depends on the value that it multiplies; the factors are "
        "drawn without a look at x.",
    )
    noise_depends_on_the_place = at(
        "noise-multiplicative",
        "the law of a factor depends on its place in the array; all have the same.",
    )
    factors_depend_on_each_other = at(
        "noise-mistakes",
        "your factors are not independent: one tells something about another, of its "
        "row, column or call.",
    )


#: A shape on which nothing of 3,600 independent numbers happens by chance.
SMALL = (60, 60)


@dataclass(frozen=True)
class Noisy:
    """A forward pass: its input, without zeros, and its output."""

    x: np.ndarray
    out: np.ndarray

    @property
    def factors(self) -> np.ndarray:
        return self.out / self.x


def deviation(keep_prob: float) -> float:
    """Return the standard deviation that the factors should have."""
    return float(np.sqrt((1 - keep_prob) / keep_prob))


def forward(
    function: StudentFunction,
    x: np.ndarray,
    keep_prob: float,
    rng: np.random.Generator,
    training: bool | None = None,
) -> np.ndarray:
    """Return the output of one forward pass, checked to be a float array shaped like x;
    ``training`` is not passed when None. Raises ``CheckFailure``."""
    call = call_text(function.name, x.shape, keep_prob, training is not False)
    mode = {} if training is None else {"training": training}
    out = facts.pair(function(x, keep_prob, rng, **mode), call)[0]
    return facts.float_array(out, x.shape, call, "out")


def noisy(
    function: StudentFunction,
    trial: Trial,
    shape: Sequence[int],
    keep_prob: float,
    rng: np.random.Generator | None = None,
    training: bool | None = None,
) -> Noisy:
    """Return one forward pass on inputs without zeros, as ``forward`` does."""
    x = trial.inputs(*shape)
    rng = trial.generator() if rng is None else rng
    return Noisy(x, forward(function, x, keep_prob, rng, training))


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


#: Keep probabilities of the exact tests, on both sides of 0.5, that rounding to one
#: decimal place would change.
FINE_KEEP_PROBS = (0.83, 0.27)

# What the mean and the standard deviation of wrong factors are, for keep_prob p.
_MEANS: Mapping[str, Callable[[float], float]] = {
    Wrong.factors_have_mean_zero: lambda p: 0.0,
    Wrong.factors_have_mean_keep_prob: lambda p: p,
    Wrong.divides_the_noise_too: lambda p: 1 / p,
    Wrong.factors_preserve_the_norm: lambda p: p**0.5,
}
_DEVIATIONS: Mapping[str, Callable[[float], float]] = {
    Wrong.takes_the_variance_for_the_standard_deviation: lambda p: (1 - p) / p,
    Wrong.uses_the_root_of_the_drop_probability: lambda p: (1 - p) ** 0.5,
    Wrong.uses_the_drop_probability_as_standard_deviation: lambda p: 1 - p,
    Wrong.uses_the_spread_of_the_raw_mask: lambda p: (p * (1 - p)) ** 0.5,
    Wrong.swaps_keep_and_drop_in_the_factors: lambda p: (p / (1 - p)) ** 0.5,
}


def _law_mistake(function: StudentFunction, trial: Trial, share: float) -> str:
    """Return what is behind factors of a wrong law, measured on 160,000 fresh ones at
    each of two keep probabilities.

    Thresholds are at least five standard errors of what is compared with them."""
    draws = {p: noisy(function, trial, (400, 400), p) for p in FINE_KEEP_PROBS}
    factors = {p: got.factors for p, got in draws.items()}
    spread = {p: float(f.std()) for p, f in factors.items()}

    def mean_is(value: Callable[[float], float]) -> bool:
        return all(
            abs(f.mean() - value(p)) < 0.0125 * spread[p] for p, f in factors.items()
        )

    for name, value in _MEANS.items():
        if mean_is(value):
            return name
    zeros = [float((f == 0).mean()) for f in factors.values()]
    if max(zeros) > 0.1:
        return (
            Wrong.drops_units_as_well
            if min(zeros) > 0.1
            else Wrong.clips_negative_factors
        )
    for name, halves in (
        (Wrong.noise_depends_on_the_value, lambda x: (x > 0, np.abs(x) > 1.75)),
        (Wrong.noise_depends_on_the_place, _places),
    ):
        if any(_differ(g.factors, h) for g in draws.values() for h in halves(g.x)):
            return name
    return _shape_mistake(factors, spread, mean_is(lambda p: 1.0))


def _shape_mistake(
    factors: Mapping[float, np.ndarray],
    spread: Mapping[float, float],
    mean_is_one: bool,
) -> str:
    """Return what is behind factors of a wrong law that is the same everywhere."""
    high, low = FINE_KEEP_PROBS
    if mean_is_one:
        for name, value in _DEVIATIONS.items():
            if all(facts.close(s, value(p), rtol=0.015) for p, s in spread.items()):
                return name
        if facts.close(spread[high], spread[low], rtol=0.015):
            return Wrong.ignores_keep_prob_in_the_noise
    # Of 160,000 normal numbers of mean 1 and this spread, thousands are negative.
    if spread[low] > 0.6 and (factors[low] >= 0).all():
        return Wrong.factors_are_never_negative
    if not mean_is_one:
        return Wrong.factors_have_another_mean
    if all(np.abs(f - f.mean()).max() < 3 * spread[p] for p, f in factors.items()):
        return Wrong.factors_are_bounded
    right = all(facts.close(s, deviation(p), rtol=0.015) for p, s in spread.items())
    return Wrong.factors_are_not_normal if right else Wrong.factors_have_another_spread


def _places(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.indices(x.shape)
    return rows < x.shape[0] // 2, columns < x.shape[1] // 2


def _differ(factors: np.ndarray, half: np.ndarray) -> bool:
    """Return whether two halves of 160,000 factors differ in location or spread."""
    one, other = factors[half], factors[~half]
    near_one, near_other = (np.abs(f - 1).mean() for f in (one, other))
    return bool(
        abs((one > 1).mean() - (other > 1).mean()) > 0.02
        or abs(near_one - near_other) > 0.05 * min(near_one, near_other)
    )


_HALVES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "large": lambda x: np.abs(x) > 1.75,
    "positive": lambda x: x > 0,
    "front": lambda x: np.arange(x.size).reshape(x.shape) < x.size // 2,
}


def judge_factors(
    function: StudentFunction,
    trial: Trial,
    keep_prob: float,
    events: Mapping[str, tuple[str, Callable[[np.ndarray], np.ndarray]]],
    size: float = 1.0,
    mistake: str | None = None,
) -> None:
    """Draw as many factors as the looks need and count events in each of them.

    ``events`` maps a look to what is counted and a function of the standardised factors
    z. A look whose first word is in ``_HALVES`` counts in that half of the units only.
    ``size`` is the order of magnitude of x. ``mistake`` is what a wrong law is called;
    without it the law is looked into."""
    # Halves by value are halves on average: 4 % more is 7 standard errors.
    units = max(
        trial.size(look) * (2.08 if look.split(" ")[0] in _HALVES else 1)
        for look in events
    )
    x = np.tile(trial.inputs(100, 400), (int(units // 40_000) + 1, 1))
    z = forward(function, size * x, keep_prob, trial.generator()) / (size * x)
    z -= 1
    z /= deviation(keep_prob)
    for look, (what, event) in events.items():
        half = _HALVES.get(look.split(" ")[0])
        found = event(z if half is None else z[half(x)])
        where = "" if half is None else f", {look.split(',')[0]}"
        what = f"keep_prob = {keep_prob}{where}: factors {what}"
        name = mistake or partial(_law_mistake, function, trial)
        trial.judge(look, found, found.size, what, name)
