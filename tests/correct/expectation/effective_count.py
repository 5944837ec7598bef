"""Correct answers to ``effective_count`` in other styles."""

import math

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="effective_count"):
    def count_as_numpy_scalar(x):
        return np.sum(x) ** 2 / np.sum(np.square(x))

    def count_as_0d_array(x):
        return np.asarray(x.sum() ** 2 / (x @ x))

    def count_by_loop(x):
        total = squares = 0.0
        for value in x:
            total += value
            squares += value * value
        return total * total / squares

    def count_scaled_first(x):
        x = x / np.linalg.norm(x)
        return float(x.sum() ** 2)

    def count_by_mean_squares(x):
        return len(x) * x.mean() ** 2 / (x**2).mean()

    def count_in_float32(x):
        x = (x / np.abs(x).max()).astype(np.float32)
        return np.float32(x.sum() ** 2 / (x * x).sum())

    def count_with_fsum(x):
        return math.fsum(x) ** 2 / math.fsum(value**2 for value in x)

    def count_by_cosine(x):
        ones = np.ones_like(x)
        cosine = x @ ones / (np.linalg.norm(x) * np.linalg.norm(ones))
        return len(x) * cosine**2
