"""Points, exercises, work and its time that change: no class on two measures, no old score
on a page."""

import errno
import json
import os
import re
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader")

from nbgrader.api import Gradebook
from nbgrader.converters import (
    Autograde,
    GenerateAssignment,
    GenerateFeedback,
    NbGraderException,
)
from nbgrader.coursedir import CourseDirectory

from autograder.__main__ import main
from autograder.course.release import settings
from autograder.doors.nbgrader.handed_out import KeptRelease
from autograder.doors.nbgrader.marks import is_unfinished
from autograder.doors.nbgrader.measure import graded_by, old_scores
from autograder.doors.nbgrader.whole_class import ClassGradebook
from autograder.isolation.atomic import write_whole
from tests import fixture_class
from tests.fixture_class import CHAPTER, cell_of, run
from tests.test_whole_class import LATE, grade, held, notebook, write

STUDENTS = ("forgets", "perfect")
RELEASE = Path("exercises", CHAPTER, f"{CHAPTER}.ipynb")
SOURCE = Path("course", "source", CHAPTER, f"{CHAPTER}.ipynb")


def graded_in(folder: Path) -> Path:
    """Return a course of two, graded by one run."""
    course = fixture_class.new_course(folder / "course")
    files = fixture_class.hand_in(course, folder / "handed in")
    for student in STUDENTS:
        place = course / "course" / "submitted" / student / CHAPTER
        place.mkdir(parents=True)
        shutil.copy(files[student], place / f"{CHAPTER}.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(course)
        assert grade() == 0
    return course


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return graded_in(tmp_path_factory.mktemp("points"))


@pytest.fixture
def course(
    graded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    monkeypatch.chdir(shutil.copytree(graded, tmp_path / "course"))
    yield Path.cwd()


def nbgrader_in(course: Path) -> tuple[CourseDirectory, Any]:
    config = settings(course)
    config.CourseDirectory.assignment_id = CHAPTER
    return CourseDirectory(config=config), config


def generate(course: Path) -> None:
    """Do what ``nbgrader generate_assignment`` does."""
    directory, config = nbgrader_in(course)
    GenerateAssignment(coursedir=directory, config=config).start()


def autograde(course: Path) -> None:
    directory, config = nbgrader_in(course)
    Autograde(coursedir=directory, config=config).start()


def told(course: Path) -> str:
    return old_scores(nbgrader_in(course)[0], CHAPTER, set())


#: Ends the command as soon as the new points are in the gradebook.
KILLED = """
import os, signal
from autograder.__main__ import main
from autograder.doors.nbgrader import handed_out

class Killed(handed_out.HeldGradebook):
    def keep(self):
        super().keep()
        os.kill(os.getpid(), signal.SIGKILL)

handed_out.HeldGradebook = Killed
main("grade course/submitted --gradebook CHAPTER".split())
""".replace("CHAPTER", CHAPTER)


def grade_with_other_points(course: Path) -> None:
    """Have everything be as if an exercise had had 3 points when the class was graded."""
    write(
        course,
        "update grade_cells set max_score = 3 where id ="
        " (select id from base_cell where name = 'check-inverted_dropout'"
        " and type = 'GradeCell')",
        "update grade set auto_score = 0.5 where auto_score > 1",
    )
    for student in STUDENTS:
        path = notebook(course, student)
        path.chmod(0o644)
        text = path.read_text(encoding="utf-8")
        other = text.replace(graded_by(path).measure, "0123456789abcdef")
        path.write_text(other, encoding="utf-8")


def points(course: Path) -> list[tuple[float]]:
    with sqlite3.connect(course / "course" / "gradebook.db") as database:
        return database.execute(
            "select max_score from grade_cells join base_cell using (id)"
            " where name = 'check-inverted_dropout'"
        ).fetchall()


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_old_scores_under_new_points_are_not_final_though_the_run_was_killed(
    course: Path, tmp_path: Path
) -> None:
    before = held(course)
    grade_with_other_points(course)
    old = held(course)
    (course / "killed.py").write_text(KILLED, encoding="utf-8")
    assert run(course, "killed").returncode == -signal.SIGKILL
    assert points(course) == [(4.5,)] and held(course) == old
    assert all(is_unfinished(notebook(course, s).parent) for s in STUDENTS)
    feedback = run(course, "nbgrader", "generate_feedback", CHAPTER)
    assert feedback.returncode, "release_feedback would go on with the old pages"
    assert feedback.stderr.count("NO FEEDBACK from") == len(STUDENTS)
    assert not list((course / "course").glob("feedback/*/*/*.html"))
    told = run(course, "nbgrader", "export", "--to", "grades.csv").stderr
    assert told.count("are not final") == len(STUDENTS)

    other = shutil.copytree(course, tmp_path / "other")
    assert grade() == 0
    autograde(other)
    for each in (course, other):
        assert held(each) == before
        assert not any(is_unfinished(notebook(each, s).parent) for s in STUDENTS)
        assert not list((each / "course" / "autograded").glob("*/.*"))


def test_the_next_points_mark_whoever_was_graded_and_the_same_nobody(
    course: Path,
) -> None:
    generate(course)
    assert not list((course / "course" / "autograded").glob("*/.*"))
    grade_with_other_points(course)
    generate(course)
    assert all(is_unfinished(notebook(course, s).parent) for s in STUDENTS)
    assert grade() == 0
    assert not list((course / "course" / "autograded").glob("*/.*"))


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("init_destination", "the gradebook is as it was, and nobody was graded now"),
        ("set_permissions", "the gradebook has that already, and nobody was graded"),
    ],
)
def test_what_a_failed_release_left_in_the_gradebook_is_told_as_it_is(
    course: Path,
    step: str,
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    does = getattr(KeptRelease, step)

    def fails(self: KeptRelease, *names: str) -> object:
        if Path(self.coursedir.root) == course:  # build makes it elsewhere, on trial
            raise OSError("No space left on device")
        return does(self, *names)

    grade_with_other_points(course)
    old, before = points(course), held(course)
    monkeypatch.setattr(KeptRelease, step, fails)
    assert grade() == 2
    assert told in capsys.readouterr().err
    assert (points(course) == old) == ("as it was" in told)
    assert held(course) == before
    monkeypatch.undo()
    monkeypatch.chdir(course)
    assert grade() == 0


def test_what_was_handed_out_stays_where_the_new_cannot_be_put(
    course: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = course / "exercises" / CHAPTER

    def full(path: Path, data: bytes) -> None:
        if place in path.parents:  # build makes it elsewhere, on trial
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write_whole(path, data)

    (place / "data.csv").write_text("by hand")
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    grade_with_other_points(course)
    monkeypatch.setattr("autograder.doors.nbgrader.handed_out.write_whole", full)
    assert grade() == 2
    assert "No space left on device" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def source_without(*grade_ids: str) -> None:
    found = json.loads(SOURCE.read_bytes())
    for grade_id in grade_ids:
        found["cells"].remove(cell_of(found, grade_id))
    SOURCE.write_text(json.dumps(found), encoding="utf-8")


def test_other_points_stop_nbgrader_before_anybody_and_one_command_mends_it(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = held(course)
    old = "update grade_cells set max_score = 3 where id ="
    write(
        course,
        f"{old} (select id from base_cell where name = 'check-inverted_dropout'"
        " and type = 'GradeCell')",
        "update grade set auto_score = 0.5 where auto_score > 1",
    )
    half = held(course)
    with pytest.raises(NbGraderException) as stopped:
        autograde(course)
    assert "inverted_dropout has 4.5 points, and had 3" in str(stopped.value)
    command = f"python -m autograder grade course/submitted --gradebook {CHAPTER}"
    assert str(stopped.value).endswith(command)
    assert held(course) == half, "nobody was graded"

    capsys.readouterr()
    assert main(command.split()[3:]) == 0
    said = capsys.readouterr().err
    assert "inverted_dropout has 4.5 points, and had 3" in said
    assert "2 written, 0 unchanged" in said
    assert held(course) == before
    assert told(course) == ""


def test_a_newer_grader_grades_everybody_again_and_old_scores_are_named(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, path = held(course), notebook(course, "forgets")
    now = graded_by(path)
    path.chmod(0o644)
    old = path.read_text(encoding="utf-8").replace(now.measure, "0123456789abcdef")
    path.write_text(old, encoding="utf-8")
    said = told(course)
    assert "the scores of 1 student (forgets) are from another version" in said
    assert said.endswith(f"--gradebook {CHAPTER}")
    write(
        course,
        "update grade set auto_score = 0.5 where auto_score > 1 and notebook_id in"
        " (select sn.id from submitted_notebook sn join submitted_assignment sa"
        " on sn.assignment_id = sa.id where sa.student_id = 'forgets')",
    )
    kept = notebook(course, "perfect").stat().st_mtime_ns
    autograde(course)
    assert graded_by(path) == now and told(course) == ""
    assert notebook(course, "perfect").stat().st_mtime_ns == kept
    assert [row for row in held(course)[0] if row[0] == "forgets"] == [
        row for row in before[0] if row[0] == "forgets"
    ]


def test_work_that_was_handed_in_anew_is_graded_again_without_force(
    course: Path,
) -> None:
    submitted = course / "course" / "submitted"
    shutil.copy(
        submitted / "perfect" / CHAPTER / f"{CHAPTER}.ipynb",
        submitted / "forgets" / CHAPTER,
    )
    autograde(course)
    scores: dict[str, float] = {}
    for row in held(course)[0]:
        scores[row[0]] = scores.get(row[0], 0) + (row[2] or 0)
    assert scores == {"forgets": 10, "perfect": 10}


def test_an_exercise_that_came_after_submissions_takes_its_place(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    released, before = RELEASE.read_bytes(), held(course)
    source_without("classic_settings", "check-classic_settings")
    generate(course)
    assert "classic_settings" not in {row[1] for row in held(course)[1]}
    assert b"check-classic_settings" not in RELEASE.read_bytes()
    with pytest.raises(NbGraderException, match="classic_settings is new"):
        autograde(course)
    assert grade() == 0
    assert "classic_settings is new" in capsys.readouterr().err
    assert held(course) == before
    assert RELEASE.read_bytes().strip() == released.strip()


def test_a_cell_that_was_graded_by_hand_stays(course: Path) -> None:
    """And the command that would remove it says so in a sentence."""
    released = RELEASE.read_bytes()
    write(course, "update grade set manual_score = 1")
    before = held(course)
    source_without("classic_settings", "check-classic_settings")
    with pytest.raises(NbGraderException):
        generate(course)
    done = run(course, "nbgrader", "generate_assignment", CHAPTER)
    assert done.returncode and "Traceback" not in done.stderr, done.stderr
    assert "ERROR] The cell " in done.stderr and "graded by hand" in done.stderr
    assert held(course) == before
    assert RELEASE.read_bytes() == released
    assert [path.name for path in RELEASE.parent.parent.iterdir()] == [CHAPTER]


def test_a_run_that_is_killed_leaves_nothing_half_made_among_what_is_handed_out(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = KeptRelease.set_permissions
    there: list[list[str]] = []

    def looked(*args: Any) -> None:
        there.append([path.name for path in RELEASE.parent.parent.iterdir()])
        last(*args)

    monkeypatch.setattr(KeptRelease, "set_permissions", looked)
    mode = RELEASE.stat().st_mode
    generate(course)
    assert there == [[CHAPTER]]
    assert RELEASE.stat().st_mode == mode
    assert [path.name for path in RELEASE.parent.iterdir()] == [RELEASE.name]


def test_no_notebook_that_was_handed_out_goes_when_making_it_fails(
    course: Path,
) -> None:
    released = RELEASE.read_bytes()
    beside = RELEASE.with_name("mine.ipynb")
    beside.write_text("my own try")
    found = json.loads(SOURCE.read_bytes())
    cell_of(found, "inverted_dropout")["source"] = "### BEGIN SOLUTION\npass"
    SOURCE.write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(NbGraderException):
        generate(course)
    assert RELEASE.read_bytes() == released
    assert main(["build", CHAPTER]) == 0
    generate(course)
    assert beside.read_text() == "my own try"


def test_an_exercise_that_is_gone_from_the_grader_is_said_so(course: Path) -> None:
    with sqlite3.connect(course / "course" / "gradebook.db") as database:
        for table in ("base_cell", "source_cell"):
            database.execute(
                f"update {table} set name = 'check-gone'"
                " where name = 'check-classic_dropout'"
            )
    with pytest.raises(NbGraderException, match="the exercise gone is no longer there"):
        autograde(course)


def test_a_gradebook_from_before_gets_the_scores_and_nobody_is_graded_for_it(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = held(course)
    write(
        course,
        *(
            f"delete from {table}"
            for table in ("grade", "comment", "submitted_notebook")
        ),
        "delete from submitted_assignment",
    )
    assert grade() == 0
    told = capsys.readouterr().err
    assert "2 of 2 files were graded before" in told
    assert "2 written, 0 unchanged" in told
    assert held(course) == before


def test_a_file_that_nbgraders_steps_fail_on_stops_nobody_else(
    course: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, made = held(course), ClassGradebook._made

    def fails(self: Any, notebook: Any, verdict: Any, student: str) -> str:
        if student == "forgets" and not verdict.comments.get("classic_settings"):
            raise RuntimeError("Inconsistent checksums")
        return made(self, notebook, verdict, student)

    monkeypatch.setattr(ClassGradebook, "_made", fails)
    (course / "course" / "submitted" / "zoe").symlink_to(course)
    assert grade("--again") == 1
    assert "zoe is not graded: expected" in capsys.readouterr().err
    scores, comments = held(course)
    assert not any(row[2] for row in scores if row[0] == "forgets")
    assert any("Inconsistent checksums" in (row[2] or "") for row in comments)
    assert [r for r in scores if r[0] != "forgets"] == [
        r for r in before[0] if r[0] != "forgets"
    ]


def test_the_gradebook_is_whole_after_cells_came_and_went(course: Path) -> None:
    source_without("classic_settings", "check-classic_settings")
    generate(course)
    assert main(["build", CHAPTER]) == 0
    generate(course)
    directory, _ = nbgrader_in(course)
    with Gradebook(directory.db_url) as gradebook:
        for student in STUDENTS:
            found = gradebook.find_submission_notebook(CHAPTER, CHAPTER, student)
            grades = {grade.name: grade for grade in found.grades}
            assert len(grades) == len(found.grades) == 4
            assert grades["check-classic_settings"].needs_manual_grade
            assert {c.name for c in found.comments} >= {"classic_settings"}


# ---- Work that is handed in anew, or at another time ---------------------------------


def submitted(course: Path, student: str) -> Path:
    folder = course / "course" / "submitted" / student / CHAPTER
    return folder / f"{CHAPTER}.ipynb"


def make_late_from_2020_on(course: Path) -> None:
    """Have the class have handed in in time, by files that say so."""
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text(encoding="utf-8") + LATE, encoding="utf-8")
    for student in STUDENTS:
        time = submitted(course, student).with_name("timestamp.txt")
        time.write_text("2019-12-31 12:00:00 UTC")
    write(course, "update assignment set duedate = '2020-01-01 00:00:00.000000'")
    assert grade() == 0


def times(course: Path) -> dict[str, tuple[Any, Any]]:
    """Return when each student's work was handed in, and what that costs."""
    with sqlite3.connect(course / "course" / "gradebook.db") as database:
        rows = database.execute(
            "select student_id, timestamp, late_submission_penalty"
            " from submitted_assignment sa"
            " join submitted_notebook sn on sn.assignment_id = sa.id"
        )
        return {student: (time and time[:19], cost) for student, time, cost in rows}


IN_TIME = ("2019-12-31 12:00:00", None)
LATER = ("2020-01-02 00:00:00 Europe/Berlin", ("2020-01-01 23:00:00", 1.0))


@pytest.mark.parametrize(
    ("by", "said", "now"),
    [
        ("grade", *LATER),
        ("grade", "no date", (None, None)),
        ("grade", None, (None, None)),
        ("autograde", *LATER),
        pytest.param("autograde", None, (None, None), marks=pytest.mark.slow),
    ],
)
def test_another_time_of_the_same_work_is_seen(
    by: str,
    said: str | None,
    now: tuple[Any, Any],
    course: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_late_from_2020_on(course)
    assert times(course) == dict.fromkeys(STUDENTS, IN_TIME)
    file = submitted(course, "forgets").with_name("timestamp.txt")
    file.unlink() if said is None else file.write_text(said)
    before = held(course)
    kept = notebook(course, "perfect").stat().st_mtime_ns
    if by == "autograde":
        autograde(course)
    else:
        capsys.readouterr()
        assert grade() == 0
        told = capsys.readouterr().err
        assert "2 of 2 files were graded before" in told
        assert "1 written, 1 unchanged" in told
    assert times(course) == {"forgets": now, "perfect": IN_TIME}
    assert [row[:5] for row in held(course)[0]] == [row[:5] for row in before[0]]
    assert held(course)[1] == before[1]
    assert notebook(course, "perfect").stat().st_mtime_ns == kept
    assert grade() == 0
    assert "0 written, 2 unchanged" in capsys.readouterr().err


# ---- Pages of feedback ---------------------------------------------------------------


def feedback(course: Path) -> dict[str, str]:
    """Do what ``nbgrader generate_feedback`` does; return the pages, by student."""
    directory, config = nbgrader_in(course)
    GenerateFeedback(coursedir=directory, config=config).start()
    return pages(course)


def pages(course: Path) -> dict[str, str]:
    found = (course / "course" / "feedback").glob(f"*/{CHAPTER}/{CHAPTER}.html")
    return {path.parts[-3]: path.read_text(encoding="utf-8") for path in found}


def total(page: str) -> str:
    """Return the score of the whole on a page."""
    (found,) = re.findall(r"\(Score: (\S+) / 1\d\.\d\)</h4>", page)
    return str(found)


#: What changes after a page was made.
CHANGES = {
    "a score by hand": "update grade set manual_score = 0.25 where manual_score is null"
    " and notebook_id in (WHOSE)",
    "a comment by hand": "update comment set manual_comment = 'well seen'"
    " where notebook_id in (WHOSE)",
    "a penalty": "update submitted_notebook set late_submission_penalty = 1.5"
    " where id in (WHOSE)",
}
WHOSE = (
    "select sn.id from submitted_notebook sn join submitted_assignment sa"
    " on sn.assignment_id = sa.id where sa.student_id = 'forgets'"
)


def test_what_changed_in_the_gradebook_is_on_the_next_page(course: Path) -> None:
    made = [feedback(course)]
    for change in CHANGES.values():
        write(course, change.replace("WHOSE", WHOSE))
        made.append(feedback(course))
    assert len({found["forgets"] for found in made}) == len(made)
    assert len({found["perfect"] for found in made}) == 1
    assert "well seen" in made[2]["forgets"]
    path = course / "course" / "feedback" / "forgets" / CHAPTER / f"{CHAPTER}.html"
    kept = path.stat().st_mtime_ns
    path.with_name("mine.txt").write_text("a file of the teacher's")
    assert feedback(course) == made[-1]
    assert path.stat().st_mtime_ns == kept
    # As a run leaves it that was killed while it wrote.
    path.write_text(made[-1]["forgets"][:-100], encoding="utf-8")
    assert feedback(course) == made[-1]
    assert path.with_name("mine.txt").exists()


def test_work_that_was_handed_in_anew_is_on_the_next_page(course: Path) -> None:
    before = feedback(course)
    shutil.copy(submitted(course, "perfect"), submitted(course, "forgets"))
    submitted(course, "forgets").with_name("timestamp.txt").write_text("2020-01-01")
    assert grade() == 0
    after = feedback(course)
    assert total(before["forgets"]) != total(after["forgets"])
    assert after["perfect"] == before["perfect"]


def test_a_page_of_old_points_does_not_stay(course: Path) -> None:
    grade_with_other_points(course)
    before = feedback(course)
    generate(course)
    with pytest.raises(
        NbGraderException, match=r"No feedback for 2 students \(forgets,"
    ):
        feedback(course)
    assert pages(course) == {}
    assert grade() == 0
    after = feedback(course)
    assert set(after) == set(STUDENTS)
    assert total(after["perfect"]) != total(before["perfect"])
