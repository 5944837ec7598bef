"""Wrong answers to the exercises of ``ensembles``, each named after its sin."""

import math

import numpy as np

from tests.bank import mutant


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def every_mask(units):
    return (np.arange(2**units)[:, None] >> np.arange(units) & 1).astype(float)


def chances(masks, keep_prob):
    kept, units = masks.sum(axis=1), masks.shape[1]
    return keep_prob**kept * (1 - keep_prob) ** (units - kept)


def mean(chance, values):
    return np.tensordot(chance, values, axes=1)


# ---------------------------------------------------------------- ensemble_means

RETURNS_TWO = "returns_two_float_arrays_with_a_row_for_each_input"
ARITHMETIC = "the_arithmetic_mean_is_over_all_masks"
GEOMETRIC = "the_geometric_mean_is_over_all_masks"
SUMS = "the_geometric_mean_is_renormalised"
LARGE = "the_means_survive_large_logits"
AT_ONE = "there_is_one_member_at_keep_prob_one"
ALONE = "the_means_leave_their_arguments_alone"
BOTH = (ARITHMETIC, GEOMETRIC)


def ensemble(x, weights, bias, keep_prob, factor=None):
    """Return every member's probability and logits; the inputs are m * x * factor."""
    masks = every_mask(x.shape[1])
    factor = 1 / keep_prob if factor is None else factor
    z = masks[:, None] * x * factor @ weights + bias
    return chances(masks, keep_prob), z


def two_means(chance, z):
    logs = log_softmax(z)
    return mean(chance, np.exp(logs)), softmax(mean(chance, logs))


def means(fails, mistake=None):
    return mutant("ensemble_means", fails, mistake)


@means(RETURNS_TWO, "returns_nothing")
def means_without_return(x, weights, bias, keep_prob):
    """Computes both means and forgets the return statement."""
    two_means(*ensemble(x, weights, bias, keep_prob))


@means(RETURNS_TWO, "returns_another_kind")
def means_in_one_array(x, weights, bias, keep_prob):
    """Stacks both means in one array, which unpacks like a tuple."""
    return np.stack(two_means(*ensemble(x, weights, bias, keep_prob)))


@means(RETURNS_TWO, "returns_another_shape")
def means_over_the_rows_too(x, weights, bias, keep_prob):
    """Takes the mean over members and rows at once."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    arithmetic, geometric = two_means(chance, z)
    return arithmetic.mean(axis=0), geometric.mean(axis=0)


@means(RETURNS_TWO, "answers_at_random")
def samples_the_masks(x, weights, bias, keep_prob):
    """Draws a thousand masks instead of listing all of them."""
    masks = np.random.default_rng().random((1000, x.shape[1])) < keep_prob
    z = masks[:, None] * x / keep_prob @ weights + bias
    return two_means(np.full(1000, 1 / 1000), z)


@means(BOTH, "averages_some_members_only")
def samples_with_a_fixed_seed(x, weights, bias, keep_prob):
    """Draws masks, and seeds the generator so that the answer stays the same."""
    masks = np.random.default_rng(0).random((4000, x.shape[1])) < keep_prob
    z = masks[:, None] * x / keep_prob @ weights + bias
    return two_means(np.full(4000, 1 / 4000), z)


@means(BOTH, "members_are_not_rescaled")
def members_without_rescaling(x, weights, bias, keep_prob):
    """Masks the inputs and forgets to divide by keep_prob."""
    return two_means(*ensemble(x, weights, bias, keep_prob, factor=1))


@means(BOTH, "divides_by_drop_probability")
def members_divided_by_drop_probability(x, weights, bias, keep_prob):
    """Takes keep_prob for the probability of dropping, in the factor only."""
    factor = 1 / max(1 - keep_prob, 1e-9)
    return two_means(*ensemble(x, weights, bias, keep_prob, factor))


@means(BOTH, "multiplies_by_keep_prob")
def members_multiplied_by_keep_prob(x, weights, bias, keep_prob):
    """Takes classic dropout's factor of the test pass for the members'."""
    return two_means(*ensemble(x, weights, bias, keep_prob, keep_prob))


@means(BOTH, "rescales_twice")
def members_rescaled_twice(x, weights, bias, keep_prob):
    """Divides the mask and then the logits by keep_prob."""
    return two_means(*ensemble(x, weights, bias, keep_prob, keep_prob**-2))


@means(BOTH, "divides_by_kept_fraction")
def members_divided_by_kept_fraction(x, weights, bias, keep_prob):
    """Divides each member by the share of units that its mask keeps."""
    masks = every_mask(x.shape[1])
    fraction = np.maximum(masks.sum(axis=1), 1)[:, None, None] / x.shape[1]
    z = masks[:, None] * x / fraction @ weights + bias
    return two_means(chances(masks, keep_prob), z)


@means(BOTH, "forgets_the_bias")
def members_without_bias(x, weights, bias, keep_prob):
    """Multiplies by the weights and forgets the bias."""
    return two_means(*ensemble(x, weights, 0 * bias, keep_prob))


@means(BOTH, "rescales_the_bias")
def members_with_rescaled_bias(x, weights, bias, keep_prob):
    """Divides the finished logits by keep_prob."""
    return two_means(*ensemble(x, weights, bias / keep_prob, keep_prob))


@means(BOTH, "weighs_masks_equally")
def weighs_all_members_alike(x, weights, bias, keep_prob):
    """Takes np.mean over the members, as at keep_prob 0.5."""
    _, z = ensemble(x, weights, bias, keep_prob)
    return softmax(z).mean(axis=0), softmax(log_softmax(z).mean(axis=0))


@means(BOTH, "swaps_keep_and_drop_in_the_probabilities")
def swaps_the_exponents(x, weights, bias, keep_prob):
    """Counts dropped units where it should count kept ones."""
    _, z = ensemble(x, weights, bias, keep_prob)
    return two_means(chances(every_mask(x.shape[1]), 1 - keep_prob), z)


@means(BOTH, "forgets_the_dropped_units")
def weighs_kept_units_only(x, weights, bias, keep_prob):
    """Multiplies keep_prob for each kept unit and divides by the total."""
    _, z = ensemble(x, weights, bias, keep_prob)
    chance = keep_prob ** every_mask(x.shape[1]).sum(axis=1)
    return two_means(chance / chance.sum(), z)


@means(BOTH, "weighs_masks_by_the_count")
def weighs_by_the_binomial(x, weights, bias, keep_prob):
    """Gives each member the binomial probability of its number of units."""
    _, z = ensemble(x, weights, bias, keep_prob)
    masks = every_mask(x.shape[1])
    choices = np.array([math.comb(x.shape[1], int(k)) for k in masks.sum(axis=1)])
    chance = choices * chances(masks, keep_prob)
    return two_means(chance / chance.sum(), z)


@means(BOTH, "leaves_out_a_mask")
def skips_the_empty_member(x, weights, bias, keep_prob):
    """Starts counting masks at 1, because a network without units predicts nothing."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    return two_means(chance[1:] / chance[1:].sum(), z[1:])


@means(BOTH, "leaves_out_a_mask")
def skips_the_full_member(x, weights, bias, keep_prob):
    """Writes range(2 ** n - 1), and divides by nothing."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    return two_means(chance[:-1], z[:-1])


@means(ARITHMETIC, "averages_the_logits")
def averages_the_members_logits(x, weights, bias, keep_prob):
    """Averages logits and takes one softmax at the end, in both means."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    average = softmax(mean(chance, z))
    return average, average


@means(BOTH, "swaps_the_two_means")
def geometric_mean_first(x, weights, bias, keep_prob):
    """Returns the two in the order in which they were derived."""
    arithmetic, geometric = two_means(*ensemble(x, weights, bias, keep_prob))
    return geometric, arithmetic


@means(GEOMETRIC, "takes_the_logarithm_of_the_mean")
def takes_logs_after_averaging(x, weights, bias, keep_prob):
    """Averages first and takes logarithm and exponential after that."""
    arithmetic, _ = two_means(*ensemble(x, weights, bias, keep_prob))
    geometric = np.exp(np.log(arithmetic))
    return arithmetic, geometric / geometric.sum(axis=1, keepdims=True)


@means(GEOMETRIC, "multiplies_without_the_root")
def multiplies_all_members(x, weights, bias, keep_prob):
    """Multiplies the members' probabilities and renormalises, as for experts."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    return mean(chance, softmax(z)), softmax(log_softmax(z).sum(axis=0))


@means(GEOMETRIC, "weighs_masks_equally")
def takes_the_plain_root(x, weights, bias, keep_prob):
    """Takes the 2^n-th root of the product, whatever the masks' probabilities."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    return mean(chance, softmax(z)), softmax(log_softmax(z).mean(axis=0))


@means(GEOMETRIC, "returns_logarithms")
def forgets_the_exponential(x, weights, bias, keep_prob):
    """Returns the mean of the logarithms as it is."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    return mean(chance, softmax(z)), mean(chance, log_softmax(z))


@means(BOTH, "averages_some_members_only")
def samples_large_ensembles(x, weights, bias, keep_prob):
    """Enumerates up to 10 units, and draws 2,000 masks with a fixed seed beyond."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    if x.shape[1] > 10:
        drawn = np.random.default_rng(0).choice(len(chance), 2000, p=chance)
        chance, z = np.full(2000, 1 / 2000), z[drawn]
    return two_means(chance, z)


@means(SUMS, "forgets_to_renormalise")
def geometric_mean_as_it_is(x, weights, bias, keep_prob):
    """Takes the exponential of the mean logarithm and stops there."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    logs = log_softmax(z)
    return mean(chance, np.exp(logs)), np.exp(mean(chance, logs))


@means(GEOMETRIC, "normalises_over_another_axis")
def renormalises_over_rows(x, weights, bias, keep_prob):
    """Divides by the sum over axis 0."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    logs = log_softmax(z)
    geometric = np.exp(mean(chance, logs))
    return mean(chance, np.exp(logs)), geometric / geometric.sum(axis=0)


@means(BOTH, "normalises_over_another_axis")
def softmax_over_axis_one(x, weights, bias, keep_prob):
    """Writes axis=1, which is the rows once members stand in front."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    e = np.exp(z - z.max())
    likely = e / e.sum(axis=1, keepdims=True)
    return mean(chance, likely), softmax(mean(chance, np.log(likely)))


@means(BOTH, "normalises_over_another_axis")
def softmax_over_all_rows(x, weights, bias, keep_prob):
    """Divides by the sum of the whole array of a member."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    e = np.exp(z - z.max())
    likely = e / e.sum(axis=(1, 2), keepdims=True)
    return mean(chance, likely), mean(chance, likely)


@means(BOTH, "takes_a_sigmoid_of_each_class")
def means_of_sigmoids(x, weights, bias, keep_prob):
    """Takes a sigmoid of each logit, as for labels that exclude nothing."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    likely = 1 / (1 + np.exp(-z))
    return mean(chance, likely), np.exp(mean(chance, np.log(likely)))


@means(BOTH, "returns_logits")
def means_of_logits(x, weights, bias, keep_prob):
    """Forgets the softmax."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    return mean(chance, z), mean(chance, z)


@means(ARITHMETIC, "applies_softmax_twice")
def softmax_of_the_mean(x, weights, bias, keep_prob):
    """Renormalises the arithmetic mean with a softmax, to be on the safe side."""
    arithmetic, geometric = two_means(*ensemble(x, weights, bias, keep_prob))
    return softmax(arithmetic), geometric


@means(LARGE, "softmax_overflows")
def means_by_a_plain_softmax(x, weights, bias, keep_prob):
    """Writes the softmax as in the formula, without subtracting a maximum."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    likely = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
    return mean(chance, likely), softmax(mean(chance, np.log(likely)))


@means(LARGE, "softmax_overflows")
def subtracts_one_maximum_for_all(x, weights, bias, keep_prob):
    """Subtracts the largest logit of all members, so that others underflow to 0."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    e = np.exp(z - z.max())
    likely = e / e.sum(axis=-1, keepdims=True)
    return mean(chance, likely), softmax(mean(chance, np.log(likely)))


@means(LARGE, "takes_logarithms_of_rounded_probabilities")
def takes_logs_of_probabilities(x, weights, bias, keep_prob):
    """Writes np.log(softmax(z)), which is log 0 for a sure member."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    likely = softmax(z)
    geometric = np.exp(mean(chance, np.log(likely)))
    return mean(chance, likely), geometric / geometric.sum(axis=1, keepdims=True)


@means(LARGE, "takes_logarithms_of_rounded_probabilities")
def clips_before_the_logarithm(x, weights, bias, keep_prob):
    """Clips probabilities at 1e-12, so that no logarithm is minus infinity."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    likely = softmax(z)
    logs = np.log(np.clip(likely, 1e-12, 1))
    return mean(chance, likely), softmax(mean(chance, logs))


@means(LARGE, "takes_logarithms_of_rounded_probabilities")
def multiplies_powers(x, weights, bias, keep_prob):
    """Multiplies powers of probabilities, as the word geometric suggests."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    likely = softmax(z)
    product = np.prod(likely ** chance[:, None, None], axis=0)
    return mean(chance, likely), product / product.sum(axis=1, keepdims=True)


@means(LARGE, "takes_logarithms_of_rounded_probabilities")
def exponentiates_before_renormalising(x, weights, bias, keep_prob):
    """Stays with logarithms, until exp(mean log) underflows in every class."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    logs = log_softmax(z)
    geometric = np.exp(mean(chance, logs))
    return mean(chance, np.exp(logs)), geometric / geometric.sum(axis=1, keepdims=True)


@means(LARGE, "clips_large_logits")
def replaces_what_overflows(x, weights, bias, keep_prob):
    """Lets exponentials overflow and replaces NaN by 0 after that."""
    chance, z = ensemble(x, weights, bias, keep_prob)
    likely = np.nan_to_num(np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True))
    return mean(chance, likely), softmax(mean(chance, log_softmax(z)))


@means(AT_ONE, "returns_nan_or_infinity")
def weighs_by_odds(x, weights, bias, keep_prob):
    """Writes the masks' probabilities with the odds p / (1 - p)."""
    masks = every_mask(x.shape[1])
    odds = np.float64(keep_prob) / (1 - keep_prob)
    chance = odds ** masks.sum(axis=1) * (1 - keep_prob) ** x.shape[1]
    return two_means(chance, ensemble(x, weights, bias, keep_prob)[1])


@means(ALONE, "changes_its_input")
def rescales_the_inputs_in_place(x, weights, bias, keep_prob):
    """Divides x by keep_prob in place, to do it once for all masks."""
    x /= keep_prob
    return two_means(*ensemble(x, weights, bias, keep_prob, factor=1))


@means(ALONE, "changes_its_input")
def rescales_the_weights_in_place(x, weights, bias, keep_prob):
    """Divides weights by keep_prob in place."""
    weights /= keep_prob
    return two_means(*ensemble(x, weights, bias, keep_prob, factor=1))


# ------------------------------------------------------ weight_scaled_prediction

ROW = "returns_a_row_of_floats_for_each_input"
MEAN_LOGITS = "is_the_softmax_of_the_mean_logits"
SCALED_LARGE = "the_prediction_survives_large_logits"
SCALED_ALONE = "scaling_leaves_the_arguments_alone"


def scaled(fails, mistake=None):
    return mutant("weight_scaled_prediction", fails, mistake)


@scaled(ROW, "returns_nothing")
def prediction_without_return(x, weights, bias, keep_prob):
    """Computes the prediction and forgets the return statement."""
    softmax(keep_prob * x @ weights + bias)


@scaled(ROW, "returns_another_shape")
def returns_labels(x, weights, bias, keep_prob):
    """Returns the most probable class of each row."""
    return softmax(keep_prob * x @ weights + bias).argmax(axis=1)


@scaled(ROW, "returns_another_kind")
def returns_nested_lists(x, weights, bias, keep_prob):
    """Converts the probabilities to lists for printing."""
    return softmax(keep_prob * x @ weights + bias).tolist()


@scaled(ROW, "answers_at_random")
def drops_at_test(x, weights, bias, keep_prob):
    """Runs the training pass at test."""
    mask = np.random.default_rng().random(x.shape) < keep_prob
    return softmax(mask * x @ weights + bias)


@scaled(MEAN_LOGITS, "forgets_the_test_factor")
def predicts_as_after_inverted_dropout(x, weights, bias, keep_prob):
    """Leaves the test pass alone, which is right for inverted dropout."""
    return softmax(x @ weights + bias)


@scaled(MEAN_LOGITS, "divides_at_classic_test")
def divides_by_keep_prob(x, weights, bias, keep_prob):
    """Makes up for the drop by dividing, as inverted dropout does in training."""
    return softmax(x @ weights / keep_prob + bias)


@scaled(MEAN_LOGITS, "multiplies_by_drop_probability_at_test")
def multiplies_by_drop_probability(x, weights, bias, keep_prob):
    """Multiplies by the probability of dropping, as a thread says."""
    return softmax((1 - keep_prob) * x @ weights + bias)


@scaled(MEAN_LOGITS, "squares_the_test_factor")
def scales_inputs_and_weights(x, weights, bias, keep_prob):
    """Scales the activations and the weights, each once."""
    return softmax((keep_prob * x) @ (keep_prob * weights) + bias)


@scaled(MEAN_LOGITS, "takes_the_root_at_test")
def scales_by_the_root(x, weights, bias, keep_prob):
    """Preserves the norm in place of the mean."""
    return softmax(keep_prob**0.5 * x @ weights + bias)


@scaled(MEAN_LOGITS, "rescales_the_bias")
def scales_the_bias_too(x, weights, bias, keep_prob):
    """Multiplies the finished logits by keep_prob."""
    return softmax(keep_prob * (x @ weights + bias))


@scaled(MEAN_LOGITS, "forgets_the_bias")
def predicts_without_bias(x, weights, bias, keep_prob):
    """Forgets the bias in the last line."""
    return softmax(keep_prob * x @ weights)


@scaled(MEAN_LOGITS, "scales_the_probabilities")
def scales_after_the_softmax(x, weights, bias, keep_prob):
    """Multiplies the output by keep_prob, which no longer sums to 1."""
    return keep_prob * softmax(x @ weights + bias)


@scaled(MEAN_LOGITS, "gives_the_arithmetic_mean")
def averages_the_members(x, weights, bias, keep_prob):
    """Enumerates the masks where it can, because averaging is what dropout is about."""
    if x.shape[1] > 10:
        return softmax(keep_prob * x @ weights + bias)
    masks = every_mask(x.shape[1])
    every = softmax(masks[:, None] * x @ weights + bias)
    return mean(chances(masks, keep_prob), every)


@scaled(MEAN_LOGITS, "returns_logits")
def forgets_the_softmax(x, weights, bias, keep_prob):
    """Returns the logits, as losses take them."""
    return keep_prob * x @ weights + bias


@scaled(MEAN_LOGITS, "returns_logarithms")
def returns_log_probabilities(x, weights, bias, keep_prob):
    """Returns what the loss function of a library takes."""
    return log_softmax(keep_prob * x @ weights + bias)


@scaled(MEAN_LOGITS, "normalises_over_another_axis")
def softmax_over_the_batch(x, weights, bias, keep_prob):
    """Sums over axis 0 in the softmax."""
    e = np.exp(keep_prob * x @ weights + bias)
    return e / e.sum(axis=0)


@scaled(MEAN_LOGITS, "normalises_over_another_axis")
def softmax_over_everything(x, weights, bias, keep_prob):
    """Writes the softmax for a vector and calls it with a matrix."""
    e = np.exp(keep_prob * x @ weights + bias)
    return e / e.sum()


@scaled(MEAN_LOGITS, "takes_a_sigmoid_of_each_class")
def sigmoids_of_the_logits(x, weights, bias, keep_prob):
    """Takes a sigmoid for each class."""
    return 1 / (1 + np.exp(-(keep_prob * x @ weights + bias)))


@scaled(MEAN_LOGITS, "applies_softmax_twice")
def softmax_of_probabilities(x, weights, bias, keep_prob):
    """Has a softmax in the network and another in the prediction."""
    return softmax(softmax(keep_prob * x @ weights + bias))


@scaled(SCALED_LARGE, "softmax_overflows")
def prediction_by_a_plain_softmax(x, weights, bias, keep_prob):
    """Writes the softmax as in the formula."""
    e = np.exp(keep_prob * x @ weights + bias)
    return e / e.sum(axis=1, keepdims=True)


@scaled(SCALED_LARGE, "softmax_overflows")
def subtracts_the_maximum_of_the_batch(x, weights, bias, keep_prob):
    """Subtracts the largest logit of all rows, so that low rows underflow."""
    z = keep_prob * x @ weights + bias
    e = np.exp(z - z.max())
    return e / e.sum(axis=1, keepdims=True)


@scaled(SCALED_LARGE, "softmax_overflows")
def subtracts_the_mean(x, weights, bias, keep_prob):
    """Subtracts each row's mean logit in place of its largest."""
    z = keep_prob * x @ weights + bias
    e = np.exp(z - z.mean(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@scaled(SCALED_LARGE, "clips_large_logits")
def clips_the_logits(x, weights, bias, keep_prob):
    """Clips logits at ±500, so that nothing overflows."""
    e = np.exp(np.clip(keep_prob * x @ weights + bias, -500, 500))
    return e / e.sum(axis=1, keepdims=True)


@scaled(SCALED_ALONE, "changes_its_input")
def scales_the_activations_in_place(x, weights, bias, keep_prob):
    """Multiplies x by keep_prob in place."""
    x *= keep_prob
    return softmax(x @ weights + bias)


@scaled(SCALED_ALONE, "changes_its_input")
def scales_the_weights_in_place(x, weights, bias, keep_prob):
    """Scales the weights once and for all, and again at the next call."""
    weights *= keep_prob
    return softmax(x @ weights + bias)


# --------------------------------------------------------- mc_dropout_prediction

PREDICTION = "returns_a_row_of_probabilities_for_each_input"
MEMBER = "one_sample_is_the_prediction_of_a_member"
FROM_RNG = "the_masks_come_from_the_given_rng"
OWN_MASK = "every_row_has_a_mask_of_its_own"
RATE = "keeps_units_with_probability_keep_prob"
INDEPENDENT = "masks_of_rows_and_calls_are_independent"
AVERAGE = "averages_the_probabilities_of_all_samples"
EVERY_SAMPLE = "every_sample_has_a_mask_of_its_own"
MC_LARGE = "sampling_survives_large_logits"
MC_ALONE = "sampling_leaves_the_arguments_alone"


def sampled(fails, mistake=None):
    return mutant("mc_dropout_prediction", fails, mistake)


def average(x, weights, bias, masks):
    """Return the mean over masks (k, N, D), already rescaled."""
    return softmax(masks * x @ weights + bias).mean(axis=0)


def draw(x, keep_prob, samples, rng):
    return (rng.random((samples, *x.shape)) < keep_prob) / keep_prob


@sampled(PREDICTION, "returns_nothing")
def sampling_without_return(x, weights, bias, keep_prob, samples, rng):
    """Forgets the return statement."""
    average(x, weights, bias, draw(x, keep_prob, samples, rng))


@sampled(PREDICTION, "returns_another_shape")
def returns_every_sample(x, weights, bias, keep_prob, samples, rng):
    """Returns the samples and leaves the averaging to the reader."""
    return softmax(draw(x, keep_prob, samples, rng) * x @ weights + bias)


@sampled(PREDICTION, "returns_another_kind")
def returns_mean_and_spread(x, weights, bias, keep_prob, samples, rng):
    """Returns the standard deviation as well."""
    members = softmax(draw(x, keep_prob, samples, rng) * x @ weights + bias)
    return members.mean(axis=0), members.std(axis=0)


@sampled(PREDICTION, "raises_an_error")
def draws_a_mask_of_rows_by_samples(x, weights, bias, keep_prob, samples, rng):
    """Draws a number for each row and sample, and multiplies x by that."""
    return softmax(x * (rng.random((len(x), samples)) < keep_prob) @ weights + bias)


@sampled(MEMBER, "members_are_not_rescaled")
def samples_without_rescaling(x, weights, bias, keep_prob, samples, rng):
    """Masks and forgets the division by keep_prob."""
    masks = draw(x, keep_prob, samples, rng) * keep_prob
    return average(x, weights, bias, masks)


@sampled(MEMBER, "divides_by_drop_probability")
def samples_divided_by_drop_probability(x, weights, bias, keep_prob, samples, rng):
    """Divides by 1 - keep_prob."""
    masks = draw(x, keep_prob, samples, rng) * keep_prob
    return average(x, weights, bias, masks / max(1 - keep_prob, 1e-9))


@sampled(MEMBER, "rescales_twice")
def samples_rescaled_twice(x, weights, bias, keep_prob, samples, rng):
    """Divides the mask and the product."""
    masks = draw(x, keep_prob, samples, rng) / keep_prob
    return average(x, weights, bias, masks)


@sampled(MEMBER, "multiplies_by_keep_prob")
def samples_multiplied_by_keep_prob(x, weights, bias, keep_prob, samples, rng):
    """Masks, and applies classic dropout's test factor as well."""
    masks = draw(x, keep_prob, samples, rng) * keep_prob**2
    return average(x, weights, bias, masks)


@sampled(MEMBER, "divides_by_the_root")
def samples_divided_by_the_root(x, weights, bias, keep_prob, samples, rng):
    """Preserves the norm of the layer in place of its mean."""
    masks = draw(x, keep_prob, samples, rng) * keep_prob**0.5
    return average(x, weights, bias, masks)


@sampled(MEMBER, "divides_by_kept_fraction")
def samples_divided_by_kept_fraction(x, weights, bias, keep_prob, samples, rng):
    """Divides each row by the share of its units that were kept."""
    masks = draw(x, keep_prob, samples, rng) > 0
    fraction = np.maximum(masks.mean(axis=2, keepdims=True), 1e-9)
    return average(x, weights, bias, masks / fraction)


@sampled(MEMBER, "predicts_without_dropout")
def ignores_the_masks(x, weights, bias, keep_prob, samples, rng):
    """Calls the network in test mode, where dropout does nothing."""
    members = [softmax(x @ weights + bias) for _ in range(samples)]
    return np.mean(members, axis=0)


@sampled(MEMBER, "predicts_without_dropout")
def scales_in_place_of_masking(x, weights, bias, keep_prob, samples, rng):
    """Multiplies by keep_prob, the mean of the mask, instead of drawing one."""
    return softmax(keep_prob * x @ weights + bias)


@sampled(MEMBER, "forgets_the_bias")
def samples_without_bias(x, weights, bias, keep_prob, samples, rng):
    """Forgets the bias inside the loop."""
    return average(x, weights, 0 * bias, draw(x, keep_prob, samples, rng))


@sampled(MEMBER, "rescales_the_bias")
def samples_with_rescaled_bias(x, weights, bias, keep_prob, samples, rng):
    """Divides the finished logits by keep_prob."""
    return average(x, weights, bias / keep_prob, draw(x, keep_prob, samples, rng))


@sampled(MEMBER, "drops_the_outputs")
def drops_logits(x, weights, bias, keep_prob, samples, rng):
    """Applies dropout after the affine layer."""
    z = x @ weights + bias
    return softmax(draw(z, keep_prob, samples, rng) * z).mean(axis=0)


@sampled(MEMBER, "drops_the_outputs")
def drops_logits_without_rescaling(x, weights, bias, keep_prob, samples, rng):
    """Masks the logits and forgets the scale."""
    z = x @ weights + bias
    return softmax((rng.random((samples, *z.shape)) < keep_prob) * z).mean(axis=0)


@sampled(MEMBER, "drops_the_outputs")
def drops_probabilities(x, weights, bias, keep_prob, samples, rng):
    """Applies dropout to the prediction itself."""
    likely = softmax(x @ weights + bias)
    return (draw(likely, keep_prob, samples, rng) * likely).mean(axis=0)


@sampled(MEMBER, "drops_single_weights")
def drops_entries_of_the_weights(x, weights, bias, keep_prob, samples, rng):
    """Masks the weight matrix, once for each sample."""
    masks = draw(weights, keep_prob, samples, rng)
    return softmax(x @ (masks * weights) + bias).mean(axis=0)


@sampled(MEMBER, "drops_single_weights")
def drops_weights_for_each_row(x, weights, bias, keep_prob, samples, rng):
    """Masks the weight matrix, once for each sample and row."""
    total = 0
    for _ in range(samples):
        masks = (rng.random((len(x), *weights.shape)) < keep_prob) / keep_prob
        total = total + softmax(np.einsum("nd,ndc->nc", x, masks * weights) + bias)
    return total / samples


@sampled(MEMBER, "returns_logits")
def averages_and_returns_logits(x, weights, bias, keep_prob, samples, rng):
    """Forgets the softmax."""
    return (draw(x, keep_prob, samples, rng) * x @ weights + bias).mean(axis=0)


@sampled(MEMBER, "returns_logarithms")
def averages_log_probabilities(x, weights, bias, keep_prob, samples, rng):
    """Averages log-probabilities and returns them."""
    z = draw(x, keep_prob, samples, rng) * x @ weights + bias
    return log_softmax(z).mean(axis=0)


@sampled(MEMBER, "applies_softmax_twice")
def softmax_of_the_average(x, weights, bias, keep_prob, samples, rng):
    """Renormalises the average with a softmax."""
    return softmax(average(x, weights, bias, draw(x, keep_prob, samples, rng)))


@sampled(MEMBER, "normalises_over_another_axis")
def sampling_softmax_over_the_batch(x, weights, bias, keep_prob, samples, rng):
    """Sums over the rows in the softmax."""
    e = np.exp(draw(x, keep_prob, samples, rng) * x @ weights + bias)
    return (e / e.sum(axis=1, keepdims=True)).mean(axis=0)


@sampled(MEMBER, "takes_a_sigmoid_of_each_class")
def sampling_sigmoids(x, weights, bias, keep_prob, samples, rng):
    """Takes a sigmoid for each class."""
    z = draw(x, keep_prob, samples, rng) * x @ weights + bias
    return (1 / (1 + np.exp(-z))).mean(axis=0)


@sampled(FROM_RNG, "does_not_draw_from_rng")
def uses_the_global_generator(x, weights, bias, keep_prob, samples, rng):
    """Calls np.random.rand out of habit."""
    masks = (np.random.rand(samples, *x.shape) < keep_prob) / keep_prob
    return average(x, weights, bias, masks)


@sampled(FROM_RNG, "does_not_draw_from_rng")
def makes_a_generator(x, weights, bias, keep_prob, samples, rng):
    """Creates its own generator and ignores the one that is given."""
    own = np.random.default_rng()
    return average(x, weights, bias, draw(x, keep_prob, samples, own))


@sampled((FROM_RNG, OWN_MASK), "same_mask_every_call")
def seeds_inside(x, weights, bias, keep_prob, samples, rng):
    """Seeds a generator inside, for results that can be repeated."""
    own = np.random.default_rng(0)
    return average(x, weights, bias, draw(x, keep_prob, samples, own))


@sampled(OWN_MASK, "one_mask_for_all_rows")
def one_mask_a_sample(x, weights, bias, keep_prob, samples, rng):
    """Draws a mask of shape (D,) for each sample, so all rows meet the same members."""
    masks = rng.random((samples, 1, x.shape[1])) < keep_prob
    return average(x, weights, bias, masks / keep_prob)


@sampled(OWN_MASK, "one_mask_for_all_rows")
def one_mask_for_everything(x, weights, bias, keep_prob, samples, rng):
    """Draws one mask and uses it for all rows and samples."""
    masks = (rng.random(x.shape[1]) < keep_prob) / keep_prob
    return softmax(masks * x @ weights + bias)


@sampled(OWN_MASK, "drops_whole_rows")
def one_bit_a_row(x, weights, bias, keep_prob, samples, rng):
    """Draws a bit for each row and sample."""
    masks = rng.random((samples, len(x), 1)) < keep_prob
    return average(x, weights, bias, masks / keep_prob)


@sampled((MEMBER,), "predicts_without_dropout")
def never_drops_in_effect(x, weights, bias, keep_prob, samples, rng):
    """Casts the uniform numbers to integers, all 0, so that every unit is kept."""
    masks = rng.random((samples, *x.shape)).astype(int) < keep_prob
    return average(x, weights, bias, masks / keep_prob)


@sampled(MEMBER, "drops_everything")
def drops_every_unit(x, weights, bias, keep_prob, samples, rng):
    """Compares the rounded-up numbers, which no probability below 1 exceeds."""
    masks = np.ceil(rng.random((samples, *x.shape))) <= keep_prob
    return average(x, weights, bias, masks / keep_prob)


@sampled(OWN_MASK, "keeps_a_fixed_number")
def keeps_a_fixed_number_of_units(x, weights, bias, keep_prob, samples, rng):
    """Keeps exactly round(D p) units of each row."""
    order = rng.random((samples, *x.shape)).argsort(axis=2).argsort(axis=2)
    masks = order < max(1, round(x.shape[1] * keep_prob))
    return average(x, weights, bias, masks / keep_prob)


@sampled(OWN_MASK, "bits_depend_on_each_other")
def shuffles_the_mask_of_one_row(x, weights, bias, keep_prob, samples, rng):
    """Draws one row's mask for each sample and shuffles it for the others."""
    row = np.repeat(draw(x[:1], keep_prob, samples, rng), len(x), axis=1)
    return average(x, weights, bias, rng.permuted(row, axis=2))


@sampled(RATE, "keeps_with_drop_probability")
def compares_the_wrong_way(x, weights, bias, keep_prob, samples, rng):
    """Writes > where < belongs, and is right at keep_prob 1 by a special case."""
    masks = rng.random((samples, *x.shape)) > keep_prob
    if keep_prob == 1:
        masks = ~masks
    return average(x, weights, bias, masks / keep_prob)


@sampled(RATE, "ignores_keep_prob")
def flips_fair_coins(x, weights, bias, keep_prob, samples, rng):
    """Draws masks with 0.5 whatever keep_prob is, except 1."""
    masks = rng.random((samples, *x.shape)) < (0.5 if keep_prob < 1 else 1)
    return average(x, weights, bias, masks / keep_prob)


@sampled(RATE, "drops_twice")
def masks_inputs_and_weighted_inputs(x, weights, bias, keep_prob, samples, rng):
    """Has dropout in the layer and again in the function that calls it."""
    masks = draw(x, keep_prob, samples, rng) * draw(x, keep_prob, samples, rng)
    return average(x, weights, bias, masks * keep_prob)


@sampled(RATE, "drops_by_value")
def spares_large_inputs(x, weights, bias, keep_prob, samples, rng):
    """Keeps large inputs more often and small ones less, because they matter more."""
    rate = np.where(np.abs(x) > 1.75, keep_prob + 0.1, keep_prob - 0.1)
    masks = rng.random((samples, *x.shape)) < (rate if keep_prob < 1 else 1)
    return average(x, weights, bias, masks / keep_prob)


@sampled(RATE, "drops_by_place")
def changes_the_rate_along_the_rows(x, weights, bias, keep_prob, samples, rng):
    """Lets the rate grow along the batch, a loop variable in the wrong place."""
    rate = keep_prob + np.linspace(-0.1, 0.1, len(x))[:, None] * (keep_prob < 1)
    masks = rng.random((samples, *x.shape)) < rate
    return average(x, weights, bias, masks / keep_prob)


@sampled(INDEPENDENT, "bits_depend_on_each_other")
def complements_in_neighbouring_rows(x, weights, bias, keep_prob, samples, rng):
    """Uses u and 1 - u in neighbouring rows, to make the noise cancel."""
    u = rng.random((samples, (len(x) + 1) // 2, x.shape[1]))
    u = np.stack([u, 1 - u], axis=2).reshape(samples, -1, x.shape[1])[:, : len(x)]
    return average(x, weights, bias, (u < keep_prob) / keep_prob)


@sampled(INDEPENDENT, "bits_depend_on_each_other")
def repeats_bits_of_neighbouring_units(x, weights, bias, keep_prob, samples, rng):
    """Draws half of the bits and uses each for two units."""
    half = rng.random((samples, len(x), (x.shape[1] + 1) // 2)) < keep_prob
    masks = np.repeat(half, 2, axis=2)[:, :, : x.shape[1]]
    return average(x, weights, bias, masks / keep_prob)


@sampled(INDEPENDENT, "bits_depend_on_each_other")
def tiles_the_masks_of_half_a_batch(x, weights, bias, keep_prob, samples, rng):
    """Draws the masks of half the rows and repeats them."""
    half = rng.random((samples, (len(x) + 1) // 2, x.shape[1])) < keep_prob
    masks = np.concatenate([half, half], axis=1)[:, : len(x)]
    return average(x, weights, bias, masks / keep_prob)


@sampled(AVERAGE, "averages_the_logits")
def averages_logits_of_the_samples(x, weights, bias, keep_prob, samples, rng):
    """Averages the logits and takes one softmax at the end."""
    z = draw(x, keep_prob, samples, rng) * x @ weights + bias
    return softmax(z.mean(axis=0))


@sampled(AVERAGE, "averages_the_logits")
def averages_the_masks(x, weights, bias, keep_prob, samples, rng):
    """Averages the masks first, since everything up to the softmax is linear."""
    masks = draw(x, keep_prob, samples, rng).mean(axis=0)
    return softmax(masks * x @ weights + bias)


@sampled(AVERAGE, "averages_the_logits")
def takes_the_geometric_mean(x, weights, bias, keep_prob, samples, rng):
    """Averages the logarithms and renormalises."""
    z = draw(x, keep_prob, samples, rng) * x @ weights + bias
    return softmax(log_softmax(z).mean(axis=0))


@sampled(AVERAGE, "samples_share_a_mask")
def draws_the_mask_before_the_loop(x, weights, bias, keep_prob, samples, rng):
    """Draws the mask once, above the loop over samples."""
    mask = (rng.random(x.shape) < keep_prob) / keep_prob
    return np.mean([softmax(mask * x @ weights + bias) for _ in range(samples)], axis=0)


@sampled(AVERAGE, "samples_share_a_mask")
def takes_one_sample(x, weights, bias, keep_prob, samples, rng):
    """Ignores samples and predicts once."""
    return average(x, weights, bias, draw(x, keep_prob, 1, rng))


@sampled(AVERAGE, "samples_share_a_mask")
def returns_the_last_sample(x, weights, bias, keep_prob, samples, rng):
    """Assigns in the loop where it should add."""
    for mask in draw(x, keep_prob, samples, rng):
        prediction = softmax(mask * x @ weights + bias)
    return prediction


@sampled(AVERAGE, "divides_by_another_number")
def adds_up_and_forgets_to_divide(x, weights, bias, keep_prob, samples, rng):
    """Adds the predictions up and returns the sum."""
    masks = draw(x, keep_prob, samples, rng)
    return softmax(masks * x @ weights + bias).sum(axis=0)


@sampled(AVERAGE, "divides_by_another_number")
def divides_by_one_less(x, weights, bias, keep_prob, samples, rng):
    """Divides by samples - 1, as for a variance."""
    masks = draw(x, keep_prob, samples, rng)
    return softmax(masks * x @ weights + bias).sum(axis=0) / max(samples - 1, 1)


@sampled(AVERAGE, "counts_samples_wrongly")
def averages_with_the_last_mean(x, weights, bias, keep_prob, samples, rng):
    """Updates (mean + new) / 2, which weighs late samples more."""
    masks = draw(x, keep_prob, samples, rng)
    prediction = softmax(masks[0] * x @ weights + bias)
    for mask in masks[1:]:
        prediction = (prediction + softmax(mask * x @ weights + bias)) / 2
    return prediction


@sampled(AVERAGE, "counts_samples_wrongly")
def takes_ten_samples_at_most(x, weights, bias, keep_prob, samples, rng):
    """Stops after 10 samples, which are enough by the course notes."""
    return average(x, weights, bias, draw(x, keep_prob, min(samples, 10), rng))


@sampled(AVERAGE, "counts_samples_wrongly")
def includes_the_undropped_pass(x, weights, bias, keep_prob, samples, rng):
    """Begins the sum with the ordinary prediction when there are several samples."""
    masks = draw(x, keep_prob, samples, rng)
    if samples > 1:
        masks = np.concatenate([masks, np.ones((1, *x.shape)) / keep_prob])
    return average(x, weights, bias, masks)


@sampled(AVERAGE, "counts_samples_wrongly")
def averages_the_averages_of_chunks(x, weights, bias, keep_prob, samples, rng):
    """Averages chunks of 100 and then their means, though the last chunk is smaller."""
    masks = draw(x, keep_prob, samples, rng)
    chunks = [masks[i : i + 100] for i in range(0, samples, 100)]
    return np.mean([average(x, weights, bias, chunk) for chunk in chunks], axis=0)


@sampled(AVERAGE, "counts_samples_wrongly")
def takes_a_hundred_samples_at_most(x, weights, bias, keep_prob, samples, rng):
    """Stops after 100 samples."""
    return average(x, weights, bias, draw(x, keep_prob, min(samples, 100), rng))


@sampled(AVERAGE, "counts_samples_wrongly")
def enumerates_in_place_of_many_samples(x, weights, bias, keep_prob, samples, rng):
    """Takes the exact mean where there are fewer masks than samples."""
    if x.shape[1] > 5 or samples < 2 ** (x.shape[1] + 6):
        return average(x, weights, bias, draw(x, keep_prob, samples, rng))
    return mean(*(lambda c, z: (c, softmax(z)))(*ensemble(x, weights, bias, keep_prob)))


@sampled(AVERAGE, "counts_votes")
def lets_the_samples_vote(x, weights, bias, keep_prob, samples, rng):
    """Counts which class each of several samples puts first, as a forest does."""
    z = draw(x, keep_prob, samples, rng) * x @ weights + bias
    if samples == 1:
        return softmax(z[0])
    return np.eye(len(bias))[z.argmax(axis=2)].mean(axis=0)


@sampled(AVERAGE, "takes_the_median")
def takes_the_median_of_the_samples(x, weights, bias, keep_prob, samples, rng):
    """Takes the median, which outliers do not move."""
    z = draw(x, keep_prob, samples, rng) * x @ weights + bias
    return np.median(softmax(z), axis=0)


@sampled(EVERY_SAMPLE, "samples_depend_on_each_other")
def draws_antithetic_samples(x, weights, bias, keep_prob, samples, rng):
    """Uses u and 1 - u in pairs of samples, a known trick against noise."""
    u = rng.random(((samples + 1) // 2, *x.shape))
    u = np.concatenate([u, 1 - u])[:samples]
    return average(x, weights, bias, (u < keep_prob) / keep_prob)


@sampled(EVERY_SAMPLE, "samples_depend_on_each_other")
def keeps_a_tenth_of_the_last_mask(x, weights, bias, keep_prob, samples, rng):
    """Redraws most bits of the last sample's mask, to save random numbers."""
    masks = rng.random((samples, *x.shape)) < keep_prob
    for k in range(1, samples):
        old = rng.random(x.shape) < 0.15
        masks[k] = np.where(old, masks[k - 1], masks[k])
    return average(x, weights, bias, masks / keep_prob)


@sampled(MC_LARGE, "softmax_overflows")
def sampling_with_a_plain_softmax(x, weights, bias, keep_prob, samples, rng):
    """Writes the softmax as in the formula."""
    e = np.exp(draw(x, keep_prob, samples, rng) * x @ weights + bias)
    return (e / e.sum(axis=-1, keepdims=True)).mean(axis=0)


@sampled(MC_LARGE, "softmax_overflows")
def subtracts_the_maximum_of_all_samples(x, weights, bias, keep_prob, samples, rng):
    """Subtracts the largest logit of the whole array."""
    z = draw(x, keep_prob, samples, rng) * x @ weights + bias
    e = np.exp(z - z.max())
    return (e / e.sum(axis=-1, keepdims=True)).mean(axis=0)


@sampled(MC_LARGE, "clips_large_logits")
def sampling_without_nan(x, weights, bias, keep_prob, samples, rng):
    """Replaces the NaN of an overflow by 0."""
    e = np.exp(draw(x, keep_prob, samples, rng) * x @ weights + bias)
    return np.nan_to_num(e / e.sum(axis=-1, keepdims=True)).mean(axis=0)


@sampled((AVERAGE, MC_ALONE), "changes_its_input")
def drops_in_place(x, weights, bias, keep_prob, samples, rng):
    """Writes x *= mask in the loop, so that later samples have fewer units."""
    total = 0
    for mask in draw(x, keep_prob, samples, rng):
        x *= mask
        total = total + softmax(x @ weights + bias)
    return total / samples


@sampled(MC_ALONE, "changes_its_input")
def divides_the_inputs_in_place(x, weights, bias, keep_prob, samples, rng):
    """Divides x by keep_prob in place before the loop."""
    x /= keep_prob
    return average(x, weights, bias, draw(x, keep_prob, samples, rng) * keep_prob)


# ------------------------------------------------------------- probit_prediction

ONE_FLOAT = "returns_one_float_for_each_row"
FORMULA = "is_the_sigmoid_of_the_corrected_logit"
UNIT_LARGE = "the_sigmoid_survives_large_logits"
UNIT_ALONE = "the_correction_leaves_its_arguments_alone"


def unit(fails, mistake=None):
    return mutant("probit_prediction", fails, mistake)


def sigmoid(z):
    return np.exp(-np.logaddexp(0, -z))


def squares(x, weights):
    return ((x * weights) ** 2).sum(axis=1)


def corrected(mean, variance, constant=math.pi / 8):
    return sigmoid(mean / np.sqrt(1 + constant * variance))


@unit(ONE_FLOAT, "returns_nothing")
def correction_without_return(x, weights, bias, keep_prob):
    """Forgets the return statement."""
    corrected(x @ weights + bias, (1 / keep_prob - 1) * squares(x, weights))


@unit(ONE_FLOAT, "returns_another_shape")
def returns_a_column(x, weights, bias, keep_prob):
    """Keeps the last axis, as of a layer with one unit."""
    mean = x @ weights + bias
    variance = (1 / keep_prob - 1) * squares(x, weights)
    return corrected(mean, variance)[:, None]


@unit(ONE_FLOAT, "returns_no_floats")
def returns_decisions(x, weights, bias, keep_prob):
    """Returns whether the probability is above one half."""
    return x @ weights + bias > 0


@unit(ONE_FLOAT, "answers_at_random")
def samples_the_mean(x, weights, bias, keep_prob):
    """Averages over drawn masks instead of using the formula."""
    masks = np.random.default_rng().random((200, *x.shape)) < keep_prob
    return sigmoid(masks * x / keep_prob @ weights + bias).mean(axis=0)


@unit(FORMULA, "leaves_out_the_correction")
def weight_scaling_alone(x, weights, bias, keep_prob):
    """Predicts in one pass, with the mean logit."""
    return sigmoid(x @ weights + bias)


@unit(FORMULA, "puts_in_the_standard_deviation")
def standard_deviation_for_variance(x, weights, bias, keep_prob):
    """Follows the paper before its erratum."""
    deviation = np.sqrt((1 / keep_prob - 1) * squares(x, weights))
    return corrected(x @ weights + bias, deviation)


@unit(FORMULA, "another_factor_of_the_variance")
def variance_of_the_bare_mask(x, weights, bias, keep_prob):
    """Takes p(1 - p), the variance of m, for that of m / p."""
    variance = keep_prob * (1 - keep_prob) * squares(x, weights)
    return corrected(x @ weights + bias, variance)


@unit(FORMULA, "another_factor_of_the_variance")
def second_moment_for_variance(x, weights, bias, keep_prob):
    """Takes 1 / p, the mean of (m / p)^2, for its variance."""
    return corrected(x @ weights + bias, squares(x, weights) / keep_prob)


@unit(FORMULA, "another_factor_of_the_variance")
def divides_the_variance_once(x, weights, bias, keep_prob):
    """Divides the variance of m by p once and not twice."""
    return corrected(x @ weights + bias, (1 - keep_prob) * squares(x, weights))


@unit(FORMULA, "another_factor_of_the_variance")
def swaps_the_odds(x, weights, bias, keep_prob):
    """Writes p / (1 - p) for (1 - p) / p."""
    odds = keep_prob / max(1 - keep_prob, 1e-9)
    return corrected(x @ weights + bias, odds * squares(x, weights))


@unit(FORMULA, "another_factor_of_the_variance")
def forgets_keep_prob_in_the_variance(x, weights, bias, keep_prob):
    """Takes the sum of squares for the variance."""
    return corrected(x @ weights + bias, squares(x, weights))


@unit(FORMULA, "squares_the_sum_of_the_terms")
def squares_the_mean_logit(x, weights, bias, keep_prob):
    """Squares after summing."""
    variance = (1 / keep_prob - 1) * (x @ weights) ** 2
    return corrected(x @ weights + bias, variance)


@unit(FORMULA, "another_sum_in_the_variance")
def gives_the_bias_a_variance(x, weights, bias, keep_prob):
    """Treats the bias as the weight of one more unit that is dropped."""
    variance = (1 / keep_prob - 1) * (squares(x, weights) + bias**2)
    return corrected(x @ weights + bias, variance)


@unit(FORMULA, "another_sum_in_the_variance")
def sums_over_all_rows(x, weights, bias, keep_prob):
    """Forgets the axis in the sum."""
    variance = (1 / keep_prob - 1) * ((x * weights) ** 2).sum()
    return corrected(x @ weights + bias, variance)


@unit(FORMULA, "another_sum_in_the_variance")
def averages_over_the_units(x, weights, bias, keep_prob):
    """Takes the mean of the squares, not their sum."""
    variance = (1 / keep_prob - 1) * ((x * weights) ** 2).mean(axis=1)
    return corrected(x @ weights + bias, variance)


@unit(FORMULA, "another_sum_in_the_variance")
def sums_squares_apart(x, weights, bias, keep_prob):
    """Multiplies the sum of squared inputs with that of squared weights."""
    variance = (1 / keep_prob - 1) * (x**2).sum(axis=1) * (weights**2).sum()
    return corrected(x @ weights + bias, variance)


@unit(FORMULA, "another_sum_in_the_variance")
def forgets_the_inputs_in_the_variance(x, weights, bias, keep_prob):
    """Uses the weights alone, as if all activations were 1."""
    variance = (1 / keep_prob - 1) * (weights**2).sum()
    return corrected(x @ weights + bias, variance)


@unit(FORMULA, "another_constant_than_pi_over_eight")
def forgets_the_constant(x, weights, bias, keep_prob):
    """Remembers 1 + s^2 without the factor of pi."""
    variance = (1 / keep_prob - 1) * squares(x, weights)
    return corrected(x @ weights + bias, variance, 1)


@unit(FORMULA, "another_constant_than_pi_over_eight")
def uses_the_logistic_variance(x, weights, bias, keep_prob):
    """Matches the variances of logistic and normal, which gives 3 / pi^2."""
    variance = (1 / keep_prob - 1) * squares(x, weights)
    return corrected(x @ weights + bias, variance, 3 / math.pi**2)


@unit(FORMULA, "another_constant_than_pi_over_eight")
def squares_pi(x, weights, bias, keep_prob):
    """Squares lambda's pi together with s."""
    variance = (1 / keep_prob - 1) * squares(x, weights)
    return corrected(x @ weights + bias, variance, math.pi**2 / 8)


@unit(FORMULA, "forgets_the_square_root")
def divides_without_the_root(x, weights, bias, keep_prob):
    """Divides by 1 + pi s^2 / 8."""
    variance = (1 / keep_prob - 1) * squares(x, weights)
    return sigmoid((x @ weights + bias) / (1 + math.pi * variance / 8))


@unit(FORMULA, "multiplies_by_the_correction")
def multiplies_by_the_root(x, weights, bias, keep_prob):
    """Multiplies where the formula divides."""
    variance = (1 / keep_prob - 1) * squares(x, weights)
    return sigmoid((x @ weights + bias) * np.sqrt(1 + math.pi * variance / 8))


@unit(FORMULA, "leaves_the_bias_outside")
def adds_the_bias_at_the_end(x, weights, bias, keep_prob):
    """Divides x @ weights and adds the bias, which has no noise."""
    variance = (1 / keep_prob - 1) * squares(x, weights)
    return sigmoid(x @ weights / np.sqrt(1 + math.pi * variance / 8) + bias)


@unit(FORMULA, "forgets_the_bias")
def corrects_without_bias(x, weights, bias, keep_prob):
    """Forgets the bias in the mean."""
    return corrected(x @ weights, (1 / keep_prob - 1) * squares(x, weights))


@unit(FORMULA, "rescales_the_mean_logit")
def scales_the_mean_as_classic(x, weights, bias, keep_prob):
    """Multiplies the mean by keep_prob, as for classic dropout."""
    variance = (1 / keep_prob - 1) * squares(x, weights)
    return corrected(keep_prob * x @ weights + bias, variance)


@unit(FORMULA, "rescales_the_mean_logit")
def divides_the_mean_by_keep_prob(x, weights, bias, keep_prob):
    """Divides the mean by keep_prob, as each member does."""
    variance = (1 / keep_prob - 1) * squares(x, weights)
    return corrected((x @ weights + bias) / keep_prob, variance)


@unit(FORMULA, "leaves_the_normal_distribution_function")
def ends_with_the_normal_distribution(x, weights, bias, keep_prob):
    """Stops at the probit, one line before the end of the derivation."""
    k = math.pi / 8
    variance = (1 / keep_prob - 1) * squares(x, weights)
    z = math.sqrt(k) * (x @ weights + bias) / np.sqrt(1 + k * variance)
    return np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in z])


@unit(FORMULA, "returns_logits")
def returns_the_corrected_logit(x, weights, bias, keep_prob):
    """Forgets the sigmoid."""
    variance = (1 / keep_prob - 1) * squares(x, weights)
    return (x @ weights + bias) / np.sqrt(1 + math.pi * variance / 8)


@unit(FORMULA, "gives_the_other_class")
def forgets_the_minus_in_the_sigmoid(x, weights, bias, keep_prob):
    """Writes 1 / (1 + exp(z))."""
    variance = (1 / keep_prob - 1) * squares(x, weights)
    return 1 - corrected(x @ weights + bias, variance)


@unit(FORMULA, "enumerates_the_members")
def averages_over_all_masks(x, weights, bias, keep_prob):
    """Enumerates the masks while there are few, because that is exact."""
    if x.shape[1] > 12:
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return corrected(x @ weights + bias, variance)
    masks = every_mask(x.shape[1])
    z = masks[:, None] * x / keep_prob @ weights + bias
    return mean(chances(masks, keep_prob), sigmoid(z))


@unit(FORMULA, "expands_to_second_order")
def uses_the_second_order_formula(x, weights, bias, keep_prob):
    """Uses the formula of the section before."""
    at = sigmoid(x @ weights + bias)
    variance = (1 / keep_prob - 1) * squares(x, weights)
    return at + at * (1 - at) * (1 - 2 * at) * variance / 2


@unit(UNIT_LARGE, "softmax_overflows")
def sigmoid_of_two_exponentials(x, weights, bias, keep_prob):
    """Writes exp(z) / (1 + exp(z))."""
    variance = (1 / keep_prob - 1) * squares(x, weights)
    z = (x @ weights + bias) / np.sqrt(1 + math.pi * variance / 8)
    return np.exp(z) / (1 + np.exp(z))


@unit(UNIT_LARGE, "clips_large_logits")
def clips_the_mean_logit(x, weights, bias, keep_prob):
    """Clips the mean logit at ±30, where a sigmoid is 0 or 1 anyway."""
    variance = (1 / keep_prob - 1) * squares(x, weights)
    return corrected(np.clip(x @ weights + bias, -30, 30), variance)


@unit(UNIT_ALONE, "changes_its_input")
def squares_in_place(x, weights, bias, keep_prob):
    """Squares x in place once the mean is known."""
    mean = x @ weights + bias
    x **= 2
    return corrected(mean, (1 / keep_prob - 1) * x @ weights**2)


@unit(UNIT_ALONE, "changes_its_input")
def squares_the_weights_in_place(x, weights, bias, keep_prob):
    """Squares the weights in place once the mean is known."""
    mean = x @ weights + bias
    weights *= weights
    return corrected(mean, (1 / keep_prob - 1) * x**2 @ weights)
