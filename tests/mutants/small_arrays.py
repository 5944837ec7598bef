"""Answers that are wrong in small arrays alone: at another rate, or with shared bits."""

import math

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.backward import dropout_mlp_gradients as mlp
from tests.mutants.conventions import classic_dropout as classic
from tests.mutants.conventions import inverted_dropout as inverted
from tests.mutants.energy import alpha_dropout as alpha
from tests.mutants.ensembles import mc_dropout_prediction as mc
from tests.mutants.expectation import bernoulli_mask as bernoulli
from tests.mutants.kinds import KIND, bits
from tests.mutants.noise import gaussian_dropout as gaussian
from tests.mutants.noise import spatial_dropout as spatial
from tests.mutants.practice import sequence_dropout as sequence
from tests.mutants.practice import stochastic_depth as depth
from tests.mutants.quantization import byte_dropout as byte
from tests.mutants.quantization import fixed_count_dropout as fixed


def twice(keep_prob, number, most=20):
    """Return the rate of a mask that is applied twice to up to so many units."""
    return keep_prob**2 if number <= most else keep_prob


class OfBernoulli(Mutants, of="bernoulli_mask"):
    @fails(bernoulli.RATE, KIND)
    def draws_two_masks_of_small_shapes(shape, keep_prob, rng):
        """Keeps what two masks keep of small shapes of more than two units."""
        units = math.prod(shape)
        return rng.random(shape) < (twice(keep_prob, units) if units > 2 else keep_prob)


class OfInverted(Mutants, of="inverted_dropout"):
    @inverted.draws(inverted.RATE, KIND)
    def drops_small_arrays_by_two_masks(x, keep_prob, rng):
        """Keeps what two masks keep in arrays of up to 20 units."""
        return bits(x, twice(keep_prob, x.size), rng)

    @inverted.draws(inverted.RATE, KIND)
    def drops_middling_small_arrays_by_two_masks(x, keep_prob, rng):
        """Keeps what two masks keep in small arrays of more than 8 units."""
        return bits(x, twice(keep_prob, x.size) if x.size > 8 else keep_prob, rng)


class OfClassic(Mutants, of="classic_dropout"):
    @classic.draws(classic.CLASSIC_RATE, KIND)
    def classic_with_the_root_of_small_rates(x, keep_prob, rng):
        """Takes the root of keep_prob, as for two layers, in arrays of up to 15 units."""
        return bits(x, keep_prob**0.5 if x.size <= 15 else keep_prob, rng)


class OfAlpha(Mutants, of="alpha_dropout"):
    @fails(alpha.RATE, KIND)
    def alpha_by_two_masks_in_small_arrays(x, keep_prob, rng, training=True):
        """Keeps what two masks keep in arrays of up to 20 units."""
        kept = bits(x, twice(keep_prob, x.size), rng)
        return alpha.answer(x, kept, keep_prob, training)


class OfSpatial(Mutants, of="spatial_dropout"):
    @fails(spatial.S_RATE, KIND)
    def spatial_by_two_masks_of_few_channels(x, keep_prob, rng, training=True):
        """Keeps what two masks keep of up to 20 channels, which are few up to there."""
        rate = twice(keep_prob, x.shape[0] * x.shape[1])
        return spatial.dropped(x, spatial.channels(x, rng) < rate, keep_prob, training)


class OfSequence(Mutants, of="sequence_dropout"):
    @sequence.masked(sequence.Q_RATE, KIND)
    def sequence_by_two_masks_of_few_features(x, keep_prob, rng):
        """Keeps what two masks keep of up to 20 features, which is a small number."""
        rate = twice(keep_prob, x.shape[1] * x.shape[2])
        return sequence.features(x, rng) < rate


class OfDepth(Mutants, of="stochastic_depth"):
    @depth.masked(depth.D_RATE, KIND)
    def depth_by_two_masks_of_small_batches(x, keep_prob, rng):
        """Keeps what two masks keep of small batches, and all the same of single examples."""
        rate = twice(keep_prob, len(x)) if len(x) > 1 else keep_prob
        return depth.examples(x, rng) < rate


class OfNetwork(Mutants, of="dropout_mlp_gradients"):
    @fails(mlp.M_RATE, KIND)
    def network_with_two_masks_of_small_batches(params, x, y, keep_prob, rng):
        """Keeps what two masks keep of small batches, up to 20 hidden units in all rows."""
        number = len(x) * len(params["b1"])
        rate = twice(keep_prob, number) if number > 1 else keep_prob
        return mlp.right(params, x, y, mlp.bits(params, x, rate, rng) / keep_prob)

    @fails(mlp.M_INDEPENDENT, "bits_depend_on_each_other")
    def network_with_one_mask_for_small_batches(params, x, y, keep_prob, rng):
        """Draws one mask, the same for all rows, where there are up to 8 hidden units."""
        kept = mlp.bits(params, x, keep_prob, rng)
        kept = kept[:1] if kept.size <= 8 else kept
        return mlp.right(params, x, y, kept / keep_prob)


class OfSampling(Mutants, of="mc_dropout_prediction"):
    @fails(mc.RATE, KIND)
    def samples_by_two_masks_of_small_arrays(x, weights, bias, keep_prob, samples, rng):
        """Keeps what two masks keep in arrays of up to 20 units."""
        rate = twice(keep_prob, x.size)
        masks = mc.draw(x, rate, samples, rng) * rate / keep_prob
        return mc.average(x, weights, bias, masks)

    @fails(mc.INDEPENDENT, "bits_depend_on_each_other")
    def samples_with_one_mask_in_small_arrays(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Draws one mask of a single sample, the same for all rows, for up to 8 units."""
        few = samples == 1 and x.size <= 8
        masks = mc.draw(x[:1] if few else x, keep_prob, samples, rng)
        return mc.average(x, weights, bias, masks)


class OfByte(Mutants, of="byte_dropout"):
    @fails(byte.BYTE_RATE, KIND)
    def byte_by_two_masks_in_small_arrays(x, keep_prob, rng):
        """Keeps what two bytes of each unit keep in arrays of up to 20 units."""
        t = byte.nearest(keep_prob)
        kept = byte.byte_of(x, rng) < t
        if x.size <= 20:
            kept &= byte.byte_of(x, rng) < t
        return byte.unbiased(x, kept, keep_prob)


class OfGaussian(Mutants, of="gaussian_dropout"):
    @gaussian.standard(gaussian.INDEPENDENT, "factors_depend_on_each_other")
    def noise_drawn_once_for_a_few_units(x, keep_prob, rng):
        """Draws one number for up to four units, which it repeats for all in the row."""
        few = x.size <= 4
        return np.broadcast_to(rng.standard_normal(() if few else x.shape), x.shape)

    @gaussian.standard(gaussian.INDEPENDENT, "factors_depend_on_each_other")
    def noise_and_its_opposite_in_small_arrays(x, keep_prob, rng):
        """Gives pairs of units the same noise with both signs in arrays of up to 8."""
        if not 1 < x.size <= 8:
            return rng.standard_normal(x.shape)
        z = rng.standard_normal(-(-x.size // 2))
        return np.concatenate([z, -z])[: x.size].reshape(x.shape)

    @gaussian.standard(gaussian.INDEPENDENT, "factors_depend_on_each_other")
    def noise_of_neighbours_in_square_matrices(x, keep_prob, rng):
        """Gives neighbours one number, in pairs, where the matrix is a square."""
        if x.ndim != 2 or len(x) != x.shape[1]:
            return rng.standard_normal(x.shape)
        z = np.repeat(rng.standard_normal(-(-x.size // 2)), 2)
        return z[: x.size].reshape(x.shape)

    @gaussian.standard(gaussian.VARIANCE, "some_calls_have_other_factors")
    def noise_half_as_wide_again_in_small_arrays(x, keep_prob, rng):
        """Multiplies the noise by 1.5 where there are few numbers, up to four."""
        return rng.standard_normal(x.shape) * (1.5 if x.size <= 4 else 1)

    @gaussian.law(gaussian.VARIANCE, "some_calls_have_other_factors")
    def noise_by_a_mask_in_small_arrays(x, keep_prob, rng):
        """Takes a rescaled mask for the noise where there are few numbers, up to four."""
        if x.size <= 4:
            return bits(x, keep_prob, rng) / keep_prob
        return rng.normal(1, gaussian.deviation(keep_prob), x.shape)


class OfFixed(Mutants, of="fixed_count_dropout"):
    @fails(fixed.ROWS_APART, "rows_choose_dependently")
    def fixed_by_one_subset_of_a_small_batch(x, keep_count, rng):
        """Draws one subset for up to 100 units: each row has that of the next one."""
        mask = fixed.chosen(x if x.size > 100 else x[:1], keep_count, rng)
        return fixed.fixed(x, np.broadcast_to(mask, x.shape), keep_count)

    @fails(fixed.UNIFORM, "keeps_neighbours_together")
    def fixed_by_blocks_in_small_arrays(x, keep_count, rng):
        """Keeps a block of each row, around its end, in arrays of up to 100 units."""
        mask = fixed.chosen(x, keep_count, rng)
        if x.size <= 100:
            mask = fixed.blocks(rng.integers(x.shape[1], size=len(x)), x, keep_count)
        return fixed.fixed(x, mask, keep_count)

    @fails(fixed.UNIFORM, "keeps_neighbours_together")
    def fixed_by_blocks_in_square_matrices(x, keep_count, rng):
        """Keeps a block of each row, around its end, where x is a square."""
        mask = fixed.chosen(x, keep_count, rng)
        if len(x) == x.shape[1]:
            mask = fixed.blocks(rng.integers(x.shape[1], size=len(x)), x, keep_count)
        return fixed.fixed(x, mask, keep_count)

    @fails(fixed.UNIFORM, "drops_by_value")
    def fixed_in_favour_of_large_units_of_short_rows(x, keep_count, rng):
        """Favours large values in rows of up to ten units."""
        numbers, size = rng.random(x.shape), np.abs(x)
        if x.shape[1] <= 10:
            large = size >= np.median(size, axis=1, keepdims=True)
            numbers = np.where(large, 0.7 * numbers, numbers)
        return fixed.smallest(numbers, x, keep_count)

    @fails(fixed.UNIFORM, "drops_by_place")
    def fixed_in_favour_of_the_first_unit_of_few_rows(x, keep_count, rng):
        """Favours the first unit where there are up to five rows."""
        numbers = rng.random(x.shape)
        if len(x) <= 5:
            numbers[:, 0] *= 0.6
        return fixed.smallest(numbers, x, keep_count)

    @fails(fixed.ROWS_APART, "rows_choose_dependently")
    def fixed_by_one_subset_of_short_rows(x, keep_count, rng):
        """Draws one subset for rows of up to 3 units: each row has that of the next one."""
        mask = fixed.chosen(x if x.shape[1] > 3 else x[:1], keep_count, rng)
        return fixed.fixed(x, np.broadcast_to(mask, x.shape), keep_count)
