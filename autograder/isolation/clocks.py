"""The time that a worker takes, measured from outside, never by its own word.

What counts is processor time: a busy machine cannot take it from a student. Beside it
stands idle time, in which an answer is waited for and the worker neither computes nor
queues for a processor; it bounds sleepers and deadlocks, and as it may be the machine's
doing, it takes no point at the first try.
"""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from autograder.contract.here import is_there

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class TryAgain(Exception):
    """A file's first try ended by what may be the machine's doing; it has no verdict yet.

    ``used`` is the processor time, in seconds, that the file took so far, ``judging`` that
    of the checks' own work on it."""

    def __init__(self, reason: str, used: float, judging: float = 0.0) -> None:
        super().__init__(reason, used, judging)
        self.reason = reason
        self.used = used
        self.judging = judging


@dataclass(frozen=True)
class Taken:
    """Seconds of processor time of a process and all below it, and seconds that its
    busiest queue for a processor cost."""

    processor: float
    queued: float


def taken(pid: int) -> Taken | None:
    """Return what a process and its descendants took so far (Linux), else None."""
    if sys.platform != "linux":
        return None
    processor, queued, found = 0.0, 0.0, False
    for member in tree(pid):
        try:
            stat = Path(f"/proc/{member}/stat").read_bytes()
            # User and system time, its own and that of children that were waited for.
            ticks = stat.rpartition(b")")[2].split()[11:15]
            processor += sum(map(int, ticks)) / _TICKS
            found = True
            waits = Path(f"/proc/{member}/schedstat").read_bytes().split()
            queued = max(queued, int(waits[1]) / 1e9)
        except (OSError, ValueError, IndexError):
            continue  # it ended just now, or this kernel keeps no such figure
    return Taken(processor, queued) if found else None


def queued_here() -> float:
    """Return the seconds that this process's threads queued for a processor (Linux)."""
    queued = 0.0
    try:
        for thread in Path("/proc/self/task").iterdir():
            queued += int((thread / "schedstat").read_bytes().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        pass  # no such figure here, or a thread ended just now
    return queued


def tree(pid: int) -> list[int]:
    """Return a process and its descendants; bubblewrap's worker is a grandchild."""
    members = [pid]
    listed = is_there(Path(f"/proc/{pid}/task/{pid}/children"))
    below = {} if listed else _children_of_all()
    for member in members:
        members += _children(member) if listed else below.get(member, [])
    return members


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_bytes().split())
    except (OSError, ValueError):
        pass  # it, or its thread, ended just now
    return found


def _children_of_all() -> dict[int, list[int]]:
    """Return the children of every process: a kernel may not list them by parent."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_bytes()
                parent = int(stat.rpartition(b")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            below.setdefault(parent, []).append(int(entry.name))
    return below


class WorkerClock:
    """What one worker took since its clock began: ``processor`` and ``idle`` seconds.

    Where the system has no such figures, the time that its answers took counts as
    processor time, and ``measured`` is false."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.processor = self.idle = 0.0
        self._last = taken(pid)
        self._waited, self._carried, self._queued = 0.0, 0.0, queued_here()
        self.measured = self._last is not None
        self.looked = time.monotonic()

    def wait(self, seconds: float) -> None:
        """Note that an answer was waited for so long; many short waits are a long one."""
        self._waited += seconds

    def look(self, carried: float) -> None:
        """Read the figures. ``carried`` is the processor time that the judge's own reading
        of answers has cost so far: their length is the worker's choice."""
        now, last = taken(self.pid) if self.measured else None, self._last
        waited, self._waited, self.looked = self._waited, 0.0, time.monotonic()
        if not self.measured:
            self.processor += waited
            return
        here = queued_here()
        # A descendant that ended unseen takes its share out of the sum.
        computed = max(0.0, carried - self._carried)
        queued = max(0.0, here - self._queued)
        self._carried, self._queued = carried, here
        if now is not None and last is not None:  # or it has just ended
            computed += max(0.0, now.processor - last.processor)
            queued += max(0.0, now.queued - last.queued)
            self._last = now
        self.processor += computed
        self.idle += max(0.0, waited - computed - queued)


@dataclass
class Span:
    """What one request may take, and took, over all its frames.

    ``limit`` is in seconds of processor time. It begins with the first look at a slow
    answer: a quick one is not worth the look."""

    limit: float
    began: tuple[float, float] | None = None

    def over(self, clock: WorkerClock, extra: float) -> tuple[float, float]:
        """Return by how much processor time, counting ``extra`` of the judge's own for
        it, passes the limit, and how long the worker was idle."""
        if self.began is None:
            self.began = clock.processor + extra, clock.idle
        used = clock.processor + extra - self.began[0]
        return used - self.limit, clock.idle - self.began[1]
