"""Hidden units of a batch of a few rows have bits of their own, like units of small arrays."""

from collections.abc import Sequence

import numpy as np

from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise, small_calls
from autograder.families.follows_rng import expect_own_calls
from autograder.families.network import Batch


def _masks(
    function: StudentFunction,
    _trial: Trial,
    batch: Batch,
    rng: np.random.Generator,
    calls: int,
) -> Sequence[np.ndarray]:
    return batch.masks(function, rng, calls)


#: A single unit has its calls elsewhere: so many take long.
SMALL = small_calls.Small(
    small_calls.of_cases(Batch.readable, _masks),
    small_calls.ROWS,
    what="hidden units",
    single=False,
)


def expect_own_rows(
    function: StudentFunction, trial: Trial, rng: np.random.Generator
) -> None:
    """Check that no two rows of a small batch share their mask of many units, and that no
    unit's bit follows from the call before."""
    for rows, units in ((2, 100), (3, 700), (5, 400), (8, 200), (12, 100)):
        mask = Batch.readable(trial, rows, units, 0.6).mask(function, rng)
        trial.expect(
            len({row.tobytes() for row in mask}) == rows,
            f"A call on {rows} rows of {units} hidden units: some rows have the same mask.",
            elementwise.Wrong.one_mask_for_all_rows,
        )
    few = Batch.readable(trial, 2, 40, 0.6)
    expect_own_calls(trial, few.masks(function, rng, 200), few.call)
