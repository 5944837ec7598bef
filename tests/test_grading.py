"""Replay, the report's form, the command line's exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autograder import __version__
from autograder.contract.exercise import all_exercises, find_exercise
from autograder.grading.grade import grade
from autograder.grading.select import touched
from autograder.grading.text import report_text
from autograder.submission.cells import Submission
from autograder.submission.file import read_submission
from autograder.submission.notebook import read_notebook

RIGHT = """
import numpy as np
def inverted_dropout(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    mask = rng.random(x.shape) < keep_prob
    return x * mask / keep_prob, mask
"""
WRONG = RIGHT.replace("/ keep_prob", "/ (1 - keep_prob)")


def command(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "autograder", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", **environment},
        check=False,
    )


@pytest.fixture
def right(tmp_path: Path) -> Path:
    path = tmp_path / "right.py"
    path.write_text(RIGHT)
    return path


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.py"
    path.write_text(WRONG)
    return path


def test_a_report_has_the_agreed_form(wrong: Path) -> None:
    report = grade(wrong, exercises=["inverted_dropout"]).as_dict()
    assert list(report) == [
        *("submission", "version", "grader", "replay", "sandbox"),
        *("score", "max_score"),
        *("error", "notes", "exercises"),
    ]
    exercise = report["exercises"][0]
    assert set(exercise) == {
        *("name", "chapter", "status", "score", "max_score", "mistake", "message"),
        "checks",
    }
    assert exercise["mistake"] == "divides_by_drop_probability"
    assert "5" in exercise["message"] and "1.25" in exercise["message"]
    for check in exercise["checks"]:
        assert set(check) == {
            *("name", "status", "score", "max_score", "message", "statistic", "mistake")
        }
        assert check["mistake"] is None or check["status"] == "failed"
        assert check["status"] in ("passed", "failed", "skipped")
    named = {check["mistake"] for check in exercise["checks"]}
    assert exercise["mistake"] in named
    assert report["version"] == __version__


def test_a_statistic_says_n_alpha_p_value_and_defect(right: Path) -> None:
    checks = grade(right, exercises=["inverted_dropout"]).exercises[0].checks
    statistics = [check.statistic for check in checks if check.statistic is not None]
    assert statistics
    for statistic in statistics:
        assert set(statistic) == {"n", "alpha", "p_value", "detects"}
        assert statistic["p_value"] >= statistic["alpha"] > 0


def test_the_same_file_gets_the_same_bytes_and_the_code_replays_them(
    wrong: Path,
) -> None:
    first = grade(wrong)
    assert grade(wrong).as_json() == first.as_json()
    assert grade(wrong, replay=first.replay).as_json() == first.as_json()


@pytest.mark.parametrize("sandbox", ["auto", "off"])
def test_another_machine_replays_the_same_bytes(
    wrong: Path, tmp_path: Path, sandbox: str
) -> None:
    """Another folder, home, time zone and hash seed, an older processor, one confinement
    and the other: only the name of the confinement may differ."""
    here = grade(wrong)
    older = ("AVX2", "FMA3", "AVX512F", "AVX512CD", "AVX512_SKX")
    elsewhere = {
        **os.environ,
        "HOME": str(tmp_path),
        "TZ": "Asia/Tokyo",
        "PYTHONHASHSEED": "7",
        "NPY_DISABLE_CPU_FEATURES": " ".join(older),
        "OPENBLAS_CORETYPE": "Prescott",
    }
    command = [sys.executable, "-m", "autograder", "check", str(wrong)]
    command += ["--replay", str(here.replay), "--sandbox", sandbox]
    command += ["--json", "there.json"]
    subprocess.run(
        command, cwd=tmp_path, env=elsewhere, capture_output=True, check=True
    )
    there = (tmp_path / "there.json").read_text(encoding="utf-8")
    named = f'"sandbox": "{json.loads(there)["sandbox"]}"'
    assert there.replace(named, f'"sandbox": "{here.sandbox}"') == here.as_json()


def test_other_code_or_another_secret_gets_another_replay_code(
    right: Path, wrong: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = {grade(right).replay, grade(wrong).replay}
    monkeypatch.setenv("DROPOUT_COURSE_SECRET", "of this course")
    codes |= {grade(right).replay, grade(wrong).replay}
    assert len(codes) == 4


def notebook(*sources: str, **changes: Any) -> Submission:
    cells = [
        {"cell_type": "code", "source": source, "metadata": {}, **changes}
        for source in sources
    ]
    return read_notebook({"nbformat": 4, "cells": cells}, "n.ipynb")


def test_sources_as_lists_of_lines_are_the_same_as_text() -> None:
    lines = notebook(RIGHT.splitlines(keepends=True))  # type: ignore[arg-type]
    assert lines.cells == notebook(RIGHT).cells


def test_a_needed_forward_does_not_touch_its_own_chapter() -> None:
    backward = [e.name for e in all_exercises("backward")]
    assert [
        e.name for e in touched(["inverted_dropout", "inverted_dropout_backward"])
    ] == backward
    both = touched(
        ["classic_settings", "inverted_dropout", "inverted_dropout_backward"]
    )
    assert {e.chapter for e in both} == {"conventions", "backward"}
    assert {e.chapter for e in touched(["inverted_dropout"])} == {"conventions"}


def test_a_chapter_that_is_touched_counts_whole(right: Path) -> None:
    report = grade(right)
    assert [e.name for e in report.exercises] == [
        e.name for e in all_exercises("conventions")
    ]
    assert report.max_score == 10
    missing = [e for e in report.exercises if e.name != "inverted_dropout"]
    assert {e.status for e in missing} == {"missing"}
    assert report.score == find_exercise("inverted_dropout").max_score


def test_a_script_is_cut_at_its_cell_markers(tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    path.write_text("a = 1\n# %% second\nb = (\n\n# %%\nc = 3\n")
    cells = read_submission(path).cells
    assert cells[0].source.startswith("a = 1")
    assert cells[1].source.startswith("# %% second")
    assert cells[-1].source == "# %%\nc = 3\n"


def test_check_prints_a_verdict_without_colour_and_exits_0(wrong: Path) -> None:
    done = command("check", str(wrong))
    assert done.returncode == 0
    assert "✗ every output is zero or rescaled" in done.stdout
    assert "Likely cause: you divide by 1 − keep_prob" in done.stdout
    assert "chapters/conventions.html#conv-definitions" in done.stdout
    assert "\x1b[" not in done.stdout


def test_check_writes_the_report_that_grade_returns(
    wrong: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.json"
    assert command("check", str(wrong), "--json", str(out)).returncode == 0
    assert out.read_text(encoding="utf-8") == grade(wrong).as_json()
    printed = command("check", str(wrong), "--json", "-", "--seed", "5").stdout
    assert json.loads(printed)["seed"] == 5
    assert json.loads(printed)["replay"] is None


def test_a_file_that_cannot_be_graded_exits_1_and_says_why(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    done = command("check", str(tmp_path / "none.ipynb"), "--json", str(out))
    assert done.returncode == 1
    assert "does not exist" in done.stdout
    assert "does not exist" in json.loads(out.read_text())["error"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("check",),
        ("check", "x.py", "--exercise", "nonsense"),
        ("check", "--seed", "a"),
        ("check", "x.py", "--replay", "7K3F"),
        ("check", "x.py", "--replay", "7K3F-7K3F-7K3F-7K3F-7K3F"),
        ("check", "x.py", "--replay", "7K3F", "--seed", "1"),
    ],
    ids=str,
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...]) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert done.stderr


def test_a_terminal_gets_colour(wrong: Path) -> None:
    assert "\x1b[31m" in report_text(grade(wrong), colour=True)


def test_audit_prints_every_check_and_the_bound() -> None:
    done = command("audit", "conventions")
    assert done.returncode == 0
    for exercise in all_exercises("conventions"):
        for check in exercise.checks:
            assert check.name in done.stdout
            assert all(look in done.stdout for look in check.looks)
    assert "probability at most 1e-09" in done.stdout
    assert command("audit", "nonsense").returncode == 2


def test_pytest_runs_one_test_for_each_check(wrong: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("--submission", str(wrong)),
        ],
        capture_output=True,
        text=True,
        cwd=wrong.parent,
        check=False,
    )
    report = grade(wrong)
    statuses = [check.status for e in report.exercises for check in e.checks]
    absent = sum(len(e.checks) for e in report.exercises if e.status != "graded")
    assert done.returncode == 1
    assert f"{statuses.count('passed')} passed" in done.stdout
    assert f"{statuses.count('failed') + absent} failed" in done.stdout
    assert f": {report.score:g} of {report.max_score:g}" in done.stdout


def test_pytest_replays_a_code_and_refuses_what_is_none(wrong: Path) -> None:
    report = grade(wrong)
    for option, shown in (
        (("--submission-replay", str(report.replay)), f"replay {report.replay}"),
        (("--submission-seed", "5"), "seed 5"),
        (("--submission-replay", "7K3F"), "is no replay code"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--submission", str(wrong), *option],
            capture_output=True,
            text=True,
            cwd=wrong.parent,
            check=False,
        )
        assert shown in done.stdout + done.stderr
        assert done.returncode == (4 if "is no" in shown else 1)


def test_a_code_replays_another_file_and_says_so(right: Path, wrong: Path) -> None:
    code = str(grade(wrong).replay)
    done = command("check", str(right), "--replay", code.lower(), "--json", "-")
    assert done.returncode == 0
    assert "not this file's own" in done.stderr
    assert json.loads(done.stdout)["replay"] == code
    assert "own" not in command("check", str(wrong), "--replay", code).stderr


def test_a_short_secret_and_a_damaged_one_are_told_of(
    wrong: Path, tmp_path: Path
) -> None:
    short = {"DROPOUT_COURSE_SECRET": "spring 2026"}
    assert "guess" in command("check", str(wrong), **short).stderr
    by_hand = command("check", str(wrong), "--seed", "5", **short)
    assert "guess" not in by_hand.stderr and "seed 5" in by_hand.stdout
    named = "LOCALAPPDATA" if os.name == "nt" else "XDG_STATE_HOME"
    (tmp_path / "dropout-grader").mkdir()
    (tmp_path / "dropout-grader" / "secret").touch(mode=0o600)
    for door in (("check", wrong.name), ("grade", ".")):
        done = subprocess.run(
            [sys.executable, "-m", "autograder", *door],
            cwd=tmp_path,
            env={**os.environ, "DROPOUT_COURSE_SECRET": "", named: str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2 and done.stdout == ""
        assert "is damaged" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "told"),
    [("no.py", "there is no file "), ("folder.py", "folder.py is a folder; expected")],
)
def test_pytest_without_the_file_says_so(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--submission", str(tmp_path / name)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 4
    assert told in done.stderr


@pytest.mark.parametrize("asked", [["--submission", ""], ["--submission="]])
def test_pytest_without_a_name_of_the_file_runs_nobodys_tests(
    asked: list[str], tmp_path: Path
) -> None:
    """As of a script's variable that is not set: the student's own tests ran."""
    (tmp_path / "test_x.py").write_text("def test_x(): open('ran', 'w')")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *asked],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 4 and not (tmp_path / "ran").exists()
    assert "no file with an empty name" in done.stderr


def test_a_name_that_is_too_long_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "check", f"{'a' * 300}.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode == 1 and "cannot be read: File name too long" in done.stdout


SCRIPTS = Path(sys.executable).parent
DOORS = {
    "-m": [sys.executable, "-m", "autograder", "check", "right.py"],
    "script": [str(SCRIPTS / "dropout-grader"), "check", "right.py"],
    "off": [str(SCRIPTS / "dropout-grader"), "check", "right.py", "--sandbox", "off"],
    "grade": [sys.executable, "-m", "autograder", "grade", "."],
    "pytest": [str(SCRIPTS / "pytest"), "--submission", "right.py"],
}
#: What a submission may be called; nothing of it is for the judge to import.
NAMES = (
    *("__init__", "argparse", "ast", "conftest", "csv", "dataclasses", "json", "numpy"),
    *("pathlib", "random", "re", "statistics", "subprocess", "text", "typing"),
)


@pytest.mark.parametrize("door", DOORS)
def test_no_file_in_the_working_directory_is_imported(door: str, right: Path) -> None:
    for name in NAMES:
        (right.parent / f"{name}.py").write_text(f"open('ran-{name}', 'w')\n")
    if not Path(DOORS[door][0]).exists():
        pytest.skip(f"{DOORS[door][0]} is not installed")
    done = subprocess.run(
        DOORS[door],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
        cwd=right.parent,
        check=False,
    )
    assert list(right.parent.glob("ran-*")) == []
    assert "right.py: 4.5 of 10" in done.stdout or "of 10  right.py" in done.stdout
