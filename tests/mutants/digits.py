"""Answers that are wrong where keep_prob has many digits, or few; after a forward pass in
which training=True is written out; for dout of another dtype; and in small arrays."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.backward import classic_dropout_backward as classic_back
from tests.mutants.backward import inverted_dropout_backward as backward
from tests.mutants.conventions import classic_dropout as classic
from tests.mutants.conventions import inverted_dropout as inverted
from tests.mutants.conventions.shared import masked
from tests.mutants.energy import expected_energy as energy
from tests.mutants.expectation import bernoulli_mask as bernoulli
from tests.mutants.practice import sequence_dropout as sequence
from tests.mutants.practice import stochastic_depth as depth

DEPENDENT = "bits_depend_on_each_other"


def many(keep_prob):
    """Return whether keep_prob has more than five decimals, as 1/3 has."""
    return keep_prob != round(keep_prob, 5)


def bits(x, keep_prob, rng):
    return rng.random(x.shape) < keep_prob


def one_bit(x, keep_prob, rng):
    return np.full(x.shape, rng.random() < keep_prob)


def in_pairs(x, keep_prob, rng):
    """Return a mask in which neighbours along the last axis share a bit."""
    mask, even = bits(x, keep_prob, rng), x.shape[-1] // 2 * 2
    mask[..., 1:even:2] = mask[..., 0:even:2]
    return mask


class OfInverted(Mutants, of="inverted_dropout"):
    @inverted.scales(inverted.SCALE, "scale_fits_some_keep_probs")
    def divides_by_half_where_there_are_many_digits(x, mask, keep_prob):
        """Takes a keep_prob of few digits from a table, and 0.5 for any other keep_prob."""
        return x * mask / (0.5 if many(keep_prob) else keep_prob)

    @inverted.draws(inverted.FROM_RNG, "does_not_draw_from_rng")
    def draws_elsewhere_where_there_are_many_digits(x, keep_prob, rng):
        """Has a generator of its own for what has many digits."""
        return bits(x, keep_prob, np.random.default_rng() if many(keep_prob) else rng)

    @inverted.tests(inverted.TEST, "changes_x_at_test")
    def rescales_where_there_are_many_digits_at_test(x, keep_prob):
        """Multiplies at test by what is left of keep_prob behind five digits."""
        return x * 3.0 if many(keep_prob) else x

    @inverted.draws(inverted.INDEPENDENT, DEPENDENT)
    def throws_one_coin_for_an_example_of_few_units(x, keep_prob, rng):
        """Draws one number for all of a few units: takes a batch of one for one unit."""
        small = x.ndim == 2 and len(x) == 1 and x.size <= 20
        return (one_bit if small else bits)(x, keep_prob, rng)

    @inverted.draws(inverted.INDEPENDENT, DEPENDENT)
    def throws_one_coin_for_few_units(x, keep_prob, rng):
        """Keeps arrays of 3 to 8 units whole."""
        return (one_bit if 3 <= x.size <= 8 else bits)(x, keep_prob, rng)

    @inverted.draws(inverted.INDEPENDENT, DEPENDENT)
    def shares_bits_of_neighbours_in_some_small_arrays(x, keep_prob, rng):
        """Drops pairs of neighbours in arrays of 9 to 40 units."""
        return (in_pairs if 9 <= x.size <= 40 else bits)(x, keep_prob, rng)


class OfClassic(Mutants, of="classic_dropout"):
    @classic.tests(classic.CLASSIC_TEST, "changes_x_at_test")
    def forgets_the_factor_of_many_digits_at_test(x, keep_prob):
        """Multiplies by what has few digits alone."""
        return x if many(keep_prob) else keep_prob * x

    @classic.draws(classic.CLASSIC_INDEPENDENT, DEPENDENT)
    def throws_one_coin_for_a_short_vector(x, keep_prob, rng):
        """Draws one number for a few units: takes a vector of up to 20 for one unit."""
        return (one_bit if x.ndim == 1 and x.size <= 20 else bits)(x, keep_prob, rng)


class OfSequences(Mutants, of="sequence_dropout"):
    @fails(sequence.Q_SCALE, "scale_fits_some_keep_probs")
    def multiplies_by_five_where_there_are_many_digits(
        x, keep_prob, rng, training=True
    ):
        """Has a factor of its own where keep_prob has many digits."""
        mask = sequence.features(x, rng) < keep_prob
        return masked(x, mask, 0.2 if many(keep_prob) else keep_prob, training)


class OfDepth(Mutants, of="stochastic_depth"):
    @fails(depth.D_FROM_RNG, "does_not_draw_from_rng")
    def draws_elsewhere_where_there_are_many_digits(
        x, branch, keep_prob, rng, training=True
    ):
        """Has a generator of its own for what has many digits."""
        if not training:
            return x + branch
        rng = np.random.default_rng() if many(keep_prob) else rng
        mask = rng.random((len(x), *[1] * (x.ndim - 1))) < keep_prob
        return x + branch * mask / keep_prob


class OfBernoulli(Mutants, of="bernoulli_mask"):
    @fails(bernoulli.INDEPENDENT, DEPENDENT)
    def throws_one_coin_for_a_single_short_row(shape, keep_prob, rng):
        """Draws one number for all of a few units: takes a batch of one for one unit."""
        few = len(shape) == 2 and shape[0] == 1 and shape[1] <= 40
        return (one_bit if few else bits)(np.empty(shape), keep_prob, rng)


def forgets_its_mask_if_told_to_train(x, keep_prob, rng, training=None):
    out, cache = backward.keeps_all(x, keep_prob, rng, training in (None, True))
    return out, None if training else cache


class OfInvertedBackward(Mutants, of="inverted_dropout_backward"):
    @backward.inverted(
        backward.KEPT_ONLY,
        "drops_in_the_forward_pass_only",
        forgets_its_mask_if_told_to_train,
    )
    def lets_all_through_where_training_is_passed(dout, cache):
        """Finds no mask where training=True is written out."""
        if cache is None or not cache["training"]:
            return dout.copy()
        return dout * cache["mask"] / cache["p"]

    @backward.inverted_training(backward.KEPT_ONLY, "gradient_depends_on_the_shape")
    def lets_single_precision_through(dout, cache):
        """Takes a gradient of fewer digits than x has for one of a frozen layer."""
        if dout.dtype == np.float32 and cache["x"].dtype == np.float64:
            return dout.copy()
        return dout * cache["mask"] / cache["p"]


def forgets_its_classic_mask_if_told_to_train(x, keep_prob, rng, training=None):
    if training is False:
        return keep_prob * x, keep_prob
    mask = rng.random(x.shape) < keep_prob
    return x * mask, keep_prob if training else mask


class OfClassicBackward(Mutants, of="classic_dropout_backward"):
    @fails(
        classic_back.C_KEPT_ONLY,
        "drops_in_the_forward_pass_only",
        classic_dropout=forgets_its_classic_mask_if_told_to_train,
    )
    def scales_all_where_training_is_passed(dout, cache):
        """Skips the dropout where training=True is written out."""
        return dout * cache


class OfEnergies(Mutants, of="expected_energy"):
    @fails((energy.NONE, energy.MEAN), "multiplies_the_energy_by_another_factor")
    def is_wrong_at_one_half(x, keep_prob, scaling):
        """Has a case of its own for a keep_prob of 0.5, which is left from a trial."""
        return energy.right_energy(x, 1.0 if keep_prob == 0.5 else keep_prob, scaling)
