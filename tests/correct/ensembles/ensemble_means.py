"""Correct answers to ``ensemble_means`` in other styles."""

import itertools

import numpy as np

from tests.bank import Styles
from tests.correct.ensembles.shared import log_softmax, softmax


class Answers(Styles, of="ensemble_means"):
    def means_by_a_loop_over_masks(x, weights, bias, keep_prob):
        arithmetic = np.zeros((len(x), len(bias)))
        logs = np.zeros_like(arithmetic)
        for mask in itertools.product([True, False], repeat=x.shape[1]):
            chance = 1.0
            for kept in mask:
                chance *= keep_prob if kept else 1 - keep_prob
            log_member = log_softmax(np.where(mask, x, 0) / keep_prob @ weights + bias)
            arithmetic += chance * np.exp(log_member)
            logs += chance * log_member
        return arithmetic, softmax(logs)

    def geometric_mean_by_the_theorem(x, weights, bias, keep_prob):
        masks = np.array(list(itertools.product([0, 1], repeat=x.shape[1])))
        chance = np.where(masks == 1, keep_prob, 1 - keep_prob).prod(axis=1)
        members = [softmax((m * x) @ weights / keep_prob + bias) for m in masks]
        arithmetic = np.average(members, axis=0, weights=chance)
        return arithmetic, softmax(x @ weights + bias)

    def means_by_recursion(x, weights, bias, keep_prob):
        def both(unit, logits):
            if unit == x.shape[1]:
                logs = log_softmax(logits)
                return np.exp(logs), logs
            dropped = both(unit + 1, logits)
            share = x[:, [unit]] * weights[unit] / keep_prob
            kept = both(unit + 1, logits + share)
            p, q = keep_prob, 1 - keep_prob
            return tuple(p * k + q * d for k, d in zip(kept, dropped, strict=True))

        arithmetic, logs = both(0, np.tile(bias, (len(x), 1)))
        geometric = np.exp(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))
        return arithmetic, geometric

    def means_row_by_row(x, weights, bias, keep_prob):
        d = x.shape[1]
        bits = (np.arange(2**d)[:, None] & (1 << np.arange(d))) > 0
        with np.errstate(divide="ignore"):
            log_chance = np.where(bits, np.log(keep_prob), np.log1p(-keep_prob)).sum(1)
        chance = np.exp(log_chance)
        arithmetic, geometric = [], []
        for row in x:
            logs = log_softmax((bits * row / keep_prob).dot(weights) + bias)
            arithmetic.append(chance @ np.exp(logs))
            geometric.append(softmax(chance @ logs))
        return np.array(arithmetic), np.array(geometric)

    def means_returned_as_float32(x, weights, bias, keep_prob):
        arithmetic, geometric = Answers.means_by_recursion(x, weights, bias, keep_prob)
        return arithmetic.astype(np.float32), geometric.astype(np.float32)

    def means_with_expected_log_normaliser(x, weights, bias, keep_prob):
        d = x.shape[1]
        masks = np.unpackbits(
            np.arange(2**d, dtype=">u2").view(np.uint8).reshape(-1, 2), axis=1
        )
        masks = masks[:, 16 - d :].astype(float)
        chance = keep_prob ** masks.sum(1) * (1 - keep_prob) ** (d - masks.sum(1))
        z = np.einsum("md,nd,dc->nmc", masks, x / keep_prob, weights) + bias
        top = z.max(axis=2, keepdims=True)
        log_total = np.log(np.exp(z - top).sum(axis=2, keepdims=True)) + top
        arithmetic = np.einsum("m,nmc->nc", chance, np.exp(z - log_total))
        mean_log = np.einsum("m,nmc->nc", chance, z - log_total)
        disagreement = -np.logaddexp.reduce(mean_log, axis=1, keepdims=True)
        return arithmetic, np.exp(mean_log + disagreement)
