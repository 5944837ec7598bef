"""classic_dropout: drop units in training and multiply all units by keep_prob at test."""

from autograder.checks.conventions import shared
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.families.elementwise import Draw

exercise = Exercise(
    "classic_dropout",
    chapter="conventions",
    title="Drop units in training and multiply all units by keep_prob at test",
    signature="classic_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="conv-definitions",
)


class Wrong(Mistakes, section="conv-test-time"):
    writes_inverted_dropout = at(
        "conv-definitions",
        "this is inverted dropout: kept units are divided by keep_prob in training, "
        "and nothing is done at test.",
    )
    rescales_in_classic_training = at(
        "conv-definitions",
        "kept units come back larger in training; classic dropout only masks there "
        "and makes up for it at test.",
    )
    shrinks_in_classic_training = (
        "you multiply by keep_prob in training; that factor belongs to the test pass."
    )
    forgets_the_test_factor = (
        "at test x comes back unchanged; in training only a share keep_prob of the "
        "units arrived, so at test classic dropout multiplies by keep_prob."
    )
    multiplies_by_drop_probability_at_test = at(
        "conv-mistakes",
        "at test you multiply by 1 − keep_prob; multiply by keep_prob.",
    )
    divides_at_classic_test = (
        "at test you divide by keep_prob; classic dropout multiplies by it."
    )
    squares_the_test_factor = (
        "at test you multiply by keep_prob twice, as when activations and weights are "
        "scaled both; once is enough."
    )


@exercise.check(points=0.25)
def returns_classic_float_arrays(
    classic_dropout: StudentFunction, trial: Trial
) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    elementwise.returns_float_arrays(classic_dropout, trial)


@exercise.check(points=0.25, after="returns_classic_float_arrays")
def drops_some_and_keeps_some(classic_dropout: StudentFunction, trial: Trial) -> None:
    """In training, which is the default, some units come back as 0 and some do not."""
    elementwise.drops_some(classic_dropout, trial)


@exercise.check(points=0.25, after="drops_some_and_keeps_some")
def leaves_its_classic_input_alone(
    classic_dropout: StudentFunction, trial: Trial
) -> None:
    """x is the same after the call as before."""
    elementwise.leaves_input_alone(classic_dropout, trial)


@exercise.check(points=0.75, after="drops_some_and_keeps_some")
def multiplies_by_keep_prob_at_test(
    classic_dropout: StudentFunction, trial: Trial
) -> None:
    """With training=False, out equals keep_prob * x."""

    def name_of(factor: str | None) -> str | None:
        in_training = elementwise.factor(classic_dropout, trial, training=True)
        if (in_training, factor) == ("1/p", "1"):
            return Wrong.writes_inverted_dropout
        if factor == "q" and shared.swapped(classic_dropout, trial):
            return shared.Wrong.swaps_keep_and_drop
        if (in_training, factor) == ("p", "1"):
            return Wrong.shrinks_in_classic_training
        named = {
            "1": Wrong.forgets_the_test_factor,
            "q": Wrong.multiplies_by_drop_probability_at_test,
            "1/p": Wrong.divides_at_classic_test,
            "p²": Wrong.squares_the_test_factor,
        }
        return named.get(factor or "")

    elementwise.test_mode(classic_dropout, trial, lambda keep_prob: keep_prob, name_of)


@exercise.check(points=0.25, after="drops_some_and_keeps_some")
def keeps_all_at_keep_prob_one(classic_dropout: StudentFunction, trial: Trial) -> None:
    """At keep_prob = 1, out equals x."""
    elementwise.keeps_everything_at_one(classic_dropout, trial)


@exercise.check(points=0.5, after="drops_some_and_keeps_some")
def every_output_is_zero_or_the_input(
    classic_dropout: StudentFunction, trial: Trial
) -> None:
    """In training each output is 0 or x."""

    def name_of(got: Draw, keep_prob: float) -> str | None:
        if shared.is_the_mask(got):
            return shared.Wrong.returns_the_mask
        factor = elementwise.factor(classic_dropout, trial, training=True)
        if factor == "1/p" and elementwise.factor(classic_dropout, trial, False) == "1":
            return Wrong.writes_inverted_dropout
        if factor == "p":
            return Wrong.shrinks_in_classic_training
        larger = got.ratio is not None and got.ratio > 1
        return Wrong.rescales_in_classic_training if larger else None

    elementwise.zero_or_scaled(classic_dropout, trial, lambda keep_prob: 1.0, name_of)


@exercise.check(points=0.25, after="drops_some_and_keeps_some")
def gives_each_unit_and_call_its_own_bit(
    classic_dropout: StudentFunction, trial: Trial
) -> None:
    """Rows, columns and calls do not share bits, and the kept count varies."""
    elementwise.gives_each_unit_its_own_bit(classic_dropout, trial)


@exercise.check(
    points=0.5,
    after="gives_each_unit_and_call_its_own_bit",
    looks=elementwise.RATE_LOOKS,
)
def keeps_units_with_keep_prob(classic_dropout: StudentFunction, trial: Trial) -> None:
    """Every unit is kept with probability keep_prob, whatever its value and place."""
    elementwise.keeps_at_rate(classic_dropout, trial)


@exercise.check(
    points=0.25,
    after="keeps_units_with_keep_prob",
    looks=elementwise.INDEPENDENCE_LOOKS,
)
def drops_each_unit_independently(
    classic_dropout: StudentFunction, trial: Trial
) -> None:
    """Bits in pairs of rows, columns and calls are independent, and so are counts."""
    elementwise.is_independent(classic_dropout, trial)


@exercise.check(points=0.25, after="drops_some_and_keeps_some")
def draws_from_rng_alone(classic_dropout: StudentFunction, trial: Trial) -> None:
    """The same rng state gives the same output; another state, another output."""
    elementwise.draws_from_rng(classic_dropout, trial)
