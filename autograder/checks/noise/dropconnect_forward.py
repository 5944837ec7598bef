"""dropconnect_forward: drop weights instead of units, afresh for every row."""

from typing import Any

import numpy as np

from autograder.checks.noise import shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import bit_tests, dropped_weights, elementwise, noise_factors
from autograder.families.dropped_weights import INPUTS, OUTPUTS
from autograder.families.elementwise import KEEP_PROBS
from autograder.laws.binomial import Proportion, exact_count

exercise = Exercise(
    "dropconnect_forward",
    chapter="noise",
    title="Drop weights instead of units, afresh for every row",
    signature="dropconnect_forward(x, weights, keep_prob, rng) -> out",
    section="noise-dropconnect",
)


@exercise.check(points=0.25)
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


@exercise.check(points=0.25, after="returns_a_float_matrix")
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
            dropped_weights.Wrong.differs_from_the_product_at_keep_prob_one
            if out.any()
            else dropped_weights.zeros_mistake(dropconnect_forward, trial),
        )


@exercise.check(points=0.25, after="multiplies_fully_at_keep_prob_one")
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


@exercise.check(points=0.75, after="multiplies_fully_at_keep_prob_one")
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
        (0.3, True, elementwise.Wrong.drops_nothing),
        (0.8, False, elementwise.Wrong.drops_everything),
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
        dropped_weights.Wrong.no_sum_of_kept_weights,
    )


_WEIGHT_AXES = ("rows", "inputs", "outputs")


@exercise.check(points=0.5, after="sums_kept_products_over_keep_prob")
def gives_every_weight_and_row_its_own_bit(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """Rows, inputs, outputs and calls do not share bits, and the kept count varies."""
    rng = trial.generator()
    bits = np.array(
        [
            dropped_weights.weight_mask(dropconnect_forward, trial, 20, shared.FEW, rng)
            for _ in range(40)
        ]
    )
    call = f"40 calls with x of shape (20, {INPUTS}), weights of shape "
    call += f"({INPUTS}, {OUTPUTS}), keep_prob = {shared.FEW}"
    named = {
        (1, 2, 3): elementwise.Wrong.one_bit_for_the_whole_array,
        (2, 3): elementwise.Wrong.drops_whole_rows,
        (1, 3): dropped_weights.Wrong.drops_units_instead_of_weights,
        (3,): dropped_weights.Wrong.drops_units_instead_of_weights,
        (1, 2): dropped_weights.Wrong.drops_outputs_instead_of_weights,
        (2,): dropped_weights.Wrong.drops_outputs_instead_of_weights,
        (1,): dropped_weights.Wrong.one_weight_mask_for_the_batch,
    }
    common = tuple(axis for axis in bit_tests.constant_axes(bits) if axis > 0)
    words = {1: "row", 2: "input", 3: "output"}
    trial.expect(
        not common,
        f"{call}: the bit of a weight is the same for every "
        f"{' and '.join(words[axis] for axis in common)}.",
        named.get(common),
    )
    bit_tests.expect_own_calls(trial, bits, call)
    bit_tests.expect_varying_counts(trial, bits, _WEIGHT_AXES, call)


@exercise.check(
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
                dropped_weights.Wrong.no_sum_of_kept_weights,
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


_TYPICAL_COUNT = Proportion(exact_count(INPUTS, shared.FEW).probability, detects=0.05)


@exercise.check(
    points=0.25,
    after="keeps_weights_with_keep_prob",
    looks={
        **bit_tests.pair_looks(_WEIGHT_AXES, shared.AGREE),
        "count of an output": _TYPICAL_COUNT,
        "count of an input": Proportion(
            exact_count(OUTPUTS, shared.FEW).probability, 0.05
        ),
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
            dropped_weights.weight_mask(
                dropconnect_forward, trial, rows, shared.FEW, rng
            )
            for _ in range(2)
        ]
    )
    what = f"bits at keep_prob = {shared.FEW}"
    bit_tests.judge_pairs(
        trial, bits, _WEIGHT_AXES, what, elementwise.Wrong.bits_depend_on_each_other
    )
    for axis, of, width in ((2, "an output", INPUTS), (3, "an input", OUTPUTS)):
        mean = round(shared.FEW * width)
        usual = bits.sum(axis=axis) == mean
        what = f"{width} weights of {of}, in a row: exactly {mean} kept"
        trial.judge(
            f"count of {of}",
            usual,
            usual.size,
            what,
            elementwise.Wrong.bits_depend_on_each_other,
        )


@exercise.check(points=0.25, after="sums_kept_products_over_keep_prob")
def draws_its_weights_from_rng_alone(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    x, weights = trial.inputs(40, 12), trial.inputs(12, 10)

    def output(rng: np.random.Generator) -> Any:
        return dropconnect_forward(x, weights, 0.7, rng)

    call = dropped_weights.call_weights(x, weights, 0.7)
    bit_tests.follows_rng(trial, call, output, elementwise.Wrong.same_mask_every_call)
