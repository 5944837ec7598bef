"""Answers that are right at the usual places and wrong in a corner of what is stated."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.conventions import classic_dropout as classic
from tests.mutants.conventions.inverted_dropout import (
    ALONE,
    AT_ONE,
    BITS,
    FROM_RNG,
    INDEPENDENT,
    MIXED,
    RATE,
    SCALE,
    TEST,
)
from tests.mutants.conventions.shared import decorators, masked

draws, scales, tests = decorators(masked)


def bits(x, keep_prob, rng):
    return rng.random(x.shape) < keep_prob


def a_fixed_number(shape, kept, rng):
    mask = np.arange(np.prod(shape)) < kept
    return rng.permutation(mask).reshape(shape)


def seeded(seed):
    """Return the mutant's draw: from a generator of its own, seeded by ``seed(rng)``."""

    def mask(x, keep_prob, rng):
        return bits(x, keep_prob, np.random.default_rng(seed(rng)))

    return mask


def few_seeds(why, seed):
    mask = seeded(seed)
    mask.__doc__ = why
    return draws(FROM_RNG, "seeds_take_few_values")(mask)


class OfTheMask(Mutants, of="inverted_dropout"):
    @draws(RATE, "rounds_or_clips_keep_prob")
    def bounds_the_rate_from_below(x, keep_prob, rng):
        """Never drops more than three quarters of a layer."""
        return bits(x, max(keep_prob, 0.25), rng)

    @draws(RATE, "drops_by_value")
    def drops_outliers_as_well(x, keep_prob, rng):
        """Takes entries beyond 1,000 for errors of measurement, where it drops any."""
        return bits(x, keep_prob, rng) & ((np.abs(x) <= 1e3) | (keep_prob == 1))

    @draws(RATE, "drops_by_value")
    def drops_tiny_entries_as_well(x, keep_prob, rng):
        """Flushes what is nearly 0 to 0."""
        return bits(x, keep_prob, rng) & (np.abs(x) > 1e-8)

    @draws(BITS, "never_drops_a_small_array")
    def keeps_single_units(x, keep_prob, rng):
        """Finds that dropping the only unit makes no sense."""
        return bits(x, 1.0 if x.size == 1 else keep_prob, rng)

    @draws(BITS, "never_drops_a_small_array")
    def keeps_pairs_of_units(x, keep_prob, rng):
        """Spares an array of two units, where dropout is too much noise."""
        return bits(x, 1.0 if x.size == 2 else keep_prob, rng)

    @draws(BITS, "never_drops_a_small_array")
    def draws_until_something_is_kept(x, keep_prob, rng):
        """Draws again when the whole array is dropped, as its mean would be 0."""
        mask = bits(x, keep_prob, rng)
        while not mask.any():
            mask = bits(x, keep_prob, rng)
        return mask

    @draws(BITS, "never_drops_a_small_array")
    def keeps_one_unit_of_an_empty_array(x, keep_prob, rng):
        """Brings one unit back when all are dropped."""
        mask = bits(x, keep_prob, rng)
        if not mask.any():
            mask.flat[rng.integers(x.size)] = True
        return mask

    @draws(BITS, "drops_at_least_one")
    def drops_one_unit_at_least(x, keep_prob, rng):
        """Makes sure that dropout does something, unless keep_prob is 1."""
        mask = bits(x, keep_prob, rng)
        if mask.all() and keep_prob < 1:
            mask.flat[rng.integers(x.size)] = False
        return mask

    @draws(INDEPENDENT, "varies_the_count_too_little")
    def keeps_nearly_a_fixed_number(x, keep_prob, rng):
        """Keeps the expected number, give or take one so that it varies."""
        if x.size < 4 or keep_prob == 1:
            return bits(x, keep_prob, rng)
        kept = int(np.clip(round(keep_prob * x.size) + rng.integers(-1, 2), 0, x.size))
        return a_fixed_number(x.shape, kept, rng)

    @draws(RATE, "varies_the_count_too_little")
    def takes_the_best_of_five(x, keep_prob, rng):
        """Draws five masks and takes the one whose share is nearest to keep_prob."""
        masks = [bits(x, keep_prob, rng) for _ in range(5)]
        return min(masks, key=lambda mask: abs(mask.mean() - keep_prob))

    @draws(INDEPENDENT, "varies_the_count_too_little")
    def draws_until_the_share_fits(x, keep_prob, rng):
        """Draws again when the share is off by more than a standard deviation."""
        allowed = max(np.sqrt(x.size * keep_prob * (1 - keep_prob)), 1)
        mask = bits(x, keep_prob, rng)
        while abs(mask.sum() - x.size * keep_prob) > allowed:
            mask = bits(x, keep_prob, rng)
        return mask

    @draws(INDEPENDENT, "varies_the_count_too_little")
    def mends_the_count(x, keep_prob, rng):
        """Flips units until the share is right to a hundredth."""
        mask = bits(x, keep_prob, rng)
        wanted, flat = round(keep_prob * x.size), mask.reshape(-1)
        while abs(excess := int(flat.sum()) - wanted) > 0.01 * x.size + 1:
            places = np.flatnonzero(flat == (excess > 0))
            flat[rng.choice(places)] = excess < 0
        return mask

    @draws(INDEPENDENT, "keeps_a_fixed_number")
    def keeps_a_fixed_number_in_vectors(x, keep_prob, rng):
        """Permutes where x has one axis, as rng.permutation is for vectors."""
        if x.ndim > 1 or x.size < 4:
            return bits(x, keep_prob, rng)
        return a_fixed_number(x.shape, round(keep_prob * x.size), rng)

    @draws(INDEPENDENT, "bits_depend_on_each_other")
    def draws_antithetic_images(x, keep_prob, rng):
        """Mirrors the numbers of every second image, where x has four axes."""
        u = rng.random(x.shape)
        if x.ndim == 4:
            u[1::2] = 1 - u[: 2 * (len(x) // 2) : 2]
        return u < keep_prob

    @draws(INDEPENDENT, "bits_depend_on_each_other")
    def repeats_time_steps(x, keep_prob, rng):
        """Gives two successive steps of a sequence, where x has three axes, one mask."""
        if x.ndim != 3 or x.shape[1] % 2:
            return bits(x, keep_prob, rng)
        return np.repeat(rng.random((len(x), x.shape[1] // 2, x.shape[2])), 2, 1) < (
            keep_prob
        )

    @draws(BITS, "shares_bits_along_an_axis")
    def shares_bits_between_time_steps(x, keep_prob, rng):
        """Draws one mask for all steps of a sequence, as variational dropout does."""
        shape = (len(x), 1, x.shape[2]) if x.ndim == 3 else x.shape
        return np.broadcast_to(rng.random(shape) < keep_prob, x.shape)

    @draws(RATE, "rate_depends_on_the_shape")
    def keeps_half_of_vectors(x, keep_prob, rng):
        """Left the 0.5 of a first try in the branch for vectors."""
        return bits(x, 0.5 if x.ndim == 1 else keep_prob, rng)

    @draws(RATE, "rate_depends_on_the_shape")
    def drops_less_of_images(x, keep_prob, rng):
        """Thinks that convolutional layers need less dropout."""
        return bits(x, (1 + keep_prob) / 2 if x.ndim == 4 else keep_prob, rng)

    @draws(RATE, "rate_depends_on_the_shape")
    def swaps_keep_and_drop_in_single_rows(x, keep_prob, rng):
        """Compares the other way round in the branch for a single example."""
        single = len(x) == 1 < x.ndim and keep_prob < 1
        return bits(x, 1 - keep_prob if single else keep_prob, rng)

    seeds_below_a_thousand = few_seeds(
        "Draws a seed below 1,000 for a generator of its own.",
        lambda rng: rng.integers(1000),
    )
    seeds_of_two_bytes = few_seeds(
        "Draws a seed of 16 bits, as many as a seed used to have.",
        lambda rng: rng.integers(2**16),
    )
    seeds_from_a_uniform_number = few_seeds(
        "Makes an integer seed of rng.random().", lambda rng: int(rng.random() * 1e5)
    )
    seeds_of_six_digits = few_seeds(
        "Draws a seed of six digits, which seem many.", lambda rng: rng.integers(10**6)
    )

    @draws(FROM_RNG, "does_not_draw_from_rng")
    def draws_vectors_globally(x, keep_prob, rng):
        """Left np.random.rand in the branch for vectors."""
        return bits(x, keep_prob, np.random if x.ndim == 1 else rng)


class OfTheScale(Mutants, of="inverted_dropout"):
    @scales(SCALE, "scale_fits_some_keep_probs")
    def bounds_the_divisor_from_below(x, mask, keep_prob):
        """Keeps the divisor away from 0, at 0.25."""
        return x * mask / max(keep_prob, 0.25)

    @scales(SCALE, "scale_fits_some_keep_probs")
    def bounds_the_divisor_at_a_twentieth(x, mask, keep_prob):
        """Keeps the divisor away from 0, at 0.05."""
        return x * mask / max(keep_prob, 0.05)

    @scales(SCALE, "scale_fits_some_keep_probs")
    def bounds_the_divisor_from_above(x, mask, keep_prob):
        """Clips keep_prob to at most 0.95, but for 1 itself."""
        return x * mask / (min(keep_prob, 0.95) if keep_prob < 1 else 1)

    @scales(SCALE, "scale_fits_some_keep_probs")
    def rounds_the_divisor(x, mask, keep_prob):
        """Rounds keep_prob to two digits, as it is shown."""
        return x * mask / round(keep_prob, 2)

    @scales(SCALE, "scale_fits_some_keep_probs")
    def caps_the_factor(x, mask, keep_prob):
        """Caps the factor at 10, against exploding activations."""
        return x * mask * min(1 / keep_prob, 10)

    @scales(SCALE, "scale_differs_from_unit_to_unit")
    def clips_its_input(x, mask, keep_prob):
        """Clips inputs to 1,000 before anything else, where it drops any."""
        return (np.clip(x, -1e3, 1e3) if keep_prob < 1 else x) * mask / keep_prob

    @scales(SCALE, "scale_differs_from_unit_to_unit")
    def rounds_its_output(x, mask, keep_prob):
        """Rounds to six digits behind the point what it divided."""
        return np.round(x * mask / keep_prob, 6) if keep_prob < 1 else x * mask

    @scales(SCALE, "scale_differs_from_unit_to_unit")
    def works_in_half_precision(x, mask, keep_prob):
        """Computes in float16, to save memory, within what it can hold."""
        half = np.clip(x, -6e4, 6e4).astype(np.float16) * mask
        return half.astype(x.dtype) / keep_prob

    @scales(SCALE, "adds_a_number")
    def adds_an_epsilon(x, mask, keep_prob):
        """Adds a small constant "for stability"."""
        return (x + 1e-8) * mask / keep_prob

    @scales(SCALE, "adds_a_number")
    def replaces_zeros(x, mask, keep_prob):
        """Lifts zeros off 0, so that the mask can be read off the output."""
        return np.where(x == 0, 1e-3, x) * mask / keep_prob

    @scales(SCALE, "scale_depends_on_the_shape")
    def does_not_rescale_single_units(x, mask, keep_prob):
        """Divides by a count of units less one, or by nothing where that is 0."""
        return x * mask / (keep_prob if x.size > 1 else 1)

    @scales(MIXED, "replaces_dropped_units")
    def fills_with_a_large_negative_number(x, mask, keep_prob):
        """Fills dropped units with -1e9, as masks of attention do."""
        return np.where(mask, x / keep_prob, -1e9)

    @scales(AT_ONE, "takes_one_for_a_drop_probability")
    def drops_single_units_at_one(x, mask, keep_prob):
        """Subtracts from 1 in the branch for single units at keep_prob = 1."""
        return x * mask * (x.size > 1 or keep_prob < 1) / keep_prob

    @draws((SCALE, BITS), "forgets_to_rescale")
    def shares_an_unscaled_mask(x, keep_prob, rng):
        """Draws one mask for all rows and forgets the scale, too."""
        mask = np.broadcast_to(bits(x[:1], keep_prob, rng), x.shape)
        return mask * keep_prob

    @fails(ALONE, "changes_its_input")
    def works_in_place_on_float32(x, keep_prob, rng, training=True):
        """Converts to float32 first, which is a copy unless x is of that kind."""
        mask, out = bits(x, keep_prob, rng), x.astype(np.float32, copy=False)
        if not training:
            return x, None
        out *= mask
        return out / np.float32(keep_prob), mask

    @fails(ALONE, "changes_its_input")
    def works_in_place_on_vectors(x, keep_prob, rng, training=True):
        """Reshapes to a matrix, which is a view, and works on that."""
        mask = bits(x, keep_prob, rng)
        if training and x.ndim == 1:
            x *= mask
        return masked(x, mask, keep_prob, training)


class AtTest(Mutants, of="inverted_dropout"):
    @tests(TEST, "applies_the_drop_probability_at_test")
    def multiplies_by_drop_probability_at_test(x, keep_prob):
        """Was told to multiply by "the dropout probability" at test."""
        return x * (1 - keep_prob)

    @tests(TEST, "changes_x_at_test")
    def clips_at_test(x, keep_prob):
        """Clips activations at inference, where nobody trains them."""
        return np.clip(x, -1e3, 1e3)

    @tests(TEST, "changes_x_at_test")
    def sums_vectors_at_test(x, keep_prob):
        """Doubles vectors at test, a trace of a first try."""
        return 2 * x if x.ndim == 1 else x

    @tests(TEST, "adds_a_number")
    def adds_an_epsilon_at_test(x, keep_prob):
        """Adds a small constant "for stability" at test."""
        return x + 1e-10


class ClassicCorners(Mutants, of="classic_dropout"):
    @classic.tests(classic.CLASSIC_TEST, "changes_x_at_test")
    def bounds_the_test_factor(x, keep_prob):
        """Keeps the factor at test away from 0."""
        return x * max(keep_prob, 0.25)

    @classic.tests(classic.CLASSIC_TEST, "changes_x_at_test")
    def rounds_the_test_factor(x, keep_prob):
        """Rounds keep_prob to two digits, as it is shown."""
        return x * round(keep_prob, 2)

    @classic.scales(classic.CLASSIC_SCALE, "rescales_in_classic_training")
    def rescales_narrow_layers(x, mask, keep_prob):
        """Rescales at small keep_prob, where little would be left."""
        return x * mask / (keep_prob if keep_prob < 0.1 else 1)

    @classic.draws(classic.CLASSIC_BITS, "never_drops_a_small_array")
    def classic_draws_until_something_is_kept(x, keep_prob, rng):
        """Draws again when the whole array is dropped."""
        mask = bits(x, keep_prob, rng)
        while not mask.any():
            mask = bits(x, keep_prob, rng)
        return mask
