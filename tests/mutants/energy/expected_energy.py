"""Wrong answers to ``expected_energy``, each named after its sin."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.energy.shared import of

NUMBER = "returns_one_finite_number"
NONE = "falls_without_rescaling"
MEAN = "grows_when_the_mean_is_kept"
NORM = "stays_when_the_norm_is_kept"
EDGES = "holds_at_the_edges"
X_ALONE = "the_energy_leaves_x_alone"


def scale_of(keep_prob, scaling):
    return {"none": 1, "mean": 1 / keep_prob, "norm": keep_prob**-0.5}[scaling]


def factor_of(keep_prob, scaling):
    return {"none": keep_prob, "mean": 1 / keep_prob, "norm": 1.0}[scaling]


def right_energy(x, keep_prob, scaling):
    return factor_of(keep_prob, scaling) * float((x**2).sum())


#: For what is taken for the sum of squares, and for the factors of the three scalings.
measures = of(lambda measure, x, p, scaling: factor_of(p, scaling) * float(measure(x)))
factors = of(
    lambda three, x, p, scaling: (
        three(p)[("none", "mean", "norm").index(scaling)] * float((x**2).sum())
    )
)
ALL = (NONE, MEAN, NORM)


class Sins(Mutants, of="expected_energy"):
    @fails(NUMBER, "returns_nothing")
    def prints_the_energy(x, keep_prob, scaling):
        """Prints the number in place of returning it."""
        print(right_energy(x, keep_prob, scaling))

    @fails(NUMBER, "returns_another_kind")
    def gives_an_energy_for_each_row(x, keep_prob, scaling):
        """Sums over the last axis, as if rows were asked for."""
        return factor_of(keep_prob, scaling) * (x**2).sum(axis=-1)

    @fails(NUMBER, "returns_another_kind")
    def gives_the_squares(x, keep_prob, scaling):
        """Squares and scales every unit, and forgets to sum."""
        return factor_of(keep_prob, scaling) * x**2

    @measures(NUMBER, "raises_an_error")
    def multiplies_x_with_itself(x):
        """Writes x @ x, which is the energy of a vector only."""
        return x @ x

    @fails(NUMBER, "raises_an_error")
    def expects_another_name_of_a_scaling(x, keep_prob, scaling):
        """Looks for "inverted", as the chapter calls it, and not for "mean"."""
        names = {"none": keep_prob, "inverted": 1 / keep_prob, "norm": 1}
        return names[scaling] * float((x**2).sum())

    @fails(NUMBER, "simulates_an_expectation")
    def simulates_the_energy(x, keep_prob, scaling):
        """Draws masks and averages, because the word is expected."""
        kept = np.random.random((200, *x.shape)) < keep_prob
        return float(((scale_of(keep_prob, scaling) * kept * x) ** 2).sum() / 200)

    @fails(ALL, "comes_near_an_expectation")
    def simulates_with_a_seed(x, keep_prob, scaling):
        """Draws masks from a generator with a seed, so that calls agree."""
        kept = np.random.default_rng(0).random((2000, *x.shape)) < keep_prob
        return float(((scale_of(keep_prob, scaling) * kept * x) ** 2).sum() / 2000)

    @fails(ALL, "gives_the_norm")
    def takes_the_root(x, keep_prob, scaling):
        """Takes norm and energy for the same."""
        return right_energy(x, keep_prob, scaling) ** 0.5

    @measures(ALL, "gives_the_norm")
    def scales_the_norm_by_the_factor_of_the_energy(x):
        """Writes np.linalg.norm(x) and forgets the square."""
        return np.linalg.norm(x)

    @measures(ALL, "gives_the_mean_square")
    def averages_the_squares(x):
        """Writes np.mean, as in a mean squared error."""
        return (x**2).mean()

    @measures(ALL, "gives_the_mean_square")
    def averages_over_the_rows(x):
        """Takes the first axis for a batch and gives the energy of an example."""
        return (x**2).sum() / len(x)

    @measures(ALL, "squares_the_sum_of_x")
    def squares_after_summing(x):
        """Puts the square outside the sum."""
        return x.sum() ** 2

    @measures(ALL, "sums_without_squares")
    def sums_absolute_values(x):
        """Takes the norm of order 1."""
        return np.abs(x).sum()

    @measures(ALL, "centres_x")
    def takes_the_variance_of_the_layer(x):
        """Takes the energy for the variance times the number of units."""
        return x.var() * x.size

    @measures(ALL, "takes_a_matrix_norm")
    def takes_the_spectral_norm(x):
        """Reads "L2 norm" as order 2, which for a matrix is a singular value."""
        return np.linalg.norm(x if x.ndim == 2 else x.ravel(), 2) ** 2

    @factors(ALL, "gives_the_energy_of_the_mean")
    def squares_the_expected_output(p):
        """Takes the expectation inside the square."""
        return p**2, 1, p

    @factors((MEAN, NORM), "leaves_the_scale_unsquared")
    def scales_once(p):
        """Multiplies the energy by c where c squared belongs."""
        return p, 1, p**0.5

    @factors(ALL, "forgets_that_units_are_dropped")
    def scales_without_dropping(p):
        """Squares what a kept unit gives."""
        return 1, p**-2, 1 / p

    @factors(MEAN, "believes_that_inverted_dropout_keeps_the_energy")
    def believes_the_mentors(p):
        """Has read that the division keeps the norm."""
        return p, 1, 1

    @factors(ALL, "gives_the_energy_of_the_noise")
    def gives_the_sum_of_the_variances(p):
        """Adds up the variances of the chapter before and stops there."""
        return p * (1 - p), (1 - p) / p, 1 - p

    @factors((MEAN, NORM), "swaps_the_scalings_mean_and_norm")
    def takes_norm_for_the_inverted_scaling(p):
        """Thinks that "norm" is short for normalised by keep_prob."""
        return p, 1, 1 / p

    @factors((NONE, MEAN), "swaps_the_scalings_none_and_mean")
    def says_that_dropping_adds_energy(p):
        """Gets both factors upside down."""
        return 1 / p, p, 1

    @factors((NONE, NORM), "ignores_the_scaling")
    def knows_inverted_dropout_only(p):
        """Ignores the parameter, since everybody writes inverted dropout."""
        return (1 / p,) * 3

    @factors((NONE, MEAN), "ignores_the_scaling")
    def gives_the_energy_of_x(p):
        """Has a stub that returns something of the right kind."""
        return 1, 1, 1

    @fails((NONE, MEAN), "computes_the_energy_with_the_drop_probability")
    def reads_keep_prob_as_drop_probability(x, keep_prob, scaling):
        """Comes from a framework whose p is the drop probability."""
        return right_energy(x, 1 - keep_prob, scaling)

    @factors(MEAN, "multiplies_the_energy_by_another_factor")
    def forgets_the_mask_of_the_mean(p):
        """Squares the scale for "mean" and forgets that units are dropped there as well."""
        return p, p**-2, 1

    @factors(NORM, "multiplies_the_energy_by_another_factor")
    def scales_the_energy_by_the_root(p):
        """Uses c for "norm" and its square elsewhere."""
        return p, 1 / p, p**0.5

    @factors((NONE, MEAN), "multiplies_the_energy_by_another_factor")
    def writes_the_factor_for_one_half(p):
        """Types the factors of an example at 0.5."""
        return 0.5, 2, 1

    @fails((NONE, MEAN), "multiplies_the_energy_by_another_factor")
    def rounds_keep_prob_to_percent(x, keep_prob, scaling):
        """Rounds keep_prob to two digits, as it was printed in a table."""
        return right_energy(x, max(round(keep_prob, 2), 0.01), scaling)

    @fails(EDGES, "multiplies_the_energy_by_another_factor")
    def clips_tiny_keep_probs(x, keep_prob, scaling):
        """Keeps keep_prob away from 0, in fear of the division."""
        return right_energy(x, max(keep_prob, 1e-3), scaling)

    @fails(EDGES, "multiplies_the_energy_by_another_factor")
    def keeps_keep_prob_from_zero(x, keep_prob, scaling):
        """Bounds keep_prob from below by an epsilon of single precision."""
        return right_energy(x, max(keep_prob, 1e-7), scaling)

    @fails(EDGES, "rounds_or_pads_the_energy")
    def ignores_dust(x, keep_prob, scaling):
        """Takes entries below 1e-8 for rounding errors."""
        return right_energy(np.where(np.abs(x) < 1e-8, 0, x), keep_prob, scaling)

    @fails(EDGES, "rounds_or_pads_the_energy")
    def cuts_off_at_a_million(x, keep_prob, scaling):
        """Bounds entries, against overflow."""
        return right_energy(np.clip(x, -1e7, 1e7), keep_prob, scaling)

    @fails(ALL, "treats_a_shape_in_another_way")
    def averages_a_single_row(x, keep_prob, scaling):
        """Takes a matrix of one row for a batch of one number each."""
        size = x.shape[1] if x.ndim == 2 and len(x) == 1 else 1
        return right_energy(x, keep_prob, scaling) / size

    @fails(ALL, "treats_a_shape_in_another_way")
    def drops_the_first_of_equals(x, keep_prob, scaling):
        """Squeezes x and takes what is left for a vector of its first axis."""
        flat = x.squeeze()
        return right_energy(
            flat[:1] if flat.ndim == 1 < x.ndim else x, keep_prob, scaling
        )

    @fails(EDGES, "rounds_or_pads_the_energy")
    def pads_the_energy(x, keep_prob, scaling):
        """Adds a small constant, as one does before a division."""
        return right_energy(x, keep_prob, scaling) + 1e-8

    @fails(EDGES, "rounds_or_pads_the_energy")
    def rounds_the_energy(x, keep_prob, scaling):
        """Rounds for a neat print."""
        return round(right_energy(x, keep_prob, scaling), 6)

    @fails(EDGES, "returns_nan_or_infinity")
    def divides_by_the_norm(x, keep_prob, scaling):
        """Normalises x first, and divides by 0 when it is all zeros."""
        size = np.linalg.norm(x)
        with np.errstate(invalid="ignore"):
            return right_energy(x / size, keep_prob, scaling) * size**2

    @fails(EDGES, "multiplies_the_energy_by_another_factor")
    def clips_keep_prob_below_one(x, keep_prob, scaling):
        """Clips keep_prob away from 1, as one clips a probability before a logarithm."""
        return right_energy(x, min(keep_prob, 0.99), scaling)

    @fails(X_ALONE, "changes_its_input")
    def squares_in_place(x, keep_prob, scaling):
        """Writes x **= 2 to save an array."""
        x **= 2
        return factor_of(keep_prob, scaling) * float(x.sum())

    @fails(ALL, "right_in_the_middle_only")
    def remembers_by_the_first_entry(x, keep_prob, scaling, known={}):  # noqa: B006
        """Keeps answers by the shape, the first entry and the rest, and gives them again."""
        key = x.shape, x.flat[0], keep_prob, scaling
        return known.setdefault(key, right_energy(x, keep_prob, scaling))
