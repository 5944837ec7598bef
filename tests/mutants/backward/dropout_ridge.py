"""Wrong answers to ``dropout_ridge``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails

R_RUNS = "returns_one_weight_for_each_column"
LEAST_SQUARES = "is_least_squares_at_keep_prob_one"
MINIMISES = "minimises_the_expected_loss"
WIDE = "works_with_more_columns_than_rows"
R_ALONE = "leaves_the_data_alone"


def minimiser(x, y, penalty):
    return np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ y)


class Sins(Mutants, of="dropout_ridge"):
    @fails(R_RUNS, "returns_another_shape")
    def returns_a_column(x, y, keep_prob):
        """Reshapes y to a column and returns a (D, 1) array."""
        penalty = (1 - keep_prob) / keep_prob * (x**2).sum(0)
        return minimiser(x, y[:, None], penalty)

    @fails(R_RUNS, "returns_another_shape")
    def returns_predictions(x, y, keep_prob):
        """Returns the fitted values."""
        return x @ minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).sum(0))

    @fails(R_RUNS, "returns_nan_or_infinity")
    def divides_by_the_drop_probability(x, y, keep_prob):
        """Divides by 1 - keep_prob, which is 0 when nothing is dropped."""
        with np.errstate(all="ignore"):
            return (x.T @ y) / (x**2).sum(0) / np.float64(1 - keep_prob)

    @fails(MINIMISES, "least_squares_whatever_keep_prob")
    def returns_least_squares(x, y, keep_prob):
        """Argues that the mean of the masked input is x, so nothing changes."""
        return np.linalg.lstsq(x, y, rcond=None)[0]

    @fails(MINIMISES, "penalty_without_column_energy")
    def penalises_by_the_identity(x, y, keep_prob):
        """Knows Ridge(alpha=q/p) from the diabetes data, whose columns have unit length."""
        return minimiser(x, y, (1 - keep_prob) / keep_prob * np.ones(x.shape[1]))

    @fails(MINIMISES, "penalty_without_column_energy")
    def penalises_by_the_mean_energy(x, y, keep_prob):
        """Uses trace(X'X) / D as one penalty for all."""
        energy = (x**2).sum() / x.shape[1]
        return minimiser(
            x, y, (1 - keep_prob) / keep_prob * energy * np.ones(x.shape[1])
        )

    @fails(MINIMISES, "penalty_factor")
    def uses_the_variance_of_the_bit(x, y, keep_prob):
        """Takes p(1 - p), the variance of m, for that of m / p."""
        return minimiser(x, y, (1 - keep_prob) * keep_prob * (x**2).sum(0))

    @fails(MINIMISES, "penalty_factor")
    def uses_the_drop_probability(x, y, keep_prob):
        """Takes 1 - keep_prob for the strength."""
        return minimiser(x, y, (1 - keep_prob) * (x**2).sum(0))

    @fails(MINIMISES, "penalty_factor")
    def divides_the_variance_by_p_squared_once_more(x, y, keep_prob):
        """Writes q / p^2 for the variance of m / p."""
        return minimiser(x, y, (1 - keep_prob) / keep_prob**2 * (x**2).sum(0))

    @fails((LEAST_SQUARES, MINIMISES), "penalty_factor")
    def uses_one_over_keep_prob(x, y, keep_prob):
        """Takes E[(m/p)^2] = 1/p for the variance."""
        return minimiser(x, y, (x**2).sum(0) / keep_prob)

    @fails(MINIMISES, "swapped_penalty")
    def swaps_keep_and_drop_in_the_penalty(x, y, keep_prob):
        """Reads keep_prob as a drop probability."""
        if keep_prob == 1:
            return np.linalg.lstsq(x, y, rcond=None)[0]
        return minimiser(x, y, keep_prob / (1 - keep_prob) * (x**2).sum(0))

    @fails(MINIMISES, "penalty_divided_by_rows")
    def takes_the_mean_of_squares(x, y, keep_prob):
        """Uses the mean of squares in the penalty and the sum in the loss."""
        return minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).mean(0))

    @fails((LEAST_SQUARES, MINIMISES), "adds_an_intercept")
    def centres_the_data(x, y, keep_prob):
        """Centres x and y first, as a ridge function of a library does."""
        x = x - x.mean(axis=0)
        y = y - y.mean()
        return minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).sum(0))

    @fails(MINIMISES, "shrinks_least_squares")
    def shrinks_least_squares(x, y, keep_prob):
        """Multiplies the least-squares weights by keep_prob, which is right for one column."""
        return keep_prob * np.linalg.lstsq(x, y, rcond=None)[0]

    @fails(MINIMISES, "penalty_of_column_lengths")
    def uses_the_root_of_the_energy(x, y, keep_prob):
        """Takes the column's length for its energy."""
        return minimiser(x, y, (1 - keep_prob) / keep_prob * np.sqrt((x**2).sum(0)))

    @fails(MINIMISES, "solves_for_classic_dropout")
    def classic_weights(x, y, keep_prob):
        """Solves for classic dropout, whose weights are larger by 1 / keep_prob."""
        return minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).sum(0)) / keep_prob

    @fails(MINIMISES, "approximates_the_minimiser")
    def samples_the_masks(x, y, keep_prob):
        """Averages over drawn masks instead of solving."""
        rng = np.random.default_rng(0)
        masks = rng.random((200, *x.shape)) < keep_prob
        noisy = (x * masks / keep_prob).reshape(-1, x.shape[1])
        return np.linalg.lstsq(noisy, np.tile(y, 200), rcond=None)[0]

    @fails(LEAST_SQUARES, "adds_to_the_diagonal")
    def adds_a_little_for_stability(x, y, keep_prob):
        """Adds 0.01 to the diagonal so that the solver never complains."""
        if keep_prob < 1:
            return minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).sum(0))
        return minimiser(x, y, 0.01 * np.ones(x.shape[1]))

    @fails((LEAST_SQUARES, MINIMISES), "adds_to_the_diagonal")
    def adds_a_tiny_number_for_stability(x, y, keep_prob):
        """Adds 1e-8 to the diagonal, which is nothing for columns of length 1."""
        penalty = (1 - keep_prob) / keep_prob * (x**2).sum(0)
        return minimiser(x, y, penalty + 1e-8)

    @fails((LEAST_SQUARES, MINIMISES), "adds_to_the_diagonal")
    def adds_a_part_of_the_mean_diagonal(x, y, keep_prob):
        """Adds a small number for stability, 1e-7 of the columns' mean sum of squares."""
        columns = (x**2).sum(0)
        penalty = (1 - keep_prob) / keep_prob * columns
        return minimiser(x, y, penalty + 1e-7 * columns.mean())

    @fails((LEAST_SQUARES, MINIMISES), "needs_alike_columns")
    def solves_in_float32(x, y, keep_prob):
        """Solves in float32, as a library for graphics cards does."""
        x, y = x.astype(np.float32), y.astype(np.float32)
        penalty = (1 - keep_prob) / keep_prob * (x**2).sum(0)
        return minimiser(x, y, penalty.astype(np.float32)).astype(float)

    @fails((LEAST_SQUARES, MINIMISES), "needs_alike_columns")
    def takes_small_singular_values_for_zero(x, y, keep_prob):
        """Inverts with pinv at an rcond of 1e-5, against noise in the smallest values."""
        penalty = (1 - keep_prob) / keep_prob * (x**2).sum(0)
        inverse = np.linalg.pinv(x.T @ x + np.diag(penalty), rcond=1e-5, hermitian=True)
        return inverse @ (x.T @ y)

    @fails(WIDE, "needs_full_rank")
    def starts_from_least_squares(x, y, keep_prob):
        """Solves least squares first and corrects it, which needs an inverse of X'X."""
        gram = x.T @ x
        penalty = (1 - keep_prob) / keep_prob * np.diag(np.diag(gram))
        with np.errstate(all="ignore"):
            start = np.linalg.inv(gram) @ x.T @ y
        return start - np.linalg.solve(gram + penalty, penalty @ start)

    @fails(WIDE, "needs_full_rank")
    def uses_qr_of_x(x, y, keep_prob):
        """Works with the R of a QR decomposition of x, which is then not square."""
        q, r = np.linalg.qr(x)
        penalty = (1 - keep_prob) / keep_prob * (x**2).sum(0)
        inverse = np.linalg.inv(r)
        weights = inverse @ q.T @ y
        return np.linalg.solve(
            np.eye(x.shape[1]) + inverse @ inverse.T @ np.diag(penalty), weights
        )

    @fails(WIDE, "needs_full_rank")
    def takes_the_shortest_where_little_is_dropped(x, y, keep_prob):
        """Takes dropout for none above 0.999: least squares, the shortest weights if D > N."""
        if keep_prob > 0.999 and x.shape[1] > x.shape[0]:
            return np.linalg.lstsq(x, y, rcond=None)[0]
        return minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).sum(0))

    @fails(WIDE, "needs_full_rank")
    def forgets_correlations_where_little_is_kept(x, y, keep_prob):
        """Takes X'X for diagonal where it has no inverse and keep_prob is below 0.001."""
        energy = (x**2).sum(0)
        if keep_prob < 1e-3 and x.shape[1] > x.shape[0]:
            return keep_prob * (x.T @ y) / energy
        return minimiser(x, y, (1 - keep_prob) / keep_prob * energy)

    @fails(R_ALONE, "changes_its_input")
    def scales_columns_in_place(x, y, keep_prob):
        """Divides the columns of x by their lengths in place and scales back at the end."""
        length = np.sqrt((x**2).sum(axis=0))
        x /= length
        return (
            minimiser(x, y, (1 - keep_prob) / keep_prob * np.ones(len(length))) / length
        )

    @fails(R_ALONE, "changes_its_input")
    def overwrites_the_target(x, y, keep_prob):
        """Uses y as scratch space for the residual."""
        weights = minimiser(x, y, (1 - keep_prob) / keep_prob * (x**2).sum(0))
        y -= x @ weights
        return weights
