"""Facts and exact tests that every element-wise Bernoulli dropout must pass.

The checks of ``inverted_dropout``, ``classic_dropout`` and their relatives differ in the
scale of a kept unit; what they share is here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder import facts
from autograder.mistakes import mistake
from autograder.statistics import Law, Proportion, agreement, exact_count
from autograder.students import StudentFunction
from autograder.trial import Trial

#: Both sides of 0.5, far from it: 0.5 hides a swapped keep and drop.
KEEP_PROBS = (0.8, 0.3)
SHAPES = ((7,), (6, 5), (2, 3, 4, 3))

KEEPS_WITH_DROP_PROBABILITY = mistake(
    "keeps_with_drop_probability",
    "your mask keeps a unit with probability 1 − keep_prob; keep_prob is the "
    "probability that a unit is kept.",
    "conv-definitions",
)
IGNORES_KEEP_PROB = mistake(
    "ignores_keep_prob",
    "your mask does not depend on keep_prob; it keeps half of the units whatever "
    "keep_prob is.",
    "conv-mistakes",
)
NORMAL_NUMBERS = mistake(
    "compares_normal_numbers",
    "you compare keep_prob with normal random numbers (standard_normal, randn); "
    "uniform numbers on [0, 1) are below keep_prob with probability keep_prob.",
    "conv-mistakes",
)
ONE_MASK_FOR_ALL_ROWS = mistake(
    "one_mask_for_all_rows",
    "all rows share one mask; each row (example) needs its own.",
    "conv-mistakes",
)
ONE_BIT_PER_ROW = mistake(
    "drops_whole_rows",
    "a row is kept or dropped as a whole; each unit needs its own bit.",
    "conv-mistakes",
)
SAME_MASK_EVERY_CALL = mistake(
    "same_mask_every_call",
    "every call draws the same mask, as if a seed were set inside the function; "
    "draw fresh numbers from rng at each call.",
    "back-same-mask",
)
SAME_COUNT_EVERY_TIME = mistake(
    "keeps_a_fixed_number",
    "you keep exactly the same number of units each time; units are kept "
    "independently, so the number is itself random.",
    "exp-variance",
)
NOT_FROM_RNG = mistake(
    "does_not_draw_from_rng",
    "your random numbers do not come from the rng that is passed in; use its methods "
    "(rng.random, rng.binomial) and no other source.",
    "conv-definitions",
)
STILL_DROPS_AT_TEST = mistake(
    "still_drops_at_test",
    "your function drops units although training is False.",
    "conv-test-time",
)
CHANGES_ITS_INPUT = mistake(
    "changes_its_input",
    "your function works in place and overwrites the array that it was given.",
    "conv-mistakes",
)


def share_name(share: float, keep_prob: float) -> str | None:
    """Return the mistake that a measured share of kept units points to, or None."""
    normal = {0.8: 0.7881, 0.3: 0.6179}.get(keep_prob)
    if abs(share - (1 - keep_prob)) < 0.02:
        return KEEPS_WITH_DROP_PROBABILITY
    if normal is not None and abs(share - normal) < 0.006:
        return NORMAL_NUMBERS
    if abs(share - 0.5) < 0.02:
        return IGNORES_KEEP_PROB
    return None


def call_text(name: str, shape: Sequence[int], keep_prob: float, training: bool = True) -> str:
    """Return a call as it is shown in messages."""
    mode = "" if training else ", training=False"
    return f"{name}(x of shape {tuple(shape)}, {keep_prob}, rng{mode})"


@dataclass(frozen=True)
class Draw:
    """A training forward: its input, output and mask (True where kept)."""

    x: np.ndarray
    out: np.ndarray
    cache: Any

    @property
    def mask(self) -> np.ndarray:
        """The mask, read off the output; the inputs hold no zero."""
        return self.out != 0


def draw(
    function: StudentFunction,
    trial: Trial,
    shape: Sequence[int],
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> Draw:
    """Return one training forward on inputs without zeros. Raises ``CheckFailure``."""
    x = trial.inputs(*shape)
    call = call_text(function.name, shape, keep_prob)
    result = function(x, keep_prob, trial.generator() if rng is None else rng)
    out, cache = facts.pair(result, call)
    return Draw(x, facts.float_array(out, tuple(shape), call, "out"), cache)


def returns_float_arrays(function: StudentFunction, trial: Trial) -> None:
    """Check training and test mode on every shape, for float64 and float32 input."""
    for shape in SHAPES:
        for keep_prob in KEEP_PROBS:
            for training in (True, False):
                for dtype in (np.float64, np.float32):
                    x = trial.inputs(*shape).astype(dtype)
                    call = call_text(function.name, shape, keep_prob, training)
                    rng = trial.generator()
                    result = function(x, keep_prob, rng, training=training)
                    out, _ = facts.pair(result, call)
                    facts.float_array(out, shape, call, "out")


def leaves_input_alone(function: StudentFunction, trial: Trial) -> None:
    """Check that training and test mode leave ``x`` as it was."""
    for training in (True, False):
        x = trial.inputs(6, 5, zeros=0.2)
        call = call_text(function.name, x.shape, 0.8, training)
        rng = trial.generator()
        _, after = function.observe(x, 0.8, rng, training=training)
        trial.expect(
            np.array_equal(after[0], x),
            f"{call} changed x in place; write x * mask, which makes a new array, "
            "rather than x *= mask.",
            CHANGES_ITS_INPUT,
        )


def test_mode(
    function: StudentFunction,
    trial: Trial,
    scale: Callable[[float], float],
    name_of: Callable[[float, float], str | None],
) -> None:
    """Check that test mode returns ``scale(keep_prob) * x``, exactly and always.

    ``name_of(ratio, keep_prob)`` names the mistake behind another constant ratio."""
    for keep_prob in KEEP_PROBS:
        x = trial.inputs(40, 30)
        call = call_text(function.name, x.shape, keep_prob, training=False)
        result = function(x, keep_prob, trial.generator(), training=False)
        out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
        if facts.close(out, scale(keep_prob) * x):
            continue
        dropped = float(np.mean(out == 0))
        trial.expect(
            not 0 < dropped < 1,
            f"{call}: {dropped:.0%} of the units came back 0; at test nothing is dropped.",
            STILL_DROPS_AT_TEST,
        )
        ratio = float(np.median(out / x))
        trial.fail(
            f"{call}: out is {ratio:.4g} times x; expected {scale(keep_prob):.4g} times x.",
            name_of(ratio, keep_prob) if facts.close(out, ratio * x) else None,
        )


def keeps_everything_at_one(function: StudentFunction, trial: Trial) -> None:
    """Check the edge keep_prob = 1: out equals x in training and at test."""
    for training in (True, False):
        x = trial.inputs(50, 40, zeros=0.1)
        call = call_text(function.name, x.shape, 1.0, training)
        result = function(x, 1.0, trial.generator(), training=training)
        out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
        trial.expect(
            facts.close(out, x),
            f"{call}: nothing is dropped at keep_prob = 1, so out equals x; "
            f"{facts.worst(out, x)}.",
        )


def zero_or_scaled(
    function: StudentFunction,
    trial: Trial,
    scale: Callable[[float], float],
    name_of: Callable[[Draw, float], str | None],
) -> None:
    """Check that each output is 0 or ``scale(keep_prob) * x``, to rounding error."""
    for keep_prob in KEEP_PROBS:
        got = draw(function, trial, (120, 25), keep_prob)
        kept = got.mask
        call = call_text(function.name, got.x.shape, keep_prob)
        trial.expect(
            kept.any() and not kept.all(),
            f"{call}: {'no unit was kept' if not kept.any() else 'no unit was dropped'} "
            f"out of {kept.size}.",
        )
        ratios = got.out[kept] / got.x[kept]
        expected = scale(keep_prob)
        if facts.close(ratios, expected):
            continue
        spread = "" if facts.close(ratios, np.median(ratios)) else " (median; it varies)"
        trial.fail(
            f"{call}: a kept unit comes back {np.median(ratios):.4g} times as large"
            f"{spread}; expected {expected:.4g} times.",
            name_of(got, keep_prob),
        )


#: The looks of ``keeps_at_rate``, to be passed to the exercise's check.
RATE_LOOKS: Mapping[str, Law] = {
    "kept at 0.8": Proportion(0.8, detects=0.01),
    "kept at 0.3": Proportion(0.3, detects=0.01),
    "large x kept at 0.8": Proportion(0.8, detects=0.02),
    "positive x kept at 0.8": Proportion(0.8, detects=0.02),
    "first half kept at 0.3": Proportion(0.3, detects=0.02),
}


def keeps_at_rate(function: StudentFunction, trial: Trial) -> None:
    """Count the kept units: all, those of large or positive input, those in front."""
    for keep_prob in KEEP_PROBS:
        look = f"kept at {keep_prob}"
        got = draw(function, trial, (-(-trial.size(look) // 20), 20), keep_prob)
        trial.judge(
            look,
            got.mask,
            got.mask.size,
            f"units kept at keep_prob = {keep_prob}",
            lambda share, keep_prob=keep_prob: share_name(share, keep_prob),
        )
        if keep_prob == 0.8:
            subsets = {"large x": np.abs(got.x) > 1.75, "positive x": got.x > 0}
        else:
            subsets = {"first half": np.arange(len(got.x))[:, None] < len(got.x) // 2}
        for subset, where in subsets.items():
            where = np.broadcast_to(where, got.x.shape)
            name = f"{subset} kept at {keep_prob}"
            trial.judge(name, got.mask[where], int(where.sum()), name)


_INDEPENDENT = 0.7
#: The looks of ``is_independent``.
INDEPENDENCE_LOOKS: Mapping[str, Law] = {
    "row pairs": agreement(_INDEPENDENT, detects=0.02),
    "column pairs": agreement(_INDEPENDENT, detects=0.02),
    "successive calls": agreement(_INDEPENDENT, detects=0.02),
    "count in a row": exact_count(20, _INDEPENDENT),
    "count in a call": exact_count(20, _INDEPENDENT),
}


def is_independent(function: StudentFunction, trial: Trial) -> None:
    """Compare bits in pairs of rows, columns and calls; count rows that keep their mean.

    Disjoint pairs of independent bits agree with probability p^2 + q^2, exactly."""
    rng = trial.generator()
    pairs = max(trial.size(look) for look in INDEPENDENCE_LOOKS if "count" not in look)
    shape = (2 * -(-pairs // 20), 20)
    first = draw(function, trial, shape, _INDEPENDENT, rng).mask
    second = draw(function, trial, shape, _INDEPENDENT, rng).mask

    def agree(look: str, a: np.ndarray, b: np.ndarray, dependent: str) -> None:
        same = a == b
        name = dependent if same.all() else None
        trial.judge(look, same, same.size, f"{look}: mask bits that agree", name)

    agree("successive calls", first, second, SAME_MASK_EVERY_CALL)
    agree("row pairs", first[::2], first[1::2], ONE_MASK_FOR_ALL_ROWS)
    agree("column pairs", first[:, ::2], first[:, 1::2], ONE_BIT_PER_ROW)
    mean = round(20 * _INDEPENDENT)

    def fixed(share: float) -> str | None:
        return SAME_COUNT_EVERY_TIME if share == 1 else None

    counts = first.sum(axis=1)
    what = f"rows of 20 that keep exactly {mean}"
    trial.judge("count in a row", counts == mean, len(counts), what, fixed)
    calls = trial.size("count in a call")
    small = [draw(function, trial, (4, 5), _INDEPENDENT, rng).mask.sum() for _ in range(calls)]
    what = f"calls on 20 units that keep exactly {mean}"
    trial.judge("count in a call", np.array(small) == mean, calls, what, fixed)


def draws_from_rng(function: StudentFunction, trial: Trial) -> None:
    """Check that equal generators give equal outputs, and different ones different."""
    seed, x = trial.new_seed(), trial.inputs(40, 25)

    def output(seed: int) -> Any:
        result = function(x, 0.7, trial.generator(seed))
        return facts.pair(result, call_text(function.name, x.shape, 0.7))[0]

    trial.expect(
        np.array_equal(output(seed), output(seed)),
        "Two generators in the same state gave different masks; expected equal ones.",
        NOT_FROM_RNG,
    )
    # 1,000 independent bits agree by chance with probability 0.58 ** 1000.
    trial.expect(
        not np.array_equal(output(seed), output(trial.new_seed())),
        "Generators in different states gave the same mask; expected different ones.",
        SAME_MASK_EVERY_CALL,
    )
