"""A softmax behind a dropped layer: its members, and masks read off its predictions.

The student draws the masks, so the judge cannot know them. But behind weights whose rows
are orthogonal, the logarithms of one member's probabilities give back each unit's input,
0 or x / keep_prob, and an average of k members says how many of the k kept a unit.
"""

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.trial import Trial
from autograder.families import corners, elementwise, magnitudes, repeats


def softmax(z: np.ndarray) -> np.ndarray:
    """Return probabilities along the last axis."""
    e: np.ndarray = np.exp(z - z.max(axis=-1, keepdims=True))
    found: np.ndarray = e / e.sum(axis=-1, keepdims=True)
    return found


def log_softmax(z: np.ndarray) -> np.ndarray:
    """Return log-probabilities along the last axis, of any size."""
    z = z - z.max(axis=-1, keepdims=True)
    found: np.ndarray = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    return found


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-z)) without overflow."""
    found: np.ndarray = np.exp(-np.logaddexp(0, -z))
    return found


@functools.lru_cache(maxsize=32)
def every_mask(*shape: int) -> np.ndarray:
    """Return all masks of a shape of n units as floats, (2**n, *shape), the empty one
    first, the full one last. They are made once, and nobody writes to them."""
    units = math.prod(shape)
    bits = np.arange(2**units)[:, None] >> np.arange(units) & 1
    masks = bits.astype(float).reshape(-1, *shape)
    masks.setflags(write=False)
    return masks


@dataclass(frozen=True)
class Case:
    """What an exercise's function is given: x (N, D), weights (D, C), bias (C,).

    A sigmoid unit has weights (D,), and a number for its bias."""

    x: np.ndarray
    weights: np.ndarray
    bias: Any
    keep_prob: float

    @property
    def given(self) -> tuple[np.ndarray, np.ndarray, Any, float]:
        return self.x, self.weights, self.bias, self.keep_prob

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a prediction."""
        return len(self.x), *np.shape(self.bias)

    @property
    def is_close_to_an_end(self) -> bool:
        """Whether keep_prob is so close to 0 or to 1 that wrong formulas are alike."""
        return 0 < min(self.keep_prob, 1 - self.keep_prob) < 1e-4

    def call(self, name: str, *more: Any) -> str:
        """Return a call of the function as messages show it."""
        shown = ["rng" if isinstance(a, np.random.Generator) else a for a in more]
        rest = "".join(f", {item}" for item in (self.keep_prob, *shown))
        x, weights = (
            f"of shape {a.shape}{facts.dtype_shown(a)}" for a in (self.x, self.weights)
        )
        if np.ndim(self.bias) == 0:
            return f"{name}(x {x}, weights, {self.bias:.4g}{rest})"
        return f"{name}(x {x}, weights {weights}, bias{rest})"

    def logits(self, factor: Any = 1.0, bias: np.ndarray | None = None) -> np.ndarray:
        """Return the logits for inputs ``factor * x``, a number or one for each unit."""
        found: np.ndarray = factor * self.x @ self.weights + (
            self.bias if bias is None else bias
        )
        return found

    def members(self) -> np.ndarray:
        """Return the logits of every member, (2**D, N, C), in order of ``every_mask``."""
        return self.logits(every_mask(self.x.shape[1])[:, None] / self.keep_prob)

    def chances(self) -> np.ndarray:
        """Return every mask's probability, (2**D,)."""
        kept = every_mask(self.x.shape[1]).sum(axis=1)
        p = self.keep_prob
        chances: np.ndarray = p**kept * (1 - p) ** (self.x.shape[1] - kept)
        return chances

    @property
    def scaled(self) -> np.ndarray:
        """The prediction without any mask."""
        return softmax(self.logits())


def ordinary(
    trial: Trial, n: int, d: int, c: int, keep_prob: float, zeros: float = 0.0
) -> Case:
    """Return a case whose members' probabilities are far above rounding errors."""
    largest = 1.5 * keep_prob / np.sqrt(d)
    weights = trial.rng.uniform(-largest, largest, (d, c))
    bias = trial.rng.uniform(-1, 1, c)
    return Case(trial.inputs(n, d, zeros=zeros), weights, bias, keep_prob)


def at_corners(trial: Trial, factor: Callable[[float], float]) -> list[Case]:
    """Return cases at the corners of the range of x and keep_prob; their logits are
    moderate once inputs are multiplied by ``factor(keep_prob)``. Weights and biases are
    in turn of either sign, positive, negative and 0 in part."""
    inputs = corners.arrays(trial, 2, 2)
    inputs += [np.zeros((2, 3)), trial.inputs(2, 5)]
    inputs += [trial.inputs(2, 4).astype(np.float32)]
    cases = []
    # Milder ones first: where the wrong formulas behind mistakes are told apart.
    given = corners.with_keep_probs(inputs, (0.97, 0.1, 0.995, 0.02, 0.003))
    for i, (x, keep_prob) in enumerate(given):
        rng, (_, d), c = trial.rng, x.shape, 2 + i % 3
        size = 3 / factor(keep_prob) / np.sqrt(d) / (np.abs(x).max() or 1)
        weights, bias = size * rng.uniform(-1, 1, (d, c)), rng.uniform(-1, 1, c)
        if i % 4 == 1:
            weights, bias = np.abs(weights), -np.abs(bias)
        if i % 4 == 2:
            weights, bias = -np.abs(weights), np.abs(bias)
            bias[0] = 9e-5
        if i % 4 == 3:
            weights[:, 0], bias[::2] = 0, 0
            weights = corners.transposed(weights)
        cases.append(Case(x, weights, bias, keep_prob))
    # What agrees with the first in its first row alone, for answers that are remembered.
    x = cases[0].x * np.where(np.arange(len(cases[0].x)) == 0, 1, -1)[:, None]
    return [*cases, replace(cases[0], x=x)]


def drawn(trial: Trial, factor: Callable[[float], float], units: int) -> list[Case]:
    """Return cases of drawn sizes, with many rows and classes and up to ``units`` units,
    of moderate logits as in ``at_corners``: x and weights each in float64 and float32."""
    cases, rng = [], trial.rng
    dtypes = itertools.product((np.float64, np.float32), repeat=2)
    for p, (one, other) in zip(corners.drawn_keep_probs(trial, 4), dtypes, strict=True):
        n, d, c = rng.integers((61, units // 2, 11), (200, units + 1, 30))
        size = 1 / factor(p) / np.sqrt(d)
        weights, bias = size * rng.uniform(-1, 1, (d, c)), rng.uniform(-3, 3, c)
        x = trial.inputs(n, d, zeros=0.1).astype(one)
        cases.append(Case(x, weights.astype(other), bias.astype(other), p))
    return cases


def cancelling(case: Case, factor: float) -> Case:
    """Return the case with a bias beyond 1000 and weights that bring the logits back, once
    inputs are multiplied by ``factor``."""
    x, weights, bias = case.x.copy(), case.weights.copy(), np.array(case.bias)
    x[:, 0] = 1.0
    weights[0] -= 2000 / factor
    return replace(case, x=x, weights=weights, bias=bias + 2000)


#: Rows, units and classes of ``all_over``: many of each, and few.
_SIZES = ((1050, 3, 2), (3, 2, 150), (2, 1, 3100), (1, 1, 2), (2, 2, 3), (1, 5, 2))


def all_over(trial: Trial, factor: Callable[[float], float], units: int) -> list[Case]:
    """Return cases with spread keep probabilities, each of a form of its own, of moderate
    logits as in ``at_corners``; one of them has ``units`` units."""
    rng, few = trial.rng, min(units, 40)
    sizes = [*_SIZES, (1, units, 3)]
    sizes += rng.integers((1, 1, 2), (40, few + 1, 12), (13, 3)).tolist()
    keep_probs = [0.5, *corners.spread_keep_probs(trial, len(sizes) - 1)]
    dtypes = itertools.cycle(itertools.product((np.float64, np.float32), repeat=2))
    given, cases = zip(sizes, keep_probs, dtypes, strict=False), []
    for i, ((n, d, c), p, (one, other)) in enumerate(given):
        # Sums of so many terms have too few digits in single precision.
        one, other = (np.float64, np.float64) if d > 1000 else (one, other)
        size = 1 / factor(p) / np.sqrt(d)
        weights, bias = size * rng.uniform(-1, 1, (d, c)), rng.uniform(-3, 3, c)
        if i % 5 == 1:
            weights = corners.transposed(weights)
        if i % 5 == 2:
            weights, bias = np.full((d, c), weights[0, 0]), bias / 1e4
        if i % 5 == 3:
            bias = np.full(c, bias[0])
        x = trial.inputs(n, d, zeros=0.1).astype(one)
        cases.append(Case(x, weights.astype(other), bias.astype(other), p))
    return cases + _of_other_entries(trial, factor)


def _of_other_entries(trial: Trial, factor: Callable[[float], float]) -> list[Case]:
    """Return such cases whose x, weights or bias are whole numbers, positive, or 0 in large
    part."""
    cases = []
    for i, p in enumerate(corners.spread_keep_probs(trial, 6)):
        case = ordinary(trial, 12, 5, 4, 1.0)
        x, weights, bias = case.x, case.weights, 3 * case.bias
        if i % 2:
            x, bias = np.abs(x), np.rint(bias)
        if i % 3 == 0:
            weights = np.sign(weights)
            x = 0.3 * x
        if i % 3 == 1:
            weights[trial.rng.random(weights.shape) < 0.6] = 0
            bias = np.abs(bias)
        if i % 3 == 2:
            x = trial.inputs(*x.shape, zeros=0.6)
            bias[: len(bias) // 2] = 0
        cases.append(Case(x / factor(p), weights, bias, p))
    return cases


def close_to_the_ends(trial: Trial, factor: Callable[[float], float]) -> list[Case]:
    """Return small cases at keep probabilities close to 0 and to 1, of moderate logits as
    in ``at_corners``."""
    cases = []
    # Closer to 0 nearly all is the member without units: floors show at the milder one.
    more = magnitudes.near_the_ends(trial.rng)
    for keep_prob in (5e-4, *corners.close_keep_probs(), *more):
        weights = trial.rng.uniform(-1, 1, (2, 3)) / factor(keep_prob)
        # Apart, so that equal probabilities, say, are not near the right ones.
        apart = trial.rng.permutation([-0.8, 0.0, 0.8])
        bias = apart + trial.rng.uniform(-0.2, 0.2, 3)
        cases.append(Case(trial.inputs(3, 2), weights, bias, keep_prob))
    return cases


def readable(trial: Trial, n: int, d: int, keep_prob: float, classes: int = 0) -> Case:
    """Return a case whose masks can be read off one member's output, of D + 3 classes or of
    as many as are given, D + 1 at least.

    The weights' rows are orthogonal to each other and to the vector of ones, so that
    softmax's division, the same for all classes, leaves no trace in them."""
    weights = _orthogonal(trial, d, keep_prob, classes or d + 3)
    bias = trial.rng.uniform(-1, 1, classes or d + 3)
    return Case(trial.inputs(n, d), weights, bias, keep_prob)


def readable_at_corners(trial: Trial) -> list[Case]:
    """Return readable cases at the corners of the range of x, most of whose units are
    kept, and at those of keep_prob, with so many units that some are."""
    inputs = [*corners.arrays(trial, 2, 2), trial.inputs(20, 3).astype(np.float32)]
    given = corners.with_keep_probs(inputs, (0.97, 0.9))
    given += [(trial.inputs(40, 25), keep_prob) for keep_prob in corners.KEEP_PROBS]
    given += [(size * trial.inputs(40, 25), 0.6) for size in (1e6, 1e-7)]
    cases = []
    for x, keep_prob in given:
        d, size = x.shape[1], np.abs(x).max()
        weights = _orthogonal(trial, d, keep_prob, d + 3) * 3 / size
        bias = trial.rng.uniform(-1, 1, d + 3)
        bias[:2] = 0, 9e-5
        cases.append(Case(x, weights, bias, keep_prob))
    return cases


def _orthogonal(trial: Trial, d: int, keep_prob: float, classes: int) -> np.ndarray:
    square = trial.rng.normal(size=(classes, d + 1))
    square[:, 0] = 1
    rows: np.ndarray = 2 * keep_prob * np.linalg.qr(square)[0][:, 1:].T
    return rows


def loud(trial: Trial, n: int, keep_prob: float) -> Case:
    """Return a case whose members' logits reach beyond ±900 while the mean logits, which
    the geometric mean is made of, stay between -1 and 1. |logits| < 1000 throughout."""
    directions = trial.rng.uniform(-0.9, -0.6, (2, 3))
    directions[:, trial.rng.integers(3)] = 1
    sizes = keep_prob * trial.rng.uniform(470, 495, (n, 2))
    weights = np.repeat(directions, 2, axis=0)
    x = np.repeat(sizes, 2, axis=1) * np.array([1.0, -1.0, 1.0, -1.0])
    return Case(x, weights, trial.rng.uniform(-1, 1, 3), keep_prob)


def torn(trial: Trial, n: int, keep_prob: float = 0.5, size: float = 950) -> Case:
    """Return a case whose members are, in every other row, sure of one class or the other, as
    unit 0 is dropped or kept: logits, all < 1000, are near ±``size``. At 0.5 every class's
    mean log-probability is too small to be exponentiated before it is renormalised."""
    case = ordinary(trial, n, 2, 3, keep_prob)
    case.x[:, 0] = 2 * keep_prob * size + trial.rng.uniform(-1, 1, n) * keep_prob * 2
    case.x[1::2, 0] = 0
    case.weights[0] = 1, -1, 0
    bias = case.bias + np.array([-size, size, 0])
    return Case(case.x, case.weights, bias, keep_prob)


def shifted(trial: Trial, keep_prob: float, factor: float) -> Case:
    """Return a case in which all logits of a row are near 990, -990 or 0 after inputs are
    multiplied by ``factor``, and their differences are moderate."""
    case = ordinary(trial, 6, 3, 4, keep_prob)
    case.x[:, 0] = np.array([1, -1, 0, 1, -1, 0]) * 990 / factor
    case.weights[0] = 1
    return case


def spread(trial: Trial, keep_prob: float, factor: float) -> Case:
    """Return a case in which the logits of a row, after inputs are multiplied by
    ``factor``, differ by up to 1900: all but the largest round to probability 0."""
    case = ordinary(trial, 4, 3, 4, keep_prob)
    case.x[:, 0] = np.array([1, -1, 1, -1]) * 950 / factor
    case.weights[0] = 1, -1, -0.6, -0.4
    return case


def inputs_of(case: Case, log_likes: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return the inputs (N, D) of a readable case that explain logits, or logarithms of
    probabilities; NaN in rows that no inputs explain."""
    centred = log_likes - log_likes.mean(axis=1, keepdims=True) - (bias - bias.mean())
    inputs: np.ndarray = centred @ case.weights.T / (case.weights**2).sum(axis=1)
    rest = np.abs(inputs @ case.weights - centred).max(axis=1)
    inputs[rest > 1e-3] = np.nan
    return inputs


def ratios_of(
    case: Case, log_likes: np.ndarray, bias: np.ndarray | None = None
) -> np.ndarray:
    """Return what each unit of x was multiplied with, and then by keep_prob: 1 for a
    kept unit, 0 for a dropped one, when all is well. Where x is 0, it is 1."""
    inputs = inputs_of(case, log_likes, case.bias if bias is None else bias)
    units = np.where(case.x == 0, 1, case.x)
    ratios: np.ndarray = np.where(
        case.x == 0, 1 + 0 * inputs, inputs / units * case.keep_prob
    )
    return ratios


def are_bits(ratios: np.ndarray) -> bool:
    """Return whether all ratios are 0 or 1, to reading error."""
    return bool((np.minimum(np.abs(ratios), np.abs(ratios - 1)) < 1e-2).all())


def kept_of(case: Case, found: np.ndarray, samples: int) -> np.ndarray:
    """Return in how many of the samples each row's only unit was kept, (N,), read off the
    average of a case with D = 1; NaN in rows that are no average of its two members."""
    dropped, kept = softmax(case.members())
    step = kept - dropped
    share = ((found - dropped) * step).sum(axis=1) / (step**2).sum(axis=1)
    rest = np.abs(dropped + share[:, None] * step - found).max(axis=1)
    return np.where(rest < 1e-5, share * samples, np.nan)


def choices(members: int, samples: int) -> np.ndarray:
    """Return all choices of so many of the members, in any order, (K, samples)."""
    every = itertools.combinations_with_replacement(range(members), samples)
    return np.array(list(every))


def averages_that_fit(
    members: np.ndarray,
    found: np.ndarray,
    samples: int,
    rtol: float = 1e-5,
    atol: float = 1e-9,
) -> np.ndarray:
    """Return which averages of so many members' probabilities (2**D, N, C) equal each
    row found (N, C): (K, N), in the order of ``choices``."""
    averages = members[choices(len(members), samples)].mean(axis=1)
    fits: np.ndarray = np.isclose(found, averages, rtol=rtol, atol=atol).all(axis=2)
    return fits


def expect_follows_rng(
    trial: Trial,
    output: Callable[[np.random.Generator], np.ndarray],
    different: str,
    same: str,
) -> None:
    """Check that equal generators give equal outputs, and different ones different; the
    messages say ``different`` and ``same`` what was given."""
    seed = trial.new_seed()
    first, again = (output(trial.generator(seed)) for _ in range(2))
    trial.expect(
        facts.close(first, again),
        f"Two generators in the same state gave {different}; expected equal ones.",
        elementwise.Wrong.does_not_draw_from_rng,
    )
    if repeats.are_same(first, output(trial.generator())):
        always = repeats.are_same(first, output(trial.generator()))
        wrong = elementwise.Wrong
        trial.fail(
            f"Generators in different states gave {same}; expected different ones.",
            wrong.same_mask_every_call if always else wrong.reuses_masks,
        )


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    """Return whether probabilities agree to rounding error; tiny ones may become 0."""
    return found.shape == expected.shape and facts.close(found, expected, atol=1e-9)
