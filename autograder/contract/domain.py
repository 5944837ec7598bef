"""What a caller may pass to a student's function: ranges as data, and their corners.

An exercise states the range of each argument once (``Exercise.takes``). The statement
says it in the same words, and every corner is visited by a check: the project's tests hold
both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Fits = Callable[[Any], bool]


@dataclass(frozen=True)
class Range:
    """What an argument may be. ``says`` stands in the statement, word for word;
    ``corners`` names what a wrong answer may get wrong alone, and tells whether a value
    lies there."""

    says: str
    corners: Mapping[str, Fits] = field(default_factory=dict)

    def said(self, says: str) -> "Range":
        """Return the range in other words."""
        return Range(says, self.corners)

    def without(self, *corners: str) -> "Range":
        """Return the range without these corners. Raises ``KeyError`` for another name."""
        kept = dict(self.corners)
        for name in corners:
            del kept[name]
        return Range(self.says, kept)

    def also(self, **corners: Fits) -> "Range":
        """Return the range with more corners; a name's underscores are blanks."""
        more = {name.replace("_", " "): fits for name, fits in corners.items()}
        return Range(self.says, {**self.corners, **more})


#: The name under which ``takes`` holds what an exercise's arguments may be together; a
#: corner then sees the dict of all.
TOGETHER = "together"

_NEAR: Mapping[str, Fits] = {
    "1": lambda p: p == 1,
    "0.95 to 1": lambda p: 0.95 <= p < 1,
    "0.05 to 0.25": lambda p: 0.05 <= p < 0.25,
    "below 0.05": lambda p: 0 < p < 0.05,
    "the inside": lambda p: 0.25 <= p < 0.95,
}


#: The smallest keep probability of layers that draw: of some ten thousand units a few are
#: kept, and show what they are divided by.
LEAST = 0.002


def keep_probs(name: str = "keep_prob", smallest: float = 0) -> Range:
    """Return the range of a keep probability: from ``LEAST`` to 1.

    ``smallest`` is for answers with a closed form, whose range begins above 0: how close
    to 0 it is right to five digits however one computes it. The statement says so, and
    corners lie there."""
    if not smallest:
        of = Range(f"{LEAST} <= `{name}` <= 1", _NEAR)
        return of.also(
            **{f"{LEAST}": lambda p: p == LEAST, "just below 1": _just_below_1}
        )
    says = f"0 < `{name}` <= 1, which may be as small as {_short(smallest)} or just below 1"
    return Range(says, _NEAR).also(**close_to_the_ends(smallest))


def _just_below_1(keep_prob: float) -> bool:
    return 1e-5 < 1 - keep_prob < 1e-4


def _short(number: float) -> str:
    """Return 1e-9 for what Python shows as 1e-09."""
    return f"{number:g}".replace("e-0", "e-")


def close_to_the_ends(smallest: float) -> dict[str, Fits]:
    """Return corners of keep probabilities that are nearly 0, down to ``smallest``, and
    nearly 1."""
    return {
        f"{_short(smallest)} or less": lambda p: 0 < p <= smallest,
        "0.000001 or less": lambda p: smallest < p <= 1e-6,
        "0.000001 below 1": lambda p: 1e-9 < 1 - p < 1.1e-6,
        "next to 1": lambda p: 0 < 1 - p < 1.1e-12,
    }


def keep_probs_from_0(says: str) -> Range:
    """Return the range of a keep probability from 0 to 1, both included."""
    return Range(says, {"0": lambda p: p == 0, **_NEAR})


def whole_numbers(says: str, least: int, many: int) -> Range:
    """Return the range of integers from ``least``, of which ``many`` and more are large."""
    return Range(
        says,
        {
            f"{least}": lambda n: n == least,
            f"{least + 1}": lambda n: n == least + 1,
            f"{many} or more": lambda n: n >= many,
        },
    )


def arrays(says: str, least: int, most: int) -> Range:
    """Return the range of arrays with ``least`` to ``most`` axes; their shapes have
    corners: each number of axes, a side of 1, and a single entry."""
    corners: dict[str, Fits] = {"a single entry": lambda x: x.size == 1}
    if least < most:
        corners |= {f"{n} axes": _has_axes(n) for n in range(least, most + 1)}
    if most > 1:
        corners["a side of 1"] = lambda x: 1 in x.shape and x.size > 1
        corners["transposed"] = lambda x: (
            x.flags.f_contiguous and not x.flags.c_contiguous
        )
    return Range(says, corners)


def floats(
    says: str, least: int, most: int, large: float = 1e6, small: float = 1e-6
) -> Range:
    """Return the range of float arrays with ``least`` to ``most`` axes.

    Beside their shapes their values have corners: entries beyond ``large`` and all below
    ``small``, 0, of either sign, equal; float32."""
    return Range(says, {**arrays(says, least, most).corners, **_values(large, small)})


def _has_axes(number: int) -> Fits:
    return lambda x: bool(x.ndim == number)


def _values(large: float, small: float) -> dict[str, Fits]:
    return {
        "zeros": lambda x: bool((x == 0).any() and x.any()),
        "negative entries": lambda x: bool((x < 0).any()),
        "equal entries": lambda x: bool(x.size > 1 and x.any() and np.ptp(x) == 0),
        "large entries": lambda x: bool((np.abs(x) >= large).any()),
        "small entries": lambda x: bool(x.any() and (np.abs(x) <= small).all()),
        "float32": lambda x: x.dtype == np.float32,
    }
