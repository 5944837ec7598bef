"""What the processes that a command started take, looked up in /proc at intervals (Linux)."""

import contextlib
import os
import sys
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self


class Watch(ABC):
    """Looks at this process's descendants at intervals of so many seconds, while it is
    open; never where there is no /proc."""

    interval: float

    def __init__(self) -> None:
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        if sys.platform == "linux":
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._closing.wait(self.interval):
            self._look(descendants())

    @abstractmethod
    def _look(self, processes: dict[str, list[str]]) -> None:
        """Note what ``descendants`` found."""


class ProcessorTime(Watch):
    """Counts the processor seconds of this process's descendants.

    The system itself loses the time of what a killed sandbox held; here up to an interval
    of each process is missed."""

    interval = 0.05

    def __init__(self) -> None:
        super().__init__()
        self._spent: dict[tuple[str, str], int] = {}

    @property
    def seconds(self) -> float | None:
        """The seconds counted so far; None where there is no /proc."""
        if sys.platform != "linux":
            return None
        return sum(self._spent.values()) / os.sysconf("SC_CLK_TCK")

    def _look(self, processes: dict[str, list[str]]) -> None:
        for pid, fields in processes.items():
            spent = int(fields[11]) + int(fields[12])
            self._spent[pid, fields[19]] = spent


class Memory(Watch):
    """Notes the most that this process's descendants hold at once, in ``megabytes``; each
    shared page counts once. None where there is no /proc."""

    interval = 0.2

    def __init__(self) -> None:
        super().__init__()
        self.megabytes: float | None = None

    def _look(self, processes: dict[str, list[str]]) -> None:
        now = sum(map(_held, processes)) / 1000
        self.megabytes = max(now, self.megabytes or 0.0)


def _held(pid: str) -> int:
    """Return a process's share of the memory, in kB; 0 of one that has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def descendants() -> dict[str, list[str]]:
    """Return what /proc says of each descendant of this process, by its number."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # After the name, which may hold anything: state, parent, …
            found[path.parent.name] = path.read_text().rpartition(")")[2].split()
    family, grown = {str(os.getpid())}, True
    while grown:
        children = {pid for pid, fields in found.items() if fields[1] in family}
        grown = not children <= family
        family |= children
    return {pid: found[pid] for pid in family & found.keys() - {str(os.getpid())}}


def load() -> str:
    """Return how busy the machine was in the last minute."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
