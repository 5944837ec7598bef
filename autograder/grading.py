"""Runs the checks of a submission's exercises and puts the verdict together."""

import difflib
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autograder import __version__
from autograder.clocks import TryAgain
from autograder.draws import Draws, draws_of
from autograder.exercise import Check, Exercise, all_exercises, find_exercise
from autograder.facts import RAISES_AN_ERROR
from autograder.local import LocalFunction
from autograder.mistakes import find_mistake
from autograder.remote import (
    CellOutcome,
    RemoteFunction,
    RemoteWorker,
    WorkerLost,
    WorkerUnavailable,
)
from autograder.report import CheckResult, ExerciseResult, Report
from autograder.sandbox import Limits, caution
from autograder.secret import find_secret
from autograder.students import (
    StudentError,
    StudentFunction,
)
from autograder.submission import Cell, Submission, SubmissionError, read_submission
from autograder.text import clean
from autograder.trial import CheckFailure, Trial
from autograder.unwritten import Watched, not_written_yet, unwritten_in

#: So many cells that failed are told of one by one.
_NOTES = 20

Functions = Mapping[str, StudentFunction]
_log = logging.getLogger(__name__)


#: Begins the message of a check that ended with an error of its own.
CHECK_STOPPED = (
    "The check could not judge what came back; show this to your instructor:"
)

#: Of a result that the judge cannot hold.
TOO_LARGE = "What came back took more memory than the grader has for one file."


def run_check(check: Check, functions: Functions, seed: int) -> CheckResult:
    """Run one check on the student's functions and return its verdict.

    Whatever the student's function does (an exception, no answer, no process) is a
    failure with a sentence that says so; so is an error of the check itself."""
    trial = Trial(check, seed)
    arguments: dict[str, Any] = {
        name: trial if name == "trial" else functions[name] for name in check.parameters
    }
    failure: CheckFailure | None = None
    try:
        # Results may be of any size; what overflows is no number, and judged as such.
        with np.errstate(all="ignore"):
            check.function(**arguments)
    except (CheckFailure, StudentError) as error:
        failure = _failure(error)
    except WorkerLost as error:
        failure = CheckFailure(f"Your function gave no answer: {error.message}.")
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
    if (call := unwritten_in(error)) is not None:
        return CheckFailure(
            f"This part is not written yet: {call.function} raised {call.message}."
        )
    if isinstance(error, StudentError):
        return CheckFailure(f"Your code raised {error.message}.", RAISES_AN_ERROR)
    return error


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
    watched = {name: Watched(function) for name, function in functions.items()}
    results: dict[str, CheckResult] = {}
    for check in exercise.checks:
        blocked = [name for name in check.after if results[name].status != "passed"]
        if blocked:
            results[check.name] = CheckResult(
                name=check.name,
                status="skipped",
                score=0.0,
                max_score=check.points,
                message=f"Waits for “{blocked[0].replace('_', ' ')}”.",
                summary=check.summary,
            )
            continue
        before_check()
        results[check.name] = run_check(check, watched, seed)
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


@dataclass
class Session:
    """A submission in its worker: its cells run, its functions callable.

    When the worker is lost, the next use starts another and runs the cells again, but
    not the cell that killed the first."""

    submission: Submission
    worker: RemoteWorker
    outcomes: dict[int, CellOutcome] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    _lethal: set[int] = field(default_factory=set)

    def run_cells(self, keep_outcomes: bool = False) -> None:
        """Run the student's cells, each with its own outcome; no exception escapes."""
        fresh: dict[int, CellOutcome] = {}
        pending = list(self.submission.code)
        while pending:
            cell = pending.pop(0)
            if cell.number in self._lethal:
                fresh[cell.number] = self.outcomes[cell.number]
                continue
            try:
                fresh[cell.number] = self.worker.run_cell(
                    cell.number, cell.source, self.submission.script
                )
            except WorkerLost as lost:
                self._lethal.add(cell.number)
                outcome = CellOutcome(error=lost.message)
                self.outcomes[cell.number] = outcome
                if len(self._lethal) > 4 or self.worker.spent is not None:
                    break
                # Begin again without it: what the cells above defined is gone.
                pending, fresh = list(self.submission.code), {}
        if not keep_outcomes:
            self.outcomes = {**self.outcomes, **fresh}
        try:
            self.names = self.worker.functions()
        except WorkerLost:
            self.names = {}

    def revive(self) -> None:
        """Make sure that a worker with this submission's functions is there, unless the
        file gets none any more."""
        if self.worker.alive:
            self.worker.forget()
        elif self.worker.spent is None:
            self.run_cells(keep_outcomes=True)


def touched(names: Iterable[str]) -> list[Exercise]:
    """Return the exercises of the chapters that a file touches, in the book's order.

    A chapter is touched by each of its functions that the file defines, but not by one
    that only serves another exercise there (the forward of a backward)."""
    defined = [e for e in all_exercises() if e.name in set(names)]
    serving = {
        need
        for e in defined
        for need in e.needs
        if find_exercise(need).chapter != e.chapter
    }
    chapters = {e.chapter for e in defined if e.name not in serving}
    if not chapters:
        chapters = {e.chapter for e in defined}
    return [e for e in all_exercises() if e.chapter in chapters]


def grade(
    source: str | Path | Submission,
    *,
    exercises: Sequence[str] | None = None,
    chapter: str | None = None,
    seed: int | None = None,
    replay: str | None = None,
    course: Path | None = None,
    sandbox: str = "auto",
    limits: Limits | None = None,
    ahead: bool = False,
    within: Path | None = None,
    defer: bool = False,
    again: TryAgain | None = None,
) -> Report:
    """Grade a file, or a submission already read, and return the report.

    ``exercises`` limits grading to these, ``chapter`` to its own, whatever else the file
    holds; otherwise the exercises of the chapters that the file touches count. What the
    judge draws follows from the file and the secret (of ``course``, the root of a trusted
    one, or the one that ``find_secret`` finds); ``replay`` takes the draws of a report's
    code instead, and ``seed``, a number, uses no secret. ``ahead`` starts the next
    submission's worker already, for callers that grade many. ``within`` is the folder out
    of which no link may lead. A file that cannot be read gives a report with ``error``
    set. Raises ``KeyError`` for an unknown exercise, ``SandboxUnavailable`` when a
    required sandbox is missing, ``SecretError`` and ``ReplayError``.

    What may be the machine's doing (a worker killed from outside, or waited for in vain)
    takes no point at the first try: the file is graded again, at once, or, with
    ``defer``, when the caller has quiet: ``TryAgain`` is raised, which the caller hands
    back as ``again``.
    """
    wanted = None if chapter is None else all_exercises(chapter)
    if exercises is not None:
        wanted = [find_exercise(name) for name in exercises]
    try:
        submission = (
            source
            if isinstance(source, Submission)
            else read_submission(source, within)
        )
    except SubmissionError as error:
        name = clean(Path(str(source)).name)
        return _refused(name, wanted, Draws(seed or 0), seed, str(error))
    if seed is None:
        draws = draws_of(submission.digest, __version__, find_secret(course), replay)
    else:
        draws = Draws(seed)
    options: dict[str, Any] = {"sandbox": sandbox, "limits": limits, "ahead": ahead}
    # The worker's own seed is the file's alone: students' code can read it there.
    options["seed"] = int(submission.digest or "0", 16)
    if again is None:
        try:
            with RemoteWorker(first=True, **options) as worker:
                return _graded(submission, wanted, draws, seed, worker)
        except (TryAgain, MemoryError) as error:
            again = error if isinstance(error, TryAgain) else TryAgain(TOO_LARGE, 0.0)
            if defer:
                raise again from None
    try:
        with RemoteWorker(used=again.used, **options) as worker:
            return _graded(submission, wanted, draws, seed, worker)
    except MemoryError:
        return _refused(submission.name, wanted, draws, seed, TOO_LARGE)


def _refused(
    name: str,
    wanted: Sequence[Exercise] | None,
    draws: Draws,
    seed: int | None,
    error: str,
) -> Report:
    """Return the report on a file that cannot be graded at all."""
    return Report(
        submission=name,
        version=__version__,
        replay=draws.replay,
        seed=seed,
        sandbox="none",
        exercises=tuple(not_graded(e, "error", error) for e in wanted or []),
        error=error,
    )


def _graded(
    submission: Submission,
    wanted: Sequence[Exercise] | None,
    draws: Draws,
    seed: int | None,
    worker: RemoteWorker,
) -> Report:
    """Grade a submission in a worker that has not been used; None: what it touches."""
    session = Session(submission, worker)
    session.run_cells()
    if wanted is None:
        wanted = touched({*session.names, *_mentioned(submission)})
    results = tuple(_grade_one(e, session, draws.seed) for e in wanted)
    return Report(
        submission=submission.name,
        version=__version__,
        replay=draws.replay,
        seed=seed,
        sandbox=worker.sandbox,
        exercises=results,
        error=None if results else _nothing_found(submission, session),
        notes=tuple(_notes(session)) + _cautions(worker.sandbox),
        cells=session.outcomes,
        of_another=draws.of_another,
    )


def _grade_one(exercise: Exercise, session: Session, seed: int) -> ExerciseResult:
    for name in exercise.functions:
        if name not in session.names:
            status, message = _explain_missing(name, session)
            return not_graded(exercise, status, message)
    functions: dict[str, StudentFunction] = {
        name: RemoteFunction(session.worker, name, find_exercise(name).opaque)
        for name in exercise.functions
    }
    return grade_exercise(exercise, functions, seed, session.revive)


def _explain_missing(name: str, session: Session) -> tuple[str, str]:
    """Return "error" or "missing", and why no function of this name is there."""
    for cell in session.submission.code:
        outcome = session.outcomes.get(cell.number)
        if outcome is not None and outcome.error and f"def {name}" in cell.source:
            where = _place(cell, session.submission)
            return "error", f"{where}, which defines {name}, failed: {outcome.error}."
    if not session.names and (reason := session.worker.spent) is not None:
        return "error", f"The file was not asked for {name}: {reason}."
    close = difflib.get_close_matches(name, session.names, n=1, cutoff=0.75)
    hint = f" There is one named {close[0]}: rename it." if close else ""
    if not close:
        for cell in session.submission.code:
            outcome = session.outcomes.get(cell.number)
            if outcome is not None and outcome.error:
                hint = f" {_place(cell, session.submission)} failed: {outcome.error}."
                break
    return "missing", f"The file defines no function named {name}.{hint}"


def _place(cell: Cell, submission: Submission) -> str:
    return f"Part {cell.number}" if submission.script else f"Cell {cell.number}"


def _cautions(sandbox: str) -> tuple[str, ...]:
    text = caution(sandbox)
    return () if text is None else (text,)


def _notes(session: Session) -> list[str]:
    doubts = [
        f"Graded twice, for this may have been the machine's doing: {doubt}; it came to "
        "that again."
        for doubt in session.worker.doubts[:1]
    ]
    notes = [
        clean(f"{_place(cell, session.submission)} failed: {outcome.error}.")
        for cell in session.submission.code
        if (outcome := session.outcomes.get(cell.number)) is not None and outcome.error
    ]
    if len(notes) > _NOTES:
        notes[_NOTES:] = [f"{len(notes) - _NOTES} others failed as well."]
    return doubts + notes


#: A function's definition at the start of a line.
_DEFINES = re.compile(r"(?m)^(?:async[ \t]+)?def[ \t]+(\w+)")


def _mentioned(submission: Submission) -> set[str]:
    """Return what the file means, exercises among it: functions it tries to define, cells
    that check them. What it means counts, even where the code does not run."""
    found: set[str] = set()
    for cell in submission.cells:
        if cell.graded is not None:
            found |= set(re.findall(r"\w+", cell.source))
            continue
        found |= set(_DEFINES.findall(cell.source))
    return found


def _nothing_found(submission: Submission, session: Session) -> str:
    known = ", ".join(e.name for e in all_exercises())
    failed = "".join(f" {note}" for note in _notes(session)[:1])
    return f"It defines none of the exercises' functions ({known}).{failed}"
