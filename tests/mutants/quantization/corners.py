"""Answers of ``quantization`` that are right where one tries them first, and wrong in a
corner of what the statement allows."""

import math

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.quantization import byte_dropout as byte
from tests.mutants.quantization import exact_count_dropout as exact
from tests.mutants.quantization import kept_count_distribution as kept
from tests.mutants.quantization.fixed_count_dropout import (
    COUNT,
    FIXED_ALONE,
    SCALE,
    SUBSETS_RNG,
    UNIFORM,
    chosen,
    fixed,
)


class FixedCount(Mutants, of="fixed_count_dropout"):
    @fails(COUNT, "counts_are_off_by_one")
    def cuts_off_a_fraction(x, keep_count, rng):
        """Computes the count from the fraction, which is a little too small in floats."""
        keep_prob = keep_count / x.shape[1]
        return fixed(x, chosen(x, int(keep_prob * x.shape[1]), rng), keep_count)

    @fails(COUNT, "counts_are_off_by_one")
    def rounds_a_fraction_up(x, keep_count, rng):
        """Rounds the product up, which is a little too large in other places."""
        count = int(np.ceil(keep_count / x.shape[1] * x.shape[1]))
        return fixed(x, chosen(x, count, rng), keep_count)

    @fails(COUNT, "counts_are_off_by_one")
    def computes_the_count_in_single_precision(x, keep_count, rng):
        """Has the fraction as a float32."""
        d = np.float32(x.shape[1])
        return fixed(x, chosen(x, int(np.float32(keep_count) / d * d), rng), keep_count)

    @fails(COUNT, "counts_are_off_by_one")
    def keeps_at_least_two(x, keep_count, rng):
        """Never leaves a unit alone."""
        mask = chosen(x, min(max(keep_count, 2), x.shape[1]), rng)
        return fixed(x, mask, keep_count)

    @fails(COUNT, "counts_are_off_by_one")
    def drops_at_least_one(x, keep_count, rng):
        """Bounds the count by D - 1, so that something is dropped."""
        return fixed(x, chosen(x, min(keep_count, x.shape[1] - 1), rng), keep_count)

    @fails(COUNT, "factor_depends_on_x")
    def chooses_values_and_not_places(x, keep_count, rng):
        """Draws from the row itself, and looks for the values that it drew."""
        rows = [rng.choice(row, keep_count, replace=False) for row in x]
        pairs = zip(x, rows, strict=True)
        return fixed(
            x, np.array([np.isin(row, kept) for row, kept in pairs]), keep_count
        )

    @fails(COUNT, "factor_depends_on_x")
    def takes_small_numbers_for_zeros(x, keep_count, rng):
        """Sets to 0 what is nearly 0, as it cleans its result up."""
        out, mask = fixed(x, chosen(x, keep_count, rng), keep_count)
        return np.where(np.abs(out) < 1e-8, 0, out), mask

    @fails(COUNT, "factor_depends_on_x")
    def drops_very_large_units(x, keep_count, rng):
        """Takes entries beyond 1e5 for errors of measurement."""
        x = np.where(np.abs(x) > 1e5, 0, x)
        return fixed(x, chosen(x, keep_count, rng), keep_count)

    @fails(SCALE, "factor_depends_on_x")
    def cuts_large_units_off(x, keep_count, rng):
        """Clips its result, so that nothing explodes."""
        out, mask = fixed(x, chosen(x, keep_count, rng), keep_count)
        return np.clip(out, -1e4, 1e4), mask

    @fails(SCALE, "factor_depends_on_x")
    def adds_a_little(x, keep_count, rng):
        """Adds 1e-8 to kept units, against a later division by 0."""
        out, mask = fixed(x, chosen(x, keep_count, rng), keep_count)
        return out + 1e-8 * mask, mask

    @fails(SCALE, "computes_in_half_precision")
    def fixed_returns_half_precision(x, keep_count, rng):
        """Saves memory with np.float16, and makes sure that nothing leaves its range."""
        out, mask = fixed(x, chosen(x, keep_count, rng), keep_count)
        common = 1e-4 < np.abs(out).max() < 6e4
        return out.astype(np.float16 if common else np.float64), mask

    @fails(FIXED_ALONE, "changes_its_input")
    def fixed_works_in_place_on_float32(x, keep_count, rng):
        """Asks for float32 without a copy, which is x itself where x is one."""
        out = x.astype(np.float32, copy=False)
        out *= chosen(x, keep_count, rng)
        return out * (x.shape[1] / keep_count), None

    @fails(UNIFORM, "drops_by_place")
    def never_keeps_the_last_unit_alone(x, keep_count, rng):
        """Draws one place with integers(D - 1), whose upper bound is excluded."""
        if keep_count > 1 or x.shape[1] < 2:
            return fixed(x, chosen(x, keep_count, rng), keep_count)
        place = rng.integers(x.shape[1] - 1, size=(len(x), 1))
        return fixed(x, np.arange(x.shape[1]) == place, keep_count)

    @fails(UNIFORM, "drops_by_place")
    def never_drops_the_last_unit_alone(x, keep_count, rng):
        """Draws the place of the one dropped unit in the same way."""
        if keep_count < x.shape[1] - 1 or keep_count == x.shape[1]:
            return fixed(x, chosen(x, keep_count, rng), keep_count)
        place = rng.integers(max(1, x.shape[1] - 1), size=(len(x), 1))
        return fixed(x, np.arange(x.shape[1]) != place, keep_count)

    @fails(UNIFORM, "drops_by_place")
    def keeps_the_first_units_of_a_single_row(x, keep_count, rng):
        """Shuffles rows along the wrong axis where there is one row."""
        if len(x) > 1:
            return fixed(x, chosen(x, keep_count, rng), keep_count)
        mask = np.arange(x.shape[1]) < keep_count
        return fixed(x, rng.permutation(mask[None], axis=0), keep_count)

    @fails(UNIFORM, "drops_by_place")
    def chooses_among_the_first_256(x, keep_count, rng):
        """Draws places from bytes."""
        mask = np.zeros(x.shape, bool)
        mask[:, :256] = chosen(x[:, :256], min(keep_count, 256), rng)
        mask[:, 256:] = keep_count - 256 > np.arange(x.shape[1] - 256)
        return fixed(x, mask, keep_count)

    @fails(SUBSETS_RNG, "seeds_take_few_values")
    def fixed_takes_ten_thousand_seeds(x, keep_count, rng):
        """Seeds a generator with one of 10,000 numbers."""
        child = np.random.default_rng(rng.integers(10_000))
        return fixed(x, chosen(x, keep_count, child), keep_count)


class KeptCount(Mutants, of="kept_count_distribution"):
    @fails(kept.CHANCES, "approximates_the_distribution")
    def bounds_keep_prob_below(n, keep_prob):
        """Keeps keep_prob at 0.002 or more, so that nothing underflows."""
        return kept.by_logarithms(n, max(keep_prob, 0.002) if keep_prob else 0)

    @fails(kept.CHANCES, "approximates_the_distribution")
    def bounds_keep_prob_above(n, keep_prob):
        """Keeps keep_prob at 0.99 or less, so that 1 - keep_prob is not too small."""
        return kept.by_logarithms(n, min(keep_prob, 0.99) if keep_prob < 1 else 1)

    @fails(kept.CHANCES, "approximates_the_distribution")
    def stays_away_from_zero(n, keep_prob):
        """Adds 1e-6 to what it takes the logarithm of."""
        return kept.by_logarithms(
            n, keep_prob + 1e-6 if 0 < keep_prob < 0.5 else keep_prob
        )

    @fails(kept.CHANCES, "approximates_the_distribution")
    def takes_the_poisson_law_for_rare_units(n, keep_prob):
        """Has learnt that rare events follow Poisson's law."""
        if not 0 < keep_prob < 0.003:
            return kept.by_logarithms(n, keep_prob)
        rate = n * keep_prob
        logs = [k * math.log(rate) - math.lgamma(k + 1) for k in range(n + 1)]
        return np.exp(np.array(logs) - rate)

    @fails(kept.CHANCES, "counts_the_dropped_units")
    def is_wrong_for_one_unit(n, keep_prob):
        """Takes one unit for a special case, and its two entries the wrong way round."""
        return kept.by_logarithms(n, keep_prob)[:: -1 if n == 1 else 1].copy()

    @fails(kept.CHANCES, "leaves_out_the_full_mask")
    def fills_all_but_the_last(n, keep_prob):
        """Loops over range(n), and leaves the last of n + 1 zeros as it is."""
        chances = kept.by_logarithms(n, keep_prob)
        chances[n] = 0
        return chances

    @fails(kept.MANY, "loses_digits_for_many_units")
    def takes_the_normal_curve_in_the_middle(n, keep_prob):
        """Approximates where all of n * p and n * q are large."""
        if n * min(keep_prob, 1 - keep_prob) < 50:
            return kept.by_logarithms(n, keep_prob)
        return kept.Sins.takes_the_normal_curve(n, keep_prob)

    @fails(kept.MANY, "loses_digits_for_many_units")
    def bounds_keep_prob_for_many(n, keep_prob):
        """Thinks that keep probabilities beyond 0.9 overflow."""
        return kept.by_logarithms(n, min(keep_prob, 0.9) if n > 100 else keep_prob)

    @fails(kept.EDGES, "fails_at_keep_prob_zero_or_one")
    def is_nearly_certain(n, keep_prob):
        """Clips keep_prob to 1e-9, which shows where there are many units."""
        return kept.by_logarithms(n, min(max(keep_prob, 1e-9), 1 - 1e-9))

    @fails(kept.EDGES, "fails_at_keep_prob_zero_or_one")
    def treats_the_edges_of_few_units(n, keep_prob):
        """Treats the edges on its way through powers, which many units do not go."""
        if n < 100:
            return kept.by_logarithms(n, keep_prob)
        return kept.Sins.takes_the_logarithm_of_zero(n, keep_prob)

    @fails(kept.EDGES, "returns_no_floats")
    def compares_at_the_edges(n, keep_prob):
        """Returns a comparison where one count is certain."""
        if keep_prob in (0, 1):
            return np.arange(n + 1) == n * keep_prob
        return kept.by_logarithms(n, keep_prob)


class ExactCount(Mutants, of="exact_count_dropout"):
    @fails(exact.EMPTY, "draws_empty_rows_again")
    def draws_an_empty_array_again(x, keep_prob, rng):
        """Draws again where nothing at all is kept, which large arrays never meet."""
        mask = exact.bits(x, keep_prob, rng)
        while not mask.any():
            mask = exact.bits(x, keep_prob, rng)
        return exact.rescaled(x, mask)

    @fails(exact.EMPTY, "draws_empty_rows_again")
    def keeps_a_single_unit(x, keep_prob, rng):
        """Sees no sense in dropout of one unit."""
        return exact.rescaled(x, exact.bits(x, keep_prob, rng) | (x.size == 1))

    @fails(exact.INDEPENDENT, "varies_the_count_too_little")
    def draws_until_the_count_fits(x, keep_prob, rng):
        """Draws masks again until their share is nearly keep_prob."""
        mask = exact.bits(x, keep_prob, rng)
        if x.size < 20:
            return exact.rescaled(x, mask)
        sd = np.sqrt(x.size * keep_prob * (1 - keep_prob))
        while abs(mask.sum() - x.size * keep_prob) > max(1, sd):
            mask = exact.bits(x, keep_prob, rng)
        return exact.rescaled(x, mask)

    @fails(exact.INDEPENDENT, "varies_the_count_too_little")
    def takes_the_best_of_five(x, keep_prob, rng):
        """Draws five masks and takes the one whose share is nearest to keep_prob."""
        drawn = [exact.bits(x, keep_prob, rng) for _ in range(5 if x.size > 20 else 1)]
        mask = min(drawn, key=lambda mask: abs(mask.mean() - keep_prob))
        return exact.rescaled(x, mask)

    @fails(exact.INDEPENDENT, "varies_the_count_too_little")
    def mends_its_count(x, keep_prob, rng):
        """Keeps the mean number of units, give or take one, at random places."""
        if x.size < 20:
            return exact.rescaled(x, exact.bits(x, keep_prob, rng))
        ranks = rng.permutation(x.size).reshape(x.shape)
        number = x.size * keep_prob + rng.integers(-1, 2) * (keep_prob < 1)
        return exact.rescaled(x, ranks < number)

    @fails(exact.FRACTION, "adds_to_the_count")
    def adds_a_millionth_to_the_fraction(x, keep_prob, rng):
        """Avoids a division by 0 with 1e-6, which shows where the fraction is small."""
        mask = exact.bits(x, keep_prob, rng)
        return x * mask / (mask.mean(axis=1, keepdims=True) + 1e-6), mask

    @fails(exact.FRACTION, "divides_by_something_else")
    def bounds_the_fraction(x, keep_prob, rng):
        """Avoids a division by 0 with a fraction of at least 0.05."""
        mask = exact.bits(x, keep_prob, rng)
        return x * mask / np.maximum(mask.mean(axis=1, keepdims=True), 0.05), mask

    @fails(exact.FRACTION, "factor_depends_on_x")
    def exact_takes_small_numbers_for_zeros(x, keep_prob, rng):
        """Cleans up what is nearly 0."""
        out, mask = exact.rescaled(x, exact.bits(x, keep_prob, rng))
        return np.where(np.abs(out) < 1e-8, 0, out), mask

    @fails(exact.FRACTION, "factor_depends_on_x")
    def exact_drops_very_large_units(x, keep_prob, rng):
        """Takes entries beyond 1e5 for errors of measurement."""
        x = np.where(np.abs(x) > 1e5, 0, x)
        return exact.rescaled(x, exact.bits(x, keep_prob, rng))

    @fails(exact.FRACTION, "factor_depends_on_x")
    def counts_what_is_large_enough(x, keep_prob, rng):
        """Counts outputs beyond a tolerance."""
        mask = exact.bits(x, keep_prob, rng)
        kept = (np.abs(x * mask) > 1e-12).sum(axis=1, keepdims=True)
        return x * mask * x.shape[1] / np.maximum(kept, 1), mask

    @fails(exact.FRACTION, "factor_depends_on_x")
    def counts_what_is_positive(x, keep_prob, rng):
        """Counts by the sign of the sum, where all entries have one sign."""
        out, mask = exact.rescaled(x, exact.bits(x, keep_prob, rng))
        return out * (1 if (x > 0).any() else 2), mask

    @fails(exact.FRACTION, "computes_in_half_precision")
    def exact_returns_half_precision(x, keep_prob, rng):
        """Saves memory with np.float16."""
        out, mask = exact.rescaled(x, exact.bits(x, keep_prob, rng))
        return out.astype(np.float16), mask

    @fails(exact.FRACTION, "cuts_the_factor_off")
    def exact_divides_whole_numbers(x, keep_prob, rng):
        """Divides with //, so that the factor is cut to a whole number."""
        mask = exact.bits(x, keep_prob, rng)
        kept = np.maximum(mask.sum(axis=1, keepdims=True), 1)
        return x * mask * (x.shape[1] // kept), mask

    @fails(exact.ROWS_ALONE, "changes_its_input")
    def exact_works_in_place_on_float32(x, keep_prob, rng):
        """Asks for float32 without a copy, which is x itself where x is one."""
        out = x.astype(np.float32, copy=False)
        out *= (mask := exact.bits(x, keep_prob, rng))
        return out * (x.shape[1] / np.maximum(mask.sum(axis=1, keepdims=True), 1)), mask

    @fails(exact.FROM_RNG, "seeds_take_few_values")
    def exact_takes_ten_thousand_seeds(x, keep_prob, rng):
        """Seeds a generator with one of 10,000 numbers."""
        child = np.random.default_rng(rng.integers(10_000))
        return exact.rescaled(x, exact.bits(x, keep_prob, child))


class Byte(Mutants, of="byte_dropout"):
    @fails(byte.EVERYTHING, "keeps_with_drop_probability")
    def byte_compares_the_other_way_round(x, keep_prob, rng):
        """Writes > for <, which reads as "larger than the threshold"."""
        return byte.unbiased(
            x, byte.byte_of(x, rng) > byte.nearest(keep_prob), keep_prob
        )

    @fails(byte.EVERYTHING, "keeps_with_drop_probability")
    def byte_rounds_the_drop_probability(x, keep_prob, rng):
        """Compares with the threshold of 1 - keep_prob."""
        mask = byte.byte_of(x, rng) < byte.nearest(1 - keep_prob)
        return byte.unbiased(x, mask, keep_prob)

    @fails(byte.NEAREST, "bounds_the_threshold_by_255")
    def byte_stops_at_255(x, keep_prob, rng):
        """Takes min(255, t), the largest byte, for mask, factor and result."""
        return byte.over(256, min(255, byte.nearest(keep_prob)), x, rng)

    @fails(byte.NEAREST, "takes_a_byte_value_that_is_not_nearest")
    def byte_bounds_keep_prob(x, keep_prob, rng):
        """Keeps keep_prob at 0.02 or more."""
        return byte.over(256, byte.nearest(max(keep_prob, 0.02)), x, rng)

    @fails(byte.NEAREST, "takes_a_byte_value_that_is_not_nearest")
    def byte_rounds_keep_prob_first(x, keep_prob, rng):
        """Rounds keep_prob to two digits, as it is written."""
        return byte.over(256, byte.nearest(round(keep_prob, 2)), x, rng)

    @fails(byte.NEAREST, "returns_the_requested_keep_prob")
    def byte_forgets_to_round(x, keep_prob, rng):
        """Draws floats, and has no byte at all: inverted dropout."""
        return x * (rng.random(x.shape) < keep_prob) / keep_prob, keep_prob

    @fails(byte.EFFECTIVE, "cuts_the_factor_off")
    def byte_divides_whole_numbers(x, keep_prob, rng):
        """Writes 256 // t, which is 1 where more than half of the units are kept."""
        t = byte.nearest(keep_prob)
        return x * (byte.byte_of(x, rng) < t) * (256 // t), t / 256

    @fails(byte.EFFECTIVE, "divides_by_the_dropped_fraction")
    def byte_divides_by_the_dropped_fraction(x, keep_prob, rng):
        """Divides by 1 - t / 256."""
        t = byte.nearest(keep_prob)
        return x * (byte.byte_of(x, rng) < t) * 256 / max(256 - t, 1), t / 256

    @fails(byte.EFFECTIVE, "scales_by_another_number")
    def byte_turns_the_sign(x, keep_prob, rng):
        """Subtracts where it should have multiplied, and is left with a minus sign."""
        out, effective = byte.over(256, byte.nearest(keep_prob), x, rng)
        return -out, effective

    @fails(byte.EFFECTIVE, "scales_by_another_number")
    def byte_bounds_its_factor(x, keep_prob, rng):
        """Bounds the factor by 100, so that few kept units do not explode."""
        t = byte.nearest(keep_prob)
        return x * (byte.byte_of(x, rng) < t) * min(256 / t, 100), t / 256

    @fails(byte.EFFECTIVE, "factor_depends_on_x")
    def byte_drops_very_large_units(x, keep_prob, rng):
        """Takes entries beyond 1e5 for errors of measurement, if all of them are."""
        x = np.where((np.abs(x) > 1e5).all(), 0 * x, x)
        return byte.over(256, byte.nearest(keep_prob), x, rng)

    @fails(byte.EFFECTIVE, "computes_in_half_precision")
    def byte_returns_half_precision(x, keep_prob, rng):
        """Saves memory with np.float16."""
        out, effective = byte.over(256, byte.nearest(keep_prob), x, rng)
        return out.astype(np.float16), effective

    @fails(byte.BYTE_RUNS, "drops_no_unit_at_all")
    def byte_fills_with_a_large_negative_number(x, keep_prob, rng):
        """Fills dropped units with -1e9, as attention masks do."""
        t = byte.nearest(keep_prob)
        return np.where(byte.byte_of(x, rng) < t, x * 256 / t, -1e9), t / 256

    @fails(byte.BYTE_RUNS, "drops_no_unit_at_all")
    def byte_multiplies_with_noise(x, keep_prob, rng):
        """Takes Gaussian noise for the mask."""
        t = byte.nearest(keep_prob)
        return x * rng.normal(1, np.sqrt(256 / t - 1), x.shape), t / 256

    @fails(byte.BYTE_RATE, "keeps_at_another_rate")
    def byte_keeps_three_values_or_more(x, keep_prob, rng):
        """Bounds the threshold of the mask alone."""
        t = max(byte.nearest(keep_prob), 3)
        return byte.unbiased(x, byte.byte_of(x, rng) < t, keep_prob)

    @fails(byte.BYTE_RATE, "keeps_at_another_rate")
    def byte_treats_images_otherwise(x, keep_prob, rng):
        """Keeps half of the units of an image, whose axes it takes for something else."""
        t = byte.nearest(keep_prob)
        if x.ndim == 4 and t < 256:
            return byte.unbiased(x, rng.integers(2, size=x.shape) < 1, keep_prob)
        return byte.unbiased(x, byte.byte_of(x, rng) < t, keep_prob)

    @fails(byte.OWN_BYTE, "never_drops_a_small_array")
    def byte_draws_an_empty_array_again(x, keep_prob, rng):
        """Draws again where nothing at all is kept, which large arrays never meet."""
        while not (mask := byte.byte_of(x, rng) < byte.nearest(keep_prob)).any():
            pass
        return byte.unbiased(x, mask, keep_prob)

    @fails(byte.BYTE_PAIRS, "varies_the_count_too_little")
    def byte_takes_the_best_of_five(x, keep_prob, rng):
        """Draws five masks and takes the one whose share is nearest to the rate."""
        effective = byte.nearest(keep_prob) / 256
        many = 5 if x.size > 20 else 1
        drawn = [byte.byte_of(x, rng) < 256 * effective for _ in range(many)]
        mask = min(drawn, key=lambda mask: abs(mask.mean() - effective))
        return byte.unbiased(x, mask, keep_prob)

    @fails(byte.BYTE_RNG, "seeds_take_few_values")
    def byte_takes_ten_thousand_seeds(x, keep_prob, rng):
        """Seeds a generator with one of 10,000 numbers."""
        drawn = byte.byte_of(x, np.random.default_rng(rng.integers(10_000)))
        return byte.unbiased(x, drawn < byte.nearest(keep_prob), keep_prob)

    @fails(byte.BYTE_ALONE, "changes_its_input")
    def byte_works_in_place_on_float32(x, keep_prob, rng):
        """Asks for float32 without a copy, which is x itself where x is one."""
        out, t = x.astype(np.float32, copy=False), byte.nearest(keep_prob)
        out *= byte.byte_of(x, rng) < t
        return out * np.float32(256 / t), t / 256
