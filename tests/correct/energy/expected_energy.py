"""Correct answers to ``expected_energy`` in other styles."""

import math

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="expected_energy"):
    def energy_by_cases(x, keep_prob, scaling):
        energy = np.linalg.norm(x) ** 2
        if scaling == "none":
            return keep_prob * energy
        if scaling == "mean":
            return energy / keep_prob
        return energy

    def energy_by_exponent(x, keep_prob, scaling):
        exponent = {"none": 1, "norm": 0, "mean": -1}[scaling]
        return np.vdot(x, x) * keep_prob**exponent

    def energy_by_loop_of_python_floats(x, keep_prob, scaling):
        c = {"none": 1.0, "mean": 1 / keep_prob, "norm": 1 / math.sqrt(keep_prob)}
        total = 0.0
        for value in x.ravel().tolist():
            total += keep_prob * (c[scaling] * value) ** 2
        return total

    def energy_as_variance_plus_squared_mean(x, keep_prob, scaling):
        c = {"none": 1.0, "mean": 1 / keep_prob, "norm": keep_prob**-0.5}[scaling]
        mean = c * keep_prob * x
        variance = c**2 * keep_prob * (1 - keep_prob) * x**2
        return np.asarray((mean**2 + variance).sum())

    def energy_in_single_precision(x, keep_prob, scaling):
        energy = np.square(x.astype(np.float32)).sum()
        factor = {"none": keep_prob, "mean": 1 / keep_prob, "norm": 1.0}[scaling]
        return energy * np.float32(factor)

    def energy_by_einsum_of_the_two_outcomes(x, keep_prob, scaling):
        c = {"none": 1, "mean": 1 / keep_prob, "norm": keep_prob ** (-1 / 2)}[scaling]
        flat = x.reshape(-1)
        outcomes = np.stack([0 * flat, c * flat])
        return np.einsum("k,ki->", [1 - keep_prob, keep_prob], outcomes**2)

    def energy_by_sequence_of_pairs(x, keep_prob, scaling):
        pairs = (("none", keep_prob), ("mean", 1 / keep_prob), ("norm", 1))
        return sum(f * float((x * x).sum()) for name, f in pairs if name == scaling)
