"""What may cross between a judge and a student's code, as JSON nodes and arrays' bytes.

``Reader`` bounds sizes, dtypes, nesting and counts, because what it reads may come from a
student."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from autograder.wire.frames import MAX_BODY, WireError
from autograder.wire.text import clean

MAX_NUMBERS = 4_000_000
MAX_DEPTH = 6
MAX_ITEMS = 10_000
#: In the place of an argument that a call changed: the result of the call before.
EARLIER_RESULT = -1
#: An array of fewer bytes, and of no more axes, is one of usual size.
_USUAL = 1 << 20
USUAL_AXES = 4
_CODES = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
_DTYPES = {np.dtype(code).str: np.dtype(code) for code in _CODES}
_NATIVE = {dtype: name for name, dtype in _DTYPES.items()}


@dataclass(frozen=True)
class Handle:
    """An object that stays on the student's side (a cache); checks hand it back."""

    number: int
    type_name: str


@dataclass(frozen=True)
class Foreign:
    """A result that is neither a number, an array nor a plain container of them."""

    type_name: str


def text_of(value: Any, limit: int) -> str:
    """Return the text, cut and clean. Anything else is refused: the mere text of a list
    in a list in a list … ends in a ``RecursionError``."""
    if not isinstance(value, str):
        raise WireError("a value that should be text is not")
    return clean(value[:limit])


def foreign(value: Any) -> dict[str, Any]:
    """Return the node of a value that has no encoding: its type alone."""
    return {"is": "foreign", "type": type(value).__name__}


class Writer:
    """Encodes values for one frame. ``keep`` turns what has no encoding into a node
    (a handle, say); ``body`` collects the arrays' bytes, ``size`` of them."""

    def __init__(self, keep: Callable[[Any], dict[str, Any]]) -> None:
        self._keep = keep
        self._parts: list[bytes] = []
        self.size = 0
        self._items = 0

    @property
    def body(self) -> bytes:
        return b"".join(self._parts)

    def encode_result(
        self,
        result: Any,
        opaque: Collection[int],
        handle: Callable[[Any], dict[str, Any]],
    ) -> dict[str, Any]:
        """Return the node of what a function returned, with a ``handle`` in place of the
        items of a tuple that are ``opaque``. Raises like ``encode``."""
        in_part = _is_a(result, tuple) and opaque and tuple.__len__(result) <= 16
        if not in_part:
            return self.encode(result)
        items = [
            handle(item) if i in opaque else self.encode(item, 1)
            for i, item in enumerate(tuple.__iter__(result))
        ]
        return {"is": "tuple", "items": items}

    def encode(self, value: Any, depth: int = 0) -> dict[str, Any]:
        """Return the JSON node of a value. Raises ``WireError`` when it is too deep,
        too long or too large."""
        if depth > MAX_DEPTH:
            raise WireError(f"a value is nested deeper than {MAX_DEPTH} levels")
        self._items += 1
        if self._items > 2 * MAX_ITEMS:
            raise WireError(f"a value has more than {2 * MAX_ITEMS:,} items")
        if value is None or value is True or value is False:
            return {"is": "constant", "value": value}
        # Subclasses may say anything of themselves; these methods are the types' own.
        if _is_a(value, int):
            if (bits := int.bit_length(value)) > 4096:
                return {"is": "foreign", "type": f"integer of {bits} bits"}
            return {"is": "int", "value": hex(int.__pos__(value))}
        if _is_a(value, float):
            return {"is": "float", "value": float.hex(value)}
        if _is_a(value, str):
            return {"is": "str", "value": str.__getitem__(value, slice(MAX_ITEMS))}
        if _is_a(value, complex):
            return {"is": "foreign", "type": "complex number"}
        if _is_a(value, np.ndarray):
            if odd := type(value) is not np.ndarray and _odd_array(value):
                return {"is": "foreign", "type": odd}
            return self._array(value)
        if _is_a(value, np.longdouble):
            return self.encode(float(value), depth)
        if _is_a(value, np.generic):
            if value.dtype.kind in "biuf" and value.dtype.str in _DTYPES:
                return self.encode(value.item(), depth)
            kind = "complex number" if value.dtype.kind == "c" else type(value).__name__
            return {"is": "foreign", "type": kind}
        if _is_a(value, tuple, list, dict):
            return self._container(value, depth)
        return self._keep(value)

    def _container(self, value: Any, depth: int) -> dict[str, Any]:
        kind = next(kind for kind in (tuple, list, dict) if _is_a(value, kind))
        if (number := kind.__len__(value)) > MAX_ITEMS:
            return {
                "is": "foreign",
                "type": f"{type(value).__name__} of {number} items",
            }
        items = dict.values(value) if kind is dict else kind.__iter__(value)
        node: dict[str, Any] = {"items": [self.encode(v, depth + 1) for v in items]}
        if kind is dict:
            keys = [str(key)[:200] for key in dict.__iter__(value)]
            return node | {"is": "dict", "keys": keys}
        return node | {"is": "tuple" if kind is tuple else "list"}

    def _array(self, value: np.ndarray) -> dict[str, Any]:
        plain = type(value) is np.ndarray and value.dtype in _NATIVE
        dtype = value.dtype if plain else _sent_as(value.dtype)
        if dtype not in _NATIVE:
            what = "complex numbers" if dtype.kind == "c" else f"dtype {value.dtype}"
            return {"is": "foreign", "type": f"array of {what}"}
        if value.nbytes + self.size > MAX_BODY or _numbers(value.shape) > MAX_NUMBERS:
            raise WireError(
                f"an array of shape {value.shape} is larger than an answer may be "
                f"({MAX_NUMBERS:,} numbers, {MAX_BODY >> 20} MB in all)"
            )
        if not plain:
            # np.array drops a subclass and the foreign byte order.
            with np.errstate(over="ignore"):
                value = np.array(value, dtype=dtype, order="C", subok=False)
        node = {
            "is": "array",
            "dtype": _NATIVE[dtype],
            "shape": list(value.shape),
            "at": self.add(value),
        }
        if is_transposed(value):
            node["order"] = "F"
        return node

    def add(self, array: np.ndarray) -> int:
        """Take an array's bytes as they lie; return where."""
        at, raw = self.size, array.tobytes(order="A")
        self._parts.append(raw)
        self.size += len(raw)
        return at


def _is_a(value: Any, *kinds: type) -> bool:
    """Return whether a value is of one of these types, not only says so (``__class__``)."""
    return issubclass(type(value), kinds)


def _odd_array(value: np.ndarray) -> str:
    """Return what an array of a subclass is that is not used as arrays are, if it is that:
    a matrix has another product, and what is masked is no number."""
    if _is_a(value, np.matrix):
        return "np.matrix"
    return "array with masked entries" if np.ma.is_masked(value) else ""


def is_transposed(value: np.ndarray) -> bool:
    """Return whether the first axis is that of neighbours in memory."""
    return value.flags.f_contiguous and not value.flags.c_contiguous


def copy_of_plain(value: Any) -> np.ndarray | None:
    """Return what comes out of a frame for an array of usual size that needs no
    conversion, without writing one; None for any other value."""
    if not is_usual(value):
        return None
    order: Any = "F" if is_transposed(value) else "C"
    if value.dtype == bool:
        return np.asarray(np.not_equal(value.view(np.uint8), 0, order=order))
    return np.array(value, order=order)


def _of_two_values(array: np.ndarray) -> np.ndarray:
    """Return the array; one of booleans with bytes 0 and 1 alone, for others can be made
    (``view``), and equal masks would then hold different bytes."""
    if array.dtype != bool:
        return array
    return np.asarray(array.view(np.uint8) != 0)


def is_usual(value: Any) -> bool:
    """Return whether this is an array of usual size that needs no conversion."""
    return (
        type(value) is np.ndarray
        and value.ndim <= USUAL_AXES
        and value.dtype in _NATIVE
        and 0 < value.nbytes < _USUAL
    )


def _sent_as(dtype: np.dtype) -> np.dtype:
    """Return the dtype in this machine's byte order; long doubles, which differ from
    machine to machine, as float64."""
    native = dtype.newbyteorder("=")
    return np.dtype(float) if native.kind == "f" and native.itemsize > 8 else native


def _numbers(shape: Sequence[int]) -> int:
    """Return how many numbers an array of this shape holds; one with a side of 0 counts
    as if that were 1, for what is made in its likeness may have none."""
    return math.prod(shape) or math.prod(max(side, 1) for side in shape)


class Reader:
    """Decodes the nodes of one frame, trusting none of them.

    ``special`` decodes nodes that only one side understands (generators and handles, on
    the worker's side); it returns the value, or raises ``WireError``.
    """

    def __init__(
        self, body: bytes, special: Callable[[dict[str, Any]], Any] | None = None
    ) -> None:
        self._body = body
        self._special = special
        self._items = 0
        self._decoded = 0

    def decode(self, node: Any, depth: int = 0) -> Any:
        """Return the value of a node. Raises ``WireError`` for anything unexpected."""
        if not isinstance(node, dict) or depth > MAX_DEPTH:
            raise WireError("a value is malformed or nested too deep")
        self._items += 1
        if self._items > 2 * MAX_ITEMS:
            raise WireError("a value has too many items")
        try:
            return self._decode(node, depth)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise WireError("a value is malformed") from error

    def _decode(self, node: dict[str, Any], depth: int) -> Any:
        match node["is"]:
            case "constant" if node["value"] in (None, True, False):
                return node["value"]
            case "int":
                return int(text_of(node["value"], 1200), 16)
            case "float":
                return float.fromhex(text_of(node["value"], 64))
            case "str":
                return text_of(node["value"], MAX_ITEMS)
            case "array":
                return self.view(node).copy("K")
            case "tuple" | "list" | "dict" as kind:
                items = [self.decode(item, depth + 1) for item in node["items"]]
                if kind == "dict":
                    keys = [text_of(key, 200) for key in node["keys"]]
                    return dict(zip(keys, items, strict=True))
                return tuple(items) if kind == "tuple" else items
            case "foreign":
                return Foreign(text_of(node["type"], 80))
        if self._special is not None:
            return self._special(node)
        if node["is"] == "handle" and type(node["number"]) is int:
            return Handle(node["number"], text_of(node["type"], 80))
        raise WireError("a value of unknown kind")

    def view(self, node: dict[str, Any]) -> np.ndarray:
        """Return the array of a node as it lies in the frame, not to be written to."""
        shape, at = node["shape"], node["at"]
        kind, size = kind_of_arrays(node["dtype"], shape)
        self._take(at, size)
        if not size:
            return np.empty(shape, kind)
        order: Literal["F", "C"] = "F" if node.get("order") == "F" else "C"
        return _of_two_values(np.ndarray(shape, kind, self._body, at, order=order))

    def run(
        self, kind: np.dtype, shape: Sequence[int], size: int, at: Any
    ) -> np.ndarray:
        """Return a copy of an array of so many bytes. Raises ``WireError``."""
        self._take(at, size)
        return _of_two_values(np.ndarray(shape, kind, self._body, at)).copy()

    def _take(self, start: Any, size: int) -> None:
        if type(start) is not int or start < 0:
            raise WireError("an array whose place is no whole number")
        if start + size > len(self._body):
            raise WireError("an array that reaches beyond its frame")
        # A writer never puts two arrays in one place; their copies would fill the memory.
        self._decoded += size
        if self._decoded > len(self._body):
            raise WireError("arrays that hold more than their frame")


def kind_of_arrays(dtype: Any, shape: Any) -> tuple[np.dtype, int]:
    """Return the dtype of arrays that are said to be of these, and how many bytes one
    takes. Raises ``WireError``, and ``TypeError`` for what no dtype's name can be."""
    if dtype not in _DTYPES or not isinstance(shape, list) or len(shape) > 32:
        raise WireError("an array of a dtype or rank that is not allowed")
    if not all(type(side) is int and side >= 0 for side in shape):
        raise WireError("an array whose shape is not made of whole numbers")
    if _numbers(shape) > MAX_NUMBERS:
        raise WireError(f"an array of more than {MAX_NUMBERS:,} numbers")
    kind = _DTYPES[dtype]
    return kind, math.prod(shape) * kind.itemsize


class Last:
    """What a function returned last, as it was: whether the next call writes over it."""

    def __init__(self) -> None:
        self._arrays: list[tuple[np.ndarray, Any, Any, bytes]] = []

    def is_overwritten(self) -> bool:
        for array, dtype, shape, held in self._arrays:
            alike = array.dtype == dtype and array.shape == shape
            if not (alike and array.tobytes() == held):
                return True
        return False

    def keep(self, result: Any, opaque: Collection[int] = ()) -> None:
        """Remember the arrays of a result, of usual size, that a check may look at."""
        items = result if isinstance(result, tuple) else (result,)
        self._arrays = []
        for place, item in enumerate(items):
            if place not in opaque:
                for array in item.values() if type(item) is dict else (item,):
                    if type(array) is np.ndarray and array.nbytes < _USUAL:
                        kept = array, array.dtype, array.shape, array.tobytes()
                        self._arrays.append(kept)


def same(now: Any, then: Any) -> bool:
    """Return whether an argument holds what it held, bit by bit."""
    if isinstance(then, np.ndarray):
        alike = isinstance(now, np.ndarray) and now.dtype == then.dtype
        return alike and now.shape == then.shape and now.tobytes() == then.tobytes()
    if isinstance(then, dict):
        alike = isinstance(now, dict) and list(now) == list(then)
        return alike and all(same(now[key], then[key]) for key in then)
    return now is then
