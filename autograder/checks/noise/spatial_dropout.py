"""spatial_dropout: drop whole channels of images."""

import itertools
from functools import partial

import numpy as np

from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import bit_tests, noise_factors
from autograder.families.bit_tests import FEW
from autograder.families.elementwise import KEEP_PROBS, call_text, draw
from autograder.families.elementwise import Wrong as Unit

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
        "you make sure that a sample keeps at least one channel; when each is dropped "
        "on its own, all may be.",
    )
    scales_images_at_test = """at test you multiply x by a number; the kept channels
        were rescaled in training already."""


_IMAGES, _NAME = (60, 20, 3, 4), "spatial_dropout"
_call = partial(call_text, _NAME)
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
    for keep_prob in KEEP_PROBS:
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
        return Unit.one_bit_for_the_whole_array
    for training, name in (
        (True, Unit.does_not_train_by_default),
        (False, Unit.training_flag_reversed),
    ):
        if not draw(function, trial, _IMAGES, FEW, training=training).mask.all():
            return name
    return Unit.drops_nothing


#: What is behind a mask that does not change along these axes of x alone.
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
        trial.expect(
            shared == (2, 3),
            f"{_call(shape, FEW)}: the axes along which the mask does not change are "
            f"{axes}; expected 2, 3.",
            _SHARED.get(shared, Wrong.does_not_drop_whole_channels),
        )
    # Calls, samples and channels differ, and kept counts vary, down to none; nothing of
    # this fails by chance.
    call, masks = f"40 calls {_call((20, 20, 2, 1), FEW)}", _LAYER.calls
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


@exercise.check(points=0.25, after=_SOME)
def kept_pixels_are_rescaled(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """A kept pixel is divided by keep_prob; at keep_prob = 1 out equals x."""
    shapes = (_IMAGES, (1, 1, 1, 1), (3, 1, 4, 2), (2, 5, 1, 1))
    for shape, keep_prob in itertools.product(shapes, (*KEEP_PROBS, 1.0)):
        got, call = (
            draw(spatial_dropout, trial, shape, keep_prob),
            _call(shape, keep_prob),
        )
        kept = got.mask
        trial.expect(
            keep_prob < 1 or kept.all(),
            f"{call}: {int((~kept).sum())} of {kept.size} pixels are dropped; expected "
            "none.",
            Unit.takes_one_for_a_drop_probability,
        )
        ratios = (got.out / got.x)[kept]
        if facts.close(ratios, 1 / keep_prob):
            continue
        trial.fail(
            f"{call}: a kept pixel comes back {np.median(ratios):.4g} times as large "
            f"(median); expected {1 / keep_prob:.4g} times.",
            Wrong.forgets_to_rescale_the_channels
            if facts.close(ratios, 1)
            else Wrong.rescales_the_channels_wrongly,
        )
    x, call = trial.inputs(*_IMAGES, zeros=0.5), _call(_IMAGES, 0.3)
    out = noise_factors.forward(spatial_dropout, x, 0.3, trial.generator())
    trial.expect(
        not out[x == 0].any(),
        f"{call}: a pixel that is 0 comes back as another number.",
        noise_factors.Wrong.adds_instead_of_multiplying,
    )


@exercise.check(points=0.25, after=_SOME)
def returns_images_unchanged_at_test(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """With training=False, out equals x."""
    shapes = (_IMAGES, (1, 1, 1, 1), (2, 5, 1, 1))
    for shape, keep_prob in itertools.product(shapes, (*KEEP_PROBS, 1.0)):
        got = draw(spatial_dropout, trial, shape, keep_prob, training=False)
        dropped, call = int((~got.mask).sum()), _call(shape, keep_prob, training=False)
        trial.expect(
            not dropped,
            f"{call}: {dropped} of {got.x.size} pixels came back 0; at test nothing is "
            "dropped.",
            Unit.still_drops_at_test,
        )
        trial.expect(
            facts.close(got.out, got.x),
            f"{call}: {facts.worst(got.out, got.x)}; at test out equals x.",
            Wrong.scales_images_at_test,
        )


def _channel_bits(
    function: StudentFunction,
    trial: Trial,
    samples: int,
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return bits of shape (samples, 20), one for each channel, and which channels hold
    large values."""
    got = draw(function, trial, (samples, 20, 2, 1), keep_prob, rng)
    size = np.abs(got.x).mean(axis=(2, 3))
    return got.mask[:, :, 0, 0], size > np.median(size)


_LAYER = bit_tests.Layer(
    {"samples": 20, "channels": 20},
    "channels",
    {"a sample": "channels", "a channel": "samples"},
    _channel_bits,
)
_INDEPENDENT = _LAYER.independent(
    "Bits in pairs of samples, channels and calls are independent; so are counts."
)
_FROM_RNG = bit_tests.from_rng(
    (_IMAGES,), lambda x, p: _call(x.shape, p), Unit.same_mask_every_call
)
exercise.asks(0.25, "leaves_its_images_alone", bit_tests.leaves_x(_IMAGES), after=_SOME)
exercise.asks(0.25, _RATE, _LAYER.rate(0.015, 0.025), after="drops_whole_channels")
exercise.asks(0.25, "drops_channels_independently", _INDEPENDENT, after=_RATE)
exercise.asks(0.25, "draws_its_channels_from_rng_alone", _FROM_RNG, after=_SOME)
