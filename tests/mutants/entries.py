"""Answers that are right for arrays as one draws them for a test, and wrong for such as
people have: mostly zeros, from 0 to 1, about another mean, in order."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.backward import inverted_dropout_backward as backward
from tests.mutants.conventions import classic_dropout as classic
from tests.mutants.conventions import inverted_dropout as inverted
from tests.mutants.energy import alpha_dropout as alpha
from tests.mutants.kinds import KIND, bits
from tests.mutants.noise import gaussian_dropout as gaussian
from tests.mutants.noise import spatial_dropout as spatial
from tests.mutants.practice import sequence_dropout as sequence
from tests.mutants.practice import stochastic_depth as depth
from tests.mutants.quantization import byte_dropout as byte
from tests.mutants.quantization import exact_count_dropout as exact
from tests.mutants.quantization import fixed_count_dropout as fixed


def sparse(x):
    return x.size > 30 and 0.6 < (x == 0).mean() < 1


def pixels(x):
    return x.size > 12 and 0.01 < np.abs(x).max() < 1


def offset(x):
    mean = np.abs(x.mean(dtype=float))
    return x.size > 100 and x.all() and 0.2 < mean / np.sqrt((x**2.0).mean()) < 0.88


def spared(x, keep_prob, of):
    """Return the rate: 1 where nothing is dropped, of such arrays."""
    return 1.0 if of(x) else keep_prob


class OfInverted(Mutants, of="inverted_dropout"):
    @inverted.draws(inverted.RATE, KIND)
    def drops_nothing_of_sparse_layers(x, keep_prob, rng):
        """Spares what has lost most of its units in a ReLU."""
        return bits(x, spared(x, keep_prob, sparse), rng)

    @inverted.draws(inverted.RATE, KIND)
    def drops_nothing_of_pixels(x, keep_prob, rng):
        """Spares images, whose entries do not go beyond 1."""
        return bits(x, spared(x, keep_prob, pixels), rng)

    @inverted.draws(inverted.RATE, KIND)
    def drops_nothing_that_is_not_centred(x, keep_prob, rng):
        """Spares layers that no batch normalisation came before."""
        return bits(x, spared(x, keep_prob, offset), rng)

    @inverted.draws(inverted.RATE, KIND)
    def drops_nothing_of_bytes(x, keep_prob, rng):
        """Spares whole numbers up to 255."""

        def whole(x):
            return x.size > 20 and (x == np.rint(x)).all() and 4 < np.abs(x).max() < 256

        return bits(x, spared(x, keep_prob, whole), rng)

    @inverted.draws(inverted.RATE, KIND)
    def drops_nothing_of_what_grows(x, keep_prob, rng):
        """Spares entries in order, as those of a clock."""

        def ordered(x):
            return x.size > 5 and (np.diff(x.ravel()) > 0).all()

        return bits(x, spared(x, keep_prob, ordered), rng)

    @inverted.draws(inverted.RATE, KIND)
    def drops_nothing_of_equal_rows(x, keep_prob, rng):
        """Spares a row that was repeated for all examples."""

        def repeated(x):
            return x.ndim > 1 and len(x) > 1 and np.ptp(x) and (x == x[:1]).all()

        return bits(x, spared(x, keep_prob, repeated), rng)


class OfClassic(Mutants, of="classic_dropout"):
    @classic.draws(classic.CLASSIC_RATE, KIND)
    def classic_drops_nothing_of_pixels(x, keep_prob, rng):
        """Spares images, whose entries do not go beyond 1."""
        return bits(x, spared(x, keep_prob, pixels), rng)


class OfAlpha(Mutants, of="alpha_dropout"):
    @fails(alpha.RATE, KIND)
    def alpha_drops_nothing_of_one_size(x, keep_prob, rng, training=True):
        """Spares entries that are c or -c."""

        def of_one_size(x):
            return x.size > 10 and np.ptp(x) and not np.ptp(np.abs(x))

        mask = bits(x, spared(x, keep_prob, of_one_size), rng)
        return alpha.answer(x, mask, keep_prob, training)

    @fails(alpha.RATE, KIND)
    def alpha_drops_nothing_of_sparse_layers(x, keep_prob, rng, training=True):
        """Spares what has lost most of its units in a ReLU."""
        mask = bits(x, spared(x, keep_prob, sparse), rng)
        return alpha.answer(x, mask, keep_prob, training)


class OfGaussian(Mutants, of="gaussian_dropout"):
    @fails(gaussian.VARIANCE, "some_calls_have_other_factors")
    def no_noise_on_sparse_layers(x, keep_prob, rng, training=True):
        """Spares what has lost most of its units in a ReLU."""
        z = rng.standard_normal(x.shape) * (not sparse(x))
        return gaussian.noisy(x, z, keep_prob, training)


class OfSpatial(Mutants, of="spatial_dropout"):
    @fails(spatial.S_RATE, KIND)
    def spatial_keeps_all_of_drawings(x, keep_prob, rng, training=True):
        """Spares images most of which is blank."""
        mask = spatial.channels(x, rng) < spared(x, keep_prob, sparse)
        return spatial.dropped(x, mask, keep_prob, training)


class OfSequence(Mutants, of="sequence_dropout"):
    @sequence.masked(sequence.Q_RATE, KIND)
    def sequence_keeping_all_of_one_hot_ones(x, keep_prob, rng):
        """Spares words, of which most entries are 0."""
        return sequence.features(x, rng) < spared(x, keep_prob, sparse)


class OfDepth(Mutants, of="stochastic_depth"):
    @depth.masked(depth.D_RATE, KIND)
    def depth_keeping_branches_that_are_not_centred(x, keep_prob, rng):
        """Keeps all branches that no batch normalisation came before."""
        return depth.examples(x, rng) < spared(x, keep_prob, offset)


class OfExact(Mutants, of="exact_count_dropout"):
    @fails(exact.RATE, KIND)
    def exact_keeps_all_of_sparse_layers(x, keep_prob, rng):
        """Spares what has lost most of its units in a ReLU."""
        return exact.rescaled(x, bits(x, spared(x, keep_prob, sparse), rng))


class OfByte(Mutants, of="byte_dropout"):
    @fails(byte.BYTE_RATE, KIND)
    def byte_keeps_all_of_pixels(x, keep_prob, rng):
        """Spares images, whose entries do not go beyond 1."""
        t = 256 if pixels(x) else byte.nearest(keep_prob)
        return byte.unbiased(x, byte.byte_of(x, rng) < t, keep_prob)


class OfFixed(Mutants, of="fixed_count_dropout"):
    @fails(fixed.UNIFORM, "drops_by_place")
    def fixed_keeps_the_first_of_pixels(x, keep_count, rng):
        """Keeps the first units of small images, whose entries do not go beyond 1."""
        mask = fixed.chosen(x, keep_count, rng)
        if pixels(x) and x.shape[1] <= 20:
            mask = np.broadcast_to(np.arange(x.shape[1]) < keep_count, x.shape)
        return fixed.fixed(x, mask, keep_count)


class OfInvertedBackward(Mutants, of="inverted_dropout_backward"):
    @backward.inverted(backward.SCALE, "gradient_depends_on_the_shape")
    def lets_sparse_gradients_through(dout, cache):
        """Returns dout where most of it is 0, since there is little to stop."""
        if not cache["training"] or sparse(dout):
            return dout.copy()
        return dout * cache["mask"] / cache["p"]

    @backward.inverted(backward.KEPT_ONLY, "gradient_depends_on_the_shape")
    def lets_middling_gradients_through(dout, cache):
        """Returns dout whose entries do not go beyond 1, but for tiny ones."""
        if not cache["training"] or pixels(dout):
            return dout.copy()
        return dout * cache["mask"] / cache["p"]
