"""classic_settings: translate inverted dropout's settings into classic dropout's."""

from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise

exercise = Exercise(
    "classic_settings",
    chapter="conventions",
    title="Translate inverted dropout's settings into classic dropout's",
    signature=(
        "classic_settings(weights, learning_rate, weight_decay, keep_prob) "
        "-> (weights, learning_rate, weight_decay)"
    ),
    section="conv-training-equivalence",
)


class Wrong(Mistakes, section="conv-training-equivalence"):
    copies_the_settings = """a setting comes back as it was; a classic network with
        copied settings trains to another function."""
    translates_the_other_way = """your factor is the inverse of the right one: it leads
        from classic settings to inverted ones."""
    applies_keep_prob_once = """one factor keep_prob is missing: the classic weights are
        larger and, besides, their gradient is smaller."""
    applies_keep_prob_twice_to_the_weights = """you divide the weights by keep_prob
        twice; the square belongs to the learning rate."""
    translates_with_the_drop_probability = at(
        "conv-dictionary",
        "your factor is made of 1 − keep_prob; it is made of keep_prob.",
    )
    swaps_rate_and_decay = """the learning rate and the weight decay are each what the
        other should be; return (weights, learning_rate, weight_decay)."""
    adds_to_the_decay = """a weight decay of 0 does not stay 0: it is bounded from
        below, or something is added; the decay is multiplied by a factor and by nothing
        else."""


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
        return Wrong.swaps_rate_and_decay
    for exponent, name in named.items():
        if facts.close(found[which], given[which] * keep_prob**exponent, atol=0):
            return name
    drop_prob = 1 - keep_prob
    uses_drop = any(
        facts.close(found[which], given[which] * drop_prob**e, atol=0)
        for e in (-2, -1, 1, 2)
        if drop_prob > 0
    )
    return Wrong.translates_with_the_drop_probability if uses_drop else None


@exercise.check(points=0.25)
def returns_weights_and_two_numbers(
    classic_settings: StudentFunction, trial: Trial
) -> None:
    """The result is a tuple of an array shaped like weights and two numbers, finite."""
    for given, keep_prob in _settings_cases(trial):
        call = _settings_call(given, keep_prob)
        _three_settings(classic_settings(*given, keep_prob), given, call)


@exercise.check(points=0.5, after="returns_weights_and_two_numbers")
def translates_the_weights(classic_settings: StudentFunction, trial: Trial) -> None:
    """The two networks compute the same function before the first step."""
    named = {
        0.0: Wrong.copies_the_settings,
        1.0: Wrong.translates_the_other_way,
        -2.0: Wrong.applies_keep_prob_twice_to_the_weights,
    }
    _expect_setting(classic_settings, trial, 0, named)


@exercise.check(points=0.5, after="returns_weights_and_two_numbers")
def translates_the_learning_rate(
    classic_settings: StudentFunction, trial: Trial
) -> None:
    """The two networks compute the same function after a step without weight decay."""
    named = {
        0.0: Wrong.copies_the_settings,
        -1.0: Wrong.applies_keep_prob_once,
        2.0: Wrong.translates_the_other_way,
    }
    _expect_setting(classic_settings, trial, 1, named)


@exercise.check(points=0.5, after="returns_weights_and_two_numbers")
def translates_the_weight_decay(
    classic_settings: StudentFunction, trial: Trial
) -> None:
    """A step's decay shrinks both networks' weights by the same factor; 0 stays 0."""
    named = {
        0.0: Wrong.copies_the_settings,
        1.0: Wrong.applies_keep_prob_once,
        -2.0: Wrong.translates_the_other_way,
    }
    _expect_setting(classic_settings, trial, 2, named)
    weights, call = trial.inputs(3, 2), "classic_settings(weights, 0.1, 0.0, 0.8)"
    given: Settings = weights, 0.1, 0.0
    decay = _three_settings(classic_settings(*given, 0.8), given, call)[2]
    trial.expect(
        decay == 0,
        f"{call}: weight_decay is {decay:.4g}; expected 0.",
        Wrong.adds_to_the_decay,
    )


@exercise.check(
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
            elementwise.Wrong.changes_its_input,
        )
