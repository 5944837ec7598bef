"""A course outside this repository: exercises of its own, through every door."""

import builtins
import html
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from autograder.contract import outside
from autograder.course import new
from autograder.course.source import GUARDED_IMPORT
from autograder.doors.exercise_test import EXACT, RANDOM
from autograder.isolation.bubblewrap import bubblewrap
from tests import fixture_class
from tests.bank import ROOT

SOLVED = """
def masked(x, keep_prob, rng):
    return x * (rng.random(x.shape) < keep_prob)
"""
WRONG = """
def masked(x, keep_prob, rng):
    return x * (rng.random(x.shape) > keep_prob)
"""
NAMED = "entries are kept with probability 1 − keep_prob."


def run(
    folder: Path, *arguments: str, code: int = 0, **variables: str
) -> "subprocess.CompletedProcess[str]":
    done = fixture_class.run(folder, *arguments, **variables)
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with one exercise of its own, ``masked``, and two students."""
    root = tmp_path_factory.mktemp("a course")
    made = run(root, "autograder", "new", "masked").stdout.splitlines()
    assert made == [
        "solutions/own.md",
        "checks/own/masked.py",
        "answers/own/masked.py",
        "checks/own/__init__.py",
        "nbgrader_config.py",
        "Now: python -m autograder test masked",
    ]
    (root / "handed in").mkdir()
    (root / "handed in/anna.py").write_text(SOLVED, encoding="utf-8")
    (root / "handed in/ben.py").write_text(WRONG, encoding="utf-8")
    return root


def copy_of(course: Path, folder: Path) -> Path:
    for name in ("solutions", "checks", "answers"):
        shutil.copytree(course / name, folder / name)
    shutil.copy(course / "nbgrader_config.py", folder)
    return folder


# ---- A new exercise, tested alone ---------------------------------------------------


def test_a_new_exercise_passes_its_own_test(course: Path) -> None:
    told = run(course, "autograder", "test", "masked", "--seeds", "2").stdout
    lines = told.splitlines()
    assert all(line.startswith("✓ ") for line in lines)
    assert "6 mutants fail what they name" in told
    assert "4 correct styles lose no point" in told
    assert "at most 1e-09" in told
    assert re.match(
        r"✓ masked \(own\), 4 points, 2 seeds: is as it should be", lines[-1]
    )


def test_a_second_exercise_goes_into_the_same_chapter(
    course: Path, tmp_path: Path
) -> None:
    root = copy_of(course, tmp_path)
    run(root, "autograder", "new", "masked_twice")
    listed = (root / "checks/own/__init__.py").read_text(encoding="utf-8")
    assert listed.endswith('EXERCISES = (\n    "masked",\n    "masked_twice",\n)\n')
    (notebook,) = run(root, "autograder", "build").stdout.split()
    text = (root / notebook).read_text(encoding="utf-8")
    assert 'check(\\"masked_twice\\")' in text
    assert "rng.random(x.shape)" not in text
    told = run(root, "autograder", "test", "masked_twice", "--seeds", "1").stdout
    assert "✗" not in told


def test_what_is_wrong_with_an_exercise_is_told(course: Path, tmp_path: Path) -> None:
    root = copy_of(course, tmp_path)
    path = root / "answers/own/masked.py"
    text = path.read_text(encoding="utf-8")
    text = text.replace('RATE, "masked_ignores', 'INDEPENDENT, "masked_ignores')
    text = text.replace("x * rng.binomial(1, keep_prob, x.shape)", "None")
    text = re.sub(r"(?s)    @fails\(UNCHANGED, .*?\n\n", "", text)
    path.write_text(text, encoding="utf-8")
    done = run(root, "autograder", "test", "masked", "--seeds", "1", code=1)
    for said in (
        "tosses_a_coin: seed 0: does not fail drops_entries_independently, but "
        "['keeps_entries_at_the_stated_rate']",
        "with_binomial: seed 0: returns_floats_shaped_like_x failed: masked(x of",
        "kept_entries_are_unchanged is failed by none",
        "4 mutants; expected 6 or more",
        "is not yet as it should be",
    ):
        assert said in done.stdout


def test_an_exercise_of_the_book_is_tested_the_same_way() -> None:
    told = run(ROOT, "autograder", "test", "classic_settings", "--seeds", "1").stdout
    assert "✗" not in told
    assert "classic_settings (conventions), 2 points" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("masked",), "There is an exercise named masked already"),
        (("inverted_dropout",), "There is an exercise named inverted_dropout already"),
        (("two words",), "'two words' is no name for an exercise"),
        (("Masked",), "expected 2 to 60 small letters, digits and _"),
        (("sum",), "'sum' is taken by Python, which knows it everywhere"),
        (("lambda",), "'lambda' is taken by Python, as a word of the language"),
        (("check",), "'check' is taken by the grader"),
        (("np",), "'np' is taken by NumPy"),
        (
            ("fresh", "--chapter", "found"),
            "'found' is taken by a notebook's first cell",
        ),
        (("fresh", "--chapter", "energy"), "The chapter 'energy' lies in"),
    ],
)
def test_new_overwrites_nothing(
    course: Path, arguments: tuple[str, ...], said: str
) -> None:
    files = {path: path.stat().st_mtime_ns for path in course.rglob("*.*")}
    assert said in run(course, "autograder", "new", *arguments, code=2).stderr
    assert all(path.stat().st_mtime_ns == time for path, time in files.items())


def test_no_name_is_left_that_the_notebooks_first_cell_binds() -> None:
    names = compile(GUARDED_IMPORT, "the first cell", "exec").co_names
    assert {name for name in names if not hasattr(builtins, name)} <= new._TAKEN.keys()


def test_in_this_repository_new_names_contributing() -> None:
    done = run(ROOT, "autograder", "new", "masked", code=2)
    assert "CONTRIBUTING.md says where" in done.stderr


def test_contributing_states_the_quotas() -> None:
    text = " ".join((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split())
    numbers = {2: "two", 4: "four", 6: "six"}
    for quota in (RANDOM, EXACT):
        styles, mutants = numbers[quota.styles], numbers[quota.mutants]
        assert f"{styles} correct styles and {mutants} mutants" in text


# ---- Every door ---------------------------------------------------------------------


def test_the_command_line_grades_it(course: Path) -> None:
    where = ("--exercises", "checks")
    told = run(course, "autograder", "check", "handed in/ben.py", *where).stdout
    assert NAMED in told
    assert "See" not in told  # the example names no page
    report = course / "report.json"
    run(
        course,
        "autograder",
        "check",
        "handed in/anna.py",
        *where,
        "--json",
        str(report),
    )
    found = json.loads(report.read_text(encoding="utf-8"))
    assert (found["score"], found["max_score"]) == (4, 4)
    graded = run(course, "autograder", "grade", "handed in", *where, "-j", "2").stdout
    assert "4 of 4  anna.py" in graded
    assert "2 of 4  ben.py" in graded
    assert "own: masked" in run(course, "autograder", "audit", "own", *where).stdout


def test_a_folder_beside_a_submission_is_not_looked_into(course: Path) -> None:
    done = run(course, "autograder", "check", "handed in/anna.py", code=1)
    assert "It defines none of the exercises' functions" in done.stdout


def test_pytest_grades_it(course: Path) -> None:
    where = {"DROPOUT_EXERCISES": str(course / "checks")}
    options = ("-q", "-p", "no:cacheprovider", "--submission", "handed in/ben.py")
    by_variable = run(course, "pytest", *options, code=1, **where).stdout
    by_option = run(
        course, "pytest", *options, "--submission-exercises", "checks", code=1
    ).stdout
    for told in (by_variable, by_option):
        assert NAMED in " ".join(told.split())
        assert "2 passed, 1 failed, 1 skipped" in told or "1 failed, 2 passed" in told


def test_a_notebook_checks_it(course: Path, tmp_path: Path) -> None:
    code = f"from autograder import check\n{SOLVED}\nprint(check('masked'))"
    (tmp_path / "cells.py").write_text(code, encoding="utf-8")
    where = {"DROPOUT_EXERCISES": str(course / "checks")}
    assert run(tmp_path, "cells", **where).stdout.endswith("\n4.0\n")


def test_stock_nbgrader_grades_it(course: Path, tmp_path: Path) -> None:
    root = copy_of(course, tmp_path)
    run(root, "autograder", "build")
    release = json.loads((root / "exercises/own/own.ipynb").read_text(encoding="utf-8"))
    for student, answer in {"anna": SOLVED, "ben": WRONG}.items():
        for cell in release["cells"]:
            if cell["id"] == "masked":
                cell["source"] = answer
        target = root / f"course/submitted/{student}/own/own.ipynb"
        target.parent.mkdir(parents=True)
        target.write_text(json.dumps(release), encoding="utf-8")
    for command in ("generate_assignment", "autograde", "generate_feedback"):
        run(root, "nbgrader", command, "own")
    run(root, "nbgrader", "export", "--to", "grades.csv")
    rows = (root / "grades.csv").read_text(encoding="utf-8").splitlines()
    column = rows[0].split(",").index("score")
    assert [float(row.split(",")[column]) for row in rows[1:]] == [4, 2]
    page = (root / "course/feedback/ben/own/own.html").read_text(encoding="utf-8")
    assert NAMED in html.unescape(page)


# ---- An installed package -----------------------------------------------------------


@pytest.fixture(scope="module")
def package(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages in which the course's exercises are installed."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(course / "checks", site / "my_course/graded")
    (site / "my_course/__init__.py").write_text("", encoding="utf-8")
    (site / "my_course/answers.py").write_text("KEY = 42", encoding="utf-8")
    about = site / "my_course-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: my-course\nVersion: 1.0\n"
    )
    (about / "entry_points.txt").write_text(
        f"[{outside.GROUP}]\nmine = my_course.graded\n", encoding="utf-8"
    )
    return site


def test_an_installed_package_is_found(course: Path, package: Path) -> None:
    done = run(
        course, "autograder", "check", "handed in/ben.py", PYTHONPATH=str(package)
    )
    assert NAMED in done.stdout


def test_an_entry_point_to_nothing_is_told(
    course: Path, package: Path, tmp_path: Path
) -> None:
    about = tmp_path / "empty-1.0.dist-info"
    shutil.copytree(package / "my_course-1.0.dist-info", about)
    done = run(course, "autograder", "check", "x.py", code=2, PYTHONPATH=str(tmp_path))
    assert "my_course.graded" in done.stderr
    assert "Traceback" not in done.stderr


# ---- What does not load -------------------------------------------------------------

#: What is written below the course, and what is then said.
BROKEN = {
    "a chapter of the book's": (
        "checks/energy/__init__.py",
        'EXERCISES = ("masked",)',
        "has a chapter 'energy', as the book has: rename it.",
    ),
    "a slip": (
        "checks/own/masked.py",
        "\n\nexercise = Exercises()",
        r"'own' do not load: NameError: .*masked.py, line 3\)",
    ),
    "no list": ("checks/own/__init__.py", "", "has no attribute 'EXERCISES'"),
    "a module that is not there": (
        "checks/own/__init__.py",
        'EXERCISES = ("other",)',
        "No module named 'autograder.checks.own.other'",
    ),
    "no exercise": (
        "checks/own/masked.py",
        "",
        r"masked.py: expected exercise = Exercise\('masked', chapter='own'",
    ),
    "one of the book's": (
        "checks/own/masked.py",
        "from autograder.contract.exercise import Exercise\n"
        'Exercise("byte_dropout", "own", "t", "byte_dropout(x) -> y", "")',
        "byte_dropout is registered twice",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_does_not_load_is_told_in_one_sentence(
    what: str, course: Path, tmp_path: Path
) -> None:
    path, text, said = BROKEN[what]
    root = copy_of(course, tmp_path)
    (root / path).parent.mkdir(exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")
    shutil.copy(course / "handed in/anna.py", root)
    done = run(root, "autograder", "check", "anna.py", "--exercises", "checks", code=2)
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("value", ["checks", "/no/such/folder"])
def test_a_variable_that_names_no_folder_is_told(course: Path, value: str) -> None:
    done = run(
        course,
        "autograder",
        "check",
        "handed in/anna.py",
        code=2,
        DROPOUT_EXERCISES=value,
    )
    assert f"DROPOUT_EXERCISES names {value}; expected the whole path" in done.stderr


# ---- What students' code sees of it -------------------------------------------------

PRIES = """
import importlib, os
seen = []
def attempt(what, *args):
    try:
        what(*args)
        seen.append((what.__name__, *map(str, args)))
    except (OSError, ImportError):
        pass
for place in PLACES:
    if "checks" in place and os.path.isdir(place) and os.listdir(place):
        seen.append(place)
    for name in ("own/masked.py", "own", "../answers.py", "../answers/own/masked.py"):
        attempt(open, os.path.join(place, name))
names = ("my_course.answers", "my_course.graded.own.masked", "autograder.checks.own.masked")
for name in names:
    attempt(importlib.import_module, name)
seen += [name for name in os.environ if "DROPOUT" in name]
def masked(x, keep_prob, rng):
    raise ValueError(f"seen: {seen}")
"""
MODES = ["off", *(["required"] if bubblewrap() else [])]


@pytest.mark.skipif(sys.platform != "linux", reason="nothing protects files elsewhere")
@pytest.mark.parametrize("sandbox", MODES)
@pytest.mark.parametrize("place", ["a folder", "a package"])
def test_students_code_sees_nothing_of_it(
    place: str, sandbox: str, course: Path, package: Path, tmp_path: Path
) -> None:
    """The package lies where Python itself is installed, which students' code may read."""
    site = Path(pytest.__file__).parents[1] / f"course_of_{os.getpid()}"
    variables = {}
    try:
        if place == "a package":
            shutil.copytree(package, site)
            variables["PYTHONPATH"] = str(site)
            places = [str(site / "my_course/graded")]
        else:
            variables["DROPOUT_EXERCISES"] = str(course / "checks")
            places = [str(course / "checks")]
        (tmp_path / "pries.py").write_text(
            f"PLACES = {places!r}\n" + PRIES, encoding="utf-8"
        )
        done = run(
            tmp_path,
            "autograder",
            "check",
            "pries.py",
            "--sandbox",
            sandbox,
            **variables,
        )
    finally:
        shutil.rmtree(site, ignore_errors=True)
    assert "ValueError: seen: []" in " ".join(done.stdout.split()), done.stdout


def test_data_beside_exercises_are_the_graders(course: Path, tmp_path: Path) -> None:
    """What a check reads, too: changed, all is graded again; and Gradescope has it."""
    root = copy_of(course, tmp_path / "course")
    (root / "checks/own/data").mkdir()
    data = root / "checks/own/data/table.json"
    words = "from autograder.grading.report import grader; print(grader())"
    checks = {outside.VARIABLE: str(root / "checks")}

    def which() -> str:
        done = subprocess.run(
            [sys.executable, "-c", words],
            env=os.environ | checks,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    versions = [which()]
    for text in ("[1]", "[2]"):
        data.write_text(text)
        versions.append(which())
    (root / "checks/own/.notes").write_text("not the grader's")
    assert which() == versions[-1] and len(set(versions)) == 3
    run(root, "autograder", "gradescope", "own", "--out", "own.zip", **checks)
    with zipfile.ZipFile(root / "own.zip") as archive:
        names = set(archive.namelist())
        assert archive.read("exercises/1/own/data/table.json") == b"[2]"
    assert not any(".notes" in name or ".pyc" in name for name in names)
