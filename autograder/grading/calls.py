"""What calls of a check show that its message leaves out: arrays that are not float64."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograder.contract.facts import call_shown

_IN_FULL, _SIDES = {float, int, bool, str}, {int}


class _Array(NamedTuple):
    shape: tuple[int, ...]
    dtype: Any
    #: That of an array without axes.
    item: Any


#: How the arguments of a call look, and its keywords.
_Kind = tuple[tuple[Any, ...], tuple[tuple[str, Any], ...]]


class Calls:
    """The kinds of calls of a function in one check, by what messages show of them.
    ``arguments`` are the names of its parameters."""

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        self._name, self._arguments = name, arguments
        self._kinds = dict[_Kind, None]()

    def note(self, calls: Sequence[tuple[Any, ...]], kwargs: dict[str, Any]) -> None:
        """Remember the kinds of calls with these arguments, and with the same keywords."""
        named: tuple[tuple[str, Any], ...] = ()
        if kwargs:
            named = tuple([(name, _looks(value)) for name, value in kwargs.items()])
        if len(calls) > 1:
            # Many are the same.
            calls = [*{id(args): args for args in calls}.values()]
        for args in calls:
            # Most are numbers, for which a call of ours takes longer than all the rest.
            looks = [a if type(a) in _IN_FULL else _looks(a) for a in args]
            self._kinds[tuple(looks), named] = None

    def completed(self, message: str) -> str:
        """Return a message with the dtypes of each call that it shows, where all calls that
        look like this one had the same."""
        looks: dict[str, dict[str, None]] = {}
        for args, named in self._kinds:
            kwargs = {name: _shown(value) for name, value in named}
            call = self._name, self._arguments, [*map(_shown, args)], kwargs
            whole = looks.setdefault(call_shown(*call, dtypes=False), {})
            whole[call_shown(*call)] = None
        for look, (one, *others) in looks.items():
            if one != look and not others:
                parts = re.split(rf"\b{re.escape(look)}", message)
                message = one.join(parts)
        return message


def _looks(value: Any) -> Any:
    """Return what messages show of a value, in little memory."""
    if type(value) is np.random.Generator:
        return None
    if isinstance(value, np.ndarray):
        return _Array(value.shape, value.dtype, None if value.ndim else value.item())
    return value if _is_shown(value) else None


def _shown(looks: Any) -> Any:
    """Return what looks the same in a message as the value did."""
    if not isinstance(looks, _Array):
        return looks
    return np.broadcast_to(np.array(looks.item or 0, looks.dtype), looks.shape)


def _is_shown(value: Any) -> bool:
    """Return whether a message shows the value itself, be it a number or a shape."""
    if type(value) is tuple:
        return _SIDES.issuperset(map(type, value))
    return type(value) in _IN_FULL or isinstance(value, np.generic)
