"""Whether calls give what calls of a reference implementation give, by ranks: exact."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from autograder.laws.binomial import ManyKinds


@lru_cache(maxsize=64)
def pairs_below(asked: int, others: int, groups: int) -> np.ndarray:
    """Return P(U = 0), P(U = 1), … for the number U of pairs in which the first is less.

    There are ``groups`` groups of ``asked`` values and ``others`` more, every order of all
    of a group being as likely as any other; a pair has one of each (Mann and Whitney)."""
    if groups > 1:
        half = groups // 2
        few, more = (pairs_below(asked, others, g) for g in (half, groups - half))
        found: np.ndarray = np.convolve(few, more)
        return found
    # The Gaussian binomial coefficient, of whole numbers: exact.
    ways = [1] + [0] * (asked * others)
    for i in range(1, asked + 1):
        for k in range(len(ways) - 1, others + i - 1, -1):
            ways[k] -= ways[k - others - i]
        for k in range(i, len(ways)):
            ways[k] += ways[k - i]
    return np.array(ways, float) / math.comb(asked + others, asked)


@lru_cache(maxsize=64)
def _exponents(asked: int, others: int, groups: int) -> np.ndarray:
    """Return t by U, such that so few pairs, or fewer, have probability exp(-t); above one
    half, so many or more."""
    each = pairs_below(asked, others, groups)
    below, above = np.cumsum(each), np.cumsum(each[::-1])[::-1]
    found: np.ndarray = -np.log(np.minimum(np.minimum(below, above), 1))
    return found


@dataclass(frozen=True)
class Ranks(ManyKinds):
    """In how many pairs of a call and one of a reference implementation the first's value
    is the greater, sorted by kind in many ways: up to ``kinds`` of them.

    Calls come in groups on the same arguments, ``asked`` and ``others`` of them, and only
    these are compared: whatever the law of the values, each order of a group's calls is as
    likely as any other. ``detects`` is what a share of one half departs by where all of
    the calls of a kind lie on one side of all others."""

    asked: int
    others: int
    kinds: int
    detects: float = 0.5
    probability: float = 0.5

    def farthest(
        self, counts: Mapping[str, tuple[int, int, float]]
    ) -> tuple[str, float]:
        """Return the kind whose number of pairs is the least likely, and -log of the
        probability of one as far out. ``counts`` has of each kind how many pairs there
        are, in how many the first is greater, and half of their number."""
        found = [
            (
                float(self.exponents(n // (self.asked * self.others))[k]),
                -len(kind),
                kind,
            )
            for kind, (n, k, _) in counts.items()
        ]
        exponent, _, kind = max(found)
        return kind, exponent

    def sample_size(self, alpha: float) -> int:
        """Return how many pairs a kind needs for the stated defect to be rejected."""
        n = self.asked * self.others
        while self.exponents(n // (self.asked * self.others))[0] < self.exponent(alpha):
            n += self.asked * self.others
        return n

    def accepted(
        self, n: int, alpha: float, mean: float | None = None
    ) -> tuple[int, int]:
        """Return the smallest and largest number of pairs that passes at this level."""
        passing = np.flatnonzero(
            self.exponents(n // (self.asked * self.others)) < self.exponent(alpha)
        )
        return int(passing[0]), int(passing[-1])

    def exponents(self, groups: int) -> np.ndarray:
        """Return -log of the probability of a number of pairs as far out, by that number."""
        return _exponents(self.asked, self.others, groups)
