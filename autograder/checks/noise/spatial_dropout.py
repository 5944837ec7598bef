"""spatial_dropout: drop whole channels of images."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checks.noise import shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import bit_tests, elementwise, noise_factors
from autograder.families.elementwise import KEEP_PROBS, call_text
from autograder.laws.binomial import Proportion, exact_count

exercise = Exercise(
    "spatial_dropout",
    chapter="noise",
    title="Drop whole channels of images",
    signature="spatial_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="noise-spatial",
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


_IMAGES = (60, 20, 3, 4)
_CHANNEL_AXES = ("samples", "channels")
_SPATIAL = "spatial_dropout"


def _images(
    function: StudentFunction,
    trial: Trial,
    shape: Sequence[int],
    keep_prob: float,
    rng: np.random.Generator | None = None,
    training: bool | None = None,
) -> elementwise.Draw:
    """Return one forward pass on images without zeros."""
    return elementwise.draw(function, trial, shape, keep_prob, rng, training=training)


@exercise.check(points=0.25)
def returns_float_images(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    for shape in (_IMAGES, (40, 3, 7, 5), (2, 30, 1, 6)):
        for keep_prob in (0.8, 0.6):
            for dtype in (np.float64, np.float32):
                for training in (None, False):
                    mode: dict[str, Any] = {"training": training, "dtype": dtype}
                    elementwise.draw(spatial_dropout, trial, shape, keep_prob, **mode)


@exercise.check(points=0.25, after="returns_float_images")
def drops_some_images_parts(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """In training, which is the default, some pixels come back as 0 and some do not."""
    for keep_prob in KEEP_PROBS:
        shares = [
            float(_images(spatial_dropout, trial, _IMAGES, keep_prob).mask.mean())
            for _ in range(5)
        ]
        if any(0 < share < 1 for share in shares):
            continue
        trial.fail(
            f"{call_text(_SPATIAL, _IMAGES, keep_prob)}: in 5 calls, each call kept "
            f"all pixels or none ({shares.count(1.0)} times all); expected about "
            f"{keep_prob:.0%} of them.",
            _spatial_constant_mistake(spatial_dropout, trial),
        )


def _spatial_constant_mistake(function: StudentFunction, trial: Trial) -> str:
    """Return what is behind images that are kept, or dropped, altogether."""
    # A bit for the whole array shows one face in all calls with probability 0.7 ** 60.
    small = (5, 4, 2, 2)
    shares = {
        float(_images(function, trial, small, 0.7).mask.mean()) for _ in range(60)
    }
    if shares == {0.0}:
        return elementwise.Wrong.drops_everything
    if shares != {1.0}:
        return elementwise.Wrong.one_bit_for_the_whole_array
    for training, name in (
        (True, elementwise.Wrong.does_not_train_by_default),
        (False, elementwise.Wrong.training_flag_reversed),
    ):
        if not _images(function, trial, _IMAGES, 0.7, training=training).mask.all():
            return name
    return elementwise.Wrong.drops_nothing


@exercise.check(points=0.5, after="drops_some_images_parts")
def drops_whole_channels(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """A channel is kept or dropped as a whole; samples, channels and calls differ."""
    named = {
        (1,): Wrong.drops_positions_in_all_channels,
        (1, 2): Wrong.takes_the_last_axis_for_the_channels,
        (0, 2, 3): Wrong.drops_the_same_channels_in_every_sample,
        (1, 2, 3): Wrong.drops_whole_samples,
    }
    for shape in (_IMAGES, (20, 30, 5, 7)):
        draws = [_images(spatial_dropout, trial, shape, 0.7).mask for _ in range(5)]
        # Axis 0 of the stack is that of the calls.
        constant = bit_tests.constant_axes(np.array(draws))
        shared = tuple(axis - 1 for axis in constant if axis > 0)
        axes = ", ".join(map(str, shared)) or "none"
        trial.expect(
            shared == (2, 3),
            f"{call_text(_SPATIAL, shape, 0.7)}: the axes along which the mask does not "
            f"change are {axes}; expected 2, 3.",
            named.get(shared, Wrong.does_not_drop_whole_channels),
        )
    _expect_varying_channels(spatial_dropout, trial)


def _expect_varying_channels(function: StudentFunction, trial: Trial) -> None:
    """Check that calls, samples and channels differ and that kept counts vary, down to
    none; nothing of this fails by chance."""
    rng = trial.generator()
    call = f"40 calls {call_text(_SPATIAL, (20, 20, 2, 1), shared.FEW)}"
    small = np.array(
        [_channel_bits(function, trial, 20, shared.FEW, rng)[0] for _ in range(40)]
    )
    bit_tests.expect_own_calls(trial, small, call)
    bit_tests.expect_varying_counts(trial, small, _CHANNEL_AXES, call)
    # Both channels of a sample are dropped in about half of 300 samples.
    pairs = _images(function, trial, (300, 2, 2, 1), 0.3).mask[:, :, 0, 0]
    trial.expect(
        not pairs.any(axis=1).all(),
        f"{call_text(_SPATIAL, (300, 2, 2, 1), 0.3)}: each sample keeps a channel; "
        "expected that some lose all.",
        Wrong.keeps_at_least_one_channel,
    )


@exercise.check(points=0.25, after="drops_some_images_parts")
def kept_pixels_are_rescaled(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """A kept pixel is divided by keep_prob; at keep_prob = 1 out equals x."""
    shapes = (_IMAGES, (1, 1, 1, 1), (3, 1, 4, 2), (2, 5, 1, 1))
    for shape, keep_prob in itertools.product(shapes, (*KEEP_PROBS, 1.0)):
        got = _images(spatial_dropout, trial, shape, keep_prob)
        kept = got.mask
        call = call_text(_SPATIAL, shape, keep_prob)
        trial.expect(
            keep_prob < 1 or kept.all(),
            f"{call}: {int((~kept).sum())} of {kept.size} pixels are dropped; expected "
            "none.",
            elementwise.Wrong.takes_one_for_a_drop_probability,
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
    x = trial.inputs(*_IMAGES, zeros=0.5)
    call = call_text(_SPATIAL, _IMAGES, 0.3)
    out = facts.pair(spatial_dropout(x, 0.3, trial.generator()), call)[0]
    out = facts.float_array(out, _IMAGES, call, "out")
    trial.expect(
        not out[x == 0].any(),
        f"{call}: a pixel that is 0 comes back as another number.",
        noise_factors.Wrong.adds_instead_of_multiplying,
    )


@exercise.check(points=0.25, after="drops_some_images_parts")
def returns_images_unchanged_at_test(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """With training=False, out equals x."""
    for shape, keep_prob in itertools.product(
        (_IMAGES, (1, 1, 1, 1), (2, 5, 1, 1)), (*KEEP_PROBS, 1.0)
    ):
        got = _images(spatial_dropout, trial, shape, keep_prob, training=False)
        dropped = int((~got.mask).sum())
        call = call_text(_SPATIAL, shape, keep_prob, training=False)
        trial.expect(
            not dropped,
            f"{call}: {dropped} of {got.x.size} pixels came back 0; at test nothing is "
            "dropped.",
            elementwise.Wrong.still_drops_at_test,
        )
        trial.expect(
            facts.close(got.out, got.x),
            f"{call}: {facts.worst(got.out, got.x)}; at test out equals x.",
            Wrong.scales_images_at_test,
        )


@exercise.check(points=0.25, after="drops_some_images_parts")
def leaves_its_images_alone(spatial_dropout: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before, in both modes."""
    for training in (True, False):
        x = trial.inputs(*_IMAGES, zeros=0.2)
        _, after = spatial_dropout.observe(x, 0.3, trial.generator(), training=training)
        call = call_text(_SPATIAL, x.shape, 0.3, training)
        bit_tests.expect_unchanged(trial, x, after[0], call)


def _channel_bits(
    function: StudentFunction,
    trial: Trial,
    samples: int,
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return bits of shape (samples, 20), one for each channel, and which channels hold
    large values."""
    got = _images(function, trial, (samples, 20, 2, 1), keep_prob, rng)
    size = np.abs(got.x).mean(axis=(2, 3))
    return got.mask[:, :, 0, 0], size > np.median(size)


@exercise.check(
    points=0.25,
    after="drops_whole_channels",
    looks={
        "all at 0.83": Proportion(0.83, detects=0.015),
        "all at 0.27": Proportion(0.27, detects=0.015),
        "all at 0.998": Proportion(0.998, detects=0.0019),
        "large channels at 0.83": Proportion(0.83, detects=0.025),
        "first samples at 0.27": Proportion(0.27, detects=0.025),
        "first channels at 0.27": Proportion(0.27, detects=0.025),
    },
)
def keeps_channels_with_keep_prob(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """Every channel is kept with probability keep_prob, whatever its values and place."""

    def share(keep_prob: float) -> float:
        return float(_channel_bits(spatial_dropout, trial, 600, keep_prob)[0].mean())

    for keep_prob in (*noise_factors.FINE_KEEP_PROBS, 0.998):
        samples = 2 * -(-trial.size(f"all at {keep_prob}") // 40)
        bits, large = _channel_bits(spatial_dropout, trial, samples, keep_prob)
        first_sample, first_channel = (
            np.arange(length) < length // 2 for length in bits.shape
        )
        parts = {
            "large channels": large,
            "first samples": first_sample[:, None],
            "first channels": first_channel,
        }
        bit_tests.judge_rates(trial, bits, keep_prob, parts, share)


_COUNT_OF_20 = Proportion(exact_count(20, shared.FEW).probability, detects=0.05)


@exercise.check(
    points=0.25,
    after="keeps_channels_with_keep_prob",
    looks={
        **bit_tests.pair_looks(_CHANNEL_AXES, shared.AGREE),
        "count of a sample": _COUNT_OF_20,
        "count of a channel": _COUNT_OF_20,
    },
)
def drops_channels_independently(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """Bits in pairs of samples, channels and calls are independent; so are counts."""
    rng = trial.generator()
    needed = max(trial.size("successive calls"), 10 * trial.size("count of a sample"))
    blocks = -(-needed // 400)
    bits = np.array(
        [
            _channel_bits(spatial_dropout, trial, 20 * blocks, shared.FEW, rng)[0]
            for _ in range(2)
        ]
    )
    what = f"bits at keep_prob = {shared.FEW}"
    bit_tests.judge_pairs(
        trial, bits, _CHANNEL_AXES, what, elementwise.Wrong.bits_depend_on_each_other
    )
    square = bits.reshape(2, blocks, 20, 20)
    for axis, of in ((3, "a sample"), (2, "a channel")):
        usual = square.sum(axis=axis) == 14
        what = f"20 bits of {of}: exactly 14 kept"
        trial.judge(
            f"count of {of}",
            usual,
            usual.size,
            what,
            elementwise.Wrong.bits_depend_on_each_other,
        )


@exercise.check(points=0.25, after="drops_some_images_parts")
def draws_its_channels_from_rng_alone(
    spatial_dropout: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    x, call = trial.inputs(*_IMAGES), call_text(_SPATIAL, _IMAGES, 0.7)

    def output(rng: np.random.Generator) -> Any:
        return facts.pair(spatial_dropout(x, 0.7, rng), call)[0]

    bit_tests.follows_rng(trial, call, output, elementwise.Wrong.same_mask_every_call)
