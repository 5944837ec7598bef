"""Mistakes that a student made who had read the statements alone, and whose causes were told
wrongly, or not at all."""

import math

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.backward import classic_dropout_backward as classic
from tests.mutants.backward import inverted_dropout_backward as inverted
from tests.mutants.ensembles import ensemble_means as means
from tests.mutants.ensembles import mc_dropout_prediction as sampling
from tests.mutants.ensembles import probit_prediction as probit
from tests.mutants.ensembles import weight_scaled_prediction as scaled
from tests.mutants.ensembles.shared import ensemble, softmax


class Inverted(Mutants, of="inverted_dropout_backward"):
    @inverted.inverted((inverted.SCALE, inverted.AT_TEST), "backward_turns_the_sign")
    def returns_the_step_downhill(dout, cache):
        """Turns the sign, for the step that an optimiser would take."""
        return -dout * (cache["mask"] / cache["p"] if cache["training"] else 1)

    @inverted.inverted(
        (inverted.SCALE, inverted.AT_TEST), "backward_averages_over_rows"
    )
    def divides_by_the_rows(dout, cache):
        """Divides by the number of rows, for the mean in the loss, which did so before."""
        return (
            dout * (cache["mask"] / cache["p"] if cache["training"] else 1) / len(dout)
        )


class Classic(Mutants, of="classic_dropout_backward"):
    @classic.classic((classic.C_SCALE, classic.C_AT_TEST), "backward_turns_the_sign")
    def returns_the_classic_step_downhill(dout, cache):
        """Turns the sign, for the step that an optimiser would take."""
        return -dout * (cache["mask"] if cache["training"] else cache["p"])


class Sampling(Mutants, of="mc_dropout_prediction"):
    @fails(sampling.MEMBER, "counts_samples_wrongly")
    def leaves_out_a_sample(x, weights, bias, keep_prob, samples, rng):
        """Loops over range(samples - 1), so that one sample stops at none."""
        masks = sampling.draw(x, keep_prob, samples, rng)[1:]
        return softmax(masks * x @ weights + bias).sum(axis=0) / samples

    @fails(sampling.MEMBER, "counts_samples_wrongly")
    def takes_a_sample_more(x, weights, bias, keep_prob, samples, rng):
        """Averages samples + 1 masks, where it stops one late."""
        masks = sampling.draw(x, keep_prob, samples + 1, rng)
        return sampling.average(x, weights, bias, masks)

    @fails(sampling.MEMBER, "divides_by_another_number")
    def halves_its_running_mean(x, weights, bias, keep_prob, samples, rng):
        """Begins (mean + new) / 2 with a mean of 0: the sum of all weights is below 1."""
        prediction = 0.0
        for mask in sampling.draw(x, keep_prob, samples, rng):
            prediction = (prediction + softmax(mask * x @ weights + bias)) / 2
        return prediction

    @fails(sampling.MEMBER, "takes_one_for_a_drop_probability")
    def keeps_above_keep_prob(x, weights, bias, keep_prob, samples, rng):
        """Writes > for <, so that at keep_prob 1 it drops everything."""
        masks = rng.random((samples, *x.shape)) > keep_prob
        return sampling.average(x, weights, bias, masks / keep_prob)

    @fails(sampling.MEMBER, "drops_the_bias")
    def masks_the_bias_too(x, weights, bias, keep_prob, samples, rng):
        """Drops entries of the bias too, as an input that is always 1."""
        masks = sampling.draw(x, keep_prob, samples, rng)
        kept = (rng.random((samples, 1, len(bias))) < keep_prob) / keep_prob
        return softmax(masks * x @ weights + bias * kept).mean(axis=0)

    @fails(sampling.AVERAGE, "drops_what_is_dropped")
    def overwrites_x_in_the_loop(x, weights, bias, keep_prob, samples, rng):
        """Assigns the dropped input to x, from which the next sample drops again."""
        masks = sampling.draw(x, keep_prob, samples, rng).cumprod(axis=0)
        return sampling.average(x, weights, bias, masks)


class Means(Mutants, of="ensemble_means"):
    @fails(means.LARGE, "clips_large_logits")
    def takes_logarithms_of_sums_that_overflow(x, weights, bias, keep_prob):
        """Subtracts log(sum(exp(z))) from z: where the sum overflows, minus infinity."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        with np.errstate(all="ignore"):
            logs = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
        return (
            means.mean(chance, np.exp(logs)),
            softmax(means.mean(chance, means.log_softmax(z))),
        )

    @fails(means.GEOMETRIC, "normalises_over_another_axis")
    def renormalises_over_the_rows(x, weights, bias, keep_prob):
        """Divides the geometric mean by its sum over the rows, after each row's shift."""
        chance, z = ensemble(x, weights, bias, keep_prob)
        logs = means.mean(chance, means.log_softmax(z))
        e = np.exp(logs - logs.max(axis=1, keepdims=True))
        return means.mean(chance, softmax(z)), e / e.sum(axis=0)


class Scaled(Mutants, of="weight_scaled_prediction"):
    @fails(scaled.MEAN_LOGITS, "normalises_over_another_axis")
    def shifts_rows_and_divides_by_columns(x, weights, bias, keep_prob):
        """Subtracts each row's maximum and sums along axis 0."""
        z = keep_prob * x @ weights + bias
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=0)

    @fails(scaled.MEAN_LOGITS, "returns_logits")
    def stops_after_the_shift(x, weights, bias, keep_prob):
        """Subtracts the largest of the logits and forgets the softmax after that."""
        z = keep_prob * x @ weights + bias
        return z - z.max(axis=1, keepdims=True)


class Probit(Mutants, of="probit_prediction"):
    @fails(probit.FORMULA, "another_sum_in_the_variance")
    def takes_the_variance_over_the_rows(x, weights, bias, keep_prob):
        """Takes the mean square of the logits over the rows for that over the masks."""
        z = x @ weights
        return probit.corrected(z + bias, z.var())

    @fails(probit.FORMULA, "another_constant_than_pi_over_eight")
    def multiplies_by_eight(x, weights, bias, keep_prob):
        """Writes 8 pi for pi / 8."""
        variance = (1 / keep_prob - 1) * probit.squares(x, weights)
        return probit.sigmoid(
            (x @ weights + bias) / np.sqrt(1 + 8 * math.pi * variance)
        )
