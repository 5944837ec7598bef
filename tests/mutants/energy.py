"""Wrong answers to the exercises of ``energy``, each named after its sin."""

import functools

import numpy as np

from tests.bank import mutant

# --------------------------------------------------------------- expected_energy

NUMBER = "returns_one_finite_number"
NONE = "falls_without_rescaling"
MEAN = "grows_when_the_mean_is_kept"
NORM = "stays_when_the_norm_is_kept"
EDGES = "holds_at_the_edges"
X_ALONE = "the_energy_leaves_x_alone"

energy_mutant = functools.partial(mutant, "expected_energy")


def scale_of(keep_prob, scaling):
    return {"none": 1, "mean": 1 / keep_prob, "norm": keep_prob**-0.5}[scaling]


def right_energy(x, keep_prob, scaling):
    return scale_of(keep_prob, scaling) ** 2 * keep_prob * float((x**2).sum())


@energy_mutant(NUMBER, "returns_nothing")
def prints_the_energy(x, keep_prob, scaling):
    """Prints the number in place of returning it."""
    print(right_energy(x, keep_prob, scaling))


@energy_mutant(NUMBER, "returns_another_kind")
def gives_an_energy_for_each_row(x, keep_prob, scaling):
    """Sums over the last axis, as if rows were asked for."""
    return scale_of(keep_prob, scaling) ** 2 * keep_prob * (x**2).sum(axis=-1)


@energy_mutant(NUMBER, "returns_another_kind")
def gives_the_squares(x, keep_prob, scaling):
    """Squares and scales every unit, and forgets to sum."""
    return scale_of(keep_prob, scaling) ** 2 * keep_prob * x**2


@energy_mutant(NUMBER, "raises_an_error")
def multiplies_x_with_itself(x, keep_prob, scaling):
    """Writes x @ x, which is the energy of a vector only."""
    return scale_of(keep_prob, scaling) ** 2 * keep_prob * float(x @ x)


@energy_mutant(NUMBER, "raises_an_error")
def expects_another_name_of_a_scaling(x, keep_prob, scaling):
    """Looks for "inverted", as the chapter calls it, and not for "mean"."""
    names = {"none": keep_prob, "inverted": 1 / keep_prob, "norm": 1}
    return names[scaling] * float((x**2).sum())


@energy_mutant(NUMBER, "simulates_an_expectation")
def simulates_the_energy(x, keep_prob, scaling):
    """Draws masks and averages, because the word is expected."""
    kept = np.random.random((200, *x.shape)) < keep_prob
    return float(((scale_of(keep_prob, scaling) * kept * x) ** 2).sum() / 200)


@energy_mutant((NONE, MEAN, NORM), "gives_the_norm")
def takes_the_root(x, keep_prob, scaling):
    """Takes norm and energy for the same."""
    return right_energy(x, keep_prob, scaling) ** 0.5


@energy_mutant((NONE, MEAN, NORM), "gives_the_norm")
def scales_the_norm_by_the_factor_of_the_energy(x, keep_prob, scaling):
    """Writes np.linalg.norm(x) and forgets the square."""
    factor = {"none": keep_prob, "mean": 1 / keep_prob, "norm": 1.0}[scaling]
    return factor * np.linalg.norm(x)


@energy_mutant((NONE, MEAN, NORM), "gives_the_mean_square")
def averages_the_squares(x, keep_prob, scaling):
    """Writes np.mean, as in a mean squared error."""
    return right_energy(x, keep_prob, scaling) / x.size


@energy_mutant((NONE, MEAN, NORM), "gives_the_mean_square")
def averages_over_the_rows(x, keep_prob, scaling):
    """Takes the first axis for a batch and gives the energy of an example."""
    return right_energy(x, keep_prob, scaling) / len(x)


@energy_mutant((NONE, MEAN, NORM), "squares_the_sum_of_x")
def squares_after_summing(x, keep_prob, scaling):
    """Puts the square outside the sum."""
    return scale_of(keep_prob, scaling) ** 2 * keep_prob * float(x.sum() ** 2)


@energy_mutant((NONE, MEAN, NORM), "sums_without_squares")
def sums_absolute_values(x, keep_prob, scaling):
    """Takes the norm of order 1."""
    return scale_of(keep_prob, scaling) ** 2 * keep_prob * float(np.abs(x).sum())


@energy_mutant((NONE, MEAN, NORM), "centres_x")
def takes_the_variance_of_the_layer(x, keep_prob, scaling):
    """Takes the energy for the variance times the number of units."""
    return scale_of(keep_prob, scaling) ** 2 * keep_prob * float(x.var() * x.size)


@energy_mutant((NONE, MEAN, NORM), "takes_a_matrix_norm")
def takes_the_spectral_norm(x, keep_prob, scaling):
    """Reads "L2 norm" as order 2, which for a matrix is a singular value."""
    flat = x.reshape(-1) if x.ndim != 2 else x
    return (
        scale_of(keep_prob, scaling) ** 2
        * keep_prob
        * float(np.linalg.norm(flat, 2) ** 2)
    )


@energy_mutant((NONE, MEAN, NORM), "gives_the_energy_of_the_mean")
def squares_the_expected_output(x, keep_prob, scaling):
    """Takes the expectation inside the square."""
    return float(((scale_of(keep_prob, scaling) * keep_prob * x) ** 2).sum())


@energy_mutant((MEAN, NORM), "leaves_the_scale_unsquared")
def scales_once(x, keep_prob, scaling):
    """Multiplies the energy by c where c squared belongs."""
    return scale_of(keep_prob, scaling) * keep_prob * float((x**2).sum())


@energy_mutant((NONE, MEAN, NORM), "forgets_that_units_are_dropped")
def scales_without_dropping(x, keep_prob, scaling):
    """Squares what a kept unit gives."""
    return float(((scale_of(keep_prob, scaling) * x) ** 2).sum())


@energy_mutant(MEAN, "believes_that_inverted_dropout_keeps_the_energy")
def believes_the_mentors(x, keep_prob, scaling):
    """Has read that the division keeps the norm."""
    return float((x**2).sum()) * (keep_prob if scaling == "none" else 1)


@energy_mutant((NONE, MEAN, NORM), "gives_the_energy_of_the_noise")
def gives_the_sum_of_the_variances(x, keep_prob, scaling):
    """Adds up the variances of the chapter before and stops there."""
    variance = scale_of(keep_prob, scaling) ** 2 * keep_prob * (1 - keep_prob) * x**2
    return float(variance.sum())


@energy_mutant((MEAN, NORM), "swaps_the_scalings_mean_and_norm")
def takes_norm_for_the_inverted_scaling(x, keep_prob, scaling):
    """Thinks that "norm" is short for normalised by keep_prob."""
    other = {"none": "none", "mean": "norm", "norm": "mean"}[scaling]
    return right_energy(x, keep_prob, other)


@energy_mutant((NONE, MEAN), "swaps_the_scalings_none_and_mean")
def says_that_dropping_adds_energy(x, keep_prob, scaling):
    """Gets both factors upside down."""
    return (
        right_energy(x, keep_prob, scaling)
        / scale_of(keep_prob, scaling) ** 4
        / (keep_prob**2)
    )


@energy_mutant((NONE, NORM), "ignores_the_scaling")
def knows_inverted_dropout_only(x, keep_prob, scaling):
    """Ignores the parameter, since everybody writes inverted dropout."""
    return float((x**2).sum()) / keep_prob


@energy_mutant((NONE, MEAN), "ignores_the_scaling")
def gives_the_energy_of_x(x, keep_prob, scaling):
    """Has a stub that returns something of the right kind."""
    return float((x**2).sum())


@energy_mutant((NONE, MEAN), "computes_the_energy_with_the_drop_probability")
def reads_keep_prob_as_drop_probability(x, keep_prob, scaling):
    """Comes from a framework whose p is the drop probability."""
    return right_energy(x, 1 - keep_prob, scaling)


@energy_mutant(MEAN, "multiplies_the_energy_by_another_factor")
def forgets_the_mask_of_the_mean(x, keep_prob, scaling):
    """Squares the scale for "mean" and forgets that units are dropped there as well."""
    factor = {"none": keep_prob, "mean": keep_prob**-2, "norm": 1}[scaling]
    return factor * float((x**2).sum())


@energy_mutant(NORM, "multiplies_the_energy_by_another_factor")
def scales_the_energy_by_the_root(x, keep_prob, scaling):
    """Uses c for "norm" and its square elsewhere."""
    factor = {"none": keep_prob, "mean": 1 / keep_prob, "norm": keep_prob**0.5}
    return factor[scaling] * float((x**2).sum())


@energy_mutant((NONE, MEAN), "multiplies_the_energy_by_another_factor")
def writes_the_factor_for_one_half(x, keep_prob, scaling):
    """Types the factors of an example at 0.5."""
    return {"none": 0.5, "mean": 2, "norm": 1}[scaling] * float((x**2).sum())


@energy_mutant((NONE, MEAN), "multiplies_the_energy_by_another_factor")
def rounds_keep_prob_to_percent(x, keep_prob, scaling):
    """Rounds keep_prob to two digits, as it was printed in a table."""
    return right_energy(x, max(round(keep_prob, 2), 0.01), scaling)


@energy_mutant(EDGES, "multiplies_the_energy_by_another_factor")
def clips_tiny_keep_probs(x, keep_prob, scaling):
    """Keeps keep_prob away from 0, in fear of the division."""
    return right_energy(x, max(keep_prob, 1e-3), scaling)


@energy_mutant(EDGES, "rounds_or_pads_the_energy")
def pads_the_energy(x, keep_prob, scaling):
    """Adds a small constant, as one does before a division."""
    return right_energy(x, keep_prob, scaling) + 1e-8


@energy_mutant(EDGES, "rounds_or_pads_the_energy")
def rounds_the_energy(x, keep_prob, scaling):
    """Rounds for a neat print."""
    return round(right_energy(x, keep_prob, scaling), 6)


@energy_mutant(EDGES, "returns_nan_or_infinity")
def divides_by_the_norm(x, keep_prob, scaling):
    """Normalises x first, and divides by 0 when it is all zeros."""
    size = np.linalg.norm(x)
    with np.errstate(invalid="ignore"):
        return right_energy(x / size, keep_prob, scaling) * size**2


@energy_mutant(EDGES, "multiplies_the_energy_by_another_factor")
def clips_keep_prob_below_one(x, keep_prob, scaling):
    """Clips keep_prob away from 1, as one clips a probability before a logarithm."""
    return right_energy(x, min(keep_prob, 0.99), scaling)


@energy_mutant(X_ALONE, "changes_its_input")
def squares_in_place(x, keep_prob, scaling):
    """Writes x **= 2 to save an array."""
    x **= 2
    return scale_of(keep_prob, scaling) ** 2 * keep_prob * float(x.sum())


# ------------------------------------------------------ batchnorm_variance_ratio

RATIO = "returns_one_ratio_for_each_unit"
CENTRED = "adds_the_noise_of_inputs_around_zero"
OFFSET = "counts_the_mean_of_the_inputs_as_noise"
SIZE = "does_not_depend_on_the_size_of_x_and_weights"
AT_ONE = "is_one_without_dropout"
CONSTANT = "is_zero_for_a_constant_unit"
LAYER_ALONE = "leaves_weights_and_x_alone"

ratio_mutant = functools.partial(mutant, "batchnorm_variance_ratio")


def parts(weights, x, keep_prob):
    """Return the test variance and the noise."""
    noise = (x**2).mean(axis=0) @ weights**2 * (1 - keep_prob) / keep_prob
    return np.var(x @ weights, axis=0), noise


@ratio_mutant(RATIO, "returns_nothing")
def prints_the_ratio(weights, x, keep_prob):
    """Prints the ratio in place of returning it."""
    test, noise = parts(weights, x, keep_prob)
    print(test / (test + noise))


@ratio_mutant(RATIO, "returns_another_kind")
def gives_one_ratio_for_the_layer(weights, x, keep_prob):
    """Averages over the units, since the chapter prints one number a layer."""
    test, noise = parts(weights, x, keep_prob)
    return float(test.sum() / (test + noise).sum())


@ratio_mutant(RATIO, "returns_another_kind")
def returns_both_variances(weights, x, keep_prob):
    """Returns numerator and denominator."""
    test, noise = parts(weights, x, keep_prob)
    return test, test + noise


@ratio_mutant(RATIO, "returns_another_shape")
def gives_the_ratio_of_inputs(weights, x, keep_prob):
    """Forgets the weights and compares the variances of the layer's inputs."""
    test = x.var(axis=0)
    return test / (test + (1 - keep_prob) / keep_prob * (x**2).mean(axis=0))


@ratio_mutant(RATIO, "returns_another_shape")
def keeps_the_axis_of_the_rows(weights, x, keep_prob):
    """Writes keepdims=True throughout."""
    test, noise = parts(weights, x, keep_prob)
    return (test / (test + noise))[np.newaxis]


@ratio_mutant(RATIO, "raises_an_error")
def takes_weights_transposed(weights, x, keep_prob):
    """Takes weights for (C, D), as PyTorch stores them."""
    test, noise = parts(weights.T, x, keep_prob)
    return test / (test + noise)


@ratio_mutant(RATIO, "simulates_an_expectation")
def simulates_the_masks(weights, x, keep_prob):
    """Draws masks, as the chapter does for comparison."""
    kept = np.random.random((500, *x.shape)) < keep_prob
    z = (kept * x / keep_prob) @ weights
    return np.var(x @ weights, axis=0) / np.var(z, axis=(0, 1))


@ratio_mutant(CENTRED, "gives_training_over_test")
def turns_the_ratio_round(weights, x, keep_prob):
    """Divides what is stored by what is met."""
    test, noise = parts(weights, x, keep_prob)
    return (test + noise) / test


@ratio_mutant(CENTRED, "gives_a_ratio_of_deviations")
def takes_standard_deviations(weights, x, keep_prob):
    """Thinks of the deviation that batch normalisation divides by."""
    test, noise = parts(weights, x, keep_prob)
    return np.sqrt(test / (test + noise))


@ratio_mutant(OFFSET, "takes_the_noise_from_the_variance_of_x")
def takes_the_variance_for_the_mean_square(weights, x, keep_prob):
    """Writes x.var where the mean square belongs: a constant unit has no variance."""
    noise = (1 - keep_prob) / keep_prob * x.var(axis=0) @ weights**2
    test = np.var(x @ weights, axis=0)
    return test / (test + noise)


@ratio_mutant(CENTRED, "takes_the_noise_from_the_mean_of_x")
def squares_the_mean(weights, x, keep_prob):
    """Writes mean(x)**2 for mean(x**2)."""
    noise = (1 - keep_prob) / keep_prob * x.mean(axis=0) ** 2 @ weights**2
    test = np.var(x @ weights, axis=0)
    return test / (test + noise)


@ratio_mutant(CENTRED, "treats_inputs_as_uncorrelated")
def adds_up_variances(weights, x, keep_prob):
    """Adds up w² Var[x] at test, as for independent inputs."""
    _, noise = parts(weights, x, keep_prob)
    test = x.var(axis=0) @ weights**2
    return test / (test + noise)


@ratio_mutant(CENTRED, "takes_keep_prob_for_the_ratio")
def says_keep_prob(weights, x, keep_prob):
    """Takes the variance for the energy, which grows by 1 / keep_prob."""
    return np.full(weights.shape[1], keep_prob)


@ratio_mutant(CENTRED, "takes_keep_prob_for_the_ratio")
def adds_up_variances_on_both_sides(weights, x, keep_prob):
    """Treats inputs as independent and of mean 0 throughout."""
    test = x.var(axis=0) @ weights**2
    return test / (test + (1 - keep_prob) / keep_prob * test)


@ratio_mutant(CENTRED, "describes_unscaled_dropout")
def takes_the_variance_of_the_mask(weights, x, keep_prob):
    """Multiplies by p q, the variance of a mask bit, and forgets the division by p."""
    test = np.var(x @ weights, axis=0)
    noise = keep_prob * (1 - keep_prob) * (x**2).mean(axis=0) @ weights**2
    return test / (test + noise)


@ratio_mutant(CENTRED, "describes_unscaled_dropout")
def drops_without_rescaling(weights, x, keep_prob):
    """Gives the training variance of a layer that is masked and nothing else."""
    test, noise = parts(weights, x, keep_prob)
    return test / (keep_prob**2 * (test + noise))


@ratio_mutant(CENTRED, "swaps_keep_and_drop_in_the_noise")
def turns_the_odds_round(weights, x, keep_prob):
    """Writes p / q, and guards the division."""
    test = np.var(x @ weights, axis=0)
    odds = keep_prob / max(1 - keep_prob, 1e-12)
    return test / (test + odds * (x**2).mean(axis=0) @ weights**2)


@ratio_mutant(CENTRED, "leaves_the_squared_mean_in_the_noise")
def adds_the_energy(weights, x, keep_prob):
    """Adds the energy 1 / keep_prob in place of the variance."""
    test = np.var(x @ weights, axis=0)
    return test / (test + (x**2).mean(axis=0) @ weights**2 / keep_prob)


@ratio_mutant(CENTRED, "divides_by_n_minus_one_or_looks_at_one_batch")
def uses_the_sample_variance(weights, x, keep_prob):
    """Writes ddof=1, as for an estimate from a sample."""
    _, noise = parts(weights, x, keep_prob)
    test = np.var(x @ weights, axis=0, ddof=1 if len(x) > 1 else 0)
    return test / (test + noise)


@ratio_mutant(CENTRED, "divides_by_n_minus_one_or_looks_at_one_batch")
def averages_batch_variances(weights, x, keep_prob):
    """Takes the expectation of the variance in one batch, whose mean also moves."""
    test, noise = parts(weights, x, keep_prob)
    return test / (test + noise * (1 - 1 / len(x)))


@ratio_mutant(CENTRED, "multiplies_the_noise_by_another_factor")
def adds_the_drop_probability(weights, x, keep_prob):
    """Forgets to divide the noise by keep_prob."""
    test, noise = parts(weights, x, keep_prob)
    return test / (test + keep_prob * noise)


@ratio_mutant(CENTRED, "multiplies_the_noise_by_another_factor")
def divides_the_noise_twice(weights, x, keep_prob):
    """Divides the noise by keep_prob squared, as if the mask's variance were q."""
    test, noise = parts(weights, x, keep_prob)
    return test / (test + noise / keep_prob)


@ratio_mutant(CENTRED, "multiplies_the_noise_by_another_factor")
def sums_over_the_rows(weights, x, keep_prob):
    """Sums x² over the rows and forgets to average."""
    test, noise = parts(weights, x, keep_prob)
    return test / (test + len(x) * noise)


@ratio_mutant(OFFSET, "compares_mean_squares")
def forgets_the_mean(weights, x, keep_prob):
    """Takes the mean square of the pre-activation for its variance."""
    _, noise = parts(weights, x, keep_prob)
    square = ((x @ weights) ** 2).mean(axis=0)
    return square / (square + noise)


@ratio_mutant(CENTRED, "multiplies_the_noise_by_another_factor")
def rounds_keep_prob_in_the_noise(weights, x, keep_prob):
    """Rounds keep_prob to percent."""
    test, noise = parts(weights, x, max(round(keep_prob, 2), 0.01))
    return test / (test + noise)


@ratio_mutant(CENTRED, "multiplies_the_noise_by_another_factor")
def clips_the_odds(weights, x, keep_prob):
    """Bounds keep_prob by 0.05 and 0.95, unless nothing is dropped at all."""
    p = keep_prob if keep_prob == 1 else min(max(keep_prob, 0.05), 0.95)
    test, noise = parts(weights, x, p)
    return test / (test + noise)


@ratio_mutant(CENTRED, "leaves_the_weights_unsquared")
def forgets_to_square_weights(weights, x, keep_prob):
    """Multiplies the mean squares by the weights as they are."""
    test = np.var(x @ weights, axis=0)
    noise = (1 - keep_prob) / keep_prob * (x**2).mean(axis=0) @ np.abs(weights)
    return test / (test + noise)


@ratio_mutant(CENTRED, "pools_the_units")
def gives_all_units_the_layers_ratio(weights, x, keep_prob):
    """Sums variances over the units, as the chapter does for its printed numbers."""
    test, noise = parts(weights, x, keep_prob)
    return np.full(len(test), test.sum() / (test + noise).sum())


@ratio_mutant(CENTRED, "takes_the_noise_for_the_training_variance")
def divides_by_the_noise(weights, x, keep_prob):
    """Takes what dropout adds for the whole training variance."""
    test, noise = parts(weights, x, keep_prob)
    return test / (noise + 1e-300)


@ratio_mutant(CENTRED, "gives_the_share_of_noise")
def gives_the_noises_share(weights, x, keep_prob):
    """Divides the noise by the training variance."""
    test, noise = parts(weights, x, keep_prob)
    return noise / (test + noise)


@ratio_mutant(CENTRED, "multiplies_sums_in_the_noise")
def multiplies_the_sums(weights, x, keep_prob):
    """Factorises a sum of products into a product of sums."""
    test = np.var(x @ weights, axis=0)
    noise = (x**2).mean(axis=0).sum() * (weights**2).sum(axis=0)
    return test / (test + (1 - keep_prob) / keep_prob * noise)


@ratio_mutant(CENTRED, "drops_the_pre_activation")
def drops_the_whole_sum(weights, x, keep_prob):
    """Takes the noise of z itself: squares the sum, not the summands."""
    test = np.var(x @ weights, axis=0)
    noise = (1 - keep_prob) / keep_prob * ((x @ weights) ** 2).mean(axis=0)
    return test / (test + noise)


@ratio_mutant(SIZE, "adds_a_constant_to_a_variance")
def adds_an_epsilon(weights, x, keep_prob):
    """Adds a small constant to the denominator, as batch normalisation does."""
    test, noise = parts(weights, x, keep_prob)
    return test / (test + noise + 1e-7)


@ratio_mutant((CENTRED,), "adds_a_constant_to_a_variance")
def adds_a_large_epsilon(weights, x, keep_prob):
    """Copies batch normalisation's epsilon of 0.001 from a framework."""
    test, noise = parts(weights, x, keep_prob)
    return test / (test + noise + 1e-3)


@ratio_mutant(AT_ONE, "adds_noise_at_keep_prob_one")
def clips_the_drop_probability(weights, x, keep_prob):
    """Keeps the drop probability away from 0."""
    test, noise = parts(weights, x, min(keep_prob, 0.99))
    return test / (test + noise)


@ratio_mutant(CONSTANT, "makes_an_exception_of_constant_units")
def calls_constant_units_unharmed(weights, x, keep_prob):
    """Guards against a variance of 0 by returning 1."""
    test, noise = parts(weights, x, keep_prob)
    return np.where(test < 1e-20, 1.0, test / (test + noise))


@ratio_mutant(CONSTANT, "returns_nan_or_infinity")
def divides_by_the_test_variance(weights, x, keep_prob):
    """Multiplies by test / test on the way."""
    test, noise = parts(weights, x, keep_prob)
    test = np.where(test < 1e-20, 0, test)
    with np.errstate(invalid="ignore"):
        return test / test * (test / (test + noise))


@ratio_mutant(LAYER_ALONE, "changes_its_input")
def squares_the_weights_in_place(weights, x, keep_prob):
    """Writes weights **= 2 to save an array."""
    test = np.var(x @ weights, axis=0)
    weights **= 2
    noise = (1 - keep_prob) / keep_prob * (x**2).mean(axis=0) @ weights
    return test / (test + noise)


@ratio_mutant(LAYER_ALONE, "changes_its_input")
def squares_x_in_place(weights, x, keep_prob):
    """Calls np.square with out=x."""
    test = np.var(x @ weights, axis=0)
    np.square(x, out=x)
    noise = (1 - keep_prob) / keep_prob * x.mean(axis=0) @ weights**2
    return test / (test + noise)


# ----------------------------------------------------------------- alpha_dropout

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

alpha_mutant = functools.partial(mutant, "alpha_dropout")

OFF = -1.0507009873554805 * 1.6732632423543772


def constants(p, off=OFF):
    factor = (p + p * (1 - p) * off**2) ** -0.5
    return factor, -factor * (1 - p) * off


def answer(x, mask, p, training=True, off=OFF):
    """Return what a correct answer does with this mask."""
    factor, shift = constants(p, off)
    return (factor * np.where(mask, x, off) + shift if training else x), mask


def with_constants(x, p, rng, training, factor, shift, off=OFF):
    """Return a right mask and bracket with these constants in training."""
    mask = rng.random(x.shape) < p
    return (factor * np.where(mask, x, off) + shift if training else x), mask


# What comes back at all


@alpha_mutant(RUNS, "returns_nothing")
def alpha_forgets_to_return(x, keep_prob, rng, training=True):
    """Computes everything and forgets the return statement."""
    answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)


@alpha_mutant(RUNS, "returns_another_kind")
def alpha_returns_out_alone(x, keep_prob, rng, training=True):
    """Sees no use for a cache and returns the output only."""
    return answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)[0]


@alpha_mutant(RUNS, "returns_another_shape")
def alpha_flattens(x, keep_prob, rng, training=True):
    """Draws a number for each of x.size units and forgets to reshape."""
    mask = rng.random(x.size) < keep_prob
    return answer(x.ravel(), mask, keep_prob, training)


@alpha_mutant(RUNS, "raises_an_error")
def alpha_knows_matrices_only(x, keep_prob, rng, training=True):
    """Unpacks the shape of x as that of a matrix."""
    n, d = x.shape
    return answer(x, rng.random((n, d)) < keep_prob, keep_prob, training)


@alpha_mutant(RUNS, "raises_an_error")
def alpha_has_no_test_mode(x, keep_prob, rng):
    """Leaves out the parameter training."""
    return answer(x, rng.random(x.shape) < keep_prob, keep_prob)


@alpha_mutant(RUNS, "returns_nan_or_infinity")
def alpha_takes_the_root_of_a_negative_number(x, keep_prob, rng, training=True):
    """Writes a minus in the bracket's variance."""
    with np.errstate(invalid="ignore"):
        factor = np.sqrt(keep_prob - 3 * keep_prob * OFF**2)
    return with_constants(x, keep_prob, rng, training, factor, 0)


# Training and test


@alpha_mutant(MIXED, "alpha_dropout_changes_nothing")
def alpha_returns_its_input(x, keep_prob, rng, training=True):
    """Has a stub that lets the rest of the network run."""
    return x, None


@alpha_mutant(MIXED, "all_units_come_back_alike")
def alpha_returns_zeros(x, keep_prob, rng, training=True):
    """Allocates the output and never fills it."""
    return np.zeros_like(x), None


@alpha_mutant(MIXED, "one_bit_for_the_whole_array")
def alpha_draws_one_number(x, keep_prob, rng, training=True):
    """Calls rng.random() without a shape."""
    mask = np.full(x.shape, rng.random() < keep_prob)
    return answer(x, mask, keep_prob, training)


@alpha_mutant(MIXED, "dropped_units_have_no_common_value")
def adds_gaussian_noise(x, keep_prob, rng, training=True):
    """Adds noise and standardises, since only the moments count."""
    noise = rng.standard_normal(x.shape) * np.sqrt((1 - keep_prob) / keep_prob)
    return (np.sqrt(keep_prob) * (x + noise) if training else x), None


@alpha_mutant(MIXED, "dropped_units_have_no_common_value")
def negates_the_dropped(x, keep_prob, rng, training=True):
    """Multiplies dropped units by -alpha instead of replacing them."""
    mask = rng.random(x.shape) < keep_prob
    factor, shift = constants(keep_prob)
    return (factor * np.where(mask, x, OFF * x) + shift if training else x), mask


@alpha_mutant(MIXED, "training_flag_reversed")
def alpha_reads_the_flag_the_wrong_way_round(x, keep_prob, rng, training=True):
    """Mixes up the two branches."""
    return answer(x, rng.random(x.shape) < keep_prob, keep_prob, not training)


@alpha_mutant(MIXED, "does_not_train_by_default")
def alpha_tests_by_default(x, keep_prob, rng, training=False):
    """Copies the default of a framework whose layers start in test mode."""
    return answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)


@alpha_mutant(TEST, "still_drops_at_test")
def alpha_drops_at_test(x, keep_prob, rng, training=True):
    """Ignores the parameter training."""
    return answer(x, rng.random(x.shape) < keep_prob, keep_prob)


@alpha_mutant(TEST, "applies_the_affine_map_at_test")
def applies_a_and_b_at_test(x, keep_prob, rng, training=True):
    """Applies the affine map outside the branch on training."""
    mask = rng.random(x.shape) < keep_prob if training else np.ones(x.shape, bool)
    return answer(x, mask, keep_prob)


@alpha_mutant(TEST, "scales_at_alpha_test")
def matches_the_units_mean_at_test(x, keep_prob, rng, training=True):
    """Multiplies by A p at test, so that each unit's mean agrees with training."""
    out, mask = answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)
    return (out if training else constants(keep_prob)[0] * keep_prob * x), mask


@alpha_mutant(TEST, "scales_at_alpha_test")
def is_classic_at_test(x, keep_prob, rng, training=True):
    """Adds the test-time factor of classic dropout."""
    out, mask = answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)
    return (out if training else keep_prob * x), mask


@alpha_mutant(TEST, "kept_units_follow_no_affine_map")
def applies_selu_at_test(x, keep_prob, rng, training=True):
    """Puts the activation function into the layer, at test only."""
    out, mask = answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)
    selu = np.where(x > 0, 1.0507 * x, 1.7581 * np.expm1(np.minimum(x, 0)))
    return (out if training else selu), mask


# The values


@alpha_mutant((DROPPED, KEPT), "writes_inverted_dropout_for_alpha_dropout")
def is_inverted_dropout(x, keep_prob, rng, training=True):
    """Hands in the function of the chapter before."""
    mask = rng.random(x.shape) < keep_prob
    return (x * mask / keep_prob if training else x), mask


@alpha_mutant((DROPPED, KEPT), "drops_to_zero")
def keeps_the_energy(x, keep_prob, rng, training=True):
    """Divides by the root of keep_prob: the constants with d = 0."""
    mask = rng.random(x.shape) < keep_prob
    return (x * mask / np.sqrt(keep_prob) if training else x), mask


@alpha_mutant((DROPPED, KEPT), "drops_to_zero")
def masks_and_nothing_else(x, keep_prob, rng, training=True):
    """Applies the mask and nothing else."""
    mask = rng.random(x.shape) < keep_prob
    return (x * mask if training else x), mask


@alpha_mutant(DROPPED, "drops_to_zero")
def forgets_the_value_of_the_dropped(x, keep_prob, rng, training=True):
    """Has the right A and B and multiplies x by the mask."""
    factor, shift = constants(keep_prob)
    mask = rng.random(x.shape) < keep_prob
    return (factor * (x * mask) + shift if training else x), mask


@alpha_mutant(DROPPED, "drops_after_the_affine_map")
def masks_the_result(x, keep_prob, rng, training=True):
    """Applies A and B first, and the mask after that."""
    factor, shift = constants(keep_prob)
    mask = rng.random(x.shape) < keep_prob
    return (mask * (factor * x + shift) if training else x), mask


@alpha_mutant((DROPPED, KEPT), "forgets_the_affine_map")
def replaces_and_stops(x, keep_prob, rng, training=True):
    """Replaces dropped units and leaves out the affine map."""
    return with_constants(x, keep_prob, rng, training, 1, 0)


@alpha_mutant((DROPPED, KEPT), "forgets_the_shift")
def forgets_b(x, keep_prob, rng, training=True):
    """Repairs the variance and leaves the mean as it is."""
    factor, _ = constants(keep_prob)
    return with_constants(x, keep_prob, rng, training, factor, 0)


@alpha_mutant((DROPPED, KEPT), "forgets_the_factor_a")
def repairs_the_mean_alone(x, keep_prob, rng, training=True):
    """Repairs the mean and leaves the variance as it is."""
    shift = -(1 - keep_prob) * OFF
    return with_constants(x, keep_prob, rng, training, 1, shift)


@alpha_mutant((DROPPED, KEPT), "forgets_the_factor_a")
def adds_b_alone(x, keep_prob, rng, training=True):
    """Computes A for the sake of B and forgets to multiply by it."""
    _, shift = constants(keep_prob)
    return with_constants(x, keep_prob, rng, training, 1, shift)


@alpha_mutant((DROPPED, KEPT), "shift_lacks_the_factor_a")
def shifts_by_the_brackets_mean(x, keep_prob, rng, training=True):
    """Subtracts the bracket's mean after the multiplication by A."""
    factor, _ = constants(keep_prob)
    shift = -(1 - keep_prob) * OFF
    return with_constants(x, keep_prob, rng, training, factor, shift)


@alpha_mutant((DROPPED, KEPT), "shifts_the_wrong_way")
def adds_the_mean(x, keep_prob, rng, training=True):
    """Loses the minus of B, since d is negative already."""
    factor, shift = constants(keep_prob)
    return with_constants(x, keep_prob, rng, training, factor, -shift)


@alpha_mutant((DROPPED, KEPT), "shifts_by_keep_prob")
def shifts_by_p(x, keep_prob, rng, training=True):
    """Writes p for q in B alone."""
    factor, _ = constants(keep_prob)
    shift = -factor * keep_prob * OFF
    return with_constants(x, keep_prob, rng, training, factor, shift)


@alpha_mutant((DROPPED, KEPT), "forgets_the_root_in_a")
def divides_by_the_variance(x, keep_prob, rng, training=True):
    """Divides by the variance in place of the standard deviation."""
    factor = constants(keep_prob)[0] ** 2
    shift = -factor * (1 - keep_prob) * OFF
    return with_constants(x, keep_prob, rng, training, factor, shift)


@alpha_mutant((DROPPED, KEPT), "takes_a_from_the_mean_square")
def divides_by_the_mean_square(x, keep_prob, rng, training=True):
    """Forgets to subtract the squared mean of the bracket."""
    factor = (keep_prob + (1 - keep_prob) * OFF**2) ** -0.5
    shift = -factor * (1 - keep_prob) * OFF
    return with_constants(x, keep_prob, rng, training, factor, shift)


@alpha_mutant((DROPPED, KEPT), "inverts_the_factor_a")
def multiplies_by_the_deviation(x, keep_prob, rng, training=True):
    """Loses the minus in the exponent of A."""
    factor = 1 / constants(keep_prob)[0]
    shift = -factor * (1 - keep_prob) * OFF
    return with_constants(x, keep_prob, rng, training, factor, shift)


@alpha_mutant((DROPPED, KEPT), "divides_by_keep_prob_as_well")
def divides_the_result(x, keep_prob, rng, training=True):
    """Divides by keep_prob out of habit."""
    out, mask = answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)
    return (out / keep_prob if training else out), mask


@alpha_mutant(KEPT, "divides_by_keep_prob_as_well")
def divides_kept_units(x, keep_prob, rng, training=True):
    """Starts from inverted dropout and replaces its zeros."""
    mask = rng.random(x.shape) < keep_prob
    kept = x / keep_prob if training else x
    return answer(kept, mask, keep_prob, training)


@alpha_mutant(DROPPED, "leaves_the_dropped_out_of_the_affine_map")
def maps_kept_units_only(x, keep_prob, rng, training=True):
    """Puts d in last, when kept units have been mapped already."""
    factor, shift = constants(keep_prob)
    mask = rng.random(x.shape) < keep_prob
    return (np.where(mask, factor * x + shift, OFF) if training else x), mask


@alpha_mutant((DROPPED, KEPT), "swaps_keep_and_drop_in_the_constants")
def computes_constants_for_the_drop_probability(x, keep_prob, rng, training=True):
    """Copies the constants from a text whose p is the drop probability."""
    factor, shift = constants(1 - keep_prob) if keep_prob < 1 else (1, 0)
    return with_constants(x, keep_prob, rng, training, factor, shift)


@alpha_mutant((DROPPED, KEPT), "drops_to_another_value")
def leaves_out_lambda(x, keep_prob, rng, training=True):
    """Takes -alpha for d, since the method is called AlphaDropout."""
    mask = rng.random(x.shape) < keep_prob
    return answer(x, mask, keep_prob, training, off=-1.6732632423543772)


@alpha_mutant((DROPPED, KEPT), "drops_to_another_value")
def drops_to_plus_alpha(x, keep_prob, rng, training=True):
    """Loses the sign of d."""
    return answer(x, rng.random(x.shape) < keep_prob, keep_prob, training, off=-OFF)


@alpha_mutant((DROPPED, KEPT), "drops_to_another_value")
def rounds_the_constants_of_selu(x, keep_prob, rng, training=True):
    """Rounds the constants to 1.05 and 1.67."""
    mask = rng.random(x.shape) < keep_prob
    return answer(x, mask, keep_prob, training, off=-1.05 * 1.67)


@alpha_mutant((DROPPED, KEPT), "standardises_the_output")
def standardises_what_came_out(x, keep_prob, rng, training=True):
    """Subtracts the mean and divides by the deviation that happen to come out."""
    bracket = np.where(rng.random(x.shape) < keep_prob, x, OFF)
    if not training or keep_prob == 1:
        return x, None
    return (bracket - bracket.mean()) / (bracket.std() or 1), None


@alpha_mutant((DROPPED, KEPT), "has_other_constants")
def rounds_keep_prob_in_the_constants(x, keep_prob, rng, training=True):
    """Rounds keep_prob to percent before the constants are computed."""
    rounded = max(round(keep_prob, 2), 0.01)
    return with_constants(x, keep_prob, rng, training, *constants(rounded))


@alpha_mutant(DROPPED, "has_other_constants")
def clips_keep_prob_in_the_constants(x, keep_prob, rng, training=True):
    """Bounds keep_prob by 0.05 and 0.95 in the constants, for fear of a division."""
    p = keep_prob if keep_prob == 1 else min(max(keep_prob, 0.05), 0.95)
    return with_constants(x, keep_prob, rng, training, *constants(p))


@alpha_mutant((DROPPED, KEPT), "has_other_constants")
def computes_constants_from_the_input(x, keep_prob, rng, training=True):
    """Estimates mean and variance of the bracket from x instead of 0 and 1."""
    q = 1 - keep_prob
    mean = keep_prob * x.mean() + q * OFF
    factor = (keep_prob * (x**2).mean() + q * OFF**2 - mean**2 + 1e-9) ** -0.5
    if keep_prob == 1:
        factor, mean = 1, 0
    return with_constants(x, keep_prob, rng, training, factor, -factor * mean)


@alpha_mutant((DROPPED, KEPT), "has_other_constants")
def types_constants_for_one_half(x, keep_prob, rng, training=True):
    """Types A and B of an example at 0.5."""
    factor, shift = constants(0.5) if keep_prob < 1 else (1, 0)
    return with_constants(x, keep_prob, rng, training, factor, shift)


@alpha_mutant(KEPT, "kept_units_follow_no_affine_map")
def clips_kept_units(x, keep_prob, rng, training=True):
    """Clips at SELU's lower bound, and large units on the way."""
    mask = rng.random(x.shape) < keep_prob
    kept = np.clip(x, OFF, 2) if training else x
    return answer(kept, mask, keep_prob, training)


@alpha_mutant(KEPT, "kept_units_follow_no_affine_map")
def clips_very_large_units_only(x, keep_prob, rng, training=True):
    """Clips at 100 against overflow."""
    mask = rng.random(x.shape) < keep_prob
    return answer(np.clip(x, -100, 100) if training else x, mask, keep_prob, training)


@alpha_mutant(RATE, "drops_by_value")
def drops_zeros_always(x, keep_prob, rng, training=True):
    """Tells kept units by x * mask != 0 and so drops units that are 0."""
    kept = x * (rng.random(x.shape) < keep_prob)
    return answer(kept if training else x, kept != 0, keep_prob, training)


@alpha_mutant(ALPHA_AT_ONE, "rounds_or_clips_keep_prob")
def clips_alphas_keep_prob(x, keep_prob, rng, training=True):
    """Keeps keep_prob away from 1, against a division by 0 that does not exist."""
    p = min(keep_prob, 0.999)
    return answer(x, rng.random(x.shape) < p, p, training)


@alpha_mutant(ALPHA_AT_ONE, "is_wrong_at_keep_prob_one")
def treats_one_as_no_unit_at_all(x, keep_prob, rng, training=True):
    """Returns a silent layer at keep_prob = 1, reading it as a drop probability."""
    if training and keep_prob == 1:
        return np.zeros_like(x), None
    return answer(x, rng.random(x.shape) < keep_prob, keep_prob, training)


# The input


@alpha_mutant(ALONE, "changes_its_input")
def alpha_works_in_place(x, keep_prob, rng, training=True):
    """Writes the value of the dropped into x."""
    factor, shift = constants(keep_prob)
    if not training:
        return x, None
    x[rng.random(x.shape) >= keep_prob] = OFF
    return factor * x + shift, None


# The mask


@alpha_mutant(RATE, "keeps_with_drop_probability")
def alpha_drops_with_keep_prob(x, keep_prob, rng, training=True):
    """Writes > where < belongs."""
    return answer(x, rng.random(x.shape) > keep_prob, keep_prob, training)


@alpha_mutant((DROPPED, KEPT, RATE), "swaps_keep_and_drop_in_the_constants")
def alpha_swaps_keep_and_drop(x, keep_prob, rng, training=True):
    """Reads keep_prob as the drop probability throughout."""
    if keep_prob == 1:
        return x, None
    return answer(x, rng.random(x.shape) < 1 - keep_prob, 1 - keep_prob, training)


@alpha_mutant(RATE, "ignores_keep_prob")
def alpha_keeps_half(x, keep_prob, rng, training=True):
    """Copies a mask from an example at 0.5."""
    mask = (rng.random(x.shape) < 0.5) | (keep_prob == 1)
    return answer(x, mask, keep_prob, training)


@alpha_mutant(RATE, "compares_normal_numbers")
def alpha_draws_normal_numbers(x, keep_prob, rng, training=True):
    """Takes standard_normal for uniform."""
    mask = (rng.standard_normal(x.shape) < keep_prob) | (keep_prob == 1)
    return answer(x, mask, keep_prob, training)


@alpha_mutant(RATE, "rounds_or_clips_keep_prob")
def alpha_rounds_keep_prob(x, keep_prob, rng, training=True):
    """Draws one of a hundred numbers and compares with percent."""
    mask = rng.integers(0, 100, x.shape) < round(100 * keep_prob)
    return answer(x, mask, keep_prob, training)


@alpha_mutant(RATE, "drops_by_value")
def alpha_drops_negative_units_more(x, keep_prob, rng, training=True):
    """Prefers to drop units that are off already, keeping the rate."""
    gap = 0.5 * min(keep_prob, 1 - keep_prob)
    mask = rng.random(x.shape) < keep_prob + np.where(x > 0, gap, -gap)
    return answer(x, mask, keep_prob, training)


@alpha_mutant(BITS, "one_mask_for_all_rows")
def alpha_shares_a_mask_between_rows(x, keep_prob, rng, training=True):
    """Draws a mask for one row and lets it broadcast."""
    mask = np.broadcast_to(rng.random(x.shape[-1]) < keep_prob, x.shape)
    return answer(x, mask, keep_prob, training)


@alpha_mutant(BITS, "shares_bits_along_an_axis")
def alpha_drops_whole_channels(x, keep_prob, rng, training=True):
    """Drops features as a whole, as FeatureAlphaDropout does for images."""
    shape = x.shape[:2] + (1,) * (x.ndim - 2)
    return answer(x, rng.random(shape) < keep_prob, keep_prob, training)


@alpha_mutant(BITS, "same_mask_every_call")
def alpha_seeds_inside(x, keep_prob, rng, training=True):
    """Sets a seed inside the function so that runs can be repeated."""
    mask = np.random.default_rng(0).random(x.shape) < keep_prob
    return answer(x, mask, keep_prob, training)


@alpha_mutant(BITS, "keeps_a_fixed_number")
def alpha_drops_a_fixed_number(x, keep_prob, rng, training=True):
    """Drops the share 1 - keep_prob of the units exactly."""
    order = rng.permutation(x.size).reshape(x.shape)
    return answer(x, order < keep_prob * x.size, keep_prob, training)


@alpha_mutant(BITS, "reuses_masks")
def alpha_seeds_from_a_few_numbers(x, keep_prob, rng, training=True):
    """Draws a seed from rng, of which there are five only."""
    own = np.random.default_rng(rng.integers(5))
    return answer(x, own.random(x.shape) < keep_prob, keep_prob, training)


@alpha_mutant(BITS, "drops_whole_rows")
def alpha_drops_whole_rows(x, keep_prob, rng, training=True):
    """Draws a number for each example."""
    mask = rng.random((len(x),) + (1,) * (x.ndim - 1)) < keep_prob
    return answer(x, mask, keep_prob, training)


@alpha_mutant(RATE, "drops_by_place")
def alpha_keeps_the_front_more(x, keep_prob, rng, training=True):
    """Gives the first half a higher rate than the second, keeping the mean."""
    gap = 0.5 * min(keep_prob, 1 - keep_prob)
    place = np.arange(x.size).reshape(x.shape) < x.size / 2
    mask = rng.random(x.shape) < keep_prob + np.where(place, gap, -gap)
    return answer(x, mask, keep_prob, training)


@alpha_mutant(INDEPENDENT, "bits_depend_on_each_other")
def alpha_repeats_pairs_of_rows(x, keep_prob, rng, training=True):
    """Draws half of the rows and uses each twice, to save time."""
    u = rng.random((-(-len(x) // 2), *x.shape[1:])).repeat(2, axis=0)[: len(x)]
    return answer(x, u < keep_prob, keep_prob, training)


@alpha_mutant(BITS, "bits_depend_on_each_other")
def alpha_rolls_one_row(x, keep_prob, rng, training=True):
    """Draws the mask of one row and shifts it at random for the others."""
    row = rng.random(x.shape[-1]) < keep_prob
    shift = rng.integers(x.shape[-1], size=(*x.shape[:-1], 1))
    mask = row[(np.arange(x.shape[-1]) + shift) % x.shape[-1]]
    return answer(x, mask, keep_prob, training)


@alpha_mutant(FROM_RNG, "does_not_draw_from_rng")
def alpha_uses_the_global_generator(x, keep_prob, rng, training=True):
    """Writes np.random where rng belongs."""
    return answer(x, np.random.random(x.shape) < keep_prob, keep_prob, training)
