"""What the exercises of ``ensembles`` share."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import elementwise, ensemble, network
from autograder.families.ensemble import Case, log_softmax, sigmoid, softmax


class Wrong(Mistakes, section="ens-geometric"):
    returns_logits = (
        "you return logits; probabilities come out of the softmax, or of the sigmoid."
    )
    returns_logarithms = (
        "you return logarithms of probabilities; take the exponential at the end."
    )
    applies_softmax_twice = (
        "you apply softmax to probabilities; it belongs on the logits, once."
    )
    normalises_over_another_axis = (
        "you divide by a sum over another axis than the classes, or over several; "
        "each row's probabilities add up to 1."
    )
    takes_a_sigmoid_of_each_class = (
        "you take a sigmoid of each logit by itself; several classes take a softmax."
    )
    forgets_the_bias = "your logits are x @ weights without the bias."
    rescales_the_bias = (
        "you scale the bias together with the inputs; no mask touches it, so it stays "
        "as it is."
    )
    clips_large_logits = (
        "large logits are cut off on the way, or what they overflow to is replaced; "
        "only their differences matter, so subtract each row's largest instead."
    )
    averages_the_logits = at(
        "ens-mistakes",
        "you average logits, or logarithms of probabilities, which gives the "
        "geometric mean; the arithmetic one averages probabilities.",
    )
    members_are_not_rescaled = (
        "your members do not divide the kept inputs by keep_prob, as inverted dropout "
        "does."
    )


Named = Iterator[tuple[str, np.ndarray]]


def misread(z: np.ndarray) -> Named:
    """Yield what else is made of the right logits (..., N, C), by name."""
    likely = softmax(z)
    e = np.exp(z - z.max())
    yield Wrong.returns_logits, z
    yield Wrong.returns_logarithms, log_softmax(z)
    yield Wrong.applies_softmax_twice, softmax(likely)
    yield Wrong.takes_a_sigmoid_of_each_class, sigmoid(z)
    yield Wrong.normalises_over_another_axis, e / e.sum(axis=-2, keepdims=True)
    yield Wrong.normalises_over_another_axis, e / e.sum(axis=(-1, -2), keepdims=True)
    yield Wrong.normalises_over_another_axis, e / e.sum()
    if z.ndim > 2:
        yield Wrong.normalises_over_another_axis, e / e.sum(axis=0)


def first(
    found: np.ndarray, candidates: Iterable[tuple[str, np.ndarray]]
) -> str | None:
    """Return the name of the first candidate that was found, or None."""
    fits = (name for name, wrong in candidates if ensemble.same(found, wrong))
    return next(fits, None)


def leaves_alone(function: StudentFunction, call: str, *given: Any) -> None:
    """Check that x, weights and bias are the same after the call as before."""
    _, after = function.observe(*given)
    names = ("x", "weights", "bias")
    for name, before, now in zip(names, given[:3], after[:3], strict=True):
        if not np.array_equal(before, now):
            raise CheckFailure(
                f"{call} changed {name} in place; {name} * c makes a new array, "
                f"{name} *= c does not.",
                elementwise.Wrong.changes_its_input,
            )


def expect_finite(trial: Trial, found: Any, call: str, largest: float) -> None:
    """Check a prediction whose logits reach ``largest`` for overflow."""
    ok = isinstance(found, np.ndarray) and found.dtype.kind == "f"
    trial.expect(
        not ok or np.isfinite(found).all(),
        f"{call}, with logits up to ±{largest:.0f}, returned NaN or infinity.",
        network.Wrong.softmax_overflows,
    )


def arithmetic(case: Case) -> np.ndarray:
    return np.tensordot(case.chances(), softmax(case.members()), 1)


def one_prediction(
    function: StudentFunction, case: Case, *more: Any
) -> tuple[np.ndarray, str]:
    """Return a prediction, checked for shape, and the call. Raises ``CheckFailure``."""
    call = case.call(function.name, *("rng" if is_rng(a) else a for a in more))
    shape = len(case.x), len(case.bias)
    return facts.float_array(function(*case.given, *more), shape, call), call


def is_rng(value: Any) -> bool:
    return isinstance(value, np.random.Generator)
