"""expected_energy: state the expected squared norm of a dropped layer."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from autograder.checks.energy import shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial

exercise = Exercise(
    "expected_energy",
    chapter="energy",
    title="State the expected squared norm of a dropped layer",
    signature="expected_energy(x, keep_prob, scaling) -> float",
    section="energy-norm",
)


class Wrong(Mistakes, section="energy-norm"):
    gives_the_norm = (
        "you take a square root; the energy is the squared norm, and the root of its "
        "expectation is not the expected norm either."
    )
    gives_the_mean_square = (
        "you average the squares over the units; the energy is their sum."
    )
    squares_the_sum_of_x = (
        "you square the sum of x; the energy is the sum of the squares."
    )
    sums_without_squares = "you sum x, or its absolute values, without squaring."
    centres_x = (
        "you subtract the mean of x first, as a variance does; the energy is the sum "
        "of the squares of x itself."
    )
    takes_a_matrix_norm = (
        "you take the matrix norm of order 2, the largest singular value; the energy "
        "sums the squares of all entries."
    )
    gives_the_energy_of_the_mean = (
        "you give the energy of the mean output, with keep_prob squared; because m² = "
        "m, the mean of m² is keep_prob."
    )
    leaves_the_scale_unsquared = (
        "you multiply the energy by the scale; a factor c on the units enters their "
        "squares as c²."
    )
    forgets_that_units_are_dropped = (
        "you scale the energy and forget the mask, which keeps a share keep_prob of it."
    )
    believes_that_inverted_dropout_keeps_the_energy = at(
        "energy-mistakes",
        "you say that division by keep_prob keeps the energy; it keeps the mean, and "
        "the energy comes out 1 / keep_prob times as large.",
    )
    gives_the_energy_of_the_noise = (
        "you give the variance that the masks add; a mean square is the variance plus "
        "the square of the mean."
    )
    swaps_the_scalings_mean_and_norm = (
        "your answers for 'mean' and 'norm' stand in each other's place."
    )
    swaps_the_scalings_none_and_mean = (
        "your answers for 'none' and 'mean' stand in each other's place: without "
        "rescaling the energy falls."
    )
    ignores_the_scaling = "your answer is the same for all three scalings."
    computes_the_energy_with_the_drop_probability = (
        "you use 1 − keep_prob where keep_prob belongs."
    )
    multiplies_the_energy_by_another_factor = (
        "your answer is a multiple of Σx², and the factor is not the right one, c² "
        "keep_prob."
    )
    rounds_or_pads_the_energy = (
        "your answer is right for numbers of ordinary size and wrong for very small, "
        "very large or zero x, as when it is rounded or a small constant is added."
    )


SCALINGS = ("none", "mean", "norm")


def _energy_call(x: np.ndarray, keep_prob: float, scaling: str) -> str:
    return f"expected_energy(x of shape {x.shape}, {keep_prob}, {scaling!r})"


def _energy(
    function: StudentFunction, x: np.ndarray, keep_prob: float, scaling: str
) -> float:
    call = _energy_call(x, keep_prob, scaling)
    return facts.number(function(x, keep_prob, scaling), call)


def _right_factor(keep_prob: float, scaling: str) -> float:
    return {"none": keep_prob, "mean": 1 / keep_prob, "norm": 1.0}[scaling]


#: What wrong answers multiply the energy with, for "none", "mean" and "norm".
_WRONG_FACTORS: Mapping[str, Sequence[Callable[[float], tuple[float, ...]]]] = {
    Wrong.gives_the_energy_of_the_mean: [lambda p: (p**2, 1, p)],
    Wrong.leaves_the_scale_unsquared: [lambda p: (p, 1, p**0.5)],
    Wrong.forgets_that_units_are_dropped: [lambda p: (1, p**-2, 1 / p)],
    Wrong.believes_that_inverted_dropout_keeps_the_energy: [lambda p: (p, 1, 1)],
    Wrong.gives_the_energy_of_the_noise: [lambda p: (p * (1 - p), (1 - p) / p, 1 - p)],
    Wrong.swaps_the_scalings_mean_and_norm: [lambda p: (p, 1, 1 / p)],
    Wrong.swaps_the_scalings_none_and_mean: [lambda p: (1 / p, p, 1)],
    Wrong.ignores_the_scaling: [
        lambda p: (p,) * 3,
        lambda p: (1 / p,) * 3,
        lambda p: (1.0,) * 3,
    ],
    Wrong.computes_the_energy_with_the_drop_probability: [
        lambda p: (1 - p, 1 / (1 - p), 1)
    ],
}


def _wrong_measures(x: np.ndarray) -> dict[str, list[float]]:
    """Return what wrong answers take for the energy of a matrix, by mistake."""
    return {
        Wrong.gives_the_norm: [math.sqrt((x**2).sum())],
        Wrong.gives_the_mean_square: [(x**2).mean(), (x**2).sum() / len(x)],
        Wrong.squares_the_sum_of_x: [x.sum() ** 2],
        Wrong.sums_without_squares: [np.abs(x).sum(), x.sum()],
        Wrong.centres_x: [((x - x.mean()) ** 2).sum(), x.var()],
        Wrong.takes_a_matrix_norm: [np.linalg.norm(x, 2) ** 2, np.linalg.norm(x, 2)],
    }


def _energy_mistake(function: StudentFunction, trial: Trial) -> str | None:
    """Return what is behind wrong energies, from two matrices, both sides of 0.5 and all
    three scalings."""
    # The second matrix has the first one's energy and another sum.
    first = np.abs(trial.inputs(6, 5))
    matrices = first, first * np.where(np.arange(30).reshape(6, 5) % 3, 1, -1)
    try:
        found = np.array(
            [
                [
                    [_energy(function, x, p, s) for s in SCALINGS]
                    for p in shared.BOTH_SIDES
                ]
                for x in matrices
            ]
        )
    except (StudentError, CheckFailure):
        return None
    right = np.array(
        [[_right_factor(p, scaling) for scaling in SCALINGS] for p in shared.BOTH_SIDES]
    )
    factors = found / (first**2).sum()
    for name, laws in _WRONG_FACTORS.items():
        for law in laws:
            if facts.close(factors, np.array([law(p) for p in shared.BOTH_SIDES])):
                return name
    measures = zip(*(_wrong_measures(x).items() for x in matrices), strict=True)
    for (name, one), (_, two) in measures:
        for sizes in zip(one, two, strict=True):
            shares = found / np.reshape(sizes, (2, 1, 1))
            if facts.close(shares, right) or facts.close(shares, right**0.5):
                return name
    if not facts.close(factors[0], factors[1]) or facts.close(factors[0], right):
        return None
    # A factor is one only if a third matrix, of another energy, shows the same.
    third = trial.inputs(6, 5)
    share = _energy(function, third, 0.8, "mean") / (third**2).sum()
    alike = facts.close(share, factors[0][0][1])
    return Wrong.multiplies_the_energy_by_another_factor if alike else None


def _factor_mistake(
    function: StudentFunction, trial: Trial, keep_prob: float, scaling: str
) -> str | None:
    """Return the name of a factor that is wrong at this keep_prob alone."""
    shares = [
        _energy(function, x, keep_prob, scaling) / (x**2).sum()
        for x in (trial.inputs(6, 5), trial.inputs(6, 5))
    ]
    wrong = not facts.close(shares[0], _right_factor(keep_prob, scaling))
    return (
        Wrong.multiplies_the_energy_by_another_factor
        if wrong and facts.close(*shares)
        else None
    )


def _energy_inputs(trial: Trial) -> list[np.ndarray]:
    return [
        trial.inputs(6, 5, zeros=0.2),
        trial.inputs(12),
        trial.inputs(3, 2, 4),
        trial.inputs(2, 3, 2, 3),
        trial.inputs(1),
    ]


@exercise.check(points=0.25)
def returns_one_finite_number(expected_energy: StudentFunction, trial: Trial) -> None:
    """The energy is one finite number, the same at every call."""
    for x in _energy_inputs(trial):
        for dtype in (np.float64, np.float32):
            for scaling in SCALINGS:
                args = x.astype(dtype), 0.8, scaling
                first = _energy(expected_energy, *args)
                again = _energy(expected_energy, *args)
                trial.expect(
                    facts.close(first, again),
                    f"{_energy_call(*args)} gave {first:.6g} and {again:.6g} for the "
                    "same x.",
                    shared.Wrong.simulates_an_expectation,
                )


def _expect_energy(function: StudentFunction, trial: Trial, scaling: str) -> None:
    for x in _energy_inputs(trial):
        for keep_prob in (*shared.BOTH_SIDES, shared.MANY_DIGITS):
            found = _energy(function, x, keep_prob, scaling)
            expected = (x**2).sum() * _right_factor(keep_prob, scaling)
            if facts.close(found, expected):
                continue
            trial.fail(
                f"{_energy_call(x, keep_prob, scaling)}: found {found:.6g}, expected "
                f"{expected:.6g}; the sum of squares of this x is {(x**2).sum():.6g}.",
                _energy_mistake(function, trial)
                or _factor_mistake(function, trial, keep_prob, scaling),
            )


@exercise.check(points=0.75, after="returns_one_finite_number")
def falls_without_rescaling(expected_energy: StudentFunction, trial: Trial) -> None:
    """With scaling "none", the energy is keep_prob times that of x."""
    _expect_energy(expected_energy, trial, "none")


@exercise.check(points=0.75, after="returns_one_finite_number")
def grows_when_the_mean_is_kept(expected_energy: StudentFunction, trial: Trial) -> None:
    """With scaling "mean", the energy is 1 / keep_prob times that of x."""
    _expect_energy(expected_energy, trial, "mean")


@exercise.check(points=0.25, after="returns_one_finite_number")
def stays_when_the_norm_is_kept(expected_energy: StudentFunction, trial: Trial) -> None:
    """With scaling "norm", the energy is that of x."""
    _expect_energy(expected_energy, trial, "norm")


_ALL_ENERGIES = (
    "falls_without_rescaling",
    "grows_when_the_mean_is_kept",
    "stays_when_the_norm_is_kept",
)


@exercise.check(points=0.25, after=_ALL_ENERGIES)
def holds_at_the_edges(expected_energy: StudentFunction, trial: Trial) -> None:
    """At keep_prob = 1 nothing changes, zeros have no energy, and x may have any size."""
    x = trial.inputs(6, 5)
    cases = [(x, 1.0), (0 * x, 0.3), (1e-6 * x, 0.3), (1e6 * x, 0.8), (x, 0.01)]
    cases += [(x, 0.0004)]
    for x, keep_prob in cases:
        for scaling in SCALINGS:
            found = _energy(expected_energy, x, keep_prob, scaling)
            expected = (x**2).sum() * _right_factor(keep_prob, scaling)
            trial.expect(
                facts.close(found, expected, atol=0),
                f"{_energy_call(x, keep_prob, scaling)}, the largest entry of x being "
                f"{np.abs(x).max():.3g}: found {found:.6g}, expected {expected:.6g}.",
                _factor_mistake(expected_energy, trial, keep_prob, scaling)
                or Wrong.rounds_or_pads_the_energy,
            )


@exercise.check(points=0.25, after=_ALL_ENERGIES)
def the_energy_leaves_x_alone(expected_energy: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before."""
    for scaling in SCALINGS:
        x = trial.inputs(6, 5)
        _, after = expected_energy.observe(x, 0.8, scaling)
        shared.expect_same(trial, x, after[0], _energy_call(x, 0.8, scaling), "x")
