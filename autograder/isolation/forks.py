"""The judge's side of a server from which workers are forked (Linux, inside bubblewrap).

A class's workers start that way: NumPy is loaded once. What a forked worker is confined
by is in ``worker/server.py``; where that does not work here, each worker gets a bubblewrap
of its own.
"""

import contextlib
import errno
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time
from typing import BinaryIO

from autograder.isolation.bubblewrap import environment

#: How long a server may take to load NumPy and to fork, in seconds.
PATIENCE = 60.0
_STARTED, _ENDED = b"s", b"e"
_CREDENTIALS = struct.Struct("3i")  # process, user, group
_KILLED = -int(getattr(signal, "SIGKILL", 9))


class Forked:
    """A forked worker's first process, with as much of ``subprocess.Popen`` as is needed.

    It is no child of this process: a descriptor stands for it, so that nobody else who
    gets its number is meant, and the line tells how the worker ended."""

    def __init__(
        self, pid: int, stdin: BinaryIO, stdout: BinaryIO, line: socket.socket
    ):
        """Take the process. Raises ``OSError`` where it has ended already."""
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self.returncode: int | None = None
        self._line, self._told = line, b""
        line.setblocking(False)
        self._lock = threading.Lock()
        self._process = os.pidfd_open(pid)
        if self.code() is not None:  # perhaps before the descriptor was opened
            os.close(self._process)
            raise ProcessLookupError(errno.ESRCH, "a worker ended at its start")

    def code(self, seconds: float = 0.0) -> int | None:
        """Return how the worker ended (minus the signal, if one ended it), None while it
        runs, waiting so long for it."""
        end = time.monotonic() + seconds
        while True:
            with self._lock:
                if self.returncode is None:
                    self._listen()
                if self.returncode is not None:
                    return self.returncode
            left = end - time.monotonic()
            if left <= 0:
                return None
            _wait_for(self._line.fileno(), left)

    def _listen(self) -> None:
        """Read what the line has to say of the worker's end."""
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    part = self._line.recv(8)
                except ConnectionError:
                    part = b""
                self._told += part
                if self._told[:1] == _ENDED and len(self._told) == 5:
                    self.returncode = int.from_bytes(
                        self._told[1:], "little", signed=True
                    )
                    return
                if not part:
                    self.returncode = _KILLED  # its first process had no time to say it
                    return

    def kill(self) -> None:
        """Kill the worker's first process, and with it all in its name space."""
        with self._lock:
            if self._process >= 0:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._process, signal.SIGKILL)

    def wait(self) -> None:
        """Kill it, and wait until nothing of it is left."""
        self.kill()
        with self._lock:
            if self._process < 0:
                return
            _wait_for(self._process, None)
            if self.returncode is None:
                self._listen()
            os.close(self._process)
            self._process = -1
            self._line.close()


def _wait_for(descriptor: int, seconds: float | None) -> bool:
    """Wait until a descriptor can be read; return whether it can."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(None if seconds is None else 1000 * seconds))


class Server:
    """A server's process. Each fork is asked for under a lock: it has one socket."""

    def __init__(self, command: list[str]) -> None:
        """Start it. Raises ``OSError``."""
        self._socket, other = socket.socketpair()
        try:
            self.popen = subprocess.Popen(
                command,
                stdin=other.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment("/tmp"),
                start_new_session=True,
            )
        except BaseException:
            self._socket.close()
            raise
        finally:
            other.close()
        self._lock = threading.Lock()

    def fork(self) -> Forked:
        """Return a new worker. Raises ``OSError`` where there will be none."""
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            commands, answers = _pipe(), _pipe()
            line, other = socket.socketpair()
            for stream in (commands[0], answers[1], other):
                theirs.enter_context(stream)
            for stream in (commands[1], answers[0], line):
                ours.enter_context(stream)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            line.settimeout(PATIENCE)
            sent = [commands[0].fileno(), answers[1].fileno(), other.fileno()]
            with self._lock:
                socket.send_fds(self._socket, [b"f"], sent)
            theirs.close()  # an end that stays here is no end
            forked = Forked(_who_started(line), commands[1], answers[0], line)
            ours.pop_all()
        return forked

    def end(self) -> None:
        """Kill it with all that was forked; safe to call twice."""
        self._socket.close()
        self.popen.kill()
        self.popen.wait()


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb"), os.fdopen(writing, "wb")


def _who_started(line: socket.socket) -> int:
    """Return the first process of a worker, as the kernel tells who speaks on its line.

    Raises ``OSError`` where none started."""
    space = socket.CMSG_SPACE(_CREDENTIALS.size)
    said, about, _, _ = line.recvmsg(1, space)
    for level, kind, data in about:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid: int = _CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0]
            if said == _STARTED and pid > 0:
                return pid
    raise OSError("no worker could be forked")
