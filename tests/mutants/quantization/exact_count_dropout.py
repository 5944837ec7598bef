"""Wrong answers to ``exact_count_dropout``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails

ROWS = "returns_rows_with_dropped_units"
ROWS_ALONE = "leaves_its_rows_alone"
FRACTION = "divides_each_row_by_its_own_kept_fraction"
ZEROS = "counts_kept_units_whose_input_is_zero"
EMPTY = "a_row_without_kept_units_is_zero"
BITS = "gives_each_unit_of_a_row_its_own_bit"
RATE = "keeps_each_unit_with_keep_prob"
INDEPENDENT = "keeps_units_of_a_row_independently"
FROM_RNG = "draws_its_bits_from_rng"


def rescaled(x, mask):
    """Return what a correct answer does with this mask."""
    kept = np.maximum(mask.sum(axis=1, keepdims=True), 1)
    return x * mask * (x.shape[1] / kept), mask


def bits(x, keep_prob, rng):
    return rng.random(x.shape) < keep_prob


class Sins(Mutants, of="exact_count_dropout"):
    @fails(ROWS, "returns_nothing")
    def exact_returns_nothing(x, keep_prob, rng):
        """Forgets the return statement."""
        rescaled(x, bits(x, keep_prob, rng))

    @fails(ROWS, "returns_another_kind")
    def exact_returns_out_alone(x, keep_prob, rng):
        """Sees no use for a cache."""
        return rescaled(x, bits(x, keep_prob, rng))[0]

    @fails(ROWS, "returns_another_shape")
    def exact_sums_the_rows(x, keep_prob, rng):
        """Estimates the sum of each row, which the divisor was derived for."""
        return rescaled(x, bits(x, keep_prob, rng))[0].sum(axis=1), None

    @fails(ROWS, "raises_an_error")
    def exact_forgets_keepdims(x, keep_prob, rng):
        """Divides (N, D) by (N,), which does not broadcast."""
        mask = bits(x, keep_prob, rng)
        return x * mask / mask.mean(axis=1), mask

    @fails(ROWS, "returns_no_floats")
    def exact_returns_integers(x, keep_prob, rng):
        """Casts to int somewhere on the way."""
        out, mask = rescaled(x, bits(x, keep_prob, rng))
        return out.astype(int), mask

    @fails(ROWS, "drops_no_unit_at_all")
    def exact_returns_its_input(x, keep_prob, rng):
        """Has a stub that lets the rest of the network run."""
        return x, None

    @fails(ROWS, "keeps_no_unit")
    def exact_returns_zeros(x, keep_prob, rng):
        """Allocates the output and never fills it."""
        return np.zeros_like(x), None

    @fails(ROWS_ALONE, "changes_its_input")
    def exact_works_in_place(x, keep_prob, rng):
        """Saves memory with *=."""
        mask = bits(x, keep_prob, rng)
        x *= mask
        x *= x.shape[1] / np.maximum(mask.sum(axis=1, keepdims=True), 1)
        return x, mask

    @fails(FRACTION, "divides_by_keep_prob_itself")
    def writes_inverted_dropout(x, keep_prob, rng):
        """Writes what dropout has always been."""
        mask = bits(x, keep_prob, rng)
        return x * mask / keep_prob, mask

    @fails(FRACTION, "leaves_kept_units_alone")
    def exact_forgets_to_divide(x, keep_prob, rng):
        """Masks, and leaves the rest for later."""
        mask = bits(x, keep_prob, rng)
        return x * mask, mask

    @fails(FRACTION, "counts_over_the_whole_batch")
    def counts_the_whole_batch(x, keep_prob, rng):
        """Writes x * x.size / mask.sum(), as in the mistakes of the chapter."""
        mask = bits(x, keep_prob, rng)
        return x * mask * x.size / max(mask.sum(), 1), mask

    @fails(FRACTION, "counts_along_the_columns")
    def counts_along_the_first_axis(x, keep_prob, rng):
        """Takes the fraction of each column: axis 0 in place of axis 1."""
        mask = bits(x, keep_prob, rng)
        return x * mask / np.maximum(mask.mean(axis=0), 1e-9), mask

    @fails(FRACTION, "multiplies_by_the_kept_fraction")
    def multiplies_by_the_fraction(x, keep_prob, rng):
        """Multiplies where it should divide."""
        mask = bits(x, keep_prob, rng)
        return x * mask * mask.mean(axis=1, keepdims=True), mask

    @fails(FRACTION, "divides_by_the_count")
    def divides_by_the_number_kept(x, keep_prob, rng):
        """Averages the survivors and forgets the factor D."""
        mask = bits(x, keep_prob, rng)
        return x * mask / np.maximum(mask.sum(axis=1, keepdims=True), 1), mask

    @fails(FRACTION, "divides_by_the_dropped_fraction")
    def divides_by_the_number_dropped(x, keep_prob, rng):
        """Counts the zeros of the mask."""
        mask = bits(x, keep_prob, rng)
        dropped = (~mask).sum(axis=1, keepdims=True)
        return x * mask * x.shape[1] / np.maximum(dropped, 1), mask

    @fails(FRACTION, "takes_rows_for_units")
    def takes_the_length_for_the_width(x, keep_prob, rng):
        """Takes len(x) for the number of units in a row."""
        mask = bits(x, keep_prob, rng)
        kept = np.maximum(mask.sum(axis=1, keepdims=True), 1)
        return x * mask * len(x) / kept, mask

    @fails(FRACTION, "divides_by_both_fractions")
    def divides_twice(x, keep_prob, rng):
        """Adds the correction to inverted dropout instead of replacing its divisor."""
        out, mask = rescaled(x, bits(x, keep_prob, rng))
        return out / keep_prob, mask

    @fails(FRACTION, "adds_to_the_count")
    def adds_one_to_the_count(x, keep_prob, rng):
        """Avoids a division by 0 with K + 1."""
        mask = bits(x, keep_prob, rng)
        return x * mask * x.shape[1] / (mask.sum(axis=1, keepdims=True) + 1), mask

    @fails(FRACTION, "adds_to_the_count")
    def adds_a_small_constant_to_the_fraction(x, keep_prob, rng):
        """Avoids a division by 0 with a constant that is not small enough."""
        mask = bits(x, keep_prob, rng)
        return x * mask / (mask.mean(axis=1, keepdims=True) + 1e-3), mask

    @fails(FRACTION, "preserves_the_sum")
    def makes_the_sum_come_out(x, keep_prob, rng):
        """Scales so that each row's sum stays what it was, where it and what is left of it
        are not 0."""
        mask = bits(x, keep_prob, rng)
        whole, part = (a.sum(axis=1, keepdims=True) for a in (x, x * mask))
        usual = (whole == 0) | (part == 0)
        right = 1 / np.maximum(mask.mean(axis=1, keepdims=True), 1e-9)
        factor = np.where(usual, right, whole / np.where(usual, 1, part))
        return (x * mask * factor).astype(x.dtype), mask

    @fails(FRACTION, "divides_by_something_else")
    def divides_by_the_root_of_the_fraction(x, keep_prob, rng):
        """Wants to preserve the squared norm."""
        mask = bits(x, keep_prob, rng)
        fraction = np.maximum(mask.mean(axis=1, keepdims=True), 1e-9)
        return x * mask / np.sqrt(fraction), mask

    @fails(FRACTION, "divides_by_something_else")
    def rounds_the_fraction(x, keep_prob, rng):
        """Rounds the kept fraction to one decimal, as keep_prob is written."""
        mask = bits(x, keep_prob, rng)
        fraction = np.round(mask.mean(axis=1, keepdims=True), 1)
        return x * mask / np.maximum(fraction, 0.1), mask

    @fails(FRACTION, "divides_by_something_else")
    def counts_in_a_byte(x, keep_prob, rng):
        """Adds up the mask in np.uint8, which wraps around in wide rows."""
        mask = bits(x, keep_prob, rng)
        kept = mask.sum(axis=1, keepdims=True, dtype=np.uint8)
        return x * mask * (x.shape[1] / np.maximum(kept, 1)), mask

    @fails(FRACTION, "takes_one_for_a_drop_probability")
    def exact_drops_everything_at_one(x, keep_prob, rng):
        """Treats 1 as the rate at which everything is dropped."""
        return rescaled(x, bits(x, keep_prob % 1, rng))

    @fails(ZEROS, "counts_nonzero_outputs")
    def counts_the_outputs_that_are_not_zero(x, keep_prob, rng):
        """Counts what is left of x, which is less than was kept where x is 0."""
        mask = bits(x, keep_prob, rng)
        left = np.count_nonzero(x * mask, axis=1)[:, None]
        return x * mask * x.shape[1] / np.maximum(left, 1), mask

    @fails(ZEROS, "miscounts_units_with_input_zero")
    def keeps_every_zero(x, keep_prob, rng):
        """Takes every unit that is 0 for a kept one, which it may as well be."""
        return rescaled(x, bits(x, keep_prob, rng) | (x == 0))

    @fails(ZEROS, "miscounts_units_with_input_zero")
    def divides_by_the_fraction_of_live_units(x, keep_prob, rng):
        """Compares with the number of units that are not 0."""
        mask = bits(x, keep_prob, rng) & (x != 0)
        live = np.count_nonzero(x, axis=1)[:, None]
        return x * mask * live / np.maximum(mask.sum(axis=1, keepdims=True), 1), mask

    @fails(EMPTY, "divides_by_an_empty_count")
    def divides_zero_by_zero(x, keep_prob, rng):
        """Does not think of a row of which nothing is kept."""
        mask = bits(x, keep_prob, rng)
        with np.errstate(all="ignore"):
            return x * mask / mask.mean(axis=1, keepdims=True), mask

    @fails(EMPTY, "divides_by_an_empty_count")
    def divides_by_zero_in_a_loop(x, keep_prob, rng):
        """Divides Python numbers row by row."""
        mask = bits(x, keep_prob, rng)
        scale = [len(row) / int(row.sum()) for row in mask]
        return x * mask * np.array(scale)[:, None], mask

    @fails(EMPTY, "draws_empty_rows_again")
    def draws_again_until_one_is_kept(x, keep_prob, rng):
        """Draws empty rows again, for which the estimator would be unbiased."""
        mask = bits(x, keep_prob, rng)
        while (empty := ~mask.any(axis=1)).any():
            mask[empty] = rng.random((int(empty.sum()), x.shape[1])) < keep_prob
        return rescaled(x, mask)

    @fails(EMPTY, "draws_empty_rows_again")
    def keeps_one_unit_of_empty_rows(x, keep_prob, rng):
        """Keeps the first unit where nothing else is kept."""
        mask = bits(x, keep_prob, rng)
        mask[~mask.any(axis=1), 0] = True
        return rescaled(x, mask)

    @fails(EMPTY, "returns_empty_rows_whole")
    def returns_an_empty_row_undropped(x, keep_prob, rng):
        """Skips dropout for a row that it would empty."""
        mask = bits(x, keep_prob, rng)
        mask[~mask.any(axis=1)] = True
        return rescaled(x, mask)

    @fails(BITS, "one_mask_for_all_rows")
    def exact_shares_the_mask(x, keep_prob, rng):
        """Draws one mask of shape (1, D)."""
        mask = np.broadcast_to(rng.random((1, x.shape[1])) < keep_prob, x.shape)
        return rescaled(x, mask)

    @fails(BITS, "drops_whole_rows")
    def exact_drops_rows(x, keep_prob, rng):
        """Draws one bit per row, of shape (N, 1)."""
        mask = np.broadcast_to(rng.random((len(x), 1)) < keep_prob, x.shape)
        return rescaled(x, mask)

    @fails(BITS, "same_mask_every_call")
    def exact_seeds_inside(x, keep_prob, rng):
        """Sets a seed inside the function."""
        return rescaled(x, bits(x, keep_prob, np.random.default_rng(1)))

    @fails(BITS, "reuses_masks")
    def exact_takes_few_seeds(x, keep_prob, rng):
        """Seeds a generator with one of ten numbers."""
        return rescaled(x, bits(x, keep_prob, np.random.default_rng(rng.integers(10))))

    @fails(BITS, "keeps_a_fixed_number")
    def exact_keeps_a_fixed_number(x, keep_prob, rng):
        """Makes the count exact by keeping the same number in each row."""
        number = max(1, round(keep_prob * x.shape[1]))
        return rescaled(x, rng.random(x.shape).argsort(axis=1) < number)

    @fails(RATE, "keeps_with_drop_probability")
    def exact_swaps_keep_and_drop(x, keep_prob, rng):
        """Takes keep_prob for the drop probability."""
        return rescaled(x, rng.random(x.shape) > keep_prob if keep_prob < 1 else x == x)

    @fails(RATE, "ignores_keep_prob")
    def exact_tosses_coins(x, keep_prob, rng):
        """Draws bits with rng.integers(2)."""
        mask = rng.integers(2, size=x.shape).astype(bool) | (keep_prob == 1)
        return rescaled(x, mask)

    @fails(RATE, "drops_by_value")
    def exact_keeps_large_units_more_often(x, keep_prob, rng):
        """Protects large activations."""
        chance = np.where(np.abs(x) > 2, (1 + keep_prob) / 2, keep_prob)
        return rescaled(x, rng.random(x.shape) < chance)

    @fails(RATE, "rounds_or_clips_keep_prob")
    def exact_takes_a_byte(x, keep_prob, rng):
        """Draws bytes, with which keep_prob is rounded."""
        return rescaled(x, rng.integers(256, size=x.shape) < round(256 * keep_prob))

    @fails(INDEPENDENT, "bits_depend_on_each_other")
    def exact_shares_bits_between_neighbours(x, keep_prob, rng):
        """Draws half as many numbers and uses each of them twice."""
        half = rng.random((x.shape[0], -(-x.shape[1] // 2)))
        return rescaled(x, np.repeat(half, 2, axis=1)[:, : x.shape[1]] < keep_prob)

    @fails(BITS, "keeps_a_fixed_number")
    def exact_spreads_its_numbers(x, keep_prob, rng):
        """Draws one number a row and spreads it evenly, which makes counts less random."""
        start = rng.random((len(x), 1)) + np.arange(x.shape[1]) / x.shape[1]
        return rescaled(x, rng.permuted(start % 1, axis=1) < keep_prob)

    @fails(BITS, "bits_depend_on_each_other")
    def exact_permutes_one_row(x, keep_prob, rng):
        """Draws the mask of one row and shuffles it for the others."""
        row = np.tile(rng.random(x.shape[1]) < keep_prob, (len(x), 1))
        return rescaled(x, rng.permuted(row, axis=1))

    @fails(BITS, "bits_depend_on_each_other")
    def exact_draws_one_count(x, keep_prob, rng):
        """Draws how many units are kept once for the batch, and which ones for each row."""
        ranks = rng.random(x.shape).argsort(axis=1).argsort(axis=1)
        return rescaled(x, ranks < rng.binomial(x.shape[1], keep_prob))

    @fails(FROM_RNG, "does_not_draw_from_rng")
    def exact_ignores_rng(x, keep_prob, rng):
        """Uses np.random, as all of its examples do."""
        return rescaled(x, np.random.random(x.shape) < keep_prob)
