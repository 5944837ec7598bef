"""What lies beside a student's notebook, and of it what nbgrader copies."""

import fnmatch
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from nbgrader.converters import base

from autograder.isolation.folders import walk
from autograder.submission.file import leads_out

#: Files beside one notebook, of more of which none is copied, and folders in each other,
#: below which none is. No exercise of the book needs any.
MOST_FILES, MOST_DEPTH = 1_000, 20


def own_folder(folder: Path) -> Path:
    """Return where the files of ``<step>/<student>/<assignment>`` must really be."""
    return folder.parents[1].resolve() / folder.parent.name


def keep_to_own_files(converter: Any) -> None:
    """Have nbgrader copy the students' own files, and nothing that a link leads to.

    nbgrader copies what lies beside a notebook, follows links and opens pipes; it looks
    for each file's name in the list of all others, which takes minutes for thousands, and
    ends at the depth of Python's stack."""
    base.find_all_files = partial(files_to_copy, log=converter.log)


def files_to_copy(
    source: str, exclude: Collection[str] | None = None, *, log: Any
) -> list[str]:
    """Return the paths of the files below ``source`` that nbgrader is to copy: none whose
    name, or a folder's above it, fits a pattern of ``exclude``, none below ``MOST_DEPTH``
    folders, and none at all if they are more than ``MOST_FILES``."""
    folder, paths = Path(source), []
    for path in _own_files(folder, exclude or (), log):
        paths.append(str(path))
        if len(paths) > MOST_FILES:
            log.warning(
                "Nothing beside the notebook is copied, for it is more than %s files: %s",
                f"{MOST_FILES:,}",
                folder,
            )
            return []
    return paths


def _own_files(folder: Path, exclude: Collection[str], log: Any) -> Iterator[Path]:
    own, told = own_folder(folder), 0
    if leads_out(folder, own):
        log.warning("Not copied, for it is a link to another place: %s", folder)
        return
    for place, folders, files in walk(folder):
        folders[:] = [name for name in folders if not _fits(name, exclude)]
        if len(Path(place).relative_to(folder).parts) >= MOST_DEPTH and folders:
            log.warning("Not copied, for it lies too deep: what is below %s", place)
            folders.clear()
        for name in files:
            path = Path(place, name)
            if _fits(name, exclude):
                continue
            if path.is_file() and not leads_out(path, own):
                yield path
            elif (told := told + 1) <= _TOLD:
                log.warning("Not copied, for it is no file of theirs: %s", path)


#: So many files that are not copied are named.
_TOLD = 20


def _fits(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
