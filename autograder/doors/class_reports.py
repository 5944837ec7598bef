"""What is kept of a class's grading: a report for each file, and a table of scores."""

import csv
import io
import os
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autograder.contract.here import real_path
from autograder.doors.classroom import Graded, HandedIn
from autograder.doors.earlier import earlier
from autograder.doors.one_part import abridged
from autograder.grading.secret import find_secret
from autograder.isolation.atomic import write_whole
from autograder.isolation.folders import walk
from autograder.wire.text import one_line, one_name


class Recorder:
    """Writes a report as soon as it is there, and keeps a line on the terminal.

    ``failures`` says which reports could not be written; the others are."""

    def __init__(self, total: int, folder: Path | None) -> None:
        self.total, self.folder = total, folder
        self.count, self.known, self.began = 0, 0, time.monotonic()
        self.written: set[Path] = set()
        self.seen: set[Path] = set()
        self.failures: list[str] = []

    def __call__(self, graded: Graded) -> None:
        self.count += 1  # before its report is there for others to see
        if self.folder is not None:
            self._write(graded)
        if sys.stderr is not None and sys.stderr.isatty():
            self._show()

    def _write(self, graded: Graded) -> None:
        path = self.path_of(graded.handed_in)
        self.seen.add(path)
        if graded.report is None:
            return
        try:
            write_whole(path, graded.report.as_json())
            self.written.add(path)
        except Exception as error:
            self.failures.append(one_line(f"{path} could not be written ({error})."))

    def path_of(self, handed_in: HandedIn) -> Path:
        """Return where the report on a file belongs."""
        assert self.folder is not None
        return self.folder / report_name(handed_in.name)

    def earlier(
        self, handed_in: Iterable[HandedIn], sandbox: str, course: Path | None = None
    ) -> list[Graded]:
        """Return what of these an earlier run graded as this one would; ``course`` is as
        in ``find_secret``. Raises ``SecretError``."""
        if self.folder is None or not (secret := find_secret(course)).lasting:
            return []
        handed_in = list(handed_in)
        # Whoever hands in files there could hand in a report beside them.
        place = real_path(self.folder)
        if any(
            place.is_relative_to(root) for root in {each.root for each in handed_in}
        ):
            return []
        found = [
            earlier(each, self.path_of(each), secret, sandbox) for each in handed_in
        ]
        known = [graded for graded in found if graded is not None]
        self.written |= {self.path_of(graded.handed_in) for graded in known}
        self.count = self.known = len(known)
        return known

    def _show(self) -> None:
        spent = time.monotonic() - self.began
        new = max(1, self.count - self.known)
        left = spent / new * (self.total - self.count)
        text = f"{self.count} of {self.total} graded, about {left:.0f} s left"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        if self.count == self.total:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def not_of_this_run(self) -> list[str]:
        """Return a line on each report in the folder that an earlier run wrote."""
        found = set() if self.folder is None else _files_in(self.folder)
        reports = {path for path in found if path.name.endswith(".json")}

        def why(path: Path) -> str:
            return (
                "holds an earlier verdict: this run has none on that file"
                if path in self.seen
                else "is from an earlier run: no such submission now"
            )

        return [
            f"{one_line(str(path))} {why(path)}."
            for path in sorted(reports - self.written)
        ]


_LONGEST_NAME = 200  # bytes of a file's name that its report's name repeats


def report_name(name: str) -> Path:
    """Return the path of the report on a file, another for each, below the folder of
    reports: none takes the place of ``summary.csv`` or lies below another report."""
    *folders, file = name.split("/")

    def is_taken(part: str) -> bool:
        bare = part.rstrip("_")
        return bare == "summary.csv" or bare.endswith(".json")

    parts = [f"{part}_" if is_taken(part) else part for part in folders]
    if len(os.fsencode(file)) > _LONGEST_NAME:
        # Room for the ending, and for the name of the part that is written first.
        file = abridged(file)
    return Path(*parts, f"{file}.json")


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
        row: list[Any] = [name_cell(file.student), file.assignment or ""]
        row.append(name_cell(file.name))
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
        writer.writerow([harmless(value) for value in row])
    return text.getvalue()


#: What a spreadsheet may take for the beginning of a formula, where a cell begins; in some
#: countries columns end at semicolons.
_START = r"\s*[=+\-@\uff0b\uff0d\uff1d\uff20]"
_FORMULA = re.compile(rf"(^|[;,|])(?={_START})")


#: What ``harmless`` would make, or make of something else.
_AS_HARMLESS = re.compile(rf'"|(?:(?<=[;,|])|^)\'(?={_START})')


def name_cell(name: str) -> str:
    """Return a name as ``harmless`` has it, and no two as the same."""
    plain = _AS_HARMLESS.sub(lambda mark: f"\\x{ord(mark[0]):02x}", one_name(name))
    return str(harmless(plain))


def harmless(value: Any) -> Any:
    """Return text on one line that UTF-8 can hold, in which no spreadsheet finds a formula
    or, in quotes, the border of a cell."""
    if not isinstance(value, str):
        return value
    return _FORMULA.sub(r"\1'", one_line(value).replace('"', "'"))
