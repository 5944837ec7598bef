"""Correct answers to ``classic_dropout`` in other styles."""

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="classic_dropout"):
    def classic_by_at_most(x, keep_prob, rng, training=True):
        if training:
            mask = rng.random(x.shape) <= keep_prob
            return x * mask, mask
        return x * keep_prob, None

    def classic_by_binomial(x, keep_prob, rng, training=True):
        mask = rng.binomial(1, keep_prob, x.shape) if training else keep_prob
        return mask * x, mask

    def classic_by_assignment(x, keep_prob, rng, training=True):
        out = x.copy() if training else x * keep_prob
        if training:
            out[rng.random(x.shape) > keep_prob] = 0
        return out, out != 0

    def classic_by_choice(x, keep_prob, rng, training=True):
        if not training:
            return np.multiply(keep_prob, x), None
        mask = rng.choice([True, False], x.shape, p=[keep_prob, 1 - keep_prob])
        return np.where(mask, x, 0), mask

    def classic_by_float32(x, keep_prob, rng, training=True):
        x = x.astype(np.float32)
        if not training:
            return x * np.float32(keep_prob), None
        return x * (rng.random(x.shape, dtype=np.float32) < keep_prob), None

    def classic_that_rescales_and_takes_it_back(x, keep_prob, rng, training=True):
        mask = (rng.random(x.shape) < keep_prob) / keep_prob
        return keep_prob * (x * mask if training else x), mask

    def classic_drawn_column_by_column(x, keep_prob, rng, training=True):
        if not training:
            return keep_prob * x, None
        columns = [rng.random(x.shape[:-1]) < keep_prob for _ in range(x.shape[-1])]
        mask = np.stack(columns, axis=-1)
        return x * mask, mask

    def classic_by_a_spawned_generator(x, keep_prob, rng, training=True):
        (own,) = rng.spawn(1)
        return (
            x * (own.random(x.shape) < keep_prob) if training else keep_prob * x
        ), None
