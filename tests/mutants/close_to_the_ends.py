"""Answers that are right but for keep probabilities close to 0 or to 1, and for units that
are nearly the same in every row."""

import numpy as np

from tests.bank import Mutants, fails, solution
from tests.mutants.conventions import classic_settings as settings
from tests.mutants.conventions import inverted_dropout as inverted
from tests.mutants.expectation import dropout_moments as moments
from tests.mutants.kinds import KIND, bits


def right(name, chapter, *given):
    return solution(chapter)[name](*given)


class OfMoments(Mutants, of="dropout_moments"):
    @fails(moments.VARIANCE, "right_in_the_middle_only")
    def moments_from_a_thousandth_on(x, keep_prob):
        """Bounds keep_prob by 0.001, against a division by nearly 0."""
        return right("dropout_moments", "expectation", x, max(keep_prob, 1e-3))

    @fails(moments.VARIANCE, "right_in_the_middle_only")
    def no_variance_where_nearly_all_is_kept(x, keep_prob):
        """Has a case of its own for keep_prob above 0.999: no noise."""
        near = 1.0 if keep_prob > 0.999 else keep_prob
        return right("dropout_moments", "expectation", x, near)


class OfSums(Mutants, of="rescaled_sum_distribution"):
    @fails("lists_every_rescaled_sum", "right_in_the_middle_only")
    def sums_from_a_thousandth_on(x, keep_prob):
        """Bounds keep_prob by 0.001, against a division by nearly 0."""
        near = max(keep_prob, 1e-3)
        return right("rescaled_sum_distribution", "expectation", x, near)


class OfSettings(Mutants, of="classic_settings"):
    @fails(settings.WEIGHTS, "bounds_or_rounds_a_setting")
    def settings_from_a_thousandth_on(weights, learning_rate, weight_decay, keep_prob):
        """Keeps the divisor at 0.001 or more, away from 0."""
        given = weights, learning_rate, weight_decay, max(keep_prob, 1e-3)
        return right("classic_settings", "conventions", *given)


class OfEnergies(Mutants, of="expected_energy"):
    @fails("holds_at_the_edges", "multiplies_the_energy_by_another_factor")
    def energy_rounds_a_keep_prob_near_one(x, keep_prob, scaling):
        """Rounds keep_prob to four digits where it is above 0.999."""
        near = round(keep_prob, 4) if keep_prob > 0.999 else keep_prob
        return right("expected_energy", "energy", x, near, scaling)


class OfRatios(Mutants, of="batchnorm_variance_ratio"):
    @fails("is_one_without_dropout", "right_in_the_middle_only")
    def takes_a_small_share_for_none(weights, x, keep_prob):
        """Takes a test variance below 1e-6 of the mean square for 0, a rounding error."""
        found = right("batchnorm_variance_ratio", "energy", weights, x, keep_prob)
        units = x.astype(float) @ weights
        return np.where(units.var(0) < 1e-6 * (units**2).mean(0), 0.0, found)


class OfProbits(Mutants, of="probit_prediction"):
    @fails("is_the_sigmoid_of_the_corrected_logit", "right_in_the_middle_only")
    def probits_from_a_thousandth_on(x, weights, bias, keep_prob):
        """Bounds keep_prob by 0.001, against a division by nearly 0."""
        given = x, weights, bias, max(keep_prob, 1e-3)
        return right("probit_prediction", "ensembles", *given)

    @fails("is_the_sigmoid_of_the_corrected_logit", "right_in_the_middle_only")
    def no_correction_where_nearly_all_is_kept(x, weights, bias, keep_prob):
        """Has a case of its own for keep_prob above 0.999: no noise."""
        given = x, weights, bias, 1.0 if keep_prob > 0.999 else keep_prob
        return right("probit_prediction", "ensembles", *given)


class OfScaled(Mutants, of="weight_scaled_prediction"):
    @fails("is_the_softmax_of_the_mean_logits", "right_in_the_middle_only")
    def scales_from_a_thousandth_on(x, weights, bias, keep_prob):
        """Bounds keep_prob by 0.001, as no network is trained with less."""
        given = x, weights, bias, max(keep_prob, 1e-3)
        return right("weight_scaled_prediction", "ensembles", *given)


class OfMeans(Mutants, of="ensemble_means"):
    @fails("the_arithmetic_mean_is_over_all_masks", "right_in_the_middle_only")
    def gives_up_below_a_thousandth(x, weights, bias, keep_prob):
        """Has a case of its own for keep_prob below 0.001: all classes alike."""
        if keep_prob < 1e-3:
            alike = np.full((len(x), len(bias)), 1 / len(bias))
            return alike, alike.copy()
        return right("ensemble_means", "ensembles", x, weights, bias, keep_prob)


class OfCounts(Mutants, of="kept_count_distribution"):
    @fails("one_count_is_certain_at_zero_and_one", "fails_at_keep_prob_zero_or_one")
    def takes_a_billionth_for_none(n, keep_prob):
        """Takes a keep_prob below 1e-9 for 0, which shows where there are many units."""
        near = 0.0 if keep_prob < 1e-9 else keep_prob
        return right("kept_count_distribution", "quantization", n, near)


class OfSchedules(Mutants, of="annealed_keep_prob"):
    @fails("starts_at_the_initial_value", "starts_from_another_value")
    def starts_from_a_little(step, total_steps, initial_keep_prob):
        """Bounds the initial value by 1e-5 from below, so that something is kept."""
        given = step, total_steps, max(initial_keep_prob, 1e-5)
        return right("annealed_keep_prob", "noise", *given)


class OfRidges(Mutants, of="dropout_ridge"):
    @fails("minimises_the_expected_loss", "right_in_the_middle_only")
    def ridge_from_a_little_on(x, y, keep_prob):
        """Bounds keep_prob by 1e-5 from below, against a division by nearly 0."""
        return right("dropout_ridge", "backward", x, y, max(keep_prob, 1e-5))


class OfInverted(Mutants, of="inverted_dropout"):
    @inverted.draws(inverted.RATE, KIND)
    def drops_nothing_from_97_percent_on(x, keep_prob, rng):
        """Spares units where keep_prob is from 0.97 to 0.998."""
        return bits(x, 1.0 if 0.97 < keep_prob < 0.998 else keep_prob, rng)

    @inverted.draws(inverted.RATE, KIND)
    def keeps_three_percent_at_least(x, keep_prob, rng):
        """Spares units below a keep_prob of 0.03: bounds it there, but at its end."""
        return bits(x, max(keep_prob, 0.03) if keep_prob > 0.0021 else keep_prob, rng)
