"""Rates and independence of bits in arrays of all forms: vectors, matrices, images.

``unit_bits`` has the same for matrices alone, for exercises that take no other form."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import (
    departures,
    everywhere,
    kinds,
    lags,
    small_calls,
    unit_bits,
)
from autograder.families.elementwise import (
    KEEP_PROBS,
    Wrong,
    call_text,
    draws,
    tiled,
    wide,
)
from autograder.families.properties import stated
from autograder.families.unit_bits import INDEPENDENT_AT as AT
from autograder.families.unit_bits import masks
from autograder.laws.binomial import AtMost, Law, Proportion, agreement, log_binomial


def _up(n: int, to: int) -> int:
    """Return the multiple of ``to`` that is at or next above n."""
    return to * -(-n // to)


#: The shape of an array of n units or a few more, in every form that it may have.
SHAPES: Mapping[str, Callable[[int], tuple[int, ...]]] = {
    "matrices": lambda n: (_up(n, 40) // 20, 20),
    "vectors": lambda n: (_up(n, 40),),
    "single rows": lambda n: (1, _up(n, 40)),
    "single columns": lambda n: (_up(n, 40), 1),
    "sequences": lambda n: (_up(n, 80) // 40, 4, 10),
    "images": lambda n: (_up(n, 80) // 40, 2, 2, 10),
}
#: What makes up pairs in them, besides halves and places that mirror each other.
_NEIGHBOURS = {
    "vectors": ("neighbouring",),
    "single rows": ("neighbouring",),
    "single columns": ("neighbouring",),
    "sequences": ("axis 0,", "axis 1,", "axis 2,"),
    "images": ("axis 0,", "axis 1,", "axis 2,", "axis 3,"),
}


def gives_each_unit_its_own_bit(function: StudentFunction, trial: Trial) -> None:
    """Rows, columns and calls do not share bits, and the kept count varies.

    Nor is anything kept or dropped in arrays of one or two units for their size."""
    unit_bits.gives_each_unit_its_own_bit(function, trial)
    _expect_all_faces(function, trial)


#: Shape, keep probability, and the mistake of each count that does not come up.
_FACES = (
    ((1,), 0.5, {0: Wrong.never_drops_a_small_array, 1: Wrong.drops_at_least_one}),
    ((1, 2), 0.2, {0: Wrong.never_drops_a_small_array}),
)


def _expect_all_faces(function: StudentFunction, trial: Trial) -> None:
    """Check that arrays of one or two units are sometimes kept whole and sometimes dropped
    whole. By chance this fails with probability 0.5 ** 45 = 3e-14."""
    for shape, keep_prob, faces in _FACES:
        bits, call = masks(function, trial, shape, keep_prob, 45)
        if keep_prob < 0.5 and bits.mean() > 0.65:
            # Another check judges the rate.
            bits, call = masks(function, trial, shape, keep_prob, 400)
        kept = bits.reshape(len(bits), -1).sum(axis=1)
        for face, name in faces.items():
            share = (keep_prob if face else 1 - keep_prob) ** bits[0].size
            trial.expect(
                (kept == face).any(),
                f"{call}: none {'kept' if face else 'dropped'} all units; about "
                f"{share:.0%} do.",
                name,
            )


#: Calls of every kind of an element-wise layer.
KINDS = kinds.units(call_text)


def keeps_at_rate(function: StudentFunction, trial: Trial) -> None:
    """Every unit is kept with probability keep_prob, whatever its value and place.

    Entries are of all sizes, and arrays of all forms; at last calls are of all kinds."""
    for keep_prob in (*KEEP_PROBS, *unit_bits.FINE):
        n = -(-trial.size(f"kept at {keep_prob}") // len(SHAPES))
        shapes = {form: shape(n) for form, shape in SHAPES.items()}
        cases = ((wide(trial, shape), keep_prob, None) for shape in shapes.values())
        made = [*draws(function, trial, cases)]
        unit_bits.judge_rate(function, trial, made, keep_prob)
        for form, got in zip(shapes, made, strict=True):
            if (look := f"{form} kept at {keep_prob}") in trial.check.looks:
                what = f"units of {form} kept at keep_prob = {keep_prob}"
                name = Wrong.rate_depends_on_the_shape
                trial.judge(look, got.mask, got.mask.size, what, name)
    departures.judge(kinds.RATE, function, trial, KINDS)


def is_independent_in_all_forms(function: StudentFunction, trial: Trial) -> None:
    """Bits in pairs of rows, columns and calls are independent, and so are counts.

    Pairs are of units that lie next to each other along an axis, and of others."""
    all_masks = {"a matrix": unit_bits.is_independent(function, trial)}
    wrong, at = Wrong.bits_depend_on_each_other, f"at keep_prob = {AT}"
    counts = {form: f"count in 20 units of {form}" for form in _NEIGHBOURS}
    sizes = {
        form: max(2 * trial.size(f"mirrored units of {form}"), 20 * trial.size(count))
        for form, count in counts.items()
    }
    cases = ((tiled(trial, SHAPES[form](n)), AT, None) for form, n in sizes.items())
    for (form, count), got in zip(
        counts.items(), draws(function, trial, cases), strict=True
    ):
        all_masks[form] = mask = got.mask
        for look, (a, b) in _pairs(mask, form).items():
            what = f"{look} {at}: mask bits that agree"
            trial.judge(look, a == b, a.size, what, wrong)
        kept = mask.reshape(-1, 20).sum(axis=1) == 14
        trial.judge(count, kept, kept.size, f"{count} {at}: it is 14", wrong)
    _judge_spread(function, trial)
    lags.judge(trial, all_masks, AT, wrong)
    departures.judge(kinds.PAIRS, function, trial, KINDS)


def _within(distance: int) -> float:
    """Return the probability that of 400 units 280 are kept, give or take ``distance``."""
    counts = range(280 - distance, 281 + distance)
    return math.fsum(math.exp(log_binomial(k, 400, AT)) for k in counts)


#: Distances from 280 of the count of a call. Masks that are chosen or mended to fit are
#: near more often than 38% of the time; masks drawn again are never one sd off.
_DISTANCES = {4: 0.5, 9: 0.29}
_SPREAD: Mapping[str, Law] = {
    f"call keeps 280 give or take {distance}": AtMost(_within(distance), detects)
    for distance, detects in _DISTANCES.items()
}


def _judge_spread(function: StudentFunction, trial: Trial) -> None:
    """Check that the number of kept units varies from call to call as it should."""
    calls = -(-max(map(trial.size, _SPREAD)) // len(unit_bits.FORMS))
    wrong, off = Wrong.varies_the_count_too_little, []
    for form in unit_bits.FORMS:
        bits, call = masks(function, trial, form, AT, calls)
        kept = bits.reshape(calls, -1).sum(axis=1)
        # The likeliest four numbers in a row hold 17 counts with probability 1e-13.
        trial.expect(
            np.ptp(kept) > 3,
            f"{call}: each kept {kept.min()} to {kept.max()} of 400 units; expected a "
            "number that varies more.",
            wrong if np.ptp(kept) else Wrong.keeps_a_fixed_number,
        )
        off.append(np.abs(kept - 280))
    for look, distance in zip(_SPREAD, _DISTANCES, strict=True):
        near = np.concatenate(off) <= distance
        what = f"of calls on 400 units at keep_prob = 0.7, {look.removeprefix('call ')}"
        trial.judge(look, near, near.size, what, wrong)
    bits, call = masks(function, trial, (5,), 0.5, 64)
    # By chance this fails with probability 0.625 ** 64 = 9e-14.
    trial.expect(
        (np.abs(bits.sum(axis=1) - 2.5) > 1).any(),
        f"{call}: each kept 2 or 3 units; about 38% keep another number.",
        wrong,
    )


def _pairs(mask: np.ndarray, form: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return disjoint pairs of the bits of a mask, by look."""
    first, second = np.split(mask.ravel(), 2)
    pairs = [(first, second), (first, second[::-1])]
    for axis in np.flatnonzero(np.array(mask.shape) > 1):
        even = np.arange(0, mask.shape[axis], 2)
        pairs.append((mask.take(even, axis), mask.take(even + 1, axis)))
    return dict(zip(_looks_at_pairs(form), pairs, strict=True))


def _looks_at_pairs(form: str) -> list[str]:
    kinds = ("distant", "mirrored", *_NEIGHBOURS[form])
    return [f"{kind} units of {form}" for kind in kinds]


OWN_BITS = stated(gives_each_unit_its_own_bit)
RATE = small_calls.at_rate(
    stated(
        keeps_at_rate,
        {
            **unit_bits.RATE_LOOKS,
            **{f"{form} kept at 0.8": Proportion(0.8, detects=0.03) for form in SHAPES},
            kinds.RATE: kinds.LAW,
        },
    )
)
_AGREE = agreement(AT, detects=0.07)
_COUNT = replace(unit_bits.COUNT_OF_20, detects=0.2)
_LOOKS: dict[str, Law] = dict(unit_bits.INDEPENDENCE_LOOKS)
for _form in _NEIGHBOURS:
    _LOOKS |= dict.fromkeys(_looks_at_pairs(_form), _AGREE)
    _LOOKS[f"count in 20 units of {_form}"] = _COUNT
_LOOKS |= _SPREAD
_LOOKS |= {lags.LOOK: lags.LAW, **departures.LOOKS[kinds.PAIRS]}
INDEPENDENT = small_calls.own_bits(stated(is_independent_in_all_forms, _LOOKS))
FROM_RNG = everywhere.follows_rng(unit_bits.FROM_RNG, KINDS)
