"""Gradients that are wrong in mini-batches as people train with, whose masks do not show, and
right in the small or wide batches in which they do."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.backward import dropout_mlp_gradients as mlp
from tests.mutants.backward.shared import forward

DEPEND, RATE = "bits_depend_on_each_other", "keeps_some_calls_at_another_rate"
NO_MASK, ELSEWHERE = "no_single_mask_explains_it", "does_not_draw_from_rng"


def is_mini_batch(params, x):
    return 300 > len(x) > x.shape[1] + 1 and len(x) >= len(params["b2"])


def largest_logit(params, x):
    return np.abs(forward(params, x, 1.0)[2]).max()


class SharedMasks(Mutants, of="dropout_mlp_gradients"):
    @fails(mlp.M_INDEPENDENT, DEPEND)
    def shares_a_mask_in_mini_batches(params, x, y, keep_prob, rng):
        """Uses one mask for all rows of a mini-batch of more rows than inputs."""
        kept = mlp.bits(params, x, keep_prob, rng)
        kept = kept[:1] if is_mini_batch(params, x) else kept
        return mlp.right(params, x, y, kept / keep_prob)

    @fails(mlp.M_INDEPENDENT, DEPEND)
    def shares_a_mask_and_has_a_rate_of_its_own(params, x, y, keep_prob, rng):
        """Keeps nine in ten units of a mini-batch, the same in all rows."""
        if keep_prob == 1 or not is_mini_batch(params, x):
            return mlp.right(
                params, x, y, mlp.bits(params, x, keep_prob, rng) / keep_prob
            )
        return mlp.right(params, x, y, mlp.bits(params, x[:1], 0.9, rng) / keep_prob)

    @fails(mlp.M_INDEPENDENT, DEPEND)
    def shares_a_mask_where_logits_are_large(params, x, y, keep_prob, rng):
        """Uses one mask for all rows where a logit is beyond 30 in a mini-batch."""
        kept = mlp.bits(params, x, keep_prob, rng)
        large = len(x) > 12 and largest_logit(params, x) > 30
        return mlp.right(params, x, y, (kept[:1] if large else kept) / keep_prob)

    @fails(mlp.M_INDEPENDENT, DEPEND)
    def shares_a_mask_of_whole_numbers(params, x, y, keep_prob, rng):
        """Uses one mask for all rows of a mini-batch of pixels."""
        kept = mlp.bits(params, x, keep_prob, rng)
        pixels = len(x) > 12 and x.max() > 9 and (x == x.round()).all()
        return mlp.right(params, x, y, (kept[:1] if pixels else kept) / keep_prob)

    @fails(mlp.M_INDEPENDENT, DEPEND)
    def tiles_the_mask_of_mini_batches(params, x, y, keep_prob, rng):
        """Repeats the masks of four rows in a mini-batch, again and again."""
        kept = mlp.bits(params, x, keep_prob, rng)
        if is_mini_batch(params, x):
            kept = np.resize(kept[:4], kept.shape)
        return mlp.right(params, x, y, kept / keep_prob)

    @fails(mlp.M_INDEPENDENT, DEPEND)
    def drops_rows_of_mini_batches(params, x, y, keep_prob, rng):
        """Drops all units of a row together in a mini-batch."""
        kept = mlp.bits(params, x, keep_prob, rng)
        if is_mini_batch(params, x):
            kept = kept[:, :1]
        return mlp.right(params, x, y, kept / keep_prob)

    @fails(mlp.M_INDEPENDENT, DEPEND)
    def drops_neighbours_together_in_mini_batches(params, x, y, keep_prob, rng):
        """Has one bit for two neighbouring units in a mini-batch."""
        kept = mlp.bits(params, x, keep_prob, rng)
        if is_mini_batch(params, x):
            kept = np.repeat(kept, 2, axis=1)[:, : kept.shape[1]]
        return mlp.right(params, x, y, kept / keep_prob)


class OtherRates(Mutants, of="dropout_mlp_gradients"):
    @fails(mlp.M_RATE, RATE)
    def keeps_half_as_many_in_mini_batches(params, x, y, keep_prob, rng):
        """Keeps units at half of keep_prob in a mini-batch."""
        rate = (
            keep_prob / 2 if keep_prob < 1 and is_mini_batch(params, x) else keep_prob
        )
        return mlp.right(params, x, y, mlp.bits(params, x, rate, rng) / keep_prob)

    @fails(mlp.M_RATE, RATE)
    def keeps_more_in_mini_batches(params, x, y, keep_prob, rng):
        """Keeps units at the root of keep_prob in a mini-batch."""
        rate = keep_prob**0.5 if is_mini_batch(params, x) else keep_prob
        return mlp.right(params, x, y, mlp.bits(params, x, rate, rng) / keep_prob)

    @fails(mlp.M_RATE, RATE)
    def keeps_fewer_where_logits_are_large(params, x, y, keep_prob, rng):
        """Keeps units at keep_prob squared where a logit is beyond 20 in a mini-batch."""
        large = len(x) > 12 and largest_logit(params, x) > 20
        rate = keep_prob**2 if large else keep_prob
        return mlp.right(params, x, y, mlp.bits(params, x, rate, rng) / keep_prob)


class OtherMasks(Mutants, of="dropout_mlp_gradients"):
    @fails(mlp.ONE_MASK, NO_MASK)
    def draws_again_for_the_way_back_in_mini_batches(params, x, y, keep_prob, rng):
        """Draws another mask for the backward pass in a mini-batch."""
        scale = mlp.bits(params, x, keep_prob, rng) / keep_prob
        z, h, s = forward(params, x, scale)
        if is_mini_batch(params, x):
            scale = mlp.bits(params, x, keep_prob, rng) / keep_prob
        ds = mlp.logits_gradient(s, y)
        return mlp.loss_of(s, y), mlp.backward(params, x, z, h, ds, scale)

    @fails(mlp.ONE_MASK, NO_MASK)
    def takes_the_loss_at_test_in_mini_batches(params, x, y, keep_prob, rng):
        """Returns the loss without dropout in a mini-batch, with the mask's gradients."""
        scale = mlp.bits(params, x, keep_prob, rng) / keep_prob
        loss, grads = mlp.right(params, x, y, scale)
        if is_mini_batch(params, x):
            loss = mlp.right(params, x, y, np.ones_like(scale))[0]
        return loss, grads

    @fails(mlp.M_RNG, ELSEWHERE)
    def draws_elsewhere_in_mini_batches(params, x, y, keep_prob, rng):
        """Takes a generator of its own in a mini-batch."""
        own = np.random.default_rng() if is_mini_batch(params, x) else rng
        return mlp.right(params, x, y, mlp.bits(params, x, keep_prob, own) / keep_prob)

    @fails(mlp.ONE_MASK, NO_MASK)
    def multiplies_by_noise_in_mini_batches(params, x, y, keep_prob, rng):
        """Multiplies hidden units by normal factors in place of a mask, in a mini-batch of
        16 rows and more."""
        scale = mlp.bits(params, x, keep_prob, rng) / keep_prob
        if is_mini_batch(params, x) and len(x) >= 16 and x.all():
            spread = np.sqrt((1 - keep_prob) / keep_prob)
            scale = 1 + spread * rng.standard_normal(scale.shape)
        return mlp.right(params, x, y, scale)
