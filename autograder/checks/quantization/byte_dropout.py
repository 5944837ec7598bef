"""byte_dropout: draw the mask from one byte per unit, without bias."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from autograder.checks.quantization import shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.families.elementwise import Draw
from autograder.laws.binomial import Law, Proportion, agreement, log_binomial

exercise = Exercise(
    "byte_dropout",
    chapter="quantization",
    title="Draw the mask from one byte per unit, without bias",
    signature="byte_dropout(x, keep_prob, rng) -> (out, keep_prob_effective)",
    section="quant-bits",
)


class Wrong(Mistakes, section="quant-bits"):
    returns_the_requested_keep_prob = (
        "you return keep_prob as it was asked for; return the multiple of 1/256 with "
        "which your mask keeps a unit."
    )
    rounds_the_threshold_down = (
        "256 * keep_prob is cut off to a whole number; take the nearest one."
    )
    rounds_the_threshold_up = (
        "256 * keep_prob is rounded up, as by a comparison of byte / 256 with "
        "keep_prob; take the nearest whole number."
    )
    counts_255_values = "you reckon with 255; a byte has 256 values, 0 to 255."
    returns_the_threshold = (
        "you return the whole number t; the keep probability is t / 256."
    )
    returns_the_factor_of_kept_units = (
        "you return the factor 1 / keep_prob_effective; return the probability."
    )
    returns_the_effective_drop_probability = (
        "you return the effective probability of dropping a unit; return that of "
        "keeping it."
    )
    returns_the_share_that_was_kept = (
        "your second value changes with the mask, as the share of units that happened "
        "to be kept does; the keep probability is known before a byte is drawn."
    )
    keep_prob_is_not_of_a_byte = (
        "your effective keep probability is not a whole number over 256, as that of a "
        "byte is."
    )
    takes_a_byte_value_that_is_not_nearest = (
        "there is a nearer whole number to 256 * keep_prob than the one you took."
    )
    rounds_keep_prob_to_zero = (
        "keep probabilities below 1/512 become 0; the smallest that you may take is "
        "1/256."
    )
    divides_by_the_requested_keep_prob = (
        "you divide by the keep_prob that was asked for; divide by the one that the "
        "byte gives, or the output is biased."
    )
    scales_by_another_number = (
        "kept units are scaled by neither 1 / keep_prob_effective nor another number "
        "that is made of it; divide by keep_prob_effective."
    )
    multiplies_by_the_effective_keep_prob = (
        "you multiply by the keep probability; divide by it."
    )
    threshold_does_not_fit_into_a_byte = (
        "at keep_prob = 1 the threshold 256 does not fit into a byte and becomes 0; "
        "compare with a larger integer type."
    )
    drops_one_value_in_256_at_one = (
        "at keep_prob = 1 about one unit in 256 is dropped: one of the 256 byte "
        "values is still on the wrong side of your comparison."
    )
    keeps_at_the_requested_rate = (
        "you keep units with probability keep_prob and not keep_prob_effective, as a "
        "comparison of a finer random number with keep_prob does."
    )
    keeps_one_byte_value_too_many = (
        "your comparison keeps t + 1 byte values, or t of 255: either `<=` stands for "
        "`<`, or 255 stands for 256, or t is rounded up there."
    )
    keeps_one_byte_value_too_few = (
        "your comparison keeps t − 1 byte values: either the bytes do not begin at 0, "
        "or `>` stands for `>=`, or t is cut off there."
    )
    compares_signed_bytes = (
        "your bytes have a sign and run from −128 to 127, so half of them are below "
        "any threshold; take np.uint8."
    )


#: Keep probabilities away from ties; the nearest of the 256 lies above and below.
_BYTE_KEEP_PROBS = (0.8, 0.3, 0.9, 0.7, 0.4, 0.2, 0.05, 0.97, 0.6, 0.123, 0.875)


def _nearest(keep_prob: float) -> float:
    return max(1, round(256 * keep_prob)) / 256


def _byte_pair(
    function: StudentFunction, trial: Trial, shape: tuple[int, ...], keep_prob: float
) -> tuple[Any, float]:
    """Return out, unseen, and the second value as a float. Raises ``CheckFailure``."""
    call = elementwise.call_text("byte_dropout", shape, keep_prob)
    result = function(trial.inputs(*shape), keep_prob, trial.generator())
    out, effective = facts.pair(result, call, "(out, keep_prob_effective)")
    return out, facts.number(effective, call, "keep_prob_effective")


@exercise.check(points=0.25)
def returns_floats_and_a_number(byte_dropout: StudentFunction, trial: Trial) -> None:
    """out has the shape of x and holds finite floats, some 0; then comes one number."""
    for shape in ((50,), (40, 30), (2, 3, 4, 5)):
        for keep_prob in elementwise.KEEP_PROBS:
            _byte_pair(byte_dropout, trial, shape, keep_prob)
            for dtype in (np.float64, np.float32):
                elementwise.draw(byte_dropout, trial, shape, keep_prob, dtype=dtype)
    share = elementwise.draw(byte_dropout, trial, (60, 60), 0.3).mask.mean()
    trial.expect(
        abs(share - (128 + 77) / 256) > 0.04
        or not elementwise.draw(byte_dropout, trial, (60, 60), 0.8).mask.all(),
        f"byte_dropout keeps {share:.0%} of the units at keep_prob = 0.3, and all of them "
        "at 0.8.",
        Wrong.compares_signed_bytes,
    )
    for keep_prob in elementwise.KEEP_PROBS:
        shared.expect_a_mixture(byte_dropout, trial, keep_prob, keep_prob)


@exercise.check(points=0.25, after="returns_floats_and_a_number")
def leaves_x_as_it_was(byte_dropout: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before."""
    elementwise.leaves_input_alone(byte_dropout, trial)


@exercise.check(points=0.5, after="returns_floats_and_a_number")
def rounds_to_the_nearest_keep_prob_of_a_byte(
    byte_dropout: StudentFunction, trial: Trial
) -> None:
    """keep_prob_effective is the whole number over 256 that is nearest, at least 1/256."""
    drawn = trial.rng.uniform(0.01, 0.99, 200)
    clear = drawn[np.abs(256 * drawn % 1 - 0.5) > 0.05][:20]
    found: dict[float, float] = {}
    for p in (*_BYTE_KEEP_PROBS, *map(float, clear)):
        found[p] = _byte_pair(byte_dropout, trial, (20, 30), p)[1]
    if wrong := [p for p in found if not facts.close(found[p], _nearest(p))]:
        p = wrong[0]
        seen = {_byte_pair(byte_dropout, trial, (20, 30), p)[1] for _ in range(10)}
        trial.fail(
            f"{elementwise.call_text('byte_dropout', (20, 30), p)}: keep_prob_effective is "
            f"{found[p]:.6g}; expected {_nearest(p):.6g} = {256 * _nearest(p):.0f}/256.",
            Wrong.returns_the_share_that_was_kept
            if len(seen) > 1
            else _rounding_mistake(found),
        )
    for p, name in (
        (0.001, Wrong.rounds_keep_prob_to_zero),
        (0.999, Wrong.rounds_the_threshold_down),
        (1.0, None),
    ):
        _expect_effective(byte_dropout, trial, p, name)


def _expect_effective(
    function: StudentFunction, trial: Trial, p: float, name: str | None
) -> None:
    """Check keep_prob_effective where 256 * p lies near 0 or 256."""
    call = elementwise.call_text("byte_dropout", (20, 30), p)
    try:
        effective = _byte_pair(function, trial, (20, 30), p)[1]
    except StudentError as error:
        if "ZeroDivision" not in error.message:
            raise
        trial.fail(f"{call} raised {error.message}.", Wrong.rounds_keep_prob_to_zero)
    trial.expect(
        facts.close(effective, _nearest(p)),
        f"{call}: keep_prob_effective is {effective:.6g}; expected {_nearest(p):.6g}.",
        name or Wrong.takes_a_byte_value_that_is_not_nearest,
    )


_ROUNDINGS: tuple[tuple[str, Callable[[float], float]], ...] = (
    (Wrong.returns_the_requested_keep_prob, lambda p: p),
    (Wrong.rounds_the_threshold_down, lambda p: math.floor(256 * p) / 256),
    (Wrong.rounds_the_threshold_up, lambda p: math.ceil(256 * p) / 256),
    (Wrong.counts_255_values, lambda p: round(255 * p) / 255),
    (Wrong.counts_255_values, lambda p: math.floor(255 * p) / 255),
    (Wrong.counts_255_values, lambda p: round(255 * p) / 256),
    (Wrong.counts_255_values, lambda p: math.floor(255 * p) / 256),
    (Wrong.counts_255_values, lambda p: (math.floor(255 * p) + 1) / 256),
    (Wrong.counts_255_values, lambda p: (round(255 * p) + 1) / 256),
    (Wrong.counts_255_values, lambda p: round(256 * p) / 255),
    (Wrong.returns_the_threshold, lambda p: 256 * _nearest(p)),
    (Wrong.returns_the_factor_of_kept_units, lambda p: 1 / _nearest(p)),
    (Wrong.returns_the_effective_drop_probability, lambda p: 1 - _nearest(p)),
)


def _rounding_mistake(found: Mapping[float, float]) -> str:
    """Return the rule that gives these effective keep probabilities, by request."""
    for name, rule in _ROUNDINGS:
        if all(facts.close(value, rule(p), atol=1e-9) for p, value in found.items()):
            return name
    steps = np.array([256 * value for value in found.values()])
    whole = facts.close(steps, np.round(steps), rtol=1e-5)
    return (
        Wrong.takes_a_byte_value_that_is_not_nearest
        if whole
        else Wrong.keep_prob_is_not_of_a_byte
    )


@exercise.check(points=0.5, after="returns_floats_and_a_number")
def divides_by_the_effective_keep_prob(
    byte_dropout: StudentFunction, trial: Trial
) -> None:
    """Each output is 0 or x over the representable keep probability nearest to keep_prob."""
    elementwise.zero_or_scaled(
        byte_dropout, trial, lambda p: 1 / _nearest(p), _byte_scale_mistake
    )
    for p in (0.9, 0.7, 0.4, 0.05):
        got = elementwise.draw(byte_dropout, trial, (60, 60), p)
        if got.mask.any() and not facts.close(
            got.out[got.mask] * _nearest(p), got.x[got.mask]
        ):
            ratio = float(np.median(got.out[got.mask] / got.x[got.mask]))
            trial.fail(
                f"{elementwise.call_text('byte_dropout', (60, 60), p)}: a kept unit comes "
                f"back {ratio:.6g} times as large; expected {1 / _nearest(p):.6g} times.",
                _byte_scale_mistake(got, p),
            )


def _byte_scale_mistake(got: Draw, p: float) -> str:
    """Return what is behind a wrong factor of kept units in ``byte_dropout``."""
    if got.ratio is None:
        return elementwise.Wrong.scale_differs_from_unit_to_unit
    named: tuple[tuple[str, float], ...] = (
        (Wrong.divides_by_the_requested_keep_prob, 1 / p),
        (shared.Wrong.leaves_kept_units_alone, 1.0),
        (Wrong.multiplies_by_the_effective_keep_prob, _nearest(p)),
        (Wrong.multiplies_by_the_effective_keep_prob, p),
        (Wrong.returns_the_share_that_was_kept, 1 / got.mask.mean()),
        (Wrong.rounds_the_threshold_down, 256 / max(1, math.floor(256 * p))),
        (Wrong.rounds_the_threshold_up, 256 / math.ceil(256 * p)),
        (Wrong.counts_255_values, 255 / max(1, round(256 * p))),
        (Wrong.counts_255_values, 255 / max(1, round(255 * p))),
        (Wrong.counts_255_values, 256 / max(1, round(255 * p))),
    )
    for name, scale in named:
        if facts.close(got.ratio, scale):
            return name
    return Wrong.scales_by_another_number


@exercise.check(points=0.25, after="returns_floats_and_a_number")
def keeps_everything_where_that_is_nearest(
    byte_dropout: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, and 0.999, all 256 values of the byte keep the unit: out is x."""
    for p in (1.0, 0.999):
        x = trial.inputs(90, 80)
        call = elementwise.call_text("byte_dropout", x.shape, p)
        try:
            result = byte_dropout(x, p, trial.generator())
        except StudentError as error:
            trial.fail(
                f"{call} raised {error.message}.",
                Wrong.threshold_does_not_fit_into_a_byte
                if "OverflowError" in error.message
                else facts.Wrong.raises_an_error,
            )
        out = facts.pair(result, call)[0]
        dropped = float(np.mean(np.equal(out, 0)))
        trial.expect(
            dropped == 0,
            f"{call}: {dropped:.2%} of the units are dropped; expected none.",
            _everything_mistake(p, dropped),
        )
        out = facts.float_array(out, x.shape, call, "out")
        trial.expect(
            facts.close(out, x),
            f"{call}: out is not x; {facts.worst(out, x)}.",
            Wrong.divides_by_the_requested_keep_prob
            if p < 1
            else Wrong.scales_by_another_number,
        )


def _everything_mistake(p: float, dropped: float) -> str:
    if dropped == 1:
        return Wrong.threshold_does_not_fit_into_a_byte
    # One value in 256 of 7,200 units is 28; 0.001 of them is 7.
    return (
        Wrong.drops_one_value_in_256_at_one
        if p == 1 or dropped > 0.002
        else Wrong.rounds_the_threshold_down
    )


@exercise.check(points=0.25, after="returns_floats_and_a_number")
def gives_each_unit_its_own_byte(byte_dropout: StudentFunction, trial: Trial) -> None:
    """Rows, columns, pixels and calls do not share bytes, and the kept count varies."""
    elementwise.gives_each_unit_its_own_bit(byte_dropout, trial)


_BYTE_LOOKS: Mapping[str, Law] = {
    "kept at 0.8": Proportion(205 / 256, detects=0.02),
    "kept at 0.3": Proportion(77 / 256, detects=0.02),
    "large x kept at 0.8": Proportion(205 / 256, detects=0.03),
    "positive x kept at 0.8": Proportion(205 / 256, detects=0.03),
    "first half kept at 0.8": Proportion(205 / 256, detects=0.03),
    "kept at 0.998": Proportion(255 / 256, detects=1 / 256),
    "kept at 0.005": Proportion(1 / 256, detects=1 / 256),
    "kept at 0.007": Proportion(2 / 256, detects=1 / 256),
    "kept at 0.001": Proportion(1 / 256, detects=0.0029),
}


@exercise.check(points=0.25, after="gives_each_unit_its_own_byte", looks=_BYTE_LOOKS)
def keeps_units_at_the_rate_of_the_byte(
    byte_dropout: StudentFunction, trial: Trial
) -> None:
    """Every unit is kept with the nearest representable probability, near 0 and 1 too."""
    for p in (0.8, 0.3, 0.001, 0.998, 0.005, 0.007):
        look = f"kept at {p}"
        got = elementwise.draw(
            byte_dropout, trial, (2 * -(-trial.size(look) // 40), 20), p
        )
        what = f"units kept at keep_prob = {p}, which is {256 * _nearest(p):.0f}/256"
        name = partial(_byte_rate_mistake, got, p)
        trial.judge(look, got.mask, got.mask.size, what, name)
        for subset, where in _halves(got.x).items():
            look = f"{subset} kept at {p}"
            if look in _BYTE_LOOKS:
                what = f"units with {subset} kept at keep_prob = {p}"
                trial.judge(look, got.mask[where], int(where.sum()), what, name)


def _halves(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return halves of the units by size, sign and place, each as a mask of ``x``."""
    front = np.arange(x.size).reshape(x.shape) < x.size // 2
    return {"large x": np.abs(x) > 1.75, "positive x": x > 0, "first half": front}


def _byte_rate_mistake(got: Draw, p: float, share: float) -> str:
    """Return what is behind a wrong rate of kept units, overall or in one half.

    Halves of correct masks differ by 0.02 in no more than one of 1e20 draws."""
    for half, where in _halves(got.x).items():
        if abs(got.mask[where].mean() - got.mask[~where].mean()) > 0.02:
            by_place = half == "first half"
            return (
                elementwise.Wrong.drops_by_place
                if by_place
                else elementwise.Wrong.drops_by_value
            )
    if p in (0.8, 0.3):
        return elementwise.share_name(share, p)
    if p == 0.001 and 0.0004 < share < 0.0025:
        return Wrong.keeps_at_the_requested_rate
    return (
        Wrong.keeps_one_byte_value_too_few
        if share < _nearest(p)
        else Wrong.keeps_one_byte_value_too_many
    )


_BYTE_PAIRS: Mapping[str, Law] = {
    look: agreement(77 / 256, detects=0.02)
    for look in (
        "successive calls",
        "neighbouring rows",
        "distant rows",
        "neighbouring columns",
        "distant columns",
        "mirrored units",
    )
}


_SIX_OF_20 = Proportion(math.exp(log_binomial(6, 20, 77 / 256)), detects=0.05)


_BYTE_COUNTS: Mapping[str, Law] = {
    "count in a row": _SIX_OF_20,
    "count in a column": _SIX_OF_20,
}


@exercise.check(
    points=0.25,
    after="gives_each_unit_its_own_byte",
    looks={**_BYTE_PAIRS, **_BYTE_COUNTS},
)
def draws_bytes_independently(byte_dropout: StudentFunction, trial: Trial) -> None:
    """Bits in pairs of rows, columns and calls are independent; so are counts of 20."""
    rng = trial.generator()
    units = max(
        *map(trial.size, _BYTE_PAIRS), *(20 * trial.size(look) for look in _BYTE_COUNTS)
    )
    blocks = 2 * -(-units // 800)
    rows = 20 * blocks
    first, second = (
        elementwise.draw(byte_dropout, trial, (rows, 20), 0.3, rng).mask
        for _ in range(2)
    )
    flat = first.ravel()
    pairs = {
        "successive calls": (first, second),
        "neighbouring rows": (first[::2], first[1::2]),
        "distant rows": np.split(first, 2),
        "neighbouring columns": (first[:, ::2], first[:, 1::2]),
        "distant columns": np.split(first, 2, axis=1),
        "mirrored units": (np.split(flat, 2)[0], np.split(flat[::-1], 2)[0]),
    }
    for look, (a, b) in pairs.items():
        what = f"{look} at keep_prob = 0.3: mask bits that agree"
        trial.judge(
            look, a == b, a.size, what, elementwise.Wrong.bits_depend_on_each_other
        )
    square = first.reshape(blocks, 20, 20)
    for axis, where in ((2, "row"), (1, "column")):
        six = square.sum(axis=axis) == 6
        what = f"20 units of a {where} at keep_prob = 0.3: exactly 6 kept"
        trial.judge(
            f"count in a {where}",
            six,
            six.size,
            what,
            elementwise.Wrong.bits_depend_on_each_other,
        )


@exercise.check(points=0.25, after="returns_floats_and_a_number")
def draws_its_bytes_from_rng(byte_dropout: StudentFunction, trial: Trial) -> None:
    """The same rng state gives the same output; another state, another output."""
    elementwise.draws_from_rng(byte_dropout, trial)
