"""What other systems read of a report: Gradescope, and pytest's JUnit file."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder.__main__ import main
from autograder.doors import pytest_plugin
from autograder.doors.exports import gradescope
from autograder.grading.grade import grade
from tests.fixture_class import FORGETS


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.py"
    path.write_text("import numpy as np\n" + FORGETS)
    return path


def test_gradescope_gets_the_reports_points_and_reasons(wrong: Path) -> None:
    report = grade(wrong, exercises=["inverted_dropout"])
    data = gradescope(report)
    assert data["score"] == report.score == sum(test["score"] for test in data["tests"])
    assert report.max_score == sum(test["max_score"] for test in data["tests"])
    failed = [test for test in data["tests"] if test["status"] == "failed"]
    assert [test["name"] for test in failed] == [
        "inverted_dropout: every output is zero or rescaled"
    ]
    assert "comes back 1 times as large" in failed[0]["output"]
    assert "Likely cause: kept units come back unchanged" in failed[0]["output"]
    assert "Likely cause" in data["output"]


def test_the_command_writes_it_whatever_the_file_is(
    wrong: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results.json"
    wrong.write_text("\n")
    assert main(["check", str(wrong), "--gradescope", str(out)]) == 1
    data = json.loads(out.read_text())
    assert data["score"] == 0
    assert "wrong.py is empty" in data["output"]
    with pytest.raises(SystemExit, match="2"):
        main(["check", str(wrong), "--gradescope", str(wrong / "results.json")])


def pytest_run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_pytest_writes_points_and_obeys_the_bound(wrong: Path, tmp_path: Path) -> None:
    out = tmp_path / "junit.xml"
    one = [f"--submission={wrong}", "--submission-exercise", "inverted_dropout"]
    done = pytest_run(*one, f"--junitxml={out}", "--submission-fail-under", "0.7")
    assert done.returncode == 0, done.stdout
    cases = list(ElementTree.parse(out).iter("testcase"))
    assert {case.get("classname") for case in cases} == {"wrong.inverted_dropout"}
    points = [
        float(each.get("value", "nan"))
        for case in cases
        for each in case.iter("property")
        if each.get("name") == "score"
    ]
    assert len(points) == len(cases)
    assert sum(points) == grade(wrong, exercises=["inverted_dropout"]).score
    assert pytest_run(*one, "--submission-fail-under", "0.9").returncode == 1
    nan = pytest_run(*one, "--submission-fail-under", "nan")
    assert nan.returncode == pytest.ExitCode.USAGE_ERROR
    assert "expected a share from 0 to 1, such as 0.5, found 'nan'" in nan.stderr
    assert pytest_run(*one).returncode == 1
    unknown = pytest_run(f"--submission={wrong}", "--submission-exercise", "nothing")
    assert unknown.returncode == 4
    assert "nothing" in unknown.stderr


@pytest.mark.skipif(os.name != "posix", reason="other systems take no such names")
@pytest.mark.parametrize(
    "name",
    [b"\xff\xfe-y.py", b"a\x1b]0;TITLE\x07\x1b[31m.py", b"x.py\nx.py: 10 of 10 (\n.py"],
    ids=["no UTF-8", "escapes", "newlines"],
)
def test_no_name_of_a_file_steers_the_terminal_or_breaks_a_report(
    name: bytes, tmp_path: Path
) -> None:
    folder, junit = tmp_path / "in", tmp_path / "junit.xml"
    folder.mkdir()
    path = folder / os.fsdecode(name)
    path.write_text(FORGETS)
    xml = f"--junitxml={junit}"
    run = pytest_run("-v", "-p", "no:cacheprovider", "--submission", str(path), xml)
    shown = run.stdout + run.stderr
    assert "Traceback" not in shown and "INTERNALERROR" not in shown
    assert not set(shown) & {"\x1b", "\x07"}
    assert not [line for line in shown.splitlines() if line.startswith("x.py: 10 of")]
    assert shown.count("(grader ") == 1
    assert len(ElementTree.parse(junit).findall(".//testcase")) > 5
    page, reports = tmp_path / "page.html", tmp_path / "reports"
    path.write_text("\n")  # so that the file's name is in the error
    options = ["--json", str(reports), "--page", str(page), "-j", "1"]
    assert main(["grade", str(folder), *options]) == 0
    assert page.read_text(encoding="utf-8") and (reports / "summary.csv").is_file()


def test_pytest_takes_several_files(wrong: Path, tmp_path: Path) -> None:
    below = tmp_path / "below" / "wrong.py"
    below.parent.mkdir()
    below.write_text(wrong.read_text().replace("return x * mask", "return mask"))
    out = tmp_path / "junit.xml"
    files = [
        "--submission",
        str(wrong),
        f"--submission={below}",
        f"--submission={wrong}",
    ]
    one = [*files, "--submission-exercise", "inverted_dropout"]
    done = pytest_run(*one, f"--junitxml={out}", "--submission-fail-under", "0.5")
    assert done.returncode == 1, done.stdout  # one file lies below
    cases = list(ElementTree.parse(out).iter("testcase"))
    names = {case.get("classname") for case in cases}
    assert names == {"wrong.inverted_dropout", "below.wrong.inverted_dropout"}
    scores = re.findall(r"(?m)^wrong\.py: ([\d.]+) of 4\.5 \(grader", done.stdout)
    assert len(scores) == 2
    assert float(scores[0]) > float(scores[1])
    code = ["--submission-replay", "7A2Y-ZXVT-2BBQ-3BKJ-3FC9"]
    assert "is of one --submission" in pytest_run(*files, *code).stderr


def test_a_file_does_not_choose_what_it_is_graded_on(
    wrong: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer of another chapter adds nothing, and takes the place of none."""
    out, more = tmp_path / "results.json", "\ndef effective_count(x):\n    return 1.0\n"
    scores = []
    for text in (FORGETS, FORGETS + more):
        wrong.write_text("import numpy as np\n" + text)
        options = ["--chapter", "conventions", "--gradescope", str(out), "--seed", "1"]
        main(["check", str(wrong), *options])
        data = json.loads(out.read_text())
        scores.append((data["score"], sum(t["max_score"] for t in data["tests"])))
    assert scores[0] == scores[1] and scores[0][1] == 10
    wrong.write_text(more)
    bound = ["--submission-chapter", "conventions", "--submission-fail-under", "0.01"]
    assert pytest_run("--submission", str(wrong), *bound).returncode == 1
    assert main(["check", str(wrong), "--chapter", "convention"]) == 2
    told = "There is no chapter 'convention'; did you mean conventions? There are "
    assert told + "expectation, conventions," in capsys.readouterr().err


def test_pytest_keeps_nothing_of_what_the_cells_of_many_files_showed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "prints.py"
    path.write_text("print('a long list')\n# %%\n1 + 1\n")
    assert grade(path, exercises=[]).cells
    file = object.__new__(pytest_plugin.SubmissionFile)
    asked = {"--submission-exercise": [], "--submission-sandbox": "auto"}
    config = SimpleNamespace(getoption=asked.get, stash=pytest.Stash())
    file.path, file.name, file.config = path, path.name, config  # type: ignore[assignment]
    monkeypatch.setattr(pytest_plugin.CheckItem, "from_parent", lambda *_, **__: None)
    assert list(file.collect())
    [report] = config.stash[pytest_plugin._REPORTS]
    assert not report.cells
