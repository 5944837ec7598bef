"""Facts and exact tests that the backward pass of every element-wise dropout must pass.

The checks of ``inverted_dropout_backward`` and ``classic_dropout_backward`` differ in the
scale of a kept unit, in training and at test; what they share is here. The mask is read
off the output of the student's own forward pass, so a wrong forward pass costs here only
what it makes wrong in the backward pass, and is named as the cause.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import elementwise
from autograder.laws.binomial import Proportion


class Wrong(Mistakes, section="back-derivation"):
    forward_fails = at(
        "conv-definitions",
        "the forward pass that stands above your backward pass does not work yet; "
        "finish that one first.",
    )
    forward_breaks_its_convention = at(
        "conv-definitions",
        "the forward pass above your backward pass scales, or drops, differently from "
        "its convention; mend that one first, a backward pass that follows it is "
        "wrong too.",
    )
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
    backward_lacks_the_scale = (
        "your backward pass applies the mask and does not divide by keep_prob; the "
        "forward pass divided, so its gradient does too."
    )
    backward_scales_twice = (
        "your backward pass divides by keep_prob twice (is the mask in the cache "
        "divided already?)."
    )
    backward_multiplies_by_keep_prob = (
        "your backward pass multiplies the gradient of kept units by keep_prob."
    )
    backward_divides_by_drop_probability = (
        "your backward pass divides by 1 − keep_prob; divide by keep_prob."
    )
    scales_a_classic_gradient = (
        "your backward pass divides by keep_prob; classic dropout does not divide in "
        "training, so its gradient does not either."
    )
    backward_divides_by_kept_fraction = (
        "your backward pass divides by the fraction of units that happened to be "
        "kept; the forward pass divided by keep_prob."
    )
    stops_negative_units = (
        "your backward pass also stops the gradient where x or out is negative; the "
        "mask alone decides (a ReLU has its own backward pass)."
    )
    gradient_is_zero = (
        "your backward pass lets no gradient through; kept units get one, and at test "
        "all units do."
    )
    gradient_is_not_proportional_to_dout = (
        "your gradient is right for dout of usual size and wrong for tiny or huge "
        "ones: a small constant is added, or the gradient is cut off; it is "
        "proportional to dout."
    )
    ignores_dout = (
        "your backward pass returns the mask whatever the upstream gradient dout is; "
        "multiply dout by it."
    )
    multiplies_by_the_activation = at(
        "back-mistakes",
        "your backward pass multiplies dout by the activation instead of the mask.",
    )
    recovers_the_mask_from_values = (
        "your backward pass works the mask out from the values of x or out, which "
        "cannot tell where x is 0; keep the mask that was drawn in the cache."
    )
    backward_ignores_test_mode = (
        "your backward pass treats a forward pass with training=False like one in "
        "training; the cache has to say which it was."
    )
    classic_test_gradient_lacks_keep_prob = (
        "at test classic dropout multiplies x by keep_prob, so its gradient is "
        "keep_prob * dout, not dout."
    )


@dataclass(frozen=True)
class Convention:
    """What a kept unit is multiplied with in training and any unit at test, by keep_prob."""

    name: str
    training: Callable[[float], float]
    test: Callable[[float], float]


INVERTED = Convention("inverted dropout", lambda p: 1 / p, lambda p: 1.0)
CLASSIC = Convention("classic dropout", lambda p: 1.0, lambda p: p)


@dataclass(frozen=True)
class RoundTrip:
    """One forward pass and its backward pass: what went in, what came out."""

    x: np.ndarray
    keep_prob: float
    out: np.ndarray
    dout: np.ndarray
    dx: np.ndarray
    call: str

    @property
    def mask(self) -> np.ndarray:
        """True where kept, read off the output: it says nothing where x is 0."""
        return self.out != 0


@dataclass(frozen=True)
class Pair:
    """A student's forward and backward pass and the convention that they follow."""

    forward: StudentFunction
    backward: StudentFunction
    trial: Trial
    convention: Convention

    def run_forward(
        self, x: np.ndarray, keep_prob: float, training: bool
    ) -> tuple[np.ndarray, Any]:
        """Return (out, cache); whatever goes wrong is said to be the forward's fault."""
        call = elementwise.call_text(self.forward.name, x.shape, keep_prob, training)
        mode = {} if training else {"training": False}
        try:
            result = self.forward(x, keep_prob, self.trial.generator(), **mode)
            out, cache = facts.pair(result, call)
            return facts.float_array(out, x.shape, call, "out"), cache
        except StudentError as error:
            if error.unwritten is not None:
                raise
            message = f"{call} raised {error.message}."
        except CheckFailure as failure:
            message = failure.message
        raise CheckFailure(
            f"{self.backward.name} is judged with your {self.forward.name}, which does "
            f"not work yet: {message}",
            Wrong.forward_fails,
        )

    def run(
        self,
        x: np.ndarray,
        keep_prob: float,
        dout: np.ndarray,
        training: bool = True,
        name_of_nan: str | None = None,
    ) -> RoundTrip:
        """Return a forward pass and the backward pass called once, right after it."""
        out, cache = self.run_forward(x, keep_prob, training)
        mode = "" if training else " of a forward pass with training=False"
        call = (
            f"{self.backward.name}(dout of shape {x.shape}, cache{mode}) at "
            f"keep_prob = {keep_prob}"
        )
        dx = self.backward(dout, cache)
        if isinstance(dx, np.ndarray) and dx.dtype.kind == "f" and np.isnan(dx).any():
            share = float(np.isnan(dx).mean())
            self.trial.fail(
                f"{call}: dx holds nan in {share:.0%} of its places.", name_of_nan
            )
        dx = facts.float_array(dx, dout.shape, call, "dx")
        return RoundTrip(x, keep_prob, out, dout, dx, call)

    def samples(self, zeros: float = 0.0) -> Iterator[RoundTrip]:
        """Yield round trips of several shapes and keep probabilities, x without zeros."""
        for shape in (*elementwise.SHAPES, (120, 25)):
            for keep_prob in (*elementwise.KEEP_PROBS, 1.0):
                x = self.trial.inputs(*shape)
                dout = self.trial.inputs(*shape, zeros=zeros)
                yield self.run(x, keep_prob, dout)

    def scale_of_forward(self, got: RoundTrip) -> float | None:
        """Return what the forward pass multiplied kept units with, if it is one number."""
        ratios = got.out[got.mask] / got.x[got.mask]
        if not len(ratios) or not facts.close(ratios, ratios[0]):
            return None
        return float(ratios[0])


def runs(pair: Pair) -> None:
    """Check shape and dtype of dx, for float64 and float32, in training and at test."""
    for shape in elementwise.SHAPES:
        for keep_prob in elementwise.KEEP_PROBS:
            for dtype in (np.float64, np.float32):
                x = pair.trial.inputs(*shape).astype(dtype)
                dout = pair.trial.inputs(*shape).astype(dtype)
                pair.run(x, keep_prob, dout)


def drops_some(pair: Pair, got: RoundTrip) -> None:
    """Check that a forward pass on thousands of units kept some and dropped some."""
    share = got.mask.mean()
    if 0 < share < 1:
        return
    call = elementwise.call_text(pair.forward.name, got.x.shape, got.keep_prob)
    backward_only = share == 1 and (got.dx == 0).any()
    pair.trial.fail(
        f"{call} {'dropped' if share == 1 else 'kept'} none of {got.x.size} units.",
        Wrong.drops_in_the_backward_pass_only
        if backward_only
        else Wrong.forward_breaks_its_convention,
    )


def forward_follows(pair: Pair) -> None:
    """Check that the forward pass drops and scales as its convention says."""
    trial, convention = pair.trial, pair.convention
    for keep_prob in elementwise.KEEP_PROBS:
        x, dout = trial.inputs(120, 25), trial.inputs(120, 25)
        got = pair.run(x, keep_prob, dout)
        drops_some(pair, got)
        call = elementwise.call_text(pair.forward.name, x.shape, keep_prob)
        trial.expect(
            facts.close(got.out, got.mask * x * convention.training(keep_prob)),
            f"{call}: a kept unit comes back {np.median((got.out / x)[got.mask]):.4g} "
            f"times as large (median); in {convention.name} it is "
            f"{convention.training(keep_prob):.4g} times.",
            Wrong.forward_breaks_its_convention,
        )
        out, _ = pair.run_forward(x, keep_prob, training=False)
        call = elementwise.call_text(
            pair.forward.name, x.shape, keep_prob, training=False
        )
        trial.expect(
            facts.close(out, convention.test(keep_prob) * x),
            f"{call}: out differs from {convention.test(keep_prob):.4g} times x; "
            f"{facts.worst(out, convention.test(keep_prob) * x)}.",
            Wrong.forward_breaks_its_convention,
        )


def _mask_mistake(got: RoundTrip) -> str | None:
    """Return what is behind a zero pattern of dx that differs from the mask."""
    kept, passed = got.mask, got.dx != 0
    if passed.all():
        lost = [got.dout * (1 - kept * scale) for scale in (1, 1 / got.keep_prob)]
        dropped_part = any(facts.close(got.dx, part) for part in lost)
        return (
            Wrong.gives_the_gradient_to_the_dropped
            if dropped_part
            else Wrong.drops_in_the_forward_pass_only
        )
    if np.array_equal(passed, ~kept):
        return Wrong.gives_the_gradient_to_the_dropped
    if not passed.any():
        return Wrong.gradient_is_zero
    if np.array_equal(passed, kept & (got.x > 0)):
        return Wrong.stops_negative_units
    one_row = got.dx.ndim == 2 and (passed == kept[:1]).all()
    return (
        Wrong.uses_one_rows_mask_for_all
        if one_row and len(kept) > 1
        else Wrong.another_mask_in_the_backward_pass
    )


def drops_the_gradient(pair: Pair) -> None:
    """Check that dx is 0 exactly where the forward pass dropped."""
    # The largest arrays come first: on them a coincidence cannot hide the cause.
    for got in sorted(pair.samples(), key=lambda got: -got.x.size):
        kept, passed = got.mask, got.dx != 0
        if kept.size > 1000 and got.keep_prob < 1:
            drops_some(pair, got)
        pair.trial.expect(
            np.array_equal(kept, passed),
            f"{got.call}: of {int((~kept).sum())} dropped units "
            f"{int((passed & ~kept).sum())} got a gradient (expected: none), of "
            f"{int(kept.sum())} kept units {int((passed & kept).sum())} (expected: all).",
            _mask_mistake(got),
        )


def _scale_mistake(pair: Pair, got: RoundTrip) -> str | None:
    """Return what is behind the wrong gradient of kept units."""
    where = got.mask & (got.dout != 0)
    if not where.any():
        return None
    ratios, p = got.dx[where] / got.dout[where], got.keep_prob
    ratio = float(np.median(ratios))
    if not facts.close(ratios, ratio):
        if facts.close(got.dx[got.mask], np.median(got.dx[got.mask])):
            return Wrong.ignores_dout
        per_activation = ratios / got.x[where]
        constant = facts.close(per_activation, np.median(per_activation))
        return Wrong.multiplies_by_the_activation if constant else None
    forward = pair.scale_of_forward(got)
    if forward is not None and facts.close(ratio, forward):
        return Wrong.forward_breaks_its_convention
    named = {
        1 / (1 - p): Wrong.backward_divides_by_drop_probability,
        p: Wrong.backward_multiplies_by_keep_prob,
        1 / float(got.mask.mean()): Wrong.backward_divides_by_kept_fraction,
    }
    if pair.convention is INVERTED:
        named |= {
            1.0: Wrong.backward_lacks_the_scale,
            1 / p**2: Wrong.backward_scales_twice,
        }
    else:
        named |= {1 / p: Wrong.scales_a_classic_gradient}
    return next(
        (name for value, name in named.items() if facts.close(ratio, value)), None
    )


def scales_the_gradient(pair: Pair) -> None:
    """Check dx of kept units for dout of every size, zeros in it, and all zeros."""
    trial = pair.trial
    expected_scale = pair.convention.training
    for got in sorted(pair.samples(zeros=0.2), key=lambda got: -got.x.size):
        expected = got.dout * got.mask * expected_scale(got.keep_prob)
        if facts.close(got.dx, expected):
            continue
        where = got.mask & (got.dout != 0)
        ratio = (
            float(np.median(got.dx[where] / got.dout[where])) if where.any() else np.nan
        )
        trial.fail(
            f"{got.call}: the gradient of a kept unit is {ratio:.4g} times dout (median), "
            f"expected {expected_scale(got.keep_prob):.4g} times. Largest gap: "
            f"{facts.worst(got.dx, expected)}.",
            _scale_mistake(pair, got) if got.keep_prob < 1 else None,
        )
    for size in (1e-6, 1e6, 0.0):
        x, dout = trial.inputs(30, 20), size * trial.inputs(30, 20)
        got = pair.run(x, 0.3, dout)
        expected = dout * got.mask * expected_scale(0.3)
        trial.expect(
            facts.close(got.dx, expected, atol=0),
            f"{got.call}, dout of size {size:g}: {facts.worst(got.dx, expected)}.",
            Wrong.gradient_is_not_proportional_to_dout,
        )


ZERO_LOOKS = {
    "zero inputs kept at 0.8": Proportion(0.8, detects=0.05),
    "zero inputs kept at 0.3": Proportion(0.3, detects=0.05),
}


def knows_the_mask_at_zero(pair: Pair) -> None:
    """Count the zero inputs that get a gradient: their mask does not show in the output."""
    trial = pair.trial
    for keep_prob in elementwise.KEEP_PROBS:
        look = f"zero inputs kept at {keep_prob}"
        x = trial.inputs(2 * -(-trial.size(look) // 40) + 2, 40)
        x.flat[trial.rng.permutation(x.size)[: x.size // 2]] = 0
        got = pair.run(
            x,
            keep_prob,
            np.ones_like(x),
            name_of_nan=Wrong.recovers_the_mask_from_values,
        )
        passed = got.dx[x == 0] != 0

        elsewhere = float((got.out[x != 0] != 0).mean())

        def name(
            share: float, keep_prob: float = keep_prob, elsewhere: float = elsewhere
        ) -> str | None:
            if share in (0, 1):
                return Wrong.recovers_the_mask_from_values
            if abs(share - elsewhere) < 0.03:
                name = elementwise.share_name(share, keep_prob)
                other = name == elementwise.Wrong.keeps_at_another_rate
                return Wrong.forward_breaks_its_convention if other else name
            return elementwise.Wrong.drops_by_value

        what = f"{got.call}: inputs equal to 0 that get a gradient"
        trial.judge(look, passed, passed.size, what, name)


def follows_test_mode(pair: Pair) -> None:
    """Check dx after a forward pass with training=False, exactly."""
    for keep_prob in elementwise.KEEP_PROBS:
        x, dout = pair.trial.inputs(40, 30), pair.trial.inputs(40, 30)
        got = pair.run(x, keep_prob, dout, training=False)
        scale = pair.convention.test(keep_prob)
        if facts.close(got.dx, scale * dout):
            continue
        name = None
        if not got.dx.any():
            name = Wrong.gradient_is_zero
        elif (got.dx == 0).any() or facts.close(got.dx, dout / keep_prob):
            name = Wrong.backward_ignores_test_mode
        elif facts.close(got.dx, dout) and pair.convention is CLASSIC:
            name = Wrong.classic_test_gradient_lacks_keep_prob
        pair.trial.fail(
            f"{got.call}: dx differs from {scale:.4g} times dout; "
            f"{facts.worst(got.dx, scale * dout)}.",
            name,
        )


def leaves_dout_alone(pair: Pair) -> None:
    """Check that the backward pass leaves ``dout`` as it was, in both modes."""
    for training in (True, False):
        x, dout = pair.trial.inputs(6, 5), pair.trial.inputs(6, 5, zeros=0.2)
        _, cache = pair.run_forward(x, 0.3, training)
        _, after = pair.backward.observe(dout, cache)
        pair.trial.expect(
            np.array_equal(after[0], dout),
            f"{pair.backward.name}(dout of shape (6, 5), cache) changed dout in place; "
            "write dout * mask, which makes a new array, rather than dout *= mask.",
            elementwise.Wrong.changes_its_input,
        )
