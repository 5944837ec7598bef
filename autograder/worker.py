"""The process in which a student's code runs. The judge never imports this module.

It reads commands from its standard input and answers on its standard output, both taken
away from the student's code before that runs. Whatever it answers is a claim that the
judge checks; it decides nothing.
"""

import ast
import base64
import builtins
import contextlib
import functools
import inspect
import io
import linecache
import os
import sys
import tempfile
import types
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

import autograder
from autograder import guard, wire
from autograder.students import describe_error

TEXT_LIMIT = 100_000
_CELL = "<cell "


class BoundedText(io.TextIOBase):
    """A text stream that keeps its first ``TEXT_LIMIT`` characters and drops the rest."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._left = TEXT_LIMIT
        self.dropped = False
        # print(..., file=sys.stdout.buffer)-style output is text for us as well.
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        part = text[: self._left]
        self._parts.append(part)
        self._left -= len(part)
        self.dropped = self.dropped or len(part) < len(text)
        return len(text)

    def writable(self) -> bool:
        return True

    def text(self) -> str:
        cut = "\n… (the rest of the output was cut)\n" if self.dropped else ""
        return "".join(self._parts) + cut


class _Bytes(io.RawIOBase):
    def __init__(self, text: BoundedText) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._text.write(bytes(data).decode("utf-8", "replace"))
        return len(data)


class Worker:
    """The student's namespace, and the commands that the judge may give."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self.requests, self.answers = requests, answers
        self.module = types.ModuleType("__main__")
        sys.modules["__main__"] = self.module
        self.names = self.module.__dict__
        self.names["get_ipython"] = _FakeShell
        self.generators: dict[int, np.random.Generator] = {}
        self.handles: dict[int, Any] = {}
        self.next_handle = 0
        # Student code may replace builtins; ours keeps its own.
        self.commands = {"cell": self.cell, "names": self.defined, "call": self.call}

    # -- cells ---------------------------------------------------------------------
    def cell(
        self, request: dict[str, Any], body: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Execute one cell; answer with its output, and its error if it had one."""
        source, filename = request["source"], f"{_CELL}{request['number']}>"
        linecache.cache[filename] = (
            len(source),
            None,
            source.splitlines(True),
            filename,
        )
        out, err = BoundedText(), BoundedText()
        answer: dict[str, Any] = {"error": None, "value": None}
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                source = _without_magics(source)
                answer["value"] = self._execute(
                    source, filename, bool(request.get("go_on"))
                )
            except BaseException as error:
                answer["error"] = describe_error(error, _CELL)
        answer |= {"stdout": out.text(), "stderr": err.text(), "images": _images()}
        return answer, b""

    def _execute(self, source: str, filename: str, go_on: bool) -> str | None:
        """Run a cell; return the repr of its last expression. With ``go_on`` (a .py
        file) a statement that raises does not stop the ones below it."""
        tree = ast.parse(source, filename)
        end = tree.body[-1] if tree.body else None
        last = end if isinstance(end, ast.Expr) else None
        if last is not None:
            tree.body.pop()
        first_error: BaseException | None = None
        groups = [[node] for node in tree.body] if go_on else [tree.body]
        for group in groups:
            try:
                code = compile(
                    ast.Module(group, []), filename, "exec", dont_inherit=True
                )
                exec(code, self.names)
            except BaseException as error:
                if not go_on:
                    raise
                first_error = first_error or error
        if first_error is not None:
            raise first_error
        if last is None:
            return None
        code = compile(ast.Expression(last.value), filename, "eval", dont_inherit=True)
        value = eval(code, self.names)
        return None if value is None else repr(value)[:TEXT_LIMIT]

    def defined(
        self, request: dict[str, Any], body: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Answer with the functions of the namespace and their parameters."""
        found = {}
        for name, value in list(self.names.items()):
            if isinstance(name, str) and callable(value) and not name.startswith("_"):
                try:
                    found[name] = str(inspect.signature(value))[:200]
                except (TypeError, ValueError):
                    found[name] = "(…)"
        return {"names": found}, b""

    # -- calls ---------------------------------------------------------------------
    def call(
        self, request: dict[str, Any], body: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Call a student's function; answer with what it returned."""
        if request.get("forget"):
            self.generators.clear()
            self.handles.clear()
        reader = wire.Reader(body, self._special)
        args = [reader.decode(node) for node in request["args"]]
        kwargs = {key: reader.decode(node) for key, node in request["kwargs"].items()}
        muted = BoundedText()
        with contextlib.redirect_stdout(muted), contextlib.redirect_stderr(muted):
            try:
                result = self.names[request["function"]](*args, **kwargs)
            except BaseException as error:
                return {"error": describe_error(error, _CELL)}, b""
            try:
                return self._answer(result, args, request)
            except (wire.WireError, MemoryError) as error:
                return {"error": f"its result cannot be used: {error}"}, b""

    def _answer(
        self, result: Any, args: list[Any], request: dict[str, Any]
    ) -> tuple[dict[str, Any], bytes]:
        writer = wire.Writer(lambda v: {"is": "foreign", "type": type(v).__name__})
        opaque = request["opaque"]
        if isinstance(result, tuple) and opaque and len(result) <= 16:
            node: dict[str, Any] = {"is": "tuple", "items": []}
            for i, item in enumerate(result):
                kept = self._handle(item) if i in opaque else writer.encode(item, 1)
                node["items"].append(kept)
        else:
            node = writer.encode(result)
        answer: dict[str, Any] = {"error": None, "result": node, "after": []}
        if request["observe"]:
            answer["after"] = [
                writer.encode(arg if isinstance(arg, np.ndarray | dict) else None)
                for arg in args
            ]
        return answer, writer.body

    def _call_back(self, number: int, *args: Any, **kwargs: Any) -> Any:
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
        wire.write_frame(self.answers, request, writer.body)
        frame = wire.read_frame(self.requests)
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
                state = wire.generator_state(node)
                # The seed is what rng.spawn goes by; equal states, equal children.
                bits = np.random.PCG64(state["state"]["state"])
                bits.state = state
                self.generators[number] = np.random.Generator(bits)
            return self.generators[number]
        if node["is"] == "callback":
            return functools.partial(self._call_back, node["number"])
        raise wire.WireError("a value of unknown kind")


class _FakeShell:
    """Stands in for IPython's shell, so that a line such as %matplotlib does no harm."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def _without_magics(source: str) -> str:
    """Return the cell as plain Python; IPython, where installed, translates magics."""
    starts = [line.lstrip()[:1] for line in source.splitlines()]
    if not any(start in ("%", "!", "?") for start in starts):
        return source
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        kept = [
            line[: len(line) - len(line.lstrip())] + "pass"
            if line.lstrip()[:1] in ("%", "!", "?")
            else line
            for line in source.splitlines()
        ]
        return "\n".join(kept) + "\n"
    return TransformerManager().transform_cell(source)


def _images() -> list[str]:
    """Return the open matplotlib figures as base64 PNG (at most 8), and close them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return []
    images = []
    try:
        for number in pyplot.get_fignums()[:8]:
            buffer = io.BytesIO()
            pyplot.figure(number).savefig(buffer, format="png", dpi=72)
            if buffer.tell() < 2**20:
                images.append(base64.b64encode(buffer.getvalue()).decode())
        pyplot.close("all")
    except Exception:
        return images
    return images


def _take_streams() -> tuple[Any, Any]:
    """Return the command and answer streams; the student's 0, 1 and 2 lead nowhere."""
    commands, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return commands, answers


def _no_check(exercise: Any) -> float:
    """Stand in for ``autograder.check``: here the judge checks, from outside."""
    return 0.0


def confine(request: dict[str, Any]) -> str:
    """Give up what the judge says; return the strongest means that worked."""
    guard.limit_resources(request["limits"])
    own = tempfile.gettempdir() if request["folder"] is None else request["folder"]
    readable = [path for path in request["readable"] if Path(path).exists()]
    vars(autograder)["check"] = _no_check
    kernel = guard.landlock([*readable, own], [own, os.devnull])
    guard.audit(
        [*readable, own, os.devnull], [own, os.devnull], request["hidden"], kernel
    )
    os.chdir(own)
    if kernel:
        return "landlock"
    return "rlimits" if os.name == "posix" else "none"


def main() -> None:
    """Serve commands until the judge closes the stream."""
    commands, answers = _take_streams()
    worker = Worker(commands, answers)
    while (frame := wire.read_frame(commands)) is not None:
        request, body = frame
        if request["do"] == "confine":
            wire.write_frame(answers, {"error": None, "by": confine(request)})
            continue
        answer, data = worker.commands[request["do"]](request, body)
        wire.write_frame(answers, answer, data)


if __name__ == "__main__":
    # Under -I there is no site module's exit to end a script with.
    vars(builtins).update(exit=sys.exit, quit=sys.exit)
    main()
