"""Correct and broken dropouts for students' tests to judge.

Only the judge runs them: a student's test reaches them by calls that come back here, and
sees arrays alone. All share the signature of ``inverted_dropout``, with None for a cache.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: The largest input. The caller is a student's code, and the judge has to hold it.
MOST_UNITS = 1_000_000


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

    def __call__(
        self, x: Any, keep_prob: float, rng: np.random.Generator, training: bool = True
    ) -> tuple[np.ndarray, None]:
        """Return ``(out, None)``. Raises ``ValueError`` for what is no float array with
        an axis, more than ``MOST_UNITS``, a keep_prob outside (0, 1] and an rng that is
        no Generator."""
        if np.size(x) > MOST_UNITS:
            raise ValueError(
                f"x has {np.size(x):,} units; at most {MOST_UNITS:,} a call"
            )
        x = np.array(x, dtype=float)
        if x.ndim == 0:
            raise ValueError("x is an array with at least one axis, not a number")
        if not 0 < float(keep_prob) <= 1:
            raise ValueError(f"keep_prob is in (0, 1], not {keep_prob!r}")
        if not isinstance(rng, np.random.Generator):
            raise ValueError("rng is a numpy.random.Generator")
        if not training:
            return self.test(x, keep_prob, rng), None
        bits = self.mask(x, keep_prob, rng)
        return x * bits * self.scale(keep_prob, bits), None


@dataclass(frozen=True)
class Witness:
    """A specimen that remembers how it was called: inputs, keep_prob, state, mode."""

    specimen: Specimen
    calls: list[tuple[bytes, float, str, bool]] = field(default_factory=list)

    def __call__(
        self, x: Any, keep_prob: float, rng: np.random.Generator, training: bool = True
    ) -> tuple[np.ndarray, None]:
        """Return what the specimen returns. Raises as it does."""
        before = str(rng.bit_generator.state) if hasattr(rng, "bit_generator") else ""
        result = self.specimen(x, keep_prob, rng, training)
        digest = hashlib.sha256(np.array(x, float).tobytes()).digest()
        self.calls.append((digest, float(keep_prob), before, bool(training)))
        return result

    @property
    def keep_probs(self) -> set[float]:
        """The keep probabilities of the calls in training."""
        return {keep_prob for _, keep_prob, _, training in self.calls if training}

    @property
    def states(self) -> list[str]:
        """The state of the generator at each call in training."""
        return [state for _, _, state, training in self.calls if training]

    @property
    def modes(self) -> set[bool]:
        """The values that ``training`` had."""
        return {training for *_, training in self.calls}


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
