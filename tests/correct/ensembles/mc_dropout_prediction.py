"""Correct answers to ``mc_dropout_prediction`` in other styles."""

import numpy as np

from tests.bank import Styles
from tests.correct.ensembles.shared import log_softmax, softmax


class Answers(Styles, of="mc_dropout_prediction"):
    def samples_all_at_once(x, weights, bias, keep_prob, samples, rng):
        masks = rng.random((samples, *x.shape)) < keep_prob
        return softmax((masks * x / keep_prob) @ weights + bias).mean(axis=0)

    def samples_by_binomial(x, weights, bias, keep_prob, samples, rng):
        members = []
        for _ in range(samples):
            mask = rng.binomial(1, keep_prob, size=x.shape) / keep_prob
            members.append(softmax(np.dot(mask * x, weights) + bias))
        return np.mean(members, axis=0)

    def samples_row_by_row(x, weights, bias, keep_prob, samples, rng):
        out = np.zeros((len(x), len(bias)))
        for i, row in enumerate(x):
            kept = rng.random((samples, len(row))) < keep_prob
            out[i] = softmax(kept * row @ weights / keep_prob + bias).mean(axis=0)
        return out

    def samples_with_a_running_mean(x, weights, bias, keep_prob, samples, rng):
        mean = 0.0
        for k in range(1, samples + 1):
            noisy = np.where(rng.random(x.shape) >= keep_prob, 0, x / keep_prob)
            mean = mean + (softmax(noisy @ weights + bias) - mean) / k
        return mean

    def samples_by_repeating_rows(x, weights, bias, keep_prob, samples, rng):
        many = np.repeat(x, samples, axis=0)
        many *= rng.choice([0, 1 / keep_prob], many.shape, p=[1 - keep_prob, keep_prob])
        members = np.exp(log_softmax(many @ weights + bias))
        return members.reshape(len(x), samples, -1).mean(axis=1)

    def samples_by_tiling_the_batch(x, weights, bias, keep_prob, samples, rng):
        many = np.tile(x, (samples, 1))
        many = many * (rng.uniform(size=many.shape) > 1 - keep_prob) / keep_prob
        return softmax(many @ weights + bias).reshape(samples, len(x), -1).mean(axis=0)

    def samples_from_float32_uniforms(x, weights, bias, keep_prob, samples, rng):
        shape = (samples, *x.shape)
        masks = rng.random(shape, dtype=np.float32) < keep_prob
        return (
            sum(softmax(m * (x / keep_prob) @ weights + bias) for m in masks) / samples
        )

    def samples_drawn_transposed(x, weights, bias, keep_prob, samples, rng):
        masks = rng.random((samples, *x.T.shape)) < keep_prob
        z = np.einsum("sdn,nd,dc->snc", masks, x, weights) / keep_prob + bias
        return np.average(softmax(z), axis=0).astype(np.float32)

    def samples_from_child_generators(x, weights, bias, keep_prob, samples, rng):
        total = np.zeros((len(x), len(bias)))
        for seed in rng.integers(2**63, size=(samples, 2)):
            child = np.random.default_rng(seed)
            total += softmax(
                x * (child.random(x.shape) < keep_prob) @ weights / keep_prob + bias
            )
        return total / samples

    def samples_by_a_list_of_predictions(x, weights, bias, keep_prob, samples, rng):
        def forward():
            mask = rng.random(x.shape) < keep_prob
            return softmax((x * mask / keep_prob) @ weights + bias)

        return np.stack([forward() for _ in range(samples)], axis=-1).mean(axis=-1)
