"""No check passes an answer that says nothing in it, and is right in the others."""

from typing import Any

import numpy as np
import pytest

from autograder.grading.run import grade_functions
from tests import vacuous

#: Zeros in every exercise at each run, the other ways in ``make test-all``.
_OTHERS = [way for way in vacuous.WAYS if way != "zeros"]


@pytest.mark.parametrize("name", vacuous.NAMES)
@pytest.mark.parametrize(
    "ways",
    [["zeros"], pytest.param(_OTHERS, marks=pytest.mark.slow)],
    ids=("zeros", "others"),
)
def test_whoever_says_nothing_in_a_check_loses_it(name: str, ways: list[str]) -> None:
    assert not [*vacuous.passes(name, ways)]


@pytest.mark.slow
@pytest.mark.parametrize("name", vacuous.NAMES)
def test_a_wrong_answer_does_not_pass_by_saying_nothing_where_it_is_wrong(
    name: str,
) -> None:
    """As whoever never rescales, and drops all units while factors are looked at."""
    assert not [*vacuous.passes(name, ["zeros", "zeros but x"], mutants=True)]


def test_each_reason_is_one_of_a_check_that_there_is() -> None:
    """What stands as enough is what would be found."""
    every = {
        f"{name} {check.name}: {way}"
        for name in vacuous.NAMES
        for check in vacuous.find_exercise(name).checks
        for way in vacuous.WAYS
    }
    for pattern in vacuous.ENOUGH:
        assert any(vacuous.re.fullmatch(pattern, what) for what in every), pattern


def test_two_factors_that_somebody_knows_are_no_formula() -> None:
    """Where keep_prob is another, all is dropped."""
    known = {0.8: 1.25, 0.3: 10 / 3, 1: 1.0}

    def inverted_dropout(
        x: Any, keep_prob: float, rng: Any, training: bool = True
    ) -> tuple[Any, None]:
        mask = rng.random(x.shape) < keep_prob
        out = x * mask * known.get(keep_prob, 0.0) if training else x
        return out.astype(x.dtype), None

    functions = {"inverted_dropout": inverted_dropout}
    result = grade_functions("inverted_dropout", functions, vacuous.SEED)
    verdicts = {check.name: check for check in result.checks}
    scale = verdicts["every_output_is_zero_or_rescaled"]
    assert scale.status == "failed" and "units came back as 0" in scale.message
    assert np.isclose(result.score, 1.5)
