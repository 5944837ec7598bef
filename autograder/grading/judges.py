"""Judges in processes of their own, which cannot slow each other or take each other down.

``Judges`` is the parent's side: it hands each judge one piece of work at a time. The
other side is this module as a program. Both are ours: what goes between them is pickled.
A judge that dies breaks its own piece of work alone, and another takes its place.
"""

import atexit
import contextlib
import io
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from autograder.isolation.bubblewrap import (
    KEEPS_MEMORY,
    NotInstalled,
    not_installed,
)
from autograder.isolation.given_back import give_back_memory
from autograder.isolation.starter import starter
from autograder.wire.parents import end_with_parent

#: Bytes of data that a judge may hold, as a last resort: honest work takes half of it.
MEMORY_BYTES = 400 * 2**20
#: So many of them it holds before its first file.
FRESH_BYTES = 100 * 2**20
#: A judge that ever held so many bytes is replaced before the next file.
TIRED_BYTES = 250 * 2**20
#: How long a judge may take over one piece of work, in seconds; its worker's limits end
#: that long before.
PATIENCE = 900.0


def _environment() -> dict[str, str]:
    """Return this process's environment; a judge runs Python as it is."""
    # What a judge asserts, and what checks say, is not left out.
    return {name: v for name, v in os.environ.items() if name != "PYTHONOPTIMIZE"}


class JudgeLost(Exception):
    """A judge's process ended in the middle of its work."""


@dataclass(frozen=True)
class Work:
    """A call of a function of ours."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    options: dict[str, Any]


# ---- The parent's side --------------------------------------------------------------


#: Larger results wait on disk: all that a class's cells showed would fill the memory.
LARGE_BYTES = 2**18


class Kept:
    """A pickled result, which waits on disk until it is asked for."""

    def __init__(self, data: bytes) -> None:
        try:
            self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
            self._file.write(data)
            self._file.flush()
        except OSError:  # no room there
            self._file = io.BytesIO(data)

    def opened(self) -> Any:
        self._file.seek(0)
        return pickle.load(self._file)


def kept(data: bytes) -> Any:
    """Return a pickled result, or what it waits in if it is large."""
    return Kept(data) if len(data) > LARGE_BYTES else pickle.loads(data)


class Later(Future[Any]):
    """A future whose result may wait on disk; each time it is asked for, it is read."""

    def result(self, timeout: float | None = None) -> Any:
        found = super().result(timeout)
        return found.opened() if isinstance(found, Kept) else found


class Judge(Protocol):
    """Does one piece of work at a time, somewhere."""

    def run(self, work: Work) -> Any:
        """Have the work done and return its result as ``kept``, or raise what it raised.

        Raises ``JudgeLost`` when nobody is left to answer."""

    def stop(self) -> None:
        """End the judge, which does nothing now."""

    def hurry(self, kill: bool = False) -> None:
        """End the judge, whatever it is doing; ``run`` raises."""


class _Judge:
    """One judge's process; it is started at the first work and after each death."""

    #: Large answers come one after another.
    _turn = threading.Lock()

    def __init__(self) -> None:
        self._popen: subprocess.Popen[bytes] | None = None
        self._ended = False

    def run(self, work: Work) -> Any:
        """Have the work done and return its result as ``kept``, or raise what it raised.

        Raises ``JudgeLost`` when the process ends before it answers, ``NotInstalled`` where
        none can start."""
        data = pickle.dumps(work)
        popen = self._started()
        timer = threading.Timer(PATIENCE, popen.kill)
        timer.daemon = True
        timer.start()
        try:
            _write(popen.stdin, data)
            answer = self._answer(popen)
        except OSError:
            answer = None
        finally:
            timer.cancel()
        if answer is None:
            self.stop()
            if missing := not_installed():
                raise NotInstalled(missing)
            raise JudgeLost("the grader's own process ended in the middle of this file")
        result, error, tired = answer
        if tired:
            self.stop()
        if error is not None:
            raise error
        return result

    def _answer(self, popen: "subprocess.Popen[bytes]") -> tuple[Any, Any, bool] | None:
        """Return the result as ``kept``, the error and whether the process is tired."""
        if (head := _read(popen.stdout)) is None:
            return None
        with self._turn:
            data = _read(popen.stdout)
            return None if data is None else (kept(data), *pickle.loads(head))

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._ended:
            raise JudgeLost("the grader is about to end")
        if self._popen is None or self._popen.poll() is not None:
            self.stop()
            settings = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
            # No import of the caller's main module, as multiprocessing has it; -P: and
            # none of what lies in the working directory.
            self._popen = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "autograder.grading.judges",
                    str(os.getpid()),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=_environment() | settings | KEEPS_MEMORY,
                start_new_session=os.name == "posix",
            )
        return self._popen

    def stop(self) -> None:
        """End the process and its worker."""
        popen, self._popen = self._popen, None
        if popen is None:
            return
        with contextlib.suppress(OSError):
            popen.stdin.close()  # type: ignore[union-attr]
        with contextlib.suppress(subprocess.TimeoutExpired):
            popen.wait(1.0)
        popen.kill()
        popen.wait()
        popen.stdout.close()  # type: ignore[union-attr]

    def hurry(self, kill: bool = False) -> None:
        """Have the process end with its worker, whatever it is doing; ``run`` raises."""
        self._ended = True
        if (popen := self._popen) is None:
            return
        with contextlib.suppress(OSError):
            popen.kill() if kill else popen.stdin.close()  # type: ignore[union-attr]


class Judges:
    """So many judges, each with a thread that hands it its work.

    By default they are processes of this machine. The threads do not keep a program from
    ending, and the judges end with it."""

    def __init__(self, count: int, judge: Callable[[], Judge] = _Judge) -> None:
        give_back_memory()
        self._work: queue.SimpleQueue[tuple[Future[Any], Work] | None] = (
            queue.SimpleQueue()
        )
        self._begun: set[Future[Any]] = set()
        self._judges = [judge() for _ in range(max(1, count))]
        self._threads = [
            threading.Thread(target=self._serve, args=(judge,), daemon=True)
            for judge in self._judges
        ]
        for thread in self._threads:
            thread.start()
        atexit.register(self.end)

    def begin(
        self, function: Callable[..., Any], *args: Any, **options: Any
    ) -> "Future[Any]":
        """Queue a call of a function of ours, and return the future of its result.

        The future raises ``JudgeLost`` when the judge's process ends in the middle."""
        future: Future[Any] = Later()
        self._begun.add(future)
        future.add_done_callback(self._begun.discard)
        self._work.put((future, Work(function, args, options)))
        return future

    def alone(
        self, function: Callable[..., Any], *args: Any, **options: Any
    ) -> "Future[Any]":
        """Like ``begin``, but wait until nothing else is in work."""
        wait(set(self._begun))
        return self.begin(function, *args, **options)

    def end(self) -> None:
        """End all judges and their workers now; one that is too busy is killed."""
        atexit.unregister(self.end)
        while not self._work.empty():
            with contextlib.suppress(queue.Empty):
                if (item := self._work.get_nowait()) is not None:
                    item[0].cancel()
        for _ in self._threads:
            self._work.put(None)
        until = time.monotonic() + 0.7
        for kill in (False, True):
            for judge in self._judges:
                judge.hurry(kill)
            for thread in self._threads:
                thread.join(max(0.0, until - time.monotonic()) + 0.01)

    def _serve(self, judge: Judge) -> None:
        while (item := self._work.get()) is not None:
            future, work = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(judge.run(work))
            except BaseException as error:
                future.set_exception(error)
        judge.stop()


# ---- The judge's side ---------------------------------------------------------------


def _write(stream: Any, data: bytes) -> None:
    stream.write(struct.pack("<Q", len(data)))
    stream.write(data)
    stream.flush()


def _read(stream: Any) -> bytes | None:
    """Return the next message, None at the end of the stream."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    (size,) = struct.unpack("<Q", head)
    data: bytes = stream.read(size)
    return data if len(data) == size else None


def _answer(work: Work) -> tuple[bytes, bytes]:
    """Do the work; return its error, if any, with whether this process is tired, and its
    result."""
    result, error = None, None
    try:
        result = work.function(*work.args, **work.options)
    except Exception as raised:
        error = raised
    tired = isinstance(error, MemoryError) or _most_memory() > TIRED_BYTES
    try:
        if error is not None:
            pickle.loads(pickle.dumps(error))
        return pickle.dumps((error, tired)), pickle.dumps(result)
    except Exception as unfit:
        told = RuntimeError(f"{type(error or unfit).__name__}: {error or unfit}")
        return pickle.dumps((told, tired)), pickle.dumps(None)


def _most_memory() -> int:
    """Return how many bytes this process ever held (POSIX)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        # The kernel's other figure starts at the peak of the process that started this.
        status = Path("/proc/self/status").read_bytes()
        return int(status.partition(b"VmHWM:")[2].split()[0]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return the streams of work and answers; what is printed here goes nowhere."""
    works, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return works, answers


def limit_memory(more: int = 0) -> None:
    """Bound this process's data (Linux), to ``more`` bytes above what a judge may hold.
    The hard limit stays: workers, which inherit both, have bounds of their own."""
    if sys.platform != "linux":
        return
    import resource

    most, hard = MEMORY_BYTES + more, resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or hard > most:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


@contextlib.contextmanager
def bounded_memory() -> Iterator[None]:
    """Let this process hold, for a while, as much beside what it holds as a fresh judge may
    (Linux). For a program that judges by itself."""
    if sys.platform != "linux":
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[5])
    before = resource.getrlimit(resource.RLIMIT_DATA)
    try:
        limit_memory(pages * resource.getpagesize() - FRESH_BYTES)
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def main(parent: int) -> None:
    """Do what the parent asks for until it ends, or asks for no more."""
    # The parent decides when to stop; a terminal's Ctrl-C is not for its judges.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent)
    limit_memory()
    works, answers = _take_streams()
    asked: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        while (data := _read(works)) is not None:
            asked.put(data)
        starter.end_all()
        os._exit(0)  # whatever the other thread is doing

    threading.Thread(target=listen, daemon=True).start()
    while True:
        for part in _answer(pickle.loads(asked.get())):
            _write(answers, part)


if __name__ == "__main__":
    main(int(sys.argv[1]))
