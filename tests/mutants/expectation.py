"""Wrong answers to the exercises of ``expectation``, each named after its sin."""

import itertools
import math

import numpy as np

from tests.bank import mutant

# ---------------------------------------------------------------- bernoulli_mask

SHAPE = "returns_zeros_and_ones_of_the_shape"
RATE = "keeps_units_at_the_stated_rate"
INDEPENDENT = "draws_every_unit_independently"
OWN_BIT = "gives_every_unit_a_bit_of_its_own"
FROM_RNG = "draws_from_the_given_rng_alone"


@mutant("bernoulli_mask", SHAPE, "returns_nothing")
def returns_no_mask(shape, keep_prob, rng):
    """Computes the mask and forgets the return statement."""
    _ = rng.random(shape) < keep_prob


@mutant("bernoulli_mask", SHAPE, "returns_another_kind")
def returns_a_nested_list(shape, keep_prob, rng):
    """Converts to a list because the printed mask looked like one."""
    return (rng.random(shape) < keep_prob).tolist()


@mutant("bernoulli_mask", SHAPE, "returns_another_shape")
def draws_the_first_axis_only(shape, keep_prob, rng):
    """Tries it on a vector and takes shape[0] for the shape."""
    return rng.random(shape[0]) < keep_prob


@mutant("bernoulli_mask", SHAPE, "returns_another_shape")
def flattens_the_mask(shape, keep_prob, rng):
    """Draws the right number of bits and forgets to reshape."""
    return rng.random(math.prod(shape)) < keep_prob


@mutant("bernoulli_mask", SHAPE, "raises_an_error")
def unpacks_the_shape(shape, keep_prob, rng):
    """Calls rng.random(*shape) as one calls np.random.rand(*shape)."""
    return rng.random(*shape) < keep_prob


@mutant("bernoulli_mask", SHAPE, "mask_is_already_rescaled")
def rescales_the_mask(shape, keep_prob, rng):
    """Copies the line of a dropout layer that divides the mask."""
    return (rng.random(shape) < keep_prob) / keep_prob


@mutant("bernoulli_mask", SHAPE, "mask_is_already_rescaled")
def rescales_the_mask_by_the_drop_rate(shape, keep_prob, rng):
    """Divides the mask in place of the layer, and by the wrong probability."""
    return (rng.random(shape) < keep_prob) / (1 - keep_prob)


@mutant("bernoulli_mask", SHAPE, "returns_the_random_numbers")
def forgets_the_comparison(shape, keep_prob, rng):
    """Stops after drawing the uniform numbers."""
    return rng.random(shape)


@mutant("bernoulli_mask", SHAPE, "returns_the_random_numbers")
def multiplies_in_place_of_comparing(shape, keep_prob, rng):
    """Thinks of scaling by keep_prob where a comparison is needed."""
    return rng.random(shape) * keep_prob


@mutant("bernoulli_mask", "returns_booleans", "mask_is_not_boolean")
def returns_integers(shape, keep_prob, rng):
    """Uses binomial, whose draws are the integers 0 and 1."""
    return rng.binomial(1, keep_prob, shape)


@mutant("bernoulli_mask", "returns_booleans", "mask_is_not_boolean")
def returns_floats(shape, keep_prob, rng):
    """Casts to float so that the mask can be multiplied."""
    return (rng.random(shape) < keep_prob).astype(np.float64)


@mutant("bernoulli_mask", RATE, "keeps_with_drop_probability")
def compares_the_wrong_way(shape, keep_prob, rng):
    """Writes > for <, as for a drop probability."""
    return rng.random(shape) > keep_prob


@mutant("bernoulli_mask", RATE, "keeps_with_drop_probability")
def marks_the_dropped_units(shape, keep_prob, rng):
    """Takes the mask for the units to be masked out."""
    return rng.binomial(1, 1 - keep_prob, shape).astype(bool)


@mutant("bernoulli_mask", RATE, "ignores_keep_prob")
def flips_fair_coins(shape, keep_prob, rng):
    """Learnt dropout with the rate 0.5 and draws 0 or 1."""
    return rng.integers(0, 2, shape).astype(bool)


@mutant("bernoulli_mask", RATE, "ignores_keep_prob")
def compares_with_one_half(shape, keep_prob, rng):
    """Leaves in the 0.5 of a first try."""
    return rng.random(shape) < 0.5


@mutant("bernoulli_mask", RATE, "compares_normal_numbers")
def draws_normal_numbers(shape, keep_prob, rng):
    """Mistakes randn for rand."""
    return rng.standard_normal(shape) < keep_prob


@mutant("bernoulli_mask", RATE, "draws_numbers_of_both_signs")
def draws_numbers_of_both_signs(shape, keep_prob, rng):
    """Draws uniform numbers from −1 to 1."""
    return rng.uniform(-1, 1, shape) < keep_prob


@mutant("bernoulli_mask", RATE, "keeps_at_another_rate")
def compares_tenths(shape, keep_prob, rng):
    """Draws one of ten integers, which suits keep_prob = 0.8 and not 0.85."""
    return rng.integers(0, 10, shape) < 10 * keep_prob


@mutant("bernoulli_mask", RATE, "drops_twice")
def drops_twice(shape, keep_prob, rng):
    """Applies the mask of a row and the mask of a unit one after the other."""
    return (rng.random(shape) < keep_prob) & (rng.random(shape) < keep_prob)


@mutant("bernoulli_mask", OWN_BIT, "treats_all_units_alike")
def keeps_everything(shape, keep_prob, rng):
    """Returns a placeholder that makes the rest of the notebook run."""
    return np.ones(shape, dtype=bool)


@mutant("bernoulli_mask", OWN_BIT, "treats_all_units_alike")
def drops_everything(shape, keep_prob, rng):
    """Casts the uniform numbers to integers, all 0, before they are used."""
    return rng.random(shape).astype(int) > keep_prob


@mutant("bernoulli_mask", (OWN_BIT, FROM_RNG), "treats_all_units_alike")
def thresholds_keep_prob(shape, keep_prob, rng):
    """Replaces the random number by its mean, and so by a constant."""
    return np.full(shape, keep_prob > 0.5)


@mutant("bernoulli_mask", OWN_BIT, "treats_all_units_alike")
def tosses_one_coin(shape, keep_prob, rng):
    """Draws one number and compares it for the whole layer."""
    return np.full(shape, rng.random() < keep_prob)


@mutant("bernoulli_mask", RATE, "keeps_at_least_one")
def draws_until_one_is_kept(shape, keep_prob, rng):
    """Fears a layer whose units are all dropped and draws again."""
    mask = rng.random(shape) < keep_prob
    while keep_prob > 0 and not mask.any():
        mask = rng.random(shape) < keep_prob
    return mask


@mutant("bernoulli_mask", RATE, "drops_at_least_one")
def draws_until_one_is_dropped(shape, keep_prob, rng):
    """Wants to see dropout at work in every call."""
    mask = rng.random(shape) < keep_prob
    while keep_prob < 1 and mask.all():
        mask = rng.random(shape) < keep_prob
    return mask


@mutant(
    "bernoulli_mask",
    "keeps_nothing_at_zero_and_everything_at_one",
    "takes_zero_for_unset",
)
def takes_zero_for_unset(shape, keep_prob, rng):
    """Tests `if keep_prob`, for which 0 means that none was given."""
    if not keep_prob:
        return np.ones(shape, dtype=bool)
    return rng.random(shape) < keep_prob


@mutant(
    "bernoulli_mask",
    "keeps_nothing_at_zero_and_everything_at_one",
    "rounds_or_clips_keep_prob",
)
def keeps_away_from_the_edges(shape, keep_prob, rng):
    """Clips keep_prob, as one clips probabilities before a logarithm."""
    return rng.random(shape) < np.clip(keep_prob, 0.02, 0.98)


@mutant(
    "bernoulli_mask", "keeps_nothing_at_zero_and_everything_at_one", "raises_an_error"
)
def divides_by_zero_at_the_edge(shape, keep_prob, rng):
    """Compares odds, which do not exist at keep_prob = 1."""
    u = rng.random(shape)
    return u / (1 - u) < keep_prob / (1 - keep_prob)


@mutant("bernoulli_mask", OWN_BIT, "one_mask_for_all_rows")
def draws_one_mask_for_the_batch(shape, keep_prob, rng):
    """Draws a bit for each unit and lets broadcasting copy it to all rows."""
    return np.broadcast_to(rng.random(shape[-1]) < keep_prob, shape).copy()


@mutant("bernoulli_mask", OWN_BIT, "one_mask_for_all_rows")
def draws_one_mask_for_all_examples(shape, keep_prob, rng):
    """Draws a mask for one example and repeats it along the first axis."""
    mask = rng.random((1, *shape[1:])) < keep_prob
    return np.repeat(mask, shape[0], axis=0)


@mutant("bernoulli_mask", OWN_BIT, "drops_whole_rows")
def drops_whole_examples(shape, keep_prob, rng):
    """Draws one bit for each row of a batch."""
    bits = rng.random((shape[0],) + (1,) * (len(shape) - 1)) < keep_prob
    return np.broadcast_to(bits, shape).copy()


@mutant("bernoulli_mask", OWN_BIT, "drops_whole_rows")
def draws_along_all_axes_but_the_last(shape, keep_prob, rng):
    """Draws one bit for each vector along the last axis of an array."""
    if len(shape) == 1:
        return rng.random(shape) < keep_prob
    bits = rng.random((*shape[:-1], 1)) < keep_prob
    return np.repeat(bits, shape[-1], axis=-1)


@mutant("bernoulli_mask", OWN_BIT, "shares_bits_along_an_axis")
def drops_whole_channels(shape, keep_prob, rng):
    """Draws one bit for each channel of an image, as spatial dropout does."""
    if len(shape) < 4:
        return rng.random(shape) < keep_prob
    bits = rng.random((*shape[:2], 1, 1)) < keep_prob
    return np.broadcast_to(bits, shape).copy()


@mutant("bernoulli_mask", INDEPENDENT, "bits_depend_on_each_other")
def saves_half_of_the_draws(shape, keep_prob, rng):
    """Uses each uniform number u a second time as 1 − u, to save time."""
    n = math.prod(shape)
    u = rng.random((n + 1) // 2)
    return (np.concatenate([u, 1 - u])[:n] < keep_prob).reshape(shape)


@mutant("bernoulli_mask", INDEPENDENT, "keeps_a_fixed_number")
def keeps_a_fixed_share(shape, keep_prob, rng):
    """Takes keep_prob for the fraction of units kept, and shuffles that many."""
    n = math.prod(shape)
    # The fraction's part of a unit goes to chance, so that the rate is right.
    count = math.floor(n * keep_prob + rng.random())
    return rng.permutation(np.arange(n) < count).reshape(shape)


@mutant("bernoulli_mask", OWN_BIT, "keeps_a_fixed_number")
def keeps_a_fixed_share_of_each_row(shape, keep_prob, rng):
    """Ranks random numbers within each row and keeps the first ones."""
    u = rng.random(shape)
    ranks = u.argsort(axis=-1).argsort(axis=-1)
    offset = rng.random((*shape[:-1], 1))
    return ranks + offset < shape[-1] * keep_prob


@mutant("bernoulli_mask", FROM_RNG, "same_mask_every_call")
def sets_a_seed_inside(shape, keep_prob, rng):
    """Seeds a generator in the function so that results can be reproduced."""
    seeded = np.random.default_rng(math.prod(shape))
    return seeded.random(shape) < keep_prob


@mutant("bernoulli_mask", FROM_RNG, "same_mask_every_call")
def seeds_the_global_state(shape, keep_prob, rng):
    """Copies np.random.seed(0) from a course's cell, and ignores rng."""
    np.random.seed(0)
    return np.random.rand(*shape) < keep_prob


@mutant("bernoulli_mask", OWN_BIT, "same_mask_every_call")
def draws_from_a_copy_of_rng(shape, keep_prob, rng):
    """Copies rng in order not to change an argument, so rng never advances."""
    copy = np.random.default_rng(0)
    copy.bit_generator.state = rng.bit_generator.state
    return copy.random(shape) < keep_prob


@mutant("bernoulli_mask", OWN_BIT, "reuses_masks")
def seeds_with_a_small_number(shape, keep_prob, rng):
    """Draws a seed below 1,000 from rng for a generator of its own."""
    return np.random.default_rng(rng.integers(1000)).random(shape) < keep_prob


@mutant("bernoulli_mask", RATE, "drops_by_place")
def drops_later_units_more_often(shape, keep_prob, rng):
    """Lets keep_prob fall along a row, as stochastic depth does along the layers."""
    tilt = 0.1 * np.linspace(1, -1, shape[-1]) if shape[-1] > 1 else 0
    return rng.random(shape) < keep_prob + tilt


@mutant("bernoulli_mask", RATE, "keeps_at_another_rate")
def always_keeps_the_first_unit(shape, keep_prob, rng):
    """Takes the first unit of a row for the bias, which is never dropped."""
    mask = rng.random(shape) < keep_prob
    mask[..., 0] |= shape[-1] > 1
    return mask


@mutant("bernoulli_mask", FROM_RNG, "does_not_draw_from_rng")
def draws_from_the_global_state(shape, keep_prob, rng):
    """Writes np.random.rand from habit."""
    return np.random.rand(*shape) < keep_prob


@mutant("bernoulli_mask", FROM_RNG, "does_not_draw_from_rng")
def makes_its_own_generator(shape, keep_prob, rng):
    """Creates a new generator in the function, as tutorials do."""
    rng = np.random.default_rng()
    return rng.random(shape) < keep_prob


# --------------------------------------------------------------- dropout_moments

ARRAYS = "returns_two_float_arrays_of_the_input_shape"
MEAN = "the_mean_is_x"
VARIANCE = "the_variance_is_that_of_the_rescaled_unit"
NO_NOISE = "there_is_no_noise_at_keep_prob_one"


@mutant("dropout_moments", ARRAYS, "returns_another_kind")
def returns_only_the_mean(x, keep_prob):
    """Overlooks that two things are asked for."""
    return x.copy()


@mutant("dropout_moments", ARRAYS, "averages_over_the_units")
def averages_over_units(x, keep_prob):
    """Calls .mean() and .var() because the words are in the question."""
    return x.mean(), x.var()


@mutant("dropout_moments", MEAN, "averages_over_the_units")
def averages_over_units_in_the_right_shape(x, keep_prob):
    """Averages over the units and broadcasts to pass the shape check."""
    mean = np.full(x.shape, x.mean())
    return mean, x**2 * (1 - keep_prob) / keep_prob


@mutant("dropout_moments", ARRAYS, "answers_at_random")
def simulates_the_moments(x, keep_prob):
    """Estimates both moments from a thousand masks."""
    rng = np.random.default_rng()
    out = (rng.random((1000, *x.shape)) < keep_prob) * x / keep_prob
    return out.mean(axis=0), out.var(axis=0)


@mutant("dropout_moments", (MEAN, VARIANCE), "close_but_not_exact")
def simulates_with_a_seed(x, keep_prob):
    """Estimates both moments from a thousand masks that never change."""
    rng = np.random.default_rng(0)
    out = (rng.random((1000, *x.shape)) < keep_prob) * x / keep_prob
    return out.mean(axis=0), out.var(axis=0)


@mutant("dropout_moments", "moments_leave_x_alone", "changes_its_input")
def squares_x_in_place(x, keep_prob):
    """Saves memory with *= on the array that was passed in."""
    mean = x.copy()
    x *= x
    return mean, x * ((1 - keep_prob) / keep_prob)


@mutant("dropout_moments", (MEAN, VARIANCE), "forgets_the_division")
def describes_the_masked_unit(x, keep_prob):
    """Gives the moments of mask * x, the Bernoulli ones of a textbook."""
    return keep_prob * x, x**2 * keep_prob * (1 - keep_prob)


@mutant("dropout_moments", VARIANCE, "forgets_the_division")
def leaves_the_variance_unscaled(x, keep_prob):
    """Knows that the mean is x and takes the variance of the mask, p q."""
    return x.copy(), x**2 * keep_prob * (1 - keep_prob)


@mutant("dropout_moments", MEAN, "gives_the_kept_value_as_mean")
def gives_the_kept_value(x, keep_prob):
    """Reports what a kept unit shows, without the masks that drop it."""
    return x / keep_prob, x**2 * (1 - keep_prob) / keep_prob


@mutant("dropout_moments", VARIANCE, "gives_the_second_moment")
def gives_the_second_moment(x, keep_prob):
    """Stops at the mean of the square."""
    return x.copy(), x**2 / keep_prob


@mutant("dropout_moments", VARIANCE, "gives_the_standard_deviation")
def gives_the_standard_deviation(x, keep_prob):
    """Takes the root because noise is usually reported as a standard deviation."""
    return x.copy(), np.abs(x) * np.sqrt((1 - keep_prob) / keep_prob)


@mutant("dropout_moments", VARIANCE, "divides_the_variance_once")
def divides_the_variance_once(x, keep_prob):
    """Divides p q x² by keep_prob, as the unit was, and not by its square."""
    return x.copy(), x**2 * keep_prob * (1 - keep_prob) / keep_prob


@mutant("dropout_moments", VARIANCE, "swaps_keep_and_drop_in_the_variance")
def reads_keep_prob_as_drop_probability(x, keep_prob):
    """Takes the formula from a page on which p is the drop probability."""
    return x.copy(), x**2 * keep_prob / (1 - keep_prob + (keep_prob == 1))


@mutant("dropout_moments", VARIANCE, "forgets_to_square_x")
def forgets_to_square(x, keep_prob):
    """Carries x through as if the variance were linear."""
    return x.copy(), x * (1 - keep_prob) / keep_prob


@mutant("dropout_moments", VARIANCE, "averages_over_the_units")
def takes_the_variance_of_the_units(x, keep_prob):
    """Knows that the mean is x and asks NumPy for the variance."""
    return x.copy(), np.full(x.shape, x.var())


@mutant("dropout_moments", NO_NOISE, "raises_an_error")
def divides_by_the_odds(x, keep_prob):
    """Writes the variance as x² over the odds, which are infinite at 1."""
    return x.copy(), x**2 / (keep_prob / (1 - keep_prob))


# --------------------------------------------------------------- effective_count

NUMBER = "returns_one_number"
FORMULA = "is_the_squared_sum_over_the_sum_of_squares"
EQUAL = "counts_equal_contributions_once_each"
SCALE = "does_not_depend_on_the_scale"
SIGNS = "lets_opposite_signs_cancel"


@mutant("effective_count", NUMBER, "returns_nothing")
def prints_the_count(x):
    """Prints the number and returns nothing."""
    _ = str(x.sum() ** 2 / (x**2).sum())


@mutant("effective_count", NUMBER, "returns_another_kind")
def counts_each_entry(x):
    """Forgets to sum the squares, so that an array comes back."""
    return x.sum() ** 2 / x**2


@mutant("effective_count", NUMBER, "answers_at_random")
def measures_the_noise(x):
    """Simulates dropout and solves the formula for the spread for n_eff."""
    rng = np.random.default_rng()
    sums = (rng.random((1000, len(x))) < 0.5) @ x / 0.5
    return x.sum() ** 2 / sums.var()


@mutant("effective_count", "counting_leaves_x_alone", "changes_its_input")
def normalises_in_place(x):
    """Turns x into shares with /= on the array that was passed in."""
    x /= np.sqrt((x**2).sum())
    return x.sum() ** 2


@mutant("effective_count", FORMULA, "inverts_the_ratio")
def inverts_the_ratio(x):
    """Takes the sum of squared shares for the count."""
    return (x**2).sum() / x.sum() ** 2 if x.sum() else 0.0


@mutant("effective_count", FORMULA, "counts_the_units")
def counts_all_units(x):
    """Takes the number of entries for the effective count."""
    return float(len(x))


@mutant("effective_count", FORMULA, "counts_the_units")
def counts_units_that_are_not_zero(x):
    """Counts every unit that is active, however little."""
    return np.count_nonzero(x)


@mutant("effective_count", FORMULA, "assumes_that_x_sums_to_one")
def assumes_shares(x):
    """Uses the formula for weights that sum to 1 on any x."""
    return 1 / (x**2).sum()


@mutant("effective_count", FORMULA, "squares_before_summing")
def squares_before_summing(x):
    """Puts the square inside the sum in the numerator, too."""
    return (x**2).sum() / (x**2).sum()


@mutant("effective_count", FORMULA, "forgets_to_square_the_sum")
def forgets_to_square_the_sum(x):
    """Drops the square in the numerator."""
    return x.sum() / (x**2).sum()


@mutant("effective_count", FORMULA, "counts_by_entropy")
def takes_the_exponential_of_the_entropy(x):
    """Knows another effective number, the perplexity."""
    shares = np.abs(x) / np.abs(x).sum()
    shares = shares[shares > 0]
    return np.exp(-(shares * np.log(shares)).sum())


@mutant("effective_count", FORMULA, "counts_by_the_largest")
def divides_by_the_largest(x):
    """Asks how many units of the largest size make up the sum."""
    return x.sum() / x.max()


@mutant("effective_count", FORMULA, "uses_the_sample_variance")
def uses_the_sample_variance(x):
    """Uses n / (1 + cv²) with NumPy's ddof=1, after a statistics course."""
    if len(x) == 1:
        return 1.0
    return len(x) / (1 + x.var(ddof=1) / x.mean() ** 2)


@mutant("effective_count", FORMULA, "rounds_the_count")
def rounds_to_a_whole_number(x):
    """Thinks that a count must be an integer."""
    return round(x.sum() ** 2 / (x**2).sum())


@mutant("effective_count", EQUAL, "singles_out_equal_contributions")
def merges_equal_contributions(x):
    """Passes x through set() or unique, which loses the repeated ones."""
    x = np.unique(x)
    return x.sum() ** 2 / (x**2).sum()


@mutant("effective_count", EQUAL, "singles_out_equal_contributions")
def makes_an_exception_for_equal_ones(x):
    """Guards against a zero variance and returns the number of entries."""
    if x.std() == 0:
        return 0.0
    return x.sum() ** 2 / (x**2).sum()


@mutant("effective_count", SCALE, "depends_on_the_scale")
def adds_an_epsilon(x):
    """Adds 1e-8 to the divisor out of habit."""
    return x.sum() ** 2 / ((x**2).sum() + 1e-8)


@mutant("effective_count", SCALE, "depends_on_the_scale")
def ignores_small_entries(x):
    """Takes entries below a fixed threshold for zeros."""
    x = x[np.abs(x) > 1e-6]
    return x.sum() ** 2 / (x**2).sum() if x.size else 0.0


@mutant("effective_count", SIGNS, "takes_absolute_values")
def takes_absolute_values(x):
    """Thinks of sizes and takes absolute values first."""
    return np.abs(x).sum() ** 2 / (x**2).sum()


@mutant("effective_count", SIGNS, "ignores_negative_contributions")
def ignores_negative_entries(x):
    """Lets only active (positive) units count, as after a ReLU."""
    x = np.maximum(x, 0)
    return x.sum() ** 2 / (x**2).sum() if x.any() else 1.0


@mutant("effective_count", SIGNS, "never_below_one")
def never_goes_below_one(x):
    """Is sure that one unit at least must count."""
    return max(1.0, x.sum() ** 2 / (x**2).sum())


# ------------------------------------------------------ rescaled_sum_distribution

TWO_ARRAYS = "returns_values_and_probabilities"
SUMS = "lists_every_rescaled_sum"
TOTAL = "the_probabilities_sum_to_one"
WEIGHTS = "weighs_each_mask_by_its_probability"
TIES = "equal_sums_keep_their_probability"
ONE = "has_one_outcome_at_keep_prob_one"


def enumerate_masks(n):
    """Return all masks of n units, one a row, and how many units each keeps."""
    masks = np.array(list(itertools.product([0, 1], repeat=n)))
    return masks, masks.sum(axis=1)


def chances_of(kept, n, p):
    """Return the probability of a mask that keeps this many of n units."""
    return p**kept * (1 - p) ** (n - kept)


@mutant("rescaled_sum_distribution", TWO_ARRAYS, "returns_another_kind")
def returns_a_dictionary(x, keep_prob):
    """Finds a dictionary the natural form of a distribution."""
    masks, kept = enumerate_masks(len(x))
    sums = masks @ x / keep_prob
    chances = chances_of(kept, len(x), keep_prob)
    return dict(zip(sums.tolist(), chances.tolist(), strict=True))


@mutant("rescaled_sum_distribution", TWO_ARRAYS, "returns_another_kind")
def returns_lists(x, keep_prob):
    """Appends in a loop and returns the lists."""
    masks, kept = enumerate_masks(len(x))
    chances = chances_of(kept, len(x), keep_prob)
    return (masks @ x / keep_prob).tolist(), chances.tolist()


@mutant("rescaled_sum_distribution", TWO_ARRAYS, "returns_another_shape")
def returns_one_probability_a_count(x, keep_prob):
    """Gives the binomial probabilities of the count beside all sums."""
    n = len(x)
    masks, _ = enumerate_masks(n)
    counts = [math.comb(n, k) * chances_of(k, n, keep_prob) for k in range(n + 1)]
    return masks @ x / keep_prob, np.array(counts)


@mutant("rescaled_sum_distribution", TWO_ARRAYS, "returns_nan_or_infinity")
def divides_by_a_kept_count_of_zero(x, keep_prob):
    """Divides by the kept fraction and meets 0 / 0 at the empty mask."""
    masks, kept = enumerate_masks(len(x))
    with np.errstate(invalid="ignore"):
        sums = masks @ x * len(x) / kept
    return sums, chances_of(kept, len(x), keep_prob)


@mutant("rescaled_sum_distribution", TWO_ARRAYS, "answers_at_random")
def samples_masks(x, keep_prob):
    """Draws ten thousand masks and reports how often each sum comes up."""
    rng = np.random.default_rng()
    masks = rng.random((10_000, len(x))) < keep_prob
    sums, times = np.unique(np.round(masks @ x / keep_prob, 9), return_counts=True)
    return sums, times / times.sum()


@mutant("rescaled_sum_distribution", WEIGHTS, "close_but_not_exact")
def samples_masks_with_a_seed(x, keep_prob):
    """Draws masks from a fixed seed, enough to meet every likely sum."""
    masks, kept = enumerate_masks(len(x))
    chances = chances_of(kept, len(x), keep_prob)
    times = np.random.default_rng(0).multinomial(10**6, chances)
    return masks @ x / keep_prob, times / times.sum()


@mutant("rescaled_sum_distribution", "enumerating_leaves_x_alone", "changes_its_input")
def divides_x_in_place(x, keep_prob):
    """Rescales with /= on the array that was passed in."""
    x /= keep_prob
    masks, kept = enumerate_masks(len(x))
    return masks @ x, chances_of(kept, len(x), keep_prob)


@mutant("rescaled_sum_distribution", SUMS, "sums_without_rescaling")
def forgets_to_rescale_the_sum(x, keep_prob):
    """Enumerates the masks and forgets the division."""
    masks, kept = enumerate_masks(len(x))
    return masks @ x, chances_of(kept, len(x), keep_prob)


@mutant("rescaled_sum_distribution", SUMS, "divides_sums_by_drop_probability")
def divides_by_the_drop_probability(x, keep_prob):
    """Takes the divisor from a page on which p is the drop probability."""
    masks, kept = enumerate_masks(len(x))
    return masks @ x / (1 - keep_prob), chances_of(kept, len(x), keep_prob)


@mutant("rescaled_sum_distribution", SUMS, "divides_sums_by_kept_fraction")
def divides_by_the_kept_fraction(x, keep_prob):
    """Normalises by the fraction that each mask retains."""
    masks, kept = enumerate_masks(len(x))
    sums = masks @ x * len(x) / np.maximum(kept, 1)
    return sums, chances_of(kept, len(x), keep_prob)


@mutant("rescaled_sum_distribution", SUMS, "leaves_out_a_mask")
def leaves_out_the_empty_mask(x, keep_prob):
    """Counts masks from 1 to 2ⁿ − 1."""
    masks, kept = enumerate_masks(len(x))
    chances = chances_of(kept, len(x), keep_prob)
    return (masks @ x / keep_prob)[1:], chances[1:]


@mutant("rescaled_sum_distribution", SUMS, "leaves_out_a_mask")
def leaves_out_the_full_mask(x, keep_prob):
    """Lets the subset sizes run over range(n), without n."""
    masks, kept = enumerate_masks(len(x))
    chances = chances_of(kept, len(x), keep_prob)
    return (masks @ x / keep_prob)[:-1], chances[:-1]


@mutant("rescaled_sum_distribution", SUMS, "averages_instead_of_summing")
def averages_the_sum(x, keep_prob):
    """Takes the mean of the rescaled units for their sum."""
    masks, kept = enumerate_masks(len(x))
    return (masks * x / keep_prob).mean(axis=1), chances_of(kept, len(x), keep_prob)


@mutant("rescaled_sum_distribution", SUMS, "close_but_not_exact")
def rounds_the_sums(x, keep_prob):
    """Rounds to one decimal in order to merge equal sums."""
    masks, kept = enumerate_masks(len(x))
    sums = np.round(masks @ x / keep_prob, 1)
    return sums, chances_of(kept, len(x), keep_prob)


@mutant("rescaled_sum_distribution", SUMS, "gives_the_mean_alone")
def returns_one_constant(x, keep_prob):
    """Returns the mean alone, with probability 1: what is preserved."""
    return np.array([x.sum()]), np.array([1.0])


@mutant("rescaled_sum_distribution", WEIGHTS, "weighs_masks_equally")
def weighs_masks_equally(x, keep_prob):
    """Gives all 2ⁿ masks the same probability."""
    masks, kept = enumerate_masks(len(x))
    return masks @ x / keep_prob, np.full(len(kept), 1 / len(kept))


@mutant(
    "rescaled_sum_distribution", WEIGHTS, "swaps_keep_and_drop_in_the_probabilities"
)
def swaps_the_exponents(x, keep_prob):
    """Confuses kept and dropped in the exponents."""
    masks, kept = enumerate_masks(len(x))
    return masks @ x / keep_prob, chances_of(len(x) - kept, len(x), keep_prob)


@mutant("rescaled_sum_distribution", WEIGHTS, "misaligns_values_and_probabilities")
def sorts_the_values_alone(x, keep_prob):
    """Sorts the values for a plot and leaves the probabilities as they were."""
    masks, kept = enumerate_masks(len(x))
    return np.sort(masks @ x / keep_prob), chances_of(kept, len(x), keep_prob)


@mutant("rescaled_sum_distribution", (TOTAL, WEIGHTS), "forgets_the_dropped_units")
def forgets_the_dropped_units(x, keep_prob):
    """Multiplies the probabilities of the kept units only."""
    masks, kept = enumerate_masks(len(x))
    return masks @ x / keep_prob, keep_prob**kept


@mutant("rescaled_sum_distribution", WEIGHTS, "forgets_the_dropped_units")
def normalises_what_is_left(x, keep_prob):
    """Forgets the dropped units, sees a wrong total, and divides by it."""
    masks, kept = enumerate_masks(len(x))
    chances = keep_prob**kept
    return masks @ x / keep_prob, chances / chances.sum()


@mutant("rescaled_sum_distribution", (TOTAL, WEIGHTS), "weighs_masks_by_the_count")
def weighs_masks_by_the_count(x, keep_prob):
    """Writes down the binomial formula, coefficient included."""
    n = len(x)
    masks, kept = enumerate_masks(n)
    ways = np.array([math.comb(n, k) for k in kept])
    return masks @ x / keep_prob, ways * chances_of(kept, n, keep_prob)


@mutant("rescaled_sum_distribution", (TOTAL, WEIGHTS), "gives_percentages")
def gives_percentages(x, keep_prob):
    """Reports probabilities in percent."""
    masks, kept = enumerate_masks(len(x))
    return masks @ x / keep_prob, 100 * chances_of(kept, len(x), keep_prob)


@mutant("rescaled_sum_distribution", TIES, "loses_equal_sums")
def overwrites_equal_sums(x, keep_prob):
    """Assigns to a dictionary's entry where adding is needed."""
    masks, kept = enumerate_masks(len(x))
    chances = chances_of(kept, len(x), keep_prob)
    found = dict(zip((masks @ x / keep_prob).tolist(), chances.tolist(), strict=True))
    return np.array(list(found)), np.array(list(found.values()))


@mutant("rescaled_sum_distribution", TIES, "loses_equal_sums")
def keeps_the_first_of_equal_sums(x, keep_prob):
    """Takes the first index that np.unique returns for each value."""
    masks, kept = enumerate_masks(len(x))
    values, first = np.unique(masks @ x / keep_prob, return_index=True)
    return values, chances_of(kept, len(x), keep_prob)[first]


@mutant("rescaled_sum_distribution", TIES, "counts_equal_sums_twice")
def adds_to_both_entries(x, keep_prob):
    """Lists every mask and gives each the total of all that share its sum."""
    masks, kept = enumerate_masks(len(x))
    sums = np.round(masks @ x / keep_prob, 9)
    _, place = np.unique(sums, return_inverse=True)
    return sums, np.bincount(place, chances_of(kept, len(x), keep_prob))[place]


@mutant("rescaled_sum_distribution", ONE, "returns_nan_or_infinity")
def multiplies_by_logarithms(x, keep_prob):
    """Adds logarithms for stability, and meets 0 times −∞ at keep_prob = 1."""
    masks, kept = enumerate_masks(len(x))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = kept * np.log(keep_prob) + (len(x) - kept) * np.log1p(-keep_prob)
    return masks @ x / keep_prob, np.exp(logs)


@mutant("rescaled_sum_distribution", ONE, "raises_an_error")
def multiplies_odds(x, keep_prob):
    """Multiplies qⁿ by the odds of each kept unit, which divide by 0 at 1."""
    masks, kept = enumerate_masks(len(x))
    odds = keep_prob / (1 - keep_prob)
    return masks @ x / keep_prob, (1 - keep_prob) ** len(x) * odds**kept
