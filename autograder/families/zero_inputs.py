"""Units whose input is 0: the output does not show whether they were kept, and the gradient
does."""

import itertools

import numpy as np

from autograder.contract import facts
from autograder.families import elementwise, pasted_forward
from autograder.families.round_trip import (
    BREAKS,
    LARGE,
    TRIPS,
    ForwardFails,
    Pair,
    RoundTrip,
)
from autograder.laws.binomial import Proportion


class Wrong(pasted_forward.Wrong, section="back-derivation"):
    recovers_the_mask_from_values = """your backward pass works the mask out from the
        values of x or out, which cannot tell where x is 0; keep the mask that was drawn
        in the cache."""
    gradient_is_another_at_zero = """where x is 0 a kept unit gets another multiple of
        dout than elsewhere; the gradient depends on the mask and on dout alone."""


#: Of pairs of an input 0 and another of which one is kept alone, half keep the first.
LOOKS = {
    "zero inputs kept at 0.8": Proportion(0.5, detects=0.1),
    "zero inputs kept at 0.3": Proportion(0.5, detects=0.1),
}

#: In how many calls so many such pairs are to be found.
_CALLS = 8

#: Shapes of 400 entries.
_OF_400 = (400,), (2, 200), (8, 10, 5), (2, 5, 8, 5)


def knows_the_mask(pair: Pair) -> None:
    """A unit whose input is 0 gets a gradient as often as other units.

    The mask of these units does not show in the output. How often other units do is
    ``forward_follows``'s to judge."""
    trial, recovers = pair.trial, Wrong.recovers_the_mask_from_values
    for keep_prob in elementwise.KEEP_PROBS:
        look, alone, pairs = f"zero inputs kept at {keep_prob}", list[np.ndarray](), 0
        while pairs < trial.size(look):
            # At the stated rate there are 1.6 times as many pairs of one kept as needed, or
            # more; at another one, which is not judged here, there may be fewer.
            x = trial.inputs(2 * -(-5 * trial.size(look) // 40), 40)
            x.reshape(-1)[trial.rng.permutation(x.size)[: x.size // 2]] = 0
            got = pair.run(x, keep_prob, np.ones_like(x), name_of_nan=recovers)
            zero, other = got.dx[x == 0] != 0, got.mask[x != 0]
            alone.append(zero[zero != other])
            pairs += len(alone[-1])
            trial.expect(
                0 < zero.mean() < 1,
                f"{got.call}: of {zero.size} inputs equal to 0 "
                f"{'all' if zero.all() else 'none'} get a gradient; expected the share of "
                "other units.",
                recovers,
            )
            trial.expect(
                pairs >= trial.size(look) or len(alone) < _CALLS,
                f"{pair.call_forward(x, keep_prob)} kept {other.mean():.2%} of the inputs "
                f"other than 0, and {zero.mean():.2%} of those equal to 0 get a gradient: "
                "too few are kept, or dropped, for a comparison.",
                BREAKS,
            )
        what = f"{got.call}: of pairs of a 0 and another input, one kept, it is the 0"
        by_value = elementwise.Wrong.drops_by_value
        trial.judge(look, np.concatenate(alone), pairs, what, by_value)
    _expect_every_kind(pair)


def _expect_every_kind(pair: Pair) -> None:
    """Check that of 200 zeros or more some get a gradient and some none, and all at
    keep_prob = 1: else by chance with a probability below 1e-19; and that it is the
    others' multiple."""
    trial, recovers = pair.trial, Wrong.recovers_the_mask_from_values
    kinds = itertools.product(enumerate(_OF_400), enumerate((0.8, 0.3, 1.0)))
    for (row, shape), (column, keep_prob) in kinds:
        # Each dtype with each shape, and with each keep probability.
        dtype = elementwise.DTYPES[(row + column) % 2]
        x, dout = trial.inputs(2, *shape).astype(dtype)
        x.flat[trial.rng.permutation(400)[: 320 if row % 2 else 200]] = 0
        trips: list[RoundTrip] = []
        with trial.left_to_others(ForwardFails, of=TRIPS):
            trips.append(pair.run(x, keep_prob, dout, name_of_nan=recovers))
        for got in trips:
            _expect_zeros(pair, got)


def _expect_zeros(pair: Pair, got: RoundTrip) -> None:
    at_zero, keep_prob = got.x == 0, got.keep_prob
    passed, others = got.dx[at_zero] != 0, got.mask[~at_zero]
    share = float(np.mean(passed))
    shown = int(others.sum()) if keep_prob == 1 else pasted_forward.rarer(others)
    pasted_forward.count_masks(pair, got, shown, others.size)
    pair.trial.expect(
        share == others.mean() if keep_prob == 1 else 0 < share < 1,
        f"{got.call}: {share:.0%} of the inputs equal to 0 get a gradient; expected "
        "the share of other units.",
        Wrong.recovers_the_mask_from_values,
    )
    of_zeros = got.dx[at_zero][passed] / got.dout[at_zero][passed]
    pair.trial.expect(
        facts.close(of_zeros, pair.convention.training(keep_prob), atol=0)
        or _is_wrong_elsewhere(pair, got, of_zeros),
        f"{got.call}: of a kept input equal to 0 the gradient is not "
        f"dout{pair.convention.over}.",
        _name(of_zeros, _multiples(got)),
    )


def _is_wrong_elsewhere(pair: Pair, got: RoundTrip, of_zeros: np.ndarray) -> bool:
    """Return whether gradients that are wrong at zeros are as wrong at other units, without
    any zero too: then the check of the scale says why, and fails at any rate."""
    right = pair.convention.training(got.keep_prob)
    # A scale made of the mask is right by chance now and then.
    plain = (_multiples(pair.trip(LARGE, got.keep_prob)) for _ in range(3))
    if all(facts.close(each, right, atol=0) for each in plain):
        return False
    of_others = _multiples(got)
    one = facts.close(of_others, of_others[:1], atol=0)
    return not one or facts.close(of_zeros, of_others[:1], atol=0)


def _name(of_zeros: np.ndarray, of_others: np.ndarray) -> str | None:
    """Return what is behind wrong multiples at zeros, if they are not those of others."""
    alike = of_others.size and facts.close(of_zeros, of_others[:1], atol=0)
    return None if alike else Wrong.gradient_is_another_at_zero


def _multiples(got: RoundTrip) -> np.ndarray:
    """Return what dout is multiplied by, at kept units whose input is not 0."""
    where = got.mask & (got.dout != 0)
    found: np.ndarray = got.dx[where] / got.dout[where]
    return found
