"""Correct answers to ``dropout_ridge`` in other styles."""

import numpy as np

from tests.bank import Styles


class Answers(Styles, of="dropout_ridge"):
    def augmented_least_squares(x, y, keep_prob):
        penalty = np.sqrt((1 - keep_prob) / keep_prob) * np.sqrt((x**2).sum(axis=0))
        rows = np.vstack([x, np.diag(penalty)])
        target = np.concatenate([y, np.zeros(x.shape[1])])
        return np.linalg.lstsq(rows, target, rcond=None)[0]

    def scaled_normal_equations_and_inverse(x, y, keep_prob):
        gram = np.dot(x.T, x)
        off = gram - np.diag(np.diag(gram))
        return np.linalg.inv(keep_prob * off + np.diag(np.diag(gram))).dot(x.T) @ (
            keep_prob * y
        )

    def ridge_on_unit_columns(x, y, keep_prob):
        length = np.linalg.norm(x, axis=0)
        unit = x / length
        alpha = (1 - keep_prob) / keep_prob
        return (
            np.linalg.solve(unit.T @ unit + alpha * np.eye(len(length)), unit.T @ y)
            / length
        )

    def second_moment_of_the_masked_input(x, y, keep_prob):
        second = np.zeros((x.shape[1], x.shape[1]))
        for row in x:
            second += np.outer(row, row) + np.diag(row**2) * (1 / keep_prob - 1)
        return np.linalg.pinv(second) @ (y @ x)

    def system_of_the_rows(x, y, keep_prob):
        if keep_prob == 1:
            return np.linalg.lstsq(x, y, rcond=None)[0]
        scaled = x / (x**2).sum(axis=0)
        rows = x @ scaled.T + (1 - keep_prob) / keep_prob * np.eye(len(x))
        return scaled.T @ np.linalg.solve(rows, y)
