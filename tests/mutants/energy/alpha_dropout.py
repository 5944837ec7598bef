"""Wrong answers to ``alpha_dropout``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails

RUNS = "returns_alpha_float_arrays"
MIXED = "replaces_some_units_by_one_value"
ALONE = "leaves_the_layer_alone"
TEST = "alpha_is_the_identity_at_test"
DROPPED = "gives_dropped_units_the_right_value"
KEPT = "scales_and_shifts_kept_units"
ALPHA_AT_ONE = "alpha_changes_nothing_at_keep_prob_one"
BITS = "drops_each_unit_by_itself"
RATE = "keeps_alpha_units_at_the_stated_rate"
INDEPENDENT = "drops_alpha_units_independently"
FROM_RNG = "draws_alpha_masks_from_the_given_rng"
OFF = -1.0507009873554805 * 1.6732632423543772


def constants(p, off=OFF):
    factor = (p + p * (1 - p) * off**2) ** -0.5
    return factor, -factor * (1 - p) * off


def answer(x, mask, p, training=True, off=OFF):
    """Return what a correct answer does with this mask."""
    factor, shift = constants(p, off)
    return (factor * np.where(mask, x, off) + shift if training else x), mask


def with_constants(x, p, rng, training, factor, shift, off=OFF):
    """Return a right mask and bracket with these constants in training."""
    mask = rng.random(x.shape) < p
    return (factor * np.where(mask, x, off) + shift if training else x), mask


class Sins(Mutants, of="alpha_dropout"):
    # What comes back at all

    @fails(RUNS, "returns_nothing")
    def alpha_forgets_to_return(x, keep_prob, rng, training=True):
        """Computes everything and forgets the return statement."""
        answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)

    @fails(RUNS, "returns_another_kind")
    def alpha_returns_out_alone(x, keep_prob, rng, training=True):
        """Sees no use for a cache and returns the output only."""
        return answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)[0]

    @fails(RUNS, "returns_another_shape")
    def alpha_flattens(x, keep_prob, rng, training=True):
        """Draws a number for each of x.size units and forgets to reshape."""
        mask = rng.random(x.size) < keep_prob
        return answer(x.ravel(), mask, keep_prob, training)

    @fails(RUNS, "raises_an_error")
    def alpha_knows_matrices_only(x, keep_prob, rng, training=True):
        """Unpacks the shape of x as that of a matrix."""
        n, d = x.shape
        return answer(x, rng.random((n, d)) < keep_prob, keep_prob, training)

    @fails(RUNS, "raises_an_error")
    def alpha_has_no_test_mode(x, keep_prob, rng):
        """Leaves out the parameter training."""
        return answer(x, rng.random(x.shape) < keep_prob, keep_prob)

    @fails(RUNS, "returns_nan_or_infinity")
    def alpha_takes_the_root_of_a_negative_number(x, keep_prob, rng, training=True):
        """Writes a minus in the bracket's variance."""
        with np.errstate(invalid="ignore"):
            factor = np.sqrt(keep_prob - 3 * keep_prob * OFF**2)
        return with_constants(x, keep_prob, rng, training, factor, 0)

    # Training and test

    @fails(MIXED, "alpha_dropout_changes_nothing")
    def alpha_returns_its_input(x, keep_prob, rng, training=True):
        """Has a stub that lets the rest of the network run."""
        return x, None

    @fails(MIXED, "all_units_come_back_alike")
    def alpha_returns_zeros(x, keep_prob, rng, training=True):
        """Allocates the output and never fills it."""
        return np.zeros_like(x), None

    @fails(MIXED, "one_bit_for_the_whole_array")
    def alpha_draws_one_number(x, keep_prob, rng, training=True):
        """Calls rng.random() without a shape."""
        mask = np.full(x.shape, rng.random() < keep_prob)
        return answer(x, mask, keep_prob, training)

    @fails(MIXED, "dropped_units_have_no_common_value")
    def adds_gaussian_noise(x, keep_prob, rng, training=True):
        """Adds noise and standardises, since only the moments count."""
        noise = rng.standard_normal(x.shape) * np.sqrt((1 - keep_prob) / keep_prob)
        return (np.sqrt(keep_prob) * (x + noise) if training else x), None

    @fails(MIXED, "dropped_units_have_no_common_value")
    def negates_the_dropped(x, keep_prob, rng, training=True):
        """Multiplies dropped units by -alpha instead of replacing them."""
        mask = rng.random(x.shape) < keep_prob
        factor, shift = constants(keep_prob)
        return (factor * np.where(mask, x, OFF * x) + shift if training else x), mask

    @fails(MIXED, "training_flag_reversed")
    def alpha_reads_the_flag_the_wrong_way_round(x, keep_prob, rng, training=True):
        """Mixes up the two branches."""
        return answer(x, rng.random(x.shape) < keep_prob, keep_prob, not training)

    @fails(MIXED, "does_not_train_by_default")
    def alpha_tests_by_default(x, keep_prob, rng, training=False):
        """Copies the default of a framework whose layers start in test mode."""
        return answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)

    @fails(TEST, "still_drops_at_test")
    def alpha_drops_at_test(x, keep_prob, rng, training=True):
        """Ignores the parameter training."""
        return answer(x, rng.random(x.shape) < keep_prob, keep_prob)

    @fails(TEST, "applies_the_affine_map_at_test")
    def applies_a_and_b_at_test(x, keep_prob, rng, training=True):
        """Applies the affine map outside the branch on training."""
        mask = rng.random(x.shape) < keep_prob if training else np.ones(x.shape, bool)
        return answer(x, mask, keep_prob)

    @fails(TEST, "scales_at_alpha_test")
    def matches_the_units_mean_at_test(x, keep_prob, rng, training=True):
        """Multiplies by A p at test, so that each unit's mean agrees with training."""
        out, mask = answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)
        return (out if training else constants(keep_prob)[0] * keep_prob * x), mask

    @fails(TEST, "scales_at_alpha_test")
    def is_classic_at_test(x, keep_prob, rng, training=True):
        """Adds the test-time factor of classic dropout."""
        out, mask = answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)
        return (out if training else keep_prob * x), mask

    @fails(TEST, "kept_units_follow_no_affine_map")
    def applies_selu_at_test(x, keep_prob, rng, training=True):
        """Puts the activation function into the layer, at test only."""
        out, mask = answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)
        selu = np.where(x > 0, 1.0507 * x, 1.7581 * np.expm1(np.minimum(x, 0)))
        return (out if training else selu), mask

    # The values

    @fails((DROPPED, KEPT), "writes_inverted_dropout_for_alpha_dropout")
    def is_inverted_dropout(x, keep_prob, rng, training=True):
        """Hands in the function of the chapter before."""
        mask = rng.random(x.shape) < keep_prob
        return (x * mask / keep_prob if training else x), mask

    @fails((DROPPED, KEPT), "drops_to_zero")
    def keeps_the_energy(x, keep_prob, rng, training=True):
        """Divides by the root of keep_prob: the constants with d = 0."""
        mask = rng.random(x.shape) < keep_prob
        return (x * mask / np.sqrt(keep_prob) if training else x), mask

    @fails((DROPPED, KEPT), "drops_to_zero")
    def masks_and_nothing_else(x, keep_prob, rng, training=True):
        """Applies the mask and nothing else."""
        mask = rng.random(x.shape) < keep_prob
        return (x * mask if training else x), mask

    @fails(DROPPED, "drops_to_zero")
    def forgets_the_value_of_the_dropped(x, keep_prob, rng, training=True):
        """Has the right A and B and multiplies x by the mask."""
        factor, shift = constants(keep_prob)
        mask = rng.random(x.shape) < keep_prob
        return (factor * (x * mask) + shift if training else x), mask

    @fails(DROPPED, "drops_after_the_affine_map")
    def masks_the_result(x, keep_prob, rng, training=True):
        """Applies A and B first, and the mask after that."""
        factor, shift = constants(keep_prob)
        mask = rng.random(x.shape) < keep_prob
        return (mask * (factor * x + shift) if training else x), mask

    @fails((DROPPED, KEPT), "forgets_the_affine_map")
    def replaces_and_stops(x, keep_prob, rng, training=True):
        """Replaces dropped units and leaves out the affine map."""
        return with_constants(x, keep_prob, rng, training, 1, 0)

    @fails((DROPPED, KEPT), "forgets_the_shift")
    def forgets_b(x, keep_prob, rng, training=True):
        """Repairs the variance and leaves the mean as it is."""
        factor, _ = constants(keep_prob)
        return with_constants(x, keep_prob, rng, training, factor, 0)

    @fails((DROPPED, KEPT), "forgets_the_factor_a")
    def repairs_the_mean_alone(x, keep_prob, rng, training=True):
        """Repairs the mean and leaves the variance as it is."""
        shift = -(1 - keep_prob) * OFF
        return with_constants(x, keep_prob, rng, training, 1, shift)

    @fails((DROPPED, KEPT), "forgets_the_factor_a")
    def adds_b_alone(x, keep_prob, rng, training=True):
        """Computes A for the sake of B and forgets to multiply by it."""
        _, shift = constants(keep_prob)
        return with_constants(x, keep_prob, rng, training, 1, shift)

    @fails((DROPPED, KEPT), "shift_lacks_the_factor_a")
    def shifts_by_the_brackets_mean(x, keep_prob, rng, training=True):
        """Subtracts the bracket's mean after the multiplication by A."""
        factor, _ = constants(keep_prob)
        shift = -(1 - keep_prob) * OFF
        return with_constants(x, keep_prob, rng, training, factor, shift)

    @fails((DROPPED, KEPT), "shifts_the_wrong_way")
    def adds_the_mean(x, keep_prob, rng, training=True):
        """Loses the minus of B, since d is negative already."""
        factor, shift = constants(keep_prob)
        return with_constants(x, keep_prob, rng, training, factor, -shift)

    @fails((DROPPED, KEPT), "shifts_by_keep_prob")
    def shifts_by_p(x, keep_prob, rng, training=True):
        """Writes p for q in B alone."""
        factor, _ = constants(keep_prob)
        shift = -factor * keep_prob * OFF
        return with_constants(x, keep_prob, rng, training, factor, shift)

    @fails((DROPPED, KEPT), "forgets_the_root_in_a")
    def divides_by_the_variance(x, keep_prob, rng, training=True):
        """Divides by the variance in place of the standard deviation."""
        factor = constants(keep_prob)[0] ** 2
        shift = -factor * (1 - keep_prob) * OFF
        return with_constants(x, keep_prob, rng, training, factor, shift)

    @fails((DROPPED, KEPT), "takes_a_from_the_mean_square")
    def divides_by_the_mean_square(x, keep_prob, rng, training=True):
        """Forgets to subtract the squared mean of the bracket."""
        factor = (keep_prob + (1 - keep_prob) * OFF**2) ** -0.5
        shift = -factor * (1 - keep_prob) * OFF
        return with_constants(x, keep_prob, rng, training, factor, shift)

    @fails((DROPPED, KEPT), "inverts_the_factor_a")
    def multiplies_by_the_deviation(x, keep_prob, rng, training=True):
        """Loses the minus in the exponent of A."""
        factor = 1 / constants(keep_prob)[0]
        shift = -factor * (1 - keep_prob) * OFF
        return with_constants(x, keep_prob, rng, training, factor, shift)

    @fails((DROPPED, KEPT), "divides_by_keep_prob_as_well")
    def divides_the_result(x, keep_prob, rng, training=True):
        """Divides by keep_prob out of habit."""
        out, mask = answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)
        return (out / keep_prob if training else out), mask

    @fails(KEPT, "divides_by_keep_prob_as_well")
    def divides_kept_units(x, keep_prob, rng, training=True):
        """Starts from inverted dropout and replaces its zeros."""
        mask = rng.random(x.shape) < keep_prob
        kept = x / keep_prob if training else x
        return answer(kept, mask, keep_prob, training)

    @fails(DROPPED, "leaves_the_dropped_out_of_the_affine_map")
    def maps_kept_units_only(x, keep_prob, rng, training=True):
        """Puts d in last, when kept units have been mapped already."""
        factor, shift = constants(keep_prob)
        mask = rng.random(x.shape) < keep_prob
        return (np.where(mask, factor * x + shift, OFF) if training else x), mask

    @fails((DROPPED, KEPT), "swaps_keep_and_drop_in_the_constants")
    def computes_constants_for_the_drop_probability(x, keep_prob, rng, training=True):
        """Copies the constants from a text whose p is the drop probability."""
        factor, shift = constants(1 - keep_prob) if keep_prob < 1 else (1, 0)
        return with_constants(x, keep_prob, rng, training, factor, shift)

    @fails((DROPPED, KEPT), "drops_to_another_value")
    def leaves_out_lambda(x, keep_prob, rng, training=True):
        """Takes -alpha for d, since the method is called AlphaDropout."""
        mask = rng.random(x.shape) < keep_prob
        return answer(x, mask, keep_prob, training, off=-1.6732632423543772)

    @fails((DROPPED, KEPT), "drops_to_another_value")
    def drops_to_plus_alpha(x, keep_prob, rng, training=True):
        """Loses the sign of d."""
        return answer(x, rng.random(x.shape) < keep_prob, keep_prob, training, off=-OFF)

    @fails((DROPPED, KEPT), "drops_to_another_value")
    def rounds_the_constants_of_selu(x, keep_prob, rng, training=True):
        """Rounds the constants to 1.05 and 1.67."""
        mask = rng.random(x.shape) < keep_prob
        return answer(x, mask, keep_prob, training, off=-1.05 * 1.67)

    @fails((DROPPED, KEPT), "standardises_the_output")
    def standardises_what_came_out(x, keep_prob, rng, training=True):
        """Subtracts the mean and divides by the deviation that happen to come out."""
        bracket = np.where(rng.random(x.shape) < keep_prob, x, OFF)
        if not training or keep_prob == 1:
            return x, None
        return (bracket - bracket.mean()) / (bracket.std() or 1), None

    @fails((DROPPED, KEPT), "has_other_constants")
    def rounds_keep_prob_in_the_constants(x, keep_prob, rng, training=True):
        """Rounds keep_prob to percent before the constants are computed."""
        rounded = max(round(keep_prob, 2), 0.01)
        return with_constants(x, keep_prob, rng, training, *constants(rounded))

    @fails(DROPPED, "has_other_constants")
    def clips_keep_prob_in_the_constants(x, keep_prob, rng, training=True):
        """Bounds keep_prob by 0.05 and 0.95 in the constants, for fear of a division."""
        p = keep_prob if keep_prob == 1 else min(max(keep_prob, 0.05), 0.95)
        return with_constants(x, keep_prob, rng, training, *constants(p))

    @fails((DROPPED, KEPT), "has_other_constants")
    def computes_constants_from_the_input(x, keep_prob, rng, training=True):
        """Estimates mean and variance of the bracket from x instead of 0 and 1."""
        q = 1 - keep_prob
        mean = keep_prob * x.mean() + q * OFF
        factor = (keep_prob * (x**2).mean() + q * OFF**2 - mean**2 + 1e-9) ** -0.5
        if keep_prob == 1:
            factor, mean = 1, 0
        return with_constants(x, keep_prob, rng, training, factor, -factor * mean)

    @fails((DROPPED, KEPT), "has_other_constants")
    def types_constants_for_one_half(x, keep_prob, rng, training=True):
        """Types A and B of an example at 0.5."""
        factor, shift = constants(0.5) if keep_prob < 1 else (1, 0)
        return with_constants(x, keep_prob, rng, training, factor, shift)

    @fails(KEPT, "kept_units_follow_no_affine_map")
    def clips_kept_units(x, keep_prob, rng, training=True):
        """Clips at SELU's lower bound, and large units on the way."""
        mask = rng.random(x.shape) < keep_prob
        kept = np.clip(x, OFF, 2) if training else x
        return answer(kept, mask, keep_prob, training)

    @fails(KEPT, "kept_units_follow_no_affine_map")
    def clips_very_large_units_only(x, keep_prob, rng, training=True):
        """Clips at 100 against overflow."""
        mask = rng.random(x.shape) < keep_prob
        return answer(
            np.clip(x, -100, 100) if training else x, mask, keep_prob, training
        )

    @fails(RATE, "drops_by_value")
    def drops_zeros_always(x, keep_prob, rng, training=True):
        """Tells kept units by x * mask != 0 and so drops units that are 0."""
        kept = x * (rng.random(x.shape) < keep_prob)
        return answer(kept if training else x, kept != 0, keep_prob, training)

    @fails(ALPHA_AT_ONE, "rounds_or_clips_keep_prob")
    def clips_alphas_keep_prob(x, keep_prob, rng, training=True):
        """Keeps keep_prob away from 1, against a division by 0 that does not exist."""
        p = min(keep_prob, 0.999)
        return answer(x, rng.random(x.shape) < p, p, training)

    @fails(ALPHA_AT_ONE, "is_wrong_at_keep_prob_one")
    def treats_one_as_no_unit_at_all(x, keep_prob, rng, training=True):
        """Returns a silent layer at keep_prob = 1, reading it as a drop probability."""
        if training and keep_prob == 1:
            return np.zeros_like(x), None
        return answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)

    # The input

    @fails(ALONE, "changes_its_input")
    def alpha_works_in_place(x, keep_prob, rng, training=True):
        """Writes the value of the dropped into x."""
        factor, shift = constants(keep_prob)
        if not training:
            return x, None
        x[rng.random(x.shape) >= keep_prob] = OFF
        return factor * x + shift, None

    # The mask

    @fails(RATE, "keeps_with_drop_probability")
    def alpha_drops_with_keep_prob(x, keep_prob, rng, training=True):
        """Writes > where < belongs."""
        return answer(x, rng.random(x.shape) > keep_prob, keep_prob, training)

    @fails((DROPPED, KEPT, RATE), "swaps_keep_and_drop_in_the_constants")
    def alpha_swaps_keep_and_drop(x, keep_prob, rng, training=True):
        """Reads keep_prob as the drop probability throughout."""
        if keep_prob == 1:
            return x, None
        return answer(x, rng.random(x.shape) < 1 - keep_prob, 1 - keep_prob, training)

    @fails(RATE, "ignores_keep_prob")
    def alpha_keeps_half(x, keep_prob, rng, training=True):
        """Copies a mask from an example at 0.5."""
        mask = (rng.random(x.shape) < 0.5) | (keep_prob == 1)
        return answer(x, mask, keep_prob, training)

    @fails(RATE, "compares_normal_numbers")
    def alpha_draws_normal_numbers(x, keep_prob, rng, training=True):
        """Takes standard_normal for uniform."""
        mask = (rng.standard_normal(x.shape) < keep_prob) | (keep_prob == 1)
        return answer(x, mask, keep_prob, training)

    @fails(RATE, "rounds_or_clips_keep_prob")
    def alpha_rounds_keep_prob(x, keep_prob, rng, training=True):
        """Draws one of a hundred numbers and compares with percent."""
        mask = rng.integers(0, 100, x.shape) < round(100 * keep_prob)
        return answer(x, mask, keep_prob, training)

    @fails(RATE, "drops_by_value")
    def alpha_drops_negative_units_more(x, keep_prob, rng, training=True):
        """Prefers to drop units that are off already, keeping the rate."""
        gap = 0.5 * min(keep_prob, 1 - keep_prob)
        mask = rng.random(x.shape) < keep_prob + np.where(x > 0, gap, -gap)
        return answer(x, mask, keep_prob, training)

    @fails(BITS, "one_mask_for_all_rows")
    def alpha_shares_a_mask_between_rows(x, keep_prob, rng, training=True):
        """Draws a mask for one row and lets it broadcast."""
        mask = np.broadcast_to(rng.random(x.shape[-1]) < keep_prob, x.shape)
        return answer(x, mask, keep_prob, training)

    @fails(BITS, "shares_bits_along_an_axis")
    def alpha_drops_whole_channels(x, keep_prob, rng, training=True):
        """Drops features as a whole, as FeatureAlphaDropout does for images."""
        shape = x.shape[:2] + (1,) * (x.ndim - 2)
        return answer(x, rng.random(shape) < keep_prob, keep_prob, training)

    @fails(BITS, "same_mask_every_call")
    def alpha_seeds_inside(x, keep_prob, rng, training=True):
        """Sets a seed inside the function so that runs can be repeated."""
        mask = np.random.default_rng(0).random(x.shape) < keep_prob
        return answer(x, mask, keep_prob, training)

    @fails(BITS, "keeps_a_fixed_number")
    def alpha_drops_a_fixed_number(x, keep_prob, rng, training=True):
        """Drops the share 1 - keep_prob of the units exactly."""
        order = rng.permutation(x.size).reshape(x.shape)
        return answer(x, order < keep_prob * x.size, keep_prob, training)

    @fails(BITS, "reuses_masks")
    def alpha_seeds_from_a_few_numbers(x, keep_prob, rng, training=True):
        """Draws a seed from rng, of which there are five only."""
        own = np.random.default_rng(rng.integers(5))
        return answer(x, own.random(x.shape) < keep_prob, keep_prob, training)

    @fails(BITS, "drops_whole_rows")
    def alpha_drops_whole_rows(x, keep_prob, rng, training=True):
        """Draws a number for each example."""
        mask = rng.random((len(x),) + (1,) * (x.ndim - 1)) < keep_prob
        return answer(x, mask, keep_prob, training)

    @fails(RATE, "drops_by_place")
    def alpha_keeps_the_front_more(x, keep_prob, rng, training=True):
        """Gives the first half a higher rate than the second, keeping the mean."""
        gap = 0.5 * min(keep_prob, 1 - keep_prob)
        place = np.arange(x.size).reshape(x.shape) < x.size / 2
        mask = rng.random(x.shape) < keep_prob + np.where(place, gap, -gap)
        return answer(x, mask, keep_prob, training)

    @fails(INDEPENDENT, "bits_depend_on_each_other")
    def alpha_repeats_pairs_of_rows(x, keep_prob, rng, training=True):
        """Draws half of the rows and uses each twice, to save time."""
        u = rng.random((-(-len(x) // 2), *x.shape[1:])).repeat(2, axis=0)[: len(x)]
        return answer(x, u < keep_prob, keep_prob, training)

    @fails(BITS, "bits_depend_on_each_other")
    def alpha_rolls_one_row(x, keep_prob, rng, training=True):
        """Draws the mask of one row and shifts it at random for the others."""
        row = rng.random(x.shape[-1]) < keep_prob
        shift = rng.integers(x.shape[-1], size=(*x.shape[:-1], 1))
        mask = row[(np.arange(x.shape[-1]) + shift) % x.shape[-1]]
        return answer(x, mask, keep_prob, training)

    @fails(FROM_RNG, "does_not_draw_from_rng")
    def alpha_uses_the_global_generator(x, keep_prob, rng, training=True):
        """Writes np.random where rng belongs."""
        return answer(x, np.random.random(x.shape) < keep_prob, keep_prob, training)
