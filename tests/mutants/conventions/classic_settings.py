"""Wrong answers to ``classic_settings``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails

THREE = "returns_weights_and_two_numbers"
WEIGHTS = "translates_the_weights"
LEARNING_RATE = "translates_the_learning_rate"
DECAY = "translates_the_weight_decay"
WEIGHTS_ALONE = "leaves_the_weights_alone"
_known: dict = {}


class Sins(Mutants, of="classic_settings"):
    @fails(THREE, "returns_another_kind")
    def forgets_the_decay(weights, learning_rate, weight_decay, keep_prob):
        """Returns weights and rate only, since the decay is not about dropout."""
        return weights / keep_prob, learning_rate / keep_prob**2

    @fails(THREE, "returns_another_kind")
    def returns_a_dictionary(weights, learning_rate, weight_decay, keep_prob):
        """Labels the three settings."""
        p = keep_prob
        return {
            "W": weights / p,
            "rate": learning_rate / p**2,
            "decay": weight_decay * p**2,
        }

    @fails(THREE, "returns_another_kind")
    def returns_a_rate_for_each_weight(weights, learning_rate, weight_decay, keep_prob):
        """Builds an array of learning rates, one for each weight."""
        rates = np.full(weights.shape, learning_rate / keep_prob**2)
        return weights / keep_prob, rates, weight_decay * keep_prob**2

    @fails((WEIGHTS, LEARNING_RATE, DECAY), "copies_the_settings")
    def copies_everything(weights, learning_rate, weight_decay, keep_prob):
        """Believes that the two conventions train alike with the same settings."""
        return weights, learning_rate, weight_decay

    @fails((LEARNING_RATE, DECAY), "copies_the_settings")
    def translates_the_weights_alone(weights, learning_rate, weight_decay, keep_prob):
        """Makes the functions equal at the start and thinks that this is enough."""
        return weights / keep_prob, learning_rate, weight_decay

    @fails(DECAY, "copies_the_settings")
    def copies_the_decay(weights, learning_rate, weight_decay, keep_prob):
        """Forgets that the decay is multiplied by the new learning rate."""
        return weights / keep_prob, learning_rate / keep_prob**2, weight_decay

    @fails(LEARNING_RATE, "applies_keep_prob_once")
    def divides_the_rate_once(weights, learning_rate, weight_decay, keep_prob):
        """Follows the weights' factor and forgets that of their gradient."""
        p = keep_prob
        return weights / p, learning_rate / p, weight_decay * p**2

    @fails((LEARNING_RATE, DECAY), "applies_keep_prob_once")
    def scales_all_once(weights, learning_rate, weight_decay, keep_prob):
        """Keeps the product of rate and decay right, with a single factor each."""
        p = keep_prob
        return weights / p, learning_rate / p, weight_decay * p

    @fails((WEIGHTS, LEARNING_RATE, DECAY), "translates_the_other_way")
    def translates_classic_to_inverted(weights, learning_rate, weight_decay, keep_prob):
        """Solves for the inverted settings in place of the classic ones."""
        p = keep_prob
        return weights * p, learning_rate * p**2, weight_decay / p**2

    @fails(WEIGHTS, "translates_the_other_way")
    def shrinks_the_weights(weights, learning_rate, weight_decay, keep_prob):
        """Multiplies the weights as the test pass of classic dropout does."""
        p = keep_prob
        return weights * p, learning_rate / p**2, weight_decay * p**2

    @fails(WEIGHTS, "applies_keep_prob_twice_to_the_weights")
    def squares_the_weights_factor(weights, learning_rate, weight_decay, keep_prob):
        """Uses the learning rate's factor for the weights too."""
        p = keep_prob
        return weights / p**2, learning_rate / p**2, weight_decay * p**2

    @fails((WEIGHTS, LEARNING_RATE, DECAY), "translates_with_the_drop_probability")
    def translates_by_the_drop_probability(
        weights, learning_rate, weight_decay, keep_prob
    ):
        """Reads p in the formulas as the drop probability."""
        q = max(1 - keep_prob, 1e-3)
        return weights / q, learning_rate / q**2, weight_decay * q**2

    @fails((LEARNING_RATE, DECAY), "swaps_rate_and_decay")
    def returns_them_in_another_order(weights, learning_rate, weight_decay, keep_prob):
        """Returns the decay before the rate."""
        p = keep_prob
        return weights / p, weight_decay * p**2, learning_rate / p**2

    @fails(DECAY, "adds_to_the_decay")
    def keeps_a_decay_above_zero(weights, learning_rate, weight_decay, keep_prob):
        """Bounds the decay from below, against a division by 0 somewhere else."""
        p = keep_prob
        return weights / p, learning_rate / p**2, max(weight_decay * p**2, 1e-8)

    @fails(WEIGHTS_ALONE, "changes_its_input")
    def divides_the_weights_in_place(weights, learning_rate, weight_decay, keep_prob):
        """Writes weights /= keep_prob, to save an array."""
        weights /= keep_prob
        return weights, learning_rate / keep_prob**2, weight_decay * keep_prob**2

    @fails((WEIGHTS, LEARNING_RATE, DECAY), "bounds_or_rounds_a_setting")
    def bounds_keep_prob(weights, learning_rate, weight_decay, keep_prob):
        """Keeps the divisor away from 0."""
        p = max(keep_prob, 0.25)
        return weights / p, learning_rate / p**2, weight_decay * p**2

    @fails((WEIGHTS, LEARNING_RATE, DECAY), "bounds_or_rounds_a_setting")
    def rounds_keep_prob(weights, learning_rate, weight_decay, keep_prob):
        """Rounds keep_prob to two digits, as it is shown."""
        p = max(round(keep_prob, 2), 0.01)
        return weights / p, learning_rate / p**2, weight_decay * p**2

    @fails(LEARNING_RATE, "bounds_or_rounds_a_setting")
    def caps_the_learning_rate(weights, learning_rate, weight_decay, keep_prob):
        """Caps the learning rate at 10, against divergence."""
        p = keep_prob
        return weights / p, min(learning_rate / p**2, 10.0), weight_decay * p**2

    @fails(WEIGHTS, "bounds_or_rounds_a_setting")
    def clips_the_weights(weights, learning_rate, weight_decay, keep_prob):
        """Clips large weights, which seem to be errors."""
        p = keep_prob
        return (
            np.clip(weights / p, -100, 100),
            learning_rate / p**2,
            weight_decay * p**2,
        )

    @fails(WEIGHTS, "bounds_or_rounds_a_setting")
    def remembers_the_weights(weights, learning_rate, weight_decay, keep_prob):
        """Stores what was computed once, by the numbers and the shape."""
        p, key = keep_prob, (weights.shape, learning_rate, weight_decay, keep_prob)
        scaled = _known.setdefault(key, weights / p)
        return scaled, learning_rate / p**2, weight_decay * p**2

    @fails((LEARNING_RATE, DECAY), "takes_another_factor")
    def doubles_for_squares(weights, learning_rate, weight_decay, keep_prob):
        """Writes * 2 where ** 2 belongs."""
        p = keep_prob
        return weights / p, learning_rate / (p * 2), weight_decay * (p * 2)
