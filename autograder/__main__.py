"""The command line: ``python -m autograder check|grade|audit|build …``."""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # Python put the working directory first: a student's numpy.py may lie there.
    # (Its own collections, types and the like it has loaded by now, from there too; the
    # script dropout-grader and python -P never look there.)
    del sys.path[0]

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autograder import __version__
from autograder.sandbox import MODES, SandboxUnavailable
from autograder.text import one_line

if TYPE_CHECKING:
    from autograder.classroom import Graded, Recorder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m autograder",
        description="Grade dropout exercises by statistics.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)

    check = commands.add_parser("check", help="grade one .ipynb or .py file")
    check.add_argument("file", help="the submission")
    check.add_argument(
        "--exercise", action="append", metavar="NAME", help="only this one"
    )
    check.add_argument(
        "--json", metavar="OUT", help="also write the report there (- : stdout)"
    )
    check.add_argument("--seed", type=int, metavar="N", help="replay a report's draws")
    check.add_argument("--sandbox", choices=MODES, default="auto")
    check.set_defaults(run=_check)

    audit = commands.add_parser("audit", help="print what every check promises")
    audit.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: all")
    audit.set_defaults(run=_audit)

    grade = commands.add_parser("grade", help="grade a folder of submissions")
    grade.add_argument("folder", help="for example course/submitted")
    grade.add_argument("-j", "--jobs", type=int, metavar="N", help="so many at a time")
    grade.add_argument(
        "--json", metavar="OUT", help="write a report for each, and summary.csv, there"
    )
    grade.add_argument("--sandbox", choices=MODES, default="auto")
    grade.set_defaults(run=_grade)

    collect = commands.add_parser(
        "collect", help="put submissions, whatever their names, where nbgrader looks"
    )
    collect.add_argument(
        "folder", help="student.ipynb and .py files, or student folders"
    )
    collect.add_argument("chapter")
    collect.set_defaults(run=_collect)

    build = commands.add_parser("build", help="make the notebooks from solutions/")
    build.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: all")
    build.set_defaults(run=_build)
    return parser


def _check(arguments: argparse.Namespace) -> int:
    from autograder.grading import grade
    from autograder.remote import WorkerUnavailable
    from autograder.report import report_text

    try:
        report = grade(
            arguments.file,
            exercises=arguments.exercise,
            seed=arguments.seed,
            sandbox=arguments.sandbox,
        )
    except (KeyError, SandboxUnavailable, WorkerUnavailable) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    if arguments.json == "-":
        print(report.as_json(), end="")
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        print(report_text(report, colour))
        if arguments.json is not None:
            try:
                Path(arguments.json).write_text(report.as_json(), encoding="utf-8")
            except OSError as error:
                print(f"{arguments.json}: {error.strerror}.", file=sys.stderr)
                return 2
    return 0 if report.error is None else 1


def _audit(arguments: argparse.Namespace) -> int:
    from autograder.audit import audit_text

    try:
        print(audit_text(arguments.chapters))
    except KeyError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    return 0


def _grade(arguments: argparse.Namespace) -> int:
    from autograder import classroom

    folder = None if arguments.json is None else Path(arguments.json)
    try:
        handed_in = classroom.find_handed_in(arguments.folder)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        recorder = classroom.Recorder(len(handed_in), folder)
        jobs = arguments.jobs or classroom.default_jobs()
        results = classroom.grade_class(
            handed_in, jobs, recorder, sandbox=arguments.sandbox
        )
    except (classroom.ClassError, SandboxUnavailable, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"\nStopped: {recorder.count} of {len(handed_in)} graded.", file=sys.stderr
        )
        return 130
    print("\n".join(graded.line() for graded in results))
    return _record(recorder, results)


def _record(recorder: "Recorder", results: "list[Graded]") -> int:
    """Write the summary, say what is amiss in the folder, and return the exit code."""
    from autograder.classroom import summary_csv, write_atomically

    if recorder.folder is not None:
        try:
            write_atomically(recorder.folder / "summary.csv", summary_csv(results))
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
    from autograder.classroom import ClassError, collect

    try:
        lines = collect(arguments.folder, arguments.chapter, Path("course/submitted"))
    except (ClassError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 1 if any(line.startswith("✗") for line in lines) else 0


def _build(arguments: argparse.Namespace) -> int:
    from autograder.notebooks import BuildError, build

    try:
        for path in build(Path.cwd(), arguments.chapters):
            print(path.relative_to(Path.cwd().resolve()))
    except BuildError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (2: wrong usage)."""
    # A terminal of another encoding shows a stand-in rather than failing on "✓".
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    arguments = _parser().parse_args(argv)
    code: int = arguments.run(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
