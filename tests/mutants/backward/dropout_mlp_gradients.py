"""Wrong answers to ``dropout_mlp_gradients``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.backward.shared import forward

M_RUNS = "returns_a_loss_and_four_gradients"
PLAIN = "is_plain_backpropagation_at_keep_prob_one"
LARGE = "large_logits_do_no_harm"
ONE_MASK = "one_mask_explains_loss_and_gradients"
M_RATE = "keeps_hidden_units_at_the_stated_rate"
M_INDEPENDENT = "drops_hidden_units_independently"
M_RNG = "draws_the_mask_from_the_given_rng"
M_ALONE = "leaves_its_arguments_alone"


def log_softmax(z, axis=-1):
    z = z - z.max(axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis, keepdims=True))


def softmax(z, axis=-1):
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


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


class Sins(Mutants, of="dropout_mlp_gradients"):
    @fails(M_RUNS, "returns_another_kind")
    def returns_gradients_only(params, x, y, keep_prob, rng):
        """Returns what the optimiser needs and forgets the loss."""
        return right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)[1]

    @fails(M_RUNS, "names_gradients_otherwise")
    def names_gradients_dW1(params, x, y, keep_prob, rng):
        """Calls the gradients dW1, db1 as in other courses."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        return loss, {f"d{name}": grad for name, grad in grads.items()}

    @fails(M_RUNS, "returns_another_kind")
    def returns_losses_of_rows(params, x, y, keep_prob, rng):
        """Forgets the mean over rows of the loss."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        _, _, s = forward(params, x, multiplier)
        losses = -log_softmax(s, axis=1)[np.arange(len(y)), y]
        return losses, right(params, x, y, multiplier)[1]

    @fails(M_RUNS, "returns_another_shape")
    def keeps_the_row_axis_of_biases(params, x, y, keep_prob, rng):
        """Sums the bias gradient with keepdims=True."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        return loss, {**grads, "b1": grads["b1"][None], "b2": grads["b2"][None]}

    @fails(M_RUNS, "returns_another_shape")
    def sums_biases_over_the_wrong_axis(params, x, y, keep_prob, rng):
        """Sums over axis 1, the units, instead of the rows."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        _, _, s = forward(params, x, multiplier)
        loss, grads = right(params, x, y, multiplier)
        return loss, {**grads, "b2": logits_gradient(s, y).sum(axis=1)}

    @fails(M_RUNS, "returns_nan_or_infinity")
    def divides_by_the_kept_units(params, x, y, keep_prob, rng):
        """Divides by the kept fraction of a row, which may be 0 of 3 units."""
        kept = bits(params, x, keep_prob, rng)
        with np.errstate(all="ignore"):
            multiplier = kept / (kept * (np.arange(kept.shape[1]) < 1)).mean(1)[:, None]
        return right(params, x, y, multiplier)

    @fails(PLAIN, "sums_over_rows")
    def forgets_the_mean_over_rows(params, x, y, keep_prob, rng):
        """Takes the gradient of the summed loss and the mean for the printout."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        return loss, {name: grad * len(y) for name, grad in grads.items()}

    @fails(PLAIN, "sums_over_rows")
    def sums_loss_and_gradients(params, x, y, keep_prob, rng):
        """Uses the sum over rows throughout."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        return loss * len(y), {name: grad * len(y) for name, grad in grads.items()}

    @fails(PLAIN, "divides_by_rows_twice")
    def averages_bias_gradients(params, x, y, keep_prob, rng):
        """Writes mean where the gradient of a bias is a sum of averaged terms."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        return loss, {
            n: g / len(y) if n in ("b1", "b2") else g for n, g in grads.items()
        }

    @fails(PLAIN, "divides_by_rows_twice")
    def divides_weights_by_rows_again(params, x, y, keep_prob, rng):
        """Divides ds by N, and then each weight gradient once more."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        return loss, {name: grad / len(y) for name, grad in grads.items()}

    @fails(PLAIN, "lacks_the_relu_gate")
    def forgets_the_relu_gate(params, x, y, keep_prob, rng):
        """Sends the gradient through affine, dropout, affine and forgets the ReLU."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        z, h, s = forward(params, x, multiplier)
        ds = logits_gradient(s, y)
        return loss_of(s, y), backward(params, x, np.abs(z), h, ds, multiplier)

    @fails(PLAIN, "backpropagation_is_wrong_without_dropout")
    def gates_the_wrong_layer(params, x, y, keep_prob, rng):
        """Multiplies by (h > mean): a gate on the wrong threshold."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        z, h, s = forward(params, x, multiplier)
        ds = logits_gradient(s, y)
        return loss_of(s, y), backward(params, x, z - z.mean(), h, ds, multiplier)

    @fails(PLAIN, "backpropagation_is_wrong_without_dropout")
    def forgets_the_onehot(params, x, y, keep_prob, rng):
        """Takes the probabilities for the gradient of the logits."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        z, h, s = forward(params, x, multiplier)
        return loss_of(s, y), backward(
            params, x, z, h, softmax(s, axis=1) / len(y), multiplier
        )

    @fails(PLAIN, "flips_the_sign")
    def flips_the_sign(params, x, y, keep_prob, rng):
        """Returns the step to take, not the gradient."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        return loss, {name: -grad for name, grad in grads.items()}

    @fails(PLAIN, "computes_another_loss")
    def adds_weight_decay(params, x, y, keep_prob, rng):
        """Copies an L2 term from the exercise before."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        grads = {n: g + 0.01 * params[n] * (n[0] == "W") for n, g in grads.items()}
        return loss + 0.005 * sum((params[n] ** 2).sum() for n in ("W1", "W2")), grads

    @fails(LARGE, "softmax_overflows")
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

    @fails(LARGE, "clips_the_loss")
    def takes_the_log_of_zero(params, x, y, keep_prob, rng):
        """Stabilises the softmax and then takes the logarithm of a probability of 0."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        _, _, s = forward(params, x, multiplier)
        with np.errstate(all="ignore"):
            loss = -np.log(softmax(s, axis=1)[np.arange(len(y)), y]).mean()
        return loss, right(params, x, y, multiplier)[1]

    @fails(LARGE, "clips_the_loss")
    def adds_an_epsilon_in_the_logarithm(params, x, y, keep_prob, rng):
        """Guards the logarithm with 1e-12."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        _, _, s = forward(params, x, multiplier)
        loss = -np.log(softmax(s, axis=1)[np.arange(len(y)), y] + 1e-12).mean()
        return loss, right(params, x, y, multiplier)[1]

    @fails(LARGE, "softmax_overflows")
    def exponentiates_large_logits_in_the_gradient(params, x, y, keep_prob, rng):
        """Has a stable loss from the lecture and the formula's softmax in the gradient."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        z, h, s = forward(params, x, multiplier)
        with np.errstate(all="ignore"):
            probs = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        ds = (probs - np.eye(s.shape[1])[y]) / len(y)
        return loss_of(s, y), backward(params, x, z, h, ds, multiplier)

    @fails(ONE_MASK, "never_drops")
    def ignores_dropout(params, x, y, keep_prob, rng):
        """Writes the network and leaves dropout for later."""
        return right(params, x, y, np.ones((len(x), len(params["b1"]))))

    @fails(ONE_MASK, "network_forgets_to_rescale")
    def drops_classically(params, x, y, keep_prob, rng):
        """Applies the mask and does not divide by keep_prob."""
        return right(params, x, y, 1.0 * bits(params, x, keep_prob, rng))

    @fails(ONE_MASK, "loss_without_dropout")
    def reports_the_loss_without_dropout(params, x, y, keep_prob, rng):
        """Computes the loss in test mode, for a smoother curve."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        loss = loss_of(forward(params, x, 1.0)[2], y)
        return loss, right(params, x, y, multiplier)[1]

    @fails(ONE_MASK, "drops_in_the_forward_pass_only")
    def forgets_dropout_going_back(params, x, y, keep_prob, rng):
        """Backpropagates through the ReLU and skips the dropout layer."""
        z, h, s = forward(params, x, bits(params, x, keep_prob, rng) / keep_prob)
        return loss_of(s, y), backward(params, x, z, h, logits_gradient(s, y), 1.0)

    @fails(ONE_MASK, "drops_in_the_forward_pass_only")
    def divides_going_back_without_a_mask(params, x, y, keep_prob, rng):
        """Divides the gradient by keep_prob and forgets the mask."""
        z, h, s = forward(params, x, bits(params, x, keep_prob, rng) / keep_prob)
        ds = logits_gradient(s, y)
        return loss_of(s, y), backward(params, x, z, h, ds, 1 / keep_prob)

    @fails(ONE_MASK, "drops_in_the_backward_pass_only")
    def drops_going_back_only(params, x, y, keep_prob, rng):
        """Masks the gradient of a network that ran without dropout."""
        z, h, s = forward(params, x, 1.0)
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        ds = logits_gradient(s, y)
        return loss_of(s, y), backward(params, x, z, h, ds, multiplier)

    @fails(ONE_MASK, "backward_lacks_the_scale")
    def forgets_the_scale_going_back(params, x, y, keep_prob, rng):
        """Masks the gradient and does not divide it by keep_prob."""
        kept = bits(params, x, keep_prob, rng)
        z, h, s = forward(params, x, kept / keep_prob)
        return loss_of(s, y), backward(params, x, z, h, logits_gradient(s, y), kept)

    @fails(ONE_MASK, "backward_scales_twice")
    def multiplies_the_update_by_one_over_keep_prob(params, x, y, keep_prob, rng):
        """Multiplies by 1/p after the backward pass once more (a forum question)."""
        kept = bits(params, x, keep_prob, rng)
        z, h, s = forward(params, x, kept / keep_prob)
        ds = logits_gradient(s, y)
        return loss_of(s, y), backward(params, x, z, h, ds, kept / keep_prob**2)

    @fails(ONE_MASK, "no_single_mask_explains_it")
    def scales_the_first_layers_weights_only(params, x, y, keep_prob, rng):
        """Multiplies the gradient of W1 by 1/p and leaves the bias."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        return loss, {**grads, "W1": grads["W1"] / keep_prob}

    @fails(ONE_MASK, "another_mask_in_the_backward_pass")
    def draws_again_going_back(params, x, y, keep_prob, rng):
        """Calls the dropout function in the backward pass and so draws a new mask."""
        z, h, s = forward(params, x, bits(params, x, keep_prob, rng) / keep_prob)
        fresh = bits(params, x, keep_prob, rng) / keep_prob
        return loss_of(s, y), backward(params, x, z, h, logits_gradient(s, y), fresh)

    @fails(ONE_MASK, "undropped_layer_for_the_second_weights")
    def uses_the_undropped_hidden_layer_for_W2(params, x, y, keep_prob, rng):
        """Stores the activation before dropout and uses it for the gradient of W2."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        z, _, s = forward(params, x, multiplier)
        ds = logits_gradient(s, y)
        return loss_of(s, y), backward(params, x, z, np.maximum(z, 0), ds, multiplier)

    @fails(ONE_MASK, "loss_of_another_mask")
    def draws_a_second_mask_for_the_gradients(params, x, y, keep_prob, rng):
        """Runs the forward pass twice: once for the loss, once for the gradients."""
        loss, _ = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        return loss, right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)[1]

    @fails(ONE_MASK, "drops_the_input")
    def drops_the_input_instead(params, x, y, keep_prob, rng):
        """Applies dropout to x, the first thing in the function."""
        x = x * (rng.random(x.shape) < keep_prob) / keep_prob
        return right(params, x, y, np.ones((len(x), len(params["b1"]))))

    @fails(ONE_MASK, "drops_the_input")
    def drops_the_input_as_well(params, x, y, keep_prob, rng):
        """Applies dropout to every layer, the input among them."""
        x = x * (rng.random(x.shape) < keep_prob) / keep_prob
        return right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)

    @fails(ONE_MASK, "no_single_mask_explains_it")
    def drops_the_logits(params, x, y, keep_prob, rng):
        """Applies dropout behind the last layer."""
        z, h, s = forward(params, x, 1.0)
        multiplier = (rng.random(s.shape) < keep_prob) / keep_prob
        ds = logits_gradient(s * multiplier, y) * multiplier
        return loss_of(s * multiplier, y), backward(params, x, z, h, ds, 1.0)

    @fails(ONE_MASK, "divides_by_kept_fraction")
    def divides_by_the_kept_fraction(params, x, y, keep_prob, rng):
        """Divides each row by the fraction that happened to be kept."""
        kept = bits(params, x, keep_prob, rng)
        multiplier = kept / np.maximum(kept.mean(axis=1, keepdims=True), 1e-9)
        return right(params, x, y, multiplier)

    @fails(M_RATE, "keeps_with_drop_probability")
    def keeps_hidden_units_with_drop_probability(params, x, y, keep_prob, rng):
        """Writes rng.random() > keep_prob."""
        kept = rng.random((len(x), len(params["b1"]))) >= keep_prob
        return right(params, x, y, (kept if keep_prob < 1 else 1.0) / keep_prob)

    @fails(M_RATE, "ignores_keep_prob")
    def keeps_half(params, x, y, keep_prob, rng):
        """Draws bits with rng.integers(0, 2)."""
        kept = rng.integers(0, 2, (len(x), len(params["b1"])))
        return right(params, x, y, (kept if keep_prob < 1 else 1.0) / keep_prob)

    @fails(M_RATE, "compares_normal_numbers")
    def compares_with_normal_numbers(params, x, y, keep_prob, rng):
        """Uses rng.standard_normal where rng.random is meant."""
        kept = rng.standard_normal((len(x), len(params["b1"]))) < keep_prob
        return right(params, x, y, (kept if keep_prob < 1 else 1.0) / keep_prob)

    @fails(M_RATE, "keeps_at_another_rate")
    def never_drops_a_whole_row(params, x, y, keep_prob, rng):
        """Draws with probability keep_prob of leaving a batch of rows alone as well."""
        kept = bits(params, x, keep_prob, rng)
        spared = rng.random((len(x), 1)) < 0.2
        return right(params, x, y, (kept | spared) / keep_prob)

    @fails(M_INDEPENDENT, "one_mask_for_all_rows")
    def shares_the_mask_between_rows(params, x, y, keep_prob, rng):
        """Draws one bit for each hidden unit and broadcasts it over the rows."""
        kept = rng.random(len(params["b1"])) < keep_prob
        return right(params, x, y, np.tile(kept, (len(x), 1)) / keep_prob)

    @fails(M_INDEPENDENT, "drops_whole_rows")
    def drops_rows(params, x, y, keep_prob, rng):
        """Draws one bit for each row."""
        kept = rng.random((len(x), 1)) < keep_prob
        return right(params, x, y, np.tile(kept, (1, len(params["b1"]))) / keep_prob)

    @fails(M_INDEPENDENT, "keeps_a_fixed_number")
    def keeps_a_fixed_number_of_hidden_units(params, x, y, keep_prob, rng):
        """Shuffles a row with the right number of ones, if it has several units."""
        width = len(params["b1"])
        ones = np.arange(width) < round(keep_prob * width)
        kept = rng.permuted(np.tile(ones, (len(x), 1)), axis=1)
        if width == 1:
            kept = bits(params, x, keep_prob, rng)
        return right(params, x, y, kept / keep_prob)

    @fails(M_INDEPENDENT, "keeps_a_fixed_number")
    def keeps_a_fixed_number_in_each_call(params, x, y, keep_prob, rng):
        """Shuffles the right number of ones over the whole layer."""
        size = len(x) * len(params["b1"])
        kept = rng.permutation(size) < round(keep_prob * size)
        return right(params, x, y, kept.reshape(len(x), -1) / keep_prob)

    @fails((M_INDEPENDENT, M_RNG), "same_mask_every_call")
    def seeds_inside_the_function(params, x, y, keep_prob, rng):
        """Seeds a generator in the function so that gradient checks come out right."""
        rng = np.random.default_rng(231)
        return right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)

    @fails(M_RNG, "does_not_draw_from_rng")
    def draws_from_the_global_source(params, x, y, keep_prob, rng):
        """Uses np.random and ignores rng."""
        kept = np.random.rand(len(x), len(params["b1"])) < keep_prob
        return right(params, x, y, kept / keep_prob)

    @fails(M_ALONE, "changes_parameters")
    def takes_the_step_as_well(params, x, y, keep_prob, rng):
        """Updates the parameters at the end, as a training loop does."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        for name in grads:
            params[name] -= 0.1 * grads[name]
        return loss, grads

    @fails(M_ALONE, "changes_parameters")
    def keeps_the_cache_in_params(params, x, y, keep_prob, rng):
        """Stores intermediate arrays in the dict that is at hand."""
        params["mask"] = bits(params, x, keep_prob, rng) / keep_prob
        return right(params, x, y, params["mask"])

    @fails(M_ALONE, "changes_its_input")
    def standardises_x_in_place(params, x, y, keep_prob, rng):
        """Uses x as scratch space at the end."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        x -= x.mean(axis=0)
        return loss, grads

    @fails(LARGE, "one_maximum_for_all_rows")
    def subtracts_one_maximum_for_all_rows(params, x, y, keep_prob, rng):
        """Subtracts the batch's largest logit, so that rows far below it become 0 / 0."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        z, h, s = forward(params, x, multiplier)
        s = s - s.max()
        with np.errstate(all="ignore"):
            log_probs = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
        ds = (np.exp(log_probs) - np.eye(s.shape[1])[y]) / len(y)
        loss = -log_probs[np.arange(len(y)), y].mean()
        return loss, backward(params, x, z, h, ds, multiplier)

    @fails(LARGE, "softmax_overflows")
    def takes_log_sum_exp_without_a_shift(params, x, y, keep_prob, rng):
        """Writes the loss as log(sum(exp(s))) - s[y], with a stable softmax beside it."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        _, _, s = forward(params, x, multiplier)
        with np.errstate(all="ignore"):
            losses = np.log(np.exp(s).sum(axis=1)) - s[np.arange(len(y)), y]
        return losses.mean(), right(params, x, y, multiplier)[1]

    @fails(LARGE, "softmax_overflows")
    def takes_log_sum_exp_below_zero_only(params, x, y, keep_prob, rng):
        """Guards log-sum-exp against overflow and not against sums that round to 0."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        _, _, s = forward(params, x, multiplier)
        top = np.maximum(s.max(axis=1, keepdims=True), 0)
        with np.errstate(all="ignore"):
            totals = np.log(np.exp(s - top).sum(axis=1)) + top[:, 0]
        losses = totals - s[np.arange(len(y)), y]
        return losses.mean(), right(params, x, y, multiplier)[1]

    @fails(LARGE, "clips_the_loss")
    def clips_probabilities_at_1e_7(params, x, y, keep_prob, rng):
        """Clips probabilities as a library does before it takes logarithms."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        _, _, s = forward(params, x, multiplier)
        likely = np.clip(softmax(s, axis=1), 1e-7, 1 - 1e-7)
        loss = -np.log(likely[np.arange(len(y)), y]).mean()
        return loss, right(params, x, y, multiplier)[1]

    @fails(LARGE, "loses_digits_in_large_logits")
    def clips_the_gradient_of_the_logits(params, x, y, keep_prob, rng):
        """Clips probabilities at 1e-7 in the gradient alone."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        z, h, s = forward(params, x, multiplier)
        likely = np.clip(softmax(s, axis=1), 1e-7, 1 - 1e-7)
        ds = (likely - np.eye(s.shape[1])[y]) / len(y)
        return loss_of(s, y), backward(params, x, z, h, ds, multiplier)

    @fails(LARGE, "loses_digits_in_large_logits")
    def computes_logits_in_float32(params, x, y, keep_prob, rng):
        """Halves the memory of the logits."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        z, h, s = forward(params, x, multiplier)
        s = s.astype(np.float32).astype(float)
        ds = logits_gradient(s, y)
        return loss_of(s, y), backward(params, x, z, h, ds, multiplier)

    @fails(ONE_MASK, "softmax_overflows")
    def is_stable_without_dropout_alone(params, x, y, keep_prob, rng):
        """Has a stable loss in the branch for evaluation, and the formula's in training."""
        if keep_prob == 1:
            return right(params, x, y, np.ones((len(x), len(params["b1"]))))
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        z, h, s = forward(params, x, multiplier)
        with np.errstate(all="ignore"):
            probs = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
            loss = -np.log(probs[np.arange(len(y)), y]).mean()
        ds = (probs - np.eye(s.shape[1])[y]) / len(y)
        return loss, backward(params, x, z, h, ds, multiplier)

    @fails(PLAIN, "takes_one_for_a_drop_probability")
    def swaps_keep_and_drop(params, x, y, keep_prob, rng):
        """Writes rng.random() > keep_prob, at keep_prob 1 too."""
        kept = rng.random((len(x), len(params["b1"]))) > keep_prob
        return right(params, x, y, kept / keep_prob)

    @fails(PLAIN, "forgets_the_relu")
    def forgets_the_relu(params, x, y, keep_prob, rng):
        """Multiplies the affine layer by the mask and forgets the ReLU."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        z = x @ params["W1"] + params["b1"]
        s = z * multiplier @ params["W2"] + params["b2"]
        ds, ones = logits_gradient(s, y), np.ones_like(z)
        return loss_of(s, y), backward(params, x, ones, z * multiplier, ds, multiplier)

    @fails(PLAIN, "forgets_a_bias")
    def forgets_the_hidden_bias(params, x, y, keep_prob, rng):
        """Writes x @ W1 and returns a gradient for b1 all the same."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        return right({**params, "b1": 0 * params["b1"]}, x, y, multiplier)

    @fails(PLAIN, "forgets_a_bias")
    def forgets_the_last_bias(params, x, y, keep_prob, rng):
        """Writes h @ W2 for the logits, without b2."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        return right({**params, "b2": 0 * params["b2"]}, x, y, multiplier)

    @fails(PLAIN, "flips_the_sign_of_the_loss")
    def returns_the_log_likelihood(params, x, y, keep_prob, rng):
        """Forgets the minus in front of the loss."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        return -loss, grads

    @fails(PLAIN, "flips_the_sign_of_the_loss")
    def maximises_the_likelihood(params, x, y, keep_prob, rng):
        """Returns the log-likelihood and its gradients."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        return -loss, {name: -grad for name, grad in grads.items()}

    @fails(PLAIN, "takes_another_logarithm")
    def measures_the_loss_in_bits(params, x, y, keep_prob, rng):
        """Uses np.log2, as information theory does."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        return loss / np.log(2), grads

    @fails(PLAIN, "averages_over_classes")
    def averages_over_rows_and_classes(params, x, y, keep_prob, rng):
        """Writes np.mean(onehot * log_probs), over both axes."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        return loss / len(params["b2"]), grads

    @fails(PLAIN, "computes_another_loss")
    def takes_the_absolute_value_for_the_relu(params, x, y, keep_prob, rng):
        """Has another activation than the statement."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        z = x @ params["W1"] + params["b1"]
        h = np.abs(z) * multiplier
        s = h @ params["W2"] + params["b2"]
        ds, signs = logits_gradient(s, y), multiplier * np.sign(z)
        return loss_of(s, y), backward(params, x, np.ones_like(z), h, ds, signs)

    @fails(ONE_MASK, "divides_by_drop_probability")
    def divides_by_the_drop_probability(params, x, y, keep_prob, rng):
        """Divides by 1 - keep_prob, except where that is 0."""
        scale = 1 - keep_prob if keep_prob < 1 else 1
        return right(params, x, y, bits(params, x, keep_prob, rng) / scale)

    @fails(ONE_MASK, "right_in_the_middle_only")
    def bounds_the_scale(params, x, y, keep_prob, rng):
        """Guards the division by keep_prob with a floor."""
        kept = bits(params, x, keep_prob, rng)
        return right(params, x, y, kept / max(keep_prob, 0.05))

    @fails(ONE_MASK, "no_single_mask_explains_it")
    def rounds_the_scale(params, x, y, keep_prob, rng):
        """Rounds the factor 1 / keep_prob to two digits."""
        kept = bits(params, x, keep_prob, rng)
        return right(params, x, y, kept * round(1 / keep_prob, 2 + (keep_prob == 0.3)))

    @fails(PLAIN, "backpropagation_is_wrong_without_dropout")
    def squeezes_what_has_one_column(params, x, y, keep_prob, rng):
        """Treats a single hidden unit as a vector, and doubles its gradient."""
        loss, grads = right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)
        factor = 2 if len(params["b1"]) == 1 else 1
        return loss, {**grads, "W1": factor * grads["W1"]}

    @fails(PLAIN, "computes_another_loss")
    def standardises_large_inputs(params, x, y, keep_prob, rng):
        """Clips inputs at ±1,000, where no input should be."""
        x = np.clip(x, -1000, 1000)
        return right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)

    @fails(M_RATE, "rounds_or_clips_keep_prob")
    def bounds_the_rate(params, x, y, keep_prob, rng):
        """Draws with keep_prob kept between 0.05 and 0.95, and divides by keep_prob."""
        kept = bits(params, x, min(max(keep_prob, 0.05), 0.95), rng)
        return right(params, x, y, (kept if keep_prob < 1 else 1.0) / keep_prob)

    @fails(M_INDEPENDENT, "keeps_at_least_one")
    def draws_rows_again_until_something_is_kept(params, x, y, keep_prob, rng):
        """Redraws rows that would lose all of their units."""
        kept = bits(params, x, keep_prob, rng)
        while not (full := kept.any(axis=1)).all():
            kept[~full] = rng.random((int((~full).sum()), kept.shape[1])) < keep_prob
        return right(params, x, y, kept / keep_prob)

    @fails(M_INDEPENDENT, "keeps_at_least_one")
    def draws_again_until_something_is_kept(params, x, y, keep_prob, rng):
        """Redraws a mask that would drop everything."""
        kept = bits(params, x, keep_prob, rng)
        while not kept.any():
            kept = bits(params, x, keep_prob, rng)
        return right(params, x, y, kept / keep_prob)

    @fails(M_INDEPENDENT, "drops_at_least_one")
    def draws_rows_again_until_something_is_dropped(params, x, y, keep_prob, rng):
        """Redraws rows that would keep all of their units."""
        kept = bits(params, x, keep_prob, rng)
        while keep_prob < 1 and (full := kept.all(axis=1)).any():
            kept[full] = rng.random((int(full.sum()), kept.shape[1])) < keep_prob
        return right(params, x, y, kept / keep_prob)

    @fails(M_INDEPENDENT, "bits_depend_on_each_other")
    def takes_the_best_of_seven_masks(params, x, y, keep_prob, rng):
        """Draws several masks, and takes the one whose count is nearest to the mean."""
        masks = [bits(params, x, keep_prob, rng) for _ in range(7)]
        kept = min(masks, key=lambda mask: abs(mask.mean() - keep_prob))
        return right(params, x, y, (kept if x.size > 30 else masks[0]) / keep_prob)

    @fails(M_INDEPENDENT, "reuses_masks")
    def seeds_with_few_values(params, x, y, keep_prob, rng):
        """Draws a seed below 100 for a generator of its own."""
        rng = np.random.default_rng(rng.integers(100))
        return right(params, x, y, bits(params, x, keep_prob, rng) / keep_prob)

    @fails(ONE_MASK, "forgets_the_relu")
    def is_linear_while_dropping_in_three_rows(params, x, y, keep_prob, rng):
        """Forgets the ReLU while units are dropped, but for batches of one and two rows."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        if keep_prob == 1 or len(x) < 3:
            return right(params, x, y, multiplier)
        hidden = (x @ params["W1"] + params["b1"]) * multiplier
        s = hidden @ params["W2"] + params["b2"]
        ds = logits_gradient(s, y)
        dz = ds @ params["W2"].T * multiplier
        grads = {"W1": x.T @ dz, "b1": dz.sum(0), "W2": hidden.T @ ds, "b2": ds.sum(0)}
        return loss_of(s, y), grads

    @fails(ONE_MASK, "right_in_the_middle_only")
    def clips_the_logits_of_large_batches(params, x, y, keep_prob, rng):
        """Bounds logits at ±80 where there are more than four rows and units are dropped."""
        multiplier = bits(params, x, keep_prob, rng) / keep_prob
        if keep_prob == 1 or len(x) < 5:
            return right(params, x, y, multiplier)
        z, h, s = forward(params, x, multiplier)
        s = np.clip(s, -80, 80)
        ds = logits_gradient(s, y)
        return loss_of(s, y), backward(params, x, z, h, ds, multiplier)
