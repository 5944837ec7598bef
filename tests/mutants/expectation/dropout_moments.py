"""Wrong answers to ``dropout_moments``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails

ARRAYS = "returns_two_float_arrays_of_the_input_shape"
MEAN = "the_mean_is_x"
VARIANCE = "the_variance_is_that_of_the_rescaled_unit"
NO_NOISE = "there_is_no_noise_at_keep_prob_one"


class Sins(Mutants, of="dropout_moments"):
    @fails(ARRAYS, "returns_another_kind")
    def returns_only_the_mean(x, keep_prob):
        """Overlooks that two things are asked for."""
        return x.copy()

    @fails(ARRAYS, "averages_over_the_units")
    def averages_over_units(x, keep_prob):
        """Calls .mean() and .var() because the words are in the question."""
        return x.mean(), x.var()

    @fails(MEAN, "averages_over_the_units")
    def averages_over_units_in_the_right_shape(x, keep_prob):
        """Averages over the units and broadcasts to pass the shape check."""
        mean = np.full(x.shape, x.mean())
        return mean, x**2 * (1 - keep_prob) / keep_prob

    @fails(ARRAYS, "answers_at_random")
    def simulates_the_moments(x, keep_prob):
        """Estimates both moments from a thousand masks."""
        rng = np.random.default_rng()
        out = (rng.random((1000, *x.shape)) < keep_prob) * x / keep_prob
        return out.mean(axis=0), out.var(axis=0)

    @fails((MEAN, VARIANCE), "close_but_not_exact")
    def simulates_with_a_seed(x, keep_prob):
        """Estimates both moments from a thousand masks that never change."""
        rng = np.random.default_rng(0)
        out = (rng.random((1000, *x.shape)) < keep_prob) * x / keep_prob
        return out.mean(axis=0), out.var(axis=0)

    @fails("moments_leave_x_alone", "changes_its_input")
    def squares_x_in_place(x, keep_prob):
        """Saves memory with *= on the array that was passed in."""
        mean = x.copy()
        x *= x
        return mean, x * ((1 - keep_prob) / keep_prob)

    @fails((MEAN, VARIANCE), "forgets_the_division")
    def describes_the_masked_unit(x, keep_prob):
        """Gives the moments of mask * x, the Bernoulli ones of a textbook."""
        return keep_prob * x, x**2 * keep_prob * (1 - keep_prob)

    @fails(VARIANCE, "forgets_the_division")
    def leaves_the_variance_unscaled(x, keep_prob):
        """Knows that the mean is x and takes the variance of the mask, p q."""
        return x.copy(), x**2 * keep_prob * (1 - keep_prob)

    @fails(MEAN, "gives_the_kept_value_as_mean")
    def gives_the_kept_value(x, keep_prob):
        """Reports what a kept unit shows, without the masks that drop it."""
        return x / keep_prob, x**2 * (1 - keep_prob) / keep_prob

    @fails(VARIANCE, "gives_the_second_moment")
    def gives_the_second_moment(x, keep_prob):
        """Stops at the mean of the square."""
        return x.copy(), x**2 / keep_prob

    @fails(VARIANCE, "gives_the_standard_deviation")
    def gives_the_standard_deviation(x, keep_prob):
        """Takes the root because noise is usually reported as a standard deviation."""
        return x.copy(), np.abs(x) * np.sqrt((1 - keep_prob) / keep_prob)

    @fails(VARIANCE, "divides_the_variance_once")
    def divides_the_variance_once(x, keep_prob):
        """Divides p q x² by keep_prob, as the unit was, and not by its square."""
        return x.copy(), x**2 * keep_prob * (1 - keep_prob) / keep_prob

    @fails(VARIANCE, "swaps_keep_and_drop_in_the_variance")
    def reads_keep_prob_as_drop_probability(x, keep_prob):
        """Takes the formula from a page on which p is the drop probability."""
        return x.copy(), x**2 * keep_prob / (1 - keep_prob + (keep_prob == 1))

    @fails(VARIANCE, "forgets_to_square_x")
    def forgets_to_square(x, keep_prob):
        """Carries x through as if the variance were linear."""
        return x.copy(), x * (1 - keep_prob) / keep_prob

    @fails(VARIANCE, "averages_over_the_units")
    def takes_the_variance_of_the_units(x, keep_prob):
        """Knows that the mean is x and asks NumPy for the variance."""
        return x.copy(), np.full(x.shape, x.var())

    @fails(NO_NOISE, "raises_an_error")
    def divides_by_the_odds(x, keep_prob):
        """Writes the variance as x² over the odds, which are infinite at 1."""
        return x.copy(), x**2 / (keep_prob / (1 - keep_prob))

    @fails(VARIANCE, "right_in_the_middle_only")
    def no_variance_of_many_units(x, keep_prob):
        """Has a case of its own for large arrays: zeros, where more than 120 units come."""
        variance = x**2 * (1 - keep_prob) / keep_prob
        return x.copy(), variance * (x.size <= 120)

    @fails((MEAN, VARIANCE), "right_in_the_middle_only")
    def remembers_by_the_first_entry(x, keep_prob, known={}):  # noqa: B006
        """Keeps answers by the shape, the first entry and keep_prob, and gives them again."""
        key = x.shape, x.flat[0], keep_prob
        if key not in known:
            known[key] = x.copy(), x**2 * (1 - keep_prob) / keep_prob
        return tuple(map(np.copy, known[key]))

    @fails(VARIANCE, "right_in_the_middle_only")
    def a_bit_more_variance_in_single_precision(x, keep_prob):
        """Wants to make up for float32's digits: near, whatever is rounded elsewhere."""
        more = 1.1 if x.dtype == np.float32 else 1.0
        return x.copy(), more * x**2 * (1 - keep_prob) / keep_prob
