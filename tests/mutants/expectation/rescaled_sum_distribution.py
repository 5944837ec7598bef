"""Wrong answers to ``rescaled_sum_distribution``, each named after its sin."""

import itertools
import math

import numpy as np

from tests.bank import Mutants, fails

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


class Sins(Mutants, of="rescaled_sum_distribution"):
    @fails(TWO_ARRAYS, "returns_another_kind")
    def returns_a_dictionary(x, keep_prob):
        """Finds a dictionary the natural form of a distribution."""
        masks, kept = enumerate_masks(len(x))
        sums = masks @ x / keep_prob
        chances = chances_of(kept, len(x), keep_prob)
        return dict(zip(sums.tolist(), chances.tolist(), strict=True))

    @fails(TWO_ARRAYS, "returns_another_kind")
    def returns_lists(x, keep_prob):
        """Appends in a loop and returns the lists."""
        masks, kept = enumerate_masks(len(x))
        chances = chances_of(kept, len(x), keep_prob)
        return (masks @ x / keep_prob).tolist(), chances.tolist()

    @fails(TWO_ARRAYS, "returns_another_shape")
    def returns_one_probability_a_count(x, keep_prob):
        """Gives the binomial probabilities of the count beside all sums."""
        n = len(x)
        masks, _ = enumerate_masks(n)
        counts = [math.comb(n, k) * chances_of(k, n, keep_prob) for k in range(n + 1)]
        return masks @ x / keep_prob, np.array(counts)

    @fails(TWO_ARRAYS, "returns_nan_or_infinity")
    def divides_by_a_kept_count_of_zero(x, keep_prob):
        """Divides by the kept fraction and meets 0 / 0 at the empty mask."""
        masks, kept = enumerate_masks(len(x))
        with np.errstate(invalid="ignore"):
            sums = masks @ x * len(x) / kept
        return sums, chances_of(kept, len(x), keep_prob)

    @fails(TWO_ARRAYS, "answers_at_random")
    def samples_masks(x, keep_prob):
        """Draws ten thousand masks and reports how often each sum comes up."""
        rng = np.random.default_rng()
        masks = rng.random((10_000, len(x))) < keep_prob
        sums, times = np.unique(np.round(masks @ x / keep_prob, 9), return_counts=True)
        return sums, times / times.sum()

    @fails(WEIGHTS, "close_but_not_exact")
    def samples_masks_with_a_seed(x, keep_prob):
        """Draws masks from a fixed seed, enough to meet every likely sum."""
        masks, kept = enumerate_masks(len(x))
        chances = chances_of(kept, len(x), keep_prob)
        times = np.random.default_rng(0).multinomial(10**6, chances)
        return masks @ x / keep_prob, times / times.sum()

    @fails("enumerating_leaves_x_alone", "changes_its_input")
    def divides_x_in_place(x, keep_prob):
        """Rescales with /= on the array that was passed in."""
        x /= keep_prob
        masks, kept = enumerate_masks(len(x))
        return masks @ x, chances_of(kept, len(x), keep_prob)

    @fails(SUMS, "sums_without_rescaling")
    def forgets_to_rescale_the_sum(x, keep_prob):
        """Enumerates the masks and forgets the division."""
        masks, kept = enumerate_masks(len(x))
        return masks @ x, chances_of(kept, len(x), keep_prob)

    @fails(SUMS, "divides_sums_by_drop_probability")
    def divides_by_the_drop_probability(x, keep_prob):
        """Takes the divisor from a page on which p is the drop probability."""
        masks, kept = enumerate_masks(len(x))
        return masks @ x / (1 - keep_prob), chances_of(kept, len(x), keep_prob)

    @fails(SUMS, "divides_sums_by_kept_fraction")
    def divides_by_the_kept_fraction(x, keep_prob):
        """Normalises by the fraction that each mask retains."""
        masks, kept = enumerate_masks(len(x))
        sums = masks @ x * len(x) / np.maximum(kept, 1)
        return sums, chances_of(kept, len(x), keep_prob)

    @fails(SUMS, "leaves_out_a_mask")
    def leaves_out_the_empty_mask(x, keep_prob):
        """Counts masks from 1 to 2ⁿ − 1."""
        masks, kept = enumerate_masks(len(x))
        chances = chances_of(kept, len(x), keep_prob)
        return (masks @ x / keep_prob)[1:], chances[1:]

    @fails(SUMS, "leaves_out_a_mask")
    def leaves_out_the_full_mask(x, keep_prob):
        """Lets the subset sizes run over range(n), without n."""
        masks, kept = enumerate_masks(len(x))
        chances = chances_of(kept, len(x), keep_prob)
        return (masks @ x / keep_prob)[:-1], chances[:-1]

    @fails(SUMS, "averages_instead_of_summing")
    def averages_the_sum(x, keep_prob):
        """Takes the mean of the rescaled units for their sum."""
        masks, kept = enumerate_masks(len(x))
        return (masks * x / keep_prob).mean(axis=1), chances_of(kept, len(x), keep_prob)

    @fails(SUMS, "close_but_not_exact")
    def rounds_the_sums(x, keep_prob):
        """Rounds to one decimal in order to merge equal sums."""
        masks, kept = enumerate_masks(len(x))
        sums = np.round(masks @ x / keep_prob, 1)
        return sums, chances_of(kept, len(x), keep_prob)

    @fails(SUMS, "close_but_not_exact")
    def rounds_the_sums_to_six_decimals(x, keep_prob):
        """Rounds to six decimals, which is too few where all entries are small."""
        masks, kept = enumerate_masks(len(x))
        sums = np.round(masks @ x / keep_prob, 6)
        return sums, chances_of(kept, len(x), keep_prob)

    @fails(SUMS, "lists_some_masks_only")
    def merges_neighbouring_sums(x, keep_prob):
        """Merges sums that agree to a tenth of a per mille, equal or not."""
        masks, kept = enumerate_masks(len(x))
        sums, chances = masks @ x / keep_prob, chances_of(kept, len(x), keep_prob)
        merged = []
        for place in np.argsort(sums):
            if merged and np.isclose(sums[place], merged[-1][0], rtol=1e-4):
                merged[-1][1] += chances[place]
            else:
                merged.append([sums[place], chances[place]])
        return tuple(np.array(merged).T)

    @fails(SUMS, "gives_the_mean_alone")
    def returns_one_constant(x, keep_prob):
        """Returns the mean alone, with probability 1: what is preserved."""
        return np.array([x.sum()]), np.array([1.0])

    @fails(WEIGHTS, "weighs_masks_equally")
    def weighs_masks_equally(x, keep_prob):
        """Gives all 2ⁿ masks the same probability."""
        masks, kept = enumerate_masks(len(x))
        return masks @ x / keep_prob, np.full(len(kept), 1 / len(kept))

    @fails(WEIGHTS, "swaps_keep_and_drop_in_the_probabilities")
    def swaps_the_exponents(x, keep_prob):
        """Confuses kept and dropped in the exponents."""
        masks, kept = enumerate_masks(len(x))
        return masks @ x / keep_prob, chances_of(len(x) - kept, len(x), keep_prob)

    @fails(WEIGHTS, "misaligns_values_and_probabilities")
    def sorts_the_values_alone(x, keep_prob):
        """Sorts the values for a plot and leaves the probabilities as they were."""
        masks, kept = enumerate_masks(len(x))
        return np.sort(masks @ x / keep_prob), chances_of(kept, len(x), keep_prob)

    @fails((TOTAL, WEIGHTS), "forgets_the_dropped_units")
    def forgets_the_dropped_units(x, keep_prob):
        """Multiplies the probabilities of the kept units only."""
        masks, kept = enumerate_masks(len(x))
        return masks @ x / keep_prob, keep_prob**kept

    @fails(WEIGHTS, "forgets_the_dropped_units")
    def normalises_what_is_left(x, keep_prob):
        """Forgets the dropped units, sees a wrong total, and divides by it."""
        masks, kept = enumerate_masks(len(x))
        chances = keep_prob**kept
        return masks @ x / keep_prob, chances / chances.sum()

    @fails((TOTAL, WEIGHTS), "weighs_masks_by_the_count")
    def weighs_masks_by_the_count(x, keep_prob):
        """Writes down the binomial formula, coefficient included."""
        n = len(x)
        masks, kept = enumerate_masks(n)
        ways = np.array([math.comb(n, k) for k in kept])
        return masks @ x / keep_prob, ways * chances_of(kept, n, keep_prob)

    @fails((TOTAL, WEIGHTS), "gives_percentages")
    def gives_percentages(x, keep_prob):
        """Reports probabilities in percent."""
        masks, kept = enumerate_masks(len(x))
        return masks @ x / keep_prob, 100 * chances_of(kept, len(x), keep_prob)

    @fails(TIES, "loses_equal_sums")
    def overwrites_equal_sums(x, keep_prob):
        """Assigns to a dictionary's entry where adding is needed."""
        masks, kept = enumerate_masks(len(x))
        chances = chances_of(kept, len(x), keep_prob)
        found = dict(
            zip((masks @ x / keep_prob).tolist(), chances.tolist(), strict=True)
        )
        return np.array(list(found)), np.array(list(found.values()))

    @fails(TIES, "loses_equal_sums")
    def keeps_the_first_of_equal_sums(x, keep_prob):
        """Takes the first index that np.unique returns for each value."""
        masks, kept = enumerate_masks(len(x))
        values, first = np.unique(masks @ x / keep_prob, return_index=True)
        return values, chances_of(kept, len(x), keep_prob)[first]

    @fails(TIES, "counts_equal_sums_twice")
    def adds_to_both_entries(x, keep_prob):
        """Lists every mask and gives each the total of all that share its sum."""
        masks, kept = enumerate_masks(len(x))
        sums = np.round(masks @ x / keep_prob, 9)
        _, place = np.unique(sums, return_inverse=True)
        return sums, np.bincount(place, chances_of(kept, len(x), keep_prob))[place]

    @fails(SUMS, "close_but_not_exact")
    def merges_sums_of_eight_decimals(x, keep_prob):
        """Rounds the sums to 8 decimals to find equal ones, as if all were large."""
        masks, kept = enumerate_masks(len(x))
        sums = np.round(masks @ x / keep_prob, 8)
        values, place = np.unique(sums, return_inverse=True)
        return values, np.bincount(place, chances_of(kept, len(x), keep_prob))

    @fails(ONE, "returns_nan_or_infinity")
    def multiplies_by_logarithms(x, keep_prob):
        """Adds logarithms for stability, and meets 0 times −∞ at keep_prob = 1."""
        masks, kept = enumerate_masks(len(x))
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = kept * np.log(keep_prob) + (len(x) - kept) * np.log1p(-keep_prob)
        return masks @ x / keep_prob, np.exp(logs)

    @fails(ONE, "raises_an_error")
    def multiplies_odds(x, keep_prob):
        """Multiplies qⁿ by the odds of each kept unit, which divide by 0 at 1."""
        masks, kept = enumerate_masks(len(x))
        odds = keep_prob / (1 - keep_prob)
        return masks @ x / keep_prob, (1 - keep_prob) ** len(x) * odds**kept
