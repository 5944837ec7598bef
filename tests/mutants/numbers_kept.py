"""Answers whose masks keep a fixed number of units in some calls, or are symmetric, or share
a coin where a keep probability lies away from one half."""

import math

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.conventions import classic_dropout as classic
from tests.mutants.conventions import inverted_dropout as inverted
from tests.mutants.energy import alpha_dropout as alpha
from tests.mutants.expectation import bernoulli_mask as bernoulli
from tests.mutants.kinds import bits
from tests.mutants.noise import dropconnect_forward as connect
from tests.mutants.noise import spatial_dropout as spatial
from tests.mutants.practice import sequence_dropout as sequence
from tests.mutants.practice import stochastic_depth as depth
from tests.mutants.quantization import byte_dropout as byte
from tests.mutants.quantization import exact_count_dropout as exact

NEAR, DEPEND = "varies_the_count_too_little", "bits_depend_on_each_other"


def fixed(shape, keep_prob, rng, most=400):
    """Return a mask that keeps a fixed number of more than ``most`` units."""
    units = math.prod(shape)
    if units <= most:
        return rng.random(shape) < keep_prob
    return rng.permutation(np.arange(units) < units * keep_prob).reshape(shape)


def away(keep_prob):
    return abs(keep_prob - 0.5) > 0.05


class OfInverted(Mutants, of="inverted_dropout"):
    @inverted.draws(inverted.INDEPENDENT, NEAR)
    def shuffles_a_fixed_number_in_large_arrays(x, keep_prob, rng):
        """Mends the count of large arrays until it fits: a shuffled mask of fixed count."""
        return fixed(x.shape, keep_prob, rng)

    @inverted.draws(inverted.INDEPENDENT, NEAR)
    def shuffles_a_fixed_number_in_small_arrays(x, keep_prob, rng):
        """Mends the count of arrays of 3 to 40 units, but for keep_prob near one half: it
        is the mean, rounded at random."""
        if 2 < x.size <= 40 and away(keep_prob):
            kept = int(x.size * keep_prob + rng.random())
            return rng.permutation(np.arange(x.size) < kept).reshape(x.shape)
        return bits(x, keep_prob, rng)

    @inverted.draws(inverted.INDEPENDENT, DEPEND)
    def throws_a_coin_for_small_arrays_away_from_half(x, keep_prob, rng):
        """One coin serves up to 8 units, but for keep_prob near one half."""
        if x.size <= 8 and away(keep_prob):
            return np.full(x.shape, rng.random() < keep_prob)
        return bits(x, keep_prob, rng)


class OfClassic(Mutants, of="classic_dropout"):
    @classic.draws(classic.CLASSIC_INDEPENDENT, DEPEND)
    def classic_by_symmetric_masks(x, keep_prob, rng):
        """Mirrors the mask of a square matrix at its diagonal."""
        mask = bits(x, keep_prob, rng)
        if x.ndim == 2 and x.shape[0] == x.shape[1]:
            return np.triu(mask) | np.triu(mask, 1).T
        return mask

    @classic.draws(classic.CLASSIC_INDEPENDENT, DEPEND)
    def classic_by_neighbours_away_from_half(x, keep_prob, rng):
        """Neighbours of up to 40 units share a bit, but for keep_prob near one half."""
        mask = bits(x, keep_prob, rng).ravel()
        if x.size <= 40 and away(keep_prob):
            mask[1::2] = mask[: mask.size // 2 * 2 : 2]
        return mask.reshape(x.shape)


class OfBernoulli(Mutants, of="bernoulli_mask"):
    @fails(bernoulli.INDEPENDENT, DEPEND)
    def turns_square_masks_by_a_quarter(shape, keep_prob, rng):
        """Uses the numbers of a quarter of a square mask again for the others, turned."""
        mask = rng.random(shape) < keep_prob
        if len(shape) == 2 and shape[0] == shape[1] and shape[0] % 2 == 0:
            half = shape[0] // 2
            for _ in range(3):
                first = mask[:half, :half].copy()
                mask = np.rot90(mask)
                mask = mask.copy()
                mask[:half, :half] = first
        return mask


class OfAlpha(Mutants, of="alpha_dropout"):
    @fails(alpha.INDEPENDENT, NEAR)
    def alpha_with_a_fixed_number_in_large_arrays(x, keep_prob, rng, training=True):
        """Mends the count of large arrays until it fits: a shuffled mask of fixed count."""
        return alpha.answer(x, fixed(x.shape, keep_prob, rng), keep_prob, training)


class OfSpatial(Mutants, of="spatial_dropout"):
    @spatial.masked(spatial.S_INDEPENDENT, NEAR)
    def spatial_with_a_fixed_number_in_large_batches(x, keep_prob, rng):
        """Mends the count of many channels until it fits: a shuffled mask."""
        return fixed((*x.shape[:2], 1, 1), keep_prob, rng)


class OfSequence(Mutants, of="sequence_dropout"):
    @sequence.masked(sequence.Q_INDEPENDENT, NEAR)
    def sequence_with_a_fixed_number_in_large_batches(x, keep_prob, rng):
        """Mends the count of many features until it fits: a shuffled mask."""
        return fixed((1, *x.shape[1:]), keep_prob, rng)


class OfDepth(Mutants, of="stochastic_depth"):
    @depth.masked(depth.D_INDEPENDENT, NEAR)
    def depth_with_a_fixed_number_in_large_batches(x, keep_prob, rng):
        """Mends the count of many branches until it fits: a shuffled mask."""
        return fixed(depth.examples(x, rng).shape, keep_prob, rng)


class OfConnect(Mutants, of="dropconnect_forward"):
    @connect.masked(connect.C_INDEPENDENT, NEAR)
    def connect_with_a_fixed_number_of_many_weights(x, weights, keep_prob, rng):
        """Mends the count of many weights until it fits: a shuffled mask."""
        return fixed((len(x), *weights.shape), keep_prob, rng)


class OfByte(Mutants, of="byte_dropout"):
    @fails(byte.BYTE_PAIRS, NEAR)
    def byte_with_a_fixed_number_in_large_arrays(x, keep_prob, rng):
        """Mends the count of large arrays until it fits: a shuffled mask of fixed count."""
        kept = fixed(x.shape, byte.nearest(keep_prob) / 256, rng)
        return byte.unbiased(x, kept, keep_prob)


class OfExact(Mutants, of="exact_count_dropout"):
    @fails(exact.INDEPENDENT, NEAR)
    def exact_with_a_fixed_number_in_large_arrays(x, keep_prob, rng):
        """Mends the count of large arrays until it fits: a shuffled mask of fixed count."""
        return exact.rescaled(x, fixed(x.shape, keep_prob, rng))
