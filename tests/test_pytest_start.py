"""``pytest --submission FILE`` obeys nothing that lies beside the file, nor above it.

The file is worth nothing, and each attack lays settings, plugins or modules beside it that
raise its score or write a file outside of its folder.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.doors import pytest_start

SCRIPTS = Path(sys.executable).parent
WORTHLESS = "def inverted_dropout(x, keep_prob, rng, training=True):\n    return None\n"
#: Gives every check its points, and leaves a trace.
EVIL = """
open({mark!r}, "w").close()
import autograder.grading.grade as g
honest = g.grade
def grade(*arguments, **options):
    report = honest(*arguments, **options)
    for exercise in report.exercises:
        for check in exercise.checks:
            object.__setattr__(check, "status", "passed")
            object.__setattr__(check, "score", check.max_score)
    return report
g.grade = grade
class Category(Warning):
    pass
"""
PLUGIN = "pythonpath = .\naddopts = -p evil\n"
WARNING = "pythonpath = .\nfilterwarnings = ignore::evil.Category\n"
TOML = '{table}\npythonpath = ["."]\naddopts = ["-p", "evil"]\n'
ENTRY = "evil.dist-info/entry_points.txt"
#: The files of each attack; {mark} must not be written.
ATTACKS = {
    "plugin": {"pytest.ini": "[pytest]\n" + PLUGIN},
    "warning": {"pytest.ini": "[pytest]\n" + WARNING},
    "hidden": {".pytest.ini": "[pytest]\n" + PLUGIN},
    "tox": {"tox.ini": "[pytest]\n" + PLUGIN},
    "setup.cfg": {"setup.cfg": "[tool:pytest]\n" + PLUGIN},
    "toml": {"pytest.toml": TOML.format(table="[pytest]")},
    "pyproject": {"pyproject.toml": TOML.format(table="[tool.pytest]")},
    "junit": {"pytest.ini": "[pytest]\naddopts = --junitxml={mark}\n"},
    "debug": {"pytest.ini": "[pytest]\naddopts = --debug={mark}\n"},
    "log": {"pytest.ini": "[pytest]\nlog_file = {mark}\nlog_file_level = DEBUG\n"},
    "deselects": {"pytest.ini": "[pytest]\naddopts = -k nothing\n"},
    "conftest": {"conftest.py": EVIL},
    "package": {"__init__.py": EVIL},
    "entry point": {
        "evil.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 1\n",
        ENTRY: "[pytest11]\nevil = evil\n",
    },
    "pytest": {"pytest.py": EVIL, "_pytest/__init__.py": EVIL},
    "standard library": {"sitecustomize.py": EVIL, "subprocess.py": EVIL},
    "the grader": {"autograder/__init__.py": EVIL, "autograder/grading/grade.py": EVIL},
}


def lay(files: dict[str, str], folder: Path, mark: Path) -> None:
    """Write the files, and the module evil, into ``folder``."""
    for name, text in {"evil.py": EVIL, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            text.replace("{mark!r}", repr(str(mark))).replace("{mark}", str(mark))
        )


def judged(*words: str, here: Path, **environment: str) -> str:
    """Run pytest's command line in the folder ``here``; return what it prints."""
    done = subprocess.run(
        words,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", **environment},
        cwd=here,
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_beside_the_file_is_obeyed(name: str, tmp_path: Path) -> None:
    folder, mark = tmp_path / "student", tmp_path / "mark"
    lay(ATTACKS[name], folder, mark)
    (folder / "my.py").write_text(WORTHLESS)
    inside = judged(
        sys.executable, "-m", "pytest", "--submission", "my.py", here=folder
    )
    (tmp_path / "teacher").mkdir()
    program = (str(SCRIPTS / "pytest"), "--submission", "../student/my.py")
    outside = judged(*program, here=tmp_path / "teacher")
    assert "my.py: 0 of 10" in inside
    assert "my.py: 0 of 10" in outside
    assert " passed" not in inside + outside
    assert not mark.exists()


def test_no_settings_above_the_file_are_obeyed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    lay({"conftest.py": EVIL, **ATTACKS["plugin"]}, tmp_path / "class", mark)
    folder = tmp_path / "class" / "student"
    folder.mkdir()
    (folder / "my.py").write_text(WORTHLESS)
    program = str(SCRIPTS / "pytest")
    assert "my.py: 0 of 10" in judged(program, "--submission=my.py", here=folder)
    assert not mark.exists()


def test_an_import_path_with_an_empty_place_lets_nothing_in(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    lay({"sitecustomize.py": EVIL, **ATTACKS["entry point"]}, tmp_path, mark)
    (tmp_path / "my.py").write_text(WORTHLESS)
    program = (str(SCRIPTS / "pytest"), "--submission", "my.py")
    shown = judged(*program, here=tmp_path, PYTHONPATH=os.pathsep + str(tmp_path))
    assert "my.py: 0 of 10" in shown
    assert not mark.exists()


def test_no_cache_is_read_or_written(tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    aim.mkdir()
    folder = tmp_path / "student"
    folder.mkdir()
    (folder / "my.py").write_text(WORTHLESS)
    (folder / ".pytest_cache").symlink_to(aim, target_is_directory=True)
    judged(str(SCRIPTS / "pytest"), "--submission", "my.py", here=folder)
    assert list(aim.iterdir()) == []


def test_no_debugger_reads_its_settings(tmp_path: Path) -> None:
    (tmp_path / ".pdbrc").write_text("import pathlib\npathlib.Path('ran').touch()\n")
    (tmp_path / "my.py").write_text(WORTHLESS)
    program = (str(SCRIPTS / "pytest"), "--submission", "my.py", "--pdb")
    assert "no debugger" in judged(*program, here=tmp_path)
    assert not (tmp_path / "ran").exists()


def test_other_options_of_pytest_go_on_working(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(WORTHLESS)
    words = ("--submission", "my.py", "-q", "-k", "returns", "--junitxml=out.xml")
    shown = judged(str(SCRIPTS / "pytest"), *words, here=tmp_path)
    assert "deselected" in shown
    assert "returns_float_arrays" in (tmp_path / "out.xml").read_text()
    # In a folder with settings of pytest, as at the root of this repository.
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\ntestpaths = 'x'\n"
    )
    assert "my.py: 0 of 10" in judged(str(SCRIPTS / "pytest"), *words, here=tmp_path)


@pytest.mark.parametrize("name", ("my[1].py", "a::b.py", "-q.py", "$HOME.py"))
def test_a_file_may_have_any_name(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "[1] $HOME"
    folder.mkdir()
    (folder / name).write_text(WORTHLESS)
    shown = judged(str(SCRIPTS / "pytest"), f"--submission={name}", here=folder)
    assert f"{name}: 0 of 10" in shown


def test_a_name_that_begins_with_an_at_sign_brings_no_arguments(tmp_path: Path) -> None:
    folder, mark = tmp_path / "student", tmp_path / "mark"
    told = "my.py\n-o\npythonpath=.\n-W\nignore::evil.Category\n"
    lay({"my.py": WORTHLESS, "list.py": told}, folder, mark)
    (folder / "@list.py").write_text(WORTHLESS)
    program = str(SCRIPTS / "pytest")
    shown = judged(program, "--submission", "@list.py", here=folder)
    assert "@list.py: 0 of 10" in shown
    assert not mark.exists()


@pytest.mark.parametrize("words", (["--submission=my.py"], []))
def test_without_the_start_settings_still_write_nothing(
    words: list[str], tmp_path: Path
) -> None:
    """As in an environment that dev.py did not make: the plugin starts anew."""
    folder, mark = tmp_path / "student", tmp_path / "mark"
    lay(ATTACKS["junit"], folder, mark)
    (folder / "my.py").write_text(WORTHLESS)
    start = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    python = (sys.executable, "-P", "-c", start, *words)
    options = "" if words else "--submission=my.py"
    shown = judged(*python, here=folder, PYTEST_ADDOPTS=options)
    assert "my.py: 0 of 10" in shown
    assert not mark.exists()


#: Ways to write the option, with what pytest then says.
WAYS = {
    "in a file": (["@words"], "my.py: 0 of 10"),
    "in a file of a file": (["-q", "@more"], "my.py: 0 of 10"),
    "shortened": (["--subm", "my.py"], "unrecognized arguments: --subm"),
    "not at all": (["--submission-seed=3", "my.py"], "name the file to grade"),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_obeyed_however_the_option_is_written(
    way: str, tmp_path: Path
) -> None:
    folder, mark = tmp_path / "student", tmp_path / "mark"
    files = {"my.py": WORTHLESS, "words": "--submission\nmy.py\n", "more": "@words"}
    lay({**ATTACKS["plugin"], **files, "test_my.py": EVIL}, folder, mark)
    words, told = WAYS[way]
    assert told in judged(str(SCRIPTS / "pytest"), *words, here=folder)
    assert told in judged(sys.executable, "-m", "pytest", *words, here=folder)
    assert not mark.exists()


def test_nothing_is_obeyed_if_the_option_is_in_the_environment(tmp_path: Path) -> None:
    folder, mark = tmp_path / "student", tmp_path / "mark"
    lay({**ATTACKS["plugin"], "my.py": WORTHLESS}, folder, mark)
    program = str(SCRIPTS / "pytest")
    shown = judged(program, here=folder, PYTEST_ADDOPTS="-q --submission=my.py")
    assert "my.py: 0 of 10" in shown
    assert not mark.exists()


def test_words_in_files_are_read_as_pytest_reads_them(tmp_path: Path) -> None:
    words, more = tmp_path / "words", tmp_path / "more"
    words.write_text("-k\na b\n--submission\n@my.py\n")
    more.write_text(f"@{words}\n@{tmp_path / 'none'}\n")
    read = ["-k", "a b", "--submission=@my.py", f"@{tmp_path / 'none'}"]
    assert pytest_start.expanded(["-q", f"@{more}"]) == ["-q", *read]
    assert pytest_start.split(["python", "pytest", f"@{more}"]) == ([], read)
    words.write_text(f"@{words}")
    assert pytest_start.expanded([f"@{words}"]) == [f"@{words}"]


COMMAND_LINES = [
    ("python pytest --submission a", ([], ["--submission=a"])),
    ("python /x/bin/pytest -q --submission=a", ([], ["-q", "--submission=a"])),
    ("python -m pytest --submission a", ([], ["--submission=a"])),
    ("python -m pytest --subm a", ([], ["--subm", "a"])),
    ("python -m pytest --submission-seed=3 a", ([], ["--submission-seed=3", "a"])),
    ("python -Im pytest --submission a", (["-I"], ["--submission=a"])),
    ("python -X utf8 -mpytest --submission a", (["-X", "utf8"], ["--submission=a"])),
    ("python -Wm pytest --submission a", (["-Wm"], ["--submission=a"])),
    ("python -m pytest --setup-show a", None),
    ("python -m pytest tests", None),
    ("python -m autograder check pytest --submission a", None),
    ("python -m coverage run -m pytest --submission a", None),
    ("python tool.py pytest --submission a", None),
    ("python -c pytest --submission a", None),
    ("python -m autograder.doors.pytest_start --submission pytest", None),
    ("python", None),
    ("python -m", None),
]


@pytest.mark.parametrize(("line", "parts"), COMMAND_LINES)
def test_only_pytest_with_a_submission_is_started_anew(
    line: str, parts: tuple[list[str], list[str]] | None
) -> None:
    assert pytest_start.split(line.split()) == parts
