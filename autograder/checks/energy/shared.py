"""What the exercises of ``energy`` share."""

import numpy as np

from autograder.contract.mistakes import Mistakes
from autograder.contract.trial import Trial
from autograder.families import elementwise


class Wrong(Mistakes, section="energy-norm"):
    simulates_an_expectation = (
        "your answer changes from call to call, as a simulation's does; the "
        "expectation over all masks has a formula."
    )


BOTH_SIDES = (0.8, 0.3)


#: More digits than a rounded keep probability has.
MANY_DIGITS = 0.5617


#: Where a keep probability that is clipped shows.
NEAR_THE_ENDS = (0.985, 0.02)
#: How to square without changing an array; see ``formula.expect_unchanged``.
SQUARED = "{0}**2 makes a new array, {0} **= 2 does not"


def expect_same(
    trial: Trial, given: np.ndarray, now: np.ndarray, call: str, what: str
) -> None:
    trial.expect(
        np.array_equal(given, now),
        f"{call} changed {what} in place; {what}**2 makes a new array, {what} **= 2 does "
        "not.",
        elementwise.Wrong.changes_its_input,
    )
