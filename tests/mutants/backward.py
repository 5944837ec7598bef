"""Wrong answers to the exercises of ``backward``, each named after its sin."""

import numpy as np
from scipy.special import log_softmax, softmax

from tests.bank import mutant

# ---- inverted_dropout_backward --------------------------------------------------------

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


def inverted(fails, mistake=None, forward=keeps_all):
    return mutant("inverted_dropout_backward", fails, mistake, inverted_dropout=forward)


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


@inverted(KEPT_ONLY, "another_mask_in_the_backward_pass")
def draws_a_fresh_mask(dout, cache):
    """Copies the forward's lines into the backward, the draw among them."""
    if not cache["training"]:
        return dout
    return dout * (cache["rng"].random(dout.shape) < cache["p"]) / cache["p"]


@inverted(KEPT_ONLY, "another_mask_in_the_backward_pass")
def draws_a_fresh_mask_on_top(dout, cache):
    """Applies the stored mask and then dropout once more, "in both passes"."""
    if not cache["training"]:
        return dout
    fresh = cache["rng"].random(dout.shape) < cache["p"]
    return dout * cache["mask"] * fresh / cache["p"] ** 2


def keeps_its_mask_by_shape(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    mask = rng.random(x.shape) < keep_prob
    _, fresh = mask, rng.random(x.shape) < keep_prob
    return x * mask / keep_prob, fresh / keep_prob


@inverted(KEPT_ONLY, "another_mask_in_the_backward_pass", keeps_its_mask_by_shape)
def caches_a_second_draw(dout, cache):
    """Writes rng.random twice in the forward: once for out, once for the cache."""
    return dout if cache is None else dout * cache


@inverted(KEPT_ONLY, "uses_one_rows_mask_for_all")
def uses_the_first_rows_mask(dout, cache):
    """Indexes the mask as if it were one per layer."""
    if not cache["training"]:
        return dout
    return dout * cache["mask"][:1] / cache["p"]


@inverted(KEPT_ONLY, "drops_in_the_forward_pass_only")
def forgets_the_mask(dout, cache):
    """Takes dropout for a thing of the forward pass; returns dout."""
    return dout.copy()


@inverted(KEPT_ONLY, "drops_in_the_forward_pass_only")
def scales_without_the_mask(dout, cache):
    """Remembers 1/keep_prob and forgets the mask."""
    return dout / cache["p"] if cache["training"] else dout.copy()


@inverted(KEPT_ONLY, "gives_the_gradient_to_the_dropped")
def subtracts_the_kept_part(dout, cache):
    """Writes dout - dout * mask, reading the mask as what is removed."""
    return dout - dout * cache["mask"] if cache["training"] else dout


@inverted(KEPT_ONLY, "gives_the_gradient_to_the_dropped")
def subtracts_the_scaled_part(dout, cache):
    """The same slip with the scaled mask."""
    return dout - dout * cache["mask"] / cache["p"] if cache["training"] else dout


@inverted(KEPT_ONLY, "gives_the_gradient_to_the_dropped")
def inverts_the_mask(dout, cache):
    """Stores which units are dropped and multiplies by that."""
    return dout * ~cache["mask"] / cache["p"] if cache["training"] else dout


@inverted(KEPT_ONLY, "stops_negative_units")
def reads_the_mask_off_positive_outputs(dout, cache):
    """Takes out > 0 for the mask, as one does behind a ReLU."""
    return dout * (cache["out"] > 0) / cache["p"] if cache["training"] else dout.copy()


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


@inverted(SCALE, "backward_lacks_the_scale")
def forgets_the_scale(dout, cache):
    """Stores the unscaled mask; 9 of 63 wrong public implementations do this."""
    return dout * cache["mask"] if cache["training"] else dout.copy()


def caches_a_scaled_mask(x, keep_prob, rng, training=True):
    if not training:
        return x, (None, keep_prob)
    mask = (rng.random(x.shape) < keep_prob) / keep_prob
    return x * mask, (mask, keep_prob)


@inverted(SCALE, "backward_scales_twice", caches_a_scaled_mask)
def scales_the_gradient_twice(dout, cache):
    """Forgets that the mask in the cache is scaled already."""
    mask, keep_prob = cache
    return dout.copy() if mask is None else dout * mask / keep_prob


@inverted(SCALE, "backward_multiplies_by_keep_prob")
def multiplies_the_gradient_by_keep_prob(dout, cache):
    """Thinks that the backward pass undoes the forward pass's division."""
    return dout * cache["mask"] * cache["p"] if cache["training"] else dout.copy()


@inverted(SCALE, "backward_divides_by_drop_probability")
def divides_the_gradient_by_the_drop_probability(dout, cache):
    """Takes keep_prob for the rate of a framework in the backward pass alone."""
    if not cache["training"]:
        return dout.copy()
    return dout * cache["mask"] / (1 - cache["p"] + 1e-300)


@inverted(SCALE, "backward_divides_by_kept_fraction")
def divides_by_the_fraction_kept(dout, cache):
    """Divides by mask.mean() so as not to store keep_prob."""
    if not cache["training"]:
        return dout.copy()
    return dout * cache["mask"] / max(cache["mask"].mean(), 1e-9)


@inverted(SCALE, "ignores_dout")
def returns_the_mask(dout, cache):
    """Takes the local derivative for the gradient; a test with dout = 1 is content."""
    return cache["mask"] / cache["p"] if cache["training"] else np.ones_like(dout)


@inverted(SCALE, "multiplies_by_the_activation")
def multiplies_by_the_dropped_activation(dout, cache):
    """Stores out in the cache and multiplies by it."""
    return dout * cache["out"] if cache["training"] else dout.copy()


@inverted(SCALE, "multiplies_by_the_activation")
def multiplies_by_input_and_mask(dout, cache):
    """Differentiates by the mask and not by x."""
    return dout * cache["x"] * cache["mask"] if cache["training"] else dout.copy()


@inverted(SCALE, "gradient_is_not_proportional_to_dout")
def shrinks_small_gradients(dout, cache):
    """Adds an epsilon "for stability" that swallows small gradients."""
    if not cache["training"]:
        return dout.copy()
    dx = dout * cache["mask"] / cache["p"]
    return np.where(np.abs(dx) < 1e-4, 0.0, dx)


@inverted(SCALE, "gradient_is_not_proportional_to_dout")
def clips_the_gradient(dout, cache):
    """Clips gradients inside the layer, against explosions."""
    if not cache["training"]:
        return dout.copy()
    return np.clip(dout * cache["mask"] / cache["p"], -100, 100)


@inverted(ZEROS, "recovers_the_mask_from_values")
def reads_the_mask_off_the_output(dout, cache):
    """Stores out and takes its zeros for the dropped units."""
    return dout * (cache["out"] != 0) / cache["p"] if cache["training"] else dout.copy()


@inverted(ZEROS, "recovers_the_mask_from_values")
def reads_the_mask_off_the_scale(dout, cache):
    """Takes units with out = x / keep_prob for kept; 0 = 0 / keep_prob holds always."""
    if not cache["training"]:
        return dout.copy()
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


def drops_at_another_rate_where_zero(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    mask = (rng.random(x.shape) < keep_prob) & ((x != 0) | (rng.random(x.shape) < 0.9))
    return x * mask / keep_prob, mask / keep_prob


@inverted(ZEROS, "drops_by_value", drops_at_another_rate_where_zero)
def drops_zeros_more_often(dout, cache):
    """Drops a second time what a mask in front has set to 0 already."""
    return dout if cache is None else dout * cache


def ignores_the_mode(x, keep_prob, rng, training=True):
    mask = rng.random(x.shape) < keep_prob
    return (x * mask / keep_prob if training else x), (mask, keep_prob)


@inverted(AT_TEST, "backward_ignores_test_mode", ignores_the_mode)
def ignores_test_mode(dout, cache):
    """Draws the mask before looking at training, and always applies it backward."""
    mask, keep_prob = cache
    return dout * mask / keep_prob


def caches_ones_at_test(x, keep_prob, rng, training=True):
    mask = rng.random(x.shape) < keep_prob if training else np.ones(x.shape)
    return (x * mask / keep_prob if training else x), (mask, keep_prob)


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


@inverted(IN_PLACE, "changes_its_input")
def zeroes_dout_where_dropped(dout, cache):
    """Assigns zeros to the dropped entries of dout itself."""
    if not cache["training"]:
        return dout
    dout[~cache["mask"]] = 0
    return dout / cache["p"]


def breaks(x, keep_prob, rng, training=True):
    mask = rng.random(*x.shape) < keep_prob
    return x * mask / keep_prob, (mask, keep_prob)


@inverted(RUNS, "forward_fails", breaks)
def stands_below_a_broken_forward(dout, cache):
    """Is right itself, but the forward calls rng.random with two numbers."""
    mask, keep_prob = cache
    return dout * mask / keep_prob


def never_scales(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    mask = rng.random(x.shape) < keep_prob
    return x * mask, mask


@inverted((FORWARD, SCALE), "forward_breaks_its_convention", never_scales)
def never_scales_both_ways(dout, cache):
    """Forgets 1/keep_prob in both passes; a gradient check is content."""
    return dout.copy() if cache is None else dout * cache


def divides_by_drop_probability(x, keep_prob, rng, training=True):
    if not training or keep_prob == 1:
        return x, None
    mask = (rng.random(x.shape) < keep_prob) / (1 - keep_prob)
    return x * mask, mask


@inverted(
    (FORWARD, SCALE), "forward_breaks_its_convention", divides_by_drop_probability
)
def divides_by_drop_probability_both_ways(dout, cache):
    """Divides by the wrong probability in both passes; a gradient check is content."""
    return dout.copy() if cache is None else dout * cache


def unscaled_but_caches_keep_prob(x, keep_prob, rng, training=True):
    if not training:
        return x, (None, keep_prob)
    mask = rng.random(x.shape) < keep_prob
    return x * mask, (mask, keep_prob)


@inverted(FORWARD, "forward_breaks_its_convention", unscaled_but_caches_keep_prob)
def scales_although_the_forward_did_not(dout, cache):
    """Has the backward right and 1/keep_prob missing in the forward."""
    mask, keep_prob = cache
    return dout.copy() if mask is None else dout * mask / keep_prob


def scales_at_test_too(x, keep_prob, rng, training=True):
    if not training:
        return x * keep_prob, (1.0, 1.0)
    mask = rng.random(x.shape) < keep_prob
    return x * mask / keep_prob, (mask, keep_prob)


@inverted(FORWARD, "forward_breaks_its_convention", scales_at_test_too)
def stands_below_a_forward_that_scales_at_test(dout, cache):
    """Mixes the two conventions in the forward pass."""
    mask, keep_prob = cache
    return dout * mask / keep_prob


def drops_nothing(x, keep_prob, rng, training=True):
    if not training:
        return x, 1.0
    return x.copy(), (rng.random(x.shape) < keep_prob) / keep_prob


@inverted((FORWARD, KEPT_ONLY), "drops_in_the_backward_pass_only", drops_nothing)
def drops_the_gradient_only(dout, cache):
    """Believes that dropout is done in the backward pass only (a forum question)."""
    return dout * cache


def is_the_identity(x, keep_prob, rng, training=True):
    return x.copy(), keep_prob if training else 1.0


@inverted((FORWARD, KEPT_ONLY), "forward_breaks_its_convention", is_the_identity)
def drops_nowhere(dout, cache):
    """Replaces the mask by its mean, which cancels in the forward pass."""
    return dout / cache


def is_zero(x, keep_prob, rng, training=True):
    return np.zeros(x.shape), None


@inverted((FORWARD, KEPT_ONLY), "forward_breaks_its_convention", is_zero)
def returns_zeros_both_ways(dout, cache):
    """Fills in placeholders of the right shape in both passes."""
    return np.zeros(dout.shape)


def keeps_with_drop_probability(x, keep_prob, rng, training=True):
    if not training:
        return x, 1.0
    mask = rng.random(x.shape) >= keep_prob if keep_prob < 1 else np.ones(x.shape)
    return x * mask / keep_prob, mask / keep_prob


@inverted(ZEROS, "keeps_with_drop_probability", keeps_with_drop_probability)
def stands_below_a_swapped_mask(dout, cache):
    """Is right itself; the mask of its forward keeps what it should drop."""
    return dout * cache


def keeps_too_many(x, keep_prob, rng, training=True):
    if not training:
        return x, 1.0
    mask = rng.random(x.shape) < keep_prob + 0.1
    return x * mask / keep_prob, mask / keep_prob


@inverted(ZEROS, "forward_breaks_its_convention", keeps_too_many)
def stands_below_a_wrong_rate(dout, cache):
    """Is right itself; its forward rounds the uniform numbers to one digit."""
    return dout * cache


# ---- classic_dropout_backward ---------------------------------------------------------

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


def classic(fails, mistake=None, forward=classic_keeps_all):
    return mutant("classic_dropout_backward", fails, mistake, classic_dropout=forward)


@classic(C_RUNS, "returns_nothing")
def returns_no_classic_gradient(dout, cache):
    """Assigns dx and forgets the return statement."""
    _ = dout * cache["mask"]


@classic(C_RUNS, "returns_no_floats")
def returns_integers(dout, cache):
    """Casts to the dtype of the mask."""
    return (dout * cache["mask"]).astype(int)


def classic_is_inverted(x, keep_prob, rng, training=True):
    if not training:
        return x, 1.0
    multiplier = (rng.random(x.shape) < keep_prob) / keep_prob
    return x * multiplier, multiplier


@classic(
    (C_FORWARD, C_SCALE, C_AT_TEST),
    "forward_breaks_its_convention",
    classic_is_inverted,
)
def is_inverted_dropout(dout, cache):
    """Hands in inverted dropout under the other name."""
    return dout * cache


def classic_forgets_the_test_scale(x, keep_prob, rng, training=True):
    mask = rng.random(x.shape) < keep_prob if training else keep_prob
    return (x * mask if training else x), mask


@classic(C_FORWARD, "forward_breaks_its_convention", classic_forgets_the_test_scale)
def stands_below_a_forward_without_test_scale(dout, cache):
    """Is right itself; its forward is the identity at test, as in inverted dropout."""
    return dout * cache


def classic_drops_nothing(x, keep_prob, rng, training=True):
    if not training:
        return x * keep_prob, keep_prob
    return x.copy(), rng.random(x.shape) < keep_prob


@classic(
    (C_FORWARD, C_KEPT_ONLY), "drops_in_the_backward_pass_only", classic_drops_nothing
)
def drops_the_classic_gradient_only(dout, cache):
    """Believes that dropout is done in the backward pass only."""
    return dout * cache


@classic(C_KEPT_ONLY, "another_mask_in_the_backward_pass")
def draws_a_fresh_classic_mask(dout, cache):
    """Copies the forward's lines into the backward, the draw among them."""
    if not cache["training"]:
        return dout * cache["p"]
    return dout * (cache["rng"].random(dout.shape) < cache["p"])


@classic(C_KEPT_ONLY, "drops_in_the_forward_pass_only")
def multiplies_by_keep_prob_without_the_mask(dout, cache):
    """Uses the expected mask, keep_prob, in the backward pass."""
    return dout * cache["p"]


@classic(C_KEPT_ONLY, "gives_the_gradient_to_the_dropped")
def subtracts_the_classic_kept_part(dout, cache):
    """Writes dout - dout * mask, as one public implementation did."""
    return dout - dout * cache["mask"] if cache["training"] else dout * cache["p"]


@classic(C_SCALE, "scales_a_classic_gradient")
def scales_although_classic(dout, cache):
    """Copies the backward pass of inverted dropout."""
    if not cache["training"]:
        return dout * cache["p"]
    return dout * cache["mask"] / cache["p"]


@classic(C_SCALE, "backward_multiplies_by_keep_prob")
def multiplies_by_keep_prob_in_training(dout, cache):
    """Moves the test-time factor into the backward pass of training."""
    return dout * cache["mask"] * cache["p"] if cache["training"] else dout * cache["p"]


@classic(C_SCALE, "ignores_dout")
def returns_the_classic_mask(dout, cache):
    """Takes the local derivative for the gradient."""
    return 1.0 * cache["mask"] if cache["training"] else dout * cache["p"]


@classic(C_SCALE, "multiplies_by_the_activation")
def multiplies_by_the_classic_activation(dout, cache):
    """Stores out in the cache and multiplies by it; three public ones did."""
    return dout * cache["out"] if cache["training"] else dout * cache["p"]


@classic(C_ZEROS, "recovers_the_mask_from_values")
def reads_the_mask_off_the_classic_output(dout, cache):
    """Stores out and takes its zeros for the dropped units."""
    return dout * (cache["out"] != 0) if cache["training"] else dout * cache["p"]


@classic(C_ZEROS, "recovers_the_mask_from_values")
def compares_output_and_input(dout, cache):
    """Takes units whose output equals their input for kept; at 0 both are 0."""
    if not cache["training"]:
        return dout * cache["p"]
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


# ---- dropout_mlp_gradients ------------------------------------------------------------

M_RUNS = "returns_a_loss_and_four_gradients"
PLAIN = "is_plain_backpropagation_at_keep_prob_one"
LARGE = "large_logits_do_no_harm"
ONE_MASK = "one_mask_explains_loss_and_gradients"
M_RATE = "keeps_hidden_units_at_the_stated_rate"
M_INDEPENDENT = "drops_hidden_units_independently"
M_RNG = "draws_the_mask_from_the_given_rng"
M_ALONE = "leaves_its_arguments_alone"


def forward(params, x, multiplier):
    z = x @ params["W1"] + params["b1"]
    h = np.maximum(z, 0) * multiplier
    return z, h, h @ params["W2"] + params["b2"]


def loss_of(s, y):
    return -log_softmax(s, axis=1)[np.arange(len(y)), y].mean()


def logits_gradient(s, y):
    ds = softmax(s, axis=1)
    ds[np.arange(len(y)), y] -= 1
    return ds / len(y)


def backward(params, x, z, h, ds, multiplier):
    dz = ds @ params["W2"].T * multiplier * (z > 0)
    return {"W1": x.T @ dz, "b1": dz.sum(0), "W2": h.T @ ds, "b2": ds.sum(0)}


def bits(params, x, keep_prob, rng):
    return rng.random((len(x), len(params["b1"]))) < keep_prob


def right(params, x, y, multiplier):
    z, h, s = forward(params, x, multiplier)
    ds = logits_gradient(s, y)
    return loss_of(s, y), backward(params, x, z, h, ds, multiplier)


def network(fails, mistake=None):
    return mutant("dropout_mlp_gradients", fails, mistake)


@network(M_RUNS, "returns_another_kind")
def returns_gradients_only(params, x, y, keep_prob, rng):
    """Returns what the optimiser needs and forgets the loss."""
    return right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)[1]


@network(M_RUNS, "names_gradients_otherwise")
def names_gradients_dW1(params, x, y, keep_prob, rng):
    """Calls the gradients dW1, db1 as in other courses."""
    loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
    return loss, {f"d{name}": grad for name, grad in grads.items()}


@network(M_RUNS, "returns_another_kind")
def returns_losses_of_rows(params, x, y, keep_prob, rng):
    """Forgets the mean over rows of the loss."""
    multiplier = bits(params, x, keep_prob, rng) / keep_prob
    _, _, s = forward(params, x, multiplier)
    losses = -log_softmax(s, axis=1)[np.arange(len(y)), y]
    return losses, right(params, x, y, multiplier)[1]


@network(M_RUNS, "returns_another_shape")
def keeps_the_row_axis_of_biases(params, x, y, keep_prob, rng):
    """Sums the bias gradient with keepdims=True."""
    loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
    return loss, {**grads, "b1": grads["b1"][None], "b2": grads["b2"][None]}


@network(M_RUNS, "returns_another_shape")
def sums_biases_over_the_wrong_axis(params, x, y, keep_prob, rng):
    """Sums over axis 1, the units, instead of the rows."""
    multiplier = bits(params, x, keep_prob, rng) / keep_prob
    _, _, s = forward(params, x, multiplier)
    loss, grads = right(params, x, y, multiplier)
    return loss, {**grads, "b2": logits_gradient(s, y).sum(axis=1)}


@network(M_RUNS, "returns_nan_or_infinity")
def divides_by_the_kept_units(params, x, y, keep_prob, rng):
    """Divides by the kept fraction of a row, which may be 0 of 3 units."""
    kept = bits(params, x, keep_prob, rng)
    with np.errstate(all="ignore"):
        multiplier = kept / (kept * (np.arange(kept.shape[1]) < 1)).mean(1)[:, None]
    return right(params, x, y, multiplier)


@network(PLAIN, "sums_over_rows")
def forgets_the_mean_over_rows(params, x, y, keep_prob, rng):
    """Takes the gradient of the summed loss and the mean for the printout."""
    loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
    return loss, {name: grad * len(y) for name, grad in grads.items()}


@network(PLAIN, "sums_over_rows")
def sums_loss_and_gradients(params, x, y, keep_prob, rng):
    """Uses the sum over rows throughout."""
    loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
    return loss * len(y), {name: grad * len(y) for name, grad in grads.items()}


@network(PLAIN, "divides_by_rows_twice")
def averages_bias_gradients(params, x, y, keep_prob, rng):
    """Writes mean where the gradient of a bias is a sum of averaged terms."""
    loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
    return loss, {n: g / len(y) if n in ("b1", "b2") else g for n, g in grads.items()}


@network(PLAIN, "divides_by_rows_twice")
def divides_weights_by_rows_again(params, x, y, keep_prob, rng):
    """Divides ds by N, and then each weight gradient once more."""
    loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
    return loss, {name: grad / len(y) for name, grad in grads.items()}


@network(PLAIN, "lacks_the_relu_gate")
def forgets_the_relu_gate(params, x, y, keep_prob, rng):
    """Sends the gradient through affine, dropout, affine and forgets the ReLU."""
    multiplier = bits(params, x, keep_prob, rng) / keep_prob
    z, h, s = forward(params, x, multiplier)
    ds = logits_gradient(s, y)
    return loss_of(s, y), backward(params, x, np.abs(z), h, ds, multiplier)


@network(PLAIN, "backpropagation_is_wrong_without_dropout")
def gates_the_wrong_layer(params, x, y, keep_prob, rng):
    """Multiplies by (h > mean): a gate on the wrong threshold."""
    multiplier = bits(params, x, keep_prob, rng) / keep_prob
    z, h, s = forward(params, x, multiplier)
    ds = logits_gradient(s, y)
    return loss_of(s, y), backward(params, x, z - z.mean(), h, ds, multiplier)


@network(PLAIN, "backpropagation_is_wrong_without_dropout")
def forgets_the_onehot(params, x, y, keep_prob, rng):
    """Takes the probabilities for the gradient of the logits."""
    multiplier = bits(params, x, keep_prob, rng) / keep_prob
    z, h, s = forward(params, x, multiplier)
    return loss_of(s, y), backward(
        params, x, z, h, softmax(s, axis=1) / len(y), multiplier
    )


@network(PLAIN, "flips_the_sign")
def flips_the_sign(params, x, y, keep_prob, rng):
    """Returns the step to take, not the gradient."""
    loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
    return loss, {name: -grad for name, grad in grads.items()}


@network(PLAIN, "computes_another_loss")
def adds_weight_decay(params, x, y, keep_prob, rng):
    """Copies an L2 term from the exercise before."""
    loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
    grads = {n: g + 0.01 * params[n] * (n[0] == "W") for n, g in grads.items()}
    return loss + 0.005 * sum((params[n] ** 2).sum() for n in ("W1", "W2")), grads


@network(LARGE, "softmax_overflows")
def exponentiates_large_logits(params, x, y, keep_prob, rng):
    """Writes the softmax as in the formula."""
    multiplier = bits(params, x, keep_prob, rng) / keep_prob
    z, h, s = forward(params, x, multiplier)
    with np.errstate(all="ignore"):
        e = np.exp(s)
        probs = e / e.sum(axis=1, keepdims=True)
        loss = -np.log(probs[np.arange(len(y)), y]).mean()
    ds = (probs - np.eye(s.shape[1])[y]) / len(y)
    return loss, backward(params, x, z, h, ds, multiplier)


@network(LARGE, "clips_the_loss")
def takes_the_log_of_zero(params, x, y, keep_prob, rng):
    """Stabilises the softmax and then takes the logarithm of a probability of 0."""
    multiplier = bits(params, x, keep_prob, rng) / keep_prob
    _, _, s = forward(params, x, multiplier)
    with np.errstate(all="ignore"):
        loss = -np.log(softmax(s, axis=1)[np.arange(len(y)), y]).mean()
    return loss, right(params, x, y, multiplier)[1]


@network(LARGE, "clips_the_loss")
def adds_an_epsilon_in_the_logarithm(params, x, y, keep_prob, rng):
    """Guards the logarithm with 1e-12."""
    multiplier = bits(params, x, keep_prob, rng) / keep_prob
    _, _, s = forward(params, x, multiplier)
    loss = -np.log(softmax(s, axis=1)[np.arange(len(y)), y] + 1e-12).mean()
    return loss, right(params, x, y, multiplier)[1]


@network(LARGE, "softmax_overflows")
def exponentiates_large_logits_in_the_gradient(params, x, y, keep_prob, rng):
    """Has a stable loss from the lecture and the formula's softmax in the gradient."""
    multiplier = bits(params, x, keep_prob, rng) / keep_prob
    z, h, s = forward(params, x, multiplier)
    with np.errstate(all="ignore"):
        probs = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    ds = (probs - np.eye(s.shape[1])[y]) / len(y)
    return loss_of(s, y), backward(params, x, z, h, ds, multiplier)


@network(ONE_MASK, "never_drops")
def ignores_dropout(params, x, y, keep_prob, rng):
    """Writes the network and leaves dropout for later."""
    return right(params, x, y, np.ones((len(x), len(params["b1"]))))


@network(ONE_MASK, "network_forgets_to_rescale")
def drops_classically(params, x, y, keep_prob, rng):
    """Applies the mask and does not divide by keep_prob."""
    return right(params, x, y, 1.0 * bits(params, x, keep_prob, rng))


@network(ONE_MASK, "loss_without_dropout")
def reports_the_loss_without_dropout(params, x, y, keep_prob, rng):
    """Computes the loss in test mode, for a smoother curve."""
    multiplier = bits(params, x, keep_prob, rng) / keep_prob
    loss = loss_of(forward(params, x, 1.0)[2], y)
    return loss, right(params, x, y, multiplier)[1]


@network(ONE_MASK, "drops_in_the_forward_pass_only")
def forgets_dropout_going_back(params, x, y, keep_prob, rng):
    """Backpropagates through the ReLU and skips the dropout layer."""
    z, h, s = forward(params, x, bits(params, x, keep_prob, rng) / keep_prob)
    return loss_of(s, y), backward(params, x, z, h, logits_gradient(s, y), 1.0)


@network(ONE_MASK, "drops_in_the_forward_pass_only")
def divides_going_back_without_a_mask(params, x, y, keep_prob, rng):
    """Divides the gradient by keep_prob and forgets the mask."""
    z, h, s = forward(params, x, bits(params, x, keep_prob, rng) / keep_prob)
    ds = logits_gradient(s, y)
    return loss_of(s, y), backward(params, x, z, h, ds, 1 / keep_prob)


@network(ONE_MASK, "drops_in_the_backward_pass_only")
def drops_going_back_only(params, x, y, keep_prob, rng):
    """Masks the gradient of a network that ran without dropout."""
    z, h, s = forward(params, x, 1.0)
    multiplier = bits(params, x, keep_prob, rng) / keep_prob
    ds = logits_gradient(s, y)
    return loss_of(s, y), backward(params, x, z, h, ds, multiplier)


@network(ONE_MASK, "backward_lacks_the_scale")
def forgets_the_scale_going_back(params, x, y, keep_prob, rng):
    """Masks the gradient and does not divide it by keep_prob."""
    kept = bits(params, x, keep_prob, rng)
    z, h, s = forward(params, x, kept / keep_prob)
    return loss_of(s, y), backward(params, x, z, h, logits_gradient(s, y), kept)


@network(ONE_MASK, "backward_scales_twice")
def multiplies_the_update_by_one_over_keep_prob(params, x, y, keep_prob, rng):
    """Multiplies by 1/p after the backward pass once more (a forum question)."""
    kept = bits(params, x, keep_prob, rng)
    z, h, s = forward(params, x, kept / keep_prob)
    ds = logits_gradient(s, y)
    return loss_of(s, y), backward(params, x, z, h, ds, kept / keep_prob**2)


@network(ONE_MASK, "no_single_mask_explains_it")
def scales_the_first_layers_weights_only(params, x, y, keep_prob, rng):
    """Multiplies the gradient of W1 by 1/p and leaves the bias."""
    loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
    return loss, {**grads, "W1": grads["W1"] / keep_prob}


@network(ONE_MASK, "another_mask_in_the_backward_pass")
def draws_again_going_back(params, x, y, keep_prob, rng):
    """Calls the dropout function in the backward pass and so draws a new mask."""
    z, h, s = forward(params, x, bits(params, x, keep_prob, rng) / keep_prob)
    fresh = bits(params, x, keep_prob, rng) / keep_prob
    return loss_of(s, y), backward(params, x, z, h, logits_gradient(s, y), fresh)


@network(ONE_MASK, "undropped_layer_for_the_second_weights")
def uses_the_undropped_hidden_layer_for_W2(params, x, y, keep_prob, rng):
    """Stores the activation before dropout and uses it for the gradient of W2."""
    multiplier = bits(params, x, keep_prob, rng) / keep_prob
    z, _, s = forward(params, x, multiplier)
    ds = logits_gradient(s, y)
    return loss_of(s, y), backward(params, x, z, np.maximum(z, 0), ds, multiplier)


@network(ONE_MASK, "loss_of_another_mask")
def draws_a_second_mask_for_the_gradients(params, x, y, keep_prob, rng):
    """Runs the forward pass twice: once for the loss, once for the gradients."""
    loss, _ = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
    return loss, right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)[1]


@network(ONE_MASK, "drops_the_input")
def drops_the_input_instead(params, x, y, keep_prob, rng):
    """Applies dropout to x, the first thing in the function."""
    x = x * (rng.random(x.shape) < keep_prob) / keep_prob
    return right(params, x, y, np.ones((len(x), len(params["b1"]))))


@network(ONE_MASK, "drops_the_input")
def drops_the_input_as_well(params, x, y, keep_prob, rng):
    """Applies dropout to every layer, the input among them."""
    x = x * (rng.random(x.shape) < keep_prob) / keep_prob
    return right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)


@network(ONE_MASK, "no_single_mask_explains_it")
def drops_the_logits(params, x, y, keep_prob, rng):
    """Applies dropout behind the last layer."""
    z, h, s = forward(params, x, 1.0)
    multiplier = (rng.random(s.shape) < keep_prob) / keep_prob
    ds = logits_gradient(s * multiplier, y) * multiplier
    return loss_of(s * multiplier, y), backward(params, x, z, h, ds, 1.0)


@network(ONE_MASK, "no_single_mask_explains_it")
def divides_by_the_kept_fraction(params, x, y, keep_prob, rng):
    """Divides each row by the fraction that happened to be kept."""
    kept = bits(params, x, keep_prob, rng)
    multiplier = kept / np.maximum(kept.mean(axis=1, keepdims=True), 1e-9)
    return right(params, x, y, multiplier)


@network(M_RATE, "keeps_with_drop_probability")
def keeps_hidden_units_with_drop_probability(params, x, y, keep_prob, rng):
    """Writes rng.random() > keep_prob."""
    kept = rng.random((len(x), len(params["b1"]))) >= keep_prob
    return right(params, x, y, (kept if keep_prob < 1 else 1.0) / keep_prob)


@network(M_RATE, "ignores_keep_prob")
def keeps_half(params, x, y, keep_prob, rng):
    """Draws bits with rng.integers(0, 2)."""
    kept = rng.integers(0, 2, (len(x), len(params["b1"])))
    return right(params, x, y, (kept if keep_prob < 1 else 1.0) / keep_prob)


@network(M_RATE, "compares_normal_numbers")
def compares_with_normal_numbers(params, x, y, keep_prob, rng):
    """Uses rng.standard_normal where rng.random is meant."""
    kept = rng.standard_normal((len(x), len(params["b1"]))) < keep_prob
    return right(params, x, y, (kept if keep_prob < 1 else 1.0) / keep_prob)


@network(M_RATE, "keeps_at_another_rate")
def never_drops_a_whole_row(params, x, y, keep_prob, rng):
    """Draws with probability keep_prob of leaving a batch of rows alone as well."""
    kept = bits(params, x, keep_prob, rng)
    spared = rng.random((len(x), 1)) < 0.2
    return right(params, x, y, (kept | spared) / keep_prob)


@network(M_INDEPENDENT, "one_mask_for_all_rows")
def shares_the_mask_between_rows(params, x, y, keep_prob, rng):
    """Draws one bit for each hidden unit and broadcasts it over the rows."""
    kept = rng.random(len(params["b1"])) < keep_prob
    return right(params, x, y, np.tile(kept, (len(x), 1)) / keep_prob)


@network(M_INDEPENDENT, "drops_whole_rows")
def drops_rows(params, x, y, keep_prob, rng):
    """Draws one bit for each row."""
    kept = rng.random((len(x), 1)) < keep_prob
    return right(params, x, y, np.tile(kept, (1, len(params["b1"]))) / keep_prob)


@network(M_INDEPENDENT, "keeps_a_fixed_number")
def keeps_a_fixed_number_of_hidden_units(params, x, y, keep_prob, rng):
    """Shuffles a row with the right number of ones."""
    width = len(params["b1"])
    ones = np.arange(width) < round(keep_prob * width)
    kept = rng.permuted(np.tile(ones, (len(x), 1)), axis=1)
    return right(params, x, y, kept / keep_prob)


@network(M_INDEPENDENT, "keeps_a_fixed_number")
def keeps_a_fixed_number_in_each_call(params, x, y, keep_prob, rng):
    """Shuffles the right number of ones over the whole layer."""
    size = len(x) * len(params["b1"])
    kept = rng.permutation(size) < round(keep_prob * size)
    return right(params, x, y, kept.reshape(len(x), -1) / keep_prob)


@network((M_INDEPENDENT, M_RNG), "same_mask_every_call")
def seeds_inside_the_function(params, x, y, keep_prob, rng):
    """Seeds a generator in the function so that gradient checks come out right."""
    rng = np.random.default_rng(231)
    return right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)


@network(M_RNG, "does_not_draw_from_rng")
def draws_from_the_global_source(params, x, y, keep_prob, rng):
    """Uses np.random and ignores rng."""
    kept = np.random.rand(len(x), len(params["b1"])) < keep_prob
    return right(params, x, y, kept / keep_prob)


@network(M_ALONE, "changes_parameters")
def takes_the_step_as_well(params, x, y, keep_prob, rng):
    """Updates the parameters at the end, as a training loop does."""
    loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
    for name in grads:
        params[name] -= 0.1 * grads[name]
    return loss, grads


@network(M_ALONE, "changes_parameters")
def keeps_the_cache_in_params(params, x, y, keep_prob, rng):
    """Stores intermediate arrays in the dict that is at hand."""
    params["mask"] = bits(params, x, keep_prob, rng) / keep_prob
    return right(params, x, y, params["mask"])


@network(M_ALONE, "changes_its_input")
def standardises_x_in_place(params, x, y, keep_prob, rng):
    """Uses x as scratch space at the end."""
    loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
    x -= x.mean(axis=0)
    return loss, grads


# ---- dropout_ridge --------------------------------------------------------------------

R_RUNS = "returns_one_weight_for_each_column"
LEAST_SQUARES = "is_least_squares_at_keep_prob_one"
MINIMISES = "minimises_the_expected_loss"
WIDE = "works_with_more_columns_than_rows"
R_ALONE = "leaves_the_data_alone"


def minimiser(x, y, penalty):
    return np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ y)


def ridge(fails, mistake=None):
    return mutant("dropout_ridge", fails, mistake)


@ridge(R_RUNS, "returns_another_shape")
def returns_a_column(x, y, keep_prob):
    """Reshapes y to a column and returns a (D, 1) array."""
    penalty = (1 - keep_prob) / keep_prob * (x**2).sum(0)
    return minimiser(x, y[:, None], penalty)


@ridge(R_RUNS, "returns_another_shape")
def returns_predictions(x, y, keep_prob):
    """Returns the fitted values."""
    return x @ minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).sum(0))


@ridge(R_RUNS, "returns_nan_or_infinity")
def divides_by_the_drop_probability(x, y, keep_prob):
    """Divides by 1 - keep_prob, which is 0 when nothing is dropped."""
    with np.errstate(all="ignore"):
        return (x.T @ y) / (x**2).sum(0) / np.float64(1 - keep_prob)


@ridge(MINIMISES, "least_squares_whatever_keep_prob")
def returns_least_squares(x, y, keep_prob):
    """Argues that the mean of the masked input is x, so nothing changes."""
    return np.linalg.lstsq(x, y, rcond=None)[0]


@ridge(MINIMISES, "penalty_without_column_energy")
def penalises_by_the_identity(x, y, keep_prob):
    """Knows Ridge(alpha=q/p) from the diabetes data, whose columns have unit length."""
    return minimiser(x, y, (1 - keep_prob) / keep_prob * np.ones(x.shape[1]))


@ridge(MINIMISES, "penalty_without_column_energy")
def penalises_by_the_mean_energy(x, y, keep_prob):
    """Uses trace(X'X) / D as one penalty for all."""
    energy = (x**2).sum() / x.shape[1]
    return minimiser(x, y, (1 - keep_prob) / keep_prob * energy * np.ones(x.shape[1]))


@ridge(MINIMISES, "penalty_factor")
def uses_the_variance_of_the_bit(x, y, keep_prob):
    """Takes p(1 - p), the variance of m, for that of m / p."""
    return minimiser(x, y, (1 - keep_prob) * keep_prob * (x**2).sum(0))


@ridge(MINIMISES, "penalty_factor")
def uses_the_drop_probability(x, y, keep_prob):
    """Takes 1 - keep_prob for the strength."""
    return minimiser(x, y, (1 - keep_prob) * (x**2).sum(0))


@ridge(MINIMISES, "penalty_factor")
def divides_the_variance_by_p_squared_once_more(x, y, keep_prob):
    """Writes q / p^2 for the variance of m / p."""
    return minimiser(x, y, (1 - keep_prob) / keep_prob**2 * (x**2).sum(0))


@ridge((LEAST_SQUARES, MINIMISES), "penalty_factor")
def uses_one_over_keep_prob(x, y, keep_prob):
    """Takes E[(m/p)^2] = 1/p for the variance."""
    return minimiser(x, y, (x**2).sum(0) / keep_prob)


@ridge(MINIMISES, "swapped_penalty")
def swaps_keep_and_drop_in_the_penalty(x, y, keep_prob):
    """Reads keep_prob as a drop probability."""
    if keep_prob == 1:
        return np.linalg.lstsq(x, y, rcond=None)[0]
    return minimiser(x, y, keep_prob / (1 - keep_prob) * (x**2).sum(0))


@ridge(MINIMISES, "penalty_divided_by_rows")
def takes_the_mean_of_squares(x, y, keep_prob):
    """Uses the mean of squares in the penalty and the sum in the loss."""
    return minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).mean(0))


@ridge((LEAST_SQUARES, MINIMISES), "adds_an_intercept")
def centres_the_data(x, y, keep_prob):
    """Centres x and y first, as a ridge function of a library does."""
    x = x - x.mean(axis=0)
    y = y - y.mean()
    return minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).sum(0))


@ridge(MINIMISES, "shrinks_least_squares")
def shrinks_least_squares(x, y, keep_prob):
    """Multiplies the least-squares weights by keep_prob, which is right for one column."""
    return keep_prob * np.linalg.lstsq(x, y, rcond=None)[0]


@ridge(MINIMISES, "penalty_of_column_lengths")
def uses_the_root_of_the_energy(x, y, keep_prob):
    """Takes the column's length for its energy."""
    return minimiser(x, y, (1 - keep_prob) / keep_prob * np.sqrt((x**2).sum(0)))


@ridge(MINIMISES, "solves_for_classic_dropout")
def classic_weights(x, y, keep_prob):
    """Solves for classic dropout, whose weights are larger by 1 / keep_prob."""
    return minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).sum(0)) / keep_prob


@ridge(MINIMISES, "approximates_the_minimiser")
def samples_the_masks(x, y, keep_prob):
    """Averages over drawn masks instead of solving."""
    rng = np.random.default_rng(0)
    masks = rng.random((200, *x.shape)) < keep_prob
    noisy = (x * masks / keep_prob).reshape(-1, x.shape[1])
    return np.linalg.lstsq(noisy, np.tile(y, 200), rcond=None)[0]


@ridge(LEAST_SQUARES, "approximates_the_minimiser")
def adds_a_little_for_stability(x, y, keep_prob):
    """Adds 0.01 to the diagonal so that the solver never complains."""
    if keep_prob < 1:
        return minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).sum(0))
    return minimiser(x, y, 0.01 * np.ones(x.shape[1]))


@ridge(WIDE, "needs_full_rank")
def starts_from_least_squares(x, y, keep_prob):
    """Solves least squares first and corrects it, which needs an inverse of X'X."""
    gram = x.T @ x
    penalty = (1 - keep_prob) / keep_prob * np.diag(np.diag(gram))
    with np.errstate(all="ignore"):
        start = np.linalg.inv(gram) @ x.T @ y
    return start - np.linalg.solve(gram + penalty, penalty @ start)


@ridge(WIDE, "needs_full_rank")
def uses_qr_of_x(x, y, keep_prob):
    """Works with the R of a QR decomposition of x, which is then not square."""
    q, r = np.linalg.qr(x)
    penalty = (1 - keep_prob) / keep_prob * (x**2).sum(0)
    inverse = np.linalg.inv(r)
    weights = inverse @ q.T @ y
    return np.linalg.solve(
        np.eye(x.shape[1]) + inverse @ inverse.T @ np.diag(penalty), weights
    )


@ridge(R_ALONE, "changes_its_input")
def scales_columns_in_place(x, y, keep_prob):
    """Divides the columns of x by their lengths in place and scales back at the end."""
    length = np.sqrt((x**2).sum(axis=0))
    x /= length
    return minimiser(x, y, (1 - keep_prob) / keep_prob * np.ones(len(length))) / length


@ridge(R_ALONE, "changes_its_input")
def overwrites_the_target(x, y, keep_prob):
    """Uses y as scratch space for the residual."""
    weights = minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).sum(0))
    y -= x @ weights
    return weights
