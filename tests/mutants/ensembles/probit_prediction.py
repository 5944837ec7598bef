"""Wrong answers to ``probit_prediction``, each named after its sin."""

import math

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.ensembles.shared import chances, every_mask, mean

ONE_FLOAT = "returns_one_float_for_each_row"
FORMULA = "is_the_sigmoid_of_the_corrected_logit"
UNIT_LARGE = "the_sigmoid_survives_large_logits"
UNIT_ALONE = "the_correction_leaves_its_arguments_alone"


def sigmoid(z):
    return np.exp(-np.logaddexp(0, -z))


def squares(x, weights):
    return ((x * weights) ** 2).sum(axis=1)


def corrected(mean, variance, constant=math.pi / 8):
    return sigmoid(mean / np.sqrt(1 + constant * variance))


class Sins(Mutants, of="probit_prediction"):
    @fails(ONE_FLOAT, "returns_nothing")
    def correction_without_return(x, weights, bias, keep_prob):
        """Forgets the return statement."""
        corrected(x @ weights + bias, (1 / keep_prob - 1) * squares(x, weights))

    @fails(ONE_FLOAT, "returns_another_shape")
    def returns_a_column(x, weights, bias, keep_prob):
        """Keeps the last axis, as of a layer with one unit."""
        mean = x @ weights + bias
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return corrected(mean, variance)[:, None]

    @fails(ONE_FLOAT, "returns_no_floats")
    def returns_decisions(x, weights, bias, keep_prob):
        """Returns whether the probability is above one half."""
        return x @ weights + bias > 0

    @fails(ONE_FLOAT, "answers_at_random")
    def samples_the_mean(x, weights, bias, keep_prob):
        """Averages over drawn masks instead of using the formula."""
        masks = np.random.default_rng().random((200, *x.shape)) < keep_prob
        return sigmoid(masks * x / keep_prob @ weights + bias).mean(axis=0)

    @fails(FORMULA, "leaves_out_the_correction")
    def weight_scaling_alone(x, weights, bias, keep_prob):
        """Predicts in one pass, with the mean logit."""
        return sigmoid(x @ weights + bias)

    @fails(FORMULA, "puts_in_the_standard_deviation")
    def standard_deviation_for_variance(x, weights, bias, keep_prob):
        """Follows the paper before its erratum."""
        deviation = np.sqrt((1 / keep_prob - 1) * squares(x, weights))
        return corrected(x @ weights + bias, deviation)

    @fails(FORMULA, "another_factor_of_the_variance")
    def variance_of_the_bare_mask(x, weights, bias, keep_prob):
        """Takes p(1 - p), the variance of m, for that of m / p."""
        variance = keep_prob * (1 - keep_prob) * squares(x, weights)
        return corrected(x @ weights + bias, variance)

    @fails(FORMULA, "another_factor_of_the_variance")
    def second_moment_for_variance(x, weights, bias, keep_prob):
        """Takes 1 / p, the mean of (m / p)^2, for its variance."""
        return corrected(x @ weights + bias, squares(x, weights) / keep_prob)

    @fails(FORMULA, "another_factor_of_the_variance")
    def divides_the_variance_once(x, weights, bias, keep_prob):
        """Divides the variance of m by p once and not twice."""
        return corrected(x @ weights + bias, (1 - keep_prob) * squares(x, weights))

    @fails(FORMULA, "another_factor_of_the_variance")
    def swaps_the_odds(x, weights, bias, keep_prob):
        """Writes p / (1 - p) for (1 - p) / p."""
        odds = keep_prob / max(1 - keep_prob, 1e-9)
        return corrected(x @ weights + bias, odds * squares(x, weights))

    @fails(FORMULA, "another_factor_of_the_variance")
    def forgets_keep_prob_in_the_variance(x, weights, bias, keep_prob):
        """Takes the sum of squares for the variance."""
        return corrected(x @ weights + bias, squares(x, weights))

    @fails(FORMULA, "squares_the_sum_of_the_terms")
    def squares_the_mean_logit(x, weights, bias, keep_prob):
        """Squares after summing."""
        variance = (1 / keep_prob - 1) * (x @ weights) ** 2
        return corrected(x @ weights + bias, variance)

    @fails(FORMULA, "another_sum_in_the_variance")
    def gives_the_bias_a_variance(x, weights, bias, keep_prob):
        """Treats the bias as the weight of one more unit that is dropped."""
        variance = (1 / keep_prob - 1) * (squares(x, weights) + bias**2)
        return corrected(x @ weights + bias, variance)

    @fails(FORMULA, "another_sum_in_the_variance")
    def sums_over_all_rows(x, weights, bias, keep_prob):
        """Forgets the axis in the sum."""
        variance = (1 / keep_prob - 1) * ((x * weights) ** 2).sum()
        return corrected(x @ weights + bias, variance)

    @fails(FORMULA, "another_sum_in_the_variance")
    def averages_over_the_units(x, weights, bias, keep_prob):
        """Takes the mean of the squares, not their sum."""
        variance = (1 / keep_prob - 1) * ((x * weights) ** 2).mean(axis=1)
        return corrected(x @ weights + bias, variance)

    @fails(FORMULA, "another_sum_in_the_variance")
    def sums_squares_apart(x, weights, bias, keep_prob):
        """Multiplies the sum of squared inputs with that of squared weights."""
        variance = (1 / keep_prob - 1) * (x**2).sum(axis=1) * (weights**2).sum()
        return corrected(x @ weights + bias, variance)

    @fails(FORMULA, "another_sum_in_the_variance")
    def forgets_the_inputs_in_the_variance(x, weights, bias, keep_prob):
        """Uses the weights alone, as if all activations were 1."""
        variance = (1 / keep_prob - 1) * (weights**2).sum()
        return corrected(x @ weights + bias, variance)

    @fails(FORMULA, "another_constant_than_pi_over_eight")
    def forgets_the_constant(x, weights, bias, keep_prob):
        """Remembers 1 + s^2 without the factor of pi."""
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return corrected(x @ weights + bias, variance, 1)

    @fails(FORMULA, "another_constant_than_pi_over_eight")
    def uses_the_logistic_variance(x, weights, bias, keep_prob):
        """Matches the variances of logistic and normal, which gives 3 / pi^2."""
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return corrected(x @ weights + bias, variance, 3 / math.pi**2)

    @fails(FORMULA, "another_constant_than_pi_over_eight")
    def squares_pi(x, weights, bias, keep_prob):
        """Squares lambda's pi together with s."""
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return corrected(x @ weights + bias, variance, math.pi**2 / 8)

    @fails(FORMULA, "forgets_the_square_root")
    def divides_without_the_root(x, weights, bias, keep_prob):
        """Divides by 1 + pi s^2 / 8."""
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return sigmoid((x @ weights + bias) / (1 + math.pi * variance / 8))

    @fails(FORMULA, "multiplies_by_the_correction")
    def multiplies_by_the_root(x, weights, bias, keep_prob):
        """Multiplies where the formula divides."""
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return sigmoid((x @ weights + bias) * np.sqrt(1 + math.pi * variance / 8))

    @fails(FORMULA, "leaves_the_bias_outside")
    def adds_the_bias_at_the_end(x, weights, bias, keep_prob):
        """Divides x @ weights and adds the bias, which has no noise."""
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return sigmoid(x @ weights / np.sqrt(1 + math.pi * variance / 8) + bias)

    @fails(FORMULA, "forgets_the_bias")
    def corrects_without_bias(x, weights, bias, keep_prob):
        """Forgets the bias in the mean."""
        return corrected(x @ weights, (1 / keep_prob - 1) * squares(x, weights))

    @fails(FORMULA, "rescales_the_mean_logit")
    def scales_the_mean_as_classic(x, weights, bias, keep_prob):
        """Multiplies the mean by keep_prob, as for classic dropout."""
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return corrected(keep_prob * x @ weights + bias, variance)

    @fails(FORMULA, "rescales_the_mean_logit")
    def divides_the_mean_by_keep_prob(x, weights, bias, keep_prob):
        """Divides the mean by keep_prob, as each member does."""
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return corrected((x @ weights + bias) / keep_prob, variance)

    @fails(FORMULA, "leaves_the_normal_distribution_function")
    def ends_with_the_normal_distribution(x, weights, bias, keep_prob):
        """Stops at the probit, one line before the end of the derivation."""
        k = math.pi / 8
        variance = (1 / keep_prob - 1) * squares(x, weights)
        z = math.sqrt(k) * (x @ weights + bias) / np.sqrt(1 + k * variance)
        return np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in z])

    @fails(FORMULA, "returns_logits")
    def returns_the_corrected_logit(x, weights, bias, keep_prob):
        """Forgets the sigmoid."""
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return (x @ weights + bias) / np.sqrt(1 + math.pi * variance / 8)

    @fails(FORMULA, "gives_the_other_class")
    def forgets_the_minus_in_the_sigmoid(x, weights, bias, keep_prob):
        """Writes 1 / (1 + exp(z))."""
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return 1 - corrected(x @ weights + bias, variance)

    @fails(FORMULA, "enumerates_the_members")
    def averages_over_all_masks(x, weights, bias, keep_prob):
        """Enumerates the masks while there are few, because that is exact."""
        if x.shape[1] > 12:
            variance = (1 / keep_prob - 1) * squares(x, weights)
            return corrected(x @ weights + bias, variance)
        masks = every_mask(x.shape[1])
        z = masks[:, None] * x / keep_prob @ weights + bias
        return mean(chances(masks, keep_prob), sigmoid(z))

    @fails(FORMULA, "expands_to_second_order")
    def uses_the_second_order_formula(x, weights, bias, keep_prob):
        """Uses the formula of the section before."""
        at = sigmoid(x @ weights + bias)
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return at + at * (1 - at) * (1 - 2 * at) * variance / 2

    @fails(UNIT_LARGE, "sigmoid_overflows")
    def sigmoid_of_two_exponentials(x, weights, bias, keep_prob):
        """Writes exp(z) / (1 + exp(z))."""
        variance = (1 / keep_prob - 1) * squares(x, weights)
        z = (x @ weights + bias) / np.sqrt(1 + math.pi * variance / 8)
        return np.exp(z) / (1 + np.exp(z))

    @fails(UNIT_LARGE, "clips_large_mean_logits")
    def clips_the_mean_logit(x, weights, bias, keep_prob):
        """Clips the mean logit at ±30, where a sigmoid is 0 or 1 anyway."""
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return corrected(np.clip(x @ weights + bias, -30, 30), variance)

    @fails(UNIT_LARGE, "loses_digits")
    def clips_the_probability(x, weights, bias, keep_prob):
        """Clips the probability at 1e-7, for the logarithm that others take."""
        variance = (1 / keep_prob - 1) * squares(x, weights)
        return np.clip(corrected(x @ weights + bias, variance), 1e-7, 1 - 1e-7)

    @fails(FORMULA, "right_in_the_middle_only")
    def bounds_the_variance(x, weights, bias, keep_prob):
        """Guards the division by keep_prob with a floor."""
        variance = (1 - keep_prob) / max(keep_prob, 0.05) * squares(x, weights)
        return corrected(x @ weights + bias, variance)

    @fails(FORMULA, "leaves_out_the_correction")
    def corrects_noisy_units_only(x, weights, bias, keep_prob):
        """Leaves the correction out where hardly anything is dropped."""
        variance = (1 / keep_prob - 1) * squares(x, weights) * (keep_prob < 0.96)
        return corrected(x @ weights + bias, variance)

    @fails(FORMULA, "right_in_the_middle_only")
    def takes_inputs_for_positive(x, weights, bias, keep_prob):
        """Reads the mean off the activations, which a ReLU has left positive."""
        if (x <= 0).all():
            x = -x
        return corrected(x @ weights + bias, (1 / keep_prob - 1) * squares(x, weights))

    @fails(UNIT_ALONE, "changes_its_input")
    def squares_in_place(x, weights, bias, keep_prob):
        """Squares x in place once the mean is known."""
        mean = x @ weights + bias
        x **= 2
        return corrected(mean, (1 / keep_prob - 1) * x @ weights**2)

    @fails(UNIT_ALONE, "changes_its_input")
    def squares_the_weights_in_place(x, weights, bias, keep_prob):
        """Squares the weights in place once the mean is known."""
        mean = x @ weights + bias
        weights *= weights
        return corrected(mean, (1 / keep_prob - 1) * x**2 @ weights)
