"""Whether what calls draw follows from their generator: two in one state give one output,
and two that are alike, or one asked twice, two."""

from collections.abc import Callable, Iterator, Sequence
from math import log2
from typing import NamedTuple

import numpy as np

from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import repeats
from autograder.families.elementwise import Wrong
from autograder.families.follows_rng import own_bits
from autograder.families.kinds import Given
from autograder.families.short_seeds import ALIKE, two_alike

#: Masks that agree by chance less often than with probability 2 ** -60.
_SURPRISE = 60
#: How many small calls repeat a mask in the next one for that to be told. Where of so many
#: generators that have nothing in common two repeat one, too, there are few bits, which
#: serve many units: other checks say so. Of other calls nothing of that is said.
_REPEATED, _ANEW = 6, 12
#: In how many large calls, whose masks change along every axis, all generators give one
#: mask, or one generator the same in the next call: bits that serve many units do so along
#: an axis.
_ALWAYS = 2
#: In how many calls generators that are alike give one mask for seeds to be called short.
#: Of so many such pairs of generators as many do so in each of these, and of the first ones
#: so many masks differ. Where bits are few two masks agree by chance, but half of the pairs
#: and few others do not: with a probability below 1e-4.
_SHORT, _PAIRS, _AGREE, _DIFFER = 2, 12, 6, 9
#: In any other call so many more generators tell. With probability 1e-200 at most they give
#: one mask that keeps so many units at least, and drops so many, if each of these has a bit
#: of its own; whoever treats one unit apart, or none, is told by other checks.
_FIRST, _ALL, _SOME = 12, 200, 2
_ROUNDING = 1e-9

#: A call with its keep probability and what to say of it, and the bits that it gave: with
#: two generators in one state, with the second once more, and with one that is alike; and
#: with others that are, in as many ways, or not (``short_seeds.asked_with``).
Four = tuple[Given, float, str, list[np.ndarray]]
#: Asks for a call's bits anew, with each of these generators.
Anew = Callable[[Four, Sequence[np.random.Generator]], Sequence[np.ndarray]]


def expect_equal(
    function: StudentFunction, trial: Trial, calls: Sequence[Four | None]
) -> None:
    """Check that generators in one state give one output."""
    for call in filter(None, calls):
        _, _, what, (first, same, *_) = call
        trial.expect(
            np.array_equal(first, same),
            f"{function.name} ({what}): generators in the same state gave different "
            "outputs; expected equal ones.",
            Wrong.does_not_draw_from_rng,
        )


def expect_calls_follow(
    function: StudentFunction,
    trial: Trial,
    small: Sequence[Four | None],
    large: Sequence[Four | None],
    anew: Anew,
    probability: Callable[[float], float] = float,
    *,
    again: bool = False,
) -> None:
    """Check that bits follow from the generator in calls as ``read_bits`` returns them, each
    bit having a ``probability`` at a keep probability, and of a function without a check of
    pairs in large calls that no mask comes ``again`` in the next call."""
    expect_equal(function, trial, [*small, *large])
    told = [*_compared(small, large, probability)]
    always = [call.what for call in told if all(call.alike) and call.own and call.known]
    trial.expect(
        len(always) < _ALWAYS,
        f"{function.name} ({'; or '.join(always[:2])}): generators in different states gave "
        "the same output; expected different ones.",
        Wrong.same_mask_every_call,
    )
    _expect_no_constant(function, trial, [*small, *large], anew, probability)
    stuck = [call for call in told if call.known and not any(call.alike)]
    if again and (stuck := _many(trial, stuck, _ALWAYS, anew)):
        trial.fail(
            f"{_named(function, stuck)}: the next call with the same rng gave the same "
            "output; expected another.",
            Wrong.reuses_masks,
        )
    for way, words in enumerate(ALIKE):
        alike = [call for call in told if call.alike[way : way + 1] == (True,)]
        if alike := _short(trial, alike, way, anew):
            trial.fail(
                f"{_named(function, alike)}: generators in different states, {words}, gave "
                "the same output; expected different ones.",
                Wrong.seeds_take_few_values,
            )


def _expect_no_constant(
    function: StudentFunction,
    trial: Trial,
    calls: Sequence[Four | None],
    anew: Anew,
    probability: Callable[[float], float],
) -> None:
    """Check that no call gives one mask whatever its generator is. Of few bits that serve
    all units no mask comes each time of ``_ALL``."""
    for call in filter(None, calls):
        first, _, *others = call[3]
        if not all(_are_equal(first, other) for other in others):
            continue
        if not _may_be_constant(call, probability):
            continue
        for number in (_FIRST, _ALL):
            masks = anew(call, [trial.generator() for _ in range(number)])
            if not masks or not all(_are_equal(first, mask) for mask in masks):
                break
        else:
            trial.fail(
                f"{function.name} ({call[2]}): {_ALL} generators in different states gave "
                "the same output; expected different ones.",
                Wrong.same_mask_every_call,
            )


def _are_equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether outputs are equal but for rounding: averages over strata, say, come
    close to each other."""
    if one.dtype == bool:
        return np.array_equal(one, other)
    return bool(np.abs(one - other).max(initial=0) < _ROUNDING)


def _may_be_constant(call: Four, probability: Callable[[float], float]) -> bool:
    """Return whether a mask has units of both kinds; or where masks do not show, so many
    that not even the likeliest one comes ``_ALL`` times in a row."""
    given, keep_prob, _, (first, *_) = call
    p = probability(keep_prob)
    if given.may_stay(first, keep_prob):
        return False
    if first.dtype == bool:
        bits = given.seen(first)
        return bool(_SOME <= np.count_nonzero(bits) <= bits.size - _SOME)
    return -_ALL * given.units * log2(max(p, 1 - p)) > _SURPRISE


def _many(
    trial: Trial, calls: Sequence["_Compared"], of_large: int, anew: Anew
) -> list["_Compared"]:
    """Return the calls in which generators that have nothing in common give no two equal
    masks, for what two have in common is the reason there; none where these are few."""
    if not _are_many(calls, of_large):
        return []
    found = []
    for call in calls:
        masks = anew(call.call, [trial.generator() for _ in range(_ANEW)])
        if masks and repeats.different(masks) == len(masks):
            found.append(call)
    return found if _are_many(found, of_large) else []


def _short(
    trial: Trial, calls: Sequence["_Compared"], way: int, anew: Anew
) -> list["_Compared"]:
    """Return the calls in which generators that are alike in this way give one mask, and
    others do not; none where these are few."""
    found = []
    for call in calls if len(calls) >= _SHORT else ():
        pairs = [two_alike(trial, way) for _ in range(_PAIRS)]
        masks = anew(call.call, [rng for pair in pairs for rng in pair])
        ones, others = masks[::2], masks[1::2]
        agree = sum(map(repeats.are_same, ones, others))
        if agree >= _AGREE and repeats.different(ones) >= _DIFFER:
            found.append(call)
    return found if len(found) >= _SHORT else []


def _are_many(calls: Sequence["_Compared"], of_large: int) -> bool:
    return len(calls) >= _REPEATED or sum(call.own for call in calls) >= of_large


def _named(function: StudentFunction, calls: Sequence["_Compared"]) -> str:
    return f"{function.name} ({'; or '.join(call.what for call in calls[:2])})"


class _Compared(NamedTuple):
    """A call, and whether its bits are a large call's that all show and change along
    every axis (``own``), ``known`` from the call before, and, in each of the ways ``ALIKE``
    that was asked about, a generator's that is ``alike``."""

    call: Four
    own: bool
    known: bool
    alike: tuple[bool, ...]

    @property
    def what(self) -> str:
        return self.call[2]


def _compared(
    small: Sequence[Four | None],
    large: Sequence[Four | None],
    probability: Callable[[float], float],
) -> Iterator[_Compared]:
    """Yield the calls whose bits tell."""
    for number, call in enumerate([*small, *large]):
        if call is not None and _is_telling(call, probability):
            first, _, later, *others = call[3]
            known, *alike = repeats.of_first(first, [later, *others])
            own = number >= len(small) and call[0].shown is None and _varies(first)
            yield _Compared(call, own, known, tuple(alike))


def _varies(bits: np.ndarray) -> bool:
    """Return whether bits change along every axis."""
    long = (axis for axis in range(bits.ndim) if bits.shape[axis] > 1)
    return all((bits != bits.take([0], axis)).any() for axis in long)


def _is_telling(call: Four, probability: Callable[[float], float]) -> bool:
    """Return whether independent bits, as many as these are made of, never agree by chance:
    what a network returns is no mask, and some bits serve a whole axis."""
    given, keep_prob, _, found = call
    bits = given.units
    if found[0].dtype == bool:
        bits = min(bits, own_bits(found))
    p = probability(keep_prob)
    return -bits * log2(p**2 + (1 - p) ** 2) > _SURPRISE
