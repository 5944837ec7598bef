"""What the one-line checks of the page "Errors of the field" are made of."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lab
import numpy as np

DATA = Path(__file__).parent / "data"


def over_masks(function: Callable[[np.ndarray], Any], n: int, keep_prob: float) -> Any:
    """Return the exact mean of ``function(m)`` over all 2**n masks of n units.

    ``m`` is an integer array (n,) of zeros and ones, each 1 with probability
    ``keep_prob``, independently; the function returns a number or an array of fixed
    shape. ``n`` is at most 12.
    """
    if not 1 <= n <= 12:
        raise ValueError(f"n is 1 to 12, not {n}")
    masks = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    chance = np.prod(np.where(masks == 1, keep_prob, 1 - keep_prob), axis=1)
    mean = np.tensordot(chance, np.array([function(m) for m in masks], float), 1)
    return mean if mean.ndim else float(mean)


def equal(one: Any, other: Any) -> bool:
    """Tell whether two numbers or arrays agree to ten digits everywhere."""
    one, other = np.asarray(one, float), np.asarray(other, float)
    return bool(np.all(np.abs(one - other) <= 1e-10 * np.maximum(1, np.abs(other))))


def sweep(chapter: str) -> Any:
    """Return a chapter's committed experiment, ``data/<chapter>.json``."""
    return json.loads((DATA / f"{chapter}.json").read_text(encoding="utf-8"))


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of two or more numbers and its standard error."""
    return float(np.mean(values)), float(lab.standard_error(values))


def difference(
    runs: Sequence[dict[str, Any]], one: str, other: str
) -> tuple[float, float]:
    """Return mean and standard error of ``run[one] - run[other]`` over paired runs."""
    return mean_and_error(
        [np.ravel(run[one])[0] - np.ravel(run[other])[0] for run in runs]
    )
