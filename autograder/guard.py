"""What the worker takes from itself before a student's code runs.

Four layers, each where the platform has it: resource limits; Landlock, by which Linux
refuses files, connections and signals beyond what is listed; a filter (the module
``seccomp``), by which it refuses processes, sockets and other processes' limits; and an
audit hook, by which Python refuses the same. None needs a privilege. Bubblewrap, where
it works, stands around all of it.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def limit_resources(limits: dict[str, int]) -> None:
    """Lower this process's resource limits, hard and soft (POSIX only).

    ``limits`` maps names of the ``resource`` module, such as "RLIMIT_CPU", to values;
    names that the platform lacks are passed over."""
    try:
        import resource
    except ImportError:
        return
    for name, value in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (value, value))
    # A file larger than allowed is an error in the student's code, not its end.
    with contextlib.suppress(AttributeError, ValueError):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


# -- Landlock ---------------------------------------------------------------------------
# Numbers of linux/landlock.h: system calls, and the accesses known to each version.
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_PR_SET_NO_NEW_PRIVS = 38
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_FILES_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_BOTH_TCP, _BOTH_SCOPES = 3, 3


def landlock(readable: Sequence[str], writable: Sequence[str]) -> bool:
    """Let the kernel refuse every file that is not below these paths, TCP, and signals to
    other processes. Return whether this kernel can; nothing changes where it cannot."""
    if sys.platform != "linux":
        return False
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, 0, 1)
    if version < 1:
        return False
    files = (1 << _FILES_BY_VERSION.get(version, 16)) - 1
    handled = [
        files,
        _BOTH_TCP if version >= 4 else 0,
        _BOTH_SCOPES if version >= 6 else 0,
    ]
    words = 3 if version >= 6 else 2 if version >= 4 else 1
    attributes = (ctypes.c_uint64 * 3)(*handled)
    ruleset = libc.syscall(_CREATE, attributes, ctypes.c_size_t(8 * words), 0)
    if ruleset < 0:
        return False
    reading = _EXECUTE | _READ_FILE | _READ_DIR
    for path in readable:
        _allow(libc, ruleset, path, reading)
    for path in writable:
        _allow(libc, ruleset, path, files & ~_EXECUTE)
    # Landlock refuses processes that could gain privileges.
    done = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    done = done and libc.syscall(_RESTRICT, ruleset, 0) == 0
    os.close(ruleset)
    return done


def _allow(libc: Any, ruleset: int, path: str, access: int) -> None:
    import ctypes
    import struct

    with contextlib.suppress(OSError):
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if not Path(path).is_dir():
            access &= _EXECUTE | _WRITE_FILE | _READ_FILE | (1 << 14)
        rule = ctypes.create_string_buffer(struct.pack("=Qi", access, parent), 12)
        libc.syscall(_ADD, ruleset, 1, rule, 0)
        os.close(parent)


# -- the audit hook ---------------------------------------------------------------------
_PROCESSES = frozenset(
    {
        *(
            "os.fork",
            "os.forkpty",
            "os.exec",
            "os.posix_spawn",
            "os.spawn",
            "os.system",
        ),
        *("os.startfile", "subprocess.Popen", "pty.spawn"),
        *("os.kill", "os.killpg", "signal.pthread_kill"),
    }
)
_CHANGES = frozenset(
    {
        *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink"),
        *("os.truncate", "os.chmod", "os.chown", "os.utime", "os.setxattr"),
    }
)


def audit(
    readable: Sequence[str], writable: Sequence[str], hidden: str, kernel: bool
) -> None:
    """Let Python refuse files outside these paths or below ``hidden``, processes, signals
    and sockets, and, where ``kernel`` (Landlock) does not stand behind it, foreign
    functions."""

    def below(
        path: Any, roots: tuple[str, ...], resolve: Any = os.path.realpath
    ) -> bool:
        if isinstance(path, int) or path is None:
            return True
        real = resolve(os.fsdecode(path))
        return any(real == root or real.startswith(root + os.sep) for root in roots)

    write_roots = tuple(os.path.realpath(path) for path in writable)
    read_roots = (*(os.path.realpath(path) for path in readable), *write_roots)
    hidden_roots = (os.path.realpath(hidden),)
    own = os.getpid()
    write_flags = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = args
            writes = (flags or 0) & write_flags or (mode and set(mode) & set("wax+"))
            allowed = below(path, write_roots if writes else read_roots)
            if not allowed or (
                isinstance(path, str | bytes) and below(path, hidden_roots)
            ):
                verb = "write" if writes else "read"
                raise PermissionError(f"a graded submission may not {verb} {path!r}")
        elif event in _PROCESSES or event.startswith("socket."):
            raise PermissionError(f"a graded submission may not use {event}")
        elif event == "resource.prlimit" and args[0] not in (0, own):
            raise PermissionError("a graded submission may limit no other process")
        elif event in _CHANGES and not below(args[0], write_roots):
            raise PermissionError(f"a graded submission may not change {args[0]!r}")
        elif event == "gc.get_objects" or (event.startswith("ctypes.") and not kernel):
            raise PermissionError(f"a graded submission may not use {event}")

    _refuse_fork_exec()
    sys.addaudithook(hook)


def _refuse_fork_exec() -> None:
    """Replace the function below ``subprocess``, which raises no audit event."""

    def refused(*_: Any) -> int:
        raise PermissionError("a graded submission may not start a process")

    with contextlib.suppress(ImportError):
        import _posixsubprocess

        vars(_posixsubprocess)["fork_exec"] = refused
