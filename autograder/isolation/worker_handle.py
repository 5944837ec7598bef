"""The judge's handle on the worker: cells to run, functions to call, time to keep.

Arrays go by value, caches by handle, generators as their state. Every wait has a limit;
a worker that is silent, gone or incoherent is killed, and the next one starts fresh.
"""

import contextlib
import hashlib
import os
import queue
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NoReturn

from autograder import wire
from autograder.contract import outside
from autograder.contract.student import Call, StudentError
from autograder.isolation import bubblewrap
from autograder.isolation.bubblewrap import WorkerUnavailable, confine, untried
from autograder.isolation.clocks import Span, TryAgain, WorkerClock, tree
from autograder.isolation.disk import is_crowded, private_tmp
from autograder.isolation.limits import Limits
from autograder.isolation.outcome import CellOutcome, Room
from autograder.isolation.process import NO_START, Process
from autograder.isolation.references import References
from autograder.isolation.returned import Outcome, returned
from autograder.isolation.starter import starter
from autograder.isolation.watch import TOO_MUCH
from autograder.wire.text import one_line

#: What a student may name a function, and how many names the judge looks at.
NAME_LIMIT, NAMES_LIMIT = 60, 2_000
#: How long an answer is waited for before the judge looks at the worker's clock, how
#: often it looks at that of a worker whose answers are quick, and how long a start takes.
SLICE, LOOK_EVERY, START_SECONDS = 0.1, 0.5, 60.0
#: So many processes a file gets in one try: more than a chapter has checks.
MOST_STARTS = 40
#: Signals that end a process from outside; a worker's own code may send itself the same.
_FROM_OUTSIDE = (1, 2, 9, 15)

#: Of this thread; in a page, where Python has no such clock, nobody's account is kept.
_processor_time = getattr(time, "thread_time", time.perf_counter)


class WorkerLost(Exception):
    """The worker did not answer: it ended itself, ran out of time, or spoke nonsense."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.call = ""  # the one it did not answer, where that is known


def _waited(began: float) -> float:
    """Return how long an answer was waited for, at most ``SLICE``: whoever waits longer
    was stopped meanwhile, and the worker is not to blame."""
    return min(time.monotonic() - began, SLICE)


class RemoteWorker:
    """One worker process. Use as a context manager; it is started at the first use."""

    def __init__(
        self,
        sandbox: str = "auto",
        limits: Limits | None = None,
        ahead: bool = False,
        seed: int = 0,
        first: bool = False,
        used: float = 0.0,
        judging: float = 0.0,
    ) -> None:
        """``first``: this is a file's first try, and what may be the machine's doing
        raises ``TryAgain``; in a later one it counts, and is put down in ``doubts``.
        ``used`` and ``judging`` are what ``TryAgain`` tells of the tries before.
        ``ahead``, for a whole class: it is forked from a server that has NumPy loaded, or
        else the next one's process starts with this one. Neither sees anything of another.
        ``numpy.random`` and ``random`` start from a hash of ``seed`` in the worker, which
        students' code can see: never pass what the judge's own draws follow from."""
        self.limits = limits or Limits()
        digest = hashlib.sha256(f"worker/{seed}".encode()).digest()
        self._seed = int.from_bytes(digest[:4], "big")
        self._room = Room()
        self._ahead = ahead
        if (command := untried(sandbox)) is not None:
            starter.keep_spare(command, True)  # loads NumPy while bubblewrap is tried
        self._command, self.sandbox = confine(sandbox)
        self._process: Process | None = None
        self._references = References()
        self._forget = False
        self._number = 0
        self.doubts: list[str] = []
        self._first, self._starts = first, 0
        self._processor, self._idle = used, 0.0
        self._judging, self._lap = judging, _processor_time()

    def __enter__(self) -> "RemoteWorker":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.code() is None

    @property
    def spent(self) -> str | None:
        """Why this file gets no other process, None while it may have one."""
        if self._used > self.limits.total_seconds:
            return self._used_up()
        if self._starts >= MOST_STARTS:
            return f"its Python process ended {MOST_STARTS} times before"
        return None

    @property
    def _used(self) -> float:
        """The processor time, in seconds, on the file's account. The checks' own work is
        free as far as any correct answer makes them work: how much they get to look at
        may be the answer's choice."""
        return self._processor + max(0.0, self._judging - self.limits.judging_seconds)

    def start(self) -> None:
        """Start the process with its limits in force. Raises ``WorkerUnavailable``."""
        self._starts += 1
        inside, answer = self.sandbox == "bubblewrap", None
        forked = starter.fork() if self._ahead and inside else None
        if (spare := forked or starter.spare(self._command)) is not None:
            # It may have ended since; that is not this submission's doing.
            with contextlib.suppress(WorkerLost, TryAgain):
                answer = self._set_up(spare, inside)
        try:
            if answer is None:
                fresh = starter.launch(self._command, inside).result()
                answer = self._set_up(fresh, inside)
        except WorkerLost as lost:
            self._unavailable(lost.message)
        except NO_START as error:
            self._unavailable(f"{type(error).__name__}: {error}")
        if self._ahead and forked is None:
            starter.keep_spare(self._command, inside)
        if not inside:
            self.sandbox = answer["by"]

    def _set_up(self, process: Process, inside: bool) -> dict[str, Any]:
        """Take a process for this submission, and return what it says of its limits."""
        self._process = process
        self._references.forget()
        self._room = Room()
        confinement = {
            "do": "confine",
            "limits": self.limits.resources(),
            "readable": bubblewrap.readable(),
            "hidden": bubblewrap.hidden(),
            "folder": process.folder or "/tmp",
            # Bubblewrap's worker ends with bubblewrap, and sees no other process.
            "parent": None if inside else os.getpid(),
            "seed": self._seed,
            "packages": outside.packages(),
        }
        answer, _ = self._exchange(confinement, b"", None)
        self._expect(answer, error=type(None), by=str)
        process.clock = WorkerClock(process.popen.pid)
        if inside:
            pid = tree(process.popen.pid)[-1]
            tmp = private_tmp(pid)
            process.look_on(pid, partial(is_crowded, tmp) if tmp else None)
        return answer

    def _unavailable(self, reason: str) -> NoReturn:
        command = " ".join(self._command[-4:])
        see = f"Does this command print an error? {command}"
        told = f"The grading process cannot start ({reason}). "
        raise WorkerUnavailable(bubblewrap.not_installed() or told + see) from None

    def stop(self) -> None:
        """Kill the process and everything in its group; safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            if hasattr(process, "clock"):
                process.clock.look(process.carried)
                self._processor += process.clock.processor
                self._idle += process.clock.idle
            process.kill()

    def run_cell(self, number: int, source: str, go_on: bool = False) -> CellOutcome:
        """Execute a cell and return what came of it. Raises ``WorkerLost``."""
        request = {"do": "cell", "number": number, "source": source, "go_on": go_on}
        try:
            answer, _ = self._ask(request, b"", Span(self.limits.cell_seconds))
        except wire.WireError:
            millions = len(source.encode("utf-8", "replace")) / 1e6
            return CellOutcome(
                error=f"it holds {millions:.1f} MB of text, more than can be run; "
                "expected less than 1 MB: compute or shorten the data in it"
            )
        try:
            with self._on_its_account():
                return self._room.outcome(answer)
        except wire.WireError:
            self._lose_sense()

    @contextlib.contextmanager
    def _on_its_account(self) -> Iterator[None]:
        """Count the judge's own work on what a student's code said as the code's."""
        began = _processor_time()
        judging = self._judging + began - self._lap
        try:
            yield
        finally:
            self._lap = _processor_time()
            self._processor += self._lap - began
            self._judging = judging

    def functions(self) -> dict[str, str]:
        """Return the names of the student's functions with their parameters as text."""
        answer, _ = self._ask({"do": "names"}, b"", Span(self.limits.call_seconds))
        self._expect(answer, names=dict)
        names = answer["names"]
        with self._on_its_account():
            usual = [n for n in names if len(n) <= NAME_LIMIT and n.isidentifier()]
        if not all(isinstance(names[name], str) for name in usual):
            self._lose_sense()
        return {name: one_line(names[name][:200]) for name in usual[:NAMES_LIMIT]}

    def forget(self) -> None:
        """Let the worker drop caches and generators at the next call."""
        self._references.forget()
        self._forget = True

    def call(
        self, name: str, calls: Sequence[Call], opaque: tuple[int, ...]
    ) -> list[Outcome]:
        """Call a function of the student with each of these arguments; return what came of
        the first so many calls. Raises ``StudentError`` and ``WorkerLost``."""
        writer = wire.Writer(self._references.of_a_call())
        try:
            request = {
                "do": "call",
                "function": name,
                "forget": self._forget,
                "opaque": list(opaque),
                **wire.written_calls(calls, writer),
            }
            span, self._forget = Span(self.limits.call_seconds), False
            answer, body = self._ask(request, writer.body, span)
        except wire.WireError as error:
            raise StudentError(
                f"what it returned cannot be passed on: {error}"
            ) from None
        while "callback" in answer:
            with self._on_its_account():  # how often it asks is its own choice, too
                reply, data = self._called_back(answer, body)
                answer, body = self._ask(reply, data, span)
        try:
            with self._on_its_account():
                return returned(answer, body, calls)
        except (wire.WireError, MemoryError):
            self._lose_sense()

    def _called_back(
        self, request: dict[str, Any], body: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Return the answer of the judge's own function that the student's code called."""
        try:
            return self._references.lent.answer(request, body)
        except (wire.WireError, MemoryError):
            self._lose_sense()

    def _expect(self, answer: dict[str, Any], **kinds: Any) -> None:
        """Lose a worker whose answer has other fields than these, of these types."""
        try:
            wire.expect_fields(answer, **kinds)
        except wire.WireError:
            self._lose_sense()

    def _ask(
        self, request: dict[str, Any], body: bytes, span: Span
    ) -> tuple[dict[str, Any], bytes]:
        self._judging += _processor_time() - self._lap
        try:
            if self._process is None:
                if (reason := self.spent) is not None:
                    self._lose(reason, "spent")
                self.start()
            assert self._process is not None
            if time.monotonic() - self._process.clock.looked > LOOK_EVERY:
                self._look(span)
            return self._exchange(request, body, span)
        finally:
            self._lap = _processor_time()

    def _exchange(
        self, request: dict[str, Any], body: bytes, span: Span | None
    ) -> tuple[dict[str, Any], bytes]:
        """Send a frame and return its answer; without a ``span``, to a worker that has
        just been started, wait for ``START_SECONDS``."""
        process = self._process
        assert process is not None
        self._number += 1
        numbered = request | {"request": self._number}
        process.requests.put(wire.packed_request(numbered, body))
        patience = SLICE if span else START_SECONDS
        while True:
            began = time.monotonic()
            with contextlib.suppress(queue.Empty):
                answer = process.answers.get(timeout=patience)
                break
            if span is None:
                self._lose(f"no answer within {START_SECONDS:g} seconds", "time")
            process.clock.wait(_waited(began))
            self._look(span)
        if span is not None:
            process.clock.wait(_waited(began))
        if answer is None:
            self._gone()
        # What answers an earlier question answers none of ours.
        if isinstance(answer, wire.WireError) or not self._is_current(answer[0]):
            self._lose_sense()
        return answer

    def _is_current(self, answer: dict[str, Any]) -> bool:
        number = answer.get("request")
        return type(number) is int and number == self._number

    def _look(self, span: Span) -> None:
        """Look at the worker's clock, and lose it if it took more than it may."""
        assert self._process is not None
        clock, limits = self._process.clock, self.limits
        clock.look(self._process.carried)
        excess, idle = span.over(clock, self._used)
        machine = "" if clock.measured else "it took too long"
        if self._used + clock.processor > limits.total_seconds:
            self._lose(self._used_up(), "time", machine)
        if excess > 0:
            of = " of processor time" if clock.measured else ""
            self._lose(
                f"it did not finish within {span.limit:g} seconds{of}", "time", machine
            )
        for waited, limit in (
            (idle, limits.idle_seconds),
            (self._idle + clock.idle, self._most_idle()),
        ):
            if waited > limit:
                told = f"for {limit:g} seconds it neither computed nor answered"
                self._lose(f"it did not finish: {told}", "time", told)

    def _most_idle(self) -> float:
        """Return how many seconds a try may be idle in all. The first is given up sooner:
        it takes no point, and whoever waits on purpose waits in the second as well."""
        limits = self.limits
        if self._first:
            return min(limits.idle_seconds, limits.total_idle_seconds)
        return limits.total_idle_seconds

    def _used_up(self) -> str:
        return (
            "it did not finish before the file's "
            f"{self.limits.total_seconds:g} seconds of processor time were used up"
        )

    def _gone(self) -> NoReturn:
        assert self._process is not None
        watch = self._process.watch
        if watch is not None and watch.found is not None:
            self._lose(TOO_MUCH[watch.found], watch.found)
        killed = self._ended_by() in _FROM_OUTSIDE
        self._lose(
            "it ended the Python process (exit, a crash or no memory)",
            "gone",
            "its process was killed" if killed else "",
        )

    def _ended_by(self) -> int | None:
        """Return the signal that ended the process, None if none did. One that has closed
        its streams has two seconds to end, as long as the file may be idle."""
        process = self._process
        assert process is not None
        if not hasattr(process, "clock"):
            return process.ended_by(2.0)
        began = time.monotonic()
        left = self._most_idle() - self._idle - process.clock.idle
        number = process.ended_by(min(2.0, max(0.0, left)))
        process.clock.wait(time.monotonic() - began)
        return number

    def _lose_sense(self) -> NoReturn:
        self._lose("its answer could not be read", "incoherent")

    def _lose(self, message: str, kind: str, machine: str = "") -> NoReturn:
        """End the worker; ``machine`` says what may be the machine's doing."""
        self.stop()
        if machine and self._first:
            raise TryAgain(machine, self._processor, self._judging)
        if machine:
            self.doubts.append(machine)
        raise WorkerLost(message, kind)
