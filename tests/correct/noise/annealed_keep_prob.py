"""Correct answers to ``annealed_keep_prob`` in other styles."""

from fractions import Fraction

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="annealed_keep_prob"):
    def annealed_by_interpolation(step, total_steps, initial_keep_prob):
        return np.interp(step, [0, total_steps], [initial_keep_prob, 1.0])

    def annealed_by_drop_probability(step, total_steps, initial_keep_prob):
        left = max(0, total_steps - step) / total_steps
        return 1 - (1 - initial_keep_prob) * left

    def annealed_by_branches(step, total_steps, initial_keep_prob):
        if step >= total_steps:
            return 1
        slope = (1.0 - initial_keep_prob) / total_steps
        return initial_keep_prob + slope * step

    def annealed_by_minimum(step, total_steps, initial_keep_prob):
        grown = initial_keep_prob * (1 - step / total_steps) + step / total_steps
        return np.minimum(np.array(grown), 1.0)

    def annealed_by_fractions(step, total_steps, initial_keep_prob):
        done = min(Fraction(step, total_steps), Fraction(1))
        return float(done + (1 - done) * Fraction(initial_keep_prob))

    def annealed_step_by_step(step, total_steps, initial_keep_prob):
        value = initial_keep_prob
        for _ in range(min(step, total_steps)):
            value += (1 - initial_keep_prob) / total_steps
        return value
