"""Whether what calls draw follows from their generator: two in one state give one output,
and two that are alike, or one asked twice, two."""

from collections.abc import Callable, Iterator, Sequence
from math import log2
from typing import NamedTuple

import numpy as np

from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families.elementwise import Wrong
from autograder.families.follows_rng import own_bits
from autograder.families.kinds import Given

#: Masks that agree by chance less often than with probability 2 ** -60.
_SURPRISE = 60
#: How many calls repeat a mask for seeds to be called short. Where generators that have
#: nothing in common repeat one, too, there are few bits, which serve many units: other
#: checks say so. Of such repetitions six are between alike ones in a case of 3 ** 6.
_REPEATED = 6
#: How many large calls do, whose masks change along every axis: bits that serve many units
#: do so along one. And how many give all generators one mask.
_REPEATED_LARGE, _ALWAYS = 3, 2

#: A call with its keep probability and what to say of it, and the bits that it gave: with
#: two generators in one state, with the second once more, and with one that is alike.
Four = tuple[Given, float, str, list[np.ndarray]]


def _expect_equal(
    function: StudentFunction, trial: Trial, calls: Sequence[Four | None]
) -> None:
    """Check that generators in one state give one output."""
    for call in filter(None, calls):
        _, _, what, (first, same, _, _) = call
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
    probability: Callable[[float], float] = float,
    *,
    again: bool = False,
) -> None:
    """Check that bits follow from the generator in calls as ``read_bits`` returns them, each
    bit having a ``probability`` at a keep probability, and of a function without a check of
    pairs in large calls that no mask comes ``again`` in the next call."""
    _expect_equal(function, trial, [*small, *large])
    told = [*_compared(small, large, probability)]
    repeated = [call.what for call in told if call.alike]
    repeated_large = [call for call in told if call.alike and call.own]
    always = [call.what for call in repeated_large if call.known]
    stuck = [call for call in told if call.known and not call.alike]
    stuck_large = [call for call in stuck if call.own]
    chance = any(call.known and not call.own for call in told)
    trial.expect(
        len(always) < _ALWAYS,
        f"{function.name} ({'; or '.join(always[:2])}): generators in different states gave "
        "the same output; expected different ones.",
        Wrong.same_mask_every_call,
    )
    which = "; or ".join(call.what for call in stuck[:2])
    trial.expect(
        not again
        or (len(stuck_large) < _ALWAYS and (repeated or len(stuck) < _REPEATED)),
        f"{function.name} ({which}): the next call with the same rng gave the same output; "
        "expected another.",
        Wrong.reuses_masks,
    )
    trial.expect(
        chance or (len(repeated) < _REPEATED and len(repeated_large) < _REPEATED_LARGE),
        f"{function.name} ({'; or '.join(repeated[:2])}): generators in different states, "
        "whose first numbers begin alike, gave the same output; expected different ones.",
        Wrong.seeds_take_few_values,
    )


class _Compared(NamedTuple):
    """What a call is said to be, and whether its bits are a large call's that change along
    every axis (``own``), ``known`` from the call before, and a generator's that is
    ``alike``."""

    what: str
    own: bool
    known: bool
    alike: bool


def _compared(
    small: Sequence[Four | None],
    large: Sequence[Four | None],
    probability: Callable[[float], float],
) -> Iterator[_Compared]:
    """Yield the calls whose bits tell."""
    for number, call in enumerate([*small, *large]):
        if call is not None and _is_telling(call, probability):
            _, _, what, (first, _, later, other) = call
            known, alike = np.array_equal(first, later), np.array_equal(first, other)
            own = number >= len(small) and _varies(first)
            yield _Compared(what, own, known, alike)


def _varies(bits: np.ndarray) -> bool:
    """Return whether bits change along every axis."""
    long = (axis for axis in range(bits.ndim) if bits.shape[axis] > 1)
    return all((bits != bits.take([0], axis)).any() for axis in long)


def _is_telling(call: Four, probability: Callable[[float], float]) -> bool:
    """Return whether independent bits, as many as these are made of, never agree by chance:
    what a network returns is no mask, and some bits serve a whole axis."""
    given, keep_prob, _, found = call
    bits = own_bits(found) if found[0].dtype == bool else given.values.size
    p = probability(keep_prob)
    return -bits * log2(p**2 + (1 - p) ** 2) > _SURPRISE
