"""A reading of AlphaDropout: which units were dropped, and what became of the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import corners, entries, kinds
from autograder.families.elementwise import call_text
from autograder.families.noise_factors import forward, output_of

#: What a dropped unit is replaced with: SELU's value for very negative input.
OFF = -1.0507009873554805 * 1.6732632423543772


def constants(keep_prob: Any, off: Any = OFF) -> tuple[Any, Any, Any]:
    """Return A and B, which kept units come back with as A x + B, and the value of
    dropped units, for one keep probability or an array of them."""
    q = 1 - keep_prob
    factor = (keep_prob + keep_prob * q * off**2) ** -0.5
    shift = -factor * q * off
    return factor, shift, factor * off + shift


def away_from_off(x: np.ndarray) -> np.ndarray:
    """Return inputs of ``Trial.inputs`` moved out of the neighbourhood of ``OFF``, signs
    kept, so that a dropped unit is told from a kept one."""
    return np.where(x < 0, x / 2, x).astype(x.dtype)


def _equal(out: np.ndarray, value: float, keep_prob: float) -> np.ndarray:
    """Return where units came back as this value, up to rounding."""
    found: np.ndarray = np.abs(out - value) < 1e-5 * max(1, constants(keep_prob)[0])
    return found


def _many(near: np.ndarray, keep_prob: float) -> bool:
    """Return whether so many units came back as one value that they were dropped: kept
    ones do by chance, and some inputs stand in an array twice."""
    expected = (1 - keep_prob) * near.size
    return bool(np.count_nonzero(near) > max(1, 0.1 * expected))


def dropped_units(out: np.ndarray, keep_prob: float) -> np.ndarray:
    """Return where units were dropped: where many outputs share a value.

    Meant for hundreds of units. The right value is tried first; other values serve the
    diagnosis."""
    near = _equal(out, constants(keep_prob)[2], keep_prob)
    if _many(near, keep_prob):
        return near
    values, counts = np.unique(out, return_counts=True)
    if counts.max() < 3:
        return np.zeros(out.shape, bool)
    tolerance = 1e-6 * max(1e-6, float(np.abs(values).max()))
    found: np.ndarray = np.abs(out - values[np.argmax(counts)]) < tolerance
    return found


#: Units enough that some are dropped at keep_prob = 0.998.
_MANY = (100, 100)
#: The largest entry of x that the statement promises, and in float32 the largest beside
#: which the value of dropped units is not lost to rounding in ``x + (d - x) * dropped``.
_LARGEST, _LARGEST_SINGLE = 1e6, 30
LARGE = (60, 60)
#: Where so many units are dropped on average, half as many show.
_TELLING = 50


#: How near to ``OFF`` no entry lies, so that a dropped unit is told from a kept one.
_APART = 0.2


def _readable(x: np.ndarray) -> np.ndarray:
    """Return x within its range; where an entry is near ``OFF``, with all moved away from
    it, which keeps their order."""
    most = _LARGEST if x.dtype == np.float64 else _LARGEST_SINGLE
    x = np.clip(x, -most, most)
    from_off = x - OFF
    if np.abs(from_off).min(initial=np.inf) > _APART:
        return x
    return (x + np.copysign(_APART, from_off)).astype(x.dtype)


class Masking:
    """A student's AlphaDropout as a mask: what it drops comes back as 0, the rest as x.

    With it the checks of ``elementwise`` on rates and independence apply."""

    def __init__(self, function: StudentFunction) -> None:
        self.name, self._function = function.name, function
        self._values: dict[float, float] = {}

    def __call__(
        self, x: np.ndarray, keep_prob: float, rng: Any, training: bool | None = None
    ) -> tuple[np.ndarray, None]:
        out = forward(self._function, _readable(x), keep_prob, rng, training)
        return self._masked(x, keep_prob, out)

    def each(self, calls: Sequence[tuple[Any, ...]], **kwargs: Any) -> list[Any]:
        given = [(_readable(x), keep_prob, rng) for x, keep_prob, rng in calls]
        results = self._function.each(given, **kwargs)
        masks = []
        for (x, keep_prob, _), result in zip(calls, results, strict=True):
            out = output_of(result, call_text(self.name, x.shape, keep_prob), x.shape)
            masks.append(self._masked(x, keep_prob, out))
        return masks

    def _masked(
        self, x: np.ndarray, keep_prob: float, out: np.ndarray
    ) -> tuple[np.ndarray, None]:
        dropped = _equal(out, constants(keep_prob)[2], keep_prob)
        if not _many(dropped, keep_prob):
            own = self._value(keep_prob)
            # A wrong value may be far larger than the right one, and is rounded more then.
            dropped = _equal(out, own, keep_prob) | (
                np.abs(out - own) < 1e-4 * abs(own)
            )
        # Arrays of some form may have a value of their own, which is judged elsewhere.
        expected = (1 - keep_prob) * x.size
        if expected >= _TELLING and not _many(dropped, keep_prob):
            found = dropped_units(out, keep_prob)
            # Where entries come again, so do kept ones.
            apart = len(np.unique(_readable(x))) > 0.9 * x.size
            if apart and np.count_nonzero(found) > 0.5 * expected:
                dropped = found
        return np.where(dropped, 0.0, x), None

    def _value(self, keep_prob: float) -> float:
        """Return what dropped units come back as, read off a call of its own; NaN where
        nothing was dropped."""
        if keep_prob not in self._values:
            rng = np.random.default_rng(1)
            x = away_from_off(rng.uniform(0.5, 3, _MANY) * rng.choice([-1, 1], _MANY))
            out = forward(self._function, x, keep_prob, rng)
            dropped = dropped_units(out, keep_prob)
            value = np.median(out[dropped]) if dropped.any() else np.nan
            self._values[keep_prob] = float(value)
        return self._values[keep_prob]

    def observe(self, *args: Any, **mode: Any) -> tuple[Any, tuple[Any, ...]]:
        return self(*args, **mode), args


@dataclass(frozen=True)
class Reading:
    """A large forward pass read as a x + b for kept units, and a value for dropped."""

    x: np.ndarray
    out: np.ndarray
    dropped: np.ndarray

    @property
    def value(self) -> float:
        return float(np.median(self.out[self.dropped]))

    @property
    def line(self) -> tuple[float, float] | None:
        """a and b, or None where kept units do not lie on one line."""
        x, out = self.x[~self.dropped], self.out[~self.dropped].astype(float)
        if len(x) < 2:
            return None
        a, b = np.polyfit(x, out, 1)
        fits = facts.close(a * x + b, out, atol=1e-6 * float(np.abs(out).max()))
        return (float(a), float(b)) if fits else None


def read(
    function: StudentFunction,
    trial: Trial,
    keep_prob: float,
    training: bool | None = None,
) -> Reading:
    x = away_from_off(trial.inputs(*LARGE))
    out = forward(function, x, keep_prob, trial.generator(), training)
    return Reading(x, out, dropped_units(out, keep_prob))


#: The greatest keep probability of ``readings``.
_NEAR_ONE = 0.98
#: How many units ``forms`` has at most, but for long rows and columns.
_MOST = 600
_LONG = (((3, 300), np.float64), ((300, 3), np.float32), ((2, 400), np.float32))


def readings(function: StudentFunction, trial: Trial) -> list[tuple[float, Reading]]:
    """Return large forward passes with keep probabilities from all over the range, which
    all checks of one grading share."""
    if "readings" not in trial.notes:
        shares = corners.spread_keep_probs(trial)
        probabilities = [min(p, _NEAR_ONE) for p in shares]
        trial.notes["readings"] = [(p, read(function, trial, p)) for p in probabilities]
    found: list[tuple[float, Reading]] = trial.notes["readings"]
    return found


def forms(trial: Trial) -> list[np.ndarray]:
    """Return inputs of every form and kind, of few units up to some hundred."""
    rng, found = trial.rng, []
    every = [*kinds.every_form(rng, corners.spread_sizes(rng, _MOST)), *_LONG]
    arrays = entries.of_every_kind((trial.inputs(*shape) for shape, _ in every), rng)
    for (x, _), (_, dtype) in zip(arrays, every, strict=True):
        x = _readable(x.astype(dtype))
        found.append(corners.transposed(x) if rng.random() < 0.5 else x)
    return found


#: Near keep_prob = 1 a mask that whole rows share may drop nothing, which is judged
#: elsewhere: a reading with a dropped unit is looked for in so many calls.
ATTEMPTS = 30
#: And there so few units are dropped that others may have a value in common by chance, or
#: more of them: units that were clipped. So many readings decide.
_READINGS = 9


def dropped_value(
    function: StudentFunction, trial: Trial, keep_prob: float
) -> float | None:
    """Return what dropped units come back as, or None where none is ever dropped."""
    readings = (read(function, trial, keep_prob) for _ in range(ATTEMPTS))
    values = (got.value for got in readings if got.dropped.any())
    value = next(values, None)
    if value is None or keep_prob < 0.99:
        return value
    expected = constants(keep_prob)[2]
    several = (value, *islice(values, _READINGS - 1))
    return next((v for v in several if facts.close(v, expected)), value)
