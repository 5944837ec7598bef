"""inverted_dropout: drop units in training and divide the kept ones by keep_prob."""

from autograder.checks.conventions import shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise, unit_forms, units
from autograder.families.elementwise import Draw

exercise = Exercise(
    "inverted_dropout",
    chapter="conventions",
    title="Drop units in training and divide the kept ones by keep_prob",
    signature="inverted_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="conv-definitions",
    takes=elementwise.TAKES,
)


class Wrong(Mistakes, section="conv-definitions"):
    writes_classic_dropout = """this is classic dropout: kept units are unchanged in
        training, and all units multiplied by keep_prob at test."""
    forgets_to_rescale = """kept units come back unchanged; inverted dropout divides
        them by keep_prob."""
    divides_by_drop_probability = "you divide by 1 − keep_prob; divide by keep_prob."
    rescales_twice = at("conv-mistakes", "you divide by keep_prob twice.")
    divides_by_the_root = at(
        "exp-mean",
        "you divide by the square root of keep_prob, which preserves the expected "
        "squared norm; inverted dropout preserves the mean and divides by keep_prob.",
    )
    multiplies_by_keep_prob = """you multiply the kept units by keep_prob in training;
        inverted dropout divides."""
    truncates_the_scale = """the scale 1 / keep_prob is cut to a whole number; multiply
        in floating point, not by an integer array."""
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
    applies_the_drop_probability_at_test = at(
        "conv-test-time",
        "at test you multiply, or divide, by 1 − keep_prob; at test inverted dropout is "
        "the identity.",
    )
    divides_at_test_too = at(
        "conv-test-time",
        "you divide by keep_prob at test as well; at test inverted dropout is the "
        "identity.",
    )


def _test_mistake(
    function: StudentFunction, trial: Trial, factor: str | None
) -> str | None:
    if factor == "p":
        unscaled = elementwise.factor(function, trial, training=True) == "1"
        return Wrong.writes_classic_dropout if unscaled else Wrong.rescales_at_test_too
    by_drop_probability = Wrong.applies_the_drop_probability_at_test
    named = dict.fromkeys(("q", "1/q"), by_drop_probability)
    return {"1/p": Wrong.divides_at_test_too, **named}.get(factor or "")


_BY_FACTOR = {
    "1": Wrong.forgets_to_rescale,
    "p": Wrong.multiplies_by_keep_prob,
    "1/p²": Wrong.rescales_twice,
    "1/√p": Wrong.divides_by_the_root,
    "⌊1/p⌋": Wrong.truncates_the_scale,
    "1/q": Wrong.divides_by_drop_probability,
}


def _scale_mistake(function: StudentFunction, trial: Trial, got: Draw) -> str | None:
    if shared.is_the_mask(got):
        return shared.Wrong.returns_the_mask
    # A second draw, as a wrong number may be the fraction once.
    again = elementwise.draw(function, trial, elementwise.LARGE, 0.8)
    if _divides_by_kept_fraction(got) and _divides_by_kept_fraction(again):
        return Wrong.divides_by_kept_fraction
    factor = elementwise.factor(function, trial, training=True)
    if factor == "1" and elementwise.factor(function, trial, False) == "p":
        return Wrong.writes_classic_dropout
    if factor == "1/q" and shared.swapped(function, trial):
        return shared.Wrong.swaps_keep_and_drop
    return _BY_FACTOR.get(factor or "")


def _divides_by_kept_fraction(got: Draw) -> bool:
    """Return whether kept units are divided by the kept share of the array, or of their
    row or column."""
    if got.x.size < 30:  # where a fraction is 1 by chance
        return False
    axes: tuple[tuple[int, ...], ...] = (tuple(range(got.x.ndim)), (0,), (-1,))
    fractions = (got.mask.mean(axis=axis, keepdims=True) for axis in axes)
    # A fraction that is 0 or 1 everywhere is that of a mask whose bits are shared.
    return any(
        facts.close(got.out * f, got.x * got.mask) and ((f > 0) & (f < 1)).any()
        for f in fractions
    )


_RUNS = "returns_float_arrays_of_the_input_shape"
_SOME = "drops_some_units_and_keeps_others"
_BITS = "gives_every_unit_and_call_its_own_bit"
_RATE = "keeps_units_at_the_stated_rate"


exercise.asks(0.25, _RUNS, units.RUNS)
exercise.asks(0.25, _SOME, units.DROPS_SOME, after=_RUNS)
exercise.asks(0.25, "leaves_its_input_alone", units.LEAVES_X, after=_SOME)
exercise.asks(
    0.5,
    "is_the_identity_at_test",
    units.at_test("x", lambda keep_prob: 1.0, _test_mistake),
    after=_SOME,
)
exercise.asks(
    0.25, "keeps_everything_at_keep_prob_one", units.KEEPS_ALL_AT_ONE, after=_SOME
)
exercise.asks(
    1.0,
    "every_output_is_zero_or_rescaled",
    units.scaled("x / keep_prob", lambda keep_prob: 1 / keep_prob, _scale_mistake),
    after=_SOME,
)
exercise.asks(0.5, _BITS, unit_forms.OWN_BITS, after=_SOME)
exercise.asks(0.5, _RATE, unit_forms.RATE, after=_BITS)
exercise.asks(0.5, "drops_units_independently", unit_forms.INDEPENDENT, after=_RATE)
exercise.asks(0.5, "draws_from_the_given_rng_alone", unit_forms.FROM_RNG, after=_SOME)
