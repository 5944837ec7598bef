"""A worker's process as the judge holds it: its streams, its folder, its end."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from autograder import wire
from autograder.isolation.bubblewrap import environment
from autograder.isolation.clocks import WorkerClock
from autograder.isolation.disk import is_full
from autograder.isolation.folders import give_up, new_folder
from autograder.isolation.forks import Forked
from autograder.isolation.watch import Look, Watch, has_too_many_threads

#: What a start may raise: no process, no thread, no folder, no memory.
NO_START = (OSError, RuntimeError, MemoryError)
#: What a worker's pipe holds, where that can be chosen: as much as a frame of many calls.
PIPE_BYTES = 2**20


@dataclass(eq=False)
class Process:
    """A started worker, the thread that carries its frames, and its folder.

    Bubblewrap gives a worker a /tmp of its own; elsewhere it gets a ``folder``."""

    popen: "subprocess.Popen[bytes] | Forked"
    folder: str | None
    lock: int | None
    ended: "Callable[[Process], None]"
    clock: WorkerClock = field(init=False)
    ending: threading.Lock = field(default_factory=threading.Lock)
    requests: "queue.SimpleQueue[tuple[bytes, bytes] | None]" = field(
        default_factory=queue.SimpleQueue
    )
    answers: "queue.SimpleQueue[tuple[dict[str, Any], bytes] | wire.WireError | None]" = field(
        default_factory=queue.SimpleQueue
    )

    watch: Watch | None = None
    #: Processor time of the thread that carries its frames, when it last looked itself, and
    #: the clock on which others can look meanwhile.
    _carried: float = 0.0
    _carrier: int | None = None

    @classmethod
    def start(
        cls, command: list[str], inside: bool, ended: "Callable[[Process], None]"
    ) -> "Process":
        """Start a process; ``inside`` says whether it is bubblewrap's, ``ended`` is called
        when it is killed. Raises one of ``NO_START``, and leaves nothing."""
        folder, lock = (None, None) if inside else new_folder()
        popen = None
        try:
            popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(folder or "/tmp"),
                start_new_session=os.name == "posix",
            )
            _widen(popen)
            process = cls(popen, folder, lock, ended)
            if folder is not None:
                process.look_on(popen.pid, partial(is_full, folder, popen.pid))
            threading.Thread(target=process.carry, daemon=True).start()
        except BaseException:
            if popen is not None:
                cls(popen, folder, lock, ended).kill()
            elif folder is not None:
                give_up(folder, lock)
            raise
        return process

    @classmethod
    def take(cls, forked: Forked, ended: "Callable[[Process], None]") -> "Process":
        """Take a forked worker as ``start`` takes one that it started."""
        process = cls(forked, None, None, ended)
        try:
            _widen(forked)
            threading.Thread(target=process.carry, daemon=True).start()
        except BaseException:
            process.kill()
            raise
        return process

    def look_on(self, pid: int, full: Look | None) -> None:
        """Watch the threads of the process ``pid``, and by ``full`` its files."""
        looks: dict[str, Look] = {"threads": partial(has_too_many_threads, pid)}
        if full is not None:
            looks["disk"] = full
        self.watch = Watch(looks, self.popen.kill)

    def kill(self) -> None:
        """Kill the process and its group, and remove its folder; safe to call twice."""
        if self.watch is not None:
            self.watch.stop()
        self.requests.put(None)
        with self.ending:
            # Once its leader is reaped, the group's number may be another group's.
            group = os.name == "posix" and not isinstance(self.popen, Forked)
            if group and self.popen.returncode is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.popen.pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                self.popen.kill()
            self.popen.wait()
            if self.folder is not None:
                give_up(self.folder, self.lock)
                self.lock = None
        self.ended(self)

    def code(self, seconds: float = 0.0) -> int | None:
        """Return how the process ended (minus the signal, if one ended it), None while it
        runs, waiting so long for it. Reaping it is left to ``kill``, where that can be."""
        if isinstance(self.popen, Forked):
            return self.popen.code(seconds)
        if not hasattr(os, "waitid"):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(seconds)
            return self.popen.returncode
        end = time.monotonic() + seconds
        while self.popen.returncode is None:
            options = os.WEXITED | os.WNOHANG | os.WNOWAIT
            try:
                found = os.waitid(os.P_PID, self.popen.pid, options)
            except ChildProcessError:  # somebody reaps all children of this process
                return self.popen.poll()
            if found is not None:
                ended = found.si_code == os.CLD_EXITED
                return found.si_status if ended else -found.si_status
            if time.monotonic() >= end:
                return None
            time.sleep(0.01)
        return self.popen.returncode

    def ended_by(self, patience: float) -> int | None:
        """Return the signal that ended the process, None if none did, waiting so long for
        one that has just closed its streams. Bubblewrap tells it as a shell does."""
        code = self.code(patience)
        if code is None:
            return None
        return -code if code < 0 else code - 128 if code > 128 else None

    @property
    def carried(self) -> float:
        """The processor time, in seconds, that the carrying of frames took so far: an
        answer that comes a byte at a time costs the judge more than the worker."""
        if (clock := self._carrier) is not None:
            with contextlib.suppress(OSError):  # the thread ended just now
                return time.clock_gettime(clock)
        return self._carried

    def carry(self) -> None:
        """Write each request and read its answer, in a thread of its own: select does
        not know pipes on Windows, and the judge may not wait without limit.

        What a worker says unasked stays in the pipe; it cannot fill the judge."""
        into, out = self.popen.stdin, self.popen.stdout
        assert into is not None
        assert out is not None
        if hasattr(time, "pthread_getcpuclockid"):
            self._carrier = time.pthread_getcpuclockid(threading.get_ident())
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
                except MemoryError:
                    self.answers.put(wire.WireError("more than the judge can hold"))
                    break
                self._carried = time.thread_time()
                if answer is None:
                    break
                self.answers.put(answer)
        # The clock's number may be another thread's, once this one has ended.
        self._carried, self._carrier = time.thread_time(), None
        self.answers.put(None)
        for stream in (into, out):
            with contextlib.suppress(OSError):
                stream.close()


def _widen(popen: "subprocess.Popen[bytes] | Forked") -> None:
    """Let each pipe of a worker hold a frame of the usual length (Linux): in one of the
    usual width both sides take turns for each 64 KB of it."""
    if sys.platform != "linux":
        return
    import fcntl

    for stream in (popen.stdin, popen.stdout):
        assert stream is not None
        # An account may hold so much in its pipes and no more; it then stays as it was.
        with contextlib.suppress(OSError):
            fcntl.fcntl(stream, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
