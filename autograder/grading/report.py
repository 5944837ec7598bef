"""What grading found, as data and JSON."""

import functools
import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from autograder.contract.outside import (
    files_of,
    folders_in_force,
    installed_packages,
    packages,
)

Status = Literal["passed", "failed", "skipped"]


def grader() -> str:
    """Return what stands for the grader: a hash of its files, of a course's exercises, of
    NumPy's version, and of the packages that answers may import."""
    packages = ",".join(packages_in_force())
    if not packages:
        return _files()
    return hashlib.sha256(f"{_files()} {packages}".encode()).hexdigest()[:16]


def packages_in_force() -> list[str]:
    """Return the packages that answers may import beside NumPy, with what is installed."""
    found = _installed(tuple(packages()))
    return [f"{name} ({what or 'not installed'})" for name, what in found.items()]


@functools.cache
def _installed(named: tuple[str, ...]) -> dict[str, str]:
    return installed_packages()


@functools.cache
def _files() -> str:
    digest = hashlib.sha256(np.__version__.encode())
    own = Path(__file__).resolve().parents[1]
    files = {own: sorted(own.rglob("*.py"))}
    files |= {folder: files_of(folder) for folder in folders_in_force()}
    for folder, paths in files.items():
        for path in paths:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


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
            return {k: v for k, v in asdict(result).items() if k != "summary"}

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

    def is_below(self, share: float | None) -> bool:
        """Return whether there is a bound, a share of all points, and this does not reach
        it. What could not be graded reaches none."""
        if share is None:
            return False
        return self.error is not None or self.score < share * self.max_score - 1e-9

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data, the same for every door."""
        return {
            "submission": self.submission,
            "version": self.version,
            "grader": grader(),
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


def report_of(data: Any) -> Report:
    """Return the report of which ``as_dict`` made this. Raises ``ValueError`` for what is
    none."""
    try:
        exercises = tuple(
            ExerciseResult(
                name=str(each["name"]),
                chapter=str(each["chapter"]),
                status=each["status"],
                checks=tuple(CheckResult(**check) for check in each["checks"]),
                message=str(each["message"]),
                mistake=each["mistake"],
            )
            for each in data["exercises"]
        )
        found = Report(
            submission=str(data["submission"]),
            version=str(data["version"]),
            replay=data["replay"],
            sandbox=str(data["sandbox"]),
            exercises=exercises,
            error=data["error"],
            notes=tuple(map(str, data["notes"])),
            seed=data.get("seed"),
        )
        whole = (found.score, found.max_score) == (data["score"], data["max_score"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no report ({error})") from None
    if not whole:
        raise ValueError("its scores do not add up")
    return found
