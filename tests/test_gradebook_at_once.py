"""Two runs at one gradebook: none ends in a traceback, none takes what is another's."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial, wraps
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader")

from nbgrader.converters import NbGraderException

from autograder.doors.nbgrader.gradebook import HeldGradebook
from autograder.doors.nbgrader.marks import (
    InOtherHands,
    Mark,
    is_unfinished,
    mark_path,
    next_path,
)
from autograder.doors.nbgrader.unfinished import WholeAutograde
from autograder.doors.nbgrader.whole_class import ClassGradebook
from autograder.isolation.locks import in_turn
from tests.fixture_class import CHAPTER
from tests.test_changed_points import STUDENTS, autograde, generate, graded_in
from tests.test_whole_class import grade, held, notebook, write

HOOKED = HeldGradebook, ClassGradebook, WholeAutograde


@pytest.fixture(scope="module")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return graded_in(tmp_path_factory.mktemp("at once"))


@pytest.fixture
def course(
    one_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Return the course as it was when all were graded, and nobody was entered."""
    course = Path(shutil.copytree(one_run, tmp_path / "course"))
    for student in STUDENTS:
        folder = folder_of(course, student)
        notebook(course, student).replace(next_path(folder))
        shutil.rmtree(folder)
    of_students = ("grade", "comment", "submitted_notebook", "submitted_assignment")
    write(course, *(f"delete from {table}" for table in (*of_students, "student")))
    monkeypatch.chdir(course)
    yield course


def folder_of(course: Path, student: str = "forgets") -> Path:
    return notebook(course, student).parent


def once(
    patch: pytest.MonkeyPatch,
    when: str,
    method: Callable[..., Any],
    act: Callable[[], object],
) -> None:
    """Have something happen once, right ``"before"`` or ``"after"`` a method's work."""
    left = [act]

    @wraps(method)
    def with_it(*args: Any, **kwargs: Any) -> Any:
        if left and when == "before":
            left.pop()()
        found = method(*args, **kwargs)
        if left:
            left.pop()()
        return found

    name = method.__name__
    patch.setattr(next(each for each in HOOKED if hasattr(each, name)), name, with_it)


def enter_forgets(course: Path) -> None:
    """Do what another run would, if the gradebook lets it."""
    path = course / "course" / "gradebook.db"
    with suppress(sqlite3.OperationalError), sqlite3.connect(path, 0.1) as other:
        other.execute("insert into student (id) values ('forgets')")


# ---- One transaction, from the first question ---------------------------------------


@pytest.mark.parametrize("command", ["grade", "autograde"])
def test_who_is_not_in_the_gradebook_is_entered_by_nobody_else_meanwhile(
    command: str, course: Path, one_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once(
        monkeypatch, "before", HeldGradebook.add_student, lambda: enter_forgets(course)
    )
    if command == "grade":
        assert grade() == 0
    else:
        autograde(course)
    assert held(course) == held(one_run)


@pytest.mark.skipif(os.name != "posix", reason="there are no locks on folders")
def test_two_who_hand_out_an_assignment_do_so_in_turn(course: Path) -> None:
    ended: list[float] = []
    began = threading.Event()

    def other() -> None:
        with in_turn(course / "course" / "source" / CHAPTER, 0):
            began.set()
            time.sleep(3)
            ended.append(time.monotonic())

    thread = threading.Thread(target=other)
    thread.start()
    began.wait()
    generate(course)
    now = time.monotonic()
    thread.join()
    assert now > ended[0]


@pytest.mark.slow
def test_who_enters_a_large_class_is_waited_for(course: Path) -> None:
    busy = sqlite3.connect(course / "course" / "gradebook.db", check_same_thread=False)
    busy.execute("begin immediate")
    end = threading.Timer(7, busy.rollback)
    end.start()
    assert grade() == 0
    end.join()


def test_a_gradebook_that_is_to_stay_as_it_is_may_be_busy(course: Path) -> None:
    assert grade() == 0
    with sqlite3.connect(course / "course" / "gradebook.db") as busy:
        busy.execute("begin immediate")
        assert grade() == 0


@pytest.mark.slow
@pytest.mark.parametrize("is_new", [True, False])
def test_two_runs_that_grade_the_class_end_as_one(
    is_new: bool, course: Path, one_run: Path
) -> None:
    if is_new:
        Path("course/gradebook.db").unlink()
    order = [sys.executable, "-m", "autograder", "grade", "course/submitted"]
    runs = [
        subprocess.Popen(
            [*order, "--gradebook", CHAPTER, "-j", "1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    told = [run.communicate(timeout=300)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    assert "Traceback" not in "".join(told)
    assert held(course) == held(one_run)
    assert not list(Path("course/autograded").glob("*/.*"))


@pytest.mark.slow
def test_both_commands_at_once_lose_no_notebook(course: Path) -> None:
    shutil.rmtree("course/autograded")
    names = [*STUDENTS, *(f"s{number}" for number in range(6))]
    for name in names[2:]:
        shutil.copytree("course/submitted/forgets", f"course/submitted/{name}")
    here = ["autograder", "grade", "course/submitted", "--gradebook", CHAPTER]
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", *order],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for order in (["nbgrader", "autograde", CHAPTER], [*here, "-j", "1"])
    ]
    with ThreadPoolExecutor() as readers:
        told = "".join(readers.map(lambda run: run.communicate(timeout=300)[1], runs))
    assert {run.returncode for run in runs} <= {0, 1}, told
    assert "Error" not in told
    for name in names:
        folder = folder_of(course, name)
        assert notebook(course, name).exists() or is_unfinished(folder), told
    assert grade() == 0
    assert {row[0] for row in held(course)[0]} == set(names)
    assert all(notebook(course, name).exists() for name in names)
    assert not list(Path("course/autograded").glob("*/.*"))


# ---- Each leaves the other its student in hand ----------------------------------------


def took(course: Path, words: bool = True) -> Mark:
    """Return the mark of a run that takes a student in hand."""
    mark = Mark.take(mark_path(folder_of(course)))
    if words:
        mark.write({CHAPTER})
    return mark


def test_who_is_being_entered_is_in_nobody_elses_hands(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks: list[Mark] = []

    def take() -> None:
        with suppress(InOtherHands):
            marks.append(took(course))

    once(monkeypatch, "before", HeldGradebook.update_or_create_student, take)
    assert grade() == 0
    assert not marks


def test_whom_another_run_took_in_hand_after_the_class_was_entered_is_left_to_it(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    marks: list[Mark] = []
    take = lambda: marks.append(took(course))  # noqa: E731
    once(monkeypatch, "after", HeldGradebook.keep, take)
    assert grade() == 1
    assert "forgets is in the hands of another run" in capsys.readouterr().err
    assert is_unfinished(folder_of(course))
    assert mark_path(folder_of(course)).read_text() != ""
    assert not folder_of(course).exists(), "it is the other run's to write"
    marks[0].release()
    assert grade() == 0
    assert notebook(course, "forgets").exists()
    assert not list(Path("course/autograded").glob("*/.*"))


def test_a_mark_that_another_run_left_after_the_class_was_entered_stays(
    course: Path, one_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As nbgrader generate_assignment sets it, which brings other points."""
    killed = took(course)
    killed.release()

    def other() -> None:
        for student in STUDENTS:
            code = (
                "from autograder.doors.nbgrader.marks import *\nimport sys\n"
                "mark = Mark.take(mark_path(sys.argv[1])); mark.write({sys.argv[2]})"
            )
            order = [sys.executable, "-c", code, folder_of(course, student), CHAPTER]
            subprocess.run(order, check=True)

    once(monkeypatch, "after", HeldGradebook.keep, other)
    assert grade() == 1
    for student in STUDENTS:
        assert is_unfinished(folder_of(course, student))
        assert notebook(course, student).exists()
    assert grade() == 0
    assert held(course) == held(one_run)
    assert not list(Path("course/autograded").glob("*/.*"))


def test_whose_notebook_another_run_removed_stops_nobody_else(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As nbgrader autograde does where it gives a student up."""
    gone = next_path(folder_of(course)).unlink
    once(monkeypatch, "before", HeldGradebook.lent, gone)
    assert grade() == 1
    assert "forgets is left for the next run" in capsys.readouterr().err
    assert {row[0] for row in held(course)[0]} == {"perfect"}
    assert not list(Path("course/autograded").glob("*/.*"))


def test_what_another_run_graded_meanwhile_is_not_put_in_place_of_what_was_entered(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = next_path(folder_of(course))

    def graded_anew() -> None:
        text = waits.read_bytes()
        waits.unlink()
        waits.write_bytes(text + b"\n")

    once(monkeypatch, "after", HeldGradebook.keep, graded_anew)
    assert grade() == 1
    assert waits.exists() and not notebook(course, "forgets").exists()
    assert grade() == 0
    assert notebook(course, "forgets").exists() and not waits.exists()


def test_autograde_grades_again_whose_notebook_waits_of_a_run_that_was_stopped(
    one_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = Path(shutil.copytree(one_run, tmp_path / "course"))
    monkeypatch.chdir(course)
    folder = folder_of(course)
    shutil.copy(notebook(course, "forgets"), next_path(folder))
    assert is_unfinished(folder)
    autograde(course)
    assert not is_unfinished(folder) and notebook(course, "forgets").exists()
    assert held(course) == held(one_run)


def test_who_cannot_be_marked_stops_nobody_else(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mark_path(folder_of(course)).mkdir()
    assert grade() == 1
    assert "forgets is left for the next run" in capsys.readouterr().err
    assert {row[0] for row in held(course)[0]} == {"perfect"}


def test_a_notebook_that_cannot_be_put_in_its_place_stops_nobody_else(
    course: Path, one_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder_of(course).write_text("in the way")
    assert grade() == 1
    assert "forgets is left for the next run" in capsys.readouterr().err
    assert notebook(course, "perfect").exists()
    assert is_unfinished(folder_of(course))
    folder_of(course).unlink()
    assert grade() == 0
    assert held(course) == held(one_run)
    assert notebook(course, "forgets").exists()


# ---- Points that change meanwhile ---------------------------------------------------


def with_other_points(course: Path) -> None:
    """Do what nbgrader generate_assignment does to the gradebook."""
    inverted = "(select id from base_cell where name = 'check-inverted_dropout')"
    write(course, f"update grade_cells set max_score = 9 where id in {inverted}")


def test_scores_are_not_entered_under_points_that_came_meanwhile(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change = partial(with_other_points, course)
    once(monkeypatch, "before", ClassGradebook.write, change)
    assert grade() == 2
    assert "changed while it was graded" in capsys.readouterr().err
    assert held(course)[0] == []


def test_autograde_enters_no_scores_under_points_that_came_meanwhile(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = partial(with_other_points, course)
    once(monkeypatch, "before", WholeAutograde.set_permissions, change)
    with pytest.raises(NbGraderException):
        autograde(course)
    assert held(course)[0] == []
    assert all(is_unfinished(folder_of(course, student)) for student in STUDENTS)
