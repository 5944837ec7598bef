"""Exact looks at numbers that should be normal, by counting.

A continuous law is judged through events whose probability it fixes: "above the mean",
"more than 1.5 standard deviations off". Their counts are binomial, so the tests of
``binomial`` serve, and nothing is assumed of the law when the answer is wrong.

Why no chi-square law for the sum of squares: its test of the standard deviation needs two
thirds of the draws of the count beyond 1.5 standard deviations (tests/test_continuous.py
computes both), but it sees only the second moment. The shape of the law needs counts in
the tail, and those set the number of draws: what is enough to tell a sum of twelve
uniforms from a normal number shows a standard deviation that is off by 1.2 %.
"""

import math

from autograder.laws.binomial import Proportion

#: The distance, in standard deviations, where a count tells most about the scale, to two
#: digits.
SCALE_DISTANCE = 1.5
#: Half of all normal numbers are nearer to the mean than this many standard deviations.
QUARTILE = 0.6744897501960817


def normal_cdf(z: float) -> float:
    """Return P(Z <= z) for a standard normal Z."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def beyond_probability(distance: float) -> float:
    """Return P(|Z| > distance) for a standard normal Z and ``distance`` >= 0."""
    return math.erfc(distance / math.sqrt(2))


def above(z: float, detects: float) -> Proportion:
    """The law of Z > z; ``detects`` is a departure of its probability."""
    return Proportion(normal_cdf(-z), detects)


def beyond(distance: float, detects: float) -> Proportion:
    """The law of |Z| > distance; ``detects`` is a departure of its probability."""
    return Proportion(beyond_probability(distance), detects)


def location(shift: float) -> Proportion:
    """The law of Z > 0 that detects a mean that is off by ``shift`` standard deviations,
    to either side (``shift`` > 0)."""
    return above(0.0, detects=normal_cdf(shift) - 0.5)


def scale(off: float) -> Proportion:
    """The law of |Z| > 1.5 that detects a standard deviation that is wrong by the share
    ``off``, too large or too small (0 < off < 1)."""
    probability = beyond_probability(SCALE_DISTANCE)
    truths = (beyond_probability(SCALE_DISTANCE / (1 + s * off)) for s in (-1, 1))
    return Proportion(probability, min(abs(t - probability) for t in truths))


def squares_between(number: int, low: float, high: float) -> float:
    """Return P(low < S < high) for the sum S of squares of an even ``number`` of standard
    normal numbers: S / 2 is the time of the (number / 2)-th event of a Poisson process."""

    def above(value: float) -> float:
        terms = ((value / 2) ** k / math.factorial(k) for k in range(number // 2))
        return math.exp(-value / 2) * sum(terms)

    return above(low) - above(high)
