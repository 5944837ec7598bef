"""Normal numbers, counted all along the line: no law that differs from the normal one by
more than the counts tell apart has another mean or another variance than they allow.

Below each of ``_LIMITS`` lie as many of the standardised factors as chance allows: of all,
of those of each half of the units, of each large call, and of small calls of every kind.
"""

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograder.contract.budget import alpha_of
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families.bit_tests import FINE_KEEP_PROBS
from autograder.families.elementwise import call_text
from autograder.families.kinds import Kinds
from autograder.families.noise_factors import (
    HALVES,
    Wrong,
    deviation,
    law_mistake,
    noisy,
    output_of,
)
from autograder.families.tally import size_of
from autograder.laws import normal
from autograder.laws.binomial import EveryKind, tail_exponents

LOOK = "below each of many numbers"
#: So many steps a standard deviation, from so many of these below 0 to as many above.
_STEPS, _REACH = 32, 5
_LIMITS = np.arange(-_REACH * _STEPS, _REACH * _STEPS + 1) / _STEPS
_BELOW = np.array([normal.normal_cdf(z) for z in _LIMITS.tolist()])
#: Of 321 limits each, in 84 kinds: all, 8 halves and 20 large calls; 10 ranges of keep_prob,
#: 6 sizes, 4 numbers of axes, 2 dtypes, 2 orders, 5 of signs, 20 of entries and 2 modes of
#: small calls, and all of these. Of 830,000 factors that pass in large calls, whatever their
#: law, the mean lies within 0.031 standard deviations of 1 and the variance is right to 6 %;
#: of the 41,000 of one call, to 0.084 and 20 %: linear programs say so.
LAW = EveryKind(84 * 321, detects=0.034)
#: How many small calls, with up to how many units, and in how many ranges of keep_prob.
_CALLS, _MOST, _RANGES = 320, 4000, 10
_ALL = "in all of them"
_HALVES = {
    "positive": ("where x is positive", "where x is negative"),
    "large": ("where x is large", "where x is small"),
    "front": ("in the front half", "in the back half"),
    "odd": ("at odd places", "at even places"),
}
_BY_VALUE = {*_HALVES["positive"], *_HALVES["large"]}
_BY_PLACE = {*_HALVES["front"], *_HALVES["odd"]}


class Drawn(NamedTuple):
    """A call in words, its entries other than 0, in a row, and their standardised factors."""

    what: str
    x: np.ndarray
    z: np.ndarray


def _places(z: np.ndarray) -> np.ndarray:
    """Return how many limits are not above each number."""
    steps = (z + _REACH) * _STEPS
    found: np.ndarray = (np.floor(steps).clip(-1, len(_LIMITS) - 1) + 1).astype(int)
    return found


def _histogram(places: np.ndarray) -> np.ndarray:
    return np.bincount(places, minlength=len(_LIMITS) + 1)


def _of_large(drawn: Sequence[Drawn]) -> dict[str, np.ndarray]:
    """Return histograms of the factors of each call, of all, and of each half."""
    found = dict[str, np.ndarray]()
    halves = defaultdict[str, Any](int)
    for what, x, z in drawn:
        places, size = _places(z), np.abs(x)
        found[what] = whole = _histogram(places)
        halves[_ALL] = halves[_ALL] + whole
        inside = {
            "positive": x > 0,
            "large": size > size.mean(),
            "front": HALVES["front"](x),
            "odd": np.arange(x.size) % 2 == 1,
        }
        for half, (one, other) in _HALVES.items():
            own = _histogram(places[inside[half]])
            halves[one] = halves[one] + own
            halves[other] = halves[other] + whole - own
    return found | halves


class _Small(NamedTuple):
    """A small call, its marks, and whether training is passed."""

    args: tuple[np.ndarray, float, np.random.Generator]
    marks: Mapping[str, str]
    passes_training: bool


def _small(trial: Trial, of: Kinds) -> list[_Small]:
    rng, found = trial.rng, list[_Small]()
    keep_probs = 0.02 + 0.96 * (np.arange(_CALLS) + rng.random(_CALLS)) / _CALLS
    sizes = rng.permutation(_MOST ** np.linspace(0, 1, _CALLS)).tolist()
    for number, (size, p) in enumerate(zip(sizes, keep_probs.tolist(), strict=True)):
        given, passes = of.make(trial, rng, round(size), 0), bool(rng.integers(2))
        part = number * _RANGES // _CALLS
        low, high = (0.02 + 0.96 * (part + end) / _RANGES for end in (0, 1))
        marks = {
            **given.marks,
            "keep_prob": f"keep_prob from {low:.3f} to {high:.3f}",
            "size": f"{size_of(given.values.size)} units",
            "mode": "training=True" if passes else "training left out",
            "all": "any form",
        }
        found.append(_Small((given.args[0], p, trial.generator()), marks, passes))
    return found


def _of_small(
    function: StudentFunction, trial: Trial, of: Kinds
) -> dict[str, np.ndarray]:
    """Return histograms of the factors of small calls, by what kind of calls they are."""
    calls, found = _small(trial, of), defaultdict[str, Any](int)
    for passes in (False, True):
        own = [call for call in calls if call.passes_training == passes]
        how = {"training": True} if passes else {}
        results = function.each([call.args for call in own], **how)
        for (args, marks, _), result in zip(own, results, strict=True):
            x, p, _ = args
            out = output_of(result, call_text(function.name, x.shape, p), x.shape)
            counts = _histogram(_places((out / x - 1).ravel() / deviation(p)))
            for mark in marks.values():
                kind = f"in small calls ({mark})"
                found[kind] = found[kind] + counts
    return found


def _farthest(kinds: Mapping[str, np.ndarray]) -> dict[str, tuple[int, int, float]]:
    """Return, by kind, the count below that of its limits where it departs most."""
    names, below = [*kinds], np.cumsum([*kinds.values()], axis=1).astype(float)
    numbers, below = below[:, -1:], below[:, :-1]
    shares = np.broadcast_to(_BELOW, below.shape)
    worst = tail_exponents(below, numbers + 0 * below, shares).argmax(axis=1).tolist()
    return {
        f"below 1 {_LIMITS[j]:+.5g} standard deviations, {name}": (
            int(n),
            int(below[i, j]),
            float(n * _BELOW[j]),
        )
        for i, (name, j, n) in enumerate(
            zip(names, worst, numbers[:, 0].tolist(), strict=True)
        )
    }


#: A distribution of 160,000 factors lies farther from its law in two cases of 1,000, and
#: all four of ``kind_mistake`` by no chance.
_FORMS, _DISTANCE = ((np.float64, (400, 400)), (np.float32, (160_000,))), 0.0047


def kind_mistake(function: StudentFunction, trial: Trial, mistake: str) -> str:
    """Return what is behind calls of some kind that depart: the ``mistake``, or, where calls
    of two forms do so at two keep probabilities, that of their law."""
    for p, (dtype, shape) in itertools.product(FINE_KEEP_PROBS, _FORMS):
        x = trial.inputs(*shape).astype(dtype)
        factors = noisy(function, trial, shape, p, x=x).factors.ravel()
        places = _places((factors - 1) / deviation(p))
        below = np.cumsum(_histogram(places))[:-1] / factors.size
        if np.abs(below - _BELOW).max() < _DISTANCE:
            return mistake
    return law_mistake(function, trial, 0)


def judge(
    function: StudentFunction,
    trial: Trial,
    drawn: Sequence[Drawn],
    of: Kinds,
    mistake: str,
) -> None:
    """Check that in the calls ``drawn``, and in small ones, as many factors as should lie
    below each of many numbers. ``mistake`` is behind a kind of calls that departs most."""
    counts = _farthest(_of_large(drawn) | _of_small(function, trial, of))
    kind, farthest = LAW.farthest(counts)
    kind = kind.partition(", ")[2]
    if farthest <= LAW.exponent(alpha_of(trial.check.exercise.chapter)):
        name = ""  # Nothing departs.
    elif kind in _BY_VALUE:
        name = Wrong.noise_depends_on_the_value
    elif kind in _BY_PLACE:
        name = Wrong.noise_depends_on_the_place
    elif kind == _ALL:
        name = law_mistake(function, trial, 0)
    else:
        name = kind_mistake(function, trial, mistake)
    trial.judge_kinds(LOOK, counts, "factors {}", name)
