"""What students install: the wheel, and the first cell that asks for it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import dev
from autograder import __version__, require
from autograder.contract.exercise import all_chapters
from autograder.course.source import WHEEL, read_source, source_notebook
from tests import pages
from tests.bank import ROOT

sys.path.insert(0, str(ROOT / "_ext"))

import grader_wheel

CHAPTERS = all_chapters()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grader_wheel.build(tmp_path_factory.mktemp("wheel"))


# ---- What is in it ------------------------------------------------------------------


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "autograder").rglob("*.py")
        if "__pycache__" not in path.parts
    } | {"autograder/doors/submission.ini"}
    about = wheel.name.partition("-py3")[0] + ".dist-info"
    files = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    with zipfile.ZipFile(wheel) as archive:
        assert sorted(archive.namelist()) == sorted(
            [*package, *(f"{about}/{name}" for name in files)]
        )
    assert wheel.stat().st_size < 720_000


def test_the_wheel_needs_numpy_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith("METADATA")]
        metadata = archive.read(name).decode("utf-8")
    head = metadata.partition("\n\n")[0]
    needed = re.findall(r"(?m)^Requires-Dist: (.*)$", head)
    assert [n for n in needed if "extra ==" not in n] == ["numpy>=2.0"]
    assert "Requires-Python: >=3.11" in head


def test_the_wheel_holds_no_answer(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        texts = [archive.read(name).decode("utf-8") for name in archive.namelist()]
    answers = 0
    for chapter in CHAPTERS:
        for cell in read_source(ROOT / "solutions" / f"{chapter}.md").cells:
            found = re.findall(r"(?s)BEGIN SOLUTION\n(.*?)\n\s*### END", cell.source)
            if "free_response" in cell.metadata:
                found = cell.source.split("\n\n")
            for answer in found:
                answers += 1
                assert not [t for t in texts if answer.strip() in t], answer
    assert answers > 20


def test_every_build_gives_the_same_bytes(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stray = ROOT / "autograder" / "checks" / "answers.part"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    try:
        stray.write_text("not for students", encoding="utf-8")
        again = grader_wheel.build(tmp_path / "new folder")
    finally:
        stray.unlink()
    assert again.name == wheel.name == WHEEL
    assert again.read_bytes() == wheel.read_bytes()


def test_all_places_state_one_version() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == __version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in citation


def test_another_version_in_the_settings_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grader_wheel, "WHEEL", "dropout_in_expectation-0.0.1-x.whl")
    with pytest.raises(ValueError, match=r"ask for dropout_in_expectation-0\.0\.1"):
        grader_wheel.build(tmp_path)
    assert list(tmp_path.iterdir()) == []


# ---- Where students find it ---------------------------------------------------------


@pytest.mark.parametrize("name", ["index", *(f"exercises/{c}/{c}" for c in CHAPTERS)])
def test_the_page_offers_the_wheel(name: str, wheel: Path) -> None:
    page = dev.HTML / f"{name}.html"
    if not page.is_file():
        pytest.fail("The book is not built: run `make book` first.")
    soup = pages.parse(page.read_text(encoding="utf-8"))
    links = [str(a["href"]) for a in soup.select("article a[href$='.whl']")]
    assert links
    for address in links:
        target = (page.parent / address).resolve()
        assert target == dev.HTML.resolve() / "grader" / WHEEL
        assert target.read_bytes() == wheel.read_bytes()
    assert "pip install" in soup.get_text()


# ---- The first cell -----------------------------------------------------------------


def code_cells(chapter: str) -> list[str]:
    path = ROOT / "exercises" / chapter / f"{chapter}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]


#: Runs cells as a kernel does: one namespace, the value of a last call shown.
RUN = """
import json, sys
names = {"__name__": "__main__"}
with open(sys.argv[1], encoding="utf-8") as file:
    cells = json.load(file)
for cell in cells:
    if cell.startswith("check("):
        print(eval(cell, names))
    else:
        exec(cell, names)
"""


def run_cells(
    folder: Path, cells: Sequence[str], *options: str, before: str = ""
) -> "subprocess.CompletedProcess[str]":
    (folder / "cells.json").write_text(json.dumps(cells), encoding="utf-8")
    return subprocess.run(
        [sys.executable, *options, "-c", before + RUN, "cells.json"],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )


def assert_says_what_to_do(text: str, found: str) -> None:
    assert f"Expected this book's grader, autograder {__version__}; found: " in text
    assert found in text
    assert f"%pip install {WHEEL}\n" in text
    assert "restart the kernel" in text


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_notebook_begins_with_the_same_cell(chapter: str) -> None:
    first, second = code_cells(chapter)[0], code_cells(CHAPTERS[0])[0]
    assert first == second
    assert "import check" in first
    assert len(first.splitlines()) < 20
    text = (ROOT / "exercises" / chapter / f"{chapter}.ipynb").read_text("utf-8")
    assert f"`%pip install {WHEEL}`" in text


def test_without_the_grader_the_first_cell_says_so(tmp_path: Path) -> None:
    # -S: the standard library alone, without NumPy too.
    done = run_cells(tmp_path, [code_cells("noise")[0], 'check("x")'], "-I", "-S")
    assert done.stderr == ""
    assert_says_what_to_do(done.stdout, "found: No module named 'autograder'")


FOREIGN = {
    "a stranger's package": ("autograder/__init__.py", "__version__ = '3.7.7'"),
    "a file of the student's": ("autograder.py", "def grade(): pass"),
    "a check of another kind": ("autograder.py", "check = 1"),
    "what is left of a package": ("autograder/sub/module.py", ""),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_somebody_elses_module_is_named(what: str, tmp_path: Path) -> None:
    name, text = FOREIGN[what]
    path = tmp_path / "site" / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    here = "import sys; sys.path.insert(0, 'site')"
    cells = [code_cells("noise")[0], 'check("spatial_dropout")']
    done = run_cells(tmp_path, cells, "-I", "-S", before=here)
    assert done.stderr == ""
    assert_says_what_to_do(done.stdout, "from 'autograder' (")
    *_, said, value = done.stdout.splitlines()
    assert said == "spatial_dropout was not checked: see what the first cell says."
    assert value == "0.0"


def test_an_older_grader_of_ours_is_told(tmp_path: Path) -> None:
    before = "import autograder; autograder.__version__ = '0.10.0'"
    cells = [code_cells("noise")[0], 'check("spatial_dropout")']
    done = run_cells(tmp_path, cells, before=before)
    assert done.stderr == ""
    assert_says_what_to_do(done.stdout, "found: autograder 0.10.0. ")


def test_a_newer_grader_of_ours_is_welcome(tmp_path: Path) -> None:
    before = "import autograder; autograder.__version__ = '10.0.0'"
    cells = [*code_cells("noise")[:1], 'check("spatial_dropout")', 'check("gone")']
    done = run_cells(tmp_path, cells, before=before)
    assert done.stderr == ""
    assert "Expected" not in done.stdout
    assert "There is no function named spatial_dropout yet" in done.stdout
    assert "no exercise named 'gone'" in done.stdout
    assert "This is autograder 10.0.0" in done.stdout


@pytest.mark.parametrize("version", ["0.9.9", "0.10", __version__])
def test_this_grader_serves_notebooks_of_its_version_and_before(version: str) -> None:
    require(version)


@pytest.mark.parametrize("version", [f"{__version__}.1", "10.0", "1.10.0"])
def test_this_grader_refuses_notebooks_of_a_later_version(version: str) -> None:
    with pytest.raises(ImportError, match=f"autograder {re.escape(__version__)}"):
        require(version)


# ---- Other systems ------------------------------------------------------------------

#: What Windows' Python lacks, or macOS's, of what Linux's has.
ELSEWHERE = """
import os, signal, sys
for name in ("resource fcntl pwd grp termios syslog pty tty posix_ipc".split()):
    sys.modules[name] = None
for module, names in {
    os: "fork forkpty killpg getpgid setsid getuid geteuid getloadavg mkfifo "
        "sched_getaffinity posix_spawn memfd_create O_NOFOLLOW O_DIRECTORY pidfd_open",
    signal: "SIGKILL SIGXFSZ SIGXCPU SIGALRM SIGHUP SIGCHLD pthread_sigmask setitimer",
}.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
sys.platform = "win32"
"""


def test_check_needs_nothing_that_windows_lacks(tmp_path: Path) -> None:
    solution = source_notebook(ROOT / "solutions" / "conventions.md")
    cells = [cell.source for cell in solution.cells if cell.cell_type == "code"]
    done = run_cells(tmp_path, cells, before="import numpy, subprocess" + ELSEWHERE)
    assert done.stderr == ""
    assert [line for line in done.stdout.splitlines() if re.match(r"\d", line)] == [
        "3.5",
        "4.5",
        "2.0",
    ]


# ---- A fresh environment ------------------------------------------------------------


def pythons_of_the_readme() -> list[str]:
    """Return the versions that the README says it was tested with, "3.11" first."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"[Tt]ested with\s+Python ([\d., and\n]+)", text)
    assert found, "the README names no Python versions"
    return re.findall(r"3\.\d+", found[1])


def python_of(version: str) -> str | None:
    """Return this machine's Python of that version, if it has one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [
        sys.executable,
        shutil.which(f"python{version}"),
        *map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python"))),
    ]
    for candidate in filter(None, candidates):
        question = "import sys, ensurepip; print(*sys.version_info[:2], sep='.')"
        done = subprocess.run(
            [candidate, "-I", "-c", question], capture_output=True, encoding="utf-8"
        )
        if done.returncode == 0 and done.stdout.strip() == version:
            return candidate
    return None


def clean_environment() -> dict[str, str]:
    lost = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "DROPOUT_COURSE_SECRET")
    kept = {name: value for name, value in os.environ.items() if name not in lost}
    return kept | {"PYTHONUTF8": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@pytest.mark.slow
@pytest.mark.parametrize("version", pythons_of_the_readme())
def test_a_fresh_environment_runs_and_grades_a_solved_notebook(
    version: str, wheel: Path, tmp_path: Path
) -> None:
    """The oldest NumPy that is allowed goes with the oldest Python."""
    python = python_of(version)
    if python is None:
        pytest.skip(f"this machine has no Python {version} that can make environments")
    numpy = "numpy==2.0.*" if version == pythons_of_the_readme()[0] else "numpy"

    def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(part) for part in command],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            env=clean_environment(),
            timeout=600,
        )

    venv = tmp_path / "environment"
    made = run(python, "-I", "-m", "venv", venv)
    assert made.returncode == 0, made.stdout + made.stderr
    scripts = venv / dev.SCRIPTS.name
    installed = run(scripts / "python", "-m", "pip", "install", wheel, numpy)
    if installed.returncode and dev.OFFLINE.search(installed.stderr):
        pytest.skip("the package registry cannot be reached, and NumPy comes from it")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    listed = json.loads(
        run(scripts / "python", "-m", "pip", "list", "--format=json").stdout
    )
    names = {each["name"].lower().replace("_", "-") for each in listed}
    assert names - {"pip", "setuptools", "wheel"} == {"numpy", "dropout-in-expectation"}

    for chapter in ("conventions", "judging", "quantization"):
        solved = source_notebook(ROOT / "solutions" / f"{chapter}.md")
        cells = [cell.source for cell in solved.cells if cell.cell_type == "code"]
        (tmp_path / "cells.json").write_text(json.dumps(cells), encoding="utf-8")
        ran = run(scripts / "python", "-W", "error", "-c", RUN, "cells.json")
        assert ran.stderr == ""
        scores = re.findall(r"(?m)^\d+(?:\.\d+)?$", ran.stdout)
        assert sum(map(float, scores)) == 10, ran.stdout
        name = f"{chapter}.ipynb"
        (tmp_path / name).write_text(json.dumps(solved), encoding="utf-8")
        graded = run(scripts / "dropout-grader", "check", name)
        assert f"{name}: 10 of 10 (grader {__version__}" in graded.stdout, graded.stderr
