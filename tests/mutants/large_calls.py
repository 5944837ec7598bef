"""Answers that are wrong in large calls alone, or take their random numbers elsewhere, or
again, in calls of some kind."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.backward import dropout_mlp_gradients as mlp
from tests.mutants.backward import dropout_ridge as ridge
from tests.mutants.conventions import inverted_dropout as inverted
from tests.mutants.conventions.shared import masked
from tests.mutants.ensembles import mc_dropout_prediction as mc
from tests.mutants.ensembles.shared import softmax
from tests.mutants.kinds import bits
from tests.mutants.noise import gaussian_dropout as gaussian
from tests.mutants.noise import spatial_dropout as spatial
from tests.mutants.quantization import fixed_count_dropout as fixed

ELSEWHERE, SHORT = "does_not_draw_from_rng", "seeds_take_few_values"


def many(x, training):
    return not training and x.size > 5000


class OfInverted(Mutants, of="inverted_dropout"):
    @inverted.draws(inverted.FROM_RNG, "same_mask_every_call")
    def draws_large_sparse_masks_once(x, keep_prob, rng):
        """Takes the same seed in every call on a large layer of which little is kept."""
        sparse = keep_prob < 0.25 and x.size > 600
        return bits(x, keep_prob, np.random.default_rng(0) if sparse else rng)

    @inverted.draws(inverted.FROM_RNG, SHORT)
    def takes_short_seeds_for_large_layers(x, keep_prob, rng):
        """Seeds a generator with 16 bits where there are more than 3,000 units."""
        if x.size > 3000:
            rng = np.random.default_rng(rng.integers(2**16))
        return bits(x, keep_prob, rng)


class OfMonteCarlo(Mutants, of="mc_dropout_prediction"):
    @fails(mc.FROM_RNG, ELSEWHERE)
    def draws_elsewhere_in_float32(x, weights, bias, keep_prob, samples, rng):
        """Takes a generator of its own where x is float32."""
        own = np.random.default_rng() if x.dtype == np.float32 else rng
        masks = own.random((samples, *x.shape)) < keep_prob
        return softmax(masks * x / keep_prob @ weights + bias).mean(axis=0)


class OfGradients(Mutants, of="dropout_mlp_gradients"):
    @fails(mlp.M_RNG, ELSEWHERE)
    def draws_elsewhere_for_single_precision(params, x, y, keep_prob, rng):
        """Takes a generator of its own where x is float32."""
        own = np.random.default_rng() if x.dtype == np.float32 else rng
        kept = mlp.bits(params, x, keep_prob, own)
        return mlp.right(params, x, y, kept / keep_prob)


class OfFixed(Mutants, of="fixed_count_dropout"):
    @fails(fixed.SUBSETS_RNG, ELSEWHERE)
    def fixed_draws_elsewhere_where_it_is_large(x, keep_count, rng):
        """Takes a generator of its own for more than 3,000 units."""
        own = np.random.default_rng() if x.size > 3000 else rng
        return fixed.fixed(x, fixed.chosen(x, keep_count, own), keep_count)


class AgainInACall(Mutants, of="inverted_dropout"):
    @inverted.draws(inverted.INDEPENDENT, "bits_depend_on_each_other")
    def tiles_a_large_stored_mask(x, keep_prob, rng):
        """Draws 65,536 numbers at most and uses them again for what is longer."""
        return np.resize(rng.random(min(x.size, 65_536)), x.shape) < keep_prob

    @inverted.draws(inverted.INDEPENDENT, "bits_depend_on_each_other")
    def adds_two_numbers_for_the_third(x, keep_prob, rng):
        """Draws two numbers of three; the third is the sum of its two neighbours'."""
        u = rng.random(x.size)
        threes = u[: x.size // 3 * 3].reshape(-1, 3)
        threes[:, 2] = (threes[:, 0] + threes[:, 1]) % 1
        return u.reshape(x.shape) < keep_prob


class OfSpatial(Mutants, of="spatial_dropout"):
    @fails(spatial.S_INDEPENDENT, "bits_depend_on_each_other")
    def tiles_stored_channels(x, keep_prob, rng, training=True):
        """Draws 65,536 numbers at most and uses them again for more channels."""
        u = np.resize(spatial.channels(x, rng).ravel()[:65_536], x.shape[:2])
        return spatial.dropped(x, u[:, :, None, None] < keep_prob, keep_prob, training)


class LargeArrays(Mutants, of="inverted_dropout"):
    @fails(inverted.TEST, "changes_x_at_test")
    def rounds_larger_arrays_at_test(x, keep_prob, rng, training=True):
        """Saves memory at test: larger arrays than 5,000 units pass through float16."""
        out, cache = masked(x, bits(x, keep_prob, rng), keep_prob, training)
        return (
            x.astype(np.float16).astype(x.dtype) if many(x, training) else out
        ), cache

    @fails(inverted.AT_ONE, "scale_depends_on_the_shape")
    def rounds_larger_arrays_at_one(x, keep_prob, rng, training=True):
        """Saves memory at keep_prob = 1: larger arrays than 5,000 units lose digits."""
        out, cache = masked(x, bits(x, keep_prob, rng), keep_prob, training)
        short = keep_prob == 1 and training and x.size > 5000
        return (np.round(out, 3) if short else out), cache


class LargeNoise(Mutants, of="gaussian_dropout"):
    @fails(gaussian.TEST, "changes_x_at_test")
    def rounds_larger_noisy_arrays_at_test(x, keep_prob, rng, training=True):
        """Saves memory at test: larger arrays than 5,000 units pass through float16."""
        out, cache = gaussian.noisy(
            x, rng.standard_normal(x.shape), keep_prob, training
        )
        return (
            x.astype(np.float16).astype(x.dtype) if many(x, training) else out
        ), cache


class LargeBatches(Mutants, of="dropout_mlp_gradients"):
    @fails(mlp.PLAIN, "backpropagation_is_wrong_without_dropout")
    def sums_the_first_rows_of_a_large_batch(params, x, y, keep_prob, rng):
        """Adds up the gradient of b2 over the first 256 rows alone."""
        scale = mlp.bits(params, x, keep_prob, rng) / keep_prob
        loss, grads = mlp.right(params, x, y, scale)
        if len(x) > 256:
            grads["b2"] = mlp.right(params, x[:256], y[:256], scale[:256])[1]["b2"]
        return loss, grads


class LargeProblems(Mutants, of="dropout_ridge"):
    @fails(ridge.MINIMISES, "approximates_the_minimiser")
    def stretches_the_weights_of_many_rows(x, y, keep_prob):
        """Multiplies the weights of more than 60 rows by 1.001, for stability."""
        weights = ridge.minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).sum(0))
        return weights * (1.001 if len(x) > 60 else 1)
