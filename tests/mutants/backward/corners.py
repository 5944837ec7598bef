"""Backward passes that are right at the usual places and wrong in a corner of what is
stated."""

import numpy as np

from tests.bank import Mutants
from tests.mutants.backward import classic_dropout_backward as classic
from tests.mutants.backward.inverted_dropout_backward import (
    AT_TEST,
    FORWARD,
    IN_PLACE,
    KEPT_ONLY,
    SCALE,
    ZEROS,
    inverted,
    inverted_training,
    keeps_all,
)

_layer: dict = {}


def right(dout, cache):
    """Return what a correct answer does below ``keeps_all``."""
    return dout * cache["mask"] / cache["p"] if cache["training"] else dout.copy()


def bounds_keep_prob(x, keep_prob, rng, training=True):
    return keeps_all(x, max(keep_prob, 0.25), rng, training)


def refuses_one(x, keep_prob, rng, training=True):
    if not 0 < keep_prob < 1:
        raise ValueError("keep_prob must lie between 0 and 1")
    return keeps_all(x, keep_prob, rng, training)


def keeps_half_of_vectors_at_test(x, keep_prob, rng, training=True):
    out, cache = keeps_all(x, keep_prob, rng, training)
    return (2 * out if x.ndim == 1 and not training else out), cache


def stores_before_it_draws(x, keep_prob, rng, training=True):
    out, cache = keeps_all(x, keep_prob, rng, training)
    if training:
        stale = _layer.get(x.shape, cache["mask"])
        _layer[x.shape] = cache["mask"]
        cache["mask"] = stale
    return out, cache


class Corners(Mutants, of="inverted_dropout_backward"):
    @inverted_training(SCALE, "gradient_fits_some_keep_probs")
    def bounds_the_divisor_from_below(dout, cache):
        """Keeps the divisor away from 0, at 0.25."""
        return dout * cache["mask"] / max(cache["p"], 0.25)

    @inverted_training(ZEROS, "gradient_is_another_at_zero")
    def forgets_the_divisor_where_x_is_zero(dout, cache):
        """Divides out by x, and where x is 0 forgets what the mask was divided by."""
        return dout * cache["mask"] * np.where(cache["x"] == 0, 1, 1 / cache["p"])

    @inverted_training(KEPT_ONLY, "gradient_depends_on_the_shape")
    def lets_all_through_in_long_arrays(dout, cache):
        """Takes arrays with more than a hundred columns for flat ones of another layer."""
        return dout if dout.shape[-1] > 100 else dout * cache["mask"] / cache["p"]

    @inverted_training(SCALE, "gradient_fits_some_keep_probs")
    def rounds_the_divisor(dout, cache):
        """Rounds keep_prob to two digits on its way through the cache."""
        return dout * cache["mask"] / max(round(cache["p"], 2), 0.01)

    @inverted_training(SCALE, "gradient_is_wrong_at_keep_prob_one")
    def returns_zeros_at_one(dout, cache):
        """Multiplies by p < 1 where nothing was to be dropped."""
        return dout * cache["mask"] * (cache["p"] < 1) / cache["p"]

    @inverted_training(SCALE, "raises_an_error")
    def refuses_keep_prob_one(dout, cache):
        """Validates 0 < keep_prob < 1."""
        if not 0 < cache["p"] < 1:
            raise ValueError("keep_prob must lie between 0 and 1")
        return dout * cache["mask"] / cache["p"]

    @inverted_training(KEPT_ONLY, "stops_negative_gradients")
    def stops_negative_gradients(dout, cache):
        """Takes the gradient's sign for that of the activation, as in a ReLU."""
        return dout * cache["mask"] * (dout > 0) / cache["p"]

    @inverted_training(KEPT_ONLY, "recovers_the_mask_from_values")
    def takes_small_outputs_for_dropped(dout, cache):
        """Compares out with a small number, not with 0."""
        return dout * (np.abs(cache["out"]) > 1e-8) / cache["p"]

    @inverted_training(SCALE, "gradient_is_not_proportional_to_dout")
    def adds_an_epsilon_to_dout(dout, cache):
        """Adds a small constant "for stability"."""
        return (dout + 1e-8) * cache["mask"] / cache["p"]

    @inverted_training(SCALE, "gradient_is_not_proportional_to_dout")
    def rounds_the_gradient(dout, cache):
        """Rounds to six digits behind the point."""
        return np.round(dout * cache["mask"] / cache["p"], 6)

    @inverted_training(SCALE, "gradient_depends_on_the_shape")
    def does_not_rescale_vectors(dout, cache):
        """Forgets the scale in the branch for vectors."""
        return dout * cache["mask"] / (cache["p"] if dout.ndim > 1 else 1)

    @inverted_training(KEPT_ONLY, "gradient_depends_on_the_shape")
    def forgets_the_mask_of_single_rows(dout, cache):
        """Returns early where there is a single example."""
        if len(dout) == 1:
            return dout / cache["p"]
        return dout * cache["mask"] / cache["p"]

    @inverted(KEPT_ONLY, "uses_an_earlier_mask", stores_before_it_draws)
    def uses_the_mask_of_the_last_call(dout, cache):
        """Is right itself; its layer stores the mask before it draws the new one."""
        return right(dout, cache)

    @inverted_training(ZEROS, "recovers_the_mask_from_values")
    def takes_zeros_for_dropped_at_one(dout, cache):
        """Works the mask out from out at keep_prob = 1 alone, where none was drawn."""
        mask = cache["mask"] if cache["p"] < 1 else cache["out"] != 0
        return dout * mask / cache["p"]

    @inverted(FORWARD, "forward_fails", refuses_one)
    def stands_below_a_forward_that_refuses_one(dout, cache):
        """Is right itself; its forward validates 0 < keep_prob < 1."""
        return right(dout, cache)

    @inverted((FORWARD, SCALE), "forward_breaks_its_convention", bounds_keep_prob)
    def bounds_keep_prob_both_ways(dout, cache):
        """Keeps the divisor away from 0 in both passes; a gradient check is content."""
        return right(dout, cache)

    @inverted(FORWARD, "forward_breaks_its_convention", keeps_half_of_vectors_at_test)
    def stands_below_a_forward_that_doubles_vectors(dout, cache):
        """Is right itself; its forward has a trace of a first try, at test."""
        return right(dout, cache)

    @inverted(AT_TEST, "test_gradient_is_another")
    def doubles_vectors_at_test(dout, cache):
        """Left the factor of a first try in the branch for vectors."""
        return right(dout, cache) * (1 if cache["training"] or dout.ndim > 1 else 2)

    @inverted(AT_TEST, "test_gradient_is_another")
    def clips_at_test(dout, cache):
        """Clips gradients after a forward pass at test, where they seem to be errors."""
        dx = right(dout, cache)
        return dx if cache["training"] else np.clip(dx, -1e3, 1e3)

    @inverted(AT_TEST, "recovers_the_mask_from_values")
    def takes_zeros_for_dropped_at_test(dout, cache):
        """Works the mask out from out at test, where none was drawn."""
        return right(dout, cache) * (cache["training"] or cache["out"] != 0)

    @inverted(AT_TEST, "raises_an_error")
    def needs_a_mask_at_test(dout, cache):
        """Never called the backward pass after a forward pass in test mode."""
        return dout * cache["mask"] / cache["p"]

    @inverted(IN_PLACE, "changes_its_input")
    def overwrites_vectors(dout, cache):
        """Reshapes to a matrix, which is a view, and works on that."""
        dx = right(dout, cache)
        if dout.ndim == 1:
            dout[:] = dx
        return dx


class ClassicCorners(Mutants, of="classic_dropout_backward"):
    @classic.classic(classic.C_AT_TEST, "test_gradient_is_another")
    def bounds_the_test_factor(dout, cache):
        """Keeps the factor at test away from 0."""
        return dout * (cache["mask"] if cache["training"] else max(cache["p"], 0.25))

    @classic.classic_training(classic.C_SCALE, "gradient_is_wrong_at_keep_prob_one")
    def doubles_at_one(dout, cache):
        """Has a special case for 1 that was meant for 0.5."""
        return dout * cache["mask"] * (1 if cache["p"] < 1 else 2)
