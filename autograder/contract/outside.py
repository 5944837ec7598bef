"""Exercises of a course outside this package: where they lie, and how they are found.

A folder of exercises has the form of ``autograder/checks``: a folder for each chapter,
whose ``__init__.py`` lists EXERCISES, and a module for each of these. Its chapters become
modules of ``autograder.checks``, wherever they lie.
"""

import contextlib
import functools
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from autograder.contract.here import is_file, is_folder, real_path
from autograder.wire.litter import is_litter

#: The environment variable that names folders of exercises, as PATH names folders; what
#: this process starts, such as judges, has it, too. A student's worker has not.
VARIABLE = "DROPOUT_EXERCISES"
#: The environment variable that names packages, with commas between them, which answers
#: may import beside NumPy.
PACKAGES = "DROPOUT_PACKAGES"
#: The group of entry points by which an installed package offers its folder.
GROUP = "dropout_in_expectation.exercises"
#: Where a course keeps the exercises of its own, below its ``nbgrader_config.py``.
FOLDER = "checks"
#: What lies beside a folder of exercises and holds answers.
_ANSWERS = ("solutions", "answers")


def packages() -> list[str]:
    """Return the packages of DROPOUT_PACKAGES: a course's exercises may need others."""
    named = os.environ.get(PACKAGES, "").split(",")
    return [name.strip() for name in named if name.strip()]


def installed_packages() -> dict[str, str]:
    """Return what of each of these packages is installed, as pip names it
    (``scikit-learn==1.7``), "" where nothing is: scores depend on it as on NumPy."""
    if not packages():
        return {}
    from importlib import metadata  # which takes as long as a short check

    found = {}
    for name in sorted(set(packages())):
        found[name] = ""
        for distribution in _distributions(name):
            with contextlib.suppress(Exception):
                found[name] = f"{distribution}=={metadata.version(distribution)}"
                break
    return found


def _distributions(package: str) -> list[str]:
    """Return what may have installed a package: most often what is called like it."""
    from importlib import metadata

    try:
        metadata.version(package)
    except Exception:
        return metadata.packages_distributions().get(package, [])
    return [package]


def expect_docstrings() -> None:
    """Raise ``ExercisesError`` where Python runs without docstrings: what a check or an
    exercise is called stands there."""
    if sys.flags.optimize > 1:
        raise ExercisesError(
            "Python runs without docstrings here, which say what each check looks at: "
            "unset PYTHONOPTIMIZE, and start Python without -OO."
        )


class ExercisesError(Exception):
    """Exercises of a course do not load; the message says where, why and what to do."""


def use(folders: Sequence[str | os.PathLike[str]]) -> None:
    """Let this process, and those that it starts, find exercises in these folders, in the
    place of those in DROPOUT_EXERCISES. Raises ``ExercisesError``."""
    for folder in folders:
        if not is_folder(folder):
            raise ExercisesError(
                f"There is no folder {folder}; expected one of exercises."
            )
    paths = [os.path.realpath(folder) for folder in folders]
    if wrong := [path for path in paths if os.pathsep in path]:
        raise ExercisesError(
            f"{wrong[0]} holds {os.pathsep!r}, which separates folders in {VARIABLE}: "
            "rename it."
        )
    os.environ[VARIABLE] = os.pathsep.join(paths)
    folders_in_force()


def folders_in_force() -> list[Path]:
    """Return the folders of exercises: those of DROPOUT_EXERCISES, then those of installed
    packages. Raises ``ExercisesError`` for one that is not there."""
    named = [
        Path(path) for path in os.environ.get(VARIABLE, "").split(os.pathsep) if path
    ]
    for path in named:
        # What a relative path means depends on where one stands: in a student's folder.
        if not path.is_absolute() or not is_folder(path):
            raise ExercisesError(
                f"{VARIABLE} names {path}; expected the whole path of a folder that is "
                "there."
            )
    found = [*named, *(Path(path) for path in _installed().values())]
    return list(dict.fromkeys(real_path(path) for path in found))


def files_of(folder: Path) -> list[Path]:
    """Return what belongs to a folder of exercises: its modules, and the data that these may
    read; nothing that is hidden, and nothing that Python or a system leaves there."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if not any(
            part.startswith(".") or is_litter(part)
            for part in path.relative_to(folder).parts
        )
        and path.suffix != ".pyc"
        and is_file(path)
    ]


def hidden() -> list[Path]:
    """Return what no student's code may read: the folders of exercises, solutions and
    answers beside them, and the packages that hold them, whole."""
    found = [real_path(path) for path in _installed()]
    for folder in folders_in_force():
        found += [folder, *(folder.with_name(name) for name in _ANSWERS)]
    return [path for path in dict.fromkeys(found) if is_folder(path)]


@functools.cache
def _installed() -> dict[Path, Path]:
    """Return the top folder of each installed package that has exercises, with the folder
    of these."""
    if not _offered():
        return {}
    from importlib import metadata

    places = {}
    for entry in metadata.entry_points(group=GROUP):
        name = entry.value.partition(":")[0].strip()
        try:
            found = [
                importlib.util.find_spec(each) for each in (name.split(".")[0], name)
            ]
        except Exception as error:
            raise ExercisesError(
                f"The package {name}, installed with exercises ({GROUP}), does not load: "
                f"{type(error).__name__}: {error}."
            ) from error
        folders = [
            Path(next(iter(spec.submodule_search_locations)))
            for spec in found
            if spec is not None and spec.submodule_search_locations
        ]
        if len(folders) < len(found):
            raise ExercisesError(
                f"The entry point {entry.name!r} of {GROUP} names {name}; expected an "
                "installed package, a folder, of that name."
            )
        places[folders[0]] = folders[1]
    return places


def _offered() -> bool:
    """Return whether an installed package may have exercises. Python's own search reads
    and parses every package's entry points, which takes as long as a check."""
    for place in sys.path:
        with contextlib.suppress(OSError):
            for path in Path(place).iterdir():
                if path.name.endswith((".dist-info", ".egg-info")):
                    with contextlib.suppress(OSError):
                        text = (path / "entry_points.txt").read_bytes()
                        if GROUP.encode() in text:
                            return True
    return False


def chapters_in(folder: Path) -> list[str]:
    """Return the chapters of a folder of exercises, in the order of their names."""
    found = [path.parent.name for path in folder.glob("*/__init__.py")]
    return sorted(name for name in found if name.isidentifier() and name[0] != "_")


def attach(package: ModuleType, chapters: Sequence[str]) -> list[str]:
    """Let the package of checks, which has these ``chapters``, find those of all folders;
    return their names. Raises ``ExercisesError`` for a name that is taken."""
    home = dict.fromkeys(chapters, "the book")
    for folder in folders_in_force():
        for name in chapters_in(folder):
            if name in home:
                raise ExercisesError(
                    f"{folder} has a chapter {name!r}, as {home[name]} has: rename it."
                )
            home[name] = str(folder)
        if str(folder) not in package.__path__:
            package.__path__.append(str(folder))
    return list(home)[len(chapters) :]


@contextlib.contextmanager
def explained(chapter: str) -> Iterator[None]:
    """Raise ``ExercisesError``, with file and line, for whatever a chapter of a course
    raises when it is loaded."""
    try:
        yield
    except ExercisesError:
        raise
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        ours = Path(where.filename).resolve().parent == Path(__file__).resolve().parent
        place = "" if ours else f" ({where.filename}, line {where.lineno})"
        raise ExercisesError(
            f"The exercises of the chapter {chapter!r} do not load: "
            f"{type(error).__name__}: {error}{place}."
        ) from error
