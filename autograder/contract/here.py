"""Where this process stands; the folder may have been removed, or mounted anew."""

import os
from pathlib import Path


class NowhereError(OSError):
    """There is no working directory; the message says what to do."""


def working_directory() -> Path:
    """Return the working directory, without links. Raises ``NowhereError``."""
    try:
        return Path(os.path.realpath(Path.cwd()))
    except OSError:
        raise NowhereError(
            "The folder that this was started in is gone: cd to one that is there, and "
            "run this again."
        ) from None
