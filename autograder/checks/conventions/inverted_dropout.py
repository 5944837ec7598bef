"""inverted_dropout: drop units in training and divide the kept ones by keep_prob."""

from autograder.checks.conventions import shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.families.elementwise import Draw

exercise = Exercise(
    "inverted_dropout",
    chapter="conventions",
    title="Drop units in training and divide the kept ones by keep_prob",
    signature="inverted_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="conv-definitions",
)


class Wrong(Mistakes, section="conv-definitions"):
    writes_classic_dropout = (
        "this is classic dropout: kept units are unchanged in training, and all units "
        "multiplied by keep_prob at test."
    )
    forgets_to_rescale = (
        "kept units come back unchanged; inverted dropout divides them by keep_prob."
    )
    divides_by_drop_probability = "you divide by 1 − keep_prob; divide by keep_prob."
    rescales_twice = at("conv-mistakes", "you divide by keep_prob twice.")
    divides_by_the_root = at(
        "exp-mean",
        "you divide by the square root of keep_prob, which preserves the expected "
        "squared norm; inverted dropout preserves the mean and divides by keep_prob.",
    )
    multiplies_by_keep_prob = (
        "you multiply the kept units by keep_prob in training; inverted dropout "
        "divides."
    )
    truncates_the_scale = (
        "the scale 1 / keep_prob is cut to a whole number; multiply in floating "
        "point, not by an integer array."
    )
    divides_by_kept_fraction = at(
        "conv-mistakes",
        "you divide by the fraction that happened to be kept, which varies; divide by "
        "keep_prob.",
    )
    rescales_at_test_too = at(
        "conv-test-time",
        "you multiply by keep_prob at test, as classic dropout does; inverted dropout "
        "has done its scaling in training and leaves x alone at test.",
    )
    divides_at_test_too = at(
        "conv-test-time",
        "you divide by keep_prob at test as well; at test inverted dropout is the "
        "identity.",
    )


@exercise.check(points=0.25)
def returns_float_arrays_of_the_input_shape(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    elementwise.returns_float_arrays(inverted_dropout, trial)


@exercise.check(points=0.25, after="returns_float_arrays_of_the_input_shape")
def drops_some_units_and_keeps_others(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """In training, which is the default, some units come back as 0 and some do not."""
    elementwise.drops_some(inverted_dropout, trial)


@exercise.check(points=0.25, after="drops_some_units_and_keeps_others")
def leaves_its_input_alone(inverted_dropout: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before."""
    elementwise.leaves_input_alone(inverted_dropout, trial)


@exercise.check(points=0.5, after="drops_some_units_and_keeps_others")
def is_the_identity_at_test(inverted_dropout: StudentFunction, trial: Trial) -> None:
    """With training=False, out equals x."""

    def name_of(factor: str | None) -> str | None:
        if factor == "p":
            unscaled = elementwise.factor(inverted_dropout, trial, training=True) == "1"
            return (
                Wrong.writes_classic_dropout if unscaled else Wrong.rescales_at_test_too
            )
        return Wrong.divides_at_test_too if factor == "1/p" else None

    elementwise.test_mode(inverted_dropout, trial, lambda keep_prob: 1.0, name_of)


@exercise.check(points=0.25, after="drops_some_units_and_keeps_others")
def keeps_everything_at_keep_prob_one(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, out equals x."""
    elementwise.keeps_everything_at_one(inverted_dropout, trial)


@exercise.check(points=1.0, after="drops_some_units_and_keeps_others")
def every_output_is_zero_or_rescaled(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """In training each output is 0 or x / keep_prob."""

    def name_of(got: Draw, keep_prob: float) -> str | None:
        if shared.is_the_mask(got):
            return shared.Wrong.returns_the_mask
        if _divides_by_kept_fraction(got):
            return Wrong.divides_by_kept_fraction
        factor = elementwise.factor(inverted_dropout, trial, training=True)
        if factor == "1" and elementwise.factor(inverted_dropout, trial, False) == "p":
            return Wrong.writes_classic_dropout
        if factor == "1/q" and shared.swapped(inverted_dropout, trial):
            return shared.Wrong.swaps_keep_and_drop
        named = {
            "1": Wrong.forgets_to_rescale,
            "p": Wrong.multiplies_by_keep_prob,
            "1/p²": Wrong.rescales_twice,
            "1/√p": Wrong.divides_by_the_root,
            "⌊1/p⌋": Wrong.truncates_the_scale,
            "1/q": Wrong.divides_by_drop_probability,
        }
        return named.get(factor or "")

    elementwise.zero_or_scaled(
        inverted_dropout, trial, lambda keep_prob: 1 / keep_prob, name_of
    )


def _divides_by_kept_fraction(got: Draw) -> bool:
    """Return whether kept units are divided by the kept share of the array, or of their
    row or column."""
    if got.x.size < 30:  # where a fraction is 1 by chance
        return False
    axes: tuple[tuple[int, ...], ...] = (tuple(range(got.x.ndim)), (0,), (-1,))
    fractions = (got.mask.mean(axis=axis, keepdims=True) for axis in axes)
    return any(facts.close(got.out * f, got.x * got.mask) for f in fractions)


@exercise.check(points=0.5, after="drops_some_units_and_keeps_others")
def gives_every_unit_and_call_its_own_bit(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """Rows, columns and calls do not share bits, and the kept count varies."""
    elementwise.gives_each_unit_its_own_bit(inverted_dropout, trial)


@exercise.check(
    points=0.5,
    after="gives_every_unit_and_call_its_own_bit",
    looks=elementwise.RATE_LOOKS,
)
def keeps_units_at_the_stated_rate(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """Every unit is kept with probability keep_prob, whatever its value and place."""
    elementwise.keeps_at_rate(inverted_dropout, trial)


@exercise.check(
    points=0.5,
    after="keeps_units_at_the_stated_rate",
    looks=elementwise.INDEPENDENCE_LOOKS,
)
def drops_units_independently(inverted_dropout: StudentFunction, trial: Trial) -> None:
    """Bits in pairs of rows, columns and calls are independent, and so are counts."""
    elementwise.is_independent(inverted_dropout, trial)


@exercise.check(points=0.5, after="drops_some_units_and_keeps_others")
def draws_from_the_given_rng_alone(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    elementwise.draws_from_rng(inverted_dropout, trial)
