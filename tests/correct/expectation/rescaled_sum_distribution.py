"""Correct answers to ``rescaled_sum_distribution`` in other styles."""

import itertools
import math

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="rescaled_sum_distribution"):
    def sums_by_bit_shifts(x, keep_prob):
        n = len(x)
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        weights = np.where(bits == 1, keep_prob, 1 - keep_prob)
        return bits @ x / keep_prob, weights.prod(axis=1)

    def sums_merged_by_dictionary(x, keep_prob):
        masses = {}
        for mask in itertools.product([False, True], repeat=len(x)):
            value = sum(v / keep_prob for v, m in zip(x, mask, strict=True) if m)
            chance = math.prod(keep_prob if m else 1 - keep_prob for m in mask)
            masses[value] = masses.get(value, 0.0) + chance
        return np.array(list(masses), dtype=float), np.array(list(masses.values()))

    def sums_merged_by_unique(x, keep_prob):
        bits = np.array(list(itertools.product([1, 0], repeat=len(x))))
        kept = bits.sum(axis=1)
        chances = keep_prob**kept * (1 - keep_prob) ** (len(x) - kept)
        sums = np.round(bits @ x / keep_prob, 9)
        values, place = np.unique(sums, return_inverse=True)
        return values, np.bincount(place, weights=chances)

    def sums_merged_where_math_says_close(x, keep_prob):
        listed = []
        for mask in itertools.product([0, 1], repeat=len(x)):
            kept = sum(mask)
            listed.append(
                (
                    float(np.dot(mask, x)) / keep_prob,
                    keep_prob**kept * (1 - keep_prob) ** (len(x) - kept),
                )
            )
        values, chances = [], []
        for value, chance in sorted(listed):
            if values and math.isclose(value, values[-1]):
                chances[-1] += chance
            else:
                values.append(value)
                chances.append(chance)
        return np.array(values), np.array(chances)

    def sums_one_unit_at_a_time(x, keep_prob):
        values, chances = np.zeros(1), np.ones(1)
        for value in x:
            values = np.concatenate([values, values + value / keep_prob])
            chances = np.concatenate([chances * (1 - keep_prob), chances * keep_prob])
        return values, chances

    def sums_by_recursion(x, keep_prob):
        if len(x) == 0:
            return np.zeros(1), np.ones(1)
        values, chances = Answers.sums_by_recursion(x[1:], keep_prob)
        return (
            np.append(values + x[0] / keep_prob, values),
            np.append(chances * keep_prob, chances * (1 - keep_prob)),
        )

    def sums_by_combinations(x, keep_prob):
        n, values, chances = len(x), [], []
        for k in range(n + 1):
            for kept in itertools.combinations(range(n), k):
                values.append(float(sum(x[i] for i in kept)) / keep_prob)
                chances.append(keep_prob**k * (1 - keep_prob) ** (n - k))
        return np.array(values), np.array(chances)

    def sums_in_float32_largest_first(x, keep_prob):
        values, chances = Answers.sums_one_unit_at_a_time(x, keep_prob)
        order = np.argsort(-values)
        return values[order].astype(np.float32), chances[order].astype(np.float32)

    def sums_without_impossible_ones(x, keep_prob):
        values, chances = Answers.sums_by_bit_shifts(x, keep_prob)
        return values[chances > 0], chances[chances > 0]
