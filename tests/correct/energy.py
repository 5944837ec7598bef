"""Correct answers to the exercises of ``energy``, each in another style."""

import math

import numpy as np

from tests.bank import correct

# --------------------------------------------------------------- expected_energy


@correct("expected_energy")
def energy_by_cases(x, keep_prob, scaling):
    energy = np.linalg.norm(x) ** 2
    if scaling == "none":
        return keep_prob * energy
    if scaling == "mean":
        return energy / keep_prob
    return energy


@correct("expected_energy")
def energy_by_exponent(x, keep_prob, scaling):
    exponent = {"none": 1, "norm": 0, "mean": -1}[scaling]
    return np.vdot(x, x) * keep_prob**exponent


@correct("expected_energy")
def energy_by_loop_of_python_floats(x, keep_prob, scaling):
    c = {"none": 1.0, "mean": 1 / keep_prob, "norm": 1 / math.sqrt(keep_prob)}
    total = 0.0
    for value in x.ravel().tolist():
        total += keep_prob * (c[scaling] * value) ** 2
    return total


@correct("expected_energy")
def energy_as_variance_plus_squared_mean(x, keep_prob, scaling):
    c = {"none": 1.0, "mean": 1 / keep_prob, "norm": keep_prob**-0.5}[scaling]
    mean = c * keep_prob * x
    variance = c**2 * keep_prob * (1 - keep_prob) * x**2
    return np.asarray((mean**2 + variance).sum())


@correct("expected_energy")
def energy_in_single_precision(x, keep_prob, scaling):
    energy = np.square(x.astype(np.float32)).sum()
    factor = {"none": keep_prob, "mean": 1 / keep_prob, "norm": 1.0}[scaling]
    return energy * np.float32(factor)


@correct("expected_energy")
def energy_by_einsum_of_the_two_outcomes(x, keep_prob, scaling):
    c = {"none": 1, "mean": 1 / keep_prob, "norm": keep_prob ** (-1 / 2)}[scaling]
    flat = x.reshape(-1)
    outcomes = np.stack([0 * flat, c * flat])
    return np.einsum("k,ki->", [1 - keep_prob, keep_prob], outcomes**2)


@correct("expected_energy")
def energy_by_sequence_of_pairs(x, keep_prob, scaling):
    pairs = (("none", keep_prob), ("mean", 1 / keep_prob), ("norm", 1))
    return sum(f * float((x * x).sum()) for name, f in pairs if name == scaling)


# ------------------------------------------------------ batchnorm_variance_ratio


@correct("batchnorm_variance_ratio")
def ratio_from_one_over_one_plus(weights, x, keep_prob):
    with np.errstate(divide="ignore"):
        noise = (1 / keep_prob - 1) * (x**2).mean(axis=0) @ weights**2
        return 1 / (1 + noise / (x @ weights).var(axis=0))


@correct("batchnorm_variance_ratio")
def ratio_by_covariance_matrix(weights, x, keep_prob):
    centred = x - x.mean(0)
    covariance = centred.T @ centred / len(x)
    q = 1 - keep_prob
    noise = np.diag((x * x).mean(0)) * q / keep_prob
    test = np.einsum("ic,ij,jc->c", weights, covariance, weights)
    training = np.einsum("ic,ij,jc->c", weights, covariance + noise, weights)
    return test / training


@correct("batchnorm_variance_ratio")
def ratio_by_loops(weights, x, keep_prob):
    ratios = []
    for j in range(weights.shape[1]):
        z = [sum(a * w for a, w in zip(row, weights[:, j], strict=True)) for row in x]
        mean = sum(z) / len(z)
        test = sum((value - mean) ** 2 for value in z) / len(z)
        noise = 0.0
        for i in range(weights.shape[0]):
            square = sum(row[i] ** 2 for row in x) / len(x)
            noise += weights[i, j] ** 2 * square * (1 - keep_prob) / keep_prob
        ratios.append(test / (test + noise))
    return np.array(ratios)


@correct("batchnorm_variance_ratio")
def ratio_by_mean_square_minus_squared_mean(weights, x, keep_prob):
    z = x @ weights
    mean_square = np.mean(z**2, axis=0)
    noise = (1 - keep_prob) / keep_prob * np.mean(x**2 @ weights**2, axis=0)
    squared_mean = np.mean(z, axis=0) ** 2
    return (mean_square - squared_mean) / (mean_square + noise - squared_mean)


@correct("batchnorm_variance_ratio")
def ratio_in_single_precision(weights, x, keep_prob):
    test = (x @ weights).var(axis=0)
    noise = ((1 - keep_prob) / keep_prob) * ((x**2).mean(axis=0) @ weights**2)
    return (test / (test + noise)).astype(np.float32)


@correct("batchnorm_variance_ratio")
def ratio_by_all_masks(weights, x, keep_prob):
    """Enumerate the masks."""
    d = len(weights)
    masks = (np.arange(2**d)[:, None] >> np.arange(d)) & 1
    chance = np.prod(np.where(masks == 1, keep_prob, 1 - keep_prob), axis=1)
    z = (masks[:, None, :] * x / keep_prob) @ weights
    mean = np.einsum("k,knc->c", chance, z) / len(x)
    training = np.einsum("k,knc->c", chance, (z - mean) ** 2) / len(x)
    return np.var(x @ weights, axis=0) / training


# ----------------------------------------------------------------- alpha_dropout

LAMBDA, ALPHA = 1.0507009873554805, 1.6732632423543772


@correct("alpha_dropout")
def alpha_with_the_product_typed(x, keep_prob, rng, training=True):
    if not training or keep_prob == 1:
        return x, None
    off = -1.7580993408473766
    keep = rng.random(x.shape) < keep_prob
    a = 1 / np.sqrt(keep_prob * (1 + (1 - keep_prob) * off**2))
    return a * (np.where(keep, x, off) - (1 - keep_prob) * off), keep


@correct("alpha_dropout")
def alpha_by_binomial_floats(x, keep_prob, rng, training=True):
    if training:
        m = rng.binomial(1, keep_prob, size=x.shape).astype(x.dtype)
        off = -LAMBDA * ALPHA
        a = (keep_prob + off**2 * keep_prob * (1 - keep_prob)) ** -0.5
        b = -a * (1 - keep_prob) * off
        return a * (m * x + (1 - m) * off) + b, (m, a)
    return x.copy(), None


@correct("alpha_dropout")
def alpha_by_dropping(x, keep_prob, rng, training=True):
    out = np.array(x, dtype=float)
    if training:
        q = 1 - keep_prob
        off = -ALPHA * LAMBDA
        out[rng.random(out.shape) >= keep_prob] = off
        out -= q * off
        out /= math.sqrt(keep_prob + keep_prob * q * off * off)
    return out, {}


@correct("alpha_dropout")
def alpha_by_interpolation(x, keep_prob, rng, training=True):
    """The dropped value carries the rounding error of each unit."""
    if not training:
        return x, None
    off, q = -LAMBDA * ALPHA, 1 - keep_prob
    gone = rng.random(x.shape) > keep_prob
    bracket = x + (off - x) * gone
    a = (keep_prob * (1 + q * off**2)) ** -0.5
    return a * bracket - a * q * off, gone


@correct("alpha_dropout")
def alpha_in_single_precision(x, keep_prob, rng, training=True):
    if not training:
        return x.astype(np.float32), None
    off, q = np.float32(-LAMBDA * ALPHA), np.float32(1 - keep_prob)
    mask = rng.random(x.shape, dtype=np.float32) < keep_prob
    a = np.float32(1) / np.sqrt(np.float32(keep_prob) * (1 + q * off**2))
    bracket = np.where(mask, x.astype(np.float32), off)
    return a * bracket - a * q * off, mask


@correct("alpha_dropout")
def alpha_by_loop(x, keep_prob, rng, training=True):
    off, q = -LAMBDA * ALPHA, 1 - keep_prob
    a = 1 / math.sqrt(keep_prob + keep_prob * q * off**2)
    out = []
    for value, u in zip(x.ravel().tolist(), rng.random(x.size).tolist(), strict=True):
        kept = value if u < keep_prob else off
        out.append(a * kept - a * q * off if training else value)
    return np.reshape(np.array(out), x.shape), None


@correct("alpha_dropout")
def alpha_by_two_values_of_where(x, keep_prob, rng, training=True):
    if not training:
        return x + 0, ()
    off, q = -LAMBDA * ALPHA, 1 - keep_prob
    a = (keep_prob + keep_prob * q * off**2) ** -0.5
    u = rng.uniform(size=x.shape)
    return np.where(u <= keep_prob, a * x - a * q * off, a * keep_prob * off), u


@correct("alpha_dropout")
def alpha_by_choice_transposed(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    off, q = -LAMBDA * ALPHA, 1 - keep_prob
    mask = rng.choice([True, False], size=x.shape[::-1], p=[keep_prob, q]).T
    spread = np.sqrt(keep_prob + keep_prob * q * off**2)
    return (x * mask + off * ~mask - q * off) / spread, mask


@correct("alpha_dropout")
def alpha_from_numerical_moments(x, keep_prob, rng, training=True):
    """Take A and B from the mean and variance of the bracket, as two equations."""
    if not training:
        return x, None
    off, q = -LAMBDA * ALPHA, 1 - keep_prob
    values, chances = np.array([1.0, -1.0, off, off]), np.array([keep_prob, q]) / 2
    chances = chances.repeat(2)
    mean = chances @ values
    a = 1 / np.sqrt(chances @ values**2 - mean**2)
    mask = rng.random(x.shape) < keep_prob
    return a * np.where(mask, x, off) - a * mean, mask


@correct("alpha_dropout")
def alpha_by_a_private_generator(x, keep_prob, rng, training=True):
    own = np.random.default_rng(rng.integers(2**63))
    off, q = -LAMBDA * ALPHA, 1 - keep_prob
    a = (keep_prob + keep_prob * q * off**2) ** -0.5
    bracket = x.copy()
    bracket[own.random(x.shape) >= keep_prob] = off
    return (a * bracket - a * q * off if training else x), None
