"""Generators in different states that give one seed, if it takes a million values or fewer.

Seeds are drawn in many ways: from the leading bits of a number (``integers``, ``random``),
from the trailing ones (``bytes``, small dtypes, a remainder), from a normal number, or from
the second number in place of the first. For each way there is a generator that agrees
with a given one in what such a seed takes, and differs in what one of more than four
million values does.
"""

import math

import numpy as np

from autograder.contract.trial import Trial
from autograder.families.follows_rng import begin_with, generators_alike, upper_half

#: In which ways the last generators of ``asked_with`` agree with the first one.
ALIKE = (
    "whose first numbers begin alike",
    "whose first numbers end alike",
    "whose first numbers leave the same remainders by a million",
    "whose first normal numbers are nearly the same",
    "whose second numbers begin alike",
)
_HALF = 2**32
#: A multiple of each power of 10 up to a million, also when one bit or two are cut off.
_ROUND = 4_000_000
_STEPS = [n for n in range(101, 537, 2) if all(n % d for d in range(3, 24, 2))]
_SMALL_PRIMES = math.prod((2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47))
#: By how much normal numbers differ: a million values apart they are told, a hundred
#: thousand apart seldom.
_NORMAL = 1.05e-6, 2.6e-6


def _two(rng: np.random.Generator, below: int) -> list[int]:
    """Return two whole numbers from 0 up, in less time than ``integers`` takes."""
    return [int(below * share) for share in rng.random(2).tolist()]


def _leading(word: int, rng: np.random.Generator) -> int:
    """Return a word with the 20 leading bits of each half, whose rest is far from its own:
    1,024 of 4,096 and more."""
    for place, far in zip((0, 32), _two(rng, 1024), strict=True):
        below = (word >> place) % 4096 < 2048
        word += (1024 + far if below else -1024 - far) << place
    return word


def _trailing(word: int, rng: np.random.Generator) -> int:
    """Return a word with the 21 trailing bits of each half, and others before these."""
    low, high = _two(rng, 2**9)
    return word ^ low << 22 ^ high << 54 ^ (2**21 | 2**31) * (_HALF + 1)


def _round(word: int, rng: np.random.Generator) -> int:
    """Return a word that differs by a multiple of a million, as both of its halves do: of no
    other number that anyone takes a remainder by."""
    while True:
        places = _two(rng, len(_STEPS))
        high, low = (
            _STEPS[n] if half < _HALF // 2 else -_STEPS[n]
            for half, n in zip(divmod(word, _HALF), places, strict=True)
        )
        step = high * _HALF + low
        if math.gcd(step, _SMALL_PRIMES) == 1:
            found: int = word + _ROUND * step
            return found


def _normal(word: int, rng: np.random.Generator) -> int:
    """Return a word that gives nearly the same normal number, by 9 trailing bits and by 19
    of 61. A few others that are wanted to differ do so in these as well."""
    low, high = _two(rng, 2**9)
    flipped = low << 11 | 2**20 | 2**31 | high << 32 | 2**41 | 2**62
    return word ^ flipped


#: How often a word is drawn anew until its normal number lies as far off as it should.
_TRIES = 4


def others_alike(trial: Trial, first: np.random.Generator) -> list[np.random.Generator]:
    """Return generators that agree with the first, which nobody has drawn from, each in
    another way: in the trailing bits of each half of its first 64-bit number; in what is
    left of it by a million; in its first normal number, nearly; and in the leading bits of
    its second number."""
    rng, scratch = trial.rng, trial.generator()
    scratch.bit_generator.state = first.bit_generator.state
    word, second = (int(n) for n in scratch.bit_generator.random_raw(2))
    found = [trial.generator() for _ in range(4)]
    trailing, rounded, normal, later = found
    for generator, changed in (
        (trailing, _trailing(word, rng)),
        (rounded, _round(word, rng)),
        (later, _leading(second, rng)),
    ):
        begin_with(generator, changed, upper_half(trial))
    later.bit_generator.advance(-1)  # type: ignore[attr-defined]
    scratch.bit_generator.state = first.bit_generator.state
    number = scratch.standard_normal()
    for _ in range(_TRIES):
        begin_with(scratch, _normal(word, rng), upper_half(trial))
        state = scratch.bit_generator.state
        if _NORMAL[0] < abs(scratch.standard_normal() - number) < _NORMAL[1]:
            normal.bit_generator.state = state
            break  # Otherwise the two have nothing in common.
    return found


def asked_with(trial: Trial, *, more: bool) -> list[np.random.Generator]:
    """Return what a call is asked with: a generator, one in the same state, this once more,
    and one that is alike (``generators_alike``); with ``more``, the others that are."""
    one, same, other = generators_alike(trial, 2, times=2)
    return [one, same, same, other, *(others_alike(trial, one) if more else ())]


def two_alike(trial: Trial, way: int) -> list[np.random.Generator]:
    """Return two generators that are alike in this one of the ways ``ALIKE``."""
    if way == 0:
        return generators_alike(trial, 2)
    one = trial.generator()
    return [one, others_alike(trial, one)[way - 1]]
