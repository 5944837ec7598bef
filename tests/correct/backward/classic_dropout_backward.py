"""Correct answers to ``classic_dropout_backward`` in other styles."""

import numpy as np

from tests.bank import Styles, needs


def classic_with_tuple(x, keep_prob, rng, training=True):
    if not training:
        return x * keep_prob, (None, keep_prob)
    mask = rng.random(x.shape) < keep_prob
    return x * mask, (mask, keep_prob)


def classic_with_mode(x, keep_prob, rng, training=True):
    if training:
        mask = rng.binomial(1, keep_prob, x.shape)
        return x * mask, ("train", mask)
    return keep_prob * x, ("test", keep_prob)


def classic_with_closure(x, keep_prob, rng, training=True):
    if not training:
        return x * keep_prob, lambda dout: dout * keep_prob
    dropped = rng.uniform(size=x.shape) > keep_prob
    return np.where(dropped, 0, x), lambda dout: np.where(dropped, 0, dout)


def classic_with_packed_bits(x, keep_prob, rng, training=True):
    if not training:
        return x * keep_prob, keep_prob
    mask = rng.random(x.shape) < keep_prob
    return x * mask, np.packbits(mask)


class Answers(Styles, of="classic_dropout_backward"):
    @needs(classic_dropout=classic_with_tuple)
    def classic_boolean_mask(dout, cache):
        mask, keep_prob = cache
        return dout * (keep_prob if mask is None else mask)

    @needs(classic_dropout=classic_with_mode)
    def classic_mode_as_text(dout, cache):
        mode, value = cache
        if mode == "test":
            return value * dout
        dx = dout.copy()
        dx[value == 0] = 0
        return dx

    @needs(classic_dropout=classic_with_closure)
    def classic_closure(dout, cache):
        return cache(dout)

    @needs(classic_dropout=classic_with_packed_bits)
    def classic_packed_bits(dout, cache):
        if isinstance(cache, float):
            return dout * cache
        return dout * np.unpackbits(cache, count=dout.size).reshape(dout.shape)

    def classic_with_the_solutions_forward(dout, cache):
        return np.multiply(cache, dout, dtype=np.float64)
