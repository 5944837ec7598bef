"""What wrong answers of ``backward`` share."""

import numpy as np


def training_alone(marks, at_test):
    """Return ``marks`` for mutants that are written as what they do after a forward pass
    in training; after one at test they do what is right, ``at_test(dout, cache)``."""

    def with_marks(*said):
        def mark(part):
            def backward(dout, cache):
                return (part if cache["training"] else at_test)(dout, cache)

            backward.__doc__ = part.__doc__
            return marks(*said)(backward)

        return mark

    return with_marks


def keeps_with_drop_probability(x, keep_prob, rng, training=True):
    if not training:
        return x, 1.0
    mask = rng.random(x.shape) >= keep_prob if keep_prob < 1 else np.ones(x.shape)
    return x * mask / keep_prob, mask / keep_prob


def forward(params, x, multiplier):
    z = x @ params["W1"] + params["b1"]
    h = np.maximum(z, 0) * multiplier
    return z, h, h @ params["W2"] + params["b2"]
