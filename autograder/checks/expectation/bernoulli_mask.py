"""bernoulli_mask: draw a mask that keeps each unit with probability keep_prob."""

import math
from collections import Counter
from functools import partial
from typing import Any

import numpy as np

from autograder.checks.expectation import one_mask
from autograder.checks.expectation.one_mask import bits_of, mask_call, mask_of, masks_of
from autograder.contract import domain
from autograder.contract.exercise import Exercise
from autograder.contract.facts import describe
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import (
    departures,
    elementwise,
    everywhere,
    follows_rng,
    kinds,
    lags,
    small_calls,
)
from autograder.laws.binomial import Proportion, agreement, exact_count, near_count


def _has_sides(number: int) -> domain.Fits:
    return lambda shape: len(shape) == number


exercise = Exercise(
    "bernoulli_mask",
    chapter="expectation",
    title="Draw a mask that keeps each unit with probability keep_prob",
    signature="bernoulli_mask(shape, keep_prob, rng) -> bool array",
    section="exp-mean",
    takes={
        "shape": domain.Range(
            "`shape` is a tuple of 1 to 4 integers",
            {
                **{f"{n} axes": _has_sides(n) for n in range(1, 5)},
                "a side of 1": lambda shape: 1 in shape,
            },
        ),
        "keep_prob": domain.keep_probs_from_0("`keep_prob` is a float from 0 to 1"),
    },
)


class Wrong(Mistakes, section="exp-mean"):
    mask_is_not_boolean = """your mask holds the numbers 0 and 1; return the booleans
        False and True, as a comparison gives them."""
    treats_all_units_alike = at(
        "exp-variance",
        "a mask keeps all units or drops all; each unit needs a draw of its own.",
    )
    keeps_at_least_one = at(
        "exp-mistakes",
        "at least one unit is kept every time: either you make sure of that, or few units "
        "are kept at another rate; when each is kept with probability keep_prob, all may be "
        "dropped.",
    )
    takes_zero_for_unset = """keep_prob = 0 keeps everything, as when `if keep_prob`
        takes 0 for a number that was not given."""


_KEEP_PROBS, _INDEPENDENT = (0.85, 0.3), 0.7
#: Near 0 and 1, and between tenths, a keep probability that is rounded or bounded shows.
_FINE = {0.998: 0.0019, 0.002: 0.0019, 0.115: 0.01}
#: The shape of a large call, and how far from its mean a count is near it.
_LARGE, _NEAR = (30, 40), 8
_CONSTANT_UNIT: dict[float, str] = {
    1: Wrong.keeps_at_least_one,
    0: elementwise.Wrong.drops_at_least_one,
}
_DEPENDENT = elementwise.Wrong.bits_depend_on_each_other
_AXES = ("first", "second", "third", "fourth")
_SHAPES = ((9,), (6, 5), (3, 1, 4), (2, 3, 4, 3))


@exercise.check(points=0.5)
def returns_zeros_and_ones_of_the_shape(
    bernoulli_mask: StudentFunction, trial: Trial
) -> None:
    """The mask is an array of the given shape whose entries are 0 or 1, False or True."""
    for shape in _SHAPES:
        for keep_prob in _KEEP_PROBS:
            mask_of(bernoulli_mask, trial, shape, keep_prob)


@exercise.check(points=0.25, after="returns_zeros_and_ones_of_the_shape")
def returns_booleans(bernoulli_mask: StudentFunction, trial: Trial) -> None:
    """The mask's dtype is bool."""
    for shape in _SHAPES:
        for keep_prob in (*_KEEP_PROBS, 0.0, 1.0):
            mask = bernoulli_mask(shape, keep_prob, trial.generator())
            # What is no mask at all has another name than one of numbers.
            bits_of(trial, mask, shape, keep_prob)
            trial.expect(
                mask.dtype == bool,
                f"{mask_call(shape, keep_prob)} returned {describe(mask)}; expected "
                "dtype bool.",
                Wrong.mask_is_not_boolean,
            )


@exercise.check(points=0.5, after="returns_zeros_and_ones_of_the_shape")
def draws_from_the_given_rng_alone(
    bernoulli_mask: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same mask; another state, another mask."""
    seed, shape = trial.new_seed(), (40, 25)
    first, again = (
        mask_of(bernoulli_mask, trial, shape, _INDEPENDENT, trial.generator(seed))
        for _ in range(2)
    )
    trial.expect(
        np.array_equal(first, again),
        "Two generators in the same state gave different masks; expected equal ones.",
        elementwise.Wrong.does_not_draw_from_rng,
    )
    # 1,000 independent bits agree by chance with probability 0.58 ** 1000. Where one bit
    # serves them all, 40 calls do with probability 0.7 ** 40.
    others = (mask_of(bernoulli_mask, trial, shape, _INDEPENDENT) for _ in range(40))
    trial.expect(
        any(not np.array_equal(first, different) for different in others),
        "Generators in different states gave the same mask; expected different ones.",
        elementwise.Wrong.same_mask_every_call if 0 < first.mean() < 1 else None,
    )


def _shared_axes(mask: np.ndarray) -> tuple[bool, ...]:
    """Return, for each axis, whether all neighbours along it agree."""
    along = [np.moveaxis(mask, axis, 0) for axis in range(mask.ndim)]
    return tuple(np.array_equal(bits[1:], bits[:-1]) for bits in along)


def _name_of_sharing(shared: tuple[bool, ...]) -> str:
    """Return the mistake behind these shared axes of a 4-D mask."""
    named: dict[tuple[bool, ...], str] = {
        (True, True, True, True): Wrong.treats_all_units_alike,
        (True, False, False, False): elementwise.Wrong.one_mask_for_all_rows,
        (True, True, True, False): elementwise.Wrong.one_mask_for_all_rows,
        (False, True, True, True): elementwise.Wrong.drops_whole_rows,
        (False, False, False, True): elementwise.Wrong.drops_whole_rows,
    }
    return named.get(shared, elementwise.Wrong.shares_bits_along_an_axis)


@exercise.check(points=0.5, after="returns_zeros_and_ones_of_the_shape")
def gives_every_unit_a_bit_of_its_own(
    bernoulli_mask: StudentFunction, trial: Trial
) -> None:
    """No axis shares bits, no row keeps a fixed number, no later call repeats a mask."""
    shape, rng = (20, 10, 12, 15), trial.generator()
    call = mask_call(shape, _INDEPENDENT)
    mask = mask_of(bernoulli_mask, trial, shape, _INDEPENDENT, rng)
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
        elementwise.Wrong.keeps_a_fixed_number,
    )
    calls, call = 200, mask_call((100,), _INDEPENDENT)
    masks = masks_of(bernoulli_mask, trial, (100,), _INDEPENDENT, calls, rng)
    drawn = {mask.tobytes() for mask in masks}
    trial.expect(
        len(drawn) == calls,
        f"{call}, called {calls} times with one rng, gave {len(drawn)} different masks; "
        f"expected {calls}.",
        _name_of_repetition(masks),
    )
    follows_rng.expect_own_calls(trial, list(masks), call)
    everywhere.expect_follows_rng(bernoulli_mask, trial, _KINDS)


def _name_of_repetition(masks: np.ndarray) -> str:
    """Return what is behind masks of which some return."""
    drawn = Counter(mask.tobytes() for mask in masks)
    # Units that share a draw besides their own come back empty, or full, together.
    whole = {mask.tobytes() for mask in masks if mask.all() or not mask.any()}
    if len(drawn) == 1:
        return elementwise.Wrong.same_mask_every_call
    alike = {mask for mask, times in drawn.items() if times > 1} <= whole
    return _DEPENDENT if alike else elementwise.Wrong.reuses_masks


def _name_of_rate(
    function: StudentFunction, trial: Trial, keep_prob: float, share: float
) -> str:
    def measure(keep_prob: float) -> float:
        return float(mask_of(function, trial, (100, 100), keep_prob).mean())

    return elementwise.share_name(share, keep_prob, measure)


@exercise.check(
    points=0.75,
    after="gives_every_unit_a_bit_of_its_own",
    looks={
        "kept at 0.85": Proportion(0.85, detects=0.01),
        "kept at 0.3": Proportion(0.3, detects=0.01),
        **{f"kept at {p}": Proportion(p, detects) for p, detects in _FINE.items()},
        "front of a row kept at 0.3": Proportion(0.3, detects=0.02),
        "one unit kept at 0.3": Proportion(0.3, detects=0.6),
        "one unit kept at 0.85": Proportion(0.85, detects=0.8),
        "none of 2 kept at 0.3": Proportion(0.7**2, detects=0.7**2),
        "both of 2 kept at 0.85": Proportion(0.85**2, detects=0.85**2),
        kinds.RATE: kinds.LAW,
    },
)
def keeps_units_at_the_stated_rate(
    bernoulli_mask: StudentFunction, trial: Trial
) -> None:
    """Every unit is kept with probability keep_prob, in large masks and in tiny ones."""
    for keep_prob, width in zip(_KEEP_PROBS, ((5, 4, 5), (100,)), strict=True):
        look = f"kept at {keep_prob}"
        shape = (-(-trial.size(look) // math.prod(width)), *width)
        mask = mask_of(bernoulli_mask, trial, shape, keep_prob)
        what = f"units kept at keep_prob = {keep_prob}"
        name = partial(_name_of_rate, bernoulli_mask, trial, keep_prob)
        trial.judge(look, mask, mask.size, what, name)
    look, front = "front of a row kept at 0.3", mask[:, :50]
    what = "units in the first half of a row kept at keep_prob = 0.3"
    trial.judge(look, front, front.size, what, elementwise.Wrong.drops_by_place)
    one_unit = partial(_name_of_one_unit, bernoulli_mask, trial)
    for keep_prob in _KEEP_PROBS:
        look = f"one unit kept at {keep_prob}"
        kept = _kept_in_calls(bernoulli_mask, trial, look, (1,), keep_prob)
        what = f"calls with shape (1,) and keep_prob = {keep_prob} that keep the unit"
        trial.judge(look, kept == 1, kept.size, what, one_unit)
    _judge_extremes(bernoulli_mask, trial)
    for keep_prob in _FINE:
        look = f"kept at {keep_prob}"
        shape = -(-trial.size(look) // 100), 100
        mask = mask_of(bernoulli_mask, trial, shape, keep_prob)
        what = f"units kept at keep_prob = {keep_prob}"
        rounds = elementwise.Wrong.rounds_or_clips_keep_prob
        trial.judge(look, mask, mask.size, what, rounds)
    departures.judge(kinds.RATE, bernoulli_mask, trial, _KINDS)
    small_calls.expect_rate(bernoulli_mask, trial, _SMALL)


def _name_of_one_unit(
    function: StudentFunction, trial: Trial, share: float
) -> str | None:
    """Return what is behind a single unit that is kept in this share of calls: of many
    units, too, is their number always the same?"""
    masks = masks_of(function, trial, (100,), _INDEPENDENT, 20)
    if share in (0, 1) and not np.ptp(masks.sum(axis=1)):
        return elementwise.Wrong.keeps_a_fixed_number
    return _CONSTANT_UNIT.get(share)


def _of_shapes(
    trial: Trial, rng: np.random.Generator, number: int, rows: int
) -> kinds.Given:
    shape = kinds.any_form(rng, number, rows)

    def bits(result: Any, keep_prob: float, _: str) -> np.ndarray:
        return bits_of(trial, result, shape, keep_prob)

    return kinds.Given(
        (shape,), {"axes": f"{len(shape)} axes"}, kinds.ones(shape), bits
    )


_KINDS = kinds.Kinds(_of_shapes, modes=False)
_SMALL = small_calls.Small(one_mask.of_one, small_calls.LINES)


def _kept_in_calls(
    function: StudentFunction,
    trial: Trial,
    look: str,
    shape: tuple[int, ...],
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Return the kept units of each call, as many calls as the look needs."""
    masks = masks_of(function, trial, shape, keep_prob, trial.size(look), rng)
    kept: np.ndarray = masks.reshape(len(masks), -1).sum(axis=1)
    return kept


def _judge_extremes(function: StudentFunction, trial: Trial) -> None:
    """Count the calls that keep none, and both, of two units."""
    for what, keep_prob, count, name in (
        ("none", 0.3, 0, Wrong.keeps_at_least_one),
        ("both", 0.85, 2, elementwise.Wrong.drops_at_least_one),
    ):
        look = f"{what} of 2 kept at {keep_prob}"
        kept = _kept_in_calls(function, trial, look, (2, 1), keep_prob)
        what = f"calls with shape (2, 1) and keep_prob = {keep_prob} that keep {what}"
        trial.judge(look, kept == count, kept.size, what, name)


@exercise.check(points=0.25, after="keeps_units_at_the_stated_rate")
def keeps_nothing_at_zero_and_everything_at_one(
    bernoulli_mask: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 0 no unit is kept, at keep_prob = 1 every unit."""
    for keep_prob in (1.0, 0.0):
        for shape in ((20, 50), (5,)):
            kept = int(mask_of(bernoulli_mask, trial, shape, keep_prob).sum())
            expected = round(keep_prob * math.prod(shape))
            trial.expect(
                kept == expected,
                f"{mask_call(shape, keep_prob)} keeps {kept} of {math.prod(shape)} "
                f"units; expected {expected}.",
                _name_at_the_edge(keep_prob, kept / math.prod(shape)),
            )


def _name_at_the_edge(keep_prob: float, share: float) -> str | None:
    if keep_prob == 1 and share > 0.9:
        return elementwise.Wrong.rounds_or_clips_keep_prob
    return Wrong.takes_zero_for_unset if (keep_prob, share) == (0, 1) else None


@exercise.check(
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
        "count in a large call": near_count(
            math.prod(_LARGE), _INDEPENDENT, _NEAR, detects=0.45
        ),
        **departures.LOOKS[kinds.PAIRS],
        lags.LOOK: lags.LAW,
    },
)
def draws_every_unit_independently(
    bernoulli_mask: StudentFunction, trial: Trial
) -> None:
    """Bits along every axis and of successive calls are independent; the count varies."""
    pairs = max(trial.size(look) for look in trial.check.looks if "axis" in look)
    shape, rng = (2 * -(-pairs // 1440), 10, 12, 12), trial.generator()
    first, second = masks_of(bernoulli_mask, trial, shape, _INDEPENDENT, 2, rng)
    _judge_pairs(trial, "successive calls", first, second)
    for i, axis in enumerate(_AXES):
        bits = np.moveaxis(first, i, 0)
        _judge_pairs(trial, f"neighbours along the {axis} axis", bits[::2], bits[1::2])
    front, back = np.split(first.reshape(-1), 2)
    _judge_pairs(trial, "two halves", front, back)
    _judge_counts(bernoulli_mask, trial, rng)
    # So many bits show what the looks at successive calls do, in half the time.
    lags.judge(trial, {"a call": first[: len(first) // 2]}, _INDEPENDENT, _DEPENDENT)
    departures.judge(kinds.PAIRS, bernoulli_mask, trial, _KINDS)
    small_calls.expect(bernoulli_mask, trial, _SMALL)


def _judge_pairs(trial: Trial, look: str, a: np.ndarray, b: np.ndarray) -> None:
    what = f"mask bits that agree, {look}"
    trial.judge(look, a == b, a.size, what, _DEPENDENT)


def _judge_counts(
    function: StudentFunction, trial: Trial, rng: np.random.Generator
) -> None:
    """Count the rows, and the calls, of 20 units that keep exactly their mean."""
    mean = round(20 * _INDEPENDENT)

    def fixed(share: float) -> str:
        return elementwise.Wrong.keeps_a_fixed_number if share == 1 else _DEPENDENT

    rows = trial.size("count in a row")
    kept = mask_of(function, trial, (rows, 20), _INDEPENDENT, rng).sum(axis=1)
    what = f"rows of 20 units that keep exactly {mean}"
    trial.judge("count in a row", kept == mean, rows, what, fixed)
    look = "count in a call"
    kept = _kept_in_calls(function, trial, look, (4, 5), _INDEPENDENT, rng)
    what = f"calls with shape (4, 5) that keep exactly {mean}"
    trial.judge(look, kept == mean, kept.size, what, fixed)
    look, mean = "count in a large call", round(math.prod(_LARGE) * _INDEPENDENT)
    kept = _kept_in_calls(function, trial, look, _LARGE, _INDEPENDENT, rng)
    near = np.abs(kept - mean) <= _NEAR
    what = f"calls with shape {_LARGE} that keep {mean} units or at most {_NEAR} more or fewer"
    trial.judge(look, near, kept.size, what, _DEPENDENT)
