"""For whoever writes exercises: which folders hold them, a new one, and a test of one."""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from autograder.contract import outside
from autograder.contract.here import is_folder, working_directory
from autograder.doors.terminal import lacks


def use_exercises(folders: Sequence[str] | None, command: str) -> None:
    """Find a course's exercises in these folders; None: where the environment and installed
    packages have them. Raises ``ExercisesError``.

    Whoever writes exercises, or collects work, is in the course's folder. Commands that
    grade look into no folder that was not named: the working directory may be a
    student's. (``grade --gradebook`` obeys the course's settings, which find them.)"""
    if folders is None and command in ("audit", "build", "collect", "new", "test"):
        own = Path(outside.FOLDER)
        if is_folder(own) and not os.environ.get(outside.VARIABLE):
            folders = [str(own)]
    if folders is not None:
        outside.use(folders)
    if outside.folders_in_force():
        from autograder.contract.exercise import all_exercises

        all_exercises()


def _new(arguments: argparse.Namespace) -> tuple[int, str]:
    from autograder.course.new import NewError, new_exercise

    try:
        root = working_directory()
        made = new_exercise(root, arguments.name, arguments.chapter)
    except (NewError, OSError) as error:
        return 2, str(error)
    lines = [path.relative_to(root).as_posix() for path in made]
    return 0, "\n".join([*lines, f"Now: python -m autograder test {arguments.name}"])


def _test(arguments: argparse.Namespace) -> tuple[int, str]:
    try:
        from autograder.course.source import BuildError
        from autograder.doors.exercise_test import exercise_test
    except ImportError as error:
        return 2, lacks(error)
    try:
        lines = exercise_test(arguments.name, arguments.seeds)
    except (KeyError, BuildError) as error:
        return 2, str(error.args[0])
    failed = any(not line.passed for line in lines)
    return int(failed), "\n".join(map(str, lines))


def _gradescope(arguments: argparse.Namespace) -> tuple[int, str]:
    from autograder.doors.gradescope import BundleError, write_bundle
    from autograder.grading.secret import SecretError

    out = Path(arguments.out or f"gradescope-{arguments.chapter}.zip")
    try:
        write_bundle(out, arguments.chapter)
    except (BundleError, SecretError, OSError) as error:
        return 2, str(error)
    return 0, f"{out}: upload it, and show it to no student: a secret is in it."


#: They return an exit code and what to print.
AUTHORS_COMMANDS: Mapping[str, Callable[[argparse.Namespace], tuple[int, str]]] = {
    "gradescope": _gradescope,
    "new": _new,
    "test": _test,
}
