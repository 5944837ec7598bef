"""What entries whole arrays have: signs, sizes, laws and orders, all over what people pass.

Of none of them a function may be wrong: so checks draw calls of each."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

#: Makes entries of usual ones, whose magnitudes lie evenly in [0.5, 3], and of a number
#: drawn from [0, 1).
_Make = Callable[[np.ndarray, float], np.ndarray]


#: Its multiples, less whole numbers, lie far apart, however many they are.
_GOLDEN = (5**0.5 - 1) / 2


#: The greatest number of rows of an array whose entries lie in rows.
_ROWS = 16


class Entries(NamedTuple):
    """Signs and entries of a whole array: what is said of them, and what makes them;
    whether only arrays with rows have such."""

    signs: str
    entries: str
    make: _Make
    in_rows: bool = False

    def rows(self, rng: np.random.Generator, number: int) -> int:
        """Return how many rows so many bits are to have, of two bits and more; 0 where
        these are too few, or entries lie in no rows."""
        most = min(number // 2, _ROWS)
        return 2 + int(rng.random() * (most - 1)) if self.in_rows and most > 1 else 0

    def at(self, share: float) -> "Entries":
        """Return the same, made with this number."""
        return self._replace(make=lambda x, _: self.make(x, share))


def _even(x: np.ndarray) -> np.ndarray:
    """Return usual entries as numbers that lie evenly in (0, 1)."""
    found: np.ndarray = ((np.abs(x) - 0.5) / 2.5).clip(1e-12, 1 - 1e-12)
    return found


def _logistic(x: np.ndarray, share: float) -> np.ndarray:
    """Return numbers of a bell-shaped law around 0, many of which are close to it."""
    v = (_even(x) + (x > 0)) / 2
    found: np.ndarray = np.log(v / (1 - v))
    return found


def _mostly_positive(x: np.ndarray, share: float) -> np.ndarray:
    """Return the entries, of which 5 to 45 % are below 0."""
    last: np.ndarray = 4096 * np.abs(x) % 1
    found: np.ndarray = np.copysign(x, last - 0.05 - 0.4 * share)
    return found


def _about_a_mean(x: np.ndarray, share: float) -> np.ndarray:
    """Return the entries about another mean, of half their spread to 100 times that."""
    return x + 10 ** (2.3 * share)


def _repeated(axis: int) -> _Make:
    def make(x: np.ndarray, share: float) -> np.ndarray:
        found: np.ndarray = np.repeat(x.take([0], axis), x.shape[axis], axis)
        return found

    return make


def _rising(x: np.ndarray, share: float) -> np.ndarray:
    found: np.ndarray = np.sort(x, axis=None).reshape(x.shape)
    return found


def _negative(make: _Make) -> _Make:
    return lambda x, share: -make(x, share)


_BOTH, _POSITIVE, _NEGATIVE = (
    "entries of both signs",
    "positive entries",
    "negative entries",
)
USUAL = "usual entries"
_SIGNS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    _BOTH: lambda x: x,
    _POSITIVE: np.abs,
    _NEGATIVE: lambda x: -np.abs(x),
}
#: Of each of the signs.
_SIZES: Mapping[str, _Make] = {
    USUAL: lambda x, _: x,
    "equal entries": lambda x, _: np.full(x.shape, x.flat[0]),
    # So large that those of a row hardly ever add up to 0.
    "whole numbers": lambda x, _: np.copysign(np.ceil(300 * np.abs(x)), x),
    "large entries": lambda x, share: 10 ** (3 + 8.5 * share) * x,
    "entries of tens and hundreds": lambda x, share: 10 ** (0.5 + 2 * share) * x,
    "entries below 1": lambda x, share: 10 ** (-1.6 + 1.1 * share) * x,
    "entries of hundredths": lambda x, share: 10 ** (-3.8 + 2.2 * share) * x,
    "small entries": lambda x, share: 10 ** (-4 - 3 * share) * x,
}


def _signed(signs: str, entries: str) -> Entries:
    of, make = _SIGNS[signs], _SIZES[entries]
    return Entries(signs, entries, lambda x, share: of(make(x, share)))


_MORE_POSITIVE, _MORE_NEGATIVE = "more positive entries", "more negative entries"
_MEAN = "entries about another mean than 0"
#: Those whose entries have signs that are another kind of their own.
_OF_SIGNS = tuple(
    tuple(_signed(signs, entries) for signs in _SIGNS) for entries in _SIZES
)
_OTHERS = (
    Entries(_BOTH, "entries that crowd around 0", _logistic),
    Entries(_BOTH, "entries of one size", lambda x, share: np.copysign(share + 0.1, x)),
    Entries(
        _BOTH,
        "small whole numbers",
        lambda x, _: np.copysign(np.ceil(5 * _even(x)), x),
    ),
    Entries(_BOTH, "entries in rising order", _rising),
    Entries(_BOTH, "entries in falling order", _negative(_rising)),
    Entries(_BOTH, "equal rows", _repeated(0), in_rows=True),
    Entries(_BOTH, "equal columns", _repeated(-1), in_rows=True),
    Entries(_POSITIVE, "entries from 0 to 1", lambda x, _: _even(x)),
    Entries(_POSITIVE, "whole numbers to 255", lambda x, _: np.ceil(255 * _even(x))),
    Entries(_MORE_POSITIVE, _MEAN, _about_a_mean),
    Entries(_MORE_NEGATIVE, _MEAN, _negative(_about_a_mean)),
    Entries(_MORE_POSITIVE, USUAL, _mostly_positive),
    Entries(_MORE_NEGATIVE, USUAL, _negative(_mostly_positive)),
)
#: All of them; the first is what is usual.
KINDS: tuple[Entries, ...] = (*itertools.chain(*_OF_SIGNS), *_OTHERS)
#: Of each of these one has its turn: usual entries of each of the signs, others of one.
_IN_TURN = (*((kind,) for kind in (*_OF_SIGNS[0], *_OTHERS)), *_OF_SIGNS[1:])
#: How many have their turn before one has it again.
TURNS = len(_IN_TURN)
#: How often entries are usual: what depends on their order shows among these.
_USUAL = 0.4


def of_a_kind(
    x: np.ndarray, rng: np.random.Generator, kind: Entries | None = None
) -> tuple[np.ndarray, dict[str, str]]:
    """Return an array of the shape of x, of usual entries, all of whose entries are of a
    ``kind``, or one drawn from all, and of which, under "signs" and "entries"."""
    which, share, usual = rng.random(3).tolist()
    if kind is None:
        kind = KINDS[0 if usual < _USUAL else int(which * len(KINDS))]
    return kind.make(x, share), {"signs": kind.signs, "entries": kind.entries}


def in_turn(rng: np.random.Generator) -> Iterator[Entries]:
    """Yield all kinds again and again, in another order each time; usual entries of each of
    the signs, others of one of these. Each kind's sizes are spread as evenly as can be."""
    first = rng.random(TURNS).tolist()
    for turn in itertools.count():
        for number in rng.permutation(TURNS).tolist():
            own = _IN_TURN[number]
            kind = own[int(rng.random() * len(own))]
            yield kind.at((first[number] + turn * _GOLDEN) % 1)


def of_every_kind(
    arrays: Iterable[np.ndarray], rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, str]]:
    """Yield what ``of_a_kind`` makes of the arrays, all kinds in turn, in random order, and
    in words which."""
    for x, kind in zip(arrays, in_turn(rng), strict=False):
        yield kind.make(x, 0.0), f"{kind.signs}, {kind.entries}"
