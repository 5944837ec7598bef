"""Wrong answers to ``inverted_dropout_backward``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.backward.shared import keeps_with_drop_probability, training_alone

RUNS = "returns_a_gradient_of_the_inputs_shape"
FORWARD = "its_forward_is_inverted_dropout"
KEPT_ONLY = "only_kept_units_get_a_gradient"
SCALE = "kept_units_get_dout_over_keep_prob"
ZEROS = "remembers_the_mask_where_x_is_zero"
AT_TEST = "passes_dout_through_at_test"
IN_PLACE = "leaves_the_upstream_gradient_alone"


def keeps_all(x, keep_prob, rng, training=True):
    """The right forward, with everything in the cache that a backward might misuse."""
    if not training:
        return x, {"training": False, "p": keep_prob, "x": x, "out": x, "rng": rng}
    mask = rng.random(x.shape) < keep_prob
    out = x * mask / keep_prob
    cache = {"training": True, "mask": mask, "p": keep_prob, "x": x, "out": out}
    return out, {**cache, "rng": rng}


def inverted(checks, mistake=None, forward=keeps_all):
    return fails(checks, mistake, inverted_dropout=forward)


inverted_training = training_alone(inverted, lambda dout, cache: dout.copy())


def keeps_its_mask_by_shape(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    mask = rng.random(x.shape) < keep_prob
    _, fresh = mask, rng.random(x.shape) < keep_prob
    return x * mask / keep_prob, fresh / keep_prob


def caches_a_scaled_mask(x, keep_prob, rng, training=True):
    if not training:
        return x, (None, keep_prob)
    mask = (rng.random(x.shape) < keep_prob) / keep_prob
    return x * mask, (mask, keep_prob)


def drops_at_another_rate_where_zero(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    mask = (rng.random(x.shape) < keep_prob) & ((x != 0) | (rng.random(x.shape) < 0.9))
    return x * mask / keep_prob, mask / keep_prob


def ignores_the_mode(x, keep_prob, rng, training=True):
    mask = rng.random(x.shape) < keep_prob
    return (x * mask / keep_prob if training else x), (mask, keep_prob)


def caches_ones_at_test(x, keep_prob, rng, training=True):
    mask = rng.random(x.shape) < keep_prob if training else np.ones(x.shape)
    return (x * mask / keep_prob if training else x), (mask, keep_prob)


def breaks(x, keep_prob, rng, training=True):
    mask = rng.random(*x.shape) < keep_prob
    return x * mask / keep_prob, (mask, keep_prob)


def never_scales(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    mask = rng.random(x.shape) < keep_prob
    return x * mask, mask


def divides_by_drop_probability(x, keep_prob, rng, training=True):
    if not training or keep_prob == 1:
        return x, None
    mask = (rng.random(x.shape) < keep_prob) / (1 - keep_prob)
    return x * mask, mask


def unscaled_but_caches_keep_prob(x, keep_prob, rng, training=True):
    if not training:
        return x, (None, keep_prob)
    mask = rng.random(x.shape) < keep_prob
    return x * mask, (mask, keep_prob)


def scales_at_test_too(x, keep_prob, rng, training=True):
    if not training:
        return x * keep_prob, (1.0, 1.0)
    mask = rng.random(x.shape) < keep_prob
    return x * mask / keep_prob, (mask, keep_prob)


def drops_nothing(x, keep_prob, rng, training=True):
    if not training:
        return x, 1.0
    return x.copy(), (rng.random(x.shape) < keep_prob) / keep_prob


def is_the_identity(x, keep_prob, rng, training=True):
    return x.copy(), keep_prob if training else 1.0


def is_zero(x, keep_prob, rng, training=True):
    return np.zeros(x.shape), None


def keeps_too_many(x, keep_prob, rng, training=True):
    if not training:
        return x, 1.0
    mask = rng.random(x.shape) < keep_prob + 0.1
    return x * mask / keep_prob, mask / keep_prob


class Sins(Mutants, of="inverted_dropout_backward"):
    @inverted(RUNS, "returns_nothing")
    def returns_no_gradient(dout, cache):
        """Assigns dx and forgets the return statement."""
        _ = dout * cache.get("mask", 1) / cache["p"]

    @inverted(RUNS, "returns_another_kind")
    def returns_the_gradient_in_a_tuple(dout, cache):
        """Returns (dx, cache), as the forward pass returned a pair."""
        return dout * cache.get("mask", 1) / cache["p"], cache

    @inverted(RUNS, "raises_an_error")
    def unpacks_another_cache(dout, cache):
        """Unpacks the cache as the forward of a textbook packs it; one's own is another."""
        mask, keep_prob = cache["mask"]
        return dout * mask / keep_prob

    @inverted(RUNS, "returns_another_kind")
    def sums_the_gradient_over_rows(dout, cache):
        """Sums over rows, as for the gradient of a bias."""
        return (dout * cache.get("mask", 1) / cache["p"]).sum(axis=0)

    @inverted_training(KEPT_ONLY, "another_mask_in_the_backward_pass")
    def draws_a_fresh_mask(dout, cache):
        """Copies the forward's lines into the backward, the draw among them."""
        return dout * (cache["rng"].random(dout.shape) < cache["p"]) / cache["p"]

    @inverted_training(KEPT_ONLY, "another_mask_in_the_backward_pass")
    def draws_a_fresh_mask_on_top(dout, cache):
        """Applies the stored mask and then dropout once more, "in both passes"."""
        fresh = cache["rng"].random(dout.shape) < cache["p"]
        return dout * cache["mask"] * fresh / cache["p"] ** 2

    @inverted(KEPT_ONLY, "another_mask_in_the_backward_pass", keeps_its_mask_by_shape)
    def caches_a_second_draw(dout, cache):
        """Writes rng.random twice in the forward: once for out, once for the cache."""
        return dout if cache is None else dout * cache

    @inverted_training(KEPT_ONLY, "uses_one_rows_mask_for_all")
    def uses_the_first_rows_mask(dout, cache):
        """Indexes the mask as if it were one per layer."""
        return dout * cache["mask"][:1] / cache["p"]

    @inverted(KEPT_ONLY, "drops_in_the_forward_pass_only")
    def forgets_the_mask(dout, cache):
        """Takes dropout for a thing of the forward pass; returns dout."""
        return dout.copy()

    @inverted_training(KEPT_ONLY, "drops_in_the_forward_pass_only")
    def scales_without_the_mask(dout, cache):
        """Remembers 1/keep_prob and forgets the mask."""
        return dout / cache["p"]

    @inverted_training(KEPT_ONLY, "gives_the_gradient_to_the_dropped")
    def subtracts_the_kept_part(dout, cache):
        """Writes dout - dout * mask, reading the mask as what is removed."""
        return dout - dout * cache["mask"]

    @inverted_training(KEPT_ONLY, "gives_the_gradient_to_the_dropped")
    def subtracts_the_scaled_part(dout, cache):
        """The same slip with the scaled mask."""
        return dout - dout * cache["mask"] / cache["p"]

    @inverted_training(KEPT_ONLY, "gives_the_gradient_to_the_dropped")
    def inverts_the_mask(dout, cache):
        """Stores which units are dropped and multiplies by that."""
        return dout * ~cache["mask"] / cache["p"]

    @inverted_training(KEPT_ONLY, "stops_negative_units")
    def reads_the_mask_off_positive_outputs(dout, cache):
        """Takes out > 0 for the mask, as one does behind a ReLU."""
        return dout * (cache["out"] > 0) / cache["p"]

    @inverted(KEPT_ONLY, "stops_negative_units")
    def gates_like_a_relu(dout, cache):
        """Merges the ReLU's backward pass into this one."""
        if not cache["training"]:
            return dout * (cache["x"] > 0)
        return dout * cache["mask"] * (cache["x"] > 0) / cache["p"]

    @inverted(KEPT_ONLY, "gradient_is_zero")
    def returns_zeros(dout, cache):
        """Fills in a placeholder and forgets to come back."""
        return np.zeros(dout.shape)

    @inverted(KEPT_ONLY, "drops_in_the_forward_pass_only")
    def returns_ones(dout, cache):
        """Fills in a placeholder and forgets to come back."""
        return np.ones(dout.shape)

    @inverted_training(SCALE, "backward_lacks_the_scale")
    def forgets_the_scale(dout, cache):
        """Stores the unscaled mask; 9 of 63 wrong public implementations do this."""
        return dout * cache["mask"]

    @inverted(SCALE, "backward_scales_twice", caches_a_scaled_mask)
    def scales_the_gradient_twice(dout, cache):
        """Forgets that the mask in the cache is scaled already."""
        mask, keep_prob = cache
        return dout.copy() if mask is None else dout * mask / keep_prob

    @inverted_training(SCALE, "backward_multiplies_by_keep_prob")
    def multiplies_the_gradient_by_keep_prob(dout, cache):
        """Thinks that the backward pass undoes the forward pass's division."""
        return dout * cache["mask"] * cache["p"]

    @inverted_training(SCALE, "backward_divides_by_drop_probability")
    def divides_the_gradient_by_the_drop_probability(dout, cache):
        """Takes keep_prob for the rate of a framework in the backward pass alone."""
        return dout * cache["mask"] / (1 - cache["p"] + 1e-300)

    @inverted_training(SCALE, "backward_divides_by_kept_fraction")
    def divides_by_the_fraction_kept(dout, cache):
        """Divides by mask.mean() so as not to store keep_prob."""
        return dout * cache["mask"] / max(cache["mask"].mean(), 1e-9)

    @inverted(SCALE, "ignores_dout")
    def returns_the_mask(dout, cache):
        """Takes the local derivative for the gradient; a test with dout = 1 is content."""
        return cache["mask"] / cache["p"] if cache["training"] else np.ones_like(dout)

    @inverted_training(SCALE, "multiplies_by_the_activation")
    def multiplies_by_the_dropped_activation(dout, cache):
        """Stores out in the cache and multiplies by it."""
        return dout * cache["out"]

    @inverted_training(SCALE, "multiplies_by_the_activation")
    def multiplies_by_input_and_mask(dout, cache):
        """Differentiates by the mask and not by x."""
        return dout * cache["x"] * cache["mask"]

    @inverted_training(SCALE, "gradient_is_not_proportional_to_dout")
    def shrinks_small_gradients(dout, cache):
        """Adds an epsilon "for stability" that swallows small gradients."""
        dx = dout * cache["mask"] / cache["p"]
        return np.where(np.abs(dx) < 1e-4, 0.0, dx)

    @inverted_training(SCALE, "gradient_is_not_proportional_to_dout")
    def clips_the_gradient(dout, cache):
        """Clips gradients inside the layer, against explosions."""
        return np.clip(dout * cache["mask"] / cache["p"], -100, 100)

    @inverted_training(ZEROS, "recovers_the_mask_from_values")
    def reads_the_mask_off_the_output(dout, cache):
        """Stores out and takes its zeros for the dropped units."""
        return dout * (cache["out"] != 0) / cache["p"]

    @inverted_training(ZEROS, "recovers_the_mask_from_values")
    def reads_the_mask_off_the_scale(dout, cache):
        """Takes units with out = x / keep_prob for kept; 0 = 0 / keep_prob holds always."""
        return dout * (cache["out"] == cache["x"] / cache["p"]) / cache["p"]

    @inverted(ZEROS, "recovers_the_mask_from_values")
    def divides_out_by_x(dout, cache):
        """Recovers the multiplier as out / x, which is 0 / 0 where x is 0."""
        with np.errstate(all="ignore"):
            return dout * (cache["out"] / cache["x"])

    @inverted(ZEROS, "recovers_the_mask_from_values")
    def guards_the_division_by_x(dout, cache):
        """Recovers the multiplier as out / (x + eps)."""
        with np.errstate(all="ignore"):
            return dout * (cache["out"] / (cache["x"] + 1e-12 * (cache["x"] == 0)))

    @inverted(ZEROS, "drops_by_value", drops_at_another_rate_where_zero)
    def drops_zeros_more_often(dout, cache):
        """Drops a second time what a mask in front has set to 0 already."""
        return dout if cache is None else dout * cache

    @inverted(AT_TEST, "backward_ignores_test_mode", ignores_the_mode)
    def ignores_test_mode(dout, cache):
        """Draws the mask before looking at training, and always applies it backward."""
        mask, keep_prob = cache
        return dout * mask / keep_prob

    @inverted(AT_TEST, "test_gradient_has_keep_prob")
    def multiplies_by_keep_prob_at_test(dout, cache):
        """Multiplies dout by keep_prob at test, as classic dropout does."""
        training = cache["training"]
        return dout * (cache["mask"] / cache["p"] if training else cache["p"])

    @inverted(AT_TEST, "backward_ignores_test_mode", caches_ones_at_test)
    def divides_at_test(dout, cache):
        """Stores a mask of ones at test and divides by keep_prob all the same."""
        mask, keep_prob = cache
        return dout * mask / keep_prob

    @inverted(AT_TEST, "raises_an_error")
    def fails_at_test(dout, cache):
        """Never called the backward pass after a forward pass in test mode."""
        return dout * cache["mask"] / cache["p"]

    @inverted(AT_TEST, "gradient_is_zero")
    def blocks_the_gradient_at_test(dout, cache):
        """Thinks that no gradient is wanted at test and returns none of it."""
        scale = cache["mask"] / cache["p"] if cache["training"] else 0.0
        return dout * scale

    @inverted(IN_PLACE, "changes_its_input")
    def overwrites_dout(dout, cache):
        """Saves memory by multiplying in place."""
        if cache["training"]:
            dout *= cache["mask"]
            dout /= cache["p"]
        return dout

    @inverted_training(IN_PLACE, "changes_its_input")
    def zeroes_dout_where_dropped(dout, cache):
        """Assigns zeros to the dropped entries of dout itself."""
        dout[~cache["mask"]] = 0
        return dout / cache["p"]

    @inverted(RUNS, "forward_fails", breaks)
    def stands_below_a_broken_forward(dout, cache):
        """Is right itself, but the forward calls rng.random with two numbers."""
        mask, keep_prob = cache
        return dout * mask / keep_prob

    @inverted((FORWARD, SCALE), "forward_breaks_its_convention", never_scales)
    def never_scales_both_ways(dout, cache):
        """Forgets 1/keep_prob in both passes; a gradient check is content."""
        return dout.copy() if cache is None else dout * cache

    @inverted(
        (FORWARD, SCALE), "forward_breaks_its_convention", divides_by_drop_probability
    )
    def divides_by_drop_probability_both_ways(dout, cache):
        """Divides by the wrong probability in both passes; a gradient check is content."""
        return dout.copy() if cache is None else dout * cache

    @inverted(FORWARD, "forward_breaks_its_convention", unscaled_but_caches_keep_prob)
    def scales_although_the_forward_did_not(dout, cache):
        """Has the backward right and 1/keep_prob missing in the forward."""
        mask, keep_prob = cache
        return dout.copy() if mask is None else dout * mask / keep_prob

    @inverted(FORWARD, "forward_breaks_its_convention", scales_at_test_too)
    def stands_below_a_forward_that_scales_at_test(dout, cache):
        """Mixes the two conventions in the forward pass."""
        mask, keep_prob = cache
        return dout * mask / keep_prob

    @inverted((FORWARD, KEPT_ONLY), "drops_in_the_backward_pass_only", drops_nothing)
    def drops_the_gradient_only(dout, cache):
        """Believes that dropout is done in the backward pass only (a forum question)."""
        return dout * cache

    @inverted((FORWARD, KEPT_ONLY), "forward_breaks_its_convention", is_the_identity)
    def drops_nowhere(dout, cache):
        """Replaces the mask by its mean, which cancels in the forward pass."""
        return dout / cache

    @inverted((FORWARD, KEPT_ONLY), "forward_breaks_its_convention", is_zero)
    def returns_zeros_both_ways(dout, cache):
        """Fills in placeholders of the right shape in both passes."""
        return np.zeros(dout.shape)

    @inverted(FORWARD, "keeps_with_drop_probability", keeps_with_drop_probability)
    def stands_below_a_swapped_mask(dout, cache):
        """Is right itself; the mask of its forward keeps what it should drop."""
        return dout * cache

    @inverted(FORWARD, "forward_breaks_its_convention", keeps_too_many)
    def stands_below_a_wrong_rate(dout, cache):
        """Is right itself; its forward rounds the uniform numbers to one digit."""
        return dout * cache
