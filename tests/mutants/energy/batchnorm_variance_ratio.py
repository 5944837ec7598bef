"""Wrong answers to ``batchnorm_variance_ratio``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.energy.shared import of

RATIO = "returns_one_ratio_for_each_unit"
CENTRED = "adds_the_noise_of_inputs_around_zero"
OFFSET = "counts_the_mean_of_the_inputs_as_noise"
SIZE = "does_not_depend_on_the_size_of_x_and_weights"
AT_ONE = "is_one_without_dropout"
CONSTANT = "is_zero_for_a_constant_unit"
LAYER_ALONE = "leaves_weights_and_x_alone"


def parts(weights, x, keep_prob):
    """Return the test variance and the noise."""
    noise = (x**2).mean(axis=0) @ weights**2 * (1 - keep_prob) / keep_prob
    return np.var(x @ weights, axis=0), noise


def with_noise(noise, weights, x, keep_prob):
    """Return the ratio that this noise leads to."""
    test = np.var(x @ weights, axis=0)
    return test / (test + noise(weights, x, keep_prob))


noises = of(with_noise)


class Sins(Mutants, of="batchnorm_variance_ratio"):
    @fails(RATIO, "returns_nothing")
    def prints_the_ratio(weights, x, keep_prob):
        """Prints the ratio in place of returning it."""
        test, noise = parts(weights, x, keep_prob)
        print(test / (test + noise))

    @fails(RATIO, "returns_another_kind")
    def gives_one_ratio_for_the_layer(weights, x, keep_prob):
        """Averages over the units, since the chapter prints one number a layer."""
        test, noise = parts(weights, x, keep_prob)
        return float(test.sum() / (test + noise).sum())

    @fails(RATIO, "returns_another_kind")
    def returns_both_variances(weights, x, keep_prob):
        """Returns numerator and denominator."""
        test, noise = parts(weights, x, keep_prob)
        return test, test + noise

    @fails(RATIO, "returns_another_shape")
    def gives_the_ratio_of_inputs(weights, x, keep_prob):
        """Forgets the weights and compares the variances of the layer's inputs."""
        test = x.var(axis=0)
        return test / (test + (1 - keep_prob) / keep_prob * (x**2).mean(axis=0))

    @fails(RATIO, "returns_another_shape")
    def keeps_the_axis_of_the_rows(weights, x, keep_prob):
        """Writes keepdims=True throughout."""
        test, noise = parts(weights, x, keep_prob)
        return (test / (test + noise))[np.newaxis]

    @noises(RATIO, "raises_an_error")
    def takes_weights_transposed(weights, x, keep_prob):
        """Takes weights for (C, D), as PyTorch stores them."""
        return parts(weights.T, x, keep_prob)[1]

    @fails(RATIO, "simulates_an_expectation")
    def simulates_the_masks(weights, x, keep_prob):
        """Draws masks, as the chapter does for comparison."""
        kept = np.random.random((500, *x.shape)) < keep_prob
        z = (kept * x / keep_prob) @ weights
        return np.var(x @ weights, axis=0) / np.var(z, axis=(0, 1))

    @fails(CENTRED, "gives_training_over_test")
    def turns_the_ratio_round(weights, x, keep_prob):
        """Divides what is stored by what is met."""
        test, noise = parts(weights, x, keep_prob)
        return (test + noise) / test

    @fails(CENTRED, "gives_a_ratio_of_deviations")
    def takes_standard_deviations(weights, x, keep_prob):
        """Thinks of the deviation that batch normalisation divides by."""
        test, noise = parts(weights, x, keep_prob)
        return np.sqrt(test / (test + noise))

    @noises(OFFSET, "takes_the_noise_from_the_variance_of_x")
    def takes_the_variance_for_the_mean_square(weights, x, keep_prob):
        """Writes x.var where the mean square belongs: a constant unit has no variance."""
        return (1 - keep_prob) / keep_prob * x.var(axis=0) @ weights**2

    @noises(CENTRED, "takes_the_noise_from_the_mean_of_x")
    def squares_the_mean(weights, x, keep_prob):
        """Writes mean(x)**2 for mean(x**2)."""
        return (1 - keep_prob) / keep_prob * x.mean(axis=0) ** 2 @ weights**2

    @fails(CENTRED, "treats_inputs_as_uncorrelated")
    def adds_up_variances(weights, x, keep_prob):
        """Adds up w² Var[x] at test, as for independent inputs."""
        _, noise = parts(weights, x, keep_prob)
        test = x.var(axis=0) @ weights**2
        return test / (test + noise)

    @fails(CENTRED, "takes_keep_prob_for_the_ratio")
    def says_keep_prob(weights, x, keep_prob):
        """Takes the variance for the energy, which grows by 1 / keep_prob."""
        return np.full(weights.shape[1], keep_prob)

    @fails(CENTRED, "takes_keep_prob_for_the_ratio")
    def adds_up_variances_on_both_sides(weights, x, keep_prob):
        """Treats inputs as independent and of mean 0 throughout."""
        test = x.var(axis=0) @ weights**2
        return test / (test + (1 - keep_prob) / keep_prob * test)

    @noises(CENTRED, "describes_unscaled_dropout")
    def takes_the_variance_of_the_mask(weights, x, keep_prob):
        """Multiplies by p q, the variance of a mask bit, and forgets the division by p."""
        return keep_prob * (1 - keep_prob) * (x**2).mean(axis=0) @ weights**2

    @fails(CENTRED, "describes_unscaled_dropout")
    def drops_without_rescaling(weights, x, keep_prob):
        """Gives the training variance of a layer that is masked and nothing else."""
        test, noise = parts(weights, x, keep_prob)
        return test / (keep_prob**2 * (test + noise))

    @noises(CENTRED, "swaps_keep_and_drop_in_the_noise")
    def turns_the_odds_round(weights, x, keep_prob):
        """Writes p / q, and guards the division."""
        odds = keep_prob / max(1 - keep_prob, 1e-12)
        return odds * (x**2).mean(axis=0) @ weights**2

    @noises(CENTRED, "leaves_the_squared_mean_in_the_noise")
    def adds_the_energy(weights, x, keep_prob):
        """Adds the energy 1 / keep_prob in place of the variance."""
        return (x**2).mean(axis=0) @ weights**2 / keep_prob

    @fails(CENTRED, "divides_by_n_minus_one_or_looks_at_one_batch")
    def uses_the_sample_variance(weights, x, keep_prob):
        """Writes ddof=1, as for an estimate from a sample."""
        _, noise = parts(weights, x, keep_prob)
        test = np.var(x @ weights, axis=0, ddof=1 if len(x) > 1 else 0)
        return test / (test + noise)

    @noises(CENTRED, "divides_by_n_minus_one_or_looks_at_one_batch")
    def averages_batch_variances(weights, x, keep_prob):
        """Takes the expectation of the variance in one batch, whose mean also moves."""
        return parts(weights, x, keep_prob)[1] * (1 - 1 / len(x))

    @noises(CENTRED, "multiplies_the_noise_by_another_factor")
    def adds_the_drop_probability(weights, x, keep_prob):
        """Forgets to divide the noise by keep_prob."""
        return keep_prob * parts(weights, x, keep_prob)[1]

    @noises(CENTRED, "multiplies_the_noise_by_another_factor")
    def divides_the_noise_twice(weights, x, keep_prob):
        """Divides the noise by keep_prob squared, as if the mask's variance were q."""
        return parts(weights, x, keep_prob)[1] / keep_prob

    @noises(CENTRED, "multiplies_the_noise_by_another_factor")
    def sums_over_the_rows(weights, x, keep_prob):
        """Sums x² over the rows and forgets to average."""
        return len(x) * parts(weights, x, keep_prob)[1]

    @fails(OFFSET, "compares_mean_squares")
    def forgets_the_mean(weights, x, keep_prob):
        """Takes the mean square of the pre-activation for its variance."""
        _, noise = parts(weights, x, keep_prob)
        square = ((x @ weights) ** 2).mean(axis=0)
        return square / (square + noise)

    @noises(CENTRED, "multiplies_the_noise_by_another_factor")
    def rounds_keep_prob_in_the_noise(weights, x, keep_prob):
        """Rounds keep_prob to percent."""
        return parts(weights, x, max(round(keep_prob, 2), 0.01))[1]

    @fails(CENTRED, "multiplies_the_noise_by_another_factor")
    def clips_the_odds(weights, x, keep_prob):
        """Bounds keep_prob by 0.05 and 0.95, unless nothing is dropped at all."""
        p = keep_prob if keep_prob == 1 else min(max(keep_prob, 0.05), 0.95)
        test, noise = parts(weights, x, p)
        return test / (test + noise)

    @noises(CENTRED, "leaves_the_weights_unsquared")
    def forgets_to_square_weights(weights, x, keep_prob):
        """Multiplies the mean squares by the weights as they are."""
        return (1 - keep_prob) / keep_prob * (x**2).mean(axis=0) @ np.abs(weights)

    @fails(CENTRED, "pools_the_units")
    def gives_all_units_the_layers_ratio(weights, x, keep_prob):
        """Sums variances over the units, as the chapter does for its printed numbers."""
        test, noise = parts(weights, x, keep_prob)
        return np.full(len(test), test.sum() / (test + noise).sum())

    @fails(CENTRED, "takes_the_noise_for_the_training_variance")
    def divides_by_the_noise(weights, x, keep_prob):
        """Takes what dropout adds for the whole training variance."""
        test, noise = parts(weights, x, keep_prob)
        return test / (noise + 1e-300)

    @fails(CENTRED, "gives_the_share_of_noise")
    def gives_the_noises_share(weights, x, keep_prob):
        """Divides the noise by the training variance."""
        test, noise = parts(weights, x, keep_prob)
        return noise / (test + noise)

    @noises(CENTRED, "multiplies_sums_in_the_noise")
    def multiplies_the_sums(weights, x, keep_prob):
        """Factorises a sum of products into a product of sums."""
        noise = (x**2).mean(axis=0).sum() * (weights**2).sum(axis=0)
        return (1 - keep_prob) / keep_prob * noise

    @noises(CENTRED, "drops_the_pre_activation")
    def drops_the_whole_sum(weights, x, keep_prob):
        """Takes the noise of z itself: squares the sum, not the summands."""
        return (1 - keep_prob) / keep_prob * ((x @ weights) ** 2).mean(axis=0)

    @noises(SIZE, "adds_a_constant_to_a_variance")
    def adds_an_epsilon(weights, x, keep_prob):
        """Adds a small constant to the denominator, as batch normalisation does."""
        return parts(weights, x, keep_prob)[1] + 1e-7

    @noises(SIZE, "adds_a_constant_to_a_variance")
    def adds_a_tiny_epsilon(weights, x, keep_prob):
        """Adds 1e-12 to the denominator, too small to matter."""
        return parts(weights, x, keep_prob)[1] + 1e-12

    @fails(SIZE, "adds_a_constant_to_a_variance")
    def takes_small_variances_for_zero(weights, x, keep_prob):
        """Tests for a constant unit by comparing with 1e-10."""
        test, noise = parts(weights, x, keep_prob)
        return np.where(test < 1e-10, 0.0, test / (test + noise))

    @noises(CENTRED, "multiplies_the_noise_by_another_factor")
    def keeps_keep_prob_from_zero(weights, x, keep_prob):
        """Adds a small number to keep_prob, against a division by 0."""
        return parts(weights, x, max(keep_prob, 1e-3))[1]

    @fails(CENTRED, "comes_near_an_expectation")
    def simulates_masks_with_a_seed(weights, x, keep_prob):
        """Draws masks from a generator with a seed, so that calls agree."""
        kept = np.random.default_rng(0).random((2000, *x.shape)) < keep_prob
        z = (kept * x / keep_prob) @ weights
        return np.var(x @ weights, axis=0) / (np.var(z, axis=(0, 1)) + 1e-300)

    @noises((CENTRED,), "adds_a_constant_to_a_variance")
    def adds_a_large_epsilon(weights, x, keep_prob):
        """Copies batch normalisation's epsilon of 0.001 from a framework."""
        return parts(weights, x, keep_prob)[1] + 1e-3

    @noises(AT_ONE, "adds_noise_at_keep_prob_one")
    def clips_the_drop_probability(weights, x, keep_prob):
        """Keeps the drop probability away from 0."""
        return parts(weights, x, min(keep_prob, 0.99))[1]

    @noises(AT_ONE, "multiplies_the_noise_by_another_factor")
    def takes_nearly_one_for_one(weights, x, keep_prob):
        """Skips the noise where hardly a unit is dropped."""
        return parts(weights, x, 1.0 if keep_prob > 0.99 else keep_prob)[1]

    @fails(CENTRED, "adds_a_constant_to_the_ratio")
    def adds_a_little_to_the_ratio(weights, x, keep_prob):
        """Adds 9e-8 to each ratio, so that none is 0."""
        test, noise = parts(weights, x, keep_prob)
        return test / (test + noise) + 9e-8

    @fails(CONSTANT, "makes_an_exception_of_constant_units")
    def calls_constant_units_unharmed(weights, x, keep_prob):
        """Guards against a variance of 0 by returning 1."""
        test, noise = parts(weights, x, keep_prob)
        return np.where(test < 1e-20, 1.0, test / (test + noise))

    @fails(CONSTANT, "returns_nan_or_infinity")
    def divides_by_the_test_variance(weights, x, keep_prob):
        """Multiplies by test / test on the way."""
        test, noise = parts(weights, x, keep_prob)
        test = np.where(test < 1e-20, 0, test)
        with np.errstate(invalid="ignore"):
            return test / test * (test / (test + noise))

    @noises(LAYER_ALONE, "changes_its_input")
    def squares_the_weights_in_place(weights, x, keep_prob):
        """Writes weights **= 2 to save an array."""
        weights **= 2
        return (1 - keep_prob) / keep_prob * (x**2).mean(axis=0) @ weights

    @noises(LAYER_ALONE, "changes_its_input")
    def squares_x_in_place(weights, x, keep_prob):
        """Calls np.square with out=x."""
        np.square(x, out=x)
        return (1 - keep_prob) / keep_prob * x.mean(axis=0) @ weights**2
