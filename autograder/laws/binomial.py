"""Exact tests, their power, and the sample sizes that follow from both.

NumPy and ``math`` alone, so that a kernel or a page loads it in milliseconds; the
project's tests hold every function to SciPy.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

#: Probability with which a check detects its stated defect.
POWER = 1 - 1e-6

# Standard deviations either side of the mean beyond which a binomial has less than
# about 1e-40 of its probability.
_WIDTH = 14.0


class Law(Protocol):
    """What a statistical look tests: a law with a smallest defect to detect."""

    @property
    def detects(self) -> float: ...
    def sample_size(self, alpha: float) -> int: ...
    @property
    def probability(self) -> float: ...
    def p_value(self, observed: float, n: int) -> float: ...
    def accepted(self, n: int, alpha: float) -> tuple[int, int]: ...


def log_binomial(k: int, n: int, probability: float) -> float:
    """Return log P(K = k) for K ~ Binomial(n, probability), 0 < probability < 1."""
    return (
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(probability)
        + (n - k) * math.log1p(-probability)
    )


def upper_tail(k: int, n: int, probability: float) -> float:
    """Return P(K >= k) for K ~ Binomial(n, probability), to about 1e-8 relative.

    At or above the mean the terms fall geometrically from P(K = k); below it the
    complement is summed. Raises ``ValueError`` unless 0 < probability < 1, n >= 1."""
    _check(n, probability)
    if k <= 0:
        return 1.0
    if k > n:
        return 0.0
    if k < n * probability:
        return max(0.0, 1.0 - lower_tail(k - 1, n, probability))
    return math.exp(log_binomial(k, n, probability)) * _series(k, n, probability)


def lower_tail(k: int, n: int, probability: float) -> float:
    """Return P(K <= k) for K ~ Binomial(n, probability), to about 1e-8 relative."""
    _check(n, probability)
    return upper_tail(n - k, n, 1 - probability)


def _check(n: int, probability: float) -> None:
    if n < 1 or not 0 < probability < 1:
        raise ValueError(f"Binomial({n}, {probability}): n >= 1, 0 < probability < 1")


def _series(k: int, n: int, probability: float) -> float:
    """Return sum over j >= k of P(K = j) / P(K = k), for k at or above the mean."""
    odds = probability / (1 - probability)
    total, term, start, count = 1.0, 1.0, k, 256
    while start < n and term > 1e-18 * total:
        j = np.arange(start, min(start + count, n), dtype=np.float64)
        terms = term * np.cumprod((n - j) / (j + 1) * odds)
        total += float(terms.sum())
        term = float(terms[-1])
        start, count = start + count, 2 * count
    return total


def binomial_p_value(k: int, n: int, probability: float) -> float:
    """Return the two-sided exact p-value min(1, 2 min(P(K <= k), P(K >= k)))."""
    above = k >= n * probability
    tail = (upper_tail if above else lower_tail)(k, n, probability)
    if tail > 0.5:  # The tails add up to more than 1, so a smaller one is the smallest.
        tail = min(tail, (lower_tail if above else upper_tail)(k, n, probability))
    return min(1.0, 2 * tail)


@lru_cache(maxsize=1024)
def _distribution(n: int, probability: float) -> tuple[int, np.ndarray]:
    """Return the first count and the probabilities of the counts near the mean."""
    mean, sd = n * probability, math.sqrt(n * probability * (1 - probability))
    reach = _WIDTH * sd + 40
    low, high = max(0, int(mean - reach)), min(n, int(mean + reach) + 1)
    mode = min(high, max(low, int((n + 1) * probability)))
    odds = probability / (1 - probability)
    up = np.arange(mode, high, dtype=np.float64)
    down = np.arange(mode, low, -1, dtype=np.float64)
    above = np.cumprod((n - up) / (up + 1) * odds)
    below = np.cumprod(down / ((n - down + 1) * odds))
    weights = np.concatenate([below[::-1], [1.0], above])
    return low, weights / weights.sum()


@lru_cache(maxsize=1024)
def accepted_counts(n: int, probability: float, alpha: float) -> tuple[int, int]:
    """Return the smallest and largest count whose two-sided p-value is at least alpha."""
    low, weights = _distribution(n, probability)
    below, above = np.cumsum(weights), np.cumsum(weights[::-1])
    first = low + int(np.searchsorted(below, alpha / 2, side="left"))
    last = low + len(weights) - 1 - int(np.searchsorted(above, alpha / 2, side="left"))
    return first, last


def power(n: int, probability: float, alpha: float, truth: float) -> float:
    """Return the probability that the level-alpha test of ``probability`` rejects when
    each of the n trials succeeds with probability ``truth`` (0 and 1 included)."""
    first, last = accepted_counts(n, probability, alpha)
    if truth in (0, 1):
        return float(not first <= n * truth <= last)
    return min(1.0, lower_tail(first - 1, n, truth) + upper_tail(last + 1, n, truth))


@lru_cache(maxsize=1024)
def sample_size(
    probability: float, detects: float, alpha: float, wanted: float = POWER
) -> int:
    """Return how many trials make the exact two-sided test of ``probability`` at level
    ``alpha`` reject with probability ``wanted`` when the truth is off by ``detects``.

    Both directions count where they exist (a truth beyond 0 or 1 does not). The answer
    is the first that suffices on a grid of 1 % steps upward from the normal approximation.
    Raises ``ValueError`` for ``detects`` <= 0 or when neither direction exists.
    """
    slack = 1e-12
    truths = [
        min(1.0, max(0.0, truth))
        for truth in (probability - detects, probability + detects)
        if -slack <= truth <= 1 + slack
    ]
    if detects <= 0 or not truths:
        raise ValueError(f"no truth is {detects} away from {probability}")
    z_alpha, z_power = (
        math.sqrt(-2 * math.log(alpha)),
        math.sqrt(-2 * math.log(1 - wanted)),
    )

    def roughly(truth: float) -> float:
        noise = z_alpha * math.sqrt(probability * (1 - probability))
        return ((noise + z_power * math.sqrt(truth * (1 - truth))) / detects) ** 2

    # The square roots of -2 log overstate the normal quantiles by under 10 %.
    n = max(1, int(0.75 * max(map(roughly, truths))))
    while any(power(n, probability, alpha, truth) < wanted for truth in truths):
        n += max(1, n // 100)
    return n


@dataclass(frozen=True)
class Proportion:
    """A count of independent events that each happen with ``probability``.

    ``detects`` is the smallest departure of the probability that must be found with
    probability ``POWER``; the sample size follows from it.
    """

    probability: float
    detects: float

    def sample_size(self, alpha: float) -> int:
        return sample_size(self.probability, self.detects, alpha)

    def p_value(self, observed: float, n: int) -> float:
        return binomial_p_value(int(observed), n, self.probability)

    def accepted(self, n: int, alpha: float) -> tuple[int, int]:
        """Return the smallest and largest count that passes at this level."""
        return accepted_counts(n, self.probability, alpha)


@lru_cache(maxsize=1024)
def _at_most_sample_size(probability: float, detects: float, alpha: float) -> int:
    truth = min(probability + detects, 1 - 1e-15)
    n, last = 0, 0
    while True:
        n += 1
        # The largest accepted count never falls as n grows.
        while last < n and upper_tail(last + 1, n, probability) >= alpha:
            last += 1
        if upper_tail(last + 1, n, truth) >= POWER:
            return n


@dataclass(frozen=True)
class AtMost:
    """A count of independent events, each of probability ``probability`` or less.

    One-sided: fewer events are no failure. ``detects`` is the smallest excess that must
    be found with probability ``POWER``."""

    probability: float
    detects: float

    def sample_size(self, alpha: float) -> int:
        """Return the smallest n with that power (the test is exact). Raises
        ``ValueError`` when the excess leads beyond probability 1."""
        if not 0 < self.detects <= 1 - self.probability:
            raise ValueError(f"no truth is {self.detects} above {self.probability}")
        return _at_most_sample_size(self.probability, self.detects, alpha)

    def p_value(self, observed: float, n: int) -> float:
        return upper_tail(int(observed), n, self.probability)

    def accepted(self, n: int, alpha: float) -> tuple[int, int]:
        """Return 0 and the largest count whose upper tail is at least alpha."""
        last = int(n * self.probability)
        while last < n and upper_tail(last + 1, n, self.probability) >= alpha:
            last += 1
        return 0, last


def tail_exponents(k: np.ndarray, n: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return t such that P(K >= k), or for k below the mean P(K <= k), is at most exp(-t).

    K counts n independent events whose probabilities, equal or not, have this mean in
    (0, 1): t is n times the relative entropy of k / n to it (Hoeffding 1963, theorem 1).
    All arguments are arrays of one shape, and so is the result."""
    share = k / n
    entropy = np.zeros(share.shape)
    for a, b in ((share, mean), (1 - share, 1 - mean)):
        entropy += a * np.log(np.where(a > 0, a, 1) / b)
    found: np.ndarray = n * entropy
    return found


class ManyKinds:
    """What laws have in common of which the kind that departs most is judged: a bound over
    two tails of each of up to ``kinds`` of them."""

    kinds: int

    def exponent(self, alpha: float) -> float:
        """Return the exponent from which on a kind is rejected at level alpha: minus the
        logarithm of the probability of a count as far out."""
        return math.log(2 * self.kinds / alpha)

    def p_value(self, observed: float, n: int) -> float:
        """Return a bound on the p-value of the greatest exponent of all kinds."""
        return min(1.0, 2 * self.kinds * math.exp(-observed))


@dataclass(frozen=True)
class EveryKind(ManyKinds):
    """Counts of independent events, sorted by kind in many ways: up to ``kinds`` of them.

    Each event has a probability of its own. ``detects`` is the smallest departure of the
    mean of a kind that must be found with probability ``POWER``, where it has as many
    events as ``sample_size`` says."""

    kinds: int
    detects: float
    probability: float = 0.5

    def farthest(
        self, counts: Mapping[str, tuple[int, int, float]]
    ) -> tuple[str, float]:
        """Return the kind with the greatest ``tail_exponent``, and that; ``counts`` has of
        each how many events, how many that happened, and the sum of their
        probabilities."""
        n, k, total = np.array(list(counts.values()), float).T
        exponents = tail_exponents(k, n, total / n)
        exponent, kinds = exponents.max(), [*counts]
        alike = [kinds[place] for place in np.flatnonzero(exponents == exponent)]
        # Of kinds alike the one that takes the fewest words.
        return max(alike, key=lambda kind: (-len(kind), kind)), float(exponent)

    def sample_size(self, alpha: float) -> int:
        """Return how many events a kind needs at probability one half; farther from it
        fewer are enough. On a grid of 1 % steps, as in ``sample_size``."""
        return _kind_sample_size(self, alpha)

    def accepted(
        self, n: int, alpha: float, mean: float | None = None
    ) -> tuple[int, int]:
        """Return the smallest and largest count of a kind that passes at this level."""
        mean, most = self.probability if mean is None else mean, self.exponent(alpha)
        k = np.arange(n + 1.0)
        passing = np.flatnonzero(
            tail_exponents(k, np.full(n + 1, n), np.full(n + 1, mean)) < most
        )
        return int(passing[0]), int(passing[-1])


@lru_cache(maxsize=64)
def _kind_sample_size(law: EveryKind, alpha: float) -> int:
    n = 10
    while upper_tail(law.accepted(n, alpha)[1] + 1, n, 0.5 + law.detects) < POWER:
        n += max(1, n // 100)
    return n


def agreement(keep_prob: float, detects: float) -> Proportion:
    """The law of two independent mask bits being equal: probability p^2 + q^2."""
    return Proportion(keep_prob**2 + (1 - keep_prob) ** 2, detects)


def exact_count(width: int, keep_prob: float) -> Proportion:
    """The law of a row of ``width`` bits keeping exactly its mean, ``width * keep_prob``.

    Detects masks that keep the same number every time, for which it always happens.
    Raises ``ValueError`` when the mean is not a whole number."""
    mean = round(width * keep_prob)
    if abs(mean - width * keep_prob) > 1e-9:
        raise ValueError(f"{width} * {keep_prob} is not a whole number")
    happens = math.exp(log_binomial(mean, width, keep_prob))
    return Proportion(happens, 1 - happens)


def near_count(width: int, keep_prob: float, within: int, detects: float) -> Proportion:
    """The law of ``width`` bits keeping a number no farther than ``within`` from the
    nearest whole number to its mean, ``width * keep_prob``.

    Detects masks that are redrawn, or chosen among several, for a usual number."""
    mean = round(width * keep_prob)
    inside = lower_tail(mean + within, width, keep_prob)
    return Proportion(inside - lower_tail(mean - within - 1, width, keep_prob), detects)
