"""Differently written correct answers of the chapter on the backward pass."""

import copy

import numpy as np
from scipy.special import log_softmax, softmax

from tests.bank import correct

# ---- Pairs of forward and backward, by what they keep in the cache ------------------


def forward_with_tuple(x, keep_prob, rng, training=True):
    if not training:
        return x, (None, keep_prob)
    mask = rng.uniform(size=x.shape) < keep_prob
    return np.where(mask, x / keep_prob, 0.0), (mask, keep_prob)


@correct("inverted_dropout_backward", inverted_dropout=forward_with_tuple)
def boolean_mask_in_a_tuple(dout, cache):
    mask, keep_prob = cache
    if mask is None:
        return dout
    return np.where(mask, dout / keep_prob, 0.0)


def forward_with_dict(x, keep_prob, rng, training=True):
    cache = {"training": training, "keep_prob": keep_prob}
    if training:
        cache["mask"] = rng.binomial(1, keep_prob, size=x.shape)
        x = x * cache["mask"] / keep_prob
    return x, cache


@correct("inverted_dropout_backward", inverted_dropout=forward_with_dict)
def integer_mask_in_a_dict(dout, cache):
    if cache["training"]:
        return dout * cache["mask"] / cache["keep_prob"]
    return dout.copy()


def forward_with_none_at_test(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    mask = (rng.random(x.shape) <= keep_prob) / keep_prob
    return x * mask, mask


@correct("inverted_dropout_backward", inverted_dropout=forward_with_none_at_test)
def scaled_mask_or_none(dout, cache):
    return dout if cache is None else dout * cache


def forward_with_bytes(x, keep_prob, rng, training=True):
    mask = np.ones(x.shape, np.uint8)
    if training:
        mask[rng.random(x.shape) > keep_prob] = 0
        return x * (mask / keep_prob), (mask, keep_prob)
    return x + 0.0, (mask, 1.0)


@correct("inverted_dropout_backward", inverted_dropout=forward_with_bytes)
def uint8_mask(dout, cache):
    mask, keep_prob = cache
    dx = np.zeros_like(dout)
    dx[mask == 1] = dout[mask == 1] / keep_prob
    return dx


def forward_with_packed_bits(x, keep_prob, rng, training=True):
    if not training:
        return x, (None, keep_prob)
    mask = rng.random(x.shape, dtype=np.float32) < keep_prob
    return x * mask / keep_prob, (np.packbits(mask), keep_prob)


@correct("inverted_dropout_backward", inverted_dropout=forward_with_packed_bits)
def packed_bits(dout, cache):
    bits, keep_prob = cache
    if bits is None:
        return 1.0 * dout
    mask = np.unpackbits(bits, count=dout.size).reshape(dout.shape)
    return dout * mask / keep_prob


def forward_with_generator(x, keep_prob, rng, training=True):
    before = copy.deepcopy(rng)
    if not training:
        return x, (None, keep_prob)
    return x * (rng.random(x.shape) < keep_prob) / keep_prob, (before, keep_prob)


@correct("inverted_dropout_backward", inverted_dropout=forward_with_generator)
def mask_drawn_again_from_a_saved_generator(dout, cache):
    before, keep_prob = cache
    if before is None:
        return dout
    return dout * (copy.deepcopy(before).random(dout.shape) < keep_prob) / keep_prob


def forward_with_seed(x, keep_prob, rng, training=True):
    seed = int(rng.integers(2**63))
    if not training:
        return x, (seed, 1.0)
    mask = np.random.default_rng(seed).random(x.shape) < keep_prob
    return x * mask / keep_prob, (seed, keep_prob)


@correct("inverted_dropout_backward", inverted_dropout=forward_with_seed)
def mask_drawn_again_from_a_seed(dout, cache):
    seed, keep_prob = cache
    mask = np.random.default_rng(seed).random(dout.shape) < keep_prob
    return dout * mask / keep_prob


def forward_with_closure(x, keep_prob, rng, training=True):
    if not training:
        return x, lambda dout: dout
    multiplier = rng.choice([1, 0], x.shape, p=[keep_prob, 1 - keep_prob]) / keep_prob
    return multiplier * x, lambda dout: multiplier * dout


@correct("inverted_dropout_backward", inverted_dropout=forward_with_closure)
def closure_as_cache(dout, cache):
    return cache(dout)


last_multiplier = None


def forward_with_global(x, keep_prob, rng, training=True):
    global last_multiplier
    last_multiplier = np.ones(x.shape)
    if training:
        last_multiplier = (rng.random(x.shape) < keep_prob) / keep_prob
    return x * last_multiplier, None


@correct("inverted_dropout_backward", inverted_dropout=forward_with_global)
def mask_in_a_global_variable(dout, cache):
    return dout * last_multiplier


class Layer:
    """A layer that is its own cache."""

    def __init__(self, keep_prob, training):
        self.keep_prob, self.training = keep_prob, training

    def forward(self, x, rng):
        if not self.training:
            return x
        self.dropped = rng.random(x.shape) >= self.keep_prob
        out = x / self.keep_prob
        out[self.dropped] = 0
        return out

    def backward(self, dout):
        if not self.training:
            return dout
        dx = dout / self.keep_prob
        dx[self.dropped] = 0
        return dx


def forward_with_layer(x, keep_prob, rng, training=True):
    layer = Layer(keep_prob, training)
    return layer.forward(x, rng), layer


@correct("inverted_dropout_backward", inverted_dropout=forward_with_layer)
def layer_object_as_cache(dout, cache):
    return cache.backward(dout)


def forward_with_indices(x, keep_prob, rng, training=True):
    if not training:
        return x, (np.arange(x.size), 1.0)
    kept = [i for i in range(x.size) if rng.random() < keep_prob]
    out = np.zeros(x.size)
    out[kept] = x.reshape(-1)[kept] / keep_prob
    return out.reshape(x.shape), (kept, keep_prob)


@correct("inverted_dropout_backward", inverted_dropout=forward_with_indices)
def indices_of_kept_units(dout, cache):
    kept, keep_prob = cache
    dx = np.zeros(dout.size)
    dx[kept] = dout.reshape(-1)[kept] / keep_prob
    return dx.reshape(dout.shape)


def forward_in_float32(x, keep_prob, rng, training=True):
    if not training:
        return x.astype(np.float32), np.float32(1)
    mask = (rng.random(x.shape) < keep_prob).astype(np.float32) / np.float32(keep_prob)
    return x.astype(np.float32) * mask, mask


@correct("inverted_dropout_backward", inverted_dropout=forward_in_float32)
def single_precision(dout, cache):
    return dout.astype(np.float32) * cache


def forward_from_global_source(x, keep_prob, rng, training=True):
    if not training:
        return x, (None, keep_prob)
    mask = np.random.rand(*x.shape) < keep_prob
    return x * mask / keep_prob, (mask, keep_prob)


@correct("inverted_dropout_backward", inverted_dropout=forward_from_global_source)
def another_random_source_in_the_forward(dout, cache):
    mask, keep_prob = cache
    return dout if mask is None else dout * mask / keep_prob


def classic_with_tuple(x, keep_prob, rng, training=True):
    if not training:
        return x * keep_prob, (None, keep_prob)
    mask = rng.random(x.shape) < keep_prob
    return x * mask, (mask, keep_prob)


@correct("classic_dropout_backward", classic_dropout=classic_with_tuple)
def classic_boolean_mask(dout, cache):
    mask, keep_prob = cache
    return dout * (keep_prob if mask is None else mask)


def classic_with_mode(x, keep_prob, rng, training=True):
    if training:
        mask = rng.binomial(1, keep_prob, x.shape)
        return x * mask, ("train", mask)
    return keep_prob * x, ("test", keep_prob)


@correct("classic_dropout_backward", classic_dropout=classic_with_mode)
def classic_mode_as_text(dout, cache):
    mode, value = cache
    if mode == "test":
        return value * dout
    dx = dout.copy()
    dx[value == 0] = 0
    return dx


def classic_with_closure(x, keep_prob, rng, training=True):
    if not training:
        return x * keep_prob, lambda dout: dout * keep_prob
    dropped = rng.uniform(size=x.shape) > keep_prob
    return np.where(dropped, 0, x), lambda dout: np.where(dropped, 0, dout)


@correct("classic_dropout_backward", classic_dropout=classic_with_closure)
def classic_closure(dout, cache):
    return cache(dout)


def classic_with_packed_bits(x, keep_prob, rng, training=True):
    if not training:
        return x * keep_prob, keep_prob
    mask = rng.random(x.shape) < keep_prob
    return x * mask, np.packbits(mask)


@correct("classic_dropout_backward", classic_dropout=classic_with_packed_bits)
def classic_packed_bits(dout, cache):
    if isinstance(cache, float):
        return dout * cache
    return dout * np.unpackbits(cache, count=dout.size).reshape(dout.shape)


@correct("classic_dropout_backward")
def classic_with_the_solutions_forward(dout, cache):
    return np.multiply(cache, dout, dtype=np.float64)


# ---- The network --------------------------------------------------------------------


@correct("dropout_mlp_gradients")
def gate_read_off_the_dropped_activation(params, x, y, keep_prob, rng):
    a = np.maximum(0, x.dot(params["W1"]) + params["b1"])
    mask = rng.binomial(1, keep_prob, a.shape)
    h = a * mask / keep_prob
    s = h.dot(params["W2"]) + params["b2"]
    probs = softmax(s, axis=1)
    onehot = np.eye(s.shape[1])[y]
    loss = -np.sum(onehot * log_softmax(s, axis=1)) / x.shape[0]
    ds = (probs - onehot) / x.shape[0]
    dh = ds.dot(params["W2"].T) / keep_prob
    dh[h <= 0] = 0
    return loss, {
        "b2": np.sum(ds, axis=0),
        "W2": h.T.dot(ds),
        "b1": np.sum(dh, axis=0),
        "W1": x.T.dot(dh),
    }


@correct("dropout_mlp_gradients")
def dropout_before_the_relu(params, x, y, keep_prob, rng):
    z = x @ params["W1"] + params["b1"]
    mask = (rng.random(z.shape) < keep_prob) / keep_prob
    z = z * mask
    h = z * (z > 0)
    s = h @ params["W2"] + params["b2"]
    s -= s.max(1)[:, None]
    log_probs = s - np.log(np.exp(s).sum(1))[:, None]
    ds = (np.exp(log_probs) - (np.arange(s.shape[1]) == y[:, None])) / len(x)
    dz = (ds @ params["W2"].T) * (z > 0) * mask
    grads = {"W1": x.T @ dz, "b1": dz.sum(0), "W2": h.T @ ds, "b2": ds.sum(0)}
    return float(-log_probs[range(len(y)), y].mean()), grads


@correct("dropout_mlp_gradients")
def row_by_row(params, x, y, keep_prob, rng):
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    loss = 0.0
    for row, label in zip(x, y, strict=True):
        z = row @ params["W1"] + params["b1"]
        mask = rng.random(len(z)) < keep_prob
        h = np.where(mask & (z > 0), z, 0) / keep_prob
        log_probs = log_softmax(h @ params["W2"] + params["b2"])
        ds = np.exp(log_probs)
        ds[label] -= 1
        dz = np.where(mask & (z > 0), params["W2"] @ ds / keep_prob, 0)
        loss -= log_probs[label] / len(x)
        grads["W1"] += np.outer(row, dz) / len(x)
        grads["b1"] += dz / len(x)
        grads["W2"] += np.outer(h, ds) / len(x)
        grads["b2"] += ds / len(x)
    return loss, grads


@correct("dropout_mlp_gradients")
def transposed_draw_and_gradients_beside_others(params, x, y, keep_prob, rng):
    W1, b1, W2, b2 = params["W1"], params["b1"], params["W2"], params["b2"]
    n, hidden = len(x), len(b1)
    mask = (keep_prob >= rng.uniform(size=(hidden, n)).T).astype(np.float64)
    cache = {"a0": x, "z1": np.einsum("nd,dh->nh", x, W1) + b1}
    cache["a1"] = np.maximum(cache["z1"], 0) * mask
    cache["a1"] /= keep_prob
    s = np.einsum("nh,hc->nc", cache["a1"], W2) + b2
    top = s.max(axis=1)
    norm = top + np.log(np.exp(s - top[:, None]).sum(axis=1))
    loss = np.mean(norm - np.take_along_axis(s, y[:, None], 1)[:, 0])
    ds = np.exp(s - norm[:, None])
    np.subtract.at(ds, (np.arange(n), y), 1)
    ds *= 1 / n
    da = np.einsum("nc,hc->nh", ds, W2) * mask
    da /= keep_prob
    dz = np.where(cache["z1"] > 0, da, 0)
    return np.array(loss), {
        "W1": np.einsum("nd,nh->dh", x, dz),
        "b1": dz.sum(axis=0),
        "W2": np.einsum("nh,nc->hc", cache["a1"], ds),
        "b2": ds.sum(axis=0),
        "x": dz @ W1.T,
    }


@correct("dropout_mlp_gradients")
def layers_of_a_small_framework(params, x, y, keep_prob, rng):
    def affine(x, name):
        out = x @ params[f"W{name}"] + params[f"b{name}"]

        def backward(dout):
            grads[f"W{name}"] = x.T @ dout
            grads[f"b{name}"] = np.ones(len(x)) @ dout
            return dout @ params[f"W{name}"].T

        return out, backward

    def times(x, factor):
        return x * factor, lambda dout: dout * factor

    grads, tape = {}, []
    out, backward = affine(x, 1)
    tape.append(backward)
    out, backward = times(out, out > 0)
    tape.append(backward)
    out, backward = times(out, (rng.random(out.shape) < keep_prob) / keep_prob)
    tape.append(backward)
    out, backward = affine(out, 2)
    tape.append(backward)
    loss = -log_softmax(out, axis=1)[np.arange(len(y)), y].mean()
    dout = softmax(out, axis=1)
    dout[np.arange(len(y)), y] -= 1
    dout /= len(y)
    for backward in reversed(tape):
        dout = backward(dout)
    return loss, grads


# ---- Ridge --------------------------------------------------------------------------


@correct("dropout_ridge")
def augmented_least_squares(x, y, keep_prob):
    penalty = np.sqrt((1 - keep_prob) / keep_prob) * np.sqrt((x**2).sum(axis=0))
    rows = np.vstack([x, np.diag(penalty)])
    target = np.concatenate([y, np.zeros(x.shape[1])])
    return np.linalg.lstsq(rows, target, rcond=None)[0]


@correct("dropout_ridge")
def scaled_normal_equations_and_inverse(x, y, keep_prob):
    gram = np.dot(x.T, x)
    off = gram - np.diag(np.diag(gram))
    return np.linalg.inv(keep_prob * off + np.diag(np.diag(gram))).dot(x.T) @ (
        keep_prob * y
    )


@correct("dropout_ridge")
def ridge_on_unit_columns(x, y, keep_prob):
    length = np.linalg.norm(x, axis=0)
    unit = x / length
    alpha = (1 - keep_prob) / keep_prob
    return (
        np.linalg.solve(unit.T @ unit + alpha * np.eye(len(length)), unit.T @ y)
        / length
    )


@correct("dropout_ridge")
def second_moment_of_the_masked_input(x, y, keep_prob):
    second = np.zeros((x.shape[1], x.shape[1]))
    for row in x:
        second += np.outer(row, row) + np.diag(row**2) * (1 / keep_prob - 1)
    return np.linalg.pinv(second) @ (y @ x)
