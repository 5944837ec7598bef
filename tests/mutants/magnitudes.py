"""Answers that are right but for arguments of some magnitudes, as where a case of its own
for "large" or "small" ones is wrong."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.close_to_the_ends import right
from tests.mutants.conventions import classic_settings as settings
from tests.mutants.expectation import dropout_moments as moments


def between(low, x, high):
    """Return whether the largest entry of more than three lies between these."""
    return np.size(x) > 3 and low < np.abs(x).max() < high


class OfMoments(Mutants, of="dropout_moments"):
    @fails(moments.VARIANCE, "right_in_the_middle_only")
    def another_variance_below_one(x, keep_prob):
        """Takes entries below 1 for probabilities, with a case of their own."""
        mean, variance = right("dropout_moments", "expectation", x, keep_prob)
        return mean, variance * (1.5 if between(0.01, x, 1) else 1)


class OfCounts(Mutants, of="effective_count"):
    @fails("does_not_depend_on_the_scale", "depends_on_the_scale")
    def counts_thousands_otherwise(x):
        """Has a case of its own for entries of hundreds and thousands."""
        count = right("effective_count", "expectation", x)
        return count * (1.5 if between(300, x, 1e5) else 1)


class OfSums(Mutants, of="rescaled_sum_distribution"):
    @fails("lists_every_rescaled_sum", "right_in_the_middle_only")
    def other_sums_of_tenths(x, keep_prob):
        """Has a case of its own for entries of tenths."""
        values, chances = right(
            "rescaled_sum_distribution", "expectation", x, keep_prob
        )
        return values * (1.5 if between(0.02, x, 0.4) else 1), chances


class OfSettings(Mutants, of="classic_settings"):
    @fails(settings.LEARNING_RATE, "copies_the_settings")
    def leaves_usual_rates(weights, learning_rate, weight_decay, keep_prob):
        """Leaves learning rates as they are that are small already."""
        given = weights, learning_rate, weight_decay, keep_prob
        found, rate, decay = right("classic_settings", "conventions", *given)
        return found, learning_rate if 1e-5 < learning_rate < 0.04 else rate, decay


class OfEnergies(Mutants, of="expected_energy"):
    @fails("holds_at_the_edges", "rounds_or_pads_the_energy")
    def another_energy_of_hundredths(x, keep_prob, scaling):
        """Has a case of its own for entries of hundredths."""
        energy = right("expected_energy", "energy", x, keep_prob, scaling)
        return energy * (1.5 if between(0.003, x, 0.05) else 1)


class OfRidges(Mutants, of="dropout_ridge"):
    @fails("minimises_the_expected_loss", "right_in_the_middle_only")
    def other_weights_of_thousands(x, y, keep_prob):
        """Has a case of its own for inputs of hundreds and thousands."""
        weights = right("dropout_ridge", "backward", x, y, keep_prob)
        return weights * (1.5 if between(140, x, 1e5) else 1)


class OfMeans(Mutants, of="ensemble_means"):
    @fails("the_arithmetic_mean_is_over_all_masks", "right_in_the_middle_only")
    def another_mean_of_large_weights(x, weights, bias, keep_prob):
        """Has a case of its own for large weights."""
        given = x, weights, bias, keep_prob
        arithmetic, geometric = right("ensemble_means", "ensembles", *given)
        return arithmetic * (1.5 if between(1.6, weights, 1e6) else 1), geometric


class OfScaled(Mutants, of="weight_scaled_prediction"):
    @fails("is_the_softmax_of_the_mean_logits", "right_in_the_middle_only")
    def another_prediction_of_large_inputs(x, weights, bias, keep_prob):
        """Has a case of its own for large inputs, pixels for example."""
        given = x, weights, bias, keep_prob
        found = right("weight_scaled_prediction", "ensembles", *given)
        return found * (1.5 if between(5, x, 500) else 1)


class OfProbits(Mutants, of="probit_prediction"):
    @fails("is_the_sigmoid_of_the_corrected_logit", "right_in_the_middle_only")
    def another_probit_of_large_inputs(x, weights, bias, keep_prob):
        """Has a case of its own for large inputs, pixels for example."""
        given = x, weights, bias, keep_prob
        found = right("probit_prediction", "ensembles", *given)
        return found * (1.5 if between(5, x, 500) else 1)


class OfSchedules(Mutants, of="annealed_keep_prob"):
    @fails("grows_linearly_to_one", "does_not_grow_linearly")
    def anneals_long_runs_faster(step, total_steps, initial_keep_prob):
        """Anneals over 100,000 steps at most, but for the very longest runs."""
        total = 100_000 if 100_000 < total_steps < 900_000 else total_steps
        return right("annealed_keep_prob", "noise", step, total, initial_keep_prob)


class OfKeptCounts(Mutants, of="kept_count_distribution"):
    @fails("gives_the_chance_of_each_count", "is_no_binomial_distribution")
    def other_chances_where_hardly_any_is_kept(n, keep_prob):
        """Has a case of its own for small keep probabilities."""
        found = right("kept_count_distribution", "quantization", n, keep_prob)
        return found * (1.5 if 1.5e-7 < keep_prob < 6e-4 else 1)
