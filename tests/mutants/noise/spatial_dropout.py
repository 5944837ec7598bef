"""Wrong answers to ``spatial_dropout``, each named after its sin."""

import math

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.noise.shared import part_of

S_RUNS = "returns_float_images"
S_SOME = "drops_some_images_parts"
S_WHOLE = "drops_whole_channels"
S_SCALE = "kept_pixels_are_rescaled"
S_TEST = "returns_images_unchanged_at_test"
S_ALONE = "leaves_its_images_alone"
S_RATE = "keeps_channels_with_keep_prob"
S_INDEPENDENT = "drops_channels_independently"
S_FROM_RNG = "draws_its_channels_from_rng_alone"


def dropped(x, mask, keep_prob, training=True):
    """Return what a correct answer does with this mask, broadcast to x."""
    return (x * mask / keep_prob if training else x), mask


def channels(x, rng):
    """Return uniform numbers, one for each sample and channel."""
    return rng.random((*x.shape[:2], 1, 1))


#: Functions that return a mask that broadcasts to x.
masked = part_of(
    lambda mask: (
        lambda x, keep_prob, rng, training=True: dropped(
            x, mask(x, keep_prob, rng), keep_prob, training
        )
    )
)


class Sins(Mutants, of="spatial_dropout"):
    @fails(S_RUNS, "returns_nothing")
    def spatial_without_return(x, keep_prob, rng, training=True):
        """Computes everything and forgets the return statement."""
        dropped(x, channels(x, rng) < keep_prob, keep_prob, training)

    @masked(S_RUNS, "raises_an_error")
    def spatial_without_new_axes(x, keep_prob, rng):
        """Draws an (N, C) mask, which does not broadcast to the images."""
        return rng.random(x.shape[:2]) < keep_prob

    @fails(S_RUNS, "returns_another_shape")
    def spatial_sums(x, keep_prob, rng, training=True):
        """Pools each channel into one number along the way."""
        out, mask = dropped(x, channels(x, rng) < keep_prob, keep_prob, training)
        return out.mean(axis=(2, 3)), mask

    @fails(S_SOME, "drops_nothing")
    def spatial_stub(x, keep_prob, rng, training=True):
        """Has a stub that lets the rest of the network run."""
        return x, None

    @fails(S_SOME, "drops_everything")
    def spatial_zeros(x, keep_prob, rng, training=True):
        """Allocates the output and never fills it."""
        return np.zeros_like(x), None

    @fails(S_SOME, "training_flag_reversed")
    def spatial_at_test_only(x, keep_prob, rng, training=True):
        """Writes `if training: return x`, mixing up the two branches."""
        return dropped(x, channels(x, rng) < keep_prob, keep_prob, not training)

    @fails(S_SOME, "does_not_train_by_default")
    def spatial_off_by_default(x, keep_prob, rng, training=False):
        """Copies the default of a framework whose layers start in test mode."""
        return dropped(x, channels(x, rng) < keep_prob, keep_prob, training)

    @masked(S_SOME, "one_bit_for_the_whole_array")
    def spatial_by_one_bit(x, keep_prob, rng):
        """Draws one number for the whole batch."""
        return rng.random() < keep_prob

    @masked(S_WHOLE, "does_not_drop_whole_channels")
    def spatial_element_wise(x, keep_prob, rng):
        """Drops single pixels, as ordinary dropout does."""
        return rng.random(x.shape) < keep_prob

    @fails(S_WHOLE, "drops_the_same_channels_in_every_sample")
    def spatial_for_the_batch_in_place_of_samples(x, keep_prob, rng, training=True):
        """Draws a bit for each channel in a loop over the channels."""
        if not training:
            return x, None
        out = np.zeros_like(x)
        for c in range(x.shape[1]):
            if rng.random() < keep_prob:
                out[:, c] = x[:, c] / keep_prob
        return out, None

    @masked(S_WHOLE, "does_not_drop_whole_channels")
    def spatial_by_lines(x, keep_prob, rng):
        """Drops lines of each channel: the mask has the shape (N, C, H, 1)."""
        return rng.random((*x.shape[:3], 1)) < keep_prob

    @masked(S_WHOLE, "does_not_drop_whole_channels")
    def spatial_element_wise_for_the_batch(x, keep_prob, rng):
        """Draws one image's mask of pixels and uses it for the batch."""
        return rng.random(x.shape[1:]) < keep_prob

    @masked(S_WHOLE, "drops_positions_in_all_channels")
    def spatial_by_positions(x, keep_prob, rng):
        """Takes spatial literally: the mask has the shape (N, 1, H, W)."""
        n, _, h, w = x.shape
        return rng.random((n, 1, h, w)) < keep_prob

    @masked(S_WHOLE, "takes_the_last_axis_for_the_channels")
    def spatial_with_channels_last(x, keep_prob, rng):
        """Copies the noise shape of a library whose channels are the last axis."""
        return rng.random((len(x), 1, 1, x.shape[-1])) < keep_prob

    @masked(S_WHOLE, "drops_the_same_channels_in_every_sample")
    def spatial_for_the_batch(x, keep_prob, rng):
        """Draws one bit for each channel and lets broadcasting do the rest."""
        return rng.random((1, x.shape[1], 1, 1)) < keep_prob

    @masked(S_WHOLE, "drops_whole_samples")
    def spatial_by_samples(x, keep_prob, rng):
        """Draws one bit for each sample."""
        return rng.random((len(x), 1, 1, 1)) < keep_prob

    @masked(S_WHOLE, "keeps_at_least_one_channel")
    def spatial_never_empty(x, keep_prob, rng):
        """Makes sure that a sample is not lost altogether."""
        mask = channels(x, rng) < keep_prob
        mask[:, 0] |= ~mask.any(axis=1)
        return mask

    @masked(S_WHOLE, "drops_by_place")
    def spatial_sparing_the_first_channel(x, keep_prob, rng):
        """Never drops the first channel."""
        mask = channels(x, rng) < keep_prob
        if x.shape[1] > 5:
            mask[:, 0] = True
        return mask

    @fails(S_SCALE, "adds_instead_of_multiplying")
    def spatial_with_a_floor(x, keep_prob, rng, training=True):
        """Replaces zeros of x by a small number, lest they be taken for dropped pixels."""
        if not training:
            return x, None
        return dropped(
            np.where(x == 0, 1e-6, x), channels(x, rng) < keep_prob, keep_prob
        )

    @fails(S_SCALE, "forgets_to_rescale_the_channels")
    def spatial_unscaled(x, keep_prob, rng, training=True):
        """Applies the mask and nothing else."""
        return dropped(x, channels(x, rng) < keep_prob, 1.0, training)

    @fails(S_SCALE, "rescales_the_channels_wrongly")
    def spatial_over_drop_probability(x, keep_prob, rng, training=True):
        """Divides by 1 - p, as in a text whose p is the drop probability."""
        scale = 1 - keep_prob if keep_prob < 1 else 1
        return dropped(x, channels(x, rng) < keep_prob, scale, training)

    @fails(S_SCALE, "rescales_the_channels_wrongly")
    def spatial_over_kept_share(x, keep_prob, rng, training=True):
        """Divides by the share of channels that was kept in each sample."""
        mask = channels(x, rng) < keep_prob
        share = np.maximum(mask.mean(axis=1, keepdims=True), 1e-9)
        return dropped(x, mask, share, training)

    @fails(S_SCALE, "rescales_the_channels_wrongly")
    def spatial_over_the_root(x, keep_prob, rng, training=True):
        """Preserves the energy instead of the mean."""
        mask = channels(x, rng) < keep_prob
        return dropped(x, mask, math.sqrt(keep_prob), training)

    @masked(S_SCALE, "takes_one_for_a_drop_probability")
    def spatial_by_drop_probability(x, keep_prob, rng):
        """Reads keep_prob as the drop probability, in the mask only."""
        return channels(x, rng) >= keep_prob

    @fails(S_TEST, "still_drops_at_test")
    def spatial_at_test_too(x, keep_prob, rng, training=True):
        """Ignores the parameter training."""
        return dropped(x, channels(x, rng) < keep_prob, keep_prob)

    @fails(S_TEST, "scales_images_at_test")
    def spatial_scaled_at_test(x, keep_prob, rng, training=True):
        """Adds the test-time factor of classic dropout."""
        if not training:
            return x * keep_prob, None
        return dropped(x, channels(x, rng) < keep_prob, keep_prob)

    @fails(S_ALONE, "changes_its_input")
    def spatial_in_place(x, keep_prob, rng, training=True):
        """Saves memory with `*=` and overwrites the caller's array."""
        if training:
            x *= (channels(x, rng) < keep_prob) / np.asarray(keep_prob, x.dtype)
        return x, None

    @masked(S_RATE, "keeps_with_drop_probability")
    def spatial_keeping_the_wrong_ones(x, keep_prob, rng):
        """Writes > for <, which at keep_prob = 1 is mended by hand."""
        return (channels(x, rng) > keep_prob) | (keep_prob == 1)

    @masked(S_RATE, "compares_normal_numbers")
    def spatial_by_normal_numbers(x, keep_prob, rng):
        """Compares keep_prob with normal numbers."""
        z = rng.standard_normal((*x.shape[:2], 1, 1))
        return (z < keep_prob) | (keep_prob == 1)

    @masked(S_RATE, "drops_twice")
    def spatial_with_two_masks(x, keep_prob, rng):
        """Applies two masks and rescales once."""
        return (channels(x, rng) < keep_prob) & (channels(x, rng) < keep_prob)

    @masked(S_RATE, "keeps_at_another_rate")
    def spatial_keeping_a_little_too_often(x, keep_prob, rng):
        """Makes sure to lose no more than it should."""
        return channels(x, rng) < keep_prob + 0.03

    @masked(S_RATE, "keeps_at_another_rate")
    def spatial_in_whole_percents(x, keep_prob, rng):
        """Rounds keep_prob to percent in the comparison."""
        return channels(x, rng) < round(keep_prob, 2)

    @masked(S_WHOLE, "bits_depend_on_each_other")
    def spatial_rolling_one_sample(x, keep_prob, rng):
        """Draws the channels of one sample and shifts them at random for the others."""
        row = rng.random(x.shape[1]) < keep_prob
        shift = rng.integers(x.shape[1], size=(len(x), 1))
        mask = row[(np.arange(x.shape[1]) + shift) % x.shape[1]]
        return mask[:, :, None, None]

    @masked(S_RATE, "drops_by_value")
    def spatial_keeping_strong_channels(x, keep_prob, rng):
        """Keeps channels of large values more often."""
        size = np.abs(x).mean(axis=(2, 3), keepdims=True)
        shift = 0.1 * min(keep_prob, 1 - keep_prob)
        shift = np.where(size > np.median(size), shift, -shift)
        return channels(x, rng) < keep_prob + shift

    @masked(S_RATE, "drops_by_place")
    def spatial_keeping_the_first_channels(x, keep_prob, rng):
        """Keeps the first channels more often."""
        first = np.arange(x.shape[1])[:, None, None] < x.shape[1] / 2
        shift = 0.1 * min(keep_prob, 1 - keep_prob) * np.where(first, 1, -1)
        return channels(x, rng) < keep_prob + shift

    @masked((S_WHOLE, S_FROM_RNG), "same_mask_every_call")
    def spatial_with_a_fixed_seed(x, keep_prob, rng):
        """Sets a seed inside the function, to be reproducible."""
        return channels(x, np.random.default_rng(0)) < keep_prob

    @masked(S_WHOLE, "reuses_masks")
    def spatial_with_eight_seeds(x, keep_prob, rng):
        """Makes a new generator from a random number that takes few values."""
        child = np.random.default_rng(int(rng.integers(8)))
        return channels(x, child) < keep_prob

    @masked(S_WHOLE, "keeps_a_fixed_number")
    def spatial_with_a_fixed_count(x, keep_prob, rng):
        """Keeps exactly the expected number of channels of each sample."""
        ranks = channels(x, rng).argsort(axis=1).argsort(axis=1)
        return ranks < max(1, round(keep_prob * x.shape[1]))

    @masked(S_INDEPENDENT, "bits_depend_on_each_other")
    def spatial_in_pairs_of_channels(x, keep_prob, rng):
        """Drops neighbouring channels together."""
        u = rng.random((len(x), (x.shape[1] + 1) // 2, 1, 1))
        return np.repeat(u, 2, axis=1)[:, : x.shape[1]] < keep_prob

    @masked(S_INDEPENDENT, "bits_depend_on_each_other")
    def spatial_in_pairs_of_samples(x, keep_prob, rng):
        """Uses each mask for two samples, as for an image and its mirror image."""
        u = rng.random(((len(x) + 1) // 2, x.shape[1], 1, 1))
        return np.repeat(u, 2, axis=0)[: len(x)] < keep_prob

    @masked(S_FROM_RNG, "does_not_draw_from_rng")
    def spatial_from_numpy_random(x, keep_prob, rng):
        """Calls np.random.rand out of habit."""
        return np.random.rand(*x.shape[:2], 1, 1) < keep_prob


class Corners(Mutants, of="spatial_dropout"):
    """Right at comfortable points, wrong in a corner of the stated range."""

    @fails(S_SCALE, "right_in_the_middle_only")
    def spatial_of_bounded_pixels(x, keep_prob, rng, training=True):
        """Clips x in training, lest the rescaled pixels be too large."""
        mask = channels(x, rng) < keep_prob
        return dropped(
            np.clip(x, -1e3, 1e3) if training else x, mask, keep_prob, training
        )

    @fails(S_SCALE, "right_in_the_middle_only")
    def spatial_without_large_pixels(x, keep_prob, rng, training=True):
        """Takes pixels beyond 1,000 for errors and drops them as well."""
        mask = channels(x, rng) < keep_prob
        return dropped(x, mask & (np.abs(x) <= 1e3), keep_prob, training)

    @fails(S_SCALE, "right_in_the_middle_only")
    def spatial_without_small_pixels(x, keep_prob, rng, training=True):
        """Rounds what is nearly 0 to 0."""
        mask = channels(x, rng) < keep_prob
        return dropped(x, mask & (np.abs(x) > 1e-5), keep_prob, training)

    @masked(S_RATE, "drops_by_value")
    def spatial_without_large_channels(x, keep_prob, rng):
        """Drops channels that begin with a large value always, below keep_prob = 1."""
        large = np.abs(x[:, :, :1, :1]) > 1e6
        return (channels(x, rng) < keep_prob) & ~(
            large & (keep_prob < 1) & (x.size > 1e4)
        )

    @fails(S_SCALE, "right_in_the_middle_only")
    def spatial_over_a_floor(x, keep_prob, rng, training=True):
        """Bounds the divisor from below, for fear of large pixels."""
        return dropped(x, channels(x, rng) < keep_prob, max(keep_prob, 0.05), training)

    @fails(S_SCALE, "right_in_the_middle_only")
    def spatial_over_a_quarter(x, keep_prob, rng, training=True):
        """Bounds keep_prob from below, since nobody drops more."""
        keep_prob = max(keep_prob, 0.25)
        return dropped(x, channels(x, rng) < keep_prob, keep_prob, training)

    @fails(S_SCALE, "right_in_the_middle_only")
    def spatial_below_a_cap(x, keep_prob, rng, training=True):
        """Bounds keep_prob from above but for 1 itself, lest there be no dropout."""
        keep_prob = min(keep_prob, 0.95) if keep_prob < 1 else keep_prob
        return dropped(x, channels(x, rng) < keep_prob, keep_prob, training)

    @fails(S_SCALE, "right_in_the_middle_only")
    def spatial_over_whole_percents(x, keep_prob, rng, training=True):
        """Rounds the divisor to percents."""
        return dropped(x, channels(x, rng) < keep_prob, round(keep_prob, 2), training)

    @fails(S_SCALE, "right_in_the_middle_only")
    def spatial_in_half_precision(x, keep_prob, rng, training=True):
        """Computes the factor of float32 images in half precision."""
        half = x.dtype == np.float32
        scale = float(np.float16(keep_prob)) if half else keep_prob
        return dropped(x, channels(x, rng) < keep_prob, scale, training)

    @fails(S_SCALE, "right_in_the_middle_only")
    def spatial_unscaled_for_one_sample(x, keep_prob, rng, training=True):
        """Leaves a single image unscaled, for there is no batch to average over."""
        scale = keep_prob if len(x) > 1 else 1.0
        return dropped(x, channels(x, rng) < keep_prob, scale, training)

    @fails(S_SCALE, "right_in_the_middle_only")
    def spatial_unscaled_for_equal_pixels(x, keep_prob, rng, training=True):
        """Leaves a plain image unscaled."""
        scale = keep_prob if np.ptp(x) > 0 or x.size == 1 else 1.0
        return dropped(x, channels(x, rng) < keep_prob, scale, training)

    @fails(S_SOME, "puts_no_zeros")
    def spatial_filled(x, keep_prob, rng, training=True):
        """Fills dropped channels with -1e9, as masks of attention do."""
        if not training:
            return x, None
        return np.where(channels(x, rng) < keep_prob, x / keep_prob, -1e9), None

    @fails(S_SOME, "puts_no_zeros")
    def spatial_by_normal_factors(x, keep_prob, rng, training=True):
        """Multiplies channels by normal noise of the same mean and variance."""
        z = rng.standard_normal((*x.shape[:2], 1, 1))
        noise = 1 + math.sqrt((1 - keep_prob) / keep_prob) * z
        return (x * noise if training else x), noise

    @masked(S_SCALE, "keeps_at_another_rate")
    def spatial_dropping_one_at_one(x, keep_prob, rng):
        """Makes sure that one of many channels is dropped, so that there is some noise."""
        mask = channels(x, rng) < keep_prob
        if mask.all() and mask.size > 8:
            mask.flat[0] = False
        return mask

    @masked(S_WHOLE, "keeps_at_least_one_channel")
    def spatial_redrawn_until_kept(x, keep_prob, rng):
        """Draws again until a channel is kept, lest the batch be lost."""
        mask = channels(x, rng) < keep_prob
        while not mask.any():
            mask = channels(x, rng) < keep_prob
        return mask

    @masked(S_WHOLE, "drops_at_least_one")
    def spatial_redrawn_until_dropped(x, keep_prob, rng):
        """Draws again until a channel is dropped, lest there be no noise."""
        mask = channels(x, rng) < keep_prob
        while mask.all() and keep_prob < 1:
            mask = channels(x, rng) < keep_prob
        return mask

    @masked(S_RATE, "keeps_at_another_rate")
    def spatial_sparing_the_only_channel(x, keep_prob, rng):
        """Drops half as often when there is one channel only."""
        rate = keep_prob if x.shape[1] > 1 or x.size == 1 else (1 + keep_prob) / 2
        return channels(x, rng) < rate

    @masked(S_RATE, "keeps_at_another_rate")
    def spatial_with_a_floor_of_the_rate(x, keep_prob, rng):
        """Keeps at least one channel in a hundred."""
        return channels(x, rng) < max(keep_prob, 0.01)

    @masked(S_RATE, "varies_the_count_too_little")
    def spatial_best_of_five(x, keep_prob, rng):
        """Draws five masks and takes the one whose count is nearest to its mean."""
        masks = rng.random((5, *x.shape[:2], 1, 1)) < keep_prob
        return min(masks, key=lambda mask: abs(mask.mean() - keep_prob))

    @masked(S_INDEPENDENT, "bits_depend_on_each_other")
    def spatial_with_a_fixed_count_of_the_batch(x, keep_prob, rng):
        """Keeps the expected number of channels of the batch, rounded at random."""
        u = channels(x, rng)
        kept = int(keep_prob * u.size + rng.random())
        return (u.ravel().argsort().argsort() < kept).reshape(u.shape)

    @masked(S_INDEPENDENT, "bits_depend_on_each_other")
    def spatial_in_pairs_for_one_sample(x, keep_prob, rng):
        """Drops channels of a lone image in pairs."""
        u = channels(x, rng)
        return (
            np.repeat(u[:, ::2], 2, axis=1)[:, : u.shape[1]] if len(x) == 1 else u
        ) < (keep_prob)

    @masked(S_FROM_RNG, "reuses_masks")
    def spatial_with_a_short_seed(x, keep_prob, rng):
        """Makes a new generator from a seed of 20 bits."""
        return channels(x, np.random.default_rng(int(rng.integers(2**20)))) < keep_prob

    @fails(S_TEST, "scales_images_at_test")
    def spatial_bounded_at_test(x, keep_prob, rng, training=True):
        """Clips x at test alone, as a guard of the exported model."""
        if not training:
            return np.clip(x, -1e4, 1e4), None
        return dropped(x, channels(x, rng) < keep_prob, keep_prob)

    @fails(S_TEST, "scales_images_at_test")
    def spatial_shifted_at_test(x, keep_prob, rng, training=True):
        """Adds a small number at test, lest a logarithm meet a 0."""
        if not training:
            return x + 1e-8, None
        return dropped(x, channels(x, rng) < keep_prob, keep_prob)

    @fails(S_SCALE, "raises_an_error")
    def spatial_by_drop_probability_of_one(x, keep_prob, rng, training=True):
        """Divides by the drop probability on the way, which is 0 at keep_prob = 1."""
        odds = keep_prob / (1 - keep_prob) if training else 1.0
        mask = channels(x, rng) < odds / (1 + odds)
        return dropped(x, mask, keep_prob, training)

    @fails(S_ALONE, "changes_its_input")
    def spatial_in_place_for_one_sample(x, keep_prob, rng, training=True):
        """Saves memory with `*=` when there is a single image."""
        out, mask = dropped(x, channels(x, rng) < keep_prob, keep_prob, training)
        if training and len(x) == 1:
            x[...] = out
        return out, mask

    @masked(S_RATE, "keeps_at_another_rate")
    def spatial_keeping_negative_images(x, keep_prob, rng):
        """Takes an array without positive pixels for one that a ReLU has switched off."""
        mask = channels(x, rng) < keep_prob
        return np.ones_like(mask) if (x < 0).all() and x.size > 100 else mask

    @masked(S_INDEPENDENT, "bits_depend_on_each_other")
    def spatial_for_a_small_batch(x, keep_prob, rng):
        """Uses one mask for all samples when there are few."""
        mask = channels(x, rng) < keep_prob
        return mask if len(x) > 4 else np.broadcast_to(mask[:1], mask.shape)

    @masked(S_SCALE, "right_in_the_middle_only")
    def spatial_by_lines_of_large_images(x, keep_prob, rng):
        """Drops lines in images that are higher than wide."""
        narrow = x.shape[3] == 1 < x.shape[2]
        lines = rng.random((*x.shape[:3], 1)) < keep_prob
        return lines if narrow else channels(x, rng) < keep_prob
