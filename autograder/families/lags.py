"""Bits any number of places apart agree, and threes of them, as independent ones do."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from autograder.contract.trial import Trial
from autograder.laws.binomial import EveryKind

LOOK = "bits any number of places apart"
#: Two sets of pairs for each distance, and four of threes, of all masks together.
LAW = EveryKind(500_000, detects=0.1)
#: Pairs that are so far apart that there are no more than this are too few to tell.
_FEW = 200

Counts = Mapping[str, tuple[int, int, float]]


def judge(
    trial: Trial,
    masks: Mapping[str, np.ndarray],
    keep_prob: float,
    mistake: str,
    kind: str = "",
) -> None:
    """Check that in none of the masks, each with its name, bits so many places apart agree
    more often, or less, than independent ones, nor an odd number of three is kept."""
    counts: dict[str, tuple[int, int, float]] = {}
    for name, mask in masks.items():
        counts |= _farthest(mask.ravel(), keep_prob, name)
        counts |= _threes(mask.ravel(), keep_prob, name)
    what = f"{kind}mask bits {{}} at keep_prob = {keep_prob:.3g}"
    trial.judge_kinds(kind + LOOK, counts, what, mistake)


#: What ``of_two`` counts: up to 60,000 bits, three times.
LARGE = "large masks moved along"
#: How ``in_rows`` calls neighbours, and what ``of_two`` and ``after_rows`` say of one place
#: in two calls.
NEXT = "neighbours, "
_AGAIN = (
    "that agree, 0 places on in the call after",
    "0 places after one that is kept, in the call after",
)


def of_two(
    first: np.ndarray, second: np.ndarray, keep_prob: float, name: str, within: bool
) -> Counts:
    """Return how often the bits of two masks agree where the first is moved along, round
    its end, by as many places as makes that most unusual; and ``within`` the second those
    so many places apart, and threes."""
    usual = keep_prob**2 + (1 - keep_prob) ** 2
    a, b = _in_little_time(first, second)
    size = len(a)
    one, two = np.fft.rfft(_signs((a, b)))
    lag = _most_unusual(one.conj() * two, usual)
    agree = int(np.count_nonzero(np.roll(a, lag) == b))
    kind = f"that agree, {lag} places on in the call after {name}"
    counts = {kind: (size, agree, size * usual)}
    if within:
        lag = _most_unusual(np.abs(two) ** 2, usual, 1)
        for each in {lag, size - lag}:
            if each < size - _FEW:
                counts |= _at(b, each, usual, name)
        counts |= _threes(b, keep_prob, name)
    return {kind.rstrip(","): number for kind, number in counts.items()}


def judge_next(
    trial: Trial,
    first: np.ndarray,
    second: np.ndarray,
    keep_prob: float,
    mistake: str,
) -> None:
    """Check that the second of two masks, drawn one after the other, is not the first that
    was moved along."""
    counts = of_two(first, second, keep_prob, "a call", within=False)
    what = f"mask bits {{}} at keep_prob = {keep_prob:.3g}"
    trial.judge_kinds(LARGE, counts, what, mistake)


def after_rows(first: np.ndarray, second: np.ndarray, name: str) -> Counts:
    """Return how many of the units are kept, in a mask whose rows keep the same number
    each, that lie so many places after one that another mask keeps that it is most unusual.

    Whatever the other mask is, what bounds counts of independent bits bounds these: those
    of rows that choose independently are negatively associated."""
    rate = float(second[:1].mean()) if second.size else 0.0
    a, b = _in_little_time(first, second)
    if not a.any() or not 0 < rate < 1:
        return {}
    one, two = np.fft.rfft(np.array((a, b), np.float32))
    both = _whole(np.fft.irfft(one.conj() * two, len(a)))
    lag, number = int(np.abs(both - both.mean()).argmax()), int(a.sum())
    kept = int(np.count_nonzero(np.roll(a, lag) & b))
    kind = f"{lag} places after one that is kept, {name}"
    return {kind: (number, kept, number * rate)}


def _in_little_time(first: np.ndarray, second: np.ndarray) -> list[np.ndarray]:
    """Return the first bits of two masks, as many as are transformed in little time."""
    size = min(
        first.size, max(t << (first.size // t).bit_length() >> 1 for t in (1, 3, 5, 9))
    )
    return [mask.ravel()[:size] for mask in (first, second)]


def repeated(counts: Counts) -> list[str]:
    """Return the kinds of those that say of two whole masks that they are the same."""
    return [
        kind
        for kind, (n, agree, _) in counts.items()
        if n == agree and kind.startswith(_AGAIN)
    ]


def in_rows(mask: np.ndarray, name: str) -> Counts:
    """Return how often both are kept of two units of a row, of which each keeps the same
    number, so far apart that it is most unusual.

    The bits of such a row are negatively associated, and so are disjoint pairs of them:
    what bounds the counts of independent ones bounds theirs."""
    (rows, d), k = mask.shape, int(mask[0].sum())
    usual = k * (k - 1) / (d * (d - 1))
    if not usual or d < 3:
        return {}
    spectrum = np.abs(np.fft.rfft(mask)) ** 2
    both = _whole(np.fft.irfft(spectrum.sum(axis=0), d))[1 : d // 2 + 1]
    lag, counts = 1 + int(np.abs(both - rows * d * usual).argmax()), {}
    for each in {lag, d - lag}:
        first, both = np.arange(d - each), mask[:, :-each] & mask[:, each:]
        for part in (0, 1):
            pairs = both[:, first // each % 2 == part]
            if pairs.size:
                kind = f"{NEXT * (each == 1)}{each} places apart in {name}, part {part}"
                kept = int(np.count_nonzero(pairs))
                counts[kind] = pairs.size, kept, pairs.size * usual
    return counts


def _signs(bits: Any) -> np.ndarray:
    """Return 1 for each bit that is set, -1 for others, as what is transformed fastest."""
    return np.where(bits, np.float32(1), np.float32(-1))


def _whole(sums: np.ndarray) -> np.ndarray:
    """Return sums of products of whole numbers, a transform's last step, as they are: its
    rounding, which differs from machine to machine, decides between no two."""
    whole: np.ndarray = np.rint(sums, dtype=float)
    return whole


def _most_unusual(spectrum: np.ndarray, usual: float, least: int = 0) -> int:
    """Return the distance, round the end, at which bits agree least as usual."""
    size = 2 * len(spectrum) - 2
    gaps = np.abs(_whole(np.fft.irfft(spectrum)) / size + (1 - 2 * usual))
    return least + int(gaps[least:].argmax())


def _farthest(bits: np.ndarray, keep_prob: float, name: str) -> Counts:
    """Return the pairs at the distance where agreement is most unusual, in two sets of
    disjoint ones."""
    usual, most = keep_prob**2 + (1 - keep_prob) ** 2, bits.size - _FEW
    pairs = bits.size - np.arange(1, most + 1)
    gaps = _agreement(bits)[1 : most + 1] - usual
    gaps *= gaps
    lag = 1 + int(np.argmax(gaps * pairs))
    return _at(bits, lag, usual, name)


def _at(bits: np.ndarray, lag: int, usual: float, name: str) -> Counts:
    """Return the pairs at this distance, in two sets of disjoint ones."""
    first = np.arange(bits.size - lag)
    agree = bits[:-lag] == bits[lag:]
    counts = {}
    for part, which in enumerate(("even", "odd")):
        disjoint = agree[first // lag % 2 == part]
        if not disjoint.size:
            continue
        kind = f"that agree, {lag} places apart in {name} ({which} blocks),"
        counts[kind] = (
            disjoint.size,
            int(np.count_nonzero(disjoint)),
            disjoint.size * usual,
        )
    return counts


def _threes(bits: np.ndarray, keep_prob: float, name: str) -> Counts:
    """Return how often an odd number of three bits is set, which those that follow from
    two others show: of neighbours from each of the first three places on, and of the
    three thirds."""
    whole = (bits.size - 2) // 3 * 3
    sets = {
        f"in threes from place {start} on": bits[start : start + whole].reshape(-1, 3).T
        for start in range(3)
    }
    sets["in three thirds"] = bits[: bits.size // 3 * 3].reshape(3, -1)
    usual = (1 - (1 - 2 * keep_prob) ** 3) / 2
    return {
        f"of which one or three are set, {which} of {name},": (
            three[0].size,
            int(np.count_nonzero(three[0] ^ three[1] ^ three[2])),
            three[0].size * usual,
        )
        for which, three in sets.items()
    }


def _agreement(bits: np.ndarray) -> np.ndarray:
    """Return, by distance, the share of pairs of bits that agree."""
    # Lengths like these are transformed in the least time.
    size = min(
        times << (2 * bits.size // times).bit_length() for times in (1, 3, 5, 9, 27, 45)
    )
    spectrum = np.fft.rfft(_signs(bits), size)
    spectrum *= spectrum.conj()
    found = _whole(np.fft.irfft(spectrum, size)[: bits.size])
    found /= np.arange(bits.size, 0, -1)
    found += 1
    found /= 2
    return found
