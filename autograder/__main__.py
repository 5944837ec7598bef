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
from typing import TYPE_CHECKING

from autograder.contract.here import NowhereError, is_folder, working_directory
from autograder.contract.outside import ExercisesError, expect_docstrings
from autograder.doors.authoring import use_exercises
from autograder.doors.options import parser
from autograder.doors.terminal import lacks, say, tell_of_secret
from autograder.isolation.bubblewrap import SandboxUnavailable
from autograder.isolation.programs import use_whole_paths
from autograder.wire.parents import heard

if TYPE_CHECKING:
    from autograder.grading.report import Report


def _check(arguments: argparse.Namespace) -> int:
    from autograder.contract.exercise import expect_chapter
    from autograder.grading.draws import ReplayError, check_replay
    from autograder.grading.grade import grade
    from autograder.grading.judges import bounded_memory
    from autograder.grading.secret import SecretError
    from autograder.isolation.bubblewrap import WorkerUnavailable

    try:
        if arguments.seed is None:
            tell_of_secret()
        if arguments.replay is not None:
            check_replay(arguments.replay)
        expect_chapter(arguments.chapter)
        with bounded_memory():
            report = grade(
                arguments.file,
                exercises=arguments.exercise,
                chapter=arguments.chapter,
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
    if is_folder(arguments.file):
        command = f"python -m autograder grade {arguments.file}"
        print(f"Note: to grade a folder: {command}", file=sys.stderr)
    code = max(_export(report, arguments.gradescope), _show(report, arguments.json))
    return code or int(report.is_below(arguments.fail_under))


def _export(report: "Report", out: str | None) -> int:
    """Write the report for Gradescope, and return the exit code."""
    if out is None:
        return 0
    import json

    from autograder.doors.exports import gradescope
    from autograder.isolation.atomic import write_out

    try:
        write_out(out, json.dumps(gradescope(report), indent=1) + "\n")
    except OSError as error:
        print(f"{out} could not be written ({error}).", file=sys.stderr)
        return 2
    return 0


def _show(report: "Report", json: str | None) -> int:
    """Write the report where ``json`` says, print it, and return the exit code."""
    from autograder.grading.text import report_text
    from autograder.isolation.atomic import write_out

    code = 0 if report.error is None else 1
    if json == "-":
        say(report.as_json(), end="")
        return code
    if json is not None:
        # First, for whoever reads the text may close the pipe.
        try:
            write_out(json, report.as_json())
        except OSError as error:
            print(f"{json}: {error.strerror}.", file=sys.stderr)
            code = 2
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    say(report_text(report, colour))
    return code


def _audit(arguments: argparse.Namespace) -> int:
    from autograder.doors.promises import audit_text

    try:
        say(audit_text(arguments.chapters))
    except KeyError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    return 0


def _grade(arguments: argparse.Namespace) -> int:
    from autograder.doors.class_command import grade_command

    return grade_command(arguments)


def _collect(arguments: argparse.Namespace) -> int:
    from autograder.doors.classroom import ClassError
    from autograder.doors.collect import collect

    try:
        place = Path("course/submitted")
        lines = collect(arguments.folder, arguments.chapter, place, arguments.pattern)
    except (ClassError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    say("\n".join(lines))
    return 1 if any(line.startswith("✗") for line in lines) else 0


def _warn(line: str) -> None:
    print(line, file=sys.stderr)


def _build(arguments: argparse.Namespace) -> int:
    try:
        from autograder.course.build import build
        from autograder.course.source import BuildError
    except ImportError as error:
        _warn(lacks(error))
        return 2
    root = working_directory()
    try:
        for path in build(root, arguments.chapters, _warn):
            say(str(path.relative_to(root)))
    except (BuildError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _authors(arguments: argparse.Namespace) -> int:
    from autograder.doors.authoring import AUTHORS_COMMANDS

    code, text = AUTHORS_COMMANDS[arguments.command](arguments)
    say(text) if code != 2 else print(text, file=sys.stderr)
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
        with heard():
            yield
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)


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
    use_whole_paths()
    try:
        with _interruptible():
            expect_docstrings()
            # What a command needs it for may come when all is graded.
            working_directory()
            use_exercises(arguments.exercises, arguments.command)
            code = COMMANDS[arguments.command](arguments)
    except (ExercisesError, NowhereError) as error:
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
