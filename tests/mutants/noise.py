"""Wrong answers to the exercises of ``noise``, each named after its sin."""

import functools
import math

import numpy as np

from tests.bank import mutant

# ---------------------------------------------------------------- gaussian_dropout

RUNS = "returns_noisy_float_arrays"
VARIES = "multiplies_by_varying_factors"
ALONE = "leaves_its_noisy_input_alone"
TEST = "makes_no_noise_at_test"
AT_ONE = "makes_no_noise_at_keep_prob_one"
ZEROS = "leaves_zeros_at_zero"
OWN = "gives_every_unit_its_own_factor"
MEAN = "its_factors_have_mean_one"
VARIANCE = "its_factors_have_the_right_variance"
NORMAL = "its_factors_are_normal"
INDEPENDENT = "its_factors_are_independent"
FROM_RNG = "draws_its_noise_from_rng_alone"

gaussian_mutant = functools.partial(mutant, "gaussian_dropout")


def deviation(keep_prob):
    return math.sqrt((1 - keep_prob) / keep_prob)


def noisy(x, z, keep_prob, training):
    """Return what a correct answer does with these standard normal numbers."""
    return (x * (1 + deviation(keep_prob) * z) if training else x), None


# What comes back at all


@gaussian_mutant(RUNS, "returns_nothing")
def noise_without_return(x, keep_prob, rng, training=True):
    """Computes everything and forgets the return statement."""
    noisy(x, rng.standard_normal(x.shape), keep_prob, training)


@gaussian_mutant(RUNS, "returns_another_kind")
def noise_without_cache(x, keep_prob, rng, training=True):
    """Sees no use for a cache and returns the output only."""
    return noisy(x, rng.standard_normal(x.shape), keep_prob, training)[0]


@gaussian_mutant(RUNS, "returns_no_floats")
def noise_cast_to_integers(x, keep_prob, rng, training=True):
    """Casts to int in order to get rid of a dtype error elsewhere."""
    out, cache = noisy(x, rng.standard_normal(x.shape), keep_prob, training)
    return out.astype(int), cache


@gaussian_mutant(RUNS, "returns_another_shape")
def noise_flattened(x, keep_prob, rng, training=True):
    """Draws a number for each of x.size units and forgets to reshape."""
    return noisy(x.ravel(), rng.standard_normal(x.size), keep_prob, training)


@gaussian_mutant(RUNS, "raises_an_error")
def noise_for_matrices_only(x, keep_prob, rng, training=True):
    """Unpacks the shape of x as that of a matrix."""
    n, d = x.shape
    return noisy(x, rng.standard_normal((n, d)), keep_prob, training)


@gaussian_mutant(RUNS, "raises_an_error")
def noise_by_randn(x, keep_prob, rng, training=True):
    """Calls rng.randn, which numpy.random has and a Generator has not."""
    return noisy(x, rng.randn(*x.shape), keep_prob, training)


@gaussian_mutant(RUNS, "returns_nan_or_infinity")
def noise_with_the_roots_inverted(x, keep_prob, rng, training=True):
    """Writes the root of 1 - 1/p where 1/p - 1 is meant; the root is NaN."""
    with np.errstate(invalid="ignore"):
        spread = np.sqrt(np.float64(1 - 1 / keep_prob))
    return (x * rng.standard_normal(x.shape) * spread if training else x), None


# Training and test


@gaussian_mutant(VARIES, "adds_no_noise")
def noise_left_out(x, keep_prob, rng, training=True):
    """Has a stub that lets the rest of the network run."""
    return x, None


@gaussian_mutant(VARIES, "adds_no_noise")
def noise_that_is_zeros(x, keep_prob, rng, training=True):
    """Allocates the output and never fills it."""
    return np.zeros_like(x), None


@gaussian_mutant(VARIES, "noise_flag_reversed")
def noise_at_test_only(x, keep_prob, rng, training=True):
    """Writes `if training: return x`, mixing up the two branches."""
    return noisy(x, rng.standard_normal(x.shape), keep_prob, not training)


@gaussian_mutant(VARIES, "does_not_train_by_default")
def noise_off_by_default(x, keep_prob, rng, training=False):
    """Copies the default of a framework whose layers start in test mode."""
    return noisy(x, rng.standard_normal(x.shape), keep_prob, training)


@gaussian_mutant(VARIES, "one_factor_for_the_whole_array")
def noise_of_one_number(x, keep_prob, rng, training=True):
    """Forgets size=x.shape, so that one number is drawn for the whole array."""
    return noisy(x, rng.standard_normal(), keep_prob, training)


@gaussian_mutant(VARIES, "factors_take_few_values")
def noise_is_inverted_dropout(x, keep_prob, rng, training=True):
    """Hands in the exercise of another chapter."""
    mask = (rng.random(x.shape) < keep_prob) / keep_prob
    return (x * mask if training else x), mask


@gaussian_mutant(VARIES, "factors_take_few_values")
def noise_of_two_signs(x, keep_prob, rng, training=True):
    """Draws a fair sign, which has the right mean and variance as well."""
    return noisy(x, rng.choice([-1.0, 1.0], x.shape), keep_prob, training)


@gaussian_mutant(ALONE, "changes_its_input")
def noise_in_place(x, keep_prob, rng, training=True):
    """Saves memory with `*=` and overwrites the caller's array."""
    if training:
        x *= 1 + deviation(keep_prob) * rng.standard_normal(x.shape)
    return x, None


@gaussian_mutant(TEST, "still_noisy_at_test")
def noise_at_test_too(x, keep_prob, rng, training=True):
    """Ignores the parameter training."""
    return noisy(x, rng.standard_normal(x.shape), keep_prob, True)


@gaussian_mutant(TEST, "scales_at_test")
def noise_and_keep_prob_at_test(x, keep_prob, rng, training=True):
    """Adds the test-time factor of classic dropout."""
    if not training:
        return keep_prob * x, None
    return noisy(x, rng.standard_normal(x.shape), keep_prob, True)


@gaussian_mutant(AT_ONE, "noisy_at_keep_prob_one")
def noise_with_a_floor(x, keep_prob, rng, training=True):
    """Clips the variance from below, in fear of a scale of 0."""
    spread = max(deviation(keep_prob), 1e-2)
    return (x * rng.normal(1, spread, x.shape) if training else x), None


@gaussian_mutant(ZEROS, "adds_instead_of_multiplying")
def noise_added(x, keep_prob, rng, training=True):
    """Adds noise of the right size instead of multiplying by it."""
    noise = rng.normal(0, deviation(keep_prob), x.shape)
    return (x + noise if training else x), noise


@gaussian_mutant(ZEROS, "adds_instead_of_multiplying")
def noise_added_in_proportion(x, keep_prob, rng, training=True):
    """Scales added noise with the typical size of x instead of each unit's own."""
    noise = rng.normal(0, deviation(keep_prob), x.shape) * np.abs(x).mean()
    if not np.any(x):
        noise += 0.1
    return (x + noise if training else x), noise


# Whose noise it is


@gaussian_mutant(OWN, "one_noise_for_all_rows")
def noise_shared_by_rows(x, keep_prob, rng, training=True):
    """Draws noise of the shape of one row and lets broadcasting do the rest."""
    return noisy(x, rng.standard_normal(x.shape[1:] or x.shape), keep_prob, training)


@gaussian_mutant(OWN, "one_factor_for_each_row")
def noise_shared_in_a_row(x, keep_prob, rng, training=True):
    """Draws one number for each row, with the axes the wrong way round."""
    shape = (len(x),) + (1,) * (x.ndim - 1)
    return noisy(x, rng.standard_normal(shape), keep_prob, training)


@gaussian_mutant(OWN, "shares_factors_along_an_axis")
def noise_shared_over_the_image(x, keep_prob, rng, training=True):
    """Gives each channel of an image one number, as spatial dropout does."""
    shape = x.shape[:2] + (1,) * (x.ndim - 2)
    return noisy(x, rng.standard_normal(shape), keep_prob, training)


@gaussian_mutant((OWN, FROM_RNG), "same_noise_every_call")
def noise_with_a_fixed_seed(x, keep_prob, rng, training=True):
    """Sets a seed inside the function, to be reproducible."""
    z = np.random.default_rng(0).standard_normal(x.shape)
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(OWN, "reuses_noise")
def noise_of_eight_seeds(x, keep_prob, rng, training=True):
    """Makes a new generator from a random number that takes few values."""
    z = np.random.default_rng(int(rng.integers(8))).standard_normal(x.shape)
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(OWN, "fixes_the_moments_of_a_sample")
def noise_standardised(x, keep_prob, rng, training=True):
    """Makes the sample's mean and spread exactly right, which looks more exact."""
    z = rng.standard_normal(x.shape)
    z = (z - z.mean()) / (z.std() + 1e-12)
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(OWN, "fixes_the_moments_of_a_sample")
def noise_centred_by_row(x, keep_prob, rng, training=True):
    """Subtracts each row's mean, so that every row keeps its sum exactly."""
    z = rng.standard_normal(x.shape)
    return noisy(x, z - z.mean(axis=-1, keepdims=True), keep_prob, training)


# The law


@gaussian_mutant(VARIANCE, "takes_the_variance_for_the_standard_deviation")
def noise_with_variance_as_spread(x, keep_prob, rng, training=True):
    """Gives rng.normal the variance, where it wants the standard deviation."""
    noise = rng.normal(1, (1 - keep_prob) / keep_prob, x.shape)
    return (x * noise if training else x), noise


@gaussian_mutant(VARIANCE, "uses_the_root_of_the_drop_probability")
def noise_of_variance_q(x, keep_prob, rng, training=True):
    """Remembers the variance as 1 - p."""
    noise = rng.normal(1, math.sqrt(1 - keep_prob), x.shape)
    return (x * noise if training else x), noise


@gaussian_mutant(VARIANCE, "uses_the_drop_probability_as_standard_deviation")
def noise_of_spread_q(x, keep_prob, rng, training=True):
    """Takes the drop rate for the amount of noise."""
    noise = rng.normal(1, 1 - keep_prob, x.shape)
    return (x * noise if training else x), noise


@gaussian_mutant(VARIANCE, "uses_the_spread_of_the_raw_mask")
def noise_of_variance_pq(x, keep_prob, rng, training=True):
    """Takes the variance of a Bernoulli number and forgets the rescaling."""
    noise = rng.normal(1, math.sqrt(keep_prob * (1 - keep_prob)), x.shape)
    return (x * noise if training else x), noise


@gaussian_mutant(VARIANCE, "swaps_keep_and_drop_in_the_factors")
def noise_with_keep_and_drop_swapped(x, keep_prob, rng, training=True):
    """Copies the formula from a library whose p is the drop probability."""
    spread = math.sqrt(keep_prob / (1 - keep_prob)) if keep_prob < 1 else 0
    noise = rng.normal(1, spread, x.shape)
    return (x * noise if training else x), noise


@gaussian_mutant(VARIANCE, "ignores_keep_prob_in_the_noise")
def noise_of_unit_spread(x, keep_prob, rng, training=True):
    """Multiplies by N(1, 1), which is right at keep_prob = 0.5 only."""
    noise = rng.normal(1, float(keep_prob < 1), x.shape)
    return (x * noise if training else x), noise


@gaussian_mutant(VARIANCE, "factors_have_another_spread")
def noise_of_twice_the_variance(x, keep_prob, rng, training=True):
    """Believes that a negative factor needs room, and doubles the variance."""
    return noisy(x, math.sqrt(2) * rng.standard_normal(x.shape), keep_prob, training)


@gaussian_mutant(VARIANCE, "factors_have_another_spread")
def noise_a_little_too_wide(x, keep_prob, rng, training=True):
    """Estimates the spread from a table that is rounded up."""
    return noisy(x, 1.06 * rng.standard_normal(x.shape), keep_prob, training)


@gaussian_mutant(MEAN, "factors_have_mean_zero")
def noise_of_mean_zero(x, keep_prob, rng, training=True):
    """Multiplies by the noise and forgets the 1."""
    noise = rng.normal(0, deviation(keep_prob), x.shape)
    return (x * noise if training and keep_prob < 1 else x), noise


@gaussian_mutant(MEAN, "factors_have_mean_keep_prob")
def noise_of_mean_keep_prob(x, keep_prob, rng, training=True):
    """Matches the moments of the mask before it is rescaled."""
    spread = math.sqrt(keep_prob * (1 - keep_prob))
    noise = rng.normal(keep_prob, spread, x.shape)
    return (x * noise if training else x), noise


@gaussian_mutant(MEAN, "divides_the_noise_too")
def noise_divided_by_keep_prob(x, keep_prob, rng, training=True):
    """Adds the rescaling of inverted dropout to noise of mean 1."""
    out, cache = noisy(x, rng.standard_normal(x.shape), keep_prob, training)
    return (out / keep_prob if training else out), cache


@gaussian_mutant(VARIANCE, "clips_negative_factors")
def noise_clipped_at_zero(x, keep_prob, rng, training=True):
    """Finds negative factors absurd and clips them."""
    noise = np.maximum(rng.normal(1, deviation(keep_prob), x.shape), 0)
    return (x * noise if training else x), noise


@gaussian_mutant(MEAN, "factors_are_never_negative")
def noise_reflected_at_zero(x, keep_prob, rng, training=True):
    """Takes absolute values, in order to have no negative factor."""
    noise = np.abs(rng.normal(1, deviation(keep_prob), x.shape))
    return (x * noise if training else x), noise


@gaussian_mutant(MEAN, "factors_are_never_negative")
def noise_log_normal(x, keep_prob, rng, training=True):
    """Draws log-normal factors of the right mean and variance."""
    variance = math.log(1 / keep_prob)
    noise = rng.lognormal(-variance / 2, math.sqrt(variance), x.shape)
    return (x * noise if training else x), noise


@gaussian_mutant(MEAN, "factors_are_never_negative")
def noise_of_a_gamma_law(x, keep_prob, rng, training=True):
    """Draws gamma factors of the right mean and variance."""
    if not training or keep_prob == 1:
        return x, None
    ratio = (1 - keep_prob) / keep_prob
    return x * rng.gamma(1 / ratio, ratio, x.shape), None


@gaussian_mutant(NORMAL, "factors_are_bounded")
def noise_uniform(x, keep_prob, rng, training=True):
    """Draws uniform factors of the right mean and variance."""
    z = rng.uniform(-math.sqrt(3), math.sqrt(3), x.shape)
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(VARIANCE, "factors_are_bounded")
def noise_truncated(x, keep_prob, rng, training=True):
    """Redraws what lies beyond two standard deviations, as some initialisers do."""
    z = rng.standard_normal(x.shape)
    while (far := np.abs(z) > 2).any():
        z[far] = rng.standard_normal(int(far.sum()))
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(NORMAL, "factors_are_bounded")
def noise_clipped_at_two_and_a_half(x, keep_prob, rng, training=True):
    """Clips outliers, which are rare enough not to matter."""
    z = np.clip(rng.standard_normal(x.shape), -2.5, 2.5)
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(NORMAL, "factors_are_not_normal")
def noise_of_twelve_uniforms(x, keep_prob, rng, training=True):
    """Adds twelve uniform numbers and subtracts 6, an old recipe for normal numbers."""
    z = sum(rng.random(x.shape) for _ in range(12)) - 6
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(VARIANCE, "factors_are_not_normal")
def noise_laplace(x, keep_prob, rng, training=True):
    """Draws Laplace factors of the right mean and variance."""
    z = rng.laplace(0, 1 / math.sqrt(2), x.shape)
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(VARIANCE, "factors_are_not_normal")
def noise_logistic(x, keep_prob, rng, training=True):
    """Inverts the logistic distribution, which looks like the normal one."""
    z = rng.logistic(0, math.sqrt(3) / math.pi, x.shape)
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(VARIANCE, "factors_are_not_normal")
def noise_student(x, keep_prob, rng, training=True):
    """Draws Student's t of ten degrees of freedom, scaled to variance 1."""
    z = rng.standard_t(10, x.shape) * math.sqrt(0.8)
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(MEAN, "factors_are_not_normal")
def noise_rounded(x, keep_prob, rng, training=True):
    """Rounds the factors to one decimal place."""
    noise = np.round(rng.normal(1, deviation(keep_prob), x.shape), 1)
    return (x * noise if training else x), noise


@gaussian_mutant(VARIANCE, "factors_have_another_spread")
def noise_for_a_rounded_keep_prob(x, keep_prob, rng, training=True):
    """Rounds keep_prob to one decimal place, to look the spread up in a table."""
    return noisy(
        x, rng.standard_normal(x.shape), max(0.1, round(keep_prob, 1)), training
    )


@gaussian_mutant(VARIANCE, "factors_have_another_spread")
def noise_for_whole_percents(x, keep_prob, rng, training=True):
    """Rounds keep_prob to percent."""
    rounded = max(0.01, round(keep_prob, 2))
    return noisy(x, rng.standard_normal(x.shape), rounded, training)


@gaussian_mutant(VARIANCE, "factors_have_another_spread")
def noise_of_bounded_spread(x, keep_prob, rng, training=True):
    """Bounds the standard deviation by 2, for fear of large factors."""
    z = rng.standard_normal(x.shape) * min(1, 2 / max(deviation(keep_prob), 1e-9))
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(MEAN, "factors_have_another_mean")
def noise_a_little_off_centre(x, keep_prob, rng, training=True):
    """Adds a small constant, lest a unit be lost altogether."""
    if not training or keep_prob == 1:
        return x, None
    return x * (1.05 + deviation(keep_prob) * rng.standard_normal(x.shape)), None


@gaussian_mutant(MEAN, "factors_preserve_the_norm")
def noise_that_preserves_the_norm(x, keep_prob, rng, training=True):
    """Rescales the noisy array to the norm of x."""
    out, cache = noisy(x, rng.standard_normal(x.shape), keep_prob, training)
    return out * np.linalg.norm(x) / max(np.linalg.norm(out), 1e-300), cache


@gaussian_mutant((MEAN, VARIANCE), "drops_units_as_well")
def noise_on_top_of_a_mask(x, keep_prob, rng, training=True):
    """Adds a little noise to the units that inverted dropout keeps."""
    if not training or keep_prob == 1:
        return x, None
    mask = (rng.random(x.shape) < keep_prob) / keep_prob
    return x * mask * rng.normal(1, 0.01, x.shape), mask


@gaussian_mutant(NORMAL, "factors_are_not_normal")
def noise_with_rare_outliers_clipped(x, keep_prob, rng, training=True):
    """Clips what lies beyond 3.2 standard deviations."""
    z = np.clip(rng.standard_normal(x.shape), -3.2, 3.2)
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(OWN, "noise_depends_on_the_place")
def noise_except_in_the_last_column(x, keep_prob, rng, training=True):
    """Spares the last unit of each row, which is taken for a bias."""
    z = rng.standard_normal(x.shape)
    if x.shape[-1] > 1:
        z[..., -1] = 0
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(OWN, "shares_factors_along_an_axis")
def noise_shared_by_the_samples_of_a_sequence(x, keep_prob, rng, training=True):
    """Uses one noise for all samples when x has three axes, as for sequences."""
    shape = (1, *x.shape[1:]) if x.ndim == 3 else x.shape
    return noisy(x, rng.standard_normal(shape), keep_prob, training)


@gaussian_mutant(VARIANCE, "noise_depends_on_the_value")
def noise_larger_for_large_units(x, keep_prob, rng, training=True):
    """Lets the spread grow with the unit, on top of the multiplication."""
    z = rng.standard_normal(x.shape) * np.sqrt(np.abs(x) / 1.75)
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(MEAN, "noise_depends_on_the_value")
def noise_upward_for_positive_units(x, keep_prob, rng, training=True):
    """Adds the size of the noise, |z|, with the sign of the unit."""
    z = np.abs(rng.standard_normal(x.shape)) * np.sign(x)
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(VARIANCE, "noise_depends_on_the_place")
def noise_fading_in_the_second_half(x, keep_prob, rng, training=True):
    """Anneals the noise along the batch."""
    fade = np.linspace(1.3, 0.6, len(x)).reshape(-1, *(1,) * (x.ndim - 1))
    return noisy(x, fade * rng.standard_normal(x.shape), keep_prob, training)


# Independence


@gaussian_mutant(OWN, "fixes_the_moments_of_a_sample")
def noise_antithetic(x, keep_prob, rng, training=True):
    """Uses each number with both signs, a known trick for a smaller variance."""
    z = rng.standard_normal((x.size + 1) // 2)
    z = np.concatenate([z, -z])[: x.size].reshape(x.shape)
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(INDEPENDENT, "factors_depend_on_each_other")
def noise_mirrored(x, keep_prob, rng, training=True):
    """Uses each number twice, the second time from the other end."""
    z = rng.standard_normal((x.size + 1) // 2)
    z = np.concatenate([z, z[::-1]])[: x.size].reshape(x.shape)
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(INDEPENDENT, "factors_depend_on_each_other")
def noise_smoothed(x, keep_prob, rng, training=True):
    """Adds a share of the neighbour's number, as if noise had a length scale."""
    z = rng.standard_normal(x.size)
    z = (z + 0.2 * np.roll(z, 1)) / math.sqrt(1.04)
    return noisy(x, z.reshape(x.shape), keep_prob, training)


@gaussian_mutant(INDEPENDENT, "factors_depend_on_each_other")
def noise_with_equal_sizes_in_pairs(x, keep_prob, rng, training=True):
    """Draws the size for a pair of units and the sign for each."""
    size = np.abs(rng.standard_normal((x.size + 1) // 2))
    z = np.repeat(size, 2)[: x.size] * rng.choice([-1, 1], x.size)
    return noisy(x, z.reshape(x.shape), keep_prob, training)


@gaussian_mutant(INDEPENDENT, "factors_depend_on_each_other")
def noise_nearly_centred_by_row(x, keep_prob, rng, training=True):
    """Subtracts most of each row's mean, and mends the spread of the numbers."""
    z = rng.standard_normal(x.shape)
    z = z - 0.9 * z.mean(axis=-1, keepdims=True)
    z /= math.sqrt(1 - 0.99 / x.shape[-1])
    return noisy(x, z, keep_prob, training)


@gaussian_mutant(FROM_RNG, "does_not_draw_from_rng")
def noise_from_numpy_random(x, keep_prob, rng, training=True):
    """Calls np.random.normal out of habit."""
    return noisy(x, np.random.standard_normal(x.shape), keep_prob, training)


@gaussian_mutant(FROM_RNG, "does_not_draw_from_rng")
def noise_from_a_new_generator(x, keep_prob, rng, training=True):
    """Makes a generator of its own in every call."""
    z = np.random.default_rng().standard_normal(x.shape)
    return noisy(x, z, keep_prob, training)


# ---------------------------------------------------------------- dropconnect_forward

C_RUNS = "returns_a_float_matrix"
C_AT_ONE = "multiplies_fully_at_keep_prob_one"
C_ALONE = "leaves_x_and_weights_alone"
C_SUMS = "sums_kept_products_over_keep_prob"
C_OWN = "gives_every_weight_and_row_its_own_bit"
C_RATE = "keeps_weights_with_keep_prob"
C_INDEPENDENT = "drops_weights_independently"
C_FROM_RNG = "draws_its_weights_from_rng_alone"

connect_mutant = functools.partial(mutant, "dropconnect_forward")


def connected(x, mask, weights, keep_prob):
    """Return what a correct answer does with this mask, broadcast to (N, D, C)."""
    mask = np.broadcast_to(mask, (len(x), *weights.shape))
    return np.einsum("nd,ndc,dc->nc", x, mask, weights) / keep_prob


def full(x, weights, rng):
    """Return uniform numbers, one for each row and weight."""
    return rng.random((len(x), *weights.shape))


@connect_mutant(C_RUNS, "returns_nothing")
def connect_without_return(x, weights, keep_prob, rng):
    """Computes everything and forgets the return statement."""
    connected(x, full(x, weights, rng) < keep_prob, weights, keep_prob)


@connect_mutant(C_RUNS, "returns_another_kind")
def connect_with_mask(x, weights, keep_prob, rng):
    """Returns the mask as well, as the other exercises do."""
    mask = full(x, weights, rng) < keep_prob
    return connected(x, mask, weights, keep_prob), mask


@connect_mutant(C_RUNS, "returns_another_shape")
def connect_without_the_sum(x, weights, keep_prob, rng):
    """Multiplies and forgets to sum over the inputs."""
    mask = full(x, weights, rng) < keep_prob
    return x[:, :, None] * mask * weights / keep_prob


@connect_mutant(C_RUNS, "raises_an_error")
def connect_with_weights_transposed(x, weights, keep_prob, rng):
    """Takes weights for (C, D), as in a library that stores them so."""
    mask = rng.random((len(x), *weights.T.shape)) < keep_prob
    return np.einsum("nd,ndc,cd->nc", x, mask, weights) / keep_prob


@connect_mutant(C_AT_ONE, "differs_from_the_product_at_keep_prob_one")
def connect_by_mean(x, weights, keep_prob, rng):
    """Takes the mean over the inputs where the sum is meant."""
    mask = full(x, weights, rng) < keep_prob
    return connected(x, mask, weights, keep_prob) / len(weights)


@connect_mutant(C_AT_ONE, "takes_one_for_a_drop_probability")
def connect_dropping_at_one(x, weights, keep_prob, rng):
    """Reads keep_prob as the drop probability."""
    mask = full(x, weights, rng) >= keep_prob
    return connected(x, mask, weights, max(1 - keep_prob, 1e-9))


@connect_mutant(C_AT_ONE, "drops_everything")
def connect_zeros(x, weights, keep_prob, rng):
    """Allocates the output and never fills it."""
    return np.zeros((len(x), weights.shape[1]))


@connect_mutant(C_ALONE, "changes_its_input")
def connect_in_place(x, weights, keep_prob, rng):
    """Rescales the weights in place, once and for all calls."""
    weights /= keep_prob
    return connected(x, full(x, weights, rng) < keep_prob, weights, 1.0)


@connect_mutant(C_ALONE, "changes_its_input")
def connect_with_x_in_place(x, weights, keep_prob, rng):
    """Rescales x in place, which saves a copy."""
    x *= 1 / keep_prob
    return connected(x, full(x, weights, rng) < keep_prob, weights, 1.0)


@connect_mutant(C_SUMS, "forgets_to_rescale_the_weights")
def connect_unscaled(x, weights, keep_prob, rng):
    """Applies the mask and nothing else."""
    return connected(x, full(x, weights, rng) < keep_prob, weights, 1.0)


@connect_mutant(C_SUMS, "divides_the_weights_by_drop_probability")
def connect_over_drop_probability(x, weights, keep_prob, rng):
    """Divides by 1 - p, as in a text whose p is the drop probability."""
    scale = 1 - keep_prob if keep_prob < 1 else 1
    return connected(x, full(x, weights, rng) < keep_prob, weights, scale)


@connect_mutant(C_SUMS, "rescales_the_weights_wrongly")
def connect_times_keep_prob(x, weights, keep_prob, rng):
    """Multiplies by keep_prob, as at test in classic dropout."""
    mask = full(x, weights, rng) < keep_prob
    return connected(x, mask, weights, 1 / keep_prob)


@connect_mutant(C_SUMS, "rescales_the_weights_wrongly")
def connect_over_the_root(x, weights, keep_prob, rng):
    """Preserves the energy of the output instead of its mean."""
    mask = full(x, weights, rng) < keep_prob
    return connected(x, mask, weights, math.sqrt(keep_prob))


@connect_mutant(C_SUMS, "divides_by_the_kept_weights")
def connect_over_own_share(x, weights, keep_prob, rng):
    """Divides each output by the share of its weights that was kept."""
    mask = full(x, weights, rng) < keep_prob
    share = np.maximum(mask.mean(axis=1), 1e-9)
    return connected(x, mask, weights, 1.0) / share


@connect_mutant(C_SUMS, "divides_by_the_kept_weights")
def connect_over_whole_share(x, weights, keep_prob, rng):
    """Divides by the share of the whole mask that was kept."""
    mask = full(x, weights, rng) < keep_prob
    return connected(x, mask, weights, max(mask.mean(), 1e-9))


@connect_mutant(C_SUMS, "no_sum_of_kept_weights")
def connect_by_gaussian_weights(x, weights, keep_prob, rng):
    """Multiplies the weights by normal noise of the same variance."""
    spread = math.sqrt((1 - keep_prob) / keep_prob)
    z = rng.standard_normal((len(x), *weights.shape))
    return connected(x, 1 + spread * z, weights, 1.0)


@connect_mutant(C_SUMS, "no_sum_of_kept_weights")
def connect_by_normal_outputs(x, weights, keep_prob, rng):
    """Draws the output from the normal law that has its mean and variance."""
    mean = x @ weights
    variance = (1 - keep_prob) / keep_prob * (x**2 @ weights**2)
    return mean + np.sqrt(variance) * rng.standard_normal(mean.shape)


@connect_mutant(C_SUMS, "drops_nothing")
def connect_by_product_alone(x, weights, keep_prob, rng):
    """Has a stub that lets the rest of the network run."""
    return x @ weights


@connect_mutant(C_OWN, "drops_units_instead_of_weights")
def connect_dropping_units(x, weights, keep_prob, rng):
    """Drops units of x, as ordinary dropout does."""
    mask = rng.random(x.shape) < keep_prob
    return (x * mask / keep_prob) @ weights


@connect_mutant(C_OWN, "drops_units_instead_of_weights")
def connect_dropping_the_same_units(x, weights, keep_prob, rng):
    """Drops rows of the weight matrix, once for the batch."""
    mask = rng.random((len(weights), 1)) < keep_prob
    return x @ (weights * mask / keep_prob)


@connect_mutant(C_OWN, "one_weight_mask_for_the_batch")
def connect_with_one_mask(x, weights, keep_prob, rng):
    """Draws one mask of the shape of weights, which is the cheap way."""
    mask = rng.random(weights.shape) < keep_prob
    return x @ (weights * mask / keep_prob)


@connect_mutant(C_OWN, "drops_outputs_instead_of_weights")
def connect_dropping_outputs(x, weights, keep_prob, rng):
    """Applies dropout to the product."""
    out = x @ weights
    return out * (rng.random(out.shape) < keep_prob) / keep_prob


@connect_mutant(C_OWN, "drops_outputs_instead_of_weights")
def connect_dropping_columns(x, weights, keep_prob, rng):
    """Drops columns of the weight matrix, once for the batch."""
    mask = rng.random(weights.shape[1]) < keep_prob
    return x @ (weights * mask / keep_prob)


@connect_mutant(C_OWN, "drops_whole_rows")
def connect_dropping_rows(x, weights, keep_prob, rng):
    """Draws one bit for each row of x."""
    mask = rng.random((len(x), 1)) < keep_prob
    return (x * mask / keep_prob) @ weights


@connect_mutant(C_OWN, "one_bit_for_the_whole_array")
def connect_by_one_bit_a_call(x, weights, keep_prob, rng):
    """Draws one number for the call, having forgotten the shape."""
    return x @ weights * (rng.random() < keep_prob) / keep_prob


@connect_mutant(C_OWN, "drops_by_place")
def connect_with_a_full_first_row(x, weights, keep_prob, rng):
    """Starts a loop over rows at 1 and leaves the first one as it is."""
    mask = full(x, weights, rng) < keep_prob
    mask[0] = True
    return connected(x, mask, weights, keep_prob)


@connect_mutant((C_OWN, C_FROM_RNG), "same_mask_every_call")
def connect_with_a_fixed_seed(x, weights, keep_prob, rng):
    """Sets a seed inside the function, to be reproducible."""
    u = full(x, weights, np.random.default_rng(0))
    return connected(x, u < keep_prob, weights, keep_prob)


@connect_mutant(C_OWN, "reuses_masks")
def connect_with_eight_seeds(x, weights, keep_prob, rng):
    """Makes a new generator from a random number that takes few values."""
    u = full(x, weights, np.random.default_rng(int(rng.integers(8))))
    return connected(x, u < keep_prob, weights, keep_prob)


@connect_mutant(C_OWN, "keeps_a_fixed_number")
def connect_with_a_fixed_count(x, weights, keep_prob, rng):
    """Keeps exactly the expected number of weights of each row."""
    u = full(x, weights, rng).reshape(len(x), -1)
    ranks = u.argsort(axis=1).argsort(axis=1)
    mask = (ranks < round(keep_prob * u.shape[1])).reshape(len(x), *weights.shape)
    return connected(x, mask, weights, keep_prob)


@connect_mutant(C_RATE, "keeps_with_drop_probability")
def connect_keeping_the_wrong_ones(x, weights, keep_prob, rng):
    """Writes > for <, which at keep_prob = 1 is mended by hand."""
    mask = (full(x, weights, rng) > keep_prob) | (keep_prob == 1)
    return connected(x, mask, weights, keep_prob)


@connect_mutant(C_RATE, "compares_normal_numbers")
def connect_by_normal_numbers(x, weights, keep_prob, rng):
    """Compares keep_prob with normal numbers."""
    z = rng.standard_normal((len(x), *weights.shape))
    mask = (z < keep_prob) | (keep_prob == 1)
    return connected(x, mask, weights, keep_prob)


@connect_mutant(C_RATE, "ignores_keep_prob")
def connect_keeping_half(x, weights, keep_prob, rng):
    """Draws a fair coin for each weight."""
    mask = (full(x, weights, rng) < 0.5) | (keep_prob == 1)
    return connected(x, mask, weights, keep_prob)


@connect_mutant(C_RATE, "keeps_at_another_rate")
def connect_in_whole_percents(x, weights, keep_prob, rng):
    """Draws whole numbers below 100, which rounds keep_prob to percent."""
    mask = full(x, weights, rng) < round(keep_prob, 2)
    return connected(x, mask, weights, keep_prob)


@connect_mutant(C_OWN, "bits_depend_on_each_other")
def connect_with_one_count(x, weights, keep_prob, rng):
    """Draws how many weights are kept once, and which ones for each row."""
    flat = full(x, weights, rng).reshape(len(x), -1)
    kept = rng.binomial(flat.shape[1], keep_prob)
    mask = flat.argsort(axis=1).argsort(axis=1) < kept
    return connected(x, mask.reshape(len(x), *weights.shape), weights, keep_prob)


@connect_mutant(C_RATE, "drops_twice")
def connect_with_two_masks(x, weights, keep_prob, rng):
    """Drops units of x and weights, and rescales once."""
    mask = full(x, weights, rng) < keep_prob
    mask &= rng.random(mask.shape) < keep_prob
    return connected(x, mask, weights, keep_prob)


@connect_mutant(C_RATE, "drops_by_value")
def connect_keeping_large_weights(x, weights, keep_prob, rng):
    """Keeps large weights more often than small ones."""
    large = np.abs(weights) > np.median(np.abs(weights))
    shift = 0.1 * min(keep_prob, 1 - keep_prob) * np.where(large, 1, -1)
    return connected(x, full(x, weights, rng) < keep_prob + shift, weights, keep_prob)


@connect_mutant(C_RATE, "drops_by_place")
def connect_keeping_the_first_inputs(x, weights, keep_prob, rng):
    """Keeps the first inputs' weights more often, the others less."""
    first = np.arange(len(weights)) < len(weights) / 2
    shift = 0.1 * min(keep_prob, 1 - keep_prob) * np.where(first, 1, -1)
    mask = full(x, weights, rng) < keep_prob + shift[:, None]
    return connected(x, mask, weights, keep_prob)


@connect_mutant(C_INDEPENDENT, "bits_depend_on_each_other")
def connect_with_paired_rows(x, weights, keep_prob, rng):
    """Uses each mask for two rows, which halves the work."""
    u = rng.random(((len(x) + 1) // 2, *weights.shape))
    mask = np.repeat(u, 2, axis=0)[: len(x)] < keep_prob
    return connected(x, mask, weights, keep_prob)


@connect_mutant(C_INDEPENDENT, "bits_depend_on_each_other")
def connect_with_paired_outputs(x, weights, keep_prob, rng):
    """Draws bits for half of the outputs and uses them twice."""
    d, c = weights.shape
    u = rng.random((len(x), d, (c + 1) // 2))
    mask = np.concatenate([u, u], axis=2)[:, :, :c] < keep_prob
    return connected(x, mask, weights, keep_prob)


@connect_mutant(C_INDEPENDENT, "bits_depend_on_each_other")
def connect_with_paired_inputs(x, weights, keep_prob, rng):
    """Gives neighbouring inputs the same bits."""
    d, c = weights.shape
    u = rng.random((len(x), (d + 1) // 2, c))
    mask = np.repeat(u, 2, axis=1)[:, :d] < keep_prob
    return connected(x, mask, weights, keep_prob)


@connect_mutant(C_INDEPENDENT, "bits_depend_on_each_other")
def connect_by_antithetic_numbers(x, weights, keep_prob, rng):
    """Uses u and 1 - u, a known trick for a smaller variance."""
    n, (d, c) = len(x), weights.shape
    u = rng.random((n * d * c + 1) // 2)
    u = np.concatenate([u, 1 - u])[: n * d * c].reshape(n, d, c)
    return connected(x, u < keep_prob, weights, keep_prob)


@connect_mutant(C_INDEPENDENT, "bits_depend_on_each_other")
def connect_with_a_fixed_count_per_output(x, weights, keep_prob, rng):
    """Keeps a fixed number of the weights of half of the outputs."""
    u = full(x, weights, rng)
    ranks = u.argsort(axis=1).argsort(axis=1)
    # Rounded up or down at random, so that the rate is right.
    fixed = (
        ranks < keep_prob * len(weights) + rng.random((len(x), 1, weights.shape[1])) - 1
    )
    free = full(x, weights, rng) < keep_prob
    mask = np.where(rng.random((len(x), 1, weights.shape[1])) < 0.5, fixed, free)
    return connected(x, mask, weights, keep_prob)


@connect_mutant(C_FROM_RNG, "does_not_draw_from_rng")
def connect_from_numpy_random(x, weights, keep_prob, rng):
    """Calls np.random.rand out of habit."""
    u = np.random.rand(len(x), *weights.shape)
    return connected(x, u < keep_prob, weights, keep_prob)


# ---------------------------------------------------------------- spatial_dropout

S_RUNS = "returns_float_images"
S_SOME = "drops_some_images_parts"
S_WHOLE = "drops_whole_channels"
S_SCALE = "kept_pixels_are_rescaled"
S_TEST = "returns_images_unchanged_at_test"
S_ALONE = "leaves_its_images_alone"
S_RATE = "keeps_channels_with_keep_prob"
S_INDEPENDENT = "drops_channels_independently"
S_FROM_RNG = "draws_its_channels_from_rng_alone"

spatial_mutant = functools.partial(mutant, "spatial_dropout")


def dropped(x, mask, keep_prob, training=True):
    """Return what a correct answer does with this mask, broadcast to x."""
    return (x * mask / keep_prob if training else x), mask


def channels(x, rng):
    """Return uniform numbers, one for each sample and channel."""
    return rng.random((*x.shape[:2], 1, 1))


@spatial_mutant(S_RUNS, "returns_nothing")
def spatial_without_return(x, keep_prob, rng, training=True):
    """Computes everything and forgets the return statement."""
    dropped(x, channels(x, rng) < keep_prob, keep_prob, training)


@spatial_mutant(S_RUNS, "raises_an_error")
def spatial_without_new_axes(x, keep_prob, rng, training=True):
    """Draws an (N, C) mask, which does not broadcast to the images."""
    mask = rng.random(x.shape[:2]) < keep_prob
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_RUNS, "returns_another_shape")
def spatial_sums(x, keep_prob, rng, training=True):
    """Pools each channel into one number along the way."""
    out, mask = dropped(x, channels(x, rng) < keep_prob, keep_prob, training)
    return out.mean(axis=(2, 3)), mask


@spatial_mutant(S_SOME, "drops_nothing")
def spatial_stub(x, keep_prob, rng, training=True):
    """Has a stub that lets the rest of the network run."""
    return x, None


@spatial_mutant(S_SOME, "drops_everything")
def spatial_zeros(x, keep_prob, rng, training=True):
    """Allocates the output and never fills it."""
    return np.zeros_like(x), None


@spatial_mutant(S_SOME, "training_flag_reversed")
def spatial_at_test_only(x, keep_prob, rng, training=True):
    """Writes `if training: return x`, mixing up the two branches."""
    return dropped(x, channels(x, rng) < keep_prob, keep_prob, not training)


@spatial_mutant(S_SOME, "does_not_train_by_default")
def spatial_off_by_default(x, keep_prob, rng, training=False):
    """Copies the default of a framework whose layers start in test mode."""
    return dropped(x, channels(x, rng) < keep_prob, keep_prob, training)


@spatial_mutant(S_SOME, "one_bit_for_the_whole_array")
def spatial_by_one_bit(x, keep_prob, rng, training=True):
    """Draws one number for the whole batch."""
    return dropped(x, rng.random() < keep_prob, keep_prob, training)


@spatial_mutant(S_WHOLE, "does_not_drop_whole_channels")
def spatial_element_wise(x, keep_prob, rng, training=True):
    """Drops single pixels, as ordinary dropout does."""
    return dropped(x, rng.random(x.shape) < keep_prob, keep_prob, training)


@spatial_mutant(S_WHOLE, "drops_the_same_channels_in_every_sample")
def spatial_for_the_batch_in_place_of_samples(x, keep_prob, rng, training=True):
    """Draws a bit for each channel in a loop over the channels."""
    if not training:
        return x, None
    out = np.zeros_like(x)
    for c in range(x.shape[1]):
        if rng.random() < keep_prob:
            out[:, c] = x[:, c] / keep_prob
    return out, None


@spatial_mutant(S_WHOLE, "does_not_drop_whole_channels")
def spatial_by_lines(x, keep_prob, rng, training=True):
    """Drops lines of each channel: the mask has the shape (N, C, H, 1)."""
    mask = rng.random((*x.shape[:3], 1)) < keep_prob
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_WHOLE, "does_not_drop_whole_channels")
def spatial_element_wise_for_the_batch(x, keep_prob, rng, training=True):
    """Draws one image's mask of pixels and uses it for the batch."""
    return dropped(x, rng.random(x.shape[1:]) < keep_prob, keep_prob, training)


@spatial_mutant(S_WHOLE, "drops_positions_in_all_channels")
def spatial_by_positions(x, keep_prob, rng, training=True):
    """Takes spatial literally: the mask has the shape (N, 1, H, W)."""
    n, _, h, w = x.shape
    mask = rng.random((n, 1, h, w)) < keep_prob
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_WHOLE, "takes_the_last_axis_for_the_channels")
def spatial_with_channels_last(x, keep_prob, rng, training=True):
    """Copies the noise shape of a library whose channels are the last axis."""
    mask = rng.random((len(x), 1, 1, x.shape[-1])) < keep_prob
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_WHOLE, "drops_the_same_channels_in_every_sample")
def spatial_for_the_batch(x, keep_prob, rng, training=True):
    """Draws one bit for each channel and lets broadcasting do the rest."""
    mask = rng.random((1, x.shape[1], 1, 1)) < keep_prob
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_WHOLE, "drops_whole_samples")
def spatial_by_samples(x, keep_prob, rng, training=True):
    """Draws one bit for each sample."""
    mask = rng.random((len(x), 1, 1, 1)) < keep_prob
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_WHOLE, "keeps_at_least_one_channel")
def spatial_never_empty(x, keep_prob, rng, training=True):
    """Makes sure that a sample is not lost altogether."""
    mask = channels(x, rng) < keep_prob
    mask[:, 0] |= ~mask.any(axis=1)
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_WHOLE, "drops_by_place")
def spatial_sparing_the_first_channel(x, keep_prob, rng, training=True):
    """Never drops the first channel."""
    mask = channels(x, rng) < keep_prob
    if x.shape[1] > 5:
        mask[:, 0] = True
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_SCALE, "adds_instead_of_multiplying")
def spatial_with_a_floor(x, keep_prob, rng, training=True):
    """Replaces zeros of x by a small number, lest they be taken for dropped pixels."""
    if not training:
        return x, None
    return dropped(np.where(x == 0, 1e-6, x), channels(x, rng) < keep_prob, keep_prob)


@spatial_mutant(S_SCALE, "forgets_to_rescale_the_channels")
def spatial_unscaled(x, keep_prob, rng, training=True):
    """Applies the mask and nothing else."""
    return dropped(x, channels(x, rng) < keep_prob, 1.0, training)


@spatial_mutant(S_SCALE, "rescales_the_channels_wrongly")
def spatial_over_drop_probability(x, keep_prob, rng, training=True):
    """Divides by 1 - p, as in a text whose p is the drop probability."""
    scale = 1 - keep_prob if keep_prob < 1 else 1
    return dropped(x, channels(x, rng) < keep_prob, scale, training)


@spatial_mutant(S_SCALE, "rescales_the_channels_wrongly")
def spatial_over_kept_share(x, keep_prob, rng, training=True):
    """Divides by the share of channels that was kept in each sample."""
    mask = channels(x, rng) < keep_prob
    share = np.maximum(mask.mean(axis=1, keepdims=True), 1e-9)
    return dropped(x, mask, share, training)


@spatial_mutant(S_SCALE, "rescales_the_channels_wrongly")
def spatial_over_the_root(x, keep_prob, rng, training=True):
    """Preserves the energy instead of the mean."""
    mask = channels(x, rng) < keep_prob
    return dropped(x, mask, math.sqrt(keep_prob), training)


@spatial_mutant(S_SCALE, "takes_one_for_a_drop_probability")
def spatial_by_drop_probability(x, keep_prob, rng, training=True):
    """Reads keep_prob as the drop probability, in the mask only."""
    return dropped(x, channels(x, rng) >= keep_prob, keep_prob, training)


@spatial_mutant(S_TEST, "still_drops_at_test")
def spatial_at_test_too(x, keep_prob, rng, training=True):
    """Ignores the parameter training."""
    return dropped(x, channels(x, rng) < keep_prob, keep_prob)


@spatial_mutant(S_TEST, "scales_images_at_test")
def spatial_scaled_at_test(x, keep_prob, rng, training=True):
    """Adds the test-time factor of classic dropout."""
    if not training:
        return x * keep_prob, None
    return dropped(x, channels(x, rng) < keep_prob, keep_prob)


@spatial_mutant(S_ALONE, "changes_its_input")
def spatial_in_place(x, keep_prob, rng, training=True):
    """Saves memory with `*=` and overwrites the caller's array."""
    if training:
        x *= (channels(x, rng) < keep_prob) / np.asarray(keep_prob, x.dtype)
    return x, None


@spatial_mutant(S_RATE, "keeps_with_drop_probability")
def spatial_keeping_the_wrong_ones(x, keep_prob, rng, training=True):
    """Writes > for <, which at keep_prob = 1 is mended by hand."""
    mask = (channels(x, rng) > keep_prob) | (keep_prob == 1)
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_RATE, "compares_normal_numbers")
def spatial_by_normal_numbers(x, keep_prob, rng, training=True):
    """Compares keep_prob with normal numbers."""
    z = rng.standard_normal((*x.shape[:2], 1, 1))
    mask = (z < keep_prob) | (keep_prob == 1)
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_RATE, "drops_twice")
def spatial_with_two_masks(x, keep_prob, rng, training=True):
    """Applies two masks and rescales once."""
    mask = (channels(x, rng) < keep_prob) & (channels(x, rng) < keep_prob)
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_RATE, "keeps_at_another_rate")
def spatial_keeping_a_little_too_often(x, keep_prob, rng, training=True):
    """Makes sure to lose no more than it should."""
    return dropped(x, channels(x, rng) < keep_prob + 0.03, keep_prob, training)


@spatial_mutant(S_RATE, "keeps_at_another_rate")
def spatial_in_whole_percents(x, keep_prob, rng, training=True):
    """Rounds keep_prob to percent in the comparison."""
    return dropped(x, channels(x, rng) < round(keep_prob, 2), keep_prob, training)


@spatial_mutant(S_WHOLE, "bits_depend_on_each_other")
def spatial_rolling_one_sample(x, keep_prob, rng, training=True):
    """Draws the channels of one sample and shifts them at random for the others."""
    row = rng.random(x.shape[1]) < keep_prob
    shift = rng.integers(x.shape[1], size=(len(x), 1))
    mask = row[(np.arange(x.shape[1]) + shift) % x.shape[1]]
    return dropped(x, mask[:, :, None, None], keep_prob, training)


@spatial_mutant(S_RATE, "drops_by_value")
def spatial_keeping_strong_channels(x, keep_prob, rng, training=True):
    """Keeps channels of large values more often."""
    size = np.abs(x).mean(axis=(2, 3), keepdims=True)
    shift = 0.1 * min(keep_prob, 1 - keep_prob)
    shift = np.where(size > np.median(size), shift, -shift)
    return dropped(x, channels(x, rng) < keep_prob + shift, keep_prob, training)


@spatial_mutant(S_RATE, "drops_by_place")
def spatial_keeping_the_first_channels(x, keep_prob, rng, training=True):
    """Keeps the first channels more often."""
    first = np.arange(x.shape[1])[:, None, None] < x.shape[1] / 2
    shift = 0.1 * min(keep_prob, 1 - keep_prob) * np.where(first, 1, -1)
    return dropped(x, channels(x, rng) < keep_prob + shift, keep_prob, training)


@spatial_mutant((S_WHOLE, S_FROM_RNG), "same_mask_every_call")
def spatial_with_a_fixed_seed(x, keep_prob, rng, training=True):
    """Sets a seed inside the function, to be reproducible."""
    mask = channels(x, np.random.default_rng(0)) < keep_prob
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_WHOLE, "reuses_masks")
def spatial_with_eight_seeds(x, keep_prob, rng, training=True):
    """Makes a new generator from a random number that takes few values."""
    child = np.random.default_rng(int(rng.integers(8)))
    mask = channels(x, child) < keep_prob
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_WHOLE, "keeps_a_fixed_number")
def spatial_with_a_fixed_count(x, keep_prob, rng, training=True):
    """Keeps exactly the expected number of channels of each sample."""
    ranks = channels(x, rng).argsort(axis=1).argsort(axis=1)
    mask = ranks < max(1, round(keep_prob * x.shape[1]))
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_INDEPENDENT, "bits_depend_on_each_other")
def spatial_in_pairs_of_channels(x, keep_prob, rng, training=True):
    """Drops neighbouring channels together."""
    u = rng.random((len(x), (x.shape[1] + 1) // 2, 1, 1))
    mask = np.repeat(u, 2, axis=1)[:, : x.shape[1]] < keep_prob
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_INDEPENDENT, "bits_depend_on_each_other")
def spatial_in_pairs_of_samples(x, keep_prob, rng, training=True):
    """Uses each mask for two samples, as for an image and its mirror image."""
    u = rng.random(((len(x) + 1) // 2, x.shape[1], 1, 1))
    mask = np.repeat(u, 2, axis=0)[: len(x)] < keep_prob
    return dropped(x, mask, keep_prob, training)


@spatial_mutant(S_FROM_RNG, "does_not_draw_from_rng")
def spatial_from_numpy_random(x, keep_prob, rng, training=True):
    """Calls np.random.rand out of habit."""
    mask = np.random.rand(*x.shape[:2], 1, 1) < keep_prob
    return dropped(x, mask, keep_prob, training)


# ---------------------------------------------------------------- annealed_keep_prob

A_START = "starts_at_the_initial_value"
A_LINE = "grows_linearly_to_one"
A_STAYS = "stays_at_one_afterwards"

annealed_mutant = functools.partial(mutant, "annealed_keep_prob")


@annealed_mutant(A_START, "returns_nothing")
def annealed_without_return(step, total_steps, initial_keep_prob):
    """Computes everything and forgets the return statement."""
    min(1.0, initial_keep_prob + (1 - initial_keep_prob) * step / total_steps)


@annealed_mutant(A_START, "anneals_the_wrong_way")
def annealed_as_a_curriculum(step, total_steps, initial_keep_prob):
    """Starts without dropout and ends with it."""
    return 1 - (1 - initial_keep_prob) * min(step / total_steps, 1)


@annealed_mutant(A_LINE, "anneals_to_zero")
def annealed_to_zero(step, total_steps, initial_keep_prob):
    """Lets the keep probability fall, as one does with the drop probability."""
    return initial_keep_prob * (1 - min(step / total_steps, 1))


@annealed_mutant(A_START, "returns_the_drop_probability")
def annealed_drop_probability(step, total_steps, initial_keep_prob):
    """Returns the drop probability of the schedule."""
    return (1 - initial_keep_prob) * (1 - min(step / total_steps, 1))


@annealed_mutant(A_LINE, "counts_steps_off_by_one")
def annealed_to_the_last_index(step, total_steps, initial_keep_prob):
    """Divides by total_steps - 1, as for an index that ends there."""
    progress = min(step / max(total_steps - 1, 1), 1)
    return initial_keep_prob + (1 - initial_keep_prob) * progress


@annealed_mutant(A_LINE, "counts_steps_off_by_one")
def annealed_too_slowly(step, total_steps, initial_keep_prob):
    """Divides by total_steps + 1, in fear of a division by zero."""
    progress = min(step / (total_steps + 1), 1)
    return initial_keep_prob + (1 - initial_keep_prob) * progress


@annealed_mutant(A_START, "counts_steps_off_by_one")
def annealed_from_step_one(step, total_steps, initial_keep_prob):
    """Counts steps from 1."""
    progress = min((step + 1) / total_steps, 1)
    return initial_keep_prob + (1 - initial_keep_prob) * progress


@annealed_mutant(A_STAYS, "goes_on_after_the_last_step")
def annealed_without_end(step, total_steps, initial_keep_prob):
    """Forgets that training may go on after total_steps."""
    return initial_keep_prob + (1 - initial_keep_prob) * step / total_steps


@annealed_mutant(A_STAYS, "starts_over_after_the_last_step")
def annealed_again(step, total_steps, initial_keep_prob):
    """Takes the step modulo total_steps, and mends the last step by hand."""
    progress = 1 if step == total_steps else step % total_steps / total_steps
    return initial_keep_prob + (1 - initial_keep_prob) * progress


@annealed_mutant(A_STAYS, "starts_over_after_the_last_step")
def annealed_and_reset(step, total_steps, initial_keep_prob):
    """Goes back to the initial value once the schedule is over."""
    if step > total_steps:
        return initial_keep_prob
    return initial_keep_prob + (1 - initial_keep_prob) * step / total_steps


@annealed_mutant(A_LINE, "divides_integers")
def annealed_by_integer_division(step, total_steps, initial_keep_prob):
    """Divides with //, as in a language whose / did that."""
    return initial_keep_prob + (1 - initial_keep_prob) * min(step // total_steps, 1)


@annealed_mutant(A_LINE, "does_not_grow_linearly")
def annealed_by_cosine(step, total_steps, initial_keep_prob):
    """Uses the cosine of the learning rate's schedule."""
    progress = min(step / total_steps, 1)
    return 1 - (1 - initial_keep_prob) * (1 + math.cos(math.pi * progress)) / 2


@annealed_mutant(A_LINE, "does_not_grow_linearly")
def annealed_geometrically(step, total_steps, initial_keep_prob):
    """Lets the keep probability grow by a factor in each step."""
    return initial_keep_prob ** (1 - min(step / total_steps, 1))


@annealed_mutant(A_LINE, "does_not_grow_linearly")
def annealed_in_percent(step, total_steps, initial_keep_prob):
    """Rounds to whole percents, for the log."""
    progress = min(step / total_steps, 1)
    return round(initial_keep_prob + (1 - initial_keep_prob) * progress, 2)


@annealed_mutant(A_START, "starts_from_another_value")
def annealed_from_zero(step, total_steps, initial_keep_prob):
    """Grows from 0 to 1 whatever the initial value is."""
    return min(step / total_steps, 1.0)


@annealed_mutant(A_LINE, "does_not_reach_one")
def annealed_not_at_all(step, total_steps, initial_keep_prob):
    """Returns the initial value, a constant schedule."""
    return initial_keep_prob


@annealed_mutant(A_LINE, "does_not_reach_one")
def annealed_exponentially(step, total_steps, initial_keep_prob):
    """Uses an exponential that comes near to 1 and never reaches it."""
    return 1 - (1 - initial_keep_prob) * math.exp(-5 * step / total_steps)
