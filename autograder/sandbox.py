"""How the worker is confined: bubblewrap where it works, resource limits everywhere."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


class SandboxUnavailable(Exception):
    """``--sandbox required``, and bubblewrap does not work here."""


@dataclass(frozen=True)
class Limits:
    """Bounds on one submission's worker, in seconds and bytes."""

    cell_seconds: float = 30.0
    call_seconds: float = 15.0
    total_seconds: float = 180.0
    cpu_seconds: int = 240
    memory_bytes: int = 4 * 2**30
    file_bytes: int = 16 * 2**20
    processes: int = 64

    def resources(self) -> dict[str, int]:
        """Return the limits by their names in the ``resource`` module."""
        return {
            "RLIMIT_CPU": self.cpu_seconds,
            "RLIMIT_AS": self.memory_bytes,
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_NPROC": self.processes,
            "RLIMIT_CORE": 0,
        }


#: What ``sandbox`` may be: use bubblewrap if it works, insist on it, or do without.
MODES = ("auto", "required", "off")


def confine(mode: str) -> tuple[list[str], str]:
    """Return the command that starts a worker, and the name of what confines it.

    The name is "bubblewrap", "rlimits" (POSIX without bubblewrap) or "none" (Windows).
    Raises ``ValueError`` for an unknown mode, ``SandboxUnavailable`` when bubblewrap is
    required and does not work.
    """
    if mode not in MODES:
        raise ValueError(f"sandbox is one of {', '.join(MODES)}, not {mode!r}")
    command = [sys.executable, "-I", "-m", "autograder.worker"]
    bare = "rlimits" if os.name == "posix" else "none"
    if mode == "off":
        return command, bare
    wrapper = bubblewrap()
    if wrapper is not None:
        return [*wrapper, *command], "bubblewrap"
    if mode == "required":
        raise SandboxUnavailable(
            "--sandbox required: bubblewrap (the program bwrap) is missing or cannot "
            "make namespaces here. Install it, or grade with --sandbox auto."
        )
    return command, bare


@lru_cache(maxsize=1)
def bubblewrap() -> tuple[str, ...] | None:
    """Return the bubblewrap command, or None where it is missing or does not work."""
    program = shutil.which("bwrap")
    if program is None or sys.platform != "linux":
        return None
    wrapper = (program, *_namespaces(), *_visible(), "--chdir", "/tmp", "--")
    try:
        done = subprocess.run(
            [*wrapper, sys.executable, "-I", "-c", "import autograder.wire"],
            capture_output=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return wrapper if done.returncode == 0 else None


def _namespaces() -> list[str]:
    return ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]


def _visible() -> list[str]:
    """Return the bindings: the system and this Python, read-only, and an own /tmp."""
    options = ["--tmpfs", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
    package = Path(__file__).resolve().parent
    system = [Path("/usr"), Path("/etc/fonts"), Path("/etc/ld.so.cache")]
    pythons = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix)]
    for path in dict.fromkeys([*system, *pythons, package]):
        if path.exists():
            options += ["--ro-bind", str(path), str(path)]
    for link in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")):
        if link.is_symlink():
            options += ["--symlink", os.readlink(link), str(link)]
        elif link.is_dir():
            options += ["--ro-bind", str(link), str(link)]
    return options


def environment() -> dict[str, str]:
    """Return the worker's environment: no secrets, one thread, the C locale in UTF-8."""
    keep = ("SYSTEMROOT", "TEMP", "TMP", "LANG", "PATH") if os.name == "nt" else ("PATH",)
    return {name: os.environ[name] for name in keep if name in os.environ} | {
        "HOME": "/tmp",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "AUTOGRADER_WORKER": "1",
        "PYTHONUTF8": "1",
    }
