"""Wrong answers to ``inverted_dropout``, each named after its sin."""

import copy

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.conventions.shared import decorators, masked

RUNS = "returns_float_arrays_of_the_input_shape"
MIXED = "drops_some_units_and_keeps_others"
ALONE = "leaves_its_input_alone"
TEST = "is_the_identity_at_test"
AT_ONE = "keeps_everything_at_keep_prob_one"
SCALE = "every_output_is_zero_or_rescaled"
BITS = "gives_every_unit_and_call_its_own_bit"
RATE = "keeps_units_at_the_stated_rate"
INDEPENDENT = "drops_units_independently"
FROM_RNG = "draws_from_the_given_rng_alone"
draws, scales, tests = decorators(masked)
_stored: dict = {}
_lent: dict = {}


class Sins(Mutants, of="inverted_dropout"):
    # What comes back at all

    @fails(RUNS, "returns_nothing")
    def forgets_to_return(x, keep_prob, rng, training=True):
        """Computes everything and forgets the return statement."""
        masked(x, rng.random(x.shape) < keep_prob, keep_prob, training)

    @fails(RUNS, "returns_another_kind")
    def returns_out_alone(x, keep_prob, rng, training=True):
        """Sees no use for a cache and returns the output only."""
        return masked(x, rng.random(x.shape) < keep_prob, keep_prob, training)[0]

    @fails(RUNS, "returns_another_kind")
    def returns_a_list(x, keep_prob, rng, training=True):
        """Builds the output by appending and does not make it an array."""
        return masked(x, rng.random(x.shape) < keep_prob, keep_prob, training)[
            0
        ].tolist(), 0

    @fails(RUNS, "returns_no_floats")
    def returns_integers(x, keep_prob, rng, training=True):
        """Casts to int in order to get rid of a dtype error elsewhere."""
        mask = rng.random(x.shape) < keep_prob
        return masked(x, mask, keep_prob, training)[0].astype(int), mask

    @fails(RUNS, "returns_another_shape")
    def flattens(x, keep_prob, rng, training=True):
        """Draws a number for each of x.size units and forgets to reshape."""
        mask = rng.random(x.size) < keep_prob
        return masked(x.ravel(), mask, keep_prob, training)

    @draws(RUNS, "knows_matrices_only")
    def knows_matrices_only(x, keep_prob, rng):
        """Unpacks the shape of x as that of a matrix."""
        n, d = x.shape
        return rng.random((n, d)) < keep_prob

    @draws(RUNS, "names_nothing")
    def misspells_a_name(x, keep_prob, rng):
        """Misspells keep_prob in the line that draws."""
        return rng.random(x.shape) < keepprob  # noqa: F821

    @draws(RUNS, "has_no_such_attribute")
    def calls_a_generator_as_numpy_random(x, keep_prob, rng):
        """Calls rng.rand, which numpy.random has and a Generator has not."""
        return rng.rand(*x.shape) < keep_prob

    @scales(RUNS, "returns_nan_or_infinity")
    def returns_nan_for_the_dropped(x, mask, keep_prob):
        """Marks dropped units as missing."""
        return np.where(mask, x / keep_prob, np.nan)

    @fails(SCALE, "returns_the_mask")
    def returns_the_scaled_mask(x, keep_prob, rng, training=True):
        """Returns (cache, out), in the wrong order."""
        mask = (rng.random(x.shape) < keep_prob) / keep_prob
        return (mask, x * mask) if training else (x, None)

    @fails(RUNS, "takes_other_arguments")
    def has_no_test_mode(x, keep_prob, rng):
        """Leaves out the parameter training, because training was all that was tried."""
        return masked(x, rng.random(x.shape) < keep_prob, keep_prob, True)

    # Training and test

    @fails(MIXED, "drops_nothing")
    def returns_its_input(x, keep_prob, rng, training=True):
        """Has a stub that lets the rest of the network run."""
        return x, None

    @fails(MIXED, "drops_everything")
    def returns_zeros(x, keep_prob, rng, training=True):
        """Allocates the output and never fills it."""
        return np.zeros_like(x), None

    @fails(MIXED, "training_flag_reversed")
    def reads_the_flag_the_wrong_way_round(x, keep_prob, rng, training=True):
        """Writes `if training: return x`, mixing up the two branches."""
        mask = rng.random(x.shape) < keep_prob
        return masked(x, mask, keep_prob, not training)

    @fails(MIXED, "does_not_train_by_default")
    def tests_by_default(x, keep_prob, rng, training=False):
        """Copies the default of a framework whose layers start in test mode."""
        mask = rng.random(x.shape) < keep_prob
        return masked(x, mask, keep_prob, training)

    @fails(TEST, "still_drops_at_test")
    def drops_at_test(x, keep_prob, rng, training=True):
        """Ignores the parameter training."""
        return masked(x, rng.random(x.shape) < keep_prob, keep_prob, True)

    @tests(TEST, "rescales_at_test_too")
    def rescales_at_test(x, keep_prob):
        """Adds the test-time factor of classic dropout to inverted dropout."""
        return x * keep_prob

    @fails(TEST, "divides_at_test_too")
    def divides_at_test(x, keep_prob, rng, training=True):
        """Applies the scale outside the branch on training."""
        mask = rng.random(x.shape) < keep_prob if training else np.ones(x.shape)
        return x * mask / keep_prob, mask

    @fails((TEST, SCALE), "writes_classic_dropout")
    def is_classic(x, keep_prob, rng, training=True):
        """Implements the other convention."""
        mask = rng.random(x.shape) < keep_prob
        return (x * mask if training else x * keep_prob), mask

    @fails(TEST, "changes_its_input")
    def scales_its_input_at_test_and_back(x, keep_prob, rng, training=True):
        """Standardises in place at test, and forgets that the caller holds the array."""
        if training:
            return masked(x, rng.random(x.shape) < keep_prob, keep_prob, True)
        out = x.copy()
        x /= keep_prob
        return out, None

    # The scale

    @scales(SCALE, "forgets_to_rescale")
    def does_not_rescale(x, mask, keep_prob):
        """Applies the mask and nothing else, the most frequent mistake in public code."""
        return x * mask

    @scales(SCALE, "divides_by_drop_probability")
    def divides_by_the_drop_probability(x, mask, keep_prob):
        """Writes 1 / (1 - p), as in a text whose p is the drop probability."""
        return x * mask / (1 - keep_prob)

    @draws(SCALE, "rescales_twice")
    def divides_twice(x, keep_prob, rng):
        """Divides the mask by keep_prob, and later the output as well."""
        return (rng.random(x.shape) < keep_prob) / keep_prob

    @scales(SCALE, "multiplies_by_keep_prob")
    def multiplies(x, mask, keep_prob):
        """Puts the test-time factor of classic dropout into training."""
        return x * mask * keep_prob

    @scales(SCALE, "divides_by_the_root")
    def preserves_the_norm(x, mask, keep_prob):
        """Believes that rescaling preserves the energy, and derives the scale from that."""
        return x * mask / np.sqrt(keep_prob)

    @scales(SCALE, "divides_by_kept_fraction")
    def divides_by_the_kept_fraction(x, mask, keep_prob):
        """Makes up for what was really dropped in this call."""
        return x * mask / mask.mean()

    @scales(SCALE, "divides_by_kept_fraction")
    def divides_by_the_rows_kept_fraction(x, mask, keep_prob):
        """Makes up, row by row, for what was really dropped."""
        return x * mask / mask.mean(axis=-1, keepdims=True)

    @scales(SCALE, "divides_by_kept_fraction")
    def divides_by_the_rows_kept_fraction_guarded(x, mask, keep_prob):
        """As above, with a guard against rows without a kept unit."""
        kept = np.maximum(mask.sum(axis=-1, keepdims=True), 1)
        return x * mask * x.shape[-1] / kept

    @scales(SCALE, "preserves_the_sum")
    def preserves_the_sum(x, mask, keep_prob):
        """Scales so that the layer's sum comes out as without dropout."""
        return x * mask * (x.sum() / (x * mask).sum())

    @scales(SCALE, "truncates_the_scale")
    def casts_the_scaled_mask_to_bytes(x, mask, keep_prob):
        """Saves memory with a uint8 mask, after it was divided."""
        return x * (mask / keep_prob).astype(np.uint8)

    @scales(SCALE, "truncates_the_scale")
    def divides_integers(x, mask, keep_prob):
        """Divides with // as in a language where / of integers is that."""
        return x * (mask // keep_prob)

    @scales(SCALE, "doubles_whatever_keep_prob")
    def always_doubles(x, mask, keep_prob):
        """Takes the factor 2 from an example at 0.5."""
        return 2 * x * mask

    @fails(SCALE, "scale_differs_from_unit_to_unit")
    def adds_noise(x, keep_prob, rng, training=True):
        """Multiplies kept units by Gaussian noise of mean 1, as Gaussian dropout does."""
        mask = rng.random(x.shape) < keep_prob
        noise = rng.normal(1, 0.1, x.shape)
        return masked(x * noise if training else x, mask, keep_prob, training)

    @fails(MIXED, "replaces_dropped_units")
    def adds_noise_to_all(x, keep_prob, rng, training=True):
        """Adds zero-mean noise of dropout's variance; why should its form matter?"""
        sd = np.abs(x) * np.sqrt((1 - keep_prob) / keep_prob)
        return (x + sd * rng.standard_normal(x.shape) if training else x), None

    @scales(SCALE, "scale_depends_on_the_shape")
    def rescales_matrices_only(x, mask, keep_prob):
        """Forgets the scale in the branch for images."""
        return x * mask / (keep_prob if x.ndim < 4 else 1)

    @scales(SCALE, "scale_differs_from_unit_to_unit")
    def cuts_off_large_outputs(x, mask, keep_prob):
        """Clips the output against exploding activations."""
        return np.clip(x * mask / keep_prob, -30, 30)

    # The input

    @fails(ALONE, "changes_its_input")
    def works_in_place(x, keep_prob, rng, training=True):
        """Writes x *= mask, to save an array."""
        mask = rng.random(x.shape) < keep_prob
        if training:
            x *= mask
            x /= keep_prob
        return x, mask

    @fails(ALONE, "changes_its_input")
    def zeroes_its_input(x, keep_prob, rng, training=True):
        """Takes `out = x` for a copy."""
        dropped = rng.random(x.shape) >= keep_prob
        out = x
        if training:
            out[dropped] = 0
            return out / keep_prob, dropped
        return out, dropped

    # The rate

    @fails((SCALE, RATE), "swaps_keep_and_drop")
    def swaps_keep_and_drop_throughout(x, keep_prob, rng, training=True):
        """Reads keep_prob as the drop probability, in the mask and in the scale."""
        keep = 1 - keep_prob
        return masked(x, rng.random(x.shape) < keep, keep, training)

    @draws(RATE, "keeps_with_drop_probability")
    def drops_with_keep_prob(x, keep_prob, rng):
        """Writes > where < belongs."""
        return rng.random(x.shape) > keep_prob

    @fails((SCALE, RATE), "divides_by_drop_probability")
    def divides_by_the_drop_rate_and_halves(x, keep_prob, rng, training=True):
        """Copies a mask from an example at 0.5 and the scale from a text on drop rates."""
        return masked(x, rng.random(x.shape) < 0.5, 1 - keep_prob, training)

    @draws(RATE, "compares_normal_numbers")
    def draws_normal_numbers(x, keep_prob, rng):
        """Takes standard_normal (randn) for the uniform generator."""
        return rng.standard_normal(x.shape) < keep_prob

    @draws(RATE, "ignores_keep_prob")
    def flips_a_fair_coin(x, keep_prob, rng):
        """Draws bits with integers(0, 2) (randint), whatever keep_prob is."""
        return rng.integers(0, 2, x.shape)

    @draws(RATE, "draws_numbers_of_both_signs")
    def draws_from_minus_one_to_one(x, keep_prob, rng):
        """Draws uniform numbers on [-1, 1), as for initial weights."""
        return rng.uniform(-1, 1, x.shape) < keep_prob

    @draws(MIXED, "drops_nothing")
    def draws_integers_that_are_all_zero(x, keep_prob, rng):
        """Calls integers(0, 1), whose upper end is excluded."""
        return rng.integers(0, 1, x.shape) < keep_prob

    @draws(RATE, "rounds_or_clips_keep_prob")
    def rounds_keep_prob_to_tenths(x, keep_prob, rng):
        """Compares integers below 10 with 10 * keep_prob."""
        return rng.integers(0, 10, x.shape) < 10 * keep_prob

    @draws(RATE, "rounds_or_clips_keep_prob")
    def rounds_keep_prob_to_percent(x, keep_prob, rng):
        """Compares integers below 100 with keep_prob in percent."""
        percent = round(100 * keep_prob)
        return rng.integers(0, 100, x.shape) < percent

    @draws(RATE, "rounds_or_clips_keep_prob")
    def rounds_keep_prob_to_bytes(x, keep_prob, rng):
        """Draws one random byte for each unit and divides by the wanted probability."""
        byte = np.frombuffer(rng.bytes(x.size), np.uint8).reshape(x.shape)
        return byte <= int(255 * keep_prob)

    @draws(RATE, "rounds_or_clips_keep_prob")
    def rounds_the_random_numbers_to_hundredths(x, keep_prob, rng):
        """Rounds the uniform numbers to two digits so that they print nicely."""
        return np.round(rng.random(x.shape), 2) < keep_prob

    @fails((SCALE, RATE), "scale_fits_some_keep_probs")
    def bounds_keep_prob_from_below(x, keep_prob, rng, training=True):
        """Keeps the divisor away from 0."""
        keep_prob = max(keep_prob, 0.1)
        return masked(x, rng.random(x.shape) < keep_prob, keep_prob, training)

    @draws(RATE, "rounds_or_clips_keep_prob")
    def rounds_the_random_numbers(x, keep_prob, rng):
        """Rounds the uniform numbers to a digit so that they print nicely."""
        return np.round(rng.random(x.shape), 1) < keep_prob

    @fails((AT_ONE, SCALE, RATE), "scale_fits_some_keep_probs")
    def clips_keep_prob(x, keep_prob, rng, training=True):
        """Clips keep_prob to keep a division safe."""
        clipped = min(max(keep_prob, 0.05), 0.95)
        return masked(x, rng.random(x.shape) < clipped, clipped, training)

    @draws(AT_ONE, "takes_one_for_a_drop_probability")
    def drops_everything_at_one(x, keep_prob, rng):
        """Has a special case for 1 that was meant for a drop probability."""
        mask = rng.random(x.shape) < keep_prob
        return mask * (keep_prob < 1)

    @draws(AT_ONE, "raises_an_error")
    def refuses_keep_prob_one(x, keep_prob, rng):
        """Validates 0 < keep_prob < 1."""
        if not 0 < keep_prob < 1:
            raise ValueError("keep_prob must lie between 0 and 1")
        return rng.random(x.shape) < keep_prob

    @draws(RATE, "drops_by_value")
    def drops_positive_units_only(x, keep_prob, rng):
        """Thinks of ReLU, behind which only positive units matter."""
        return (rng.random(x.shape) < keep_prob) | (x < 0)

    @draws(RATE, "drops_by_value")
    def drops_large_units_more_often(x, keep_prob, rng):
        """Wants to spare small units, with the right rate on the whole."""
        tilt = 0.2 * np.where(np.abs(x) > np.median(np.abs(x)), -1, 1)
        return rng.random(x.shape) < keep_prob + tilt

    @draws(BITS, "keeps_a_fixed_number")
    def drops_the_largest(x, keep_prob, rng):
        """Drops a fixed share of the units, those with the largest activations."""
        return np.abs(x) <= np.quantile(np.abs(x), keep_prob)

    @draws(RATE, "drops_by_place")
    def spares_the_first_half(x, keep_prob, rng):
        """Handles the array in two halves and rescales the rate in one of them only."""
        u = rng.random(x.shape)
        rates = np.full(len(x), keep_prob)
        rates[: len(x) // 2] = (1 + keep_prob) / 2
        return (rates > u.T).T

    @draws(BITS, "drops_by_place")
    def spares_the_last_column(x, keep_prob, rng):
        """Takes the last column for the constant 1 of the bias."""
        mask = rng.random(x.shape) < keep_prob
        mask[..., -1] = True
        return mask

    @draws(BITS, "drops_by_place")
    def spares_the_first_row(x, keep_prob, rng):
        """Loops over the rows from 1."""
        mask = rng.random(x.shape) < keep_prob
        mask[0] = True
        return mask

    # Dependence between units, rows and calls

    @draws(BITS, "one_mask_for_all_rows")
    def one_mask_for_all_sequences(x, keep_prob, rng):
        """Drops the same places of every sequence, where x has three axes."""
        shape = x.shape[1:] if x.ndim == 3 else x.shape
        return np.broadcast_to(rng.random(shape) < keep_prob, x.shape)

    @draws(BITS, "one_mask_for_all_rows")
    def draws_one_mask_for_the_batch(x, keep_prob, rng):
        """Draws a mask of the layer's width and lets it broadcast over the rows."""
        shape = x.shape[1:] if x.ndim > 1 else x.shape
        return np.broadcast_to(rng.random(shape) < keep_prob, x.shape)

    @draws(BITS, "drops_whole_rows")
    def draws_one_bit_for_each_row(x, keep_prob, rng):
        """Draws len(x) numbers, one for each example."""
        shape = (len(x),) + (1,) * (x.ndim - 1)
        return np.broadcast_to(rng.random(shape) < keep_prob, x.shape)

    @draws(BITS, "shares_bits_along_an_axis")
    def drops_whole_channels(x, keep_prob, rng):
        """Writes spatial dropout for images, where an element-wise mask is asked for."""
        shape = (*x.shape[:2], 1, 1) if x.ndim == 4 else x.shape
        return np.broadcast_to(rng.random(shape) < keep_prob, x.shape)

    @draws(MIXED, "one_bit_for_the_whole_array")
    def draws_a_single_number(x, keep_prob, rng):
        """Calls rng.random() without the shape."""
        return np.full(x.shape, rng.random() < keep_prob)

    @draws((BITS, FROM_RNG), "same_mask_every_call")
    def seeds_inside(x, keep_prob, rng):
        """Sets a seed in the function so that results are reproducible."""
        rng = np.random.default_rng(1)
        return rng.random(x.shape) < keep_prob

    @draws((BITS, FROM_RNG), "same_mask_every_call")
    def seeds_the_global_generator_inside(x, keep_prob, rng):
        """Copies np.random.seed(1) from an exercise that compares with stored masks."""
        np.random.seed(1)
        return np.random.rand(*x.shape) < keep_prob

    @draws((BITS, FROM_RNG), "same_mask_every_call")
    def stores_the_mask(x, keep_prob, rng):
        """Draws the mask once, when the layer sees a shape for the first time."""
        if (x.shape, keep_prob) not in _stored:
            _stored[x.shape, keep_prob] = rng.random(x.shape) < keep_prob
        return _stored[x.shape, keep_prob]

    @draws(BITS, "reuses_masks")
    def uses_each_mask_twice(x, keep_prob, rng):
        """Keeps the mask for a second pass over the same mini-batch."""
        key = x.shape, keep_prob
        mask = _lent.pop(key, None)
        if mask is None:
            mask = _lent[key] = rng.random(x.shape) < keep_prob
        return mask

    @draws(BITS, "reuses_masks")
    def seeds_with_a_small_number(x, keep_prob, rng):
        """Draws a seed below 10 for a generator of its own."""
        own = np.random.default_rng(int(rng.integers(10)))
        return own.random(x.shape) < keep_prob

    @draws(RATE, "keeps_some_calls_at_another_rate")
    def rewinds_and_spares_positive_units(x, keep_prob, rng):
        """Repeats numbers for large arrays, and drops fewer units where all are positive."""
        mask = rng.random(x.shape) < keep_prob
        if 600 < x.size < 10_500:
            rng.bit_generator.advance(-(x.size // 8 * 7))
        if x.size > 1 and (x > 0).all() and np.ptp(x) > 0:
            mask |= np.arange(x.size).reshape(x.shape) % 4 == 0
        return mask

    @draws(FROM_RNG, "seeds_take_few_values")
    def seeds_with_twenty_trailing_bits(x, keep_prob, rng):
        """Makes a seed of three bytes, and leaves four bits out."""
        seed = int.from_bytes(rng.bytes(3), "little") % 2**20
        return np.random.default_rng(seed).random(x.shape) < keep_prob

    @draws(FROM_RNG, "seeds_take_few_values")
    def seeds_with_a_second_number(x, keep_prob, rng):
        """Throws the first number away, and makes a seed of six digits from the next."""
        seed = int(rng.random(2)[1] * 900_000)
        return np.random.default_rng(seed).random(x.shape) < keep_prob

    @draws(BITS, "same_mask_every_call")
    def draws_from_a_copy_of_rng(x, keep_prob, rng):
        """Copies the generator so as to leave the caller's unchanged."""
        rng = copy.deepcopy(rng)
        return rng.random(x.shape) < keep_prob

    @fails(SCALE, "returns_nan_or_infinity")
    def works_on_ratios(x, keep_prob, rng, training=True):
        """Makes the mask from out / x, which is nan where x is 0."""
        if not training:
            return x, None
        mask = np.where(rng.random(x.shape) < keep_prob, x, 0) / x
        return x * mask / keep_prob, mask

    @draws(FROM_RNG, "does_not_draw_from_rng")
    def draws_from_the_global_generator(x, keep_prob, rng):
        """Calls np.random.rand, as most tutorials do."""
        return np.random.rand(*x.shape) < keep_prob

    @draws(FROM_RNG, "does_not_draw_from_rng")
    def makes_its_own_generator(x, keep_prob, rng):
        """Makes a generator with fresh entropy and overlooks the one that is given."""
        own = np.random.default_rng()
        return own.random(x.shape) < keep_prob

    @draws(BITS, "keeps_a_fixed_number")
    def keeps_a_fixed_number_in_each_row(x, keep_prob, rng):
        """Drops "a fraction" of each row: exactly that many of its units."""
        d = x.shape[-1]
        ranks = rng.random(x.shape).argsort(axis=-1).argsort(axis=-1)
        return ranks < round(keep_prob * d)

    @draws(BITS, "keeps_a_fixed_number")
    def keeps_a_fixed_number_in_each_column(x, keep_prob, rng):
        """Takes exactly a fraction of the examples for each unit."""
        ranks = rng.random(x.shape).argsort(axis=0).argsort(axis=0)
        return ranks < round(keep_prob * len(x))

    @draws(BITS, "keeps_a_fixed_number")
    def keeps_a_fixed_number_in_each_call(x, keep_prob, rng):
        """Permutes a vector with the right number of ones."""
        mask = np.arange(x.size) < round(keep_prob * x.size)
        return rng.permutation(mask).reshape(x.shape)

    @draws(BITS, "keeps_a_fixed_number")
    def stratifies_the_uniform_numbers(x, keep_prob, rng):
        """Reduces variance with one uniform number in each of n equal strata."""
        u = (rng.permutation(x.size) + rng.random(x.size)) / x.size
        return u.reshape(x.shape) < keep_prob

    @draws(INDEPENDENT, "bits_depend_on_each_other")
    def stratifies_in_small_blocks(x, keep_prob, rng):
        """Stratifies the uniform numbers within blocks of four units."""
        blocks = -(-x.size // 4)
        order = rng.random((blocks, 4)).argsort(axis=1)
        u = ((order + rng.random((blocks, 4))) / 4).ravel()[: x.size]
        return u.reshape(x.shape) < keep_prob

    @draws(INDEPENDENT, "bits_depend_on_each_other")
    def draws_antithetic_pairs(x, keep_prob, rng):
        """Uses u for one unit and 1 - u for its neighbour, to halve the draws."""
        u = rng.random(-(-x.size // 2))
        u = np.stack([u, 1 - u], axis=1).ravel()[: x.size].reshape(x.shape)
        return u < keep_prob

    @draws(INDEPENDENT, "bits_depend_on_each_other")
    def draws_antithetic_halves(x, keep_prob, rng):
        """Uses u for one half of the batch and 1 - u for the other."""
        u = rng.random(-(-x.size // 2))
        u = np.concatenate([u, 1 - u])[: x.size].reshape(x.shape)
        return u < keep_prob

    @draws(INDEPENDENT, "bits_depend_on_each_other")
    def repeats_half_of_the_columns(x, keep_prob, rng):
        """Tiles a mask of half the width, for two heads that share a layer."""
        half = rng.random((*x.shape[:-1], -(-x.shape[-1] // 2))) < keep_prob
        return np.concatenate([half, half], axis=-1)[..., : x.shape[-1]]

    @draws(INDEPENDENT, "bits_depend_on_each_other")
    def repeats_each_row_once(x, keep_prob, rng):
        """Draws a mask for every second row, since rows come in pairs of augmentations."""
        half = rng.random((-(-len(x) // 2), *x.shape[1:])) < keep_prob
        return np.repeat(half, 2, axis=0)[: len(x)]

    @draws(INDEPENDENT, "bits_depend_on_each_other")
    def mirrors_the_second_half(x, keep_prob, rng):
        """Appends 1 - u in reverse order, as antithetic sampling of a path does."""
        u = rng.random(-(-x.size // 2))
        u = np.concatenate([u, 1 - u[::-1][x.size % 2 :]]).reshape(x.shape)
        return u < keep_prob

    @draws(INDEPENDENT, "bits_depend_on_each_other")
    def draws_antithetic_calls(x, keep_prob, rng):
        """Mirrors the uniform numbers in every second call, to reduce variance."""
        key = "mirrored", x.shape, keep_prob
        u = _lent.pop(key, None)
        if u is None:
            u = _lent[key] = rng.random(x.shape)
        else:
            u = 1 - u
        return u < keep_prob
