"""Where things really are: this process, whose folder may have been removed or mounted anew,
and paths from outside, whose links may go in a circle.

What is asked of such a path is asked here: until Python 3.14 ``Path.exists``, ``is_file``,
``is_dir`` and ``is_symlink`` raise where the system gives no answer, as for a link to a name
that is too long, or what lies in a folder that may not be entered. Here the answer is no."""

import os
from pathlib import Path


class NowhereError(OSError):
    """There is no working directory; the message says what to do."""


def working_directory() -> Path:
    """Return the working directory, without links. Raises ``NowhereError``."""
    try:
        return real_path(Path.cwd())
    except OSError:
        raise NowhereError(
            "The folder that this was started in is gone: cd to one that is there, and "
            "run this again."
        ) from None


def real_path(path: str | os.PathLike[str]) -> Path:
    """Return the whole path without links, as far as there is one: of links in a circle
    ``Path.resolve`` makes a ``RuntimeError`` until Python 3.12."""
    return Path(os.path.realpath(path))


def is_there(path: str | os.PathLike[str]) -> bool:
    """Whether something is known to be there, followed through links."""
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is known to be there, or a link to one."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is known to be there, or a link to one."""
    return os.path.isdir(path)  # noqa: PTH112


def is_link(path: str | os.PathLike[str]) -> bool:
    """Whether a link is known to be there, wherever it leads."""
    return os.path.islink(path)  # noqa: PTH114


def is_missing(path: str | os.PathLike[str]) -> bool:
    """Whether nothing of that name is there: what the system cannot look at may be."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False
