"""Correct answers to ``alpha_dropout`` in other styles."""

import math

import numpy as np

from tests.bank import Styles

LAMBDA, ALPHA = 1.0507009873554805, 1.6732632423543772


class Answers(Styles, of="alpha_dropout"):
    def alpha_with_the_product_typed(x, keep_prob, rng, training=True):
        if not training or keep_prob == 1:
            return x, None
        off = -1.7580993408473766
        keep = rng.random(x.shape) < keep_prob
        a = 1 / np.sqrt(keep_prob * (1 + (1 - keep_prob) * off**2))
        return a * (np.where(keep, x, off) - (1 - keep_prob) * off), keep

    def alpha_by_binomial_floats(x, keep_prob, rng, training=True):
        if training:
            m = rng.binomial(1, keep_prob, size=x.shape).astype(x.dtype)
            off = -LAMBDA * ALPHA
            a = (keep_prob + off**2 * keep_prob * (1 - keep_prob)) ** -0.5
            b = -a * (1 - keep_prob) * off
            return a * (m * x + (1 - m) * off) + b, (m, a)
        return x.copy(), None

    def alpha_by_dropping(x, keep_prob, rng, training=True):
        out = np.array(x, dtype=float)
        if training:
            q = 1 - keep_prob
            off = -ALPHA * LAMBDA
            out[rng.random(out.shape) >= keep_prob] = off
            out -= q * off
            out /= math.sqrt(keep_prob + keep_prob * q * off * off)
        return out, {}

    def alpha_by_interpolation(x, keep_prob, rng, training=True):
        """The dropped value carries the rounding error of each unit."""
        if not training:
            return x, None
        off, q = -LAMBDA * ALPHA, 1 - keep_prob
        gone = rng.random(x.shape) > keep_prob
        bracket = x + (off - x) * gone
        a = (keep_prob * (1 + q * off**2)) ** -0.5
        return a * bracket - a * q * off, gone

    def alpha_in_single_precision(x, keep_prob, rng, training=True):
        if not training:
            return x.astype(np.float32), None
        off, q = np.float32(-LAMBDA * ALPHA), np.float32(1 - keep_prob)
        mask = rng.random(x.shape, dtype=np.float32) < keep_prob
        a = np.float32(1) / np.sqrt(np.float32(keep_prob) * (1 + q * off**2))
        bracket = np.where(mask, x.astype(np.float32), off)
        return a * bracket - a * q * off, mask

    def alpha_by_loop(x, keep_prob, rng, training=True):
        off, q = -LAMBDA * ALPHA, 1 - keep_prob
        a = 1 / math.sqrt(keep_prob + keep_prob * q * off**2)
        out = []
        for value, u in zip(
            x.ravel().tolist(), rng.random(x.size).tolist(), strict=True
        ):
            kept = value if u < keep_prob else off
            out.append(a * kept - a * q * off if training else value)
        return np.reshape(np.array(out), x.shape), None

    def alpha_by_two_values_of_where(x, keep_prob, rng, training=True):
        if not training:
            return x + 0, ()
        off, q = -LAMBDA * ALPHA, 1 - keep_prob
        a = (keep_prob + keep_prob * q * off**2) ** -0.5
        u = rng.uniform(size=x.shape)
        return np.where(u <= keep_prob, a * x - a * q * off, a * keep_prob * off), u

    def alpha_by_choice_transposed(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        off, q = -LAMBDA * ALPHA, 1 - keep_prob
        mask = rng.choice([True, False], size=x.shape[::-1], p=[keep_prob, q]).T
        spread = np.sqrt(keep_prob + keep_prob * q * off**2)
        return (x * mask + off * ~mask - q * off) / spread, mask

    def alpha_from_numerical_moments(x, keep_prob, rng, training=True):
        """Take A and B from the mean and variance of the bracket, as two equations."""
        if not training:
            return x, None
        off, q = -LAMBDA * ALPHA, 1 - keep_prob
        values, chances = np.array([1.0, -1.0, off, off]), np.array([keep_prob, q]) / 2
        chances = chances.repeat(2)
        mean = chances @ values
        a = 1 / np.sqrt(chances @ values**2 - mean**2)
        mask = rng.random(x.shape) < keep_prob
        return a * np.where(mask, x, off) - a * mean, mask

    def alpha_by_a_private_generator(x, keep_prob, rng, training=True):
        own = np.random.default_rng(rng.integers(2**63))
        off, q = -LAMBDA * ALPHA, 1 - keep_prob
        a = (keep_prob + keep_prob * q * off**2) ** -0.5
        bracket = x.copy()
        bracket[own.random(x.shape) >= keep_prob] = off
        return (a * bracket - a * q * off if training else x), None
