"""dropout_ridge: the weights that dropout on a linear model tends to, without any mask."""

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise

exercise = Exercise(
    "dropout_ridge",
    chapter="backward",
    title="The weights that dropout on a linear model tends to, without any mask",
    signature="dropout_ridge(x, y, keep_prob) -> weights",
    section="back-ridge",
)


class Wrong(Mistakes, section="back-ridge"):
    shrinks_least_squares = (
        "your weights are those of least squares times keep_prob; that is the "
        "minimiser for columns without correlation only."
    )
    penalty_of_column_lengths = (
        "a weight pays in proportion to its column's length; it pays in proportion to "
        "the squared length, the sum of squares."
    )
    solves_for_classic_dropout = (
        "your weights are larger by 1 / keep_prob: they belong to classic dropout, "
        "which does not rescale in training."
    )
    approximates_the_minimiser = (
        "your weights are near the minimiser: either they come from drawn masks or "
        "from an iteration that stops early, or a small number is added for "
        "stability."
    )
    needs_full_rank = (
        "it works only where X'X has an inverse; with the penalty added first, the "
        "system has a solution for any number of rows."
    )
    least_squares_whatever_keep_prob = (
        "your weights are those of least squares, without the penalty that dropout "
        "adds."
    )
    penalty_without_column_energy = (
        "you add the same penalty to each weight; a weight pays in proportion to its "
        "column's sum of squares, and only for columns of unit length is that the "
        "same."
    )
    penalty_factor = (
        "your penalty has the right form and another factor than (1 − keep_prob) / "
        "keep_prob."
    )
    swapped_penalty = (
        "your penalty's factor is keep_prob / (1 − keep_prob): keep and drop are "
        "swapped."
    )
    penalty_divided_by_rows = (
        "your penalty is divided by the number of rows and the loss is not; both are "
        "sums over rows."
    )
    adds_an_intercept = (
        "you centre the data or fit an intercept; the model is x @ weights as it "
        "stands."
    )


def weights_for(x: np.ndarray, y: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Return the minimiser of squared loss plus sum(penalty * weights ** 2)."""
    return np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ y)


def energy(x: np.ndarray) -> np.ndarray:
    """Return each column's sum of squares."""
    return (x**2).sum(axis=0)


def expected_loss(
    x: np.ndarray, y: np.ndarray, keep_prob: float, weights: np.ndarray
) -> float:
    """Return the squared loss, summed over rows, expected over the masks."""
    penalty = (1 - keep_prob) / keep_prob * energy(x)
    return float(((y - x @ weights) ** 2).sum() + (penalty * weights**2).sum())


def problem(trial: Trial, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x whose columns differ in size and are not centred, and a target."""
    x = trial.rng.normal(0, 1, (n, d)) + trial.rng.uniform(-1, 1, d)
    x *= np.geomspace(0.3, 5, d)[trial.rng.permutation(d)]
    y = x @ trial.rng.normal(0, 1, d) + trial.rng.normal(0, 1, n) + 2
    return x, y


def same_weights(found: np.ndarray, expected: np.ndarray) -> bool:
    """Return whether weights agree to 1e-5 of the largest of them."""
    return facts.close(found, expected, atol=1e-5 * float(np.abs(expected).max()))


def _ridge_mistake(
    x: np.ndarray, y: np.ndarray, keep_prob: float, found: np.ndarray
) -> str | None:
    """Return what is behind weights that do not minimise the expected loss."""
    q, columns = 1 - keep_prob, energy(x)
    factor = q / keep_prob
    centred, flat = x - x.mean(axis=0), np.ones_like(columns)
    variants = [
        (Wrong.penalty_without_column_energy, x, y, factor * flat),
        (Wrong.penalty_without_column_energy, x, y, factor * columns.mean() * flat),
        (Wrong.swapped_penalty, x, y, columns / factor),
        (Wrong.penalty_divided_by_rows, x, y, factor * columns / len(x)),
        (Wrong.adds_an_intercept, centred, y - y.mean(), factor * energy(centred)),
        (Wrong.adds_an_intercept, centred, y - y.mean(), factor * columns),
    ]
    other = (q, keep_prob, 1 / keep_prob, q / keep_prob**2, q * keep_prob, 2 * factor)
    variants += [
        (Wrong.penalty_factor, x, y, other_factor * columns) for other_factor in other
    ]
    variants.append((Wrong.penalty_of_column_lengths, x, y, factor * np.sqrt(columns)))
    if len(x) >= x.shape[1]:
        variants.insert(0, (Wrong.least_squares_whatever_keep_prob, x, y, 0 * columns))
    hits = (name for name, *of in variants if same_weights(found, weights_for(*of)))
    return next(hits, None) or _weights_mistake(x, y, keep_prob, found)


def _weights_mistake(
    x: np.ndarray, y: np.ndarray, keep_prob: float, found: np.ndarray
) -> str | None:
    """Return what is behind weights that no other penalty explains."""
    expected = weights_for(x, y, (1 - keep_prob) / keep_prob * energy(x))
    if same_weights(keep_prob * found, expected):
        return Wrong.solves_for_classic_dropout
    if len(x) < x.shape[1]:
        return Wrong.needs_full_rank
    if same_weights(found, keep_prob * weights_for(x, y, 0 * energy(x))):
        return Wrong.shrinks_least_squares
    losses = [expected_loss(x, y, keep_prob, w) for w in (found, expected)]
    return Wrong.approximates_the_minimiser if losses[0] < 1.02 * losses[1] else None


def solves(
    function: StudentFunction, trial: Trial, n: int, d: int, keep_prob: float
) -> None:
    """Check the weights for one problem."""
    x, y = problem(trial, n, d)
    call = f"dropout_ridge(x of shape {x.shape}, y, {keep_prob})"
    found = facts.float_array(function(x, y, keep_prob), (d,), call, "weights")
    expected = weights_for(x, y, (1 - keep_prob) / keep_prob * energy(x))
    if same_weights(found, expected):
        return
    losses = [expected_loss(x, y, keep_prob, w) for w in (found, expected)]
    trial.fail(
        f"{call}: the expected loss at your weights is {losses[0]:.6g}, its minimum is "
        f"{losses[1]:.6g}; the weight that differs most: {facts.worst(found, expected)}.",
        _ridge_mistake(x, y, keep_prob, found)
        if keep_prob < 1
        else _weights_mistake(x, y, 1.0, found),
    )


@exercise.check(points=0.25)
def returns_one_weight_for_each_column(
    dropout_ridge: StudentFunction, trial: Trial
) -> None:
    """weights has shape (D,) and holds finite floating point numbers."""
    for n, d in ((30, 5), (12, 1), (10, 8)):
        for keep_prob in (0.8, 0.3, 1.0):
            x, y = problem(trial, n, d)
            call = f"dropout_ridge(x of shape {x.shape}, y, {keep_prob})"
            facts.float_array(dropout_ridge(x, y, keep_prob), (d,), call, "weights")


@exercise.check(points=0.25, after="returns_one_weight_for_each_column")
def is_least_squares_at_keep_prob_one(
    dropout_ridge: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1 the weights are those of least squares."""
    for n, d in ((30, 5), (50, 2)):
        solves(dropout_ridge, trial, n, d, 1.0)


@exercise.check(points=1.0, after="returns_one_weight_for_each_column")
def minimises_the_expected_loss(dropout_ridge: StudentFunction, trial: Trial) -> None:
    """The weights minimise the squared loss expected over the masks."""
    for keep_prob in (0.8, 0.3, 0.95):
        for n, d in ((40, 5), (25, 3)):
            solves(dropout_ridge, trial, n, d, keep_prob)


@exercise.check(points=0.25, after="minimises_the_expected_loss")
def works_with_more_columns_than_rows(
    dropout_ridge: StudentFunction, trial: Trial
) -> None:
    """Below keep_prob = 1 the minimiser is found where least squares has many."""
    for keep_prob in elementwise.KEEP_PROBS:
        try:
            solves(dropout_ridge, trial, 4, 9, keep_prob)
        except StudentError as error:
            trial.fail(
                f"dropout_ridge(x of shape (4, 9), y, {keep_prob}): your code raised "
                f"{error.message}.",
                Wrong.needs_full_rank,
            )


@exercise.check(points=0.25, after="minimises_the_expected_loss")
def leaves_the_data_alone(dropout_ridge: StudentFunction, trial: Trial) -> None:
    """x and y are the same after the call as before."""
    x, y = problem(trial, 20, 4)
    call = f"dropout_ridge(x of shape {x.shape}, y, 0.8)"
    _, after = dropout_ridge.observe(x, y, 0.8)
    for name, before, now in zip("xy", (x, y), after, strict=False):
        trial.expect(
            np.array_equal(before, now),
            f"{call} changed {name} in place.",
            elementwise.Wrong.changes_its_input,
        )
