"""Whether bits follow from entries, their own or those beside them, or from their places.

What is counted are the bits where an entry is great, say, or the one after it, or both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

Counts = dict[str, tuple[int, int, float]]
#: How the kinds begin that are told by entries.
BY_VALUE = "where "
#: Places in a row from which on units are counted apart.
_BEYOND = (100, 300, 1000)


@dataclass(frozen=True)
class Read:
    """The bits of a call; entries of their shape, of which ``signed`` has the signs; and
    the probability of a bit."""

    bits: np.ndarray
    values: np.ndarray
    signed: np.ndarray
    probability: float


def counts(calls: Sequence[Read]) -> Counts:
    """Return by kind how many bits there are, how many are set, and the sum of their
    probabilities: 26 kinds by entries, each two of them (312), 12 by places, and each two
    of these (60)."""
    sizes = [call.bits.size for call in calls]
    bits = np.concatenate([call.bits.ravel() for call in calls])
    p = np.repeat([call.probability for call in calls], sizes)
    widths = np.repeat([call.bits.shape[-1] for call in calls], sizes)
    rates = {"keep_prob is small": p < 0.35, "keep_prob is great": p > 0.65}
    starts = np.cumsum([0, *sizes[:-1]])
    place = np.arange(bits.size) - np.repeat(starts, sizes)
    column = place % widths
    places = {f"past {n} places of its row": column >= n for n in _BEYOND}
    places["in the latter half"] = 2 * place >= np.repeat(sizes, sizes)
    by_value = _tally(_features(calls, widths) | rates, bits, p)
    found = {BY_VALUE + kind: number for kind, number in by_value.items()}
    return found | _tally(places | rates, bits, p)


def _features(
    calls: Sequence[Read], widths: np.ndarray
) -> dict[str, np.ndarray]:
    """Return where the entries are great, large or middling, and those beside them."""
    sizes = [call.bits.size for call in calls]
    starts = np.cumsum([0, *sizes[:-1]])

    def over_mean(values: np.ndarray) -> np.ndarray:
        means: np.ndarray = np.add.reduceat(values, starts) / sizes
        return values - np.repeat(means, sizes)

    signed = np.concatenate([call.signed.ravel() for call in calls])
    size = over_mean(np.abs(np.concatenate([call.values.ravel() for call in calls])))
    great, large = over_mean(signed) > 0, size > 0
    own = np.arange(len(size))
    found = {"it is of middling size": over_mean(np.abs(size)) < 0}
    for where, at in (
        ("it", own),
        ("the entry before it", own - 1),
        ("the entry after it", own + 1),
        ("the entry above it", own - widths),
        ("the entry below it", own + widths),
    ):
        for what, feature in (("above the mean", great), ("large", large)):
            found[f"{where} is {what}"] = feature.take(at, mode="wrap")
    return found


@lru_cache(maxsize=4)
def _sets(features: int) -> np.ndarray:
    """Return, by code, which of so many features it has; the last column is of ones."""
    codes = np.arange(1 << features)[:, None]
    return np.hstack([codes >> np.arange(features) & 1, codes >= 0]).astype(float)


def _tally(
    features: Mapping[str, np.ndarray], bits: np.ndarray, p: np.ndarray
) -> Counts:
    code, length = np.zeros(len(bits), np.uint16), 1 << len(features)
    for i, feature in enumerate(features.values()):
        code |= feature.astype(np.uint16) << i
    numbers = [
        np.bincount(code, minlength=length),
        np.bincount(code[bits], minlength=length),
        np.bincount(code, p, length),
    ]
    has = _sets(len(features))
    # Of how many bits, by two features, [i, j] has the number; the last one all have.
    both = np.stack([has.T @ (number[:, None] * has) for number in numbers], axis=2)
    one, every = both[:, -1:], both[-1, -1]
    parts = {
        ("", ""): both,
        ("", "not "): one - both,
        ("not ", ""): one.transpose(1, 0, 2) - both,
        ("not ", "not "): every - one - one.transpose(1, 0, 2) + both,
    }
    names = [*features, ""]
    return {
        f"{a}{names[i]}{', ' * (j < len(features))}{b * (j < len(features))}{names[j]}": (
            int(part[i, j, 0]),
            int(part[i, j, 1]),
            float(part[i, j, 2]),
        )
        for (a, b), part in parts.items()
        for i, j in combinations(range(len(names)), 2)
        if part[i, j, 0] and not (b and j == len(features))
    }
