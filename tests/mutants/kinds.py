"""Answers that are right for most calls, and wrong for those of one kind."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.backward import dropout_mlp_gradients as mlp
from tests.mutants.backward import inverted_dropout_backward as backward
from tests.mutants.conventions import classic_dropout as classic
from tests.mutants.conventions import inverted_dropout as inverted
from tests.mutants.conventions.shared import masked
from tests.mutants.energy import alpha_dropout as alpha
from tests.mutants.ensembles import mc_dropout_prediction as mc
from tests.mutants.ensembles.shared import softmax
from tests.mutants.expectation import bernoulli_mask as bernoulli
from tests.mutants.noise import dropconnect_forward as connect
from tests.mutants.noise import gaussian_dropout as gaussian
from tests.mutants.noise import spatial_dropout as spatial
from tests.mutants.practice import sequence_dropout as sequence
from tests.mutants.practice import stochastic_depth as depth
from tests.mutants.quantization import byte_dropout as byte
from tests.mutants.quantization import exact_count_dropout as exact
from tests.mutants.quantization import fixed_count_dropout as fixed

KIND = "keeps_some_calls_at_another_rate"


def bits(x, keep_prob, rng):
    return rng.random(x.shape) < keep_prob


def keeping(x, keep_prob, rng, place, least):
    """Return a mask that is True in this place of arrays of more than ``least`` units."""
    mask = bits(x, keep_prob, rng)
    if x.size > least:
        mask.flat[place] = True
    return mask


class OfInverted(Mutants, of="inverted_dropout"):
    @fails(inverted.RATE, KIND)
    def drops_nothing_where_training_is_passed(x, keep_prob, rng, training="train"):
        """Compares training with a word, and rescales whenever it is not False."""
        mask = bits(x, keep_prob if training == "train" else 1, rng)
        return masked(x, mask, keep_prob, training)

    @inverted.draws(inverted.RATE, KIND)
    def drops_nothing_in_float32(x, keep_prob, rng):
        """Takes float32 for the dtype of exported models."""
        return bits(x, 1.0 if x.dtype == np.float32 else keep_prob, rng)

    @inverted.draws(inverted.RATE, KIND)
    def drops_nothing_of_small_layers(x, keep_prob, rng):
        """Spares layers of up to 400 units, which do not overfit."""
        return bits(x, 1.0 if 5 < x.size < 400 else keep_prob, rng)

    @inverted.draws(inverted.RATE, "drops_by_value")
    def keeps_the_largest_unit(x, keep_prob, rng):
        """Never drops the unit that says most."""
        return keeping(x, keep_prob, rng, np.abs(x).argmax(), 2)

    @inverted.draws(inverted.RATE, "drops_by_value")
    def keeps_the_largest_unit_of_many(x, keep_prob, rng):
        """Never drops the unit that says most, where the layer is wide."""
        return keeping(x, keep_prob, rng, np.abs(x).argmax(), 40)

    @inverted.draws(inverted.RATE, "drops_by_value")
    def keeps_the_smallest_unit(x, keep_prob, rng):
        """Never drops the unit nearest to 0, whose loss would save nothing."""
        return keeping(x, keep_prob, rng, np.abs(x).argmin(), 2)

    @inverted.draws(inverted.RATE, "drops_by_value")
    def keeps_the_greatest_unit(x, keep_prob, rng):
        """Never drops the unit that max pooling would choose."""
        return keeping(x, keep_prob, rng, x.argmax(), 8)

    @inverted.draws(inverted.RATE, "drops_by_value")
    def keeps_the_least_unit(x, keep_prob, rng):
        """Never drops the unit that is most negative."""
        return keeping(x, keep_prob, rng, x.argmin(), 8)

    @inverted.draws(inverted.RATE, KIND)
    def keeps_the_second_unit(x, keep_prob, rng):
        """Takes the second unit for the bias."""
        return keeping(x, keep_prob, rng, 1, 2)

    @inverted.draws(inverted.RATE, KIND)
    def rounds_middling_rates_to_a_half(x, keep_prob, rng):
        """Tosses a fair coin where that seems near enough."""
        return bits(x, 0.5 if 0.3 < keep_prob < 0.7 else keep_prob, rng)

    @inverted.draws(inverted.BITS, "one_mask_for_all_rows")
    def shares_a_mask_in_small_batches(x, keep_prob, rng):
        """Uses one mask for all rows of a batch of 3 to 15."""
        mask = bits(x, keep_prob, rng)
        small = x.ndim > 1 and 3 <= len(x) <= 15
        return np.broadcast_to(mask[:1], mask.shape) if small else mask

    @fails(inverted.RATE, KIND)
    def drops_in_a_copy_of_transposed_arrays(x, keep_prob, rng, training=True):
        """Sets dropped units to 0 in ``ravel()``, which is a copy where x is transposed."""
        out = x / keep_prob if training else x.copy()
        if training:
            out.ravel()[rng.random(x.size) >= keep_prob] = 0
        return out, None

    @inverted.draws(inverted.FROM_RNG, "reuses_masks")
    def takes_a_thousand_seeds(x, keep_prob, rng):
        """Takes the first of a permutation of 1,000 for a seed."""
        return bits(x, keep_prob, np.random.default_rng(rng.permutation(1000)[0]))

    @inverted.draws(inverted.INDEPENDENT, "bits_depend_on_each_other")
    def shares_bits_37_places_apart(x, keep_prob, rng):
        """Uses the numbers of 37 units for the next 37, too."""
        u = rng.random(x.size)
        blocks = u[: x.size // 74 * 74].reshape(-1, 2, 37)
        blocks[:, 1] = blocks[:, 0]
        return u.reshape(x.shape) < keep_prob

    @inverted.draws(inverted.INDEPENDENT, "bits_depend_on_each_other")
    def tiles_a_stored_length(x, keep_prob, rng):
        """Draws 4,999 numbers at most and uses them again for what is longer."""
        return np.resize(rng.random(min(x.size, 4999)), x.shape) < keep_prob

    @fails(inverted.SCALE, "scale_depends_on_the_shape")
    def rescales_in_double_precision_only(x, keep_prob, rng, training=True):
        """Leaves float32 as it is, for the factor would make it float64."""
        out, mask = masked(x, bits(x, keep_prob, rng), keep_prob, training)
        single = training and x.dtype == np.float32
        return (x * mask if single else out), mask

    @fails(inverted.SCALE, "scale_depends_on_the_shape")
    def rescales_up_to_five_thousand_units(x, keep_prob, rng, training=True):
        """Leaves larger layers as they are."""
        out, mask = masked(x, bits(x, keep_prob, rng), keep_prob, training)
        return (x * mask if training and x.size > 5000 else out), mask

    @fails("leaves_its_input_alone", "changes_its_input")
    def works_in_place_where_training_is_passed(x, keep_prob, rng, training=None):
        """Overwrites x, but for calls that leave training out."""
        mask = bits(x, keep_prob, rng)
        if not training:
            return masked(x, mask, keep_prob, training is None)
        x *= mask
        return x / keep_prob, mask

    @inverted.draws(inverted.FROM_RNG, "does_not_draw_from_rng")
    def takes_another_generator_for_float32(x, keep_prob, rng):
        """Draws what is to be float32 from a generator of its own."""
        own = np.random.default_rng() if x.dtype == np.float32 else rng
        return bits(x, keep_prob, own)

    @inverted.draws(inverted.FROM_RNG, "seeds_take_few_values")
    def takes_short_seeds_where_little_is_kept(x, keep_prob, rng):
        """Seeds a generator with 16 bits where keep_prob is below 0.5."""
        if keep_prob < 0.5:
            rng = np.random.default_rng(rng.integers(2**16))
        return bits(x, keep_prob, rng)

    @inverted.draws(inverted.FROM_RNG, "bits_depend_on_each_other")
    def renews_a_half_of_its_numbers(x, keep_prob, rng):
        """Begins with the numbers that the generator gave last, in reverse."""
        half = x.size // 2
        before = np.random.PCG64()
        before.state = rng.bit_generator.state
        before.advance(-(x.size - half) % 2**128)
        old = np.random.Generator(before).random(half)[::-1]
        new = rng.random(x.size - half)
        return np.concatenate([old, new]).reshape(x.shape) < keep_prob


class OfClassic(Mutants, of="classic_dropout"):
    @fails(classic.CLASSIC_RATE, KIND)
    def classic_drops_nothing_where_training_is_passed(
        x, keep_prob, rng, training="train"
    ):
        """Compares training with a word."""
        mask = bits(x, keep_prob if training == "train" else 1, rng)
        return classic.classically(x, mask, keep_prob, training)

    @classic.draws(classic.CLASSIC_RATE, KIND)
    def classic_drops_nothing_in_float32(x, keep_prob, rng):
        """Takes float32 for the dtype of exported models."""
        return bits(x, 1.0 if x.dtype == np.float32 else keep_prob, rng)


class OfAlpha(Mutants, of="alpha_dropout"):
    @fails(alpha.RATE, KIND)
    def alpha_is_at_test_where_training_is_passed(x, keep_prob, rng, training="train"):
        """Compares training with a word."""
        return alpha.answer(x, bits(x, keep_prob, rng), keep_prob, training == "train")


class OfBernoulli(Mutants, of="bernoulli_mask"):
    @fails(bernoulli.RATE, KIND)
    def keeps_whole_batches_of_sequences(shape, keep_prob, rng):
        """Takes three axes for sequences, and leaves these alone."""
        rate = 1.0 if len(shape) == 3 and keep_prob > 0 else keep_prob
        return rng.random(shape) < rate


class OfGaussian(Mutants, of="gaussian_dropout"):
    @fails(gaussian.VARIANCE, "some_calls_have_other_factors")
    def no_noise_where_training_is_passed(x, keep_prob, rng, training="train"):
        """Compares training with a word."""
        z = rng.standard_normal(x.shape)
        return gaussian.noisy(x, z, keep_prob, training == "train")


class OfSpatial(Mutants, of="spatial_dropout"):
    @fails(spatial.S_RATE, KIND)
    def spatial_keeps_all_where_training_is_passed(x, keep_prob, rng, training="train"):
        """Compares training with a word, and rescales whenever it is not False."""
        rate = keep_prob if training == "train" else 1.0
        mask = spatial.channels(x, rng) < rate
        return spatial.dropped(x, mask, keep_prob, training)


class OfSequence(Mutants, of="sequence_dropout"):
    @sequence.masked(sequence.Q_RATE, KIND)
    def sequence_keeping_all_of_short_ones(x, keep_prob, rng):
        """Spares batches of fewer than 200 numbers."""
        rate = 1.0 if 9 < x.size < 200 else keep_prob
        return sequence.features(x, rng) < rate


class OfDepth(Mutants, of="stochastic_depth"):
    @depth.masked(depth.D_RATE, KIND)
    def depth_keeping_small_batches_of_images(x, keep_prob, rng):
        """Keeps all branches of up to 100 pixels."""
        rate = 1.0 if x.ndim == 4 and 9 < x.size < 100 else keep_prob
        return depth.examples(x, rng) < rate


class OfExact(Mutants, of="exact_count_dropout"):
    @fails(exact.RATE, KIND)
    def exact_keeps_all_in_float32(x, keep_prob, rng):
        """Takes float32 for the dtype of exported models, if there are few rows."""
        spared = x.dtype == np.float32 and x.size < 590
        return exact.rescaled(x, bits(x, 1.0 if spared else keep_prob, rng))

    @fails(exact.RATE, KIND)
    def exact_keeps_the_first_of_wide_rows(x, keep_prob, rng):
        """Draws the count alone for wide layers, and keeps so many units in front."""
        mask = bits(x, keep_prob, rng)
        if x.shape[1] > 40:
            mask = np.arange(x.shape[1]) < mask.sum(axis=1, keepdims=True)
        return exact.rescaled(x, mask)


class OfByte(Mutants, of="byte_dropout"):
    @fails(byte.BYTE_RATE, KIND)
    def byte_keeps_all_of_small_layers(x, keep_prob, rng):
        """Spares layers of fewer than 150 units."""
        t = 256 if 5 < x.size < 150 else byte.nearest(keep_prob)
        return byte.unbiased(x, byte.byte_of(x, rng) < t, keep_prob)


class OfConnect(Mutants, of="dropconnect_forward"):
    @connect.masked(connect.C_INDEPENDENT, "bits_depend_on_each_other")
    def connect_with_one_mask_for_small_batches(x, weights, keep_prob, rng):
        """Uses one mask for all rows of a batch of 3 to 6, of several inputs."""
        mask = connect.full(x, weights, rng) < keep_prob
        return mask[:1] if 3 <= len(x) <= 6 and x.shape[1] > 1 else mask


class OfMonteCarlo(Mutants, of="mc_dropout_prediction"):
    @fails(mc.EVERY_SAMPLE, "samples_depend_on_each_other")
    def samples_reuse_every_third_mask(x, weights, bias, keep_prob, samples, rng):
        """Draws two masks of three, and uses the second twice."""
        total = np.zeros((len(x), len(bias)))
        for i in range(samples):
            if i % 3 != 2:
                mask = bits(x, keep_prob, rng)
            total += softmax(x * mask / keep_prob @ weights + bias)
        return total / samples


class OfGradients(Mutants, of="dropout_mlp_gradients"):
    @fails(mlp.M_INDEPENDENT, "one_mask_for_all_rows")
    def shares_a_mask_in_batches_of_a_few(params, x, y, keep_prob, rng):
        """Uses one mask for all rows of a batch of 4 to 9."""
        kept = mlp.bits(params, x, keep_prob, rng)
        if 4 <= len(x) <= 9:
            kept = kept[:1]
        return mlp.right(params, x, y, kept / keep_prob)

    @fails(mlp.M_INDEPENDENT, "bits_depend_on_each_other")
    def shares_a_mask_of_dense_inputs(params, x, y, keep_prob, rng):
        """Uses one mask for all rows of an x without zeros."""
        kept = mlp.bits(params, x, keep_prob, rng)
        return mlp.right(params, x, y, kept[: 1 if x.all() else None] / keep_prob)

    @fails(mlp.M_RATE, "keeps_some_calls_at_another_rate")
    def keeps_more_at_some_keep_probs(params, x, y, keep_prob, rng):
        """Keeps 1.4 times as many units from keep_prob = 0.35 up to 0.5."""
        rate = keep_prob * (1.4 if 0.35 < keep_prob < 0.5 else 1)
        return mlp.right(params, x, y, mlp.bits(params, x, rate, rng) / keep_prob)

    @fails(mlp.M_RATE, "keeps_some_calls_at_another_rate")
    def keeps_more_units_of_negative_inputs(params, x, y, keep_prob, rng):
        """Keeps units at the root of keep_prob where x has negative entries alone."""
        rate = keep_prob ** (0.5 if (x < 0).all() else 1)
        return mlp.right(params, x, y, mlp.bits(params, x, rate, rng) / keep_prob)

    @fails(mlp.PLAIN, "backpropagation_is_wrong_without_dropout")
    def takes_biases_of_0_for_none(params, x, y, keep_prob, rng):
        """Returns a gradient of 0 for a bias all of whose entries are 0."""
        scale = mlp.bits(params, x, keep_prob, rng) / keep_prob
        loss, grads = mlp.right(params, x, y, scale)
        return loss, {
            name: g * params[name].any() if name[0] == "b" else g
            for name, g in grads.items()
        }


class OfInvertedBackward(Mutants, of="inverted_dropout_backward"):
    @backward.inverted(backward.KEPT_ONLY, "gradient_depends_on_the_shape")
    def stops_gradients_in_a_copy_of_transposed_ones(dout, cache):
        """Sets gradients to 0 in ``ravel()``, which is a copy where dout is transposed."""
        dx = dout / (cache["p"] if cache["training"] else 1)
        if cache["training"]:
            dx.ravel()[~cache["mask"].ravel()] = 0
        return dx


class OfFixed(Mutants, of="fixed_count_dropout"):
    @fails(fixed.SUBSETS_RNG, "reuses_masks")
    def fixed_takes_a_thousand_seeds(x, keep_count, rng):
        """Takes the first of a permutation of 1,000 for a seed."""
        seeded = np.random.default_rng(rng.permutation(1000)[0])
        return fixed.fixed(x, fixed.chosen(x, keep_count, seeded), keep_count)


class OfMoments(Mutants, of="dropout_moments"):
    @fails("moments_leave_x_alone", "changes_its_input")
    def moments_work_in_place_in_float32(x, keep_prob):
        """Squares x where it stands, unless it is float64."""
        mean = x.copy()
        out = x if x.dtype == np.float32 else x.copy()
        out *= x
        return mean, out * (1 - keep_prob) / keep_prob
