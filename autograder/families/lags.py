"""Bits that any number of places apart agree as independent ones do."""

from collections.abc import Mapping

import numpy as np

from autograder.contract.trial import Trial
from autograder.laws.binomial import EveryKind

LOOK = "bits any number of places apart"
#: Two sets of pairs for each distance, of all masks together.
LAW = EveryKind(100_000, detects=0.1)

Counts = Mapping[str, tuple[int, int, float]]


def judge(
    trial: Trial, masks: Mapping[str, np.ndarray], keep_prob: float, mistake: str
) -> None:
    """Check that in none of the masks, each with its name, bits so many places apart agree
    more often, or less, than independent ones; up to half of the mask apart."""
    counts: dict[str, tuple[int, int, float]] = {}
    for name, mask in masks.items():
        counts |= _farthest(mask.ravel(), keep_prob, name)
    what = f"mask bits that agree at keep_prob = {keep_prob}, {{}}"
    trial.judge_kinds(LOOK, counts, what, mistake)


def _farthest(bits: np.ndarray, keep_prob: float, name: str) -> Counts:
    """Return the pairs at the distance where agreement is most unusual, in two sets of
    disjoint ones."""
    usual, most = keep_prob**2 + (1 - keep_prob) ** 2, bits.size // 2
    pairs = bits.size - np.arange(1, most + 1)
    gaps = _agreement(bits)[1 : most + 1] - usual
    lag = 1 + int(np.argmax(gaps**2 * pairs))
    first = np.arange(bits.size - lag)
    agree = bits[:-lag] == bits[lag:]
    counts = {}
    for part, which in enumerate(("even", "odd")):
        disjoint = agree[first // lag % 2 == part]
        if not disjoint.size:
            continue
        kind = f"{lag} places apart in {name} ({which} blocks)"
        counts[kind] = (
            disjoint.size,
            int(np.count_nonzero(disjoint)),
            disjoint.size * usual,
        )
    return counts


def _agreement(bits: np.ndarray) -> np.ndarray:
    """Return, by distance, the share of pairs of bits that agree."""
    signs = np.where(bits, 1.0, -1.0)
    spectrum = np.fft.rfft(signs, 2 * bits.size)
    sums = np.fft.irfft(np.abs(spectrum) ** 2, 2 * bits.size)[: bits.size]
    found: np.ndarray = (1 + sums / np.arange(bits.size, 0, -1)) / 2
    return found
