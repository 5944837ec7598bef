"""Correct and broken dropouts for students' tests to judge.

They are no secret: whoever has the package can work out what they answer. What a
student's test meets are these and others under a key (``autograder.families.keyed``).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

#: ``mask(x, keep_prob, rng)`` returns bits of x's shape.
Mask = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


#: The smallest error of a rate that is off, wherever keep_prob leaves room for it.
SMALLEST = 0.03


@dataclass(frozen=True)
class Defect:
    """What is wrong, in numbers that the steps of a dropout under a key go by.

    ``rate(keep_prob)`` is how often a unit is kept, ``tilt(keep_prob)`` how much
    oftener with x > 0, and more seldom with x <= 0;
    ``divisor(keep_prob, share)`` what the kept ones are divided by, given the share that
    was kept. ``row`` uses the first row's bits for all, ``pairs`` a bit for two
    neighbours, ``count`` keeps the same count in every row, ``call`` the same bits at
    every call. ``test`` says what happens with ``training=False``: "", "drops" or
    "rescales"."""

    rate: Callable[[float], float] = lambda keep_prob: keep_prob
    tilt: Callable[[float], float] = lambda keep_prob: 0.0
    divisor: Callable[[float, float], float] = lambda keep_prob, share: keep_prob
    row: bool = False
    pairs: bool = False
    count: bool = False
    call: bool = False
    test: str = ""


def share_of(bits: np.ndarray) -> float:
    """Return the share of bits that are not 0; of none, 0."""
    return np.count_nonzero(bits) / max(1, bits.size)


@dataclass(frozen=True)
class Specimen:
    """A dropout as its source says: right, but for its ``law``.

    ``defect`` says which promise is broken: "" for none, "value", "rate", "dependence" or
    "test mode"; ``bits`` how the mask is drawn, if not by a comparison with the law's
    rate; ``hides_at_half`` that at keep_prob = 0.5 there is nothing to see.
    """

    name: str
    defect: str = ""
    law: Defect = Defect()
    bits: Mask | None = None
    hides_at_half: bool = False

    def mask(
        self, x: np.ndarray, keep_prob: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Return bits of x's shape."""
        if self.bits:
            return self.bits(x, keep_prob, rng)
        return rng.random(x.shape) < self.law.rate(keep_prob)

    def scale(self, keep_prob: float, bits: np.ndarray) -> float:
        """Return what kept units are multiplied with in training."""
        return 1 / self.law.divisor(keep_prob, share_of(bits))

    def test(
        self, x: np.ndarray, keep_prob: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Return the output with ``training=False``."""
        if self.law.test == "drops":
            found: np.ndarray = x * self.mask(x, keep_prob, rng) / keep_prob
            return found
        return x * keep_prob if self.law.test == "rescales" else x


_STYLES: Mapping[str, Mask | None] = {
    "uniform": None,
    "complement": lambda x, p, rng: rng.random(x.shape) >= 1 - p,
    "binomial": lambda x, p, rng: rng.binomial(1, p, x.shape),
    "choice": lambda x, p, rng: rng.choice([0.0, 1.0], x.shape, p=[1 - p, p]),
    "single": lambda x, p, rng: rng.random(x.shape, dtype=np.float32) < p,
    "integers": lambda x, p, rng: rng.integers(2**32, size=x.shape) < p * 2**32,
    "transposed": lambda x, p, rng: (rng.random(x.shape[::-1]) < p).T,
    "spawned": lambda x, p, rng: (
        np.random.default_rng(rng.integers(2**63)).random(x.shape) < p
    ),
}
#: Dropouts that a good test accepts.
CORRECT = tuple(Specimen(name, bits=bits) for name, bits in _STYLES.items())


def _fixed_count(x: np.ndarray, p: float, rng: np.random.Generator) -> np.ndarray:
    ranks = rng.random(x.shape).argsort(axis=-1).argsort(axis=-1)
    found: np.ndarray = ranks < round(p * x.shape[-1])
    return found


def _neighbours(x: np.ndarray, p: float, rng: np.random.Generator) -> np.ndarray:
    half = rng.random((*x.shape[:-1], -(-x.shape[-1] // 2))) < p
    return np.repeat(half, 2, axis=-1)[..., : x.shape[-1]]


def _tilt(p: float) -> float:
    """Return a departure of the rate that is a probability's, up or down."""
    return min(max(SMALLEST, 0.15 * min(p, 1 - p)), p, 1 - p)


def _by_sign(x: np.ndarray, p: float, rng: np.random.Generator) -> np.ndarray:
    return rng.random(x.shape) < p + _tilt(p) * np.where(x > 0, 1, -1)


_BY_DROP_PROB = Defect(divisor=lambda p, share: max(1 - p, 1e-9))
_BY_SHARE = Defect(divisor=lambda p, share: max(share, 1e-9))


#: Dropouts that a good test rejects, each with one mistake.
BROKEN = (
    Specimen("forgets_to_rescale", "value", Defect(divisor=lambda p, share: 1.0)),
    Specimen("divides_by_drop_probability", "value", _BY_DROP_PROB, None, True),
    Specimen(
        "swaps_keep_and_drop",
        "value",
        replace(_BY_DROP_PROB, rate=lambda p: 1 - p),
        hides_at_half=True,
    ),
    Specimen(
        "keeps_a_little_too_often",
        "rate",
        Defect(rate=lambda p: min(1.0, p + SMALLEST)),
    ),
    Specimen(
        "compares_normal_numbers",
        "rate",
        Defect(rate=lambda p: math.erfc(-p / math.sqrt(2)) / 2),
        lambda x, p, rng: rng.standard_normal(x.shape) < p,
    ),
    Specimen(
        "draws_one_mask_for_all_rows",
        "dependence",
        Defect(row=True),
        lambda x, p, rng: np.broadcast_to(rng.random(x.shape[1:]) < p, x.shape),
    ),
    Specimen(
        "drops_neighbours_in_pairs", "dependence", Defect(pairs=True), _neighbours
    ),
    Specimen(
        "draws_the_same_mask_every_call",
        "dependence",
        Defect(call=True),
        lambda x, p, _: np.random.default_rng(1).random(x.shape) < p,
    ),
    Specimen(
        "keeps_a_fixed_count_in_a_row", "dependence", Defect(count=True), _fixed_count
    ),
    Specimen("looks_at_the_sign", "rate", Defect(tilt=_tilt), _by_sign),
    Specimen("divides_by_the_kept_fraction", "value", _BY_SHARE),
    Specimen("drops_at_test", "test mode", Defect(test="drops")),
    Specimen("rescales_at_test", "test mode", Defect(test="rescales")),
)
