"""The name that was meant where somebody misspelt one."""

import difflib
from collections.abc import Iterable

#: How like each other a name and one that was meant for it are, at least.
_LIKE = 0.75


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like this one, capitals or not, if one is."""
    folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=_LIKE)
    return folded[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?", to follow "there is no …", or a full stop."""
    found = nearest(name, known)
    return "." if found is None else f"; did you mean {found}?"
