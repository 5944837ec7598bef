"""Classic and inverted dropout, and the settings that make them train alike."""

from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import mistake
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.families.elementwise import Draw

classic = Exercise(
    "classic_dropout",
    chapter="conventions",
    title="Drop units in training and multiply all units by keep_prob at test",
    signature="classic_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="conv-definitions",
)
inverted = Exercise(
    "inverted_dropout",
    chapter="conventions",
    title="Drop units in training and divide the kept ones by keep_prob",
    signature="inverted_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="conv-definitions",
)
settings = Exercise(
    "classic_settings",
    chapter="conventions",
    title="Translate inverted dropout's settings into classic dropout's",
    signature=(
        "classic_settings(weights, learning_rate, weight_decay, keep_prob) "
        "-> (weights, learning_rate, weight_decay)"
    ),
    section="conv-training-equivalence",
)

# ---- Mistakes of either convention ---------------------------------------------------

WRITES_CLASSIC = mistake(
    "writes_classic_dropout",
    "this is classic dropout: kept units are unchanged in training, and all units "
    "multiplied by keep_prob at test.",
    "conv-definitions",
)
WRITES_INVERTED = mistake(
    "writes_inverted_dropout",
    "this is inverted dropout: kept units are divided by keep_prob in training, and "
    "nothing is done at test.",
    "conv-definitions",
)
SWAPS_KEEP_AND_DROP = mistake(
    "swaps_keep_and_drop",
    "you keep with probability 1 − keep_prob and scale to match: keep_prob is read as "
    "the drop probability throughout.",
    "conv-dictionary",
)
RETURNS_THE_MASK = mistake(
    "returns_the_mask",
    "kept units all come back as the same number, whatever x is: out is the mask and not "
    "x times the mask.",
    "conv-definitions",
)


def _swapped(function: StudentFunction, trial: Trial) -> bool:
    """Return whether units are kept with probability 1 − keep_prob, roughly."""
    got = elementwise.draw(function, trial, (60, 60), 0.8)
    return abs(float(got.mask.mean()) - 0.2) < 0.06


def _is_the_mask(got: Draw) -> bool:
    kept = got.out[got.mask]
    return len(kept) > 1 and facts.close(kept, kept[0])


# ---- classic_dropout -----------------------------------------------------------------

RESCALES_IN_CLASSIC_TRAINING = mistake(
    "rescales_in_classic_training",
    "kept units come back larger in training; classic dropout only masks there and makes "
    "up for it at test.",
    "conv-definitions",
)
SHRINKS_IN_CLASSIC_TRAINING = mistake(
    "shrinks_in_classic_training",
    "you multiply by keep_prob in training; that factor belongs to the test pass.",
    "conv-test-time",
)
FORGETS_THE_TEST_FACTOR = mistake(
    "forgets_the_test_factor",
    "at test x comes back unchanged; in training only a share keep_prob of the units "
    "arrived, so at test classic dropout multiplies by keep_prob.",
    "conv-test-time",
)
DROP_PROBABILITY_AT_TEST = mistake(
    "multiplies_by_drop_probability_at_test",
    "at test you multiply by 1 − keep_prob; multiply by keep_prob.",
    "conv-mistakes",
)
DIVIDES_AT_CLASSIC_TEST = mistake(
    "divides_at_classic_test",
    "at test you divide by keep_prob; classic dropout multiplies by it.",
    "conv-test-time",
)


SQUARES_THE_TEST_FACTOR = mistake(
    "squares_the_test_factor",
    "at test you multiply by keep_prob twice, as when activations and weights are scaled "
    "both; once is enough.",
    "conv-test-time",
)


@classic.check(points=0.25)
def returns_classic_float_arrays(
    classic_dropout: StudentFunction, trial: Trial
) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    elementwise.returns_float_arrays(classic_dropout, trial)


@classic.check(points=0.25, after="returns_classic_float_arrays")
def drops_some_and_keeps_some(classic_dropout: StudentFunction, trial: Trial) -> None:
    """In training, which is the default, some units come back as 0 and some do not."""
    elementwise.drops_some(classic_dropout, trial)


@classic.check(points=0.25, after="drops_some_and_keeps_some")
def leaves_its_classic_input_alone(
    classic_dropout: StudentFunction, trial: Trial
) -> None:
    """x is the same after the call as before."""
    elementwise.leaves_input_alone(classic_dropout, trial)


@classic.check(points=0.75, after="drops_some_and_keeps_some")
def multiplies_by_keep_prob_at_test(
    classic_dropout: StudentFunction, trial: Trial
) -> None:
    """With training=False, out equals keep_prob * x."""

    def name_of(factor: str | None) -> str | None:
        in_training = elementwise.factor(classic_dropout, trial, training=True)
        if (in_training, factor) == ("1/p", "1"):
            return WRITES_INVERTED
        if factor == "q" and _swapped(classic_dropout, trial):
            return SWAPS_KEEP_AND_DROP
        if (in_training, factor) == ("p", "1"):
            return SHRINKS_IN_CLASSIC_TRAINING
        named = {
            "1": FORGETS_THE_TEST_FACTOR,
            "q": DROP_PROBABILITY_AT_TEST,
            "1/p": DIVIDES_AT_CLASSIC_TEST,
            "p²": SQUARES_THE_TEST_FACTOR,
        }
        return named.get(factor or "")

    elementwise.test_mode(classic_dropout, trial, lambda keep_prob: keep_prob, name_of)


@classic.check(points=0.25, after="drops_some_and_keeps_some")
def keeps_all_at_keep_prob_one(classic_dropout: StudentFunction, trial: Trial) -> None:
    """At keep_prob = 1, out equals x."""
    elementwise.keeps_everything_at_one(classic_dropout, trial)


@classic.check(points=0.5, after="drops_some_and_keeps_some")
def every_output_is_zero_or_the_input(
    classic_dropout: StudentFunction, trial: Trial
) -> None:
    """In training each output is 0 or x."""

    def name_of(got: Draw, keep_prob: float) -> str | None:
        if _is_the_mask(got):
            return RETURNS_THE_MASK
        factor = elementwise.factor(classic_dropout, trial, training=True)
        if factor == "1/p" and elementwise.factor(classic_dropout, trial, False) == "1":
            return WRITES_INVERTED
        if factor == "p":
            return SHRINKS_IN_CLASSIC_TRAINING
        larger = got.ratio is not None and got.ratio > 1
        return RESCALES_IN_CLASSIC_TRAINING if larger else None

    elementwise.zero_or_scaled(classic_dropout, trial, lambda keep_prob: 1.0, name_of)


@classic.check(points=0.25, after="drops_some_and_keeps_some")
def gives_each_unit_and_call_its_own_bit(
    classic_dropout: StudentFunction, trial: Trial
) -> None:
    """Rows, columns and calls do not share bits, and the kept count varies."""
    elementwise.gives_each_unit_its_own_bit(classic_dropout, trial)


@classic.check(
    points=0.5,
    after="gives_each_unit_and_call_its_own_bit",
    looks=elementwise.RATE_LOOKS,
)
def keeps_units_with_keep_prob(classic_dropout: StudentFunction, trial: Trial) -> None:
    """Every unit is kept with probability keep_prob, whatever its value and place."""
    elementwise.keeps_at_rate(classic_dropout, trial)


@classic.check(
    points=0.25,
    after="keeps_units_with_keep_prob",
    looks=elementwise.INDEPENDENCE_LOOKS,
)
def drops_each_unit_independently(
    classic_dropout: StudentFunction, trial: Trial
) -> None:
    """Bits in pairs of rows, columns and calls are independent, and so are counts."""
    elementwise.is_independent(classic_dropout, trial)


@classic.check(points=0.25, after="drops_some_and_keeps_some")
def draws_from_rng_alone(classic_dropout: StudentFunction, trial: Trial) -> None:
    """The same rng state gives the same output; another state, another output."""
    elementwise.draws_from_rng(classic_dropout, trial)


# ---- inverted_dropout ----------------------------------------------------------------

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
RESCALES_TWICE = mistake(
    "rescales_twice",
    "you divide by keep_prob twice.",
    "conv-mistakes",
)
DIVIDES_BY_THE_ROOT = mistake(
    "divides_by_the_root",
    "you divide by the square root of keep_prob, which preserves the expected squared "
    "norm; inverted dropout preserves the mean and divides by keep_prob.",
    "exp-mean",
)
MULTIPLIES_BY_KEEP_PROB = mistake(
    "multiplies_by_keep_prob",
    "you multiply the kept units by keep_prob in training; inverted dropout divides.",
    "conv-definitions",
)
TRUNCATES_THE_SCALE = mistake(
    "truncates_the_scale",
    "the scale 1 / keep_prob is cut to a whole number; multiply in floating point, not "
    "by an integer array.",
    "conv-definitions",
)
DIVIDES_BY_KEPT_FRACTION = mistake(
    "divides_by_kept_fraction",
    "you divide by the fraction that happened to be kept, which varies; divide by "
    "keep_prob.",
    "conv-mistakes",
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


@inverted.check(points=0.25)
def returns_float_arrays_of_the_input_shape(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    elementwise.returns_float_arrays(inverted_dropout, trial)


@inverted.check(points=0.25, after="returns_float_arrays_of_the_input_shape")
def drops_some_units_and_keeps_others(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """In training, which is the default, some units come back as 0 and some do not."""
    elementwise.drops_some(inverted_dropout, trial)


@inverted.check(points=0.25, after="drops_some_units_and_keeps_others")
def leaves_its_input_alone(inverted_dropout: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before."""
    elementwise.leaves_input_alone(inverted_dropout, trial)


@inverted.check(points=0.5, after="drops_some_units_and_keeps_others")
def is_the_identity_at_test(inverted_dropout: StudentFunction, trial: Trial) -> None:
    """With training=False, out equals x."""

    def name_of(factor: str | None) -> str | None:
        if factor == "p":
            unscaled = elementwise.factor(inverted_dropout, trial, training=True) == "1"
            return WRITES_CLASSIC if unscaled else RESCALES_AT_TEST_TOO
        return DIVIDES_AT_TEST_TOO if factor == "1/p" else None

    elementwise.test_mode(inverted_dropout, trial, lambda keep_prob: 1.0, name_of)


@inverted.check(points=0.25, after="drops_some_units_and_keeps_others")
def keeps_everything_at_keep_prob_one(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, out equals x."""
    elementwise.keeps_everything_at_one(inverted_dropout, trial)


@inverted.check(points=1.0, after="drops_some_units_and_keeps_others")
def every_output_is_zero_or_rescaled(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """In training each output is 0 or x / keep_prob."""

    def name_of(got: Draw, keep_prob: float) -> str | None:
        if _is_the_mask(got):
            return RETURNS_THE_MASK
        if _divides_by_kept_fraction(got):
            return DIVIDES_BY_KEPT_FRACTION
        factor = elementwise.factor(inverted_dropout, trial, training=True)
        if factor == "1" and elementwise.factor(inverted_dropout, trial, False) == "p":
            return WRITES_CLASSIC
        if factor == "1/q" and _swapped(inverted_dropout, trial):
            return SWAPS_KEEP_AND_DROP
        named = {
            "1": FORGETS_TO_RESCALE,
            "p": MULTIPLIES_BY_KEEP_PROB,
            "1/p²": RESCALES_TWICE,
            "1/√p": DIVIDES_BY_THE_ROOT,
            "⌊1/p⌋": TRUNCATES_THE_SCALE,
            "1/q": DIVIDES_BY_DROP_PROBABILITY,
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


@inverted.check(points=0.5, after="drops_some_units_and_keeps_others")
def gives_every_unit_and_call_its_own_bit(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """Rows, columns and calls do not share bits, and the kept count varies."""
    elementwise.gives_each_unit_its_own_bit(inverted_dropout, trial)


@inverted.check(
    points=0.5,
    after="gives_every_unit_and_call_its_own_bit",
    looks=elementwise.RATE_LOOKS,
)
def keeps_units_at_the_stated_rate(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """Every unit is kept with probability keep_prob, whatever its value and place."""
    elementwise.keeps_at_rate(inverted_dropout, trial)


@inverted.check(
    points=0.5,
    after="keeps_units_at_the_stated_rate",
    looks=elementwise.INDEPENDENCE_LOOKS,
)
def drops_units_independently(inverted_dropout: StudentFunction, trial: Trial) -> None:
    """Bits in pairs of rows, columns and calls are independent, and so are counts."""
    elementwise.is_independent(inverted_dropout, trial)


@inverted.check(points=0.5, after="drops_some_units_and_keeps_others")
def draws_from_the_given_rng_alone(
    inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    elementwise.draws_from_rng(inverted_dropout, trial)


# ---- classic_settings ----------------------------------------------------------------

COPIES_THE_SETTINGS = mistake(
    "copies_the_settings",
    "a setting comes back as it was; a classic network with copied settings trains to "
    "another function.",
    "conv-training-equivalence",
)
TRANSLATES_THE_OTHER_WAY = mistake(
    "translates_the_other_way",
    "your factor is the inverse of the right one: it leads from classic settings to "
    "inverted ones.",
    "conv-training-equivalence",
)
APPLIES_KEEP_PROB_ONCE = mistake(
    "applies_keep_prob_once",
    "one factor keep_prob is missing: the classic weights are larger and, besides, their "
    "gradient is smaller.",
    "conv-training-equivalence",
)
APPLIES_KEEP_PROB_TWICE = mistake(
    "applies_keep_prob_twice_to_the_weights",
    "you divide the weights by keep_prob twice; the square belongs to the learning rate.",
    "conv-training-equivalence",
)
USES_THE_DROP_PROBABILITY = mistake(
    "translates_with_the_drop_probability",
    "your factor is made of 1 − keep_prob; it is made of keep_prob.",
    "conv-dictionary",
)
SWAPS_RATE_AND_DECAY = mistake(
    "swaps_rate_and_decay",
    "the learning rate and the weight decay are each what the other should be; return "
    "(weights, learning_rate, weight_decay).",
    "conv-training-equivalence",
)
ADDS_TO_THE_DECAY = mistake(
    "adds_to_the_decay",
    "a weight decay of 0 does not stay 0: it is bounded from below, or something is "
    "added; the decay is multiplied by a factor and by nothing else.",
    "conv-training-equivalence",
)

Settings = tuple[np.ndarray, float, float]
_SETTINGS = ("weights", "learning_rate", "weight_decay")


def _settings_cases(trial: Trial) -> list[tuple[Settings, float]]:
    """Return settings of inverted networks of several sizes, and keep probabilities."""
    cases: list[tuple[Settings, float]] = []
    for shape, keep_prob in (
        ((5, 3), 0.8),
        ((1, 1), 0.3),
        ((4, 1), 0.55),
        ((2, 6), 1.0),
    ):
        rate, decay = trial.rng.uniform(0.01, 0.5), trial.rng.uniform(1e-4, 0.009)
        cases.append(((trial.inputs(*shape), float(rate), float(decay)), keep_prob))
    return cases


def _settings_call(given: Settings, keep_prob: float) -> str:
    weights, rate, decay = given
    shape = f"weights of shape {weights.shape}"
    return f"classic_settings({shape}, {rate:.4g}, {decay:.4g}, {keep_prob})"


def _three_settings(result: Any, given: Settings, call: str) -> Settings:
    """Return the three items of the right types, or raise ``CheckFailure``."""
    result = facts.items(result, 3, call, f"({', '.join(_SETTINGS)})")
    weights = facts.float_array(result[0], given[0].shape, call, "weights")
    rate, decay = (
        facts.number(item, call, what)
        for item, what in zip(result[1:], _SETTINGS[1:], strict=True)
    )
    return weights, rate, decay


def _translated(given: Settings, keep_prob: float) -> Settings:
    weights, rate, decay = given
    return weights / keep_prob, rate / keep_prob**2, decay * keep_prob**2


def _expect_setting(
    function: StudentFunction, trial: Trial, which: int, named: dict[float, str]
) -> None:
    """Check one of the three settings. ``named`` says for an exponent e which mistake
    the factor keep_prob ** e is."""
    for given, keep_prob in _settings_cases(trial):
        call = _settings_call(given, keep_prob)
        found = _three_settings(function(*given, keep_prob), given, call)
        right = _translated(given, keep_prob)
        if facts.close(found[which], right[which], atol=0):
            continue
        factor = float(np.median(found[which] / given[which]))
        expected = float(np.median(right[which] / given[which]))
        trial.fail(
            f"{call}: {_SETTINGS[which]} comes back {factor:.4g} times what was given; "
            f"expected {expected:.4g} times.",
            _settings_mistake(given, found, right, which, keep_prob, named),
        )


def _settings_mistake(
    given: Settings,
    found: Settings,
    right: Settings,
    which: int,
    keep_prob: float,
    named: dict[float, str],
) -> str | None:
    if facts.close(found[1], right[2]) and facts.close(found[2], right[1]):
        return SWAPS_RATE_AND_DECAY
    for exponent, name in named.items():
        if facts.close(found[which], given[which] * keep_prob**exponent, atol=0):
            return name
    drop_prob = 1 - keep_prob
    uses_drop = any(
        facts.close(found[which], given[which] * drop_prob**e, atol=0)
        for e in (-2, -1, 1, 2)
        if drop_prob > 0
    )
    return USES_THE_DROP_PROBABILITY if uses_drop else None


@settings.check(points=0.25)
def returns_weights_and_two_numbers(
    classic_settings: StudentFunction, trial: Trial
) -> None:
    """The result is a tuple of an array shaped like weights and two numbers, finite."""
    for given, keep_prob in _settings_cases(trial):
        call = _settings_call(given, keep_prob)
        _three_settings(classic_settings(*given, keep_prob), given, call)


@settings.check(points=0.5, after="returns_weights_and_two_numbers")
def translates_the_weights(classic_settings: StudentFunction, trial: Trial) -> None:
    """The two networks compute the same function before the first step."""
    named = {
        0.0: COPIES_THE_SETTINGS,
        1.0: TRANSLATES_THE_OTHER_WAY,
        -2.0: APPLIES_KEEP_PROB_TWICE,
    }
    _expect_setting(classic_settings, trial, 0, named)


@settings.check(points=0.5, after="returns_weights_and_two_numbers")
def translates_the_learning_rate(
    classic_settings: StudentFunction, trial: Trial
) -> None:
    """The two networks compute the same function after a step without weight decay."""
    named = {
        0.0: COPIES_THE_SETTINGS,
        -1.0: APPLIES_KEEP_PROB_ONCE,
        2.0: TRANSLATES_THE_OTHER_WAY,
    }
    _expect_setting(classic_settings, trial, 1, named)


@settings.check(points=0.5, after="returns_weights_and_two_numbers")
def translates_the_weight_decay(
    classic_settings: StudentFunction, trial: Trial
) -> None:
    """A step's decay shrinks both networks' weights by the same factor; 0 stays 0."""
    named = {
        0.0: COPIES_THE_SETTINGS,
        1.0: APPLIES_KEEP_PROB_ONCE,
        -2.0: TRANSLATES_THE_OTHER_WAY,
    }
    _expect_setting(classic_settings, trial, 2, named)
    weights, call = trial.inputs(3, 2), "classic_settings(weights, 0.1, 0.0, 0.8)"
    given: Settings = weights, 0.1, 0.0
    decay = _three_settings(classic_settings(*given, 0.8), given, call)[2]
    trial.expect(
        decay == 0,
        f"{call}: weight_decay is {decay:.4g}; expected 0.",
        ADDS_TO_THE_DECAY,
    )


@settings.check(
    points=0.25,
    after=("translates_the_weights", "translates_the_learning_rate"),
)
def leaves_the_weights_alone(classic_settings: StudentFunction, trial: Trial) -> None:
    """The given weights are the same after the call as before."""
    for given, keep_prob in _settings_cases(trial):
        _, after = classic_settings.observe(*given, keep_prob)
        trial.expect(
            np.array_equal(after[0], given[0]),
            f"{_settings_call(given, keep_prob)} changed weights in place; "
            "weights / keep_prob makes a new array, weights /= keep_prob does not.",
            elementwise.CHANGES_ITS_INPUT,
        )
