"""The student's namespace: its cells run in it, and its functions are called in it."""

import __future__

import ast
import contextlib
import functools
import inspect
import itertools
import linecache
import sys
import threading
import time
import types
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from autograder import wire
from autograder.wire.errors import describe_error, unwritten_at
from autograder.wire.magics import plain
from autograder.worker import parts
from autograder.worker.output import TEXT_LIMIT, BoundedText, open_figures
from autograder.worker.shell import FakeShell

_CELL = "<cell "
#: Seconds and bytes after which the results of several calls are sent, though not all.
_SHORT, _LARGE = 0.05, 2**20
#: Among what a call changed: the result of the call before, whatever it is now.
_EARLIER = [[wire.EARLIER_RESULT, wire.Writer(wire.foreign).encode(None)]]
_now = time.monotonic  # student code may replace it
_FUTURE = functools.reduce(
    lambda flags, name: flags | getattr(__future__, name).compiler_flag,
    __future__.all_feature_names,
    0,
)


class Worker:
    """The student's namespace, and the commands that the judge may give."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self.requests, self.answers = requests, answers
        self.number = 0
        self.current: object = None
        self.talking = threading.Lock()
        self.module = types.ModuleType("__main__")
        sys.modules["__main__"] = self.module
        self.names = self.module.__dict__
        shell = FakeShell(self._under_a_magic)
        self.names |= {"get_ipython": lambda: shell, "In": [""], "Out": {}, "_": ""}
        self.history = self.names["In"], self.names["Out"]
        self.future = 0
        self.generators: dict[int, np.random.Generator] = {}
        self.handles: dict[int, Any] = {}
        self.last: dict[str, wire.Last] = {}
        self.marks: dict[str, wire.Marks] = {}
        self.next_handle = 0
        # Student code may replace builtins; ours keeps its own.
        self.commands = {"cell": self.cell, "names": self.defined, "call": self.call}

    # -- frames --------------------------------------------------------------------
    def listen(self) -> tuple[dict[str, Any], bytes] | None:
        """Return the judge's next frame, None at the end; its number goes with ours."""
        frame = wire.read_request(self.requests)
        if frame is not None:
            self.number = frame[0]["request"]
        return frame

    def say(self, answer: dict[str, Any], body: bytes = b"") -> None:
        """Answer the judge's last frame. Raises ``WireError``, and says nothing, when the
        answer is larger than a frame."""
        wire.write_frame(self.answers, answer | {"request": self.number}, body)

    # -- cells ---------------------------------------------------------------------
    def cell(
        self, request: dict[str, Any], body: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Execute one cell; answer with its output, and its error if it had one."""
        source, filename = request["source"], f"{_CELL}{request['number']}>"
        _remember(filename, source)
        out, err = BoundedText(), BoundedText()
        answer: dict[str, Any] = {"error": None, "value": None}
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                source = plain(source)
                self.history[0].append(source)
                value = self.execute(source, filename, bool(request.get("go_on")))
                answer["value"] = self._displayed(value)
            except parts.Failures as failures:
                told = [describe_error(error, _CELL) for error in failures.first()]
                answer["error"] = "; ".join(told)
            except BaseException as error:
                answer["error"] = describe_error(error, _CELL)
        answer |= {"stdout": out.text(), "stderr": err.text(), "images": open_figures()}
        return answer, b""

    def execute(self, source: str, filename: str, go_on: bool = False) -> Any:
        """Run a cell; return the value of its last expression. With ``go_on`` (a .py
        file) a statement that raises does not stop the ones below it."""
        if go_on:
            return self._run_all(parts.statements(source, filename), filename)
        tree = ast.parse(source, filename)
        end = tree.body[-1] if tree.body else None
        last = end if isinstance(end, ast.Expr) else None
        if last is not None:
            tree.body.pop()
        try:
            self._run(tree, filename, "exec")
        except ModuleNotFoundError:
            # Who never uses the module needs what stands below its import.
            return self._run_all(parts.statements(source, filename), filename)
        if last is None:
            return None
        return self._run(ast.Expression(last.value), filename, "eval")

    def _under_a_magic(self, source: str) -> Any:
        source, filename = plain(source), f"{_CELL}under a magic>"
        _remember(filename, source)
        return self.execute(source, filename)

    def _run_all(
        self, statements: Iterator[ast.stmt | Exception], filename: str
    ) -> Any:
        """Run a script's statements, whatever comes of each; return the value of the
        last. Raises the first error, or all that stand for a broken block."""
        value: Any = None
        errors: list[BaseException] = []
        for node in statements:
            value = None
            try:
                if isinstance(node, Exception):
                    raise node
                if isinstance(node, ast.Expr):
                    value = self._run(ast.Expression(node.value), filename, "eval")
                else:
                    self._run(ast.Module([node], []), filename, "exec")
            except BaseException as error:
                errors.append(error)
        if errors:
            raise parts.Failures(errors)
        return value

    def _run(self, tree: ast.Module | ast.Expression, filename: str, mode: str) -> Any:
        """Run a part of a cell under the ``__future__`` imports above it."""
        flags = self.future | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(tree, filename, mode, flags, dont_inherit=True)
        self.future |= code.co_flags & _FUTURE
        result = eval(code, self.names)
        if not code.co_flags & inspect.CO_COROUTINE:
            return result
        # An event loop needs sockets, which are refused; what never waits needs no loop.
        try:
            while True:
                result.send(None)
        except StopIteration as end:
            return end.value

    def _displayed(self, value: Any) -> str | None:
        if value is None:
            return None
        self.history[1][len(self.history[0]) - 1] = self.names["_"] = value
        return repr(value)[:TEXT_LIMIT]

    def defined(
        self, request: dict[str, Any], body: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Answer with the functions of the namespace and their parameters, those that
        were defined here first: the judge bounds their number."""
        here: list[str] = []
        imported: list[str] = []
        for name, value in list(self.names.items()):
            if isinstance(name, str) and callable(value) and _may_be_graded(name):
                try:
                    own = value.__module__ == "__main__"
                except BaseException:  # student objects may raise anything
                    own = True
                (here if own else imported).append(name)
        found = itertools.islice([*here, *imported], wire.MAX_ITEMS)
        return {
            "names": {name: _signature(self.names.get(name)) for name in found}
        }, b""

    # -- calls ---------------------------------------------------------------------
    def call(
        self, request: dict[str, Any], body: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Call a student's function with each of the arguments, one after the other;
        answer with what it returned so far once that took ``_SHORT`` seconds."""
        if request.get("forget"):
            for known in (self.generators, self.handles, self.last, self.marks):
                known.clear()
        writer = wire.Writer(wire.foreign)
        given = wire.Arguments(request["values"], body, self._special)
        results = wire.Results(writer, request["opaque"], self._handle)
        changed: list[Any] = []
        answer: dict[str, Any] = {"error": None, "changed": changed, **results.fields}
        until, muted = _now() + _SHORT, BoundedText()
        last = self.last.setdefault(request["function"], wire.Last())
        with contextlib.redirect_stdout(muted), contextlib.redirect_stderr(muted):
            for places, named in request["calls"]:
                self.current = object()  # what lent functions belong to
                args = [given.of_a_call(place) for place in places]
                # At every call: what is looked at now and then is hidden then.
                before = [type(arg) is dict and _kept(arg) for arg in args]
                kwargs = {key: given.of_a_call(place) for key, place in named.items()}
                result, failed = self._made(request["function"], args, kwargs)
                if failed is not None:
                    answer = answer | {"failed": failed} if changed else failed
                    break
                try:
                    results.add(result)
                    now = _changed(args, before, places, given, writer)
                    changed.append(now + _EARLIER * last.is_overwritten())
                    last.keep(result, request["opaque"])
                except BaseException as error:  # of a student's own class, too
                    if changed:
                        results.cut(len(changed))
                        break  # alone it may have room; else the next answer says why
                    return unusable(_said(error)), b""
                if _now() > until or writer.size > _LARGE:
                    break
        return answer, writer.body

    def _made(
        self, name: str, args: list[Any], kwargs: dict[str, Any]
    ) -> tuple[Any, dict[str, Any] | None]:
        """Return what a call returned, and None; or what there is to answer instead."""
        self.marks.setdefault(name, wire.Marks()).leave(args)
        try:
            return self.names[name](*args, **kwargs), None
        except BaseException as error:
            unwritten = unwritten_at(error, [self.names])
            return None, {"error": describe_error(error, _CELL), "unwritten": unwritten}
        finally:
            with self.talking:
                self.current = None

    def _call_back(
        self, call: object, number: int, /, *args: Any, **kwargs: Any
    ) -> Any:
        """Let the judge call a function of its own, and return what that returned.

        A generator among the arguments comes back in the state that the call left."""
        generators: list[np.random.Generator] = []

        def keep(value: Any) -> dict[str, Any]:
            if isinstance(value, np.random.Generator):
                generators.append(value)
                return wire.generator_node(value)
            raise TypeError(f"cannot pass {type(value).__name__} to this function")

        writer = wire.Writer(keep)
        request = {
            "callback": number,
            "args": [writer.encode(arg) for arg in args],
            "kwargs": {key: writer.encode(arg) for key, arg in kwargs.items()},
        }
        # One question at a time, whatever thread asks; none once the call has ended.
        with self.talking:
            if call is not self.current:
                raise ValueError("the call that was given this function has ended")
            self.say(request, writer.body)
            frame = self.listen()
        if frame is None:
            raise SystemExit
        answer, body = frame
        if answer["error"] is not None:
            raise ValueError(answer["error"])
        for generator, node in zip(generators, answer["generators"], strict=True):
            generator.bit_generator.state = wire.generator_state(node)
        return wire.Reader(body).decode(answer["result"])

    def _handle(self, value: Any) -> dict[str, Any]:
        self.next_handle += 1
        self.handles[self.next_handle] = value
        kind = type(value).__name__
        return {"is": "handle", "number": self.next_handle, "type": kind}

    def _special(self, node: dict[str, Any]) -> Any:
        if node["is"] == "handle":
            return self.handles[node["number"]]
        if node["is"] == "generator":
            number = node["number"]
            if number not in self.generators:
                self.generators[number] = wire.generator_of(node)
            return self.generators[number]
        if node["is"] == "callback":
            return functools.partial(self._call_back, self.current, node["number"])
        raise wire.WireError("a value of unknown kind")


def _changed(
    args: list[Any],
    before: list[Any],
    places: list[int],
    given: wire.Arguments,
    writer: wire.Writer,
) -> list[Any]:
    """Return the nodes of the arguments that a call changed, each with its place. Arrays
    are compared with what the judge sent, dictionaries with what ``before`` holds."""
    found = []
    for i, now in enumerate(args):
        if type(now) is np.ndarray:
            changed = given.has_changed(places[i], now)
        else:
            changed = type(now) is dict and not wire.same(now, before[i])
        if changed:
            found.append([i, writer.encode(now)])
    return found


def _kept(value: Any) -> Any:
    """Return an argument's arrays as they are now; the rest cannot change."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: _kept(item) for key, item in value.items()}
    return value


def _signature(function: Any) -> str:
    with contextlib.suppress(BaseException):
        return str(inspect.signature(function))[:200]
    return "(…)"


def _may_be_graded(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_")


def _said(error: BaseException) -> object:
    """Return what to say of a result that could not be written."""
    ours = isinstance(error, wire.WireError | MemoryError)
    return error if ours else describe_error(error, _CELL)


def unusable(reason: object) -> dict[str, Any]:
    """Return the answer to a call whose result cannot go over."""
    return {"error": f"its result cannot be used: {reason}", "unwritten": None}


def _remember(filename: str, source: str) -> None:
    """Let tracebacks find the lines of a cell."""
    lines = source.splitlines(True)
    linecache.cache[filename] = (len(source), None, lines, filename)
