"""Programs are taken from whole paths in PATH, and never from a student's folder."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from autograder.__main__ import main
from autograder.course.settings import configure
from autograder.doors import classroom
from autograder.grading.grade import grade
from autograder.isolation import bubblewrap, programs
from tests.fixture_class import FORGETS

linux = pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is Linux's")


@pytest.fixture(autouse=True)
def untried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Bubblewrap is looked for, and tried, in each of these tests, and nothing was handed
    in before."""
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setattr(programs, "_handed_in", set())
    bubblewrap.bubblewrap.cache_clear()
    yield
    bubblewrap.bubblewrap.cache_clear()


def program(folder: Path, name: str = "bwrap") -> Path:
    """Make a program that confines nothing, and notes its variables beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    while_it_looks = '[ "$1" = "-c" ] || while [ "$1" != "--" ]; do shift; done; shift'
    path.write_text(
        f'#!/bin/sh\nenv > "{folder}/started"\n{while_it_looks}\nexec "$@"\n'
    )
    path.chmod(0o755)
    return folder / "started"


@linux
@pytest.mark.parametrize("place", ["", ".", "bin", "{here}", "{here}/bin", "{link}"])
def test_no_bwrap_of_the_working_directory_is_started(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = tmp_path / "anna"
    started = [program(anna), program(anna / "bin")]
    link = tmp_path / "link"
    link.symlink_to(anna / "bin")
    monkeypatch.chdir(anna)
    place = place.format(here=anna, link=link)
    for path in (place, f"{place}{os.pathsep}/usr/bin{os.pathsep}/bin"):
        monkeypatch.setenv("PATH", path)
        command, _ = bubblewrap.confine("auto")
        assert not any(note.exists() for note in started)
        assert Path(command[0]).parent not in (anna, anna / "bin", link)
        assert Path(command[0]).is_absolute()
        bubblewrap.bubblewrap.cache_clear()


@linux
def test_no_bwrap_beside_what_was_handed_in_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = program(tmp_path / "class/anna/bin")
    for name in ("anna", "ben"):
        (tmp_path / "class" / name).mkdir(exist_ok=True)
        (tmp_path / "class" / name / "conventions.py").write_text(FORGETS)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("PATH", str(started.parent))
    report = grade(tmp_path / "class/anna/conventions.py", chapter="conventions")
    assert report.sandbox != "bubblewrap" and report.score
    ben = classroom.find_handed_in(tmp_path / "class")[1]
    graded = classroom.grade_one(ben)
    assert graded.report is not None and graded.report.sandbox != "bubblewrap"
    assert not started.exists()


@linux
def test_who_stands_where_the_system_lies_has_bubblewrap_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As Gradescope's run_autograder does."""
    monkeypatch.setenv("PATH", os.defpath)
    before = bubblewrap.confine("auto")[0][0]
    for place in ("/", "/usr", "/usr/bin"):
        monkeypatch.chdir(place)
        bubblewrap.bubblewrap.cache_clear()
        assert bubblewrap.confine("auto")[0][0] == before


@linux
def test_the_trial_gets_nothing_of_the_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = program(tmp_path / "tools")
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}{os.pathsep}{os.defpath}")
    bubblewrap.confine("auto")
    lines = started.read_text().splitlines()
    names = {line.split("=")[0] for line in lines}
    assert "PATH" in names and "LOGNAME=student" in lines
    assert not names & {"DROPOUT_COURSE_SECRET", "PYTEST_CURRENT_TEST", "USER"}


@pytest.mark.parametrize("given", [None, "", os.pathsep, ".", f"a{os.pathsep}"])
def test_a_courses_settings_add_no_place_that_depends_on_where_one_stands(
    given: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given is None:
        monkeypatch.delenv("PATH")
    else:
        monkeypatch.setenv("PATH", given)
    configure(MagicMock(), tmp_path)
    places = os.environ["PATH"].split(os.pathsep)
    assert Path(places[0]) == Path(sys.executable).parent
    assert all(Path(place).is_absolute() for place in places)


def test_the_command_line_leaves_libraries_no_such_place_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join(["", str(tmp_path), "bin"]))
    assert main(["check", str(tmp_path / "none.py")]) == 1
    assert os.environ["PATH"] == str(tmp_path)
