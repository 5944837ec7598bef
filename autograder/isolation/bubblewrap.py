"""How the worker is started: inside bubblewrap where that works, and what it sees there."""

import contextlib
import errno
import os
import subprocess
import sys
from functools import cache, lru_cache
from pathlib import Path

from autograder.contract import outside
from autograder.contract.here import is_link, is_there, real_path
from autograder.isolation.programs import find_program, whole_paths


class SandboxUnavailable(Exception):
    """``--sandbox required``, and bubblewrap does not work here."""


class NotInstalled(SandboxUnavailable):
    """This Python has no grader that its judges and workers could run."""


class WorkerUnavailable(Exception):
    """No worker can be started on this machine: the grader's fault, nobody's zero."""


#: Where no process can be started, or none comes to its end.
_NO_ANSWER = OSError, subprocess.TimeoutExpired, MemoryError, RuntimeError

#: What ``sandbox`` may be: use bubblewrap if it works, insist on it, or do without.
MODES = ("auto", "required", "off")


def confine(mode: str) -> tuple[list[str], str]:
    """Return the command that starts a worker, and the name of what confines it.

    The name is "bubblewrap"; or what the worker can do by itself, which it reports at its
    start: "landlock" (Linux, with a seccomp filter), "landlock without seccomp",
    "rlimits" (other POSIX) or "none" (Windows).
    Raises ``ValueError`` for an unknown mode, ``SandboxUnavailable`` when bubblewrap is
    required and does not work, ``WorkerUnavailable`` when that could not be found out.
    """
    if mode not in MODES:
        raise ValueError(f"sandbox is one of {', '.join(MODES)}, not {mode!r}")
    command = _worker()
    bare = "rlimits" if os.name == "posix" else "none"
    if mode == "off":
        return command, bare
    wrapper = bubblewrap(hidden(), find_program(_NAME))
    if wrapper is not None:
        return [*wrapper, *command], "bubblewrap"
    if mode == "required":
        raise SandboxUnavailable(
            f"--sandbox required: {_why_not()}, or grade with --sandbox auto."
        )
    return command, bare


def _why_not() -> str:
    """Return why no worker runs in bubblewrap here, and what to do."""
    if sys.platform != "linux":
        return "bubblewrap runs on Linux alone. Grade there"
    if find_program(_NAME) is None:
        return "bubblewrap (the program bwrap) is missing. Install it"
    installed = str(PACKAGE)
    with contextlib.suppress(*_NO_ANSWER):
        installed = _installed()
    if installed != str(PACKAGE):
        return (
            f"workers run the grader that is installed for {sys.executable}, which is "
            f"{installed or 'none'}, and this is {PACKAGE}: bubblewrap shows a worker no "
            "other. Install this one, or run that one"
        )
    return (
        "bubblewrap (the program bwrap) cannot make namespaces here. Let it, as by the "
        "setting kernel.unprivileged_userns_clone or of AppArmor"
    )


@cache
def _installed() -> str:
    """Return the folder of the grader that this Python has installed; "" for none.

    Raises one of ``_NO_ANSWER``, which is not remembered."""
    where = "import autograder; print(autograder.__path__[0])"
    done = subprocess.run(
        [sys.executable, "-I", "-c", where],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return os.path.realpath(found) if (found := done.stdout.strip()) else ""


def not_installed() -> str:
    """Return what is wrong where processes that this one starts find no grader: it may have
    been found in the working directory, where they do not look; "" where they do, or where
    no process starts, which is another trouble."""
    try:
        if _installed():
            return ""
    except _NO_ANSWER:
        return ""
    return (
        f"The grader is not installed for {sys.executable}: judges and workers, which are "
        "processes of their own, find no module autograder. Install it there, or use the "
        "Python that has it."
    )


def caution(sandbox: str) -> str | None:
    """Return what a grader must know of a run that a ``sandbox`` of this name confined,
    or None where files are out of a submission's reach."""
    if sandbox == "landlock without seccomp":
        return (
            "This system has no seccomp filter for the worker: a submission may reach "
            "other processes. Grade with bubblewrap (--sandbox required)."
        )
    if sandbox in ("rlimits", "none"):
        return (
            f"The sandbox was {sandbox!r}, which does not protect files: a submission can "
            "read, change and fill what you can. Grade with bubblewrap, on Linux "
            "(--sandbox required)."
        )
    return None


#: Bubblewrap's program.
_NAME = "bwrap"


@lru_cache(maxsize=4)
def bubblewrap(
    hidden: tuple[str, ...] = (), program: str | None = None
) -> tuple[str, ...] | None:
    """Return the bubblewrap command, or None where it is missing or does not work; what is
    ``hidden`` is empty there. The ``program`` is looked for if it is not given.

    Raises ``WorkerUnavailable``, and will try again, where something else was in the way."""
    if (wrapper := _wrapper(hidden, program)) is None:
        return None
    try:
        done = subprocess.run(
            [*wrapper, sys.executable, "-I", "-c", "import autograder.wire"],
            capture_output=True,
            timeout=60,
            check=False,
            env=environment("/tmp"),
        )
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EACCES, errno.ENOEXEC):
            return None
        raise WorkerUnavailable(f"bubblewrap could not be tried ({error})") from None
    except subprocess.TimeoutExpired:
        raise WorkerUnavailable("bubblewrap did not start within 60 seconds") from None
    return wrapper if done.returncode == 0 else None


def untried(mode: str) -> list[str] | None:
    """Return the command that starts a worker in bubblewrap, while this process has not
    tried yet whether that works; None afterwards, and where there is nothing to try."""
    if mode == "off" or bubblewrap.cache_info().currsize:
        return None
    wrapper = _wrapper(hidden())
    return None if wrapper is None else [*wrapper, *_worker()]


def forking() -> list[str] | None:
    """Return the command that starts a server of workers in bubblewrap; None where that
    does not work."""
    wrapper = bubblewrap(hidden(), find_program(_NAME))
    if wrapper is None:
        return None
    # Who has given up root's rights may not hand root on to a name space below.
    user = ("--uid", "1000", "--gid", "1000") if os.getuid() == 0 else ()
    server = (sys.executable, "-I", "-m", "autograder.worker.server")
    return [wrapper[0], *user, *wrapper[1:], *server]


def _wrapper(
    hidden: tuple[str, ...], program: str | None = None
) -> tuple[str, ...] | None:
    program = program or find_program(_NAME)
    if program is None or sys.platform != "linux":
        return None
    return program, *_namespaces(), *_visible(hidden), "--chdir", "/tmp", "--"


def _worker() -> list[str]:
    return [sys.executable, "-I", "-m", "autograder.worker"]


def _namespaces() -> list[str]:
    return ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]


def readable() -> list[str]:
    """Return what a worker may read: the system and this Python, but not the grader, and
    not what else may lie in the same folders, such as nbgrader's exchange in /usr/local."""
    libraries = [Path("/", name) for name in _LIBRARIES]
    shared = [Path("/usr/share", name) for name in _SHARED]
    system = [Path("/etc/fonts"), Path("/etc/ld.so.cache")]
    prefixes = ("/usr", "/usr/local", sys.prefix, sys.base_prefix, sys.exec_prefix)
    parts = [Path(prefix, name) for prefix in prefixes for name in _OF_A_PREFIX]
    devices = [Path("/dev/urandom"), Path("/dev/random"), Path("/dev/zero")]
    paths = [*libraries, *system, *shared, *parts, *devices]
    return [str(path) for path in dict.fromkeys(paths) if is_there(path)]


def hidden() -> tuple[str, ...]:
    """Return what lies in readable folders and is not for a worker: the grader, and the
    exercises of courses."""
    ours = [real_path(path) for path in readable()]
    found = [
        str(path)
        for path in outside.hidden()
        if any(path.is_relative_to(folder) for folder in ours)
    ]
    return (str(PACKAGE), *found)


_LIBRARIES = ("bin", "lib", "lib32", "lib64", "libx32")
_SHARED = ("fontconfig", "locale", "matplotlib")
_OF_A_PREFIX = (*_LIBRARIES, "pyvenv.cfg", "share/zoneinfo", "share/fonts")

#: The grader's folder, and what of it the worker itself runs.
PACKAGE = Path(__file__).resolve().parent.parent
_OF_THE_WORKER = ("__init__.py", "wire", "worker")


def _visible(hidden: tuple[str, ...]) -> list[str]:
    """Return the bindings: what is readable, read-only, and an own small /tmp.

    Of the grader only the worker's folders are there: a check may hold what a student
    is asked for."""
    options = ["--tmpfs", "/", "--dev", "/dev", "--proc", "/proc"]
    options += ["--size", str(64 * 2**20), "--tmpfs", "/tmp"]
    for name in readable():
        path = Path(name)
        if name.startswith("/dev/"):
            continue
        if is_link(path) and path.parent == Path("/"):
            options += ["--symlink", str(path.readlink()), name]
        else:
            options += ["--ro-bind", name, name]
    for folder in dict.fromkeys((*hidden, str(PACKAGE))):
        options += ["--tmpfs", folder]
    for name in _OF_THE_WORKER:
        options += ["--ro-bind", str(PACKAGE / name), str(PACKAGE / name)]
    # Memory stands behind these, and nothing bounds it.
    for folder in dict.fromkeys((*hidden, str(PACKAGE), "/dev", "/")):
        options += ["--remount-ro", folder]
    return options


#: For the C library (glibc): keep freed memory for the next array; given back and taken
#: again for every call, its pages cost the kernel a tenth of a grading.
KEEPS_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": "33554432",
    "MALLOC_MMAP_THRESHOLD_": "8388608",
}


def environment(folder: str) -> dict[str, str]:
    """Return the worker's environment: no secrets, one thread, ``folder`` to write in, and
    nothing of the account's, for feedback can show it."""
    # On Windows libraries are found by the PATH.
    windows = os.name == "nt"
    keep = ("SYSTEMROOT", "TEMP", "TMP", "LANG") if windows else ()
    return (
        {"PATH": whole_paths() if windows else os.defpath}
        | {name: os.environ[name] for name in keep if name in os.environ}
        | {
            "HOME": folder,
            "TMPDIR": folder,
            # For ``getpass.getuser``: the account has no name where /etc is out of sight.
            "LOGNAME": "student",
            "MPLBACKEND": "agg",
            "MPLCONFIGDIR": str(Path(folder) / "matplotlib"),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONUTF8": "1",
        }
        | KEEPS_MEMORY
    )
