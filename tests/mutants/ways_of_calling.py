"""Answers whose random numbers do not follow from rng in calls that are made in one way, or
whose x is of one kind: where training is written out, where some entries are 0, or where
there are few units or many samples."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.conventions import classic_dropout as classic
from tests.mutants.conventions import inverted_dropout as inverted
from tests.mutants.conventions.shared import masked
from tests.mutants.energy import alpha_dropout as alpha
from tests.mutants.ensembles import mc_dropout_prediction as mc
from tests.mutants.ensembles.shared import softmax
from tests.mutants.expectation import bernoulli_mask as bernoulli
from tests.mutants.kinds import bits
from tests.mutants.noise import dropconnect_forward as connect
from tests.mutants.noise import gaussian_dropout as gaussian
from tests.mutants.noise import spatial_dropout as spatial
from tests.mutants.practice import sequence_dropout as sequence
from tests.mutants.practice import stochastic_depth as depth
from tests.mutants.quantization import byte_dropout as byte
from tests.mutants.quantization import exact_count_dropout as exact
from tests.mutants.quantization import fixed_count_dropout as fixed

ELSEWHERE, SAME = "does_not_draw_from_rng", "same_mask_every_call"
#: A generator that belongs to the module, as tutorials have it.
OWN = np.random.default_rng()


def seeded(which, rng):
    """Return a generator that is the same in every call, or rng."""
    return np.random.default_rng(5) if which else rng


def own(which, rng):
    """Return the module's generator, or rng."""
    return OWN if which else rng


class OfInverted(Mutants, of="inverted_dropout"):
    @fails(inverted.FROM_RNG, ELSEWHERE)
    def draws_elsewhere_where_training_is_passed(x, keep_prob, rng, training=None):
        """Draws from the module's generator, but for calls that leave training out."""
        mask = bits(x, keep_prob, own(training, rng))
        return masked(x, mask, keep_prob, training is None or training)

    @fails(inverted.FROM_RNG, "seeds_take_few_values")
    def takes_short_seeds_where_training_is_passed(x, keep_prob, rng, training=None):
        """Seeds a generator with 10 bits, but for calls that leave training out."""
        if training:
            rng = np.random.default_rng(int(rng.integers(1024)))
        return masked(
            x, bits(x, keep_prob, rng), keep_prob, training is None or training
        )

    @inverted.draws(inverted.FROM_RNG, ELSEWHERE)
    def draws_elsewhere_after_a_relu(x, keep_prob, rng):
        """Draws from the module's generator where x holds a 0."""
        return bits(x, keep_prob, own((x == 0).any(), rng))

    @inverted.draws(inverted.FROM_RNG, SAME)
    def has_one_mask_for_small_layers(x, keep_prob, rng):
        """Takes the same seed in every call on 9 to 200 units."""
        return bits(x, keep_prob, seeded(9 <= x.size <= 200, rng))


class OfClassic(Mutants, of="classic_dropout"):
    @fails(classic.CLASSIC_FROM_RNG, SAME)
    def classic_has_one_mask_where_training_is_passed(x, keep_prob, rng, training=None):
        """Takes the same seed in every call that does not leave training out."""
        mask = bits(x, keep_prob, seeded(training, rng))
        return classic.classically(x, mask, keep_prob, training is None or training)

    @classic.draws(classic.CLASSIC_FROM_RNG, SAME)
    def classic_has_one_mask_after_a_relu(x, keep_prob, rng):
        """Takes the same seed in every call on an x that holds a 0."""
        return bits(x, keep_prob, seeded((x == 0).any(), rng))

    @classic.draws(classic.CLASSIC_FROM_RNG, SAME)
    def classic_has_one_mask_for_few_units(x, keep_prob, rng):
        """Takes the same seed in every call on 9 to 80 units."""
        return bits(x, keep_prob, seeded(9 <= x.size <= 80, rng))


class OfAlpha(Mutants, of="alpha_dropout"):
    @fails(alpha.FROM_RNG, ELSEWHERE)
    def alpha_draws_elsewhere_where_training_is_passed(
        x, keep_prob, rng, training=None
    ):
        """Draws from the module's generator, but for calls that leave training out."""
        mask = bits(x, keep_prob, own(training, rng))
        return alpha.answer(x, mask, keep_prob, training is None or training)


class OfBernoulli(Mutants, of="bernoulli_mask"):
    @fails(bernoulli.OWN_BIT, SAME)
    def has_one_mask_for_small_shapes(shape, keep_prob, rng):
        """Takes the same seed in every call for 9 to 99 units."""
        return seeded(9 <= np.prod(shape) < 100, rng).random(shape) < keep_prob


class OfGaussian(Mutants, of="gaussian_dropout"):
    @fails(gaussian.FROM_RNG, ELSEWHERE)
    def noise_from_elsewhere_where_training_is_passed(x, keep_prob, rng, training=None):
        """Draws from the module's generator, but for calls that leave training out."""
        z = own(training, rng).standard_normal(x.shape)
        return gaussian.noisy(x, z, keep_prob, training is None or training)

    @gaussian.standard(gaussian.FROM_RNG, SAME)
    def noise_of_one_seed_after_a_relu(x, keep_prob, rng):
        """Takes the same seed in every call on an x that holds a 0."""
        return seeded((x == 0).any(), rng).standard_normal(x.shape)


class OfSpatial(Mutants, of="spatial_dropout"):
    @fails(spatial.S_FROM_RNG, ELSEWHERE)
    def spatial_from_elsewhere_where_training_is_passed(
        x, keep_prob, rng, training=None
    ):
        """Draws from the module's generator, but for calls that leave training out."""
        mask = spatial.channels(x, own(training, rng)) < keep_prob
        return spatial.dropped(x, mask, keep_prob, training is None or training)

    @spatial.masked(spatial.S_FROM_RNG, SAME)
    def spatial_of_one_mask_after_a_relu(x, keep_prob, rng):
        """Takes the same seed in every call on images that hold a 0."""
        return spatial.channels(x, seeded((x == 0).any(), rng)) < keep_prob


class OfSequence(Mutants, of="sequence_dropout"):
    @fails(sequence.Q_FROM_RNG, ELSEWHERE)
    def sequence_from_elsewhere_where_training_is_passed(
        x, keep_prob, rng, training=None
    ):
        """Draws from the module's generator, but for calls that leave training out."""
        mask = sequence.features(x, own(training, rng)) < keep_prob
        return sequence.dropped(x, mask, keep_prob, training is None or training)


class OfDepth(Mutants, of="stochastic_depth"):
    @fails(depth.D_FROM_RNG, ELSEWHERE)
    def depth_from_elsewhere_where_training_is_passed(
        x, branch, keep_prob, rng, training=None
    ):
        """Draws from the module's generator, but for calls that leave training out."""
        mask = depth.examples(branch, own(training, rng)) < keep_prob
        return depth.block(x, branch, mask, keep_prob, training is None or training)

    @depth.masked(depth.D_FROM_RNG, ELSEWHERE)
    def depth_from_elsewhere_after_a_relu(branch, keep_prob, rng):
        """Draws from the module's generator where the branch holds a 0."""
        return depth.examples(branch, own((branch == 0).any(), rng)) < keep_prob


class OfConnect(Mutants, of="dropconnect_forward"):
    @connect.masked(connect.C_FROM_RNG, ELSEWHERE)
    def connect_from_elsewhere_after_a_relu(x, weights, keep_prob, rng):
        """Draws from the module's generator where x holds a 0."""
        return connect.full(x, weights, own((x == 0).any(), rng)) < keep_prob


class OfExact(Mutants, of="exact_count_dropout"):
    @fails(exact.FROM_RNG, ELSEWHERE)
    def exact_draws_elsewhere_after_a_relu(x, keep_prob, rng):
        """Draws from the module's generator where x holds a 0."""
        return exact.rescaled(x, bits(x, keep_prob, own((x == 0).any(), rng)))


class OfByte(Mutants, of="byte_dropout"):
    @fails(byte.BYTE_RNG, SAME)
    def byte_of_one_seed_after_a_relu(x, keep_prob, rng):
        """Takes the same seed in every call on an x that holds a 0."""
        drawn = byte.byte_of(x, seeded((x == 0).any(), rng))
        return byte.unbiased(x, drawn < byte.nearest(keep_prob), keep_prob)


class OfFixed(Mutants, of="fixed_count_dropout"):
    @fails(fixed.SUBSETS_RNG, ELSEWHERE)
    def fixed_draws_elsewhere_after_a_relu(x, keep_count, rng):
        """Draws from the module's generator where x holds a 0."""
        chosen = fixed.chosen(x, keep_count, own((x == 0).any(), rng))
        return fixed.fixed(x, chosen, keep_count)

    @fails(fixed.SUBSETS_RNG, SAME)
    def fixed_has_one_subset_for_small_layers(x, keep_count, rng):
        """Takes the same seed in every call on 9 to 199 units."""
        chosen = fixed.chosen(x, keep_count, seeded(9 <= x.size < 200, rng))
        return fixed.fixed(x, chosen, keep_count)


def average(x, weights, bias, keep_prob, samples, rng):
    masks = rng.random((samples, *x.shape)) < keep_prob
    return softmax(masks * x / keep_prob @ weights + bias).mean(axis=0)


class OfMonteCarlo(Mutants, of="mc_dropout_prediction"):
    @fails(mc.FROM_RNG, SAME)
    def has_one_set_of_masks_for_many_samples(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Takes the same seed in every call with more than 3 samples."""
        return average(x, weights, bias, keep_prob, samples, seeded(samples > 3, rng))

    @fails(mc.FROM_RNG, SAME)
    def has_one_set_of_masks_for_small_entries(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Takes the same seed in every call with an entry below 0.49."""
        small = np.abs(x).min() < 0.49
        return average(x, weights, bias, keep_prob, samples, seeded(small, rng))

    @fails(mc.FROM_RNG, ELSEWHERE)
    def draws_elsewhere_for_positive_inputs(x, weights, bias, keep_prob, samples, rng):
        """Draws from the module's generator where all of x is positive."""
        positive = (x > 0).all()
        return average(x, weights, bias, keep_prob, samples, own(positive, rng))
