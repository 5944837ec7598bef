"""Correct answers to the exercises of ``quantization``, each in another style."""

import functools
import itertools
import math
import random
from fractions import Fraction

import numpy as np

from tests.bank import correct

# ---------------------------------------------------------------- kept_count_distribution


@correct("kept_count_distribution")
def counts_unit_by_unit(n, keep_prob):
    chances = np.ones(1)
    for _ in range(n):
        chances = np.append((1 - keep_prob) * chances, 0.0) + np.append(
            0.0, keep_prob * chances
        )
    return chances


@correct("kept_count_distribution")
def counts_in_place(n, keep_prob):
    chances = np.zeros(n + 1)
    chances[0] = 1
    for _ in range(n):
        chances[1:] = keep_prob * chances[:-1] + (1 - keep_prob) * chances[1:]
        chances[0] *= 1 - keep_prob
    return chances


@correct("kept_count_distribution")
def counts_by_doubling(n, keep_prob):
    chances, power = np.ones(1), np.array([1 - keep_prob, keep_prob])
    while n:
        if n & 1:
            chances = np.convolve(chances, power)
        power, n = np.convolve(power, power), n >> 1
    return chances


@correct("kept_count_distribution")
def counts_by_fourier(n, keep_prob):
    one = np.zeros(n + 1)
    one[:2] = 1 - keep_prob, keep_prob
    return np.fft.irfft(np.fft.rfft(one) ** n, n + 1) if n > 1 else one


@correct("kept_count_distribution")
def counts_by_lgamma(n, keep_prob):
    if keep_prob == 0 or keep_prob == 1:
        certain = np.zeros(n + 1)
        certain[-1 if keep_prob else 0] = 1.0
        return certain
    logs = [
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(keep_prob)
        + (n - k) * math.log(1 - keep_prob)
        for k in range(n + 1)
    ]
    return np.exp(np.array(logs))


@correct("kept_count_distribution")
def counts_by_exact_logarithms(n, keep_prob):
    def log_times(k, value):
        return 0.0 if k == 0 else k * (math.log(value) if value else -math.inf)

    ways, result = 1, np.empty(n + 1)
    for k in range(n + 1):
        log = math.log(ways) + log_times(k, keep_prob) + log_times(n - k, 1 - keep_prob)
        result[k] = math.exp(log)
        ways = ways * (n - k) // (k + 1)
    return result


@correct("kept_count_distribution")
def counts_from_the_mode(n, keep_prob):
    if keep_prob in (0.0, 1.0):
        return np.eye(n + 1)[n if keep_prob else 0]
    odds = keep_prob / (1 - keep_prob)
    weights, mode = np.ones(n + 1), min(n, int((n + 1) * keep_prob))
    for k in range(mode, n):
        weights[k + 1] = weights[k] * (n - k) / (k + 1) * odds
    for k in range(mode, 0, -1):
        weights[k - 1] = weights[k] * k / (n - k + 1) / odds
    return weights / weights.sum()


@correct("kept_count_distribution")
def counts_with_whole_numbers(n, keep_prob):
    p = Fraction(keep_prob)
    q, ways, result = 1 - p, 1, []
    log_p, log_q = (
        math.log(v.numerator) - math.log(v.denominator) if v else -1e9 for v in (p, q)
    )
    for k in range(n + 1):
        result.append(math.exp(math.log(ways) + k * log_p + (n - k) * log_q))
        ways = ways * (n - k) // (k + 1)
    return np.array(result)


@correct("kept_count_distribution")
def counts_in_single_precision(n, keep_prob):
    return counts_by_lgamma(n, keep_prob).astype(np.float32)


# ---------------------------------------------------------------- exact_count_dropout


@correct("exact_count_dropout")
def exact_with_the_mean_of_the_mask(x, keep_prob, rng):
    mask = rng.random(x.shape) <= keep_prob
    fraction = mask.mean(axis=1, keepdims=True)
    fraction[fraction == 0] = 1
    return x * mask / fraction, (mask, fraction)


@correct("exact_count_dropout")
def exact_row_by_row(x, keep_prob, rng):
    mask, out = rng.random(x.shape) < keep_prob, np.zeros(x.shape)
    for r, kept in enumerate(mask.sum(axis=1).tolist()):
        if kept:
            out[r] = x[r] * mask[r] / (kept / x.shape[1])
    return out, mask


@correct("exact_count_dropout")
def exact_with_a_guarded_division(x, keep_prob, rng):
    mask = rng.binomial(1, keep_prob, size=x.shape).astype(x.dtype)
    kept = mask.sum(axis=1, keepdims=True)
    scale = np.divide(x.shape[1], kept, out=np.zeros_like(kept), where=kept > 0)
    return x * mask * scale, {"mask": mask, "scale": scale}


@correct("exact_count_dropout")
def exact_with_silenced_nan(x, keep_prob, rng):
    mask = rng.uniform(size=x.shape) > 1 - keep_prob
    with np.errstate(all="ignore"):
        out = x * mask * x.shape[1] / mask.sum(1)[:, None]
    return np.nan_to_num(out, nan=0.0, posinf=0.0, neginf=0.0), mask


@correct("exact_count_dropout")
def exact_by_count_then_place(x, keep_prob, rng):
    counts = rng.binomial(x.shape[1], keep_prob, size=len(x))[:, None]
    ranks = rng.random(x.shape).argsort(axis=1)
    mask = ranks < counts
    return np.where(mask, x * (x.shape[1] / np.maximum(counts, 1)), 0.0), mask


@correct("exact_count_dropout")
def exact_drawn_transposed(x, keep_prob, rng):
    mask = (rng.random(x.T.shape) < keep_prob).T
    kept = np.count_nonzero(mask, axis=1)
    weight = np.array([x.shape[1] / k if k else 0 for k in kept])
    return np.einsum("nd,nd,n->nd", x, mask, weight), mask


@correct("exact_count_dropout")
def exact_in_single_precision(x, keep_prob, rng):
    mask = rng.random(x.shape, dtype=np.float32) < keep_prob
    kept = mask.sum(axis=1, keepdims=True).astype(np.float32)
    return x.astype(np.float32) * mask * (x.shape[1] / np.maximum(kept, 1)), mask


@correct("exact_count_dropout")
def exact_with_a_tiny_constant(x, keep_prob, rng):
    mask = rng.choice([1.0, 0.0], size=x.shape, p=[keep_prob, 1 - keep_prob])
    return x * mask / (mask.mean(axis=1, keepdims=True) + 1e-12), mask


@correct("exact_count_dropout")
def exact_from_a_child_generator(x, keep_prob, rng):
    child = random.Random(int(rng.integers(2**63)))
    mask = np.array([[child.random() < keep_prob for _ in row] for row in x])
    return x * mask / np.maximum(mask.mean(axis=1), 1 / (2 * mask.shape[1]))[
        :, None
    ], mask


# ---------------------------------------------------------------- fixed_count_dropout


@correct("fixed_count_dropout")
def fixed_by_ranks(x, keep_count, rng):
    mask = rng.random(x.shape).argsort(axis=1) < keep_count
    return x * mask * x.shape[1] / keep_count, mask


@correct("fixed_count_dropout")
def fixed_by_ranks_of_ranks(x, keep_count, rng):
    ranks = rng.standard_normal(x.shape).argsort(axis=1).argsort(axis=1)
    mask = ranks >= x.shape[1] - keep_count
    return np.where(mask, x / (keep_count / x.shape[1]), 0), mask


@correct("fixed_count_dropout")
def fixed_by_partition(x, keep_count, rng):
    numbers = rng.random(x.shape)
    chosen = np.argpartition(numbers, keep_count - 1, axis=1)[:, :keep_count]
    mask = np.zeros(x.shape)
    np.put_along_axis(mask, chosen, x.shape[1] / keep_count, axis=1)
    return mask * x, chosen


@correct("fixed_count_dropout")
def fixed_by_threshold(x, keep_count, rng):
    numbers = rng.random(x.shape)
    last = np.sort(numbers, axis=1)[:, keep_count - 1 : keep_count]
    mask = numbers <= last
    return x * mask / mask.mean(axis=1, keepdims=True), mask


@correct("fixed_count_dropout")
def fixed_by_choice(x, keep_count, rng):
    n, d = x.shape
    out = np.zeros((n, d))
    for r in range(n):
        chosen = rng.choice(d, size=keep_count, replace=False)
        out[r, chosen] = x[r, chosen] * (d / keep_count)
    return out, None


@correct("fixed_count_dropout")
def fixed_by_permutations(x, keep_count, rng):
    pattern = np.arange(x.shape[1]) < keep_count
    mask = np.array([rng.permutation(pattern) for _ in x])
    return x * mask / (keep_count / x.shape[1]), mask


@correct("fixed_count_dropout")
def fixed_by_permuted_rows(x, keep_count, rng):
    pattern = np.zeros(x.shape, dtype=x.dtype)
    pattern[:, -keep_count:] = x.shape[1] / keep_count
    rng.permuted(pattern, axis=1, out=pattern)
    return x * pattern, pattern


@correct("fixed_count_dropout")
def fixed_by_sequential_sampling(x, keep_count, rng):
    n, d = x.shape
    left, mask = np.full(n, keep_count), np.zeros((n, d), dtype=bool)
    for i in range(d):  # selection sampling, one column after the other
        mask[:, i] = rng.random(n) * (d - i) < left
        left = left - mask[:, i]
    return x * mask * (d / keep_count), mask


@correct("fixed_count_dropout")
def fixed_by_fisher_yates(x, keep_count, rng):
    n, d = x.shape
    order, rows = np.tile(np.arange(d), (n, 1)), np.arange(n)
    for i in range(keep_count):
        j = rng.integers(i, d, size=n)
        order[rows, i], order[rows, j] = order[rows, j], order[rows, i]
    mask = np.zeros((n, d))
    mask[rows[:, None], order[:, :keep_count]] = 1
    return mask * x * d / keep_count, order


@correct("fixed_count_dropout")
def fixed_in_single_precision(x, keep_count, rng):
    mask = rng.random(x.shape).argsort(axis=1) < keep_count
    scale = np.float32(x.shape[1] / keep_count)
    return x.astype(np.float32) * mask * scale, mask


@correct("fixed_count_dropout")
def fixed_from_the_standard_library(x, keep_count, rng):
    child = random.Random(int(rng.integers(2**63)))
    out = np.zeros(x.shape)
    for r, row in enumerate(x):
        for i in child.sample(range(len(row)), keep_count):
            out[r, i] = row[i] * len(row) / keep_count
    return out, "nothing"


@correct("fixed_count_dropout")
def fixed_by_exponential_clocks(x, keep_count, rng):
    clocks = rng.exponential(size=x.shape)
    kth = np.partition(clocks, keep_count - 1, axis=1)[:, [keep_count - 1]]
    return (clocks <= kth) * x / keep_count * x.shape[1], clocks


# ---------------------------------------------------------------- byte_dropout


def threshold_of(keep_prob):
    return min(256, max(1, math.floor(256 * keep_prob + 0.5)))


@correct("byte_dropout")
def byte_from_raw_bytes(x, keep_prob, rng):
    t = threshold_of(keep_prob)
    byte = np.frombuffer(rng.bytes(x.size), dtype=np.uint8).reshape(x.shape)
    return np.where(byte < t, x * (256 / t), 0.0), t / 256


@correct("byte_dropout")
def byte_with_at_most(x, keep_prob, rng):
    t = threshold_of(keep_prob)
    mask = rng.integers(0, 256, size=x.shape) <= t - 1
    return x * mask / (t / 256), t / 256


@correct("byte_dropout")
def byte_keeping_the_largest(x, keep_prob, rng):
    t = threshold_of(keep_prob)
    mask = rng.integers(0, 255, size=x.shape, dtype=np.uint8, endpoint=True) >= 256 - t
    return x * mask * (256 / t), np.float64(t / 256)


@correct("byte_dropout")
def byte_by_dropping(x, keep_prob, rng):
    dropped_values = min(255, round(256 * (1 - keep_prob)))
    effective = 1 - dropped_values / 256
    byte = rng.integers(256, size=x.shape, dtype=np.uint8)
    out = x / effective
    out[byte < dropped_values] = 0
    return out, effective


@correct("byte_dropout")
def byte_from_words(x, keep_prob, rng):
    t = threshold_of(keep_prob)
    words = rng.integers(2**64, size=-(-x.size // 8), dtype=np.uint64)
    byte = words.view(np.uint8)[: x.size].reshape(x.shape)
    return x * (byte < t) / (t / 256), np.array(t / 256)


@correct("byte_dropout")
def byte_by_table(x, keep_prob, rng):
    choices = np.arange(1, 257) / 256
    effective = choices[np.abs(choices - keep_prob).argmin()]
    factor = np.where(np.arange(256) / 256 < effective, 1 / effective, 0.0)
    return x * factor[rng.integers(256, size=x.shape)], effective


@correct("byte_dropout")
def byte_by_loop(x, keep_prob, rng):
    t = threshold_of(keep_prob)
    values, drawn = x.ravel().tolist(), rng.bytes(x.size)
    kept = [v * 256 / t if b < t else 0.0 for v, b in zip(values, drawn, strict=True)]
    return np.array(kept).reshape(x.shape), t / 256


@correct("byte_dropout")
def byte_of_a_float(x, keep_prob, rng):
    effective = threshold_of(keep_prob) / 256
    mask = np.floor(rng.random(x.shape) * 256) / 256 < effective
    return x * mask / effective, effective


@correct("byte_dropout")
def byte_in_single_precision(x, keep_prob, rng):
    t = threshold_of(keep_prob)
    byte = rng.integers(256, size=x.shape, dtype=np.uint8)
    return x.astype(np.float32) * (byte < t) * np.float32(256 / t), np.float32(t / 256)


@correct("byte_dropout")
def byte_with_signs_moved(x, keep_prob, rng):
    t = threshold_of(keep_prob)
    byte = rng.integers(-128, 128, size=x.shape, dtype=np.int8).astype(int) + 128
    return x * (byte < t) / (t / 256), t / 256


@correct("byte_dropout")
def byte_from_its_bits(x, keep_prob, rng):
    t = threshold_of(keep_prob)
    bits = rng.integers(2, size=(x.size, 8))
    byte = functools.reduce(lambda value, bit: 2 * value + bit, bits.T)
    return x * (byte.reshape(x.shape) < t) / (t / 256), t / 256


@correct("byte_dropout")
def byte_by_python_rounding(x, keep_prob, rng):
    t = next(t for t in itertools.count(1) if t == 256 or 256 * keep_prob < t + 0.5)
    byte = rng.integers(256, size=x.shape, dtype=np.uint16)
    return x * np.less(byte, t) / t * 256, float(t) / 256
