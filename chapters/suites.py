"""How eight public projects test dropout, re-stated in NumPy, and what they are run on.

The assertions follow the projects' tests (versions of RESEARCH, autumn 2026); the code
is ours. Each suite draws from a generator where the project fixes a seed, so that it can
be run many times. Its functions take an implementation and say whether all holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.families.specimens import BROKEN, CORRECT, Specimen

Forward = Callable[..., tuple[np.ndarray, Any]]
Backward = Callable[[np.ndarray, Any], np.ndarray]

#: The usual dropout; written out it would be an exercise's answer.
PLAIN = CORRECT[0]


@dataclass(frozen=True)
class Implementation:
    """A dropout with its gradient: ``forward(x, keep_prob, rng, training=True)`` returns
    ``(out, cache)``, ``backward(dout, cache)`` the gradient with respect to x.

    ``pass_`` says where it errs: "" nowhere, "forward" or "backward"."""

    name: str
    forward: Forward
    backward: Backward
    pass_: str


def implementation(specimen: Specimen) -> Implementation:
    """Return the specimen with the gradient that belongs to what it computes."""

    def forward(
        x: np.ndarray, keep_prob: float, rng: np.random.Generator, training: bool = True
    ) -> tuple[np.ndarray, Any]:
        x = np.asarray(x, float)
        if not training:
            return specimen.test(x, keep_prob, rng), 1.0
        bits = specimen.mask(x, keep_prob, rng)
        multiplier = bits * specimen.scale(keep_prob, bits)
        return x * multiplier, multiplier

    pass_ = "forward" if specimen.defect else ""
    return Implementation(specimen.name, forward, _times_multiplier, pass_)


def _times_multiplier(dout: np.ndarray, cache: Any) -> np.ndarray:
    return dout * cache


def _right(
    x: np.ndarray, keep_prob: float, rng: np.random.Generator, training: bool = True
) -> tuple[np.ndarray, Any]:
    """A correct forward pass whose cache holds all that a wrong backward may want."""
    bits = PLAIN.mask(x, keep_prob, rng) if training else np.ones(x.shape, bool)
    scale = PLAIN.scale(keep_prob, bits) if training else 1.0
    out = x * bits * scale
    return out, (bits, scale, out, np.random.default_rng(rng.integers(2**62)))


def _in_place(
    x: np.ndarray, keep_prob: float, rng: np.random.Generator, training: bool = True
) -> tuple[np.ndarray, Any]:
    _, multiplier = implementation(PLAIN).forward(x, keep_prob, rng, training)
    x *= multiplier
    return x, multiplier


def _fresh_mask(dout: np.ndarray, cache: Any) -> np.ndarray:
    _, scale, _, rng = cache
    return dout * (rng.random(dout.shape) < 1 / scale) * scale


#: Mistakes outside the forward pass's output.
BROKEN_BACKWARD = (
    Implementation("changes_its_input", _in_place, _times_multiplier, "forward"),
    Implementation("gradient_without_mask", _right, lambda d, c: d * c[1], "backward"),
    Implementation("gradient_without_scale", _right, lambda d, c: d * c[0], "backward"),
    Implementation("gradient_is_dout", _right, lambda d, c: d, "backward"),
    Implementation(
        "mask_from_the_output", _right, lambda d, c: d * (c[2] != 0) * c[1], "backward"
    ),
    Implementation("fresh_mask_in_backward", _right, _fresh_mask, "backward"),
    Implementation("gradient_times_output", _right, lambda d, c: d * c[2], "backward"),
)


def implementations() -> list[Implementation]:
    """Return all that the suites are run on, the correct ones first."""
    forward = [implementation(specimen) for specimen in (*CORRECT, *BROKEN)]
    return [*forward, *BROKEN_BACKWARD]


Suite = Callable[[Implementation, np.random.Generator], bool]


def pytorch(dropout: Implementation, rng: np.random.Generator) -> bool:
    """The mean of 1,000 outputs and of their gradients is 0.8 within 0.05, twice; without
    training nothing changes."""
    x = np.full(1000, 0.8)
    for _ in range(2):
        out, cache = dropout.forward(x.copy(), 0.8, rng)
        gradient = dropout.backward(x, cache)
        if abs(out.mean() - 0.8) >= 0.05 or abs(gradient.mean() - 0.8) >= 0.05:
            return False
    return np.allclose(dropout.forward(x.copy(), 0.8, rng, False)[0], x)


def keras(dropout: Implementation, rng: np.random.Generator) -> bool:
    """At 0.5 the mean of 10,000 outputs is 1 within 0.02 and the largest is 2."""
    out, _ = dropout.forward(np.ones((20, 500)), 0.5, rng)
    return bool(abs(out.mean() - 1) <= 0.02 and np.isclose(out.max(), 2))


def tensorflow(dropout: Implementation, rng: np.random.Generator) -> bool:
    """At three rates values are 0 or 1 / keep_prob, and the count of 12,000 is within
    15 % of its mean."""
    for keep_prob in (0.1, 0.5, 0.8):
        kept = 0
        for _ in range(10):
            out, _ = dropout.forward(np.ones((40, 30)), keep_prob, rng)
            kept += np.count_nonzero(out)
            if not np.all((out == 0) | np.isclose(out, 1 / keep_prob)):
                return False
        if abs(kept / (12_000 * keep_prob) - 1) >= 0.15:
            return False
    return True


def flax(dropout: Implementation, rng: np.random.Generator) -> bool:
    """At nine rates the share kept of 100,000 units is within 4 standard deviations; two
    calls differ; without training nothing changes."""
    x = np.ones((20, 20))
    first, second = (dropout.forward(x.copy(), 0.5, rng)[0] for _ in range(2))
    if np.all(first == second) or not np.all(
        dropout.forward(x, 0.5, rng, False)[0] == x
    ):
        return False
    for keep_prob in np.arange(1, 10) / 10:
        calls = (
            dropout.forward(np.ones((100, 100)), keep_prob, rng) for _ in range(10)
        )
        kept = sum(np.count_nonzero(out > 0) for out, _ in calls) / 1e5
        if abs(kept - keep_prob) >= 4 * np.sqrt(keep_prob * (1 - keep_prob) / 1e5):
            return False
    return True


def tinygrad(dropout: Implementation, rng: np.random.Generator) -> bool:
    """At 0.9 the count kept of a million units is within 0.2 % of its mean."""
    out, _ = dropout.forward(np.ones(1_000_000), 0.9, rng)
    return bool(abs(np.count_nonzero(out) - 900_000) <= 0.002 * 900_000)


def minitorch(dropout: Implementation, rng: np.random.Generator) -> bool:
    """At the ends: all is kept at keep_prob 1, nothing near 0; without training nothing
    changes."""
    x = rng.normal(size=(1, 1, 4, 4))
    return bool(
        np.allclose(dropout.forward(x.copy(), 1.0, rng)[0], x)
        and np.all(dropout.forward(x.copy(), 1e-12, rng)[0] == 0)
        and np.allclose(dropout.forward(x.copy(), 1e-12, rng, False)[0], x)
    )


def cs231n(dropout: Implementation, rng: np.random.Generator) -> bool:
    """The gradient equals the numerical one of a forward pass with the same seed. (The
    course prints the error and leaves the judgement to the reader.)"""
    x, dout = rng.normal(size=(10, 10)) + 10, rng.normal(size=(10, 10))
    seed, step = int(rng.integers(2**62)), 1e-5

    def forward(values: np.ndarray) -> tuple[np.ndarray, Any]:
        return dropout.forward(values, 0.2, np.random.default_rng(seed))

    gradient = dropout.backward(dout, forward(x)[1])
    numerical = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        # The course's helper works on x itself, so an implementation may spoil it.
        before = x[i]
        outputs = []
        for shifted in (before + step, before - step):
            x[i] = shifted
            outputs.append(forward(x)[0].copy())
        x[i] = before
        numerical[i] = np.sum((outputs[0] - outputs[1]) * dout) / (2 * step)
    size = np.maximum(1e-8, np.abs(gradient) + np.abs(numerical))
    return bool(np.max(np.abs(gradient - numerical) / size) < 1e-5)


def deeplearning_ai(dropout: Implementation, rng: np.random.Generator) -> bool:
    """Output and gradient equal those of one implementation at the same seed."""
    seed = int(rng.integers(2**62))
    x, dout = rng.uniform(0.5, 2, (3, 5)), rng.normal(size=(3, 5))
    for keep_prob in (0.7, 0.8):
        mask = np.random.default_rng(seed).random(x.shape) < keep_prob
        given = np.random.default_rng(seed)
        out, cache = dropout.forward(x.copy(), keep_prob, given)
        if not np.allclose(out, x * mask / keep_prob):
            return False
        if not np.allclose(dropout.backward(dout, cache), dout * mask / keep_prob):
            return False
    return True


#: The suites by the name of the project, in the order of the book's figure.
SUITES: dict[str, Suite] = {
    "PyTorch": pytorch,
    "Keras": keras,
    "TensorFlow": tensorflow,
    "Flax": flax,
    "tinygrad": tinygrad,
    "MiniTorch": minitorch,
    "CS231n": cs231n,
    "deeplearning.ai": deeplearning_ai,
}


def rejections(
    suite: Suite, subjects: Sequence[Implementation], repeats: int, seed: int
) -> list[float]:
    """Return for each implementation the share of ``repeats`` runs that rejected it. A
    run that raises is a rejection."""
    rng = np.random.default_rng(seed)
    shares = []
    for subject in subjects:
        wrong = 0
        for _ in range(repeats):
            try:
                wrong += not suite(subject, rng)
            except ValueError:
                wrong += 1
        shares.append(wrong / repeats)
    return shares
