"""annealed_keep_prob: let the keep probability grow to 1."""

from collections.abc import Callable, Sequence

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial

exercise = Exercise(
    "annealed_keep_prob",
    chapter="noise",
    title="Let the keep probability grow to 1",
    signature="annealed_keep_prob(step, total_steps, initial_keep_prob) -> float",
    section="noise-schedules",
)


class Wrong(Mistakes, section="noise-schedules"):
    anneals_the_wrong_way = (
        "your schedule starts at 1 and ends at the initial value, as a curriculum "
        "does; annealing starts with dropout and ends without."
    )
    anneals_to_zero = (
        "your keep probability falls to 0: that is a drop probability that is "
        "annealed. The keep probability grows to 1."
    )
    returns_the_drop_probability = (
        "you return 1 minus the keep probability of the schedule."
    )
    counts_steps_off_by_one = (
        "your schedule runs one step early or late: it is at the initial value at "
        "step 0 and at 1 at step total_steps."
    )
    goes_on_after_the_last_step = (
        "after total_steps your value goes on, and is no keep probability any more; "
        "it stays at 1."
    )
    starts_over_after_the_last_step = (
        "after total_steps your schedule falls back below 1; it stays at 1."
    )
    divides_integers = (
        "your value stays at its start until the last step: step // total_steps is 0 "
        "up to there; divide with /."
    )
    does_not_grow_linearly = (
        "both ends are right, and between them your schedule bends or jumps; it is "
        "linear in step."
    )
    does_not_reach_one = "at step total_steps your value is not 1."
    starts_from_another_value = "at step 0 your value is not initial_keep_prob."


_SCHEDULES = ((10, 0.3), (7, 0.8), (1, 0.45), (1000, 0.05), (50, 1.0), (10, 0.6))


def _kept(
    function: StudentFunction, step: int, total_steps: int, initial: float
) -> tuple[float, str]:
    """Return the value, a finite number, and the call as it is shown in messages."""
    call = f"annealed_keep_prob({step}, {total_steps}, {initial})"
    return facts.number(function(step, total_steps, initial), call), call


def _expect_schedule(
    function: StudentFunction, trial: Trial, steps: Callable[[int], Sequence[int]]
) -> None:
    """Check the values at ``steps(total_steps)`` of every schedule."""
    for total_steps, initial in _SCHEDULES:
        for step in steps(total_steps):
            value, call = _kept(function, step, total_steps, initial)
            expected = initial + (1 - initial) * min(step / total_steps, 1.0)
            if not facts.close(value, expected):
                trial.fail(
                    f"{call} is {value:.6g}; expected {expected:.6g}.",
                    _schedule_mistake(function, total_steps, initial),
                )


def _schedule_mistake(
    function: StudentFunction, total_steps: int, initial: float
) -> str | None:
    """Return what is behind a wrong schedule of at least five steps, by its values up to
    half as many steps again."""
    if total_steps < 5:
        total_steps, initial = _SCHEDULES[0]
    steps = np.arange(total_steps * 3 // 2)
    try:
        found = np.array(
            [_kept(function, int(s), total_steps, initial)[0] for s in steps]
        )
    except (StudentError, CheckFailure):
        return None

    def line(step: np.ndarray, total: int = total_steps) -> np.ndarray:
        return initial + (1 - initial) * np.clip(step / total, 0, 1)

    right, before = line(steps), steps < total_steps
    if facts.close(found, 1 - right):
        return Wrong.returns_the_drop_probability
    if facts.close(found[0], 1) and found[total_steps] < 1:
        return Wrong.anneals_the_wrong_way
    if facts.close(found[total_steps], 0):
        return Wrong.anneals_to_zero
    shifted = [line(steps + 1), line(steps - 1)]
    shifted += [line(steps, total_steps + shift) for shift in (-1, 1)]
    if any(facts.close(found[before], s[before]) for s in shifted):
        return Wrong.counts_steps_off_by_one
    if facts.close(found[before], right[before]) and facts.close(found[total_steps], 1):
        return (
            Wrong.goes_on_after_the_last_step
            if found.max() > 1.001
            else Wrong.starts_over_after_the_last_step
        )
    if not facts.close(found[0], initial):
        return Wrong.starts_from_another_value
    if not facts.close(found[total_steps], 1):
        return Wrong.does_not_reach_one
    return (
        Wrong.divides_integers
        if facts.close(found[before], initial)
        else Wrong.does_not_grow_linearly
    )


@exercise.check(points=0.25)
def starts_at_the_initial_value(
    annealed_keep_prob: StudentFunction, trial: Trial
) -> None:
    """A number comes back, and at step 0 it is initial_keep_prob."""
    _expect_schedule(annealed_keep_prob, trial, lambda total: (0,))


@exercise.check(points=0.5, after="starts_at_the_initial_value")
def grows_linearly_to_one(annealed_keep_prob: StudentFunction, trial: Trial) -> None:
    """Up to total_steps the value grows in equal steps, and is 1 there."""
    _expect_schedule(annealed_keep_prob, trial, lambda total: _sample(total))


def _sample(total_steps: int) -> Sequence[int]:
    """Return steps from 1 to ``total_steps``: all of them, or 21 when there are many."""
    return sorted({round(s) for s in np.linspace(1, total_steps, 21)})


@exercise.check(points=0.25, after="starts_at_the_initial_value")
def stays_at_one_afterwards(annealed_keep_prob: StudentFunction, trial: Trial) -> None:
    """After total_steps the value is 1."""
    _expect_schedule(
        annealed_keep_prob,
        trial,
        lambda total: (total + 1, total + 2, 2 * total, 2 * total + 3, 10 * total + 7),
    )
