"""What grading found, as data, JSON and text."""

import json
import re
import textwrap
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from autograder.contract.exercise import find_exercise
from autograder.contract.mistakes import find_mistake, page_of
from autograder.wire.text import one_line

Status = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class CheckResult:
    """One check's verdict. ``statistic`` is the decisive look's figures, or None."""

    name: str
    status: Status
    score: float
    max_score: float
    message: str
    statistic: dict[str, float] | None = None
    mistake: str | None = None
    summary: str = ""


@dataclass(frozen=True)
class ExerciseResult:
    """One exercise's verdict: "graded", "missing" (no such function), "error" (the cell
    that should define it did not run) or "unwritten" (it, or another function that it
    needs, still raises ``NotImplementedError``)."""

    name: str
    chapter: str
    status: Literal["graded", "missing", "error", "unwritten"]
    checks: tuple[CheckResult, ...]
    message: str = ""
    mistake: str | None = None

    @property
    def score(self) -> float:
        return sum(check.score for check in self.checks)

    @property
    def max_score(self) -> float:
        return sum(check.max_score for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        def check(result: CheckResult) -> dict[str, Any]:
            data = asdict(result)
            return {k: data[k] for k in data if k not in ("mistake", "summary")}

        return {
            "name": self.name,
            "chapter": self.chapter,
            "status": self.status,
            "score": self.score,
            "max_score": self.max_score,
            "mistake": self.mistake,
            "message": self.message,
            "checks": [check(result) for result in self.checks],
        }


@dataclass(frozen=True)
class Report:
    """The verdict on one submission; ``error`` says why when it could not be graded.

    ``replay`` is the code that gives the draws again, None where none does; ``seed`` is
    there when it was chosen by hand; ``of_another`` says that the code was given and is
    not the file's own."""

    submission: str
    version: str
    replay: str | None
    sandbox: str
    exercises: tuple[ExerciseResult, ...] = ()
    error: str | None = None
    notes: tuple[str, ...] = ()
    cells: dict[int, Any] = field(default_factory=dict, compare=False)
    seed: int | None = None
    of_another: bool = False

    @property
    def draws(self) -> str:
        """The draws in words: "replay CODE", "seed N" or "no replay"."""
        if self.seed is not None:
            return f"seed {self.seed}"
        return "no replay" if self.replay is None else f"replay {self.replay}"

    @property
    def score(self) -> float:
        return sum(exercise.score for exercise in self.exercises)

    @property
    def max_score(self) -> float:
        return sum(exercise.max_score for exercise in self.exercises)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data, the same for every door."""
        return {
            "submission": self.submission,
            "version": self.version,
            "replay": self.replay,
            **({} if self.seed is None else {"seed": self.seed}),
            "sandbox": self.sandbox,
            "score": self.score,
            "max_score": self.max_score,
            "error": self.error,
            "notes": list(self.notes),
            "exercises": [exercise.as_dict() for exercise in self.exercises],
        }

    def as_json(self) -> str:
        return json.dumps(self.as_dict(), indent=1, ensure_ascii=False) + "\n"


_MARKS = {"passed": ("✓", "32"), "failed": ("✗", "31"), "skipped": ("–", "33")}


def exercise_text(result: ExerciseResult, colour: bool = False) -> str:
    """Return an exercise's verdict as lines of text, marked in colour if asked."""

    def paint(text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if colour else text

    head = f"{result.name}: {result.score:g} of {result.max_score:g}"
    if result.status == "unwritten":
        said = re.sub(r" raises [^)]*", "", result.message.rstrip("."))
        return paint(f"{head}, {said[:1].lower()}{said[1:]}", "1")
    lines = [paint(head, "1")]
    if result.status != "graded":
        lines.append(f"  {paint('✗', '31')} {wrapped(result.message, 4)}")
        return "\n".join(lines)
    for check in result.checks:
        mark, code = _MARKS[check.status]
        points = f"{check.score:g}/{check.max_score:g}"
        lines.append(f"  {paint(mark, code)} {check.name.replace('_', ' ')} ({points})")
        if check.message:
            lines.append(" " * 6 + wrapped(check.message, 6))
    if result.mistake is not None:
        lines.append(
            "  " + paint(wrapped(mistake_text(result.mistake, result.name), 4), "1")
        )
    return "\n".join(lines)


def wrapped(text: str, indent: int) -> str:
    """Return the text in lines of at most 79 characters, all but the first indented; pages
    and notebooks break no line of a verdict. Words and addresses stay whole."""
    return textwrap.fill(
        text,
        79,
        initial_indent=" " * indent,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    ).lstrip()


def mistake_text(name: str, exercise: str) -> str:
    """Return what a named mistake in an exercise says to the student, and where the book
    explains it."""
    # A report may come from another process: its exercise knows, once loaded, the mistake.
    usual = find_exercise(exercise).section
    mistake = find_mistake(name)
    section = mistake.section or usual
    return f"Likely cause: {mistake.says} See {page_of(section)}"


def report_text(report: Report, colour: bool = False) -> str:
    """Return the whole verdict as text."""
    lines = []
    name = one_line(report.submission)
    if report.error is not None:
        lines.append(f"{name} could not be graded. {one_line(report.error)}")
    lines += [exercise_text(e, colour) for e in report.exercises]
    lines += [wrapped(f"Note: {note}", 2) for note in report.notes]
    lines.append(
        f"{name}: {report.score:g} of {report.max_score:g} "
        f"(grader {report.version}, {report.draws}, sandbox {report.sandbox})"
    )
    return "\n".join(lines)
