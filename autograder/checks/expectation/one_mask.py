"""What one call of ``bernoulli_mask`` gives, read as bits whatever kind it came as."""

from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.facts import describe
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial


class Wrong(Mistakes, section="exp-mean"):
    mask_is_already_rescaled = """a kept unit's entry is not 1 but already divided; the
        mask says kept or dropped, and the division by keep_prob comes later."""
    returns_the_random_numbers = """your array holds the random numbers themselves; the
        mask is the answer to a comparison of them with keep_prob."""


def mask_call(shape: tuple[int, ...], keep_prob: float) -> str:
    return f"bernoulli_mask({shape}, {keep_prob}, rng)"


def mask_of(
    function: StudentFunction,
    trial: Trial,
    shape: tuple[int, ...],
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Return one mask as a bool array, whatever kind of zeros and ones it came as."""
    mask: np.ndarray = masks_of(function, trial, shape, keep_prob, 1, rng)[0]
    return mask


def masks_of(
    function: StudentFunction,
    trial: Trial,
    shape: tuple[int, ...],
    keep_prob: float,
    calls: int,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Return the masks of so many calls, with an axis of calls first; without ``rng``
    each has a generator of its own."""
    rngs = [trial.generator() if rng is None else rng for _ in range(calls)]
    found = function.each([(shape, keep_prob, each) for each in rngs])
    return np.array([bits_of(trial, mask, shape, keep_prob) for mask in found])


def of_one(
    function: StudentFunction,
    trial: Trial,
    shape: tuple[int, ...],
    keep_prob: float,
    calls: int,
) -> np.ndarray:
    """Return the masks of so many calls with one generator."""
    return masks_of(function, trial, shape, keep_prob, calls, trial.generator())


def bits_of(
    trial: Trial, mask: Any, shape: tuple[int, ...], keep_prob: float
) -> np.ndarray:
    """Return what was returned for a mask as one, whatever kind of zeros and ones it has."""
    if isinstance(mask, np.ndarray) and mask.dtype == bool and mask.shape == shape:
        return mask
    return _as_bits(trial, mask, shape, mask_call(shape, keep_prob))


def _as_bits(trial: Trial, mask: Any, shape: tuple[int, ...], call: str) -> np.ndarray:
    trial.expect(
        mask is not None,
        f"{call} returned None: is a return statement missing?",
        facts.Wrong.returns_nothing,
    )
    trial.expect(
        isinstance(mask, np.ndarray) and mask.dtype.kind in "biuf",
        f"{call} returned {describe(mask)}; expected a bool array of shape {shape}.",
        facts.Wrong.returns_another_kind,
    )
    trial.expect(
        mask.shape == shape,
        f"{call} returned an array of shape {mask.shape}; expected {shape}.",
        facts.Wrong.returns_another_shape,
    )
    facts.finite(mask, call)
    odd = mask[(mask != 0) & (mask != 1)]
    if odd.size:
        trial.fail(
            f"{call}: {odd.size} of {mask.size} entries are neither 0 nor 1, the first is "
            f"{odd[0]:.4g}; expected True or False everywhere.",
            _name_of_odd_entries(mask),
        )
    found: np.ndarray = mask != 0
    return found


def _name_of_odd_entries(mask: np.ndarray) -> str | None:
    values = np.unique(mask)
    if mask.size > 4 and len(values) > mask.size / 2:
        return Wrong.returns_the_random_numbers
    rescaled = values[-1] > 1 and len(values[values != 0]) == 1
    return Wrong.mask_is_already_rescaled if rescaled else None
