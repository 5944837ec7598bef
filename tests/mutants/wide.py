"""Answers that are right in narrow rows, or in small calls, or for a unit alone: wide rows
share or repeat masks, calls repeat them, and units look at those beside them."""

import copy

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.backward import dropout_mlp_gradients as mlp
from tests.mutants.conventions import classic_dropout as classic
from tests.mutants.conventions import inverted_dropout as inverted
from tests.mutants.ensembles import mc_dropout_prediction as mc
from tests.mutants.ensembles.shared import softmax
from tests.mutants.expectation import bernoulli_mask as bernoulli
from tests.mutants.kinds import KIND
from tests.mutants.noise import dropconnect_forward as connect
from tests.mutants.noise import gaussian_dropout as gaussian
from tests.mutants.noise import spatial_dropout as spatial
from tests.mutants.practice import sequence_dropout as sequence
from tests.mutants.practice import stochastic_depth as depth
from tests.mutants.quantization import byte_dropout as byte
from tests.mutants.quantization import exact_count_dropout as exact
from tests.mutants.quantization import fixed_count_dropout as fixed

DEPEND, AGAIN, VALUE = "bits_depend_on_each_other", "reuses_masks", "drops_by_value"


def is_wide(shape):
    return len(shape) > 1 and shape[-1] > 100


def shared(shape, rng):
    """Return uniform numbers, the same in all rows of more than 100 units."""
    return np.broadcast_to(rng.random(shape[-1:] if is_wide(shape) else shape), shape)


def moved(shape, rng):
    """Return uniform numbers, which are those of the call before but for 200 places."""
    numbers = copy.deepcopy(rng).random(shape)
    rng.random(min(numbers.size, 200))
    return numbers


def stuck(shape, rng, few=400, many=60_000):
    """Return uniform numbers, the same in the next call but for few or many."""
    whole = few < np.prod(shape) <= many
    return (copy.deepcopy(rng) if whole else rng).random(shape)


def rates(keep_prob, favoured, more=0.25):
    """Return rates that are greater by up to so much for units that are favoured, and less
    for others, if there are both."""
    more = min(more, keep_prob, 1 - keep_prob) * favoured.any()
    return keep_prob + np.where(favoured, more, -more)


def share_below(values):
    """Return of each value how large a share of them is below it."""
    return np.searchsorted(np.sort(values, axis=None), values) / values.size


def beside_great_ones(values):
    """Return which values have one of the greater half behind them."""
    return np.roll(share_below(values), -1) >= 0.5


class OfInverted(Mutants, of="inverted_dropout"):
    @inverted.draws(inverted.RATE, KIND)
    def spares_units_past_the_hundredth(x, keep_prob, rng):
        """Draws bits for the first 100 units of a row and keeps all others."""
        mask = rng.random(x.shape) < keep_prob
        if x.ndim > 1 and len(x) > 1:
            mask[..., 100:] = True
        return mask

    @inverted.draws(inverted.INDEPENDENT, DEPEND)
    def shares_the_mask_of_wide_rows(x, keep_prob, rng):
        """Uses one mask for all rows of more than 100 units."""
        return shared(x.shape, rng) < keep_prob

    @inverted.draws(inverted.INDEPENDENT, DEPEND)
    def repeats_the_columns_of_wide_rows(x, keep_prob, rng):
        """Draws 50 columns and uses them again for the others, where keep_prob is from 0.1
        to 0.9: near its ends so few bits have a rate of their own."""
        numbers = rng.random(x.shape)
        again = x.ndim > 1 and len(x) > 1 and 0.1 <= keep_prob <= 0.9
        for column in range(50, x.shape[-1] if again else 0):
            numbers[..., column] = numbers[..., column - 50]
        return numbers < keep_prob

    @inverted.draws(inverted.INDEPENDENT, AGAIN)
    def copies_rng_for_layers_of_usual_size(x, keep_prob, rng):
        """Draws from a copy of rng, which stays where it is, above 400 units: two calls
        that share rng get the same mask twice."""
        return stuck(x.shape, rng) < keep_prob

    @inverted.draws(inverted.INDEPENDENT, DEPEND)
    def moves_the_last_mask_along(x, keep_prob, rng):
        """Draws 200 new numbers in a call and shifts those of the call before."""
        return moved(x.shape, rng) < keep_prob

    @inverted.draws(inverted.INDEPENDENT, DEPEND)
    def remembers_the_masks_of_batches(x, keep_prob, rng, masks={}):  # noqa: B006
        """Stores the mask of each batch, and takes it twice where the batch comes again."""
        key = id(rng), x.tobytes(), keep_prob
        if key not in masks:
            masks[key] = rng.random(x.shape) < keep_prob, rng
        else:
            rng.random()
        return masks[key][0]

    @inverted.draws(inverted.RATE, VALUE)
    def keeps_units_beside_large_ones(x, keep_prob, rng):
        """Keeps a unit more often where the next one has a large value."""
        return rng.random(x.shape) < rates(keep_prob, beside_great_ones(x), 0.05)

    @inverted.draws(inverted.RATE, VALUE)
    def keeps_units_of_middling_size(x, keep_prob, rng):
        """Drops outliers, large or small, more often than others, but where entries are in
        order: there they are outer places as well."""
        middling = np.abs(share_below(np.abs(x)) - 0.5) < 0.25
        steps = np.diff(x.ravel())
        middling &= bool((steps < 0).any() and (steps > 0).any())
        return rng.random(x.shape) < rates(keep_prob, middling, 0.08)


class OfClassic(Mutants, of="classic_dropout"):
    @classic.draws(classic.CLASSIC_INDEPENDENT, DEPEND)
    def classic_with_one_mask_of_wide_rows(x, keep_prob, rng):
        """Uses one mask for all rows of more than 100 units."""
        return shared(x.shape, rng) < keep_prob


class OfBernoulli(Mutants, of="bernoulli_mask"):
    @fails(bernoulli.RATE, KIND)
    def keeps_all_past_the_hundredth(shape, keep_prob, rng):
        """Draws bits for the first 100 units of a row and keeps all others."""
        mask = rng.random(shape) < keep_prob
        if len(shape) > 1 and shape[0] > 1:
            mask[..., 100:] = keep_prob > 0
        return mask

    @fails(bernoulli.INDEPENDENT, DEPEND)
    def draws_one_mask_for_wide_rows(shape, keep_prob, rng):
        """Uses one mask for all rows of more than 100 units."""
        return shared(shape, rng) < keep_prob


class OfGradients(Mutants, of="dropout_mlp_gradients"):
    @fails(mlp.M_INDEPENDENT, "one_mask_for_all_rows")
    def shares_the_mask_of_wide_layers(params, x, y, keep_prob, rng):
        """Uses one mask for all rows of more than 100 hidden units."""
        mask = shared((len(x), len(params["b1"])), rng) < keep_prob
        return mlp.right(params, x, y, mask / keep_prob)

    @fails(mlp.M_RNG, AGAIN)
    def copies_rng_in_steps_of_some_size(params, x, y, keep_prob, rng):
        """Draws from a copy of rng, which stays where it is, for 30 to 399 hidden units or
        601 to 3,000: two steps that share rng get the same mask twice."""
        shape = len(x), len(params["b1"])
        some = 30 <= np.prod(shape) < 400 or 601 <= np.prod(shape) <= 3000
        mask = (copy.deepcopy(rng) if some else rng).random(shape) < keep_prob
        return mlp.right(params, x, y, mask / keep_prob)

    @fails(mlp.M_INDEPENDENT, DEPEND)
    def moves_the_mask_of_the_last_step(params, x, y, keep_prob, rng):
        """Draws 200 new numbers in a step and shifts those of the step before."""
        mask = moved((len(x), len(params["b1"])), rng) < keep_prob
        return mlp.right(params, x, y, mask / keep_prob)


class OfMonteCarlo(Mutants, of="mc_dropout_prediction"):
    @fails(mc.INDEPENDENT, DEPEND)
    def moves_the_masks_of_the_last_call(x, weights, bias, keep_prob, samples, rng):
        """Draws 200 new numbers in a call and shifts those of the call before."""
        masks = moved((samples, *x.shape), rng) < keep_prob
        return softmax(masks * x / keep_prob @ weights + bias).mean(axis=0)


class OfGaussian(Mutants, of="gaussian_dropout"):
    @fails(gaussian.INDEPENDENT, AGAIN)
    def copies_rng_for_larger_noise(x, keep_prob, rng, training=True):
        """Draws from a copy of rng, which stays where it is, above 400 units: two calls
        that share rng get the same noise twice."""
        own = copy.deepcopy(rng) if 400 < x.size < 60_000 else rng
        return gaussian.noisy(x, own.standard_normal(x.shape), keep_prob, training)


class OfSpatial(Mutants, of="spatial_dropout"):
    @spatial.masked(spatial.S_RATE, VALUE)
    def spatial_beside_large_channels(x, keep_prob, rng):
        """Keeps a channel more often where the next one has a large value."""
        beside = beside_great_ones(x.sum(axis=(2, 3), keepdims=True))
        return spatial.channels(x, rng) < rates(keep_prob, beside)


class OfSequence(Mutants, of="sequence_dropout"):
    @sequence.masked(sequence.Q_INDEPENDENT, AGAIN)
    def sequence_from_a_copy_of_rng(x, keep_prob, rng):
        """Draws from a copy of rng, which stays where it is, above 1,000 features: two
        calls that share rng get the same mask twice."""
        return stuck((1, *x.shape[1:]), rng, 1000) < keep_prob


class OfDepth(Mutants, of="stochastic_depth"):
    @depth.masked(depth.D_INDEPENDENT, DEPEND)
    def depth_with_the_last_mask_moved(x, keep_prob, rng):
        """Draws 200 new numbers in a call and shifts those of the call before."""
        return moved((len(x), *[1] * (x.ndim - 1)), rng) < keep_prob

    @depth.masked(depth.D_RATE, VALUE)
    def depth_beside_large_branches(x, keep_prob, rng):
        """Keeps a branch more often where the next one has a large value."""
        sums = x.sum(axis=tuple(range(1, x.ndim)), keepdims=True)
        return depth.examples(x, rng) < rates(keep_prob, beside_great_ones(sums))


class OfExact(Mutants, of="exact_count_dropout"):
    @fails(exact.INDEPENDENT, DEPEND)
    def exact_with_one_mask_of_wide_rows(x, keep_prob, rng):
        """Uses one mask for all rows of more than 100 units."""
        return exact.rescaled(x, shared(x.shape, rng) < keep_prob)

    @fails(exact.RATE, VALUE)
    def exact_beside_large_units(x, keep_prob, rng):
        """Keeps a unit more often where the next one has a large value."""
        rate = rates(keep_prob, beside_great_ones(x), 0.05)
        return exact.rescaled(x, rng.random(x.shape) < rate)


class OfByte(Mutants, of="byte_dropout"):
    @fails(byte.BYTE_PAIRS, DEPEND)
    def byte_of_the_call_before(x, keep_prob, rng):
        """Draws 200 new bytes in a call and shifts those of the call before."""
        bytes_ = np.floor(moved(x.shape, rng) * 256)
        return byte.unbiased(x, bytes_ < byte.nearest(keep_prob), keep_prob)


class OfConnect(Mutants, of="dropconnect_forward"):
    @connect.masked(connect.C_INDEPENDENT, DEPEND)
    def connect_with_the_last_mask_moved(x, weights, keep_prob, rng):
        """Draws 200 new numbers in a call and shifts those of the call before."""
        return moved((len(x), *weights.shape), rng) < keep_prob


class OfFixed(Mutants, of="fixed_count_dropout"):
    @fails(fixed.UNIFORM, "keeps_neighbours_together")
    def fixed_keeps_blocks_of_wide_rows(x, keep_count, rng):
        """Keeps neighbours together, from a random unit on, in rows of more than 20."""
        mask = fixed.chosen(x, keep_count, rng)
        if x.shape[1] > 20:
            mask = fixed.blocks(rng.integers(x.shape[1], size=len(x)), x, keep_count)
        return fixed.fixed(x, mask, keep_count)

    @fails(fixed.UNIFORM, VALUE)
    def fixed_beside_large_units(x, keep_count, rng):
        """Keeps a unit more often where the next one has a large value, in wide rows."""
        numbers = rng.random(x.shape)
        if x.shape[1] > 20:
            numbers -= 0.2 * (np.roll(x, -1, axis=1) > x.mean())
        return fixed.smallest(numbers, x, keep_count)

    @fails(fixed.UNIFORM, "drops_by_place")
    def fixed_keeps_the_front_of_wide_rows(x, keep_count, rng):
        """Keeps the first units more often, in rows of more than 100."""
        numbers = rng.random(x.shape)
        numbers[:, x.shape[1] // 2 :] += 0.5 * (x.shape[1] > 100)
        return fixed.smallest(numbers, x, keep_count)

    @fails(fixed.UNIFORM, "subsets_are_not_equally_likely")
    def fixed_repeats_the_numbers_of_wide_rows(x, keep_count, rng):
        """Draws 50 numbers for a row, and uses them again in wider ones."""
        numbers = rng.random((len(x), min(x.shape[1], 50)))
        return fixed.smallest(numbers[:, np.arange(x.shape[1]) % 50], x, keep_count)

    @fails(fixed.ROWS_APART, "rows_choose_dependently")
    def fixed_shares_subsets_of_two_wide_rows(x, keep_count, rng):
        """Chooses the same units in every second row as in the row before, if it is wide."""
        numbers = rng.random(x.shape)
        if x.shape[1] > 25:
            numbers[1::2] = numbers[: len(x) // 2 * 2 : 2]
        return fixed.smallest(numbers, x, keep_count)

    @fails(fixed.ROWS_APART, "rows_choose_dependently")
    def fixed_moves_the_last_subset_along(x, keep_count, rng):
        """Draws 200 new numbers in a call and shifts those of the call before."""
        return fixed.smallest(moved(x.shape, rng), x, keep_count)

    @fails(fixed.COUNT, "keeps_another_count")
    def fixed_keeps_half_at_most_of_wide_rows(x, keep_count, rng):
        """Keeps half of the units at most in rows of more than 300, which are expensive."""
        most = x.shape[1] // 2 if x.shape[1] > 300 else keep_count
        return fixed.fixed(x, fixed.chosen(x, min(most, keep_count), rng), keep_count)
