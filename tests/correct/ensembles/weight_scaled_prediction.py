"""Correct answers to ``weight_scaled_prediction`` in other styles."""

import math

import numpy as np

from tests.bank import Styles
from tests.correct.ensembles.shared import log_softmax, softmax


class Answers(Styles, of="weight_scaled_prediction"):
    def scaling_the_weights(x, weights, bias, keep_prob):
        return softmax(x @ (keep_prob * weights) + bias)

    def scaling_the_activations(x, weights, bias, keep_prob):
        return np.exp(log_softmax((x * keep_prob).dot(weights) + bias[None, :]))

    def scaling_the_product_in_place(x, weights, bias, keep_prob):
        logits = x @ weights
        logits *= keep_prob
        logits += bias
        logits -= np.max(logits, axis=1)[:, None]
        np.exp(logits, out=logits)
        return (logits.T / logits.sum(axis=1)).T

    def scaling_row_by_row(x, weights, bias, keep_prob):
        rows = []
        for row in x:
            z = [
                keep_prob * sum(a * w for a, w in zip(row, column, strict=True)) + b
                for column, b in zip(weights.T, bias, strict=True)
            ]
            e = [math.exp(v - max(z)) for v in z]
            rows.append([v / sum(e) for v in e])
        return np.array(rows)

    def scaling_by_differences_of_logits(x, weights, bias, keep_prob):
        z = keep_prob * (x @ weights) + bias
        with np.errstate(over="ignore"):
            return 1 / np.exp(z[:, None, :] - z[:, :, None]).sum(axis=2)

    def scaling_as_float32(x, weights, bias, keep_prob):
        return softmax(keep_prob * x @ weights + bias).astype(np.float32)
