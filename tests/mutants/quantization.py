"""Wrong answers to the exercises of ``quantization``, each named after its sin."""

import functools
import math

import numpy as np

from tests.bank import mutant

# ---------------------------------------------------------------- kept_count_distribution

RUNS = "returns_one_float_for_each_count"
CHANCES = "gives_the_chance_of_each_count"
MANY = "stays_exact_for_many_units"
EDGES = "one_count_is_certain_at_zero_and_one"

count_mutant = functools.partial(mutant, "kept_count_distribution")


def by_logarithms(n, p):
    """Return the right answer, for 0 <= p <= 1."""
    if p in (0, 1):
        return np.eye(n + 1)[round(n * p)]
    k = np.arange(n + 1)
    logs = np.concatenate([[0], np.cumsum(np.log(k[1:]))])
    ways = logs[n] - logs - logs[::-1]
    return np.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))


@count_mutant(RUNS, "returns_nothing")
def counts_and_returns_nothing(n, keep_prob):
    """Fills the array and forgets the return statement."""
    by_logarithms(n, keep_prob)


@count_mutant(RUNS, "returns_another_kind")
def counts_into_a_list(n, keep_prob):
    """Appends the probabilities to a list and returns it."""
    return by_logarithms(n, keep_prob).tolist()


@count_mutant(RUNS, "returns_another_kind")
def counts_into_a_dictionary(n, keep_prob):
    """Maps each count to its probability."""
    return dict(enumerate(by_logarithms(n, keep_prob).tolist()))


@count_mutant(RUNS, "misses_a_count")
def counts_one_to_n(n, keep_prob):
    """Begins at one kept unit, as if none were impossible."""
    return by_logarithms(n, keep_prob)[1:]


@count_mutant(RUNS, "misses_a_count")
def counts_below_n(n, keep_prob):
    """Writes range(n) for the counts 0 to n."""
    return by_logarithms(n, keep_prob)[:n]


@count_mutant(RUNS, "returns_another_shape")
def counts_in_two_columns(n, keep_prob):
    """Returns a table of counts and probabilities."""
    return np.stack([np.arange(n + 1), by_logarithms(n, keep_prob)], axis=1)


@count_mutant(RUNS, "returns_no_floats")
def counts_in_integers(n, keep_prob):
    """Builds the array with dtype int, because counts are whole numbers."""
    return by_logarithms(n, keep_prob).astype(int)


@count_mutant(RUNS, "simulates_the_distribution")
def simulates_the_counts(n, keep_prob):
    """Draws masks and counts how often each number comes up."""
    kept = np.random.default_rng().binomial(n, keep_prob, size=10_000)
    return np.bincount(kept, minlength=n + 1) / 10_000


@count_mutant(CHANCES, "approximates_the_distribution")
def simulates_the_counts_with_a_seed(n, keep_prob):
    """Simulates, and sets a seed so that the result is reproducible."""
    kept = np.random.default_rng(0).binomial(n, keep_prob, size=100_000)
    return np.bincount(kept, minlength=n + 1) / 100_000


@count_mutant(CHANCES, "approximates_the_distribution")
def takes_the_normal_curve(n, keep_prob):
    """Remembers that a binomial law is nearly normal."""
    k, variance = np.arange(n + 1), n * keep_prob * (1 - keep_prob) + 1e-300
    chances = np.exp(-((k - n * keep_prob) ** 2) / (2 * variance))
    return chances / chances.sum()


@count_mutant(CHANCES, "approximates_the_distribution")
def takes_the_poisson_law(n, keep_prob):
    """Counts the dropped units as rare events."""
    rate = n * (1 - keep_prob)
    logs = [k * math.log(rate + 1e-300) - math.lgamma(k + 1) for k in range(n + 1)]
    return np.exp(np.array(logs) - rate)[::-1]


@count_mutant(CHANCES, "approximates_the_distribution")
def rounds_the_chances(n, keep_prob):
    """Rounds to four decimals so that the output looks tidy."""
    return np.round(by_logarithms(n, keep_prob), 4)


@count_mutant(CHANCES, "counts_the_dropped_units")
def counts_with_the_drop_probability(n, keep_prob):
    """Takes keep_prob for the probability that a unit is dropped."""
    return by_logarithms(n, keep_prob)[::-1].copy()


@count_mutant(CHANCES, "forgets_the_binomial_coefficient")
def gives_the_chance_of_one_mask(n, keep_prob):
    """Multiplies the probabilities of the units and forgets how many masks there are."""
    k = np.arange(n + 1)
    return keep_prob**k * (1.0 - keep_prob) ** (n - k)


@count_mutant(CHANCES, "counts_masks_as_equally_likely")
def takes_fair_coins(n, keep_prob):
    """Counts the masks as if all of them were equally likely."""
    return by_logarithms(n, 0.5)


@count_mutant(CHANCES, "counts_masks_as_equally_likely")
def counts_the_masks(n, keep_prob):
    """Stops at the binomial coefficient."""
    return np.array([float(math.comb(n, k)) for k in range(n + 1)])


@count_mutant(CHANCES, "forgets_the_factor_of_the_dropped")
def forgets_that_others_are_dropped(n, keep_prob):
    """Has the factor of the kept units only."""
    return np.array([math.comb(n, k) * float(keep_prob) ** k for k in range(n + 1)])


@count_mutant(CHANCES, "gives_cumulative_probabilities")
def gives_at_most_k(n, keep_prob):
    """Returns the distribution function, which is called distribution as well."""
    return np.cumsum(by_logarithms(n, keep_prob))


@count_mutant(CHANCES, "gives_cumulative_probabilities")
def gives_at_least_k(n, keep_prob):
    """Adds up the tail, as tables do."""
    return np.cumsum(by_logarithms(n, keep_prob)[::-1])[::-1].copy()


@count_mutant(CHANCES, "leaves_out_the_empty_mask")
def sets_the_empty_mask_to_zero(n, keep_prob):
    """Thinks that at least one unit is always kept."""
    chances = by_logarithms(n, keep_prob)
    chances[0] = 0
    return chances


@count_mutant(CHANCES, "leaves_out_the_empty_mask")
def conditions_on_a_kept_unit(n, keep_prob):
    """Normalises over the counts from 1, for which n / K is defined."""
    chances = by_logarithms(n, keep_prob)
    chances[0] = 0
    return chances / max(chances.sum(), 1e-300)


@count_mutant(CHANCES, "gives_the_fractions")
def gives_the_lattice(n, keep_prob):
    """Returns the fractions K / n themselves."""
    return np.arange(n + 1) / n


@count_mutant(CHANCES, "is_no_binomial_distribution")
def uses_the_wrong_exponent(n, keep_prob):
    """Raises 1 - keep_prob to the power k as well."""
    k = np.arange(n + 1)
    return by_logarithms(n, 0.5) * (2 * keep_prob) ** k * (2 - 2 * keep_prob) ** k


@count_mutant(CHANCES, "is_no_binomial_distribution")
def scales_by_the_count(n, keep_prob):
    """Weights each probability with its count, on the way to the mean."""
    return np.arange(n + 1) * by_logarithms(n, keep_prob)


@count_mutant(CHANCES, "approximates_the_distribution")
def rounds_keep_prob_to_percent(n, keep_prob):
    """Rounds keep_prob to two digits first."""
    return by_logarithms(n, round(keep_prob, 2))


@count_mutant(MANY, "overflows_for_many_units")
def multiplies_the_three_factors(n, keep_prob):
    """Writes the formula as it stands in the chapter."""
    return np.array(
        [
            math.comb(n, k) * keep_prob**k * (1 - keep_prob) ** (n - k)
            for k in range(n + 1)
        ]
    )


@count_mutant(MANY, "overflows_for_many_units")
def multiplies_float_coefficients(n, keep_prob):
    """Builds the coefficients as floats, which become infinite."""
    k = np.arange(n + 1)
    steps = (n - k[:-1]) / (k[:-1] + 1)
    with np.errstate(all="ignore"):
        ways = np.concatenate([[1.0], np.cumprod(steps)])
        return ways * keep_prob**k * (1.0 - keep_prob) ** (n - k)


@count_mutant(MANY, "overflows_for_many_units")
def divides_factorials(n, keep_prob):
    """Computes factorials as floats, of which the 171st is infinite."""
    k = np.arange(n + 1)
    with np.errstate(all="ignore"):
        factorial = np.concatenate([[1.0], np.cumprod(k[1:].astype(float))])
        ways = factorial[n] / factorial / factorial[::-1]
        return ways * keep_prob**k * (1.0 - keep_prob) ** (n - k)


@count_mutant(MANY, "underflows_for_many_units")
def begins_at_no_unit(n, keep_prob):
    """Goes from entry to entry by their ratio, beginning at (1 - keep_prob) ** n."""
    if keep_prob == 1:
        return np.eye(n + 1)[n]
    odds, chances = keep_prob / (1 - keep_prob), [(1 - keep_prob) ** n]
    for k in range(n):
        chances.append(chances[-1] * (n - k) / (k + 1) * odds)
    return np.array(chances)


@count_mutant(MANY, "underflows_for_many_units")
def replaces_nan_by_zero(n, keep_prob):
    """Meets infinity times zero and replaces it, to get rid of a warning."""
    return np.nan_to_num(
        multiplies_float_coefficients(n, keep_prob), nan=0.0, posinf=0.0
    )


@count_mutant(MANY, "loses_digits_for_many_units")
def multiplies_in_64_bits(n, keep_prob):
    """Computes Pascal's triangle in np.int64, which wraps around without a word."""
    row = np.ones(1, dtype=np.int64)
    for _ in range(n):
        row = np.append(row, 0) + np.append(0, row)
    k = np.arange(n + 1)
    return row * float(keep_prob) ** k * (1.0 - keep_prob) ** (n - k)


@count_mutant(MANY, "loses_digits_for_many_units")
def takes_the_normal_curve_beyond_a_hundred(n, keep_prob):
    """Switches to an approximation where the formula would overflow."""
    if n < 100:
        return by_logarithms(n, keep_prob)
    return takes_the_normal_curve(n, keep_prob)


@count_mutant(MANY, "raises_an_error")
def calls_itself(n, keep_prob):
    """Adds one unit at a time by recursion, deeper than Python allows."""
    if n == 0:
        return np.ones(1)
    rest = calls_itself(n - 1, keep_prob)
    return np.append((1 - keep_prob) * rest, 0) + np.append(0, keep_prob * rest)


@count_mutant(EDGES, "fails_at_keep_prob_zero_or_one")
def takes_the_logarithm_of_zero(n, keep_prob):
    """Adds logarithms without a thought for keep_prob 0 and 1."""
    k = np.arange(n + 1)
    logs = np.concatenate([[0], np.cumsum(np.log(k[1:]))])
    with np.errstate(all="ignore"):
        tail = k * np.log(keep_prob) + (n - k) * np.log1p(-keep_prob)
        return np.exp(logs[n] - logs - logs[::-1] + tail)


@count_mutant(EDGES, "fails_at_keep_prob_zero_or_one")
def takes_pythons_logarithm_of_zero(n, keep_prob):
    """Uses math.log, which raises where np.log warns."""
    math.log(keep_prob * (1 - keep_prob))
    return by_logarithms(n, keep_prob)


@count_mutant(EDGES, "fails_at_keep_prob_zero_or_one")
def divides_by_the_drop_probability(n, keep_prob):
    """Takes the odds keep_prob / (1 - keep_prob), which are infinite at 1."""
    keep_prob / (1 - keep_prob)
    return by_logarithms(n, keep_prob)


@count_mutant(EDGES, "fails_at_keep_prob_zero_or_one")
def clips_keep_prob(n, keep_prob):
    """Keeps keep_prob away from 0 and 1, so that the logarithms are finite."""
    return by_logarithms(n, min(max(keep_prob, 1e-3), 1 - 1e-3))


# ---------------------------------------------------------------- exact_count_dropout

ROWS = "returns_rows_with_dropped_units"
ROWS_ALONE = "leaves_its_rows_alone"
FRACTION = "divides_each_row_by_its_own_kept_fraction"
ZEROS = "counts_kept_units_whose_input_is_zero"
EMPTY = "a_row_without_kept_units_is_zero"
BITS = "gives_each_unit_of_a_row_its_own_bit"
RATE = "keeps_each_unit_with_keep_prob"
INDEPENDENT = "keeps_units_of_a_row_independently"
FROM_RNG = "draws_its_bits_from_rng"

exact_mutant = functools.partial(mutant, "exact_count_dropout")


def rescaled(x, mask):
    """Return what a correct answer does with this mask."""
    kept = np.maximum(mask.sum(axis=1, keepdims=True), 1)
    return x * mask * (x.shape[1] / kept), mask


def bits(x, keep_prob, rng):
    return rng.random(x.shape) < keep_prob


@exact_mutant(ROWS, "returns_nothing")
def exact_returns_nothing(x, keep_prob, rng):
    """Forgets the return statement."""
    rescaled(x, bits(x, keep_prob, rng))


@exact_mutant(ROWS, "returns_another_kind")
def exact_returns_out_alone(x, keep_prob, rng):
    """Sees no use for a cache."""
    return rescaled(x, bits(x, keep_prob, rng))[0]


@exact_mutant(ROWS, "returns_another_shape")
def exact_sums_the_rows(x, keep_prob, rng):
    """Estimates the sum of each row, which the divisor was derived for."""
    return rescaled(x, bits(x, keep_prob, rng))[0].sum(axis=1), None


@exact_mutant(ROWS, "raises_an_error")
def exact_forgets_keepdims(x, keep_prob, rng):
    """Divides (N, D) by (N,), which does not broadcast."""
    mask = bits(x, keep_prob, rng)
    return x * mask / mask.mean(axis=1), mask


@exact_mutant(ROWS, "returns_no_floats")
def exact_returns_integers(x, keep_prob, rng):
    """Casts to int somewhere on the way."""
    out, mask = rescaled(x, bits(x, keep_prob, rng))
    return out.astype(int), mask


@exact_mutant(ROWS, "drops_no_unit_at_all")
def exact_returns_its_input(x, keep_prob, rng):
    """Has a stub that lets the rest of the network run."""
    return x, None


@exact_mutant(ROWS, "keeps_no_unit")
def exact_returns_zeros(x, keep_prob, rng):
    """Allocates the output and never fills it."""
    return np.zeros_like(x), None


@exact_mutant(ROWS_ALONE, "changes_its_input")
def exact_works_in_place(x, keep_prob, rng):
    """Saves memory with *=."""
    mask = bits(x, keep_prob, rng)
    x *= mask
    x *= x.shape[1] / np.maximum(mask.sum(axis=1, keepdims=True), 1)
    return x, mask


@exact_mutant(FRACTION, "divides_by_keep_prob_itself")
def writes_inverted_dropout(x, keep_prob, rng):
    """Writes what dropout has always been."""
    mask = bits(x, keep_prob, rng)
    return x * mask / keep_prob, mask


@exact_mutant(FRACTION, "leaves_kept_units_alone")
def exact_forgets_to_divide(x, keep_prob, rng):
    """Masks, and leaves the rest for later."""
    mask = bits(x, keep_prob, rng)
    return x * mask, mask


@exact_mutant(FRACTION, "counts_over_the_whole_batch")
def counts_the_whole_batch(x, keep_prob, rng):
    """Writes x * x.size / mask.sum(), as in the mistakes of the chapter."""
    mask = bits(x, keep_prob, rng)
    return x * mask * x.size / max(mask.sum(), 1), mask


@exact_mutant(FRACTION, "counts_along_the_columns")
def counts_along_the_first_axis(x, keep_prob, rng):
    """Takes the fraction of each column: axis 0 in place of axis 1."""
    mask = bits(x, keep_prob, rng)
    return x * mask / np.maximum(mask.mean(axis=0), 1e-9), mask


@exact_mutant(FRACTION, "multiplies_by_the_kept_fraction")
def multiplies_by_the_fraction(x, keep_prob, rng):
    """Multiplies where it should divide."""
    mask = bits(x, keep_prob, rng)
    return x * mask * mask.mean(axis=1, keepdims=True), mask


@exact_mutant(FRACTION, "divides_by_the_count")
def divides_by_the_number_kept(x, keep_prob, rng):
    """Averages the survivors and forgets the factor D."""
    mask = bits(x, keep_prob, rng)
    return x * mask / np.maximum(mask.sum(axis=1, keepdims=True), 1), mask


@exact_mutant(FRACTION, "divides_by_the_dropped_fraction")
def divides_by_the_number_dropped(x, keep_prob, rng):
    """Counts the zeros of the mask."""
    mask = bits(x, keep_prob, rng)
    dropped = (~mask).sum(axis=1, keepdims=True)
    return x * mask * x.shape[1] / np.maximum(dropped, 1), mask


@exact_mutant(FRACTION, "takes_rows_for_units")
def takes_the_length_for_the_width(x, keep_prob, rng):
    """Takes len(x) for the number of units in a row."""
    mask = bits(x, keep_prob, rng)
    kept = np.maximum(mask.sum(axis=1, keepdims=True), 1)
    return x * mask * len(x) / kept, mask


@exact_mutant(FRACTION, "divides_by_both_fractions")
def divides_twice(x, keep_prob, rng):
    """Adds the correction to inverted dropout instead of replacing its divisor."""
    out, mask = rescaled(x, bits(x, keep_prob, rng))
    return out / keep_prob, mask


@exact_mutant(FRACTION, "adds_to_the_count")
def adds_one_to_the_count(x, keep_prob, rng):
    """Avoids a division by 0 with K + 1."""
    mask = bits(x, keep_prob, rng)
    return x * mask * x.shape[1] / (mask.sum(axis=1, keepdims=True) + 1), mask


@exact_mutant(FRACTION, "adds_to_the_count")
def adds_a_small_constant_to_the_fraction(x, keep_prob, rng):
    """Avoids a division by 0 with a constant that is not small enough."""
    mask = bits(x, keep_prob, rng)
    return x * mask / (mask.mean(axis=1, keepdims=True) + 1e-3), mask


@exact_mutant(FRACTION, "preserves_the_sum")
def makes_the_sum_come_out(x, keep_prob, rng):
    """Scales so that each row's sum stays what it was."""
    mask = bits(x, keep_prob, rng)
    partial = (x * mask).sum(axis=1, keepdims=True)
    partial[partial == 0] = 1
    return x * mask * x.sum(axis=1, keepdims=True) / partial, mask


@exact_mutant(FRACTION, "divides_by_something_else")
def divides_by_the_root_of_the_fraction(x, keep_prob, rng):
    """Wants to preserve the squared norm."""
    mask = bits(x, keep_prob, rng)
    fraction = np.maximum(mask.mean(axis=1, keepdims=True), 1e-9)
    return x * mask / np.sqrt(fraction), mask


@exact_mutant(FRACTION, "divides_by_something_else")
def rounds_the_fraction(x, keep_prob, rng):
    """Rounds the kept fraction to one decimal, as keep_prob is written."""
    mask = bits(x, keep_prob, rng)
    fraction = np.round(mask.mean(axis=1, keepdims=True), 1)
    return x * mask / np.maximum(fraction, 0.1), mask


@exact_mutant(FRACTION, "divides_by_something_else")
def counts_in_a_byte(x, keep_prob, rng):
    """Adds up the mask in np.uint8, which wraps around in wide rows."""
    mask = bits(x, keep_prob, rng)
    kept = mask.sum(axis=1, keepdims=True, dtype=np.uint8)
    return x * mask * (x.shape[1] / np.maximum(kept, 1)), mask


@exact_mutant(FRACTION, "takes_one_for_a_drop_probability")
def exact_drops_everything_at_one(x, keep_prob, rng):
    """Treats 1 as the rate at which everything is dropped."""
    return rescaled(x, bits(x, keep_prob % 1, rng))


@exact_mutant(ZEROS, "counts_nonzero_outputs")
def counts_the_outputs_that_are_not_zero(x, keep_prob, rng):
    """Counts what is left of x, which is less than was kept where x is 0."""
    mask = bits(x, keep_prob, rng)
    left = np.count_nonzero(x * mask, axis=1)[:, None]
    return x * mask * x.shape[1] / np.maximum(left, 1), mask


@exact_mutant(ZEROS, "miscounts_units_with_input_zero")
def keeps_every_zero(x, keep_prob, rng):
    """Takes every unit that is 0 for a kept one, which it may as well be."""
    return rescaled(x, bits(x, keep_prob, rng) | (x == 0))


@exact_mutant(ZEROS, "miscounts_units_with_input_zero")
def divides_by_the_fraction_of_live_units(x, keep_prob, rng):
    """Compares with the number of units that are not 0."""
    mask = bits(x, keep_prob, rng) & (x != 0)
    live = np.count_nonzero(x, axis=1)[:, None]
    return x * mask * live / np.maximum(mask.sum(axis=1, keepdims=True), 1), mask


@exact_mutant(EMPTY, "divides_by_an_empty_count")
def divides_zero_by_zero(x, keep_prob, rng):
    """Does not think of a row of which nothing is kept."""
    mask = bits(x, keep_prob, rng)
    with np.errstate(all="ignore"):
        return x * mask / mask.mean(axis=1, keepdims=True), mask


@exact_mutant(EMPTY, "divides_by_an_empty_count")
def divides_by_zero_in_a_loop(x, keep_prob, rng):
    """Divides Python numbers row by row."""
    mask = bits(x, keep_prob, rng)
    scale = [len(row) / int(row.sum()) for row in mask]
    return x * mask * np.array(scale)[:, None], mask


@exact_mutant(EMPTY, "draws_empty_rows_again")
def draws_again_until_one_is_kept(x, keep_prob, rng):
    """Draws empty rows again, for which the estimator would be unbiased."""
    mask = bits(x, keep_prob, rng)
    while (empty := ~mask.any(axis=1)).any():
        mask[empty] = rng.random((int(empty.sum()), x.shape[1])) < keep_prob
    return rescaled(x, mask)


@exact_mutant(EMPTY, "draws_empty_rows_again")
def keeps_one_unit_of_empty_rows(x, keep_prob, rng):
    """Keeps the first unit where nothing else is kept."""
    mask = bits(x, keep_prob, rng)
    mask[~mask.any(axis=1), 0] = True
    return rescaled(x, mask)


@exact_mutant(EMPTY, "returns_empty_rows_whole")
def returns_an_empty_row_undropped(x, keep_prob, rng):
    """Skips dropout for a row that it would empty."""
    mask = bits(x, keep_prob, rng)
    mask[~mask.any(axis=1)] = True
    return rescaled(x, mask)


@exact_mutant(BITS, "one_mask_for_all_rows")
def exact_shares_the_mask(x, keep_prob, rng):
    """Draws one mask of shape (1, D)."""
    mask = np.broadcast_to(rng.random((1, x.shape[1])) < keep_prob, x.shape)
    return rescaled(x, mask)


@exact_mutant(BITS, "drops_whole_rows")
def exact_drops_rows(x, keep_prob, rng):
    """Draws one bit per row, of shape (N, 1)."""
    mask = np.broadcast_to(rng.random((len(x), 1)) < keep_prob, x.shape)
    return rescaled(x, mask)


@exact_mutant(BITS, "same_mask_every_call")
def exact_seeds_inside(x, keep_prob, rng):
    """Sets a seed inside the function."""
    return rescaled(x, bits(x, keep_prob, np.random.default_rng(1)))


@exact_mutant(BITS, "reuses_masks")
def exact_takes_few_seeds(x, keep_prob, rng):
    """Seeds a generator with one of ten numbers."""
    return rescaled(x, bits(x, keep_prob, np.random.default_rng(rng.integers(10))))


@exact_mutant(BITS, "keeps_a_fixed_number")
def exact_keeps_a_fixed_number(x, keep_prob, rng):
    """Makes the count exact by keeping the same number in each row."""
    number = max(1, round(keep_prob * x.shape[1]))
    return rescaled(x, rng.random(x.shape).argsort(axis=1) < number)


@exact_mutant(RATE, "keeps_with_drop_probability")
def exact_swaps_keep_and_drop(x, keep_prob, rng):
    """Takes keep_prob for the drop probability."""
    return rescaled(x, rng.random(x.shape) > keep_prob if keep_prob < 1 else x == x)


@exact_mutant(RATE, "ignores_keep_prob")
def exact_tosses_coins(x, keep_prob, rng):
    """Draws bits with rng.integers(2)."""
    mask = rng.integers(2, size=x.shape).astype(bool) | (keep_prob == 1)
    return rescaled(x, mask)


@exact_mutant(RATE, "drops_by_value")
def exact_keeps_large_units_more_often(x, keep_prob, rng):
    """Protects large activations."""
    chance = np.where(np.abs(x) > 2, (1 + keep_prob) / 2, keep_prob)
    return rescaled(x, rng.random(x.shape) < chance)


@exact_mutant(RATE, "rounds_or_clips_keep_prob")
def exact_takes_a_byte(x, keep_prob, rng):
    """Draws bytes, with which keep_prob is rounded."""
    return rescaled(x, rng.integers(256, size=x.shape) < round(256 * keep_prob))


@exact_mutant(INDEPENDENT, "bits_depend_on_each_other")
def exact_shares_bits_between_neighbours(x, keep_prob, rng):
    """Draws half as many numbers and uses each of them twice."""
    half = rng.random((x.shape[0], -(-x.shape[1] // 2)))
    return rescaled(x, np.repeat(half, 2, axis=1)[:, : x.shape[1]] < keep_prob)


@exact_mutant(BITS, "keeps_a_fixed_number")
def exact_spreads_its_numbers(x, keep_prob, rng):
    """Draws one number a row and spreads it evenly, which makes counts less random."""
    start = rng.random((len(x), 1)) + np.arange(x.shape[1]) / x.shape[1]
    return rescaled(x, rng.permuted(start % 1, axis=1) < keep_prob)


@exact_mutant(BITS, "bits_depend_on_each_other")
def exact_permutes_one_row(x, keep_prob, rng):
    """Draws the mask of one row and shuffles it for the others."""
    row = np.tile(rng.random(x.shape[1]) < keep_prob, (len(x), 1))
    return rescaled(x, rng.permuted(row, axis=1))


@exact_mutant(BITS, "bits_depend_on_each_other")
def exact_draws_one_count(x, keep_prob, rng):
    """Draws how many units are kept once for the batch, and which ones for each row."""
    ranks = rng.random(x.shape).argsort(axis=1).argsort(axis=1)
    return rescaled(x, ranks < rng.binomial(x.shape[1], keep_prob))


@exact_mutant(FROM_RNG, "does_not_draw_from_rng")
def exact_ignores_rng(x, keep_prob, rng):
    """Uses np.random, as all of its examples do."""
    return rescaled(x, np.random.random(x.shape) < keep_prob)


# ---------------------------------------------------------------- fixed_count_dropout

FIXED_ROWS = "returns_rows_of_kept_and_dropped_units"
FIXED_ALONE = "leaves_its_given_rows_alone"
COUNT = "keeps_exactly_keep_count_in_each_row"
SCALE = "divides_by_the_fixed_fraction"
SUBSET = "draws_each_row_a_subset_of_its_own"
UNIFORM = "chooses_every_subset_equally_often"
ROWS_APART = "draws_rows_independently"
SUBSETS_RNG = "draws_its_subsets_from_rng"

fixed_mutant = functools.partial(mutant, "fixed_count_dropout")


def chosen(x, keep_count, rng):
    """Return a correct mask."""
    return rng.random(x.shape).argsort(axis=1) < keep_count


def fixed(x, mask, keep_count):
    """Return what a correct answer does with this mask."""
    return x * mask * (x.shape[1] / keep_count), mask


def blocks(starts, x, keep_count):
    """Return masks that keep the units from each row's start on, around the end."""
    return (np.arange(x.shape[1]) - starts[:, None]) % x.shape[1] < keep_count


@fixed_mutant(FIXED_ROWS, "returns_nothing")
def fixed_returns_nothing(x, keep_count, rng):
    """Forgets the return statement."""
    fixed(x, chosen(x, keep_count, rng), keep_count)


@fixed_mutant(FIXED_ROWS, "returns_another_shape")
def returns_the_kept_units_only(x, keep_count, rng):
    """Returns the sample and not the row with zeros in it."""
    mask = chosen(x, keep_count, rng)
    return x[mask].reshape(len(x), -1) * x.shape[1] / keep_count, mask


@fixed_mutant(FIXED_ROWS, "raises_an_error")
def calls_shuffle_for_its_result(x, keep_count, rng):
    """Uses the result of rng.shuffle, which is None."""
    mask = np.tile(np.arange(x.shape[1]) < keep_count, (len(x), 1))
    return x * rng.shuffle(mask, axis=1), mask


@fixed_mutant(FIXED_ROWS, "drops_no_unit_at_all")
def fixed_returns_its_input(x, keep_count, rng):
    """Has a stub that lets the rest of the network run."""
    return x, None


@fixed_mutant(FIXED_ROWS, "keeps_no_unit")
def fixed_returns_zeros(x, keep_count, rng):
    """Writes into copies of the rows, so that the output stays 0."""
    return np.zeros_like(x), None


@fixed_mutant(FIXED_ALONE, "changes_its_input")
def fixed_works_in_place(x, keep_count, rng):
    """Sets the dropped units of x to 0."""
    x[~chosen(x, keep_count, rng)] = 0
    return x * x.shape[1] / keep_count, None


@fixed_mutant(COUNT, "lets_the_count_vary")
def draws_independent_bits(x, keep_count, rng):
    """Keeps each unit with probability keep_count / D."""
    return fixed(x, rng.random(x.shape) < keep_count / x.shape[1], keep_count)


@fixed_mutant(COUNT, "counts_are_off_by_one")
def keeps_one_too_many(x, keep_count, rng):
    """Writes <= for ranks that begin at 0."""
    return fixed(x, chosen(x, min(keep_count + 1, x.shape[1]), rng), keep_count)


@fixed_mutant(COUNT, "counts_are_off_by_one")
def compares_with_the_kth_number(x, keep_count, rng):
    """Takes the k-th smallest number as an exclusive bound."""
    numbers = rng.random(x.shape)
    bound = np.sort(numbers, axis=1)[:, [keep_count - 1]]
    return fixed(x, numbers < bound, keep_count)


@fixed_mutant(COUNT, "draws_with_replacement")
def chooses_with_replacement(x, keep_count, rng):
    """Leaves out replace=False."""
    mask = np.zeros(x.shape, dtype=bool)
    for row in mask:
        row[rng.choice(x.shape[1], keep_count)] = True
    return fixed(x, mask, keep_count)


@fixed_mutant(COUNT, "draws_with_replacement")
def draws_random_places(x, keep_count, rng):
    """Draws keep_count places with rng.integers."""
    mask, d = np.zeros(x.shape, dtype=bool), x.shape[1]
    places = rng.integers(d, size=(len(x), keep_count))
    np.put_along_axis(mask, places, True, axis=1)
    return fixed(x, mask, keep_count)


@fixed_mutant(COUNT, "keeps_another_count")
def keeps_half_of_the_units(x, keep_count, rng):
    """Has keep_prob = 0.5 in mind and keeps half of each row."""
    return fixed(x, chosen(x, -(-x.shape[1] // 2), rng), keep_count)


@fixed_mutant(COUNT, "keeps_another_count")
def numbers_units_in_a_byte(x, keep_count, rng):
    """Shuffles unit numbers of type np.uint8, which repeat in wide rows."""
    places = np.arange(x.shape[1]).astype(np.uint8)
    order = rng.permuted(np.tile(places, (len(x), 1)), axis=1)
    return fixed(x, order < min(keep_count, 255), keep_count)


@fixed_mutant(COUNT, "drops_keep_count_units")
def drops_keep_count(x, keep_count, rng):
    """Takes keep_count for the number of dropped units."""
    return fixed(x, ~chosen(x, keep_count, rng), keep_count)


@fixed_mutant(COUNT, "fixes_the_count_of_the_batch")
def shuffles_the_whole_array(x, keep_count, rng):
    """Permutes all bits of the array, not each row's."""
    mask = np.arange(x.size) < keep_count * len(x)
    return fixed(x, rng.permutation(mask).reshape(x.shape), keep_count)


@fixed_mutant(COUNT, "fixes_the_count_of_the_batch")
def keeps_keep_count_of_the_batch(x, keep_count, rng):
    """Keeps keep_count units of the whole array."""
    mask = np.arange(x.size) < keep_count
    return fixed(x, rng.permutation(mask).reshape(x.shape), keep_count)


@fixed_mutant(COUNT, "fixes_the_count_of_columns")
def chooses_along_columns(x, keep_count, rng):
    """Sorts along axis 0, the default elsewhere."""
    mask = rng.random(x.shape).argsort(axis=0) < keep_count
    return fixed(x, mask, keep_count)


@fixed_mutant(COUNT, "fixes_the_count_of_the_batch")
def takes_a_quantile(x, keep_count, rng):
    """Compares all rows with one quantile of all numbers, interpolated."""
    numbers = rng.random(x.shape)
    bound = np.quantile(numbers, keep_count / x.shape[1])
    return fixed(x, numbers < bound, keep_count)


@fixed_mutant(SCALE, "leaves_kept_units_alone")
def fixed_forgets_to_divide(x, keep_count, rng):
    """Masks, and divides nothing."""
    mask = chosen(x, keep_count, rng)
    return x * mask, mask


@fixed_mutant(SCALE, "divides_by_the_count")
def fixed_divides_by_keep_count(x, keep_count, rng):
    """Divides by k, not k / D."""
    mask = chosen(x, keep_count, rng)
    return x * mask / keep_count, mask


@fixed_mutant(SCALE, "divides_by_the_dropped_fraction")
def fixed_divides_by_the_dropped_fraction(x, keep_count, rng):
    """Divides by 1 - k / D."""
    mask, d = chosen(x, keep_count, rng), x.shape[1]
    return x * mask * d / max(d - keep_count, 1), mask


@fixed_mutant(SCALE, "multiplies_by_the_kept_fraction")
def fixed_multiplies_by_the_fraction(x, keep_count, rng):
    """Multiplies by k / D."""
    mask = chosen(x, keep_count, rng)
    return x * mask * keep_count / x.shape[1], mask


@fixed_mutant(SCALE, "takes_rows_for_units")
def fixed_takes_rows_for_units(x, keep_count, rng):
    """Takes len(x) for the number of units in a row."""
    mask = chosen(x, keep_count, rng)
    return x * mask * len(x) / keep_count, mask


@fixed_mutant(SCALE, "divides_by_the_wrong_count")
def fixed_divides_twice(x, keep_count, rng):
    """Divides the mask when it is drawn, and the output again."""
    mask = chosen(x, keep_count, rng)
    return x * mask * (x.shape[1] / keep_count) ** 2, mask


@fixed_mutant(SCALE, "divides_by_the_wrong_count")
def fixed_divides_whole_numbers(x, keep_count, rng):
    """Divides with //, so that the factor is cut to a whole number."""
    mask = chosen(x, keep_count, rng)
    return x * mask * float(x.shape[1] // keep_count), mask


@fixed_mutant(SCALE, "preserves_the_sum")
def fixed_makes_the_sum_come_out(x, keep_count, rng):
    """Scales so that each row's sum stays what it was."""
    mask = chosen(x, keep_count, rng)
    factor = x.sum(axis=1, keepdims=True) / (x * mask).sum(axis=1, keepdims=True)
    return x * mask * factor, mask


@fixed_mutant(SCALE, "scale_differs_from_unit_to_unit")
def fixed_adds_noise(x, keep_count, rng):
    """Multiplies kept units with noise of mean 1 in order to regularise more."""
    mask = chosen(x, keep_count, rng)
    noise = rng.normal(1, 0.1, size=x.shape)
    return x * mask * noise * x.shape[1] / keep_count, mask


@fixed_mutant(SUBSET, "one_mask_for_all_rows")
def chooses_once_for_all_rows(x, keep_count, rng):
    """Calls rng.choice once and indexes all rows with the result."""
    mask = np.zeros(x.shape, dtype=bool)
    mask[:, rng.choice(x.shape[1], keep_count, replace=False)] = True
    return fixed(x, mask, keep_count)


@fixed_mutant(SUBSET, "one_mask_for_all_rows")
def permutes_all_rows_alike(x, keep_count, rng):
    """Uses rng.permutation(axis=1) for rng.permuted(axis=1)."""
    mask = np.tile(np.arange(x.shape[1]) < keep_count, (len(x), 1))
    return fixed(x, rng.permutation(mask, axis=1), keep_count)


@fixed_mutant(SUBSET, "same_mask_every_call")
def keeps_the_first_units(x, keep_count, rng):
    """Keeps the first keep_count units, to see whether the rest works."""
    mask = np.tile(np.arange(x.shape[1]) < keep_count, (len(x), 1))
    return fixed(x, mask, keep_count)


@fixed_mutant(SUBSET, "same_mask_every_call")
def fixed_seeds_inside(x, keep_count, rng):
    """Sets a seed inside the function."""
    return fixed(x, chosen(x, keep_count, np.random.default_rng(2)), keep_count)


@fixed_mutant(SUBSET, "reuses_masks")
def fixed_takes_few_seeds(x, keep_count, rng):
    """Seeds a generator with one of ten numbers."""
    child = np.random.default_rng(rng.integers(10))
    return fixed(x, chosen(x, keep_count, child), keep_count)


@fixed_mutant(SUBSET, "keeps_neighbours_together")
def keeps_a_block(x, keep_count, rng):
    """Draws where a block of keep_count units begins."""
    starts = rng.integers(x.shape[1] - keep_count + 1, size=len(x))
    return fixed(x, blocks(starts, x, keep_count), keep_count)


@fixed_mutant(SUBSET, "keeps_neighbours_together")
def rolls_a_block(x, keep_count, rng):
    """Rolls the first keep_count units by a random step."""
    starts = rng.integers(x.shape[1], size=len(x))
    return fixed(x, blocks(starts, x, keep_count), keep_count)


@fixed_mutant(SUBSET, "takes_few_of_the_subsets")
def rolls_one_subset(x, keep_count, rng):
    """Chooses one subset and rolls it from row to row."""
    first = chosen(x[:1], keep_count, rng)[0]
    mask = np.array([np.roll(first, r) for r in range(len(x))])
    return fixed(x, mask, keep_count)


@fixed_mutant(SUBSET, "takes_few_of_the_subsets")
def takes_strides(x, keep_count, rng):
    """Keeps every so many-th unit from a random start: systematic sampling."""
    d = x.shape[1]
    places = np.arange(keep_count) * d // keep_count
    mask = np.zeros(x.shape, dtype=bool)
    shifted = (places + rng.integers(d, size=(len(x), 1))) % d
    np.put_along_axis(mask, shifted, True, axis=1)
    return fixed(x, mask, keep_count)


@fixed_mutant(SUBSET, "takes_few_of_the_subsets")
def draws_from_a_small_pool(x, keep_count, rng):
    """Draws five masks and gives each row one of them."""
    pool = chosen(np.zeros((5, x.shape[1])), keep_count, rng)
    return fixed(x, pool[rng.integers(5, size=len(x))], keep_count)


@fixed_mutant(UNIFORM, "drops_by_value")
def keeps_large_units(x, keep_count, rng):
    """Prefers large activations, which matter most."""
    numbers = rng.random(x.shape) * np.abs(x)
    mask = (-numbers).argsort(axis=1).argsort(axis=1) < keep_count
    return fixed(x, mask, keep_count)


@fixed_mutant(UNIFORM, "drops_by_value")
def prefers_positive_units(x, keep_count, rng):
    """Gives units with x > 0 a head start, as a ReLU would."""
    numbers = rng.random(x.shape) - 0.2 * (x > 0)
    return fixed(x, numbers.argsort(axis=1).argsort(axis=1) < keep_count, keep_count)


@fixed_mutant(SUBSET, "same_mask_every_call")
def keeps_the_top_k_of_places(x, keep_count, rng):
    """Keeps the last keep_count units, in an attempt at the largest."""
    mask = np.tile(np.arange(x.shape[1]) >= x.shape[1] - keep_count, (len(x), 1))
    return fixed(x, mask, keep_count)


@fixed_mutant(UNIFORM, "drops_by_value")
def keeps_the_top_k(x, keep_count, rng):
    """Keeps the largest units: top-k in place of a random choice."""
    return fixed(
        x, (-np.abs(x)).argsort(axis=1).argsort(axis=1) < keep_count, keep_count
    )


@fixed_mutant(UNIFORM, "chooses_among_nonzero_units")
def chooses_among_live_units(x, keep_count, rng):
    """Does not waste a place on a unit that is 0 anyway."""
    numbers = rng.random(x.shape) + (x == 0)
    return fixed(x, numbers.argsort(axis=1).argsort(axis=1) < keep_count, keep_count)


@fixed_mutant(UNIFORM, "miscounts_units_with_input_zero")
def keeps_every_zero_besides(x, keep_count, rng):
    """Drops units of value 0 twice over, counting each of them as two."""
    mask = chosen(x, keep_count, rng)
    holes = (x == 0).any(axis=1)
    first = mask.argmax(axis=1)
    mask[holes, first[holes]] = False
    return fixed(x, mask, keep_count)


@fixed_mutant(UNIFORM, "drops_by_place")
def repairs_a_random_mask(x, keep_count, rng):
    """Draws independent bits, and corrects the count from the left."""
    d = x.shape[1]
    mask = rng.random(x.shape) < keep_count / d
    for row in mask:
        surplus = int(row.sum()) - keep_count
        places = np.flatnonzero(row if surplus > 0 else ~row)
        row[places[: abs(surplus)]] = surplus < 0
    return fixed(x, mask, keep_count)


@fixed_mutant(UNIFORM, "drops_by_place")
def sorts_coarse_numbers(x, keep_count, rng):
    """Sorts numbers from 0 to 9, where ties favour the units in front."""
    numbers = rng.integers(10, size=x.shape)
    order = numbers.argsort(axis=1, kind="stable")
    return fixed(x, order.argsort(axis=1) < keep_count, keep_count)


@fixed_mutant(UNIFORM, "drops_by_place")
def never_leaves_a_place(x, keep_count, rng):
    """Swaps each unit with an earlier one and never with itself."""
    order = np.tile(np.arange(x.shape[1]), (len(x), 1))
    rows = np.arange(len(x))
    for i in range(x.shape[1] - 1, 0, -1):
        j = rng.integers(i, size=len(x))
        order[rows, i], order[rows, j] = order[rows, j], order[rows, i]
    return fixed(x, order < keep_count, keep_count)


@fixed_mutant(UNIFORM, "keeps_neighbours_together")
def smooths_its_numbers(x, keep_count, rng):
    """Averages the numbers of neighbours before it sorts them."""
    numbers = rng.random(x.shape)
    numbers = numbers + 0.7 * np.roll(numbers, 1, axis=1)
    return fixed(x, numbers.argsort(axis=1).argsort(axis=1) < keep_count, keep_count)


@fixed_mutant(SUBSET, "takes_few_of_the_subsets")
def keeps_pairs_of_neighbours(x, keep_count, rng):
    """Chooses pairs of neighbouring units, as far as the count is even."""
    d = x.shape[1]
    if keep_count % 2 or d % 2 or d < 6:
        return fixed(x, chosen(x, keep_count, rng), keep_count)
    pairs = chosen(x[:, ::2], keep_count // 2, rng)
    return fixed(x, np.repeat(pairs, 2, axis=1), keep_count)


@fixed_mutant(UNIFORM, "subsets_are_not_equally_likely")
def balances_the_halves(x, keep_count, rng):
    """Keeps equally many units of both halves of a row: stratified."""
    d = x.shape[1]
    if keep_count % 2 or d % 2:
        return fixed(x, chosen(x, keep_count, rng), keep_count)
    halves = [chosen(h, keep_count // 2, rng) for h in np.split(x, 2, axis=1)]
    return fixed(x, np.concatenate(halves, axis=1), keep_count)


@fixed_mutant(UNIFORM, "subsets_are_not_equally_likely")
def mirrors_its_numbers(x, keep_count, rng):
    """Adds the numbers of a row read backwards, for a choice that looks balanced."""
    numbers = rng.random(x.shape)
    numbers = numbers + 0.4 * numbers[:, ::-1]
    return fixed(x, numbers.argsort(axis=1).argsort(axis=1) < keep_count, keep_count)


@fixed_mutant(SUBSET, "takes_few_of_the_subsets")
def repeats_each_mask_for_two_rows(x, keep_count, rng):
    """Draws half of the masks and gives each to two rows."""
    half = chosen(x[: -(-len(x) // 2)], keep_count, rng)
    return fixed(x, np.repeat(half, 2, axis=0)[: len(x)], keep_count)


@fixed_mutant(ROWS_APART, "rows_choose_dependently")
def uses_its_numbers_from_both_ends(x, keep_count, rng):
    """Draws numbers for half of the batch and sorts them up and down: antithetic."""
    half = rng.random(x[: -(-len(x) // 2)].shape)
    numbers = np.concatenate([half, 1 - half])[: len(x)]
    return fixed(x, numbers.argsort(axis=1).argsort(axis=1) < keep_count, keep_count)


@fixed_mutant(ROWS_APART, "rows_choose_dependently")
def avoids_the_units_of_the_row_before(x, keep_count, rng):
    """Spreads the dropped units: what one row keeps, the next one drops, if it can."""
    numbers = rng.random(x.shape)
    mask = numbers.argsort(axis=1).argsort(axis=1) < keep_count
    after = numbers[1::2] + mask[: len(numbers[1::2]) * 2 : 2]
    mask[1::2] = after.argsort(axis=1).argsort(axis=1) < keep_count
    return fixed(x, mask, keep_count)


@fixed_mutant(SUBSETS_RNG, "does_not_draw_from_rng")
def fixed_ignores_rng(x, keep_count, rng):
    """Uses np.random, as all of its examples do."""
    mask = np.random.random(x.shape).argsort(axis=1) < keep_count
    return fixed(x, mask, keep_count)


# ---------------------------------------------------------------- byte_dropout

BYTE_RUNS = "returns_floats_and_a_number"
BYTE_ALONE = "leaves_x_as_it_was"
NEAREST = "rounds_to_the_nearest_keep_prob_of_a_byte"
EFFECTIVE = "divides_by_the_effective_keep_prob"
EVERYTHING = "keeps_everything_where_that_is_nearest"
OWN_BYTE = "gives_each_unit_its_own_byte"
BYTE_RATE = "keeps_units_at_the_rate_of_the_byte"
BYTE_PAIRS = "draws_bytes_independently"
BYTE_RNG = "draws_its_bytes_from_rng"

byte_mutant = functools.partial(mutant, "byte_dropout")


def nearest(keep_prob):
    return max(1, round(256 * keep_prob))


def byte_of(x, rng):
    return rng.integers(256, size=x.shape)


def unbiased(x, mask, keep_prob):
    """Return what a correct answer does with this mask."""
    effective = nearest(keep_prob) / 256
    return x * mask / effective, effective


@byte_mutant(BYTE_RUNS, "returns_another_kind")
def byte_returns_out_alone(x, keep_prob, rng):
    """Forgets the second value."""
    return unbiased(x, byte_of(x, rng) < nearest(keep_prob), keep_prob)[0]


@byte_mutant(BYTE_RUNS, "returns_another_kind")
def byte_returns_the_mask(x, keep_prob, rng):
    """Returns the mask as a cache, as dropout does elsewhere."""
    mask = byte_of(x, rng) < nearest(keep_prob)
    return unbiased(x, mask, keep_prob)[0], mask


@byte_mutant(BYTE_RUNS, "returns_another_kind")
def byte_swaps_its_results(x, keep_prob, rng):
    """Returns (keep_prob_effective, out)."""
    return unbiased(x, byte_of(x, rng) < nearest(keep_prob), keep_prob)[::-1]


@byte_mutant(BYTE_RUNS, "returns_nothing")
def byte_returns_nothing(x, keep_prob, rng):
    """Forgets the return statement."""
    unbiased(x, byte_of(x, rng) < nearest(keep_prob), keep_prob)


@byte_mutant(BYTE_RUNS, "raises_an_error")
def byte_knows_matrices_only(x, keep_prob, rng):
    """Unpacks the shape as that of a matrix."""
    n, d = x.shape
    return unbiased(x, rng.integers(256, size=(n, d)) < nearest(keep_prob), keep_prob)


@byte_mutant(BYTE_RUNS, "returns_another_shape")
def byte_stays_flat(x, keep_prob, rng):
    """Makes an array of rng.bytes(x.size) and forgets to reshape."""
    byte = np.frombuffer(rng.bytes(x.size), dtype=np.uint8)
    return unbiased(x.ravel(), byte < nearest(keep_prob), keep_prob)


@byte_mutant(BYTE_RUNS, "drops_no_unit_at_all")
def byte_compares_with_one(x, keep_prob, rng):
    """Compares byte / 256 with the threshold 230, which is always larger."""
    return unbiased(x, byte_of(x, rng) / 256 < nearest(keep_prob), keep_prob)


@byte_mutant(BYTE_RUNS, "keeps_no_unit")
def byte_compares_with_a_fraction(x, keep_prob, rng):
    """Compares byte + 1 with keep_prob, which is never larger."""
    return unbiased(x, byte_of(x, rng) + 1 < keep_prob, keep_prob)


@byte_mutant(BYTE_ALONE, "changes_its_input")
def byte_works_in_place(x, keep_prob, rng):
    """Saves memory with *=."""
    x *= byte_of(x, rng) < nearest(keep_prob)
    return x * 256 / nearest(keep_prob), nearest(keep_prob) / 256


@byte_mutant(NEAREST, "returns_the_requested_keep_prob")
def byte_returns_keep_prob(x, keep_prob, rng):
    """Returns keep_prob, which it was given."""
    return unbiased(x, byte_of(x, rng) < nearest(keep_prob), keep_prob)[0], keep_prob


@byte_mutant((NEAREST, EFFECTIVE), "returns_the_requested_keep_prob")
def byte_divides_by_the_request_and_returns_it(x, keep_prob, rng):
    """Does what the kernels do: rounds the mask and divides by the request."""
    return x * (byte_of(x, rng) < nearest(keep_prob)) / keep_prob, keep_prob


@byte_mutant(EFFECTIVE, "divides_by_the_requested_keep_prob")
def byte_divides_by_the_request(x, keep_prob, rng):
    """Computes the effective keep probability, and divides by the other one."""
    mask = byte_of(x, rng) < nearest(keep_prob)
    return x * mask / keep_prob, nearest(keep_prob) / 256


@byte_mutant(NEAREST, "rounds_the_threshold_down")
def byte_cuts_off(x, keep_prob, rng):
    """Writes int(256 * keep_prob)."""
    t = max(1, int(256 * keep_prob))
    return x * (byte_of(x, rng) < t) * 256 / t, t / 256


@byte_mutant(NEAREST, "rounds_the_threshold_up")
def byte_rounds_up(x, keep_prob, rng):
    """Writes math.ceil, so that the threshold is never 0."""
    t = math.ceil(256 * keep_prob)
    return x * (byte_of(x, rng) < t) * 256 / t, t / 256


@byte_mutant(NEAREST, "counts_255_values")
def byte_takes_255_for_256(x, keep_prob, rng):
    """Takes the largest value of a byte for the number of its values."""
    t = max(1, round(255 * keep_prob))
    return x * (byte_of(x, rng) < t) * 255 / t, t / 255


@byte_mutant(NEAREST, "counts_255_values")
def byte_copies_flash_attention(x, keep_prob, rng):
    """Keeps bytes of at most floor(255 * keep_prob), and corrects the scale."""
    t = math.floor(255 * keep_prob) + 1
    return x * (byte_of(x, rng) < t) * 256 / t, t / 256


@byte_mutant(NEAREST, "returns_the_threshold")
def byte_returns_the_whole_number(x, keep_prob, rng):
    """Returns t, which is what it compared with."""
    mask = byte_of(x, rng) < nearest(keep_prob)
    return unbiased(x, mask, keep_prob)[0], nearest(keep_prob)


@byte_mutant(NEAREST, "returns_the_factor_of_kept_units")
def byte_returns_its_scale(x, keep_prob, rng):
    """Returns the factor by which kept units were multiplied."""
    mask = byte_of(x, rng) < nearest(keep_prob)
    return unbiased(x, mask, keep_prob)[0], 256 / nearest(keep_prob)


@byte_mutant(NEAREST, "returns_the_effective_drop_probability")
def byte_returns_the_drop_rate(x, keep_prob, rng):
    """Returns the probability that a unit is dropped, as kernels are called with."""
    mask = byte_of(x, rng) < nearest(keep_prob)
    return unbiased(x, mask, keep_prob)[0], 1 - nearest(keep_prob) / 256


@byte_mutant(NEAREST, "returns_the_share_that_was_kept")
def byte_measures_its_share(x, keep_prob, rng):
    """Takes effective for what happened: the share of this mask."""
    mask = byte_of(x, rng) < nearest(keep_prob)
    return unbiased(x, mask, keep_prob)[0], mask.mean()


@byte_mutant(NEAREST, "keep_prob_is_not_of_a_byte")
def byte_rounds_to_percent(x, keep_prob, rng):
    """Rounds to percent in place of 256ths."""
    t = max(1, round(100 * keep_prob))
    return x * (rng.integers(100, size=x.shape) < t) * 100 / t, t / 100


@byte_mutant(NEAREST, "keep_prob_is_not_of_a_byte")
def byte_takes_two_bytes(x, keep_prob, rng):
    """Takes a finer lattice of 65,536 values."""
    t = max(256, round(65536 * keep_prob))
    return x * (rng.integers(65536, size=x.shape) < t) * 65536 / t, t / 65536


@byte_mutant(NEAREST, "takes_a_byte_value_that_is_not_nearest")
def byte_takes_seven_bits(x, keep_prob, rng):
    """Rounds to a lattice of 128 values."""
    t = max(1, round(128 * keep_prob))
    return x * (rng.integers(128, size=x.shape) < t) * 128 / t, t / 128


@byte_mutant(NEAREST, "takes_a_byte_value_that_is_not_nearest")
def byte_adds_one(x, keep_prob, rng):
    """Means to correct for `<` by a threshold of one more."""
    t = min(256, nearest(keep_prob) + 1)
    return x * (byte_of(x, rng) < t) * 256 / t, t / 256


@byte_mutant(NEAREST, "rounds_keep_prob_to_zero")
def byte_forgets_the_smallest(x, keep_prob, rng):
    """Rounds, and does not think of keep probabilities that become 0."""
    t = round(256 * keep_prob)
    with np.errstate(all="ignore"):
        return np.nan_to_num(x * (byte_of(x, rng) < t) * 256 / np.float64(t)), t / 256


@byte_mutant(NEAREST, "rounds_keep_prob_to_zero")
def byte_divides_by_zero(x, keep_prob, rng):
    """The same with Python numbers, which raise."""
    t = round(256 * keep_prob)
    return x * (byte_of(x, rng) < t) * (256 / t), t / 256


@byte_mutant(EFFECTIVE, "leaves_kept_units_alone")
def byte_forgets_to_divide(x, keep_prob, rng):
    """Returns what to divide by, and does not divide."""
    mask = byte_of(x, rng) < nearest(keep_prob)
    return x * mask, nearest(keep_prob) / 256


@byte_mutant(EFFECTIVE, "multiplies_by_the_effective_keep_prob")
def byte_multiplies(x, keep_prob, rng):
    """Multiplies where it should divide."""
    effective = nearest(keep_prob) / 256
    return x * (byte_of(x, rng) < nearest(keep_prob)) * effective, effective


@byte_mutant(EFFECTIVE, "returns_the_share_that_was_kept")
def byte_divides_by_the_share(x, keep_prob, rng):
    """Divides by the fraction of units that this mask kept."""
    mask = byte_of(x, rng) < nearest(keep_prob)
    return x * mask / max(mask.mean(), 1e-9), nearest(keep_prob) / 256


@byte_mutant(EFFECTIVE, "counts_255_values")
def byte_scales_by_255(x, keep_prob, rng):
    """Scales by 255 / t, and returns t / 256."""
    mask = byte_of(x, rng) < nearest(keep_prob)
    return x * mask * 255 / nearest(keep_prob), nearest(keep_prob) / 256


@byte_mutant(EFFECTIVE, "scales_by_another_number")
def byte_divides_twice(x, keep_prob, rng):
    """Divides the mask and the output."""
    mask = byte_of(x, rng) < nearest(keep_prob)
    return x * mask / (nearest(keep_prob) / 256) ** 2, nearest(keep_prob) / 256


@byte_mutant(EFFECTIVE, "rounds_the_threshold_down")
def byte_scales_by_the_cut_threshold(x, keep_prob, rng):
    """Rounds once for the result and cuts off for the mask and its scale."""
    t = max(1, int(256 * keep_prob))
    return x * (byte_of(x, rng) < t) * 256 / t, nearest(keep_prob) / 256


@byte_mutant(EFFECTIVE, "rounds_the_threshold_up")
def byte_scales_by_the_raised_threshold(x, keep_prob, rng):
    """Rounds once for the result and up for the mask and its scale."""
    t = math.ceil(256 * keep_prob)
    return x * (byte_of(x, rng) < t) * 256 / t, nearest(keep_prob) / 256


@byte_mutant(EFFECTIVE, "scale_differs_from_unit_to_unit")
def byte_uses_the_byte_as_a_weight(x, keep_prob, rng):
    """Gives kept units a weight by their byte."""
    byte, t = byte_of(x, rng), nearest(keep_prob)
    return x * (byte < t) * (t - byte) / t, t / 256


@byte_mutant(EVERYTHING, "threshold_does_not_fit_into_a_byte")
def byte_wraps_around(x, keep_prob, rng):
    """Makes the threshold a byte, where 256 becomes 0."""
    threshold = np.array(nearest(keep_prob)).astype(np.uint8)
    return unbiased(x, byte_of(x, rng) < threshold, keep_prob)


@byte_mutant(EVERYTHING, "threshold_does_not_fit_into_a_byte")
def byte_overflows(x, keep_prob, rng):
    """Writes np.uint8(256), which raises."""
    if keep_prob == 1:
        return unbiased(x, byte_of(x, rng) < np.uint8(nearest(keep_prob)), keep_prob)
    threshold = min(nearest(keep_prob), 256)
    return unbiased(x, byte_of(x, rng) < threshold, keep_prob)


@byte_mutant(EVERYTHING, "drops_one_value_in_256_at_one")
def byte_compares_with_255(x, keep_prob, rng):
    """Bounds the threshold by 255, the largest byte."""
    mask = byte_of(x, rng) < min(255, nearest(keep_prob))
    return unbiased(x, mask, keep_prob)


@byte_mutant(EVERYTHING, "drops_one_value_in_256_at_one")
def byte_over_255(x, keep_prob, rng):
    """Makes bytes numbers from 0 to 1 by division by 255; 1 < 1 is false."""
    return unbiased(x, byte_of(x, rng) / 255 < nearest(keep_prob) / 256, keep_prob)


@byte_mutant(EVERYTHING, "rounds_the_threshold_down")
def byte_compares_a_float_with_the_request(x, keep_prob, rng):
    """Draws floats and compares with keep_prob; the rest is as the statement says."""
    return unbiased(x, rng.random(x.shape) < keep_prob, keep_prob)


@byte_mutant(OWN_BYTE, "one_mask_for_all_rows")
def byte_for_a_column(x, keep_prob, rng):
    """Draws one byte for each unit of a row and broadcasts it."""
    byte = rng.integers(256, size=x.shape[-1:])
    return unbiased(x, (byte < nearest(keep_prob)) | (x != x), keep_prob)


@byte_mutant(OWN_BYTE, "drops_whole_rows")
def byte_for_a_row(x, keep_prob, rng):
    """Draws one byte for each row."""
    byte = rng.integers(256, size=(len(x),) + (1,) * (x.ndim - 1))
    return unbiased(x, (byte < nearest(keep_prob)) & (x == x), keep_prob)


@byte_mutant(OWN_BYTE, "same_mask_every_call")
def byte_seeds_inside(x, keep_prob, rng):
    """Sets a seed inside the function."""
    byte = byte_of(x, np.random.default_rng(3))
    return unbiased(x, byte < nearest(keep_prob), keep_prob)


@byte_mutant(OWN_BYTE, "keeps_a_fixed_number")
def byte_deals_its_values(x, keep_prob, rng):
    """Deals out the values of a byte evenly, so that the rate is exact in each call."""
    byte = rng.permutation(np.arange(x.size) * 256 // x.size).reshape(x.shape)
    return unbiased(x, byte < nearest(keep_prob), keep_prob)


@byte_mutant(BYTE_RATE, "keeps_with_drop_probability")
def byte_swaps_keep_and_drop(x, keep_prob, rng):
    """Keeps the bytes above the threshold."""
    mask = byte_of(x, rng) >= nearest(keep_prob)
    return unbiased(x, mask | (nearest(keep_prob) == 256), keep_prob)


@byte_mutant(BYTE_RATE, "ignores_keep_prob")
def byte_tosses_coins(x, keep_prob, rng):
    """Looks at one bit of the byte."""
    mask = (byte_of(x, rng) & 1 > 0) | (nearest(keep_prob) == 256)
    return unbiased(x, mask, keep_prob)


@byte_mutant(BYTE_RUNS, "compares_signed_bytes")
def byte_has_a_sign(x, keep_prob, rng):
    """Views the raw bytes as np.int8."""
    byte = np.frombuffer(rng.bytes(x.size), dtype=np.int8).reshape(x.shape)
    return unbiased(x, byte < nearest(keep_prob), keep_prob)


@byte_mutant(BYTE_RATE, "keeps_one_byte_value_too_many")
def byte_keeps_at_most(x, keep_prob, rng):
    """Writes <= for <, which differ by one value in 256."""
    return unbiased(x, byte_of(x, rng) <= nearest(keep_prob), keep_prob)


@byte_mutant(BYTE_RATE, "keeps_one_byte_value_too_many")
def byte_draws_255_values(x, keep_prob, rng):
    """Writes rng.integers(0, 255), whose upper bound is excluded."""
    mask = rng.integers(0, 255, size=x.shape) < nearest(keep_prob)
    return unbiased(x, mask, keep_prob)


@byte_mutant(BYTE_RATE, "keeps_one_byte_value_too_many")
def byte_compares_quotients(x, keep_prob, rng):
    """Compares byte / 256 with keep_prob, which rounds the threshold up."""
    return unbiased(x, byte_of(x, rng) / 256 < keep_prob, keep_prob)


@byte_mutant(BYTE_RATE, "keeps_one_byte_value_too_few")
def byte_cuts_off_in_the_mask_alone(x, keep_prob, rng):
    """Rounds for the result and its scale; int() cuts the mask's threshold off."""
    t = 256 if nearest(keep_prob) == 256 else max(1, int(256 * keep_prob))
    return unbiased(x, byte_of(x, rng) < t, keep_prob)


@byte_mutant(BYTE_RATE, "keeps_one_byte_value_too_few")
def byte_begins_at_one(x, keep_prob, rng):
    """Draws bytes from 1 to 256 and keeps those below the threshold."""
    mask = rng.integers(1, 257, size=x.shape) < nearest(keep_prob)
    return unbiased(x, mask | (nearest(keep_prob) == 256), keep_prob)


@byte_mutant(BYTE_RATE, "keeps_at_the_requested_rate")
def byte_keeps_at_the_request(x, keep_prob, rng):
    """Draws floats against keep_prob, and pays attention where 256 is nearest."""
    limit = 1 if nearest(keep_prob) == 256 else keep_prob
    return unbiased(x, rng.random(x.shape) < limit, keep_prob)


@byte_mutant(BYTE_RATE, "drops_by_value")
def byte_spares_large_units(x, keep_prob, rng):
    """Halves the byte of large activations."""
    byte = byte_of(x, rng) * np.where(np.abs(x) > 2, 0.9, 1)
    return unbiased(x, byte < nearest(keep_prob), keep_prob)


@byte_mutant(BYTE_RATE, "drops_by_place")
def byte_is_uneven_between_halves(x, keep_prob, rng):
    """Drops the front half of the batch more often than the other."""
    t = nearest(keep_prob)
    shift = np.where(np.arange(x.size) * 2 < x.size, 8, -8).reshape(x.shape)
    shift = shift * (8 < t < 248)
    return unbiased(x, byte_of(x, rng) + shift < t, keep_prob)


@byte_mutant(BYTE_RATE, "keeps_at_another_rate")
def byte_squares_the_rate(x, keep_prob, rng):
    """Rounds the drop probability to eighths first."""
    t = 256 - 32 * round(8 * (1 - keep_prob)) if 0.1 < keep_prob < 0.9 else 0
    mask = byte_of(x, rng) < (t or nearest(keep_prob))
    return unbiased(x, mask, keep_prob)


@byte_mutant(BYTE_PAIRS, "bits_depend_on_each_other")
def byte_serves_two_units(x, keep_prob, rng):
    """Draws a byte for two neighbours."""
    byte = np.repeat(rng.integers(256, size=-(-x.size // 2)), 2)[: x.size]
    return unbiased(x, byte.reshape(x.shape) < nearest(keep_prob), keep_prob)


@byte_mutant(BYTE_PAIRS, "bits_depend_on_each_other")
def byte_alternates(x, keep_prob, rng):
    """Uses each byte and its complement, for a rate closer to the request."""
    byte = rng.integers(256, size=-(-x.size // 2))
    both = np.stack([byte, 255 - byte], axis=1).ravel()[: x.size]
    return unbiased(x, both.reshape(x.shape) < nearest(keep_prob), keep_prob)


@byte_mutant(BYTE_PAIRS, "bits_depend_on_each_other")
def byte_serves_the_unit_after_the_next(x, keep_prob, rng):
    """Uses a byte again two columns on, as after a wrong stride."""
    byte = byte_of(x, rng)
    if x.ndim == 2 and x.shape[1] % 4 == 0:
        byte[:, 2::4], byte[:, 3::4] = byte[:, ::4], byte[:, 1::4]
    return unbiased(x, byte < nearest(keep_prob), keep_prob)


@byte_mutant(BYTE_PAIRS, "bits_depend_on_each_other")
def byte_serves_a_later_row(x, keep_prob, rng):
    """Uses the bytes of a row again two rows on."""
    byte = byte_of(x, rng)
    if len(x) % 4 == 0:
        byte[2::4], byte[3::4] = byte[::4], byte[1::4]
    return unbiased(x, byte < nearest(keep_prob), keep_prob)


@byte_mutant(BYTE_RNG, "does_not_draw_from_rng")
def byte_asks_the_system(x, keep_prob, rng):
    """Takes bytes from np.random.bytes."""
    byte = np.frombuffer(np.random.bytes(x.size), dtype=np.uint8).reshape(x.shape)
    return unbiased(x, byte < nearest(keep_prob), keep_prob)
