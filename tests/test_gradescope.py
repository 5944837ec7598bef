"""Gradescope's autograder, in folders like Gradescope's, and GitHub Classroom's steps."""

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

import dev
from autograder.__main__ import main
from autograder.contract import outside
from autograder.course.source import source_notebook
from autograder.doors import gradescope as gradescope_door
from autograder.doors.exports import gradescope
from autograder.grading.grade import grade
from autograder.isolation.folders import remove_folder
from tests.bank import ROOT
from tests.fixture_class import FORGETS
from tests.test_bounds import MOST_MB
from tests.test_wheel import clean_environment

WORKFLOW = ROOT / "editions/classroom/.github/workflows/check.yml"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Gradescope's /autograder, with the unpacked archive of ``conventions``."""
    archive = tmp_path / "bundle.zip"
    assert main(["gradescope", "conventions", "--out", str(archive)]) == 0
    base = tmp_path / "autograder"
    with zipfile.ZipFile(archive) as file:
        for entry in file.infolist():
            path = Path(file.extract(entry, base / "source"))
            path.chmod(entry.external_attr >> 16)
    (base / "submission").mkdir()
    return base


def run(base: Path, python: Path) -> dict[str, object]:
    """Run run_autograder with this Python, and return what Gradescope reads."""
    done = subprocess.run(
        [base / "source/run_autograder"],
        env=clean_environment()
        | {"GRADER_BASE": str(base), "GRADER_PLACE": str(python.parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads((base / "results/results.json").read_text())
    return found


HERE = Path(sys.executable)


def test_the_archive_has_what_gradescope_asks_for(base: Path) -> None:
    source = base / "source"
    for name in ("setup.sh", "run_autograder"):
        assert (source / name).stat().st_mode & stat.S_IXUSR
        subprocess.run(["bash", "-n", source / name], check=True)
    assert (source / "autograder/doors/submission.ini").is_file()
    assert not list(source.rglob("*.pyc"))
    assert not (source / "solutions").exists()


def test_the_archive_has_the_packages_that_answers_may_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DROPOUT_PACKAGES", "yaml, pytest")
    out = tmp_path / "bundle.zip"
    assert main(["gradescope", "conventions", "--out", str(out)]) == 0
    with zipfile.ZipFile(out) as archive:
        setup = archive.read("setup.sh").decode()
        archive.extractall(tmp_path / "source")
    more = f"pytest=={pytest.__version__} PyYAML=={yaml.__version__}"
    assert f"matplotlib {more}".lower() in setup.lower()
    monkeypatch.setenv("DROPOUT_PACKAGES", "")
    (tmp_path / "submission").mkdir()
    # Nothing to grade: whatever comes of it, the packages are in force.
    monkeypatch.setenv(gradescope_door.VARIABLE, "x")
    monkeypatch.setattr(outside, "use", lambda folders: None)
    gradescope_door._graded(tmp_path)
    assert outside.packages() == ["pytest", "yaml"]
    monkeypatch.setenv("DROPOUT_PACKAGES", "nosuchpackage")
    assert main(["gradescope", "conventions", "--out", str(out)]) == 2
    assert "DROPOUT_PACKAGES names nosuchpackage" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX modes")
@pytest.mark.parametrize("there", ["nothing", "a file", "a link"])
def test_the_archive_is_the_accounts_alone_and_whole(
    there: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret is in it; a run that ends in the middle leaves what was there."""
    out, other = tmp_path / "made/bundle.zip", tmp_path / "other.zip"
    out.parent.mkdir()
    if there != "nothing":
        other.write_text("before")
        other.chmod(0o644)
        out.symlink_to(other) if there == "a link" else other.rename(out)
    contents = gradescope_door._contents

    def interrupted(chapter: str) -> Iterator[tuple[str, bytes]]:
        yield from contents(chapter)
        raise OSError("no more")

    with monkeypatch.context() as patch:
        patch.setattr(gradescope_door, "_contents", interrupted)
        assert main(["gradescope", "conventions", "--out", str(out)]) == 2
    assert not out.exists() if there == "nothing" else out.read_text() == "before"
    before = os.umask(0)
    try:
        assert main(["gradescope", "conventions", "--out", str(out)]) == 0
    finally:
        os.umask(before)
    assert out.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(out) as archive:
        assert archive.getinfo("secret").external_attr >> 16 == 0o600
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_the_verdict_is_the_graders(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = base / "submission/conventions.py"
    file.write_text(FORGETS)
    (base / "submission/notes.py").write_text("1 / 0")  # another file, another name
    found = run(base, HERE)
    monkeypatch.setenv("DROPOUT_COURSE_SECRET", (base / "source/secret").read_text())
    assert found == gradescope(grade(file, chapter="conventions"))
    assert found["score"] == 3.5


def test_an_archive_without_its_secret_grades_nobody(base: Path) -> None:
    (base / "submission/conventions.py").write_text(FORGETS)
    (base / "source/secret").write_text("\n")
    found = run(base, HERE)
    assert found["score"] == 0 and "no verdict" in str(found["output"])


@pytest.mark.parametrize("names", [(), ("a.py", "b.ipynb")])
def test_without_one_file_it_says_so(base: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (base / "submission" / name).write_text("")
    found = run(base, HERE)
    assert found["score"] == 0
    told = ", ".join(names) or "none"
    assert found["output"] == f"Expected one file, conventions.ipynb; found: {told}."


def test_names_of_files_are_few_and_plain(base: Path) -> None:
    for number in range(30):
        (base / "submission" / f"{number:02}\n<b>\x1b[31m.py").write_text("")
    found = run(base, HERE)
    shown = ", ".join(f"{number:02}\\x0a<b>\\x1b[31m.py" for number in range(3))
    assert f"; found: {shown} and 27 more." in str(found["output"])
    assert found["output_format"] == "text"


#: Raises once, where many calls come together, and then gives 32 MB for each of them.
LARGE = """
import sys
import numpy as np

raised = False

def inverted_dropout(x, keep_prob, rng, training=True):
    global raised
    if raised:
        return np.ones(4_000_000), None
    raised = len(sys._getframe(2).f_locals["request"]["calls"]) >= 100
    if raised:
        raise ValueError("once")
    mask = rng.random(x.shape) < keep_prob if training else keep_prob
    return x * mask / keep_prob, mask
"""


#: Runs a program and says how it ended and how many kilobytes it took. A program's peak
#: begins with that of whoever starts it: this one is small.
PEAK = """
import os, subprocess, sys
started = subprocess.Popen(sys.argv[1:])
_, started.returncode, took = os.wait4(started.pid, 0)
print(started.returncode, took.ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts kilobytes as Linux does")
def test_the_judge_holds_no_more_than_elsewhere(base: Path) -> None:
    (base / "submission/conventions.py").write_text(LARGE)
    place = {"GRADER_BASE": str(base), "GRADER_PLACE": str(HERE.parents[1])}
    done = subprocess.run(
        [HERE, "-c", PEAK, base / "source/run_autograder"],
        env=clean_environment() | place,
        capture_output=True,
        text=True,
        check=True,
    )
    code, peak = map(int, done.stdout.split())
    assert peak < MOST_MB * 10**6 / 2**10
    found = json.loads((base / "results/results.json").read_text())
    # What it did before it raised is right.
    assert code == 0 and 0 < found["score"] < 4.5


@pytest.mark.skipif(os.name != "posix", reason="makes folders in folders")
def test_folders_however_deep_lie_beside_an_answer(base: Path) -> None:
    (base / "submission/conventions.py").write_text(FORGETS)
    here = os.open(base / "submission", os.O_RDONLY)
    for _ in range(2500):
        os.mkdir("d", dir_fd=here)
        outer, here = here, os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(outer)
    os.close(here)
    try:
        assert run(base, HERE)["score"] == 3.5
    finally:
        remove_folder(str(base / "submission"))


def test_what_fails_in_the_grader_is_no_silence(base: Path) -> None:
    (base / "source/settings.json").write_text("{")
    assert "The grader failed (JSONDecodeError)" in str(run(base, HERE)["output"])


def test_another_chapter_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gradescope", "cooking", "--out", str(tmp_path / "x.zip")]) == 2
    assert "There is no chapter 'cooking'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_setup_makes_an_environment_that_grades(base: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    done = subprocess.run(
        ["bash", base / "source/setup.sh"],
        env=clean_environment()
        | {"GRADER_BASE": str(base), "GRADER_PLACE": str(place)},
        capture_output=True,
        text=True,
    )
    if done.returncode and (
        dev.OFFLINE.search(done.stderr) or "apt-get" in done.stderr
    ):
        pytest.skip("no registry, or no Python that makes environments")
    assert done.returncode == 0, done.stderr
    (base / "submission/mine.py").write_text(FORGETS)
    assert run(base, place / "bin/python")["score"] == 3.5


# ---- GitHub Classroom ---------------------------------------------------------------


def steps() -> list[dict[str, Any]]:
    """Return the workflow's steps that run a command."""
    text = WORKFLOW.read_text(encoding="utf-8")
    found = yaml.safe_load(text)["jobs"]["check"]["steps"]
    return [step for step in found if "run" in step]


def run_steps(tmp_path: Path) -> dict[str, int]:
    """Run all but the installation, which is test_wheel's and needs a registry, and return
    the exit codes."""
    settings = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["env"]
    summary = tmp_path / "summary.md"
    env = os.environ | settings | {"GITHUB_STEP_SUMMARY": str(summary)}
    env["PATH"] = f"{dev.SCRIPTS}{os.pathsep}{env['PATH']}"
    codes = {}
    for step in steps():
        if not step["name"].startswith("Install"):
            # As GitHub runs what names bash as its shell.
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
            own = env | step.get("env", {})
            done = subprocess.run([*command, step["run"]], cwd=tmp_path, env=own)
            codes[step["name"]] = done.returncode
    return codes


@pytest.mark.skipif(shutil.which("bash") is None, reason="the steps are for bash")
def test_the_workflows_steps_run_in_order(tmp_path: Path) -> None:
    shutil.copy(ROOT / "exercises/conventions/conventions.ipynb", tmp_path)
    codes = run_steps(tmp_path)
    assert codes == {"Check": 1, "Points for each check": 0, "Summary": 0}
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "conventions.ipynb: 0 of 10" in summary
    assert json.loads((tmp_path / "report.json").read_text())["max_score"] == 10
    assert "testcase" in (tmp_path / "junit.xml").read_text()


@pytest.mark.skipif(shutil.which("bash") is None, reason="the steps are for bash")
def test_the_workflow_obeys_nothing_beside_the_notebook(tmp_path: Path) -> None:
    # Where it runs nothing replaces pytest, as it is replaced here.
    assert not [step for step in steps() if step["run"].startswith("pytest")]
    shutil.copy(ROOT / "exercises/conventions/conventions.ipynb", tmp_path)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = -p evil\npythonpath = .\n"
    )
    (tmp_path / "evil.py").write_text("open('obeyed', 'w')\n")
    assert run_steps(tmp_path) == {"Check": 1, "Points for each check": 0, "Summary": 0}
    assert not (tmp_path / "obeyed").exists()


@pytest.mark.skipif(shutil.which("bash") is None, reason="the steps are for bash")
def test_exercises_of_another_chapter_count_nothing_at_classroom(
    tmp_path: Path,
) -> None:
    solved = source_notebook(ROOT / "solutions/energy.md")
    nbformat.write(solved, tmp_path / "conventions.ipynb")
    assert run_steps(tmp_path)["Check"] == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["score"], report["max_score"]) == (0, 10)
