"""Correct answers to ``bernoulli_mask`` in other styles."""

import math

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="bernoulli_mask"):
    def mask_with_at_most(shape, keep_prob, rng):
        return rng.random(shape) <= keep_prob

    def mask_from_the_other_end(shape, keep_prob, rng):
        return rng.random(shape) > 1 - keep_prob

    def mask_by_uniform(shape, keep_prob, rng):
        return np.logical_not(rng.uniform(0.0, 1.0, size=shape) >= keep_prob)

    def mask_by_binomial(shape, keep_prob, rng):
        return rng.binomial(1, keep_prob, size=shape).astype(bool)

    def mask_by_choice(shape, keep_prob, rng):
        return rng.choice([True, False], size=shape, p=[keep_prob, 1 - keep_prob])

    def mask_by_where(shape, keep_prob, rng):
        return np.where(rng.random(shape) < keep_prob, True, False)

    def mask_from_float32(shape, keep_prob, rng):
        return rng.random(shape, dtype=np.float32) < keep_prob

    def mask_drawn_transposed(shape, keep_prob, rng):
        return (rng.random(shape[::-1]) < keep_prob).T

    def mask_by_loop(shape, keep_prob, rng):
        mask = []
        for _ in range(math.prod(shape)):
            mask.append(rng.random() < keep_prob)
        return np.reshape(mask, shape)

    def mask_by_list(shape, keep_prob, rng):
        flat = [u < keep_prob for u in rng.random(math.prod(shape)).tolist()]
        return np.array(flat).reshape(shape)

    def mask_by_threshold_of_integers(shape, keep_prob, rng):
        return rng.integers(0, 2**53, size=shape) < keep_prob * 2**53

    def mask_by_bytes(shape, keep_prob, rng):
        numbers = np.frombuffer(rng.bytes(4 * math.prod(shape)), dtype=np.uint32)
        return numbers.reshape(shape) < keep_prob * 2**32

    def mask_by_waiting_times(shape, keep_prob, rng):
        with np.errstate(divide="ignore"):
            return rng.exponential(size=shape) > -np.log(keep_prob)

    def mask_by_geometric_skips(shape, keep_prob, rng):
        mask = np.zeros(math.prod(shape), dtype=bool)
        if keep_prob > 0:
            places = np.cumsum(rng.geometric(keep_prob, size=mask.size)) - 1
            mask[places[places < mask.size]] = True
        return mask.reshape(shape)

    def mask_by_count_then_place(shape, keep_prob, rng):
        n = math.prod(shape)
        mask = np.arange(n) < rng.binomial(n, keep_prob)
        return rng.permutation(mask).reshape(shape)

    def mask_from_a_child_generator(shape, keep_prob, rng):
        child = np.random.default_rng(rng.integers(2**63, size=2))
        return child.random(shape) < keep_prob

    def mask_of_the_dropped_inverted(shape, keep_prob, rng):
        drop_prob = 1 - keep_prob
        dropped = rng.random(shape) < drop_prob
        return ~dropped

    def mask_by_floor(shape, keep_prob, rng):
        return np.floor(keep_prob + rng.random(shape)).astype(bool)

    def mask_by_stacking_rows(shape, keep_prob, rng):
        rows = [rng.random(shape[1:]) < keep_prob for _ in range(shape[0])]
        return np.array(rows)
