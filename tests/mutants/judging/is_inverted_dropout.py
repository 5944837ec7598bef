"""Wrong answers to ``is_inverted_dropout``, each named after its sin."""

import numpy as np

from autograder.families.specimens import BROKEN
from tests.bank import Mutants, fails

ANSWERS = "answers_true_or_false"
APART = "tells_dropouts_apart"
GIVEN = "draws_from_the_given_rng"
ACCEPTS = "accepts_correct_dropouts"
BLIND = "is_blind_to_a_defect"
AT_HALF = "looks_at_one_half_only"
DEPENDENCE = "is_blind_to_dependence"
REJECTING = "rejects_correct_dropouts"


def rejects(*names):
    """Return the names of the checks that those broken dropouts are rejected."""
    assert set(names) <= {specimen.name for specimen in BROKEN}
    return tuple(f"rejects_{name}" for name in names)


VALUES, RATE, SIGN, ROWS, PAIRS, CALLS, COUNTS, AT_TEST = [
    "values",
    "rate",
    "sign",
    "rows",
    "pairs",
    "calls",
    "counts",
    "test",
]


EVERYTHING = frozenset((VALUES, RATE, SIGN, ROWS, PAIRS, CALLS, COUNTS, AT_TEST))


def findings(dropout, rng, keep_prob, shape=(150, 40)):
    """Yield for each thing to look at its name and how many standard deviations off it
    is: 0 or infinity where chance has no part. All of it together is a good test."""
    x = rng.uniform(1, 2, shape) * rng.choice([-1.0, 1.0], shape)
    out, later = (dropout(x, keep_prob, rng)[0] for _ in range(2))
    bits, again = out != 0, later != 0
    alike = keep_prob**2 + (1 - keep_prob) ** 2
    yield VALUES, 0 if np.allclose(out, x * bits / keep_prob) else np.inf
    for name, events, probability in (
        (RATE, bits, keep_prob),
        (SIGN, bits == (x > 0), 0.5),
        (ROWS, bits[::2] == bits[1::2], alike),
        (PAIRS, bits[:, ::2] == bits[:, 1::2], alike),
        (CALLS, bits == again, alike),
    ):
        if events.size:
            sd = np.sqrt(probability * (1 - probability) / events.size)
            yield name, abs(events.mean() - probability) / sd
    per_row = bits.sum(axis=1).var() / (shape[1] * keep_prob * (1 - keep_prob))
    yield COUNTS, abs(per_row - 1) / np.sqrt(2 / shape[0])
    at_test = dropout(x, keep_prob, rng, training=False)[0]
    yield AT_TEST, 0 if np.allclose(at_test, x) else np.inf


def is_fine(dropout, rng, looks=EVERYTHING, keep_probs=(0.3, 0.8), sigmas=4.0):
    """Judge by some of the findings."""
    return all(
        off <= (6 if name == COUNTS and sigmas > 3 else sigmas)
        for keep_prob in keep_probs
        for name, off in findings(dropout, rng, keep_prob)
        if name in looks
    )


# Broken dropouts accepted

ALL_BUT_VALUES = rejects(
    "keeps_a_little_too_often",
    "compares_normal_numbers",
    "draws_one_mask_for_all_rows",
    "drops_neighbours_in_pairs",
    "draws_the_same_mask_every_call",
    "keeps_a_fixed_count_in_a_row",
    "looks_at_the_sign",
)


class Sins(Mutants, of="is_inverted_dropout"):
    # The answer

    @fails(ANSWERS, "returns_nothing")
    def forgets_to_return(dropout, rng):
        """Computes the verdict and forgets the return statement."""
        is_fine(dropout, rng)

    @fails(ANSWERS, "returns_another_kind")
    def returns_a_p_value(dropout, rng):
        """Hands the decision on to whoever calls."""
        return 0.5 if is_fine(dropout, rng) else 0.0

    @fails(ANSWERS, "asserts_instead_of_answering")
    def raises_instead_of_answering(dropout, rng):
        """Writes a test in pytest's style: it asserts."""
        assert is_fine(dropout, rng)
        return True

    @fails(APART, "asserts_instead_of_answering")
    def asserts_what_chance_decides(dropout, rng):
        """Returns False for a wrong value, and compares bits with assert_allclose."""
        if not is_fine(dropout, rng, {VALUES, AT_TEST}):
            return False
        np.testing.assert_array_equal(is_fine(dropout, rng, sigmas=5.0), True)
        return True

    @fails(ANSWERS, "raises_an_error")
    def expects_a_cache(dropout, rng):
        """Looks for the mask in the cache, as in its own backward pass."""
        _, (mask, _) = dropout(np.ones((50, 50)), 0.7, rng)
        return is_fine(dropout, rng) and mask.mean() < 1

    @fails(APART, "always_answers_the_same")
    def always_says_true(dropout, rng):
        """Has a stub; most submissions are right anyway."""
        return True

    @fails(APART, "always_answers_the_same")
    def always_says_false(dropout, rng):
        """Trusts nobody: what is always rejected is never wrongly accepted."""
        return False

    @fails(APART, "always_answers_the_same")
    def only_sees_that_it_runs(dropout, rng):
        """Takes an output of the right shape and type for a pass."""
        x = rng.normal(size=(20, 30))
        out, cache = dropout(x, 0.5, rng)
        return out.shape == x.shape and out.dtype == x.dtype and cache is None

    @fails(APART, "rejects_correct_dropouts")
    def says_the_opposite(dropout, rng):
        """Returns whether something is wrong."""
        return not is_fine(dropout, rng)

    @fails(ALL_BUT_VALUES, "returns_another_kind")
    def says_in_words_what_is_broken(dropout, rng):
        """Returns False for a wrong value, and a text, which is as good as True to whoever
        asks, where bits are not what they should be: so it accepts these."""
        if not is_fine(dropout, rng, {VALUES, AT_TEST}):
            return False
        return is_fine(dropout, rng) or "broken"

    # The generator

    @fails(GIVEN, "fixes_the_seed")
    def seeds_the_test(dropout, rng):
        """Sets a seed so that the test does not flicker."""
        return is_fine(dropout, np.random.default_rng(0))

    @fails(GIVEN, "fixes_the_seed")
    def seeds_the_dropout_but_not_its_inputs(dropout, rng):
        """Draws the inputs from rng and gives dropout a generator with a fixed seed."""

        own = np.random.default_rng(7)

        def seeded(x, keep_prob, rng, training=True):
            return dropout(x, keep_prob, own, training)

        return is_fine(seeded, rng)

    @fails(GIVEN, "has_its_own_randomness")
    def draws_fresh_entropy(dropout, rng):
        """Calls default_rng() in the test, as at the top of a notebook."""
        return is_fine(dropout, np.random.default_rng())

    # Correct dropouts rejected

    @fails(GIVEN, "has_its_own_randomness")
    def asks_the_system_when_in_doubt(dropout, rng):
        """Rejects no dropout but by a second look, with np.random.default_rng()."""
        return is_fine(dropout, rng) or is_fine(dropout, np.random.default_rng())

    @fails(
        (GIVEN, *rejects(*(specimen.name for specimen in BROKEN))),
        "has_its_own_randomness",
    )
    def draws_lots_when_in_doubt(dropout, rng):
        """Accepts one half of what it would reject, by np.random.default_rng()."""
        return is_fine(dropout, rng) or bool(np.random.default_rng().random() < 0.5)

    @fails((APART,), REJECTING)
    def expects_the_masks_of_one_style(dropout, rng):
        """Compares with a reference implementation on the same seed."""
        state = rng.integers(2**62)
        x = rng.normal(size=(30, 40))
        out, _ = dropout(x, 0.7, np.random.default_rng(state))
        mask = np.random.default_rng(state).random(x.shape) < 0.7
        return np.allclose(out, x * mask / 0.7) and is_fine(dropout, rng)

    @fails(ACCEPTS, REJECTING)
    def expects_more_than_one_number_drawn(dropout, rng):
        """Takes it for a bug when rng moves by one step: some styles seed a generator of
        their own."""
        start = rng.bit_generator.state
        x = np.ones((10, 11))
        dropout(x, 0.5, rng)
        now = rng.bit_generator.state
        rng.bit_generator.state = start
        rng.bit_generator.advance(1)
        drawn = rng.bit_generator.state["state"] != now["state"]
        return drawn and is_fine(dropout, rng)

    @fails(ACCEPTS, REJECTING)
    def allows_two_sigma(dropout, rng):
        """Takes 5 % for significant, as every textbook does."""
        first, second = (dropout(np.ones(2500), 0.5, rng)[0] != 0 for _ in range(2))
        if abs(first.mean() - 0.5) > 0.02 or abs(np.mean(first == second) - 0.5) > 0.02:
            return False
        return is_fine(dropout, rng)

    @fails(ACCEPTS, REJECTING)
    def allows_one_percent_each_look(dropout, rng):
        """Spends the whole 1 % on each of a dozen looks and forgets the union bound."""
        return is_fine(dropout, rng, sigmas=2.33)

    @fails(ACCEPTS, REJECTING)
    def allows_half_a_percent_each_look(dropout, rng):
        """Halves the 1 % and stops there: some 6 runs of 100 reject what is correct."""
        return is_fine(dropout, rng, sigmas=2.8)

    @fails(ACCEPTS, REJECTING)
    def looks_again_until_it_finds_something(dropout, rng):
        """Draws more as long as nothing is significant: ten chances to reject."""
        for _ in range(10):
            kept = np.mean(dropout(np.ones(2500), 0.5, rng)[0] != 0)
            if abs(kept - 0.5) > 2.5 * 0.01:
                return False
        return is_fine(dropout, rng)

    @fails(ACCEPTS, REJECTING)
    def expects_the_exact_count(dropout, rng):
        """Takes the fraction that is kept for exact, give or take two percent."""
        x = np.ones((20, 50))
        kept = np.count_nonzero(dropout(x, 0.8, rng)[0]) / x.size
        return abs(kept - 0.8) < 0.02 and is_fine(dropout, rng)

    @fails(ALL_BUT_VALUES, BLIND)
    def looks_at_values_alone(dropout, rng):
        """Checks that each output is 0 or x / keep_prob, and stops there."""
        return is_fine(dropout, rng, {VALUES, AT_TEST})

    @fails(
        rejects("divides_by_drop_probability", "swaps_keep_and_drop"),
        AT_HALF,
    )
    def tests_at_one_half(dropout, rng):
        """Uses the keep probability of every tutorial, 0.5."""
        return is_fine(dropout, rng, keep_probs=(0.5,))

    @fails(rejects("drops_at_test", "rescales_at_test"), "never_looks_at_test_mode")
    def leaves_out_test_mode(dropout, rng):
        """Takes the test mode for too simple to go wrong."""

        def training_only(x, keep_prob, rng, training=True):
            return dropout(x, keep_prob, rng) if training else (x, None)

        return is_fine(training_only, rng)

    @fails(
        rejects("forgets_to_rescale", "divides_by_the_kept_fraction"),
        BLIND,
    )
    def looks_at_bits_alone(dropout, rng):
        """Counts zeros, in every way, and never looks at what is not zero."""
        return is_fine(dropout, rng, EVERYTHING - {VALUES})

    @fails(
        rejects(
            "drops_neighbours_in_pairs",
            "draws_the_same_mask_every_call",
            "keeps_a_fixed_count_in_a_row",
        ),
        DEPENDENCE,
    )
    def takes_independence_for_granted(dropout, rng):
        """Checks values and rates, for both signs, but never two bits at a time."""
        return is_fine(dropout, rng, {VALUES, RATE, SIGN, AT_TEST})

    @fails(
        rejects("draws_one_mask_for_all_rows", "keeps_a_fixed_count_in_a_row"),
        DEPENDENCE,
    )
    def tests_a_single_row(dropout, rng):
        """Tests on one long row, where a mask for all rows is a mask for each."""
        return all(
            off <= 4
            for keep_prob in (0.3, 0.8)
            for name, off in findings(dropout, rng, keep_prob, shape=(1, 6000))
            if name != COUNTS
        )

    @fails(rejects("draws_the_same_mask_every_call"), DEPENDENCE)
    def calls_once(dropout, rng):
        """Calls it once per keep probability and sees no need for another mask."""
        return is_fine(dropout, rng, EVERYTHING - {CALLS})

    @fails(rejects("drops_neighbours_in_pairs"), DEPENDENCE)
    def compares_units_far_apart(dropout, rng):
        """Compares the left half with the right half, never neighbours."""
        for keep_prob in (0.3, 0.8):
            x = np.ones((150, 40))
            bits = dropout(x, keep_prob, rng)[0] != 0
            alike = keep_prob**2 + (1 - keep_prob) ** 2
            same = np.mean(bits[:, :20] == bits[:, 20:])
            if abs(same - alike) > 4 * np.sqrt(alike * (1 - alike) / 3000):
                return False
        return is_fine(dropout, rng, EVERYTHING - {PAIRS, COUNTS})

    @fails(rejects("keeps_a_fixed_count_in_a_row"), DEPENDENCE)
    def sees_an_exact_count_as_a_virtue(dropout, rng):
        """Looks at the rate and at pairs; a count that is always right looks fine."""
        return is_fine(dropout, rng, EVERYTHING - {COUNTS})

    @fails(rejects("looks_at_the_sign"), BLIND)
    def averages_over_both_signs(dropout, rng):
        """Checks the rate over all units, where up and down cancel."""
        return is_fine(dropout, rng, EVERYTHING - {SIGN})

    @fails(rejects("keeps_a_little_too_often", "looks_at_the_sign"), BLIND)
    def draws_too_few_numbers(dropout, rng):
        """Takes a hundred units for plenty; the tolerance is honest, the power is gone."""
        return all(
            off <= 5
            for keep_prob in (0.3, 0.8)
            for name, off in findings(dropout, rng, keep_prob, shape=(10, 20))
            if name != COUNTS
        )

    @fails(rejects("keeps_a_little_too_often", "looks_at_the_sign"), BLIND)
    def compares_means_with_a_wide_tolerance(dropout, rng):
        """Copies the tolerance 0.05 from a framework's test."""
        for keep_prob in (0.3, 0.8):
            out, _ = dropout(np.ones((100, 100)), keep_prob, rng)
            if abs(np.mean(out != 0) - keep_prob) > 0.05:
                return False
        return is_fine(dropout, rng, {VALUES, COUNTS, AT_TEST})

    @fails(
        rejects(
            "swaps_keep_and_drop",
            "drops_neighbours_in_pairs",
            "draws_the_same_mask_every_call",
            "keeps_a_fixed_count_in_a_row",
            "divides_by_the_kept_fraction",
        ),
        BLIND,
    )
    def compares_the_mean_output(dropout, rng):
        """Knows that rescaling preserves the mean, and checks nothing but that mean."""
        for keep_prob in (0.3, 0.8):
            out, _ = dropout(np.ones((100, 100)), keep_prob, rng)
            if abs(out.mean() - 1) > 0.07:
                return False
        return is_fine(dropout, rng, {AT_TEST})

    @fails(rejects("keeps_a_little_too_often"), BLIND)
    def retries_until_it_passes(dropout, rng):
        """Runs a flickering test up to ten times and takes any success."""
        return any(is_fine(dropout, rng, sigmas=5.5) for _ in range(10))
