"""gaussian_dropout: multiply every unit by its own normal number."""

from math import prod

import numpy as np

from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import (
    bit_tests,
    corners,
    departures,
    everywhere,
    follows_rng,
    kinds,
    noise_factors,
    repeats,
    small_noise,
    units,
)
from autograder.families.bit_tests import KEEP_PROBS, farthest, wide
from autograder.families.bit_tests import Wrong as Bits
from autograder.families.elementwise import call_text
from autograder.families.noise_counts import (
    Event,
    Everywhere,
    Sample,
    above_one,
    as_often_in_all_kinds,
    counted,
    spread,
    tail,
    whole_and_half,
    within_reach,
)
from autograder.families.noise_factors import SMALL, Wrong, forward, noisy, several
from autograder.laws import normal
from autograder.laws.binomial import EveryKind, Law, Proportion, exact_count

exercise = Exercise(
    "gaussian_dropout",
    chapter="noise",
    title="Multiply every unit by its own normal number",
    signature="gaussian_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="noise-gaussian",
    takes={
        "x": domain.floats("float array of any shape with 1 to 4 axes", 1, 4),
        "keep_prob": domain.keep_probs(),
    },
)


_NAME = "gaussian_dropout"
_SHAPES = ((7,), (1,), (6, 5), (150, 2), (2, 140), (4, 2, 5), (2, 3, 4, 3))
_FLOATS, _VARIES = "returns_noisy_float_arrays", "multiplies_by_varying_factors"


@exercise.check(points=0.25)
def returns_noisy_float_arrays(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    units.returns_float_arrays(gaussian_dropout, trial)


@exercise.check(points=0.25, after=_FLOATS)
def multiplies_by_varying_factors(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """In training, which is the default, x is multiplied by many different numbers."""
    for keep_prob in KEEP_PROBS[:2]:
        factors = (got := noisy(gaussian_dropout, trial, SMALL, keep_prob)).factors
        # Of 3,600 normal numbers, fewer than 30 agree in their first five digits.
        different = len(np.unique(np.round(factors, 5)))
        call = call_text(_NAME, SMALL, keep_prob)
        if facts.close(factors, factors.flat[0]):
            trial.fail(
                f"{call}: out is {factors.flat[0]:.4g} times x in every place; expected "
                "factors that vary.",
                noise_factors.constant_mistake(gaussian_dropout, trial),
            )
        trial.expect(
            different > 20,
            f"{call}: the {factors.size} factors out / x take {different} different "
            "values; expected about as many values as units.",
            Wrong.factors_take_few_values,
        )
        noise_factors.expect_no_constant(trial, call, got.out)


exercise.asks(
    0.25, "leaves_its_noisy_input_alone", bit_tests.leaves_x(1, 4), after=_VARIES
)


def _inputs(trial: Trial) -> list[np.ndarray]:
    """Return inputs inside the stated range, then at its corners, in both dtypes."""
    found = [
        trial.inputs(*SMALL),
        *corners.arrays(trial, 1, 4, large=1e12, small=1e-12),
    ]
    found += [wide(trial, *shape) for shape in (*_SHAPES, (1, 1, 7), (30, 20))]
    return found + [x.astype(np.float32) for x in found]


@exercise.check(points=0.25, after=_VARIES)
def makes_no_noise_at_test(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """With training=False, out equals x."""
    arrays = [trial.inputs(*SMALL) for _ in KEEP_PROBS] + _inputs(trial)
    keep_probs = *KEEP_PROBS, *corners.ENDS, 1.0
    for x, keep_prob in corners.with_keep_probs(arrays, keep_probs):
        out = forward(gaussian_dropout, x, keep_prob, trial.generator(), training=False)
        if facts.close(out, x, atol=0):
            continue
        other = forward(
            gaussian_dropout, x, keep_prob, trial.generator(), training=False
        )
        name = Wrong.changes_x_without_noise
        if not facts.close(out, other, atol=0):
            name = Wrong.still_noisy_at_test
        elif _factor(out, x) is not None:
            name = Wrong.scales_at_test
        trial.fail(
            f"{call_text(_NAME, x.shape, keep_prob, training=False)}: "
            f"{farthest(out, x)}; at test out equals x.",
            name,
        )
    everywhere.expect_plain(gaussian_dropout, trial, _EVERY)


def _factor(out: np.ndarray, x: np.ndarray) -> float | None:
    """Return the number that makes out of x, or None if there is none."""
    factors = out[x != 0] / x[x != 0]
    if not factors.size or not facts.close(factors, factors[0]):
        return None
    return float(factors[0])


@exercise.check(points=0.25, after=_VARIES)
def makes_no_noise_at_keep_prob_one(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, out equals x."""
    for x in _inputs(trial):
        out = forward(gaussian_dropout, x, 1.0, trial.generator())
        if not facts.close(out, x, atol=0):
            trial.fail(
                f"{call_text(_NAME, x.shape, 1.0)}: {farthest(out, x)}; without noise out "
                "equals x.",
                noise_factors.one_mistake(gaussian_dropout, trial, out),
            )


@exercise.check(points=0.25, after=_VARIES)
def leaves_zeros_at_zero(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """In training out is 0 wherever x is 0: the noise multiplies."""
    arrays = [trial.inputs(30, 20, zeros=0.5), np.zeros((30, 20)), np.zeros(1)]
    arrays += [trial.inputs(*shape, zeros=0.5) for shape in _SHAPES]
    factors: list[float] = []
    for x, keep_prob in corners.with_keep_probs(arrays, (0.3, *KEEP_PROBS)):
        out = forward(gaussian_dropout, x, keep_prob, trial.generator())
        moved = int(np.count_nonzero(out[x == 0]))
        trial.expect(
            not moved,
            f"{call_text(_NAME, x.shape, keep_prob)}: of {int((x == 0).sum())} units that "
            f"are 0, {moved} came back as another number.",
            Wrong.adds_instead_of_multiplying,
        )
        factors += [float(out.flat[i] / x.flat[i]) for i in np.flatnonzero(x)[:1]]
    noise_factors.expect_noise_in_calls(trial, _NAME, factors)


#: Factors that differ by less than ``_NOISE`` of their size are the same, with noise.
_CALLS, _SIDE, _NOISE = 40, 20, 0.1


@exercise.check(points=0.5, after=_VARIES)
def gives_every_unit_its_own_factor(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """Rows, columns and calls do not share noise, whose mean and spread vary."""
    rng, square = trial.generator(), (_SIDE, _SIDE)
    call = f"{_CALLS} calls {call_text(_NAME, square, 0.7)}"
    factors = several(gaussian_dropout, trial, square, 0.7, _CALLS, rng)
    shared = repeats.shared_axes(factors, _NOISE)
    repeated = len(factors) - repeats.different([*factors], _NOISE)
    for wrong, seen, name in (
        (0 in shared, "every call drew the same noise", Wrong.same_noise_every_call),
        (1 in shared, "all rows share their noise", Wrong.one_noise_for_all_rows),
        (
            2 in shared,
            "a row has one factor for all units",
            Wrong.one_factor_for_each_row,
        ),
        (repeated, f"{repeated} of them repeat another's noise", Wrong.reuses_noise),
    ):
        trial.expect(not wrong, f"{call}: {seen}.", name)
    arrays = [trial.inputs(*shape) for shape in ((400,), (20, 6, 9), (5, 6, 7, 8))]
    for x in (*arrays, np.full((20, 30), arrays[0][0])):
        shape, state = x.shape, trial.generator()
        own = forward(gaussian_dropout, x, 0.7, state) / x
        axes = repeats.shared_axes(own, _NOISE)
        trial.expect(
            not axes,
            f"{call_text(_NAME, shape, 0.7)}: the factors are the same all along axis "
            f"{axes[:1]}.",
            noise_factors.Wrong.noise_depends_on_the_value
            if facts.close(own, 1)
            else Wrong.shares_factors_along_an_axis,
        )
    noise_factors.expect_varying_moments(trial, factors, call)


_mean = counted(
    "Half of the factors lie above 1, whatever the value and place of the unit.",
    whole_and_half(0.83, "above 1", "positive x", above_one(0.04), above_one(0.06)),
    whole_and_half(0.27, "above 1", "front half", above_one(0.04), above_one(0.06)),
)
#: Near the ends of the range a keep probability that is rounded, and a spread that is
#: bounded, show best.
_ENDS = (0.99999, 1e-5, 0.1)
_ALIKE = "equal negative entries in float32"
_FORMS = {
    "vectors": (-1,),
    "single rows": (1, -1),
    "single columns": (-1, 1),
    "sequences": (-1, 4, 6),
    "images": (-1, 2, 4, 6),
}
_variance = counted(
    "The factors have variance (1 - keep_prob) / keep_prob, for x of every size.",
    whole_and_half(0.83, "spread", "large x", spread(0.025), spread(0.04)),
    whole_and_half(0.27, "spread", "front half", spread(0.03), spread(0.04)),
    *(
        Sample(
            p,
            {f"spread, keep_prob {p}": spread(0.05)},
            Wrong.factors_have_another_spread,
        )
        for p in _ENDS
    ),
    *(
        Sample(
            0.5,
            {f"{event}, {form}": of},
            Bits.right_in_the_middle_only,
            shape,
            alike=form == _ALIKE,
        )
        for form, shape in (*_FORMS.items(), (_ALIKE, (-1, 7)))
        for event, of in (("spread", spread(0.08)), ("above 1", above_one(0.15)))
    ),
)
#: A standard normal number lies between 0 and 1.5 with this probability, and so does a
#: uniform one of the same variance: whether the law is normal has a check of its own.
_ABOVE = normal.normal_cdf(1.5) - 0.5


_EVERY = kinds.of_arrays(
    kinds.any_form,
    call_text,
    noise_factors.near_above,
    what="factors",
    event="above 1 by less than 1.5 standard deviations",
    probability=lambda keep_prob: _ABOVE,
)
_variance = as_often_in_all_kinds(
    _variance, _EVERY, Wrong.some_calls_have_other_factors
)
_variance = small_noise.of_usual_spread(_variance)
_near = f"nearer to 1 than {normal.QUARTILE:.4f} standard deviations"
_middle = Event(Proportion(0.5, 0.0125), _near, lambda z: np.abs(z) < normal.QUARTILE)
#: Each of 20 calls has what a tail takes of all: its mean and spread show, off by 8 and 6 %.
_shape = Everywhere(
    "calls at every keep_prob",
    EveryKind(60, detects=0.031),
    (above_one(0.08), spread(0.06), _middle),
    {
        # What is cut off at 4 lies beyond 4 in half of the calls, by rounding error.
        "beyond 3": tail(3.001, 0.0007),
        "beyond 3.5": tail(3.501, 0.00032),
        "beyond 4": tail(4.001, 0.00014),
        "within the quartiles": _middle,
        "above 2": Event(
            normal.above(2.0, 0.0025),
            "more than 2 standard deviations above 1",
            lambda z: z > 2,
        ),
    },
    Wrong.some_calls_have_other_factors,
    _EVERY,
).property("The factors follow their normal law, all along it, at every keep_prob.")
_OWN = ("gives_every_unit_its_own_factor", "leaves_zeros_at_zero")
_LAW = ("its_factors_have_mean_one", "its_factors_have_the_right_variance")
exercise.asks(0.25, "its_factors_have_mean_one", _mean, after=_OWN)
exercise.asks(0.5, "its_factors_have_the_right_variance", _variance, after=_OWN)
exercise.asks(0.25, "its_factors_are_normal", within_reach(_shape), after=_LAW)

_SIGN = Proportion(0.5, detects=0.02)
_BALANCE = Proportion(exact_count(_SIDE, 0.5).probability, detects=0.05)
_KINDS = ("signs, ", "sizes, ")
_AXES = ("rows", "columns")
_LOOKS: dict[str, Law] = {
    look: law
    for kind in _KINDS
    for look, law in (
        *bit_tests.pair_looks(_AXES, _SIGN, kind).items(),
        *((f"{kind}balanced {axis}", _BALANCE) for axis in _AXES),
    )
}
_LOOKS |= small_noise.OF_CALLS
_LOOKS |= departures.LOOKS[kinds.PAIRS]
_LOOKS |= {
    f"neighbours along axis {axis} of {form}": Proportion(0.5, detects=0.15)
    for form, shape in _FORMS.items()
    for axis, length in enumerate(shape)
    if length != 1
}


@exercise.check(points=0.25, after=(*_LAW, "its_factors_are_normal"), looks=_LOOKS)
def its_factors_are_independent(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """Factors in pairs of rows, columns and calls agree in side and size half the time."""
    rng, keep_prob = trial.generator(), 0.3
    pairs, rows = (f"signs, {look}" for look in ("successive calls", "balanced rows"))
    blocks = -(-max(trial.size(pairs), 10 * trial.size(rows)) // _SIDE**2)
    shape = (_SIDE * blocks, _SIDE)
    z = several(gaussian_dropout, trial, shape, keep_prob, 2, rng) - 1
    far = normal.QUARTILE * noise_factors.deviation(keep_prob)
    events = (z > 0, "factors above 1"), (np.abs(z) > far, "factors far from 1")
    name = Wrong.factors_depend_on_each_other
    for kind, (bits, what) in zip(_KINDS, events, strict=True):
        bit_tests.judge_pairs(trial, bits, _AXES, what, name, 0.5, kind)
        square = bits.reshape(2, blocks, _SIDE, _SIDE)
        for axis, where in ((3, "rows"), (2, "columns")):
            balanced = square.sum(axis=axis) == _SIDE // 2
            message = f"{where} of {_SIDE} with exactly {_SIDE // 2} {what}"
            look = f"{kind}balanced {where}"
            trial.judge(look, balanced, balanced.size, message, name)
    small_noise.judge_calls(gaussian_dropout, trial)
    _judge_forms(gaussian_dropout, trial)
    departures.judge(kinds.PAIRS, gaussian_dropout, trial, _EVERY, name)
    # Nine numbers do not agree in five digits by chance.
    for one in ((1,), (1, 1, 1, 1)):
        alone = several(gaussian_dropout, trial, one, 0.7, 9)
        trial.expect(
            not facts.close(alone, alone[0]),
            f"{call_text(_NAME, one, 0.7)}: in 9 calls the only unit is multiplied by "
            f"{alone[0].flat[0]:.4g}; expected a factor that varies.",
            Bits.right_in_the_middle_only,
        )
    small_noise.expect_own(gaussian_dropout, trial)


def _judge_forms(function: StudentFunction, trial: Trial) -> None:
    """Count neighbours along each axis, in arrays of each form, that lie on one side."""
    for form, shape in _FORMS.items():
        looks = [look for look in _LOOKS if look.endswith(f" of {form}")]
        rest = 3 * trial.size(looks[0]) // abs(prod(shape))
        x = trial.inputs(*(max(rest, 2) if n == -1 else n for n in shape))
        above = forward(function, x, 0.3, trial.generator()) / x > 1
        for look in looks:
            axis = int(look.split()[3])
            even = np.arange(0, x.shape[axis] - 1, 2)
            agree = above.take(even, axis) == above.take(even + 1, axis)
            what = f"{look}, factors on the same side of 1"
            name = Wrong.factors_depend_on_each_other
            trial.judge(look, agree, agree.size, what, name)


_FROM_RNG = follows_rng.from_rng(
    ((40, 25),),
    lambda x, p: call_text(_NAME, x.shape, p),
    Wrong.same_noise_every_call,
    Wrong.reuses_noise,
    small=((100,),),
    accuracy=_NOISE,
)
_FROM_RNG = everywhere.follows_rng(_FROM_RNG, _EVERY)
exercise.asks(0.25, "draws_its_noise_from_rng_alone", _FROM_RNG, after=_VARIES)
