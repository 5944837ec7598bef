"""Diagnosis as ordered data: wrong formulas under the names of the mistakes behind them.

A *rival* is what a wrong formula gives for the arguments of the call that failed. The
first that gives what was found says why it is wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.contract import facts

#: Wrong answers by mistake, in the order in which they are tried; where a mistake has
#: several, a list of them.
Rivals = Mapping[str, Any]


@dataclass(frozen=True)
class Within:
    """A rival that stands for all answers no farther from ``value`` than ``distance``."""

    value: Any
    distance: Any

    def holds(self, found: Any) -> bool:
        return bool(np.all(np.abs(found - self.value) <= self.distance))


def first(
    found: Any, rivals: Rivals, same: Callable[[Any, Any], bool] = facts.close
) -> str | None:
    """Return the mistake of the first rival that is ``same`` as found, or None."""
    for name, wrong in rivals.items():
        for one in _each(wrong):
            if one.holds(found) if isinstance(one, Within) else same(found, one):
                return name
    return None


def _each(wrong: Any) -> list[Any]:
    return wrong if isinstance(wrong, list) else [wrong]


def joined(*several: Rivals) -> dict[str, list[Any]]:
    """Return the rivals of all, those of one mistake behind each other."""
    result: dict[str, list[Any]] = {}
    for rivals in several:
        for name, wrong in rivals.items():
            result.setdefault(name, []).extend(_each(wrong))
    return result


def wrong_factor(out: Any, x: Any, expected: float) -> tuple[str, str]:
    """Return what wrong items of ``out`` are, divided by those of ``x`` (the median), and
    ``expected``, as texts that differ: in four digits, or as many as that takes."""
    factors = np.asarray(out, float) / np.asarray(x, float)
    wrong = factors[~np.isclose(factors, expected, rtol=1e-5, atol=0)]
    found = float(np.median(wrong))
    texts = ((f"{found:.{n}g}", f"{expected:.{n}g}") for n in range(4, 18))
    return next((pair for pair in texts if pair[0] != pair[1]), (str(found), "another"))
