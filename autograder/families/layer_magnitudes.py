"""Layers before a softmax, or a sigmoid, whose x, weights and bias are of every magnitude
and of the kinds that people have; their logits are moderate, or cancel."""

import itertools
import math
from collections.abc import Iterator

import numpy as np

from autograder.contract.trial import Trial
from autograder.families import magnitudes
from autograder.families.ensemble import Case

#: Rows, units and classes, of each more than six now and then.
_SIZES = ((3, 4, 3), (2, 6, 8), (5, 3, 4), (1, 7, 10), (4, 2, 7), (6, 5, 2), (2, 1, 25))
_LARGE = ((2, 6, 8), (4, 2, 7), (1, 7, 10))
#: Where logits of a keep probability below would be beyond 1000 if they are divided by it.
_LEAST = 0.15
_LARGEST_BIAS = 850
#: How large logits and their differences are at most where nothing but the formula matters:
#: exponentials do not overflow, and float32 has digits enough.
_LARGEST, _APART = 20, 8
_USUAL = 0.3


def _pairs(rng: np.random.Generator) -> list[tuple[float, float]]:
    """Return sizes of x and of weights whose product is about ``_USUAL``; 0 stands for
    the size that comes with the kind, ``_USUAL`` for one that follows from it."""
    low, high = magnitudes.MIDDLE
    middle = _USUAL * low, high
    xs = magnitudes.magnitudes(rng, 1e-6, 1e6, middle)
    others = magnitudes.magnitudes(rng, _USUAL * 1e-6, _USUAL * 1e6, middle)
    found: list[tuple[float, float]] = [
        (x, other if middle[0] < x < high else _USUAL / x)
        for x, other in zip(xs, others[::-1], strict=True)
    ]
    return found + [(0, _USUAL), (_USUAL, 0)] * len(magnitudes.KINDS)


def _layers(
    rng: np.random.Generator, classes: bool
) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """Yield x (N, D) and weights (D, C), or (D,) if not ``classes``; and whether either is
    of the size that comes with its kind: then all have more than a few entries."""
    make, sized = magnitudes.KINDS, magnitudes.sized
    kinds, others = (itertools.cycle(rng.permutation([*make]).tolist()) for _ in "xw")
    sizes, large = itertools.cycle(_SIZES), itertools.cycle(_LARGE)
    for one, other in _pairs(rng):
        n, d, c = next(sizes if one and other else large)
        d = d if classes else 3 * d + 1
        # The other's kind is its own matter: no kind's turn is lost on it.
        x = make[next(kinds) if other else "normal"](rng, (n, d))
        shape = (d, c) if classes else (d,)
        weights = make[next(others) if one else "normal"](rng, shape)
        if one and other:
            x, weights = sized(x, one), sized(weights, other)
        elif one:
            x = sized(x, one / np.abs(weights).max())
        else:
            weights = sized(weights, other / np.abs(x).max())
        yield x, weights, not (one and other)


def softmaxes(trial: Trial, least: float = _LEAST) -> list[Case]:
    """Return layers before a softmax, the same for all checks of one grading; keep
    probabilities are ``least`` at least."""
    if "layers" not in trial.notes:
        trial.notes["layers"] = [*_softmaxes(trial, least)]
    cases: list[Case] = trial.notes["layers"]
    return cases


def _softmaxes(trial: Trial, least: float) -> Iterator[Case]:
    rng, kinds = trial.rng, magnitudes.KINDS
    sizes = magnitudes.magnitudes(rng, 1e-3, _LARGEST_BIAS)
    biases = itertools.cycle(rng.permutation(sizes).tolist())
    turns = itertools.cycle(rng.permutation([*kinds]).tolist())
    shares = itertools.cycle(magnitudes.shares(trial))
    for i, (x, weights, usual) in enumerate(_layers(rng, classes=True)):
        p, c = next(shares), weights.shape[1]
        bias = kinds[next(turns)](rng, (c,))
        if not usual:
            size = next(biases)
            bias = magnitudes.sized(bias, size)
            if size > 3 and i % 2:  # far from 0, and near each other
                bias = rng.choice([-1, 1]) * size + rng.uniform(-2, 2, c)
        yield Case(x, weights, bias, p if p > least else least + 0.8 * p)


def is_loud(logits: np.ndarray) -> bool:
    """Return whether logits (..., C) are so large, or so far apart, that an exponential may
    overflow, a probability round to 0, or float32 lose digits."""
    apart = np.ptp(logits, axis=-1).max()
    return bool(np.abs(logits).max() > _LARGEST or apart > _APART)


def sigmoids(trial: Trial) -> list[Case]:
    """Return layers before a sigmoid, and such whose biases are of every magnitude, which
    the other terms of the mean logit cancel where they are large."""
    rng, shares = trial.rng, itertools.cycle(magnitudes.shares(trial))
    cases = [
        Case(x, weights, float(rng.normal()), p)
        for (x, weights, _), p in zip(_layers(rng, classes=False), shares, strict=False)
    ]
    for size in magnitudes.magnitudes(rng, 1e-3, 1900, (1e-3, 1900)):
        p, bias = next(shares), size * rng.choice([-1, 1])
        x, weights = rng.standard_normal((3, 9)), rng.uniform(-1, 1, 9)
        if size > 2:
            x[:, :4] = rng.uniform(0.998, 1, 4)
            noise = 1 + math.pi / 8 * (1 - p) / p * size**2 / 4
            mean = rng.uniform(-1, 1) * min(math.sqrt(noise), 300)
            weights[:4] = (mean - bias) / 4
        cases.append(Case(x, weights, float(bias), p))
    return cases
