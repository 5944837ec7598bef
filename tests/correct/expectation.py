"""Correct answers to the exercises of ``expectation``, each in another style."""

import itertools
import math

import numpy as np

from tests.bank import correct

# ---------------------------------------------------------------- bernoulli_mask


@correct("bernoulli_mask")
def mask_with_at_most(shape, keep_prob, rng):
    return rng.random(shape) <= keep_prob


@correct("bernoulli_mask")
def mask_from_the_other_end(shape, keep_prob, rng):
    return rng.random(shape) > 1 - keep_prob


@correct("bernoulli_mask")
def mask_by_uniform(shape, keep_prob, rng):
    return np.logical_not(rng.uniform(0.0, 1.0, size=shape) >= keep_prob)


@correct("bernoulli_mask")
def mask_by_binomial(shape, keep_prob, rng):
    return rng.binomial(1, keep_prob, size=shape).astype(bool)


@correct("bernoulli_mask")
def mask_by_choice(shape, keep_prob, rng):
    return rng.choice([True, False], size=shape, p=[keep_prob, 1 - keep_prob])


@correct("bernoulli_mask")
def mask_by_where(shape, keep_prob, rng):
    return np.where(rng.random(shape) < keep_prob, True, False)


@correct("bernoulli_mask")
def mask_from_float32(shape, keep_prob, rng):
    return rng.random(shape, dtype=np.float32) < keep_prob


@correct("bernoulli_mask")
def mask_drawn_transposed(shape, keep_prob, rng):
    return (rng.random(shape[::-1]) < keep_prob).T


@correct("bernoulli_mask")
def mask_by_loop(shape, keep_prob, rng):
    mask = []
    for _ in range(math.prod(shape)):
        mask.append(rng.random() < keep_prob)
    return np.reshape(mask, shape)


@correct("bernoulli_mask")
def mask_by_list(shape, keep_prob, rng):
    flat = [u < keep_prob for u in rng.random(math.prod(shape)).tolist()]
    return np.array(flat).reshape(shape)


@correct("bernoulli_mask")
def mask_by_threshold_of_integers(shape, keep_prob, rng):
    return rng.integers(0, 2**53, size=shape) < keep_prob * 2**53


@correct("bernoulli_mask")
def mask_by_bytes(shape, keep_prob, rng):
    numbers = np.frombuffer(rng.bytes(4 * math.prod(shape)), dtype=np.uint32)
    return numbers.reshape(shape) < keep_prob * 2**32


@correct("bernoulli_mask")
def mask_by_waiting_times(shape, keep_prob, rng):
    with np.errstate(divide="ignore"):
        return rng.exponential(size=shape) > -np.log(keep_prob)


@correct("bernoulli_mask")
def mask_by_geometric_skips(shape, keep_prob, rng):
    mask = np.zeros(math.prod(shape), dtype=bool)
    if keep_prob > 0:
        places = np.cumsum(rng.geometric(keep_prob, size=mask.size)) - 1
        mask[places[places < mask.size]] = True
    return mask.reshape(shape)


@correct("bernoulli_mask")
def mask_by_count_then_place(shape, keep_prob, rng):
    n = math.prod(shape)
    mask = np.arange(n) < rng.binomial(n, keep_prob)
    return rng.permutation(mask).reshape(shape)


@correct("bernoulli_mask")
def mask_from_a_child_generator(shape, keep_prob, rng):
    child = np.random.default_rng(rng.integers(2**63, size=2))
    return child.random(shape) < keep_prob


@correct("bernoulli_mask")
def mask_of_the_dropped_inverted(shape, keep_prob, rng):
    drop_prob = 1 - keep_prob
    dropped = rng.random(shape) < drop_prob
    return ~dropped


@correct("bernoulli_mask")
def mask_by_floor(shape, keep_prob, rng):
    return np.floor(keep_prob + rng.random(shape)).astype(bool)


@correct("bernoulli_mask")
def mask_by_stacking_rows(shape, keep_prob, rng):
    rows = [rng.random(shape[1:]) < keep_prob for _ in range(shape[0])]
    return np.array(rows)


# --------------------------------------------------------------- dropout_moments


@correct("dropout_moments")
def moments_returning_x_itself(x, keep_prob):
    return x, (1 / keep_prob - 1) * np.square(x)


@correct("dropout_moments")
def moments_as_second_moment_minus_square(x, keep_prob):
    mean = keep_prob * (x / keep_prob) + (1 - keep_prob) * 0
    return mean, keep_prob * (x / keep_prob) ** 2 - mean**2


@correct("dropout_moments")
def moments_over_both_fates(x, keep_prob):
    values = np.stack([x / keep_prob, np.zeros_like(x)])
    weights = np.array([keep_prob, 1 - keep_prob])
    mean = np.tensordot(weights, values, axes=1)
    variance = np.tensordot(weights, (values - mean) ** 2, axes=1)
    return mean, variance


@correct("dropout_moments")
def moments_in_float32(x, keep_prob):
    x = np.asarray(x, dtype=np.float32)
    variance = keep_prob * (1 - keep_prob) * (x / keep_prob) ** 2
    return x, variance.astype(np.float32)


@correct("dropout_moments")
def moments_by_loop(x, keep_prob):
    mean, variance = np.empty(x.shape), np.empty(x.shape)
    for place, value in np.ndenumerate(x):
        mean[place] = value
        variance[place] = value * value * (1 - keep_prob) / keep_prob
    return mean, variance


@correct("dropout_moments")
def moments_by_average(x, keep_prob):
    fates = np.array([x / keep_prob, 0 * x])
    weights = [keep_prob, 1 - keep_prob]
    mean = np.average(fates, axis=0, weights=weights)
    return mean, np.average(fates**2, axis=0, weights=weights) - mean**2


# --------------------------------------------------------------- effective_count


@correct("effective_count")
def count_as_numpy_scalar(x):
    return np.sum(x) ** 2 / np.sum(np.square(x))


@correct("effective_count")
def count_as_0d_array(x):
    return np.asarray(x.sum() ** 2 / (x @ x))


@correct("effective_count")
def count_by_loop(x):
    total = squares = 0.0
    for value in x:
        total += value
        squares += value * value
    return total * total / squares


@correct("effective_count")
def count_scaled_first(x):
    x = x / np.linalg.norm(x)
    return float(x.sum() ** 2)


@correct("effective_count")
def count_by_mean_squares(x):
    return len(x) * x.mean() ** 2 / (x**2).mean()


@correct("effective_count")
def count_in_float32(x):
    x = (x / np.abs(x).max()).astype(np.float32)
    return np.float32(x.sum() ** 2 / (x * x).sum())


@correct("effective_count")
def count_with_fsum(x):
    return math.fsum(x) ** 2 / math.fsum(value**2 for value in x)


@correct("effective_count")
def count_by_cosine(x):
    ones = np.ones_like(x)
    cosine = x @ ones / (np.linalg.norm(x) * np.linalg.norm(ones))
    return len(x) * cosine**2


# ------------------------------------------------------ rescaled_sum_distribution


@correct("rescaled_sum_distribution")
def sums_by_bit_shifts(x, keep_prob):
    n = len(x)
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    weights = np.where(bits == 1, keep_prob, 1 - keep_prob)
    return bits @ x / keep_prob, weights.prod(axis=1)


@correct("rescaled_sum_distribution")
def sums_merged_by_dictionary(x, keep_prob):
    masses = {}
    for mask in itertools.product([False, True], repeat=len(x)):
        value = sum(v / keep_prob for v, m in zip(x, mask, strict=True) if m)
        chance = math.prod(keep_prob if m else 1 - keep_prob for m in mask)
        masses[value] = masses.get(value, 0.0) + chance
    return np.array(list(masses), dtype=float), np.array(list(masses.values()))


@correct("rescaled_sum_distribution")
def sums_merged_by_unique(x, keep_prob):
    bits = np.array(list(itertools.product([1, 0], repeat=len(x))))
    kept = bits.sum(axis=1)
    chances = keep_prob**kept * (1 - keep_prob) ** (len(x) - kept)
    sums = np.round(bits @ x / keep_prob, 9)
    values, place = np.unique(sums, return_inverse=True)
    return values, np.bincount(place, weights=chances)


@correct("rescaled_sum_distribution")
def sums_one_unit_at_a_time(x, keep_prob):
    values, chances = np.zeros(1), np.ones(1)
    for value in x:
        values = np.concatenate([values, values + value / keep_prob])
        chances = np.concatenate([chances * (1 - keep_prob), chances * keep_prob])
    return values, chances


@correct("rescaled_sum_distribution")
def sums_by_recursion(x, keep_prob):
    if len(x) == 0:
        return np.zeros(1), np.ones(1)
    values, chances = sums_by_recursion(x[1:], keep_prob)
    return (
        np.append(values + x[0] / keep_prob, values),
        np.append(chances * keep_prob, chances * (1 - keep_prob)),
    )


@correct("rescaled_sum_distribution")
def sums_by_combinations(x, keep_prob):
    n, values, chances = len(x), [], []
    for k in range(n + 1):
        for kept in itertools.combinations(range(n), k):
            values.append(float(sum(x[i] for i in kept)) / keep_prob)
            chances.append(keep_prob**k * (1 - keep_prob) ** (n - k))
    return np.array(values), np.array(chances)


@correct("rescaled_sum_distribution")
def sums_in_float32_largest_first(x, keep_prob):
    values, chances = sums_one_unit_at_a_time(x, keep_prob)
    order = np.argsort(-values)
    return values[order].astype(np.float32), chances[order].astype(np.float32)


@correct("rescaled_sum_distribution")
def sums_without_impossible_ones(x, keep_prob):
    values, chances = sums_by_bit_shifts(x, keep_prob)
    return values[chances > 0], chances[chances > 0]
