"""``pytest --submission FILE``: one test for each check of each exercise in the file."""

import os
import subprocess
from argparse import ArgumentTypeError
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograder.contract.here import is_folder, is_missing
from autograder.doors import pytest_start
from autograder.doors.amounts import share
from autograder.doors.places import place


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("autograder", "dropout exercises")
    group.addoption(
        "--submission",
        action="append",
        metavar="FILE",
        help="grade this .ipynb or .py file",
    )
    group.addoption("--submission-replay", metavar="CODE", help="replay a report")
    group.addoption("--submission-seed", type=int, metavar="N", help="draw by a number")
    group.addoption(
        "--submission-sandbox", choices=("auto", "required", "off"), default="auto"
    )
    group.addoption(
        "--submission-exercise", action="append", metavar="NAME", help="only this one"
    )
    group.addoption(
        "--submission-exercises",
        action="append",
        metavar="DIR",
        help="a course's folder of exercises",
    )
    group.addoption(
        "--submission-chapter",
        metavar="NAME",
        help="only this one's exercises, all of them, whatever is there",
    )
    group.addoption(
        "--submission-fail-under",
        type=share,
        metavar="SHARE",
        help="exit with 0 if each file has this share of its points, such as 0.5, and "
        "with 1 if not, whatever tests fail",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """With ``--submission``, go on in a process that obeys nothing beside the file."""
    wanted = getattr(early_config.known_args_namespace, "submission", None)
    if not wanted or pytest_start.clean:
        return
    if capture := early_config.pluginmanager.getplugin("capturemanager"):
        capture.suspend_global_capture(in_=True)
    arguments = list(map(str, early_config.invocation_params.args))
    arguments = pytest_start.expanded(arguments)
    if not pytest_start.named(arguments):
        arguments += [f"--submission={file}" for file in wanted]
    again = pytest_start.command([], arguments)
    raise SystemExit(subprocess.call(again, env=pytest_start.environment()))


def pytest_configure(config: pytest.Config) -> None:
    if submissions := wanted_files(config):
        # Of what is there each gets a verdict of its own, though none can be read.
        if missing := [p for p in submissions if is_missing(p) or is_folder(p)]:
            name, told = _one_name(str(missing[0])), "--submission: there is no file {}"
            if is_folder(missing[0]):
                told = (
                    "--submission: {} is a folder; expected a .ipynb or .py file in it"
                )
            raise pytest.UsageError(told.format(name))
        if len(submissions) > 1 and config.getoption("--submission-replay"):
            raise pytest.UsageError("--submission-replay is of one --submission")
        _use_whole_paths()
        _use_exercises(config)
        _check_secret(config)
        _check_exercises(config)
        if config.getoption("usepdb") or config.getoption("trace"):
            # Python's debugger runs the .pdbrc of the working directory.
            raise pytest.UsageError("--submission: no debugger (--pdb, --trace)")
    elif pytest_start.clean:
        # Without one pytest would import the modules of tests that lie here.
        raise pytest.UsageError("name the file to grade: --submission FILE")


def _use_whole_paths() -> None:
    from autograder.isolation.programs import use_whole_paths

    use_whole_paths()


def _use_exercises(config: pytest.Config) -> None:
    """Find a course's own exercises. Raises ``UsageError``."""
    from autograder.contract import outside
    from autograder.contract.exercise import all_exercises

    try:
        if folders := config.getoption("--submission-exercises"):
            outside.use(folders)
        all_exercises()
    except outside.ExercisesError as error:
        raise pytest.UsageError(str(error)) from None


def _check_secret(config: pytest.Config) -> None:
    """Raise ``UsageError`` for a secret or a replay code that cannot be used."""
    from autograder.grading.draws import ReplayError, check_replay
    from autograder.grading.secret import SecretError, find_secret

    replay = config.getoption("--submission-replay")
    by_hand = config.getoption("--submission-seed") is not None
    if by_hand and replay is not None:
        raise pytest.UsageError("--submission-seed or --submission-replay, not both")
    try:
        if replay is not None:
            check_replay(replay)
        elif not by_hand:
            find_secret()
    except (SecretError, ReplayError) as error:
        raise pytest.UsageError(str(error)) from None


def _check_exercises(config: pytest.Config) -> None:
    """Raise ``UsageError`` for the name of no exercise or chapter, or for both."""
    from autograder.contract.exercise import expect_chapter, find_exercise

    chapter = config.getoption("--submission-chapter")
    names = config.getoption("--submission-exercise") or []
    if chapter is not None and names:
        raise pytest.UsageError(
            "--submission-exercise or --submission-chapter, not both"
        )
    try:
        expect_chapter(chapter)
        for name in names:
            find_exercise(name)
    except KeyError as error:
        raise pytest.UsageError(str(error.args[0])) from None


def _one_line(text: str) -> str:
    # Whatever pytest loads with this plugin is loaded before it goes on elsewhere.
    from autograder.wire.text import one_line

    return one_line(text)


def _one_name(name: str) -> str:
    from autograder.wire.text import one_name

    return one_name(name)


def wanted_files(config: pytest.Config) -> list[Path]:
    """Return the paths of ``--submission``, each once."""
    wanted = config.getoption("--submission") or []
    if "" in wanted:  # a variable of a script that is not set
        raise pytest.UsageError("--submission: there is no file with an empty name")
    try:
        wanted = [place(path) for path in wanted]
    except ArgumentTypeError as error:
        raise pytest.UsageError(f"--submission: {error}") from None
    paths = [Path(os.path.abspath(path)) for path in wanted]  # noqa: PTH100
    return list(dict.fromkeys(paths))


def pytest_collection(session: pytest.Session) -> Any:
    """Collect the submissions alone: no folder is read, and no module is imported."""
    submissions = wanted_files(session.config)
    if not submissions:
        return None
    session.items = [
        item
        for path in submissions
        for item in session.genitems(SubmissionFile.of(session, path))
    ]
    hook = session.config.hook
    hook.pytest_collection_modifyitems(
        session=session, config=session.config, items=session.items
    )
    hook.pytest_collection_finish(session=session)
    session.testscollected = len(session.items)
    return True


class SubmissionFile(pytest.File):
    """Grades its file once, at collection, and yields one item for each check."""

    @classmethod
    def of(cls, session: pytest.Session, path: Path) -> "SubmissionFile":
        """Return the node of a file, whose name may hold anything."""
        root = session.config.rootpath
        place = path.relative_to(root) if path.is_relative_to(root) else path
        shown, name = _one_name(place.as_posix()), _one_name(path.name)
        node: SubmissionFile = cls.from_parent(
            session, path=path, name=name, nodeid=shown
        )
        return node

    @property
    def ihook(self) -> Any:
        """Return all hooks: pytest's own would look at the path, of which nothing may be
        asked, for a ``conftest.py`` beside it, which is none of ours."""
        return self.config.hook

    def collect(self) -> Iterator[Any]:
        from autograder.grading.grade import grade
        from autograder.grading.judges import bounded_memory

        with bounded_memory():
            report = grade(
                self.path,
                exercises=self.config.getoption("--submission-exercise"),
                chapter=self.config.getoption("--submission-chapter"),
                seed=self.config.getoption("--submission-seed"),
                replay=self.config.getoption("--submission-replay"),
                sandbox=self.config.getoption("--submission-sandbox"),
            )
        # What the cells of many files showed takes much memory together.
        report = replace(report, cells={})
        self.config.stash.setdefault(_REPORTS, []).append(report)
        if report.error is not None:
            yield CheckItem.from_parent(self, name=self.name, message=report.error)
            return
        for exercise in report.exercises:
            if exercise.status == "unwritten":
                yield CheckItem.from_parent(
                    self, name=exercise.name, message=exercise.message
                )
                continue
            for check in exercise.checks:
                yield CheckItem.from_parent(
                    self,
                    name=f"{exercise.name}::{check.name}",
                    message=check.message or exercise.message,
                    status=check.status,
                    graded=exercise.status == "graded",
                    mistake=check.mistake,
                    exercise=exercise.name,
                    points=(check.score, check.max_score),
                )


class CheckItem(pytest.Item):
    """One check's verdict as a test: passed, failed, or skipped for a root cause."""

    def __init__(
        self,
        *,
        message: str,
        status: str = "failed",
        graded: bool = True,
        mistake: str | None = None,
        exercise: str = "",
        points: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if points is not None:  # for --junitxml
            self.user_properties += zip(("score", "max_score"), points, strict=True)
        self.message = message
        self.status = status
        self.graded = graded
        self.mistake = mistake
        self.exercise = exercise

    @property
    def ihook(self) -> Any:
        """Return all hooks, as the file does."""
        return self.config.hook

    def runtest(self) -> None:
        from autograder.grading.text import mistake_text

        if self.status == "skipped" and self.graded:
            pytest.skip(_one_line(self.message))
        if self.status != "passed":
            name = self.mistake
            cause = f"\n{mistake_text(name, self.exercise)}" if name else ""
            raise CheckFailed(_one_line(self.message) + cause)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        if isinstance(excinfo.value, CheckFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        return Path(_one_name(str(self.path))), None, self.name


class CheckFailed(Exception):
    """A check that did not pass; pytest shows its text instead of a traceback."""


_REPORTS: pytest.StashKey[list[Any]] = pytest.StashKey()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Have the share of each file's points decide, where one is asked for."""
    reports = session.config.stash.get(_REPORTS, [])
    bound = session.config.getoption("--submission-fail-under")
    known = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    if reports and bound is not None and session.exitstatus in known:
        below = any(report.is_below(bound) for report in reports)
        session.exitstatus = known[below]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    reports = config.stash.get(_REPORTS, [])
    if reports:
        terminalreporter.section("score", "=")
    for report in reports:
        terminalreporter.write_line(
            f"{_one_line(report.submission)}: {report.score:g} of {report.max_score:g} "
            f"(grader {report.version}, {report.draws}, sandbox {report.sandbox})"
        )
