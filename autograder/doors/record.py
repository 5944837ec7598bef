"""Reads what is written down of whose folders are whose, and of the sheets of Blackboard."""

import json
import stat
from pathlib import Path
from typing import Any

from autograder.contract.here import is_missing
from autograder.doors.classroom import ClassError

_LONGEST = 100_000
#: By platform, the accounts that a folder is of.
Owners = dict[str, list[str]]

#: What reading JSON raises, and taking it for what it is not.
UNREADABLE = (OSError, ValueError, TypeError, AttributeError, RecursionError)


def written(path: Path) -> dict[str, Owners]:
    """Return what was written of each folder, nothing where nothing was. Raises
    ``ClassError``."""
    try:
        found = loaded(path, longest=-1) or {}
        return {folder: owners_in(owners) for folder, owners in found.items()}
    except UNREADABLE as error:
        told = f"{path}, which says whose the folders are, cannot be read ({error})."
        raise ClassError(told) from None


def loaded(path: Path, longest: int = _LONGEST) -> Any:
    """Return what a file holds, None where none is; raises one of ``UNREADABLE``."""
    if is_missing(path):
        return None
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is not a file")
    with path.open(encoding="utf-8") as file:
        return json.loads(file.read(longest))


def owners_in(found: Any) -> Owners:
    """Return JSON as what it is to be. Raises one of ``UNREADABLE``."""
    return {
        platform: [str(account) for account in accounts if account != ""]
        for platform, accounts in found.items()
    }
