"""Correct answers to ``stochastic_depth`` in other styles."""

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="stochastic_depth"):
    def depth_by_where(x, branch, keep_prob, rng, training=True):
        if not training:
            return x + branch
        keep = rng.random(len(x)) <= keep_prob
        keep = keep.reshape(-1, *[1] * (x.ndim - 1))
        return np.where(keep, x + branch / keep_prob, x)

    def depth_by_index(x, branch, keep_prob, rng, training=True):
        out = np.array(x)
        if not training:
            out += branch
            return out
        kept = rng.random(len(x)) < keep_prob
        out[kept] += branch[kept] / keep_prob
        return out

    def depth_by_a_loop(x, branch, keep_prob, rng, training=True):
        if not training:
            return np.add(x, branch)
        rows = []
        for example, added in zip(x, branch, strict=True):
            keep = rng.random() < keep_prob
            rows.append(example + added / keep_prob if keep else example)
        return np.stack(rows)

    def depth_by_transpose(x, branch, keep_prob, rng, training=True):
        keep_prob = keep_prob if training else 1.0
        bits = rng.binomial(1, keep_prob, size=len(x))
        return (x.T + branch.T * (bits / keep_prob)).T

    def depth_by_floor(x, branch, keep_prob, rng, training=True):
        if not training:
            return branch + x
        bits = np.floor(keep_prob + rng.random((x.shape[0],) + (1,) * (x.ndim - 1)))
        return branch / keep_prob * bits + x

    def depth_in_float32(x, branch, keep_prob, rng, training=True):
        x, branch = x.astype(np.float32), branch.astype(np.float32)
        if training:
            shape = (len(x), *[1] * (x.ndim - 1))
            keep = rng.random(shape, dtype=np.float32) < keep_prob
            branch = branch * (keep / np.float32(keep_prob)).astype(np.float32)
        return x + branch

    def depth_by_choice(x, branch, keep_prob, rng, training=True):
        if not training:
            return x + branch
        factors = rng.choice(
            [0.0, 1 / keep_prob], size=len(x), p=[1 - keep_prob, keep_prob]
        )
        return x + np.einsum("n...,n->n...", branch, factors)
