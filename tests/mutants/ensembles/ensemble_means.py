"""Wrong answers to ``ensemble_means``, each named after its sin."""

import math

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.ensembles.shared import (
    chances,
    ensemble,
    every_mask,
    log_softmax,
    mean,
    softmax,
    softmax_of_the_batch,
)

RETURNS_TWO = "returns_two_float_arrays_with_a_row_for_each_input"
ARITHMETIC = "the_arithmetic_mean_is_over_all_masks"
GEOMETRIC = "the_geometric_mean_is_over_all_masks"
SUMS = "the_geometric_mean_is_renormalised"
LARGE = "the_means_survive_large_logits"
AT_ONE = "there_is_one_member_at_keep_prob_one"
ALONE = "the_means_leave_their_arguments_alone"
BOTH = (ARITHMETIC, GEOMETRIC)


def two_means(chance, z):
    logs = log_softmax(z)
    return mean(chance, np.exp(logs)), softmax(mean(chance, logs))


class Sins(Mutants, of="ensemble_means"):
    @fails(RETURNS_TWO, "returns_nothing")
    def means_without_return(x, weights, bias, keep_prob):
        """Computes both means and forgets the return statement."""
        two_means(*ensemble(x, weights, bias, keep_prob))

    @fails(RETURNS_TWO, "returns_another_kind")
    def means_in_one_array(x, weights, bias, keep_prob):
        """Stacks both means in one array, which unpacks like a tuple."""
        return np.stack(two_means(*ensemble(x, weights, bias, keep_prob)))

    @fails(RETURNS_TWO, "returns_another_shape")
    def means_over_the_rows_too(x, weights, bias, keep_prob):
        """Takes the mean over members and rows at once."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        arithmetic, geometric = two_means(chance, z)
        return arithmetic.mean(axis=0), geometric.mean(axis=0)

    @fails(RETURNS_TWO, "answers_at_random")
    def samples_the_masks(x, weights, bias, keep_prob):
        """Draws a thousand masks instead of listing all of them."""
        masks = np.random.default_rng().random((1000, x.shape[1])) < keep_prob
        z = masks[:, None] * x / keep_prob @ weights + bias
        return two_means(np.full(1000, 1 / 1000), z)

    @fails(BOTH, "averages_some_members_only")
    def samples_with_a_fixed_seed(x, weights, bias, keep_prob):
        """Draws masks, and seeds the generator so that the answer stays the same."""
        masks = np.random.default_rng(0).random((4000, x.shape[1])) < keep_prob
        z = masks[:, None] * x / keep_prob @ weights + bias
        return two_means(np.full(4000, 1 / 4000), z)

    @fails(BOTH, "members_are_not_rescaled")
    def members_without_rescaling(x, weights, bias, keep_prob):
        """Masks the inputs and forgets to divide by keep_prob."""
        return two_means(*ensemble(x, weights, bias, keep_prob, factor=1))

    @fails(BOTH, "divides_by_drop_probability")
    def members_divided_by_drop_probability(x, weights, bias, keep_prob):
        """Takes keep_prob for the probability of dropping, in the factor only."""
        factor = 1 / max(1 - keep_prob, 1e-9)
        return two_means(*ensemble(x, weights, bias, keep_prob, factor))

    @fails(BOTH, "multiplies_by_keep_prob")
    def members_multiplied_by_keep_prob(x, weights, bias, keep_prob):
        """Takes classic dropout's factor of the test pass for the members'."""
        return two_means(*ensemble(x, weights, bias, keep_prob, keep_prob))

    @fails(BOTH, "rescales_twice")
    def members_rescaled_twice(x, weights, bias, keep_prob):
        """Divides the mask and then the logits by keep_prob."""
        return two_means(*ensemble(x, weights, bias, keep_prob, keep_prob**-2))

    @fails(BOTH, "divides_by_kept_fraction")
    def members_divided_by_kept_fraction(x, weights, bias, keep_prob):
        """Divides each member by the share of units that its mask keeps."""
        masks = every_mask(x.shape[1])
        fraction = np.maximum(masks.sum(axis=1), 1)[:, None, None] / x.shape[1]
        z = masks[:, None] * x / fraction @ weights + bias
        return two_means(chances(masks, keep_prob), z)

    @fails(BOTH, "forgets_the_bias")
    def members_without_bias(x, weights, bias, keep_prob):
        """Multiplies by the weights and forgets the bias."""
        return two_means(*ensemble(x, weights, 0 * bias, keep_prob))

    @fails(BOTH, "rescales_the_bias")
    def members_with_rescaled_bias(x, weights, bias, keep_prob):
        """Divides the finished logits by keep_prob."""
        return two_means(*ensemble(x, weights, bias / keep_prob, keep_prob))

    @fails(BOTH, "weighs_masks_equally")
    def weighs_all_members_alike(x, weights, bias, keep_prob):
        """Takes np.mean over the members, as at keep_prob 0.5."""
        _, z = ensemble(x, weights, bias, keep_prob)
        return softmax(z).mean(axis=0), softmax(log_softmax(z).mean(axis=0))

    @fails(BOTH, "swaps_keep_and_drop_in_the_probabilities")
    def swaps_the_exponents(x, weights, bias, keep_prob):
        """Counts dropped units where it should count kept ones."""
        _, z = ensemble(x, weights, bias, keep_prob)
        return two_means(chances(every_mask(x.shape[1]), 1 - keep_prob), z)

    @fails(BOTH, "forgets_the_dropped_units")
    def weighs_kept_units_only(x, weights, bias, keep_prob):
        """Multiplies keep_prob for each kept unit and divides by the total."""
        _, z = ensemble(x, weights, bias, keep_prob)
        chance = keep_prob ** every_mask(x.shape[1]).sum(axis=1)
        return two_means(chance / chance.sum(), z)

    @fails(BOTH, "weighs_masks_by_the_count")
    def weighs_by_the_binomial(x, weights, bias, keep_prob):
        """Gives each member the binomial probability of its number of units."""
        _, z = ensemble(x, weights, bias, keep_prob)
        masks = every_mask(x.shape[1])
        choices = np.array([math.comb(x.shape[1], int(k)) for k in masks.sum(axis=1)])
        chance = choices * chances(masks, keep_prob)
        return two_means(chance / chance.sum(), z)

    @fails(BOTH, "leaves_out_a_mask")
    def skips_the_empty_member(x, weights, bias, keep_prob):
        """Starts counting masks at 1, because a network without units predicts nothing."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        return two_means(chance[1:] / chance[1:].sum(), z[1:])

    @fails(BOTH, "leaves_out_a_mask")
    def skips_the_full_member(x, weights, bias, keep_prob):
        """Writes range(2 ** n - 1), and divides by nothing."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        return two_means(chance[:-1], z[:-1])

    @fails(ARITHMETIC, "averages_the_logits")
    def averages_the_members_logits(x, weights, bias, keep_prob):
        """Averages logits and takes one softmax at the end, in both means."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        average = softmax(mean(chance, z))
        return average, average

    @fails(BOTH, "swaps_the_two_means")
    def geometric_mean_first(x, weights, bias, keep_prob):
        """Returns the two in the order in which they were derived."""
        arithmetic, geometric = two_means(*ensemble(x, weights, bias, keep_prob))
        return geometric, arithmetic

    @fails(GEOMETRIC, "takes_the_logarithm_of_the_mean")
    def takes_logs_after_averaging(x, weights, bias, keep_prob):
        """Averages first and takes logarithm and exponential after that."""
        arithmetic, _ = two_means(*ensemble(x, weights, bias, keep_prob))
        geometric = np.exp(np.log(arithmetic))
        return arithmetic, geometric / geometric.sum(axis=1, keepdims=True)

    @fails(GEOMETRIC, "multiplies_without_the_root")
    def multiplies_all_members(x, weights, bias, keep_prob):
        """Multiplies the members' probabilities and renormalises, as for experts."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        return mean(chance, softmax(z)), softmax(log_softmax(z).sum(axis=0))

    @fails(GEOMETRIC, "weighs_masks_equally")
    def takes_the_plain_root(x, weights, bias, keep_prob):
        """Takes the 2^n-th root of the product, whatever the masks' probabilities."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        return mean(chance, softmax(z)), softmax(log_softmax(z).mean(axis=0))

    @fails(GEOMETRIC, "returns_logarithms")
    def forgets_the_exponential(x, weights, bias, keep_prob):
        """Returns the mean of the logarithms as it is."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        return mean(chance, softmax(z)), mean(chance, log_softmax(z))

    @fails(BOTH, "averages_some_members_only")
    def samples_large_ensembles(x, weights, bias, keep_prob):
        """Enumerates up to 10 units, and draws 2,000 masks with a fixed seed beyond."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        if x.shape[1] > 10:
            drawn = np.random.default_rng(0).choice(len(chance), 2000, p=chance)
            chance, z = np.full(2000, 1 / 2000), z[drawn]
        return two_means(chance, z)

    @fails(SUMS, "forgets_to_renormalise")
    def geometric_mean_as_it_is(x, weights, bias, keep_prob):
        """Takes the exponential of the mean logarithm and stops there."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        logs = log_softmax(z)
        return mean(chance, np.exp(logs)), np.exp(mean(chance, logs))

    @fails(GEOMETRIC, "normalises_over_another_axis")
    def renormalises_over_rows(x, weights, bias, keep_prob):
        """Divides by the sum over axis 0."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        logs = log_softmax(z)
        geometric = np.exp(mean(chance, logs))
        return mean(chance, np.exp(logs)), geometric / geometric.sum(axis=0)

    @fails(BOTH, "normalises_over_another_axis")
    def softmax_over_axis_one(x, weights, bias, keep_prob):
        """Writes axis=1, which is the rows once members stand in front."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        e = np.exp(z - z.max())
        likely = e / e.sum(axis=1, keepdims=True)
        return mean(chance, likely), softmax(mean(chance, np.log(likely)))

    @fails(BOTH, "normalises_over_another_axis")
    def softmax_over_all_rows(x, weights, bias, keep_prob):
        """Divides by the sum of the whole array of a member."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        e = np.exp(z - z.max())
        likely = e / e.sum(axis=(1, 2), keepdims=True)
        return mean(chance, likely), mean(chance, likely)

    @fails(BOTH, "takes_a_sigmoid_of_each_class")
    def means_of_sigmoids(x, weights, bias, keep_prob):
        """Takes a sigmoid of each logit, as for labels that exclude nothing."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        likely = 1 / (1 + np.exp(-z))
        return mean(chance, likely), np.exp(mean(chance, np.log(likely)))

    @fails(BOTH, "returns_logits")
    def means_of_logits(x, weights, bias, keep_prob):
        """Forgets the softmax."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        return mean(chance, z), mean(chance, z)

    @fails(ARITHMETIC, "applies_softmax_twice")
    def softmax_of_the_mean(x, weights, bias, keep_prob):
        """Renormalises the arithmetic mean with a softmax, to be on the safe side."""
        arithmetic, geometric = two_means(*ensemble(x, weights, bias, keep_prob))
        return softmax(arithmetic), geometric

    @fails(LARGE, "softmax_overflows")
    def means_by_a_plain_softmax(x, weights, bias, keep_prob):
        """Writes the softmax as in the formula, without subtracting a maximum."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        likely = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
        return mean(chance, likely), softmax(mean(chance, np.log(likely)))

    @fails(LARGE, "softmax_overflows")
    def subtracts_one_maximum_for_all(x, weights, bias, keep_prob):
        """Subtracts the largest logit of all members, so that others underflow to 0."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        e = np.exp(z - z.max())
        likely = e / e.sum(axis=-1, keepdims=True)
        return mean(chance, likely), softmax(mean(chance, np.log(likely)))

    @fails(LARGE, "takes_logarithms_of_rounded_probabilities")
    def takes_logs_of_probabilities(x, weights, bias, keep_prob):
        """Writes np.log(softmax(z)), which is log 0 for a sure member."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        likely = softmax(z)
        geometric = np.exp(mean(chance, np.log(likely)))
        return mean(chance, likely), geometric / geometric.sum(axis=1, keepdims=True)

    @fails(LARGE, "takes_logarithms_of_rounded_probabilities")
    def clips_before_the_logarithm(x, weights, bias, keep_prob):
        """Clips probabilities at 1e-12, so that no logarithm is minus infinity."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        likely = softmax(z)
        logs = np.log(np.clip(likely, 1e-12, 1))
        return mean(chance, likely), softmax(mean(chance, logs))

    @fails(LARGE, "takes_logarithms_of_rounded_probabilities")
    def multiplies_powers(x, weights, bias, keep_prob):
        """Multiplies powers of probabilities, as the word geometric suggests."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        likely = softmax(z)
        product = np.prod(likely ** chance[:, None, None], axis=0)
        return mean(chance, likely), product / product.sum(axis=1, keepdims=True)

    @fails(LARGE, "takes_logarithms_of_rounded_probabilities")
    def exponentiates_before_renormalising(x, weights, bias, keep_prob):
        """Stays with logarithms, until exp(mean log) underflows in every class."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        logs = log_softmax(z)
        geometric = np.exp(mean(chance, logs))
        return mean(chance, np.exp(logs)), geometric / geometric.sum(
            axis=1, keepdims=True
        )

    @fails(LARGE, "takes_logarithms_of_rounded_probabilities")
    def renormalises_by_one_maximum(x, weights, bias, keep_prob):
        """Subtracts the batch's largest mean logarithm, so that torn rows become 0 / 0."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        logs = log_softmax(z)
        with np.errstate(all="ignore"):
            geometric = softmax_of_the_batch(mean(chance, logs))
        return mean(chance, np.exp(logs)), geometric

    @fails(ARITHMETIC, "right_in_the_middle_only")
    def remembers_by_the_first_row(x, weights, bias, keep_prob, known={}):  # noqa: B006
        """Keeps answers, by what tells most calls from each other."""
        key = x[0].tobytes(), weights.tobytes(), bias.tobytes(), len(x), keep_prob
        if key not in known:
            known[key] = two_means(*ensemble(x, weights, bias, keep_prob))
        return known[key]

    @fails(LARGE, "clips_large_logits")
    def replaces_what_overflows(x, weights, bias, keep_prob):
        """Lets exponentials overflow and replaces NaN by 0 after that."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        likely = np.nan_to_num(np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True))
        return mean(chance, likely), softmax(mean(chance, log_softmax(z)))

    @fails(LARGE, "softmax_overflows")
    def subtracts_one_maximum_for_all_rows(x, weights, bias, keep_prob):
        """Subtracts each member's largest logit, of all rows at once."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        with np.errstate(all="ignore"):
            likely = softmax_of_the_batch(z, axis=(1, 2))
        return mean(chance, likely), softmax(mean(chance, log_softmax(z)))

    @fails(LARGE, "softmax_overflows")
    def subtracts_one_maximum_for_all_members(x, weights, bias, keep_prob):
        """Subtracts each row's largest logit, of all members at once."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        with np.errstate(all="ignore"):
            likely = softmax_of_the_batch(z, axis=(0, 2))
        return mean(chance, likely), softmax(mean(chance, log_softmax(z)))

    @fails(LARGE, "loses_digits")
    def clips_probabilities(x, weights, bias, keep_prob):
        """Clips the members at 1e-7, as a library does."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        likely = np.clip(softmax(z), 1e-7, 1 - 1e-7)
        return mean(chance, likely), softmax(mean(chance, log_softmax(z)))

    @fails(LARGE, "loses_digits")
    def computes_logits_in_float32(x, weights, bias, keep_prob):
        """Halves the memory of the members' logits."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        return two_means(chance, z.astype(np.float32))

    @fails(ARITHMETIC, "averages_some_members_only")
    def bounds_keep_prob(x, weights, bias, keep_prob):
        """Guards the division by keep_prob."""
        chance, z = ensemble(x, weights, bias, max(keep_prob, 0.05))
        return two_means(chance, z)

    @fails(ARITHMETIC, "averages_some_members_only")
    def rounds_keep_prob(x, weights, bias, keep_prob):
        """Rounds keep_prob to two digits, as it is written in tables."""
        return two_means(*ensemble(x, weights, bias, max(round(keep_prob, 2), 0.01)))

    @fails(ARITHMETIC, "leaves_out_a_mask")
    def skips_unlikely_members(x, weights, bias, keep_prob):
        """Leaves out masks of probability below 1e-4, to save time."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        return mean(chance * (chance > 1e-4), softmax(z)), two_means(chance, z)[1]

    @fails(BOTH, "averages_some_members_only")
    def computes_in_the_type_of_x(x, weights, bias, keep_prob):
        """Casts everything to float16 when x is not float64."""
        if x.dtype != np.float64:
            x = x.astype(np.float16)
        return two_means(*ensemble(x, weights, bias, keep_prob))

    @fails(AT_ONE, "returns_nan_or_infinity")
    def weighs_by_odds(x, weights, bias, keep_prob):
        """Writes the masks' probabilities with the odds p / (1 - p)."""
        masks = every_mask(x.shape[1])
        odds = np.float64(keep_prob) / (1 - keep_prob)
        chance = odds ** masks.sum(axis=1) * (1 - keep_prob) ** x.shape[1]
        return two_means(chance, ensemble(x, weights, bias, keep_prob)[1])

    @fails(ALONE, "changes_its_input")
    def rescales_the_inputs_in_place(x, weights, bias, keep_prob):
        """Divides x by keep_prob in place, to do it once for all masks."""
        x /= keep_prob
        return two_means(*ensemble(x, weights, bias, keep_prob, factor=1))

    @fails(ALONE, "changes_its_input")
    def rescales_the_weights_in_place(x, weights, bias, keep_prob):
        """Divides weights by keep_prob in place."""
        weights /= keep_prob
        return two_means(*ensemble(x, weights, bias, keep_prob, factor=1))

    @fails(LARGE, "right_in_the_middle_only")
    def means_of_the_empty_member(x, weights, bias, keep_prob):
        """Takes the member without units alone where keep_prob is below 1e-6."""
        arithmetic, geometric = two_means(*ensemble(x, weights, bias, keep_prob))
        none = np.tile(softmax(bias.astype(float)), (len(x), 1))
        return none if keep_prob < 1e-6 else arithmetic, geometric

    @fails(LARGE, "right_in_the_middle_only")
    def takes_the_means_for_one_where_little_is_dropped(x, weights, bias, keep_prob):
        """Has a case of its own above 1 - 1e-6: the geometric mean, twice."""
        arithmetic, geometric = two_means(*ensemble(x, weights, bias, keep_prob))
        return geometric if keep_prob > 1 - 1e-6 else arithmetic, geometric
