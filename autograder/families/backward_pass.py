"""Properties of the backward pass of every element-wise dropout, for its exercises to ask.

``inverted_dropout_backward`` and ``classic_dropout_backward`` differ in their convention
alone.
"""

from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Property
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.families.properties import expect_unchanged, stated
from autograder.families.rivals import first
from autograder.families.round_trip import BREAKS, Convention, Pair, RoundTrip
from autograder.laws.binomial import Law, Proportion


class Wrong(Mistakes, section="back-derivation"):
    drops_in_the_backward_pass_only = at(
        "back-same-mask",
        "your forward pass drops nothing and your backward pass does; dropout acts in "
        "both, with the same mask.",
    )
    drops_in_the_forward_pass_only = at(
        "back-same-mask",
        "your backward pass lets the gradient through dropped units; multiply by the "
        "mask of the forward pass.",
    )
    another_mask_in_the_backward_pass = at(
        "back-same-mask",
        "the backward pass uses another mask than the forward pass did; keep the "
        "forward pass's mask in the cache and draw none in the backward pass.",
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
    scales_a_classic_gradient = """your backward pass divides by keep_prob; classic
        dropout does not divide in training, so its gradient does not either."""
    backward_divides_by_kept_fraction = """your backward pass divides by the fraction of
        units that happened to be kept; the forward pass divided by keep_prob."""
    stops_negative_units = """your backward pass also stops the gradient where x or out
        is negative; the mask alone decides (a ReLU has its own backward pass)."""
    gradient_is_zero = """your backward pass lets no gradient through; kept units get
        one, and at test all units do."""
    gradient_is_not_proportional_to_dout = """your gradient is right for dout of usual
        size and wrong for tiny or huge ones: a small constant is added, or the gradient
        is cut off; it is proportional to dout."""
    ignores_dout = """your backward pass returns the mask whatever the upstream gradient
        dout is; multiply dout by it."""
    multiplies_by_the_activation = at(
        "back-mistakes",
        "your backward pass multiplies dout by the activation instead of the mask.",
    )
    recovers_the_mask_from_values = """your backward pass works the mask out from the
        values of x or out, which cannot tell where x is 0; keep the mask that was drawn
        in the cache."""
    backward_ignores_test_mode = """your backward pass treats a forward pass with
        training=False like one in training; the cache has to say which it was."""
    classic_test_gradient_lacks_keep_prob = """at test classic dropout multiplies x by
        keep_prob, so its gradient is keep_prob * dout, not dout."""


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


def runs(pair: Pair) -> None:
    """The forward pass works, and dx has the shape of dout and holds finite floats."""
    for case in product(elementwise.SHAPES, elementwise.KEEP_PROBS):
        for dtype in (np.float64, np.float32):
            pair.trip(*case, dtype=dtype)


def _expect_some_dropped(pair: Pair, got: RoundTrip) -> None:
    """Check that a forward pass on thousands of units kept some and dropped some."""
    share, call = got.mask.mean(), pair.call_forward(got.x, got.keep_prob)
    backward_only = share == 1 and (got.dx == 0).any()
    pair.trial.expect(
        0 < share < 1,
        f"{call} {'dropped' if share == 1 else 'kept'} none of {got.x.size} units.",
        Wrong.drops_in_the_backward_pass_only if backward_only else BREAKS,
    )


def forward_follows(pair: Pair) -> None:
    """The forward pass gives 0 or x{over} in training and {times}x at test."""
    trial, convention = pair.trial, pair.convention
    for keep_prob in elementwise.KEEP_PROBS:
        got = pair.trip((120, 25), keep_prob)
        x = got.x
        _expect_some_dropped(pair, got)
        scale = convention.training(keep_prob)
        trial.expect(
            facts.close(got.out, got.mask * x * scale),
            f"{pair.call_forward(x, keep_prob)}: a kept unit comes back "
            f"{np.median((got.out / x)[got.mask]):.4g} times as large (median); in "
            f"{convention.name} it is {scale:.4g} times.",
            BREAKS,
        )
        out, _ = pair.run_forward(x, keep_prob, training=False)
        scale = convention.test(keep_prob)
        trial.expect(
            facts.close(out, scale * x),
            f"{pair.call_forward(x, keep_prob, False)}: out differs from {scale:.4g} "
            f"times x; {facts.worst(out, scale * x)}.",
            BREAKS,
        )


def drops_the_gradient(pair: Pair) -> None:
    """dx is 0 where the forward pass dropped, and nowhere else."""
    for got in pair.trips():
        kept, passed = got.mask, got.dx != 0
        if kept.size > 1000 and got.keep_prob < 1:
            _expect_some_dropped(pair, got)
        pair.trial.expect(
            np.array_equal(kept, passed),
            f"{got.call}: of {int((~kept).sum())} dropped units "
            f"{int((passed & ~kept).sum())} got a gradient (expected: none), of "
            f"{int(kept.sum())} kept units {int((passed & kept).sum())} (expected: all).",
            _mask_mistake(got),
        )


def _mask_mistake(got: RoundTrip) -> str:
    """Return what is behind a zero pattern of dx that differs from the mask."""
    kept = got.mask
    if facts.close(got.dx, got.dout * (1 - kept / got.keep_prob)):
        return Wrong.gives_the_gradient_to_the_dropped
    patterns = {
        Wrong.drops_in_the_forward_pass_only: True,
        Wrong.gives_the_gradient_to_the_dropped: ~kept,
        Wrong.gradient_is_zero: False,
        Wrong.stops_negative_units: kept & (got.x > 0),
        Wrong.uses_one_rows_mask_for_all: kept[:1],
    }
    return first(got.dx != 0, patterns) or Wrong.another_mask_in_the_backward_pass


def scales_the_gradient(pair: Pair) -> None:
    """dx is dout{over} where the forward pass kept a unit.

    That is so for dout of every size, for zeros in it, and for zeros alone."""
    trial, scale = pair.trial, pair.convention.training
    for got in pair.trips(zeros=0.2):
        expected = got.dout * got.mask * scale(got.keep_prob)
        if facts.close(got.dx, expected):
            continue
        where = got.mask & (got.dout != 0)
        ratios = got.dx[where] / got.dout[where]
        trial.fail(
            f"{got.call}: the gradient of a kept unit is "
            f"{np.median(ratios) if ratios.size else np.nan:.4g} times dout (median), "
            f"expected {scale(got.keep_prob):.4g} times. Largest gap: "
            f"{facts.worst(got.dx, expected)}.",
            _scale_mistake(pair, got, ratios, got.x[where]),
        )
    for size in (1e-6, 1e6, 0.0):
        x, dout = trial.inputs(30, 20), size * trial.inputs(30, 20)
        got = pair.run(x, 0.3, dout)
        expected = dout * got.mask * scale(0.3)
        trial.expect(
            facts.close(got.dx, expected, atol=0),
            f"{got.call}, dout of size {size:g}: {facts.worst(got.dx, expected)}.",
            Wrong.gradient_is_not_proportional_to_dout,
        )


def _common(values: np.ndarray) -> float:
    """Return the number that all values are, to rounding error; NaN if they differ."""
    middle = float(np.median(values)) if len(values) else np.nan
    return middle if facts.close(values, middle) else np.nan


def _scale_mistake(
    pair: Pair, got: RoundTrip, ratios: np.ndarray, x: np.ndarray
) -> str | None:
    """Return what is behind wrong ratios of dx to dout at kept units of inputs x."""
    if got.keep_prob == 1:
        return None
    if np.isnan(_common(ratios)):
        if not np.isnan(_common(got.dx[got.mask])):
            return Wrong.ignores_dout
        by_activation = not np.isnan(_common(ratios / x))
        return Wrong.multiplies_by_the_activation if by_activation else None
    p, kept = got.keep_prob, got.mask
    scales = {
        BREAKS: _common(got.out[kept] / got.x[kept]),
        Wrong.backward_divides_by_drop_probability: 1 / (1 - p),
        Wrong.backward_multiplies_by_keep_prob: p,
        Wrong.backward_divides_by_kept_fraction: 1 / float(kept.mean()),
    }
    own = {name: scale(p) for name, scale in pair.convention.rivals.items()}
    return first(_common(ratios), scales | own)


ZERO_LOOKS = {
    "zero inputs kept at 0.8": Proportion(0.8, detects=0.05),
    "zero inputs kept at 0.3": Proportion(0.3, detects=0.05),
}


def knows_the_mask_at_zero(pair: Pair) -> None:
    """A unit whose input is 0 gets a gradient with probability keep_prob.

    The mask of these units does not show in the output."""
    trial, recovers = pair.trial, Wrong.recovers_the_mask_from_values
    for keep_prob in elementwise.KEEP_PROBS:
        look = f"zero inputs kept at {keep_prob}"
        x = trial.inputs(2 * -(-trial.size(look) // 40) + 2, 40)
        x.flat[trial.rng.permutation(x.size)[: x.size // 2]] = 0
        got = pair.run(x, keep_prob, np.ones_like(x), name_of_nan=recovers)
        passed = got.dx[x == 0] != 0
        what = f"{got.call}: inputs equal to 0 that get a gradient"
        name = partial(_zero_mistake, got)
        trial.judge(look, passed, passed.size, what, name)


def _zero_mistake(got: RoundTrip, share: float) -> str:
    """Return what is behind the share of inputs equal to 0 that get a gradient."""
    if share in (0, 1):
        return Wrong.recovers_the_mask_from_values
    if abs(share - got.mask[got.x != 0].mean()) >= 0.03:
        return elementwise.Wrong.drops_by_value
    name = elementwise.share_name(share, got.keep_prob)
    other = name == elementwise.Wrong.keeps_at_another_rate
    return BREAKS if other else name


def follows_test_mode(pair: Pair) -> None:
    """After a forward pass with training=False, dx equals {times}dout."""
    for keep_prob in elementwise.KEEP_PROBS:
        got = pair.trip((40, 30), keep_prob, training=False)
        dout, scale = got.dout, pair.convention.test(keep_prob)
        if facts.close(got.dx, scale * dout):
            continue
        ignores = Wrong.backward_ignores_test_mode
        rivals = {
            Wrong.gradient_is_zero: 0,
            ignores: dout / keep_prob,
            Wrong.classic_test_gradient_lacks_keep_prob: dout,
        }
        pair.trial.fail(
            f"{got.call}: dx differs from {scale:.4g} times dout; "
            f"{facts.worst(got.dx, scale * dout)}.",
            first(got.dx, rivals) or (ignores if (got.dx == 0).any() else None),
        )


def leaves_dout_alone(pair: Pair) -> None:
    """dout is the same after the call as before."""
    for training in (True, False):
        x, dout = pair.trial.inputs(6, 5), pair.trial.inputs(6, 5, zeros=0.2)
        _, cache = pair.run_forward(x, 0.3, training)
        _, after = pair.backward.observe(dout, cache)
        call = f"{pair.backward.name}(dout of shape (6, 5), cache)"
        hint = "; write dout * mask, which makes a new array, rather than dout *= mask"
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
        self.forward = has(forward_follows)
        self.mask = has(drops_the_gradient)
        self.scale = has(scales_the_gradient)
        self.zeros = has(knows_the_mask_at_zero, **ZERO_LOOKS)
        self.at_test = has(follows_test_mode)
        self.pure = has(leaves_dout_alone)
