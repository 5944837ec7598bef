"""Linear problems for ``dropout_ridge``: x of few and many columns, and a target."""

from collections.abc import Iterator

import numpy as np

from autograder.contract.trial import Trial
from autograder.families import elementwise, magnitudes
from autograder.families.corners import (
    close_keep_probs,
    of_all_digits,
    spread_keep_probs,
    transposed,
)

#: How many times as long as another a column may be, and how small, for its length, what
#: of a column does not follow from another.
APART = 1000

#: The largest keep probability below 1 with more columns than rows. Closer to 1 the penalty is
#: so small beside x.T @ x that an inverse loses the digits, or takes it for 0.
MOST_WHEN_WIDE = 0.9999


def unit(x: np.ndarray) -> np.ndarray:
    """Return x with columns of length 1."""
    units: np.ndarray = x / np.linalg.norm(x, axis=0)
    return units


def problem(trial: Trial, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x whose columns differ in size and are not centred, and a target."""
    rng = trial.rng
    x = rng.standard_normal((n, d)) + rng.uniform(-1, 1, d)
    x *= 0.3 * (5 / 0.3) ** (rng.permutation(d) / max(d - 1, 1))
    y = x @ rng.standard_normal(d) + rng.standard_normal(n) + 2
    return x, y


def far_apart(trial: Trial, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a problem whose longest column is ``APART`` times as long as the shortest."""
    x, y = problem(trial, n, d)
    lengths = np.geomspace(1 / APART, 1, d)[trial.rng.permutation(d)]
    return 10 ** trial.rng.uniform(-3, 0) * lengths * unit(x), y


def nearly_dependent(trial: Trial, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a problem in which a column follows from another, but for a part in
    ``APART``; all are of like length."""
    x, rest, y = unit(problem(trial, n, d)[0]), trial.inputs(n), trial.inputs(n)
    first, last = trial.rng.permutation(d)[:2]
    rest -= (rest @ x[:, first]) * x[:, first]
    x[:, last] = x[:, first] + rest / np.linalg.norm(rest) / APART
    return x * trial.rng.uniform(1, 3, d), y


def at_corners(trial: Trial) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield problems of full rank at the corners of the range: large and small columns,
    zeros, one column, one entry, negative x, and keep probabilities near both ends."""
    scales = (1e6, 0.02), (1e-8, 0.97), (1.0, 0.1), (1.0, 0.995), (1.0, 0.003)
    for scale, keep_prob in scales:
        x, y = problem(trial, 40, 5)
        x[trial.rng.random(x.shape) < 0.2] = 0.0
        yield scale * x, y, keep_prob
    for n, d, keep_prob in ((1, 1, 0.3), (8, 1, 0.5)):
        yield *problem(trial, n, d), keep_prob
    yield -np.abs(trial.inputs(12, 2)), trial.inputs(12), 0.8
    yield transposed(trial.inputs(12, 3)), trial.inputs(12), 0.8
    # Another problem that begins alike, for who remembers by that.
    x, y = problem(trial, 40, 5)
    other, more = problem(trial, 40, 5)
    other[0, 0], more[0] = x[0, 0], y[0]
    yield x, y, 0.8
    yield other, more, 0.8
    small = 10 ** trial.rng.uniform((-4.5, -1), (-3, 0))
    for keep_prob in of_all_digits(trial.rng, small, 1e-4):
        n, d = trial.rng.integers((61, 13), (400, 40)).tolist()
        yield *problem(trial, n, d), keep_prob


def spread(trial: Trial) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield problems of all sizes with targets of all sizes and signs, and spread keep
    probabilities."""
    rng = trial.rng
    sizes = [(3100, 2), (170, 150), (2, 1), (2, 2), (41, 21), (150, 11)]
    sizes += rng.integers((15, 1), (60, 12), (14, 2)).tolist()
    keep_probs = spread_keep_probs(trial, len(sizes))
    for i, ((n, d), p) in enumerate(zip(sizes, keep_probs, strict=True)):
        x, y = problem(trial, n, d)
        forms = y, -np.abs(y), 1e5 * y, 1e-5 * y, np.full(n, y[0])
        yield transposed(x) if i % 3 == 2 else x, forms[i % 5], p
    for keep_prob in spread_keep_probs(trial, 3):
        x, y = problem(trial, 60, 5)
        yield np.rint(5 * x), np.rint(5 * y), keep_prob
        zeros = rng.random((2, *x.shape)) < 0.5
        yield np.where(zeros[0], 0.0, x), np.where(zeros[1, :, 0], 0.0, y), keep_prob


def of_every_magnitude(
    trial: Trial,
) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield problems with x and y of every kind and of all sizes, independently; those of
    equal rows, which have no full rank, are left out."""
    rng, rows, kinds = trial.rng, 30, [*magnitudes.KINDS]
    kinds.remove("equal rows")
    one, other = (magnitudes.magnitudes(rng, 1e-6, 1e6) for _ in "xy")
    shapes = (rows, 3), (rows, 1), (rows, 5), (rows, 2)
    xs = magnitudes.arrays(rng, shapes, rng.permutation(one).tolist(), kinds)
    ys = magnitudes.arrays(rng, [(rows,)], rng.permutation(other).tolist(), kinds)
    for x, y, p in zip(xs, ys, magnitudes.shares(trial), strict=False):
        empty = np.flatnonzero(~x.any(axis=0))
        x[empty, empty] = np.abs(x).max()
        if not (x.T @ y).any():  # then weights are 0
            x[np.argmax(np.abs(y))] = np.abs(x).max() * rng.uniform(0.5, 1, x.shape[1])
        yield x, y, p


def without_full_rank(
    trial: Trial,
) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield problems without full rank, most of them of more columns than rows, at keep
    probabilities from all over the range, and last close to its ends."""
    for keep_prob in elementwise.KEEP_PROBS:
        yield *problem(trial, 4, 9), keep_prob
    sizes = [(4, 150), (2, 41), (20, 21), *trial.rng.integers((1, 9), (8, 30), (17, 2))]
    for (n, d), keep_prob in zip(sizes, spread_keep_probs(trial), strict=True):
        yield *problem(trial, int(n), int(d)), keep_prob
    yield *problem(trial, 1, 3), 0.8
    yield np.full((6, 3), 1.7), trial.inputs(6), 0.8
    ends = *close_keep_probs(), *magnitudes.near_the_ends(trial.rng), MOST_WHEN_WIDE
    for keep_prob in (p for p in ends if p <= MOST_WHEN_WIDE):
        x, y = problem(trial, *trial.rng.integers((1, 9), (9, 30)).tolist())
        # No column is far shorter than others: the inverse would lose more digits.
        lengths = trial.rng.uniform(0.3, 5, x.shape[1])
        yield 10 ** trial.rng.uniform(-6, 6) * lengths * unit(x), y, keep_prob
