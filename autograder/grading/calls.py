"""What calls of a check show that its message leaves out: arrays that are not float64."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autograder.contract.facts import call_shown

_IN_FULL = {float, int, bool, str}


class Calls:
    """The kinds of calls of a function in one check, by what messages show of them.
    ``arguments`` are the names of its parameters."""

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        self._name, self._arguments = name, arguments
        self._kinds = dict[Any, tuple[tuple[Any, ...], dict[str, Any]]]()

    def note(self, calls: Iterable[tuple[Any, ...]], kwargs: dict[str, Any]) -> None:
        """Remember the kinds of calls with these arguments, and with the same keywords."""
        given = {id(args): args for args in calls}  # many are the same
        for args in given.values():
            kind = *map(_kind, args), *kwargs, *map(_kind, kwargs.values())
            if kind not in self._kinds:
                named = {name: _as_light(value) for name, value in kwargs.items()}
                self._kinds[kind] = tuple(map(_as_light, args)), named

    def completed(self, message: str) -> str:
        """Return a message with the dtypes of each call that it shows, where all calls that
        look like this one had the same."""
        looks: dict[str, dict[str, None]] = {}
        for args, kwargs in self._kinds.values():
            call = self._name, self._arguments, args, kwargs
            whole = looks.setdefault(call_shown(*call, dtypes=False), {})
            whole[call_shown(*call)] = None
        for look, (one, *others) in looks.items():
            if one != look and not others:
                parts = re.split(rf"\b{re.escape(look)}", message)
                message = one.join(parts)
        return message


def _kind(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape or value.item(), value.dtype
    return value if _is_shown(value) else type(value)


def _as_light(value: Any) -> Any:
    """Return what looks the same in a message and takes no memory."""
    if isinstance(value, np.ndarray) and value.ndim:
        return np.broadcast_to(np.zeros((), value.dtype), value.shape)
    return value if _is_shown(value) or isinstance(value, np.ndarray) else None


def _is_shown(value: Any) -> bool:
    """Return whether a message shows the value itself, be it a number or a shape."""
    if type(value) is tuple:
        return all(type(side) is int for side in value)
    return type(value) in _IN_FULL or isinstance(value, np.generic)
