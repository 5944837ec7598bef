"""The false-failure budget of an assignment, and each look's share of it."""

import functools

from autograder.contract.exercise import all_exercises

#: The false-failure probability of a correct solution, for a whole assignment.
BUDGET = 1e-9


@functools.cache
def looks_of(chapter: str) -> int:
    """Return how many statistical looks a whole assignment takes."""
    return sum(len(check.looks) for e in all_exercises(chapter) for check in e.checks)


def alpha_of(chapter: str) -> float:
    """Return each look's share of the assignment's false-failure budget.

    By the union bound a correct solution fails with probability at most the sum of the
    shares, which is ``BUDGET`` whatever the dependence between the looks."""
    return BUDGET / max(1, looks_of(chapter))
