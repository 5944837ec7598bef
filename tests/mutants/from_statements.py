"""Mistakes that a student made who had read the statements alone, and whose causes were told
wrongly, or not at all."""

import math

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.backward import classic_dropout_backward as classic
from tests.mutants.backward import dropout_ridge as ridge
from tests.mutants.backward import inverted_dropout_backward as inverted
from tests.mutants.conventions.shared import masked
from tests.mutants.energy import batchnorm_variance_ratio as ratio
from tests.mutants.ensembles import ensemble_means as means
from tests.mutants.ensembles import mc_dropout_prediction as sampling
from tests.mutants.ensembles import probit_prediction as probit
from tests.mutants.ensembles import weight_scaled_prediction as scaled
from tests.mutants.ensembles.shared import ensemble, every_mask, softmax
from tests.mutants.expectation import bernoulli_mask as bernoulli
from tests.mutants.expectation import dropout_moments as moments
from tests.mutants.expectation import effective_count as count
from tests.mutants.expectation import rescaled_sum_distribution as sums
from tests.mutants.noise import gaussian_dropout as noise
from tests.mutants.noise import spatial_dropout as spatial
from tests.mutants.practice import sequence_dropout as sequence
from tests.mutants.quantization import byte_dropout as byte
from tests.mutants.quantization import exact_count_dropout as exact
from tests.mutants.quantization import kept_count_distribution as counts


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

    @classic.classic(classic.C_AT_TEST, "test_gradient_has_the_drop_probability")
    def multiplies_by_the_drop_probability_at_test(dout, cache):
        """Multiplies by 1 - keep_prob after a forward pass at test, which has keep_prob."""
        return dout * (cache["mask"] if cache["training"] else 1 - cache["p"])


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
        kept = rng.random((samples, len(x), len(bias))) < keep_prob
        return softmax(masks * x @ weights + bias * kept / keep_prob).mean(axis=0)

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
            geometric = softmax(means.mean(chance, means.log_softmax(z)))
            return means.mean(chance, np.exp(logs)), geometric

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


class Ridge(Mutants, of="dropout_ridge"):
    @fails(ridge.MINIMISES, "penalty_of_the_variance")
    def penalises_by_the_variance(x, y, keep_prob):
        """Takes the variance of a column for its mean square."""
        return ridge.minimiser(x, y, (1 / keep_prob - 1) * len(x) * x.var(axis=0))

    @fails(ridge.MINIMISES, "adds_to_the_diagonal")
    def adds_a_millionth_to_the_diagonal(x, y, keep_prob):
        """Adds 1e-6 to the diagonal, for stability."""
        penalty = (1 / keep_prob - 1) * (x**2).sum(axis=0)
        return ridge.minimiser(x, y, penalty + 1e-6 * (keep_prob < 1))

    @fails(ridge.MINIMISES, "penalty_factor")
    def squares_the_odds(x, y, keep_prob):
        """Squares q / p, the penalty's factor, as a constant in front of a weight is."""
        return ridge.minimiser(x, y, (1 / keep_prob - 1) ** 2 * (x**2).sum(axis=0))

    @fails(ridge.MINIMISES, "adds_an_intercept")
    def centres_the_target(x, y, keep_prob):
        """Centres y alone, which a penalised fit with an intercept would do too."""
        penalty = (1 / keep_prob - 1) * (x**2).sum(axis=0)
        return ridge.minimiser(x, y - y.mean(), penalty)


class Ratio(Mutants, of="batchnorm_variance_ratio"):
    @fails(ratio.CENTRED, "takes_one_test_variance")
    def takes_the_variance_of_all_outputs(weights, x, keep_prob):
        """Forgets the axis in the test variance: one number for all units."""
        _, noise = ratio.parts(weights, x, keep_prob)
        test = (x @ weights).astype(float).var()
        return test / (test + noise)

    @fails(ratio.CENTRED, "swaps_keep_and_drop_in_the_noise")
    def divides_by_zero_at_one(weights, x, keep_prob):
        """Writes p / q in Python's numbers, which raises at keep_prob 1."""
        test, noise = ratio.parts(weights, x, 0.5)
        return test / (test + float(keep_prob) / (1 - float(keep_prob)) * noise)


class Counts(Mutants, of="kept_count_distribution"):
    @fails((counts.MANY, counts.EDGES), "loses_digits_for_many_units")
    def multiplies_int64_factorials(n, keep_prob):
        """Builds factorials with np.cumprod in int64, which wrap around beyond 20!."""
        factorial = np.concatenate([[1], np.cumprod(np.arange(1, n + 1))])
        with np.errstate(all="ignore"):
            ways = factorial[n] // (factorial * factorial[::-1])
        k = np.arange(n + 1)
        return ways * keep_prob**k * (1 - keep_prob) ** (n - k)

    @fails(counts.EDGES, "counts_the_dropped_units")
    def swaps_the_edges(n, keep_prob):
        """Has the exceptions for 0 and 1 the wrong way round."""
        if keep_prob in (0, 1):
            return np.eye(n + 1)[n if keep_prob == 0 else 0]
        return counts.by_logarithms(n, keep_prob)

    @fails(counts.CHANCES, "returns_logarithms")
    def forgets_the_last_exponential(n, keep_prob):
        """Adds up logarithms and returns them."""
        with np.errstate(all="ignore"):
            logs = np.log(counts.by_logarithms(n, keep_prob))
        return np.maximum(logs, -1e300)


class Sums(Mutants, of="rescaled_sum_distribution"):
    @fails(sums.SUMS, "lists_some_masks_only")
    def draws_masks_of_many_units(x, keep_prob):
        """Draws 5,000 masks: of few units all, of many those that come."""
        masks = np.random.default_rng(0).random((5000, len(x))) < keep_prob
        values, times = np.unique((masks @ x).round(9) / keep_prob, return_counts=True)
        return values, times / 5000

    @fails(sums.SUMS, "averages_what_is_kept")
    def lists_the_counts_alone(x, keep_prob):
        """Takes the number of kept units for all that matters, of equal units."""
        n, k = len(x), np.arange(len(x) + 1)
        ways = np.array([math.comb(n, i) for i in k])
        chance = ways * keep_prob**k * (1 - keep_prob) ** (n - k)
        return k * x.mean() / keep_prob, chance

    @fails(sums.SUMS, "divides_by_the_root")
    def divides_the_sums_by_the_root(x, keep_prob):
        """Preserves the expected norm: divides by the square root of keep_prob."""
        masks = every_mask(len(x))
        kept = masks.sum(axis=1)
        chance = keep_prob**kept * (1 - keep_prob) ** (len(x) - kept)
        return masks @ x / math.sqrt(keep_prob), chance

    @fails((sums.TOTAL, sums.WEIGHTS), "multiplies_all_probabilities")
    def counts_a_dropped_unit_less(x, keep_prob):
        """Has n - K - 1 dropped units in the exponent, a number times the right ones."""
        masks = every_mask(len(x))
        kept = masks.sum(axis=1)
        chance = keep_prob**kept * (1 - keep_prob + 1e-300) ** (len(x) - kept - 1)
        return masks @ x / keep_prob, chance

    @fails(sums.TIES, "counts_kept_zeros_as_dropped")
    def counts_products_that_are_not_zero(x, keep_prob):
        """Counts the products that are not 0: of an entry 0 a kept unit looks dropped."""
        masks = every_mask(len(x))
        kept = (masks * x != 0).sum(axis=1)
        chance = keep_prob**kept * (1 - keep_prob) ** (len(x) - kept)
        return masks @ x / keep_prob, chance


class Count(Mutants, of="effective_count"):
    @fails(count.FORMULA, "averages_before_squaring")
    def squares_the_mean(x):
        """Takes the mean for the sum in the numerator."""
        return float(x.mean() ** 2 / (x**2).sum())

    @fails(count.FORMULA, "takes_a_root")
    def gives_the_root(x):
        """Divides the sum by the norm, and stops at the square root."""
        return float(abs(x.sum()) / np.sqrt((x**2).sum()))

    @fails(count.FORMULA, "forgets_to_square_the_sum")
    def drops_the_square_of_scaled_entries(x):
        """Divides by the largest entry first and drops the square of the sum."""
        x = x / np.abs(x).max()
        return float(x.sum() / (x**2).sum())


class Moments(Mutants, of="dropout_moments"):
    @fails((moments.MEAN, moments.VARIANCE), "swaps_mean_and_variance")
    def returns_the_variance_first(x, keep_prob):
        """Returns (variance, mean)."""
        return x**2 * (1 - keep_prob) / keep_prob, x.copy()

    @fails(moments.VARIANCE, "divides_the_variance_thrice")
    def divides_by_the_square(x, keep_prob):
        """Takes 1 - p for the variance of the mask and divides that by p squared."""
        return x.copy(), x**2 * (1 - keep_prob) / keep_prob**2

    @fails(moments.VARIANCE, "gives_a_negative_variance")
    def subtracts_the_wrong_way(x, keep_prob):
        """Subtracts the mean square from the squared mean: the wrong sign."""
        return x.copy(), x**2 - x**2 / keep_prob

    @fails(moments.VARIANCE, "forgets_to_square_x")
    def takes_the_size_for_the_square(x, keep_prob):
        """Writes |x|, linear in x, so that the variance is positive."""
        return x.copy(), np.abs(x) * (1 - keep_prob) / keep_prob


class Bernoulli(Mutants, of="bernoulli_mask"):
    @fails(bernoulli.OWN_BIT, "bits_depend_on_each_other")
    def multiplies_bits_of_units_and_rows(shape, keep_prob, rng):
        """Draws a bit for each unit and one for each row, both at the root of keep_prob:
        units of a row are dropped together more often than by chance."""
        root = math.sqrt(keep_prob)
        units, rows = rng.random(shape), rng.random((*shape[:-1], 1))
        return (units < root) & (rows < root)

    @fails(bernoulli.RATE, "keeps_a_fixed_number")
    def shuffles_a_fixed_number_in_each_call(shape, keep_prob, rng):
        """Shuffles a fixed number of ones over the whole mask, of a single unit as well."""
        units = np.arange(math.prod(shape)) < keep_prob * math.prod(shape)
        return rng.permutation(units).reshape(shape)


class Sequences(Mutants, of="sequence_dropout"):
    @fails(sequence.Q_TIED, "draws_a_mask_at_every_step")
    def draws_at_every_step_in_a_loop(x, keep_prob, rng, training=True):
        """Calls dropout in the loop over steps: a mask of the shape of x."""
        return masked(x, rng.random(x.shape) < keep_prob, keep_prob, training)

    @fails(sequence.Q_TIED, "drops_whole_steps")
    def draws_a_bit_for_each_step(x, keep_prob, rng, training=True):
        """Draws a bit for each step, of shape (T, 1, 1): a few words are lost whole."""
        mask = rng.random((len(x), 1, 1)) < keep_prob
        return masked(x, np.broadcast_to(mask, x.shape), keep_prob, training)


class Images(Mutants, of="spatial_dropout"):
    @fails(spatial.S_WHOLE, "drops_positions_in_all_channels")
    def draws_a_bit_for_each_position(x, keep_prob, rng, training=True):
        """Draws a mask of shape (N, 1, H, W), one pixel in all channels."""
        mask = rng.random((len(x), 1, *x.shape[2:])) < keep_prob
        return masked(x, np.broadcast_to(mask, x.shape), keep_prob, training)


class Noise(Mutants, of="gaussian_dropout"):
    @fails(noise.OWN, "noise_depends_on_the_value")
    def spreads_by_the_deviation_of_x(x, keep_prob, rng, training=True):
        """Multiplies the deviation by that of x, as for noise that is added: it looks at x."""
        if not training:
            return x, None
        spread = math.sqrt((1 - keep_prob) / keep_prob) * x.std()
        return x * rng.normal(1.0, spread, x.shape), None


class Layers(Mutants, of="inverted_dropout"):
    @fails("gives_every_unit_and_call_its_own_bit", "one_mask_for_all_rows")
    def draws_one_example(x, keep_prob, rng, training=True):
        """Draws a mask for one example, of shape x.shape[1:], for all rows."""
        mask = np.broadcast_to(rng.random(x.shape[1:]) < keep_prob, x.shape)
        return masked(x, mask, keep_prob, training)


class Exact(Mutants, of="exact_count_dropout"):
    @fails(exact.RATE, "keeps_with_drop_probability")
    def keeps_what_it_should_drop_in_rows(x, keep_prob, rng, training=True):
        """Writes > where < belongs, the wrong way."""
        mask = rng.random(x.shape) > keep_prob
        kept = mask.sum(axis=1, keepdims=True)
        return x * mask * x.shape[1] / np.maximum(kept, 1), None


class Bytes(Mutants, of="byte_dropout"):
    @fails((byte.NEAREST, byte.EVERYTHING), "threshold_does_not_fit_into_a_byte")
    def keeps_the_threshold_in_a_byte(x, keep_prob, rng):
        """Keeps the threshold itself in a byte, in which 256 becomes 0."""
        t = max(1, round(keep_prob * 256)) % 256
        mask = rng.integers(256, size=x.shape, dtype=np.uint8) < t
        with np.errstate(all="ignore"):
            return x * mask / np.float64(t / 256), t / 256
