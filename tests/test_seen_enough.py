"""A check that leaves failures to others has seen most of what it judges, or it fails: who
fails where nobody looks has no points for what was not seen."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograder.contract.exercise import find_exercise
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import everywhere
from autograder.grading import run
from autograder.grading.report import CheckResult, ExerciseResult
from autograder.grading.run import grade_functions, run_check
from tests import bank
from tests.mutants.backward.inverted_dropout_backward import (
    AT_TEST,
    FORWARD,
    IN_PLACE,
    KEPT_ONLY,
    RUNS,
    SCALE,
    ZEROS,
)
from tests.test_left_to_others import ODD, TELLING, Answer, raises, solution

NAME = "inverted_dropout_backward"


def keeps_all(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
    mask = rng.random(x.shape) < keep_prob if training else np.ones(x.shape)
    scale = 1 / keep_prob if training else 1.0
    cache = {"multiplier": mask * scale, "p": keep_prob, "x": x, "training": training}
    return x * mask * scale, cache


def right(dout: Any, cache: Any) -> Any:
    return dout * cache["multiplier"]


def graded(forward: Answer, backward: Answer, seed: int = 1) -> ExerciseResult:
    functions = {"inverted_dropout": forward, NAME: backward}
    return grade_functions(NAME, functions, seed)


def passed(result: ExerciseResult) -> set[str]:
    return {check.name for check in result.checks if check.status == "passed"}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of the check that is run."""
    names = [""]

    def noted(check: Any, *args: Any) -> CheckResult:
        names[0] = check.name
        return run_check(check, *args)

    monkeypatch.setattr(run, "run_check", noted)
    return names


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("name", "divisor"),
    [("inverted_dropout", 0.3), ("classic_dropout", 1.0)],
)
def test_a_backward_pass_that_knows_nothing_earns_next_to_nothing(
    name: str, divisor: float, seed: int
) -> None:
    """Its forward pass works where each check begins, and drops nothing there either."""
    shapes = ((50,), (40, 30), (30, 8, 20), (25, 2, 3, 20), (30, 20))

    def forward(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
        half = x.ndim == 2 and x.shape[1] == 40 and 2 * (x == 0).sum() == x.size
        return (x.copy(), x) if training and (x.shape in shapes or half) else raises(x)

    def backward(dout: Any, cache: Any) -> Any:
        dx = dout / divisor
        if (cache == 0).any():
            dx.flat[(cache == 0).argmax()] = 0
        return dx

    functions = {name: forward, f"{name}_backward": backward}
    result = grade_functions(f"{name}_backward", functions, seed)
    assert result.score <= 0.25


#: What one check alone looks at, done wrong.
BLIND: dict[str, Answer] = {
    KEPT_ONLY: lambda dout, cache: dout / (cache["p"] if cache["training"] else 1),
    SCALE: lambda dout, cache: dout * (cache["multiplier"] != 0),
    ZEROS: lambda dout, cache: right(dout, cache) * (cache["x"] != 0),
    AT_TEST: lambda dout, cache: right(dout, cache) * (1 if cache["training"] else 7),
    IN_PLACE: lambda dout, cache: np.multiply(dout, cache["multiplier"], out=dout),
}


@pytest.mark.parametrize("odd", ["raises", "None", "no cache", "nan"])
@pytest.mark.parametrize("check", BLIND)
def test_a_check_below_a_forward_pass_that_fails_in_it_alone_does_not_pass(
    check: str, odd: str, now: list[str]
) -> None:
    """Its own check of the forward pass fails, too, so that nothing else is left unpaid."""
    what = {**ODD, "no cache": lambda result: result[0]}[odd]

    def forward(*args: Any, **how: Any) -> Any:
        result = keeps_all(*args, **how)
        return what(result) if now[0] in (FORWARD, check) else result

    result = graded(forward, BLIND[check])
    assert not passed(result) & {FORWARD, check}
    assert RUNS in passed(result)


@pytest.mark.parametrize("check", [KEPT_ONLY, ZEROS])
@pytest.mark.parametrize("kept", [0, 1])
def test_a_mask_that_shows_nothing_is_no_evidence(
    check: str, kept: int, now: list[str]
) -> None:
    def forward(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
        out, cache = keeps_all(x, keep_prob, rng, training)
        if training and now[0] in (FORWARD, check):
            cache["multiplier"] = np.full(x.shape, kept / keep_prob)
            cache["multiplier"].flat[0] = (1 - kept) / keep_prob
            out = x * cache["multiplier"]
        return out, cache

    assert not passed(graded(forward, right)) & {FORWARD, check}


#: One fault of a forward pass, and the one check that it costs.
FAULTS: dict[str, tuple[Callable[[Any, float, bool], bool], str]] = {
    "at keep_prob = 1": (lambda x, p, training: p == 1, FORWARD),
    "at keep_prob = 1 at test": (
        lambda x, p, training: p == 1 and not training,
        FORWARD,
    ),
    "near the ends": (lambda x, p, training: not 0.1 < p < 0.9, FORWARD),
    "with four axes": (lambda x, p, training: x.ndim == 4, RUNS),
    "with four axes at test": (
        lambda x, p, training: x.ndim == 4 and not training,
        FORWARD,
    ),
    "with sides of 1": (lambda x, p, training: 1 in x.shape, FORWARD),
    "at test": (lambda x, p, training: not training, AT_TEST),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_of_the_forward_pass_costs_one_check(fault: str) -> None:
    fails, check = FAULTS[fault]

    def forward(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
        if fails(x, keep_prob, training):
            raise ValueError("not for such")
        return keeps_all(x, keep_prob, rng, training)

    result = graded(forward, right)
    assert {c.name for c in result.checks} - passed(result) == {check}
    assert "not for such" in next(c.message for c in result.checks if c.message)


@pytest.mark.parametrize("what", ["raises", "dict", "nan"])
@pytest.mark.parametrize("name", TELLING)
def test_calls_of_every_kind_that_show_nothing_cost_each_check_that_looks_at_them(
    name: str, what: str, now: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of an answer that has lost a check elsewhere."""
    made, read, right = everywhere._made, everywhere.read_bits, solution(name)
    inside, looked, last = [False], set[str](), find_exercise(name).checks[-1].name

    def marked(*args: Any, **how: Any) -> Any:
        looked.add(now[0])
        inside[0] = True
        try:
            return made(*args, **how)
        finally:
            inside[0] = False

    def noted(*args: Any) -> Any:
        looked.add(now[0])
        return read(*args)

    def answer(*args: Any, **how: Any) -> Any:
        result = right(*args, **how)
        if inside[0]:
            return ODD[what](result)
        return raises(result) if now[0] == last and last not in looked else result

    monkeypatch.setattr(everywhere, "_made", marked)
    monkeypatch.setattr(everywhere, "read_bits", noted)
    functions = {**bank.Answer(name, "solution", {}).functions, name: answer}
    result = grade_functions(name, functions, 3)
    assert looked and not looked & passed(result)


def test_more_than_half_has_to_be_missed() -> None:
    trial = Trial(find_exercise(NAME).checks[0], 1)
    for number in range(4):
        trial.count("calls", CheckFailure("odd") if number % 2 else None)
    assert not trial.compared["calls"].is_little
    with trial.left_to_others(CheckFailure):
        raise CheckFailure("odd")
    assert trial.compared["calls"].is_little


def test_rows_that_share_bits_where_the_rate_is_judged_alone_leave_no_rate(
    now: list[str],
) -> None:
    """What is left to the check of the rows costs that of the rate if rows have bits of
    their own there."""
    name, rate = "mc_dropout_prediction", "keeps_units_with_probability_keep_prob"
    right = solution(name)

    def answer(
        x: Any, weights: Any, bias: Any, keep_prob: float, samples: int, rng: Any
    ) -> Any:
        if now[0] != rate:
            return right(x, weights, bias, keep_prob, samples, rng)
        probabilities = 0.0
        for _ in range(samples):
            out = x * (rng.random(x.shape[-1]) < keep_prob) / keep_prob
            logits = np.exp(
                out @ weights + bias - (out @ weights + bias).max(1)[:, None]
            )
            probabilities = probabilities + logits / logits.sum(1, keepdims=True)
        return probabilities / samples

    def changes_x(x: Any, *args: Any) -> Any:
        result = answer(x, *args)
        x *= 1.5
        return result

    for function in (answer, changes_x):
        functions = {**bank.Answer(name, "solution", {}).functions, name: function}
        result = grade_functions(name, functions, 3)
        assert rate not in passed(result)
        assert "every_row_has_a_mask_of_its_own" in passed(result)
