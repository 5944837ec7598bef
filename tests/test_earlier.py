"""A class graded a second time: what is done stays done, and nothing else does."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.contract.outside import PACKAGES
from autograder.doors import class_reports, classroom, earlier
from autograder.grading.report import grader, packages_in_force, report_of
from autograder.grading.secret import VARIABLE

RIGHT = """
import numpy as np
def classic_settings(weights, learning_rate, weight_decay, keep_prob):
    return weights / keep_prob, keep_prob**2 * learning_rate, weight_decay / keep_prob**2
"""
WRONG = RIGHT.replace("weights / keep_prob", "weights")
EMPTY = "\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a class of three, in which grading takes no sandbox."""
    monkeypatch.setenv(VARIABLE, "a secret of these tests")
    place = tmp_path / "class"
    place.mkdir()
    for name, text in {"ann": RIGHT, "ben": WRONG, "cem": EMPTY}.items():
        (place / f"{name}.py").write_text(text)
    return place


def graded(folder: Path, *options: str) -> tuple[set[str], str]:
    """Grade the folder; return whom that took, and the table of scores."""
    new: set[str] = set()
    grade = classroom.grade_class

    def noted(handed_in, *args, **kwargs):  # type: ignore[no-untyped-def]
        new.update(file.student for file in handed_in)
        return grade(handed_in, *args, **kwargs)

    classroom.grade_class = noted
    try:
        out = folder.parent / "reports"
        main(["grade", str(folder), "-j", "1", "--json", str(out), *options])
    finally:
        classroom.grade_class = grade
    return new, (out / "summary.csv").read_text()


def test_what_is_unchanged_is_not_graded_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everybody, table = graded(folder)
    assert everybody == {"ann", "ben", "cem"}
    first = capsys.readouterr().out
    # What cannot be read is looked at each time, which takes no time.
    assert graded(folder) == ({"cem"}, table)
    said = capsys.readouterr()
    assert said.out == first
    assert "2 of 3 files were graded before and are unchanged" in said.err


def test_what_changed_is_graded_again(folder: Path) -> None:
    graded(folder)
    (folder / "ben.py").write_text(RIGHT)
    (folder / "dan.py").write_text(WRONG)
    new, table = graded(folder)
    assert new == {"ben", "cem", "dan"}
    assert [line.split(",")[0] for line in table.splitlines()[1:]] == [
        "ann", "ben", "cem", "dan",
    ]  # fmt: skip


@pytest.mark.parametrize("what", ["the grader", "the secret", "on request"])
def test_all_are_graded_again(
    what: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graded(folder)
    if what == "the grader":
        monkeypatch.setattr(earlier, "grader", lambda: "another")
    if what == "the secret":
        monkeypatch.setenv(VARIABLE, "another secret of these tests")
    new, _ = graded(folder, *(["--again"] if what == "on request" else []))
    assert new == {"ann", "ben", "cem"}


DAMAGES: list[Callable[[str], str]] = [
    lambda text: text[: len(text) // 2],
    lambda text: "[]",
    lambda text: '{"grader": 5}',
    lambda text: text.replace('"score": ', '"score": 1', 1),
    lambda text: "[" * 100_000,
    lambda text: text.replace('"exercises": [', '"exercises": [5,'),
]


def test_a_damaged_report_is_made_anew(folder: Path) -> None:
    for i in range(len(DAMAGES)):
        (folder / f"d{i}.py").write_text(f"# {i}\n{RIGHT}")
    _, table = graded(folder)
    reports = {
        i: folder.parent / "reports" / f"d{i}.py.json" for i in range(len(DAMAGES))
    }
    whole = {i: report.read_text() for i, report in reports.items()}
    for i, damage in enumerate(DAMAGES):
        assert damage(whole[i]) != whole[i]
        reports[i].write_text(damage(whole[i]))
    assert graded(folder) == ({"cem", *(f"d{i}" for i in reports)}, table)
    assert {i: report.read_text() for i, report in reports.items()} == whole


def test_a_required_sandbox_was_required_then(folder: Path) -> None:
    graded(folder, "--sandbox", "off")
    data = json.loads((folder.parent / "reports" / "ann.py.json").read_text())
    assert data["sandbox"] != "bubblewrap"
    files = classroom.find_handed_in(folder)
    recorder = class_reports.Recorder(3, folder.parent / "reports")
    assert len(recorder.earlier(files, "off")) == 2
    assert recorder.earlier(files, "required") == []


def test_a_report_is_read_back_as_it_was(folder: Path) -> None:
    graded(folder)
    for path in (folder.parent / "reports").rglob("*.json"):
        data = json.loads(path.read_text())
        assert report_of(data).as_dict() == data


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_killed_at_any_moment_and_run_again(folder: Path, tmp_path: Path) -> None:
    for i in range(8):
        (folder / f"s{i}.py").write_text(f"# {i}\n{RIGHT if i % 2 else WRONG}")
    _, table = graded(folder)
    out = tmp_path / "again"
    command = [sys.executable, "-m", "autograder", "grade", str(folder), "-j", "2"]
    command += ["--json", str(out)]
    for reports in (1, 4, 7):
        run = subprocess.Popen(
            command,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        while len(list(out.glob("*.json"))) < reports and run.poll() is None:
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.json")}
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "graded before" in done.stderr
    kept = [path for path in before if path.stat().st_mtime_ns == before[path]]
    assert len(kept) >= 6
    assert (out / "summary.csv").read_text() == table


def test_no_report_beside_what_was_handed_in_is_trusted(folder: Path) -> None:
    inside = folder / "reports"
    main(["grade", str(folder), "-j", "1", "--json", str(inside)])
    files = classroom.find_handed_in(folder)
    assert class_reports.Recorder(3, inside).earlier(files, "off") == []
    assert class_reports.Recorder(3, folder).earlier(files, "off") == []


def test_packages_that_answers_may_import_decide_whether_a_file_is_graded_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without, everybody = grader(), {"ann", "ben"}
    (folder / "cem.py").unlink()
    graded(folder)
    monkeypatch.setenv(PACKAGES, "pytest")
    assert grader() != without
    assert graded(folder)[0] == everybody
    assert graded(folder)[0] == set()
    assert packages_in_force() == [f"pytest (pytest=={pytest.__version__})"]
    monkeypatch.setenv(PACKAGES, " pytest,, pytest")
    assert graded(folder)[0] == set()
    monkeypatch.setenv(PACKAGES, "")
    assert grader() == without
    assert graded(folder)[0] == everybody
