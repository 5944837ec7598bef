"""expected_energy: state the expected squared norm of a dropped layer."""

from collections.abc import Callable
from functools import partial
from itertools import cycle, repeat
from typing import Any

import numpy as np

from autograder.checks.energy import shared
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import corners, magnitudes
from autograder.families.formula import Formula, Given, RelativeTo
from autograder.families.rivals import Rivals, first

exercise = Exercise(
    "expected_energy",
    chapter="energy",
    title="State the expected squared norm of a dropped layer",
    signature="expected_energy(x, keep_prob, scaling) -> float",
    section="energy-norm",
    takes={
        "x": domain.floats("float array with 1 to 4 axes", 1, 4, 1e9, 3e-9).also(
            zeros_alone=lambda x: not x.any()
        ),
        "keep_prob": domain.keep_probs(smallest=corners.SMALLEST),
        "scaling": domain.Range(
            "`scaling` is one of three strings",
            {name: name.__eq__ for name in ("none", "mean", "norm")},
        ),
    },
)


class Wrong(Mistakes, section="energy-norm"):
    gives_the_norm = """you take a square root; the energy is the squared norm, and the
        root of its expectation is not the expected norm either."""
    gives_the_mean_square = """you average the squares, over units or over rows; the
        energy is their sum."""
    squares_the_sum_of_x = """you square the sum of x; the energy is the sum of the
        squares."""
    sums_without_squares = "you sum x, or its absolute values, without squaring."
    centres_x = """you subtract the mean of x first, as a variance does; the energy is
        the sum of the squares of x itself."""
    takes_a_matrix_norm = """you take the matrix norm of order 2, the largest singular
        value; the energy sums the squares of all entries."""
    gives_the_energy_of_the_mean = """you give the energy of the mean output, with
        keep_prob squared; because m² = m, the mean of m² is keep_prob."""
    leaves_the_scale_unsquared = """you multiply the energy by the scale; a factor c on
        the units enters their squares as c²."""
    forgets_that_units_are_dropped = """you scale the energy and forget the mask, which
        keeps a share keep_prob of it."""
    believes_that_inverted_dropout_keeps_the_energy = at(
        "energy-mistakes",
        "you say that division by keep_prob keeps the energy; it keeps the mean, and "
        "the energy comes out 1 / keep_prob times as large.",
    )
    gives_the_energy_of_the_noise = """you give the variance that the masks add; a mean
        square is the variance plus the square of the mean."""
    swaps_the_scalings_mean_and_norm = """your answers for 'mean' and 'norm' stand in
        each other's place."""
    swaps_the_scalings_none_and_mean = """your answers for 'none' and 'mean' stand in
        each other's place: without rescaling the energy falls."""
    ignores_the_scaling = "your answer is the same for all three scalings."
    computes_the_energy_with_the_drop_probability = """you use 1 − keep_prob where
        keep_prob belongs."""
    multiplies_the_energy_by_another_factor = """your answer is a multiple of Σx², and
        the factor is not the right one, c² keep_prob. If it is for other values of
        keep_prob, you bound, round or shift keep_prob."""
    rounds_or_pads_the_energy = """your answer is right for some x and wrong for others
        of another size, or for zeros, as when it is rounded, a small constant is added, or
        large entries are cut off."""
    treats_a_shape_in_another_way = """your answer is right for some shapes of x and
        wrong for others; the energy is the sum over all entries, whatever the shape."""


SCALINGS = ("none", "mean", "norm")


def _factor(keep_prob: float, scaling: str) -> float:
    return {"none": keep_prob, "mean": 1 / keep_prob, "norm": 1.0}[scaling]


def _right(x: np.ndarray, keep_prob: float, scaling: str) -> float:
    return float((x.astype(float) ** 2).sum()) * _factor(keep_prob, scaling)


_FORMULA = Formula(
    exercise, _right, shared.Wrong.simulates_an_expectation, same=RelativeTo(_right)
)
_energy = _FORMULA.read


def _wrong_factors(p: np.ndarray) -> Rivals:
    """Return what wrong answers multiply the energy with, for each of ``SCALINGS``."""
    q, one = 1 - p, np.ones(len(p))
    return {
        Wrong.gives_the_energy_of_the_mean: (p**2, one, p),
        Wrong.leaves_the_scale_unsquared: (p, one, p**0.5),
        Wrong.forgets_that_units_are_dropped: (one, p**-2, 1 / p),
        Wrong.believes_that_inverted_dropout_keeps_the_energy: (p, one, one),
        Wrong.gives_the_energy_of_the_noise: (p * q, q / p, q),
        Wrong.swaps_the_scalings_mean_and_norm: (p, one, 1 / p),
        Wrong.swaps_the_scalings_none_and_mean: (1 / p, p, one),
        Wrong.ignores_the_scaling: [(p,) * 3, (1 / p,) * 3, (one,) * 3],
        Wrong.computes_the_energy_with_the_drop_probability: (q, 1 / q, one),
    }


def _wrong_measures(x: np.ndarray) -> Rivals:
    """Return what wrong answers take for the energies of matrices, stacked in ``x``."""
    energy, total = (x**2).sum(axis=(1, 2)), x.sum(axis=(1, 2))
    largest, variance = np.linalg.norm(x, 2, axis=(1, 2)), x.var(axis=(1, 2))
    return {
        Wrong.gives_the_norm: np.sqrt(energy),
        Wrong.gives_the_mean_square: [energy / x[0].size, energy / len(x[0])],
        Wrong.squares_the_sum_of_x: total**2,
        Wrong.sums_without_squares: [np.abs(x).sum(axis=(1, 2)), total],
        Wrong.centres_x: [variance * x[0].size, variance],
        Wrong.takes_a_matrix_norm: [largest**2, largest],
    }


def _energy_mistake(function: StudentFunction, trial: Trial) -> str | None:
    """Return what is behind wrong energies, from two matrices, both sides of 0.5 and all
    three scalings."""
    # The second matrix has the first one's energy and another sum.
    one = np.abs(trial.inputs(6, 5))
    x = np.array([one, one * np.where(np.arange(30).reshape(6, 5) % 3, 1, -1)])

    def table(value: Callable[[float, str], float]) -> list[list[float]]:
        return [[value(p, scaling) for scaling in SCALINGS] for p in shared.BOTH_SIDES]

    try:
        found = np.array([table(partial(_energy, function, each)) for each in x])
    except (StudentError, CheckFailure):
        return None
    right, factors = np.array(table(_factor)), found / (one**2).sum()

    def measured(found: np.ndarray, sizes: np.ndarray) -> bool:
        shares = found / sizes.reshape(2, 1, 1)
        return facts.close(shares, right) or facts.close(shares, right**0.5)

    laws = _wrong_factors(np.array(shared.BOTH_SIDES))
    name = first(factors, laws, lambda f, law: facts.close(f, np.transpose(law)))
    name = name or first(found, _wrong_measures(x), measured)
    if name or not facts.close(*factors) or facts.close(factors[0], right):
        return name
    # A factor is one only if matrices of other energies show the same: two of them, as
    # one simulated share agrees with another to five digits now and then.
    more = trial.inputs(6, 5), trial.inputs(6, 5)
    shares = [_energy(function, one, 0.8, "mean") / (one**2).sum() for one in more]
    alike = facts.close(shares, factors[0][0][1])
    return Wrong.multiplies_the_energy_by_another_factor if alike else None


def _factor_mistake(
    function: StudentFunction, trial: Trial, x: np.ndarray, *case: Any
) -> str | None:
    """Return what is wrong for this x, or for this keep_prob and scaling, alone."""
    several = [trial.inputs(6, 5) for _ in range(3)]
    shares = [_energy(function, one, *case) / (one**2).sum() for one in several]
    if not facts.close(shares, shares[0]):
        near = facts.close(shares, _factor(*case), rtol=0.3)
        return shared.Wrong.comes_near_an_expectation if near else None
    # Whose answer is just beyond its digits here may be just within them there.
    if not facts.close(shares[0] / _factor(*case), 1, rtol=5e-6):
        return Wrong.multiplies_the_energy_by_another_factor
    if x.shape == several[0].shape:
        return None
    usual = trial.inputs(*x.shape), *case
    another = not _FORMULA.same(_energy(function, *usual), _right(*usual), *usual)
    return Wrong.treats_a_shape_in_another_way if another else None


_SHAPES = (12,), (3, 2, 4), (2, 3, 2, 3), (1,), (1, 6), (6, 1), (1, 4, 1), (1, 1, 1, 1)
_SIZES = (0, 1e-9, 1e-6, 1e-3, 1e3, 1e6, 1e9)
_INSIDE = (*shared.BOTH_SIDES, shared.MANY_DIGITS)


def _inputs(trial: Trial) -> list[np.ndarray]:
    """Return a matrix with zeros, one of equal entries, and arrays of other shapes."""
    first = [trial.inputs(6, 5, zeros=0.2), np.full((6, 5), -1.5)]
    first.append(corners.transposed(trial.inputs(6, 5)))
    return [*first, *(trial.inputs(*shape) for shape in _SHAPES)]


@_FORMULA.kind(0.25)
def returns_one_finite_number(trial: Trial) -> list[Given]:
    """The energy is one finite number, the same at every call."""
    first, *others = _inputs(trial)
    given = [(first, 0.8, scaling) for scaling in SCALINGS]
    return [*given, *zip(others, cycle(_INSIDE), cycle(SCALINGS))]


def _cases(trial: Trial, scaling: str) -> list[Given]:
    """Return all keep probabilities with a matrix, and all arrays, some in float32."""
    given = [(trial.inputs(6, 5), p) for p in (*_INSIDE, *shared.NEAR_THE_ENDS)]
    given += zip(_inputs(trial), cycle(_INSIDE))
    given += [(x.astype(np.float32), p) for x, p in zip(_inputs(trial), cycle(_INSIDE))]
    given += corners.drawn(trial, 1, 4)
    given += zip(corners.of_other_entries(trial, 6, 5), cycle(_INSIDE))
    usual = magnitudes.arrays(trial.rng, magnitudes.ANY, ())
    given += zip(usual, corners.spread_keep_probs(trial), strict=False)
    given.append((trial.inputs(6, 5), 0.5))
    return [(x, p, scaling) for x, p in given]


_energies = partial(
    _FORMULA.equals,
    after="returns_one_finite_number",
    probe=lambda *given: _energy_mistake(*given[:2]) or _factor_mistake(*given),
    gap=lambda found, expected, x, *_: (
        f": found {found:.6g}, expected {expected:.6g}; the sum of squares of this x is "
        f"{(x**2).sum():.6g}"
    ),
)


@_energies(0.75)
def falls_without_rescaling(trial: Trial) -> list[Given]:
    """With scaling "none", the energy is keep_prob times that of x."""
    return _cases(trial, "none")


@_energies(0.75)
def grows_when_the_mean_is_kept(trial: Trial) -> list[Given]:
    """With scaling "mean", the energy is 1 / keep_prob times that of x."""
    return _cases(trial, "mean")


@_energies(0.25)
def stays_when_the_norm_is_kept(trial: Trial) -> list[Given]:
    """With scaling "norm", the energy is that of x."""
    return _cases(trial, "norm")


_ALL_ENERGIES = (
    "falls_without_rescaling",
    "grows_when_the_mean_is_kept",
    "stays_when_the_norm_is_kept",
)


@_FORMULA.equals(
    0.25,
    after=_ALL_ENERGIES,
    probe=_factor_mistake,
    otherwise=Wrong.rounds_or_pads_the_energy,
    gap=lambda found, expected, x, *_: (
        f", the largest entry of x being {np.abs(x).max():.3g}: found {found:.6g}, "
        f"expected {expected:.6g}"
    ),
)
def holds_at_the_edges(trial: Trial) -> list[Given]:
    """At keep_prob = 1 nothing changes, zeros have no energy, and x may have any size."""
    x = trial.inputs(6, 5)
    given: list[Given] = [*zip(_inputs(trial), repeat(1.0), cycle(SCALINGS))]
    cases = [(x, 1.0), *((size * x, 0.3) for size in _SIZES)]
    cases += [(size * x[0, :1].astype(np.float32), 0.8) for size in (0, 1e-6, 1e6)]
    cases += [(x, p) for p in corners.close_keep_probs()]
    given += [(*case, scaling) for case in cases for scaling in SCALINGS]
    all_over = magnitudes.with_keep_probs(trial, magnitudes.ANY, 1e-6, 1e9)
    return given + [
        (*case, scaling) for case, scaling in zip(all_over, cycle(SCALINGS))
    ]


@_FORMULA.unchanged(0.25, "x", after=_ALL_ENERGIES, hint=shared.SQUARED)
def the_energy_leaves_x_alone(trial: Trial) -> list[Given]:
    """x is the same after the call as before."""
    return [(trial.inputs(6, 5), 0.8, scaling) for scaling in SCALINGS]
