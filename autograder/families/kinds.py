"""Calls of every kind, counted kind by kind: none has a rate of its own.

An answer that is right where one looks first may treat float32 apart, or few units, or
some keep probabilities, or ``training=True`` when it is passed. Calls are drawn all over
the stated range, and what is kept is counted by each of their marks, and by each two.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np

from autograder.contract import facts
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import Trial, put_zeros, usual
from autograder.families import corners
from autograder.families.elementwise import DTYPES
from autograder.laws.binomial import EveryKind

RATE, PAIRS = "calls of every kind", "pairs in calls of every kind"
#: 12 ranges of keep_prob, 2 dtypes, 2 ways to say that it is training, 4 numbers of axes, 5
#: sizes, of the first axis 5, 3 of signs, 6 of entries, 2 orders in memory, 5 numbers of
#: entries that share a bit; two of these; and 8 kinds of pairs with them (1,334 in all), or 9
#: places, in all sizes and in each of 4 (1,003), and those of ``by_values`` (338).
LAW = EveryKind(1350, detects=0.16)

_EDGES = np.linspace(0.03, 0.97, 13)
_MOST = 600
#: The greatest number of bits, or of rows, and what a call with so many is said to have.
_SIZES = {
    1: "1",
    8: "2 to 8",
    40: "9 to 40",
    200: "41 to 200",
    _MOST: f"201 to {_MOST}",
}
_LIMITS, _NAMES = [*_SIZES], [*_SIZES.values(), "more"]
_DTYPES, ORDERS = ("float64", "float32"), ("rows in a row", "x transposed")
#: Places in a call, by its values or by its length.
_PLACES = (
    "the entry farthest from 0",
    "the entry nearest to 0",
    "the entry that is greatest",
    "the entry that is least",
    "the first place",
    "the second place",
    "the middle place",
    "the last place",
    "a place drawn once",
)
#: Calls have numbers of bits from each of these by turns, in each range of keep_prob so
#: often: a place has one bit a call, and where it is kept always, at a mean of one half,
#: 50 of them show it (50 log 2 > ``LAW.exponent``). Of each size from 9 on there are about
#: 55, of 2 to 8 a few less: there a place shows with those of other sizes.
_NUMBERS, _TURNS = ((1, 8), (9, 40), (41, 200), (201, _MOST)), 5

#: The share of calls whose x has many zeros.
_ZEROS = 0.15

_MODES = ("training left out", "training=True")

#: Returns a random shape of about so many bits, in so many rows if that is not 0.
Shape = Callable[[np.random.Generator, int, int], tuple[int, ...]]


class Given(NamedTuple):
    """The arguments of a call before keep_prob and rng, and how its bits are read.

    ``marks`` say what kind of call it is; ``bits(result, keep_prob, name)``, by the
    function's name, has the shape of ``values``: the entries that the bits keep, or how
    large those are that share a bit; ``signed`` has their mean. ``shown``: where the bits
    show, if not everywhere."""

    args: tuple[Any, ...]
    marks: Mapping[str, str]
    values: np.ndarray
    bits: Callable[[Any, float, str], np.ndarray]
    signed: np.ndarray | None = None
    shown: np.ndarray | None = None


@dataclass(frozen=True)
class Kinds:
    """Calls all over an exercise's range: ``make`` gives one with about so many bits, and so
    many rows if that is not 0, of ``what``, each of which is set in the case of an ``event``.
    ``modes``: whether training may be passed. ``probability`` of a bit at a keep probability.
    ``of_each_call``: whether each call has a keep probability of its own, or each of their
    ranges. ``of``: through what the student's function is called. ``zeros`` and ``usual``:
    what gives such calls with an x half of which is 0, or of usual entries."""

    make: Callable[[Trial, np.random.Generator, int, int], Given]
    what: str = "units"
    event: str = "kept"
    modes: bool = True
    probability: Callable[[float], float] = float
    of_each_call: bool = True
    of: Callable[[StudentFunction, Trial], Any] = lambda function, trial: function
    zeros: Callable[[Trial, np.random.Generator, int, int], Given] | None = None
    usual: Callable[[Trial, np.random.Generator, int, int], Given] | None = None


def _pick(names: Sequence[str], where: float) -> str:
    """Return the name at this share of the list."""
    return names[int(where * len(names))]


def any_array(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    zeros: float = 0.0,
    plain: bool = False,
) -> tuple[np.ndarray, dict[str, str]]:
    """Return an array of any kind, a share ``zeros`` of it 0, and its marks."""
    a, b = rng.random(2).tolist()
    dtype, order = _pick(_DTYPES, a), _pick(ORDERS, b)
    # What ``trial.inputs`` gives, from this generator: many small arrays take long.
    x, marks = corners.of_a_kind(usual(rng, shape), rng, plain)
    x = x.astype(dtype)
    if zeros and x.size > 1:
        one, marks["entries"] = x.flat[0], "entries of which half are 0"
        x = put_zeros(x, zeros, rng)
        x.flat[0] = x.flat[0] if x.any() else one
    x = corners.transposed(x) if order == ORDERS[1] else x
    return x, marks | {"dtype": dtype, "axes": f"{len(shape)} axes", "order": order}


def of_arrays(
    shape: Shape,
    call_text: Callable[..., str],
    bits: Callable[[np.ndarray, np.ndarray, float], np.ndarray],
    values: Callable[[np.ndarray], np.ndarray] = np.asarray,
    what: str = "units",
    signed: Callable[[np.ndarray], np.ndarray | None] = lambda x: None,
    **how: Any,
) -> Kinds:
    """Return the calls of a layer ``function(x, keep_prob, rng, training=True) -> (out,
    cache)``, whose bits are ``bits(x, out, keep_prob)``, on x of random shapes, dtypes and
    entries; ``how`` is as in ``Kinds``."""

    def make(
        trial: Trial,
        rng: np.random.Generator,
        number: int,
        rows: int,
        zeros: float = 0.0,
        plain: bool = False,
    ) -> Given:
        of = shape(rng, number, rows)
        x, marks = any_array(rng, of, zeros, plain)

        def read(result: Any, keep_prob: float, name: str) -> np.ndarray:
            text = call_text(name, of, keep_prob)
            out = facts.float_array(facts.pair(result, text)[0], of, text, "out")
            return bits(x, out, keep_prob)

        own = values(x)
        if values is not np.asarray:
            marks["shared"] = f"{size_of(x.size // own.size)} entries a bit"
        return Given((x,), marks, own, read, signed(x), own != 0 if zeros else None)

    how |= {"zeros": partial(make, zeros=0.5), "usual": partial(make, plain=True)}
    return Kinds(make, what, **how)


def units(call_text: Callable[..., str], **how: Any) -> Kinds:
    """Return the calls of a layer in which each entry has a bit, and is 0 where dropped."""
    return of_arrays(any_form, call_text, lambda x, out, _: out != 0, **how)


def any_form(rng: np.random.Generator, number: int, rows: int) -> tuple[int, ...]:
    """Return a shape of 1 to 4 axes with about so many entries."""
    return sides(rng, number, int(rng.integers(2 if rows else 1, 5)), rows)


def sides(
    rng: np.random.Generator, number: int, axes: int, rows: int = 0
) -> tuple[int, ...]:
    """Return a shape of so many axes with about ``number`` entries, in so many rows, the
    last axis, if that is not 0."""
    if rows:
        return *(sides(rng, rows, axes - 1) if axes > 1 else ()), number // rows
    found, rest = [], number
    for share in rng.random(axes - 1).tolist():
        side = 1 + int(share * round(rest**0.5))
        found.append(side)
        rest = max(1, rest // side)
    found.insert(int(rng.random() * axes), rest)
    return tuple(found)


#: The greatest size of a whole call with an axis that shares bits, the longest such axis,
#: and in what share of calls it may be so long.
_WHOLE, _LONGEST, _LONG = 20_000, 300, 0.25


def shared_side(rng: np.random.Generator, number: int) -> int:
    """Return the length of an axis along which each of so many bits is shared: short, and
    now and then long."""
    long, share = rng.random(2).tolist()
    longest = min(_LONGEST, _WHOLE // number) if long < _LONG else 3
    return 1 + int(share * longest)


def every_form(
    rng: np.random.Generator, sizes: Iterable[int]
) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield a shape of about so many entries each, of 1 to 4 axes in turn, and a dtype:
    both of them for every number of axes."""
    for turn, size in enumerate(sizes):
        yield sides(rng, size, 1 + turn % 4), DTYPES[turn // 4 % 2]


class _Call(NamedTuple):
    given: Given
    keep_prob: float
    marks: Mapping[str, str]
    #: Which pairs of its bits are compared, from 0 to 1.
    turn: float


def _drawn(trial: Trial, kinds: Kinds, least: int) -> Iterator[_Call]:
    """Yield calls until each range of keep probabilities has ``least`` bits and more."""
    rng = trial.rng
    for low, high in pairwise(_EDGES.tolist()):
        keep_prob, found = low + (high - low) * rng.random(), 0
        turns, between = 0, f"keep_prob from {low:.2f} to {high:.2f}"
        while found < least or turns < _TURNS * len(_NUMBERS):
            few, many = _NUMBERS[turns % len(_NUMBERS)]
            number = round(few * (many / few) ** rng.random())
            make = kinds.zeros if rng.random() < _ZEROS else None
            given = (make or kinds.make)(trial, rng, number, 0)
            turns += 1
            marks = {
                "keep_prob": between,
                "size": f"{size_of(given.values.size)} {kinds.what}",
                "rows": f"a first axis of {size_of(len(given.values))}",
                **given.marks,
            }
            if kinds.modes:
                marks["mode"] = _pick(_MODES, rng.random())
            yield _Call(given, keep_prob, marks, rng.random())
            found += given.values.size
            if kinds.of_each_call:
                keep_prob = low + (high - low) * rng.random()


def size_of(number: int) -> str:
    """Return the class of sizes in which so many bits, or rows, are."""
    return _NAMES[bisect_left(_LIMITS, number)]


def _results(
    function: StudentFunction, trial: Trial, calls: Sequence[_Call]
) -> Iterator[tuple[_Call, Any]]:
    """Yield the calls with what they return."""
    for mode in _MODES:
        own = [call for call in calls if call.marks.get("mode", _MODES[0]) == mode]
        how = {"training": True} if mode != _MODES[0] else {}
        rng = trial.generator()
        given = [(*call.given.args, call.keep_prob, rng) for call in own]
        try:
            results = function.each(given, **how)
        except StudentError:
            # Which of them it was, and so the message, shows in calls one by one; but for
            # one that fails at times.
            for args in given:
                function(*args, **how)
            raise
        yield from zip(own, results, strict=True)


class _Tally:
    """Counts by kind: how many bits, how many of them set, and the sum of what was to be
    expected."""

    def __init__(self, share: float = 0.0) -> None:
        self._marks: dict[str, list[str]] = defaultdict(list)
        self._counts: list[tuple[float, float, float]] = []
        self._share = share
        #: By size: which bits in special places are set, and the probability of each.
        self._places: dict[str, list[tuple[list[bool], float]]] = defaultdict(list)

    def add(
        self, marks: Mapping[str, str], bits: np.ndarray, probability: float
    ) -> None:
        """Count the bits of a call, each of which is set with this probability."""
        for what, text in marks.items():
            self._marks[what].append(text)
        size = bits.size
        self._counts.append((size, int(np.count_nonzero(bits)), size * probability))

    def add_places(
        self, bits: np.ndarray, values: np.ndarray, probability: float
    ) -> None:
        """Count the bits in special places of a call, by its size."""
        if bits.size < 2:
            return
        kept = bits.ravel()[_places(values, self._share)].tolist()
        self._places[f", among {size_of(bits.size)}"].append((kept, probability))

    def counts(self) -> dict[str, tuple[int, int, float]]:
        """By kind: the number of bits, of those that are set, and the sum of their
        probabilities."""
        calls, found = np.array(self._counts), dict[str, Sequence[float]]()
        codes = [_numbered(texts) for texts in self._marks.values()]
        for levels, code in codes:
            found |= _summed(calls, levels, code)
        for (levels, code), (more, other) in combinations(codes, 2):
            names = [f"{one}, {two}" for one in levels for two in more]
            found |= _summed(calls, names, code * len(more) + other)
        if self._places:
            by_size = {of: _summed_places(some) for of, some in self._places.items()}
            whole = np.sum([*by_size.values()], axis=0)
            for of, places in (("", whole), *by_size.items()):
                found |= {
                    f"{place}{of}": n
                    for place, n in zip(_PLACES, places.tolist(), strict=True)
                }
        return {
            kind: (int(n), int(k), float(total))
            for kind, (n, k, total) in found.items()
            if n
        }


def _numbered(texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return what different texts there are, in order, and which of these each is."""
    levels = sorted(set(texts))
    places = {text: place for place, text in enumerate(levels)}
    return levels, np.array([places[text] for text in texts])


def _places(values: np.ndarray, share: float) -> list[int]:
    """Return where ``_PLACES`` lie among values, one of them at this share of the length."""
    values, size = np.ascontiguousarray(values), values.size
    far = np.abs(values)
    by_value = far.argmax(), far.argmin(), values.argmax(), values.argmin()
    return [*map(int, by_value), 0, 1, size // 2, size - 1, int(share * size)]


def _summed_places(some: Sequence[tuple[list[bool], float]]) -> np.ndarray:
    """Return, by place: the number of bits, of those that are set, and the sum of their
    probabilities."""
    counts = np.sum([kept for kept, _ in some], axis=0)
    total = np.cumsum([probability for _, probability in some])[-1]
    each = np.ones_like(counts)
    return np.array((len(some) * each, counts, total * each)).T


def _summed(
    calls: np.ndarray, names: Sequence[str], code: np.ndarray
) -> dict[str, Sequence[float]]:
    sums = [np.bincount(code, column, len(names)).tolist() for column in calls.T]
    return dict(zip(names, zip(*sums, strict=True), strict=True))


def _pairs(bits: np.ndarray, turn: float) -> tuple[str, np.ndarray] | None:
    """Return which disjoint pairs of a call's bits, neighbours or half an axis apart, and
    where they are alike; None of a single bit."""
    axes = [axis for axis in range(bits.ndim) if bits.shape[axis] > 1]
    if not axes:
        return None
    which, place = divmod(int(turn * 2 * len(axes)), len(axes))
    axis, half = axes[place], bits.shape[axes[place]] // 2
    lines = bits.swapaxes(0, axis)[: 2 * half]
    first, second = (lines[:half], lines[half:]) if which else (lines[::2], lines[1::2])
    return f"{('neighbours', 'halves')[which]} along axis {axis}", first == second


#: What is counted in the calls, by look.
Counts = dict[str, dict[str, tuple[int, int, float]]]


def counted(
    function: StudentFunction, trial: Trial, kinds: Kinds, look: str
) -> tuple[int, Counts]:
    """Return the number of calls, which all checks of one grading share, and the counts."""
    if "kinds" not in trial.notes:
        calls, bits, pairs = (
            [*_drawn(trial, kinds, trial.size(look))],
            _Tally(float(trial.rng.random())),
            _Tally(),
        )
        for call, result in _results(kinds.of(function, trial), trial, calls):
            own = call.given.bits(result, call.keep_prob, function.name)
            p, values = kinds.probability(call.keep_prob), call.given.values
            if (shown := call.given.shown) is not None:
                own, values = own[shown], values[shown]
            bits.add(call.marks, own, p)
            bits.add_places(own, values, p)
            if (two := _pairs(own, call.turn)) is not None:
                pairs.add({**call.marks, "pairs": two[0]}, two[1], p**2 + (1 - p) ** 2)
        trial.notes["kinds"] = len(calls), {RATE: bits.counts(), PAIRS: pairs.counts()}
    found: tuple[int, Counts] = trial.notes["kinds"]
    return found
