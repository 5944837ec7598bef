"""spatial_dropout: drop whole channels of images."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import (
    bit_tests,
    corners,
    departures,
    everywhere,
    follows_rng,
    kinds,
    noise_factors,
    small_calls,
)
from autograder.families.bit_tests import FEW, KEEP_PROBS, farthest, wide
from autograder.families.bit_tests import Wrong as Bits
from autograder.families.elementwise import Wrong as Unit
from autograder.families.elementwise import call_text, draw
from autograder.families.noise_factors import forward
from autograder.families.shared_bits import kept_some

exercise = Exercise(
    "spatial_dropout",
    chapter="noise",
    title="Drop whole channels of images",
    signature="spatial_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="noise-spatial",
    takes={
        "x": domain.floats("float array of shape (N, C, H, W)", 4, 4),
        "keep_prob": domain.keep_probs(),
    },
)


class Wrong(Mistakes, section="noise-spatial"):
    does_not_drop_whole_channels = """within one channel some pixels are dropped and
        others are not; a channel is kept or dropped as a whole."""
    drops_positions_in_all_channels = """you drop a pixel in all channels at once: the
        mask has the shape (N, 1, H, W). It should have one bit for each channel, (N, C,
        1, 1)."""
    takes_the_last_axis_for_the_channels = """you drop whole columns w of all channels,
        as if x had the shape (N, H, W, C); here channels are axis 1."""
    drops_the_same_channels_in_every_sample = """all samples of a batch lose the same
        channels; each draws its own."""
    drops_whole_samples = """all channels of a sample are kept or dropped together; each
        channel needs its own bit."""
    forgets_to_rescale_the_channels = """kept channels come back unchanged in training;
        divide them by keep_prob."""
    rescales_the_channels_wrongly = """kept channels are multiplied by another number
        than 1 / keep_prob."""
    keeps_at_least_one_channel = at(
        "noise-mistakes",
        "at least one channel is kept every time, be it of each sample or of the batch: "
        "either you make sure of that, or few channels are kept at another rate or make "
        "up for each other; when each "
        "is dropped on its own, all may be.",
    )
    scales_images_at_test = """at test out is not x: either you multiply x by a number
        (the kept channels were rescaled in training already), or entries are bounded,
        rounded or shifted."""
    puts_no_zeros = """nothing comes back as 0, and yet pixels are multiplied by different
        numbers: either noise of another kind is drawn, or dropped channels are filled
        with another number than 0."""


_IMAGES, _NAME = (60, 20, 3, 4), "spatial_dropout"
_call = partial(call_text, _NAME)
#: Under this name the check of the axes notes for that of the scale that pixels of a channel
#: have bits of their own: then each is judged by itself.
_PIXELS = "pixels of a channel differ"
_SOME, _RATE = "drops_some_images_parts", "keeps_channels_with_keep_prob"


@exercise.check(points=0.25)
def returns_float_images(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    shapes, types = (_IMAGES, (40, 3, 7, 5), (2, 30, 1, 6)), (np.float64, np.float32)
    for shape, keep_prob, dtype, training in itertools.product(
        shapes, (0.8, 0.6), types, (None, False)
    ):
        draw(spatial_dropout, trial, shape, keep_prob, training=training, dtype=dtype)


@exercise.check(points=0.25, after="returns_float_images")
def drops_some_images_parts(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """In training, which is the default, some pixels come back as 0 and some do not."""
    for keep_prob in KEEP_PROBS[:2]:
        draws = [draw(spatial_dropout, trial, _IMAGES, keep_prob) for _ in range(5)]
        shares = [float(got.mask.mean()) for got in draws]
        if any(0 < share < 1 for share in shares):
            continue
        trial.fail(
            f"{_call(_IMAGES, keep_prob)}: in 5 calls, each call kept all pixels or none "
            f"({shares.count(1.0)} times all); expected about {keep_prob:.0%} of them.",
            _constant_mistake(spatial_dropout, trial),
        )


def _constant_mistake(function: StudentFunction, trial: Trial) -> str:
    """Return what is behind images that are kept, or dropped, altogether."""
    # A bit for the whole array shows one face in all calls with probability 0.7 ** 60.
    draws = (draw(function, trial, (5, 4, 2, 2), FEW) for _ in range(60))
    shares = {float(got.mask.mean()) for got in draws}
    if shares == {0.0}:
        return Unit.drops_everything
    if shares != {1.0}:
        whole = shares == {0.0, 1.0}
        some = Unit.keeps_some_calls_at_another_rate
        return Unit.one_bit_for_the_whole_array if whole else some
    if draw(function, trial, _IMAGES, FEW).ratio is None:
        return Wrong.puts_no_zeros
    for training, name in (
        (True, Unit.does_not_train_by_default),
        (False, Unit.training_flag_reversed),
    ):
        if not draw(function, trial, _IMAGES, FEW, training=training).mask.all():
            return name
    return Unit.drops_nothing


#: What is behind a mask that does not change along these axes of x alone, or others.
_OTHER = Wrong.does_not_drop_whole_channels
_SHARED = {
    (1,): Wrong.drops_positions_in_all_channels,
    (1, 2): Wrong.takes_the_last_axis_for_the_channels,
    (0, 2, 3): Wrong.drops_the_same_channels_in_every_sample,
    (1, 2, 3): Wrong.drops_whole_samples,
}


@exercise.check(points=0.5, after=_SOME)
def drops_whole_channels(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """A channel is kept or dropped as a whole; samples, channels and calls differ."""
    for shape in (_IMAGES, (20, 30, 5, 7)):
        draws = [draw(spatial_dropout, trial, shape, FEW).mask for _ in range(5)]
        # Axis 0 of the stack is that of the calls.
        constant = bit_tests.constant_axes(np.array(draws))
        shared = tuple(axis - 1 for axis in constant if axis > 0)
        axes = ", ".join(map(str, shared)) or "none"
        trial.notes[_PIXELS] = shared not in ((2, 3), (0, 2, 3), (1, 2, 3))
        trial.expect(
            shared == (2, 3),
            f"{_call(shape, FEW)}: the axes along which the mask does not change are "
            f"{axes}; expected 2, 3.",
            bit_tests.if_they_vary(np.array(draws), _SHARED.get(shared, _OTHER)),
        )
    # Calls, samples and channels differ, and kept counts vary, down to none; nothing of
    # this fails by chance.
    call, masks = f"40 calls {_call((20, 20, 1, 1), FEW)}", _LAYER.calls
    small = masks(spatial_dropout, trial, 40, 20)
    bit_tests.expect_own_calls(trial, small, call)
    bit_tests.expect_varying_counts(trial, small, tuple(_LAYER.axes), call)
    # Both channels of a sample are dropped in about half of 300 samples.
    pairs = draw(spatial_dropout, trial, (300, 2, 2, 1), 0.3).mask[:, :, 0, 0]
    trial.expect(
        not pairs.any(axis=1).all(),
        f"{_call((300, 2, 2, 1), 0.3)}: each sample keeps a channel; expected that some "
        "lose all.",
        Wrong.keeps_at_least_one_channel,
    )
    one = (1, 1, 1, 1)
    single = [draw(spatial_dropout, trial, one, 0.5).mask.any() for _ in range(45)]
    for face, what, name in (
        (True, "kept", Unit.drops_at_least_one),
        (False, "dropped", Wrong.keeps_at_least_one_channel),
    ):
        trial.expect(
            face in single,
            f"45 calls {_call(one, 0.5)}: the channel is never {what}.",
            name,
        )


def _images(trial: Trial) -> list[np.ndarray]:
    """Return images at the corners of the stated range, in both dtypes."""
    found = corners.arrays(trial, 4, 4, large=1e12, small=1e-12)
    found += [wide(trial, *shape) for shape in (_IMAGES, (1, 9, 2, 3), (7, 1, 1, 1))]
    found += [wide(trial, *shape) for shape in ((5, 4, 6, 1), (5, 4, 30, 2))]
    long = (150, 2, 1, 2), (2, 140, 2, 1), (1, 2, 140, 2), (2, 1, 1, 140)
    found += [wide(trial, *shape) for shape in long]
    return found + [x.astype(np.float32) for x in found]


def _cases(trial: Trial) -> Iterator[tuple[np.ndarray, float, str | None]]:
    """Yield images, a keep probability, and what is behind an answer that fails there and
    did not before: first inside the stated range, then at its corners."""
    comfortable = (_IMAGES, (3, 1, 4, 2), (2, 5, 1, 1))
    for shape, keep_prob in itertools.product(comfortable, (*KEEP_PROBS[:2], 1.0)):
        yield trial.inputs(*shape), keep_prob, None
    # Few channels are all dropped at small keep probabilities, and show nothing.
    cases = [*itertools.product(_images(trial), (0.97, 0.8, 1.0))]
    cases += [(wide(trial, *_IMAGES), keep_prob) for keep_prob in KEEP_PROBS]
    cases.append((wide(trial, 200, 30, 1, 1), 0.02))
    for x, keep_prob in cases:
        yield x, keep_prob, Bits.right_in_the_middle_only


@exercise.check(points=0.25, after=_SOME)
def kept_pixels_are_rescaled(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """A kept pixel is divided by keep_prob; at keep_prob = 1 out equals x."""
    for x, keep_prob, mistake in _cases(trial):
        out = kept_some(spatial_dropout, trial, x, keep_prob)
        call = _call(x.shape, keep_prob)
        trial.expect(
            not out[x == 0].any(),
            f"{call}: a pixel that is 0 comes back as another number.",
            noise_factors.Wrong.adds_instead_of_multiplying,
        )
        kept = np.asarray(out.any(axis=(2, 3)))
        _expect_kept(trial, kept, x, keep_prob, mistake)
        given = kept[:, :, None, None] & (x != 0)
        if trial.notes.get(_PIXELS):
            given = out != 0
        ratios = out[given].astype(float) / x[given].astype(float)
        # Right to five digits: float32 has seven.
        right = np.isclose(ratios, 1 / keep_prob, rtol=1e-5, atol=0)
        if right.all():
            continue
        name = Wrong.rescales_the_channels_wrongly
        if facts.close(ratios, 1):
            name = Wrong.forgets_to_rescale_the_channels
        trial.fail(
            f"{call}: {int((~right).sum())} of {right.size} kept pixels come back another "
            f"number of times as large, such as {np.median(ratios[~right]):.6g}; expected "
            f"{1 / keep_prob:.6g} times.",
            mistake or name,
        )
    everywhere.expect_scaled(spatial_dropout, trial, _KINDS, lambda p: 1 / p)


def _expect_kept(
    trial: Trial, kept: np.ndarray, x: np.ndarray, keep_prob: float, mistake: str | None
) -> None:
    """Check that nothing is dropped at keep_prob = 1, and that not all is where at least
    40 channels are kept on average: that does not happen by chance."""
    lost = int((~kept & x.any(axis=(2, 3))).sum())
    name = Unit.keeps_at_another_rate
    if not kept.any():
        name = Unit.takes_one_for_a_drop_probability
    trial.expect(
        not lost if keep_prob == 1 else kept.any() or kept.size * keep_prob < 40,
        f"{_call(x.shape, keep_prob)}: {lost} of {kept.size} channels are dropped; "
        f"expected {'none' if keep_prob == 1 else 'fewer'}.",
        mistake or name,
    )


@exercise.check(points=0.25, after=_SOME)
def returns_images_unchanged_at_test(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """With training=False, out equals x."""
    images = [trial.inputs(*_IMAGES) for _ in KEEP_PROBS] + _images(trial)
    for x, keep_prob in corners.with_keep_probs(images, (*KEEP_PROBS, 1.0)):
        out = forward(spatial_dropout, x, keep_prob, trial.generator(), training=False)
        dropped = int((out[x != 0] == 0).sum())
        call = _call(x.shape, keep_prob, training=False)
        trial.expect(
            not dropped,
            f"{call}: {dropped} of {x.size} pixels came back 0; at test nothing is "
            "dropped.",
            Unit.still_drops_at_test,
        )
        if not facts.close(out, x, atol=0):
            trial.fail(
                f"{call}: {farthest(out, x)}; at test out equals x.",
                Wrong.scales_images_at_test,
            )
    everywhere.expect_plain(spatial_dropout, trial, _KINDS)


_Bits = tuple[np.ndarray, dict[str, np.ndarray]]


def _read(*shape: int, alike: bool = False) -> Callable[..., _Bits]:
    """Return how bits are read off images of this shape, -1 being the length that makes
    about as many bits as wanted where the other number of channels or samples is 1.

    The bits have the shape (samples, channels), and so have the sizes of the channels'
    values; ``alike`` images are of equal negative entries in float32."""

    def read(
        function: StudentFunction,
        trial: Trial,
        number: int,
        keep_prob: float,
        rng: np.random.Generator | None = None,
    ) -> _Bits:
        x = wide(trial, *(number if n == -1 else n for n in shape), by=(0, 1))
        if alike:
            x = np.full(x.shape, -np.abs(trial.inputs(1)[0]), np.float32)
        rng = trial.generator() if rng is None else rng
        out = forward(function, x, keep_prob, rng)
        return out[:, :, 0, 0] != 0, {"channels": np.abs(x).mean(axis=(2, 3))}

    return read


_LAYER = bit_tests.Layer(
    {"samples": 20, "channels": 20},
    "channels",
    ["channels"],
    {"a sample": "channels", "a channel": "samples"},
    _read(-1, 20, 1, 1),
    {
        "single samples": (_read(1, -1, 1, 1), [1]),
        "single channels": (_read(-1, 1, 2, 2), [0]),
        "two samples": (_read(2, -1, 3, 1), [0, 1]),
        "images": (_read(-1, 4, 3, 3), [0, 1]),
        "equal negative entries in float32": (_read(-1, 2, 1, 2, alike=True), [0, 1]),
    },
)
_INDEPENDENT = _LAYER.independent(
    "Bits in pairs of samples, channels and calls are independent; so are counts."
)
_FROM_RNG = follows_rng.from_rng(
    (_IMAGES,),
    lambda x, p: _call(x.shape, p),
    Unit.same_mask_every_call,
    Unit.reuses_masks,
    small=((6, 20, 1, 1),),
)
exercise.asks(0.25, "leaves_its_images_alone", bit_tests.leaves_x(4, 4), after=_SOME)
_KINDS = kinds.of_arrays(
    lambda rng, *of: (
        *kinds.sides(rng, of[0], 2, of[1]),
        *rng.permutation(
            [kinds.shared_side(rng, of[0]), 1 + int(rng.integers(3))]
        ).tolist(),
    ),
    call_text,
    lambda x, out, _: np.asarray(out.any(axis=(2, 3))),
    lambda x: np.abs(x).mean(axis=(2, 3)),
    "channels",
    lambda x: x.mean(axis=(2, 3)),
)
_SMALL: dict[str, Any] = {
    "forms": small_calls.ROWS,
    "what": "images and channels",
    "of": lambda shape: (*shape, 1, 1),
}
_RATES = departures.also(kinds.RATE, _LAYER.rate(0.015, 0.025), _KINDS)
_RATES = small_calls.at_rate(_RATES, **_SMALL)
exercise.asks(0.25, _RATE, _RATES, after="drops_whole_channels")
_INDEPENDENT = departures.also(kinds.PAIRS, _INDEPENDENT, _KINDS)
_INDEPENDENT = small_calls.own_bits(_INDEPENDENT, **_SMALL)
exercise.asks(0.25, "drops_channels_independently", _INDEPENDENT, after=_RATE)
_FROM_RNG = everywhere.follows_rng(_FROM_RNG, _KINDS)
exercise.asks(0.25, "draws_its_channels_from_rng_alone", _FROM_RNG, after=_SOME)
