"""Whether bits follow from entries, their own or those beside them, or from their places.

What is counted are the bits where an entry is great, say, or the one after it, or both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations, product
from typing import Any

import numpy as np

Counts = dict[str, tuple[int, int, float]]
#: How the kinds begin that are told by entries, and by places.
BY_VALUE, BY_PLACE = "the entry ", "it is "
#: Places in a row from which on units are counted apart.
_BEYOND = (100, 300, 1000)


@dataclass(frozen=True)
class Read:
    """The bits of two calls; entries of their shape, of which ``signed`` has the signs;
    and the probability of a bit."""

    first: np.ndarray
    second: np.ndarray
    values: np.ndarray
    signed: np.ndarray
    probability: float


def counts(calls: Sequence[Read]) -> Counts:
    """Return by kind how many bits there are, how many are set, and the sum of their
    probabilities: 24 kinds by entries, 10 by places, and each two of them (264 and 40)."""
    sizes = [call.first.size for call in calls]
    bits = np.concatenate(
        [call.first.ravel() + call.second.ravel().astype(np.int8) for call in calls]
    )
    p = np.repeat([call.probability for call in calls], sizes)
    widths = np.repeat([call.first.shape[-1] for call in calls], sizes)
    rate = {"keep_prob is below 0.5": p < 0.5}
    starts = np.cumsum([0, *sizes[:-1]])
    place = np.arange(bits.size) - np.repeat(starts, sizes)
    column = place % widths
    places = {f"it is past {n} places of its row": column >= n for n in _BEYOND}
    places["it is in the latter half"] = 2 * place >= np.repeat(sizes, sizes)
    found = _tally(places | rate, bits, p)
    if all(np.ptp(call.values) == 0 == np.ptp(call.signed) for call in calls):
        return found  # Of masks, which have no entries.
    return _tally(_features(calls, widths) | rate, bits, p) | found


def _features(calls: Sequence[Read], widths: np.ndarray) -> dict[str, np.ndarray]:
    """Return where the entries are great, large or middling, and those beside them."""
    sizes = [call.first.size for call in calls]
    starts = np.cumsum([0, *sizes[:-1]])

    def over_mean(values: np.ndarray) -> np.ndarray:
        means: np.ndarray = np.add.reduceat(values, starts) / sizes
        over: np.ndarray = values - np.repeat(means, sizes)
        return over

    signed = np.concatenate([call.signed.ravel() for call in calls])
    size = over_mean(np.abs(np.concatenate([call.values.ravel() for call in calls])))
    found = {"the entry is of middling size": over_mean(np.abs(size)) < 0}
    own = np.arange(len(size))
    above, below = own - widths, (own + widths) % len(size)
    for what, has in (("above the mean", over_mean(signed) > 0), ("large", size > 0)):
        found |= {
            f"the entry is {what}": has,
            f"the entry before it is {what}": np.roll(has, 1),
            f"the entry after it is {what}": np.roll(has, -1),
            f"the entry above it is {what}": has[above],
            f"the entry below it is {what}": has[below],
        }
    return found


@lru_cache(maxsize=4)
def _sets(features: tuple[str, ...]) -> tuple[list[str], np.ndarray, Any]:
    """Return the kinds that so many features make, alone and by two; by code, which of
    them it has, the last column being of ones; and where each kind's two are: those of
    whom one is missing, or both, stand behind."""
    number = len(features)
    codes = np.arange(1 << number)[:, None]
    has = np.hstack([codes >> np.arange(number) & 1, codes >= 0]).astype(float)
    two = [*combinations(range(number), 2)]
    both = features, [name.replace(" is ", " is not ") for name in features]
    names = [*chain(*both)]
    names += [f"{a[i]}, {b[j]}" for a, b in product(both, both) for i, j in two]
    return names, has, tuple(np.array(two).T)


def _tally(
    features: Mapping[str, np.ndarray], bits: np.ndarray, p: np.ndarray
) -> Counts:
    """Return the counts by kind; ``bits`` has how many of two bits are set."""
    code, length = np.zeros(len(p), np.uint16), 1 << len(features)
    for i, feature in enumerate(features.values()):
        code |= feature.astype(np.uint16) << i
    names, has, two = _sets(tuple(features))
    columns = []
    for number in (
        2 * np.bincount(code, minlength=length),
        np.bincount(code, bits, length),
        2 * np.bincount(code, p, length),
    ):
        both = has.T @ (number[:, None] * has)
        one, every = both[:-1, -1], both[-1, -1]
        (first, second), both = one[list(two)], both[two]
        apart = both, first - both, second - both, every - first - second + both
        columns.append(np.concatenate([one, every - one, *apart]))
    found = zip(names, *np.array(columns).tolist(), strict=True)
    return {name: (round(n), round(k), total) for name, n, k, total in found if n > 0.5}
