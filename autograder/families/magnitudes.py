"""Arguments of every magnitude, and arrays of the kinds that people have, for closed forms.

Magnitudes are sampled evenly in the logarithm, from a start that is drawn: no window of a
factor of 3 in the usual middle lies between two of them. An array's is its largest entry's.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from autograder.contract.trial import Trial
from autograder.families import corners

#: Where no gap is wider than a factor of 2.5; elsewhere gaps are factors of up to 100.
MIDDLE = (1e-3, 1e3)
_STEP, _STRIDE = math.log10(2.5), 2.0


def magnitudes(
    rng: np.random.Generator,
    low: float,
    high: float,
    middle: tuple[float, float] = MIDDLE,
) -> list[float]:
    """Return numbers from ``low`` to ``high``, the smallest first: where the range is from
    1e-9 to 1e9, 22 of them."""
    ends = [low, *(size for size in middle if low < size < high), high]
    found = []
    for one, other in itertools.pairwise(map(math.log10, ends)):
        inside = math.log10(middle[0]) <= one < math.log10(middle[1])
        number = math.ceil((other - one) / (_STEP if inside else _STRIDE) - 1e-9)
        found.append(one + (np.arange(number) + rng.random()) / number * (other - one))
    sizes: list[float] = (10 ** np.concatenate(found)).tolist()
    return sizes


def near_the_ends(rng: np.random.Generator) -> list[float]:
    """Return keep probabilities that ``corners.spread_keep_probs`` leaves out, near 0, from
    1e-9, and near 1: 13 of them, in random order."""
    tiny = np.arange(-9, -3) + rng.random()
    small = -3 + (np.arange(4) + rng.random()) * 0.9 * _STEP
    dropped = 10 ** (np.array([-8, -5.5, -3.5]) + rng.random())
    found = [*10 ** np.concatenate([tiny, small]), *(1 - dropped)]
    shares: list[float] = rng.permutation(found).tolist()
    return shares


def _sparse(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    x: np.ndarray = rng.standard_normal(shape)
    zeros = min(math.ceil(rng.uniform(0.6, 0.9) * x.size), x.size - 1)
    x.flat[rng.permutation(x.size)[:zeros]] = 0
    return sized(x, rng.uniform(0.5, 3))


def _one_hot(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    hot = rng.integers(shape[-1], size=(*shape[:-1], 1))
    return np.asarray(np.arange(shape[-1]) == hot, float)


def _pixels(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    x = rng.integers(256, size=shape).astype(float)
    x.flat[0] = 255
    return x


def _offset(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(rng.choice([-1, 1]) * (1 + 0.03 * rng.standard_normal(shape)))


def _mostly(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    x: np.ndarray = rng.random(shape)
    x.flat[rng.permutation(x.size)[: math.ceil(x.size / 7)]] *= -1
    return x


def _rising(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.sort(rng.uniform(-1, 1, math.prod(shape))).reshape(shape)


def _equal_rows(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    row = np.copysign(rng.uniform(0.5, 3, shape[1:]), rng.uniform(-1, 1, shape[1:]))
    return np.asarray(row * np.ones(shape))


Make = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
#: What makes arrays of a shape of each kind; none of zeros alone.
KINDS: Mapping[str, Make] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "uniform": lambda rng, shape: rng.random(shape),
    "pixels": _pixels,
    "sparse": _sparse,
    "one-hot": _one_hot,
    "offset": _offset,
    "mostly positive": _mostly,
    "mostly negative": lambda rng, shape: -_mostly(rng, shape),
    "rising": _rising,
    "falling": lambda rng, shape: -_rising(rng, shape),
    "equal rows": _equal_rows,
    "negative": lambda rng, shape: -rng.random(shape),
}
#: Kinds whose entries differ, and are not 0; those some of whose entries are alike, or 0.
APART = (
    *("normal", "uniform", "offset", "mostly positive", "mostly negative"),
    *("rising", "falling", "negative"),
)
ALIKE = ("pixels", "sparse", "one-hot", "equal rows")
#: Kinds without a negative entry, and those with some, or none but them.
POSITIVE = ("uniform", "pixels", "one-hot")
SIGNED = tuple(kind for kind in KINDS if kind not in POSITIVE)


def sized(x: np.ndarray, size: float) -> np.ndarray:
    """Return a multiple of x, of which the largest entry has this size."""
    return np.asarray(x * (size / np.abs(x).max()))


#: Shapes of one axis, and of any number, every second or third of a few entries.
VECTORS = ((12,), (100,), (1,), (17,), (7,), (3,), (30,), (9,), (5,), (20,), (2,))
ANY = (
    *((12,), (5, 3), (1,), (2, 4, 3), (17,), (1, 3)),
    *((10, 10), (3, 2, 2, 4), (5,), (3, 7), (2,)),
)
_FEW = 6


def arrays(
    rng: np.random.Generator,
    shapes: Sequence[tuple[int, ...]],
    sizes: Sequence[float],
    kinds: Sequence[str] = tuple(KINDS),
) -> list[np.ndarray]:
    """Return an array of each of ``sizes``, and one of each kind as it usually is: of the
    size that comes with it and more than a few entries. Kinds and shapes come in turn."""
    order = rng.permutation(kinds).tolist()
    many = [shape for shape in shapes if math.prod(shape) > _FEW]
    first, large = int(rng.integers(len(shapes))), itertools.cycle(many)
    turns = itertools.islice(itertools.cycle(shapes), first, None)
    each = zip(sizes, itertools.cycle(order), turns, strict=False)
    found = [sized(KINDS[kind](rng, shape), size) for size, kind, shape in each]
    usual = zip(order, large, strict=False)
    return found + [KINDS[kind](rng, shape) for kind, shape in usual]


def shares(trial: Trial) -> list[float]:
    """Return 33 keep probabilities from all over the range, those near its ends first."""
    return near_the_ends(trial.rng) + corners.spread_keep_probs(trial)


def with_keep_probs(
    trial: Trial,
    shapes: Sequence[tuple[int, ...]],
    low: float,
    high: float,
    kinds: Sequence[str] = tuple(KINDS),
) -> list[tuple[np.ndarray, float]]:
    """Return ``arrays`` of these shapes, from ``low`` to ``high``, with keep probabilities
    from all over the range."""
    rng = trial.rng
    found = arrays(rng, shapes, magnitudes(rng, low, high), kinds)
    usual = corners.spread_keep_probs(trial)
    # What shows at usual keep probabilities alone is of each kind.
    near, number = near_the_ends(rng), len(found) - len(kinds)
    mixed = rng.permutation([*near, *usual][:number]).tolist()
    return list(zip(found, [*mixed, *usual[::-1]], strict=False))


#: Rows, columns and columns behind them; the first two have more than a few entries.
_LAYERS = (
    (12, 4, 3),
    (5, 9, 2),
    (30, 3, 4),
    (2, 1, 7),
    (9, 2, 5),
    (20, 6, 1),
    (3, 1, 8),
)


def layers(
    rng: np.random.Generator, low: float, high: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield x (N, D) and weights (D, C), each of every kind, and of all sizes from ``low``
    to ``high``, independently; last in the size that comes with the kind."""
    found = []
    for side in (0, 1):
        shapes = itertools.cycle(each[side : side + 2] for each in _LAYERS)
        order = rng.permutation([*KINDS]).tolist()
        kinds = itertools.cycle(order)
        sizes = rng.permutation(magnitudes(rng, low, high)).tolist()
        each = zip(sizes, kinds, shapes, strict=False)
        made = ((KINDS[kind](rng, shape), size) for size, kind, shape in each)
        # All rows of x alike have no variance, which would hide the size of weights.
        found.append(
            [
                sized(
                    x if side or np.ptp(x, axis=0).any() else x + _rising(rng, x.shape),
                    size,
                )
                for x, size in made
            ]
        )
        found[-1] += [
            KINDS[kind](rng, _LAYERS[i % 2][side : side + 2])
            for i, kind in enumerate(order)
        ]
    yield from zip(*found, strict=True)
