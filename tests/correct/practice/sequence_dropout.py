"""Correct answers to ``sequence_dropout`` in other styles."""

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="sequence_dropout"):
    def sequence_by_broadcast_where(x, keep_prob, rng, training=True):
        if not training:
            return np.array(x), ()
        keep = rng.random(x.shape[1:]) <= keep_prob
        return np.where(keep, x / keep_prob, 0), keep

    def sequence_by_a_loop_over_steps(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        mask = rng.binomial(1, keep_prob, size=x.shape[1:])
        return np.stack([step * mask / keep_prob for step in x]), mask

    def sequence_by_index(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        out = x / keep_prob
        out[:, rng.random(x.shape[1:]) >= keep_prob] = 0
        return out, out

    def sequence_by_einsum(x, keep_prob, rng, training=True):
        _, n, d = x.shape
        mask = rng.binomial(1, keep_prob if training else 1.0, size=(d, n))
        return np.einsum("tnd,dn->tnd", x, mask / (keep_prob if training else 1)), mask

    def sequence_by_tile(x, keep_prob, rng, training=True):
        t, n, d = x.shape
        mask = np.tile(rng.random(n * d) < keep_prob, t).reshape(x.shape)
        return (x * mask / keep_prob if training else x), mask

    def sequence_in_float32(x, keep_prob, rng, training=True):
        x = x.astype(np.float32)
        if not training:
            return x, None
        mask = rng.random(x.shape[1:], dtype=np.float32) < keep_prob
        return x * (mask / np.float32(keep_prob)).astype(np.float32), mask

    def sequence_by_loops(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        out = np.zeros_like(x)
        for n in range(x.shape[1]):
            for d in range(x.shape[2]):
                if rng.random() < keep_prob:
                    out[:, n, d] = x[:, n, d] / keep_prob
        return out, None
