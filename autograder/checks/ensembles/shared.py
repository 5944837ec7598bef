"""What the exercises of ``ensembles`` share."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.checks.expectation.shared import Wrong as WrongExpectation
from autograder.contract import domain, facts
from autograder.contract.exercise import Property
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction, foresee
from autograder.contract.trial import Trial
from autograder.families import ensemble, network, properties
from autograder.families.bit_tests import Wrong as Middle
from autograder.families.bit_tests import named_after_the_first
from autograder.families.ensemble import Case, log_softmax, sigmoid, softmax
from autograder.families.rivals import Rivals, first, joined


class Wrong(Mistakes, section="ens-geometric"):
    returns_logits = """you return logits; probabilities come out of the softmax, or of
        the sigmoid."""
    returns_logarithms = """you return logarithms of probabilities; take the exponential
        at the end."""
    applies_softmax_twice = """you apply softmax to probabilities; it belongs on the
        logits, once."""
    normalises_over_another_axis = """you divide by a sum over another axis than the
        classes, or over several; each row's probabilities add up to 1."""
    takes_a_sigmoid_of_each_class = """you take a sigmoid of each logit by itself;
        several classes take a softmax."""
    forgets_the_bias = "your logits are x @ weights without the bias."
    rescales_the_bias = """you scale the bias together with the inputs; no mask touches
        it, so it stays as it is."""
    clips_large_logits = """large logits overflow, or are cut off on the way, or what they
        overflow to is replaced; only their differences matter, so subtract each row's
        largest instead."""
    loses_digits = """right to about three digits and not to five: large logits lose
        digits on the way, in float32 for example, or small probabilities are cut off."""
    averages_the_logits = at(
        "ens-mistakes",
        "you average logits, masks or logarithms of probabilities, which gives "
        "the geometric mean; the arithmetic one averages probabilities.",
    )
    members_are_not_rescaled = """your members do not divide the kept inputs by
        keep_prob, as inverted dropout does."""


Cases = Callable[[Trial], Sequence[Case]]
Truth = Callable[[Case], np.ndarray]
Read = Callable[[StudentFunction, Case], tuple[np.ndarray, str]]


def misread(*several: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Return what else is made of the right logits (..., N, C), each of several."""

    def of(z: np.ndarray) -> Rivals:
        down = z - z.max(axis=-1, keepdims=True)
        axes = [-2, (-1, -2), None, *([0] if z.ndim > 2 else [])]
        return {
            Wrong.returns_logits: [z, down],
            Wrong.returns_logarithms: log_softmax(z),
            Wrong.applies_softmax_twice: softmax(softmax(z)),
            Wrong.takes_a_sigmoid_of_each_class: [sigmoid(z), sigmoid(down)],
            Wrong.normalises_over_another_axis: [
                e / e.sum(axis=axis, keepdims=True)
                for e in (np.exp(z - z.max()), np.exp(down))
                for axis in axes
            ],
        }

    return joined(*map(of, several))


def arithmetic(case: Case) -> np.ndarray:
    """Return the mean of the members' probabilities."""
    return mean(case, softmax(case.members()))


def mean(case: Case, values: np.ndarray) -> np.ndarray:
    """Return the mean of what belongs to the members, weighted by their masks."""
    return np.tensordot(case.chances(), values, 1)


def one_prediction(
    function: StudentFunction, case: Case, *more: Any
) -> tuple[np.ndarray, str]:
    """Return a prediction, checked for shape, and the call. Raises ``CheckFailure``."""
    call = case.call(function.name, *more)
    return facts.float_array(function(*case.given, *more), case.shape, call), call


def expect_unchanged(
    function: StudentFunction, trial: Trial, case: Case, *more: Any
) -> None:
    """Check that x, weights and bias are the same after the call as before."""
    _, after = function.observe(*case.given, *more)
    call, names = case.call(function.name, *more), ("x", "weights", "bias")
    hint = "; {0} * c makes a new array, {0} *= c does not"
    properties.expect_unchanged(trial, call, names, case.given, after, hint)


def without_overflow(
    trial: Trial,
    value: Any,
    case: Case,
    call: str,
    what: str = "the result",
    mistake: str = network.Wrong.softmax_overflows,
) -> np.ndarray:
    """Return a prediction whose logits reach ±1000, checked for shape and overflow."""
    found = facts.floats(value, case.shape, call, what)
    trial.expect(
        np.isfinite(found).all(),
        f"{call}, with logits up to ±1000, returned NaN or infinity.",
        mistake,
    )
    return found


def expect_near(
    trial: Trial,
    found: np.ndarray,
    expected: np.ndarray,
    what: str,
    mistake: str = Wrong.clips_large_logits,
    nearly_right: str = Wrong.loses_digits,
) -> None:
    """Check a prediction whose logits reach ±1000."""
    nearly = facts.close(found, expected, rtol=1e-3, atol=1e-6)
    if not ensemble.same(found, expected):
        trial.fail(
            f"{what} is not right; {facts.worst(found, expected)}.",
            nearly_right if nearly else mistake,
        )


def kind(says: str, cases: Cases, read: Read = one_prediction) -> Property:
    """The property that ``read`` finds what it wants, the same in two calls."""

    def test(function: StudentFunction, trial: Trial) -> None:
        for case in cases(trial):
            (one, call), (again, _) = read(function, case), read(function, case)
            trial.expect(
                ensemble.same(one, again),
                f"{call} gave two different answers in two calls; expected the same one.",
                WrongExpectation.answers_at_random,
            )

    return Property(f"{says}, the same at every call.", test)


def equals(
    cases: Cases,
    truth: Truth,
    rivals: Callable[[Case], Rivals],
    what: str = "prediction",
) -> Property:
    """The property that the answer, ``what`` it is, is ``truth(case)``; the docstring of
    ``truth`` says so."""

    def test(function: StudentFunction, trial: Trial) -> None:
        given = cases(trial)
        foresee(function, [(case.given, {}) for case in given])
        for case, some in named_after_the_first(given):
            (found, call), expected = one_prediction(function, case), truth(case)
            if not ensemble.same(found, expected):
                known = {} if case.is_close_to_an_end else rivals(case)
                trial.fail(
                    f"{call}: the {what} is not right; {facts.worst(found, expected)}.",
                    first(found, known, ensemble.same) or some,
                )

    return Property(inspect.getdoc(truth) or "", test)


def survives(
    cases: Cases,
    truth: Truth,
    what: str = "prediction",
    logits: str = "logits",
    overflows: str = network.Wrong.softmax_overflows,
    clips: str = Wrong.clips_large_logits,
    more: Cases = lambda _: (),
) -> Property:
    """The property that logits, those named, up to ±1000 do no harm; those of ``more``
    may be smaller."""

    def test(function: StudentFunction, trial: Trial) -> None:
        given, others = cases(trial), more(trial)
        foresee(function, [(case.given, {}) for case in (*given, *others)])
        for i, case in enumerate((*given, *others)):
            call = case.call(function.name)
            found = without_overflow(
                trial, function(*case.given), case, call, mistake=overflows
            )
            large = i < len(given)
            text = (
                f"{call}{f', with {logits} up to ±1000' if large else ''}: the {what}"
            )
            name = clips if large else Middle.right_in_the_middle_only
            expect_near(trial, found, truth(case), text, name)

    return Property(
        f"{logits.capitalize()} up to ±1000 give a {what}: no overflow.", test
    )


def unchanged(cases: Cases, names: str = "x, weights and bias") -> Property:
    """The property that a call does not change the first of the cases."""

    def test(function: StudentFunction, trial: Trial) -> None:
        expect_unchanged(function, trial, cases(trial)[0])

    return Property(f"{names} are the same after the call as before.", test)


def _logits(given: Mapping[str, Any]) -> np.ndarray:
    return np.asarray(given["x"] @ given["weights"] + given["bias"])


#: The ranges of a softmax's weights and bias: two classes and more.
WEIGHTS = domain.arrays("`weights` a float array (D, C) with C >= 2", 2, 2)
WEIGHTS = WEIGHTS.without("a single entry")
BIAS = domain.Range(
    "`bias` a float array (C,)", {"zeros": lambda bias: (bias == 0).any()}
)

#: What the arguments of a network may be together.
LOGITS = domain.Range(
    "between -1000 and 1000",
    {
        "logits beyond 500": lambda given: np.abs(_logits(given)).max() > 500,
        "rows of very different logits": lambda given: (
            np.ptp(_logits(given).reshape(len(given["x"]), -1).max(axis=1)) > 800
        ),
    },
)
