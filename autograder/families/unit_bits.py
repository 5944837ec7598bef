"""Properties of the bits of every element-wise Bernoulli dropout."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families.elementwise import (
    KEEP_PROBS,
    Draw,
    Wrong,
    call_text,
    draw,
    share_name,
)
from autograder.families.properties import stated
from autograder.laws.binomial import Law, Proportion, agreement, exact_count

_INDEPENDENT = 0.7
_CALLS, _ROWS, _COLUMNS = 40, 20, 20


def gives_each_unit_its_own_bit(function: StudentFunction, trial: Trial) -> None:
    """Rows, columns and calls do not share bits, and the kept count varies.

    Nor do images' pixels share any, and no row or column is always kept or dropped.
    None of this fails by chance: each statement is about hundreds of independent bits,
    or about 40 counts of which the likeliest has probability 0.2."""
    rng = trial.generator()
    call = f"{_CALLS} calls {call_text(function.name, (_ROWS, _COLUMNS), _INDEPENDENT)}"
    draws = [
        draw(function, trial, (_ROWS, _COLUMNS), _INDEPENDENT, rng)
        for _ in range(_CALLS)
    ]
    bits = np.array([got.mask for got in draws])
    expect_own_bits(trial, bits, call)
    expect_varying_counts(trial, bits, call)
    for axis, what in ((1, "row"), (2, "column")):
        share = bits.mean(axis=(0, 3 - axis))
        place = int(np.argmax(np.abs(share - _INDEPENDENT)))
        trial.expect(
            0 < share[place] < 1,
            f"{call}: {what} {place} was {'never' if share[place] else 'always'} dropped.",
            Wrong.drops_by_place,
        )
    for shape in ((400,), (12, 6, 9), (5, 6, 7, 8)):
        mask = draw(function, trial, shape, _INDEPENDENT).mask
        for axis in range(mask.ndim):
            shared = (mask == mask.take([0], axis)).all()
            trial.expect(
                not shared,
                f"{call_text(function.name, shape, _INDEPENDENT)}: the mask is the same "
                f"all along axis {axis}.",
                _shared_axis_mistake(mask),
            )


def expect_own_bits(trial: Trial, bits: np.ndarray, call: str) -> None:
    different = len({mask.tobytes() for mask in bits})
    trial.expect(
        different > 1,
        f"{call}: every call drew the same mask.",
        Wrong.same_mask_every_call,
    )
    rows, columns = (bits == bits[:, :1]).all(), (bits == bits[:, :, :1]).all()
    trial.expect(
        not rows, f"{call}: all rows share a mask.", Wrong.one_mask_for_all_rows
    )
    trial.expect(
        not columns,
        f"{call}: a row is kept or dropped as a whole.",
        Wrong.drops_whole_rows,
    )
    trial.expect(
        different == len(bits),
        f"{call} drew {different} different masks; expected {len(bits)}.",
        Wrong.reuses_masks,
    )


def expect_varying_counts(trial: Trial, bits: np.ndarray, call: str) -> None:
    counts = {
        "each row": bits.sum(axis=2),
        "each column": bits.sum(axis=1),
        "each call": bits.sum(axis=(1, 2)),
    }
    for where, count in counts.items():
        trial.expect(
            np.ptp(count) > 0,
            f"{call}: {where} keeps exactly {count.flat[0]} units; expected a number that "
            "varies.",
            Wrong.keeps_a_fixed_number,
        )
    for where in ("row", "column"):
        trial.expect(
            np.ptp(counts[f"each {where}"], axis=1).any(),
            f"{call}: in each call every {where} keeps the same number of units; expected "
            f"a number that varies from {where} to {where}.",
            Wrong.bits_depend_on_each_other,
        )


def _shared_axis_mistake(mask: np.ndarray) -> str | None:
    shared = [bool((mask == mask.take([0], axis)).all()) for axis in range(mask.ndim)]
    if mask.ndim == 1:
        return None
    if shared[0] and not shared[-1]:
        return Wrong.one_mask_for_all_rows
    return (
        Wrong.drops_whole_rows
        if all(shared[1:]) and not shared[0]
        else Wrong.shares_bits_along_an_axis
    )


#: Near 0 and 1 a keep probability that is rounded or clipped shows best: 0.998 becomes
#: 0.996, 0.99 or 1 in a byte, in percent and in tenths.
_FINE = (0.998, 0.002)


#: The looks of ``keeps_at_rate``, to be passed to the exercise's check.
RATE_LOOKS: Mapping[str, Law] = {
    "kept at 0.8": Proportion(0.8, detects=0.01),
    "kept at 0.3": Proportion(0.3, detects=0.01),
    "kept at 0.998": Proportion(0.998, detects=0.0019),
    "kept at 0.002": Proportion(0.002, detects=0.0019),
    "large x kept at 0.8": Proportion(0.8, detects=0.02),
    "positive x kept at 0.8": Proportion(0.8, detects=0.02),
    "first half kept at 0.3": Proportion(0.3, detects=0.02),
}


def keeps_at_rate(function: StudentFunction, trial: Trial) -> None:
    """Every unit is kept with probability keep_prob, whatever its value and place."""
    for keep_prob in (*KEEP_PROBS, *_FINE):
        look = f"kept at {keep_prob}"
        got = draw(function, trial, (2 * -(-trial.size(look) // 40), 20), keep_prob)
        name = partial(_rate_mistake, function, trial, got, keep_prob)
        what = f"units kept at keep_prob = {keep_prob}"
        trial.judge(look, got.mask, got.mask.size, what, name)
        for subset, where in subsets(got.x).items():
            look = f"{subset} kept at {keep_prob}"
            if look in trial.check.looks:
                what = f"units with {subset} kept at keep_prob = {keep_prob}"
                trial.judge(look, got.mask[where], int(where.sum()), what, name)


def subsets(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return halves of the units by size, sign and place, each as a mask of ``x``."""
    front = np.zeros(x.shape, bool)
    front[: len(x) // 2] = True
    return {"large x": np.abs(x) > 1.75, "positive x": x > 0, "first half": front}


def _rate_mistake(
    function: StudentFunction,
    trial: Trial,
    got: Draw,
    keep_prob: float,
    share: float,
) -> str | None:
    """Return what is behind a wrong rate, overall or in one half of the units.

    Halves of correct masks differ by 0.02 in no more than one of 1e20 draws."""
    names = (Wrong.drops_by_value, Wrong.drops_by_value, Wrong.drops_by_place)
    for where, name in zip(subsets(got.x).values(), names, strict=True):
        if abs(got.mask[where].mean() - got.mask[~where].mean()) > 0.02:
            return name
    rounded = abs(share - keep_prob) < 0.008 or abs(share - keep_prob + 0.05) < 0.005
    if keep_prob in _FINE or rounded:
        return Wrong.rounds_or_clips_keep_prob

    def measure(keep_prob: float) -> float:
        return float(draw(function, trial, (100, 100), keep_prob).mask.mean())

    return share_name(share, keep_prob, measure)


_COUNT = exact_count(_COLUMNS, _INDEPENDENT)


#: The looks of ``is_independent``.
INDEPENDENCE_LOOKS: Mapping[str, Law] = {
    "successive calls": agreement(_INDEPENDENT, detects=0.02),
    "neighbouring rows": agreement(_INDEPENDENT, detects=0.02),
    "distant rows": agreement(_INDEPENDENT, detects=0.02),
    "neighbouring columns": agreement(_INDEPENDENT, detects=0.02),
    "distant columns": agreement(_INDEPENDENT, detects=0.02),
    "mirrored units": agreement(_INDEPENDENT, detects=0.02),
    "count in a row": replace(_COUNT, detects=0.05),
    "count in a column": replace(_COUNT, detects=0.05),
}


def is_independent(function: StudentFunction, trial: Trial) -> None:
    """Bits in pairs of rows, columns and calls are independent, and so are counts.

    Counted are blocks of 20 units that keep exactly their mean. Disjoint pairs of
    independent bits agree with probability p^2 + q^2, exactly."""
    rng = trial.generator()
    units = max(
        trial.size(look) * (20 if look.startswith("count") else 2)
        for look in INDEPENDENCE_LOOKS
    )
    blocks = 2 * -(-units // 800)
    shape = (20 * blocks, 20)
    first, second = (
        draw(function, trial, shape, _INDEPENDENT, rng).mask for _ in range(2)
    )
    flat = first.ravel()
    pairs = {
        "successive calls": (first, second),
        "neighbouring rows": (first[::2], first[1::2]),
        "distant rows": tuple(np.split(first, 2)),
        "neighbouring columns": (first[:, ::2], first[:, 1::2]),
        "distant columns": tuple(np.split(first, 2, axis=1)),
        "mirrored units": (np.split(flat, 2)[0], np.split(flat[::-1], 2)[0]),
    }
    for look, (a, b) in pairs.items():
        what = f"{look} at keep_prob = {_INDEPENDENT}: mask bits that agree"
        trial.judge(look, a == b, a.size, what, Wrong.bits_depend_on_each_other)
    counts = {
        "count in a row": first.sum(axis=1),
        "count in a column": first.reshape(blocks, 20, 20).sum(axis=1),
    }
    for look, count in counts.items():
        what = f"{look} of 20 units at keep_prob = {_INDEPENDENT}: it is 14"
        trial.judge(
            look, count == 14, count.size, what, Wrong.bits_depend_on_each_other
        )


def draws_from_rng(function: StudentFunction, trial: Trial) -> None:
    """The same rng state gives the same output; another state, another output."""
    seed, x = trial.new_seed(), trial.inputs(40, 25)

    def output(seed: int) -> Any:
        result = function(x, 0.7, trial.generator(seed))
        return facts.pair(result, call_text(function.name, x.shape, 0.7))[0]

    trial.expect(
        np.array_equal(output(seed), output(seed)),
        "Two generators in the same state gave different masks; expected equal ones.",
        Wrong.does_not_draw_from_rng,
    )
    # 1,000 independent bits agree by chance with probability 0.58 ** 1000.
    trial.expect(
        not np.array_equal(output(seed), output(trial.new_seed())),
        "Generators in different states gave the same mask; expected different ones.",
        Wrong.same_mask_every_call,
    )


OWN_BITS = stated(gives_each_unit_its_own_bit)
RATE = stated(keeps_at_rate, RATE_LOOKS)
INDEPENDENT = stated(is_independent, INDEPENDENCE_LOOKS)
FROM_RNG = stated(draws_from_rng)
