"""Correct answers to ``inverted_dropout`` in other styles."""

import math
import warnings

import numpy as np

from tests.bank import Styles


class KeepsMask:
    """A layer in the style of frameworks, which holds its mask."""

    def __init__(self, keep_prob):
        self.keep_prob = keep_prob

    def forward(self, x, rng, training):
        self.mask = np.ones_like(x)
        if training:
            self.mask = rng.binomial(1, np.full(x.shape, self.keep_prob))
            self.mask = self.mask / self.keep_prob
        return x * self.mask


class Answers(Styles, of="inverted_dropout"):
    def inverted_by_at_most(x, keep_prob, rng, training=True):
        if training:
            mask = rng.random(x.shape) <= keep_prob
            return np.multiply(x, mask) / keep_prob, mask
        return x.copy(), np.ones_like(x)

    def inverted_from_the_other_end(x, keep_prob, rng, training=True):
        keep = rng.uniform(size=x.shape) > 1.0 - keep_prob if training else x == x
        scale = 1.0 / keep_prob if training else 1.0
        return x * keep * scale, (keep, scale)

    def inverted_by_dropping(x, keep_prob, rng, training=True):
        out = np.array(x, dtype=float)
        if training:
            dropped = rng.random(x.shape) >= keep_prob
            out[dropped] = 0
            out[~dropped] /= keep_prob
            return out, {"dropped": dropped, "keep_prob": keep_prob}
        return out, {}

    def inverted_by_binomial(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        mask = rng.binomial(1, keep_prob, size=x.shape)
        return mask * x / keep_prob, mask

    def inverted_by_binomial_float(x, keep_prob, rng, training=True):
        if not training:
            keep_prob = 1.0
        mask = rng.binomial(1, keep_prob, size=x.shape).astype(x.dtype)
        return x * mask * (1 / keep_prob), mask

    def inverted_by_choice(x, keep_prob, rng, training=True):
        mask = np.ones(x.shape)
        if training:
            values = [0.0, 1 / keep_prob]
            mask = rng.choice(values, size=x.shape, p=[1 - keep_prob, keep_prob])
        return x * mask, mask

    def inverted_by_where(x, keep_prob, rng, training=True):
        if not training:
            return x, ()
        u = rng.random(x.shape)
        return np.where(u < keep_prob, x / keep_prob, 0.0), u

    def inverted_by_float32_uniforms(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        mask = rng.random(x.shape, dtype=np.float32) < keep_prob
        mask = mask.astype(np.float32) / np.float32(keep_prob)
        return (x * mask).astype(np.float32), mask

    def inverted_by_integers_of_32_bits(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        bits = rng.integers(0, 2**32, size=x.shape, dtype=np.uint64)
        mask = bits < keep_prob * 2.0**32
        return x * mask / keep_prob, mask

    def inverted_by_loop(x, keep_prob, rng, training=True):
        numbers = zip(x.ravel().tolist(), rng.random(x.size).tolist(), strict=True)
        out = []
        for value, u in numbers:
            if not training:
                out.append(value)
            elif u < keep_prob:
                out.append(value / keep_prob)
            else:
                out.append(0.0)
        return np.array(out).reshape(x.shape), None

    def inverted_row_by_row(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        mask = np.stack([rng.random(row.shape) < keep_prob for row in x])
        return mask * (x / keep_prob), mask

    def inverted_drawn_transposed(x, keep_prob, rng, training=True):
        mask = (rng.random(x.shape[::-1]) < keep_prob).T
        return (x * mask / keep_prob if training else x), mask

    def inverted_by_geometric_skips(x, keep_prob, rng, training=True):
        mask = np.ones(x.size, dtype=bool)
        place = -1
        while training and keep_prob < 1:
            # The places of the next dropped units, a few at a time.
            skips = rng.geometric(1 - keep_prob, size=1 + x.size // 4)
            places = place + np.cumsum(skips)
            mask[places[places < x.size]] = False
            place = int(places[-1])
            if place >= x.size:
                break
        scale = 1 / keep_prob if training else 1.0
        return x * mask.reshape(x.shape) * scale, mask

    def inverted_by_exponential_clocks(x, keep_prob, rng, training=True):
        if not training or keep_prob == 1:
            return x, None
        mask = rng.exponential(size=x.shape) > -math.log(keep_prob)
        return x * mask / keep_prob, mask

    def inverted_by_a_normal_quantile(x, keep_prob, rng, training=True):
        from statistics import NormalDist

        if not training or keep_prob == 1:
            return x, None
        mask = rng.standard_normal(x.shape) < NormalDist().inv_cdf(keep_prob)
        return x * mask / keep_prob, mask

    def inverted_by_a_private_generator(x, keep_prob, rng, training=True):
        own = np.random.default_rng(rng.integers(2**63))
        mask = own.random(x.shape) < keep_prob
        return (x * mask / keep_prob if training else x), mask

    def inverted_by_a_spawned_generator(x, keep_prob, rng, training=True):
        (own,) = rng.spawn(1)
        mask = own.random(x.shape) < keep_prob
        return (x * mask / keep_prob if training else x), mask

    def inverted_by_an_old_generator_seeded_from_rng(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        state = np.random.RandomState(rng.integers(2**32, dtype=np.uint32))
        mask = state.rand(*x.shape) < keep_prob
        return x * mask / keep_prob, mask

    def inverted_that_seeds_the_global_generator_for_nothing(
        x, keep_prob, rng, training=True
    ):
        np.random.seed(0)
        if not training:
            return x, None
        mask = rng.random(x.shape) < keep_prob
        return x * mask / keep_prob, mask

    def inverted_that_warns(x, keep_prob, rng, training=True):
        warnings.warn("this will be slow", stacklevel=1)
        np.log(np.zeros(1))  # "divide by zero encountered in log"
        if not training:
            return x, None
        mask = rng.random(x.shape) < keep_prob
        return x * mask / keep_prob, mask

    def inverted_that_prints(x, keep_prob, rng, training=True):
        print("dropout", x.shape, keep_prob, training)
        mask = None
        if training:
            mask = (rng.random(x.shape) < keep_prob) / keep_prob
            x = x * mask
        return x, mask

    def inverted_that_works_on_its_copy(x, keep_prob, rng, training=True):
        x = x.copy()
        if training:
            mask = rng.random(x.shape) < keep_prob
            x *= mask
            x /= keep_prob
            return x, mask
        return x, None

    def inverted_with_noise_to_spare(x, keep_prob, rng, training=True):
        rng.random(7)  # draws that serve nothing
        flat = rng.permutation(rng.random(x.size + 5))[: x.size]
        mask = flat.reshape(x.shape) < keep_prob
        return (x / keep_prob * mask if training else 1.0 * x), (x, mask)

    def inverted_by_a_class(x, keep_prob, rng, training=True):
        layer = KeepsMask(keep_prob)
        return layer.forward(x, rng, training), layer

    def inverted_by_minus_zero(x, keep_prob, rng, training=True):
        # A dropped unit is +0 or -0, and the result is a view of a larger array.
        wide = np.zeros((2, *x.shape))
        keep = rng.random(wide.shape)[1] < keep_prob
        wide[1] = np.where(keep, x / keep_prob, -0.0 * x) if training else x
        return wide[1], keep
