"""Correct answers to the exercises of ``noise``, each in another style."""

import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np

from tests.bank import correct


def deviation(keep_prob):
    return math.sqrt((1 - keep_prob) / keep_prob)


# ---------------------------------------------------------------- gaussian_dropout


@correct("gaussian_dropout")
def gaussian_by_standard_normal(x, keep_prob, rng, training=True):
    if not training:
        return x.copy(), 1.0
    noise = 1 + rng.standard_normal(x.shape) * np.sqrt(1 / keep_prob - 1)
    return noise * x, noise


@correct("gaussian_dropout")
def gaussian_by_added_relative_noise(x, keep_prob, rng, training=True):
    noise = rng.normal(scale=deviation(keep_prob), size=x.shape)
    return (x + x * noise if training else x), noise


@correct("gaussian_dropout")
def gaussian_centred_on_x(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    return rng.normal(x, np.abs(x) * deviation(keep_prob)), None


@correct("gaussian_dropout")
def gaussian_with_reflected_noise(x, keep_prob, rng, training=True):
    z = -rng.standard_normal(x.size)[::-1].reshape(x.shape) if training else 0.0
    return x * (1 - deviation(keep_prob) * z), {"z": z}


@correct("gaussian_dropout")
def gaussian_in_float32(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    noise = rng.standard_normal(x.shape, dtype=np.float32)
    noise = np.float32(1) + np.float32(deviation(keep_prob)) * noise
    return (x * noise).astype(np.float32), noise


@correct("gaussian_dropout")
def gaussian_by_box_muller(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    pairs = (x.size + 1) // 2
    radius = np.sqrt(-2 * np.log(1 - rng.random(pairs)))
    angle = 2 * np.pi * rng.random(pairs)
    z = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[: x.size]
    noise = 1 + deviation(keep_prob) * z.reshape(x.shape)
    return x * noise, noise


@correct("gaussian_dropout")
def gaussian_by_box_muller_neighbours(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    u = 1 - rng.random((x.size + 1) // 2)
    z = np.sqrt(-2 * np.log(u)) * np.exp(2j * np.pi * rng.random(u.size))
    z = np.stack([z.real, z.imag], axis=1).ravel()[: x.size].reshape(x.shape)
    return x * (1 + deviation(keep_prob) * z), z


@correct("gaussian_dropout")
def gaussian_by_inverse_distribution(x, keep_prob, rng, training=True):
    if not training or keep_prob == 1:
        return x, None
    law = NormalDist(1.0, deviation(keep_prob))
    noise = np.array([law.inv_cdf(u) for u in rng.random(x.size).tolist()])
    return x * noise.reshape(x.shape), noise


@correct("gaussian_dropout")
def gaussian_by_multivariate_normal(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    z = rng.multivariate_normal([0, 0], np.eye(2), size=(x.size + 1) // 2)
    z = z.ravel()[: x.size].reshape(x.shape)
    return x * (1 + deviation(keep_prob) * z), z


@correct("gaussian_dropout")
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


@correct("gaussian_dropout")
def gaussian_row_by_row(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    spread = deviation(keep_prob)
    noise = np.stack([rng.normal(1, spread, np.shape(row)) for row in x])
    return noise * x, noise


@correct("gaussian_dropout")
def gaussian_drawn_transposed(x, keep_prob, rng, training=True):
    noise = rng.normal(1, deviation(keep_prob), x.shape[::-1]).T
    return (x * noise if training else x), noise


@correct("gaussian_dropout")
def gaussian_from_a_child_generator(x, keep_prob, rng, training=True):
    child = np.random.Generator(np.random.Philox(int(rng.integers(2**62))))
    noise = child.normal(1, deviation(keep_prob), x.shape)
    return (np.multiply(x, noise, dtype=float) if training else x), noise


@correct("gaussian_dropout")
def gaussian_as_sum_of_two(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    a, b = rng.standard_normal((2, *x.shape))
    return x + x * deviation(keep_prob) * (0.6 * a - 0.8 * b), (a, b)


# ---------------------------------------------------------------- dropconnect_forward


@correct("dropconnect_forward")
def connect_row_by_row(x, weights, keep_prob, rng):
    out = np.zeros((x.shape[0], weights.shape[1]))
    for n, row in enumerate(x):
        mask = rng.random(weights.shape) < keep_prob
        out[n] = row @ (weights * mask / keep_prob)
    return out


@correct("dropconnect_forward")
def connect_by_three_loops(x, weights, keep_prob, rng):
    out = []
    columns = weights.T.tolist()
    for row in x.tolist():
        out.append([])
        for column in columns:
            total = 0.0
            bits = rng.random(len(row)).tolist()
            for value, weight, u in zip(row, column, bits, strict=True):
                if u < keep_prob:
                    total += value * weight
            out[-1].append(total / keep_prob)
    return np.array(out)


@correct("dropconnect_forward")
def connect_by_binomial_products(x, weights, keep_prob, rng):
    products = x[:, :, None] * weights[None]
    kept = rng.binomial(1, keep_prob, size=products.shape)
    return np.where(kept == 1, products, 0.0).sum(axis=1) / keep_prob


@correct("dropconnect_forward")
def connect_by_batched_matmul(x, weights, keep_prob, rng):
    mask = rng.uniform(size=(len(x), *weights.shape)) >= 1 - keep_prob
    return ((x / keep_prob)[:, None, :] @ (weights * mask))[:, 0, :]


@correct("dropconnect_forward")
def connect_in_float32(x, weights, keep_prob, rng):
    shape = (len(x), weights.shape[1], weights.shape[0])
    mask = (rng.random(shape, dtype=np.float32) < keep_prob).astype(np.float32)
    mask /= np.float32(keep_prob)
    return np.einsum(
        "nd,ncd,dc->nc", x.astype(np.float32), mask, weights.astype(np.float32)
    )


@correct("dropconnect_forward")
def connect_by_subtracting_the_dropped(x, weights, keep_prob, rng):
    dropped = rng.choice(
        [True, False], p=[1 - keep_prob, keep_prob], size=(*weights.shape, len(x))
    )
    lost = np.einsum("nd,dc,dcn->nc", x, weights, dropped)
    return (x @ weights - lost) * (1 / keep_prob)


@correct("dropconnect_forward")
def connect_input_by_input(x, weights, keep_prob, rng):
    out = np.zeros((len(x), weights.shape[1]))
    for d in range(weights.shape[0]):
        out += np.outer(x[:, d], weights[d]) * (rng.random(out.shape) <= keep_prob)
    return np.divide(out, keep_prob)


# ---------------------------------------------------------------- spatial_dropout


@correct("spatial_dropout")
def spatial_by_broadcast_where(x, keep_prob, rng, training=True):
    if not training:
        return np.array(x), ()
    keep = rng.random(x.shape[:2]) <= keep_prob
    return np.where(keep[:, :, np.newaxis, np.newaxis], x / keep_prob, 0), keep


@correct("spatial_dropout")
def spatial_by_einsum(x, keep_prob, rng, training=True):
    n, c, _, _ = x.shape
    mask = rng.binomial(1, keep_prob if training else 1.0, size=(n, c))
    scale = 1 / keep_prob if training else 1.0
    return np.einsum("nchw,nc->nchw", x, mask * scale), mask


@correct("spatial_dropout")
def spatial_by_index(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    out = x / keep_prob
    out[rng.random(x.shape[:2]) >= keep_prob] = 0
    return out, out


@correct("spatial_dropout")
def spatial_by_loops(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    out = np.zeros_like(x)
    for n, sample in enumerate(x):
        for c, channel in enumerate(sample):
            if rng.random() < keep_prob:
                out[n, c] = channel / keep_prob
    return out, None


@correct("spatial_dropout")
def spatial_by_repeat(x, keep_prob, rng, training=True):
    n, c, h, w = x.shape
    mask = rng.random(n * c) < keep_prob
    mask = np.repeat(mask, h * w).reshape(x.shape)
    return (x * mask / keep_prob if training else x), mask


@correct("spatial_dropout")
def spatial_in_float32(x, keep_prob, rng, training=True):
    if not training:
        return x.astype(np.float32), None
    mask = rng.random((x.shape[1], x.shape[0], 1, 1), dtype=np.float32) < keep_prob
    mask = mask.astype(np.float32).swapaxes(0, 1) * np.float32(1 / keep_prob)
    return x.astype(np.float32) * mask, mask


# ---------------------------------------------------------------- annealed_keep_prob


@correct("annealed_keep_prob")
def annealed_by_interpolation(step, total_steps, initial_keep_prob):
    return np.interp(step, [0, total_steps], [initial_keep_prob, 1.0])


@correct("annealed_keep_prob")
def annealed_by_drop_probability(step, total_steps, initial_keep_prob):
    left = max(0, total_steps - step) / total_steps
    return 1 - (1 - initial_keep_prob) * left


@correct("annealed_keep_prob")
def annealed_by_branches(step, total_steps, initial_keep_prob):
    if step >= total_steps:
        return 1
    slope = (1.0 - initial_keep_prob) / total_steps
    return initial_keep_prob + slope * step


@correct("annealed_keep_prob")
def annealed_by_minimum(step, total_steps, initial_keep_prob):
    grown = initial_keep_prob * (1 - step / total_steps) + step / total_steps
    return np.minimum(np.array(grown), 1.0)


@correct("annealed_keep_prob")
def annealed_by_fractions(step, total_steps, initial_keep_prob):
    done = min(Fraction(step, total_steps), Fraction(1))
    return float(done + (1 - done) * Fraction(initial_keep_prob))


@correct("annealed_keep_prob")
def annealed_step_by_step(step, total_steps, initial_keep_prob):
    value = initial_keep_prob
    for _ in range(min(step, total_steps)):
        value += (1 - initial_keep_prob) / total_steps
    return value
