"""Wrong answers to ``stochastic_depth``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.noise.shared import part_of

D_RUNS = "returns_a_float_batch"
D_PASSES = "lets_x_pass_whatever_is_dropped"
D_SOME = "drops_some_branches"
D_OWN = "drops_the_branch_of_single_examples"
D_SCALE = "divides_kept_branches_by_keep_prob"
D_TEST = "adds_the_branch_at_test"
D_ALONE = "leaves_x_and_branch_alone"
D_RATE = "keeps_branches_with_keep_prob"
D_INDEPENDENT = "drops_examples_independently"
D_FROM_RNG = "draws_its_branches_from_rng_alone"


def block(x, branch, mask, keep_prob, training=True):
    """Return what a correct answer does with this mask, broadcast to the branch."""
    return x + (mask / keep_prob * branch if training else branch)


def examples(x, rng):
    """Return uniform numbers, one for each example."""
    return rng.random((len(x), *[1] * (x.ndim - 1)))


#: Functions that return a mask that broadcasts to the branch.
masked = part_of(
    lambda mask: (
        lambda x, branch, keep_prob, rng, training=True: block(
            x, branch, mask(branch, keep_prob, rng), keep_prob, training
        )
    )
)


class Sins(Mutants, of="stochastic_depth"):
    @fails(D_RUNS, "returns_nothing")
    def depth_without_return(x, branch, keep_prob, rng, training=True):
        """Computes everything and forgets the return statement."""
        block(x, branch, examples(x, rng) < keep_prob, keep_prob, training)

    @fails(D_RUNS, "returns_another_kind")
    def depth_with_a_cache(x, branch, keep_prob, rng, training=True):
        """Returns a cache as well, as the other layers of the book do."""
        mask = examples(x, rng) < keep_prob
        return block(x, branch, mask, keep_prob, training), mask

    @fails(D_RUNS, "raises_an_error")
    def depth_without_new_axes(x, branch, keep_prob, rng, training=True):
        """Draws a mask of shape (N,), which does not broadcast to the branch."""
        return block(x, branch, rng.random(len(x)) < keep_prob, keep_prob, training)

    @fails(D_PASSES, "forgets_the_skip_connection")
    def depth_without_the_skip(x, branch, keep_prob, rng, training=True):
        """Writes the layer that drops, and leaves the sum to whoever calls it."""
        return block(0, branch, examples(x, rng) < keep_prob, keep_prob, training)

    @fails(D_PASSES, "drops_the_sum")
    def depth_of_the_sum(x, branch, keep_prob, rng, training=True):
        """Puts the layer behind the sum instead of the branch."""
        mask = examples(x, rng) < keep_prob
        return (x + branch) * mask / keep_prob if training else x + branch

    @fails(D_PASSES, "drops_the_skip_connection")
    def depth_of_the_skip(x, branch, keep_prob, rng, training=True):
        """Mixes up the two arguments."""
        return block(branch, x, examples(x, rng) < keep_prob, keep_prob, training)

    @fails(D_PASSES, "adds_x_twice")
    def depth_with_x_twice(x, branch, keep_prob, rng, training=True):
        """Adds x to the result of a block that has added it already."""
        mask = examples(x, rng) < keep_prob
        return x + block(x, branch, mask, keep_prob, training)

    @fails(D_PASSES, "rectifies_the_sum")
    def depth_with_a_relu(x, branch, keep_prob, rng, training=True):
        """Applies a ReLU after the sum, as the first residual networks did."""
        mask = examples(x, rng) < keep_prob
        return np.maximum(block(x, branch, mask, keep_prob, training), 0)

    @fails(D_PASSES, "changes_what_passes")
    def depth_with_a_scaled_sum(x, branch, keep_prob, rng, training=True):
        """Divides the sum by the root of 2, so that its variance is that of x."""
        mask = examples(x, rng) < keep_prob
        return block(x, branch, mask, keep_prob, training) / np.sqrt(2)

    @fails(D_PASSES, "changes_what_passes")
    def depth_with_bounds(x, branch, keep_prob, rng, training=True):
        """Clips x, lest the sum be too large."""
        mask = examples(x, rng) < keep_prob
        return block(np.clip(x, -1e3, 1e3), branch, mask, keep_prob, training)

    @fails(D_SOME, "drops_nothing")
    def depth_stub(x, branch, keep_prob, rng, training=True):
        """Writes the block without dropping, to come back to it later."""
        return x + branch

    @fails(D_SOME, "drops_everything")
    def depth_of_nothing(x, branch, keep_prob, rng, training=True):
        """Casts uniform numbers below 1 to integers, which are all 0."""
        mask = examples(x, rng).astype(int)
        return block(x, branch, mask, keep_prob, training)

    @fails(D_SOME, "training_flag_reversed")
    def depth_at_test_only(x, branch, keep_prob, rng, training=True):
        """Writes `if training: return x + branch`, mixing up the two cases."""
        return block(x, branch, examples(x, rng) < keep_prob, keep_prob, not training)

    @fails(D_SOME, "does_not_train_by_default")
    def depth_off_by_default(x, branch, keep_prob, rng, training=False):
        """Copies the default of a function whose layers start in test mode."""
        return block(x, branch, examples(x, rng) < keep_prob, keep_prob, training)

    @masked(D_SOME, "drops_one_branch_for_the_batch")
    def depth_for_the_batch(branch, keep_prob, rng):
        """Draws one bit for the batch, as the original code did."""
        return rng.random() < keep_prob

    @fails(D_SOME, "never_quite_drops_the_branch")
    def depth_by_normal_factors(x, branch, keep_prob, rng, training=True):
        """Multiplies branches by normal noise of the same mean and variance."""
        z = rng.standard_normal((len(x), *[1] * (x.ndim - 1)))
        noise = 1 + np.sqrt((1 - keep_prob) / keep_prob) * z
        return x + branch * (noise if training else 1)

    @fails(D_SOME, "never_quite_drops_the_branch")
    def depth_by_shaking(x, branch, keep_prob, rng, training=True):
        """Weights branches by uniform numbers, as a regulariser of two branches does."""
        noise = 2 * examples(x, rng) if training and keep_prob < 1 else 1
        return x + branch * noise

    @masked(D_OWN, "drops_single_entries")
    def depth_element_wise(branch, keep_prob, rng):
        """Applies ordinary dropout to the branch."""
        return rng.random(branch.shape) < keep_prob

    @masked(D_OWN, "drops_single_entries")
    def depth_by_channels(branch, keep_prob, rng):
        """Draws a mask of shape (N, C, 1, 1), that of spatial dropout."""
        shape = branch.shape[:2] + (1,) * (branch.ndim - 2)
        return rng.random(shape) < keep_prob

    @masked(D_OWN, "drops_features_of_the_branch")
    def depth_by_features(branch, keep_prob, rng):
        """Draws the mask of one example and uses it for all."""
        return rng.random((1, *branch.shape[1:])) < keep_prob

    @masked(D_OWN, "keeps_a_fixed_number")
    def depth_of_a_subset(branch, keep_prob, rng):
        """Computes the branch for a random subset of fixed size, which saves time, as in
        a well-known training of vision transformers."""
        kept = max(round(len(branch) * keep_prob), 1)
        mask = np.zeros((len(branch), *[1] * (branch.ndim - 1)))
        mask[rng.permutation(len(branch))[:kept]] = 1
        return mask

    @masked(D_OWN, "keeps_a_branch_of_every_batch")
    def depth_never_empty(branch, keep_prob, rng):
        """Makes sure that the branch gets a gradient, lest workers wait for it
        (facebookresearch/fairseq, issue 2389)."""
        mask = examples(branch, rng) < keep_prob
        mask[0] |= ~mask.any()
        return mask

    @masked(D_OWN, "drops_at_least_one")
    def depth_redrawn_until_dropped(branch, keep_prob, rng):
        """Draws again until a branch is dropped, lest there be no noise."""
        mask = examples(branch, rng) < keep_prob
        while mask.all() and keep_prob < 1:
            mask = examples(branch, rng) < keep_prob
        return mask

    @masked((D_OWN, D_FROM_RNG), "same_mask_every_call")
    def depth_with_a_fixed_seed(branch, keep_prob, rng):
        """Sets a seed inside the function, to be reproducible."""
        return examples(branch, np.random.default_rng(0)) < keep_prob

    @masked(D_OWN, "reuses_masks")
    def depth_with_eight_seeds(branch, keep_prob, rng):
        """Makes a new generator from a random number that takes few values."""
        child = np.random.default_rng(int(rng.integers(8)))
        return examples(branch, child) < keep_prob

    @masked(D_OWN, "drops_by_place")
    def depth_sparing_the_first_example(branch, keep_prob, rng):
        """Never drops the branch of the first example."""
        mask = examples(branch, rng) < keep_prob
        mask[0] |= len(branch) > 50
        return mask

    @fails(D_SCALE, "forgets_to_rescale_the_branch")
    def depth_unscaled(x, branch, keep_prob, rng, training=True):
        """Skips the layer without rescaling, as LayerDrop does."""
        return block(x, branch, examples(x, rng) < keep_prob, 1.0, training)

    @fails(D_SCALE, "rescales_the_branch_wrongly")
    def depth_over_drop_probability(x, branch, keep_prob, rng, training=True):
        """Divides by 1 - p, as in code whose argument is the drop probability."""
        scale = 1 - keep_prob if keep_prob < 1 else 1
        return block(x, branch, examples(x, rng) < keep_prob, scale, training)

    @fails(D_SCALE, "rescales_the_branch_wrongly")
    def depth_over_kept_share(x, branch, keep_prob, rng, training=True):
        """Divides by the share of examples that kept the branch."""
        mask = examples(x, rng) < keep_prob
        return block(x, branch, mask, max(mask.mean(), 1e-9), training)

    @masked(D_SCALE, "takes_one_for_a_drop_probability")
    def depth_by_drop_probability(branch, keep_prob, rng):
        """Reads keep_prob as the drop probability, in the mask only."""
        return examples(branch, rng) >= keep_prob

    @fails(D_TEST, "scales_the_branch_at_test")
    def depth_of_the_paper_at_test(x, branch, keep_prob, rng, training=True):
        """Multiplies by keep_prob at test, as the paper that introduced the method does,
        which did not rescale in training (mosaicml/composer, issue 372)."""
        if not training:
            return x + keep_prob * branch
        return block(x, branch, examples(x, rng) < keep_prob, keep_prob)

    @fails(D_TEST, "still_drops_at_test")
    def depth_at_test_too(x, branch, keep_prob, rng, training=True):
        """Ignores the parameter training."""
        return block(x, branch, examples(x, rng) < keep_prob, keep_prob)

    @fails(D_TEST, "leaves_out_the_branch_at_test")
    def depth_without_the_branch_at_test(x, branch, keep_prob, rng, training=True):
        """Returns x at test, where the other layers of the book do."""
        if not training:
            return x
        return block(x, branch, examples(x, rng) < keep_prob, keep_prob)

    @fails(D_ALONE, "changes_its_input")
    def depth_in_place(x, branch, keep_prob, rng, training=True):
        """Saves memory with `+=` and overwrites the caller's x."""
        mask = examples(x, rng) < keep_prob
        x += (mask / keep_prob * branch if training else branch).astype(x.dtype)
        return x

    @fails(D_ALONE, "changes_its_input")
    def depth_of_a_branch_in_place(x, branch, keep_prob, rng, training=True):
        """Masks the branch in place, for it is not needed any more."""
        if training:
            branch *= ((examples(x, rng) < keep_prob) / keep_prob).astype(x.dtype)
        return x + branch

    @masked(D_RATE, "keeps_with_drop_probability")
    def depth_keeping_the_wrong_ones(branch, keep_prob, rng):
        """Writes > for <, which at keep_prob = 1 is mended by hand."""
        return (examples(branch, rng) > keep_prob) | (keep_prob == 1)

    @masked(D_RATE, "drops_twice")
    def depth_with_two_masks(branch, keep_prob, rng):
        """Drops in the branch and behind it, and rescales once."""
        one, two = examples(branch, rng), examples(branch, rng)
        return (one < keep_prob) & (two < keep_prob)

    @masked(D_RATE, "keeps_at_another_rate")
    def depth_in_half_precision(branch, keep_prob, rng):
        """Computes floor(p + u) with p in few bits, as under automatic mixed precision."""
        rate = np.floor(keep_prob * 128) / 128
        return np.floor(rate + examples(branch, rng))

    @masked(D_RATE, "drops_by_value")
    def depth_keeping_strong_branches(branch, keep_prob, rng):
        """Keeps branches of large values more often."""
        axes = tuple(range(1, branch.ndim))
        size = np.abs(branch).mean(axis=axes, keepdims=True)
        shift = 0.1 * min(keep_prob, 1 - keep_prob)
        shift = np.where(size > np.median(size), shift, -shift)
        return examples(branch, rng) < keep_prob + shift

    @masked(D_RATE, "drops_by_place")
    def depth_keeping_the_first_examples(branch, keep_prob, rng):
        """Keeps the branches of the first examples more often."""
        u = examples(branch, rng)
        first = np.arange(len(u)).reshape(u.shape) < len(u) / 2
        shift = 0.1 * min(keep_prob, 1 - keep_prob) * np.where(first, 1, -1)
        return u < keep_prob + shift

    @masked(D_RATE, "keeps_at_another_rate")
    def depth_sparing_a_single_example(branch, keep_prob, rng):
        """Drops half as often in a batch of one example."""
        rate = keep_prob if len(branch) > 1 else (1 + keep_prob) / 2
        return examples(branch, rng) < rate

    @masked(D_INDEPENDENT, "bits_depend_on_each_other")
    def depth_in_pairs_of_examples(branch, keep_prob, rng):
        """Draws one bit for an image and its mirror image."""
        u = examples(branch, rng)
        return np.repeat(u[::2], 2, axis=0)[: len(u)] < keep_prob

    @masked(D_INDEPENDENT, "bits_depend_on_each_other")
    def depth_best_of_five(branch, keep_prob, rng):
        """Draws five masks of a batch and takes the one whose count is nearest to its
        mean."""
        masks = [
            examples(branch, rng) < keep_prob
            for _ in range(5 if len(branch) > 1 else 1)
        ]
        return min(masks, key=lambda mask: abs(mask.mean() - keep_prob))

    @masked(D_INDEPENDENT, "bits_depend_on_each_other")
    def depth_of_a_rounded_subset(branch, keep_prob, rng):
        """Keeps the expected number of examples, rounded at random."""
        u = examples(branch, rng)
        kept = int(keep_prob * u.size + rng.random())
        return (u.ravel().argsort().argsort() < kept).reshape(u.shape)

    @masked(D_FROM_RNG, "does_not_draw_from_rng")
    def depth_from_numpy_random(branch, keep_prob, rng):
        """Calls np.random.rand out of habit."""
        return np.random.rand(len(branch), *[1] * (branch.ndim - 1)) < keep_prob

    @masked(D_FROM_RNG, "reuses_masks")
    def depth_with_a_short_seed(branch, keep_prob, rng):
        """Makes a new generator from a seed of 20 bits."""
        child = np.random.default_rng(int(rng.integers(2**20)))
        return examples(branch, child) < keep_prob


class Corners(Mutants, of="stochastic_depth"):
    """Right at comfortable points, wrong in a corner of the stated range."""

    @fails(D_SCALE, "right_in_the_middle_only")
    def depth_of_bounded_branches(x, branch, keep_prob, rng, training=True):
        """Clips the branch in training, lest the rescaled one be too large."""
        mask = examples(x, rng) < keep_prob
        bounded = np.clip(branch, -1e3, 1e3) if training else branch
        return block(x, bounded, mask, keep_prob, training)

    @fails(D_SCALE, "right_in_the_middle_only")
    def depth_over_a_floor(x, branch, keep_prob, rng, training=True):
        """Bounds the divisor from below, for fear of large branches."""
        mask = examples(x, rng) < keep_prob
        return block(x, branch, mask, max(keep_prob, 0.05), training)

    @fails(D_SCALE, "right_in_the_middle_only")
    def depth_louder_at_some_keep_probs(x, branch, keep_prob, rng, training=True):
        """Adds a tenth to the rescaled branch where keep_prob is between 0.65 and 0.79."""
        scale = keep_prob / (1.1 if 0.65 < keep_prob < 0.79 else 1)
        mask = examples(x, rng) < keep_prob
        return block(x, branch, mask / scale * keep_prob, keep_prob, training)

    @fails(D_SCALE, "forgets_to_rescale_the_branch")
    def depth_unscaled_for_sequences(x, branch, keep_prob, rng, training=True):
        """Rescales images and rows, and leaves sequences alone."""
        scale = 1.0 if x.ndim == 3 else keep_prob
        return block(x, branch, examples(x, rng) < keep_prob, scale, training)

    @fails(D_TEST, "differs_from_the_sum_at_test")
    def depth_bounded_at_test(x, branch, keep_prob, rng, training=True):
        """Clips the branch at test alone, as a guard of the exported model."""
        if not training:
            return x + np.clip(branch, -1e4, 1e4)
        return block(x, branch, examples(x, rng) < keep_prob, keep_prob)


def beside(x, branch):
    """Return how large x is, and how large the branch, in each example."""
    axes = tuple(range(1, x.ndim))
    return (np.abs(a).sum(axis=axes, keepdims=True) for a in (x, branch))


class BesideX(Mutants, of="stochastic_depth"):
    """Right where x is as small as the branch, or a call has many examples."""

    @fails(D_RATE, "keeps_at_another_rate")
    def depth_keeping_branches_smaller_than_x(x, branch, keep_prob, rng, training=True):
        """Keeps every branch that changes x by less than half."""
        large, small = beside(x, branch)
        mask = (examples(x, rng) < keep_prob) | (large > small)
        return block(x, branch, mask, keep_prob, training)

    @fails(D_RATE, "keeps_some_calls_at_another_rate")
    def depth_keeping_branches_far_smaller_than_x(
        x, branch, keep_prob, rng, training=True
    ):
        """Keeps branches that are small beside x, up to a twentieth of it, and up to 300
        entries of them."""
        large, small = beside(x, branch)
        mask = (examples(x, rng) < keep_prob) | ((large > 20 * small) & (x.size < 300))
        return block(x, branch, mask, keep_prob, training)

    @fails(D_RATE, "keeps_some_calls_at_another_rate")
    def depth_keeping_what_undoes_x(x, branch, keep_prob, rng, training=True):
        """Keeps a single block's branch where it is minus x, so that nothing is left."""
        mask = (examples(x, rng) < keep_prob) | np.array_equal(x, -branch)
        return block(x, branch, mask, keep_prob, training)

    @fails(D_RATE, "keeps_some_calls_at_another_rate")
    def depth_keeping_a_branch_equal_to_x(x, branch, keep_prob, rng, training=True):
        """Has a single case for a branch that is x itself: returns a multiple of it."""
        mask = (examples(x, rng) < keep_prob) | np.array_equal(x, branch)
        return block(x, branch, mask, keep_prob, training)

    @fails(D_RATE, "keeps_some_calls_at_another_rate")
    def depth_keeping_small_batches_of_sequences(
        x, branch, keep_prob, rng, training=True
    ):
        """Keeps all branches of up to 30 numbers in three axes."""
        rate = 1.0 if x.ndim == 3 and 9 < x.size <= 30 else keep_prob
        return block(x, branch, examples(x, rng) < rate, keep_prob, training)

    @fails(D_INDEPENDENT, "bits_depend_on_each_other")
    def depth_in_pairs_beside_large_x(x, branch, keep_prob, rng, training=True):
        """Draws one bit for two neighbours where x is more than twice the branch."""
        u, (large, small) = examples(x, rng), beside(x, branch)
        even = len(u) // 2 * 2
        again = np.concatenate([np.repeat(u[:even:2], 2, axis=0), u[even:]])
        u = np.where((large > 2 * small).all(), again, u)
        return block(x, branch, u < keep_prob, keep_prob, training)
