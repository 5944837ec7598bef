"""Correct and broken dropouts for students' tests to judge.

They are no secret: whoever has the package can work out what they answer. What a
student's test meets are these and others under a key (``autograder.families.keyed``).
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
    ``training=False``. ``defect`` says which promise is broken: "" for none, "value",
    "rate", "dependence" or "test mode"; ``hides_at_half`` that at keep_prob = 0.5 there
    is nothing to see.
    """

    name: str
    mask: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    scale: Callable[[float, np.ndarray], Any] = lambda keep_prob, bits: 1 / keep_prob
    test: Callable[[np.ndarray, float, np.random.Generator], np.ndarray] = (
        lambda x, keep_prob, rng: x
    )
    defect: str = ""
    hides_at_half: bool = False


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


def _over_drop(keep_prob: float, bits: np.ndarray) -> float:
    return 1 / max(1 - keep_prob, 1e-9)


#: Dropouts that a good test accepts.
CORRECT = (
    Specimen("uniform", _uniform),
    Specimen("complement", lambda x, p, rng: rng.random(x.shape) >= 1 - p),
    Specimen("binomial", lambda x, p, rng: rng.binomial(1, p, x.shape)),
    Specimen("choice", lambda x, p, rng: rng.choice([0.0, 1.0], x.shape, p=[1 - p, p])),
    Specimen("single", lambda x, p, rng: rng.random(x.shape, dtype=np.float32) < p),
    Specimen(
        "integers", lambda x, p, rng: rng.integers(2**32, size=x.shape) < p * 2**32
    ),
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
    Specimen("forgets_to_rescale", _uniform, lambda p, bits: 1.0, defect="value"),
    Specimen(
        "divides_by_drop_probability",
        _uniform,
        _over_drop,
        defect="value",
        hides_at_half=True,
    ),
    Specimen(
        "swaps_keep_and_drop",
        lambda x, p, rng: rng.random(x.shape) < 1 - p,
        _over_drop,
        defect="value",
        hides_at_half=True,
    ),
    Specimen(
        "keeps_a_little_too_often",
        lambda x, p, rng: rng.random(x.shape) < p + 0.03,
        defect="rate",
    ),
    Specimen(
        "compares_normal_numbers",
        lambda x, p, rng: rng.standard_normal(x.shape) < p,
        defect="rate",
    ),
    Specimen("draws_one_mask_for_all_rows", _first_row, defect="dependence"),
    Specimen("drops_neighbours_in_pairs", _neighbours, defect="dependence"),
    Specimen("draws_the_same_mask_every_call", _same_every_call, defect="dependence"),
    Specimen("keeps_a_fixed_count_in_a_row", _fixed_count, defect="dependence"),
    Specimen("looks_at_the_sign", _by_sign, defect="rate"),
    Specimen(
        "divides_by_the_kept_fraction",
        _uniform,
        lambda p, bits: 1 / max(bits.mean(), 1e-9),
        defect="value",
    ),
    Specimen(
        "drops_at_test",
        _uniform,
        test=lambda x, p, rng: x * (rng.random(x.shape) < p) / p,
        defect="test mode",
    ),
    Specimen(
        "rescales_at_test",
        _uniform,
        test=lambda x, p, rng: x * p,
        defect="test mode",
    ),
)
