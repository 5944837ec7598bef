"""Answers that keep units of small arrays at another rate, and right in larger ones."""

import math

from tests.bank import Mutants, fails
from tests.mutants.conventions import classic_dropout as classic
from tests.mutants.conventions import inverted_dropout as inverted
from tests.mutants.energy import alpha_dropout as alpha
from tests.mutants.expectation import bernoulli_mask as bernoulli
from tests.mutants.kinds import KIND, bits
from tests.mutants.noise import spatial_dropout as spatial
from tests.mutants.practice import sequence_dropout as sequence
from tests.mutants.practice import stochastic_depth as depth
from tests.mutants.quantization import byte_dropout as byte


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


class OfByte(Mutants, of="byte_dropout"):
    @fails(byte.BYTE_RATE, KIND)
    def byte_by_two_masks_in_small_arrays(x, keep_prob, rng):
        """Keeps what two bytes of each unit keep in arrays of up to 20 units."""
        t = byte.nearest(keep_prob)
        kept = byte.byte_of(x, rng) < t
        if x.size <= 20:
            kept &= byte.byte_of(x, rng) < t
        return byte.unbiased(x, kept, keep_prob)
