"""gaussian_dropout: multiply every unit by its own normal number."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import bit_tests, elementwise, noise_factors
from autograder.families.elementwise import KEEP_PROBS, call_text
from autograder.laws import continuous
from autograder.laws.binomial import Proportion, exact_count

exercise = Exercise(
    "gaussian_dropout",
    chapter="noise",
    title="Multiply every unit by its own normal number",
    signature="gaussian_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="noise-gaussian",
)


_NAME = "gaussian_dropout"


_GAUSSIAN_SHAPES = ((7,), (1,), (6, 5), (4, 2, 5), (2, 3, 4, 3))


@exercise.check(points=0.25)
def returns_noisy_float_arrays(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    elementwise.returns_float_arrays(gaussian_dropout, trial)


@exercise.check(points=0.25, after="returns_noisy_float_arrays")
def multiplies_by_varying_factors(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """In training, which is the default, x is multiplied by many different numbers."""
    for keep_prob in KEEP_PROBS:
        factors = noise_factors.noisy(
            gaussian_dropout, trial, noise_factors.SMALL, keep_prob
        ).factors
        # Of 3,600 normal numbers, fewer than 30 agree in their first five digits.
        different = len(np.unique(np.round(factors, 5)))
        call = call_text(_NAME, noise_factors.SMALL, keep_prob)
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
            noise_factors.Wrong.factors_take_few_values,
        )


@exercise.check(points=0.25, after="multiplies_by_varying_factors")
def leaves_its_noisy_input_alone(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """x is the same after the call as before, in both modes."""
    for training in (True, False):
        x = trial.inputs(30, 20, zeros=0.2)
        _, after = gaussian_dropout.observe(
            x, 0.3, trial.generator(), training=training
        )
        bit_tests.expect_unchanged(
            trial, x, after[0], call_text(_NAME, x.shape, 0.3, training)
        )


@exercise.check(points=0.25, after="multiplies_by_varying_factors")
def makes_no_noise_at_test(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """With training=False, out equals x."""
    for shape, keep_prob in itertools.product(
        (noise_factors.SMALL, *_GAUSSIAN_SHAPES), (*KEEP_PROBS, 1.0)
    ):
        got = noise_factors.noisy(
            gaussian_dropout, trial, shape, keep_prob, training=False
        )
        if facts.close(got.out, got.x):
            continue
        one_factor = facts.close(got.factors, got.factors.flat[0])
        trial.fail(
            f"{call_text(_NAME, shape, keep_prob, training=False)}: "
            f"{facts.worst(got.out, got.x)}; at test out equals x.",
            noise_factors.Wrong.scales_at_test
            if one_factor
            else noise_factors.Wrong.still_noisy_at_test,
        )


@exercise.check(points=0.25, after="multiplies_by_varying_factors")
def makes_no_noise_at_keep_prob_one(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, out equals x."""
    got = noise_factors.noisy(gaussian_dropout, trial, (50, 40), 1.0)
    trial.expect(
        facts.close(got.out, got.x),
        f"{call_text(_NAME, (50, 40), 1.0)}: {facts.worst(got.out, got.x)}; without "
        "noise out equals x.",
        noise_factors.Wrong.noisy_at_keep_prob_one,
    )


@exercise.check(points=0.25, after="multiplies_by_varying_factors")
def leaves_zeros_at_zero(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """In training out is 0 wherever x is 0: the noise multiplies."""
    for x in (trial.inputs(30, 20, zeros=0.5), np.zeros((30, 20)), np.zeros(1)):
        call = call_text(_NAME, x.shape, 0.3)
        out = noise_factors.forward(gaussian_dropout, x, 0.3, trial.generator())
        moved = int(np.count_nonzero(out[x == 0]))
        trial.expect(
            not moved,
            f"{call}: of {int((x == 0).sum())} units that are 0, {moved} came back as "
            "another number.",
            noise_factors.Wrong.adds_instead_of_multiplying,
        )


_CALLS, _SIDE = 40, 20


@exercise.check(points=0.5, after="multiplies_by_varying_factors")
def gives_every_unit_its_own_factor(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """Rows, columns and calls do not share noise, whose mean and spread vary."""
    rng = trial.generator()
    call = f"{_CALLS} calls {call_text(_NAME, (_SIDE, _SIDE), 0.7)}"
    factors = np.array(
        [
            noise_factors.noisy(
                gaussian_dropout, trial, (_SIDE, _SIDE), 0.7, rng
            ).factors
            for _ in range(_CALLS)
        ]
    )
    shared = bit_tests.constant_axes(factors)
    trial.expect(
        0 not in shared,
        f"{call}: every call drew the same noise.",
        noise_factors.Wrong.same_noise_every_call,
    )
    trial.expect(
        1 not in shared,
        f"{call}: all rows share their noise.",
        noise_factors.Wrong.one_noise_for_all_rows,
    )
    trial.expect(
        2 not in shared,
        f"{call}: a row has one factor for all units.",
        noise_factors.Wrong.one_factor_for_each_row,
    )
    ordered = factors[np.argsort(factors[:, 0, 0])]
    repeated = np.isclose(ordered[1:], ordered[:-1]).all(axis=(1, 2)).sum()
    trial.expect(
        not repeated,
        f"{call}: {repeated} of them repeat another's noise.",
        noise_factors.Wrong.reuses_noise,
    )
    for shape in ((400,), (20, 6, 9), (5, 6, 7, 8)):
        got = noise_factors.noisy(gaussian_dropout, trial, shape, 0.7).factors
        trial.expect(
            not (axes := bit_tests.constant_axes(got)),
            f"{call_text(_NAME, shape, 0.7)}: the factors are the same all along axis "
            f"{axes[:1]}.",
            noise_factors.Wrong.shares_factors_along_an_axis,
        )
    noise_factors.expect_varying_moments(trial, factors, call)


_ABOVE = ("above 1", lambda z: z > 0)


_BEYOND = (
    "more than 1.5 standard deviations from 1",
    lambda z: np.abs(z) > continuous.SCALE_DISTANCE,
)


@exercise.check(
    points=0.25,
    after=("gives_every_unit_its_own_factor", "leaves_zeros_at_zero"),
    looks={
        "above 1, keep_prob 0.83": continuous.location(0.04),
        "positive x, above 1": continuous.location(0.06),
        "above 1, keep_prob 0.27": continuous.location(0.04),
        "front half, above 1": continuous.location(0.06),
    },
)
def its_factors_have_mean_one(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """Half of the factors lie above 1, whatever the value and place of the unit."""
    for keep_prob, part in ((0.83, "positive x"), (0.27, "front half")):
        events = {
            f"above 1, keep_prob {keep_prob}": _ABOVE,
            f"{part}, above 1": _ABOVE,
        }
        noise_factors.judge_factors(gaussian_dropout, trial, keep_prob, events)


@exercise.check(
    points=0.5,
    after=("gives_every_unit_its_own_factor", "leaves_zeros_at_zero"),
    looks={
        "spread, keep_prob 0.83": continuous.scale(0.025),
        "large x, spread": continuous.scale(0.04),
        "spread, keep_prob 0.27": continuous.scale(0.03),
        "front half, spread": continuous.scale(0.04),
        "spread, keep_prob 0.998": continuous.scale(0.05),
        "spread, keep_prob 0.02": continuous.scale(0.05),
    },
)
def its_factors_have_the_right_variance(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """The factors have variance (1 - keep_prob) / keep_prob, for x of every size."""
    for keep_prob, part, size in ((0.83, "large x", 1e6), (0.27, "front half", 1e-6)):
        events = {
            f"spread, keep_prob {keep_prob}": _BEYOND,
            f"{part}, spread": _BEYOND,
        }
        noise_factors.judge_factors(gaussian_dropout, trial, keep_prob, events, size)
    # A keep probability that is rounded, and a spread that is bounded, show here.
    for keep_prob in (0.998, 0.02):
        events = {f"spread, keep_prob {keep_prob}": _BEYOND}
        name = noise_factors.Wrong.factors_have_another_spread
        noise_factors.judge_factors(
            gaussian_dropout, trial, keep_prob, events, mistake=name
        )


def _farther(distance: float) -> tuple[str, Callable[[np.ndarray], np.ndarray]]:
    what = f"more than {distance:g} standard deviations from 1"
    return what, lambda z: np.abs(z) > distance


@exercise.check(
    points=0.25,
    after=("its_factors_have_mean_one", "its_factors_have_the_right_variance"),
    looks={
        "beyond 3": continuous.beyond(3.0, 0.0007),
        "beyond 3.5": continuous.beyond(3.5, 0.00032),
        "within the quartiles": Proportion(0.5, 0.0125),
        "above 2": continuous.above(2.0, 0.0025),
    },
)
def its_factors_are_normal(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """The factors have the tails and the middle of a normal law, on both sides."""
    events = {
        "beyond 3": _farther(3.0),
        "beyond 3.5": _farther(3.5),
        "within the quartiles": (
            "nearer to 1 than 0.6745 standard deviations",
            lambda z: np.abs(z) < continuous.QUARTILE,
        ),
        "above 2": ("more than 2 standard deviations above 1", lambda z: z > 2),
    }
    noise_factors.judge_factors(gaussian_dropout, trial, 0.83, events)


_SIGN = Proportion(0.5, detects=0.02)


_BALANCE = Proportion(exact_count(_SIDE, 0.5).probability, detects=0.05)


_SIGN_AXES = ("rows", "columns")


@exercise.check(
    points=0.25,
    after=("its_factors_have_mean_one", "its_factors_have_the_right_variance"),
    looks={
        **bit_tests.pair_looks(_SIGN_AXES, _SIGN, "signs, "),
        **bit_tests.pair_looks(_SIGN_AXES, _SIGN, "sizes, "),
        "signs, balanced rows": _BALANCE,
        "signs, balanced columns": _BALANCE,
        "sizes, balanced rows": _BALANCE,
        "sizes, balanced columns": _BALANCE,
    },
)
def its_factors_are_independent(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """Factors in pairs of rows, columns and calls agree in side and size half the time."""
    rng, keep_prob = trial.generator(), 0.3
    size = max(
        trial.size("signs, successive calls"), 10 * trial.size("signs, balanced rows")
    )
    blocks = -(-size // _SIDE**2)
    shape = (_SIDE * blocks, _SIDE)
    z = np.array(
        [
            noise_factors.noisy(gaussian_dropout, trial, shape, keep_prob, rng).factors
            - 1
            for _ in range(2)
        ]
    ) / noise_factors.deviation(keep_prob)
    kinds = {
        "signs, ": (z > 0, "factors above 1"),
        "sizes, ": (np.abs(z) > continuous.QUARTILE, "factors far from 1"),
    }
    for kind, (bits, what) in kinds.items():
        bit_tests.judge_pairs(
            trial,
            bits,
            _SIGN_AXES,
            what,
            noise_factors.Wrong.factors_depend_on_each_other,
            kind,
        )
        square = bits.reshape(2, blocks, _SIDE, _SIDE)
        for axis, name in ((3, "rows"), (2, "columns")):
            balanced = square.sum(axis=axis) == _SIDE // 2
            message = f"{name} of {_SIDE} with exactly {_SIDE // 2} {what}"
            trial.judge(
                f"{kind}balanced {name}",
                balanced,
                balanced.size,
                message,
                noise_factors.Wrong.factors_depend_on_each_other,
            )


@exercise.check(points=0.25, after="multiplies_by_varying_factors")
def draws_its_noise_from_rng_alone(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    x, call = trial.inputs(40, 25), call_text(_NAME, (40, 25), 0.7)

    def output(rng: np.random.Generator) -> Any:
        return facts.pair(gaussian_dropout(x, 0.7, rng), call)[0]

    bit_tests.follows_rng(
        trial, call, output, noise_factors.Wrong.same_noise_every_call
    )
