"""Starts this process's workers, some of them ahead of their use, and ends them all."""

import atexit
import contextlib
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from autograder.isolation.bubblewrap import forking
from autograder.isolation.forks import Server
from autograder.isolation.process import NO_START, Process

#: So many servers of workers are started; where they end, forking does not work here.
MOST_SERVERS = 3


class Starter:
    """Starts workers and knows those that run.

    One thread starts them all: bubblewrap dies with the thread that started it, and the
    threads of a class's graders come and go."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="starts-workers")
        #: Workers that were started and not killed yet.
        self.running: set[Process] = set()
        #: Those that were started ahead, by command; no student's code has run in them.
        self.spares: dict[tuple[str, ...], list[Future[Process]]] = {}
        #: What this process's workers are forked from, and how many there were.
        self.server: Server | None = None
        self.servers = 0
        self._forking = threading.Lock()

    def launch(self, command: list[str], inside: bool) -> "Future[Process]":
        """Start a process; ``inside`` says whether it is bubblewrap's."""
        return self._thread.submit(self._launch, command, inside)

    def _launch(self, command: list[str], inside: bool) -> Process:
        process = Process.start(command, inside, self.running.discard)
        self.running.add(process)
        return process

    def fork(self) -> Process | None:
        """Return a worker in bubblewrap that was forked; None where that does not work."""
        with self._forking:
            while self.servers < MOST_SERVERS or self.server is not None:
                try:
                    if self.server is None:
                        self.servers += 1
                        self.server = self._thread.submit(_new_server).result()
                    process = Process.take(self.server.fork(), self.running.discard)
                except NO_START:
                    self.end_server()
                    continue
                self.running.add(process)
                return process
        return None

    def end_server(self) -> None:
        """Kill the server, if there is one, and all that was forked from it."""
        server, self.server = self.server, None
        if server is not None:
            server.end()

    def spare(self, command: list[str]) -> Process | None:
        """Return a process that was started ahead and still runs, if there is one."""
        waiting = self.spares.get(tuple(command), [])
        while waiting:
            # Another thread may be faster; a start that failed costs nobody.
            with contextlib.suppress(IndexError, *NO_START):
                process = waiting.pop().result()
                if process.code() is None:
                    return process
                process.kill()
        return None

    def keep_spare(self, command: list[str], inside: bool) -> None:
        """Start a process for whoever asks for a ``spare`` next, if that can be."""
        with contextlib.suppress(*NO_START):
            launched = self.launch(command, inside)
            self.spares.setdefault(tuple(command), []).append(launched)

    def end_spares(self) -> None:
        """Kill the processes that were started ahead and not used, and the server."""
        self.end_server()
        for waiting in self.spares.values():
            while waiting:
                with contextlib.suppress(Exception):
                    waiting.pop().result().kill()

    def end_all(self) -> None:
        """Kill every worker, in use or not, for this process is about to end."""
        for process in list(self.running):
            with contextlib.suppress(Exception):
                process.kill()
        with contextlib.suppress(Exception):
            self.end_server()


def _new_server() -> Server:
    command = forking() if sys.platform == "linux" else None
    if command is None:
        raise OSError("bubblewrap does not work here")
    return Server(command)


#: The one of this process.
starter = Starter()
atexit.register(starter.end_spares)
