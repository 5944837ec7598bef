"""Correct answers to ``kept_count_distribution`` in other styles."""

import math
from fractions import Fraction

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="kept_count_distribution"):
    def counts_unit_by_unit(n, keep_prob):
        chances = np.ones(1)
        for _ in range(n):
            chances = np.append((1 - keep_prob) * chances, 0.0) + np.append(
                0.0, keep_prob * chances
            )
        return chances

    def counts_in_place(n, keep_prob):
        chances = np.zeros(n + 1)
        chances[0] = 1
        for _ in range(n):
            chances[1:] = keep_prob * chances[:-1] + (1 - keep_prob) * chances[1:]
            chances[0] *= 1 - keep_prob
        return chances

    def counts_by_doubling(n, keep_prob):
        chances, power = np.ones(1), np.array([1 - keep_prob, keep_prob])
        while n:
            if n & 1:
                chances = np.convolve(chances, power)
            power, n = np.convolve(power, power), n >> 1
        return chances

    def counts_by_fourier(n, keep_prob):
        one = np.zeros(n + 1)
        one[:2] = 1 - keep_prob, keep_prob
        return np.fft.irfft(np.fft.rfft(one) ** n, n + 1) if n > 1 else one

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

    def counts_by_exact_logarithms(n, keep_prob):
        def log_times(k, value):
            return 0.0 if k == 0 else k * (math.log(value) if value else -math.inf)

        ways, result = 1, np.empty(n + 1)
        for k in range(n + 1):
            log = (
                math.log(ways)
                + log_times(k, keep_prob)
                + log_times(n - k, 1 - keep_prob)
            )
            result[k] = math.exp(log)
            ways = ways * (n - k) // (k + 1)
        return result

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

    def counts_with_whole_numbers(n, keep_prob):
        p = Fraction(keep_prob)
        q, ways, result = 1 - p, 1, []
        log_p, log_q = (
            math.log(v.numerator) - math.log(v.denominator) if v else -1e9
            for v in (p, q)
        )
        for k in range(n + 1):
            result.append(math.exp(math.log(ways) + k * log_p + (n - k) * log_q))
            ways = ways * (n - k) // (k + 1)
        return np.array(result)

    def counts_in_single_precision(n, keep_prob):
        return Answers.counts_by_lgamma(n, keep_prob).astype(np.float32)
