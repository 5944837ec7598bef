"""Wrong answers to ``bernoulli_mask``, each named after its sin."""

import math

import numpy as np

from tests.bank import Mutants, fails

SHAPE = "returns_zeros_and_ones_of_the_shape"
RATE = "keeps_units_at_the_stated_rate"
INDEPENDENT = "draws_every_unit_independently"
OWN_BIT = "gives_every_unit_a_bit_of_its_own"
FROM_RNG = "draws_from_the_given_rng_alone"


class Sins(Mutants, of="bernoulli_mask"):
    @fails(SHAPE, "returns_nothing")
    def returns_no_mask(shape, keep_prob, rng):
        """Computes the mask and forgets the return statement."""
        _ = rng.random(shape) < keep_prob

    @fails(SHAPE, "returns_another_kind")
    def returns_a_nested_list(shape, keep_prob, rng):
        """Converts to a list because the printed mask looked like one."""
        return (rng.random(shape) < keep_prob).tolist()

    @fails(SHAPE, "returns_another_shape")
    def draws_the_first_axis_only(shape, keep_prob, rng):
        """Tries it on a vector and takes shape[0] for the shape."""
        return rng.random(shape[0]) < keep_prob

    @fails(SHAPE, "returns_another_shape")
    def flattens_the_mask(shape, keep_prob, rng):
        """Draws the right number of bits and forgets to reshape."""
        return rng.random(math.prod(shape)) < keep_prob

    @fails(SHAPE, "raises_an_error")
    def unpacks_the_shape(shape, keep_prob, rng):
        """Calls rng.random(*shape) as one calls np.random.rand(*shape)."""
        return rng.random(*shape) < keep_prob

    @fails(SHAPE, "mask_is_already_rescaled")
    def rescales_the_mask(shape, keep_prob, rng):
        """Copies the line of a dropout layer that divides the mask."""
        return (rng.random(shape) < keep_prob) / keep_prob

    @fails(SHAPE, "mask_is_already_rescaled")
    def rescales_the_mask_by_the_drop_rate(shape, keep_prob, rng):
        """Divides the mask in place of the layer, and by the wrong probability."""
        return (rng.random(shape) < keep_prob) / (1 - keep_prob)

    @fails(SHAPE, "returns_the_random_numbers")
    def forgets_the_comparison(shape, keep_prob, rng):
        """Stops after drawing the uniform numbers."""
        return rng.random(shape)

    @fails(SHAPE, "returns_the_random_numbers")
    def multiplies_in_place_of_comparing(shape, keep_prob, rng):
        """Thinks of scaling by keep_prob where a comparison is needed."""
        return rng.random(shape) * keep_prob

    @fails("returns_booleans", "mask_is_not_boolean")
    def returns_integers(shape, keep_prob, rng):
        """Uses binomial, whose draws are the integers 0 and 1."""
        return rng.binomial(1, keep_prob, shape)

    @fails("returns_booleans", "mask_is_not_boolean")
    def returns_floats(shape, keep_prob, rng):
        """Casts to float so that the mask can be multiplied."""
        return (rng.random(shape) < keep_prob).astype(np.float64)

    @fails(RATE, "keeps_with_drop_probability")
    def compares_the_wrong_way(shape, keep_prob, rng):
        """Writes > for <, as for a drop probability."""
        return rng.random(shape) > keep_prob

    @fails(RATE, "keeps_with_drop_probability")
    def marks_the_dropped_units(shape, keep_prob, rng):
        """Takes the mask for the units to be masked out."""
        return rng.binomial(1, 1 - keep_prob, shape).astype(bool)

    @fails(RATE, "ignores_keep_prob")
    def flips_fair_coins(shape, keep_prob, rng):
        """Learnt dropout with the rate 0.5 and draws 0 or 1."""
        return rng.integers(0, 2, shape).astype(bool)

    @fails(RATE, "ignores_keep_prob")
    def compares_with_one_half(shape, keep_prob, rng):
        """Leaves in the 0.5 of a first try."""
        return rng.random(shape) < 0.5

    @fails(RATE, "compares_normal_numbers")
    def draws_normal_numbers(shape, keep_prob, rng):
        """Mistakes randn for rand."""
        return rng.standard_normal(shape) < keep_prob

    @fails(RATE, "draws_numbers_of_both_signs")
    def draws_numbers_of_both_signs(shape, keep_prob, rng):
        """Draws uniform numbers from −1 to 1."""
        return rng.uniform(-1, 1, shape) < keep_prob

    @fails(RATE, "keeps_at_another_rate")
    def compares_tenths(shape, keep_prob, rng):
        """Draws one of ten integers, which suits keep_prob = 0.8 and not 0.85."""
        return rng.integers(0, 10, shape) < 10 * keep_prob

    @fails(RATE, "drops_twice")
    def drops_twice(shape, keep_prob, rng):
        """Applies the mask of a row and the mask of a unit one after the other."""
        return (rng.random(shape) < keep_prob) & (rng.random(shape) < keep_prob)

    @fails(OWN_BIT, "treats_all_units_alike")
    def keeps_everything(shape, keep_prob, rng):
        """Returns a placeholder that makes the rest of the notebook run."""
        return np.ones(shape, dtype=bool)

    @fails(OWN_BIT, "treats_all_units_alike")
    def drops_everything(shape, keep_prob, rng):
        """Casts the uniform numbers to integers, all 0, before they are used."""
        return rng.random(shape).astype(int) > keep_prob

    @fails((OWN_BIT, FROM_RNG), "treats_all_units_alike")
    def thresholds_keep_prob(shape, keep_prob, rng):
        """Replaces the random number by its mean, and so by a constant."""
        return np.full(shape, keep_prob > 0.5)

    @fails(OWN_BIT, "treats_all_units_alike")
    def tosses_one_coin(shape, keep_prob, rng):
        """Draws one number and compares it for the whole layer."""
        return np.full(shape, rng.random() < keep_prob)

    @fails(RATE, "keeps_at_least_one")
    def draws_until_one_is_kept(shape, keep_prob, rng):
        """Fears a layer whose units are all dropped and draws again."""
        mask = rng.random(shape) < keep_prob
        while keep_prob > 0 and not mask.any():
            mask = rng.random(shape) < keep_prob
        return mask

    @fails(RATE, "drops_at_least_one")
    def draws_until_one_is_dropped(shape, keep_prob, rng):
        """Wants to see dropout at work in every call."""
        mask = rng.random(shape) < keep_prob
        while keep_prob < 1 and mask.all():
            mask = rng.random(shape) < keep_prob
        return mask

    @fails(
        "keeps_nothing_at_zero_and_everything_at_one",
        "takes_zero_for_unset",
    )
    def takes_zero_for_unset(shape, keep_prob, rng):
        """Tests `if keep_prob`, for which 0 means that none was given."""
        if not keep_prob:
            return np.ones(shape, dtype=bool)
        return rng.random(shape) < keep_prob

    @fails(RATE, "rounds_or_clips_keep_prob")
    def keeps_away_from_the_edges(shape, keep_prob, rng):
        """Clips keep_prob, as one clips probabilities before a logarithm."""
        return rng.random(shape) < np.clip(keep_prob, 0.02, 0.98)

    @fails("keeps_nothing_at_zero_and_everything_at_one", "raises_an_error")
    def divides_by_zero_at_the_edge(shape, keep_prob, rng):
        """Compares odds, which do not exist at keep_prob = 1."""
        u = rng.random(shape)
        return u / (1 - u) < keep_prob / (1 - keep_prob)

    @fails(OWN_BIT, "one_mask_for_all_rows")
    def draws_one_mask_for_the_batch(shape, keep_prob, rng):
        """Draws a bit for each unit and lets broadcasting copy it to all rows."""
        return np.broadcast_to(rng.random(shape[-1]) < keep_prob, shape).copy()

    @fails(OWN_BIT, "one_mask_for_all_rows")
    def draws_one_mask_for_all_examples(shape, keep_prob, rng):
        """Draws a mask for one example and repeats it along the first axis."""
        mask = rng.random((1, *shape[1:])) < keep_prob
        return np.repeat(mask, shape[0], axis=0)

    @fails(OWN_BIT, "drops_whole_rows")
    def drops_whole_examples(shape, keep_prob, rng):
        """Draws one bit for each row of a batch."""
        bits = rng.random((shape[0],) + (1,) * (len(shape) - 1)) < keep_prob
        return np.broadcast_to(bits, shape).copy()

    @fails(OWN_BIT, "drops_whole_rows")
    def draws_along_all_axes_but_the_last(shape, keep_prob, rng):
        """Draws one bit for each vector along the last axis of an array."""
        if len(shape) == 1:
            return rng.random(shape) < keep_prob
        bits = rng.random((*shape[:-1], 1)) < keep_prob
        return np.repeat(bits, shape[-1], axis=-1)

    @fails(OWN_BIT, "shares_bits_along_an_axis")
    def drops_whole_channels(shape, keep_prob, rng):
        """Draws one bit for each channel of an image, as spatial dropout does."""
        if len(shape) < 4:
            return rng.random(shape) < keep_prob
        bits = rng.random((*shape[:2], 1, 1)) < keep_prob
        return np.broadcast_to(bits, shape).copy()

    @fails(INDEPENDENT, "bits_depend_on_each_other")
    def saves_half_of_the_draws(shape, keep_prob, rng):
        """Uses each uniform number u a second time as 1 − u, to save time."""
        n = math.prod(shape)
        u = rng.random((n + 1) // 2)
        return (np.concatenate([u, 1 - u])[:n] < keep_prob).reshape(shape)

    @fails(INDEPENDENT, "keeps_a_fixed_number")
    def keeps_a_fixed_share(shape, keep_prob, rng):
        """Takes keep_prob for the fraction of units kept, and shuffles that many."""
        n = math.prod(shape)
        # The fraction's part of a unit goes to chance, so that the rate is right.
        count = math.floor(n * keep_prob + rng.random())
        return rng.permutation(np.arange(n) < count).reshape(shape)

    @fails(OWN_BIT, "keeps_a_fixed_number")
    def keeps_a_fixed_share_of_each_row(shape, keep_prob, rng):
        """Ranks random numbers within each row and keeps the first ones."""
        u = rng.random(shape)
        ranks = u.argsort(axis=-1).argsort(axis=-1)
        offset = rng.random((*shape[:-1], 1))
        return ranks + offset < shape[-1] * keep_prob

    @fails(FROM_RNG, "same_mask_every_call")
    def sets_a_seed_inside(shape, keep_prob, rng):
        """Seeds a generator in the function so that results can be reproduced."""
        seeded = np.random.default_rng(math.prod(shape))
        return seeded.random(shape) < keep_prob

    @fails(FROM_RNG, "same_mask_every_call")
    def seeds_the_global_state(shape, keep_prob, rng):
        """Copies np.random.seed(0) from a course's cell, and ignores rng."""
        np.random.seed(0)
        return np.random.rand(*shape) < keep_prob

    @fails(OWN_BIT, "same_mask_every_call")
    def draws_from_a_copy_of_rng(shape, keep_prob, rng):
        """Copies rng in order not to change an argument, so rng never advances."""
        copy = np.random.default_rng(0)
        copy.bit_generator.state = rng.bit_generator.state
        return copy.random(shape) < keep_prob

    @fails(OWN_BIT, "reuses_masks")
    def seeds_with_a_small_number(shape, keep_prob, rng):
        """Draws a seed below 1,000 from rng for a generator of its own."""
        return np.random.default_rng(rng.integers(1000)).random(shape) < keep_prob

    @fails(RATE, "drops_by_place")
    def drops_later_units_more_often(shape, keep_prob, rng):
        """Lets keep_prob fall along a row, as stochastic depth does along the layers."""
        tilt = 0.1 * np.linspace(1, -1, shape[-1]) if shape[-1] > 1 else 0
        return rng.random(shape) < keep_prob + tilt

    @fails(RATE, "keeps_at_another_rate")
    def always_keeps_the_first_unit(shape, keep_prob, rng):
        """Takes the first unit of a row for the bias, which is never dropped."""
        mask = rng.random(shape) < keep_prob
        mask[..., 0] |= shape[-1] > 1
        return mask

    @fails(FROM_RNG, "does_not_draw_from_rng")
    def draws_from_the_global_state(shape, keep_prob, rng):
        """Writes np.random.rand from habit."""
        return np.random.rand(*shape) < keep_prob

    @fails(FROM_RNG, "does_not_draw_from_rng")
    def makes_its_own_generator(shape, keep_prob, rng):
        """Creates a new generator in the function, as tutorials do."""
        rng = np.random.default_rng()
        return rng.random(shape) < keep_prob

    @fails(RATE, "rounds_or_clips_keep_prob")
    def has_a_floor(shape, keep_prob, rng):
        """Keeps keep_prob off 0, and so keeps more than it should where that is small."""
        return rng.random(shape) < max(keep_prob, 0.02)

    @fails(RATE, "rounds_or_clips_keep_prob")
    def counts_in_percent(shape, keep_prob, rng):
        """Draws whole percents."""
        return rng.integers(100, size=shape) < round(100 * keep_prob)

    @fails(RATE, "keeps_at_least_one")
    def draws_again_until_one_is_kept(shape, keep_prob, rng):
        """Takes a mask that drops everything for an accident."""
        mask = rng.random(shape) < keep_prob
        while keep_prob > 0 and mask.size < 50 and not mask.any():
            mask = rng.random(shape) < keep_prob
        return mask

    @fails(INDEPENDENT, "bits_depend_on_each_other")
    def takes_the_best_of_five(shape, keep_prob, rng):
        """Chooses the mask whose kept share comes nearest to keep_prob."""
        masks = [rng.random(shape) < keep_prob for _ in range(5)]
        if masks[0].size < 500:
            return masks[0]
        return min(masks, key=lambda mask: abs(mask.mean() - keep_prob))
