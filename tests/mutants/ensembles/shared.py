"""What wrong answers of ``ensembles`` share."""

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def softmax_of_the_batch(z, axis=None):
    """Subtracts one maximum from all rows."""
    e = np.exp(z - z.max(axis=axis, keepdims=axis is not None))
    return e / e.sum(axis=-1, keepdims=True)


def every_mask(units):
    return (np.arange(2**units)[:, None] >> np.arange(units) & 1).astype(float)


def chances(masks, keep_prob):
    kept, units = masks.sum(axis=1), masks.shape[1]
    return keep_prob**kept * (1 - keep_prob) ** (units - kept)


def mean(chance, values):
    return np.tensordot(chance, values, axes=1)


def ensemble(x, weights, bias, keep_prob, factor=None):
    """Return every member's probability and logits; the inputs are m * x * factor."""
    masks = every_mask(x.shape[1])
    factor = 1 / keep_prob if factor is None else factor
    z = masks[:, None] * x * factor @ weights + bias
    return chances(masks, keep_prob), z


def average(x, weights, bias, masks):
    """Return the mean over masks (k, N, D), already rescaled."""
    return softmax(masks * x @ weights + bias).mean(axis=0)
