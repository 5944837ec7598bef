"""Counts by kind: how many bits calls of some kind have, and how many of these are set."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

#: The greatest size of a small call, in bits.
MOST = 600
#: The greatest number of bits, or of rows, and what a call with so many is said to have.
_SIZES = {
    1: "1",
    8: "2 to 8",
    40: "9 to 40",
    200: "41 to 200",
    MOST: f"201 to {MOST}",
}
_LIMITS, _NAMES = [*_SIZES], [*_SIZES.values(), "more"]
#: Places in a call, by its values or by its length.
_PLACES = (
    "the entry farthest from 0",
    "the entry nearest to 0",
    "the entry that is greatest",
    "the entry that is least",
    "the first place",
    "the second place",
    "the middle place",
    "the last place",
    "a place drawn once",
)


def size_of(number: int) -> str:
    """Return the class of sizes in which so many bits, or rows, are."""
    return _NAMES[bisect_left(_LIMITS, number)]


class Tally:
    """Counts by kind: how many bits, how many of them set, and the sum of what was to be
    expected."""

    def __init__(self, share: float = 0.0) -> None:
        self._marks: dict[str, list[str]] = defaultdict(list)
        self._counts: list[tuple[float, float, float]] = []
        self._share = share
        #: By size: which bits in special places are set, and the probability of each.
        self._places: dict[str, list[tuple[list[bool], float]]] = defaultdict(list)

    def add(
        self, marks: Mapping[str, str], bits: np.ndarray, probability: float
    ) -> None:
        """Count the bits of a call, each of which is set with this probability."""
        for what, text in marks.items():
            self._marks[what].append(text)
        size = bits.size
        self._counts.append((size, int(np.count_nonzero(bits)), size * probability))

    def add_places(
        self, bits: np.ndarray, values: np.ndarray, probability: float
    ) -> None:
        """Count the bits in special places of a call, by its size."""
        if bits.size < 2:
            return
        kept = bits.ravel()[_places(values, self._share)].tolist()
        self._places[f", among {size_of(bits.size)}"].append((kept, probability))

    def counts(self) -> dict[str, tuple[int, int, float]]:
        """By kind: the number of bits, of those that are set, and the sum of their
        probabilities."""
        calls, found = np.array(self._counts), dict[str, Sequence[float]]()
        codes = [_numbered(texts) for texts in self._marks.values()]
        for levels, code in codes:
            found |= _summed(calls, levels, code)
        for (levels, code), (more, other) in combinations(codes, 2):
            names = [f"{one}, {two}" for one in levels for two in more]
            found |= _summed(calls, names, code * len(more) + other)
        if self._places:
            by_size = {of: _summed_places(some) for of, some in self._places.items()}
            whole = np.sum([*by_size.values()], axis=0)
            for of, places in (("", whole), *by_size.items()):
                found |= {
                    f"{place}{of}": n
                    for place, n in zip(_PLACES, places.tolist(), strict=True)
                }
        return {
            kind: (int(n), int(k), float(total))
            for kind, (n, k, total) in found.items()
            if n
        }


def _numbered(texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return what different texts there are, in order, and which of these each is."""
    levels = sorted(set(texts))
    places = {text: place for place, text in enumerate(levels)}
    return levels, np.array([places[text] for text in texts])


def _places(values: np.ndarray, share: float) -> list[int]:
    """Return where ``_PLACES`` lie among values, one of them at this share of the length."""
    size = values.size
    if not any(values.strides):  # all are the same
        return [0, 0, 0, 0, 0, 1, size // 2, size - 1, int(share * size)]
    values = np.ascontiguousarray(values)
    far = np.abs(values)
    by_value = far.argmax(), far.argmin(), values.argmax(), values.argmin()
    return [*map(int, by_value), 0, 1, size // 2, size - 1, int(share * size)]


def _summed_places(some: Sequence[tuple[list[bool], float]]) -> np.ndarray:
    """Return, by place: the number of bits, of those that are set, and the sum of their
    probabilities."""
    counts = np.sum([kept for kept, _ in some], axis=0)
    total = np.cumsum([probability for _, probability in some])[-1]
    each = np.ones_like(counts)
    return np.array((len(some) * each, counts, total * each)).T


def _summed(
    calls: np.ndarray, names: Sequence[str], code: np.ndarray
) -> dict[str, Sequence[float]]:
    sums = [np.bincount(code, column, len(names)).tolist() for column in calls.T]
    return dict(zip(names, zip(*sums, strict=True), strict=True))
