"""Tests that answer without looking: what the exercise *grade the graders* gives them."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from autograder.grading.run import grade_functions


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
