"""Units of small arrays have bits of their own, too, and their rate is no other.

``kinds`` has calls of all sizes, of which small ones have few pairs of units: what one coin
decides for a vector of six shows there among many others. Here the same small array is
asked for so often that no chance is left.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Property
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial, usual
from autograder.families import corners
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


def _asked(
    rng: np.random.Generator, forms: Forms
) -> Iterator[tuple[tuple[int, ...], int]]:
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
        bits = partial(of_layer, **how)
        expect(function, trial, bits, forms, probability, what)

    return known.also(test)


def expect(
    function: StudentFunction,
    trial: Trial,
    bits: Bits,
    forms: Forms = FORMS,
    probability: Callable[[float], float] = float,
    what: str = "units",
) -> None:
    """Check that ``bits`` of small arrays in these ``forms`` agree as often as they should,
    where they are set with this ``probability``."""
    asked = [*_asked(trial.rng, forms)]
    near = np.linspace(_FROM, _TO, len(asked))
    keep_probs = corners.of_all_digits(trial.rng, trial.rng.permutation(near), 0.005)
    found = []
    for (shape, calls), keep_prob in zip(asked, keep_probs, strict=True):
        p = probability(keep_prob)
        masks = bits(function, trial, shape, keep_prob, calls)
        if (masks == masks[0]).all():
            continue  # One mask in every call is for the checks of rates and of rng.
        for which, alike in pairs(masks):
            text = f"{calls} calls with {what} of shape {shape} at {keep_prob}: {which}"
            found.append((text, alike.size, int(alike.sum()), p**2 + (1 - p) ** 2))
    if not found:
        return
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


#: Sizes of small arrays whose rate is looked at, the keep probabilities below and above one
#: half, with how far these vary, and how many bits of each size there are at each of these.
_RATED, _BELOW_AND_ABOVE, _VARY = ((1, 1), (2, 8), (9, 20), (21, 60)), (0.3, 0.7), 0.05
_BITS, _SINGLE = 500, 350
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
        bits = partial(of_layer, **how)
        expect_rate(function, trial, bits, forms, probability, what)

    return known.also(test)


def expect_rate(
    function: StudentFunction,
    trial: Trial,
    bits: Bits,
    forms: Forms = FORMS,
    probability: Callable[[float], float] = float,
    what: str = "units",
) -> None:
    """Check that ``bits`` of arrays of each size in ``_RATED``, at two keep probabilities
    and at both together, are set with this ``probability``."""
    rng = trial.rng
    every = [form for several in forms for form in several]
    for low, high in _RATED:
        both, texts = np.zeros(3), list[str]()
        for near in _BELOW_AND_ABOVE:
            number = int(rng.integers(low, high + 1))
            form = every[int(rng.integers(len(every)))]
            shape = form(number) if number > 1 else (1,) * len(form(2))
            keep_prob = round(near + float(rng.uniform(-_VARY, _VARY)), 4)
            calls = -(-(_BITS if number > 1 else _SINGLE) // math.prod(shape))
            masks = bits(function, trial, shape, keep_prob, calls)
            own = np.array(
                (masks.size, masks.sum(), masks.size * probability(keep_prob))
            )
            texts.append(f"{calls} calls with {what} of shape {shape} at {keep_prob}")
            _expect_usual(trial, texts[-1], own)
            both += own
        _expect_usual(trial, " and ".join(texts), both)


def _expect_usual(trial: Trial, calls: str, count: np.ndarray) -> None:
    """Check that of so many bits, which is the first of three numbers, the second are set:
    the third are to be expected."""
    n, k, expected = count
    [exponent] = tail_exponents(*np.array([[k], [n], [expected / n]]))
    trial.expect(
        exponent < _OTHER_RATE,
        f"{calls}: {k:.0f} of {n:.0f} are kept; expected about {expected:.0f}.",
        Wrong.keeps_some_calls_at_another_rate,
    )


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
