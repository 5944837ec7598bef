"""Wrong answers to ``weight_scaled_prediction``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.ensembles.shared import (
    chances,
    every_mask,
    log_softmax,
    mean,
    softmax,
)

ROW = "returns_a_row_of_floats_for_each_input"
MEAN_LOGITS = "is_the_softmax_of_the_mean_logits"
SCALED_LARGE = "the_prediction_survives_large_logits"
SCALED_ALONE = "scaling_leaves_the_arguments_alone"


class Sins(Mutants, of="weight_scaled_prediction"):
    @fails(ROW, "returns_nothing")
    def prediction_without_return(x, weights, bias, keep_prob):
        """Computes the prediction and forgets the return statement."""
        softmax(keep_prob * x @ weights + bias)

    @fails(ROW, "returns_another_shape")
    def returns_labels(x, weights, bias, keep_prob):
        """Returns the most probable class of each row."""
        return softmax(keep_prob * x @ weights + bias).argmax(axis=1)

    @fails(ROW, "returns_another_kind")
    def returns_nested_lists(x, weights, bias, keep_prob):
        """Converts the probabilities to lists for printing."""
        return softmax(keep_prob * x @ weights + bias).tolist()

    @fails(ROW, "answers_at_random")
    def drops_at_test(x, weights, bias, keep_prob):
        """Runs the training pass at test."""
        mask = np.random.default_rng().random(x.shape) < keep_prob
        return softmax(mask * x @ weights + bias)

    @fails(MEAN_LOGITS, "forgets_the_test_factor")
    def predicts_as_after_inverted_dropout(x, weights, bias, keep_prob):
        """Leaves the test pass alone, which is right for inverted dropout."""
        return softmax(x @ weights + bias)

    @fails(MEAN_LOGITS, "divides_at_classic_test")
    def divides_by_keep_prob(x, weights, bias, keep_prob):
        """Makes up for the drop by dividing, as inverted dropout does in training."""
        return softmax(x @ weights / keep_prob + bias)

    @fails(MEAN_LOGITS, "multiplies_by_drop_probability_at_test")
    def multiplies_by_drop_probability(x, weights, bias, keep_prob):
        """Multiplies by the probability of dropping, as a thread says."""
        return softmax((1 - keep_prob) * x @ weights + bias)

    @fails(MEAN_LOGITS, "squares_the_test_factor")
    def scales_inputs_and_weights(x, weights, bias, keep_prob):
        """Scales the activations and the weights, each once."""
        return softmax((keep_prob * x) @ (keep_prob * weights) + bias)

    @fails(MEAN_LOGITS, "takes_the_root_at_test")
    def scales_by_the_root(x, weights, bias, keep_prob):
        """Preserves the norm in place of the mean."""
        return softmax(keep_prob**0.5 * x @ weights + bias)

    @fails(MEAN_LOGITS, "rescales_the_bias")
    def scales_the_bias_too(x, weights, bias, keep_prob):
        """Multiplies the finished logits by keep_prob."""
        return softmax(keep_prob * (x @ weights + bias))

    @fails(MEAN_LOGITS, "forgets_the_bias")
    def predicts_without_bias(x, weights, bias, keep_prob):
        """Forgets the bias in the last line."""
        return softmax(keep_prob * x @ weights)

    @fails(MEAN_LOGITS, "scales_the_probabilities")
    def scales_after_the_softmax(x, weights, bias, keep_prob):
        """Multiplies the output by keep_prob, which no longer sums to 1."""
        return keep_prob * softmax(x @ weights + bias)

    @fails(MEAN_LOGITS, "gives_the_arithmetic_mean")
    def averages_the_members(x, weights, bias, keep_prob):
        """Enumerates the masks where it can, because averaging is what dropout is about."""
        if x.shape[1] > 10:
            return softmax(keep_prob * x @ weights + bias)
        masks = every_mask(x.shape[1])
        every = softmax(masks[:, None] * x @ weights + bias)
        return mean(chances(masks, keep_prob), every)

    @fails(MEAN_LOGITS, "returns_logits")
    def forgets_the_softmax(x, weights, bias, keep_prob):
        """Returns the logits, as losses take them."""
        return keep_prob * x @ weights + bias

    @fails(MEAN_LOGITS, "returns_logarithms")
    def returns_log_probabilities(x, weights, bias, keep_prob):
        """Returns what the loss function of a library takes."""
        return log_softmax(keep_prob * x @ weights + bias)

    @fails(MEAN_LOGITS, "normalises_over_another_axis")
    def softmax_over_the_batch(x, weights, bias, keep_prob):
        """Sums over axis 0 in the softmax."""
        e = np.exp(keep_prob * x @ weights + bias)
        return e / e.sum(axis=0)

    @fails(MEAN_LOGITS, "normalises_over_another_axis")
    def softmax_over_everything(x, weights, bias, keep_prob):
        """Writes the softmax for a vector and calls it with a matrix."""
        e = np.exp(keep_prob * x @ weights + bias)
        return e / e.sum()

    @fails(MEAN_LOGITS, "takes_a_sigmoid_of_each_class")
    def sigmoids_of_the_logits(x, weights, bias, keep_prob):
        """Takes a sigmoid for each class."""
        return 1 / (1 + np.exp(-(keep_prob * x @ weights + bias)))

    @fails(MEAN_LOGITS, "applies_softmax_twice")
    def softmax_of_probabilities(x, weights, bias, keep_prob):
        """Has a softmax in the network and another in the prediction."""
        return softmax(softmax(keep_prob * x @ weights + bias))

    @fails(SCALED_LARGE, "softmax_overflows")
    def prediction_by_a_plain_softmax(x, weights, bias, keep_prob):
        """Writes the softmax as in the formula."""
        e = np.exp(keep_prob * x @ weights + bias)
        return e / e.sum(axis=1, keepdims=True)

    @fails(SCALED_LARGE, "softmax_overflows")
    def subtracts_the_maximum_of_the_batch(x, weights, bias, keep_prob):
        """Subtracts the largest logit of all rows, so that low rows underflow."""
        z = keep_prob * x @ weights + bias
        e = np.exp(z - z.max())
        return e / e.sum(axis=1, keepdims=True)

    @fails(SCALED_LARGE, "softmax_overflows")
    def subtracts_the_mean(x, weights, bias, keep_prob):
        """Subtracts each row's mean logit in place of its largest."""
        z = keep_prob * x @ weights + bias
        e = np.exp(z - z.mean(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    @fails(SCALED_LARGE, "loses_digits")
    def clips_the_probabilities(x, weights, bias, keep_prob):
        """Clips probabilities at 1e-7, for the logarithm that others take."""
        likely = softmax(keep_prob * x @ weights + bias)
        return np.clip(likely, 1e-7, 1 - 1e-7)

    @fails(SCALED_LARGE, "loses_digits")
    def predicts_with_float32_logits(x, weights, bias, keep_prob):
        """Computes in float32, as on a graphics card."""
        z = keep_prob * x @ weights + bias
        return softmax(z.astype(np.float32))

    @fails(MEAN_LOGITS, "right_in_the_middle_only")
    def bounds_keep_prob_from_below(x, weights, bias, keep_prob):
        """Guards keep_prob with a floor that a layer before it needed."""
        return softmax(max(keep_prob, 0.1) * x @ weights + bias)

    @fails(MEAN_LOGITS, "right_in_the_middle_only")
    def rounds_keep_prob(x, weights, bias, keep_prob):
        """Rounds keep_prob to tenths."""
        return softmax(round(keep_prob, 1) * x @ weights + bias)

    @fails(MEAN_LOGITS, "forgets_the_test_factor")
    def treats_nearly_one_as_one(x, weights, bias, keep_prob):
        """Skips the factor when keep_prob is nearly 1."""
        factor = 1 if keep_prob > 0.96 else keep_prob
        return softmax(factor * x @ weights + bias)

    @fails(MEAN_LOGITS, "right_in_the_middle_only")
    def standardises_large_inputs(x, weights, bias, keep_prob):
        """Clips activations at ±1,000, where no activation should be."""
        return softmax(keep_prob * np.clip(x, -1000, 1000) @ weights + bias)

    @fails(MEAN_LOGITS, "right_in_the_middle_only")
    def ignores_tiny_inputs(x, weights, bias, keep_prob):
        """Treats activations below 1e-4 as dropped."""
        x = np.where(np.abs(x) < 1e-4, 0, x)
        return softmax(keep_prob * x @ weights + bias)

    @fails(SCALED_LARGE, "clips_large_logits")
    def clips_the_logits(x, weights, bias, keep_prob):
        """Clips logits at ±500, so that nothing overflows."""
        e = np.exp(np.clip(keep_prob * x @ weights + bias, -500, 500))
        return e / e.sum(axis=1, keepdims=True)

    @fails(SCALED_ALONE, "changes_its_input")
    def scales_the_activations_in_place(x, weights, bias, keep_prob):
        """Multiplies x by keep_prob in place."""
        x *= keep_prob
        return softmax(x @ weights + bias)

    @fails(SCALED_ALONE, "changes_its_input")
    def scales_the_weights_in_place(x, weights, bias, keep_prob):
        """Scales the weights once and for all, and again at the next call."""
        weights *= keep_prob
        return softmax(x @ weights + bias)
