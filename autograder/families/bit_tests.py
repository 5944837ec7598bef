"""Facts and exact tests of mask bits with named axes: rows, inputs, channels, calls.

What the exercises of ``noise`` share; ``masks`` has the same for bits that stand in the
place of units.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Property
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.families.properties import expect_unchanged, stated
from autograder.laws.binomial import Law, Proportion, agreement, exact_count

#: The keep probability at which bits are compared with each other.
FEW = 0.7
AGREE = agreement(FEW, detects=0.02)
#: Keep probabilities of the exact tests, on both sides of 0.5, that rounding to one
#: decimal place would change.
FINE_KEEP_PROBS = (0.83, 0.27)
#: How to do without a change in place, for ``properties.expect_unchanged``.
NOT_IN_PLACE = "; {0} * noise makes a new array, {0} *= noise does not"


def from_rng(
    shapes: Sequence[Sequence[int]],
    call: Callable[..., str],
    same: str,
    out: Callable[[Any, str], Any] = lambda result, call: facts.pair(result, call)[0],
) -> Property:
    """The property that equal generators give equal outputs, and different ones different,
    for arrays of these shapes; ``call(*arrays, keep_prob)`` is the call as messages show
    it, ``out(result, call)`` reads the output, and ``same`` is the mistake of a function
    that always draws the same."""

    def test(function: StudentFunction, trial: Trial) -> None:
        """The same rng state gives the same output; another state, another output."""
        arrays = [trial.inputs(*shape) for shape in shapes]
        name, seed = call(*arrays, 0.7), trial.new_seed()

        def output(rng: np.random.Generator) -> Any:
            return out(function(*arrays, 0.7, rng), name)

        first, again, third = (
            output(trial.generator(state)) for state in (seed, seed, None)
        )
        trial.expect(
            np.array_equal(first, again),
            f"{name}: two generators in the same state gave different outputs; expected "
            "equal ones.",
            elementwise.Wrong.does_not_draw_from_rng,
        )
        # Hundreds of independent random numbers do not agree by chance.
        trial.expect(
            not np.array_equal(first, third),
            f"{name}: generators in different states gave the same output; expected "
            "different ones.",
            same,
        )

    return stated(test)


def leaves_x(shape: Sequence[int]) -> Property:
    """The property that x, of this shape, is not changed in place."""

    def test(function: StudentFunction, trial: Trial) -> None:
        """x is the same after the call as before, in both modes."""
        for training in (True, False):
            x, rng = trial.inputs(*shape, zeros=0.2), trial.generator()
            _, after = function.observe(x, 0.3, rng, training=training)
            call = elementwise.call_text(function.name, shape, 0.3, training)
            expect_unchanged(trial, call, ("x",), (x,), after, NOT_IN_PLACE)

    return stated(test)


def pair_looks(axes: Sequence[str], law: Law, kind: str = "") -> dict[str, Law]:
    """Return the looks of ``judge_pairs`` for these axes behind that of the calls."""
    names = ["successive calls", "mirrored places"]
    names += [
        f"{where} {axis}" for axis in axes for where in ("neighbouring", "distant")
    ]
    return {kind + name: law for name in names}


def judge_pairs(
    trial: Trial,
    bits: np.ndarray,
    axes: Sequence[str],
    what: str,
    mistake: str,
    kind: str = "",
) -> None:
    """Test that bits of two calls, of shape (2, …), agree in pairs as independent ones
    do: of the two calls, of neighbours and of the halves along each of ``axes``, and of
    places that mirror each other. All lengths are even."""
    half = bits[0].size // 2
    flat = bits.reshape(2, -1)
    pairs = {
        "successive calls": (bits[0], bits[1]),
        "mirrored places": (flat[:, :half], flat[:, ::-1][:, :half]),
    }
    for axis, name in enumerate(axes, start=1):
        even = np.arange(0, bits.shape[axis], 2)
        pairs[f"neighbouring {name}"] = (
            bits.take(even, axis),
            bits.take(even + 1, axis),
        )
        first, second = np.split(bits, 2, axis)
        pairs[f"distant {name}"] = (first, second)
    for name, (a, b) in pairs.items():
        trial.judge(kind + name, a == b, a.size, f"{name}: {what} that agree", mistake)


def constant_axes(bits: np.ndarray) -> tuple[int, ...]:
    """Return the axes along which the values do not change."""
    return tuple(
        axis for axis in range(bits.ndim) if facts.close(bits, bits.take([0], axis))
    )


def expect_own_calls(trial: Trial, bits: np.ndarray, call: str) -> None:
    """Check that no two calls have the same mask; ``bits`` has an axis of calls first."""
    different = len({mask.tobytes() for mask in bits})
    trial.expect(
        different > 1,
        f"{call}: every call drew the same mask.",
        elementwise.Wrong.same_mask_every_call,
    )
    trial.expect(
        different == len(bits),
        f"{call}: {different} different masks; expected {len(bits)}.",
        elementwise.Wrong.reuses_masks,
    )


def expect_varying_counts(
    trial: Trial, bits: np.ndarray, axes: Sequence[str], call: str
) -> None:
    """Check that every place of the named axes is sometimes kept and sometimes dropped,
    and that kept counts vary, as those of hundreds of independent bits do. ``bits`` has
    an axis of calls first."""
    for axis, name in enumerate(axes, start=1):
        others = tuple(a for a in range(bits.ndim) if a != axis)
        share = bits.mean(axis=others)
        sure = (share == 0) | (share == 1)
        trial.expect(
            not sure.any(),
            f"{call}: some {name} are {'always' if share[sure].any() else 'never'} kept.",
            elementwise.Wrong.drops_by_place,
        )
        count = bits.sum(axis=others[1:])
        trial.expect(
            np.ptp(bits.sum(axis=axis)) > 0 and np.ptp(count) > 0,
            f"{call}: the number of kept bits, counted along the {name} or within one of "
            "them, is always the same; expected a number that varies.",
            elementwise.Wrong.keeps_a_fixed_number,
        )
        trial.expect(
            np.ptp(count, axis=-1).any(),
            f"{call}: in each call all {name} keep the same number of bits; expected a "
            "number that varies.",
            elementwise.Wrong.bits_depend_on_each_other,
        )


@dataclass(frozen=True)
class Layer:
    """How a mask is read off a layer's output, for properties of its bits.

    ``read(function, trial, length, keep_prob, rng)`` returns the bits of a call, and where
    (an array that broadcasts to them) their ``values`` are large: in half of them. The
    first of ``axes`` has this ``length``, a multiple of the number beside its name, and
    the others have the numbers beside theirs. ``counts`` names the axis along which bits
    are counted, by what they are the bits of."""

    axes: Mapping[str, int]
    values: str
    counts: Mapping[str, str]
    read: Callable[..., tuple[np.ndarray, np.ndarray]]

    def _length(self, bits: float, step: int) -> int:
        """Return the length, a multiple of ``step``, of so many bits."""
        return step * -int(-bits // (step * prod(list(self.axes.values())[1:])))

    def calls(
        self, function: StudentFunction, trial: Trial, number: int, length: int
    ) -> np.ndarray:
        """Return the bits of some calls with one generator, at keep_prob ``FEW``."""
        rng, of = trial.generator(), (function, trial, length, FEW)
        return np.array([self.read(*of, rng)[0] for _ in range(number)])

    def rate(self, whole: float, half: float) -> Property:
        """The property that bits are set at the rate keep_prob. A rate that is off by
        ``whole``, or by ``half`` in one half of the places, is detected."""
        looks = {f"all at {p}": Proportion(p, whole) for p in FINE_KEEP_PROBS}
        looks["all at 0.998"] = Proportion(0.998, detects=0.0019)
        looks[f"large {self.values} at 0.83"] = Proportion(0.83, half)
        looks |= {f"first {axis} at 0.27": Proportion(0.27, half) for axis in self.axes}

        def test(function: StudentFunction, trial: Trial) -> None:
            for keep_prob in (*FINE_KEEP_PROBS, 0.998):
                length = self._length(trial.size(f"all at {keep_prob}"), 2)
                bits, large = self.read(function, trial, length, keep_prob)
                self._judge_rates(function, trial, bits, large, keep_prob)

        says = f"Every {self.values[:-1]} is kept with probability keep_prob, whatever"
        return Property(f"{says} its value and place.", test, looks)

    def _judge_rates(
        self,
        function: StudentFunction,
        trial: Trial,
        bits: np.ndarray,
        large: np.ndarray,
        keep_prob: float,
    ) -> None:
        by_value = f"large {self.values}"
        halves = {by_value: np.broadcast_to(large, bits.shape)}
        for axis, where in enumerate(self.axes):
            front = np.arange(bits.shape[axis]) < bits.shape[axis] // 2
            front = front.reshape(-1, *(1,) * (bits.ndim - axis - 1))
            halves[f"first {where}"] = np.broadcast_to(front, bits.shape)

        def share(keep_prob: float) -> float:
            length = self._length(12_000, 1)
            return float(self.read(function, trial, length, keep_prob)[0].mean())

        def name(found: float) -> str:
            gaps = {
                part: abs(bits[where].mean() - bits[~where].mean())
                for part, where in halves.items()
            }
            part = max(gaps, key=lambda part: gaps[part])
            if gaps[part] < 0.02:
                return elementwise.share_name(found, keep_prob, share)
            wrong = elementwise.Wrong
            return wrong.drops_by_value if part == by_value else wrong.drops_by_place

        everywhere = np.broadcast_to(True, bits.shape)
        for part, within in {"all": everywhere, **halves}.items():
            look = f"{part} at {keep_prob}"
            if look in trial.check.looks:
                what = f"{self.values if part == 'all' else part} kept at keep_prob"
                found = bits[within]
                trial.judge(look, found, found.size, f"{what} = {keep_prob}", name)

    def independent(self, says: str) -> Property:
        """The property that bits in pairs of places and calls agree, and that counts have
        their mean, as often as those of independent bits."""
        looks = pair_looks(tuple(self.axes), AGREE)
        for of, axis in self.counts.items():
            usual = exact_count(self.axes[axis], FEW).probability
            looks[f"count of {of}"] = Proportion(usual, detects=0.05)

        def test(function: StudentFunction, trial: Trial) -> None:
            needed = [
                trial.size(f"count of {of}") * self.axes[axis]
                for of, axis in self.counts.items()
            ]
            step = next(iter(self.axes.values()))
            most = max(2 * trial.size("successive calls"), *needed)
            bits = self.calls(function, trial, 2, self._length(most / 2, step))
            name = elementwise.Wrong.bits_depend_on_each_other
            what = f"bits at keep_prob = {FEW}"
            judge_pairs(trial, bits, tuple(self.axes), what, name)
            blocks = bits.reshape(2, -1, *self.axes.values())
            for of, axis in self.counts.items():
                width = self.axes[axis]
                mean = round(FEW * width)
                usual = blocks.sum(axis=2 + list(self.axes).index(axis)) == mean
                what = f"{width} bits of {of}: exactly {mean} kept"
                trial.judge(f"count of {of}", usual, usual.size, what, name)

        return Property(says, test, looks)
