"""nbgrader's exchange, where every account may write, and what formgrader reads of those who
handed in: nobody stops the class, gets another's work, or hands in for another."""

import getpass
import json
import os
import shutil
import socket
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests import fixture_class
from tests.bank import ROOT
from tests.fixture_class import CHAPTER, run

pytest.importorskip("nbgrader")
pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="nbgrader has no exchange on Windows"
)

from nbgrader.api import Gradebook  # noqa: E402
from nbgrader.apps.api import NbGraderAPI  # noqa: E402
from nbgrader.utils import notebook_hash  # noqa: E402

from autograder.course.release import settings  # noqa: E402

ME = getpass.getuser()
TIME = "2026-11-20 10:00:00.000000 UTC"
LATER = "2026-11-20 10:00:01.000000 UTC"
SECRET = "0123456789abcdef" * 8
PATIENCE = 60

#: What is no date, or no file, in the place of a ``timestamp.txt``.
NO_DATES: dict[str, bytes] = {
    "soon": b"soon",
    "empty": b"",
    "thirtieth": b"2026-02-30",
    "zone": b"2026-11-20 10:00:00 +99:99",
    "last-day": b"9999-12-31 23:59:59 -0100",
    "first-day": b"0001-01-01 00:00:00 UTC",
    "later": b"later UTC",
    "no-text": b"\xff",
}


def make_odd_places(folder: Path) -> dict[str, Path]:
    """Return folders in which a ``timestamp.txt`` is no file of theirs."""
    folders = {name: folder / name for name in ("pipe", "zero", "circle", "a-folder")}
    times = {name: place / CHAPTER / "timestamp.txt" for name, place in folders.items()}
    for path in times.values():
        path.parent.mkdir(parents=True)
    os.mkfifo(times["pipe"])
    times["zero"].symlink_to("/dev/zero")
    times["circle"].symlink_to(times["circle"].name)
    times["a-folder"].mkdir()
    return folders


def bare_course(root: Path) -> Path:
    """Return a course of which a chapter's source is there, and no notebook."""
    (root / "course/source" / CHAPTER).mkdir(parents=True)
    (root / "exchange/c1/inbound").mkdir(parents=True)
    (root / "exchange").chmod(0o777)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    (root / "course/gradebook.db").write_bytes(_gradebook())
    return root


@cache
def _gradebook() -> bytes:
    """Return a gradebook without entries: to make one takes seconds."""
    settings(ROOT)  # knows where nbgrader finds the program that makes it
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "gradebook.db")
        Gradebook(f"sqlite:///{path}").close()
        return path.read_bytes()


def api_of(root: Path, **collect: Any) -> NbGraderAPI:
    config = settings(root)
    config.CourseDirectory.course_id = "c1"
    config.Exchange.root = str(root / "exchange")
    config.ExchangeCollect.update(collect)
    return NbGraderAPI(config=config)


def hand_in(root: Path, name: str, text: str = "{}", **files: bytes) -> Path:
    """Put a submission into the exchange, with files beside the notebook."""
    folder = root / "exchange/c1/inbound" / name
    folder.mkdir()
    (folder / f"{CHAPTER}.ipynb").write_text(text)
    for stem, content in files.items():
        (folder / f"{stem}.txt").write_bytes(content)
    return folder


def hand_in_link(root: Path, student: str, target: str | Path) -> None:
    """Put a submission there whose notebook is a link."""
    path = hand_in(root, named(student)) / f"{CHAPTER}.ipynb"
    path.unlink()
    path.symlink_to(target)


def hand_in_pipe(root: Path, student: str) -> None:
    """Put a submission there whose notebook is a pipe."""
    path = hand_in(root, named(student)) / f"{CHAPTER}.ipynb"
    path.unlink()
    os.mkfifo(path)


def named(student: str, time: str = TIME, end: str = "+r") -> str:
    return f"{student}+{CHAPTER}+{time}{end}"


def collected(root: Path) -> dict[str, str]:
    """Return the notebooks that were collected, by student."""
    paths = (root / "course/submitted").glob(f"*/{CHAPTER}/{CHAPTER}.ipynb")
    return {path.parts[-3]: path.read_text() for path in paths}


# ---- Formgrader ---------------------------------------------------------------------

#: As formgrader asks: its pages' two questions, in another time zone than UTC.
ASK = """
import json, sys
from nbgrader.apps.api import NbGraderAPI
from autograder.course.release import settings
from pathlib import Path

config = settings(Path.cwd())
config.NbGraderAPI.timezone = "America/New_York"
api = NbGraderAPI(config=config)
of_all = api.get_submissions("conventions")
each = [api.get_student_submissions(one["student"]) for one in of_all]
times = {one["student"]: one["timestamp"] for one in of_all}
json.dump([times, len(each), api.get_assignment("conventions")["num_submissions"]],
          sys.stdout)
"""


def test_formgrader_shows_a_class_in_which_some_handed_in_no_date(
    tmp_path: Path,
) -> None:
    root = bare_course(tmp_path)
    submitted = root / "course/submitted"
    for name, content in {**NO_DATES, "zoe": b"2026-11-20 10:00:00 UTC"}.items():
        place = submitted / name / CHAPTER
        place.mkdir(parents=True)
        (place / "timestamp.txt").write_bytes(content)
    odd = make_odd_places(submitted)
    (submitted / "two\nlines" / CHAPTER).mkdir(parents=True)
    (submitted / os.fsdecode(b"\xff") / CHAPTER).mkdir(parents=True)
    (root / "ask.py").write_text(ASK)
    done = run(root, "ask", patience=PATIENCE)
    assert done.returncode == 0, done.stderr
    times, students, submissions = json.loads(done.stdout)
    assert times["zoe"] == "2026-11-20T10:00:00"
    assert {times[name] for name in [*NO_DATES, *odd]} == {None}
    assert students == len(times) == submissions


def test_a_course_that_somebody_put_into_the_exchange_stops_no_page(
    tmp_path: Path,
) -> None:
    root = bare_course(tmp_path)
    (root / "exchange/two\nlines/outbound" / CHAPTER).mkdir(parents=True)
    (root / "exchange/c1/outbound" / CHAPTER).mkdir(parents=True)
    config = settings(root)
    config.Exchange.root = str(root / "exchange")
    assert NbGraderAPI(config=config).get_assignments()[0]["name"] == CHAPTER


# ---- Collecting ---------------------------------------------------------------------


def test_who_writes_anothers_name_on_a_folder_hands_in_nothing(tmp_path: Path) -> None:
    root = bare_course(tmp_path)
    hand_in(root, named(ME), "mine")
    hand_in(root, named("zoe", end="+bait"), "not hers")
    for update in (False, True):
        result = api_of(root).collect(CHAPTER, update=update)
        assert result["success"], result
        told = f"NOT COLLECTED: {named('zoe', end='+bait')}: made by {ME}"
        assert told in result["log"]
    assert collected(root) == {ME: "mine"}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="changes owners")
def test_what_another_account_made_later_replaces_nothing(tmp_path: Path) -> None:
    root = bare_course(tmp_path)
    hand_in(root, named(ME), "mine", timestamp=TIME.encode())
    later = hand_in(root, named(ME, LATER), "forged")
    os.chown(later, 54321, -1)
    # A hard link leads to another's file, too.
    linked = hand_in(root, named("nobody"), "the teacher's")
    os.chown(linked, 65534, -1)
    result = api_of(root).collect(CHAPTER, update=True)
    assert (
        f"{named(ME, LATER)}: made by an account without a name (54321)"
        in (result["log"])
    )
    assert (
        f"NOT COLLECTED: nobody: {named('nobody')}: {CHAPTER}.ipynb is no file"
        in (result["log"])
    )
    assert collected(root) == {ME: "mine"}


def test_nobody_in_the_exchange_stops_the_class(tmp_path: Path) -> None:
    """Links, pipes, sizes, names and depths: zoe, who is the last one, is collected."""
    root = bare_course(tmp_path)
    (root / "course/secret").write_text("secret")
    (root / "course/source" / CHAPTER / f"{CHAPTER}.ipynb").write_text("the solution")
    places = root / "exchange/c1/inbound"
    for name, target in {
        "a-solution": root / "course/source" / CHAPTER / f"{CHAPTER}.ipynb",
        "b-zero": Path("/dev/zero"),
    }.items():
        hand_in_link(root, name, target)
    hand_in_pipe(root, "c-pipe")
    large = hand_in(root, named("d-large")) / f"{CHAPTER}.ipynb"
    os.truncate(large, 200_000_000)
    beside = hand_in(root, named("e-beside"), "hers")
    (beside / "stolen").symlink_to(root / "course/secret")
    (beside / "all").symlink_to(root / "course", target_is_directory=True)
    os.mkfifo(beside / "pipe")
    (beside / "own").mkdir()
    (beside / "own" / "data.csv").write_text("1")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(beside)  # a socket's path is short
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
    deep = hand_in(root, named("f-deep"), "deep")
    for _ in range(60):
        deep = deep / "d"
        deep.mkdir()
    many = hand_in(root, named("g-many"), "many")
    for number in range(1_200):
        (many / f"{number}.dat").touch()
    odd = [named("h-odd", "zzz"), named("h-odd", ""), named("i-file"), named("x<b>")]
    odd += [named(os.fsdecode(b"\xff"), "zzz"), named("j-link"), named("", TIME)]
    for name in odd[:2]:
        hand_in(root, name)
    (places / odd[2]).touch()
    hand_in(root, odd[3])
    (places / odd[4]).mkdir()
    (places / odd[5]).symlink_to(root / "course", target_is_directory=True)
    (places / odd[6]).mkdir()
    hand_in(root, f"k+plus+{CHAPTER}+{TIME}", "of before the secret")
    hand_in(root, named("zoe"), "zoe's")

    result = api_of(root, check_owner=False).collect(CHAPTER)
    assert "Traceback" not in result["log"]
    assert collected(root) == {
        "e-beside": "hers",
        "f-deep": "deep",
        "g-many": "many",
        "k+plus": "of before the secret",
        "zoe": "zoe's",
    }
    for name in ("a-solution", "b-zero", "c-pipe", "d-large"):
        assert f"NOT COLLECTED: {name}: " in result["log"]
        assert not (root / "course/submitted" / name / CHAPTER).exists()
    made = root / "course/submitted/e-beside" / CHAPTER
    names = {path.name for path in made.rglob("*")}
    assert names == {f"{CHAPTER}.ipynb", "own", "data.csv"}
    assert "e-beside: left out: all, pipe, socket and 1 more" in result["log"]
    assert "Passed over, as no folders named" in result["log"]
    assert len(list((root / "course/submitted/g-many" / CHAPTER).iterdir())) == 1_000
    assert not list((root / "course/submitted").rglob(".*"))

    (root / "exercises" / CHAPTER).mkdir(parents=True)
    assert api_of(root).release_assignment(CHAPTER)["success"]


def test_a_date_that_is_none_is_updated(tmp_path: Path) -> None:
    root = bare_course(tmp_path)
    dates = {**NO_DATES, "earlier": b"2026-11-20 09:00:00 UTC"}
    for student, there in dates.items():
        hand_in(root, named(student), "old", timestamp=there)
    hand_in(root, named("zoe"), "zoe's", timestamp=TIME.encode())
    api = api_of(root, check_owner=False)
    assert api.collect(CHAPTER, update=False)["success"]
    for student in dates:
        hand_in(root, named(student, LATER), "new")
    assert "already exists" in api.collect(CHAPTER, update=False)["log"]
    assert collected(root) == dict.fromkeys(dates, "old") | {"zoe": "zoe's"}
    result = api.collect(CHAPTER, update=True)
    assert result["success"], result
    assert collected(root) == dict.fromkeys(dates, "new") | {"zoe": "zoe's"}
    assert "No newer submission to collect: zoe" in result["log"]


def test_work_that_cannot_be_copied_leaves_what_was_there(tmp_path: Path) -> None:
    root = bare_course(tmp_path)
    hand_in(root, named("ann"), "old", timestamp=TIME.encode())
    api = api_of(root, check_owner=False)
    api.collect(CHAPTER)
    path = hand_in(root, named("ann", LATER)) / f"{CHAPTER}.ipynb"
    path.unlink()
    os.mkfifo(path)
    result = api.collect(CHAPTER, update=True)
    assert not result["success"]
    assert "what was there stays" in result["log"]
    assert collected(root) == {"ann": "old"}


def test_no_attempt_without_work_takes_the_place_of_one_with(tmp_path: Path) -> None:
    """A submit that was cut off, or is under way."""
    root = bare_course(tmp_path)
    hand_in(root, named("ann"), "whole")
    for time in (LATER, LATER.replace("10:", "11:")):
        (hand_in(root, named("ann", time)) / f"{CHAPTER}.ipynb").unlink()
    (hand_in(root, named("bob"), "none") / f"{CHAPTER}.ipynb").unlink()
    options = (*exchange_options(root), "--ExchangeCollect.check_owner=False")
    for update in ((), ("--update",), ("--update",)):
        done = run(root, "nbgrader", "collect", CHAPTER, *options, *update)
        assert collected(root) == {"ann": "whole"}
        assert "ann: a later attempt" in done.stderr and "counts until" in done.stderr
        assert "NOT COLLECTED: bob" in done.stderr and "no notebook" in done.stderr
    hand_in(root, named("ann", LATER.replace("10:", "12:")), "better")
    run(root, "nbgrader", "collect", CHAPTER, *options, "--update")
    assert collected(root) == {"ann": "better"}


def test_a_target_behind_a_link_is_not_written(tmp_path: Path) -> None:
    root = bare_course(tmp_path)
    elsewhere = root / "elsewhere"
    (elsewhere / CHAPTER).mkdir(parents=True)
    (root / "course/submitted").mkdir()
    (root / "course/submitted/ann").symlink_to(elsewhere, target_is_directory=True)
    hand_in(root, named("ann"), "ann's")
    result = api_of(root, check_owner=False).collect(CHAPTER, update=True)
    assert "lies behind a link" in result["log"]
    assert not list((elsewhere / CHAPTER).iterdir())


def test_a_namesakes_folder_from_a_platform_stays_the_namesakes(tmp_path: Path) -> None:
    root = bare_course(tmp_path)
    theirs = root / "course/submitted/zoe" / CHAPTER / f"{CHAPTER}.ipynb"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("the namesake's")
    whose = json.dumps({"zoe": {"Gradescope": ["zoe@x.edu"]}})
    (root / "course/submitted.whose.json").write_text(whose)
    hand_in(root, named("ann"), "ann's")
    hand_in(root, named("zoe"), "zoe's")
    result = api_of(root, check_owner=False).collect(CHAPTER, update=True)
    assert "is of Gradescope; where both are one student" in result["log"]
    assert collected(root) == {"ann": "ann's", "zoe": "the namesake's"}


def test_the_last_attempt_before_the_due_date_counts(tmp_path: Path) -> None:
    root = bare_course(tmp_path)
    for hour in (8, 9, 11):
        time = f"2026-11-20 {hour:02}:00:00.000000 UTC"
        hand_in(root, named("ann", time), f"at {hour}", timestamp=time.encode())
    api = api_of(root, check_owner=False, before_duedate=True)
    with api.gradebook as gradebook:
        gradebook.add_assignment(CHAPTER, duedate="2026-11-20 10:00:00 UTC")
    assert api.collect(CHAPTER)["success"]
    assert collected(root) == {"ann": "at 9"}


# ---- What else an instructor asks of the exchange ------------------------------------


def exchange_options(root: Path) -> tuple[str, ...]:
    return ("--course=c1", f"--Exchange.root={root / 'exchange'}")


def test_listing_what_was_handed_in_opens_no_pipe_and_reads_no_device(
    tmp_path: Path,
) -> None:
    root = bare_course(tmp_path)
    for name, target in {"a-zero": "/dev/zero", "b-self": f"{CHAPTER}.ipynb"}.items():
        hand_in_link(root, name, target)
    hand_in_pipe(root, "c-pipe")
    hand_in(root, named("d-secret"), submission_secret=b"\xff")
    large = hand_in(root, named("e-secret")) / "submission_secret.txt"
    large.symlink_to("/dev/zero")
    (hand_in(root, named("f-folder")) / "x.ipynb").mkdir()
    (root / "exchange/c1/inbound" / named("g-link")).symlink_to(root / "course")
    (root / "exchange/c1/inbound" / named("two\nlines")).mkdir()
    hand_in(root, named("zoe"), submission_secret=SECRET.encode())
    words = ("nbgrader", "list", "--inbound", *exchange_options(root))
    done = run(root, *words, patience=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert f"c1 zoe {CHAPTER} {TIME} (no feedback available)" in done.stderr
    assert "\nlines" not in done.stderr
    done = run(root, *words, "--remove", patience=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert not list((root / "exchange/c1/inbound").iterdir())
    assert (root / "course/source").is_dir()


def test_feedback_is_released_by_the_commands_alone(tmp_path: Path) -> None:
    root = fixture_class.new_course(tmp_path)
    options = exchange_options(root)

    def nbgrader(command: str, *more: str) -> str:
        done = run(root, "nbgrader", command, CHAPTER, *more)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    nbgrader("generate_assignment")
    (root / "exchange").mkdir()
    (root / "exchange").chmod(0o777)
    nbgrader("release_assignment", *options)
    released = root / "exchange/c1/outbound" / CHAPTER / f"{CHAPTER}.ipynb"
    starter = json.loads(released.read_text("utf-8"))
    secrets = {
        "ann": SECRET.encode(),
        "bob": None,
        "cat": b"\xff",
        "dan": b"",
        "eve": b"the-same",
        "eva": b"the-same",
        "zoe": SECRET[::-1].encode(),
    }
    for number, (student, secret) in enumerate(secrets.items()):
        text = fixture_class.other(starter, number).decode()
        files = {} if secret is None else {"submission_secret": secret}
        time = b"soon" if student == "ann" else TIME.encode()
        hand_in(root, named(student), text, timestamp=time, **files)
    nbgrader("collect", *options, "--ExchangeCollect.check_owner=False")
    nbgrader("autograde")
    nbgrader("generate_feedback")
    told = nbgrader("release_feedback", *options)
    for student in ("bob", "cat", "dan"):
        assert f"NOT RELEASED: {student}: no submission_secret.txt" in told
    for one, other in (("eva", "eve"), ("eve", "eva")):
        refused = f"NOT RELEASED: {one}: {other} has one secret with them"
        assert refused in told
        # Nor asked for alone, nor where the other's page is not made yet.
        theirs = (root / "course/feedback" / other).rename(root / "away")
        assert refused in nbgrader("release_feedback", *options, f"--student={one}")
        theirs.rename(root / "course/feedback" / other)
    pages = root / "exchange/c1/feedback"
    for student in ("ann", "zoe"):
        secret = secrets[student]
        assert secret is not None
        name = notebook_hash(secret=secret.decode(), notebook_id=CHAPTER)
        page = root / "course/feedback" / student / CHAPTER / f"{CHAPTER}.html"
        assert (pages / f"{name}.html").read_bytes() == page.read_bytes()
    assert len(list(pages.iterdir())) == 2

    # The whole class at once lets the same two files through, of what is graded anew.
    new = fixture_class.other(starter, 99).decode()
    hand_in(root, named("zoe", LATER), new, submission_secret=b"another")
    nbgrader("collect", *options, "--update", "--ExchangeCollect.check_owner=False")
    words = ("autograder", "grade", "course/submitted", "--gradebook", CHAPTER)
    done = run(root, *words)
    assert done.returncode == 0, done.stderr
    nbgrader("generate_feedback")
    nbgrader("release_feedback", *options)
    name = notebook_hash(secret="another", notebook_id=CHAPTER)
    page = root / "course/feedback/zoe" / CHAPTER / f"{CHAPTER}.html"
    assert (pages / f"{name}.html").read_bytes() == page.read_bytes()
    assert not (page.parent / "timestamp.txt").exists()
