"""A whole class in the gradebook at once, as ``nbgrader autograde`` has it one by one."""

import csv
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader")

from nbconvert.exporters import HTMLExporter
from nbgrader.server_extensions.formgrader import handlers

from autograder.__main__ import main
from autograder.course.release import settings
from autograder.doors import classroom
from autograder.doors.nbgrader import gradebook
from autograder.doors.nbgrader.execute import JudgedExecute
from autograder.doors.nbgrader.feedback import OfflineFeedback
from autograder.doors.nbgrader.marks import Mark, is_unfinished, mark_path, next_path
from tests import fixture_class
from tests.fixture_class import CHAPTER, free_response, run
from tests.test_graded_downloads import NOTHING, put

#: Right and wrong, hostile and broken ones.
STUDENTS = ("perfect", "forgets", "plots", "exits", "truncated", "empty")
LATE = """
from nbgrader.plugins import BasePlugin
class Late(BasePlugin):
    def late_submission_penalty(self, student_id, score, seconds):
        return 1.0
c.AssignLatePenalties.plugin_class = Late
c.CourseDirectory.db_assignments = []
"""
Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a course whose class has handed in; one of them late."""
    folder = tmp_path_factory.mktemp("whole")
    course = fixture_class.new_course(folder / "course")
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text(encoding="utf-8") + LATE, encoding="utf-8")
    files = fixture_class.hand_in(course, folder / "handed in")
    for student in STUDENTS:
        place = course / "course" / "submitted" / student / CHAPTER
        place.mkdir(parents=True)
        shutil.copy(files[student], place / f"{CHAPTER}.ipynb")
    (place.parents[1] / "perfect" / CHAPTER / "timestamp.txt").write_text(
        "2021-01-01 00:00:00 UTC"
    )
    done = run(course, "nbgrader", "generate_assignment", CHAPTER)
    assert done.returncode == 0, done.stderr
    write(course, "update assignment set duedate = '2020-01-01 00:00:00.000000'")
    return course


@pytest.fixture(scope="module")
def one_by_one(handed_out: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the course as ``nbgrader autograde`` leaves it."""
    course = tmp_path_factory.mktemp("one by one") / "course"
    shutil.copytree(handed_out, course)
    done = run(course, "nbgrader", "autograde", CHAPTER)
    assert done.returncode == 0, done.stderr[-3000:]
    return course


@pytest.fixture
def course(
    handed_out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    monkeypatch.chdir(shutil.copytree(handed_out, tmp_path / "course"))
    yield Path.cwd()


def write(course: Path, *sentences: str) -> None:
    with sqlite3.connect(course / "course" / "gradebook.db") as database:
        for sentence in sentences:
            database.execute(sentence)


def held(course: Path) -> tuple[Rows, Rows]:
    """Return what the gradebook holds of each cell: scores, and comments."""
    with sqlite3.connect(course / "course" / "gradebook.db") as database:
        of_cell = (
            "from submitted_assignment sa"
            " join submitted_notebook sn on sn.assignment_id = sa.id"
            " join {0} found on found.notebook_id = sn.id"
            " join base_cell c on found.cell_id = c.id order by 1, 2"
        )
        scores = database.execute(
            "select sa.student_id, c.name, auto_score, manual_score, needs_manual_grade,"
            f" late_submission_penalty, sa.timestamp {of_cell.format('grade')}"
        ).fetchall()
        comments = database.execute(
            "select sa.student_id, c.name, auto_comment, manual_comment "
            + of_cell.format("comment")
        ).fetchall()
    return scores, comments


def grade(*options: str) -> int:
    return main(["grade", "course/submitted", "--gradebook", CHAPTER, *options])


def notebook(course: Path, student: str) -> Path:
    folder = course / "course" / "autograded" / student / CHAPTER
    return folder / f"{CHAPTER}.ipynb"


def without_ids(path: Path) -> Any:
    found = json.loads(path.read_bytes())
    for cell in found["cells"]:
        del cell["id"]
    return found


def test_what_a_gradebook_forgot_is_said_and_nothing_that_was_made_is_lost(
    course: Path,
) -> None:
    """Lost, or of an older backup."""
    assert grade() == 0
    assert run(course, "nbgrader", "generate_feedback", CHAPTER).returncode == 0
    pages = {path: path.read_bytes() for path in course.glob("course/feedback/*/*/*")}
    assert len(pages) >= len(STUDENTS)
    before = held(course)
    forget = "delete from submitted_assignment where student_id in ('perfect', 'plots')"
    for lost in ("some", "all"):
        if lost == "some":
            write(course, forget)
        else:
            (course / "course/gradebook.db").unlink()
        done = run(course, "nbgrader", "generate_feedback", CHAPTER)
        assert "Traceback" not in done.stderr
        for student in ("perfect", "plots"):
            folder = course / "course/autograded" / student / CHAPTER
            assert (
                f"NO FEEDBACK from {folder}: the gradebook holds nothing" in done.stderr
            )
        assert {path: path.read_bytes() for path in pages} == pages
        done = run(course, "nbgrader", "export", "--to", "grades.csv")
        whose = "2 students (perfect, plots)" if lost == "some" else "students"
        assert "Traceback" not in done.stderr and whose in done.stderr
        assert f"--gradebook {CHAPTER}" in done.stderr
    done = run(course, "nbgrader", "autograde", CHAPTER)
    assert done.returncode and "NOBODY IS GRADED" in done.stderr
    assert f"--gradebook {CHAPTER}" in done.stderr
    write(course, "update assignment set duedate = '2020-01-01 00:00:00.000000'")
    assert grade() == 0
    assert held(course)[1] == before[1]


def test_an_assignment_that_is_nowhere_is_said_once(course: Path) -> None:
    (course / "course/gradebook.db").unlink()
    done = run(course, "nbgrader", "autograde", CHAPTER)
    assert done.returncode and "Traceback" not in done.stderr
    told = f"NOBODY IS GRADED: the gradebook has no assignment {CHAPTER}."
    assert done.stderr.count(told) == 1
    shutil.rmtree(course / "solutions")
    done = run(
        course, "autograder", "grade", "course/submitted", "--gradebook", CHAPTER
    )
    assert done.returncode == 2 and "nobody was graded now" in done.stderr
    assert "Everybody is graded" not in done.stderr


def test_an_assignment_without_its_notebook_is_said_to_be_none(course: Path) -> None:
    """Formgrader's "Add new assignment" enters the name alone."""
    (course / "course/gradebook.db").unlink()
    enter = (
        "from nbgrader.api import Gradebook\n"
        "with Gradebook('sqlite:///course/gradebook.db') as gradebook:\n"
        f"    gradebook.update_or_create_assignment({CHAPTER!r})\n"
    )
    (course / "enter.py").write_text(enter, encoding="utf-8")
    assert run(course, "enter").returncode == 0
    done = run(course, "nbgrader", "autograde", CHAPTER)
    assert done.returncode and "Traceback" not in done.stderr
    told = f"NOBODY IS GRADED: the gradebook has no notebook of assignment {CHAPTER}. "
    assert done.stderr.count(told) == 1 and "rename" not in done.stderr
    assert f"nbgrader generate_assignment {CHAPTER}" in done.stderr


def test_the_table_says_what_waits_for_the_gradebook(course: Path) -> None:
    """A whole class is graded, and the run ended before its scores were entered."""
    folder = course / "course" / "autograded" / "perfect" / CHAPTER
    next_path(folder).mkdir(parents=True)
    done = run(course, "nbgrader", "export", "--to", "grades.csv")
    assert done.stderr.count("are not final") == 1 and str(folder) in done.stderr


def test_settings_of_nbgrader_are_those_of_the_class_command(
    course: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What confines code, and how long it may run; who is left out; what groups share."""
    config = course / "nbgrader_config.py"
    before = config.read_text(encoding="utf-8")
    ours = (
        "c.JudgedExecute.sandbox = 'required'\nc.JudgedExecute.cell_seconds = 7\n"
        "c.CourseDirectory.student_id_exclude = 'forgets,plots'\n"
        "c.CourseDirectory.groupshared = True\n"
    )
    config.write_text(before + ours, encoding="utf-8")
    shutil.rmtree(course / "exercises", ignore_errors=True)
    (course / "course/gradebook.db").unlink()
    asked: list[dict[str, Any]] = []

    def graded(files: Any, jobs: int, done: Any, **options: Any) -> list[Any]:
        asked.append(options)
        return real(files, jobs, done, **{**options, "sandbox": "auto"})

    real = classroom.grade_class
    monkeypatch.setattr(classroom, "grade_class", graded)
    place = course / "course/submitted/perfect" / CHAPTER / "timestamp.txt"
    place.write_text("sometime in 2020", encoding="utf-8")
    grade()
    [options] = asked
    assert options["sandbox"] == "required" and options["limits"].cell_seconds == 7
    told = capsys.readouterr().err
    assert "Traceback" not in told
    for student in ("forgets", "plots"):
        assert f"{student}: left out, as student_id_exclude says." in told
        assert not notebook(course, student).exists()
    assert notebook(course, "perfect").exists()
    assert f"{place} is no date" in told
    built = run(course, "autograder", "build", CHAPTER)
    assert built.returncode == 0, built.stderr


@pytest.mark.parametrize(
    ("said", "asked", "used"),
    [
        ("auto", "auto", "auto"),
        ("required", "auto", "required"),
        ("off", "auto", "off"),
        ("required", "off", "required"),
        ("off", "required", "required"),
        ("auto", "off", "off"),
    ],
)
def test_the_stricter_sandbox_is_used(said: str, asked: str, used: str) -> None:
    assert JudgedExecute(sandbox=said).confined(asked) == used


def test_a_name_in_another_encoding_is_said_to_be_one(course: Path) -> None:
    (course / "course/submitted/Zoë" / CHAPTER).mkdir(parents=True)
    shutil.copy(
        course / "course/submitted/perfect" / CHAPTER / f"{CHAPTER}.ipynb",
        course / "course/submitted/Zoë" / CHAPTER,
    )
    ascii_alone = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    words = ("autograder", "grade", "course/submitted", "--gradebook", CHAPTER)
    done = run(course, *words, **ascii_alone)
    assert "PYTHONUTF8=1" in done.stderr and "rename the folder" not in done.stderr


def test_whose_place_cannot_be_written_stops_nobody_else(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = course / "course/autograded/forgets"
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(exist_ok=True)
    place.write_text("a file where a folder belongs")
    assert grade("-j", "1") == 1
    told = capsys.readouterr().err
    assert "forgets" in told and "File exists" in told
    assert {row[0] for row in held(course)[0]} >= {"perfect"}


def test_two_spellings_of_one_name_are_two_students_as_in_the_gradebook(
    course: Path, tmp_path: Path
) -> None:
    submitted = course / "course/submitted"
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "éva")
        shutil.copytree(submitted / "perfect", submitted / name)
    out = tmp_path / "pages"
    grade("--feedback", str(out))
    pages = {path.name for path in out.iterdir()}
    assert {unicodedata.normalize(f, "éva.html") for f in ("NFC", "NFD")} <= pages


@pytest.mark.parametrize("command", ["collect", "export", "autograde", "list"])
def test_a_busy_gradebook_is_said_in_a_sentence(course: Path, command: str) -> None:
    inbound = course / "exchange/c1/inbound"
    inbound.mkdir(parents=True)
    own = (f"--Exchange.root={course / 'exchange'}", "--CourseDirectory.course_id=c1")
    words = {"collect": (CHAPTER, *own), "autograde": (CHAPTER,), "list": own}
    with sqlite3.connect(course / "course/gradebook.db") as database:
        database.execute("begin exclusive")
        done = run(course, "nbgrader", command, *words.get(command, ()))
    assert "Traceback" not in done.stderr
    if command != "list":  # which asks no gradebook
        assert done.returncode and "database is locked" in done.stderr


def test_late_penalties_follow_a_due_date_that_was_moved(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def penalty() -> float | None:
        return {row[0]: row[5] for row in held(course)[0]}["perfect"]

    assert grade() == 0 and penalty() == 1.0
    for due, is_late in (("2022", False), ("2020", True)):
        write(course, f"update assignment set duedate = '{due}-01-01 00:00:00.000000'")
        capsys.readouterr()
        assert grade() == 0
        told = capsys.readouterr().err
        assert " unchanged; late penalties anew: perfect." in told
        assert penalty() == (1.0 if is_late else None)
        assert grade() == 0 and "anew" not in capsys.readouterr().err
    write(course, "update assignment set duedate = '2022-01-01 00:00:00.000000'")
    done = run(course, "nbgrader", "autograde", CHAPTER)
    assert "perfect is graded again" in done.stderr
    assert penalty() is None
    assert run(course, "nbgrader", "autograde", CHAPTER).stderr.count("again") == 0


def test_all_at_once_is_as_one_by_one(
    course: Path, one_by_one: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade() == 0
    told = capsys.readouterr()
    assert f"{len(STUDENTS)} written, 0 unchanged" in told.err
    assert held(course) == held(one_by_one)
    for student in STUDENTS:
        made = without_ids(notebook(course, student))
        assert made == without_ids(notebook(one_by_one, student)), student
        assert not is_unfinished(notebook(course, student).parent)
    penalties = {row[0]: row[5] for row in held(course)[0]}
    assert penalties == dict.fromkeys(STUDENTS) | {"perfect": 1.0}
    for command in (("generate_feedback", CHAPTER), ("export", "--to", "grades.csv")):
        done = run(course, "nbgrader", *command)
        assert done.returncode == 0, done.stderr[-3000:]
        assert "not final" not in done.stderr
        assert "another version" not in done.stderr
    table = (course / "grades.csv").read_text(encoding="utf-8")
    scores = {row["student_id"]: row for row in csv.DictReader(table.splitlines())}
    reports = course / "course" / "reports" / CHAPTER / "summary.csv"
    for row in csv.DictReader(reports.read_text(encoding="utf-8").splitlines()):
        whole = float(row["score"]) - (row["student"] == "perfect")
        assert float(scores[row["student"]]["score"]) == whole
    pages = (course / "course" / "feedback").glob(f"*/{CHAPTER}/*.html")
    assert {page.parts[-3] for page in pages} == set(STUDENTS)


def test_a_broken_file_says_why_wherever_somebody_looks(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grade()
    why = "is not a complete notebook"
    assert why in capsys.readouterr().out
    table = Path("course/reports", CHAPTER, "summary.csv").read_text(encoding="utf-8")
    assert why in table
    said = {row[1]: row[2] for row in held(course)[1] if row[0] == "truncated"}
    assert len(said) == 4 and all(why in str(text) for text in said.values())
    page = formgraded(course, "truncated")
    assert "This file could not be graded." in page and why in page


def test_comments_say_why_points_are_lost_and_nothing_else(course: Path) -> None:
    grade()
    said = {row[:2]: row[2] for row in held(course)[1]}
    assert "Likely cause: kept units come back unchanged" in str(
        said["forgets", "inverted_dropout"]
    )
    assert "ended the Python process" in str(said["exits", "inverted_dropout"])
    assert said["perfect", "inverted_dropout"] is None


def test_what_is_done_stays_done_and_hand_grading_too(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grade()
    write(
        course,
        "update grade set manual_score = 0.25 where needs_manual_grade",
        "update comment set manual_comment = 'seen'",
    )
    before = notebook(course, "forgets").stat().st_mtime_ns
    right = Path("course/submitted/perfect", CHAPTER, f"{CHAPTER}.ipynb")
    wrong = Path("course/submitted/forgets", CHAPTER, f"{CHAPTER}.ipynb")
    Path("course/submitted/exits", CHAPTER, f"{CHAPTER}.ipynb").write_bytes(
        right.read_bytes()
    )
    capsys.readouterr()
    assert grade() == 0
    told = capsys.readouterr().err
    assert "3 of 6 files were graded before" in told, told
    assert notebook(course, "forgets").stat().st_mtime_ns == before
    scores, comments = held(course)
    assert sum(row[2] or 0 for row in scores if row[0] == "exits") == 10
    assert {row[3] for row in scores if row[0] == "plots"} == {0.25, None}
    assert {row[3] for row in comments} == {"seen"}
    assert wrong.is_file()


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("moment", [1, 4])
def test_a_run_that_is_killed_changes_no_score_and_the_next_goes_on(
    moment: int, course: Path, one_by_one: Path
) -> None:
    command = ["grade", "course/submitted", "--gradebook", CHAPTER]
    process = subprocess.Popen(
        [sys.executable, "-m", "autograder", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    waiting = Path("course/autograded")
    end = time.monotonic() + 200
    while len(list(waiting.glob("*/.*.next"))) < moment and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    scores, _ = held(course)
    assert scores in ([], held(one_by_one)[0])
    assert grade() == 0
    assert held(course) == held(one_by_one)
    assert not list(waiting.glob("*/.*"))


@pytest.mark.skipif(os.name != "posix", reason="there are no locks on files")
def test_what_a_killed_run_was_writing_goes_with_the_next(course: Path) -> None:
    part = Path("course/autograded/truncated/.dropout-0123456789abcdef.part")
    part.parent.mkdir(parents=True)
    part.write_text("{")
    assert grade() == 0
    assert not list(Path("course/autograded").glob("*/.*"))


def test_a_mark_that_a_killed_autograde_left_goes_though_nothing_is_graded_anew(
    course: Path,
) -> None:
    """Its run wrote the student's notebook, and ended before it said so."""
    assert grade() == 0
    before, folder = held(course), notebook(course, "forgets").parent
    mark = Mark.take(mark_path(folder))
    mark.write({CHAPTER})
    mark.release()
    assert is_unfinished(folder)
    assert grade() == 0
    assert not is_unfinished(folder)
    assert held(course) == before
    assert not list(Path("course/autograded").glob("*/.*"))


def test_a_busy_gradebook_takes_new_students_at_the_next_run(
    course: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradebook, "PATIENCE", 0.1)
    for student in STUDENTS[1:]:
        shutil.rmtree(course / "course" / "submitted" / student)
    with sqlite3.connect(course / "course" / "gradebook.db") as busy:
        busy.execute("begin immediate")
        assert grade("-j", "1") == 2
        busy.rollback()
    told = capsys.readouterr().err
    assert "gradebook could not be used (database is locked); it is as it was" in told
    assert held(course)[0] == []
    assert grade("-j", "1") == 0
    assert {row[0] for row in held(course)[0]} == {STUDENTS[0]}


@pytest.mark.slow
def test_nbgrader_gives_a_new_student_to_the_next_run_where_the_gradebook_is_busy(
    course: Path,
) -> None:
    for student in STUDENTS[1:]:
        shutil.rmtree(course / "course" / "submitted" / student)
    with sqlite3.connect(course / "course" / "gradebook.db") as busy:
        busy.execute("begin immediate")
        done = run(course, "nbgrader", "autograde", CHAPTER)
        busy.rollback()
    assert done.returncode == 1
    assert "The gradebook could not be used (database is" in done.stderr, done.stderr
    assert "InvalidEntry" not in done.stderr
    assert held(course)[0] == []
    done = run(course, "nbgrader", "autograde", CHAPTER)
    assert done.returncode == 0, done.stderr
    assert {row[0] for row in held(course)[0]} == {STUDENTS[0]}


def test_only_the_class_that_nbgrader_knows_goes_into_its_gradebook(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["grade", "exercises", "--gradebook", CHAPTER]) == 2
    assert "expected that folder, found exercises" in capsys.readouterr().err
    other = Path("course/submitted/zoe", CHAPTER, "mine.ipynb")
    other.parent.mkdir(parents=True)
    other.write_text("{}")
    assert grade() == 1
    assert f"zoe/{CHAPTER}/mine.ipynb is not graded" in capsys.readouterr().err
    assert "zoe" not in {row[0] for row in held(course)[0]}


def formgraded(course: Path, student: str) -> str:
    """Return formgrader's page on a student's notebook."""
    config = settings(course)
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    resources = {
        "assignment_id": CHAPTER,
        "notebook_id": CHAPTER,
        "submission_id": "0",
        "notebook_path": "there",
        "base_url": "",
        "index": 0,
        "total": 1,
    }
    exporter = HTMLExporter(config=config)
    page, _ = exporter.from_filename(str(notebook(course, student)), resources)
    return str(page)


def test_the_mark_scheme_stands_beside_the_answer_for_whoever_grades(
    one_by_one: Path,
) -> None:
    page = formgraded(one_by_one, "plots")
    answer = free_response(json.loads(notebook(one_by_one, "plots").read_bytes()))
    after = page.partition(f"{answer}-comment")[2]
    assert "Half a point for each" in after and "<summary>Model answer" in after
    assert "MARK SCHEME" not in page
    config = settings(one_by_one)
    feedback = OfflineFeedback(config=config)
    for_students, _ = feedback.from_filename(str(notebook(one_by_one, "plots")))
    assert "Half a point for each" not in for_students
    shutil.move(one_by_one / "course" / "source", one_by_one / "elsewhere")
    try:
        assert "python -m autograder build" in formgraded(one_by_one, "plots")
    finally:
        shutil.move(one_by_one / "elsewhere", one_by_one / "course" / "source")


@pytest.mark.parametrize("name", ["<img src=x>", "a[0]"])
def test_a_name_that_pages_show_as_html_is_refused(name: str, course: Path) -> None:
    """Brackets, a pattern to nbgrader's glob, were passed over without a word."""
    submitted = course / "course" / "submitted"
    shutil.copytree(submitted / "perfect", submitted / name)
    for student in STUDENTS[1:]:
        shutil.rmtree(submitted / student)
    odd = "<" if "<" in name else "["
    told = f"{name}: nbgrader takes no student whose name holds {odd!r}; rename the folder."
    for order in (
        ("nbgrader", "autograde", CHAPTER),
        ("autograder", "grade", "course/submitted", "--gradebook", CHAPTER),
    ):
        done = run(course, *order)
        assert done.returncode != 0
        assert told in done.stderr
        assert not (course / "course" / "autograded" / name).exists()
        assert (course / "course" / "autograded" / "perfect").exists()


def test_unfit_names_are_told_in_the_order_of_the_files(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    submitted, names = course / "course" / "submitted", [f"<{i}>" for i in range(6)]
    for student, name in zip(STUDENTS, names, strict=True):
        (submitted / student).rename(submitted / name)
    assert grade() == 2
    told = capsys.readouterr().err
    assert re.findall(r"(<\d>): nbgrader takes no student", told) == names


def test_everybody_of_whom_nothing_is_graded_is_named(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    submitted = course / "course" / "submitted"
    names = {each.replace("conventions", CHAPTER) for each in NOTHING.values()}
    for name in (*names, "dan/noise/noise.ipynb", "fay/conventions/fay.py"):
        put(submitted, name)
    shutil.copytree(submitted / "perfect", submitted / "__hal")
    assert grade() == 1
    lines = capsys.readouterr().err.splitlines()
    for student in [*NOTHING, "dan", "fay"]:
        told = [
            line for line in lines if re.match(rf"(✗ )?{re.escape(student)}\b", line)
        ]
        assert len(told) == 1, (student, lines)
    assert (course / "course" / "autograded" / "__hal" / CHAPTER).is_dir()


def test_other_files_of_one_student_are_told_in_one_line(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = course / "course" / "submitted" / "many" / CHAPTER
    many.mkdir(parents=True)
    for number in range(30):
        (many / f"{number:02}.py").write_text("")
    assert grade() == 1
    told = [
        line for line in capsys.readouterr().err.splitlines() if "not graded" in line
    ]
    names = ", ".join(f"many/{CHAPTER}/{number:02}.py" for number in range(3))
    assert told == [
        f"{names} and 27 more are not graded: expected {CHAPTER}.ipynb there; run collect."
    ]
