"""Which disjoint pairs of a mask's bits are compared."""

import numpy as np


def pairs_of(
    bits: np.ndarray, turn: float, shown: np.ndarray | None
) -> tuple[str, np.ndarray] | None:
    """Return which disjoint pairs of a call's bits, neighbours or half an axis apart, and
    where they are alike; None of a single bit. Of those ``shown`` alone pairs are the next
    ones along an axis."""
    axes = [axis for axis in range(bits.ndim) if bits.shape[axis] > 1]
    if not axes:
        return None
    which, place = divmod(int(turn * 2 * len(axes)), len(axes))
    axis, half = axes[place], bits.shape[axes[place]] // 2
    if shown is not None:
        return f"neighbours along axis {axis}", _next_ones(bits, shown, axis)
    lines = bits.swapaxes(0, axis)[: 2 * half]
    first, second = (lines[:half], lines[half:]) if which else (lines[::2], lines[1::2])
    return f"{('neighbours', 'halves')[which]} along axis {axis}", first == second


def _next_ones(bits: np.ndarray, shown: np.ndarray, axis: int) -> np.ndarray:
    """Return whether bits that are shown are like the next such one along an axis, in
    disjoint pairs."""
    flat = bits.swapaxes(axis, -1).ravel()
    places = np.flatnonzero(shown.swapaxes(axis, -1))
    line = places // bits.shape[axis]
    rank = np.arange(len(places)) - np.searchsorted(line, line)
    first = np.flatnonzero((rank[:-1] % 2 == 0) & (line[:-1] == line[1:]))
    alike: np.ndarray = flat[places[first]] == flat[places[first + 1]]
    return alike
