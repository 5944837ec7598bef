"""classic_settings: translate inverted dropout's settings into classic dropout's."""

import copy
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.domain import Range, floats, keep_probs
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction, foresee
from autograder.contract.trial import Trial
from autograder.families import corners, elementwise, magnitudes
from autograder.families.properties import expect_unchanged, stated
from autograder.families.rivals import first, wrong_factor

exercise = Exercise(
    "classic_settings",
    chapter="conventions",
    title="Translate inverted dropout's settings into classic dropout's",
    signature=(
        "classic_settings(weights, learning_rate, weight_decay, keep_prob) "
        "-> (weights, learning_rate, weight_decay)"
    ),
    section="conv-training-equivalence",
    takes={
        "weights": floats("a float array of shape (D, C)", 2, 2),
        "learning_rate": Range("`learning_rate` > 0"),
        "weight_decay": Range("`weight_decay` >= 0", {"0": lambda d: bool(d == 0)}),
        "keep_prob": keep_probs(smallest=corners.SMALLEST),
    },
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
    bounds_or_rounds_a_setting = """the factor is right for some settings and values of
        keep_prob and not for others: either a number is bounded or rounded on the way, or
        what was computed for other settings is used again."""
    takes_another_factor = """your factor is another: another power of keep_prob, or a
        number that is cut off to a whole one, or settings of some size, weights of some
        shape have a case of their own."""
    adds_to_the_decay = """a weight decay of 0 does not stay 0: it is bounded from
        below, or something is added; the decay is multiplied by a factor and by nothing
        else."""


Settings = tuple[np.ndarray, float, float]
_NAMES = ("weights", "learning_rate", "weight_decay")


#: Wide and long weights, up to a few thousand; beside them, drawn shapes are spread.
_LARGE_SHAPES = ((2, 150), (150, 2), (60, 60), (1, 3100), (3100, 1), (2, 2), (45, 1))
#: Sizes of learning rate and weight decay: usual ones, and the ends of a wide range.
_SIZES = ((0.1, 1e-3), (10.0, 1.0), (1e-6, 1e-9), (1e3, 1e3))
_SHAPES = ((5, 3), (1, 1), (4, 1), (2, 6), (1, 3))
_MATRICES = ((5, 3), (2, 6), (1, 1), (10, 4), (4, 2), (1, 9), (7, 1))


class Case:
    """The settings of an inverted network, and its keep probability."""

    def __init__(self, given: Settings, keep_prob: float) -> None:
        weights, rate, decay = self.given = given
        self.keep_prob = keep_prob
        shape = f"of shape {weights.shape}{facts.dtype_shown(weights)}"
        numbers = f"{rate:.4g}, {decay:.4g}, {keep_prob}"
        self.call = f"classic_settings(weights {shape}, {numbers})"

    @classmethod
    def drawn(
        cls,
        trial: Trial,
        shape: tuple[int, int],
        keep_prob: float,
        size: tuple[float, float],
        dtype: Any,
    ) -> "Case":
        """Return a case of such weights, whose learning rate and weight decay are about
        of this size."""
        rate, decay = size * trial.rng.uniform(0.5, 2, 2)
        weights = elementwise.wide(trial, shape, zeros=0.1).astype(dtype)
        return cls((weights, float(rate), float(decay)), keep_prob)

    def with_weights(self, weights: np.ndarray) -> "Case":
        """Return the case with these weights, but for their first entry."""
        twin, (first, *others) = copy.copy(self), self.given
        weights[0, 0] = first[0, 0]
        twin.given = weights, others[0], others[1]
        return twin


def _announced(function: StudentFunction, trial: Trial) -> list[Case]:
    """Return all cases, which the checks of one grading share, and of which the function
    has been told."""
    if "settings" not in trial.notes:
        trial.notes["settings"] = [*_cases(trial)]
    cases: list[Case] = trial.notes["settings"]
    foresee(function, [((*case.given, case.keep_prob), {}) for case in cases])
    return cases


def _cases(trial: Trial) -> Iterator[Case]:
    """Yield settings of networks of several sizes, the first as usual ones are; each
    comes again with other weights alone, that begin alike."""
    keep_probs = (*elementwise.ALL_KEEP_PROBS, 1.0)
    cases = elementwise.covering(_SHAPES, keep_probs, _SIZES, elementwise.DTYPES)
    for case in cases:
        yield (one := Case.drawn(trial, *case))
        yield one.with_weights(corners.transposed(-3 * one.given[0]))
        yield one.with_weights(np.full_like(one.given[0], one.given[0][0, 0]))
    for p, size in zip(corners.close_keep_probs(), cycle(_SIZES)):
        yield Case.drawn(trial, (2, 1), p, size, np.float64)
    sides = map(tuple, trial.rng.integers(1, 60, (13, 2)).tolist())
    shares = corners.spread_keep_probs(trial)
    dtypes = cycle(elementwise.DTYPES)
    for case in zip((*_LARGE_SHAPES, *sides), shares, cycle(_SIZES), dtypes):
        yield Case.drawn(trial, *case)
    yield from _of_every_magnitude(trial)


def _of_every_magnitude(trial: Trial) -> Iterator[Case]:
    """Yield settings each of which is of every magnitude, without regard for the others,
    with weights of every kind."""
    rng, sizes = trial.rng, magnitudes.magnitudes
    weights = magnitudes.arrays(rng, _MATRICES, sizes(rng, 1e-6, 1e6))
    rates = rng.permutation(sizes(rng, 1e-9, 1e6, (1e-6, 1e3))).tolist()
    decays = rng.permutation(sizes(rng, 1e-9, 1e3, (1e-8, 1e3))).tolist()
    for given in zip(weights, cycle(rates), cycle(decays), magnitudes.shares(trial)):
        yield Case(given[:3], given[3])


def _answer(
    function: StudentFunction, given: Settings, keep_prob: float, call: str
) -> Settings:
    """Return the three items of the right types, or raise ``CheckFailure``."""
    result: Any = function(*given, keep_prob)
    weights, *numbers = facts.items(result, 3, call, f"({', '.join(_NAMES)})")
    weights = facts.float_array(weights, given[0].shape, call, "weights")
    rate, decay = (
        facts.number(item, call, what)
        for item, what in zip(numbers, _NAMES[1:], strict=True)
    )
    return weights, rate, decay


def _returns_three(function: StudentFunction, trial: Trial) -> None:
    """The result is a tuple of an array shaped like weights and two numbers, finite."""
    for case in _announced(function, trial):
        _answer(function, case.given, case.keep_prob, case.call)


def _expect_power(
    function: StudentFunction,
    trial: Trial,
    which: int,
    power: int,
    named: Mapping[int, str],
) -> None:
    """Check that one of the three settings is multiplied by this power of keep_prob;
    ``named`` has the mistakes behind other powers."""
    for i, case in enumerate(_announced(function, trial)):
        found = _answer(function, case.given, case.keep_prob, case.call)
        factor = case.keep_prob**power
        given, right = case.given[which], case.given[which] * factor
        if facts.close(found[which], right, atol=0):
            continue
        not_zero = given != 0
        fits_some = i > 0 or np.isclose(found[which], right, atol=0)[not_zero].any()
        name = _mistake(case, found, which, named)
        some = Wrong.bounds_or_rounds_a_setting
        was, should = wrong_factor(
            np.extract(not_zero, found[which]), np.extract(not_zero, given), factor
        )
        trial.fail(
            f"{case.call}: {_NAMES[which]} comes back {was} times what was given; "
            f"expected {should} times.",
            name or (some if fits_some else Wrong.takes_another_factor),
        )


def _mistake(
    case: Case, found: Settings, which: int, named: Mapping[int, str]
) -> str | None:
    """Return what is behind a wrong setting."""
    (_, rate, decay), p, given = case.given, case.keep_prob, case.given[which]
    if facts.close(found[1:], (decay * p**2, rate / p**2), atol=0):
        return Wrong.swaps_rate_and_decay
    rivals: dict[str, Any] = {name: given * p**e for e, name in named.items()}
    rivals[Wrong.translates_with_the_drop_probability] = [
        given * (1 - p) ** e for e in (-2, -1, 1, 2) if p < 1
    ]
    return first(found[which], rivals, lambda a, b: facts.close(a, b, atol=0))


def _translates_weights(function: StudentFunction, trial: Trial) -> None:
    """The two networks compute the same function before the first step."""
    named = {
        0: Wrong.copies_the_settings,
        1: Wrong.translates_the_other_way,
        -2: Wrong.applies_keep_prob_twice_to_the_weights,
    }
    _expect_power(function, trial, 0, -1, named)


def _translates_rate(function: StudentFunction, trial: Trial) -> None:
    """The two networks compute the same function after a step without weight decay."""
    named = {
        0: Wrong.copies_the_settings,
        -1: Wrong.applies_keep_prob_once,
        2: Wrong.translates_the_other_way,
    }
    _expect_power(function, trial, 1, -2, named)


def _translates_decay(function: StudentFunction, trial: Trial) -> None:
    """A step's decay shrinks both networks' weights by the same factor; 0 stays 0."""
    named = {
        0: Wrong.copies_the_settings,
        1: Wrong.applies_keep_prob_once,
        -2: Wrong.translates_the_other_way,
    }
    for keep_prob in elementwise.KEEP_PROBS:
        call = f"classic_settings(weights, 0.1, 0.0, {keep_prob})"
        given: Settings = trial.inputs(3, 2), 0.1, 0.0
        decay = _answer(function, given, keep_prob, call)[2]
        trial.expect(
            decay == 0,
            f"{call}: weight_decay is {decay:.4g}; expected 0.",
            Wrong.adds_to_the_decay,
        )
    _expect_power(function, trial, 2, 2, named)


def _leaves_weights_alone(function: StudentFunction, trial: Trial) -> None:
    """The given weights are the same after the call as before."""
    hint = "; {0} / keep_prob makes a new array, {0} /= keep_prob does not"
    for case in _announced(function, trial):
        _, after = function.observe(*case.given, case.keep_prob)
        expect_unchanged(trial, case.call, _NAMES[:1], case.given, after, hint)


_THREE = "returns_weights_and_two_numbers"
_MOVES = "translates_the_weights", "translates_the_learning_rate"
exercise.asks(0.25, _THREE, stated(_returns_three))
exercise.asks(0.5, _MOVES[0], stated(_translates_weights), _THREE)
exercise.asks(0.5, _MOVES[1], stated(_translates_rate), _THREE)
exercise.asks(0.5, "translates_the_weight_decay", stated(_translates_decay), _THREE)
exercise.asks(0.25, "leaves_the_weights_alone", stated(_leaves_weights_alone), _MOVES)
