"""Facts that hold in calls of every kind, and not only where one looks first.

``kinds`` counts bits in small calls; here are those of larger ones, which are asked for
twice in a row (``departures`` counts them), and what no chance is in: equal generators
give equal outputs, and kept units have one factor.
"""

import copy
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Property
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import corners, entries
from autograder.families.drawn_calls import Four, expect_calls_follow
from autograder.families.elementwise import Wrong, by_size
from autograder.families.evidence import Evidence
from autograder.families.kinds import Given, Kinds
from autograder.families.short_seeds import asked_with

#: How many calls have about so many bits at most, and how many have more, up to so many.
CALLS, SMALL = 30, 600
_LARGE_CALLS, _LARGE = 10, 10_000
#: In how many rows half of these stand, so that rows have hundreds of units.
ROWS = (2, 3, 5, 9, 16)
#: Of how many bits generators are compared that are alike in other ways than one.
_TELLING = 150
#: How many large arrays, besides spread ones, are judged at test, and at keep_prob = 1.
_PLAIN = 3
#: One of so many calls has many zeros, small ones and large ones, and so many arrays have
#: where values are judged.
_ZEROS, _FIRST = 5, 3
#: What all of their entries are multiplied by at test.
_FACTORS = (1.0, 1e-6, 1.0, 3e4)
#: A keep probability at which a wrong factor is hardly ever special.
_PLAINEST = 0.7
#: How many bits are drawn at each of ``corners.ENDS``: of so many, some are set.
_AT_ENDS = (20_000, 40)


def _given(trial: Trial, kinds: Kinds) -> Iterator[tuple[Given, float, str]]:
    """Yield calls of every kind, their keep probabilities, and what to say of them; in some
    of these x has many zeros."""
    rng, turns = trial.rng, entries.in_turn(trial.rng)
    # Every second has so many that its masks are telling, or nearly; others are spread.
    least, shares = np.where(np.arange(CALLS) % 2, 1, 200), rng.random(CALLS)
    spread = (np.arange(CALLS // 2) + shares[1::2]) / (CALLS // 2)
    shares[1::2] = rng.permutation(spread)
    sizes = [*(least * (SMALL / least) ** shares)]
    sizes += [*rng.permutation(np.linspace(SMALL, _LARGE, _LARGE_CALLS))]
    rows = [0] * (CALLS + _LARGE_CALLS - len(ROWS)) + [*ROWS]
    probabilities = [
        p
        for calls in (CALLS, _LARGE_CALLS)
        for p in corners.of_all_digits(
            rng, rng.permutation(np.linspace(0.03, 0.97, calls))
        )
    ]
    for number, (size, of, keep_prob) in enumerate(
        zip(sizes, rows, probabilities, strict=True)
    ):
        kind, zeros = next(turns), number % _ZEROS == _FIRST
        given = kinds.call(trial, rng, round(float(size)), of, kind, zeros)
        marks = ", ".join([*given.marks.values(), f"{given.values.size} {kinds.what}"])
        yield given, keep_prob, f"{kinds.asked(given, keep_prob)}, {marks}"


#: A call, its keep probability, and its generator.
_Asked = tuple[Given, float, np.random.Generator]


def _made(called: Any, trial: Trial, calls: Sequence[_Asked]) -> list[Any]:
    """Return the results, each call made as it says; of one that fails its error, which is
    left to other checks."""
    alike, found = defaultdict[Any, list[int]](list), dict[int, Any]()
    for number, (given, _, _) in enumerate(calls):
        alike[tuple(given.how.items())].append(number)
    for how, numbers in alike.items():
        asked = [(*calls[n][0].args, *calls[n][1:]) for n in numbers]
        results = _made_alike(called, trial, asked, dict(how))
        found |= zip(numbers, results, strict=True)
    return [found[number] for number in range(len(calls))]


def _made_alike(
    called: Any,
    trial: Trial,
    calls: Sequence[tuple[Any, ...]],
    how: Mapping[str, Any],
) -> list[Any]:
    """Do so with calls that are made in one way; the last argument of each is its
    generator."""
    generators = {id(args[-1]): args[-1] for args in calls}
    states = {key: rng.bit_generator.state for key, rng in generators.items()}
    try:
        results: list[Any] = called.each(calls, **how)
    except StudentError as error:
        # Others in the same states: a worker goes on with those that it has drawn from.
        again = copy.deepcopy(generators)
        for key, rng in again.items():
            rng.bit_generator.state = states[key]
        results = []
        for args in calls:
            try:
                results.append(called(*args[:-1], again[id(args[-1])], **how))
            except StudentError as own:
                trial.leave(own)
                results.append(own)
        trial.leave(error)  # which need not come again
    return results


def _output(result: Any) -> Any:
    return result[0] if isinstance(result, tuple) else result


#: What is counted: calls of every kind, and those that are made again.
_CALLS_OF, _AGAIN = "calls of every kind", "calls that were made again"
_Failure = CheckFailure | StudentError


def _read(
    given: Given, keep_prob: float, name: str, results: Sequence[Any]
) -> list[np.ndarray] | _Failure:
    """Return the bits of each result, or why one has none: it is an error, or of another
    kind, or NaN."""
    try:
        for error in results:
            if isinstance(error, StudentError):
                raise error
        return [given.bits(result, keep_prob, name) for result in results]
    except (CheckFailure, StudentError) as failure:
        return failure


def _counted(trial: Trial, found: Any, of: str = _CALLS_OF) -> Any:
    """Return what was found in a call, None of a failure, which is left to other checks;
    whoever finds nothing in more than half of the calls has seen too little."""
    failed = isinstance(found, CheckFailure | StudentError)
    trial.count(of, found if failed else None)
    return None if failed else found


def follows_rng(known: Property, kinds: Kinds) -> Property:
    """Return the property, and that generators in one state give one output, and in two
    that are alike two, in calls of every kind."""

    def test(function: StudentFunction, trial: Trial) -> None:
        expect_follows_rng(function, trial, kinds)

    return known.also(test)


def read_bits(
    function: StudentFunction, trial: Trial, kinds: Kinds
) -> list[Four | None]:
    """Return what calls of every kind gave, which all checks of one grading share; None of
    those that gave no bits."""
    if "large" not in trial.notes:
        calls, numbers = [*_given(trial, kinds)], list[int]()
        asked: list[_Asked] = []
        for given, keep_prob, _ in calls:
            rngs = asked_with(trial, more=given.values.size > _TELLING)
            numbers.append(len(rngs))
            asked += [(given, keep_prob, rng) for rng in rngs]
        results = iter(_made(kinds.of(function, trial), trial, asked))
        trial.notes["large"] = found = list[Four | _Failure]()
        for number, call in zip(numbers, calls, strict=True):
            own = [*itertools.islice(results, number)]
            bits = _read(*call[:2], function.name, own)
            found.append((*call, bits) if isinstance(bits, list) else bits)
    return [_counted(trial, call) for call in trial.notes["large"]]


def expect_follows_rng(
    function: StudentFunction, trial: Trial, kinds: Kinds, *, again: bool = False
) -> None:
    """Check what ``follows_rng`` says; ``again`` is as in ``expect_calls_follow``."""
    calls = read_bits(function, trial, kinds)
    small, large = calls[:CALLS], calls[CALLS:]

    def anew(call: Four, rngs: Sequence[np.random.Generator]) -> list[np.ndarray]:
        given, keep_prob, _, _ = call
        asked = [(given, keep_prob, rng) for rng in rngs]
        results = _made(kinds.of(function, trial), trial, asked)
        bits = _read(given, keep_prob, function.name, results)
        return _counted(trial, bits, _AGAIN) or []

    law = kinds.probability
    expect_calls_follow(function, trial, small, large, anew, law, again=again)


@dataclass(frozen=True)
class Reordered:
    """A student's function that is called with ``order(*args)``."""

    function: StudentFunction
    order: Callable[..., tuple[Any, ...]]

    def __call__(self, *args: Any) -> Any:
        return self.function(*self.order(*args))

    def each(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        return self.function.each([self.order(*args) for args in calls])


def expect_scaled(
    function: StudentFunction,
    trial: Trial,
    kinds: Kinds,
    scale: Callable[[float], float],
) -> None:
    """Check that outputs are 0 or ``scale(keep_prob)`` times their input in calls of every
    kind, whose first argument is x, and that some are not 0."""
    calls = [*_given(trial, kinds)]
    evidence = Evidence(function.name, both=scale(0.5) == 1)
    asked = [(given, keep_prob, trial.generator()) for given, keep_prob, _ in calls]
    results = _made(kinds.of(function, trial), trial, asked)
    for (given, keep_prob, what), result in zip(calls, results, strict=True):
        bits = _counted(trial, _read(given, keep_prob, function.name, [result]))
        if bits is None:
            continue
        if given.args[0].all():
            evidence.add(keep_prob, bits[0])
        if not _is_scaled(given, result, scale(keep_prob)):
            name = Wrong.scale_depends_on_the_shape
            if _is_right_elsewhere(function, trial, kinds, given, scale):
                name = Wrong.scale_fits_some_keep_probs
            call = f"{function.name} ({what})"
            _fail_scale(trial, call, given, result, scale(keep_prob), name)
    evidence.expect(trial)
    expect_scaled_at_the_ends(function, trial, kinds, scale)


def _is_right_elsewhere(
    function: StudentFunction,
    trial: Trial,
    kinds: Kinds,
    given: Given,
    scale: Callable[[float], float],
) -> bool:
    """Return whether just this call has the right factor at another keep probability."""
    asked = [(given, _PLAINEST, trial.generator())]
    [result] = _made(kinds.of(function, trial), trial, asked)
    try:
        return not isinstance(result, StudentError) and _is_scaled(
            given, result, scale(_PLAINEST)
        )
    except CheckFailure:
        return False


def expect_scaled_at_the_ends(
    function: StudentFunction,
    trial: Trial,
    kinds: Kinds,
    scale: Callable[[float], float],
) -> None:
    """Check the same at the smallest keep probability and just below 1."""
    rng = trial.rng
    calls = [
        (kinds.make(trial, rng, number, 0), p)
        for p, number in zip(corners.ENDS, _AT_ENDS, strict=True)
    ]
    asked = [(*given.args, p, trial.generator()) for given, p in calls]
    results = kinds.of(function, trial).each(asked)
    for (given, p), result in zip(calls, results, strict=True):
        marks = ", ".join([kinds.asked(given, p), *given.marks.values()])
        call = f"{function.name} ({marks}, x of shape {given.args[0].shape})"
        given.bits(result, p, function.name)  # says so of a result that has none
        if not _is_scaled(given, result, scale(p)):
            wrong = Wrong.scale_fits_some_keep_probs
            _fail_scale(trial, call, given, result, scale(p), wrong)


def _is_scaled(given: Given, result: Any, scale: float) -> bool:
    out = _output(result)
    return facts.close(out, np.where(out == 0, 0.0, given.args[0] * scale), atol=0)


def _fail_scale(
    trial: Trial, call: str, given: Given, result: Any, scale: float, mistake: str
) -> NoReturn:
    out = _output(result)
    worst = facts.worst(out, np.where(out == 0, 0.0, given.args[0] * scale))
    neither = f"an entry is neither 0 nor {scale:.6g} times its input"
    trial.fail(f"{call}: {neither}; {worst}.", mistake)


def _plain_calls(
    trial: Trial, kinds: Kinds, training: bool
) -> Iterator[tuple[Given, float]]:
    """Yield small calls with keep probabilities from all over the range, then large ones,
    then the ends; at keep_prob = 1 in ``training``."""
    rng = trial.rng
    small, turns = (
        corners.spread_sizes(rng, SMALL, 1, entries.TURNS),
        entries.in_turn(rng),
    )
    large = rng.permutation(np.linspace(_LARGE // 2, 2 * _LARGE, _PLAIN))
    sizes, at_ends = [*small, *large], () if training else corners.ENDS
    own = [1.0] if training else _FACTORS
    # Large arrays begin anew: beyond 65,504 half precision would be named by its infinity.
    factors = itertools.chain(
        itertools.islice(itertools.cycle(own), len(small)), itertools.cycle(own)
    )
    probabilities = [1.0] * len(sizes)
    if not training:
        probabilities = corners.spread_keep_probs(trial, len(small))
        probabilities += corners.spread_keep_probs(trial, _PLAIN)
    cases = [
        *zip(sizes, probabilities, strict=True),
        *((40, end) for end in at_ends),
    ]
    for number, (size, p) in enumerate(cases):
        kind = entries.KINDS[0] if size > SMALL else next(turns)
        zeros = number % _ZEROS == 0 and size <= SMALL and number >= _ZEROS
        given = kinds.call(trial, rng, round(size), 0, kind, zeros)
        x, *others = given.args
        given = given._replace(args=(x * x.dtype.type(next(factors)), *others))
        if not training:
            marks = {k: mark for k, mark in given.marks.items() if k != "mode"}
            given = given._replace(marks=marks, how={"training": False})
        yield given, p


def expect_plain(
    function: Any,
    trial: Trial,
    kinds: Kinds,
    scale: Callable[[float], float] = lambda keep_prob: 1.0,
    *,
    training: bool = False,
) -> None:
    """Check that arrays of every kind come back ``scale(keep_prob)`` times as large at
    test, or at keep_prob = 1 in ``training``; these are calls whose first argument is x."""
    calls = [*_plain_calls(trial, kinds, training)]
    results = _made(function, trial, [(*call, trial.generator()) for call in calls])
    for (given, p), result in zip(calls, results, strict=True):
        x, marks = given.args[0], ", ".join(given.marks.values())
        mode = "" if training else ", training=False"
        what = f"{function.name} (keep_prob = {p}, {marks}, x of shape {x.shape}{mode})"
        trial.count(_CALLS_OF, result if isinstance(result, StudentError) else None)
        if isinstance(result, StudentError):
            continue
        out = facts.float_array(_output(result), x.shape, what, "out")
        if not facts.close(out, x * scale(p), atol=0):
            text = f"{what}: {facts.worst(out, x * scale(p))}."
            name = None
            if training:
                name = _by_entries(function, trial, given, out, scale(p))
            trial.fail(text, name or _plain_mistake(x, out, training))


def _by_entries(
    function: Any, trial: Trial, given: Given, out: np.ndarray, scale: float
) -> str | None:
    """Return the mistake at keep_prob = 1 where it depends on what entries x has, and usual
    ones of its form come back right."""
    x = given.args[0]
    usual = trial.inputs(*x.shape).astype(x.dtype)
    usual = usual if x.flags.c_contiguous else corners.transposed(usual)
    try:
        found = _output(function(usual, 1.0, trial.generator(), **given.how))
    except (StudentError, CheckFailure):
        return None
    if not isinstance(found, np.ndarray) or found.shape != usual.shape:
        return None
    if not facts.close(found, usual * scale, atol=0):
        return None
    added = out.astype(float) - x * scale
    if out[x == 0].any() or np.ptp(added) <= 0.01 * abs(added.flat[0]):
        return Wrong.adds_a_number
    lost = (x != 0) & (out == 0)
    return Wrong.drops_by_value if lost.any() else Wrong.scale_differs_from_unit_to_unit


def _plain_mistake(x: np.ndarray, out: np.ndarray, training: bool) -> str:
    lost = (x != 0) & (out == 0)
    if training:
        return Wrong.scale_depends_on_the_shape
    drops = lost.any() and out.any() and not by_size(x, lost, out != 0)
    return Wrong.still_drops_at_test if drops else Wrong.changes_x_at_test
