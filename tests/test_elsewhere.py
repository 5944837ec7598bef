"""The wheel where Windows and macOS differ from Linux, as far as Linux can play them.

A fresh environment holds the wheel and NumPy alone. Each of its processes, judges and workers
too, starts by losing what the other system lacks. What is played is not the system: paths
have no drive letters, and processes, files and terminals are Linux's.
"""

import json
import ntpath
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from autograder.contract import outside
from autograder.course.source import source_notebook
from autograder.doors import pytest_start
from tests.bank import ROOT
from tests.fixture_class import FORGETS, SWAPS
from tests.test_wheel import clean_environment, wheel

__all__ = ["wheel"]

LOSE = """
def lose(modules, of_os, of_signal):
    for name in modules.split():
        sys.modules[name] = None
    for module, names in ((os, of_os), (signal, of_signal)):
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
"""
#: What a Python of that system lacks, and what it says of itself.
SYSTEMS = {
    "macOS": """
import os, signal, sys
{lose}
lose("", "sched_getaffinity memfd_create pidfd_open setns unshare O_PATH waitid", "")
sys.platform = "darwin"
""",
    "Windows": """
import os, pathlib, shutil, signal, subprocess, sys, tempfile
{lose}
lose(
    "resource fcntl pwd grp termios syslog pty tty readline",
    "fork forkpty killpg getpgid getpgrp setsid getuid geteuid getgid getloadavg mkfifo "
    "mknod sched_getaffinity posix_spawn memfd_create pidfd_open waitid sysconf uname chown "
    "fchmod setxattr statvfs O_NOFOLLOW O_DIRECTORY O_CLOEXEC O_NONBLOCK O_PATH",
    "SIGXFSZ SIGXCPU SIGALRM SIGHUP SIGCHLD SIGPIPE pthread_sigmask setitimer alarm",
)
os.supports_dir_fd, os.supports_fd = set(), {{os.stat, os.truncate}}
shutil._use_fd_functions = False
for module in (pathlib, sys.modules.get("pathlib._local")):
    if module is not None:
        module.WindowsPath = module.PosixPath
sys.platform, os.name = "win32", "nt"
""",
}
SANDBOX = {"macOS": "rlimits", "Windows": "none"}


@pytest.fixture(scope="module", params=SYSTEMS)
def system(
    request: pytest.FixtureRequest,
    wheel: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path]:
    """A system's name, and the Python of an environment that plays it."""
    if sys.platform != "linux":
        pytest.skip("this is such a system, or might be one")
    place = tmp_path_factory.mktemp("elsewhere") / "environment"
    venv.create(place, symlinks=True)
    (site,) = place.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    numpy = Path(np.__file__).parent
    for folder in (numpy, numpy.with_name("numpy.libs")):
        if folder.is_dir():
            (site / folder.name).symlink_to(folder)
    text = SYSTEMS[request.param].format(lose=LOSE)
    (site / "sitecustomize.py").write_text(text, encoding="utf-8")
    # Debian's Python has one of its own, which would come first.
    first = f"import sys; sys.path.insert(0, {str(site)!r})\n"
    (site / "first.pth").write_text(first, encoding="utf-8")
    return request.param, place / "bin/python"


def run(
    system: tuple[str, Path], folder: Path, *command: str
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [system[1], "-P", "-m", "autograder", *command],
        cwd=folder,
        env=clean_environment()
        | {"HOME": str(folder / "home"), "LOCALAPPDATA": str(folder / "local")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_whole_notebook_is_graded(system: tuple[str, Path], tmp_path: Path) -> None:
    solved = source_notebook(ROOT / "solutions/conventions.md")
    (tmp_path / "conventions.ipynb").write_text(json.dumps(solved), encoding="utf-8")
    done = run(system, tmp_path, "check", "conventions.ipynb", "--json", "report.json")
    assert done.returncode == 0, done.stdout
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (report["score"], report["max_score"]) == (10, 10)
    assert report["sandbox"] == SANDBOX[system[0]]
    assert "does not protect files" in done.stdout


def test_a_class_is_graded_and_graded_again(
    system: tuple[str, Path], tmp_path: Path
) -> None:
    dies = "def inverted_dropout(x, keep_prob, rng, training=True):\n    exit()"
    for student, text in {"a": FORGETS, "b": SWAPS, "c": dies}.items():
        (tmp_path / "handed in" / student).mkdir(parents=True)
        (tmp_path / "handed in" / student / "mine.py").write_text(text)
    options = ("grade", "handed in", "-j", "2", "--json", "reports")
    first = run(system, tmp_path, *options)
    assert "3.5 of 10  a/mine.py" in first.stdout
    assert "1.75 of 10  b/mine.py" in first.stdout
    assert "0 of 10  c/mine.py" in first.stdout
    again = run(system, tmp_path, *options)
    assert again.stdout == first.stdout
    assert "3 of 3 files were graded before" in again.stderr
    # Workers' folders are gone with them.
    keeps_secret = {"macOS": "home", "Windows": "local"}[system[0]]
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"handed in", "reports", keeps_secret}


@pytest.mark.slow
def test_a_loop_without_end_is_ended(system: tuple[str, Path], tmp_path: Path) -> None:
    text = "def inverted_dropout(x, keep_prob, rng, training=True):\n    while True: 1"
    (tmp_path / "loops.py").write_text(text)
    done = run(system, tmp_path, "check", "loops.py", "--exercise", "inverted_dropout")
    assert "loops.py: 0 of 4.5" in done.stdout
    assert "gave no answer" in " ".join(done.stdout.split())


# ---- Other separators ---------------------------------------------------------------


def test_folders_of_exercises_are_separated_as_the_system_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows a path holds a colon, and a semicolon separates paths."""
    folders = [tmp_path / "C:checks", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    monkeypatch.setenv(outside.VARIABLE, "")
    monkeypatch.setattr(outside.os, "pathsep", ";")
    outside.use(folders)
    assert os.environ[outside.VARIABLE] == f"{folders[0]};{folders[1]}"
    assert outside.folders_in_force()[:2] == folders


def test_pytests_command_line_is_read_on_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    windows = SimpleNamespace(path=ntpath, name="nt", sep="\\", pathsep=";", environ={})
    monkeypatch.setattr(pytest_start, "os", windows)
    program = r"C:\Users\A B\.venv\Scripts\pytest.exe"
    file = r"--submission=D:\handed in\anna.ipynb"
    assert pytest_start.split([r"C:\python.exe", program, "-q", file]) == (
        [],
        ["-q", file],
    )
    assert pytest_start.named([file]) == [r"D:\handed in\anna.ipynb"]
    common = pytest_start._common_folder
    assert common([r"D:\in\anna.py", r"D:\in\ben\x.py"]) == r"D:\in"
    assert common([r"D:\in\anna.py", r"E:\x.py"]) == ""
