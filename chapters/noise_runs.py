"""The committed training runs under several noises, as two pages read them."""

from collections.abc import Callable
from typing import Any

import evidence
import numpy as np

#: ``data/noise.json``, which ``data/noise.py`` writes and describes.
SWEEP: Any = evidence.sweep("noise")


def of(pick: Callable[[Any], Any], measure: str = "error") -> np.ndarray:
    """Return one number for each seed; ``pick`` finds a network in a seed's runs."""
    return np.array([pick(run)[measure] for run in SWEEP["runs"]])


def wide(noise: str, measure: str = "error", budget: str = "long") -> np.ndarray:
    """Return one number for each seed, after 120 epochs ("long") or 60 ("wide")."""
    runs = SWEEP["long"] if budget == "long" else [run["wide"] for run in SWEEP["runs"]]
    return np.array([run[noise][measure] for run in runs])


def change(
    noise: str, other: str, measure: str = "error", budget: str = "long"
) -> np.ndarray:
    """Return what a noise changes against another, seed by seed."""
    return wide(noise, measure, budget) - wide(other, measure, budget)
