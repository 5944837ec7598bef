"""Exact tests beside references: is a number of the student's function farther out than all
of those that fresh masks gave, on the same arguments?

What no mask can be read off, such as a sum of a hundred kept products or the mean of a
hundred predictions, still has a law, that of the right computation with masks drawn afresh.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from autograder.families import corners
from autograder.laws.binomial import EveryKind

#: Of so many numbers, those that count, and the sum of their probabilities.
Counts = dict[str, tuple[int, int, float]]

#: The mark of all calls.
ALL = "in all calls"

#: What an x or a weight matrix may be made of, from rows (N, D) that are alike and rows of
#: their own, both normal: all rows have much in common, so that shared masks show.
ENTRIES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "normal": lambda z: z,
    "of many sizes": lambda z: z * np.exp(0.8 * np.abs(z)),
    "between 0 and 1": lambda z: 1 / (1 + np.exp(-1.7 * z)),
    "far from 0": lambda z: 3 + 0.7 * z,
    "negative": lambda z: -np.abs(z) - 0.1,
    "whole numbers": lambda z: np.rint(4 * z),
    "a few of them 0": lambda z: np.where(np.abs(z) < 0.2, 0.0, z),
}
#: Where a column of x may be much larger than the others, if anywhere.
LOUD = ("first", "last", "any", *(3 * ("no",)))


def rows_of(
    rng: np.random.Generator, entries: str, n: int, d: int, alike: float = 0.8
) -> np.ndarray:
    """Return rows (n, d) of such entries, correlated to the square of ``alike``."""
    z = alike * rng.standard_normal(d)
    z = z + np.sqrt(1 - alike**2) * rng.standard_normal((n, d))
    return ENTRIES[entries](z)


def with_loud(rng: np.random.Generator, x: np.ndarray, where: str) -> np.ndarray:
    """Return x with a column, if any, that stands for as much as all others together."""
    d = x.shape[1]
    place = {"first": 0, "last": d - 1, "any": int(rng.integers(d))}.get(where)
    if place is not None:
        x[:, place] *= np.sqrt(d)
    return x


def cut(number: float, *bounds: float) -> str:
    """Return in words between which of the bounds a number lies."""
    below = max((b for b in bounds if b <= number), default=None)
    above = min((b for b in bounds if b > number), default=None)
    if above is None:
        return f"{below:g} or more"
    return f"below {above:g}" if below is None else f"from {below:g} to below {above:g}"


def in_turn(rng: np.random.Generator, names: Iterable[Any], number: int) -> list[Any]:
    """Return so many of the names, each as often as the others, in random order."""
    names = [*names]
    return [names[i] for i in rng.permutation(np.arange(number) % len(names))]


def spread(rng: np.random.Generator, low: float, high: float, number: int) -> Any:
    """Return so many numbers in random order, whose logarithms leave no gap."""
    shares = (rng.random() + np.arange(number)) / number
    return rng.permutation(low * (high / low) ** shares)


def typed(
    rng: np.random.Generator, *arrays: np.ndarray, single: bool = True
) -> tuple[list[np.ndarray], str, str]:
    """Return the arrays in a dtype each, in an order in memory, and both in words."""
    kinds = [rng.random() < 0.4 * single for _ in arrays]
    turned = rng.random() < 0.3
    made = [
        array.astype(np.float32 if one else np.float64)
        for array, one in zip(arrays, kinds, strict=True)
    ]
    if turned:
        made = [corners.transposed(array) for array in made]
    types = " and ".join(str(array.dtype) for array in made)
    return made, types, "transposed" if turned else "rows in a row"


def pairs_of(number: int) -> dict[str, tuple[slice, slice]]:
    """Return the firsts and the seconds of disjoint pairs of so many, by how they lie."""
    half = number // 2
    return {
        "neighbouring": (slice(0, 2 * half, 2), slice(1, 2 * half, 2)),
        "distant": (slice(0, half), slice(half, 2 * half)),
    }


def departing(counts: Mapping[str, Counts], law: EveryKind, alpha: float) -> str:
    """Return the look to be judged, which fails if any does.

    Numbers that share masks are far out together, or near, so that their own counts depart
    in some calls, too, and pairs of numbers that spread otherwise lie apart otherwise. In
    all calls together what is behind it departs furthest: that look comes first."""

    def in_all(look: str) -> float:
        known = {k: n for k, n in counts[look].items() if k.endswith(ALL)}
        return law.farthest(known)[1]

    order, least = sorted(counts, key=in_all, reverse=True), law.exponent(alpha)
    failing = (look for look in order if law.farthest(counts[look])[1] > least)
    return next(failing, order[0])


class Tally:
    """Counts, by mark, of how often the student's number is the greatest, or the least, of
    itself and R references.

    Given the arguments, all R + 1 have one law and are independent if the student's function
    is right: they are exchangeable. So the student's is greater than all others with
    probability 1 / (R + 1) at most, and not below the greatest with 1 / (R + 1) at least.
    Numbers of one ``add`` are independent of each other: each has bits of its own. Since
    outputs are right to five digits only, a number is taken to be greater than another only
    where it is by more than ``error``, which is at least twice what is allowed.

    With n numbers, g of them greater than all others for sure and s for sure less than one
    of these, a count is g if that is more than n / (R + 1), n − s if that is less, and else
    what was to be expected. So it departs as far as a count of n independent events of
    probability 1 / (R + 1) does, or less far: its p-values are valid, ties or not.
    """

    def __init__(self) -> None:
        self._found: dict[str, np.ndarray] = {}

    def add(
        self,
        what: str,
        marks: Iterable[str],
        student: np.ndarray,
        references: np.ndarray,
        error: Any,
        only: str = "",
    ) -> None:
        """Count numbers, of any shape, beside references (R, …), by all of the marks: those
        farther out and those nearer, or ``only`` the ones or the others, of which too few
        are no departure then."""
        for way, sign in (("farther out", 1), ("nearer", -1)):
            if only not in ("", way):
                continue
            others = (sign * references).max(axis=0)
            greater = int(np.count_nonzero(sign * student > others + error))
            less = int(np.count_nonzero(sign * student < others - error))
            less = 0 if only else less
            n = student.size
            row = np.array([n, greater, less, n / (len(references) + 1)])
            for mark in marks:
                kind = f"{what} {way}, {mark}"
                self._found[kind] = self._found.get(kind, 0.0) + row

    def counts(self) -> Counts:
        found: Counts = {}
        for kind, row in self._found.items():
            n, greater, less, expected = row.tolist()
            if not n:
                continue
            k = round(expected)
            if greater > expected:
                k = round(greater)
            elif n - less < expected:
                k = round(n - less)
            found[kind] = round(n), k, expected
        return found
