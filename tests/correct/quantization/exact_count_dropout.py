"""Correct answers to ``exact_count_dropout`` in other styles."""

import random

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="exact_count_dropout"):
    def exact_with_the_mean_of_the_mask(x, keep_prob, rng):
        mask = rng.random(x.shape) <= keep_prob
        fraction = mask.mean(axis=1, keepdims=True)
        fraction[fraction == 0] = 1
        return x * mask / fraction, (mask, fraction)

    def exact_row_by_row(x, keep_prob, rng):
        mask, out = rng.random(x.shape) < keep_prob, np.zeros(x.shape)
        for r, kept in enumerate(mask.sum(axis=1).tolist()):
            if kept:
                out[r] = x[r] * mask[r] / (kept / x.shape[1])
        return out, mask

    def exact_with_a_guarded_division(x, keep_prob, rng):
        mask = rng.binomial(1, keep_prob, size=x.shape).astype(x.dtype)
        kept = mask.sum(axis=1, keepdims=True)
        scale = np.divide(x.shape[1], kept, out=np.zeros_like(kept), where=kept > 0)
        return x * mask * scale, {"mask": mask, "scale": scale}

    def exact_with_silenced_nan(x, keep_prob, rng):
        mask = rng.uniform(size=x.shape) > 1 - keep_prob
        with np.errstate(all="ignore"):
            out = x * mask * x.shape[1] / mask.sum(1)[:, None]
        return np.nan_to_num(out, nan=0.0, posinf=0.0, neginf=0.0), mask

    def exact_by_count_then_place(x, keep_prob, rng):
        counts = rng.binomial(x.shape[1], keep_prob, size=len(x))[:, None]
        ranks = rng.random(x.shape).argsort(axis=1)
        mask = ranks < counts
        return np.where(mask, x * (x.shape[1] / np.maximum(counts, 1)), 0.0), mask

    def exact_drawn_transposed(x, keep_prob, rng):
        mask = (rng.random(x.T.shape) < keep_prob).T
        kept = np.count_nonzero(mask, axis=1)
        weight = np.array([x.shape[1] / k if k else 0 for k in kept])
        return np.einsum("nd,nd,n->nd", x, mask, weight), mask

    def exact_in_single_precision(x, keep_prob, rng):
        mask = rng.random(x.shape, dtype=np.float32) < keep_prob
        kept = mask.sum(axis=1, keepdims=True).astype(np.float32)
        return x.astype(np.float32) * mask * (x.shape[1] / np.maximum(kept, 1)), mask

    def exact_with_a_tiny_constant(x, keep_prob, rng):
        mask = rng.choice([1.0, 0.0], size=x.shape, p=[keep_prob, 1 - keep_prob])
        return x * mask / (mask.mean(axis=1, keepdims=True) + 1e-12), mask

    def exact_from_a_child_generator(x, keep_prob, rng):
        child = random.Random(int(rng.integers(2**63)))
        mask = np.array([[child.random() < keep_prob for _ in row] for row in x])
        return x * mask / np.maximum(mask.mean(axis=1), 1 / (2 * mask.shape[1]))[
            :, None
        ], mask
