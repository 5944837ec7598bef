"""dropout_ridge: the weights that dropout on a linear model tends to, without any mask."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentError, StudentFunction, foresee
from autograder.contract.trial import Trial
from autograder.families import elementwise, magnitudes
from autograder.families.bit_tests import Wrong as Some
from autograder.families.corners import (
    SMALLEST,
    close_keep_probs,
    of_all_digits,
    spread_keep_probs,
    transposed,
)
from autograder.families.properties import expect_unchanged, stated
from autograder.families.rivals import Rivals, first

#: How many times as long as another a column may be, and how small, for its length, what
#: of a column does not follow from another.
APART = 1000


def _unit(x: np.ndarray) -> np.ndarray:
    """Return x with columns of length 1."""
    units: np.ndarray = x / np.linalg.norm(x, axis=0)
    return units


def _lengths_apart(x: np.ndarray) -> float:
    """Return how many times as long as its shortest column the longest of x is."""
    lengths = np.linalg.norm(x, axis=0)
    return float(lengths.max() / lengths.min())


exercise = Exercise(
    "dropout_ridge",
    chapter="backward",
    title="The weights that dropout on a linear model tends to, without any mask",
    signature="dropout_ridge(x, y, keep_prob) -> weights",
    section="back-ridge",
    takes={
        "x": domain.floats("`x` is a float64 array (N, D)", 2, 2)
        .without("float32")
        .also(
            more_columns_than_rows=lambda x: x.shape[1] > x.shape[0],
        ),
        "y": domain.arrays("`y` a float64 array (N,)", 1, 1),
        # Next to 1 only rounding tells answers apart: that of a system of N unknowns, one
        # for each row, loses digits there.
        "keep_prob": domain.keep_probs(smallest=SMALLEST).without("next to 1"),
        domain.TOGETHER: domain.Range(
            f"one may be up to {APART:,} times as long as another, or follow from another "
            f"to one part in {APART:,}",
            {
                "columns far apart": lambda all: (
                    _lengths_apart(all["x"]) > 0.99 * APART
                ),
                "columns nearly dependent at keep_prob 1": lambda all: (
                    all["keep_prob"] == 1
                    and np.linalg.svd(_unit(all["x"]))[1].min() < 1 / APART
                ),
            },
        ),
    },
)


class Wrong(Mistakes, section="back-ridge"):
    shrinks_least_squares = """your weights are those of least squares times keep_prob;
        that is the minimiser for columns without correlation only."""
    penalty_of_column_lengths = """a weight pays in proportion to its column's length;
        it pays in proportion to the squared length, the sum of squares."""
    solves_for_classic_dropout = """your weights are larger by 1 / keep_prob: they
        belong to classic dropout, which does not rescale in training."""
    approximates_the_minimiser = """your weights are near the minimiser: either they
        come from drawn masks or from an iteration that stops early, or a small number
        is added for stability, or a number near 1 multiplied in, or keep_prob is rounded
        or bounded."""
    needs_alike_columns = """right for columns of similar lengths, and not here: either a
        small number is added for stability, or small numbers are taken for 0, as pinv
        does below its rcond, or digits are lost, in float32 for example."""
    needs_full_rank = """right where X'X has an inverse, and not where it has none; with
        the penalty added first, the system has a solution for any number of rows."""
    least_squares_whatever_keep_prob = """your weights are those of least squares,
        without the penalty that dropout adds."""
    penalty_without_column_energy = """you add the same penalty to each weight; a weight
        pays in proportion to its column's sum of squares, and only for columns of unit
        length is that the same."""
    penalty_factor = """your penalty has the right form and another factor than (1 −
        keep_prob) / keep_prob."""
    swapped_penalty = """your penalty's factor is keep_prob / (1 − keep_prob): keep and
        drop are swapped."""
    penalty_divided_by_rows = """your penalty is divided by the number of rows and the
        loss is not; both are sums over rows."""
    penalty_of_the_variance = """a weight pays in proportion to its column's variance; it
        pays in proportion to the sum of squares, in which the column's mean counts."""
    adds_to_the_diagonal = """you add one small number more to each weight's penalty, as for
        stability; beside the squares of small columns it is large."""
    adds_an_intercept = """you centre the data or fit an intercept; the model is x @
        weights as it stands."""


def _weights(x: np.ndarray, y: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Return the minimiser of squared loss plus sum(penalty * weights ** 2); NaN where
    there is not one alone."""
    try:
        return np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ y)
    except np.linalg.LinAlgError:
        return np.full(x.shape[1], np.nan)


def _penalty(x: np.ndarray, keep_prob: float) -> np.ndarray:
    """Return what dropout adds for each squared weight: by its column's sum of squares."""
    penalty: np.ndarray = (1 - keep_prob) / keep_prob * (x**2).sum(axis=0)
    return penalty


def _expected_loss(
    x: np.ndarray, y: np.ndarray, keep_prob: float, weights: np.ndarray
) -> float:
    """Return the squared loss, summed over rows, expected over the masks."""
    fit = ((y - x @ weights) ** 2).sum()
    return float(fit + (_penalty(x, keep_prob) * weights**2).sum())


def _problem(trial: Trial, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x whose columns differ in size and are not centred, and a target."""
    rng = trial.rng
    x = rng.standard_normal((n, d)) + rng.uniform(-1, 1, d)
    x *= 0.3 * (5 / 0.3) ** (rng.permutation(d) / max(d - 1, 1))
    y = x @ rng.standard_normal(d) + rng.standard_normal(n) + 2
    return x, y


def _far_apart(trial: Trial, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a problem whose longest column is ``APART`` times as long as the shortest."""
    x, y = _problem(trial, n, d)
    lengths = np.geomspace(1 / APART, 1, d)[trial.rng.permutation(d)]
    return 10 ** trial.rng.uniform(-3, 0) * lengths * _unit(x), y


def _nearly_dependent(trial: Trial, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a problem in which a column follows from another, but for a part in
    ``APART``; all are of like length."""
    x, rest, y = _unit(_problem(trial, n, d)[0]), trial.inputs(n), trial.inputs(n)
    first, last = trial.rng.permutation(d)[:2]
    rest -= (rest @ x[:, first]) * x[:, first]
    x[:, last] = x[:, first] + rest / np.linalg.norm(rest) / APART
    return x * trial.rng.uniform(1, 3, d), y


def _same(x: np.ndarray, found: np.ndarray, expected: np.ndarray) -> bool:
    """Return whether weights agree to 1e-5 of the largest, each by its column's length:
    what each adds to a prediction."""
    found, expected = (np.linalg.norm(x, axis=0) * each for each in (found, expected))
    return facts.close(found, expected, atol=1e-5 * float(np.abs(expected).max()))


def _rivals(x: np.ndarray, y: np.ndarray, p: float) -> Rivals:
    """Return wrong weights, for keep_prob below 1."""
    q, right, columns = 1 - p, _penalty(x, p), (x**2).sum(axis=0)
    flat, centred, target = q / p + 0 * right, x - x.mean(axis=0), y - y.mean()
    factors = (q, p, 1 / p, q / p**2, q * p, 2 * q / p, (q / p) ** 2, 1 / p**2 - 1)

    def by(penalty: np.ndarray) -> np.ndarray:
        return _weights(x, y, penalty)

    # Without a penalty, more columns than rows have no one minimiser.
    least_squares = by(0 * right) if len(x) >= len(x.T) else np.nan * right
    return {
        Wrong.least_squares_whatever_keep_prob: least_squares,
        Wrong.penalty_without_column_energy: [by(flat), by(flat * columns.mean())],
        Wrong.swapped_penalty: by(p / q * columns),
        Wrong.penalty_divided_by_rows: by(right / len(x)),
        Wrong.adds_an_intercept: [
            _weights(centred, target, penalty)
            for penalty in (_penalty(centred, p), right)
        ]
        + [_weights(x, target, right)],
        Wrong.penalty_of_the_variance: [
            by(q / p * n * x.var(axis=0)) for n in (1, len(x))
        ],
        Wrong.penalty_factor: [by(factor * columns) for factor in factors],
        Wrong.penalty_of_column_lengths: by(q / p * np.sqrt(columns)),
        Wrong.solves_for_classic_dropout: by(right) / p,
        Wrong.shrinks_least_squares: p * least_squares,
    }


def _call(x: np.ndarray, y: np.ndarray, keep_prob: float) -> str:
    return f"dropout_ridge(x of shape {x.shape}, y, {keep_prob})"


def _read(function: StudentFunction, *given: Any) -> np.ndarray:
    """Return the weights, (D,). Raises ``CheckFailure`` for anything else."""
    shape = given[0].shape[1:]
    return facts.float_array(function(*given), shape, _call(*given), "weights")


def _corners(trial: Trial) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield problems of full rank at the corners of the range: large and small columns,
    zeros, one column, one entry, negative x, and keep probabilities near both ends."""
    scales = (1e6, 0.02), (1e-8, 0.97), (1.0, 0.1), (1.0, 0.995), (1.0, 0.003)
    for scale, keep_prob in scales:
        x, y = _problem(trial, 40, 5)
        x[trial.rng.random(x.shape) < 0.2] = 0.0
        yield scale * x, y, keep_prob
    for n, d, keep_prob in ((1, 1, 0.3), (8, 1, 0.5)):
        yield *_problem(trial, n, d), keep_prob
    yield -np.abs(trial.inputs(12, 2)), trial.inputs(12), 0.8
    yield transposed(trial.inputs(12, 3)), trial.inputs(12), 0.8
    # Another problem that begins alike, for who remembers by that.
    x, y = _problem(trial, 40, 5)
    other, more = _problem(trial, 40, 5)
    other[0, 0], more[0] = x[0, 0], y[0]
    yield x, y, 0.8
    yield other, more, 0.8
    small = 10 ** trial.rng.uniform((-4.5, -1), (-3, 0))
    for keep_prob in of_all_digits(trial.rng, small, 1e-4):
        n, d = trial.rng.integers((61, 13), (400, 40)).tolist()
        yield *_problem(trial, n, d), keep_prob


def _spread(trial: Trial) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield problems of all sizes with targets of all sizes and signs, and spread keep
    probabilities."""
    rng = trial.rng
    sizes = [(3100, 2), (170, 150), (2, 1), (2, 2), (41, 21), (150, 11)]
    sizes += rng.integers((15, 1), (60, 12), (14, 2)).tolist()
    keep_probs = spread_keep_probs(trial, len(sizes))
    for i, ((n, d), p) in enumerate(zip(sizes, keep_probs, strict=True)):
        x, y = _problem(trial, n, d)
        forms = y, -np.abs(y), 1e5 * y, 1e-5 * y, np.full(n, y[0])
        yield transposed(x) if i % 3 == 2 else x, forms[i % 5], p
    for keep_prob in spread_keep_probs(trial, 3):
        x, y = _problem(trial, 60, 5)
        yield np.rint(5 * x), np.rint(5 * y), keep_prob
        zeros = rng.random((2, *x.shape)) < 0.5
        yield np.where(zeros[0], 0.0, x), np.where(zeros[1, :, 0], 0.0, y), keep_prob


def _of_every_magnitude(
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


def _expect_weights(
    function: StudentFunction,
    trial: Trial,
    x: np.ndarray,
    y: np.ndarray,
    keep_prob: float,
    otherwise: str | None = None,
) -> None:
    """Check the weights for one problem; ``otherwise`` is behind what nothing else
    explains."""
    d, given = x.shape[1], (x, y, keep_prob)
    found, expected = _read(function, *given), _weights(x, y, _penalty(x, keep_prob))
    same = functools.partial(_same, x)
    if same(found, expected):
        return
    losses = [_expected_loss(*given, weights) for weights in (found, expected)]
    near = Wrong.approximates_the_minimiser if losses[0] < 1.02 * losses[1] else None
    worst = int(np.argmax(np.abs(found - expected) * np.linalg.norm(x, axis=0)))
    trial.fail(
        f"{_call(*given)}: the expected loss at your weights is {losses[0]:.6g}, its "
        f"minimum is {losses[1]:.6g}; the weight that differs most for its column's "
        f"length: expected {expected[worst]:.6g} at {worst}, found {found[worst]:.6g}.",
        first(found, _rivals(*given) if keep_prob < 1 else {}, same)
        or _constant_mistake(found, *given)
        or (Wrong.needs_full_rank if np.linalg.matrix_rank(x) < d else None)
        or otherwise
        or near,
    )


def _constant_mistake(
    found: np.ndarray, x: np.ndarray, y: np.ndarray, keep_prob: float
) -> str | None:
    """Return the mistake of a number added to all penalties, if found solves that."""
    system = x.T @ x + np.diag(_penalty(x, keep_prob))
    size = np.abs(x.T @ y).max()
    more = (x.T @ y - system @ found) / np.where(found == 0, np.nan, found)
    added = float(np.median(more))
    tells = len(found) > 1 and added > 0 and np.abs(added * found).max() > 1e-6 * size
    one = tells and facts.close(more, added, rtol=1e-3)
    return Wrong.adds_to_the_diagonal if one else None


def _runs(function: StudentFunction, trial: Trial) -> None:
    """weights has shape (D,) and holds finite floating point numbers."""
    for n, d in ((30, 5), (12, 1), (10, 8)):
        for keep_prob in (0.8, 0.3, 1.0):
            _read(function, *_problem(trial, n, d), keep_prob)


def _is_least_squares(function: StudentFunction, trial: Trial) -> None:
    """At keep_prob = 1 the weights are those of least squares."""
    for n, d in ((30, 5), (50, 2)):
        _expect_weights(function, trial, *_problem(trial, n, d), 1.0)
    _expect_unlike_columns(function, trial, 1.0, 1.0)


def _expect_unlike_columns(
    function: StudentFunction, trial: Trial, *keep_probs: float
) -> None:
    """Check problems with columns far apart and, at the last keep probability, with
    columns that nearly depend on each other."""
    name = Wrong.needs_alike_columns
    for keep_prob in keep_probs:
        for n, d in ((40, 7), (20, 2)):
            problem = _far_apart(trial, n, d)
            _expect_weights(function, trial, *problem, keep_prob, name)
    for n, d in ((30, 4), (15, 2)):
        problem = _nearly_dependent(trial, n, d)
        _expect_weights(function, trial, *problem, keep_probs[-1], name)


def _minimises(function: StudentFunction, trial: Trial) -> None:
    """The weights minimise the squared loss expected over the masks."""
    for keep_prob in (0.8, 0.3, 0.95):
        for n, d in ((40, 5), (25, 3)):
            _expect_weights(function, trial, *_problem(trial, n, d), keep_prob)
    at_corners = [*_corners(trial)]
    inside = [*_spread(trial), *_of_every_magnitude(trial)]
    foresee(function, [(given, {}) for given in at_corners + inside])
    for given in at_corners:
        _expect_weights(function, trial, *given)
    for given in inside:
        _expect_weights(function, trial, *given, Some.right_in_the_middle_only)
    _expect_unlike_columns(function, trial, 0.4, 0.05, 0.99999)
    for keep_prob in close_keep_probs()[:-1]:
        given, name = (*_problem(trial, 8, 2), keep_prob), Some.right_in_the_middle_only
        _expect_weights(function, trial, *given, name)


def _without_full_rank(
    trial: Trial,
) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    for keep_prob in elementwise.KEEP_PROBS:
        yield *_problem(trial, 4, 9), keep_prob
    sizes = [(4, 150), (2, 41), (20, 21), *trial.rng.integers((1, 9), (8, 30), (17, 2))]
    for (n, d), keep_prob in zip(sizes, spread_keep_probs(trial), strict=True):
        yield *_problem(trial, int(n), int(d)), keep_prob
    yield *_problem(trial, 1, 3), 0.8
    yield np.full((6, 3), 1.7), trial.inputs(6), 0.8


def _works_when_wide(function: StudentFunction, trial: Trial) -> None:
    """Below keep_prob = 1 the minimiser is found where least squares has many."""
    for given in _without_full_rank(trial):
        try:
            _expect_weights(function, trial, *given)
        except StudentError as error:
            trial.fail(
                f"{_call(*given)}: your code raised {error.message}.",
                Wrong.needs_full_rank,
            )


def _leaves_data_alone(function: StudentFunction, trial: Trial) -> None:
    """x and y are the same after the call as before."""
    given = *_problem(trial, 20, 4), 0.8
    _, after = function.observe(*given)
    expect_unchanged(trial, _call(*given), "xy", given, after)


_RUNS, _MINIMUM = "returns_one_weight_for_each_column", "minimises_the_expected_loss"
_LEAST = stated(_is_least_squares)
exercise.asks(0.25, _RUNS, stated(_runs))
exercise.asks(0.25, "is_least_squares_at_keep_prob_one", _LEAST, _RUNS)
exercise.asks(1.0, _MINIMUM, stated(_minimises), _RUNS)
_WIDE, _PURE = stated(_works_when_wide), stated(_leaves_data_alone)
exercise.asks(0.25, "works_with_more_columns_than_rows", _WIDE, _MINIMUM)
exercise.asks(0.25, "leaves_the_data_alone", _PURE, _MINIMUM)
