"""The family of exercises with a closed form: no chance in them, wrong formulas as data.

A *rival* is what a wrong formula gives, under the name of the mistake behind it. Where an
answer is not right, the first rival that gives the same numbers says why.
"""

import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise, Property
from autograder.contract.student import StudentFunction, foresee
from autograder.contract.trial import Trial
from autograder.families.bit_tests import Wrong as Middle
from autograder.families.bit_tests import named_after_the_first
from autograder.families.properties import expect_unchanged
from autograder.families.rivals import Rivals, first

#: The arguments of a call.
Given = tuple[Any, ...]
Cases = Callable[[Trial], Iterable[Given]]
Register = Callable[[Cases], Cases]
After = str | tuple[str, ...]


@dataclass(frozen=True)
class RelativeTo:
    """The ``same`` of answers that are right to 1e-5 of ``size(*given)``, which their
    rounding errors follow."""

    size: Callable[..., Any]

    def __call__(self, found: Any, expected: Any, *given: Any) -> bool:
        near = np.abs(found - expected) <= 1e-5 * np.abs(self.size(*given))
        return bool(np.all(near))


def _but_for_an_entry(given: Given) -> Given:
    """Return the arguments with the first array's last entry 1.37 times as large, or 1
    where it is 0: shapes, numbers and first entries, by which an answer may be
    remembered, stay as they are."""
    changed = list(given)
    for i, value in enumerate(given):
        if np.size(value) > 1:
            changed[i] = value.copy()
            changed[i].flat[-1] = 1.37 * value.flat[-1] or 1
            break
    return tuple(changed)


@dataclass(frozen=True)
class Formula:
    """An answer, or a part of it, that follows from the arguments.

    ``truth(*given)`` is the right answer; ``at_random`` names the mistake of an answer
    that changes from call to call; ``shape(*given)`` is the shape of a float array, and
    without it the answer is one number; ``reading(function, *given)`` returns an answer
    of another kind, or raises ``CheckFailure``; ``same(found, expected, *given)`` says
    whether an answer is right, by default to rounding error; ``call(*given)`` is the call
    as messages show it, by default arrays by name and shape and the rest in full;
    ``what`` is the part's name.

    ``kind``, ``unchanged`` and ``equals`` make a check of the exercise out of a function
    ``cases(trial)``: its name and docstring become the check's, and it returns or yields
    the arguments, as tuples, for which the property should hold."""

    exercise: Exercise
    truth: Callable[..., Any]
    at_random: str | None = None
    _: KW_ONLY
    shape: Callable[..., tuple[int, ...]] | None = None
    reading: Callable[..., Any] | None = None
    same: Callable[..., bool] = lambda found, expected, *_: facts.close(found, expected)
    call: Callable[..., str] | None = None
    what: str = ""

    def shown(self, *given: Any) -> str:
        """Return a call as messages show it."""
        if self.call:
            return self.call(*given)
        return facts.call_shown(self.exercise.name, self.exercise.arguments, given, {})

    def read(self, function: StudentFunction, *given: Any) -> Any:
        """Return the answer, checked for its kind. Raises ``CheckFailure``."""
        if self.reading:
            return self.reading(function, *given)
        if self.shape:
            shape, call = self.shape(*given), self.shown(*given)
            return facts.float_array(function(*given), shape, call)
        found = function(*given)
        if isinstance(found, float) and math.isfinite(found):
            return found  # the usual case, in which nothing is said of the call
        return facts.number(found, self.shown(*given))

    def kind(
        self,
        points: float,
        after: After = (),
        dtypes: Sequence[Any] = (np.float64, np.float32),
    ) -> Register:
        """The property that ``read`` finds what it wants, the same in two calls, with
        the arrays among the arguments in each of ``dtypes``."""

        def holds(function: StudentFunction, trial: Trial, given: Given) -> None:
            for dtype in dtypes:
                case = [a.astype(dtype) if np.ndim(a) else a for a in given]
                one, two = (self.read(function, *case) for _ in range(2))
                seen = f", {one:.6g} and {two:.6g}" if isinstance(one, float) else ""
                trial.expect(
                    self.same(one, two, *case),
                    f"{self.shown(*case)} gave two different answers in two calls{seen}; "
                    "expected the same one.",
                    self.at_random,
                )

        return self._register(points, after, holds)

    def unchanged(
        self,
        points: float,
        *names: str,
        after: After,
        hint: str = "{0} / c makes a new array, {0} /= c does not",
    ) -> Register:
        """The property that the first arguments, of these names, are not changed in
        place; ``hint`` says how to do without."""

        def holds(function: StudentFunction, trial: Trial, given: Given) -> None:
            _, now = function.observe(*given)
            call, how = self.shown(*given), f"; {hint}"
            expect_unchanged(trial, call, names, given, now, how)

        return self._register(points, after, holds)

    def equals(self, points: float, after: After = (), **reasons: Any) -> Register:
        """The property that the answer is right; ``reasons`` are as in ``expect``. The
        first case is asked for once more at last, with one entry changed."""

        def test(function: StudentFunction, trial: Trial, all_given: Any) -> None:
            one, *others = all_given
            foresee(function, [(given, {}) for given in (one, *others)])
            for given, some in named_after_the_first((one, *others)):
                named = {**reasons, "otherwise": reasons.get("otherwise", some)}
                self.expect(function, trial, given, **named)
            last, later = _but_for_an_entry(one), Middle.right_in_the_middle_only
            gap = reasons.get("gap")
            self.expect(function, trial, last, otherwise=later, gap=gap)

        return self._asks(points, after, test)

    def _register(
        self, points: float, after: After, holds: Callable[..., None]
    ) -> Register:
        def each(function: StudentFunction, trial: Trial, all_given: Any) -> None:
            for given in all_given:
                holds(function, trial, given)

        return self._asks(points, after, each)

    def _asks(
        self, points: float, after: After, holds: Callable[..., None]
    ) -> Register:
        def register(cases: Cases) -> Cases:
            def test(function: StudentFunction, trial: Trial) -> None:
                holds(function, trial, cases(trial))

            what = Property(inspect.getdoc(cases) or "", test)
            self.exercise.asks(points, cases.__name__, what, after)
            return cases

        return register

    def expect(
        self,
        function: StudentFunction,
        trial: Trial,
        given: Given,
        rivals: Callable[..., Rivals] = lambda *_: {},
        named: Callable[..., str | None] = lambda *_: None,
        probe: Callable[..., str | None] = lambda *_: None,
        otherwise: str | None = None,
        gap: Callable[..., str] | None = None,
    ) -> None:
        """Check one answer. What is behind a wrong one is the first of ``rivals(*given)``
        that gives it; else what ``named(found, expected, *given)``, and last what
        ``probe(function, trial, *given)``, returns, unless None; else ``otherwise``.
        ``gap(found, expected, *given)`` is what the message says after the call."""
        found, expected = self.read(function, *given), self.truth(*given)

        def same(found: Any, other: Any) -> bool:
            return self.same(found, other, *given)

        if same(found, expected):
            return
        name = (
            first(found, rivals(*given), same)
            or named(found, expected, *given)
            or probe(function, trial, *given)
            or otherwise
        )
        seen = (gap or self._gap)(found, expected, *given)
        trial.fail(f"{self.shown(*given)}{seen}.", name)

    def _gap(self, found: Any, expected: Any, *given: Any) -> str:
        if isinstance(found, float):
            return f" is {found:.6g}; expected {expected:.6g}"
        what = f"{self.what} is not right; " if self.what else ""
        size = self.same.size(*given) if isinstance(self.same, RelativeTo) else None
        return f": {what}{facts.worst(found, expected, size)}"
