"""What goes to a worker by reference: caches of its own, generators, and the judge's own
functions, which it lends to a student's code.

Whatever such a function does with arguments that a student chose, the worker gets exactly
one answer. A request that no worker of ours would write is a ``WireError``, never another
exception.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder import wire
from autograder.contract.student import Refused
from autograder.wire import Foreign, Handle

#: Bytes of arrays that a call may bring; the judge copies them.
LENT_LIMIT = 32_000_000
#: What a student's code is told of an exception that says nothing to it.
_CANNOT = "the function that was handed to you cannot work with these arguments"


class Lent:
    """The functions that go with one call, by number."""

    def __init__(self) -> None:
        self._functions: list[Callable[..., Any]] = []

    def add(self, function: Callable[..., Any]) -> int:
        """Lend a function; return the number by which a student's code asks for it."""
        self._functions.append(function)
        return len(self._functions) - 1

    def answer(
        self, request: dict[str, Any], body: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Call the function that a request asks for; return the answer frame.

        Arguments are as untrusted as results. Raises ``WireError`` for a request that is
        malformed; an exception of the function is an answer, without its text but for
        ``Refused``."""
        if len(body) > LENT_LIMIT:
            text = f"arguments of more than {LENT_LIMIT // 10**6} MB are too large"
            return {"error": text}, b""
        generators: list[np.random.Generator] = []
        function, args, kwargs = self._asked(request, body, generators)
        writer = wire.Writer(wire.foreign)
        try:
            with np.errstate(all="ignore"):
                result = writer.encode(function(*args, **kwargs))
            states = [wire.generator_node(generator) for generator in generators]
            answer = {"error": None, "result": result, "generators": states}
            wire.packed_request(answer, writer.body)
        except Refused as refused:
            return {"error": str(refused)[:400] or _CANNOT}, b""
        except (Exception, SystemExit):
            return {"error": _CANNOT}, b""
        return answer, writer.body

    def _asked(
        self, request: dict[str, Any], body: bytes, generators: list[Any]
    ) -> tuple[Callable[..., Any], list[Any], dict[str, Any]]:
        """Return the function that is asked for and its arguments, and fill
        ``generators`` with those among them."""

        def special(node: dict[str, Any]) -> Any:
            if node["is"] != "generator":
                raise wire.WireError("a value of unknown kind")
            generators.append(wire.generator_of(node))
            return generators[-1]

        wire.expect_fields(request, callback=int, args=list, kwargs=dict)
        number = request["callback"]
        if not 0 <= number < len(self._functions):
            raise wire.WireError("a function that nobody lent")
        reader = wire.Reader(body, special)
        args = [reader.decode(node) for node in request["args"]]
        kwargs = {k: reader.decode(node) for k, node in request["kwargs"].items()}
        return self._functions[number], args, kwargs


class References:
    """What stands in calls for values that have no encoding of their own."""

    def __init__(self) -> None:
        self._generators: dict[int, tuple[int, np.random.Generator]] = {}
        #: The functions that the call in hand lends.
        self.lent = Lent()

    def forget(self) -> None:
        """Let generators that were passed before count as new ones."""
        self._generators.clear()

    def of_a_call(self) -> Callable[[Any], dict[str, Any]]:
        """Begin a call; return what makes nodes of its arguments."""
        self.lent = Lent()
        return self._node

    def _node(self, value: Any) -> dict[str, Any]:
        """Return the node of a handle, or of a generator (its state, once)."""
        if isinstance(value, Handle):
            return {"is": "handle", "number": value.number}
        if isinstance(value, np.random.Generator):
            number, _ = self._generators.setdefault(
                id(value), (len(self._generators), value)
            )
            return wire.generator_node(value) | {"number": number}
        if callable(value):
            return {"is": "callback", "number": self.lent.add(value)}
        if isinstance(value, Foreign):
            raise wire.WireError(f"a value of type {value.type_name}")
        raise TypeError(f"a check passed {type(value).__name__}, which cannot be sent")
