"""Calls of every kind, counted kind by kind: none has a rate of its own.

An answer that is right where one looks first may treat float32 apart, or few units, or
some keep probabilities, or ``training=True`` when it is passed. Calls are drawn all over
the stated range, and what is kept is counted by each of their marks, and by each two.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from autograder.contract import facts
from autograder.contract.domain import LEAST
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import Trial, put_zeros, usual
from autograder.families import corners, entries
from autograder.families.elementwise import DTYPES
from autograder.families.entries import Entries
from autograder.families.pairs import pairs_of
from autograder.families.tally import MOST, Tally, size_of
from autograder.laws.binomial import EveryKind

RATE, PAIRS = "calls of every kind", "pairs in calls of every kind"
#: 14 ranges of keep_prob, 2 dtypes, 2 ways to say that it is training, 4 numbers of axes, 5
#: sizes, of the first axis 5, 5 of signs, 20 of entries, 2 orders in memory, 5 numbers of
#: entries that share a bit; two of these; and 8 kinds of pairs with them (2,270 in all), or 9
#: places, in all sizes and in each of 4, and those of ``by_values`` (338).
LAW = EveryKind(2700, detects=0.16)

_EDGES = np.linspace(0.03, 0.97, 13)
#: How many calls have keep probabilities from ``LEAST`` to the first edge, and as close to
#: 1, of the most bits: where nothing is dropped from 0.97 on, or 0.03 of all is kept below
#: that, it shows in 8,000.
_NEAR_THE_ENDS = 14
_DTYPES, ORDERS = ("float64", "float32"), ("rows in a row", "x transposed")
#: Calls have numbers of bits from each of these by turns, in each range of keep_prob so
#: often: a place has one bit a call, and where it is kept always, at a mean of one half,
#: 50 of them show it (50 log 2 > ``LAW.exponent``). Of each size from 9 on there are about
#: 55, of 2 to 8 a few less: there a place shows with those of other sizes. Of the largest
#: there are twice as many, for all kinds of entries have their turn at each size: of these
#: one that is never dropped shows below a keep probability of 0.8, so each comes there.
_NUMBERS, _TURNS = ((1, 8), (9, 40), (41, 200), (201, MOST), (201, MOST)), 5

#: The share of calls of usual entries, besides those that have their turn, and with zeros.
_USUAL, _ZEROS = 0.25, 0.2
#: What share of x is 0 there, at least and at most; up to half is some, and more is most.
_FEW, _MANY = 0.05, 0.95
#: How many times as many entries there are at most where a share is 0.
_MORE = 4

_MODES: Mapping[str, Mapping[str, Any]] = {
    "training left out": {},
    "training=True": {"training": True},
}

#: Returns a random shape of about so many bits, in so many rows if that is not 0.
Shape = Callable[[np.random.Generator, int, int], tuple[int, ...]]


class Given(NamedTuple):
    """A call's arguments before keep_prob and rng, ``how`` it is made besides, by keywords,
    and how its bits are read.

    ``marks`` say what kind of call it is; ``bits(result, keep_prob, name)``, by the
    function's name, has the shape of ``values``: the entries that the bits keep, or how
    large those are that share a bit; ``signed`` has their mean. ``shown``: where the bits
    show, if not everywhere. ``may_stay``: of bits, or an output, and a keep probability,
    whether wrong answers of other kinds always give just these."""

    args: tuple[Any, ...]
    marks: Mapping[str, str]
    values: np.ndarray
    bits: Callable[[Any, float, str], np.ndarray]
    signed: np.ndarray | None = None
    shown: np.ndarray | None = None
    how: Mapping[str, Any] = {}
    may_stay: Callable[[np.ndarray, float], bool] = lambda bits, keep_prob: False

    def seen(self, bits: np.ndarray) -> np.ndarray:
        """Return the bits that show; outputs that are none as they are."""
        return bits if self.shown is None or bits.dtype != bool else bits[self.shown]

    @property
    def units(self) -> int:
        """How many bits show."""
        return self.values.size if self.shown is None else int(self.shown.sum())

    def filled(
        self, bits: np.ndarray, probability: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Return bits of which those that do not show are drawn here with their
        ``probability``: all of them have the law that bits should have."""
        if self.shown is None:
            return bits
        return np.where(self.shown, bits, rng.random(bits.shape) < probability)


_OfEntries = Callable[[Trial, np.random.Generator, int, int, Entries], Given]


@dataclass(frozen=True)
class Kinds:
    """Calls all over an exercise's range: ``make`` gives one with about so many bits, and so
    many rows if that is not 0, of ``what``, each of which is set in the case of an ``event``.
    ``modes``: whether training may be passed. ``probability`` of a bit at a keep probability.
    ``of_each_call``: whether each call has a keep probability of its own, or each of their
    ranges. ``of``: through what the student's function is called. ``zeros`` and
    ``entries``: what gives such calls with an x that is 0 in part, or of one of
    ``entries.KINDS``. ``asked``: what messages say of a call's keep probability."""

    make: Callable[[Trial, np.random.Generator, int, int], Given]
    what: str = "units"
    event: str = "kept"
    modes: bool = True
    probability: Callable[[float], float] = float
    of_each_call: bool = True
    of: Callable[[StudentFunction, Trial], Any] = lambda function, trial: function
    zeros: Callable[[Trial, np.random.Generator, int, int], Given] | None = None
    entries: _OfEntries | None = None
    asked: Callable[[Given, float], str] = lambda given, p: f"keep_prob = {p}"

    def call(
        self,
        trial: Trial,
        rng: np.random.Generator,
        number: int,
        rows: int = 0,
        kind: Entries | None = None,
        zeros: bool = False,
    ) -> Given:
        """Return such a call, with ``zeros`` or of entries of a ``kind`` where it has any;
        where training may be passed, it is in half of the calls."""
        if zeros and self.zeros is not None:
            given = self.zeros(trial, rng, number, rows)
        elif kind is not None and self.entries is not None:
            given = self.entries(trial, rng, number, rows, kind)
        else:
            given = self.make(trial, rng, number, rows)
        if not self.modes:
            return given
        mode = _pick([*_MODES], rng.random())
        return given._replace(marks={**given.marks, "mode": mode}, how=_MODES[mode])


def _pick(names: Sequence[str], where: float) -> str:
    """Return the name at this share of the list."""
    return names[int(where * len(names))]


_ONE = np.ones(1)


def ones(shape: tuple[int, ...]) -> np.ndarray:
    """Return the entries of what has none, a mask: ones, which lie in one place."""
    return np.ndarray(shape, float, _ONE, strides=(0,) * len(shape))


def some_share(rng: np.random.Generator, zeros: bool) -> float:
    """Return what share of x is to be 0, if any."""
    return float(rng.uniform(_FEW, _MANY)) if zeros else 0.0


def any_array(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    kind: Entries | None = None,
    zeros: float = 0.0,
) -> tuple[np.ndarray, dict[str, str]]:
    """Return an array of a ``kind``, or of any, with a share of ``zeros``, and its marks."""
    a, b = rng.random(2).tolist()
    dtype, order = _pick(_DTYPES, a), _pick(ORDERS, b)
    # What ``trial.inputs`` gives, from this generator: many small arrays take long.
    x, marks = entries.of_a_kind(usual(rng, shape), rng, kind)
    x = x.astype(dtype)
    if zeros and x.size > 1:
        one = x.flat[0]
        marks["entries"] = f"entries of which {'most' if zeros > 0.5 else 'some'} are 0"
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
        kind: Entries | None = None,
        zeros: bool = False,
    ) -> Given:
        share = some_share(rng, zeros)
        rows = rows or (kind.rows(rng, number) if kind is not None else 0)
        if number <= MOST:
            # Of bits that show there are about as many as without zeros, up to a point.
            number = round(number * min(_MORE, 1 / (1 - share)))
        of = shape(rng, number, rows)
        x, marks = any_array(rng, of, kind, share)

        def read(result: Any, keep_prob: float, name: str) -> np.ndarray:
            text = call_text(name, of, keep_prob)
            out = facts.float_array(facts.pair(result, text)[0], of, text, "out")
            return bits(x, out, keep_prob)

        own = values(x)
        if values is not np.asarray:
            marks["shared"] = f"{size_of(x.size // own.size)} entries a bit"
        return Given((x,), marks, own, read, signed(x), own != 0 if zeros else None)

    return Kinds(make, what, zeros=partial(make, zeros=True), entries=make, **how)


def units(call_text: Callable[..., str], **how: Any) -> Kinds:
    """Return the calls of a layer in which each entry has a bit, and is 0 where dropped."""
    return of_arrays(any_form, call_text, lambda x, out, _: out != 0, **how)


def any_form(rng: np.random.Generator, number: int, rows: int) -> tuple[int, ...]:
    """Return a shape of 1 to 4 axes with about so many entries."""
    least = 2 if rows else 1
    return sides(rng, number, least + int((5 - least) * rng.random()), rows)


def sides(
    rng: np.random.Generator, number: int, axes: int, rows: int = 0
) -> tuple[int, ...]:
    """Return a shape of so many axes with about ``number`` entries, in so many rows, the
    last axis, if that is not 0; most of the rows lie along the first axis."""
    if rows:
        first = sorted(sides(rng, rows, axes - 1), reverse=True) if axes > 1 else ()
        return *first, number // rows
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
    orders = {numbers: entries.in_turn(rng) for numbers in dict.fromkeys(_NUMBERS)}
    for low, high in pairwise(_EDGES.tolist()):
        keep_prob, found = low + (high - low) * rng.random(), 0
        turns, between = 0, f"keep_prob from {low:.2f} to {high:.2f}"
        while found < least or turns < _TURNS * len(_NUMBERS):
            turn = turns % len(_NUMBERS)
            numbers = few, many = _NUMBERS[turn]
            number = round(few * (many / few) ** rng.random())
            given = _of_turn(trial, kinds, number, orders[numbers])
            turns += 1
            marks = _marks(kinds, given, between)
            yield _Call(given, keep_prob, marks, rng.random())
            found += given.values.size
            if kinds.of_each_call:
                keep_prob = low + (high - low) * rng.random()
    yield from _near_the_ends(trial, kinds, orders[_NUMBERS[-1]])


def _near_the_ends(
    trial: Trial, kinds: Kinds, turns: Iterator[Entries]
) -> Iterator[_Call]:
    """Yield calls with keep probabilities from all over the ranges at both ends, as likely
    of one size as of another."""
    low, rng = float(_EDGES[0]), trial.rng
    for near, between in (
        (float, f"keep_prob from {LEAST} to {low:.2f}"),
        (lambda share: 1 - share, f"keep_prob from {1 - low:.2f} to {1 - LEAST}"),
    ):
        for share in rng.random(_NEAR_THE_ENDS).tolist():
            given = _of_turn(trial, kinds, MOST, turns)
            keep_prob = near(LEAST * (low / LEAST) ** share)
            yield _Call(given, keep_prob, _marks(kinds, given, between), rng.random())


def _marks(kinds: Kinds, given: Given, between: str) -> Mapping[str, str]:
    return {
        "keep_prob": between,
        "size": f"{size_of(given.values.size)} {kinds.what}",
        "rows": f"a first axis of {size_of(len(given.values))}",
        **given.marks,
    }


def _of_turn(
    trial: Trial, kinds: Kinds, number: int, turns: Iterator[Entries]
) -> Given:
    """Return a call with so many bits, of entries whose turn it is, now and then of usual
    ones or with zeros. Calls without either have no turns, which take long."""
    if kinds.entries is None and kinds.zeros is None:
        trial.skip()
        return kinds.call(trial, trial.rng, number)
    which = trial.rng.random()
    usual = kinds.entries is None or which > 1 - _USUAL
    kind = entries.KINDS[0] if usual else next(turns)
    return kinds.call(trial, trial.rng, number, 0, kind, which < _ZEROS)


def _results(
    function: StudentFunction, trial: Trial, calls: Sequence[_Call]
) -> Iterator[tuple[_Call, Any]]:
    """Yield the calls with what they return."""
    for how in _MODES.values():
        own = [call for call in calls if call.given.how == how]
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


#: What is counted in the calls, by look.
Counts = dict[str, dict[str, tuple[int, int, float]]]


def counted(
    function: StudentFunction, trial: Trial, kinds: Kinds, look: str
) -> tuple[int, Counts]:
    """Return the number of calls, which all checks of one grading share, and the counts."""
    if "kinds" not in trial.notes:
        calls, bits, pairs = (
            [*_drawn(trial, kinds, trial.size(look))],
            Tally(float(trial.rng.random())),
            Tally(),
        )
        for call, result in _results(kinds.of(function, trial), trial, calls):
            own = call.given.bits(result, call.keep_prob, function.name)
            p, values = kinds.probability(call.keep_prob), call.given.values
            shown = call.given.shown
            two = pairs_of(own, call.turn, shown)
            if shown is not None:
                own, values = own[shown], values[shown]
            bits.add(call.marks, own, p)
            bits.add_places(own, values, p)
            if two is not None:
                pairs.add({**call.marks, "pairs": two[0]}, two[1], p**2 + (1 - p) ** 2)
        trial.notes["kinds"] = len(calls), {RATE: bits.counts(), PAIRS: pairs.counts()}
    found: tuple[int, Counts] = trial.notes["kinds"]
    return found
