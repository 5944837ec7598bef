"""Noise in small arrays, and in calls of a few units: asked for so often that no chance is
left, or counted by what a whole call has.

Its spread is that of larger arrays, and no factor tells the sign or size of another.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from autograder.contract.exercise import Property
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import noise_factors, small_calls
from autograder.families.elementwise import call_text
from autograder.families.noise_factors import Wrong
from autograder.laws import normal
from autograder.laws.binomial import Law, Proportion, tail_exponents

#: How many units arrays have, from and to; and in how many pairs of units at least one
#: array is looked at: all of them agree with probability 2 ** -80.
_SIZES, _PAIRS = ((1, 1), (2, 4), (5, 8), (9, 20), (21, 60)), 80
#: Keep probabilities, and how far they vary.
_NEAR, _VARY = (0.3, 0.7), 0.05
_FORMS: small_calls.Forms = (
    (*small_calls.LINES[0], *small_calls.LINES[1]),
    tuple(form for several in small_calls.ROWS[1:] for form in several),
    small_calls.FORMS[-1],
    (lambda n: (max(2, math.isqrt(n)),) * 2,),
)
#: From this exponent of pairs on, one unit of each call is counted: all of them may follow
#: from that one.
_DEPENDENT = 12.0
_FAR = 1.6449
_EVENTS: Mapping[str, tuple[float, Callable[[np.ndarray], np.ndarray]]] = {
    "above 1": (0.5, lambda z: z > 0),
    f"nearer to 1 than {normal.QUARTILE:.4f} standard deviations": (
        0.5,
        lambda z: np.abs(z) < normal.QUARTILE,
    ),
    f"more than {_FAR} standard deviations from 1": (
        normal.beyond_probability(_FAR),
        lambda z: np.abs(z) > _FAR,
    ),
}


class _Calls(NamedTuple):
    """Calls of one form in words, and their standardised factors, a row each call."""

    text: str
    z: np.ndarray


def _asked(rng: np.random.Generator) -> Iterator[list[tuple[tuple[int, ...], int]]]:
    """Yield, of each range of sizes, the shapes that are asked for, and how often each."""
    for low, high in _SIZES:
        shapes = list[tuple[tuple[int, ...], int]]()
        for several in _FORMS:
            number = int(rng.integers(low, high + 1))
            form = several[int(rng.integers(len(several)))]
            shape = form(number) if number > 1 else (1,) * len(form(2))
            # Of matrices some pairs lie along the other axis.
            sides = [side for side in shape if side > 1]
            pairs = min(
                (side // 2 * (math.prod(shape) // side) for side in sides), default=1
            )
            shapes.append((shape, -(-_PAIRS // pairs)))
        yield shapes


def _drawn(function: StudentFunction, trial: Trial) -> list[list[_Calls]]:
    """Return the calls of each range of sizes; all checks of one grading share them."""
    if "small noise" not in trial.notes:
        rng = trial.rng
        trial.notes["small noise"] = [
            [
                _calls(function, trial, rng, *each, number)
                for number, each in enumerate(shapes)
            ]
            for shapes in _asked(rng)
        ]
    found: list[list[_Calls]] = trial.notes["small noise"]
    return found


def _calls(
    function: StudentFunction,
    trial: Trial,
    rng: np.random.Generator,
    shape: tuple[int, ...],
    calls: int,
    number: int,
) -> _Calls:
    near = _NEAR[number % 2] + float(rng.uniform(-_VARY, _VARY))
    keep_prob = round(near, 4)
    factors = noise_factors.several(function, trial, shape, keep_prob, calls)
    z = (factors - 1) / noise_factors.deviation(keep_prob)
    return _Calls(f"{calls} calls {call_text(function.name, shape, keep_prob)}", z)


#: In which calls, which pairs, what they may be, and how many there are, are so, and should.
_Pairs = tuple[str, str, str, np.ndarray]


def _farthest(
    several: list[_Calls], *, at_own_rates: bool = False
) -> tuple[float, str]:
    """Return how far out is, of the calls' pairs of factors that are on the same side of 1,
    and of those that are both near to 1 or both far, the count that is farthest out, as
    an exponent, and in words; there is none of single units. At their ``own_rates`` pairs
    agree as often as independent factors do that are as often above 1, or near."""
    found, pooled = list[_Pairs](), dict[tuple[str, str], np.ndarray]()
    for calls in several:
        if calls.z[0].size == 1:
            continue
        for what, bits in _alike(calls.z):
            rate = float(bits.mean()) if at_own_rates else 0.5
            share = min(rate**2 + (1 - rate) ** 2, 1 - 1e-9)
            for which, alike in small_calls.pairs(bits):
                own = np.array((alike.size, alike.sum(), alike.size * share))
                found.append((calls.text, which, what, own))
                pooled[which, what] = pooled.get((which, what), 0) + own
    if not found:
        return 0.0, ""
    text = f"{several[0].text} and {len(several) - 1} more shapes"
    found += [(text, *key, own) for key, own in pooled.items()]
    n, k, expected = np.array([own for *_, own in found]).T
    exponents = tail_exponents(k, n, expected / n)
    call, which, what, _ = found[place := int(np.argmax(exponents))]
    text = (
        f"{call}: {which}: {k[place]:.0f} of {n[place]:.0f} pairs {what}; expected half"
    )
    return float(exponents[place]), f"{text} of them."


def _alike(z: np.ndarray) -> tuple[tuple[str, np.ndarray], ...]:
    return (
        ("are on the same side of 1", z > 0),
        ("are both near to 1 or both far from it", np.abs(z) < normal.QUARTILE),
    )


def of_usual_spread(known: Property) -> Property:
    """Return the property, and that factors of small arrays of more than one unit lie where
    others do."""

    def test(function: StudentFunction, trial: Trial) -> None:
        for calls in _drawn(function, trial)[1:]:
            _expect_usual(trial, calls)

    return known.also(test)


def _expect_usual(trial: Trial, calls: list[_Calls]) -> None:
    """Check that as many of the factors as should lie near to 1, far from it and above it,
    in calls of one shape and in all: where some follow from others, of one unit of each
    call."""
    alone = _farthest(calls, at_own_rates=True)[0] > _DEPENDENT
    rows = [one.z.reshape(len(one.z), -1) for one in calls]
    parts = [(row[:, :1] if alone else row).ravel() for row in rows]
    parts.append(np.concatenate(parts))
    texts = [one.text for one in calls]
    texts.append(" and ".join(texts))
    found = [
        (text, what, z.size, int(happens(z).sum()), probability)
        for text, z in zip(texts, parts, strict=True)
        for what, (probability, happens) in _EVENTS.items()
    ]
    n, k, shares = np.array([each[2:] for each in found], float).T
    exponents = tail_exponents(k, n, shares)
    text, what, number, count, share = found[place := int(np.argmax(exponents))]
    trial.expect(
        exponents[place] < small_calls.TOO_FAR,
        f"{text}: {count} of {number} factors lie {what}; expected about "
        f"{share * number:.0f}.",
        Wrong.some_calls_have_other_factors,
    )


def expect_own(function: StudentFunction, trial: Trial) -> None:
    """Check that factors of small arrays tell nothing of each other, and that those of
    single units lie where others do: noise that is chosen for its mean does not."""
    singles, *arrays = _drawn(function, trial)
    exponent, text = max(map(_farthest, arrays))
    trial.expect(
        exponent < small_calls.TOO_FAR, text, Wrong.factors_depend_on_each_other
    )
    _expect_usual(trial, singles)


#: A call of 20 units, and the half of the values that the sum of its squares takes which
#: lies around the median.
_FEW, _SQUARES = (4, 5), (15.452, 23.828)
#: Means and spreads that are redrawn until near, or the best of five, are near nearly
#: always.
OF_CALLS: Mapping[str, Law] = {
    "mean of a call": Proportion(0.5, detects=0.4),
    "spread of a call": Proportion(normal.squares_between(20, *_SQUARES), 0.4),
}


def judge_calls(function: StudentFunction, trial: Trial) -> None:
    """Count calls of 20 units whose mean, or whose spread, is as near as in half of all."""
    rng, calls = trial.generator(), trial.size("spread of a call")
    calls = max(calls, trial.size("mean of a call"))
    z = noise_factors.several(function, trial, _FEW, 0.3, calls, rng)
    z = (z.reshape(calls, -1) - 1) / noise_factors.deviation(0.3)
    squares, what = (
        (z**2).sum(axis=1),
        f"calls {call_text(function.name, _FEW, 0.3)} whose",
    )
    for look, near in {
        "mean of a call": np.abs(z.mean(axis=1)) * 20**0.5 < normal.QUARTILE,
        "spread of a call": (_SQUARES[0] < squares) & (squares < _SQUARES[1]),
    }.items():
        message = f"{what} {look.partition(' ')[0]} is among the nearer half"
        trial.judge(look, near, near.size, message, Wrong.factors_depend_on_each_other)
