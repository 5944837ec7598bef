"""Where the working directory was removed, or links go in a circle: a sentence."""

import ast
import os
import shutil
import sys
from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.contract import outside
from autograder.contract.here import NowhereError, working_directory
from autograder.doors import classroom, pytest_start
from tests.bank import ROOT

posix = pytest.mark.skipif(os.name != "posix", reason="Windows keeps it")
SENTENCE = "The folder that this was started in is gone: cd to one that is there"
ANSWER = "def inverted_dropout(x, keep_prob, rng, training=True):\n    return x, None\n"


@pytest.fixture
def handed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A class of one, seen from a folder that is gone."""
    (tmp_path / "class/anna").mkdir(parents=True)
    (tmp_path / "class/anna/conventions.py").write_text(ANSWER)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    return tmp_path / "class"


@posix
@pytest.mark.parametrize(
    "line",
    [
        "grade {folder} --page p.html --json j",
        "grade {folder} --gradebook conventions",
        "collect {folder} conventions",
        "new masked",
        "build",
        "test inverted_dropout",
        "gradescope conventions",
        "check {folder}/anna/conventions.py",
    ],
)
def test_a_command_without_a_place_says_so_and_grades_nobody(
    line: str,
    handed_in: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(classroom, "grade_class", None)
    assert main(line.format(folder=handed_in).split()) == 2
    said = capsys.readouterr()
    assert said.err.startswith(SENTENCE) and said.err.count("\n") == 1
    assert said.out == ""


@posix
@pytest.mark.usefixtures("handed_in")
def test_pytest_says_so_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NowhereError, match=SENTENCE):
        working_directory()
    variables = pytest_start.environment()  # of the process that is to say it
    assert variables["PYTHONSAFEPATH"] == "1"
    pytest_start.clean, before = False, pytest_start.clean
    try:
        assert pytest_start.main(["--submission=/a.py"]) == 4
    finally:
        pytest_start.clean = before
    assert capsys.readouterr().err.startswith(SENTENCE)


@posix
def test_a_page_is_of_the_folder_where_the_run_began(
    handed_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder may go while a class is graded, which takes hours."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def meanwhile(files: list[classroom.HandedIn], *_: object, **__: object) -> object:
        shutil.rmtree(here)
        return [classroom.Graded(file, None, "not now") for file in files]

    monkeypatch.setattr(classroom, "grade_class", meanwhile)
    page = tmp_path / "page.html"
    assert main(["grade", str(handed_in), "--page", str(page), "--jobs", "1"]) == 1
    assert "</html>" in page.read_text(encoding="utf-8")


@posix
def test_folders_in_a_circle_get_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    monkeypatch.setenv(outside.VARIABLE, "")
    told = [main(["audit", "--exercises", str(circle / "a")])]
    monkeypatch.setenv(outside.VARIABLE, "")
    told.append(main(["grade", str(circle)]))
    assert told == [2, 2]
    assert "Symlink loop" not in capsys.readouterr().err


def test_no_module_asks_path_to_resolve_what_is_outside() -> None:
    """``Path.resolve`` raises ``RuntimeError`` for links in a circle until Python 3.12;
    ``os.path.realpath`` never does."""
    guarded = ("submission/file.py",)
    for path in sorted((ROOT / "autograder").rglob("*.py")):
        if path.relative_to(ROOT / "autograder").as_posix() in guarded:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == "resolve":
                own = ast.unparse(node.value)
                assert own in ("Path(__file__)", "Path(where.filename)"), (path, own)


@pytest.mark.parametrize("line", ["build", "test inverted_dropout"])
def test_a_command_without_the_courses_packages_says_so(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "autograder.course.build", None)
    monkeypatch.setitem(sys.modules, "autograder.doors.exercise_test", None)
    assert main(line.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith("This needs the course's packages") and "README.md" in said
