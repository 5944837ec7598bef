"""What an output may not know of the calls before it."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from autograder.contract.exercise import find_exercise
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import follows_rng
from autograder.grading.grade import grade
from autograder.laws.dependence import least_likely


def trial() -> Trial:
    return Trial(find_exercise("inverted_dropout").checks[0], seed=5)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("agrees", [False, True])
def test_the_probability_is_that_of_fishers_exact_test(
    share: float, agrees: bool
) -> None:
    rng = np.random.default_rng(1)
    one = rng.random((100, 1)) < share
    two = one ^ (rng.random((100, 1)) < (0.2 if agrees else 0.5))
    table = [[int((a & b).sum()) for b in (two, ~two)] for a in (one, ~one)]
    sides = [
        stats.fisher_exact(table, alternative=side).pvalue
        for side in ("less", "greater")
    ]
    assert least_likely(one, two) == pytest.approx(2 * min(sides))


@pytest.mark.parametrize("apart, which", [(1, "call before;"), (2, "call before the")])
@pytest.mark.parametrize("mirrored", [False, True])
def test_an_entry_of_a_call_before_is_found_at_any_place(
    apart: int, which: str, mirrored: bool
) -> None:
    outs = trial().rng.random((200, 100)) < 0.7
    follows_rng.expect_own_calls(trial(), list(outs), "f(x)")
    outs[apart:, 13] = outs[:-apart, 88] ^ mirrored
    with pytest.raises(CheckFailure, match=f"follow from those of the {which}"):
        follows_rng.expect_own_calls(trial(), list(outs), "f(x)")


FAILS_AT_TIMES = """
import numpy as np
def inverted_dropout(x, keep_prob, rng, training=True):
    if x.ndim and len(x) > 2000:
        raise ValueError("too long")
    mask = (rng.random(x.shape) < keep_prob) / keep_prob
    return (x * mask, mask) if training else (x.copy(), None)
"""


def test_a_call_that_fails_takes_no_generator_along(tmp_path: Path) -> None:
    """A worker has drawn from generators of the calls before it; these are made again."""
    path = tmp_path / "mine.py"
    path.write_text(FAILS_AT_TIMES)
    (result,) = grade(path, exercises=["inverted_dropout"], seed=5).exercises
    failed = [check.name for check in result.checks if check.status == "failed"]
    assert failed == ["keeps_units_at_the_stated_rate"]
