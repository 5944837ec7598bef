"""effective_count: say how many equal contributions a sum is worth."""

import math
from collections.abc import Mapping

import numpy as np

from autograder.checks.expectation import shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial

exercise = Exercise(
    "effective_count",
    chapter="expectation",
    title="Say how many equal contributions a sum is worth",
    signature="effective_count(x) -> float",
    section="exp-effective-count",
)


class Wrong(Mistakes, section="exp-effective-count"):
    inverts_the_ratio = (
        "you give one over the effective count: the squared sum belongs in the "
        "numerator."
    )
    counts_the_units = (
        "you count contributions, small and large alike; a small one counts for less."
    )
    assumes_that_x_sums_to_one = (
        "you give 1 / Σx², which is the effective count only when x sums to 1."
    )
    squares_before_summing = (
        "numerator and denominator are equal: you square the contributions in both; "
        "the numerator is the square of the sum."
    )
    forgets_to_square_the_sum = (
        "your numerator is the sum, not its square, so the answer depends on the unit "
        "of measurement."
    )
    counts_by_entropy = (
        "you give the exponential of the entropy, another effective number; the one "
        "that sets the noise of a sum is (Σx)² / Σx²."
    )
    counts_by_the_largest = (
        "you divide the sum by the largest contribution; that ignores how the others "
        "are spread."
    )
    takes_absolute_values = (
        "you take absolute values before summing; contributions of opposite sign "
        "cancel in the sum."
    )
    rounds_the_count = (
        "your answer is the effective count rounded to a whole number; it need not be "
        "one."
    )
    uses_the_sample_variance = (
        "you compute n / (1 + s² / mean²) with the variance that divides by n − 1; "
        "with n it would be (Σx)² / Σx²."
    )
    singles_out_equal_contributions = (
        "equal contributions are treated apart: either they are merged into one, or a "
        "special case catches them; the formula needs none."
    )
    ignores_negative_contributions = (
        "only positive contributions count in your answer; negative ones count, and "
        "cancel."
    )
    never_below_one = (
        "you return 1 where the count is smaller; contributions of opposite sign can "
        "cancel down to 0."
    )
    depends_on_the_scale = (
        "your answer depends on the scale of x, as when a small constant is added to "
        "a divisor or small values are rounded; x is not all zeros, so Σx² needs no "
        "help."
    )


def _count(function: StudentFunction, x: np.ndarray) -> float:
    return facts.number(function(x), f"effective_count(x with {len(x)} entries)")


def _shown(x: np.ndarray) -> str:
    """Return the call on a short vector, in full."""
    return f"effective_count([{', '.join(f'{v:.4g}' for v in x)}])"


def _effective(x: np.ndarray) -> float:
    scaled = x / np.abs(x).max()
    return float(scaled.sum() ** 2 / (scaled**2).sum())


def _expect_count(
    function: StudentFunction,
    trial: Trial,
    x: np.ndarray,
    named: Mapping[str, float] | None = None,
    otherwise: str | None = None,
) -> None:
    """Check the count of one vector; ``named`` maps mistakes to what they would give,
    ``otherwise`` is the mistake when none does."""
    found, expected = _count(function, x), _effective(x)
    if not facts.close(found, expected, atol=1e-5):
        fits = (n for n, v in (named or {}).items() if facts.close(found, v))
        rounded = Wrong.rounds_the_count if found in _whole(expected) else otherwise
        trial.fail(
            f"{_shown(x)} is {found:.6g}; expected {expected:.6g}.", next(fits, rounded)
        )


def _whole(number: float) -> set[int]:
    """Return the whole numbers beside a number that is not whole."""
    return {math.floor(number), math.ceil(number)} if number % 1 else set()


@exercise.check(points=0.25)
def returns_one_number(effective_count: StudentFunction, trial: Trial) -> None:
    """The effective count is one finite number, the same at every call."""
    for n in (2, 10, 40):
        x = np.abs(trial.inputs(n))
        first, again = _count(effective_count, x), _count(effective_count, x)
        trial.expect(
            facts.close(first, again),
            f"effective_count gave {first:.6g} and {again:.6g} for the same x.",
            shared.Wrong.answers_at_random,
        )


@exercise.check(points=0.5, after="returns_one_number")
def is_the_squared_sum_over_the_sum_of_squares(
    effective_count: StudentFunction, trial: Trial
) -> None:
    """Unequal positive contributions count (Σx)² / Σx²."""
    vectors = [
        np.array([14.1, 13.1, 1.2, 0.8, 2.1, 0.5, 1.7, 0.9, 1.1, 0.6]),
        np.array([3.0, 1.0]),
        *(np.exp(trial.rng.normal(0, 1.5, n)) for n in (5, 8)),
    ]
    for x in vectors:
        shares = x / x.sum()
        named = {
            Wrong.inverts_the_ratio: 1 / _effective(x),
            Wrong.counts_the_units: float(len(x)),
            Wrong.squares_before_summing: 1.0,
            Wrong.assumes_that_x_sums_to_one: float(1 / (x**2).sum()),
            Wrong.forgets_to_square_the_sum: float(x.sum() / (x**2).sum()),
            Wrong.counts_by_entropy: float(np.exp(-(shares * np.log(shares)).sum())),
            Wrong.counts_by_the_largest: float(1 / shares.max()),
            Wrong.uses_the_sample_variance: len(x)
            / (1 + x.var(ddof=1) / x.mean() ** 2),
        }
        _expect_count(effective_count, trial, x, named)


@exercise.check(points=0.25, after="is_the_squared_sum_over_the_sum_of_squares")
def counting_leaves_x_alone(effective_count: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before."""
    x = trial.inputs(8)
    shared.leaves_x_alone(effective_count, _shown(x), x)


@exercise.check(points=0.25, after="is_the_squared_sum_over_the_sum_of_squares")
def counts_equal_contributions_once_each(
    effective_count: StudentFunction, trial: Trial
) -> None:
    """Equal contributions count one each, zeros nothing; a single one counts 1."""
    size = float(np.abs(trial.inputs(1)[0]))
    for equal, zeros in ((7, 0), (4, 6), (1, 0), (1, 3)):
        x = trial.rng.permutation(np.repeat([size, 0.0], [equal, zeros]))
        _expect_count(
            effective_count, trial, x, otherwise=Wrong.singles_out_equal_contributions
        )


@exercise.check(points=0.25, after="is_the_squared_sum_over_the_sum_of_squares")
def does_not_depend_on_the_scale(
    effective_count: StudentFunction, trial: Trial
) -> None:
    """Multiplying all contributions by one constant changes nothing."""
    x = np.exp(trial.rng.normal(size=6))
    for scale in (1e-7, 1e7):
        found, expected = _count(effective_count, scale * x), _effective(x)
        trial.expect(
            facts.close(found, expected),
            f"{_shown(scale * x)} is {found:.6g}; expected {expected:.6g}, as "
            f"without the factor {scale:g}.",
            Wrong.depends_on_the_scale,
        )


@exercise.check(points=0.25, after="is_the_squared_sum_over_the_sum_of_squares")
def lets_opposite_signs_cancel(effective_count: StudentFunction, trial: Trial) -> None:
    """Contributions of opposite sign cancel in the sum; if they all do, the count is 0."""
    mixed = np.abs(trial.inputs(5)) * np.array([2.0, -1.0, 2.0, -1.0, 2.0])
    for x in (-np.abs(mixed), mixed, np.array([3.0, -1.0, -2.0])):
        named = {Wrong.takes_absolute_values: _effective(np.abs(x))}
        if _effective(x) < 1:
            named[Wrong.never_below_one] = 1.0
        if (x > 0).any():
            named[Wrong.ignores_negative_contributions] = _effective(x[x > 0])
        _expect_count(
            effective_count, trial, x, named, Wrong.ignores_negative_contributions
        )
