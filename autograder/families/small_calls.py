"""Units of small arrays have bits of their own, too, and their rate is no other.

``kinds`` has calls of all sizes, of which small ones have few pairs of units: what one coin
decides for a vector of six shows there among many others. Here the same small array is
asked for so often that no chance is left.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Property
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial, usual
from autograder.families import corners, counts
from autograder.families.elementwise import DTYPES, Wrong, call_text
from autograder.laws.binomial import tail_exponents

#: How many units small arrays have, from and to. In so many pairs of neighbours at least,
#: along an axis, one such array is looked at: all of them agree with probability 2 ** -80.
_SIZES, _PAIRS = ((2, 8), (9, 40)), 84
#: A count so far out has at most the probability exp(-53) = 1e-23; there are some hundreds.
TOO_FAR = 53.0
#: Where keep probabilities lie: near one half, where calls tell most.
_FROM, _TO = 0.46, 0.54

#: The shape of an array of about n units: one of each is asked for.
Forms = Sequence[Sequence[Callable[[int], tuple[int, ...]]]]
ROWS: Forms = (
    (lambda n: (1, n),),
    (lambda n: (n, 1),),
    (lambda n: (2, n // 2),),
    (lambda n: (n // 2, 2), lambda n: (3, max(1, n // 3))),
)
LINES: Forms = ((lambda n: (n,),), ROWS[0])
FORMS: Forms = (
    *LINES,
    *ROWS[1:],
    (
        lambda n: (1, 1, n),
        lambda n: (n // 2, 1, 2),
        lambda n: (1, 2, 1, n // 2),
    ),
)

#: Returns the bits of so many calls on one small array, with an axis of calls first.
Bits = Callable[[StudentFunction, Trial, tuple[int, ...], float, int], np.ndarray]


#: A shape, and how often it is asked for.
_Asked = tuple[tuple[int, ...], int]


def _asked(rng: np.random.Generator, forms: Forms) -> Iterator[_Asked]:
    """Yield the shapes that are asked for, and how often each."""
    for several in forms:
        for low, high in _SIZES:
            number = int(rng.integers(low, high + 1))
            shape = several[int(rng.integers(len(several)))](number)
            # Of matrices some pairs lie along the other axis.
            neighbours = min(
                side // 2 * (math.prod(shape) // side) for side in shape if side > 1
            )
            yield shape, -(-_PAIRS // neighbours)


#: Keep probabilities below and above one half, with how far these vary.
_BELOW_AND_ABOVE, _VARY = (0.3, 0.7), 0.05
#: The sides of square arrays, from and to.
_SIDES = (2, 6), (7, 20), (21, 60)
#: Sizes of small arrays that are asked for away from one half, and how many bits of each
#: there are below it and above.
_RATED = (21, 60), (9, 20), (2, 8), (1, 1)
_BITS, _SINGLE = 500, 250


@dataclass(frozen=True)
class Small:
    """Small arrays whose bits are ``bits``, in ``forms``, of ``what``: each is set with this
    ``probability``, at a keep probability. ``single``: whether there are many of one bit."""

    bits: Bits
    forms: Forms = FORMS
    probability: Callable[[float], float] = float
    what: str = "units"
    single: bool = True


class _Masks(NamedTuple):
    calls: str
    keep_prob: float
    masks: np.ndarray


def _away_from_half(
    function: StudentFunction, trial: Trial, small: Small
) -> list[_Masks]:
    """Return masks of small arrays of each size in ``_RATED``, two and two, below one half
    and above, which all checks of one grading share; none from one mask in every call on,
    which is for the checks of rates and of rng."""
    if "small calls" not in trial.notes:
        trial.notes["small calls"] = found = list[_Masks]()
        rng, sizes = trial.rng, _RATED if small.single else _RATED[:-1]
        for (low, high), near in itertools.product(sizes, _BELOW_AND_ABOVE):
            shape = _any_form(rng, small.forms, low, high)
            units, keep_prob = math.prod(shape), _around(rng, near)
            calls = -(-(_BITS if units > 1 else _SINGLE) // units)
            masks = small.bits(function, trial, shape, keep_prob, calls)
            if 0 < masks[0].mean() < 1 and (masks == masks[0]).all():
                break
            text = f"{calls} calls with {small.what} of shape {shape} at {keep_prob}"
            found.append(_Masks(text, keep_prob, masks))
    shared: list[_Masks] = trial.notes["small calls"]
    return shared


def _squares(rng: np.random.Generator) -> Iterator[tuple[_Asked, float]]:
    """Yield square shapes and how often each is asked for, near one half: even and odd
    sides by turns."""
    odd = int(rng.integers(2))
    for number, (low, high) in enumerate(_SIDES):
        side = int(rng.integers(low, high))
        side += (side + number + odd) % 2
        pairs = side * (side - 1) // 2
        yield ((side, side), -(-2 * _PAIRS // pairs)), _around(rng, 0.5)


def _any_form(
    rng: np.random.Generator, forms: Forms, least: int, most: int
) -> tuple[int, ...]:
    """Return a shape of so many units at least, and at most, of one of the forms."""
    number = int(rng.integers(least, most + 1))
    every = [form for several in forms for form in several]
    form = every[int(rng.integers(len(every)))]
    if most == 1:
        return (1,) * len(form(2))
    shape = form(number)
    return shape if math.prod(shape) >= least else form(number + 1)


def _around(rng: np.random.Generator, keep_prob: float) -> float:
    return round(keep_prob + float(rng.uniform(-_VARY, _VARY)), 4)


def of_layer(
    function: StudentFunction,
    trial: Trial,
    shape: tuple[int, ...],
    keep_prob: float,
    calls: int,
    *,
    modes: bool = True,
    of: Callable[[tuple[int, ...]], tuple[int, ...]] = lambda shape: shape,
) -> np.ndarray:
    """Return the bits of a layer, of x in the shape ``of`` theirs, each of which is one
    entry; in half of the shapes training is passed if there are ``modes``."""
    rng, full, generator = trial.rng, of(shape), trial.generator()
    x = usual(rng, (calls, *full)).astype(DTYPES[int(rng.integers(2))])
    how = {"training": True} if modes and rng.random() < 0.5 else {}
    results = function.each([(each, keep_prob, generator) for each in x], **how)
    text = call_text(function.name, full, keep_prob)
    outs = [
        facts.floats(facts.pair(result, text)[0], full, text, "out")
        for result in results
    ]
    # A division by a count of 0 has its check elsewhere.
    kept: np.ndarray = np.isfinite(outs) & (np.array(outs) != 0)
    return kept.reshape(calls, *shape)


def of_cases(
    make: Callable[[Trial, int, int, float], Any],
    read: Callable[
        [StudentFunction, Trial, Any, np.random.Generator, int],
        Sequence[np.ndarray] | np.ndarray,
    ],
) -> Bits:
    """Return what reads the bits of so many calls on a case of some rows and units:
    ``make`` makes one at a keep probability, ``read`` reads its masks."""

    def bits(
        function: StudentFunction,
        trial: Trial,
        shape: tuple[int, ...],
        keep_prob: float,
        calls: int,
    ) -> np.ndarray:
        rows, units = shape
        case = make(trial, rows, units, keep_prob)
        return np.array(read(function, trial, case, trial.generator(), calls))

    return bits


def own_bits(
    known: Property,
    forms: Forms = FORMS,
    probability: Callable[[float], float] = float,
    what: str = "units",
    **how: Any,
) -> Property:
    """Return the property, and that units of small arrays have bits of their own; ``how``
    they are read is as in ``of_layer``."""

    def test(function: StudentFunction, trial: Trial) -> None:
        small = Small(partial(of_layer, **how), forms, probability, what)
        expect(function, trial, small)

    return known.also(test)


def _cases(trial: Trial, forms: Forms) -> Iterator[tuple[_Asked, float]]:
    """Yield what is asked for near one half, and keep probabilities."""
    asked = [*_asked(trial.rng, forms)]
    near = np.linspace(_FROM, _TO, len(asked))
    keep_probs = corners.of_all_digits(trial.rng, trial.rng.permutation(near), 0.005)
    yield from zip(asked, keep_probs, strict=True)
    yield from _squares(trial.rng)


def expect(function: StudentFunction, trial: Trial, small: Small) -> None:
    """Check that the bits of small arrays, and of square ones, agree as often as they
    should; of those that are set at another rate that is not asked."""
    given: list[_Masks] = []
    for (shape, calls), keep_prob in _cases(trial, small.forms):
        masks = small.bits(function, trial, shape, keep_prob, calls)
        if (masks == masks[0]).all() and (calls > 1 or not 0 < masks.mean() < 1):
            continue  # One mask in every call is for the checks of rates and of rng.
        text = f"{calls} calls with {small.what} of shape {shape} at {keep_prob}"
        given.append(_Masks(text, keep_prob, masks))
    away = _away_from_half(function, trial, small)
    given += away
    found = []
    for text, keep_prob, masks in given:
        probability = small.probability(keep_prob)
        usual = probability**2 + (1 - probability) ** 2
        for which, alike in pairs(masks):
            if alike.size:
                found.append((f"{text}: {which}", alike.size, int(alike.sum()), usual))
    if not found or _another_rate(away, small):
        return
    _expect_varied(trial, away, small)
    n, k, mean = np.array([count[1:] for count in found], float).T
    exponents = tail_exponents(k, n, mean)
    place = int(np.argmax(exponents))
    text, size, agree, share = found[place]
    trial.expect(
        exponents[place] < TOO_FAR,
        f"{text}: {agree} of {size} pairs are both kept or both dropped; expected "
        f"{share:.0%} of them.",
        Wrong.bits_depend_on_each_other,
    )


#: A count so far out has at most the probability exp(-42) = 6e-19.
_OTHER_RATE = 42.0


def at_rate(
    known: Property,
    forms: Forms = FORMS,
    probability: Callable[[float], float] = float,
    what: str = "units",
    **how: Any,
) -> Property:
    """Return the property, and that units of small arrays are kept at the rate of others;
    ``how`` they are read is as in ``of_layer``."""

    def test(function: StudentFunction, trial: Trial) -> None:
        small = Small(partial(of_layer, **how), forms, probability, what)
        expect_rate(function, trial, small)

    return known.also(test)


def expect_rate(
    function: StudentFunction, trial: Trial, small: Small, *, judged_apart: bool = False
) -> None:
    """Check that bits of arrays of each size in ``_RATED``, at two keep probabilities and
    at both together, are set with their probability; if the number of kept units is
    ``judged_apart``, one that varies too little, or is never 0, is left to that."""
    given = _away_from_half(function, trial, small)
    if judged_apart and any(_is_drawn_again(each, small) for each in given):
        return
    if said := _another_rate(given, small):
        name = _name_of_rate(function, trial, small)
        if not judged_apart or name != Wrong.varies_the_count_too_little:
            trial.fail(said, name)


#: Calls that keep nothing, of which so many are expected, all fail to come once in exp(20).
_EMPTY = 20


def _is_drawn_again(each: _Masks, small: Small) -> bool:
    """Return whether all calls keep some units, where many should keep none, and about as
    many as if those had been drawn again."""
    lines = each.masks.reshape(len(each.masks), -1)
    p = small.probability(each.keep_prob)
    empty = (1 - p) ** lines.shape[1]
    if len(lines) * empty <= _EMPTY or not lines.any(axis=1).all():
        return False
    return bool(abs(lines.mean() - p / (1 - empty)) < 0.1)


def _another_rate(given: Sequence[_Masks], small: Small) -> str | None:
    """Return a sentence about the first size whose rate is another, if there is one."""
    for below, above in zip(given[::2], given[1::2], strict=False):
        if _has_one_coin(below.masks) or _has_one_coin(above.masks):
            continue  # So few coins have a rate of their own: it is for the checks of pairs.
        numbers = [
            (masks.size, masks.sum(), masks.size * small.probability(keep_prob))
            for _, keep_prob, masks in (below, above)
        ]
        texts = below.calls, above.calls, f"{below.calls} and {above.calls}"
        n, k, total = np.array([*numbers, np.sum(numbers, axis=0)]).T
        exponents = tail_exponents(k, n, total / n)
        place = int(exponents.argmax())
        if exponents[place] >= _OTHER_RATE:
            return (
                f"{texts[place]}: {k[place]:.0f} of {n[place]:.0f} are kept; expected about "
                f"{total[place]:.0f}."
            )
    return None


def _has_one_coin(masks: np.ndarray) -> bool:
    """Whether each call keeps all of its units or none, some the one and some the other."""
    lines = masks.reshape(len(masks), -1)
    shared = lines.shape[1] > 1 and (lines == lines[:, :1]).all()
    return bool(shared and 0 < lines.mean() < 1)


def _expect_varied(trial: Trial, given: Sequence[_Masks], small: Small) -> None:
    """Check that small arrays do not keep a usual number too often, of each size and of
    all together."""
    numbers = {"calls on small arrays": list[counts.Usual]()}
    for place, (low, high) in enumerate(_RATED):
        two = given[2 * place : 2 * place + 2]
        if low > 1 and two:
            lines = [(each.masks.reshape(len(each.masks), -1), each) for each in two]
            own = [
                counts.usual(m, small.probability(each.keep_prob)) for m, each in lines
            ]
            numbers[f"calls on arrays of {low} to {high} {small.what}"] = own
            numbers["calls on small arrays"] += own
    counts.expect_varied(trial, {k: n for k, n in numbers.items() if n}, small.what)


#: A shape of many units, and how often it is asked for.
_MANY, _CALLS = (1, 400), 40


def _name_of_rate(function: StudentFunction, trial: Trial, small: Small) -> str:
    """Return the mistake behind another rate of small arrays: whoever chooses among masks,
    or mends them, keeps a usual number of many units as well."""
    masks = small.bits(function, trial, _MANY, 0.7, _CALLS)
    off = masks.reshape(_CALLS, -1).sum(axis=1) - 400 * small.probability(0.7)
    # Of counts of independent bits a third lie in so narrow a range.
    if np.mean(np.abs(off) <= 4) > 0.66:
        return Wrong.varies_the_count_too_little
    return Wrong.keeps_some_calls_at_another_rate


def pairs(masks: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield which disjoint pairs of the units of each call, and where they are alike."""
    for axis in range(1, masks.ndim):
        for first in range(min(2, masks.shape[axis] - 1)):
            lines = np.moveaxis(masks, axis, 0)[first:]
            lines = lines[: len(lines) // 2 * 2]
            name = f"neighbours along axis {axis - 1}, from {first} on"
            yield name, lines[::2] == lines[1::2]
    flat = masks.reshape(len(masks), math.prod(masks.shape[1:]))
    half = flat.shape[1] // 2
    yield "units half an array apart", flat[:, :half] == flat[:, half : 2 * half]
    yield "mirrored units", flat[:, :half] == flat[:, ::-1][:, :half]
    if masks.ndim == 3 and masks.shape[1] == masks.shape[2] > 1:
        yield from _pairs_of_squares(masks)


def _pairs_of_squares(masks: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    side = masks.shape[1]
    rows, columns = np.triu_indices(side, 1)
    for name, squares in (
        ("units mirrored at the diagonal", masks),
        ("units mirrored at the other diagonal", masks[:, ::-1]),
    ):
        yield name, squares[:, rows, columns] == squares[:, columns, rows]
    quarter = masks[:, : side // 2, : (side + 1) // 2]
    turned = np.rot90(masks, axes=(1, 2))[:, : side // 2, : (side + 1) // 2]
    yield "units a quarter of a turn apart", quarter == turned
