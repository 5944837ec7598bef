"""dropconnect_forward: drop weights instead of units, afresh for every row."""

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import (
    bit_tests,
    corners,
    dense_products,
    departures,
    everywhere,
    follows_rng,
    kinds,
    whole_products,
)
from autograder.families.bit_tests import FEW, KEEP_PROBS, wide
from autograder.families.dropped_weights import (
    INPUTS,
    KINDS,
    OUTPUTS,
    Wrong,
    call_weights,
    connect,
    in_every_form,
    of_weights,
    product,
    reading,
    sum_mistake,
    zeros_mistake,
)
from autograder.families.elementwise import Wrong as Unit
from autograder.families.properties import expect_unchanged

exercise = Exercise(
    "dropconnect_forward",
    chapter="noise",
    title="Drop weights instead of units, afresh for every row",
    signature="dropconnect_forward(x, weights, keep_prob, rng) -> out",
    section="noise-dropconnect",
    takes={
        "x": domain.floats("`x` is a float array of shape (N, D)", 2, 2),
        "weights": domain.arrays("`weights` one of shape (D, C)", 2, 2),
        "keep_prob": domain.keep_probs(),
    },
)
_RUNS, _AT_ONE = "returns_a_float_matrix", "multiplies_fully_at_keep_prob_one"
_SUMS, _OWN = (
    "sums_kept_products_over_keep_prob",
    "gives_every_weight_and_row_its_own_bit",
)
_RATE = "keeps_weights_with_keep_prob"


@exercise.check(points=0.25)
def returns_a_float_matrix(dropconnect_forward: StudentFunction, trial: Trial) -> None:
    """out has shape (N, C) and holds finite floating point numbers."""
    shapes = ((30, 12, 5), (1, 4, 3), (6, 1, 2), (3, 40, 1))
    types = (np.float64, np.float32)
    for (n, d, c), keep_prob, dtype in itertools.product(shapes, KEEP_PROBS[:2], types):
        x, weights = trial.inputs(n, d).astype(dtype), trial.inputs(d, c).astype(dtype)
        product(dropconnect_forward, trial, x, weights, keep_prob)


@exercise.check(points=0.25, after=_RUNS)
def multiplies_fully_at_keep_prob_one(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, out equals x @ weights."""
    shapes = ((30, 12, 5), (1, 4, 3), (6, 1, 2), (5, 5, 5), (3, 40, 1), (1, 1, 1))
    pairs = [
        (trial.inputs(n, d, zeros=0.2), trial.inputs(d, c, zeros=0.2))
        for n, d, c in shapes
    ]
    at_corners = corners.arrays(trial, 2, 2, large=1e12, small=1e-12)
    pairs += [(x, wide(trial, x.shape[1], 4)) for x in at_corners]
    pairs += [(wide(trial, 3, len(weights)), weights) for weights in at_corners]
    types = ((np.float64, np.float64), (np.float32, np.float32))
    unlike = trial.inputs(3, 200), trial.inputs(200, 4)
    of_types = [*itertools.product(pairs, types)]
    of_types += [(unlike, (np.float64, np.float32)), (unlike, (np.float32, np.float64))]
    for (x, weights), (one, other) in of_types:
        given = x.astype(one), weights.astype(other)
        out = product(dropconnect_forward, trial, *given, 1.0)
        expected = x @ weights
        # Right to five digits of the largest product: float32 has seven, and the sum may
        # be far smaller than what is summed.
        gap = 1e-5 * (np.abs(x) @ np.abs(weights))
        if (np.abs(out - expected) <= gap).all():
            continue
        trial.fail(
            f"{call_weights(*given, 1.0)}: {facts.worst(out, expected)}; without dropped "
            "weights out equals x @ weights.",
            Wrong.differs_from_the_product_at_keep_prob_one
            if out.any()
            else zeros_mistake(dropconnect_forward, trial),
        )


@exercise.check(points=0.25, after=_AT_ONE)
def leaves_x_and_weights_alone(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """x and weights are the same after the call as before."""
    shapes = ((30, 12, 5), (1, 4, 3), (6, 1, 2), (3, 4, 1), (1, 1, 1))
    for (n, d, c), dtype in itertools.product(shapes, (np.float64, np.float32)):
        x, weights = trial.inputs(n, d, zeros=0.2), trial.inputs(d, c)
        given = x.astype(dtype), weights.astype(dtype)
        _, after = dropconnect_forward.observe(*given, 0.3, trial.generator())
        names, call = ("x", "weights"), call_weights(*given, 0.3)
        expect_unchanged(trial, call, names, given, after, bit_tests.NOT_IN_PLACE)


_SHAPES = ((60, 10, 20), (1, 10, 4), (6, 1, 3), (30, 7, 1), (5, 10, 5), (1, 1, 1))


def _cases() -> Iterator[tuple[tuple[int, int, int], float, str, Any]]:
    """Yield sizes, a keep probability, a kind of numbers and a dtype: first inside the
    stated range, then at its corners."""
    types = np.float64, np.float32
    yield from ((_SHAPES[0], p, "inside", types[0]) for p in KEEP_PROBS[:2])
    yield from itertools.product(_SHAPES[:1], KEEP_PROBS, ("of all sizes",), types)
    yield from ((_SHAPES[0], p, "inside", types[0]) for p in corners.ENDS)
    # Eight keep probabilities, seven kinds, two types: all meet in turn.
    keep_probs, dtypes = itertools.cycle((*KEEP_PROBS, 0.5)), itertools.cycle(types)
    for shape, kind in itertools.product(_SHAPES, KINDS):
        yield shape, next(keep_probs), kind, next(dtypes)


@exercise.check(points=0.75, after=_AT_ONE)
def sums_kept_products_over_keep_prob(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """Each output is a sum of products x * weight, some left out, over keep_prob."""
    for shape, keep_prob, kind, dtype in _cases():
        got = connect(dropconnect_forward, trial, shape, keep_prob, None, kind, dtype)
        if got.digits(1 / keep_prob) is not None:
            continue
        product_of_all = got.x.astype(float) @ got.weights
        share = np.median(
            got.out[product_of_all != 0] / product_of_all[product_of_all != 0]
        )
        trial.fail(
            f"{call_weights(got.x, got.weights, keep_prob)}, entries {kind}: no choice of "
            "kept weights, divided by keep_prob, sums up to out; its usual share of "
            f"x @ weights is {share:.4g}.",
            sum_mistake(dropconnect_forward, trial),
        )
    _read_masks(dropconnect_forward, trial)
    # Even one bit for all weights does not show the rarer face in 30 calls.
    read = reading(-1, INPUTS, OUTPUTS)
    for keep_prob, rare, which, name in (
        (0.3, True, "every", Unit.drops_nothing),
        (0.8, False, "no", Unit.drops_everything),
    ):
        draws = (read(dropconnect_forward, trial, 5, keep_prob) for _ in range(30))
        trial.expect(
            not all((mask == rare).all() for mask, _ in draws),
            f"30 calls with keep_prob = {keep_prob}: {which} weight is kept.",
            name,
        )
    x, weights = np.zeros((20, 8)), trial.inputs(8, 3)
    trial.expect(
        not product(dropconnect_forward, trial, x, weights, 0.3).any(),
        f"{call_weights(x, weights, 0.3)}: x is 0 and out is not.",
        Wrong.no_sum_of_kept_weights,
    )
    whole_products.expect_sums(dropconnect_forward, trial)


def _read_masks(
    function: StudentFunction, trial: Trial
) -> list[tuple[np.ndarray, str]]:
    """Return the masks of calls of every form and what to say of them, which the checks of
    one grading share."""
    if "masks" not in trial.notes:
        found = []
        for got, keep_prob, call in in_every_form(function, trial):
            if (mask := got.digits(1 / keep_prob)) is None:
                trial.fail(
                    f"{call}: no choice of kept weights, divided by keep_prob, sums up to "
                    "out.",
                    sum_mistake(function, trial),
                )
            found.append((mask, call))
        trial.notes["masks"] = found
    masks: list[tuple[np.ndarray, str]] = trial.notes["masks"]
    return masks


_LAYER = bit_tests.Layer(
    {"rows": 2, "inputs": INPUTS, "outputs": OUTPUTS},
    "weights",
    ["weights", "x"],
    {"an output": "inputs", "an input": "outputs"},
    reading(-1, INPUTS, OUTPUTS),
    {
        "single rows": (reading(1, 4, -1, 4), [1, 2]),
        "single inputs": (reading(-1, 1, 2, 2), [0, 2]),
        "single outputs": (reading(-1, 10, 1, 10), [0, 1]),
        "two rows": (reading(2, 4, -1, 8), [0, 1, 2]),
        "10 of 40 inputs": (reading(-1, 10, 2, 20, among=40), [0, 1, 2]),
        "equal x in float32": (
            reading(-1, 4, 2, 8, kind="equal", dtype=np.float32),
            [0, 1, 2],
        ),
        "negative x": (reading(-1, 4, 2, 8, kind="negative"), [0, 1, 2]),
    },
)
#: What is behind a mask that does not change along these axes, that of calls being 0.
_SHARED = {
    (1, 2, 3): Unit.one_bit_for_the_whole_array,
    (2, 3): Unit.drops_whole_rows,
    (1, 3): Wrong.drops_units_instead_of_weights,
    (3,): Wrong.drops_units_instead_of_weights,
    (1, 2): Wrong.drops_outputs_instead_of_weights,
    (2,): Wrong.drops_outputs_instead_of_weights,
    (1,): Wrong.one_weight_mask_for_the_batch,
}


def _expect_own_bits(trial: Trial, masks: np.ndarray, call: str) -> None:
    """Check that masks, with an axis of calls first, change along each other one, of more
    than two."""
    constant = bit_tests.constant_axes(masks)
    common = tuple(axis for axis in constant if axis > 0 and masks.shape[axis] > 2)
    words = {1: "row", 2: "input", 3: "output"}
    trial.expect(
        not common,
        f"{call}: the bit of a weight is the same for every "
        f"{' and '.join(words[axis] for axis in common)}.",
        _SHARED.get(common),
    )


@exercise.check(points=0.5, after=_SUMS)
def gives_every_weight_and_row_its_own_bit(
    dropconnect_forward: StudentFunction, trial: Trial
) -> None:
    """Rows, inputs, outputs and calls do not share bits, and the kept count varies."""
    masks = _LAYER.calls(dropconnect_forward, trial, 40, 20)
    call = f"40 calls with x of shape (20, {INPUTS}), weights of shape "
    call += f"({INPUTS}, {OUTPUTS}), keep_prob = {FEW}"
    _expect_own_bits(trial, masks, call)
    bit_tests.expect_own_calls(trial, masks, call)
    bit_tests.expect_varying_counts(trial, masks, tuple(_LAYER.axes), call)
    one = reading(1, 1, 1)
    single = [one(dropconnect_forward, trial, 0, 0.5)[0].any() for _ in range(45)]
    for face, what, name in (
        (True, "kept", Unit.drops_at_least_one),
        (False, "dropped", Wrong.keeps_at_least_one_weight),
    ):
        trial.expect(
            face in single,
            f"45 calls with a single weight and keep_prob = 0.5: it is never {what}.",
            name,
        )
    for mask, each in _read_masks(dropconnect_forward, trial):
        # What is never kept, or always, is the rate's to judge.
        if mask.any() and not mask.all():
            _expect_own_bits(trial, mask[None], each)


_INDEPENDENT = _LAYER.independent(
    "Bits in pairs of rows, inputs, outputs and calls are independent; so are counts."
)
_FROM_RNG = follows_rng.from_rng(
    ((30, 30), (30, 30)),
    call_weights,
    Unit.same_mask_every_call,
    Unit.reuses_masks,
    lambda out, _: out,
    small=((2, 1), (1, 100)),
)
_EVERY = kinds.Kinds(
    of_weights, "weights", modes=False, zeros=partial(of_weights, zeros=True)
)
_RATES = departures.also(kinds.RATE, _LAYER.rate(0.01, 0.02), _EVERY)
exercise.asks(0.5, _RATE, _RATES, after=_OWN)
_INDEPENDENT = departures.also(kinds.PAIRS, _INDEPENDENT, _EVERY)
_INDEPENDENT = _INDEPENDENT.also(dense_products.judge, dense_products.LOOKS)
exercise.asks(0.25, "drops_weights_independently", _INDEPENDENT, after=_RATE)
_FROM_RNG = everywhere.follows_rng(_FROM_RNG, _EVERY)
exercise.asks(0.25, "draws_its_weights_from_rng_alone", _FROM_RNG, after=_SUMS)
