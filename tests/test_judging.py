"""What *grade the graders* promises: nothing for luck, and the power that it states."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from autograder.checks.judging import asking as judging
from autograder.contract.budget import alpha_of
from autograder.contract.exercise import find_exercise
from autograder.families.specimens import BROKEN
from autograder.grading.run import grade_functions
from autograder.laws.binomial import log_binomial
from tests.bank import statement


def in_the_order_of_the_checks() -> Iterator[bool]:
    """Yield True as long as correct dropouts would be asked about, were they in order."""
    yield from [True] * 18 + [False] * 13 + [True] * 103
    while True:
        yield False


def at_random(share: float) -> Iterator[bool]:
    rng = np.random.default_rng(1)
    while True:
        yield bool(rng.random() < share)


@pytest.mark.parametrize(
    "answers",
    [
        in_the_order_of_the_checks,
        *(lambda share=share: at_random(share) for share in (0.05, 0.5, 0.95)),
    ],
    ids=["in order", "5 % True", "half True", "95 % True"],
)
@pytest.mark.parametrize("calls", [False, True], ids=["calls nothing", "calls once"])
def test_a_test_that_does_not_look_is_not_paid_for_luck(
    answers: Callable[[], Iterator[bool]], calls: bool
) -> None:
    for seed in range(5):
        coming = answers()

        def is_inverted_dropout(dropout, rng, coming=coming):
            if calls:
                dropout(np.ones((3, 3)), 0.7, rng)
            return next(coming)

        result = grade_functions(
            "is_inverted_dropout", {"is_inverted_dropout": is_inverted_dropout}, seed
        )
        passed = {check.name for check in result.checks if check.status == "passed"}
        assert passed <= {
            "answers_true_or_false",
            "tells_dropouts_apart",
            "draws_from_the_given_rng",
        }
        assert calls or "draws_from_the_given_rng" not in passed


def sloppy(rates: bool) -> Callable[[Any, np.random.Generator], bool]:
    """Return a test of values and test mode, and of ``rates`` too, with tolerances of 2.3
    standard deviations: of correct dropouts it rejects about one in eight."""

    def near(events: np.ndarray, probability: float) -> bool:
        spread = np.sqrt(events.size * probability * (1 - probability))
        return abs(events.sum() - events.size * probability) < 2.3 * spread

    def accepts(dropout: Any, rng: np.random.Generator) -> bool:
        x, p = rng.uniform(0.5, 2, (200, 20)) * rng.choice([-1.0, 1.0], (200, 20)), 0.7
        (one, _), (two, _) = dropout(x, p, rng), dropout(x, p, rng)
        bits, later, alike = one != 0, two != 0, p * p + (1 - p) ** 2
        if not np.allclose(dropout(x, p, rng, training=False)[0], x):
            return False
        if not np.allclose(one, x * bits / p):
            return False
        return not rates or (
            near(bits, p)
            and near(bits[x > 0], p)
            and near(bits == later, alike)
            and near(bits[::2] == bits[1::2], alike)
            and near(bits[:, ::2] == bits[:, 1::2], alike)
            and near(later[::2] == later[1::2], alike)
        )

    return accepts


@pytest.mark.parametrize("lenient", [range(41), range(41, 400), range(398, 10**6)])
def test_a_test_that_knows_how_often_it_was_called_earns_no_more(
    lenient: range,
) -> None:
    """It looks at rates but for the calls whose numbers are in ``lenient``."""
    with_rates, without, calls = sloppy(True), sloppy(False), itertools.count()

    def is_inverted_dropout(dropout: Any, rng: np.random.Generator) -> bool:
        return (without if next(calls) in lenient else with_rates)(dropout, rng)

    def score(test: Callable[..., bool]) -> float:
        name = "is_inverted_dropout"
        return grade_functions(name, {name: test}, 1).score

    most = max(score(with_rates), score(without))
    assert most < 8 and score(is_inverted_dropout) <= most


def passing(check: str, doubtful: tuple[int, ...], truth: float) -> float:
    """Return the probability that a test which is wrong at this rate passes the check's
    looks: each but the last ends the matter when fewer wrong verdicts than doubtful."""
    exercise = find_exercise("is_inverted_dropout")
    (looks,) = (each.looks.values() for each in exercise.checks if each.name == check)
    passed, goes_on = 0.0, 1.0
    for law, doubt in zip(looks, doubtful, strict=True):
        n = law.sample_size(alpha_of("judging"))
        most = law.accepted(n, alpha_of("judging"))[1]
        chances = [math.exp(log_binomial(k, n, truth)) for k in range(most + 1)]
        ends = doubt or most + 1
        passed += goes_on * sum(chances[:ends])
        goes_on *= sum(chances[ends:])
    return passed


@pytest.mark.parametrize(
    ("truth", "says", "probability"),
    [
        (1 / 100, "1 run of 100", 1),
        (1 / 10, "1 run of 10 fails", 0),
        (1 / 20, "1 of 20 passes in 1 grading of 300", 1 / 300),
        (1 / 33, "at 1 of 33 it passes in 2 of 5", 2 / 5),
    ],
)
def test_rejecting_correct_dropouts_is_found_as_often_as_stated(
    truth: float, says: str, probability: float
) -> None:
    found = passing("accepts_correct_dropouts", judging.ENOUGH_REJECTED, truth)
    assert found == pytest.approx(probability, rel=0.1, abs=1e-6)
    assert says in " ".join(statement("is_inverted_dropout").split())


@pytest.mark.parametrize(
    ("truth", "says", "probability"),
    [
        (1 / 100, "1 run of 100", 1),
        (1 / 2, "in 1 run of 2 fails", 0),
        (1 / 5, "1 of 5 passes in 1 grading of 28", 1 / 28),
        (1 / 10, "at 1 of 10 it passes in 2 of 5", 2 / 5),
    ],
)
def test_accepting_a_broken_dropout_is_found_as_often_as_stated(
    truth: float, says: str, probability: float
) -> None:
    for specimen in BROKEN:
        check = f"rejects_{specimen.name}"
        found = passing(check, judging.ENOUGH_ACCEPTED, truth)
        assert found == pytest.approx(probability, rel=0.1, abs=1e-4)
    assert says in " ".join(statement("is_inverted_dropout").split())


@pytest.mark.parametrize("keep_prob", np.linspace(0.03, 0.97, 95))
def test_the_smallest_error_of_a_rate_is_as_stated(keep_prob: float) -> None:
    laws = {specimen.name: specimen.law for specimen in BROKEN}
    off = laws["keeps_a_little_too_often"].rate(keep_prob) - keep_prob
    tilt = laws["looks_at_the_sign"].tilt(keep_prob)
    assert min(off, tilt) >= 0.03 - 1e-12
    assert tilt <= min(keep_prob, 1 - keep_prob) + 1e-12
    assert "0.03 or more at every keep probability from 0.03 to 0.97" in " ".join(
        statement("is_inverted_dropout").split()
    )
