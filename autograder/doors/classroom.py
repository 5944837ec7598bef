"""A whole class: collects what was handed in for nbgrader, or grades it at once."""

import csv
import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.contract.exercise import all_chapters
from autograder.grading.grade import grade
from autograder.grading.judges import JudgeLost, Judges
from autograder.grading.report import Report
from autograder.isolation.atomic import remove_parts, write_whole
from autograder.isolation.bubblewrap import SandboxUnavailable
from autograder.isolation.clocks import TryAgain
from autograder.isolation.folders import walk
from autograder.isolation.worker_handle import WorkerUnavailable
from autograder.submission.cells import SubmissionError
from autograder.submission.file import leads_out, read_submission
from autograder.wire.text import clean, one_line

ENDINGS = (".ipynb", ".py")


class ClassError(Exception):
    """The class cannot be graded or collected; the message says why."""


@dataclass(frozen=True)
class HandedIn:
    """A file that a student handed in.

    ``name`` is its path below the folder of the class; ``student`` is the first folder
    in it, or the file's name without its ending; ``assignment`` is the second folder, if
    it is a chapter."""

    path: Path
    name: str

    @property
    def student(self) -> str:
        first, _, rest = self.name.partition("/")
        return first if rest else self.path.stem

    @property
    def assignment(self) -> str | None:
        parts = self.name.split("/")
        return parts[1] if len(parts) > 2 and parts[1] in all_chapters() else None

    @property
    def own(self) -> Path:
        """Where the file must really be: the student's folder, or the file's own name.

        The folder of the class may be a link; its owner typed it."""
        parts = self.name.split("/")
        return self.path.parents[len(parts) - 1].resolve() / parts[0]


def find_handed_in(folder: str | Path) -> list[HandedIn]:
    """Return the notebooks and scripts below a folder, in the order of their names.

    Hidden folders, such as Jupyter's checkpoints, are not looked into, nor are links to
    folders; one stands for a student of whom nothing else is there. Raises ``ClassError``
    when there is no such folder, or none of these in it."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ClassError(f"There is no folder {folder}.")
    found, links = [], []
    for place, folders, files in walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for path in (Path(place) / name for name in [*files, *folders]):
            handed_in = HandedIn(path, path.relative_to(folder).as_posix())
            if path.name in folders:
                links += [handed_in] if path.is_symlink() else []
            elif path.suffix in ENDINGS and not path.name.startswith("."):
                found.append(handed_in)
    students = {handed_in.student for handed_in in found}
    found += [link for link in links if link.student not in students]
    if not found:
        raise ClassError(f"There is no .ipynb or .py file below {folder}.")
    return sorted(found, key=lambda handed_in: handed_in.name)


# ---- Grading ------------------------------------------------------------------------


@dataclass(frozen=True)
class Graded:
    """What came of one file: a report, or ``failure``, for which it is not to blame."""

    handed_in: HandedIn
    report: Report | None
    failure: str = ""

    def line(self) -> str:
        """Return the verdict as one line of text."""
        name = one_line(self.handed_in.name)
        if self.report is None:
            return f"{'–':>11}  {name}: {one_line(self.failure)}"
        score = f"{self.report.score:g} of {self.report.max_score:g}"
        why = f": {one_line(self.report.error)}" if self.report.error else ""
        return f"{score:>11}  {name}{why}"


def grade_one(handed_in: HandedIn, **options: Any) -> Graded:
    """Grade a file; whatever happens is in the result, but for a missing sandbox, and
    for ``TryAgain`` with ``defer``."""
    try:
        report = grade(
            handed_in.path,
            chapter=handed_in.assignment,
            within=handed_in.own,
            ahead=True,
            **options,
        )
    except (SandboxUnavailable, TryAgain):
        raise
    except WorkerUnavailable as error:
        return Graded(handed_in, None, f"{error} No score.")
    except Exception as error:
        failure = f"the grader failed ({type(error).__name__}: {error}); no score"
        return Graded(handed_in, None, failure)
    return Graded(handed_in, report)


def grade_class(
    handed_in: Iterable[HandedIn],
    jobs: int,
    done: Callable[[Graded], None] = lambda graded: None,
    **options: Any,
) -> list[Graded]:
    """Grade the files, ``jobs`` at a time; return the results in the files' order.

    Each is graded in a process that no other file can slow or end. What came of the
    machine rather than of the file is tried again, one file at a time, after all others.
    ``done`` is called with each result as soon as it is there; ``options`` go to
    ``grade``. After ``KeyboardInterrupt`` nothing goes on."""
    files = list(handed_in)
    results: dict[HandedIn, Graded] = {}
    judges = Judges(min(jobs, len(files)))

    def keep(graded: Graded) -> None:
        results[graded.handed_in] = graded
        done(graded)

    try:
        waiting: dict[Future[Graded], HandedIn] = {
            judges.begin(grade_one, file, defer=True, **options): file for file in files
        }
        for file, again in _first_round(waiting, keep).items():
            future = judges.alone(grade_one, file, again=again, **options)
            outcome = _outcome(future, file)
            if isinstance(outcome, TryAgain):
                failure = f"the grader failed twice ({outcome.reason}); no score"
                outcome = Graded(file, None, failure)
            keep(outcome)
    finally:
        judges.end()
    return [results[file] for file in files]


def _first_round(
    waiting: "dict[Future[Graded], HandedIn]", keep: Callable[[Graded], None]
) -> dict[HandedIn, TryAgain]:
    """Hand each result to ``keep``; return the files that are to be tried again."""
    second: dict[HandedIn, TryAgain] = {}
    while waiting:
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            file = waiting.pop(future)
            outcome = _outcome(future, file)
            if isinstance(outcome, TryAgain):
                second[file] = outcome
            elif outcome.report is None:
                second[file] = TryAgain(outcome.failure, 0.0)
            else:
                keep(outcome)
    return second


def _outcome(future: "Future[Graded]", file: HandedIn) -> Graded | TryAgain:
    """Return what came of a file, or why it is to be tried again. Raises
    ``SandboxUnavailable``."""
    try:
        graded = future.result()
    except (TryAgain, JudgeLost) as error:
        return error if isinstance(error, TryAgain) else TryAgain(str(error), 0.0)
    except SandboxUnavailable:
        raise
    except Exception as error:
        failure = f"the grader failed ({type(error).__name__}: {error}); no score"
        return Graded(file, None, failure)
    return graded


def default_jobs() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Recorder:
    """Writes a report as soon as it is there, and keeps a line on the terminal.

    ``failures`` says which reports could not be written; the others are."""

    def __init__(self, total: int, folder: Path | None) -> None:
        self.total, self.folder = total, folder
        self.count, self.began = 0, time.monotonic()
        self.written: set[Path] = set()
        self.failures: list[str] = []
        if folder is not None:
            remove_parts(_files_in(folder))

    def __call__(self, graded: Graded) -> None:
        if self.folder is not None and graded.report is not None:
            path = self.folder / f"{graded.handed_in.name}.json"
            try:
                write_whole(path, graded.report.as_json())
                self.written.add(path)
            except Exception as error:
                failure = f"{path} could not be written ({error})."
                self.failures.append(one_line(failure))
        self.count += 1
        if sys.stderr is not None and sys.stderr.isatty():
            self._show()

    def _show(self) -> None:
        spent = time.monotonic() - self.began
        left = spent / self.count * (self.total - self.count)
        text = f"{self.count} of {self.total} graded, about {left:.0f} s left"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        if self.count == self.total:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def left_over(self) -> list[Path]:
        """Return the reports in the folder that are not of this run."""
        found = set() if self.folder is None else _files_in(self.folder)
        reports = {path for path in found if path.name.endswith(".json")}
        return sorted(reports - self.written)


def _files_in(folder: Path) -> set[Path]:
    """Return the files below a folder, however deep."""
    return {Path(place, name) for place, _, files in walk(folder) for name in files}


def summary_csv(results: Iterable[Graded]) -> str:
    """Return the scores as a table: a row for each file, a column for each exercise.

    A file that the grader failed on has no score; one that it could not read has 0."""
    results = list(results)
    reports = [graded.report for graded in results if graded.report is not None]
    names = list(dict.fromkeys(e.name for report in reports for e in report.exercises))
    head = ["student", "assignment", "file", "score", "max_score", "error", "replay"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*head, *names])
    for graded in results:
        file, report = graded.handed_in, graded.report
        row: list[Any] = [file.student, file.assignment or "", file.name]
        if report is None:
            row += ["", "", graded.failure, ""]
            scores = {}
        else:
            row += [
                report.score,
                report.max_score,
                report.error or "",
                report.replay or "",
            ]
            scores = {e.name: e.score for e in report.exercises}
        row += [scores.get(name, "") for name in names]
        writer.writerow([_harmless(value) for value in row])
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """Return text that UTF-8 can hold and no spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    value = clean(value)
    return "'" + value if value.startswith(("=", "+", "-", "@", "\t")) else value


# ---- Collecting for nbgrader --------------------------------------------------------


def collect(folder: str | Path, chapter: str, submitted: str | Path) -> list[str]:
    """Copy each student's file to where nbgrader expects it, and return what happened,
    a line for each student.

    ``submitted/<student>/<chapter>/<chapter>.ipynb`` gets the notebook, whatever it is
    named, or the script as a notebook. A student with two files gets neither: the line
    says so. Raises ``ClassError``."""
    if chapter not in all_chapters():
        known = ", ".join(all_chapters())
        raise ClassError(f"There is no chapter {chapter!r}; there are {known}.")
    students: dict[str, list[HandedIn]] = {}
    for handed_in in find_handed_in(folder):
        if handed_in.assignment in (None, chapter):
            students.setdefault(handed_in.student, []).append(handed_in)
    lines = []
    for student, files in students.items():
        target = Path(submitted) / student / chapter / f"{chapter}.ipynb"
        lines.append(one_line(_collected(student, files, target)))
    return lines


#: In a student's name: of these nbgrader makes patterns, which find the files of others or
#: none; at a line's end it stops, and grades nobody after; pages show the others as HTML.
_UNFIT = re.compile('[*?\\[\\]<>"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')


def _collected(student: str, files: list[HandedIn], target: Path) -> str:
    """Copy a student's file to its target, and return what happened."""
    names = ", ".join(file.name for file in files)
    if unfit := _UNFIT.search(student):
        return (
            f"✗ {student}: nbgrader takes no student whose name holds {unfit[0]!a}; "
            "rename the file."
        )
    if len(files) > 1:
        return f"✗ {student}: {len(files)} files ({names}); keep one."
    path, own = files[0].path, files[0].own
    if leads_out(path, own):
        return (
            f"✗ {student}: {names} is a link out of the student's own folder; "
            "expected the file itself."
        )
    try:
        content = as_notebook(path)
        again = ", which replaces an earlier one" if target.exists() else ""
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    except OSError as error:
        return f"✗ {student}: {names} was not copied ({error.strerror or error})."
    return f"✓ {student}: {names}{again}."


def as_notebook(path: Path) -> bytes:
    """Return the bytes of a notebook: the file's own, or a script's parts as cells.

    What cannot be read stays as it is, for nbgrader's door to say so. Raises ``OSError``
    for what is no file: a pipe would be waited for without end."""
    if not path.is_file():
        raise OSError("it is not a file")
    if path.suffix != ".py":
        return path.read_bytes()
    try:
        parts = read_submission(path).cells
    except SubmissionError:
        return path.read_bytes()
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"part-{number}",
            "metadata": {},
            "outputs": [],
            "source": part.source,
        }
        for number, part in enumerate(parts, start=1)
    ]
    notebook = {
        "cells": cells,
        "metadata": {"autograder": {"script": True}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()
