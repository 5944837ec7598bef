"""Properties of the bits of every element-wise Bernoulli dropout.

``unit_forms`` has those of arrays of all forms."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import bit_tests, follows_rng
from autograder.families.elementwise import (
    KEEP_PROBS,
    Draw,
    Wrong,
    call_text,
    draw,
    share_name,
    tiled,
)
from autograder.families.properties import stated
from autograder.laws.binomial import (
    Law,
    Proportion,
    agreement,
    exact_count,
)

INDEPENDENT_AT = 0.7
#: 400 units in every form that an array may have; 280 are kept on average.
FORMS = ((20, 20), (400,), (1, 400), (400, 1), (8, 5, 10), (5, 4, 5, 4))


def masks(
    function: StudentFunction,
    trial: Trial,
    shape: Sequence[int],
    keep_prob: float,
    calls: int,
) -> tuple[np.ndarray, str]:
    """Return the masks of so many calls, with an axis of calls first, and the calls as
    text."""
    rng, call, bits = trial.generator(), call_text(function.name, shape, keep_prob), []
    inputs = trial.inputs(calls, *shape)
    for result in function.each([(x, keep_prob, rng) for x in inputs]):
        out = facts.floats(facts.pair(result, call)[0], tuple(shape), call, "out")
        # A division by a kept count of 0 has its check elsewhere; nothing is kept then.
        bits.append(np.isfinite(out) & (out != 0))
    return np.array(bits), f"{calls} calls {call}"


def gives_each_unit_its_own_bit(function: StudentFunction, trial: Trial) -> None:
    """Rows, columns and calls do not share bits, and the kept count varies.

    None of this fails by chance: each statement is about hundreds of independent bits,
    or about two dozen counts of which the likeliest has probability 0.2."""
    for form in FORMS:
        calls = 24 if form == FORMS[0] else 3
        bits, call = masks(function, trial, form, INDEPENDENT_AT, calls)
        if form == FORMS[0]:
            # Seeds of so few values that masks return now and then: ``draws_from_rng``.
            expect_own_bits(trial, bits, call, least=calls // 2 + 1)
            expect_varying_counts(trial, bits, call)
            _expect_every_place(trial, bits, call)
        _expect_no_shared_axis(trial, bits, call)


def expect_own_bits(
    trial: Trial, bits: np.ndarray, call: str, least: int | None = None
) -> None:
    """Check that rows and columns do not share bits, nor calls a mask; of the calls'
    masks ``least`` must differ, or all. ``bits`` has axes of calls, rows and columns."""
    different = len({mask.tobytes() for mask in bits})
    trial.expect(
        different > 1,
        f"{call}: every call drew the same mask.",
        bit_tests.if_they_vary(bits, Wrong.same_mask_every_call),
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
        different >= (least or len(bits)),
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


def _expect_every_place(trial: Trial, bits: np.ndarray, call: str) -> None:
    """Check that no row and no column of matrices is always kept, or always dropped."""
    for axis, what in ((1, "row"), (2, "column")):
        share = bits.mean(axis=(0, 3 - axis))
        place = int(np.argmax(np.abs(share - INDEPENDENT_AT)))
        trial.expect(
            0 < share[place] < 1,
            f"{call}: {what} {place} was {'never' if share[place] else 'always'} dropped.",
            Wrong.drops_by_place,
        )


def _expect_no_shared_axis(trial: Trial, bits: np.ndarray, call: str) -> None:
    """Check that masks vary along each axis that is longer than 1."""
    long = [axis for axis in range(1, bits.ndim) if bits.shape[axis] > 1]
    shared = [axis for axis in long if (bits == bits.take([0], axis)).all()]
    if not shared:
        return
    if shared == long:
        name = Wrong.one_bit_for_the_whole_array
    elif shared == long[1:]:
        name = Wrong.drops_whole_rows
    elif 1 in shared and bits.ndim - 1 not in shared:
        name = Wrong.one_mask_for_all_rows
    else:
        name = Wrong.shares_bits_along_an_axis
    trial.fail(
        f"{call}: the mask is the same all along axis {shared[0] - 1}.",
        bit_tests.if_they_vary(bits, name),
    )


#: Near 0 and 1 a keep probability that is rounded or clipped shows best: 0.998 becomes
#: 0.996, 0.99 or 1 in a byte, in percent and in tenths.
FINE = (0.998, 0.002)


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
    for keep_prob in (*KEEP_PROBS, *FINE):
        shape = 2 * -(-trial.size(f"kept at {keep_prob}") // 40), 20
        got = draw(function, trial, shape, keep_prob, x=tiled(trial, shape))
        judge_rate(function, trial, [got], keep_prob)


def judge_rate(
    function: StudentFunction, trial: Trial, draws: Sequence[Draw], keep_prob: float
) -> None:
    """Count the kept units of all draws: all, those of large or positive input, those in
    front, as far as the check has a look at them."""
    bits = np.concatenate([got.mask.ravel() for got in draws])
    parts = [subsets(got.x) for got in draws]
    halves = {
        half: np.concatenate([part[half].ravel() for part in parts]) for half in _HALVES
    }
    look = f"kept at {keep_prob}"
    shares = [float(got.mask.mean()) for got in draws]
    apart = float(np.ptp(shares)) if keep_prob in KEEP_PROBS else 0.0
    name = partial(_rate_mistake, function, trial, bits, halves, apart, keep_prob)
    what = f"units kept at keep_prob = {keep_prob}"
    trial.judge(look, bits, bits.size, what, name)
    for half, where in halves.items():
        if f"{half} {look}" in trial.check.looks:
            what = f"units with {half} kept at keep_prob = {keep_prob}"
            trial.judge(f"{half} {look}", bits[where], int(where.sum()), what, name)


#: Halves of the units that are kept alike, and what is behind it where they are not.
_HALVES = {
    "large x": Wrong.drops_by_value,
    "positive x": Wrong.drops_by_value,
    "first half": Wrong.drops_by_place,
}


def subsets(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return halves of the units by size, sign and place, each as a mask of ``x``."""
    front = np.arange(x.size).reshape(x.shape) < x.size // 2
    return {"large x": np.abs(x) > 1.75, "positive x": x > 0, "first half": front}


def _rate_mistake(
    function: StudentFunction,
    trial: Trial,
    bits: np.ndarray,
    halves: Mapping[str, np.ndarray],
    apart: float,
    keep_prob: float,
    share: float,
) -> str | None:
    """Return what is behind a wrong rate, overall, in one half of the units, or in some
    of the draws, whose shares differ by ``apart``.

    Halves of correct masks differ by 0.02, and draws by 0.03, in no more than one of
    1e20 cases."""
    apart_by = {
        half: abs(bits[where].mean() - bits[~where].mean())
        for half, where in halves.items()
    }
    if apart_by and max(apart_by.values()) > 0.02:
        name = _HALVES[max(apart_by, key=lambda half: apart_by[half])]
        by_value = name == Wrong.drops_by_value and apart > 0.03
        # All draws have such values.
        return Wrong.keeps_some_calls_at_another_rate if by_value else name
    if apart > 0.03:
        return Wrong.rate_depends_on_the_shape
    rounded = abs(share - keep_prob) < 0.008 or abs(share - keep_prob + 0.05) < 0.005
    if keep_prob in FINE or rounded:
        return Wrong.rounds_or_clips_keep_prob

    def measure(keep_prob: float) -> float:
        return float(draw(function, trial, (100, 100), keep_prob).mask.mean())

    return share_name(share, keep_prob, measure)


COUNT_OF_20 = exact_count(20, INDEPENDENT_AT)


#: The looks of ``is_independent``; ``lags`` has another.
INDEPENDENCE_LOOKS: Mapping[str, Law] = {
    "successive calls": agreement(INDEPENDENT_AT, detects=0.02),
    "neighbouring rows": agreement(INDEPENDENT_AT, detects=0.02),
    "distant rows": agreement(INDEPENDENT_AT, detects=0.02),
    "neighbouring columns": agreement(INDEPENDENT_AT, detects=0.02),
    "distant columns": agreement(INDEPENDENT_AT, detects=0.02),
    "mirrored units": agreement(INDEPENDENT_AT, detects=0.02),
    "count in a row": replace(COUNT_OF_20, detects=0.05),
    "count in a column": replace(COUNT_OF_20, detects=0.05),
}


def is_independent(function: StudentFunction, trial: Trial) -> np.ndarray:
    """Bits in pairs of rows, columns and calls are independent, and so are counts.

    Returns a mask, for ``lags.judge``.
    Counted are blocks of 20 units that keep exactly their mean. Disjoint pairs of
    independent bits agree with probability p^2 + q^2, exactly."""
    rng = trial.generator()
    units = max(
        trial.size(look) * (20 if look.startswith("count") else 2)
        for look in INDEPENDENCE_LOOKS
    )
    blocks = 2 * -(-units // 800)
    shape = (20 * blocks, 20)
    x = tiled(trial, shape)
    first, second = (
        draw(function, trial, shape, INDEPENDENT_AT, rng, x=x).mask for _ in range(2)
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
        what = f"{look} at keep_prob = {INDEPENDENT_AT}: mask bits that agree"
        trial.judge(look, a == b, a.size, what, Wrong.bits_depend_on_each_other)
    counts = {
        "count in a row": first.sum(axis=1),
        "count in a column": first.reshape(blocks, 20, 20).sum(axis=1),
    }
    for look, count in counts.items():
        what = f"{look} of 20 units at keep_prob = {INDEPENDENT_AT}: it is 14"
        trial.judge(
            look, count == 14, count.size, what, Wrong.bits_depend_on_each_other
        )
    return first


def draws_from_rng(function: StudentFunction, trial: Trial) -> None:
    """The same rng state gives the same output; another state, another output."""
    # Axes so long that bits of a row, or of a column, agree never by chance either, and
    # no row is dropped whole: a division by 0 would be told as a draw from elsewhere.
    varies = False
    for shape in ((40, 25), (30, 2, 1, 30), (1000,)):
        x = trial.inputs(*shape)

        def outputs(
            rngs: Sequence[np.random.Generator], x: np.ndarray = x
        ) -> list[Any]:
            text = call_text(function.name, x.shape, 0.7)
            results = function.each([(x, 0.7, rng) for rng in rngs])
            return [facts.pair(result, text)[0] for result in results]

        varies |= follows_rng.expect_state_decides(trial, outputs)
    follows_rng.expect_no_short_seed(trial, outputs)

    def call(x: np.ndarray, keep_prob: float) -> str:
        return call_text(function.name, x.shape, keep_prob)

    # A vector: bits that are shared along an axis have checks of their own.
    x = trial.inputs(100)
    few = Wrong.reuses_masks
    follows_rng.expect_many(function, trial, [x], call, few, varies=varies)


FROM_RNG = stated(draws_from_rng)
