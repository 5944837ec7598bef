"""Correct answers to ``probit_prediction`` in other styles."""

import math

import numpy as np

from tests.bank import Styles


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Answers(Styles, of="probit_prediction"):
    def probit_with_plain_sigmoid(x, weights, bias, keep_prob):
        mean = x.dot(weights) + bias
        variance = ((x * weights) ** 2).sum(axis=1) * (1 - keep_prob) / keep_prob
        with np.errstate(over="ignore"):
            return sigmoid(mean / np.sqrt(1 + np.pi / 8 * variance))

    def probit_by_hyperbolic_tangent(x, weights, bias, keep_prob):
        mean = np.einsum("nd,d->n", x, weights) + bias
        variance = np.einsum("nd,d->n", x**2, weights**2) * (1 / keep_prob - 1)
        return 0.5 + 0.5 * np.tanh(0.5 * mean * (1 + np.pi * variance / 8) ** -0.5)

    def probit_row_by_row(x, weights, bias, keep_prob):
        answers = []
        for row in x:
            terms = [a * w for a, w in zip(row, weights, strict=True)]
            mean = math.fsum(terms) + bias
            variance = (1 - keep_prob) / keep_prob * math.fsum(t * t for t in terms)
            z = mean / math.sqrt(1 + math.pi * variance / 8)
            tail = math.exp(-abs(z))
            answers.append(1 / (1 + tail) if z >= 0 else tail / (1 + tail))
        return np.array(answers)

    def probit_from_the_members_variance(x, weights, bias, keep_prob):
        scaled = x * weights / keep_prob
        bit_variance = keep_prob * (1 - keep_prob)
        mean = keep_prob * scaled.sum(axis=1) + bias
        variance = (bit_variance * scaled**2).sum(axis=1)
        z = mean / np.hypot(1, np.sqrt(np.pi * variance / 8))
        return np.exp(-np.logaddexp(0, -z))

    def probit_as_float32(x, weights, bias, keep_prob):
        with np.errstate(over="ignore"):
            answer = Answers.probit_with_plain_sigmoid(x, weights, bias, keep_prob)
        return answer.astype(np.float32)
