"""``python -m autograder grade``: a class at once, and all that is written of it."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.contract.here import working_directory
from autograder.doors.terminal import say, tell_of_secret
from autograder.isolation.bubblewrap import SandboxUnavailable
from autograder.wire.text import one_line

if TYPE_CHECKING:
    from autograder.doors.class_reports import Recorder
    from autograder.doors.classroom import Graded, HandedIn
    from autograder.doors.nbgrader.whole_class import ClassGradebook


def grade_command(arguments: argparse.Namespace) -> int:
    """Grade what a folder or an archive holds, write what is asked for, and return the exit
    code."""
    from autograder.doors.archives import unpacked
    from autograder.doors.classroom import ClassError

    try:
        with unpacked(arguments.folder) as (folder, failures):
            return _grade_below(folder, failures, arguments)
    except ClassError as error:
        print(error, file=sys.stderr)
        return 2


def _grade_below(
    folder: Path, failures: list[str], arguments: argparse.Namespace
) -> int:
    from autograder.doors import class_reports, classroom
    from autograder.doors.classroom import without_floods
    from autograder.grading.secret import SecretError

    try:
        here = working_directory()
        # First, for it says so where there is no course: a secret would be made there.
        book = _gradebook(arguments, here)
        tell_of_secret(None if book is None else here)
        handed_in = _handed_in(folder, arguments.folder, book, failures)
        recorder = class_reports.Recorder(len(handed_in), _reports_folder(arguments))
    except (classroom.ClassError, SecretError, OSError) as error:
        print("\n".join([_said(error), *failures]), file=sys.stderr)
        return 2
    for line in failures:
        print(one_line(line), file=sys.stderr)
    try:
        results = without_floods(_graded(arguments, handed_in, recorder, book))
        code = 0 if book is None else _enter(book, handed_in)
    except (classroom.ClassError, SandboxUnavailable, SecretError, OSError) as error:
        print(_said(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        told = f"{recorder.count} of {len(handed_in)} graded"
        raise type(stop)(told) from None
    code = max(
        code, _record(recorder, results), any(line[:1] == "✗" for line in failures)
    )
    if arguments.feedback is not None:
        code = _write_feedback(results, arguments.feedback) or code
    if arguments.page is not None or arguments.csv is not None:
        code = _write_page(results, arguments, here) or code
    say("\n".join(graded.line() for graded in results))
    reports = [graded.report for graded in results if graded.report is not None]
    return code or int(any(each.is_below(arguments.fail_under) for each in reports))


def _said(error: Exception) -> str:
    """Return what an error says; of one of the system's also where."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}."
    return str(error)


def _handed_in(
    folder: Path, shown: str, book: "ClassGradebook | None", lines: list[str]
) -> "list[HandedIn]":
    """Return what is to be graded below a folder, and add to ``lines`` what is to be said
    of it. Raises ``ClassError``."""
    from autograder.doors import classroom, students

    found = classroom.find_handed_in(folder, shown)
    if book is not None:
        mine = students.spelled_apart(book.mine(found))
        book.left += students.of_whom_is_nothing(folder, found, shown)
        return mine
    try:
        files, told = students.of_a_platform(folder, found, shown)
    except classroom.ClassError as error:
        lines.append(f"{error} Each folder counts as a student's.")
        return students.by_folders(found, ())
    lines += told
    if files is found:
        packed = str(folder) != shown
        lines += filter(None, [classroom.of_one_folder(found, packed)])
    return files


def _graded(
    arguments: argparse.Namespace,
    handed_in: "list[HandedIn]",
    recorder: "Recorder",
    book: "ClassGradebook | None",
) -> "list[Graded]":
    """Grade what an earlier run did not, and return the results of all."""
    from autograder.doors import classroom

    known: dict[HandedIn, Graded] = {}
    course = None if book is None else book.root
    options: dict[str, Any] = {"sandbox": arguments.sandbox}
    if book is not None:
        sandbox = book.execute.confined(arguments.sandbox)
        limits = book.execute.limits
        options = {
            "sandbox": sandbox,
            "cells": True,
            "course": course,
            "limits": limits,
        }

    def done(graded: "Graded") -> None:
        if book is not None:
            book.keep(graded)
        recorder(graded)

    if not arguments.again:
        ready = [file for file in handed_in if book is None or book.is_ready(file)]
        known = _known(recorder, ready, options["sandbox"], course)
    rest = [file for file in handed_in if file not in known]
    jobs = arguments.jobs or classroom.default_jobs()
    if arguments.dask is not None:
        from autograder.doors.cluster import ClusterJudges

        jobs = arguments.jobs or len(rest)
        options["judges_of"] = partial(ClusterJudges, arguments.dask)
    new = classroom.grade_class(rest, jobs, done, **options)
    known |= {graded.handed_in: graded for graded in new}
    return [known[file] for file in handed_in]


def _gradebook(arguments: argparse.Namespace, here: Path) -> "ClassGradebook | None":
    """Return the gradebook of the course ``here``, if asked for. Raises ``ClassError``."""
    if arguments.gradebook is None:
        return None
    from autograder.doors.classroom import ClassError

    try:
        from autograder.doors.nbgrader.whole_class import ClassGradebook
    except ImportError as error:
        raise ClassError(f"--gradebook needs nbgrader ({error}).") from None
    except RuntimeError as error:  # of an account without a home
        told = f"nbgrader does not start ({error}); set HOME to a folder."
        raise ClassError(told) from None
    book = ClassGradebook(arguments.gradebook, arguments.folder, here)
    if book.told:
        print(book.told, file=sys.stderr)
    return book


def _enter(book: "ClassGradebook", handed_in: "list[HandedIn]") -> int:
    """Write the class into the gradebook, say so, and return the exit code."""
    for line in [book.write(handed_in), *book.left, *book.absent]:
        print(one_line(line), file=sys.stderr)
    return 1 if book.left else 0


def _reports_folder(arguments: argparse.Namespace) -> Path | None:
    """Return where reports go, if anywhere; the folder is there then."""
    if arguments.json is not None:
        folder = Path(arguments.json)
    elif arguments.gradebook is not None:
        folder = Path("course/reports", arguments.gradebook)
    else:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_page(
    results: "list[Graded]", arguments: argparse.Namespace, here: Path
) -> int:
    """Write the page and the table on the class, and return the exit code."""
    from autograder.doors import alike, class_page, classroom
    from autograder.isolation.atomic import write_out

    with_code = [graded.handed_in for graded in results if graded.report is not None]
    files = [*{file.path: file for file in with_code}.values()]  # one of several hands
    jobs = arguments.jobs or classroom.default_jobs()
    found, names = alike.compare(files, here, jobs), not arguments.no_names

    def page(out: str) -> None:
        write_out(out, class_page.class_page(results, names, found))

    def table(out: str) -> None:
        shown = class_page.page_of_class(results, names, found, rows=None)
        write_out(out, class_page.class_csv(shown))

    wanted = ((page, arguments.page), (table, arguments.csv))
    return max(_written(write, out) for write, out in wanted if out is not None)


def _write_feedback(results: "list[Graded]", folder: str) -> int:
    """Write a page for each student, and return the exit code."""
    from autograder.doors.student_page import write_student_pages

    return _written(lambda out: write_student_pages(results, Path(out)), folder)


def _written(write: Callable[[str], object], out: str) -> int:
    """Write there, or say why that cannot be; return the exit code."""
    try:
        write(out)
    except ImportError:
        print("Pages need jinja2: pip install jinja2.", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        told = one_line(str(error))
        print(f"{out} could not be written ({told}).", file=sys.stderr)
        return 2
    return 0


def _known(
    recorder: "Recorder",
    handed_in: "list[HandedIn]",
    sandbox: str,
    course: Path | None,
) -> "dict[HandedIn, Graded]":
    """Return what an earlier run graded, and say how much that is."""
    found = recorder.earlier(handed_in, sandbox, course)
    known = {graded.handed_in: graded for graded in found}
    if known:
        files = f"{len(known)} of {recorder.total} files"
        print(
            f"{files} were graded before and are unchanged, as are the grader and the "
            "secret: their reports stay (--again grades them, too).",
            file=sys.stderr,
        )
    return known


def _record(recorder: "Recorder", results: "list[Graded]") -> int:
    """Write the summary, say what is amiss in the folder, and return the exit code."""
    from autograder.doors.class_reports import summary_csv
    from autograder.isolation.atomic import write_whole

    if recorder.folder is not None:
        try:
            write_whole(recorder.folder / "summary.csv", summary_csv(results))
        except OSError as error:
            recorder.failures.append(f"summary.csv could not be written ({error}).")
    for line in [*recorder.not_of_this_run(), *recorder.failures]:
        print(line, file=sys.stderr)
    failed = recorder.failures or any(graded.report is None for graded in results)
    return 1 if failed else 0
