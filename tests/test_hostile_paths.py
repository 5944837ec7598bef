"""Paths that the system gives no answer on: links to names that are too long, folders that
the teacher's account may not enter, paths as long as there can be. Whose they are gets a
sentence, and everybody else what they would have got."""

import ast
import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.contract import here
from autograder.isolation.bubblewrap import bubblewrap
from tests import fixture_class
from tests.bank import ROOT
from tests.test_classroom import SETTINGS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")

CHAPTER = fixture_class.CHAPTER
LONG = "a" * 300
#: Root may enter every folder; teachers are seldom root.
AS_ANYBODY = [
    *("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
]


def anybody(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run ``python -m …`` as an account that is bound by modes."""
    start: list[str] = []
    if os.geteuid() == 0:
        if shutil.which(AS_ANYBODY[0]) is None:
            pytest.skip("root, and no setpriv (apt install util-linux)")
        start = AS_ANYBODY
    return subprocess.run(
        [*start, sys.executable, "-m", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def write(path: Path, text: str = SETTINGS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def nested(folder: Path, length: int) -> None:
    """Make folders in one another, the last with a path of so many characters, and in that
    a folder and a file, whose paths are longer than any may be."""
    folder.mkdir(parents=True)
    place = os.open(folder, os.O_RDONLY)
    left = length - len(str(folder))
    while left > 1:
        name = "d" * min(250, left - 1 if left != 252 else 249)
        os.mkdir(name, dir_fd=place)
        below = os.open(name, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place, left = below, left - len(name) - 1
    os.mkdir("e" * 100, dir_fd=place)
    os.close(os.open(f"{'f' * 50}.py", os.O_CREAT | os.O_WRONLY, dir_fd=place))
    os.close(place)


@pytest.fixture
def place(deep_path: Path) -> Path:
    return deep_path


def hostile(folder: Path) -> Path:
    """Write a class below a folder, in which one student wants no harm."""
    write(folder / "ann/a.py")
    (folder / "long").symlink_to(LONG)
    (folder / "longfile").mkdir()
    (folder / "longfile/x.py").symlink_to(LONG)
    write(folder / "._c.txt", "")
    (folder / "c.txt").symlink_to(LONG)
    (folder / "lk.py").symlink_to(LONG)
    for mode in (0o444, 0o400, 0o000):
        write(folder / f"shut{mode:o}/d/f.py")
        (folder / f"shut{mode:o}/d/e").mkdir()
        (folder / f"shut{mode:o}/d").chmod(mode)
    write(folder / "closed/a.py")
    (folder / "closed").chmod(0)
    nested(folder / "deep", 4080)
    return folder


@pytest.mark.parametrize("closed", ["class", "."])
def test_a_class_that_may_not_be_read_is_said_to_be_one(
    closed: str, place: Path
) -> None:
    write(place / "course/class/ann/a.py")
    (place / "course" / closed).chmod(0)
    done = anybody("autograder", "grade", "course/class", cwd=place)
    (place / "course" / closed).chmod(0o700)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert "read" in done.stderr and "There is no" not in done.stderr, done.stderr


def test_temporary_files_where_nbgrader_cannot_be_are_told_so(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course, odd = fixture_class.new_course(place / "course"), place / "a [b]"
    odd.mkdir()
    monkeypatch.setenv("TMPDIR", str(odd))
    done = fixture_class.run(course, "autograder", "build", CHAPTER)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"temporary files, {odd}, has [ and ] in its path" in done.stderr
    assert "set TMPDIR to another one" in done.stderr


def test_a_place_where_nothing_can_be_built_is_told(place: Path) -> None:
    course = fixture_class.new_course(place / "course")
    shutil.rmtree(course / "exercises")
    (course / "exercises").write_text("")
    done = fixture_class.run(course, "autograder", "build", CHAPTER)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert "exercises" in done.stderr


@pytest.mark.parametrize("name", ["a?b", "a%20b", "co[2026]", "a*"])
def test_a_course_where_nbgrader_cannot_be_is_told_so(name: str, place: Path) -> None:
    course = fixture_class.new_course(place / "course").rename(place / name)
    done = fixture_class.run(
        course, "autograder", "grade", "course/submitted", "--gradebook", CHAPTER
    )
    assert done.returncode and "move it, or give it another name" in done.stderr
    assert "Traceback" not in done.stderr
    assert not [path for path in place.iterdir() if path.name != name]


@pytest.mark.parametrize("command", ["export", "generate_assignment"])
def test_a_gradebook_that_is_none_is_said_in_a_sentence(
    command: str, place: Path
) -> None:
    course = fixture_class.new_course(place / "course")
    (course / "course").mkdir(exist_ok=True)
    (course / "course" / "gradebook.db").write_text("no gradebook")
    words = () if command == "export" else (CHAPTER, "--force")
    done = fixture_class.run(course, "nbgrader", command, *words)
    assert done.returncode and "Traceback" not in done.stderr, done.stderr
    assert "file is not a database" in done.stderr


def test_a_table_that_cannot_be_written_is_said_in_a_sentence(place: Path) -> None:
    course = fixture_class.new_course(place / "course")
    done = fixture_class.run(course, "nbgrader", "generate_assignment", CHAPTER)
    assert done.returncode == 0, done.stderr
    done = fixture_class.run(course, "nbgrader", "export", f"--to={place}")
    assert done.returncode and "Traceback" not in done.stderr, done.stderr
    assert f"{place}: Is a directory. Nothing was exported." in done.stderr


def test_a_folder_that_is_no_course_gets_no_secret(place: Path) -> None:
    write(place / "a.py")
    done = fixture_class.run(place, "autograder", "grade", ".", "--gradebook", CHAPTER)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert sorted(path.name for path in place.iterdir()) == ["a.py"]


def test_a_disk_without_room_is_said_in_a_sentence(place: Path) -> None:
    course = fixture_class.new_course(place / "course")
    notebook = course / f"course/submitted/ann/{CHAPTER}/{CHAPTER}.ipynb"
    notebook.parent.mkdir(parents=True)
    shutil.copy(course / f"exercises/{CHAPTER}/{CHAPTER}.ipynb", notebook)
    graded = ("autograder", "grade", "course/submitted", "--gradebook", CHAPTER)
    assert fixture_class.run(course, *graded).returncode == 0
    # Smaller than any page and gradebook: what the system refuses is as on a full disk.
    limited = 'ulimit -f 100 && exec "$0" -m nbgrader "$@"'
    for command, said in (
        ("generate_feedback", "Not written: File too large. Mend that; run"),
        ("autograde", "The gradebook could not be used (disk I/O error); it stays"),
        ("generate_assignment", "could not be used (disk I/O error). Run the same"),
    ):
        done = subprocess.run(
            ["bash", "-c", limited, sys.executable, command, CHAPTER, "--force"],
            cwd=course,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode and "Traceback" not in done.stderr, done.stderr
        assert said in done.stderr
        notebook.write_text(notebook.read_text().replace("Your code", "My code"))


@pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap does not work here")
def test_an_account_without_a_home_is_told_what_to_do(place: Path) -> None:
    course = fixture_class.new_course(place / "course")
    write(course / f"course/submitted/ann/{CHAPTER}/{CHAPTER}.ipynb", "{}")
    words = ("-m", "autograder", "grade", "course/submitted", "--gradebook", CHAPTER)
    # Whose files are these, wherever the project lies; no name is known of 4321.
    account = [
        "--unshare-user",
        "--uid",
        "4321",
        "--gid",
        "4321",
        "--dev-bind",
        "/",
        "/",
    ]
    done = subprocess.run(
        ["bwrap", *account, "--", sys.executable, *words],
        cwd=course,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 2 and "set HOME to a folder" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_grade(place: Path) -> None:
    hostile(place / "class")
    done = anybody("autograder", "grade", "class", "--sandbox", "off", cwd=place)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert "2 of 10  ann/a.py" in done.stdout, done.stdout
    for name, why in (
        ("lk.py", "File name too long"),
        ("longfile/x.py", "File name too long"),
        ("shut444/d/f.py", "Permission denied"),
        ("shut400/d/f.py", "Permission denied"),
        ("closed", "Permission denied"),
    ):
        last = name.rpartition("/")[2]
        assert f"  {name}: {last} cannot be read: {why}." in done.stdout
    assert "shut0" in done.stdout and "deep" in done.stdout, done.stdout
    assert "the grader failed" not in done.stdout


def test_collect(place: Path) -> None:
    hostile(place / "class")
    submitted = place / "course/submitted"
    write(submitted / "shut/.whose.json", "[")
    (submitted / "shut").chmod(0o400)
    (submitted / "x").symlink_to(LONG)
    (submitted / "y").mkdir()
    (submitted / "y/.whose.json").symlink_to(LONG)
    write(submitted / "z/.whose.json", "[")
    done = anybody("autograder", "collect", "class", CHAPTER, cwd=place)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "✓ ann: ann/a.py." in done.stdout
    assert (submitted / "ann" / CHAPTER / f"{CHAPTER}.ipynb").is_file()
    for student in ("lk", "longfile", "shut444", "shut400", "closed"):
        assert f"✗ {student}: " in done.stdout, done.stdout


def test_pytest(place: Path) -> None:
    hostile(place / "class")
    files = ("lk.py", "ann/a.py", "shut444/d/f.py")
    words = [f"--submission=class/{name}" for name in files]
    done = anybody("pytest", "-q", *words, "--submission-sandbox=off", cwd=place)
    told = done.stdout + done.stderr
    assert "INTERNALERROR" not in told and "a.py: 2 of 10" in told, told
    assert "File name too long" in told and "Permission denied" in told


def test_check(place: Path) -> None:
    hostile(place / "class")
    done = anybody("autograder", "check", "class/lk.py", cwd=place)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "lk.py cannot be read: File name too long." in done.stdout


def test_the_gradebook(place: Path) -> None:
    pytest.importorskip("nbgrader")
    course = fixture_class.new_course(place / "course")
    done = fixture_class.run(course, "nbgrader", "generate_assignment", CHAPTER)
    assert done.returncode == 0, done.stderr
    released = course / "exercises" / CHAPTER / f"{CHAPTER}.ipynb"
    notebook = json.dumps(
        fixture_class.solved(course, json.loads(released.read_text("utf-8")))
    )
    submitted = course / "course/submitted"
    for student in ("ann", "date", "m400", "m444"):
        write(submitted / student / CHAPTER / f"{CHAPTER}.ipynb", notebook)
    (submitted / "date" / CHAPTER / "timestamp.txt").symlink_to(LONG)
    (submitted / "work" / CHAPTER).mkdir(parents=True)
    (submitted / "work" / CHAPTER / f"{CHAPTER}.ipynb").symlink_to(LONG)
    (submitted / "x").symlink_to(LONG)
    (submitted / "m400" / CHAPTER).chmod(0o400)
    (submitted / "m444" / CHAPTER).chmod(0o444)
    nested(submitted / "deep", 4080)
    options = ("--gradebook", CHAPTER, "--sandbox", "off")
    done = anybody("autograder", "grade", "course/submitted", *options, cwd=course)
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr
    assert fixture_class.run(course, "nbgrader", "export").returncode == 0
    with (course / "grades.csv").open(encoding="utf-8", newline="") as file:
        scores = {row["student_id"]: row["score"] for row in csv.DictReader(file)}
    assert scores["ann"] == scores["date"] == "10.0", scores
    assert all(scores[student] == "0.0" for student in ("m400", "m444", "work"))
    done = anybody("nbgrader", "autograde", CHAPTER, "--force", cwd=course)
    assert "Traceback" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    "question", [here.is_there, here.is_file, here.is_folder, here.is_link]
)
def test_a_question_that_the_system_does_not_answer_is_answered_no(
    question: object, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(LONG)
    for path in (tmp_path / LONG, "a\0b", "a/" * 3000):
        assert question(path) is False  # type: ignore[operator]
    assert question(tmp_path / "link") is (question is here.is_link)  # type: ignore[operator]


#: What these ask of paths is the system's, or the account's own, and raises on purpose.
THEIR_OWN = {
    *("isolation/private.py", "grading/secret.py", "worker/landlock.py"),
    *("worker/__main__.py", "worker/server.py"),
}
ASKED = {"exists", "is_file", "is_dir", "is_symlink", "is_mount", "samefile"}
#: Entries of a folder and of an archive, which know it; and what raises nothing.
ENTRIES = {"entry", "m", "member", "os.path"}


def test_no_module_asks_a_path_what_the_system_may_not_answer() -> None:
    """``contract/here.py`` has the questions, and says why."""
    for path in sorted((ROOT / "autograder").rglob("*.py")):
        if path.relative_to(ROOT / "autograder").as_posix() in THEIR_OWN:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ASKED:
                own = ast.unparse(node.value)
                assert own in ENTRIES, f"{path.name}: {own}.{node.attr}"
