"""Programs that are started by name: from whole paths in PATH, and never a student's.

An empty or relative place in PATH means wherever one stands, which may be a student's
folder; so may one below it.
"""

import contextlib
import os
import shutil
from pathlib import Path

from autograder.contract.here import NowhereError, real_path, working_directory

#: What was handed in lies in these.
_handed_in: set[Path] = set()


def never_below(folder: str | Path) -> None:
    """Start no program that lies in this folder, from now on."""
    with contextlib.suppress(OSError):  # a relative path, and nowhere to stand
        real = real_path(folder)
        if not any(real.is_relative_to(each) for each in _handed_in):
            _handed_in.add(real)


def whole_paths() -> str:
    """Return PATH without what depends on where one stands. Never empty: an empty PATH
    means the working directory."""
    named = os.environ.get("PATH", os.defpath)
    return os.pathsep.join(_whole(named) or _whole(os.defpath))


def _whole(places: str) -> list[str]:
    return [place for place in places.split(os.pathsep) if Path(place).is_absolute()]


def use_whole_paths() -> None:
    """Let libraries, too, and what this process starts, look only there."""
    os.environ["PATH"] = whole_paths()


def find_program(name: str) -> str | None:
    """Return the whole path of a program, None where there is none."""
    for place in whole_paths().split(os.pathsep):
        path = Path(place, name)
        if shutil.which(path) and not _may_be_a_students(path):
            return str(path)
    return None


def _may_be_a_students(path: Path) -> bool:
    # Of a link both what it leads to and where it lies are somebody's choice.
    places = real_path(path.parent), real_path(path)
    return any(place.is_relative_to(each) for place in places for each in _theirs())


def _theirs() -> set[Path]:
    found = set(_handed_in)
    with contextlib.suppress(NowhereError):
        found.add(working_directory())
    # Nobody hands in what holds the whole system: who stands in / has bubblewrap below.
    system = [Path(place) for place in _whole(os.defpath)]
    return {
        folder
        for folder in found
        if not any(place.is_relative_to(folder) for place in system)
    }
