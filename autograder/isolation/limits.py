"""What one submission's worker may take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on one submission's worker, in seconds and bytes.

    Cell, call and total are of processor time, as the judge measures it; the total is
    that of the file, both tries together, with what the checks' own work on it takes above
    ``judging_seconds``: less than a minute with those. ``idle_seconds`` is how long a
    request may keep the judge waiting without computing, ``total_idle_seconds`` the same
    of one try. ``cpu_seconds`` is the kernel's own bound, behind the judge's."""

    cell_seconds: float = 30.0
    call_seconds: float = 15.0
    total_seconds: float = 48.0
    judging_seconds: float = 10.0
    idle_seconds: float = 30.0
    total_idle_seconds: float = 60.0
    cpu_seconds: int = 90
    memory_bytes: int = 2 * 2**30
    file_bytes: int = 16 * 2**20
    processes: int = 64
    open_files: int = 64

    def resources(self) -> dict[str, int]:
        """Return the limits by their names in the ``resource`` module."""
        return {
            "RLIMIT_CPU": self.cpu_seconds,
            "RLIMIT_AS": self.memory_bytes,
            # A judge has less of this for itself, which its worker inherits.
            "RLIMIT_DATA": self.memory_bytes,
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_NPROC": self.processes,
            "RLIMIT_NOFILE": self.open_files,
            "RLIMIT_CORE": 0,
        }
