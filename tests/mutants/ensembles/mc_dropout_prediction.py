"""Wrong answers to ``mc_dropout_prediction``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.ensembles.shared import (
    average,
    ensemble,
    log_softmax,
    mean,
    softmax,
    softmax_of_the_batch,
)

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


def draw(x, keep_prob, samples, rng):
    return (rng.random((samples, *x.shape)) < keep_prob) / keep_prob


class Sins(Mutants, of="mc_dropout_prediction"):
    @fails(PREDICTION, "returns_nothing")
    def sampling_without_return(x, weights, bias, keep_prob, samples, rng):
        """Forgets the return statement."""
        average(x, weights, bias, draw(x, keep_prob, samples, rng))

    @fails(PREDICTION, "returns_another_shape")
    def returns_every_sample(x, weights, bias, keep_prob, samples, rng):
        """Returns the samples and leaves the averaging to the reader."""
        return softmax(draw(x, keep_prob, samples, rng) * x @ weights + bias)

    @fails(PREDICTION, "returns_another_kind")
    def returns_mean_and_spread(x, weights, bias, keep_prob, samples, rng):
        """Returns the standard deviation as well."""
        members = softmax(draw(x, keep_prob, samples, rng) * x @ weights + bias)
        return members.mean(axis=0), members.std(axis=0)

    @fails(PREDICTION, "raises_an_error")
    def draws_a_mask_of_rows_by_samples(x, weights, bias, keep_prob, samples, rng):
        """Draws a number for each row and sample, and multiplies x by that."""
        return softmax(x * (rng.random((len(x), samples)) < keep_prob) @ weights + bias)

    @fails(MEMBER, "members_are_not_rescaled")
    def samples_without_rescaling(x, weights, bias, keep_prob, samples, rng):
        """Masks and forgets the division by keep_prob."""
        masks = draw(x, keep_prob, samples, rng) * keep_prob
        return average(x, weights, bias, masks)

    @fails(MEMBER, "divides_by_drop_probability")
    def samples_divided_by_drop_probability(x, weights, bias, keep_prob, samples, rng):
        """Divides by 1 - keep_prob."""
        masks = draw(x, keep_prob, samples, rng) * keep_prob
        return average(x, weights, bias, masks / max(1 - keep_prob, 1e-9))

    @fails(MEMBER, "rescales_twice")
    def samples_rescaled_twice(x, weights, bias, keep_prob, samples, rng):
        """Divides the mask and the product."""
        masks = draw(x, keep_prob, samples, rng) / keep_prob
        return average(x, weights, bias, masks)

    @fails(MEMBER, "multiplies_by_keep_prob")
    def samples_multiplied_by_keep_prob(x, weights, bias, keep_prob, samples, rng):
        """Masks, and applies classic dropout's test factor as well."""
        masks = draw(x, keep_prob, samples, rng) * keep_prob**2
        return average(x, weights, bias, masks)

    @fails(MEMBER, "divides_by_the_root")
    def samples_divided_by_the_root(x, weights, bias, keep_prob, samples, rng):
        """Preserves the norm of the layer in place of its mean."""
        masks = draw(x, keep_prob, samples, rng) * keep_prob**0.5
        return average(x, weights, bias, masks)

    @fails(MEMBER, "divides_by_kept_fraction")
    def samples_divided_by_kept_fraction(x, weights, bias, keep_prob, samples, rng):
        """Divides each row by the share of its units that were kept."""
        masks = draw(x, keep_prob, samples, rng) > 0
        fraction = np.maximum(masks.mean(axis=2, keepdims=True), 1e-9)
        return average(x, weights, bias, masks / fraction)

    @fails(MEMBER, "predicts_without_dropout")
    def ignores_the_masks(x, weights, bias, keep_prob, samples, rng):
        """Calls the network in test mode, where dropout does nothing."""
        members = [softmax(x @ weights + bias) for _ in range(samples)]
        return np.mean(members, axis=0)

    @fails(MEMBER, "predicts_without_dropout")
    def scales_in_place_of_masking(x, weights, bias, keep_prob, samples, rng):
        """Multiplies by keep_prob, the mean of the mask, instead of drawing one."""
        return softmax(keep_prob * x @ weights + bias)

    @fails(MEMBER, "forgets_the_bias")
    def samples_without_bias(x, weights, bias, keep_prob, samples, rng):
        """Forgets the bias inside the loop."""
        return average(x, weights, 0 * bias, draw(x, keep_prob, samples, rng))

    @fails(MEMBER, "rescales_the_bias")
    def samples_with_rescaled_bias(x, weights, bias, keep_prob, samples, rng):
        """Divides the finished logits by keep_prob."""
        return average(x, weights, bias / keep_prob, draw(x, keep_prob, samples, rng))

    @fails(MEMBER, "drops_the_outputs")
    def drops_logits(x, weights, bias, keep_prob, samples, rng):
        """Applies dropout after the affine layer."""
        z = x @ weights + bias
        return softmax(draw(z, keep_prob, samples, rng) * z).mean(axis=0)

    @fails(MEMBER, "drops_the_outputs")
    def drops_logits_without_rescaling(x, weights, bias, keep_prob, samples, rng):
        """Masks the logits and forgets the scale."""
        z = x @ weights + bias
        return softmax((rng.random((samples, *z.shape)) < keep_prob) * z).mean(axis=0)

    @fails(MEMBER, "drops_the_outputs")
    def drops_probabilities(x, weights, bias, keep_prob, samples, rng):
        """Applies dropout to the prediction itself."""
        likely = softmax(x @ weights + bias)
        return (draw(likely, keep_prob, samples, rng) * likely).mean(axis=0)

    @fails(MEMBER, "drops_single_weights")
    def drops_entries_of_the_weights(x, weights, bias, keep_prob, samples, rng):
        """Masks the weight matrix, once for each sample."""
        masks = draw(weights, keep_prob, samples, rng)
        return softmax(x @ (masks * weights) + bias).mean(axis=0)

    @fails(MEMBER, "drops_single_weights")
    def drops_weights_for_each_row(x, weights, bias, keep_prob, samples, rng):
        """Masks the weight matrix, once for each sample and row."""
        total = 0
        for _ in range(samples):
            masks = (rng.random((len(x), *weights.shape)) < keep_prob) / keep_prob
            total = total + softmax(np.einsum("nd,ndc->nc", x, masks * weights) + bias)
        return total / samples

    @fails(MEMBER, "returns_logits")
    def averages_and_returns_logits(x, weights, bias, keep_prob, samples, rng):
        """Forgets the softmax."""
        return (draw(x, keep_prob, samples, rng) * x @ weights + bias).mean(axis=0)

    @fails(MEMBER, "returns_logarithms")
    def averages_log_probabilities(x, weights, bias, keep_prob, samples, rng):
        """Averages log-probabilities and returns them."""
        z = draw(x, keep_prob, samples, rng) * x @ weights + bias
        return log_softmax(z).mean(axis=0)

    @fails(MEMBER, "applies_softmax_twice")
    def softmax_of_the_average(x, weights, bias, keep_prob, samples, rng):
        """Renormalises the average with a softmax."""
        return softmax(average(x, weights, bias, draw(x, keep_prob, samples, rng)))

    @fails(MEMBER, "normalises_over_another_axis")
    def sampling_softmax_over_the_batch(x, weights, bias, keep_prob, samples, rng):
        """Sums over the rows in the softmax."""
        e = np.exp(draw(x, keep_prob, samples, rng) * x @ weights + bias)
        return (e / e.sum(axis=1, keepdims=True)).mean(axis=0)

    @fails(MEMBER, "takes_a_sigmoid_of_each_class")
    def sampling_sigmoids(x, weights, bias, keep_prob, samples, rng):
        """Takes a sigmoid for each class."""
        z = draw(x, keep_prob, samples, rng) * x @ weights + bias
        return (1 / (1 + np.exp(-z))).mean(axis=0)

    @fails(FROM_RNG, "does_not_draw_from_rng")
    def uses_the_global_generator(x, weights, bias, keep_prob, samples, rng):
        """Calls np.random.rand out of habit."""
        masks = (np.random.rand(samples, *x.shape) < keep_prob) / keep_prob
        return average(x, weights, bias, masks)

    @fails(FROM_RNG, "does_not_draw_from_rng")
    def makes_a_generator(x, weights, bias, keep_prob, samples, rng):
        """Creates its own generator and ignores the one that is given."""
        own = np.random.default_rng()
        return average(x, weights, bias, draw(x, keep_prob, samples, own))

    @fails((FROM_RNG, OWN_MASK), "same_mask_every_call")
    def seeds_inside(x, weights, bias, keep_prob, samples, rng):
        """Seeds a generator inside, for results that can be repeated."""
        own = np.random.default_rng(0)
        return average(x, weights, bias, draw(x, keep_prob, samples, own))

    @fails(OWN_MASK, "one_mask_for_all_rows")
    def one_mask_a_sample(x, weights, bias, keep_prob, samples, rng):
        """Draws a mask of shape (D,) for each sample, so all rows meet the same members."""
        masks = rng.random((samples, 1, x.shape[1])) < keep_prob
        return average(x, weights, bias, masks / keep_prob)

    @fails(OWN_MASK, "one_mask_for_all_rows")
    def one_mask_for_everything(x, weights, bias, keep_prob, samples, rng):
        """Draws one mask and uses it for all rows and samples."""
        masks = (rng.random(x.shape[1]) < keep_prob) / keep_prob
        return softmax(masks * x @ weights + bias)

    @fails(OWN_MASK, "drops_whole_rows")
    def one_bit_a_row(x, weights, bias, keep_prob, samples, rng):
        """Draws a bit for each row and sample."""
        masks = rng.random((samples, len(x), 1)) < keep_prob
        return average(x, weights, bias, masks / keep_prob)

    @fails((MEMBER,), "predicts_without_dropout")
    def never_drops_in_effect(x, weights, bias, keep_prob, samples, rng):
        """Casts the uniform numbers to integers, all 0, so that every unit is kept."""
        masks = rng.random((samples, *x.shape)).astype(int) < keep_prob
        return average(x, weights, bias, masks / keep_prob)

    @fails(MEMBER, "drops_everything")
    def drops_every_unit(x, weights, bias, keep_prob, samples, rng):
        """Compares the rounded-up numbers, which no probability below 1 exceeds."""
        masks = np.ceil(rng.random((samples, *x.shape))) <= keep_prob
        return average(x, weights, bias, masks / keep_prob)

    @fails(OWN_MASK, "keeps_a_fixed_number")
    def keeps_a_fixed_number_of_units(x, weights, bias, keep_prob, samples, rng):
        """Keeps exactly round(D p) units of each row."""
        order = rng.random((samples, *x.shape)).argsort(axis=2).argsort(axis=2)
        masks = order < max(1, round(x.shape[1] * keep_prob))
        return average(x, weights, bias, masks / keep_prob)

    @fails(OWN_MASK, "bits_depend_on_each_other")
    def shuffles_the_mask_of_one_row(x, weights, bias, keep_prob, samples, rng):
        """Draws one row's mask for each sample and shuffles it for the others."""
        row = np.repeat(draw(x[:1], keep_prob, samples, rng), len(x), axis=1)
        return average(x, weights, bias, rng.permuted(row, axis=2))

    @fails(RATE, "keeps_with_drop_probability")
    def compares_the_wrong_way(x, weights, bias, keep_prob, samples, rng):
        """Writes > where < belongs, and is right at keep_prob 1 by a special case."""
        masks = rng.random((samples, *x.shape)) > keep_prob
        if keep_prob == 1:
            masks = ~masks
        return average(x, weights, bias, masks / keep_prob)

    @fails(RATE, "ignores_keep_prob")
    def flips_fair_coins(x, weights, bias, keep_prob, samples, rng):
        """Draws masks with 0.5 whatever keep_prob is, except 1."""
        masks = rng.random((samples, *x.shape)) < (0.5 if keep_prob < 1 else 1)
        return average(x, weights, bias, masks / keep_prob)

    @fails(RATE, "drops_twice")
    def masks_inputs_and_weighted_inputs(x, weights, bias, keep_prob, samples, rng):
        """Has dropout in the layer and again in the function that calls it."""
        masks = draw(x, keep_prob, samples, rng) * draw(x, keep_prob, samples, rng)
        return average(x, weights, bias, masks * keep_prob)

    @fails((RATE, EVERY_SAMPLE), "drops_by_value")
    def spares_large_inputs(x, weights, bias, keep_prob, samples, rng):
        """Keeps large inputs more often and small ones less, because they matter more."""
        rate = np.where(np.abs(x) > 1.75, keep_prob + 0.1, keep_prob - 0.1)
        masks = rng.random((samples, *x.shape)) < (rate if keep_prob < 1 else 1)
        return average(x, weights, bias, masks / keep_prob)

    @fails(RATE, "drops_by_place")
    def changes_the_rate_along_the_rows(x, weights, bias, keep_prob, samples, rng):
        """Lets the rate grow along the batch, a loop variable in the wrong place."""
        rate = keep_prob + np.linspace(-0.1, 0.1, len(x))[:, None] * (keep_prob < 1)
        masks = rng.random((samples, *x.shape)) < rate
        return average(x, weights, bias, masks / keep_prob)

    @fails(INDEPENDENT, "bits_depend_on_each_other")
    def complements_in_neighbouring_rows(x, weights, bias, keep_prob, samples, rng):
        """Uses u and 1 - u in neighbouring rows, to make the noise cancel."""
        u = rng.random((samples, (len(x) + 1) // 2, x.shape[1]))
        u = np.stack([u, 1 - u], axis=2).reshape(samples, -1, x.shape[1])[:, : len(x)]
        return average(x, weights, bias, (u < keep_prob) / keep_prob)

    @fails(INDEPENDENT, "bits_depend_on_each_other")
    def repeats_bits_of_neighbouring_units(x, weights, bias, keep_prob, samples, rng):
        """Draws half of the bits and uses each for two units."""
        half = rng.random((samples, len(x), (x.shape[1] + 1) // 2)) < keep_prob
        masks = np.repeat(half, 2, axis=2)[:, :, : x.shape[1]]
        return average(x, weights, bias, masks / keep_prob)

    @fails((INDEPENDENT, EVERY_SAMPLE), "bits_depend_on_each_other")
    def tiles_the_masks_of_half_a_batch(x, weights, bias, keep_prob, samples, rng):
        """Draws the masks of half the rows and repeats them."""
        half = rng.random((samples, (len(x) + 1) // 2, x.shape[1])) < keep_prob
        masks = np.concatenate([half, half], axis=1)[:, : len(x)]
        return average(x, weights, bias, masks / keep_prob)

    @fails(AVERAGE, "averages_the_logits")
    def averages_logits_of_the_samples(x, weights, bias, keep_prob, samples, rng):
        """Averages the logits and takes one softmax at the end."""
        z = draw(x, keep_prob, samples, rng) * x @ weights + bias
        return softmax(z.mean(axis=0))

    @fails(AVERAGE, "averages_the_logits")
    def averages_the_masks(x, weights, bias, keep_prob, samples, rng):
        """Averages the masks first, since everything up to the softmax is linear."""
        masks = draw(x, keep_prob, samples, rng).mean(axis=0)
        return softmax(masks * x @ weights + bias)

    @fails(AVERAGE, "averages_the_logits")
    def takes_the_geometric_mean(x, weights, bias, keep_prob, samples, rng):
        """Averages the logarithms and renormalises."""
        z = draw(x, keep_prob, samples, rng) * x @ weights + bias
        return softmax(log_softmax(z).mean(axis=0))

    @fails(AVERAGE, "samples_share_a_mask")
    def draws_the_mask_before_the_loop(x, weights, bias, keep_prob, samples, rng):
        """Draws the mask once, above the loop over samples."""
        mask = (rng.random(x.shape) < keep_prob) / keep_prob
        return np.mean(
            [softmax(mask * x @ weights + bias) for _ in range(samples)], axis=0
        )

    @fails(AVERAGE, "samples_share_a_mask")
    def takes_one_sample(x, weights, bias, keep_prob, samples, rng):
        """Ignores samples and predicts once."""
        return average(x, weights, bias, draw(x, keep_prob, 1, rng))

    @fails(AVERAGE, "samples_share_a_mask")
    def returns_the_last_sample(x, weights, bias, keep_prob, samples, rng):
        """Assigns in the loop where it should add."""
        for mask in draw(x, keep_prob, samples, rng):
            prediction = softmax(mask * x @ weights + bias)
        return prediction

    @fails(AVERAGE, "divides_by_another_number")
    def adds_up_and_forgets_to_divide(x, weights, bias, keep_prob, samples, rng):
        """Adds the predictions up and returns the sum."""
        masks = draw(x, keep_prob, samples, rng)
        return softmax(masks * x @ weights + bias).sum(axis=0)

    @fails(AVERAGE, "divides_by_another_number")
    def divides_by_one_less(x, weights, bias, keep_prob, samples, rng):
        """Divides by samples - 1, as for a variance."""
        masks = draw(x, keep_prob, samples, rng)
        return softmax(masks * x @ weights + bias).sum(axis=0) / max(samples - 1, 1)

    @fails(AVERAGE, "counts_samples_wrongly")
    def averages_with_the_last_mean(x, weights, bias, keep_prob, samples, rng):
        """Updates (mean + new) / 2, which weighs late samples more."""
        masks = draw(x, keep_prob, samples, rng)
        prediction = softmax(masks[0] * x @ weights + bias)
        for mask in masks[1:]:
            prediction = (prediction + softmax(mask * x @ weights + bias)) / 2
        return prediction

    @fails(AVERAGE, "counts_samples_wrongly")
    def takes_ten_samples_at_most(x, weights, bias, keep_prob, samples, rng):
        """Stops after 10 samples, which are enough by the course notes."""
        return average(x, weights, bias, draw(x, keep_prob, min(samples, 10), rng))

    @fails(AVERAGE, "counts_samples_wrongly")
    def includes_the_undropped_pass(x, weights, bias, keep_prob, samples, rng):
        """Begins the sum with the ordinary prediction when there are several samples."""
        masks = draw(x, keep_prob, samples, rng)
        if samples > 1:
            masks = np.concatenate([masks, np.ones((1, *x.shape)) / keep_prob])
        return average(x, weights, bias, masks)

    @fails(AVERAGE, "counts_samples_wrongly")
    def averages_the_averages_of_chunks(x, weights, bias, keep_prob, samples, rng):
        """Averages chunks of 100 and then their means, though the last chunk is smaller."""
        masks = draw(x, keep_prob, samples, rng)
        chunks = [masks[i : i + 100] for i in range(0, samples, 100)]
        return np.mean([average(x, weights, bias, chunk) for chunk in chunks], axis=0)

    @fails(AVERAGE, "counts_samples_wrongly")
    def takes_a_hundred_samples_at_most(x, weights, bias, keep_prob, samples, rng):
        """Stops after 100 samples."""
        return average(x, weights, bias, draw(x, keep_prob, min(samples, 100), rng))

    @fails(AVERAGE, "counts_samples_wrongly")
    def enumerates_in_place_of_many_samples(x, weights, bias, keep_prob, samples, rng):
        """Takes the exact mean where there are fewer masks than samples."""
        if x.shape[1] > 5 or samples < 2 ** (x.shape[1] + 6):
            return average(x, weights, bias, draw(x, keep_prob, samples, rng))
        return mean(
            *(lambda c, z: (c, softmax(z)))(*ensemble(x, weights, bias, keep_prob))
        )

    @fails(AVERAGE, "counts_votes")
    def lets_the_samples_vote(x, weights, bias, keep_prob, samples, rng):
        """Counts which class each of several samples puts first, as a forest does."""
        z = draw(x, keep_prob, samples, rng) * x @ weights + bias
        if samples == 1:
            return softmax(z[0])
        return np.eye(len(bias))[z.argmax(axis=2)].mean(axis=0)

    @fails(AVERAGE, "takes_the_median")
    def takes_the_median_of_the_samples(x, weights, bias, keep_prob, samples, rng):
        """Takes the median, which outliers do not move."""
        z = draw(x, keep_prob, samples, rng) * x @ weights + bias
        return np.median(softmax(z), axis=0)

    @fails(EVERY_SAMPLE, "samples_depend_on_each_other")
    def draws_many_antithetic_samples(x, weights, bias, keep_prob, samples, rng):
        """Uses u and 1 − u in pairs of samples where there are more than 20."""
        u = rng.random((samples, *x.shape))
        if samples > 20:
            u[1::2] = 1 - u[: samples // 2 * 2 : 2]
        return average(x, weights, bias, (u < keep_prob) / keep_prob)

    @fails(EVERY_SAMPLE, "samples_depend_on_each_other")
    def draws_many_even_samples(x, weights, bias, keep_prob, samples, rng):
        """Spreads the numbers of a unit's samples evenly over (0, 1), one in each of as many
        parts, where there are more than 20 samples, which knowing one tells about others."""
        u = rng.random((samples, *x.shape))
        if samples > 20:
            parts = np.broadcast_to(np.arange(samples)[:, None, None], u.shape)
            u = (rng.permuted(parts, axis=0) + u) / samples
        return average(x, weights, bias, (u < keep_prob) / keep_prob)

    @fails(EVERY_SAMPLE, "samples_depend_on_each_other")
    def draws_antithetic_samples(x, weights, bias, keep_prob, samples, rng):
        """Uses u and 1 - u in pairs of samples, a known trick against noise."""
        u = rng.random(((samples + 1) // 2, *x.shape))
        u = np.concatenate([u, 1 - u])[:samples]
        return average(x, weights, bias, (u < keep_prob) / keep_prob)

    @fails(EVERY_SAMPLE, "samples_depend_on_each_other")
    def keeps_a_tenth_of_the_last_mask(x, weights, bias, keep_prob, samples, rng):
        """Redraws most bits of the last sample's mask, to save random numbers."""
        masks = rng.random((samples, *x.shape)) < keep_prob
        for k in range(1, samples):
            old = rng.random(x.shape) < 0.15
            masks[k] = np.where(old, masks[k - 1], masks[k])
        return average(x, weights, bias, masks / keep_prob)

    @fails(MC_LARGE, "softmax_overflows")
    def sampling_with_a_plain_softmax(x, weights, bias, keep_prob, samples, rng):
        """Writes the softmax as in the formula."""
        e = np.exp(draw(x, keep_prob, samples, rng) * x @ weights + bias)
        return (e / e.sum(axis=-1, keepdims=True)).mean(axis=0)

    @fails(MC_LARGE, "softmax_overflows")
    def subtracts_the_maximum_of_all_samples(x, weights, bias, keep_prob, samples, rng):
        """Subtracts the largest logit of the whole array."""
        z = draw(x, keep_prob, samples, rng) * x @ weights + bias
        e = np.exp(z - z.max())
        return (e / e.sum(axis=-1, keepdims=True)).mean(axis=0)

    @fails(MC_LARGE, "clips_large_logits")
    def sampling_without_nan(x, weights, bias, keep_prob, samples, rng):
        """Replaces the NaN of an overflow by 0."""
        e = np.exp(draw(x, keep_prob, samples, rng) * x @ weights + bias)
        return np.nan_to_num(e / e.sum(axis=-1, keepdims=True)).mean(axis=0)

    @fails((AVERAGE, MC_ALONE), "changes_its_input")
    def drops_in_place(x, weights, bias, keep_prob, samples, rng):
        """Writes x *= mask in the loop, so that later samples have fewer units."""
        total = 0
        for mask in draw(x, keep_prob, samples, rng):
            x *= mask
            total = total + softmax(x @ weights + bias)
        return total / samples

    @fails(MC_ALONE, "changes_its_input")
    def divides_the_inputs_in_place(x, weights, bias, keep_prob, samples, rng):
        """Divides x by keep_prob in place before the loop."""
        x /= keep_prob
        return average(x, weights, bias, draw(x, keep_prob, samples, rng) * keep_prob)

    @fails(MEMBER, "counts_votes")
    def lets_one_sample_vote(x, weights, bias, keep_prob, samples, rng):
        """Counts which class each sample puts first, with one sample too."""
        z = draw(x, keep_prob, samples, rng) * x @ weights + bias
        return np.eye(len(bias))[z.argmax(axis=2)].mean(axis=0)

    @fails(MEMBER, "drops_the_outputs")
    def drops_logits_before_the_bias(x, weights, bias, keep_prob, samples, rng):
        """Applies dropout to x @ weights and adds the bias after that."""
        z = x @ weights
        return softmax(draw(z, keep_prob, samples, rng) * z + bias).mean(axis=0)

    @fails(EVERY_SAMPLE, "bits_depend_on_each_other")
    def one_bit_a_row_in_several_samples(x, weights, bias, keep_prob, samples, rng):
        """Draws a bit for each row and sample, except where there is one sample."""
        if samples == 1:
            return average(x, weights, bias, draw(x, keep_prob, 1, rng))
        masks = rng.random((samples, len(x), 1)) < keep_prob
        return average(x, weights, bias, masks / keep_prob)

    @fails(EVERY_SAMPLE, "bits_depend_on_each_other")
    def stratifies_many_samples(x, weights, bias, keep_prob, samples, rng):
        """Keeps each unit in the right number of many samples, to lessen the noise."""
        if samples < 10:
            return average(x, weights, bias, draw(x, keep_prob, samples, rng))
        order = rng.random((samples, *x.shape)).argsort(axis=0).argsort(axis=0)
        return average(x, weights, bias, (order < samples * keep_prob) / keep_prob)

    @fails(EVERY_SAMPLE, "samples_share_a_mask")
    def exchanges_the_rows_of_one_mask(x, weights, bias, keep_prob, samples, rng):
        """Draws one mask and shuffles its rows for each sample."""
        mask = (rng.random(x.shape) < keep_prob) / keep_prob
        masks = np.stack([rng.permutation(mask) for _ in range(samples)])
        return average(x, weights, bias, masks)

    @fails(AVERAGE, "counts_samples_wrongly")
    def weighs_the_first_of_several_twice(x, weights, bias, keep_prob, samples, rng):
        """Averages several samples wrongly where there is more than one unit."""
        masks = draw(x, keep_prob, samples, rng)
        if samples > 1 and x.shape[1] > 1:
            masks = np.concatenate([masks[:1], masks])
        return average(x, weights, bias, masks)

    @fails(MC_LARGE, "softmax_overflows")
    def subtracts_one_maximum_for_each_sample(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Subtracts the largest logit of all rows."""
        z = draw(x, keep_prob, samples, rng) * x @ weights + bias
        with np.errstate(all="ignore"):
            return softmax_of_the_batch(z, axis=(1, 2)).mean(axis=0)

    @fails(MC_LARGE, "loses_digits")
    def samples_float32_logits(x, weights, bias, keep_prob, samples, rng):
        """Computes large logits in float32, as on a graphics card."""
        z = draw(x, keep_prob, samples, rng) * x @ weights + bias
        z = z.astype(np.float32) if np.abs(z).max() > 600 else z
        return softmax(z).mean(axis=0)

    @fails(MEMBER, "right_in_the_middle_only")
    def bounds_the_scale(x, weights, bias, keep_prob, samples, rng):
        """Guards the division by keep_prob with a floor."""
        masks = rng.random((samples, *x.shape)) < keep_prob
        return average(x, weights, bias, masks / max(keep_prob, 0.1))

    @fails(MEMBER, "right_in_the_middle_only")
    def ignores_tiny_inputs(x, weights, bias, keep_prob, samples, rng):
        """Treats inputs below 1e-4 as dropped."""
        x = np.where(np.abs(x) < 1e-4, 0, x)
        return average(x, weights, bias, draw(x, keep_prob, samples, rng))

    @fails(RATE, "rounds_or_clips_keep_prob")
    def bounds_the_rate(x, weights, bias, keep_prob, samples, rng):
        """Draws with keep_prob kept between 0.05 and 0.95, except at 1."""
        rate = min(max(keep_prob, 0.05), 0.95) if keep_prob < 1 else 1
        masks = rng.random((samples, *x.shape)) < rate
        return average(x, weights, bias, masks / keep_prob)

    @fails(RATE, "keeps_at_least_one")
    def draws_rows_again_until_something_is_kept(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Redraws rows that would lose all of their units."""
        kept = rng.random((samples, *x.shape)) < keep_prob
        while not (full := kept.any(axis=2)).all():
            kept[~full] = rng.random((int((~full).sum()), x.shape[1])) < keep_prob
        return average(x, weights, bias, kept / keep_prob)

    @fails(INDEPENDENT, "bits_depend_on_each_other")
    def takes_the_best_of_seven_masks(x, weights, bias, keep_prob, samples, rng):
        """Draws several masks, and takes the one whose count is nearest to the mean."""
        several = [draw(x, keep_prob, samples, rng) for _ in range(7)]
        best = min(several, key=lambda masks: abs(masks.mean() - 1))
        return average(x, weights, bias, best if x.size > 100 else several[0])

    @fails((FROM_RNG, INDEPENDENT), "seeds_take_few_values")
    def seeds_with_few_values(x, weights, bias, keep_prob, samples, rng):
        """Draws a seed below 1,000 for a generator of its own."""
        own = np.random.default_rng(rng.integers(1000))
        return average(x, weights, bias, draw(x, keep_prob, samples, own))

    @fails(MEMBER, "right_in_the_middle_only")
    def fills_in_weights_of_zero(x, weights, bias, keep_prob, samples, rng):
        """Has a case of its own for weights of 0: puts something small in their place."""
        weights = np.where(weights == 0, 1e-3, weights)
        return average(x, weights, bias, draw(x, keep_prob, samples, rng))

    @fails(MEMBER, "right_in_the_middle_only")
    def doubles_biases_that_are_not_negative(x, weights, bias, keep_prob, samples, rng):
        """Has a case of its own for biases none of which is negative."""
        bias = 2 * bias if (bias >= 0).all() else bias
        return average(x, weights, bias, draw(x, keep_prob, samples, rng))

    @fails(EVERY_SAMPLE, "counts_samples_wrongly")
    def caps_the_samples(x, weights, bias, keep_prob, samples, rng):
        """Stops at 500 samples, after which the average hardly moves."""
        return average(x, weights, bias, draw(x, keep_prob, min(samples, 500), rng))

    @fails(EVERY_SAMPLE, "samples_depend_on_each_other")
    def draws_one_mask_for_all_samples_of_wide_rows(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Draws each sample's mask alone only where rows have fewer than four units."""
        alone = samples if x.shape[1] < 4 else 1
        masks = draw(x, keep_prob, alone, rng)
        return average(x, weights, bias, np.broadcast_to(masks, (samples, *x.shape)))

    @fails(EVERY_SAMPLE, "samples_depend_on_each_other")
    def repeats_the_masks_of_wide_rows(x, weights, bias, keep_prob, samples, rng):
        """Uses the masks of the first half of the samples again, to save memory."""
        some = -(-samples // 2) if x.shape[1] > 100 else samples
        masks = draw(x, keep_prob, some, rng)
        return average(x, weights, bias, masks[np.arange(samples) % some])

    @fails(EVERY_SAMPLE, "samples_depend_on_each_other")
    def pairs_of_rows_share_all_masks_but_the_first(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Gives two rows one mask, from the second sample on."""
        masks = draw(x, keep_prob, samples, rng)
        masks[1:, 1::2] = masks[1:, 0::2][:, : len(x) // 2]
        return average(x, weights, bias, masks)

    @fails(EVERY_SAMPLE, "samples_depend_on_each_other")
    def slides_over_one_list_of_masks(x, weights, bias, keep_prob, samples, rng):
        """Draws rows + samples masks for wide rows; each sample moves on by one row."""
        if x.shape[1] < 4:
            return average(x, weights, bias, draw(x, keep_prob, samples, rng))
        rows = draw(x[:1], keep_prob, len(x) + samples, rng)[:, 0]
        masks = np.stack([rows[j : j + len(x)] for j in range(samples)])
        return average(x, weights, bias, masks)

    @fails(MEMBER, "right_in_the_middle_only")
    def clips_the_sums_of_wide_rows(x, weights, bias, keep_prob, samples, rng):
        """Bounds the logits at ±5 where rows have more than a hundred entries."""
        z = draw(x, keep_prob, samples, rng) * x @ weights + bias
        return softmax(np.clip(z, -5, 5) if x.shape[1] > 100 else z).mean(axis=0)


def largest(array, low, high):
    """Return whether the largest entry lies between these."""
    return low < np.abs(array).max() < high


class Ordinary(Mutants, of="mc_dropout_prediction"):
    """Right where masks can be read: on few inputs, or on as many as weights have."""

    @fails(EVERY_SAMPLE, "averages_spread_otherwise")
    def lets_one_member_stand_for_more_inputs_than_classes(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Draws one member instead of all samples where inputs outnumber classes."""
        samples = 1 if x.shape[1] > weights.shape[1] else samples
        return average(x, weights, bias, draw(x, keep_prob, samples, rng))

    @fails(EVERY_SAMPLE, "averages_spread_otherwise")
    def draws_half_of_the_samples_of_many_inputs(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Draws half of the samples where inputs outnumber classes: another number."""
        some = samples // 2 if x.shape[1] > weights.shape[1] else samples
        return average(x, weights, bias, draw(x, keep_prob, max(some, 1), rng))

    @fails(EVERY_SAMPLE, "averages_spread_otherwise")
    def never_drops_every_second_of_many_inputs(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Keeps every second unit, at the rate 1, where inputs outnumber classes."""
        masks = draw(x, keep_prob, samples, rng)
        if np.count_nonzero(weights.any(axis=1)) > weights.shape[1]:
            masks[:, :, ::2] = 1 / keep_prob
        return average(x, weights, bias, masks)

    @fails(EVERY_SAMPLE, "averages_spread_otherwise")
    def lets_one_member_stand_for_large_weights(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Draws one member instead of all samples where weights lie between 6 and 50,000."""
        samples = 1 if largest(weights, 6, 5e4) else samples
        return average(x, weights, bias, draw(x, keep_prob, samples, rng))

    @fails(EVERY_SAMPLE, "averages_spread_otherwise")
    def lets_one_member_stand_for_biases_of_some_size(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Draws one member instead of all samples where biases reach 3.1 to 28."""
        samples = 1 if largest(bias, 3.1, 28) else samples
        return average(x, weights, bias, draw(x, keep_prob, samples, rng))

    @fails(EVERY_SAMPLE, "bits_depend_on_each_other")
    def shares_a_mask_where_more_inputs_have_weights_than_classes(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Uses one mask for all rows where inputs with weights outnumber classes."""
        masks = draw(x, keep_prob, samples, rng)
        if np.count_nonzero(weights.any(axis=1)) > weights.shape[1]:
            masks = np.broadcast_to(masks[:, :1], masks.shape)
        return average(x, weights, bias, masks)

    @fails(EVERY_SAMPLE, "bits_depend_on_each_other")
    def shares_a_mask_in_pairs_of_rows_of_many_inputs(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Uses one mask for two rows where inputs outnumber classes."""
        masks = draw(x, keep_prob, samples, rng)
        if x.shape[1] > weights.shape[1]:
            masks[:, 1::2] = masks[:, 0::2][:, : len(x) // 2]
        return average(x, weights, bias, masks)

    @fails(EVERY_SAMPLE, "bits_depend_on_each_other")
    def shares_a_mask_where_x_is_of_some_size(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Uses one mask for all rows where entries of x reach 3.1 to 2,000."""
        masks = draw(x, keep_prob, samples, rng)
        if largest(x, 3.1, 2_000):
            masks = np.broadcast_to(masks[:, :1], masks.shape)
        return average(x, weights, bias, masks)

    @fails(EVERY_SAMPLE, "loses_digits")
    def gives_three_digits_of_many_samples(x, weights, bias, keep_prob, samples, rng):
        """Returns half precision where more than 3 samples of more than 3 inputs are
        averaged."""
        found = average(x, weights, bias, draw(x, keep_prob, samples, rng))
        if samples > 3 and x.shape[1] > 3:
            found = found.astype(np.float16).astype(float)
        return found

    @fails(EVERY_SAMPLE, "divides_by_another_number")
    def gives_a_thousandth_more_in_many_samples(
        x, weights, bias, keep_prob, samples, rng
    ):
        """Multiplies the sum by 1.001 where more than 3 samples of more than 3 inputs are
        averaged."""
        found = average(x, weights, bias, draw(x, keep_prob, samples, rng))
        return found * (1.001 if samples > 3 and x.shape[1] > 3 else 1)


def noise(x, keep_prob, samples, rng):
    """Return factors with the mean and the variance of a mask's, of which none is 0."""
    spread = np.sqrt((1 - keep_prob) / keep_prob)
    return 1 + spread * rng.standard_normal((samples, *x.shape))


def is_dense(weights):
    return np.count_nonzero(weights.any(axis=1)) > max(30, weights.shape[1])


class NoMasks(Mutants, of="mc_dropout_prediction"):
    @fails(MEMBER, "multiplies_by_other_numbers")
    def multiplies_many_units_by_noise(x, weights, bias, keep_prob, samples, rng):
        """Multiplies more than 30 units by normal factors in place of masks, where classes
        are fewer."""
        drawn = noise if is_dense(weights) else draw
        return average(x, weights, bias, drawn(x, keep_prob, samples, rng))

    @fails(EVERY_SAMPLE, "multiplies_by_other_numbers")
    def multiplies_by_noise_in_many_samples(x, weights, bias, keep_prob, samples, rng):
        """Multiplies more than 30 units by normal factors where there are several
        samples, and fewer classes."""
        drawn = noise if samples > 1 and is_dense(weights) else draw
        return average(x, weights, bias, drawn(x, keep_prob, samples, rng))
