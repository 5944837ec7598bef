"""alpha_dropout: drop units without changing the mean and the variance of the layer."""

from typing import Any

import numpy as np

from autograder.checks.energy import shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import unit_bits, units
from autograder.families.alpha_units import (
    LARGE,
    OFF,
    Masking,
    Reading,
    away_from_off,
    constants,
    dropped_units,
    of_masks,
    read,
)
from autograder.families.elementwise import SHAPES, call_text
from autograder.families.elementwise import Wrong as Unit
from autograder.families.formula import Rivals, first
from autograder.families.noise_factors import forward
from autograder.families.properties import stated
from autograder.laws.binomial import Proportion

exercise = Exercise(
    "alpha_dropout",
    chapter="energy",
    title="Drop units without changing the mean and the variance of the layer",
    signature="alpha_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="energy-alpha",
)


class Wrong(Mistakes, section="energy-alpha"):
    alpha_dropout_changes_nothing = """in training x comes back unchanged; dropped units
        have to be replaced."""
    dropped_units_have_no_common_value = """no two units come back with the same value;
        all dropped units take one value, whatever x was."""
    all_units_come_back_alike = """every unit comes back with the same value; kept units
        follow x."""
    drops_to_zero = """you replace dropped units by 0; AlphaDropout replaces them by d =
        −λα."""
    writes_inverted_dropout_for_alpha_dropout = """this is inverted dropout: dropped
        units are 0 and kept ones x / keep_prob; the mean stays and the variance
        grows."""
    forgets_the_affine_map = """you replace dropped units by d and stop there; A and B
        bring mean and variance back."""
    forgets_the_shift = """you multiply by A and do not add B; the mean of the layer
        moves."""
    forgets_the_factor_a = """you shift the layer and do not multiply it by A; its
        variance changes."""
    shift_lacks_the_factor_a = """your B is −q d for q = 1 − keep_prob; the bracket's
        mean q d is multiplied by A, so B is −A q d."""
    shifts_the_wrong_way = "your B has the wrong sign: B takes the bracket's mean away."
    shifts_by_keep_prob = """your B holds keep_prob; the bracket's mean comes from the
        dropped units, so B holds 1 − keep_prob."""
    forgets_the_root_in_a = """your A is one over the bracket's variance; it is one over
        the square root of it."""
    takes_a_from_the_mean_square = """your A comes from the bracket's mean square p + q
        d²; the variance is p + p q d²."""
    inverts_the_factor_a = """your A is the square root of the bracket's variance;
        divide by it."""
    divides_by_keep_prob_as_well = """you divide kept units by keep_prob as well; A does
        all the scaling that is needed."""
    leaves_the_dropped_out_of_the_affine_map = """kept units come back as A x + B, and
        dropped units as d; the affine map is for both, A d + B."""
    drops_after_the_affine_map = """kept units come back as A x + B, and dropped units
        as 0; drop first, then apply the affine map to the whole layer."""
    swaps_keep_and_drop_in_the_constants = "A and B are those of 1 − keep_prob."
    drops_to_another_value = """A and B follow their formulas, and the value d that you
        put in place of dropped units is another than −λα = −1.7581."""
    standardises_the_output = """you subtract the mean of what came out and divide by
        its standard deviation; A and B depend on keep_prob alone."""
    has_other_constants = """kept units come back as a x + b and dropped units as one
        value, but these three numbers are not A, B and A d + B."""
    kept_units_follow_no_affine_map = """kept units do not come back as a x + b with the
        same two numbers a and b everywhere."""
    is_wrong_at_keep_prob_one = """at keep_prob = 1 nothing is dropped; then A = 1, B =
        0 and out equals x."""
    applies_the_affine_map_at_test = """at test you still apply A and B; at test
        AlphaDropout is the identity."""
    scales_at_alpha_test = """at test x comes back multiplied by a constant; at test
        AlphaDropout is the identity."""


def _rivals(p: np.ndarray) -> Rivals:
    """Return a, b and the dropped units' value as wrong answers have them."""
    factor, shift, value = constants(p)
    mean = (1 - p) * OFF
    variance, root = p + p * (1 - p) * OFF**2, (p + (1 - p) * OFF**2) ** -0.5

    def mapped(a: Any, b: Any) -> tuple[Any, Any, Any]:
        return a, b, a * OFF + b

    return {
        Wrong.writes_inverted_dropout_for_alpha_dropout: (1 / p, 0, 0),
        Wrong.drops_after_the_affine_map: (factor, shift, 0),
        Wrong.drops_to_zero: [(factor, shift, shift), (p**-0.5, 0, 0), (1, 0, 0)],
        Wrong.forgets_the_affine_map: (1, 0, OFF),
        Wrong.forgets_the_shift: mapped(factor, 0),
        Wrong.forgets_the_factor_a: [mapped(1, -mean), mapped(1, shift)],
        Wrong.shift_lacks_the_factor_a: mapped(factor, -mean),
        Wrong.shifts_the_wrong_way: mapped(factor, -shift),
        Wrong.shifts_by_keep_prob: mapped(factor, -factor * p * OFF),
        Wrong.forgets_the_root_in_a: [
            mapped(1 / variance, b) for b in (-mean / variance, -mean, shift)
        ],
        Wrong.takes_a_from_the_mean_square: mapped(root, -root * mean),
        Wrong.inverts_the_factor_a: mapped(1 / factor, -mean / factor),
        Wrong.divides_by_keep_prob_as_well: [
            (factor / p, shift, value),
            (factor / p, shift / p, value / p),
            mapped(factor / p, shift),
        ],
        Wrong.leaves_the_dropped_out_of_the_affine_map: (factor, shift, OFF),
        Wrong.swaps_keep_and_drop_in_the_constants: constants(1 - p),
    }


def _fits(found: Any, wrong: Any) -> bool:
    pairs = zip(found, wrong, strict=True)
    return all(facts.close(one, other, rtol=1e-4, atol=1e-5) for one, other in pairs)


def _mistake(function: StudentFunction, trial: Trial) -> str | None:
    """Return what is behind wrong values, from two large forward passes."""
    p = np.array(shared.BOTH_SIDES)
    try:
        got = [read(function, trial, each) for each in shared.BOTH_SIDES]
    except (StudentError, CheckFailure):
        return None
    if any(each.dropped.mean() in (0, 1) for each in got):
        return None
    moments = np.array([(each.out.mean(), each.out.std()) for each in got])
    if facts.close(moments, (0, 1), atol=1e-5):
        return Wrong.standardises_the_output
    lines = [each.line for each in got if each.line]
    if len(lines) < len(got):
        return Wrong.kept_units_follow_no_affine_map
    a, b = np.transpose(lines)
    value = np.array([each.value for each in got])
    if _fits((a, b, value), constants(p)):
        return None
    if name := first((a, b, value), _rivals(p), _fits):
        return name
    off = (value - b) / a
    consistent = facts.close(*off) and _fits((a, b, value), constants(p, off))
    return Wrong.drops_to_another_value if consistent else Wrong.has_other_constants


def _mixes(function: StudentFunction, trial: Trial) -> None:
    """In training, which is the default, some units take one common value, others not."""
    for keep_prob in shared.BOTH_SIDES:
        got = read(function, trial, keep_prob)
        share = got.dropped.mean()
        if 0 < share < 1:
            continue
        seen = "all units share a value" if share else "no value comes back repeatedly"
        trial.fail(
            f"{call_text(function.name, LARGE, keep_prob)}: {seen}; expected about "
            f"{1 - keep_prob:.0%} of the units to come back as one value.",
            _unmixed_mistake(function, trial, got),
        )


def _unmixed_mistake(function: StudentFunction, trial: Trial, got: Reading) -> str:
    """Return what is behind an output without a mixture of kept and dropped units."""
    try:
        units.drops_some(Masking(function), trial)
    except CheckFailure as failure:
        if failure.mistake in (
            Unit.one_bit_for_the_whole_array,
            Unit.does_not_train_by_default,
            Unit.training_flag_reversed,
        ):
            return failure.mistake
    if got.dropped.all():
        return Wrong.all_units_come_back_alike
    if facts.close(got.out, got.x):
        return Wrong.alpha_dropout_changes_nothing
    return Wrong.dropped_units_have_no_common_value


def _at_test_mistake(function: StudentFunction, trial: Trial, _: Any) -> str | None:
    try:
        got = read(function, trial, 0.8, training=False)
    except (StudentError, CheckFailure):
        return None
    if 0 < got.dropped.mean() < 1:
        return Unit.still_drops_at_test
    if got.line is None:
        return Wrong.kept_units_follow_no_affine_map
    shifts = abs(got.line[1]) > 1e-6
    return (
        Wrong.applies_the_affine_map_at_test if shifts else Wrong.scales_at_alpha_test
    )


#: Near keep_prob = 1 a mask that whole rows share may drop nothing, which is judged
#: elsewhere: a reading with a dropped unit is looked for in so many calls.
_ATTEMPTS = 30


def _drops_to_its_value(function: StudentFunction, trial: Trial) -> None:
    """Dropped units come back as A d + B."""
    for keep_prob in (*shared.BOTH_SIDES, shared.MANY_DIGITS, *shared.NEAR_THE_ENDS):
        call = call_text(function.name, LARGE, keep_prob)
        readings = (read(function, trial, keep_prob) for _ in range(_ATTEMPTS))
        values = (got.value for got in readings if got.dropped.any())
        value, expected = next(values, None), constants(keep_prob)[2]
        if value is None:
            trial.fail(
                f"{call}: no unit is dropped in {_ATTEMPTS} calls.",
                Unit.rounds_or_clips_keep_prob,
            )
        if not facts.close(value, expected):
            trial.fail(
                f"{call}: dropped units come back as {value:.6g}; expected "
                f"{expected:.6g}.",
                _mistake(function, trial) or Wrong.has_other_constants,
            )


_CASES: list[tuple[tuple[int, ...], float, Any]] = [
    *((LARGE, size, np.float64) for size in (1.0, 1e-3, 1e3)),
    *((shape, 1.0, np.float32) for shape in (*SHAPES, (1,), (1, 5))),
]


def _maps_kept_units(function: StudentFunction, trial: Trial) -> None:
    """Kept units come back as A x + B, for x of every size and shape."""
    for keep_prob in (*shared.BOTH_SIDES, shared.MANY_DIGITS):
        value = read(function, trial, keep_prob).value
        factor, shift, _ = constants(keep_prob)
        for shape, size, dtype in _CASES:
            x = (size * away_from_off(trial.inputs(*shape, zeros=0.1))).astype(dtype)
            out = forward(function, x, keep_prob, trial.generator())
            expected, slack = factor * x + shift, 1e-5 * max(1, factor)
            allowed = (np.isclose(out, y, 1e-5, slack) for y in (value, expected))
            wrong = ~np.logical_or(*allowed)
            if wrong.any():
                place = int(np.flatnonzero(wrong)[0])
                trial.fail(
                    f"{call_text(function.name, shape, keep_prob)}: a unit of "
                    f"{x.flat[place]:.6g} comes back as {out.flat[place]:.6g}; expected "
                    f"{expected.flat[place]:.6g} when it is kept (and {value:.6g} means "
                    "dropped here).",
                    _mistake(function, trial) or Wrong.kept_units_follow_no_affine_map,
                )


def _keeps_all_at_one(function: StudentFunction, trial: Trial) -> None:
    """At keep_prob = 1, out equals x."""
    x = trial.inputs(50, 40)
    out = forward(function, x, 1.0, trial.generator())
    if facts.close(out, x, atol=1e-6):
        return
    name = Wrong.is_wrong_at_keep_prob_one
    if np.median(np.abs(out - x)) < 0.05:
        name = Unit.rounds_or_clips_keep_prob
    elif abs(read(function, trial, 0.8).dropped.mean() - 0.8) < 0.06:
        name = Unit.keeps_with_drop_probability
    trial.fail(
        f"{call_text(function.name, x.shape, 1.0)}: nothing is dropped at keep_prob "
        f"= 1, so out equals x; {facts.worst(out, x)}.",
        name,
    )


_ZEROS = "zero x kept at 0.8"


def _keeps_at_rate(function: StudentFunction, trial: Trial) -> None:
    """Every unit is kept with probability keep_prob, whatever its value and place."""
    unit_bits.keeps_at_rate(Masking(function), trial)
    x = trial.inputs(2 * -(-trial.size(_ZEROS) // 40), 40)
    x[:, ::2] = 0
    out = forward(function, away_from_off(x), 0.8, trial.generator())
    # Kept zeros share a value as well, and more of them than of the dropped.
    dropped = dropped_units(out[x != 0], 0.8)
    value = np.median(out[x != 0][dropped]) if dropped.any() else np.nan
    kept = ~np.isclose(out[x == 0], value, rtol=1e-5, atol=1e-5)
    what = "units with x = 0 kept at keep_prob = 0.8"
    trial.judge(_ZEROS, kept, kept.size, what, Unit.drops_by_value)


_LOOKS = {**unit_bits.RATE_LOOKS, _ZEROS: Proportion(0.8, detects=0.05)}
_FLOATS, _MIXES = "returns_alpha_float_arrays", "replaces_some_units_by_one_value"
_BITS, _RATE = "drops_each_unit_by_itself", "keeps_alpha_units_at_the_stated_rate"

exercise.asks(0.25, _FLOATS, units.RUNS)
exercise.asks(0.25, _MIXES, stated(_mixes), _FLOATS)
exercise.asks(0.25, "leaves_the_layer_alone", units.LEAVES_X, _MIXES)
_same = units.at_test("x", lambda keep_prob: 1.0, _at_test_mistake)
exercise.asks(0.5, "alpha_is_the_identity_at_test", _same, _MIXES)
_values = stated(_drops_to_its_value), stated(_maps_kept_units)
exercise.asks(0.75, "gives_dropped_units_the_right_value", _values[0], _MIXES)
exercise.asks(0.75, "scales_and_shifts_kept_units", _values[1], _MIXES)
_at_one = "alpha_changes_nothing_at_keep_prob_one"
exercise.asks(0.25, _at_one, stated(_keeps_all_at_one), _MIXES)
exercise.asks(0.25, _BITS, of_masks(unit_bits.OWN_BITS), _MIXES)
exercise.asks(0.5, _RATE, stated(_keeps_at_rate, _LOOKS), _BITS)
_independent = of_masks(unit_bits.INDEPENDENT)
exercise.asks(0.5, "drops_alpha_units_independently", _independent, _RATE)
exercise.asks(0.25, "draws_alpha_masks_from_the_given_rng", unit_bits.FROM_RNG, _MIXES)
