"""Correct and broken dropouts for students' tests to judge.

Only the judge runs them: a student's test reaches them by calls that come back here, and
sees arrays alone. All share the signature of ``inverted_dropout``, with None for a cache.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Specimen:
    """A dropout put together from parts; the parts' defaults are right.

    ``mask(x, keep_prob, rng)`` returns bits of x's shape; ``scale(keep_prob, bits)`` what
    kept units are multiplied with in training; ``test(x, keep_prob, rng)`` the output with
    ``training=False``.
    """

    name: str
    mask: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    scale: Callable[[float, np.ndarray], Any] = lambda keep_prob, bits: 1 / keep_prob
    test: Callable[[np.ndarray, float, np.random.Generator], np.ndarray] = (
        lambda x, keep_prob, rng: x
    )

    def __call__(
        self, x: Any, keep_prob: float, rng: np.random.Generator, training: bool = True
    ) -> tuple[np.ndarray, None]:
        """Return ``(out, None)``. Raises ``ValueError`` for what is no float array, a
        keep_prob outside (0, 1] and an rng that is no Generator."""
        x = np.array(x, dtype=float)
        if not 0 < float(keep_prob) <= 1:
            raise ValueError(f"keep_prob is in (0, 1], not {keep_prob!r}")
        if not isinstance(rng, np.random.Generator):
            raise ValueError("rng is a numpy.random.Generator")
        if not training:
            return self.test(x, keep_prob, rng), None
        bits = self.mask(x, keep_prob, rng)
        return x * bits * self.scale(keep_prob, bits), None


def _uniform(x: np.ndarray, keep_prob: float, rng: np.random.Generator) -> np.ndarray:
    return rng.random(x.shape) < keep_prob


def _first_row(x: np.ndarray, keep_prob: float, rng: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(rng.random(x.shape[1:]) < keep_prob, x.shape)


def _fixed_count(
    x: np.ndarray, keep_prob: float, rng: np.random.Generator
) -> np.ndarray:
    ranks = rng.random(x.shape).argsort(axis=-1).argsort(axis=-1)
    return ranks < round(keep_prob * x.shape[-1])


def _neighbours(
    x: np.ndarray, keep_prob: float, rng: np.random.Generator
) -> np.ndarray:
    half = rng.random((*x.shape[:-1], -(-x.shape[-1] // 2))) < keep_prob
    return np.repeat(half, 2, axis=-1)[..., : x.shape[-1]]


def _by_sign(x: np.ndarray, keep_prob: float, rng: np.random.Generator) -> np.ndarray:
    shift = 0.15 * min(keep_prob, 1 - keep_prob) * np.sign(x)
    return rng.random(x.shape) < keep_prob + shift


def _same_every_call(
    x: np.ndarray, keep_prob: float, _: np.random.Generator
) -> np.ndarray:
    return np.random.default_rng(1).random(x.shape) < keep_prob


#: Dropouts that a good test accepts.
CORRECT = (
    Specimen("uniform", _uniform),
    Specimen("complement", lambda x, p, rng: rng.random(x.shape) >= 1 - p),
    Specimen("binomial", lambda x, p, rng: rng.binomial(1, p, x.shape)),
    Specimen("choice", lambda x, p, rng: rng.choice([0.0, 1.0], x.shape, p=[1 - p, p])),
    Specimen("single", lambda x, p, rng: rng.random(x.shape, dtype=np.float32) < p),
    Specimen("transposed", lambda x, p, rng: (rng.random(x.shape[::-1]) < p).T),
    Specimen(
        "spawned",
        lambda x, p, rng: (
            np.random.default_rng(rng.integers(2**63)).random(x.shape) < p
        ),
    ),
)

#: Dropouts that a good test rejects, each with one mistake.
BROKEN = (
    Specimen("forgets_to_rescale", _uniform, lambda p, bits: 1.0),
    Specimen(
        "divides_by_drop_probability", _uniform, lambda p, bits: 1 / max(1 - p, 1e-9)
    ),
    Specimen(
        "swaps_keep_and_drop",
        lambda x, p, rng: rng.random(x.shape) < 1 - p,
        lambda p, bits: 1 / max(1 - p, 1e-9),
    ),
    Specimen(
        "keeps_a_little_too_often", lambda x, p, rng: rng.random(x.shape) < p + 0.03
    ),
    Specimen("normal_numbers", lambda x, p, rng: rng.standard_normal(x.shape) < p),
    Specimen("one_mask_for_all_rows", _first_row),
    Specimen("pairs_of_neighbours", _neighbours),
    Specimen("same_mask_every_call", _same_every_call),
    Specimen("fixed_count_in_a_row", _fixed_count),
    Specimen("looks_at_the_sign", _by_sign),
    Specimen("kept_fraction", _uniform, lambda p, bits: 1 / max(bits.mean(), 1e-9)),
    Specimen(
        "drops_at_test",
        _uniform,
        test=lambda x, p, rng: x * (rng.random(x.shape) < p) / p,
    ),
    Specimen("rescales_at_test", _uniform, test=lambda x, p, rng: x * p),
)
