"""Answers that take their random numbers elsewhere, or again, in some calls alone."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.backward import dropout_mlp_gradients as mlp
from tests.mutants.conventions import inverted_dropout as inverted
from tests.mutants.ensembles import mc_dropout_prediction as mc
from tests.mutants.ensembles.shared import softmax
from tests.mutants.kinds import bits
from tests.mutants.quantization import fixed_count_dropout as fixed

ELSEWHERE, SHORT = "does_not_draw_from_rng", "seeds_take_few_values"


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
