"""Where things really are: this process, whose folder may have been removed or mounted anew,
and paths from outside, whose links may go in a circle."""

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
