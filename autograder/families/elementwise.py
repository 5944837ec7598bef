"""How element-wise dropouts are called and read, and what may be wrong with them.

``units`` has the properties that exercises ask for.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.domain import Range, floats, keep_probs
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentError, StudentFunction, foresee
from autograder.contract.trial import CheckFailure, Trial, put_zeros, usual

#: Both sides of 0.5, far from it: 0.5 hides a swapped keep and drop.
KEEP_PROBS = (0.8, 0.3)
#: Near the ends of the range, then inside, with digits that no rounding leaves alone. The
#: end itself, 1, has a check of its own: who fails there alone, loses that alone.
_NEAR_ENDS, _INSIDE = (0.99, 0.02, 0.1, 0.005), (0.9643, 0.0517, 0.6283, 0.1847, 0.5)
OUTER_KEEP_PROBS = (*KEEP_PROBS, *_NEAR_ENDS)
ALL_KEEP_PROBS = (*OUTER_KEEP_PROBS, *_INSIDE)
SHAPES = ((7,), (6, 5), (4, 3, 5), (2, 3, 4, 3))
#: Single units, and axes of length 1.
SMALL_SHAPES = ((1,), (1, 5), (5, 1), (1, 1), (3, 1, 4), (1, 1, 1, 1))
ALL_SHAPES = (*SHAPES, *SMALL_SHAPES)
DTYPES = (np.float64, np.float32)
_MAGNITUDES = 10.0 ** np.arange(-12, 13)


#: What element-wise dropouts may be called with.
TAKES: Mapping[str, Range] = {
    "x": floats("a float array with 1 to 4 axes", 1, 4),
    "keep_prob": keep_probs(),
}


class Wrong(Mistakes, section="conv-definitions"):
    keeps_with_drop_probability = """your mask keeps a unit with probability 1 −
        keep_prob; keep_prob is the probability that a unit is kept."""
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
    does_not_draw_from_rng = """what you draw does not follow from the rng that is passed
        in alone, at least for some arrays; use its methods (rng.random, rng.binomial) and
        no other source."""
    still_drops_at_test = at(
        "conv-test-time",
        "your function drops units although training is False.",
    )
    changes_x_at_test = at(
        "conv-test-time",
        "at test some units come back otherwise than the statement says: no bound, "
        "rounding, stored result or exception for some arrays or values of keep_prob "
        "belongs there.",
    )
    training_flag_reversed = """your function drops units with training=False and none
        in training; the flag is read the wrong way round."""
    does_not_train_by_default = """without the argument training your function behaves
        as at test; its default is training=True."""
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
    drops_by_value = """whether a unit is dropped depends on its value, or on another's;
        the mask is drawn without a look at x."""
    drops_by_place = """whether a unit is dropped depends on its place in the array;
        every unit is kept with the same probability."""
    rounds_or_clips_keep_prob = at(
        "conv-mistakes",
        "you keep at nearly the rate keep_prob, and not quite, as when keep_prob "
        "or the random number is rounded or clipped.",
    )
    bits_depend_on_each_other = at(
        "exp-variance",
        "your mask bits are not independent: knowing one tells something about "
        "another, or about how many are kept.",
    )
    keeps_at_another_rate = """units are kept with another probability than keep_prob, some of
        them or all."""
    keeps_some_calls_at_another_rate = """calls of some kind (dtype, size, entries, range of
        keep_prob, training passed …) or units in some places are kept at another rate."""
    drops_twice = at(
        "conv-mistakes",
        "the share that you keep is keep_prob squared, as when two masks are applied, "
        "one after the other.",
    )
    varies_the_count_too_little = at(
        "exp-variance",
        "the number of kept units stays nearer to its mean than that of independent "
        "units does: either masks are drawn again, chosen or mended until it fits, or "
        "units make up for each other, as with stratified numbers.",
    )
    never_drops_a_small_array = at(
        "exp-mistakes",
        "an array of one or two units never comes back with all of them dropped: either "
        "the mask is drawn again until something is kept, or a unit is kept after all, or "
        "dropped units come back otherwise there. All may be dropped.",
    )
    seeds_take_few_values = at(
        "back-same-mask",
        "two states of rng that differ give the same mask: the mask follows from a seed "
        "that takes few values; let it follow from rng's own numbers.",
    )
    draws_numbers_of_both_signs = """you compare keep_prob with uniform numbers from −1
        to 1; take them from 0 to 1."""
    drops_nothing = """no unit is dropped, in neither mode: the comparison that draws
        the mask is always true, or the mask is not applied."""
    drops_everything = """no unit is kept: the mask is never true, or the output is
        never filled."""
    takes_one_for_a_drop_probability = at(
        "conv-dictionary",
        "keep_prob = 1 drops everything, as a drop probability of 1 would; it keeps "
        "everything.",
    )
    drops_at_least_one = at(
        "exp-mistakes",
        "at least one unit is dropped every time: either you make sure of that, or few units "
        "are kept at another rate; all may be kept.",
    )
    doubles_whatever_keep_prob = """you multiply by 2 whatever keep_prob is; that is
        right at keep_prob = 0.5 alone."""
    scale_fits_some_keep_probs = """kept units come back right in some calls and not in
        others: at some values of keep_prob, or for some arrays, the factor is another, or
        one of the two is bounded or rounded."""
    replaces_dropped_units = """in training no unit comes back as 0, and they do not all
        come back multiplied by one factor: either dropped units are filled with another
        number than 0, or noise is added, or a constant."""
    scale_differs_from_unit_to_unit = """kept units of one call come back multiplied by
        different numbers: either by noise, or values are cut off or rounded; one factor
        serves all."""
    adds_a_number = """an input of 0 comes back as another number: a constant is added, or
        dropped units are filled with something else than 0; a unit comes back multiplied
        by a factor or as 0."""
    preserves_the_sum = at(
        "quant-divisors",
        "you scale each call so that the sum of x is preserved; then the factor "
        "depends on which units were kept, and large units come back too small on "
        "average.",
    )
    rate_depends_on_the_shape = """arrays of one form (vectors, matrices …), or with some
        entries, are kept at another rate than keep_prob; dropout looks at neither."""
    scale_depends_on_the_shape = """kept units are scaled rightly in some arrays and otherwise
        in others: larger, transposed, of another shape, of float32 or with other entries;
        none of it matters."""
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
        0.01,
        confirm=True,
        alone=True,
    ),
    _Rate(Wrong.ignores_keep_prob, lambda p: 0.5, 0.02),
    _Rate(Wrong.drops_twice, lambda p: p**2, 0.01, confirm=True),
    _Rate(Wrong.draws_numbers_of_both_signs, lambda p: (1 + p) / 2, 0.01, confirm=True),
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


def tiled(trial: Trial, shape: Sequence[int]) -> np.ndarray:
    """Return inputs that repeat after some thousands, so that many take no time."""
    return _repeated_to(trial.inputs(min(math.prod(shape), 4999)), shape)


def wide(trial: Trial, shape: Sequence[int], zeros: float = 0.0) -> np.ndarray:
    """Return such inputs of all sizes from 1e-12 to 1e12, half of them larger than 1.75,
    a share ``zeros`` of them 0."""
    rng, some = trial.rng, min(math.prod(shape), 4999)
    x = usual(rng, (some,))
    sizes = rng.permutation(_MAGNITUDES)
    rows, rest = divmod(some, sizes.size)
    whole = some - rest
    x[:whole].reshape(rows, sizes.size)[...] *= sizes
    x[whole:] *= sizes[:rest]
    return _repeated_to(put_zeros(x, zeros, rng), shape)


def _repeated_to(x: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    whole = x.size == math.prod(shape)
    return x.reshape(tuple(shape)) if whole else np.resize(x, tuple(shape))


def constant(values: np.ndarray) -> bool:
    """Return whether all values are the same number, to rounding error."""
    return bool(values.size and facts.close(values, values.flat[0], atol=0))


def by_size(x: np.ndarray, lost: np.ndarray, others: np.ndarray) -> bool:
    """Return whether the ``lost`` entries of x, a mask, are all smaller, or all larger,
    than the ``others`` are, and too many for that to be chance."""
    one, other = np.abs(x[lost]), np.abs(x[others])
    if math.comb(one.size + other.size, one.size) < 1000:
        return False
    return bool(one.max() < other.min() or one.min() > other.max())


def covering(*lists: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield as many tuples as the longest list has items, with each item of each list in
    its place at least once."""
    return zip(
        *(_repeated(items, max(map(len, lists))) for items in lists), strict=True
    )


def _repeated(items: Sequence[Any], times: int) -> list[Any]:
    return list(itertools.islice(itertools.cycle(items), times))


def shared_bits(kept: np.ndarray) -> str | None:
    """Return the mistake when all rows of a mask, or all units of each row, share a bit,
    and not all bits are the same."""
    if kept.all() or not kept.any():
        return None
    if (kept == kept[0]).all():
        return Wrong.one_mask_for_all_rows
    return Wrong.drops_whole_rows if (kept == kept[:, :1]).all() else None


@dataclass(frozen=True)
class Draw:
    """A forward: its input, output and mask (True where kept)."""

    x: np.ndarray
    out: np.ndarray
    cache: Any

    @property
    def mask(self) -> np.ndarray:
        """The mask, read off the output; the inputs hold no zero."""
        found: np.ndarray = self.out != 0
        return found

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
    x: np.ndarray | None = None,
) -> Draw:
    """Return one forward on inputs of the given size, without zeros, or on ``x``.

    ``training`` is not passed when None. Raises ``CheckFailure``."""
    x = size * trial.inputs(*shape) if x is None else x
    x = x.astype(dtype, copy=False)
    call = call_text(function.name, shape, keep_prob, training is not False)
    mode = {} if training is None else {"training": training}
    result = function(x, keep_prob, trial.generator() if rng is None else rng, **mode)
    out, cache = facts.pair(result, call)
    return Draw(x, facts.float_array(out, tuple(shape), call, "out"), cache)


def draws(
    function: StudentFunction,
    trial: Trial,
    cases: Iterable[tuple[np.ndarray, float, bool | None]],
) -> Iterator[Draw]:
    """Yield a forward for each x, keep probability and ``training``, all handed over
    together: what is drawn for any is drawn before the first."""
    ready = [
        ((x, keep_prob, trial.generator()), training)
        for x, keep_prob, training in cases
    ]
    modes = [{} if mode is None else {"training": mode} for _, mode in ready]
    given = [args for args, _ in ready]
    foresee(function, [*zip(given, modes, strict=True)])
    for (x, keep_prob, rng), training in ready:
        same: dict[str, Any] = {"training": training, "dtype": x.dtype, "x": x}
        yield draw(function, trial, x.shape, keep_prob, rng, **same)


LARGE = (60, 60)


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
            p: draw(function, trial, LARGE, p, training=mode).ratio for p in KEEP_PROBS
        }
    except (StudentError, CheckFailure):
        return None
    for name, value in FACTORS.items():
        if all(r is not None and facts.close(r, value(p)) for p, r in ratios.items()):
            return name
    return None
