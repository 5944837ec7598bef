"""dropout_ridge: the weights that dropout on a linear model tends to, without any mask."""

import functools
from typing import Any

import numpy as np

from autograder.checks.backward import ridge_problems as problems
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentError, StudentFunction, foresee
from autograder.contract.trial import Trial
from autograder.families.bit_tests import Wrong as Some
from autograder.families.corners import SMALLEST, close_keep_probs
from autograder.families.properties import expect_unchanged, stated
from autograder.families.rivals import Rivals, first


def _is_wide(x: np.ndarray) -> bool:
    """Return whether x has more columns than rows."""
    return len(x.T) > len(x)


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
        .also(more_columns_than_rows=_is_wide),
        "y": domain.arrays("`y` a float64 array (N,)", 1, 1),
        # Next to 1 only rounding tells answers apart: that of a system of N unknowns, one
        # for each row, loses digits there.
        "keep_prob": domain.keep_probs(smallest=SMALLEST).without("next to 1"),
        domain.TOGETHER: domain.Range(
            f"one may be up to {problems.APART:,} times as long as another, or follow from "
            f"another to one part in {problems.APART:,}",
            {
                "columns far apart": lambda all: (
                    _lengths_apart(all["x"]) > 0.99 * problems.APART
                ),
                "more columns than rows, hardly a unit kept": lambda all: (
                    _is_wide(all["x"]) and all["keep_prob"] <= SMALLEST
                ),
                "more columns than rows, hardly a unit dropped": lambda all: (
                    _is_wide(all["x"]) and all["keep_prob"] == problems.MOST_WHEN_WIDE
                ),
                "columns nearly dependent at keep_prob 1": lambda all: (
                    all["keep_prob"] == 1
                    and np.linalg.svd(problems.unit(all["x"]))[1].min()
                    < 1 / problems.APART
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
            _read(function, *problems.problem(trial, n, d), keep_prob)


def _is_least_squares(function: StudentFunction, trial: Trial) -> None:
    """At keep_prob = 1 the weights are those of least squares."""
    for n, d in ((30, 5), (50, 2)):
        _expect_weights(function, trial, *problems.problem(trial, n, d), 1.0)
    _expect_unlike_columns(function, trial, 1.0, 1.0)


def _expect_unlike_columns(
    function: StudentFunction, trial: Trial, *keep_probs: float
) -> None:
    """Check problems with columns far apart and, at the last keep probability, with
    columns that nearly depend on each other."""
    name = Wrong.needs_alike_columns
    for keep_prob in keep_probs:
        for n, d in ((40, 7), (20, 2)):
            problem = problems.far_apart(trial, n, d)
            _expect_weights(function, trial, *problem, keep_prob, name)
    for n, d in ((30, 4), (15, 2)):
        problem = problems.nearly_dependent(trial, n, d)
        _expect_weights(function, trial, *problem, keep_probs[-1], name)


def _minimises(function: StudentFunction, trial: Trial) -> None:
    """The weights minimise the squared loss expected over the masks."""
    for keep_prob in (0.8, 0.3, 0.95):
        for n, d in ((40, 5), (25, 3)):
            _expect_weights(function, trial, *problems.problem(trial, n, d), keep_prob)
    at_corners = [*problems.at_corners(trial)]
    inside = [*problems.spread(trial), *problems.of_every_magnitude(trial)]
    foresee(function, [(given, {}) for given in at_corners + inside])
    for given in at_corners:
        _expect_weights(function, trial, *given)
    for given in inside:
        _expect_weights(function, trial, *given, Some.right_in_the_middle_only)
    _expect_unlike_columns(function, trial, 0.4, 0.05, 0.99999)
    for keep_prob in close_keep_probs()[:-1]:
        given = *problems.problem(trial, 8, 2), keep_prob
        _expect_weights(function, trial, *given, Some.right_in_the_middle_only)


def _works_when_wide(function: StudentFunction, trial: Trial) -> None:
    """Below keep_prob = 1 the minimiser is found where least squares has many."""
    for given in problems.without_full_rank(trial):
        try:
            _expect_weights(function, trial, *given)
        except StudentError as error:
            trial.fail(
                f"{_call(*given)}: your code raised {error.message}.",
                Wrong.needs_full_rank,
            )


def _leaves_data_alone(function: StudentFunction, trial: Trial) -> None:
    """x and y are the same after the call as before."""
    given = *problems.problem(trial, 20, 4), 0.8
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
