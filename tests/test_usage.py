"""What people type who do not know the command line yet: it says what there is instead."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest

from autograder.__main__ import main
from autograder.doors import class_command
from autograder.doors.options import parser
from autograder.isolation import atomic, bubblewrap
from tests.fixture_class import FORGETS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a file of one student in it."""
    (tmp_path / "my.py").write_text("import numpy as np\n" + FORGETS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what wrong usage is told, on one line; its exit code is 2."""
    try:
        code: object = main(line.split())
    except SystemExit as error:
        code = error.code
    said = capsys.readouterr()
    assert (code, said.out) == (2, ""), line
    return " ".join(said.err.split())


NEAREST = {
    "chek my.py": "there is no 'chek'; did you mean check?",
    "check my.py --sandbox of": "there is no 'of'; did you mean off?",
    "check my.py --exercise inverted_droput": "did you mean inverted_dropout?",
    "check my.py --chapter Conventoins": "did you mean conventions?",
    "test bernouli_mask": "did you mean bernoulli_mask?",
    "audit conventoins": "did you mean conventions?",
    "gradescope conventoins": "did you mean conventions?",
    "collect . conventoins": "did you mean conventions?",
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("line", NEAREST)
def test_a_misspelt_name_gets_the_nearest(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert NEAREST[line] in told(line, capsys)


@pytest.mark.usefixtures("folder")
def test_a_name_like_no_other_gets_none(capsys: pytest.CaptureFixture[str]) -> None:
    for line in ("sing", "check my.py --exercise nonsense", "audit cooking"):
        said = told(line, capsys)
        assert "did you mean" not in said and ("There are" in said or "Known:" in said)


def test_no_option_is_taken_for_another_that_begins_like_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = told("grade . --exercise inverted_dropout", capsys)
    assert "unrecognized arguments: --exercise inverted_dropout" in said
    assert "--exercises DIR" in said, "the usage is that of the command"
    for action in parser()._actions:
        for command in (action.choices or {}).values():
            assert not command.allow_abbrev
    assert "unrecognized arguments: --vers" in told("--vers check my.py", capsys)


def test_a_file_where_a_folder_is_expected_names_the_command_for_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "To grade one file: python -m autograder check my.py" in told(
        "grade my.py", capsys
    )
    (folder / "class.zip").write_text("")
    assert told("grade class.zip", capsys) == (
        "class.zip cannot be unpacked (File is not a zip file)."
    )
    assert told("grade nowhere", capsys) == "There is no folder nowhere."
    assert main(["check", "."]) == 1
    said = capsys.readouterr()
    assert ". is a folder; expected a .ipynb or .py file." in said.out
    assert "to grade a folder: python -m autograder grade ." in said.err


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "line",
    [
        "check {}",
        "grade {}",
        "collect {} conventions",
        "check my.py --json {}",
        "check my.py --exercises {}",
        "grade . --feedback {}",
    ],
)
def test_an_address_is_no_file_and_is_shown_whole(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    address = "https://example.org//a/my.py"
    said = told(line.format(address), capsys)
    assert f"{address} is an address; expected a file or a folder" in said


def test_a_folder_to_write_in_is_not_made_up(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever somebody names what is to be written, before anything is graded."""
    for line in (
        "check my.py --json some/new/x",
        "check my.py --gradescope some/new/x",
        "grade . --json some/new/x",
        "grade . --page some/new/x",
        "grade . --csv some/new/x",
        "grade . --feedback some/new/x",
        "gradescope conventions --out some/new/x",
    ):
        assert "there is no folder some/new, where x would be" in told(line, capsys)
    assert {path.name for path in folder.iterdir()} == {"my.py"}
    with pytest.raises(FileNotFoundError, match="There is no such folder"):
        atomic.write_out(folder / "some/new/x", "")
    assert not (folder / "some").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is Linux's")
def test_why_nothing_runs_in_bubblewrap_is_said_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said() -> str:
        with pytest.raises(bubblewrap.SandboxUnavailable) as caught:
            bubblewrap.confine("required")
        return str(caught.value)

    own = bubblewrap._installed()
    monkeypatch.setattr(bubblewrap, "bubblewrap", lambda *_: None)
    monkeypatch.setattr(bubblewrap, "find_program", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(bubblewrap, "PACKAGE", tmp_path)
    assert f"which is {own}, and this is {tmp_path}: " in said()
    assert "missing" not in said()
    monkeypatch.setattr(bubblewrap, "PACKAGE", Path(own))
    assert "bwrap) cannot make namespaces here" in said()
    monkeypatch.setattr(bubblewrap, "find_program", lambda name: None)
    assert "bwrap) is missing. Install it" in said()


def test_what_cannot_be_written_is_said_before_anything_is_graded(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "'.' is a folder; expected a file" in told("check my.py --json .", capsys)
    assert "'my.py' is no folder" in told("grade . --json my.py", capsys)
    assert "File name too long" in told(f"check my.py --json {'x' * 300}", capsys)
    # A device, and a folder for many files, which is made.
    options = ["--json", "reports", "--csv", os.devnull, "--sandbox", "off"]
    assert main(["grade", ".", *options]) == 0
    assert (folder / "reports/summary.csv").is_file()


@pytest.mark.parametrize(
    "line",
    [
        *("grade . --csv -", "grade . --page -", "grade . --json -"),
        *("grade . --feedback -", "check my.py --gradescope -"),
        "gradescope conventions --out -",
    ],
)
def test_no_file_is_called_as_stdout_is(
    line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "./- is one" in told(line, capsys)
    assert {path.name for path in folder.iterdir()} == {"my.py"}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "words",
    [
        *(["grade", ""], ["check", ""], ["collect", "", "conventions"]),
        *(["grade", ".", f"--{name}", ""] for name in ("json", "csv", "feedback")),
        ["check", "my.py", "--json", ""],
        ["check", "my.py", "--exercises", ""],
    ],
)
def test_nothing_is_not_the_working_directory(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    assert "expected a file or a folder, found ''" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_a_folder_of_exercises_that_is_not_there_is_told_as_it_was_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = told("check my.py --exercises nosuch", capsys)
    assert said == "There is no folder nosuch; expected one of exercises."


@pytest.mark.parametrize("command", ["check my.py", "grade .", "audit", "collect . a"])
def test_python_without_docstrings_gets_a_sentence(command: str, folder: Path) -> None:
    for how in (["-OO"], []):
        done = subprocess.run(
            [sys.executable, "-P", *how, "-m", "autograder", *command.split()],
            env=os.environ | ({} if how else {"PYTHONOPTIMIZE": "2"}),
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert "unset PYTHONOPTIMIZE" in done.stderr and done.stderr.count("\n") == 1


def test_judges_and_workers_run_python_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With PYTHONOPTIMIZE=1 Python passes over what a student asserts."""
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    assert main(["grade", ".", "--json", "reports", "--sandbox", "off"]) == 0
    assert '"error": null' in (folder / "reports/my.py.json").read_text()


def test_the_place_of_a_full_disk_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        atomic.write_whole(folder / "new", "x")
    assert caught.value.filename == str(folder / "new")
    said = class_command._said(caught.value)
    assert said == f"{folder / 'new'}: No space left on device."


@pytest.mark.skipif(os.name != "posix", reason="where programs of an environment lie")
def test_a_python_without_the_grader_is_named(folder: Path) -> None:
    """The folder that a command is called in is seen by the command alone."""
    packages = Path(np.__file__).parents[1]
    if (packages / "autograder").exists():
        pytest.skip("the grader lies among the packages")
    venv.create(folder / "new")
    python = folder / "new/bin/python"
    (folder / "class").mkdir()
    (folder / "my.py").rename(folder / "class/my.py")
    old = os.environ | {"PYTHONPATH": str(packages)}
    for words in (["check", "class/my.py"], ["grade", "class", "-j", "1"]):
        words[1] = str(folder / words[1])
        done = subprocess.run(
            [python, "-m", "autograder", *words],
            cwd=Path(class_command.__file__).parents[2],
            env=old,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 2, done.stderr
        assert f"The grader is not installed for {python}: " in done.stderr
        assert "own process ended" not in done.stdout + done.stderr
