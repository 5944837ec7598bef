"""Arrays of few rows, or of short ones, that keep a fixed number each: asked for so often
that no chance is left.

Each unit is kept as often as any other, by its place and by its entry, and so is each pair;
and a row tells nothing of the next one, nor of the call before.
"""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from autograder.contract import facts
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial, usual
from autograder.families.elementwise import DTYPES, Wrong, call_text
from autograder.families.small_calls import TOO_FAR
from autograder.laws.binomial import tail_exponents

#: How many rows there are and how many units in each, both from and to; None is a square.
_ROWS_AND_UNITS = (
    ((2, 3), (2, 3)),
    ((4, 5), (3, 6)),
    ((2, 5), (7, 12)),
    ((1, 1), (4, 12)),
    (None, (4, 7)),
    (None, (8, 10)),
)
_CALLS = 100
#: From this exponent on of rows that agree, one of each call is counted: all of them may
#: follow from that one.
_DEPENDENT = 12.0


#: Pairs that tell of blocks.
_NEXT = "neighbours that are both kept or both dropped"


class _Calls(NamedTuple):
    """Calls on one array in words, x, and the masks, with an axis of calls first."""

    text: str
    x: np.ndarray
    masks: np.ndarray
    kept: int
    square: bool


class _Count(NamedTuple):
    """In which calls what happened, how often it could have, how often it did, and how
    often it should have."""

    text: str
    what: str
    number: int
    happened: int
    expected: float


def _shapes(rng: np.random.Generator) -> Iterator[tuple[int, int, int]]:
    """Yield how many rows arrays have, how many units, and how many of these are kept."""
    for rows, units in _ROWS_AND_UNITS:
        d = int(rng.integers(units[0], units[1] + 1))
        n = d if rows is None else int(rng.integers(rows[0], rows[1] + 1))
        # About half of a row, where pairs tell most.
        yield n, d, int(rng.integers(-(-d // 3), 2 * d // 3 + 1))


def _drawn(function: StudentFunction, trial: Trial) -> list[_Calls]:
    found, rng = list[_Calls](), trial.rng
    for number, (n, d, kept) in enumerate(_shapes(rng)):
        x, generator = usual(rng, (_CALLS, n, d)), trial.generator()
        x = x.astype(DTYPES[number % 2])
        results = function.each([(each, kept, generator) for each in x])
        text = call_text(function.name, (n, d), kept)
        outs = [
            facts.float_array(facts.pair(result, text)[0], (n, d), text, "out")
            for result in results
        ]
        masks = np.array(outs) != 0
        found.append(_Calls(f"{_CALLS} calls {text}", x, masks, kept, n == d))
    return found


def _alone(calls: _Calls, rng: np.random.Generator) -> _Calls:
    """Return one row of each call."""
    every, row = np.arange(_CALLS), rng.integers(calls.x.shape[1], size=_CALLS)
    x, masks = (each[every, row][:, None] for each in (calls.x, calls.masks))
    return _Calls(
        f"one row of each of {calls.text}", x, masks, calls.kept, calls.square
    )


def _chosen(calls: _Calls, rng: np.random.Generator) -> Iterator[_Count]:
    """Yield how often units are kept, by place and by entry, alone and in pairs."""
    d, kept = calls.x.shape[2], calls.kept
    bits, x = calls.masks.reshape(-1, d), calls.x.reshape(-1, d)
    sizes = np.abs(x).argsort(axis=1)
    for order, by, low in (
        (None, "place", "from the left"),
        (sizes, "size", "from the smallest"),
        (x.argsort(axis=1), "value", "from the lowest"),
    ):
        own = bits if order is None else np.take_along_axis(bits, order, axis=1)
        each = own.sum(axis=0).tolist()
        for unit, count in enumerate(each):
            what = f"unit {unit + 1} by {by} {low}, kept"
            yield _Count(calls.text, what, len(bits), count, len(bits) * kept / d)
        # How many of several units are kept varies less than if they were independent.
        half = d // 2 * len(bits)
        what = f"the half by {by} {low}, kept"
        yield _Count(calls.text, what, half, sum(each[: d // 2]), half * kept / d)
    if d > 2:
        yield from _pairs(calls, bits, rng)


def _pairs(
    calls: _Calls, bits: np.ndarray, rng: np.random.Generator
) -> Iterator[_Count]:
    """Yield how often the units of a pair, one in each row, are alike."""
    (rows, d), kept = bits.shape, calls.kept
    every, one = np.arange(rows), rng.integers(d, size=rows)
    expected = rows * (1 - 2 * kept * (d - kept) / (d * (d - 1)))
    for what, other in (
        (_NEXT, np.where(one < d - 1, one + 1, d - 2)),
        ("units half a row apart that are alike", (one + d // 2) % d),
        ("mirrored units that are alike", np.where(2 * one == d - 1, 0, d - 1 - one)),
    ):
        alike = int((bits[every, one] == bits[every, other]).sum())
        yield _Count(calls.text, what, rows, alike, expected)


def _two_rows(masks: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield pairs of rows that are independent of other pairs."""
    n, d = masks.shape[1:]
    if n > 1:
        pairs = masks[:, : n // 2 * 2].reshape(-1, 2, d)
        yield "a row and the next one", pairs[:, 0], pairs[:, 1]
    yield "a row and that of the call before", masks[::2, 0], masks[1::2, 0]


def _apart(
    calls: _Calls, rng: np.random.Generator
) -> tuple[list[_Count], list[_Count]]:
    """Return how often two rows agree in one place, and how often they are the same, or
    one is the other moved or backwards."""
    d, kept = calls.x.shape[2], calls.kept
    places, wholes = list[_Count](), list[_Count]()
    for which, one, other in _two_rows(calls.masks):
        number, every = len(one), np.arange(len(one))
        place = rng.integers(d, size=number)
        agree = int((one[every, place] == other[every, place]).sum())
        expected = number * ((kept / d) ** 2 + (1 - kept / d) ** 2)
        what = f"one place of {which}, both kept or both dropped"
        places.append(_Count(calls.text, what, number, agree, expected))
        for how, again in (
            ("the same", other),
            ("the same when moved by a place", np.roll(other, 1, axis=1)),
            ("the same backwards", other[:, ::-1]),
        ):
            same = int((one == again).all(axis=1).sum())
            expected = number / math.comb(d, kept)
            wholes.append(_Count(calls.text, f"{which}, {how}", number, same, expected))
    return places, wholes


def _together(counts: Iterable[_Count], text: str) -> list[_Count]:
    """Return the counts of each event in all of these calls."""
    found = dict[str, _Count]()
    for _, what, *own in counts:
        known = found.get(what, _Count(text, what, 0, 0, 0.0))
        n, k, expected = (a + b for a, b in zip(known[2:], own, strict=True))
        found[what] = _Count(text, what, int(n), int(k), expected)
    return [*found.values()]


def _exponents(counts: list[_Count]) -> np.ndarray:
    """Return of each count t such that one as far out has at most the probability
    exp(-t)."""
    n, k, expected = np.array([count[2:] for count in counts], float).T
    return tail_exponents(k, n, expected / n)


class _Found(NamedTuple):
    """A count that is farthest out, and its exponent."""

    exponent: float
    farthest: _Count


def _unseeded(drawn: list[_Calls]) -> list[_Calls]:
    """Return the calls without those that all have one mask, if it is another in each row:
    whether draws follow from rng has a check of its own."""
    same = [(calls.masks == calls.masks[0]).all() for calls in drawn]
    by_place = [(calls.masks == calls.masks[:, :1]).all() for calls in drawn]
    if all(alike for alike, one in zip(by_place, same, strict=True) if one):
        return drawn
    return [calls for calls, one in zip(drawn, same, strict=True) if not one]


def _farthest(counts: list[_Count]) -> _Found:
    if not counts:
        return _Found(0.0, _Count("", "", 0, 0, 0.0))
    exponents = _exponents(counts)
    place = int(np.argmax(exponents))
    # Blocks lie unevenly by chance: neighbours tell where they depart about as far.
    blocks = [i for i, count in enumerate(counts) if count.what == _NEXT]
    if blocks:
        near = max(blocks, key=lambda i: float(exponents[i]))
        if exponents[near] > max(TOO_FAR, exponents[place] / 3):
            place = near
    return _Found(float(exponents[place]), counts[place])


def _counted(function: StudentFunction, trial: Trial) -> tuple[_Found, _Found, bool]:
    """Return what departs most in rows and between them, and whether rows follow from
    others; all checks of one grading share them."""
    if "few rows" not in trial.notes:
        drawn, rng = _unseeded(_drawn(function, trial)), trial.rng
        apart = [_apart(calls, rng) for calls in drawn]
        text = f"{_CALLS} calls on each of {len(drawn)} small arrays"
        places, wholes = ([count for two in apart for count in two[i]] for i in (0, 1))
        places += _together(places, text)
        wholes += _together(wholes, text)
        follow = _farthest(places).exponent > _DEPENDENT
        rows = [_alone(calls, rng) for calls in drawn] if follow else drawn
        chosen = _all_chosen(rows, text, rng)
        trial.notes["few rows"] = _farthest(chosen), _farthest(places + wholes), follow
    found: tuple[_Found, _Found, bool] = trial.notes["few rows"]
    return found


def _all_chosen(
    rows: list[_Calls], text: str, rng: np.random.Generator
) -> list[_Count]:
    """Return what ``_chosen`` does, of each of the calls, of those of a form, and of all."""
    forms = dict[str, list[_Count]](squares=[], others=[])
    for calls in rows:
        forms["squares" if calls.square else "others"] += _chosen(calls, rng)
    every = [count for counts in forms.values() for count in counts]
    found = [*every, *_together(every, text)]
    for form, counts in forms.items():
        found += _together(counts, f"{text} ({form} alone)")
    return found


def expect_even(
    function: StudentFunction, trial: Trial, together: str, uneven: str
) -> None:
    """Check that all subsets are kept equally often; ``together`` is behind neighbours that
    are, ``uneven`` behind other pairs."""
    (exponent, count), *_ = _counted(function, trial)
    names = {
        "by place": Wrong.drops_by_place,
        "by size": Wrong.drops_by_value,
        "by value": Wrong.drops_by_value,
    }
    name = next((names[by] for by in names if by in count.what), uneven)
    if count.what == _NEXT and count.happened > count.expected:
        name = together
    _expect(trial, exponent, count, name)


def expect_apart(function: StudentFunction, trial: Trial, mistake: str) -> None:
    """Check that rows of small arrays tell nothing of the next one, nor of those of the next
    call. Where subsets are not equally likely, two are the same too often."""
    chosen, (exponent, count), _ = _counted(function, trial)
    if chosen.exponent < TOO_FAR:
        _expect(trial, exponent, count, mistake)


def _expect(trial: Trial, exponent: float, count: _Count, name: str) -> None:
    text, what, number, found, expected = count
    trial.expect(
        exponent < TOO_FAR,
        f"{text}: {what}: {found} of {number}; expected about {expected:.0f}.",
        name,
    )
