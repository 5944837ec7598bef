"""What people type who do not know the command line yet: it says what there is instead."""

import os
import sys
from pathlib import Path

import pytest

from autograder.__main__ import main
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
        "class.zip is no folder; expected that of a class."
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
