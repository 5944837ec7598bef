"""Batches such as networks are trained with: rows are many, inputs follow usual laws,
weights are drawn as initialisations draw them, and logits are of any size allowed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from autograder.families.corners import of_all_digits
from autograder.families.network import Batch

#: How many batches there are: four of each of the laws of x.
CALLS = 28
_Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


def _one_hot(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return rows each of whose few halves have a single 1."""
    x, half = np.zeros(shape), shape[1] // 2
    rows = np.arange(shape[0])
    x[rows, rng.integers(half, size=shape[0])] = 1
    x[rows, half + rng.integers(shape[1] - half, size=shape[0])] = 1
    return x


INPUTS: Mapping[str, _Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "between 0 and 1": lambda rng, shape: rng.random(shape),
    "one-hot": _one_hot,
    "far from 0": lambda rng, shape: rng.normal(5, 1, shape),
    "whole numbers up to 255": lambda rng, shape: np.floor(
        256 * rng.random(shape) * (rng.random(shape) < 0.7)
    ),
    "small": lambda rng, shape: rng.normal(size=shape) * 10 ** rng.uniform(-2, -0.5),
    "large": lambda rng, shape: rng.normal(size=shape) * 10 ** rng.uniform(1, 2.8),
}

#: From where to where the numbers of a batch lie, of whose logarithms each ``CALLS``-th part
#: has one batch: its sizes; how large z is, and b1 beside it; and the largest logit.
_SPREAD: Mapping[str, tuple[float, float]] = {
    "N": (16, 256),
    "H": (12, 128),
    "D": (4, 64),
    "C": (2, 21),
    "z": (1e-2, 1e3),
    "b1": (0.03, 3),
    "logits": (0.5, 400),
}
_LOW, _HIGH = 0.03, 0.97
#: What no logit exceeds, whatever the mask; and how many active units are at least dropped,
#: and kept, on average. Two masks are then alike with probability 1e-20 at most.
_MOST, _LEAST = 900.0, 35
#: How many units of a row are at least dropped on average: a mask of one row for all shows.
_DROPPED = 6
#: How many hidden units a batch of many rows has in all of them at most.
_UNITS = 6000
#: What is said of a batch besides the law of x: by each of these batches are put in order.
NUMBERS = ("N", "H", "D", "C", "keep_prob", "logits", "x", "W1", "b1", "W2")


@dataclass(frozen=True)
class Ordinary:
    """A batch, the law of its x, and its ``NUMBERS``: the largest of each array's entries,
    and of the logits."""

    batch: Batch
    law: str
    numbers: Mapping[str, float]


def ordinary(rng: np.random.Generator, calls: int = CALLS) -> Iterator[Ordinary]:
    """Yield so many batches, as many of each law of x; their numbers lie evenly."""
    drawn = {
        name: low * (high / low) ** _evenly(rng, calls)
        for name, (low, high) in _SPREAD.items()
    }
    keep_probs = of_all_digits(rng, _LOW + (_HIGH - _LOW) * _evenly(rng, calls))
    laws = [name for name in INPUTS for _ in range(calls // len(INPUTS))]
    for call, law in enumerate(rng.permutation(laws).tolist()):
        own = {name: float(values[call]) for name, values in drawn.items()}
        yield _made(rng, own, law, keep_probs[call])


def undropped(rng: np.random.Generator) -> Iterator[Batch]:
    """Yield a batch with each law of x at keep_prob = 1, whose logits are of any size."""
    for form in ordinary(rng, len(INPUTS)):
        yield replace(form.batch, keep_prob=1.0)


def _evenly(rng: np.random.Generator, calls: int) -> np.ndarray:
    """Return so many numbers in [0, 1), each in another of as many equal parts."""
    places: np.ndarray = (rng.permutation(calls) + rng.random(calls)) / calls
    return places


def _made(
    rng: np.random.Generator, own: Mapping[str, float], law: str, keep_prob: float
) -> Ordinary:
    n, h, d, c = (int(own[name]) for name in ("N", "H", "D", "C"))
    h = min(h, _UNITS // n)
    keep_prob = min(keep_prob, 1 - _DROPPED / h)
    x = INPUTS[law](rng, (n, d))
    weights, y = rng.normal(size=(d, h)), rng.integers(c, size=n)
    weights *= own["z"] / max(float((x @ weights).std()), 1e-9)
    params = {
        "W1": weights,
        "b1": rng.normal(0, own["z"] * own["b1"], h),
        "W2": rng.normal(size=(h, c)),
        "b2": rng.normal(0, 0.5, c),
    }
    active = np.maximum(x @ weights + params["b1"], 0)
    least = min(0.5, _LEAST / max(1, int(np.count_nonzero(active))))
    keep_prob = min(max(keep_prob, least), 1 - least)
    hidden = active / keep_prob
    some = np.where(rng.random(hidden.shape) < keep_prob, hidden, 0)
    logits = float(np.abs(some @ params["W2"]).max())
    bound = float((hidden @ np.abs(params["W2"])).max())
    factor = min(own["logits"] / logits, _MOST / bound)
    params["W2"] *= factor
    numbers = {"N": n, "H": h, "D": d, "C": c, "keep_prob": keep_prob}
    arrays = {"x": x, **params}
    largest = {name: float(np.abs(arrays[name]).max()) for name in NUMBERS[6:]}
    if rng.random() < 0.5:
        arrays = {name: value.astype(np.float32) for name, value in arrays.items()}
    batch = Batch({name: arrays[name] for name in params}, arrays["x"], y, keep_prob)
    return Ordinary(batch, law, numbers | {"logits": factor * logits} | largest)
