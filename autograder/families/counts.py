"""How many bits of an array, or of its rows, are set: now more than their mean and now
fewer, as chance gives it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from autograder.contract.trial import Trial
from autograder.families.elementwise import Wrong
from autograder.laws.binomial import log_binomial, tail_exponents

#: A count is usual that lies so near to its mean; rows that are counted have so many bits.
_NEAR, _LONG = 1, 30
#: So many usual ones have at most the probability exp(-45) = 3e-20; there are a few looks.
_TOO_FAR = 45.0

#: How many counts there are, how many of them are usual, and how many are to be expected.
Usual = tuple[int, int, float]


@lru_cache(maxsize=256)
def _share(bits: int, probability: float) -> float:
    """Return how often a number of so many bits is usual."""
    mean = bits * probability
    least, most = math.ceil(mean - _NEAR), math.floor(mean + _NEAR)
    counts = range(max(0, least), min(bits, most) + 1)
    return math.fsum(math.exp(log_binomial(k, bits, probability)) for k in counts)


def usual(lines: np.ndarray, probability: float) -> Usual:
    """Return the counts of lines, which are the last axis."""
    bits = lines.shape[-1]
    near = np.abs(lines.sum(axis=-1) - bits * probability) <= _NEAR
    return near.size, int(near.sum()), near.size * _share(bits, probability)


def of_large(mask: np.ndarray, probability: float) -> Iterator[tuple[str, Usual]]:
    """Yield the counts of a large call's mask: of the whole, and of its lines along the last
    axis and the first, if these are long."""
    yield "large calls", usual(mask.reshape(1, -1), probability)
    if mask.ndim > 1 and mask.shape[-1] >= _LONG:
        yield "rows of large calls", usual(mask, probability)
    if mask.ndim > 1 and mask.shape[0] >= _LONG:
        columns = np.moveaxis(mask, 0, -1)
        yield "columns of large calls", usual(columns, probability)


def expect_varied(
    trial: Trial, counts: Mapping[str, Sequence[Usual]], what: str
) -> None:
    """Check that none of these sets of counts, by name, has too many that are usual. That
    too few are is for the checks of rates and of pairs."""
    for name, several in counts.items():
        n, k, total = np.sum(several, axis=0)
        if not k > total or not total < n:
            continue
        [exponent] = tail_exponents(*np.array([[k], [n], [total / n]], float))
        trial.expect(
            exponent < _TOO_FAR,
            f"{k:.0f} of {n:.0f} {name} keep the number of {what} that is to be expected, "
            f"or up to {_NEAR} more or fewer; so near come about {total:.0f}.",
            Wrong.varies_the_count_too_little,
        )
