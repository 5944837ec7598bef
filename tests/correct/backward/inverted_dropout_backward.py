"""Correct answers to ``inverted_dropout_backward`` in other styles."""

import copy

import numpy as np

from tests.bank import Styles, needs


def forward_with_tuple(x, keep_prob, rng, training=True):
    if not training:
        return x, (None, keep_prob)
    mask = rng.uniform(size=x.shape) < keep_prob
    return np.where(mask, x / keep_prob, 0.0), (mask, keep_prob)


def forward_with_dict(x, keep_prob, rng, training=True):
    cache = {"training": training, "keep_prob": keep_prob}
    if training:
        cache["mask"] = rng.binomial(1, keep_prob, size=x.shape)
        x = x * cache["mask"] / keep_prob
    return x, cache


def forward_with_none_at_test(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    mask = (rng.random(x.shape) <= keep_prob) / keep_prob
    return x * mask, mask


def forward_with_bytes(x, keep_prob, rng, training=True):
    mask = np.ones(x.shape, np.uint8)
    if training:
        mask[rng.random(x.shape) > keep_prob] = 0
        return x * (mask / keep_prob), (mask, keep_prob)
    return x + 0.0, (mask, 1.0)


def forward_with_packed_bits(x, keep_prob, rng, training=True):
    if not training:
        return x, (None, keep_prob)
    mask = rng.random(x.shape, dtype=np.float32) < keep_prob
    return x * mask / keep_prob, (np.packbits(mask), keep_prob)


def forward_with_generator(x, keep_prob, rng, training=True):
    before = copy.deepcopy(rng)
    if not training:
        return x, (None, keep_prob)
    return x * (rng.random(x.shape) < keep_prob) / keep_prob, (before, keep_prob)


def forward_with_seed(x, keep_prob, rng, training=True):
    seed = int(rng.integers(2**63))
    if not training:
        return x, (seed, 1.0)
    mask = np.random.default_rng(seed).random(x.shape) < keep_prob
    return x * mask / keep_prob, (seed, keep_prob)


def forward_with_closure(x, keep_prob, rng, training=True):
    if not training:
        return x, lambda dout: dout
    multiplier = rng.choice([1, 0], x.shape, p=[keep_prob, 1 - keep_prob]) / keep_prob
    return multiplier * x, lambda dout: multiplier * dout


last_multiplier = None


def forward_with_global(x, keep_prob, rng, training=True):
    global last_multiplier
    last_multiplier = np.ones(x.shape)
    if training:
        last_multiplier = (rng.random(x.shape) < keep_prob) / keep_prob
    return x * last_multiplier, None


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


def forward_with_indices(x, keep_prob, rng, training=True):
    if not training:
        return x, (np.arange(x.size), 1.0)
    kept = [i for i in range(x.size) if rng.random() < keep_prob]
    out = np.zeros(x.size)
    out[kept] = x.reshape(-1)[kept] / keep_prob
    return out.reshape(x.shape), (kept, keep_prob)


def forward_in_float32(x, keep_prob, rng, training=True):
    if not training:
        return x.astype(np.float32), np.float32(1)
    mask = (rng.random(x.shape) < keep_prob).astype(np.float32) / np.float32(keep_prob)
    return x.astype(np.float32) * mask, mask


def forward_from_global_source(x, keep_prob, rng, training=True):
    if not training:
        return x, (None, keep_prob)
    mask = np.random.rand(*x.shape) < keep_prob
    return x * mask / keep_prob, (mask, keep_prob)


class Answers(Styles, of="inverted_dropout_backward"):
    @needs(inverted_dropout=forward_with_tuple)
    def boolean_mask_in_a_tuple(dout, cache):
        mask, keep_prob = cache
        if mask is None:
            return dout
        return np.where(mask, dout / keep_prob, 0.0)

    @needs(inverted_dropout=forward_with_dict)
    def integer_mask_in_a_dict(dout, cache):
        if cache["training"]:
            return dout * cache["mask"] / cache["keep_prob"]
        return dout.copy()

    @needs(inverted_dropout=forward_with_none_at_test)
    def scaled_mask_or_none(dout, cache):
        return dout if cache is None else dout * cache

    @needs(inverted_dropout=forward_with_bytes)
    def uint8_mask(dout, cache):
        mask, keep_prob = cache
        dx = np.zeros_like(dout)
        dx[mask == 1] = dout[mask == 1] / keep_prob
        return dx

    @needs(inverted_dropout=forward_with_packed_bits)
    def packed_bits(dout, cache):
        bits, keep_prob = cache
        if bits is None:
            return 1.0 * dout
        mask = np.unpackbits(bits, count=dout.size).reshape(dout.shape)
        return dout * mask / keep_prob

    @needs(inverted_dropout=forward_with_generator)
    def mask_drawn_again_from_a_saved_generator(dout, cache):
        before, keep_prob = cache
        if before is None:
            return dout
        return dout * (copy.deepcopy(before).random(dout.shape) < keep_prob) / keep_prob

    @needs(inverted_dropout=forward_with_seed)
    def mask_drawn_again_from_a_seed(dout, cache):
        seed, keep_prob = cache
        mask = np.random.default_rng(seed).random(dout.shape) < keep_prob
        return dout * mask / keep_prob

    @needs(inverted_dropout=forward_with_closure)
    def closure_as_cache(dout, cache):
        return cache(dout)

    @needs(inverted_dropout=forward_with_global)
    def mask_in_a_global_variable(dout, cache):
        return dout * last_multiplier

    @needs(inverted_dropout=forward_with_layer)
    def layer_object_as_cache(dout, cache):
        return cache.backward(dout)

    @needs(inverted_dropout=forward_with_indices)
    def indices_of_kept_units(dout, cache):
        kept, keep_prob = cache
        dx = np.zeros(dout.size)
        dx[kept] = dout.reshape(-1)[kept] / keep_prob
        return dx.reshape(dout.shape)

    @needs(inverted_dropout=forward_in_float32)
    def single_precision(dout, cache):
        return dout.astype(np.float32) * cache

    @needs(inverted_dropout=forward_from_global_source)
    def another_random_source_in_the_forward(dout, cache):
        mask, keep_prob = cache
        return dout if mask is None else dout * mask / keep_prob
