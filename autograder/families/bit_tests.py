"""Facts and exact tests of mask bits with named axes: rows, inputs, channels, calls.

What the exercises of ``noise`` share; ``unit_bits`` has the same for bits that stand in
the place of units.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod, sqrt
from typing import TypeVar

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Property
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial, usual
from autograder.families import corners, elementwise, lags
from autograder.families.properties import expect_unchanged, stated
from autograder.laws.binomial import (
    Law,
    Proportion,
    agreement,
    exact_count,
    lower_tail,
)

Case = TypeVar("Case")

#: The keep probability at which bits are compared with each other.
FEW = 0.7
AGREE = agreement(FEW, detects=0.02)
#: Keep probabilities of the exact tests, on both sides of 0.5, that rounding to one
#: decimal place would change.
FINE_KEEP_PROBS = (0.83, 0.27)
#: Those at which values are judged: well inside the range, where mistakes are told apart,
#: then near its ends, and inside again, with digits that rounding would change.
KEEP_PROBS = (0.8, 0.3, 0.02, 0.97, 0.1, 0.995, 0.2057)
_SIZES = 10.0 ** np.linspace(-12, 12, 256)
#: How to do without a change in place, for ``properties.expect_unchanged``.
NOT_IN_PLACE = "; {0} * noise makes a new array, {0} *= noise does not"


class Wrong(Mistakes, section="noise-mistakes"):
    right_in_the_middle_only = """right for middling numbers, and not here: either
        keep_prob or an entry of the arrays is bounded, rounded or shifted, or some
        keep probabilities, shapes, values or dtypes have a case of their own that is
        wrong, or what was computed for other arguments is used again."""


def named_after_the_first(cases: Iterable[Case]) -> Iterator[tuple[Case, str | None]]:
    """Yield each case with what is said of a wrong answer to it that nothing else explains:
    nothing of the first, and of the others that the first was right."""
    for number, case in enumerate(cases):
        yield case, Wrong.right_in_the_middle_only if number else None


def wide(trial: Trial, *shape: int, by: Sequence[int] = ()) -> np.ndarray:
    """Return inputs without zeros of all sizes from 1e-12 to 1e12, half of them below 1.75;
    those of equal place in the axes ``by`` (all, when empty) are of similar size."""
    lengths = [n if not by or axis in by else 1 for axis, n in enumerate(shape)]
    rng = trial.rng
    return usual(rng, shape) * _SIZES[rng.integers(len(_SIZES), size=lengths)]


def farthest(found: np.ndarray, expected: np.ndarray) -> str:
    """Return "expected … at …, found …" for the place where two arrays of one shape differ
    most in proportion, in as many digits as show it."""
    gap = np.abs(found.astype(float) - expected)
    gap = gap / np.where(expected == 0, 1e-300, np.abs(expected))
    place = tuple(int(i) for i in np.unravel_index(int(np.argmax(gap)), gap.shape))
    pairs = ((f"{expected[place]:.{n}g}", f"{found[place]:.{n}g}") for n in (6, 9, 17))
    right, wrong = next(((a, b) for a, b in pairs if a != b), ("another number", "it"))
    return f"expected {right} at {place}, found {wrong}"


def leaves_x(least: int, most: int) -> Property:
    """The property that x, of ``least`` to ``most`` axes, is not changed in place."""

    def test(function: StudentFunction, trial: Trial) -> None:
        """x is the same after the call as before, in both modes."""
        arrays = corners.arrays(trial, least, most)
        arrays += [x.astype(np.float32) for x in arrays]
        for training in (True, False):
            for x, keep_prob in corners.with_keep_probs(arrays, (*KEEP_PROBS, 1.0)):
                rng = trial.generator()
                _, after = function.observe(x, keep_prob, rng, training=training)
                call = elementwise.call_text(
                    function.name, x.shape, keep_prob, training
                )
                expect_unchanged(trial, call, ("x",), (x,), after, NOT_IN_PLACE)

    return stated(test)


def pair_looks(axes: Sequence[str], law: Law, kind: str = "") -> dict[str, Law]:
    """Return the looks of ``judge_pairs`` for these axes behind that of the calls."""
    names = ["successive calls", "mirrored places"]
    names += [
        f"{where} {axis}" for axis in axes for where in ("neighbouring", "distant")
    ]
    return {kind + name: law for name in names} | {kind + lags.LOOK: lags.LAW}


def judge_pairs(
    trial: Trial,
    bits: np.ndarray,
    axes: Sequence[str],
    what: str,
    mistake: str,
    probability: float,
    kind: str = "",
) -> None:
    """Test that bits of two calls, of shape (2, …), which are set with this probability,
    agree in pairs as independent ones do: of the two calls, of neighbours and of the
    halves along each of ``axes``, of places that mirror each other, and of those any
    number of places apart. All lengths are even."""
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
    lags.judge(trial, {"a call": bits[0]}, probability, mistake, kind)


def constant_axes(bits: np.ndarray) -> tuple[int, ...]:
    """Return the axes along which the values do not change."""
    return tuple(
        axis for axis in range(bits.ndim) if facts.close(bits, bits.take([0], axis))
    )


def if_they_vary(bits: np.ndarray, name: str) -> str:
    """Return the mistake behind bits that are too much alike: ``name``, unless all are
    alike, for then nothing is ever dropped, or kept."""
    varies = bits.any() and not bits.all()
    return name if varies else elementwise.Wrong.keeps_at_another_rate


def expect_own_calls(trial: Trial, bits: np.ndarray, call: str) -> None:
    """Check that no two calls have the same mask; ``bits`` has an axis of calls first."""
    different = len({mask.tobytes() for mask in bits})
    trial.expect(
        different > 1,
        f"{call}: every call drew the same mask.",
        if_they_vary(bits, elementwise.Wrong.same_mask_every_call),
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


#: Returns the bits of a call on arrays of a form, some ``number`` of them, where that is
#: not the first axis' length; see ``Layer.read``.
Read = Callable[..., tuple[np.ndarray, Mapping[str, np.ndarray]]]


@dataclass(frozen=True)
class Layer:
    """How a mask is read off a layer's output, for properties of its bits.

    ``read(function, trial, length, keep_prob, rng)`` returns the bits of a call, and the
    sizes of values (arrays that broadcast to them) by the names in ``values``. The first
    of ``axes`` has this ``length``, a multiple of the number beside its name, and the
    others have the numbers beside theirs. ``counts`` names the axis along which bits are
    counted, by what they are the bits of. ``forms`` reads arrays of other forms, of which
    some axes have length 1: about as many bits as its argument in the place of ``length``
    says; bits are compared along the axes beside it, whose lengths are even. ``small`` is the
    first axis' length in the calls whose bits are counted."""

    axes: Mapping[str, int]
    bits: str
    values: Sequence[str]
    counts: Mapping[str, str]
    read: Read
    forms: Mapping[str, tuple[Read, Sequence[int]]] = field(default_factory=dict)
    small: int = 1

    @property
    def _width(self) -> int:
        return prod(list(self.axes.values())[1:])

    def _length(self, bits: float, step: int) -> int:
        """Return the length, a multiple of ``step``, of so many bits."""
        return step * -int(-bits // (step * self._width))

    def calls(
        self, function: StudentFunction, trial: Trial, number: int, length: int
    ) -> np.ndarray:
        """Return the bits of some calls with one generator, at keep_prob ``FEW``."""
        rng, of = trial.generator(), (function, trial, length, FEW)
        return np.array([self.read(*of, rng)[0] for _ in range(number)])

    def rate(self, whole: float, half: float) -> Property:
        """The property that bits are set at the rate keep_prob. A rate that is off by
        ``whole``, or by ``half`` in one half of the places, is detected."""
        rates = dict.fromkeys(FINE_KEEP_PROBS, whole) | {0.998: 0.0019, 0.002: 0.0019}
        looks = {f"all at {p}": Proportion(p, off) for p, off in rates.items()}
        looks |= {f"large {v} at 0.83": Proportion(0.83, half) for v in self.values}
        looks |= {f"first {axis} at 0.27": Proportion(0.27, half) for axis in self.axes}
        looks |= {f"{form} at 0.13": Proportion(0.13, 0.03) for form in self.forms}

        def test(function: StudentFunction, trial: Trial) -> None:
            for keep_prob in rates:
                length = self._length(trial.size(f"all at {keep_prob}"), 2)
                bits, sizes = self.read(function, trial, length, keep_prob)
                self._judge_rates(function, trial, bits, sizes, keep_prob)
            for form, (read, _) in self.forms.items():
                look = f"{form} at 0.13"
                bits = read(function, trial, trial.size(look), 0.13)[0]
                what = f"{self.bits} of {form} kept at keep_prob = 0.13"
                name = elementwise.Wrong.keeps_at_another_rate
                trial.judge(look, bits, bits.size, what, name)

        says = f"Every {self.bits[:-1]} is kept with probability keep_prob, whatever"
        return Property(f"{says} its value and place.", test, looks)

    def _judge_rates(
        self,
        function: StudentFunction,
        trial: Trial,
        bits: np.ndarray,
        sizes: Mapping[str, np.ndarray],
        keep_prob: float,
    ) -> None:
        large = {f"large {v}": size > np.median(size) for v, size in sizes.items()}
        halves = {n: np.broadcast_to(where, bits.shape) for n, where in large.items()}
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
            if max(gaps.values()) < 0.02:
                return elementwise.share_name(found, keep_prob, share)
            # Large entries may happen to stand in one half of the places.
            by_value = max(gaps[part] for part in large) > max(gaps.values()) / 2
            wrong = elementwise.Wrong
            return wrong.drops_by_value if by_value else wrong.drops_by_place

        everywhere = np.broadcast_to(True, bits.shape)
        for part, within in {"all": everywhere, **halves}.items():
            look = f"{part} at {keep_prob}"
            if look in trial.check.looks:
                what = f"{self.bits if part == 'all' else part} kept at keep_prob"
                found = bits[within]
                trial.judge(look, found, found.size, f"{what} = {keep_prob}", name)

    def _near(self) -> tuple[int, int, float]:
        """Return the bounds between which the count of a small call lies about half of the
        time at keep_prob ``FEW``, and how often it does."""
        n = self.small * self._width
        off = round(0.5 * sqrt(n * FEW * (1 - FEW)))
        low, high = round(FEW * n) - off, round(FEW * n) + off
        return low, high, lower_tail(high, n, FEW) - lower_tail(low - 1, n, FEW)

    def independent(self, says: str) -> Property:
        """The property that bits in pairs of places and calls agree, and that counts have
        their mean or lie near it, as often as those of independent bits."""
        looks: dict[str, Law] = pair_looks(tuple(self.axes), AGREE)
        for of, axis in self.counts.items():
            usual = exact_count(self.axes[axis], FEW).probability
            looks[f"count of {of}"] = Proportion(usual, detects=0.05)
        # Counts that are fixed but for 1, or redrawn until near, are near always, and the
        # best of five nearly so.
        near = self._near()[2]
        looks["count of a call"] = Proportion(near, 1 - near - (1 - near) ** 5)
        looks |= {
            f"axis {axis} of {form}": agreement(FEW, 0.15)
            for form, (_, axes) in self.forms.items()
            for axis in axes
        }

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
            judge_pairs(trial, bits, tuple(self.axes), what, name, FEW)
            blocks = bits.reshape(2, -1, *self.axes.values())
            for of, axis in self.counts.items():
                width = self.axes[axis]
                mean = round(FEW * width)
                usual = blocks.sum(axis=2 + list(self.axes).index(axis)) == mean
                what = f"{width} bits of {of}: exactly {mean} kept"
                trial.judge(f"count of {of}", usual, usual.size, what, name)
            self._judge_small(function, trial)

        return Property(says, test, looks)

    def _judge_small(self, function: StudentFunction, trial: Trial) -> None:
        """Count small calls with about as many bits as usual, and pairs of neighbours in
        arrays of other forms."""
        name = elementwise.Wrong.bits_depend_on_each_other
        low, high, _ = self._near()
        calls = self.calls(function, trial, trial.size("count of a call"), self.small)
        count = calls.reshape(len(calls), -1).sum(axis=1)
        near, what = (
            (low <= count) & (count <= high),
            f"calls with {calls[0].size} bits",
        )
        what += f" at keep_prob = {FEW}: {low} to {high} kept"
        trial.judge("count of a call", near, near.size, what, name)
        for form, (read, axes) in self.forms.items():
            looks = {axis: f"axis {axis} of {form}" for axis in axes}
            most = max(map(trial.size, looks.values()))
            bits = read(function, trial, 2 * most + 40, FEW)[0]
            for axis, look in looks.items():
                even = np.arange(0, bits.shape[axis] - 1, 2)
                agree = bits.take(even, axis) == bits.take(even + 1, axis)
                what = f"{look}: bits at keep_prob = {FEW} of neighbours that agree"
                trial.judge(look, agree, agree.size, what, name)
