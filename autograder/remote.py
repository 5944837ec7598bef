"""The judge's handle on the worker: cells to run, functions to call, time to keep.

Arrays go by value, caches by handle, generators as their state. Every wait has a limit;
a worker that is silent, gone or incoherent is killed, and the next one starts fresh.
"""

import atexit
import contextlib
import hashlib
import os
import queue
import re
import signal
import subprocess
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from autograder import wire
from autograder.disk import FOLDER_BYTES, FOLDER_ENTRIES, Watch
from autograder.folders import remove_folder
from autograder.lending import Lent
from autograder.sandbox import PACKAGE, Limits, confine, environment, readable
from autograder.students import Foreign, Handle, StudentError
from autograder.text import clean, one_line

#: Characters of output and figures that are kept of one submission.
OUTPUT_LIMIT = 12 * 2**20
#: What a student may name a function, and how many names the judge looks at.
NAME_LIMIT, NAMES_LIMIT = 60, 2_000


class WorkerLost(Exception):
    """The worker did not answer: it ended itself, ran out of time, or spoke nonsense."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind


class WorkerUnavailable(Exception):
    """No worker can be started on this machine: the grader's fault, nobody's zero."""


@dataclass(frozen=True)
class CellOutcome:
    """What came of a cell: its output as text, base64 PNG images, an error sentence."""

    stdout: str = ""
    stderr: str = ""
    value: str | None = None
    images: tuple[str, ...] = ()
    error: str | None = None


@dataclass
class _Process:
    """A started worker, the thread that carries its frames, and its folder.

    Bubblewrap gives a worker a /tmp of its own; elsewhere it gets a ``folder``."""

    popen: "subprocess.Popen[bytes]"
    folder: str | None
    requests: "queue.SimpleQueue[tuple[bytes, bytes] | None]" = field(
        default_factory=queue.SimpleQueue
    )
    answers: "queue.SimpleQueue[tuple[dict[str, Any], bytes] | wire.WireError | None]" = field(
        default_factory=queue.SimpleQueue
    )

    watch: Watch | None = None

    @classmethod
    def launch(cls, command: list[str], inside: bool) -> "Future[_Process]":
        """Start a process; ``inside`` says whether it is bubblewrap's.

        One thread starts them all: bubblewrap dies with the thread that started it, and
        the threads of a class's graders come and go."""
        return _launcher.submit(cls._launch, command, inside)

    @classmethod
    def _launch(cls, command: list[str], inside: bool) -> "_Process":
        folder = None if inside else tempfile.mkdtemp(prefix="dropout-worker-")
        popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(folder or "/tmp"),
            start_new_session=os.name == "posix",
        )
        process = cls(popen, folder)
        if folder is not None:
            process.watch = Watch(folder, popen.pid, popen.kill)
        threading.Thread(target=process.carry, daemon=True).start()
        return process

    def kill(self) -> None:
        """Kill the process and its group, and remove its folder."""
        if self.watch is not None:
            self.watch.stop()
        self.requests.put(None)
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self.popen.kill()
        self.popen.wait()
        if self.folder is not None:
            remove_folder(self.folder)

    def carry(self) -> None:
        """Write each request and read its answer, in a thread of its own: select does
        not know pipes on Windows, and the judge may not wait without limit.

        What a worker says unasked stays in the pipe; it cannot fill the judge."""
        into, out = self.popen.stdin, self.popen.stdout
        assert into is not None
        assert out is not None
        with contextlib.suppress(OSError, ValueError, MemoryError):
            while (request := self.requests.get()) is not None:
                for part in request:
                    into.write(part)
                into.flush()
                try:
                    answer = wire.read_frame(out)  # type: ignore[arg-type]
                except wire.WireError as error:
                    self.answers.put(error)
                    break
                if answer is None:
                    break
                self.answers.put(answer)
        self.answers.put(None)
        for stream in (into, out):
            with contextlib.suppress(OSError):
                stream.close()


_launcher = ThreadPoolExecutor(1, thread_name_prefix="starts-workers")
#: Processes that were started ahead, by command; no student's code has run in them.
_spares: dict[tuple[str, ...], list["Future[_Process]"]] = {}


def _spare(command: list[str]) -> _Process | None:
    """Return a process that was started ahead and still runs, if there is one."""
    waiting = _spares.get(tuple(command), [])
    while waiting:
        with contextlib.suppress(IndexError):  # another thread was faster
            process = waiting.pop().result()
            if process.popen.poll() is None:
                return process
            process.kill()
    return None


def _keep_spare(command: list[str], inside: bool) -> None:
    _spares.setdefault(tuple(command), []).append(_Process.launch(command, inside))


@atexit.register
def end_spares() -> None:
    """Kill the processes that were started ahead and not used."""
    for waiting in _spares.values():
        while waiting:
            waiting.pop().result().kill()


class RemoteWorker:
    """One worker process. Use as a context manager; it is started at the first use."""

    def __init__(
        self,
        sandbox: str = "auto",
        limits: Limits | None = None,
        ahead: bool = False,
        seed: int = 0,
    ) -> None:
        """``ahead`` starts the next worker's process with this one, for a whole class:
        it loads NumPy while this submission is graded, and sees nothing of it.
        ``numpy.random`` and ``random`` start from a hash of ``seed`` in the worker:
        from the seed itself the judge's own numbers could be worked out."""
        self.limits = limits or Limits()
        digest = hashlib.sha256(f"worker/{seed}".encode()).digest()
        self._seed = int.from_bytes(digest[:4], "big")
        self._output_left = OUTPUT_LIMIT
        self._ahead = ahead
        self._command, self.sandbox = confine(sandbox)
        self._process: _Process | None = None
        self._generators: dict[int, tuple[int, np.random.Generator]] = {}
        self._forget = False
        self._lent = Lent()
        self._number = 0
        self._deadline = time.monotonic() + self.limits.total_seconds

    def __enter__(self) -> "RemoteWorker":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.popen.poll() is None

    def start(self) -> None:
        """Start the process with its limits in force. Raises ``WorkerUnavailable``."""
        inside = self.sandbox == "bubblewrap"
        self._process = (
            _spare(self._command) or _Process.launch(self._command, inside).result()
        )
        if self._ahead:
            _keep_spare(self._command, inside)
        self._generators.clear()
        self._output_left = OUTPUT_LIMIT
        confinement = {
            "do": "confine",
            "limits": self.limits.resources(),
            "readable": readable(),
            "hidden": str(PACKAGE),
            "folder": self._process.folder or "/tmp",
            "seed": self._seed,
        }
        try:
            answer, _ = self._exchange(confinement, b"", 60.0)
        except WorkerLost as lost:
            command = " ".join(self._command[-4:])
            raise WorkerUnavailable(
                f"The grading process cannot start ({lost.message}). "
                f"Does this command print an error? {command}"
            ) from None
        self._expect(answer, error=type(None), by=str)
        if not inside:
            self.sandbox = answer["by"]

    def stop(self) -> None:
        """Kill the process and everything in its group; safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def run_cell(self, number: int, source: str, go_on: bool = False) -> CellOutcome:
        """Execute a cell and return what came of it. Raises ``WorkerLost``."""
        request = {"do": "cell", "number": number, "source": source, "go_on": go_on}
        try:
            answer, _ = self._ask(request, b"", self.limits.cell_seconds)
        except wire.WireError:
            millions = len(source.encode("utf-8", "replace")) / 1e6
            return CellOutcome(
                error=f"it holds {millions:.1f} MB of text, more than can be run; "
                "expected less than 1 MB: compute or shorten the data in it"
            )
        text = str | None
        self._expect(
            answer, error=text, value=text, stdout=str, stderr=str, images=list
        )
        value = self._text(answer["value"])
        error = self._text(answer["error"], 2000)
        return CellOutcome(
            stdout=self._kept(_printed(self._text(answer["stdout"]) or "")),
            stderr=self._kept(_printed(self._text(answer["stderr"]) or "")),
            value=None if value is None else self._kept(clean(value)),
            images=self._images(answer["images"]),
            error=None if error is None else one_line(error),
        )

    def _text(self, value: Any, limit: int = 200_000) -> str | None:
        """Return a text of the worker's answer, or None for none; else it is lost."""
        if not isinstance(value, str | None):
            self._lose_sense()
        return None if value is None else value[:limit]

    def _kept(self, text: str) -> str:
        """Return as much of an output as the submission has left."""
        kept = text[: self._output_left]
        self._output_left -= len(kept)
        return kept

    def _images(self, images: list[Any]) -> tuple[str, ...]:
        """Return the figures, as far as the submission has room for them."""
        kept: list[str] = []
        for image in images:
            if len(self._text(image, wire.MAX_HEADER) or "") <= self._output_left:
                kept.append(self._kept(image or ""))
        return tuple(kept)

    def functions(self) -> dict[str, str]:
        """Return the names of the student's functions with their parameters as text."""
        answer, _ = self._ask({"do": "names"}, b"", self.limits.call_seconds)
        self._expect(answer, names=dict)
        names = answer["names"]
        usual = [n for n in names if len(n) <= NAME_LIMIT and n.isidentifier()]
        return {
            name: one_line(self._text(names[name], 200) or "")
            for name in usual[:NAMES_LIMIT]
        }

    def forget(self) -> None:
        """Let the worker drop caches and generators at the next call."""
        self._generators.clear()
        self._forget = True

    def call(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        opaque: tuple[int, ...],
        observe: bool,
    ) -> tuple[Any, tuple[Any, ...]]:
        """Call a function of the student; return its result and the arrays it was given,
        as it left them. Raises ``StudentError`` and ``WorkerLost``."""
        self._lent = Lent()
        writer = wire.Writer(self._reference)
        try:
            request = {
                "do": "call",
                "function": name,
                "forget": self._forget,
                "opaque": list(opaque),
                "observe": observe,
                "args": [writer.encode(arg) for arg in args],
                "kwargs": {key: writer.encode(arg) for key, arg in kwargs.items()},
            }
            wire.packed(request, writer.body)
        except wire.WireError as error:
            raise StudentError(
                f"what it returned cannot be passed on: {error}"
            ) from None
        self._forget = False
        deadline = time.monotonic() + self.limits.call_seconds
        answer, body = self._ask(request, writer.body, self.limits.call_seconds)
        while "callback" in answer:
            left = deadline - time.monotonic()
            if left <= 0:
                self._lose(self._too_long(self.limits.call_seconds), "time")
            answer, body = self._ask(*self._called_back(answer, body), left)
        return self._returned(answer, body, len(args) if observe else 0)

    def _called_back(
        self, request: dict[str, Any], body: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Return the answer of the judge's own function that the student's code called."""
        try:
            return self._lent.answer(request, body)
        except (wire.WireError, MemoryError):
            self._lose_sense()

    def _returned(
        self, answer: dict[str, Any], body: bytes, observed: int
    ) -> tuple[Any, tuple[Any, ...]]:
        """Return what the answer to a call holds: the result, and ``observed`` arguments
        as they are now."""
        if answer.get("error") is not None:
            self._expect(answer, error=str)
            raise StudentError(
                one_line(self._text(answer["error"], 2000) or "an error")
            )
        self._expect(answer, error=type(None), result=dict, after=list)
        reader = wire.Reader(body)
        try:
            after = [reader.decode(node) for node in answer["after"]]
            if len(after) != observed:
                raise wire.WireError("another number of arguments came back")
            return reader.decode(answer["result"]), tuple(after)
        except (wire.WireError, MemoryError):
            self._lose_sense()

    def _expect(self, answer: dict[str, Any], **kinds: Any) -> None:
        """Lose a worker whose answer has other fields than these, of these types."""
        try:
            wire.expect_fields(answer, **kinds)
        except wire.WireError:
            self._lose_sense()

    def _reference(self, value: Any) -> dict[str, Any]:
        """Return the node of a handle, or of a generator (its state, once)."""
        if isinstance(value, Handle):
            return {"is": "handle", "number": value.number}
        if isinstance(value, np.random.Generator):
            number, _ = self._generators.setdefault(
                id(value), (len(self._generators), value)
            )
            return wire.generator_node(value) | {"number": number}
        if callable(value):
            return {"is": "callback", "number": self._lent.add(value)}
        if isinstance(value, Foreign):
            raise wire.WireError(f"a value of type {value.type_name}")
        raise TypeError(f"a check passed {type(value).__name__}, which cannot be sent")

    def _ask(
        self, request: dict[str, Any], body: bytes, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        left = self._deadline - time.monotonic()
        if left <= 0:
            self._lose(self._too_long(self.limits.total_seconds, "in all"), "time")
        if self._process is None:
            self.start()
        return self._exchange(request, body, min(seconds, left))

    def _exchange(
        self, request: dict[str, Any], body: bytes, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        assert self._process is not None
        self._number += 1
        request = request | {"request": self._number}
        self._process.requests.put(wire.packed(request, body))
        try:
            answer = self._process.answers.get(timeout=max(0.01, seconds))
        except queue.Empty:
            self._lose(self._too_long(seconds), "time")
        watch = self._process.watch
        if answer is None and watch is not None and watch.full:
            self._lose(
                f"it wrote more than {FOLDER_BYTES // 2**20} MB, or {FOLDER_ENTRIES:,} "
                "files, into its folder",
                "disk",
            )
        if answer is None:
            self._lose(
                "it ended the Python process (exit, a crash or no memory)", "gone"
            )
        # What answers an earlier question answers none of ours.
        if isinstance(answer, wire.WireError) or not self._is_current(answer[0]):
            self._lose_sense()
        return answer

    def _is_current(self, answer: dict[str, Any]) -> bool:
        number = answer.get("request")
        return type(number) is int and number == self._number

    @staticmethod
    def _too_long(seconds: float, scope: str = "") -> str:
        return f"it did not finish within {seconds:.3g} seconds {scope}".rstrip()

    def _lose_sense(self) -> NoReturn:
        self._lose("its answer could not be read", "incoherent")

    def _lose(self, message: str, kind: str) -> NoReturn:
        self.stop()
        raise WorkerLost(message, kind)


class RemoteFunction:
    """A student's function in the worker, called like any other.

    Results hold plain arrays, numbers and containers; a cache is a ``Handle``."""

    def __init__(
        self, worker: RemoteWorker, name: str, opaque: tuple[int, ...] = ()
    ) -> None:
        self.name = name
        self._worker = worker
        self._opaque = opaque

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._worker.call(self.name, args, kwargs, self._opaque, False)[0]

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return the result and the arguments as the call left them.

        What is said of the arguments is the worker's word: code that replaces the
        worker's own functions can hide a change in place, and nothing else by it."""
        result, after = self._worker.call(self.name, args, kwargs, self._opaque, True)
        # Arrays and dicts come back; the other arguments are as they were.
        return result, tuple(
            now if isinstance(arg, np.ndarray | dict) else arg
            for arg, now in zip(args, after, strict=True)
        )


#: Colours and cursor movements; and what a line held before it was written anew.
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?)")
_OVERWRITTEN = re.compile(r"[^\n\r]*\r+(?=[^\n\r])")


def _printed(text: str) -> str:
    """Return an output as a terminal leaves it, without colours: a progress bar is its
    last state."""
    text = _OVERWRITTEN.sub("", _ESCAPES.sub("", text)).replace("\r", "")
    return clean(text)
