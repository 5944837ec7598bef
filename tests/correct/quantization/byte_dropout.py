"""Correct answers to ``byte_dropout`` in other styles."""

import functools
import itertools
import math

import numpy as np

from tests.bank import Styles


def threshold_of(keep_prob):
    return min(256, max(1, math.floor(256 * keep_prob + 0.5)))


class Answers(Styles, of="byte_dropout"):
    def byte_from_raw_bytes(x, keep_prob, rng):
        t = threshold_of(keep_prob)
        byte = np.frombuffer(rng.bytes(x.size), dtype=np.uint8).reshape(x.shape)
        return np.where(byte < t, x * (256 / t), 0.0), t / 256

    def byte_with_at_most(x, keep_prob, rng):
        t = threshold_of(keep_prob)
        mask = rng.integers(0, 256, size=x.shape) <= t - 1
        return x * mask / (t / 256), t / 256

    def byte_keeping_the_largest(x, keep_prob, rng):
        t = threshold_of(keep_prob)
        mask = (
            rng.integers(0, 255, size=x.shape, dtype=np.uint8, endpoint=True) >= 256 - t
        )
        return x * mask * (256 / t), np.float64(t / 256)

    def byte_by_dropping(x, keep_prob, rng):
        dropped_values = min(255, round(256 * (1 - keep_prob)))
        effective = 1 - dropped_values / 256
        byte = rng.integers(256, size=x.shape, dtype=np.uint8)
        out = x / effective
        out[byte < dropped_values] = 0
        return out, effective

    def byte_from_words(x, keep_prob, rng):
        t = threshold_of(keep_prob)
        words = rng.integers(2**64, size=-(-x.size // 8), dtype=np.uint64)
        byte = words.view(np.uint8)[: x.size].reshape(x.shape)
        return x * (byte < t) / (t / 256), np.array(t / 256)

    def byte_by_table(x, keep_prob, rng):
        choices = np.arange(1, 257) / 256
        effective = choices[np.abs(choices - keep_prob).argmin()]
        factor = np.where(np.arange(256) / 256 < effective, 1 / effective, 0.0)
        return x * factor[rng.integers(256, size=x.shape)], effective

    def byte_by_loop(x, keep_prob, rng):
        t = threshold_of(keep_prob)
        values, drawn = x.ravel().tolist(), rng.bytes(x.size)
        kept = [
            v * 256 / t if b < t else 0.0 for v, b in zip(values, drawn, strict=True)
        ]
        return np.array(kept).reshape(x.shape), t / 256

    def byte_of_a_float(x, keep_prob, rng):
        effective = threshold_of(keep_prob) / 256
        mask = np.floor(rng.random(x.shape) * 256) / 256 < effective
        return x * mask / effective, effective

    def byte_in_single_precision(x, keep_prob, rng):
        t = threshold_of(keep_prob)
        byte = rng.integers(256, size=x.shape, dtype=np.uint8)
        return x.astype(np.float32) * (byte < t) * np.float32(256 / t), np.float32(
            t / 256
        )

    def byte_with_signs_moved(x, keep_prob, rng):
        t = threshold_of(keep_prob)
        byte = rng.integers(-128, 128, size=x.shape, dtype=np.int8).astype(int) + 128
        return x * (byte < t) / (t / 256), t / 256

    def byte_from_its_bits(x, keep_prob, rng):
        t = threshold_of(keep_prob)
        bits = rng.integers(2, size=(x.size, 8))
        byte = functools.reduce(lambda value, bit: 2 * value + bit, bits.T)
        return x * (byte.reshape(x.shape) < t) / (t / 256), t / 256

    def byte_by_python_rounding(x, keep_prob, rng):
        t = next(t for t in itertools.count(1) if t == 256 or 256 * keep_prob < t + 0.5)
        byte = rng.integers(256, size=x.shape, dtype=np.uint16)
        return x * np.less(byte, t) / t * 256, float(t) / 256
