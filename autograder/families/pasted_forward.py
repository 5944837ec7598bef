"""What exercises of a backward pass ask of the forward pass that stands above it."""

from collections.abc import Mapping
from functools import partial
from itertools import product

import numpy as np

from autograder.contract import facts
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.trial import CheckFailure
from autograder.families import corners, elementwise, unit_forms
from autograder.families.rivals import wrong_factor
from autograder.families.round_trip import (
    BREAKS,
    LARGE,
    ForwardFails,
    Output,
    Pair,
    RoundTrip,
)
from autograder.laws.binomial import EveryKind, Law, Proportion


class Wrong(Mistakes, section="back-derivation"):
    drops_in_the_backward_pass_only = at(
        "back-same-mask",
        "your forward pass drops nothing and your backward pass does; dropout acts in "
        "both, with the same mask.",
    )


#: The note of a forward pass that fails at test, wherever it was called there.
FAILS_AT_TEST = "the forward pass fails at test"

#: Where a mask is to show something: where so many units at least are kept, and dropped, in
#: the mean, and of these one in so many.
_SURE, _SHOWN = 20, 8


def count_masks(pair: Pair, got: RoundTrip, shown: int, n: int) -> None:
    """Count, where chance hides nothing, whether the ``shown`` of a mask's n bits are enough
    to judge by: what a backward pass does below a forward pass that keeps all units but
    few, or drops them, is not seen."""
    p = got.keep_prob
    expected = n * (min(p, 1 - p) if p < 1 else 1)
    if p < 1 and expected < _SURE:
        return
    call, kept = pair.call_forward(got.x, p), int(got.mask.sum())
    text = f"{call} kept {kept or 'none'} of {got.x.size} units."
    enough = shown * _SHOWN >= expected
    pair.trial.count("masks", None if enough else CheckFailure(text, BREAKS))


def rarer(mask: np.ndarray) -> int:
    """Return how many bits of a mask are of the rarer kind."""
    return min(kept := int(mask.sum()), mask.size - kept)


def expect_some_dropped(pair: Pair, got: RoundTrip) -> None:
    """Check that a forward pass on thousands of units kept some and dropped some."""
    share, call = got.mask.mean(), pair.call_forward(got.x, got.keep_prob)
    backward_only = share == 1 and (got.dx == 0).any()
    pair.trial.expect(
        0 < share < 1,
        f"{call} {'dropped' if share == 1 else 'kept'} none of {got.x.size} units.",
        Wrong.drops_in_the_backward_pass_only if backward_only else BREAKS,
    )


_RATES = {
    "forward keeps at 0.8": Proportion(0.8, detects=0.03),
    "forward keeps at 0.3": Proportion(0.3, detects=0.03),
}
_EVERYWHERE = "forward keeps in every kind of call"
#: As many keep probabilities as there are forms of arrays in two dtypes.
_SPREAD = len(elementwise.DTYPES) * len(unit_forms.SHAPES)
#: Of each keep probability, 2 dtypes and 4 numbers of axes.
RATE_LOOKS: Mapping[str, Law] = {
    **_RATES,
    _EVERYWHERE: EveryKind(_SPREAD + 6, detects=0.18),
}


def forward_follows(pair: Pair) -> None:
    """The forward pass gives 0 or x{over} in training and {times}x at test."""
    trial, wide = pair.trial, elementwise.wide
    for keep_prob in elementwise.KEEP_PROBS:
        expect_some_dropped(pair, pair.trip(LARGE, keep_prob))
    probs, dtypes = (*elementwise.OUTER_KEEP_PROBS, 1.0), elementwise.DTYPES
    small, usual = elementwise.ALL_SHAPES, elementwise.KEEP_PROBS
    cases = [*product([LARGE], probs, dtypes[:1], [True])]
    cases += product([LARGE], usual, dtypes[:1], [False])
    cases += elementwise.covering(small, usual, dtypes, [True])
    cases += elementwise.covering(small, probs, dtypes, [False])
    at_test: list[ForwardFails | None] = []
    for shape, keep_prob, dtype, training in cases:
        x = wide(trial, shape).astype(dtype)
        failure = None
        try:
            out, _ = pair.run_forward(x, keep_prob, training)
            _expect_value(pair, Output(x, keep_prob, out), training)
        except ForwardFails as raised:
            if training:
                raise
            failure = raised
        if not training:
            at_test.append(failure)
    failures = [failure for failure in at_test if failure is not None]
    if failures and len(failures) < len(at_test):
        raise failures[0]
    # One that knows no test mode at all costs the check of that mode, and not two.
    if failures:
        trial.notes[FAILS_AT_TEST] = failures[0]
    for training in (True,) if failures else (True, False):
        for got in pair.outputs(training):
            _expect_value(pair, got, training)
    _judge_rates(pair)


def expect_test_mode(pair: Pair) -> None:
    """Raise what was left of a forward pass that failed wherever it was called at test."""
    if (failure := pair.trial.notes.get(FAILS_AT_TEST)) is not None:
        raise failure


def _expect_value(pair: Pair, got: Output, training: bool) -> None:
    """Check that units come back as 0 or scaled, and that none is 0 at test."""
    x, keep_prob, out = got.x, got.keep_prob, got.out
    some = (out != 0) | (not training or keep_prob == 1)
    convention = pair.convention
    scale = (convention.training if training else convention.test)(keep_prob)
    if facts.close(out, some * x * scale, atol=0):
        return
    found, expected = wrong_factor(out[some], x[some], scale)
    pair.trial.fail(
        f"{pair.call_forward(x, keep_prob, training)}: a unit comes back {found} "
        f"times as large; in {convention.name} it is {expected} times.",
        BREAKS,
    )


def _judge_rates(pair: Pair) -> None:
    """Judge how often the forward pass keeps: at two keep probabilities, then at ``_SPREAD``
    and for each number of axes and dtype."""
    trial = pair.trial
    for width, (look, law) in zip((40, 400), _RATES.items(), strict=True):
        x = elementwise.wide(trial, (trial.size(look) // width + 1, width))
        bits = pair.run_forward(x, law.probability, True)[0] != 0
        what = f"units that {look.replace('at', 'at keep_prob =')}"
        trial.judge(
            look, bits, bits.size, what, partial(_rate_mistake, law.probability)
        )
    counts: dict[str, tuple[int, int, float]] = {}
    keep_probs = corners.spread_keep_probs(trial, _SPREAD)
    forms = product(elementwise.DTYPES, unit_forms.SHAPES.values())
    for keep_prob, (dtype, shape) in zip(keep_probs, forms, strict=True):
        x = elementwise.wide(trial, shape(trial.size(_EVERYWHERE))).astype(dtype)
        kept = int(np.count_nonzero(pair.run_forward(x, keep_prob, True)[0]))
        for kind in (
            f"at keep_prob = {keep_prob}",
            f"in arrays of {x.ndim} axes",
            f"in {x.dtype}",
        ):
            n, k, total = counts.get(kind, (0, 0, 0.0))
            counts[kind] = n + x.size, k + kept, total + x.size * keep_prob
    what = f"units that {pair.forward.name} keeps {{}}"
    trial.judge_kinds(_EVERYWHERE, counts, what, BREAKS)


def _rate_mistake(keep_prob: float, share: float) -> str:
    name = elementwise.share_name(share, keep_prob)
    return BREAKS if name == elementwise.Wrong.keeps_at_another_rate else name
