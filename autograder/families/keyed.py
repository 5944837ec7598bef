"""Dropouts as a student's test meets them: all behind one door, most of them under a key.

The test's author may have read ``families.specimens`` and can copy the generator that
a call is given, so what a known dropout answers can be worked out beforehand. A dropout
under a key draws from a generator that starts from a hash of the key and of the state of
the given one; the key is drawn at each grading and stays with the judge. Right and wrong
ones take the same steps under such a key: nothing but the promised defect differs, in
what they return, in how far they move the given generator, in what they raise, and in
the time that they take.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from autograder.contract.student import Refused
from autograder.families.specimens import Defect, Specimen, share_of

#: The largest input, an axis of length 0 counted as 1. The caller is a student's code,
#: and the judge has to hold what it asks for.
MOST_UNITS = 1_000_000

Answer = tuple[np.ndarray, None]


class Dropout(Protocol):
    """``dropout(x, keep_prob, rng, training=True)`` returns ``(out, None)``."""

    def __call__(self, *args: Any, **kwargs: Any) -> Answer: ...


class Call(NamedTuple):
    """The arguments of a call, of the right kinds."""

    x: np.ndarray
    keep_prob: float
    rng: np.random.Generator
    training: bool


def call_of(*args: Any, **kwargs: Any) -> Call:
    """Return the arguments of a call. Raises ``Refused``, with a text that
    follows from the arguments alone: no dropout is asked before."""
    try:
        x, keep_prob, rng, training = _in_order(*args, **kwargs)
    except TypeError:
        raise Refused(
            "expected dropout(x, keep_prob, rng, training=True), found other arguments"
        ) from None
    if not isinstance(rng, np.random.Generator) or not isinstance(
        rng.bit_generator, np.random.PCG64
    ):
        raise Refused("rng is a generator that numpy.random.default_rng made")
    if not isinstance(training, (int, np.bool_)):
        raise Refused(f"training is True or False, not {type(training).__name__}")
    return Call(_floats(x), _probability(keep_prob), rng, bool(training))


def _in_order(
    x: Any, keep_prob: Any, rng: Any, training: Any = True
) -> tuple[Any, Any, Any, Any]:
    return x, keep_prob, rng, training


def _floats(x: Any) -> np.ndarray:
    """Return a copy of x in float64; lists of numbers count as arrays."""
    try:
        units = _units(x)
        if units <= MOST_UNITS:
            x = np.array(x, dtype=np.float64, order="C", subok=False)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise Refused("x is an array of real numbers with an axis or more") from None
    if units > MOST_UNITS:
        raise Refused(f"x has at most {MOST_UNITS:,} units a call, not {units:,}")
    if x.ndim == 0:
        raise Refused("x is an array of real numbers with an axis or more")
    found: np.ndarray = x
    return found


def _units(x: Any) -> int:
    """Return how many units x has; raises ``TypeError`` for what holds no numbers."""
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "biuf":
        return x.size or math.prod(max(side, 1) for side in x.shape)
    if isinstance(x, (list, tuple)):
        return sum(_units(item) for item in x)
    if isinstance(x, (int, float)):
        return 1
    raise TypeError


def _probability(keep_prob: Any) -> float:
    if isinstance(keep_prob, np.ndarray) and keep_prob.ndim == 0:
        keep_prob = keep_prob[()]
    if not isinstance(keep_prob, (float, int, np.floating, np.integer)):
        kind = type(keep_prob).__name__
        raise Refused(f"keep_prob is a number in (0, 1], not a value of type {kind}")
    # Compared as it is: not every whole number has a float.
    if not 0 < keep_prob <= 1 or not 0 < float(keep_prob) <= 1:
        raise Refused("keep_prob is a number in (0, 1]; this one lies outside")
    return float(keep_prob)


#: Right to the last digit or two, each in another order.
ROUNDINGS: tuple[Callable[[np.ndarray, np.ndarray, float], np.ndarray], ...] = (
    lambda x, bits, divisor: x * bits * (1 / divisor),
    lambda x, bits, divisor: x * bits / divisor,
    lambda x, bits, divisor: np.where(bits, x / divisor, 0.0),
    lambda x, bits, divisor: x * (bits / divisor),
)

#: By how much a call in training moves the given generator, as the specimens do.
DRAWS: tuple[Callable[[int], int], ...] = (
    *[lambda units: units] * 5,
    *[lambda units: (units + 1) // 2] * 2,
    lambda units: 1,
)


@dataclass(frozen=True)
class Manner:
    """How a dropout under a key goes about it, right or wrong: drawn by lot.

    ``ranks`` and ``bits_at_test`` are work done whether it is needed or not."""

    key: bytes
    rounding: int
    draws: int
    ranks: bool
    bits_at_test: bool

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Manner":
        """Return a manner drawn from the judge's generator."""
        lot = rng.bytes(18)
        manner, work = lot[16], lot[17]
        # In seven of eight: who takes slow for broken is mostly wrong.
        return cls(
            lot[:16], manner & 3, manner >> 2 & 7, work & 7 != 0, work >> 3 & 7 != 0
        )


class Keyed:
    """A dropout under a key: with this defect, in this manner."""

    def __init__(self, defect: Defect, manner: Manner) -> None:
        self._defect, self._manner = defect, manner
        self._ranks = manner.ranks or defect.count
        self._bits_at_test = manner.bits_at_test or defect.test == "drops"
        self._source = np.random.PCG64(0)

    def __call__(self, call: Call) -> np.ndarray:
        out = call.x * (call.keep_prob if self._defect.test == "rescales" else 1.0)
        if call.training or self._bits_at_test:
            dropped = self._dropped(call)
            if call.training or self._defect.test == "drops":
                out = dropped
        if call.training:
            draws = DRAWS[self._manner.draws](call.x.size)
            call.rng.bit_generator.advance(max(1, draws))  # type: ignore[attr-defined]
        return out

    def _dropped(self, call: Call) -> np.ndarray:
        bits = self._bits(call)
        divisor = self._defect.divisor(call.keep_prob, share_of(bits))
        return ROUNDINGS[self._manner.rounding](call.x, bits, divisor)

    def _bits(self, call: Call) -> np.ndarray:
        """Return which units are kept; what a defect copies, the others copy on itself."""
        self._start(call.rng)
        x, p, defect = call.x, call.keep_prob, self._defect
        # As in the style "integers": a probability is a whole number of 2**-32.
        numbers = self._source.random_raw((x.size + 1) // 2).view(np.uint32)
        numbers = numbers[: x.size].reshape(x.shape)
        rate, tilt = defect.rate(p), defect.tilt(p)
        low: Any = round((rate - tilt) * 2**32)
        if self._ranks and x.size:
            limits = _limits(numbers, round(p * x.shape[-1]))
            low = limits if defect.count else low
        high = 0 if defect.count else round((rate + tilt) * 2**32)
        bits = numbers < low
        bits |= (numbers < high) & (x > 0)
        even = 2 * (x.shape[-1] // 2)
        bits[..., 1:even:2] = bits[..., 1 - defect.pairs : even : 2]
        bits[1:] = bits[:1] if defect.row else bits[1:]
        found: np.ndarray = bits
        return found

    def _start(self, rng: np.random.Generator) -> None:
        """Start the own generator from a hash of the key and the given one's state."""
        state = repr(rng.bit_generator.state).encode()
        digest = hashlib.blake2b(
            b"" if self._defect.call else state, key=self._manner.key, digest_size=32
        ).digest()
        numbers = int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:], "big")
        self._source.state = {
            "bit_generator": "PCG64",
            "state": {"state": numbers[0], "inc": numbers[1] | 1},
            "has_uint32": 0,
            "uinteger": 0,
        }


def _limits(numbers: np.ndarray, count: int) -> Any:
    """Return for each row the number below which ``count`` of its numbers lie."""
    last = numbers.shape[-1] - 1
    limits = np.partition(numbers, min(count, last), axis=-1)
    return limits[..., count : count + 1] if count <= last else 2**32


def as_written(specimen: Specimen) -> Callable[[Call], np.ndarray]:
    """Return the specimen without a key: what its source says, for all to replay."""

    def answer(call: Call) -> np.ndarray:
        x, keep_prob = call.x, call.keep_prob
        if not call.training:
            return specimen.test(x, keep_prob, call.rng)
        bits = specimen.mask(x, keep_prob, call.rng)
        found: np.ndarray = x * bits * specimen.scale(keep_prob, bits)
        return found

    return answer


@dataclass(frozen=True)
class Lent:
    """A dropout behind the door: arguments first, and one text for whatever fails."""

    answer: Callable[[Call], np.ndarray]

    def __call__(self, /, *args: Any, **kwargs: Any) -> Answer:
        """Return ``(out, None)``, ``out`` a float64 array of its own without a -0.0.

        Raises ``Refused``, never with a text that depends on which dropout this is."""
        call = call_of(*args, **kwargs)
        try:
            with np.errstate(all="ignore"):
                out = np.ascontiguousarray(self.answer(call))
                out += 0.0
                return out, None
        except Exception:
            raise Refused("this call cannot be answered") from None


def keyed(specimen: Specimen, rng: np.random.Generator) -> Lent:
    """Return the specimen under a key of its own, drawn from the judge's generator."""
    return Lent(Keyed(specimen.law, Manner.drawn(rng)))


@dataclass(frozen=True)
class Witness:
    """A lent dropout that remembers how it was called, inputs, keep_prob, state and mode,
    and which ``verdicts`` there were."""

    lent: Lent
    calls: list[tuple[bytes, float, str, bool]] = field(default_factory=list)
    verdicts: list[bool] = field(default_factory=list)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Answer:
        """Return what the dropout returns. Raises as it does."""
        call = call_of(*args, **kwargs)
        before = str(call.rng.bit_generator.state)
        digest = hashlib.sha256(repr(call.x.shape).encode() + call.x.tobytes()).digest()
        self.calls.append((digest, call.keep_prob, before, call.training))
        return self.lent(*args, **kwargs)

    @property
    def keep_probs(self) -> set[float]:
        """The keep probabilities of the calls in training."""
        return {keep_prob for _, keep_prob, _, training in self.calls if training}

    @property
    def states(self) -> list[str]:
        """The state of the generator at each call in training."""
        return [state for _, _, state, training in self.calls if training]

    @property
    def modes(self) -> set[bool]:
        """The values that ``training`` had."""
        return {training for *_, training in self.calls}
