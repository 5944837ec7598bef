"""alpha_dropout: drop units without changing the mean and the variance of the layer."""

from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np

from autograder.checks.energy import shared
from autograder.checks.energy.alpha_formulas import Wrong, mistake
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import corners, everywhere, unit_bits, unit_forms, units
from autograder.families.alpha_units import (
    ATTEMPTS,
    LARGE,
    Masking,
    Reading,
    away_from_off,
    constants,
    dropped_units,
    dropped_value,
    forms,
    read,
    readings,
)
from autograder.families.elementwise import SHAPES, call_text
from autograder.families.elementwise import Wrong as Unit
from autograder.families.noise_factors import forward
from autograder.families.properties import stated
from autograder.laws.binomial import Proportion

exercise = Exercise(
    "alpha_dropout",
    chapter="energy",
    title="Drop units without changing the mean and the variance of the layer",
    signature="alpha_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="moments-alpha",
    takes={
        "x": domain.floats("float array with 1 to 4 axes", 1, 4),
        "keep_prob": domain.keep_probs(),
    },
)


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
    if got.dropped.any():
        alike = got.dropped.all()
        return Wrong.all_units_come_back_alike if alike else Unit.still_drops_at_test
    if got.line is None:
        return Wrong.kept_units_follow_no_affine_map
    if abs(got.line[1]) > 1e-6:
        return Wrong.applies_the_affine_map_at_test
    if facts.close(got.line[0], 1.0):  # what is wrong is so elsewhere alone
        return None
    return Wrong.scales_at_alpha_test


_SIDES_OF_ONE = ((1,), (1, 5), (5, 1), (1, 1), (1, 1, 1, 1))
_INSIDE = (*shared.BOTH_SIDES, shared.MANY_DIGITS)
_ALL_KEEP_PROBS = (*_INSIDE, *shared.NEAR_THE_ENDS)


#: Of a dropped unit's value, a difference of numbers as large as A: in single precision
#: it is right to about 1e-7 of them.
_ROUNDING = 1e-6


def _drops_to_its_value(function: StudentFunction, trial: Trial) -> None:
    """Dropped units come back as A d + B."""
    for keep_prob in (*_ALL_KEEP_PROBS, 0.999, 0.001):
        call = call_text(function.name, LARGE, keep_prob)
        value = dropped_value(function, trial, keep_prob)
        if value is None and keep_prob == 0.999:  # as when few bits serve all units
            continue
        if value is None:
            trial.fail(
                f"{call}: no unit is dropped in {ATTEMPTS} calls.",
                Unit.rounds_or_clips_keep_prob,
            )
        _expect_value(function, trial, keep_prob, value)
    for keep_prob, got in readings(function, trial):
        if got.dropped.any():
            _expect_value(function, trial, keep_prob, got.value)


def _expect_value(
    function: StudentFunction, trial: Trial, keep_prob: float, value: float
) -> None:
    """Check what dropped units come back as."""
    factor, _, expected = constants(keep_prob)
    if facts.close(value, expected, atol=_ROUNDING * max(1, factor)):
        return
    trial.fail(
        f"{call_text(function.name, LARGE, keep_prob)}: dropped units come back as "
        f"{value:.6g}; expected {expected:.6g}.",
        mistake(function, trial) or Wrong.has_other_constants,
    )


#: Shapes of x, with its size and dtype.
_Case = tuple[tuple[int, ...], float, Any]
_SHAPES: list[_Case] = [(shape, 1.0, np.float32) for shape in (*SHAPES, *_SIDES_OF_ONE)]
_SIZES: list[_Case] = [(LARGE, s, np.float64) for s in (1e6, 0.0, 1e-6, 1e-3, 1e3)]


def _maps_kept_units(function: StudentFunction, trial: Trial) -> None:
    """Kept units come back as A x + B, for x of every size and shape."""
    cases: list[tuple[_Case, float]]
    cases = [((LARGE, 1.0, np.float64), p) for p in _ALL_KEEP_PROBS]
    cases += zip([*_SIZES, *_SHAPES], cycle(_INSIDE))
    values = {p: dropped_value(function, trial, p) for p in _ALL_KEEP_PROBS}
    for (shape, size, dtype), keep_prob in cases:
        value = values[keep_prob]
        if value is None:  # judged by ``_drops_to_its_value``
            continue
        x = (size * away_from_off(trial.inputs(*shape, zeros=0.1))).astype(dtype)
        out = forward(function, x, keep_prob, trial.generator())
        _expect_mapped(function, trial, x, out, keep_prob, value)
    alike, usual = np.full(LARGE, 0.75), _INSIDE[0]
    if (value := values[usual]) is not None:
        out = forward(function, alike, usual, trial.generator())
        _expect_mapped(function, trial, alike, out, usual, value)
    # Of so many some are kept, and of so few none is dropped.
    bounds = Unit.scale_fits_some_keep_probs
    for keep_prob, shape in zip(corners.ENDS, ((200, 100), (2, 3)), strict=True):
        value = dropped_value(function, trial, keep_prob)
        off = constants(keep_prob)[2] if value is None else value
        x = away_from_off(trial.inputs(*shape))
        out = forward(function, x, keep_prob, trial.generator())
        _expect_mapped(function, trial, x, out, keep_prob, off, bounds)
    _maps_them_everywhere(function, trial)


def _maps_them_everywhere(function: StudentFunction, trial: Trial) -> None:
    """Check the same at keep probabilities from all over the range, in every form."""
    bounds = Unit.scale_fits_some_keep_probs
    values = {p: constants(p)[2] for p in _INSIDE}
    found: list[tuple[float, Reading]] = []
    try:
        found = readings(function, trial)
    except StudentError as error:
        trial.leave(error, _VALUE)
    for p, got in found:
        values[p] = got.value if got.dropped.any() else constants(p)[2]
        _expect_mapped(function, trial, got.x, got.out, p, values[p], bounds)
    spread = [*values.items()][len(_INSIDE) if found else 0 :]
    for x, (p, value) in zip(forms(trial), cycle(spread), strict=False):
        outputs: list[np.ndarray] = []
        with trial.left_to_others(StudentError, of="arrays of every form"):
            outputs.append(forward(function, x, p, trial.generator()))
        for out in outputs:
            _expect_mapped(function, trial, x, out, p, value)


def _expect_mapped(
    function: StudentFunction,
    trial: Trial,
    x: np.ndarray,
    out: np.ndarray,
    keep_prob: float,
    value: float,
    otherwise: str = Wrong.kept_units_follow_no_affine_map,
) -> None:
    """Check that each unit is A x + B or the value of dropped ones, and that of many units
    some are the one and some the other."""
    factor, shift, _ = constants(keep_prob)
    expected, slack = factor * x + shift, 1e-5 * max(1, factor)
    dropped, kept = (np.isclose(out, y, 1e-5, slack) for y in (value, expected))
    call = call_text(function.name, x.shape, keep_prob)
    if not (dropped | kept).all():
        place = int(np.flatnonzero(~(dropped | kept))[0])
        trial.fail(
            f"{call}: a unit of {x.flat[place]:.6g} comes back as "
            f"{out.flat[place]:.6g}; expected {expected.flat[place]:.6g} when it is kept "
            f"(and {value:.6g} means dropped here).",
            mistake(function, trial) or otherwise,
        )
    if x.shape != LARGE or keep_prob not in _INSIDE or not x.any():
        return
    share = float(kept[x != 0].mean())
    trial.expect(
        0 < share < 1,
        f"{call}: all units are {'kept' if share else 'dropped'} when x is as large as "
        f"{np.abs(x).max():.3g}; expected some of either kind.",
        Unit.drops_by_value,
    )


def _keeps_all_at_one(function: StudentFunction, trial: Trial) -> None:
    """At keep_prob = 1, out equals x."""
    for shape, size, dtype in (((50, 40), 1.0, np.float64), *_SIZES[:2], *_SHAPES):
        x = (size * trial.inputs(*shape, zeros=0.1)).astype(dtype)
        out = forward(function, x, 1.0, trial.generator())
        if not facts.close(out, x, atol=1e-6):
            trial.fail(
                f"{call_text(function.name, x.shape, 1.0)}: nothing is dropped at "
                f"keep_prob = 1, so out equals x; {facts.worst(out, x)}.",
                _at_one_mistake(function, trial, x, out),
            )


def _at_one_mistake(
    function: StudentFunction, trial: Trial, x: np.ndarray, out: np.ndarray
) -> str:
    wrong = ~np.isclose(out, x, atol=1e-6)
    if np.count_nonzero(wrong) == 1 < x.size:
        return Unit.drops_at_least_one
    if x.any() and not wrong[x != 0].any():
        return Unit.drops_by_value
    if np.median(np.abs(out - x)) < 0.05 * max(1, np.abs(x).max() / 3):
        return Unit.rounds_or_clips_keep_prob
    if abs(read(function, trial, 0.8).dropped.mean() - 0.8) < 0.06:
        return Unit.keeps_with_drop_probability
    return Wrong.is_wrong_at_keep_prob_one


def _own_bits(function: StudentFunction, trial: Trial) -> None:
    """Rows, columns and calls do not share bits, and the kept count varies."""
    unit_forms.OWN_BITS.test(Masking(function), trial)


#: Units whose size is special, which are kept as often as others.
_SPECIAL = {"zero": 0.0, "huge": 1e6, "tiny": 1e-6}
_LOOKS = {
    **unit_forms.RATE.looks,
    **{f"{size} x kept at 0.8": Proportion(0.8, detects=0.05) for size in _SPECIAL},
}


def _keeps_at_rate(function: StudentFunction, trial: Trial) -> None:
    """Every unit is kept with probability keep_prob, whatever its value and place."""
    unit_forms.RATE.test(Masking(function), trial)
    n = max(trial.size(look) for look in _LOOKS if look.split()[0] in _SPECIAL)
    x = away_from_off(trial.inputs(-(-n // 10), 40))
    for i, size in enumerate(_SPECIAL.values()):
        x[:, i::4] *= size
    out = forward(function, x, 0.8, trial.generator())
    # Kept zeros share a value as well, and more of them than of the dropped.
    ordinary = out[:, 3::4]
    dropped = dropped_units(ordinary, 0.8)
    value = np.median(ordinary[dropped]) if dropped.any() else np.nan
    usual = abs(1 - np.mean(dropped) - 0.8) < 0.05
    named = Unit.drops_by_value if usual else Unit.keeps_some_calls_at_another_rate
    for i, (name, size) in enumerate(_SPECIAL.items()):
        kept = ~np.isclose(out[:, i::4], value, rtol=1e-5, atol=1e-5)
        what = "units with x = 0 kept at keep_prob = 0.8"
        if size:
            what = (
                f"units with x from {0.25 * size:g} to {3 * size:g}, either sign, kept"
            )
            what += " at keep_prob = 0.8"
        look = f"{name} x kept at 0.8"
        trial.judge(look, kept, kept.size, what, named)


def _independent(function: StudentFunction, trial: Trial) -> None:
    """Bits in pairs of rows, columns and calls are independent, and so are counts."""
    unit_forms.INDEPENDENT.test(Masking(function), trial)


_FLOATS, _MIXES = "returns_alpha_float_arrays", "replaces_some_units_by_one_value"
_BITS, _RATE = "drops_each_unit_by_itself", "keeps_alpha_units_at_the_stated_rate"

exercise.asks(0.25, _FLOATS, units.RUNS)
exercise.asks(0.25, _MIXES, stated(_mixes), _FLOATS)
exercise.asks(0.25, "leaves_the_layer_alone", units.LEAVES_X, _MIXES)
_same = units.at_test("x", lambda keep_prob: 1.0, _at_test_mistake)
exercise.asks(0.5, "alpha_is_the_identity_at_test", _same, _MIXES)
_VALUE = "gives_dropped_units_the_right_value"
_values = stated(_drops_to_its_value), stated(_maps_kept_units)
exercise.asks(0.75, _VALUE, _values[0], _MIXES)
exercise.asks(0.75, "scales_and_shifts_kept_units", _values[1], _MIXES)
_at_one = "alpha_changes_nothing_at_keep_prob_one"
exercise.asks(0.25, _at_one, stated(_keeps_all_at_one), _MIXES)
exercise.asks(0.25, _BITS, stated(_own_bits), _MIXES)
exercise.asks(0.5, _RATE, stated(_keeps_at_rate, _LOOKS), _BITS)
_alone = stated(_independent, unit_forms.INDEPENDENT.looks)
exercise.asks(0.5, "drops_alpha_units_independently", _alone, _RATE)
_KINDS = replace(unit_forms.KINDS, of=lambda function, _: Masking(function))
_FROM_RNG = everywhere.follows_rng(unit_bits.FROM_RNG, _KINDS)
exercise.asks(0.25, "draws_alpha_masks_from_the_given_rng", _FROM_RNG, _MIXES)
