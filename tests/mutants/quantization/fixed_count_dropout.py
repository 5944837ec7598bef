"""Wrong answers to ``fixed_count_dropout``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails

FIXED_ROWS = "returns_rows_of_kept_and_dropped_units"
FIXED_ALONE = "leaves_its_given_rows_alone"
COUNT = "keeps_exactly_keep_count_in_each_row"
SCALE = "divides_by_the_fixed_fraction"
SUBSET = "draws_each_row_a_subset_of_its_own"
UNIFORM = "chooses_every_subset_equally_often"
ROWS_APART = "draws_rows_independently"
SUBSETS_RNG = "draws_its_subsets_from_rng"


def chosen(x, keep_count, rng):
    """Return a correct mask."""
    return rng.random(x.shape).argsort(axis=1) < keep_count


def fixed(x, mask, keep_count):
    """Return what a correct answer does with this mask."""
    return x * mask * (x.shape[1] / keep_count), mask


def blocks(starts, x, keep_count):
    """Return masks that keep the units from each row's start on, around the end."""
    return (np.arange(x.shape[1]) - starts[:, None]) % x.shape[1] < keep_count


def smallest(numbers, x, keep_count):
    """Return the answer that keeps the units of the smallest numbers of each row."""
    return fixed(x, numbers.argsort(axis=1).argsort(axis=1) < keep_count, keep_count)


class Sins(Mutants, of="fixed_count_dropout"):
    @fails(FIXED_ROWS, "returns_nothing")
    def fixed_returns_nothing(x, keep_count, rng):
        """Forgets the return statement."""
        fixed(x, chosen(x, keep_count, rng), keep_count)

    @fails(FIXED_ROWS, "returns_another_shape")
    def returns_the_kept_units_only(x, keep_count, rng):
        """Returns the sample and not the row with zeros in it."""
        mask = chosen(x, keep_count, rng)
        return x[mask].reshape(len(x), -1) * x.shape[1] / keep_count, mask

    @fails(FIXED_ROWS, "raises_an_error")
    def calls_shuffle_for_its_result(x, keep_count, rng):
        """Uses the result of rng.shuffle, which is None."""
        mask = np.tile(np.arange(x.shape[1]) < keep_count, (len(x), 1))
        return x * rng.shuffle(mask, axis=1), mask

    @fails(FIXED_ROWS, "drops_no_unit_at_all")
    def fixed_returns_its_input(x, keep_count, rng):
        """Has a stub that lets the rest of the network run."""
        return x, None

    @fails(FIXED_ROWS, "keeps_no_unit")
    def fixed_returns_zeros(x, keep_count, rng):
        """Writes into copies of the rows, so that the output stays 0."""
        return np.zeros_like(x), None

    @fails(FIXED_ALONE, "changes_its_input")
    def fixed_works_in_place(x, keep_count, rng):
        """Sets the dropped units of x to 0."""
        x[~chosen(x, keep_count, rng)] = 0
        return x * x.shape[1] / keep_count, None

    @fails(COUNT, "lets_the_count_vary")
    def draws_independent_bits(x, keep_count, rng):
        """Keeps each unit with probability keep_count / D."""
        return fixed(x, rng.random(x.shape) < keep_count / x.shape[1], keep_count)

    @fails(COUNT, "counts_are_off_by_one")
    def keeps_one_too_many(x, keep_count, rng):
        """Writes <= for ranks that begin at 0."""
        return fixed(x, chosen(x, min(keep_count + 1, x.shape[1]), rng), keep_count)

    @fails(COUNT, "counts_are_off_by_one")
    def compares_with_the_kth_number(x, keep_count, rng):
        """Takes the k-th smallest number as an exclusive bound."""
        numbers = rng.random(x.shape)
        bound = np.sort(numbers, axis=1)[:, [keep_count - 1]]
        return fixed(x, numbers < bound, keep_count)

    @fails(COUNT, "draws_with_replacement")
    def chooses_with_replacement(x, keep_count, rng):
        """Leaves out replace=False."""
        mask = np.zeros(x.shape, dtype=bool)
        for row in mask:
            row[rng.choice(x.shape[1], keep_count)] = True
        return fixed(x, mask, keep_count)

    @fails(COUNT, "draws_with_replacement")
    def draws_random_places(x, keep_count, rng):
        """Draws keep_count places with rng.integers."""
        mask, d = np.zeros(x.shape, dtype=bool), x.shape[1]
        places = rng.integers(d, size=(len(x), keep_count))
        np.put_along_axis(mask, places, True, axis=1)
        return fixed(x, mask, keep_count)

    @fails(COUNT, "keeps_another_count")
    def keeps_half_of_the_units(x, keep_count, rng):
        """Has keep_prob = 0.5 in mind and keeps half of each row."""
        return fixed(x, chosen(x, -(-x.shape[1] // 2), rng), keep_count)

    @fails(COUNT, "keeps_another_count")
    def numbers_units_in_a_byte(x, keep_count, rng):
        """Shuffles unit numbers of type np.uint8, which repeat in wide rows."""
        places = np.arange(x.shape[1]).astype(np.uint8)
        order = rng.permuted(np.tile(places, (len(x), 1)), axis=1)
        return fixed(x, order < min(keep_count, 255), keep_count)

    @fails(COUNT, "drops_keep_count_units")
    def drops_keep_count(x, keep_count, rng):
        """Takes keep_count for the number of dropped units."""
        return fixed(x, ~chosen(x, keep_count, rng), keep_count)

    @fails(COUNT, "fixes_the_count_of_the_batch")
    def shuffles_the_whole_array(x, keep_count, rng):
        """Permutes all bits of the array, not each row's."""
        mask = np.arange(x.size) < keep_count * len(x)
        return fixed(x, rng.permutation(mask).reshape(x.shape), keep_count)

    @fails(COUNT, "fixes_the_count_of_the_batch")
    def keeps_keep_count_of_the_batch(x, keep_count, rng):
        """Keeps keep_count units of the whole array."""
        mask = np.arange(x.size) < keep_count
        return fixed(x, rng.permutation(mask).reshape(x.shape), keep_count)

    @fails(COUNT, "fixes_the_count_of_columns")
    def chooses_along_columns(x, keep_count, rng):
        """Sorts along axis 0, the default elsewhere."""
        mask = rng.random(x.shape).argsort(axis=0) < keep_count
        return fixed(x, mask, keep_count)

    @fails(COUNT, "fixes_the_count_of_the_batch")
    def takes_a_quantile(x, keep_count, rng):
        """Compares all rows with one quantile of all numbers, interpolated."""
        numbers = rng.random(x.shape)
        bound = np.quantile(numbers, keep_count / x.shape[1])
        return fixed(x, numbers < bound, keep_count)

    @fails(SCALE, "leaves_kept_units_alone")
    def fixed_forgets_to_divide(x, keep_count, rng):
        """Masks, and divides nothing."""
        mask = chosen(x, keep_count, rng)
        return x * mask, mask

    @fails(SCALE, "divides_by_the_count")
    def fixed_divides_by_keep_count(x, keep_count, rng):
        """Divides by k, not k / D."""
        mask = chosen(x, keep_count, rng)
        return x * mask / keep_count, mask

    @fails(SCALE, "divides_by_the_dropped_fraction")
    def fixed_divides_by_the_dropped_fraction(x, keep_count, rng):
        """Divides by 1 - k / D."""
        mask, d = chosen(x, keep_count, rng), x.shape[1]
        return x * mask * d / max(d - keep_count, 1), mask

    @fails(SCALE, "multiplies_by_the_kept_fraction")
    def fixed_multiplies_by_the_fraction(x, keep_count, rng):
        """Multiplies by k / D."""
        mask = chosen(x, keep_count, rng)
        return x * mask * keep_count / x.shape[1], mask

    @fails(SCALE, "takes_rows_for_units")
    def fixed_takes_rows_for_units(x, keep_count, rng):
        """Takes len(x) for the number of units in a row."""
        mask = chosen(x, keep_count, rng)
        return x * mask * len(x) / keep_count, mask

    @fails(SCALE, "divides_by_the_wrong_count")
    def fixed_divides_twice(x, keep_count, rng):
        """Divides the mask when it is drawn, and the output again."""
        mask = chosen(x, keep_count, rng)
        return x * mask * (x.shape[1] / keep_count) ** 2, mask

    @fails(SCALE, "cuts_the_factor_off")
    def fixed_divides_whole_numbers(x, keep_count, rng):
        """Divides with //, so that the factor is cut to a whole number."""
        mask = chosen(x, keep_count, rng)
        return x * mask * float(x.shape[1] // keep_count), mask

    @fails(SCALE, "preserves_the_sum")
    def fixed_makes_the_sum_come_out(x, keep_count, rng):
        """Scales so that each row's sum stays what it was, where it and what is left of it
        are not 0."""
        mask = chosen(x, keep_count, rng)
        whole, part = (a.sum(axis=1, keepdims=True) for a in (x, x * mask))
        usual = (whole == 0) | (part == 0)
        right = x.shape[1] / keep_count
        factor = np.where(usual, right, whole / np.where(usual, 1, part))
        return (x * mask * factor).astype(x.dtype), mask

    @fails(SCALE, "scale_differs_from_unit_to_unit")
    def fixed_adds_noise(x, keep_count, rng):
        """Multiplies kept units with noise of mean 1 in order to regularise more."""
        mask = chosen(x, keep_count, rng)
        noise = rng.normal(1, 0.1, size=x.shape)
        return x * mask * noise * x.shape[1] / keep_count, mask

    @fails(SUBSET, "one_mask_for_all_rows")
    def chooses_once_for_all_rows(x, keep_count, rng):
        """Calls rng.choice once and indexes all rows with the result."""
        mask = np.zeros(x.shape, dtype=bool)
        mask[:, rng.choice(x.shape[1], keep_count, replace=False)] = True
        return fixed(x, mask, keep_count)

    @fails(SUBSET, "one_mask_for_all_rows")
    def permutes_all_rows_alike(x, keep_count, rng):
        """Uses rng.permutation(axis=1) for rng.permuted(axis=1)."""
        mask = np.tile(np.arange(x.shape[1]) < keep_count, (len(x), 1))
        return fixed(x, rng.permutation(mask, axis=1), keep_count)

    @fails(SUBSET, "same_mask_every_call")
    def keeps_the_first_units(x, keep_count, rng):
        """Keeps the first keep_count units, to see whether the rest works."""
        mask = np.tile(np.arange(x.shape[1]) < keep_count, (len(x), 1))
        return fixed(x, mask, keep_count)

    @fails(SUBSET, "same_mask_every_call")
    def fixed_seeds_inside(x, keep_count, rng):
        """Sets a seed inside the function."""
        return fixed(x, chosen(x, keep_count, np.random.default_rng(2)), keep_count)

    @fails(SUBSET, "reuses_masks")
    def fixed_takes_few_seeds(x, keep_count, rng):
        """Seeds a generator with one of ten numbers."""
        child = np.random.default_rng(rng.integers(10))
        return fixed(x, chosen(x, keep_count, child), keep_count)

    @fails(SUBSET, "keeps_neighbours_together")
    def keeps_a_block(x, keep_count, rng):
        """Draws where a block of keep_count units begins."""
        starts = rng.integers(x.shape[1] - keep_count + 1, size=len(x))
        return fixed(x, blocks(starts, x, keep_count), keep_count)

    @fails(SUBSET, "keeps_neighbours_together")
    def rolls_a_block(x, keep_count, rng):
        """Rolls the first keep_count units by a random step."""
        starts = rng.integers(x.shape[1], size=len(x))
        return fixed(x, blocks(starts, x, keep_count), keep_count)

    @fails(SUBSET, "takes_few_of_the_subsets")
    def rolls_one_subset(x, keep_count, rng):
        """Chooses one subset and rolls it from row to row."""
        first = chosen(x[:1], keep_count, rng)[0]
        mask = np.array([np.roll(first, r) for r in range(len(x))])
        return fixed(x, mask, keep_count)

    @fails(SUBSET, "takes_few_of_the_subsets")
    def takes_strides(x, keep_count, rng):
        """Keeps every so many-th unit from a random start: systematic sampling."""
        d = x.shape[1]
        places = np.arange(keep_count) * d // keep_count
        mask = np.zeros(x.shape, dtype=bool)
        shifted = (places + rng.integers(d, size=(len(x), 1))) % d
        np.put_along_axis(mask, shifted, True, axis=1)
        return fixed(x, mask, keep_count)

    @fails(SUBSET, "takes_few_of_the_subsets")
    def draws_from_a_small_pool(x, keep_count, rng):
        """Draws five masks and gives each row one of them."""
        pool = chosen(np.zeros((5, x.shape[1])), keep_count, rng)
        return fixed(x, pool[rng.integers(5, size=len(x))], keep_count)

    @fails(UNIFORM, "drops_by_value")
    def keeps_large_units(x, keep_count, rng):
        """Prefers large activations, which matter most."""
        return smallest(-rng.random(x.shape) * np.abs(x), x, keep_count)

    @fails(UNIFORM, "drops_by_value")
    def prefers_positive_units(x, keep_count, rng):
        """Gives units with x > 0 a head start, as a ReLU would."""
        return smallest(rng.random(x.shape) - 0.2 * (x > 0), x, keep_count)

    @fails(SUBSET, "same_mask_every_call")
    def keeps_the_top_k_of_places(x, keep_count, rng):
        """Keeps the last keep_count units, in an attempt at the largest."""
        mask = np.tile(np.arange(x.shape[1]) >= x.shape[1] - keep_count, (len(x), 1))
        return fixed(x, mask, keep_count)

    @fails(UNIFORM, "drops_by_value")
    def keeps_the_top_k(x, keep_count, rng):
        """Keeps the largest units: top-k in place of a random choice."""
        return smallest(-np.abs(x), x, keep_count)

    @fails(UNIFORM, "chooses_among_nonzero_units")
    def chooses_among_live_units(x, keep_count, rng):
        """Does not waste a place on a unit that is 0 anyway."""
        return smallest(rng.random(x.shape) + (x == 0), x, keep_count)

    @fails(UNIFORM, "miscounts_units_with_input_zero")
    def keeps_every_zero_besides(x, keep_count, rng):
        """Drops units of value 0 twice over, counting each of them as two."""
        mask = chosen(x, keep_count, rng)
        holes = (x == 0).any(axis=1)
        first = mask.argmax(axis=1)
        mask[holes, first[holes]] = False
        return fixed(x, mask, keep_count)

    @fails(UNIFORM, "drops_by_place")
    def repairs_a_random_mask(x, keep_count, rng):
        """Draws independent bits, and corrects the count from the left."""
        d = x.shape[1]
        mask = rng.random(x.shape) < keep_count / d
        for row in mask:
            surplus = int(row.sum()) - keep_count
            places = np.flatnonzero(row if surplus > 0 else ~row)
            row[places[: abs(surplus)]] = surplus < 0
        return fixed(x, mask, keep_count)

    @fails(UNIFORM, "drops_by_place")
    def sorts_coarse_numbers(x, keep_count, rng):
        """Sorts numbers from 0 to 9, where ties favour the units in front."""
        numbers = rng.integers(10, size=x.shape)
        order = numbers.argsort(axis=1, kind="stable")
        return fixed(x, order.argsort(axis=1) < keep_count, keep_count)

    @fails(UNIFORM, "drops_by_place")
    def never_leaves_a_place(x, keep_count, rng):
        """Swaps each unit with an earlier one and never with itself."""
        order = np.tile(np.arange(x.shape[1]), (len(x), 1))
        rows = np.arange(len(x))
        for i in range(x.shape[1] - 1, 0, -1):
            j = rng.integers(i, size=len(x))
            order[rows, i], order[rows, j] = order[rows, j], order[rows, i]
        return fixed(x, order < keep_count, keep_count)

    @fails(UNIFORM, "keeps_neighbours_together")
    def smooths_its_numbers(x, keep_count, rng):
        """Averages the numbers of neighbours before it sorts them."""
        numbers = rng.random(x.shape)
        numbers = numbers + 0.7 * np.roll(numbers, 1, axis=1)
        return smallest(numbers, x, keep_count)

    @fails(SUBSET, "takes_few_of_the_subsets")
    def keeps_pairs_of_neighbours(x, keep_count, rng):
        """Chooses pairs of neighbouring units, as far as the count is even."""
        d = x.shape[1]
        if keep_count % 2 or d % 2 or d < 6:
            return fixed(x, chosen(x, keep_count, rng), keep_count)
        pairs = chosen(x[:, ::2], keep_count // 2, rng)
        return fixed(x, np.repeat(pairs, 2, axis=1), keep_count)

    @fails(UNIFORM, "subsets_are_not_equally_likely")
    def balances_the_halves(x, keep_count, rng):
        """Keeps equally many units of both halves of a row: stratified."""
        d = x.shape[1]
        if keep_count % 2 or d % 2:
            return fixed(x, chosen(x, keep_count, rng), keep_count)
        halves = [chosen(h, keep_count // 2, rng) for h in np.split(x, 2, axis=1)]
        return fixed(x, np.concatenate(halves, axis=1), keep_count)

    @fails(UNIFORM, "subsets_are_not_equally_likely")
    def mirrors_its_numbers(x, keep_count, rng):
        """Adds the numbers of a row read backwards, for a choice that looks balanced."""
        numbers = rng.random(x.shape)
        numbers = numbers + 0.4 * numbers[:, ::-1]
        return smallest(numbers, x, keep_count)

    @fails(SUBSET, "takes_few_of_the_subsets")
    def repeats_each_mask_for_two_rows(x, keep_count, rng):
        """Draws half of the masks and gives each to two rows."""
        half = chosen(x[: -(-len(x) // 2)], keep_count, rng)
        return fixed(x, np.repeat(half, 2, axis=0)[: len(x)], keep_count)

    @fails(ROWS_APART, "rows_choose_dependently")
    def uses_its_numbers_from_both_ends(x, keep_count, rng):
        """Draws numbers for half of the batch and sorts them up and down: antithetic."""
        half = rng.random(x[: -(-len(x) // 2)].shape)
        numbers = np.concatenate([half, 1 - half])[: len(x)]
        return smallest(numbers, x, keep_count)

    @fails(ROWS_APART, "rows_choose_dependently")
    def avoids_the_units_of_the_row_before(x, keep_count, rng):
        """Spreads the dropped units: what one row keeps, the next one drops, if it can."""
        numbers = rng.random(x.shape)
        mask = numbers.argsort(axis=1).argsort(axis=1) < keep_count
        after = numbers[1::2] + mask[: len(numbers[1::2]) * 2 : 2]
        mask[1::2] = after.argsort(axis=1).argsort(axis=1) < keep_count
        return fixed(x, mask, keep_count)

    @fails(SUBSETS_RNG, "does_not_draw_from_rng")
    def fixed_ignores_rng(x, keep_count, rng):
        """Uses np.random, as all of its examples do."""
        mask = np.random.random(x.shape).argsort(axis=1) < keep_count
        return fixed(x, mask, keep_count)
