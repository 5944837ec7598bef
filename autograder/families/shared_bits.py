"""Facts of masks whose bits are shared along axes of x: by all steps of a sequence, by all
entries of an example.

``bit_tests`` has the exact tests of such bits.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import bit_tests, elementwise, noise_factors
from autograder.families.bit_tests import FEW, KEEP_PROBS, farthest
from autograder.families.bit_tests import Wrong as Bits
from autograder.families.elementwise import Wrong as Unit
from autograder.families.noise_factors import forward

#: Under this name the check of the axes notes for the check of the scale that entries which
#: should share a bit do not: then each is judged by itself.
_OTHERWISE = "shares bits otherwise"

#: An array, a keep probability, and what is behind an answer that fails there and did not
#: before.
Case = tuple[np.ndarray, float, str | None]


@dataclass(frozen=True)
class Names:
    """The mistakes that an exercise's own words name. ``shared`` has those behind a mask
    that does not change along these axes of x alone, ``otherwise`` is any other."""

    shared: Mapping[tuple[int, ...], str]
    otherwise: str
    no_zeros: str
    unscaled: str
    another_scale: str
    at_test: str
    never_empty: str


@dataclass(frozen=True)
class Shared:
    """A layer of which a bit is shared along the axes ``shared`` of x.

    Functions are called as ``function(x, keep_prob, rng, training=…)`` and return what is
    0 where x is dropped, and a cache. ``what`` a bit keeps and ``call`` are for messages;
    ``calls`` and ``length`` give enough bits for ``bit_tests.expect_varying_counts``,
    ``shapes`` have hundreds of bits, ``small`` has 1 or 2 and ``single`` one bit."""

    what: str
    shared: tuple[int, ...]
    shapes: Sequence[tuple[int, ...]]
    small: tuple[int, ...]
    single: tuple[int, ...]
    layer: bit_tests.Layer
    calls: int
    length: int
    call: Callable[..., str]
    names: Names

    def mask(
        self,
        function: StudentFunction,
        trial: Trial,
        shape: Sequence[int],
        keep_prob: float,
        training: bool | None = None,
    ) -> np.ndarray:
        """Return where the output of one call is not 0, on inputs without zeros."""
        x = trial.inputs(*shape)
        out = forward(function, x, keep_prob, trial.generator(), training)
        found: np.ndarray = out != 0
        return found

    def kept(self, out: np.ndarray, trial: Trial) -> np.ndarray:
        """Return the bits, with axes of length 1 where they are shared; of each entry,
        where ``shares_bits`` has found that they are shared otherwise."""
        if trial.notes.get(_OTHERWISE):
            return np.asarray(out != 0)
        axes = tuple(axis for axis in self.shared if axis < out.ndim)
        found: np.ndarray = np.asarray(out.any(axis=axes, keepdims=True))
        return found


def returns_floats(
    kind: Shared,
    shapes: Sequence[tuple[int, ...]],
    function: StudentFunction,
    trial: Trial,
) -> None:
    """Check shape and dtype in both modes, by default too."""
    modes, types = (None, True, False), (np.float64, np.float32)
    for shape, training, dtype in itertools.product(shapes, modes, types):
        keep_prob = 0.8 if (dtype is np.float64) == (training is None) else 0.6
        x = trial.inputs(*shape).astype(dtype)
        forward(function, x, keep_prob, trial.generator(), training)


def drops_some(kind: Shared, function: StudentFunction, trial: Trial) -> None:
    """Check that in training, which is the default, some bits are 0 and some are not."""
    shape, calls = kind.shapes[0], 40
    for keep_prob in KEEP_PROBS[:2]:
        shares: list[float] = []
        # Four bits alone are alike in every call with probability 0.41 ** 40, and noise
        # that is never 0 comes near it now and then.
        while len(shares) < calls and not any(0.005 < s < 0.995 for s in shares):
            shares.append(float(kind.mask(function, trial, shape, keep_prob).mean()))
        if 0.005 < shares[-1] < 0.995:
            continue
        trial.fail(
            f"{kind.call(shape, keep_prob)}: in {calls} calls, each call kept all "
            f"{kind.what} or none ({shares.count(1.0)} times all); expected about "
            f"{keep_prob:.0%} of them.",
            _constant_mistake(kind, function, trial),
        )


def _constant_mistake(kind: Shared, function: StudentFunction, trial: Trial) -> str:
    """Return what is behind an array that is kept, or dropped, altogether."""
    shape, own = kind.shapes[0], partial(kind.mask, function, trial)
    x = trial.inputs(*shape)
    ratios = forward(function, x, FEW, trial.generator()) / x
    if not facts.close(ratios, ratios.flat[0]):
        return kind.names.no_zeros
    # A bit for the whole array shows one face in all calls with probability 0.7 ** 60.
    shares = {float(own(shape, FEW).mean()) for _ in range(60)}
    if shares == {0.0}:
        return Unit.drops_everything
    if shares != {1.0}:
        return kind.names.shared.get((0, 1, 2), Unit.one_bit_for_the_whole_array)
    for training, name in (
        (True, Unit.does_not_train_by_default),
        (False, Unit.training_flag_reversed),
    ):
        if not own(shape, FEW, training=training).all():
            return name
    return Unit.drops_nothing


def shares_bits(kind: Shared, function: StudentFunction, trial: Trial) -> None:
    """Check along which axes the mask does not change, and that bits and counts vary.

    Nothing of this fails by chance."""
    for shape in kind.shapes:
        # Four bits alone are alike in every call with probability 0.25 ** 8.
        masks = [kind.mask(function, trial, shape, FEW) for _ in range(8)]
        # Axis 0 of the stack is that of the calls.
        constant = bit_tests.constant_axes(np.array(masks))
        shared = tuple(axis - 1 for axis in constant if axis > 0)
        axes = ", ".join(map(str, shared)) or "none"
        wanted = ", ".join(str(a) for a in range(len(shape)) if a in kind.shared)
        trial.notes[_OTHERWISE] = wanted != axes
        otherwise = kind.names.otherwise
        if shared or not _some_alike(masks, kind.shared[0]):
            otherwise = kind.names.shared.get(shared, otherwise)
        trial.expect(
            wanted == axes,
            f"{kind.call(shape, FEW)}: the axes along which the mask does not change are "
            f"{axes}; expected {wanted}.",
            bit_tests.if_they_vary(np.array(masks), otherwise),
        )
    bits = kind.layer.calls(function, trial, kind.calls, kind.length)
    call = f"{kind.calls} calls with {bits[0].size} bits at keep_prob = {FEW}"
    bit_tests.expect_own_calls(trial, bits, call)
    bit_tests.expect_varying_counts(trial, bits, tuple(kind.layer.axes), call)
    _expect_all_faces(kind, function, trial)


def _some_alike(masks: Sequence[np.ndarray], axis: int) -> bool:
    """Return whether a mask has equal slices along the axis, if not all of them."""
    slices = [np.moveaxis(mask, axis, 0) for mask in masks]
    return any(len({part.tobytes() for part in each}) < len(each) for each in slices)


def _expect_all_faces(kind: Shared, function: StudentFunction, trial: Trial) -> None:
    """Check that a few bits are sometimes all dropped, and a single one kept or dropped."""
    names = kind.names
    few = [kind.mask(function, trial, kind.small, 0.5).any() for _ in range(90)]
    trial.expect(
        not all(few),
        f"90 calls {kind.call(kind.small, 0.5)}: something is kept each time; expected "
        "that some calls drop all.",
        names.never_empty,
    )
    single = [kind.mask(function, trial, kind.single, 0.5).any() for _ in range(45)]
    for face, what, name in (
        (True, "kept", Unit.drops_at_least_one),
        (False, "dropped", names.never_empty),
    ):
        trial.expect(
            face in single,
            f"45 calls {kind.call(kind.single, 0.5)}: it is never {what}.",
            name,
        )


def rescales(
    kind: Shared, cases: Iterable[Case], function: StudentFunction, trial: Trial
) -> None:
    """Check that what is kept is divided by keep_prob; at keep_prob = 1 all is kept."""
    for x, keep_prob, mistake in cases:
        out = kept_some(function, trial, x, keep_prob)
        call = kind.call(x.shape, keep_prob)
        trial.expect(
            not out[x == 0].any(),
            f"{call}: an entry that is 0 comes back as another number.",
            noise_factors.Wrong.adds_instead_of_multiplying,
        )
        kept = kind.kept(out, trial)
        _expect_kept(kind, trial, kept, x, keep_prob, mistake)
        given = kept & (x != 0)
        ratios = out[given].astype(float) / x[given].astype(float)
        # Right to five digits: float32 has seven.
        right = np.isclose(ratios, 1 / keep_prob, rtol=1e-5, atol=0)
        if right.all():
            continue
        unscaled = facts.close(ratios, 1)
        name = kind.names.unscaled if unscaled else kind.names.another_scale
        trial.fail(
            f"{call}: {int((~right).sum())} of {right.size} kept entries come back another "
            f"number of times as large, such as {np.median(ratios[~right]):.6g}; expected "
            f"{1 / keep_prob:.6g} times.",
            mistake or name,
        )


def kept_some(
    function: StudentFunction, trial: Trial, x: np.ndarray, keep_prob: float
) -> np.ndarray:
    """Return the output of the first of twenty calls that is not all 0, or of the last.

    Another rate than keep_prob, such as its square, drops all now and then, and so do a few
    bits that serve all; other checks say so. But not twenty times."""
    for _ in range(20):
        out = forward(function, x, keep_prob, trial.generator())
        if out.any() or not x.any():
            break
    return out


def _expect_kept(
    kind: Shared,
    trial: Trial,
    kept: np.ndarray,
    x: np.ndarray,
    keep_prob: float,
    mistake: str | None,
) -> None:
    """Check that nothing is dropped at keep_prob = 1, and that not all is where at least
    40 bits are set on average, and would be if keep and drop were swapped: that does not
    happen by chance."""
    lost = int((~kept & kind.kept(x, trial)).sum())
    few = kept.size * min(keep_prob, 1 - keep_prob) < 40
    name = Unit.keeps_at_another_rate
    if not kept.any():
        name = Unit.takes_one_for_a_drop_probability
    trial.expect(
        not lost if keep_prob == 1 else kept.any() or few,
        f"{kind.call(x.shape, keep_prob)}: {lost} of {kept.size} {kind.what} are dropped; "
        f"expected {'none' if keep_prob == 1 else 'fewer'}.",
        mistake or name,
    )


def unchanged_at_test(
    kind: Shared,
    arrays: list[np.ndarray],
    function: StudentFunction,
    trial: Trial,
) -> None:
    """Check that at test nothing is dropped or rescaled, at all keep probabilities."""
    cases: list[tuple[Any, float]] = [*itertools.product(arrays[:1], KEEP_PROBS)]
    rates = itertools.cycle((*KEEP_PROBS, 1.0))
    cases += zip(arrays, rates, strict=False)
    for x, keep_prob in cases:
        out = forward(function, x, keep_prob, trial.generator(), training=False)
        dropped = int((out[x != 0] == 0).sum())
        call = kind.call(x.shape, keep_prob, training=False)
        trial.expect(
            not dropped,
            f"{call}: {dropped} of {x.size} entries came back 0; at test nothing is "
            "dropped.",
            Unit.still_drops_at_test,
        )
        trial.expect(
            facts.close(out, x, atol=0),
            f"{call}: {farthest(out, x)}; at test nothing is rescaled.",
            kind.names.at_test,
        )


def cases(
    trial: Trial,
    comfortable: Sequence[tuple[int, ...]],
    arrays: Iterable[np.ndarray],
    many: Callable[[], np.ndarray],
) -> list[Case]:
    """Return where values are judged: first well inside the stated range, on these shapes,
    then at its corners, on ``arrays``, and at small keep probabilities on ``many`` bits: so
    many that some would be set at the square of the smallest, on axes so long that some are
    if each axis has bits of its own alone."""
    rates = (*KEEP_PROBS[:2], 1.0)
    found: list[Case] = [
        (trial.inputs(*shape), keep_prob, None)
        for shape, keep_prob in itertools.product(comfortable, rates)
    ]
    # Few bits are all dropped at small keep probabilities, and show nothing.
    corners = [*itertools.product(arrays, (0.97, 0.8, 1.0))]
    corners += [(many(), keep_prob) for keep_prob in KEEP_PROBS]
    return found + [(x, p, Bits.right_in_the_middle_only) for x, p in corners]


def bits_of(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return the sizes of the values that share a bit, of which the axes are ``axes``."""
    found: np.ndarray = np.abs(x).mean(axis=axes)
    return found


def form(shape: Sequence[int], number: int) -> tuple[int, ...]:
    """Return the shape, -1 in it being ``number``."""
    return tuple(number if n == -1 else n for n in shape)


def leaves_them(trial: Trial, kept: np.ndarray, call: str, to: str) -> bool:
    """Return whether all rows of a mask, or all units of each row, share a bit, of which
    there are too few for a rate; that is left to the check ``to``."""
    name = elementwise.shared_bits(kept)
    if name is not None:
        text = (
            f"{call}: rows, or units of a row, share their bits; a rate does not show."
        )
        trial.leave(CheckFailure(text, name), to)
    return name is not None
