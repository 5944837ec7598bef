"""What follows from the rng that is passed in, and from nothing else."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Property
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise, repeats
from autograder.families.properties import stated
from autograder.laws.dependence import least_likely

#: Calls in which no output returns.
_MANY = 200
#: Entries of an output, at its start and at its end, that are compared with those of calls
#: before; and the probability under which two are said to depend on each other. There are
#: 2 * 80**2 pairs: one so unlikely comes by chance with a probability below 2e-16.
_ENTRIES, _UNLIKELY = 40, 1e-20
#: How often an entry is high, and low, of which three calls are compared.
_VARIES = 20
#: Bits that do not agree by chance, whatever keep_prob is.
_TELLING = 100
#: And such that do not in any two of many calls.
_ENOUGH = 60
_NOT_RNG = elementwise.Wrong.does_not_draw_from_rng


#: The multiplier of PCG64: a step takes a state s to _STEP * s + increment, modulo 2**128.
_STEP = 0x2360ED051FC65DA44385DF649FCCF645
_STEP_BACK = pow(_STEP, -1, 2**128)


#: Calls a student's function with each of these generators; returns the outputs.
Outputs = Callable[[Sequence[np.random.Generator]], list[Any]]


def generators_alike(
    trial: Trial, number: int = 4, times: int = 1
) -> list[np.random.Generator]:
    """Return generators that agree in the 20 leading bits of each half of their first
    64-bit number, and in nothing else; the first of them so many ``times``.

    A seed of up to a million values that is drawn with ``integers`` or ``random`` is then
    the same in two of four, as the halves lie within 2**12 of each other; one of more
    than four million values never is."""
    rng, seeds, room = trial.rng, [trial.new_seed() for _ in range(number)], 1024 - 64
    # In a third of the time that ``integers`` takes.
    first, *apart = rng.random((1 + number, 2)).tolist()
    halves = [divmod(int(2**20 * room * share), room) for share in first]
    made = []
    for place, (seed, shares) in enumerate(zip(seeds, apart, strict=True)):
        # Two lie 960 of 2**32 apart and more, a million values 4,295.
        high, low = (
            (leading << 12) + rest + 1024 * place + int(64 * share)
            for (leading, rest), share in zip(halves, shares, strict=True)
        )
        generator = trial.generator(seed)
        begin_with(generator, high << 32 | low, upper_half(trial))
        made.append(generator)
    again = [trial.generator(seeds[0]) for _ in range(times - 1)]
    for generator in again:
        generator.bit_generator.state = made[0].bit_generator.state
    return [*again, *made]


def begin_with(generator: np.random.Generator, word: int, upper: int) -> None:
    """Put a generator into the state from which it gives this 64-bit number first, with any
    ``upper`` half of the state after it: none tells an answer that it is looked at here."""
    state = generator.bit_generator.state
    after = upper << 64 | upper ^ _turned(word, upper >> 58)
    state["state"]["state"] = (after - state["state"]["inc"]) * _STEP_BACK % 2**128
    generator.bit_generator.state = state


def upper_half(trial: Trial) -> int:
    """Return 64 random bits, in a fifth of the time that ``rng.bytes`` takes."""
    return trial.new_seed() >> 64


def _turned(word: int, places: int) -> int:
    """Return 64 bits turned to the left. PCG64 gives the two halves of a state, by xor,
    turned to the right by as many places as its six highest bits say."""
    return (word << places | word >> (64 - places)) % 2**64


def own_bits(masks: Sequence[Any]) -> int:
    """Return how many bits masks of one shape, or outputs, have: some serve a whole axis."""
    each = np.array([np.asarray(mask) != 0 for mask in masks])
    axes = range(1, each.ndim) if each.size else ()
    own = [axis for axis in axes if (each != each.take([0], axis)).any()]
    return math.prod(each.shape[axis] for axis in own) if each.size else 0


def _are_few(masks: Sequence[Any]) -> bool:
    """Return whether so few bits serve all units that masks may agree by chance: other
    checks say so, and what follows from the generator does not show."""
    return own_bits(masks) < _TELLING


def expect_state_decides(trial: Trial, outputs: Outputs) -> bool:
    """Check that generators in one state give one mask, and in another one another; return
    whether any two of those in different states differ.

    1,000 independent bits agree by chance with probability 0.58 ** 1000."""
    seed = trial.new_seed()
    states = (seed, seed, None, None)
    first, again, *other = outputs([trial.generator(state) for state in states])
    alike = repeats.of_first(first, other)
    trial.expect(
        np.array_equal(first, again),
        "Two generators in the same state gave different masks; expected equal ones.",
        _NOT_RNG,
    )
    wrong = elementwise.Wrong
    trial.expect(
        not any(alike) or _are_few([first, *other]),
        "Generators in different states gave the same mask; expected different ones.",
        wrong.same_mask_every_call if all(alike) else wrong.reuses_masks,
    )
    return not all(alike)


def expect_no_short_seed(trial: Trial, outputs: Outputs) -> None:
    """Check that generators that are alike give different masks."""
    outs = outputs(generators_alike(trial))
    trial.expect(
        not repeats.any_two(outs) or _are_few(outs),
        "Generators in different states, whose first numbers begin with the same six "
        "digits, gave the same mask; expected different ones.",
        elementwise.Wrong.seeds_take_few_values,
    )


def from_rng(
    shapes: Sequence[Sequence[int]],
    call: Callable[..., str],
    same: str,
    few: str,
    out: Callable[[Any, str], Any] = lambda result, call: facts.pair(result, call)[0],
    *,
    small: Sequence[Sequence[int]],
    accuracy: float = repeats.ACCURACY,
) -> Property:
    """The property that equal generators give equal outputs, and different ones different,
    for arrays of these shapes; ``call(*arrays, keep_prob)`` is the call as messages show
    it, ``out(result, call)`` reads the output, ``same`` is the mistake of a function that
    always draws the same, and ``few`` that of one whose seeds take few values. Axes have a
    length of 30 and more, lest bits that one alone has agree by chance; arrays of the
    shapes ``small``, those of many calls, have 80 bits and more in all. ``accuracy`` is as
    in ``repeats``."""

    def test(function: StudentFunction, trial: Trial) -> None:
        """The same rng state gives the same output; another state, another output."""
        arrays = [trial.inputs(*shape) for shape in shapes]
        name = call(*arrays, 0.7)

        def output(rng: np.random.Generator) -> Any:
            found = out(function(*arrays, 0.7, rng), name)
            trial.expect(
                isinstance(found, np.ndarray),
                f"{name}: what came back is {facts.describe(found)}; expected an array.",
                facts.Wrong.returns_another_kind,
            )
            return found

        _expect_from_states(trial, output, name, (same, few), accuracy)
        many = [trial.inputs(*s) for s in small]
        expect_many(function, trial, many, call, few, accuracy=accuracy)

    return stated(test)


def _expect_from_states(
    trial: Trial,
    output: Callable[[np.random.Generator], Any],
    name: str,
    mistakes: tuple[str, str],
    accuracy: float,
) -> None:
    same, few = mistakes
    seed = trial.new_seed()
    states = (seed, seed, None, None)
    first, again, *other = (output(trial.generator(state)) for state in states)
    alike = repeats.of_first(first, other, accuracy)
    outs = [output(rng) for rng in generators_alike(trial)]
    repeated = repeats.any_two(outs, accuracy)
    always = same if all(alike) else few
    # Hundreds of independent random numbers do not agree by chance.
    for right, which, gave, mistake in (
        (np.array_equal(first, again), "the same state", "different", _NOT_RNG),
        (not any(alike), "different states", "the same", always),
        (not repeated, "states that differ little", "the same", few),
    ):
        trial.expect(
            right, f"{name}: generators in {which} gave {gave} output.", mistake
        )


def expect_many(
    function: StudentFunction,
    trial: Trial,
    arrays: Sequence[np.ndarray],
    call: Callable[..., str],
    few: str,
    argument: float = 0.6,
    accuracy: float = repeats.ACCURACY,
    varies: bool = True,
) -> None:
    """Check that no output returns in many calls: one of up to 1,400 would, with
    probability 1 - 1e-6. Where all are the same, though outputs vary in other calls, others
    say so; where these do not (``varies``), nothing follows from the generator."""
    text = call(*arrays, argument)
    results = function.each([(*arrays, argument, trial.generator())] * _MANY)
    outs = [result[0] if isinstance(result, tuple) else result for result in results]
    shape = *arrays[0].shape[:-1], arrays[-1].shape[-1]
    given = [facts.float_array(out, shape, text, "out") for out in outs]
    different = repeats.different(given, accuracy)
    # Of a few bits that serve all along an axis outputs return by chance.
    above = np.array(given) > np.mean(given, axis=0)
    few_bits = own_bits(above ^ ~above[:1]) < _ENOUGH
    trial.expect(
        varies if different == 1 else different == len(outs) or few_bits,
        f"{len(outs)} calls {text} gave {different} different outputs; "
        f"expected {len(outs)}.",
        elementwise.Wrong.same_mask_every_call if different == 1 else few,
    )
    expect_own_calls(trial, given, text)


def expect_own_calls(trial: Trial, outs: Sequence[np.ndarray], text: str) -> None:
    """Check that no entry of an output follows from one of a call before, at whatever
    place. ``outs`` are those of 200 calls, or any multiple of 4."""
    flat = np.array([out.ravel() for out in outs]).astype(float)
    places = range(flat.shape[1])
    ends = flat[:, sorted({*places[:_ENTRIES], *places[-_ENTRIES:]})]
    high = ends > ends.mean(axis=0)
    for apart, which in ((1, "the call before"), (2, "the call before the last")):
        blocks = high.reshape(-1, 2, apart, high.shape[1])
        before, after = (blocks[:, i].reshape(-1, high.shape[1]) for i in (0, 1))
        trial.expect(
            least_likely(before, after) > _UNLIKELY,
            f"In {len(outs)} calls {text}, entries of the output follow from those of "
            f"{which}; expected independent ones.",
            elementwise.Wrong.bits_depend_on_each_other,
        )
    # Of three independent calls an odd number is high at a place in 0.56 of all cases at
    # most; 66 times in a row with a probability below 3e-17.
    threes = high[: len(high) // 3 * 3].reshape(-1, 3, high.shape[1]).sum(axis=1) % 2
    varies = np.minimum(high.sum(axis=0), (~high).sum(axis=0)) >= _VARIES
    trial.expect(
        not (varies & (np.ptp(threes, axis=0) == 0)).any(),
        f"In {len(outs)} calls {text}, entries of the output follow from those of the two "
        "calls before; expected independent ones.",
        elementwise.Wrong.bits_depend_on_each_other,
    )
