"""Wrong answers to ``kept_count_distribution``, each named after its sin."""

import math

import numpy as np

from tests.bank import Mutants, fails

RUNS = "returns_one_float_for_each_count"
CHANCES = "gives_the_chance_of_each_count"
MANY = "stays_exact_for_many_units"
EDGES = "one_count_is_certain_at_zero_and_one"


def by_logarithms(n, p):
    """Return the right answer, for 0 <= p <= 1."""
    if p in (0, 1):
        return np.eye(n + 1)[round(n * p)]
    k = np.arange(n + 1)
    logs = np.concatenate([[0], np.cumsum(np.log(k[1:]))])
    ways = logs[n] - logs - logs[::-1]
    return np.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))


class Sins(Mutants, of="kept_count_distribution"):
    @fails(RUNS, "returns_nothing")
    def counts_and_returns_nothing(n, keep_prob):
        """Fills the array and forgets the return statement."""
        by_logarithms(n, keep_prob)

    @fails(RUNS, "returns_another_kind")
    def counts_into_a_list(n, keep_prob):
        """Appends the probabilities to a list and returns it."""
        return by_logarithms(n, keep_prob).tolist()

    @fails(RUNS, "returns_another_kind")
    def counts_into_a_dictionary(n, keep_prob):
        """Maps each count to its probability."""
        return dict(enumerate(by_logarithms(n, keep_prob).tolist()))

    @fails(RUNS, "misses_a_count")
    def counts_one_to_n(n, keep_prob):
        """Begins at one kept unit, as if none were impossible."""
        return by_logarithms(n, keep_prob)[1:]

    @fails(RUNS, "misses_a_count")
    def counts_below_n(n, keep_prob):
        """Writes range(n) for the counts 0 to n."""
        return by_logarithms(n, keep_prob)[:n]

    @fails(RUNS, "returns_another_shape")
    def counts_in_two_columns(n, keep_prob):
        """Returns a table of counts and probabilities."""
        return np.stack([np.arange(n + 1), by_logarithms(n, keep_prob)], axis=1)

    @fails(RUNS, "returns_no_floats")
    def counts_in_integers(n, keep_prob):
        """Builds the array with dtype int, because counts are whole numbers."""
        return by_logarithms(n, keep_prob).astype(int)

    @fails(RUNS, "simulates_the_distribution")
    def simulates_the_counts(n, keep_prob):
        """Draws masks and counts how often each number comes up."""
        kept = np.random.default_rng().binomial(n, keep_prob, size=10_000)
        return np.bincount(kept, minlength=n + 1) / 10_000

    @fails(CHANCES, "approximates_the_distribution")
    def simulates_the_counts_with_a_seed(n, keep_prob):
        """Simulates, and sets a seed so that the result is reproducible."""
        kept = np.random.default_rng(0).binomial(n, keep_prob, size=100_000)
        return np.bincount(kept, minlength=n + 1) / 100_000

    @fails(CHANCES, "approximates_the_distribution")
    def takes_the_normal_curve(n, keep_prob):
        """Remembers that a binomial law is nearly normal."""
        k, variance = np.arange(n + 1), n * keep_prob * (1 - keep_prob) + 1e-300
        chances = np.exp(-((k - n * keep_prob) ** 2) / (2 * variance))
        return chances / chances.sum()

    @fails(CHANCES, "approximates_the_distribution")
    def takes_the_poisson_law(n, keep_prob):
        """Counts the dropped units as rare events."""
        rate = n * (1 - keep_prob)
        logs = [k * math.log(rate + 1e-300) - math.lgamma(k + 1) for k in range(n + 1)]
        return np.exp(np.array(logs) - rate)[::-1]

    @fails(CHANCES, "approximates_the_distribution")
    def rounds_the_chances(n, keep_prob):
        """Rounds to four decimals so that the output looks tidy."""
        return np.round(by_logarithms(n, keep_prob), 4)

    @fails(CHANCES, "counts_the_dropped_units")
    def counts_with_the_drop_probability(n, keep_prob):
        """Takes keep_prob for the probability that a unit is dropped."""
        return by_logarithms(n, keep_prob)[::-1].copy()

    @fails(CHANCES, "forgets_the_binomial_coefficient")
    def gives_the_chance_of_one_mask(n, keep_prob):
        """Multiplies the probabilities of the units and forgets how many masks there are."""
        k = np.arange(n + 1)
        return keep_prob**k * (1.0 - keep_prob) ** (n - k)

    @fails(CHANCES, "counts_masks_as_equally_likely")
    def takes_fair_coins(n, keep_prob):
        """Counts the masks as if all of them were equally likely."""
        return by_logarithms(n, 0.5)

    @fails(CHANCES, "counts_masks_as_equally_likely")
    def counts_the_masks(n, keep_prob):
        """Stops at the binomial coefficient."""
        return np.array([float(math.comb(n, k)) for k in range(n + 1)])

    @fails(CHANCES, "forgets_the_factor_of_the_dropped")
    def forgets_that_others_are_dropped(n, keep_prob):
        """Has the factor of the kept units only."""
        return np.array([math.comb(n, k) * float(keep_prob) ** k for k in range(n + 1)])

    @fails(CHANCES, "gives_cumulative_probabilities")
    def gives_at_most_k(n, keep_prob):
        """Returns the distribution function, which is called distribution as well."""
        return np.cumsum(by_logarithms(n, keep_prob))

    @fails(CHANCES, "gives_cumulative_probabilities")
    def gives_at_least_k(n, keep_prob):
        """Adds up the tail, as tables do."""
        return np.cumsum(by_logarithms(n, keep_prob)[::-1])[::-1].copy()

    @fails(CHANCES, "leaves_out_the_empty_mask")
    def sets_the_empty_mask_to_zero(n, keep_prob):
        """Thinks that at least one unit is always kept."""
        chances = by_logarithms(n, keep_prob)
        chances[0] = 0
        return chances

    @fails(CHANCES, "leaves_out_the_empty_mask")
    def conditions_on_a_kept_unit(n, keep_prob):
        """Normalises over the counts from 1, for which n / K is defined."""
        chances = by_logarithms(n, keep_prob)
        chances[0] = 0
        return chances / max(chances.sum(), 1e-300)

    @fails(CHANCES, "gives_the_fractions")
    def gives_the_lattice(n, keep_prob):
        """Returns the fractions K / n themselves."""
        return np.arange(n + 1) / n

    @fails(CHANCES, "is_no_binomial_distribution")
    def uses_the_wrong_exponent(n, keep_prob):
        """Raises 1 - keep_prob to the power k as well."""
        k = np.arange(n + 1)
        return by_logarithms(n, 0.5) * (2 * keep_prob) ** k * (2 - 2 * keep_prob) ** k

    @fails(CHANCES, "is_no_binomial_distribution")
    def scales_by_the_count(n, keep_prob):
        """Weights each probability with its count, on the way to the mean."""
        return np.arange(n + 1) * by_logarithms(n, keep_prob)

    @fails(CHANCES, "approximates_the_distribution")
    def rounds_keep_prob_to_percent(n, keep_prob):
        """Rounds keep_prob to two digits first."""
        return by_logarithms(n, round(keep_prob, 2))

    @fails(MANY, "overflows_for_many_units")
    def multiplies_the_three_factors(n, keep_prob):
        """Writes the formula as it stands in the chapter."""
        return np.array(
            [
                math.comb(n, k) * keep_prob**k * (1 - keep_prob) ** (n - k)
                for k in range(n + 1)
            ]
        )

    @fails(MANY, "overflows_for_many_units")
    def multiplies_float_coefficients(n, keep_prob):
        """Builds the coefficients as floats, which become infinite."""
        k = np.arange(n + 1)
        steps = (n - k[:-1]) / (k[:-1] + 1)
        with np.errstate(all="ignore"):
            ways = np.concatenate([[1.0], np.cumprod(steps)])
            return ways * keep_prob**k * (1.0 - keep_prob) ** (n - k)

    @fails(MANY, "overflows_for_many_units")
    def divides_factorials(n, keep_prob):
        """Computes factorials as floats, of which the 171st is infinite."""
        k = np.arange(n + 1)
        with np.errstate(all="ignore"):
            factorial = np.concatenate([[1.0], np.cumprod(k[1:].astype(float))])
            ways = factorial[n] / factorial / factorial[::-1]
            return ways * keep_prob**k * (1.0 - keep_prob) ** (n - k)

    @fails(MANY, "underflows_for_many_units")
    def begins_at_no_unit(n, keep_prob):
        """Goes from entry to entry by their ratio, beginning at (1 - keep_prob) ** n."""
        if keep_prob == 1:
            return np.eye(n + 1)[n]
        odds, chances = keep_prob / (1 - keep_prob), [(1 - keep_prob) ** n]
        for k in range(n):
            chances.append(chances[-1] * (n - k) / (k + 1) * odds)
        return np.array(chances)

    @fails(MANY, "underflows_for_many_units")
    def replaces_nan_by_zero(n, keep_prob):
        """Meets infinity times zero and replaces it, to get rid of a warning."""
        return np.nan_to_num(
            Sins.multiplies_float_coefficients(n, keep_prob), nan=0.0, posinf=0.0
        )

    @fails(MANY, "loses_digits_for_many_units")
    def multiplies_in_64_bits(n, keep_prob):
        """Computes Pascal's triangle in np.int64, which wraps around without a word."""
        row = np.ones(1, dtype=np.int64)
        for _ in range(n):
            row = np.append(row, 0) + np.append(0, row)
        k = np.arange(n + 1)
        return row * float(keep_prob) ** k * (1.0 - keep_prob) ** (n - k)

    @fails(MANY, "loses_digits_for_many_units")
    def takes_the_normal_curve_beyond_a_hundred(n, keep_prob):
        """Switches to an approximation where the formula would overflow."""
        if n < 100:
            return by_logarithms(n, keep_prob)
        return Sins.takes_the_normal_curve(n, keep_prob)

    @fails(MANY, "raises_an_error")
    def calls_itself(n, keep_prob):
        """Adds one unit at a time by recursion, deeper than Python allows."""
        if n == 0:
            return np.ones(1)
        rest = Sins.calls_itself(n - 1, keep_prob)
        return np.append((1 - keep_prob) * rest, 0) + np.append(0, keep_prob * rest)

    @fails(EDGES, "fails_at_keep_prob_zero_or_one")
    def takes_the_logarithm_of_zero(n, keep_prob):
        """Adds logarithms without a thought for keep_prob 0 and 1."""
        k = np.arange(n + 1)
        logs = np.concatenate([[0], np.cumsum(np.log(k[1:]))])
        with np.errstate(all="ignore"):
            tail = k * np.log(keep_prob) + (n - k) * np.log1p(-keep_prob)
            return np.exp(logs[n] - logs - logs[::-1] + tail)

    @fails(EDGES, "fails_at_keep_prob_zero_or_one")
    def takes_pythons_logarithm_of_zero(n, keep_prob):
        """Uses math.log, which raises where np.log warns."""
        math.log(keep_prob * (1 - keep_prob))
        return by_logarithms(n, keep_prob)

    @fails(EDGES, "fails_at_keep_prob_zero_or_one")
    def divides_by_the_drop_probability(n, keep_prob):
        """Takes the odds keep_prob / (1 - keep_prob), which are infinite at 1."""
        keep_prob / (1 - keep_prob)
        return by_logarithms(n, keep_prob)

    @fails(CHANCES, "approximates_the_distribution")
    def takes_a_small_share_for_none(n, keep_prob):
        """Rounds keep_prob to 0 where np.isclose says that it is."""
        return by_logarithms(n, 0.0 if np.isclose(keep_prob, 0) else keep_prob)

    @fails(CHANCES, "approximates_the_distribution")
    def clips_keep_prob(n, keep_prob):
        """Keeps keep_prob away from 0 and 1, so that the logarithms are finite."""
        return by_logarithms(n, min(max(keep_prob, 1e-3), 1 - 1e-3))

    @fails(EDGES, "overflows_for_many_units")
    def certain_for_few_units_alone(n, keep_prob):
        """Takes the direct formula at the ends, whose coefficients overflow."""
        if keep_prob in (0, 1):
            ways = [float(math.comb(n, k)) for k in range(n + 1)]
            return np.array(
                [
                    w * keep_prob**k * (1 - keep_prob) ** (n - k)
                    for k, w in enumerate(ways)
                ]
            )
        return by_logarithms(n, keep_prob)
