"""Wrong answers to ``alpha_dropout``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.energy.shared import of

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


def with_constants(x, p, rng, training, factor, shift):
    """Return a right mask and bracket with these constants in training."""
    mask = rng.random(x.shape) < p
    return (factor * np.where(mask, x, OFF) + shift if training else x), mask


#: For a mask, the constants A and B, and the output of training with a right mask.
masks = of(
    lambda mask, x, p, rng, training=True: answer(x, mask(x, p, rng), p, training)
)
maps = of(
    lambda ab, x, p, rng, training=True: with_constants(x, p, rng, training, *ab(p))
)
outs = of(
    lambda out, x, p, rng, training=True: (
        out(x, rng.random(x.shape) < p, p) if training else x,
        None,
    )
)


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

    @masks(RUNS, "knows_matrices_only")
    def alpha_knows_matrices_only(x, keep_prob, rng):
        """Unpacks the shape of x as that of a matrix."""
        n, d = x.shape
        return rng.random((n, d)) < keep_prob

    @fails(RUNS, "takes_other_arguments")
    def alpha_has_no_test_mode(x, keep_prob, rng):
        """Leaves out the parameter training."""
        return answer(x, rng.random(x.shape) < keep_prob, keep_prob)

    @maps(RUNS, "returns_nan_or_infinity")
    def alpha_takes_the_root_of_a_negative_number(keep_prob):
        """Writes a minus in the bracket's variance."""
        with np.errstate(invalid="ignore"):
            factor = np.sqrt(keep_prob - 3 * keep_prob * OFF**2)
        return factor, 0

    # Training and test

    @fails(MIXED, "alpha_dropout_changes_nothing")
    def alpha_returns_its_input(x, keep_prob, rng, training=True):
        """Has a stub that lets the rest of the network run."""
        return x, None

    @fails(MIXED, "all_units_come_back_alike")
    def alpha_returns_zeros(x, keep_prob, rng, training=True):
        """Allocates the output and never fills it."""
        return np.zeros_like(x), None

    @masks(MIXED, "one_bit_for_the_whole_array")
    def alpha_draws_one_number(x, keep_prob, rng):
        """Calls rng.random() without a shape."""
        return np.full(x.shape, rng.random() < keep_prob)

    @fails(MIXED, "dropped_units_have_no_common_value")
    def adds_gaussian_noise(x, keep_prob, rng, training=True):
        """Adds noise and standardises, since only the moments count."""
        noise = rng.standard_normal(x.shape) * np.sqrt((1 - keep_prob) / keep_prob)
        return (np.sqrt(keep_prob) * (x + noise) if training else x), None

    @outs(MIXED, "dropped_units_have_no_common_value")
    def negates_the_dropped(x, mask, keep_prob):
        """Multiplies dropped units by -alpha instead of replacing them."""
        factor, shift = constants(keep_prob)
        return factor * np.where(mask, x, OFF * x) + shift

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

    @fails(TEST, "all_units_come_back_alike")
    def alpha_fills_the_output_in_training_alone(x, keep_prob, rng, training=True):
        """Allocates the output, and never fills it at test."""
        if not training:
            return np.zeros_like(x), None
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

    @outs((DROPPED, KEPT), "writes_inverted_dropout_for_alpha_dropout")
    def is_inverted_dropout(x, mask, keep_prob):
        """Hands in the function of the chapter before."""
        return x * mask / keep_prob

    @outs((DROPPED, KEPT), "drops_to_zero")
    def keeps_the_energy(x, mask, keep_prob):
        """Divides by the root of keep_prob: the constants with d = 0."""
        return x * mask / np.sqrt(keep_prob)

    @outs((DROPPED, KEPT), "drops_to_zero")
    def masks_and_nothing_else(x, mask, keep_prob):
        """Applies the mask and nothing else."""
        return x * mask

    @outs(DROPPED, "drops_to_zero")
    def forgets_the_value_of_the_dropped(x, mask, keep_prob):
        """Has the right A and B and multiplies x by the mask."""
        factor, shift = constants(keep_prob)
        return factor * (x * mask) + shift

    @outs(DROPPED, "drops_after_the_affine_map")
    def masks_the_result(x, mask, keep_prob):
        """Applies A and B first, and the mask after that."""
        factor, shift = constants(keep_prob)
        return mask * (factor * x + shift)

    @maps((DROPPED, KEPT), "forgets_the_affine_map")
    def replaces_and_stops(keep_prob):
        """Replaces dropped units and leaves out the affine map."""
        return 1, 0

    @maps((DROPPED, KEPT), "forgets_the_shift")
    def forgets_b(keep_prob):
        """Repairs the variance and leaves the mean as it is."""
        return constants(keep_prob)[0], 0

    @maps((DROPPED, KEPT), "forgets_the_factor_a")
    def repairs_the_mean_alone(keep_prob):
        """Repairs the mean and leaves the variance as it is."""
        return 1, -(1 - keep_prob) * OFF

    @maps((DROPPED, KEPT), "forgets_the_factor_a")
    def adds_b_alone(keep_prob):
        """Computes A for the sake of B and forgets to multiply by it."""
        return 1, constants(keep_prob)[1]

    @maps((DROPPED, KEPT), "shift_lacks_the_factor_a")
    def shifts_by_the_brackets_mean(keep_prob):
        """Subtracts the bracket's mean after the multiplication by A."""
        return constants(keep_prob)[0], -(1 - keep_prob) * OFF

    @maps((DROPPED, KEPT), "shifts_the_wrong_way")
    def adds_the_mean(keep_prob):
        """Loses the minus of B, since d is negative already."""
        factor, shift = constants(keep_prob)
        return factor, -shift

    @maps((DROPPED, KEPT), "shifts_by_keep_prob")
    def shifts_by_p(keep_prob):
        """Writes p for q in B alone."""
        factor, _ = constants(keep_prob)
        return factor, -factor * keep_prob * OFF

    @maps((DROPPED, KEPT), "forgets_the_root_in_a")
    def divides_by_the_variance(keep_prob):
        """Divides by the variance in place of the standard deviation."""
        factor = constants(keep_prob)[0] ** 2
        return factor, -factor * (1 - keep_prob) * OFF

    @maps((DROPPED, KEPT), "takes_a_from_the_mean_square")
    def divides_by_the_mean_square(keep_prob):
        """Forgets to subtract the squared mean of the bracket."""
        factor = (keep_prob + (1 - keep_prob) * OFF**2) ** -0.5
        return factor, -factor * (1 - keep_prob) * OFF

    @maps((DROPPED, KEPT), "inverts_the_factor_a")
    def multiplies_by_the_deviation(keep_prob):
        """Loses the minus in the exponent of A."""
        factor = 1 / constants(keep_prob)[0]
        return factor, -factor * (1 - keep_prob) * OFF

    @outs((DROPPED, KEPT), "divides_by_keep_prob_as_well")
    def divides_the_result(x, mask, keep_prob):
        """Divides by keep_prob out of habit."""
        return answer(x, mask, keep_prob)[0] / keep_prob

    @outs(KEPT, "divides_by_keep_prob_as_well")
    def divides_kept_units(x, mask, keep_prob):
        """Starts from inverted dropout and replaces its zeros."""
        return answer(x / keep_prob, mask, keep_prob)[0]

    @outs(DROPPED, "leaves_the_dropped_out_of_the_affine_map")
    def maps_kept_units_only(x, mask, keep_prob):
        """Puts d in last, when kept units have been mapped already."""
        factor, shift = constants(keep_prob)
        return np.where(mask, factor * x + shift, OFF)

    @maps((DROPPED, KEPT), "swaps_keep_and_drop_in_the_constants")
    def computes_constants_for_the_drop_probability(keep_prob):
        """Copies the constants from a text whose p is the drop probability."""
        return constants(1 - keep_prob) if keep_prob < 1 else (1, 0)

    @outs((DROPPED, KEPT), "drops_to_another_value")
    def leaves_out_lambda(x, mask, keep_prob):
        """Takes -alpha for d, since the method is called AlphaDropout."""
        return answer(x, mask, keep_prob, off=-1.6732632423543772)[0]

    @outs((DROPPED, KEPT), "drops_to_another_value")
    def drops_to_plus_alpha(x, mask, keep_prob):
        """Loses the sign of d."""
        return answer(x, mask, keep_prob, off=-OFF)[0]

    @outs((DROPPED, KEPT), "drops_to_another_value")
    def rounds_the_constants_of_selu(x, mask, keep_prob):
        """Rounds the constants to 1.05 and 1.67."""
        return answer(x, mask, keep_prob, off=-1.05 * 1.67)[0]

    @fails((DROPPED, KEPT), "standardises_the_output")
    def standardises_what_came_out(x, keep_prob, rng, training=True):
        """Subtracts the mean and divides by the deviation that happen to come out."""
        bracket = np.where(rng.random(x.shape) < keep_prob, x, OFF)
        if not training or keep_prob == 1:
            return x, None
        return (bracket - bracket.mean()) / (bracket.std() or 1), None

    @maps((DROPPED, KEPT), "has_other_constants")
    def rounds_keep_prob_in_the_constants(keep_prob):
        """Rounds keep_prob to percent before the constants are computed."""
        return constants(max(round(keep_prob, 2), 0.01))

    @maps(DROPPED, "has_other_constants")
    def clips_keep_prob_in_the_constants(keep_prob):
        """Bounds keep_prob by 0.05 and 0.95 in the constants, for fear of a division."""
        p = keep_prob if keep_prob == 1 else min(max(keep_prob, 0.05), 0.95)
        return constants(p)

    @fails((DROPPED, KEPT), "has_other_constants")
    def computes_constants_from_the_input(x, keep_prob, rng, training=True):
        """Estimates mean and variance of the bracket from x instead of 0 and 1."""
        q = 1 - keep_prob
        mean = keep_prob * x.mean() + q * OFF
        factor = (keep_prob * (x**2).mean() + q * OFF**2 - mean**2 + 1e-9) ** -0.5
        if keep_prob == 1:
            factor, mean = 1, 0
        return with_constants(x, keep_prob, rng, training, factor, -factor * mean)

    @maps((DROPPED, KEPT), "has_other_constants")
    def types_constants_for_one_half(keep_prob):
        """Types A and B of an example at 0.5."""
        return constants(0.5) if keep_prob < 1 else (1, 0)

    @outs(KEPT, "kept_units_follow_no_affine_map")
    def clips_kept_units(x, mask, keep_prob):
        """Clips at SELU's lower bound, and large units on the way."""
        return answer(np.clip(x, OFF, 2), mask, keep_prob)[0]

    @maps((DROPPED, KEPT), "has_other_constants")
    def clips_keep_prob_at_a_percent(keep_prob):
        """Bounds keep_prob by 0.01 and 0.99 in the constants."""
        p = keep_prob if keep_prob == 1 else min(max(keep_prob, 0.01), 0.99)
        return constants(p)

    @outs(KEPT, "kept_units_follow_no_affine_map")
    def clips_at_ten_thousand(x, mask, keep_prob):
        """Clips where half precision would end."""
        return answer(np.clip(x, -1e4, 1e4), mask, keep_prob)[0]

    @outs(KEPT, "drops_by_value")
    def drops_units_that_exploded(x, mask, keep_prob):
        """Switches off what is beyond 1,000, since it cannot be right."""
        return answer(x, mask & (np.abs(x) < 1e3), keep_prob)[0]

    @outs(RATE, "drops_by_value")
    def spares_large_units(x, mask, keep_prob):
        """Keeps half of the large units that should be dropped: they carry the signal."""
        spared = (np.abs(x) > 1e4) & (np.arange(x.size).reshape(x.shape) % 8 < 4)
        return answer(x, mask | spared, keep_prob)[0]

    @fails(ALPHA_AT_ONE, "drops_at_least_one")
    def always_drops_a_single_unit(x, keep_prob, rng, training=True):
        """Makes sure that at least one unit is dropped, of a vector."""
        mask = rng.random(x.shape) < keep_prob
        if x.ndim == 1 and mask.all():
            mask[0] = False
        return answer(x, mask, keep_prob, training)

    @outs(KEPT, "kept_units_follow_no_affine_map")
    def clips_very_large_units_only(x, mask, keep_prob):
        """Clips at 100 against overflow."""
        return answer(np.clip(x, -100, 100), mask, keep_prob)[0]

    @outs(RATE, "drops_by_value")
    def drops_zeros_always(x, mask, keep_prob):
        """Tells kept units by x * mask != 0 and so drops units that are 0."""
        return answer(x, x * mask != 0, keep_prob)[0]

    @fails((KEPT, ALPHA_AT_ONE), "scale_fits_some_keep_probs")
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

    @masks(RATE, "keeps_with_drop_probability")
    def alpha_drops_with_keep_prob(x, keep_prob, rng):
        """Writes > where < belongs."""
        return rng.random(x.shape) > keep_prob

    @fails((DROPPED, KEPT, RATE), "swaps_keep_and_drop_in_the_constants")
    def alpha_swaps_keep_and_drop(x, keep_prob, rng, training=True):
        """Reads keep_prob as the drop probability throughout."""
        if keep_prob == 1:
            return x, None
        return answer(x, rng.random(x.shape) < 1 - keep_prob, 1 - keep_prob, training)

    @masks(RATE, "ignores_keep_prob")
    def alpha_keeps_half(x, keep_prob, rng):
        """Copies a mask from an example at 0.5."""
        return (rng.random(x.shape) < 0.5) | (keep_prob == 1)

    @masks(RATE, "compares_normal_numbers")
    def alpha_draws_normal_numbers(x, keep_prob, rng):
        """Takes standard_normal for uniform."""
        return (rng.standard_normal(x.shape) < keep_prob) | (keep_prob == 1)

    @masks(RATE, "rounds_or_clips_keep_prob")
    def alpha_rounds_keep_prob(x, keep_prob, rng):
        """Draws one of a hundred numbers and compares with percent."""
        return rng.integers(0, 100, x.shape) < round(100 * keep_prob)

    @masks(RATE, "drops_by_value")
    def alpha_drops_negative_units_more(x, keep_prob, rng):
        """Prefers to drop units that are off already, keeping the rate."""
        gap = 0.5 * min(keep_prob, 1 - keep_prob)
        return rng.random(x.shape) < keep_prob + np.where(x > 0, gap, -gap)

    @masks(BITS, "one_mask_for_all_rows")
    def alpha_shares_a_mask_between_rows(x, keep_prob, rng):
        """Draws a mask for one row and lets it broadcast."""
        return np.broadcast_to(rng.random(x.shape[-1]) < keep_prob, x.shape)

    @masks(BITS, "shares_bits_along_an_axis")
    def alpha_drops_whole_channels(x, keep_prob, rng):
        """Drops features as a whole, as FeatureAlphaDropout does for images."""
        shape = x.shape[:2] + (1,) * (x.ndim - 2)
        return rng.random(shape) < keep_prob

    @masks(BITS, "never_drops_a_small_array")
    def alpha_keeps_a_single_unit(x, keep_prob, rng):
        """Sees no sense in dropping the only unit there is."""
        return (rng.random(x.shape) < keep_prob) | (x.size == 1)

    @masks(BITS, "never_drops_a_small_array")
    def alpha_draws_again_until_one_is_kept(x, keep_prob, rng):
        """Draws again when all units are dropped, lest the layer be silent."""
        mask = rng.random(x.shape) < keep_prob
        while not mask.any():
            mask = rng.random(x.shape) < keep_prob
        return mask

    @masks(BITS, "same_mask_every_call")
    def alpha_seeds_inside(x, keep_prob, rng):
        """Sets a seed inside the function so that runs can be repeated."""
        return np.random.default_rng(0).random(x.shape) < keep_prob

    @masks(BITS, "keeps_a_fixed_number")
    def alpha_drops_a_fixed_number(x, keep_prob, rng):
        """Drops the share 1 - keep_prob of the units exactly."""
        order = rng.permutation(x.size).reshape(x.shape)
        return order < keep_prob * x.size

    @masks(BITS, "reuses_masks")
    def alpha_seeds_from_a_few_numbers(x, keep_prob, rng):
        """Draws a seed from rng, of which there are five only."""
        own = np.random.default_rng(rng.integers(5))
        return own.random(x.shape) < keep_prob

    @masks(BITS, "drops_whole_rows")
    def alpha_drops_whole_rows(x, keep_prob, rng):
        """Draws a number for each example."""
        return rng.random((len(x),) + (1,) * (x.ndim - 1)) < keep_prob

    @masks(RATE, "drops_by_place")
    def alpha_keeps_the_front_more(x, keep_prob, rng):
        """Gives the first half a higher rate than the second, keeping the mean."""
        gap = 0.5 * min(keep_prob, 1 - keep_prob)
        place = np.arange(x.size).reshape(x.shape) < x.size / 2
        return rng.random(x.shape) < keep_prob + np.where(place, gap, -gap)

    @masks(INDEPENDENT, "bits_depend_on_each_other")
    def alpha_repeats_pairs_of_rows(x, keep_prob, rng):
        """Draws half of the rows and uses each twice, to save time."""
        u = rng.random((-(-len(x) // 2), *x.shape[1:])).repeat(2, axis=0)[: len(x)]
        return u < keep_prob

    @masks(BITS, "bits_depend_on_each_other")
    def alpha_rolls_one_row(x, keep_prob, rng):
        """Draws the mask of one row and shifts it at random for the others."""
        row = rng.random(x.shape[-1]) < keep_prob
        shift = rng.integers(x.shape[-1], size=(*x.shape[:-1], 1))
        return row[(np.arange(x.shape[-1]) + shift) % x.shape[-1]]

    @masks(FROM_RNG, "does_not_draw_from_rng")
    def alpha_uses_the_global_generator(x, keep_prob, rng):
        """Writes np.random where rng belongs."""
        return np.random.random(x.shape) < keep_prob
