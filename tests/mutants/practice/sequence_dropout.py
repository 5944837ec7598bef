"""Wrong answers to ``sequence_dropout``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.noise.shared import part_of

Q_RUNS = "returns_float_sequences"
Q_SOME = "drops_some_of_a_sequence"
Q_TIED = "drops_a_feature_at_every_step"
Q_SCALE = "divides_kept_features_by_keep_prob"
Q_TEST = "returns_sequences_unchanged_at_test"
Q_ALONE = "leaves_its_sequences_alone"
Q_RATE = "keeps_features_with_keep_prob"
Q_INDEPENDENT = "drops_features_independently"
Q_FROM_RNG = "draws_its_sequences_from_rng_alone"


def dropped(x, mask, keep_prob, training=True):
    """Return what a correct answer does with this mask, broadcast to x."""
    return (x * mask / keep_prob if training else x), mask


def features(x, rng):
    """Return uniform numbers, one for each sequence and feature."""
    return rng.random((1, *x.shape[1:]))


#: Functions that return a mask that broadcasts to x.
masked = part_of(
    lambda mask: (
        lambda x, keep_prob, rng, training=True: dropped(
            x, mask(x, keep_prob, rng), keep_prob, training
        )
    )
)


class Sins(Mutants, of="sequence_dropout"):
    @fails(Q_RUNS, "returns_nothing")
    def sequence_without_return(x, keep_prob, rng, training=True):
        """Computes everything and forgets the return statement."""
        dropped(x, features(x, rng) < keep_prob, keep_prob, training)

    @fails(Q_RUNS, "returns_another_kind")
    def sequence_without_cache(x, keep_prob, rng, training=True):
        """Returns the output alone, as a layer of a framework does."""
        return dropped(x, features(x, rng) < keep_prob, keep_prob, training)[0]

    @fails(Q_RUNS, "raises_an_error")
    def sequence_with_a_stored_mask(x, keep_prob, rng, training=True, masks={}):  # noqa: B006
        """Keeps the mask of the first batch, as a cell that never resets it; the next
        batch has another shape (tensorflow/addons, issue 536)."""
        if not training:
            return x, None
        mask = masks.setdefault(keep_prob, features(x, rng) < keep_prob)
        return x * mask / keep_prob, mask

    @fails(Q_RUNS, "returns_another_shape")
    def sequence_of_the_last_step(x, keep_prob, rng, training=True):
        """Returns the last step, as a classifier of sequences reads it."""
        out, mask = dropped(x, features(x, rng) < keep_prob, keep_prob, training)
        return out[-1], mask

    @fails(Q_SOME, "drops_nothing")
    def sequence_stub(x, keep_prob, rng, training=True):
        """Has a stub that lets the rest run, as a rate that acts between stacked layers
        alone does in a network of one layer."""
        return x, None

    @fails(Q_SOME, "drops_everything")
    def sequence_zeros(x, keep_prob, rng, training=True):
        """Allocates the output and never fills it."""
        return np.zeros_like(x), None

    @fails(Q_SOME, "training_flag_reversed")
    def sequence_at_test_only(x, keep_prob, rng, training=True):
        """Writes `if training: return x`, mixing up the two branches."""
        return dropped(x, features(x, rng) < keep_prob, keep_prob, not training)

    @fails(Q_SOME, "does_not_train_by_default")
    def sequence_off_by_default(x, keep_prob, rng, training=False):
        """Copies the default of a framework whose layers start in test mode."""
        return dropped(x, features(x, rng) < keep_prob, keep_prob, training)

    @masked(Q_SOME, "one_bit_for_the_whole_array")
    def sequence_by_one_bit(x, keep_prob, rng):
        """Draws one number for the whole batch."""
        return rng.random() < keep_prob

    @fails(Q_SOME, "puts_no_zeros_in_sequences")
    def sequence_by_zoneout(x, keep_prob, rng, training=True):
        """Lets a dropped unit keep the value of the step before, as zoneout does."""
        if not training:
            return x, None
        mask = features(x, rng) < keep_prob
        before = np.concatenate([x[:1], x[:-1]])
        return np.where(mask, x, before) / keep_prob, mask

    @fails(Q_SOME, "puts_no_zeros_in_sequences")
    def sequence_by_normal_factors(x, keep_prob, rng, training=True):
        """Multiplies features by normal noise of the same mean and variance."""
        z = rng.standard_normal((1, *x.shape[1:]))
        noise = 1 + np.sqrt((1 - keep_prob) / keep_prob) * z
        return (x * noise if training else x), noise

    @masked(Q_TIED, "draws_a_mask_at_every_step")
    def sequence_step_by_step(x, keep_prob, rng):
        """Draws a mask of the shape of x, as ordinary dropout does (pytorch/pytorch,
        issue 37731)."""
        return rng.random(x.shape) < keep_prob

    @fails(Q_TIED, "draws_a_mask_at_every_step")
    def sequence_in_a_loop(x, keep_prob, rng, training=True):
        """Loops over the steps, and draws inside the loop."""
        if not training:
            return x, None
        steps = [x_t * (rng.random(x_t.shape) < keep_prob) / keep_prob for x_t in x]
        return np.array(steps), None

    @masked(Q_TIED, "shares_one_mask_in_the_batch")
    def sequence_for_the_batch(x, keep_prob, rng):
        """Draws one mask for all sequences of the batch (clab/dynet, issue 812)."""
        return rng.random((1, 1, x.shape[2])) < keep_prob

    @masked(Q_TIED, "takes_the_steps_for_the_sequences")
    def sequence_with_the_batch_first(x, keep_prob, rng):
        """Takes axis 0 for the batch and axis 1 for the time."""
        return rng.random((x.shape[0], 1, x.shape[2])) < keep_prob

    @masked(Q_TIED, "drops_whole_sequences")
    def sequence_by_sequences(x, keep_prob, rng):
        """Draws one bit for each sequence."""
        return rng.random((1, x.shape[1], 1)) < keep_prob

    @masked(Q_TIED, "drops_whole_steps")
    def sequence_by_words(x, keep_prob, rng):
        """Drops words, as is done with the rows of an embedding."""
        return rng.random((*x.shape[:2], 1)) < keep_prob

    @masked(Q_TIED, "drops_whole_steps")
    def sequence_by_times(x, keep_prob, rng):
        """Draws one bit for each step of the batch."""
        return rng.random((len(x), 1, 1)) < keep_prob

    @masked(Q_TIED, "drops_at_some_steps_only")
    def sequence_from_the_second_step(x, keep_prob, rng):
        """Leaves the first step alone, since there is no state before it."""
        mask = np.repeat(features(x, rng) < keep_prob, len(x), axis=0)
        mask[0] |= len(x) > 1
        return mask

    @masked(Q_TIED, "drops_at_some_steps_only")
    def sequence_in_windows(x, keep_prob, rng):
        """Draws a new mask every eight steps, at each window of truncated
        backpropagation."""
        windows = rng.random((-(-len(x) // 8), *x.shape[1:])) < keep_prob
        return np.repeat(windows, 8, axis=0)[: len(x)]

    @masked(Q_TIED, "keeps_at_least_one_feature")
    def sequence_never_empty(x, keep_prob, rng):
        """Makes sure that a sequence is not lost altogether."""
        mask = features(x, rng) < keep_prob
        mask[:, :, 0] |= ~mask.any(axis=2)
        return mask

    @masked(Q_TIED, "drops_by_place")
    def sequence_sparing_the_first_feature(x, keep_prob, rng):
        """Never drops the first feature, which is the constant 1 of a bias."""
        mask = features(x, rng) < keep_prob
        mask[:, :, 0] |= x.shape[2] > 9
        return mask

    @masked((Q_TIED, Q_FROM_RNG), "same_mask_every_call")
    def sequence_with_a_fixed_seed(x, keep_prob, rng):
        """Sets a seed inside the function, so that all steps get one mask."""
        return features(x, np.random.default_rng(0)) < keep_prob

    @masked(Q_TIED, "reuses_masks")
    def sequence_with_eight_seeds(x, keep_prob, rng):
        """Makes a new generator from a random number that takes few values."""
        child = np.random.default_rng(int(rng.integers(8)))
        return features(x, child) < keep_prob

    @masked(Q_TIED, "keeps_a_fixed_number")
    def sequence_with_a_fixed_count(x, keep_prob, rng):
        """Keeps exactly the expected number of features of each sequence."""
        ranks = features(x, rng).argsort(axis=2).argsort(axis=2)
        return ranks < max(1, round(keep_prob * x.shape[2]))

    @masked(Q_TIED, "drops_at_least_one")
    def sequence_redrawn_until_dropped(x, keep_prob, rng):
        """Draws again until a feature is dropped, lest there be no noise."""
        mask = features(x, rng) < keep_prob
        while mask.all() and keep_prob < 1:
            mask = features(x, rng) < keep_prob
        return mask

    @fails(Q_SCALE, "adds_instead_of_multiplying")
    def sequence_with_a_floor(x, keep_prob, rng, training=True):
        """Replaces padding, which is 0, by a small number, lest it be taken for dropped."""
        mask = features(x, rng) < keep_prob
        return dropped(
            np.where(x == 0, 1e-6, x) if training else x, mask, keep_prob, training
        )

    @fails(Q_SCALE, "forgets_to_rescale_the_sequence")
    def sequence_unscaled(x, keep_prob, rng, training=True):
        """Applies the mask and nothing else."""
        return dropped(x, features(x, rng) < keep_prob, 1.0, training)

    @fails(Q_SCALE, "rescales_the_sequence_wrongly")
    def sequence_over_drop_probability(x, keep_prob, rng, training=True):
        """Divides by 1 - p, as in a text whose p is the drop probability."""
        scale = 1 - keep_prob if keep_prob < 1 else 1
        return dropped(x, features(x, rng) < keep_prob, scale, training)

    @fails(Q_SCALE, "rescales_the_sequence_wrongly")
    def sequence_over_powers(x, keep_prob, rng, training=True):
        """Applies the scaled mask in place, once more at each step."""
        if not training:
            return x, None
        mask = (features(x, rng) < keep_prob) / keep_prob
        return x * mask ** np.arange(1, len(x) + 1)[:, None, None], mask

    @masked(Q_SCALE, "takes_one_for_a_drop_probability")
    def sequence_by_drop_probability(x, keep_prob, rng):
        """Reads keep_prob as the drop probability, in the mask only."""
        return features(x, rng) >= keep_prob

    @fails(Q_TEST, "still_drops_at_test")
    def sequence_at_test_too(x, keep_prob, rng, training=True):
        """Writes training=True inside, as the variational branch of a well-known
        implementation of weight drop does."""
        return dropped(x, features(x, rng) < keep_prob, keep_prob)

    @fails(Q_TEST, "scales_sequences_at_test")
    def sequence_scaled_at_test(x, keep_prob, rng, training=True):
        """Adds the test-time factor of classic dropout."""
        if not training:
            return x * keep_prob, None
        return dropped(x, features(x, rng) < keep_prob, keep_prob)

    @fails(Q_TEST, "scales_sequences_at_test")
    def sequence_bounded_at_test(x, keep_prob, rng, training=True):
        """Clips x at test alone, as a guard of the exported model."""
        if not training:
            return np.clip(x, -1e4, 1e4), None
        return dropped(x, features(x, rng) < keep_prob, keep_prob)

    @fails(Q_ALONE, "changes_its_input")
    def sequence_in_place(x, keep_prob, rng, training=True):
        """Saves memory with `*=` and overwrites the caller's array, as weights were
        overwritten for good (keitakurita/Better_LSTM_PyTorch, issue 7)."""
        if training:
            x *= (features(x, rng) < keep_prob) / np.asarray(keep_prob, x.dtype)
        return x, None

    @masked(Q_RATE, "keeps_with_drop_probability")
    def sequence_keeping_the_wrong_ones(x, keep_prob, rng):
        """Writes > for <, which at keep_prob = 1 is mended by hand."""
        return (features(x, rng) > keep_prob) | (keep_prob == 1)

    @masked(Q_RATE, "drops_twice")
    def sequence_with_two_masks(x, keep_prob, rng):
        """Uses the mask of the input and that of the state, and rescales once."""
        return (features(x, rng) < keep_prob) & (features(x, rng) < keep_prob)

    @masked(Q_RATE, "keeps_at_another_rate")
    def sequence_in_whole_percents(x, keep_prob, rng):
        """Rounds keep_prob to percent in the comparison."""
        return features(x, rng) < round(keep_prob, 2)

    @masked(Q_RATE, "drops_by_value")
    def sequence_keeping_strong_features(x, keep_prob, rng):
        """Keeps features of large values more often."""
        size = np.abs(x).mean(axis=0, keepdims=True)
        shift = 0.1 * min(keep_prob, 1 - keep_prob)
        return features(x, rng) < keep_prob + np.where(
            size > np.median(size), shift, -shift
        )

    @masked(Q_RATE, "drops_by_place")
    def sequence_keeping_the_first_features(x, keep_prob, rng):
        """Keeps the first features more often."""
        first = np.arange(x.shape[2]) < x.shape[2] / 2
        shift = 0.1 * min(keep_prob, 1 - keep_prob) * np.where(first, 1, -1)
        return features(x, rng) < keep_prob + shift

    @masked(Q_INDEPENDENT, "bits_depend_on_each_other")
    def sequence_in_pairs_of_features(x, keep_prob, rng):
        """Drops both directions of a two-way network together."""
        u = rng.random((1, x.shape[1], (x.shape[2] + 1) // 2))
        return np.repeat(u, 2, axis=2)[:, :, : x.shape[2]] < keep_prob

    @masked(Q_INDEPENDENT, "bits_depend_on_each_other")
    def sequence_in_pairs_of_sequences(x, keep_prob, rng):
        """Uses each mask for two sequences, as for a question and its answer."""
        u = rng.random((1, (x.shape[1] + 1) // 2, x.shape[2]))
        return np.repeat(u, 2, axis=1)[:, : x.shape[1]] < keep_prob

    @masked(Q_INDEPENDENT, "bits_depend_on_each_other")
    def sequence_best_of_five(x, keep_prob, rng):
        """Draws five masks and takes the one whose count is nearest to its mean."""
        masks = rng.random((5 if x[0].size > 9 else 1, 1, *x.shape[1:])) < keep_prob
        return min(masks, key=lambda mask: abs(mask.mean() - keep_prob))

    @masked(Q_FROM_RNG, "does_not_draw_from_rng")
    def sequence_from_numpy_random(x, keep_prob, rng):
        """Calls np.random.rand out of habit."""
        return np.random.rand(1, *x.shape[1:]) < keep_prob

    @masked(Q_FROM_RNG, "reuses_masks")
    def sequence_with_a_short_seed(x, keep_prob, rng):
        """Makes a new generator from a seed of 20 bits."""
        return features(x, np.random.default_rng(int(rng.integers(2**20)))) < keep_prob


class Corners(Mutants, of="sequence_dropout"):
    """Right at comfortable points, wrong in a corner of the stated range."""

    @fails(Q_SCALE, "right_in_the_middle_only")
    def sequence_of_bounded_entries(x, keep_prob, rng, training=True):
        """Clips x in training, lest the rescaled entries be too large."""
        mask = features(x, rng) < keep_prob
        return dropped(
            np.clip(x, -1e3, 1e3) if training else x, mask, keep_prob, training
        )

    @fails(Q_SCALE, "right_in_the_middle_only")
    def sequence_over_a_floor(x, keep_prob, rng, training=True):
        """Bounds the divisor from below, for fear of large entries."""
        return dropped(x, features(x, rng) < keep_prob, max(keep_prob, 0.05), training)

    @fails(Q_SCALE, "right_in_the_middle_only")
    def sequence_in_half_precision(x, keep_prob, rng, training=True):
        """Computes the factor of float32 sequences in half precision."""
        half = x.dtype == np.float32
        scale = float(np.float16(keep_prob)) if half else keep_prob
        return dropped(x, features(x, rng) < keep_prob, scale, training)

    @fails(Q_SCALE, "right_in_the_middle_only")
    def sequence_unscaled_for_one_step(x, keep_prob, rng, training=True):
        """Leaves a single step unscaled, for there is no sequence."""
        scale = keep_prob if len(x) > 1 else 1.0
        return dropped(x, features(x, rng) < keep_prob, scale, training)

    @masked(Q_RATE, "keeps_at_another_rate")
    def sequence_sparing_the_only_sequence(x, keep_prob, rng):
        """Drops half as often when there is one sequence only."""
        rate = keep_prob if x.shape[1] > 1 or x.size == 1 else (1 + keep_prob) / 2
        return features(x, rng) < rate

    @masked(Q_INDEPENDENT, "bits_depend_on_each_other")
    def sequence_for_a_small_batch(x, keep_prob, rng):
        """Uses one mask for all sequences when there are few."""
        mask = features(x, rng) < keep_prob
        return mask if x.shape[1] > 4 else np.broadcast_to(mask[:, :1], mask.shape)
