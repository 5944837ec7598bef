"""byte_dropout: draw the mask from one byte per unit, without bias."""

import itertools
import math
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from autograder.checks.quantization import every_form, shared
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise, Property
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import (
    bit_tests,
    corners,
    departures,
    elementwise,
    everywhere,
    kinds,
    small_calls,
    unit_bits,
    unit_forms,
    units,
)
from autograder.families.elementwise import KEEP_PROBS, Draw, call_text, draw
from autograder.families.properties import stated
from autograder.families.rivals import first
from autograder.laws.binomial import Proportion, agreement, log_binomial

exercise = Exercise(
    "byte_dropout",
    chapter="quantization",
    title="Draw the mask from one byte per unit, without bias",
    signature="byte_dropout(x, keep_prob, rng) -> (out, keep_prob_effective)",
    section="bits-lattice",
    takes={
        "x": domain.floats("float array of any shape with 1 to 4 axes", 1, 4),
        "keep_prob": domain.keep_probs().said("0 < `keep_prob` <= 1"),
    },
)


class Wrong(Mistakes, section="bits-lattice"):
    returns_the_requested_keep_prob = """you return keep_prob as it was asked for; take
        the nearest multiple of 1/256 for the mask and the factor, and return it."""
    rounds_the_threshold_down = """256 * keep_prob is cut off to a whole number; take
        the nearest one."""
    rounds_the_threshold_up = """256 * keep_prob is rounded up, as by a comparison of
        byte / 256 with keep_prob; take the nearest whole number."""
    counts_255_values = "you reckon with 255; a byte has 256 values, 0 to 255."
    returns_the_threshold = """you return the whole number t; the keep probability is t
        / 256."""
    returns_the_factor_of_kept_units = """you return the factor 1 / keep_prob_effective;
        return the probability."""
    returns_the_effective_drop_probability = """you return the effective probability of
        dropping a unit; return that of keeping it."""
    returns_the_share_that_was_kept = """your second value changes with the mask, as the
        share of units that happened to be kept does; the keep probability is known
        before a byte is drawn."""
    keep_prob_is_not_of_a_byte = """your effective keep probability is not a whole
        number over 256, as that of a byte is."""
    takes_a_byte_value_that_is_not_nearest = """there is a nearer whole number to 256 *
        keep_prob than the one you took."""
    rounds_keep_prob_to_zero = """keep probabilities below 1/512 become 0; the smallest
        that you may take is 1/256."""
    divides_by_the_requested_keep_prob = """you divide by the keep_prob that was asked
        for; divide by the one that the byte gives, or the output is biased."""
    bounds_the_threshold_by_255 = """your threshold is at most 255; at keep_prob = 1 it is
        256, for which a byte is too small a type."""
    scales_by_another_number = """kept units are scaled by another number than 1 /
        keep_prob_effective; divide by keep_prob_effective."""
    multiplies_by_the_effective_keep_prob = """you multiply by the keep probability;
        divide by it."""
    threshold_does_not_fit_into_a_byte = """at keep_prob = 1 the threshold 256 does not
        fit into a byte: it becomes 0, or raises; compare with a larger integer type."""
    drops_one_value_in_256_at_one = """at keep_prob = 1 about one unit in 256 is
        dropped: one of the 256 byte values is still on the wrong side of your
        comparison."""
    keeps_at_the_requested_rate = """you keep units with probability keep_prob and not
        keep_prob_effective, as a comparison of a finer random number with keep_prob
        does."""
    keeps_one_byte_value_too_many = """your comparison keeps t + 1 byte values, or t of
        255: either `<=` stands for `<`, or 255 stands for 256, or t is rounded up
        there."""
    keeps_one_byte_value_too_few = """about as many are kept as by t − 1 byte values: bytes
        do not begin at 0, or `>` stands for `>=`, t is cut off, or a few calls differ."""
    compares_signed_bytes = """your bytes have a sign and run from −128 to 127, so half
        of them are below any threshold; take np.uint8."""


_SHAPE = (6, 5)


def _nearest(keep_prob: float) -> float:
    return max(1, round(256 * keep_prob)) / 256


def _effective(
    function: StudentFunction, trial: Trial, shape: tuple[int, ...], keep_prob: float
) -> float:
    """Return the second value as a float; out is not looked at."""
    call = call_text(function.name, shape, keep_prob)
    result = function(trial.inputs(*shape), keep_prob, trial.generator())
    effective = facts.pair(result, call, "(out, keep_prob_effective)")[1]
    return facts.number(effective, call, "keep_prob_effective")


def _returns_out_and_a_number(function: StudentFunction, trial: Trial) -> None:
    """out has the shape of x and holds finite floats, some 0; then comes one number."""
    for case in itertools.product(((50,), (40, 30), (2, 3, 4, 5)), KEEP_PROBS):
        _effective(function, trial, *case)
        for dtype in (np.float64, np.float32):
            draw(function, trial, *case, dtype=dtype)
    share = draw(function, trial, (60, 60), 0.3).mask.mean()
    trial.expect(
        abs(share - (128 + 77) / 256) > 0.04
        or not draw(function, trial, (60, 60), 0.8).mask.all(),
        f"{function.name} keeps {share:.0%} of the units at keep_prob = 0.3, and all of "
        "them at 0.8.",
        Wrong.compares_signed_bytes,
    )
    for keep_prob in KEEP_PROBS:
        shared.expect_a_mixture(function, trial, keep_prob, keep_prob)


#: Keep probabilities off ties, if barely; the nearest of the 256 lies above and below.
#: Then whole numbers over 256.
_ASKED: tuple[float, ...] = (0.8, 0.3, 0.9, 0.7, 0.4, 0.2, 0.05, 0.97, 0.6, 0.123)
_ASKED += (0.02, 0.012, 0.995, 0.875, 0.5, 10.503 / 256, 200.497 / 256)
_ASKED += (1 / 256, 2 / 256, 3 / 256, 129 / 256, 255 / 256)
#: Near 0 and 256, and what is behind another whole number there.
_AT_EDGES = {
    0.001: Wrong.rounds_keep_prob_to_zero,
    1e-9: Wrong.rounds_keep_prob_to_zero,
    1.0: Wrong.takes_a_byte_value_that_is_not_nearest,
    0.999: Wrong.rounds_the_threshold_down,
    0.9985: Wrong.rounds_the_threshold_down,
    domain.LEAST: Wrong.rounds_keep_prob_to_zero,
    corners.ENDS[1]: Wrong.rounds_the_threshold_down,
}
_AT_ONE = {1 - 1 / 256: Wrong.bounds_the_threshold_by_255}
_AT_ONE |= {0: Wrong.threshold_does_not_fit_into_a_byte}


def _rounds_to_the_nearest(function: StudentFunction, trial: Trial) -> None:
    """keep_prob_effective is the whole number over 256 that is nearest, at least 1/256."""
    # One request near every ninth whole number, away from ties.
    whole = np.arange(1 + trial.rng.integers(9), 256, 9)
    clear = (whole + trial.rng.uniform(-0.45, 0.45, len(whole))) / 256
    ask = partial(_effective, function, trial, _SHAPE)
    found = {p: ask(p) for p in (*_ASKED, *clear.tolist())}
    for p, value in found.items():
        if not facts.close(value, _nearest(p)):
            varies = len({ask(p) for _ in range(10)}) > 1
            trial.fail(
                f"{call_text(function.name, _SHAPE, p)}: keep_prob_effective is "
                f"{value:.6g}; expected {_nearest(p):.6g} = {256 * _nearest(p):.0f}/256.",
                Wrong.returns_the_share_that_was_kept
                if varies
                else _rounding_mistake(found),
            )
    for p, mistake in _AT_EDGES.items():
        call = call_text(function.name, _SHAPE, p)
        named = {"ZeroDivision": Wrong.rounds_keep_prob_to_zero}
        with shared.naming_errors(call, named):
            value = ask(p)
        trial.expect(
            facts.close(value, _nearest(p)),
            f"{call}: keep_prob_effective is {value:.6g}; expected {_nearest(p):.6g}.",
            mistake if p < 1 else _AT_ONE.get(value, mistake),
        )


#: What wrong rules take for the effective keep probability.
_ROUNDINGS: Mapping[str, list[Callable[[float], float]]] = {
    Wrong.returns_the_requested_keep_prob: [lambda p: p],
    Wrong.rounds_the_threshold_down: [
        lambda p: math.floor(256 * p) / 256,
        lambda p: max(1, math.floor(256 * p)) / 256,
    ],
    Wrong.rounds_the_threshold_up: [lambda p: math.ceil(256 * p) / 256],
    Wrong.counts_255_values: [
        lambda p: round(255 * p) / 255,
        lambda p: math.floor(255 * p) / 255,
        lambda p: round(255 * p) / 256,
        lambda p: math.floor(255 * p) / 256,
        lambda p: (math.floor(255 * p) + 1) / 256,
        lambda p: (round(255 * p) + 1) / 256,
        lambda p: round(256 * p) / 255,
    ],
    Wrong.returns_the_threshold: [lambda p: 256 * _nearest(p)],
    Wrong.returns_the_factor_of_kept_units: [lambda p: 1 / _nearest(p)],
    Wrong.returns_the_effective_drop_probability: [lambda p: 1 - _nearest(p)],
}


def _rounding_mistake(found: Mapping[float, float]) -> str:
    """Return the rule that gives these effective keep probabilities, by request."""

    def follows(values: list[float], rule: Callable[[float], float]) -> bool:
        return facts.close(values, [rule(p) for p in found], atol=1e-9)

    steps = 256 * np.array(values := list(found.values()))
    return first(values, _ROUNDINGS, follows) or (
        Wrong.takes_a_byte_value_that_is_not_nearest
        if facts.close(steps, np.round(steps))
        else Wrong.keep_prob_is_not_of_a_byte
    )


def _divides_by_the_nearest(function: StudentFunction, trial: Trial) -> None:
    """Each output is 0 or x over the representable keep probability nearest to keep_prob."""
    # At 0.3 no wrong factor is 1, which at 0.8 the whole part of 256 / t is, and of 3,599
    # units no share that is kept has another one as its reciprocal.
    # Below 1/256 one unit of 256 is kept; none of 9,000 is with probability 5e-16.
    for p in (0.3, 0.9, 0.7, 0.4, 0.05, 0.5, 0.1, 0.97, 0.001, 0.006):
        shape = (61, 59) if p > 0.01 else (90, 100)
        got, factor = draw(function, trial, shape, p), 1 / _nearest(p)
        shared.expect_factor(function.name, got, p, factor, _factor_mistake)
    units.zero_or_scaled(function, trial, lambda p: 1 / _nearest(p), _factor_mistake)
    every_form.expect_scaled(function, trial, lambda p: 1 / _nearest(p))
    for (kind, x), p in itertools.product(
        shared.of_every_kind(trial, 20, 30).items(), KEEP_PROBS
    ):
        out, call = shared.output(function, x, p, trial.generator())
        right = np.where(out != 0, x.astype(float) / _nearest(p), 0)
        # 1e-5 is some hundred roundings of a float32; all 600 are dropped never.
        if not (out.any() and facts.close(out, right, atol=0)):
            trial.fail(
                f"{call}, with entries {kind}: "
                f"{facts.worst(out, right) if out.any() else 'all units came back as 0'}.",
                shared.Wrong.factor_depends_on_x,
            )


def _factor_mistake(got: Draw, p: float) -> str:
    if got.ratio is None:
        return elementwise.Wrong.scale_differs_from_unit_to_unit
    t, t_of_255 = max(1, round(256 * p)), max(1, round(255 * p))
    rivals = {
        Wrong.divides_by_the_requested_keep_prob: 1 / p,
        shared.Wrong.leaves_kept_units_alone: 1.0,
        shared.Wrong.cuts_the_factor_off: [float(256 // t)] if 256 % t else [],
        shared.Wrong.divides_by_the_dropped_fraction: 1 / max(1 - _nearest(p), 1e-9),
        Wrong.multiplies_by_the_effective_keep_prob: [_nearest(p), p],
        Wrong.returns_the_share_that_was_kept: 1 / got.mask.mean(),
        Wrong.rounds_the_threshold_down: 256 / max(1, math.floor(256 * p)),
        Wrong.rounds_the_threshold_up: 256 / math.ceil(256 * p),
        Wrong.counts_255_values: [255 / t, 255 / t_of_255, 256 / t_of_255],
    }
    return first(got.ratio, rivals) or Wrong.scales_by_another_number


def _keeps_everything(function: StudentFunction, trial: Trial) -> None:
    """At keep_prob = 1, and 0.999, all 256 values of the byte keep the unit: out is x."""
    misfit = Wrong.threshold_does_not_fit_into_a_byte
    named = {"OverflowError": misfit, "": None}
    for p, scales in (
        (1.0, Wrong.scales_by_another_number),
        (0.999, Wrong.divides_by_the_requested_keep_prob),
    ):
        x = trial.inputs(90, 80)
        call = call_text(function.name, x.shape, p)
        with shared.naming_errors(call, named):
            result = function(x, p, trial.generator())
        out = facts.floats(facts.pair(result, call)[0], x.shape, call, "out")
        dropped = float(np.mean(out == 0))
        if dropped:
            trial.fail(
                f"{call}: {dropped:.2%} of the units are dropped; expected none.",
                _dropped_mistake(function, trial, p, dropped),
            )
        facts.finite(out, call, "out")
        if not facts.close(out, x):
            trial.fail(f"{call}: out is not x; {facts.worst(out, x)}.", scales)
    for shape in elementwise.ALL_SHAPES:
        got = draw(function, trial, shape, 1.0, dtype=np.float32)
        if not facts.close(got.out, got.x):
            trial.fail(
                f"{call_text(function.name, shape, 1.0)}: out is not x; "
                f"{facts.worst(got.out, got.x)}.",
                elementwise.Wrong.scale_depends_on_the_shape,
            )


def _dropped_mistake(
    function: StudentFunction, trial: Trial, p: float, dropped: float
) -> str:
    """Return what is behind a share of dropped units, of 7,200, at keep_prob 1 or 0.999.

    One value in 256 is 28 of them; 0.001 is 7."""
    if dropped > 0.9:
        kept = draw(function, trial, (60, 60), 0.8).mask.mean()
        if abs(kept - 0.2) < 0.05:
            return elementwise.Wrong.keeps_with_drop_probability
    signs = {
        Wrong.threshold_does_not_fit_into_a_byte: dropped == 1,
        elementwise.Wrong.keeps_at_another_rate: dropped > 0.01,
        Wrong.drops_one_value_in_256_at_one: p == 1,
        Wrong.keeps_at_the_requested_rate: dropped < 0.0022,
    }
    return first(True, signs) or Wrong.rounds_the_threshold_down


#: How far the rate may be from the nearest of 256 before it is noticed.
_DETECTS = {0.8: 0.02, 0.3: 0.02, 0.001: 0.0029}
#: 0.998 lies farthest from the nearest of them, which is that far off.
_DETECTS |= {0.998: 0.0019} | dict.fromkeys((0.005, 0.007), 1 / 256)
_HALVES = ("large x kept at 0.8", "positive x kept at 0.8", "first half kept at 0.8")
_LOOKS = {f"kept at {p}": Proportion(_nearest(p), d) for p, d in _DETECTS.items()}
_LOOKS |= dict.fromkeys(_HALVES, Proportion(205 / 256, detects=0.03))
_KINDS = kinds.units(call_text, modes=False, probability=_nearest)


def _keeps_at_rate(function: StudentFunction, trial: Trial) -> None:
    """Every unit is kept with the nearest representable probability, near 0 and 1 too."""
    for p, form in zip(_DETECTS, unit_forms.SHAPES.values(), strict=True):
        look, what = f"kept at {p}", f"kept at keep_prob = {p}"
        shape = form(trial.size(look))
        got = draw(function, trial, shape, p, x=elementwise.wide(trial, shape))
        mistake = partial(_rate_mistake, got, p)
        whole = f"units {what}, which is {256 * _nearest(p):.0f}/256"
        trial.judge(look, got.mask, got.mask.size, whole, mistake)
        for half, where in unit_bits.subsets(got.x).items():
            if f"{half} {look}" in _LOOKS:
                part, bits = f"units with {half} {what}", got.mask[where]
                trial.judge(f"{half} {look}", bits, bits.size, part, mistake)


def _rate_mistake(got: Draw, p: float, share: float) -> str:
    """Return what is behind a wrong rate of kept units, overall or in one half.

    Halves of correct masks differ by 0.02 in no more than one of 1e20 draws."""
    for half, where in unit_bits.subsets(got.x).items():
        if abs(got.mask[where].mean() - got.mask[~where].mean()) > 0.02:
            by_place, wrong = half == "first half", elementwise.Wrong
            return wrong.drops_by_place if by_place else wrong.drops_by_value
    if p in KEEP_PROBS:
        return elementwise.share_name(share, p)
    if p == 0.001 and 0.0004 < share < 0.0025:
        return Wrong.keeps_at_the_requested_rate
    values = 256 * (share - _nearest(p))
    if not 0.5 < abs(values) < 1.5:
        return elementwise.Wrong.keeps_at_another_rate
    few, many = Wrong.keeps_one_byte_value_too_few, Wrong.keeps_one_byte_value_too_many
    return few if values < 0 else many


_AXES = ("rows", "columns")
_PAIRS = bit_tests.pair_looks(_AXES, agreement(77 / 256, detects=0.02))
_SIX_OF_20 = Proportion(math.exp(log_binomial(6, 20, 77 / 256)), detects=0.05)
_COUNTS = dict.fromkeys(("count in a row", "count in a column"), _SIX_OF_20)


def _is_independent(function: StudentFunction, trial: Trial) -> None:
    """Bits in pairs of rows, columns and calls are independent; so are counts of 20."""
    rng = trial.generator()
    units = max(20 * trial.size("count in a row"), 2 * trial.size("distant rows"))
    shape = (40 * -(-units // 800), 20)
    a, b = (draw(function, trial, shape, 0.3, rng).mask for _ in range(2))
    mistake = (
        elementwise.Wrong.bits_depend_on_each_other
        if abs(a.mean() - 77 / 256) < 0.02
        else elementwise.share_name(float(a.mean()), 0.3)
    )
    what = "mask bits at keep_prob = 0.3"
    bit_tests.judge_pairs(trial, np.array([a, b]), _AXES, what, mistake, 77 / 256)
    for axis, where in ((2, "row"), (1, "column")):
        six = a.reshape(-1, 20, 20).sum(axis=axis) == 6
        what = f"20 units of a {where} at keep_prob = 0.3: exactly 6 kept"
        trial.judge(f"count in a {where}", six, six.size, what, mistake)
    shared.expect_spread(function, trial, 0.3, 77 / 256)


_RUNS, _OWN = "returns_floats_and_a_number", "gives_each_unit_its_own_byte"
_OWN_BYTES = Property(
    "Rows, columns, pixels and calls do not share bytes, and the kept count varies.",
    unit_forms.gives_each_unit_its_own_bit,
)
_INDEPENDENT = stated(_is_independent, _PAIRS | _COUNTS | shared.spread(77 / 256))
_INDEPENDENT = departures.also(kinds.PAIRS, _INDEPENDENT, _KINDS)
_INDEPENDENT = small_calls.own_bits(_INDEPENDENT, probability=_nearest, modes=False)
_ROUNDS, _FACTOR = stated(_rounds_to_the_nearest), stated(_divides_by_the_nearest)
_ALL = stated(_keeps_everything)
_FROM_RNG = everywhere.follows_rng(unit_bits.FROM_RNG, _KINDS)
_RATE = departures.also(kinds.RATE, stated(_keeps_at_rate, _LOOKS), _KINDS)
_RATE = small_calls.at_rate(_RATE, probability=_nearest, modes=False)
exercise.asks(0.25, _RUNS, stated(_returns_out_and_a_number))
exercise.asks(0.25, "leaves_x_as_it_was", units.LEAVES_X, _RUNS)
exercise.asks(0.5, "rounds_to_the_nearest_keep_prob_of_a_byte", _ROUNDS, _RUNS)
exercise.asks(0.5, "divides_by_the_effective_keep_prob", _FACTOR, _RUNS)
exercise.asks(0.25, "keeps_everything_where_that_is_nearest", _ALL, _RUNS)
exercise.asks(0.25, _OWN, _OWN_BYTES, _RUNS)
_KEEPS = "keeps_units_at_the_rate_of_the_byte"
exercise.asks(0.25, _KEEPS, _RATE, _OWN)
exercise.asks(0.25, "draws_bytes_independently", _INDEPENDENT, _KEEPS)
exercise.asks(0.25, "draws_its_bytes_from_rng", _FROM_RNG, _RUNS)
