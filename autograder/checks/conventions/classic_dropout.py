"""classic_dropout: drop units in training and multiply all units by keep_prob at test."""

from autograder.checks.conventions import shared
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise, unit_forms, units
from autograder.families.elementwise import Draw

exercise = Exercise(
    "classic_dropout",
    chapter="conventions",
    title="Drop units in training and multiply all units by keep_prob at test",
    signature="classic_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="conv-definitions",
    takes=elementwise.TAKES,
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
    shrinks_in_classic_training = """you multiply by keep_prob in training; that factor
        belongs to the test pass."""
    forgets_the_test_factor = """at test x comes back unchanged; in training only a
        share keep_prob of the units arrived, so at test classic dropout multiplies by
        keep_prob."""
    multiplies_by_drop_probability_at_test = at(
        "conv-mistakes",
        "at test you multiply by 1 − keep_prob; multiply by keep_prob.",
    )
    divides_at_classic_test = """at test you divide by keep_prob; classic dropout
        multiplies by it."""
    squares_the_test_factor = """at test you multiply by keep_prob twice, as when
        activations and weights are scaled both; once is enough."""


_AT_TEST = {
    "1": Wrong.forgets_the_test_factor,
    "q": Wrong.multiplies_by_drop_probability_at_test,
    "1/p": Wrong.divides_at_classic_test,
    "p²": Wrong.squares_the_test_factor,
}


def _test_mistake(
    function: StudentFunction, trial: Trial, factor: str | None
) -> str | None:
    in_training = elementwise.factor(function, trial, training=True)
    if (in_training, factor) == ("1/p", "1"):
        return Wrong.writes_inverted_dropout
    if factor == "q" and shared.swapped(function, trial):
        return shared.Wrong.swaps_keep_and_drop
    if (in_training, factor) == ("p", "1"):
        return Wrong.shrinks_in_classic_training
    return _AT_TEST.get(factor or "")


def _scale_mistake(function: StudentFunction, trial: Trial, got: Draw) -> str | None:
    if shared.is_the_mask(got):
        return shared.Wrong.returns_the_mask
    factor = elementwise.factor(function, trial, training=True)
    if factor == "1/p" and elementwise.factor(function, trial, False) == "1":
        return Wrong.writes_inverted_dropout
    if factor == "p":
        return Wrong.shrinks_in_classic_training
    larger = got.ratio is not None and got.ratio > 1
    return Wrong.rescales_in_classic_training if larger else None


_RUNS = "returns_classic_float_arrays"
_SOME = "drops_some_and_keeps_some"
_BITS = "gives_each_unit_and_call_its_own_bit"
_RATE = "keeps_units_with_keep_prob"


exercise.asks(0.25, _RUNS, units.RUNS)
exercise.asks(0.25, _SOME, units.DROPS_SOME, after=_RUNS)
exercise.asks(0.25, "leaves_its_classic_input_alone", units.LEAVES_X, after=_SOME)
exercise.asks(
    0.75,
    "multiplies_by_keep_prob_at_test",
    units.at_test("keep_prob * x", lambda keep_prob: keep_prob, _test_mistake),
    after=_SOME,
)
exercise.asks(0.25, "keeps_all_at_keep_prob_one", units.KEEPS_ALL_AT_ONE, after=_SOME)
exercise.asks(
    0.5,
    "every_output_is_zero_or_the_input",
    units.scaled("x", lambda keep_prob: 1.0, _scale_mistake),
    after=_SOME,
)
exercise.asks(0.25, _BITS, unit_forms.OWN_BITS, after=_SOME)
exercise.asks(0.5, _RATE, unit_forms.RATE, after=_BITS)
exercise.asks(
    0.25, "drops_each_unit_independently", unit_forms.INDEPENDENT, after=_RATE
)
exercise.asks(0.25, "draws_from_rng_alone", unit_forms.FROM_RNG, after=_SOME)
