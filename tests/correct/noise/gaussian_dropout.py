"""Correct answers to ``gaussian_dropout`` in other styles."""

import math
from statistics import NormalDist

import numpy as np

from tests.bank import Styles


def deviation(keep_prob):
    return math.sqrt((1 - keep_prob) / keep_prob)


class Answers(Styles, of="gaussian_dropout"):
    def gaussian_by_standard_normal(x, keep_prob, rng, training=True):
        if not training:
            return x.copy(), 1.0
        noise = 1 + rng.standard_normal(x.shape) * np.sqrt(1 / keep_prob - 1)
        return noise * x, noise

    def gaussian_by_added_relative_noise(x, keep_prob, rng, training=True):
        noise = rng.normal(scale=deviation(keep_prob), size=x.shape)
        return (x + x * noise if training else x), noise

    def gaussian_centred_on_x(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        return rng.normal(x, np.abs(x) * deviation(keep_prob)), None

    def gaussian_with_reflected_noise(x, keep_prob, rng, training=True):
        z = -rng.standard_normal(x.size)[::-1].reshape(x.shape) if training else 0.0
        return x * (1 - deviation(keep_prob) * z), {"z": z}

    def gaussian_in_float32(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        noise = rng.standard_normal(x.shape, dtype=np.float32)
        noise = np.float32(1) + np.float32(deviation(keep_prob)) * noise
        return (x * noise).astype(np.float32), noise

    def gaussian_by_box_muller(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        pairs = (x.size + 1) // 2
        radius = np.sqrt(-2 * np.log(1 - rng.random(pairs)))
        angle = 2 * np.pi * rng.random(pairs)
        z = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[: x.size]
        noise = 1 + deviation(keep_prob) * z.reshape(x.shape)
        return x * noise, noise

    def gaussian_by_box_muller_neighbours(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        u = 1 - rng.random((x.size + 1) // 2)
        z = np.sqrt(-2 * np.log(u)) * np.exp(2j * np.pi * rng.random(u.size))
        z = np.stack([z.real, z.imag], axis=1).ravel()[: x.size].reshape(x.shape)
        return x * (1 + deviation(keep_prob) * z), z

    def gaussian_by_inverse_distribution(x, keep_prob, rng, training=True):
        if not training or keep_prob == 1:
            return x, None
        law = NormalDist(1.0, deviation(keep_prob))
        noise = np.array([law.inv_cdf(u) for u in rng.random(x.size).tolist()])
        return x * noise.reshape(x.shape), noise

    def gaussian_by_multivariate_normal(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        z = rng.multivariate_normal([0, 0], np.eye(2), size=(x.size + 1) // 2)
        z = z.ravel()[: x.size].reshape(x.shape)
        return x * (1 + deviation(keep_prob) * z), z

    def gaussian_by_ratio_of_uniforms(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        accepted, missing = [np.empty(0)], x.size
        while missing > 0:
            u = 1 - rng.random(2 * missing + 10)
            v = (2 * rng.random(u.size) - 1) * np.sqrt(2 / np.e)
            z = v / u
            accepted.append(z[z**2 <= -4 * np.log(u)])
            missing -= accepted[-1].size
        z = np.concatenate(accepted)[: x.size].reshape(x.shape)
        return x * (1 + deviation(keep_prob) * z), z

    def gaussian_row_by_row(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        spread = deviation(keep_prob)
        noise = np.stack([rng.normal(1, spread, np.shape(row)) for row in x])
        return noise * x, noise

    def gaussian_drawn_transposed(x, keep_prob, rng, training=True):
        noise = rng.normal(1, deviation(keep_prob), x.shape[::-1]).T
        return (x * noise if training else x), noise

    def gaussian_from_a_child_generator(x, keep_prob, rng, training=True):
        child = np.random.Generator(np.random.Philox(int(rng.integers(2**62))))
        noise = child.normal(1, deviation(keep_prob), x.shape)
        return (np.multiply(x, noise, dtype=float) if training else x), noise

    def gaussian_as_sum_of_two(x, keep_prob, rng, training=True):
        if not training:
            return x, None
        a, b = rng.standard_normal((2, *x.shape))
        return x + x * deviation(keep_prob) * (0.6 * a - 0.8 * b), (a, b)
