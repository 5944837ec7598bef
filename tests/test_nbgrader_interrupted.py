"""``nbgrader autograde`` that is killed, hindered or started twice loses nobody's scores."""

import json
import logging
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import MagicMock

import pytest

pytest.importorskip("nbgrader")

from nbgrader.converters import Autograde, NbGraderException

from autograder.doors.nbgrader import unfinished
from autograder.doors.nbgrader.marks import (
    InOtherHands,
    Mark,
    is_unfinished,
    mark_path,
)
from autograder.doors.nbgrader.timestamps import (
    CarefulDirectory,
    NotADate,
    handed_in_at,
)
from autograder.doors.nbgrader.unfinished import WholeAutograde
from tests import fixture_class
from tests.fixture_class import CHAPTER, answering, run
from tests.test_parents import BUSY, MODES, family, left_of

STUDENTS = ("forgets", "in-place", "perfect", "plots")
#: Graded in this order; the run is interrupted while the second is in hand.
FIRST, SECOND = "forgets", "in-place"

posix = pytest.mark.skipif(os.name != "posix", reason="sends signals")
Rows = list[tuple[object, ...]]


@pytest.fixture(scope="module")
def class_of_four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a course in which four have handed in; tests work on copies."""
    folder = tmp_path_factory.mktemp("interrupted")
    course = fixture_class.new_course(folder / "course")
    files = fixture_class.hand_in(course, folder / "handed in")
    for student in STUDENTS:
        submitted(course, student).mkdir(parents=True)
        shutil.copy(files[student], submitted(course, student) / f"{CHAPTER}.ipynb")
    take_time(submitted(course, SECOND) / f"{CHAPTER}.ipynb")
    done = run(course, "nbgrader", "generate_assignment", CHAPTER)
    assert done.returncode == 0, done.stderr
    return course


def take_time(path: Path) -> None:
    """Have a notebook be in hand for long enough that a kill cannot come too late."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = "import time\nwhile time.process_time() < 2:\n    pass"
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    notebook["cells"].append(cell | {"id": "slow", "source": code})
    path.write_text(json.dumps(notebook), encoding="utf-8")


@pytest.fixture
def course(class_of_four: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(class_of_four, tmp_path / "course"))


@pytest.fixture(scope="module")
def undisturbed(
    class_of_four: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Rows, list[str]]:
    course = tmp_path_factory.mktemp("undisturbed") / "course"
    shutil.copytree(class_of_four, course)
    autograde(course)
    return written(course)


def submitted(course: Path, student: str) -> Path:
    return course / "course" / "submitted" / student / CHAPTER


def autograded(course: Path, student: str) -> Path:
    return course / "course" / "autograded" / student / CHAPTER


def autograde(course: Path, *options: str, code: int = 0) -> str:
    """Run ``nbgrader autograde``; return what it says."""
    done = run(course, "nbgrader", "autograde", CHAPTER, *options)
    assert done.returncode == code, done.stderr[-3000:]
    return done.stderr


def grades(course: Path, student: str = "%") -> Rows:
    """Return what the gradebook holds of each cell, by student."""
    with sqlite3.connect(course / "course" / "gradebook.db") as database:
        return database.execute(
            "select sa.student_id, c.name, g.auto_score, g.manual_score, g.extra_credit,"
            " g.needs_manual_grade, sn.late_submission_penalty"
            " from submitted_assignment sa"
            " left join submitted_notebook sn on sn.assignment_id = sa.id"
            " left join grade g on g.notebook_id = sn.id"
            " left join base_cell c on g.cell_id = c.id"
            " where sa.student_id like ? order by 1, 2",
            (student,),
        ).fetchall()


def written(course: Path) -> tuple[Rows, list[str]]:
    """Return the gradebook's rows, and the lines of the table that nbgrader exports."""
    done = run(course, "nbgrader", "export", "--to", "grades.csv")
    assert done.returncode == 0, done.stderr
    assert "not final" not in done.stderr
    table = (course / "grades.csv").read_text(encoding="utf-8")
    return grades(course), sorted(table.splitlines())


@contextmanager
def begun(course: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Start ``nbgrader autograde``, and see to it that it ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nbgrader", "autograde", CHAPTER, *options],
        cwd=course,
        env=os.environ | {"JUPYTER_NO_CONFIG": "1", "PYTHONUTF8": "1"},
        stdout=subprocess.DEVNULL,
        stderr=(course / "log").open("w"),
        text=True,
        start_new_session=os.name == "posix",
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(condition: Callable[[], object], seconds: float = 60) -> bool:
    """Wait for something; return whether it came."""
    end = time.monotonic() + seconds
    while not (came := bool(condition())) and time.monotonic() < end:
        time.sleep(0.005)
    return came


# ---- Marks --------------------------------------------------------------------------


def test_a_mark_is_held_by_one_run_and_stays_when_that_ends(tmp_path: Path) -> None:
    folder = tmp_path / "alice" / CHAPTER
    mark = Mark.take(mark_path(folder))
    assert mark.earlier is None
    assert not is_unfinished(folder), "nothing was changed yet"
    mark.write({"one", "two"})
    assert is_unfinished(folder)
    with pytest.raises(InOtherHands):
        Mark.take(mark_path(folder))
    mark.release()
    assert is_unfinished(folder)
    again = Mark.take(mark_path(folder))
    assert again.earlier == {"one", "two"}
    again.remove()
    assert not is_unfinished(folder)
    assert not mark_path(folder).exists()


@posix
def test_a_mark_is_nobody_elses_to_lock(tmp_path: Path) -> None:
    path = mark_path(tmp_path / CHAPTER)
    path.touch(0o644)  # as earlier versions left it
    before = os.umask(0)
    try:
        marks = [Mark.take(path), Mark.take(mark_path(tmp_path / "another"))]
    finally:
        os.umask(before)
    for mark in marks:
        assert mark.path.stat().st_mode & 0o777 == 0o600
        mark.release()


def test_a_run_that_leaves_a_student_to_another_does_not_end_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = Mark.take(mark_path(tmp_path / SECOND / CHAPTER))
    run = WholeAutograde.__new__(WholeAutograde)
    told = logging.getLogger("a run of nbgrader")
    parts = {
        "closing": ExitStack(),
        "assignments": {},
        "later": [],
        "mark": None,
        "notebooks": [],
        "untouched": [],
    }
    for name, part in parts.items():
        monkeypatch.setattr(WholeAutograde, name, part, raising=False)
    monkeypatch.setattr(WholeAutograde, "log", told)
    monkeypatch.setattr(WholeAutograde, "coursedir", MagicMock())
    monkeypatch.setattr(unfinished, "old_scores", lambda *_: "")
    place = str(tmp_path / SECOND / CHAPTER)
    monkeypatch.setattr(WholeAutograde, "_format_dest", lambda *_: place)
    graded = []

    def one_turn(run: WholeAutograde) -> None:
        graded.append(run.init_destination(CHAPTER, SECOND))

    monkeypatch.setattr(Autograde, "convert_notebooks", one_turn)
    with pytest.raises(NbGraderException, match=f"Not graded, see above: {SECOND}"):
        run.convert_notebooks()
    assert graded == [False]
    mark.release()


def test_a_mark_that_cannot_be_read_is_one_all_the_same(tmp_path: Path) -> None:
    path = mark_path(tmp_path / CHAPTER)
    path.write_bytes(b'{"process": 1, "noteb')
    assert is_unfinished(tmp_path / CHAPTER)
    mark = Mark.take(path)
    assert mark.earlier == set()
    mark.release()


# ---- Killed -------------------------------------------------------------------------


@posix
def test_a_killed_run_leaves_nothing_as_if_graded_and_is_made_up_for(
    course: Path, undisturbed: tuple[Rows, list[str]]
) -> None:
    with begun(course) as process:
        assert until((autograded(course, SECOND) / f"{CHAPTER}.ipynb").exists)
        process.kill()
        process.wait()
    assert is_unfinished(autograded(course, SECOND))
    assert grades(course, SECOND) == []
    assert grades(course) == [row for row in undisturbed[0] if row[0] == FIRST]

    feedback = run(course, "nbgrader", "generate_feedback", CHAPTER)
    assert "NO FEEDBACK" in feedback.stderr
    pages = (course / "course" / "feedback").glob(f"*/{CHAPTER}/*.html")
    assert {page.parts[-3] for page in pages} == {FIRST}
    export = run(course, "nbgrader", "export", "--to", "grades.csv")
    assert "not final" in export.stderr

    told = autograde(course)
    assert f"{SECOND} was being graded when an earlier run ended" in told
    assert f"{FIRST} was being graded" not in told
    assert written(course) == undisturbed
    assert not list((course / "course").rglob("*.unfinished"))


@pytest.mark.slow
def test_the_instructors_scores_outlive_an_interrupted_run(course: Path) -> None:
    autograde(course, "--student", SECOND)
    with sqlite3.connect(course / "course" / "gradebook.db") as database:
        database.execute("update grade set manual_score = 0.25, extra_credit = 0.5")
        database.execute("update comment set manual_comment = 'seen'")
    before = grades(course)
    mark = Mark.take(mark_path(autograded(course, SECOND)))
    mark.write({CHAPTER})
    mark.release()
    assert "earlier run ended" in autograde(course, "--student", SECOND)
    after = grades(course)
    assert [row[:5] for row in after] == [row[:5] for row in before]
    assert all(row[5] for row in after), "nbgrader asks the instructor to look again"
    with sqlite3.connect(course / "course" / "gradebook.db") as database:
        comments = database.execute("select distinct manual_comment from comment")
        assert comments.fetchall() == [("seen",)]


#: Signal, whose mark has appeared, how many seconds ago, whether all were graded before
#: and are graded anew with --force.
MOMENTS = [
    ("SIGKILL", SECOND, 0.0, False),
    ("SIGKILL", SECOND, 0.1, True),
    ("SIGKILL", FIRST, 0.5, False),
    ("SIGKILL", "plots", 0.3, True),
    ("SIGTERM", SECOND, 0.03, True),
    ("SIGTERM", "plots", 0.2, False),
    ("SIGINT", SECOND, 0.0, True),
    ("SIGINT", SECOND, 0.1, False),
    ("SIGINT", FIRST, 0.4, True),
    ("SIGINT", "plots", 0.2, False),
]


@posix
@pytest.mark.slow
@pytest.mark.parametrize(("sent", "student", "delay", "again"), MOMENTS)
def test_whenever_a_run_is_interrupted_the_next_one_makes_up_for_it(
    sent: str,
    student: str,
    delay: float,
    again: bool,
    course: Path,
    undisturbed: tuple[Rows, list[str]],
) -> None:
    if again:
        autograde(course)
    folder = autograded(course, student)
    with begun(course, *(["--force"] if again else [])) as process:
        assert until(lambda: is_unfinished(folder))
        time.sleep(delay)
        process.send_signal(getattr(signal, sent))
        process.wait(timeout=60)
    cells = len(undisturbed[0]) // len(STUDENTS)
    for one in STUDENTS:
        whole = [row for row in undisturbed[0] if row[0] == one]
        assert len(whole) == cells
        assert grades(course, one) in (whole, *([] if again else [[]])), one
    autograde(course)
    assert written(course) == undisturbed


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (["SIGKILL"], "ignores signals"),
        (["SIGKILL"], "sleeps"),
        (["SIGTERM"], "spins"),
        (["SIGINT"], "ignores signals"),
        (["SIGINT"] * 2, "spins"),
    ],
)
def test_no_process_outlives_an_interrupted_run(
    sent: list[str], code: str, mode: str, course: Path
) -> None:
    for student in STUDENTS[:3]:
        path = submitted(course, student) / f"{CHAPTER}.ipynb"
        busy = json.loads(path.read_text(encoding="utf-8"))
        busy = answering(busy, "classic_dropout", BUSY[code])
        path.write_text(json.dumps(busy), encoding="utf-8")
    options = (f"--JudgedExecute.sandbox={mode}", "--JudgedExecute.cell_seconds=300")
    with begun(course, *options) as process:
        assert until(lambda: is_unfinished(autograded(course, STUDENTS[0])))
        # Its worker, at least one judge of those who are next, and their workers.
        assert until(lambda: len(family(process.pid)) >= 4)
        time.sleep(random.uniform(0, 4))
        below = family(process.pid)
        for name in sent:
            process.send_signal(getattr(signal, name))
            time.sleep(0.3)
        process.wait(timeout=30)
        assert left_of(below) == set()


# ---- Hindered -----------------------------------------------------------------------


@pytest.mark.slow
def test_a_locked_gradebook_costs_nobody_and_ends_no_run(course: Path) -> None:
    with begun(course) as process:
        assert until(lambda: is_unfinished(autograded(course, SECOND)))
        locked = sqlite3.connect(course / "course" / "gradebook.db")
        locked.execute("begin exclusive")
        # It waits for half a minute and gives this student up.
        third = autograded(course, "perfect")
        assert until(lambda: is_unfinished(third))
        locked.rollback()
        assert process.wait(timeout=120) == 1
    assert "could not be used (database is locked)" in (course / "log").read_text()
    assert grades(course, SECOND) == []
    assert len({row[0] for row in grades(course)}) >= 2
    autograde(course)
    assert {row[0] for row in grades(course)} == set(STUDENTS)
    assert not list((course / "course").rglob("*.unfinished"))


@pytest.mark.slow
@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_folder_that_cannot_be_written_keeps_what_is_in_it(course: Path) -> None:
    autograde(course, "--student", FIRST)
    before = grades(course), sorted(autograded(course, FIRST).iterdir())
    autograded(course, FIRST).parent.chmod(0o555)
    try:
        told = autograde(course, "--force", code=1)
    finally:
        autograded(course, FIRST).parent.chmod(0o755)
    assert f"Not graded, see above: {FIRST}." in told
    assert (
        grades(course, FIRST),
        sorted(autograded(course, FIRST).iterdir()),
    ) == before
    assert {row[0] for row in grades(course)} == set(STUDENTS)


@pytest.mark.slow
def test_two_runs_at_once_leave_each_other_their_students(
    course: Path, undisturbed: tuple[Rows, list[str]]
) -> None:
    mark = Mark.take(mark_path(autograded(course, SECOND)))
    mark.write({CHAPTER})
    told = autograde(course, code=1)
    assert f"{SECOND} is in the hands of another run" in told
    assert f"Not graded, see above: {SECOND}." in told
    assert not autograded(course, SECOND).exists()
    assert {row[0] for row in grades(course)} == set(STUDENTS) - {SECOND}
    mark.release()
    with begun(course, "--force") as one, begun(course, "--force") as other:
        # Who left a student to the other says so by its code; which one does is chance.
        assert {one.wait(timeout=120), other.wait(timeout=120)} <= {0, 1}
    autograde(course)
    assert written(course) == undisturbed


# ---- Dates --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        b"\xff\xfe\x00",
        b"yesterday",
        b"3",
        b"9" * 50,
        b"2026-13-45 10:00",
        b"2026",
        b"2026-05 10:00",
        b"27 November 2026",
        b"0000-00-00 00:00:00",
        b"0001-01-01 00:00:00 +9999999999",
        b"2026-01-01 " + b"0" * 10**6,
        b"9999-12-31 23:59:59 UTC",
        b"2026-01-01 10:00:00 " + b"9" * 70,
        b"2026-01-01 10:00:00 /usr/share/zoneinfo/Europe/Berlin",
        b"2026-01-01 10:00:00 :/usr/share/zoneinfo/Europe/Berlin",
        b"2026-01-01 10:00:00 Europe/../Europe/Berlin",
        b"2026-01-01 10:00:00 MESZ",
        b"2026-01-01 10:00:00 PST",
        b"2026-01-01 10:00:00 Uhr",
        b"2026-01-01 10:00:00 3600",
    ],
)
def test_what_is_no_date_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "timestamp.txt"
    path.write_bytes(content)
    with pytest.raises(NotADate):
        handed_in_at(path)


@pytest.mark.parametrize(
    "text",
    [
        "2015-02-02 15:58:23.948203 UTC",
        "2015-02-02 15:58:23.948203 -0000",
        "2015-02-02 15:58:23.948203",
        "Mon Feb 2 15:58:23.948203 2015\n",
        "2015-02-02T15:58:23.948203Z",
        "2015-02-02 16:58:23.948203 Europe/Berlin",
        "2015-02-02 16:58:23.948203 +0100",
        "2015-02-02 16:58:23.948203 +01:00",
        "2015-02-02 15:58:23.948203 Z",
        "2015-02-02 3:58:23.948203 PM",
        "02/02/2015 03:58:23.948203 pm",
        "\ufeff2015-02-02 15:58:23.948203 UTC",
    ],
)
def test_dates_are_read_as_nbgrader_reads_them(text: str, tmp_path: Path) -> None:
    path = tmp_path / "timestamp.txt"
    path.write_text(text, encoding="utf-8")
    assert handed_in_at(path) == datetime(2015, 2, 2, 15, 58, 23, 948203)
    soon = datetime.now(UTC) + timedelta(hours=12)
    path.write_text(soon.isoformat(" "))
    assert handed_in_at(path) == soon.replace(tzinfo=None)


def test_a_clock_that_is_behind_makes_no_work_early(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    course = CarefulDirectory(root=str(tmp_path))
    course.log = logging.getLogger("behind")
    for days, told in ((0, 0), (30, 1), (20_000, 1)):
        caplog.clear()
        later = datetime.now(UTC) + timedelta(days=days, hours=1)
        (tmp_path / "timestamp.txt").write_text(later.isoformat(" "))
        found = course.get_existing_timestamp(str(tmp_path))
        assert found == later.replace(tzinfo=None)
        assert [f"lies {days} days after" in text for text in caplog.messages] == [
            True
        ] * told


PENALTY = """
from nbgrader.plugins import BasePlugin
class Late(BasePlugin):
    def late_submission_penalty(self, student_id, score, seconds):
        return 1.0
c.AssignLatePenalties.plugin_class = Late
c.CourseDirectory.db_assignments = []
"""


@pytest.mark.slow
def test_a_bad_date_stops_nobody_and_costs_nothing(course: Path) -> None:
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text(encoding="utf-8") + PENALTY, encoding="utf-8")
    with sqlite3.connect(course / "course" / "gradebook.db") as database:
        database.execute("update assignment set duedate = '2020-01-01 00:00:00.000000'")
    dates: dict[str, bytes | None] = {
        FIRST: b"2021-01-01 00:00:00 UTC",
        SECOND: b"9999-12-31 00:00:00 UTC",
        "perfect": b"\xff\xfe",
        "plots": None,
    }
    for student, date in dates.items():
        path = submitted(course, student) / "timestamp.txt"
        if date is None:
            path.mkdir()
            (path / "more.txt").write_text("2021-01-01 00:00:00 UTC")
        else:
            path.write_bytes(date)
    told = autograde(course)
    for student in STUDENTS[1:]:
        assert f"{submitted(course, student) / 'timestamp.txt'} is no date" in told
    penalties = {str(row[0]): row[6] for row in grades(course)}
    assert penalties == {FIRST: 1.0} | dict.fromkeys(STUDENTS[1:])
    for _ in range(2):
        done = run(course, "nbgrader", "generate_feedback", CHAPTER)
        assert done.returncode == 0, done.stderr[-3000:]
    pages = (course / "course" / "feedback").glob(f"*/{CHAPTER}/*.html")
    assert {page.parts[-3] for page in pages} == set(STUDENTS)
