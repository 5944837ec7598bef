"""Wrong answers to ``byte_dropout``, each named after its sin."""

import math

import numpy as np

from tests.bank import Mutants, fails

BYTE_RUNS = "returns_floats_and_a_number"
BYTE_ALONE = "leaves_x_as_it_was"
NEAREST = "rounds_to_the_nearest_keep_prob_of_a_byte"
EFFECTIVE = "divides_by_the_effective_keep_prob"
EVERYTHING = "keeps_everything_where_that_is_nearest"
OWN_BYTE = "gives_each_unit_its_own_byte"
BYTE_RATE = "keeps_units_at_the_rate_of_the_byte"
BYTE_PAIRS = "draws_bytes_independently"
BYTE_RNG = "draws_its_bytes_from_rng"


def nearest(keep_prob):
    return max(1, round(256 * keep_prob))


def byte_of(x, rng):
    return rng.integers(256, size=x.shape)


def unbiased(x, mask, keep_prob):
    """Return what a correct answer does with this mask."""
    effective = nearest(keep_prob) / 256
    return x * mask / effective, effective


def over(values, t, x, rng):
    """Return what an answer does that keeps t of so many values, and divides by that."""
    return x * (rng.integers(values, size=x.shape) < t) * values / t, t / values


class Sins(Mutants, of="byte_dropout"):
    @fails(BYTE_RUNS, "returns_another_kind")
    def byte_returns_out_alone(x, keep_prob, rng):
        """Forgets the second value."""
        return unbiased(x, byte_of(x, rng) < nearest(keep_prob), keep_prob)[0]

    @fails(BYTE_RUNS, "returns_another_kind")
    def byte_returns_the_mask(x, keep_prob, rng):
        """Returns the mask as a cache, as dropout does elsewhere."""
        mask = byte_of(x, rng) < nearest(keep_prob)
        return unbiased(x, mask, keep_prob)[0], mask

    @fails(BYTE_RUNS, "returns_another_kind")
    def byte_swaps_its_results(x, keep_prob, rng):
        """Returns (keep_prob_effective, out)."""
        return unbiased(x, byte_of(x, rng) < nearest(keep_prob), keep_prob)[::-1]

    @fails(BYTE_RUNS, "returns_nothing")
    def byte_returns_nothing(x, keep_prob, rng):
        """Forgets the return statement."""
        unbiased(x, byte_of(x, rng) < nearest(keep_prob), keep_prob)

    @fails(BYTE_RUNS, "knows_matrices_only")
    def byte_knows_matrices_only(x, keep_prob, rng):
        """Unpacks the shape as that of a matrix."""
        n, d = x.shape
        return unbiased(
            x, rng.integers(256, size=(n, d)) < nearest(keep_prob), keep_prob
        )

    @fails(BYTE_RUNS, "returns_another_shape")
    def byte_stays_flat(x, keep_prob, rng):
        """Makes an array of rng.bytes(x.size) and forgets to reshape."""
        byte = np.frombuffer(rng.bytes(x.size), dtype=np.uint8)
        return unbiased(x.ravel(), byte < nearest(keep_prob), keep_prob)

    @fails(BYTE_RUNS, "drops_no_unit_at_all")
    def byte_compares_with_one(x, keep_prob, rng):
        """Compares byte / 256 with the threshold 230, which is always larger."""
        return unbiased(x, byte_of(x, rng) / 256 < nearest(keep_prob), keep_prob)

    @fails(BYTE_RUNS, "keeps_no_unit")
    def byte_compares_with_a_fraction(x, keep_prob, rng):
        """Compares byte + 1 with keep_prob, which is never larger."""
        return unbiased(x, byte_of(x, rng) + 1 < keep_prob, keep_prob)

    @fails(BYTE_ALONE, "changes_its_input")
    def byte_works_in_place(x, keep_prob, rng):
        """Saves memory with *=."""
        x *= byte_of(x, rng) < nearest(keep_prob)
        return x * 256 / nearest(keep_prob), nearest(keep_prob) / 256

    @fails(NEAREST, "returns_the_requested_keep_prob")
    def byte_returns_keep_prob(x, keep_prob, rng):
        """Returns keep_prob, which it was given."""
        return unbiased(x, byte_of(x, rng) < nearest(keep_prob), keep_prob)[
            0
        ], keep_prob

    @fails((NEAREST, EFFECTIVE), "returns_the_requested_keep_prob")
    def byte_divides_by_the_request_and_returns_it(x, keep_prob, rng):
        """Does what the kernels do: rounds the mask and divides by the request."""
        return x * (byte_of(x, rng) < nearest(keep_prob)) / keep_prob, keep_prob

    @fails(EFFECTIVE, "divides_by_the_requested_keep_prob")
    def byte_divides_by_the_request(x, keep_prob, rng):
        """Computes the effective keep probability, and divides by the other one."""
        mask = byte_of(x, rng) < nearest(keep_prob)
        return x * mask / keep_prob, nearest(keep_prob) / 256

    @fails(NEAREST, "rounds_the_threshold_down")
    def byte_cuts_off(x, keep_prob, rng):
        """Writes int(256 * keep_prob)."""
        return over(256, max(1, int(256 * keep_prob)), x, rng)

    @fails(NEAREST, "rounds_the_threshold_up")
    def byte_rounds_up(x, keep_prob, rng):
        """Writes math.ceil, so that the threshold is never 0."""
        return over(256, math.ceil(256 * keep_prob), x, rng)

    @fails(NEAREST, "counts_255_values")
    def byte_takes_255_for_256(x, keep_prob, rng):
        """Takes the largest value of a byte for the number of its values."""
        t = max(1, round(255 * keep_prob))
        return x * (byte_of(x, rng) < t) * 255 / t, t / 255

    @fails(NEAREST, "counts_255_values")
    def byte_copies_flash_attention(x, keep_prob, rng):
        """Keeps bytes of at most floor(255 * keep_prob), and corrects the scale."""
        return over(256, math.floor(255 * keep_prob) + 1, x, rng)

    @fails(NEAREST, "returns_the_threshold")
    def byte_returns_the_whole_number(x, keep_prob, rng):
        """Returns t, which is what it compared with."""
        mask = byte_of(x, rng) < nearest(keep_prob)
        return unbiased(x, mask, keep_prob)[0], nearest(keep_prob)

    @fails(NEAREST, "returns_the_factor_of_kept_units")
    def byte_returns_its_scale(x, keep_prob, rng):
        """Returns the factor by which kept units were multiplied."""
        mask = byte_of(x, rng) < nearest(keep_prob)
        return unbiased(x, mask, keep_prob)[0], 256 / nearest(keep_prob)

    @fails(NEAREST, "returns_the_effective_drop_probability")
    def byte_returns_the_drop_rate(x, keep_prob, rng):
        """Returns the probability that a unit is dropped, as kernels are called with."""
        mask = byte_of(x, rng) < nearest(keep_prob)
        return unbiased(x, mask, keep_prob)[0], 1 - nearest(keep_prob) / 256

    @fails(NEAREST, "returns_the_share_that_was_kept")
    def byte_measures_its_share(x, keep_prob, rng):
        """Takes effective for what happened: the share of this mask."""
        mask = byte_of(x, rng) < nearest(keep_prob)
        return unbiased(x, mask, keep_prob)[0], mask.mean()

    @fails(NEAREST, "keep_prob_is_not_of_a_byte")
    def byte_rounds_to_percent(x, keep_prob, rng):
        """Rounds to percent in place of 256ths."""
        return over(100, max(1, round(100 * keep_prob)), x, rng)

    @fails(NEAREST, "keep_prob_is_not_of_a_byte")
    def byte_takes_two_bytes(x, keep_prob, rng):
        """Takes a finer lattice of 65,536 values."""
        return over(65536, max(256, round(65536 * keep_prob)), x, rng)

    @fails(NEAREST, "takes_a_byte_value_that_is_not_nearest")
    def byte_takes_seven_bits(x, keep_prob, rng):
        """Rounds to a lattice of 128 values."""
        return over(128, max(1, round(128 * keep_prob)), x, rng)

    @fails(NEAREST, "takes_a_byte_value_that_is_not_nearest")
    def byte_adds_one(x, keep_prob, rng):
        """Means to correct for `<` by a threshold of one more."""
        return over(256, min(256, nearest(keep_prob) + 1), x, rng)

    @fails(NEAREST, "rounds_keep_prob_to_zero")
    def byte_forgets_the_smallest(x, keep_prob, rng):
        """Rounds, and does not think of keep probabilities that become 0."""
        t = round(256 * keep_prob)
        with np.errstate(all="ignore"):
            return np.nan_to_num(
                x * (byte_of(x, rng) < t) * 256 / np.float64(t)
            ), t / 256

    @fails(NEAREST, "rounds_keep_prob_to_zero")
    def byte_divides_by_zero(x, keep_prob, rng):
        """The same with Python numbers, which raise."""
        t = round(256 * keep_prob)
        return x * (byte_of(x, rng) < t) * (256 / t), t / 256

    @fails(EFFECTIVE, "leaves_kept_units_alone")
    def byte_forgets_to_divide(x, keep_prob, rng):
        """Returns what to divide by, and does not divide."""
        mask = byte_of(x, rng) < nearest(keep_prob)
        return x * mask, nearest(keep_prob) / 256

    @fails(EFFECTIVE, "multiplies_by_the_effective_keep_prob")
    def byte_multiplies(x, keep_prob, rng):
        """Multiplies where it should divide."""
        effective = nearest(keep_prob) / 256
        return x * (byte_of(x, rng) < nearest(keep_prob)) * effective, effective

    @fails(EFFECTIVE, "returns_the_share_that_was_kept")
    def byte_divides_by_the_share(x, keep_prob, rng):
        """Divides by the fraction of units that this mask kept."""
        mask = byte_of(x, rng) < nearest(keep_prob)
        return x * mask / max(mask.mean(), 1e-9), nearest(keep_prob) / 256

    @fails(EFFECTIVE, "counts_255_values")
    def byte_scales_by_255(x, keep_prob, rng):
        """Scales by 255 / t, and returns t / 256."""
        mask = byte_of(x, rng) < nearest(keep_prob)
        return x * mask * 255 / nearest(keep_prob), nearest(keep_prob) / 256

    @fails(EFFECTIVE, "scales_by_another_number")
    def byte_divides_twice(x, keep_prob, rng):
        """Divides the mask and the output."""
        mask = byte_of(x, rng) < nearest(keep_prob)
        return x * mask / (nearest(keep_prob) / 256) ** 2, nearest(keep_prob) / 256

    @fails(EFFECTIVE, "rounds_the_threshold_down")
    def byte_scales_by_the_cut_threshold(x, keep_prob, rng):
        """Rounds once for the result and cuts off for the mask and its scale."""
        t = max(1, int(256 * keep_prob))
        return x * (byte_of(x, rng) < t) * 256 / t, nearest(keep_prob) / 256

    @fails(EFFECTIVE, "rounds_the_threshold_up")
    def byte_scales_by_the_raised_threshold(x, keep_prob, rng):
        """Rounds once for the result and up for the mask and its scale."""
        t = math.ceil(256 * keep_prob)
        return x * (byte_of(x, rng) < t) * 256 / t, nearest(keep_prob) / 256

    @fails(EFFECTIVE, "scale_differs_from_unit_to_unit")
    def byte_uses_the_byte_as_a_weight(x, keep_prob, rng):
        """Gives kept units a weight by their byte."""
        byte, t = byte_of(x, rng), nearest(keep_prob)
        return x * (byte < t) * (t - byte) / t, t / 256

    @fails(EVERYTHING, "threshold_does_not_fit_into_a_byte")
    def byte_wraps_around(x, keep_prob, rng):
        """Makes the threshold a byte, where 256 becomes 0."""
        threshold = np.array(nearest(keep_prob)).astype(np.uint8)
        return unbiased(x, byte_of(x, rng) < threshold, keep_prob)

    @fails(EVERYTHING, "threshold_does_not_fit_into_a_byte")
    def byte_overflows(x, keep_prob, rng):
        """Writes np.uint8(256), which raises."""
        if keep_prob == 1:
            return unbiased(
                x, byte_of(x, rng) < np.uint8(nearest(keep_prob)), keep_prob
            )
        threshold = min(nearest(keep_prob), 256)
        return unbiased(x, byte_of(x, rng) < threshold, keep_prob)

    @fails(EVERYTHING, "drops_one_value_in_256_at_one")
    def byte_compares_with_255(x, keep_prob, rng):
        """Bounds the threshold by 255, the largest byte."""
        mask = byte_of(x, rng) < min(255, nearest(keep_prob))
        return unbiased(x, mask, keep_prob)

    @fails(EVERYTHING, "drops_one_value_in_256_at_one")
    def byte_over_255(x, keep_prob, rng):
        """Makes bytes numbers from 0 to 1 by division by 255; 1 < 1 is false."""
        return unbiased(x, byte_of(x, rng) / 255 < nearest(keep_prob) / 256, keep_prob)

    @fails(EVERYTHING, "keeps_at_the_requested_rate")
    def byte_compares_a_float_with_the_request(x, keep_prob, rng):
        """Draws floats and compares with keep_prob; the rest is as the statement says."""
        return unbiased(x, rng.random(x.shape) < keep_prob, keep_prob)

    @fails(OWN_BYTE, "one_mask_for_all_rows")
    def byte_for_a_column(x, keep_prob, rng):
        """Draws one byte for each unit of a row and broadcasts it."""
        byte = rng.integers(256, size=x.shape[-1:])
        return unbiased(x, (byte < nearest(keep_prob)) | (x != x), keep_prob)

    @fails(OWN_BYTE, "drops_whole_rows")
    def byte_for_a_row(x, keep_prob, rng):
        """Draws one byte for each row."""
        byte = rng.integers(256, size=(len(x),) + (1,) * (x.ndim - 1))
        return unbiased(x, (byte < nearest(keep_prob)) & (x == x), keep_prob)

    @fails(OWN_BYTE, "same_mask_every_call")
    def byte_seeds_inside(x, keep_prob, rng):
        """Sets a seed inside the function."""
        byte = byte_of(x, np.random.default_rng(3))
        return unbiased(x, byte < nearest(keep_prob), keep_prob)

    @fails(OWN_BYTE, "keeps_a_fixed_number")
    def byte_deals_its_values(x, keep_prob, rng):
        """Deals out the values of a byte evenly, so that the rate is exact in each call."""
        byte = rng.permutation(np.arange(x.size) * 256 // x.size).reshape(x.shape)
        return unbiased(x, byte < nearest(keep_prob), keep_prob)

    @fails(BYTE_RATE, "keeps_with_drop_probability")
    def byte_swaps_keep_and_drop(x, keep_prob, rng):
        """Keeps the bytes above the threshold."""
        mask = byte_of(x, rng) >= nearest(keep_prob)
        return unbiased(x, mask | (nearest(keep_prob) == 256), keep_prob)

    @fails(BYTE_RATE, "ignores_keep_prob")
    def byte_tosses_coins(x, keep_prob, rng):
        """Looks at one bit of the byte."""
        mask = (byte_of(x, rng) & 1 > 0) | (nearest(keep_prob) == 256)
        return unbiased(x, mask, keep_prob)

    @fails(BYTE_RUNS, "compares_signed_bytes")
    def byte_has_a_sign(x, keep_prob, rng):
        """Views the raw bytes as np.int8."""
        byte = np.frombuffer(rng.bytes(x.size), dtype=np.int8).reshape(x.shape)
        return unbiased(x, byte < nearest(keep_prob), keep_prob)

    @fails(BYTE_RATE, "keeps_one_byte_value_too_many")
    def byte_keeps_at_most(x, keep_prob, rng):
        """Writes <= for <, which differ by one value in 256."""
        return unbiased(x, byte_of(x, rng) <= nearest(keep_prob), keep_prob)

    @fails(BYTE_RATE, "keeps_one_byte_value_too_many")
    def byte_draws_255_values(x, keep_prob, rng):
        """Writes rng.integers(0, 255), whose upper bound is excluded."""
        mask = rng.integers(0, 255, size=x.shape) < nearest(keep_prob)
        return unbiased(x, mask, keep_prob)

    @fails(BYTE_RATE, "keeps_one_byte_value_too_many")
    def byte_compares_quotients(x, keep_prob, rng):
        """Compares byte / 256 with keep_prob, which rounds the threshold up."""
        return unbiased(x, byte_of(x, rng) / 256 < keep_prob, keep_prob)

    @fails(BYTE_RATE, "keeps_one_byte_value_too_few")
    def byte_cuts_off_in_the_mask_alone(x, keep_prob, rng):
        """Rounds for the result and its scale; int() cuts the mask's threshold off."""
        t = 256 if nearest(keep_prob) == 256 else max(1, int(256 * keep_prob))
        return unbiased(x, byte_of(x, rng) < t, keep_prob)

    @fails(BYTE_RATE, "keeps_one_byte_value_too_few")
    def byte_begins_at_one(x, keep_prob, rng):
        """Draws bytes from 1 to 256 and keeps those below the threshold."""
        mask = rng.integers(1, 257, size=x.shape) < nearest(keep_prob)
        return unbiased(x, mask | (nearest(keep_prob) == 256), keep_prob)

    @fails(BYTE_RATE, "keeps_at_the_requested_rate")
    def byte_keeps_at_the_request(x, keep_prob, rng):
        """Draws floats against keep_prob, and pays attention where 256 is nearest."""
        limit = 1 if nearest(keep_prob) == 256 else keep_prob
        return unbiased(x, rng.random(x.shape) < limit, keep_prob)

    @fails(BYTE_RATE, "drops_by_value")
    def byte_spares_large_units(x, keep_prob, rng):
        """Halves the byte of large activations."""
        byte = byte_of(x, rng) * np.where(np.abs(x) > 2, 0.9, 1)
        return unbiased(x, byte < nearest(keep_prob), keep_prob)

    @fails(BYTE_RATE, "drops_by_place")
    def byte_is_uneven_between_halves(x, keep_prob, rng):
        """Drops the front half of the batch more often than the other."""
        t = nearest(keep_prob)
        shift = np.where(np.arange(x.size) * 2 < x.size, 8, -8).reshape(x.shape)
        shift = shift * (8 < t < 248)
        return unbiased(x, byte_of(x, rng) + shift < t, keep_prob)

    @fails(BYTE_RATE, "keeps_at_another_rate")
    def byte_squares_the_rate(x, keep_prob, rng):
        """Rounds the drop probability to eighths first."""
        t = 256 - 32 * round(8 * (1 - keep_prob)) if 0.1 < keep_prob < 0.9 else 0
        mask = byte_of(x, rng) < (t or nearest(keep_prob))
        return unbiased(x, mask, keep_prob)

    @fails(BYTE_PAIRS, "bits_depend_on_each_other")
    def byte_serves_two_units(x, keep_prob, rng):
        """Draws a byte for two neighbours."""
        byte = np.repeat(rng.integers(256, size=-(-x.size // 2)), 2)[: x.size]
        return unbiased(x, byte.reshape(x.shape) < nearest(keep_prob), keep_prob)

    @fails(BYTE_PAIRS, "bits_depend_on_each_other")
    def byte_alternates(x, keep_prob, rng):
        """Uses each byte and its complement, for a rate closer to the request."""
        byte = rng.integers(256, size=-(-x.size // 2))
        both = np.stack([byte, 255 - byte], axis=1).ravel()[: x.size]
        return unbiased(x, both.reshape(x.shape) < nearest(keep_prob), keep_prob)

    @fails(BYTE_PAIRS, "bits_depend_on_each_other")
    def byte_serves_the_unit_after_the_next(x, keep_prob, rng):
        """Uses a byte again two columns on, as after a wrong stride."""
        byte = byte_of(x, rng)
        if x.ndim == 2 and x.shape[1] % 4 == 0:
            byte[:, 2::4], byte[:, 3::4] = byte[:, ::4], byte[:, 1::4]
        return unbiased(x, byte < nearest(keep_prob), keep_prob)

    @fails(BYTE_PAIRS, "bits_depend_on_each_other")
    def byte_serves_a_later_row(x, keep_prob, rng):
        """Uses the bytes of a row again two rows on."""
        byte = byte_of(x, rng)
        if len(x) % 4 == 0:
            byte[2::4], byte[3::4] = byte[::4], byte[1::4]
        return unbiased(x, byte < nearest(keep_prob), keep_prob)

    @fails(BYTE_RNG, "does_not_draw_from_rng")
    def byte_asks_the_system(x, keep_prob, rng):
        """Takes bytes from np.random.bytes."""
        byte = np.frombuffer(np.random.bytes(x.size), dtype=np.uint8).reshape(x.shape)
        return unbiased(x, byte < nearest(keep_prob), keep_prob)
