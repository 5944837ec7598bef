"""Correct answers to ``spatial_dropout`` in other styles."""

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="spatial_dropout"):
    def spatial_by_broadcast_where(x, keep_prob, rng, training=True):
        if not training:
            return np.array(x), ()
        keep = rng.random(x.shape[:2]) <= keep_prob
        return np.where(keep[:, :, np.newaxis, np.newaxis], x / keep_prob, 0), keep

    def spatial_by_einsum(x, keep_prob, rng, training=True):
        n, c, _, _ = x.shape
        mask = rng.binomial(1, keep_prob if training else 1.0, size=(n, c))
        scale = 1 / keep_prob if training else 1.0
        return np.einsum("nchw,nc->nchw", x, mask * scale), mask

    def spatial_by_index(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        out = x / keep_prob
        out[rng.random(x.shape[:2]) >= keep_prob] = 0
        return out, out

    def spatial_by_loops(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        out = np.zeros_like(x)
        for n, sample in enumerate(x):
            for c, channel in enumerate(sample):
                if rng.random() < keep_prob:
                    out[n, c] = channel / keep_prob
        return out, None

    def spatial_by_repeat(x, keep_prob, rng, training=True):
        n, c, h, w = x.shape
        mask = rng.random(n * c) < keep_prob
        mask = np.repeat(mask, h * w).reshape(x.shape)
        return (x * mask / keep_prob if training else x), mask

    def spatial_in_float32(x, keep_prob, rng, training=True):
        if not training:
            return x.astype(np.float32), None
        mask = rng.random((x.shape[1], x.shape[0], 1, 1), dtype=np.float32) < keep_prob
        mask = mask.astype(np.float32).swapaxes(0, 1) * np.float32(1 / keep_prob)
        return x.astype(np.float32) * mask, mask
