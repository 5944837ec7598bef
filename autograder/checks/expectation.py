"""The mask, and what it does to means, variances and sums: exactly, without simulation."""

import itertools
import math
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.facts import describe
from autograder.contract.mistakes import mistake
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import elementwise
from autograder.laws.binomial import Proportion, agreement, exact_count

CLOSE_BUT_NOT_EXACT = mistake(
    "close_but_not_exact",
    "your numbers are near the exact ones: either they are simulated, with a seed, or "
    "they are rounded; the exact value has a formula.",
    "exp-enumeration",
)
ANSWERS_AT_RANDOM = mistake(
    "answers_at_random",
    "your answer changes from call to call, as a simulation's does; the exact value has "
    "a formula.",
    "exp-enumeration",
)


def _leaves_x_alone(function: StudentFunction, call: str, *args: Any) -> None:
    _, after = function.observe(*args)
    if not np.array_equal(after[0], args[0]):
        raise CheckFailure(
            f"{call} changed x in place; x / c makes a new array, x /= c does not.",
            elementwise.CHANGES_ITS_INPUT,
        )


# ---------------------------------------------------------------- bernoulli_mask

mask_exercise = Exercise(
    "bernoulli_mask",
    chapter="expectation",
    title="Draw a mask that keeps each unit with probability keep_prob",
    signature="bernoulli_mask(shape, keep_prob, rng) -> bool array",
    section="exp-mean",
)

_KEEP_PROBS = (0.85, 0.3)
_INDEPENDENT = 0.7
_AXES = ("first", "second", "third", "fourth")
_SHAPES = ((9,), (6, 5), (3, 1, 4), (2, 3, 4, 3))

MASK_IS_RESCALED = mistake(
    "mask_is_already_rescaled",
    "a kept unit's entry is not 1 but already divided; the mask says kept or dropped, "
    "and the division by keep_prob comes later.",
    "exp-mean",
)
RETURNS_THE_RANDOM_NUMBERS = mistake(
    "returns_the_random_numbers",
    "your array holds the random numbers themselves; the mask is the answer to a "
    "comparison of them with keep_prob.",
    "exp-mean",
)
MASK_IS_NOT_BOOLEAN = mistake(
    "mask_is_not_boolean",
    "your mask holds the numbers 0 and 1; return the booleans False and True, as a "
    "comparison gives them.",
    "exp-mean",
)
ALL_ALIKE = mistake(
    "treats_all_units_alike",
    "a mask keeps all units or drops all; each unit needs a draw of its own.",
    "exp-variance",
)
KEEPS_AT_LEAST_ONE = mistake(
    "keeps_at_least_one",
    "you make sure that at least one unit is kept; when each is kept with probability "
    "keep_prob, all may be dropped.",
    "exp-mistakes",
)
TAKES_ZERO_FOR_UNSET = mistake(
    "takes_zero_for_unset",
    "keep_prob = 0 keeps everything, as when `if keep_prob` takes 0 for a number that was "
    "not given.",
    "exp-mean",
)


def _mask_call(shape: tuple[int, ...], keep_prob: float) -> str:
    return f"bernoulli_mask({shape}, {keep_prob}, rng)"


def _mask(
    function: StudentFunction,
    trial: Trial,
    shape: tuple[int, ...],
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Return one mask as a bool array, whatever kind of zeros and ones it came as."""
    call = _mask_call(shape, keep_prob)
    mask = function(shape, keep_prob, trial.generator() if rng is None else rng)
    trial.expect(
        mask is not None,
        f"{call} returned None: is a return statement missing?",
        facts.RETURNS_NOTHING,
    )
    trial.expect(
        isinstance(mask, np.ndarray) and mask.dtype.kind in "biuf",
        f"{call} returned {describe(mask)}; expected a bool array of shape {shape}.",
        facts.RETURNS_ANOTHER_KIND,
    )
    trial.expect(
        mask.shape == shape,
        f"{call} returned an array of shape {mask.shape}; expected {shape}.",
        facts.RETURNS_ANOTHER_SHAPE,
    )
    facts.finite(mask, call)
    odd = mask[(mask != 0) & (mask != 1)]
    if odd.size:
        trial.fail(
            f"{call}: {odd.size} of {mask.size} entries are neither 0 nor 1, the first is "
            f"{odd[0]:.4g}; expected True or False everywhere.",
            _name_of_odd_entries(mask),
        )
    return mask != 0


def _name_of_odd_entries(mask: np.ndarray) -> str | None:
    values = np.unique(mask)
    if mask.size > 4 and len(values) > mask.size / 2:
        return RETURNS_THE_RANDOM_NUMBERS
    two_valued = len(values) <= 2 and values[-1] > 1
    return MASK_IS_RESCALED if two_valued and len(values[values != 0]) == 1 else None


@mask_exercise.check(points=0.5)
def returns_zeros_and_ones_of_the_shape(
    bernoulli_mask: StudentFunction, trial: Trial
) -> None:
    """The mask is an array of the given shape whose entries are 0 or 1, False or True."""
    for shape in _SHAPES:
        for keep_prob in _KEEP_PROBS:
            _mask(bernoulli_mask, trial, shape, keep_prob)


@mask_exercise.check(points=0.25, after="returns_zeros_and_ones_of_the_shape")
def returns_booleans(bernoulli_mask: StudentFunction, trial: Trial) -> None:
    """The mask's dtype is bool."""
    for shape in _SHAPES:
        for keep_prob in (*_KEEP_PROBS, 0.0, 1.0):
            mask = bernoulli_mask(shape, keep_prob, trial.generator())
            trial.expect(
                isinstance(mask, np.ndarray) and mask.dtype == bool,
                f"{_mask_call(shape, keep_prob)} returned {describe(mask)}; expected "
                "dtype bool.",
                MASK_IS_NOT_BOOLEAN,
            )


@mask_exercise.check(points=0.5, after="returns_zeros_and_ones_of_the_shape")
def draws_from_the_given_rng_alone(
    bernoulli_mask: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same mask; another state, another mask."""
    seed, other = trial.new_seed(), trial.new_seed()
    first, again, different = (
        _mask(bernoulli_mask, trial, (40, 25), _INDEPENDENT, trial.generator(s))
        for s in (seed, seed, other)
    )
    trial.expect(
        np.array_equal(first, again),
        "Two generators in the same state gave different masks; expected equal ones.",
        elementwise.NOT_FROM_RNG,
    )
    # 1,000 independent bits agree by chance with probability 0.58 ** 1000.
    trial.expect(
        not np.array_equal(first, different),
        "Generators in different states gave the same mask; expected different ones.",
        elementwise.SAME_MASK_EVERY_CALL if 0 < first.mean() < 1 else None,
    )


def _shared_axes(mask: np.ndarray) -> tuple[bool, ...]:
    """Return, for each axis, whether all neighbours along it agree."""
    along = [np.moveaxis(mask, axis, 0) for axis in range(mask.ndim)]
    return tuple(np.array_equal(bits[1:], bits[:-1]) for bits in along)


def _name_of_sharing(shared: tuple[bool, ...]) -> str:
    """Return the mistake behind these shared axes of a 4-D mask."""
    named: dict[tuple[bool, ...], str] = {
        (True, True, True, True): ALL_ALIKE,
        (True, False, False, False): elementwise.ONE_MASK_FOR_ALL_ROWS,
        (True, True, True, False): elementwise.ONE_MASK_FOR_ALL_ROWS,
        (False, True, True, True): elementwise.ONE_BIT_PER_ROW,
        (False, False, False, True): elementwise.ONE_BIT_PER_ROW,
    }
    return named.get(shared, elementwise.SHARES_BITS)


@mask_exercise.check(points=0.5, after="returns_zeros_and_ones_of_the_shape")
def gives_every_unit_a_bit_of_its_own(
    bernoulli_mask: StudentFunction, trial: Trial
) -> None:
    """No axis shares bits, no row keeps a fixed number, no later call repeats a mask."""
    shape, rng = (20, 10, 12, 15), trial.generator()
    call = _mask_call(shape, _INDEPENDENT)
    mask = _mask(bernoulli_mask, trial, shape, _INDEPENDENT, rng)
    # Independent bits show these signs by chance with probability below 1e-19; masks
    # that take at most 1,000 values repeat in 200 calls with probability 1 - 1e-8.
    shared = _shared_axes(mask)
    axes = " and ".join(a for a, same in zip(_AXES, shared, strict=True) if same)
    trial.expect(
        not axes,
        f"{call}: all neighbours along the {axes} axis are kept or dropped together; "
        f"expected {_INDEPENDENT**2 + (1 - _INDEPENDENT) ** 2:.0%} of them to agree.",
        _name_of_sharing(shared),
    )
    counts = mask.sum(axis=-1)
    trial.expect(
        np.ptp(counts) > 1,
        f"{call}: each of the {counts.size:,} rows of {shape[-1]} units keeps "
        f"{counts.min()} or {counts.max()}; expected a number that varies more.",
        elementwise.SAME_COUNT_EVERY_TIME,
    )
    calls, call = 200, _mask_call((100,), _INDEPENDENT)
    drawn = {
        _mask(bernoulli_mask, trial, (100,), _INDEPENDENT, rng).tobytes()
        for _ in range(calls)
    }
    trial.expect(
        len(drawn) == calls,
        f"{call}, called {calls} times with one rng, gave {len(drawn)} different masks; "
        f"expected {calls}.",
        elementwise.SAME_MASK_EVERY_CALL
        if len(drawn) == 1
        else elementwise.REUSES_MASKS,
    )


def _name_of_rate(
    function: StudentFunction, trial: Trial, keep_prob: float, share: float
) -> str:
    def measure(keep_prob: float) -> float:
        return float(_mask(function, trial, (100, 100), keep_prob).mean())

    return elementwise.share_name(share, keep_prob, measure)


@mask_exercise.check(
    points=0.75,
    after="gives_every_unit_a_bit_of_its_own",
    looks={
        "kept at 0.85": Proportion(0.85, detects=0.01),
        "kept at 0.3": Proportion(0.3, detects=0.01),
        "front of a row kept at 0.3": Proportion(0.3, detects=0.02),
        "one unit kept at 0.3": Proportion(0.3, detects=0.6),
        "one unit kept at 0.85": Proportion(0.85, detects=0.8),
    },
)
def keeps_units_at_the_stated_rate(
    bernoulli_mask: StudentFunction, trial: Trial
) -> None:
    """Every unit is kept with probability keep_prob, in large masks and in tiny ones."""
    for keep_prob, width in zip(_KEEP_PROBS, ((5, 4, 5), (100,)), strict=True):
        look = f"kept at {keep_prob}"
        shape = (-(-trial.size(look) // math.prod(width)), *width)
        mask = _mask(bernoulli_mask, trial, shape, keep_prob)
        what = f"units kept at keep_prob = {keep_prob}"
        name = partial(_name_of_rate, bernoulli_mask, trial, keep_prob)
        trial.judge(look, mask, mask.size, what, name)
    look, front = "front of a row kept at 0.3", mask[:, :50]
    what = "units in the first half of a row kept at keep_prob = 0.3"
    trial.judge(look, front, front.size, what, elementwise.DEPENDS_ON_PLACE)
    for keep_prob in _KEEP_PROBS:
        look = f"one unit kept at {keep_prob}"
        calls = trial.size(look)
        kept = [_mask(bernoulli_mask, trial, (1,), keep_prob)[0] for _ in range(calls)]
        what = f"calls with shape (1,) and keep_prob = {keep_prob} that keep the unit"
        trial.judge(look, np.array(kept), calls, what, _name_of_constant_unit)


def _name_of_constant_unit(share: float) -> str | None:
    return {1.0: KEEPS_AT_LEAST_ONE, 0.0: elementwise.DROPS_AT_LEAST_ONE}.get(share)


@mask_exercise.check(points=0.25, after="keeps_units_at_the_stated_rate")
def keeps_nothing_at_zero_and_everything_at_one(
    bernoulli_mask: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 0 no unit is kept, at keep_prob = 1 every unit."""
    for keep_prob in (1.0, 0.0):
        for shape in ((20, 50), (5,)):
            kept = int(_mask(bernoulli_mask, trial, shape, keep_prob).sum())
            expected = round(keep_prob * math.prod(shape))
            trial.expect(
                kept == expected,
                f"{_mask_call(shape, keep_prob)} keeps {kept} of {math.prod(shape)} "
                f"units; expected {expected}.",
                _name_at_the_edge(keep_prob, kept / math.prod(shape)),
            )


def _name_at_the_edge(keep_prob: float, share: float) -> str | None:
    if keep_prob == 1 and share > 0.9:
        return elementwise.ROUNDS_KEEP_PROB
    return TAKES_ZERO_FOR_UNSET if (keep_prob, share) == (0, 1) else None


@mask_exercise.check(
    points=0.5,
    after="keeps_units_at_the_stated_rate",
    looks={
        "successive calls": agreement(_INDEPENDENT, detects=0.03),
        **{
            f"neighbours along the {axis} axis": agreement(_INDEPENDENT, detects=0.03)
            for axis in _AXES
        },
        "two halves": agreement(_INDEPENDENT, detects=0.03),
        "count in a row": exact_count(20, _INDEPENDENT),
        "count in a call": exact_count(20, _INDEPENDENT),
    },
)
def draws_every_unit_independently(
    bernoulli_mask: StudentFunction, trial: Trial
) -> None:
    """Bits along every axis and of successive calls are independent; the count varies."""
    pairs = max(trial.size(look) for look in trial.check.looks if "count" not in look)
    shape = (2 * -(-pairs // 1440), 10, 12, 12)
    rng = trial.generator()
    first = _mask(bernoulli_mask, trial, shape, _INDEPENDENT, rng)
    second = _mask(bernoulli_mask, trial, shape, _INDEPENDENT, rng)
    _judge_pairs(trial, "successive calls", first, second)
    for i, axis in enumerate(_AXES):
        bits = np.moveaxis(first, i, 0)
        look = f"neighbours along the {axis} axis"
        _judge_pairs(trial, look, bits[::2], bits[1::2])
    front, back = np.split(first.reshape(-1), 2)
    _judge_pairs(trial, "two halves", front, back)
    _judge_counts(bernoulli_mask, trial, rng)


def _judge_pairs(trial: Trial, look: str, a: np.ndarray, b: np.ndarray) -> None:
    same = a == b
    what = f"mask bits that agree, {look}"
    trial.judge(look, same, same.size, what, elementwise.DEPENDENT_BITS)


def _judge_counts(
    function: StudentFunction, trial: Trial, rng: np.random.Generator
) -> None:
    """Count the rows, and the calls, of 20 units that keep exactly their mean."""
    mean = round(20 * _INDEPENDENT)

    def fixed(share: float) -> str:
        return (
            elementwise.SAME_COUNT_EVERY_TIME
            if share == 1
            else elementwise.DEPENDENT_BITS
        )

    rows = trial.size("count in a row")
    kept = _mask(function, trial, (rows, 20), _INDEPENDENT, rng).sum(axis=1)
    what = f"rows of 20 units that keep exactly {mean}"
    trial.judge("count in a row", kept == mean, rows, what, fixed)
    calls = trial.size("count in a call")
    kept = np.array(
        [_mask(function, trial, (4, 5), _INDEPENDENT, rng).sum() for _ in range(calls)]
    )
    what = f"calls with shape (4, 5) that keep exactly {mean}"
    trial.judge("count in a call", kept == mean, calls, what, fixed)


# --------------------------------------------------------------- dropout_moments

moments = Exercise(
    "dropout_moments",
    chapter="expectation",
    title="State the mean and the variance of each dropped unit",
    signature="dropout_moments(x, keep_prob) -> (mean, variance)",
    section="exp-variance",
)

FORGETS_THE_DIVISION = mistake(
    "forgets_the_division",
    "you describe mask * x; inverted dropout's output is mask * x / keep_prob.",
    "exp-variance",
)
GIVES_THE_KEPT_VALUE = mistake(
    "gives_the_kept_value_as_mean",
    "your mean is x / keep_prob, what the unit gives when it is kept; when it is "
    "dropped it gives 0, and the mean weighs both.",
    "exp-mean",
)
AVERAGES_OVER_UNITS = mistake(
    "averages_over_the_units",
    "you average over the units of x; mean and variance are over the masks, one for "
    "each unit.",
    "exp-mean",
)
GIVES_THE_SECOND_MOMENT = mistake(
    "gives_the_second_moment",
    "your variance is x² / keep_prob, the mean of the square; subtract the square of "
    "the mean.",
    "exp-variance",
)
GIVES_THE_STANDARD_DEVIATION = mistake(
    "gives_the_standard_deviation",
    "you give the standard deviation; the variance is its square.",
    "exp-variance",
)
DIVIDES_THE_VARIANCE_ONCE = mistake(
    "divides_the_variance_once",
    "you divide the variance of mask * x by keep_prob once; a constant factor enters a "
    "variance squared.",
    "exp-variance",
)
SWAPS_ODDS = mistake(
    "swaps_keep_and_drop_in_the_variance",
    "your variance is x² p / (1 − p) for p = keep_prob, which grows as fewer units are "
    "dropped; it is x² (1 − p) / p.",
    "exp-variance",
)
FORGETS_TO_SQUARE = mistake(
    "forgets_to_square_x",
    "your variance is proportional to x; it is proportional to x².",
    "exp-variance",
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
                AVERAGES_OVER_UNITS
                if facts.close(found, over_units)
                else facts.RETURNS_ANOTHER_SHAPE,
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


@moments.check(points=0.25)
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
                ANSWERS_AT_RANDOM,
            )


@moments.check(points=0.25, after="returns_two_float_arrays_of_the_input_shape")
def moments_leave_x_alone(dropout_moments: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before."""
    x = trial.inputs(6, 5)
    _leaves_x_alone(dropout_moments, _moments_call(x, 0.8), x, 0.8)


def _matches(found: np.ndarray, expected: np.ndarray, size: np.ndarray) -> bool:
    """Return whether arrays agree to 1e-5 of ``size``, which rounding errors follow."""
    return bool((np.abs(found - expected) <= 1e-5 * np.abs(size)).all())


@moments.check(points=0.25, after="returns_two_float_arrays_of_the_input_shape")
def the_mean_is_x(dropout_moments: StudentFunction, trial: Trial) -> None:
    """The mean of each unit over the masks is what it was without dropout."""
    for x, keep_prob in _moment_inputs(trial):
        mean, _ = _moments(dropout_moments, x, keep_prob)
        named = {
            FORGETS_THE_DIVISION: keep_prob * x,
            GIVES_THE_KEPT_VALUE: x / keep_prob,
            AVERAGES_OVER_UNITS: np.full_like(x, x.mean()),
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
    return CLOSE_BUT_NOT_EXACT if near.all() else None


@moments.check(points=1.25, after="returns_two_float_arrays_of_the_input_shape")
def the_variance_is_that_of_the_rescaled_unit(
    dropout_moments: StudentFunction, trial: Trial
) -> None:
    """The variance of each unit over the masks is x² (1 − keep_prob) / keep_prob."""
    for x, p in _moment_inputs(trial):
        _, variance = _moments(dropout_moments, x, p)
        q = 1 - p
        expected = x**2 * q / p
        named = {
            FORGETS_THE_DIVISION: x**2 * p * q,
            GIVES_THE_SECOND_MOMENT: x**2 / p,
            GIVES_THE_STANDARD_DEVIATION: np.abs(x) * math.sqrt(q / p),
            DIVIDES_THE_VARIANCE_ONCE: x**2 * q,
            SWAPS_ODDS: x**2 * p / q,
            FORGETS_TO_SQUARE: x * q / p,
            AVERAGES_OVER_UNITS: np.full_like(x, x.var()),
        }
        if not _matches(variance, expected, x**2 / p):
            fits = (n for n, wrong in named.items() if facts.close(variance, wrong))
            trial.fail(
                f"{_moments_call(x, p)}: variance is not right; "
                f"{facts.worst(variance, expected)}.",
                next(fits, _name_of_near(variance, expected)),
            )


@moments.check(
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


# --------------------------------------------------------------- effective_count

count = Exercise(
    "effective_count",
    chapter="expectation",
    title="Say how many equal contributions a sum is worth",
    signature="effective_count(x) -> float",
    section="exp-effective-count",
)

INVERTS_THE_RATIO = mistake(
    "inverts_the_ratio",
    "you give one over the effective count: the squared sum belongs in the numerator.",
    "exp-effective-count",
)
COUNTS_THE_UNITS = mistake(
    "counts_the_units",
    "you count contributions, small and large alike; a small one counts for less.",
    "exp-effective-count",
)
ASSUMES_SHARES = mistake(
    "assumes_that_x_sums_to_one",
    "you give 1 / Σx², which is the effective count only when x sums to 1.",
    "exp-effective-count",
)
SQUARES_BEFORE_SUMMING = mistake(
    "squares_before_summing",
    "numerator and denominator are equal: you square the contributions in both; the "
    "numerator is the square of the sum.",
    "exp-effective-count",
)
FORGETS_TO_SQUARE_THE_SUM = mistake(
    "forgets_to_square_the_sum",
    "your numerator is the sum, not its square, so the answer depends on the unit of "
    "measurement.",
    "exp-effective-count",
)
COUNTS_BY_ENTROPY = mistake(
    "counts_by_entropy",
    "you give the exponential of the entropy, another effective number; the one that "
    "sets the noise of a sum is (Σx)² / Σx².",
    "exp-effective-count",
)
COUNTS_BY_THE_LARGEST = mistake(
    "counts_by_the_largest",
    "you divide the sum by the largest contribution; that ignores how the others are "
    "spread.",
    "exp-effective-count",
)
TAKES_ABSOLUTE_VALUES = mistake(
    "takes_absolute_values",
    "you take absolute values before summing; contributions of opposite sign cancel in "
    "the sum.",
    "exp-effective-count",
)
ROUNDS_THE_COUNT = mistake(
    "rounds_the_count",
    "your answer is the effective count rounded to a whole number; it need not be one.",
    "exp-effective-count",
)
USES_THE_SAMPLE_VARIANCE = mistake(
    "uses_the_sample_variance",
    "you compute n / (1 + s² / mean²) with the variance that divides by n − 1; with n it "
    "would be (Σx)² / Σx².",
    "exp-effective-count",
)
SINGLES_OUT_EQUAL_ONES = mistake(
    "singles_out_equal_contributions",
    "equal contributions are treated apart: either they are merged into one, or a special "
    "case catches them; the formula needs none.",
    "exp-effective-count",
)
IGNORES_NEGATIVE_ONES = mistake(
    "ignores_negative_contributions",
    "only positive contributions count in your answer; negative ones count, and cancel.",
    "exp-effective-count",
)
NEVER_BELOW_ONE = mistake(
    "never_below_one",
    "you return 1 where the count is smaller; contributions of opposite sign can cancel "
    "down to 0.",
    "exp-effective-count",
)
DEPENDS_ON_THE_SCALE = mistake(
    "depends_on_the_scale",
    "your answer depends on the scale of x, as when a small constant is added to a "
    "divisor or small values are rounded; x is not all zeros, so Σx² needs no help.",
    "exp-effective-count",
)


def _count(function: StudentFunction, x: np.ndarray) -> float:
    return facts.number(function(x), f"effective_count(x with {len(x)} entries)")


def _shown(x: np.ndarray) -> str:
    """Return the call on a short vector, in full."""
    return f"effective_count([{', '.join(f'{v:.4g}' for v in x)}])"


def _effective(x: np.ndarray) -> float:
    scaled = x / np.abs(x).max()
    return float(scaled.sum() ** 2 / (scaled**2).sum())


def _expect_count(
    function: StudentFunction,
    trial: Trial,
    x: np.ndarray,
    named: Mapping[str, float] | None = None,
    otherwise: str | None = None,
) -> None:
    """Check the count of one vector; ``named`` maps mistakes to what they would give,
    ``otherwise`` is the mistake when none does."""
    found, expected = _count(function, x), _effective(x)
    if not facts.close(found, expected, atol=1e-5):
        fits = (n for n, v in (named or {}).items() if facts.close(found, v))
        rounded = ROUNDS_THE_COUNT if found in _whole(expected) else otherwise
        trial.fail(
            f"{_shown(x)} is {found:.6g}; expected {expected:.6g}.", next(fits, rounded)
        )


def _whole(number: float) -> set[int]:
    """Return the whole numbers beside a number that is not whole."""
    return {math.floor(number), math.ceil(number)} if number % 1 else set()


@count.check(points=0.25)
def returns_one_number(effective_count: StudentFunction, trial: Trial) -> None:
    """The effective count is one finite number, the same at every call."""
    for n in (2, 10, 40):
        x = np.abs(trial.inputs(n))
        first, again = _count(effective_count, x), _count(effective_count, x)
        trial.expect(
            facts.close(first, again),
            f"effective_count gave {first:.6g} and {again:.6g} for the same x.",
            ANSWERS_AT_RANDOM,
        )


@count.check(points=0.5, after="returns_one_number")
def is_the_squared_sum_over_the_sum_of_squares(
    effective_count: StudentFunction, trial: Trial
) -> None:
    """Unequal positive contributions count (Σx)² / Σx²."""
    vectors = [
        np.array([14.1, 13.1, 1.2, 0.8, 2.1, 0.5, 1.7, 0.9, 1.1, 0.6]),
        np.array([3.0, 1.0]),
        *(np.exp(trial.rng.normal(0, 1.5, n)) for n in (5, 8)),
    ]
    for x in vectors:
        shares = x / x.sum()
        named = {
            INVERTS_THE_RATIO: 1 / _effective(x),
            COUNTS_THE_UNITS: float(len(x)),
            SQUARES_BEFORE_SUMMING: 1.0,
            ASSUMES_SHARES: float(1 / (x**2).sum()),
            FORGETS_TO_SQUARE_THE_SUM: float(x.sum() / (x**2).sum()),
            COUNTS_BY_ENTROPY: float(np.exp(-(shares * np.log(shares)).sum())),
            COUNTS_BY_THE_LARGEST: float(1 / shares.max()),
            USES_THE_SAMPLE_VARIANCE: len(x) / (1 + x.var(ddof=1) / x.mean() ** 2),
        }
        _expect_count(effective_count, trial, x, named)


@count.check(points=0.25, after="is_the_squared_sum_over_the_sum_of_squares")
def counting_leaves_x_alone(effective_count: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before."""
    x = trial.inputs(8)
    _leaves_x_alone(effective_count, _shown(x), x)


@count.check(points=0.25, after="is_the_squared_sum_over_the_sum_of_squares")
def counts_equal_contributions_once_each(
    effective_count: StudentFunction, trial: Trial
) -> None:
    """Equal contributions count one each, zeros nothing; a single one counts 1."""
    size = float(np.abs(trial.inputs(1)[0]))
    for equal, zeros in ((7, 0), (4, 6), (1, 0), (1, 3)):
        x = trial.rng.permutation(np.repeat([size, 0.0], [equal, zeros]))
        _expect_count(effective_count, trial, x, otherwise=SINGLES_OUT_EQUAL_ONES)


@count.check(points=0.25, after="is_the_squared_sum_over_the_sum_of_squares")
def does_not_depend_on_the_scale(
    effective_count: StudentFunction, trial: Trial
) -> None:
    """Multiplying all contributions by one constant changes nothing."""
    x = np.exp(trial.rng.normal(size=6))
    for scale in (1e-7, 1e7):
        found, expected = _count(effective_count, scale * x), _effective(x)
        trial.expect(
            facts.close(found, expected),
            f"{_shown(scale * x)} is {found:.6g}; expected {expected:.6g}, as "
            f"without the factor {scale:g}.",
            DEPENDS_ON_THE_SCALE,
        )


@count.check(points=0.25, after="is_the_squared_sum_over_the_sum_of_squares")
def lets_opposite_signs_cancel(effective_count: StudentFunction, trial: Trial) -> None:
    """Contributions of opposite sign cancel in the sum; if they all do, the count is 0."""
    mixed = np.abs(trial.inputs(5)) * np.array([2.0, -1.0, 2.0, -1.0, 2.0])
    for x in (-np.abs(mixed), mixed, np.array([3.0, -1.0, -2.0])):
        named = {TAKES_ABSOLUTE_VALUES: _effective(np.abs(x))}
        if _effective(x) < 1:
            named[NEVER_BELOW_ONE] = 1.0
        if (x > 0).any():
            named[IGNORES_NEGATIVE_ONES] = _effective(x[x > 0])
        _expect_count(effective_count, trial, x, named, IGNORES_NEGATIVE_ONES)


# ------------------------------------------------------ rescaled_sum_distribution

distribution = Exercise(
    "rescaled_sum_distribution",
    chapter="expectation",
    title="Compute the distribution of a dropped layer's sum over all its masks",
    signature="rescaled_sum_distribution(x, keep_prob) -> (values, probabilities)",
    section="exp-enumeration",
)

SUMS_WITHOUT_RESCALING = mistake(
    "sums_without_rescaling",
    "your values are the sums of the kept entries; divide them by keep_prob.",
    "exp-mean",
)
DIVIDES_SUMS_BY_DROP_PROBABILITY = mistake(
    "divides_sums_by_drop_probability",
    "you divide the sums by 1 − keep_prob; divide by keep_prob.",
    "exp-mean",
)
DIVIDES_SUMS_BY_KEPT_FRACTION = mistake(
    "divides_sums_by_kept_fraction",
    "you divide each sum by the fraction that its mask keeps; divide by keep_prob, the "
    "same for every mask.",
    "exp-mistakes",
)
LEAVES_OUT_A_MASK = mistake(
    "leaves_out_a_mask",
    "you leave out the mask that drops every unit or the one that keeps every unit; both "
    "belong to the 2ⁿ masks.",
    "exp-enumeration",
)
WEIGHS_MASKS_EQUALLY = mistake(
    "weighs_masks_equally",
    "you give all masks the same probability, which is right at keep_prob = 0.5 alone; "
    "a mask that keeps K of n units has p^K (1 − p)^(n − K).",
    "exp-enumeration",
)
SWAPS_PROBABILITIES = mistake(
    "swaps_keep_and_drop_in_the_probabilities",
    "your probabilities are those of masks that keep with probability 1 − keep_prob.",
    "exp-enumeration",
)
FORGETS_THE_DROPPED_UNITS = mistake(
    "forgets_the_dropped_units",
    "your probabilities multiply keep_prob for each kept unit, and nothing for a dropped "
    "one; each dropped unit contributes 1 − keep_prob.",
    "exp-enumeration",
)
WEIGHS_MASKS_BY_THE_COUNT = mistake(
    "weighs_masks_by_the_count",
    "you give each mask the binomial probability of its number of kept units, which all "
    "masks with that number share.",
    "exp-enumeration",
)
MISALIGNED = mistake(
    "misaligns_values_and_probabilities",
    "your probabilities are the right ones, but they stand beside the wrong values, as "
    "when only one of the two arrays is sorted.",
    "exp-enumeration",
)
AVERAGES_THE_SUM = mistake(
    "averages_instead_of_summing",
    "your values are means of the rescaled units; the exercise asks for their sum.",
    "exp-enumeration",
)
GIVES_THE_MEAN_ALONE = mistake(
    "gives_the_mean_alone",
    "you return the one sum that dropout has on average; the distribution lists the sum "
    "of every mask.",
    "exp-enumeration",
)
GIVES_PERCENTAGES = mistake(
    "gives_percentages",
    "your probabilities add up to 100: they are percentages.",
    "exp-enumeration",
)
COUNTS_EQUAL_SUMS_TWICE = mistake(
    "counts_equal_sums_twice",
    "masks with equal sums are added up and listed each as well, so that their "
    "probability counts more than once.",
    "exp-enumeration",
)
LOSES_EQUAL_SUMS = mistake(
    "loses_equal_sums",
    "masks with equal sums overwrite each other and their probability is lost; add the "
    "probabilities, or list each mask.",
    "exp-enumeration",
)

Masses = tuple[np.ndarray, np.ndarray]


def _sum_call(x: np.ndarray, keep_prob: float) -> str:
    listed = (
        f"[{', '.join(f'{v:.4g}' for v in x)}]" if len(x) <= 6 else f"x, n = {len(x)}"
    )
    return f"rescaled_sum_distribution({listed}, {keep_prob})"


def _masses(function: StudentFunction, x: np.ndarray, keep_prob: float) -> Masses:
    """Return values and probabilities, in order of value. Raises ``CheckFailure``."""
    call = _sum_call(x, keep_prob)
    items = facts.pair(function(x, keep_prob), call, "(values, probabilities)")
    for item, what in zip(items, ("values", "probabilities"), strict=True):
        if not isinstance(item, np.ndarray) or item.ndim != 1:
            raise CheckFailure(
                f"{call}: {what} is {describe(item)}; expected a 1-D array.",
                facts.RETURNS_ANOTHER_KIND,
            )
        facts.float_array(item, item.shape, call, what)
    values, probabilities = items
    if values.shape != probabilities.shape:
        raise CheckFailure(
            f"{call} returned {len(values)} values but {len(probabilities)} "
            "probabilities; expected one probability for each value.",
            facts.RETURNS_ANOTHER_SHAPE,
        )
    order = np.argsort(values, kind="stable")
    return values[order].astype(float), probabilities[order].astype(float)


@cache
def _all_masks(n: int) -> np.ndarray:
    """Return the 2**n masks of n units, the empty one first and the full one last."""
    return np.array(list(itertools.product([0, 1], repeat=n)), dtype=float)


def _exact(x: np.ndarray, p: float) -> Masses:
    bits = _all_masks(len(x))
    kept = bits.sum(axis=1)
    return bits @ x / p, p**kept * (1 - p) ** (len(x) - kept)


def _grain(x: np.ndarray, keep_prob: float) -> float:
    """Return the difference below which two sums count as equal: rounding in float32."""
    return 3e-6 * float(np.abs(x).sum()) / keep_prob


def _lacks(values: np.ndarray, among: np.ndarray, grain: float) -> np.ndarray:
    """Return those ``values`` that have no neighbour within ``grain`` in ``among``."""
    if not len(among):
        return values
    among = np.sort(among)
    right = np.clip(np.searchsorted(among, values), 0, len(among) - 1)
    left = np.maximum(right - 1, 0)
    gap = np.minimum(np.abs(among[right] - values), np.abs(among[left] - values))
    return values[gap > grain]


def _same_values(a: np.ndarray, b: np.ndarray, grain: float) -> bool:
    return not (_lacks(a, b, grain).size or _lacks(b, a, grain).size)


def _gap(a: Masses, b: Masses, grain: float) -> tuple[float, float, float]:
    """Return the place of the largest difference of two distributions, and both masses
    there. Values that a chain of steps below ``grain`` joins are one place."""
    values = np.concatenate([a[0], b[0]])
    order = np.argsort(values, kind="stable")
    place = np.empty(len(values), dtype=int)
    place[order] = np.concatenate([[0], np.cumsum(np.diff(values[order]) > grain)])
    mass_a = np.bincount(place[: len(a[0])], a[1], minlength=place.max() + 1)
    mass_b = np.bincount(place[len(a[0]) :], b[1], minlength=place.max() + 1)
    worst = int(np.argmax(np.abs(mass_a - mass_b)))
    return float(values[place == worst][0]), float(mass_a[worst]), float(mass_b[worst])


def _same_masses(found: Masses, expected: Masses, grain: float) -> bool:
    _, a, b = _gap(found, expected, grain)
    return abs(a - b) <= 1e-5 * float(np.abs(expected[1]).max())


def _sum_inputs(trial: Trial) -> list[tuple[np.ndarray, float]]:
    """Return vectors whose sums over the masks differ, and keep probabilities."""
    return [
        (np.array([1.0, 2.0, 4.0, -8.0]), 0.8),
        (np.array([2.5]), 0.3),
        (np.array([14.1, 13.1, 1.2, 0.8, 2.1, 0.5]), 0.3),
        (trial.inputs(12), 0.8),
    ]


@distribution.check(points=0.25)
def returns_values_and_probabilities(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """Values and probabilities are 1-D float arrays of one length, the same each call."""
    for x, keep_prob in _sum_inputs(trial)[:3]:
        first = _masses(rescaled_sum_distribution, x, keep_prob)
        again = _masses(rescaled_sum_distribution, x, keep_prob)
        grain = _grain(x, keep_prob)
        trial.expect(
            len(first[0]) > 0, f"{_sum_call(x, keep_prob)} returned empty arrays."
        )
        trial.expect(
            _same_values(first[0], again[0], grain)
            and _same_masses(first, again, grain),
            f"{_sum_call(x, keep_prob)} gave two different answers in two calls.",
            ANSWERS_AT_RANDOM,
        )


def _name_of_values(values: np.ndarray, x: np.ndarray, p: float) -> str | None:
    bits = _all_masks(len(x))
    grain = _grain(x, p)
    fractions = np.maximum(bits.mean(axis=1), 0.5 / len(x))
    expected = bits @ x / p
    named: dict[str, list[np.ndarray]] = {
        SUMS_WITHOUT_RESCALING: [bits @ x],
        DIVIDES_SUMS_BY_DROP_PROBABILITY: [bits @ x / (1 - p)],
        DIVIDES_SUMS_BY_KEPT_FRACTION: [
            bits @ x / fractions,
            (bits @ x / fractions)[1:],
        ],
        LEAVES_OUT_A_MASK: [expected[1:], expected[:-1], expected[1:-1]],
        AVERAGES_THE_SUM: [expected / len(x)],
        GIVES_THE_MEAN_ALONE: [np.array([x.sum()])],
    }
    hits = (
        name
        for name, candidates in named.items()
        if any(_same_values(values, wrong, grain) for wrong in candidates)
    )
    near = 0.02 * float(np.abs(expected).max())
    close = CLOSE_BUT_NOT_EXACT if _same_values(values, expected, near) else None
    return next(hits, close)


@distribution.check(points=0.75, after="returns_values_and_probabilities")
def lists_every_rescaled_sum(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """The values are the sums of the kept entries over keep_prob, for all 2ⁿ masks."""
    for x, keep_prob in _sum_inputs(trial):
        values, _ = _masses(rescaled_sum_distribution, x, keep_prob)
        expected, grain = _exact(x, keep_prob)[0], _grain(x, keep_prob)
        extra, absent = _lacks(values, expected, grain), _lacks(expected, values, grain)
        if not (extra.size or absent.size):
            continue
        seen = (
            f"the values hold {extra[0]:.6g}, which no mask gives" if extra.size else ""
        )
        gone = (
            f"the values lack {absent[0]:.6g}, which a mask gives"
            if absent.size
            else ""
        )
        trial.fail(
            f"{_sum_call(x, keep_prob)}: {' and '.join(filter(None, (seen, gone)))}.",
            _name_of_values(values, x, keep_prob),
        )


@distribution.check(points=0.25, after="lists_every_rescaled_sum")
def enumerating_leaves_x_alone(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """x is the same after the call as before."""
    x = trial.inputs(5)
    _leaves_x_alone(rescaled_sum_distribution, _sum_call(x, 0.8), x, 0.8)


def _name_of_masses(found: Masses, x: np.ndarray, p: float) -> str | None:
    """Return the mistake whose probabilities these are, up to a common factor."""
    sums, exact = _exact(x, p)
    kept, n = _all_masks(len(x)).sum(axis=1), len(x)
    choices = np.array([math.comb(n, int(k)) for k in kept])
    named = {
        WEIGHS_MASKS_EQUALLY: np.ones(2**n),
        SWAPS_PROBABILITIES: (1 - p) ** kept * p ** (n - kept),
        FORGETS_THE_DROPPED_UNITS: p**kept,
        WEIGHS_MASKS_BY_THE_COUNT: choices * p**kept * (1 - p) ** (n - kept),
    }
    total = found[1].sum()
    if total <= 0:
        return None
    shares = found[0], found[1] / total
    hits = (
        name
        for name, weights in named.items()
        if _same_masses(shares, (sums, weights / weights.sum()), _grain(x, p))
    )
    shuffled = len(exact) == len(found[1]) and facts.close(
        np.sort(found[1]), np.sort(exact)
    )
    return next(hits, MISALIGNED if shuffled else _name_of_total(found, (sums, exact)))


def _name_of_total(found: Masses, exact: Masses) -> str | None:
    """Return the mistake of probabilities that are wrong in another way than any weight."""
    if facts.close(found[1].sum(), 100):
        return GIVES_PERCENTAGES
    near = facts.close(found[1].sum(), 1) and len(found[1]) > 1
    return CLOSE_BUT_NOT_EXACT if near and _distance(found, exact) < 0.1 else None


def _distance(a: Masses, b: Masses) -> float:
    """Return the largest difference of two distribution functions."""
    steps = np.concatenate([a[0], b[0]])

    def below(masses: Masses) -> np.ndarray:
        order = np.argsort(masses[0], kind="stable")
        total = np.concatenate([[0.0], np.cumsum(masses[1][order])])
        return total[np.searchsorted(masses[0][order], steps, side="right")]

    return float(np.abs(below(a) - below(b)).max())


@distribution.check(points=0.25, after="lists_every_rescaled_sum")
def the_probabilities_sum_to_one(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """The probabilities are not negative and add up to 1."""
    for x, keep_prob in _sum_inputs(trial):
        found = _masses(rescaled_sum_distribution, x, keep_prob)
        call = _sum_call(x, keep_prob)
        least, total = float(found[1].min()), float(found[1].sum())
        trial.expect(least >= 0, f"{call}: a probability is negative, {least:.4g}.")
        if not facts.close(total, 1):
            trial.fail(
                f"{call}: the probabilities add up to {total:.6g}; expected 1.",
                _name_of_masses(found, x, keep_prob),
            )


@distribution.check(points=0.75, after="lists_every_rescaled_sum")
def weighs_each_mask_by_its_probability(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """Each sum has the probability of the masks that give it."""
    for x, keep_prob in _sum_inputs(trial):
        found = _masses(rescaled_sum_distribution, x, keep_prob)
        expected, grain = _exact(x, keep_prob), _grain(x, keep_prob)
        if not _same_masses(found, expected, grain):
            value, is_, should = _gap(found, expected, grain)
            trial.fail(
                f"{_sum_call(x, keep_prob)}: the sum {value:.6g} has probability "
                f"{is_:.6g}; expected {should:.6g}.",
                _name_of_masses(found, x, keep_prob),
            )


@distribution.check(points=0.25, after="weighs_each_mask_by_its_probability")
def equal_sums_keep_their_probability(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """When several masks give one sum, their probabilities add up."""
    for x, keep_prob in (
        (np.array([1.0, 1.0, 2.0, 0.0]), 0.8),
        (np.array([1.5, -1.5, 3.0]), 0.3),
        (np.ones(12), 0.3),
        (np.zeros(3), 0.8),
    ):
        found = _masses(rescaled_sum_distribution, x, keep_prob)
        # All sums of a zero vector are equal, so any positive grain will do.
        expected, grain = _exact(x, keep_prob), _grain(x, keep_prob) or 1e-12
        if not _same_masses(found, expected, grain):
            value, is_, should = _gap(found, expected, grain)
            lost = should - is_ > 1e-5 and found[1].sum() < 1 - 1e-5
            trial.fail(
                f"{_sum_call(x, keep_prob)}: the sum {value:.6g} has probability "
                f"{is_:.6g}; expected {should:.6g}.",
                LOSES_EQUAL_SUMS if lost else COUNTS_EQUAL_SUMS_TWICE,
            )


@distribution.check(points=0.25, after="weighs_each_mask_by_its_probability")
def has_one_outcome_at_keep_prob_one(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1 the sum of x has probability 1, every other sum 0."""
    x = trial.inputs(5)
    found = _masses(rescaled_sum_distribution, x, 1.0)
    expected = np.array([x.sum()]), np.ones(1)
    if not _same_masses(found, expected, _grain(x, 1.0)):
        value, is_, should = _gap(found, expected, _grain(x, 1.0))
        trial.fail(
            f"{_sum_call(x, 1.0)}: the sum {value:.6g} has probability {is_:.6g}; "
            f"expected {should:.6g}."
        )
