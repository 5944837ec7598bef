"""Correct answers to ``dropout_mlp_gradients`` in other styles."""

import numpy as np

from tests.bank import Styles


def log_softmax(z, axis=-1):
    z = z - z.max(axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis, keepdims=True))


def softmax(z, axis=-1):
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


class Answers(Styles, of="dropout_mlp_gradients"):
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
