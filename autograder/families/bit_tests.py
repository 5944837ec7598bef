"""Facts and exact tests of mask bits with named axes: rows, inputs, channels, calls.

What the exercises of ``noise`` share; ``masks`` has the same for bits that stand in the
place of units.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.laws.binomial import Law


def expect_unchanged(trial: Trial, x: np.ndarray, now: np.ndarray, call: str) -> None:
    trial.expect(
        np.array_equal(now, x),
        f"{call} changed its input in place; x * noise makes a new array, "
        "x *= noise does not.",
        elementwise.Wrong.changes_its_input,
    )


def follows_rng(
    trial: Trial, name: str, output: Callable[[np.random.Generator], Any], same: str
) -> None:
    """Check that equal generators give equal outputs, and different ones different;
    ``same`` is the mistake of a function that always draws the same."""
    seed = trial.new_seed()
    trial.expect(
        np.array_equal(output(trial.generator(seed)), output(trial.generator(seed))),
        f"{name}: two generators in the same state gave different outputs; expected "
        "equal ones.",
        elementwise.Wrong.does_not_draw_from_rng,
    )
    # Hundreds of independent random numbers do not agree by chance.
    trial.expect(
        not np.array_equal(output(trial.generator(seed)), output(trial.generator())),
        f"{name}: generators in different states gave the same output; expected "
        "different ones.",
        same,
    )


def pair_looks(axes: Sequence[str], law: Law, kind: str = "") -> dict[str, Law]:
    """Return the looks of ``judge_pairs`` for these axes behind that of the calls."""
    names = ["successive calls", "mirrored places"]
    names += [
        f"{where} {axis}" for axis in axes for where in ("neighbouring", "distant")
    ]
    return {kind + name: law for name in names}


def judge_pairs(
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


def constant_axes(bits: np.ndarray) -> tuple[int, ...]:
    """Return the axes along which the values do not change."""
    return tuple(
        axis for axis in range(bits.ndim) if facts.close(bits, bits.take([0], axis))
    )


def expect_own_calls(trial: Trial, bits: np.ndarray, call: str) -> None:
    """Check that no two calls have the same mask; ``bits`` has an axis of calls first."""
    different = len({mask.tobytes() for mask in bits})
    trial.expect(
        different > 1,
        f"{call}: every call drew the same mask.",
        elementwise.Wrong.same_mask_every_call,
    )
    trial.expect(
        different == len(bits),
        f"{call}: {different} different masks; expected {len(bits)}.",
        elementwise.Wrong.reuses_masks,
    )


def expect_varying_counts(
    trial: Trial, bits: np.ndarray, axes: Sequence[str], call: str
) -> None:
    """Check that every place of the named axes is sometimes kept and sometimes dropped,
    and that kept counts vary, as those of hundreds of independent bits do. ``bits`` has
    an axis of calls first."""
    for axis, name in enumerate(axes, start=1):
        others = tuple(a for a in range(bits.ndim) if a != axis)
        share = bits.mean(axis=others)
        sure = (share == 0) | (share == 1)
        trial.expect(
            not sure.any(),
            f"{call}: some {name} are {'always' if share[sure].any() else 'never'} kept.",
            elementwise.Wrong.drops_by_place,
        )
        count = bits.sum(axis=others[1:])
        trial.expect(
            np.ptp(bits.sum(axis=axis)) > 0 and np.ptp(count) > 0,
            f"{call}: the number of kept bits, counted along the {name} or within one of "
            "them, is always the same; expected a number that varies.",
            elementwise.Wrong.keeps_a_fixed_number,
        )
        trial.expect(
            np.ptp(count, axis=-1).any(),
            f"{call}: in each call all {name} keep the same number of bits; expected a "
            "number that varies.",
            elementwise.Wrong.bits_depend_on_each_other,
        )


def judge_rates(
    trial: Trial,
    bits: np.ndarray,
    keep_prob: float,
    parts: Mapping[str, np.ndarray],
    measure: Callable[[float], float],
) -> None:
    """Count kept bits, all and those of each part: a look named "<part> at <keep_prob>".

    ``measure`` gives the share of about 10,000 bits that are kept at another keep
    probability. The parts are boolean arrays that broadcast to ``bits``, half of it each;
    those whose name begins with "large" are chosen by value, the others by place."""
    halves = {part: np.broadcast_to(where, bits.shape) for part, where in parts.items()}

    def name(share: float) -> str:
        gaps = {
            part: abs(bits[where].mean() - bits[~where].mean())
            for part, where in halves.items()
        }
        part = max(gaps, key=lambda part: gaps[part])
        if gaps[part] < 0.02:
            return elementwise.share_name(share, keep_prob, measure)
        by_value = part.startswith("large")
        return (
            elementwise.Wrong.drops_by_value
            if by_value
            else elementwise.Wrong.drops_by_place
        )

    look = f"all at {keep_prob}"
    trial.judge(look, bits, bits.size, f"kept at keep_prob = {keep_prob}", name)
    for part, where in halves.items():
        look = f"{part} at {keep_prob}"
        what = f"{part} kept at keep_prob = {keep_prob}"
        if look in trial.check.looks:
            trial.judge(look, bits[where], int(where.sum()), what, name)
