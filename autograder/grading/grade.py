"""Grades a file: reads it, runs it, and puts the verdicts on its exercises together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder import __version__
from autograder.contract.exercise import Exercise, all_exercises, find_exercise
from autograder.contract.student import StudentFunction
from autograder.grading.draws import Draws, draws_of
from autograder.grading.report import ExerciseResult, Report
from autograder.grading.run import TOO_LARGE, grade_exercise, not_graded
from autograder.grading.secret import find_secret
from autograder.grading.select import (
    explain_missing,
    mentioned,
    notes_on,
    nothing_found,
    touched,
)
from autograder.grading.session import Session
from autograder.isolation.bubblewrap import caution
from autograder.isolation.clocks import TryAgain
from autograder.isolation.limits import Limits
from autograder.isolation.programs import never_below
from autograder.isolation.remote_function import RemoteFunction
from autograder.isolation.worker_handle import RemoteWorker
from autograder.submission.cells import Submission, SubmissionError
from autograder.submission.file import read_submission, submission_of
from autograder.wire.text import one_line


@dataclass(frozen=True)
class Sent:
    """A file that lies on another machine: its name and its bytes."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Options:
    """What of a file is graded, what the judge draws, and what the student's code may do.

    ``exercises`` limits grading to these, ``chapter`` to its own, whatever else the file
    holds; otherwise the exercises of the chapters that the file touches count. What the
    judge draws follows from the file and the secret (of ``course``, the root of a trusted
    one, or the one that ``find_secret`` finds); ``replay`` takes the draws of a report's
    code instead, ``seed``, a number, uses no secret, and neither do draws that were made
    from it elsewhere, ``drawn``. ``within`` is the folder out of
    which no link may lead. ``ahead`` starts the next submission's worker already, for
    callers that grade many."""

    exercises: Sequence[str] | None = None
    chapter: str | None = None
    seed: int | None = None
    replay: str | None = None
    drawn: Draws | None = None
    course: Path | None = None
    within: Path | None = None
    sandbox: str = "auto"
    limits: Limits | None = None
    ahead: bool = False

    def wanted(self) -> list[Exercise] | None:
        """Return the exercises that are asked for; None: what the file touches.

        Raises ``KeyError`` for an unknown one."""
        if self.exercises is not None:
            return [find_exercise(name) for name in self.exercises]
        return None if self.chapter is None else all_exercises(self.chapter)

    def draws(self, digest: str | None) -> Draws:
        """Return the draws for the file with this digest; None: of it nothing is drawn.

        Raises ``SecretError`` and ``ReplayError``."""
        if self.seed is not None:
            return Draws(self.seed, by_hand=True)
        if digest is None:
            return Draws(0)
        if self.drawn is not None:
            return self.drawn
        return draws_of(digest, __version__, find_secret(self.course), self.replay)

    def worker(self, submission: Submission, **tries: Any) -> RemoteWorker:
        """Return a worker for a submission; ``tries`` says what came before."""
        # The worker's own seed is the file's alone: students' code can read it there.
        own = int(submission.digest or "0", 16)
        return RemoteWorker(self.sandbox, self.limits, self.ahead, own, **tries)


def grade(
    source: str | Path | Sent | Submission,
    *,
    defer: bool = False,
    again: TryAgain | None = None,
    **options: Any,
) -> Report:
    """Grade a file, one that was sent, or a submission already read, and return the report.

    The ``options`` are those of ``Options``. A file that cannot be read gives a report
    with ``error`` set. Raises ``KeyError`` for an unknown exercise,
    ``SandboxUnavailable`` when a required sandbox is missing, ``SecretError`` and
    ``ReplayError``.

    What may be the machine's doing (a worker killed from outside, or waited for in vain)
    takes no point at the first try: the file is graded again, at once, or, with
    ``defer``, when the caller has quiet: ``TryAgain`` is raised, which the caller hands
    back as ``again``.
    """
    asked = Options(**options)
    wanted = asked.wanted()
    try:
        submission = _read(source, asked)
    except SubmissionError as error:
        name = source.name if isinstance(source, Sent) else _name_of(source)
        return _refused(one_line(name), wanted, asked.draws(None), str(error))
    draws = asked.draws(submission.digest)
    if again is None:
        try:
            with asked.worker(submission, first=True) as worker:
                return graded_in(worker, submission, wanted, draws)
        except (TryAgain, MemoryError) as error:
            again = error if isinstance(error, TryAgain) else TryAgain(TOO_LARGE, 0.0)
            if defer:
                raise again from None
    try:
        with asked.worker(submission, used=again.used, judging=again.judging) as worker:
            return graded_in(worker, submission, wanted, draws)
    except MemoryError:
        return _refused(submission.name, wanted, draws, TOO_LARGE)


def _name_of(path: Any) -> str:
    return Path(str(path)).name or str(path)


def _read(source: str | Path | Sent | Submission, asked: Options) -> Submission:
    if isinstance(source, Submission):
        return source
    known = {exercise.name for exercise in all_exercises(asked.chapter)}
    if isinstance(source, Sent):
        return submission_of(source.name, source.data, known)
    never_below(Path(source).parent)
    return read_submission(source, asked.within, known)


def _refused(
    name: str, wanted: Sequence[Exercise] | None, draws: Draws, error: str
) -> Report:
    """Return the report on a file that cannot be graded at all."""
    return Report(
        submission=name,
        version=__version__,
        replay=draws.replay,
        seed=draws.chosen,
        sandbox="none",
        exercises=tuple(not_graded(e, "error", error) for e in wanted or []),
        error=error,
    )


def graded_in(
    worker: RemoteWorker,
    submission: Submission,
    wanted: Sequence[Exercise] | None,
    draws: Draws,
) -> Report:
    """Grade a submission in a worker that has not been used; None: what it touches."""
    session = Session(submission, worker)
    session.run_cells()
    if wanted is None:
        wanted = touched({*session.names, *mentioned(submission)})
    results = tuple(_grade_one(e, session, draws.seed) for e in wanted)
    return Report(
        submission=submission.name,
        version=__version__,
        replay=draws.replay,
        seed=draws.chosen,
        sandbox=worker.sandbox,
        exercises=results,
        error=None if results else nothing_found(submission, session),
        notes=tuple(notes_on(session)) + _cautions(worker.sandbox),
        cells=session.outcomes,
        of_another=draws.of_another,
    )


def _grade_one(exercise: Exercise, session: Session, seed: int) -> ExerciseResult:
    for name in exercise.functions:
        if name not in session.names:
            status, message = explain_missing(name, session, exercise)
            return not_graded(exercise, status, message)
    functions: dict[str, StudentFunction] = {
        name: RemoteFunction(session.worker, name, find_exercise(name).opaque)
        for name in exercise.functions
    }
    return grade_exercise(exercise, functions, seed, session.revive)


def _cautions(sandbox: str) -> tuple[str, ...]:
    text = caution(sandbox)
    return () if text is None else (text,)
