"""Wrong answers to ``classic_dropout``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.conventions.shared import decorators, masked

CLASSIC_RUNS = "returns_classic_float_arrays"
CLASSIC_MIXED = "drops_some_and_keeps_some"
CLASSIC_ALONE = "leaves_its_classic_input_alone"
CLASSIC_TEST = "multiplies_by_keep_prob_at_test"
CLASSIC_AT_ONE = "keeps_all_at_keep_prob_one"
CLASSIC_SCALE = "every_output_is_zero_or_the_input"
CLASSIC_BITS = "gives_each_unit_and_call_its_own_bit"
CLASSIC_RATE = "keeps_units_with_keep_prob"
CLASSIC_INDEPENDENT = "drops_each_unit_independently"
CLASSIC_FROM_RNG = "draws_from_rng_alone"


def classically(x, mask, keep_prob, training):
    """Return what a correct classic answer does with this mask."""
    return (x * mask if training else keep_prob * x), mask


draws, scales, tests = decorators(classically)


class Sins(Mutants, of="classic_dropout"):
    @fails(CLASSIC_RUNS, "returns_no_floats")
    def returns_a_boolean_mask(x, keep_prob, rng, training=True):
        """Returns the mask and leaves the product to the caller."""
        mask = rng.random(x.shape) < keep_prob
        return mask, classically(x, mask, keep_prob, training)

    @fails(CLASSIC_SCALE, "returns_the_mask")
    def returns_a_float_mask(x, keep_prob, rng, training=True):
        """Returns (cache, out), in the wrong order."""
        mask = (rng.random(x.shape) < keep_prob).astype(float)
        return (mask, x * mask) if training else (keep_prob * x, None)

    @fails((CLASSIC_TEST, CLASSIC_SCALE), "writes_inverted_dropout")
    def is_inverted(x, keep_prob, rng, training=True):
        """Implements the other convention."""
        return masked(x, rng.random(x.shape) < keep_prob, keep_prob, training)

    @tests(CLASSIC_TEST, "forgets_the_test_factor")
    def forgets_the_factor(x, keep_prob):
        """Only switches dropout off at test."""
        return x

    @tests(CLASSIC_TEST, "multiplies_by_drop_probability_at_test")
    def multiplies_by_the_drop_probability(x, keep_prob):
        """Was told to multiply by "the dropout probability" at test."""
        return (1 - keep_prob) * x

    @tests(CLASSIC_TEST, "divides_at_classic_test")
    def divides_by_keep_prob_at_test(x, keep_prob):
        """Remembers that something is divided by keep_prob."""
        return x / keep_prob

    @fails(CLASSIC_TEST, "still_drops_at_test")
    def drops_at_classic_test(x, keep_prob, rng, training=True):
        """Multiplies by keep_prob at test, besides dropping."""
        mask = rng.random(x.shape) < keep_prob
        return x * mask * (1 if training else keep_prob), mask

    @tests(CLASSIC_TEST, "squares_the_test_factor")
    def squares_the_test_factor(x, keep_prob):
        """Multiplies weights and activations by keep_prob at test."""
        return keep_prob**2 * x

    @fails((CLASSIC_TEST, CLASSIC_RATE), "swaps_keep_and_drop")
    def reads_keep_prob_as_drop(x, keep_prob, rng, training=True):
        """Reads keep_prob as the drop probability, in training and at test."""
        keep = 1 - keep_prob
        return classically(x, rng.random(x.shape) < keep, keep, training)

    @scales(CLASSIC_SCALE, "rescales_in_classic_training")
    def rescales_in_both_modes(x, mask, keep_prob):
        """Adds inverted dropout's division to the classic test pass."""
        return x / keep_prob * mask

    @scales(CLASSIC_SCALE, "rescales_in_classic_training")
    def rescales_by_the_kept_share(x, mask, keep_prob):
        """Makes up in training for the share that was kept, and at test as well."""
        return x / max(mask.mean(), 0.01) * mask

    @fails((CLASSIC_TEST, CLASSIC_SCALE), "shrinks_in_classic_training")
    def multiplies_in_the_wrong_mode(x, keep_prob, rng, training=True):
        """Multiplies by keep_prob in training and not at test."""
        mask = rng.random(x.shape) < keep_prob
        return (keep_prob * x * mask if training else x), mask

    @fails(CLASSIC_SCALE, "shrinks_in_classic_training")
    def multiplies_in_both_modes(x, keep_prob, rng, training=True):
        """Multiplies by keep_prob outside the branch on training."""
        mask = rng.random(x.shape) < keep_prob if training else 1.0
        return keep_prob * x * mask, mask

    @fails(CLASSIC_MIXED, "training_flag_reversed")
    def reverses_the_classic_flag(x, keep_prob, rng, training=True):
        """Swaps the two branches."""
        mask = rng.random(x.shape) < keep_prob
        return classically(x, mask, keep_prob, not training)

    @fails(CLASSIC_MIXED, "does_not_train_by_default")
    def classic_tests_by_default(x, keep_prob, rng, training=False):
        """Gives the parameter training the default False."""
        mask = rng.random(x.shape) < keep_prob
        return classically(x, mask, keep_prob, training)

    @fails(CLASSIC_ALONE, "changes_its_input")
    def works_in_place_classically(x, keep_prob, rng, training=True):
        """Writes x *= mask, and multiplies correctly at test."""
        mask = rng.random(x.shape) < keep_prob
        if not training:
            return keep_prob * x, mask
        x *= mask
        return x, mask

    @draws(CLASSIC_AT_ONE, "drops_at_least_one")
    def drops_one_unit_at_least(x, keep_prob, rng):
        """Makes sure that something is dropped."""
        mask = rng.random(x.shape) < keep_prob
        mask.flat[rng.integers(x.size)] = False
        return mask

    @draws(CLASSIC_RATE, "keeps_with_drop_probability")
    def classic_drops_with_keep_prob(x, keep_prob, rng):
        """Writes > where < belongs."""
        return rng.random(x.shape) > keep_prob

    @draws(CLASSIC_RATE, "compares_normal_numbers")
    def classic_draws_normal_numbers(x, keep_prob, rng):
        """Draws with standard_normal."""
        return rng.standard_normal(x.shape) < keep_prob

    @draws(CLASSIC_BITS, "one_mask_for_all_rows")
    def classic_shares_a_mask(x, keep_prob, rng):
        """Draws one mask of the layer's width for the whole mini-batch."""
        mask = rng.random((1, *x.shape[1:]) if x.ndim > 1 else x.shape) < keep_prob
        return np.broadcast_to(mask, x.shape)

    @draws(CLASSIC_BITS, "keeps_a_fixed_number")
    def classic_keeps_a_fixed_number(x, keep_prob, rng):
        """Chooses exactly the expected number of units with rng.choice."""
        kept = rng.choice(x.size, round(keep_prob * x.size), replace=False)
        mask = np.zeros(x.size)
        mask[kept] = 1
        return mask.reshape(x.shape)

    @draws(CLASSIC_INDEPENDENT, "bits_depend_on_each_other")
    def classic_draws_antithetic_rows(x, keep_prob, rng):
        """Gives every second row the mirrored numbers of the row above it."""
        u = np.repeat(rng.random((-(-len(x) // 2), *x.shape[1:])), 2, axis=0)[: len(x)]
        u[1::2] = 1 - u[1::2]
        return u < keep_prob

    @draws(CLASSIC_FROM_RNG, "does_not_draw_from_rng")
    def classic_draws_globally(x, keep_prob, rng):
        """Draws from np.random."""
        return np.random.binomial(1, keep_prob, x.shape)
