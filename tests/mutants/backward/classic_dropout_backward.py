"""Wrong answers to ``classic_dropout_backward``, each named after its sin."""

from tests.bank import Mutants, fails
from tests.mutants.backward.shared import training_alone

C_RUNS = "returns_a_classic_gradient_of_the_inputs_shape"
C_FORWARD = "its_forward_is_classic_dropout"
C_KEPT_ONLY = "only_kept_units_get_a_classic_gradient"
C_SCALE = "kept_units_get_dout_itself"
C_ZEROS = "remembers_the_classic_mask_where_x_is_zero"
C_AT_TEST = "scales_dout_by_keep_prob_at_test"
C_IN_PLACE = "leaves_the_classic_upstream_gradient_alone"


def classic_keeps_all(x, keep_prob, rng, training=True):
    """The right forward, with everything in the cache that a backward might misuse."""
    cache = {"training": training, "p": keep_prob, "x": x, "rng": rng}
    cache["mask"] = rng.random(x.shape) < keep_prob
    cache["out"] = x * cache["mask"] if training else x * keep_prob
    return cache["out"], cache


def classic(checks, mistake=None, forward=classic_keeps_all):
    return fails(checks, mistake, classic_dropout=forward)


classic_training = training_alone(classic, lambda dout, cache: dout * cache["p"])


def classic_is_inverted(x, keep_prob, rng, training=True):
    if not training:
        return x, 1.0
    multiplier = (rng.random(x.shape) < keep_prob) / keep_prob
    return x * multiplier, multiplier


def classic_forgets_the_test_scale(x, keep_prob, rng, training=True):
    mask = rng.random(x.shape) < keep_prob if training else keep_prob
    return (x * mask if training else x), mask


def classic_drops_nothing(x, keep_prob, rng, training=True):
    if not training:
        return x * keep_prob, keep_prob
    return x.copy(), rng.random(x.shape) < keep_prob


class Sins(Mutants, of="classic_dropout_backward"):
    @classic(C_RUNS, "returns_nothing")
    def returns_no_classic_gradient(dout, cache):
        """Assigns dx and forgets the return statement."""
        _ = dout * cache["mask"]

    @classic(C_RUNS, "returns_no_floats")
    def returns_integers(dout, cache):
        """Casts to the dtype of the mask."""
        return (dout * cache["mask"]).astype(int)

    @classic(
        (C_FORWARD, C_SCALE, C_AT_TEST),
        "forward_breaks_its_convention",
        classic_is_inverted,
    )
    def is_inverted_dropout(dout, cache):
        """Hands in inverted dropout under the other name."""
        return dout * cache

    @classic(C_FORWARD, "forward_breaks_its_convention", classic_forgets_the_test_scale)
    def stands_below_a_forward_without_test_scale(dout, cache):
        """Is right itself; its forward is the identity at test, as in inverted dropout."""
        return dout * cache

    @classic(
        (C_FORWARD, C_KEPT_ONLY),
        "drops_in_the_backward_pass_only",
        classic_drops_nothing,
    )
    def drops_the_classic_gradient_only(dout, cache):
        """Believes that dropout is done in the backward pass only."""
        return dout * cache

    @classic_training(C_KEPT_ONLY, "another_mask_in_the_backward_pass")
    def draws_a_fresh_classic_mask(dout, cache):
        """Copies the forward's lines into the backward, the draw among them."""
        return dout * (cache["rng"].random(dout.shape) < cache["p"])

    @classic(C_KEPT_ONLY, "drops_in_the_forward_pass_only")
    def multiplies_by_keep_prob_without_the_mask(dout, cache):
        """Uses the expected mask, keep_prob, in the backward pass."""
        return dout * cache["p"]

    @classic_training(C_KEPT_ONLY, "gives_the_gradient_to_the_dropped")
    def subtracts_the_classic_kept_part(dout, cache):
        """Writes dout - dout * mask, as one public implementation did."""
        return dout - dout * cache["mask"]

    @classic_training(C_SCALE, "scales_a_classic_gradient")
    def scales_although_classic(dout, cache):
        """Copies the backward pass of inverted dropout."""
        return dout * cache["mask"] / cache["p"]

    @classic_training(C_SCALE, "backward_multiplies_by_keep_prob")
    def multiplies_by_keep_prob_in_training(dout, cache):
        """Moves the test-time factor into the backward pass of training."""
        return dout * cache["mask"] * cache["p"]

    @classic_training(C_SCALE, "ignores_dout")
    def returns_the_classic_mask(dout, cache):
        """Takes the local derivative for the gradient."""
        return 1.0 * cache["mask"]

    @classic_training(C_SCALE, "multiplies_by_the_activation")
    def multiplies_by_the_classic_activation(dout, cache):
        """Stores out in the cache and multiplies by it; three public ones did."""
        return dout * cache["out"]

    @classic_training(C_ZEROS, "recovers_the_mask_from_values")
    def reads_the_mask_off_the_classic_output(dout, cache):
        """Stores out and takes its zeros for the dropped units."""
        return dout * (cache["out"] != 0)

    @classic_training(C_ZEROS, "recovers_the_mask_from_values")
    def compares_output_and_input(dout, cache):
        """Takes units whose output equals their input for kept; at 0 both are 0."""
        return dout * (cache["out"] == cache["x"])

    @classic(C_AT_TEST, "classic_test_gradient_lacks_keep_prob")
    def passes_dout_through_at_classic_test(dout, cache):
        """Takes the test mode of inverted dropout for that of classic dropout."""
        return dout * cache["mask"] if cache["training"] else dout.copy()

    @classic(C_AT_TEST, "backward_ignores_test_mode")
    def masks_the_gradient_at_test(dout, cache):
        """Ignores the mode and applies the mask that was drawn anyway."""
        return dout * cache["mask"]

    @classic(C_AT_TEST, "backward_ignores_test_mode")
    def divides_the_gradient_at_test(dout, cache):
        """Undoes the factor of the forward pass instead of repeating it."""
        return dout * cache["mask"] if cache["training"] else dout / cache["p"]

    @classic(C_IN_PLACE, "changes_its_input")
    def overwrites_classic_dout(dout, cache):
        """Saves memory by multiplying in place."""
        dout *= cache["mask"] if cache["training"] else cache["p"]
        return dout
