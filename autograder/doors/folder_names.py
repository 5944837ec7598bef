"""What names of students' folders have in common, as people and file systems see it."""

import re
import unicodedata
from collections.abc import Iterable

from autograder.wire.text import without_unseen

#: What follows a name may be a number where it has one of these.
_NUMBER = re.compile(r"[\d@]")


def folded(name: str) -> str:
    """Return the name as people compare it, and file systems that know no capitals, or drop
    what is at its end."""
    seen = without_unseen(unicodedata.normalize("NFKC", name))
    return seen.casefold().rstrip(" .")


def possible_names(folder: str, accounts: Iterable[str]) -> list[str]:
    """Return the names, folded, that a folder may have, with a number behind them or none:
    one with a digit, an address, or one of the folder's own accounts."""
    numbered = [
        name for name, rest in beginnings(folder).items() if _NUMBER.search(rest)
    ]
    return list(
        dict.fromkeys([folded(folder), *numbered, *before_accounts(folder, accounts)])
    )


def before_accounts(folder: str, accounts: Iterable[str]) -> list[str]:
    """Return what stands before an account at the end of a folder's name, folded."""
    known = {folded(account) for account in accounts}
    return [name for name, rest in beginnings(folder).items() if rest in known]


def beginnings(folder: str) -> dict[str, str]:
    """Return what a folder's name begins with, before an underscore, and what is behind
    it, both folded as names of their own: a dot at the end of one is nothing."""
    marks = [at for at, mark in enumerate(folder) if mark == "_"]
    return {folded(folder[:at]): folded(folder[at + 1 :]) for at in marks}
