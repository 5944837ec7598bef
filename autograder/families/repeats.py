"""Which outputs are one and the same, where different ones are expected.

Whoever returns few outputs may add a little noise to each, less than the accuracy that values
are judged to: no two are equal then. So numbers count as the same where they differ by less
than that, or by far less than the outputs of other generators do. Where numbers are drawn
themselves, and any noise is right, ``accuracy`` is a greater part of their size.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

#: Values are judged to 1e-5 of themselves, or of the largest, and two may be off in both
#: directions; and of how far outputs lie from each other. Of a number in an output so much
#: agrees by chance with a probability below 0.01, where two have nothing in common: there
#: are dozens of numbers, or of a single row five.
ACCURACY, _NEAR = 1e-4, 0.01


def _are_numbers(outs: Sequence[Any]) -> bool:
    return all(isinstance(out, np.ndarray) and out.dtype.kind == "f" for out in outs)


def _far(one: np.ndarray, other: np.ndarray) -> float:
    """Return how far apart two are, the root of the mean square; NaN where one is not of
    finite numbers."""
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.square(one.astype(float) - other).mean()))


def _size(out: np.ndarray) -> float:
    return _far(out, np.zeros(1))


def _near(one: Any, other: Any, usual: float, accuracy: float) -> Any:
    """Return how far apart two of these sizes are that are the same, where outputs usually
    are so far apart: a few may be larger than all others."""
    size = np.minimum(one, other)
    return np.maximum(accuracy * size, _NEAR * np.minimum(usual, size))


def of_first(
    first: Any, others: Sequence[Any], accuracy: float = ACCURACY
) -> list[bool]:
    """Return which of the others are the first output once more."""
    equal = [np.array_equal(first, other) for other in others]
    if not _are_numbers([first, *others]) or not first.size:
        return equal
    far = [
        _far(first, other) if first.shape == other.shape else np.inf for other in others
    ]
    usual = max([gap for gap in far if np.isfinite(gap)], default=0.0)
    near = [_near(_size(first), _size(other), usual, accuracy) for other in others]
    return [
        same or gap <= most for same, gap, most in zip(equal, far, near, strict=True)
    ]


def are_same(one: Any, other: Any) -> bool:
    """Return whether two outputs are one, to the accuracy of values."""
    return of_first(one, [other])[0]


def any_two(outs: Sequence[Any], accuracy: float = ACCURACY) -> bool:
    """Return whether two of some outputs are one."""
    others = ([*outs[:i], *outs[i + 1 :]] for i in range(len(outs)))
    return any(
        any(of_first(out, rest, accuracy))
        for out, rest in zip(outs, others, strict=True)
    )


def different(outs: Sequence[np.ndarray], accuracy: float = ACCURACY) -> int:
    """Return how many different ones there are among outputs of one shape.

    Along one direction those that are the same lie next to each other: others come between
    two of them seldom, where noise is small."""
    if len(outs) < 2 or not _are_numbers(outs) or not outs[0].size:
        return len({np.asarray(out).tobytes() for out in outs})
    flat = np.array([out.ravel() for out in outs], float)
    along = flat @ np.sin(np.arange(1, flat.shape[1] + 1))
    usual = np.median(np.sqrt(np.square(flat[1:] - flat[:-1]).mean(axis=1)))
    flat = flat[np.argsort(along)]
    far = np.sqrt(np.square(flat[1:] - flat[:-1]).mean(axis=1))
    sizes = np.sqrt(np.square(flat).mean(axis=1))
    near = _near(sizes[1:], sizes[:-1], float(usual), accuracy)
    return len(flat) - int((far <= near).sum())


def shared_axes(values: np.ndarray, accuracy: float) -> tuple[int, ...]:
    """Return the axes along which values do not change but for noise."""
    most = accuracy * _size(values)
    each = [_far(values, values.take([0], axis)) for axis in range(values.ndim)]
    return tuple(axis for axis, gap in enumerate(each) if gap <= most)
