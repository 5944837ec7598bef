"""Facts and exact tests that every element-wise Bernoulli dropout must pass.

The checks of ``inverted_dropout``, ``classic_dropout`` and their relatives differ in the
scale of a kept unit; what they share is here.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.laws.binomial import Law, Proportion, agreement, exact_count

#: Both sides of 0.5, far from it: 0.5 hides a swapped keep and drop.
KEEP_PROBS = (0.8, 0.3)
SHAPES = ((7,), (6, 5), (4, 3, 5), (2, 3, 4, 3))


class Wrong(Mistakes, section="conv-definitions"):
    keeps_with_drop_probability = (
        "your mask keeps a unit with probability 1 − keep_prob; keep_prob is the "
        "probability that a unit is kept."
    )
    ignores_keep_prob = at(
        "conv-mistakes",
        "your mask does not depend on keep_prob; it keeps half of the units whatever "
        "keep_prob is.",
    )
    compares_normal_numbers = at(
        "conv-mistakes",
        "you compare keep_prob with normal random numbers (standard_normal, randn); "
        "uniform numbers on [0, 1) are below keep_prob with probability keep_prob.",
    )
    one_mask_for_all_rows = at(
        "conv-mistakes",
        "all rows share one mask; each row (example) needs its own.",
    )
    drops_whole_rows = at(
        "conv-mistakes",
        "a row is kept or dropped as a whole; each unit needs its own bit.",
    )
    same_mask_every_call = at(
        "back-same-mask",
        "every call draws the same mask, as if a seed were set inside the function; "
        "draw fresh numbers from rng at each call.",
    )
    keeps_a_fixed_number = at(
        "exp-variance",
        "you keep exactly the same number of units each time; units are kept "
        "independently, so the number is itself random.",
    )
    does_not_draw_from_rng = (
        "your random numbers do not come from the rng that is passed in; use its "
        "methods (rng.random, rng.binomial) and no other source."
    )
    still_drops_at_test = at(
        "conv-test-time",
        "your function drops units although training is False.",
    )
    training_flag_reversed = (
        "your function drops units with training=False and none in training; the flag "
        "is read the wrong way round."
    )
    does_not_train_by_default = (
        "without the argument training your function behaves as at test; its default "
        "is training=True."
    )
    one_bit_for_the_whole_array = at(
        "conv-mistakes",
        "all units are kept or all dropped together; draw one number for each unit, "
        "of the shape of x.",
    )
    shares_bits_along_an_axis = at(
        "exp-variance",
        "units along an axis share one bit; each unit of the array needs its own.",
    )
    reuses_masks = at(
        "back-same-mask",
        "some calls get the mask of an earlier call (a stored mask, or a seed that "
        "takes few values); draw a fresh one from rng at each call.",
    )
    drops_by_value = (
        "whether a unit is dropped depends on its value; the mask is drawn without a "
        "look at x."
    )
    drops_by_place = (
        "whether a unit is dropped depends on its place in the array; every unit is "
        "kept with the same probability."
    )
    rounds_or_clips_keep_prob = at(
        "conv-mistakes",
        "you keep at nearly the rate keep_prob, and not quite: keep_prob or the "
        "random number is rounded, or clipped.",
    )
    bits_depend_on_each_other = at(
        "exp-variance",
        "your mask bits are not independent: knowing one tells something about "
        "another, or about how many are kept.",
    )
    keeps_at_another_rate = (
        "the comparison that draws your mask is true with another probability than "
        "keep_prob, for some of the units or for all."
    )
    drops_twice = at(
        "conv-mistakes",
        "the share that you keep is keep_prob squared, as when two masks are applied, "
        "one after the other.",
    )
    draws_numbers_of_both_signs = (
        "you compare keep_prob with uniform numbers from −1 to 1; take them from 0 to "
        "1."
    )
    drops_nothing = (
        "no unit is dropped, in neither mode: the comparison that draws the mask is "
        "always true, or the mask is not applied."
    )
    drops_everything = (
        "no unit is kept: the comparison that draws the mask is never true, or the "
        "output is never filled."
    )
    takes_one_for_a_drop_probability = at(
        "conv-dictionary",
        "keep_prob = 1 drops everything, as a drop probability of 1 would; it keeps "
        "everything.",
    )
    drops_at_least_one = at(
        "exp-mistakes",
        "you make sure that at least one unit is dropped; when each is kept with "
        "probability keep_prob, all may be kept.",
    )
    doubles_whatever_keep_prob = (
        "you multiply by 2 whatever keep_prob is; that is right at keep_prob = 0.5 "
        "alone."
    )
    scale_differs_from_unit_to_unit = (
        "kept units of one call come back multiplied by different numbers: either "
        "noise is added, or large values are cut off; one factor serves all."
    )
    preserves_the_sum = at(
        "quant-divisors",
        "you scale each call so that the sum of x is preserved; then the factor "
        "depends on which units were kept, and large units come back too small on "
        "average.",
    )
    scale_depends_on_the_shape = (
        "kept units are scaled rightly in a matrix and otherwise in an array of "
        "another shape; dropout does not look at the shape."
    )
    changes_its_input = at(
        "conv-mistakes",
        "your function works in place and overwrites the array that it was given.",
    )


@dataclass(frozen=True)
class _Rate:
    """The share that a mistake keeps at a keep probability, and how near it is measured.

    One share may fit by accident; ``confirm`` asks for a second one, and ``alone`` is
    content with one where no second can be measured."""

    name: str
    at: Callable[[float], float]
    within: float
    confirm: bool = False
    alone: bool = False


_RATES = (
    _Rate(Wrong.keeps_with_drop_probability, lambda p: 1 - p, 0.02),
    _Rate(
        Wrong.compares_normal_numbers,
        lambda p: 0.5 * math.erfc(-p / math.sqrt(2)),
        0.006,
        confirm=True,
        alone=True,
    ),
    _Rate(Wrong.ignores_keep_prob, lambda p: 0.5, 0.02),
    _Rate(Wrong.drops_twice, lambda p: p**2, 0.006, confirm=True),
    _Rate(
        Wrong.draws_numbers_of_both_signs, lambda p: (1 + p) / 2, 0.006, confirm=True
    ),
)


def share_name(
    share: float, keep_prob: float, measure: Callable[[float], float] | None = None
) -> str:
    """Return the mistake that a measured share of kept units points to.

    ``measure`` gives the share of some 10,000 units at another keep probability."""
    other = KEEP_PROBS[1] if keep_prob > 0.5 else KEEP_PROBS[0]
    for rate in _RATES:
        if abs(share - rate.at(keep_prob)) >= rate.within:
            continue
        if not rate.confirm or (rate.alone and measure is None):
            return rate.name
        if measure is not None and abs(measure(other) - rate.at(other)) < 0.03:
            return rate.name
    return Wrong.keeps_at_another_rate


def call_text(
    name: str, shape: Sequence[int], keep_prob: float, training: bool = True
) -> str:
    """Return a call as it is shown in messages."""
    mode = "" if training else ", training=False"
    return f"{name}(x of shape {tuple(shape)}, {keep_prob}, rng{mode})"


@dataclass(frozen=True)
class Draw:
    """A forward: its input, output and mask (True where kept)."""

    x: np.ndarray
    out: np.ndarray
    cache: Any

    @property
    def mask(self) -> np.ndarray:
        """The mask, read off the output; the inputs hold no zero."""
        return self.out != 0

    @property
    def ratio(self) -> float | None:
        """What kept units are multiplied with, or None when it varies."""
        ratios = self.out[self.mask] / self.x[self.mask]
        typical = float(np.median(ratios)) if ratios.size else 0.0
        return typical if facts.close(ratios, typical) else None


def draw(
    function: StudentFunction,
    trial: Trial,
    shape: Sequence[int],
    keep_prob: float,
    rng: np.random.Generator | None = None,
    *,
    training: bool | None = None,
    size: float = 1.0,
    dtype: Any = np.float64,
) -> Draw:
    """Return one forward on inputs of the given size, without zeros.

    ``training`` is not passed when None. Raises ``CheckFailure``."""
    x = (size * trial.inputs(*shape)).astype(dtype)
    call = call_text(function.name, shape, keep_prob, training is not False)
    mode = {} if training is None else {"training": training}
    result = function(x, keep_prob, trial.generator() if rng is None else rng, **mode)
    out, cache = facts.pair(result, call)
    return Draw(x, facts.float_array(out, tuple(shape), call, "out"), cache)


def returns_float_arrays(function: StudentFunction, trial: Trial) -> None:
    """Check both modes on vectors, matrices and images, float64 and float32.

    The arrays are so large that no row or column of them is dropped whole: a division
    by a kept count of 0 is told by its scale, not by a NaN that comes now and then."""
    for shape in ((50,), (40, 30), (30, 8, 20), (25, 2, 3, 20)):
        for keep_prob in (0.8, 0.6):
            for dtype in (np.float64, np.float32):
                for training in (None, False):
                    mode: dict[str, Any] = {"training": training, "dtype": dtype}
                    draw(function, trial, shape, keep_prob, **mode)


_LARGE = (60, 60)
_OTHER_SHAPES = (*SHAPES, (1,), (1, 5), (5, 1), (1, 1, 1, 1))


def drops_some(function: StudentFunction, trial: Trial) -> None:
    """Check that training drops some of 3,600 units and keeps others."""
    for keep_prob in KEEP_PROBS:
        got = draw(function, trial, _LARGE, keep_prob)
        kept = int(got.mask.sum())
        if 0 < kept < got.mask.size:
            continue
        trial.fail(
            f"{call_text(function.name, _LARGE, keep_prob)}: "
            f"{kept or 'none'} of {got.mask.size} units came back other than 0; expected "
            f"about {keep_prob:.0%}.",
            _all_or_none_mistake(function, trial),
        )


def _all_or_none_mistake(function: StudentFunction, trial: Trial) -> str | None:
    """Return what is behind an output without a mixture of kept and dropped units."""
    # A bit for the whole array shows one face in all calls with probability 0.7 ** 60.
    shares = {
        float(draw(function, trial, (20, 20), 0.7).mask.mean()) for _ in range(60)
    }
    if shares == {0.0, 1.0}:
        return Wrong.one_bit_for_the_whole_array
    if shares == {0.0}:
        return Wrong.drops_everything
    if shares != {1.0}:
        return None
    named = {True: Wrong.does_not_train_by_default, False: Wrong.training_flag_reversed}
    for training, name in named.items():
        try:
            kept = draw(function, trial, _LARGE, 0.7, training=training).mask
        except (StudentError, CheckFailure):
            return None
        if not kept.all():
            return name
    return Wrong.drops_nothing


def leaves_input_alone(function: StudentFunction, trial: Trial) -> None:
    """Check that training leaves ``x`` as it was (``test_mode`` checks the same)."""
    x = trial.inputs(30, 20, zeros=0.2)
    _, after = function.observe(x, 0.3, trial.generator())
    _expect_unchanged(trial, x, after[0], call_text(function.name, x.shape, 0.3))


def _expect_unchanged(trial: Trial, x: np.ndarray, now: np.ndarray, call: str) -> None:
    trial.expect(
        np.array_equal(now, x),
        f"{call} changed x in place; write x * mask, which makes a new array, "
        "rather than x *= mask.",
        Wrong.changes_its_input,
    )


#: Factors that wrong code applies, by name; two keep probabilities tell them apart.
FACTORS: Mapping[str, Callable[[float], float]] = {
    "1": lambda p: 1.0,
    "p": lambda p: p,
    "1/p": lambda p: 1 / p,
    "p²": lambda p: p**2,
    "1/p²": lambda p: 1 / p**2,
    "1/√p": lambda p: p**-0.5,
    "⌊1/p⌋": lambda p: float(math.floor(1 / p)),
    "q": lambda p: 1 - p,
    "1/q": lambda p: 1 / (1 - p),
    "2": lambda p: 2.0,
}


def factor(function: StudentFunction, trial: Trial, training: bool) -> str | None:
    """Return the name in ``FACTORS`` of what kept units are multiplied with, or None
    when it is none of them, or the function does not get so far."""
    mode = None if training else False
    try:
        ratios = {
            p: draw(function, trial, _LARGE, p, training=mode).ratio for p in KEEP_PROBS
        }
    except (StudentError, CheckFailure):
        return None
    for name, value in FACTORS.items():
        if all(r is not None and facts.close(r, value(p)) for p, r in ratios.items()):
            return name
    return None


def test_mode(
    function: StudentFunction,
    trial: Trial,
    scale: Callable[[float], float],
    name_of: Callable[[str | None], str | None],
) -> None:
    """Check that test mode returns ``scale(keep_prob) * x``, exactly and always, and
    leaves ``x`` alone. ``name_of`` names the mistake behind another of ``FACTORS``."""
    for shape in (_LARGE, *_OTHER_SHAPES):
        for keep_prob in (*KEEP_PROBS, 1.0):
            x = trial.inputs(*shape)
            call = call_text(function.name, x.shape, keep_prob, training=False)
            rng = trial.generator()
            result, after = function.observe(x, keep_prob, rng, training=False)
            out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
            _expect_unchanged(trial, x, after[0], call)
            if facts.close(out, scale(keep_prob) * x):
                continue
            dropped = float(np.mean(out == 0))
            trial.expect(
                not 0 < dropped < 1,
                f"{call}: {dropped:.0%} of the units came back 0; at test nothing is "
                "dropped.",
                Wrong.still_drops_at_test,
            )
            trial.fail(
                f"{call}: out is {np.median(out / x):.4g} times x (median); expected "
                f"{scale(keep_prob):.4g} times x.",
                name_of(factor(function, trial, training=False)),
            )


def keeps_everything_at_one(function: StudentFunction, trial: Trial) -> None:
    """Check the edge keep_prob = 1 in training: out equals x."""
    x = trial.inputs(50, 40)
    call = call_text(function.name, x.shape, 1.0)
    result = function(x, 1.0, trial.generator())
    out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
    trial.expect(
        facts.close(out, x),
        f"{call}: nothing is dropped at keep_prob = 1, so out equals x; "
        f"{facts.worst(out, x)}.",
        _edge_mistake(function, trial, out),
    )


def _edge_mistake(
    function: StudentFunction, trial: Trial, out: np.ndarray
) -> str | None:
    """Return what is behind dropped units at keep_prob = 1, unless it shows below 1."""
    dropped = int((out == 0).sum())
    if dropped not in (1, out.size):
        return None
    below = draw(function, trial, _LARGE, 0.8).mask.mean()
    if abs(below - 0.8) > 0.05:
        return None
    return (
        Wrong.drops_at_least_one
        if dropped == 1
        else Wrong.takes_one_for_a_drop_probability
    )


def _scale_mistake(
    function: StudentFunction,
    trial: Trial,
    got: Draw,
    expected: float,
    keep_prob: float,
) -> str | None:
    """Return what is behind a wrong factor of kept units, of those that any scale may
    show."""
    if got.ratio is None:
        return Wrong.scale_differs_from_unit_to_unit
    if facts.close(got.out.sum(), got.x.sum(), rtol=1e-3):
        return Wrong.preserves_the_sum
    if factor(function, trial, training=True) == "2":
        return Wrong.doubles_whatever_keep_prob
    on_matrix = draw(function, trial, _LARGE, keep_prob).ratio
    right_there = on_matrix is not None and facts.close(on_matrix, expected)
    return (
        Wrong.scale_depends_on_the_shape
        if right_there and got.x.shape != _LARGE
        else None
    )


def zero_or_scaled(
    function: StudentFunction,
    trial: Trial,
    scale: Callable[[float], float],
    name_of: Callable[[Draw, float], str | None],
) -> None:
    """Check that each output is 0 or ``scale(keep_prob) * x``, to rounding error, on
    every shape, for tiny and huge x and zeros. ``name_of`` names what is wrong."""
    cases: list[tuple[Sequence[int], float, Any]] = [(_LARGE, 1.0, np.float64)]
    cases += [(_LARGE, size, np.float64) for size in (1e-6, 1e6)]
    cases += [(shape, 1.0, np.float32) for shape in (_LARGE, *_OTHER_SHAPES)]
    for shape, size, dtype in cases:
        for keep_prob in KEEP_PROBS:
            got = draw(function, trial, shape, keep_prob, size=size, dtype=dtype)
            expected = scale(keep_prob)
            found = got.out[got.mask] / got.x[got.mask]
            if facts.close(found, expected):
                continue
            trial.fail(
                f"{call_text(function.name, got.x.shape, keep_prob)}: a kept unit comes "
                f"back {np.median(found):.4g} times as large"
                f"{'' if got.ratio else ' (median; it varies)'}; expected {expected:.4g} "
                "times.",
                name_of(got, keep_prob)
                or _scale_mistake(function, trial, got, expected, keep_prob),
            )
    for x in (trial.inputs(30, 20, zeros=0.5), np.zeros((30, 20))):
        call = call_text(function.name, x.shape, 0.3)
        result = function(x, 0.3, trial.generator())
        out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
        trial.expect(
            not out[x == 0].any(),
            f"{call}: a unit whose input is 0 comes back non-zero.",
        )


_INDEPENDENT = 0.7
_CALLS, _ROWS, _COLUMNS = 40, 20, 20


def gives_each_unit_its_own_bit(function: StudentFunction, trial: Trial) -> None:
    """Check that rows, columns, images' pixels and calls do not share bits, that no row or
    column is always kept or dropped, and that the kept count varies.

    None of this fails by chance: each statement is about hundreds of independent bits,
    or about 40 counts of which the likeliest has probability 0.2."""
    rng = trial.generator()
    call = f"{_CALLS} calls {call_text(function.name, (_ROWS, _COLUMNS), _INDEPENDENT)}"
    draws = [
        draw(function, trial, (_ROWS, _COLUMNS), _INDEPENDENT, rng)
        for _ in range(_CALLS)
    ]
    bits = np.array([got.mask for got in draws])
    _expect_own_bits(trial, bits, call)
    _expect_varying_counts(trial, bits, call)
    for axis, what in ((1, "row"), (2, "column")):
        share = bits.mean(axis=(0, 3 - axis))
        place = int(np.argmax(np.abs(share - _INDEPENDENT)))
        trial.expect(
            0 < share[place] < 1,
            f"{call}: {what} {place} was {'never' if share[place] else 'always'} dropped.",
            Wrong.drops_by_place,
        )
    for shape in ((400,), (12, 6, 9), (5, 6, 7, 8)):
        mask = draw(function, trial, shape, _INDEPENDENT).mask
        for axis in range(mask.ndim):
            shared = (mask == mask.take([0], axis)).all()
            trial.expect(
                not shared,
                f"{call_text(function.name, shape, _INDEPENDENT)}: the mask is the same "
                f"all along axis {axis}.",
                _shared_axis_mistake(mask),
            )


def _expect_own_bits(trial: Trial, bits: np.ndarray, call: str) -> None:
    different = len({mask.tobytes() for mask in bits})
    trial.expect(
        different > 1,
        f"{call}: every call drew the same mask.",
        Wrong.same_mask_every_call,
    )
    rows, columns = (bits == bits[:, :1]).all(), (bits == bits[:, :, :1]).all()
    trial.expect(
        not rows, f"{call}: all rows share a mask.", Wrong.one_mask_for_all_rows
    )
    trial.expect(
        not columns,
        f"{call}: a row is kept or dropped as a whole.",
        Wrong.drops_whole_rows,
    )
    trial.expect(
        different == len(bits),
        f"{call} drew {different} different masks; expected {len(bits)}.",
        Wrong.reuses_masks,
    )


def _expect_varying_counts(trial: Trial, bits: np.ndarray, call: str) -> None:
    counts = {
        "each row": bits.sum(axis=2),
        "each column": bits.sum(axis=1),
        "each call": bits.sum(axis=(1, 2)),
    }
    for where, count in counts.items():
        trial.expect(
            np.ptp(count) > 0,
            f"{call}: {where} keeps exactly {count.flat[0]} units; expected a number that "
            "varies.",
            Wrong.keeps_a_fixed_number,
        )
    for where in ("row", "column"):
        trial.expect(
            np.ptp(counts[f"each {where}"], axis=1).any(),
            f"{call}: in each call every {where} keeps the same number of units; expected "
            f"a number that varies from {where} to {where}.",
            Wrong.bits_depend_on_each_other,
        )


def _shared_axis_mistake(mask: np.ndarray) -> str | None:
    shared = [bool((mask == mask.take([0], axis)).all()) for axis in range(mask.ndim)]
    if mask.ndim == 1:
        return None
    if shared[0] and not shared[-1]:
        return Wrong.one_mask_for_all_rows
    return (
        Wrong.drops_whole_rows
        if all(shared[1:]) and not shared[0]
        else Wrong.shares_bits_along_an_axis
    )


#: Near 0 and 1 a keep probability that is rounded or clipped shows best: 0.998 becomes
#: 0.996, 0.99 or 1 in a byte, in percent and in tenths.
_FINE = (0.998, 0.002)
#: The looks of ``keeps_at_rate``, to be passed to the exercise's check.
RATE_LOOKS: Mapping[str, Law] = {
    "kept at 0.8": Proportion(0.8, detects=0.01),
    "kept at 0.3": Proportion(0.3, detects=0.01),
    "kept at 0.998": Proportion(0.998, detects=0.0019),
    "kept at 0.002": Proportion(0.002, detects=0.0019),
    "large x kept at 0.8": Proportion(0.8, detects=0.02),
    "positive x kept at 0.8": Proportion(0.8, detects=0.02),
    "first half kept at 0.3": Proportion(0.3, detects=0.02),
}


def keeps_at_rate(function: StudentFunction, trial: Trial) -> None:
    """Count the kept units: all, those of large or positive input, those in front."""
    for keep_prob in (*KEEP_PROBS, *_FINE):
        look = f"kept at {keep_prob}"
        got = draw(function, trial, (2 * -(-trial.size(look) // 40), 20), keep_prob)
        name = partial(_rate_mistake, function, trial, got, keep_prob)
        what = f"units kept at keep_prob = {keep_prob}"
        trial.judge(look, got.mask, got.mask.size, what, name)
        for subset, where in _subsets(got.x).items():
            look = f"{subset} kept at {keep_prob}"
            if look in trial.check.looks:
                what = f"units with {subset} kept at keep_prob = {keep_prob}"
                trial.judge(look, got.mask[where], int(where.sum()), what, name)


def _subsets(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return halves of the units by size, sign and place, each as a mask of ``x``."""
    front = np.zeros(x.shape, bool)
    front[: len(x) // 2] = True
    return {"large x": np.abs(x) > 1.75, "positive x": x > 0, "first half": front}


def _rate_mistake(
    function: StudentFunction,
    trial: Trial,
    got: Draw,
    keep_prob: float,
    share: float,
) -> str | None:
    """Return what is behind a wrong rate, overall or in one half of the units.

    Halves of correct masks differ by 0.02 in no more than one of 1e20 draws."""
    names = (Wrong.drops_by_value, Wrong.drops_by_value, Wrong.drops_by_place)
    for where, name in zip(_subsets(got.x).values(), names, strict=True):
        if abs(got.mask[where].mean() - got.mask[~where].mean()) > 0.02:
            return name
    rounded = abs(share - keep_prob) < 0.008 or abs(share - keep_prob + 0.05) < 0.005
    if keep_prob in _FINE or rounded:
        return Wrong.rounds_or_clips_keep_prob

    def measure(keep_prob: float) -> float:
        return float(draw(function, trial, (100, 100), keep_prob).mask.mean())

    return share_name(share, keep_prob, measure)


_COUNT = exact_count(_COLUMNS, _INDEPENDENT)
#: The looks of ``is_independent``.
INDEPENDENCE_LOOKS: Mapping[str, Law] = {
    "successive calls": agreement(_INDEPENDENT, detects=0.02),
    "neighbouring rows": agreement(_INDEPENDENT, detects=0.02),
    "distant rows": agreement(_INDEPENDENT, detects=0.02),
    "neighbouring columns": agreement(_INDEPENDENT, detects=0.02),
    "distant columns": agreement(_INDEPENDENT, detects=0.02),
    "mirrored units": agreement(_INDEPENDENT, detects=0.02),
    "count in a row": replace(_COUNT, detects=0.05),
    "count in a column": replace(_COUNT, detects=0.05),
}


def is_independent(function: StudentFunction, trial: Trial) -> None:
    """Compare bits in pairs of calls, rows and columns; count blocks of 20 units that keep
    exactly their mean.

    Disjoint pairs of independent bits agree with probability p^2 + q^2, exactly."""
    rng = trial.generator()
    units = max(
        trial.size(look) * (20 if look.startswith("count") else 2)
        for look in INDEPENDENCE_LOOKS
    )
    blocks = 2 * -(-units // 800)
    shape = (20 * blocks, 20)
    first, second = (
        draw(function, trial, shape, _INDEPENDENT, rng).mask for _ in range(2)
    )
    flat = first.ravel()
    pairs = {
        "successive calls": (first, second),
        "neighbouring rows": (first[::2], first[1::2]),
        "distant rows": tuple(np.split(first, 2)),
        "neighbouring columns": (first[:, ::2], first[:, 1::2]),
        "distant columns": tuple(np.split(first, 2, axis=1)),
        "mirrored units": (np.split(flat, 2)[0], np.split(flat[::-1], 2)[0]),
    }
    for look, (a, b) in pairs.items():
        what = f"{look} at keep_prob = {_INDEPENDENT}: mask bits that agree"
        trial.judge(look, a == b, a.size, what, Wrong.bits_depend_on_each_other)
    counts = {
        "count in a row": first.sum(axis=1),
        "count in a column": first.reshape(blocks, 20, 20).sum(axis=1),
    }
    for look, count in counts.items():
        what = f"{look} of 20 units at keep_prob = {_INDEPENDENT}: it is 14"
        trial.judge(
            look, count == 14, count.size, what, Wrong.bits_depend_on_each_other
        )


def draws_from_rng(function: StudentFunction, trial: Trial) -> None:
    """Check that equal generators give equal outputs, and different ones different."""
    seed, x = trial.new_seed(), trial.inputs(40, 25)

    def output(seed: int) -> Any:
        result = function(x, 0.7, trial.generator(seed))
        return facts.pair(result, call_text(function.name, x.shape, 0.7))[0]

    trial.expect(
        np.array_equal(output(seed), output(seed)),
        "Two generators in the same state gave different masks; expected equal ones.",
        Wrong.does_not_draw_from_rng,
    )
    # 1,000 independent bits agree by chance with probability 0.58 ** 1000.
    trial.expect(
        not np.array_equal(output(seed), output(trial.new_seed())),
        "Generators in different states gave the same mask; expected different ones.",
        Wrong.same_mask_every_call,
    )
