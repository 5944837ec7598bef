"""Runs the checks of an exercise on a student's functions, wherever these run."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Check, Exercise, find_exercise
from autograder.contract.mistakes import find_mistake
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import LEFT, LEFT_TO, PURE, CheckFailure, Trial
from autograder.grading import matrices
from autograder.grading.local import LocalFunction
from autograder.grading.report import CheckResult, ExerciseResult
from autograder.grading.unwritten import Watched, not_written_yet, unwritten_in
from autograder.isolation.bubblewrap import WorkerUnavailable
from autograder.isolation.clocks import TryAgain
from autograder.isolation.worker_handle import WorkerLost
from autograder.wire.text import clean

Functions = Mapping[str, StudentFunction]
_log = logging.getLogger(__name__)

#: Begins the message of a check that ended with an error of its own.
CHECK_STOPPED = (
    "The check could not judge what came back; show this to your instructor:"
)

#: Of a result that the judge cannot hold.
TOO_LARGE = "What came back took more memory than the grader has for one file."


def run_check(
    check: Check, functions: Functions, seed: int, notes: dict[str, Any] | None = None
) -> CheckResult:
    """Run one check on the student's functions and return its verdict; ``notes`` are what
    the checks of one grading share. Whatever the student's function does is a failure
    with a sentence that says so, and so is an error of the check itself."""
    trial = Trial(check, seed, notes)
    arguments: dict[str, Any] = {
        name: trial if name == "trial" else functions[name] for name in check.parameters
    }
    try:
        # Results may be of any size; what overflows is no number, and judged as such.
        with np.errstate(all="ignore"):
            check.function(**arguments)
        failure = _too_little(trial)
    except (CheckFailure, StudentError) as error:
        failure = _failure(error)
    except WorkerLost as error:
        call = error.call or "Your function"
        failure = CheckFailure(f"{call} gave no answer: {error.message}.")
    except (TryAgain, WorkerUnavailable):
        raise  # no verdict on the student
    except MemoryError:
        failure = CheckFailure(TOO_LARGE)
    except Exception as error:
        # A result of a kind that no check foresaw must not end the grading of a class.
        where = f"{check.name.replace('_', ' ')} ({check.exercise.name})"
        failure = CheckFailure(f"{CHECK_STOPPED} {type(error).__name__} in {where}.")
        # What a check looks for is in its lines: they are for the instructor.
        _log.error("The check %s ended in its own error.", where, exc_info=error)
    return CheckResult(
        name=check.name,
        status="passed" if failure is None else "failed",
        score=check.points if failure is None else 0.0,
        max_score=check.points,
        message="" if failure is None else clean(failure.message),
        statistic=_statistic(trial),
        mistake=None if failure is None else failure.mistake,
        summary=check.summary,
    )


def _failure(error: CheckFailure | StudentError) -> CheckFailure:
    """Return what is said of a check that did not pass; of a part that is still to be
    written no more than that, whatever the check thought of it."""
    if (made := unwritten_in(error)) is not None:
        call = made.call or made.function
        return CheckFailure(
            f"This part is not written yet: {call} raised {made.message}."
        )
    if isinstance(error, StudentError):
        return CheckFailure(
            f"{error.call or 'Your code'} raised {error.message}.",
            facts.of_an_error(error.message),
        )
    return error


def _too_little(trial: Trial) -> CheckFailure | None:
    """Return the failure of a check that left most of what it was to compare to others."""
    for of, compared in trial.compared.items():
        if compared.first is None or not compared.is_little:
            continue
        first = _failure(compared.first)
        if unwritten_in(compared.first) is not None:
            return first
        return CheckFailure(
            f"{compared.missed} of {compared.asked} {of} could not be compared, too many "
            f"to judge by the others. The first: {first.message}",
            first.mistake,
        )
    return None


def _statistic(trial: Trial) -> dict[str, float] | None:
    """Return the figures of the look with the smallest p-value against its level."""
    if not trial.looks:
        return None
    look = min(trial.looks, key=lambda look: look.p_value / look.alpha)
    return {
        "n": look.n,
        "alpha": look.alpha,
        "p_value": look.p_value,
        "detects": look.detects,
    }


def grade_exercise(
    exercise: Exercise,
    functions: Functions,
    seed: int,
    before_check: Callable[[], None] = lambda: None,
) -> ExerciseResult:
    """Run the exercise's checks in order; skip what depends on one that did not pass."""
    watched = {
        name: Watched(function, find_exercise(name).arguments)
        for name, function in functions.items()
    }
    results = _results(exercise, watched, seed, before_check)
    unwritten = not_written_yet(exercise.name, watched.values())
    if unwritten and not any(result.score for result in results.values()):
        return not_graded(exercise, "unwritten", unwritten)
    failed = [result for result in results.values() if result.status == "failed"]
    root = min(failed, key=_vagueness, default=None)
    return ExerciseResult(
        name=exercise.name,
        chapter=exercise.chapter,
        status="graded",
        checks=tuple(results.values()),
        message="" if root is None else root.message,
        mistake=None if root is None else root.mistake,
    )


def _results(
    exercise: Exercise,
    watched: Mapping[str, Watched],
    seed: int,
    before_check: Callable[[], None],
) -> dict[str, CheckResult]:
    """Return the results by the checks' names. Where the first check passes if arrays of
    some numbers of axes come as matrices, so do these in the others, which need not wait
    for it."""
    results: dict[str, CheckResult] = {}
    settled: set[str] = set()
    notes: dict[str, Any] = {}
    axes: matrices.Axes = frozenset()
    for check in exercise.checks:
        waits = [name for name in check.after if name not in settled]
        if waits:
            results[check.name] = _skipped(check, waits[0])
            continue
        before_check()
        if axes:
            result = _on_matrices(check, watched, seed, notes, axes)
            result = matrices.told(result, axes)
        else:
            result = _completed(check, watched, seed, notes)
        if not results and _may_know_matrices_only(exercise, watched, result):
            notes.clear()
            axes = _axes_that_fail(check, watched, seed, notes, before_check)
            if axes:
                result = matrices.named(result, axes)
                settled.add(check.name)
        if result.status == "passed":
            settled.add(check.name)
        results[check.name] = result
    _expect_nothing_changed(exercise, watched, notes.get(PURE), results)
    _charge_what_was_left(notes, results)
    return results


def _completed(
    check: Check, watched: Mapping[str, Watched], seed: int, notes: dict[str, Any]
) -> CheckResult:
    """Return the result of a check, whose message shows whole calls."""
    for function in watched.values():
        function.check_begins()
    result = run_check(check, watched, seed, notes)
    message = result.message
    for function in watched.values() if message else ():
        message = function.calls.completed(message)
    return replace(result, message=message)


def _may_know_matrices_only(
    exercise: Exercise, watched: Mapping[str, Watched], result: CheckResult
) -> bool:
    """Return whether to find out, after the first check, if matrices pass: a part that is
    not written yet may be that of other arrays."""
    partly = any(function.unwritten for function in watched.values())
    if partly and not_written_yet(exercise.name, watched.values()):
        return False
    failed = result.status == "failed" and (partly or result.mistake is not None)
    return failed and matrices.other_axes_asked_for(exercise)


def _axes_that_fail(
    check: Check,
    functions: Functions,
    seed: int,
    notes: dict[str, Any],
    before_check: Callable[[], None],
) -> matrices.Axes:
    """Return the smallest set of numbers of axes without which a check passes, none where
    it does not with matrices alone: arrays that the check hands over with other axes stay
    as they are, or whoever fails with some would be asked for none. What the run with these
    leaves is in ``notes``."""

    def left_by(axes: matrices.Axes) -> dict[str, Any] | None:
        before_check()
        own: dict[str, Any] = {}
        kept = set(axes)
        result = _on_matrices(check, functions, seed, own, axes, kept)
        passed = result.status == "passed" and kept >= matrices.EVERY
        return own if passed else None

    found, left = matrices.EVERY, left_by(matrices.EVERY)
    if left is None:
        return frozenset()
    for axes in matrices.FEWER:
        if (own := left_by(axes)) is not None:
            found, left = axes, own
            break
    notes.update(left)
    return found


def _on_matrices(
    check: Check,
    functions: Functions,
    seed: int,
    notes: dict[str, Any],
    axes: matrices.Axes,
    kept: set[int] | None = None,
) -> CheckResult:
    """Return the result of a check to which arrays of such axes come as matrices, and add to
    ``kept`` of how many axes others were. Where it fails with vectors as rows it is run with
    vectors as columns: bits that an axis shares are few for one of the two."""
    others = set[int]() if kept is None else kept

    def result(column: bool, notes: dict[str, Any]) -> CheckResult:
        alone = {n: matrices.OnMatrices(f, axes, column) for n, f in functions.items()}
        found = run_check(check, alone, seed, notes)
        others.update(*(each.kept for each in alone.values()))
        return found

    rows = result(False, notes)
    if rows.status == "passed":
        return rows
    columns = result(True, dict(notes))
    return columns if columns.status == "passed" else rows


def _expect_nothing_changed(
    exercise: Exercise,
    watched: Mapping[str, Watched],
    pure: tuple[str, str] | None,
    results: dict[str, CheckResult],
) -> None:
    """Let a change of an argument cost the check that ``pure`` names, and that of a result
    that was returned before this check or, where there is none, the first."""
    if (told := watched[exercise.name].told_change()) is None:
        return
    what, earlier = told
    if earlier:
        name = pure[0] if pure else exercise.checks[0].name
        mistake = facts.Wrong.overwrites_its_results
        _fail_where_none_did(results, name, mistake, f"{what}.")
    elif pure:
        _fail_where_none_did(results, *pure, f"{what}.")


def _charge_what_was_left(
    notes: dict[str, Any], results: dict[str, CheckResult]
) -> None:
    """Let a failure that a check left to others cost it, where these have passed."""
    for name, to, error in notes.get(LEFT_TO, ()):
        if results[name].status == results[to].status == "passed":
            _fail(results, name, _failure(error))
    if LEFT in notes and all(each.status == "passed" for each in results.values()):
        name, error = notes[LEFT]
        _fail(results, name, _failure(error))


def _fail_where_none_did(
    results: dict[str, CheckResult], name: str, mistake: str, message: str
) -> None:
    """Let a change that was seen in calls of other checks cost the check of this name,
    unless one has failed for it."""
    told = any(result.mistake == mistake for result in results.values())
    if results[name].status == "passed" and not told:
        _fail(results, name, CheckFailure(message, mistake))


def _fail(results: dict[str, CheckResult], name: str, failure: CheckFailure) -> None:
    results[name] = replace(
        results[name],
        status="failed",
        score=0.0,
        message=clean(failure.message),
        mistake=failure.mistake,
    )


def _skipped(check: Check, waits: str) -> CheckResult:
    return CheckResult(
        name=check.name,
        status="skipped",
        score=0.0,
        max_score=check.points,
        message=f"Waits for “{waits.replace('_', ' ')}”.",
        summary=check.summary,
    )


def _vagueness(result: CheckResult) -> int:
    """Return a rank: what has a name says more than what came first, and a mistake of
    this exercise's subject more than one that is made anywhere."""
    if result.mistake is None:
        return 2
    return int(find_mistake(result.mistake).is_general)


def grade_functions(
    exercise: Exercise | str, functions: Mapping[str, Callable[..., Any]], seed: int
) -> ExerciseResult:
    """Grade functions of this process: trusted code, such as our own mutants.

    ``functions`` maps names to functions and holds at least ``exercise.functions``."""
    exercise = find_exercise(exercise) if isinstance(exercise, str) else exercise
    local: dict[str, StudentFunction] = {
        name: LocalFunction(name, functions[name], find_exercise(name).opaque)
        for name in exercise.functions
    }
    return grade_exercise(exercise, local, seed)


def not_graded(exercise: Exercise, status: Any, message: str) -> ExerciseResult:
    """Return the recorded zero of an exercise whose function is not there."""
    checks = tuple(
        CheckResult(c.name, "skipped", 0.0, c.points, "", summary=c.summary)
        for c in exercise.checks
    )
    return ExerciseResult(
        exercise.name, exercise.chapter, status, checks, clean(message)
    )
