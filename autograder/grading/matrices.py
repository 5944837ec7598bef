"""Code that works for matrices alone, where arrays of several numbers of axes are asked for.

That is one fault, and costs the check that finds it. The checks after it hand arrays over
as matrices where they have a number of axes that fails, and so find what else is wrong.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from math import prod
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.student import StudentFunction
from autograder.grading.report import CheckResult

#: Numbers of axes of arrays that come as matrices: each but that of matrices, and fewer.
Axes = frozenset[int]
EVERY: Axes = frozenset((1, 3, 4))
FEWER: list[Axes] = [
    frozenset(axes) for number in (1, 2) for axes in combinations(sorted(EVERY), number)
]
#: What does not come of reading a shape; None: a part that is not written yet.
_OTHER = (
    *(None, facts.Wrong.returns_nothing, facts.Wrong.returns_another_kind),
    facts.Wrong.returns_no_floats,
)


def other_axes_asked_for(exercise: Exercise) -> bool:
    """Return whether an argument may have two axes, or another number of them."""
    return any(
        "2 axes" in of.corners
        and sum(corner.endswith(" axes") for corner in of.corners) > 1
        for of in exercise.takes.values()
    )


def _these(axes: Axes) -> str:
    """Return what arrays of these axes are called."""
    numbers = " or ".join(map(str, sorted(axes)))
    return "every other array" if axes == EVERY else f"each array of {numbers} axes"


def named(result: CheckResult, axes: Axes) -> CheckResult:
    """Return a failure in the check of all shapes as that of code that knows matrices; one
    that does not come of reading a shape keeps its name."""
    said = f"The other checks hand it a matrix in place of {_these(axes)}."
    message = f"{result.message} With matrices it passes. {said}"
    other = result.mistake in _OTHER or facts.raised_on_purpose(result.message)
    mistake = result.mistake if other else facts.Wrong.knows_matrices_only
    return replace(result, message=message, mistake=mistake)


def told(result: CheckResult, axes: Axes) -> CheckResult:
    """Return the result of a check to which arrays of such axes came as matrices; a failure
    says so."""
    if result.status != "failed":
        return result
    which = "Arrays" if axes == EVERY else _these(axes).capitalize()
    return replace(result, message=f"{result.message} ({which} came as matrices.)")


class OnMatrices:
    """A student's function that is handed a matrix in place of every array of some numbers
    of axes, and a pair in place of such a shape. What comes back in a matrix's shape gets
    that of the array.

    A vector is a row, or a column: code whose units share bits along one of them has
    next to none for the other."""

    def __init__(
        self, function: StudentFunction, axes: Axes = EVERY, column: bool = False
    ) -> None:
        self.name = function.name
        self._function, self._axes = function, axes
        #: Of how many axes were arrays that stayed as they are.
        self.kept: set[int] = set()
        self._column = column

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = self._function(*map(self._as_matrix, args), **kwargs)
        return self._as_before(result, args)

    def each(self, calls: Sequence[tuple[Any, ...]], **kwargs: Any) -> list[Any]:
        matrices = [tuple(map(self._as_matrix, args)) for args in calls]
        found = self._function.each(matrices, **kwargs)
        return [self._as_before(*both) for both in zip(found, calls, strict=True)]

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        result, after = self._function.observe(*map(self._as_matrix, args), **kwargs)
        result, *changed = self._as_before((result, *after), args)
        return result, tuple(changed)

    def _matrix(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) not in self._axes:
            self.kept.add(len(shape))
            return shape
        if len(shape) == 1:
            return (*shape, 1) if self._column else (1, *shape)
        return shape[0], prod(shape[1:])

    def _as_matrix(self, value: Any) -> Any:
        if (shape := _shape(value)) is None:
            return value
        matrix = self._matrix(shape)
        return value.reshape(matrix) if isinstance(value, np.ndarray) else matrix

    def _as_before(self, value: Any, given: Sequence[Any]) -> Any:
        """Return a result, or an item of one, in the shape that was given as a matrix."""
        if isinstance(value, tuple):
            return tuple(self._as_before(item, given) for item in value)
        if isinstance(value, np.ndarray):
            shapes = filter(None, map(_shape, given))
            before = {self._matrix(shape): shape for shape in shapes}
            return value.reshape(before.get(value.shape, value.shape))
        return value


def _shape(value: Any) -> tuple[int, ...] | None:
    """Return the shape that an argument has, or is; None without a side."""
    shape: Any = value.shape if isinstance(value, np.ndarray) else value
    sides = isinstance(shape, tuple) and all(isinstance(side, int) for side in shape)
    return tuple(shape) if sides and shape else None
