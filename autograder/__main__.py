"""The command line: ``python -m autograder check|grade|audit|build …``."""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # Python put the working directory first: a student's numpy.py may lie there.
    # (Its own collections, types and the like it has loaded by now, from there too; the
    # script dropout-grader and python -P never look there.)
    del sys.path[0]

import argparse
import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.contract.outside import ExercisesError
from autograder.doors.authoring import use_exercises
from autograder.doors.options import parser
from autograder.isolation.bubblewrap import SandboxUnavailable
from autograder.wire.text import one_line

if TYPE_CHECKING:
    from autograder.doors.class_reports import Recorder
    from autograder.doors.classroom import Graded, HandedIn
    from autograder.doors.nbgrader.whole_class import ClassGradebook
    from autograder.grading.report import Report


def _check(arguments: argparse.Namespace) -> int:
    from autograder.grading.draws import ReplayError, check_replay
    from autograder.grading.grade import grade
    from autograder.grading.judges import bounded_memory
    from autograder.grading.secret import SecretError
    from autograder.isolation.bubblewrap import WorkerUnavailable

    try:
        if arguments.seed is None:
            _tell_of_secret()
        if arguments.replay is not None:
            check_replay(arguments.replay)
        with bounded_memory():
            report = grade(
                arguments.file,
                exercises=arguments.exercise,
                seed=arguments.seed,
                replay=arguments.replay,
                sandbox=arguments.sandbox,
            )
    except (
        *(KeyError, SandboxUnavailable, WorkerUnavailable, SecretError, ReplayError),
    ) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    if report.of_another:
        print(
            f"Note: {report.replay} is not this file's own code here: it is of another "
            "file, or of another version of the grader.",
            file=sys.stderr,
        )
    code = max(_export(report, arguments.gradescope), _show(report, arguments.json))
    return code or int(report.is_below(arguments.fail_under))


def _export(report: "Report", out: str | None) -> int:
    """Write the report for Gradescope, and return the exit code."""
    if out is None:
        return 0
    import json

    from autograder.doors.exports import gradescope
    from autograder.isolation.atomic import write_whole

    try:
        write_whole(Path(out), json.dumps(gradescope(report), indent=1) + "\n")
    except OSError as error:
        print(f"{out} could not be written ({error}).", file=sys.stderr)
        return 2
    return 0


def _show(report: "Report", json: str | None) -> int:
    """Write the report where ``json`` says, print it, and return the exit code."""
    from autograder.grading.text import report_text

    code = 0 if report.error is None else 1
    if json == "-":
        _say(report.as_json(), end="")
        return code
    if json is not None:
        # First, for whoever reads the text may close the pipe.
        try:
            Path(json).write_text(report.as_json(), encoding="utf-8")
        except OSError as error:
            print(f"{json}: {error.strerror}.", file=sys.stderr)
            code = 2
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    _say(report_text(report, colour))
    return code


def _tell_of_secret(course: Path | None = None) -> None:
    """Say what whoever grades should know about the secret; ``course`` is as in
    ``find_secret``. Raises ``SecretError``."""
    from autograder.grading.secret import find_secret

    for remark in find_secret(course).remarks:
        print(f"Note: {one_line(remark)}", file=sys.stderr)


def _audit(arguments: argparse.Namespace) -> int:
    from autograder.doors.promises import audit_text

    try:
        _say(audit_text(arguments.chapters))
    except KeyError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    return 0


def _grade(arguments: argparse.Namespace) -> int:
    from autograder.doors import class_reports, classroom
    from autograder.grading.secret import SecretError

    try:
        _tell_of_secret(None if arguments.gradebook is None else Path.cwd())
        handed_in = classroom.find_handed_in(arguments.folder)
        book = _gradebook(arguments)
        if book is not None:
            handed_in = book.mine(handed_in)
        folder = _reports_folder(arguments)
        recorder = class_reports.Recorder(len(handed_in), folder)
    except (classroom.ClassError, SecretError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    try:
        results = _graded(arguments, handed_in, recorder, book)
        code = 0 if book is None else _enter(book, handed_in)
    except (classroom.ClassError, SandboxUnavailable, SecretError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        told = f"{recorder.count} of {len(handed_in)} graded"
        raise type(stop)(told) from None
    code = max(code, _record(recorder, results))
    if arguments.feedback is not None:
        code = _write_feedback(results, arguments.feedback) or code
    if arguments.page is not None or arguments.csv is not None:
        code = _write_page(results, arguments) or code
    _say("\n".join(graded.line() for graded in results))
    reports = [graded.report for graded in results if graded.report is not None]
    return code or int(any(each.is_below(arguments.fail_under) for each in reports))


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
    options: dict[str, object] = {"sandbox": arguments.sandbox}
    if book is not None:
        options |= {"cells": True, "course": course}

    def done(graded: "Graded") -> None:
        if book is not None:
            book.keep(graded)
        recorder(graded)

    if not arguments.again:
        ready = [file for file in handed_in if book is None or book.is_ready(file)]
        known = _known(recorder, ready, arguments.sandbox, course)
    rest = [file for file in handed_in if file not in known]
    jobs = arguments.jobs or classroom.default_jobs()
    new = classroom.grade_class(rest, jobs, done, **options)
    known |= {graded.handed_in: graded for graded in new}
    return [known[file] for file in handed_in]


def _gradebook(arguments: argparse.Namespace) -> "ClassGradebook | None":
    """Return the gradebook that is asked for. Raises ``ClassError``."""
    if arguments.gradebook is None:
        return None
    from autograder.doors.classroom import ClassError

    try:
        from autograder.doors.nbgrader.whole_class import ClassGradebook
    except ImportError as error:
        raise ClassError(f"--gradebook needs nbgrader ({error}).") from None
    book = ClassGradebook(arguments.gradebook, arguments.folder, Path.cwd())
    if book.told:
        print(book.told, file=sys.stderr)
    return book


def _enter(book: "ClassGradebook", handed_in: "list[HandedIn]") -> int:
    """Write the class into the gradebook, say so, and return the exit code."""
    for line in [book.write(handed_in), *book.left]:
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


def _write_page(results: "list[Graded]", arguments: argparse.Namespace) -> int:
    """Write the page and the table on the class, and return the exit code."""
    from autograder.doors import alike, class_page, classroom
    from autograder.isolation.atomic import write_whole

    files = [graded.handed_in for graded in results]
    jobs = arguments.jobs or classroom.default_jobs()
    found, names = alike.alike(files, Path.cwd(), jobs), not arguments.no_names
    out = arguments.page
    try:
        if arguments.page is not None:
            write_whole(Path(out), class_page.class_page(results, names, found))
        if arguments.csv is not None:
            out = arguments.csv
            page = class_page.page_of_class(results, names, found, rows=None)
            write_whole(Path(out), class_page.class_csv(page))
    except ImportError:
        print("The page needs jinja2: pip install jinja2.", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{out} could not be written ({error}).", file=sys.stderr)
        return 2
    return 0


def _write_feedback(results: "list[Graded]", folder: str) -> int:
    """Write a page for each student, and return the exit code."""
    from autograder.doors.student_page import write_student_pages

    try:
        write_student_pages(results, Path(folder))
    except ImportError:
        print("The pages need jinja2: pip install jinja2.", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{folder} could not be written ({error}).", file=sys.stderr)
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
    for path in recorder.left_over():
        name = one_line(str(path))
        print(
            f"{name} is from an earlier run: no such submission now.", file=sys.stderr
        )
    for failure in recorder.failures:
        print(failure, file=sys.stderr)
    failed = recorder.failures or any(graded.report is None for graded in results)
    return 1 if failed else 0


def _collect(arguments: argparse.Namespace) -> int:
    from autograder.doors.classroom import ClassError
    from autograder.doors.collect import collect

    try:
        place = Path("course/submitted")
        lines = collect(arguments.folder, arguments.chapter, place, arguments.pattern)
    except (ClassError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    _say("\n".join(lines))
    return 1 if any(line.startswith("✗") for line in lines) else 0


def _build(arguments: argparse.Namespace) -> int:
    from autograder.course.build import build
    from autograder.course.source import BuildError

    try:
        for path in build(Path.cwd(), arguments.chapters):
            _say(str(path.relative_to(Path.cwd().resolve())))
    except BuildError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _authors(arguments: argparse.Namespace) -> int:
    from autograder.doors.authoring import AUTHORS_COMMANDS

    code, text = AUTHORS_COMMANDS[arguments.command](arguments)
    _say(text) if code != 2 else print(text, file=sys.stderr)
    return code


class Terminated(KeyboardInterrupt):
    """The program was asked to end by a signal that is not the keyboard's."""


def _stopping() -> list[signal.Signals]:
    """Return the signals that ask this program to end, but those it was told to ignore."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    found = [signal.Signals[name] for name in names]
    asked = [known for known in found if signal.getsignal(known) is signal.SIG_DFL]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        asked.append(signal.SIGINT)
    return asked


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Have the signals that ask for an end raise ``KeyboardInterrupt``, once."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {known: signal.getsignal(known) for known in _stopping()}

    def stop(number: int, frame: object) -> None:
        # What cleans up from here on is not to be stopped.
        for known in before:
            signal.signal(known, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated

    try:
        for known in before:
            signal.signal(known, stop)
        yield
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)


def _say(text: str, end: str = "\n") -> None:
    """Print a result. What reads it may have had enough; that is no failure.

    Raises ``SystemExit`` when it cannot be written for another reason."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        _silence(sys.stdout)
    except OSError as error:
        _silence(sys.stdout)
        print(f"The result could not be printed ({error}).", file=sys.stderr)
        raise SystemExit(2) from None


def _silence(stream: Any) -> None:
    """Lead a stream nowhere, with what it still holds, which Python flushes at its end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


COMMANDS = {
    "check": _check,
    "audit": _audit,
    "grade": _grade,
    "collect": _collect,
    "build": _build,
    "gradescope": _authors,
    "new": _authors,
    "test": _authors,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (2: wrong usage; 130, 143: stopped)."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started this
            nowhere = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, os.fdopen(nowhere, "w", encoding="utf-8"))
        elif hasattr(stream, "reconfigure"):
            # A terminal of another encoding shows a stand-in rather than failing on "✓".
            stream.reconfigure(errors="replace")
    arguments = parser().parse_args(argv)
    try:
        with _interruptible():
            use_exercises(arguments.exercises, arguments.command)
            code = COMMANDS[arguments.command](arguments)
    except ExercisesError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        told = f": {stop.args[0]}" if stop.args else ""
        with contextlib.suppress(OSError):
            print(f"\nStopped{told}.", file=sys.stderr, flush=True)
        return 143 if isinstance(stop, Terminated) else 130
    return code


if __name__ == "__main__":
    sys.exit(main())
