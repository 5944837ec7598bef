"""effective_count: say how many equal contributions a sum is worth."""

import math
from collections.abc import Sequence

import numpy as np

from autograder.checks.expectation import shared
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes
from autograder.contract.trial import Trial
from autograder.families import corners, magnitudes
from autograder.families.formula import Formula, Given
from autograder.families.rivals import Rivals

exercise = Exercise(
    "effective_count",
    chapter="expectation",
    title="Say how many equal contributions a sum is worth",
    signature="effective_count(x) -> float",
    section="exp-effective-count",
    takes={
        "x": domain.floats("float array of shape (n,), n >= 1", 1, 1, 1e9, 1e-9).also(
            a_sum_of_0=lambda x: x.sum() == 0,
            zero_for_the_largest=lambda x: x.max() == 0,
        ),
    },
)


class Wrong(Mistakes, section="exp-effective-count"):
    inverts_the_ratio = """you give one over the effective count: the squared sum
        belongs in the numerator."""
    counts_the_units = """you count contributions, small and large alike; a small one
        counts for less."""
    assumes_that_x_sums_to_one = """you give 1 / Σx², which is the effective count only
        when x sums to 1."""
    squares_before_summing = """numerator and denominator are equal: you square the
        contributions in both; the numerator is the square of the sum."""
    forgets_to_square_the_sum = "your numerator is the sum, not its square."
    averages_before_squaring = """your numerator is the square of the mean; it is the square
        of the sum."""
    takes_a_root = """you give the square root of the effective count, which is (Σx)² /
        Σx²."""
    counts_by_entropy = """you give the exponential of the entropy, another effective
        number; the one that sets the noise of a sum is (Σx)² / Σx²."""
    counts_by_the_largest = """you divide the sum by the largest contribution; that
        ignores how the others are spread."""
    takes_absolute_values = """you take absolute values before summing; contributions of
        opposite sign cancel in the sum."""
    rounds_the_count = """your answer is the effective count rounded to a whole number;
        it need not be one."""
    uses_the_sample_variance = """you compute n / (1 + s² / mean²) with the variance
        that divides by n − 1; with n it would be (Σx)² / Σx²."""
    singles_out_equal_contributions = """equal contributions are treated apart: either
        they are merged into one, or a special case catches them; the formula needs
        none."""
    treats_signs_apart = """contributions of some signs are counted otherwise than by (Σx)²
        / Σx², which needs no special case for signs, for a sum of 0 or for a single one."""
    ignores_negative_contributions = """only positive contributions count in your
        answer; negative ones count, and cancel."""
    never_below_one = """you return 1 where the count is smaller; contributions of
        opposite sign can cancel down to 0."""
    depends_on_the_scale = """your answer depends on the scale of x, as when a small
        constant is added to a divisor or small values are rounded; x is not all zeros,
        so Σx² needs no help."""
    loses_small_contributions = """small contributions beside a large one do not count in your
        answer; many of them add up."""
    is_near_the_count = """your count is near (Σx)² / Σx² and not equal to it: either it is
        rounded, or bounded, or multiplied by a number near 1, or a small one is added."""


def _effective(x: np.ndarray) -> float:
    scaled = x.astype(float) / np.abs(x).max()
    return float(scaled.sum() ** 2 / (scaled**2).sum())


def _same(found: float, expected: float, x: np.ndarray) -> bool:
    """Return whether a count is right to five digits. A sum in single precision is right
    to 1e-4 of the sum of absolute values, however much of it cancels."""
    if x.dtype != np.float32:
        return facts.close(found, expected, atol=1e-5)
    most = _effective(np.abs(x))
    slack = 2e-4 * math.sqrt(abs(expected) * most) + 1e-8 * most
    return abs(found - expected) <= 1e-4 * abs(expected) + slack + 1e-5


_FORMULA = Formula(
    exercise,
    _effective,
    shared.Wrong.answers_at_random,
    same=_same,
    call=lambda x: f"effective_count({shared.listed(x)})",
)
_LAW = "is_the_squared_sum_over_the_sum_of_squares"


def _rounded(x: np.ndarray) -> Rivals:
    count = _effective(x)
    return {Wrong.rounds_the_count: [math.floor(count), math.ceil(count)]}


def _rivals(x: np.ndarray) -> Rivals:
    n, shares, squares = len(x), x / x.sum(), (x**2).sum()
    return {
        Wrong.inverts_the_ratio: 1 / _effective(x),
        Wrong.counts_the_units: n,
        Wrong.squares_before_summing: 1,
        Wrong.assumes_that_x_sums_to_one: 1 / squares,
        Wrong.forgets_to_square_the_sum: [
            x.sum() / squares * unit for unit in (1, x.max(), x.sum() / n)
        ],
        Wrong.averages_before_squaring: x.mean() ** 2 / squares,
        Wrong.takes_a_root: math.sqrt(_effective(x)),
        Wrong.counts_by_entropy: np.exp(-(shares * np.log(shares)).sum()),
        Wrong.counts_by_the_largest: 1 / shares.max(),
        Wrong.uses_the_sample_variance: n / (1 + x.var(ddof=1) / x.mean() ** 2),
        **_rounded(x),
    }


def _large_ones(x: np.ndarray) -> Rivals:
    """Return the count of those alone beside which most are small, if there are some."""
    large = x[x > 100 * np.median(x)]
    return {Wrong.loses_small_contributions: [_effective(large)] if large.size else []}


def _near(found: float, expected: float, _: np.ndarray) -> str | None:
    near = abs(found - expected) <= 0.01 * max(1, expected)
    return Wrong.is_near_the_count if near else None


def _signed_rivals(x: np.ndarray) -> Rivals:
    positive = [_effective(x[x > 0])] if (x > 0).any() else []
    return {
        Wrong.takes_absolute_values: _effective(np.abs(x)),
        Wrong.never_below_one: [1] if _effective(x) < 1 else [],
        Wrong.ignores_negative_contributions: positive,
        **_rounded(x),
    }


def _of_every_magnitude(trial: Trial, kinds: Sequence[str]) -> list[np.ndarray]:
    """Return vectors of these kinds and of all sizes."""
    rng = trial.rng
    sizes = magnitudes.magnitudes(rng, 1e-6, 1e9)
    return magnitudes.arrays(rng, magnitudes.VECTORS, sizes, kinds)


def _beside_a_large_one(trial: Trial) -> list[np.ndarray]:
    """Return 150 contributions beside one that is up to 10,000,000 times as large. Together
    they count for 3e-5 or more, and what a loop in float32 loses of them for less."""
    sizes = 10 ** (np.arange(-7, -2) + trial.rng.random(5))
    small = [size * trial.rng.uniform(1, 2, 150) for size in sizes.tolist()]
    return [trial.rng.permutation(np.append(each, 1.0)) for each in small]


@_FORMULA.kind(0.25)
def returns_one_number(trial: Trial) -> list[Given]:
    """The effective count is one finite number, the same at every call."""
    return [(np.abs(trial.inputs(n)),) for n in (1, 2, 10, 40)]


@_FORMULA.equals(0.5, after="returns_one_number", rivals=_rivals)
def is_the_squared_sum_over_the_sum_of_squares(trial: Trial) -> list[Given]:
    """Unequal positive contributions count (Σx)² / Σx²."""
    large = np.array([14.1, 13.1, 1.2, 0.8, 2.1, 0.5, 1.7, 0.9, 1.1, 0.6])
    drawn = (np.exp(trial.rng.normal(0, 1.5, n)) for n in (5, 8))
    # No entry twice, as float32 has some: equal ones are another check's.
    several = (np.unique(np.abs(x)) for x, _ in corners.drawn(trial, 1, 1))
    inside = map(trial.rng.permutation, several)
    return [(x,) for x in (large, np.array([3.0, 1.0]), *drawn, *inside)]


@_FORMULA.unchanged(0.25, "x", after=_LAW)
def counting_leaves_x_alone(trial: Trial) -> list[Given]:
    """x is the same after the call as before."""
    return [(trial.inputs(8),)]


@_FORMULA.equals(
    0.25,
    after=_LAW,
    rivals=_rounded,
    named=_near,
    otherwise=Wrong.singles_out_equal_contributions,
)
def counts_equal_contributions_once_each(trial: Trial) -> list[Given]:
    """Equal contributions count one each, zeros nothing; a single one counts 1."""
    size = float(np.abs(trial.inputs(1)[0]))
    kinds = [(7, 0), (4, 6), (1, 0), (1, 3), (3000, 0)]
    return [(trial.rng.permutation(np.repeat([size, 0.0], n)),) for n in kinds]


@_FORMULA.equals(
    0.25,
    after=_LAW,
    rivals=_large_ones,
    named=_near,
    otherwise=Wrong.depends_on_the_scale,
    gap=lambda found, expected, x: (
        f" is {found:.6g}; expected {expected:.6g}, as for x of any other scale"
    ),
)
def does_not_depend_on_the_scale(trial: Trial) -> list[Given]:
    """Multiplying all contributions by one constant changes nothing."""
    x = np.exp(trial.rng.uniform(0, 3, 6))
    # Entries go to 1e-9 and 1e9, also beside each other.
    wide = np.array([1e9, 3.0, 2e-9, 1e-9])
    scales = (1e-7, 1e7, 1e-9 / x.max(), 1e9 / x.max())
    # Squares of many large ones leave the range of float32, if scaled the wrong way.
    many = trial.rng.uniform(0.5, 1, 400)
    inputs = [scale * x for scale in scales] + [1e9 * many, 1e-9 / many]
    inputs += _of_every_magnitude(trial, magnitudes.POSITIVE)
    inputs += [trial.rng.permutation(wide), *_beside_a_large_one(trial)]
    return [(each,) for each in inputs]


@_FORMULA.equals(
    0.25,
    after=(_LAW, "does_not_depend_on_the_scale"),
    rivals=_signed_rivals,
    named=_near,
    otherwise=Wrong.treats_signs_apart,
)
def lets_opposite_signs_cancel(trial: Trial) -> list[Given]:
    """Contributions of opposite sign cancel in the sum; if they all do, the count is 0."""
    mixed = np.abs(trial.inputs(5)) * np.array([2.0, -1.0, 2.0, -1.0, 2.0])
    # Sums of 0 and a largest entry of 0 are what a guard against dividing by 0 catches.
    none = np.array([3.0, -1.0, -2.0])
    cancelled = (none, -none, 1e9 * none, 1e-9 * none, np.array([1.0, -1.0]))
    below = [np.array([0.0, -1.0, -3.0, 0.0, -0.5]), np.full(4, -2.0), -np.ones(1)]
    # Of every length, of a sum that is well away from 0.
    inside = [x for x, _ in corners.drawn(trial, 1, 1)]
    inside += [trial.inputs(n) for n in range(2, 13)]
    inside = [np.where(np.arange(len(x)) % 3, np.abs(x), -np.abs(x)) for x in inside]
    inside += _of_every_magnitude(trial, magnitudes.SIGNED)
    # Mixed ones first: who lets positive ones count alone is told by them.
    each = (mixed, -np.abs(mixed), -mixed, *cancelled, *below, *inside)
    return [(x,) for x in each]
