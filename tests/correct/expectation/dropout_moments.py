"""Correct answers to ``dropout_moments`` in other styles."""

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="dropout_moments"):
    def moments_returning_x_itself(x, keep_prob):
        return x, (1 / keep_prob - 1) * np.square(x)

    def moments_as_second_moment_minus_square(x, keep_prob):
        mean = keep_prob * (x / keep_prob) + (1 - keep_prob) * 0
        return mean, keep_prob * (x / keep_prob) ** 2 - mean**2

    def moments_over_both_fates(x, keep_prob):
        values = np.stack([x / keep_prob, np.zeros_like(x)])
        weights = np.array([keep_prob, 1 - keep_prob])
        mean = np.tensordot(weights, values, axes=1)
        variance = np.tensordot(weights, (values - mean) ** 2, axes=1)
        return mean, variance

    def moments_in_float32(x, keep_prob):
        x = np.asarray(x, dtype=np.float32)
        variance = keep_prob * (1 - keep_prob) * (x / keep_prob) ** 2
        return x, variance.astype(np.float32)

    def moments_by_loop(x, keep_prob):
        mean, variance = np.empty(x.shape), np.empty(x.shape)
        for place, value in np.ndenumerate(x):
            mean[place] = value
            variance[place] = value * value * (1 - keep_prob) / keep_prob
        return mean, variance

    def moments_by_average(x, keep_prob):
        fates = np.array([x / keep_prob, 0 * x])
        weights = [keep_prob, 1 - keep_prob]
        mean = np.average(fates, axis=0, weights=weights)
        return mean, np.average(fates**2, axis=0, weights=weights) - mean**2
