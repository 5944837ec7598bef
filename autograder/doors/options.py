"""The words of the command line: ``python -m autograder check|grade|audit|build …``."""

import argparse
from typing import Any

from autograder import __version__
from autograder.contract.nearest import did_you_mean
from autograder.doors.amounts import count, share
from autograder.doors.places import new_file, new_file_or_stdout, new_folder, place
from autograder.isolation.bubblewrap import MODES


class _Parser(argparse.ArgumentParser):
    """A parser, of the program or of a command, that guesses nothing: of an option's name
    the beginning may be another option's whole name, at another command."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        # Here, for a command's own usage says which options it has.
        found, others = super().parse_known_args(args, namespace)
        if others:
            self.error(f"unrecognized arguments: {' '.join(others)}")
        return found, others

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = ", ".join(map(str, action.choices))
            meant = did_you_mean(value, action.choices)
            text = f"there is no {value!r}{meant} There are {known}."
            raise argparse.ArgumentError(action, text)


def parser() -> argparse.ArgumentParser:
    top = _Parser(
        prog="python -m autograder",
        description="Grade dropout exercises by statistics.",
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True)

    _add_check(commands)
    _add_class_commands(commands)
    _add_authors_commands(commands)
    for command in commands.choices.values():
        command.add_argument(
            "--exercises",
            action="append",
            type=place,
            metavar="DIR",
            help="a folder of exercises of the course's own",
        )
    return top


def _add_check(commands: Any) -> None:
    check = commands.add_parser("check", help="grade one .ipynb or .py file")
    check.add_argument("file", type=place, help="the submission")
    what = check.add_mutually_exclusive_group()
    what.add_argument(
        "--exercise", action="append", metavar="NAME", help="only this one"
    )
    what.add_argument(
        "--chapter",
        metavar="NAME",
        help="only this one's, all of them, whatever is there",
    )
    check.add_argument(
        "--json",
        type=new_file_or_stdout,
        metavar="OUT",
        help="also write the report there (- : stdout)",
    )
    check.add_argument(
        "--gradescope",
        type=new_file,
        metavar="OUT",
        help="write what Gradescope reads (results.json)",
    )
    draws = check.add_mutually_exclusive_group()
    draws.add_argument(
        "--replay",
        metavar="CODE",
        help="draw as for the report that shows this code, with the secret that was in "
        "force there (without an option the same file gets its own draws again)",
    )
    draws.add_argument(
        "--seed", type=int, metavar="N", help="draw by this number, without the secret"
    )
    check.add_argument("--sandbox", choices=MODES, default="auto")
    _add_fail_under(check, "the file")


def _add_fail_under(command: Any, what: str) -> None:
    command.add_argument(
        "--fail-under",
        type=share,
        metavar="SHARE",
        help=f"exit with 1 if {what} has less than this share of its points, such as 0.5",
    )


def _add_class_commands(commands: Any) -> None:
    """Add the commands of whoever makes and runs a course."""
    audit = commands.add_parser("audit", help="print what every check promises")
    audit.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: all")

    _add_grade(commands)
    collect = commands.add_parser(
        "collect", help="put submissions, whatever their names, where nbgrader looks"
    )
    collect.add_argument(
        "folder",
        type=place,
        help="student.ipynb and .py files, student folders, or what Moodle, Canvas, "
        "Blackboard or Gradescope let you download (unpacked or as .zip)",
    )
    collect.add_argument("chapter")
    collect.add_argument(
        "--pattern",
        metavar="REGEX",
        help="whose a file is, from its path below the folder: a regular expression with "
        "(?P<student>…), and (?P<id>…) and (?P<time>…) if they are there",
    )


def _add_authors_commands(commands: Any) -> None:
    """Add the commands of whoever writes exercises."""
    bundle = commands.add_parser(
        "gradescope", help="write the autograder that Gradescope asks to be uploaded"
    )
    bundle.add_argument("chapter")
    bundle.add_argument(
        "--out",
        type=new_file,
        metavar="ZIP",
        help="where (default: gradescope-CHAPTER.zip)",
    )
    build = commands.add_parser("build", help="make the notebooks from solutions/")
    build.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: all")
    new = commands.add_parser(
        "new",
        help="begin an exercise in the course of this folder, as an example that works",
    )
    new.add_argument("name", help="of the function that students write")
    new.add_argument(
        "--chapter", default="own", help="the chapter it belongs to (default: own)"
    )
    test = commands.add_parser(
        "test", help="test one exercise: its solution, mutants and correct styles"
    )
    test.add_argument("name", help="of the exercise")
    test.add_argument(
        "--seeds",
        type=count,
        default=3,
        metavar="N",
        help="draw so many times (default: 3)",
    )


def _add_grade(commands: Any) -> None:
    grade = commands.add_parser("grade", help="grade a folder of submissions")
    grade.add_argument(
        "folder",
        type=place,
        help="for example course/submitted, or what a platform lets you download, unpacked "
        "or as .zip",
    )
    grade.add_argument(
        "-j", "--jobs", type=count, metavar="N", help="so many at a time"
    )
    grade.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="grade on the machines of the Dask cluster with this scheduler, such as "
        "tcp://host:8786",
    )
    grade.add_argument(
        "--json",
        type=new_folder,
        metavar="DIR",
        help="write a report for each, and summary.csv, there",
    )
    grade.add_argument(
        "--gradebook",
        metavar="CHAPTER",
        help="grade this chapter alone, and write the whole class into nbgrader's "
        "gradebook (reports: course/reports/CHAPTER, or --json)",
    )
    grade.add_argument("--sandbox", choices=MODES, default="auto")
    grade.add_argument(
        "--again", action="store_true", help="grade unchanged files again, too"
    )
    _add_fail_under(grade, "a file")
    _add_pages(grade)


def _add_pages(grade: Any) -> None:
    """Add what is written of a class beside the reports."""
    grade.add_argument(
        "--page",
        type=new_file,
        metavar="OUT",
        help="write a page on the whole class there (.html)",
    )
    grade.add_argument(
        "--csv",
        type=new_file,
        metavar="OUT",
        help="write what that page shows there as a table (.csv)",
    )
    grade.add_argument(
        "--feedback",
        type=new_folder,
        metavar="DIR",
        help="write a page for each student there",
    )
    grade.add_argument(
        "--no-names", action="store_true", help="leave names out of page and table"
    )
