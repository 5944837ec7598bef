"""Correct answers to ``dropconnect_forward`` in other styles."""

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="dropconnect_forward"):
    def connect_row_by_row(x, weights, keep_prob, rng):
        out = np.zeros((x.shape[0], weights.shape[1]))
        for n, row in enumerate(x):
            mask = rng.random(weights.shape) < keep_prob
            out[n] = row @ (weights * mask / keep_prob)
        return out

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

    def connect_by_binomial_products(x, weights, keep_prob, rng):
        products = x[:, :, None] * weights[None]
        kept = rng.binomial(1, keep_prob, size=products.shape)
        return np.where(kept == 1, products, 0.0).sum(axis=1) / keep_prob

    def connect_by_batched_matmul(x, weights, keep_prob, rng):
        mask = rng.uniform(size=(len(x), *weights.shape)) >= 1 - keep_prob
        return ((x / keep_prob)[:, None, :] @ (weights * mask))[:, 0, :]

    def connect_in_float32(x, weights, keep_prob, rng):
        shape = (len(x), weights.shape[1], weights.shape[0])
        mask = (rng.random(shape, dtype=np.float32) < keep_prob).astype(np.float32)
        mask /= np.float32(keep_prob)
        return np.einsum(
            "nd,ncd,dc->nc", x.astype(np.float32), mask, weights.astype(np.float32)
        )

    def connect_by_subtracting_the_dropped(x, weights, keep_prob, rng):
        dropped = rng.choice(
            [True, False], p=[1 - keep_prob, keep_prob], size=(*weights.shape, len(x))
        )
        lost = np.einsum("nd,dc,dcn->nc", x, weights, dropped)
        return (x @ weights - lost) * (1 / keep_prob)

    def connect_input_by_input(x, weights, keep_prob, rng):
        out = np.zeros((len(x), weights.shape[1]))
        for d in range(weights.shape[0]):
            out += np.outer(x[:, d], weights[d]) * (rng.random(out.shape) <= keep_prob)
        return np.divide(out, keep_prob)
