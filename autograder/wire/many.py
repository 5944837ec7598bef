"""Many calls in one frame, and what came of them, written shortly.

An object that several calls are given goes over once. Of results, arrays of one kind that
follow each other go over as a run: their kind, where they begin, how many.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.wire.frames import MAX_BODY, WireError
from autograder.wire.values import (
    USUAL_AXES,
    Handle,
    Reader,
    Writer,
    is_transposed,
    is_usual,
    kind_of_arrays,
    text_of,
)

#: A result that is an array, and a cache that stays where it is.
_WITH_CACHE = (1,)
#: These stand for themselves in a request.
_PLAIN = {float, int, bool, type(None)}


def written_calls(
    calls: Sequence[tuple[tuple[Any, ...], dict[str, Any]]], writer: Writer
) -> dict[str, Any]:
    """Return the fields of a request for these calls: the values of their arguments, each
    object once, and for each call the places of its own, without a name and with one.

    Raises like ``Writer.encode``."""
    places: dict[int, int] = {}
    values: list[Any] = []

    def place(value: Any) -> int:
        found = places.get(id(value))
        if found is None:
            found = places[id(value)] = len(values)
            plain = type(value) in _PLAIN
            values.append(value if plain else writer.encode(value))
        return found

    return {
        "calls": [
            [[*map(place, args)], {key: place(arg) for key, arg in kwargs.items()}]
            for args, kwargs in calls
        ],
        "values": values,
    }


class Arguments:
    """The values of a request's calls, each of which gets its own copies. ``special`` is
    as in ``Reader``."""

    def __init__(
        self, values: list[Any], body: bytes, special: Callable[[dict[str, Any]], Any]
    ) -> None:
        self._nodes, self._body, self._special = values, body, special
        self._once = [self._decoded_once(node) for node in values]
        self._bytes: dict[int, bytes] = {}

    def _decoded_once(self, node: Any) -> Any:
        """Return what all calls that name this value are given, or copies of it; None for
        a value that each of them reads for itself."""
        if type(node) is not dict:
            return node
        if node["is"] == "array":
            return Reader(self._body).view(node)
        return self._special(node) if node["is"] in ("generator", "handle") else None

    def of_a_call(self, place: int) -> Any:
        """Return this value for a call."""
        found = self._once[place]
        if type(found) is np.ndarray:
            return found.copy("K")
        if found is None and self._nodes[place] is not None:
            return Reader(self._body, self._special).decode(self._nodes[place])
        return found

    def has_changed(self, place: int, now: np.ndarray) -> bool:
        """Return whether an array that a call was given differs, bit by bit."""
        then = self._once[place]
        if now.dtype != then.dtype or now.shape != then.shape:
            return True
        order: Any = "F" if is_transposed(then) else "C"
        if (held := self._bytes.get(place)) is None:
            held = self._bytes[place] = then.tobytes(order)
        return bool(now.tobytes(order) != held)


class Results:
    """Writes what calls returned into one frame. ``opaque`` and ``handle`` are as in
    ``Writer.encode_result``."""

    def __init__(
        self,
        writer: Writer,
        opaque: Sequence[int],
        handle: Callable[[Any], dict[str, Any]],
    ) -> None:
        self._writer, self._opaque, self._handle = writer, opaque, handle
        self._caches = tuple(opaque) == _WITH_CACHE
        self._kinds: dict[tuple[Any, ...], int] = {}
        self.kinds: list[list[Any]] = []
        #: Nodes, and runs: the number of a kind, a place in the body, how many, and the
        #: number of the first one's handle.
        self.nodes: list[Any] = []
        self.number = 0

    @property
    def fields(self) -> dict[str, Any]:
        """What an answer has of the results, now and of those that are still to come."""
        return {"results": self.nodes, "kinds": self.kinds}

    def add(self, result: Any) -> None:
        """Write one more. Raises like ``Writer.encode``, and adds nothing then."""
        array, cache = result, self._opaque
        if self._caches and type(result) is tuple and len(result) == 2:
            array, cache = result
        elif self._opaque:
            array = None
        if not (is_usual(array) and array.ndim):
            node = self._writer.encode_result(result, self._opaque, self._handle)
            self.nodes.append(node)
        else:
            self._add_usual(array, self._handle(cache) if self._caches else None)
        self.number += 1

    def cut(self, number: int) -> None:
        """Take the last one back if there are more than so many."""
        if self.number > number:
            last = self.nodes[-1]
            if type(last) is list and last[2] > 1:
                last[2] -= 1
            else:
                self.nodes.pop()
            self.number -= 1

    def _add_usual(self, array: np.ndarray, handle: dict[str, Any] | None) -> None:
        if self._writer.size + array.nbytes > MAX_BODY:
            raise WireError("its results are larger than a frame")
        first = None if handle is None else handle["number"]
        turned = is_transposed(array)
        key = (array.dtype, array.shape, turned, handle and handle["type"])
        if (kind := self._kinds.get(key)) is None:
            kind = self._kinds[key] = len(self.kinds)
            name, shape = array.dtype.str, list(array.shape)
            self.kinds.append([name, shape, turned, handle and handle["type"]])
        at = self._writer.add(array)
        last = self.nodes[-1] if self.nodes else None
        if type(last) is list and last[0] == kind and _goes_on(last, at, array, first):
            last[2] += 1
        else:
            self.nodes.append([kind, at, 1, first])


def _goes_on(run: list[Any], at: int, array: np.ndarray, handle: int | None) -> bool:
    """Return whether an array of the run's kind lies just behind it, its handle, too."""
    count = run[2]
    return run[1] + count * array.nbytes == at and (
        handle is None or run[3] + count == handle
    )


def read_results(
    nodes: Any, kinds: Any, body: bytes, most: int
) -> tuple[list[Any], Reader]:
    """Return what calls returned, at most so many, and what reads the rest of the frame.

    Trusts nothing. Raises ``WireError``."""
    if not isinstance(nodes, list) or not isinstance(kinds, list):
        raise WireError("results that are no list")
    if len(nodes) > most or len(kinds) > most:
        raise WireError("another number of values came back")
    reader, known = Reader(body), [*map(_kind, kinds)]
    found: list[Any] = []
    for node in nodes:
        if isinstance(node, list):
            found += _run(node, known, reader, most - len(found))
        else:
            found.append(reader.decode(node))
    if not 0 < len(found) <= most:
        raise WireError("another number of values came back")
    return found, reader


#: Of arrays that follow each other: dtype, shape, bytes of each, whether they lie
#: transposed, and the type of the cache that came with each, if one did.
_Kind = tuple[np.dtype, list[int], int, bool, str | None]


def _kind(said: Any) -> _Kind:
    if not isinstance(said, list) or len(said) != 4:
        raise WireError("a kind that is none")
    dtype, shape, turned, cache = said
    try:
        kind, size = kind_of_arrays(dtype, shape)
    except TypeError as error:
        raise WireError("a kind that is none") from error
    if not size or not 0 < len(shape) <= USUAL_AXES:
        raise WireError("a run of arrays of no usual kind")
    name = None if cache is None else text_of(cache, 80)
    return kind, shape, size, turned is True, name


def _run(node: list[Any], kinds: list[_Kind], reader: Reader, most: int) -> list[Any]:
    """Return the results of a run, at most so many; arrays are parts of one."""
    if len(node) != 4 or not all(type(n) is int for n in node[:3]):
        raise WireError("a run that is none")
    number, at, count, first = node
    if not 0 <= number < len(kinds) or not 0 < count <= most:
        raise WireError("a run of another number of values")
    kind, shape, size, turned, cache = kinds[number]
    sides = reversed(shape) if turned else shape
    whole = reader.run(kind, (count, *sides), count * size, at)
    arrays = list(
        whole.transpose(0, *range(whole.ndim - 1, 0, -1)) if turned else whole
    )
    if cache is None and first is None:
        return arrays
    if cache is None or type(first) is not int:
        raise WireError("a run of caches without numbers")
    return [(array, Handle(first + i, cache)) for i, array in enumerate(arrays)]
