"""Properties of the backward pass of every element-wise dropout, for its exercises to ask.

``inverted_dropout_backward`` and ``classic_dropout_backward`` differ in their convention
alone.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from itertools import product

import numpy as np

from autograder.contract import facts
from autograder.contract.domain import Range, floats
from autograder.contract.exercise import Property
from autograder.contract.mistakes import at
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import corners, elementwise, zero_inputs
from autograder.families.pasted_forward import (
    RATE_LOOKS,
    count_masks,
    expect_some_dropped,
    expect_test_mode,
    forward_follows,
    rarer,
)
from autograder.families.properties import expect_unchanged, stated
from autograder.families.rivals import first, wrong_factor
from autograder.families.round_trip import (
    BREAKS,
    LARGE,
    LONG,
    TRIPS,
    Convention,
    ForwardFails,
    Pair,
    RoundTrip,
)
from autograder.laws.binomial import Law


class Wrong(zero_inputs.Wrong, section="back-derivation"):
    drops_in_the_forward_pass_only = at(
        "back-same-mask",
        "your backward pass lets the gradient through dropped units; multiply by the "
        "mask of the forward pass.",
    )
    another_mask_in_the_backward_pass = at(
        "back-same-mask",
        "the backward pass uses another mask than the forward pass did; keep the "
        "forward pass's mask and draw none in the backward pass.",
    )
    uses_one_rows_mask_for_all = at(
        "back-mistakes",
        "your backward pass uses one row's mask for every row; each row has its own.",
    )
    gives_the_gradient_to_the_dropped = at(
        "back-mistakes",
        "dropped units get the gradient, as dout - dout * mask gives it to them; the "
        "kept units should get it.",
    )
    backward_lacks_the_scale = """your backward pass applies the mask and does not
        divide by keep_prob; the forward pass divided, so its gradient does too."""
    backward_scales_twice = """your backward pass divides by keep_prob twice (is the
        mask in the cache divided already?)."""
    backward_multiplies_by_keep_prob = """your backward pass multiplies the gradient of
        kept units by keep_prob."""
    backward_divides_by_drop_probability = """your backward pass divides by 1 −
        keep_prob; divide by keep_prob."""
    backward_turns_the_sign = """your backward pass turns the sign of the gradient round;
        a step downhill is the optimiser's to make."""
    backward_averages_over_rows = """your backward pass divides by the number of rows; a
        loss that is a mean has divided already, and dout holds that."""
    scales_a_classic_gradient = """your backward pass divides by keep_prob; classic
        dropout does not divide in training, so its gradient does not either."""
    backward_divides_by_kept_fraction = """your backward pass divides by the fraction of
        units that happened to be kept; the forward pass divided by keep_prob."""
    stops_negative_units = """your backward pass also stops the gradient where x or out
        is negative; the mask alone decides (a ReLU has its own backward pass)."""
    stops_negative_gradients = """your backward pass also stops the gradient where dout
        is negative; the mask alone decides, whatever dout is."""
    uses_an_earlier_mask = at(
        "back-same-mask",
        "your backward pass uses the mask of an earlier forward pass, as a layer does that "
        "stores its mask before it draws the new one, or only once.",
    )
    gradient_fits_some_keep_probs = """your gradient is right at some values of keep_prob
        and wrong at others: either keep_prob is bounded or rounded on its way into the
        backward pass, or another number stands for it."""
    gradient_depends_on_the_shape = """your gradient is right for large matrices and wrong
        for some other array: of another shape, of a single entry, in float32, transposed,
        or with entries all alike, small, large, of one sign or mostly 0; none of that
        matters here."""
    gradient_is_wrong_at_keep_prob_one = """your gradient is right below keep_prob = 1 and
        wrong there: nothing is dropped, and dx equals dout."""
    test_gradient_is_another = """after a forward pass at test dx is neither as it should
        be, nor wrong in a way that tells why: no clipping, rounding or exception for some
        arrays or values of keep_prob belongs there."""
    gradient_is_zero = """your backward pass lets no gradient through; kept units get
        one, and at test all units do."""
    gradient_is_not_proportional_to_dout = """your gradient is right for some entries of
        dout and wrong for others of another size or sign: a constant is added, or the
        gradient is cut off or rounded; it is proportional to dout."""
    ignores_dout = """your backward pass returns the mask whatever the upstream gradient
        dout is; multiply dout by it."""
    multiplies_by_the_activation = at(
        "back-mistakes",
        "your backward pass multiplies dout by the activation instead of the mask.",
    )
    backward_ignores_test_mode = """after a forward pass with training=False your
        backward pass drops or divides; the cache has to say which mode it was."""
    test_gradient_has_the_drop_probability = """after a forward pass at test your backward
        pass multiplies dout by 1 − keep_prob; the forward pass multiplies by keep_prob or by
        nothing, and so does its gradient."""
    test_gradient_has_keep_prob = """after a forward pass at test your backward pass
        multiplies dout by keep_prob; inverted dropout leaves x as it is at test, and so
        its gradient."""
    classic_test_gradient_lacks_keep_prob = """at test classic dropout multiplies x by
        keep_prob, so its gradient is keep_prob * dout, not dout."""


_ARRAYS = floats("float arrays of the same shape, with 1 to 4 axes", 1, 4)
#: What a forward and a backward pass may be called with.
GRADIENT_TAKES: Mapping[str, Range] = {
    **elementwise.TAKES,
    "x": _ARRAYS,
    "dout": _ARRAYS,
}
INVERTED = Convention(
    "inverted dropout",
    lambda p: 1 / p,
    lambda p: 1.0,
    over=" / keep_prob",
    times="",
    rivals={
        Wrong.backward_lacks_the_scale: lambda p: 1.0,
        Wrong.backward_scales_twice: lambda p: 1 / p**2,
    },
)
CLASSIC = Convention(
    "classic dropout",
    lambda p: 1.0,
    lambda p: p,
    over="",
    times="keep_prob * ",
    rivals={Wrong.scales_a_classic_gradient: lambda p: 1 / p},
)


#: Large enough that no row or column of them is dropped whole.
_RUN_ON = ((50,), (40, 30), (30, 8, 20), (25, 2, 3, 20))


def runs(pair: Pair) -> None:
    """The forward pass works, and dx has the shape of dout and holds finite floats."""
    usual = elementwise.covering(_RUN_ON, elementwise.KEEP_PROBS)
    for (shape, keep_prob), dtype in product(usual, elementwise.DTYPES):
        pair.trip(shape, keep_prob, dtype=dtype)


def drops_the_gradient(pair: Pair) -> None:
    """dx is 0 where the forward pass dropped, and nowhere else."""
    earlier: list[RoundTrip] = []
    for got in pair.trips(plain=True):
        if not (0.1 < np.abs(got.dout).max() < 10 and got.dout.all()):
            continue  # what becomes of very small gradients is ``scales_the_gradient``'s
        kept, passed = got.mask, got.dx != 0
        if got.keep_prob in elementwise.KEEP_PROBS and kept.size > 1000:
            expect_some_dropped(pair, got)
        count_masks(pair, got, rarer(kept), kept.size)
        if not np.array_equal(kept, passed):
            dropped, all_kept = int((~kept).sum()), int(kept.sum())
            pair.trial.fail(
                f"{got.call}: of {dropped} dropped units {int((passed & ~kept).sum())} "
                f"got a gradient (expected: none), of {all_kept} kept units "
                f"{int((passed & kept).sum())} (expected: all).",
                _mask_mistake(pair, got, earlier),
            )
        earlier.append(got)


def _mask_mistake(pair: Pair, got: RoundTrip, earlier: Sequence[RoundTrip]) -> str:
    """Return what is behind a zero pattern of dx that differs from the mask."""
    kept, passed = got.mask, got.dx != 0
    # Larger arrays came before, and their usual keep probabilities first.
    if got.x.shape != LARGE:
        return _where_it_is_wrong(pair, got)
    if not passed.any():
        return Wrong.gradient_is_zero
    added = got.dx[~kept]
    if added.any() and elementwise.constant(added) and not elementwise.constant(got.dx):
        return Wrong.gradient_is_not_proportional_to_dout
    before, now = pair.trip(LARGE, 0.6), pair.trip(LARGE, 0.6)
    if any(np.array_equal(now.dx != 0, old.mask) for old in (*earlier, before)):
        return Wrong.uses_an_earlier_mask
    if facts.close(got.dx, got.dout * (1 - kept / got.keep_prob), atol=0):
        return Wrong.gives_the_gradient_to_the_dropped
    patterns = {
        Wrong.drops_in_the_forward_pass_only: True,
        Wrong.gives_the_gradient_to_the_dropped: ~kept,
        Wrong.stops_negative_units: kept & (got.x > 0),
        Wrong.stops_negative_gradients: kept & (got.dout > 0),
        Wrong.uses_one_rows_mask_for_all: kept[:1],
    }
    if name := first(passed, patterns):
        return name
    reached = got.dx != 0
    if not (reached & ~kept).any() and elementwise.by_size(
        got.x, kept & ~reached, reached
    ):
        return Wrong.recovers_the_mask_from_values
    usual = got.keep_prob in elementwise.KEEP_PROBS
    another = Wrong.another_mask_in_the_backward_pass
    return another if usual else Wrong.gradient_fits_some_keep_probs


def _where_it_is_wrong(pair: Pair, got: RoundTrip) -> str:
    """Return what is behind a small array's wrong gradient: its form, or its keep
    probability, if large arrays are wrong there, too."""
    if got.keep_prob not in _ASKED:
        large = pair.trip(LARGE, got.keep_prob)
        scale = pair.convention.training(got.keep_prob)
        if not facts.close(large.dx, large.dout * large.mask * scale, atol=0):
            return Wrong.gradient_fits_some_keep_probs
    return Wrong.gradient_depends_on_the_shape


#: Where large arrays are looked at first.
_ASKED = (*elementwise.OUTER_KEEP_PROBS, 1.0)


def scales_the_gradient(pair: Pair) -> None:
    """dx is dout{over} where the forward pass kept a unit.

    That is so for dout of every size, for zeros in it, for zeros alone and for one sign."""
    for got in pair.trips(zeros=0.2):
        _expect_scale(pair, got)
    for size in (0, 1e-9):
        dout = size * pair.trial.inputs(30, 20)
        _expect_scale(pair, pair.run(np.ones((30, 20)), 0.3, dout))
    for sign in (1, -1):
        x, dout = (sign * np.abs(pair.trial.inputs(30, 20)) for _ in range(2))
        _expect_scale(pair, pair.run(x, 0.3, dout))
    at_one: list[tuple[tuple[int, ...], float]]
    at_one = [(shape, 1.0) for shape in (LARGE, *elementwise.ALL_SHAPES)]
    at_ends = zip(((200, 100), LARGE), corners.ENDS, strict=True)
    long = elementwise.covering(LONG[3:], elementwise.KEEP_PROBS)
    for shape, keep_prob in (*at_one, *long, *at_ends):
        trips: list[RoundTrip] = []
        with pair.trial.left_to_others(ForwardFails, of=TRIPS):
            trips.append(pair.trip(shape, keep_prob, 0.1))
        for got in trips:
            _expect_scale(pair, got)


def _expect_scale(pair: Pair, got: RoundTrip) -> None:
    count_masks(pair, got, int(got.mask.sum()), got.mask.size)
    scale = pair.convention.training(got.keep_prob)
    if facts.close(got.dx, got.dout * got.mask * scale, atol=0):
        return
    where = got.mask & (got.dout != 0)
    found, expected = wrong_factor(got.dx[where], got.dout[where], scale)
    pair.trial.expect(
        not got.dx[got.dout == 0].any(),
        f"{got.call}: dx is not 0 where dout is.",
        _scale_mistake(pair, got, where) or Wrong.gradient_is_not_proportional_to_dout,
    )
    pair.trial.fail(
        f"{got.call}: the gradient of a kept unit is {found} times dout (median of the "
        f"wrong ones); expected {expected} times.",
        _scale_mistake(pair, got, where),
    )


def _common(values: np.ndarray) -> float:
    """Return the number that all values are, to rounding error; NaN if they differ."""
    middle = float(np.median(values)) if len(values) else np.nan
    return middle if facts.close(values, middle, atol=0) else np.nan


def _scale_mistake(pair: Pair, got: RoundTrip, where: np.ndarray) -> str | None:
    """Return what is behind wrong ratios of dx to dout at these kept units."""
    p, kept = got.keep_prob, got.mask
    if p == 1:
        large, at_one = got.x.shape == LARGE, Wrong.gradient_is_wrong_at_keep_prob_one
        return at_one if large else Wrong.gradient_depends_on_the_shape
    ratios = got.dx[where] / got.dout[where]
    if not len(ratios):  # Dropped units alone get a gradient.
        return _where_it_is_wrong(pair, got)
    if np.isnan(_common(ratios)):
        if not np.isnan(_common(got.dx[kept])):
            return Wrong.ignores_dout
        if not np.isnan(_common(ratios / got.x[where])):
            return Wrong.multiplies_by_the_activation
        right = np.isclose(ratios, pair.convention.training(p), atol=0).any()
        return Wrong.gradient_is_not_proportional_to_dout if right else None
    if facts.close(_common(ratios), pair.convention.training(p)):
        return None  # Only where dout is 0 is dx wrong.
    if facts.close(_common(ratios), _common(got.out[kept] / got.x[kept])):
        return BREAKS
    if got.x.shape != LARGE and p not in corners.ENDS:
        return _where_it_is_wrong(pair, got)
    if facts.close(kept.mean(), p):  # by chance; two causes fit
        again = pair.trip(LARGE, p)
        return _scale_mistake(pair, again, again.mask)
    right = pair.convention.training(p)
    scales = {
        Wrong.backward_turns_the_sign: -right,
        Wrong.backward_averages_over_rows: right / len(got.x),
        Wrong.backward_divides_by_drop_probability: 1 / (1 - p),
        Wrong.backward_multiplies_by_keep_prob: p,
        Wrong.backward_divides_by_kept_fraction: 1 / float(kept.mean()),
    }
    own = {name: scale(p) for name, scale in pair.convention.rivals.items()}
    if name := first(_common(ratios), scales | own):
        return name
    return None if p in elementwise.KEEP_PROBS else Wrong.gradient_fits_some_keep_probs


def follows_test_mode(pair: Pair) -> None:
    """After a forward pass with training=False, dx equals {times}dout."""
    expect_test_mode(pair)
    for got in itertools.chain(pair.trips(zeros=0.1, training=False), pair.at_one()):
        dout, keep_prob = got.dout, got.keep_prob
        scale = pair.convention.test(keep_prob)
        if facts.close(got.dx, scale * dout, atol=0):
            continue
        rivals = {
            Wrong.gradient_is_zero: 0,
            Wrong.backward_turns_the_sign: -scale * dout,
            Wrong.backward_averages_over_rows: scale * dout / len(dout),
            Wrong.backward_ignores_test_mode: dout / keep_prob,
            Wrong.test_gradient_has_the_drop_probability: (1 - keep_prob) * dout,
            Wrong.test_gradient_has_keep_prob: keep_prob * dout,
            Wrong.classic_test_gradient_lacks_keep_prob: dout,
        }
        name = first(got.dx, rivals)
        zeros, at_zero = (got.dx == 0) & (dout != 0), got.x == 0
        if zeros.any():
            values = Wrong.recovers_the_mask_from_values
            ignores = Wrong.backward_ignores_test_mode
            name = name or (values if not zeros[~at_zero].any() else ignores)
        pair.trial.fail(
            f"{got.call}: dx differs from {scale:.4g} times dout; "
            f"{facts.worst(got.dx, scale * dout)}.",
            name or Wrong.test_gradient_is_another,
        )


def leaves_dout_alone(pair: Pair) -> None:
    """dout is the same after the call as before.

    A backward pass that fails after a forward pass at test has failed there."""
    # Two dtypes and two modes, in turn.
    turns = product((True, False), elementwise.DTYPES)
    cases = elementwise.covering((*elementwise.ALL_SHAPES, *_RUN_ON), [*turns])
    hint = "; write dout * mask, which makes a new array, rather than dout *= mask"
    for shape, (training, dtype) in cases:
        x = pair.trial.inputs(*shape).astype(dtype)
        dout = pair.trial.inputs(*shape, zeros=0.2).astype(dtype)
        call = f"{pair.backward.name}(dout of shape {shape}, cache)"
        seen: list[tuple[np.ndarray, ...]] = []
        with pair.trial.left_to_others(CheckFailure, StudentError, of=TRIPS):
            _, cache = pair.run_forward(x, 0.3, training)
            dx, after = pair.backward.observe(dout, cache)
            seen.append(after)
            facts.float_array(dx, shape, call, "dx")
        for after in seen:
            expect_unchanged(pair.trial, call, ["dout"], [dout], after, hint)


class Family:
    """The properties of the backward pass of one convention.

    Their sentences are the first ones of the tests' docstrings, completed by the
    convention."""

    def __init__(self, convention: Convention) -> None:
        def has(test: Callable[[Pair], None], **looks: Law) -> Property:
            def on_both(
                backward: StudentFunction, forward: StudentFunction, trial: Trial
            ) -> None:
                test(Pair(forward, backward, trial, convention))

            says = stated(test).says.format(**vars(convention))
            return Property(says, on_both, looks)

        self.runs = has(runs)
        self.forward = has(forward_follows, **RATE_LOOKS)
        self.mask = has(drops_the_gradient)
        self.scale = has(scales_the_gradient)
        self.zeros = has(zero_inputs.knows_the_mask, **zero_inputs.LOOKS)
        self.at_test = has(follows_test_mode)
        self.pure = has(leaves_dout_alone)
