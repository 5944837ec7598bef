"""Correct answers to ``fixed_count_dropout`` in other styles."""

import random

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="fixed_count_dropout"):
    def fixed_by_ranks(x, keep_count, rng):
        mask = rng.random(x.shape).argsort(axis=1) < keep_count
        return x * mask * x.shape[1] / keep_count, mask

    def fixed_by_ranks_of_ranks(x, keep_count, rng):
        ranks = rng.standard_normal(x.shape).argsort(axis=1).argsort(axis=1)
        mask = ranks >= x.shape[1] - keep_count
        return np.where(mask, x / (keep_count / x.shape[1]), 0), mask

    def fixed_by_partition(x, keep_count, rng):
        numbers = rng.random(x.shape)
        chosen = np.argpartition(numbers, keep_count - 1, axis=1)[:, :keep_count]
        mask = np.zeros(x.shape)
        np.put_along_axis(mask, chosen, x.shape[1] / keep_count, axis=1)
        return mask * x, chosen

    def fixed_by_threshold(x, keep_count, rng):
        numbers = rng.random(x.shape)
        last = np.sort(numbers, axis=1)[:, keep_count - 1 : keep_count]
        mask = numbers <= last
        return x * mask / mask.mean(axis=1, keepdims=True), mask

    def fixed_by_choice(x, keep_count, rng):
        n, d = x.shape
        out = np.zeros((n, d))
        for r in range(n):
            chosen = rng.choice(d, size=keep_count, replace=False)
            out[r, chosen] = x[r, chosen] * (d / keep_count)
        return out, None

    def fixed_by_permutations(x, keep_count, rng):
        pattern = np.arange(x.shape[1]) < keep_count
        mask = np.array([rng.permutation(pattern) for _ in x])
        return x * mask / (keep_count / x.shape[1]), mask

    def fixed_by_permuted_rows(x, keep_count, rng):
        pattern = np.zeros(x.shape, dtype=x.dtype)
        pattern[:, -keep_count:] = x.shape[1] / keep_count
        rng.permuted(pattern, axis=1, out=pattern)
        return x * pattern, pattern

    def fixed_by_sequential_sampling(x, keep_count, rng):
        n, d = x.shape
        left, mask = np.full(n, keep_count), np.zeros((n, d), dtype=bool)
        for i in range(d):  # selection sampling, one column after the other
            mask[:, i] = rng.random(n) * (d - i) < left
            left = left - mask[:, i]
        return x * mask * (d / keep_count), mask

    def fixed_by_fisher_yates(x, keep_count, rng):
        n, d = x.shape
        order, rows = np.tile(np.arange(d), (n, 1)), np.arange(n)
        for i in range(keep_count):
            j = rng.integers(i, d, size=n)
            order[rows, i], order[rows, j] = order[rows, j], order[rows, i]
        mask = np.zeros((n, d))
        mask[rows[:, None], order[:, :keep_count]] = 1
        return mask * x * d / keep_count, order

    def fixed_in_single_precision(x, keep_count, rng):
        mask = rng.random(x.shape).argsort(axis=1) < keep_count
        scale = np.float32(x.shape[1] / keep_count)
        return x.astype(np.float32) * mask * scale, mask

    def fixed_from_the_standard_library(x, keep_count, rng):
        child = random.Random(int(rng.integers(2**63)))
        out = np.zeros(x.shape)
        for r, row in enumerate(x):
            for i in child.sample(range(len(row)), keep_count):
                out[r, i] = row[i] * len(row) / keep_count
        return out, "nothing"

    def fixed_by_exponential_clocks(x, keep_count, rng):
        clocks = rng.exponential(size=x.shape)
        kth = np.partition(clocks, keep_count - 1, axis=1)[:, [keep_count - 1]]
        return (clocks <= kth) * x / keep_count * x.shape[1], clocks
