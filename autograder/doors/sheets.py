"""Blackboard's sheets: what they are called, of which only file names tell."""

import re
from collections.abc import Sequence

from autograder.doors.platforms import PATTERNS, Named
from autograder.wire.text import composed, names_of, one_name

_BLACKBOARD = re.compile(PATTERNS["Blackboard"])
_OWN = "--pattern 'SHEET_(?P<student>.+?)_attempt_(?P<time>[0-9-]{19})[_.].*'"


def sheets_of(named: Sequence[Named]) -> list[str]:
    """Return the names of the sheets, by names that were read, by a pattern of one's own,
    too, if that finds one sheet."""
    found = dict.fromkeys(filter(None, map(_sheet, named)))
    own = any(each.platform == "pattern" for each in named)
    return [] if own and len(found) > 1 else [*found]


def _sheet(each: Named) -> str:
    match = _BLACKBOARD.fullmatch(each.handed_in.name)
    if each.doubtful or each.platform not in ("Blackboard", "pattern") or not match:
        return ""
    whole = composed(match["student"].strip())
    end = f"_{each.name}"
    return whole.removesuffix(end) if whole.endswith(end) and each.name else ""


def told_of_sheets(named: Sequence[Named]) -> list[str]:
    """Return a line for each sheet on how names were read, where one could be read in
    another way."""
    users: dict[str, dict[str, None]] = {}
    for each in named:
        sheet = _sheet(each) if each.platform == "Blackboard" else ""
        if sheet and "_" in f"{sheet}{each.name}":
            users.setdefault(sheet, {})[each.name] = None
    return [
        f"Blackboard: {one_name(sheet)} is the sheet's name, and what follows the user's "
        f"({names_of([*theirs])})."
        for sheet, theirs in users.items()
    ]


def told_of_doubtful(named: Sequence[Named]) -> list[str]:
    """Return a line on names of which nobody knows whose they are."""
    wholes = [*dict.fromkeys(each.name for each in named if each.doubtful)]
    if not wholes:
        return []
    return [
        f"{names_of(wholes)}: nothing says where the sheet's name ends and the user's "
        f"begins. Take the whole class's download, or collect with {_OWN}, and the sheet's "
        "name for SHEET."
    ]
