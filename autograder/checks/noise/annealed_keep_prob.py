"""annealed_keep_prob: let the keep probability grow to 1."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families.corners import SMALLEST, close_keep_probs, spread_keep_probs
from autograder.families.formula import Formula, Given, RelativeTo
from autograder.families.magnitudes import near_the_ends

#: The largest step. Answers may walk there step by step, so that it is no larger.
_LAST = 10_000_000

exercise = Exercise(
    "annealed_keep_prob",
    chapter="noise",
    title="Let the keep probability grow to 1",
    signature="annealed_keep_prob(step, total_steps, initial_keep_prob) -> float",
    section="schedules-four",
    takes={
        "step": domain.whole_numbers(
            f"`step` is an integer from 0 to {_LAST:,}", 0, _LAST
        ),
        "total_steps": domain.whole_numbers(
            "`total_steps` is an integer from 1 to 1,000,000", 1, 1000
        ),
        "initial_keep_prob": domain.keep_probs("initial_keep_prob", SMALLEST),
        domain.TOGETHER: domain.Range(
            "It may be larger than `total_steps`",
            {
                "a step after the last": lambda given: (
                    given["step"] > given["total_steps"]
                )
            },
        ),
    },
)


class Wrong(Mistakes, section="schedules-four"):
    anneals_the_wrong_way = """your schedule starts at 1 and ends at the initial value,
        as a curriculum does; annealing starts with dropout and ends without."""
    anneals_to_zero = """your keep probability falls to 0: that is a drop probability
        that is annealed. The keep probability grows to 1."""
    returns_the_drop_probability = """you return 1 minus the keep probability of the
        schedule."""
    counts_steps_off_by_one = """your schedule runs one step early or late: it is at the
        initial value at step 0 and at 1 at step total_steps."""
    goes_on_after_the_last_step = """after total_steps your value goes on, and is no
        keep probability any more; it stays at 1."""
    starts_over_after_the_last_step = """after total_steps your schedule falls back
        below 1; it stays at 1."""
    divides_integers = """your value stays at its start until the last step, as where
        step // total_steps is 0; divide with /."""
    does_not_grow_linearly = """both ends are right, and between them your schedule
        bends or jumps; it is linear in step."""
    does_not_reach_one = "at step total_steps your value is not 1."
    has_a_special_case = """your schedule is right, but for some lengths, steps or
        initial values: either they are bounded or rounded, or a case of its own is wrong."""
    starts_from_another_value = "at step 0 your value is not initial_keep_prob."


#: A few that people count, one of a single step and one of two, then from the ends of
#: the range: no dropout, hardly any, hardly a unit kept, and the longest.
_SCHEDULES = (
    (10, 0.3),
    (7, 0.8137),
    (1, 0.45),
    (2, 0.97),
    (1000, 0.0537),
    (50, 1.0),
    (10, 0.6),
    (1_000_000, 1e-4),
    (12_347, 0.02),
    *((10, p) for p in close_keep_probs()),
)


def _line(step: Any, total_steps: int, initial: float) -> Any:
    return initial + (1 - initial) * np.clip(step / total_steps, 0, 1)


_FORMULA = Formula(exercise, _line, same=RelativeTo(_line))


def _mistake(
    function: StudentFunction,
    trial: Trial,
    step: int,
    total_steps: int,
    initial: float,
) -> str | None:
    """Return what is behind a wrong schedule, by its values up to half as many steps
    again, or by some of them, and by one beyond twice as many; a short one is looked at
    with ten steps."""
    n = total_steps if total_steps >= 5 else 10
    steps = np.append(np.arange(n * 3 // 2), 2 * n + 3)
    if n > 1000:
        ends = [0, 1, n - 1, n, n + 1, 2 * n + 3]
        steps = np.unique([*ends, *np.linspace(0, n * 3 // 2, 30, dtype=int)])
    try:
        found = np.array([_FORMULA.read(function, int(s), n, initial) for s in steps])
    except (StudentError, CheckFailure):
        return None
    right, before, first = _line(steps, n, initial), steps < n, found[0]
    rising, end = found[before], found[steps == n][0]
    shifted = [_line(steps[before] + shift, n, initial) for shift in (1, -1)]
    shifted += [_line(steps[before], n + shift, initial) for shift in (-1, 1)]
    rises = facts.close(rising, right[before])
    right_so_far = rises and facts.close(end, 1)
    shown = {
        Wrong.returns_the_drop_probability: facts.close(found, 1 - right),
        Wrong.anneals_the_wrong_way: facts.close(first, 1) and end < 1,
        Wrong.anneals_to_zero: facts.close(end, 0) and not rises,
        Wrong.counts_steps_off_by_one: any(facts.close(rising, s) for s in shifted),
        Wrong.goes_on_after_the_last_step: right_so_far and found.max() > 1.001,
        Wrong.starts_over_after_the_last_step: right_so_far
        and found[~before].min() < 0.999,
        Wrong.has_a_special_case: right_so_far,
        Wrong.starts_from_another_value: not facts.close(first, initial),
        Wrong.does_not_reach_one: not facts.close(end, 1),
        Wrong.divides_integers: facts.close(rising, initial),
        Wrong.does_not_grow_linearly: True,
    }
    return next(name for name, holds in shown.items() if holds)


_schedules = partial(_FORMULA.equals, probe=_mistake)


def _cases(
    trial: Trial, steps: Callable[[int, int], Iterable[int]], number: int = 0
) -> list[Given]:
    """Return the steps that ``steps(total_steps, most)`` names, of the schedules at the
    corners and of drawn ones, whose lengths grow to 1,000,000: ``number`` of the first ones
    at most, fewer of the others."""
    rng = trial.rng
    shares = [*spread_keep_probs(trial), *near_the_ends(rng), 0.5]
    shares = rng.permutation(shares).tolist()
    drawn = 10 ** (6 / len(shares) * (np.arange(len(shares)) + rng.random()))
    spread = zip(drawn.astype(int).tolist(), shares, strict=True)
    given = [(n, p, number if n <= 1000 else 5) for n, p in _SCHEDULES]
    given += [(n, p, 5) for n, p in spread]
    return [(step, n, initial) for n, initial, most in given for step in steps(n, most)]


@_schedules(0.25)
def starts_at_the_initial_value(trial: Trial) -> list[Given]:
    """A number comes back, and at step 0 it is initial_keep_prob."""
    return _cases(trial, lambda n, _: (0,))


@_schedules(0.5, after="starts_at_the_initial_value")
def grows_linearly_to_one(trial: Trial) -> list[Given]:
    """Up to total_steps the value grows in equal steps, and is 1 there."""

    # All steps from 1 on, or 21 of them when there are many. Answers may walk there step
    # by step, so that few steps of a long schedule are looked at.
    def steps(n: int, most: int) -> list[int]:
        return sorted({round(step) for step in np.linspace(1, n, most)})

    return _cases(trial, steps, 21)


@_schedules(0.25, after="starts_at_the_initial_value")
def stays_at_one_afterwards(trial: Trial) -> list[Given]:
    """After total_steps the value is 1."""

    def steps(n: int, _: int) -> tuple[int, ...]:
        return n + 1, n + 2, 2 * n, 2 * n + 3, min(10 * n + 7, _LAST)

    return _cases(trial, steps)
