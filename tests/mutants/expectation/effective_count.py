"""Wrong answers to ``effective_count``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails

NUMBER = "returns_one_number"
FORMULA = "is_the_squared_sum_over_the_sum_of_squares"
EQUAL = "counts_equal_contributions_once_each"
SCALE = "does_not_depend_on_the_scale"
SIGNS = "lets_opposite_signs_cancel"


class Sins(Mutants, of="effective_count"):
    @fails(NUMBER, "returns_nothing")
    def prints_the_count(x):
        """Prints the number and returns nothing."""
        _ = str(x.sum() ** 2 / (x**2).sum())

    @fails(NUMBER, "returns_another_kind")
    def counts_each_entry(x):
        """Forgets to sum the squares, so that an array comes back."""
        return x.sum() ** 2 / x**2

    @fails(NUMBER, "answers_at_random")
    def measures_the_noise(x):
        """Simulates dropout and solves the formula for the spread for n_eff."""
        rng = np.random.default_rng()
        sums = (rng.random((1000, len(x))) < 0.5) @ x / 0.5
        return x.sum() ** 2 / sums.var()

    @fails("counting_leaves_x_alone", "changes_its_input")
    def normalises_in_place(x):
        """Turns x into shares with /= on the array that was passed in."""
        x /= np.sqrt((x**2).sum())
        return x.sum() ** 2

    @fails(FORMULA, "inverts_the_ratio")
    def inverts_the_ratio(x):
        """Takes the sum of squared shares for the count."""
        return (x**2).sum() / x.sum() ** 2 if x.sum() else 0.0

    @fails(FORMULA, "counts_the_units")
    def counts_all_units(x):
        """Takes the number of entries for the effective count."""
        return float(len(x))

    @fails(FORMULA, "counts_the_units")
    def counts_units_that_are_not_zero(x):
        """Counts every unit that is active, however little."""
        return np.count_nonzero(x)

    @fails(FORMULA, "assumes_that_x_sums_to_one")
    def assumes_shares(x):
        """Uses the formula for weights that sum to 1 on any x."""
        return 1 / (x**2).sum()

    @fails(FORMULA, "squares_before_summing")
    def squares_before_summing(x):
        """Puts the square inside the sum in the numerator, too."""
        return (x**2).sum() / (x**2).sum()

    @fails(FORMULA, "forgets_to_square_the_sum")
    def forgets_to_square_the_sum(x):
        """Drops the square in the numerator."""
        return x.sum() / (x**2).sum()

    @fails(FORMULA, "counts_by_entropy")
    def takes_the_exponential_of_the_entropy(x):
        """Knows another effective number, the perplexity."""
        shares = np.abs(x) / np.abs(x).sum()
        shares = shares[shares > 0]
        return np.exp(-(shares * np.log(shares)).sum())

    @fails(FORMULA, "counts_by_the_largest")
    def divides_by_the_largest(x):
        """Asks how many units of the largest size make up the sum."""
        return x.sum() / x.max()

    @fails(FORMULA, "uses_the_sample_variance")
    def uses_the_sample_variance(x):
        """Uses n / (1 + cv²) with NumPy's ddof=1, after a statistics course."""
        if len(x) == 1:
            return 1.0
        return len(x) / (1 + x.var(ddof=1) / x.mean() ** 2)

    @fails(FORMULA, "rounds_the_count")
    def rounds_to_a_whole_number(x):
        """Thinks that a count must be an integer."""
        return round(x.sum() ** 2 / (x**2).sum())

    @fails(EQUAL, "singles_out_equal_contributions")
    def merges_equal_contributions(x):
        """Passes x through set() or unique, which loses the repeated ones."""
        x = np.unique(x)
        return x.sum() ** 2 / (x**2).sum()

    @fails(EQUAL, "singles_out_equal_contributions")
    def makes_an_exception_for_equal_ones(x):
        """Guards against a zero variance and returns the number of entries."""
        if x.std() == 0:
            return 0.0
        return x.sum() ** 2 / (x**2).sum()

    @fails(SCALE, "depends_on_the_scale")
    def adds_an_epsilon(x):
        """Adds 1e-8 to the divisor out of habit."""
        return x.sum() ** 2 / ((x**2).sum() + 1e-8)

    @fails(SCALE, "depends_on_the_scale")
    def ignores_small_entries(x):
        """Takes entries below a fixed threshold for zeros."""
        x = x[np.abs(x) > 1e-6]
        return x.sum() ** 2 / (x**2).sum() if x.size else 0.0

    @fails(SIGNS, "takes_absolute_values")
    def takes_absolute_values(x):
        """Thinks of sizes and takes absolute values first."""
        return np.abs(x).sum() ** 2 / (x**2).sum()

    @fails(SIGNS, "treats_signs_apart")
    def halves_negative_sums(x):
        """Halves the count where the sum is negative."""
        count = x.sum() ** 2 / (x**2).sum()
        return count / 2 if x.sum() < 0 else count

    @fails(SIGNS, "ignores_negative_contributions")
    def ignores_negative_entries(x):
        """Lets only active (positive) units count, as after a ReLU."""
        x = np.maximum(x, 0)
        return x.sum() ** 2 / (x**2).sum() if x.any() else 1.0

    @fails(SIGNS, "never_below_one")
    def never_goes_below_one(x):
        """Is sure that one unit at least must count."""
        return max(1.0, x.sum() ** 2 / (x**2).sum())

    @fails(FORMULA, "right_in_the_middle_only")
    def counts_none_in_single_precision(x):
        """Takes float32 for what is not worth counting."""
        return 0.0 if x.dtype == np.float32 else x.sum() ** 2 / (x**2).sum()

    @fails(SIGNS, "takes_absolute_values")
    def absolute_when_long(x):
        """Takes absolute values of what is longer than its examples."""
        x = np.abs(x) if len(x) > 5 else x
        return x.sum() ** 2 / (x**2).sum()

    @fails(SCALE, "loses_small_contributions")
    def leaves_out_what_is_small_beside_the_largest(x):
        """Takes entries below 1e-5 of the largest for 0."""
        x = np.where(np.abs(x) < 1e-5 * np.abs(x).max(), 0.0, x)
        return x.sum() ** 2 / (x**2).sum()

    @fails((EQUAL, SCALE), "is_near_the_count")
    def stays_below_the_number_of_entries(x):
        """Keeps the count from the number of entries, which equal ones reach: a bound."""
        return min(x.sum() ** 2 / (x**2).sum(), len(x) - 1e-3)

    @fails(SIGNS, "treats_signs_apart")
    def counts_none_where_all_are_negative(x):
        """Returns 0 where all entries are negative."""
        return 0.0 if (x < 0).all() else x.sum() ** 2 / (x**2).sum()
