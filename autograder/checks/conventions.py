"""Classic and inverted dropout, and the settings that make them train alike."""

import numpy as np

from autograder import facts, masks
from autograder.exercise import Exercise
from autograder.masks import Draw
from autograder.mistakes import mistake
from autograder.students import StudentFunction
from autograder.trial import Trial

inverted = Exercise(
    "inverted_dropout",
    chapter="conventions",
    title="Drop units in training and divide the kept ones by keep_prob",
    signature="inverted_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="conv-definitions",
)

FORGETS_TO_RESCALE = mistake(
    "forgets_to_rescale",
    "kept units come back unchanged; inverted dropout divides them by keep_prob.",
    "conv-definitions",
)
DIVIDES_BY_DROP_PROBABILITY = mistake(
    "divides_by_drop_probability",
    "you divide by 1 − keep_prob; divide by keep_prob.",
    "conv-definitions",
)
SWAPS_KEEP_AND_DROP = mistake(
    "swaps_keep_and_drop",
    "you keep with probability 1 − keep_prob and divide by it: keep_prob is read as "
    "the drop probability throughout.",
    "conv-dictionary",
)
RESCALES_TWICE = mistake(
    "rescales_twice",
    "you divide by keep_prob twice.",
    "conv-mistakes",
)
MULTIPLIES_BY_KEEP_PROB = mistake(
    "multiplies_by_keep_prob",
    "you multiply the kept units by keep_prob in training; inverted dropout divides.",
    "conv-definitions",
)
DIVIDES_BY_KEPT_FRACTION = mistake(
    "divides_by_kept_fraction",
    "you divide by the fraction that happened to be kept, which varies; divide by "
    "keep_prob.",
    "exp-variance",
)
RESCALES_AT_TEST_TOO = mistake(
    "rescales_at_test_too",
    "you multiply by keep_prob at test, as classic dropout does; inverted dropout has "
    "done its scaling in training and leaves x alone at test.",
    "conv-test-time",
)
DIVIDES_AT_TEST_TOO = mistake(
    "divides_at_test_too",
    "you divide by keep_prob at test as well; at test inverted dropout is the identity.",
    "conv-test-time",
)


def _inverted_scale_mistake(got: Draw, keep_prob: float) -> str | None:
    ratios = got.out[got.mask] / got.x[got.mask]
    drop_prob = 1 - keep_prob
    swapped = abs(got.mask.mean() - drop_prob) < 0.05
    ratio = float(np.median(ratios))
    if not facts.close(ratios, ratio):
        return _varying_scale_mistake(got)
    if facts.close(ratio, 1 / drop_prob):
        return SWAPS_KEEP_AND_DROP if swapped else DIVIDES_BY_DROP_PROBABILITY
    named = {
        1.0: FORGETS_TO_RESCALE,
        1 / keep_prob**2: RESCALES_TWICE,
        keep_prob: MULTIPLIES_BY_KEEP_PROB,
        1 / float(got.mask.mean()): DIVIDES_BY_KEPT_FRACTION,
    }
    return next((name for value, name in named.items() if facts.close(ratio, value)), None)


def _varying_scale_mistake(got: Draw) -> str | None:
    fractions = got.mask.mean(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        by_row = np.where(got.mask, got.x / fractions, 0)
    return DIVIDES_BY_KEPT_FRACTION if facts.close(got.out, by_row) else None


def _inverted_test_mistake(ratio: float, keep_prob: float) -> str | None:
    named = {keep_prob: RESCALES_AT_TEST_TOO, 1 / keep_prob: DIVIDES_AT_TEST_TOO}
    return next((name for value, name in named.items() if facts.close(ratio, value)), None)


@inverted.check(points=0.5)
def returns_float_arrays_of_the_input_shape(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """out has the shape of x and holds finite floating point numbers."""
    masks.returns_float_arrays(inverted_dropout, trial)


@inverted.check(points=0.25, after="returns_float_arrays_of_the_input_shape")
def leaves_its_input_alone(inverted_dropout: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before."""
    masks.leaves_input_alone(inverted_dropout, trial)


@inverted.check(points=0.5, after="returns_float_arrays_of_the_input_shape")
def is_the_identity_at_test(inverted_dropout: StudentFunction, trial: Trial) -> None:
    """With training=False, out equals x."""
    masks.test_mode(inverted_dropout, trial, lambda keep_prob: 1.0, _inverted_test_mistake)


@inverted.check(points=0.25, after="returns_float_arrays_of_the_input_shape")
def keeps_everything_at_keep_prob_one(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, out equals x."""
    masks.keeps_everything_at_one(inverted_dropout, trial)


@inverted.check(points=1.0, after="returns_float_arrays_of_the_input_shape")
def every_output_is_zero_or_rescaled(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """Each output is 0 or x / keep_prob."""
    masks.zero_or_scaled(
        inverted_dropout, trial, lambda keep_prob: 1 / keep_prob, _inverted_scale_mistake
    )


@inverted.check(
    points=0.75, after="every_output_is_zero_or_rescaled", looks=masks.RATE_LOOKS
)
def keeps_units_at_the_stated_rate(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """Every unit is kept with probability keep_prob, whatever its value and place."""
    masks.keeps_at_rate(inverted_dropout, trial)


@inverted.check(
    points=0.75, after="keeps_units_at_the_stated_rate", looks=masks.INDEPENDENCE_LOOKS
)
def drops_units_independently(inverted_dropout: StudentFunction, trial: Trial) -> None:
    """Rows, columns and calls have independent masks, and the kept count varies."""
    masks.is_independent(inverted_dropout, trial)


@inverted.check(points=0.5, after="returns_float_arrays_of_the_input_shape")
def draws_from_the_given_rng_alone(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    masks.draws_from_rng(inverted_dropout, trial)
