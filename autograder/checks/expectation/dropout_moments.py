"""dropout_moments: state the mean and the variance of each dropped unit."""

from functools import partial

import numpy as np

from autograder.checks.expectation import shared
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import corners, magnitudes
from autograder.families.formula import Formula, Given, RelativeTo
from autograder.families.rivals import Rivals

exercise = Exercise(
    "dropout_moments",
    chapter="expectation",
    title="State the mean and the variance of each dropped unit",
    signature="dropout_moments(x, keep_prob) -> (mean, variance)",
    section="exp-variance",
    takes={
        "x": domain.floats("float array with 1 to 4 axes", 1, 4),
        "keep_prob": domain.keep_probs(smallest=corners.SMALLEST),
    },
)


class Wrong(Mistakes, section="exp-variance"):
    forgets_the_division = """you describe mask * x; inverted dropout's output is mask *
        x / keep_prob."""
    gives_the_kept_value_as_mean = at(
        "exp-mean",
        "your mean is x / keep_prob, what the unit gives when it is kept; when it is "
        "dropped it gives 0, and the mean weighs both.",
    )
    averages_over_the_units = at(
        "exp-mean",
        "you average over the units of x; mean and variance are over the masks, one "
        "for each unit.",
    )
    gives_the_second_moment = """your variance is x² / keep_prob, the mean of the
        square; subtract the square of the mean."""
    gives_the_standard_deviation = """you give the standard deviation; the variance is
        its square."""
    divides_the_variance_once = """you divide the variance of mask * x by keep_prob
        once; a constant factor enters a variance squared."""
    swaps_keep_and_drop_in_the_variance = """your variance is x² p / (1 − p) for p =
        keep_prob, which grows as fewer units are dropped; it is x² (1 − p) / p."""
    swaps_mean_and_variance = """you return the variance first; return (mean,
        variance)."""
    divides_the_variance_thrice = """your variance is x² (1 − p) / p² for p = keep_prob; the
        mask's variance is (1 − p) p, and division by p² leaves x² (1 − p) / p."""
    gives_a_negative_variance = """your variance has the wrong sign; it subtracts the square
        of the mean from the mean of the square."""
    forgets_to_square_x = """your variance is proportional to x; it is proportional to
        x²."""


def _moments(function: StudentFunction, x: np.ndarray, keep_prob: float) -> np.ndarray:
    """Return the mean and the variance, each of the shape of x, as one array."""
    call = f"dropout_moments(x of shape {x.shape}, {keep_prob})"
    both = facts.pair(function(x, keep_prob), call, "(mean, variance)")
    items = {"mean": both[0], "variance": both[1]}
    for what, item in items.items():
        single = isinstance(item, int | float | np.ndarray) and not np.ndim(item)
        if single and np.asarray(item).dtype.kind in "iuf":
            over_units = x.mean() if what == "mean" else x.var()
            raise CheckFailure(
                f"{call}: {what} is the single number {float(item):.4g}; expected an "
                f"array of shape {x.shape}.",
                Wrong.averages_over_the_units
                if facts.close(item, over_units)
                else facts.Wrong.returns_another_shape,
            )
    return np.stack(
        [facts.float_array(item, x.shape, call, what) for what, item in items.items()]
    )


def _few(trial: Trial) -> list[Given]:
    """Return inputs inside the range, where mistakes are told apart, and at its corners,
    with keep probabilities."""
    return [
        (trial.inputs(12, zeros=0.2), 0.8),
        (trial.inputs(6, 5, zeros=0.2), 0.3),
        (trial.inputs(6, 5).astype(np.float32), 0.3),
        *corners.with_keep_probs(corners.arrays(trial, 1, 4)),
    ]


def _cases(trial: Trial) -> list[Given]:
    """Return the same, others from all over the range, and some close to its ends."""
    return [
        *_few(trial),
        *corners.drawn(trial, 1, 4),
        *corners.with_keep_probs(
            corners.of_other_entries(trial, 6, 5), (0.4, 0.7, 0.5)
        ),
        *((trial.inputs(3), p) for p in corners.close_keep_probs()),
        *magnitudes.with_keep_probs(trial, magnitudes.ANY, 1e-9, 1e9),
    ]


_formula = partial(Formula, exercise, at_random=shared.Wrong.answers_at_random)
_BOTH = _formula(_moments, reading=_moments)
_MEAN = _formula(
    lambda x, p: x,
    reading=lambda *given: _moments(*given)[0],
    same=RelativeTo(lambda x, p: x),
    what="mean",
)
_VARIANCE = _formula(
    lambda x, p: x**2 * (1 - p) / p,
    reading=lambda *given: _moments(*given)[1],
    same=RelativeTo(lambda x, p: x**2 / p),
    what="variance",
)
_FLOATS = "returns_two_float_arrays_of_the_input_shape"


def _mean_rivals(x: np.ndarray, p: float) -> Rivals:
    return {
        Wrong.forgets_the_division: p * x,
        Wrong.swaps_mean_and_variance: x**2 * (1 - p) / p,
        Wrong.gives_the_kept_value_as_mean: x / p,
        Wrong.averages_over_the_units: np.full_like(x, x.mean()),
    }


def _variance_rivals(x: np.ndarray, p: float) -> Rivals:
    q, right = 1 - p, x**2 * (1 - p) / p
    return {
        Wrong.forgets_the_division: x**2 * p * q,
        Wrong.gives_the_second_moment: x**2 / p,
        Wrong.gives_the_standard_deviation: np.abs(x) * np.sqrt(q / p),
        Wrong.divides_the_variance_once: x**2 * q,
        Wrong.swaps_keep_and_drop_in_the_variance: x**2 * p / q,
        Wrong.forgets_to_square_x: [x * q / p, np.abs(x) * q / p],
        Wrong.divides_the_variance_thrice: x**2 * q / p**2,
        Wrong.gives_a_negative_variance: -right,
        Wrong.averages_over_the_units: np.full_like(x, x.var()),
    }


def _near(
    part: Formula, function: StudentFunction, trial: Trial, _: np.ndarray, p: float
) -> str | None:
    """Return whether usual numbers are near the right ones at this keep_prob, too: if they
    are right, another form of x is wrong."""
    x = trial.inputs(6, 5)
    try:
        found, right = part.read(function, x, p), part.truth(x, p)
    except (CheckFailure, StudentError):
        return None
    near = (np.abs(found - right) <= 0.2 * np.abs(right)).all()
    wrong = near and not part.same(found, right, x, p)
    return shared.Wrong.close_but_not_exact if wrong else None


@_BOTH.kind(0.25)
def returns_two_float_arrays_of_the_input_shape(trial: Trial) -> list[Given]:
    """Mean and variance are float arrays shaped like x, the same at every call."""
    return _few(trial)


@_BOTH.unchanged(0.25, "x", after=_FLOATS)
def moments_leave_x_alone(trial: Trial) -> list[Given]:
    """x is the same after the call as before."""
    return [(trial.inputs(6, 5), 0.8)]


@_MEAN.equals(0.25, after=_FLOATS, rivals=_mean_rivals, probe=partial(_near, _MEAN))
def the_mean_is_x(trial: Trial) -> list[Given]:
    """The mean of each unit over the masks is what it was without dropout."""
    return _cases(trial)


@_VARIANCE.equals(
    1.25, after=_FLOATS, rivals=_variance_rivals, probe=partial(_near, _VARIANCE)
)
def the_variance_is_that_of_the_rescaled_unit(trial: Trial) -> list[Given]:
    """The variance of each unit over the masks is x² (1 − keep_prob) / keep_prob."""
    return _cases(trial)


@exercise.check(
    points=0.25,
    after=("the_mean_is_x", "the_variance_is_that_of_the_rescaled_unit"),
)
def there_is_no_noise_at_keep_prob_one(
    dropout_moments: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1 the mean is x and the variance is 0."""
    x = trial.inputs(6, 5, zeros=0.2)
    for part in (_MEAN, _VARIANCE):
        part.expect(dropout_moments, trial, (x, 1.0))
