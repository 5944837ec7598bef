"""Time several ways to do one thing, side by side, and say on what machine."""

import platform
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

#: CPU time of this thread: other processes do not count. Windows counts it in steps of
#: 16 ms, which is too coarse.
clock = time.perf_counter if sys.platform == "win32" else time.thread_time


def side_by_side(
    ways: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, np.ndarray]:
    """Return for each way its seconds in each of ``rounds`` >= 1 rounds.

    Every round runs each way once, so a disturbance meets all of them alike. A first
    round, not returned, warms up caches and memory.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            start = clock()
            way()
            seconds[name].append(clock() - start)
    return {name: np.array(values[1:]) for name, values in seconds.items()}


def machine() -> dict[str, str]:
    """Return what the times depend on: processor, system and versions."""
    return {
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "clock": clock.__name__,
    }


def on(machine: Mapping[str, str]) -> str:
    """Return what ``machine`` said, and what was added to it, as a line of a table."""
    return "on " + ", ".join(f"{key} {value}" for key, value in machine.items())


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
