"""Gaussian, weight and channel noise, and a keep probability that grows."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import mistake
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import bit_tests, dropped_weights, elementwise, noise_factors
from autograder.families.dropped_weights import INPUTS, OUTPUTS
from autograder.families.elementwise import KEEP_PROBS, call_text
from autograder.laws import continuous
from autograder.laws.binomial import Proportion, agreement, exact_count

gaussian = Exercise(
    "gaussian_dropout",
    chapter="noise",
    title="Multiply every unit by its own normal number",
    signature="gaussian_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="noise-gaussian",
)
dropconnect = Exercise(
    "dropconnect_forward",
    chapter="noise",
    title="Drop weights instead of units, afresh for every row",
    signature="dropconnect_forward(x, weights, keep_prob, rng) -> out",
    section="noise-dropconnect",
)
spatial = Exercise(
    "spatial_dropout",
    chapter="noise",
    title="Drop whole channels of images",
    signature="spatial_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="noise-spatial",
)
annealed = Exercise(
    "annealed_keep_prob",
    chapter="noise",
    title="Let the keep probability grow to 1",
    signature="annealed_keep_prob(step, total_steps, initial_keep_prob) -> float",
    section="noise-schedules",
)

# ---- gaussian_dropout ----------------------------------------------------------------

_NAME = "gaussian_dropout"
_GAUSSIAN_SHAPES = ((7,), (1,), (6, 5), (4, 2, 5), (2, 3, 4, 3))


@gaussian.check(points=0.25)
def returns_noisy_float_arrays(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    elementwise.returns_float_arrays(gaussian_dropout, trial)


@gaussian.check(points=0.25, after="returns_noisy_float_arrays")
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
            noise_factors.FEW_VALUES,
        )


@gaussian.check(points=0.25, after="multiplies_by_varying_factors")
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


@gaussian.check(points=0.25, after="multiplies_by_varying_factors")
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
            noise_factors.SCALES_AT_TEST
            if one_factor
            else noise_factors.STILL_NOISY_AT_TEST,
        )


@gaussian.check(points=0.25, after="multiplies_by_varying_factors")
def makes_no_noise_at_keep_prob_one(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, out equals x."""
    got = noise_factors.noisy(gaussian_dropout, trial, (50, 40), 1.0)
    trial.expect(
        facts.close(got.out, got.x),
        f"{call_text(_NAME, (50, 40), 1.0)}: {facts.worst(got.out, got.x)}; without "
        "noise out equals x.",
        noise_factors.NOISY_AT_ONE,
    )


@gaussian.check(points=0.25, after="multiplies_by_varying_factors")
def leaves_zeros_at_zero(gaussian_dropout: StudentFunction, trial: Trial) -> None:
    """In training out is 0 wherever x is 0: the noise multiplies."""
    for x in (trial.inputs(30, 20, zeros=0.5), np.zeros((30, 20)), np.zeros(1)):
        call = call_text(_NAME, x.shape, 0.3)
        out = noise_factors.noisy(gaussian_dropout, trial, x.shape, 0.3, x=x).out
        moved = int(np.count_nonzero(out[x == 0]))
        trial.expect(
            not moved,
            f"{call}: of {int((x == 0).sum())} units that are 0, {moved} came back as "
            "another number.",
            noise_factors.ADDS_INSTEAD,
        )


_CALLS, _SIDE = 40, 20


@gaussian.check(points=0.5, after="multiplies_by_varying_factors")
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
        noise_factors.SAME_NOISE_EVERY_CALL,
    )
    trial.expect(
        1 not in shared,
        f"{call}: all rows share their noise.",
        noise_factors.ONE_NOISE_FOR_ALL_ROWS,
    )
    trial.expect(
        2 not in shared,
        f"{call}: a row has one factor for all units.",
        noise_factors.ONE_FACTOR_PER_ROW,
    )
    ordered = factors[np.argsort(factors[:, 0, 0])]
    repeated = np.isclose(ordered[1:], ordered[:-1]).all(axis=(1, 2)).sum()
    trial.expect(
        not repeated,
        f"{call}: {repeated} of them repeat another's noise.",
        noise_factors.REUSES_NOISE,
    )
    for shape in ((400,), (20, 6, 9), (5, 6, 7, 8)):
        got = noise_factors.noisy(gaussian_dropout, trial, shape, 0.7).factors
        trial.expect(
            not (axes := bit_tests.constant_axes(got)),
            f"{call_text(_NAME, shape, 0.7)}: the factors are the same all along axis "
            f"{axes[:1]}.",
            noise_factors.SHARES_FACTORS,
        )
    noise_factors.expect_varying_moments(trial, factors, call)


_ABOVE = ("above 1", lambda z: z > 0)
_BEYOND = (
    "more than 1.5 standard deviations from 1",
    lambda z: np.abs(z) > continuous.SCALE_DISTANCE,
)


@gaussian.check(
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


@gaussian.check(
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
        name = noise_factors.ANOTHER_SPREAD
        noise_factors.judge_factors(
            gaussian_dropout, trial, keep_prob, events, mistake=name
        )


def _farther(distance: float) -> tuple[str, Callable[[np.ndarray], np.ndarray]]:
    what = f"more than {distance:g} standard deviations from 1"
    return what, lambda z: np.abs(z) > distance


@gaussian.check(
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


@gaussian.check(
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
            trial, bits, _SIGN_AXES, what, noise_factors.DEPENDENT_NOISE, kind
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
                noise_factors.DEPENDENT_NOISE,
            )


@gaussian.check(points=0.25, after="multiplies_by_varying_factors")
def draws_its_noise_from_rng_alone(
    gaussian_dropout: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    x, call = trial.inputs(40, 25), call_text(_NAME, (40, 25), 0.7)

    def output(rng: np.random.Generator) -> Any:
        return facts.pair(gaussian_dropout(x, 0.7, rng), call)[0]

    bit_tests.follows_rng(trial, call, output, noise_factors.SAME_NOISE_EVERY_CALL)


# ---- dropconnect_forward -------------------------------------------------------------


@dropconnect.check(points=0.25)
def returns_a_float_matrix(dropconnect_forward: StudentFunction, trial: Trial) -> None:
    """out has shape (N, C) and holds finite floating point numbers."""
    for n, d, c in ((30, 12, 5), (1, 4, 3), (6, 1, 2), (3, 40, 1)):
        for keep_prob in KEEP_PROBS:
            for dtype in (np.float64, np.float32):
                x = trial.inputs(n, d).astype(dtype)
                weights = trial.inputs(d, c).astype(dtype)
                dropped_weights.product(
                    dropconnect_forward, trial, x, weights, keep_prob
                )


@dropconnect.check(points=0.25, after="returns_a_float_matrix")
def multiplies_fully_at_keep_prob_one(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, out equals x @ weights."""
    for n, d, c in ((30, 12, 5), (1, 4, 3), (6, 1, 2), (5, 5, 5)):
        x, weights = trial.inputs(n, d, zeros=0.2), trial.inputs(d, c, zeros=0.2)
        out = dropped_weights.product(dropconnect_forward, trial, x, weights, 1.0)
        if facts.close(out, x @ weights, atol=1e-4):
            continue
        call = dropped_weights.call_weights(x, weights, 1.0)
        trial.fail(
            f"{call}: {facts.worst(out, x @ weights)}; without dropped weights out "
            "equals x @ weights.",
            dropped_weights.BIASED_AT_ONE
            if out.any()
            else dropped_weights.zeros_mistake(dropconnect_forward, trial),
        )


@dropconnect.check(points=0.25, after="multiplies_fully_at_keep_prob_one")
def leaves_x_and_weights_alone(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """x and weights are the same after the call as before."""
    x, weights = trial.inputs(30, 12, zeros=0.2), trial.inputs(12, 5)
    _, after = dropconnect_forward.observe(x, weights, 0.3, trial.generator())
    for given, now in ((x, after[0]), (weights, after[1])):
        bit_tests.expect_unchanged(
            trial, given, now, dropped_weights.call_weights(x, weights, 0.3)
        )


@dropconnect.check(points=0.75, after="multiplies_fully_at_keep_prob_one")
def sums_kept_products_over_keep_prob(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """Each output is a sum of products x * weight, some left out, over keep_prob."""
    for keep_prob in KEEP_PROBS:
        got = dropped_weights.connect(dropconnect_forward, trial, 60, keep_prob)
        if got.digits(1 / keep_prob) is not None:
            continue
        call = dropped_weights.call_weights(got.x, got.weights, keep_prob)
        full = got.x @ got.weights
        trial.fail(
            f"{call}: no choice of kept weights, divided by keep_prob, sums up to "
            f"out; its mean share of x @ weights is {np.mean(got.out / full):.4g}.",
            dropped_weights.sum_mistake(dropconnect_forward, trial),
        )
    # Even one bit for all weights does not show the rarer face in 30 calls.
    for keep_prob, rare, name in (
        (0.3, True, elementwise.DROPS_NOTHING),
        (0.8, False, elementwise.DROPS_EVERYTHING),
    ):
        draws = (
            dropped_weights.weight_mask(dropconnect_forward, trial, 5, keep_prob)
            for _ in range(30)
        )
        trial.expect(
            not all((mask == rare).all() for mask in draws),
            f"30 calls with keep_prob = {keep_prob}: {'every' if rare else 'no'} weight "
            "is kept.",
            name,
        )
    x, weights = np.zeros((20, 8)), trial.inputs(8, 3)
    out = dropped_weights.product(dropconnect_forward, trial, x, weights, 0.3)
    trial.expect(
        not out.any(),
        f"{dropped_weights.call_weights(x, weights, 0.3)}: x is 0 and out is not.",
        dropped_weights.NO_SUM_OF_KEPT,
    )


_FEW = 0.7
_WEIGHT_AXES = ("rows", "inputs", "outputs")


@dropconnect.check(points=0.5, after="sums_kept_products_over_keep_prob")
def gives_every_weight_and_row_its_own_bit(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """Rows, inputs, outputs and calls do not share bits, and the kept count varies."""
    rng = trial.generator()
    bits = np.array(
        [
            dropped_weights.weight_mask(dropconnect_forward, trial, 20, _FEW, rng)
            for _ in range(40)
        ]
    )
    call = f"40 calls with x of shape (20, {INPUTS}), weights of shape "
    call += f"({INPUTS}, {OUTPUTS}), keep_prob = {_FEW}"
    named = {
        (1, 2, 3): elementwise.ONE_BIT_FOR_ALL,
        (2, 3): elementwise.ONE_BIT_PER_ROW,
        (1, 3): dropped_weights.DROPS_UNITS,
        (3,): dropped_weights.DROPS_UNITS,
        (1, 2): dropped_weights.DROPSOUTPUTS,
        (2,): dropped_weights.DROPSOUTPUTS,
        (1,): dropped_weights.ONE_WEIGHT_MASK,
    }
    shared = tuple(axis for axis in bit_tests.constant_axes(bits) if axis > 0)
    words = {1: "row", 2: "input", 3: "output"}
    trial.expect(
        not shared,
        f"{call}: the bit of a weight is the same for every "
        f"{' and '.join(words[axis] for axis in shared)}.",
        named.get(shared),
    )
    bit_tests.expect_own_calls(trial, bits, call)
    bit_tests.expect_varying_counts(trial, bits, _WEIGHT_AXES, call)


@dropconnect.check(
    points=0.5,
    after="gives_every_weight_and_row_its_own_bit",
    looks={
        "all at 0.83": Proportion(0.83, detects=0.01),
        "all at 0.27": Proportion(0.27, detects=0.01),
        "all at 0.998": Proportion(0.998, detects=0.0019),
        "large weights at 0.83": Proportion(0.83, detects=0.02),
        "first rows at 0.27": Proportion(0.27, detects=0.02),
        "first inputs at 0.27": Proportion(0.27, detects=0.02),
        "first outputs at 0.27": Proportion(0.27, detects=0.02),
    },
)
def keeps_weights_with_keep_prob(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """Every weight is kept with probability keep_prob, whatever its value and place."""

    def share(keep_prob: float) -> float:
        return float(
            dropped_weights.weight_mask(
                dropconnect_forward, trial, 60, keep_prob
            ).mean()
        )

    for keep_prob in (*noise_factors.FINE_KEEP_PROBS, 0.998):
        rows = -(-trial.size(f"all at {keep_prob}") // (INPUTS * OUTPUTS))
        got = dropped_weights.connect(dropconnect_forward, trial, rows, keep_prob)
        bits = got.digits(1 / keep_prob)
        if bits is None:
            trial.fail(
                "out is not a sum of kept products / keep_prob.",
                dropped_weights.NO_SUM_OF_KEPT,
            )
        size = np.abs(got.weights)
        first_row, first_input, first_output = (
            np.arange(length) < length // 2 for length in bits.shape
        )
        parts = {
            "large weights": size > np.median(size),
            "first rows": first_row[:, None, None],
            "first inputs": first_input[:, None],
            "first outputs": first_output,
        }
        bit_tests.judge_rates(trial, bits, keep_prob, parts, share)


_AGREE = agreement(_FEW, detects=0.02)
_TYPICAL_COUNT = Proportion(exact_count(INPUTS, _FEW).probability, detects=0.05)


@dropconnect.check(
    points=0.25,
    after="keeps_weights_with_keep_prob",
    looks={
        **bit_tests.pair_looks(_WEIGHT_AXES, _AGREE),
        "count of an output": _TYPICAL_COUNT,
        "count of an input": Proportion(exact_count(OUTPUTS, _FEW).probability, 0.05),
    },
)
def drops_weights_independently(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """Bits in pairs of rows, inputs, outputs and calls are independent; so are counts."""
    rng = trial.generator()
    bits_needed = max(
        trial.size("successive calls") * 2,
        trial.size("count of an output") * INPUTS,
        trial.size("count of an input") * OUTPUTS,
    )
    rows = 2 * -(-bits_needed // (4 * INPUTS * OUTPUTS))
    bits = np.array(
        [
            dropped_weights.weight_mask(dropconnect_forward, trial, rows, _FEW, rng)
            for _ in range(2)
        ]
    )
    what = f"bits at keep_prob = {_FEW}"
    bit_tests.judge_pairs(trial, bits, _WEIGHT_AXES, what, elementwise.DEPENDENT_BITS)
    for axis, of, width in ((2, "an output", INPUTS), (3, "an input", OUTPUTS)):
        mean = round(_FEW * width)
        usual = bits.sum(axis=axis) == mean
        what = f"{width} weights of {of}, in a row: exactly {mean} kept"
        trial.judge(
            f"count of {of}", usual, usual.size, what, elementwise.DEPENDENT_BITS
        )


@dropconnect.check(points=0.25, after="sums_kept_products_over_keep_prob")
def draws_its_weights_from_rng_alone(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    x, weights = trial.inputs(40, 12), trial.inputs(12, 10)

    def output(rng: np.random.Generator) -> Any:
        return dropconnect_forward(x, weights, 0.7, rng)

    call = dropped_weights.call_weights(x, weights, 0.7)
    bit_tests.follows_rng(trial, call, output, elementwise.SAME_MASK_EVERY_CALL)


# ---- spatial_dropout -----------------------------------------------------------------

DROPS_PIXELS = mistake(
    "does_not_drop_whole_channels",
    "within one channel some pixels are dropped and others are not; a channel is kept or "
    "dropped as a whole.",
    "noise-spatial",
)
DROPS_POSITIONS = mistake(
    "drops_positions_in_all_channels",
    "you drop a pixel in all channels at once: the mask has the shape (N, 1, H, W). It "
    "should have one bit for each channel, (N, C, 1, 1).",
    "noise-spatial",
)
CHANNELS_LAST = mistake(
    "takes_the_last_axis_for_the_channels",
    "you drop whole columns w of all channels, as if x had the shape (N, H, W, C); here "
    "channels are axis 1.",
    "noise-spatial",
)
SAME_CHANNELS = mistake(
    "drops_the_same_channels_in_every_sample",
    "all samples of a batch lose the same channels; each draws its own.",
    "noise-spatial",
)
WHOLE_SAMPLES = mistake(
    "drops_whole_samples",
    "all channels of a sample are kept or dropped together; each channel needs its own "
    "bit.",
    "noise-spatial",
)
CHANNEL_NOT_RESCALED = mistake(
    "forgets_to_rescale_the_channels",
    "kept channels come back unchanged in training; divide them by keep_prob.",
    "noise-spatial",
)
CHANNEL_SCALED_WRONGLY = mistake(
    "rescales_the_channels_wrongly",
    "kept channels are multiplied by another number than 1 / keep_prob.",
    "noise-spatial",
)
KEEPS_AT_LEAST_ONE = mistake(
    "keeps_at_least_one_channel",
    "you make sure that a sample keeps at least one channel; when each is dropped on its "
    "own, all may be.",
    "noise-mistakes",
)
SCALES_IMAGES_AT_TEST = mistake(
    "scales_images_at_test",
    "at test you multiply x by a number; the kept channels were rescaled in training "
    "already.",
    "noise-spatial",
)

_IMAGES = (60, 20, 3, 4)
_CHANNEL_AXES = ("samples", "channels")
_SPATIAL = "spatial_dropout"


def _images(
    function: StudentFunction,
    trial: Trial,
    shape: Sequence[int],
    keep_prob: float,
    rng: np.random.Generator | None = None,
    training: bool | None = None,
) -> elementwise.Draw:
    """Return one forward pass on images without zeros."""
    return elementwise.draw(function, trial, shape, keep_prob, rng, training=training)


@spatial.check(points=0.25)
def returns_float_images(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    for shape in (_IMAGES, (40, 3, 7, 5), (2, 30, 1, 6)):
        for keep_prob in (0.8, 0.6):
            for dtype in (np.float64, np.float32):
                for training in (None, False):
                    mode: dict[str, Any] = {"training": training, "dtype": dtype}
                    elementwise.draw(spatial_dropout, trial, shape, keep_prob, **mode)


@spatial.check(points=0.25, after="returns_float_images")
def drops_some_images_parts(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """In training, which is the default, some pixels come back as 0 and some do not."""
    for keep_prob in KEEP_PROBS:
        shares = [
            float(_images(spatial_dropout, trial, _IMAGES, keep_prob).mask.mean())
            for _ in range(5)
        ]
        if any(0 < share < 1 for share in shares):
            continue
        trial.fail(
            f"{call_text(_SPATIAL, _IMAGES, keep_prob)}: in 5 calls, each call kept "
            f"all pixels or none ({shares.count(1.0)} times all); expected about "
            f"{keep_prob:.0%} of them.",
            _spatial_constant_mistake(spatial_dropout, trial),
        )


def _spatial_constant_mistake(function: StudentFunction, trial: Trial) -> str:
    """Return what is behind images that are kept, or dropped, altogether."""
    # A bit for the whole array shows one face in all calls with probability 0.7 ** 60.
    small = (5, 4, 2, 2)
    shares = {
        float(_images(function, trial, small, 0.7).mask.mean()) for _ in range(60)
    }
    if shares == {0.0}:
        return elementwise.DROPS_EVERYTHING
    if shares != {1.0}:
        return elementwise.ONE_BIT_FOR_ALL
    for training, name in (
        (True, elementwise.TESTS_BY_DEFAULT),
        (False, elementwise.TRAINING_REVERSED),
    ):
        if not _images(function, trial, _IMAGES, 0.7, training=training).mask.all():
            return name
    return elementwise.DROPS_NOTHING


@spatial.check(points=0.5, after="drops_some_images_parts")
def drops_whole_channels(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """A channel is kept or dropped as a whole; samples, channels and calls differ."""
    named = {
        (1,): DROPS_POSITIONS,
        (1, 2): CHANNELS_LAST,
        (0, 2, 3): SAME_CHANNELS,
        (1, 2, 3): WHOLE_SAMPLES,
    }
    for shape in (_IMAGES, (20, 30, 5, 7)):
        draws = [_images(spatial_dropout, trial, shape, 0.7).mask for _ in range(5)]
        # Axis 0 of the stack is that of the calls.
        constant = bit_tests.constant_axes(np.array(draws))
        shared = tuple(axis - 1 for axis in constant if axis > 0)
        axes = ", ".join(map(str, shared)) or "none"
        trial.expect(
            shared == (2, 3),
            f"{call_text(_SPATIAL, shape, 0.7)}: the axes along which the mask does not "
            f"change are {axes}; expected 2, 3.",
            named.get(shared, DROPS_PIXELS),
        )
    _expect_varying_channels(spatial_dropout, trial)


def _expect_varying_channels(function: StudentFunction, trial: Trial) -> None:
    """Check that calls, samples and channels differ and that kept counts vary, down to
    none; nothing of this fails by chance."""
    rng = trial.generator()
    call = f"40 calls {call_text(_SPATIAL, (20, 20, 2, 1), _FEW)}"
    small = np.array(
        [_channel_bits(function, trial, 20, _FEW, rng)[0] for _ in range(40)]
    )
    bit_tests.expect_own_calls(trial, small, call)
    bit_tests.expect_varying_counts(trial, small, _CHANNEL_AXES, call)
    # Both channels of a sample are dropped in about half of 300 samples.
    pairs = _images(function, trial, (300, 2, 2, 1), 0.3).mask[:, :, 0, 0]
    trial.expect(
        not pairs.any(axis=1).all(),
        f"{call_text(_SPATIAL, (300, 2, 2, 1), 0.3)}: each sample keeps a channel; "
        "expected that some lose all.",
        KEEPS_AT_LEAST_ONE,
    )


@spatial.check(points=0.25, after="drops_some_images_parts")
def kept_pixels_are_rescaled(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """A kept pixel is divided by keep_prob; at keep_prob = 1 out equals x."""
    shapes = (_IMAGES, (1, 1, 1, 1), (3, 1, 4, 2), (2, 5, 1, 1))
    for shape, keep_prob in itertools.product(shapes, (*KEEP_PROBS, 1.0)):
        got = _images(spatial_dropout, trial, shape, keep_prob)
        kept = got.mask
        call = call_text(_SPATIAL, shape, keep_prob)
        trial.expect(
            keep_prob < 1 or kept.all(),
            f"{call}: {int((~kept).sum())} of {kept.size} pixels are dropped; expected "
            "none.",
            elementwise.TAKES_ONE_FOR_DROP_PROBABILITY,
        )
        ratios = (got.out / got.x)[kept]
        if facts.close(ratios, 1 / keep_prob):
            continue
        trial.fail(
            f"{call}: a kept pixel comes back {np.median(ratios):.4g} times as large "
            f"(median); expected {1 / keep_prob:.4g} times.",
            CHANNEL_NOT_RESCALED if facts.close(ratios, 1) else CHANNEL_SCALED_WRONGLY,
        )
    x = trial.inputs(*_IMAGES, zeros=0.5)
    call = call_text(_SPATIAL, _IMAGES, 0.3)
    out = facts.pair(spatial_dropout(x, 0.3, trial.generator()), call)[0]
    out = facts.float_array(out, _IMAGES, call, "out")
    trial.expect(
        not out[x == 0].any(),
        f"{call}: a pixel that is 0 comes back as another number.",
        noise_factors.ADDS_INSTEAD,
    )


@spatial.check(points=0.25, after="drops_some_images_parts")
def returns_images_unchanged_at_test(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """With training=False, out equals x."""
    for shape, keep_prob in itertools.product(
        (_IMAGES, (1, 1, 1, 1), (2, 5, 1, 1)), (*KEEP_PROBS, 1.0)
    ):
        got = _images(spatial_dropout, trial, shape, keep_prob, training=False)
        dropped = int((~got.mask).sum())
        call = call_text(_SPATIAL, shape, keep_prob, training=False)
        trial.expect(
            not dropped,
            f"{call}: {dropped} of {got.x.size} pixels came back 0; at test nothing is "
            "dropped.",
            elementwise.STILL_DROPS_AT_TEST,
        )
        trial.expect(
            facts.close(got.out, got.x),
            f"{call}: {facts.worst(got.out, got.x)}; at test out equals x.",
            SCALES_IMAGES_AT_TEST,
        )


@spatial.check(points=0.25, after="drops_some_images_parts")
def leaves_its_images_alone(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before, in both modes."""
    for training in (True, False):
        x = trial.inputs(*_IMAGES, zeros=0.2)
        _, after = spatial_dropout.observe(x, 0.3, trial.generator(), training=training)
        call = call_text(_SPATIAL, x.shape, 0.3, training)
        bit_tests.expect_unchanged(trial, x, after[0], call)


def _channel_bits(
    function: StudentFunction,
    trial: Trial,
    samples: int,
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return bits of shape (samples, 20), one for each channel, and which channels hold
    large values."""
    got = _images(function, trial, (samples, 20, 2, 1), keep_prob, rng)
    size = np.abs(got.x).mean(axis=(2, 3))
    return got.mask[:, :, 0, 0], size > np.median(size)


@spatial.check(
    points=0.25,
    after="drops_whole_channels",
    looks={
        "all at 0.83": Proportion(0.83, detects=0.015),
        "all at 0.27": Proportion(0.27, detects=0.015),
        "all at 0.998": Proportion(0.998, detects=0.0019),
        "large channels at 0.83": Proportion(0.83, detects=0.025),
        "first samples at 0.27": Proportion(0.27, detects=0.025),
        "first channels at 0.27": Proportion(0.27, detects=0.025),
    },
)
def keeps_channels_with_keep_prob(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """Every channel is kept with probability keep_prob, whatever its values and place."""

    def share(keep_prob: float) -> float:
        return float(_channel_bits(spatial_dropout, trial, 600, keep_prob)[0].mean())

    for keep_prob in (*noise_factors.FINE_KEEP_PROBS, 0.998):
        samples = 2 * -(-trial.size(f"all at {keep_prob}") // 40)
        bits, large = _channel_bits(spatial_dropout, trial, samples, keep_prob)
        first_sample, first_channel = (
            np.arange(length) < length // 2 for length in bits.shape
        )
        parts = {
            "large channels": large,
            "first samples": first_sample[:, None],
            "first channels": first_channel,
        }
        bit_tests.judge_rates(trial, bits, keep_prob, parts, share)


_COUNT_OF_20 = Proportion(exact_count(20, _FEW).probability, detects=0.05)


@spatial.check(
    points=0.25,
    after="keeps_channels_with_keep_prob",
    looks={
        **bit_tests.pair_looks(_CHANNEL_AXES, _AGREE),
        "count of a sample": _COUNT_OF_20,
        "count of a channel": _COUNT_OF_20,
    },
)
def drops_channels_independently(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """Bits in pairs of samples, channels and calls are independent; so are counts."""
    rng = trial.generator()
    needed = max(trial.size("successive calls"), 10 * trial.size("count of a sample"))
    blocks = -(-needed // 400)
    bits = np.array(
        [
            _channel_bits(spatial_dropout, trial, 20 * blocks, _FEW, rng)[0]
            for _ in range(2)
        ]
    )
    what = f"bits at keep_prob = {_FEW}"
    bit_tests.judge_pairs(trial, bits, _CHANNEL_AXES, what, elementwise.DEPENDENT_BITS)
    square = bits.reshape(2, blocks, 20, 20)
    for axis, of in ((3, "a sample"), (2, "a channel")):
        usual = square.sum(axis=axis) == 14
        what = f"20 bits of {of}: exactly 14 kept"
        trial.judge(
            f"count of {of}", usual, usual.size, what, elementwise.DEPENDENT_BITS
        )


@spatial.check(points=0.25, after="drops_some_images_parts")
def draws_its_channels_from_rng_alone(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    x, call = trial.inputs(*_IMAGES), call_text(_SPATIAL, _IMAGES, 0.7)

    def output(rng: np.random.Generator) -> Any:
        return facts.pair(spatial_dropout(x, 0.7, rng), call)[0]

    bit_tests.follows_rng(trial, call, output, elementwise.SAME_MASK_EVERY_CALL)


# ---- annealed_keep_prob --------------------------------------------------------------

STARTS_AT_ONE = mistake(
    "anneals_the_wrong_way",
    "your schedule starts at 1 and ends at the initial value, as a curriculum does; "
    "annealing starts with dropout and ends without.",
    "noise-schedules",
)
ANNEALS_TO_ZERO = mistake(
    "anneals_to_zero",
    "your keep probability falls to 0: that is a drop probability that is annealed. The "
    "keep probability grows to 1.",
    "noise-schedules",
)
RETURNS_DROP_PROBABILITY = mistake(
    "returns_the_drop_probability",
    "you return 1 minus the keep probability of the schedule.",
    "noise-schedules",
)
OFF_BY_ONE = mistake(
    "counts_steps_off_by_one",
    "your schedule runs one step early or late: it is at the initial value at step 0 and "
    "at 1 at step total_steps.",
    "noise-schedules",
)
EXCEEDS_ONE = mistake(
    "goes_on_after_the_last_step",
    "after total_steps your value goes on, and is no keep probability any more; it stays "
    "at 1.",
    "noise-schedules",
)
STARTS_OVER = mistake(
    "starts_over_after_the_last_step",
    "after total_steps your schedule falls back below 1; it stays at 1.",
    "noise-schedules",
)
DIVIDES_INTEGERS = mistake(
    "divides_integers",
    "your value stays at its start until the last step: step // total_steps is 0 up to "
    "there; divide with /.",
    "noise-schedules",
)
NOT_LINEAR = mistake(
    "does_not_grow_linearly",
    "both ends are right, and between them your schedule bends or jumps; it is linear in "
    "step.",
    "noise-schedules",
)
STOPS_SHORT = mistake(
    "does_not_reach_one",
    "at step total_steps your value is not 1.",
    "noise-schedules",
)
STARTS_ELSEWHERE = mistake(
    "starts_from_another_value",
    "at step 0 your value is not initial_keep_prob.",
    "noise-schedules",
)

_SCHEDULES = ((10, 0.3), (7, 0.8), (1, 0.45), (1000, 0.05), (50, 1.0), (10, 0.6))


def _kept(
    function: StudentFunction, step: int, total_steps: int, initial: float
) -> tuple[float, str]:
    """Return the value, a finite number, and the call as it is shown in messages."""
    call = f"annealed_keep_prob({step}, {total_steps}, {initial})"
    return facts.number(function(step, total_steps, initial), call), call


def _expect_schedule(
    function: StudentFunction, trial: Trial, steps: Callable[[int], Sequence[int]]
) -> None:
    """Check the values at ``steps(total_steps)`` of every schedule."""
    for total_steps, initial in _SCHEDULES:
        for step in steps(total_steps):
            value, call = _kept(function, step, total_steps, initial)
            expected = initial + (1 - initial) * min(step / total_steps, 1.0)
            if not facts.close(value, expected):
                trial.fail(
                    f"{call} is {value:.6g}; expected {expected:.6g}.",
                    _schedule_mistake(function, total_steps, initial),
                )


def _schedule_mistake(
    function: StudentFunction, total_steps: int, initial: float
) -> str | None:
    """Return what is behind a wrong schedule of at least five steps, by its values up to
    half as many steps again."""
    if total_steps < 5:
        total_steps, initial = _SCHEDULES[0]
    steps = np.arange(total_steps * 3 // 2)
    try:
        found = np.array(
            [_kept(function, int(s), total_steps, initial)[0] for s in steps]
        )
    except (StudentError, CheckFailure):
        return None

    def line(step: np.ndarray, total: int = total_steps) -> np.ndarray:
        return initial + (1 - initial) * np.clip(step / total, 0, 1)

    right, before = line(steps), steps < total_steps
    if facts.close(found, 1 - right):
        return RETURNS_DROP_PROBABILITY
    if facts.close(found[0], 1) and found[total_steps] < 1:
        return STARTS_AT_ONE
    if facts.close(found[total_steps], 0):
        return ANNEALS_TO_ZERO
    shifted = [line(steps + 1), line(steps - 1)]
    shifted += [line(steps, total_steps + shift) for shift in (-1, 1)]
    if any(facts.close(found[before], s[before]) for s in shifted):
        return OFF_BY_ONE
    if facts.close(found[before], right[before]) and facts.close(found[total_steps], 1):
        return EXCEEDS_ONE if found.max() > 1.001 else STARTS_OVER
    if not facts.close(found[0], initial):
        return STARTS_ELSEWHERE
    if not facts.close(found[total_steps], 1):
        return STOPS_SHORT
    return DIVIDES_INTEGERS if facts.close(found[before], initial) else NOT_LINEAR


@annealed.check(points=0.25)
def starts_at_the_initial_value(
    annealed_keep_prob: StudentFunction, trial: Trial
) -> None:
    """A number comes back, and at step 0 it is initial_keep_prob."""
    _expect_schedule(annealed_keep_prob, trial, lambda total: (0,))


@annealed.check(points=0.5, after="starts_at_the_initial_value")
def grows_linearly_to_one(annealed_keep_prob: StudentFunction, trial: Trial) -> None:
    """Up to total_steps the value grows in equal steps, and is 1 there."""
    _expect_schedule(annealed_keep_prob, trial, lambda total: _sample(total))


def _sample(total_steps: int) -> Sequence[int]:
    """Return steps from 1 to ``total_steps``: all of them, or 21 when there are many."""
    return sorted({round(s) for s in np.linspace(1, total_steps, 21)})


@annealed.check(points=0.25, after="starts_at_the_initial_value")
def stays_at_one_afterwards(annealed_keep_prob: StudentFunction, trial: Trial) -> None:
    """After total_steps the value is 1."""
    _expect_schedule(
        annealed_keep_prob,
        trial,
        lambda total: (total + 1, total + 2, 2 * total, 2 * total + 3, 10 * total + 7),
    )
