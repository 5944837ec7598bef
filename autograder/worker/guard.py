"""What the worker takes from itself before a student's code runs.

Four layers, each where the platform has it: resource limits; Landlock, by which Linux
refuses files, connections and signals beyond what is listed; a filter (the module
``seccomp``), by which it refuses processes, sockets and other processes' limits; and an
audit hook, by which Python refuses the same. None needs a privilege. Bubblewrap, where
it works, stands around all of it.
"""

import contextlib
import importlib
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
#: The version from which Landlock refuses to cut a file as well.
KEEPS_LENGTHS = 3


def landlock(readable: Sequence[str], writable: Sequence[str]) -> int:
    """Let the kernel refuse every file that is not below these paths, TCP, and signals to
    other processes. Return the version of Landlock that does so, 0 where this kernel
    cannot and nothing changes. Before the third any file can be cut to nothing."""
    if sys.platform != "linux":
        return 0
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, 0, 1)
    if version < 1:
        return 0
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
        return 0
    reading = _EXECUTE | _READ_FILE | _READ_DIR
    for path in readable:
        _allow(libc, ruleset, path, reading)
    for path in writable:
        _allow(libc, ruleset, path, files & ~_EXECUTE)
    # Landlock refuses processes that could gain privileges.
    done = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    done = done and libc.syscall(_RESTRICT, ruleset, 0) == 0
    os.close(ruleset)
    return int(version) if done else 0


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
        *("os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn"),
        *("os.system", "os.startfile", "subprocess.Popen", "pty.spawn"),
        *("os.kill", "os.killpg", "signal.pthread_kill"),
        # An interpreter below this one has no hook.
        "cpython.PyInterpreterState_New",
        *("gc.get_objects", "gc.get_referrers", "gc.get_referents"),
    }
)
#: What changes files, and which of its arguments are paths.
_CHANGES = {
    **dict.fromkeys(("os.remove", "os.mkdir", "os.rmdir", "os.truncate"), 1),
    **dict.fromkeys(("os.chmod", "os.chown", "os.utime", "os.chflags"), 1),
    **dict.fromkeys(("os.setxattr", "os.removexattr"), 1),
    **dict.fromkeys(("os.rename", "os.link"), 2),
}
_LISTS = frozenset({"os.listdir", "os.scandir", "os.listdrives", "os.listvolumes"})
#: Modules that open files, run code or share memory in C, where Python's hook sees
#: nothing; only the kernel can stand behind them.
_BLIND = frozenset(
    {
        *("_ctypes_test", "_cffi_backend", "_tkinter", "_sqlite3", "_gdbm", "_dbm"),
        *("readline", "_posixshmem", "_multiprocessing", "_testcapi", "_curses"),
        *("_testinternalcapi", "_xxsubinterpreters", "_interpreters", "nis", "spwd"),
    }
)


class _Roots:
    """Folders and files, with all that lies below them."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._real = tuple(os.path.realpath(path) for path in paths)

    def hold(self, path: Any, resolve: Any = os.path.realpath) -> bool:
        """Return whether a path, as a call names it, leads below one of these."""
        real = resolve(os.fsdecode("." if path is None else path))
        return any(
            real == root or real.startswith(root.rstrip(os.sep) + os.sep)
            for root in self._real
        )


def audit(
    readable: Sequence[str], writable: Sequence[str], hidden: str, kernel: bool
) -> None:
    """Let Python refuse files outside these paths or below ``hidden``, processes, signals
    and sockets, and, where ``kernel`` (Landlock and seccomp) does not stand behind it,
    foreign functions and modules that Python cannot look into."""
    own, own_pid = _Roots(writable), os.getpid()
    ours, theirs = _Roots([*readable, *writable]), _Roots([hidden])
    is_folder = os.path.isdir
    write_flags = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def opens(path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int) or path is None:
            return
        writes = (flags or 0) & write_flags or (mode and set(mode) & set("wax+"))
        allowed = (own if writes else ours).hold(path) and not theirs.hold(path)
        # A descriptor of a folder gives relative paths another start, unseen by us.
        if not allowed or (is_folder(path) and not own.hold(path)):
            verb = "write" if writes else "read"
            raise PermissionError(f"a graded submission may not {verb} {path!r}")

    def changes(event: str, args: tuple[Any, ...]) -> None:
        for path in args[: _CHANGES[event]]:
            if not isinstance(path, int) and not own.hold(path):
                raise PermissionError(f"a graded submission may not change {path!r}")

    def links(target: Any, link: Any) -> None:
        # Where a link leads depends on where it lies, and it may be moved.
        name = os.fsdecode(target)
        inside = own.hold(name) and os.pardir not in Path(name).parts
        if not (inside and own.hold(link)):
            raise PermissionError(f"a graded submission may not link to {name!r}")

    def imports(name: Any, file: Any) -> None:
        blind = str(name).rpartition(".")[2] in _BLIND
        if blind or (file is not None and own.hold(file)):
            raise PermissionError(f"a graded submission may not import {name} here")

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            opens(*args)
        elif event in _PROCESSES or event.startswith("socket."):
            raise PermissionError(f"a graded submission may not use {event}")
        elif event == "resource.prlimit" and args[0] not in (0, own_pid):
            raise PermissionError("a graded submission may limit no other process")
        elif event in _CHANGES:
            changes(event, args)
        elif event == "os.symlink":
            links(*args[:2])
        elif event in _LISTS:
            path = args[0] if args else "/"
            if not isinstance(path, int) and (not ours.hold(path) or theirs.hold(path)):
                raise PermissionError(f"a graded submission may not list {path!r}")
        elif event == "import" and not kernel:
            imports(*args[:2])
        elif event.startswith(("ctypes.", "sqlite3.")) and not kernel:
            raise PermissionError(f"a graded submission may not use {event}")

    _refuse_unseen()
    sys.addaudithook(hook)


def _refuse_unseen() -> None:
    """Replace functions that raise no audit event: below ``subprocess``, below shared
    memory, and those that make pipes and devices in a folder."""

    def refused(*_: Any, **__: Any) -> int:
        raise PermissionError("a graded submission may not use this function")

    unseen = {
        "_posixsubprocess": ("fork_exec",),
        "_posixshmem": ("shm_open", "shm_unlink"),
        "posix": ("mkfifo", "mknod", "pidfd_open", "chroot"),
        "os": ("mkfifo", "mknod", "pidfd_open", "chroot"),
    }
    for module, names in unseen.items():
        with contextlib.suppress(ImportError):
            found = vars(importlib.import_module(module))
            found.update({name: refused for name in names if name in found})
