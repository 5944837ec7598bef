"""Inputs at the corners of a stated range, for checks of values."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import numpy as np

from autograder.contract.domain import LEAST
from autograder.contract.trial import Trial

#: Keep probabilities near both ends: what floors, caps and rounding change shows there.
KEEP_PROBS = (0.02, 0.97, 0.1, 0.995, 0.003)

#: The ends of the range of layers that draw, next to 1 so far from it that five digits tell.
ENDS = (LEAST, 1 - 3e-5)

#: How many keep probabilities are spread over the range: no window of 0.05 lies between.
SPREAD = 20

#: How close to 0 a keep probability lies at which a closed form is right to five digits,
#: whichever way it is computed in double precision: 1 − (1 − p) is p to seven there.
SMALLEST = 1e-9


def close_keep_probs() -> tuple[float, ...]:
    """Return the keep probabilities of ``domain.close_to_the_ends``, and milder ones,
    where more ways to be wrong show."""
    return 3e-5, 1 - 3e-5, 1e-6, 1 - 1e-6, SMALLEST, 1 - 1e-12


#: What keep probabilities of few digits are near a number: of five decimals, a fraction as one
#: writes it, of two decimals, of seven binary digits.
_FEW_DIGITS: tuple[Callable[[float], float], ...] = (
    lambda p: round(p, 5),
    lambda p: float(Fraction(p).limit_denominator(30)),
    lambda p: round(p, 2),
    lambda p: round(128 * p) / 128,
)

_SHAPES = {1: (7,), 2: (5, 3), 3: (2, 4, 3), 4: (2, 3, 1, 4)}


def arrays(
    trial: Trial, least: int, most: int, large: float = 1e6, small: float = 1e-6
) -> list[np.ndarray]:
    """Return float64 arrays with ``least`` to ``most`` axes at the corners of
    ``domain.floats``: each number of axes, a single entry, sides of 1, entries that are
    ``large`` and ``small``, equal, negative, and 0 in part, and one that is transposed."""
    shapes = [_SHAPES[axes] for axes in range(least, most + 1)]
    found = [trial.inputs(*shape, zeros=0.2) for shape in shapes]
    found += [trial.inputs(*[1] * axes) for axes in {least, most}]
    if most > 1:
        found += [trial.inputs(*shape) for shape in _sides_of_one(least, most)]
    shape = shapes[0]
    found += [large * trial.inputs(*shape), small * trial.inputs(*shape) / 3]
    found += [-np.abs(trial.inputs(*shape)), np.full(shape, trial.inputs(1)[0])]
    if most > 1:
        found.append(transposed(trial.inputs(*_SHAPES[max(least, 2)])))
    return found


def drawn_keep_probs(trial: Trial, number: int) -> list[float]:
    """Return keep probabilities, as likely near 0 or near 1 as between."""
    odds = trial.rng.uniform(-4, 4, number)
    return of_all_digits(trial.rng, (1 / (1 + np.exp(odds))).tolist())


def of_all_digits(
    rng: np.random.Generator, shares: Iterable[float], within: float = 0.01
) -> list[float]:
    """Return keep probabilities, half of which stay as they are, with digits that no rounding
    leaves alone. The others become one of few digits that lies ``within`` so little: most
    of five decimals, others of two, of binary ones, or a fraction such as 1/3. An answer
    may be wrong at either sort alone."""
    found = [float(share) for share in shares]
    order = rng.permutation(len(found)).tolist()
    # One half of an odd number is now the greater one, now the other.
    for turn, place in enumerate(order[: (len(found) + rng.integers(2)) // 2]):
        share = found[place]
        near = _FEW_DIGITS[turn % 2 * (1 + turn // 2 % 3)](share)
        few = abs(near - share) <= within and 0 < near < 1
        found[place] = near if few else round(share, 5) or share
    return found


def spread_keep_probs(trial: Trial, number: int = SPREAD) -> list[float]:
    """Return keep probabilities in random order, as far apart as so many in (0, 1) can be:
    no window of width 1 / ``number`` lies between them. Closer to the ends than those
    of ``drawn_keep_probs`` is none: what shows there alone is for ``KEEP_PROBS``."""
    first = trial.rng.random()
    found = (first + np.arange(number)) / number
    shares = trial.rng.permutation(found.clip(0.018, 0.982)).tolist()
    return of_all_digits(trial.rng, shares, 1 / (8 * number))


def spread_sizes(
    rng: np.random.Generator, most: int, least: int = 1, number: int = SPREAD
) -> list[int]:
    """Return so many sizes in random order, from ``least`` to ``most``, each about as many
    times as large as the one below."""
    exponents = rng.permutation(np.linspace(0, 1, number))
    return [round(size) for size in (least * (most / least) ** exponents).tolist()]


def drawn(trial: Trial, least: int, most: int) -> list[tuple[np.ndarray, float]]:
    """Return arrays from the inside of ``domain.floats``, of entries of either sign, with
    spread keep probabilities: float64 and float32 of each number of axes, of a few
    entries, of hundreds and of thousands."""
    wide = ((150, 3), (3, 150), (2, 2)) if least <= 2 <= most else ()
    found = [trial.inputs(*shape) for shape in wide]
    for axes in range(least, most + 1):
        for dtype in (np.float64, np.float32):
            for size in 10 ** trial.rng.uniform((0.8, 2, 3.5), (2, 3, 3.7)):
                sides = trial.rng.dirichlet(np.full(axes, 4)) * np.log(size)
                shape = np.ceil(np.exp(sides)).astype(int).tolist()
                found.append(trial.inputs(*shape).astype(dtype))
    return list(zip(found, spread_keep_probs(trial, len(found)), strict=True))


def of_other_entries(trial: Trial, *shape: int) -> list[np.ndarray]:
    """Return arrays of whole numbers, of zeros in large part, positive and negative."""
    whole = np.rint(5 * trial.inputs(*shape))
    rest = np.abs(trial.inputs(*shape))
    return [whole, trial.inputs(*shape, zeros=0.6), rest, -rest]


def transposed(x: np.ndarray) -> np.ndarray:
    """Return an array equal to x whose rows do not lie one after the other in memory, as
    those of ``x.T`` do not: there ``ravel`` makes a copy."""
    return np.asfortranarray(x)


def _sides_of_one(least: int, most: int) -> Iterator[tuple[int, ...]]:
    """Yield shapes of the fewest axes, two at least, that have one side of 1."""
    axes = max(least, 2)
    for side in range(axes):
        shape = list(_SHAPES[axes])
        shape[side] = 1
        yield tuple(shape)


def with_keep_probs(
    arrays: list[np.ndarray], keep_probs: tuple[float, ...] = KEEP_PROBS
) -> list[tuple[np.ndarray, float]]:
    """Return each array with one of ``keep_probs``, in turn, each of these at least
    once."""
    pairs = list(zip(arrays, itertools.cycle(keep_probs), strict=False))
    return pairs + [(arrays[0], keep_prob) for keep_prob in keep_probs[len(pairs) :]]
