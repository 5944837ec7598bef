"""What exercises of a backward pass ask of the forward pass that stands above it."""

from functools import partial
from itertools import product

from autograder.contract import facts
from autograder.contract.mistakes import Mistakes, at
from autograder.families import elementwise
from autograder.families.rivals import wrong_factor
from autograder.families.round_trip import BREAKS, LARGE, Pair, RoundTrip
from autograder.laws.binomial import Proportion


class Wrong(Mistakes, section="back-derivation"):
    drops_in_the_backward_pass_only = at(
        "back-same-mask",
        "your forward pass drops nothing and your backward pass does; dropout acts in "
        "both, with the same mask.",
    )


def expect_some_dropped(pair: Pair, got: RoundTrip) -> None:
    """Check that a forward pass on thousands of units kept some and dropped some."""
    share, call = got.mask.mean(), pair.call_forward(got.x, got.keep_prob)
    backward_only = share == 1 and (got.dx == 0).any()
    pair.trial.expect(
        0 < share < 1,
        f"{call} {'dropped' if share == 1 else 'kept'} none of {got.x.size} units.",
        Wrong.drops_in_the_backward_pass_only if backward_only else BREAKS,
    )


RATE_LOOKS = {
    "forward keeps at 0.8": Proportion(0.8, detects=0.03),
    "forward keeps at 0.3": Proportion(0.3, detects=0.03),
}


def forward_follows(pair: Pair) -> None:
    """The forward pass gives 0 or x{over} in training and {times}x at test."""
    trial, wide = pair.trial, elementwise.wide
    for keep_prob in elementwise.KEEP_PROBS:
        expect_some_dropped(pair, pair.trip(LARGE, keep_prob))
    probs, dtypes = (*elementwise.ALL_KEEP_PROBS, 1.0), elementwise.DTYPES
    small, usual = elementwise.ALL_SHAPES, elementwise.KEEP_PROBS
    cases = [*product([LARGE], probs, dtypes[:1], [True])]
    cases += product([LARGE], usual, dtypes[:1], [False])
    cases += elementwise.covering(small, usual, dtypes, [True])
    cases += elementwise.covering(small, probs, dtypes, [False])
    for shape, keep_prob, dtype, training in cases:
        x = wide(trial, shape).astype(dtype)
        out, _ = pair.run_forward(x, keep_prob, training)
        some = (out != 0) | (not training or keep_prob == 1)
        convention = pair.convention
        scale = (convention.training if training else convention.test)(keep_prob)
        if facts.close(out, some * x * scale, atol=0):
            continue
        found, expected = wrong_factor(out[some], x[some], scale)
        trial.fail(
            f"{pair.call_forward(x, keep_prob, training)}: a unit comes back {found} "
            f"times as large; in {convention.name} it is {expected} times.",
            BREAKS,
        )
    for width, (look, law) in zip((40, 400), RATE_LOOKS.items(), strict=True):
        x = wide(trial, (trial.size(look) // width + 1, width))
        bits = pair.run_forward(x, law.probability, True)[0] != 0
        what = f"units that {look.replace('at', 'at keep_prob =')}"
        trial.judge(
            look, bits, bits.size, what, partial(_rate_mistake, law.probability)
        )


def _rate_mistake(keep_prob: float, share: float) -> str:
    name = elementwise.share_name(share, keep_prob)
    return BREAKS if name == elementwise.Wrong.keeps_at_another_rate else name
