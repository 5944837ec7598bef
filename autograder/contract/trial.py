"""What a check is given besides the student's functions: randomness, looks, verdicts."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.random.bit_generator import ISpawnableSeedSequence
from numpy.typing import DTypeLike

from autograder.contract.budget import alpha_of
from autograder.contract.exercise import Check
from autograder.contract.student import StudentError
from autograder.laws.binomial import EveryKind, Law
from autograder.laws.ranks import Ranks

#: The note of which check arguments that change cost.
PURE = "arguments are left alone"
#: The note of the first check that left a failure to others, and of that failure.
LEFT = "left to others"
#: The note of what was left to a check by name: by whom, to whom, and why.
LEFT_TO = "left to one check"


class CheckFailure(Exception):
    """The property does not hold. ``mistake`` names the cause when behaviour shows it."""

    def __init__(self, message: str, mistake: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mistake = mistake


@dataclass(frozen=True)
class Look:
    """One statistical test as it was carried out."""

    name: str
    n: int
    alpha: float
    p_value: float
    detects: float


@dataclass
class Comparisons:
    """How many comparisons of one sort a check set out to make, how many of them came to
    nothing, and why the first did."""

    asked: int = 0
    missed: int = 0
    first: CheckFailure | StudentError | None = None

    @property
    def is_little(self) -> bool:
        """Whether more than half of the comparisons came to nothing."""
        return 2 * self.missed > self.asked


class _Digest(ISpawnableSeedSequence):
    """The hash of a text as a seed, taken as it is: NumPy's own mixing of a seed costs as
    much time as a check's call."""

    def __init__(self, text: str) -> None:
        self._digest = hashlib.sha256(text.encode()).digest()
        self._children = 0

    def generate_state(
        self, n_words: int, dtype: DTypeLike = np.uint32
    ) -> np.ndarray[Any, np.dtype[np.uint32 | np.uint64]]:
        words: np.ndarray = np.frombuffer(self._digest, dtype)
        return words[:n_words]

    def spawn(self, n_children: int) -> list["_Digest"]:
        """Return seeds for ``rng.spawn``, each another."""
        first, self._children = self._children, self._children + n_children
        names = range(first, self._children)
        return [_Digest(f"{self._digest.hex()}/{name}") for name in names]


def _generator(text: str) -> np.random.Generator:
    # NumPy's types know its own seed sequences only.
    seed: Any = _Digest(text)
    return np.random.Generator(np.random.PCG64(seed))


def usual(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return floats of either sign whose magnitudes lie in [0.5, 3]."""
    # What rng.uniform draws, in a quarter of the time for few of them.
    x = rng.random(shape)
    x *= 5
    x -= 2.5
    x += np.copysign(0.5, x)
    return x


def put_zeros(x: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Set about a ``share`` of the entries to 0, and return x; of two or more entries one
    at least, unless the share is 0."""
    if share:
        x[rng.random(x.shape) < share] = 0.0
        if x.size > 1:
            x.flat[rng.integers(x.size)] = 0.0
    return x


class Trial:
    """One run of one check.

    All draws follow from the seed alone. Each use of ``rng``, and each new seed, is a
    hash of the seed and a count: from one that a student's function gets to see, in a
    generator's state or in inputs, no other can be computed.
    """

    def __init__(
        self, check: Check, seed: int, notes: dict[str, Any] | None = None
    ) -> None:
        self.check = check
        #: What checks of one grading of the exercise note for those after them.
        self.notes = {} if notes is None else notes
        self.looks: list[Look] = []
        #: What came about of the comparisons of which some may be left to other checks.
        self.compared: dict[str, Comparisons] = {}
        self._label = f"{check.exercise.name}/{check.name}/{seed}"
        self._count = 0

    def new_seed(self) -> int:
        """Return a seed for ``generator``, below 2**128; each is another."""
        digest = hashlib.sha256(self._next().encode()).digest()
        return int.from_bytes(digest[:16], "big")

    def _next(self) -> str:
        self._count += 1
        return f"{self._label}/{self._count}"

    @property
    def rng(self) -> np.random.Generator:
        """A new generator at each use, for inputs; never hand it to a student's
        function: ``generator()`` makes those."""
        return _generator(self._next())

    def skip(self) -> None:
        """Let a use of ``rng`` go by, whose numbers nobody needs: in less time."""
        self._count += 1

    def generator(self, seed: int | None = None) -> np.random.Generator:
        """Return a generator for the student's function; equal seeds, equal streams."""
        return _generator(f"student/{self.new_seed() if seed is None else seed}")

    def inputs(self, *shape: int, zeros: float = 0.0) -> np.ndarray:
        """Return float64 inputs of varied size and sign, a share ``zeros`` of them 0: of
        two or more one at least.

        Magnitudes lie in [0.5, 3], so that a dropped unit (an exact 0) is told from a
        kept one, and a scale is read off to rounding error."""
        rng = self.rng
        x = usual(rng, shape)
        return put_zeros(x, zeros, rng)

    def asks_for_pure_calls(self, mistake: str) -> None:
        """Say that this check is the one that a changed argument costs, in whatever call
        of the grading that was, and name the mistake."""
        self.notes[PURE] = self.check.name, mistake

    def leave(
        self, failure: CheckFailure | StudentError, to: str | None = None
    ) -> None:
        """Leave a failure to other checks of the exercise, so that one cause costs one
        check. If in the end none of them has failed, it costs this one; and where it is
        left ``to`` a check by name, if that one has passed."""
        self.notes.setdefault(LEFT, (self.check.name, failure))
        if to is not None:
            known = self.notes.get(LEFT_TO, ())
            self.notes[LEFT_TO] = (*known, (self.check.name, to, failure))

    @contextmanager
    def left_to_others(
        self, *kinds: type[CheckFailure | StudentError], of: str = "calls"
    ) -> Iterator[None]:
        """``count`` the comparison in the body, and leave a failure of one of these kinds."""
        missed: CheckFailure | StudentError | None = None
        try:
            yield
        except kinds as failure:
            missed = failure
        self.count(of, missed)

    def count(self, of: str, missed: CheckFailure | StudentError | None = None) -> None:
        """Count a comparison ``of`` some sort; if it was ``missed``, leave why to others.

        A check of which more than half of one sort were missed has seen too little: it
        fails in the end, whatever it was content with."""
        compared = self.compared.setdefault(of, Comparisons())
        compared.asked += 1
        if missed is not None:
            self.leave(missed)
            compared.missed += 1
            compared.first = compared.first or missed

    def law(self, look: str) -> Law:
        return self.check.looks[look]

    def size(self, look: str) -> int:
        """Return how many trials the look needs for its stated defect and power."""
        return self.law(look).sample_size(self._alpha)

    def judge(
        self,
        look: str,
        successes: int | np.ndarray,
        n: int,
        what: str,
        mistake: str | Callable[[float], str | None] | None = None,
    ) -> None:
        """Test a count of successes in n trials against the look's law, exactly.

        ``successes`` is the count, or a boolean array to be counted; ``what`` says what
        was counted ("units kept at keep_prob = 0.8"). Raises ``CheckFailure`` with the
        measured share, the expected one and the interval that chance allows, and
        ``mistake``: a name, or a function of the measured share that returns one.
        Raises ``ValueError`` when n is smaller than the look's sample size.
        """
        law = self.law(look)
        if n < self.size(look):
            raise ValueError(f"{look}: n = {n}, but the power needs {self.size(look)}")
        count = (
            int(np.count_nonzero(successes)) if np.ndim(successes) else int(successes)
        )
        if self._passes(look, law.p_value(count, n), n):
            return
        name = mistake(count / n) if callable(mistake) else mistake
        self._reject(
            what, count, n, law.probability, law.accepted(n, self._alpha), name
        )

    def judge_kinds(
        self,
        look: str,
        counts: Mapping[str, tuple[int, int, float]],
        what: str,
        mistake: str | None = None,
    ) -> None:
        """Test counts of many kinds against the look's law, an ``EveryKind`` or ``Ranks``.

        ``what`` says what was counted, "{}" in it being the kind. ``counts`` has how many
        events a kind has, how many of them happened, and the sum of their probabilities.
        Raises ``CheckFailure`` as ``judge`` does, for the kind that departs most."""
        law = self.law(look)
        if not isinstance(law, EveryKind | Ranks) or len(counts) > law.kinds:
            raise ValueError(f"{look}: {len(counts)} kinds, and {law} has fewer")
        kind, exponent = law.farthest(counts)
        n, k, total = counts[kind]
        if not self._passes(look, law.p_value(exponent, n), n):
            accepted = law.accepted(n, self._alpha, total / n)
            self._reject(what.format(kind), k, n, total / n, accepted, mistake)

    @property
    def _alpha(self) -> float:
        return alpha_of(self.check.exercise.chapter)

    def _passes(self, look: str, p_value: float, n: int) -> bool:
        """Note the look, and return whether it passes."""
        detects = self.law(look).detects
        self.looks.append(Look(look, n, self._alpha, p_value, detects))
        return p_value >= self._alpha

    def _reject(
        self,
        what: str,
        count: int,
        n: int,
        expected: float,
        accepted: tuple[int, int],
        mistake: str | None,
    ) -> NoReturn:
        digits = 4 if expected > 0.001 else 6
        got, right, low, high = (
            f"{share:.{digits}f}"
            for share in (count / n, expected, *(k / n for k in accepted))
        )
        raise CheckFailure(
            f"{what}: measured {got} of {n:,}, expected {right} "
            f"(chance allows {low} to {high}).",
            mistake,
        )

    def fail(self, message: str, mistake: str | None = None) -> NoReturn:
        """Raise ``CheckFailure`` with this message."""
        raise CheckFailure(message, mistake)

    def expect(self, holds: Any, message: str, mistake: str | None = None) -> None:
        """Raise ``CheckFailure`` with this message unless ``holds``."""
        if not holds:
            raise CheckFailure(message, mistake)
