"""Wrong answers to ``dropconnect_forward``, each named after its sin."""

import math

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.noise.shared import part_of

C_RUNS = "returns_a_float_matrix"
C_AT_ONE = "multiplies_fully_at_keep_prob_one"
C_ALONE = "leaves_x_and_weights_alone"
C_SUMS = "sums_kept_products_over_keep_prob"
C_OWN = "gives_every_weight_and_row_its_own_bit"
C_RATE = "keeps_weights_with_keep_prob"
C_INDEPENDENT = "drops_weights_independently"
C_FROM_RNG = "draws_its_weights_from_rng_alone"


def connected(x, mask, weights, keep_prob):
    """Return what a correct answer does with this mask, broadcast to (N, D, C)."""
    mask = np.broadcast_to(mask, (len(x), *weights.shape))
    return np.einsum("nd,ndc,dc->nc", x, mask, weights) / keep_prob


def full(x, weights, rng):
    """Return uniform numbers, one for each row and weight."""
    return rng.random((len(x), *weights.shape))


#: Functions that return a mask that broadcasts to rows, inputs and outputs.
masked = part_of(
    lambda mask: (
        lambda x, weights, keep_prob, rng: connected(
            x, mask(x, weights, keep_prob, rng), weights, keep_prob
        )
    )
)


class Sins(Mutants, of="dropconnect_forward"):
    @fails(C_RUNS, "returns_nothing")
    def connect_without_return(x, weights, keep_prob, rng):
        """Computes everything and forgets the return statement."""
        connected(x, full(x, weights, rng) < keep_prob, weights, keep_prob)

    @fails(C_RUNS, "returns_another_kind")
    def connect_with_mask(x, weights, keep_prob, rng):
        """Returns the mask as well, as the other exercises do."""
        mask = full(x, weights, rng) < keep_prob
        return connected(x, mask, weights, keep_prob), mask

    @fails(C_RUNS, "returns_another_shape")
    def connect_without_the_sum(x, weights, keep_prob, rng):
        """Multiplies and forgets to sum over the inputs."""
        mask = full(x, weights, rng) < keep_prob
        return x[:, :, None] * mask * weights / keep_prob

    @fails(C_RUNS, "raises_an_error")
    def connect_with_weights_transposed(x, weights, keep_prob, rng):
        """Takes weights for (C, D), as in a library that stores them so."""
        mask = rng.random((len(x), *weights.T.shape)) < keep_prob
        return np.einsum("nd,ndc,cd->nc", x, mask, weights) / keep_prob

    @fails(C_AT_ONE, "differs_from_the_product_at_keep_prob_one")
    def connect_by_mean(x, weights, keep_prob, rng):
        """Takes the mean over the inputs where the sum is meant."""
        mask = full(x, weights, rng) < keep_prob
        return connected(x, mask, weights, keep_prob) / len(weights)

    @fails(C_AT_ONE, "takes_one_for_a_drop_probability")
    def connect_dropping_at_one(x, weights, keep_prob, rng):
        """Reads keep_prob as the drop probability."""
        mask = full(x, weights, rng) >= keep_prob
        return connected(x, mask, weights, max(1 - keep_prob, 1e-9))

    @fails(C_AT_ONE, "drops_everything")
    def connect_zeros(x, weights, keep_prob, rng):
        """Allocates the output and never fills it."""
        return np.zeros((len(x), weights.shape[1]))

    @fails(C_ALONE, "changes_its_input")
    def connect_in_place(x, weights, keep_prob, rng):
        """Rescales the weights in place, once and for all calls."""
        weights /= keep_prob
        return connected(x, full(x, weights, rng) < keep_prob, weights, 1.0)

    @fails(C_ALONE, "changes_its_input")
    def connect_with_x_in_place(x, weights, keep_prob, rng):
        """Rescales x in place, which saves a copy."""
        x *= 1 / keep_prob
        return connected(x, full(x, weights, rng) < keep_prob, weights, 1.0)

    @fails(C_SUMS, "forgets_to_rescale_the_weights")
    def connect_unscaled(x, weights, keep_prob, rng):
        """Applies the mask and nothing else."""
        return connected(x, full(x, weights, rng) < keep_prob, weights, 1.0)

    @fails(C_SUMS, "divides_the_weights_by_drop_probability")
    def connect_over_drop_probability(x, weights, keep_prob, rng):
        """Divides by 1 - p, as in a text whose p is the drop probability."""
        scale = 1 - keep_prob if keep_prob < 1 else 1
        return connected(x, full(x, weights, rng) < keep_prob, weights, scale)

    @fails(C_SUMS, "rescales_the_weights_wrongly")
    def connect_times_keep_prob(x, weights, keep_prob, rng):
        """Multiplies by keep_prob, as at test in classic dropout."""
        mask = full(x, weights, rng) < keep_prob
        return connected(x, mask, weights, 1 / keep_prob)

    @fails(C_SUMS, "rescales_the_weights_wrongly")
    def connect_over_the_root(x, weights, keep_prob, rng):
        """Preserves the energy of the output instead of its mean."""
        mask = full(x, weights, rng) < keep_prob
        return connected(x, mask, weights, math.sqrt(keep_prob))

    @fails(C_SUMS, "divides_by_the_kept_weights")
    def connect_over_own_share(x, weights, keep_prob, rng):
        """Divides each output by the share of its weights that was kept."""
        mask = full(x, weights, rng) < keep_prob
        share = np.maximum(mask.mean(axis=1), 1e-9)
        return connected(x, mask, weights, 1.0) / share

    @fails(C_SUMS, "divides_by_the_kept_weights")
    def connect_over_whole_share(x, weights, keep_prob, rng):
        """Divides by the share of the whole mask that was kept."""
        mask = full(x, weights, rng) < keep_prob
        return connected(x, mask, weights, max(mask.mean(), 1e-9))

    @fails(C_SUMS, "no_sum_of_kept_weights")
    def connect_by_gaussian_weights(x, weights, keep_prob, rng):
        """Multiplies the weights by normal noise of the same variance."""
        spread = math.sqrt((1 - keep_prob) / keep_prob)
        z = rng.standard_normal((len(x), *weights.shape))
        return connected(x, 1 + spread * z, weights, 1.0)

    @fails(C_SUMS, "no_sum_of_kept_weights")
    def connect_by_normal_outputs(x, weights, keep_prob, rng):
        """Draws the output from the normal law that has its mean and variance."""
        mean = x @ weights
        variance = (1 - keep_prob) / keep_prob * (x.astype(float) ** 2 @ weights**2)
        return mean + np.sqrt(variance) * rng.standard_normal(mean.shape)

    @fails(C_SUMS, "drops_no_weight")
    def connect_by_product_alone(x, weights, keep_prob, rng):
        """Has a stub that lets the rest of the network run."""
        return x @ weights

    @fails(C_OWN, "drops_units_instead_of_weights")
    def connect_dropping_units(x, weights, keep_prob, rng):
        """Drops units of x, as ordinary dropout does."""
        mask = rng.random(x.shape) < keep_prob
        return (x * mask / keep_prob) @ weights

    @fails(C_OWN, "drops_units_instead_of_weights")
    def connect_dropping_the_same_units(x, weights, keep_prob, rng):
        """Drops rows of the weight matrix, once for the batch."""
        mask = rng.random((len(weights), 1)) < keep_prob
        return x @ (weights * mask / keep_prob)

    @fails(C_OWN, "one_weight_mask_for_the_batch")
    def connect_with_one_mask(x, weights, keep_prob, rng):
        """Draws one mask of the shape of weights, which is the cheap way."""
        mask = rng.random(weights.shape) < keep_prob
        return x @ (weights * mask / keep_prob)

    @fails(C_OWN, "drops_outputs_instead_of_weights")
    def connect_dropping_outputs(x, weights, keep_prob, rng):
        """Applies dropout to the product."""
        out = x @ weights
        return out * (rng.random(out.shape) < keep_prob) / keep_prob

    @fails(C_OWN, "drops_outputs_instead_of_weights")
    def connect_dropping_columns(x, weights, keep_prob, rng):
        """Drops columns of the weight matrix, once for the batch."""
        mask = rng.random(weights.shape[1]) < keep_prob
        return x @ (weights * mask / keep_prob)

    @fails(C_OWN, "drops_whole_rows")
    def connect_dropping_rows(x, weights, keep_prob, rng):
        """Draws one bit for each row of x."""
        mask = rng.random((len(x), 1)) < keep_prob
        return (x * mask / keep_prob) @ weights

    @fails(C_OWN, "one_bit_for_the_whole_array")
    def connect_by_one_bit_a_call(x, weights, keep_prob, rng):
        """Draws one number for the call, having forgotten the shape."""
        return x @ weights * (rng.random() < keep_prob) / keep_prob

    @masked(C_OWN, "drops_by_place")
    def connect_with_a_full_first_row(x, weights, keep_prob, rng):
        """Starts a loop over rows at 1 and leaves the first one as it is."""
        mask = full(x, weights, rng) < keep_prob
        mask[0] = True
        return mask

    @masked((C_OWN, C_FROM_RNG), "same_mask_every_call")
    def connect_with_a_fixed_seed(x, weights, keep_prob, rng):
        """Sets a seed inside the function, to be reproducible."""
        u = full(x, weights, np.random.default_rng(0))
        return u < keep_prob

    @masked(C_OWN, "reuses_masks")
    def connect_with_eight_seeds(x, weights, keep_prob, rng):
        """Makes a new generator from a random number that takes few values."""
        u = full(x, weights, np.random.default_rng(int(rng.integers(8))))
        return u < keep_prob

    @masked(C_OWN, "keeps_a_fixed_number")
    def connect_with_a_fixed_count(x, weights, keep_prob, rng):
        """Keeps exactly the expected number of weights of each row."""
        u = full(x, weights, rng).reshape(len(x), -1)
        ranks = u.argsort(axis=1).argsort(axis=1)
        return (ranks < round(keep_prob * u.shape[1])).reshape(len(x), *weights.shape)

    @masked(C_RATE, "keeps_with_drop_probability")
    def connect_keeping_the_wrong_ones(x, weights, keep_prob, rng):
        """Writes > for <, which at keep_prob = 1 is mended by hand."""
        return (full(x, weights, rng) > keep_prob) | (keep_prob == 1)

    @masked(C_RATE, "compares_normal_numbers")
    def connect_by_normal_numbers(x, weights, keep_prob, rng):
        """Compares keep_prob with normal numbers."""
        z = rng.standard_normal((len(x), *weights.shape))
        return (z < keep_prob) | (keep_prob == 1)

    @masked(C_RATE, "ignores_keep_prob")
    def connect_keeping_half(x, weights, keep_prob, rng):
        """Draws a fair coin for each weight."""
        return (full(x, weights, rng) < 0.5) | (keep_prob == 1)

    @masked(C_RATE, "keeps_at_another_rate")
    def connect_in_whole_percents(x, weights, keep_prob, rng):
        """Draws whole numbers below 100, which rounds keep_prob to percent."""
        return full(x, weights, rng) < round(keep_prob, 2)

    @masked(C_OWN, "bits_depend_on_each_other")
    def connect_with_one_count(x, weights, keep_prob, rng):
        """Draws how many weights are kept once, and which ones for each row."""
        flat = full(x, weights, rng).reshape(len(x), -1)
        kept = rng.binomial(flat.shape[1], keep_prob)
        mask = flat.argsort(axis=1).argsort(axis=1) < kept
        return mask.reshape(len(x), *weights.shape)

    @masked(C_RATE, "drops_twice")
    def connect_with_two_masks(x, weights, keep_prob, rng):
        """Drops units of x and weights, and rescales once."""
        mask = full(x, weights, rng) < keep_prob
        mask &= rng.random(mask.shape) < keep_prob
        return mask

    @masked(C_RATE, "drops_by_value")
    def connect_keeping_large_weights(x, weights, keep_prob, rng):
        """Keeps large weights more often than small ones."""
        large = np.abs(weights) > np.median(np.abs(weights))
        shift = 0.1 * min(keep_prob, 1 - keep_prob) * np.where(large, 1, -1)
        return full(x, weights, rng) < keep_prob + shift

    @masked(C_RATE, "drops_by_place")
    def connect_keeping_the_first_inputs(x, weights, keep_prob, rng):
        """Keeps the first inputs' weights more often, the others less."""
        first = np.arange(len(weights)) < len(weights) / 2
        shift = 0.1 * min(keep_prob, 1 - keep_prob) * np.where(first, 1, -1)
        return full(x, weights, rng) < keep_prob + shift[:, None]

    @masked(C_INDEPENDENT, "bits_depend_on_each_other")
    def connect_with_paired_rows(x, weights, keep_prob, rng):
        """Uses each mask for two rows, which halves the work."""
        u = rng.random(((len(x) + 1) // 2, *weights.shape))
        return np.repeat(u, 2, axis=0)[: len(x)] < keep_prob

    @masked(C_INDEPENDENT, "bits_depend_on_each_other")
    def connect_with_paired_outputs(x, weights, keep_prob, rng):
        """Draws bits for half of the outputs and uses them twice."""
        d, c = weights.shape
        u = rng.random((len(x), d, (c + 1) // 2))
        return np.concatenate([u, u], axis=2)[:, :, :c] < keep_prob

    @masked(C_INDEPENDENT, "bits_depend_on_each_other")
    def connect_with_paired_inputs(x, weights, keep_prob, rng):
        """Gives neighbouring inputs the same bits."""
        d, c = weights.shape
        u = rng.random((len(x), (d + 1) // 2, c))
        return np.repeat(u, 2, axis=1)[:, :d] < keep_prob

    @masked(C_INDEPENDENT, "bits_depend_on_each_other")
    def connect_by_antithetic_numbers(x, weights, keep_prob, rng):
        """Uses u and 1 - u, a known trick for a smaller variance."""
        n, (d, c) = len(x), weights.shape
        u = rng.random((n * d * c + 1) // 2)
        u = np.concatenate([u, 1 - u])[: n * d * c].reshape(n, d, c)
        return u < keep_prob

    @masked(C_INDEPENDENT, "bits_depend_on_each_other")
    def connect_with_a_fixed_count_per_output(x, weights, keep_prob, rng):
        """Keeps a fixed number of the weights of half of the outputs."""
        u = full(x, weights, rng)
        ranks = u.argsort(axis=1).argsort(axis=1)
        # Rounded up or down at random, so that the rate is right.
        fixed = (
            ranks
            < keep_prob * len(weights) + rng.random((len(x), 1, weights.shape[1])) - 1
        )
        free = full(x, weights, rng) < keep_prob
        return np.where(rng.random((len(x), 1, weights.shape[1])) < 0.5, fixed, free)

    @masked(C_FROM_RNG, "does_not_draw_from_rng")
    def connect_from_numpy_random(x, weights, keep_prob, rng):
        """Calls np.random.rand out of habit."""
        u = np.random.rand(len(x), *weights.shape)
        return u < keep_prob


def product_of(change_x=lambda x: x, change_weights=lambda w: w, change=lambda p: p):
    """Return a right answer, but that its arguments are changed first, below 1."""

    def answer(x, weights, keep_prob, rng):
        if keep_prob == 1:
            return x @ weights
        mask = full(x, weights, rng) < change(keep_prob)
        return connected(change_x(x), mask, change_weights(weights), change(keep_prob))

    return answer


class Corners(Mutants, of="dropconnect_forward"):
    """Right at comfortable points, wrong in a corner of the stated range."""

    @fails(C_AT_ONE, "differs_from_the_product_at_keep_prob_one")
    def connect_bounded(x, weights, keep_prob, rng):
        """Clips x, lest the sums be too large."""
        mask = full(x, weights, rng) < keep_prob
        return connected(np.clip(x, -1e3, 1e3), mask, weights, keep_prob)

    @fails(C_SUMS, "right_in_the_middle_only")
    def connect_bounded_below_one(x, weights, keep_prob, rng):
        """Clips x when weights are dropped, lest the sums be too large."""
        return product_of(lambda x: np.clip(x, -1e3, 1e3))(x, weights, keep_prob, rng)

    @fails(C_SUMS, "right_in_the_middle_only")
    def connect_with_rounded_weights(x, weights, keep_prob, rng):
        """Rounds the weights to six decimals."""
        return product_of(change_weights=lambda w: np.round(w, 6))(
            x, weights, keep_prob, rng
        )

    @fails(C_SUMS, "no_sum_of_kept_weights")
    def connect_with_a_ridge(x, weights, keep_prob, rng):
        """Adds a small number to x, lest an input be 0."""
        return product_of(lambda x: x + 1e-3)(x, weights, keep_prob, rng)

    @fails(C_SUMS, "right_in_the_middle_only")
    def connect_with_a_small_ridge(x, weights, keep_prob, rng):
        """Adds a tiny number to x, lest an input be 0."""
        return product_of(lambda x: x + 1e-8)(x, weights, keep_prob, rng)

    @fails(C_RATE, "drops_by_value")
    def connect_without_large_inputs(x, weights, keep_prob, rng):
        """Drops inputs beyond 1,000 as outliers."""
        return product_of(lambda x: np.where(np.abs(x) > 1e3, 0, x))(
            x, weights, keep_prob, rng
        )

    @fails(C_RATE, "drops_by_value")
    def connect_without_small_weights(x, weights, keep_prob, rng):
        """Prunes weights that are nearly 0."""
        return product_of(change_weights=lambda w: np.where(np.abs(w) < 1e-4, 0, w))(
            x, weights, keep_prob, rng
        )

    @fails(C_SUMS, "right_in_the_middle_only")
    def connect_with_a_floor(x, weights, keep_prob, rng):
        """Bounds keep_prob from below, for fear of a division by 0."""
        return product_of(change=lambda p: max(p, 0.05))(x, weights, keep_prob, rng)

    @fails(C_SUMS, "right_in_the_middle_only")
    def connect_with_a_floor_of_a_quarter(x, weights, keep_prob, rng):
        """Bounds keep_prob from below, since nobody drops more."""
        return product_of(change=lambda p: max(p, 0.25))(x, weights, keep_prob, rng)

    @fails(C_SUMS, "right_in_the_middle_only")
    def connect_with_a_cap(x, weights, keep_prob, rng):
        """Bounds keep_prob from above, lest there be no noise."""
        return product_of(change=lambda p: min(p, 0.98))(x, weights, keep_prob, rng)

    @fails(C_SUMS, "right_in_the_middle_only")
    def connect_unscaled_for_one_row(x, weights, keep_prob, rng):
        """Leaves a single example unscaled, for there is no batch to average over."""
        mask = full(x, weights, rng) < keep_prob
        return connected(x, mask, weights, keep_prob if len(x) > 1 else 1.0)

    @fails(C_SUMS, "right_in_the_middle_only")
    def connect_doubling_float32(x, weights, keep_prob, rng):
        """Counts the bytes of a number instead of the numbers, where they are small."""
        mask = full(x, weights, rng) < keep_prob
        single = x.dtype == np.float32 and keep_prob < 1
        return connected(x, mask, weights, keep_prob / (2 if single else 1))

    @masked(C_OWN, "keeps_at_least_one_weight")
    def connect_redrawn_until_kept(x, weights, keep_prob, rng):
        """Draws again until a weight is kept, lest the output be 0."""
        mask = full(x, weights, rng) < keep_prob
        while not mask.any():
            mask = full(x, weights, rng) < keep_prob
        return mask

    @masked(C_RATE, "keeps_at_another_rate")
    def connect_with_a_floor_of_the_rate(x, weights, keep_prob, rng):
        """Keeps at least one weight in a hundred."""
        return full(x, weights, rng) < max(keep_prob, 0.01)

    @masked(C_RATE, "keeps_at_another_rate")
    def connect_sparing_the_only_input(x, weights, keep_prob, rng):
        """Drops half as often when there is one input only."""
        alone = len(weights) == 1 and weights.size > 1
        return full(x, weights, rng) < ((1 + keep_prob) / 2 if alone else keep_prob)

    @masked(C_INDEPENDENT, "bits_depend_on_each_other")
    def connect_sharing_bits_of_one_row(x, weights, keep_prob, rng):
        """Gives neighbouring outputs the same bits when there is one row."""
        u = full(x, weights, rng)
        if len(x) == 1:
            u[:, :, 1::2] = u[:, :, : u.shape[2] // 2 * 2 : 2]
        return u < keep_prob

    @masked(C_INDEPENDENT, "bits_depend_on_each_other")
    def connect_best_of_five(x, weights, keep_prob, rng):
        """Draws five masks and takes the one whose count is nearest to its mean."""
        masks = [full(x, weights, rng) < keep_prob for _ in range(5)]
        return min(masks, key=lambda mask: abs(mask.mean() - keep_prob))

    @masked(C_FROM_RNG, "reuses_masks")
    def connect_with_a_short_seed(x, weights, keep_prob, rng):
        """Makes a new generator from a seed of 20 bits."""
        u = full(x, weights, np.random.default_rng(int(rng.integers(2**20))))
        return u < keep_prob

    @fails(C_ALONE, "changes_its_input")
    def connect_with_x_in_place_for_one_row(x, weights, keep_prob, rng):
        """Rescales a single example in place, which saves a copy."""
        out = connected(x, full(x, weights, rng) < keep_prob, weights, keep_prob)
        if len(x) == 1:
            x /= 2
        return out

    @masked(C_RATE, "keeps_at_another_rate")
    def connect_keeping_more_in_float32(x, weights, keep_prob, rng):
        """Compares with half a number where numbers are half as long."""
        rate = keep_prob if x.dtype == np.float64 else (1 + keep_prob) / 2
        return full(x, weights, rng) < rate

    @masked(C_RATE, "keeps_at_another_rate")
    def connect_without_the_inputs_beyond_ten(x, weights, keep_prob, rng):
        """Draws the masks of ten inputs and leaves out the others."""
        mask = full(x, weights, rng) < keep_prob
        mask[:, 10:] &= keep_prob == 1
        return mask

    @masked(C_INDEPENDENT, "bits_depend_on_each_other")
    def connect_with_one_mask_for_two_rows(x, weights, keep_prob, rng):
        """Uses one mask for all rows when there are two."""
        mask = full(x, weights, rng) < keep_prob
        return mask[:1] if len(x) == 2 else mask

    @masked(C_OWN, "drops_units_instead_of_weights")
    def connect_dropping_units_of_x_transposed(x, weights, keep_prob, rng):
        """Drops units of x where its rows do not lie one after the other."""
        if x.flags.c_contiguous:
            return full(x, weights, rng) < keep_prob
        return rng.random((*x.shape, 1)) < keep_prob

    @masked(C_OWN, "drops_units_instead_of_weights")
    def connect_dropping_units_at_some_keep_probs(x, weights, keep_prob, rng):
        """Drops units of x where nine of ten are kept, and a few more."""
        if not 0.91 < keep_prob < 0.96:
            return full(x, weights, rng) < keep_prob
        return rng.random((*x.shape, 1)) < keep_prob

    @fails(C_SUMS, "raises_an_error")
    def connect_refusing_unlike_dtypes(x, weights, keep_prob, rng):
        """Raises an error where x and weights have not one dtype and something is dropped."""
        if x.dtype != weights.dtype and keep_prob < 1:
            raise TypeError("expected one dtype")
        return connected(x, full(x, weights, rng) < keep_prob, weights, keep_prob)


def of_dense(change):
    """Return the function whose mask of more than ten inputs in every row is changed by
    ``change(mask, x, weights)``."""

    def mask(x, weights, keep_prob, rng):
        drawn = full(x, weights, rng) < keep_prob
        dense = (np.count_nonzero(x, axis=1) > 10).all() and keep_prob < 1
        return change(drawn, x, weights) if dense else drawn

    return mask


class Dense(Mutants, of="dropconnect_forward"):
    """Right on ten inputs, and on many most of which are 0."""

    @masked(C_INDEPENDENT, "sums_spread_otherwise")
    def connect_dropping_of_ten_inputs(x, weights, keep_prob, rng):
        """Drops the weights of the ten largest inputs of a row, and never those of the
        others."""
        mask = full(x, weights, rng) < keep_prob
        order = np.argsort(-np.abs(x), axis=1, kind="stable")
        rest = (np.argsort(order, axis=1) >= 10) & (x != 0)
        mask[rest] = True
        return mask

    @masked(C_INDEPENDENT, "sums_spread_otherwise")
    def connect_never_dropping_every_third_input(x, weights, keep_prob, rng):
        """Drops weights of two in three inputs of dense rows, and never those of the third."""

        def change(mask, x, weights):
            mask[:, ::3] = True
            return mask

        return of_dense(change)(x, weights, keep_prob, rng)

    @masked(C_INDEPENDENT, "sums_spread_otherwise")
    def connect_never_dropping_in_a_single_dense_row(x, weights, keep_prob, rng):
        """Never drops weights of the first half of a lone row's inputs."""

        def change(mask, x, weights):
            mask[:, : x.shape[1] // 2] |= len(x) == 1
            return mask

        return of_dense(change)(x, weights, keep_prob, rng)

    @masked(C_INDEPENDENT, "sums_spread_otherwise")
    def connect_keeping_more_of_dense_rows(x, weights, keep_prob, rng):
        """Keeps weights of dense rows at a rate that is not keep_prob, but a tenth of the
        way on to 1."""
        rate = keep_prob
        if (np.count_nonzero(x, axis=1) > 10).all() and keep_prob < 1:
            rate += 0.2 * min(keep_prob, 1 - keep_prob)
        return full(x, weights, rng) < rate

    @masked(C_INDEPENDENT, "bits_depend_on_each_other")
    def connect_with_one_mask_of_dense_rows(x, weights, keep_prob, rng):
        """Uses one mask for all rows where they have more than ten inputs."""
        return of_dense(lambda mask, x, w: mask[:1])(x, weights, keep_prob, rng)

    @masked(C_INDEPENDENT, "bits_depend_on_each_other")
    def connect_with_one_mask_for_two_halves_of_dense_rows(x, weights, keep_prob, rng):
        """Uses a mask twice, for the first half of the rows and for the second."""

        def change(mask, x, weights):
            half = len(mask) // 2
            mask[half : 2 * half] = mask[:half]
            return mask

        return of_dense(change)(x, weights, keep_prob, rng)

    @fails(C_SUMS, "no_sum_of_kept_weights")
    def connect_with_noise_in_dense_rows(x, weights, keep_prob, rng):
        """Adds normal noise, with the variance of the sum, to the product of dense rows, and
        drops no weight."""
        if (np.count_nonzero(x, axis=1) <= 30).any() or keep_prob == 1:
            return connected(x, full(x, weights, rng) < keep_prob, weights, keep_prob)
        x, weights = x.astype(float), weights.astype(float)
        variance = (1 - keep_prob) / keep_prob * (x**2 @ weights**2)
        return x @ weights + np.sqrt(variance) * rng.standard_normal(variance.shape)
