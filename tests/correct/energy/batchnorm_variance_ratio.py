"""Correct answers to ``batchnorm_variance_ratio`` in other styles."""

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="batchnorm_variance_ratio"):
    def ratio_from_one_over_one_plus(weights, x, keep_prob):
        with np.errstate(divide="ignore"):
            noise = (1 / keep_prob - 1) * (x**2).mean(axis=0) @ weights**2
            return 1 / (1 + noise / (x @ weights).var(axis=0))

    def ratio_by_covariance_matrix(weights, x, keep_prob):
        centred = x - x.mean(0)
        covariance = centred.T @ centred / len(x)
        q = 1 - keep_prob
        noise = np.diag((x * x).mean(0)) * q / keep_prob
        test = np.einsum("ic,ij,jc->c", weights, covariance, weights)
        training = np.einsum("ic,ij,jc->c", weights, covariance + noise, weights)
        return test / training

    def ratio_by_loops(weights, x, keep_prob):
        ratios = []
        for j in range(weights.shape[1]):
            z = [
                sum(a * w for a, w in zip(row, weights[:, j], strict=True)) for row in x
            ]
            mean = sum(z) / len(z)
            test = sum((value - mean) ** 2 for value in z) / len(z)
            noise = 0.0
            for i in range(weights.shape[0]):
                square = sum(row[i] ** 2 for row in x) / len(x)
                noise += weights[i, j] ** 2 * square * (1 - keep_prob) / keep_prob
            ratios.append(test / (test + noise))
        return np.array(ratios)

    def ratio_by_mean_square_minus_squared_mean(weights, x, keep_prob):
        z = x @ weights
        mean_square = np.mean(z**2, axis=0)
        noise = (1 - keep_prob) / keep_prob * np.mean(x**2 @ weights**2, axis=0)
        squared_mean = np.mean(z, axis=0) ** 2
        return (mean_square - squared_mean) / (mean_square + noise - squared_mean)

    def ratio_in_single_precision(weights, x, keep_prob):
        test = (x @ weights).var(axis=0)
        noise = ((1 - keep_prob) / keep_prob) * ((x**2).mean(axis=0) @ weights**2)
        return (test / (test + noise)).astype(np.float32)

    def ratio_by_both_values_of_each_bit(weights, x, keep_prob):
        """Enumerate what each bit makes of each term: all masks together are too many."""
        test, noise = np.var(x @ weights, axis=0), np.zeros(weights.shape[1])
        for column, row in zip(x.T, weights, strict=True):
            term = np.outer(column, row)
            kept, dropped = (term / keep_prob - term) ** 2, term**2
            noise += np.mean(keep_prob * kept + (1 - keep_prob) * dropped, axis=0)
        return test / (test + noise)
