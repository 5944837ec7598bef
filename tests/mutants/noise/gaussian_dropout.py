"""Wrong answers to ``gaussian_dropout``, each named after its sin."""

import math

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.noise.shared import part_of

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


def deviation(keep_prob):
    return math.sqrt((1 - keep_prob) / keep_prob)


def noisy(x, z, keep_prob, training):
    """Return what a correct answer does with these standard normal numbers."""
    return (x * (1 + deviation(keep_prob) * z) if training else x), None


#: Functions that return standard normal numbers, or factors, of the shape of x.
standard = part_of(
    lambda z: (
        lambda x, keep_prob, rng, training=True: noisy(
            x, z(x, keep_prob, rng), keep_prob, training
        )
    )
)
law = part_of(
    lambda noise: (
        lambda x, keep_prob, rng, training=True: (
            (x * noise(x, keep_prob, rng) if training else x),
            None,
        )
    )
)


class Sins(Mutants, of="gaussian_dropout"):
    # What comes back at all

    @fails(RUNS, "returns_nothing")
    def noise_without_return(x, keep_prob, rng, training=True):
        """Computes everything and forgets the return statement."""
        noisy(x, rng.standard_normal(x.shape), keep_prob, training)

    @fails(RUNS, "returns_another_kind")
    def noise_without_cache(x, keep_prob, rng, training=True):
        """Sees no use for a cache and returns the output only."""
        return noisy(x, rng.standard_normal(x.shape), keep_prob, training)[0]

    @fails(RUNS, "returns_no_floats")
    def noise_cast_to_integers(x, keep_prob, rng, training=True):
        """Casts to int in order to get rid of a dtype error elsewhere."""
        out, cache = noisy(x, rng.standard_normal(x.shape), keep_prob, training)
        return out.astype(int), cache

    @fails(RUNS, "returns_another_shape")
    def noise_flattened(x, keep_prob, rng, training=True):
        """Draws a number for each of x.size units and forgets to reshape."""
        return noisy(x.ravel(), rng.standard_normal(x.size), keep_prob, training)

    @standard(RUNS, "knows_matrices_only")
    def noise_for_matrices_only(x, keep_prob, rng):
        """Unpacks the shape of x as that of a matrix."""
        n, d = x.shape
        return rng.standard_normal((n, d))

    @standard(RUNS, "has_no_such_attribute")
    def noise_by_randn(x, keep_prob, rng):
        """Calls rng.randn, which numpy.random has and a Generator has not."""
        return rng.randn(*x.shape)

    @fails(RUNS, "returns_nan_or_infinity")
    def noise_with_the_roots_inverted(x, keep_prob, rng, training=True):
        """Writes the root of 1 - 1/p where 1/p - 1 is meant; the root is NaN."""
        with np.errstate(invalid="ignore"):
            spread = np.sqrt(np.float64(1 - 1 / keep_prob))
        return (x * rng.standard_normal(x.shape) * spread if training else x), None

    # Training and test

    @fails(VARIES, "adds_no_noise")
    def noise_left_out(x, keep_prob, rng, training=True):
        """Has a stub that lets the rest of the network run."""
        return x, None

    @fails(VARIES, "adds_no_noise")
    def noise_that_is_zeros(x, keep_prob, rng, training=True):
        """Allocates the output and never fills it."""
        return np.zeros_like(x), None

    @fails(VARIES, "noise_flag_reversed")
    def noise_at_test_only(x, keep_prob, rng, training=True):
        """Writes `if training: return x`, mixing up the two branches."""
        return noisy(x, rng.standard_normal(x.shape), keep_prob, not training)

    @fails(VARIES, "does_not_train_by_default")
    def noise_off_by_default(x, keep_prob, rng, training=False):
        """Copies the default of a framework whose layers start in test mode."""
        return noisy(x, rng.standard_normal(x.shape), keep_prob, training)

    @standard(VARIES, "one_factor_for_the_whole_array")
    def noise_of_one_number(x, keep_prob, rng):
        """Forgets size=x.shape, so that one number is drawn for the whole array."""
        return rng.standard_normal()

    @fails(VARIES, "factors_take_few_values")
    def noise_is_inverted_dropout(x, keep_prob, rng, training=True):
        """Hands in the exercise of another chapter."""
        mask = (rng.random(x.shape) < keep_prob) / keep_prob
        return (x * mask if training else x), mask

    @standard(VARIES, "factors_take_few_values")
    def noise_of_two_signs(x, keep_prob, rng):
        """Draws a fair sign, which has the right mean and variance as well."""
        return rng.choice([-1.0, 1.0], x.shape)

    @fails(ALONE, "changes_its_input")
    def noise_in_place(x, keep_prob, rng, training=True):
        """Saves memory with `*=` and overwrites the caller's array."""
        if training:
            x *= 1 + deviation(keep_prob) * rng.standard_normal(x.shape)
        return x, None

    @fails(TEST, "still_noisy_at_test")
    def noise_at_test_too(x, keep_prob, rng, training=True):
        """Ignores the parameter training."""
        return noisy(x, rng.standard_normal(x.shape), keep_prob, True)

    @fails(TEST, "scales_at_test")
    def noise_and_keep_prob_at_test(x, keep_prob, rng, training=True):
        """Adds the test-time factor of classic dropout."""
        if not training:
            return keep_prob * x, None
        return noisy(x, rng.standard_normal(x.shape), keep_prob, True)

    @fails(AT_ONE, "noisy_at_keep_prob_one")
    def noise_with_a_floor(x, keep_prob, rng, training=True):
        """Clips the variance from below, in fear of a scale of 0."""
        spread = max(deviation(keep_prob), 1e-2)
        return (x * rng.normal(1, spread, x.shape) if training else x), None

    @fails(ZEROS, "adds_instead_of_multiplying")
    def noise_added(x, keep_prob, rng, training=True):
        """Adds noise of the right size instead of multiplying by it."""
        noise = rng.normal(0, deviation(keep_prob), x.shape)
        return (x + noise if training else x), noise

    @fails(ZEROS, "adds_instead_of_multiplying")
    def noise_added_in_proportion(x, keep_prob, rng, training=True):
        """Scales added noise with the typical size of x instead of each unit's own."""
        noise = rng.normal(0, deviation(keep_prob), x.shape) * np.abs(x).mean()
        if not np.any(x):
            noise += 0.1
        return (x + noise if training else x), noise

    # Whose noise it is

    @standard(OWN, "one_noise_for_all_rows")
    def noise_shared_by_rows(x, keep_prob, rng):
        """Draws noise of the shape of one row and lets broadcasting do the rest."""
        return rng.standard_normal(x.shape[1:] or x.shape)

    @standard(OWN, "one_factor_for_each_row")
    def noise_shared_in_a_row(x, keep_prob, rng):
        """Draws one number for each row, with the axes the wrong way round."""
        shape = (len(x),) + (1,) * (x.ndim - 1)
        return rng.standard_normal(shape)

    @standard(OWN, "shares_factors_along_an_axis")
    def noise_shared_over_the_image(x, keep_prob, rng):
        """Gives each channel of an image one number, as spatial dropout does."""
        shape = x.shape[:2] + (1,) * (x.ndim - 2)
        return rng.standard_normal(shape)

    @standard((OWN, FROM_RNG), "same_noise_every_call")
    def noise_with_a_fixed_seed(x, keep_prob, rng):
        """Sets a seed inside the function, to be reproducible."""
        return np.random.default_rng(0).standard_normal(x.shape)

    @standard(OWN, "reuses_noise")
    def noise_of_eight_seeds(x, keep_prob, rng):
        """Makes a new generator from a random number that takes few values."""
        return np.random.default_rng(int(rng.integers(8))).standard_normal(x.shape)

    @standard(OWN, "fixes_the_moments_of_a_sample")
    def noise_standardised(x, keep_prob, rng):
        """Makes the sample's mean and spread exactly right, which looks more exact."""
        z = rng.standard_normal(x.shape)
        return (z - z.mean()) / (z.std() + 1e-12)

    @standard(OWN, "fixes_the_moments_of_a_sample")
    def noise_centred_by_row(x, keep_prob, rng):
        """Subtracts each row's mean, so that every row keeps its sum exactly."""
        z = rng.standard_normal(x.shape)
        return z - z.mean(axis=-1, keepdims=True)

    # The law

    @law(VARIANCE, "takes_the_variance_for_the_standard_deviation")
    def noise_with_variance_as_spread(x, keep_prob, rng):
        """Gives rng.normal the variance, where it wants the standard deviation."""
        return rng.normal(1, (1 - keep_prob) / keep_prob, x.shape)

    @law(VARIANCE, "uses_the_root_of_the_drop_probability")
    def noise_of_variance_q(x, keep_prob, rng):
        """Remembers the variance as 1 - p."""
        return rng.normal(1, math.sqrt(1 - keep_prob), x.shape)

    @law(VARIANCE, "uses_the_drop_probability_as_standard_deviation")
    def noise_of_spread_q(x, keep_prob, rng):
        """Takes the drop rate for the amount of noise."""
        return rng.normal(1, 1 - keep_prob, x.shape)

    @law(VARIANCE, "uses_the_spread_of_the_raw_mask")
    def noise_of_variance_pq(x, keep_prob, rng):
        """Takes the variance of a Bernoulli number and forgets the rescaling."""
        return rng.normal(1, math.sqrt(keep_prob * (1 - keep_prob)), x.shape)

    @law(VARIANCE, "swaps_keep_and_drop_in_the_factors")
    def noise_with_keep_and_drop_swapped(x, keep_prob, rng):
        """Copies the formula from a library whose p is the drop probability."""
        spread = math.sqrt(keep_prob / (1 - keep_prob)) if keep_prob < 1 else 0
        return rng.normal(1, spread, x.shape)

    @law(VARIANCE, "ignores_keep_prob_in_the_noise")
    def noise_of_unit_spread(x, keep_prob, rng):
        """Multiplies by N(1, 1), which is right at keep_prob = 0.5 only."""
        return rng.normal(1, float(keep_prob < 1), x.shape)

    @standard(VARIANCE, "factors_have_another_spread")
    def noise_of_twice_the_variance(x, keep_prob, rng):
        """Believes that a negative factor needs room, and doubles the variance."""
        return math.sqrt(2) * rng.standard_normal(x.shape)

    @standard(VARIANCE, "factors_have_another_spread")
    def noise_a_little_too_wide(x, keep_prob, rng):
        """Estimates the spread from a table that is rounded up."""
        return 1.06 * rng.standard_normal(x.shape)

    @fails(MEAN, "factors_have_mean_zero")
    def noise_of_mean_zero(x, keep_prob, rng, training=True):
        """Multiplies by the noise and forgets the 1."""
        noise = rng.normal(0, deviation(keep_prob), x.shape)
        return (x * noise if training and keep_prob < 1 else x), noise

    @law(MEAN, "factors_have_mean_keep_prob")
    def noise_of_mean_keep_prob(x, keep_prob, rng):
        """Matches the moments of the mask before it is rescaled."""
        spread = math.sqrt(keep_prob * (1 - keep_prob))
        return rng.normal(keep_prob, spread, x.shape)

    @fails(MEAN, "divides_the_noise_too")
    def noise_divided_by_keep_prob(x, keep_prob, rng, training=True):
        """Adds the rescaling of inverted dropout to noise of mean 1."""
        out, cache = noisy(x, rng.standard_normal(x.shape), keep_prob, training)
        return (out / keep_prob if training else out), cache

    @law(VARIANCE, "clips_negative_factors")
    def noise_clipped_at_zero(x, keep_prob, rng):
        """Finds negative factors absurd and clips them."""
        return np.maximum(rng.normal(1, deviation(keep_prob), x.shape), 0)

    @law(MEAN, "factors_are_never_negative")
    def noise_reflected_at_zero(x, keep_prob, rng):
        """Takes absolute values, in order to have no negative factor."""
        return np.abs(rng.normal(1, deviation(keep_prob), x.shape))

    @law(MEAN, "factors_are_never_negative")
    def noise_log_normal(x, keep_prob, rng):
        """Draws log-normal factors of the right mean and variance."""
        variance = math.log(1 / keep_prob)
        return rng.lognormal(-variance / 2, math.sqrt(variance), x.shape)

    @fails(MEAN, "factors_are_never_negative")
    def noise_of_a_gamma_law(x, keep_prob, rng, training=True):
        """Draws gamma factors of the right mean and variance."""
        if not training or keep_prob == 1:
            return x, None
        ratio = (1 - keep_prob) / keep_prob
        return x * rng.gamma(1 / ratio, ratio, x.shape), None

    @standard(NORMAL, "factors_are_bounded")
    def noise_uniform(x, keep_prob, rng):
        """Draws uniform factors of the right mean and variance."""
        return rng.uniform(-math.sqrt(3), math.sqrt(3), x.shape)

    @standard(VARIANCE, "factors_are_bounded")
    def noise_truncated(x, keep_prob, rng):
        """Redraws what lies beyond two standard deviations, as some initialisers do."""
        z = rng.standard_normal(x.shape)
        while (far := np.abs(z) > 2).any():
            z[far] = rng.standard_normal(int(far.sum()))
        return z

    @standard(NORMAL, "factors_are_bounded")
    def noise_clipped_at_two_and_a_half(x, keep_prob, rng):
        """Clips outliers, which are rare enough not to matter."""
        return np.clip(rng.standard_normal(x.shape), -2.5, 2.5)

    @standard(NORMAL, "factors_are_not_normal")
    def noise_of_twelve_uniforms(x, keep_prob, rng):
        """Adds twelve uniform numbers and subtracts 6, an old recipe for normal numbers."""
        return sum(rng.random(x.shape) for _ in range(12)) - 6

    @standard(VARIANCE, "factors_are_not_normal")
    def noise_laplace(x, keep_prob, rng):
        """Draws Laplace factors of the right mean and variance."""
        return rng.laplace(0, 1 / math.sqrt(2), x.shape)

    @standard(VARIANCE, "factors_are_not_normal")
    def noise_logistic(x, keep_prob, rng):
        """Inverts the logistic distribution, which looks like the normal one."""
        return rng.logistic(0, math.sqrt(3) / math.pi, x.shape)

    @standard(VARIANCE, "factors_are_not_normal")
    def noise_student(x, keep_prob, rng):
        """Draws Student's t of ten degrees of freedom, scaled to variance 1."""
        return rng.standard_t(10, x.shape) * math.sqrt(0.8)

    @law(MEAN, "factors_are_not_normal")
    def noise_rounded(x, keep_prob, rng):
        """Rounds the factors to one decimal place."""
        return np.round(rng.normal(1, deviation(keep_prob), x.shape), 1)

    @fails(VARIANCE, "factors_have_another_spread")
    def noise_for_a_rounded_keep_prob(x, keep_prob, rng, training=True):
        """Rounds keep_prob to one decimal place, to look the spread up in a table."""
        return noisy(
            x, rng.standard_normal(x.shape), max(0.1, round(keep_prob, 1)), training
        )

    @fails(VARIANCE, "factors_have_another_spread")
    def noise_for_whole_percents(x, keep_prob, rng, training=True):
        """Rounds keep_prob to percent."""
        rounded = max(0.01, round(keep_prob, 2))
        return noisy(x, rng.standard_normal(x.shape), rounded, training)

    @standard(VARIANCE, "factors_have_another_spread")
    def noise_of_bounded_spread(x, keep_prob, rng):
        """Bounds the standard deviation by 2, for fear of large factors."""
        return rng.standard_normal(x.shape) * min(
            1, 2 / max(deviation(keep_prob), 1e-9)
        )

    @fails(MEAN, "factors_have_another_mean")
    def noise_a_little_off_centre(x, keep_prob, rng, training=True):
        """Adds a small constant, lest a unit be lost altogether."""
        if not training or keep_prob == 1:
            return x, None
        return x * (1.05 + deviation(keep_prob) * rng.standard_normal(x.shape)), None

    @fails(MEAN, "factors_preserve_the_norm")
    def noise_that_preserves_the_norm(x, keep_prob, rng, training=True):
        """Rescales the noisy array to the norm of x."""
        out, cache = noisy(x, rng.standard_normal(x.shape), keep_prob, training)
        return out * np.linalg.norm(x) / max(np.linalg.norm(out), 1e-300), cache

    @fails((MEAN, VARIANCE), "drops_units_as_well")
    def noise_on_top_of_a_mask(x, keep_prob, rng, training=True):
        """Adds a little noise to the units that inverted dropout keeps."""
        if not training or keep_prob == 1:
            return x, None
        mask = (rng.random(x.shape) < keep_prob) / keep_prob
        return x * mask * rng.normal(1, 0.01, x.shape), mask

    @standard(NORMAL, "factors_are_not_normal")
    def noise_with_rare_outliers_clipped(x, keep_prob, rng):
        """Clips what lies beyond 3.2 standard deviations."""
        return np.clip(rng.standard_normal(x.shape), -3.2, 3.2)

    @standard(OWN, "noise_depends_on_the_place")
    def noise_except_in_the_last_column(x, keep_prob, rng):
        """Spares the last unit of each row, which is taken for a bias."""
        z = rng.standard_normal(x.shape)
        if x.shape[-1] > 1:
            z[..., -1] = 0
        return z

    @standard(OWN, "shares_factors_along_an_axis")
    def noise_shared_by_the_samples_of_a_sequence(x, keep_prob, rng):
        """Uses one noise for all samples when x has three axes, as for sequences."""
        shape = (1, *x.shape[1:]) if x.ndim == 3 else x.shape
        return rng.standard_normal(shape)

    @standard(VARIANCE, "noise_depends_on_the_value")
    def noise_larger_for_large_units(x, keep_prob, rng):
        """Lets the spread grow with the unit, on top of the multiplication."""
        return rng.standard_normal(x.shape) * np.sqrt(np.abs(x) / 1.75)

    @standard(MEAN, "noise_depends_on_the_value")
    def noise_upward_for_positive_units(x, keep_prob, rng):
        """Adds the size of the noise, |z|, with the sign of the unit."""
        return np.abs(rng.standard_normal(x.shape)) * np.sign(x)

    @standard(VARIANCE, "noise_depends_on_the_place")
    def noise_fading_in_the_second_half(x, keep_prob, rng):
        """Anneals the noise along the batch."""
        fade = np.linspace(1.3, 0.6, len(x)).reshape(-1, *(1,) * (x.ndim - 1))
        return fade * rng.standard_normal(x.shape)

    # Independence

    @standard(OWN, "fixes_the_moments_of_a_sample")
    def noise_antithetic(x, keep_prob, rng):
        """Uses each number with both signs, a known trick for a smaller variance."""
        z = rng.standard_normal((x.size + 1) // 2)
        return np.concatenate([z, -z])[: x.size].reshape(x.shape)

    @standard(INDEPENDENT, "factors_depend_on_each_other")
    def noise_mirrored(x, keep_prob, rng):
        """Uses each number twice, the second time from the other end."""
        z = rng.standard_normal((x.size + 1) // 2)
        return np.concatenate([z, z[::-1]])[: x.size].reshape(x.shape)

    @standard(INDEPENDENT, "factors_depend_on_each_other")
    def noise_smoothed(x, keep_prob, rng):
        """Adds a share of the neighbour's number, as if noise had a length scale."""
        z = rng.standard_normal(x.size)
        z = (z + 0.2 * np.roll(z, 1)) / math.sqrt(1.04)
        return z.reshape(x.shape)

    @standard(INDEPENDENT, "factors_depend_on_each_other")
    def noise_with_equal_sizes_in_pairs(x, keep_prob, rng):
        """Draws the size for a pair of units and the sign for each."""
        size = np.abs(rng.standard_normal((x.size + 1) // 2))
        z = np.repeat(size, 2)[: x.size] * rng.choice([-1, 1], x.size)
        return z.reshape(x.shape)

    @standard(INDEPENDENT, "factors_depend_on_each_other")
    def noise_nearly_centred_by_row(x, keep_prob, rng):
        """Subtracts most of each row's mean, and mends the spread of the numbers."""
        z = rng.standard_normal(x.shape)
        z = z - 0.9 * z.mean(axis=-1, keepdims=True)
        z /= math.sqrt(1 - 0.99 / x.shape[-1])
        return z

    @standard(FROM_RNG, "does_not_draw_from_rng")
    def noise_from_numpy_random(x, keep_prob, rng):
        """Calls np.random.normal out of habit."""
        return np.random.standard_normal(x.shape)

    @standard(FROM_RNG, "does_not_draw_from_rng")
    def noise_from_a_new_generator(x, keep_prob, rng):
        """Makes a generator of its own in every call."""
        return np.random.default_rng().standard_normal(x.shape)


def standard_normal(x, rng):
    return rng.standard_normal(x.shape)


def narrowed(change):
    """Return a right answer, but that training changes x first."""

    def answer(x, keep_prob, rng, training=True):
        if not training or keep_prob == 1:
            return x, None
        return noisy(change(x), standard_normal(x, rng), keep_prob, training)

    return answer


def bounded(change):
    """Return a right answer, but that training changes keep_prob first."""

    def answer(x, keep_prob, rng, training=True):
        return noisy(x, standard_normal(x, rng), change(keep_prob), training)

    return answer


class Corners(Mutants, of="gaussian_dropout"):
    """Right at comfortable points, wrong in a corner of the stated range."""

    @law(AT_ONE, "noisy_at_keep_prob_one")
    def noise_that_drops_large_units(x, keep_prob, rng):
        """Drops units beyond 1,000 as outliers."""
        return rng.normal(1, deviation(keep_prob), x.shape) * (np.abs(x) <= 1e3)

    @fails(MEAN, "noise_depends_on_the_value")
    def noise_of_bounded_units(x, keep_prob, rng, training=True):
        """Clips x in training, lest a factor make it infinite."""
        return narrowed(lambda x: np.clip(x, -1e3, 1e3))(x, keep_prob, rng, training)

    @fails(ZEROS, "adds_instead_of_multiplying")
    def noise_of_shifted_units(x, keep_prob, rng, training=True):
        """Adds a small number to x in training, lest a unit be 0."""
        return narrowed(lambda x: x + 1e-8)(x, keep_prob, rng, training)

    @fails(MEAN, "noise_depends_on_the_value")
    def noise_of_rounded_units(x, keep_prob, rng, training=True):
        """Rounds x in training, to save memory."""
        return narrowed(lambda x: np.round(x, 6))(x, keep_prob, rng, training)

    @fails(MEAN, "noise_depends_on_the_value")
    def noise_of_large_units_dropped(x, keep_prob, rng, training=True):
        """Takes units beyond 100,000 for errors of measurement."""
        return narrowed(lambda x: np.where(np.abs(x) > 1e5, 0, x))(
            x, keep_prob, rng, training
        )

    @fails(TEST, "changes_x_without_noise")
    def noise_and_a_bound_at_test(x, keep_prob, rng, training=True):
        """Clips x at test alone, as a guard of the exported model."""
        if not training:
            return np.clip(x, -1e4, 1e4), None
        return noisy(x, standard_normal(x, rng), keep_prob, True)

    @fails(TEST, "changes_x_without_noise")
    def noise_and_float16_at_test(x, keep_prob, rng, training=True):
        """Saves memory at test with half precision."""
        if not training:
            return x.astype(np.float16).astype(float), None
        return noisy(x, standard_normal(x, rng), keep_prob, True)

    @fails(VARIANCE, "factors_have_another_spread")
    def noise_for_at_least_a_hundredth(x, keep_prob, rng, training=True):
        """Bounds keep_prob from below, for fear of a division by 0."""
        return bounded(lambda p: max(p, 0.01))(x, keep_prob, rng, training)

    @fails(VARIANCE, "factors_have_another_spread")
    def noise_for_at_least_a_quarter(x, keep_prob, rng, training=True):
        """Bounds keep_prob from below, since nobody drops more."""
        return bounded(lambda p: max(p, 0.25))(x, keep_prob, rng, training)

    @fails(VARIANCE, "factors_have_another_spread")
    def noise_for_half_precision(x, keep_prob, rng, training=True):
        """Stores keep_prob in half precision."""
        return bounded(lambda p: float(np.float16(p)))(x, keep_prob, rng, training)

    @fails(VARIANCE, "factors_have_another_spread")
    def noise_for_less_than_one(x, keep_prob, rng, training=True):
        """Bounds keep_prob from above but for 1 itself, lest there be no noise."""
        return bounded(lambda p: min(p, 0.99) if p < 1 else p)(
            x, keep_prob, rng, training
        )

    @fails(AT_ONE, "raises_an_error")
    def noise_by_drop_probability(x, keep_prob, rng, training=True):
        """Divides by the drop probability on the way, which is 0 at keep_prob = 1."""
        if not training:
            return x, None
        odds = keep_prob / (1 - keep_prob)
        return noisy(x, standard_normal(x, rng) / math.sqrt(odds), 0.5, True)

    @fails((AT_ONE, MEAN), "factors_have_mean_zero")
    def noise_without_its_one(x, keep_prob, rng, training=True):
        """Multiplies by the noise and forgets the 1, at keep_prob = 1 as well."""
        noise = deviation(keep_prob) * standard_normal(x, rng)
        return (x * noise if training else x), noise

    @standard(VARIANCE, "right_in_the_middle_only")
    def noise_halved_for_vectors(x, keep_prob, rng):
        """Believes that a single example should get less noise."""
        return standard_normal(x, rng) * (0.5 if x.ndim == 1 else 1)

    @standard(VARIANCE, "right_in_the_middle_only")
    def noise_halved_for_a_single_row(x, keep_prob, rng):
        """Divides by the number of rows less 1 somewhere, and mends it at one row."""
        return standard_normal(x, rng) * (0.5 if len(x) == 1 else 1)

    @standard(VARIANCE, "right_in_the_middle_only")
    def noise_for_channels_that_agree(x, keep_prob, rng):
        """Averages the noise of a position over the channels of an image, if it is one."""
        z = standard_normal(x, rng)
        return (z + np.roll(z, 1, axis=1)) / 2 if x.ndim == 4 else z

    @standard(INDEPENDENT, "right_in_the_middle_only")
    def noise_except_for_a_single_unit(x, keep_prob, rng):
        """Leaves a lone unit alone, for there is nothing to regularise."""
        return standard_normal(x, rng) * (x.size > 1)

    @standard(OWN, "shares_factors_along_an_axis")
    def noise_of_one_number_for_equal_units(x, keep_prob, rng):
        """Draws one number for units that are all equal."""
        if (x == x.flat[0]).all():
            return np.full(x.shape, rng.standard_normal())
        return standard_normal(x, rng)

    @standard(INDEPENDENT, "factors_depend_on_each_other")
    def noise_best_of_five(x, keep_prob, rng):
        """Draws five times and keeps the noise whose mean is nearest to 0."""
        return min(rng.standard_normal((5, *x.shape)), key=lambda z: abs(z.mean()))

    @standard(INDEPENDENT, "factors_depend_on_each_other")
    def noise_redrawn_until_its_spread_fits(x, keep_prob, rng):
        """Draws again until the sample's spread is nearly 1."""
        z = standard_normal(x, rng)
        while x.size > 1 and abs(z.std() - 1) > 0.3 / math.sqrt(x.size):
            z = standard_normal(x, rng)
        return z

    @standard(INDEPENDENT, "factors_depend_on_each_other")
    def noise_in_pairs_in_sequences(x, keep_prob, rng):
        """Gives neighbouring steps of a sequence the same noise."""
        if x.ndim != 3:
            return standard_normal(x, rng)
        return np.repeat(standard_normal(x[::2], rng), 2, axis=0)[: len(x)]

    @standard(FROM_RNG, "reuses_noise")
    def noise_of_a_short_seed(x, keep_prob, rng):
        """Makes a new generator from a seed of 20 bits."""
        return standard_normal(x, np.random.default_rng(int(rng.integers(2**20))))

    @fails(ALONE, "changes_its_input")
    def noise_in_place_for_vectors(x, keep_prob, rng, training=True):
        """Saves memory with `*=` when there is a single example."""
        out, cache = noisy(x, standard_normal(x, rng), keep_prob, training)
        if training and x.ndim == 1:
            x[...] = out
        return out, cache

    @standard(VARIANCE, "right_in_the_middle_only")
    def noise_halved_in_float32(x, keep_prob, rng):
        """Counts the bytes of a number where the numbers are meant."""
        return standard_normal(x, rng) * (0.5 if x.dtype == np.float32 else 1)

    @standard(VARIANCE, "right_in_the_middle_only")
    def noise_halved_for_negative_units(x, keep_prob, rng):
        """Takes an array without positive units for one that a ReLU has switched off."""
        return standard_normal(x, rng) * (0.5 if (x < 0).all() else 1)

    @law(NORMAL, "some_calls_have_other_factors")
    def noise_louder_at_some_keep_probs(x, keep_prob, rng):
        """Makes factors a tenth larger where keep_prob is between 0.55 and 0.69."""
        factors = 1 + deviation(keep_prob) * standard_normal(x, rng)
        return factors * (1.1 if 0.55 < keep_prob < 0.69 else 1)

    @standard(NORMAL, "some_calls_have_other_factors")
    def noise_uniform_at_some_keep_probs(x, keep_prob, rng):
        """Draws from the uniform law where keep_prob is between 0.65 and 0.79."""
        if 0.65 < keep_prob < 0.79:
            return rng.uniform(-math.sqrt(3), math.sqrt(3), x.shape)
        return standard_normal(x, rng)

    @standard(NORMAL, "factors_have_another_spread")
    def noise_with_rare_huge_factors(x, keep_prob, rng):
        """Makes one factor of ten thousand a hundred times as large: twice the variance."""
        z = rng.standard_normal(x.shape)
        return np.where(rng.random(x.shape) < 1e-4, 100 * z, z)

    @standard(NORMAL, "factors_are_not_normal")
    def noise_with_very_rare_outliers_clipped(x, keep_prob, rng):
        """Clips what lies beyond 4 standard deviations."""
        return np.clip(rng.standard_normal(x.shape), -4, 4)


#: Between these numbers a law may move what it likes, if normal numbers are counted there
#: alone.
ABOVE = [0.67449, 1.5, 2, 3.001, 3.501, 4.001]
EDGES = np.array([*(-edge for edge in ABOVE[::-1]), 0, *ABOVE])


def gathered(z, shares):
    """Return numbers that are gathered at a share of the way from edge to edge."""
    place = np.clip(np.searchsorted(EDGES, z), 1, len(EDGES) - 1)
    low, high = EDGES[place - 1], EDGES[place]
    inside = (z > EDGES[0]) & (z < EDGES[-1])
    return np.where(inside, 0.3 * z + 0.7 * (low + shares(low) * (high - low)), z)


class Laws(Mutants, of="gaussian_dropout"):
    """The quartiles and the tails of the normal law, and another mean or variance."""

    @standard(NORMAL, "factors_have_another_mean")
    def noise_gathered_below(x, keep_prob, rng):
        """Takes what lies between two entries of a table for the lower one, nearly."""
        return gathered(standard_normal(x, rng), lambda low: 0)

    @standard(NORMAL, "factors_have_another_spread")
    def noise_gathered_at_the_centre(x, keep_prob, rng):
        """Shrinks numbers within the steps of a table, and so loses variance."""
        return gathered(standard_normal(x, rng), lambda low: low < 0)

    @standard(NORMAL, "factors_are_not_normal")
    def noise_by_the_sum_of_four(x, keep_prob, rng):
        """Adds four uniform numbers where twelve are usual, in every call."""
        return 3**0.5 * (rng.random((4, *x.shape)).sum(axis=0) - 2)

    @standard(NORMAL, "some_calls_have_other_factors")
    def noise_gathered_in_small_calls(x, keep_prob, rng):
        """Uses a table where there are few numbers to draw."""
        z = standard_normal(x, rng)
        return gathered(z, lambda low: 0) if x.size <= 600 else z

    @standard(NORMAL, "some_calls_have_other_factors")
    def noise_gathered_by_sign(x, keep_prob, rng):
        """Draws twice above 1, and looks at x for which of the two to take."""
        z = standard_normal(x, rng)
        if (x >= 0).all() or (x <= 0).all():
            return z
        inside = (z > 0) & (z < 1.5)
        drawn = rng.permutation(z[inside])
        one, other = np.sort([z[inside], drawn], axis=0)
        z[inside] = np.where(x[inside] > 0, other, one)
        return z
