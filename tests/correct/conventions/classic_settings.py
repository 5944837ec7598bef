"""Correct answers to ``classic_settings`` in other styles."""

import math

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="classic_settings"):
    def settings_by_scale(weights, learning_rate, weight_decay, keep_prob):
        scale = 1 / keep_prob
        return (
            weights * scale,
            learning_rate * scale * scale,
            weight_decay / scale / scale,
        )

    def settings_as_arrays(weights, learning_rate, weight_decay, keep_prob):
        rate, decay = np.array([learning_rate, weight_decay]) * keep_prob ** np.array(
            [-2, 2]
        )
        return np.divide(weights, keep_prob), np.array(rate), decay

    def settings_by_loop(weights, learning_rate, weight_decay, keep_prob):
        translated = np.zeros_like(weights)
        for i, j in np.ndindex(*weights.shape):
            translated[i, j] = weights[i, j] / keep_prob
        power = math.exp(2 * math.log(keep_prob))
        return translated, learning_rate / power, weight_decay * power

    def settings_in_float32(weights, learning_rate, weight_decay, keep_prob):
        square = np.float32(keep_prob) ** 2
        weights = weights.astype(np.float32) / np.float32(keep_prob)
        return weights, learning_rate / square, weight_decay * square
