"""Whether columns of bits depend on each other, by Fisher's exact test."""

from collections.abc import Sequence
from math import comb

import numpy as np


def least_likely(before: np.ndarray, after: np.ndarray) -> float:
    """Return the probability, of independent columns, of as many rows in which both are
    True, for the two columns where it is least expected (Fisher's exact test).

    Rows of one of them may be put in any order, given how many are True: exact whatever
    the columns' own laws are."""
    n, one, two = len(before), before.sum(axis=0), after.sum(axis=0)
    both = before.T.astype(float) @ after
    first, second = one[:, None] - both, two - both
    # The likelihood ratio, which the exact probability follows closely.
    cells = (both, first, second, n - both - first - second)
    ones, twos = np.stack([one, n - one]), np.stack([two, n - two])
    known = _entropy(cells) - _entropy(ones)[:, None] - _entropy(twos)
    i, j = np.unravel_index(int(known.argmax()), known.shape)
    k, a, b = int((before[:, i] & after[:, j]).sum()), int(one[i]), int(two[j])
    least, most = max(0, a + b - n), min(a, b)
    tail = range(k, most + 1) if k * n > a * b else range(least, k + 1)
    return 2 * sum(comb(a, m) * comb(n - a, b - m) for m in tail) / comb(n, b)


def _entropy(counts: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Return the sum of n log n over the first axis, of counts n."""
    total: np.ndarray = np.sum([n * np.log(np.maximum(n, 1)) for n in counts], axis=0)
    return total
